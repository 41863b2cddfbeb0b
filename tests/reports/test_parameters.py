import pytest

from analysis.errors import LianjianError
from analysis.reports import parameters

CELL = """
from typing import Literal

# the county in focus
county: str = "621022"
year: int = 2024  # year of the outcome
floor: float = 5.0
nominal: bool = False
base: int | None = None
reading: Literal["each", "mean"] = "each"  # of 均
place: str = (
    "x"  # what "==" and '#' mean
)
free = 3
"""


@pytest.fixture
def declared():
    return parameters.declared(CELL)


def test_every_assignment_is_read_with_its_help(declared):
    assert list(declared) == ["county", "year", "floor", "nominal", "base", "reading", "place",
                              "free"]  # fmt: skip
    assert declared["county"].help == "the county in focus"
    assert declared["year"].help == "year of the outcome"
    assert declared["place"].help == "what \"==\" and '#' mean"
    assert declared["reading"].choices == ("each", "mean")
    assert declared["base"].kinds == ("int", "None")
    assert declared["free"].kinds == ("int",)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("county", "621023", "621023"),
        ("year", "2023", 2023),
        ("floor", "5", 5.0),
        ("floor", "2e4", 20000.0),
        ("nominal", "yes", True),
        ("nominal", "0", False),
        ("base", "none", None),
        ("base", "2018", 2018),
        ("reading", "mean", "mean"),
    ],
)
def test_texts_become_values(declared, name, text, value):
    [found] = parameters.check({name: text}, declared, "x").values()
    assert found == value
    assert type(found) is type(value)


def test_a_plan_s_whole_number_fits_a_float(declared):
    assert parameters.check({"floor": 5}, declared, "x") == {"floor": 5.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [("year", "last"), ("year", 2.5), ("year", True), ("floor", "nan"), ("nominal", "perhaps"),
     ("reading", "Mean"), ("county", 621022)],
)  # fmt: skip
def test_a_value_that_does_not_fit_says_what_does(declared, name, value):
    with pytest.raises(LianjianError, match=f"{name}.*cannot be.*it takes"):
        parameters.check({name: value}, declared, "09-x.ipynb")


def test_an_unknown_name_gets_a_suggestion(declared):
    with pytest.raises(LianjianError, match="Did you mean 'county'"):
        parameters.check({"countri": "621022"}, declared, "09-x.ipynb")


def test_a_notebook_without_parameters_says_so():
    with pytest.raises(LianjianError, match="no cell tagged 'parameters'"):
        parameters.check({"year": 2024}, {}, "09-x.ipynb")


def test_a_cell_that_is_not_python_is_refused():
    with pytest.raises(LianjianError, match="not Python"):
        parameters.declared("year: int =")
