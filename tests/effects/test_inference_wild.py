"""The wild bootstrap against refitting every draw row by row."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis._frame import TIE
from analysis.effects.inference._two_way import WEIGHTS, Rows, panel_rows, swept, wild
from analysis.effects.panel import make_panel
from analysis.errors import LianjianError

DATA = Path(__file__).parents[1] / "reference"
MONTE_CARLO = 0.02  # four standard errors of a share near .3 from 9,999 draws
ROUNDING = 1e-8  # sampled draws do not change; sums over rows differ in the last digits


def village_panel(groups=6, periods=3, seed=0):
    rng = np.random.default_rng(seed)
    cluster_of = np.repeat(np.arange(groups), rng.integers(1, 5, groups))
    unit = np.repeat(np.arange(len(cluster_of)), periods)
    year = np.tile(np.arange(periods), len(cluster_of))
    cluster = cluster_of[unit]
    treated = ((cluster % 2 == 0) & (year >= 1 + (cluster % 4 == 0))).astype(float)
    outcome = rng.normal(size=len(unit)) + rng.normal(size=groups)[cluster] * year + 0.7 * treated
    design = np.column_stack([treated, *[(year == t).astype(float) for t in range(1, periods)]])
    kept = rng.random(len(unit)) > 0.1
    return design[kept], outcome[kept], cluster[kept], unit[kept]


def refit(design, outcome, clusters):
    """Return the first coefficient and the square root of its sandwich, without any factor."""
    bread = np.linalg.pinv(design.T @ design)
    beta = bread @ design.T @ outcome
    residuals = outcome - design @ beta
    scores = np.array(
        [design[clusters == g].T @ residuals[clusters == g] for g in np.unique(clusters)]
    )
    return beta[0], (bread @ scores.T @ scores @ bread)[0, 0] ** 0.5


def brute_force(design, outcome, clusters, null, points):
    beta, error = refit(design, outcome, clusters)
    observed = abs(beta - null) / error
    others = design[:, 1:]
    fitted = others @ np.linalg.lstsq(others, outcome - null * design[:, 0], rcond=None)[0]
    fitted = fitted + null * design[:, 0]
    codes = np.unique(clusters, return_inverse=True)[1]
    reached = 0
    patterns = list(product(points, repeat=codes.max() + 1))
    for pattern in patterns:
        drawn = fitted + np.array(pattern)[codes] * (outcome - fitted)
        beta, error = refit(design, drawn, clusters)
        reached += abs(beta - null) / error >= observed * (1 - TIE)
    return reached / len(patterns)


@pytest.mark.parametrize(("weights", "groups"), [("rademacher", 6), ("webb", 3)])
@pytest.mark.parametrize("null", [0.0, 0.5])
def test_every_pattern_is_what_refitting_gives(weights, groups, null):
    design, outcome, clusters, units = village_panel(groups, seed=groups)
    full = np.hstack([design, pd.get_dummies(units).to_numpy(dtype=float)])
    expected = brute_force(full, outcome, clusters, null, WEIGHTS[weights])
    less = outcome - null * design[:, 0]
    codes = np.unique(clusters, return_inverse=True)[1]
    absorbed = wild(swept(design, less, clusters, units), weights=weights)
    written = wild(Rows(full, less, codes, len(less)), weights=weights)
    assert absorbed.p_value == pytest.approx(expected, abs=TIE)
    assert written.p_value == pytest.approx(expected, abs=TIE)
    assert "all" in absorbed.inference


def test_minimum_wage_with_eight_clusters():
    frame = pd.read_csv(DATA / "mpdta.csv")
    state = frame["countyreal"] // 1000
    frame["eighth"] = state.rank(method="dense").astype(int) % 8
    panel = make_panel(frame, "lemp", unit="countyreal", cohort="first.treat", cluster="eighth")
    result = wild(panel_rows(panel, 0), weights="rademacher")
    assert result.p_value == 66 / 256
    assert result.smallest_p == 2 / 256
    assert "all 256" in result.inference


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_ends_where_the_test_begins_to_reject(seed):
    design, outcome, clusters, units = village_panel(9, seed=seed)
    result = wild(swept(design, outcome, clusters, units), weights="rademacher", level=0.9)
    for end, outwards in ((result.low, -1), (result.high, 1)):
        for side, kept in ((-1, True), (1, False)):
            null = end + side * outwards * 1e-6 * result.std_error
            less = swept(design, outcome - null * design[:, 0], clusters, units)
            tested = wild(less, weights="rademacher")
            assert (tested.p_value > 0.1) is kept


def test_too_few_clusters_to_reject_give_an_open_interval_and_say_so():
    design, outcome, clusters, units = village_panel(4, seed=1)
    result = wild(swept(design, outcome, clusters, units), weights="rademacher")
    assert result.smallest_p == 2 / 16
    assert np.isinf([result.low, result.high]).all()
    assert "open" in result.notes[0]


def test_sampling_agrees_with_enumeration():
    design, outcome, clusters, units = village_panel(14, seed=3)
    every = wild(swept(design, outcome, clusters, units), draws=2**14)
    some = wild(swept(design, outcome, clusters, units), draws=9_999)
    assert "all" in every.inference
    assert "sampled" in some.inference
    assert some.p_value == pytest.approx(every.p_value, abs=MONTE_CARLO)
    assert (some.low, some.high) == pytest.approx((every.low, every.high), rel=0.05, abs=0.05)


def test_the_weights_are_stated():
    design, outcome, clusters, units = village_panel(8, seed=4)
    assert "webb weights" in wild(swept(design, outcome, clusters, units)).inference
    design, outcome, clusters, units = village_panel(12, seed=4)
    result = wild(swept(design, outcome, clusters, units))
    assert "rademacher weights, all 4,096" in result.inference


def test_draws_depend_neither_on_order_nor_on_names():
    design, outcome, clusters, units = village_panel(16, seed=5)
    first = wild(swept(design, outcome, clusters, units), draws=999)
    order = np.random.default_rng(1).permutation(len(outcome))
    names = np.array([f"联{(c * 7) % 17}" for c in clusters])
    second = wild(swept(design[order], outcome[order], names[order], units[order]), draws=999)
    assert second.p_value == first.p_value
    assert (second.low, second.high) == pytest.approx((first.low, first.high), rel=ROUNDING)


def test_many_rows_of_one_cluster_cost_no_digits():
    design, outcome, clusters, units = village_panel(seed=6)
    plain = wild(swept(design, outcome, clusters, units), weights="rademacher")
    larger = swept(design, outcome * 1e4 + 1e8, clusters, units)
    scaled = wild(larger, weights="rademacher")
    assert scaled.p_value == plain.p_value
    assert scaled.high == pytest.approx(plain.high * 1e4, rel=1e-5)


def test_unknown_weights_and_no_draws_are_refused():
    rows = swept(*village_panel(seed=8))
    with pytest.raises(LianjianError, match="weights"):
        wild(rows, weights="normal")
    with pytest.raises(LianjianError, match="draws"):
        wild(rows, draws=0)


PROGRAM = """
import numpy as np
from analysis.effects.inference._two_way import cr2, swept, wild
rng = np.random.default_rng(0)
names = np.repeat([f"village {i}" for i in range(15)], 4)
rows = swept(rng.normal(size=(60, 1)), rng.normal(size=60), names, names)
result = wild(rows, draws=499)
print(repr((result.p_value, result.low, cr2(rows).std_error)))
"""


def test_the_hash_seed_does_not_matter():
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
