"""Few, unequal treated clusters: CR2 over them, the comparison's error added, Satterthwaite."""

from dataclasses import replace
from typing import overload

import numpy as np

from analysis.effects._clustered import (
    FEW_ADVICE,
    ONE_COMPARED,
    cluster_sums,
    count_used,
    pointwise,
)
from analysis.effects._stands_on import keep
from analysis.effects.inference._wald import holm, no_test
from analysis.effects.results import EffectSeries, Estimate, Floats, Influence, WaldTest
from analysis.errors import LianjianError

WELCH_FROM = 4
"""With fewer treated clusters their spread may be small by luck, and Welch's test then rejects a
true null up to 12 % of the time: the degrees of freedom are those of the clusters alone."""

ALONE = (
    "One treated cluster leaves no degree of freedom: no interval can be had from its own spread. "
    "Placebo alliances give one, where villages outside can stand for it."
)
"""What is said of an estimate that one cluster carries."""

NO_SPREAD = (
    "One cluster holds all units compared with: how far such clusters differ by luck cannot be "
    "seen, so there is no interval."
)
"""What is said where the comparison is one cluster."""

ROOM = 1e-12
"""A treated cluster with less room beside it than this carries the number alone."""

HOLM = "No effect before treatment, the largest |t| with Holm's adjustment"


@overload
def few_clusters(result: Estimate) -> Estimate: ...
@overload
def few_clusters(result: EffectSeries, *, anticipation: int = 0) -> EffectSeries: ...
def few_clusters(
    result: Estimate | EffectSeries, *, anticipation: int = 0
) -> Estimate | EffectSeries:
    r"""Return an estimate with the error that few treated clusters of unequal weight ask for.

    .. math:: V = \sum_a \frac{w_a^2 (e_a - θ)^2}{1 - 2 w_a + \sum_b w_b^2} + V_{out}

    Parameters
    ----------
    result : Estimate or EffectSeries
        With its influence: the shares w and effects e of the clusters that carry it.
    anticipation : int
        Of a series: event times before −``anticipation`` are tested, the least p-value adjusted for
        their number (Holm). The band is that of Bonferroni.

    Returns
    -------
    Estimate or EffectSeries
        For the mean effect of clusters *like these*: it allows for drawing others, with other
        effects, and is wide for the mean on these ones: see `randomization_inference`. One cluster
        alone, treated or compared with, leaves no degree of freedom: no error, no interval, and a
        note. The diagonal of a series' covariance is the square of its standard errors.

    Raises
    ------
    LianjianError
        The result does not say which clusters carry it.

    Notes
    -----
    CR2 with the cluster as the working unit (Bell & McCaffrey 2002, Survey Methodology 28(2)); with
    equal shares the first part is the variance of a mean over A clusters. Its degrees of freedom
    are tr(Q)²/tr(Q²), Q = M′diag(c)M, M = I − 1w′, c = w²/(1 − 2w + Σw²) (A − 1 with equal shares).
    V_out is the error of the comparison, clustered, with G_out − 1 of its own: all treated clusters
    share it, so that no spread between them holds it. Together: Welch's from four clusters on, with
    two or three the degrees of freedom of their own part. A cluster that holds treated units and
    units compared with enters the first part with the influence of both, since what moves it moves
    both.

    Examples
    --------
    Two clusters with effects 2.5 and 1.5: variance .25; two outside, ±.25 each, .125 · 2/1.

    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.did.callaway_santanna import aggregate, att_gt
    >>> result = few_clusters(aggregate(att_gt(four_villages())))
    >>> print(round(result.std_error**2, 9), round(result.df, 9))
    0.5 1.0
    """
    carried = result.influence
    if carried is None:
        raise LianjianError(f"{result.name} does not say which clusters carry it.")
    scores, df = _scores(carried)
    covariance = scores.T @ scores
    alone, is_one = (carried.shares != 0).sum(axis=0) < 2, carried.n_compared == 1
    error = np.where(alone | is_one, np.nan, np.sqrt(np.diag(covariance)))
    low, high, p_value = pointwise(carried.theta, error, df, result.level)
    notes = tuple(n for n in result.notes if FEW_ADVICE not in n and n != ONE_COMPARED)
    if isinstance(result, EffectSeries):
        if alone.any():
            text = ", ".join(map(str, result.index[alone].tolist()))
            notes = (*notes, f"One treated cluster at event times {text}: no interval there.")
        if is_one:
            notes = (*notes, NO_SPREAD)
        each = 1 - (1 - result.level) / len(result.index)
        band_low, band_high, _ = pointwise(carried.theta, error, df, each)
        series = replace(
            result,
            std_error=error,
            covariance=covariance,
            low=low,
            high=high,
            p_value=p_value,
            band_low=band_low,
            band_high=band_high,
            pretest=_pretest(result, error, p_value, df, anticipation),
            overall=few_clusters(result.overall),
            df=df,
            notes=notes,
        )
        return keep(series)
    number, worth = len(carried.clusters), float(carried.n_effective[0])
    n_outside = count_used(carried) - number
    said = [ALONE] if alone[0] else [NO_SPREAD] if is_one else []
    made = replace(
        result,
        std_error=float(error[0]),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(p_value[0]),
        df=float(df[0]),
        inference=(
            f"CR2 over {number} treated clusters (worth {worth:.1f} equal ones) and "
            f"{n_outside} outside, Satterthwaite t({df[0]:.1f})"
        ),
        notes=(*notes, *said),
    )
    return keep(made)


def _scores(carried: Influence) -> tuple[Floats, Floats]:
    """Return scores of all clusters (G, K), with variance Σ scores², and degrees of freedom (K,).

    A cluster of treated and compared units moves with both.
    """
    shares = cluster_sums(carried.weight, carried.cluster)
    inside, n_compared = shares != 0, carried.n_compared
    room = 1 - 2 * shares + (shares**2).sum(axis=0)
    own = np.where(inside & (room > ROOM), 1 / np.where(room > ROOM, room, 1.0), 0.0)
    other = n_compared / max(n_compared - 1, 1) if n_compared else 1.0
    scores = cluster_sums(carried.psi, carried.cluster) * np.sqrt(np.where(inside, own, other))
    first, second = (((scores * part) ** 2).sum(axis=0) for part in (inside, ~inside))
    c = own * shares**2
    ours = np.array([_degrees(c[:, k], shares[:, k]) for k in range(shares.shape[1])])
    spread = first**2 / ours + second**2 / max(n_compared - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(spread > 0, (first + second) ** 2 / spread, ours)
    return scores, np.where(inside.sum(axis=0) < WELCH_FROM, ours, df)


def _degrees(c: Floats, shares: Floats) -> float:
    """Return tr(Q)²/tr(Q²) of the clusters' part, 1 at least."""
    kept = shares != 0
    if kept.sum() < 2:
        return 1.0
    m = np.eye(int(kept.sum())) - shares[kept]
    q = m.T @ (c[kept, None] * m)
    return max(float(np.trace(q) ** 2 / (q * q).sum()), 1.0)


def _pretest(
    series: EffectSeries, error: Floats, p_value: Floats, df: Floats, anticipation: int
) -> WaldTest:
    """Return the test of the least p-value before treatment, adjusted for their number."""
    early = (series.index < -anticipation) & np.isfinite(p_value)
    if not early.any():
        return no_test(HOLM, "no year before the base year rests on two treated clusters")
    largest = float(np.abs(series.estimate[early] / error[early]).max())
    least, lowest = float(holm(p_value[early]).min()), float(df[early].min())
    return WaldTest(HOLM, largest, int(early.sum()), lowest, least, float("nan"))
