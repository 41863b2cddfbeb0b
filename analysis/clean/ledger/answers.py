"""The answers that a person wrote into ``answers.toml``, put into effect."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.account_names import ITS_OWN_SUM, AccountName, read_account
from analysis.clean.amounts import YUAN, column_unit
from analysis.clean.issues import Issue
from analysis.clean.ledger.anomalies import APART
from analysis.clean.ledger.private import SENTENCE, in_sheet, safe
from analysis.clean.ledger.questions import (
    MEANINGS,
    NONE,
    PART,
    ROLES,
    blocks_table,
    column_at,
    may_count,
    meaning,
    middle_of,
    questions,
    sentence,
    told,
)
from analysis.clean.workbook.assemble import AMOUNT, VALUE, Said
from analysis.clean.workbook.fill import from_above
from analysis.clean.workbook.headers import Column, plain_amount
from analysis.clean.workbook.reader import Place, Reading
from analysis.clean.workbook.tables import Question, Table
from analysis.clean.workbook.vocabulary import plain
from analysis.errors import LianjianError
from analysis.fields import ACCOUNTS

_IDENTITY = ("form", "file", "sheet", "block", "panel")
_FREE = frozenset(
    {"seen", "middle", "question", "问题", "evidence", "proposal", "by", "on", "scope"}
)
_PLACE_KEYS = ("county", "township", "village")
_CHOICES: dict[str, tuple[str, ...]] = {
    **{key: tuple(kind["choices"]) for key, kind in told().items() if "choices" in kind},
    "role": (*ROLES, *MEANINGS), "meaning": (*MEANINGS, *ROLES), "whole": (*ACCOUNTS, NONE),
}  # fmt: skip
_BASIS = {"year": "year", "plan": "plan", "part of a year": "running", "year before": "before"}


@dataclass(frozen=True)
class Entry:
    """One answer: which tables and heads it is about, and what it says."""

    # ``form``, ``file``, ``sheet``, ``block``, ``panel`` of the tables, as far as it names them
    identity: Mapping[str, str]
    about: tuple[str, ...]  # heads, lines or columns; empty for the whole table
    key: str
    answer: str
    line: int  # which entry of the file it is, from 1
    # of a unit the middle amount that it was given for; 0 where nothing says it
    middle: float = 0.0

    def fits(self, table: Table) -> bool:
        """Whether it is about a table."""
        return all(str(getattr(table, key)) == said for key, said in self.identity.items())

    def is_far(self, table: Table) -> bool:
        """Whether it was given for amounts of another size: then the unit may be another, too."""
        if not self.middle or not (middle := middle_of(table, self.about)):
            return False
        return not 1 / APART < middle / self.middle < APART


@dataclass(frozen=True)
class Answers:
    """What ``answers.toml`` answers, and which of it was used."""

    entries: tuple[Entry, ...] = ()
    used: set[int] = field(default_factory=set)
    _far: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def of(self, table: Table, key: str, about: Sequence[str] = ()) -> str:
        """Return the answer of a table to a key, the most particular first; empty without one."""
        fitting = [
            entry
            for entry in self.entries
            if entry.key == key and entry.fits(table)
            and (set(about) <= set(entry.about) if about else not entry.about)
        ]  # fmt: skip
        self.used.update(entry.line for entry in fitting if self._is_far(entry, table))
        fitting = [entry for entry in fitting if not self._is_far(entry, table)]
        if not fitting:
            return ""
        chosen = max(fitting, key=lambda e: (len(e.identity), -len(e.about), e.line))
        self.used.add(chosen.line)
        return chosen.answer

    def reply(self, table: Table, question: Question) -> str:
        """Return the answer of a table to a question; empty while it waits for one."""
        if question.key != "whole":
            return self.of(table, question.key, question.about)
        sums = (e for e in self.entries if e.key == "whole" and e.fits(table))
        return next((e.answer for e in sums if {*e.about} & {*question.about}), "")

    def scoped(self, table: Table, question: Question) -> Question:
        """Return a question as one of a single copy, where its amounts are of another size."""
        is_apart = any(
            entry.key == question.key and entry.fits(table) and self._is_far(entry, table)
            for entry in self.entries
        )
        return replace(question, scope="copy") if is_apart else question

    def _is_far(self, entry: Entry, table: Table) -> bool:
        """Tell it once for each table: it looks at all amounts."""
        key = entry.line, table.file, table.sheet, table.block, table.panel
        if key not in self._far:
            self._far[key] = entry.is_far(table)
        return self._far[key]

    def about_heads(self, table: Table, key: str) -> dict[str, str]:
        """Return the answers of a table about single heads, lines or columns."""
        names = {name for e in self.entries if e.key == key and e.fits(table) for name in e.about}
        known = names and set(_names(table))  # most tables have none, and many names
        return {name: self.of(table, key, (name,)) for name in sorted(names & known)}

    def of_heads(self, table: Table, kinds: Sequence[str]) -> dict[str, str]:
        """Return what heads and lines of a table are, as far as it is one of ``kinds``."""
        return {
            name: answer
            for key in ("role", "meaning")
            for name, answer in self.about_heads(table, key).items()
            if answer in kinds
        }

    def said(self, reading: Reading) -> dict[Place, Said]:
        """Return what is said of the layout of the blocks of a file."""
        found = {}
        for table in reading.tables:
            row = self.of(table, "header_row")
            words = {c.name for c in table.columns if c.role != VALUE}
            said = self.of_heads(table, (*ROLES, *set(MEANINGS) - {NONE, PART}))
            roles = {
                name: answer if answer in ROLES or answer == AMOUNT else VALUE
                for name, answer in said.items()
                if answer in ROLES or answer == AMOUNT or name in words
            }
            layout = Said(
                int(row) if row.isdigit() else 0,
                self.of(table, "orientation"), self.of(table, "cut"), roles or None,
            )  # fmt: skip
            if layout != Said():
                found[table.sheet, table.block] = layout
        return found

    def unused(self, tables: Sequence[Table]) -> Iterator[Issue]:
        """Yield an error for each answer that is not used, naming the nearest thing meant."""
        for entry in self.entries:
            if entry.line in self.used:
                continue
            fitting = [table for table in tables if entry.fits(table)]
            names = [name for table in fitting or tables for name in _names(table)]
            lost = [name for name in entry.about if name not in names]
            if not fitting:
                forms = {f"{table.form} ({table.file} {table.sheet})" for table in tables}
                near = _nearest(" ".join(entry.identity.values()), forms)
                why = "no table is of this form, file, sheet and block"
            elif lost:
                near, why = _nearest(lost[0], set(names)), f"no head or line is called {lost[0]!r}"
            else:
                asked = {q.key for table in fitting for q in questions(table)}
                near, why = _nearest(entry.key, asked), f"the table does not ask for {entry.key!r}"
            action = f"not used: {why}" + (f"; the nearest is {near!r}" if near else "")
            where = f"answer {entry.line}"
            text = safe(" ".join([entry.key, *entry.about, "=", entry.answer]), SENTENCE)
            yield Issue("answers.toml", where, text, "answer_stale", "error", action)


@dataclass(frozen=True)
class Ready:
    """A table with the answers in it."""

    table: Table
    places: dict[str, str]  # county, township and village of all rows, where no column says them
    left_out: frozenset[int]  # columns that cannot be read
    dropped: frozenset[int]  # rows that cannot be
    is_whole: bool  # false when nothing of the table can be read
    zeros: str  # what a line of zeros is; empty when nobody has said so
    unseen: frozenset[str]  # addresses of hidden amounts that do not count
    means: Mapping[str, str]  # what heads and lines are, as a person said
    sums: frozenset[str]  # accounts that are the sum of their parts here, as a person said
    issues: tuple[Issue, ...]
    asked: tuple[Question, ...] = ()  # what the table leaves open, as answered so far


def _names(table: Table) -> Iterator[str]:
    """Yield every name by which an answer can speak of a head, line or column of a table."""
    for column in table.columns:
        yield from (column.name, column.label)
    if (at := table.find("item")) is not None:
        yield from dict.fromkeys(table.texts(at))
        if table.grid.height:
            yield from table.items


def _nearest(name: str, names: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(names), 1, 0.3)), "")


def read_answers(head: Mapping[str, Any]) -> Answers:
    """Return the answers in a parsed ``answers.toml``; an empty text is no answer."""
    entries = []
    for line, entry in enumerate(head.get("answer", []), start=1):
        answer = str(entry.get("answer", "")).strip()
        where = f"answers.toml, answer {line}"
        key = entry.get("key", "")
        if key not in told():
            near = _nearest(str(key), told())
            raise LianjianError(f"{where}: key is {key!r}, expected one of {', '.join(told())}"
                                + (f"; the nearest is {near!r}." if near else "."))  # fmt: skip
        if stray := sorted(entry.keys() - {*_IDENTITY, *_FREE, "about", "key", "answer"}):
            raise LianjianError(f"{where}: {stray[0]!r} is no part of an answer.")
        about = entry.get("about", [])
        about = tuple(about) if isinstance(about, list) else (str(about),)
        if answer:
            _check(f"{where}, {key}", key, answer)
            identity = {name: str(entry[name]) for name in _IDENTITY if name in entry}
            middle = entry.get("middle", 0.0)
            if not isinstance(middle, int | float):
                raise LianjianError(f"{where}: middle is {middle!r}, expected a number.")
            entries.append(Entry(identity, about, key, answer, line, float(middle)))
    return Answers(tuple(entries))


_FORMS = {
    "year": (re.compile(r"(?:19|20)\d\d"), "a year such as 2023"),
    "header_row": (re.compile(r"\d{1,7}|none"), "the number of a row, or none"),
}


def _check(where: str, key: str, answer: str) -> None:
    """Refuse an answer that its question cannot have."""
    if key in _FORMS:
        form, expected = _FORMS[key]
        is_one = bool(form.fullmatch(answer))
    elif key == "unit":
        expected = "a unit of money: 元, 万元 …"
        with suppress(LianjianError):
            if column_unit(answer).name == YUAN:
                return
        is_one = False
    else:
        choices = _CHOICES.get(key, (answer,))
        expected, is_one = f"one of {', '.join(choices)}", answer in choices
    if not is_one:
        raise LianjianError(f"{where}: seen {answer!r}, expected {expected}.")


def put_in(table: Table, answers: Answers) -> Ready:
    """Return the table with its answers in effect; what is open is left out, with an issue."""
    table = _overruled(table, answers)
    asked = questions(table)
    issues: list[Issue] = []
    places = {f.label: f.value for f in table.facts if f.label in _PLACE_KEYS and f.value}
    if table.find("village") is not None:
        places.pop("village", None)
    left_out: set[int] = set()
    dropped: set[int] = set()
    is_whole = not table.plan and not (table.is_part and table.period)
    if not is_whole:
        issues += _not_of_a_year(table)
    zeros = answers.of(table, "zeros")
    for question in asked if is_whole else ():
        if question.key == "zeros":
            continue  # each line of zeros is an issue of its own
        answer = answers.of(table, question.key, question.about)
        if not answer or (question.key == "header_row" and answer != "none"):
            issues.append(_open(table, question))
            left_out.update(question.columns)
            is_whole = is_whole and not blocks_table(question)
            if question.key == "header_rows":
                dropped.update(_row_at(table, question.cell))
        elif question.key == "header_rows" and answer == "header":
            dropped.update(_row_at(table, question.cell))
        else:
            table = _with(table, question, answer)
            if question.key in _PLACE_KEYS and table.find(question.key) is None:
                places[question.key] = answer.rpartition(": ")[2]
    means = answers.of_heads(table, MEANINGS)
    columns = {name for column in table.columns for name in (column.name, column.label)}
    for name in sorted(n for n, answer in means.items() if answer == AMOUNT and n not in columns):
        where = in_sheet(table, table.header or table.extent)
        action = f"not used: {AMOUNT!r} is said of a column, and {safe(name)!r} is a line"
        issues.append(Issue("answers.toml", where, safe(name), "answer_stale", "error", action))
    sums, said = _sums(table, answers)
    issues += said
    return Ready(
        table, places, frozenset(left_out), frozenset(dropped), is_whole, zeros,
        frozenset() if answers.of(table, "hidden") == "count" else table.hidden, means, sums,
        tuple(issues), tuple(asked),
    )  # fmt: skip


def _sums(table: Table, answers: Answers) -> tuple[frozenset[str], list[Issue]]:
    """Return the accounts that are the sum of their parts, as answered or as printed sums prove."""
    entries = [entry for entry in answers.entries if entry.key == "whole"]
    decided = {name for entry in entries for name in entry.about}
    sums = {e.answer for e in entries if e.fits(table) and {*e.about} & {*_names(table)}}
    answers.used.update(entry.line for entry in entries if entry.answer in sums)
    issues = []
    for account, names in _proven(table).items():
        if decided.isdisjoint(names):
            sums.add(account)
            where = in_sheet(table, table.header or table.extent)
            says = f"the sum of {safe(', '.join(names))}, as the printed sum of all bears out"
            issues.append(Issue(table.file, where, account, "layout", "note", says))
    return frozenset(sums), issues


def _proven(table: Table) -> dict[str, list[str]]:
    """Return accounts that only a banner names, and their parts: all make the printed sum."""
    columns = [(at, c) for at, c in enumerate(table.columns) if c.role == "value" and c.is_money]
    read = {at: meaning(column.label, column.year) for at, column in columns}
    parts: dict[str, list[str]] = {}
    for at, column in columns:
        account, banner = read[at].account, read_account("/".join(column.path[:-1]))
        if account and read[at].code == "part" and banner == AccountName(account, "account"):
            parts.setdefault(account, []).append(column.label)
    for found in read.values():
        if found.code == "account":
            parts.pop(str(found.account), None)
    last = [name.rpartition("/")[2] for names in parts.values() for name in names]
    if len(set(last)) < len(last):  # 应收 and 实收 under each are no parts
        return {}
    sums = [at for at, found in read.items() if found.note == ITS_OWN_SUM]
    others = [at for at in read if at not in sums]
    kinds = {(column.unit, column.year, column.basis) for _, column in columns}
    is_known = all(read[at].code in {"account", "part"} for at in others)
    if not (parts and is_known and len(sums) == len(kinds) == 1 and table.find("item") is None):
        return {}
    lines = [line for row, line in enumerate(table.grid.texts) if row not in table.dropped]
    amounts = [[plain_amount(line[at]) for at in (*others, *sums)] for line in lines]
    is_proven = len(lines) > 1 and all(
        None not in line and sum(filter(None, line[:-1])) == line[-1] for line in amounts
    )
    return parts if is_proven else {}


def _overruled(table: Table, answers: Answers) -> Table:
    """Return the table with what a person says of it unasked, against what is printed."""
    changes: dict[str, Any] = {}
    period = answers.of(table, "period")
    if period == "whole year":
        changes |= {"period": "", "is_part": False, "says_whole": True}
    elif period:
        changes |= {"period": table.period or period, "is_part": True}
    basis = answers.of(table, "basis")
    if basis == "year":
        changes["plan"] = ""
    elif basis:
        changes["plan"] = table.plan or basis
    columns = [_overruled_column(table, at, answers) for at in range(len(table.columns))]
    return replace(table, columns=tuple(columns), **changes)


def _overruled_column(table: Table, at: int, answers: Answers) -> Column:
    """Return a column with the unit, year and basis that a person says of it or of its table."""
    column = table.columns[at]
    names = {column.name, column.label}
    for key in ("unit", "year"):
        own = [a for name, a in answers.about_heads(table, key).items() if name in names]
        answer = own[0] if own else answers.of(table, key) if may_count(table, at) else ""
        if not answer or (not own and key == "year" and column.year_from == "header"):
            continue
        value = int(answer) if key == "year" else answer
        column = replace(column, **{key: value, f"{key}_from": "answer"})  # type: ignore[arg-type]
    for name, answer in answers.about_heads(table, "basis").items():
        if name in names:
            column = replace(column, basis=_BASIS[answer])
    return column


def _not_of_a_year(table: Table) -> Iterator[Issue]:
    where = in_sheet(table, table.extent)
    if table.plan:
        says = "say basis = 'year' of it in answers.toml if these are results"
        action = f"left out: {ACCOUNT_CODES['forecast']}, or of another body; {says}"
        yield Issue(table.file, where, safe(table.plan), "plan_table", "warning", action)
    else:
        action = f"left out: {ACCOUNT_CODES['cumulative']}; else say period = 'whole year' for it"
        yield Issue(table.file, where, safe(table.period), "column_cumulative", "note", action)


def _with(table: Table, question: Question, answer: str) -> Table:
    columns = list(table.columns)
    if question.key == "village":
        for at, column in enumerate(columns):
            if column.name == answer:
                columns[at] = replace(column, role="village")
            elif column.role == "village" and answer in {c.name for c in columns}:
                columns[at] = replace(column, role="text")
    elif question.key == "blank" and answer == "as the cell above":
        blank = column_at(table, question.cell)
        rows = [row for row in range(table.grid.height) if row not in table.dropped]
        if blank is not None:
            grid = from_above(table.grid, blank, rows, rows)
            return replace(table, grid=grid)
    elif question.key == "merged_value" and answer != "the first cell's":
        return _written_out(table, question.columns, answer)
    return replace(table, columns=tuple(columns))


def _written_out(table: Table, columns: Sequence[int], answer: str) -> Table:
    """Give each cell of a merged range its number, its share of it, or nothing."""
    written: dict[tuple[int, int], str] = {}
    for span in table.grid.spans:
        if span.left not in columns:
            continue
        cells = [
            (row, at)
            for row in range(span.top, span.bottom + 1)
            for at in range(span.left, span.right + 1)
            if row not in table.dropped and at in columns
        ]
        text = table.grid.texts[span.top][span.left]
        if answer == "no village's":
            text = ""
        elif answer == "shared equally":
            number = plain(text).replace(",", "")
            is_number = bool(re.fullmatch(r"-?\d+(?:\.\d+)?", number, re.ASCII))
            # 约3万 cannot be shared: the reader of cells refuses what stands here, and says so
            text = f"{Decimal(number) / len(cells):.15g}" if is_number else f"{text}÷{len(cells)}"
        written |= dict.fromkeys(cells, text)
    return replace(table, grid=replace(table.grid.written(written), spans=()))


def _row_at(table: Table, cell: str) -> list[int]:
    return [row for row in range(table.grid.height) if table.address(row, 0) == cell]


def _open(table: Table, question: Question) -> Issue:
    what = (
        "the whole table is left out" if blocks_table(question)
        else "its columns are left out" if question.columns
        else "the row is left out" if question.key == "header_rows"
        else "these amounts are left out" if question.key == "hidden"
        else "left blank"
    )  # fmt: skip
    place = f"{question.key} of form {table.form} in answers.toml"
    severity = "error" if "left out" in what else "warning"
    action, where = f"{what} until {place} is answered", in_sheet(table, question.cell)
    return Issue(table.file, where, sentence(question), "question_open", severity, action)
