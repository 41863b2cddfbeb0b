"""Who stands behind an estimate: the weight of each amount in it, kept when someone collects."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import special

from analysis import _evidence
from analysis._evidence import Evidence
from analysis.effects.results import EffectSeries, Estimate, Influence
from analysis.fields import MEASURES, YUAN_PER_WAN

RANK = (
    "a rank among placebos or sign patterns, which jumps as amounts move; the ends of the interval "
    "say whether zero is outside"
)
PLACEBOS = (
    "computed from placebo draws of villages outside, whose amounts cannot be weighed; "
    "study.preferred() carries the estimate, its error and its interval"
)
MATCHED = "a difference of villages and their twins; kaplan_meier() carries each group's share"
TRAITS = "of traits of villages, which are no amounts: nothing rounds them"
GAUGES = "a gauge of how alliances and years spread, in which amounts cannot be weighed"
COHORT = "it rests on few alliances; the event study carries effects by years since joining"
LEFT_OUT = "with the estimate of all it tells of the group that is left out"
VARIANT = (
    "one of many estimates of the same villages, which together would tell more than each; "
    "study.preferred() carries the one that is meant"
)
BALANCE = (
    "a standardised difference of traits and of past incomes, in which amounts cannot be weighed; "
    "means() carries the levels of both groups"
)
PAIRS = "it is a mean or a rank of single pairs; sign_flip() carries the mean over all of them"
"""Why numbers stay inside."""

R = TypeVar("R", bound=Estimate | EffectSeries)

ENDS = {"low": -1, "high": 1, "band_low": -1, "band_high": 1}
"""Ends of intervals of an estimate, and the side to which each is rounded."""


def keep(result: R) -> R:
    """Keep what an estimate or a series stands on, in yuan and in 万元, and return it.

    Most numbers of most estimates are on no page: what they stand on is made when one is asked for.
    """
    carried = result.influence
    if not _evidence.is_collecting() or carried is None or carried.pull is None:
        return result
    if carried.panel.outcome not in MEASURES:
        return result
    for k in range(carried.pull.shape[2]):
        at, error, p, df = (
            float(each[min(k, len(each) - 1)])
            for each in map(
                np.atleast_1d, (result.estimate, result.std_error, result.p_value, result.df)
            )
        )
        t = float(special.stdtrit(df, 0.5 + result.level / 2))
        for unit in (1, YUAN_PER_WAN):
            known = cache(partial(_stands, carried, k, unit, error / unit))
            for value in (at, error):
                _evidence.keep(value / unit, known)
            for name, side in ENDS.items():
                end = float(np.atleast_1d(getattr(result, name, np.nan))[k])
                # how many errors an end is away; of a band, more by up to a tenth
                apart = t if not name.startswith("band") else _rounded_up(side * (end - at), error)
                is_of_t = math.isclose(end, at + side * apart * error, rel_tol=1e-9) or apart > t
                of = (at / unit, error / unit, side * apart) if is_of_t else None
                _evidence.keep(end / unit, partial(_end, known, side, of))
        # in 万元, as tables have them, so that each leaves once
        of = (at / YUAN_PER_WAN, error / YUAN_PER_WAN, df)
        if error > 0 and math.isclose(p, 2 * special.stdtr(df, -abs(at) / error), rel_tol=1e-9):
            _evidence.keep(p, partial(_test, known, of))
        else:
            _evidence.stays_inside(RANK, p)
    return result


def _rounded_up(distance: float, error: float) -> float:
    """Return a distance in standard errors, to the next tenth: a draw's own one is nobody's."""
    return math.ceil(distance / error * 10) / 10 if error > 0 and math.isfinite(distance) else 0.0


def _end(
    known: Callable[[], Evidence], side: int, of: tuple[float, float, float] | None
) -> Evidence:
    """Return that an end of an interval of t follows from the estimate and its error."""
    if of is None:
        return replace(known(), side=side)
    parents = (known(), known())
    told = Evidence("interval", known().villages, parents=parents, parent_values=of[:2])
    return replace(told, scale=of[2], side=side)


def _test(known: Callable[[], Evidence], of: tuple[float, float, float]) -> Evidence:
    """Return that a p-value of t follows from the estimate and its error."""
    parents = (known(), known())
    return Evidence("test", known().villages, parents=parents, parent_values=of[:2], df=of[2])


def inside(why: str, *frames: pd.DataFrame) -> None:
    """Keep why the numbers of frames stay inside, of those that nothing else is known of."""
    for frame in frames if _evidence.is_collecting() else ():
        for number in frame.select_dtypes("number").to_numpy(np.float64, na_value=np.nan).ravel():
            _evidence.stays_inside(why, float(number))


def _stands(carried: Influence, k: int, unit: float, error: float) -> Evidence:
    """Return what the k-th number stands on, in a unit of so many yuan."""
    panel, pull = carried.panel, carried.pull
    assert pull is not None  # noqa: S101  (asked before)
    ids = pd.Index(panel.ids.tolist())
    weights = {
        (panel.outcome, year): pd.Series(pull[:, t, k] / unit, ids)
        for t, year in enumerate(panel.years.tolist())
        if pull[:, t, k].any()
    }
    # what covariates and a path of years can take away at most
    df = float(carried.used.sum()) - 1 - panel.x.shape[1] - len(panel.years)
    treated = int((carried.weight[:, k] != 0).sum())
    return Evidence("estimate", treated, weights, error=error, df=df)
