"""Paired tests against enumeration, R and scipy."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.effects.inference._paired_ranks import signed_rank
from analysis.effects.inference.paired import bca_mean, sign_flip
from analysis.errors import LianjianError

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
PRINTED = 5e-9  # R's p-values are quoted to eight decimals
TIE = 1e-9
MONTE_CARLO = 0.006  # four standard errors of a share near .2 from 99,999 draws


def flip_p(values):
    total = abs(sum(values))
    patterns = list(product([-1, 1], repeat=len(values)))
    reached = sum(
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) >= total - TIE
        for signs in patterns
    )
    return reached / len(patterns)


def test_darwins_maize_by_sign_flips():
    result = sign_flip(DARWIN)
    assert result.p_value == 1726 / 32768
    assert "all 32,768 patterns" in result.inference


def test_darwins_maize_by_signed_ranks():
    assert signed_rank(DARWIN).p_value == pytest.approx(0.04125977, abs=PRINTED)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 9])
def test_sign_flips_are_enumerated(n):
    values = np.random.default_rng(n).normal(0.5, size=n)
    assert sign_flip(values).p_value == pytest.approx(flip_p(values), abs=TIE)


def test_ties_and_zero_differences_count():
    values = [1.0, -1.0, 2.0, 0.0, 2.0, 0.1 + 0.2 - 0.3]
    result = sign_flip(values)
    assert result.p_value == pytest.approx(flip_p(values), abs=TIE)
    assert result.p_value == pytest.approx(flip_p([1.0, -1.0, 2.0, 2.0]), abs=TIE)
    assert "1 of 6 differences are zero" in result.notes[0]
    assert sign_flip([0.0, 0.0]).p_value == 1.0


@pytest.mark.parametrize("n", [6, 8, 11])
def test_the_interval_inverts_the_test(n):
    values = np.random.default_rng(n).normal(0.3, size=n)
    result = sign_flip(values, level=0.9)
    for end, outwards in ((result.low, -1), (result.high, 1)):
        assert sign_flip(values - (end - outwards * 1e-6)).p_value > 0.1
        assert sign_flip(values - (end + outwards * 1e-6)).p_value <= 0.1


def test_three_pairs_say_that_they_cannot_reject():
    for result in (sign_flip([5.0, 6.0, 7.0]), signed_rank([5.0, 6.0, 7.0])):
        assert result.p_value == result.smallest_p == 0.25
        assert "no p-value under 0.25 is possible" in result.notes[-1]
        assert np.isinf([result.low, result.high]).all()


def test_sampled_flips_agree_with_the_normal_limit_and_not_with_order():
    values = np.random.default_rng(0).normal(0.2, size=60)
    result = sign_flip(values)
    assert "sampled" in result.inference
    assert result.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert sign_flip(values[::-1]).p_value == result.p_value
    assert result.smallest_p == 1e-5
    near = stats.t.interval(0.95, 59, values.mean(), stats.sem(values))
    assert (result.low, result.high) == pytest.approx(near, abs=0.02)


def test_twenty_pairs_are_exact_and_twenty_one_agree_with_them():
    values = np.random.default_rng(4).normal(0.3, size=20)
    exact = sign_flip(values)
    sampled = sign_flip([*values, 0.0])
    assert "all" in exact.inference
    assert "sampled" in sampled.inference
    assert sampled.p_value == pytest.approx(exact.p_value, abs=MONTE_CARLO)


def test_tied_ranks_are_counted_exactly():
    values = np.array([1.0, 1.0, -1.0, 2.0, 3.0, 3.0, -0.5])
    ranks = stats.rankdata(np.abs(values))
    middle = ranks.sum() / 2
    observed = abs(ranks[values > 0].sum() - middle)
    sums = [(np.array(signs) * ranks).sum() for signs in product([0, 1], repeat=7)]
    expected = np.mean(np.abs(np.array(sums) - middle) >= observed - TIE)
    result = signed_rank(values)
    assert result.p_value == pytest.approx(expected, abs=TIE)
    assert "mean rank" in result.notes[0]


@pytest.mark.parametrize("n", [7, 12, 30])
def test_untied_ranks_are_scipys_and_the_interval_inverts_them(n):
    values = np.random.default_rng(n).normal(0.3, size=n)
    result = signed_rank(values, level=0.9)
    assert result.p_value == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, abs=TIE)
    for end, outwards in ((result.low, -1), (result.high, 1)):
        assert signed_rank(values - (end - outwards * 1e-6)).p_value > 0.1
        assert signed_rank(values - (end + outwards * 1e-6)).p_value <= 0.1


def test_many_ranks_use_the_normal_approximation():
    values = np.random.default_rng(1).normal(0.1, size=80)
    result = signed_rank(values)
    assert "normal" in result.inference
    assert result.low < result.estimate < result.high


def test_zeros_leave_the_rank_test():
    result = signed_rank([0.0, 1.0, 2.0, 3.0])
    assert result.p_value == 0.25
    assert "1 of 4 differences are zero and dropped" in result.notes[0]
    with pytest.raises(LianjianError, match="All differences are zero"):
        signed_rank([0.0, 0.0])


def test_bca_is_scipys_on_sorted_differences():
    expected = stats.bootstrap(
        (np.sort(np.array(DARWIN, dtype=float)),),
        np.mean,
        n_resamples=999,
        method="BCa",
        rng=np.random.default_rng(3),
    )
    result = bca_mean(DARWIN[::-1], resamples=999, rng=3)
    assert (result.low, result.high) == tuple(expected.confidence_interval)
    assert result.std_error == expected.standard_error
    assert result.p_value == 1726 / 32768


def test_a_bootstrap_of_few_pairs_is_noted():
    assert "too short" in bca_mean([1.0, 2.0, 4.0], resamples=99).notes[-1]
    with pytest.raises(LianjianError, match="One pair"):
        bca_mean([1.0])


@pytest.mark.parametrize("test", [sign_flip, signed_rank, bca_mean])
def test_missing_pairs_are_dropped_with_a_note_and_impossible_ones_refused(test):
    result = test([1.0, np.nan, 2.0, 4.0])
    assert result.n_obs == 3
    assert "1 of 4 pairs dropped" in result.notes[0]
    with pytest.raises(LianjianError, match="None of 2"):
        test([np.nan, np.nan])
    with pytest.raises(LianjianError, match="infinite"):
        test([1.0, np.inf])
    with pytest.raises(LianjianError, match="shape"):
        test([[1.0, 2.0]])
