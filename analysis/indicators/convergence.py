"""Convergence of village incomes: β with what noise in the first year does to it, and σ."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis._frame import TIE, by_village, check_level, need_years, said
from analysis.errors import LianjianError
from analysis.indicators._stands_on import keep_index, keep_line

FEWEST = 3
FEW = 30
"""Under this many villages an interval is said to be a rough guide."""


@dataclass(frozen=True)
class Beta:
    """Does who starts low grow faster? ln y_end = a + ρ ln y_start + e."""

    # ρ by least squares, heteroskedasticity-robust (HC1, t with n − 2). 1: gaps last in proportion;
    # under 1: they shrink, or as small a share of the variance of ln y_start lasts.
    persistence: float
    std_error: float
    low: float
    high: float
    slope: float  # (ρ − 1)/T, the usual β: log points a year on initial log income
    speed: float  # −ln(ρ)/T a year
    # Var(ln y_end)/Cov: with noise in both years that is independent of all else, the true ρ lies
    # between `persistence` and this. NaN when the covariance is not positive.
    reverse: float
    corrected: float  # ρ with an earlier year as instrument; NaN without one
    corrected_low: float
    corrected_high: float
    reliability: float  # that it implies
    years: int  # T
    n: int  # villages used, left out as an income is missing or not positive, used with instrument
    n_left_out: int
    n_instrument: int
    notes: tuple[str, ...]  # what these villages cannot say


def _line(y: pd.Series, x: pd.Series, z: pd.Series) -> tuple[float, float]:
    """Return the slope of y on x with instrument z (x itself: least squares) and its HC1 error.

    NaN where the instrument does not move with x.
    """
    centred = (z - z.mean()).to_numpy()
    strength = float(centred @ x.to_numpy())
    if abs(strength) <= TIE * float(np.linalg.norm(z) * np.linalg.norm(x)):
        return math.nan, math.nan
    slope = float(centred @ y.to_numpy()) / strength
    rest = (y - y.mean() - slope * (x - x.mean())).to_numpy()
    variance = float(((centred * rest) ** 2).sum()) / strength**2 * len(y) / (len(y) - 2)
    return slope, math.sqrt(variance)


def beta_convergence(
    panel: pd.DataFrame,
    column: str,
    start: int,
    end: int,
    *,
    instrument: int | None = None,
    level: float = 0.95,
) -> Beta:
    r"""Regress log income on its own past, with bounds and a correction for noise in the past.

    Parameters
    ----------
    panel, column : DataFrame, str
        ``village_id`` by ``year``, and the measure in yuan.
    start, end : int
        First and last year, the earlier first.
    instrument : int, optional
        A year before ``start`` whose log income stands in as instrument.
    level : float
        Confidence level, between 0 and 1.

    Raises
    ------
    LianjianError
        A year is not in the panel, years out of order, fewer than 3 villages with positive income
        in the years, or no difference between them at the start or at the end.

    Notes
    -----
    Errors in variables: with ln y_start = lasting + noise, least squares gives λρ, where λ is the
    share of lasting variance. A village with a bad first year recovers, and looks like one that
    catches up: β finds convergence where there is none (Friedman 1992, J. Econ. Lit. 30;
    Quah 1993, DOI 10.2307/3440905). Bounds by reverse regression: Frisch 1934. An earlier year is
    a valid instrument when noise is independent between the two years; a lasting shock biases the
    correction back towards least squares. β is conditional on nothing: it describes.

    Examples
    --------
    Logs 0, 1, 2 become 1, 1.5, 2: the gaps are halved.

    >>> frame = pd.DataFrame({"village_id": list("ABCABC"), "year": [2023] * 3 + [2024] * 3,
    ...     "x_yuan": np.exp([0, 1, 2, 1, 1.5, 2])})
    >>> found = beta_convergence(frame, "x_yuan", 2023, 2024)
    >>> round(found.persistence, 6), round(found.slope, 6), round(found.speed, 4)
    (0.5, -0.5, 0.6931)
    """
    check_level(level)
    wanted = [start, end] if instrument is None else [instrument, start, end]
    wide = by_village(panel, column)
    need_years(wide, *wanted)
    some = wide[[start, end]].notna().any(axis=1).sum()
    # ascending first values: sums do not depend on the order of the rows
    positive = wide.where(wide > 0)
    logs = positive.apply(np.log).sort_values([start, end])  # type: ignore[list-item]
    known = logs.dropna(subset=[start, end])
    n = len(known)
    if n < FEWEST or np.ptp(known[start]) == 0 or np.ptp(known[end]) == 0:
        raise LianjianError(
            f"{n} villages have a positive income in {start} and {end}; β needs at least {FEWEST} "
            "whose incomes differ in either year."
        )
    persistence, error = _line(known[end], known[start], known[start])
    reach = float(stdtrit(n - 2, (1 + level) / 2)) * error
    covariance = float(known[start].cov(known[end]))
    corrected = corrected_error = math.nan
    n_instrument = 0
    if instrument is not None:
        both = known.dropna(subset=[instrument])
        n_instrument = len(both)
        if n_instrument >= FEWEST:
            corrected, corrected_error = _line(both[end], both[start], both[instrument])
    wide_reach = float(stdtrit(max(n_instrument - 2, 1), (1 + level) / 2)) * corrected_error
    span = end - start
    notes = []
    if n < FEW:
        notes.append(f"{n} villages are few: the interval leans on errors that are normal")
    if persistence <= 0:
        notes.append("ρ is not positive, so that gaps have no speed at which they shrink")
    if instrument is not None and math.isnan(corrected):
        few = f"{n_instrument} villages have an income in {instrument} too: no instrument"
        idle = f"The incomes of {instrument} tell nothing of those that follow: no instrument"
        notes.append(few if n_instrument < FEWEST else idle)
    made = Beta(
        persistence=persistence,
        std_error=error,
        low=persistence - reach,
        high=persistence + reach,
        slope=(persistence - 1) / span,
        speed=-math.log(persistence) / span if persistence > 0 else math.nan,
        reverse=float(known[end].var()) / covariance if covariance > 0 else math.nan,
        corrected=corrected,
        corrected_low=corrected - wide_reach,
        corrected_high=corrected + wide_reach,
        reliability=persistence / corrected if corrected else math.nan,
        years=span,
        n=n,
        n_left_out=int(some - n),
        n_instrument=n_instrument,
        notes=tuple(notes),
    )
    keep_line(made, known, wide, column, (start, end, instrument))
    return made


def sigma_convergence(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return how far villages lie apart in each year."""
    # Sala-i-Martin 1996 (DOI 10.2307/2235375). Part of `sd_log` is one year's noise; a fall of
    # noise lowers it without anybody having converged. Proportional growth leaves both unchanged;
    # the same sum for all lowers both.
    wide = by_village(panel, column)
    logs = wide.where(wide > 0).apply(np.log).dropna()
    result = pd.DataFrame(
        {
            "sd_log": logs.std(),
            "villages_log": len(logs),
            "cv": wide.std() / wide.mean().where(wide.mean() > 0),
            "villages": wide.count(),
        }
    )
    for year, cv, sd_log in zip(result.index, result["cv"], result["sd_log"], strict=True):
        known = wide[year].rename(column)
        keep_index(cv, lambda x: float(x.std(ddof=1) / x.mean()), known)
        keep_index(sd_log, lambda x: float(np.log(x).std(ddof=1)), known.reindex(logs.index))
    few = f"{len(logs)} villages have a positive income in every year: no spread of logarithms"
    note = few if len(logs) < 2 else ""
    return said(result.rename_axis("year").reset_index(), note)
