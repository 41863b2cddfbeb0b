"""Sheets on their way out of a parser: one builder for all formats, under the same limits.

A message is a plain dict for JSON: ``sheet`` opens a sheet, ``rows`` brings some of its rows,
``end`` closes it with what was learnt on the way.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from analysis.clean.workbook.cells import Mark, Span
from analysis.clean.workbook.formats import shown
from analysis.clean.workbook.limits import (
    MAX_CELL_CHARS,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_MARKS,
    MAX_MERGED_CELLS,
    MAX_MERGES,
    MAX_ROWS,
    MAX_SHEETS,
    MAX_TEXT_BYTES,
    Unreadable,
    over,
)

Send = Callable[[dict[str, Any]], None]

_BATCH = 5_000  # cells in one message: some 100 kB
_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_LONGEST_NUMBER = 40


class Pages:
    """The sheets of a file: rows go out as they come, the rest at the end of each sheet."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._rows: list[tuple[int, str, list[str]]] = []
        self._kinds: list[str] = []
        self._texts: list[str] = []
        self._sheets = self._held = self._bytes = self._cells = self._lines = 0

    def open(self, name: str, state: str = "visible") -> None:
        """Begin a sheet."""
        self._sheets += 1
        if self._sheets > MAX_SHEETS:
            raise over("sheets", "sheets", self._sheets, MAX_SHEETS)
        self._send({"sheet": name, "state": state})
        self.row, self.state = 0, state
        self._marks: list[Mark] = []
        self._merges: list[Span] = []
        self._formats: dict[tuple[int, str], list[int]] = {}
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []

    @property
    def column(self) -> int:
        """The column of the next cell."""
        return len(self._texts) + 1

    def skip_to(self, column: int) -> None:
        """Leave the cells before a column blank, as far as a value can stand."""
        gap = min(column, MAX_COLUMNS + 1) - self.column
        self._kinds += [" "] * gap
        self._texts += [""] * gap

    def cell(self, kind: str, text: str, repeat: int = 1) -> None:
        """Add a cell, or the same one several times."""
        if not text and kind != "f":
            kind = " "
        elif self.column + repeat - 1 > MAX_COLUMNS:
            raise too_far(self.row, self.column + repeat - 1)
        repeat = min(repeat, MAX_COLUMNS + 1 - self.column)
        self._kinds += [kind] * repeat
        self._texts += [text] * repeat

    def end_row(self, repeat: int = 1) -> None:
        """Send the row, or the same one several times."""
        while self._kinds and self._kinds[-1] == " ":
            self._kinds.pop()
            self._texts.pop()
        if self._kinds:
            if repeat > MAX_ROWS:
                raise over("rows", "rows with values", repeat, MAX_ROWS)
            for number in range(self.row, self.row + repeat):
                self.add(number, "".join(self._kinds), self._texts)
        self._kinds.clear()
        self._texts.clear()

    def add(self, number: int, kinds: str, texts: list[str]) -> None:
        """Take one row with values as a whole."""
        if len(texts) > MAX_COLUMNS:
            raise too_far(number, len(texts))
        if (longest := max(map(len, texts))) > MAX_CELL_CHARS:
            raise over("text", "characters in one cell", longest, MAX_CELL_CHARS)
        self._rows.append((number, kinds, texts.copy()))
        self._held += len(texts)
        self._lines += 1
        self._cells += len(kinds) - kinds.count(" ")
        if self._lines > MAX_ROWS:
            raise over("rows", "rows with values", self._lines, MAX_ROWS)
        if self._cells > MAX_CELLS:
            raise over("cells", "cells with values", self._cells, MAX_CELLS)
        if self._held > _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._bytes += sum(len("".join(texts)) for _, _, texts in self._rows)
            if self._bytes > MAX_TEXT_BYTES:
                raise over("text", "characters in its cells", self._bytes, MAX_TEXT_BYTES)
            self._send({"rows": self._rows})
            self._rows, self._held = [], 0

    def mark(self, kind: str, text: str = "", at: tuple[int, int] | None = None) -> None:
        """Say something of the next cell, or of the one at a row and column."""
        row, column = at or (self.row, self.column)
        self._marks.append(Mark(row, column, kind, text[:MAX_CELL_CHARS]))
        if len(self._marks) > MAX_MARKS:
            seen = len(self._marks)
            raise over("marks", "cells struck, unseen or commented upon", seen, MAX_MARKS)

    def format(self, code: str, value: float, at: tuple[int, int] | None = None) -> None:
        """Say how a number is shown."""
        row, column = at or (self.row, self.column)
        seen = shown(code, value)
        if value and seen.is_hidden:
            self.mark("unseen", at=(row, column))
        elif value and not seen.is_plain:
            self._formats.setdefault((column, code), [row, 0])[1] += 1

    def merge(self, span: Span) -> None:
        """Say that a cell reaches further."""
        area = (span.bottom - span.top + 1) * (span.right - span.left + 1)
        if area > MAX_MERGED_CELLS:
            raise over("merges", f"cells in the merged range {span}", area, MAX_MERGED_CELLS)
        if area > 1:
            self._merges.append(span)
        if len(self._merges) > MAX_MERGES:
            raise over("merges", "merged ranges", len(self._merges), MAX_MERGES)

    def reach(self, down: int, across: int) -> None:
        """Say that the next cell reaches over so many rows and columns."""
        top, left = self.row, self.column
        self.merge(Span(top, left, top + down - 1, left + across - 1))

    def end(self) -> None:
        """Close the sheet."""
        self._flush()
        self._send({
            "end": True,
            "state": self.state,
            "merges": self._merges,
            "hidden_rows": self.hidden_rows,
            "hidden_columns": self.hidden_columns,
            "formats": [(at, code, row, n) for (at, code), (row, n) in self._formats.items()],
            "marks": self._marks,
        })  # fmt: skip


def too_far(row: int, column: int) -> Unreadable:
    """Return the error of a value beyond the last column that is read."""
    seen = f"row {row:,} holds a value in column {column:,}; the limit is {MAX_COLUMNS:,}"
    return Unreadable(
        "columns", seen, "Delete the stray cell, or split the sheet, and save it anew."
    )


def number_text(raw: str) -> str | None:
    """Return a stored number as the shortest text that means the same; None when it is none."""
    if _PLAIN.fullmatch(raw):
        return raw
    if len(raw) > _LONGEST_NUMBER or "_" in raw:
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    if value - value != 0:  # infinite or not a number
        return None
    if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004  (digits a double keeps)
        return str(int(value))
    return repr(value).upper()


def date_text(value: datetime | date | time | timedelta) -> str:
    """Return a date or a time as ISO text, the time of day only where there is one."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


@contextmanager
def as_unreadable(kind: str) -> Iterator[None]:
    """Turn whatever a parser raises on a broken file into one sentence about the file."""
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  (a broken file can make a parser raise anything)
        raise Unreadable(
            "damaged",
            f"its content is no valid {kind} workbook ({type(error).__name__}: {str(error)[:200]})",
            "Open it in a spreadsheet program and save it anew.",
        ) from None
