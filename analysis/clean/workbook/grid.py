"""A rectangle of cells that can be cut and turned, and still knows each cell's address."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from analysis.clean.text import squeeze
from analysis.clean.workbook.cells import Sheet, Span, address, column_number
from analysis.clean.workbook.vocabulary import (
    is_numbering,
    is_place,
    is_quantity,
    is_year,
    plain,
    role_of,
)

# of accounts, or the number of an item that a spreadsheet made 4.0 of
_CODE_OR_DIGIT = re.compile(r"[1-6]\d\d(?:\d\d){0,2}|\d(?:\.0)?", re.ASCII)
_PLACES = frozenset({"county", "township", "village"})
_WHOLE_PAGE = 0.7
"""Share of a page's rows over which a text beside the table reaches at least."""

_GAP = 1_000
"""Blank rows after which a sheet's rows are not looked at as one rectangle."""


@dataclass(frozen=True)
class Grid:
    """Cells of a sheet, row by row."""

    # the sheet's row of each grid row and its column of each grid column; when turned, the sheet's
    # column of each grid row and its row of each grid column
    lines: tuple[int, ...]
    places: tuple[int, ...]
    texts: tuple[list[str], ...]  # text and kind of each cell, one list a grid row
    kinds: tuple[str, ...]
    spans: tuple[Span, ...] = ()  # merged ranges in grid positions from 0, both ends included
    turned: bool = False  # rows and columns have changed places

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.lines)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.places)

    def address(self, row: int, column: int) -> str:
        """Return the sheet's address of a grid cell."""
        if self.turned:
            return address(self.places[column], self.lines[row])
        return address(self.lines[row], self.places[column])

    def find(self, cell: str) -> tuple[int, int] | None:
        """Return row and column of an address of the sheet; None when it is not in the grid."""
        name = cell.rstrip("0123456789")
        line, place = int(cell[len(name) :] or 0), column_number(name)
        if self.turned:
            line, place = place, line
        if line not in self.lines or place not in self.places:
            return None
        return self.lines.index(line), self.places.index(place)

    def extent(self) -> str:
        """Return the sheet's range that the grid covers."""
        if not self.height or not self.width:
            return ""
        if self.turned:
            return str(Span(self.places[0], self.lines[0], self.places[-1], self.lines[-1]))
        return str(Span(self.lines[0], self.places[0], self.lines[-1], self.places[-1]))

    def cut(self, rows: Sequence[int], columns: Sequence[int] | None = None) -> "Grid":
        """Return some rows and columns, with what is left of the merged ranges."""
        columns = range(self.width) if columns is None else columns
        row_at = {old: new for new, old in enumerate(rows)}
        column_at = {old: new for new, old in enumerate(columns)}
        spans = []
        headless: dict[tuple[int, int], str] = {}  # the text of a range whose first cell is gone
        for span in self.spans:
            inside = [row_at[r] for r in range(span.top, span.bottom + 1) if r in row_at]
            across = [column_at[c] for c in range(span.left, span.right + 1) if c in column_at]
            if not inside or not across:
                continue
            if span.top not in row_at or span.left not in column_at:
                headless[inside[0], across[0]] = self.texts[span.top][span.left]
            if len(inside) * len(across) > 1:
                spans.append(Span(inside[0], across[0], inside[-1], across[-1]))
        whole = len(columns) == self.width
        cut = Grid(
            tuple(self.lines[r] for r in rows),
            tuple(self.places[c] for c in columns),
            tuple(self.texts[r] if whole else [self.texts[r][c] for c in columns] for r in rows),
            tuple(
                self.kinds[r] if whole else "".join(self.kinds[r][c] for c in columns) for r in rows
            ),
            tuple(spans),
            self.turned,
        )
        return cut.written(headless) if headless else cut

    def turn(self) -> "Grid":
        """Return the grid with rows and columns exchanged."""
        return Grid(
            self.places,
            self.lines,
            tuple([row[c] for row in self.texts] for c in range(self.width)),
            tuple("".join(row[c] for row in self.kinds) for c in range(self.width)),
            tuple(Span(s.left, s.top, s.right, s.bottom) for s in self.spans),
            not self.turned,
        )

    def written(self, cells: Mapping[tuple[int, int], str]) -> "Grid":
        """Return the grid with other texts in some cells, each by its row and column."""
        texts, kinds = list(self.texts), list(self.kinds)
        for row in {row for row, _ in cells}:
            texts[row] = self.texts[row].copy()
        for (row, at), text in cells.items():
            texts[row][at] = text
            kinds[row] = kinds[row][:at] + ("s" if text else " ") + kinds[row][at + 1 :]
        return replace(self, texts=tuple(texts), kinds=tuple(kinds))

    @cached_property
    def covered(self) -> dict[tuple[int, int], Span]:
        """The merged range of each cell that is in one."""
        return {
            (row, column): span
            for span in self.spans
            for row in range(span.top, span.bottom + 1)
            for column in range(span.left, span.right + 1)
        }

    def filled(self, row: int, column: int) -> str:
        """Return the text of a cell, or of the merged range that it is in."""
        span = self.covered.get((row, column))
        return self.texts[span.top][span.left] if span else self.texts[row][column]

    def distinct(self, row: int) -> list[tuple[int, str]]:
        """Return column and text of the cells with a value; a merged range counts once."""
        return [(at, text) for at, text in enumerate(self.texts[row]) if text]

    def is_blank(self, row: int) -> bool:
        """Tell whether a row has no value."""
        return not any(self.texts[row])

    def is_data(self, row: int) -> bool:
        """Tell whether a row holds a quantity: a number that is no year and no row number."""
        numbers = [
            plain(text)
            for text, kind in zip(self.texts[row], self.kinds[row], strict=True)
            if kind in "nf" or (kind == "s" and is_quantity(text))
        ]
        if not numbers or all(map(is_year, numbers)):
            # a village and its year, its values still empty
            return "f" in self.kinds[row]
        if all(map(_CODE_OR_DIGIT.fullmatch, numbers)):
            texts = [text for text in self.texts[row] if text]
            if any(role_of(t) in _PLACES for t in texts) and not any(map(is_place, texts)):
                return False  # it heads a column of places, and is thus no line of one
        return not is_numbering([plain(text) for text in self.texts[row]])


def rectangles(sheet: Sheet) -> Iterator[Grid]:
    """Yield the used parts of a sheet as grids; a gap of very many blank rows parts them."""
    numbers = sorted(sheet.rows)
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] - numbers[at - 1] > _GAP:
            yield _rectangle(sheet, numbers[start], numbers[at - 1])
            start = at


def _without_margins(grid: Grid) -> Grid:
    """Return the grid without columns that hold one text down the whole page: 装订线."""
    gone = {
        span.left
        for span in grid.spans
        if span.left == span.right
        and span.top == 0
        and span.bottom > grid.height * _WHOLE_PAGE
        and not any(line[span.left] for line in grid.texts[1:])
        and re.fullmatch(r"[^\W\d]+", squeeze(text := grid.texts[0][span.left]))
        and not is_place(text)
    }
    kept = [column for column in range(grid.width) if column not in gone]
    return grid.cut(range(grid.height), kept) if gone and kept else grid


def _rectangle(sheet: Sheet, first: int, last: int) -> Grid:
    width = max(len(row.texts) for number, row in sheet.rows.items() if first <= number <= last)
    texts, kinds = [], []
    for number in range(first, last + 1):
        row = sheet.rows.get(number)
        gap = width - len(row.texts) if row else width
        texts.append([*row.texts, *[""] * gap] if row else [""] * gap)
        kinds.append((row.kinds if row else "") + " " * gap)
    spans = tuple(
        Span(
            max(s.top, first) - first,
            s.left - 1,
            min(s.bottom, last) - first,
            min(s.right, width) - 1,
        )
        for s in sheet.merges
        if s.top <= last and s.bottom >= first and s.left <= width
    )
    return _without_margins(
        Grid(
            tuple(range(first, last + 1)),
            tuple(range(1, width + 1)),
            tuple(texts),
            tuple(kinds),
            tuple(s for s in spans if s.top < s.bottom or s.left < s.right),
        )
    )
