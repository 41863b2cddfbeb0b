"""Notebooks as people name, copy and damage them."""

import json

import nbformat
import pytest

from analysis import cli
from analysis.errors import LianjianError
from analysis.reports.plan import notebooks, plan, source
from analysis.reports.plan.notebooks import report_names
from analysis.reports.run import runner

RUN = ["10-收入分析", "12-甲镇 收入（2024）", "100-three", "子目录/13-明细", "a/b/14-深"]
COPIES = [
    "10-收入分析-Copy1", "10-收入分析-副本", "10-收入分析 - 副本 (2)", "12-x - Copy", "12-x copy 2",
    "12-x (1)", "10-收入分析的副本", "a/14-x-Copy12", "12-x（王's conflicted copy 2024-03-01）",
]  # fmt: skip
OTHERS = ["Untitled", "我的探索", "draft", "1-one", "10_x", "3三-x"]


def empty(folder, names):
    for name in names:
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), path)


def test_each_file_runs_or_is_said_to_be_left_alone(project):
    empty(project.notebooks, [*RUN, *COPIES, *OTHERS, ".ipynb_checkpoints/10-x", ".hidden/11-x"])
    (project.notebooks / "15-folder.ipynb").mkdir()
    (project.notebooks / "16-CAPITALS.IPYNB").write_text("{}")
    (project.notebooks / "link").symlink_to(project.root)
    found = notebooks.find()
    assert list(found.planned) == ["10-收入分析", "12-甲镇 收入（2024）", "100-three",
                                   "子目录/13-明细", "a/b/14-深"]  # fmt: skip
    assert set(found.copies) == set(COPIES)
    others = {*(f"{name}.ipynb" for name in [*COPIES, *OTHERS])}
    assert set(found.left) == {*others, "15-folder.ipynb", "16-CAPITALS.IPYNB", "link"}
    assert "\n" not in found.said
    assert found.said.startswith("left alone: ")
    assert all(file in found.said for file in found.left)


@pytest.mark.parametrize("name", ["12-hard-copy", "13-复制品", "14-photocopy", "15-表（2023）"])
def test_a_name_that_only_sounds_like_a_copy_runs(project, name):
    empty(project.notebooks, [name])
    assert list(notebooks.find().planned) == [name]


def test_a_copy_runs_only_when_it_is_named(project, capsys):
    empty(project.notebooks, ["10-收入", "10-收入-Copy1", "draft"])
    runs = plan.load()
    assert [run.slug for run in plan.select(runs, ["10"])] == ["10-收入"]
    for word in ("10-收入-Copy1", "notebooks/10-收入-Copy1.ipynb"):
        assert [run.slug for run in plan.select(runs, [word])] == ["10-收入-copy1"]
    assert cli.main(["why"]) == 0
    told = capsys.readouterr().out
    assert "left alone: " in told
    assert "10-收入-Copy1.ipynb (a copy, which runs when it is named)" in told
    assert "draft.ipynb (a notebook that runs is called NN-name.ipynb)" in told
    assert cli.main(["run", "--dry-run"]) == 0
    assert "draft.ipynb (a notebook that runs" in capsys.readouterr().out
    with pytest.raises(LianjianError, match=r"draft\.ipynb is left alone: a notebook that runs"):
        plan.select(runs, ["draft"])
    project.plan('[[run]]\nnotebook = "draft"')
    with pytest.raises(LianjianError, match=r"draft\.ipynb is left alone"):
        plan.load()


def test_a_notebook_is_found_by_the_ways_it_is_written(project):
    empty(project.notebooks, ["10-a", "sub/13-x"])
    words = ["sub/13-x", "13-x", "13", "notebooks/sub/13-x.ipynb", r"sub\13-x.ipynb", "sub-13-x",
             "./notebooks/sub/13-x.ipynb", f"{project.notebooks}/sub/13-x.ipynb"]  # fmt: skip
    for word in words:
        assert [run.file for run in plan.select(plan.load(), [word])] == ["sub/13-x.ipynb"], word


def test_names_of_reports_are_readable_stable_and_never_shared():
    names = ["10-收入", "10-收 入", "10-收。入", "10-收--入", "11-A", "11-a", "x/11-a", "x-11-a",
             "12-é", "12-e", "13-😀", "13-😎", "１４-x", "14-x", "15-a\u200bb", "15-ab",
             "16-" + "村" * 200]  # fmt: skip
    made = report_names(names)
    assert len(set(made.values())) == len(names)
    assert made["10-收入"] == "10-收入"
    assert made["11-a"] == "11-a"
    for name in names:  # another notebook beside it changes no name but of its twin
        if name.lower() not in {"11-a", "x/11-a", "x-11-a"}:
            assert report_names([name])[name] == made[name]
        assert not set(made[name]) & set('/\\:*?"<>|. \u200b。')
        assert made[name] == made[name].lower()


def test_a_long_chinese_name_fits_a_disk(project):
    empty(project.notebooks, ["10-" + "村级集体经济" * 12])
    project.plan('[[run]]\nnotebook = "10-' + "村级集体经济" * 12 + '"\nname = "low"')
    [run] = plan.load()
    assert len(f"{run.slug}.failed".encode()) < 160
    assert run.slug.startswith("10-村级集体经济")


def run_plan():
    return runner.make(runner.planned(), runner.Options()).exit


def test_a_page_a_citation_and_the_index_of_a_chinese_notebook(project, capsys):
    (project.notebooks / "子").mkdir()
    project.notebook(
        "子/10-收入 分析",
        "# 收入分析\n\n一句话。",
        "from analysis.reports import record\nrecord('mean', 1.5, label='均值', digits=1)",
    )
    assert run_plan() == 0
    [run] = plan.load()
    assert run.slug.startswith("子-10-收入-分析-")
    assert cli.main(["why"]) == 0
    assert "1 up to date" in capsys.readouterr().out
    page = project.report(run.slug)
    assert 'id="num-mean"' in page
    index = (project.reports / "index.html").read_text("utf-8")
    assert f'href="{run.slug}/report.html"' in index
    record = json.loads((project.reports / run.slug / "run.json").read_text("utf-8"))
    assert record["notebook"] == "子/10-收入 分析.ipynb"
    for form in ("text", "bibtex", "csl", "ris"):
        capsys.readouterr()
        assert cli.main(["cite", f"{run.slug}#num-mean", "--format", form]) == 0
        assert "收入分析" in json.dumps(capsys.readouterr().out, ensure_ascii=False)
    assert cli.main(["cite", run.slug, "--format", "bibtex"]) == 0
    key = capsys.readouterr().out.partition("{")[2].partition(",")[0]
    assert key
    assert key.isascii()


# ---- damaged files ----

GOOD = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
CODE = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}


def cells(*made, **more):
    return json.dumps({**GOOD, "cells": [{**CODE, **cell} for cell in made], **more}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "its JSON is broken"),
        (b"[" * 100_000, "its JSON is broken"),
        (b"[]", "no list of cells"),
        (json.dumps({"a": 1}).encode(), "no list of cells"),
        (b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> other\n}', "marks of a merge"),
        (cells(CODE).decode().encode("utf-16"), "saved as UTF-16"),
        (json.dumps({**GOOD, "x": "村"}, ensure_ascii=False).encode("gbk"), r"not UTF-8 \(byte"),
        (json.dumps({"worksheets": [], "nbformat": 3, "metadata": {}}).encode(),
         "format 3, and 4 is read. Open it in JupyterLab"),
        (cells(nbformat=5), "format 5, and 4"),
        (cells(nbformat="4"), "format '4', and 4"),
        (cells(metadata=None), "it has no metadata"),
        (cells(metadata={"kernelspec": ["ir"]}), "its kernelspec is no group of names"),
        (cells(metadata={"language_info": "R"}), "its language_info is no group of names"),
        (cells(cells={}), "no list of cells"),
        (cells({"metadata": 3}), "cell 1 has no metadata"),
        (cells({}, {"source": 5}), "the source of cell 2 is no text"),
        (cells({"source": ["a", 5]}), "the source of cell 1 is no text"),
        (cells({"source": "x = '\ud83d'"}), "cell 1 holds half a character"),
        (cells({"cell_type": "heading"}), "cell 1 is of the kind 'heading'"),
        (cells({"metadata": {"tags": "parameters"}}), "tags of cell 1"),
        (cells({"id": "a"}, {}, {"id": "a"}), "cells 1 and 3 have the same id, 'a'"),
    ],
)  # fmt: skip
def test_a_damaged_notebook_is_its_own_trouble(project, content, words):
    empty(project.notebooks, ["11-good"])
    (project.notebooks / "10-x.ipynb").write_bytes(content)
    bad, good = plan.load()
    assert not good.trouble
    assert bad.trouble.startswith("10-x.ipynb ")
    with pytest.raises(LianjianError, match=words):
        source.code_cells(bad.notebook)


def test_the_others_run_beside_a_damaged_one(project, capsys):
    project.notebook("11-good", "# Good", "1")
    (project.notebooks / "10-x.ipynb").write_text("<<<<<<< ours\n")
    (project.notebooks / "12-gone.ipynb").symlink_to("nowhere.ipynb")
    assert run_plan() == 1
    told = capsys.readouterr()
    assert "marks of a merge" in told.out + told.err
    assert "12-gone.ipynb cannot be read" in told.out + told.err
    assert (project.reports / "11-good" / "report.html").is_file()


def test_a_mark_at_the_head_of_a_file_is_passed_over(project):
    path = project.notebook("10-bom", "# Title", "print(a + 40)", parameters="a: int = 1")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    [run] = plan.load()
    assert not run.trouble
    assert [cell.source for cell in source.code_cells(path)] == ["a: int = 1", "print(a + 40)"]
    assert run_plan() == 0
    assert "41" in project.report(run.slug)


def test_code_that_no_parser_takes_is_said_when_it_runs(project):
    project.notebook("10-zero", "x = 'a\0b'")
    project.notebook("11-deep", "x = " + "(" * 500 + ")" * 500)
    for run in plan.load():
        assert not run.trouble
        assert source.misused(source.code_cells(run.notebook), ["y"]) == []
