"""Quantities: the cases of the list, the forms beside them, and columns."""

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.clean import find_quantities, read_quantities, read_quantity
from analysis.clean.amounts import FLAGS, QUALIFIERS, REASONS, said_year
from analysis.clean.text import normalise, normalise_with_positions
from analysis.errors import LianjianError

FAST_CELLS = 1_000_000
# Measured 0.3 s on an idle machine; a reader that looks at each cell takes over 10 s.

with (Path(__file__).parent / "quantity_cases.csv").open(encoding="utf-8") as file:
    CASES = list(csv.DictReader(file))


def told(quantity):
    return (quantity.value, quantity.lower, quantity.upper, quantity.unit, quantity.qualifier)


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_cases_of_the_list(case):
    numbers = [float(case[name]) if case[name] else None for name in ("value", "lower", "upper")]
    assert told(read_quantity(case["text"])) == (*numbers, case["unit"], case["qualifier"])


# Not in the list: what else clerks write, and the one reading it has.
READ = [
    ("3~5万元", None, 30_000, 50_000, "元", "range"),
    ("2.5——3万元", None, 25_000, 30_000, "元", "range"),
    ("8千-1万元", None, 8_000, 10_000, "元", "range"),
    ("三百到五百万元", None, 3e6, 5e6, "元", "range"),
    ("3-5千元", None, 3_000, 5_000, "元", "range"),
    ("三到五千元", None, 3_000, 5_000, "元", "range"),
    ("2-3百万元", None, 2e6, 3e6, "元", "range"),
    ("五至二十万", None, 50_000, 200_000, "", "range"),
    ("五到一百万", None, 50_000, 1e6, "", "range"),
    ("叁拾至伍拾万元", None, 300_000, 500_000, "元", "range"),
    ("八到十二万", None, 80_000, 120_000, "", "range"),
    ("0-5万元", None, 0, 50_000, "元", "range"),
    ("5千-8千", None, 5_000, 8_000, "", "range"),
    ("-¥500", -500, -500, -500, "元", "exact"),
    ("30%~40%", None, 0.3, 0.4, "比例", "range"),
    ("二十七八万", None, 270_000, 280_000, "", "range"),
    ("三百五六十户", None, 350, 360, "户", "range"),
    ("二十几万", None, 210_000, 300_000, "", "vague"),
    ("万余元", 10_000, 10_000, 20_000, "元", "over"),
    ("300万余元", 3e6, 3e6, 3.01e6, "元", "over"),
    ("十来户", 10, 5, 15, "户", "approx"),
    ("近百人", 100, 90, 100, "人", "under"),
    ("上万元", 10_000, 10_000, None, "元", "ge"),
    ("亏损3万余元", -30_000, -40_000, -30_000, "元", "over"),
    ("亏损不足5万元", -50_000, -50_000, 0, "元", "gt"),
    ("（12.5）", -12.5, -12.5, -12.5, "", "exact"),
    ("￥1,234.50", 1234.5, 1234.5, 1234.5, "元", "exact"),
    ("人民币叁拾万圆整", 300_000, 300_000, 300_000, "元", "exact"),
    ("壹佰贰拾叁元肆角伍分", 123.45, 123.45, 123.45, "元", "exact"),
    ("12(含补助)", 12, 12, 12, "", "exact"),
    ("12（万元）", 120_000, 120_000, 120_000, "元", "exact"),
    ("12（单位：亩）", 12, 12, 12, "亩", "exact"),
    ("每亩500元", 500, 500, 500, "元/亩", "exact"),
    ("5万千瓦", 50_000, 50_000, 50_000, "千瓦", "exact"),
    ("百分之三点五", 0.035, 0.035, 0.035, "比例", "exact"),
    ("1.2万亿元", 1.2e12, 1.2e12, 1.2e12, "元", "exact"),
    ("12起", 12, 12, 12, "起", "exact"),
    ("5万元起", 50_000, 50_000, None, "元", "ge"),
    ("100㎡", 100, 100, 100, "平方米", "exact"),
    ("12²", 12, 12, 12, "", "exact"),
    ("'007", 7, 7, 7, "", "exact"),
    ("半公顷", 0.5, 0.5, 0.5, "公顷", "exact"),
    ("半个亿", 5e7, 5e7, 5e7, "", "exact"),
    ("七万半", 75_000, 75_000, 75_000, "", "exact"),
    ("六亩半", 6.5, 6.5, 6.5, "亩", "exact"),
    ("两成半", 0.25, 0.25, 0.25, "比例", "exact"),
    ("未超30万元", 300_000, 0, 300_000, "元", "le"),
    ("顶多8户", 8, 0, 8, "户", "le"),
    ("四十几人", None, 41, 49, "人", "vague"),
    ("四十几亩", None, 41, 50, "亩", "vague"),
    ("几家", None, 2, 9, "家", "vague"),
    ("9.6万元（同比增长12.5%）", 96_000, 96_000, 96_000, "元", "exact"),
    ("18万元，占总收入的35%", 180_000, 180_000, 180_000, "元", "exact"),
    ("7200（2021年度）", 7200, 7200, 7200, "", "exact"),
    ("二〇二一年7200元", 7200, 7200, 7200, "元", "exact"),
    ("二千零二十一年7200元", 7200, 7200, 7200, "元", "exact"),
    ("五十一点零六零四七万元", 510_604.7, 510_604.7, 510_604.7, "元", "exact"),
]


@pytest.mark.parametrize("case", READ, ids=[case[0] for case in READ])
def test_forms_beside_the_list(case):
    assert told(read_quantity(case[0])) == case[1:]


REFUSED = {
    "two_readings": [
        "三五",
        "一二",
        "八九十万",
        "3万50",
        "3-5",
        "5分",
        "三千五万",
        "一亿五",
        "三到五十万",
        "三到五百万",
        "四五万余元",
        "六七多千元",
        "二七",
        "四五六万",
        "三十万半",
    ],
    "two_figures": [
        "12户45人",
        "12/13",
        "1、12万",
        "12\n13",
        "1 2",
        "-5-3",
        "12(14)",
        "3：4",
        "1'234",
        "12（8%）",
        "12（30户）",
    ],
    "forecast": ["预计3万", "计划12万元", "0.5万元（预计）", "力争20万"],
    "date": [
        "半年",
        "两千零二十四年",
        "2024年",
        "2024-12-31",
        "2024年5月",
        "5月",
        "2023-2024年",
        "二〇二四年",
        "1-6月",
        "2024年12",
    ],
    "unknown_form": [
        "十五点三十",
        "5-10k元",
        "几百几十",
        "三千零五百",
        "27.9十万",
        "2.5余",
        "2.5百万余",
        "三万十五",
    ],
    "code_shape": ["621002003200"],
    "mobile_shape": ["13800138000", "电话13800138000"],
    "id_shape": ["62010219900307001X"],
    "scientific_code": ["3.2E+17", "6.21E+11"],
    "too_many_digits": ["1234567890123456", "1e400"],
    "separators": ["33,5", "1.234.567", "12,", ".5"],
    "formula": ["=A1", "+A1", "-A1", "@SUM(A1)"],
    "text": ["√", "○", "合计", "三分之一", "千户长", "①", "好几万"],
    "text_around": ["增加3万元", "人均1.2万元", "欠3万元", "第3名", "小计12"],
    "note_changes_value": [
        "12(亏损)",
        "12(上年)",
        "12（约）",
        "8000（暂借）",
        "8000(捐赠)",
        "8000（尚未到账）",
        "8000元（含征地补偿费3000元）",
        "2.4万元（三年）",
        "2.4万元（5年）",
    ],
    "unit_order": ["3.34亿万元", "3亿万"],
    "unit_only": ["亿元", "千元", "万"],
    "unit_unknown": ["12村民", "35.6w", "12abc", "5W"],
    "foreign_currency": ["$5", "10美元"],
    "qualifier_conflict": ["近300余万元", "不超过约5万", "超过-5万"],
    "range_order": ["5-3万", "500-3万元"],
    "damaged": ["?261", "12万？"],
    "too_large": ["999999999999万"],
    "too_long": ["1" * 81],
}


@pytest.mark.parametrize(("reason", "texts"), REFUSED.items(), ids=list(REFUSED))
def test_refusals_say_why(reason, texts):
    assert {text: read_quantity(text).reason for text in texts} == dict.fromkeys(texts, reason)
    for text in texts:
        quantity = read_quantity(text)
        assert (quantity.value, quantity.lower, quantity.upper) == (None, None, None)


def test_missing_refused_and_read_are_three_things():
    assert [read_quantity(text).status for text in ("", "—", "#N/A", "0", "无", "若干", "abc")] == [
        "missing", "missing", "missing", "read", "missing", "refused", "refused",
    ]  # fmt: skip


def test_money_meets_only_through_its_unit():
    assert read_quantity("27.9", "万元").value == 279_000
    assert read_quantity("279000", "元").value == 279_000
    assert read_quantity("279000元", "万元") == read_quantity("27.9万元", "元").__class__(
        279_000.0, 279_000.0, 279_000.0, "元", "exact", ("unit_in_cell",)
    )
    assert read_quantity("27.9万", "万元").flags == ("scale_in_cell",)
    assert read_quantity("27.9万", "万元").value == 279_000
    assert read_quantity("12亩", "万元").reason == "unit_conflict"
    assert read_quantity("12名", "人").value == 12
    assert read_quantity("12万元/年", "万元").unit == "元/年"
    assert read_quantity("35", "%").value == 0.35
    with pytest.raises(LianjianError, match="not known"):
        read_quantity("1", "万两")


def test_a_letter_stands_for_wan_where_the_other_cells_bear_it_out():
    def read(cells, unit=None):
        frame = read_quantities(pd.Series(cells), unit)
        return frame["value"].iloc[-1], frame["flags"].iloc[-1]

    assert read(["31000", "2.8万", "45000", "3.6w"], "元") == (36_000, "letter_wan")
    assert read(["31.5", "2.8", "4.5", "36000元", "3.6W"], "万元")[0] == 36_000
    assert read(["2.8万元", "4.1万元", "19万元", "3.6w"]) == (36_000, "letter_wan")
    # watts, or nobody says what the others are
    assert read(["310", "280", "450", "3.6w"])[1] == "unit_unknown"
    assert read(["2.8", "3.1", "4.5", "3600w"], "万元")[1] == "two_readings"
    assert read(["2.8亩", "3.1亩", "4.5亩", "3.6w"])[1] == "unit_unknown"


def test_no_decimal_is_lost_between_units():
    # 0.57 × 10,000 is 5699.999… in floats
    assert read_quantity("0.57", "万元").value == 5700.0
    assert read_quantities(pd.Series(["0.57"]), "万元")["value"].tolist() == [5700.0]
    assert read_quantities(pd.Series([0.57]), "万元")["value"].tolist() == [5700.0]


def test_every_flag_and_reason_is_of_the_closed_lists():
    texts = [case["text"] for case in CASES] + [case[0] for case in READ]
    texts += [text for group in REFUSED.values() for text in group]
    for text in texts:
        quantity = read_quantity(text)
        assert set(quantity.flags) <= FLAGS.keys() | REASONS.keys()
        assert quantity.qualifier in QUALIFIERS


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2021年7200", 2021),
        ("7200（二〇一九年度）", 2019),
        ("二千零二十年5万", 2020),
        ("7200", None),
    ],
)
def test_the_year_that_a_cell_names(text, year):
    assert said_year(text) == year
    assert ("year" in read_quantity(text).flags) == (year is not None)


def test_zero_in_words_ends_a_clause():
    text = "该村2018年集体收入为零，2023年达到12万元；支出从零开始，债务接近于零，存款是零。"
    found = find_quantities(text)
    assert [(text[f.start : f.end], f.quantity.value) for f in found] == [
        ("零", 0.0),
        ("达到12万元", 120_000.0),
        ("零", 0.0),
    ]


def test_a_refusal_does_not_echo_its_text():
    assert "62010219900307001X" not in repr(read_quantity("62010219900307001X"))


MIXED = [
    1, 27.9, True, None, float("nan"), float("inf"), "12", "约30", "007", "13800138000", -0.0,
    13_800_138_000, 10**400, [1], pd.Timestamp("2024-01-01"), pd.NA, Decimal("1.5"), np.int64(7),
    1e-7, "621002003200", "12345678901", "３５．６", "-0", "-0.0", "1" * 90, np.True_, "abc",
    "inf", "nan", "1e5", "\u0664", 1e20,
]  # fmt: skip


@pytest.mark.parametrize("unit", [None, "万元", "角", "%"])
@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_a_column_says_what_its_cells_say(unit, dtype):
    cells = MIXED if dtype == "object" else [cell for cell in MIXED if isinstance(cell, str)] * 2
    series = pd.Series(cells, dtype=dtype)[::-1]
    frame = read_quantities(series, unit)
    assert frame.index.equals(series.index)
    for cell, row in zip(series, frame.itertuples(), strict=True):
        one = read_quantity(cell, unit)
        for name in ("value", "lower", "upper"):
            here, there = getattr(row, name), getattr(one, name)
            assert (pd.isna(here) and there is None) or here == there, cell
        assert (row.unit, row.qualifier, row.reason) == (one.unit, one.qualifier, one.reason)
        assert row.flags == " ".join(one.flags)


@pytest.mark.parametrize("unit", [None, "万元"])
def test_a_column_of_numbers_says_what_its_cells_say(unit):
    numbers = [1.0, 0.57, -3.2, 1e-7, 123456.789, np.nan, 0.0, 1e9, 12345678901.5]
    frame = read_quantities(pd.Series(numbers), unit)
    alone = [read_quantity(number, unit).value for number in numbers]
    assert frame["value"].fillna(-1).tolist() == [-1 if one is None else one for one in alone]


def test_odd_columns():
    assert read_quantities(pd.Series([], dtype="str")).shape == (0, 7)
    assert read_quantities(pd.Series([], dtype="object")).shape == (0, 7)
    assert read_quantities(pd.Series([True]))["reason"].tolist() == ["not_text"]
    dates = pd.Series(pd.to_datetime(["2024-01-01", None]))
    assert read_quantities(dates)["qualifier"].tolist() == ["reject", "missing"]
    assert read_quantities(pd.Series([1, None], dtype="Int64"))["value"].tolist()[0] == 1


def test_a_million_clean_cells():
    frame = read_quantities(pd.Series(np.arange(FAST_CELLS) / 100).astype("str"))
    assert frame["value"].sum() == pytest.approx((FAST_CELLS - 1) * FAST_CELLS / 200)


def test_text_is_normalised_with_its_places():
    text = "3個(gè)服務(wù)中心 ①５．２萬\u200b元"
    plain, positions = normalise_with_positions(text)
    assert plain == normalise(text) == "3个服务中心 5.2万元"
    assert len(positions) == len(plain) + 1
    assert text[positions[plain.index("万")]] == "萬"
