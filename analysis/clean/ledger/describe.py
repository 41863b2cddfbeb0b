"""What was understood of the books, and what is asked, as text for ``answers.toml``."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from analysis.clean.account_names import BASIS_CODES
from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.ledger.answers import Answers, put_in, read_answers
from analysis.clean.ledger.cells import head_questions
from analysis.clean.ledger.collect import Shelf
from analysis.clean.ledger.private import SENTENCE, column_letter, in_sheet, safe
from analysis.clean.ledger.questions import (
    NONE,
    choices_of,
    group,
    is_of_copy,
    meaning,
    middle_of,
    sentence,
)
from analysis.clean.workbook.tables import Question, Table

_PLACES = ("county", "township", "village", "code", "year", "item", "unit", "period")
_SHOWN = 8
_SEEN = 40

HEAD = """\
# Below stands every form that was found, how it was understood (comments, for you to check), and
# every question that the books leave open: fill in the answer, or leave "" to leave the cells out.
# An answer holds for every table of its form; with file = "…" and sheet = "…" for one copy alone.
# What was understood wrongly can be overruled by an [[answer]] of your own, with form,
# about = ["a head"] and key = header_row, orientation, cut, role, meaning, basis, unit, year,
# period or skip. As a meaning, "part" is a part of an account that stands elsewhere in the table,
# "none" no income or spending, "amount" the amounts of what the line or the title names.
# Villages that are not in the register are asked after the build, in crosswalk-to-fill.csv."""


def asked_of(shelf: Shelf, answers: Answers) -> list[Question]:
    """Return every question that the books leave open, each put once."""
    readies = [put_in(table, answers) for table in shelf.tables]
    put = [(ready.table, question) for ready in readies for question in ready.asked]
    put += [(ready.table, question) for ready in readies for question in head_questions(ready)]
    waiting = ((t, q) for t, q in (*put, *shelf.asked) if not answers.reply(t, q))
    return group((table, answers.scoped(table, question)) for table, question in waiting)


def describe(shelf: Shelf, text: str = "") -> tuple[str, int]:
    """Return ``answers.toml`` with what is new in it, and the number of new questions."""
    before = tomllib.loads(text)
    answers = read_answers(before)
    put = {identity(entry) for entry in before.get("answer", [])}
    known = {str(entry.get("form", "")) for entry in before.get("answer", [])}
    lines: list[str] = []
    asked = [one for one in asked_of(shelf, answers) if identity(entry_of(one)) not in put]
    for form, tables in _forms(shelf).items():
        own = [one for one in asked if one.tables[0].form == form]
        if own or (form not in known and f"form {form}" not in text):
            lines += ["", *_described(form, tables)]
        for one in own:
            lines += ["", *_question(one)]
    start = text or f"{HEAD}\n"
    return "".join([start, *(f"{line}\n" for line in lines)]), len(asked)


def _forms(shelf: Shelf) -> dict[str, list[Table]]:
    forms: dict[str, list[Table]] = {}
    for table in shelf.tables:
        forms.setdefault(table.form, []).append(table)
    return forms


def identity(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells an entry from all others, its heads in a list or in lines."""
    about = entry.get("about") or []
    heads = about.split("\n") if isinstance(about, str) else about
    keys = ("form", "file", "sheet", "block", "panel", "key")
    return (*(str(entry.get(key, "") or "") for key in keys), *map(str, filter(None, heads)))


def entry_of(asked: Question) -> dict[str, Any]:
    """Return what tells a question's entry in ``answers.toml`` from all others."""
    table = asked.tables[0]
    entry: dict[str, Any] = {"form": table.form}
    if is_of_copy(asked):
        entry |= {"file": table.file, "sheet": table.sheet}
        entry |= {"block": table.block} if table.block > 1 else {}
        entry |= {"panel": table.panel} if table.panel else {}
    return {**entry, **({"about": list(asked.about)} if asked.about else {}), "key": asked.key}


def _question(asked: Question) -> Iterator[str]:
    table = asked.tables[0]
    more = f" and {len(asked.tables) - 1} more" if len(asked.tables) > 1 else ""
    likely = asked.proposal if asked.proposal != NONE else ""
    for said in (
        sentence(asked), sentence(asked, "zh"), f"at {table.file} {in_sheet(table, asked.cell)}",
        asked.evidence, likely and f"likely: {likely}",
    ):  # fmt: skip
        if said:
            yield f"# {comment(said)}{more if said.startswith('at ') else ''}"
    yield "[[answer]]"
    for key, value in entry_of(asked).items():
        yield f"{key} = {_value(value)}"
    if not is_of_copy(asked):
        files = list(dict.fromkeys(f"{t.file}!{t.sheet}" for t in asked.tables))
        yield f"seen = {_value(files[:_SEEN])}"
        if asked.key == "unit":  # a copy 30 times away asks again
            yield f"middle = {middle_of(table, asked.about):.6g}"
    shown = " or ".join(map(comment, choices_of(asked)))
    yield f'answer = ""{f"  # {shown}" if shown else ""}'


def _value(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(quoted(str(each)) for each in value) + "]"
    return str(value) if isinstance(value, int) else quoted(str(value))


def _described(form: str, tables: list[Table]) -> Iterator[str]:
    table = tables[0]
    where = f"{table.file} {in_sheet(table, table.extent)}"
    more = f" and {len(tables) - 1} more" if len(tables) > 1 else ""
    yield f"# ---- form {form}: {comment(where)}{more}"
    if table.period:
        yield f"# about {comment(table.period)}" + (
            ", a part of a year: left out" if table.is_part else ""
        )
    if table.plan:
        yield f"# {comment(table.plan)!r} is named: planned or another body's, left out"
    if table.title:
        yield f"# title: {comment(table.title)}"
    rows = table.grid.height - len(table.dropped)
    way = "accounts down" if table.orientation == "accounts_down" else "villages down"
    yield f"# {rows} lines ({way}), {len(table.dropped)} sums to check or parts"
    for fact in table.facts:
        if fact.label in _PLACES and fact.value:
            yield f"# {fact.label} of all lines: {comment(fact.value)} (from {comment(fact.cell)})"
    places = [
        f"{column_letter(table, at)} {column.role}"
        for at, column in enumerate(table.columns)
        if column.role in _PLACES
    ]
    if places:
        yield f"# where and when: {', '.join(places)}"
    yield from _columns(table)


def _columns(table: Table) -> Iterator[str]:
    """Yield one comment a head; the same head over several years stands once."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    by_line = table.find("item") is not None
    for at, column in enumerate(table.columns):
        if column.role != "value":
            continue
        unit = f"{column.unit} (from {column.unit_from})" if column.unit else "unit?"
        found = meaning(column.label, column.year, is_part=column.is_part)
        time = column.basis.partition(" ")[0]
        if time in BASIS_CODES:
            says = ACCOUNT_CODES[BASIS_CODES[time]]
        elif by_line:
            says = "amounts of the lines"
        elif found.code == "account":
            says = str(found.account)
        elif found.code == "total":
            says = f"{found.measure or 'a sum'}: {found.note}"
        elif found.code == "unknown":
            says = "?"
        else:
            says = f"left out: {ACCOUNT_CODES[found.code]}"
        shown = column.name if by_line else column.label or column.name
        groups.setdefault((shown, says, unit), []).append(at)
    for (item, says, unit), members in groups.items():
        letters = [column_letter(table, at) for at in members]
        where = letters[0] if len(letters) == 1 else f"{letters[0]}…{letters[-1]}"
        years = sorted({y for at in members if (y := table.columns[at].year)})
        when = f", {years[0]}" if len(years) == 1 else f", {years[0]}–{years[-1]}" if years else ""
        yield f"# {where} {comment(item)} → {says}; {unit}{when}"


def comment(text: str) -> str:
    """Return a text that stays on its line of a comment."""
    return safe(text, SENTENCE)


def quoted(text: str) -> str:
    """Return a TOML string; control characters have no place in it."""
    clean = "".join(char for char in text if char.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
