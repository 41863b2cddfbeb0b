"""What no head, banner or tab settles is not booked: the line or column waits for a person."""

import openpyxl
import pytest

from analysis import paths
from analysis.clean import read_book
from analysis.errors import LianjianError

TITLE = "甲县虚甲镇2023年村集体经济收入表（单位：万元）"
YEARS = "甲县虚甲镇村集体经济收入表（单位：万元）"


def booked(file):
    """Return the amounts of a book by village, account or measure, and year; none where it asks."""
    register = paths.root() / "data/example/register.csv"
    try:
        data = read_book(file, register=register, simulated=True)
    except LianjianError:
        return {}
    income = data["income"][["village_id", "account_name", "year", "amount_yuan"]]
    found = {(v[-1], str(name), int(year)): yuan for v, name, year, yuan in income.to_numpy()}
    accounts = {key[:1] + key[2:] for key in found}
    for row in data["panel"].itertuples():
        key = row.village_id[-1], int(row.year)
        if key not in accounts and row.total_income_yuan > 0:
            found[key[0], "总收入", key[1]] = row.total_income_yuan
    return found


def written(tmp_path, lines, title=TITLE):
    file = tmp_path / "b.csv"
    file.write_text("\n".join([title, *lines.split()]), "utf-8")
    return booked(file)


@pytest.mark.parametrize("label", ["行政村", "村名"])
def test_a_label_on_each_level_of_the_head_is_one_head(tmp_path, label):
    lines = f"{label},2022年,2023年 {label},补助收入,经营收入 虚春村,3,4 虚夏村,5,6"
    assert written(tmp_path, lines, YEARS) == {
        ("1", "补助收入", 2022): 30_000, ("1", "经营收入", 2023): 40_000,
        ("2", "补助收入", 2022): 50_000, ("2", "经营收入", 2023): 60_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        # perhaps a second row of the head: then 当年 is not of the title's income
        "村名,结余,当年 单位名称,补助收入,补助收入 虚春村,3,4 虚夏村,5,6",
        "村名,当年,上年 乡镇,经营支出,经营支出 虚春村,3,4 虚夏村,5,6",
        # a column of words tells lines apart of which one prints the village's name
        "村名,版本,经营收入,补助收入 虚春村,初稿,3,4 ,定稿,5,6 虚夏村,初稿,7,8 ,定稿,9,10",
        "村名,口径,经营收入,补助收入 虚春村,保底值,3,4 ,决算数,5,6 虚夏村,保底值,7,8 ,决算数,9,10",
        "村名,,经营收入,补助收入 虚春村,应到,3,4 ,,5,6 虚夏村,应到,7,8 ,,9,10",
        "年度,科目,,虚春村,虚夏村 2023年,经营收入,应到,3,4 ,,,5,6 2022年,经营收入,应到,7,8 ,,,9,9",
        # a sum beside what nobody knows, or beside sums to date
        "村名,科目,名义,挂牌,合计 虚春村,经营收入,3,4,7 虚夏村,经营收入,5,6,11",
        "村名,科目,10月底,年度合计,合计 虚春村,经营收入,3,4,7 虚夏村,经营收入,5,6,11",
        "村名,科目,三年累计,前三季度,合计 虚春村,经营收入,3,4,7 虚夏村,经营收入,5,6,11",
        # the same heads under each account are no parts of them
        "村名,经营收入,,补助收入,,合计 ,名义,到手,名义,到手, 虚春村,3,4,5,6,18 虚夏村,7,8,9,9,33",
        # a banner of the other side
        "村名,支出情况, ,补助收入,投资收益 虚春村,3,4 虚夏村,5,6",
        "村名,负债类, ,补助收入,投资收益 虚春村,3,4 虚夏村,5,6",
        # lines of sums alone
        "村名,内容,经营收入 虚春村,增减,3 ,任务,4 ,实际,5 共计,,12",
    ],
)  # fmt: skip
def test_what_is_open_is_not_booked(tmp_path, lines):
    assert written(tmp_path, lines) == {}


def test_years_alone_stand_over_the_heads_of_two_lists(tmp_path):
    heads = ",2022年,,,2023年, 名次,村名,补助收入,名次,村名,补助收入"
    lines = f"{heads} 1,虚春村,4,1,虚夏村,6 2,虚夏村,3,2,虚春村,5"
    assert written(tmp_path, lines, YEARS) == {
        ("1", "补助收入", 2022): 40_000, ("2", "补助收入", 2022): 30_000,
        ("2", "补助收入", 2023): 60_000, ("1", "补助收入", 2023): 50_000,
    }  # fmt: skip


def test_a_lost_banner_beside_another_is_not_the_title(tmp_path):
    lines = "村名,,,补助收入, ,1-6月,全年数,1-6月,全年数 虚春村,3,4,5,6 虚夏村,7,8,9,10"
    assert written(tmp_path, lines) == {
        ("1", "补助收入", 2023): 60_000, ("2", "补助收入", 2023): 100_000,
    }  # fmt: skip


def test_numbers_under_no_head_are_no_account_of_their_line(tmp_path):
    lines = "村名,科目,,全年实际数 虚春村,经营收入,8,30 虚春村,补助收入,9,40"
    assert written(tmp_path, lines) == {
        ("1", "经营收入", 2023): 300_000, ("1", "补助收入", 2023): 400_000,
    }  # fmt: skip


def test_villages_of_a_second_strip_stand_under_their_own_names(tmp_path):
    lines = "科目,虚春村,虚夏村 经营收入,3,4 补助收入,,5 科目,虚秋村,虚冬村 经营收入,6,7"
    found = written(tmp_path, lines)
    assert {key: yuan for key, yuan in found.items() if key[0] in "12"} == {
        ("1", "经营收入", 2023): 30_000, ("2", "经营收入", 2023): 40_000,
        ("2", "补助收入", 2023): 50_000,
    }  # fmt: skip


@pytest.mark.parametrize("label", ["户均", "人均（元）"])
def test_amounts_a_head_under_villages_are_no_amounts_of_the_year(tmp_path, label):
    heads = f"科目,虚春村,,虚夏村, ,{label},全年数,{label},全年数"
    lines = f"{heads} 经营收入,35,4,45,5 补助收入,55,6,65,7"
    assert {key for key, yuan in written(tmp_path, lines).items() if yuan > 100_000} == set()


@pytest.mark.parametrize("tab", ["补助收入", "三、投资收益", "管理费用"])
def test_a_tab_that_names_an_account_denies_the_measure_of_the_title(tmp_path, tab):
    book = openpyxl.Workbook()
    book.active.title = tab
    for line in ([TITLE], ["村名", "全年实际数"], ["虚春村", 3], ["虚夏村", 4]):
        book.active.append(line)
    book.save(tmp_path / "b.xlsx")
    assert booked(tmp_path / "b.xlsx") == {}
