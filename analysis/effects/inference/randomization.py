"""Inference from stand-in alliances: how large the noise of an estimate is where nothing happened.

With N allied villages fixed, an estimate misses the mean effect on these villages by what it would
show without any effect. Stand-ins among villages outside show how large that is, whatever the
effects are and however they differ (Conley & Taber 2011).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from analysis.effects.inference._placebos import StandIns, draw_placebo
from analysis.effects.inference._resampling import Floats, ResampledEstimate, at_least, check_level
from analysis.effects.inference._wald import WaldTest, no_test
from analysis.effects.panel import Panel
from analysis.effects.results import Estimate
from analysis.effects.series import EffectSeries
from analysis.errors import LianjianError
from analysis.indicators.tables import TIE

DRAWS = 199
"""Sets of stand-in alliances; α(draws + 1) is whole for α = 5 %."""

LARGEST = "No effect before treatment, the largest effect against stand-ins"

Statistic: TypeAlias = Callable[[Panel], Estimate | EffectSeries | Floats]


def placebo_draws(
    pool: StandIns, estimator: Statistic, rng: np.random.Generator, *, draws: int = DRAWS
) -> Floats:
    """Return the estimates for sets of stand-in alliances (D, Q).

    Parameters
    ----------
    pool : StandIns
        From `analysis.effects.inference._placebos.stand_ins`.
    estimator : callable
        From a panel to an estimate (Q = 1), to a series of K effects (Q = 1 + K, the overall
        estimate first), or to an array (Q,), as `analysis.effects.preferred.point_effects`.
    rng : Generator
        Source of the stand-ins.
    draws : int
        Sets tried; those that the estimator refuses are not among the D.

    Raises
    ------
    LianjianError
        The estimator refused more than half of the draws; its last reason is given.

    Examples
    --------
    Whichever of b and c stands in for a, it gains 2 more or 2 less than the other.

    >>> import pandas as pd
    >>> from analysis.effects.inference._placebos import stand_ins
    >>> from analysis.effects.did._two_by_two import two_by_two
    >>> frame = pd.DataFrame({"village_id": [*"aaabbbccc"], "year": [2022, 2023, 2024] * 3,
    ...     "role": ["allied_weak"] * 3 + ["outside"] * 6, "alliance_id": ["A"] * 3 + [None] * 6,
    ...     "joined_year": [2024] * 3 + [None] * 6, "county_code": "k", "households": 100,
    ...     "x_yuan": [1.0, 2, 9, 1, 2, 4, 1, 2, 2]})
    >>> def gain(panel):
    ...     return two_by_two(panel, before=2023, after=2024)
    >>> pool = stand_ins(frame, "x_yuan")
    >>> placebos = placebo_draws(pool, gain, np.random.default_rng(1), draws=20)
    >>> placebos.shape, np.unique(np.abs(placebos)).tolist()
    ((20, 1), [2.0])
    """
    rows, failed, reason = [], 0, ""
    for _ in range(draws):
        try:
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
            "Stand-ins show other event times than the alliances. Balance the years."
        )
    return np.array(rows)


def reach(placebos: Floats, level: float = 0.95) -> float:
    """Return how far a value can lie from the estimate and still be kept by the test.

    Parameters
    ----------
    placebos : float array, (D,)
        Estimates where nothing happened.
    level : float
        Confidence level.

    Notes
    -----
    A value θ has p = (1 + #{|placebo| ≥ |estimate − θ|})/(1 + D) and is kept while p > 1 − level:
    the reach is the ⌊(1 − level)(D + 1)⌋-th largest placebo in size; infinite when D is too small.

    Examples
    --------
    >>> reach(np.array([1.0, -4.0, 2.0, 3.0]), level=0.6)  # the second largest of 4
    3.0
    """
    check_level(level)
    rank = math.floor((1 - level) * (len(placebos) + 1) + TIE)
    return float(np.sort(np.abs(placebos))[-rank]) if rank else math.inf


def randomised(estimate: Estimate, placebos: Floats) -> ResampledEstimate:
    """Return an estimate with its p-value and interval from stand-in alliances.

    Parameters
    ----------
    estimate : Estimate
        Of the alliances that took place, linear in the outcome.
    placebos : float array, (D,)
        The same estimator on D sets of stand-ins (`placebo_draws`).

    Returns
    -------
    ResampledEstimate
        ``std_error`` is the root mean square of the placebos.

    Notes
    -----
    The target is the mean effect on the villages that joined, not on others that might have. An
    estimate that is linear in the outcome misses it by its value on untreated incomes, so that the
    spread of effects between alliances plays no part, as it does in a clustered standard error.
    Stand-ins show the size of that value: Conley & Taber 2011, Rev. Econ. Stat. 93(1) (DOI
    10.1162/REST_a_00049); that they must resemble the treated in what sets their noise: Ferman &
    Pinto 2019, Rev. Econ. Stat. 101(3) (DOI 10.1162/rest_a_00759); MacKinnon & Webb 2020, J.
    Econometrics 218(2) (DOI 10.1016/j.jeconom.2020.04.024). Placebos are not centred: all of them
    share villages, and what their mean is off zero is part of the noise of this one dataset.

    Examples
    --------
    One of four placebos reaches 5 in size: p = 2/5.

    >>> plain = Estimate("x", 5.0, 1.0, 3.0, 7.0, 0.01, 0.95, 8, 9, 9, 9, "by hand")
    >>> test = randomised(replace(plain, level=0.6), np.array([1.0, -6.0, 2.0, 3.0]))
    >>> test.p_value, test.low, test.high
    (0.4, 2.0, 8.0)
    """
    half = reach(placebos, estimate.level)
    number = len(placebos)
    reached = int(at_least(np.abs(placebos), abs(estimate.estimate)).sum())
    return ResampledEstimate(
        name=estimate.name,
        estimate=estimate.estimate,
        std_error=float(np.sqrt((placebos**2).mean())),
        low=estimate.estimate - half,
        high=estimate.estimate + half,
        p_value=(1 + reached) / (1 + number),
        level=estimate.level,
        df=math.nan,
        n_obs=estimate.n_obs,
        n_units=estimate.n_units,
        n_clusters=estimate.n_clusters,
        inference=f"randomisation, {number:,} sets of stand-in alliances",
        notes=estimate.notes,
        n_draws=number,
        smallest_p=1 / (1 + number),
    )


def randomised_series(series: EffectSeries, placebos: Floats, anticipation: int) -> EffectSeries:
    """Return a series by event time with intervals, band and test from stand-in alliances.

    Parameters
    ----------
    series : EffectSeries
        Of the alliances that took place, by event time.
    placebos : float array, (D, 1 + K)
        Overall and by event time (`placebo_draws`).
    anticipation : int
        Event times before −``anticipation`` are tested.

    Returns
    -------
    EffectSeries
        ``std_error`` and ``covariance`` are mean squares of the placebos; the band reaches as many
        of its standard errors from each effect as the largest placebo of a draw rarely passes.

    Raises
    ------
    LianjianError
        The placebos show no spread at some event time.

    Notes
    -----
    As in `randomised`, event time by event time; for all at once the largest |effect|/standard
    error of a draw counts (Romano & Wolf 2005 with this re-assignment). The test of the years
    before treatment compares the largest of theirs with that of each draw.

    Examples
    --------
    Three placebos with root mean squares 2 and 1; none is as large as the effect of 2 at 0.

    >>> from analysis.effects.examples import four_villages
    >>> from analysis.effects.preferred import plain_series
    >>> placebos = np.array([[2.0, 1.0], [-2.0, 1.0], [2.0, -1.0]])
    >>> series = randomised_series(plain_series(four_villages(), anticipation=0), placebos, 0)
    >>> series.std_error.tolist(), series.overall.std_error, series.p_value.tolist()
    ([1.0], 2.0, [0.25])
    """
    overall, by_time = placebos[:, 0], placebos[:, 1:]
    number = len(by_time)
    error = np.sqrt((by_time**2).mean(axis=0))
    if not (error > 0).all():
        raise LianjianError(
            "Stand-ins show no spread at some event time, so nothing can be tested."
        )
    half = np.array([reach(column, series.level) for column in by_time.T])
    pairs = zip(np.abs(by_time.T), np.abs(series.estimate), strict=True)
    count = np.array([int(at_least(theirs, ours).sum()) for theirs, ours in pairs])
    band = reach(np.abs(by_time / error).max(axis=1), series.level) * error
    early = series.index < -anticipation
    pretest = no_test(LARGEST, "no year before the base year is seen")
    if early.any():
        largest = float(np.abs(series.estimate / error)[early].max())
        theirs = np.abs(by_time / error)[:, early].max(axis=1)
        p_value = (1 + int(at_least(theirs, largest).sum())) / (1 + number)
        pretest = WaldTest(LARGEST, largest, int(early.sum()), math.nan, p_value, math.nan)
    return replace(
        series, std_error=error, covariance=by_time.T @ by_time / number,
        low=series.estimate - half, high=series.estimate + half, p_value=(1 + count) / (1 + number),
        band_low=series.estimate - band, band_high=series.estimate + band,
        overall=randomised(series.overall, overall), pretest=pretest, df=math.nan,
    )  # fmt: skip
