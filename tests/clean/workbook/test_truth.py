"""Random layouts of a known truth: every value comes back once, with its labels."""

import itertools
import random

import pytest
from openpyxl.utils import get_column_letter as letter

from analysis.clean.workbook.reader import read_tables

from .shown import amounts

SEED = 7
ACCOUNTS = ("经营收入", "投资收益", "补助收入", "其他收入")
TOWNS = ("东山镇", "西河乡", "南川镇")
FORMS = ("{}", "约{}", "{}元", "")


def truth(rng):
    """Return villages with their townships, and (village, account, year) → text."""
    names = iter(a + b + "村" for a, b in itertools.product("赵钱孙李周吴", "家庄沟坪"))
    villages = [(next(names), town) for town in TOWNS for _ in range(rng.randint(1, 5))]
    accounts = ACCOUNTS[: rng.randint(1, 4)]
    years = list(range(2024 - rng.randint(1, 3), 2024))
    values = {}
    for (village, _), account, year in itertools.product(villages, accounts, years):
        form = rng.choice(FORMS) if rng.random() < 0.2 else "{}"
        number = rng.randint(1, 10**6) / rng.choice((1, 100))
        text = f"{number:.10g}"
        values[village, account, year] = "" if not form else form.format(text)
    # a village without any number at all still is one, but has nothing to compare
    return villages, accounts, years, values


def typed(text):
    """Store clean numbers as numbers, as a spreadsheet does."""
    try:
        return float(text)
    except ValueError:
        return text or None


def village_rows(rng, villages, accounts, years, values):
    """One row a village, years across under each account (or accounts under each year)."""
    merges = []
    serial = rng.random() < 0.5
    keys = [*(["序号"] if serial else []), "乡镇", "村名"]
    by_year = rng.random() < 0.5
    pairs = [(a, y) for a in accounts for y in years]
    if by_year:
        pairs = [(a, y) for y in years for a in accounts]
    if len(years) == 1 and rng.random() < 0.5:
        head = [[*keys, *[rng.choice((f"{y}年{a}", f"{a}（{y}年）")) for a, y in pairs]]]
    else:
        top = [f"{y}年" if by_year else a for a, y in pairs]
        low = [a if by_year else rng.choice((f"{y}年", str(y))) for a, y in pairs]
        size = len(accounts) if by_year else len(years)
        shown = [t if i % size == 0 else None for i, t in enumerate(top)]
        head = [[*keys, *shown], [*[None] * len(keys), *low]]
        if rng.random() < 0.7:
            merges += [(0, c, 1, c) for c in range(len(keys))]
            starts = range(len(keys), len(keys) + len(pairs), size)
            merges += [(0, c, 0, c + size - 1) for c in starts if size > 1]
    if rng.random() < 0.3:
        labels = "甲乙丙丁"[: len(keys)]
        head.append([*labels, *range(1, len(pairs) + 1)])
    body, seen = [], None
    subtotals = rng.random() < 0.4
    once = rng.random() < 0.5
    for n, (village, town) in enumerate(villages):
        first = town != seen
        if subtotals and seen and first:
            body.append([*[None] * (len(keys) - 2), "小计", None, *[1.0] * len(pairs)])
        row = [typed(values[village, a, y]) for a, y in pairs]
        printed = town if first or not once else None
        body.append([*([n + 1] if serial else []), printed, village, *row])
        seen = town
    if rng.random() < 0.5:
        body.append(
            [*[None] * (len(keys) - 2), rng.choice(("合 计", "全  县")), None, *[1.0] * len(pairs)]
        )
    return head, body, merges


def village_years(rng, villages, accounts, years, values):
    """One row a village and year."""
    once = rng.random() < 0.5
    head = [["乡镇", "村（社区）", "年度", *accounts]]
    body, seen = [], None
    for village, town in villages:
        for at, year in enumerate(years):
            place = [
                town if not once or town != seen else None,
                village if not once or not at else None,
            ]
            row = [typed(values[village, a, year]) for a in accounts]
            body.append([*place, rng.choice((year, f"{year}年")), *row])
            seen = town
    return head, body, []


def accounts_down(rng, villages, accounts, years, values):
    """Accounts down, villages and years across."""
    numbered = rng.random() < 0.5
    keys = ["项目", *(["行次"] if numbered else [])]
    merges = []
    head = [[*keys], [None] * len(keys)]
    for village, _ in villages:
        start = len(head[0])
        head[0] += [village, *[None] * (len(years) - 1)]
        head[1] += [f"{year}年" for year in years]
        if len(years) > 1:
            merges.append((0, start, 0, start + len(years) - 1))
    merges += [(0, c, 1, c) for c in range(len(keys))]
    body = []
    for n, account in enumerate(accounts):
        label = rng.choice(("{}", "{}", f"{'一二三四'[n]}、{{}}", "其中：{}")).format(account)
        row = [typed(values[v, account, y]) for v, _ in villages for y in years]
        body.append([label, *([n + 1] if numbered else []), *row])
    return head, body, merges


TITLES = (
    [["虚构县村集体经济收入情况表"], ["单位：{}"]],
    [["虚构县村集体经济收入情况表（单位：{}）"], []],
    [["虚构县收入表"], ["填报单位：虚构县", None, "单位：{}"]],
)
TAILS = ([], [["注：数据以决算为准。"]], [[], ["填表人：", None, "报出日期：2024年1月9日"]])
LAYOUTS = (village_rows, village_years, accounts_down)


def address(top, left, bottom, right):
    return f"{letter(left + 1)}{top + 1}:{letter(right + 1)}{bottom + 1}"


@pytest.mark.parametrize("batch", range(8))
def test_known_truth_comes_back(batch, book):
    rng = random.Random(SEED + batch)  # noqa: S311  (layouts, no secret)
    for number in range(15):
        villages, accounts, years, values = truth(rng)
        layout = rng.choice(LAYOUTS)
        head, body, merges = layout(rng, villages, accounts, years, values)
        unit = rng.choice(("元", "万元"))
        title = [[text and text.format(unit) for text in row] for row in rng.choice(TITLES)]
        tail = rng.choice(TAILS)
        shift = len(title)
        ranges = [address(a + shift, b, c + shift, d) for a, b, c, d in merges]
        path = book(
            {"表": [*title, *head, *body, *tail]},
            {"表": ranges},
            f"{batch}-{number}.xlsx",
            shared=number % 2 == 0,
        )
        (table,) = read_tables(path).tables
        long = amounts(table)
        found = {(r.village, r.item, r.year, r.unit): r.text for r in long.itertuples()}
        expected = {(v, a, y, unit): t for (v, a, y), t in values.items()}
        where = (path.name, layout.__name__, head, body[:4], [d.key for d in table.doubts])
        assert found == expected, where
        assert len(long) == len(expected), where
        if layout is not accounts_down:
            towns = dict(villages)
            wrong = [r for r in long.itertuples() if r.township != towns[r.village]]
            asked = {d.key for d in table.doubts}
            assert not wrong or "blank" in asked, where
