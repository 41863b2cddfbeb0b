"""Each layout that must be read without help, cell by cell."""

import pytest

from analysis.clean.ledger.questions import questions
from analysis.clean.workbook.reader import read_tables

from .shown import amounts, body


def only(path):
    reading = read_tables(path)
    assert len(reading.tables) == 1, [t.extent for t in reading.tables]
    return reading.tables[0]


def cells(table, *, totals=False):
    """Village, item, year, unit and text of each value, with its address."""
    return [
        (
            r.village,
            r.item,
            None if r.year is None or r.year != r.year else int(r.year),
            r.unit,
            r.text,
            r.cell,
        )
        for r in (table.long() if totals else amounts(table)).astype({"year": object}).itertuples()
    ]


def codes(table):
    """Return what a table asks, but for its county, which most of these sheets do not say."""
    return sorted(question.key for question in questions(table) if question.key != "county")


def test_one_row_a_village_with_years_across(book):
    table = only(
        book(
            {
                "台账": [
                    ["虚构县2021—2023年村集体经济收入情况表"],
                    ["填报单位：虚构县农经站", None, None, None, None, "单位：万元"],
                    [
                        "序号",
                        "乡镇",
                        "村名",
                        "经营\n收入",
                        None,
                        None,
                        "补助收入",
                        None,
                        None,
                        "备注",
                    ],
                    [
                        None,
                        None,
                        None,
                        "2021年",
                        "2022年",
                        "2023年",
                        "2021年",
                        "2022年",
                        "2023年",
                        None,
                    ],
                    [1, "东山镇", "甲子村", 1.5, 2, "约3", 0, None, "—", "新办"],
                    [2, None, "乙丑村", 2.25, "无", 4, 5, 6, 7, None],
                    [3, "西河乡", "丙寅村", 1, 2, 3, 4, 5, 6, None],
                    ["合  计", None, None, 4.75, 4, 10, 9, 11, 13, None],
                    ["注：收入以决算为准。"],
                    ["单位负责人：", None, "填表人：", None, "报出日期：2024年1月5日"],
                ]
            },
            {
                "台账": [
                    "A1:J1",
                    "D3:F3",
                    "G3:I3",
                    "A3:A4",
                    "B3:B4",
                    "C3:C4",
                    "J3:J4",
                    "B5:B6",
                    "A8:C8",
                ]
            },
        )
    )
    assert table.orientation == "villages_down"
    assert (table.header, table.extent) == ("A3:J4", "A3:J8")
    assert [c.role for c in table.columns] == [
        "number",
        "township",
        "village",
        *["value"] * 6,
        "text",
    ]
    assert [c.year for c in table.columns[3:9]] == [2021, 2022, 2023] * 2
    assert {c.unit for c in table.columns[3:9]} == {"万元"}
    assert table.columns[3].path == ("经营收入",)
    long = amounts(table)
    assert len(long) == 18
    assert cells(table)[:3] == [
        ("甲子村", "经营收入", 2021, "万元", "1.5", "D5"),
        ("甲子村", "经营收入", 2022, "万元", "2", "E5"),
        ("甲子村", "经营收入", 2023, "万元", "约3", "F5"),
    ]
    assert list(long["township"].iloc[[0, 6, 12]]) == ["东山镇", "东山镇", "西河乡"]
    assert [(t.row, t.kind) for t in table.totals] == [(3, "total")]
    assert codes(table) == []
    assert {f.label: f.value for f in table.facts}["填报单位"] == "虚构县农经站"
    assert any(f.label == "报出日期" for f in table.facts)


def test_one_row_a_village_and_year(book):
    table = only(
        book(
            {
                "Sheet1": [
                    ["县", "乡镇", "行政村", "年度", "经营收入（元）", "补助收入（万元）", "户数"],
                    ["虚构县", "东山镇", "甲子村", 2022, 15000, 2, 120],
                    [None, None, None, 2023, 16000, 3, 121],
                    [None, None, "乙丑村", 2022, 1, 1, 80],
                    [None, None, None, 2023, 2, 2, 81],
                    [None, "西河乡", "丙寅村", 2022, 3, 3, 30],
                    [None, None, None, 2023, 4, 4, 31],
                ]
            }
        )
    )
    assert [c.role for c in table.columns] == [
        "county", "township", "village", "year", "value", "value", "value"
    ]  # fmt: skip
    assert [c.unit for c in table.columns[4:]] == ["元", "万元", None]
    assert cells(table)[3] == ("甲子村", "经营收入", 2023, "元", "16000", "E3")
    assert list(body(table).iloc[:, 1]) == ["东山镇"] * 4 + ["西河乡"] * 2
    assert list(body(table).iloc[:, 2]) == [v for v in ("甲子村", "乙丑村", "丙寅村") for _ in "ab"]
    assert {n.code for n in table.notes} == {"printed_once"}
    assert codes(table) == []


def test_accounts_down_and_villages_across(book):
    table = only(
        book(
            {
                "汇总": [
                    ["东山镇2023年度村集体收益分配表"],
                    ["项目", "行次", "计量单位", "甲子村", "乙丑村", "合计"],
                    ["甲", "乙", "丙", 1, 2, 3],
                    ["一、经营收入", 1, "元", 15000, 200, 15200],
                    ["其中：租金收入", 2, "元", 5000, 100, 5100],
                    ["二、补助收入", 3, "万元", 2, 1, 3],
                    ["三、农户数", 4, "户", 120, 80, 200],
                    ["填表人：", None, None, "审核人："],
                ]
            },
            {"汇总": ["A1:F1"]},
        )
    )
    assert table.orientation == "accounts_down"
    assert cells(table)[:4] == [
        ("甲子村", "经营收入", 2023, "元", "15000", "D4"),
        ("甲子村", "租金收入", 2023, "元", "5000", "D5"),
        ("甲子村", "补助收入", 2023, "万元", "2", "D6"),
        ("甲子村", "农户数", 2023, "户", "120", "D7"),
    ]
    assert [(t.row, t.label) for t in table.totals] == [(2, "合计")]
    assert [c.is_part for c in table.columns] == [False, False, True, False, False]
    assert codes(table) == []
    assert ("township", "东山镇") in {(f.label, f.value) for f in table.facts}


def test_accounts_down_villages_and_years_across(book):
    table = only(
        book(
            {
                "表": [
                    ["单位：元"],
                    ["科目", "甲子村", None, "乙丑村", None],
                    [None, 2022, 2023, 2022, 2023],
                    ["经营收入", 1, 2, 3, 4],
                    ["投资收益", 5, 6, 7, 8],
                ]
            },
            {"表": ["B2:C2", "D2:E2", "A2:A3"]},
        )
    )
    assert table.orientation == "accounts_down"
    assert cells(table)[2:4] == [
        ("甲子村", "经营收入", 2023, "元", "2", "C4"),
        ("甲子村", "投资收益", 2023, "元", "6", "C5"),
    ]


def test_official_form_with_row_numbers_and_two_units(book):
    table = only(
        book(
            {
                "年综6表": [
                    ["村集体经济组织收益分配统计表"],
                    ["表    号：农市（经）年综6表"],
                    ["填报单位：虚构县", None, "2012年", None, None, None],
                    ["村名", "代码", "总收入", "其中", None, "户数"],
                    [None, None, None, "经营收入", "补助收入", None],
                    [None, None, "万元", "元", "元", "户"],
                    ["甲", "乙", 1, 2, 3, 4],
                    ["甲子村", "620000000201", 1.8, 15000, 3000, 100],
                    ["乙丑村", "620000000202", 2.8, 25000, 3000, 90],
                    ["全  县", None, 4.6, 40000, 6000, 190],
                ]
            },
            {"年综6表": ["A1:F1", "A4:A6", "B4:B6", "C4:C5", "D4:E4", "F4:F5"]},
        )
    )
    assert [c.unit for c in table.columns[2:]] == ["万元", "元", "元", "户"]
    assert [c.path for c in table.columns[2:]] == [
        ("总收入",), ("其中", "经营收入"), ("其中", "补助收入"), ("户数",)
    ] or [c.path for c in table.columns[2:]] == [
        ("总收入",), ("经营收入",), ("补助收入",), ("户数",)
    ]  # fmt: skip
    assert {c.year for c in table.columns[2:]} == {2012}
    assert [t.label for t in table.totals] == ["全  县"]
    assert body(table).iloc[0, 1] == "620000000201"
    assert codes(table) == []


def test_one_workbook_a_township(book):
    table = only(
        book(
            {"Sheet1": [["村名", "经营收入（万元）"], ["甲子村", 3], ["乙丑村", 4]]},
            name="虚构县东山镇2023年台账.xlsx",
        )
    )
    facts = {f.label: f.value for f in table.facts}
    assert (facts["county"], facts["township"]) == ("虚构县", "东山镇")
    assert (table.columns[1].year, table.columns[1].year_from) == (2023, "file")
    assert codes(table) == []


def test_many_sheets_one_year_a_sheet(book):
    rows = [["乡镇", "村名", "经营收入"], ["东山镇", "甲子村", 3], ["东山镇", "乙丑村", 4]]
    reading = read_tables(book({f"{y}年": [["单位：元"], *rows] for y in (2021, 2022, 2023)}))
    assert [t.columns[2].year for t in reading.tables] == [2021, 2022, 2023]
    assert {t.columns[2].year_from for t in reading.tables} == {"sheet"}
    assert all(codes(t) == [] for t in reading.tables)


def test_three_header_levels_merged_across_and_down(book):
    table = only(
        book(
            {
                "项目": [
                    ["序号", "村名", "项目名称", "总投资", "其中", None, None],
                    [None, None, None, None, "财政补助", None, "其他"],
                    [None, None, None, None, "省级", "市级", None],
                    [1, "甲子村", "果库", 50, 20, 10, 20],
                ]
            },
            {"项目": ["A1:A3", "B1:B3", "C1:C3", "D1:D3", "E1:G1", "E2:F2", "G2:G3"]},
        )
    )
    assert table.header == "A1:G3"
    assert [c.name for c in table.columns][4:] == [
        "其中 / 财政补助 / 省级", "其中 / 财政补助 / 市级", "其中 / 其他"
    ]  # fmt: skip
    assert table.address(0, 6) == "G4"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "，"])
def test_text_tables_without_merges(tmp_path, encoding, delimiter):
    lines = [
        ["虚构县2023年村集体收入，单位：万元".replace("，", " ")],
        ["乡镇", "村名", "经营收入", "", "补助收入", ""],
        ["", "", "2022年", "2023年", "2022年", "2023年"],
        ["东山镇", "甲子村", "1", "2", "3", "4"],
        ["", "乙丑村", "5", "6", "7", "8"],
    ]
    path = tmp_path / "t.csv"
    path.write_bytes("\n".join(delimiter.join(line) for line in lines).encode(encoding))
    table = only(path)
    assert [c.year for c in table.columns[2:]] == [2022, 2023] * 2
    assert [c.path for c in table.columns[2:]] == [("经营收入",)] * 2 + [("补助收入",)] * 2
    assert cells(table)[-1] == ("乙丑村", "补助收入", 2023, "万元", "8", "F5")
    assert list(body(table).iloc[:, 0]) == ["东山镇", "东山镇"]
    assert {n.code for n in table.notes} == {"header_filled", "printed_once"}


def test_xls_with_merges(old_book):
    table = only(
        old_book(
            {
                "台账": [
                    ["二〇二三年村集体收入（单位：元）"],
                    ["乡镇", "村名", "经营收入", "投资收益"],
                    ["东山镇", "甲子村", 27.9, 5],
                    [None, "乙丑村", 3.0, True],
                ]
            },
            {"台账": [(2, 3, 0, 0), (0, 0, 0, 3)]},
        )
    )
    assert list(body(table).iloc[:, 0]) == ["东山镇", "东山镇"]
    assert cells(table)[0] == ("甲子村", "经营收入", 2023, "元", "27.9", "C3")
    assert body(table).iloc[1, 2] == "3"
    assert table.grid.kinds[1][3] == "b"


def test_traditional_characters(tmp_path):
    path = tmp_path / "t.csv"
    text = "虛構縣2023年度村集體經濟收入,單位：萬元\n鄉鎮,村名,經營收入,補助收入\n"
    text += "東鎮,甲村,1,2\n合計,,1,2\n"
    path.write_bytes(text.encode("big5"))
    table = only(path)
    assert cells(table)[0] == ("甲村", "经营收入", 2023, "万元", "1", "C3")
    assert body(table).iloc[0, 0] == "東鎮"
    assert table.columns[0].name == "乡镇"
    assert [t.label for t in table.totals] == ["合計"]
    assert codes(table) == []


def test_townships_above_villages_across(book):
    rows = [
        ["科目", "东山镇", None, "西河乡", "全县"],
        [None, "甲子村", "乙丑村", "丙寅村", None],
        ["经营收入", 1, 2, 3, 6],
        ["补助收入", 4, 5, 6, 15],
    ]
    table = only(book({"表": [["虚构县2023年收入表（单位：元）"], *rows]}, {"表": ["B2:C2"]}))
    long = amounts(table)
    places = dict(zip(long["village"], long["township"], strict=True))
    assert places == {"甲子村": "东山镇", "乙丑村": "东山镇", "丙寅村": "西河乡"}
    assert codes(table) == []


@pytest.mark.parametrize(
    "labels",
    [
        # a township without a village below it: the first line is then not one of townships
        [["东山镇", "西河乡"], ["甲子村", None]],
        # names that only look like places of two levels
        [["甲子村", "乙丑村"], ["一组", "二组"]],
    ],
)
def test_lines_of_names_that_are_not_two_levels(book, labels):
    rows = [["科目", *labels[0]], [None, *labels[1]], ["经营收入", 1, 2], ["补助收入", 3, 4]]
    table = only(book({"表": rows}))
    assert table.find("township") is None
    assert set(table.long()["village"]) == set(labels[0])
