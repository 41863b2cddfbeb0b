"""The page of issues: what a researcher must do, cell by cell, and tables as they were read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis import __version__, _language
from analysis.clean._card import template
from analysis.clean.issues import CODES, SEVERITIES, TASKS, task
from analysis.clean.ledger.frames import holding, rows, split_cells
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
    issues = issues.assign(task=issues["code"].map(task))
    ranked = issues.assign(order=issues["severity"].map(SEVERITIES.index))
    ranked = ranked.sort_values(["order", "code", "file", "cell"])
    for key, title in TASKS.items():
        part = ranked[ranked["task"] == key]
        kinds = [
            {"code": code, "says": CODES[str(code)], "count": len(rows),
             "files": _of_files(rows.head(_SHOWN), copies), "more": max(len(rows) - _SHOWN, 0)}
            for code, rows in part.groupby("code", sort=False)
        ]  # fmt: skip
        if kinds:
            groups.append({"key": key, "title": title, "count": len(part), "kinds": kinds})
    counts = {name: int((issues["severity"] == name).sum()) for name in SEVERITIES}
    shown, besides = pictures(books.tables, books.cells) if books else ([], 0)
    facts = {
        "data": manifest, "dataset_title": manifest["title"],
        "groups": groups, "counts": counts, "by_file": _by_file(issues),
        "files": files, "pictures": shown, "besides": besides, "kinds_of_cell": KINDS,
        "version": __version__,
    }  # fmt: skip
    page = template(Path(__file__).with_name("issues.html.j2"))
    every = {code: _language.page_file(code, FILE) for code in ("en", *_language.languages())}
    for code, file in every.items():
        with _language.writing(code, "books"):
            others = [
                (_language.tag(other), _language.name(other), its)
                for other, its in every.items()
                if other != code
            ]
            text = page.render(lang=_language.tag(code), others=others, **facts)
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
    table = pd.crosstab(issues["file"], issues["severity"])
    table = table.reindex(columns=list(SEVERITIES), fill_value=0)
    return [{"file": f, **{k: int(row[k]) for k in SEVERITIES}} for f, row in table.iterrows()]


KINDS: Final[dict[str, str]] = SAYS["cells"]
"""What a cell was taken for, and what the page calls it."""

_TABLES, _LINES, _COLUMNS = 40, 12, 30
_PLACES = frozenset({"county", "township", "village", "code"})


def pictures(tables: Sequence[Table], cells: pd.DataFrame) -> tuple[list[dict[str, Any]], int]:
    """Return the first tables as they were read, and how many there are besides."""
    shown = [(table, _addresses(table)) for table in tables[:_TABLES]]
    wanted = {(table.file, cell) for table, lines in shown for line in lines for cell in line}
    known = {(row.file, row.cell): row for row in rows(holding(cells, wanted))}
    return [_picture(table, lines, known) for table, lines in shown], len(tables) - len(shown)


def _addresses(table: Table) -> list[list[str]]:
    """Return the addresses of the first lines and columns of a table."""
    across = range(min(len(table.columns), _COLUMNS))
    return [
        [in_sheet(table, table.address(row, column)) for column in across]
        for row in range(min(table.grid.height, _LINES))
    ]


def _picture(
    table: Table, lines: list[list[str]], known: Mapping[tuple[str, str], Any]
) -> dict[str, Any]:
    """Return letter, head and use of each column, and text and kind (of `KINDS`) of each cell."""
    seen = [[known.get((table.file, cell)) for cell in line] for line in lines]
    columns = table.columns[:_COLUMNS]
    left = {"lines": table.grid.height - len(lines), "columns": len(table.columns) - len(columns)}
    roles = [column.role for column in columns]
    return {
        "file": table.file,
        "where": in_sheet(table, table.extent),
        "title": safe(table.title, 120),
        "heads": [
            (column_letter(table, at), safe(column.name), _made(column.role, [s[at] for s in seen]))
            for at, column in enumerate(columns)
        ],
        "lines": [
            list(map(_cell, roles, *pair)) for pair in zip(table.grid.texts, seen, strict=False)
        ],
        "more": ", ".join(f"{count} more {name}" for name, count in left.items() if count),
    }


def _made(role: str, seen: list[Any]) -> str:
    """Say what was made of a column: its role, or account, unit and year of its cells."""
    own = [cell for cell in seen if cell is not None]
    if role != "value":
        return "" if role == "text" else role
    if not own:
        return "left out"
    values = (
        {str(value) for cell in own if pd.notna(value := getattr(cell, name)) and value}
        for name in ("account", "unit", "year")
    )
    said = (next(iter(each)) if len(each) == 1 else "…" if each else "" for each in values)
    return ", ".join(filter(None, said)) or "sum"


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
