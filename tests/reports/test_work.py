"""A person's own notebooks, below `work/`: run by any name, and taken into the collection."""

import json

import nbformat
import pytest

from analysis import cli
from analysis.errors import LianjianError
from analysis.reports.plan import notebooks, plan
from analysis.reports.run import runner

CELLS = ["# 我的 view", "from analysis.reports import record\nrecord('n', 3, label='Villages')"]


def why(word, capsys):
    capsys.readouterr()
    assert cli.main(["why", word]) == 0
    return capsys.readouterr().out


def write(project, name, *cells, parameters=""):
    made = project.notebook("99-made", *(cells or CELLS), parameters=parameters)
    path = project.root / "work" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    return made.rename(path)


def test_any_name_in_any_script_runs_and_the_plan_never_knows(project, capsys):
    names = ["我的探索", "Untitled", "镇/收入 2024", "10-x-Copy1", "مسودة"]
    for name in names:
        write(project, name)
    assert plan.load() == ()
    slugs = set()
    for name in names:
        [run] = plan.select((), [f"work/{name}.ipynb"])
        assert run.file == f"work/{name}.ipynb"
        slugs.add(run.slug)
    assert len(slugs) == len(names)
    assert all(slug.startswith("work-") for slug in slugs)
    assert runner.run(only=["work/我的探索.ipynb"]) == 0
    report = project.reports / "work-我的探索"
    assert "num-n" in (report / "report.html").read_text("utf-8")
    assert json.loads((report / "run.json").read_bytes())["notebook"] == "work/我的探索.ipynb"
    for word in ("work/我的探索", "work-我的探索"):  # by its report's name too
        assert why(word, capsys).endswith("1 up to date\n")
    project.notebook("11-planned", "1")
    assert cli.main(["prune"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_neighbour_that_cannot_be_read_fails_no_run_that_starts_a_program(project, capsys):
    """What such a run has read is not known by name, so that all of `work` counts."""
    write(project, "good", "# One", "!true")
    (project.root / "work" / "old.ipynb").write_text('{"nbformat": 3, "worksheets": []}', "utf-8")
    assert runner.run(only=["work/good.ipynb"]) == 0
    assert why("work/good", capsys).endswith("1 up to date\n")


def test_it_is_found_from_where_a_person_stands(project, monkeypatch):
    path = write(project, "sub/b")
    monkeypatch.chdir(path.parent)
    for word in ("b.ipynb", "b", str(path), "work/sub/b", r"work\sub\b.ipynb", "./b.ipynb"):
        assert notebooks.own(word) == path, word
    for word in ("c", "../../notebooks/b", "work", ""):
        assert notebooks.own(word) is None, word


def test_its_parameters_are_set_as_any(project):
    write(project, "p", "print(year + 1)", parameters="year: int = 2020  # a year")
    assert runner.run(only=["work/p.ipynb"], parameters={"year": "2041"}) == 0
    assert "2042" in project.report("work-p-year-2041")


def test_what_lies_beside_it_counts_and_may_be_written(project, capsys):
    reads = "import helper\nprint(helper.X, open('own.csv').read())"
    write(project, "w", reads, "from pathlib import Path\nPath('made.csv').write_text('1')")
    beside = project.root / "work"
    (beside / "helper.py").write_text("X = 'first'\n")
    (beside / "own.csv").write_text("a,b\n")
    assert runner.run(only=["work/w.ipynb"]) == 0
    assert "first" in project.report("work-w")
    assert "1 up to date" in why("work/w.ipynb", capsys)
    for file, text in (("own.csv", "a,c\n"), ("helper.py", "X = 'second'\n")):
        (beside / file).write_text(text)
        assert file in why("work/w.ipynb", capsys)
        assert runner.run(only=["work/w.ipynb"]) == 0
    assert "second" in project.report("work-w")


def test_a_word_that_names_none_says_so(project, capsys):
    write(project, "a")
    assert cli.main(["run", "work/b.ipynb"]) != 0
    assert "No run is called 'work/b.ipynb'" in capsys.readouterr().err


# ---- taken into the collection ----


def executed(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.0"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.metadata["jupyter"] = 3, {"source_hidden": True}
            cell.outputs = [nbformat.v4.new_output("stream", text="镇原县 41.2\n")]
    nbformat.write(notebook, path)


def test_it_moves_without_its_outputs_behind_the_next_number(project, capsys):
    project.notebook("08-there", "1")
    path = write(project, "村 收入", "print(year)", parameters="year: int = 2020  # a year")
    executed(path)
    assert cli.main(["adopt", "work/村 收入.ipynb"]) == 0
    assert "now: lianjian run '09-村 收入'" in capsys.readouterr().out
    assert not path.exists()
    text = (project.notebooks / "09-村 收入.ipynb").read_text("utf-8")
    assert "41.2" not in text
    assert "source_hidden" not in text
    assert '"parameters"' in text  # its tag
    assert list(notebooks.find().planned) == ["08-there", "09-村 收入"]
    assert runner.run(only=["09"]) == 0


def test_it_keeps_a_number_and_takes_a_name(project):
    write(project, "40-x")
    assert notebooks.adopt("work/40-x").name == "40-x.ipynb"
    write(project, "Untitled1")
    assert notebooks.adopt("work/Untitled1.ipynb", "价格").name == "41-价格.ipynb"


@pytest.mark.parametrize(
    ("word", "name", "words"),
    [
        ("work/none", "", r"no notebook in work/\. There are: work/x\.ipynb"),
        ("notebooks/10-y", "", "no notebook in work/"),
        ("work/x", "a/b", "cannot name a notebook"),
        ("work/x", "x - 副本", "cannot name a notebook"),
        ("work/x", " - ", "cannot name a notebook"),
        ("work/x", "10-y", "is there already"),
    ],
)
def test_what_cannot_be_taken_stays_where_it_is(project, word, name, words):
    project.notebook("10-y", "1")
    path = write(project, "x")
    before = path.read_bytes()
    with pytest.raises(LianjianError, match=words):
        notebooks.adopt(word, name)
    assert path.read_bytes() == before
    assert [found.name for found in project.notebooks.iterdir()] == ["10-y.ipynb"]
