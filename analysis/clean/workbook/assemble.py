"""From a block of cells to a table: the steps in order."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from analysis.clean.place_names import county_name, township_name, village_name
from analysis.clean.workbook.cells import Sheet, letters
from analysis.clean.workbook.fill import fill
from analysis.clean.workbook.find import Block
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.headers import (
    PLACES,
    Column,
    accounts_down,
    key_width,
    read_header,
    with_stated_unit,
)
from analysis.clean.workbook.marks import bare_unit, is_numbering, is_part, is_total, is_year, plain
from analysis.clean.workbook.questions import questions
from analysis.clean.workbook.stated import Stated, read_stated
from analysis.clean.workbook.tables import PERIODS, Doubt, Note, Table, Total
from analysis.clean.workbook.vocabulary import is_money

_SHOWN = 10
_HEADING = "一二三四五六七八九十(（"


def assemble(block: Block, sheet: Sheet, file: str) -> Table:
    """Return the table of a block.

    Parameters
    ----------
    block : Block
        Where it stands.
    sheet : Sheet
        The sheet it stands in.
    file : str
        File name.
    """
    stated = read_stated(block.grid, block.titles, block.notes, sheet.name, file)
    rows, sections, heading_notes = _sections(block)
    down = accounts_down(block.grid, block.header, rows) if block.header else False
    doubts: list[Doubt] = [stated.doubt] if stated.doubt else []
    if stated.period and not stated.is_part:
        text = f"{stated.period!r} is named: do the amounts cover the whole year?"
        doubts.append(Doubt("period", block.grid.cut(block.header).extent(), text, PERIODS))
    if down is None:
        doubts.append(
            Doubt(
                "orientation",
                block.grid.cut(block.header).extent(),
                "Do the rows stand for accounts or for villages?",
                ("villages_down", "accounts_down"),
                "labels down the side and across the top both look like accounts or like places; "
                "read as villages_down",
            )
        )
    if down:
        core, header, body, columns, filled = _turned(block, rows)
        sections = ("",) * len(body)
    else:
        core, header, body = block.grid, block.header, rows
        read = read_header(core, header, body)
        columns, filled = read.columns, read.filled
    columns = _complete(columns, stated)
    cells = core.cut(body)
    totals = _totals(cells, columns)
    result = fill(cells, columns, frozenset(total.row for total in totals))
    notes = [*_layout_notes(block, filled), *heading_notes, *result.notes]
    head = block.grid.cut(block.header)
    extent = block.grid.cut([*block.header, *rows])
    notes += _hidden(sheet, extent)
    table = Table(
        file=file,
        sheet=sheet.name,
        header=head.extent(),
        extent=extent.extent(),
        title=stated.title,
        period=stated.period if stated.is_part else "",
        facts=stated.facts,
        columns=columns,
        orientation="accounts_down" if down else "villages_down",
        sections=sections,
        totals=totals,
        notes=tuple(notes),
        doubts=(),
        grid=result.grid,
    )
    doubts += [*result.doubts, *questions(table, block, sheet, asked={d.code for d in doubts})]
    return replace(table, doubts=tuple(doubts))


def _sections(block: Block) -> tuple[tuple[int, ...], tuple[str, ...], list[Note]]:
    """Return the body's rows without headings inside it, and the heading above each."""
    rows, sections, notes = [], [], []
    heading = ""
    for row in block.body:
        cells = block.grid.distinct(row)
        if len(cells) == 1 and block.grid.width > 2 and _is_heading(block.grid, row, cells[0]):  # noqa: PLR2004
            heading = plain(cells[0][1])
            notes.append(
                Note("section", block.grid.address(row, cells[0][0]), f"heading {heading!r}")
            )
        else:
            rows.append(row)
            sections.append(heading)
    return tuple(rows), tuple(sections), notes


def _is_heading(grid: Grid, row: int, cell: tuple[int, str]) -> bool:
    column, text = cell
    span = grid.covered.get((row, column))
    if span is not None and span.top == span.bottom:
        return span.right - span.left + 1 > grid.width / 2
    label = plain(text)
    return span is None and label[0] in _HEADING and not is_money(label) and len(label) > 2  # noqa: PLR2004


def _turned(
    block: Block, rows: tuple[int, ...]
) -> tuple[Grid, tuple[int, ...], tuple[int, ...], tuple[Column, ...], tuple[str, ...]]:
    """Turn a table with accounts down, so that its header becomes labels of rows."""
    width = key_width(block.grid, block.header, rows) or 1
    header_rows = [
        row
        for row in block.header
        if not is_numbering([plain(text) for _, text in block.grid.distinct(row)])
    ]
    core = block.grid.cut([*header_rows, *rows]).turn()
    labels = len(header_rows)
    header = tuple(range(width))
    body = tuple(row for row in range(width, core.height) if not core.is_blank(row))
    read = read_header(core, header, body)
    columns = []
    texts = [[plain(core.filled(row, at)) for row in body] for at in range(labels)]
    for at, role in enumerate(_label_roles(texts)):
        name = role if role != "text" else f"label {at + 1}"
        columns.append(Column(name=name, path=(name,), role=role))
    for at, column in enumerate(read.columns[labels:], start=labels):
        # below its label stand amounts, whatever the label's words remind of
        item = replace(column, role="value" if column.role != "text" else "text")
        columns.append(replace(item, unit=item.unit or _unit_of(core, header, at)))
    return core, header, body, tuple(columns), read.filled


def _unit_of(core: Grid, header: tuple[int, ...], at: int) -> str | None:
    return next((u for row in header if (u := bare_unit(plain(core.texts[row][at])))), None)


def _label_roles(labels: list[list[str]]) -> list[str]:
    """Return what the lines of labels across are: the last places are villages, above them theirs.

    A line is one of townships or counties only when every label of it says so, and a line below
    has a name for each; nothing less will do.
    """
    roles = [_label_role(texts) for texts in labels]
    places = [at for at, role in enumerate(roles) if role == "village"]
    for at, below in pairwise(places):
        named = [n for n, text in enumerate(labels[at]) if text and not is_total(text)]
        kind = next((role for role, of in _COARSER if all(of(labels[at][n]) for n in named)), "")
        if not kind or not all(labels[below][n] for n in named):
            break
        roles[at] = kind
    first = next((at for at in places if roles[at] == "village"), None)
    return ["text" if role == "village" and at != first else role for at, role in enumerate(roles)]


_COARSER = (
    ("township", lambda text: bool(township_name(text).kind) and not village_name(text).kind),
    ("county", lambda text: bool(county_name(text).kind)),
)


def _label_role(texts: list[str]) -> str:
    held = [text for text in texts if text]
    if held and all(map(is_year, held)):
        return "year"
    if held and all(map(bare_unit, held)):
        return "unit"
    if not held or any(map(is_money, held)) or _says_amount(held):
        return "text"
    return "village"


def _says_amount(texts: list[str]) -> bool:
    words = ("金额", "数量", "本年", "上年", "累计", "年初", "年末", "期末", "期初", "本期", "上期",
             "本月", "同期", "预算", "决算", "实际", "备注")  # fmt: skip
    return all(any(word in text for word in words) for text in texts)


def _complete(columns: Sequence[Column], stated: Stated) -> tuple[Column, ...]:
    """Give the columns the unit and year of the whole table where they have none."""
    complete = []
    by_row = {column.role for column in columns}
    for column in columns:
        new = column if "unit" in by_row else with_stated_unit(column, stated.unit)
        if new.role == "value" and new.year is None and stated.year and "year" not in by_row:
            new = replace(new, year=stated.year, year_from=stated.year_from)
        complete.append(new)
    return tuple(complete)


def _totals(grid: Grid, columns: Sequence[Column]) -> tuple[Total, ...]:
    labels = [at for at, column in enumerate(columns) if column.role in {*PLACES, "number", "item"}]
    labels = labels or [at for at, column in enumerate(columns) if column.role == "text"][:2]
    named = [at for at, column in enumerate(columns) if column.role in {"text", "code"}]
    totals = []
    for row, texts in enumerate(grid.texts):
        held = [texts[at] for at in labels if texts[at]] or [texts[at] for at in named if texts[at]]
        for text in held:
            if is_total(text) or is_part(text):
                kind = "part" if is_part(text) else "total"
                totals.append(Total(row, text, kind))
                break
    return tuple(totals)


def _layout_notes(block: Block, filled: Sequence[str]) -> list[Note]:
    notes = []
    if filled:
        shown = ", ".join(filled[:_SHOWN])
        notes.append(
            Note("header_filled", filled[0], f"header cells take the text on their left: {shown}")
        )
    for row in block.repeated:
        cell = block.grid.address(row, block.grid.distinct(row)[0][0])
        notes.append(Note("repeated_header", cell, "a header or numbering row inside the body"))
    return notes


def _hidden(sheet: Sheet, extent: Grid) -> list[Note]:
    rows = sorted(sheet.hidden_rows & set(extent.lines))
    columns = sorted(sheet.hidden_columns & set(extent.places))
    notes = []
    if rows:
        shown = ", ".join(map(str, rows[:_SHOWN])) + (", …" if len(rows) > _SHOWN else "")
        notes.append(Note("hidden", f"{rows[0]}:{rows[-1]}", f"hidden rows, read: {shown}"))
    if columns:
        shown = ", ".join(letters(column) for column in columns[:_SHOWN])
        notes.append(Note("hidden", letters(columns[0]), f"hidden columns, read: {shown}"))
    return notes
