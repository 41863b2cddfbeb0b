"""Tables as they were read: each cell with what it was taken for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from analysis.clean.ledger.frames import rows
from analysis.clean.ledger.private import column_letter, in_sheet, of_amount, safe
from analysis.clean.workbook.tables import Table

KINDS: Final = {
    "place": "place",
    "year": "year",
    "item": "account or item",
    "unit": "unit",
    "amount": "amount that counts",
    "held": "amount that does not count: doubted, repeated, or of a village not found",
    "sum": "sum, only checked",
    "refused": "no amount: asked about",
    "missing": "says nothing: missing",
    "out": "left out",
}
"""What a cell was taken for, and what the page calls it."""

_TABLES, _LINES, _COLUMNS = 40, 12, 30
_PLACES = frozenset({"county", "township", "village", "code"})


@dataclass(frozen=True)
class Picture:
    """A table as it was read, its first lines and columns."""

    file: str  # where it stands, and what stands above it
    where: str
    title: str
    heads: tuple[tuple[str, str, str], ...]  # for each column letter, head, and what was made of it
    # for each cell of each line its text and its kind, one of `KINDS`
    lines: tuple[tuple[tuple[str, str], ...], ...]
    more: str  # what is not shown; empty where all is


def pictures(tables: Iterable[Table], cells: pd.DataFrame) -> tuple[list[Picture], int]:
    """Return the first tables as they were read, and how many there are besides."""
    found = list(tables)
    shown = found[:_TABLES]
    wanted = {(table.file, cell) for table in shown for cell in _cells(table)}
    own = cells[cells["cell"].isin({cell for _, cell in wanted})]
    known = {(row.file, row.cell): row for row in rows(own)}
    return [_picture(table, known) for table in shown], len(found) - len(shown)


def _cells(table: Table) -> Iterator[str]:
    for row in range(min(table.grid.height, _LINES)):
        for column in range(min(len(table.columns), _COLUMNS)):
            yield in_sheet(table, table.address(row, column))


def _picture(table: Table, known: dict[tuple[str, str], Any]) -> Picture:
    texts, columns = table.grid.texts[:_LINES], table.columns[:_COLUMNS]
    seen = [
        [known.get((table.file, in_sheet(table, table.address(r, c)))) for c in range(len(columns))]
        for r in range(len(texts))
    ]
    heads = tuple(
        (column_letter(table, c), safe(column.name), _made(column.role, [s[c] for s in seen]))
        for c, column in enumerate(columns)
    )
    lines = tuple(
        tuple(map(_cell, (column.role for column in columns), line, own))
        for line, own in zip(texts, seen, strict=True)
    )
    left = {"lines": table.grid.height - len(texts), "columns": len(table.columns) - len(columns)}
    more = ", ".join(f"{count} more {name}" for name, count in left.items() if count)
    where = in_sheet(table, table.extent)
    return Picture(table.file, where, safe(table.title, 120), heads, lines, more)


def _made(role: str, seen: list[Any]) -> str:
    """Say what was made of a column: its role, or account, unit and year of its cells."""
    own = [cell for cell in seen if cell is not None]
    if role != "value":
        return "" if role == "text" else role
    if not own:
        return "left out"
    said = []
    for name in ("account", "unit", "year"):
        values = dict.fromkeys(str(getattr(cell, name)) for cell in own if _is(cell, name))
        said.append(next(iter(values)) if len(values) == 1 else "…" if values else "")
    return ", ".join(filter(None, said)) or "sum"


def _is(cell: Any, name: str) -> bool:  # noqa: ANN401  (a named tuple of a frame)
    return pd.notna(getattr(cell, name)) and bool(getattr(cell, name))


def _cell(role: str, text: str, seen: Any) -> tuple[str, str]:  # noqa: ANN401
    if role in _PLACES:
        return safe(text), "place" if text else "missing"
    if role in {"year", "item", "unit"}:
        return safe(text), role
    if seen is None:  # remarks may hold anything, and nothing was read of them
        return ("…" if text else ""), "out"
    kind = (
        "refused" if seen.status in {"refused", "bound"}
        else "missing" if seen.status == "missing"
        else "sum" if seen.is_total or seen.means != "account"
        else "amount" if seen.counted
        else "held"
    )  # fmt: skip
    return of_amount(text), kind
