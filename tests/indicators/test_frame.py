"""Tables that no indicator can use are refused in words by all of them, before a number is made."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis import indicators
from analysis.errors import LianjianError
from analysis.indicators import bands, convergence, income, inequality, pairs, spells, targets
from analysis.indicators.income import span

COLUMN = "operating_income_yuan"
YEARS = [2022, 2023, 2024]


def books() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "village_id": f"v{i}",
            "year": year,
            "county_code": "a",
            "county_name": "A" if i % 2 else "B",
            "zone": "farm",
            "role": "outside" if i > 1 else ("helper", "allied_weak")[i],
            "pair_id": "P" if i < 2 else None,
            "joined_year": 2023.0 if i < 2 else np.nan,
            "households": 100 + i,
        }
        for i in range(12)
        for year in YEARS
    )
    for name in ("operating", "subsidy", "other"):
        frame[f"{name}_income_yuan"] = rng.gamma(2, 3e4, len(frame))
    frame["total_income_yuan"] = frame.filter(like="_income_yuan").sum(axis=1)
    return frame


BY_PANEL = {
    "changes": lambda f: income.changes(f, COLUMN, 2022, 2024),
    "changes a household": lambda f: income.changes(f, COLUMN, 2022, 2024, per="household"),
    "swings": lambda f: income.swings(f, COLUMN),
    "spells": lambda f: spells.weak_spells(f, 2022, threshold_wan=20),
    "joining": spells.joining_spells,
    "gaps": lambda f: pairs.gaps(f, COLUMN),
    "standing": lambda f: pairs.standing(f, COLUMN, pairs.gaps(books(), COLUMN)),
    "beta": lambda f: convergence.beta_convergence(f, COLUMN, 2022, 2024),
    "sigma": lambda f: convergence.sigma_convergence(f, COLUMN),
    "transitions": lambda f: bands.transitions(f, COLUMN, 2022, 2024),
}
BY_GROUP = {
    "means": income.means,
    "means a household": lambda f, by="year": income.means(f, by, per="household"),
    "by_source": income.by_source,
    "band_shares": bands.band_shares,
    "weak_share": bands.weak_share,
}
BY_VALUE = {
    "gini": indicators.gini,
    "indices": inequality.indices,
    "lorenz": inequality.lorenz,
    "band": bands.band,
    "reconcile": lambda x: targets.reconcile(x, 5.0, "mean is", villages=99),
    "decompose": lambda x: indicators.decompose(x, pd.Series("A", x.index)),
    "bootstrap": lambda x: indicators.bootstrap(x, np.mean, np.random.default_rng(1), draws=99),
}
BY_ROW = BY_PANEL | BY_GROUP
ALL = (
    BY_ROW
    | {"status": bands.status}
    | {name: lambda f, run=run: run(f[COLUMN]) for name, run in BY_VALUE.items()}
)
every = pytest.mark.parametrize("name", ALL)
of_a_panel = pytest.mark.parametrize("name", BY_ROW)
grouped = pytest.mark.parametrize("name", BY_GROUP)


@every
def test_text_and_infinite_amounts_are_refused(name):
    frame = books()
    ALL[name](frame)
    with pytest.raises(LianjianError, match="not numbers"):
        ALL[name](frame.assign(**{COLUMN: "x"}))
    with pytest.raises(LianjianError, match="infinite in 1 rows"):
        ALL[name](frame.assign(**{COLUMN: frame[COLUMN].where(frame.index != 0, np.inf)}))


@every
def test_nullable_numbers_give_the_same(name):
    frame = books()
    holes = frame.assign(**{COLUMN: frame[COLUMN].where(frame.index != 7)})
    nullable = holes.assign(**{COLUMN: holes[COLUMN].astype("Float64")})
    assert repr(ALL[name](nullable)) == repr(ALL[name](holes))


@pytest.mark.parametrize("name", [*BY_ROW, "status"])
def test_a_missing_column_is_named(name):
    with pytest.raises(LianjianError, match=f"no column {COLUMN}"):
        ALL[name](books().drop(columns=COLUMN))


@of_a_panel
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: pd.concat([f, f.iloc[:1]]), "first v0 in 2022"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.set_index("village_id"), r"village_id is its index: give panel.reset_index"),
        (lambda f: f.rename(columns={"year": "Year"}), r"no column year\. Did you mean Year\?"),
        (lambda f: f.assign(year=f["year"] + 0.5), "year must hold whole years, and 2022.5"),
        (lambda f: f.assign(year=pd.to_datetime(f["year"].astype(str))), r"\.dt\.year"),
        (lambda f: f.assign(year=f["year"].where(f.index > 2)), "3 rows have no year"),
        (lambda f: f.assign(village_id=f["village_id"].where(f.index > 2)), "3 rows have no vill"),
        (lambda f: f.assign(**{COLUMN: f[COLUMN] > 3e4}), f"{COLUMN} holds true and false"),
        (lambda f: pd.concat([f, f[[COLUMN]]], axis=1), f"several columns {COLUMN}"),
        (lambda f: f[COLUMN], "a DataFrame, and this is a Series"),
        (lambda f: f.to_dict(), "a DataFrame, and this is a dict"),
        (lambda _: "data/processed/panel.parquet", "this is a str"),
        (lambda _: None, "this is a NoneType"),
    ],
)
def test_a_frame_that_is_no_panel_is_refused_in_words(name, change, words):
    with pytest.raises(LianjianError, match=words):
        BY_ROW[name](change(books()))


@of_a_panel
def test_a_dataset_is_told_from_its_panel(name):
    Dataset = type("Dataset", (SimpleNamespace,), {})  # noqa: N806  (a class)
    with pytest.raises(LianjianError, match=r"this is a Dataset\. Give one of its tables: data\."):
        BY_ROW[name](Dataset(panel=books()))


@of_a_panel
def test_the_order_of_rows_and_the_type_of_years_do_not_matter(name):
    frame = books()
    shuffled = frame.sample(frac=1, random_state=3).assign(year=lambda f: f["year"].astype(float))
    assert repr(BY_ROW[name](shuffled)) == repr(BY_ROW[name](frame))


@grouped
def test_one_name_may_stand_without_brackets(name):
    frame = books().query("year == 2024")
    assert repr(BY_GROUP[name](frame, "role")) == repr(BY_GROUP[name](frame, ["role"]))


@grouped
@pytest.mark.parametrize(
    ("by", "words"),
    [
        (["role", "yaer"], r"no column yaer\. Did you mean year\?"),
        ("role, year", r"no column role, year\. Several names are a list: \['role', 'year'\]"),
        ("县区", r"no column 县区\. Did you mean county_name\?"),
        ("Zone", r"no column Zone\. Did you mean zone\?"),
        (2024, r"by takes names of columns, as in by=\['role', 'year'\], not a int"),
        ([2024], "by takes names of columns, and 2024 is none"),
        (books()["role"], "not a Series"),
        ("role", r"2022 to 2024, and groups by role would pool them\. Add 'year' to by, or take"),
    ],
)
def test_groups_that_are_none_are_named(name, by, words):
    with pytest.raises(LianjianError, match=words):
        BY_GROUP[name](books(), by)


@grouped
def test_villages_without_a_group_are_a_group(name):
    frame = books().query("year == 2024")
    frame = frame.assign(zone=frame["zone"].where(frame["role"] == "outside"))
    found = BY_GROUP[name](frame, "zone")
    assert len(found) == 2
    if "villages" in found:
        assert found["villages"].tolist() == [10, 2]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("operating_income", COLUMN),
        ("经营性收入", COLUMN),
        ("Total income", "total_income_yuan"),
        ("subsidy", "subsidy_income_yuan"),
        ("total_incom_yuan", "total_income_yuan"),
    ],
)
def test_the_column_that_was_meant_is_found(asked, meant):
    for run in (lambda f: income.means(f, "year", asked), lambda f: income.swings(f, asked)):
        with pytest.raises(LianjianError, match=rf"no column {asked}\. Did you mean {meant}\?"):
            run(books())


@pytest.mark.parametrize("run", [
    lambda f, a, b: income.changes(f, COLUMN, a, b),
    lambda f, a, b: bands.transitions(f, COLUMN, a, b),
    lambda f, a, b: convergence.beta_convergence(f, COLUMN, a, b),
])  # fmt: skip
@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (2019, 2024, "no year 2019; its years are 2022, 2023, 2024"),
        (2024, 2022, "2024, 2022 must ascend"),
        (2023, 2023, "2023, 2023 must ascend"),
        ("2023", 2024, "'2023' is none"),
        (2022, None, "None is none"),
    ],
)
def test_years_that_are_not_there_or_no_span_are_named(run, start, end, words):
    with pytest.raises(LianjianError, match=words):
        run(books(), start, end)


@pytest.mark.parametrize("name", ["gaps", "standing", "joining"])
@pytest.mark.parametrize(
    ("role", "meant"), [("Helper", "helper"), ("alied_weak", "allied_weak"), ("outsid", "outside")]
)
def test_a_misspelt_role_does_not_drop_its_villages(name, role, meant):
    frame = books().replace({"role": {meant: role}})
    with pytest.raises(LianjianError, match=rf"no role '{role}'\. Did you mean {meant}\?"):
        BY_PANEL[name](frame)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda f: income.means(f, per="hosehold"), r"per is 'hosehold'\. Did you mean household"),
        (lambda f: bands.status(f, "zhejang"), r"no rule 'zhejang'\. Did you mean zhejiang\?"),
        (
            lambda f: bands.band(f[COLUMN], (10, 5)),
            r"Bounds of bands ascend .* are \(10\.0, 5\.0\)",
        ),
        (lambda f: bands.band(f[COLUMN], ()), r"these are \(\)"),
        (lambda f: indicators.decompose(f[COLUMN], f["role"], "gni"), r"'gni'.* Did you mean gini"),
        (lambda f: indicators.decompose(f[COLUMN], "role"), "groups takes a Series"),
        (
            lambda f: targets.reconcile(f[COLUMN], 1.0, "mean", villages=99),
            r"no reading 'mean'\. Did you mean mean is\?",
        ),
        (income.growth, "no column start_wan_yuan"),
        (
            lambda f: income.growth(
                income.changes(f, COLUMN, 2022, 2024).assign(end_wan_yuan="much"), "role"
            ),
            "end_wan_yuan holds values that are not numbers",
        ),
        (lambda f: targets.attain_share(f, 2.0), "no column change_wan_yuan"),
        (lambda f: pairs.closing(f, 2022, 2024), "no column event_time"),
        (lambda _: spells.kaplan_meier([1, 2], [0, 2]), "has_left must hold 0 and 1"),
        (lambda f: bands.weak_share(f, threshold_wan=float("nan")), "The threshold is nan"),
        (lambda f: spells.weak_spells(f, 2022, threshold_wan=-1), "The threshold is -1"),
        (lambda f: income.means(f, columns="households"), "households is no column of amounts in"),
        (
            lambda f: income.changes(f.assign(x_wan_yuan=1.0), "x_wan_yuan", 2022, 2024),
            "x_wan_yuan is no col",
        ),
        (lambda _: spells.kaplan_meier([1], [1], level=95), "level is 95; a share between"),
    ],
)
def test_arguments_that_are_none_are_named(run, words):
    with pytest.raises(LianjianError, match=words):
        run(books())


def test_the_door_names_what_it_has():
    assert {name for name in dir(indicators) if not name.startswith("_")} == set(indicators.__all__)
    for name in indicators.__all__:
        assert getattr(indicators, name) is not None
    with pytest.raises(AttributeError, match=re.escape("has no attribute 'ginni'")):
        indicators.ginni  # noqa: B018  (asking is what is tried)


def test_the_rooms_are_reached_from_the_front_door():
    import analysis

    assert {"load", "indicators"} <= set(dir(analysis))
    assert not {"Any", "TYPE_CHECKING"} & set(dir(analysis))
    assert analysis.indicators is indicators


@pytest.mark.parametrize("have", [[2023, 2025], [2025], []])
def test_a_span_without_two_years_says_what_would_help(have):
    with pytest.raises(LianjianError, match=r"needs books of two years.*Set the years"):
        span(have, 2022, 2024)


@pytest.mark.parametrize(
    ("have", "words"),
    [
        (pd.Series([2019, None, 2024]), "1 rows have no year"),
        (pd.Series([2019.5, 2024]), "whole years, and 2019.5"),
        (pd.to_datetime(["2019", "2024"]), "values that are not numbers"),
        (pd.period_range("2019", "2024", freq="Y"), "values that are not numbers"),
        (["2019年", "2024年"], "values that are not numbers"),
    ],
)
def test_a_span_of_years_that_are_none_is_refused_in_words(have, words):
    with pytest.raises(LianjianError, match=words):
        span(have, 2019, 2024)
    assert span(pd.Series([2024, 2019], dtype="Int64"), 2019, 2024) == (2019, 2024)


def test_books_of_one_year_have_a_span_of_which_nothing_is_known_at_first():
    assert span([2024], 2021, 2024) == (2021, 2024)
    assert span([2023], 2021, 2024) == (2020, 2023)


COUNTIES = {"宁县": 1.0, "环县": 2.0, "西峰区": 3.0}  # in the order of their characters
IN_ORDER = {name: COUNTIES[name] for name in ("西峰区", "环县", "宁县")}  # of their codes


@pytest.mark.parametrize("verb", [income.means, income.by_source, bands.weak_share])
def test_counties_stand_in_the_order_of_their_codes_each_with_its_own_numbers(verb):
    known = pd.Series(COUNTIES) * 1e4
    panel = pd.DataFrame({"village_id": known.index, "county_name": known.index, "year": 2023})
    for name in ("operating", "total"):
        panel[f"{name}_income_yuan"] = known.to_numpy()
    panel = panel.assign(subsidy_income_yuan=0.0, other_income_yuan=0.0)
    panel.loc[0, ["total_income_yuan", "other_income_yuan"]] = [2e4, 1e4]
    found = verb(panel, ["county_name"]).set_index("county_name")
    assert found.index.tolist() == list(IN_ORDER)
    if "operating_income_wan_yuan" in found:
        assert found["operating_income_wan_yuan"].to_dict() == COUNTIES
    if "operating_pct" in found:
        assert found["operating_pct"].tolist() == [100.0, 100.0, 50.0]


def test_changes_of_counties_stand_in_the_order_of_their_codes():
    change = pd.DataFrame({"county_name": COUNTIES.keys(), "start_wan_yuan": 1.0})
    change = change.assign(end_wan_yuan=COUNTIES.values(), change_wan_yuan=0.0)
    found = income.growth(change, "county_name").set_index("county_name")
    assert list(found["end_mean"].items()) == list(IN_ORDER.items())


@of_a_panel
def test_one_village_under_two_spellings_is_refused(name):
    frame = books()
    for other, words in ((" v3", "differ by spaces alone"), (3, "a text in some rows")):
        odd = frame["village_id"].astype(object).where(frame.index != 10, other)
        with pytest.raises(LianjianError, match=f"village_id .*{words}"):
            BY_ROW[name](frame.assign(village_id=odd))


@grouped
def test_one_group_under_two_spellings_is_refused(name):
    frame = books()
    odd = frame["zone"].where(frame.index > 4, "farm\u3000")
    with pytest.raises(LianjianError, match="differ by spaces alone"):
        BY_GROUP[name](frame.assign(zone=odd), by=["zone", "year"])
    # years are read as numbers, whatever they are written as
    mixed = frame.assign(year=frame["year"].astype(object).where(frame.index > 4, "2022"))
    mixed = mixed.assign(year=mixed["year"].where(frame.index > 4, frame["year"].astype(str)))
    assert repr(BY_GROUP[name](mixed, by=["year"])) == repr(BY_GROUP[name](frame, by=["year"]))


@pytest.mark.parametrize(
    ("run", "taken"),
    [
        (income.means, "villages"),
        (income.means, "total_income_villages"),
        (lambda f, by: income.means(f, by, "joined_year_yuan"), "joined_year_yuan"),
        (income.by_source, "operating_income_wan_yuan"),
        (bands.weak_share, "weak_pct"),
        (bands.band_shares, COLUMN),
        (lambda f, by: income.growth(income.changes(f, COLUMN, 2022, 2024)
                                     .assign(fell_pct=1), by[:1]), "fell_pct"),
    ],
)  # fmt: skip
def test_groups_called_like_a_column_of_the_table_are_named(run, taken):
    frame = books()
    frame = frame if taken in frame else frame.assign(**{taken: 1})
    with pytest.raises(LianjianError, match=f"Groups are by {taken}, and the table has"):
        run(frame, [taken, "year"])


def test_incomes_that_cannot_carry_a_line_are_refused_or_said():
    frame = books()
    same = frame.assign(**{COLUMN: frame[COLUMN].where(frame["year"] != 2024, 3e4)})
    with pytest.raises(LianjianError, match="whose incomes differ in either year"):
        convergence.beta_convergence(same, COLUMN, 2022, 2024)
    still = frame.assign(**{COLUMN: frame[COLUMN].where(frame["year"] != 2022, 3e4)})
    found = convergence.beta_convergence(still, COLUMN, 2023, 2024, instrument=2022)
    assert np.isnan(found.corrected)
    assert "The incomes of 2022 tell nothing of those that follow: no instrument" in found.notes
    with pytest.raises(LianjianError, match="level is 95"):
        convergence.beta_convergence(frame, COLUMN, 2022, 2024, level=95)


def test_a_draw_without_a_value_is_no_claim_about_all():
    incomes = pd.Series([0.0, 0.0, 0.0, 5.0])
    with pytest.raises(LianjianError, match="One of 99 draws of 4 villages has no value: Gini"):
        indicators.bootstrap(incomes, indicators.gini, np.random.default_rng(1), draws=99)
    odd = {"statistic": lambda x: np.log(x).mean() if x.min() > 0 else np.nan, "draws": 99}
    with pytest.raises(LianjianError, match=r"no value in \d+ of 99 draws"):
        indicators.bootstrap(incomes, rng=np.random.default_rng(1), **odd)


def test_sources_of_a_household_are_of_villages_with_households_alone():
    frame = books().assign(households=lambda f: f["households"].where(f["village_id"] != "v4"))
    known = frame[frame["village_id"] != "v4"]
    ours, theirs = (income.by_source(which, per="household") for which in (frame, known))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert ours.attrs["notes"] == [
        "1 villages are left out where their number of households is not known"
    ]


def test_parts_that_do_not_add_up_to_their_total_are_said():
    frame = books()
    assert income.by_source(frame).attrs["notes"] == []
    frame.loc[[3, 8], "total_income_yuan"] *= 1.5
    said = income.by_source(frame).attrs["notes"]
    assert said == ["In 2 of 36 rows the parts do not add up to the total"]
