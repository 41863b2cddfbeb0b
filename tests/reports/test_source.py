"""What a notebook's source says before it runs."""

import pytest

from analysis.errors import LianjianError
from analysis.reports.plan.source import Cell, meaning, misused, promises


def cells(*sources, parameters="year: int = 2024\nbase: int = 2018"):
    made = [Cell(1, parameters, ("parameters",))]
    return made + [Cell(place, source) for place, source in enumerate(sources, start=2)]


@pytest.mark.parametrize(
    "code",
    [
        "year = 2023",
        "year += 1",
        "for year in (1, 2):\n    pass",
        "import numpy as year",
        "with open('x') as year:\n    pass",
        "(year := 3)",
        "def change():\n    global year\n    year = 1",
        "def year():\n    pass",
        "if year < 2000:\n    year = 2000",
        "%matplotlib inline\nyear, other = 1, 2",
        "%%time\nyear = 1",
    ],
)
def test_setting_a_parameter_again_is_found(code):
    found = misused(cells(code, "print(year, base)"), ["year", "base"])
    assert len(found) == 1
    assert found[0].startswith("cell 2 sets the parameter 'year' again")


@pytest.mark.parametrize(
    "code",
    [
        "def gain(year):\n    year = year + 1\n    return year",
        "[year for year in (1, 2)]",
        "lambda year: year",
        "class A:\n    year = 1",
        "frame.year = 1; frame['year'] = 2",
        "f(year=1)",
        "year == 2023",
    ],
)
def test_the_same_name_elsewhere_is_no_parameter(code):
    assert misused(cells(code, "print(year, base)"), ["year", "base"]) == []


@pytest.mark.parametrize(
    "code",
    [
        "print(f'{year:04d}')",
        "def f():\n    return year",
        "[x for x in range(year)]",
        "globals()['year']",
        "frame.query('a > @year', local_dict=locals())",
    ],
)
def test_reading_is_seen_wherever_it_stands(code):
    assert misused(cells(code, "base"), ["year", "base"]) == []


def test_a_parameter_that_nothing_reads_is_found():
    [found] = misused(cells("print(base)", "'year'", "# year"), ["year", "base"])
    assert found.startswith("no cell reads the parameter 'year'")


def test_a_parameter_may_serve_another():
    source = "year: int = 2024\nbase: int = year - 1"
    assert misused(cells("print(base)", parameters=source), ["year", "base"]) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x=1  # one\n\n", True),
        ("f(a,\n  b)", "f(a, b)", True),
        ("x = 'a  b'", "x = 'a b'", False),
        ("x = 1", "x = 2", False),
        ("%time x = 1", "%time x = 2", False),
        ("x = (", "x = (  # ", False),  # what cannot be read counts as it stands
    ],
)
def test_only_what_code_means_counts(one, other, same):
    assert (meaning(Cell(1, one)) == meaning(Cell(7, other))) is same


def declared(text):
    return promises([Cell(2, text, ("products",))], "01-x.ipynb")


def test_products_are_read_without_running():
    found = declared('products = {"figures": ["gap", "lorenz?"], "numbers": ["att"]}')
    assert [(p.kind, p.name, p.always) for p in found] == [
        ("figure", "gap", True), ("figure", "lorenz", False), ("number", "att", True),
    ]  # fmt: skip
    assert promises(cells("x = 1"), "01-x.ipynb") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("products = [1]", "cannot be read"),
        ("products = {'charts': ['a']}", "cannot be read"),
        ("products = make()", "cannot be read"),
        ("x = 1\nproducts = {}", "cannot be read"),
        ("products = {'figures': ['a', 'a?']}", "names a twice"),
        ("products = {'figures': ['A b']}", "names A b"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(text, words):
    with pytest.raises(LianjianError, match=words):
        declared(text)
