from datetime import date

import pytest

from analysis import cli
from analysis.errors import LianjianError
from analysis.reports.plan import parameters
from analysis.reports.run import runner

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
     ("reading", "Mean"), ("county", 621022.5), ("county", True), ("year", "9" * 5000)],
)  # fmt: skip
def test_a_value_that_does_not_fit_says_what_does(declared, name, value):
    with pytest.raises(LianjianError, match=f"{name}.*cannot be.*it takes"):
        parameters.check({name: value}, declared, "09-x.ipynb")


def test_an_unknown_name_gets_a_suggestion(declared):
    with pytest.raises(LianjianError, match=r"Did you mean county[?]"):
        parameters.check({"countri": "621022"}, declared, "09-x.ipynb")


def test_a_notebook_without_parameters_says_so():
    with pytest.raises(LianjianError, match="no cell tagged 'parameters'"):
        parameters.check({"year": 2024}, {}, "09-x.ipynb")


def test_a_cell_that_is_not_python_is_refused():
    with pytest.raises(LianjianError, match="not Python"):
        parameters.declared("year: int =")


MORE = """
from datetime import date
import datetime

day: date = date(2024, 12, 31)
other: datetime.date | None = None
years: list[int] = [2022, 2023]
names: list[str] = []
readings: list[Literal["each", "mean"]] | None = None
mixed: list[int] | int = 3
# secret: key of the server
token: str = ""
"""


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("day", "2023-06-30", date(2023, 6, 30)),
        ("day", date(2023, 6, 30), date(2023, 6, 30)),
        ("other", "none", None),
        ("years", "2021, 2024", [2021, 2024]),
        ("years", [2021], [2021]),
        ("years", "", []),
        ("names", "环县,宁县", ["环县", "宁县"]),
        ("readings", "mean", ["mean"]),
        ("readings", "none", None),
        ("mixed", "4", "4"),  # no one reading: taken as it is
    ],
)
def test_dates_and_lists_are_read(name, given, value):
    declared = parameters.declared(MORE)
    assert parameters.check({name: given}, declared, "x") == {name: value}


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("day", "31.12.2024", "it takes date"),
        ("day", "2024-13-01", "it takes date"),
        ("years", "2021;2022", "a list, with commas between, of int"),
        ("readings", "meen", "Did you mean mean[?]"),
        ("token", "x", "environment variable LIANJIAN_TOKEN"),
    ],
)
def test_what_does_not_fit_says_what_does(name, given, words):
    with pytest.raises(LianjianError, match=words):
        parameters.check({name: given}, parameters.declared(MORE), "x")


def test_defaults_of_every_kind_are_read():
    declared = parameters.declared(MORE)
    assert declared["day"].default == date(2024, 12, 31)
    assert declared["years"].default == [2022, 2023]
    assert declared["years"].many
    assert not declared["mixed"].checked
    assert declared["token"].secret
    assert declared["token"].help == "key of the server"
    assert [p.secret for p in declared.values()].count(True) == 1


def test_values_reach_json_and_people():
    assert parameters.plain([date(2024, 1, 2), None, 1]) == ["2024-01-02", None, 1]
    assert parameters.text([True, "a"]) == "True,a"


def test_params_prints_what_a_notebook_takes(project, capsys):
    project.notebook("01-x", "day, token", parameters=MORE)
    assert cli.main(["params", "01"]) == 0
    out = capsys.readouterr().out
    assert "day       datetime" not in out
    assert "date" in out.splitlines()[0]
    assert "secret: from the environment variable LIANJIAN_TOKEN" in out
    assert cli.main(["params", "01-y"]) == 2
    assert "Did you mean 01-x?" in capsys.readouterr().err


def test_dates_lists_and_chinese_arrive_in_the_notebook(project):
    project.notebook(
        "01-x", "print(type(day).__name__, day.year, years, names, '环县' in names)",
        parameters=MORE.replace("from datetime", "from typing import Literal\nfrom datetime")
        .replace("mixed: list[int] | int = 3\n", "")
        .replace("other: datetime.date | None = None", "")
        .replace('readings: list[Literal["each", "mean"]] | None = None', "")
        .replace('# secret: key of the server\ntoken: str = ""', ""),
    )  # fmt: skip
    given = {"day": "2023-06-30", "years": "2021", "names": "环县,宁县"}
    assert runner.run(parameters=given) == 0
    [folder] = [path for path in project.reports.iterdir() if path.name.startswith("01-x")]
    notebook = (folder / "notebook.ipynb").read_text("utf-8")
    assert "date 2023 [2021] ['环县', '宁县'] True" in notebook
    assert "names = ['环县', '宁县']" in notebook.replace('\\"', "'")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("if True:\n    a = 7", "holds 'if True:', line 2"),
        ("print(1)", r"holds 'print\(1\)'"),
        ("a: int = 2", "sets 'a' twice, line 2"),
        ("b = c = 1", "holds 'b = c = 1'"),
        ("b: int = 'x'", "has the default 'x'; it takes int"),
        ("b: int = len('abc')", "it takes int, written out"),
        ("b: float = float('nan')", "it takes float"),
        ("b: dict = {}", "a list says of what"),
        ("b: list[int] = [1, 'x']", "it takes a list"),
        ("b: int = None", "it takes int"),
        ("b: int", "has no default"),
        ("b: Literal[A] = 'a'", "line 2, cannot be read"),
        ("b: 'foo bar' = 1", "line 2, cannot be read"),
        ("b = {[1]: 2}", "a list says of what"),
        ("b: list[list[int]] = [[1]]", "a list says of what"),
    ],
)
def test_a_cell_of_parameters_holds_one_plain_default_each(line, message):
    with pytest.raises(LianjianError, match=message):
        parameters.declared(f"a: int = 1\n{line}")


def test_none_is_set_as_it_is_printed():
    found = parameters.declared("a: str | None = 'x'\nd = dt.date(year=2024, month=1, day=2)")
    assert parameters.check({"a": "none", "d": "2023-01-01"}, found, "x") == {
        "a": None,
        "d": date(2023, 1, 1),
    }
    assert found["d"].default == date(2024, 1, 2)


def test_a_cell_of_parameters_may_import_its_types():
    source = "from datetime import date\nd: date | None = None  # when\ns: str  # secret: a key"
    assert list(parameters.declared(source)) == ["d", "s"]
