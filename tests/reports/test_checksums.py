"""What of a report was changed after its run is named, and made again."""

import json

import pytest

from analysis.reports import finished
from analysis.reports.run import runner

CODE = "from analysis.reports import record\nrecord('mean', 56.2, label='Mean')"


@pytest.fixture
def folder(project):
    project.notebook("04-m", "# M", CODE)
    assert runner.run() == 0
    return project.reports / "04-m"


def why(folder):
    [(_, decision)] = runner.decide(runner.planned())
    return decision.action, decision.reasons


def test_a_report_as_written_matches(folder):
    record = json.loads((folder / "run.json").read_text())
    assert set(record["products"]) == {
        "key.json",
        "notebook.ipynb",
        "numbers.csv",
        "numbers.tex",
        "report.html",
    }
    assert record["run_id"] == record["products"]["notebook.ipynb"][:16]
    assert finished.mismatches(folder) == ()


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("report.html", "render"),
        ("numbers.csv", "render"),
        ("numbers.tex", "render"),
        ("notebook.ipynb", "run"),
        ("key.json", "run"),
    ],
)
def test_a_changed_file_is_named_and_made_again(folder, name, action):
    good = (folder / name).read_bytes()
    (folder / name).write_bytes(good + b"\n")
    assert finished.mismatches(folder) == (f"{name} is not what the run wrote",)
    assert why(folder) == (action, (f"{name} is not what the run wrote",))
    assert runner.run() == 0
    assert (folder / name).read_bytes() == good
    assert finished.mismatches(folder) == ()


def test_a_file_that_is_gone_is_named(folder):
    (folder / "numbers.tex").unlink()
    assert finished.mismatches(folder) == ("numbers.tex is missing",)
    assert why(folder) == ("render", ("numbers.tex is missing",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["numbers"][0].update(text="99.0"), "run.json is not what the run wrote"),
        (lambda r: r.update(kind="ledger"), "run.json is not what the run wrote"),
        (lambda r: r.update(run_id="0" * 16), "run.json is not what the run wrote"),
        (lambda r: r.pop("products"), "run.json does not hold the hashes of the report's files"),
    ],
)
def test_a_changed_record_is_named(folder, change, said):
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))
    assert finished.mismatches(folder) == (said,)
    assert why(folder) == ("run", (said,))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"products": 3}'])
def test_a_record_that_is_none_is_a_sentence(folder, text):
    (folder / "run.json").write_text(text)
    [said] = finished.mismatches(folder)
    assert said.startswith("run.json ")
    assert why(folder) == ("run", (said,))


def test_what_a_person_put_beside_is_not_looked_at(folder):
    (folder / "备注.txt").write_text("mine")
    assert finished.mismatches(folder) == ()
    assert why(folder)[0] == "none"
