"""Quantities of whole columns: plain numbers in one go, the distinct others one by one."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.clean.amounts._cell import CODE_LIKE, read_quantity
from analysis.clean.amounts._quantity import YUAN, Quantity, column_unit
from analysis.clean.text import normalise

if TYPE_CHECKING:
    from collections.abc import Hashable

# Without leading zeros, and short enough: what is left out goes to the reader, which flags it.
_CLEAN = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,60})?$"
_FLOATS = ("value", "lower", "upper")
_LETTERED = re.compile(r"(\d+(?:\.\d+)?) ?[wW]", re.ASCII)
_BEARING, _NEAR = 3, 30.0
"""Amounts that must bear out a w for 万, and how near their middle it must come."""


def read_quantities(series: pd.Series, unit: str | None = None) -> pd.DataFrame:
    """Read a column of cells.

    Parameters
    ----------
    series : Series
        Cells of any kind: texts, numbers, missing.
    unit : str, optional
        Unit of the column, as in `read_quantity`.

    Returns
    -------
    DataFrame
        On the index of the series: ``value, lower, upper`` (float64), and as categories ``unit,
        qualifier, reason`` and ``flags`` (joined by a space). Each row is what `read_quantity` says
        of its cell.

    Raises
    ------
    LianjianError
        The column's unit is not known.

    Notes
    -----
    Texts that are plain numbers are cast in one go; only the distinct others are read one by one,
    so that the time is that of the casting.

    Examples
    --------
    >>> import pandas as pd
    >>> read_quantities(pd.Series(["27.9", "约30", "—"]), unit="万元")[["value", "qualifier"]]
          value qualifier
    0  279000.0     exact
    1  300000.0    approx
    2       NaN   missing
    """
    readings = [read_quantity(0, unit)]  # what every plain number is, but for its value
    shift = column_unit(unit).factor.adjusted()
    cells = series.astype("object") if isinstance(series.dtype, pd.CategoricalDtype) else series
    values, clean = _cast(_texts(cells), shift)
    codes = np.zeros(len(cells), dtype="int64")
    numbers, distinct = _distinct(cells[~clean])
    codes[~clean] = numbers + 1
    readings += [read_quantity(cell, unit) for cell in distinct]
    for at, cell in enumerate(distinct, start=1):
        if isinstance(cell, str) and (letter := _LETTERED.fullmatch(normalise(cell).strip())):
            readings[at] = _lettered(letter[1], unit, readings, values[clean]) or readings[at]
    return _spread(readings, codes, np.where(clean, values, np.nan), clean, series.index)


def _lettered(
    figure: str, unit: str | None, readings: list[Quantity], plain: np.ndarray
) -> Quantity | None:
    """Return 3.5w as 3.5万 where it is near the middle of the column's other amounts of money."""
    as_wan = read_quantity(f"{figure}万", unit)
    if as_wan.value is None or column_unit(unit).base not in {YUAN, ""}:
        return None
    said = [
        each for each in readings[1:] if each.status == "read" and "letter_wan" not in each.flags
    ]
    if unit is None:  # without a unit only amounts that are money themselves speak
        said, plain = [each for each in said if each.unit == YUAN], plain[:0]
    others = [*plain[plain > 0], *(each.value for each in said if each.value)]
    if len(others) < _BEARING or not 1 / _NEAR < as_wan.value / np.median(others) < _NEAR:
        return None
    own = YUAN if unit is None else as_wan.unit
    return replace(as_wan, unit=own, flags=(*as_wan.flags, "letter_wan"))


def _texts(cells: pd.Series) -> pa.Array:
    """Return texts and numbers as texts, null for what is neither."""
    if isinstance(cells.dtype, pd.StringDtype):
        return pa.array(cells, type=pa.large_string(), from_pandas=True)
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        numbers = pa.array(cells.to_numpy(dtype="float64", na_value=np.nan), from_pandas=True)
        return pc.cast(numbers, pa.large_string())
    texts = [
        cell if isinstance(cell, str)
        else str(cell) if isinstance(cell, int | float | np.number) and not isinstance(cell, bool)
        else None
        for cell in cells
    ]  # fmt: skip
    return pa.array(texts, type=pa.large_string())


def _cast(texts: pa.Array, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Cast the plain numbers among texts; moving the exponent keeps every decimal right."""
    clean = pc.fill_null(pc.match_substring_regex(texts, _CLEAN), fill_value=False)
    plain = pc.if_else(clean, texts, pa.scalar("0", pa.large_string()))
    if shift:
        tail, joint = pa.scalar(f"e{shift}", pa.large_string()), pa.scalar("", pa.large_string())
        plain = pc.binary_join_element_wise(plain, tail, joint)
    values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    is_clean = clean.to_numpy(zero_copy_only=False)
    return values + 0.0, is_clean & (np.abs(values) / 10.0**shift < float(CODE_LIKE))


def _distinct(cells: pd.Series) -> tuple[np.ndarray, list[object]]:
    """Return a number for each cell, and the distinct cells; 1 and True are two."""
    if cells.dtype != object:
        codes, distinct = pd.factorize(cells, use_na_sentinel=False)
        return codes, list(distinct)
    seen: dict[Hashable, int] = {}
    kept: list[object] = []
    codes = np.empty(len(cells), dtype="int64")
    for at, cell in enumerate(cells):
        key = (type(cell), cell if isinstance(cell, str) else repr(cell))
        if key not in seen:
            seen[key] = len(kept)
            kept.append(cell)
        codes[at] = seen[key]
    return codes, kept


def _spread(
    readings: list[Quantity],
    codes: np.ndarray,
    values: np.ndarray,
    clean: np.ndarray,
    index: pd.Index,
) -> pd.DataFrame:
    """Put each reading on the rows of its cell."""
    columns: dict[str, object] = {}
    for name in _FLOATS:
        known = np.array([getattr(each, name) for each in readings], dtype="float64")
        columns[name] = np.where(clean, values, known[codes])
    for name in ("unit", "qualifier", "reason"):
        columns[name] = _repeat([getattr(each, name) for each in readings], codes)
    columns["flags"] = _repeat([" ".join(each.flags) for each in readings], codes)
    return pd.DataFrame(columns, index=index)


def _repeat(texts: list[str], codes: np.ndarray) -> pd.Categorical:
    own, distinct = pd.factorize(np.array(texts, dtype=object))
    return pd.Categorical.from_codes(own[codes], pd.Index(distinct, dtype="str"))
