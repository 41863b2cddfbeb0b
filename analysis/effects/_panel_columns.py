"""Columns of a long frame as arrays: numbers, whole years, traits of units, a matrix by year."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import LianjianError, need_columns
from analysis.indicators.tables import amounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER = 0
"""Cohort of a unit that is never treated."""

LONGEST = 10_000
"""No panel spans more years."""


def start_years(frame: pd.DataFrame, name: str) -> Ints:
    """Return each row's first treated year; missing, 0 and +∞ are never.

    Parameters
    ----------
    frame : DataFrame
        With the column.
    name : str
        Column of first treated years.

    Raises
    ------
    LianjianError
        A year is not whole, negative, or no number.

    Examples
    --------
    >>> start_years(pd.DataFrame({"g": [2021, None, 0, np.inf]}), "g").tolist()
    [2021, 0, 0, 0]
    """
    never = frame[name].isin([np.inf])
    return _whole(frame.assign(**{name: frame[name].mask(never)}) if never.any() else frame, name)


def _whole(frame: pd.DataFrame, name: str) -> Ints:
    values = np.nan_to_num(amounts(frame[name], name), nan=NEVER)
    if (values != np.round(values)).any() or (values < 0).any():
        odd = values[(values != np.round(values)) | (values < 0)][0]
        raise LianjianError(f"{name} holds {odd}; a whole year was expected, or missing for never.")
    return values.astype(np.int64)


def calendar(frame: pd.DataFrame, year: str) -> tuple[Ints, Ints]:
    """Return each row's position among the years, and the years that occur, ascending.

    Parameters
    ----------
    frame : DataFrame
        With the column.
    year : str
        Column of whole years; they may have gaps.

    Raises
    ------
    LianjianError
        A year is missing or not whole, only one occurs, or they span more than 10,000.

    Examples
    --------
    >>> [part.tolist() for part in calendar(pd.DataFrame({"year": [2024, 2021, 2024]}), "year")]
    [[1, 0, 1], [2021, 2024]]
    """
    if frame[year].isna().any():
        raise LianjianError(f"{int(frame[year].isna().sum())} rows have no {year}.")
    values = _whole(frame, year)
    first = int(values.min())
    span = int(values.max()) - first + 1
    if span > LONGEST:
        raise LianjianError(f"{year} runs from {first} to {first + span - 1}. Is it a year?")
    years = np.flatnonzero(np.bincount(values - first, minlength=span)) + first
    if len(years) < 2:  # noqa: PLR2004
        raise LianjianError(f"Only the year {years[0]} occurs. A change needs at least two years.")
    place = np.zeros(span, dtype=np.int64)
    place[years - first] = np.arange(len(years))
    return place[values - first], years


def by_unit_year(
    units: Ints, when: Ints, values: Floats, *, ids: NDArray[np.object_], years: Ints
) -> Floats:  # fmt: skip
    """Return the values as a matrix (N, T), NaN where there is no row.

    Parameters
    ----------
    units, when : int array, (n,)
        Position of each row's unit and year.
    values : float array, (n,)
        Without gaps.
    ids : object array, (N,)
        Names of the units, for the message.
    years : int array, (T,)
        The years.

    Raises
    ------
    LianjianError
        A unit stands twice in one year.

    Examples
    --------
    >>> names, years = np.array(["a", "b"], object), np.array([2023, 2024])
    >>> by_unit_year(np.array([0, 1]), np.array([1, 0]), np.array([5.0, 6.0]), ids=names,
    ...              years=years).tolist()
    [[nan, 5.0], [6.0, nan]]
    """
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
    """Check that all rows agree with their unit's first one.

    Parameters
    ----------
    same : bool array, (n,)
        Whether each row agrees.
    units : int array, (n,)
        Position of each row's unit.
    ids : object array, (N,)
        Names of the units.
    name : str
        Column, for the message.

    Raises
    ------
    LianjianError
        A row does not agree; the first such unit is named.

    Examples
    --------
    >>> check_constant(np.array([True]), np.array([0]), np.array(["a"], object), "county")
    """
    if not same.all():
        odd = np.unique(units[~same])
        raise LianjianError(
            f"{name} changes over time in {len(odd)} units, first {ids[odd[0]]}. It must be one "
            "value for each unit in all its rows: correct it, or drop these units."
        )


def first_known(
    frame: pd.DataFrame, names: Sequence[str], units: Ints, when: Ints, n: int
) -> tuple[Floats, list[str]]:
    """Return each unit's first known value of numeric columns (N, K), and which of them vary.

    Parameters
    ----------
    frame : DataFrame
        n rows.
    names : sequence of str
        K columns.
    units, when : int array, (n,)
        Position of each row's unit and year.
    n : int
        Number of units N.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [7.0, 5.0, None, 3.0]})
    >>> first_known(frame, ["size"], np.array([0, 0, 1, 1]), np.array([1, 0, 0, 1]), 2)[0].tolist()
    [[5.0], [3.0]]
    """
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


def first_treated(
    frame: pd.DataFrame, treatment: str, *, unit: str = "village_id", year: str = "year"
) -> pd.Series:
    """Return each row's cohort from a column that says whether its unit is treated in its year.

    Parameters
    ----------
    frame : DataFrame
        One row a unit and year.
    treatment : str
        Column of 0 and 1 (or False and True). A share of the year counts as treated.
    unit, year : str
        Columns.

    Returns
    -------
    Series
        The unit's first treated year, 0 for never, in the order of the rows: a `cohort` for
        `make_panel`.

    Raises
    ------
    LianjianError
        A treatment is missing or negative, or ends: the estimators take it to last.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aaabb"], "year": [2022, 2023, 2024, 2023, 2024],
    ...                       "joined": [0, 0.5, 1, 0, 0]})
    >>> first_treated(frame, "joined").tolist()
    [2023, 2023, 2023, 0, 0]
    """
    need_columns(frame, treatment, unit, year)
    values = pd.Series(amounts(frame[treatment], treatment), index=frame.index)
    if values.isna().any() or (values < 0).any():
        raise LianjianError(
            f"{treatment} is missing or negative in {int((~(values >= 0)).sum())} rows; 0 or 1 was "
            "expected in each."
        )
    treated = values > 0
    start = frame[year].where(treated).groupby(frame[unit]).transform("min")
    ended = frame.loc[~treated & (frame[year] > start), unit]
    if len(ended):
        raise LianjianError(
            f"{treatment} ends in {ended.nunique()} units, first {ended.iloc[0]}. The estimators "
            "take a treatment to last once it began: give the first treated year as cohort and "
            "drop the years after its end, or leave these units out."
        )
    return start.fillna(NEVER).astype(np.int64).rename("cohort")
