"""Absolute plausibility: what no village has is doubted, whatever stands beside it."""

import openpyxl
import pandas as pd
import pytest

from analysis.clean.decisions import CORRECTIONS
from analysis.clean.ledger.assemble import read_books

NAMES = "甲乙丙丁戊己庚辛壬"
REGISTER = pd.DataFrame(
    {
        "village_code": [f"99000200{n}200" for n in range(1, 10)],
        "village_name": [f"虚{c}村" for c in NAMES],
        "township_code": "990002001",
        "township_name": "虚镇",
        "county_code": "sim1",
        "county_name": "甲县",
    }
)
HEAD = ["乡镇", "村名", "年度", "经营收入", "投资收益", "补助收入", "其他收入"]
YUAN = {
    (name, year): [31_000 + 2_700 * at, 8_400 + 900 * at, 52_000 - 1_300 * at, 150 + 10 * at]
    for at, name in enumerate(NAMES)
    for year in (2021, 2022, 2023)
}


@pytest.fixture
def read(tmp_path):
    def _read(amounts, unit, toml=None, **decided):
        book = openpyxl.Workbook()
        book.active.append([f"甲县村集体收入表（单位：{unit}）"])
        book.active.append(HEAD)
        for (name, year), values in amounts.items():
            book.active.append(["虚镇", f"虚{name}村", year, *values])
        book.active.title = "表"
        book.save(tmp_path / "册.xlsx")
        return read_books(tmp_path, ["册.xlsx"], toml or {}, REGISTER, **decided)

    return _read


def of(books, *codes):
    return [(i.code, i.cell, i.severity) for i in books.issues if i.code in codes]


def changed(by, *keys):
    return YUAN | {key: [round(value * by, 4) for value in YUAN[key]] for key in keys}


def test_sound_books_pass(read):
    books = read(YUAN, "元")
    assert len(books.income) == 4 * len(YUAN)
    assert of(books, "unit_of_table", "implausible", "magnitude") == []


@pytest.mark.parametrize(("by", "unit"), [(1, "万元"), (1 / 10_000, "元")])
def test_a_book_in_the_wrong_unit_waits_as_a_whole(read, by, unit):
    books = read(changed(by, *YUAN), unit)
    assert books.income.empty
    (issue,) = [i for i in books.issues if i.code == "unit_of_table"]
    assert issue.severity == "error"
    assert f"all {4 * len(YUAN)} amounts" in issue.action
    assert unit in issue.action
    assert issue.cell == "表!D3:G29"
    ((table, question),) = books.shelf.asked
    assert (table.file, question.key, question.scope) == ("册.xlsx", "unit", "copy")


@pytest.mark.parametrize(
    ("by", "printed", "meant"), [(1, "万元", "元"), (1 / 10_000, "元", "万元")]
)
def test_the_unit_that_a_person_says_goes_before_the_printed_one(read, by, printed, meant):
    entry = {"file": "册.xlsx", "sheet": "表", "key": "unit", "answer": meant}
    books = read(changed(by, *YUAN), printed, {"answer": [entry]})
    assert books.shelf.asked == ()
    assert books.income["amount_yuan"].sum() == pytest.approx(sum(map(sum, YUAN.values())))
    assert of(books, "unit_of_table", "implausible", "answer_stale") == []


def test_a_village_that_is_wrong_in_all_its_years_waits(read):
    keys = [("丙", year) for year in (2021, 2022, 2023)]
    for by, word in ((10_000, "large"), (1 / 10_000, "small")):
        books = read(changed(by, *keys), "元")
        assert len(books.income) == 4 * (len(YUAN) - 3)
        (issue,) = [i for i in books.issues if i.code == "implausible"]
        assert word in issue.action
        assert "990002003200" not in set(books.income["village_id"])


def test_one_village_and_year_alone_is_held_against_the_bands(read):
    alone = {("甲", 2023): [31_000, 8_400, 52_000, 150]}
    assert len(read(alone, "元").income) == 4
    assert read(alone, "万元").income.empty
    assert read({("甲", 2023): [3.1, 0.84, 5.2, 0.015]}, "元").income.empty


def test_a_single_slip_waits_and_a_small_interest_does_not(read):
    amounts = YUAN | {("乙", 2022): [3.37, 9_300, 50_700, 12]}
    books = read(amounts, "元")
    assert {i.cell for i in books.issues if i.severity == "error"} == {"表!D7"}
    assert len(books.income) == 4 * len(YUAN) - 1
    assert 12 in set(books.income["amount_yuan"])


def test_what_a_person_confirmed_counts(read, tmp_path):
    amounts = {("甲", 2023): [31_000, 8_400, None, None], ("乙", 2023): [37, None, None, None]}
    books = read(amounts, "元")
    assert of(books, "implausible") == [("implausible", "表!D4", "error")]
    path = tmp_path / CORRECTIONS
    books.corrections_to_fill.assign(
        decision="keep", reason="asked the village", authority="the village"
    ).to_csv(path, index=False)
    again = read(amounts, "元", decided={CORRECTIONS: path})
    assert 37 in set(again.income["amount_yuan"])
