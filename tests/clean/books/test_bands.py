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


def test_a_book_of_an_account_that_may_be_small_is_held_against_the_band(read):
    alone = {key: [None, None, None, 4_000 + 10 * at] for at, key in enumerate(YUAN)}
    assert len(read(alone, "元").income) == len(YUAN)
    assert read(alone, "万元").income.empty
    interest = {key: [None, None, None, 12 + at] for at, key in enumerate(YUAN)}
    assert len(read(interest, "元").income) == len(YUAN)


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


TOWNS = {name: "虚镇" if at < 5 else "空乡" for at, name in enumerate(NAMES)}
YEARS = range(2019, 2024)
FIVE_YEARS = {
    (name, year): [24_500 + 3_100 * at, 7_300 + 800 * at, 41_000 + 900 * at, 160 + 9 * at]
    for at, name in enumerate(NAMES)
    for year in YEARS
}


@pytest.fixture
def read_pages(tmp_path):
    """Read amounts from books of their own by what ``page`` says of them: file and sheet."""

    def _read(amounts, page):
        books = {}
        for key in amounts:
            file, sheet = page(*key)
            book = books.setdefault(file, openpyxl.Workbook())
            if sheet not in book.sheetnames:
                place = book.active if book.sheetnames == ["Sheet"] else book.create_sheet()
                place.title = sheet
                place.append([f"甲县村集体收入表{sheet}（单位：元）"])
                place.append(HEAD)
            book[sheet].append([TOWNS[key[0]], f"虚{key[0]}村", key[1], *amounts[key]])
        for file, book in books.items():
            book.save(tmp_path / file)
        register = REGISTER.assign(township_name=[TOWNS[name] for name in NAMES])
        return read_books(tmp_path, list(books), {}, register)

    return _read


def of_village(name, _year):
    return f"虚{name}村.xlsx", "账"


def of_year(_name, year):
    return "册.xlsx", f"{year}年"


def of_town(name, _year):
    return f"{TOWNS[name]}.xlsx", "账"


def misstated(by, wrong, places=(0, 1, 2, 3)):
    return {
        key: [round(v * by, 6) if at in places else v for at, v in enumerate(values)]
        if wrong(*key) else values
        for key, values in FIVE_YEARS.items()
    }  # fmt: skip


KINDS = {
    "a village in a file of its own": (lambda name, _: name == "丁", of_village),
    "a village among others": (lambda name, _: name == "己", of_year),
    "a township": (lambda name, _: TOWNS[name] == "空乡", of_year),
    "a township in a file of its own": (lambda name, _: TOWNS[name] == "空乡", of_town),
    "a sheet": (lambda _, year: year == 2021, of_year),
}


@pytest.mark.parametrize("by", [10_000, 1 / 10_000, 1_000, 1 / 1_000, 100, 1 / 100])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_as_a_whole_waits_as_a_whole(read_pages, kind, by):
    wrong, page = KINDS[kind]
    books = read_pages(misstated(by, wrong), page)
    lost = {(v, y) for v, y in zip(books.income["village_id"], books.income["year"], strict=True)}
    codes = dict(zip(NAMES, REGISTER["village_code"], strict=True))
    assert lost == {(codes[n], y) for n, y in FIVE_YEARS if not wrong(n, y)}
    assert any(i.severity == "error" for i in books.issues if "times as" in i.action)


@pytest.mark.parametrize("by", [10_000, 1 / 10_000, 100, 1 / 100])
def test_an_account_that_is_wrong_in_one_sheet_waits(read_pages, by):
    amounts = misstated(by, lambda _, year: year == 2022, places=(2,))
    books = read_pages(amounts, of_year)
    kept = books.income[books.income["year"] == 2022]
    assert set(kept["account_name"]) == {"经营收入", "投资收益", "其他收入"}
    assert len(books.income) == 4 * len(FIVE_YEARS) - len(NAMES)


@pytest.mark.parametrize("page", [of_village, of_year, of_town])
def test_honest_books_of_every_cut_pass(read_pages, page):
    books = read_pages(FIVE_YEARS, page)
    assert len(books.income) == 4 * len(FIVE_YEARS)
    assert of(books, "unit_of_table", "implausible", "magnitude", "unit_slip") == []


def test_a_rich_village_passes(read_pages):
    rich = misstated(12, lambda name, _: name == "辛")
    assert len(read_pages(rich, of_village).income) == 4 * len(rich)
