"""What a table leaves open, put as questions with what speaks for each answer."""

from collections.abc import Collection, Iterator
from statistics import median

from analysis.clean.account_names import NOT_INCOME, read_account
from analysis.clean.workbook.cells import Sheet, address, letters
from analysis.clean.workbook.find import Block
from analysis.clean.workbook.formats import shown, stored_in
from analysis.clean.workbook.headers import ASIDE, Column
from analysis.clean.workbook.marks import is_number_like, item_label, lift_unit, lift_year, plain
from analysis.clean.workbook.tables import HIDDEN, PERIODS, Doubt, Table
from analysis.clean.workbook.vocabulary import role_of

NO_HEAD = "none"
"""The answer that no row is the head: then each column is asked about."""

_SHOWN = 10
_SAMPLE = 2_000


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
        *_formulas(table),
    ]


def _header(table: Table, block: Block) -> Iterator[Doubt]:
    if not block.header and table.find("item") is None:
        yield Doubt(
            "header_row",
            table.extent,
            "Which row of the sheet is the head of the table?",
            (NO_HEAD,),
            "no row looks like one; columns are named by their position",
        )
    if block.doubtful:
        row = block.doubtful[0]
        shown = " | ".join(text for _, text in block.grid.distinct(row)[:_SHOWN])
        yield Doubt(
            "header_rows",
            block.grid.address(row, 0),
            "Is this row part of the header or the first row of the body?",
            ("body", "header"),
            f"it holds no numbers: {shown}; read as body",
        )


def _villages(table: Table, asked: Collection[str]) -> Iterator[Doubt]:
    stated = [f"{f.label}: {f.value}" for f in table.facts if f.value]
    has = {fact.label for fact in table.facts if fact.value} | set(table.row_facts)
    columns = [column.name for column in table.columns if column.role == "village"]
    if len(columns) > 1:
        yield Doubt(
            "village",
            table.header or table.extent,
            "Which column names the village whose amounts these are?",
            tuple(columns),
            f"columns {', '.join(columns)}",
        )
    elif not columns and table.find("code") is None and "village" not in has | set(asked):
        texts = {  # of columns that say the same one is enough
            tuple(table.texts(at)): column.name
            for at, column in enumerate(table.columns)
            if column.role == "text" and role_of(column.name.split(" / ")[-1]) not in ASIDE
        }
        yield Doubt(
            "village",
            table.header or table.extent,
            "Which column, or which statement around the table, names the village?",
            (*texts.values(), *stated),
            f"no header says 村; title {table.title!r}, sheet {table.sheet!r}",
        )
    if table.find("township") is None and table.find("code") is None and "township" not in has:
        yield Doubt(
            "township",
            table.header or table.extent,
            "Which township are the villages in? Names alone are not unique in a county.",
            (),
            f"no column says 乡镇; title {table.title!r}, sheet {table.sheet!r}, "
            f"file {table.file!r}",
        )


def _years(table: Table, asked: Collection[str]) -> Iterator[Doubt]:
    without = [c for c in table.columns if c.role == "value" and c.year is None]
    if not without or table.find("year") is not None or "year" in asked:
        return
    if not _lacks(table, "year"):
        return
    yield Doubt(
        "year",
        table.header or table.extent,
        "Which year do these columns belong to?",
        (),
        f"columns {_names(without)}; title {table.title!r}, sheet {table.sheet!r}, "
        f"file {table.file!r}",
    )


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
        cell = table.header or table.extent
        text = f"{table.period!r} is named: do the amounts cover the whole year?"
        yield Doubt("period", cell, text, PERIODS, table.period)


def _units(table: Table) -> Iterator[Doubt]:
    at = [i for i, c in enumerate(table.columns) if c.role == "value" and not c.unit and c.is_money]
    at = [i for i in at if not all(map(_names_unit, filter(is_number_like, table.texts(i))))]
    if not at or table.find("unit") is not None or not _lacks(table, "unit"):
        return
    numbers = []
    decimals = 0
    for column in at:
        for text in table.texts(column)[:_SAMPLE]:
            try:
                numbers.append(abs(float(plain(text).replace(",", ""))))
            except ValueError:
                continue
            decimals += "." in text
    evidence = "no number among them"
    if held := [number for number in numbers if number]:
        evidence = (
            f"median {median(held):,.6g}, largest {max(held):,.6g}, {decimals} of {len(numbers)} "
            "with decimals"
        )
    yield Doubt(
        "unit",
        table.header or table.extent,
        f"In which unit are {_names([table.columns[i] for i in at])}?",
        ("元", "万元"),
        evidence,
    )


def _names_unit(text: str) -> bool:
    return plain(text).endswith(("元", "万", "亿"))


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
            seen = shown(form.code, stored)
            how = f"shown otherwise than stored ({stored:g} as {stored / seen.factor:g}{seen.unit})"
            yield Doubt(
                "unit_in_format",
                address(form.row, form.column),
                f"Numbers in column {letters(form.column)} are {how}: in which unit are they "
                "stored?",
                (),
                f"display format {form.code!r} on {form.cells} cells",
                proposal=found,
            )


def _hidden(table: Table, sheet: Sheet) -> Iterator[Doubt]:
    if table.hidden:
        at = [place for cell in table.hidden if (place := table.grid.find(cell))]
        rows, columns = zip(*at, strict=True)
        first, last = table.address(min(rows), min(columns)), table.address(max(rows), max(columns))
        where = "the sheet is" if sheet.state != "visible" else "their rows or columns are"
        yield Doubt(
            "hidden",
            first if first == last else f"{first}:{last}",
            f"{len(at)} amounts cannot be seen, because {where} hidden: do they count?",
            HIDDEN,
            f"{len(at)} amounts, {where} hidden",
        )


def _formulas(table: Table) -> Iterator[Doubt]:
    cells = [
        table.address(row, column)
        for row, kinds in enumerate(table.grid.kinds)
        if "f" in kinds
        for column, kind in enumerate(kinds)
        if kind == "f"
    ]
    if cells:
        yield Doubt(
            "formula",
            cells[0],
            f"{len(cells)} cells hold a formula whose result is not stored: what do they show?",
            (),
            "open the file in a spreadsheet program and save it, then give it again; cells "
            + ", ".join(cells[:_SHOWN])
            + (", …" if len(cells) > _SHOWN else ""),
        )


def _names(columns: list[Column]) -> str:
    names = [column.name for column in columns]
    return ", ".join(names[:_SHOWN]) + (
        f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else ""
    )
