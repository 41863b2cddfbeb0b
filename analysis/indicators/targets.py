"""Claims about targets: shares that attain a gain, and what an aggregate allows to conclude."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from analysis._frame import amounts, just_under, need_columns
from analysis.errors import LianjianError, did_you_mean
from analysis.indicators._stands_on import keep_reached


@dataclass(frozen=True)
class Interval:
    """What can be said about a number when only aggregates are known: low ≤ number ≤ high."""

    low: float
    high: float


def attain_share(change: pd.DataFrame, gain_wan: float) -> float:
    """Return the share of villages, in percent, whose gain is at least ``gain_wan`` 万元."""
    need_columns(change, "change_wan_yuan")
    if change.empty:
        raise LianjianError("No village has a value in both years, so there is no share to give.")
    reached = change["change_wan_yuan"] >= just_under(gain_wan)
    keep_reached(float(reached.mean()), change, just_under(gain_wan))
    return float(reached.mean() * 100)


def rounding_interval(value: float, digits: int) -> Interval:
    """Return the numbers that print as ``value`` with ``digits`` decimals, in its unit."""
    half = 0.5 * 10**-digits
    return Interval(round(value - half, digits + 2), round(value + half, digits + 2))


def baseline_mean_bounds(
    mean_now_wan: Interval, gain_wan: float, n_gainers: int, n: int
) -> Interval:
    """Bound last year's mean of ``n`` villages when some of them gained at least ``gain_wan``."""
    # Money in 万元; the villages that are no gainers are taken not to have fallen.
    return Interval(0.0, mean_now_wan.high - gain_wan * n_gainers / n)


Verdict = Literal["agrees", "contradicts", "cannot tell"]
Reading = Literal["mean is", "mean at least", "each at least"]


@dataclass(frozen=True)
class Reconciliation:
    """A published figure held against a panel."""

    # `observed` is what the panel has in place of the figure, in its unit: the mean, or the least
    # value under the reading "each"; NaN when no value is known. `known` of the `villages` that the
    # figure speaks of have a value, and `reason` says why the verdict is what it is.

    verdict: Verdict
    claimed: float
    observed: float
    known: int
    villages: int
    reason: str


def reconcile(
    values: pd.Series,
    claimed: float,
    reading: Reading,
    *,
    villages: int,
    digits: int = 1,
    least: float | None = None,
) -> Reconciliation:
    """Hold a published figure against the values of the villages that it speaks of."""
    # With unknown values the mean lies in [(Σ known + unknown · least)/villages, ∞): such values
    # can contradict "mean is" and confirm "mean at least", never the reverse. "Each" falls with one
    # village under the figure, and stands only when all are known.
    if reading not in get_args(Reading):
        near = did_you_mean(str(reading), get_args(Reading))
        raise LianjianError(
            f"There is no reading {reading!r}.{near} There are {', '.join(get_args(Reading))}."
        )
    known = amounts(values, "The values")
    known = known[~np.isnan(known)]
    if villages < 1 or len(known) > villages:
        raise LianjianError(
            f"{len(known)} values for a figure on {villages} villages: they are not the same "
            "group. Choose the villages that the figure speaks of."
        )
    unknown = villages - len(known)
    slack = 1e-9 * max(1.0, abs(claimed))
    if reading == "each at least":
        observed = float(known.min()) if len(known) else math.nan
        under = int((known < claimed - slack).sum())
        if under:
            verdict: Verdict = "contradicts"
            reason = f"{under} of {len(known)} known villages are under {claimed:g}"
        else:
            verdict = "cannot tell" if unknown else "agrees"
            reason = f"no known village is under {claimed:g}; {unknown} of {villages} are unknown"
        return Reconciliation(verdict, claimed, observed, len(known), villages, reason)
    observed = float(known.mean()) if len(known) else math.nan
    printed = rounding_interval(claimed, digits)
    if unknown:
        floor = -math.inf if least is None else (known.sum() + unknown * least) / villages
        settled = floor > printed.high + slack if reading == "mean is" else floor >= claimed - slack
        known_enough: Verdict = "contradicts" if reading == "mean is" else "agrees"
        verdict = known_enough if settled else "cannot tell"
        reason = f"{unknown} of {villages} villages are unknown" + (
            f", and the mean is {floor:.4g} at least" if settled else ""
        )
    else:
        low = claimed if reading == "mean at least" else printed.low
        high = math.inf if reading == "mean at least" else printed.high
        verdict = "agrees" if low - slack <= observed <= high + slack else "contradicts"
        reason = f"the mean of all {villages} villages is {observed:.4g}"
    return Reconciliation(verdict, claimed, observed, len(known), villages, reason)
