"""Columns of a long frame as arrays: numbers, whole years, traits of units, a matrix by year."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._frame import amounts
from analysis.errors import LianjianError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER = 0
"""Cohort of a unit that is never treated."""

FIRST_YEAR, LAST_YEAR = 1700, 2200
"""Between these a number with a quarter or a month behind it is read as a year."""

LONGEST = 10_000
"""No panel spans more years."""
DEPENDENT = 1e-7
"""A trait of which others leave so little of its spread is determined by them."""
FIRM = 1e-6
"""Least eigenvalue of traits in standard deviations under which dependence is looked for."""


def start_years(frame: pd.DataFrame, name: str) -> Ints:
    """Return each row's first treated year; missing, 0 and +∞ are never."""
    never = frame[name].isin([np.inf])
    return _whole(frame.assign(**{name: frame[name].mask(never)}) if never.any() else frame, name)


def _whole(frame: pd.DataFrame, name: str) -> Ints:
    values = np.nan_to_num(amounts(frame[name], name), nan=NEVER)
    if (values != np.round(values)).any() or (values < 0).any():
        odd = values[(values != np.round(values)) | (values < 0)][0]
        raise LianjianError(
            f"{name} holds {odd:g}; whole years were expected, or periods numbered from 1, and a "
            "cohort missing for never."
        )
    return values.astype(np.int64)


def calendar(frame: pd.DataFrame, year: str) -> tuple[Ints, Ints]:
    """Return each row's position among the years, and the years that occur, ascending."""
    if frame[year].isna().any():
        raise LianjianError(f"{int(frame[year].isna().sum())} rows have no {year}.")
    values = _whole(frame, year)
    first = int(values.min())
    span = int(values.max()) - first + 1
    if span > LONGEST:
        raise LianjianError(f"{year} runs from {first} to {first + span - 1}. Is it a year?")
    years = np.flatnonzero(np.bincount(values - first, minlength=span)) + first
    _check_codes(years, year)
    if len(years) < 2:
        raise LianjianError(f"Only the year {years[0]} occurs. A change needs at least two years.")
    place = np.zeros(span, dtype=np.int64)
    place[years - first] = np.arange(len(years))
    return place[values - first], years


def _check_codes(years: Ints, name: str) -> None:
    """Check that periods are no codes like 20124 or 201212, whose next one is not 1 later."""
    for base, most in ((10, 4), (100, 12)):
        first, last = (years // base)[[0, -1]]
        part = years % base
        if FIRST_YEAR <= first < last <= LAST_YEAR and part.max() <= most:
            code = "a quarter" if base == 10 else "a month"
            raise LianjianError(
                f"{name} runs from {years[0]} to {years[-1]}: each reads as a year and {code}, "
                "which do not follow each other by 1, so that event times would be wrong. Number "
                "the periods from 1, one by one, and give cohorts by these numbers."
            )


def by_unit_year(
    units: Ints, when: Ints, values: Floats, *, ids: NDArray[np.object_], years: Ints
) -> Floats:
    """Return the values as a matrix (N, T), NaN where there is no row."""
    shape = (len(ids), len(years))
    y = np.full(shape, np.nan)
    y[units, when] = values
    if np.count_nonzero(~np.isnan(y)) != len(values):
        cells = units * shape[1] + when
        counts = np.bincount(cells)
        cell = int(np.argmax(counts > 1))
        raise LianjianError(
            f"{int((counts > 1).sum())} unit-years occur more than once, first "
            f"{ids[cell // shape[1]]} in {years[cell % shape[1]]}. Keep one row a unit and year."
        )
    return y


def check_constant(same: Bools, units: Ints, ids: NDArray[np.object_], name: str) -> None:
    """Check that all rows agree with their unit's first one."""
    if not same.all():
        odd = np.unique(units[~same])
        raise LianjianError(
            f"{name} changes over time in {len(odd)} units, first {ids[odd[0]]}. It must be one "
            "value for each unit in all its rows: correct it, or drop these units."
        )


def first_known(
    frame: pd.DataFrame, names: Sequence[str], units: Ints, when: Ints, n: int
) -> tuple[Floats, list[str]]:
    """Return each unit's first known value of numeric columns (N, K), and which of them vary."""
    x = np.full((n, len(names)), np.nan)
    varying = []
    for k, name in enumerate(names):
        values = amounts(frame[name], name)
        known = ~np.isnan(values)
        order = np.flatnonzero(known)[np.argsort(-when[known], kind="stable")]
        x[units[order], k] = values[order]
        if (values[known] != x[units[known], k]).any():
            varying.append(name)
    return x, varying


def first_treated(frame: pd.DataFrame, treatment: str, unit: str, year: str) -> pd.Series:
    """Return each row's cohort from a column that says whether its unit is treated in its year."""
    treated = amounts(frame[treatment], treatment)
    if np.isnan(treated).any():
        raise LianjianError(
            f"{treatment} is missing in {int(np.isnan(treated).sum())} rows; 0 or 1 was expected "
            "in each."
        )
    when = pd.Series(amounts(frame[year], year), frame.index)
    by_unit = frame[unit].to_numpy()
    start = when.where(treated > 0).groupby(by_unit).transform("min")
    if (start <= NEVER).any():
        raise LianjianError(
            f"Units are treated in the {year} {when.min():g}, and a cohort of 0 stands for never. "
            "Number the periods from 1."
        )
    ended = frame.loc[(treated == 0) & (when > start), unit]
    if len(ended):
        raise LianjianError(
            f"{treatment} ends in {ended.nunique()} units, first {ended.iloc[0]}. The estimators "
            "take a treatment to last once it began: give the first treated year as cohort and "
            "drop the years after its end, or leave these units out."
        )
    years = np.sort(when.unique())
    before = when.where(when < start).groupby(by_unit).transform("max")
    known = before.notna()
    gap = np.searchsorted(years, start[known]) - np.searchsorted(years, before[known]) > 1
    if gap.any():
        unsure = frame.loc[known, unit][gap]
        raise LianjianError(
            f"{unsure.nunique()} units, first {unsure.iloc[0]}, have no row in the year before the "
            f"first in which {treatment} is 1: it may have begun there. Add that row (the "
            "outcome may be missing), or give the first treated year as cohort."
        )
    return start.fillna(NEVER)


def independent(z: Floats, least: float = DEPENDENT) -> Ints:
    """Return the columns of centred traits of which the ones before leave so much, at least."""
    if not z.shape[1] or np.linalg.eigvalsh(z.T @ z / len(z))[0] > FIRM:
        return np.arange(z.shape[1], dtype=np.int64)
    kept: list[int] = []
    basis = np.ones((len(z), 1)) / np.sqrt(len(z))
    for column in range(z.shape[1]):
        rest = z[:, column] - basis @ (basis.T @ z[:, column])
        rest -= basis @ (basis.T @ rest)
        length = float(np.sqrt(rest @ rest))
        if length > least * np.sqrt(len(z)):
            kept.append(column)
            basis = np.column_stack([basis, rest / length])
    return np.array(kept, dtype=np.int64)
