"""``lianjian clean`` removes what comes back by itself, and nothing that a person made."""

import json

import pytest

from analysis import cli
from analysis.reports.run import runner

VILLAGES = """village_id,village_name,township_name,county_code,county_name,zone,households,role,\
alliance_id,joined_year,pair_id,has_central_project,has_rebuilt_centre,has_resident_cadre,\
has_reserve_talent,central_project_year
Y1,柳湾村,北原乡,sim7,庚县,scenic,120,outside,,,,false,false,false,false,
"""
ACCOUNTS = "village_id,year,account_name,amount_yuan\nY1,2023,经营收入,8000\n"


@pytest.fixture
def full(project):
    """A project with a built dataset, reports of three sorts, and a person's files beside them."""
    root = project.root
    (root / "v.csv").write_text(VILLAGES, encoding="utf-8")
    (root / "a.csv").write_text(ACCOUNTS, encoding="utf-8")
    assert cli.main(["new", "ning", str(root / "v.csv"), str(root / "a.csv")]) == 0
    assert cli.main(["build", "ning"]) == 0
    project.notebook("01-a", "x", parameters="x: int = 1")
    assert runner.run() == 0
    assert runner.run(only=["01"], parameters={"x": "2"}) == 0
    (root / "reports" / "草稿").mkdir()
    (root / "reports" / "草稿" / "第一稿.md").write_text("x", encoding="utf-8")
    (root / "data" / "processed" / "ning" / "笔记.txt").write_text("x", encoding="utf-8")
    return root


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_persons_files_stay_and_are_named(full, capsys):
    raw = names(full / "data" / "raw")
    capsys.readouterr()
    assert cli.main(["clean"]) == 0
    said = capsys.readouterr().out
    for line in (
        "removed: data/processed/ning, but not 笔记.txt",
        "removed: reports/01-a\n",
        "stays: reports/01-a-x-2: the plan does not ask for it",
        "stays: reports/草稿: no run made it",
    ):
        assert line in said
    assert names(full / "data" / "raw") == raw
    assert names(full / "data" / "processed" / "ning") == ["笔记.txt"]
    assert not (full / "reports" / "01-a").exists()
    assert not (full / "reports" / "numbers.tex").exists()  # a manuscript would go on citing them
    assert not (full / "reports" / "numbers.csv").exists()
    assert (full / "reports" / "01-a-x-2" / "report.html").is_file()
    assert (full / "reports" / "草稿" / "第一稿.md").is_file()


def test_all_takes_what_was_asked_for_by_hand_and_no_more(full):
    (full / "reports" / "01-a" / "标注.txt").write_text("x", encoding="utf-8")
    assert cli.main(["clean", "--all"]) == 0
    assert not (full / "reports" / "01-a-x-2").exists()
    assert (full / "reports" / "01-a" / "标注.txt").is_file()
    assert (full / "reports" / "01-a" / "run.json").is_file()
    assert (full / "reports" / "草稿" / "第一稿.md").is_file()


def test_what_cannot_be_built_again_stays(full, capsys):
    (full / "data" / "raw" / "ning" / "accounts.csv").unlink()
    made = full / "data" / "processed"
    (made / "alone").mkdir()
    (made / "alone" / "manifest.json").write_text(json.dumps({"files": {}}), encoding="utf-8")
    before = names(made)
    assert cli.main(["clean"]) == 0
    said = capsys.readouterr().out
    assert "stays: data/processed/ning: it cannot be built again" in said
    assert "stays: data/processed/alone" in said
    assert [n for n in names(made) if "/" in n] == [n for n in before if "/" in n]
