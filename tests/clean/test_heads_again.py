"""A line that names columns anew begins a table: what stands below is under its words and units."""

import pytest

from analysis import paths
from analysis.clean import read_book

TITLE = "甲县虚甲镇村集体经济收入表（2023年，单位：万元）"


def amounts(tmp_path, *lines):
    file = tmp_path / "b.csv"
    file.write_text("\n".join([TITLE, *lines]), "utf-8")
    register = paths.root() / "data/example/register.csv"
    data = read_book(file, register=register, simulated=True)
    found = data["income"]
    return {
        (str(village)[-1], str(name)): float(yuan)
        for village, name, yuan in found[["village_id", "account_name", "amount_yuan"]].itertuples(
            index=False
        )
    }


FIRST = {("1", "经营收入"): 1_000_000.0, ("1", "补助收入"): 500_000.0}


@pytest.mark.parametrize(
    ("head", "line", "found"),
    [
        ("村名,补助收入（元）,经营收入（元）", "虚夏村,60000,70000",
         {("2", "补助收入"): 60_000.0, ("2", "经营收入"): 70_000.0}),
        ("村名,投资收益,其他收入", "虚夏村,6,7",
         {("2", "投资收益"): 60_000.0, ("2", "其他收入"): 70_000.0}),
        (",补助收入,经营收入", "虚夏村,6,7",
         {("2", "补助收入"): 60_000.0, ("2", "经营收入"): 70_000.0}),
        ("二、弱村,补助收入,经营收入", "虚夏村,6,7",
         {("2", "补助收入"): 60_000.0, ("2", "经营收入"): 70_000.0}),
        ("行政村,补助收入（千元）,其他收入", "虚夏村,60,7",
         {("2", "补助收入"): 60_000.0, ("2", "其他收入"): 70_000.0}),
    ],
)  # fmt: skip
def test_other_words_over_the_numbers_are_a_head(tmp_path, head, line, found):
    assert amounts(tmp_path, "村名,经营收入,补助收入", "虚春村,100,50", head, line) == FIRST | found


def test_one_column_under_another_word_is_another_account(tmp_path):
    lines = ("村名,经营收入", "虚春村,100", "村名,补助收入", "虚春村,50")
    assert amounts(tmp_path, *lines) == FIRST


@pytest.mark.parametrize("line", ["虚夏村,,", "虚夏村,无,未统计", "虚夏村,无,—"])
def test_a_village_without_amounts_is_no_head(tmp_path, line):
    found = amounts(tmp_path, "村名,经营收入,补助收入", "虚春村,100,50", line, "虚秋村,6,7")
    booked = {key: yuan for key, yuan in found.items() if yuan}
    assert booked == FIRST | {("3", "经营收入"): 60_000.0, ("3", "补助收入"): 70_000.0}


@pytest.mark.parametrize(
    "own", [("续表（单位：百元）",), ("续表", "单位：百元"), ("（续）单位：百元",)]
)
def test_a_continued_table_has_the_unit_that_it_states(tmp_path, own):
    head = "村名,经营收入,补助收入"
    found = amounts(tmp_path, head, "虚春村,100,50", "", *own, head, "虚夏村,200,300")
    assert found == FIRST | {("2", "经营收入"): 20_000.0, ("2", "补助收入"): 30_000.0}
