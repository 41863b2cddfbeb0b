"""From influence to standard errors: the records that every estimator fills in the same way."""

import numpy as np
import scipy

from analysis._frame import check_level
from analysis.effects._stands_on import keep
from analysis.effects.panel import FEW_TREATED, NEVER, Floats, Ints, Panel
from analysis.effects.results import (
    LEVEL,
    EffectSeries,
    Estimate,
    Influence,
    WaldTest,
)
from analysis.errors import LianjianError

TINY = 1e-10
"""A variance below TINY² times the outcome's own variance is rounding, not uncertainty."""


FEW_ADVICE = "Set few_clusters or placebo alliances beside them."
"""End of the note on few clusters, which `few_clusters` takes away."""
ONE_COMPARED = (
    "One cluster holds all units compared with: standard errors and intervals know nothing of what "
    "it has of its own, and are too small."
)
"""Note on a comparison of one cluster, instead of which `few_clusters` gives no interval."""


def check_anticipation(anticipation: float) -> None:
    """Check that the years before treatment that may be affected are whole, and not negative."""
    if anticipation < 0 or anticipation != int(anticipation):
        raise LianjianError(
            f"anticipation is {anticipation}; a whole number of years, 0 or more, was expected."
        )


def count_clusters(cluster: Ints) -> int:
    """Return how many clusters occur: a count, which is quicker than sorting."""
    return int(np.count_nonzero(np.bincount(cluster)))


def cluster_sums(scores: Floats, cluster: Ints) -> Floats:
    """Add up the rows of ``scores`` (N, K) by cluster 0 … G−1: (G, K)."""
    groups = int(cluster.max()) + 1
    if groups == len(cluster):
        return scores
    order = np.argsort(cluster, kind="stable")
    starts = np.searchsorted(cluster[order], np.arange(groups))
    return np.add.reduceat(scores[order], starts, axis=0)


def clustered_covariance(carried: Influence, *, small_sample: bool = True) -> Floats:
    """Return Σ_c ψ_c ψ_c′ over clusters (K, K), times G/(G−1) of the G clusters used."""
    sums, groups = cluster_sums(carried.psi, carried.cluster), count_used(carried)
    return sums.T @ sums * (groups / max(groups - 1, 1) if small_sample else 1.0)


def count_used(carried: Influence) -> int:
    """Return how many clusters take part."""
    return count_clusters(carried.cluster[carried.used])


def pointwise(
    estimate: Floats, std_error: Floats, df: Floats | float, level: float = LEVEL
) -> tuple[Floats, Floats, Floats]:
    """Return the ends of t-intervals and two-sided p-values, NaN where the error is 0."""
    check_level(level)
    known = np.where(std_error > 0, std_error, np.nan)
    reach = scipy.stats.t.ppf(0.5 + level / 2, df) * known
    p_value = 2 * scipy.stats.t.sf(np.abs(estimate / known), df)
    return estimate - reach, estimate + reach, p_value


def weight_notes(influence: Influence) -> tuple[str, ...]:
    """Say which treated units carry no weight, and that few clusters carry all of it."""
    panel = influence.panel
    treated = (panel.cohort != NEVER) & (panel.cohort <= panel.years[-1])
    heavy = influence.heavy
    clusters, behind = count_clusters(panel.cluster[treated]), len(influence.clusters)
    notes = []
    if lost := int((treated & ~heavy).sum()):
        where = f", and {clusters - behind} of {clusters} clusters" if behind < clusters else ""
        notes.append(
            f"{lost:,} of {treated.sum():,} treated units{where} carry no weight: they are not "
            "seen both in a base year and after treatment, or have no comparison then."
        )
    if behind == 1:
        notes.append(
            "One cluster holds all treated units: standard errors and intervals know nothing of "
            "what it has of its own, and are too small. Hold the estimate against placebos instead."
        )
    elif behind < FEW_TREATED:
        notes.append(
            f"Only {behind} clusters hold treated units: standard errors and intervals tend to be "
            f"too small. {FEW_ADVICE}"
        )
    if influence.n_compared == 1:
        notes.append(ONE_COMPARED)
    alone = [
        g
        for g, rows in panel.groups
        if heavy[rows].any() and np.ptp(panel.cluster[rows][heavy[rows]]) == 0
    ]
    if alone and behind > 1:
        notes.append(
            f"Cohorts in one cluster each: {', '.join(map(str, alone))}. Standard errors by cohort "
            "miss what such a cluster has in common."
        )
    return tuple(notes)


def make_estimate(
    name: str,
    influence: Influence,
    inference: str,
    *,
    covariance: Floats | None = None,
    notes: tuple[str, ...] = (),
    n_obs: int | None = None,
) -> Estimate:
    """Turn a number into an `Estimate`, with t of the clusters used less one."""
    panel, used, groups = influence.panel, influence.used, count_used(influence)
    error = _errors(clustered_covariance(influence) if covariance is None else covariance, panel)
    if not error[0]:
        notes = (*notes, "The standard error is zero, so there is no interval and no p-value.")
    df = max(groups - 1, 1)
    low, high, p_value = pointwise(influence.theta, error, df)
    made = Estimate(
        name=name,
        estimate=float(influence.theta[0]),
        std_error=float(error[0]),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(p_value[0]),
        level=LEVEL,
        df=df,
        n_obs=int((~np.isnan(panel.y[used])).sum()) if n_obs is None else n_obs,
        n_units=int(used.sum()),
        n_clusters=groups,
        inference=inference.format(cluster=panel.cluster_name, df=groups - 1),
        notes=panel.notes + weight_notes(influence) + notes,
        influence=influence,
    )
    return keep(made)


def make_series(
    name: str,
    by: str,
    index: Ints,
    influence: Influence,
    overall: Estimate,
    *,
    covariance: Floats | None = None,
    reference: tuple[int, ...] = (),
    pretest: WaldTest | None = None,
    notes: tuple[str, ...] = (),
) -> EffectSeries:
    """Turn effects into a series with the degrees of freedom of ``overall``."""
    covariance = clustered_covariance(influence) if covariance is None else covariance
    error = _errors(covariance, influence.panel)
    if (error == 0).any():
        notes = (*notes, "Where the standard error is zero there is no interval and no p-value.")
    theta, blank = influence.theta, np.full(len(index), np.nan)
    low, high, p_value = pointwise(theta, error, overall.df)
    made = EffectSeries(
        name=name,
        by=by,
        index=index,
        estimate=theta,
        std_error=error,
        low=low,
        high=high,
        p_value=p_value,
        covariance=covariance,
        band_low=blank,
        band_high=blank,
        n_units=(influence.weight != 0).sum(axis=0),
        n_clusters=(influence.shares != 0).sum(axis=0),
        reference=reference,
        overall=overall,
        pretest=pretest,
        level=LEVEL,
        df=np.full(len(index), float(overall.df)),
        notes=influence.panel.notes + weight_notes(influence) + notes,
        influence=influence,
    )
    return keep(made)


def _errors(covariance: Floats, panel: Panel) -> Floats:
    """Return standard errors (K,), 0 where the variance is nothing but rounding."""
    variance = np.diag(covariance)
    return np.sqrt(np.where(variance <= TINY**2 * float(np.nanvar(panel.y)), 0.0, variance))
