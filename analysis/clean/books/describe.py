"""What was understood of the books, and what is asked, as text for ``dataset.toml``."""

from collections.abc import Iterator

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.books.answers import Answers, put_in
from analysis.clean.books.cells import unknown_heads
from analysis.clean.books.collect import Shelf
from analysis.clean.books.private import SENTENCE, column_letter, in_sheet, safe
from analysis.clean.books.questions import Question, label, meaning, questions
from analysis.clean.workbook.tables import Table
from analysis.fields import ACCOUNTS

_PLACES = ("county", "township", "village", "code", "year", "item")
_SHOWN = 8

HEAD = """\
# Below stands every table that was found, how it was understood (comments, for you to check), and
# every question that the books leave open: fill in the line, or leave "" to leave the cells out.
# Villages that are not in the register are asked after the build, in crosswalk-to-fill.csv."""


def describe(shelf: Shelf) -> tuple[list[str], int]:
    """Return the lines of ``dataset.toml`` about tables and accounts, and the number of questions.

    Parameters
    ----------
    shelf : Shelf
        What was collected.
    """
    lines = [HEAD]
    asked = 0
    unknown: dict[str, list[str]] = {}
    for table in shelf.tables:
        ready = put_in(table, Answers())
        for item, cell in unknown_heads(ready):
            unknown.setdefault(item, []).append(f"{table.file} {cell}")
        own = [] if table.period else questions(table)
        asked += len(own)
        lines += ["", *_table(table, own)]
    if unknown:
        lines += ["", '# Heads of money that are not known. Give each its account, or "none":',
                  f"# {', '.join(ACCOUNTS)}.", "[accounts]"]  # fmt: skip
        for item, cells in unknown.items():
            more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
            lines.append(f'{quoted(item)} = ""  # {comment(cells[0])}{more}')
    return lines, asked + len(unknown)


def _table(table: Table, asked: list[Question]) -> Iterator[str]:
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
        yield from _question(table, question)


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


def _question(table: Table, question: Question) -> Iterator[str]:
    yield f"# QUESTION at {comment(in_sheet(table, question.cell))}: {comment(question.text)}"
    parts = []
    if question.choices:
        shown = " or ".join(comment(choice) for choice in question.choices[:_SHOWN])
        parts.append(f"{shown}?")
    if question.evidence:
        parts.append(comment(question.evidence))
    tail = f"  # {' '.join(parts)}" if parts else ""
    yield f'{question.key} = ""{tail}'


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
