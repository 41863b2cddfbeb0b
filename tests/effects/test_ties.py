"""No result hangs on the last bit: ties of exact arithmetic are ties in binary, on any machine."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.effects.inference._paired_ranks import signed_rank
from analysis.effects.inference._two_way import Rows, cluster_scores, draw, swept, wild
from analysis.effects.inference.paired import sign_flip
from analysis.effects.inference.randomization import randomization_inference
from analysis.effects.matching import match
from analysis.effects.results import Estimate
from analysis.indicators.bands import WEAK_RULES, band, status, weak_share
from analysis.indicators.spells import weak_spells

LAST_BITS = 1e-12  # relative; a few thousand roundings in one direction


def shaken(values, seed):
    """Return values as another order of additions might have left them."""
    noise = np.random.default_rng(seed).uniform(-LAST_BITS, LAST_BITS, np.shape(values))
    return np.asarray(values, dtype=float) * (1 + noise)


def clustered(groups, seed, *, whole):
    """Return two villages a cluster, three years each; whole numbers tie in many patterns."""
    rng = np.random.default_rng(seed)
    cluster, year = np.repeat(np.arange(groups), 6), np.tile([0, 1, 2], 2 * groups)
    unit = np.repeat(np.arange(2 * groups), 3)
    treated = ((cluster < groups // 2) & (year == 2)).astype(float)
    outcome = rng.integers(0, 4, len(year)) if whole else rng.normal(size=len(year))
    design = np.column_stack([treated, year == 1, year == 2]).astype(float)
    return design, outcome + year + treated, cluster, unit


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("groups", [4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_the_wild_bootstrap_counts_the_same_patterns(groups, seed, whole):
    design, outcome, cluster, unit = clustered(groups, seed, whole=whole)
    rows = swept(design, outcome, cluster, unit)
    plain = wild(rows, weights="rademacher", level=0.9)
    for shake in range(3):
        rows = swept(design, shaken(outcome, shake), cluster, unit)
        other = wild(rows, weights="rademacher", level=0.9)
        assert other.p_value == plain.p_value
        assert (other.low, other.high) == pytest.approx((plain.low, plain.high), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_observed_pattern_and_its_mirror_tie_however_far_the_null(seed):
    design, outcome, cluster, unit = clustered(5, seed, whole=False)
    for null in (0.0, 1e3):
        less = swept(design, outcome - null * design[:, 0], cluster, unit)
        result = wild(less, weights="rademacher")
        assert result.p_value >= result.smallest_p == 2 / 2**5
    scores = cluster_scores(swept(design, outcome, cluster, unit))
    patterns = draw(scores, np.array([[1.0] * 5, [-1.0] * 5, [1.5**0.5] * 5]))
    for null in (0.0, 1.0, 1e8, 1e15):
        one, mirror, webb = patterns.squared(null)
        assert one == mirror
        assert webb == pytest.approx(one, rel=1e-14)


@pytest.mark.parametrize(("groups", "seed"), [*product((4, 5, 6), range(6))])
def test_a_null_at_the_estimate_is_never_rejected(groups, seed):
    design, outcome, cluster, unit = clustered(groups, seed, whole=False)
    estimate = wild(swept(design, outcome, cluster, unit)).estimate
    at_it = wild(swept(design, outcome - estimate * design[:, 0], cluster, unit))
    assert at_it.p_value == 1


def test_a_level_in_binary_keeps_no_null_value_too_many():
    # of 5 clusters a tenth of the draws, (1 + 1)/(1 + 19), is rejected at 90 %: 1 − 0.9 < 0.1
    rng = np.random.default_rng(3)
    outcome, clusters = rng.normal(1, 1, 12), np.arange(12)
    ones = np.ones((12, 1))
    result = wild(Rows(ones, outcome, clusters, 12), draws=19, level=0.9)
    step = 1e-6 * result.std_error
    outside = wild(Rows(ones, outcome - (result.low - step), clusters, 12), draws=19)
    inside = wild(Rows(ones, outcome - (result.low + step), clusters, 12), draws=19)
    assert outside.p_value <= 0.1 < inside.p_value


@pytest.mark.parametrize("test", [sign_flip, signed_rank])
def test_pairs_in_decimals_are_pairs_in_whole_numbers(test):
    whole = np.array([1, 2, 3, -3, 4, 6, -1, 5, 7])
    now, before = 10 + whole, np.full(9, 10)
    plain = test(whole)
    # 1.1 − 1.0 is not 0.1: tied ranks of the differences part in binary
    decimal = test(now / 10 - before / 10)
    assert decimal.p_value == plain.p_value
    assert (10 * decimal.low, 10 * decimal.high) == pytest.approx((plain.low, plain.high))
    assert decimal.notes == plain.notes


def test_what_rounding_leaves_of_a_zero_difference_is_dropped():
    result = signed_rank([0.1 + 0.2 - 0.3, 1.0, 2.0, 3.0])
    assert result.n_units == 3
    assert "1 of 4 differences are zero" in result.notes[0]


def test_neighbours_at_the_same_distance_are_chosen_by_their_values():
    # 0.3 lies as far from 0.1 as from 0.5, which binary denies; the lower one is taken
    units = pd.DataFrame({"weak": [True, False, False], "size": [0.3, 0.1, 0.5]})
    for order in ([0, 1, 2], [2, 0, 1]):
        shuffled = units.iloc[order].reset_index(drop=True)
        for seed in range(4):
            found = match(shuffled.assign(size=shaken(shuffled["size"], seed)), "weak", ["size"])
            assert round(shuffled["size"][found.control[0]], 9) == 0.1


def test_a_caliper_keeps_those_who_lie_on_it():
    units = pd.DataFrame({"weak": [True, True, False, False], "size": [0.0, 2.0, 0.7, 2.7]})
    spread = 2**0.5  # within groups, of 0 and 2
    found = match(units, "weak", ["size"], caliper=0.7 / spread)
    assert len(found.treated) == 2


def test_placebos_tie_with_an_estimate_of_zero():
    nothing = Estimate("x", 1e-17, 1.0, -2.0, 2.0, 1.0, 0.95, 8, 9, 9, 9, "by hand")
    assert randomization_inference(nothing, np.array([0.0, 1.0, -1.0])).p_value == 1


def test_cents_that_add_up_to_a_threshold_attain_it():
    parts = np.array([16_666.67, 16_666.66, 16_666.67])
    almost = float(np.nextafter(parts.sum(), 0))
    assert band(pd.Series([almost, 49_999.99])).tolist() == ["5–10", "under 5"]
    frame = pd.DataFrame({"village_id": ["a"], "year": [2024], "operating_income_yuan": [almost]})
    assert weak_share(frame, ["year"])["weak_pct"].item() == 0
    assert status(frame, WEAK_RULES["gansu"]).item() == "not weak"
    nothing = frame.assign(operating_income_yuan=0.1 + 0.2 - 0.3)
    assert status(nothing).item() == "empty shell"
    assert band(nothing["operating_income_yuan"]).item() == "none"
    rows = pd.DataFrame(
        {"village_id": ["a"] * 2, "year": [2023, 2024], "operating_income_yuan": [1e4, almost]}
    )
    assert weak_spells(rows, 2023)["has_left"].tolist() == [True]


PROGRAM = """
import numpy as np
from tests.effects.test_ties import clustered
from analysis.effects.inference._two_way import cr2, swept, wild
for groups, whole in ((4, True), (5, False), (14, False)):
    rows = swept(*clustered(groups, 1, whole=whole))
    r = wild(rows, weights="rademacher", draws=999)
    print(r.p_value, *(f"{x:.6g}" for x in (r.estimate, r.low, r.high)))
    print(f"{cr2(rows).p_value:.6g}")
"""


def test_the_kernels_of_the_linear_algebra_do_not_matter():
    # OpenBLAS picks its kernels by processor; where the name is unknown it keeps its own
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={**os.environ, **core}, check=True,
            cwd=Path(__file__).parents[2], capture_output=True, text=True,
        ).stdout
        for core in ({}, {"OPENBLAS_CORETYPE": "Prescott"}, {"OPENBLAS_CORETYPE": "Nehalem"})
    }  # fmt: skip
    assert len(seen) == 1
