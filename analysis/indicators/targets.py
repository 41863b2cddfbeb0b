"""Claims about targets: shares that attain a gain, and what an aggregate allows to conclude."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from analysis._frame import amounts, just_under, need_columns
from analysis.errors import LianjianError, did_you_mean
from analysis.indicators._stands_on import keep_share


@dataclass(frozen=True)
class Interval:
    """What can be said about a number when only aggregates are known: low ≤ number ≤ high."""

    low: float
    high: float


def attain_share(change: pd.DataFrame, gain_wan: float) -> float:
    """Return the share of villages, in percent, whose gain is at least ``gain_wan`` 万元.

    Parameters
    ----------
    change : DataFrame
        Result of :func:`analysis.indicators.changes`, a village.
    gain_wan : float
        The target, 万元.

    Raises
    ------
    LianjianError
        No village has a value in both years.

    Examples
    --------
    >>> attain_share(pd.DataFrame({"change_wan_yuan": [1.9, 2.0, 5.0, -1.0]}), 2.0)
    50.0
    """
    need_columns(change, "change_wan_yuan")
    if change.empty:
        raise LianjianError("No village has a value in both years, so there is no share to give.")
    reached = change["change_wan_yuan"] >= just_under(gain_wan)
    keep_share(float(reached.mean()), int(reached.sum()), len(reached))
    return float(reached.mean() * 100)


def rounding_interval(value: float, digits: int) -> Interval:
    """Return the numbers that print as ``value`` with ``digits`` decimals, in its unit.

    Examples
    --------
    >>> rounding_interval(27.9, 1)
    Interval(low=27.85, high=27.95)
    """
    half = 0.5 * 10**-digits
    return Interval(round(value - half, digits + 2), round(value + half, digits + 2))


def attain_bounds(mean_gain_wan: float, gain_wan: float, n: int, cap_wan: float) -> Interval:
    """Bound the share of villages with a gain of at least ``gain_wan`` by their mean gain alone.

    Gains are in 万元, ``n`` counts the villages, none of which can gain more than ``cap_wan``; the
    shares lie between 0 and 1, and a cap below the mean is refused.

    Notes
    -----
    With k of n villages at the cap and the others just under the target, the largest mean is
    (k·cap + (n−k)·target)/n, so a mean of m needs k ≥ n (m − target)/(cap − target): k is 0 below
    the target and at least 1 at or above it, because "just under" never reaches the target. The
    upper bound has no floor under the losers: losses can pay for any number of gains, as long as
    one village is left to lose.

    Examples
    --------
    >>> attain_bounds(2.0, 2.0, n=73, cap_wan=100.0)
    Interval(low=0.0136986301369863, high=1.0)
    """
    if cap_wan < mean_gain_wan or n < 1:
        raise LianjianError(
            f"{n} villages cannot have a mean gain of {mean_gain_wan} when none gains more than "
            f"{cap_wan}."
        )
    if mean_gain_wan < gain_wan:
        return Interval(0.0, (n - 1) / n)
    if cap_wan == gain_wan:
        return Interval(1.0, 1.0)
    needed = n * (mean_gain_wan - gain_wan) / (cap_wan - gain_wan)
    # exactly at the bound the others would have to be at the target, not under it
    return Interval(min((math.floor(needed + 1e-12) + 1) / n, 1.0), 1.0)


def baseline_mean_bounds(
    mean_now_wan: Interval, gain_wan: float, n_gainers: int, n: int
) -> Interval:
    """Bound last year's mean of ``n`` villages when some of them gained at least ``gain_wan``.

    Money in 万元; the villages that are no gainers are taken not to have fallen.

    Examples
    --------
    >>> baseline_mean_bounds(Interval(28.0, 28.0), 2.0, 50, 100)
    Interval(low=0.0, high=27.0)
    """
    return Interval(0.0, mean_now_wan.high - gain_wan * n_gainers / n)


def overlap_bounds(first: int, second: int, population: int) -> Interval:
    """Bound the number of villages that are in both of two groups of a population.

    Fréchet bounds: max(0, a + b − N) ≤ |A ∩ B| ≤ min(a, b); a group larger than the population is
    refused.

    Examples
    --------
    >>> overlap_bounds(82, 47, 1261)
    Interval(low=0, high=47)
    """
    if max(first, second) > population or min(first, second) < 0:
        raise LianjianError(
            f"Groups of {first} and {second} do not fit into a population of {population}."
        )
    return Interval(max(0, first + second - population), min(first, second))


Verdict = Literal["agrees", "contradicts", "cannot tell"]
Reading = Literal["mean is", "mean at least", "each at least"]


@dataclass(frozen=True)
class Reconciliation:
    """A published figure held against a panel.

    ``observed`` is what the panel has in place of the figure, in its unit: the mean, or the least
    value under the reading "each"; NaN when no value is known. ``known`` of the ``villages`` that
    the figure speaks of have a value, and ``reason`` says why the verdict is what it is.
    """

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
    """Hold a published figure against the values of the villages that it speaks of.

    Parameters
    ----------
    values : Series
        One value a village in the unit of the figure; missing ones are unknown, not zero.
    claimed : float
        The figure as printed.
    reading : {"mean is", "mean at least", "each at least"}
        What the figure is taken to say. A mean "is" the figure when it prints so.
    villages : int
        Number of villages that the figure speaks of.
    digits : int
        Decimals printed; rounding is the figure's, "at least" is taken as printed.
    least : float, optional
        The least that a value can be (0 for a gross income). It lets incomplete values speak on a
        mean.

    Raises
    ------
    LianjianError
        No village, or more known values than villages: the figure speaks of another group.

    Notes
    -----
    With unknown values the mean lies in [(Σ known + unknown · least)/villages, ∞): such values can
    contradict "mean is" and confirm "mean at least", never the reverse. "Each" falls with one
    village under the figure, and stands only when all are known.

    Examples
    --------
    >>> gains = pd.Series([2.0, 1.9, 5.0])
    >>> reconcile(gains, 2.0, "mean at least", villages=3).verdict
    'agrees'
    >>> reconcile(gains, 2.0, "each at least", villages=4).verdict
    'contradicts'
    >>> reconcile(gains, 2.0, "mean at least", villages=4).verdict
    'cannot tell'
    """
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
