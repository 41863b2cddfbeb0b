"""Rows of frames, and addresses of several cells in one."""

import re
from collections import namedtuple
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

_ADDRESS = re.compile(r"([A-Z]+)(\d+)")


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows as named tuples, whose types no checker can know."""
    if len(frame):
        values = (column for _, column in frame.items())
        yield from map(_row_of(tuple(frame.columns))._make, zip(frame.index, *values, strict=True))


@cache
def _row_of(columns: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Return the type of a row, which `DataFrame.itertuples` would make anew for each frame."""
    return namedtuple("Row", ("Index", *columns), rename=True)  # noqa: PYI024


def joined_cells(cells: Sequence[str]) -> str:
    """Return several addresses of one sheet as one: ``Sheet!B7, C7``."""
    sheet, mark, _ = cells[0].rpartition("!")
    return sheet + mark + ", ".join(cell.rpartition("!")[2] for cell in cells)


def area(cells: Sequence[str]) -> str:
    """Return the smallest area of one sheet that holds several addresses."""
    sheet, mark, _ = cells[0].rpartition("!")
    places = [_ADDRESS.fullmatch(cell.rpartition("!")[2]) for cell in cells]
    letters = sorted((p[1] for p in places if p), key=lambda text: (len(text), text))
    numbers = [int(p[2]) for p in places if p]
    return f"{sheet}{mark}{letters[0]}{min(numbers)}:{letters[-1]}{max(numbers)}"


def sheets(cells: pd.Series) -> list[str]:
    """Return the sheet of each address, empty for text files."""
    return [str(cell).rpartition("!")[0] for cell in cells]


def split_cells(text: str) -> list[str]:
    """Return the addresses that `joined_cells` joined."""
    sheet, mark, addresses = text.rpartition("!")
    return [f"{sheet}{mark}{address}" for address in addresses.split(", ")]


def groups(frame: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the number of each row's group, and the first row of each group."""
    numbers = np.zeros(len(frame), dtype="int64")
    for name in columns:
        codes, distinct = _coded(frame[name])
        numbers, _ = pd.factorize(numbers * (distinct + 1) + codes + 1)
    _, firsts = np.unique(numbers, return_index=True)
    return numbers, frame.iloc[firsts]


def _coded(column: pd.Series) -> tuple[np.ndarray, int]:
    """Return a number for each value, -1 for a missing one, and how many there are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype="int64"), len(column.cat.categories)
    codes, distinct = pd.factorize(column)
    return codes, len(distinct)


def gathered(numbers: np.ndarray, *columns: pd.Series) -> list[tuple[list[str], ...]]:
    """Return the texts of each group's rows, a list for each column."""
    lists: list[tuple[list[str], ...]] = [
        tuple([] for _ in columns) for _ in range(numbers.max(initial=-1) + 1)
    ]
    for number, *texts in zip(numbers, *columns, strict=True):
        for own, text in zip(lists[number], texts, strict=True):
            own.append(text)
    return lists


def holding(cells: pd.DataFrame, keys: Collection[tuple[str, str]]) -> pd.DataFrame:
    """Return the cells with one of these pairs of file and address."""
    likely = cells[cells["cell"].isin({cell for _, cell in keys})]
    found = [key in keys for key in zip(likely["file"], likely["cell"], strict=True)]
    return likely[np.array(found, dtype=bool)]


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return frames of the same columns below each other, labels kept; categories are united."""
    columns: dict[str, Any] = {}
    for name in frames[0].columns:
        parts = [frame[name] for frame in frames]
        is_coded = isinstance(parts[0].dtype, pd.CategoricalDtype)
        columns[name] = union_categoricals(parts) if is_coded else pd.concat(parts).array
    return pd.DataFrame(columns, index=np.concatenate([frame.index for frame in frames]))
