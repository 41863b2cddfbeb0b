"""The pages of an office, clean but for what belongs to the form itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from analysis.simulate.offices.dirt import Dirt, how_many
from analysis.simulate.offices.ledger import ACCOUNTS, SUMS, Ledger, system
from analysis.simulate.offices.pages import Page
from analysis.simulate.offices.plan import Office
from analysis.simulate.offices.tables import Column, Line, Role, build
from analysis.simulate.years import YEARS

NOTE = "注：模拟数据，县名、乡镇名、村名均为虚构。"
"""The second line of every page, which says by itself that it is simulated."""

_KEY_HEADS: dict[str, tuple[Role, str]] = {
    "number": ("number", "序号"),
    "county": ("county", "县区"),
    "township": ("township", "乡镇"),
    "village": ("village", "村名"),
    "year": ("year", "年度"),
}
_NUMERALS = (*"一二三四五六七八九十", "十一", "十二", "十三")


def draft(office: Office, ledger: Ledger, dirt: Dirt, rng: np.random.Generator) -> list[Page]:
    """Return the pages of an office with the repeated lines and extra columns of the dirt."""
    again = _again(office, ledger, dirt, rng)
    pages = []
    for file, sheet, villages, year in _sheets(office, ledger):
        lines = list(_lines(office, ledger, villages, year, again))
        columns = _columns(office, dirt, year)
        corner = ("指标名称", "行次", "计量单位") if office.is_form else ("科目",)
        page = build(lines, columns, ledger, corner if office.is_turned else ())
        if office.is_turned:
            page = page.turned()
        place = office.county_name
        if "{township}" in office.file + office.sheet:
            place += ledger.townships[villages[0]]
        pages.append(replace(_titled(page, office, place, year), file=file, sheet=sheet))
    return pages


def _sheets(office: Office, ledger: Ledger) -> Iterator[tuple[str, str, list[int], int | None]]:
    """Yield file, sheet, villages and year of each page."""
    villages = ledger.of_county(office.county_code)
    if "{year}" in office.sheet:
        for year in YEARS:
            yield office.file, office.sheet.format(year=year), villages, year
    elif "{township}" in office.file + office.sheet:
        for township, members in groupby(villages, key=lambda at: ledger.townships[at]):
            names = {"township": township}
            yield office.file.format(**names), office.sheet.format(**names), list(members), None
    else:
        yield office.file, office.sheet, villages, None


_Again = dict[tuple[int, int | None], str]


def _again(office: Office, ledger: Ledger, dirt: Dirt, rng: np.random.Generator) -> _Again:
    """Choose the lines that are printed twice, by village and year."""
    villages = ledger.of_county(office.county_code)
    by_year = "{year}" in office.sheet or office.order != "village"
    years: Sequence[int | None] = YEARS if by_year else (None,)
    keys = [(village, year) for village in villages for year in years]
    order = rng.permutation(len(keys))
    twice = how_many(dirt["duplicate_row"], len(keys))
    double = how_many(dirt["suffix_double"], len(keys))
    again = {keys[at]: "duplicate_row" for at in order[:twice]}
    return again | {keys[at]: "suffix_double" for at in order[twice : twice + double]}


def _lines(
    office: Office, ledger: Ledger, villages: list[int], year: int | None, again: _Again
) -> Iterator[Line]:
    """Yield the lines of a page: sections, what is printed twice after each, totals."""
    if office.order == "year_village":
        for at in YEARS:
            yield from (Line("village", (village,), at) for village in villages)
            yield from _repeated(villages, (at,), again)
            yield Line("total", tuple(villages), at, office.total)
        return
    years: tuple[int | None, ...] = YEARS if office.order == "village_year" else (None,)
    for township, group in groupby(villages, key=lambda at: ledger.townships[at]):
        members = tuple(group)
        yield from (Line("village", (village,), at) for village in members for at in years)
        yield from _repeated(members, years if years[0] else (year,), again)
        if office.subtotals:
            yield Line("total", members, None, f"{township}小计")
    yield from (Line("total", tuple(villages), at, office.total) for at in years)


def _repeated(
    villages: Sequence[int], years: Sequence[int | None], again: _Again
) -> Iterator[Line]:
    for village in villages:
        for year in years:
            if kind := again.get((village, year)):
                yield Line(kind, (village,), year)


def _columns(office: Office, dirt: Dirt, year: int | None) -> list[Column]:
    columns = [
        Column((_KEY_HEADS[key][1],), _KEY_HEADS[key][0], is_once=key in office.once)
        for key in office.keys
    ]
    accounts = ACCOUNTS if year is None else system(year)
    income = [name for name in accounts if _group(name) == "收入"]
    for name in (*accounts, *(SUMS if office.is_form else ())):
        unit = office.units[0] if name in income else office.units[1]
        if office.is_form:
            number = sum(column.role == "amount" for column in columns) + 1
            heads: tuple[str, ...] = (f"{_NUMERALS[number - 1]}、{name}", str(number), unit)
        else:
            heads = (_group(name), name) if office.groups else (name,)
        if office.unit_in == "head":
            heads = (*heads[:-1], f"{heads[-1]}（{unit}）")
        if office.order != "village" or year is not None:
            columns.append(Column(heads, "amount", name, year, unit))
            continue
        columns += [
            Column((*heads, f"{at}年"), "amount", name, at, unit)
            for at in YEARS
            if name in system(at)
        ]
    for name in office.other if dirt["other_column"] else ():
        head = f"{name}（{office.units[0]}）" if office.unit_in == "head" else name
        columns.append(Column((head,), "other", name, year, office.units[0]))
    if dirt["personal_column"]:
        columns += [Column((name,), "personal", name) for name in office.personal]
    return columns


def _group(account: str) -> str:
    if account == "专项应付款":
        return "负债"
    return "收入" if account.endswith(("收入", "投资收益")) else "支出"


def _titled(page: Page, office: Office, place: str, year: int | None) -> Page:
    """Return the page under its title, with what is stated about it."""
    span = f"{year}年" if year else f"{YEARS[0]}—{YEARS[-1]}年"
    subject = "村集体经济组织收益分配统计表" if office.is_form else "村级集体经济收支情况表"
    lines = [f"{place}{span}{subject}", NOTE]
    if office.is_form:
        lines.append("表    号：农市（经）年综6表")
    lines.append(f"填报单位：{place}")
    titled = page.lowered(len(lines))
    for row, line in enumerate(lines):
        titled.cells[row, 0] = line
    titled.merges.append((0, 0, 0, titled.width - 1))
    if office.unit_in == "title":
        titled.cells[len(lines) - 1, titled.width - 1] = f"单位：{office.units[0]}"
    return titled
