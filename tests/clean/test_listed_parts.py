"""What stands behind 其中 is a part of the account before it, and is not booked beside that."""

import pytest

from analysis import paths
from analysis.clean import read_book

LEASED, SUBSIDY, OTHER = "发包及上交收入", "补助收入", "其他收入"


def booked(tmp_path, head, *lines):
    file = tmp_path / "b.csv"
    title = "甲县虚甲镇村集体经济收入表（2023年，单位：元）"
    file.write_text("\n".join([title, head, *lines]), "utf-8")
    register = paths.root() / "data/example/register.csv"
    data = read_book(file, register=register, simulated=True)
    return set(data["income"]["account_name"].astype(str)), data.issues


def test_an_account_behind_its_word_is_a_part(tmp_path):
    lines = ("虚春村,100000,60000,5000", "虚夏村,30000,10000,2000")
    accounts, issues = booked(tmp_path, "村名,经营收入,其中：发包收入,补助收入", *lines)
    assert accounts == {"经营收入", SUBSIDY}
    assert issues["action"].str.contains("a part of its account").sum() == 1


@pytest.mark.parametrize("share", ["40000", "4万"])
def test_the_heads_behind_it_are_parts_where_the_sum_shows_it(tmp_path, share):
    lines = (f"虚春村,100000,60000,{share},5000,900", "虚夏村,30000,10000,20000,2000,800")
    head = "村名,经营收入,其中：租赁收入,发包收入,补助收入,其他收入"
    accounts, _ = booked(tmp_path, head, *lines)
    # an amount that needs reading proves nothing
    proven = {"经营收入", SUBSIDY, OTHER}
    assert accounts == (proven if share == "40000" else proven | {LEASED})


def test_without_the_sum_they_are_accounts(tmp_path):
    lines = ("虚春村,100000,60000,45000,5000", "虚夏村,30000,10000,20000,2000")
    accounts, _ = booked(tmp_path, "村名,经营收入,其中：租赁收入,发包收入,补助收入", *lines)
    assert accounts == {"经营收入", LEASED, SUBSIDY}


def test_parts_of_a_measure_are_accounts(tmp_path):
    lines = ("虚春村,108000,100000,5000,3000", "虚夏村,35000,30000,2000,3000")
    accounts, _ = booked(tmp_path, "村名,总收入,其中：经营收入,补助收入,其他收入", *lines)
    assert {"经营收入", SUBSIDY, OTHER} <= accounts
