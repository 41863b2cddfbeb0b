"""A notebook is a narrative: short cells that load, compute and present."""

import nbformat
import pytest

from analysis import paths

NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))


def code(path):
    """The lines of each cell of code."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source.splitlines() for cell in cells if cell.cell_type == "code"]


def lines(path):
    return sum(bool(line.strip()) for cell in code(path) for line in cell)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_and_no_notebook_is_a_program(path):
    assert max(map(len, code(path))) <= 25
    assert lines(path) <= 200


def test_all_notebooks_together_stay_short():
    each = {path.stem: lines(path) for path in NOTEBOOKS}
    assert len(each) == 11
    assert sum(each.values()) <= 1600, each
