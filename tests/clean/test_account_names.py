"""Names of accounts: both systems, what stays out of income, printed totals."""

import pytest
from opencc import OpenCC

from analysis.clean.account_names import CODES, read_account
from analysis.fields import ACCOUNTS

OLD_ONLY = {"发包及上交收入"}
NEW_ONLY = {"税金及附加", "公益支出", "专项应付款"}


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("year", [2012, 2023, 2024, 2025])
def test_every_account_in_its_years(account, year):
    found = read_account(account, year)
    there = account not in (OLD_ONLY if year >= 2024 else NEW_ONLY)
    assert found.code == ("account" if there else "wrong_year")
    assert found.account == (account if there else None)


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize(
    "dress", ["{}", "一、{}", "（一）{}", "1.{}", "{}（万元）", "{}(元)", "{}：", " {} ",
              "2022年{}",
              "加：{}", "减：{}",
              "其中：{}", "501{}", "本年{}", "{}合计", "收入/{}"],
)  # fmt: skip
def test_dress_does_not_matter(account, dress):
    for text in (dress.format(account), OpenCC("s2t").convert(dress.format(account))):
        assert read_account(text).account == account, text


@pytest.mark.parametrize(
    ("text", "account"),
    [("发包收入", "发包及上交收入"), ("发包及上缴收入", "发包及上交收入"), ("补贴收入", "补助收入"),
     ("其它收入", "其他收入"), ("投资收入", "投资收益"), ("管理费", "管理费用")],
)  # fmt: skip
def test_abbreviations(text, account):
    found = read_account(text, 2022)
    assert (found.account, found.code) == (account, "account")


@pytest.mark.parametrize(
    ("text", "account"),
    [("经营收入-光伏", "经营收入"), ("补助收入—村级运转补助", "补助收入"), ("利息收入", "其他收入"),
     ("其中：土地发包收入", "发包及上交收入"), ("50101", "经营收入"), ("522-01", "补助收入")],
)  # fmt: skip
def test_sub_accounts_are_parts(text, account):
    found = read_account(text, 2022)
    assert (found.account, found.code) == (account, "part")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *[("land_compensation", t) for t in ("土地补偿费", "征地补偿收入", "土地補償款")],
        *[("donation", t) for t in ("捐赠收入", "社会捐款", "接受捐贈")],
        *[("village_economy", t) for t in ("农村经济总收入", "農村經濟總收入")],
        *[("forecast", t) for t in ("预计年效益", "2025年预期经营收入", "收入预算")],
        *[("cumulative", t) for t in ("第二季度", "1-6月经营收入", "累计收入", "上半年")],
        *[("last_year", t) for t in ("上年收入", "去年同期", "上年同期经营收入")],
        *[("change", t) for t in ("同比增长", "经营收入增幅%", "增收")],
        *[("mean", t) for t in ("人均收入", "村均集体收入")],
        *[("household_income", t) for t in ("农民纯收入", "务工收入")],
        *[("total", t) for t in ("收入合计", "总收入", "经营性收入合计", "本年收益", "經營收益",
                                 "集体经济总收入", "七、本年收益（11=7+8+9-10）")],
        ("total", "其中：经营性收入"),
        ("abolished_account", "农业税附加返还收入"),
        *[("unknown", t) for t in ("", "备注", "村名", "收入", "租金", "分红", "序号", "经营")],
    ],
)  # fmt: skip
def test_what_is_kept_out(code, text):
    found = read_account(text, 2022)
    assert found.code == code
    assert found.account is None
    assert code in CODES


def test_codes_without_names():
    assert read_account("511", 2023).account == "发包及上交收入"
    assert read_account("５１１", 2023).account == "发包及上交收入"
    for year in (2024, 2025):
        found = read_account("511", year)
        assert (found.account, found.code) == (None, "code_only")
        assert "511" in found.note
    assert read_account("511").code == "needs_year"
    assert read_account("521", 2020).account is None
    assert read_account("999", 2020).code == "unknown"
    assert read_account("经营收入/经营支出", 2022).account is None
    assert read_account("光伏项目-经营收入", 2022).code == "part"
    # a name beside the code decides
    assert read_account("511发包及上交收入", 2024).code == "wrong_year"
    assert read_account("511经营收入", 2024).account == "经营收入"


def test_noise_is_unknown():
    for text in ("x" * 10_000, "(" * 1_000, "-" * 1_000, "收入" * 1_000, "\x00", "1" * 1_000):
        assert read_account(text, 2024).account is None
