"""What a table leaves open, put as questions with what speaks for each answer."""

from collections.abc import Collection, Iterator

from analysis.clean.account_names import NOT_INCOME, read_account
from analysis.clean.places import SEVERAL
from analysis.clean.workbook.cells import Sheet, address
from analysis.clean.workbook.find import Block
from analysis.clean.workbook.formats import stored_in
from analysis.clean.workbook.headers import ASIDE
from analysis.clean.workbook.tables import HIDDEN, PERIODS, Doubt, Table
from analysis.clean.workbook.vocabulary import (
    is_number_like,
    item_label,
    lift_unit,
    lift_year,
    plain,
    role_of,
)

_SHOWN = 10


def questions(
    table: Table, block: Block, sheet: Sheet, *, asked: Collection[str] = ()
) -> list[Doubt]:
    """Return the questions of an assembled table."""
    return [
        *_header(table, block),
        *_villages(table, asked),
        *_years(table, asked),
        *_periods(table),
        *_units(table),
        *_formats(table, sheet),
        *_hidden(table, sheet),
    ]


def _header(table: Table, block: Block) -> Iterator[Doubt]:
    if not block.header and table.find("item") is None:
        evidence = "no row looks like one; columns are named by their position"
        yield Doubt("header_row", table.extent, ("none",), evidence)
    if block.doubtful:
        row = block.doubtful[0]
        shown = " | ".join(text for _, text in block.grid.distinct(row)[:_SHOWN])
        evidence = f"it holds no numbers: {shown}; read as body"
        yield Doubt("header_rows", block.grid.address(row, 0), ("body", "header"), evidence)


def _villages(table: Table, asked: Collection[str]) -> Iterator[Doubt]:
    has = {fact.label for fact in table.facts if fact.value} | set(table.row_facts)
    columns = tuple(column.name for column in table.columns if column.role == "village")
    cell, has_code = table.header or table.extent, table.find("code") is not None
    if len(columns) > 1:
        yield Doubt("village", cell, columns, f"columns {', '.join(columns)}")
    elif not columns and not has_code and "village" not in has | set(asked):
        texts = {  # of columns that say the same one is enough
            tuple(table.texts(at)): column.name
            for at, column in enumerate(table.columns)
            if column.role == "text" and role_of(column.name.split(" / ")[-1]) not in ASIDE
        }
        stated = (f"{fact.label}: {fact.value}" for fact in table.facts if fact.value)
        evidence = f"no header says 村; title {table.title!r}, sheet {table.sheet!r}"
        yield Doubt("village", cell, (*texts.values(), *stated), evidence)
    if table.find("township") is None and not has_code and "township" not in has:
        evidence = f"no column says 乡镇; {_around(table)}"
        yield Doubt("township", cell, (SEVERAL,) if columns else (), evidence)


def _around(table: Table) -> str:
    return f"title {table.title!r}, sheet {table.sheet!r}, file {table.file!r}"


def _years(table: Table, asked: Collection[str]) -> Iterator[Doubt]:
    is_open = any(c.role == "value" and c.year is None for c in table.columns)
    if is_open and table.find("year") is None and "year" not in asked and _lacks(table, "year"):
        yield Doubt("year", table.header or table.extent, (), _around(table))


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


def _periods(table: Table) -> Iterator[Doubt]:
    """Ask whether amounts are of the whole year, where nothing settles it."""
    times = {column.basis.partition(" ")[0] for column in table.columns if column.role == "value"}
    in_part = times & {"running", "month"}
    doubtful = bool(table.period) and not table.is_part and not in_part
    unsaid = "running" in times and not table.period and not table.is_whole and not times & {
        "", "year", "actual", "whole",
    }  # fmt: skip
    if doubtful or unsaid:
        yield Doubt("period", table.header or table.extent, PERIODS, table.period)


def _units(table: Table) -> Iterator[Doubt]:
    is_open = any(
        not all(plain(t).endswith(("元", "万", "亿")) for t in table.texts(at) if is_number_like(t))
        for at, column in enumerate(table.columns)
        if column.role == "value" and not column.unit and column.is_money
    )
    if is_open and table.find("unit") is None and _lacks(table, "unit"):
        yield Doubt("unit", table.header or table.extent, ("元", "万元"))


def _formats(table: Table, sheet: Sheet) -> Iterator[Doubt]:
    lines = (table.grid.places, table.grid.lines) if table.grid.turned else (
        table.grid.lines, table.grid.places
    )  # fmt: skip
    if not lines[0]:
        return
    for form in sheet.formats:
        if form.column in lines[1] and lines[0][0] <= form.row <= lines[0][-1]:
            stored = float(plain(sheet.text(form.row, form.column)) or 0)
            at = table.grid.places.index(form.row if table.grid.turned else form.column)
            unit = table.columns[at].unit or ""
            found = stored_in(form.code, stored, unit)
            if found and found == unit:
                continue
            evidence = f"display format {form.code!r} on {form.cells} cells"
            cell = address(form.row, form.column)
            yield Doubt("unit_in_format", cell, (), evidence, proposal=found)


def _hidden(table: Table, sheet: Sheet) -> Iterator[Doubt]:
    if table.hidden:
        at = [place for cell in table.hidden if (place := table.grid.find(cell))]
        rows, columns = zip(*at, strict=True)
        first, last = table.address(min(rows), min(columns)), table.address(max(rows), max(columns))
        where = "the sheet is" if sheet.state != "visible" else "their rows or columns are"
        cell, evidence = f"{first}:{last}", f"{len(at)} amounts, {where} hidden"
        yield Doubt("hidden", first if first == last else cell, HIDDEN, evidence)
