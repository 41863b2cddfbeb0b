"""The amount itself: a number and its unit, or the two ends of a range."""

import re
from dataclasses import replace
from decimal import Decimal

from analysis.clean.amounts import _exact as exact_numbers
from analysis.clean.amounts import _units as units
from analysis.clean.amounts import _words as words
from analysis.clean.amounts._exact import Refused
from analysis.clean.amounts._numerals import Numeral, read_numeral
from analysis.clean.amounts._units import Unit, read_unit

CODE_LIKE = Decimal(10) ** 10
"""From here on a number may be a code: 1.38E+10 is a phone number, 6.21E+11 a village."""


def read_body(
    text: str, column: Unit, *, bare_one: bool, above: bool, signed: bool
) -> tuple[Numeral, Unit]:
    """Read numbers with their units: one, or the two ends of a range."""
    if text.lower().startswith(words.FOREIGN):
        raise Refused("foreign_currency")
    for word in words.VAGUE if text.startswith(words.VAGUE) else ():
        if text.startswith(word) and read_unit(text[len(word) :]) is not None:
            raise Refused("vague_word")
    per = re.fullmatch("每([年月亩户人斤吨])(.+)", text)
    if per:
        text = f"{per[2]}/{per[1]}"
    text = re.sub("[—–―─-]+", "-", text)
    text = re.sub("[~〜∼]+", "~", text)
    ends = re.split("[-~至到]", text)
    if len(ends) == 1:
        return _read_one(text, column, bare_one=bare_one, above=above)
    if len(ends) > 2 or "" in ends or signed or above:  # noqa: PLR2004  (two ends)
        raise Refused("two_figures" if any(c.isdigit() for c in text) else "text")
    return _read_range(ends[0], ends[1], text[len(ends[0])], column)


def _read_range(left: str, right: str, mark: str, column: Unit) -> tuple[Numeral, Unit]:
    """Read two ends; the unit and the 万 of the upper also belong to the lower (3-5万元)."""
    high, unit = _read_one(right, column)
    low, own = _read_one(left, column)
    if low.qualifier != "exact" or high.qualifier != "exact":
        raise Refused("unknown_form")
    if "k" in (left + right).lower() or "w" in (left + right).lower():
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
    flags = (*low.flags, *high.flags)
    return Numeral(None, lower, upper, "range", high.scale, flags), unit


def _distribute(left: str, right: str, lower: Decimal, upper: Decimal) -> Decimal:
    """Give the lower end the 千, 万 … of the upper, where that leaves one reading."""
    number = exact_numbers.plain_form(_split(right)[0])
    chain = re.search("[十百千万亿]*$", number)[0]  # type: ignore[index]
    large = "".join(char for char in chain if char in "万亿")
    own = set(exact_numbers.plain_form(left)) & set("十百千kKwW")
    if not own:
        # 3-5千, 2-3百万; in 五至二十万 and 五到一百万 the 十 and 百 count the 万 of the upper end
        is_arabic = number[:1].isdigit()
        chains = {chain} if is_arabic or not large else {chain, large}
    elif own & set(number):
        chains = {large}  # 三百到五百万
    else:
        chains = {"", large}  # 8千-1万
    ends = {lower * exact_numbers.SCALES.get(each, Decimal(0)) for each in chains}
    fitting = {end for end in ends if end < upper and (end or not lower)}
    if len(fitting) > 1:
        raise Refused("two_readings")
    return fitting.pop() if fitting else max(ends)


def _read_one(
    text: str, column: Unit, *, bare_one: bool = False, above: bool = False
) -> tuple[Numeral, Unit]:
    """Split a text into a number and its unit."""
    number, rest = _split(text)
    ratio = _read_ratio(number, rest)
    if ratio is not None:
        return ratio, Unit(units.RATIO)
    if not number:
        raise Refused("text" if not any(c.isdigit() for c in text) else "text_around")
    scientific = re.fullmatch(r"(\d{1,15}(?:\.\d{1,20})?)[eE]([+-]?\d+)(.*)", text, re.ASCII)
    if scientific:
        return _scientific(*scientific.groups())
    letter = re.match(r"[kKwW](?=$|[元圆])", rest)
    if letter:
        return _lettered(number, rest, column)
    money = _read_coins(number, rest)
    if money is not None:
        return money, Unit(units.YUAN)
    unit = read_unit(rest)
    if unit is None:
        raise Refused(_why_not(number, rest))
    implicit = bare_one and number in {
        "百",
        "千",
        "万",
        "亿",
        "十万",
        "百万",
        "千万",
        "百亿",
        "千亿",
    }
    if above and not implicit and number not in {"十", "十亿"}:
        raise Refused("text")  # 上五万: only round units follow 上
    return read_numeral(number, bare_one=implicit, counted=bool(unit.name)), unit


def _split(text: str) -> tuple[str, str]:
    """Split off the number; 个, 百 and 千 may belong to the unit behind it."""
    at = 0
    while at < len(text) and text[at] in exact_numbers.CHARS:
        at += 1
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
    if any(word in rest.lower() for word in words.FOREIGN):
        return "foreign_currency"
    if rest[0] in "年月日号时":
        return "date"
    numeric = any(char.isdigit() for char in number)
    if any(char.isdigit() for char in rest):
        return "two_figures" if numeric else "text_around"
    if rest[0] == ",":
        return "separators"
    return "unit_unknown" if numeric else "text"


def _read_ratio(number: str, rest: str) -> Numeral | None:
    """Read 三成五 and 百分之三十五."""
    for word, factor in (("百", "0.01"), ("千", "0.001"), ("万", "0.0001")):
        if number == word and rest.startswith("分之"):
            return _scaled(read_numeral(rest[2:]), Decimal(factor))
    match = re.fullmatch("成([一二三四五六七八九])?([多余])?", rest)
    if match is None or not number:
        return None
    tenths = _scaled(read_numeral(number, counted=True), Decimal("0.1"))
    if tenths.upper > 1:
        raise Refused("unknown_form")
    if match[1] or match[2]:
        if tenths.qualifier != "exact" or tenths.value is None or (match[1] and match[2]):
            raise Refused("unknown_form")
        if match[2]:
            return replace(tenths, upper=tenths.value + Decimal("0.1"), qualifier="over")
        value = tenths.value + read_numeral(match[1]).lower / 100
        return Numeral(value, value, value)
    return tenths


def _scaled(numeral: Numeral, factor: Decimal) -> Numeral:
    value = None if numeral.value is None else numeral.value * factor
    return replace(numeral, value=value, lower=numeral.lower * factor, upper=numeral.upper * factor)


def _scientific(mantissa: str, exponent: str, rest: str) -> tuple[Numeral, Unit]:
    if len(exponent.lstrip("+-")) > 2:  # noqa: PLR2004  (digits of an exponent)
        raise Refused("too_many_digits")
    unit = read_unit(rest)
    if unit is None:
        raise Refused("unit_unknown")
    value = Decimal(f"{mantissa}e{exponent}")
    if value >= CODE_LIKE:
        raise Refused("scientific_code")
    return Numeral(value, value, value, flags=("scientific",)), unit


def _lettered(number: str, rest: str, column: Unit) -> tuple[Numeral, Unit]:
    """Read 5k元 and 5w元: thousands and 万 in money only (a bare W could be a watt)."""
    unit = read_unit(rest[1:])
    if unit is None or units.YUAN not in {unit.base, "" if unit.name else column.base}:
        raise Refused("unit_unknown")
    if column.factor != 1 and not unit.name:
        raise Refused("two_readings")
    factor = Decimal(1000) if rest[0] in "kK" else exact_numbers.WAN
    return _scaled(read_numeral(number), factor), unit


def _read_coins(number: str, rest: str) -> Numeral | None:
    """Read 3元5角2分 and 叁佰元零伍分."""
    match = re.fullmatch(
        "(?:([元圆块])零?(?:([^元圆块角毛分]+)[角毛])?|([角毛]))零?(?:([^元圆块角毛分]+)分)?[整正]?",
        rest,
    )
    if match is None:
        formal = bool(exact_numbers.FORMAL & set(number))
        if rest in {"分", "分整", "分正"} and not formal:
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
    return Numeral(total, total, total, scale=first.scale, flags=first.flags)
