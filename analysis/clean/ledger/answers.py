"""The answers that a person wrote into ``answers.toml``, put into effect."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.amounts import YUAN, column_unit
from analysis.clean.issues import Issue
from analysis.clean.ledger.anomalies import NOT_FILLED_IN, NOTHING_BOOKED
from analysis.clean.ledger.private import in_sheet
from analysis.clean.ledger.questions import Question, column_at, questions
from analysis.clean.workbook.headers import Column
from analysis.clean.workbook.marks import item_label, lift_unit, lift_year, plain
from analysis.clean.workbook.tables import PERIODS, Table
from analysis.clean.workbook.vocabulary import role_of
from analysis.errors import LianjianError
from analysis.fields import ACCOUNTS

NOT_AN_ACCOUNT = "none"
"""The answer that leaves a head out for good."""

_PLACE_KEYS = ("county", "township", "village")
_IDENTITY = frozenset({"file", "sheet", "range"})
_REPEAT = "as the cell above"
_ANYWHERE = {"period": PERIODS, "zeros": (NOTHING_BOOKED, NOT_FILLED_IN)}
"""Answers that may be given unasked."""


@dataclass(frozen=True)
class Answers:
    """What ``answers.toml`` answers.

    Attributes
    ----------
    tables : dict of dict
        Answers by file, sheet and range of the table.
    accounts : dict of str to str
        Account by head that the reader does not know; ``"none"`` for what is none.
    """

    tables: Mapping[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A table with the answers in it.

    Attributes
    ----------
    table : Table
    places : dict of str to str
        County, township and village of all rows, where no column says them.
    left_out : frozenset of int
        Columns that cannot be read.
    dropped : frozenset of int
        Rows that cannot be.
    is_whole : bool
        False when nothing of the table can be read.
    zeros : str
        What a line of zeros is; empty when nobody has said so.
    issues : tuple of Issue
    """

    table: Table
    places: dict[str, str]
    left_out: frozenset[int]
    dropped: frozenset[int]
    is_whole: bool
    zeros: str
    issues: tuple[Issue, ...]


def read_answers(head: Mapping[str, Any]) -> Answers:
    """Return the answers in a parsed ``answers.toml``; an empty text is no answer.

    Raises
    ------
    LianjianError
        A table does not say which it is, or an account is not one.
    """
    tables = {}
    for entry in head.get("table", []):
        if missing := sorted(_IDENTITY - entry.keys()):
            raise LianjianError(f"answers.toml: a [[table]] lacks {missing}.")
        key = (entry["file"], entry["sheet"], entry["range"])
        given = {k: str(v).strip() for k, v in entry.items() if k not in _IDENTITY}
        tables[key] = {k: v for k, v in given.items() if v}
    accounts = {k: str(v).strip() for k, v in head.get("accounts", {}).items() if str(v).strip()}
    for name, account in accounts.items():
        if account not in ACCOUNTS and account != NOT_AN_ACCOUNT:
            raise LianjianError(
                f"answers.toml, [accounts], {name!r}: seen {account!r}, expected one of "
                f"{', '.join(ACCOUNTS)}, or {NOT_AN_ACCOUNT!r} for what is no account."
            )
    return Answers(tables, accounts)


def put_in(table: Table, answers: Answers) -> Ready:
    """Return the table with its answers in effect; what is still open is left out, with an issue.

    Raises
    ------
    LianjianError
        An answer is none of the choices, or no unit or year.
    """
    given = answers.tables.get((table.file, table.sheet, table.extent), {})
    asked = questions(table)
    issues = list(_stale(table, given, asked))
    places = {f.label: f.value for f in table.facts if f.label in _PLACE_KEYS and f.value}
    left_out: set[int] = set()
    dropped: set[int] = set()
    for key, choices in _ANYWHERE.items():
        _check(table, Question(key, "", "", choices=choices), given.get(key, ""))
    if given.get("period", PERIODS[1] if table.period else "") == PERIODS[1]:
        action = f"left out: {ACCOUNT_CODES['cumulative']}; else say period = {PERIODS[0]!r} for it"
        where, said = in_sheet(table, table.extent), table.period or PERIODS[1]
        issues.append(Issue(table.file, where, said, "column_cumulative", "note", action))
        nothing: frozenset[int] = frozenset()
        return Ready(
            table, places, nothing, nothing, is_whole=False, zeros="", issues=tuple(issues)
        )
    is_whole = True
    for question in asked:
        answer = given.get(question.key, "")
        _check(table, question, answer)
        if question.key == "zeros" or (question.key == "period" and answer):
            continue  # each line of zeros is an issue of its own
        if not answer or (question.key == "orientation" and answer != "villages_down"):
            issues.append(_open(table, question, answer))
            left_out.update(question.columns)
            is_whole = is_whole and not question.blocks_table
            if question.key == "header_rows":
                dropped.update(_row_at(table, question.cell))
            continue
        if question.key == "header_rows" and answer == "header":
            dropped.update(_row_at(table, question.cell))
        elif question.key == "merged_value" and answer != "the first cell's":
            issues.append(_open(table, question, answer))
            left_out.update(question.columns)
        else:
            table = _with(table, question, answer)
            if question.key in _PLACE_KEYS and table.find(question.key) is None:
                places[question.key] = answer.rpartition(": ")[2]
    zeros = given.get("zeros", "")
    return Ready(
        table, places, frozenset(left_out), frozenset(dropped), is_whole, zeros, tuple(issues)
    )


def _check(table: Table, question: Question, answer: str) -> None:
    if not answer:
        return
    where = f"answers.toml, table {table.file} {table.sheet} {table.extent}, {question.key}"
    if question.key == "year" and not re.fullmatch(r"(?:19|20)\d\d", answer):
        raise LianjianError(f"{where}: seen {answer!r}, expected a year such as 2023.")
    if question.key.startswith("unit"):
        try:
            known = column_unit(answer).name == YUAN
        except LianjianError:
            known = False
        if not known:
            raise LianjianError(f"{where}: seen {answer!r}, expected a unit of money: 元, 万元 ….")
    is_closed = question.key in {"orientation", "header_rows", "merged_value", *_ANYWHERE}
    if (is_closed or question.key.startswith("blank_")) and answer not in question.choices:
        raise LianjianError(
            f"{where}: seen {answer!r}, expected one of {', '.join(question.choices)}."
        )


def _with(table: Table, question: Question, answer: str) -> Table:
    columns = list(table.columns)
    if question.key.startswith("unit"):
        for at in question.columns:
            columns[at] = replace(columns[at], unit=answer, unit_from="answer")
    elif question.key == "year":
        for at in question.columns:
            columns[at] = replace(columns[at], year=int(answer), year_from="answer")
    elif question.key == "village":
        named = [at for at, column in enumerate(columns) if column.name == answer]
        for at in named:
            columns[at] = replace(columns[at], role="village")
    elif question.key == "no_header":
        names = [part.strip() for part in re.split("[、,，]", answer)]
        for at, name in enumerate(names[: len(columns)]):
            columns[at] = _column(name)
        return replace(table, columns=tuple(columns))
    elif question.key.startswith("blank_") and answer == _REPEAT:
        blank = column_at(table, question.cell)
        return table if blank is None else _repeated(table, blank)
    return replace(table, columns=tuple(columns))


def _column(name: str) -> Column:
    unit, rest = lift_unit(plain(name))
    year, rest = lift_year(rest)
    role = role_of(name) or "value"
    return Column(name, (item_label(rest),), role, unit, "answer", year, "answer")


def _repeated(table: Table, at: int) -> Table:
    texts = []
    last = ""
    for row, line in enumerate(table.grid.texts):
        if row in table.dropped:
            texts.append(line)
            continue
        last = line[at] or last
        texts.append([*line[:at], last, *line[at + 1 :]])
    return replace(table, grid=replace(table.grid, texts=tuple(texts)))


def _row_at(table: Table, cell: str) -> list[int]:
    return [row for row in range(table.grid.height) if table.address(row, 0) == cell]


def _open(table: Table, question: Question, answer: str) -> Issue:
    what = (
        "the whole table is left out" if question.blocks_table
        else "its columns are left out" if question.columns
        else "the row is left out" if question.key == "header_rows"
        else "left blank"
    )  # fmt: skip
    given = f"{answer!r} cannot be put into effect; " if answer else ""
    place = f"{question.key} of table {table.extent} in answers.toml"
    return Issue(
        table.file,
        in_sheet(table, question.cell),
        question.text,
        "question_open",
        "error" if "left out" in what else "warning",
        f"{given}{what} until {place} is answered",
    )


def _stale(table: Table, given: Mapping[str, str], asked: list[Question]) -> Iterator[Issue]:
    known = {question.key for question in asked} | _ANYWHERE.keys()
    for key in sorted(given.keys() - known):
        where = in_sheet(table, table.extent)
        action = "not used: remove it, or look at the table again"
        yield Issue(table.file, where, key, "answer_stale", "warning", action)
