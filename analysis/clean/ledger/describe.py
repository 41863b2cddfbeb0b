"""What was understood of the books, and what is asked, as text for ``answers.toml``."""

import tomllib
from collections.abc import Iterator, Mapping

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.decisions import sections
from analysis.clean.ledger.answers import Answers, put_in
from analysis.clean.ledger.cells import unknown_heads
from analysis.clean.ledger.collect import Shelf
from analysis.clean.ledger.private import SENTENCE, column_letter, in_sheet, safe
from analysis.clean.ledger.questions import Question, label, meaning, questions
from analysis.clean.workbook.tables import Table
from analysis.fields import ACCOUNTS

_PLACES = ("county", "township", "village", "code", "year", "item")
_SHOWN = 8

HEAD = """\
# Below stands every table that was found, how it was understood (comments, for you to check), and
# every question that the books leave open: fill in the line, or leave "" to leave the cells out.
# Villages that are not in the register are asked after the build, in crosswalk-to-fill.csv."""


def describe(shelf: Shelf, text: str = "", edition_of: str = "") -> tuple[str, int]:
    """Return ``answers.toml`` with what is new in it, and the number of new questions.

    Parameters
    ----------
    shelf : Shelf
        What was collected.
    text : str
        The file as it stands: what it says of other tables and of accounts stays.
    edition_of : str
        A book of which a new edition was collected: its answers go over to the new tables.
    """
    before = tomllib.loads(text)
    former = [entry for entry in before.get("table", []) if entry["file"] == edition_of]
    parts = [part for part in sections(text or f"{HEAD}\n") if _file(part) != edition_of]
    said = {_identity(entry) for entry in before.get("table", []) if entry not in former}
    asked = 0
    lines: list[str] = []
    unknown: dict[str, list[str]] = {}
    for table in shelf.tables:
        ready = put_in(table, Answers())
        for item, cell in unknown_heads(ready):
            unknown.setdefault(item, []).append(f"{table.file} {cell}")
        if (table.file, table.sheet, table.extent) in said:
            continue
        own = [] if table.period else questions(table)
        given = _former(table, former)
        asked += sum(not given.get(question.key) for question in own)
        lines += ["", *_table(table, own, given)]
    for entry in former:  # what no table of the new edition has: the build says so
        lines += ["", "[[table]]", *(f"{key} = {quoted(str(v))}" for key, v in entry.items())]
    heads = [
        f'{quoted(item)} = ""  # {comment(cells[0])}'
        + (f" and {len(cells) - 1} more" if len(cells) > 1 else "")
        for item, cells in unknown.items()
        if item not in before.get("accounts", {})
    ]
    out = [_with_heads(part, heads) if name == "accounts" else part for name, part in parts]
    if heads and "accounts" not in before:
        lines += ["", '# Heads of money that are not known. Give each its account, or "none":',
                  f"# {', '.join(ACCOUNTS)}.", "[accounts]", *heads]  # fmt: skip
    return "".join([*out, *(f"{line}\n" for line in lines)]), asked + len(heads)


def _with_heads(part: str, heads: list[str]) -> str:
    return "".join([part.rstrip("\n") + "\n", *(f"{head}\n" for head in heads)])


def _identity(entry: Mapping[str, str]) -> tuple[str, str, str]:
    return entry.get("file", ""), entry.get("sheet", ""), entry.get("range", "")


def _file(part: tuple[str, str]) -> str | None:
    name, text = part
    return str(tomllib.loads(text)["table"][0].get("file")) if name == "table" else None


def _former(table: Table, former: list[dict[str, str]]) -> dict[str, str]:
    """Take out the answers of a former edition of a table: of its place, else of its sheet."""
    wanted = {"sheet": table.sheet, "range": table.extent}
    for keys in (("sheet", "range"), ("sheet",), ()):
        hits = [e for e in former if all(e.get(key) == wanted[key] for key in keys)]
        if hits and (keys or len(former) == 1):
            former.remove(hits[0])
            return {key: str(v) for key, v in hits[0].items() if key not in {"file", *wanted}}
    return {}


def _table(table: Table, asked: list[Question], given: Mapping[str, str]) -> Iterator[str]:
    yield "[[table]]"
    yield f"file = {quoted(table.file)}"
    yield f"sheet = {quoted(table.sheet)}"
    yield f"range = {quoted(table.extent)}"
    if table.period:
        yield f"# about {comment(table.period)}, a part of a year: left out"
    if table.title:
        yield f"# title: {comment(table.title)}"
    rows = table.grid.height - len(table.dropped)
    way = "accounts down, villages across" if table.orientation == "accounts_down" else "rows"
    yield f"# {rows} lines ({way}), {len(table.dropped)} sums to check"
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
    for question in asked:
        yield from _question(table, question, given.get(question.key, ""))
    keys = {question.key for question in asked}
    yield from (f"{key} = {quoted(answer)}" for key, answer in given.items() if key not in keys)


def _columns(table: Table) -> Iterator[str]:
    """Yield one comment a head; the same head over several years stands once."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for at, column in enumerate(table.columns):
        if column.role != "value":
            continue
        unit = f"{column.unit} (from {column.unit_from})" if column.unit else "unit?"
        item = label(table, at)
        found = meaning(item, column.year, is_part=column.is_part)
        says = found.account if found.code == "account" else None
        if says is None:
            says = f"checked: {found.note}" if found.code == "total" else (
                "account?" if found.code == "unknown" else f"left out: {ACCOUNT_CODES[found.code]}"
            )  # fmt: skip
        groups.setdefault((item, str(says), unit), []).append(at)
    for (item, says, unit), members in groups.items():
        letters = [column_letter(table, at) for at in members]
        where = letters[0] if len(letters) == 1 else f"{letters[0]}…{letters[-1]}"
        years = sorted({y for at in members if (y := table.columns[at].year)})
        when = f", {years[0]}" if len(years) == 1 else f", {years[0]}–{years[-1]}" if years else ""
        yield f"# {where} {comment(item)} → {says}; {unit}{when}"


def _question(table: Table, question: Question, answer: str) -> Iterator[str]:
    yield f"# QUESTION at {comment(in_sheet(table, question.cell))}: {comment(question.text)}"
    parts = []
    if question.choices:
        shown = " or ".join(comment(choice) for choice in question.choices[:_SHOWN])
        parts.append(f"{shown}?")
    if question.evidence:
        parts.append(comment(question.evidence))
    tail = f"  # {' '.join(parts)}" if parts else ""
    yield f"{question.key} = {quoted(answer)}{tail}"


def comment(text: str) -> str:
    """Return a text that stays on its line of a comment."""
    return safe(text, SENTENCE)


def quoted(text: str) -> str:
    r"""Return a TOML string; control characters have no place in it.

    Examples
    --------
    >>> print(quoted('a "b"'))
    "a \"b\""
    """
    clean = "".join(char for char in text if char.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
