"""Corrections of single cells, with what each expects to find."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.clean.books.private import safe
from analysis.clean.tables import read_text
from analysis.clean.workbook.tables import Table
from analysis.errors import LianjianError


@dataclass(frozen=True)
class Corrections:
    """Corrections by file and cell.

    Attributes
    ----------
    texts : dict of dict
        What a cell should say, by file and cell (``Sheet!B7``).
    kept : frozenset of (str, str)
        Files and cells that a person looked at and keeps as they are.
    listed : tuple of dict
        What reports print.
    """

    texts: Mapping[str, Mapping[str, str]]
    kept: frozenset[tuple[str, str]]
    listed: tuple[dict[str, str], ...]


def read_corrections(path: Path, tables: tuple[Table, ...]) -> Corrections:
    """Read ``corrections.csv`` of a dataset of books; without the file there are none.

    Parameters
    ----------
    path : Path
        Columns as of the table corrections; ``row`` holds the cell (``Sheet!B7``), ``field`` is
        free.
    tables : tuple of Table
        What was read.

    Raises
    ------
    LianjianError
        A correction names a cell that no table holds, or what it expects stands there no longer.
    """
    if not path.is_file():
        return Corrections({}, frozenset(), ())
    frame = read_text(path, "corrections")
    texts: dict[str, dict[str, str]] = {}
    kept = set()
    for item in frame.fillna("").to_dict("records"):
        file, cell = str(item["file"]), str(item["row"])
        _check(item, tables)
        if item["decision"] == "correct":
            texts.setdefault(file, {})[cell] = str(item["should_say"])
        kept.add((file, cell))
    columns = ["correction_id", "file", "field", "says", "should_say", "decision", "reason"]
    listed = frame[columns].rename(columns={"correction_id": "id"}).fillna("")
    return Corrections(
        texts,
        frozenset(kept),
        tuple({str(k): str(v) for k, v in row.items()} for row in listed.to_dict("records")),
    )


def _check(item: dict[Any, Any], tables: tuple[Table, ...]) -> None:
    where = f"corrections.csv, {item['correction_id']} ({item['file']}, {item['row']})"
    if item["decision"] not in {"correct", "keep"}:
        raise LianjianError(f"{where}: decision is {item['decision']!r}, expected correct or keep.")
    seen = [text for table in tables if table.file == item["file"]
            for text in _texts(table, str(item["row"]))]  # fmt: skip
    if not seen:
        raise LianjianError(f"{where}: no table of that file holds such a cell.")
    if item["expect"] not in seen:
        raise LianjianError(
            f"{where} has expired: it expects {item['expect']!r} and the cell says "
            f"{safe(seen[0])!r}. Look at the book again, then remove or rewrite the correction."
        )


def _texts(table: Table, cell: str) -> list[str]:
    sheet, _, address = cell.rpartition("!")
    if sheet != table.sheet:
        return []
    return [
        text
        for row, line in enumerate(table.grid.texts)
        for column, text in enumerate(line)
        if table.address(row, column) == address
    ]


def to_fill_in(cells: pd.DataFrame) -> pd.DataFrame:
    """Return cells as rows of ``corrections.csv``, for a person to fill in."""
    return pd.DataFrame(
        {
            "correction_id": [f"c{at}" for at in range(1, len(cells) + 1)],
            "file": cells["file"].tolist(),
            "row": cells["cell"].tolist(),
            "field": cells["item"].tolist(),
            "says": [safe(text) for text in cells["text"]],
            "should_say": "",
            "expect": [safe(text) for text in cells["text"]],
            "decision": "",
            "reason": "",
            "authority": "",
        }
    )
