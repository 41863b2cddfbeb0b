"""Whole runs of small notebooks: what is published, what survives, what fails and how."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from analysis.errors import LianjianError
from analysis.reports.page import index
from analysis.reports.run import execute, runner, staging
from analysis.reports.run.runner import Options

PRODUCTS = """
import pandas as pd
from matplotlib.figure import Figure
import analysis
from analysis.reports import record, show, table
data = analysis.load("trial")
figure = Figure(figsize=(3, 2))
figure.subplots().plot([1, 2], [3, 4])
show(figure, "line", "A line <em>", alt="A line that rises")
table(pd.DataFrame({"year": [2023], "gain": [1.5]}), "gains", "Gains")
record("gain", 1.5, label="=Mean gain", unit="万元", n=82)
"""


ONE = Options(jobs=1)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_publishes_a_whole_report_and_the_index(project, capsys):
    project.dataset()
    project.notebook("01-trial", "# Trial\n\nWhat is it?", PRODUCTS, "md: ## Read\n\n[](#fig-line)")
    assert runner.run(options=ONE) == 0
    folder = project.reports / "01-trial"
    assert files(folder) == [
        "key.json", "notebook.ipynb", "numbers.csv", "numbers.tex", "report.html", "run.json",
    ]  # fmt: skip
    record = json.loads((folder / "run.json").read_text())
    assert record["result"] == "ok"
    assert record["title"] == "Trial"
    assert record["kind"] == "simulated"
    assert record["numbers"][0]["text"] == "1.50 万元"
    page = project.report("01-trial")
    expected = ["Figure 1</a>", "Table 1</a>", 'id="num-gain"', "A line &lt;em&gt;"]
    expected += ['content="simulated"', "模拟", record["run_id"], "ab" * 32, "中巷村委会"]
    for text in expected:
        assert text in page
    assert page.lower().count("<script") == page.count('<script type="application/ld+json">') == 1
    assert str(project.root) not in page
    assert "'=Mean gain" in (folder / "numbers.csv").read_text()
    assert "Trial" in (project.reports / "index.html").read_text()
    assert not (project.reports / ".staging").exists()
    assert "1 report published" in capsys.readouterr().out


def test_real_ledgers_carry_no_mark(project):
    project.dataset("ledger")
    project.notebook("01-trial", "# Trial", PRODUCTS)
    assert runner.run(options=ONE) == 0
    page = project.report("01-trial")
    body = page[page.index("<body") :]
    assert 'content="ledger"' in page
    for word in ("simulated", "Simulated", "模拟"):
        assert word not in body
    assert "=Mean gain" in body


def test_two_runs_give_the_same_bytes(project):
    project.dataset()
    noise = "import sys, warnings\nwarnings.warn('w')\nprint(object(), file=sys.stderr)\nobject()"
    parameters = "year: int = 2024  # y"
    project.notebook("01-trial", "# Trial", PRODUCTS, noise, "year", parameters=parameters)
    project.plan('[[run]]\nnotebook = "01-trial"\n[run.parameters]\nyear = 2023')
    kept = []
    for options in (Options(jobs=1), Options(jobs=2, force=True, warm=False)):
        assert runner.run(options=options) == 0
        folder = project.reports / "01-trial-2023"
        kept.append(
            [(folder / n).read_bytes() for n in ("notebook.ipynb", "report.html", "numbers.csv")]
        )
    assert kept[0] == kept[1]
    assert b"injected-parameters" in kept[0][0]
    told = b'<span class="n">year</span> <span class="o">=</span>'
    assert told not in kept[0][1]  # the page has a table instead


def test_the_index_tells_runs_of_one_notebook_apart(project):
    project.notebook("01-x", "# One\n\nWhat?", "year", parameters="year: int = 2024  # y")
    assert runner.run(options=ONE) == 0
    assert runner.run(parameters={"year": "2022"}, options=ONE) == 0
    page = (project.reports / "index.html").read_text()
    assert '<a href="01-x/report.html">defaults</a>' in page
    assert '<a href="01-x-year-2022/report.html">year 2022</a>' in page


def test_the_index_lists_what_is_there_and_says_what_is_old(project):
    project.notebook("01-x", "# One", "year", parameters="year: int = 2024  # y")
    for parameters in ({}, {"year": "2022"}, {"year": "2021"}):
        assert runner.run(parameters=parameters, options=ONE) == 0
    index = project.reports / "index.html"
    shutil.rmtree(project.reports / "01-x-year-2021")
    assert runner.run(options=ONE) == 0  # nothing to run
    assert "01-x-year-2021" not in index.read_text()
    assert "out of date" not in index.read_text()
    project.notebook("01-x", "# One", "year + 1", parameters="year: int = 2024  # y")
    assert runner.run(options=ONE) == 0
    assert list(runner.beside(runner.planned())) == ["01-x-year-2022"]
    with pytest.raises(LianjianError, match="its parameters already"):
        runner.planned(["01-x-year-2022"], {"year": "2023"})
    [row] = re.findall(r'<a href="01-x-year-2022/report.html">.*', index.read_text())
    assert 'title="code of 01-x.ipynb changed, from cell 3 on">out of date' in row
    assert runner.run(only=["01-x-year-2022"], options=ONE) == 0  # by the report's own name
    assert "out of date" not in index.read_text()
    assert "2023" in project.report("01-x-year-2022")


def test_a_failure_of_a_command_line_is_kept_until_it_is_mended(project):
    code = "1 / (year - 2022)"
    project.notebook("01-x", "# One", code, parameters="year: int = 2024  # y")
    assert runner.run(parameters={"year": "2022"}, options=ONE) == 1
    assert runner.run(options=ONE) == 0
    assert (project.reports / "01-x-year-2022.failed" / "error.txt").is_file()
    assert "01-x-year-2022.failed" in (project.reports / "index.html").read_text()
    project.notebook("01-x", "# One", "year", parameters="year: int = 2024  # y")
    assert runner.run(only=["01-x-year-2022"], options=ONE) == 0  # by the name in the index
    assert not (project.reports / "01-x-year-2022.failed").exists()
    assert (project.reports / "01-x-year-2022").exists()


def test_a_report_beside_the_plan_grows_old_without_a_run(project):
    project.notebook("01-x", "# One", "open('f.txt').read() * k", parameters="k: int = 1  # k")
    project.notebook("02-y", "# Two", "1")
    (project.root / "notebooks" / "f.txt").write_text("a")
    assert runner.run(options=ONE) == 0
    assert runner.run(parameters={"k": "2"}, only=["01"], options=ONE) == 0
    (project.root / "notebooks" / "f.txt").write_text("b")
    assert runner.run(only=["02"], options=ONE) == 0  # up to date
    assert "notebooks/f.txt changed" in (project.reports / "index.html").read_text()


def test_a_record_that_cannot_be_read_is_named(project, capsys):
    project.notebook("01-x", "# One", "1")
    project.notebook("02-y", "# Two", "1")
    assert runner.run(options=ONE) == 0
    (project.reports / "01-x" / "run.json").write_text("{")
    assert runner.run(only=["02"], options=Options(jobs=1, force=True)) == 1
    said = capsys.readouterr()
    assert "01-x/run.json cannot be read" in said.err
    assert "What was published stays." in said.err
    assert "1 report published" in said.out


def test_a_run_that_needs_no_kernel_says_no_more_than_why(project, capfd):
    project.notebook("01-x", "# One", "1", parameters="year: int = 2024  # y")
    assert runner.run(options=ONE) == 1
    said = capfd.readouterr()
    assert "01-x.ipynb: no cell reads the parameter 'year'" in said.out
    where = "reports/01-x.failed/error.txt"
    assert said.err == f"lianjian: 01-x failed (it has no report); see {where}\n"


@pytest.mark.parametrize("code", ["globals()['year'] = 1999\n1", "years.append(1)\n1"])
def test_a_parameter_that_does_not_keep_its_value_fails_the_run(project, capsys, code):
    cell = "year: int = 2024  # y\nyears: list[int] = [2022]  # ys"
    project.notebook("01-x", "# One", code, "year, years", parameters=cell)
    assert runner.run(options=ONE) == 1
    assert "after the last cell" in capsys.readouterr().out


def test_a_picture_that_no_text_describes_fails_the_run(project, capsys):
    project.notebook(
        "01-x", "# One", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    )
    assert runner.run(options=ONE) == 1
    said = capsys.readouterr().out
    assert "01-x.ipynb shows a picture that no text describes (cell 2)" in said


def test_in_a_persons_own_notebook_such_a_picture_fails_a_check(project):
    cells = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", "md:![](x.png)"
    made = project.notebook("x", "# One", *cells)
    (project.root / "work").mkdir()
    made.rename(project.root / "work" / "x.ipynb")
    assert runner.run(only=["work/x.ipynb"], options=ONE) == 0
    record = json.loads((project.reports / "work-x" / "run.json").read_bytes())
    [shown] = [check for check in record["checks"] if check["name"] == "Shown"]
    assert shown["state"] == "failed"
    assert "a picture that no text describes (cell 2)" in shown["found"]
    assert "the picture x.png, which no words describe (cell 3)" in shown["found"]


def test_an_empty_notebook_is_no_report(project, capsys):
    project.notebook("01-x", "  ", "")
    assert runner.run(options=ONE) == 1
    assert "01-x.ipynb is empty: it holds no code and no text" in capsys.readouterr().out


def test_a_cell_that_is_no_python_is_said_to_be(project, capsys):
    project.notebook("01-x", "# One", "year\na (", parameters="year: int = 2024  # y")
    assert runner.run(options=ONE) == 1
    assert "SyntaxError" in capsys.readouterr().out


def test_a_failure_keeps_the_last_good_report_and_stops_nobody(project, capsys):
    project.notebook("01-good", "# Good", "40 + 2")
    path = project.notebook("02-turns-bad", "# Turns bad", "x = 1")
    assert runner.run() == 0
    good = project.report("02-turns-bad")
    project.notebook("02-turns-bad", "# Turns bad", "x = k", "y = x / 0", parameters="k: int = 1")
    assert runner.run() == 1
    assert project.report("02-turns-bad") == good
    failed = project.reports / "02-turns-bad.failed"
    assert files(failed) == ["error.txt", "notebook.ipynb", "run.json"]
    record = json.loads((failed / "run.json").read_text())
    assert record["error"] == "cell 4, line 1: ZeroDivisionError: division by zero"
    assert "y = x / 0" in (failed / "error.txt").read_text()
    out = capsys.readouterr().out
    assert "cell 4, line 1: ZeroDivisionError: division by zero" in out
    assert "see reports/02-turns-bad.failed/error.txt" in out
    assert "1 up to date, 1 failed" in out
    page = (project.reports / "index.html").read_text()
    assert "ZeroDivisionError" in page
    assert page.index("Failed") < page.index("Good")
    project.notebook(path.stem, "# Turns bad", "x = 3")
    assert runner.run(only=["02-turns-bad"]) == 0
    assert not failed.exists()
    assert "Good" in (project.reports / "index.html").read_text()


def test_a_product_published_twice_fails_the_run(project, capsys):
    project.notebook(
        "01-twice",
        "from analysis.reports import record\nfor v in (1, 2):\n    record('a', v, label='A')",
    )
    assert runner.run() == 1
    assert "Two numbers are called 'a'" in capsys.readouterr().out


def test_a_kernel_that_dies_is_a_failure_with_a_reason(project, capsys):
    project.notebook("01-dies", "import os\nos._exit(3)")
    assert runner.run() == 1
    assert "died" in capsys.readouterr().out.lower()


def test_wrong_parameters_stop_everything_before_a_kernel_starts(project, monkeypatch):
    project.notebook("01-trial", "year", parameters="year: int = 2024")

    def never(*_arguments):
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(execute, "execute", never)
    with pytest.raises(LianjianError, match=r"Did you mean year[?]"):
        runner.run(parameters={"yaer": "2023"})
    with pytest.raises(LianjianError, match="it takes int"):
        runner.run(parameters={"year": "soon"})
    with pytest.raises(LianjianError, match="--jobs"):
        runner.run(options=Options(jobs=0))


def test_parameters_reach_the_notebook_typed(project):
    project.notebook(
        "01-trial", "# T", "print(type(share).__name__, share)", parameters="share: float = 0.5"
    )
    assert runner.run(parameters={"share": "2"}) == 0
    assert "float 2.0" in project.report("01-trial-share-2-0")


def test_hostile_text_reaches_the_page_as_text(project):
    hostile = "</title></figcaption><script>alert(1)</script><img src=x onerror=alert(1)>\u202e"
    project.notebook(
        "01-hostile",
        "# T",
        f"""
        import pandas as pd
        from IPython.display import HTML, Markdown, display
        from analysis.reports import record, table
        text = {hostile!r}
        display(HTML(text)); display(Markdown(text + "[x](javascript:alert(1))")); print(text)
        table(pd.DataFrame({{text: [text]}}), "t", text)
        record("n", 1, label=text, unit=text)
        pd.DataFrame({{"a": [text, name]}})
        """,
        parameters=f"name: str = {hostile!r}  # {hostile}",
    )
    title = json.dumps(hostile.removesuffix("\u202e"))  # a plan takes no sign that hides others
    project.plan(f'[[run]]\nnotebook = "01-hostile"\ntitle = {title}')
    assert runner.run() == 0
    for page in (project.report("01-hostile"), (project.reports / "index.html").read_text()):
        assert page.lower().count("<script") == 1  # the page's data, the index's filter
        assert "<img src=x" not in page
        assert "\u202e" not in page
        assert 'href="javascript' not in page.lower()


def test_the_sweep_brings_a_caught_report_back(project):
    staging.open_folder(project.reports, "02-half")
    caught = project.reports / ".staging" / "01-x.replaced"
    caught.mkdir()
    (caught / "report.html").write_text("last good")
    staging.sweep(project.reports)
    assert project.report("01-x") == "last good"
    assert files(project.reports) == ["01-x"]


def test_the_index_of_nothing_is_a_page(project):
    assert "No reports" in index.render(project.reports)


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_kernel_and_no_half_report(project, how):
    mark = project.root / "started"
    project.notebook(
        "01-long",
        f"import os, time, pathlib\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(120)",
    )
    project.notebook("02-next", "1")
    command = (
        "import sys; from analysis.reports.run.runner import Options, run;"
        "sys.exit(run(options=Options(jobs=1)))"
    )
    # started from a background job, a process would inherit that Ctrl-C is ignored
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    kernel = int(mark.read_text())
    process.send_signal(how)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopped" in out
    made = [".running.lock", "feed.xml", "index.html", "numbers.csv", "numbers.tex"]
    assert files(project.reports) == made
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)
