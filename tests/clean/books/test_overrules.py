"""Answers that were once offered in vain: whose a merged number is, amounts, units of one copy."""

import openpyxl
import pytest

from analysis.clean.ledger.answers import read_answers
from analysis.clean.ledger.assemble import read_books
from analysis.clean.ledger.describe import asked_of
from analysis.clean.ledger.questions import is_of_copy
from analysis.errors import LianjianError

from .test_checks import REGISTER

COUNTY = REGISTER["county_name"][0]


@pytest.fixture
def read(tmp_path):
    """Read sheets, one a file, with answers for all of them."""

    def _read(books, *answers, merge=""):
        for name, lines in books.items():
            book = openpyxl.Workbook()
            for line in lines:
                book.active.append(line)
            if merge:
                book.active.merge_cells(merge)
            book.save(tmp_path / name)
        head = {"answer": list(answers)}
        return read_books(tmp_path, list(books), head, REGISTER), read_answers(head)

    return _read


def answer(key, said, **more):
    return {"key": key, "answer": said, **more}


def amounts(books, account="经营收入"):
    names = REGISTER.set_index("village_code")["village_name"]
    income = books.income[books.income["account_name"] == account]
    return dict(zip(income["village_id"].map(names), income["amount_yuan"], strict=True))


def merged(number):
    return {
        "a.xlsx": [
            [f"{COUNTY}虚镇2021年村集体收入（元）"],
            ["村名", "经营收入", "补助收入"],
            ["虚甲村", number, 21_000],
            ["虚乙村", None, 22_000],
            ["虚丙村", 41_000, 23_000],
        ]
    }


@pytest.mark.parametrize(
    ("said", "booked"),
    [
        ("the first cell's", {"虚甲村": 36_900, "虚丙村": 41_000}),
        ("each cell's in full", {"虚甲村": 36_900, "虚乙村": 36_900, "虚丙村": 41_000}),
        ("no village's", {"虚丙村": 41_000}),
        ("shared equally", {"虚甲村": 18_450, "虚乙村": 18_450, "虚丙村": 41_000}),
    ],
)
def test_a_merged_number_is_whose_a_person_says(read, said, booked):
    books, _ = read(merged(36_900), merge="B3:B4")
    assert amounts(books) == {}
    books, _ = read(merged(36_900), answer("merged_value", said, about="经营收入"), merge="B3:B4")
    assert amounts(books) == booked


def test_what_is_no_plain_number_is_not_shared(read):
    shared = answer("merged_value", "shared equally", about="经营收入")
    books, _ = read(merged("3万多"), shared, merge="B3:B4")
    assert amounts(books) == {"虚丙村": 41_000}
    assert {i.cell for i in books.issues if i.code == "cell_refused"} == {"Sheet!B3", "Sheet!B4"}


def test_a_column_said_to_hold_amounts_takes_the_names_of_its_lines(read):
    lines = [
        [f"{COUNTY}虚镇虚甲村2020年收支（元）"],
        ["项目", "凭据", "备注"],
        ["经营收入", "收据三张", "18300"],
        ["补助收入", "见附件", "45000"],
        ["其他收入", "无", "无"],
    ]
    way = answer("orientation", "villages_down")
    books, _ = read({"a.xlsx": lines}, way, answer("role", "amount", about="备注"))
    assert (amounts(books), amounts(books, "补助收入")) == ({"虚甲村": 18_300}, {"虚甲村": 45_000})


def test_several_tables_cannot_be_asked_for_where_they_are_made_anyway():
    with pytest.raises(LianjianError, match="expected one of whole"):
        read_answers({"answer": [answer("cut", "panels")]})


def copy(factor):
    amounts = (31_400, 48_250, 27_900)
    lines = [[f"虚{c}村", one * factor] for c, one in zip("甲乙丙", amounts, strict=True)]
    return [[f"{COUNTY}虚镇2021年村集体收入"], ["村名", "经营收入"], *lines]


def test_a_unit_given_for_a_form_is_asked_again_of_a_copy_of_another_size(read):
    books = {"a.xlsx": copy(1), "b.xlsx": copy(1 / 10_000)}
    found, answers = read(books)
    asked = [one for one in asked_of(found.shelf, answers) if one.key == "unit"]
    assert [(is_of_copy(one), len(one.tables)) for one in asked] == [(False, 2)]
    form = asked[0].tables[0].form
    unit = answer("unit", "元", form=form, middle=31_400.0)
    found, answers = read(books, unit)
    assert amounts(found) == {"虚甲村": 31_400, "虚乙村": 48_250, "虚丙村": 27_900}
    waiting = {
        (is_of_copy(one), table.file)
        for one in asked_of(found.shelf, answers)
        for table in one.tables
        if one.key == "unit" and not answers.of(table, "unit")
    }
    assert waiting == {(True, "b.xlsx")}
    one = answer("unit", "万元", form=form, file="b.xlsx")
    found, _ = read(books, unit, one)
    assert not [i for i in found.issues if i.code in {"question_open", "amounts_differ"}]
