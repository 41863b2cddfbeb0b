"""Regressions with unit and year effects: one effect, by event time, and interaction-weighted."""

import numpy as np

from analysis._evidence import is_collecting
from analysis.effects._clustered import (
    check_anticipation,
    clustered_covariance,
    make_estimate,
    make_series,
)
from analysis.effects.did._propensity import overlap_notes
from analysis.effects.did._within import WithinFit, fit_within
from analysis.effects.inference._wald import BEFORE, wald
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.effects.results import EffectSeries, Estimate, Influence
from analysis.errors import LianjianError

INFERENCE = "cluster-robust by {cluster}, t({df})"


def twfe(panel: Panel, *, anticipation: int = 0) -> Estimate:
    """Estimate one effect with unit and year effects (TWFE).

    Parameters
    ----------
    panel : Panel
        Covariates enter with a coefficient for each year, weights as weights of least squares.
    anticipation : int
        Years before treatment that may be affected already; their cells are left out.

    Raises
    ------
    LianjianError
        The effect is not identified, because treatment follows the years alone.

    Notes
    -----
    y_it = α_i + λ_t + β 1{t ≥ g_i} + ε_it. With effects that differ by cohort or grow over time,
    β weights them by variance and some weights may be negative (Goodman-Bacon 2021, J. Econometrics
    225(2), DOI 10.1016/j.jeconom.2021.03.014): compare it with an estimator that does not. The
    variance is multiplied by G/(G−1) · (n−1)/(n−k); k counts the regressors and the year effects,
    not the unit effects nested in clusters.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.examples import four_villages
    >>> print(twfe(four_villages()).estimate)
    2.0
    """
    groups = panel.groups
    event = event_times(panel, groups)
    used, notes = _usable(panel, anticipation)
    after = (event >= 0).astype(np.float64)[:, :, None]
    fit = fit_within(panel, used, after)
    if np.isnan(fit.coef[0]):
        raise LianjianError(
            "The effect cannot be told from the year effects: in each year all units are treated "
            "or none is. Add units that are never treated."
        )
    psi, pull = fit.influence(), fit.pull(panel, after, np.eye(1))
    sizes = [rows.stop - rows.start for _, rows in groups]
    # the share of each treated unit, which may be negative
    weight = (pull * np.repeat(after, sizes, axis=0)).sum(axis=1)
    carried = Influence(panel, fit.coef, psi, weight, fit.used, pull)
    return make_estimate(
        "Two-way fixed effects",
        carried,
        INFERENCE,
        covariance=_scaled(carried, fit),
        n_obs=fit.n_obs,
        notes=notes + treated_overlap(panel, fit.used),
    )


def event_study(
    panel: Panel, *, reference: int | None = None, anticipation: int = 0
) -> EffectSeries:
    """Estimate effects by event time with unit and year effects.

    Parameters
    ----------
    panel : Panel
        Covariates and weights enter as in `twfe`.
    reference : int, optional
        Event time fixed at zero; −1 − anticipation when not given.
    anticipation : int
        As in `twfe`, but no cell is left out.

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
    seen = np.stack([~np.isnan(panel.y[rows]).all(axis=0) for _, rows in groups])
    check_anticipation(anticipation)
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
    dummies = ((event[:, :, None] == index) & (cohort != NEVER)[:, None, None]).astype(np.float64)
    fit = fit_within(panel, ~np.isnan(panel.y), dummies)
    solved = ~np.isnan(fit.coef)
    if not solved.all():
        lost = ", ".join(map(str, index[~solved]))
        notes = (*notes, f"Event times {lost} are not identified and were left out.")
    index, theta = index[solved], fit.coef[solved]
    if not (index >= 0).any():
        raise LianjianError("No effect from event time 0 on is identified: is a comparison left?")
    kept = np.eye(len(solved))[:, solved]
    carried = Influence(
        panel,
        theta,
        fit.influence()[:, solved],
        cell_weights(fit.mass, groups, event, index),
        fit.used,
        _pull(fit, panel, dummies, kept),
    )
    return _series(
        "Event study, two-way fixed effects",
        "mean of event times from 0",
        fit,
        index,
        carried,
        share=(index >= 0) / (index >= 0).sum(),
        reference=references,
        notes=notes,
        anticipation=anticipation,
    )


def sun_abraham(panel: Panel, *, anticipation: int = 0) -> EffectSeries:
    """Estimate effects by event time, interaction-weighted over cohorts.

    Parameters
    ----------
    panel, anticipation
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
    check_anticipation(anticipation)
    used, control, notes = _late_comparison(panel, cohort, anticipation)
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
    if (event[c, t] < 0).all():
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
    kept = np.full_like(event, np.iinfo(np.int64).min)
    kept[c, t] = when
    post = np.where(index >= 0, total, 0.0)
    zeros = np.setdiff1d(event[usable, base[usable]], index)
    carried = Influence(
        panel,
        shares @ delta,
        fit.influence(combine),
        cell_weights(fit.mass, groups, kept, index),
        fit.used,
        _pull(fit, panel, regressors, combine),
    )
    return _series(
        "Sun–Abraham",
        "mean of treated unit-years",
        fit,
        index,
        carried,
        share=post / post.sum(),
        reference=tuple(zeros.tolist()),
        notes=notes,
        anticipation=anticipation,
    )


def _late_comparison(
    panel: Panel, cohort: Ints, anticipation: int
) -> tuple[Bools, Bools, tuple[str, ...]]:
    """Return the cells used, the cohorts compared with, and a note where these join last."""
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
    return used, control, notes


def event_times(panel: Panel, groups: list[tuple[int, slice]]) -> Ints:
    """Return t − g for each cohort and year (C, T); a large negative number for never."""
    cohort = np.array([g for g, _ in groups])
    far = np.iinfo(np.int32).max
    return panel.years - np.where(cohort == NEVER, far, cohort)[:, None]


def comparison_cohorts(cohort: Ints, panel: Panel, anticipation: int) -> Bools:
    """Mark cohorts that are untreated in every year seen: never, or after the last year."""
    return (cohort == NEVER) | (cohort > panel.years[-1] + anticipation)


def treated_overlap(panel: Panel, used: Bools) -> tuple[str, ...]:
    """Say how far the covariates of the treated lie from those of the untreated."""
    treated = (panel.cohort != NEVER) & (panel.cohort <= panel.years[-1])
    return overlap_notes(panel.x, panel.covariates, treated & used, ~treated & used)


def cell_weights(mass: Floats, groups: list[tuple[int, slice]], event: Ints, index: Ints) -> Floats:
    """Return the share of each unit in the cells of each event time: (N, K), columns of one."""
    weight = np.zeros((len(mass), len(index)))
    for k, e in enumerate(index):
        for c, t in zip(*np.nonzero(event == e), strict=True):
            rows = groups[c][1]
            weight[rows, k] += mass[rows, t]
    total = weight.sum(axis=0)
    return weight / np.where(total > 0, total, 1.0)


def _usable(panel: Panel, anticipation: int) -> tuple[Bools, tuple[str, ...]]:
    """Mark observed cells outside the years of anticipation."""
    seen = ~np.isnan(panel.y)
    check_anticipation(anticipation)
    if not anticipation:
        return seen, ()
    start = panel.cohort[:, None]
    early = (start != NEVER) & (panel.years < start) & (panel.years >= start - anticipation)
    left = int((seen & early).sum())
    return seen & ~early, (f"{left:,} unit-years of anticipation were left out.",)


def _pull(fit: WithinFit, panel: Panel, regressors: Floats, combine: Floats) -> Floats | None:
    """Return how far each outcome moves combinations of the coefficients, where that is asked."""
    return fit.pull(panel, regressors, combine) if is_collecting() else None


def _scaled(carried: Influence, fit: WithinFit) -> Floats:
    """Return the clustered covariance of coefficients, times (n−1)/(n−k)."""
    # one more than the free year effects: the constant that unit effects would otherwise absorb
    free = fit.n_year + 1 + int((~np.isnan(fit.coef)).sum())
    return clustered_covariance(carried) * (fit.n_obs - 1) / max(fit.n_obs - free, 1)


def _series(
    name: str,
    average: str,
    fit: WithinFit,
    index: Ints,
    carried: Influence,
    *,
    share: Floats,
    reference: tuple[int, ...],
    notes: tuple[str, ...],
    anticipation: int,
) -> EffectSeries:
    """Turn effects by event time into a series; ``share`` averages them."""
    notes += treated_overlap(carried.panel, fit.used)
    whole, covariance = carried.mean(share), _scaled(carried, fit)
    overall = make_estimate(
        f"{name}, {average}",
        whole,
        INFERENCE,
        covariance=_scaled(whole, fit),
        n_obs=fit.n_obs,
        notes=notes,
    )
    before = index < -anticipation
    test = None
    if before.any():
        pre, behind = covariance[np.ix_(before, before)], (carried.shares != 0).T[before]
        test = wald(carried.theta[before], pre, behind, BEFORE, df_resid=overall.df)
    else:
        notes = (*notes, "No pre-trend test: no event time before the reference is seen.")
    return make_series(
        name,
        "event_time",
        index,
        carried,
        overall,
        covariance=covariance,
        reference=reference,
        pretest=test,
        notes=notes,
    )
