"""The door: from a folder of books to bookings, villages and issues."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.clean.accounts import BREAK_YEAR, OPERATING
from analysis.clean.decisions import CORRECTIONS, CROSSWALK
from analysis.clean.issues import Issue, task
from analysis.clean.ledger import anomalies as suspicions
from analysis.clean.ledger import duplicates as twice
from analysis.clean.ledger import totals
from analysis.clean.ledger.answers import Answers, put_in, read_answers
from analysis.clean.ledger.cells import cell_issues, read_cells
from analysis.clean.ledger.collect import Shelf, collect
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
from analysis.clean.ledger.questions import meaning
from analysis.clean.places import Register, read_crosswalk
from analysis.clean.words import remembered
from analysis.clean.workbook.tables import Question, Table
from analysis.errors import LianjianError
from analysis.fields import TABLES, county

OWN_FILES = frozenset(
    {"dataset.toml", "villages.csv", "register.csv", "crosswalk.csv", "corrections.csv",
     "joint_projects.csv", "truth.csv", "att.csv", "cells.csv", "planted.csv"}
)  # fmt: skip
"""Files of a dataset's folder that are no books."""


_LEFT_OUT = "left out"
"""How the action of an issue begins by which something is left out that is no error."""


@dataclass(frozen=True)
class Books:
    """What the books of a dataset say."""

    income: pd.DataFrame  # tables of the registry
    villages: pd.DataFrame
    # every cell that holds or should hold an account or a sum: ``file, cell, village_id, year,
    # account, text, yuan, status, counted``
    cells: pd.DataFrame
    issues: tuple[Issue, ...]
    crosswalk_to_fill: pd.DataFrame  # open questions about places and cells, ready for a person
    corrections_to_fill: pd.DataFrame
    corrections: tuple[dict[str, str], ...]  # applied ones, for reports
    refused: tuple[str, ...]  # files that were not read
    tables: tuple[Table, ...]  # as they were found, without personal data
    # ``village_id, year`` of which an amount of an account that was not in force is left out
    incomplete: pd.DataFrame
    shelf: Shelf  # the tables, as the answers have them read
    # A sentence for each table or column that was left out, for the end of a build
    left_out: tuple[str, ...] = ()


def read_books(
    folder: Path,
    files: list[str],
    head: dict[str, Any],
    register: pd.DataFrame,
    villages: pd.DataFrame | None = None,
    *,
    decided: Mapping[str, Path] | None = None,
) -> Books:
    """Read the books of a dataset."""
    decided = decided or {}
    answers = read_answers(head)
    places = Register(register)
    shelf = collect((folder / name for name in files), answers, places)
    if not shelf.tables:
        reasons = "\n".join(f"  {i.file}: {i.action}" for i in shelf.issues if i.code != "layout")
        raise LianjianError(f"No table could be read from the {len(files)} files:\n{reasons}")
    corrections = read_corrections(decided.get(CORRECTIONS), shelf.tables)
    tables = tuple(correct_labels(table, corrections) for table in shelf.tables)
    cells, issues = _all_cells(tables, answers)
    crosswalk = read_crosswalk(decided.get(CROSSWALK))
    cells, place_issues, to_locate = find_villages(cells, places, crosswalk)
    cells = cells.assign(read_yuan=cells["yuan"], read_status=cells["status"])
    touched = pd.Series(data=False, index=cells.index)
    printed, doubts = _with_doubts(cells, touched)
    holds = doubts
    if corrections.decided:
        cells, touched = correct_amounts(cells, corrections)
        printed, holds = _with_doubts(cells, touched)
    cells = printed
    cells, incomplete = _without_other_systems(cells)
    cells, measure_issues = totals.check_measures(cells, touched)
    checks = [*measure_issues, *totals.check_totals(cells)]
    found = settle([*issues, *doubts], [*issues, *holds, *checks], corrections)
    found += unused(cells, tables, corrections)
    asked = tuple(_asked_units(printed, tables))
    income = _income(cells)
    if villages is None:
        villages = _villages(register, income["village_id"])
    waiting = [issue for issue in found if task(issue.code) == "cell" or issue.code == "formula"]
    open_cells = {(issue.file, cell) for issue in waiting for cell in split_cells(issue.cell)}
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
        incomplete=incomplete,
        shelf=replace(shelf, asked=asked),
        left_out=_left_out((*shelf.issues, *place_issues, *found)),
    )


def _asked_units(cells: pd.DataFrame, tables: Sequence[Table]) -> Iterator[tuple[Table, Question]]:
    """Ask for the unit of each table whose amounts are no village's in the one it states."""
    open_ones = set(cells.loc[cells["doubted"], "table"])  # what a person decided is not asked
    read = cells.assign(counted=cells["counted"] | cells["doubted"])
    for number, middle in suspicions.tables_in_doubt(read):
        if number not in open_ones:
            continue
        table = tables[number]
        subject = f"the amounts, whose middle income would be {middle:,.2f} yuan as stated,"
        yield table, Question("unit", table.extent, subject=subject, scope="copy")


def _left_out(issues: Iterable[Issue]) -> tuple[str, ...]:
    """Return all that was left out and why, as a build says it at its end: alike ones in one."""
    alike: dict[tuple[str, ...], list[Issue]] = {}
    for issue in issues:
        is_lost = issue.severity == "error" or issue.action.startswith(_LEFT_OUT)
        if is_lost and (issue.severity != "note" or issue.code.startswith("column_")):
            is_single = task(issue.code) in {"cell", "place"}
            kind = (issue.code,) if is_single else (issue.code, issue.action)
            alike.setdefault((issue.file, *kind), []).append(issue)
    wholes_first = sorted(alike.values(), key=lambda found: task(found[0].code) == "cell")
    return tuple(
        f"{found[0].file} {found[0].cell}  {found[0].text}".strip()
        + (f" and {len(found) - 1} more" if len(found) > 1 else "") + f": {found[0].action}"
        for found in wholes_first
    )  # fmt: skip


def _without_other_systems(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part amounts of accounts that were not in force from the rest, and say whose they are."""
    other = cells["means"] == "wrong_year"
    of_income = cells["item"].astype("str").map(_is_operating).astype("bool")
    lost = cells[other & of_income & (cells["yuan"].abs() > 0) & cells["village_id"].notna()]
    lost = lost.loc[~lost["is_total"], ["village_id", "year"]].drop_duplicates()
    return cells[~other], lost.astype({"village_id": "str", "year": "int64"})


@remembered
def _is_operating(item: str) -> bool:
    return meaning(item, BREAK_YEAR - 1).account in OPERATING


def _with_doubts(cells: pd.DataFrame, decided: pd.Series) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells with what counts of them, what is doubted unless decided, and the issues."""
    named = (
        cells["account"]
        .astype("str")
        .where(cells["account"].notna(), cells["measure"].astype("str"))
    )
    cells = cells.assign(named=named.where(cells["means"] != "wrong_year", ""))
    cells, twice_issues = twice.count_once(cells)
    slipped, slip_issues = suspicions.find_slips(cells)
    empty, zero_issues = suspicions.find_zeros(cells)
    unlikely, size_issues = suspicions.find_implausible(cells)
    marked, mark_issues = suspicions.find_marked(cells)
    held = slipped | empty | unlikely | marked
    doubted = held & ~decided
    cells = cells.assign(doubted=doubted, counted=cells["counted"] & ~doubted)
    sizes = suspicions.one_verdict(cells, held, [*slip_issues, *size_issues])
    return cells, [*twice_issues, *sizes, *zero_issues, *mark_issues]


def _all_cells(tables: Sequence[Table], answers: Answers) -> tuple[pd.DataFrame, list[Issue]]:
    frames = []
    issues: list[Issue] = []
    for number, table in enumerate(tables):
        ready = put_in(table, answers)
        issues += ready.issues
        if ready.is_whole:
            frame, found = read_cells(ready)
            frames.append(frame.assign(table=number))
            issues += found
    issues += answers.unused(tables)
    if not frames:
        why = [f"  {i.file} {i.cell}: {i.text}; {i.action}" for i in issues[:10]]
        raise LianjianError(
            "\n".join(["No table is left to read. Answer in answers.toml what is asked:", *why])
        )
    cells = stacked(frames).reset_index(drop=True)
    return cells.drop(columns=["kind", "width", "reason", "flags"]), [*issues, *cell_issues(cells)]


def _income(cells: pd.DataFrame) -> pd.DataFrame:
    counted = cells[cells["counted"]].rename(columns={"yuan": "amount_yuan"})
    kinds = {"village_id": "str", "year": "int64", "named": "str", "amount_yuan": "float64"}
    income = counted[list(kinds)].astype(kinds).rename(columns={"named": "account_name"})
    keys = ["village_id", "year", "account_name"]
    return income.groupby(keys)["amount_yuan"].sum().reset_index()


def _villages(register: pd.DataFrame, occurring: pd.Series) -> pd.DataFrame:
    """Return the register's rows that occur as a village table, every village outside alliances."""
    own = ["village_code", "village_name", "township_name", "county_code", "county_name"]
    known = register.loc[register["village_code"].isin(set(occurring)), own]
    zones = [county(code).zone for code in known["county_code"]]
    nobody = pd.Series(pd.NA, index=known.index, dtype="str")
    unknown = pd.Series(pd.NA, index=known.index, dtype="Int64")
    flags = ("central_project", "rebuilt_centre", "resident_cadre", "reserve_talent")
    table = known.rename(columns={"village_code": "village_id"}).assign(
        zone=pd.Series(zones, known.index, "str"), role="outside",
        alliance_id=nobody, pair_id=nobody,
        households=unknown, joined_year=unknown, central_project_year=unknown,
        **{f"has_{flag}": False for flag in flags},
    )  # fmt: skip
    return table[list(TABLES["villages"][1])].sort_values("village_id", ignore_index=True)
