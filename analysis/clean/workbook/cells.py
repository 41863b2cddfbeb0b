"""Sheets of cells: what a parser found, as text with the kind of each cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Row(NamedTuple):
    """One row from column 1 to the last with a value.

    ``kinds`` has one letter a cell: n number, s text, d date, b boolean, e error value,
    f formula without a stored result, blank for nothing.
    """

    kinds: str
    texts: list[str]


class Span(NamedTuple):
    """A rectangle of cells, rows and columns from 1, both ends included."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        """Return the range as a spreadsheet writes it."""
        first, last = address(self.top, self.left), address(self.bottom, self.right)
        return first if first == last else f"{first}:{last}"


class Format(NamedTuple):
    """Numbers shown otherwise than they are stored: column, format, first row, number of cells."""

    column: int
    code: str
    row: int
    cells: int


class Mark(NamedTuple):
    """What a cell's looks say of its value: row, column, what it is, and a comment's text.

    ``kind`` is "struck" (in whole or in part), "unseen" (in the colour of its ground, or with a
    format that shows nothing) or "comment".
    """

    row: int
    column: int
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Sheet:
    """The cells of one sheet."""

    name: str  # name, empty for a text file; "visible", "hidden" or "veryHidden"
    rows: Mapping[int, Row]  # rows with values, by row number from 1, ascending
    state: str = "visible"
    merges: tuple[Span, ...] = ()  # merged ranges as the file states them
    hidden_rows: frozenset[int] = frozenset()  # kept, and known to be hidden
    hidden_columns: frozenset[int] = frozenset()
    # display formats that show a number otherwise than it is stored
    formats: tuple[Format, ...] = ()
    marks: tuple[Mark, ...] = ()  # cells that are struck through, not to be seen, or commented upon
    notes: tuple[str, ...] = ()  # what the parser noticed

    def text(self, row: int, column: int) -> str:
        """Return the text of a cell, empty where there is none."""
        line = self.rows.get(row)
        return line.texts[column - 1] if line and column <= len(line.texts) else ""


def letters(column: int) -> str:
    """Return the letters of a column."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def column_number(name: str) -> int:
    """Return the number of a column's letters, 0 when they are none."""
    number = 0
    for letter in name:
        if not "A" <= letter <= "Z":
            return 0
        number = number * 26 + ord(letter) - 64
    return number


def address(row: int, column: int) -> str:
    """Return the address of a cell."""
    return f"{letters(column)}{row}"
