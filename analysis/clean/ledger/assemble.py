"""The door: from a folder of books to bookings, villages and issues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.clean.decisions import CORRECTIONS, CROSSWALK
from analysis.clean.issues import Issue, task
from analysis.clean.ledger import anomalies as suspicions
from analysis.clean.ledger import duplicates as twice
from analysis.clean.ledger import totals
from analysis.clean.ledger.answers import Answers, put_in, read_answers
from analysis.clean.ledger.cells import cell_issues, read_cells
from analysis.clean.ledger.collect import collect
from analysis.clean.ledger.corrections import (
    correct_amounts,
    correct_labels,
    read_corrections,
    settle,
    to_fill_in,
    unused,
)
from analysis.clean.ledger.frames import holding, split_cells, stacked
from analysis.clean.ledger.places import find_villages
from analysis.clean.places import Register, read_crosswalk
from analysis.clean.workbook.tables import Table
from analysis.errors import LianjianError
from analysis.fields import TABLES, county

OWN_FILES = frozenset(
    {"dataset.toml", "villages.csv", "register.csv", "crosswalk.csv", "corrections.csv",
     "joint_projects.csv", "truth.csv", "att.csv", "cells.csv", "planted.csv"}
)  # fmt: skip
"""Files of a dataset's folder that are no books."""


@dataclass(frozen=True)
class Books:
    """What the books of a dataset say.

    Attributes
    ----------
    income, villages : DataFrame
        Tables of the registry.
    cells : DataFrame
        Every cell that holds or should hold an account or a sum: ``file, cell, village_id, year,
        account, text, yuan, status, counted``.
    issues : tuple of Issue
    crosswalk_to_fill, corrections_to_fill : DataFrame
        Open questions about places and cells, ready for a person.
    corrections : tuple of dict
        Applied ones, for reports.
    refused : tuple of str
        Files that were not read.
    tables : tuple of Table
        As they were found, without personal data.
    """

    income: pd.DataFrame
    villages: pd.DataFrame
    cells: pd.DataFrame
    issues: tuple[Issue, ...]
    crosswalk_to_fill: pd.DataFrame
    corrections_to_fill: pd.DataFrame
    corrections: tuple[dict[str, str], ...]
    refused: tuple[str, ...]
    tables: tuple[Table, ...]


def read_books(
    folder: Path,
    files: list[str],
    head: dict[str, Any],
    register: pd.DataFrame,
    villages: pd.DataFrame | None = None,
    *,
    decided: Mapping[str, Path] | None = None,
) -> Books:
    """Read the books of a dataset.

    Parameters
    ----------
    folder : Path
        The dataset's folder under data/raw.
    files : list of str
        Names of the books.
    head : dict
        Holds the answers, as ``answers.toml`` does.
    register : DataFrame
        The villages that there are.
    villages : DataFrame, optional
        The study's own village table; without it the register's rows that occur, outside any
        alliance.
    decided : mapping of str to Path, optional
        Where ``crosswalk.csv`` and ``corrections.csv`` lie, where there are any.

    Raises
    ------
    LianjianError
        No file could be read, or an answer, crosswalk or correction is not usable.
    """
    decided = decided or {}
    shelf = collect(folder / name for name in files)
    if not shelf.tables:
        reasons = "\n".join(f"  {i.file}: {i.action}" for i in shelf.issues if i.code != "layout")
        raise LianjianError(f"No table could be read from the {len(files)} files:\n{reasons}")
    corrections = read_corrections(decided.get(CORRECTIONS), shelf.tables)
    tables = tuple(correct_labels(table, corrections) for table in shelf.tables)
    cells, issues = _all_cells(tables, read_answers(head))
    crosswalk = read_crosswalk(decided.get(CROSSWALK))
    cells, place_issues, to_locate = find_villages(cells, Register(register), crosswalk)
    cells = cells.assign(read_yuan=cells["yuan"], read_status=cells["status"])
    nobody = pd.Series(data=False, index=cells.index)
    printed, doubts = _with_doubts(cells, nobody)
    holds = doubts
    if corrections.decided:
        cells, touched = correct_amounts(cells, corrections)
        printed, holds = _with_doubts(cells, touched)
    cells = printed
    checks = [*totals.check_totals(cells), *totals.check_identities(cells)]
    found = settle([*issues, *doubts], [*issues, *holds, *checks], corrections)
    found += unused(cells, tables, corrections)
    income = _income(cells)
    if villages is None:
        villages = _villages(register, income["village_id"])
    open_cells = {(i.file, c) for i in found if _needs_correction(i) for c in split_cells(i.cell)}
    return Books(
        income=income,
        villages=villages,
        cells=cells,
        issues=(*shelf.issues, *place_issues, *found),
        crosswalk_to_fill=to_locate,
        corrections_to_fill=to_fill_in(holding(cells, open_cells), corrections),
        corrections=corrections.listed,
        refused=shelf.refused,
        tables=tables,
    )


def _with_doubts(cells: pd.DataFrame, decided: pd.Series) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells with what counts of them and what is doubted, and the issues.

    What a person decided about counts, whatever it looks like.
    """
    cells, twice_issues = twice.count_once(cells)
    slipped, slip_issues = suspicions.find_slips(cells)
    empty, zero_issues = suspicions.find_zeros(cells)
    unlikely, size_issues = suspicions.find_implausible(cells)
    doubted = (slipped | empty | unlikely) & ~decided
    cells = cells.assign(doubted=doubted, counted=cells["counted"] & ~doubted)
    return cells, [*twice_issues, *slip_issues, *zero_issues, *size_issues]


def _needs_correction(issue: Issue) -> bool:
    return task(issue.code) == "cell" or issue.code == "formula"


def _all_cells(tables: Sequence[Table], answers: Answers) -> tuple[pd.DataFrame, list[Issue]]:
    frames, issues = [], []
    asked = {(table.file, table.sheet, table.extent) for table in tables}
    for file, sheet, extent in sorted(set(answers.tables) - asked):
        if answers.tables[file, sheet, extent]:
            action = "its answers are not used: no such table was found"
            where = f"{sheet}!{extent}" if sheet else extent
            issues.append(Issue(file, where, "", "answer_stale", "error", action))
    for number, table in enumerate(tables):
        ready = put_in(table, answers)
        issues += ready.issues
        if not ready.is_whole:
            continue
        frame, found = read_cells(ready, answers.accounts)
        frames.append(frame.assign(table=number))
        issues += found
    if not frames:
        why = [f"  {i.file} {i.cell}: {i.text}; {i.action}" for i in issues[:10]]
        raise LianjianError(
            "No table is left to read. Answer in answers.toml what is asked:\n" + "\n".join(why)
        )
    cells = stacked(frames).reset_index(drop=True)
    return cells.drop(columns=["kind", "width", "reason", "flags"]), [*issues, *cell_issues(cells)]


def _income(cells: pd.DataFrame) -> pd.DataFrame:
    counted = cells[cells["counted"]]
    income = pd.DataFrame(
        {
            "village_id": counted["village_id"].astype("str"),
            "year": counted["year"].astype("int64"),
            "account_name": counted["account"].astype("str"),
            "amount_yuan": counted["yuan"].astype("float64"),
        }
    )
    return income.sort_values(["village_id", "year", "account_name"], ignore_index=True)


def _villages(register: pd.DataFrame, occurring: pd.Series) -> pd.DataFrame:
    """Return the register's rows that occur as a village table, every village outside alliances."""
    known = register[register["village_code"].isin(set(occurring))]
    table = pd.DataFrame(
        {
            "village_id": known["village_code"],
            "village_name": known["village_name"],
            "township_name": known["township_name"],
            "county_code": known["county_code"],
            "county_name": known["county_name"],
            "zone": pd.Series(
                [county(code).zone for code in known["county_code"]], known.index, "str"
            ),
            "households": pd.array([pd.NA] * len(known), dtype="Int64"),
            "role": "outside",
            "alliance_id": pd.Series(pd.NA, index=known.index, dtype="str"),
            "joined_year": pd.array([pd.NA] * len(known), dtype="Int64"),
            "pair_id": pd.Series(pd.NA, index=known.index, dtype="str"),
            "has_central_project": False,
            "has_rebuilt_centre": False,
            "has_resident_cadre": False,
            "has_reserve_talent": False,
            "central_project_year": pd.array([pd.NA] * len(known), dtype="Int64"),
        }
    )
    return table[list(TABLES["villages"][1])].sort_values("village_id", ignore_index=True)
