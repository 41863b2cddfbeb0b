"""Regressions with unit and year effects: one effect, by event time, and interaction-weighted."""

import numpy as np

from analysis.effects.did._within import WithinFit, fit_within
from analysis.effects.inference._wald import BEFORE, clusters_behind, wald
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.effects.results import Estimate
from analysis.effects.series import (
    EffectSeries,
    clustered_covariance,
    make_estimate,
    make_series,
)
from analysis.errors import LianjianError

INFERENCE = "cluster-robust by {}, t({})"


def two_way(
    panel: Panel, *, anticipation: int = 0, level: float = 0.95, small_sample: bool = True
) -> Estimate:
    """Estimate one effect with unit and year effects (TWFE).

    Parameters
    ----------
    panel : Panel
        Covariates enter with a coefficient for each year, weights as weights of least squares.
    anticipation : int
        Years before treatment that may be affected already; their cells are left out.
    level : float
        Confidence level.
    small_sample : bool
        Multiply the variance by G/(G−1) · (n−1)/(n−k); k counts the regressors and the year
        effects, not the unit effects nested in clusters.

    Raises
    ------
    LianjianError
        The effect is not identified, because treatment follows the years alone.

    Notes
    -----
    y_it = α_i + λ_t + β 1{t ≥ g_i} + ε_it. With effects that differ by cohort or grow over time,
    β weights them by variance and some weights may be negative (Goodman-Bacon 2021, J. Econometrics
    225(2), DOI 10.1016/j.jeconom.2021.03.014): compare it with an estimator that does not.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.examples import four_villages
    >>> print(two_way(four_villages()).estimate)
    2.0
    """
    groups = panel.groups
    event = event_times(panel, groups)
    used, notes = _usable(panel, anticipation)
    fit = fit_within(panel, used, (event >= 0).astype(np.float64)[:, :, None])
    if np.isnan(fit.coef[0]):
        raise LianjianError(
            "The effect cannot be told from the year effects: in each year all units are treated "
            "or none is. Add units that are never treated."
        )
    variance = _covariance(fit, panel, small_sample=small_sample)[0, 0]
    return make_estimate(
        "Two-way fixed effects", fit.coef[0], variance, panel, level=level, n_obs=fit.n_obs,
        inference=INFERENCE.format(panel.cluster_name, panel.n_clusters - 1), notes=notes,
    )  # fmt: skip


def event_study(
    panel: Panel, *, reference: int | None = None, anticipation: int = 0, level: float = 0.95,
    small_sample: bool = True,
) -> EffectSeries:  # fmt: skip
    """Estimate effects by event time with unit and year effects.

    Parameters
    ----------
    panel : Panel
        Covariates and weights enter as in `two_way`.
    reference : int, optional
        Event time fixed at zero; −1 − anticipation when not given.
    anticipation, level, small_sample
        As in `two_way`, but no cell is left out.

    Returns
    -------
    EffectSeries
        ``overall`` is the mean of the effects from event time 0 on, ``pretest`` the joint test of
        the effects before −anticipation.

    Raises
    ------
    LianjianError
        No unit shows the reference event time.

    Notes
    -----
    y_it = α_i + λ_t + Σ_{e≠ref} β_e 1{t − g_i = e} + ε_it. Without never-treated units the β_e are
    free up to a line, so the earliest event time is fixed at zero too, and a note says so. Each β_e
    may mix effects of other event times when cohorts differ (Sun & Abraham 2021): see
    `sun_abraham`.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> print(event_study(four_villages())[0])
    2.0
    """
    groups = panel.groups
    event = event_times(panel, groups)
    seen = _seen(panel, groups)
    cohort = np.array([g for g, _ in groups])
    times = np.unique(event[(cohort != NEVER)[:, None] & seen])
    zero = -1 - anticipation if reference is None else reference
    if zero not in times:
        raise LianjianError(
            f"No treated unit is seen at event time {zero}. Choose another reference among "
            f"{', '.join(map(str, times))}."
        )
    references: tuple[int, ...] = (zero,)
    notes: tuple[str, ...] = ()
    if (cohort != NEVER).all():
        references = tuple(sorted({zero, int(times[0])}))
        notes = (f"No unit is never treated: event time {times[0]} is fixed at zero as well.",)
    index = times[~np.isin(times, references)]
    dummies = (event[:, :, None] == index) & (cohort != NEVER)[:, None, None]
    fit = fit_within(panel, ~np.isnan(panel.y), dummies.astype(np.float64))
    solved = ~np.isnan(fit.coef)
    if not solved.all():
        lost = ", ".join(map(str, index[~solved]))
        notes = (*notes, f"Event times {lost} are not identified and were left out.")
    index, theta = index[solved], fit.coef[solved]
    if not (index >= 0).any():
        raise LianjianError("No effect from event time 0 on is identified: is a comparison left?")
    covariance = _covariance(fit, panel, small_sample=small_sample)[np.ix_(solved, solved)]
    weight = (index >= 0) / (index >= 0).sum()
    units = units_at(~np.isnan(panel.y), groups, event, index)
    return _series(
        "Event study, two-way fixed effects", panel, index, theta, covariance, weight=weight,
        units=units, reference=references, level=level, n_obs=fit.n_obs, notes=notes,
        anticipation=anticipation, average="mean of event times from 0",
    )  # fmt: skip


def sun_abraham(
    panel: Panel, *, anticipation: int = 0, level: float = 0.95, small_sample: bool = True
) -> EffectSeries:
    """Estimate effects by event time, interaction-weighted over cohorts.

    Parameters
    ----------
    panel, anticipation, level, small_sample
        As in `event_study`; the reference is each cohort's last year before g − anticipation.

    Returns
    -------
    EffectSeries
        ``overall`` weights each cohort and year from joining on by its units or their weights.

    Raises
    ------
    LianjianError
        No cohort shows both a year before treatment and a treated year.

    Notes
    -----
    y_it = α_i + λ_t + Σ_g Σ_{e≠ref} δ_ge 1{g_i = g} 1{t − g = e} + ε_it, then β_e = Σ_g s_ge δ_ge,
    s_ge the (weighted) share of cohort g among the treated units seen at e, taken as known. The
    comparison is the never-treated; without any, the cohort treated last, in the years before its
    own treatment (Sun & Abraham 2021, J. Econometrics 225(2), DOI 10.1016/j.jeconom.2020.09.006).

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> print(sun_abraham(four_villages()).overall.estimate)
    2.0
    """
    groups = panel.groups
    event = event_times(panel, groups)
    cohort = np.array([g for g, _ in groups])
    used = ~np.isnan(panel.y)
    control = comparison_cohorts(cohort, panel, anticipation)
    notes: tuple[str, ...] = ()
    if not control.any():
        last = int(cohort.max())
        control = cohort == last
        used &= panel.years < last - anticipation
        text = f"the cohort of {last} is the comparison, up to {last - anticipation - 1}."
        notes = (f"No unit is never treated: {text}",)
    elif (cohort[control] != NEVER).any():
        late = np.isin(panel.cohort, cohort[control]) & (panel.cohort != NEVER)
        used &= ~(late[:, None] & (panel.years >= panel.cohort[:, None] - anticipation))
    cells = np.stack([used[rows].sum(axis=0) for _, rows in groups])
    early = (event < -anticipation) & (cells > 0)
    usable = ~control & early.any(axis=1)
    lost = cohort[~control & ~usable]
    if len(lost):
        text = f"show no year more than {anticipation} before treatment and take no part."
        notes = (*notes, f"Cohorts {', '.join(map(str, lost))} {text}")
        used &= ~np.isin(panel.cohort, lost)[:, None]
    # the last year before treatment that the cohort shows; where years have gaps it differs
    base = event.shape[1] - 1 - np.argmax(early[:, ::-1], axis=1)
    reference = np.arange(event.shape[1]) == base[:, None]
    c, t = np.nonzero(usable[:, None] & (cells > 0) & ~reference)
    if not (event[c, t] >= 0).any():
        raise LianjianError(
            "No cohort shows both the year before treatment and a treated year with a comparison. "
            "Lower `anticipation`, or add units that are never treated."
        )
    regressors = np.zeros((*event.shape, len(c)))
    regressors[c, t, np.arange(len(c))] = 1.0
    fit = fit_within(panel, used, regressors)
    solved = ~np.isnan(fit.coef)
    if not solved.all():
        notes = (*notes, f"{(~solved).sum()} cohort-years are not identified and take no part.")
    c, t, delta = c[solved], t[solved], fit.coef[solved]
    if not (event[c, t] >= 0).any():
        raise LianjianError(
            "No effect after treatment is identified: the units are too few for the covariates, or "
            "no comparison is left. " + " ".join((*panel.notes, *notes))
        )
    mass = np.stack([fit.mass[rows].sum(axis=0) for _, rows in groups])
    when = event[c, t]
    index = np.unique(when)
    shares = (when == index[:, None]) * mass[c, t]
    total = shares.sum(axis=1)
    shares /= total[:, None]
    combine = np.zeros((len(solved), len(index)))
    combine[solved] = shares.T
    covariance = _covariance(fit, panel, small_sample=small_sample, combine=combine)
    post = np.where(index >= 0, total, 0.0)
    zeros = np.setdiff1d(event[usable, base[usable]], index)
    return _series(
        "Sun–Abraham", panel, index, shares @ delta, covariance, weight=post / post.sum(),
        units=units_at(used, groups, event, index), reference=tuple(zeros.tolist()), level=level,
        n_obs=fit.n_obs, notes=notes, anticipation=anticipation,
        average="mean of treated unit-years",
    )  # fmt: skip


def event_times(panel: Panel, groups: list[tuple[int, slice]]) -> Ints:
    """Return t − g for each cohort and year (C, T); a large negative number for never.

    Parameters
    ----------
    panel : Panel
        Gives the years.
    groups : list of (int, slice)
        `Panel.groups`.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.effects.panel import make_panel
    >>> frame = pd.DataFrame({"village_id": [*"aabb"], "year": [2023, 2024] * 2,
    ...                       "income": [1.0, 4.0, 1.0, 2.0], "joined_year": [2024, 2024, 0, 0]})
    >>> panel = make_panel(frame, "income")
    >>> event_times(panel, panel.groups)[0].tolist()
    [-1, 0]
    """
    cohort = np.array([g for g, _ in groups])
    far = np.iinfo(np.int32).max
    return panel.years - np.where(cohort == NEVER, far, cohort)[:, None]


def comparison_cohorts(cohort: Ints, panel: Panel, anticipation: int) -> Bools:
    """Mark cohorts that are untreated in every year seen: never, or after the last year.

    Parameters
    ----------
    cohort : int array, (C,)
        First treated years, 0 for never.
    panel : Panel
        Gives the years.
    anticipation : int
        Years before treatment that may be affected already.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.effects.panel import make_panel
    >>> frame = pd.DataFrame({"village_id": [*"aabb"], "year": [2023, 2024] * 2,
    ...                       "income": [1.0, 4.0, 1.0, 2.0], "joined_year": [2024, 2024, 0, 0]})
    >>> comparison_cohorts(np.array([2024, 2025, 0]), make_panel(frame, "income"), 0).tolist()
    [False, True, True]
    """
    return (cohort == NEVER) | (cohort > panel.years[-1] + anticipation)


def _usable(panel: Panel, anticipation: int) -> tuple[Bools, tuple[str, ...]]:
    """Mark observed cells outside the years of anticipation."""
    seen = ~np.isnan(panel.y)
    if anticipation < 0:
        raise LianjianError(f"anticipation is {anticipation}; 0 or more years were expected.")
    if not anticipation:
        return seen, ()
    start = panel.cohort[:, None]
    early = (start != NEVER) & (panel.years < start) & (panel.years >= start - anticipation)
    left = int((seen & early).sum())
    return seen & ~early, (f"{left:,} unit-years of anticipation were left out.",)


def _seen(panel: Panel, groups: list[tuple[int, slice]]) -> Bools:
    return np.stack([~np.isnan(panel.y[rows]).all(axis=0) for _, rows in groups])


def units_at(seen: Bools, groups: list[tuple[int, slice]], event: Ints, index: Ints) -> list[Bools]:
    """Mark the units whose cell at each event time is in ``seen`` (N, T).

    Parameters
    ----------
    seen : bool array, (N, T)
        Cells that count.
    groups : list of (int, slice)
        `Panel.groups`.
    event : int array, (C, T)
        From `event_times`.
    index : int array, (K,)
        Event times.

    Returns
    -------
    list of bool arrays (N,)
        One an event time.

    Examples
    --------
    >>> seen = np.array([[True, True], [True, False]])
    >>> [part.tolist() for part in units_at(seen, [(2024, slice(0, 2))], np.array([[-1, 0]]), [0])]
    [[True, False]]
    """
    marks = [np.zeros(len(seen), dtype=np.bool_) for _ in index]
    for mark, e in zip(marks, index, strict=True):
        for c, t in zip(*np.nonzero(event == e), strict=True):
            rows = groups[c][1]
            mark[rows] |= seen[rows, t]
    return marks


def _covariance(
    fit: WithinFit, panel: Panel, *, small_sample: bool, combine: Floats | None = None
) -> Floats:
    """Return the clustered covariance of the coefficients, or of combinations of them (R, Q)."""
    influence = fit.influence(combine)
    covariance = clustered_covariance(influence, panel, small_sample=small_sample)
    if not small_sample:
        return covariance
    # one more than the free year effects: the constant that unit effects would otherwise absorb
    free = fit.n_year + 1 + int((~np.isnan(fit.coef)).sum())
    return covariance * (fit.n_obs - 1) / max(fit.n_obs - free, 1)


def _series(
    name: str, panel: Panel, index: Ints, theta: Floats, covariance: Floats, *,
    weight: Floats, units: list[Bools], reference: tuple[int, ...], level: float, n_obs: int,
    average: str, notes: tuple[str, ...], anticipation: int,
) -> EffectSeries:  # fmt: skip
    df = panel.n_clusters - 1
    overall = make_estimate(
        f"{name}, {average}", float(weight @ theta), float(weight @ covariance @ weight), panel,
        level=level,
        inference=INFERENCE.format(panel.cluster_name, df), n_obs=n_obs, notes=notes,
    )  # fmt: skip
    before = index < -anticipation
    test = None
    if before.any():
        behind = clusters_behind(panel, [units[k] for k in np.flatnonzero(before)])
        pre = covariance[np.ix_(before, before)]
        test = wald(theta[before], pre, behind, BEFORE, df_resid=df)
    else:
        notes = (*notes, "No pre-trend test: no event time before the reference is seen.")
    return make_series(
        name, "event_time", index, theta, covariance, panel=panel, units=units,
        n_units=np.array([part.sum() for part in units]), overall=overall,
        reference=reference, pretest=test, notes=notes,
    )  # fmt: skip
