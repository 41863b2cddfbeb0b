"""What a sheet leaves open is asked; several tables in a sheet; rows that are no villages."""

import pytest

from analysis.clean.ledger.questions import choices_of, questions
from analysis.clean.workbook.reader import read_tables

from .shown import amounts, body

TITLE = ["虚构县东山镇2023年村集体收入（单位：元）"]
HEAD = ["村名", "经营收入", "补助收入"]


def tables(book, rows, merges=(), name="a.xlsx"):
    return read_tables(book({"表": rows}, {"表": list(merges)}, name)).tables


def one(book, rows, merges=()):
    found = tables(book, rows, merges)
    assert len(found) == 1, [t.extent for t in found]
    return found[0]


def asked(table):
    """Return what a table asks, but for its county, which most of these sheets do not say."""
    return [question for question in questions(table) if question.key != "county"]


def keys(table):
    return sorted(question.key for question in asked(table))


def test_number_merged_over_two_villages_is_asked_and_not_repeated(book):
    table = one(book, [TITLE, HEAD, ["甲村", 10, 1], ["乙村", None, 2]], ["B3:B4"])
    assert list(body(table)["经营收入"]) == ["10", ""]
    (doubt,) = table.doubts
    assert (doubt.key, doubt.cell) == ("merged_value", "B3:B4")


@pytest.mark.parametrize(
    ("townships", "word"),
    [
        (["东镇", "东镇", None, "西镇"], "more than once"),
        ([None, "东镇", None, "西镇"], "first row"),
        (["东镇", None, "西镇", "东镇"], "more than once"),
    ],
)
def test_blank_township_that_may_be_unknown_is_asked(book, townships, word):
    rows = [[t, f"{v}村", 1] for t, v in zip(townships, "甲乙丙丁", strict=True)]
    table = one(book, [["乡镇", "村名", "2023年收入（元）"], *rows])
    assert list(body(table)["乡镇"]) == [t or "" for t in townships]
    (question,) = asked(table)
    assert question.key == "blank"
    assert word in question.evidence


def test_subtotals_do_not_end_the_run_of_a_township(book):
    table = one(
        book,
        [
            ["乡镇", "村名", "2023年收入（元）"],
            ["东镇", "甲村", 1], [None, "乙村", 2], ["小计", None, 3],
            ["西镇", "丙村", 4], [None, "丁村", 5], ["小计", None, 9], ["总 计", None, 12],
        ],
    )  # fmt: skip
    kept = [row for row in range(len(body(table))) if row not in table.dropped]
    assert list(body(table)["乡镇"].iloc[kept]) == ["东镇", "东镇", "西镇", "西镇"]
    assert [t.label for t in table.totals] == ["小计", "小计", "总 计"]
    assert list(amounts(table)["text"]) == ["1", "2", "4", "5"]
    assert keys(table) == []


def test_village_printed_once_with_a_year_twice_is_asked(book):
    rows = [["甲村", 2022, 1], [None, 2022, 2]]
    table = one(book, [["村名", "年度", "收入（元）"], *rows])
    assert "blank" in keys(table)


def test_unit_is_asked_with_magnitudes(book):
    table = one(book, [["东山镇2023年"], HEAD, ["甲村", 15000, 2.5], ["乙村", 20000, 3]])
    (question,) = asked(table)
    assert (question.key, choices_of(question)) == ("unit", ("元", "万元"))
    assert "20,000" in question.evidence


def test_title_unit_is_not_given_to_counts(book):
    table = one(book, [TITLE, ["村名", "户数", "经营收入"], ["甲村", 100, 5]])
    assert [c.unit for c in table.columns] == [None, None, "元"]


def test_several_units_in_the_title(book):
    rows = [
        ["2023年 东山镇"],
        ["单位：万元、户、人"],
        ["村名", "户数", "经营收入"],
        ["甲村", 100, 5],
    ]
    assert [c.unit for c in one(book, rows).columns] == [None, None, "万元"]


def test_year_is_asked(book):
    assert keys(one(book, [["东山镇村集体收入（单位：元）"], HEAD, ["甲村", 1, 2]])) == ["year"]


def test_years_that_contradict_are_asked(book):
    rows = [TITLE, HEAD, ["甲村", 1, 2]]
    (table,) = read_tables(book({"2022年": rows})).tables
    (question,) = asked(table)
    assert (question.key, question.choices) == ("year", ("2023", "2022"))
    assert table.columns[1].year is None


def test_report_date_is_not_the_year_of_the_figures(book):
    rows = [
        ["东山镇村集体收入"],
        ["填报日期：2024年1月3日", None, "单位：元"],
        HEAD,
        ["甲村", 1, 2],
    ]
    assert keys(one(book, rows)) == ["year"]


def test_period_of_several_years_gives_no_year(book):
    table = one(book, [["东山镇（单位：元）"], ["村名", "2021-2023年累计收入"], ["甲村", 1]])
    assert table.columns[1].year is None
    assert (table.columns[1].path, table.columns[1].basis) == (("累计收入",), "span")


def test_village_column_is_asked(book):
    table = one(book, [["2023年（单位：元）"], ["名称", "经营收入"], ["甲", 1], ["乙", 2]])
    assert keys(table) == ["township", "village"]
    assert asked(table)[0].choices == ("名称",)


def test_cells_say_what_a_head_does_not(book):
    rows = [
        ["2023年（单位：元）"],
        ["项目", "经营收入", "补助收入"],
        ["甲村", 1, 2],
        ["乙村", 3, 4],
    ]
    table = one(book, rows)
    assert (table.columns[0].role, table.orientation) == ("village", "villages_down")
    assert "orientation" not in keys(table)


def test_second_row_of_words_is_asked(book):
    rows = [TITLE, ["村名", "收入"], ["行政村", "年度"], ["甲村", 1], ["乙村", 3]]
    assert "header_rows" in keys(one(book, rows))


def test_table_without_header(book):
    assert "header_row" in keys(one(book, [["甲村", 1, 2], ["乙村", 3, 4]]))


def test_two_tables_one_above_the_other(book):
    first = [
        ["东山镇2022年收入（单位：元）"],
        HEAD,
        ["甲村", 1, 2],
        ["合计", 1, 2],
        ["填表人：张某"],
    ]
    second = [[], ["西山镇2023年收入（单位：万元）"], HEAD, ["乙村", 3, 4]]
    above, below = tables(book, [*first, *second])
    assert (above.extent, below.extent) == ("A2:C4", "A8:C9")
    assert [c.year for c in (above.columns[1], below.columns[1])] == [2022, 2023]
    assert [c.unit for c in (above.columns[1], below.columns[1])] == ["元", "万元"]
    assert "东山镇" in above.title
    assert "东山镇" not in below.title


def test_two_tables_side_by_side(book):
    rows = [TITLE, ["村名", "经营收入", None, "村名", "经营收入"], ["甲村", 1, None, "乙村", 2]]
    left, right = tables(book, rows, ["A1:E1"])
    assert (left.extent, right.extent) == ("A2:B3", "D2:E3")
    assert right.address(0, 1) == "E3"


def test_header_printed_again_on_the_next_page(book):
    rows = [TITLE, HEAD, ["甲村", 1, 2], HEAD, ["乙村", 3, 4], [], HEAD, ["丙村", 5, 6]]
    table = one(book, rows)
    assert list(body(table)["村名"]) == ["甲村", "乙村", "丙村"]
    assert [n.cell for n in table.notes if n.code == "repeated_header"] == ["A4", "A7"]
    assert table.address(2, 0) == "A8"


def test_blank_rows_inside_a_table(book):
    table = one(book, [TITLE, HEAD, ["甲村", 1, 2], [], ["乙村", 3, 4]])
    assert [table.address(row, 0) for row in (0, 1)] == ["A3", "A5"]


def test_headings_inside_the_body(book):
    rows = [TITLE, HEAD, ["一、东片"], ["甲村", 1, 2], ["二、西片"], ["乙村", 3, 4]]
    table = one(book, rows, ["A3:C3"])
    said = [(note.cell, note.text) for note in table.notes if note.code == "section"]
    assert said == [("A3", "heading '一、东片'"), ("A5", "heading '二、西片'")]
    assert list(body(table)["村名"]) == ["甲村", "乙村"]


def test_village_without_any_number_is_kept(book):
    table = one(book, [TITLE, HEAD, ["甲村", 1, 2], ["乙村", None, None], ["丙村", "无", "—"]])
    assert list(body(table)["村名"]) == ["甲村", "乙村", "丙村"]
    assert list(body(table)["经营收入"]) == ["1", "", "无"]


def test_accounts_down_for_one_village(book):
    rows = [
        ["收益分配表"], ["单位名称：东山镇甲村", None, "2023年度", "单位：元"],
        ["项目", "行次", "上年数", "本年数"], ["经营收入", 1, 10, 11], ["补助收入", 2, 20, 21],
    ]  # fmt: skip
    table = one(book, rows)
    assert table.orientation == "accounts_down"
    assert {f.label: f.value for f in table.facts}["village"] == "甲村"
    assert keys(table) == []


def test_account_column_beside_the_village(book):
    rows = [
        ["村名", "年度", "科目", "金额（元）"],
        ["甲村", 2022, "经营收入", 5],
        ["甲村", 2022, "补助收入", 6],
    ]
    long = amounts(one(book, rows))
    assert list(long["item"]) == ["经营收入", "补助收入"]
    assert list(long["year"]) == [2022, 2022]


def test_nothing_is_lost_or_invented(book):
    """Every number of the sheet stands in the long form once, at its own address."""
    rows = [TITLE, ["乡镇", "村名", "经营收入", None], [None, None, "2022年", "2023年"]]
    rows += [["东镇" if n == 0 else None, f"甲{n}村", 1000 + n, 2000 + n] for n in range(50)]
    table = one(book, rows, ["C2:D2", "A2:A3", "B2:B3"])
    long = amounts(table)
    assert dict(zip(long["cell"], long["text"], strict=True)) == {
        f"{letter}{n + 4}": str(base + n)
        for n in range(50)
        for letter, base in (("C", 1000), ("D", 2000))
    }
