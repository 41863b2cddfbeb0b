"""The eight simulated offices, whose truth is known: what is read, cell by cell."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis import simulate
from analysis.clean.books.assemble import read_books
from analysis.clean.books.score import read_truth, score
from analysis.simulate.offices import Dirt, write_books

REFUSED = 0.005
"""Largest share of cells without a fault that may be left out (the target that was set)."""

REACHED = 0.0001
"""What is reached: one cell in ten thousand, an amount that looks like a slip of 10,000."""


def read(folder, seed, dirt):
    scenario = replace(simulate.Scenario(), seed=seed)
    write_books(simulate.simulate(scenario), folder, seed, dirt)
    register = pd.read_csv(folder / "register.csv", dtype="str")
    files = [path.name for path in (folder / "books").iterdir()]
    return read_books(folder / "books", files, {}, register)


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    folder = tmp_path_factory.mktemp("offices")
    books = read(folder, simulate.Scenario().seed, Dirt())
    return folder, books, score(books, *read_truth(folder))


def test_no_cell_is_wrong(default):
    _, _, result = default
    assert result.cells > 70_000
    assert result.wrong == 0, result.wrong_cells
    assert result.unread == 0
    assert result.counted_twice == 0
    assert result.refused_share <= REACHED <= REFUSED
    assert result.right + result.refused + result.unplaced == result.cells


def test_every_planted_fault_is_found(default):
    _, _, result = default
    assert result.missed.empty, result.missed
    assert len(result.planted) >= 24
    assert result.planted["faults"].sum() > 1_000


def test_no_planted_personal_value_is_written(default):
    folder, books, _ = default
    planted = read_truth(folder)[1]
    personal = planted[planted["kind"] == "personal_column"]
    assert len(personal) >= 40
    written = "\n".join(f"{i.file} {i.cell} {i.text} {i.action}" for i in books.issues)
    texts = "\n".join([written, *books.cells["text"].astype("str")])
    for shape in ("00000019", "100000", "虚甲", "虚乙"):
        assert shape not in texts, shape


def test_amounts_without_a_village_wait_for_a_person(default):
    _, books, result = default
    names = set(books.crosswalk_to_fill["name"])
    assert names
    assert all(name.endswith("…") for name in names)
    assert result.unplaced > 0


def test_other_villages_and_five_times_the_dirt(tmp_path):
    rates = {name: min(5 * value, 0.5) for name, value in vars(Dirt()).items()
             if not isinstance(value, bool)}  # fmt: skip
    books = read(tmp_path, 12, Dirt(**rates))
    result = score(books, *read_truth(tmp_path))
    assert result.wrong == 0, result.wrong_cells
    assert result.counted_twice == 0
    assert result.refused_share <= REACHED
    assert result.missed.empty, result.missed


def test_a_wrong_reading_is_counted(default):
    folder, books, result = default
    cells = books.cells.copy()
    at = cells.index[cells["counted"]][0]
    cells.loc[at, "yuan"] += 1
    assert score(replace(books, cells=cells), *read_truth(folder)).wrong == result.wrong + 1
    assert score(replace(books, issues=()), *read_truth(folder)).missed["kind"].nunique() > 5
