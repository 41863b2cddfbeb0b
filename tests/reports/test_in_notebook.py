"""``analysis.parameters()``: what papermill hands over becomes what the notebook declares."""

from datetime import date

import pytest

import analysis
from analysis.errors import LianjianError
from analysis.reports.plan import parameters

DECLARED = """
from datetime import date
from typing import Literal, Optional

dataset: str = "simulated"  # what to read
town: str = "x"  # a code
year: int = 2024
wan: float = 5.0
real: bool = False
base: int | None = None
since: date = date(2020, 1, 1)
until: Optional[date] = None
years: list[int] = [2023, 2024]
towns: list[str] = []
mode: Literal["each", "mean"] = "each"
level: Literal[90, 95] = 95
either: int | str = "all"
free = 3
"""
# what papermill writes for -p, -r, -y or its Python API
NAMES = ["town", "year", "wan", "real", "base", "since", "until", "years", "towns", "mode", "level",
         "either", "free"]  # fmt: skip


def run(injected="", declared=DECLARED, before=(), after=()):
    """Run cells as a kernel does and return what they leave."""
    cells = [*before, declared, *([f"# Parameters\n{injected}\n"] if injected else []), *after]
    space = {"In": [""], "analysis": analysis}
    for cell in [*cells, "analysis.parameters()"]:
        space["In"].append(cell)
        exec(cell, space)  # noqa: S102
    return space


@pytest.mark.parametrize(
    ("injected", "name", "value"),
    [
        ("town = 620802", "town", "620802"),
        ("town = 'it\\'s \"so\"\\n\\\\n'", "town", 'it\'s "so"\n\\n'),
        ("town = ''", "town", ""),
        ("year = '２０２２'", "year", 2022),
        ("year = 2022.0", "year", 2022),
        ("year = ' 2021 '", "year", 2021),
        ("wan = 3", "wan", 3.0),
        ("wan = '1e3'", "wan", 1000.0),
        ("wan = '２.５'", "wan", 2.5),
        ("real = 'yes'", "real", True),
        ("real = 1", "real", True),
        ("real = '否'", "real", False),
        ("real = 'Off'", "real", False),
        ("base = 'null'", "base", None),
        ("base = 'None'", "base", None),
        ("base = '2018'", "base", 2018),
        ("since = '2021-06-30'", "since", date(2021, 6, 30)),
        ("since = 20210630", "since", date(2021, 6, 30)),
        ("since = '2021年6月3日'", "since", date(2021, 6, 3)),
        ("until = None", "until", None),
        ("until = '2022/1/31'", "until", date(2022, 1, 31)),
        ("years = 2022", "years", [2022]),
        ("years = '2021,2022'", "years", [2021, 2022]),
        ("years = '[2021, 2022]'", "years", [2021, 2022]),
        ("years = '(2022,)'", "years", [2022]),
        ("years = (2019, '2020')", "years", [2019, 2020]),
        ("years = []", "years", []),
        ("towns = '环县，宁县'", "towns", ["环县", "宁县"]),
        ("towns = '[环县, 宁县]'", "towns", ["环县", "宁县"]),
        ('towns = \'["a,b", "c"]\'', "towns", ["a,b", "c"]),
        ("towns = 620802", "towns", ["620802"]),
        ("mode = 'mean'", "mode", "mean"),
        ("level = '90'", "level", 90),
        ("either = '12'", "either", 12),
        ("either = 'twelve'", "either", "twelve"),
        ("free = '4'", "free", 4),
        ("base = 2**70", "base", 2**70),
    ],
)
def test_what_papermill_hands_over_becomes_what_is_declared(injected, name, value):
    found = run(injected)[name]
    assert (found, type(found)) == (value, type(value))
    # and what lianjian run is told becomes the same
    given = {}
    exec(injected, given)  # noqa: S102
    [same] = parameters.check({name: given[name]}, parameters.declared(DECLARED), "x").values()
    assert (same, type(same)) == (value, type(value))


@pytest.mark.parametrize(
    ("injected", "words"),
    [
        ("twon = 'y'", "no parameter 'twon'. Did you mean town[?]"),
        ("year = 2022; yaers = 3", "no parameter 'yaers'. Did you mean years[?]"),
        ("year = 'x'", "'year' cannot be 'x'; it takes int"),
        ("year = 2023.5", "'year' cannot be 2023.5"),
        ("year = True", "'year' cannot be True"),
        ("year = float('nan')", "'year' cannot be nan"),
        ("year = '" + "9" * 5000 + "'", "characters"),
        ("year = 10**6000", "a number of thousands of digits"),
        ("wan = float('inf')", "'wan' cannot be inf"),
        ("wan = 'NaN'", "'wan' cannot be 'NaN'"),
        ("wan = 10**400", "'wan' cannot be"),
        ("real = 2", "'real' cannot be 2; it takes bool"),
        ("real = 'perhaps'", "'real' cannot be 'perhaps'"),
        ("base = 'x'", "'base' cannot be 'x'; it takes int or None"),
        ("town = 1.1", "quote it in a YAML file .* by -r instead of -p"),
        ("town = False", "quote it in a YAML file"),
        ("town = None", "'town' cannot be None; it takes str"),
        ("since = '31.12.2024'", "'since' cannot be '31.12.2024'; it takes date"),
        ("since = 2024", "'since' cannot be 2024"),
        ("years = '2021;2022'", "'years' cannot be '2021;2022'; it takes a list"),
        ("years = {'a': 1}", "'years' cannot be {'a': 1}"),
        ("years = [float('inf')]", "'years' cannot be inf"),
        ("mode = 'meen'", "Did you mean mean[?]"),
        ("level = 99", "'level' cannot be 99; it takes 90 or 95"),
        ("dataset = '../raw/mine'", "'../raw/mine' cannot name a dataset"),
        ("dataset = 'con'", "'con' cannot name a dataset"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(injected, words):
    with pytest.raises(LianjianError, match=words):
        run(injected)


def test_where_nobody_sets_anything_the_defaults_stay_as_they_are():
    before, after = {}, run()
    exec(DECLARED, before)  # noqa: S102
    for name in NAMES:
        assert (after[name], type(after[name])) == (before[name], type(before[name]))


def test_a_default_that_was_changed_by_hand_is_checked():
    with pytest.raises(LianjianError, match="'year' has the default 'x'; it takes int"):
        run(declared=DECLARED.replace("2024\nwan", "'x'\nwan"))


def test_a_changed_cell_that_ran_again_is_the_one_that_counts():
    again = DECLARED.replace("year: int = 2024", "year: int = 2023\nmore: int = 1")
    assert run(after=[again])["year"] == 2023
    # annotations elsewhere in a notebook are not parameters
    assert run(after=["counts: dict[str, int] = {}", "year: int = 2022"])["year"] == 2022


def test_cells_without_annotations_are_read_by_their_defaults():
    plain = "# Parameters\nwan = 2.0\nname = 'a'"
    assert run("wan = 3\nname = 12", declared=plain)["name"] == "12"
    assert run("wan = 3", declared=plain)["wan"] == 3.0
    with pytest.raises(LianjianError, match=r"Did you mean wan[?]"):
        run("wna = 3", declared=plain)
    assert run(declared=plain)["wan"] == 2.0


def test_a_secret_comes_from_the_environment_and_is_never_injected(monkeypatch):
    declared = 'token: str = ""  # secret: key of the server\nyear: int = 2024'
    with pytest.raises(LianjianError, match="environment variable LIANJIAN_TOKEN, which is not"):
        run(declared=declared)
    monkeypatch.setenv("LIANJIAN_TOKEN", "a long word")
    assert run("year = 2020", declared=declared)["token"] == "a long word"
    with pytest.raises(LianjianError, match="'token' is a secret"):
        run("token = 'x'", declared=declared)


def test_values_are_held_against_the_data(project):
    project.dataset()
    declared = 'dataset: str = "trial"\ncounty: str = "621022"\nrole: str = "helper"'
    assert run("county = '宁县'", declared=declared)["county"] == "621026"
    assert run("county = 621002", declared=declared)["county"] == "621002"
    with pytest.raises(LianjianError, match="There is no county 'Ning'"):
        run("county = 'Ning'", declared=declared)
    with pytest.raises(LianjianError, match=r"Did you mean outside[?]"):
        run("role = 'outsid'", declared=declared)


def test_outside_of_a_notebook_nothing_happens():
    assert analysis.parameters() is None


@pytest.fixture
def form(monkeypatch, project):
    """The form of a notebook that is open in Jupyter, and the notebook's names."""
    project.dataset()
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/work/my notes.ipynb")
    declared = 'dataset: str = "trial"\ncounty: str = "621022"  # which county\nyear: int = 2024'
    declared += '\nkey: str = ""  # secret: of the server\nreal: bool = False'
    declared += "\ntowns: list[str] = []\nbase: int | None = None"
    monkeypatch.setenv("LIANJIAN_KEY", "a long word")
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    space = run(declared=declared)
    return shown[0], space


def test_a_form_sets_what_cells_read(form):
    parameters, space = form
    made = parameters.form
    for name, given, value in [
        ("county", "宁县", "621026"),
        ("year", "2023", 2023),
        ("real", "True", True),
        ("towns", "a b, c", ["a b", "c"]),
        ("base", "2018", 2018),
        ("base", "none", None),
    ]:
        made.fields[name].value = given
        assert (space[name], type(space[name])) == (value, type(value)), name
    assert "-p county=621026 -p year=2023 -p real=True" in made._said.value
    assert "lianjian run &#x27;my notes&#x27; " in made._said.value
    # a secret is in no field
    assert set(made.fields) == {"dataset", "county", "year", "real", "towns", "base"}
    shown = parameters._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(shown)
    assert "a long word" not in str(shown)


def test_a_form_refuses_what_a_run_would_refuse_and_keeps_what_was(form):
    made, space = form[0].form, form[1]
    for name, given, words in [("year", "20x3", "it takes int"), ("county", "Nig", "no county")]:
        before = space[name]
        made.fields[name].value = given
        assert words in made._said.value
        assert (space[name], f"{name} = {before}" in made._said.value) == (before, True)


def test_elsewhere_parameters_are_a_table(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    space = run()
    exec("shown = analysis.parameters()", space)  # noqa: S102
    assert set(space["shown"]._repr_mimebundle_()) == {"text/html", "text/plain"}
