"""Number formats: what one of the number as shown is worth in the number as stored."""

import openpyxl
import pytest

from analysis.clean.ledger.questions import questions
from analysis.clean.workbook.formats import may_differ, shown, stored_in
from analysis.clean.workbook.reader import read_tables

# By the rules of number formats: a comma behind the last place divides by 1,000; a literal point
# between places shifts by ten for each place behind it.
FACTORS = [
    ("0!.0,", 345_000, 10_000, ""),
    ("0\\.0,", 345_000, 10_000, ""),
    ('0"."0,', 345_000, 10_000, ""),
    ("0!.00,,", 345_000_000, 1e8, ""),
    ("0!.0000", 345_000, 10_000, ""),
    ("#,##0,", 345_000, 1_000, ""),
    ("0.00,,", 345_000, 1e6, ""),
    ('0!.0,"万元"', 345_000, 10_000, "万元"),
    ('#,##0.00"元"', 345_000, 1, "元"),
    ('0.00"万元"', 34.5, 1, "万元"),
    ("0.00%", 0.3, 0.01, ""),
    ("#,##0.00_ ", 345_000, 1, ""),
    ("[$¥-804]#,##0.00;[Red]-#,##0.00", -345_000, 1, ""),
    ('_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ;_ ¥* "-"??_ ;_ @_ ', 345_000, 1, ""),
    ("[>=10000]0!.0,;0", 345_000, 10_000, ""),
    ("[>=10000]0!.0,;0", 9_999, 1, ""),
    ('0"元";-0!.0,"万元"', -345_000, 10_000, "万元"),
]


@pytest.mark.parametrize(("code", "value", "factor", "unit"), FACTORS)
def test_what_a_format_shows(code, value, factor, unit):
    seen = shown(code, value)
    assert (seen.factor, seen.unit, seen.is_hidden) == (pytest.approx(factor), unit, False)
    assert may_differ(code) or seen.is_plain


def test_what_a_format_hides():
    assert shown(";;;", 5).is_hidden
    assert shown("0;;", -5).is_hidden
    assert not shown("General", 5).is_hidden
    assert not shown("@", 5).is_hidden


def test_the_stored_unit_follows_where_format_and_print_agree():
    assert stored_in("0!.0,", 345_000, "万元") == "元"
    assert stored_in('0!.0,"万元"', 345_000, "") == "元"
    assert stored_in('0.00"万元"', 34.5, "万元") == "万元"
    assert stored_in('0.00"元"', 345_000, "万元") == ""
    assert stored_in("#,##0,", 345_000, "万元") == ""
    assert stored_in(";;;", 345_000, "元") == ""


@pytest.mark.parametrize("code", ["0!.0,", "#,##0,", '[>=10000]0!.0,"万";0'])
def test_a_scaled_column_asks_for_its_unit(tmp_path, code):
    book = openpyxl.Workbook()
    for row in (
        ["虚构县虚镇2023年收入（单位：万元）"],
        ["村名", "经营收入"],
        ["虚甲村", 345_000],
        ["虚乙村", 12_000],
    ):
        book.active.append(row)
    for cell in ("B3", "B4"):
        book.active[cell].number_format = code
    book.save(tmp_path / "a.xlsx")
    (table,) = read_tables(tmp_path / "a.xlsx").tables
    (doubt,) = [d for d in table.doubts if d.key == "unit"]
    assert doubt.cell == "B3"
    assert code.replace("'", "") in doubt.evidence.replace("'", "")
    assert doubt.proposal == ("元" if code == "0!.0," else doubt.proposal)


def test_a_format_that_only_repeats_the_unit_asks_nothing(tmp_path):
    book = openpyxl.Workbook()
    for row in (["虚构县虚镇2023年收入（单位：元）"], ["村名", "经营收入"], ["虚甲村", 345_000]):
        book.active.append(row)
    book.active["B3"].number_format = '#,##0"元"'
    book.save(tmp_path / "a.xlsx")
    (table,) = read_tables(tmp_path / "a.xlsx").tables
    assert [q.key for q in questions(table) if q.key != "county"] == []
