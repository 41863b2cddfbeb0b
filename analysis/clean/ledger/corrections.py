"""Corrections of single cells, with what each expects to find."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.clean.amounts import REASONS
from analysis.clean.issues import CODES, Issue
from analysis.clean.ledger.cells import in_unit
from analysis.clean.ledger.frames import holding, joined_cells, rows, split_cells, stacked
from analysis.clean.ledger.private import SENTENCE, in_sheet, of_amount, safe
from analysis.clean.tables import read_text, unguarded
from analysis.clean.workbook.headers import KEYS
from analysis.clean.workbook.tables import Table
from analysis.errors import LianjianError

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?", re.ASCII)


@dataclass(frozen=True)
class Decision:
    """What a person decided about a cell: what it should say, or that it is kept (None)."""

    name: str
    should_say: str | None
    reason: str


@dataclass(frozen=True)
class Corrections:
    """What a person decided about cells."""

    decided: Mapping[tuple[str, str], Decision]  # by file and cell (``Sheet!B7``)
    listed: tuple[dict[str, str], ...]  # what reports print
    frame: pd.DataFrame  # the file as it stands


def read_corrections(path: Path | None, tables: tuple[Table, ...]) -> Corrections:
    """Read ``corrections.csv`` of a dataset of books; without the file there are none."""
    if path is None:
        return Corrections({}, (), pd.DataFrame())
    frame = read_text(path, "corrections").fillna("").map(unguarded)
    decided: dict[tuple[str, str], Decision] = {}
    made = frame[frame["decision"] != ""]
    for item in made.to_dict("records"):
        where = f"corrections.csv, {item['correction_id']} ({item['file']}, {item['row']})"
        _check(item, tables, where)
        key = str(item["file"]), str(item["row"])
        if key in decided:
            raise LianjianError(f"{where}: {decided[key].name} decides about the same cell.")
        text = None if item["decision"] == "keep" else str(item["should_say"])
        decided[key] = Decision(str(item["correction_id"]), text, str(item["reason"]))
    columns = ["correction_id", "file", "field", "says", "should_say", "decision", "reason"]
    listed = made[columns].rename(columns={"correction_id": "id"}).to_dict("records")
    return Corrections(
        decided, tuple({str(k): str(v) for k, v in row.items()} for row in listed), frame
    )


def _check(item: dict[Any, Any], tables: tuple[Table, ...], where: str) -> None:
    if item["decision"] not in {"correct", "keep"}:
        raise LianjianError(f"{where}: decision is {item['decision']!r}, expected correct or keep.")
    seen = [
        table.grid.texts[at[0]][at[1]]
        for table in tables
        if table.file == item["file"] and (at := _place(table, str(item["row"]))) is not None
    ]
    if not seen:
        raise LianjianError(f"{where}: no table of that file holds such a cell.")
    if not any(
        _says(item["expect"], text) for text in {*seen, *map(safe, seen), *map(of_amount, seen)}
    ):
        raise LianjianError(
            f"{where} has expired: it expects {item['expect']!r} and the cell says "
            f"{of_amount(seen[0])!r}. Look at the book again, then remove or rewrite it."
        )


def _says(expected: str, seen: str) -> bool:
    """Whether a cell says what is expected; a spreadsheet program saves 0.80 as 0.8."""
    if expected == seen:
        return True
    numbers = [text.replace(",", "").strip() for text in (expected, seen)]
    return all(map(_NUMBER.fullmatch, numbers)) and Decimal(numbers[0]) == Decimal(numbers[1])


def _place(table: Table, cell: str) -> tuple[int, int] | None:
    sheet, _, address = cell.rpartition("!")
    return table.grid.find(address) if sheet == table.sheet else None


def correct_labels(table: Table, corrections: Corrections) -> Table:
    """Return the table with the corrections of names, years, units and accounts in its columns."""
    cells = {
        at: decision.should_say
        for (file, cell), decision in corrections.decided.items()
        if file == table.file and decision.should_say is not None
        if (at := _place(table, cell)) is not None and table.columns[at[1]].role in KEYS
    }
    return replace(table, grid=table.grid.written(cells))


def correct_amounts(
    cells: pd.DataFrame, corrections: Corrections
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the cells with corrected amounts, and which cells a person decided about."""
    decided = corrections.decided
    own = holding(cells, decided)
    touched = pd.Series(cells.index.isin(own.index), index=cells.index)
    said = [
        (row, decision.name, decision.should_say)
        for row in rows(own)
        if (decision := decided[row.file, row.cell]).should_say is not None
    ]
    if not said:
        return cells, touched
    read = _read_said([("" if pd.isna(row.unit) else row.unit, text) for row, _, text in said])
    for (row, name, text), (_, ended, reason, _) in zip(said, rows(read), strict=True):
        if ended in {"refused", "bound"}:
            raise LianjianError(
                f"corrections.csv, {name} ({row.file}, {row.cell}): should_say is {safe(text)!r}, "
                f"which is no amount: {REASONS.get(reason, reason) or 'a bound or a span'}."
            )
    yuan, status = cells["yuan"].copy(), cells["status"].copy()
    places = [row.Index for row, *_ in said]
    yuan[places], status[places] = read["yuan"].to_numpy(), "corrected"
    return cells.assign(yuan=yuan, status=status), touched


def _read_said(said: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Read texts, each with its unit, by themselves; plain numbers are not told by others."""
    parts: dict[tuple[str, int | None], dict[int, str]] = {}
    for at, (unit, text) in enumerate(said):
        parts.setdefault((unit, None if _NUMBER.fullmatch(text) else at), {})[at] = text
    frames = (
        (pd.DataFrame({"text": list(texts.values()), "kind": "s"}, index=[*texts]), unit)
        for (unit, _), texts in parts.items()
    )
    read = stacked([in_unit(frame, unit) for frame, unit in frames])
    return read.sort_index()[["status", "reason", "yuan"]]


def unused(
    cells: pd.DataFrame, tables: Iterable[Table], corrections: Corrections
) -> Iterator[Issue]:
    """Yield decisions about cells that hold neither an amount nor a label of a line."""
    own = holding(cells, corrections.decided)
    amounts = set(zip(own["file"], own["cell"], strict=True))
    labels = {
        (table.file, in_sheet(table, table.address(*at)))
        for table in tables
        for file, cell in corrections.decided
        if file == table.file and (at := _place(table, cell)) is not None
        if table.columns[at[1]].role in KEYS
    }
    for file, cell in corrections.decided.keys() - amounts - labels:
        action = f"{corrections.decided[file, cell].name} of corrections.csv is not used: the cell "
        yield Issue(file, cell, "", "answer_stale", "warning", action + "holds no account")


def settle(
    printed: Iterable[Issue], final: Iterable[Issue], corrections: Corrections
) -> list[Issue]:
    """Return the issues that hold, those that a person settled as notes."""
    decided = corrections.decided
    open_issues = []
    open_cells = set()
    for issue in final:
        cells = split_cells(issue.cell)
        rest = [cell for cell in cells if (issue.file, cell) not in decided]
        open_cells |= {(issue.file, cell, issue.code) for cell in rest}
        if len(rest) == len(cells):
            open_issues.append(issue)
        elif rest:
            open_issues.append(replace(issue, cell=joined_cells(rest)))
    notes: dict[tuple[str, str, str], Issue] = {}
    for issue in [*printed, *final]:
        cells = split_cells(issue.cell)
        made = [decided[issue.file, cell] for cell in cells if (issue.file, cell) in decided]
        if made:
            settled = [c for c in cells if (issue.file, c, issue.code) not in open_cells]
            where = joined_cells(settled)
            note = Issue(issue.file, where, issue.text, "settled", "note",
                         f"{_done(made)}; {CODES[issue.code]}")  # fmt: skip
            notes.setdefault((issue.file, where, issue.code), note)
    return [*open_issues, *notes.values()]


def _done(made: list[Decision]) -> str:
    said = ", ".join(
        "kept" if d.should_say is None else safe(d.should_say) or "blank" for d in made
    )
    names = ", ".join(decision.name for decision in made)
    return f"{said} by {names} of corrections.csv ({safe(made[0].reason, SENTENCE)})"


def to_fill_in(cells: pd.DataFrame, corrections: Corrections) -> pd.DataFrame:
    """Return ``corrections.csv`` as it is, with open cells as rows for a person to fill in."""
    taken = {item.name for item in corrections.decided.values()}
    names = (f"c{at}" for at in range(1, len(cells) + len(taken) + 1))
    fresh = pd.DataFrame(
        {
            "correction_id": [name for name in names if name not in taken][: len(cells)],
            "file": cells["file"].astype("str").tolist(),
            "row": cells["cell"].tolist(),
            "field": cells["item"].astype("str").tolist(),
            "says": [of_amount(text) for text in cells["text"]],
            "should_say": "",
            "expect": [of_amount(text) for text in cells["text"]],
            "decision": "",
            "reason": "",
            "authority": "",
        }
    )
    made = corrections.frame
    return pd.concat([made[made["decision"] != ""], fresh]) if len(made) and len(fresh) else fresh
