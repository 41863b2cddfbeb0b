"""Where the tables stand in a sheet: title lines, header, body, notes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile

from analysis.clean.account_names import read_account
from analysis.clean.places import county_name, township_name, village_name
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.vocabulary import (
    bare_unit,
    fact,
    footnote,
    is_note,
    is_numbering,
    is_signature,
    is_total,
    is_word,
    is_year,
    lift_unit,
    lift_year,
    plain,
    role_of,
    stripped,
)

_MAX_HEADER_ROWS = 6
UNIT_WORDS = ("单位", "计量单位", "金额单位")
_PAGE = re.compile(r"^(?:第|共)[\d一二三四五六七八九十]+页|^页[码次]|^\d+/\d+页?$")
_CONTINUED = re.compile(r"续[表页]|[(（]续[)）]")
PLACES = frozenset({"county", "township", "village"})


@dataclass(frozen=True)
class Block:
    """One table in a grid, by row positions."""

    grid: Grid  # the rectangle it stands in
    titles: tuple[int, ...]  # rows above the header: title, unit, who filled it in
    header: tuple[int, ...]  # rows of the header; empty when there is none
    body: tuple[int, ...]  # rows with values, blank rows and repeated headers left out
    notes: tuple[int, ...]  # rows after it: notes and signatures
    repeated: tuple[int, ...] = ()  # rows that print the header again, for the next page
    doubtful: tuple[int, ...] = ()  # rows taken for body that could as well be a second header row


def find_blocks(grid: Grid, said: Mapping[int, int] | None = None) -> Iterator[Block]:
    """Yield the tables of a grid; ``said`` gives header rows of blocks, as a person named them."""
    headers = _header_starts(grid)
    for number, line in (said or {}).items():
        if line in grid.lines:
            at = grid.lines.index(line)
            headers[number - 1 : number] = [at]
    headers = sorted(set(headers))
    if not headers:
        yield from _cards(grid)
        return
    starts = [0, *(_first_title(grid, header) for header in headers[1:]), grid.height]
    titles: list[int] = []
    for at, (header, first, last) in enumerate(zip(headers, starts, starts[1:], strict=False)):
        own = list(range(first, header))
        is_same = at > 0 and not own and _heads_again(grid, headers[at - 1], header)
        goes_on = any(_CONTINUED.search("".join(grid.texts[row])) for row in own)
        # a head printed again stands under the same title, a 续表 under both: its own unit counts
        titles = [*own, *titles] if is_same or goes_on else own
        parts = _side_by_side(grid, header, last)
        for columns in parts:
            part = grid if columns is None else grid.cut(range(grid.height), columns)
            shared = _shared_titles(grid, titles, len(parts))
            yield _block(part.written(shared) if columns else part, titles, header, last)


def _cards(grid: Grid) -> Iterator[Block]:
    """Yield what stands under no header: another village after amounts begins another card."""
    starts = [0]
    has_data = False
    for row in range(grid.height):
        labels = [plain(text) for _, text in grid.distinct(row)]
        names = [role_of(stripped(label)) for label in labels[::2]]
        if has_data and "village" in names and is_fact_row(labels):
            starts.append(_first_title(grid, row))
            has_data = False
        has_data = has_data or grid.is_data(row)
    for first, last in pairwise([*starts, grid.height]):
        rows = [row for row in range(first, last) if not grid.is_blank(row)]
        data = [row for row in rows if grid.is_data(row)]
        if data and grid.width > 1:
            yield Block(
                grid, tuple(r for r in rows if r < data[0]), (),
                tuple(r for r in rows if data[0] <= r <= data[-1]),
                tuple(r for r in rows if r > data[-1]),
            )  # fmt: skip


def is_fact_row(labels: list[str]) -> bool:
    """Tell whether cells are pairs: a place's word and its name, 年度 and a year."""
    pairs = zip(labels[::2], labels[1::2], strict=False)
    return len(labels) > 1 and len(labels) % 2 == 0 and all(
        has_kind(value) if (role := role_of(stripped(label))) in PLACES
        else role == "year" and is_year(value)
        for label, value in pairs
    )  # fmt: skip


def has_kind(text: str) -> bool:
    """Tell whether a text ends as the name of a county, township or village does."""
    kinds = (county_name(text).kind, township_name(text).kind, village_name(text).kind)
    return any(kinds) and not is_word(text)


def is_line(grid: Grid, row: int) -> bool:
    """Tell whether a row is running text: a title, a unit, a statement, a note."""
    cells = grid.distinct(row)
    if len(cells) > 1 and grid.kinds[row].count("n") > 1:
        return False
    labels = [plain(text) for _, text in cells]
    spans = [span for at, _ in cells if (span := grid.covered.get((row, at)))]
    if not labels or all(map(is_year, labels)):
        return False
    if len(cells) > 1 and any(span.bottom > span.top for span in spans):
        return False  # a head of several levels, with the unit in its corner
    if len(cells) == 1:
        span = grid.covered.get((row, cells[0][0]))
        wide = span is not None and span.right > span.left
        return wide or grid.kinds[row][cells[0][0]] not in "nf"
    if is_fact_row(labels):
        return True
    stated = [
        bool(fact(t) or is_signature(t) or t.endswith("表") or _PAGE.match(t))
        or (t.startswith(UNIT_WORDS) and bool(lift_unit(t)[0]))
        for t in labels
    ]
    for at, (label, value) in enumerate(pairwise(labels)):
        if label in UNIT_WORDS and bare_unit(value):
            stated[at] = stated[at + 1] = True
    if any(stated[1:]) and has_kind(labels[0]):
        stated[0] = True  # whose it is, before its unit
    loose = sum(not s and not lift_year(t)[0] for s, t in zip(stated, labels, strict=True))
    # a statement may stand in two cells: its label with a colon, its value beside it
    return any(stated) and loose <= sum(t.endswith(":") for t in labels)


def _header_like(grid: Grid, row: int) -> bool:
    cells = grid.distinct(row)
    return (
        len(cells) > 1
        and not grid.is_data(row)
        and not is_line(grid, row)
        and not is_note(cells[0][1])
        and not is_numbering([plain(text) for _, text in cells])
    )


def _header_words(grid: Grid, row: int) -> int:
    labels = [stripped(text) for _, text in grid.distinct(row)]
    return sum(bool(role_of(label)) or is_year(label) for label in labels)


def _header_starts(grid: Grid) -> list[int]:
    """Return the first header row of each table."""
    starts: list[int] = []
    seen_data = seen_above = False
    parted = True
    first: list[str] = []
    for row in range(grid.height):
        if grid.is_blank(row) or is_line(grid, row):
            parted = True
            continue
        if grid.is_data(row):
            seen_data = True
            seen_above = seen_above or not starts
        elif _header_like(grid, row) and (
            not starts
            or (seen_data and ((is_again := _heads_again(grid, starts[-1], row)) or parted))
        ):
            texts = [text for text in grid.texts[row] if text]
            is_new = not starts or ((is_again or _header_words(grid, row)) and texts != first)
            # the same header again, with a title of its own, is a table of its own
            own_title = bool(starts) and row > 0 and _titled(grid, row)
            if is_new or (own_title and texts == first):
                starts.append(row)
                first, seen_data = texts, False
        parted = False
    if starts and not any(grid.is_data(row) for row in range(starts[0], grid.height)):
        # words below the last number are no header
        return [] if seen_above else starts[:1]
    return starts


def _heads_again(grid: Grid, start: int, row: int) -> bool:
    """Tell whether a row names columns anew: words of the head over it, or amounts over numbers."""
    head = range(start, min(row, start + _MAX_HEADER_ROWS) or 1)
    rows = takewhile(lambda above: not grid.is_data(above), head)
    words = {_bare(text) for above in rows for text in grid.texts[above] if text}
    own = {_bare(text) for text in grid.texts[row] if text}
    if len(words & own) > 1 and len(words & own) > len(own) / 2:
        return True
    first = stripped(grid.distinct(row)[0][1])
    if first == stripped(grid.distinct(start)[0][1]) and role_of(first):
        return True  # 村名 over other villages
    above = [kinds for at, kinds in enumerate(grid.kinds[start:row], start) if grid.is_data(at)]
    numbers = {at for at in range(grid.width) if any(kinds[at] == "n" for kinds in above)}
    named = {text for at, text in grid.distinct(row) if at in numbers and _is_of_amounts(text)}
    return len(named) + len(words & own - {_bare(text) for text in named}) > 1


def _bare(text: str) -> str:
    """Return what a head says, without its unit."""
    return stripped(lift_unit(plain(text))[1])


def _is_of_amounts(text: str) -> bool:
    """Tell whether a cell is the head of amounts: an account, a measure, a year."""
    bare = _bare(text)
    return is_year(bare) or read_account(bare).code in {"account", "total"}


def _lines_above(grid: Grid, header: int) -> list[int]:
    """Return the rows of running text above a header, the nearest first."""
    rows = []
    for row in range(header - 1, -1, -1):
        if not grid.is_blank(row):
            if not is_line(grid, row) or is_note(grid.distinct(row)[0][1]):
                break
            rows.append(row)
    return rows


def _titled(grid: Grid, header: int) -> bool:
    """Tell whether a title with a year or a unit of its own stands right above a header."""
    texts = (plain("".join(grid.texts[row])) for row in _lines_above(grid, header)[:1])
    return any(lift_year(t)[0] or lift_unit(t)[0] or t.endswith("表") for t in texts)


def _first_title(grid: Grid, header: int) -> int:
    """Return the row where the title lines above a later header begin."""
    return min(_lines_above(grid, header), default=header)


def _is_numbering(grid: Grid, row: int) -> bool:
    cells = grid.distinct(row)
    # most rows are data, and most of these begin with more than two characters
    return len(cells[0][1]) <= 4 and is_numbering([plain(text) for _, text in cells])  # noqa: PLR2004


def _side_by_side(grid: Grid, header: int, last: int) -> list[list[int] | None]:
    """Return the columns of each table of those that stand beside each other."""
    rows = [row for row in range(header, last) if not is_line(grid, row)]
    used = [any(grid.filled(row, column) for row in rows) for column in range(grid.width)]
    runs = groupby(range(grid.width), key=used.__getitem__)
    groups = [list(columns) for is_used, columns in runs if is_used]
    named = [
        len(group) > 1
        and any(role_of(stripped(grid.filled(row, c))) for row in rows[:2] for c in group)
        for group in groups
    ]
    return [*groups] if len(groups) > 1 and all(named) else [None]


def _shared_titles(grid: Grid, rows: Iterable[int], parts: int) -> dict[tuple[int, int], str]:
    """Return the lines over all of some tables side by side: not those with a text for each."""
    told = {row: [text for _, text in grid.distinct(row)] for row in rows}
    return {(row, 0): "  ".join(texts) for row, texts in told.items() if 0 < len(texts) < parts}


def _block(grid: Grid, above: Iterable[int], start: int, last: int) -> Block:
    titles = tuple(row for row in above if not grid.is_blank(row))
    header, doubtful = _header_rows(grid, start, last)
    printed = {tuple(grid.texts[row]) for row in header}
    body: list[int] = []
    notes: list[int] = []
    repeated: list[int] = []
    for row in range(header[-1] + 1, last):
        if grid.is_blank(row):
            continue
        cells = grid.distinct(row)
        if notes or is_note(cells[0][1]) or all(is_signature(text) for _, text in cells):
            notes.append(row)
        elif tuple(grid.texts[row]) in printed or _is_numbering(grid, row):
            repeated.append(row)
        else:
            body.append(row)
    while body and _is_trailing_text(grid, body[-1]):
        notes.insert(0, body.pop())
    return Block(grid, titles, header, tuple(body), tuple(notes), tuple(repeated), doubtful)


def _is_trailing_text(grid: Grid, row: int) -> bool:
    """Tell whether a last row is a sentence under the table."""
    cells = grid.distinct(row)
    ((at, text), *others) = cells
    is_sentence = len(text) > 20 or text.endswith(("。", ".")) or bool(footnote(text))  # noqa: PLR2004
    return is_sentence and not others and grid.kinds[row][at] not in "nf"


def _header_rows(grid: Grid, start: int, last: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the header's rows, and the rows after it that may belong to it."""
    end = start + 1
    row = start
    while row < min(end, last):
        for span in (s for s in grid.spans if s.top == row):
            if span.bottom > row and span.bottom < start + _MAX_HEADER_ROWS:
                end = max(end, span.bottom + 1)
            below = row + 1
            if span.right > span.left and span.bottom == row and below < last:
                children = grid.texts[below][span.left : span.right + 1]
                if any(children) and not grid.is_data(below):
                    end = max(end, below + 1)
        row += 1
        if (
            row == end
            and row < min(last, start + _MAX_HEADER_ROWS)
            and _continues(grid, start, row)
        ):
            end = row + 1
    header = tuple(row for row in range(start, min(end, last)) if not grid.is_blank(row))
    doubtful = []
    for row in range(end, min(last, start + _MAX_HEADER_ROWS)):
        if grid.is_data(row) or grid.is_blank(row) or not _header_like(grid, row):
            break
        names = any(map(_is_of_amounts, grid.texts[row]))
        if _is_sum_line(grid, row) or not (names or _header_words(grid, row)):
            break
        doubtful.append(row)
    return header, tuple(doubtful)


def _is_sum_line(grid: Grid, row: int) -> bool:
    """Tell whether a line is that of a sum: it has one label, and 小计 stands among others."""
    labels = [text for _, text in grid.distinct(row) if re.search(r"[^\W\d]", text)]
    return any(map(is_total, labels)) and (len(labels) == 1 or all(map(is_total, labels)))


def _over(grid: Grid, start: int, row: int) -> list[str]:
    """Return what stands in the header over the cells of a row."""
    columns = [column for column, _ in grid.distinct(row)]
    return [grid.filled(above, at) for above in range(start, row) for at in columns]


def _continues(grid: Grid, start: int, row: int) -> bool:
    """Tell whether a row below the header is one more level of it, without merged cells."""
    labels = [plain(text) for _, text in grid.distinct(row)]
    if not labels or grid.is_data(row):
        return False
    if is_numbering(labels) or all(map(bare_unit, labels)):
        return True
    if all(map(is_year, labels)):
        # 2021年 alone under 村名 is a heading of the lines below it
        return len(labels) > 1 or not any(role_of(stripped(t)) for t in _over(grid, start, row))
    above = [plain(text) for _, text in grid.distinct(start)]
    if (not _header_words(grid, start) or all(map(is_year, above))) and _header_words(grid, row):
        # banners over the heads of each table on the sheet
        return len(labels) > len(above)
    if is_note(labels[0]):
        return False
    first = next(column for column in range(grid.width) if grid.filled(start, column))
    top = grid.covered.get((row, first))
    own = grid.texts[row][first]
    # 村名 may be printed on each level of the head
    is_free = own in {"", grid.texts[start][first]} and (top is None or top.top >= start)
    below_header = all(
        any(grid.filled(above, column) for above in range(start, row))
        or any(grid.filled(start, left) for left in range(column))
        for column, text in enumerate(grid.texts[row])
        if text
    )
    return is_free and below_header and not _is_sum_line(grid, row)
