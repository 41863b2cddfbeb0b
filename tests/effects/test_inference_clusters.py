"""CR1 against statsmodels, CR2 against explicit hat matrices and clubSandwich."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import linalg

from analysis.effects.inference._two_way import Rows, cr2, swept, two_way_cr2, wild
from analysis.effects.panel import make_panel
from analysis.errors import LianjianError

DATA = Path(__file__).parents[1] / "reference"
PRINTED = 5e-9  # clubSandwich is quoted to eight decimals
PRINTED_DF = 5e-5  # its degrees of freedom to four
PRINTED_P = 5e-8  # its p-value to seven
ROUNDING = 1e-9  # two routes to the same number in double precision


def village_panel(groups=7, periods=4, seed=0, gaps=True):
    """Return design, outcome, clusters and units; clusters of very different size, rows missing."""
    rng = np.random.default_rng(seed)
    cluster_of = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    unit = np.repeat(np.arange(len(cluster_of)), periods)
    year = np.tile(np.arange(periods), len(cluster_of))
    cluster = cluster_of[unit]
    treated = ((cluster % 3 == 0) & (year >= 2)).astype(float)
    outcome = rng.normal(size=len(unit)) + rng.normal(size=groups)[cluster] * (year + 1)
    design = np.column_stack([treated, *[(year == t).astype(float) for t in range(1, periods)]])
    kept = rng.random(len(unit)) > (0.15 if gaps else -1)
    return design[kept], outcome[kept], cluster[kept], unit[kept]


def plain_rows(design, outcome, clusters):
    """Return rows of a regression without unit effects."""
    codes = np.unique(clusters, return_inverse=True)[1]
    return Rows(np.asarray(design, float), np.asarray(outcome, float), codes, len(outcome))


def first(design, column):
    """Return the design with one column moved to the front."""
    return np.column_stack([design[:, column], np.delete(design, column, axis=1)])


def explicit_cr2(design, outcome, clusters, contrast):
    """CR2 with n × n matrices, as the papers print it."""
    bread = np.linalg.pinv(design.T @ design)
    annihilator = np.eye(len(outcome)) - design @ bread @ design.T
    residuals = annihilator @ outcome
    vectors, variance = [], 0.0
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        values, basis = linalg.eigh(annihilator[np.ix_(rows, rows)])
        good = values > 1e-9
        adjust = (basis[:, good] / np.sqrt(values[good])) @ basis[:, good].T
        score = adjust @ design[rows] @ bread @ contrast
        variance += (score @ residuals[rows]) ** 2
        vectors.append(annihilator[:, rows] @ score)
    products = np.array(vectors) @ np.array(vectors).T
    return variance**0.5, np.trace(products) ** 2 / (products**2).sum()


@pytest.mark.parametrize("seed", range(4))
def test_cr1_is_that_of_statsmodels(seed):
    design, outcome, clusters, _ = village_panel(seed=seed)
    design = sm.add_constant(design)
    ours = wild(plain_rows(first(design, 1), outcome, clusters), draws=99)
    theirs = sm.OLS(outcome, design).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    assert ours.estimate == pytest.approx(theirs.params[1], rel=ROUNDING)
    assert ours.std_error == pytest.approx(theirs.bse[1], rel=ROUNDING)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("absorb", [False, True])
def test_cr2_is_the_explicit_formula(seed, absorb):
    design, outcome, clusters, units = village_panel(seed=seed)
    if absorb:
        ours = cr2(swept(design, outcome, clusters, units))
        full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    else:
        full = first(sm.add_constant(design), 1)
        ours = cr2(plain_rows(full, outcome, clusters))
    error, df = explicit_cr2(full, outcome, clusters, np.eye(full.shape[1])[0])
    assert ours.std_error == pytest.approx(error, rel=1e-7)  # the explicit pinv loses digits
    assert ours.df == pytest.approx(df, rel=1e-7)


def test_cr2_without_clustering_is_hc2():
    design, outcome, _, _ = village_panel(seed=3)
    design = sm.add_constant(design)
    ours = cr2(plain_rows(first(design, 1), outcome, np.arange(len(outcome))))
    assert ours.std_error == pytest.approx(sm.OLS(outcome, design).fit().HC2_se[1], rel=ROUNDING)


def test_minimum_wage_2007_by_state_is_clubsandwich():
    frame = pd.read_csv(DATA / "mpdta.csv")
    frame = frame[frame["first.treat"].isin([0, 2007]) & frame["year"].isin([2006, 2007])]
    frame["state"] = frame["countyreal"] // 1000
    panel = make_panel(frame, "lemp", unit="countyreal", cohort="first.treat", cluster="state")
    ours = two_way_cr2(panel)
    assert ours.estimate == pytest.approx(-0.02605441, abs=PRINTED)
    assert ours.std_error == pytest.approx(0.01500853, abs=PRINTED)
    assert ours.df == pytest.approx(10.5226, abs=PRINTED_DF)
    assert ours.p_value == pytest.approx(0.1117096, abs=PRINTED_P)
    assert (ours.n_clusters, ours.n_units, ours.n_obs) == (25, 440, 880)


def test_large_offsets_do_not_cost_digits():
    design, outcome, clusters, units = village_panel(seed=8)
    plain = cr2(swept(design, outcome, clusters, units))
    shifted = cr2(swept(design, outcome + 1e7, clusters, units))
    assert shifted.std_error == pytest.approx(plain.std_error, rel=1e-6)  # 1e7 costs seven digits


def test_few_degrees_of_freedom_are_noted():
    result = cr2(plain_rows([[1], [1], [1], [1]], [1, 3, 5, 7], [1, 1, 2, 2]))
    assert "under 4" in result.notes[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_cluster_of_full_leverage_takes_the_generalised_inverse(seed):
    design, outcome, clusters, units = village_panel(seed=seed, gaps=False)
    # a regressor that lives in one cluster only is fitted by it alone
    alone = ((clusters == 2) & (design[:, -1] == 1)).astype(float)
    design = np.column_stack([design, alone])
    ours = cr2(swept(design, outcome, clusters, units))
    full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    error, df = explicit_cr2(full, outcome, clusters, np.eye(full.shape[1])[0])
    assert (ours.std_error, ours.df) == pytest.approx((error, df), rel=1e-7)


@pytest.mark.parametrize("method", [cr2, wild])
def test_neither_order_nor_names_nor_text_labels_matter(method):
    design, outcome, clusters, units = village_panel(seed=5)
    plain = method(swept(design, outcome, clusters, units))
    order = np.random.default_rng(1).permutation(len(outcome))
    names = np.array([f"联{(c * 37) % 11}" for c in clusters])
    other = method(swept(design[order], outcome[order], names[order], -units[order]))
    assert other.std_error == pytest.approx(plain.std_error, rel=ROUNDING)
    assert other.df == pytest.approx(plain.df, rel=ROUNDING)
    assert other.p_value == pytest.approx(plain.p_value, rel=ROUNDING)


@pytest.mark.parametrize("method", [cr2, wild])
def test_what_cannot_be_estimated_says_why(method):
    design, outcome, clusters, units = village_panel(seed=7)
    with pytest.raises(LianjianError, match="There is 1 cluster"):
        method(swept(design, outcome, np.zeros_like(clusters), units))
    with pytest.raises(LianjianError, match="residuals are all zero"):
        method(swept(design, np.full_like(outcome, 3.0), clusters, units))
    with pytest.raises(LianjianError, match="not identified"):
        method(swept(np.zeros_like(design), outcome, clusters, units))
    with pytest.raises(LianjianError, match="level"):
        method(swept(design, outcome, clusters, units), level=95)
    with pytest.raises(LianjianError, match="rows cannot carry"):
        method(plain_rows(np.eye(3), [1.0, 2.0, 4.0], [0, 1, 2]))


@pytest.mark.parametrize("method", [cr2, wild])
def test_one_treated_cluster_is_warned_of(method):
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(6), 8)
    design = np.column_stack([clusters == 0, np.ones(48)])
    result = method(plain_rows(design, rng.normal(size=48), clusters))
    assert any("placebo alliances" in note for note in result.notes)


def test_weights_are_refused():
    frame = pd.DataFrame({"village_id": [*"aabbcc"], "year": [2023, 2024] * 3, "w": 2.0})
    frame = frame.assign(y=[1.0, 3, 1, 2, 0, 4], joined_year=[2024] * 2 + [0] * 4)
    with pytest.raises(LianjianError, match="takes no weights"):
        two_way_cr2(make_panel(frame, "y", weights="w"))
