"""A notebook is a narrative: short cells that load, compute and present."""

import ast
import re

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


def findings(path):
    """What titles of charts find, and what they measure."""
    for cell in code(path):
        for node in ast.walk(ast.parse("\n".join(cell))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "show":
                words = {
                    keyword.arg: "".join(
                        str(part.value)
                        for part in ast.walk(keyword.value)
                        if isinstance(part, ast.Constant)
                    )
                    for keyword in node.keywords
                    if keyword.arg in {"finding", "measure"}
                }
                yield words.get("finding", ""), words.get("measure", "")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_title_with_a_number_of_one_measure_names_the_measure(path):
    for finding, measure in findings(path):
        said = re.sub(r"{[^{}]*}", "", f"{finding} {measure}").lower()
        for of in re.findall(r"{[^{}]*\b(operating|total)\b[^{}]*}", finding):
            assert of in said, finding


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_leads_to_other_pages_by_a_link(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [cell.source for cell in cells if re.search(r"`\d\d-[a-z-]+`", cell.source)]
