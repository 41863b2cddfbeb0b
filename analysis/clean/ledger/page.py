"""The page of issues: what a researcher must do, with the cell to open."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import __version__
from analysis.clean.issues import CODES, SEVERITIES, TASKS, task
from analysis.clean.ledger.frames import split_cells
from analysis.clean.ledger.picture import KINDS, pictures
from analysis.clean.tables import guarded

if TYPE_CHECKING:
    from analysis.clean.ledger.assemble import Books

_SHOWN = 200
"""Issues of one code on the page; the rest stand in issues.csv."""


def issues_page(
    issues: pd.DataFrame, manifest: Mapping[str, Any], books: "Books | None" = None
) -> str:
    """Return the page of issues as HTML: self-contained, without scripts, everything escaped."""
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
    text = _template().render(
        data=manifest, groups=groups, counts=counts, by_file=_by_file(issues), files=files,
        pictures=shown, besides=besides, kinds_of_cell=KINDS, version=__version__,
    )  # fmt: skip
    return str(text)


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
