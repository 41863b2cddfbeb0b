"""Shapes that nobody showed the reader, in a few lines each, with what it must read of them.

``rows`` are cells parted by ``|``; ``said`` are lines ``VILLAGE YEAR UNIT ITEM: TEXT …`` of the
values that count, in the order in which they stand. Villages and amounts are invented.
"""

import pytest

from analysis.clean.ledger.questions import questions
from analysis.clean.workbook.reader import read_tables
from analysis.clean.workbook.stated import places_in

from .shown import amounts

KEPT_OUT = {"rate", "plan", "span", "opening", "closing", "month", "quarter", "running", "before"}

CASES = {
    "years of two digits": (
        """
        陶镇各村村集体收入（元）
        村名|19年|20年|21年
        丁沟村|31000|32000|33000
        """,
        """
        丁沟村 2019 元 村集体收入: 31000
        丁沟村 2020 元 村集体收入: 32000
        丁沟村 2021 元 村集体收入: 33000
        """,
    ),
    "a year of two digits beside one in full": (
        """
        村名|2018经营收入(元)|19年经营收入(元)
        丁沟村|41000|42000
        """,
        """
        丁沟村 2018 元 经营收入: 41000
        丁沟村 2019 元 经营收入: 42000
        """,
    ),
    "months of a year spelled out": (
        """
        陶镇村集体收入（单位：元）
        村名|补助收入（2019.01-2019.12）|补助收入（2020年1月1日至12月31日）|补助收入（2021/01-2021/06）
        丁沟村|5000|6000|2000
        """,
        """
        丁沟村 2019 元 补助收入: 5000
        丁沟村 2020 元 补助收入: 6000
        """,
    ),
    "a sum of some years": (
        """
        陶镇村集体收入（单位：元）
        村名|2019—2021年经营收入|三年累计总收入|2021年经营收入
        丁沟村|93000|150000|33000
        """,
        "丁沟村 2021 元 经营收入: 33000",
    ),
    "remarks with amounts and names of accounts": (
        """
        陶镇2021年村集体收入（单位：元）
        村名|经营收入|情况说明
        丁沟村|33000|经营收入增加1.5万元
        石嘴村|21000|其中租赁收入0.8万元
        柏树村|18000|补助收入另计
        """,
        """
        丁沟村 2021 元 经营收入: 33000
        石嘴村 2021 元 经营收入: 21000
        柏树村 2021 元 经营收入: 18000
        """,
    ),
    "round amounts beside a word for a village's own": (
        """
        陶镇2021年村组集体收入（单位：元）
        村名|核算级次|经营收入|补助收入
        丁沟村|村级|20000|40000
        丁沟村|二组|300|0
        """,
        """
        丁沟村 2021 元 经营收入: 20000
        丁沟村 2021 元 补助收入: 40000
        丁沟村 2021 元 经营收入: 300
        丁沟村 2021 元 补助收入: 0
        """,
    ),
    "banners over two lists with other heads": (
        """
        陶镇2021年村集体情况
        一、收入部分（元）||||二、负债部分（万元）|
        村名|经营收入|补助收入||村名|村级负债
        丁沟村|33000|40000||石嘴村|12
        石嘴村|21000|50000||丁沟村|8
        """,
        """
        丁沟村 2021 元 收入部分/经营收入: 33000
        丁沟村 2021 元 收入部分/补助收入: 40000
        石嘴村 2021 元 收入部分/经营收入: 21000
        石嘴村 2021 元 收入部分/补助收入: 50000
        石嘴村 2021 万元 负债部分/村级负债: 12
        丁沟村 2021 万元 负债部分/村级负债: 8
        """,
    ),
    "lines of years between the villages": (
        """
        陶镇村集体收入（元）
        村名|经营收入
        2020年|
        丁沟村|32000
        2021年|
        丁沟村|33000
        """,
        """
        丁沟村 2020 元 经营收入: 32000
        丁沟村 2021 元 经营收入: 33000
        """,
    ),
    "lines of years with a unit of their own": (
        """
        陶镇村集体收入
        村名|经营收入
        2020年（单位：元）|
        丁沟村|32000
        2021年（单位：万元）|
        丁沟村|3.3
        """,
        """
        丁沟村 2020 元 经营收入: 32000
        丁沟村 2021 万元 经营收入: 3.3
        """,
    ),
    "heads in two languages": (
        """
        村名 Village|年份 Year|经营收入 Operating income（元 yuan）
        丁沟村|2021|33000
        """,
        "丁沟村 2021 元 经营收入: 33000",
    ),
    "words for nothing in most cells": (
        """
        陶镇2021年村集体收入（单位：元）
        村名|经营收入|投资收益
        丁沟村|33000|未发生
        石嘴村|21000|暂无
        柏树村|18000|5000
        """,
        """
        丁沟村 2021 元 经营收入: 33000
        丁沟村 2021 元 投资收益: 未发生
        石嘴村 2021 元 经营收入: 21000
        石嘴村 2021 元 投资收益: 暂无
        柏树村 2021 元 经营收入: 18000
        柏树村 2021 元 投资收益: 5000
        """,
    ),
    "years named by words in a column": (
        """
        陶镇2021年村集体收入（单位：元）
        村名|年份|经营收入|补助收入
        丁沟村|今年|33000|5000
        |去年|31000|4000
        石嘴村|今年|21000|5000
        |去年|20000|5000
        """,
        """
        丁沟村 2021 元 经营收入: 33000
        丁沟村 2021 元 补助收入: 5000
        石嘴村 2021 元 经营收入: 21000
        石嘴村 2021 元 补助收入: 5000
        """,
    ),
    "the unit in a cell beside its word": (
        """
        2021年村集体收入表
        陶镇||金额单位|万元
        村名|经营收入|补助收入|备注
        丁沟村|3.3|2|
        石嘴村|2.1|1.5|
        """,
        """
        丁沟村 2021 万元 经营收入: 3.3
        丁沟村 2021 万元 补助收入: 2
        石嘴村 2021 万元 经营收入: 2.1
        石嘴村 2021 万元 补助收入: 1.5
        """,
    ),
    "the unit in a note below": (
        """
        陶镇2021年村集体收入
        村名|经营收入|补助收入
        丁沟村|33|20
        石嘴村|21|15
        注：以上金额单位均为千元||
        """,
        """
        丁沟村 2021 千元 经营收入: 33
        丁沟村 2021 千元 补助收入: 20
        石嘴村 2021 千元 经营收入: 21
        石嘴村 2021 千元 补助收入: 15
        """,
    ),
}  # fmt: skip

MERGED = {
    "a head of three levels with the unit in its corner": (
        "A2:A4 B2:C2",
        """
        陶镇村集体收支|||
        单位：元|2021年||2022年
        |收入|支出|收入
        |经营收入|管理费用|经营收入
        丁沟村|33000|9000|34000
        """,
        """
        丁沟村 2021 元 收入/经营收入: 33000
        丁沟村 2021 元 支出/管理费用: 9000
        丁沟村 2022 元 收入/经营收入: 34000
        """,
    ),
    "shares under a banner of villages": (
        "A2:C2 D2:F2",
        """
        陶镇2021年联建村收入（单位：元）
        强村|||弱村||
        村名|经营收入|占比|村名|经营收入|占比
        丁沟村|33000|41%|石嘴村|4000|12%
        """,
        """
        丁沟村 2021 元 强村/经营收入: 33000
        石嘴村 2021 元 弱村/经营收入: 4000
        """,
    ),
    "villages as banners over two lists": (
        "A1:E1 A2:B2 D2:E2",
        """
        2021年度村集体收支（单位：元）||||
        丁沟村|||石嘴村|
        项目|金额||项目|金额
        经营收入|33000||经营收入|21000
        其他收入|400||投资收益|900
        """,
        """
        丁沟村 2021 元 经营收入: 33000
        丁沟村 2021 元 其他收入: 400
        石嘴村 2021 元 经营收入: 21000
        石嘴村 2021 元 投资收益: 900
        """,
    ),
}


def written(rows):
    """Return lines of cells: what looks like a number is stored as one."""
    return [
        [int(cell) if cell.isascii() and cell.isdigit() else cell or None
         for cell in line.strip().split("|")]
        for line in rows.strip().splitlines()
    ]  # fmt: skip


def said(path):
    """Return what counts of the tables of a file, as lines of ``said``."""
    return [
        f"{row.village} {row.year} {row.unit} {row.item}: {row.text}"
        for table in read_tables(path).tables
        for row in amounts(table).itertuples()
        if not KEPT_OUT & {*row.basis.split()}
    ]


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_what_is_read(book, rows, expected):
    path = book({"Sheet1": written(rows)})
    assert said(path) == [line.strip() for line in expected.strip().splitlines()]


@pytest.mark.parametrize(("merges", "rows", "expected"), MERGED.values(), ids=MERGED)
def test_what_is_read_of_merged_heads(book, merges, rows, expected):
    path = book({"Sheet1": written(rows)}, {"Sheet1": merges.split()})
    assert said(path) == [line.strip() for line in expected.strip().splitlines()]


def test_cards_below_each_other_are_each_of_its_village(book):
    card = [["村情卡", None], ["村名", "丁沟村"], ["年度", 2021], ["经营收入（元）", 33000]]
    other = [["村情卡", None], ["村名", "石嘴村"], ["年度", 2020], ["经营收入（元）", 21000]]
    tables = read_tables(book({"卡片": [*card, *other]})).tables
    facts = [{fact.label: fact.value for fact in table.facts} for table in tables]
    assert [each["village"] for each in facts] == ["丁沟村", "石嘴村"]
    values = [[c.year for c in table.columns if c.role == "value"] for table in tables]
    assert values == [[2021], [2020]]


def test_the_collectives_whole_name_says_township_and_county(book):
    names = ["乙县陶镇丁沟村股份经济合作社", "乙县陶镇石嘴社区经济联合社"]
    rows = [["2021年集体收入（元）"], ["组织名称", "经营收入"], *([name, 9000] for name in names)]
    (table,) = read_tables(book({"Sheet1": rows})).tables
    assert table.row_facts["township"] == ("陶镇", "陶镇")
    assert table.row_facts["county"] == ("乙县", "乙县")
    assert "township" not in {question.key for question in questions(table)}


@pytest.mark.parametrize(
    ("title", "sheet", "year", "period"),
    [
        ("22年陶镇村集体收入", "Sheet1", 2022, ""),
        ("村集体收入", "23年度", 2023, ""),
        ("2021年村集体收入 2022年1月15日", "Sheet1", 2021, ""),
        ("村集体收入（2022.01-2022.06）", "Sheet1", 2022, "1-6月"),
        ("村集体收入（2022年1月1日至2022年12月31日）", "Sheet1", 2022, ""),
        ("20年来陶镇村集体收入", "Sheet1", None, ""),
    ],
)
def test_year_and_period_around_a_table(book, title, sheet, year, period):
    rows = [[title], ["村名", "经营收入（元）"], ["丁沟村", 9000]]
    (table,) = read_tables(book({sheet: rows})).tables
    assert table.columns[1].year == year
    assert table.period == period


@pytest.mark.parametrize(
    ("title", "places"),
    [
        ("关于报送全镇村集体收入的说明", {}),
        ("根据县统计局要求", {}),
        ("附件3-丁沟村集体经济收支明细", {"village": "丁沟村"}),
        ("陶镇示范村集体收入", {"township": "陶镇"}),
        ("陶镇历年村集体收入", {"township": "陶镇"}),
    ],
)
def test_places_in_running_words(title, places):
    assert dict(places_in(title)) == places
