"""Randomisation and multiple testing against enumeration and plain loops."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.effects.inference._exact_randomization import (
    assignments,
    count_assignments,
    randomisation_test,
)
from analysis.effects.inference._multiple import benjamini_hochberg, holm, romano_wolf
from analysis.errors import LianjianError

TIE = 1e-9
MONTE_CARLO = 0.045  # four standard errors of a share near .3 from 1,999 draws

OUTCOME = np.array([3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0])
TIMING = np.array([2022, 0, 2023, 0, 2022, 2022, 0, 0])
COUNTY = np.array(["a", "a", "a", "a", "b", "b", "b", "b"])


def gap(timing):
    return OUTCOME[timing > 0].mean() - OUTCOME[timing == 0].mean()


def test_assignments_are_the_different_permutations_within_strata():
    firsts = set(permutations(TIMING[:4].tolist()))
    seconds = set(permutations(TIMING[4:].tolist()))
    expected = {first + second for first in firsts for second in seconds}
    listed = [tuple(a.tolist()) for a in assignments(TIMING, COUNTY)]
    assert len(listed) == len(set(listed)) == count_assignments(TIMING, COUNTY) == 12 * 6
    assert set(listed) == expected
    assert count_assignments(TIMING) == 8 * 7 * 6 * 5 // 6 * 1 * 1  # 8!/(3! 1! 4!)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_few_assignments_are_enumerated(alternative):
    values = np.array([gap(a) for a in assignments(TIMING, COUNTY)])
    observed = gap(TIMING)
    expected = {
        "two-sided": np.mean(np.abs(values) >= abs(observed) - TIE),
        "greater": np.mean(values >= observed - TIE),
        "less": np.mean(values <= observed + TIE),
    }[alternative]
    test = randomisation_test(TIMING, gap, strata=COUNTY, alternative=alternative)
    assert test.p_value == pytest.approx(expected, abs=TIE)
    assert test.is_exact
    assert test.smallest_p == 1 / 72


def test_many_assignments_are_sampled_within_strata():
    exact = randomisation_test(TIMING, gap, strata=COUNTY)
    sampled = randomisation_test(TIMING, gap, strata=COUNTY, enumerate_up_to=10)
    assert not sampled.is_exact
    assert sampled.n_draws == 1_999
    assert sampled.p_value == pytest.approx(exact.p_value, abs=MONTE_CARLO)
    again = randomisation_test(TIMING, gap, strata=COUNTY, enumerate_up_to=10)
    assert again.p_value == sampled.p_value
    for drawn in assignments(TIMING, COUNTY, draws=20, enumerate_up_to=1):
        assert sorted(drawn[:4]) == sorted(TIMING[:4])
        assert sorted(drawn[4:]) == sorted(TIMING[4:])


def test_missing_years_mean_never():
    timing = pd.Series([2022, None, None], dtype="Int64")
    test = randomisation_test(timing, lambda w: float(np.argmax(pd.notna(w))), alternative="less")
    assert test.n_assignments == 3
    assert test.p_value == pytest.approx(1 / 3)


def test_a_statistic_that_fails_counts_as_extreme():
    def fragile(timing):
        return np.nan if timing[1] else gap(timing)

    test = randomisation_test(TIMING, fragile, strata=COUNTY)
    missing = sum(bool(a[1]) for a in assignments(TIMING, COUNTY))
    assert test.p_value >= missing / 72
    assert f"{missing} assignments" in test.notes[0]
    with pytest.raises(LianjianError, match="observed assignment is missing"):
        randomisation_test(TIMING, lambda _: np.nan)


def test_a_design_without_choice_is_refused():
    with pytest.raises(LianjianError, match="Only the observed assignment"):
        randomisation_test(TIMING, gap, strata=np.arange(8))
    with pytest.raises(LianjianError, match="strata for 8"):
        randomisation_test(TIMING, gap, strata=["a"])
    with pytest.raises(LianjianError, match="alternative"):
        randomisation_test(TIMING, gap, alternative="both")


def test_the_statistic_cannot_change_the_assignment():
    def careless(timing):
        value = gap(timing)
        timing[:] = 0
        return value

    assert randomisation_test(TIMING, careless, strata=COUNTY).p_value == (
        randomisation_test(TIMING, gap, strata=COUNTY).p_value
    )


def test_holm_and_benjamini_hochberg_by_hand_and_by_statsmodels():
    # sorted .005, .01, .03, .04: Holm 4×, 3×, 2×, 1×, then running maximum
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # 4/1, 4/2, 4/3, 4/4 times, then running minimum from above
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    for seed in range(5):
        p_values = np.random.default_rng(seed).random(7).round(1)
        for method, name in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
            theirs = multipletests(p_values, method=name)[1]
            assert method(p_values) == pytest.approx(theirs, rel=1e-12)
    for method in (holm, benjamini_hochberg):
        with pytest.raises(LianjianError, match="p-values"):
            method([0.1, np.nan])
        with pytest.raises(LianjianError, match="p-values"):
            method([])


def test_romano_wolf_is_the_step_down_loop():
    rng = np.random.default_rng(0)
    observed = np.array([2.5, -0.4, 1.9, 2.5])
    draws = rng.normal(size=(299, 4)) @ np.linalg.cholesky(0.5 + 0.5 * np.eye(4)).T
    order = sorted(range(4), key=lambda j: -abs(observed[j]))
    expected, worst = [0.0] * 4, 0.0
    for step, test in enumerate(order):
        maxima = [max(abs(row[j]) for j in order[step:]) for row in draws]
        reached = sum(m >= abs(observed[test]) - TIE for m in maxima)
        worst = max(worst, (1 + reached) / 300)
        expected[test] = worst
    assert romano_wolf(observed, draws) == pytest.approx(expected)
    assert (romano_wolf(observed, draws) >= 1 / 300).all()


def test_romano_wolf_of_one_test_is_its_own_p_value():
    draws = np.random.default_rng(1).normal(size=(99, 1))
    assert romano_wolf([1.0], draws)[0] == (1 + (np.abs(draws) >= 1).sum()) / 100


def test_romano_wolf_refuses_what_does_not_fit():
    with pytest.raises(LianjianError, match="do not fit"):
        romano_wolf([1.0, 2.0], [[1.0]])
    with pytest.raises(LianjianError, match="missing"):
        romano_wolf([1.0], [[np.nan]])
