"""What rows and columns say, spread over their cells as codes: a sheet can have a million cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.clean.workbook.marks import item_label
from analysis.clean.workbook.vocabulary import role_of


def categories(codes: np.ndarray, distinct: Sequence[str] | np.ndarray) -> pd.Categorical:
    """Return a column of repeated texts; the code -1 is missing.

    Examples
    --------
    >>> list(categories(np.array([1, 0, 1]), ["甲", "乙"]))
    ['乙', '甲', '乙']
    """
    return pd.Categorical.from_codes(codes, pd.Index(np.asarray(distinct, dtype="object")))


@dataclass(frozen=True)
class Spread:
    """From what rows and columns say to what their cells say, row by row, as codes."""

    rows: int
    columns: int

    def down(self, texts: Sequence[str]) -> pd.Categorical:
        """Give each cell the text of its row."""
        codes, distinct = pd.factorize(np.array(texts, dtype=object))
        return categories(np.repeat(codes, self.columns), distinct)

    def first(self, down: Sequence[object], across: Sequence[object]) -> pd.Categorical:
        """Give each cell what its row says, where that says nothing what its column says."""
        codes, distinct = pd.factorize(np.array([*down, *across, None], dtype=object))
        codes = np.where(np.array([*map(bool, [*down, *across]), False]), codes, -1)
        of_row, of_column = codes[: self.rows], codes[self.rows : -1]
        cells = np.where(of_row[:, None] >= 0, of_row[:, None], of_column[None, :]).ravel()
        return categories(cells, distinct)

    def items(self, down: Sequence[str] | None, across: Sequence[str]) -> pd.Categorical:
        """Give each cell the name of its row's item and its column's head."""
        own, names = pd.factorize(np.array(down or [""] * self.rows, dtype=object))
        joined = [
            label if down is None else _joined(name, label) for name in names for label in across
        ]
        codes, distinct = pd.factorize(np.array(joined, dtype=object))
        table = codes.reshape(len(names), self.columns)
        return categories(table[own].ravel(), distinct)

    def kinds(self, lines: Iterable[str], values: list[int]) -> pd.Categorical:
        """Give each cell its kind."""
        letters = np.frombuffer("".join(lines).encode("ascii"), dtype="uint8")
        cells = letters.reshape(self.rows, -1)[:, values].ravel() if self.rows else letters
        distinct, codes = np.unique(cells, return_inverse=True)
        return categories(codes, [chr(code) for code in distinct])


def _joined(item: str, label: str) -> str:
    # 金额 over the numbers says nothing that the row's own account does not say better
    generic = not label or role_of(label) is not None or label in {"金额", "数量", "数值", "本年数"}
    return item_label(item) if generic else f"{item_label(item)}/{label}"
