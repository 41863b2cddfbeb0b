"""Averages of ATT(g, t): one number, by event time, by cohort, by year."""

from collections.abc import Sequence

import numpy as np

from analysis.effects.did.callaway_santanna import GroupTime
from analysis.effects.inference._bands import critical_value
from analysis.effects.panel import Bools, Floats, Ints
from analysis.effects.results import Estimate
from analysis.effects.series import (
    EffectSeries,
    clustered_covariance,
    make_estimate,
    make_series,
)
from analysis.errors import LianjianError

NAME = "Callaway–Sant'Anna"


def simple(effects: GroupTime, *, level: float = 0.95) -> Estimate:
    """Average the effects after treatment over cohorts and years, weighted by cohort size.

    Parameters
    ----------
    effects : GroupTime
        Effects by cohort and year.
    level : float
        Confidence level.

    Raises
    ------
    LianjianError
        The level is no share.

    Notes
    -----
    Σ p_g ATT(g, t) / Σ p_g over t ≥ g, p_g the share of cohort g. The influence function holds the
    estimation of the shares (Callaway & Sant'Anna 2021, eq. 3.1 and theorem 4).

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.did.callaway_santanna import group_time
    >>> print(simple(group_time(four_villages())).estimate)
    2.0
    """
    return _estimate(effects, "simple", *_weighted(effects, effects.year >= effects.cohort), level)


def dynamic(
    effects: GroupTime, *, balance: int | None = None, level: float = 0.95,
    rng: np.random.Generator | None = None, draws: int = 999,
) -> EffectSeries:  # fmt: skip
    """Average by event time, weighted by cohort size.

    Parameters
    ----------
    effects : GroupTime
        Effects by cohort and year.
    balance : int, optional
        Keep only cohorts seen until this event time, and event times up to it, so that the same
        cohorts stand behind every event time from 0.
    level : float
        Confidence level.
    rng : Generator, optional
        With it the series has a band for all event times at once.
    draws : int
        Bootstrap draws of the band.

    Returns
    -------
    EffectSeries
        ``overall`` is the mean of the effects from event time 0, each counted once.

    Raises
    ------
    LianjianError
        No cohort is seen until ``balance``.

    Notes
    -----
    Callaway & Sant'Anna 2021, eq. 3.4 and 3.5.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.did.callaway_santanna import group_time
    >>> print(dynamic(group_time(four_villages()))[0])
    2.0
    """
    years = effects.panel.years
    when = effects.year - effects.cohort
    keep = np.ones(len(when), dtype=np.bool_)
    title, notes = "dynamic", effects.notes
    if balance is not None:
        keep = (years[-1] - effects.cohort >= balance) & (when <= balance)
        keep &= when > balance - (years[-1] - years[0]) - 1
        if not (keep & (when >= 0)).any():
            raise LianjianError(f"No cohort is seen until event time {balance}. Lower `balance`.")
        title = f"dynamic, balanced to {balance}"
        notes = (*notes, f"Only cohorts seen until event time {balance}.")
    index = np.unique(when[keep])
    marks = [keep & (when == e) for e in index]
    parts = _stack([_weighted(effects, mark) for mark in marks])
    overall = _mean(effects, title, parts, index >= 0, level)
    zero = (-1 - effects.anticipation,) if effects.base_rule == "universal" else ()
    return _series(
        effects, "event_time", index, marks, parts, overall=overall, rng=rng, draws=draws,
        reference=zero, notes=notes,
    )  # fmt: skip


def by_cohort(
    effects: GroupTime, *, level: float = 0.95, rng: np.random.Generator | None = None,
    draws: int = 999,
) -> EffectSeries:  # fmt: skip
    """Average each cohort's effects over its years since treatment.

    Parameters
    ----------
    effects, level, rng, draws
        As in `dynamic`.

    Returns
    -------
    EffectSeries
        ``overall`` weights the cohorts by size.

    Notes
    -----
    Callaway & Sant'Anna 2021, eq. 3.7 and 3.8.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.did.callaway_santanna import group_time
    >>> print(by_cohort(group_time(four_villages()))[2024])
    2.0
    """
    post = effects.year >= effects.cohort
    index = np.unique(effects.cohort[post])
    marks = [post & (effects.cohort == g) for g in index]
    theta, psi = _stack([_weighted(effects, mark) for mark in marks])
    weights = _shares(effects, index)
    weights = weights / weights.sum()
    total = psi @ weights + _share_influence(effects, index, theta)
    overall = _estimate(effects, "by cohort", float(theta @ weights), total, level)
    return _series(
        effects, "cohort", index, marks, (theta, psi), overall=overall, rng=rng, draws=draws,
        notes=effects.notes,
    )  # fmt: skip


def by_year(
    effects: GroupTime, *, level: float = 0.95, rng: np.random.Generator | None = None,
    draws: int = 999,
) -> EffectSeries:  # fmt: skip
    """Average by calendar year over the cohorts treated by then, weighted by size.

    Parameters
    ----------
    effects, level, rng, draws
        As in `dynamic`.

    Returns
    -------
    EffectSeries
        ``overall`` is the mean of the years.

    Notes
    -----
    Callaway & Sant'Anna 2021, table 1.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.did.callaway_santanna import group_time
    >>> print(by_year(group_time(four_villages()))[2024])
    2.0
    """
    post = effects.year >= effects.cohort
    index = np.unique(effects.year[post])
    marks = [post & (effects.year == t) for t in index]
    parts = _stack([_weighted(effects, mark) for mark in marks])
    overall = _mean(effects, "by year", parts, np.ones(len(index), dtype=np.bool_), level)
    return _series(
        effects, "year", index, marks, parts, overall=overall, rng=rng, draws=draws,
        notes=effects.notes,
    )  # fmt: skip


def _shares(effects: GroupTime, cohorts: Ints) -> Floats:
    """Return the (weighted) share of each cohort among all units."""
    weight = effects.panel.unit_weight
    mass = {g: float(rows.stop - rows.start if weight is None else weight[rows].sum())
            for g, rows in effects.panel.groups}  # fmt: skip
    return np.array([mass[g] for g in cohorts.tolist()]) / sum(mass.values())


def _share_influence(effects: GroupTime, cohorts: Ints, theta: Floats) -> Floats:
    """Return what estimating the weights p_g/Σp adds to the influence function (N,)."""
    shares = _shares(effects, cohorts)
    mean = float(shares @ theta / shares.sum())
    # d(Σpθ/Σp) = Σ (θ − mean) dp / Σp, and dp_g of a unit is its own weight over that of all units
    slope = np.empty(effects.panel.n_units)
    for g, rows in effects.panel.groups:
        slope[rows] = (theta[cohorts == g] - mean).sum()
    weight = effects.panel.unit_weight
    n = effects.panel.n_units if weight is None else weight.sum()
    return slope * (1.0 if weight is None else weight) / (shares.sum() * n)


def _weighted(effects: GroupTime, mark: Bools) -> tuple[float, Floats]:
    """Average the marked effects by cohort size: value and influence function (N,)."""
    cohorts, theta = effects.cohort[mark], effects.estimate[mark]
    weights = _shares(effects, cohorts)
    weights = weights / weights.sum()
    psi = effects.influence[:, mark] @ weights
    if len(np.unique(cohorts)) > 1:
        psi = psi + _share_influence(effects, cohorts, theta)
    return float(weights @ theta), psi


def _stack(parts: list[tuple[float, Floats]]) -> tuple[Floats, Floats]:
    return np.array([part[0] for part in parts]), np.stack([part[1] for part in parts]).T


def _mean(
    effects: GroupTime, what: str, parts: tuple[Floats, Floats], among: Bools, level: float
) -> Estimate:
    """Average effects, each counted once."""
    theta, psi = parts
    return _estimate(effects, what, theta[among].mean(), psi[:, among].mean(axis=1), level)


def _estimate(effects: GroupTime, what: str, theta: float, psi: Floats, level: float) -> Estimate:
    panel = effects.panel
    variance = clustered_covariance(psi[:, None], panel, small_sample=effects.small_sample)
    return make_estimate(
        f"{NAME}, {what}", theta, float(variance[0, 0]), panel, level=level, notes=effects.notes,
        inference=f"influence function by {panel.cluster_name}, t({panel.n_clusters - 1})",
    )  # fmt: skip


def _series(
    effects: GroupTime, by: str, index: Ints, marks: Sequence[Bools], parts: tuple[Floats, Floats],
    *, overall: Estimate, rng: np.random.Generator | None, draws: int, notes: tuple[str, ...],
    reference: tuple[int, ...] = (),
) -> EffectSeries:  # fmt: skip
    panel, (theta, psi) = effects.panel, parts
    critical = None
    if rng is not None:
        critical = critical_value(psi, panel, rng, draws=draws, level=overall.level)
    units = [np.isin(panel.cohort, effects.cohort[mark]) for mark in marks]
    return make_series(
        f"{NAME}, by {by.replace('_', ' ')}", by, index, theta,
        clustered_covariance(psi, panel, small_sample=effects.small_sample), panel=panel,
        units=units, n_units=np.array([part.sum() for part in units]), overall=overall,
        reference=reference, critical=critical,
        pretest=effects.pretest() if by == "event_time" else None, notes=notes,
    )  # fmt: skip
