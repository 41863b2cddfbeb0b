"""One cell: what stands around the amount is taken off, then the amount is read with its unit."""

import datetime as dt
import math
import re
import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean.amounts import _words as words
from analysis.clean.amounts._numerals import (
    CHARS,
    FORMAL,
    SCALES,
    WAN,
    Numeral,
    exactly,
    plain_form,
    read_numeral,
)
from analysis.clean.amounts._quantity import (
    COUNTS,
    NO_UNIT,
    RATIO,
    YUAN,
    Quantity,
    Unit,
    column_unit,
    finish,
    read_unit,
    refusal,
    settle,
    without_value,
)
from analysis.clean.amounts._words import WORDS, YEAR, Refused, any_of
from analysis.clean.text import normalise

CODE_LIKE = Decimal(10) ** 10
"""From here on a number may be a code: 1.38E+10 is a phone number, 6.21E+11 a village."""

_MAX_CHARACTERS = 80
_LABEL = re.compile(any_of(WORDS["labels"]))
_FOREIGN: tuple[str, ...] = tuple(WORDS["foreign"])
_AHEAD = re.compile(
    any_of([*WORDS["forecasts"], *WORDS["losses"], *WORDS["currencies"], *words.PREFIXES]),
    re.IGNORECASE,
)
# 增长8%, 占总收入的35%, 同比下降了12.5%, 提高3个百分点
_RATE = re.compile(
    rf"(?:{any_of(WORDS['rates'])})(?:{any_of([*WORDS['rates'], *WORDS['rate_fillers']])})*"
    r"\d+(?:\.\d+)?(?:%|‰|个?百分点)",
    re.ASCII,
)
_BENDING = re.compile(any_of(WORDS["bending"]))
# 借款, 未到账; 两年 and 3年 say that the amount is of more years than one
_NO_INCOME = re.compile(
    rf"{any_of(WORDS['no_income'])}|(?<![\d〇零一二三四五六七八九])(?:[两二三四五六七八九十2-9]|1\d)年"
)
_BARE_SCALES = {"百", "千", "万", "亿", "十万", "百万", "千万", "百亿", "千亿", "万亿"}


def read_quantity(text: Any, unit: str | None = None) -> Quantity:  # noqa: ANN401  (any cell)
    """Read one cell.

    Parameters
    ----------
    text : str, number or None
        What stands in the cell.
    unit : str, optional
        Unit of the column, from its header (万元, 人, %). A unit in the cell governs when it is of
        the same kind, and is refused when it is not.

    Returns
    -------
    Quantity
        Money in yuan, shares as a ratio. An unknown form is refused, never guessed.

    Raises
    ------
    LianjianError
        The column's unit is not known.

    Examples
    --------
    >>> about = read_quantity("约28萬(wàn)元")
    >>> about.value, about.lower, about.upper, about.unit, about.qualifier
    (280000.0, 275000.0, 285000.0, '元', 'approx')
    >>> read_quantity("27.9", unit="万元").value
    279000.0
    >>> read_quantity("一亿五千").reason, read_quantity("—").status
    ('two_readings', 'missing')
    """
    column = column_unit(unit)
    try:
        return _read_text(text, column) if isinstance(text, str) else _read_value(text, column)
    except Refused as refused:
        return refusal(refused.reason)


def _read_value(cell: Any, column: Unit) -> Quantity:  # noqa: ANN401
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return without_value("missing", "blank")
    if isinstance(cell, dt.date | dt.time):
        raise Refused("date")
    if not isinstance(cell, int | float | Decimal | np.number) or isinstance(cell, bool):
        raise Refused("not_text")
    try:
        number = float(cell)
    except OverflowError:
        raise Refused("too_many_digits") from None
    except (TypeError, ValueError):  # a complex number, a signalling NaN
        raise Refused("not_text") from None
    if math.isnan(number):
        return without_value("missing", "blank")
    if math.isinf(number):
        raise Refused("not_finite")
    if (
        abs(number) >= CODE_LIKE
        and number == int(number)
        and (why := words.shape(str(int(number))))
    ):
        raise Refused(why)
    # repr gives the shortest decimals of the float: 27.9 and not 27.8999…
    value = Decimal(cell) if isinstance(cell, int | Decimal) else Decimal(repr(number))
    return finish(exactly(value), "exact", NO_UNIT, column, [])


def _read_text(raw: str, column: Unit) -> Quantity:
    stripped = raw.strip()
    if len(stripped) > _MAX_CHARACTERS:
        raise Refused("too_long")
    text = normalise(stripped).strip()
    lowered = text.lower()
    if not text:
        if any(unicodedata.category(char)[0] in "NPS" for char in stripped):
            raise Refused("text")  # nothing but a note mark (①)
        return without_value("missing", "blank")
    if stripped in WORDS["ticks"]:
        raise Refused("text")
    if lowered in WORDS["errors"]:
        return without_value("missing", "error")
    if lowered in WORDS["missing"]:
        return without_value("missing", "word" if any(map(str.isalnum, text)) else "dash")
    if text[0] == "=" or re.match(r"[+@-]\s*[A-Za-z@(]", text):
        raise Refused("formula")
    flags = ["dash_like"] if text == "一" else []
    text = _close_up(_unmark(text, flags))
    if why := words.shape(text):
        raise Refused(why)
    negative, text = _accounting_negative(text, flags)
    if not negative:
        text = _without_notes(text, flags)
    return _read_phrase(text, column, flags, negative=negative)


def _unmark(text: str, flags: list[str]) -> str:
    """Take off the quotes, footnote marks and full stops at the ends."""
    bare = text.lstrip("'`‘’").strip().rstrip("。;").strip()
    if bare[:1] in {'"', "“"} and bare[-1:] in {'"', "”"} and len(bare) > 1:
        bare = bare[1:-1].strip()
    marked = bare.strip("*※†").strip()
    flags.extend(["mark"] * (marked != bare))
    if "?" in marked or "�" in marked:
        raise Refused("damaged")
    return marked


def _close_up(text: str) -> str:
    """Close up spaces; between digits they must group by three."""
    if not any(map(str.isspace, text)):
        return text
    text = re.sub(
        r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,]| +\d)",
        lambda match: match[0].replace(" ", ""),
        re.sub(" +", " ", text),
        flags=re.ASCII,
    )
    if re.search(r"\d\s+\d|\d[.,]\s+\d|\d\s+[.,]\s*\d", text, re.ASCII):
        raise Refused("date" if words.shape(text) == "date" else "two_figures")
    return "".join(text.split())


def _accounting_negative(text: str, flags: list[str]) -> tuple[bool, str]:
    """Return whether brackets make a plain number negative, and the number."""
    inner = text.removeprefix("¥")
    if not (inner.startswith("(") and inner.endswith(")")):
        return False, text
    inner = inner[1:-1].removeprefix("¥")
    if not re.fullmatch(r"\d[\d,]*(?:\.\d+)?", inner, re.ASCII):
        raise Refused("unknown_form")
    flags.append("bracket_negative")
    return True, inner


def _without_notes(text: str, flags: list[str]) -> str:
    """Take off a note at the end, or put the unit that it holds in its place."""
    clause = re.fullmatch(r"(.*[^,;、])[,;、](.+)", text)
    if clause and _RATE.fullmatch(clause[2]):
        flags.append("note")
        text = clause[1]
    match = re.fullmatch(r"([^()\[\]]+)[(\[]([^()\[\]]*)[)\]]([^()\[\]]*)", text)
    if match is None or match[3].startswith(("以", "及")):
        return text
    before, note, after = match.groups()
    note = re.sub("^单位:?", "", note)
    if not note or (after and not re.fullmatch(r"[\u4e00-\u9fff/%]+", after)):
        raise Refused("unknown_form")
    if note in {"万", "亿"} or read_unit(note) is not None:
        if after:
            raise Refused("two_readings")
        return before + note
    _weigh(note)
    flags.append("year" if YEAR.fullmatch(note) else "note")
    return before + after


def _weigh(note: str) -> None:
    """Refuse a note that says that the amount is another one, or none of the year."""
    if any(word in note for word in WORDS["forecasts"]):
        raise Refused("forecast")
    if _NO_INCOME.search(note) and not note.startswith("不含"):
        raise Refused("note_changes_value")
    if (
        YEAR.fullmatch(note)
        or _RATE.fullmatch(note)
        or note.startswith(tuple(WORDS["note_openers"]))
    ):
        return
    if any(map(str.isdigit, note)):
        raise Refused("two_figures")
    if _BENDING.search(note):
        raise Refused("note_changes_value")


def no_income_word(text: str) -> str:
    """Return the first word of a remark that makes its amount no income of the year, or nothing."""
    found = re.search(any_of([*WORDS["forecasts"], *WORDS["no_income"]]), normalise(text))
    return found[0] if found else ""


def said_year(text: str) -> int | None:
    """Return the year that a cell names beside its amount (2022年5000, 5000（二〇二二年）)."""
    found = YEAR.search(normalise(text))
    if found is None:
        return None
    said = found[1].translate(str.maketrans("〇零一二三四五六七八九", "00123456789"))
    if said.isdigit():
        return int(said)
    value = read_numeral(found[1]).value
    return None if value is None else int(value)


def _read_phrase(text: str, column: Unit, flags: list[str], *, negative: bool) -> Quantity:
    """Read label, qualifiers, sign and amount, in the order in which they stand."""
    text = re.sub("^-(¥|rmb)", r"\1-", text, flags=re.IGNORECASE)  # -¥500
    text = _without_label(text, flags)
    text, bounds, is_loss, is_yuan = _take_prefixes(text)
    text, behind = _take_suffixes(text)
    bounds += behind
    flags.extend(["loss"] * is_loss)
    signed = text[:1] in {"-", "负", "+"}
    minus = text[:1] in {"-", "负"}
    if signed and (is_loss or negative):
        raise Refused("two_readings")
    text = text[signed:]
    above = text.startswith("上")
    if above:
        text = text[1:]
        bounds.append("ge")
    numeral, cell = _read_body(text, column, bare_one=bool(bounds), above=above, signed=signed)
    if is_yuan:
        if cell.name and cell.base != YUAN:
            raise Refused("unit_conflict")
        cell = cell if cell.name else Unit(YUAN)
    qualifier = settle(bounds, numeral, flags)
    if (minus or negative) and qualifier not in {"exact", "approx", "reach"}:
        raise Refused("qualifier_conflict")
    flags.extend(numeral.flags)
    return finish(numeral, qualifier, cell, column, flags, minus=minus or negative or is_loss)


def _without_label(text: str, flags: list[str]) -> str:
    """Take off a year and known words, up to where the amount begins."""
    year = YEAR.match(text)
    rest = text[year.end() :] if year else text
    bare = rest
    while match := _LABEL.match(bare):
        bare = bare[match.end() :]
    flags.extend(["year"] * (year is not None) + ["label"] * (bare != rest))
    return bare if bare == text else bare.removeprefix(":")


def _take_prefixes(text: str) -> tuple[str, list[str], bool, bool]:
    """Return the rest, the qualifiers ahead of it, and whether it is called a loss, and yuan."""
    taken: list[str] = []
    while match := _AHEAD.match(text):
        taken.append(match[0].lower())
        text = text[match.end() :].removeprefix(":")
    if any(word in WORDS["forecasts"] for word in taken) and text:
        raise Refused("forecast")
    is_loss, is_yuan = (any(w in WORDS[of] for w in taken) for of in ("losses", "currencies"))
    return text, [words.PREFIXES[w] for w in taken if w in words.PREFIXES], is_loss, is_yuan


def _take_suffixes(text: str) -> tuple[str, list[str]]:
    taken = []
    for _ in range(2):  # 5万元左右以上 is as far as anybody goes
        word = next((each for each in words.SUFFIXES if text.endswith(each) and text != each), "")
        if not word or (word == "起" and not text.endswith(("元起", "%起"))):
            break  # 12起 are twelve cases
        text = text.removesuffix(word)
        taken.append(words.SUFFIXES[word])
    return (text[:-2] + "余" if text.endswith("有余") else text), taken


def _read_body(
    text: str, column: Unit, *, bare_one: bool, above: bool, signed: bool
) -> tuple[Numeral, Unit]:
    """Read numbers with their units: one, or the two ends of a range."""
    if text.lower().startswith(_FOREIGN):
        raise Refused("foreign_currency")
    for word in WORDS["vague"]:
        if text.startswith(word) and read_unit(text.removeprefix(word)) is not None:
            raise Refused("vague_word")
    if per := re.fullmatch("每([年月亩户人斤吨])(.+)", text):
        text = f"{per[2]}/{per[1]}"
    text = re.sub("[~〜∼]+", "~", re.sub("[—–―─-]+", "-", text))
    ends = re.split("[-~至到]", text)
    if len(ends) == 1:
        return _read_one(text, column, bare_one=bare_one, above=above)
    if len(ends) > 2 or "" in ends or signed or above:  # noqa: PLR2004  (two ends)
        raise Refused("two_figures" if any(map(str.isdigit, text)) else "text")
    return _read_range(ends[0], ends[1], text[len(ends[0])], column)


def _read_range(left: str, right: str, mark: str, column: Unit) -> tuple[Numeral, Unit]:
    """Read two ends; the unit and the 万 of the upper also belong to the lower (3-5万元)."""
    high, unit = _read_one(right, column)
    low, own = _read_one(left, column)
    if low.qualifier != "exact" or high.qualifier != "exact":
        raise Refused("unknown_form")
    if any(letter in (left + right).lower() for letter in "kw"):
        raise Refused("unknown_form")  # 5-10k元: whose is the k?
    is_bare = not (unit.name or own.name or column.name)
    if mark == "-" and is_bare and re.fullmatch(r"[\d.,]+", left + right, re.ASCII):
        raise Refused("two_readings")  # 3-5: a range, a date, a house number
    lower, upper = low.lower, high.upper
    if own.name:
        if own.name != unit.name:
            raise Refused("unit_conflict")
        lower = lower * own.factor / unit.factor
    elif not low.scale:
        lower = _distribute(left, right, lower, upper)
    if lower >= upper:
        raise Refused("range_order")
    return Numeral(None, lower, upper, "range", high.scale, (*low.flags, *high.flags)), unit


def _distribute(left: str, right: str, lower: Decimal, upper: Decimal) -> Decimal:
    """Give the lower end the 千, 万 … of the upper, where that leaves one reading."""
    number = plain_form(_split(right)[0])
    chain = re.search("[十百千万亿]*$", number)[0]  # type: ignore[index]
    large = "".join(char for char in chain if char in "万亿")
    own = set(plain_form(left)) & set("十百千")
    if not own:
        # 3-5千, 2-3百万; in 五至二十万 and 五到一百万 the 十 and 百 count the 万 of the upper end
        chains = {chain} if number[:1].isdigit() or not large else {chain, large}
    elif own & set(number):
        chains = {large}  # 三百到五百万
    else:
        chains = {"", large}  # 8千-1万
    ends = {lower * SCALES.get(each, Decimal(0)) for each in chains}
    fitting = {end for end in ends if end < upper and (end or not lower)}
    if len(fitting) > 1:
        raise Refused("two_readings")
    return fitting.pop() if fitting else max(ends)


def _read_one(
    text: str, column: Unit, *, bare_one: bool = False, above: bool = False
) -> tuple[Numeral, Unit]:
    """Split a text into a number and its unit."""
    number, rest = _split(text)
    if (ratio := _read_ratio(number, rest)) is not None:
        return ratio, Unit(RATIO)
    if not number:
        raise Refused("text_around" if any(map(str.isdigit, text)) else "text")
    scientific = re.fullmatch(r"(\d{1,15}(?:\.\d{1,20})?)[eE]([+-]?\d+)(.*)", text, re.ASCII)
    if scientific:
        return _scientific(*scientific.groups())
    if re.match(r"[kKwW](?=$|[元圆])", rest):
        return _lettered(number, rest, column)
    if (money := _read_coins(number, rest)) is not None:
        return money, Unit(YUAN)
    is_half_more = rest.endswith("半") and len(rest) > 1  # 三亩半
    unit = read_unit(rest[:-1] if is_half_more else rest)
    if unit is None or (is_half_more and not unit.name):
        raise Refused(_why_not(number, rest))
    implicit = bare_one and number in _BARE_SCALES
    if above and not implicit and number not in {"十", "十亿"}:
        raise Refused("text")  # 上五万: only round units follow 上
    found = read_numeral(number, bare_one=implicit, unit=unit.name, counts=unit.name in COUNTS)
    if is_half_more:
        if found.value is None or found.qualifier != "exact" or found.value % 1:
            raise Refused("unknown_form")
        found = exactly(found.value + Decimal("0.5"), found.flags, found.scale)
    return found, unit


def _split(text: str) -> tuple[str, str]:
    """Split off the number; 个, 百 and 千 may belong to the unit behind it."""
    at = next((at for at, char in enumerate(text) if char not in CHARS), len(text))
    number, rest = text[:at], text[at:]
    if number.endswith("个") and not rest.startswith("亿"):
        number, rest = number[:-1], "个" + rest
    if number.endswith("百") and rest.startswith("分点"):
        number, rest = number[:-1], "百" + rest
        if number.endswith("个"):
            number, rest = number[:-1], "个" + rest
    if number.endswith("千") and rest[:1] in {"克", "瓦", "米"}:
        number, rest = number[:-1], "千" + rest
    if "个" in number.replace("个亿", ""):
        head, _, tail = number.partition("个")
        number, rest = head, "个" + tail + rest
    return number, rest


def _why_not(number: str, rest: str) -> str:
    """Say why what follows a number is no unit."""
    if any(word in rest.lower() for word in _FOREIGN):
        return "foreign_currency"
    if rest[0] in "年月日号时":
        return "date"
    numeric = any(map(str.isdigit, number))
    if any(map(str.isdigit, rest)):
        return "two_figures" if numeric else "text_around"
    if rest[0] == ",":
        return "separators"
    return "unit_unknown" if numeric else "text"


def _read_ratio(number: str, rest: str) -> Numeral | None:
    """Read 三成五 and 百分之三十五."""
    for word, factor in (("百", "0.01"), ("千", "0.001"), ("万", "0.0001")):
        if number == word and rest.startswith("分之"):
            return read_numeral(rest[2:]).times(Decimal(factor))
    match = re.fullmatch("成(?:([一二三四五六七八九半])|([多余]))?", rest)
    if match is None or not number:
        return None
    tenths = read_numeral(number, unit="成").times(Decimal("0.1"))
    if tenths.upper > 1:
        raise Refused("unknown_form")
    if not (match[1] or match[2]):
        return tenths
    if tenths.qualifier != "exact" or tenths.value is None:
        raise Refused("unknown_form")
    if match[2]:
        return replace(tenths, upper=tenths.value + Decimal("0.1"), qualifier="over")
    value = tenths.value + read_numeral(match[1], unit="成").lower / (
        10 if match[1] == "半" else 100
    )
    return Numeral(value, value, value)


def _scientific(mantissa: str, exponent: str, rest: str) -> tuple[Numeral, Unit]:
    if len(exponent.lstrip("+-")) > 2:  # noqa: PLR2004  (digits of an exponent)
        raise Refused("too_many_digits")
    unit = read_unit(rest)
    if unit is None:
        raise Refused("unit_unknown")
    value = Decimal(f"{mantissa}e{exponent}")
    if value >= CODE_LIKE:
        raise Refused("scientific_code")
    return exactly(value, ("scientific",)), unit


def _lettered(number: str, rest: str, column: Unit) -> tuple[Numeral, Unit]:
    """Read 5k元 and 5w元: thousands and 万 in money only (a bare W could be a watt)."""
    unit = read_unit(rest[1:])
    if unit is None or YUAN not in {unit.base, "" if unit.name else column.base}:
        raise Refused("unit_unknown")
    if column.factor != 1 and not unit.name:
        raise Refused("two_readings")
    if rest[0] in "kK":
        return read_numeral(number).times(Decimal(1000)), unit
    found = read_numeral(number).times(WAN)
    return (found if unit.name else replace(found, flags=(*found.flags, "letter_wan"))), unit


def _read_coins(number: str, rest: str) -> Numeral | None:
    """Read 3元5角2分 and 叁佰元零伍分."""
    match = re.fullmatch(
        "(?:([元圆块])零?(?:([^元圆块角毛分]+)[角毛])?|([角毛]))零?(?:([^元圆块角毛分]+)分)?[整正]?",
        rest,
    )
    if match is None:
        if rest in {"分", "分整", "分正"} and not FORMAL & set(number):
            raise Refused("two_readings")  # 5分: cents, points, a tenth of a mu
        return None
    if not (match[2] or match[4]):
        return None
    first = read_numeral(number)
    parts = [(first, Decimal(1) if match[1] else Decimal("0.1"))]
    parts += [(read_numeral(match[2]), Decimal("0.1"))] if match[2] else []
    parts += [(read_numeral(match[4]), Decimal("0.01"))] if match[4] else []
    total = Decimal(0)
    for at, (part, worth) in enumerate(parts):
        if part.value is None or part.qualifier != "exact" or (at and not 0 < part.value < 10):  # noqa: PLR2004
            raise Refused("unknown_form")
        total += part.value * worth
    return exactly(total, first.flags, first.scale)
