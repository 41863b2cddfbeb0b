"""CR1 against statsmodels, CR2 against explicit hat matrices and clubSandwich."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import linalg

from analysis.effects.inference._clusters import cr1, cr2
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
    ours = cr1(design, outcome, clusters, 1)
    theirs = sm.OLS(outcome, design).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    assert ours.estimate == pytest.approx(theirs.params[1], rel=ROUNDING)
    assert ours.std_error == pytest.approx(theirs.bse[1], rel=ROUNDING)
    assert ours.p_value == pytest.approx(theirs.pvalues[1], rel=ROUNDING)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.conf_int()[1]), rel=ROUNDING)


def test_absorbed_units_are_not_counted_as_parameters():
    design, outcome, clusters, units = village_panel()
    dummies = pd.get_dummies(units).to_numpy(dtype=float)
    absorbed = cr1(design, outcome, clusters, 0, absorb=units)
    written = cr1(np.hstack([design, dummies]), outcome, clusters, 0)
    n, k, m = len(outcome), design.shape[1], dummies.shape[1]
    assert absorbed.estimate == pytest.approx(written.estimate, rel=ROUNDING)
    ratio = ((n - k - m) / (n - k)) ** 0.5
    assert absorbed.std_error == pytest.approx(written.std_error * ratio, rel=ROUNDING)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("absorb", [False, True])
def test_cr2_is_the_explicit_formula(seed, absorb):
    design, outcome, clusters, units = village_panel(seed=seed)
    if absorb:
        ours = cr2(design, outcome, clusters, 0, absorb=units)
        full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    else:
        full = sm.add_constant(design)[:, [1, 0, *range(2, design.shape[1] + 1)]]
        ours = cr2(full, outcome, clusters, 0)
    error, df = explicit_cr2(full, outcome, clusters, np.eye(full.shape[1])[0])
    assert ours.std_error == pytest.approx(error, rel=1e-7)  # the explicit pinv loses digits
    assert ours.df == pytest.approx(df, rel=1e-7)


def test_cr2_with_a_contrast_of_two_coefficients():
    design, outcome, clusters, units = village_panel(seed=9)
    contrast = np.array([1.0, -1.0, 0.0, 0.0])
    ours = cr2(design, outcome, clusters, contrast, absorb=units)
    full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    padded = np.concatenate([contrast, np.zeros(full.shape[1] - 4)])
    error, df = explicit_cr2(full, outcome, clusters, padded)
    assert (ours.std_error, ours.df) == pytest.approx((error, df), rel=1e-7)


def test_cr2_without_clustering_is_hc2():
    design, outcome, _, _ = village_panel(seed=3)
    design = sm.add_constant(design)
    ours = cr2(design, outcome, np.arange(len(outcome)), 1)
    assert ours.std_error == pytest.approx(sm.OLS(outcome, design).fit().HC2_se[1], rel=ROUNDING)


def test_minimum_wage_2007_by_state_is_clubsandwich():
    panel = pd.read_csv(DATA / "mpdta.csv")
    panel = panel[panel["first.treat"].isin([0, 2007]) & panel["year"].isin([2006, 2007])]
    after = (panel["year"] == 2007).to_numpy(dtype=float)
    treated = (panel["first.treat"] == 2007).to_numpy(dtype=float)
    ours = cr2(
        np.column_stack([after, after * treated]),
        panel["lemp"],
        panel["countyreal"] // 1000,
        1,
        absorb=panel["countyreal"],
    )
    assert ours.estimate == pytest.approx(-0.02605441, abs=PRINTED)
    assert ours.std_error == pytest.approx(0.01500853, abs=PRINTED)
    assert ours.df == pytest.approx(10.5226, abs=PRINTED_DF)
    assert ours.p_value == pytest.approx(0.1117096, abs=PRINTED_P)
    assert (ours.n_clusters, ours.n_units, ours.n_obs) == (25, 440, 880)


@pytest.mark.parametrize("method", [cr1, cr2])
def test_neither_order_nor_names_nor_text_labels_matter(method):
    design, outcome, clusters, units = village_panel(seed=5)
    first = method(design, outcome, clusters, 0, absorb=units)
    order = np.random.default_rng(1).permutation(len(outcome))
    names = np.array([f"联{(c * 37) % 11}" for c in clusters])
    second = method(design[order], outcome[order], names[order], 0, absorb=-units[order])
    assert second.std_error == pytest.approx(first.std_error, rel=ROUNDING)
    assert second.df == pytest.approx(first.df, rel=ROUNDING)


@pytest.mark.parametrize("method", [cr1, cr2])
def test_missing_rows_are_dropped_with_a_note(method):
    design, outcome, clusters, units = village_panel(seed=6)
    holed = outcome.copy()
    holed[[0, 5]] = np.nan
    result = method(design, holed, clusters, 0, absorb=units)
    kept = ~np.isnan(holed)
    same = method(design[kept], outcome[kept], clusters[kept], 0, absorb=units[kept])
    assert result.std_error == pytest.approx(same.std_error, rel=ROUNDING)
    assert "2 of" in result.notes[0]
    assert np.isnan(holed[0])


@pytest.mark.parametrize("method", [cr1, cr2])
def test_what_cannot_be_estimated_says_why(method):
    design, outcome, clusters, units = village_panel(seed=7)
    with pytest.raises(LianjianError, match="There is 1 cluster"):
        method(design, outcome, np.zeros_like(clusters), 0)
    with pytest.raises(LianjianError, match="residuals are all zero"):
        method(design, np.full_like(outcome, 3.0), clusters, 0, absorb=units)
    with pytest.raises(LianjianError, match="not identified"):
        method(np.zeros_like(design), outcome, clusters, 0)
    with pytest.raises(LianjianError, match="lies in two clusters"):
        method(design, outcome, np.arange(len(outcome)), 0, absorb=units)
    with pytest.raises(LianjianError, match="no cluster"):
        method(design, outcome, np.where(clusters == 0, None, clusters), 0)
    with pytest.raises(LianjianError, match="No row"):
        method(design, np.full_like(outcome, np.nan), clusters, 0)
    with pytest.raises(LianjianError, match="no column 9"):
        method(design, outcome, clusters, 9)
    with pytest.raises(LianjianError, match="shape"):
        method(design, outcome[:-1], clusters, 0)
    with pytest.raises(LianjianError, match="level"):
        method(design, outcome, clusters, 0, level=95)


def test_large_offsets_do_not_cost_digits():
    design, outcome, clusters, units = village_panel(seed=8)
    plain = cr2(design, outcome, clusters, 0, absorb=units)
    shifted = cr2(design, outcome + 1e7, clusters, 0, absorb=units)
    assert shifted.std_error == pytest.approx(plain.std_error, rel=1e-6)  # 1e7 costs seven digits


def test_few_degrees_of_freedom_are_noted():
    result = cr2([[1], [1], [1], [1]], [1, 3, 5, 7], [1, 1, 2, 2], 0)
    assert "under 4" in result.notes[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_cluster_of_full_leverage_takes_the_generalised_inverse(seed):
    design, outcome, clusters, units = village_panel(seed=seed, gaps=False)
    # a regressor that lives in one cluster only is fitted by it alone
    alone = ((clusters == 2) & (design[:, -1] == 1)).astype(float)
    design = np.column_stack([design, alone])
    ours = cr2(design, outcome, clusters, 0, absorb=units)
    full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    error, df = explicit_cr2(full, outcome, clusters, np.eye(full.shape[1])[0])
    assert (ours.std_error, ours.df) == pytest.approx((error, df), rel=1e-7)


@pytest.mark.parametrize("method", [cr1, cr2])
def test_one_treated_cluster_is_warned_of(method):
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(6), 8)
    design = np.column_stack([np.ones(48), clusters == 0])
    result = method(design, rng.normal(size=48), clusters, 1)
    assert any("randomisation" in note for note in result.notes)
