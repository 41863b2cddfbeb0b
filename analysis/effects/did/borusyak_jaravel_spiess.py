"""Borusyak–Jaravel–Spiess: fit the untreated cells, impute the others, average the gaps."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analysis._evidence import is_collecting
from analysis.effects._clustered import (
    check_anticipation,
    clustered_covariance,
    count_clusters,
    count_used,
    make_estimate,
    make_series,
)
from analysis.effects.did._within import WithinFit, fit_within, solve_spd
from analysis.effects.did.fixed_effects import cell_weights, treated_overlap
from analysis.effects.inference._wald import BEFORE, no_test, wald
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.effects.results import EffectSeries, Influence, WaldTest
from analysis.errors import LianjianError

Pool = Literal["cohort_year", "event_time", "all"]
POOLS: tuple[Pool, ...] = ("cohort_year", "event_time", "all")

NULL = 1e-9
"""Scaled eigenvalues below this belong to combinations of year effects that the data leave open."""

ESTIMABLE = 1e-6
"""A cell whose year effect moves by more than this along such a combination cannot be imputed."""


def imputation(
    panel: Panel,
    *,
    anticipation: int = 0,
    pool: Pool | None = None,
    small_sample: bool = True,
) -> EffectSeries:
    """Estimate effects by imputing what treated cells would have been.

    Parameters
    ----------
    panel : Panel
        Covariates enter with a coefficient for each year, weights in the fit and in the average.
    anticipation : int
        Years before treatment that may be affected already; they are not fitted on.
    pool : {"cohort_year", "event_time", "all"}, optional
        Cells around whose mean effect the spread of treated cells is measured. The finest for
        which each mean rests on two clusters or more when not given; a note says if it is coarser.
    small_sample : bool
        Multiply variances by G/(G−1).

    Returns
    -------
    EffectSeries
        ``overall`` is the mean over all treated cells, ``pretest`` the joint test of leads in the
        untreated cells.

    Raises
    ------
    LianjianError
        No treated cell can be imputed.

    Notes
    -----
    1. y_it = α_i + λ_t + x_i′δ_t + ε_it on cells with t < g_i − anticipation. 2. τ̂_it = y_it −
    α̂_i − λ̂_t − x_i′δ̂_t. 3. τ̂ = Σ w_it τ̂_it = Σ v_it y_it with equal w, or the rows' weights.
    The variance is Σ_c (Σ v_it ε̃_it)², ε̃ the residual of untreated cells and τ̂_it − τ̄ of
    treated ones, with τ̄ the mean of a ``pool`` that makes the variance conservative (Rev. Econ.
    Stud. 91(6), 2024, DOI 10.1093/restud/rdae007, theorem 3 and eq. 8). The pre-trend test is that
    of their section 4.4. Cells whose unit or year effect the untreated cells do not identify are
    left out and counted.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.examples import four_villages
    >>> print(imputation(four_villages()).overall.estimate)
    2.0
    """
    check_anticipation(anticipation)
    seen = ~np.isnan(panel.y)
    start = np.where(panel.cohort == NEVER, np.iinfo(np.int32).max, panel.cohort)[:, None]
    used = seen & (panel.years < start - anticipation)
    wanted = seen & (panel.years >= start)
    fit = fit_within(panel, used, np.empty((len(panel.groups), len(panel.years), 0)))
    cells = wanted & _estimable(fit)
    notes: tuple[str, ...] = ()
    if lost := int(wanted.sum() - cells.sum()):
        text = "(no untreated year of the unit, or no comparison in the year) and were left out."
        notes = (f"{lost:,} of {wanted.sum():,} treated cells cannot be imputed {text}",)
    if not cells.any():
        raise LianjianError(
            "No treated cell can be imputed: in the years after treatment nobody is untreated. "
            + " ".join((*panel.notes, *notes))
        )
    gap = np.where(cells, panel.y - fit.unit_effect[:, None] - fit.z @ fit.year_coef.T, 0.0)
    event = panel.years - start
    mass = cells.astype(np.float64) if panel.weight is None else np.where(cells, panel.weight, 0.0)
    targets = _targets(panel, cells, mass)
    index = targets.index
    theta = np.zeros(len(index))
    for rows, t, k in targets.places:
        theta[k] += (mass[rows, t] @ gap[rows, t]) / targets.mass[k]
    centre, note = _centre(panel, gap, mass, event, pool)
    notes += note
    notes += treated_overlap(panel, fit.used)
    part, pull = _untreated_part(fit, mass, targets)
    untreated = -part
    psi, own = untreated.copy(), untreated.copy()
    weight = cell_weights(mass, panel.groups, targets.event, index)
    share = targets.mass / targets.mass.sum()
    mean = float(share @ theta)
    for rows, t, k in targets.places:
        scale = mass[rows, t] / targets.mass[k]
        psi[rows, k] += scale * (gap[rows, t] - centre[rows, t])
        own[rows, k] += scale * (gap[rows, t] - theta[k])
    used = fit.used | cells.any(axis=1)
    carried = Influence(panel, theta, own, weight, used, pull)
    # around the mean of all cells, as few_clusters takes each cluster's effect
    moved = (own @ share + weight @ (share * (theta - mean)))[:, None]
    whole = replace(carried.mean(share), theta=np.array([mean]), psi=moved)
    covariance = clustered_covariance(replace(carried, psi=psi), small_sample=small_sample)
    overall = make_estimate(
        "Imputation (Borusyak–Jaravel–Spiess)",
        whole,
        "conservative, clustered by {cluster}, t({df})",
        covariance=(share @ covariance @ share).reshape(1, 1),
        notes=notes,
    )
    return make_series(
        "Imputation, by event time",
        "event_time",
        index,
        carried,
        overall,
        covariance=covariance,
        pretest=pretrend(panel, anticipation=anticipation),
        notes=notes,
    )


def pretrend(panel: Panel, *, anticipation: int = 0, leads: int | None = None) -> WaldTest:
    """Test jointly for effects in the years before treatment, on untreated cells only."""
    # OLS on untreated cells with unit and year effects and an indicator for each lead, clustered
    # (Borusyak, Jaravel & Spiess 2024, section 4.4). Using no treated cell, the test leaves the
    # estimate unaffected by its outcome under parallel trends.
    groups = panel.groups
    cohort = np.array([g if g != NEVER else np.iinfo(np.int32).max for g, _ in groups])
    event = panel.years - cohort[:, None]
    used = ~np.isnan(panel.y) & (
        panel.years
        < np.repeat(cohort, [rows.stop - rows.start for _, rows in groups])[:, None] - anticipation
    )
    cells = np.stack([used[rows].any(axis=0) for _, rows in groups])
    real = np.array([g != NEVER for g, _ in groups])
    index = np.unique(event[real[:, None] & cells])[1:][::-1]
    if leads is not None:
        index = index[:leads]
    if not len(index):
        return no_test(BEFORE, "no unit shows two years before treatment")
    dummies = (event[:, :, None] == index) & real[:, None, None]
    fit = fit_within(panel, used, dummies.astype(np.float64))
    solved = ~np.isnan(fit.coef)
    if not solved.any():
        return no_test(BEFORE, "no comparison in the years before treatment")
    weight = cell_weights(fit.mass, groups, event, index[solved])
    carried = Influence(panel, fit.coef[solved], fit.influence()[:, solved], weight, fit.used)
    behind, df = (carried.shares != 0).T, count_used(carried) - 1
    return wald(carried.theta, clustered_covariance(carried), behind, BEFORE, df_resid=df)


def _estimable(fit: WithinFit) -> Bools:
    """Mark cells whose unit and year effects the used cells identify (N, T)."""
    # A cell is identified when moving the year coefficients along any direction that leaves the fit
    # of the used cells unchanged leaves the cell unchanged too, relative to its unit's used cells.
    count = fit.mass.sum(axis=1)
    known = np.repeat((count > 0)[:, None], fit.mass.shape[1], axis=1)
    scale = np.sqrt(np.diag(fit.cross))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(fit.cross / np.outer(scale, scale))
    null = (vectors / scale[:, None])[:, values < NULL]
    moving = [p for p in range(fit.z.shape[1]) if p == 0 or np.ptp(fit.z[:, p]) > 0]
    width = fit.z.shape[1]
    if null.shape[1] == width == len(moving):
        return known
    share = np.divide(1.0, count, out=np.zeros(len(count)), where=count > 0)
    for direction in (null / np.abs(null).max(axis=0)).T:
        shift = fit.z @ direction.reshape(fit.mass.shape[1], width).T
        centre = (fit.mass * shift).sum(axis=1) * share
        known &= np.abs(shift - centre[:, None]) < ESTIMABLE
    return known


@dataclass(frozen=True, eq=False)
class _Targets:
    """Event times, number and weight of their treated cells, and where each cohort shows them."""

    # Places are rows, year and position among the event times; event is t − g (C, T).

    index: Ints
    mass: Floats
    places: list[tuple[slice, int, int]]
    event: Ints


def _targets(panel: Panel, cells: Bools, mass: Floats) -> _Targets:
    groups = panel.groups
    size = np.stack([cells[rows].sum(axis=0) for _, rows in groups])
    event = panel.years - np.array([[g] for g, _ in groups])
    index = np.unique(event[size > 0])
    heavy = np.stack([mass[rows].sum(axis=0) for _, rows in groups])
    total = np.array([heavy[event == e].sum() for e in index])
    places = [
        (groups[c][1], int(t), int(np.searchsorted(index, event[c, t])))
        for c, t in zip(*np.nonzero(size), strict=True)
    ]
    return _Targets(index, total, places, event)


def _untreated_part(
    fit: WithinFit, mass: Floats, targets: _Targets
) -> tuple[Floats, Floats | None]:
    """Return Σ_t −v_it ε̂_it over untreated cells (N, Q), and all v (N, T, Q) where it is asked."""
    n, years = mass.shape
    width = fit.z.shape[1]
    count = fit.mass.sum(axis=1)
    share = np.divide(1.0, count, out=np.zeros(n), where=count > 0)
    right = np.zeros((years, width, len(targets.index)))
    for rows, t, k in targets.places:
        weighted = fit.z[rows] * (mass[rows, t] / targets.mass[k])[:, None]
        right[t, :, k] += weighted.sum(axis=0)
        right[:, :, k] -= fit.mass[rows].T @ (weighted * share[rows, None])
    solved, _ = solve_spd(fit.cross, right.reshape(years * width, -1))
    s = np.nan_to_num(solved).reshape(years, width, -1)
    part = np.zeros((n, len(targets.index)))
    pull = fit.mass * fit.residual
    for p in range(width):
        part += fit.z[:, p : p + 1] * (pull @ s[:, p])
    if not is_collecting():
        return part, None
    moved = np.zeros((n, years, len(targets.index)))
    for rows, t, k in targets.places:
        moved[rows, t, k] = mass[rows, t] / targets.mass[k]
    # a unit's effect takes from its untreated cells what its treated ones count
    taken = np.einsum("it,ip,tpq->itq", fit.mass, fit.z, s)
    level = (moved.sum(axis=1) - taken.sum(axis=1)) * share[:, None]
    return part, moved - taken - fit.mass[:, :, None] * level[:, None, :]


def _pool_codes(panel: Panel, event: Ints, pool: Pool) -> Ints:
    """Return the number of the pool that each cell belongs to (N, T)."""
    if pool == "all":
        return np.zeros(event.shape, dtype=np.int64)
    if pool == "event_time":
        return np.clip(event, 0, None)
    sizes = [rows.stop - rows.start for _, rows in panel.groups]
    rank = np.repeat(np.arange(len(sizes)), sizes)[:, None]
    return rank * len(panel.years) + np.arange(len(panel.years))


def _centre(
    panel: Panel, gap: Floats, mass: Floats, event: Ints, pool: Pool | None
) -> tuple[Floats, tuple[str, ...]]:
    """Return the mean effect of each treated cell's pool (N, T)."""
    # A cell weighs its own mass times that of its cluster's cells in the pool. Without a `pool`,
    # each cell takes the finest one in which two clusters or more lie.
    cells = mass > 0
    rules = POOLS if pool is None else (pool,)
    if pool is not None and pool not in POOLS:
        raise LianjianError(f"pool is {pool!r}; it can be {', '.join(POOLS)}.")
    effect, own = gap[cells], mass[cells]
    cluster = np.repeat(panel.cluster[:, None], cells.shape[1], axis=1)[cells]
    centre, coarse = np.full(len(effect), np.nan), 0
    for rule in rules:
        open_ = np.isnan(centre)
        if rule != "cohort_year":
            coarse = max(coarse, int(open_.sum()))
        codes = _pool_codes(panel, event, rule)[cells]
        joint = np.unique(codes * panel.n_clusters + cluster, return_inverse=True)[1]
        weight = own * np.bincount(joint, own)[joint]
        total = np.bincount(codes, weight)
        mean = np.bincount(codes, weight * effect) / np.where(total > 0, total, 1.0)
        first = np.zeros(len(mean), dtype=np.int64)
        first[codes] = cluster
        shared = np.bincount(codes, cluster != first[codes])[codes] > 0
        take = open_ & (shared | (rule == rules[-1]))
        centre[take] = mean[codes[take]]
        if not np.isnan(centre).any():
            break
    out = np.zeros_like(gap)
    out[cells] = centre
    if count_clusters(cluster) == 1:
        return out, ("One treated cluster: the standard error misses how effects vary.",)
    if pool is None and coarse:
        text = (
            "treated cells are the only cluster of their cohort and year: their spread is measured "
            "around the mean of their event time, or of all treated cells."
        )
        return out, (f"{coarse:,} {text}",)
    return out, ()
