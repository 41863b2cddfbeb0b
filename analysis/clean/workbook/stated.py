"""What is said around a table: title, unit, year, place, who filled it in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from analysis.clean.places import without_body
from analysis.clean.words import pattern
from analysis.clean.workbook.find import PLACES, UNIT_WORDS, has_kind, is_fact_row
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.tables import Fact, Question
from analysis.clean.workbook.vocabulary import (
    YEAR,
    bare_unit,
    fact,
    is_date_fact,
    lift_unit,
    lift_year,
    plain,
    role_of,
    spelled,
    stripped,
    with_full_years,
    years_named,
)

_PLACE = re.compile(
    r"(?:[\u4e00-\u9fff]{1,6}?[省市])?(?P<county>[\u4e00-\u9fff]{1,5}?(?:县|(?<!社)区))?"
    r"(?P<township>[\u4e00-\u9fff]{1,6}?(?:镇(?!级|村级)|乡(?!镇|级|村(?!集体))|街道))?"
)
_NO_PLACE = re.compile(
    "(?:.*(?:全|本|我|各|该)|每|外|邻|市|所[在属]|根据|按照?|经|由|上?报)(?:县|区|镇|乡|街道)"
)
_WHOLE_YEAR = re.compile(r"全年|(?<!\d)1月?[-—–~至到]+12月", re.ASCII)
_PART = re.compile(
    r"第?[一二三1-3]季度|第[一二三1-3]季|前[一二三两]季度?|[上下前]半年|半年|"
    r"\d{1,2}月?[-—–~至到]+\d{1,2}月",
    re.ASCII,
)
_DATE = re.compile(
    rf"(?<![至到止])(?:{YEAR}年\d{{1,2}}月\d{{1,2}}日?|{YEAR}([-./])\d{{1,2}}\2\d{{1,2}})"
)
"""When a notice was written: no year of its amounts where another is named."""

_MONTH = re.compile(r"(?<![\d-])(?:[1-9]|1[0-2])月份?(?!\d|日|底|末)", re.ASCII)
_PERHAPS = re.compile(r"第?[四4]季度|第[四4]季|累计|截[至止]|(?:成立|建社|建账|组建)以来")
_FILLER = re.compile("填报单位|单位名称|编制单位|填制单位|核算单位|账套名称|账套|单位|村名[::]")
_VILLAGE = re.compile(
    "([\u4e00-\u9fff]{1,8}?(?:村|社区))"
    "(?:民委员会|委会|居民委员会|居委会)?(?=$|级?集体|财务|收支|收入|经济|历年|近.{1,2}年|资产|资源|三资|明细)"
)
_NO_VILLAGE = re.compile(
    "(?:各|全|本|我|该|乡|镇|.{0,3}农|每|整|村|.{0,3}[年月度级内辖]|所有|行政|自然|部分|.{0,6}(?:贫困|脱贫|薄弱|示范|重点|联建|结对"
    "|先进|后进|帮扶|空壳|试点|典型|[强弱富穷]))村"
)
_UNIT_NOTE = re.compile(  # 注:1.以上金额单位均为万元
    r"(?:注[::])?(?:\(?\d{1,2}[.、)])?(?:以上|本表|表中|表内|所有|各项)*(?:数据|金额|数字)?的?(?:计量|金额)?单位"
)
_PARTED = re.compile(
    r"[\s\u3000]{2,}|(?<=\S)(?=(?:编制单位|填报单位|填制单位|单位名称|核算单位|金额单位|计量单位|货币单位|报告期间|会计期间"
    r"|年份|(?<!编制)(?<!填报)(?<!填制)(?<!计量)(?<!金额)(?<!货币)(?<!核算)单位)[::：])"
)


@dataclass(frozen=True)
class Stated:
    """What the lines around a table say."""

    title: str  # lines above the header that are no statements, joined
    # statements such as 填报单位, above and below, and places that title, sheet or file name
    facts: tuple[Fact, ...]
    unit: str  # unit stated for the whole table, empty when none is
    year: int | None  # year of the whole table and where it is stated: "title", "sheet" or "file"
    year_from: str
    doubt: Question | None  # when two statements contradict each other
    period: str  # a part of a year that title, sheet or file speak of (第二季度), or empty
    is_part: bool  # whether the table is certainly about that part only
    # what says that the table is planned or another body's, empty where nothing does
    plan: str = ""
    says_whole: bool = False  # whether title or sheet say that it is of the whole year


def read_stated(
    grid: Grid, titles: Sequence[int], notes: Sequence[int], sheet: str, file: str
) -> Stated:
    """Return what the lines around a table say."""
    lines: list[str] = []
    facts: list[Fact] = []
    unit = ""
    for row in titles:
        for column, text in _statements(grid, row):
            label = plain(text).rstrip("(")
            if not unit and (found := lift_unit(label)[0] or bare_unit(label)):
                stated = re.search(r"单位[::]?([^()\[\]】)]+)", label)
                unit = stated[1].removeprefix("人民币") if stated else found
                if not lift_unit(label)[1]:
                    continue
            if told := fact(text):
                facts.append(Fact(*told, grid.address(row, column)))
            else:
                lines.append(label)
    for row in notes:
        for column, text in _statements(grid, row):
            if not unit and _UNIT_NOTE.match(plain(text)):
                unit = lift_unit(plain(text))[0] or ""
            if told := fact(text):
                facts.append(Fact(*told, grid.address(row, column)))
    title = " ".join(lines)
    stem = PurePath(file).stem
    said = " ".join([title, *(f.value for f in facts if not is_date_fact(f.label))])
    sources = (("title", said), ("sheet", sheet), ("file", stem))
    year, year_from, doubt = _year(sources, grid.extent())
    places = [("title", line) for line in lines]
    places += [(f.cell, f.value) for f in facts if not is_date_fact(f.label)]
    named, clash = _named_places((*places, *sources[1:]), grid.extent())
    facts += [fact for fact in named if fact.label not in {f.label for f in facts}]
    doubt = doubt or clash
    period = _period(said, sheet, stem)
    plan = _plan([title, sheet, stem])
    says_whole = any(_WHOLE_YEAR.search(spelled(plain(text))) for text in (said, sheet))
    return Stated(title, tuple(facts), unit, year, year_from, doubt, *period, plan, says_whole)


def facts_of_card(grid: Grid, rows: Sequence[int]) -> tuple[Fact, ...]:
    """Return the places that stand beside their words in the lines of a table without a head."""
    return tuple(
        Fact(str(role), plain(value), grid.address(row, at))
        for row in rows
        for (at, label), (_, value) in pairwise(grid.distinct(row))
        if (role := role_of(stripped(label))) in PLACES and has_kind(plain(value))
    )


def _named_places(
    sources: Sequence[tuple[str, str]], cell: str
) -> tuple[list[Fact], Question | None]:
    """Return the first place of each level that is named, or a doubt where villages contradict."""
    named: dict[str, list[Fact]] = {}
    for source, text in sources:
        for kind, value in places_in(text):
            named.setdefault(kind, []).append(Fact(kind, value, source))
    villages = named.get("village", [])
    names = sorted({plain(fact.value) for fact in villages})
    doubt = None
    if len(names) > 1:
        doubt = Question("village", cell, tuple(names))
        del named["village"]
    return [found[0] for found in named.values()], doubt


def _plan(texts: Sequence[str]) -> str:
    """Return the word by which title, sheet or file say that the table is no result."""
    for text in map(plain, texts):
        if found := pattern("plans", "other_system").search(text):
            return found[0]
        found = pattern("plans", "title").search(text)
        if found and not pattern("plans", "done").search(text):
            return found[0]
    return ""


def _period(title: str, sheet: str, file: str) -> tuple[str, bool]:
    """Return the part of a year that the table is about, and whether that is certain."""
    # a fourth quarter's running total may be the year's, a month in a title when it was filled in
    texts = [spelled(plain(text)) for text in (title, sheet, file)]
    if any(map(_WHOLE_YEAR.search, texts[:2])):
        return "", True
    month = _MONTH.search(texts[1])
    if found := next((m for text in texts if (m := _PART.search(text))), None):
        return found[0], True
    if month and not month[0].startswith("12"):
        return month[0], True
    doubtful = [*map(_PERHAPS.search, texts), _MONTH.search(texts[0]), month]
    return next(((m[0], False) for m in doubtful if m), ("", True))


def _statements(grid: Grid, row: int) -> list[tuple[int, str]]:
    """Return the statements of a line: several in a cell, or each in two (县区 | 西峰区 …)."""
    cells = grid.distinct(row)
    if is_fact_row([plain(text) for _, text in cells]):
        pairs = zip(cells[::2], cells[1::2], strict=True)
        return [(at, f"{role_of(stripped(label))}:{value}") for (at, label), (_, value) in pairs]
    return [
        (column, part)
        for column, text in _whole(grid, row)
        for part in _PARTED.split(text)
        if part.strip()
    ]


def _whole(grid: Grid, row: int) -> list[tuple[int, str]]:
    """Return the cells of a line; a label that waits for a value takes the cell beside it."""
    cells = grid.distinct(row)
    joined: list[tuple[int, str]] = []
    for column, text in cells:
        label = plain(joined[-1][1]) if joined else ""
        if label.endswith(":") and ":" not in plain(text):
            joined[-1] = (joined[-1][0], joined[-1][1] + text)
        elif label in UNIT_WORDS and bare_unit(plain(text)):
            joined[-1] = (joined[-1][0], f"{label}:{text}")
        else:
            joined.append((column, text))
    return joined


def _year(sources: Sequence[tuple[str, str]], cell: str) -> tuple[int | None, str, Question | None]:
    said = [(name, _begun(plain(text))) for name, text in sources]
    found = [(name, text, years) for name, text in said if (years := years_named(text))]
    single = [(name, years[0]) for name, text, years in found if lift_year(text)[0]]
    if not found or len(found[0][2]) > 1 or not single:
        return None, "", None
    named = dict.fromkeys(year for _, year in single)
    if len(named) > 1:
        evidence = "; ".join(f"{name} says {year}" for name, year in single)
        return None, "", Question("year", cell, tuple(map(str, named)), evidence)
    return single[0][1], single[0][0], None


def _begun(text: str) -> str:
    """Return a title or name without dates, and with its first 22年 in full."""
    text = spelled(with_full_years(text, only_first=True))
    undated = _DATE.sub("", text)
    return undated if years_named(undated) else text


def places_in(text: str) -> list[tuple[str, str]]:
    """Return the places that a running title or an organisation's name states."""
    for start in re.finditer(r"[\u4e00-\u9fff]+", _FILLER.sub("", plain(text))):
        run = start[0].lstrip("年度")
        found = _PLACE.match(run)
        named = [(k, v) for k, v in found.groupdict().items() if v] if found else []
        named = [(k, v) for k, v in named if not _NO_PLACE.fullmatch(v)]
        rest = without_body(run[found.end() :] if found else run)
        if (village := _VILLAGE.match(rest)) and not _NO_VILLAGE.fullmatch(village[1]):
            named.append(("village", village[1]))
        if named:
            return named
    return []
