"""Many effects with one covariance matrix."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from analysis.effects.inference._wald import WaldTest, clusters_behind
from analysis.effects.panel import Bools, Floats, Ints, Panel
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

TINY = 1e-10
"""A variance below TINY times the outcome's own variance is rounding, not uncertainty."""


@dataclass(frozen=True, eq=False, repr=False)
class EffectSeries:
    """Effects by event time, cohort or year.

    Attributes
    ----------
    name : str
        The method and the target.
    by : str
        What the index counts: ``event_time``, ``cohort`` or ``year``.
    index : int array, (K,)
        Event times, cohorts or years.
    estimate, std_error, low, high, p_value : float array, (K,)
        Pointwise, in the unit of the outcome.
    covariance : float array, (K, K)
        Of the estimates.
    band_low, band_high : float array, (K,)
        Band that covers all effects at once at ``level``; NaN when no band was asked for.
    n_units, n_clusters : int array, (K,)
        Treated units behind each effect, and the clusters they lie in.
    reference : tuple of int
        Index values fixed at zero; they have no row.
    overall : Estimate
        The one-number summary; its name says how it averages.
    pretest : WaldTest or None
        Joint test of the effects before treatment.
    level, df : float
        Confidence level and degrees of freedom of t.
    notes : tuple of str
        What a reader must know.
    """

    name: str
    by: str
    index: Ints
    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    covariance: Floats
    band_low: Floats
    band_high: Floats
    n_units: Ints
    n_clusters: Ints
    reference: tuple[int, ...]
    overall: Estimate
    pretest: WaldTest | None
    level: float
    df: float
    notes: tuple[str, ...] = field(default=())

    def tidy(self) -> pd.DataFrame:
        """Return one row an effect.

        Examples
        --------
        >>> from analysis.effects.examples import four_villages
        >>> from analysis.effects.did.twfe import event_study
        >>> event_study(four_villages()).tidy()[["event_time", "estimate"]].to_numpy().tolist()
        [[0.0, 2.0]]
        """
        names = [
            "estimate",
            "std_error",
            "low",
            "high",
            "p_value",
            "band_low",
            "band_high",
            "n_units",
            "n_clusters",
        ]
        return pd.DataFrame({self.by: self.index, **{name: getattr(self, name) for name in names}})

    def __getitem__(self, key: int) -> float:
        """Return the estimate at an event time, cohort or year."""
        place = np.flatnonzero(self.index == key)
        if not len(place):
            known = ", ".join(str(value) for value in self.index)
            raise LianjianError(f"{self.name} has no {self.by} {key}. It has: {known}.")
        return float(self.estimate[place[0]])

    def __repr__(self) -> str:
        lines = [str(self.overall), self.tidy().to_string(index=False, float_format="%.4g".__mod__)]
        return "\n".join([*lines, *([str(self.pretest)] if self.pretest else []), *self.notes])


def cluster_sums(scores: Floats, cluster: Ints) -> Floats:
    """Add up the rows of ``scores`` (N, K) by cluster 0 … G−1: (G, K).

    Parameters
    ----------
    scores : float array, (N, K)
        One row a unit.
    cluster : int array, (N,)
        Cluster of each unit.

    Examples
    --------
    >>> cluster_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0])).tolist()
    [[5.0], [2.0]]
    """
    groups = int(cluster.max()) + 1
    if groups == len(cluster):
        return scores
    order = np.argsort(cluster, kind="stable")
    starts = np.searchsorted(cluster[order], np.arange(groups))
    return np.add.reduceat(scores[order], starts, axis=0)


def clustered_covariance(influence: Floats, panel: Panel, *, small_sample: bool = True) -> Floats:
    """Return Σ_c ψ_c ψ_c′ of influence functions (N, K), times G/(G−1) when ``small_sample``.

    Parameters
    ----------
    influence : float array, (N, K)
        ψ with variance Σψ².
    panel : Panel
        Gives the G clusters.
    small_sample : bool
        Multiply by G/(G−1).

    Examples
    --------
    Two units, ψ = ±1: the sum of squares 2, times 2/1.

    >>> panel = Panel(np.eye(2), np.arange(2), np.array([1, 0]), np.arange(2), np.empty((2, 0)),
    ...               (), np.array(["a", "b"], object), "y", "unit")
    >>> clustered_covariance(np.array([[1.0], [-1.0]]), panel).item()
    4.0
    """
    sums = cluster_sums(influence, panel.cluster)
    groups = len(sums)
    return sums.T @ sums * (groups / (groups - 1) if small_sample else 1.0)


def pointwise(
    estimate: Floats, std_error: Floats, df: float, level: float
) -> tuple[Floats, Floats, Floats]:
    """Return the ends of t-intervals and two-sided p-values, NaN where the error is 0.

    Parameters
    ----------
    estimate, std_error : float array, (K,)
        In the unit of the outcome.
    df : float
        Degrees of freedom; infinite for the normal.
    level : float
        Confidence level.

    Raises
    ------
    LianjianError
        The level is no share.

    Examples
    --------
    >>> low, high, p = pointwise(np.array([1.96]), np.array([1.0]), np.inf, 0.95)
    >>> round(low[0], 3), round(p[0], 3)
    (np.float64(0.0), np.float64(0.05))
    """
    if not 0 < level < 1:
        raise LianjianError(f"level is {level}; a share between 0 and 1 was expected, like 0.95.")
    reach = stats.t.ppf(0.5 + level / 2, df) * std_error
    ratio = np.divide(estimate, std_error, out=np.full_like(estimate, np.nan), where=std_error > 0)
    return estimate - reach, estimate + reach, 2 * stats.t.sf(np.abs(ratio), df)


def make_estimate(
    name: str, value: float, variance: float, panel: Panel, *, level: float = 0.95,
    inference: str, notes: tuple[str, ...] = (), n_obs: int | None = None,
) -> Estimate:  # fmt: skip
    """Turn a number and its variance into an `Estimate`, with t of clusters − 1 degrees of freedom.

    Parameters
    ----------
    name, inference : str
        The method and its target; how the uncertainty was obtained.
    value, variance : float
        In the unit of the outcome, and its square. A variance that is rounding counts as zero.
    panel : Panel
        Gives units, clusters and notes.
    level : float
        Confidence level.
    notes : tuple of str
        Added to the panel's.
    n_obs : int, optional
        Rows used; all of the panel when not given.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aabb"], "year": [2023, 2024] * 2,
    ...                       "income": [1.0, 4.0, 1.0, 2.0], "joined_year": [2024, 2024, 0, 0]})
    >>> from analysis.effects.panel import make_panel
    >>> make_estimate("2×2", 2.0, 1.0, make_panel(frame, "income"), inference="t").df
    1
    """
    df = panel.n_clusters - 1
    if variance <= TINY**2 * float(np.nanvar(panel.y)):
        variance = 0.0
        notes = (*notes, "The standard error is zero, so there is no interval and no p-value.")
    error = np.array([np.sqrt(variance)])
    low, high, p_value = pointwise(np.array([value]), error, df, level)
    return Estimate(
        name=name, estimate=float(value), std_error=float(error[0]), low=float(low[0]),
        high=float(high[0]), p_value=float(p_value[0]), level=level, df=df,
        n_obs=panel.n_obs if n_obs is None else n_obs, n_units=panel.n_units,
        n_clusters=panel.n_clusters, inference=inference, notes=panel.notes + notes,
    )  # fmt: skip


def make_series(
    name: str, by: str, index: Ints, estimate: Floats, covariance: Floats, *,
    panel: Panel, units: Sequence[Bools], n_units: Ints, overall: Estimate,
    reference: tuple[int, ...] = (),
    pretest: WaldTest | None = None, critical: float | None = None, notes: tuple[str, ...] = (),
) -> EffectSeries:  # fmt: skip
    """Turn effects (K,) and their covariance (K, K) into an `EffectSeries`.

    Parameters
    ----------
    name, by : str
        The method, and what the index counts.
    index : int array, (K,)
        Event times, cohorts or years.
    estimate, covariance : float arrays, (K,) and (K, K)
        In the unit of the outcome, and its square.
    panel : Panel
        Gives clusters and notes.
    units : sequence of bool arrays, (N,)
        The treated units of each effect.
    n_units : int array, (K,)
        Their number.
    overall : Estimate
        The one-number summary, whose level is that of the series.
    reference : tuple of int
        Index values fixed at zero.
    pretest : WaldTest, optional
        Joint test of the effects before treatment.
    critical : float, optional
        Multiple of the standard error that makes a band for all effects at once.
    notes : tuple of str
        Added to the panel's.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> panel = four_villages()
    >>> whole = make_estimate("x", 2.0, 1.0, panel, inference="t")
    >>> series = make_series(
    ...     "x", "event_time", np.array([0]), np.array([2.0]), np.eye(1), panel=panel,
    ...     units=[panel.cohort == 2024], n_units=np.array([2]), overall=whole)
    >>> series.n_clusters.tolist(), series.df
    ([2], 3)
    """
    df = panel.n_clusters - 1
    error = np.sqrt(np.clip(np.diag(covariance), 0, None))
    error = np.where(error**2 <= TINY**2 * float(np.nanvar(panel.y)), 0.0, error)
    if (error == 0).any():
        notes = (*notes, "Where the standard error is zero there is no p-value.")
    low, high, p_value = pointwise(estimate, error, df, overall.level)
    reach = np.full_like(error, np.nan) if critical is None else critical * error
    return EffectSeries(
        name=name, by=by, index=index, estimate=estimate, std_error=error, low=low, high=high,
        p_value=p_value, covariance=covariance, band_low=estimate - reach,
        band_high=estimate + reach, n_units=n_units,
        n_clusters=clusters_behind(panel, units).sum(axis=1), reference=reference, overall=overall,
        pretest=pretest, level=overall.level, df=df, notes=panel.notes + notes,
    )  # fmt: skip
