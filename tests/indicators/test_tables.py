"""Tables that no indicator can use are refused in words by all of them."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import LianjianError
from analysis.indicators import (
    bands,
    convergence,
    decomposition,
    durations,
    income,
    inequality,
    pairs,
    resample,
    robust,
    targets,
    transitions,
)

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
    "swings": lambda f: income.yearly_swings(f, COLUMN),
    "spells": lambda f: durations.weak_spells(f, 2022, threshold_wan=20),
    "gaps": lambda f: pairs.gaps(f, COLUMN),
    "beta": lambda f: convergence.beta(f, COLUMN, 2022, 2024),
    "sigma": lambda f: convergence.sigma(f, COLUMN),
    "transitions": lambda f: transitions.band_transitions(f, COLUMN, 2022, 2024),
}
BY_ROW = {
    "means": lambda f: income.means(f, ["year"], [COLUMN]),
    "composition": lambda f: income.composition(f, ["year"]),
    "shares": lambda f: bands.band_shares(f, ["year"], COLUMN),
    "weak": lambda f: bands.weak_share(f, ["year"]),
    "status": bands.status,
}
BY_VALUE = {
    "robust": robust.robust_mean,
    "gini": inequality.gini,
    "usable": inequality.usable,
    "lorenz": inequality.lorenz,
    "band": bands.band,
    "reconcile": lambda x: targets.reconcile(x, 5.0, "mean is", villages=99),
    "decompose": lambda x: decomposition.decompose(x, pd.Series("A", x.index)),
    "bootstrap": lambda x: resample.bootstrap(x, np.mean, np.random.default_rng(1), draws=99),
}
ALL = (
    BY_PANEL | BY_ROW | {name: lambda f, run=run: run(f[COLUMN]) for name, run in BY_VALUE.items()}
)


@pytest.mark.parametrize("name", ALL)
def test_text_and_infinite_amounts_are_refused(name):
    frame = books()
    ALL[name](frame)
    with pytest.raises(LianjianError, match="not numbers"):
        ALL[name](frame.assign(**{COLUMN: "x"}))
    with pytest.raises(LianjianError, match="infinite in 1 rows"):
        ALL[name](frame.assign(**{COLUMN: frame[COLUMN].where(frame.index != 0, np.inf)}))


@pytest.mark.parametrize("name", ALL)
def test_nullable_numbers_give_the_same(name):
    frame = books()
    holes = frame.assign(**{COLUMN: frame[COLUMN].where(frame.index != 7)})
    nullable = holes.assign(**{COLUMN: holes[COLUMN].astype("Float64")})
    assert repr(ALL[name](nullable)) == repr(ALL[name](holes))


@pytest.mark.parametrize("name", BY_PANEL | BY_ROW)
def test_a_missing_column_is_named(name):
    with pytest.raises(LianjianError, match=f"no column {COLUMN}"):
        ALL[name](books().drop(columns=COLUMN))


@pytest.mark.parametrize("name", BY_PANEL)
def test_a_village_twice_in_a_year_is_named(name):
    frame = books()
    with pytest.raises(LianjianError, match="first v0 in 2022"):
        BY_PANEL[name](pd.concat([frame, frame.iloc[:1]]))


@pytest.mark.parametrize("name", BY_PANEL)
def test_the_order_of_rows_and_the_type_of_years_do_not_matter(name):
    frame = books()
    shuffled = frame.sample(frac=1, random_state=3).assign(year=lambda f: f["year"].astype(float))
    assert repr(BY_PANEL[name](shuffled)) == repr(BY_PANEL[name](frame))
