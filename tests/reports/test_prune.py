"""What nothing asks for is listed and, when told so, removed; what a person made never is."""

import shutil

import pytest

from analysis import cli
from analysis.reports import finished
from analysis.reports.run import runner


def folders(project):
    return finished.folders(project.reports)


@pytest.fixture
def grown(project):
    """Reports of a plan, of a command line, and of notebooks that went; one failure."""
    project.notebook("01-stays", "# S", "year", parameters="year: int = 2024")
    project.notebook("02-goes", "# G", "1")
    project.notebook("03-fails", "# F", "1 / 0")
    project.plan("""
        [[run]]
        notebook = "01-stays"
        grid = { year = [2022, 2023] }
        """)
    runner.run()
    runner.run(only=["01-stays-year-2022"], parameters={"year": "2019"})
    (project.notebooks / "02-goes.ipynb").unlink()
    (project.notebooks / "03-fails.ipynb").unlink()
    project.plan("""
        [[run]]
        notebook = "01-stays"
        grid = { year = [2022] }
        """)
    return project


def test_only_what_nothing_asks_for_goes_and_only_when_told(grown, capsys):
    before = folders(grown)
    assert cli.main(["prune"]) == 0
    listed = capsys.readouterr().out
    assert "reports/02-goes: its notebook 02-goes.ipynb is gone" in listed
    assert "reports/03-fails.failed: its notebook 03-fails.ipynb is gone" in listed
    assert "reports/01-stays-year-2023: its entry in notebooks/plan.toml is gone" in listed
    assert "3 to remove: lianjian prune --yes" in listed
    assert folders(grown) == before
    assert cli.main(["prune", "--yes"]) == 0
    kept = set(folders(grown))
    assert set(before) - kept == {"02-goes", "03-fails.failed", "01-stays-year-2023"}
    assert any("2019" in name for name in kept)
    capsys.readouterr()
    assert cli.main(["prune", "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_why_says_it_in_one_line(grown, capsys):
    assert cli.main(["why"]) == 0
    out = capsys.readouterr().out
    assert "3 that nothing asks for any more: `lianjian prune` lists them" in out
    assert "02-goes" not in out


def test_what_a_person_made_is_left(grown, capsys, tmp_path):
    (grown.reports / "02-goes" / "批注.docx").write_text("mine")
    (grown.reports / "mine").mkdir()
    (grown.reports / "mine" / "draft.md").write_text("mine")
    moved = tmp_path / "elsewhere"
    shutil.move(grown.reports / "01-stays-year-2023", moved)
    (grown.reports / "01-stays-year-2023").symlink_to(moved)
    with (grown.reports / "02-goes" / "report.html").open("a") as page:
        page.write("<!-- mine -->")
    assert cli.main(["prune", "--yes"]) == 0
    assert "left, because it holds 批注.docx, report.html, edited" in capsys.readouterr().out
    assert (grown.reports / "02-goes" / "批注.docx").read_text() == "mine"
    assert (grown.reports / "mine" / "draft.md").read_text() == "mine"
    assert (moved / "report.html").is_file()


def test_notes_beside_a_report_outlive_its_next_run(project):
    project.notebook("01-x", "# X", "1")
    runner.run()
    (project.reports / "01-x" / "notes.txt").write_text("mine")
    (project.reports / "01-x" / "drafts").mkdir()
    (project.reports / "01-x" / "drafts" / "a.md").write_text("mine")
    project.notebook("01-x", "# X", "1 / 0")
    runner.run()
    (project.reports / "01-x.failed" / "why.txt").write_text("mine")
    project.notebook("01-x", "# X", "2")
    assert runner.run() == 0
    good, failed = project.reports / "01-x", project.reports / "01-x.failed"
    assert (good / "notes.txt").read_text() == "mine"
    assert (good / "drafts" / "a.md").read_text() == "mine"
    assert [path.name for path in failed.iterdir()] == ["why.txt"]
