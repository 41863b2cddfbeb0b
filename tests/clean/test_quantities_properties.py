"""Quantities: numbers written out by another library, changes of dress, and noise."""

import time
from decimal import Decimal

import cn2an
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from analysis.clean.amounts import find_quantities, read_quantities, read_quantity
from analysis.clean.amounts._numerals import CHARS
from analysis.clean.amounts._words import PREFIXES, SUFFIXES, WORDS

EXAMPLES = 500
# The longest text that is read has 80 characters; 20 ms each is a hundred times what one takes.
SECONDS_A_TEXT = 0.02
TRADITIONAL = OpenCC("s2t")
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
INVISIBLE = "\u200b\ufeff\u00ad"

whole = st.one_of(st.integers(0, 99_999), st.integers(0, 10**12))
cents = st.one_of(st.integers(1, 10**6), st.integers(1, 10**11))
# A zero before the figures that end a Chinese number is where libraries differ.
amounts = st.integers(0, 6).flatmap(
    lambda places: st.decimals(0, 10**8, places=places, allow_nan=False, allow_infinity=False)
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(whole, st.sampled_from(["low", "up"]), st.sampled_from(["", "元", "户", "万元"]))
def test_whole_numbers_written_out(number, style, unit):
    assume(unit != "万元" or number < 10**8)
    quantity = read_quantity(cn2an.an2cn(number, style) + unit)
    if unit == "万元" and number >= 10_000:
        # 三万万元: a 万 before 万元 is a slip
        assert quantity.status == "refused" or quantity.value == number * 10_000
    else:
        assert quantity.value == number * (10_000 if unit == "万元" else 1)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cents)
def test_amounts_of_receipts(number):
    yuan = Decimal(number) / 100
    assert read_quantity(cn2an.an2cn(str(yuan), "rmb")).value == float(yuan)


@settings(max_examples=EXAMPLES, deadline=None)
@given(amounts, st.sampled_from(["", "元", "户", "万元"]))
def test_decimals_written_out(number, unit):
    plain = f"{number:f}"
    text = cn2an.an2cn(plain.rstrip("0").rstrip(".") if "." in plain else plain, "low")
    quantity = read_quantity(text + unit)
    if unit == "万元" and number >= 10_000:
        assert quantity.status == "refused" or quantity.value == float(number * 10_000)
    else:
        assert quantity.value == float(number * (10_000 if unit == "万元" else 1))


@settings(max_examples=EXAMPLES, deadline=None)
@given(whole)
def test_strings_of_digits(number):
    text = cn2an.an2cn(number, "direct")
    quantity = read_quantity(text)
    if quantity.status == "refused":
        # 一二 could be 12 or one or two
        assert quantity.reason == "two_readings"
        assert len(text) == 2
    else:
        assert quantity.value == number


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(0, 4), st.sampled_from(["", "元", "万元", "户"]))
def test_figures_in_any_dress(number, places, unit):
    value = Decimal(number).scaleb(-places)
    plain = f"{value:f}{unit}"
    expected = read_quantity(plain)
    assert expected.value == float(value * (10_000 if unit == "万元" else 1))
    sign, digits = ("-", f"{value:f}"[1:]) if number < 0 else ("", f"{value:f}")
    head, _, tail = digits.partition(".")
    tail = f".{tail}" if tail else ""
    by_three = f"{int(head):,}"
    by_four = ",".join(_groups(head, 4))
    for other in (
        f"{sign}{by_three}{tail}{unit}",
        f"{sign}{by_three.replace(',', '，')}{tail}{unit}",
        f"{sign}{by_three.replace(',', ' ')}{tail}{unit}",
        f"{sign}{by_four}{tail}{unit}",
        plain.translate(FULL_WIDTH),
        f" \u3000{plain}\t",
        f"{sign}{digits} {' '.join(unit)}",
        "".join(char + INVISIBLE for char in plain),
        TRADITIONAL.convert(plain),
        f"{plain}*",
        f"①{plain}",
        plain.replace("-", "\u2212"),
    ):
        again = read_quantity(other)
        assert (again.value, again.unit) == (expected.value, expected.unit), other


def _groups(digits, size):
    first = len(digits) % size
    return [digits[:first]] * bool(first) + [
        digits[at : at + size] for at in range(first, len(digits), size)
    ]


phrases = st.tuples(
    st.sampled_from(["", "约", "超过", "不超过", "不足", "近", "至少", "高达"]),
    st.integers(1, 10**7),
    st.sampled_from(["low", "up"]),
    st.sampled_from(["元", "万元", "户", "亩", "人", "个"]),
    st.sampled_from(["", "以上", "左右"]),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(phrases)
def test_chinese_phrases_in_any_dress(phrase):
    front, number, style, unit, back = phrase
    text = f"{front}{cn2an.an2cn(number, style)}{unit}{back}"
    expected = read_quantity(text)
    for other in (
        TRADITIONAL.convert(text),
        " ".join(text),
        "\u3000".join(text),
        INVISIBLE.join(text),
        f"{text}。",
    ):
        assert read_quantity(other) == expected, other


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(1, 9999), st.sampled_from(["万", "亿", "百万"]), st.sampled_from("余多"))
def test_more_than_reaches_one_step(number, scale, mark):
    quantity = read_quantity(f"{number}{mark}{scale}元")
    assert quantity.lower == quantity.value
    step = quantity.upper - quantity.lower
    worth = {"万": 1e4, "亿": 1e8, "百万": 1e6}[scale]
    zeros = len(str(number)) - len(str(number).rstrip("0"))
    assert step == pytest.approx(10**zeros * worth)


alphabet = sorted(
    CHARS
    | set("".join([*PREFIXES, *SUFFIXES]))
    | set("".join([*WORDS["labels"], *WORDS["losses"], *WORDS["vague"], *WORDS["no_income"]]))
    | set("元角分户人亩个%‰¥()（）[]-—~至到/每?*#①² 成年月eEkKwW+=、;:\n\u200b\x00\ud800")
)  # fmt: skip


@settings(max_examples=3 * EXAMPLES, deadline=None)
@given(st.one_of(st.text(alphabet, max_size=80), st.text(max_size=100)))
def test_noise_neither_raises_nor_hangs(text):
    start = time.process_time()
    for unit in (None, "万元"):
        quantity = read_quantity(text, unit)
        assert quantity.status in {"read", "missing", "refused"}
        if quantity.status == "read" and quantity.value is not None:
            assert quantity.lower is None or quantity.lower <= quantity.value
            assert quantity.upper is None or quantity.value <= quantity.upper
    for found in find_quantities(text):
        assert 0 <= found.start < found.end <= len(text)
    # the first call fills tables; a text takes about 0.1 ms
    assert time.process_time() - start < 50 * SECONDS_A_TEXT


@pytest.mark.parametrize("char", ["1", "1,", "一", "万", "余", "(", "1(", "约", "亏损", " 1", "1-"])
def test_long_runs_take_linear_time(char):
    start = time.process_time()
    for length in range(1, 81):
        read_quantity(char * length)
    assert time.process_time() - start < 80 * SECONDS_A_TEXT
    start = time.process_time()
    find_quantities(char * 5_000)
    assert time.process_time() - start < 5_000 * SECONDS_A_TEXT


@settings(max_examples=EXAMPLES // 10, deadline=None)
@given(st.lists(st.one_of(st.text(alphabet, max_size=12), st.floats(), st.none(), st.booleans())))
def test_columns_agree_with_cells(cells):
    # a lone surrogate is no text that a file can hold
    cells = [c.replace("\ud800", "") if isinstance(c, str) else c for c in cells]
    frame = read_quantities(pd.Series(cells, dtype="object"), "万元")
    for cell, row in zip(cells, frame.itertuples(), strict=True):
        one = read_quantity(cell, "万元")
        assert row.reason == one.reason
        assert row.value == one.value or (pd.isna(row.value) and one.value is None)
