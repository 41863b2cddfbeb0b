"""Inference from placebo alliances: how large the noise of an estimate is where nothing happened.

With N allied villages fixed, an estimate misses the mean effect on these villages by what it would
show without any effect. Placebos among villages outside show how large that is, whatever the
effects are and however they differ (Conley & Taber 2011).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, overload

import numpy as np

from analysis._evidence import paused, stays_inside
from analysis._frame import TIE, check_level
from analysis.effects._clustered import FEW_ADVICE
from analysis.effects._stands_on import PLACEBOS, keep
from analysis.effects.inference._resampling import at_least
from analysis.effects.inference._wald import no_test
from analysis.effects.inference.placebos import PlaceboPool, draw_placebo
from analysis.effects.panel import Panel
from analysis.effects.results import EffectSeries, Estimate, Floats, WaldTest
from analysis.errors import LianjianError

DRAWS = 199
"""Sets of placebo alliances; α(draws + 1) is whole for α = 5 %."""

LARGEST = "No effect before treatment, the largest effect against placebos"

Statistic: TypeAlias = Callable[[Panel], Estimate | EffectSeries | Floats]


def placebo_draws(
    pool: PlaceboPool, estimator: Statistic, rng: np.random.Generator, *, draws: int = DRAWS
) -> Floats:
    """Return the estimates for sets of placebo alliances (D, Q)."""
    rows, failed, reason = [], 0, ""
    for _ in range(draws):
        try:
            with paused():
                result = estimator(draw_placebo(pool, rng))
        except LianjianError as error:
            failed, reason = failed + 1, str(error)
            continue
        if isinstance(result, EffectSeries):
            rows.append(np.append(result.overall.estimate, result.estimate))
        else:
            rows.append(np.atleast_1d(result.estimate if isinstance(result, Estimate) else result))
    if failed * 2 > draws or not rows:
        raise LianjianError(f"{failed} of {draws} placebos could not be estimated: {reason}")
    if len({len(row) for row in rows}) > 1:
        raise LianjianError(
            "Placebos show other event times than the alliances. Balance the years."
        )
    drawn = np.array(rows)
    stays_inside(PLACEBOS, *drawn.ravel())
    return drawn


def reach(placebos: Floats, level: float = 0.95) -> float:
    """Return how far a value can lie from the estimate and still be kept by the test."""
    check_level(level)
    rank = math.floor((1 - level) * (len(placebos) + 1) + TIE)
    return float(np.sort(np.abs(placebos))[-rank]) if rank else math.inf


@overload
def randomization_inference(result: Estimate, placebos: Floats) -> Estimate: ...
@overload
def randomization_inference(
    result: EffectSeries, placebos: Floats, *, anticipation: int = 0
) -> EffectSeries: ...
def randomization_inference(
    result: Estimate | EffectSeries, placebos: Floats, *, anticipation: int = 0
) -> Estimate | EffectSeries:
    """Return an estimate, or a series by event time, with the inference of placebo alliances.

    Parameters
    ----------
    result : Estimate or EffectSeries
        Of the alliances that took place, linear in the outcome.
    placebos : float array, (D,) or (D, 1 + K)
        The same estimator on D sets of placebos (`placebo_draws`); for a series the overall
        estimate first, then the event times.
    anticipation : int
        Of a series: event times before −``anticipation`` are tested.

    Returns
    -------
    Estimate or EffectSeries
        For the mean effect on *these* villages, however effects differ: not for alliances that
        might be founded, see `few_clusters`. Standard errors and covariance are mean squares of the
        placebos; the band of a series reaches as many of its standard errors from each effect as
        the largest placebo of a draw rarely passes.

    Raises
    ------
    LianjianError
        The placebos show no spread, or other event times than the series.

    Notes
    -----
    An estimate that is linear in the outcome misses the mean effect on its villages by its value on
    untreated incomes, so that the spread of effects between alliances plays no part, as it does in
    a clustered standard error. Placebos show the size of that value: Conley & Taber 2011, Rev.
    Econ. Stat. 93(1) (DOI 10.1162/REST_a_00049); that they must resemble the treated in what sets
    their noise: Ferman & Pinto 2019, Rev. Econ. Stat. 101(3) (DOI 10.1162/rest_a_00759); MacKinnon
    & Webb 2020, J. Econometrics 218(2) (DOI 10.1016/j.jeconom.2020.04.024). Placebos are not
    centred: all of them share villages, and what their mean is off zero is part of the noise of
    this one dataset. For all event times at once the largest ratio of an effect to its standard
    error counts (Romano & Wolf 2005 with this re-assignment); the test of the years before compares
    the largest of theirs.

    Examples
    --------
    One of four placebos reaches 5 in size: p = 2/5.

    >>> plain = Estimate("x", 5.0, 1.0, 3.0, 7.0, 0.01, 0.6, 8, 9, 9, 9, "by hand")
    >>> test = randomization_inference(plain, np.array([1.0, -6.0, 2.0, 3.0]))
    >>> test.p_value, test.low, test.high
    (0.4, 2.0, 8.0)
    """
    placebos = np.asarray(placebos, dtype=np.float64)
    if none := int(np.isnan(placebos).reshape(len(placebos), -1).any(axis=1).sum()):
        raise LianjianError(f"{none} of {len(placebos)} placebos are missing; leave them out.")
    number, ours = len(placebos), np.atleast_1d(result.estimate)
    theirs = placebos[:, 1:] if isinstance(result, EffectSeries) else placebos[:, None]
    if theirs.shape[1] != len(ours):
        raise LianjianError(f"Placebos show {theirs.shape[1]} event times, the series {len(ours)}.")
    error = np.sqrt((theirs**2).mean(axis=0))
    half = np.array([reach(column, result.level) for column in theirs.T])
    pairs = zip(np.abs(theirs.T), np.abs(ours), strict=True)
    p_value = np.array([(1 + at_least(each, own).sum()) / (1 + number) for each, own in pairs])
    if isinstance(result, Estimate):
        made = replace(
            result,
            std_error=float(error[0]),
            low=float(ours[0] - half[0]),
            high=float(ours[0] + half[0]),
            p_value=float(p_value[0]),
            df=math.nan,
            inference=f"randomisation, {number:,} sets of placebo alliances",
            notes=tuple(note for note in result.notes if FEW_ADVICE not in note),
            smallest_p=1 / (1 + number),
        )
        return keep(made)
    if not (error > 0).all():
        raise LianjianError("Placebos show no spread at some event time, so nothing can be tested.")
    sizes = np.abs(theirs / error)
    band = reach(sizes.max(axis=1), result.level) * error
    early = result.index < -anticipation
    pretest = no_test(LARGEST, "no year before the base year is seen")
    if early.any():
        largest = float(np.abs(ours / error)[early].max())
        reached = int(at_least(sizes[:, early].max(axis=1), largest).sum())
        of_largest = (1 + reached) / (1 + number)
        pretest = WaldTest(LARGEST, largest, int(early.sum()), math.nan, of_largest, math.nan)
    series = replace(
        result,
        std_error=error,
        covariance=theirs.T @ theirs / number,
        low=ours - half,
        high=ours + half,
        p_value=p_value,
        band_low=ours - band,
        band_high=ours + band,
        overall=randomization_inference(result.overall, placebos[:, 0]),
        pretest=pretest,
        df=np.full(len(ours), np.nan),
    )
    return keep(series)
