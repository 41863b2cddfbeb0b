"""From a block of cells to its tables: read as printed and turned, and cut into panels."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analysis.clean.account_names import item_in, read_account
from analysis.clean.places import county_name, village_name, without_body
from analysis.clean.text import squeeze
from analysis.clean.words import pattern
from analysis.clean.workbook.cells import Mark, Sheet, address, letters
from analysis.clean.workbook.fill import fill
from analysis.clean.workbook.find import Block
from analysis.clean.workbook.formats import stored_in
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.headers import (
    ASIDE,
    PLACES,
    Column,
    is_known_item,
    key_width,
    panels,
    places_named,
    read_header,
    with_stated_unit,
)
from analysis.clean.workbook.stated import Stated, facts_of_card, places_in, read_stated
from analysis.clean.workbook.tables import Note, Question, Table, Total
from analysis.clean.workbook.vocabulary import (
    OF_THE_YEAR,
    SIGN,
    YEAR,
    bare_unit,
    basis_of,
    footnote,
    is_money,
    is_number_like,
    is_numbering,
    is_only_a_sum,
    is_part,
    is_place,
    is_total,
    is_township,
    is_word,
    is_year,
    item_kind,
    item_label,
    lift_unit,
    lift_year,
    plain,
    role_of,
    stripped,
)

PRINTED, TURNED = "villages_down", "accounts_down"

AMOUNT, VALUE = "amount", "value"
"""What a column can be said to hold: amounts of what its line or title names, or of its head."""

_TELL_APART = frozenset({*PLACES, "code", "item", "year", "period", "basis"})
_SHOWN = 10
_HEADING = "一二三四五六七八九十(（"
_TRIED = 60  # rows on which both orientations are tried
_NEAR = 0.8  # a second reading as good as this is asked about
_NUMBERED = re.compile(r"(?:其中[::]?)?\(?(\d{1,2})[、.)]")
_ANY_NUMBER = (("数量",), ("数",), ("数值",), ("数据",))
_BETWEEN = re.compile(r"(?<=[镇乡道县区])[-—_/、·:\s]+")  # 甲镇-乙村, 甲镇/乙村
_DECEMBER = re.compile(r"(?:^|[-./年])12[-./月]")  # 12月31日, 2022-12-31
_MONTH_ENDS = re.compile(
    rf"{YEAR}[-./年]0?([1-9]|1[0-2])(?:月?([-./]?(?:2[89]|3[01])日?)(?: 00:00:00)?|月)?"
)
"""2023.12, 2023-12-31, 2023年6月30日: year, month, day where one is said."""
_BY_MONTH = re.compile("[按分每逐]?月(?:报|度|份)|[按分每逐]月|[按分每逐]季|季(?:报|度)")

_ORGANISATION = re.compile("(?:编制|填报|填制|核算)?单位.*|报告期.*|期间.*")


@dataclass(frozen=True)
class Said:
    """What a person says of the layout of a block; empty where nothing is said."""

    header_row: int = 0
    orientation: str = ""
    cut: str = ""
    roles: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Read:
    """A block in one orientation."""

    core: Grid
    body: tuple[int, ...]
    columns: tuple[Column, ...]
    filled: tuple[str, ...]


def assemble(block: Block, sheet: Sheet, file: str, number: int, said: Said) -> list[Table]:
    """Return the tables of a block, one for each panel."""
    stated = read_stated(block.grid, block.titles, block.notes, sheet.name, file)
    if not block.header:
        known = {fact.label for fact in stated.facts if fact.cell not in {"sheet", "file"}}
        named = [f for f in facts_of_card(block.grid, block.body) if f.label not in known]
        stated = replace(stated, facts=(*named, *stated.facts))
    rows, sections, heading_notes = _sections(block)
    to_date = frozenset() if block.header else _to_date(block, rows, sections)
    printed = _printed(block, rows)
    orientation, doubts = said.orientation, []
    if not orientation:
        orientation, is_near = _orientation(block, rows, printed, stated)
        if is_near:
            evidence = (
                "labels down the side and across the top both look like accounts or like places; "
                "read as villages_down"
            )
            cell = block.grid.cut(block.header).extent()
            doubts.append(Question("orientation", cell, evidence=evidence))
    if is_turned := orientation == TURNED and bool(block.header):
        read, sections = _turned(block, rows), ()
    else:
        read = printed
    signature = _form(block, stated)
    notes = [*_layout_notes(block, read.filled), *heading_notes]
    notes += _hidden(sheet, block.grid.cut([*block.header, *rows]))
    columns = tuple(_with_said_role(column, said.roles or {}) for column in read.columns)
    parts = panels(columns) if said.cut != "whole" else [list(range(len(columns)))]
    tables = []
    for panel, places in enumerate(parts):
        grid = read.core.cut(read.body, places)
        own = _with_title_item([columns[at] for at in places], stated.title, sheet.name)
        own = _with_one_village(grid, _complete(own, stated))
        facts = stated.facts
        if panel and not is_turned:
            grid, own = _with_shared(read, parts[0], places, own)
        table = _table(grid, own, sections or ("",) * grid.height, to_date, stated.title)
        head = block.grid.cut(block.header, None if is_turned else places)
        extent = block.grid.cut([*block.header, *rows], None if is_turned else places)
        village_down = any(column.role == "village" for column in own)
        item_down = any(column.role == "item" for column in own)
        table = replace(
            table, file=file, sheet=sheet.name, header=head.extent(), extent=extent.extent(),
            title=stated.title, period=stated.period, is_part=_is_part(stated, own), facts=facts,
            orientation=TURNED if is_turned or (item_down and not village_down) else PRINTED,
            notes=(*(notes if not panel else ()), *table.notes), form=signature, block=number,
            panel=panel + 1 if len(parts) > 1 else 0, plan=stated.plan or _planned(read.columns),
            says_whole=stated.says_whole,
        )  # fmt: skip
        table = replace(table, marks=_marks(sheet, table), hidden=_hidden_amounts(sheet, table))
        seen = [*doubts, *table.doubts, *([stated.doubt] if stated.doubt else [])]
        seen += [*_header_in_doubt(table, block), *_scaled(table, sheet), *_hides(table, sheet)]
        seen += _apart(table)
        tables.append(replace(table, doubts=tuple(seen)))
    return tables


def _header_in_doubt(table: Table, block: Block) -> Iterator[Question]:
    if not block.header and table.find("item") is None:
        evidence = "no row looks like one; columns are named by their position"
        yield Question("header_row", table.extent, ("none",), evidence)
    if block.doubtful:
        # what a second row of heads would name is not known before somebody says whether it is one
        values = [at for at, column in enumerate(table.columns) if column.role == "value"]
        cell = block.grid.address(block.doubtful[0], 0)
        yield Question("header_rows", cell, columns=() if table.grid.turned else tuple(values))


def _apart(table: Table) -> Iterator[Question]:
    """Ask what a column of words is that tells lines apart whose village or year stands once.

    Else the line that prints the village's name would be taken for all of it.
    """
    free = [
        at for at, column in enumerate(table.columns)
        if column.role == "text" and role_of(column.name.split(" / ")[-1]) not in ASIDE
    ]  # fmt: skip
    keys = [at for at, column in enumerate(table.columns) if column.role in _TELL_APART]
    values = tuple(at for at, column in enumerate(table.columns) if column.role == "value")
    said: dict[tuple[str, ...], list[Sequence[str]]] = {}
    once = set()  # keys of which a line does not print all
    name: tuple[str, ...] = ("",) * len(keys)
    for row, texts in enumerate(table.grid.texts if free else ()):
        if row not in table.dropped and any(is_number_like(texts[at]) for at in values):
            own = [texts[key] for key in keys]
            name = tuple(text or above for text, above in zip(own, name, strict=True))
            said.setdefault(name, []).append(texts)
            if "" in own:
                once.add(name)
    for at in free:
        if any(len({texts[at] for texts in said[name]}) > 1 for name in once):
            about = (table.columns[at].name,)
            yield Question("role", table.address(0, at), columns=values, about=about)


def _scaled(table: Table, sheet: Sheet) -> Iterator[Question]:
    """Ask for the unit of columns whose format shows numbers otherwise than they are stored."""
    grid = table.grid
    for form in sheet.formats if grid.height else ():
        line, place = (form.column, form.row) if grid.turned else (form.row, form.column)
        if grid.lines[0] <= line <= grid.lines[-1] and place in grid.places:
            at = grid.places.index(place)
            stored = float(plain(sheet.text(form.row, form.column)) or 0)
            unit = table.columns[at].unit or ""
            found = stored_in(form.code, stored, unit)
            if not found or found != unit:
                evidence = f"display format {form.code!r} on {form.cells} cells"
                cell = address(form.row, form.column)
                yield Question("unit", cell, ("元", "万元"), evidence, found, columns=(at,))


def _hides(table: Table, sheet: Sheet) -> Iterator[Question]:
    at = [place for cell in table.hidden if (place := table.grid.find(cell))]
    if at:
        rows, columns = zip(*at, strict=True)
        first, last = table.address(min(rows), min(columns)), table.address(max(rows), max(columns))
        where = "the sheet is" if sheet.state != "visible" else "their rows or columns are"
        cell, subject = f"{first}:{last}", f"{len(at)} amounts, {where} hidden"
        yield Question("hidden", first if first == last else cell, subject=subject)


def _is_part(stated: Stated, columns: Sequence[Column]) -> bool:
    """Whether a table is of a part of a year: a month beside a running total is the form's own."""
    times = {column.basis.partition(" ")[0] for column in columns}
    month = re.fullmatch(r"0?(\d{1,2})月份?", stated.period)
    is_other = bool(month and month[1] != "12" and times & {"running", "month"})
    return bool(stated.period) and (stated.is_part or is_other)


def _planned(columns: Sequence[Column]) -> str:
    """Return the head that makes the whole table a plan."""
    heads = (column.name for column in columns)
    return next((name for name in heads if pattern("plans", "head").search(plain(name))), "")


def _printed(block: Block, rows: Sequence[int]) -> _Read:
    return _Read(block.grid, tuple(rows), *read_header(block.grid, block.header, rows))


def _with_said_role(column: Column, roles: Mapping[str, str]) -> Column:
    role = roles.get(column.name) or roles.get(column.label)
    if not role:
        return column
    if role == AMOUNT:
        column = replace(column, path=(), basis="year", is_total=False, is_part=False)
    if role in {AMOUNT, VALUE}:
        unit = column.unit or lift_unit(plain(column.name))[0]
        return replace(column, role=VALUE, unit=unit, unit_from="header" if unit else None)
    return replace(column, role=role, year=None)


def _with_shared(
    read: _Read, first: list[int], places: list[int], own: tuple[Column, ...]
) -> tuple[Grid, tuple[Column, ...]]:
    """Give a later panel the year, county and unit columns that stand once, left of the first."""
    roles = {column.role for column in own}
    shared = []
    for at in first:
        column = read.columns[at]
        if column.role == "value":
            break
        texts = {plain(read.core.filled(row, at)) for row in read.body} - {""}
        is_one = column.role == "township" and len(texts) == 1
        if column.role not in roles and (column.role in {"year", "county", "unit"} or is_one):
            shared.append(at)
    return read.core.cut(read.body, [*shared, *places]), (
        *(read.columns[at] for at in shared), *own,
    )  # fmt: skip


def _with_one_village(grid: Grid, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns with one of villages, where all that are say the same of each line."""
    at = [place for place, column in enumerate(columns) if column.role == "village"]
    texts = {place: [squeeze(line[place]) for line in grid.texts] for place in at}
    longest = max(at, key=lambda place: sum(map(len, texts[place])), default=0)
    if not at[1:] or any(not _same_village(*names) for names in zip(*texts.values(), strict=True)):
        return columns
    return tuple(
        replace(column, role="text") if place in at and place != longest else column
        for place, column in enumerate(columns)
    )


def _same_village(*names: str) -> bool:
    """Tell whether all names end in the shortest: 虚某镇/虚某村, 虚某村股份经济合作社."""
    bare = [without_body(name) for name in names]
    shortest = min(bare, key=len)
    return bool(shortest or not any(bare)) and all(name.endswith(shortest) for name in bare)


def _orientation(
    block: Block, rows: Sequence[int], printed: _Read, stated: Stated
) -> tuple[str, bool]:
    """Return the way that gives more whole amounts, and whether the other is nearly as good."""
    has_village = any(fact.label == "village" for fact in stated.facts)
    if not block.header or len(rows) == 0:
        return PRINTED, False
    tried = tuple(rows[:_TRIED])
    down = _whole(_Read(printed.core, tried, printed.columns, ()), is_stated=has_village)
    across = _whole(_turned(block, tried), is_stated=False)
    if across[0] > down[0] or (across[0] == down[0] and across[1] > down[1]):
        near = down[0] > _NEAR * across[0] > 0
        return TURNED, near
    return PRINTED, across[0] > _NEAR * down[0] > 0


def _whole(read: _Read, *, is_stated: bool) -> tuple[int, int]:
    """Return how many numbers have a place and a known item, and how many have one of the two."""
    role = {column.role: at for at, column in reversed(list(enumerate(read.columns)))}
    values = [at for at, column in enumerate(read.columns) if column.role == "value"]
    heads = {at: _is_item_head(read.columns[at]) for at in values}
    named = {at: is_place("".join(read.columns[at].path[:1])) for at in values}
    whole = half = 0
    for row in read.body:
        texts = [plain(read.core.filled(row, at)) for at in range(read.core.width)]
        place = texts[role["village"]] if "village" in role else ""
        has_place = bool(place) and not is_word(place) and not is_money(place)
        has_place = has_place or ("code" in role and bool(texts[role["code"]]))
        item = texts[role["item"]] if "item" in role else ""
        for at in values:
            if is_number_like(texts[at]):
                has_item = not named[at] and (bool(item_kind(item)) or heads[at])
                placed = has_place or (is_stated and "village" not in role and not named[at])
                whole += has_item and placed
                half += has_item or is_place(place)
    return whole, half


def _is_item_head(column: Column) -> bool:
    label = column.label
    return is_known_item(label) or is_known_item(column.path[-1] if column.path else "") or (
        is_money(label) and not is_place(label)
    )  # fmt: skip


def _sections(block: Block) -> tuple[tuple[int, ...], tuple[str, ...], list[Note]]:
    """Return the body's rows without headings inside it, and the heading above each."""
    rows, sections, notes = [], [], []
    heading = ""
    for row in block.body:
        cells = block.grid.distinct(row)
        if len(cells) == 1 and block.grid.width > 1 and _is_heading(block.grid, row, cells[0]):
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
    if is_year(lift_unit(label)[1].rstrip(":")) and column == 0:
        return True
    if span is not None or is_number_like(label):
        return False
    is_named = label[0] in _HEADING and not is_money(label) and len(label) > 2  # noqa: PLR2004
    return is_named or bool(lift_year(label)[0] and column == 0) or (
        column == 0 and label.endswith(":") and is_known_item(label)
    )  # fmt: skip


def _turned(block: Block, rows: Sequence[int]) -> _Read:
    """Turn a table with accounts down, so that its header becomes labels of rows."""
    width = key_width(block.grid, block.header, rows) or 1
    header_rows = [
        row
        for row in block.header
        if not is_numbering([plain(text) for _, text in block.grid.distinct(row)])
    ]
    own = {column: _down(block, rows, column) for column in range(block.grid.width)}
    keys = {own[column] for column in range(width)}
    kept = [column for column in own if column < width or own[column] not in keys]
    core = block.grid.cut([*header_rows, *rows], kept).turn()
    labels = len(header_rows)
    header = tuple(range(width))
    body = tuple(row for row in range(width, core.height) if not core.is_blank(row))
    heads, filled = read_header(core, header, body)
    columns = []
    texts = [[plain(core.filled(row, at)) for row in body] for at in range(labels)]
    for at, role in enumerate(_label_roles(texts)):
        name = role if role != "text" else f"label {at + 1}"
        columns.append(Column(name=name, path=(name,), role=role))
    for at, column in enumerate(heads[labels:], start=labels):
        # below its label stand amounts, whatever the label's words remind of
        item = replace(column, role="value" if column.role != "text" else "text")
        if item.path == () and column.name:
            item = replace(item, path=(item_label(column.name.split(" / ")[-1]),))
        units = (bare_unit(plain(core.texts[row][at])) for row in header)
        columns.append(replace(item, unit=item.unit or next(filter(None, units), None)))
    return _Read(core, body, tuple(columns), filled)


def _down(block: Block, rows: Sequence[int], column: int) -> tuple[str, ...]:
    """Return what stands in a column from the last row of the head: items may be printed again."""
    return tuple(plain(block.grid.texts[row][column]) for row in (*block.header[-1:], *rows))


def _label_roles(labels: list[list[str]]) -> list[str]:
    """Return what the lines of labels across are: last places are villages, above them towns."""
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


def _is_county(text: str) -> bool:
    return bool(county_name(text).kind) and not village_name(text).kind


_COARSER = (("township", is_township), ("county", _is_county))


def _label_role(texts: list[str]) -> str:
    held = [text for text in texts if text]
    if held and all(map(is_year, held)):
        return "year"
    if held and all(map(bare_unit, held)):
        return "unit"
    if held and any(basis_of(text)[0] for text in held) and all(map(is_word, held)):
        # 人均 beside 累计 is said of the accounts, and of no time
        return "basis" if all(basis_of(t)[0] or is_total(t) for t in held) else "item"
    return "village" if places_named(texts) else "text"


def _with_title_item(columns: list[Column], title: str, sheet: str) -> tuple[Column, ...]:
    """Give heads that say only a year or a basis the title's item, unless the tab names another."""
    values = [column for column in columns if column.role == "value"]
    named = item_in(title) if not any(column.role == "item" for column in columns) else ""
    tab = read_account(sheet)
    if tab.code in {"account", "part", "total"} and tab != read_account(named):
        named = ""
    parted = {c.path for c in values if c.basis.partition(" ")[0] in {"month", "quarter"}}
    # a sum of other things too is not that of a year
    parted -= {c.path[:-1] for c in values if c.path and not is_only_a_sum(c.path[-1])}
    parted -= {c.path for c in values if c.basis.partition(" ")[0] in {"span", "running"}}
    of_accounts = {(c.basis, c.year) for c in values if is_known_item(c.label)}
    complete = []
    for column in columns:
        new = column
        if column.is_total and column.path[:-1] in parted and is_only_a_sum(column.path[-1]):
            new = replace(new, path=column.path[:-1], basis="whole", is_total=False)
        is_bare = new.role == "value" and not new.path and (new.basis or new.year)
        # beside accounts of the same time its own banner or name is lost
        if is_bare and named and (new.basis, new.year) not in of_accounts:
            new = replace(new, path=(named,))
        complete.append(new)
    return tuple(complete)


def _complete(columns: Sequence[Column], stated: Stated) -> tuple[Column, ...]:
    """Give the columns the unit and year of the whole table where they have none."""
    by_row = {column.role for column in columns}
    corners = (c.name for c in columns if c.role == "village" and "单位" in c.name)
    unit = stated.unit or next(filter(None, (lift_unit(plain(name))[0] for name in corners)), "")
    values = [column for column in columns if column.role == "value"]
    if "item" in by_row and len(values) == 1 and values[0].path in _ANY_NUMBER:
        # how large each line is, and no count of anything
        columns = [replace(c, path=(), basis="year") if c is values[0] else c for c in columns]
    money = [c for c in columns if c.role == "value" and c.is_money and not c.is_total]
    says = any(c.year and c.basis.partition(" ")[0] in OF_THE_YEAR and is_known_item(c.label)
               for c in money)  # fmt: skip
    complete = []
    for column in columns:
        new = column if "unit" in by_row else with_stated_unit(column, unit)
        lacks = new.role == "value" and new.year is None and "year" not in by_row
        is_other = new.is_money and new.basis.partition(" ")[0] in OF_THE_YEAR
        if lacks and stated.year and not (says and is_other):
            new = replace(new, year=stated.year, year_from=stated.year_from)
        complete.append(new)
    return tuple(complete)


def _table(
    grid: Grid,
    columns: tuple[Column, ...],
    sections: tuple[str, ...],
    to_date: frozenset[str],
    title: str,
) -> Table:
    """Return the body with its totals, what rows say besides their cells, and what was filled."""
    grid, ended = _with_years_ended(_with_line_of_the_year(grid, columns), columns, title)
    totals = _totals(grid, columns)
    filled, notes, doubts = fill(grid, columns, frozenset(total.row for total in totals))
    facts, lines = _row_facts(filled, columns, sections, to_date)
    if any(ended) and not any(column.role == "year" for column in columns):
        facts["year"] = ended
    known = {total.row for total in totals}
    totals = (*totals, *(total for total in lines if total.row not in known))
    return Table(
        columns=columns, totals=tuple(sorted(totals, key=lambda t: t.row)),
        notes=tuple(notes), doubts=tuple(doubts), grid=filled, row_facts=facts,
    )  # fmt: skip


def _with_line_of_the_year(grid: Grid, columns: Sequence[Column]) -> Grid:
    """Say that the line 本年合计 of December is of the whole year, where each line has its date."""
    at = {column.role: place for place, column in enumerate(columns)}
    if not {"period", "item"} <= at.keys():
        return grid
    rows = [
        row
        for row, texts in enumerate(grid.texts)
        if pattern("kinds", "of_all_year").fullmatch(plain(texts[at["item"]]))
        and _DECEMBER.search(plain(texts[at["period"]]))
    ]
    if len(rows) != 1:
        return grid
    return grid.written({(rows[0], at["item"]): "", (rows[0], at["period"]): "全年"})


def _with_years_ended(
    grid: Grid, columns: Sequence[Column], title: str
) -> tuple[Grid, tuple[str, ...]]:
    """Say of lines to the end of December that they are of the whole year, and which year it is.

    All are where head or title speak of sums to date. Else days (2023-12-31) are where no line ends
    with another month and nothing speaks of months: beside these, December may be one as well.
    """
    at = next((place for place, column in enumerate(columns) if column.role == "period"), None)
    if at is None:
        return grid, ()
    texts = [plain(line[at]) for line in grid.texts]
    ends = [_MONTH_ENDS.fullmatch(text) for text in texts]
    said = columns[at].name + title
    is_to_date = bool(pattern("basis", "running").search(said))
    if not any(ends) or any(t and not end for t, end in zip(texts, ends, strict=True)):
        return grid, ()
    is_december = {end[2] for end in ends if end} == {"12"}
    is_yearly = is_to_date or (is_december and not _BY_MONTH.search(said))
    years = {
        row: end[1] for row, end in enumerate(ends)
        if end and end[2] == "12" and is_yearly and (is_to_date or end[3])
    }  # fmt: skip
    written = grid.written({(row, at): "全年" for row in years})
    return written, tuple(end[1] if end else "" for end in ends)


def _totals(grid: Grid, columns: Sequence[Column]) -> tuple[Total, ...]:
    labels = [at for at, column in enumerate(columns) if column.role in {*PLACES, "number"}]
    items = [at for at, column in enumerate(columns) if column.role == "item"]
    labels = labels if items else labels or [
        at for at, column in enumerate(columns) if column.role == "text"
    ][:2]  # fmt: skip
    named = [at for at, column in enumerate(columns) if column.role in {"text", "code"}]
    totals = []
    numbered = 0  # the last number of a list that 其中 began
    for row, texts in enumerate(grid.texts):
        held = [texts[at] for at in labels if texts[at]] or [
            texts[at] for at in named if texts[at] and not items
        ]
        kinds = [(text, "part" if is_part(text) else "total") for text in held
                 if is_part(text) or is_total(text)]  # fmt: skip
        for at in items:
            text = plain(texts[at])
            found = _NUMBERED.match(text)
            goes_on = bool(numbered and found and int(found[1]) == numbered + 1)
            if is_part(text) or goes_on:
                numbered = int(found[1]) if found else 0
                if read_account(text).code not in {"account", "total"}:
                    kinds.append((text, "part"))
            else:
                numbered = 0
                if is_only_a_sum(text):
                    kinds.append((text, "total"))
        if kinds:
            totals.append(Total(row, *kinds[0]))
    return tuple(totals)


def _row_facts(
    grid: Grid, columns: Sequence[Column], sections: Sequence[str], to_date: frozenset[str]
) -> tuple[dict[str, tuple[str, ...]], list[Total]]:
    """Return what headings, lines of a higher place and labels of items say about each row."""
    role = {column.role: at for at, column in reversed(list(enumerate(columns)))}
    facts = _section_facts(sections, role.keys())
    lines: list[Total] = []
    if "village" in role:
        texts = [plain(line[role["village"]]) for line in grid.texts]
        lines, township = _higher_places(texts)
        if lines and "township" not in role:
            facts.setdefault("township", township)
        for name, of_rows in _places_in_names(texts, {total.row for total in lines}).items():
            if name not in role:
                facts.setdefault(name, of_rows)
    if "item" in role:
        labels = [plain(line[role["item"]]) for line in grid.texts]
        for name, said in _item_facts(labels, columns, sections, to_date).items():
            banner = facts.get(name, said)
            facts[name] = tuple(own or above for own, above in zip(said, banner, strict=True))
    return facts, lines


def _section_facts(sections: Sequence[str], role: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return what the headings between the lines say, where no column says it."""
    facts: dict[str, tuple[str, ...]] = {}
    distinct = set(sections) - {""}
    years = {text: str(lift_year(text)[0] or "") for text in distinct}
    units = {text: lift_unit(text)[0] or "" for text in distinct}
    for name, read in (("year", years), ("unit", units)):
        if name not in role and any(read.values()):
            facts[name] = tuple(read.get(text, "") for text in sections)
    for name, of in (("township", is_township), ("village", is_place)):
        named = {text: text for text in distinct if of(text) and not lift_year(text)[0]}
        if name not in role and named and (name == "township" or not facts.get("township")):
            facts[name] = tuple(named.get(text, "") for text in sections)
    return facts


def _higher_places(texts: list[str]) -> tuple[list[Total], tuple[str, ...]]:
    """Return the lines that are of a township or county, and the township of each line."""
    higher = {text for text in {*texts} if text and (is_township(text) or _is_county(text))}
    lines = [Total(row, text, "total") for row, text in enumerate(texts) if text in higher]
    towns = {line.row for line in lines if is_township(line.label)}
    villages = [row for row, t in enumerate(texts) if t and t not in higher and not is_total(t)]
    is_below = bool(towns and villages) and (min(towns) > villages[0] and max(towns) > villages[-1])
    of_rows, last = [""] * len(texts), ""
    for row in reversed(range(len(texts))) if is_below else range(len(texts)):
        last = stripped(texts[row]) if row in towns else last
        of_rows[row] = last
    return lines, tuple(of_rows)


def _places_in_names(texts: list[str], higher: set[int]) -> dict[str, tuple[str, ...]]:
    """Return the township and county of each line, where every village's name begins with them."""
    rows = [r for r, text in enumerate(texts) if text and r not in higher and not is_total(text)]
    read = {text: dict(places_in(_BETWEEN.sub("", text))) for text in {texts[row] for row in rows}}
    return {
        name: tuple(read.get(text, {}).get(name, "") for text in texts)
        for name in ("township", "county")
        if read and all({"township", "village"} <= places.keys() for places in read.values())
    }


def _item_facts(
    labels: list[str], columns: Sequence[Column], sections: Sequence[str], to_date: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return unit, year and basis that the labels of lines, or a sum to date below them, say."""
    read = {}
    for text in set(labels):
        unit, rest = lift_unit(text)
        year, rest = lift_year(rest)
        time, side, _ = basis_of(item_label(rest))
        read[text] = unit or "", str(year or ""), " ".join(filter(None, (time, side)))
    basis = [read[text][2] for text in labels]
    if not any(column.basis for column in columns):
        basis = [
            "running" if section in to_date and not said else said
            for section, said in zip(sections, basis, strict=True)
        ]
    found = {
        "unit": tuple(read[text][0] for text in labels),
        "year": tuple(read[text][1] for text in labels),
        "basis": tuple(basis),
    }
    has = {column.role for column in columns}
    return {name: texts for name, texts in found.items() if any(texts) and name not in has}


def _to_date(block: Block, rows: Sequence[int], sections: Sequence[str]) -> frozenset[str]:
    """Return the sections in which a sum says that it is one to date: 目前收入总计."""
    return frozenset(
        section
        for row, section in zip(rows, sections, strict=True)
        for _, text in block.grid.distinct(row)
        if not is_number_like(text) and _is_sum_to_date(plain(text))
    )


def _is_sum_to_date(label: str) -> bool:
    time, _, rest = basis_of(item_label(lift_unit(label)[1]))
    return time == "running" and bool(read_account(rest.strip(":")).measure)


def _form(block: Block, stated: Stated) -> str:
    """Return the signature of a form: its head and title without what changes from copy to copy."""
    grid = block.grid
    levels = []
    for row in block.header or tuple(r for r in range(grid.height) if not grid.is_blank(r))[:1]:
        texts = [_without_copy(plain(grid.filled(row, at))) for at in range(grid.width)]
        kept = [text for at, text in enumerate(texts) if text and (not at or text != texts[at - 1])]
        if kept and not is_numbering(kept):
            levels.append("|".join(kept))
    places = [fact.value for fact in stated.facts if fact.label in {*PLACES} and fact.value]
    title = stated.title
    for place in places:
        title = title.replace(place, "")
    title = _ORGANISATION.sub(
        "", re.sub(r"\(?续[表页]?\)?|[\d〇零一二三四五六七八九十]+年?|[-—–~至到年月度]", "", title)
    )
    text = re.sub(r"[\W_]", "", title) + "/" + "/".join(levels)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _without_copy(label: str) -> str:
    if is_place(label):
        return "PLACE"
    year, rest = lift_year(label)
    rest = re.sub(r"\d+(?=[月年])", "", item_label(rest)).replace("其它", "其他")
    return ("Y" if year else "") + re.sub(r"[\s()（）]", "", rest)


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


_SIGNED = re.compile(rf"\s*({SIGN})\s*\S|.*\S\s*({SIGN})\s*$", re.DOTALL)
_HEAD = 4  # rows above a table in which its heads stand
_FOOT = 20  # rows at the end of a sheet, and below a table, in which footnotes are looked for


def _marks(sheet: Sheet, table: Table) -> dict[str, Mark]:
    """Return the marks of the body's cells by address; what is struck or unseen says most."""
    found = _footnoted(sheet, table)
    for mark in sheet.marks:
        cell = address(mark.row, mark.column)
        if table.grid.find(cell) is not None and (cell not in found or mark.kind != "comment"):
            found[cell] = mark
    return found


def _footnoted(sheet: Sheet, table: Table) -> dict[str, Mark]:
    """Return what footnotes say, at each amount whose cell, line or head has their sign."""
    grid, rows = table.grid, sorted(sheet.rows)
    end = max(grid.places if grid.turned else grid.lines, default=0)
    below = [row for row in rows if row > end]
    said = {
        note[0]: note[1]
        for row in sorted({*rows[-_FOOT:], *below[:_FOOT]})
        for text in sheet.rows[row].texts
        if (note := footnote(text))
    }
    if not said:
        return {}

    def of(text: str) -> str:
        signed = _SIGNED.match(text)
        return said.get(signed[1] or signed[2], "") if signed else ""

    def head(place: int) -> str:
        """Return what is said of a head, whose sign does not stand in the column's name."""
        above = range(max(min(grid.lines) - _HEAD, 1), min(grid.lines))
        cells = ((place, at) if grid.turned else (at, place) for at in above)
        return next(filter(None, (of(sheet.text(*cell)) for cell in cells)), "")

    values = [at for at, column in enumerate(table.columns) if column.role == "value"]
    heads = {at: head(grid.places[at]) for at in values} if grid.lines else {}
    others = [at for at in range(grid.width) if at not in heads]
    found: dict[str, Mark] = {}
    for row, texts in enumerate(grid.texts):
        line = next(filter(None, (of(texts[at]) for at in others)), "")
        for at in values:
            if text := of(texts[at]) or line or heads[at]:
                found[table.address(row, at)] = Mark(0, 0, "comment", text)
    return found


def _hidden_amounts(sheet: Sheet, table: Table) -> frozenset[str]:
    """Return the addresses of amounts that the sheet does not show."""
    grid = table.grid
    across, down = sheet.hidden_columns, sheet.hidden_rows
    lines, places = (across, down) if grid.turned else (down, across)
    whole = sheet.state != "visible"
    rows = [whole or line in lines for line in grid.lines]
    columns = [whole or place in places for place in grid.places]
    values = [at for at, column in enumerate(table.columns) if column.role == "value"]
    if not any(rows) and not any(columns):
        return frozenset()
    return frozenset(
        table.address(row, at)
        for row in range(grid.height)
        for at in values
        if (rows[row] or columns[at]) and is_number_like(grid.texts[row][at])
    )


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
