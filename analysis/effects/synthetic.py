"""Synthetic difference-in-differences for one cohort."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.effects.did.twfe import comparison_cohorts
from analysis.effects.panel import Bools, Floats, Ints, Panel
from analysis.effects.results import Estimate
from analysis.effects.series import make_estimate
from analysis.errors import LianjianError

STEPS = 5_000
PATIENCE = 5
CONVERGED = 1e-9
"""A gradient of the wrong sign below this share of the largest counts as zero."""


@dataclass(frozen=True, eq=False)
class SyntheticWeights:
    """What the synthetic comparison is made of.

    Attributes
    ----------
    unit : float array, (N₀,)
        Weights of the comparison units, adding to one.
    time : float array, (T₀,)
        Weights of the years before treatment, adding to one.
    zeta : float
        Ridge penalty on the unit weights, in the unit of the outcome.
    """

    unit: Floats
    time: Floats
    zeta: float


def synthetic_did(
    panel: Panel, rng: np.random.Generator | None = None, *, cohort: int | None = None,
    anticipation: int = 0, error: Literal["placebo", "jackknife"] = "placebo", draws: int = 200,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Estimate the effect on one cohort against weighted never-treated units and years.

    Parameters
    ----------
    panel : Panel
        Complete for the units used; units with gaps are left out, with a note. Covariates are not
        used.
    rng : Generator, optional
        Source of the placebo draws; needed for ``error="placebo"``.
    cohort : int, optional
        First treated year; not needed when there is one cohort.
    anticipation : int
        Years before treatment that may be affected already; they are left out.
    error : {"placebo", "jackknife"}
        Placebo: the spread of estimates for never-treated units drawn as if treated. Jackknife:
        leave one unit out with the weights kept.
    draws : int
        Placebo draws.
    level : float
        Confidence level.

    Raises
    ------
    LianjianError
        The panel has weights; several cohorts and none named; fewer than two years before
        treatment; too few units for the standard error.

    Notes
    -----
    τ̂ = Ȳ₁,post − Σ_t λ_t Ȳ₁t − Σ_i ω_i (Y_i,post − Σ_t λ_t Y_it), with ω fitted to the treated mean
    before treatment and λ to the comparison units' mean after it, both with an intercept and on
    the simplex; ω carries the penalty ζ² T₀ ‖ω‖², ζ = (N₁T₁)^¼ σ̂ of first differences (Arkhangelsky
    et al. 2021, Amer. Econ. Rev. 111(12), DOI 10.1257/aer.20190159, algorithms 1, 3 and 4). The
    convex problems are solved to convergence and the weights are not thinned out, so numbers differ
    slightly from an implementation that stops early. The variance treats units as independent.

    Examples
    --------
    The comparison moves 1 in each year; the treated unit moves 1 and 1, then 1 + 2.

    >>> import pandas as pd
    >>> from analysis.effects.panel import make_panel
    >>> frame = pd.DataFrame({"village_id": [*"aaaabbbbcccc"], "year": [1, 2, 3, 4] * 3,
    ...                       "income": [1.0, 2, 3, 6, 1, 2, 3, 4, 5, 6, 7, 8],
    ...                       "joined_year": [4] * 4 + [0] * 8})
    >>> panel = make_panel(frame, "income")
    >>> round(synthetic_did(panel, np.random.default_rng(1), draws=99).estimate, 6)
    2.0
    """
    if panel.weight is not None:
        raise LianjianError("This estimator takes no weights: make the panel without them.")
    treated, control, years, notes = _sample(panel, cohort, anticipation)
    y1, y0 = panel.y[treated][:, years >= 0], panel.y[control][:, years >= 0]
    post = years[years >= 0] == 1
    n1, n0 = len(y1), len(y0)
    weights = synthetic_weights(y0, y1.mean(axis=0), post, n1)
    estimate = _gap(y0, y1.mean(axis=0), post, weights)
    if error == "placebo":
        if rng is None:
            raise LianjianError(
                "Placebo errors are drawn: pass rng=numpy.random.default_rng(seed)."
            )
        if n0 <= n1:
            raise LianjianError(
                f"{n0} comparison units cannot stand in for {n1} treated ones. "
                "Use error='jackknife'."
            )
        values = np.empty(draws)
        for k in range(draws):
            order = rng.permutation(n0)
            fake, rest = y0[order[:n1]].mean(axis=0), y0[np.sort(order[n1:])]
            values[k] = _gap(rest, fake, post, synthetic_weights(rest, fake, post, n1))
        variance = float(values.var())
        how = f"placebo, {draws} draws"
    elif error == "jackknife":
        variance = _jackknife(y0, y1, post, weights)
        how = "jackknife over units with fixed weights"
    else:
        raise LianjianError(f"error is {error!r}; it can be 'placebo' or 'jackknife'.")
    part = panel.take(treated | control)
    first = int(panel.cohort[treated][0])
    return make_estimate(
        f"Synthetic difference-in-differences, {first}", estimate, variance, part, level=level,
        inference=f"{how}, units taken as independent", notes=notes,
        n_obs=(n1 + n0) * len(post),
    )  # fmt: skip


def _sample(
    panel: Panel, cohort: int | None, anticipation: int
) -> tuple[Bools, Bools, Ints, tuple[str, ...]]:
    """Return treated, control (N,), and years as 0 before, 1 after, −1 left out."""
    cohorts = panel.cohorts[panel.cohorts <= panel.years[-1]]
    if cohort is None and len(cohorts) > 1:
        raise LianjianError(
            f"The panel has the cohorts {', '.join(map(str, cohorts))}. Name one with `cohort`."
        )
    first = int(cohorts[0]) if cohort is None else cohort
    if first not in cohorts:
        raise LianjianError(
            f"No unit is first treated in {first}. Cohorts: {', '.join(map(str, cohorts))}."
        )
    years = np.where(panel.years >= first, 1, np.where(panel.years < first - anticipation, 0, -1))
    if (years == 0).sum() < 2:  # noqa: PLR2004
        raise LianjianError(
            f"Cohort {first} shows {(years == 0).sum()} year(s) before treatment less anticipation;"
            " weights need two. Use another estimator for it."
        )
    gaps = np.isnan(panel.y[:, years >= 0]).any(axis=1)
    treated = (panel.cohort == first) & ~gaps
    control = comparison_cohorts(panel.cohort, panel, anticipation) & ~gaps
    if not treated.any() or control.sum() < 2:  # noqa: PLR2004
        raise LianjianError(
            f"{treated.sum()} treated and {control.sum()} never-treated units are seen in all "
            "years; one and two are needed."
        )
    lost = int(gaps.sum())
    notes = (f"{lost:,} units that miss a year were left out.",) if lost else ()
    return treated, control, years, notes


def synthetic_weights(y0: Floats, target: Floats, post: Bools, n1: int) -> SyntheticWeights:
    """Fit unit and time weights.

    Parameters
    ----------
    y0 : float array, (N₀, T)
        Outcomes of the comparison units.
    target : float array, (T,)
        Mean outcome of the treated.
    post : bool array, (T,)
        Years after treatment.
    n1 : int
        Number of treated units.

    Examples
    --------
    The target runs parallel to the second unit.

    >>> y0 = np.array([[0.0, 5.0, 1.0], [0.0, 1.0, 2.0]])
    >>> post = np.array([False, False, True])
    >>> weights = synthetic_weights(y0, np.array([3.0, 4.0, 9.0]), post, 1)
    >>> bool(weights.unit[1] > weights.unit[0]), round(float(weights.unit.sum()), 9)
    (True, 1.0)
    """
    before, after = y0[:, ~post], y0[:, post].mean(axis=1)
    moves = np.diff(before, axis=1)
    sigma = float(moves.std(ddof=1)) if moves.size > 1 else 0.0
    zeta = (n1 * post.sum()) ** 0.25 * sigma
    unit = _simplex_fit(before.T, target[~post], zeta**2 * before.shape[1])
    time = _simplex_fit(before, after, (1e-6 * sigma) ** 2 * len(y0))
    return SyntheticWeights(unit, time, zeta)


def _gap(y0: Floats, target: Floats, post: Bools, weights: SyntheticWeights) -> float:
    gap = target - weights.unit @ y0
    return float(gap[post].mean() - weights.time @ gap[~post])


def _jackknife(y0: Floats, y1: Floats, post: Bools, weights: SyntheticWeights) -> float:
    """Return (n−1)/n Σ (τ̂_(−i) − τ̂)², algorithm 3."""
    if len(y1) < 2 or (weights.unit > 0).sum() < 2:  # noqa: PLR2004
        raise LianjianError("The jackknife needs two treated and two weighted comparison units.")
    values = [
        _gap(y0, np.delete(y1, i, axis=0).mean(axis=0), post, weights) for i in range(len(y1))
    ]
    for i in range(len(y0)):
        left = np.delete(weights.unit, i)
        part = SyntheticWeights(left / left.sum(), weights.time, weights.zeta)
        values.append(_gap(np.delete(y0, i, axis=0), y1.mean(axis=0), post, part))
    centred = np.array(values) - np.mean(values)
    return float((len(values) - 1) / len(values) * (centred @ centred))


def _simplex_fit(a: Floats, b: Floats, ridge: float) -> Floats:
    """Minimise ‖a w − b − intercept‖² + ridge ‖w‖² over w ≥ 0, Σw = 1, exactly.

    Block principal pivoting: solve with the weights in the support free, swap all that break a
    sign, or only the last of them when that stops helping (Júdice & Pires 1994, Comput. Oper. Res.
    21(5)).
    """
    a = a - a.mean(axis=0)
    right = a.T @ (b - b.mean())
    # without a ridge the fit need not be unique; this one is below rounding of the data
    ridge = max(ridge, 1e-12 * float((a**2).sum()))
    if ridge == 0:
        return np.full(a.shape[1], 1 / a.shape[1])
    free = np.ones(a.shape[1], dtype=np.bool_)
    fewest, patience = len(free) + 1, PATIENCE
    weights = np.full(len(free), 1 / len(free))
    for _ in range(STEPS):
        part = a[:, free]
        solved = _ridge_solve(part, np.column_stack([right[free], np.ones(part.shape[1])]), ridge)
        level = (1 - solved[:, 0].sum()) / solved[:, 1].sum()
        weights = np.zeros(len(free))
        weights[free] = solved[:, 0] + level * solved[:, 1]
        slope = a.T @ (a @ weights) + ridge * weights - right - level
        slack = CONVERGED * max(float(np.abs(right).max()), ridge)
        wrong = np.where(free, weights < 0, slope < -slack)
        count = int(wrong.sum())
        if not count:
            break
        if count < fewest:
            fewest, patience = count, PATIENCE
        else:
            patience -= 1
        if patience < 0:
            wrong &= np.arange(len(free)) == np.flatnonzero(wrong)[-1]
        free ^= wrong
        if not free.any():
            free[int(np.argmax(right))] = True
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


def _ridge_solve(a: Floats, right: Floats, ridge: float) -> Floats:
    """Solve (a′a + ridge·I) x = right on the smaller side of a."""
    rows, columns = a.shape
    if columns <= rows:
        return np.asarray(np.linalg.solve(a.T @ a + ridge * np.eye(columns), right), np.float64)
    inner = np.linalg.solve(a @ a.T + ridge * np.eye(rows), a @ right)
    return np.asarray((right - a.T @ inner) / ridge, np.float64)
