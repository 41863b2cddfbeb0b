"""Amounts whose looks, comment or hiding place speak against them: they wait, and are named."""

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from analysis.clean.ledger.answers import Answers, read_answers
from analysis.clean.ledger.assemble import read_books
from analysis.clean.ledger.describe import asked_of
from analysis.errors import LianjianError

from .test_checks import REGISTER

LINES = (
    [f"{REGISTER['county_name'][0]}虚镇2022年村集体收入（单位：元）"],
    ["村名", "经营收入", "补助收入"],
    ["虚甲村", 31_400, 20_000],
    ["虚乙村", 48_250, 25_000],
    ["虚丙村", 27_900, 30_000],
)
CELL = "B4"


@pytest.fixture
def read(tmp_path):
    """Read the lines with something done to the sheet, and perhaps with answers."""

    def _read(change, *answers):
        book = openpyxl.Workbook()
        for line in LINES:
            book.active.append(line)
        change(book.active)
        book.save(tmp_path / "a.xlsx")
        head = {"answer": [dict(zip(("key", "answer"), one, strict=True)) for one in answers]}
        return read_books(tmp_path, ["a.xlsx"], head, REGISTER)

    return _read


def booked(books) -> set[float]:
    return set(books.income["amount_yuan"])


def partly_struck(sheet):
    gone = TextBlock(InlineFont(strike=True), "4")
    sheet[CELL] = CellRichText(gone, "8250")


def look(cell=CELL, **looks):
    def change(sheet):
        for name, value in looks.items():
            setattr(sheet[cell], name, value)

    return change


def comment(text):
    return look(comment=Comment(text, "王某"))


RED = PatternFill("solid", fgColor="FFC00000")


@pytest.mark.parametrize(
    "change",
    [
        look(font=Font(strike=True)),
        partly_struck,
        look(font=Font(color="FFFFFFFF")),
        look(font=Font(color="FFC00000"), fill=RED),
        look(number_format=";;;"),
        comment("王某:\n应为4.5万元"),
        comment("账面 38,250"),
        comment("此笔为借款"),
        comment("村里说未到账"),
    ],
)
def test_an_amount_that_its_looks_or_a_comment_contradict_waits(read, change):
    books = read(change)
    assert booked(books) == {31_400, 27_900, 20_000, 25_000, 30_000}
    (issue,) = [issue for issue in books.issues if issue.code == "cell_marked"]
    assert (issue.cell, issue.severity) == (f"Sheet!{CELL}", "error")
    assert "王某" not in issue.action
    assert list(books.corrections_to_fill["row"]) == [f"Sheet!{CELL}"]


def test_a_line_whose_village_is_struck_through_waits(read):
    books = read(look("A4", font=Font(strike=True)))
    assert booked(books) == {31_400, 27_900, 20_000, 30_000}
    assert {i.cell for i in books.issues if i.code == "cell_marked"} == {"Sheet!B4", "Sheet!C4"}


@pytest.mark.parametrize(
    "change",
    [
        look(font=Font(color="FFFFFFFF"), fill=RED),
        comment("已与账面核对无误"),
        comment("即4.825万元，2023年1月入账，共12户"),
        look("A2", font=Font(strike=True)),
    ],
)
def test_looks_that_say_nothing_against_an_amount_leave_it(read, change):
    assert 48_250 in booked(read(change))


def hidden_row(sheet):
    sheet.row_dimensions[4].hidden = True


def hidden_column(sheet):
    sheet.column_dimensions["B"].hidden = True


def hidden_sheet(sheet):
    sheet.sheet_state = "hidden"
    sheet.parent.create_sheet("说明")


@pytest.mark.parametrize(
    ("hide", "hides"),
    [
        (hidden_row, {48_250, 25_000}),
        (hidden_column, {31_400, 48_250, 27_900}),
        (hidden_sheet, {31_400, 48_250, 27_900, 20_000, 25_000, 30_000}),
    ],
)
def test_hidden_amounts_wait_until_a_person_says_whether_they_count(read, hide, hides):
    every = {31_400, 48_250, 27_900, 20_000, 25_000, 30_000}
    books = read(hide)
    assert booked(books) == every - hides
    assert [one.key for one in asked_of(books.shelf, Answers())] == ["hidden"]
    assert [i.severity for i in books.issues if i.code == "question_open"] == ["error"]
    assert booked(read(hide, ("hidden", "count"))) == every
    left = read(hide, ("hidden", "leave out"))
    assert booked(left) == every - hides
    assert not [issue for issue in left.issues if issue.code == "question_open"]


def test_an_answer_about_hidden_amounts_can_only_be_one_of_two():
    with pytest.raises(LianjianError, match="expected one of count, leave out"):
        read_answers({"answer": [{"key": "hidden", "answer": "read"}]})


def footnote(cell, signed, text):
    """Return a change that puts a sign at a cell and what it says below the table."""

    def change(sheet):
        sheet[cell] = signed
        sheet["A7"] = text

    return change


@pytest.mark.parametrize(
    ("change", "waiting"),
    [
        (footnote(CELL, "48250①", "① 含一次性征地补偿款"), {"B4"}),
        (footnote(CELL, "48,250*", "注：带*号的为未到账收入"), {"B4"}),
        (footnote(CELL, "48250※", "※其中借款3万元"), {"B4"}),
        (footnote("A4", "虚乙村*", "*为预计数"), {"B4", "C4"}),
        (footnote("C2", "补助收入②", "备注：②另有捐款"), {"C3", "C4", "C5"}),
    ],
)
def test_amounts_wait_that_a_footnote_makes_no_income_of_the_year(read, change, waiting):
    books = read(change)
    marked = [issue for issue in books.issues if issue.code == "cell_marked"]
    assert {(issue.cell, issue.severity) for issue in marked} == {
        (f"Sheet!{cell}", "error") for cell in waiting
    }
    assert len(booked(books)) == 6 - len(waiting)


@pytest.mark.parametrize(
    "change",
    [
        footnote(CELL, "48250①", "① 已与账面核对无误"),
        footnote(CELL, "48250①", "② 含一次性征地补偿款"),  # of a sign that stands nowhere
        footnote(CELL, 48_250, "① 含一次性征地补偿款"),
    ],
)
def test_a_footnote_that_says_nothing_against_an_amount_leaves_it(read, change):
    assert 48_250 in booked(read(change))
