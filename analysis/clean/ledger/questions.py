"""What books leave open: one question for all copies of a form, or one for a single copy."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from analysis.clean.account_names import (
    CODES,
    ITS_OWN_SUM,
    MEASURES,
    NOT_INCOME,
    AccountName,
    balance_of,
    read_account,
)
from analysis.clean.ledger.anomalies import MIN_ACCOUNTS, NOT_FILLED_IN, NOTHING_BOOKED
from analysis.clean.ledger.private import SENTENCE, safe
from analysis.clean.words import words
from analysis.clean.workbook.assemble import AMOUNT
from analysis.clean.workbook.cells import column_number
from analysis.clean.workbook.tables import PERIODS, Doubt, Table
from analysis.clean.workbook.vocabulary import is_number_like, plain, role_of, stripped
from analysis.fields import ACCOUNTS

NONE, PART = "none", "part"
"""Answers about a head: it is no income, or a part of an account that stands elsewhere."""

ROLES = ("village", "township", "county", "year", "item", "unit", "period", "number", "text")
"""What a column can be said to hold besides amounts."""

MEANINGS = (*ACCOUNTS, *MEASURES, PART, NONE, AMOUNT)
"""What a head or line can be said to be."""

BASES = ("year", "plan", "part of a year", "year before")
"""Of what the amounts of a column can be said to be."""

REPEAT = "as the cell above"
ASKED = frozenset({"unknown", "code_only"})
"""Codes of heads that a person can give an account."""

_MAY_COUNT = {"account", "total", "unknown", "code_only", "wrong_year", "needs_year", "part"}
_PLAIN = re.compile(r"-?\d[\d,]*(?:\.\d+)?", re.ASCII)
_ZERO = re.compile(r"0+(?:\.0*)?", re.ASCII)
_SHOWN = 6


@cache
def told() -> dict[str, dict[str, Any]]:
    """Return how each key is asked, and of what its answer holds."""
    text = Path(__file__).with_name("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Question:
    """A question of one table."""

    key: str  # its key in ``answers.toml``: one of ``questions.toml``
    # heads, lines or columns that it is about; empty when it is about the whole table
    about: tuple[str, ...]
    cell: str  # address in the sheet
    # columns that cannot be read without an answer; empty when it is about rows or the whole
    columns: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()  # possible answers; empty when any text can be one
    evidence: str = ""  # what speaks for one or another, without personal data
    proposal: str = ""  # what is likely, offered and never taken
    subject: str = ""  # what ``{about}`` is in the sentence, where it is not the list of ``about``
    # whether an answer holds for one copy alone, where it overrules what that copy prints
    of_copy: bool = False

    @property
    def scope(self) -> str:
        """Of what an answer holds: "form" or "copy"."""
        return "copy" if self.of_copy else str(told()[self.key]["scope"])

    @property
    def blocks_table(self) -> bool:
        """Whether nothing of the table can be read without an answer."""
        return bool(told()[self.key].get("blocks")) and not self.columns

    def text(self, language: str = "en") -> str:
        """Return the question as a sentence, "en" or "zh"."""
        mark = ", " if language == "en" else "、"
        shown = mark.join(safe(name) for name in self.about[:_SHOWN])
        if more := len(self.about) - _SHOWN:
            shown += f" and {more} more" if more > 0 and language == "en" else ""
            shown += f"等{len(self.about)}项" if more > 0 and language == "zh" else ""
        subject = self.subject or shown
        return str(told()[self.key][language]).format(about=subject, account=self.proposal)


@dataclass(frozen=True)
class Asked:
    """A question as a person sees it: put once for all tables that it is about."""

    question: Question  # as the first table puts it
    form: str  # signature of the form; empty where the answer holds for every form
    scope: str  # "form" or "copy"
    tables: tuple[Table, ...]  # the tables that put it


HELD = frozenset({"balance", "distribution"})
"""Codes of what is no income and is read where it is one of `analysis.fields.BALANCES`."""


def meaning(item: str, year: int | None, *, is_part: bool = False) -> AccountName:
    """Return what a head stands for: `account_names.read_account` without the group above it."""
    parts, group = item.split("/"), ""
    while len(parts) > 1 and parts[0] in words()["kinds"]["groups"]:
        group = parts.pop(0)
    found = read_account("/".join(parts), year)
    if found.code == "unknown" and len(parts) == 1:
        # 其他 and 管理 under 支出 are 其他支出 and 管理支出
        ends = [end for side, ends in words()["sides"].items() if side in group for end in ends]
        whole = (read_account(stripped(parts[0]) + end, year) for end in ends)
        found = next((one for one in whole if one.code in {"account", "wrong_year"}), found)
    if found.code == "unknown" and len(parts) > 1:
        # a banner that is no account says nothing of the account under it
        last = read_account(parts[-1], year)
        if last.code in {"account", "total", *NOT_INCOME}:
            found = last
    if found.code == "unknown" and role_of(stripped(parts[-1])):
        return AccountName(None, "attribute", CODES["attribute"])  # 行政村 on a card
    if is_part and found.code == "unknown":
        return AccountName(found.account, "part", "part of what stands before it")
    return found


def may_count(table: Table, column: int) -> bool:
    """Tell whether a column may hold amounts of accounts, as far as its head says."""
    kind = table.columns[column]
    if kind.role != "value" or not kind.is_money:
        return False
    time = kind.basis.partition(" ")[0]
    if time in {"span", "rate", "plan", "opening"}:
        return False
    if table.find("item") is not None:
        return time != "closing" or any(map(balance_of, table.items))
    found = meaning(kind.label, kind.year, is_part=kind.is_part)
    if found.code in HELD or time == "closing":
        return found.code in HELD and bool(balance_of(kind.label))
    if found.code == "unknown" and not any(table.texts(column)):
        return False
    return found.note != ITS_OWN_SUM and found.code in _MAY_COUNT


def questions(table: Table) -> list[Question]:
    """Return the open questions of a table, those about columns that do not matter left out."""
    if table.plan:
        subject = f"{safe(table.plan)!r} is named; the amounts"
        cell = table.header or table.extent
        return [Question("basis", (), cell, (), BASES[:2], "", "plan", subject)]
    if not any(may_count(table, at) for at in range(len(table.columns))):
        return []
    if table.is_part and table.period:
        return []
    found = [q for doubt in table.doubts for q in _put(table, doubt)]
    labels = {fact.label for fact in table.facts if fact.value}
    by_line = table.row_facts.get("county") or ("",)
    is_said = all(by_line) or "county" in labels
    if not is_said and table.find("code") is None and table.find("county") is None:
        said = (
            f"title {safe(table.title)!r}, sheet {safe(table.sheet)!r}, file {safe(table.file)!r}"
        )
        found.append(Question("county", (), table.header or table.extent, evidence=said))
    return [*found, *_zeros(table)]


def group(
    tables: Sequence[Table],
    of_heads: Iterable[tuple[Table, Question]],
    is_of_copy: Callable[[Table, Question], bool],
) -> list[Asked]:
    """Return the questions of all tables, each put once."""
    put: dict[tuple[Any, ...], list[tuple[Table, Question]]] = {}
    for table, one in [*((t, q) for t in tables for q in questions(t)), *of_heads]:
        question = replace(one, of_copy=True) if is_of_copy(table, one) else one
        where: tuple[Any, ...] = (table.form,)
        if question.scope == "copy":
            where = (table.form, table.file, table.sheet, table.block, table.panel)
        put.setdefault((*where, question.key, question.about), []).append((table, question))
    asked = [
        Asked(found[0][1], found[0][0].form, found[0][1].scope, tuple(t for t, _ in found))
        for found in put.values()
    ]
    return _of_equal_files(asked)


def _of_equal_files(asked: list[Asked]) -> list[Asked]:
    """Ask for year and township of equal files once where each is another place's."""
    merged: dict[tuple[str, str, tuple[str, ...]], Asked] = {}
    rest = []
    for one in asked:
        if one.question.key not in {"year", "township"}:
            rest.append(one)
            continue
        key = one.form, one.question.key, one.question.about
        before = merged.get(key)
        both = (*(before.tables if before else ()), *one.tables)
        places = [_place(table) for table in both]
        if before and ("" in places or len(set(places)) < len({t.file for t in both})):
            rest.append(one)
            continue
        merged[key] = replace(one, tables=both, scope="form" if before else "copy")
    return [*rest, *merged.values()]


def _place(table: Table) -> str:
    said = {fact.label: fact.value for fact in table.facts}
    return said.get("village") or said.get("township") or ""


def _zeros(table: Table) -> Iterator[Question]:
    """Ask once about all lines that say zero in every account of a year."""
    if table.find("item") is not None:
        return
    years: dict[int | None, list[int]] = {}
    for at, column in enumerate(table.columns):
        if may_count(table, at) and not column.is_total:
            years.setdefault(column.year, []).append(at)
    lines = [
        (row, columns[0])
        for row, texts in enumerate(table.grid.texts)
        if row not in table.dropped
        for columns in years.values()
        if sum(bool(_ZERO.fullmatch(texts[at])) for at in columns) >= MIN_ACCOUNTS
        and all(_ZERO.fullmatch(texts[at]) or not texts[at] for at in columns)
    ]
    if lines:
        said = f"{len(lines)} lines say zero in every account"
        cell = table.address(*lines[0])
        choices = (NOTHING_BOOKED, NOT_FILLED_IN)
        yield Question("zeros", (), cell, choices=choices, subject=said)


def _put(table: Table, doubt: Doubt) -> Iterator[Question]:
    if doubt.code in {"unit", "year"}:
        yield from _of_columns(table, doubt)
    elif doubt.code in {"unit_in_format", "merged_value"}:
        yield from _of_cells(table, doubt)
    elif doubt.code == "blank_place":
        at = column_at(table, doubt.cell)
        name = table.columns[at].name if at is not None else ""
        evidence = safe(doubt.evidence, SENTENCE)
        yield Question("blank", (name,), doubt.cell, (), doubt.choices, evidence)
    elif doubt.code == "hidden":
        yield Question("hidden", (), doubt.cell, (), doubt.choices, subject=doubt.evidence)
    elif doubt.code == "period":
        said = safe(doubt.evidence)
        subject = said or "nothing says which months they are of"
        yield Question("period", (), doubt.cell, (), PERIODS, said, "", subject)
    else:
        choices = tuple(c for c in doubt.choices if safe(c) == c and not c.endswith(": "))
        # the evidence may print what stands in a row, and a row may hold names
        prints = doubt.code in {"header_rows", "village"}
        evidence = "" if prints else safe(doubt.evidence, SENTENCE)
        yield Question(doubt.code, doubt.about, doubt.cell, (), choices, evidence)


def _of_cells(table: Table, doubt: Doubt) -> Iterator[Question]:
    """Yield a question about the columns of some cells."""
    if doubt.code == "unit_in_format":
        cells, evidence = [doubt.cell], safe(doubt.evidence)
        choices: tuple[str, ...] = ("元", "万元")
    else:
        cells = [part.split(":")[0].split(" ")[0] for part in doubt.evidence.split("; ")]
        choices, evidence = doubt.choices, ""
    found = dict.fromkeys(column_at(table, cell) for cell in cells)
    columns = tuple(at for at in found if at is not None and may_count(table, at))
    if columns and table.grid.height:
        key = "unit" if doubt.code == "unit_in_format" else "merged_value"
        about = tuple(table.columns[at].name for at in columns)
        # none of their amounts can be read, and not only the one that was met first
        first = table.address(0, columns[0])
        cell = f"{first}:{table.address(table.grid.height - 1, columns[-1])}"
        yield Question(key, about, cell, columns, choices, evidence, doubt.proposal)


def _of_columns(table: Table, doubt: Doubt) -> Iterator[Question]:
    asked = tuple(
        at
        for at, column in enumerate(table.columns)
        if getattr(column, doubt.code) is None and may_count(table, at)
    )
    if not asked:
        return
    names = [safe(table.columns[at].name) for at in asked]
    more = f" and {len(asked) - _SHOWN} more" if len(asked) > _SHOWN else ""
    rest = any(
        may_count(table, at) and getattr(column, doubt.code) is not None
        for at, column in enumerate(table.columns)
    )
    about = tuple(table.columns[at].name for at in asked) if rest else ()
    evidence = safe(doubt.evidence, SENTENCE) if doubt.evidence else magnitude(table, asked)
    subject = ", ".join(names[:_SHOWN]) + more
    if doubt.code == "year" and any(table.columns[at].basis.startswith("before") for at in asked):
        subject = f"the table itself (amounts of the year before go to that year): {subject}"
    yield Question(doubt.code, about, doubt.cell, asked, doubt.choices, evidence, subject=subject)


def magnitude(table: Table, columns: Sequence[int]) -> str:
    """Say how large the numbers are, without those that the reader may have seen elsewhere."""
    texts = list(_numbers(table, columns))
    if not texts:
        return "no number among them"
    held = [abs(float(text)) for text in texts]
    decimals = sum("." in text for text in texts)
    return (
        f"median {median(held):,.6g}, largest {max(held):,.6g}, {decimals} of {len(held)} with "
        "decimals"
    )


def middle_of(table: Table, about: Sequence[str]) -> float:
    """Return the middle amount of some heads, or of all that may count; 0 where there is none."""
    columns = [
        at
        for at, column in enumerate(table.columns)
        if ({column.name, column.label} & set(about) if about else may_count(table, at))
    ]
    held = [size for text in _numbers(table, columns) if (size := abs(float(text)))]
    return median(held) if held else 0.0


def _numbers(table: Table, columns: Sequence[int]) -> Iterator[str]:
    for at in columns:
        for text in map(plain, table.texts(at)):
            if _PLAIN.fullmatch(text):
                yield text.replace(",", "")


def has_numbers(table: Table, column: int) -> bool:
    """Tell whether any cell of a column starts like a quantity."""
    return any(is_number_like(text) for text in table.texts(column) if text)


def column_at(table: Table, cell: str) -> int | None:
    """Return the column of the table in which an address of the sheet lies."""
    letters = cell.rstrip("0123456789")
    number = cell[len(letters) :]
    place = int(number or 0) if table.grid.turned else column_number(letters)
    return table.grid.places.index(place) if place in table.grid.places else None
