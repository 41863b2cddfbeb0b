"""Tables and numbers as they are published, apart from the rooms that make and that print them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from analysis.fields import FIELDS

Digits = Mapping[str, int | Literal["each", "p"]] | int | None
"""Decimals of the columns of a table, or of all; others follow the size of their numbers.

With "each" every number has the decimals of its own; "p" writes p-values, tiny ones as < 0.001.
"""


@dataclass(frozen=True)
class Labelled:
    """Rows with what their columns are called.

    Attributes
    ----------
    frame : DataFrame
        Its columns are codes; an index with a name becomes row headers.
    labels : mapping of str to str
        Columns and their names; others are named by the field registry.
    digits : mapping of str to int
        Decimals of columns; others follow the size of their numbers.
    notes : tuple of str
        What was left out, and why.
    caption : str
        What stands above it, unless a page says something else.
    """

    frame: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    digits: Digits = None
    notes: tuple[str, ...] = ()
    caption: str = ""

    def __len__(self) -> int:
        """How many rows there are: a table without rows is false."""
        return len(self.frame)

    def without(self, *columns: str) -> "Labelled":
        """Return it without some columns."""
        return replace(self, frame=self.frame.drop(columns=list(columns)))

    def known(self) -> "Labelled":
        """Return it without columns of which nothing is known, and with a note that names them."""
        blank = [name for name in self.frame if self.frame[name].isna().all()]
        if not len(self) or not blank:
            return self
        named = ", ".join(map(self._called, map(str, blank)))
        remark = f"Not known in these books: {named}."
        return replace(self.without(*map(str, blank)), notes=(*self.notes, remark))

    def _called(self, name: str) -> str:
        field = FIELDS.get(name)
        return self.labels.get(name) or (f"{field.label} ({field.unit})" if field else name)

    def saying(self, caption: str, notes: Iterable[str] = ()) -> "Labelled":
        """Return it with a caption, and with notes."""
        return replace(self, caption=caption, notes=(*self.notes, *notes))


@dataclass(frozen=True)
class Quantity:
    """One number that can be cited, with what it is called.

    Attributes
    ----------
    name : str
        Its address.
    value : float or an estimate
        The number; an estimate says its interval and count as well.
    label : str
        What it is, in words.
    unit : str
        Its unit.
    digits : int, optional
        Decimals to print.
    low, high : float, optional
        Ends of its interval.
    n : int, optional
        Observations behind it.
    """

    name: str
    value: Any
    label: str
    unit: str = ""
    digits: int | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
