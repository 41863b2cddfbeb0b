"""Tables leave with labels, units and their mark, and books are read where they lie."""

import csv
import math
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import openpyxl
import pandas as pd
import pytest

import analysis as lj
from analysis import paths
from analysis.clean import dataset
from analysis.errors import LianjianError
from analysis.reports.text import latex


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    """Give the datasets that this process counts as loaded: none."""
    held = {}
    monkeypatch.setattr(dataset, "_loaded", held)
    return held


@pytest.fixture
def means():
    return pd.DataFrame(
        {
            "county_name": ["环县", "=1+1"],
            "year": [2023, 2024],
            "total_income_wan_yuan": [12.3456, None],
            "ratio_50%": [0.5, 1.25],
        }
    )


def test_excel_keeps_numbers_and_says_what_they_are(means, tmp_path):
    file = lj.export(means, tmp_path / "均值.xlsx", "Means")
    book = openpyxl.load_workbook(file)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert rows[0][0] == "Means"
    assert rows[1][:3] == ("County\n县区", "Year\n年份", "Total income (万元)\n总收入")
    assert rows[2] == ("环县", 2023, 12.3456, 0.5)
    assert rows[3] == ("=1+1", 2024, None, 1.25)
    assert book.worksheets[0].cell(4, 1).data_type == "s"  # a text, and no formula
    assert book.worksheets[0].cell(3, 2).number_format == "0"
    assert book.worksheets[1].cell(4, 5).value.startswith("Operating, subsidy and other income")
    again = lj.export(means, tmp_path / "again.xlsx", "Means")
    assert again.read_bytes() == file.read_bytes()


ODD = {
    "endless": ([math.inf, -math.inf, 2.5], ["∞", "−∞", 2.5], ["∞", "−∞", "2.5"]),
    "exact": ([Decimal("2.675"), Fraction(1, 4)], [2.675, 0.25], ["2.675", "1/4"]),
    "with a zone": (
        [datetime(2024, 1, 31, 8, tzinfo=UTC)],
        ["2024-01-31 08:00:00+00:00"],
        ["2024-01-31 08:00:00+00:00"],
    ),
    "complex": ([1 + 2j], ["(1+2j)"], ["(1+2j)"]),
    "half a character": (["村\ud83d"], ["村[U+D83D]"], ["村[U+D83D]"]),
    "hidden": (["a\x00b\u202ec"], ["a[U+0000]b[U+202E]c"], ["a[U+0000]b[U+202E]c"]),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_a_format_cannot_hold_is_written_out_and_never_left_out(kind, tmp_path):
    values, cells, words = ODD[kind]
    held = object if kind in {"exact", "half a character"} else None
    frame = pd.DataFrame({"v": pd.Series(values, dtype=held)})
    sheet = openpyxl.load_workbook(lj.export(frame, tmp_path / "x.xlsx")).worksheets[0]
    assert [cell for (cell,) in sheet.iter_rows(min_row=2, values_only=True)] == cells
    text = lj.export(frame, tmp_path / "x.csv").read_text("utf-8-sig")
    rows = [cell.replace("inf", "∞").replace("-", "−") for cell in text.split("\n")[1:-1]]
    assert rows == [word.replace("-", "−") for word in words]
    said = lj.export(frame, tmp_path / "x.tex").read_text("utf-8")
    for word in words:
        assert latex(f"{float(word):.2f}" if kind == "endless" and word == "2.5" else word) in said


def test_latex_is_written_for_latex(means, tmp_path):
    text = lj.export(means, tmp_path / "x.tex", "50 % of {all}", digits=1).read_text("utf-8")
    assert r"\caption{50 \% of \{all\}}" in text
    assert r"ratio\_50\%" in text
    assert r"环县 & 2023 & 12.3 & 0.5 \\" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


@pytest.mark.parametrize("ending", ["xlsx", "tex", "csv"])
def test_every_row_of_simulated_data_says_so(means, ending, tmp_path, loaded):
    made_up = dataset.Dataset("x", "simulated", "X", "", "0", tmp_path)
    loaded["x"] = made_up
    file = lj.export(means, tmp_path / f"x.{ending}", "Means")
    if ending == "xlsx":
        rows = list(openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True))
        assert "Simulated data" in rows[0][0]
        assert [row[-1] for row in rows[2:]] == ["模拟", "模拟"]
    elif ending == "csv":
        rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
        assert [row[-1] for row in rows[1:]] == ["模拟", "模拟"]
        assert rows[2][0] == "'=1+1"
    else:
        assert file.read_text("utf-8").count(r"& 模拟 \\") == 2
    own = dataset.Dataset("own", "ledger", "Own", "", "0", tmp_path)
    real = lj.export(means, tmp_path / f"own.{ending}", "Means", data=own).read_bytes()
    assert "模拟".encode() not in real


@pytest.mark.parametrize("ending", ["xlsx", "tex", "csv"])
def test_a_table_of_real_books_is_internal_and_private(means, ending, tmp_path, loaded):
    loaded["own"] = dataset.Dataset("own", "ledger", "Own", "", "0", tmp_path)
    means["has_project"] = pd.array([True, None], "boolean")
    file = lj.export(means, tmp_path / f"x.{ending}", "Means")
    assert file.stat().st_mode & 0o077 == 0
    if ending == "xlsx":
        rows = list(openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True))
        assert rows[0][0] == "Means [Internal 内部资料]"
        assert [row[-1] for row in rows[2:]] == ["内部", "内部"]
        assert rows[3][-2] is None
    elif ending == "csv":
        rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
        assert [row[-1] for row in rows[1:]] == ["内部", "内部"]
        assert rows[2][-2] == ""
    else:
        assert file.read_text("utf-8").count(r"& 内部 \\") == 2
        assert "[Internal 内部资料]" in file.read_text("utf-8")
    loaded["x"] = dataset.Dataset("x", "simulated", "X", "", "0", tmp_path)
    both = lj.export(means, tmp_path / "both.csv").read_text("utf-8-sig")
    assert both.count("含模拟, 内部") == 2
    published = dataset.Dataset("p", "published", "P", "", "0", tmp_path)
    assert "内部" not in lj.export(means, tmp_path / "p.csv", data=published).read_text("utf-8-sig")


def test_columns_of_one_name_all_leave(tmp_path, loaded):
    loaded["x"] = dataset.Dataset("x", "simulated", "X", "", "0", tmp_path)
    frame = pd.DataFrame({"Gauge": ["on"], "data": [7]}, index=pd.Index(["lag"], name="Gauge"))
    file = lj.export(frame, tmp_path / "x.csv", "Gauges")
    rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    assert rows[1] == ["lag", "on", "7", "模拟"]
    assert list(frame.columns) == ["Gauge", "data"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((3, "x.xlsx"), "this is a int"),
        ((pd.DataFrame({"a": [1]}), "x.xslx"), r"Did you mean xlsx\?"),
        ((pd.DataFrame({"a": [1]}), "nowhere/x.csv"), "There is no folder"),
        ((dataset.Dataset("x", "ledger", "", "", "", paths.root()), "x.csv"), "data.panel"),
    ],
)
def test_what_is_no_table_is_said(wrong, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LianjianError, match=said):
        lj.export(*wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_book_of_three_columns_is_read_where_it_lies(tmp_path):
    book = tmp_path / "甲县虚甲镇2023年.csv"
    book.write_bytes(
        "甲县虚甲镇2023年村级集体经济收入表（单位：元）\r\n村名,总收入,经营性收入\r\n"
        '虚春村,125000,82000\r\n虚冬村,"30,500",—\r\n'.encode("gb18030")
    )
    register = paths.root() / "data" / "example" / "register.csv"
    own = lj.read_book(book, register=register, simulated=True)
    panel = own.panel.set_index("village_id")
    assert panel.loc["SIM-EX-101", "total_income_yuan"] == 125_000
    assert panel.loc["SIM-EX-101", "operating_income_yuan"] == 82_000
    assert panel.loc["SIM-EX-104", "total_income_yuan"] == 30_500
    assert pd.isna(panel.loc["SIM-EX-104", "operating_income_yuan"])
    assert own.is_simulated
    assert own.years == (2023,)
    assert "总收入" in own._repr_html_()
    assert sorted(path.name for path in tmp_path.iterdir()) == [book.name]
    with pytest.raises(LianjianError, match="is missing"):
        lj.read_book(tmp_path / "none.csv")


def test_a_report_reads_no_real_book_that_was_not_taken_in(tmp_path, monkeypatch):
    book = tmp_path / "环县.csv"
    book.write_text("村名,总收入\n甲村,1\n", "utf-8")
    monkeypatch.setenv("LIANJIAN_KERNEL", "x")
    with pytest.raises(LianjianError, match="lianjian new"):
        lj.read_book(book)
