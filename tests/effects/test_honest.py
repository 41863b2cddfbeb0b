"""Rambachan–Roth intervals against the authors' README, linear programmes and simulation."""

from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from analysis.effects.did import event_study
from analysis.effects.panel import make_panel
from analysis.effects.sensitivity._honest_affine import folded_quantile
from analysis.effects.sensitivity._honest_did import (
    around_reference,
    relative_magnitudes,
    smoothness,
)
from analysis.effects.sensitivity._honest_moments import (
    kept_range,
    kept_values,
    relative_moments,
)
from analysis.errors import LianjianError

DATA = Path(__file__).parents[1] / "reference"
# The authors simulate their critical values: 1,000 draws for the first stage, 10⁶ for the folded
# normal. Over that, their relative-magnitude ends lie on a grid with steps of .00037.
SIMULATED = 5e-5
GRID_STEP = 4e-4
SMOOTH = 1e-6  # two optimisers
LP = 1e-7  # tolerance of the linear programmes


@pytest.fixture(scope="module")
def medicaid():
    """Two-way event study of the README: 2008–2015, treated in 2014, without those of 2015."""
    frame = pd.read_csv(DATA / "ehec.csv")
    frame = frame[(frame["year"] < 2016) & (frame["yexp2"] != 2015)]
    frame = frame.assign(start=frame["yexp2"].where(frame["yexp2"] == 2014, 0))
    series = event_study(make_panel(frame, "dins", unit="stfips", cohort="start"))
    return around_reference(series.index, series.estimate, series.covariance)


def random_study(seed, before=3, after=3):
    rng = np.random.default_rng(seed)
    k = before + after
    root = rng.normal(size=(k, k + 2)) * rng.uniform(0.5, 1.5, (k, 1))
    times = [*range(-before - 1, -1), *range(after)]
    return around_reference(times, rng.normal(size=k) * 2, root @ root.T / 4)


def on_the_grid_of_the_authors(study, bounds, points=1000):
    """Return ends on an even grid, 20 standard errors around zero and further where need be."""
    target = np.eye(len(study.post))[0]
    error = float(np.sqrt(study.covariance[len(study.pre), len(study.pre)]))
    theta = np.linspace(-20 * error, 20 * error, points)
    step = theta[1] - theta[0]
    ends = []
    for bound in bounds:
        moments = relative_moments(study, target, bound, 0.05)
        low, high = kept_range(moments, 0.05)
        before = max(0, int(np.ceil((theta[0] - low) / step)) + 1)
        after = max(0, int(np.ceil((high - theta[-1]) / step)) + 1)
        below = theta[0] - step * np.arange(before, 0, -1)
        above = theta[-1] + step * np.arange(1, after + 1)
        ends.append(kept_range(moments, 0.05, np.concatenate([below, theta, above])))
    return SimpleNamespace(low=tuple(a for a, _ in ends), high=tuple(b for _, b in ends))


def test_the_readme_on_its_grid(medicaid):
    printed = {
        0.5: "0.0240 0.0672",
        1.0: "0.0170 0.0720",
        1.5: "0.00824 0.0797",
        2.0: "-0.000916 0.0881",
    }
    result = on_the_grid_of_the_authors(medicaid, list(printed))
    for low, high, text in zip(result.low, result.high, printed.values(), strict=True):
        for ours, theirs in zip((low, high), text.split(), strict=True):
            digits = len(theirs.lstrip("-0.").rstrip())
            assert float(f"{ours:.{digits}g}") == float(theirs)
    assert relative_magnitudes(medicaid, list(printed)).breakdown == 1.5


def test_relative_magnitudes_of_the_notes(medicaid):
    result = on_the_grid_of_the_authors(medicaid, [0.5, 1, 1.5, 2])
    assert result.low == pytest.approx((0.0241, 0.0171, 0.00859, -0.00107), abs=GRID_STEP)
    assert result.high == pytest.approx((0.0673, 0.0720, 0.0796, 0.0883), abs=GRID_STEP)


def test_refined_ends_lie_within_a_step_outside_the_grid(medicaid):
    grid = on_the_grid_of_the_authors(medicaid, [0.5, 1, 1.5, 2])
    exact = relative_magnitudes(medicaid)
    step = 40 * exact.std_error / 999
    assert ((np.array(grid.low) - exact.low >= 0) & (np.array(grid.low) - exact.low < step)).all()
    assert (
        (np.array(exact.high) - grid.high >= 0) & (np.array(exact.high) - grid.high < step)
    ).all()


def test_the_grid_goes_on_where_the_interval_reaches_further():
    """An effect of 50 standard errors lies outside the authors' 20; steps stay the same."""
    study = around_reference([-2, 0, 1], [0.1, 50.0, 51.0], np.eye(3))
    grid, exact = on_the_grid_of_the_authors(study, [1.0]), relative_magnitudes(study, [1.0])
    step = 40 / 999
    assert 0 <= grid.low[0] - exact.low[0] < step
    assert 0 <= exact.high[0] - grid.high[0] < step
    steps = (np.array([grid.low[0], grid.high[0]]) + 20) / step
    assert steps == pytest.approx(np.round(steps), abs=1e-6)


def test_smoothness_of_the_readme(medicaid):
    result = smoothness(medicaid, [0, 0.01, 0.02, 0.03, 0.04, 0.05])
    low = (0.0259, 0.0132, 0.00286, -0.00714, -0.0171, -0.0271)
    high = (0.0607, 0.0787, 0.0907, 0.101, 0.111, 0.121)
    assert result.low == pytest.approx(low, abs=SIMULATED + 5e-5)  # simulation, then rounding
    assert result.high[:3] == pytest.approx(high[:3], abs=SIMULATED + 5e-5)
    assert result.high[3:] == pytest.approx(high[3:], abs=5e-4)
    assert result.breakdown == 0.02


def dual_vertices(design, spread):
    """Enumerate the basic solutions of γ ≥ 0, γ'X = 0, γ'σ = 1."""
    equations = np.vstack([spread, design.T])
    size = len(equations)
    found = []
    for basis in combinations(range(len(spread)), size):
        square = equations[:, basis]
        if abs(np.linalg.det(square)) < 1e-10:
            continue
        part = np.linalg.solve(square, np.eye(size)[0])
        if (part >= -1e-10).all():
            vertex = np.zeros(len(spread))
            vertex[list(basis)] = part
            if not any(np.allclose(vertex, other) for other in found):
                found.append(vertex)
    return np.array(found)


def slow_kept(study, target, bound, theta, alpha, critical):
    """The test of Andrews, Roth and Pakes from its definition, case by case and value by value."""
    a, b = len(study.pre), len(study.post)
    beta = np.concatenate([study.pre, study.post])
    first = np.diff(np.eye(a + b + 1), axis=0)
    first = np.delete(first, a, axis=1)  # the reference is zero
    others = linalg_null(target)
    kept = False
    case = 0
    size = (alpha - alpha / 10) / (1 - alpha / 10)
    for sign in (1, -1):
        for s in range(a):
            largest = sign * first[s]
            rows = np.vstack([first[a:] - bound * largest, -first[a:] - bound * largest])
            covariance = rows @ study.covariance @ rows.T
            spread = np.sqrt(np.diag(covariance))
            design = rows[:, a:] @ others
            null = np.concatenate([np.zeros(a), target / (target @ target)]) * theta
            y = rows @ (beta - null)
            vertices = dual_vertices(design, spread)
            programme = optimize.linprog(
                [1.0, *[0.0] * others.shape[1]],
                A_ub=-np.column_stack([spread, design]),
                b_ub=-y,
                bounds=[(None, None)] * (1 + others.shape[1]),
            )
            values = vertices @ y
            assert programme.fun == pytest.approx(values.max(), abs=LP)
            best = vertices[values.argmax()]
            c = covariance @ best / (best @ covariance @ best)
            rest = y - c * (best @ y)
            low, high = -np.inf, critical[case]
            for vertex in vertices:
                slope, level = 1 - vertex @ c, vertex @ rest
                if slope > 1e-9:
                    low = max(low, level / slope)
                elif slope < -1e-9:
                    high = min(high, level / slope)
            sd = (best @ covariance @ best) ** 0.5
            eta = values.max()
            if eta <= critical[case]:
                cut = stats.truncnorm.ppf(1 - size, low / sd, high / sd)
                kept |= eta / sd <= max(0.0, cut)
            case += 1
    return bool(kept)


def linalg_null(target):
    return np.linalg.svd(target[None, :])[2][1:].T


@pytest.mark.parametrize(
    ("seed", "target"),
    [(0, [1.0, 0, 0]), (1, [0, 0, 1.0]), (2, [1 / 3, 1 / 3, 1 / 3]), (3, [1.0, -1.0, 0.5])],
)
def test_closed_form_vertices_are_those_of_the_linear_programme(seed, target):
    study, target = random_study(seed), np.array(target)
    for bound in (0.5, 1.5):
        moments = relative_moments(study, target, bound, 0.05)
        centre = target @ study.post
        theta = centre + np.linspace(-12, 12, 15)
        expected = [
            slow_kept(study, target, bound, value, 0.05, moments.critical) for value in theta
        ]
        assert kept_values(moments, theta, 0.05).tolist() == expected


def test_the_first_stage_is_that_of_a_simulation():
    study, target = random_study(5), np.array([0.5, 0.5, 0.0])
    moments = relative_moments(study, target, 1.0, 0.05)
    rng = np.random.default_rng(0)
    for covariance, critical in zip(moments.covariance, moments.critical, strict=True):
        draws = rng.multivariate_normal(
            np.zeros(len(covariance)), covariance, 200_000, method="eigh"
        )
        share = (draws.max(axis=1) > critical).mean()
        assert share == pytest.approx(0.005, abs=4 * (0.005 / 200_000) ** 0.5)


def test_an_estimated_trend_is_covered_at_the_edge_of_what_is_allowed():
    # a true trend at the edge of Mbar = 1: the identified set ends at the true effect, zero
    delta = np.array([1.0, 0.0, 1.0, 2.0])
    covariance = 0.3 * (np.eye(4) + 0.5)
    rng = np.random.default_rng(1)
    rejected = 0
    draws = 600
    for _ in range(draws):
        beta = rng.multivariate_normal(delta, covariance)
        study = around_reference([-3, -2, 0, 1], beta, covariance)
        moments = relative_moments(study, np.array([1.0, 0.0]), 1.0, 0.05)
        rejected += not kept_values(moments, np.zeros(1), 0.05)[0]
    assert rejected / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5


def half_length(free, study, target, bound):
    """Half-length of the interval of an estimator that a straight line does not bias."""
    a, b = len(study.pre), len(study.post)
    times = np.array([*range(-a, 0), *range(1, b + 1)])
    weights = np.concatenate([free, [0.0], target])
    weights[a - 1] = weights @ times  # the last period before has time −1
    deviation = (weights @ study.covariance @ weights) ** 0.5
    worst = 0.0
    for bend in range(-a + 1, b):
        hinge = np.maximum(times - bend, 0) if bend >= 0 else np.maximum(bend - times, 0)
        worst += abs(weights @ hinge)
    return deviation * folded_quantile(bound * worst / deviation, 0.95)


@pytest.mark.parametrize(("seed", "before", "after"), [(0, 2, 2), (1, 3, 2), (2, 3, 3)])
@pytest.mark.parametrize("bound", [0.05, 0.3, 1.0])
def test_the_shortest_interval_is_the_shortest(seed, before, after, bound):
    study = random_study(seed, before, after)
    target = np.full(after, 1 / after)
    result = smoothness(study, [bound], weights=target)
    half = (result.high[0] - result.low[0]) / 2
    best = min(
        optimize.minimize(
            half_length,
            start,
            args=(study, target, bound),
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000},
        ).fun
        for start in np.random.default_rng(0).normal(size=(5, before - 1))
    )
    assert half <= best * (1 + SMOOTH)
    assert half == pytest.approx(best, rel=1e-3)  # Nelder–Mead stalls at kinks, from above


def test_folded_quantile_is_the_noncentral_chi():
    for shift in (0.0, 0.3, 2.0, 8.0):
        expected = stats.ncx2.ppf(0.95, 1, shift**2) ** 0.5
        assert folded_quantile(shift, 0.95) == pytest.approx(expected, rel=1e-8)


def test_folded_quantile_of_a_large_shift_is_one_sided():
    assert folded_quantile(1e16, 0.95) == pytest.approx(1e16)
    assert folded_quantile(41.0, 0.95) == pytest.approx(41 + stats.norm.ppf(0.95), rel=1e-14)
    near = [folded_quantile(shift, 0.95) - shift for shift in (39.9, 40.1)]
    assert near[0] == pytest.approx(near[1], rel=1e-10)


def test_sign_and_scale_of_the_outcome_carry_over():
    study = random_study(7)
    flipped = around_reference(
        [-4, -3, -2, 0, 1, 2], -10 * np.append(study.pre, study.post), 100 * study.covariance
    )
    for function in (relative_magnitudes, smoothness):
        bound = 0.7
        one = function(study, [bound])
        other = function(flipped, [bound if function is relative_magnitudes else 10 * bound])
        assert other.low[0] == pytest.approx(-10 * one.high[0], rel=1e-6)
        assert other.high[0] == pytest.approx(-10 * one.low[0], rel=1e-6)


def test_intervals_grow_with_the_bound():
    study = random_study(8)
    for function, bounds in ((relative_magnitudes, [0, 0.5, 1, 2]), (smoothness, [0, 0.1, 0.5])):
        result = function(study, bounds)
        assert (np.diff(result.high) > 0).all()
        assert (np.diff(result.low) < 0).all()
        assert result.tidy().shape == (len(bounds), 3)


def test_one_period_on_each_side_and_many():
    one = around_reference([-2, 0], [0.5, 2.0], [[0.1, 0.02], [0.02, 0.1]])
    assert np.isfinite(relative_magnitudes(one).low).all()
    assert np.isfinite(smoothness(one, [0, 0.1]).low).all()
    rng = np.random.default_rng(0)
    root = rng.normal(size=(22, 40)) / 40**0.5
    many = around_reference([*range(-13, -1), *range(10)], rng.normal(size=22), root @ root.T)
    assert np.isfinite(relative_magnitudes(many, weights=np.full(10, 0.1)).low).all()
    assert np.isfinite(smoothness(many, [0, 0.05], weights=np.full(10, 0.1)).low).all()


def test_a_known_pre_trend_leaves_only_the_effect_to_estimate():
    covariance = np.diag([0.0, 0.0, 1.0, 1.0])
    study = around_reference([-3, -2, 0, 1], [0.4, 0.2, 5.0, 5.0], covariance)
    # the largest step is known to be .2, so the set is 5 ± .2, widened one-sidedly
    result = relative_magnitudes(study, [1.0])
    assert 4.8 - 1.97 < result.low[0] < 4.8 - 1.64
    assert 5.2 + 1.64 < result.high[0] < 5.2 + 1.97


def test_the_reference_may_be_among_the_coefficients_in_any_order(medicaid):
    times = np.array([2, -1, -3, -2, 0, 1])
    study = random_study(3, 2, 3)
    sorted_times = [-3, -2, 0, 1, 2]
    beta, sigma = np.zeros(6), np.zeros((6, 6))
    where = [list(times).index(t) for t in sorted_times]
    beta[where] = np.append(study.pre, study.post)
    sigma[np.ix_(where, where)] = study.covariance
    again = around_reference(times, beta, sigma)
    assert np.array_equal(again.covariance, study.covariance)
    assert np.array_equal(again.pre, study.pre)


def test_what_cannot_be_analysed_says_why(medicaid):
    eye = np.eye(3)
    with pytest.raises(LianjianError, match="equally far apart"):
        around_reference([-4, -2, 0], [1, 1, 1], eye)
    with pytest.raises(LianjianError, match="both are needed"):
        around_reference([0, 1, 2], [1, 1, 1], eye)
    with pytest.raises(LianjianError, match="do not fit"):
        around_reference([-2, 0], [1, 1], eye)
    with pytest.raises(LianjianError, match="missing"):
        around_reference([-3, -2, 0], [1, np.nan, 1], eye)
    with pytest.raises(LianjianError, match="semidefinite"):
        around_reference([-3, -2, 0], [1, 1, 1], -eye)
    with pytest.raises(LianjianError, match="weights"):
        smoothness(medicaid, weights=[1.0])
    with pytest.raises(LianjianError, match="bounds"):
        relative_magnitudes(medicaid, [-1])
    with pytest.raises(LianjianError, match="no variance"):
        relative_magnitudes(around_reference([-2, 0], [1, 1], np.zeros((2, 2))))


def test_the_answer_reads(medicaid):
    text = str(relative_magnitudes(medicaid, [1.0]))
    assert "bound 1: [0.01679, 0.07225]" in text
