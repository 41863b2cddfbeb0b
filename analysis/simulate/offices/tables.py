"""From lines and columns to a page: header, keys printed once, amounts, totals."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from analysis.simulate.offices.ledger import SUMS, Ledger, personal
from analysis.simulate.offices.pages import CENTS, Amount, Cell, Page, Place, Planted

Role = Literal["number", "county", "township", "village", "year", "amount", "other", "personal"]


@dataclass(frozen=True)
class Line:
    """One line of a table: a village, a village printed again, or a total."""

    kind: str  # "village"; "duplicate_row", "suffix_double" (with another suffix); "total"
    members: tuple[int, ...]  # the village, or those of the total
    year: int | None = None  # none when years stand in columns or the page has one year
    label: str = ""  # of a total


@dataclass(frozen=True)
class Column:
    """One column: its header levels from the top, and what it holds."""

    heads: tuple[str, ...]
    role: Role
    name: str = ""  # account or column, without unit
    year: int | None = None  # none when the line has the year
    unit: str = "元"
    is_once: bool = False  # a key that is printed once for a run of lines


def build(
    lines: list[Line], columns: list[Column], ledger: Ledger, corner: tuple[str, ...] = ()
) -> Page:
    """Return a page with villages down."""
    page = Page()
    depth = max(len(column.heads) for column in columns)
    _put_heads(page, columns, depth, corner)
    first = next(at for at, column in enumerate(columns) if column.role not in {"number", "year"})
    number = 0
    for row, line in enumerate(lines, depth):
        number += line.kind != "total"
        for at, column in enumerate(columns):
            if column.role in {"amount", "other"}:
                _put_money(page, (row, at), line, column, ledger)
            else:
                value = _key(line, column, ledger, number)
                if line.kind == "total" and at == first:
                    value = line.label
                if value is not None:
                    page.cells[row, at] = value
                if column.role == "village" and line.kind != "total":
                    page.names[row, at] = line.members[0]
    for at, column in enumerate(columns):
        if column.is_once:
            _print_once(page, at, lines, depth, ledger)
    _mark_copies(page, lines, columns, depth)
    return page


def _put_heads(page: Page, columns: list[Column], depth: int, corner: tuple[str, ...]) -> None:
    keys = sum(column.role not in {"amount", "other", "personal"} for column in columns)
    for level, label in enumerate(corner):
        page.cells[level, 0] = label
        if keys > 1:
            page.merges.append((level, 0, level, keys - 1))
    for at, column in enumerate(columns):
        if corner and at < keys:
            continue
        for level, head in enumerate(column.heads):
            page.cells[level, at] = head
        if len(column.heads) < depth:
            page.merges.append((len(column.heads) - 1, at, depth - 1, at))
        if column.role == "amount":
            level = next(n for n, head in enumerate(column.heads) if column.name in head)
            page.heads[level, at] = column.name
        elif column.role in {"other", "personal"}:
            kind = f"{column.role}_column"
            page.planted.append(Planted((0, at), kind, "issue", true=column.name))
    if not corner:
        _merge_heads(page, columns, depth)


def _merge_heads(page: Page, columns: list[Column], depth: int) -> None:
    """Merge parents across the columns that share them."""
    for level in range(depth - 1):
        paths = [column.heads[: level + 1] if len(column.heads) > level + 1 else None
                 for column in columns]  # fmt: skip
        for left, right in _runs([path or ("", at) for at, path in enumerate(paths)]):
            if right > left:
                page.merges.append((level, left, level, right))
                for at in range(left + 1, right + 1):
                    del page.cells[level, at]
                    page.heads.pop((level, at), None)


def _runs(values: list[object]) -> list[tuple[int, int]]:
    """Return first and last position of each run of equal values."""
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(values), 1) if a != b), len(values)]
    return [(start, end - 1) for start, end in pairwise(starts) if end > start]


def _key(line: Line, column: Column, ledger: Ledger, number: int) -> Cell | None:
    if column.role == "year":
        return line.year
    if line.kind == "total":
        return None
    village = line.members[0]
    if column.role == "number":
        return number
    if column.role == "personal":
        return personal(village, column.name)
    return {"county": ledger.counties, "township": ledger.townships, "village": ledger.names}[
        column.role
    ][village]


def _put_money(page: Page, place: Place, line: Line, column: Column, ledger: Ledger) -> None:
    year = column.year or line.year
    if column.role == "other":
        parts = [ledger.other(village, year, column.name) for village in line.members]
        known = [part for part in parts if part is not None]
        if known:
            page.cells[place] = round(sum(known) / CENTS[column.unit], 2)
        return
    if year is None:
        raise ValueError(f"no year for {column}")
    parts = [ledger.booked(village, year, column.name) for village in line.members]
    known = [part for part in parts if part is not None]
    if not known:
        return  # the year's system has no such account
    is_total = line.kind == "total"
    village = -1 if is_total else line.members[0]
    amount = Amount(village, year, column.name, sum(known), column.unit)
    page.cells[place] = amount.written
    if is_total or column.name in SUMS:
        page.totals[place] = amount
    else:
        (page.amounts if line.kind == "village" else page.copies)[place] = amount


def _print_once(page: Page, at: int, lines: list[Line], depth: int, ledger: Ledger) -> None:
    """Leave a key in the first line of its run alone, the run merged."""
    is_name = (depth, at) in page.names
    values = [page.cells.get((depth + n, at)) for n in range(len(lines))]
    keys: list[object] = [
        (value, line.kind, ledger.townships[line.members[0]])
        if is_name
        else (value, line.kind == "total")
        for value, line in zip(values, lines, strict=True)
    ]
    for top, bottom in _runs(keys):
        if bottom > top and lines[top].kind != "total":
            page.merges.append((depth + top, at, depth + bottom, at))
            for row in range(depth + top + 1, depth + bottom + 1):
                del page.cells[row, at]
                page.names.pop((row, at), None)


def _mark_copies(page: Page, lines: list[Line], columns: list[Column], depth: int) -> None:
    at = next(at for at, column in enumerate(columns) if column.role == "village")
    for row, line in enumerate(lines, depth):
        if line.kind in {"duplicate_row", "suffix_double"}:
            village = line.members[0]
            page.names.pop((row, at), None)
            page.planted.append(Planted((row, at), line.kind, "issue", village=village))
