"""What a few books cannot say is said: no table of blanks without a word, no number of nobody."""

import numpy as np
import pandas as pd
import pytest

from analysis import indicators
from analysis.errors import LianjianError
from analysis.fields import TRAITS
from analysis.indicators import bands, convergence, income, inequality, pairs, spells, targets

X = "operating_income_yuan"
WAN = 10_000.0


def books(villages=3, years=(2023, 2024)) -> pd.DataFrame:
    """Return one county's villages, none of them in an alliance."""
    frame = pd.DataFrame(
        [(f"v{i}", year, 100.0 * (i + 1)) for i in range(villages) for year in years],
        columns=["village_id", "year", "households"],
    )
    frame = frame.assign(
        county_code="sim3", county_name="丙县", zone="farm", role="outside",
        alliance_id=None, pair_id=None, joined_year=pd.Series(pd.NA, frame.index, "Int64"),
    )  # fmt: skip
    for place, name in enumerate(("operating", "subsidy", "other")):
        frame[f"{name}_income_yuan"] = (np.arange(len(frame)) + 1 + place) * WAN
    frame["total_income_yuan"] = frame.filter(like="_income_yuan").sum(axis=1)
    return frame


WITHOUT = {
    "nothing": books(),
    "two villages": books(2),
    "one village": books(1),
    "one year": books(years=[2024]),
    "a year left out": books(years=[2022, 2024]),
    "operating income": books().assign(operating_income_yuan=np.nan),
    "operating income in 2024": books().assign(
        operating_income_yuan=lambda f: f[X].where(f["year"] < 2024)
    ),
    "households": books().assign(households=pd.array([pd.NA] * 6, "Int64")),
    "income but zero": books().assign(
        **{f"{name}_income_yuan": 0.0 for name in ("operating", "subsidy", "other", "total")}
    ),
}
RUN = {
    "means": income.means,
    "means a household": lambda f: income.means(f, per="household"),
    "by_source": income.by_source,
    "by_source a household": lambda f: income.by_source(f, per="household"),
    "changes": lambda f: income.changes(f, X, 2023, 2024),
    "growth": lambda f: income.growth(income.changes(f, X, 2023, 2024), "role"),
    "growth of all": lambda f: income.growth(income.changes(f, X, 2023, 2024)),
    "growth a household": lambda f: income.growth(
        income.changes(f, X, 2023, 2024, per="household")
    ),
    "swings": lambda f: income.swings(f, X),
    "band_shares": bands.band_shares,
    "weak_share": bands.weak_share,
    "sigma": lambda f: convergence.sigma_convergence(f, X),
    "gaps": lambda f: pairs.gaps(f, X),
    "closing": lambda f: pairs.closing(pairs.gaps(f, X), 2023, 2024),
    "standing": lambda f: pairs.standing(f, X, pairs.gaps(f, X)),
    "spells": lambda f: spells.weak_spells(f, 2023),
    "survival": lambda f: (
        spells.kaplan_meier(
            *spells.weak_spells(f, 2023)[["years", "has_left"]].to_numpy().T.tolist()
        ).table
    ),
    "joining": spells.joining_spells,
    "transitions": lambda f: bands.transitions(f, X, 2023, 2024).counts,
    "beta": lambda f: convergence.beta_convergence(f, X, 2023, 2024),
    "indices": lambda f: inequality.indices(f[X]),
    "lorenz": lambda f: inequality.lorenz(f[X]),
    "attain": lambda f: targets.attain_share(income.changes(f, X, 2023, 2024), 2.0),
    "bootstrap": lambda f: indicators.bootstrap(
        f[X], indicators.gini, np.random.default_rng(1), draws=99
    ),
}


@pytest.mark.parametrize("book", WITHOUT)
@pytest.mark.parametrize("name", RUN)
def test_no_table_is_empty_or_blank_without_a_word(name, book):
    try:
        found = RUN[name](WITHOUT[book])
    except LianjianError:
        return  # a sentence; test_frame.py reads them
    if isinstance(found, pd.DataFrame | pd.Series):
        traits = [name for name in TRAITS if name in found]
        blank = (
            found.empty or found.drop(labels=traits, axis=found.ndim - 1).isna().to_numpy().any()
        )
        assert not blank or found.attrs["notes"], found
    elif name == "beta":
        assert found.notes
    elif name == "bootstrap":
        assert found.note


def test_a_household_that_is_not_known_is_left_out_and_counted():
    frame = books().assign(households=[100, 100, None, None, 300, 300])
    found = income.means(frame, "year", X, per="household").set_index("year")
    assert found["villages"].tolist() == [3, 3]
    assert found["operating_income_villages"].tolist() == [2, 2]
    # v0 and v2: 1 and 5 万元 over 100 and 300 households in 2023
    assert found.loc[2023, "operating_income_yuan_per_household"] == pytest.approx(
        (1e4 / 100 + 5e4 / 300) / 2
    )
    assert found.attrs["notes"] == [
        "1 villages are left out where their number of households is not known"
    ]
    assert found.attrs["units"] == {"operating_income_yuan_per_household": "yuan a household"}


def test_zero_households_are_no_number_of_households():
    with pytest.raises(LianjianError, match="households is 0 or less in 2 rows"):
        income.means(books().assign(households=[0, 0, 1, 1, 1, 1]), per="household")


def test_the_ranking_can_turn_between_villages_and_households():
    frame = books().query("year == 2024").assign(role=["helper", "outside", "outside"])
    frame[X] = [2e4, 3e4, 3e4]
    village = income.means(frame, "role", X)["operating_income_wan_yuan"]
    household = income.means(frame, "role", X, per="household")
    assert village.tolist() == [2, 3]
    assert household["operating_income_yuan_per_household"].tolist() == [200, 125]
    assert household.attrs["labels"] == {"operating_income_yuan_per_household": "Operating income"}


def test_changes_a_household_take_the_households_of_each_year():
    frame = books(1).assign(households=[100, 200])
    found = income.changes(frame, X, 2023, 2024, per="household").iloc[0]
    assert found["start_yuan_per_household"] == 100
    assert found["end_yuan_per_household"] == 100
    assert (
        income.growth(income.changes(frame, X, 2023, 2024, per="household"))["change_mean"][0] == 0
    )


def test_sources_add_up_a_village_and_a_household():
    for per, end in (("village", "_wan_yuan"), ("household", "_yuan_per_household")):
        found = income.by_source(books(), per=per)
        parts = [f"{name}_income{end}" for name in ("operating", "subsidy", "other")]
        np.testing.assert_allclose(found[parts].sum(axis=1), found[f"total_income{end}"])
        shares = found[["operating_pct", "subsidy_pct", "other_pct"]].sum(axis=1)
        np.testing.assert_allclose(shares, 100)


def test_bands_and_the_weak_line_stand_once():
    import analysis.simulate.scenario as simulated
    from analysis.clean.ledger import anomalies
    from analysis.fields import BANDS_WAN

    assert bands.band_labels()[1:] == [
        "under 5", "5–10", "10–20", "20–50", "50–100", "100 and over"
    ]  # fmt: skip
    assert simulated.Scenario().weak_threshold_wan == bands.WEAK_WAN
    assert {target / WAN for target in anomalies.TARGETS_YUAN} <= set(BANDS_WAN)
    assert bands.status(books(), 30.0).tolist() == ["weak"] * 6
