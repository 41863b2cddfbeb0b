"""How long villages stay weak: spells with right-censoring, and Kaplan–Meier curves."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from analysis._evidence import keep_counts
from analysis._frame import (
    amounts,
    by_village,
    check_level,
    flags,
    need_columns,
    need_roles,
    need_years,
    panel_of,
    said,
)
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN
from analysis.indicators._stands_on import keep_share
from analysis.indicators.bands import line_yuan


def weak_spells(
    panel: pd.DataFrame,
    start: int,
    *,
    column: str = "operating_income_yuan",
    threshold_wan: float | None = None,
    confirm: int = 1,
) -> pd.DataFrame:
    """Return how long each village that was weak in a year stayed so.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    start : int
        The year in which a village must be weak to be followed.
    column : str
        The measure.
    threshold_wan : float, optional
        Weak: under this, 万元; ``bands.WEAK_WAN`` where none is given.
    confirm : int
        Years in a row that a village must be at or over the threshold to count as having left; the
        first of them is the year of leaving. With 1 a single good year counts.

    Returns
    -------
    DataFrame
        ``village_id, years, has_left``. With ``has_left``, the village was first seen over the
        threshold ``years`` after the start, so that it crossed in the year before that. Without,
        it was last known not to have left after ``years`` (right-censored: the panel ends, a year
        is missing, or there are too few years left to confirm).

    Raises
    ------
    LianjianError
        The panel lacks the year, nobody was weak in it, or ``confirm`` is under 1.

    Notes
    -----
    The clock starts in ``start``, not when the village became weak: that is not in the panel.
    A missing year ends what is known, because the village may have left in it.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": list("AAABBB"), "year": [2022, 2023, 2024] * 2,
    ...     "operating_income_yuan": [1e4, 6e4, 4e4, 1e4, 2e4, 3e4]})
    >>> weak_spells(frame, 2022).to_numpy().tolist()
    [['A', 1, True], ['B', 2, False]]
    """
    if confirm < 1:
        raise LianjianError(f"Leaving cannot be confirmed by {confirm} years; take 1 or more.")
    wide = by_village(panel, column)
    need_years(wide, start)
    wide = wide.reindex(columns=range(start, int(wide.columns[-1]) + 1))
    least = line_yuan(threshold_wan)
    weak = wide[wide[start] < least]
    if weak.empty:
        raise LianjianError(f"No village was under {least / YUAN_PER_WAN:g} 万元 in {start}.")
    over = (weak >= least).to_numpy()
    # what lies after the first missing year is not used
    seen = np.logical_and.accumulate(weak.notna().to_numpy(), axis=1).sum(axis=1)
    rows = []
    for village, out, last in zip(weak.index, over, seen, strict=True):
        stayed_out = np.convolve(out[:last], np.ones(confirm), mode="valid") >= confirm
        left = int(np.argmax(stayed_out)) if stayed_out.any() else None
        # too close to the end to confirm: not known to be out, not known to be in
        open_end = last - 1
        while left is None and open_end > 0 and out[open_end]:
            open_end -= 1
        rows.append((village, open_end if left is None else left, left is not None))
    return pd.DataFrame(rows, columns=["village_id", "years", "has_left"])


@dataclass(frozen=True)
class Survival:
    """A Kaplan–Meier curve of ``n`` units, ``n_left`` of which were seen to leave."""

    # `table` has one row a time at which somebody left or was censored: `time, at_risk, left,
    # censored, survival, std_error, low, high`, survival between 0 and 1, its interval pointwise at
    # `level`. `median` is the first time at which survival is at most one half, NaN when never.

    table: pd.DataFrame
    median: float
    n: int
    n_left: int
    level: float


def kaplan_meier(time: npt.ArrayLike, has_left: npt.ArrayLike, *, level: float = 0.95) -> Survival:
    r"""Estimate the share that has not left by each time.

    .. math:: S(t) = \prod_{t_i \le t} (1 - d_i / n_i), \qquad
              \widehat{var}\, S = S^2 \sum d_i / \{n_i (n_i - d_i)\}

    Parameters
    ----------
    time : array-like, shape (n,)
        Time of leaving, or last time known to be in; in years for :func:`weak_spells`.
    has_left : array-like of bool, shape (n,)
        False: right-censored at ``time``. A unit censored at t is at risk at t.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    Survival
        The interval is pointwise, exp(±z se / (S ln S)) as power of S; where S is 0 or 1 it has
        no width, and nobody at risk is left to widen it.

    Raises
    ------
    LianjianError
        No unit, a negative or missing time, a level outside 0 and 1, or arrays of different length.

    Notes
    -----
    Kaplan & Meier 1958 (DOI 10.1080/01621459.1958.10501452); variance by Greenwood; interval on
    the log(−log) scale (Kalbfleisch & Prentice 1980, sec. 1.3).

    Examples
    --------
    Of 4 one leaves at 1, one is censored, one of the other 2 leaves at 3: S = 3/4, then 3/8.

    >>> kaplan_meier([1, 2, 3, 3], [True, False, True, False]).table["survival"].tolist()
    [0.75, 0.75, 0.375]
    """
    times, events = amounts(time, "A time"), flags(has_left, "has_left")
    if times.shape != events.shape or times.ndim != 1 or not len(times):
        raise LianjianError(
            f"Times have shape {times.shape} and events {events.shape}; give one of each a unit."
        )
    if not (times >= 0).all():
        raise LianjianError("A time is missing or negative; leave that unit out.")
    check_level(level)
    points = np.unique(times)
    left = np.array([(times[events] == point).sum() for point in points])
    gone = np.array([(times[~events] == point).sum() for point in points])
    at_risk = len(times) - np.concatenate([[0], np.cumsum(left + gone)[:-1]])
    survival = np.cumprod(1 - left / at_risk)
    stay = at_risk - left
    # once nobody stays, survival is zero and so is its error
    terms = np.divide(left, at_risk * stay, out=np.zeros(len(points)), where=stay > 0)
    error = survival * np.sqrt(np.cumsum(terms))
    inner = (survival > 0) & (survival < 1)
    low, high = survival.copy(), survival.copy()
    inside = survival[inner]
    width = ndtri((1 + level) / 2) * error[inner] / (inside * np.log(inside))
    low[inner], high[inner] = inside ** np.exp(-width), inside ** np.exp(width)
    table = pd.DataFrame(
        {
            "time": points,
            "at_risk": at_risk,
            "left": left,
            "censored": gone,
            "survival": survival,
            "std_error": error,
            "low": low,
            "high": high,
        }
    )
    keep_counts(table[["at_risk", "left", "censored"]], table[["left"]].sum().to_frame())
    # as a share of all that were followed, whoever was lost sight of counted by the curve
    for side, shares in ((0, survival), (-1, low), (1, high)):
        for share in shares.tolist():
            keep_share(share, round(share * len(times)), len(times), side)
    # a product of fractions can miss one half in binary
    reached = points[survival <= 1 / 2 + 1e-12]
    median = float(reached[0]) if len(reached) else float("nan")
    return Survival(table, median, len(times), int(events.sum()), level)


def joining_spells(panel: pd.DataFrame, *, threshold_wan: float | None = None) -> pd.DataFrame:
    """Return weak spells from the year before joining, of allied villages and of those outside."""
    need_columns(panel, "role", "joined_year", "households")
    need_roles(panel)
    frame = panel_of(panel, "operating_income_yuan", "joined_year", "households")
    weak, outside = (frame[frame["role"] == role] for role in ("allied_weak", "outside"))
    parts, notes = [], []
    for joined in sorted(int(year) for year in weak["joined_year"].dropna().unique()):
        for allied, side in ((True, weak[weak["joined_year"] == joined]), (False, outside)):
            try:
                found = weak_spells(side, joined - 1, threshold_wan=threshold_wan)
            except LianjianError as error:
                who = "weak allied villages" if allied else "villages outside"
                notes.append(f"Joined {joined}, {who}: {error}")
            else:
                parts.append(found.assign(allied=allied, start=joined - 1))
    columns = ["village_id", "years", "has_left", "allied", "start"]
    spells = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    size = frame.groupby("village_id")["households"].first()
    none = "No village has a year before joining in which it was weak"
    spells = spells.assign(households=spells["village_id"].map(size))
    return said(spells, *notes, "" if parts else none)
