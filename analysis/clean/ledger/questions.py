"""What books leave open: one question for all copies of a form, or one for a single copy."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
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
from analysis.clean.accounts import SPENDING
from analysis.clean.ledger.anomalies import MIN_ACCOUNTS
from analysis.clean.ledger.private import SENTENCE, safe
from analysis.clean.places import SEVERAL
from analysis.clean.words import pattern, words
from analysis.clean.workbook.assemble import AMOUNT
from analysis.clean.workbook.cells import column_number
from analysis.clean.workbook.headers import ASIDE, PLACES
from analysis.clean.workbook.tables import Question, Table
from analysis.clean.workbook.vocabulary import (
    is_number_like,
    is_only_a_sum,
    item_label,
    lift_unit,
    lift_year,
    plain,
    role_of,
    stripped,
)
from analysis.fields import ACCOUNTS

NONE, PART = "none", "part"
"""Answers about a head: it is no income, or a part of an account that stands elsewhere."""

ROLES = ("village", "township", "county", "year", "item", "unit", "period", "number", "text")
"""What a column can be said to hold besides amounts."""

MEANINGS = (*ACCOUNTS, *MEASURES, PART, NONE, AMOUNT)
"""What a head or line can be said to be."""

ASKED = frozenset({"unknown", "code_only"})
"""Codes of heads that a person can give an account."""

YEARLY = frozenset({"全年", "年度", "全年合计", "年合计", "合计", "年报", "1-12月", "年"})
"""What a line's period says where its amounts are of the whole year."""

_MAY_COUNT = {"account", "total", "unknown", "code_only", "wrong_year", "needs_year", "part"}
_PLAIN = re.compile(r"-?\d[\d,]*(?:\.\d+)?", re.ASCII)
_IN_CELL = re.compile(
    r"¥[\d,.]+$|\D{0,4}[\d,.]+(?:[-~—至到][\d,.]+)?[多余几来]?[十百千]?[万亿]?[多余]?(?:元|(?<=[万亿]))"
)
"""An amount that names its unit, whatever is said behind it: 11.2万元(其中光伏3万元), ¥500."""

_ZERO = re.compile(r"0+(?:\.0*)?", re.ASCII)
_SHOWN = 6
_OWED = frozenset({"专项应付款"})


@cache
def told() -> dict[str, dict[str, Any]]:
    """Return how each key is asked, of what its answer holds, and what it can be."""
    text = Path(__file__).with_name("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def is_of_copy(question: Question) -> bool:
    """Tell whether an answer holds for one copy alone, and not for all of its form."""
    return (question.scope or told()[question.key]["scope"]) == "copy"


def blocks_table(question: Question) -> bool:
    """Tell whether nothing of the table can be read without an answer."""
    return bool(told()[question.key].get("blocks")) and not question.columns


def choices_of(question: Question) -> tuple[str, ...]:
    """Return the possible answers; none where any text can be one."""
    return question.choices or tuple(told()[question.key].get("choices", ()))


def sentence(question: Question, language: str = "en") -> str:
    """Return the question as a sentence, "en" or "zh"."""
    about = question.about
    shown = (", " if language == "en" else "、").join(map(safe, about[:_SHOWN]))
    if (more := len(about) - _SHOWN) > 0:
        shown += f" and {more} more" if language == "en" else f"等{len(about)}项"
    subject = question.subject or shown
    return str(told()[question.key][language]).format(about=subject, account=question.proposal)


HELD = frozenset({"balance", "distribution"})
"""Codes of what is no income and is read where it is one of `analysis.fields.BALANCES`."""


def meaning(item: str, year: int | None, *, is_part: bool = False) -> AccountName:
    """Return what a head stands for: `account_names.read_account` without the group above it."""
    parts, group = item.split("/"), ""
    if summed := _summed(parts, year):
        return summed
    while len(parts) > 1 and (
        parts[0] in words()["kinds"]["groups"] or role_of(stripped(parts[0])) in PLACES
    ):
        group = parts.pop(0)  # 收入, or 强村 over what is that village's
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
    if found.code == "household_income" and any(
        read_account(stripped(banner), year).measure for banner in (group, *parts[:-1])
    ):
        # 土地流转收入 under 经营性收入 is the collective's by its banner: a person says what it is
        found = AccountName(None, "unknown", CODES["unknown"])
    if found.account and any(_denies(banner, found.account) for banner in item.split("/")[:-1]):
        return AccountName(None, "unknown", CODES["unknown"])
    if found.code == "unknown" and role_of(stripped(parts[-1])):
        return AccountName(None, "attribute", CODES["attribute"])  # 行政村 on a card
    if is_part and found.code == "unknown":
        return AccountName(found.account, "part", "part of what stands before it")
    return found


def _denies(banner: str, account: str) -> bool:
    """Tell whether a banner is of the other side than an account: 支出, 负债 over 经营收入."""
    label = stripped(banner)
    sides = {side for side in words()["banners"] if pattern("banners", side).fullmatch(label)}
    own = "spending" if account in SPENDING else "balance" if account in _OWED else "income"
    return not sides <= {own}


def _summed(parts: Sequence[str], year: int | None) -> AccountName | None:
    """Return what a sum under a banner is: 总计 under 收入 is 收入合计, 计 under 其他 that."""
    if len(parts) < 2 or not is_only_a_sum(parts[-1]):  # noqa: PLR2004
        return None
    found = (meaning(whole, year) for whole in (f"{parts[-2]}合计", "/".join(parts[:-1])))
    return next((one for one in found if one.code in {"account", "total"}), None)


def may_count(table: Table, column: int) -> bool:
    """Tell whether a column may hold amounts of accounts, as far as its head says."""
    kind = table.columns[column]
    if kind.role != "value" or not kind.is_money:
        return False
    time = kind.basis.partition(" ")[0]
    if time in {"span", "rate", "plan", "opening", "month", "quarter"}:
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
        choices = tuple(told()["basis"]["choices"][:2])
        return [Question("basis", _head(table), choices, "", "plan", subject=subject)]
    if not any(may_count(table, at) for at in range(len(table.columns))):
        return []
    if table.is_part and table.period:
        return []
    return [
        *(q for doubt in table.doubts for q in _weighed(table, doubt)),
        *_of_places(table),
        *_of_year(table),
        *_of_period(table),
        *_of_unit(table),
        *_zeros(table),
    ]


def _head(table: Table) -> str:
    return table.header or table.extent


def _weighed(table: Table, doubt: Question) -> Iterator[Question]:
    """Yield a doubt of the reading where it matters, with nothing that may be personal."""
    evidence = safe(doubt.evidence, SENTENCE)
    if doubt.key == "blank":
        about = tuple(table.columns[at].name for at in doubt.columns)
        yield replace(doubt, about=about, columns=(), evidence=evidence)
    elif doubt.key in {"unit", "merged_value"}:
        columns = tuple(at for at in doubt.columns if may_count(table, at))
        if columns and table.grid.height:
            about = tuple(table.columns[at].name for at in columns)
            # none of their amounts can be read, and not only the one that was met first
            last = table.address(table.grid.height - 1, columns[-1])
            cell = f"{table.address(0, columns[0])}:{last}"
            yield replace(doubt, cell=cell, columns=columns, about=about, evidence=evidence)
    elif doubt.key == "year":
        yield from _of_columns(table, "year", doubt.choices, evidence)
    else:
        choices = tuple(c for c in doubt.choices if safe(c) == c)
        yield replace(doubt, choices=choices, evidence=evidence)


def _of_places(table: Table) -> Iterator[Question]:
    """Ask for village, township and county where neither lines nor statements say them."""
    said = {fact.label for fact in table.facts if fact.value}
    said |= {name for name, lines in table.row_facts.items() if name != "county" or all(lines)}
    columns = tuple(column.name for column in table.columns if column.role == "village")
    has_code = table.find("code") is not None
    is_asked = "village" in {doubt.key for doubt in table.doubts}
    if len(columns) > 1:
        yield Question("village", _head(table), _shown(columns))
    elif not (columns or has_code or is_asked or "village" in said):
        texts = {  # of columns that say the same one is enough
            tuple(table.texts(at)): column.name
            for at, column in enumerate(table.columns)
            if column.role == "text" and role_of(column.name.split(" / ")[-1]) not in ASIDE
        }
        stated = (f"{fact.label}: {fact.value}" for fact in table.facts if fact.value)
        yield Question("village", _head(table), _shown((*texts.values(), *stated)))
    if has_code:
        return
    if table.find("township") is None and "township" not in said:
        yield Question("township", _head(table), (SEVERAL,) if columns else (), _around(table))
    elif table.find("county") is None and "county" not in said:  # most townships tell it
        yield Question("county", _head(table), evidence=_around(table))


def _shown(choices: Sequence[str]) -> tuple[str, ...]:
    return tuple(choice for choice in choices if safe(choice) == choice)


def _around(table: Table) -> str:
    return safe(f"title {table.title!r}, sheet {table.sheet!r}, file {table.file!r}", SENTENCE)


def _of_year(table: Table) -> Iterator[Question]:
    is_asked = "year" in {doubt.key for doubt in table.doubts}
    if table.find("year") is None and not is_asked and _lacks(table, "year"):
        yield from _of_columns(table, "year", (), _around(table))


def _lacks(table: Table, role: str) -> bool:
    """Tell whether a line that may hold income or spending does not say its year or unit."""
    said, at = table.row_facts.get(role), table.find("item")
    if said is None or at is None:
        return not said or not all(said)
    labels = (
        item_label(lift_year(lift_unit(plain(text))[1])[1])
        for text, own in zip(table.texts(at), said, strict=True)
        if text and not own
    )
    return any(read_account(t).code not in NOT_INCOME and not role_of(t) for t in labels)


def _of_period(table: Table) -> Iterator[Question]:
    """Ask whether amounts are of the whole year, where nothing settles it."""
    times = {column.basis.partition(" ")[0] for column in table.columns if column.role == "value"}
    if (at := table.find("period")) is not None and not YEARLY.isdisjoint(table.texts(at)):
        return  # the lines say it
    doubtful = bool(table.period) and not table.is_part and not times & {"running", "month"}
    unsaid = "running" in times and not table.period and not table.is_whole and not times & {
        "", "year", "actual", "whole",
    }  # fmt: skip
    if doubtful or unsaid:
        said = safe(table.period)
        subject = said or "nothing says which months they are of"
        yield Question("period", _head(table), evidence=said, subject=subject)


def _of_unit(table: Table) -> Iterator[Question]:
    is_open = any(
        not all(_IN_CELL.match(plain(t)) for t in table.texts(at) if is_number_like(t))
        for at, column in enumerate(table.columns)
        if column.role == "value" and not column.unit and column.is_money
    )
    if is_open and table.find("unit") is None and _lacks(table, "unit"):
        yield from _of_columns(table, "unit", (), "")


def _of_columns(
    table: Table, key: str, choices: tuple[str, ...], evidence: str
) -> Iterator[Question]:
    """Ask for the unit or year of those columns of amounts that have none."""
    counting = [at for at in range(len(table.columns)) if may_count(table, at)]
    asked = tuple(at for at in counting if getattr(table.columns[at], key) is None)
    if not asked:
        return
    names = tuple(table.columns[at].name for at in asked)
    more = f" and {len(asked) - _SHOWN} more" if len(asked) > _SHOWN else ""
    subject = ", ".join(map(safe, names[:_SHOWN])) + more
    if key == "year" and any(table.columns[at].basis.startswith("before") for at in asked):
        subject = f"the table itself (amounts of the year before go to that year): {subject}"
    evidence = evidence or magnitude(table, asked)
    about = names if len(asked) < len(counting) else ()
    yield Question(key, _head(table), choices, evidence, "", asked, about, subject)


def group(put: Iterable[tuple[Table, Question]]) -> list[Question]:
    """Return the questions of all tables, each put once."""
    alike: dict[tuple[Any, ...], list[tuple[Table, Question]]] = {}
    for table, question in put:
        copy = (table.file, table.sheet, table.block, table.panel) if is_of_copy(question) else ()
        key = table.form, copy, question.key, question.about
        alike.setdefault(key, []).append((table, question))
    asked = [replace(found[0][1], tables=tuple(t for t, _ in found)) for found in alike.values()]
    return _of_equal_files(asked)


def _of_equal_files(asked: list[Question]) -> list[Question]:
    """Ask for year and township of equal files once where each is another place's."""
    merged: dict[tuple[str, str, tuple[str, ...]], Question] = {}
    rest = []
    for one in asked:
        if one.key not in {"year", "township"}:
            rest.append(one)
            continue
        key = one.tables[0].form, one.key, one.about
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
        yield Question("zeros", cell, subject=said)


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
