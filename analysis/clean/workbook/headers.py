"""From the header rows of a table to what each column is: path, unit, year, basis, role."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile

from analysis.clean.account_names import read_account
from analysis.clean.amounts import WORDS
from analysis.clean.places import CODE
from analysis.clean.words import pattern
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.vocabulary import (
    bare_unit,
    basis_of,
    is_count,
    is_money,
    is_number_like,
    is_numbering,
    is_only_a_sum,
    is_part,
    is_place,
    is_quantity,
    is_total,
    is_township,
    is_word,
    is_year,
    item_kind,
    item_label,
    joined_basis,
    lift_unit,
    lift_year,
    money_unit,
    plain,
    role_of,
    short_years,
    stripped,
    with_full_years,
)

KEYS = (
    "number", "code", "county", "township", "village", "item", "year", "unit", "period", "basis",
)  # fmt: skip
"""Roles of columns that say what a row is about."""

PLACES = ("county", "township", "village")

ASIDE = frozenset({"person", "supporter", "prefecture", "credit_code", "item_code", "remark"})
"""What a head announces that is neither a key nor an amount."""

SAMPLE = 300  # body rows looked at to tell what a column holds
MOSTLY = 0.5
CARD = 0.3
VOTE = 0.6
_GLOSS = re.compile(r"(?<=[\u4e00-\u9fff)])\s*[A-Z][A-Za-z .,'/&-]{2,}(?=\(|$)")  # 村名 Village
_PLAIN_NUMBER = re.compile(r"[\d,]+(?:\.\d+)?", re.ASCII)
_SIGNED = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_AMOUNT = re.compile(r"[\d,]+(?:\.\d+)?[%‰]?", re.ASCII)
_PLACE_CODE = re.compile(r"\d{9,12}(?:\.0)?|[A-Z]{2,}-[\w-]+", re.ASCII)
_DATE = re.compile(r"(?:(?:19|20)?\d\d[-./年])?\d{1,2}[-./月]\d{1,2}日?(?: .*)?", re.ASCII)
_PLACE_CODE_HEAD = re.compile("行政|区划|村|统计")
_NEUTRAL = frozenset({"", "0", "0.0", "0.00", "√", "×", *WORDS["missing"]})
_UNIT_HEADS = frozenset({"单位", "计量单位", "金额单位"})


@dataclass(frozen=True)
class Column:
    """What one column of a table is."""

    name: str  # the header as printed, levels joined by " / ", unique in its table
    # header levels from the top, without unit, year, basis, numbering and 其中
    path: tuple[str, ...]
    role: str  # one of `KEYS`, "value" or "text"
    # unit and where it is stated: "header", "row" (a line of units), "title" or "sheet"
    unit: str | None = None
    unit_from: str | None = None
    year: int | None = None  # year and where it is stated: "header", "title", "sheet" or "file"
    year_from: str | None = None
    is_total: bool = False  # A sum over other columns by its label
    is_part: bool = False  # its label begins with 其中: it is a part of the column before it
    part_of: str = ""  # the label of that column
    basis: str = ""  # of which time and side its amounts are, as `vocabulary.joined_basis` says it

    @property
    def label(self) -> str:
        """The levels of its head as one name."""
        return "/".join(self.path)

    @property
    def is_nameless(self) -> bool:
        """Whether nothing stands over the column."""
        return not self.path and self.name.startswith("column ")

    @property
    def is_money(self) -> bool:
        """Whether the column holds money by its name."""
        label = "".join(self.path)
        if self.unit_from == "header" and self.unit and not money_unit(self.unit):
            return False  # 5-10万元 under 村数（个）
        return is_money(label) or (self.role == "value" and not is_count(label))


def read_header(
    grid: Grid, header: Sequence[int], body: Sequence[int]
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return what the columns are, and the header cells that took the text on their left."""
    levels, filled = _levels(grid, header)
    units: dict[int, str] = {}
    kept = []
    for row, texts in zip(header, levels, strict=True):
        own = {c: t for c in range(grid.width) if (t := plain(grid.texts[row][c]))}
        named = {column: bare_unit(text) for column, text in own.items()}
        rest = [own[c] for c, unit in named.items() if not unit]
        if any(named.values()) and all(text in _UNIT_HEADS for text in rest):
            units |= {column: unit for column, unit in named.items() if unit}
        elif not is_numbering(list(own.values())) and not _is_number_row(own):
            kept.append(texts)
    columns = []
    names: dict[str, int] = {}
    rows = body[:SAMPLE]
    in_full = _has_short_years([plain(text) for level in kept for text in level])
    for column in range(grid.width):
        texts = [text for level in kept if (text := level[column])]
        texts = [t for at, t in enumerate(texts) if at == 0 or t != texts[at - 1]]
        name = " / ".join(plain(text) for text in texts) or f"column {column + 1}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        texts = [_GLOSS.sub("", plain(text)) for text in texts]
        texts = [with_full_years(text) for text in texts] if in_full else texts
        role = _role([plain(grid.filled(row, column)) for row in rows], texts)
        columns.append(_column(texts, name, role, units.get(column)))
    columns = _with_listed(_with_parts(columns), grid, body)
    return tuple(_with_votes(grid, columns, rows)), tuple(filled)


def _with_parts(columns: Sequence[Column]) -> list[Column]:
    """Say of heads beside the 小计 of their banner that they are its parts."""
    summed = {c.path[:-1] for c in columns if len(c.path) > 1 and is_only_a_sum(c.path[-1])}
    return [
        replace(c, is_part=True) if c.path[:-1] in summed and not is_only_a_sum(c.path[-1]) else c
        for c in columns
    ]


def _with_listed(columns: Sequence[Column], grid: Grid, rows: Sequence[int]) -> list[Column]:
    """Say of a head with 其中, and of those behind it that make up the sum with it, of what."""
    made = list(columns)
    for at, column in enumerate(columns):
        opens = len(column.path) == 1 and is_part(column.name) and column.role == "value"
        before = columns[at - 1] if at else None
        if not opens or before is None or before.role != "value" or is_part(before.name):
            continue
        behind = takewhile(lambda c: c.role == "value" and len(c.path) == 1, columns[at + 1 :])
        ends = range(at + 1, at + 1 + len(list(behind)))
        last = next((end for end in ends if _makes(grid, rows, at - 1, end)), at)
        for place in range(at, last + 1):
            made[place] = replace(made[place], is_part=True, part_of=before.label)
    return made


def _makes(grid: Grid, rows: Sequence[int], whole: int, last: int) -> bool:
    """Tell whether in each line, of two or more, the columns behind one make up its amount."""
    lines = [[plain_amount(text) for text in grid.texts[row][whole : last + 1]] for row in rows]
    known = [[one for one in line if one is not None and one >= 0] for line in lines]
    return len(lines) > 1 and all(
        len(held) == len(line) and any(held) and held[0] == sum(held[1:])
        for line, held in zip(lines, known, strict=True)
    )


def plain_amount(text: str) -> Decimal | None:
    """Return a plain number, zero for a blank, and nothing for what needs reading."""
    bare = text.replace(",", "") or "0"
    return Decimal(bare) if _SIGNED.fullmatch(bare) else None


def _has_short_years(labels: Sequence[str]) -> bool:
    """Tell whether heads name years by two digits: another year beside one bears it out."""
    short = {year for label in labels for year in short_years(label)}
    return len(short) > 1 or (bool(short) and any(lift_year(label)[0] for label in labels))


def _is_number_row(own: dict[int, str]) -> bool:
    """Tell whether a header row holds nothing but row numbers or codes behind their label."""
    labels = list(own.values())
    return (
        len(labels) > 1
        and role_of(labels[0]) in {"number", "code"}
        and all(text.isalnum() and text.isascii() for text in labels[1:])
    )


def _levels(grid: Grid, header: Sequence[int]) -> tuple[list[list[str]], list[str]]:
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
    path, bases = [], []
    unit = year = None
    for text in texts:
        found_unit, rest = lift_unit(plain(text))
        found_year, rest = lift_year(rest)
        if year is not None and found_year is not None and found_year != year:
            found_year, rest = None, plain(text)
        unit, year = found_unit or unit, found_year or year
        time, side, rest = basis_of(rest) if role == "value" else ("", "", rest)
        bases.append((time, side))
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
        basis=joined_basis(bases),
    )


def _role(sample: list[str], texts: list[str]) -> str:
    label = stripped(texts[-1]) if texts else ""
    same = pattern("kinds", "same_as_above").fullmatch
    held = [text for text in sample if text not in _NEUTRAL and not same(text)]
    announced = next((role for text in reversed(texts) if (role := role_of(text))), "")
    if label in _UNIT_HEADS:
        return "unit" if _share_of(held, bare_unit) > MOSTLY else "village"
    return _announced_role(announced, label, held) if announced else _role_of_cells(held, texts)


def _announced_role(announced: str, label: str, held: list[str]) -> str:
    """Return the role that a head announces, as its cells bear it out."""
    if announced in {*PLACES, "place"}:
        return _place_role(announced, held)
    if announced == "item":
        return _item_role(held, label)
    if announced in {"year", "period"}:
        return _time_role(announced, held)
    if announced == "code":
        is_code = _share_of(held, _PLACE_CODE.fullmatch) > MOSTLY or _PLACE_CODE_HEAD.search(label)
        return "code" if is_code else "number"
    if announced == "remark" and _share_of(held, _PLAIN_NUMBER.fullmatch) > MOSTLY:
        return "value"
    return "text" if announced in ASIDE else announced


def _role_of_cells(held: list[str], texts: list[str]) -> str:
    """Return what a column holds whose head announces no role."""
    if not held:
        head = plain("".join(texts))
        says = (lift_year(head)[0], lift_unit(head)[0], basis_of(head)[0])
        is_value = any(says) or is_money(head) or is_count(head)
        return "value" if is_value else "text"
    if not texts and len(held) > 1 and is_numbering(held):
        return "number"
    if _share(held, _is_period) >= VOTE:
        return "period"
    if all(map(CODE.fullmatch, held)):
        return "code"
    if all(map(is_year, held)) and "".join(texts).isascii():  # ND, and not 建成年份
        return "year"
    # on a card without a head names and words stand among the amounts
    mostly = MOSTLY if texts else CARD
    return "value" if _share_of(held, is_number_like) > mostly else "text"


def _share_of(held: Sequence[str], of: Callable[[str], object]) -> float:
    return sum(bool(of(text)) for text in held) / len(held) if held else 0.0


def _place_role(announced: str, held: list[str]) -> str:
    """Return the role of a column that is headed as one of places, as its cells bear it out."""
    if held and all(map(_AMOUNT.fullmatch, held)):
        return "value"  # a count under 村: how many there are, not which one it is
    if held and _share(held, item_kind) >= VOTE and not any(map(is_place, held)):
        return "item"
    return "village" if announced == "place" else announced


def _item_role(held: list[str], label: str) -> str:
    if _share(held, is_place) >= VOTE:
        return "village"
    if not held or _share(held, item_kind) >= VOTE / 2 or role_of(label) is None:
        return "item"
    return "text"  # names of projects, and no lines of a statement


def _share(held: Sequence[str], of: Callable[[str], object]) -> float:
    distinct = set(held)
    return _share_of(sorted(distinct), of)


def _time_role(announced: str, held: list[str]) -> str:
    """Return the role of a column headed as of years or periods, as its cells bear it out."""
    if _are_of_years(held):
        return "basis"
    if announced == "period":
        return "year" if held and all(map(is_year, held)) else "period"
    if _share_of(held, lambda t: is_year(t) or lift_year(t)[0]) > MOSTLY:
        return "year"
    return "value" if any(map(is_number_like, held)) else "text"


def _are_of_years(held: list[str]) -> bool:
    """Tell whether cells say 本年 and 上年, perhaps 增减, and nothing else."""
    said = [basis_of(text) for text in held]
    times = {time for time, _, _ in said}
    is_whole = not any(rest for _, _, rest in said)
    return is_whole and {"before", "year"} <= times <= {"before", "year", "rate"}


def _is_period(text: str) -> bool:
    if text.isascii():  # most cells are amounts
        return False
    time, _, rest = basis_of(text)
    return time in {"month", "quarter", "running"} and not rest and not text.isdigit()


def _with_votes(grid: Grid, columns: list[Column], rows: Sequence[int]) -> list[Column]:
    """Let the cells of columns without a known head vote: names of villages, of items."""
    voted = list(columns)
    for at, column in enumerate(voted):
        held = [t for row in rows if (t := plain(grid.filled(row, at))) not in _NEUTRAL]
        if column.role == "text" and not column.path and _are_of_years(held):
            voted[at] = replace(column, role="basis")
    for role, of in (("township", is_township), ("village", is_place), ("item", item_kind)):
        for at, column in enumerate(voted):
            # in another block of the sheet there may be a head that says so
            has_one = any(each.role == role for each in _beside(voted, at))
            is_free = column.role == "text" and role_of(column.name) not in ASIDE
            if is_free and not has_one:
                held = [t for row in rows if (t := plain(grid.filled(row, at))) not in _NEUTRAL]
                known = sum(item_kind(text) == "known" for text in held)
                if _share(held, of) >= VOTE and (role != "item" or known):
                    voted[at] = replace(column, role=role, is_total=False, is_part=False)
    roles = {column.role for column in voted}
    if "item" in roles and not roles & {"year", "period"}:
        # a cash book: each line is one of many entries of its year
        voted = [
            replace(column, role="period") if _dates_entries(column, grid, rows, at) else column
            for at, column in enumerate(voted)
        ]
    return voted


def _dates_entries(column: Column, grid: Grid, rows: Sequence[int], at: int) -> bool:
    held = {text for row in rows if (text := plain(grid.filled(row, at)))}
    is_headed = pattern("kinds", "entry_dates").fullmatch(stripped(column.name.split(" / ")[-1]))
    return bool(is_headed) and len(held) > 1 and _share_of(sorted(held), _DATE.fullmatch) > MOSTLY


def _beside(columns: Sequence[Column], at: int) -> Sequence[Column]:
    """Return the columns of the block that a column may belong to: up to the next amounts."""
    first, last = at, at + 1
    while first > 0 and columns[first - 1].role != "value":
        first -= 1
    while last < len(columns) and columns[last].role != "value":
        last += 1
    return columns[first:last]


def panels(columns: Sequence[Column]) -> list[list[int]]:
    """Return the columns of each block side by side: a second key after amounts starts one."""
    starts, has_values = [0], False
    seen: set[str] = set()
    for at, column in enumerate(columns):
        if column.role in {"village", "item"} and has_values and column.role in seen:
            first = at
            while first > 0 and columns[first - 1].role in KEYS:
                first -= 1
            starts.append(first)
            seen, has_values = set(), False
        seen.add(column.role)
        has_values = has_values or column.role == "value"
    ends = [*starts[1:], len(columns)]
    return [list(range(start, end)) for start, end in zip(starts, ends, strict=True)]


def key_width(grid: Grid, header: Sequence[int], body: Sequence[int]) -> int:
    """Return how many leading columns label the rows of a table with accounts down."""
    width = 0
    for column in range(grid.width):
        label = next((t for row in header if (t := stripped(grid.filled(row, column)))), "")
        texts = [plain(grid.filled(row, column)) for row in body[:SAMPLE]]
        held = [text for text in texts if text not in _NEUTRAL]
        of_text = sum(not is_quantity(text) for text in held) > MOSTLY * len(held)
        is_key = (
            role_of(label) in {"number", "code", "item_code", "unit", "item"}
            or (label in {"单位", "代码"} and all(bare_unit(t) or not t for t in texts))
            or is_numbering([text for text in texts if text])
            or ((width < 2 or not label) and bool(held) and of_text)  # noqa: PLR2004
        )
        if not is_key:
            break
        width = column + 1
    return width


def with_stated_unit(column: Column, stated: str | None) -> Column:
    """Return the column with the unit of the title where that speaks of it: not for counts."""
    if column.role != "value" or column.unit or not stated:
        return column
    money = money_unit(stated)
    label = "".join(column.path)
    if money and not is_count(label):
        return replace(column, unit=money, unit_from="title")
    if not money and re.fullmatch(r"[^、,]+", stated) and not is_money(label):
        return replace(column, unit=stated, unit_from="title")
    return column


def places_named(texts: Sequence[str]) -> bool:
    """Tell whether texts name places and none is a word of the vocabulary."""
    held = [text for text in texts if text and not is_total(text)]
    return bool(held) and not any(is_word(t) or is_money(t) or is_count(t) for t in held)


def is_known_item(label: str) -> bool:
    """Tell whether a head or line is known, whatever is done with it."""
    return bool(label) and read_account(label).code != "unknown"
