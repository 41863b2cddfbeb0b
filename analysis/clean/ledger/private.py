"""Tables without personal data: dropped before anything else looks at them."""

import re
from dataclasses import replace
from typing import Any

from analysis.clean.amounts import WORDS, read_quantity
from analysis.clean.issues import Issue
from analysis.clean.personal import REASONS, find_personal, is_personal_header, shape_of
from analysis.clean.text import normalise
from analysis.clean.words import names, remembered, words
from analysis.clean.workbook.cells import Sheet, letters
from analysis.clean.workbook.tables import Table

HIDDEN = "(not shown)"
"""Stands where a text might be personal."""

_SIGNED = re.compile("人|负责|审核|复核|制表|编制|签|电话|盖章|领导|会计|出纳")
CELL, SENTENCE = 40, 240
"""Characters shown of a cell, and of a sentence around it."""

_MOST_DIGITS = 8  # of a figure that is no amount: a hundred million has nine


def safe(text: str, longest: int = CELL) -> str:
    """Return a text that may be written into a message: short, and never a person's number."""
    if shape_of(text):
        return HIDDEN
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain if len(plain) <= longest else plain[:longest] + "…"


def about(row: Any, code: str, severity: str, action: str) -> Issue:  # noqa: ANN401
    """Return an issue about a cell that is a row of a frame."""
    return Issue(str(row.file), row.cell, safe(str(row.text)), code, severity, action)


@remembered
def _known() -> re.Pattern[str]:
    """Return the words of amounts, accounts and usual remarks, and figures."""
    said = {*words()["remarks"]["known"], *_strings(WORDS)}
    for section in ("accounts", "measures", "totals", "parts"):
        said |= {*names(section), *words()[section]}
    signs = [*"〇零一二两三四五六七八九十百千万亿几数多余半元"]
    long = [word for word in said if len(word) > 1] + [*signs, *words()["remarks"]["known"]]
    listed = "|".join(map(re.escape, sorted(long, key=len, reverse=True)))
    # 138 1234 5678 is one figure, as is 1 2.3: its blanks are shown and its digits counted together
    word, figure = rf"{listed}|[wW](?!\w)", r"\d(?:[\d.,]|[ _-]+(?=\d))*"
    rest = r"[A-Za-z_][A-Za-z0-9_.-]*|\w"
    return re.compile(rf"(?P<word>{word})|(?P<figure>{figure})|(?P<rest>{rest})|.", re.DOTALL)


def _strings(found: object) -> set[str]:
    """Return all words of a tree of TOML."""
    if isinstance(found, dict):
        return set(found).union(*map(_strings, found.values())) if found else set()
    return set(found) if isinstance(found, list) else set()


@remembered
def of_amount(text: str) -> str:
    """Return what a cell of amounts says: of what is no amount only words that all may read."""
    if text.isascii() and not any(map(str.isalnum, text)):
        return safe(text)
    if read_quantity(text).status != "refused" or safe(text) == HIDDEN:
        return safe(text)
    pieces: list[str] = []
    for found in _known().finditer(normalise(text)):
        is_long = bool(found["figure"]) and sum(map(str.isdigit, found[0])) > _MOST_DIGITS
        if found["rest"] or is_long:
            pieces += ["…"] if pieces[-1:] != ["…"] else []
        else:
            pieces.append(found[0])
    return safe("".join(pieces))


def unnamed(sheets: tuple[Sheet, ...]) -> tuple[Sheet, ...]:
    """Return sheets of which none has a name that speaks of a person: such a name is not kept."""
    return tuple(
        sheet if not (reason := shape_of(sheet.name))
        else replace(sheet, name=f"sheet {number}", notes=(
            *sheet.notes, f"the sheet's own name is left out: {REASONS[reason]}"))
        for number, sheet in enumerate(sheets, start=1)
    )  # fmt: skip


def without_personal(table: Table) -> tuple[Table, list[Issue]]:
    """Return the table without personal columns, cells and statements, and what was dropped.

    The columns stay in their places, empty and named by their letter, so that addresses stay right.
    """
    heads = [(column.name, *column.path[-1:]) for column in table.columns]
    found = find_personal(heads, [table.texts(at) for at in range(len(heads))])
    facts = tuple(
        fact if not fact.value else replace(fact, value="")
        if is_personal_header(fact.label) or _SIGNED.search(fact.label) or shape_of(fact.value)
        else fact
        for fact in table.facts
    )  # fmt: skip
    title = HIDDEN if shape_of(table.title) else table.title
    clean = replace(table, facts=facts, title=title)
    if not found:
        return clean, []
    dropped = {item.position for item in found if item.is_column}
    columns = list(table.columns)
    for at in dropped:
        name = f"column {column_letter(table, at)}"
        columns[at] = replace(columns[at], name=name, path=(), role="text", unit=None)
    texts = [line.copy() for line in table.grid.texts]
    for at in {item.position for item in found}:
        for line in texts:
            if at in dropped or shape_of(line[at]):
                line[at] = ""
    issues = []
    for item in {item.position: item for item in reversed(found)}.values():
        done = "column dropped" if item.is_column else "cells removed"
        action = f"{item.cells} cells: {done}; {REASONS[item.reason]}"
        cell = head_cell(table, item.position)
        issues.append(Issue(table.file, cell, HIDDEN, "personal_data", "note", action))
    grid = replace(table.grid, texts=tuple(texts))
    return replace(clean, columns=tuple(columns), grid=grid), issues


def in_sheet(table: Table, cell: str) -> str:
    """Return an address with its sheet: ``Sheet!B7``, or ``B7`` in a text file."""
    return f"{table.sheet}!{cell}" if table.sheet else cell


def column_letter(table: Table, column: int) -> str:
    """Return the letter of a column, or the number of the row where accounts run down."""
    place = table.grid.places[column]
    return str(place) if table.grid.turned else letters(place)


def head_cell(table: Table, column: int) -> str:
    """Return the address of the topmost header cell of a column, with its sheet."""
    place = table.grid.places[column]
    start = re.match(r"([A-Z]+)(\d+)", table.header or table.extent)
    if start is None:
        return in_sheet(table, table.extent)
    cell = f"{start[1]}{place}" if table.grid.turned else f"{letters(place)}{start[2]}"
    return in_sheet(table, cell)
