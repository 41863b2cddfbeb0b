"""What every indicator reads: numbers of a column, and a measure by village and year."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import LianjianError, need_columns

Floats = npt.NDArray[np.float64]

TIE = 1e-9
"""Numbers closer than this, relative to the larger, are equal: they differ by rounding alone."""


def amounts(values: npt.ArrayLike, what: str = "The column") -> Floats:
    """Return values as floats, NaN where one is missing.

    Parameters
    ----------
    values : array-like
        Numbers in any unit, of any numeric type, in any shape.
    what : str
        Their name, for messages.

    Raises
    ------
    LianjianError
        A value is no number, or infinite.

    Examples
    --------
    >>> amounts(pd.array([1, None], dtype="Int64")).tolist()
    [1.0, nan]
    """
    given = values if np.ndim(values) != 1 else pd.Series(values)
    kind = getattr(given, "dtype", np.dtype(object))
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_complex_dtype(kind):
        raise LianjianError(
            f"{what} holds values of type {kind} where a number was expected; of a date, take the "
            "year: .dt.year."
        )
    try:
        if isinstance(given, pd.Series):
            given = given.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LianjianError(f"{what} holds values that are not numbers: {error}.") from error
    if np.isinf(known).any():
        raise LianjianError(
            f"{what} is infinite in {int(np.isinf(known).sum())} rows; a logarithm of 0 does that. "
            "Choose another transformation or leave these rows out."
        )
    return known


def flags(values: npt.ArrayLike, what: str) -> npt.NDArray[np.bool_]:
    """Return values that must be 0 and 1, or False and True, as booleans.

    Parameters
    ----------
    values : array-like, shape (n,)
        0 and 1, none missing.
    what : str
        Their name, for messages.

    Raises
    ------
    LianjianError
        Another value occurs, or one is missing.

    Examples
    --------
    >>> flags([1, 0], "treated").tolist()
    [True, False]
    """
    known = amounts(values, what)
    odd = known[~np.isin(known, (0.0, 1.0))]
    if len(odd):
        raise LianjianError(f"{what} must hold 0 and 1, and {odd[0]:g} occurs {len(odd)} times.")
    return known == 1


def numeric(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the frame with columns as floats.

    Raises
    ------
    LianjianError
        A column is missing, or holds what is no number.

    Examples
    --------
    >>> numeric(pd.DataFrame({"x_yuan": pd.array([1, None], "Int64")}), "x_yuan")["x_yuan"].tolist()
    [1.0, nan]
    """
    need_columns(frame, *columns)
    return frame.assign(**{name: amounts(frame[name], name) for name in columns})


def just_under(threshold: float) -> float:
    """Return the least number that counts as attaining a threshold, in its unit.

    Amounts to the cent that add up to a threshold can add up to less in binary.

    Examples
    --------
    >>> 0.1 + 0.7 >= 0.8, 0.1 + 0.7 >= just_under(0.8), 0.79 >= just_under(0.8)
    (False, True, False)
    """
    return threshold - TIE * abs(threshold)


def by_village(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a measure with a row a village and a column a year, both ascending.

    Parameters
    ----------
    panel : DataFrame
        ``village_id, year`` and the measure.
    column : str
        The measure; its unit is kept.

    Raises
    ------
    LianjianError
        A column is missing or not numeric, or a village stands twice in a year.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["b", "a"], "year": [2024, 2023], "x_yuan": [1, 2]})
    >>> by_village(frame, "x_yuan").to_numpy().tolist()
    [[2.0, nan], [nan, 1.0]]
    """
    need_columns(panel, "village_id", "year")
    table = numeric(panel, column)
    year = amounts(panel["year"], "year")
    if np.isnan(year).any():
        raise LianjianError(f"{int(np.isnan(year).sum())} rows have no year.")
    table = table.assign(year=year.astype(np.int64))
    twice = table.duplicated(["village_id", "year"])
    if twice.any():
        first = table.loc[twice].iloc[0]
        raise LianjianError(
            f"{int(twice.sum())} rows repeat a village and year, first {first['village_id']} in "
            f"{first['year']}. Keep one row a village and year."
        )
    return table.pivot(index="village_id", columns="year", values=column)


def need_years(wide: pd.DataFrame, *years: int) -> None:
    """Check that a table by village and year has the years.

    Raises
    ------
    LianjianError
        It lacks one; its years are named.

    Examples
    --------
    >>> need_years(pd.DataFrame({2023: [1.0]}), 2024)
    Traceback (most recent call last):
    analysis.errors.LianjianError: The panel has no year 2024; its years are 2023.
    """
    missing = [year for year in years if year not in wide.columns]
    if missing:
        has = ", ".join(map(str, wide.columns)) or "none"
        raise LianjianError(
            f"The panel has no year {', '.join(map(str, missing))}; its years are {has}."
        )
