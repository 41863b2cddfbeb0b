"""The checks of read amounts, each against a table small enough to check by hand."""

import openpyxl
import pandas as pd
import pytest

from analysis.clean.decisions import CORRECTIONS
from analysis.clean.ledger import anomalies
from analysis.clean.ledger.assemble import read_books
from analysis.errors import LianjianError

REGISTER = pd.DataFrame(
    {
        "village_code": [f"99000200{n}200" for n in range(1, 10)],
        "village_name": [f"虚{c}村" for c in "甲乙丙丁戊己庚辛壬"],
        "township_code": "990002001",
        "township_name": "虚镇",
        "county_code": "sim1",
        "county_name": "甲县",
    }
)
FIRST = "990002001200"
HEAD = ["乡镇", "村名", "年度", "经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入"]


@pytest.fixture(autouse=True)
def amounts_of_any_size(monkeypatch):
    """Let amounts be small enough to add up by hand; the bands have tests of their own."""
    monkeypatch.setattr(anomalies, "BOOK_BAND", (0.01, 1e12))
    monkeypatch.setattr(anomalies, "ALWAYS", (0.001, 1e12))
    monkeypatch.setattr(anomalies, "BESIDE", (0.001, 1e12))


@pytest.fixture
def read(tmp_path):
    """Read one sheet under a title that says place and unit."""

    def _read(
        lines,
        head=HEAD,
        title="甲县村集体收入表（单位：元）",
        toml=None,
        name="册.xlsx",
        **decided,
    ):
        book = openpyxl.Workbook()
        for line in ([title], head, *lines):
            book.active.append(line)
        book.active.title = "表"
        book.save(tmp_path / name)
        return read_books(tmp_path, [name], toml or {}, REGISTER, **decided)

    return _read


def told(**answers):
    """Return what a person answers of the one table."""
    return {"answer": [{"file": "册.xlsx", "key": k, "answer": a} for k, a in answers.items()]}


def line(village, year, *amounts):
    return ["虚镇", f"虚{village}村", year, *amounts]


def by_code(books, code):
    return [issue for issue in books.issues if issue.code == code]


def amounts(books, account="经营收入"):
    income = books.income[books.income["account_name"] == account]
    return dict(zip(zip(income["village_id"], income["year"], strict=True),
                    income["amount_yuan"], strict=True))  # fmt: skip


def test_equal_lines_count_once(read):
    books = read([line("甲", 2022, 10, 1, 1, 1, 1), line("乙", 2022, 20, 2, 2, 2, 2),
                  line("甲", 2022, 10, 1, 1, 1, 1)])  # fmt: skip
    assert amounts(books)[FIRST, 2022] == 10
    (issue,) = by_code(books, "row_twice")
    assert (issue.cell, issue.severity) == ("表!B5", "note")


def test_different_amounts_are_left_out_and_never_averaged(read):
    books = read([line("甲", 2022, 10, 1, 1, 1, 1), line("甲", 2022, 12, 1, 1, 1, 1)])
    assert (FIRST, 2022) not in amounts(books)
    assert amounts(books, "投资收益")[FIRST, 2022] == 1
    issues = by_code(books, "amounts_differ")
    assert [issue.cell for issue in issues] == ["表!D3", "表!D4"]
    assert "10.00" in issues[0].action
    assert "12.00" in issues[0].action


def test_lines_that_agree_in_no_more_than_they_differ_are_no_copies(read):
    books = read(
        [line("甲", 2022, 800, None, None, 500, 0), line("甲", 2022, 800, None, None, 700, 0)]
    )
    assert (FIRST, 2022) not in amounts(books)
    assert [issue.cell for issue in by_code(books, "amounts_differ")] == [
        "表!D3", "表!D4", "表!G3", "表!G4",
    ]  # fmt: skip
    assert (books.income["amount_yuan"] == 0).all()


def test_spending_with_a_minus_waits(read):
    books = read([line("甲", 2022, 900, 0, 0, -700)], head=[*HEAD[:6], "管理费用"])
    assert amounts(books, "管理费用") == {}
    assert amounts(books)[FIRST, 2022] == 900
    assert [issue.cell for issue in by_code(books, "implausible")] == ["表!G3"]


def test_one_name_in_two_forms_is_one_village(read):
    books = read([line("甲", 2022, 10, 1, 1, 1, 1),
                  ["虚镇", "虚甲村民委员会", 2022, 10, 1, 1, 1, 1]])  # fmt: skip
    assert len(books.villages) == 1
    assert by_code(books, "suffix_double")


STEADY = [line("甲", year, 30_000 + 1_000 * n, 1, 1, 1, 1)
          for n, year in enumerate(range(2018, 2023))]  # fmt: skip


@pytest.mark.parametrize("slip", [3.4, 340_000_000])
def test_a_slip_of_a_unit_is_left_out(read, slip):
    books = read([*STEADY, line("甲", 2023, slip, 1, 1, 1, 1)])
    (issue,) = by_code(books, "unit_slip")
    assert issue.cell == "表!D8"
    assert (FIRST, 2023) not in amounts(books)
    assert len(amounts(books)) == 5


def test_two_slips_of_one_village_are_both_left_out(read):
    books = read([*STEADY, line("甲", 2023, 3.4, 1, 1, 1, 1), line("甲", 2017, 2.9, 1, 1, 1, 1)])
    assert [issue.cell for issue in by_code(books, "unit_slip")] == ["表!D8", "表!D9"]


def test_the_break_of_2024_is_no_slip_and_hides_none(read):
    # 发包及上交收入 of 140,000 went into 投资收益, which was some 4,000 before
    before = [line("甲", year, 9_000, 140_000, 2 * year, 1, 1) for year in range(2019, 2024)]
    after = ["虚镇", "虚甲村", 2024, 9_000, None, 150_000, 1, 1]
    assert not by_code(read([*before, after]), "unit_slip")
    after[5] = 15.0  # 万元
    (issue,) = by_code(read([*before, after]), "unit_slip")
    assert issue.cell == "表!F8"


@pytest.mark.parametrize("growth", [90_000, 300_000, 900_000, 3_000])
def test_growth_is_no_slip(read, growth):
    books = read([*STEADY, line("甲", 2023, growth, 1, 1, 1, 1)])
    assert not by_code(books, "unit_slip")
    assert amounts(books)[FIRST, 2023] == growth


@pytest.mark.parametrize(
    ("answer", "severity", "counts"),
    [("", "error", False), ("not filled in", "note", False), ("nothing booked", None, True)],
)
def test_a_line_of_zeros_is_asked_about(read, answer, severity, counts):
    lines = [line("甲", 2022, 0, 0, 0, 0, 0), line("乙", 2022, 5, 0, 0, 0, 0)]
    books = read(lines, toml=told(zeros=answer))
    found = [(i.cell, i.severity) for i in by_code(books, "zero_filled")]
    assert found == ([("表!D3, E3, F3, G3, H3", severity)] if severity else [])
    assert ((FIRST, 2022) in amounts(books)) == counts
    assert len(by_code(books, "answer_stale")) == 0


def total(label, year, *amounts):
    return [label, None, year, *amounts]


@pytest.mark.parametrize(("printed", "code"), [(30, None), (33, "total_differs"), (30.004, None)])
def test_a_total_is_held_against_its_parts(read, printed, code):
    books = read([line("甲", 2022, 10, 1, 1, 1, 1), line("乙", 2022, 20, 1, 1, 1, 1),
                  total("合  计", 2022, printed, 2, 2, 2, 2)])  # fmt: skip
    found = [i for i in books.issues if i.code.startswith("total")]
    assert [i.code for i in found] == ([code] if code else [])
    assert len(amounts(books)) == 2


def test_a_total_of_cells_that_name_their_units_is_held_against_them(read):
    lines = [["虚甲村", "5.83万元"], ["虚乙村", "21000元"], ["合计", "0.0008亿元"]]
    books = read(lines, ["村名", "经营收入"], "甲县虚镇2022年村集体收入表")
    assert sorted(books.income["amount_yuan"]) == [21_000, 58_300]
    assert [issue.code for issue in books.issues].count("total_differs") == 1


def test_a_total_over_a_refused_part_cannot_be_checked(read):
    books = read([line("甲", 2022, 10, 1, 1, 1, 1), line("乙", 2022, "待核", 1, 1, 1, 1),
                  total("合计", 2022, 30, 2, 2, 2, 2)])  # fmt: skip
    assert [i.cell for i in by_code(books, "total_unchecked")] == ["表!D5"]


def test_printed_measures_are_held_against_their_accounts(read):
    head = [*HEAD, "集体总收入"]
    books = read([line("甲", 2022, 10, 1, 2, 3, 4, 20), line("乙", 2022, 10, 1, 2, 3, 4, 26)], head)
    assert [i.cell for i in by_code(books, "identity_differs")] == ["表!I4"]


def of_measures(*lines):
    """Return lines of a table with accounts and a measure, in thousands."""
    return [line(name, 2022, *(n and n * 1_000 for n in amounts)) for name, *amounts in lines]


OF_INCOME = [*HEAD[:3], "经营收入", "投资收益", "补助收入", "总收入"]


@pytest.mark.parametrize(
    ("lines", "waits", "counts"),
    [  # 发包及上交收入 stands nowhere, so that the accounts alone make no measure
        ([("甲", 10, 1, 3, 14), ("乙", 20, 1, 3, 24)], [], [14, 24]),
        ([("甲", 10, 1, 3, 13), ("乙", 20, 1, 3, 30)], ["表!G3"], [30]),
        ([("甲", 10, 1, 3, 14), ("乙", 20, 1, 3, 24), ("丙", 20, 1, 3, 26)], ["表!G5"], [14, 24]),
        ([("甲", 10, 1, None, 14), ("乙", 20, None, 3, 23)], [], [14, 23]),
        ([("甲", 10, 1, 3, 14), ("乙", 20, 1, 3, 24), ("丙", 20, 1, None, 26)], [], [14, 24, 26]),
    ],
)
def test_a_sum_that_the_accounts_contradict_waits(read, lines, waits, counts):
    books = read(of_measures(*lines), OF_INCOME)
    assert [i.cell for i in by_code(books, "measure_contradicts")] == waits
    assert sorted(amounts(books, "总收入").values()) == [n * 1_000 for n in counts]


OF_SURPLUS = [*HEAD[:3], "经营收入", "投资收益", "管理费用", "经营收益"]


@pytest.mark.parametrize(
    ("line", "waits", "counts"),
    [(("甲", 10, None, 4, 6), 0, [6]), (("甲", 10, None, 4, 9), 1, []),
     (("甲", 10, None, 4, 3), 1, []), (("甲", 10, 1, None, -3), 0, [-3])],
)  # fmt: skip
def test_a_surplus_counts_where_the_lines_beside_it_make_it(read, line, waits, counts):
    books = read(of_measures(line), OF_SURPLUS)
    assert len(by_code(books, "measure_contradicts")) == waits
    assert list(amounts(books, "经营收益").values()) == [n * 1_000 for n in counts]


@pytest.mark.parametrize(("decision", "says"), [("keep", ""), ("correct", "14000")])
def test_a_person_settles_a_sum_that_is_contradicted(read, tmp_path, decision, says):
    lines = of_measures(("甲", 10, 1, 3, 13))
    asked = read(lines, OF_INCOME).corrections_to_fill
    path = tmp_path / CORRECTIONS
    asked.assign(decision=decision, should_say=says, reason="looked", authority="the book").to_csv(
        path, index=False
    )
    books = read(lines, OF_INCOME, decided={CORRECTIONS: path})
    assert list(amounts(books, "总收入").values()) == [int(says or 13_000)]
    assert by_code(books, "measure_contradicts") == []


@pytest.mark.parametrize(
    ("head", "code"),
    [("预计年收入", "column_forecast"), ("上年收入", "column_last_year"),
     ("第二季度累计收入", "column_cumulative"), ("捐赠收入", "column_donation"),
     ("土地补偿费", "column_land_compensation"), ("农村经济总收入", "column_village_economy"),
     ("虚构项目收入", "column_unknown")],
)  # fmt: skip
def test_what_is_no_income_is_kept_out(read, head, code):
    books = read([line("甲", 2022, 10, 1, 2, 3, 4, 9_999)], [*HEAD, head])
    assert [i.cell for i in by_code(books, code)] == ["表!I2"]
    assert 9_999 not in set(books.income["amount_yuan"])


def test_codes_without_names_are_refused_from_2024_on(read):
    head = ["乡镇", "村名", "年度", "科目", "金额"]
    lines = [line("甲", year, code, 10) for year in (2023, 2024) for code in ("501", "511")]
    books = read(lines, head)
    assert amounts(books) == {(FIRST, 2023): 10}
    assert amounts(books, "发包及上交收入") == {(FIRST, 2023): 10}
    assert by_code(books, "column_code_only")


def test_an_account_in_the_wrong_year_is_left_out(read):
    books = read([line("甲", 2024, 10, 7, 2, 3, 4), line("乙", 2024, 10, 0, 2, 3, 4),
                  line("丙", 2024, 10, None, 2, 3, 4)])  # fmt: skip
    assert [i.cell for i in by_code(books, "column_wrong_year") if i.severity == "error"] == [
        "表!E3"
    ]
    assert not amounts(books, "发包及上交收入")


@pytest.mark.parametrize("text", ["3-5万", "5万以上", "不足5万"])
def test_bounds_are_no_amounts(read, text):
    books = read([line("甲", 2022, text, 1, 1, 1, 1)])
    assert [i.cell for i in by_code(books, "cell_bound")] == ["表!D3"]
    assert not amounts(books)


def test_a_column_of_words_is_not_lost_unsaid(read):
    books = read([line("甲", 2022, "几十万", 1, 1, 1, 1), line("乙", 2022, "若干", 1, 1, 1, 1)])
    assert [i.cell for i in by_code(books, "column_not_numbers")] == ["表!D2"]


def test_a_table_without_a_unit_waits_for_its_answer(read):
    lines, title = [line("甲", 2022, 3.5, 1, 1, 1, 1)], "甲县村集体收入表"
    assert read(lines, title=title).income.empty
    assert amounts(read(lines, title=title, toml=told(unit="万元"))) == {(FIRST, 2022): 35_000}


def test_a_county_that_nothing_names_is_that_of_its_township(read):
    lines, title = [line("甲", 2022, 3, 1, 1, 1, 1)], "村集体收入表（单位：元）"
    books = read(lines, title=title)
    assert len(books.income) == 5
    [said] = [one for one in books.issues if "no county is named" in one.action]
    assert (said.severity, "it is 甲县" in said.action) == ("note", True)


def test_a_county_is_asked_for_where_two_have_a_township_of_that_name(read, monkeypatch):
    other = REGISTER.assign(
        county_name="辛县", county_code="sim8", village_code=REGISTER["village_code"] + "9"
    )
    monkeypatch.setitem(globals(), "REGISTER", pd.concat([REGISTER, other]))
    lines, title = [line("甲", 2022, 3, 1, 1, 1, 1)], "村集体收入表（单位：元）"
    with pytest.raises(LianjianError, match="which county"):
        read(lines, title=title)
    assert len(read(lines, title=title, toml=told(county="甲县")).income) == 5


@pytest.mark.parametrize(
    ("date", "said", "booked"),
    [
        ("12月31日", "本年累计", {(FIRST, 2022): 9_000}),
        ("2022-12-31", "全年合计", {(FIRST, 2022): 9_000}),
        ("11月30日", "本年累计", {}),
        ("12月31日", "本月合计", {}),
    ],
)
def test_the_line_of_the_year_counts_among_dated_entries(read, date, said, booked):
    lines = [["3月2日", "收租金", 4_000, None], ["6月30日", "本月合计", 4_000, None],
             ["9月1日", "收租金", 5_000, None], [date, said, 9_000, 800]]  # fmt: skip
    head, title = ["日期", "摘要", "经营收入", "管理费用"], "甲县虚镇虚甲村2022年收支（元）"
    assert amounts(read(lines, head, title)) == booked


@pytest.mark.parametrize(("name", "booked"), [("虚甲", 1), ("收支表", 0)])
def test_a_sheet_called_like_a_village_of_its_township_is_that_villages(tmp_path, name, booked):
    book = openpyxl.Workbook()
    for row in (["虚镇2022年收支（元）"], ["项目", "金额"], ["经营收入", 9_000], ["补助收入", 800]):
        book.active.append(row)
    book.active.title = name
    book.create_sheet("虚乙").append(["虚镇2022年收支（元）"])
    for row in (["项目", "金额"], ["经营收入", 7_000]):
        book["虚乙"].append(row)
    book.save(tmp_path / "册.xlsx")
    books = read_books(tmp_path, ["册.xlsx"], {}, REGISTER)
    assert len(amounts(books)) == 1 + booked


def test_nothing_in_a_file_of_issues_is_run_by_a_spreadsheet(tmp_path):
    from analysis.clean.tables import write_csv

    frame = pd.DataFrame({"text": ["=1+1", "-3", "-", "＋x", "甲", "@a"], "n": [-1.5] * 6})
    write_csv(frame, tmp_path / "a.csv")
    back = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert back["text"].tolist() == ["'=1+1", "-3", "'-", "'＋x", "甲", "'@a"]
    assert set(back["n"]) == {"-1.5"}


def test_a_cell_that_looks_like_markup_is_shown_as_text():
    from analysis.clean.ledger.page import issues_pages

    columns = ["file", "cell", "text", "code", "severity", "action"]
    row = ["<b>.xlsx", "A1", "<script>alert(1)</script>", "cell_refused", "error", "left out"]
    manifest = {"name": "x", "title": "<i>", "kind": "ledger", "version": "0"}
    pages = dict(issues_pages(pd.DataFrame([row], columns=columns), manifest))
    assert {"issues.html", "issues.zh.html"} <= set(pages)
    for page in pages.values():
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "<b>.xlsx" not in page
        assert "模拟" not in page
    empty = dict(issues_pages(pd.DataFrame(columns=columns, dtype="str"), manifest))["issues.html"]
    assert "nothing to go through" in empty


TWO = [line("甲", 2023, 10, 1, 1, 1, 1), line("乙", 2023, 20, 2, 2, 2, 2)]


@pytest.mark.parametrize("part", ["第二季度", "上半年", "1-9月", "12月", "截至"])
def test_a_part_of_a_year_is_no_year_until_somebody_says_so(read, part):
    title = f"甲县2023年{part}村集体收入表（单位：元）"
    with pytest.raises(LianjianError, match=part):
        read(TWO, title=title)
    books = read(TWO, title=title, toml=told(period="whole year"))
    assert amounts(books) == {(FIRST, 2023): 10, ("990002002200", 2023): 20}
    with pytest.raises(LianjianError, match="left out: a part of a year"):
        read(TWO, title=title, toml=told(period="part of a year"))
    with pytest.raises(LianjianError, match="expected one of whole year, part of a year"):
        read(TWO, title=title, toml=told(period="half"))


@pytest.mark.parametrize("said", ["1-12月", "全年", "全年累计"])
def test_a_title_that_names_the_whole_year_is_not_asked_about(read, said):
    assert len(read(TWO, title=f"甲县2023年{said}村集体收入表（单位：元）").income) == 10


@pytest.mark.parametrize("above", [True, False])
def test_a_township_may_stand_only_beside_its_sum(read, above):
    lines = []
    for township, villages in (("虚镇", "甲乙"), ("虚乡", "丙丁")):
        own = [[None, f"虚{v}村", 2023, 100, 10, 10, 10, 10] for v in villages]
        total = [township, "小计", 2023, 200, 20, 20, 20, 20 + (township == "虚乡") * 7]
        lines += [total, *own] if above else [*own, total]
    books = read(lines)
    assert amounts(books) == {(FIRST, 2023): 100, ("990002002200", 2023): 100}
    unknown = {i.text for i in by_code(books, "place_name_unknown")}
    assert unknown == {"甲县 虚乡 虚丙村", "甲县 虚乡 虚丁村"}
    (wrong,) = by_code(books, "total_differs")
    assert wrong.text == "27"


def test_a_code_without_a_name_is_what_a_person_says(read):
    head = ["乡镇", "村名", "年度", "511", "补助收入"]
    lines = [["虚镇", "虚甲村", 2024, 5, 2]]
    (asked,) = by_code(read(lines, head), "column_code_only")
    assert (asked.cell, asked.severity) == ("表!D2", "error")
    books = read(
        lines, head, toml={"answer": [{"about": ["511"], "key": "meaning", "answer": "经营收入"}]}
    )
    assert amounts(books) == {(FIRST, 2024): 5}
    assert not by_code(books, "column_code_only")


@pytest.mark.parametrize("year", ["22年", "2022-2023", None, "去年"])
def test_a_line_without_a_year_is_named_and_can_be_corrected(read, tmp_path, year):
    lines = [line("甲", 2023, 10, 1, 1, 1, 1), line("乙", 2023, 20, 2, 2, 2, 2),
             line("丙", year, 30, 3, 3, 3, 3)]  # fmt: skip
    books = read(lines)
    assert len(books.income) == 10
    (issue,) = by_code(books, "year_unread")
    assert (issue.cell, issue.text, issue.severity) == ("表!C5", year or "", "error")
    row = {"correction_id": "k1", "file": "册.xlsx", "row": "表!C5", "field": "年度",
           "says": year or "", "should_say": "2022", "expect": year or "", "decision": "correct",
           "reason": "the line above it", "authority": "the office"}  # fmt: skip
    pd.DataFrame([row]).to_csv(tmp_path / CORRECTIONS, index=False)
    books = read(lines, decided={CORRECTIONS: tmp_path / CORRECTIONS})
    assert amounts(books)["990002003200", 2022] == 30
    assert not by_code(books, "year_unread")


def of_one_village(heads):
    """Return the answers, the head and two lines of a statement of one village."""
    return (
        told(village="虚甲村"),
        ["项目", *heads],
        [["经营收入", 1200, 1000], ["补助收入", 60, 60]],
    )


@pytest.mark.parametrize(
    "heads",
    [
        ("本年金额", "上年金额"),
        ("本年数", "上年数"),
        ("本期金额", "上期金额"),
        ("决算数", "预算数"),
        ("金额", "备注"),
    ],
)
def test_a_column_of_another_year_is_never_this_year(read, heads):
    toml, head, lines = of_one_village(heads)
    title = "甲县虚镇2023年度收益表（单位：元）"
    before = {(FIRST, 2022): 1000} if heads[1].startswith("上") else {}
    books = read(lines, head, title, toml)
    assert amounts(books) == {(FIRST, 2023): 1200} | before
    blank = [[name, None, other] for name, _, other in lines]
    assert amounts(read(blank, head, title, toml)) == before


def test_a_month_and_a_running_total_are_no_year(read):
    toml, head, lines = of_one_village(("本月数", "本年累计数"))
    title = "甲县虚镇2023年度收益表（单位：元）"
    with pytest.raises(LianjianError, match="whole year"):
        read(lines, head, title, toml)
    toml["answer"].append({"key": "period", "answer": "whole year"})
    books = read(lines, head, title, toml)
    assert amounts(books) == {(FIRST, 2023): 1000}
    assert len(by_code(books, "column_cumulative")) == 2
    said = told(village="虚甲村")
    december = read(lines, head, "甲县虚镇2023年12月收益表（单位：元）", said)
    assert amounts(december) == {(FIRST, 2023): 1000}


@pytest.mark.parametrize(
    ("year", "differs"), [(1000, False), (1002, False), (1003, True), (400, False)]
)
def test_quarters_are_held_against_their_year(read, year, differs):
    quarters = [f"经营收入/{name}" for name in ("一季度", "二季度", "三季度", "四季度", "全年")]
    books = read([["虚镇", "虚甲村", 2021, 100, 200, 300, 400, year]], [*HEAD[:3], *quarters])
    said = [issue.cell for issue in books.issues if issue.code == "total_differs"]
    assert said == ["表!H3"] * differs
    assert books.income["amount_yuan"].tolist() == [year]


def test_this_year_and_last_under_each_account_and_each_village(read, tmp_path):
    lines = [["虚镇", "虚甲村", 5, 4, 3, 2]]
    head = ["乡镇", "村名", "经营收入/本年", "经营收入/上年", "补助收入/本年", "补助收入/上年"]
    books = read(lines, head, "甲县2023年收入（单位：元）")
    assert amounts(books) == {(FIRST, 2023): 5, (FIRST, 2022): 4}
    turned = [[None, "本年数", "上年数", "本年数", "上年数"], ["经营收入", None, 4, 3, 2],
              ["补助收入", 5, 4, 3, 2]]  # fmt: skip
    head = ["项目", "虚甲村", "虚甲村", "虚乙村", "虚乙村"]
    books = read(turned, head, "甲县虚镇2023年收入（单位：元）")
    second = "990002002200"
    assert amounts(books) == {(FIRST, 2022): 4, (second, 2023): 3, (second, 2022): 2}
    assert amounts(books, "补助收入")[FIRST, 2023] == 5
    assert amounts(books, "补助收入")[second, 2022] == 2


def test_an_amount_that_names_another_year_waits(read):
    books = read(
        [
            line("甲", 2021, "2020年31000", 1, 2, 3, 4),
            line("乙", 2021, "31000（二〇一九年）", 1, 2, 3, 4),
            line("丙", 2021, "2021年31000", 1, 2, 3, 4),
            line("丁", 2021, "31000（计划）", 1, 2, 3, 4),
        ]
    )
    refused = by_code(books, "cell_refused")
    assert [(i.cell, i.severity) for i in refused] == [
        ("表!D3", "error"),
        ("表!D4", "error"),
        ("表!D6", "error"),
    ]
    assert "another year" in refused[0].action
    assert list(amounts(books).values()) == [31_000]
