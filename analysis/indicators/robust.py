"""Centres that a few large villages do not rule, with what was cut."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import LianjianError
from analysis.indicators.tables import amounts


@dataclass(frozen=True)
class RobustMean:
    """One centre four ways.

    Attributes
    ----------
    mean, median, trimmed, winsorised : float
        In the unit of the values.
    cut_low, cut_high : float
        Lowest and highest value kept: beyond them values are dropped (trimmed) or moved to them
        (winsorised).
    n, n_cut : int
        Known values, and how many lie in the two cut tails together.
    """

    mean: float
    median: float
    trimmed: float
    winsorised: float
    cut_low: float
    cut_high: float
    n: int
    n_cut: int


def robust_mean(values: pd.Series, cut: float = 0.05) -> RobustMean:
    """Return mean, median, trimmed and winsorised mean, with the cut.

    Parameters
    ----------
    values : Series
        Values in any unit; missing ones are left out.
    cut : float
        Share cut on each side: the ⌊cut · n⌋ lowest and as many highest values.

    Raises
    ------
    LianjianError
        No known value, or a cut that is not in [0, 0.5).

    Notes
    -----
    Tukey & McLaughlin 1963 (Sankhyā A 25). The trimmed mean is that of the values kept; the
    winsorised mean sets the cut ones to the nearest value kept.

    Examples
    --------
    >>> result = robust_mean(pd.Series([0.0, 2.0, 3.0, 4.0, 91.0]), cut=0.2)
    >>> result.mean, result.median, result.trimmed, result.winsorised, result.n_cut
    (20.0, 3.0, 3.0, 3.0, 2)
    """
    known = np.sort(amounts(values, "The values"))
    known = known[~np.isnan(known)]
    if not 0 <= cut < 1 / 2:
        raise LianjianError(f"A cut of {cut} a side leaves nothing; take one from 0 to under 0.5.")
    if not len(known):
        raise LianjianError("None of the values is known, so they have no mean.")
    # 0.29 · 100 is 28.999… in binary
    tail = int(cut * len(known) + 1e-9)
    kept = known[tail : len(known) - tail]
    return RobustMean(
        mean=float(known.mean()),
        median=float(np.median(known)),
        trimmed=float(kept.mean()),
        winsorised=float(known.clip(kept[0], kept[-1]).mean()),
        cut_low=float(kept[0]),
        cut_high=float(kept[-1]),
        n=len(known),
        n_cut=2 * tail,
    )
