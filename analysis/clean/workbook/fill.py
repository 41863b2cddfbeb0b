"""Cells printed once and meant for many: filled where that is certain, asked where it is not."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from analysis.clean.words import pattern
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.headers import PLACES, Column
from analysis.clean.workbook.tables import Note, Question
from analysis.clean.workbook.vocabulary import (
    basis_of,
    is_number_like,
    is_total,
    lift_year,
    plain,
)

_SHOWN = 8
_REPEATED = frozenset({*PLACES, "year", "period", "unit", "item", "basis"})


_Filled = tuple[Grid, list[Note], list[Question]]
"""A body with its repeated cells written out, and what was done or could not be."""


def fill(grid: Grid, columns: Sequence[Column], totals: frozenset[int]) -> _Filled:
    """Return the body with merged and printed-once cells written out."""
    merged, notes, doubts = _fill_merged(_with_dittos(grid, columns), columns)
    for at, column in enumerate(columns):
        if column.role in PLACES:
            merged, more, questions = _fill_printed_once(merged, at, columns, totals)
            notes += more
            doubts += questions
    return merged, notes, doubts


def _with_dittos(grid: Grid, columns: Sequence[Column]) -> Grid:
    """Return the grid with the text above in the key cells that say 同上 or 〃."""
    same = pattern("kinds", "same_as_above").fullmatch
    for at in (at for at, column in enumerate(columns) if column.role in _REPEATED):
        texts = [line[at] for line in grid.texts]
        if alike := {text for text in {*texts} if text and same(plain(text))}:
            rows = {row for row, text in enumerate(texts) if text in alike}
            grid = from_above(
                grid.written({(row, at): "" for row in rows}), at, range(grid.height), rows
            )
    return grid


def _fill_merged(grid: Grid, columns: Sequence[Column]) -> _Filled:
    cells: dict[tuple[int, int], str] = {}
    spans = []
    for span in grid.spans:
        text = grid.texts[span.top][span.left]
        if not text:
            continue
        values = sum(c.role == "value" for c in columns[span.left : span.right + 1])
        is_shared = is_number_like(text) and (values > 1 or span.bottom > span.top)
        if columns[span.left].role == "value" and is_shared:
            spans.append(span)
            continue
        if columns[span.left].role == "value":
            continue  # beside it stand no amounts
        cells |= {(row, span.left): text for row in range(span.top + 1, span.bottom + 1)}
    filled = replace(grid.written(cells), spans=tuple(spans))
    notes = [Note("merged", grid.extent(), f"{len(cells)} cells take the text of a merged range")]
    doubts = []
    if spans:
        top, left, bottom, right = spans[0]
        cell = f"{grid.address(top, left)}:{grid.address(bottom, right)}"
        whose = tuple(dict.fromkeys(span.left for span in spans))
        doubts.append(Question("merged_value", cell, columns=whose))
    return filled, notes if cells else [], doubts


def _fill_printed_once(
    grid: Grid, at: int, columns: Sequence[Column], totals: frozenset[int]
) -> _Filled:
    rows = [row for row in range(grid.height) if row not in totals]
    column = [grid.texts[row][at] for row in rows]
    if rows and not any(column) and any(grid.texts[row][at] for row in totals):
        return _fill_from_sums(grid, at, columns, totals)
    if "" not in column or not any(column):
        return grid, [], []
    # columns that tell rows of one value apart: finer places, years, items
    below = {*PLACES[PLACES.index(columns[at].role) + 1 :], "year", "basis", "item"}
    finer = [c for c, own in enumerate(columns) if own.role in below]
    finer = [c for c in finer if any(grid.texts[row][c] for row in rows)]
    blanks = [
        row for row, text in zip(rows, column, strict=True)
        if not text and any(grid.texts[row][c] for c in finer)
    ]  # fmt: skip
    if not blanks:
        return grid, [], []
    reason = _why_not(grid, at, columns, rows, blanks)
    if reason:
        cell = grid.address(blanks[0], at)
        return grid, [], [Question("blank", cell, evidence=reason, columns=(at,))]
    note = Note(
        "printed_once",
        grid.address(blanks[0], at),
        f"{len(blanks)} blank cells of {columns[at].name!r} take the text above: each value is "
        "printed once, in one run",
    )
    return from_above(grid, at, rows, set(blanks)), [note], []


def from_above(grid: Grid, at: int, rows: Sequence[int], blanks: Collection[int]) -> Grid:
    """Return the grid with the last text above in the blank cells of a column."""
    cells, last = {}, ""
    for row in rows:
        last = grid.texts[row][at] or last
        if row in blanks:
            cells[row, at] = last
    return grid.written(cells)


def _fill_from_sums(
    grid: Grid, at: int, columns: Sequence[Column], totals: frozenset[int]
) -> _Filled:
    """Fill a place that only the sums print: 虚构镇 | 小计 above its villages, or below them."""
    named = [
        row for row in sorted(totals) if grid.texts[row][at] and not is_total(grid.texts[row][at])
    ]
    rows = [row for row in range(grid.height) if row not in totals]
    places = [grid.texts[row][at] for row in named]
    above = bool(named) and named[0] < rows[0] and named[-1] < rows[-1]
    below = bool(named) and named[0] > rows[0] and named[-1] > rows[-1]
    cells = ", ".join(grid.address(row, at) for row in named[:_SHOWN])
    if not (above or below) or len(set(places)) < len(places):
        evidence = f"it stands only beside sums, at {cells}: which lines are whose"
        cell = grid.address(rows[0], at)
        return grid, [], [Question("blank", cell, ("not known",), evidence, columns=(at,))]
    cells_of = {}
    for row in rows:
        whose = [n for n in named if n < row][-1:] if above else [n for n in named if n > row][:1]
        cells_of[row, at] = grid.texts[whose[0]][at]
    where = "above" if above else "below"
    note = Note(
        "printed_once", cells, f"{len(rows)} lines take {columns[at].name!r} of the sum {where}"
    )
    return grid.written(cells_of), [note], []


def _why_not(
    grid: Grid, at: int, columns: Sequence[Column], rows: list[int], blanks: list[int]
) -> str:
    """Return what speaks against filling from above, empty when nothing does."""
    if not grid.texts[rows[0]][at]:
        return "the first row is blank too"
    named = [(row, plain(grid.texts[row][at])) for row in rows if grid.texts[row][at]]
    names = [name for _, name in named]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f"{twice!r} is printed more than once, so the column does not print each value once"
    order = PLACES.index(columns[at].role)
    coarser = [c for c, column in enumerate(columns) if column.role in PLACES[:order]]
    last = rows[0]
    blank = set(blanks)
    for row in rows[1:]:
        if row in blank and any(
            grid.texts[row][c] and grid.texts[row][c] != grid.texts[last][c] for c in coarser
        ):
            return f"a coarser place changes at {grid.address(row, at)}"
        last = row
    years = next((c for c, own in enumerate(columns) if own.role in {"year", "basis"}), None)
    if columns[at].role != "village":
        return ""
    if years is None:
        return "it is the village itself, and no year tells its rows apart"
    return _years_overlap(grid, at, years, rows)


def _years_overlap(grid: Grid, at: int, years: int, rows: list[int]) -> str:
    """Return where one village would have a year twice."""
    seen: set[int | str] = set()
    for row in rows:
        if grid.texts[row][at]:
            seen = set()
        text = plain(grid.texts[row][years])
        year = lift_year(text)[0] or basis_of(text)[0]
        if not year or year in seen:
            return f"a year is missing or stands twice at {grid.address(row, years)}"
        seen.add(year)
    return ""
