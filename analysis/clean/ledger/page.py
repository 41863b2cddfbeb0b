"""The page of issues: what a researcher must do, cell by cell, and tables as they were read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis import __version__, _language
from analysis.clean.issues import CODES, SEVERITIES, TASKS, task
from analysis.clean.ledger.frames import rows, split_cells
from analysis.clean.ledger.private import column_letter, in_sheet, of_amount, safe
from analysis.clean.tables import guarded
from analysis.clean.words import SAYS
from analysis.clean.workbook.tables import Table

if TYPE_CHECKING:
    from analysis.clean.ledger.assemble import Books

FILE = "issues.html"
_SHOWN = 200
"""Issues of one code on the page; the rest stand in issues.csv."""


def issues_pages(
    issues: pd.DataFrame, manifest: Mapping[str, Any], books: "Books | None" = None
) -> Iterator[tuple[str, str]]:
    """Yield the page of issues, in English and in every language, each with the name of its file.

    A page is HTML: self-contained, without scripts, everything escaped.
    """
    files = {file: number for number, file in enumerate(sorted(set(issues["file"])))}
    copies = _copies(books)
    groups = []
    tasks = issues["code"].map(task)
    for key, title in TASKS.items():
        part = issues[tasks == key]
        if part.empty:
            continue
        order = part["severity"].map(SEVERITIES.index)
        ranked = part.assign(order=order).sort_values(["order", "code", "file", "cell"])
        kinds = [
            {"code": code, "says": CODES[str(code)], "count": len(rows),
             "files": _of_files(rows.head(_SHOWN), copies), "more": max(len(rows) - _SHOWN, 0)}
            for code, rows in ranked.groupby("code", sort=False)
        ]  # fmt: skip
        groups.append({"key": key, "title": title, "count": len(part), "kinds": kinds})
    counts = {name: int((issues["severity"] == name).sum()) for name in SEVERITIES}
    shown, besides = pictures(books.tables, books.cells) if books else ([], 0)
    facts = {
        "data": manifest, "dataset_title": manifest["title"],
        "groups": groups, "counts": counts, "by_file": _by_file(issues),
        "files": files, "pictures": shown, "besides": besides, "kinds_of_cell": KINDS,
        "version": __version__,
    }  # fmt: skip
    every = {code: _language.page_file(code, FILE) for code in ("en", *_language.languages())}
    for code, file in every.items():
        with _language.writing(code, "books"):
            others = [
                (_language.tag(other), _language.name(other), page)
                for other, page in every.items()
                if other != code
            ]
            text = _template().render(lang=_language.tag(code), others=others, **facts)
            yield file, _language.html(str(text))


def _of_files(rows: pd.DataFrame, copies: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the rows by file, each with its rows for corrections.csv where there are any."""
    found = []
    for file, part in rows.groupby("file", sort=False):
        own = part.to_dict("records")
        for row in own:
            keys = [(str(file), cell) for cell in split_cells(row["cell"])]
            row["corrections"] = [copies[key] for key in keys if key in copies]
        found.append({"file": file, "rows": own})
    return found


def _copies(books: "Books | None") -> dict[tuple[str, str], str]:
    """Return a line of CSV for each cell that waits for a correction, as it stands in the file."""
    if books is None or books.corrections_to_fill.empty:
        return {}
    asked = books.corrections_to_fill.fillna("").astype("str").map(guarded)
    text = asked.to_csv(index=False, header=False, lineterminator="\n")
    lines = text.rstrip("\n").split("\n")
    return dict(zip(zip(asked["file"], asked["row"], strict=True), lines, strict=True))


def _by_file(issues: pd.DataFrame) -> list[dict[str, Any]]:
    if issues.empty:
        return []
    table = issues.groupby(["file", "severity"]).size().unstack(fill_value=0)
    table = table.reindex(columns=list(SEVERITIES), fill_value=0)
    return [{"file": f, **{k: int(row[k]) for k in SEVERITIES}} for f, row in table.iterrows()]


@cache
def _template() -> Any:  # noqa: ANN401  (jinja2's template is untyped here)
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("analysis.clean.ledger", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("issues.html.j2")


KINDS: Final[dict[str, str]] = SAYS["cells"]
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
