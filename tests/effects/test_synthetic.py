"""Synthetic difference-in-differences against a general optimiser and a known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from analysis.effects.panel import make_panel
from analysis.effects.synthetic import _simplex_fit, synthetic_did, synthetic_weights
from analysis.errors import LianjianError

KKT = 1e-9  # exact pivoting: only rounding is left
SOLVER = 1e-5  # SLSQP stops at about this distance


@pytest.mark.parametrize(
    ("rows", "columns", "ridge"), [(8, 30, 5.0), (6, 200, 20.0), (30, 7, 1e-9)]
)
def test_simplex_fit_satisfies_its_optimality_conditions(rows, columns, ridge):
    rng = np.random.default_rng(rows)
    a, b = rng.normal(size=(rows, columns)).cumsum(axis=0), rng.normal(size=rows).cumsum()
    weights = _simplex_fit(a, b, ridge)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    a, b = a - a.mean(axis=0), b - b.mean()
    slope = a.T @ (a @ weights - b) + ridge * weights
    assert slope @ weights - slope.min() == pytest.approx(0, abs=KKT * max(1, abs(slope).max()))


def test_simplex_fit_equals_a_general_solver():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(6, 5)), rng.normal(size=6)
    ac, bc = a - a.mean(axis=0), b - b.mean()
    found = optimize.minimize(
        lambda w: ((ac @ w - bc) ** 2).sum() + 0.3 * w @ w, np.full(5, 0.2), method="SLSQP",
        bounds=[(0, 1)] * 5, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )  # fmt: skip
    assert _simplex_fit(a, b, 0.3) == pytest.approx(found.x, abs=SOLVER)


def test_degenerate_fits_have_weights():
    assert _simplex_fit(np.zeros((3, 4)), np.zeros(3), 0.0) == pytest.approx(np.full(4, 0.25))
    weights = synthetic_weights(np.ones((3, 4)), np.ones(4), np.array([False] * 3 + [True]), 1)
    assert weights.unit.sum() == pytest.approx(1)
    assert weights.zeta == 0


def draw(seed: int, treated: int, effect: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n, years = 40, np.arange(2016, 2025)
    start = np.where(np.arange(n) < treated, 2022, 0)
    factor = rng.normal(size=len(years)).cumsum()
    load = rng.normal(size=n) + (start > 0)
    y = 3 * rng.normal(size=(n, 1)) + load[:, None] * factor + 0.1 * rng.normal(size=(n, 9))
    y = y + effect * ((years >= 2022) & (start[:, None] > 0))
    return pd.DataFrame(
        {"village_id": np.repeat(np.arange(n), 9), "year": np.tile(years, n), "y": y.ravel(),
         "joined_year": np.repeat(start, 9)}
    )  # fmt: skip


@pytest.mark.parametrize("error", ["placebo", "jackknife"])
def test_effect_is_found_where_trends_are_not_parallel(error):
    result = synthetic_did(make_panel(draw(2, 8), "y"), np.random.default_rng(1), error=error)
    assert result.estimate == pytest.approx(2, abs=0.3)
    assert result.low < 2 < result.high
    assert 0 < result.std_error < 0.5


def test_seed_decides_the_placebo_error():
    panel = make_panel(draw(2, 8), "y")
    first, again, other = (
        synthetic_did(panel, np.random.default_rng(seed), draws=99).std_error for seed in (1, 1, 2)
    )
    assert first == again != other


def test_units_with_gaps_are_left_out_with_a_note():
    frame = draw(2, 8)
    panel = make_panel(frame.drop(index=[0, 200]), "y")
    result = synthetic_did(panel, error="jackknife")
    assert any("2 units that miss a year" in note for note in result.notes)
    assert result.n_units == 38


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(LianjianError, match="two treated"):
        synthetic_did(make_panel(draw(2, 1), "y"), error="jackknife")
    with pytest.raises(LianjianError, match="cannot stand in"):
        synthetic_did(make_panel(draw(2, 30), "y"), np.random.default_rng(1))
    panel = make_panel(draw(2, 8), "y")
    with pytest.raises(LianjianError, match="weights need two"):
        synthetic_did(panel, error="jackknife", anticipation=5)
    with pytest.raises(LianjianError, match="Cohorts: 2022"):
        synthetic_did(panel, error="jackknife", cohort=2020)
    with pytest.raises(LianjianError, match="'placebo' or 'jackknife'"):
        synthetic_did(panel, error="none")
