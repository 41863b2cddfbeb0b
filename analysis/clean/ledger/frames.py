"""Rows of frames, and addresses of several cells in one."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

_ADDRESS = re.compile(r"([A-Z]+)(\d+)")


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows as named tuples, whose types no checker can know."""
    yield from frame.itertuples()


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
    numbers = frame.groupby(columns, sort=False, dropna=False, observed=True).ngroup().to_numpy()
    _, firsts = np.unique(numbers, return_index=True)
    return numbers, frame.iloc[firsts]


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
