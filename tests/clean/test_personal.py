"""Personal data: what is found, what must not be, and that nothing repeats it.

Every number here is made up from its check digit, or printed in a standard as an example.
"""

import numpy as np
import pandas as pd
import pytest

from analysis import paths
from analysis.clean.personal import (
    REASONS,
    find_personal,
    is_personal_header,
    shape_of,
)
from analysis.fields import ACCOUNTS

EXAMPLE_ID = "11010519491231002X"  # the example of GB 11643-1999
EXAMPLE_CARD = "6222021234567894"  # made up; right by Luhn


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (EXAMPLE_ID, "identity_number"),
        (EXAMPLE_ID.lower(), "identity_number"),
        ("１１０１０５１９４９１２３１００２Ｘ", "identity_number"),
        (f"身份证：{EXAMPLE_ID}。", "identity_number"),
        ("110105491231002", "identity_number"),
        ("3.2E+17", "identity_number_damaged"),
        ("1.10105194912310e+17", "identity_number_damaged"),
        ("110105194912310000", "identity_number_damaged"),
        ("6.22E+18", "identity_number_damaged"),
        ("1.38E+10", "identity_number_damaged"),
        ("13800138000", "mobile_number"),
        ("138-0013-8000", "mobile_number"),
        ("+86 13800138000", "mobile_number"),
        ("13800138000.0", "mobile_number"),
        ("张某13800138000", "mobile_number"),
        ("139.1234.5678", "mobile_number"),
        ("139·12345678", "mobile_number"),
        ("1391 234 5678", "mobile_number"),
        ("一三九一二三四五六七八", "mobile_number"),
        ("110105 19491231 002X", "identity_number"),
        ("110105-1949-1231-002X", "identity_number"),
        (EXAMPLE_CARD, "bank_card"),
        ("6222 0212 3456 7894", "bank_card"),
        ("0934-8212345", "landline_number"),
        ("a.b@example.org", "e_mail"),
    ],
)
def test_shapes(text, reason):
    assert shape_of(text) == reason
    assert reason in REASONS


@pytest.mark.parametrize(
    "text",
    ["", "621002003200", "6.21E+11", "2024", "20241231", "2024-12-31", "356000", "1234567.89",
     "13,800,138,000", "13800138000.50", "138001380001", "0.13800138000", "110105194912310021",
     "6222021234567895", "1.2E+06", "12万元", "9999999999", "100000000000", "@", "1e5",
     "2021-2024", "3-5万", "91620000MA0000000X", "约30", "(12,000)"],
)  # fmt: skip
def test_what_is_no_person(text):
    assert shape_of(text) == ""


def findings(frame):
    return find_personal([[name] for name in frame], [list(frame[name]) for name in frame])


def test_no_code_of_the_register_is_personal():
    register = pd.read_csv(paths.raw() / "village_register.csv", dtype="str")
    assert findings(register) == []
    assert findings(register[["village_code"]].astype("float64").astype("str")) == []


def test_no_amount_or_year_is_personal():
    rng = np.random.default_rng(1)
    amounts = np.round(np.exp(rng.normal(12, 3, 100_000)).clip(0, 9e9), 2)
    frame = pd.DataFrame({"经营收入": amounts, "年份": rng.integers(1990, 2030, 100_000)})
    assert findings(frame.astype("str")) == []
    assert findings(frame.map("{:,.2f}".format)) == []


@pytest.mark.parametrize(
    "header",
    ["身份证号", "身份證號碼", "联系 电话", "手机", "姓名", "户主", "村党支部书记", "法人代表",
     "银行账号", "联系人", "书记\n姓名", "填表人", "会计", "负责人：", "聯系人(手機)"],
)  # fmt: skip
def test_headers(header):
    assert is_personal_header(header)


@pytest.mark.parametrize(
    "header",
    [*ACCOUNTS, "村名", "村代码", "电话费", "会计科目", "书记报酬（元）", "户数", "总户数",
     "法人单位数",
     "账户余额", "年份", "村干部报酬", "序号", "项目名称", "书记项目"],
)  # fmt: skip
def test_headers_of_other_columns(header):
    assert not is_personal_header(header)


def test_whole_columns_and_single_cells():
    table = pd.DataFrame(
        {
            "村名": ["甲", "乙", "丙"],
            "联系": ["13800138000", "13900139000", ""],
            "备注": ["问13800138000", "修路", "打井"],
            "姓名": ["某甲", "", "某乙"],
            "收入": ["1.0", "2.0", "3.0"],
        }
    )
    assert findings(table) == [
        (1, "mobile_number", 2, True),
        (2, "mobile_number", 1, False),
        (3, "header", 2, True),
    ]


def test_nothing_repeats_a_value():
    # without a header row the first record stands in the header
    table = pd.DataFrame({"某甲": ["某乙"], "13800138000": ["13900139000"], "书记某丙": ["某丁"]})
    shown = repr(findings(table))
    for secret in ("13800138000", "13900139000", "某丙", "某丁"):
        assert secret not in shown


def test_odd_tables():
    assert find_personal([], []) == []
    assert find_personal([["负责人", "姓名"], ["收入", "万元"]], [["某"], ["1"]]) == [
        (0, "header", 1, True)
    ]
    assert shape_of("1" * 100_000) == ""
    assert shape_of("1 " * 10_000) == ""
