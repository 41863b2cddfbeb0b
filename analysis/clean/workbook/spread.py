"""What rows and columns say, spread over their cells as codes: a sheet can have a million cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.clean.words import pattern
from analysis.clean.workbook.marks import item_label, lift_unit, lift_year, plain
from analysis.clean.workbook.vocabulary import SIDES, TIMES, basis_of, joined_basis, role_of


def repeated(texts: Sequence[str | None], numbers: np.ndarray) -> pd.Categorical:
    """Return the texts with these numbers as a categorical column; None is missing."""
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    dtype = _categories(tuple(distinct))
    return pd.Categorical.from_codes(codes[numbers], dtype=dtype, validate=False)


@lru_cache(maxsize=512)
def _categories(texts: tuple[str, ...]) -> pd.CategoricalDtype:
    """Return the type of a column of these texts: many tables say nothing, or the same."""
    return pd.CategoricalDtype(pd.Index(texts, dtype="str"))


@dataclass(frozen=True)
class Spread:
    """From what rows and columns say to what their cells say, row by row, as codes."""

    rows: int
    columns: int

    def down(self, texts: Sequence[str]) -> pd.Categorical:
        """Give each cell the text of its row."""
        return repeated(texts, np.repeat(np.arange(self.rows), self.columns))

    def first(self, down: Sequence[str | None], across: Sequence[str | None]) -> pd.Categorical:
        """Give each cell what its row says, where that says nothing what its column says."""
        of_row = np.where([bool(text) for text in down], np.arange(self.rows), -1)
        of_column = self.rows + np.arange(self.columns)
        cells = np.where(of_row[:, None] >= 0, of_row[:, None], of_column[None, :]).ravel()
        return repeated([text or None for text in (*down, *across)], cells)

    def both(self, down: Sequence[str], across: Sequence[str]) -> pd.Categorical:
        """Give each cell what its row and its column say of its basis, as one."""
        rows, of_row = np.unique(np.array(down, dtype=object), return_inverse=True)
        columns, of_column = np.unique(np.array(across, dtype=object), return_inverse=True)
        joined = [joined_basis([_said(row), _said(column)]) for row in rows for column in columns]
        cells = of_row[:, None] * len(columns) + of_column[None, :]
        return repeated(joined, cells.ravel())

    def items(self, down: Sequence[str] | None, across: Sequence[str]) -> pd.Categorical:
        """Give each cell the name of its row's item and its column's head."""
        own, names = pd.factorize(np.array(down or [""] * self.rows, dtype=object))
        joined = [
            label if down is None else _joined(name, label) for name in names for label in across
        ]
        cells = own[:, None] * self.columns + np.arange(self.columns)[None, :]
        return repeated(joined, cells.ravel())

    def kinds(self, lines: Iterable[str], values: list[int]) -> pd.Categorical:
        """Give each cell its kind."""
        letters = np.frombuffer("".join(lines).encode("ascii"), dtype="uint8")
        cells = letters.reshape(self.rows, -1)[:, values].ravel() if self.rows else letters
        distinct, codes = np.unique(cells, return_inverse=True)
        return repeated([chr(code) for code in distinct], codes)


def _said(basis: str) -> tuple[str, str]:
    if basis and basis.split(" ", maxsplit=1)[0] not in {
        *TIMES,
        *SIDES,
    }:  # a label of a row, as printed
        return basis_of(plain(basis))[:2]
    words = basis.split(" ")
    return next((w for w in words if w in TIMES), ""), next((w for w in words if w in SIDES), "")


def _joined(item: str, label: str) -> str:
    # 金额 over the numbers says nothing that the row's own account does not say better
    generic = (
        not label
        or role_of(label) not in {None, "remark"}
        or bool(pattern("kinds", "amount").fullmatch(label))
    )
    _, _, own = basis_of(item_label(lift_year(lift_unit(plain(item))[1])[1]))
    own = own or item_label(item)
    return own if generic else f"{own}/{label}"
