"""What `run`, `why`, `params` and `cite` tell a program: JSON, JUnit XML, exit codes."""

import json
from pathlib import Path

import jsonschema
import pytest
from defusedxml import ElementTree

from analysis import cli
from analysis.errors import Exit
from analysis.reports.run import results
from analysis.reports.run.results import Ending

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
# what build servers take, by element: attributes, those that must be there, children
JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time"},
        {"name", "tests"},
        {"testcase"},
    ),
    "testcase": (
        {"name", "classname", "time"},
        {"name", "classname"},
        {"failure", "skipped", "error", "system-err"},
    ),
    "error": ({"message", "type"}, set(), set()),
    "system-err": (set(), set(), set()),
    "failure": ({"message", "type"}, set(), set()),
    "skipped": ({"message"}, set(), set()),
}


@pytest.fixture
def published(project, monkeypatch):
    """A project whose published dataset counts as built."""
    monkeypatch.setattr("analysis._commands._built", lambda _names: [])
    return project


def answer(capsys, *arguments):
    """Return the exit code of a command, its JSON, held to its schema, and what a person read."""
    code = cli.main([*arguments, "--json"])
    seen = capsys.readouterr()
    content = json.loads(seen.out)
    schema = json.loads((SCHEMAS / f"{content['command']}.json").read_text("utf-8"))
    jsonschema.validate(content, schema)
    return code, content, seen.err


def test_a_run_answers_a_program_and_tells_a_person_aside(published, capsys, tmp_path):
    published.notebook("01-good", "# Good", "1")
    published.notebook("02-bad", "# Bad", "raise ValueError('村 \\x1b[31m')")
    code, content, said = answer(capsys, "run", "--junit", str(tmp_path / "j.xml"))
    assert code == content["exit"] == Exit.FAILED
    good, bad = content["reports"]
    assert (good["result"], bad["result"]) == ("done", "failed")
    assert good["file"] == "reports/01-good/report.html"
    assert (published.root / bad["file"]).is_file()
    assert "1 report published, 1 failed" in said
    assert "02-bad failed (it has no report); see reports/02-bad.failed/error.txt" in said
    assert "\x1b" not in said
    [suite] = conforming(ElementTree.parse(tmp_path / "j.xml").getroot())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    assert "村" in suite.find("testcase/failure").get("message")

    code, content, _ = answer(capsys, "run", "01")
    assert code == Exit.GOOD
    assert [report["result"] for report in content["reports"]] == ["up to date"]


def test_a_run_that_ended_early_is_named(published, capsys):
    published.notebook("01-x", "# X", "1", "import sys; sys.exit(0)", "2")
    code, _, said = answer(capsys, "run")
    assert code == Exit.GOOD
    assert "01-x ended early" in said


WRITES = {
    "a file": "open('../data/raw/own.csv', 'w').close()",
    "a folder": "import os; os.mkdir('../data/raw/x')",
    "a rename": "import os; os.replace('../data/raw/a.csv', '../data/raw/b.csv')",
    "pandas": "import pandas as pd; pd.DataFrame({'a': [1]}).to_csv('beside.csv')",
}


@pytest.mark.parametrize("how", WRITES)
def test_whoever_writes_into_inputs_is_named_and_the_exit_code_says_it(
    published, capsys, tmp_path, how
):
    (published.root / "data" / "raw" / "a.csv").write_text("a", "utf-8")
    published.notebook("01-x", "# X", WRITES[how])
    code, content, said = answer(capsys, "run", "--junit", str(tmp_path / "j.xml"))
    assert code == content["exit"] == Exit.FAILED
    [report] = content["reports"]
    assert report["result"] == "done"
    assert report["written"]
    assert all(name.startswith(("data/", "notebooks/")) for name in report["written"])
    assert f"01-x wrote into folders that it may only read: {report['written'][0]}" in said
    [suite] = conforming(ElementTree.parse(tmp_path / "j.xml").getroot())
    assert "wrote into" in suite.find("testcase/system-err").text


def test_what_failed_unseen_is_said_by_page_terminal_and_json(published, capsys):
    published.notebook("01-x", "# X", "!exit 5", "%%bash\ncd nowhere\ntrue")
    code, content, said = answer(capsys, "run")
    assert code == Exit.GOOD
    [note] = content["reports"][0]["notes"]
    assert "cell 2: !exit 5 ended with exit code 5; cell 3: %%bash: cd nowhere ended" in note
    assert f"01-x {note}" in said
    record = json.loads((published.reports / "01-x" / "run.json").read_text("utf-8"))
    [check] = [check for check in record["checks"] if check["name"] == "Commands"]
    assert check["state"] == "failed"
    _, content, said = answer(capsys, "run")
    assert content["reports"][0]["result"] == "up to date"
    assert content["reports"][0]["notes"] == [note]
    assert f"01-x {note}" in said
    assert "!exit 5 ended with exit code 5" in published.report("01-x")


def test_a_strict_plan_fails_a_run_in_which_something_failed_unseen(published, capsys):
    published.notebook("01-x", "# X", "x = !test -f nowhere.csv")
    published.notebook("02-y", "# Y", "!true")
    published.plan('[[run]]\nnotebook = "01-x"\nstrict = true\n'
                   '[[run]]\nnotebook = "02-y"\nstrict = true')  # fmt: skip
    code, content, _ = answer(capsys, "run")
    assert code == Exit.FAILED
    assert [report["result"] for report in content["reports"]] == ["failed", "done"]
    assert "!test -f nowhere.csv ended with exit code 1" in content["reports"][0]["message"]


def test_a_failure_says_that_the_last_good_report_stays(published, capsys):
    published.notebook("01-x", "# X", "1")
    answer(capsys, "run")
    published.notebook("01-x", "# X", "1 / 0")
    _, _, said = answer(capsys, "run")
    assert "01-x failed (its last good report stays)" in said
    for command in (["cite", "01-x"], ["cite", "01-x", "--list"]):
        code, _, said = answer(capsys, *command)
        assert code == Exit.GOOD
        assert "01-x: its newest run failed (see reports/01-x.failed/error.txt)" in said


def test_who_cites_what_is_out_of_date_is_told(published, capsys):
    published.notebook("01-x", "# X", "1")
    answer(capsys, "run")
    _, content, said = answer(capsys, "cite", "01-x", "--format", "bibtex")
    assert content["citation"].startswith("@")
    assert said == ""
    published.notebook("01-x", "# X", "2")
    _, _, said = answer(capsys, "cite", "01")
    assert "it is out of date: code of 01-x.ipynb changed" in said


def test_of_many_reasons_a_line_says_the_first_and_how_many_more(published, capsys):
    names = [f"part{letter}" for letter in "abcdefg"]
    for name in names:
        (published.notebooks / f"{name}.py").write_text("a = 1\n")
    published.notebook("01-x", "# X", "\n".join(f"import {name}" for name in names))
    answer(capsys, "run")
    for name in names:
        (published.notebooks / f"{name}.py").write_text("a = 22\n")
    assert cli.main(["why"]) == Exit.GOOD
    said = capsys.readouterr().out
    assert "; and 3 more, which lianjian why --json lists" in said
    assert [f"{name}.py changed" in said for name in names] == [True] * 4 + [False] * 3
    _, content, _ = answer(capsys, "why")
    [entry] = content["reports"]
    assert len(entry["reasons"]) == 7
    assert cli.main(["cite", "01-x"]) == Exit.GOOD
    assert "and 3 more" in capsys.readouterr().err


def test_what_is_left_alone_is_said_in_one_line(published, capsys):
    published.notebook("01-x", "# X", "1")
    published.notebook("草稿", "# D", "1")
    published.notebook("Untitled1", "# U", "1")
    _, content, said = answer(capsys, "run")
    assert set(content["left_alone"]) == {"草稿.ipynb", "Untitled1.ipynb"}
    [line] = [line for line in said.splitlines() if line.startswith("left alone: ")]
    assert "草稿.ipynb" in line
    assert "Untitled1.ipynb" in line
    _, content, _ = answer(capsys, "why")
    assert len(content["left_alone"]) == 2
    _, _, said = answer(capsys, "run", "01")
    assert "left alone" not in said


def test_why_and_params_answer_a_program(published, capsys):
    published.notebook("01-x", "# X", "year", parameters="year: int = 2024  # the year")
    _, content, _ = answer(capsys, "why")
    assert content["reports"][0]["action"] == "run"
    assert content["reports"][0]["reasons"] == ["there is no report yet"]
    _, content, _ = answer(capsys, "params", "01")
    assert content["parameters"] == [
        {"name": "year", "type": "int", "default": "2024", "meaning": "the year"}
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run", "01", "-p", "yaer=2024"], Exit.REFUSED),
        (["run", "77"], Exit.REFUSED),
        (["run", "--dataset", "nowhere"], Exit.NO_DATA),
        (["why", "01", "-p", "x"], Exit.REFUSED),
        (["params", "77"], Exit.REFUSED),
        (["cite", "77"], Exit.REFUSED),
    ],
)
def test_a_refusal_is_an_answer_too(project, capsys, arguments, code):
    project.notebook("01-x", "# X", "year, dataset",
                     parameters="year: int = 2024\ndataset: str = 'mine'")  # fmt: skip
    (project.root / "data" / "processed").mkdir(parents=True)
    found, content, said = answer(capsys, *arguments)
    assert found == content["exit"] == code
    assert content["error"] in said


def test_params_of_a_dataset_say_what_cannot_run_on_it(published, capsys):
    published.dataset()
    (published.root / "data" / "raw" / "trial").mkdir()
    (published.root / "data" / "raw" / "trial" / "dataset.toml").write_text("", "utf-8")
    published.notebook("01-x", "# X", "dataset", parameters="dataset: str = 'simulated'")
    published.notebook("02-y", "# Y", "1")
    _, _, said = answer(capsys, "params", "01", "--dataset", "trial")
    assert "trial holds no villages by year" in said
    _, _, said = answer(capsys, "params", "02", "--dataset", "trial")
    assert "02-y has no parameter 'dataset'" in said
    _, _, said = answer(capsys, "params", "01")
    assert not said


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["-p", "year"], ["--dataset", "nosuch"], ["01", "-p", "z=1"]]
)
def test_a_refused_run_writes_its_junit(project, capsys, tmp_path, arguments):
    project.notebook("01-x", "# X", "1")
    file = tmp_path / "j.xml"
    file.write_text("of yesterday", "utf-8")
    code, content, _ = answer(capsys, "run", *arguments, "--junit", str(file))
    assert code != Exit.GOOD
    [suite] = conforming(ElementTree.parse(file).getroot())
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    assert suite.find("testcase/error").get("message") == content["error"]


@pytest.mark.parametrize("path", ["nowhere/j.xml", ".", "a.csv/j.xml"])
def test_an_impossible_junit_is_told_before_anything_runs(published, capsys, tmp_path, path):
    (tmp_path / "a.csv").write_text("a", "utf-8")
    published.notebook("01-x", "# X", "1")
    code, content, _ = answer(capsys, "run", "--junit", str(tmp_path / path))
    assert code == Exit.REFUSED
    assert f"--junit {tmp_path / path} cannot be written" in content["error"]
    assert not (published.reports / "01-x").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--dry-run"], "leave one out"),
        (["--jobs", "0"], "not a whole number of 1 or more"),
        (["--cell-seconds", "soon"], "no number of seconds"),
        (["--kernels", "hot"], "invalid choice"),
        (["--nosuch"], "unrecognized arguments"),
    ],
)
def test_a_command_line_that_is_refused_leaves_no_result_of_yesterday(
    published, capsys, tmp_path, given, said
):
    published.notebook("01-x", "# X", "1")
    file = tmp_path / "j.xml"
    file.write_text("of yesterday", "utf-8")
    code, content, told = answer(capsys, "run", *given, f"--junit={file}")
    assert code == content["exit"] == Exit.REFUSED
    assert said in told
    assert said in content["error"]
    [suite] = conforming(ElementTree.parse(file).getroot())
    assert said in suite.find("testcase/error").get("message")


def test_a_held_folder_is_a_refusal(published, capsys):
    from analysis.reports.run import staging

    published.notebook("01-x", "1")
    with staging.alone(published.reports):
        code, content, _ = answer(capsys, "run")
    assert code == Exit.REFUSED
    assert "Another lianjian is writing" in content["error"]


def conforming(element):
    """Return an element of JUnit XML whose parts are all known to build servers."""
    known, needed, children = JUNIT[element.tag]
    assert needed <= set(element.attrib) <= known
    assert {child.tag for child in element} <= children
    for child in element:
        conforming(child)
    return element


def test_junit_holds_any_text_and_counts_what_did_not_run(tmp_path):
    endings = (
        Ending("a", "01-a", results.UP_TO_DATE),
        Ending("b", "01-b", results.NOT_RUN),
        Ending("c", "01-c", "failed", (), 1.5, "x\x00\x1b\ud83d\ufffe<&>", "reports/c.failed"),
        Ending("d", "01-d", "rendered"),
    )
    results.write_junit(tmp_path / "j.xml", 2.0, endings)
    root = conforming(ElementTree.parse(tmp_path / "j.xml").getroot())
    [suite] = root
    assert [len(case) for case in suite] == [1, 1, 1, 0]
    assert (suite.get("skipped"), suite.get("failures"), suite.get("tests")) == ("2", "1", "4")
    message = suite.find("testcase/failure").get("message")
    assert message == "x[U+0000][U+001B][U+D83D][U+FFFE]<&>"
