"""Two groups, two periods: of a panel, and of repeated cross-sections."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.effects.panel import NEVER, Floats, Ints, Panel
from analysis.effects.results import Estimate
from analysis.effects.series import (
    cluster_sums,
    clustered_covariance,
    make_estimate,
    pointwise,
)
from analysis.errors import LianjianError, need_columns
from analysis.indicators.tables import amounts, flags


def two_by_two(
    panel: Panel, *, before: int | Sequence[int], after: int | Sequence[int],
    cohort: int | None = None, level: float = 0.95, small_sample: bool = True,
) -> Estimate:  # fmt: skip
    """Compare the mean change of treated units with that of units still untreated.

    Parameters
    ----------
    panel : Panel
        Outcomes and cohorts; covariates are not used, weights are those of the unit's first row.
    before, after : int or sequence of int
        Years; of several, each unit's mean.
    cohort : int, optional
        The treated; all cohorts that start after the last ``before`` and by the first ``after``
        when not given.
    level : float
        Confidence level.
    small_sample : bool
        Multiply the variance by G/(G−1) · (n−1)/(n−2), n the units.

    Raises
    ------
    LianjianError
        A year does not occur, or one of the groups is empty.

    Notes
    -----
    (Ȳ₁,after − Ȳ₁,before) − (Ȳ₀,after − Ȳ₀,before), on units seen in every year named. Under
    parallel trends it is the mean effect on the treated in ``after``.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.examples import four_villages
    >>> result = two_by_two(four_villages(), before=2023, after=2024)
    >>> print(result.estimate, round(result.std_error, 3))
    2.0 0.707
    """
    pre, post = _positions(panel, before), _positions(panel, after)
    first, last = int(panel.years[pre].max()), int(panel.years[post].max())
    if first >= panel.years[post].min():
        raise LianjianError(f"before ends in {first}, which is not before after begins.")
    if cohort is None:
        treated = (panel.cohort > first) & (panel.cohort <= panel.years[post].min())
    else:
        treated = panel.cohort == cohort
    control = (panel.cohort == NEVER) | (panel.cohort > last)
    change = panel.y[:, post].mean(axis=1) - panel.y[:, pre].mean(axis=1)
    seen = ~np.isnan(change)
    for what, group in (("treated", treated & seen), ("untreated", control & seen)):
        if not group.any():
            raise LianjianError(
                f"No {what} unit is seen in all of {np.r_[panel.years[pre], panel.years[post]]}."
            )
    keep = (treated | control) & seen
    part = panel.take(keep)
    change, treated = change[keep], treated[keep]
    x = np.column_stack([np.ones(len(change)), treated])
    value, variance = _ols(
        x, change, part.cluster, weight=part.unit_weight, small_sample=small_sample
    )
    years = f"{before} to {after}"
    return make_estimate(
        f"2×2, {years}", value[1], variance[1, 1], part, level=level,
        inference=f"cluster-robust by {panel.cluster_name}, t({part.n_clusters - 1})",
        n_obs=int(keep.sum()) * (len(pre) + len(post)),
    )  # fmt: skip


def before_after(
    panel: Panel, *, anticipation: int = 0, level: float = 0.95, small_sample: bool = True
) -> Estimate:
    """Average the treated units' change from before treatment to after it: the naive answer.

    Parameters
    ----------
    panel : Panel
        Outcomes and cohorts; untreated units are not used. Weights: the unit's first.
    anticipation : int
        The year before is the last one before g − anticipation.
    level : float
        Confidence level.
    small_sample : bool
        Multiply the variance by G/(G−1).

    Raises
    ------
    LianjianError
        No treated unit is seen on both sides, or they lie in one cluster.

    Notes
    -----
    Mean over units of (mean after − outcome in the year before). It credits treatment with
    everything else that changed, and with regression to the mean when units were chosen in a low
    year (Chen & Ravallion 2003, World Bank WPS 3049, on programmes for poor villages).

    Examples
    --------
    Treated a and b gain 3 and 2; that others gained too does not matter here.

    >>> from analysis.effects.examples import four_villages
    >>> print(before_after(four_villages()).estimate)
    2.5
    """
    changes = np.full(panel.n_units, np.nan)
    for g in panel.cohorts:
        pre = np.flatnonzero(panel.years < g - anticipation)
        post = panel.years >= g
        if not len(pre) or not post.any():
            continue
        rows = panel.cohort == g
        after = panel.y[rows][:, post]
        counts = (~np.isnan(after)).sum(axis=1)
        mean = np.divide(
            np.nansum(after, axis=1), counts, out=np.full(len(after), np.nan), where=counts > 0
        )
        changes[rows] = mean - panel.y[rows, pre[-1]]
    seen = ~np.isnan(changes)
    if not seen.any():
        raise LianjianError("No treated unit is seen both before and after treatment.")
    part = panel.take(seen)
    if part.n_clusters == 1:
        raise LianjianError(
            "All treated units lie in one cluster, so no standard error can be had."
        )
    change = changes[seen]
    weight = np.ones(len(change)) if part.unit_weight is None else part.unit_weight
    mean = float(weight @ change / weight.sum())
    psi = weight * (change - mean) / weight.sum()
    variance = clustered_covariance(psi[:, None], part, small_sample=small_sample)[0, 0]
    return make_estimate(
        "Before and after, treated only", mean, variance, part, level=level,
        inference=f"clustered by {panel.cluster_name}, t({part.n_clusters - 1})",
    )  # fmt: skip


def two_by_two_sections(
    frame: pd.DataFrame, outcome: str, *, treated: str, after: str, cluster: str | None = None,
    weights: str | None = None, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Compare two groups before and after in repeated cross-sections, where units differ by year.

    Parameters
    ----------
    frame : DataFrame
        One row an observation.
    outcome, treated, after : str
        Columns; the latter two hold 0 and 1, or False and True.
    cluster : str, optional
        Column whose values share shocks. Without it rows count as independent with one variance,
        the classical OLS standard error; with weights, each with its own (HC1).
    weights : str, optional
        Column of sampling weights; rows where it is 0 or missing are dropped.
    level : float
        Confidence level.

    Raises
    ------
    LianjianError
        One of the four cells is empty, a column is missing, or there is one cluster.

    Notes
    -----
    y = β₀ + β₁ treated + β₂ after + β₃ treated·after + ε; the estimate is β₃ (Wooldridge,
    Introductory Econometrics, section 13.2). Clustered variances carry G/(G−1) · (n−1)/(n−4).

    Examples
    --------
    Means 1, 4 of the treated and 2, 3 of the others: 3 − 1.

    >>> frame = pd.DataFrame({"price": [0.0, 2, 3, 5, 1, 3, 2, 4], "near": [1] * 4 + [0] * 4,
    ...                       "late": [0, 0, 1, 1] * 2})
    >>> result = two_by_two_sections(frame, "price", treated="near", after="late")
    >>> print(round(result.estimate, 9), round(result.std_error, 9))
    2.0 2.0
    """
    names = [outcome, treated, after, *[name for name in (cluster, weights) if name]]
    need_columns(frame, *names)
    rows = frame[names].dropna()
    mass = None
    if weights:
        mass = amounts(rows[weights], weights)
        if (mass < 0).any():
            raise LianjianError(f"{weights} is {mass.min():g} in a row; weights are 0 or more.")
        rows, mass = rows[mass > 0], mass[mass > 0]
    y = amounts(rows[outcome], outcome)
    d, late = (flags(rows[name], name).astype(np.float64) for name in (treated, after))
    cells = np.bincount((2 * d + late).astype(np.int64), minlength=4)
    if (cells == 0).any() or len(y) < 5:  # noqa: PLR2004
        raise LianjianError(
            f"Rows by treated × after: {cells.tolist()}. Each of the four cells needs a row, and "
            "one of them two."
        )
    x = np.column_stack([np.ones(len(y)), d, late, d * late])
    lost = len(frame) - len(rows)
    notes = [f"{lost:,} rows with a missing value were dropped."] if lost else []
    if cluster or mass is not None:
        labels = rows[cluster] if cluster else pd.RangeIndex(len(rows))
        codes = pd.factorize(labels, sort=True)[0]
        groups = int(codes.max()) + 1
        if groups == 1:
            raise LianjianError(f"All rows lie in one cluster of {cluster}. Choose a finer one.")
        beta, variance = _ols(x, y, codes, weight=mass, small_sample=bool(cluster))
        df, how = groups - 1, f"cluster-robust by {cluster}, t({groups - 1})"
        if not cluster:
            variance, df = variance * len(y) / (len(y) - 4), len(y) - 4
            how = f"rows taken as independent, heteroskedasticity-robust (HC1), t({df})"
    else:
        beta = np.linalg.solve(x.T @ x, x.T @ y)
        df, groups = len(y) - 4, len(y)
        variance = ((y - x @ beta) ** 2).sum() / df * np.linalg.inv(x.T @ x)
        how = f"rows taken as independent with one variance, t({df})"
    error = np.sqrt(np.diag(variance))[3:]
    if error[0] == 0:
        notes.append("The standard error is zero, so there is no p-value.")
    low, high, p_value = pointwise(beta[3:], error, df, level)
    return Estimate(
        "2×2, repeated cross-sections", float(beta[3]), float(error[0]), float(low[0]),
        float(high[0]), float(p_value[0]), level, df, len(y), len(y), groups, how, tuple(notes),
    )  # fmt: skip


def _positions(panel: Panel, years: int | Sequence[int]) -> Ints:
    wanted = np.atleast_1d(np.asarray(years))
    unknown = wanted[~np.isin(wanted, panel.years)]
    if len(unknown):
        raise LianjianError(
            f"The panel has no year {unknown[0]}. It has: {', '.join(map(str, panel.years))}."
        )
    return np.searchsorted(panel.years, wanted)


def _ols(
    x: Floats, y: Floats, cluster: Ints, *, weight: Floats | None, small_sample: bool
) -> tuple[Floats, Floats]:
    """Return (weighted) least squares coefficients and their clustered covariance."""
    wx = x if weight is None else x * weight[:, None]
    bread = np.linalg.inv(wx.T @ x)
    beta = bread @ (wx.T @ y)
    sums = cluster_sums((wx * (y - x @ beta)[:, None]) @ bread, cluster)
    n, k = x.shape
    groups = len(sums)
    factor = groups / (groups - 1) * (n - 1) / max(n - k, 1) if small_sample else 1.0
    return beta, sums.T @ sums * factor
