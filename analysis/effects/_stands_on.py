"""Who stands behind an estimate: the weight of each amount in it, kept when someone collects."""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
import scipy

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
    """Keep what an estimate or a series stands on, in yuan and in 万元, and return it."""
    carried = result.influence
    if not _evidence.is_collecting() or carried is None or carried.pull is None:
        return result
    if carried.panel.outcome not in MEASURES:
        return result
    for k, stands in enumerate(_stands(carried)):
        at, error = (float(np.atleast_1d(each)[k]) for each in (result.estimate, result.std_error))
        df = np.atleast_1d(result.df)
        t = float(scipy.stats.t.ppf(0.5 + result.level / 2, df[min(k, len(df) - 1)]))
        for unit in (1, YUAN_PER_WAN):
            weights = {key: pull / unit for key, pull in stands.weights.items()}
            known = replace(stands, weights=weights, error=error / unit)
            for value in (at, error):
                _evidence.keep(value / unit, known)
            for name, side in ENDS.items():
                end = float(np.atleast_1d(getattr(result, name, np.nan))[k])
                told = replace(known, side=side)
                # how many errors an end is away; of a band, more by up to a tenth
                apart = t if not name.startswith("band") else _rounded_up(side * (end - at), error)
                if np.isclose(end, at + side * apart * error, rtol=1e-9, atol=0) or apart > t:
                    told = _end(known, (at / unit, error / unit), side * apart, side)
                _evidence.keep(end / unit, told)
        _keep_p(result, k, stands)
    return result


def _rounded_up(distance: float, error: float) -> float:
    """Return a distance in standard errors, to the next tenth: a draw's own one is nobody's."""
    return math.ceil(distance / error * 10) / 10 if error > 0 and math.isfinite(distance) else 0.0


def _end(known: Evidence, of: tuple[float, float], scale: float, side: int) -> Evidence:
    """Return that an end of an interval of t follows from the estimate and its error."""
    told = Evidence("interval", known.villages, parents=(known, known), parent_values=of)
    return replace(told, scale=scale, side=side)


def inside(why: str, *frames: pd.DataFrame) -> None:
    """Keep why the numbers of frames stay inside, of those that nothing else is known of."""
    for frame in frames if _evidence.is_collecting() else ():
        for number in frame.select_dtypes("number").to_numpy(np.float64, na_value=np.nan).ravel():
            _evidence.stays_inside(why, float(number))


def _keep_p(result: Estimate | EffectSeries, k: int, stands: Evidence) -> None:
    """Keep that a p-value of t follows from the estimate and its error, and that others do not."""
    told = [
        np.atleast_1d(getattr(result, name)) for name in ("estimate", "std_error", "p_value", "df")
    ]
    at, error, p, df = (float(each[min(k, len(each) - 1)]) for each in told)
    if error > 0 and np.isclose(p, 2 * scipy.stats.t.sf(abs(at) / error, df), rtol=1e-9, atol=0):
        weights = {key: pull / YUAN_PER_WAN for key, pull in stands.weights.items()}
        one = replace(stands, weights=weights, error=error / YUAN_PER_WAN)
        # in 万元, as tables have them, so that each leaves once
        parents, values = (one, one), (at / YUAN_PER_WAN, error / YUAN_PER_WAN)
        made = Evidence("test", stands.villages, parents=parents, parent_values=values, df=df)
        _evidence.keep(p, made)
    else:
        _evidence.stays_inside(RANK, p)


def _stands(carried: Influence) -> list[Evidence]:
    """Return the evidence of each number, its weights in yuan."""
    panel, pull = carried.panel, carried.pull
    assert pull is not None  # noqa: S101  (asked before)
    # what covariates and a path of years can take away at most
    df = float(carried.used.sum()) - 1 - panel.x.shape[1] - len(panel.years)
    found = []
    for k in range(pull.shape[2]):
        weights = {}
        for t, year in enumerate(panel.years.tolist()):
            mine = np.flatnonzero(pull[:, t, k])
            if len(mine):
                ids = pd.Index(panel.ids[mine].tolist())
                weights[panel.outcome, year] = pd.Series(pull[mine, t, k], ids)
        treated = int((carried.weight[:, k] != 0).sum())
        found.append(Evidence("estimate", treated, weights, df=df))
    return found
