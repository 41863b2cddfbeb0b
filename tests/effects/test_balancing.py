"""Entropy balancing against brute force, on worlds in which the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.effects.balancing import RIDGE, balance, entropy_weights
from analysis.effects.panel import Panel
from analysis.errors import LianjianError

YEARS = np.arange(2019, 2025)
EXACT = 1e-8  # linear algebra in double precision on numbers of the size of ten


def linear_world(seed=0, joiners=12, outside=150, gain=3.0):
    """Villages whose income follows a line in size and last year's; the low ones join in 2022."""
    rng = np.random.default_rng(seed)
    n = joiners + outside
    size = rng.uniform(0.5, 2.0, n)
    y = np.empty((n, len(YEARS)))
    y[:, 0] = rng.uniform(2, 20, n)
    for t in range(1, 3):
        y[:, t] = rng.uniform(2, 20, n)
    for t in range(3, len(YEARS)):
        y[:, t] = 1 + 0.5 * t * size + 0.4 * y[:, 2] + 0.2 * y[:, 1]
    low = np.argsort(y[:, 2])[:joiners]
    cohort = np.zeros(n, np.int64)
    cohort[low] = 2022
    order = np.argsort(cohort == 0, kind="stable")
    y, size, cohort = y[order], size[order], cohort[order]
    y[: len(low), 3:] += gain
    cluster = np.r_[np.arange(joiners) // 3, 100 + np.arange(outside)]
    return Panel(
        y, YEARS, cohort, np.unique(cluster, return_inverse=True)[1], size[:, None], ("size",),
        np.arange(n).astype(object), "y", "alliance",
    )  # fmt: skip


def test_weights_are_those_of_a_general_minimiser():
    rng = np.random.default_rng(1)
    z, target, prior = rng.normal(size=(60, 3)), np.array([0.6, -0.4, 0.2]), rng.random(60) + 0.1
    prior /= prior.sum()

    def dual(at):
        return np.log((prior * np.exp(-(z - target) @ at)).sum()) + RIDGE / 2 * at @ at

    at = minimize(dual, np.zeros(3), method="BFGS", options={"gtol": 1e-10}).x
    expected = prior * np.exp(-(z - target) @ at)
    found = entropy_weights(z, target, prior)
    assert found == pytest.approx(expected / expected.sum(), abs=1e-6)
    assert found @ z - target == pytest.approx(RIDGE * at, abs=1e-5)


def test_weights_exist_where_the_target_lies_outside_all_villages():
    weight = entropy_weights(np.linspace(0, 1, 30)[:, None], np.array([9.0]))
    assert weight.sum() == pytest.approx(1)
    assert weight.argmax() == 29


def test_the_effect_is_exact_where_income_is_linear_in_size_and_path():
    found = balance(linear_world())
    assert found.points() == pytest.approx(3.0, abs=EXACT)
    assert "Comparison villages in effect" in found.notes[0]


def test_the_path_to_two_years_before_misses_what_only_the_last_year_shows():
    assert abs(balance(linear_world(), until=2).points()[0] - 3) > 0.5


def test_numbers_scale_with_the_unit_and_ignore_a_repeated_covariate():
    panel = linear_world(3)
    noise = np.random.default_rng(4).normal(size=panel.y.shape)
    panel = replace(panel, y=panel.y + noise - noise.min())
    plain = balance(panel).points()
    assert balance(replace(panel, y=panel.y * 1e4)).points() == pytest.approx(plain * 1e4, rel=1e-6)
    twice = replace(panel, x=np.column_stack([panel.x, 2 * panel.x]), covariates=("size", "again"))
    assert balance(twice).points() == pytest.approx(plain, rel=1e-6)


def test_villages_with_gaps_are_balanced_on_the_years_they_show():
    panel = linear_world()
    y = panel.y.copy()
    y[:6, 0] = np.nan
    found = balance(replace(panel, y=y))
    assert [len(fit.path) for fit in found.fits] == [2, 3]
    assert found.points() == pytest.approx(3.0, abs=EXACT)
    assert "6 villages of 2022 lack 2019: balanced on the years they show." in found.notes


def test_few_villages_take_the_regression_alone_and_it_is_said():
    found = balance(linear_world(joiners=3))
    assert not found.fits[0].is_balanced
    assert found.points() == pytest.approx(3.0, abs=EXACT)
    assert any("too few to balance" in note for note in found.notes)


def test_villages_without_books_since_joining_or_before_are_in_no_number():
    panel = linear_world()
    y = panel.y.copy()
    y[0, 3:], y[1, :3] = np.nan, np.nan
    found = balance(replace(panel, y=y))
    assert not found.influence.weight[:2].any()
    assert any("no income up to 2021" in note for note in found.notes)


def test_influence_carries_the_number():
    panel = linear_world(5)
    rng = np.random.default_rng(6)
    panel = replace(panel, y=panel.y + rng.normal(size=panel.y.shape))
    found = balance(panel)
    carried = found.influence
    theta, weight, psi = carried.theta, carried.weight, carried.psi
    assert theta == pytest.approx(found.points())
    assert weight.sum(axis=0) == pytest.approx(1)
    treated = panel.cohort > 0
    assert psi[treated].sum(axis=0) == pytest.approx(0, abs=EXACT)
    assert psi[~treated].sum(axis=0) == pytest.approx(0, abs=1e-6)
    own = theta[0] + psi[treated, 0] / weight[treated, 0]
    shown = found.fits[0].effect.mean(axis=1)
    assert own == pytest.approx(shown, abs=EXACT)


def test_nobody_to_balance_against_is_a_sentence():
    panel = linear_world()
    joined = panel.take(panel.cohort > 0)
    with pytest.raises(LianjianError, match="never treated"):
        balance(joined)
    with pytest.raises(LianjianError, match="No cohort shows income"):
        balance(replace(panel, cohort=np.where(panel.cohort > 0, 2019, 0)))


def test_villages_outside_without_books_since_joining_give_no_number():
    panel = linear_world()
    outside, after = panel.cohort == 0, YEARS >= 2022
    for lost in (after, YEARS != 2020):
        y = np.where(outside[:, None] & lost, np.nan, panel.y)
        with pytest.raises(LianjianError, match="as too few villages outside show the same"):
            balance(replace(panel, y=y)).series()


def test_villages_that_join_long_after_the_last_year_are_villages_outside():
    panel = linear_world()
    late = replace(panel, cohort=np.where(panel.cohort == 0, 9999, panel.cohort))
    assert balance(late).points().tolist() == balance(panel).points().tolist()
