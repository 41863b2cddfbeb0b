"""Cells as stored: numbers, dates, booleans, errors, formulas, formats, and text encodings."""

import datetime as dt
import zipfile

import openpyxl
import pytest

from analysis.clean.workbook.cells import Mark
from analysis.clean.workbook.limits import Refused
from analysis.clean.workbook.reader import read_sheets, read_tables
from analysis.clean.workbook.textfile import decode, find_delimiter, read_textfile

from .shown import body


def sheet_of(tmp_path, fill):
    book = openpyxl.Workbook()
    fill(book.active)
    path = tmp_path / "a.xlsx"
    book.save(path)
    (sheet,) = read_sheets(path)
    return sheet


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (27.9, "27.9", "n"),
        (0.1 + 0.2, "0.3", "n"),
        (1200.0, "1200", "n"),
        (0, "0", "n"),
        (-3, "-3", "n"),
        (123456789012345, "123456789012345", "n"),
        (3.2e17, "3.2E+17", "n"),
        (6.2e20, "6.2E+20", "n"),
        (1e-7, "1E-07", "n"),
        ("３５．６", "３５．６", "s"),
        (" 甲\n村 ", " 甲\n村 ", "s"),
        ("0012", "0012", "s"),
        (True, "TRUE", "b"),
        (False, "FALSE", "b"),
        (dt.date(2023, 12, 31), "2023-12-31", "d"),
        (dt.datetime(2023, 12, 31, 8, 30), "2023-12-31 08:30:00", "d"),  # noqa: DTZ001
        (dt.time(8, 30), "08:30:00", "d"),
        ("#N/A", "#N/A", "e"),
        ("=1+1", "", "f"),
    ],
)
def test_value(tmp_path, value, text, kind):
    def fill(sheet):
        sheet["B2"] = value

    sheet = sheet_of(tmp_path, fill)
    assert sheet.rows[2].texts == ["", text]
    assert sheet.rows[2].kinds == f" {kind}"


def test_chinese_built_in_date_format(tmp_path):
    def fill(sheet):
        sheet["A1"] = 45291
        sheet["A1"].number_format = 'yyyy"年"m"月"'

    assert sheet_of(tmp_path, fill).text(1, 1) == "2023-12-31"


def test_formula_without_result_is_no_blank_and_is_asked(book):
    (table,) = read_tables(
        book(
            {
                "2023年": [
                    ["乡镇", "村名", "收入（元）"],
                    ["东镇", "甲村", "=1+1"],
                    ["东镇", "乙村", None],
                ]
            }
        )
    ).tables
    assert [table.grid.kinds[row][2] for row in (0, 1)] == ["f", " "]


def test_display_format_with_a_unit_is_asked(tmp_path):
    book = openpyxl.Workbook()
    for row in (["乡镇", "村名", "2023年收入（元）"], ["东镇", "甲村", 12.5], ["东镇", "乙村", 3]):
        book.active.append(row)
    book.active["C2"].number_format = '0.00"万元"'
    book.save(tmp_path / "a.xlsx")
    (table,) = read_tables(tmp_path / "a.xlsx").tables
    (doubt,) = table.doubts
    assert (doubt.key, doubt.cell) == ("unit", "C2")
    assert "万元" in doubt.evidence


def test_hidden_rows_columns_and_sheets_are_read_and_noted(tmp_path):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("2022年")):
        for row in (["乡镇", "村名", "收入（元）"], ["东镇", "甲村", 1], ["东镇", "乙村", 2]):
            sheet.append(row)
    book.active.title = "2023年"
    book.active.row_dimensions[3].hidden = True
    book.active.column_dimensions["C"].hidden = True
    book["2022年"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    reading = read_tables(tmp_path / "a.xlsx")
    assert [len(body(table)) for table in reading.tables] == [2, 2]
    assert [(n.cell, n.code) for n in reading.tables[0].notes] == [
        ("3:3", "hidden"),
        ("C", "hidden"),
    ]
    assert [(n.cell, n.code) for n in reading.notes] == [("2022年", "hidden")]


def test_empty_workbook_has_no_table(book):
    reading = read_tables(book({"空": []}))
    assert reading.tables == ()
    assert [n.code for n in reading.notes] == ["no_table"]


def test_gb18030_beyond_gbk():
    text = "村名,收入\n㙦村,1\n𠀀村,2\n"
    assert decode(text.encode("gb18030")) == (text, "gb18030")


def test_traditional_big5():
    text = "鄉鎮,村名,年收入（元）\n東鎮,甲村,1\n"
    assert decode(text.encode("big5")) == (text, "big5")


@pytest.mark.parametrize("content", ["€,1\n".encode("gb18030"), "囧囧,1\n".encode("gb18030")])
def test_encoding_that_cannot_be_told_is_refused(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(Refused, match="encoding cannot be told"):
        read_sheets(path)


def test_quotes_and_breaks_inside_cells(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('村名,"经营\n收入"\n"甲,村","1,234"\n', encoding="utf-8")
    sheet = read_textfile(path)
    assert sheet.rows[1].texts == ["村名", "经营\n收入"]
    assert sheet.rows[2].texts == ["甲,村", "1,234"]


def test_ragged_lines_are_kept_and_noted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("村名,收入\n甲村,1\n乙村,2,多出\n丙村\n", encoding="utf-8")
    sheet = read_textfile(path)
    assert sheet.rows[3].texts == ["乙村", "2", "多出"]
    assert sheet.rows[4].texts == ["丙村"]
    assert "3" in sheet.notes[1]


def test_old_line_ends_and_delimiters():
    assert find_delimiter("村名\t收入\r甲村\t1，000\r") == "\t"
    assert find_delimiter("村名\n甲村\n") == ","


STRICT = b"http://purl.oclc.org/ooxml/"


def strict(path):
    """Rewrite a workbook in the names of strict Open XML."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    usual = b"http://schemas.openxmlformats.org/"
    main = usual + b"spreadsheetml/2006/main"
    relations = usual + b"officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            new = content.replace(main, STRICT + b"spreadsheetml/main")
            archive.writestr(name, new.replace(relations, STRICT + b"officeDocument/relationships"))


def test_strict_open_xml_is_read_like_the_usual_kind(tmp_path):
    book = openpyxl.Workbook()
    for row in (["村名", "经营收入", "日期"], ["虚甲村", 12.5, dt.date(2023, 5, 1)]):
        book.active.append(row)
    book.active["B2"].number_format = "0!.0,"
    book.save(tmp_path / "a.xlsx")
    (usual,) = read_sheets(tmp_path / "a.xlsx")
    strict(tmp_path / "a.xlsx")
    (sheet,) = read_sheets(tmp_path / "a.xlsx")
    assert sheet == usual
    assert sheet.rows[2].texts == ["虚甲村", "12.5", "2023-05-01"]
    assert sheet.formats


@pytest.mark.parametrize("mark", ["|", "｜", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.xls"])
def test_text_is_read_whatever_parts_its_cells_and_whatever_its_name(
    tmp_path, mark, encoding, name
):
    lines = [["村名", "经营收入"], ["虚甲村", "12,500"], ["虚乙村", "7.5"]]
    (tmp_path / name).write_text("\n".join(map(mark.join, lines)), encoding=encoding)
    (sheet,) = read_sheets(tmp_path / name)
    assert [row.texts for row in sheet.rows.values()] == lines


def test_a_workbook_is_read_by_its_content(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["村名", "经营收入"])
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").rename(tmp_path / "a.xls")
    assert read_sheets(tmp_path / "a.xls")[0].rows[1].texts == ["村名", "经营收入"]


@pytest.mark.parametrize(
    "lines",
    [
        ["村名,经营收入", "虚柳湾村,12,500", "虚三合村,800"],
        [
            "虚镇收入统计表（元）,,",
            "村名,2022,2023",
            "虚柳湾村,1,250,000,980",
            "虚三合村,7,310,6,020",
        ],
        ["村名，年度，经营收入", "虚柳湾村，2023，-3，410.50"],
    ],
)
def test_amounts_parted_at_their_thousands_are_refused(tmp_path, lines):
    path = tmp_path / "收入.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(Refused, match="look like one amount"):
        read_sheets(path)


@pytest.mark.parametrize(
    "lines",
    [
        ["村名,经营收入", '虚柳湾村,"12,500"'],
        ["村名,经营收入,补助收入", "虚柳湾村,120,500", "虚三合村,800,100"],
        ["村名,经营收入", "虚柳湾村,12,已核对", "虚三合村,800,"],
        ["村名\t经营收入", "虚柳湾村\t12\t500"],
    ],
)
def test_what_is_not_parted_is_read(tmp_path, lines):
    path = tmp_path / "收入.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert len(read_textfile(path).rows) == len(lines)


@pytest.mark.parametrize(
    ("look", "kind"), [("struck", "struck"), ("white", "unseen"), ("unseen", "unseen")]
)
def test_the_looks_of_an_old_workbook_are_seen(old_book, look, kind):
    rows = [["村名", "经营收入"], ["虚枣村", 8650], ["虚槐村", 4120]]
    (sheet,) = read_sheets(old_book({"收入": rows}, looks={(1, 1): look}))
    assert sheet.marks == (Mark(2, 2, kind),)
    (plain,) = read_sheets(old_book({"收入": rows}))
    assert plain.marks == ()
    assert plain.rows == sheet.rows


def test_a_struck_name_and_the_comments_of_an_old_workbook_are_seen(old_book):
    rows = [["村名", "经营收入"], ["虚枣村", 8650], ["虚槐村", 4120]]
    notes = {(1, 1): "李某:\n应为 6850 元", (2, 1): "已核"}
    (sheet,) = read_sheets(old_book({"收入": rows}, looks={(2, 0): "struck"}, comments=notes))
    assert set(sheet.marks) == {
        Mark(2, 2, "comment", "李某:\n应为 6850 元"),
        Mark(3, 2, "comment", "已核"),
        Mark(3, 1, "struck"),
    }
