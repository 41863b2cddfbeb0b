"""From the header rows of a table to what each column is: path, unit, year, role."""

import re
from dataclasses import dataclass, replace

from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.marks import (
    bare_unit,
    is_number_like,
    is_numbering,
    is_part,
    is_total,
    is_year,
    item_label,
    lift_unit,
    lift_year,
    money_unit,
    plain,
    stripped,
)
from analysis.clean.workbook.vocabulary import is_count, is_money, is_place, role_of

KEYS = ("number", "code", "county", "township", "village", "item", "year", "unit")
"""Roles of columns that say what a row is about."""

PLACES = ("county", "township", "village")

_SAMPLE = 500  # body rows looked at to tell what a column holds
_MOSTLY = 0.5
_PLAIN_NUMBER = re.compile(r"[\d,]+(?:\.\d+)?", re.ASCII)
_NEUTRAL = frozenset({"", "-", "—", "——", "/", "无", "0", "0.0", "0.00", "√", "×", "…"})


@dataclass(frozen=True)
class Column:
    """What one column of a table is.

    Attributes
    ----------
    name : str
        The header as printed, levels joined by " / ", unique in its table.
    path : tuple of str
        Header levels from the top, without unit, year, numbering and 其中.
    role : str
        "number", "code", "county", "township", "village", "item", "year", "unit", "value" or
        "text".
    unit, unit_from : str or None
        Unit and where it is stated: "header", "row" (a line of units), "title" or "sheet".
    year, year_from : int, str or None
        Year and where it is stated: "header", "title", "sheet" or "file".
    is_total : bool
        A sum over other columns by its label.
    is_part : bool
        Its label begins with 其中: it is a part of the column before it.
    """

    name: str
    path: tuple[str, ...]
    role: str
    unit: str | None = None
    unit_from: str | None = None
    year: int | None = None
    year_from: str | None = None
    is_total: bool = False
    is_part: bool = False

    @property
    def is_money(self) -> bool:
        """Whether the column holds money by its name."""
        label = "".join(self.path)
        return is_money(label) or (self.role == "value" and not is_count(label))


@dataclass(frozen=True)
class Header:
    """The columns of a table, and which of its leading rows were only numbering.

    Attributes
    ----------
    columns : tuple of Column
        One for each column of the grid.
    filled : tuple of str
        Header cells that took the text of the cell on their left without a merge.
    """

    columns: tuple[Column, ...]
    filled: tuple[str, ...] = ()


def accounts_down(grid: Grid, header: tuple[int, ...], body: tuple[int, ...]) -> bool | None:
    """Tell whether accounts run down and places across; None when the signs contradict.

    Parameters
    ----------
    grid : Grid
        The table's rectangle.
    header, body : tuple of int
        Row positions.
    """
    sample = body[:_SAMPLE]
    labels = [
        [stripped(grid.filled(row, column)) for row in header] for column in range(grid.width)
    ]
    roles = [next((r for t in texts if (r := role_of(t))), None) for texts in labels]
    if any(role in PLACES for role in roles):
        return False
    first = next(
        (
            column
            for column in range(grid.width)
            if roles[column] not in {"number", "code", "unit", "year"}
            and _share_of_text(grid, column, sample) > _MOSTLY
        ),
        None,
    )
    if first is None:
        return False
    cells = [item_label(grid.filled(row, first)) for row in sample]
    accounts = sum(map(is_money, cells)) > _MOSTLY * len(cells)
    places_down = sum(map(is_place, cells)) > _MOSTLY * len(cells)
    across = [texts[0] for column, texts in enumerate(labels) if column > first and texts[0]]
    places_across = sum(map(is_place, across)) > _MOSTLY * len(across)
    measures_across = sum(map(is_money, across)) > _MOSTLY * len(across)
    down = roles[first] == "item" or accounts or places_across
    if down and (places_down or measures_across):
        return None
    return down


def _share_of_text(grid: Grid, column: int, rows: tuple[int, ...]) -> float:
    texts = [grid.filled(row, column) for row in rows]
    held = [text for text in texts if text not in _NEUTRAL]
    return sum(not is_number_like(text) for text in held) / len(held) if held else 0.0


def key_width(grid: Grid, header: tuple[int, ...], body: tuple[int, ...]) -> int:
    """Return how many leading columns label the rows of a table with accounts down."""
    sample = body[:_SAMPLE]
    width = 0
    for column in range(grid.width):
        label = next((t for row in header if (t := stripped(grid.filled(row, column)))), "")
        texts = [plain(grid.filled(row, column)) for row in sample]
        is_key = (
            role_of(label) in {"number", "code", "unit", "item"}
            or (label in {"单位", "代码"} and all(bare_unit(t) or not t for t in texts))
            or is_numbering([text for text in texts if text])
            or (width < 2 and _share_of_text(grid, column, sample) > _MOSTLY)  # noqa: PLR2004
        )
        if not is_key:
            break
        width = column + 1
    return width


def read_header(grid: Grid, header: tuple[int, ...], body: tuple[int, ...]) -> Header:
    """Return what the columns are, from header rows and the kind of cells below them.

    Parameters
    ----------
    grid : Grid
        The table's rectangle, turned so that a row is a village.
    header, body : tuple of int
        Row positions.
    """
    levels, filled = _levels(grid, header)
    units: dict[int, str] = {}
    kept = []
    for row, texts in zip(header, levels, strict=True):
        own = {c: t for c in range(grid.width) if (t := plain(grid.texts[row][c]))}
        named = {column: bare_unit(text) for column, text in own.items()}
        rest = [own[c] for c, unit in named.items() if not unit]
        if any(named.values()) and all(t in {"单位", "计量单位", "金额单位"} for t in rest):
            units |= {column: unit for column, unit in named.items() if unit}
        elif not is_numbering(list(own.values())) and not _is_number_row(own):
            kept.append(texts)
    columns = []
    names: dict[str, int] = {}
    for column in range(grid.width):
        texts = [text for level in kept if (text := level[column])]
        texts = [t for at, t in enumerate(texts) if at == 0 or t != texts[at - 1]]
        name = " / ".join(plain(text) for text in texts) or f"column {column + 1}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        role = _role(grid, column, texts, body)
        columns.append(_column(texts, name, role, units.get(column)))
    return Header(tuple(columns), tuple(filled))


def _is_number_row(own: dict[int, str]) -> bool:
    """Tell whether a header row holds nothing but row numbers or codes behind their label."""
    labels = list(own.values())
    return (
        bool(labels)
        and role_of(labels[0]) in {"number", "code"}
        and all(text.isalnum() and text.isascii() for text in labels[1:])
        and len(labels) > 1
    )


def _levels(grid: Grid, header: tuple[int, ...]) -> tuple[list[list[str]], list[str]]:
    """Return the text of each header row and column, merged and printed-once parents filled."""
    levels = [[grid.filled(row, column) for column in range(grid.width)] for row in header]
    filled = []
    for at, row in enumerate(header[:-1]):
        for column in range(1, grid.width):
            if levels[at][column] or (row, column) in grid.covered:
                continue
            below = [grid.texts[r][column] for r in header[at + 1 :]]
            beside = [grid.texts[r][column - 1] for r in header[at + 1 :]]
            above = any(levels[up][column] for up in range(at))
            same = not at or levels[at - 1][column] == levels[at - 1][column - 1]
            unit_rows = all(bare_unit(plain(t)) for t in below if t)
            if any(below) and any(beside) and levels[at][column - 1] and not unit_rows:
                if above and not same:
                    continue
                levels[at][column] = levels[at][column - 1]
                filled.append(grid.address(row, column))
    return levels, filled


def _column(texts: list[str], name: str, role: str, unit_below: str | None) -> Column:
    path = []
    unit = year = None
    for text in texts:
        found_unit, rest = lift_unit(plain(text))
        found_year, rest = lift_year(rest)
        if year is not None and found_year is not None and found_year != year:
            found_year, rest = None, plain(text)
        unit, year = found_unit or unit, found_year or year
        if label := item_label(rest):
            path.append(label)
    if role in KEYS:
        year = None
    unit = unit_below or unit
    return Column(
        name=name,
        path=tuple(path),
        role=role,
        unit=unit if role == "value" else None,
        unit_from=("row" if unit_below else "header") if unit and role == "value" else None,
        year=year,
        year_from="header" if year else None,
        is_total=any(map(is_total, path)),
        is_part=any(map(is_part, texts[-1:])),
    )


def _role(  # noqa: PLR0911  (one line a sign)
    grid: Grid, column: int, texts: list[str], body: tuple[int, ...]
) -> str:
    label = stripped(texts[-1]) if texts else ""
    sample = [plain(grid.filled(row, column)) for row in body[:_SAMPLE]]
    held = [text for text in sample if text not in _NEUTRAL]
    announced = next((role for text in reversed(texts) if (role := role_of(text))), None)
    if label in {"单位", "计量单位", "金额单位"}:
        units = sum(bool(bare_unit(text)) for text in held)
        return "unit" if held and units > _MOSTLY * len(held) else "village"
    numbers = sum(map(is_number_like, held))
    if announced == "year":
        years = sum(is_year(text) or lift_year(text)[0] is not None for text in held)
        return "year" if years > _MOSTLY * len(held) else "value"
    if announced in PLACES and held and all(map(_PLAIN_NUMBER.fullmatch, held)):
        return "value"  # a count under 村: how many there are, not which one it is
    if announced:
        return announced
    if not held:
        lifted = lift_year(plain("".join(texts)))[0] or lift_unit(plain("".join(texts)))[0]
        return "value" if lifted or is_money("".join(texts)) or is_count(label) else "text"
    if all(is_year(text) for text in held) and not is_money(label) and not texts:
        return "year"
    return "value" if numbers > _MOSTLY * len(held) else "text"


def with_stated_unit(column: Column, stated: str | None) -> Column:
    """Return the column with the unit of the title where that speaks of it.

    A title says 单位：万元 and means the sums of money: counts and rates keep what they have.
    """
    if column.role != "value" or column.unit or not stated:
        return column
    money = money_unit(stated)
    label = "".join(column.path)
    if money and not is_count(label):
        return replace(column, unit=money, unit_from="title")
    if not money and re.fullmatch(r"[^、,]+", stated) and not is_money(label):
        return replace(column, unit=stated, unit_from="title")
    return column
