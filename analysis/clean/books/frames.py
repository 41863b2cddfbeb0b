"""Rows of frames, and addresses of several cells in one."""

from collections.abc import Iterator
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows as named tuples, whose types no checker can know."""
    yield from frame.itertuples()


def joined_cells(cells: pd.Series) -> str:
    """Return several addresses of one sheet as one: ``Sheet!B7, C7``.

    Examples
    --------
    >>> joined_cells(pd.Series(["a!B7", "a!C7"])), split_cells("a!B7, C7")
    ('a!B7, C7', ['a!B7', 'a!C7'])
    """
    sheet, mark, _ = str(cells.iloc[0]).rpartition("!")
    return sheet + mark + ", ".join(str(cell).rpartition("!")[2] for cell in cells)


def sheets(cells: pd.Series) -> list[str]:
    """Return the sheet of each address, empty for text files."""
    return [str(cell).rpartition("!")[0] for cell in cells]


def split_cells(text: str) -> list[str]:
    """Return the addresses that `joined_cells` joined."""
    sheet, mark, addresses = text.rpartition("!")
    return [f"{sheet}{mark}{address}" for address in addresses.split(", ")]
