"""Assets, debt and distribution: read where a book prints them, at the end of the year."""

import pandas as pd
import pytest

from analysis.clean.account_names import balance_of
from analysis.fields import BALANCES

from .books import HERE, read_book
from .score import score

FORMS = {
    "f01-statement-2004": {"reserves_yuan": 9000, "distributed_yuan": 40000},
    "f02-f56-nothing-to-book": {"assets_yuan": 817700, "debt_yuan": 2800},
}
LIST = """
form = "a county's list"
about = "opening and closing balances beside income, in two units"

[[sheet]]
name = "台账"
rows = '''
2023年村集体资产负债及分配情况||||||
乡镇|村名|经营收入（元）|资产总额（万元）||村级债务（元）|股东分红（元）
|||年初数|年末数||
虚清河镇|虚柳湾村|52000|310.5|325|18000|9000
虚清河镇|虚三合村|47500|88|90.25||0
虚清河镇|虚北庄村|61000|140|{wrong}|2500|
'''
person = {{ county = "甲县", year = 2023 }}
"""


def panel(root, name: str) -> pd.DataFrame:
    return pd.read_parquet(root / "data" / "processed" / name / "panel.parquet")


@pytest.mark.parametrize("form", FORMS)
def test_official_forms_say_what_is_owned_owed_and_paid_out(form, tmp_path):
    found = score(read_book(HERE / "books" / f"{form}.toml"), tmp_path)
    assert set(found.answered.ends.values()) == {"right"}
    assert not found.answered.wrong
    made = panel(tmp_path, form)
    held = made[list(BALANCES.values())].dropna(how="all").iloc[0].dropna()
    assert held.to_dict() == FORMS[form]


@pytest.mark.parametrize("wrong", [150, 1_500_000])
def test_a_list_gives_the_end_of_the_year_and_holds_back_what_no_village_owns(tmp_path, wrong):
    path = tmp_path / "list.toml"
    path.write_text(LIST.format(wrong=wrong), encoding="utf-8")
    score(read_book(path), tmp_path)
    made = panel(tmp_path, "list").sort_values("debt_yuan", ignore_index=True)
    assert made["debt_yuan"].tolist()[:2] == [2500, 18000]
    known = {3_250_000.0, 902_500.0} | ({1_500_000.0} if wrong == 150 else set())
    assert set(made["assets_yuan"].dropna()) == known
    assert set(made["distributed_yuan"].dropna()) == {9000.0, 0.0}
    issues = pd.read_parquet(tmp_path / "data" / "processed" / "list" / "issues.parquet")
    held = issues[(issues["code"] == "settled") & (issues["cell"] == "台账!E6")]
    assert held["action"].str.contains("hardly any village").sum() == (wrong != 150)


@pytest.mark.parametrize(
    ("label", "held"),
    [
        ("减：1.提取公积公益金", "提取公积公益金"),
        ("三、向成员分配", "成员分红"),
        ("资产负债情况/年末资产总额（万元）", "资产总额"),
        ("负债合计", "负债总额"),
        ("年初资产总额", ""),
        ("固定资产合计", ""),
        ("资产", ""),
        ("负债及所有者权益总计", ""),
        ("人均分红", ""),
    ],
)
def test_only_whole_sums_are_balances(label, held):
    assert balance_of(label) == held
