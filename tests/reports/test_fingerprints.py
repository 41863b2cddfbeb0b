"""When a run is up to date, and what is said when it is not."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import analysis
from analysis.errors import Exit
from analysis.reports.freshness import file_access, fingerprints, import_closure
from analysis.reports.plan import plan
from analysis.reports.run import runner
from analysis.reports.run.runner import Options

READS = """
import csv
import analysis
from analysis.reports import record
from analysis.indicators import bands
data = analysis.load("trial")
with open("../data/raw/extra.csv") as stream:
    rows = list(csv.reader(stream))
record("rows", len(rows) + year * 0, label="Rows")
"""
TEXT = "# Trial\n\nIt counts."


@pytest.fixture
def ran(project):
    """A project with one report that is up to date."""
    project.dataset()
    (project.root / "data" / "raw" / "extra.csv").write_text("a,b\n1,2\n")
    project.lock("pandas==3\n")
    project.notebook("01-trial", TEXT, READS, parameters="year: int = 2024  # y")
    assert runner.run() == 0
    return project


def decision(parameters=None):
    [(_, found)] = runner.decide(runner.planned(given=parameters or {}))
    return found


def stamps(project):
    folder = project.reports / "01-trial"
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_nothing_changed_nothing_is_done(ran, capsys):
    before = stamps(ran)
    assert decision() == fingerprints.Decision("none")
    assert runner.run() == 0
    assert stamps(ran) == before
    assert "1 up to date" in capsys.readouterr().out


def test_the_key_names_what_was_read(ran):
    key = json.loads((ran.reports / "01-trial" / "key.json").read_text())
    assert set(key["data"]) == {"data/processed/trial/manifest.json", "data/raw/extra.csv"}
    assert {"analysis.indicators.bands", "analysis.clean.dataset"} <= set(key["modules"])
    assert "analysis.simulate.write" not in key["modules"]
    assert "analysis.effects.inference.paired" not in key["modules"]


def test_prose_makes_a_new_page_and_runs_nothing(ran, monkeypatch):
    ran.notebook(
        "01-trial", "# Trial\n\nIt counts rows.", READS + "# only a remark",
        "md: And [](#num-rows) more.", parameters="year: int = 2024  # which year",
    )  # fmt: skip
    assert decision().action == "render"
    assert decision().reasons == ("text or layout of 01-trial.ipynb changed",)
    monkeypatch.setattr("analysis.reports.run.execute.execute", None)  # calling it would fail
    assert runner.run() == 0
    page = ran.report("01-trial")
    assert "It counts rows." in page
    assert 'href="#num-rows">2</a> more.' in page
    assert "which year" in page
    assert decision() == fingerprints.Decision("none")


def test_a_page_made_anew_is_the_page_of_a_run(ran):
    changed = [TEXT + " Twice.", READS, "md: ## End"]
    ran.notebook("01-trial", *changed, parameters="year: int = 2024  # y")
    assert runner.run() == 0
    folder = ran.reports / "01-trial"
    rendered = {n: (folder / n).read_bytes() for n in ("report.html", "notebook.ipynb", "key.json")}
    assert runner.run(options=Options(force=True)) == 0
    assert rendered == {n: (folder / n).read_bytes() for n in rendered}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.notebook("01-trial", TEXT, READS + "\nx = 1", parameters="year: int = 2024"),
         "code of 01-trial.ipynb changed, from cell 3 on"),
        (lambda p: p.notebook("01-trial", TEXT, READS, parameters="year: int = 2023"),
         "code of 01-trial.ipynb changed, from cell 1 on"),
        (lambda p: (p.root / "data/raw/extra.csv").write_text("a,b\n"),
         "data/raw/extra.csv changed"),
        (lambda p: (p.root / "data/raw/extra.csv").unlink(), "data/raw/extra.csv is missing"),
        (lambda p: (p.root / "data/processed/trial/manifest.json").write_text("{}"),
         "data/processed/trial/manifest.json changed"),
        (lambda p: p.lock("pandas==4"), "locks/core.txt changed"),
        (lambda p: shutil.rmtree(p.reports / "01-trial"), "there is no report yet"),
        (lambda p: (p.reports / "01-trial" / "key.json").write_text("?"),
         "the report has no key.json that can be read"),
        (lambda p: (p.reports / "01-trial" / "notebook.ipynb").unlink(),
         "notebook.ipynb is missing"),
    ],
)  # fmt: skip
def test_what_changed_is_named(ran, change, reason):
    change(ran)
    assert decision() == fingerprints.Decision("run", (reason,))


def test_the_package_itself_is_hashed_as_its_module(ran, monkeypatch):
    own = import_closure.file_of("analysis")
    real = fingerprints.Fingerprints.bytes_of
    monkeypatch.setattr(
        fingerprints.Fingerprints,
        "bytes_of",
        lambda self, path: "touched" if path == own else real(self, path),
    )
    assert "module analysis changed" in decision().reasons


def test_a_changed_module_is_named_and_one_out_of_reach_is_not(ran, monkeypatch):
    real = fingerprints.Fingerprints.bytes_of

    def touched(name):
        assert [*Path(analysis.__file__).parent.rglob(name)], name

        def bytes_of(self, path):
            return "touched" if path.as_posix().endswith(f"/{name}") else real(self, path)

        monkeypatch.setattr(fingerprints.Fingerprints, "bytes_of", bytes_of)

    touched("indicators/bands.py")
    assert decision().reasons == ("module analysis.indicators.bands changed",)
    touched("inference/paired.py")
    assert decision() == fingerprints.Decision("none")
    touched("simulate/write.py")
    assert decision() == fingerprints.Decision("none")
    touched("normalise.py")
    assert "module analysis.reports.page.normalise changed" in decision().reasons
    touched("report.html.j2")
    template = "analysis/reports/page/templates/report.html.j2"
    assert decision() == fingerprints.Decision(
        "render", (f"{template}, from which the page is made, changed",)
    )
    touched("bundle/verify.py")
    assert decision() == fingerprints.Decision("none")


def test_what_shapes_an_executed_notebook_and_what_writes_a_page():
    engine, page = fingerprints._engine(), fingerprints._page_files()
    assert {"analysis.reports.run.execute", "analysis.reports.page.normalise"} <= set(engine)
    assert "analysis.reports.run.report" not in engine
    assert {"analysis/reports/page/publish.py", "analysis/reports/citation.py"} <= set(page)
    assert {"CITATION.cff", "analysis/reports/page/templates/style.css"} <= set(page)
    assert "analysis/figures/_calls.py" in page  # a page makes calls again, charts among them
    for room in ("documents", "bundle", "run/execute", "products", "simulate", "analysis/effects"):
        assert not [name for name in page if f"/{room}" in f"/{name}"]


def test_another_parameter_is_another_report(ran):
    assert runner.run(parameters={"year": "2023"}) == 0
    assert decision({"year": "2023"}) == fingerprints.Decision("none")
    assert decision() == fingerprints.Decision("none")


def test_a_changed_parameter_of_the_plan_is_named(ran):
    plan_text = '[[run]]\nnotebook = "01-trial"\nname = "v"\n[run.parameters]\nyear = '
    ran.plan(plan_text + "2023")
    assert runner.run() == 0
    ran.plan(plan_text + "2022")
    assert decision().reasons == ("parameter year was 2023, is 2022",)


def test_only_a_missing_page_is_made_anew(ran):
    (ran.reports / "01-trial" / "report.html").unlink()
    assert decision() == fingerprints.Decision("render", ("report.html is missing",))


def test_a_new_file_in_a_folder_that_was_listed_counts(project):
    folder = project.root / "data" / "raw" / "many"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    project.notebook("01-trial", "import pathlib\nsum(1 for _ in pathlib.Path('../data/raw/many')"
                     ".glob('*.csv'))")  # fmt: skip
    assert runner.run() == 0
    assert decision() == fingerprints.Decision("none")
    (folder / "b.csv").write_text("2")
    assert decision() == fingerprints.Decision("run", ("data/raw/many/ changed",))


def test_a_finished_project_copied_elsewhere_is_up_to_date(ran, tmp_path_factory, monkeypatch):
    there = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(ran.root, there)
    monkeypatch.setenv("LIANJIAN_ROOT", str(there))
    assert decision() == fingerprints.Decision("none")


def test_a_run_that_failed_runs_again(ran):
    ran.notebook("01-trial", TEXT, READS, "1 / 0", parameters="year: int = 2024  # y")
    assert runner.run() == 1
    assert decision().action == "run"
    ran.notebook("01-trial", TEXT, READS, parameters="year: int = 2024  # y")
    assert runner.run() == 0  # the last good report is up to date again
    assert not (ran.reports / "01-trial.failed").exists()


def test_imports_are_followed_wherever_they_stand(project):
    code = "def f():\n    from analysis.effects.inference import paired\nimport analysis.figures"
    path = project.notebook("01-trial", code)
    reached = fingerprints.Fingerprints().modules_of(path)
    assert {
        "analysis",
        "analysis.effects.inference.paired",
        "analysis.effects.inference._resampling",
    } <= set(reached)
    assert "analysis.figures.theme" in reached  # a package counts with what it imports
    assert plan.load()[0].notebook == path


@pytest.mark.parametrize(
    "code",
    [
        "from analysis import figures, indicators\nindicators.gini([1, 2])",
        "import analysis\nprint(analysis.indicators.gini([1, 2]))",
        "import analysis as lj\nf = lambda x: lj.indicators.gini(x.y)",
        "import analysis.indicators as i\ni.gini",
        "from analysis.indicators import gini",
    ],
)
def test_what_is_taken_through_a_door_is_reached(project, code):
    reached = fingerprints.Fingerprints().modules_of(project.notebook("01-trial", code))
    assert {"analysis.indicators.inequality", "analysis._frame"} <= set(reached)
    assert "analysis.effects.did.twfe" not in reached


def test_what_only_types_need_is_not_reached(project):
    code = (
        "import typing\nif typing.TYPE_CHECKING:\n"
        "    from analysis.effects.inference import paired\n"
        "else:\n    from analysis.indicators import bands"
    )
    reached = fingerprints.Fingerprints().modules_of(project.notebook("01-trial", code))
    assert "analysis.indicators.bands" in reached
    assert "analysis.effects.inference.paired" not in reached


def test_what_lies_beside_the_notebook_counts_as_well(project):
    (project.root / "notebooks" / "helper.py").write_text("FACTOR = 2\n")
    (project.root / "notebooks" / "weights.csv").write_text("1\n")
    (project.root / "notebooks" / "more").mkdir()
    code = "import helper, pathlib\npathlib.Path('made.txt').touch()\n"
    code += "list(pathlib.Path('more').iterdir())\n"
    project.notebook("01-trial", code + "helper.FACTOR * int(open('weights.csv').read())")
    assert runner.run() == Exit.FAILED
    key = json.loads((project.reports / "01-trial" / "key.json").read_text())
    assert set(key["data"]) == {"notebooks/helper.py", "notebooks/weights.csv", "notebooks/more/"}
    assert decision().action == "none"
    (project.root / "notebooks" / "helper.py").write_text("FACTOR = 3000\n")
    assert decision().reasons == ("notebooks/helper.py changed",)
    (project.root / "notebooks" / "more" / "new.csv").touch()
    assert decision().reasons == ("notebooks/helper.py changed", "notebooks/more/ changed")


def test_data_from_elsewhere_are_said_on_the_page(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("desk") / "mine.csv"
    elsewhere.write_text("1\n")
    code = f"import pathlib\npathlib.Path({str(elsewhere)!r}).read_text()\n"
    own = f"pathlib.Path({str(elsewhere.with_name('own.csv'))!r})"
    project.notebook("01-trial", f"{code}{own}.write_text('a')\n{own}.read_text()")
    assert runner.run() == 0
    record = json.loads((project.reports / "01-trial" / "run.json").read_text())
    [check] = [check for check in record["checks"] if check["name"] == "Data"]
    assert check["state"] == "failed"
    assert "mine.csv" in check["found"]
    assert "own.csv" not in check["found"]
    assert "/" not in check["found"]


def test_data_that_a_module_reads_as_it_is_imported_are_part_of_the_module(tmp_path):
    module = import_closure.file_of("analysis.clean.words")
    look = fingerprints.Fingerprints()
    assert look.named("analysis.clean.words") != look.bytes_of(module)
    log = tmp_path / "log" / "reads"
    log.parent.mkdir()
    code = f"""
    import pathlib
    from analysis.reports.freshness import file_access
    file_access.note(pathlib.Path({str(log)!r}), {str(module.parents[2])!r})
    from analysis.clean import words
    open(pathlib.Path(words.__file__).with_name("open_licences.toml")).close()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    files = [name for name in file_access.seen(log.read_text()).files if name.endswith(".toml")]
    assert files == ["analysis/clean/open_licences.toml"]  # not codes.toml, which an import read
