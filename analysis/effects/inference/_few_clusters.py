"""Few, unequal treated clusters: CR2 over them, the comparison's error added, Satterthwaite."""

from dataclasses import replace
from typing import overload

import numpy as np

from analysis.effects._clustered import FEW_ADVICE, pointwise
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
        alone leaves no degree of freedom: no error, no interval, and a note. The diagonal
        of a series' covariance is the square of its standard errors.

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
    two or three the degrees of freedom of their own part.

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
    clustered, outside, df = _parts(carried)
    covariance = clustered.T @ clustered + outside.T @ outside
    alone = (carried.shares != 0).sum(axis=0) < 2
    error = np.where(alone, np.nan, np.sqrt(np.diag(covariance)))
    low, high, p_value = pointwise(carried.theta, error, df, result.level)
    notes = tuple(note for note in result.notes if FEW_ADVICE not in note)
    if isinstance(result, EffectSeries):
        if alone.any():
            text = ", ".join(map(str, result.index[alone].tolist()))
            notes = (*notes, f"One treated cluster at event times {text}: no interval there.")
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
    made = replace(
        result,
        std_error=float(error[0]),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(p_value[0]),
        df=float(df[0]),
        inference=(
            f"CR2 over {number} treated clusters (worth {worth:.1f} equal ones) and {len(outside)} "
            f"outside, Satterthwaite t({df[0]:.1f})"
        ),
        notes=(*notes, ALONE) if alone[0] else notes,
    )
    return keep(made)


def _parts(carried: Influence) -> tuple[Floats, Floats, Floats]:
    """Return scores of treated clusters (A, K) and outside (G, K), and degrees of freedom (K,)."""
    shares, inside = carried.shares, carried.shares != 0
    gap = np.where(inside, carried.effects - carried.theta, 0.0)
    room = 1 - 2 * shares + (shares**2).sum(axis=0)
    c = np.where(inside, shares**2 / np.where(room > 1e-12, room, np.inf), 0.0)
    clustered = np.sqrt(c) * gap
    others = np.setdiff1d(np.unique(carried.cluster[carried.used]), carried.clusters)
    place = np.searchsorted(others, carried.cluster)
    mine = np.isin(carried.cluster, others)
    outside = np.zeros((len(others), shares.shape[1]))
    np.add.at(outside, place[mine], carried.psi[mine])
    if len(others) > 1:
        outside *= np.sqrt(len(others) / (len(others) - 1))
    first, second = (clustered**2).sum(axis=0), (outside**2).sum(axis=0)
    own = np.array([_degrees(c[:, k], shares[:, k]) for k in range(shares.shape[1])])
    spread = first**2 / own + second**2 / max(len(others) - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(spread > 0, (first + second) ** 2 / spread, own)
    df = np.where(inside.sum(axis=0) < WELCH_FROM, own, df)
    return clustered, outside, df


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
    largest = float(np.abs(series.estimate / error)[early].max())
    least, lowest = float(holm(p_value[early]).min()), float(df[early].min())
    return WaldTest(HOLM, largest, int(early.sum()), lowest, least, float("nan"))
