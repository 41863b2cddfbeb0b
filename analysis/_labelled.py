"""A table as it is published, apart from the rooms that make one and the room that prints it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd


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
    """

    frame: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    digits: Mapping[str, int | Literal["each"]] | int | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many rows there are: a table without rows is false."""
        return len(self.frame)

    def without(self, *columns: str) -> "Labelled":
        """Return it without some columns."""
        return replace(self, frame=self.frame.drop(columns=list(columns)))

    def noting(self, notes: Iterable[str]) -> "Labelled":
        """Return it with notes."""
        return replace(self, notes=tuple(notes))
