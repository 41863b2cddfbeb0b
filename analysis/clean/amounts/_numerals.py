"""Numbers as people write them: the list of legal sequences, and nothing beside it.

A whole number below 10,000 is one of `_SECTIONS`; greater ones join sections by 万 and 亿. Around
them stand the forms that leave a span: 300余万, 几十, 十来户, 三五万. Whatever is in none of the
lists is refused.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from analysis.clean.amounts._words import Refused

WAN, YI = Decimal(10_000), Decimal(100_000_000)
FORMAL = frozenset("壹贰叁肆伍陆柒捌玖拾佰仟")
"""Numerals of cheques and receipts: they never stand in ordinary words."""
CHARS = FORMAL | frozenset(
    "0123456789.,零〇一二两三四五六七八九十百千万亿点余多几数来个半廿卅卌弌弍弎叄貮"
)
"""Every character that a number can be written with."""

_FORMS = ("壹贰叁肆伍陆柒捌玖拾佰仟弌弍弎叄貮〇", "一二三四五六七八九十百千一二三三二零")
_PLAIN_FORMS = str.maketrans(
    dict(zip(*_FORMS, strict=True)) | {"廿": "二十", "卅": "三十", "卌": "四十"}
)
_DIGITS = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_LOW = {"": Decimal(1), "十": Decimal(10), "百": Decimal(100), "千": Decimal(1000)}
SCALES = (
    _LOW
    | {name + "万": worth * WAN for name, worth in _LOW.items()}
    | {name + "亿": worth * YI for name, worth in _LOW.items()}
    | {"万亿": WAN * YI}
)

# q, b, s and g are the digits of thousands, hundreds, tens and ones.
_SECTIONS = {
    "": "g 十 十g s十 s十g b百 b百零g b百十 b百十g b百s十 b百s十g q千 q千零g q千零十 q千零十g "
    "q千零s十 q千零s十g q千b百 q千b百零g q千b百十 q千b百十g q千b百s十 q千b百s十g",
    "missing_zero": "q千十 q千十g q千s十 q千s十g",
    "elided": "b百s q千b q千b百s",
}
_WORTH = {"q": 1000, "b": 100, "s": 10, "g": 1}
_LEGAL = {
    re.sub("[qbsg]", "d", form): (form, flag)
    for flag, forms in _SECTIONS.items()
    for form in forms.split()
}
_DIGIT = re.compile("[1-9一二两三四五六七八九]", re.ASCII)
_ARABIC = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_GROUPED = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,4}(?:,\d{4})+)(?:\.\d+)?", re.ASCII)
_STRING = re.compile("[一二三四五六七八九][零一二三四五六七八九]+")
_FRACTION = re.compile("[零一二三四五六七八九]+")
_TAIL = re.compile("[十百千万亿]*$")
# What may follow a figure as a whole: 1.5百万, but 27.9十万 is written by nobody.
_AFTER_FIGURE = SCALES.keys() - {"十", "十万", "十亿"}
_AFTER_DIGITS = ("", "万", "亿")
_AFTER_MORE = _AFTER_FIGURE - {"百"}


@dataclass(frozen=True)
class Numeral:
    """A number and its span."""

    value: Decimal | None  # the number; None when the text gives a span only
    lower: Decimal  # the span; both equal to the value when the number is exact
    upper: Decimal
    qualifier: str = "exact"  # what opens the span
    scale: str = ""  # the 万 and 亿 in it
    flags: tuple[str, ...] = ()  # conventions that were used

    def times(self, factor: Decimal) -> "Numeral":
        """Return the number with its span in a unit that is worth so much."""
        value = None if self.value is None else self.value * factor
        return replace(self, value=value, lower=self.lower * factor, upper=self.upper * factor)


def exactly(value: Decimal, flags: tuple[str, ...] = (), scale: str = "") -> Numeral:
    """Return a number that leaves no span."""
    return Numeral(value, value, value, scale=scale, flags=flags)


def last_place(value: Decimal) -> Decimal:
    """Return the place of the last digit that is not zero: 100 of 1200."""
    if not value:
        raise Refused("unknown_form")
    return Decimal(1).scaleb(int(value.normalize().as_tuple().exponent))


def plain_form(text: str) -> str:
    """Return formal numerals as plain ones: 三十 for 叁拾."""
    return text.translate(_PLAIN_FORMS).replace("个亿", "亿")


def read_numeral(
    text: str, *, bare_one: bool = False, unit: str = "", counts: bool = False
) -> Numeral:
    """Read one number."""
    plain = plain_form(text)
    marks = [char for char in plain if char in _SPANS]
    scale = "".join(char for char in plain if char in "万亿")
    if len(marks) > 1:
        raise Refused("unknown_form")
    if marks:
        if plain in {"几", "数", "半"} and not unit:
            raise Refused("text")
        left, _, right = plain.partition(marks[0])
        found = _SPANS[marks[0]](left, right)
        if counts and plain.endswith("几"):
            found = replace(found, upper=found.upper - 1)
    else:
        found = _pair(plain, has_unit=bool(unit)) or _number(plain, bare_one=bare_one)
    return replace(found, scale=scale)


def _number(text: str, *, bare_one: bool = False) -> Numeral:
    value, flags = _exact(text, bare_one=bare_one)
    return exactly(value, flags)


def _exact(text: str, *, bare_one: bool = False) -> tuple[Decimal, tuple[str, ...]]:
    """Return the value of a number in plain form, and the conventions used."""
    tail = _TAIL.search(text)[0]  # type: ignore[index]
    head = text[: len(text) - len(tail)]
    if not head and tail in SCALES and tail != "十":
        if tail in {"百", "千", "万", "亿", "万亿"} and not bare_one:
            raise Refused("unit_only")
        return SCALES[tail], ()
    if text in {"零", "零万", "零亿"}:
        return Decimal(0), ()
    if head and all(char in "0123456789.," for char in head):
        return _figure(head, tail)
    whole, point, fraction = head.partition("点")
    if not point and not _STRING.fullmatch(head):
        return _whole(text)
    if tail not in (_AFTER_MORE if point else _AFTER_DIGITS):
        raise Refused("unknown_form")  # 八点三十 is a time, 二七百 is nothing
    if point and not _FRACTION.fullmatch(fraction):
        raise Refused("unknown_form")
    if _STRING.fullmatch(whole):
        value = _digits(whole, tail)
    else:
        value, flags = _whole(whole) if whole != "零" else (Decimal(0), ())
        if flags or (tail and value >= WAN):
            raise Refused("unknown_form")
    decimals = "".join(str(_DIGITS[char]) for char in fraction)
    return (value + Decimal(f"0.{decimals or 0}")) * SCALES[tail], ()


def _figure(head: str, tail: str) -> tuple[Decimal, tuple[str, ...]]:
    """Read 27.9万, 1,234 and 12,0000."""
    if not (_ARABIC.fullmatch(head) or _GROUPED.fullmatch(head)):
        raise Refused("separators")
    if tail not in _AFTER_FIGURE:
        if tail.startswith("十"):
            raise Refused("unknown_form")
        raise Refused("two_readings" if tail == "万万" else "unit_order")
    flags = ("leading_zero",) if re.match(r"0\d", head, re.ASCII) else ()
    return Decimal(head.replace(",", "")) * SCALES[tail], flags


def _digits(text: str, tail: str) -> Decimal:
    """Read digits in a row: 一五〇, but 二七 may be 27 or two numbers, and 三四五万 three."""
    values = [_DIGITS[char] for char in text]
    is_rising = all(after - before == 1 for before, after in pairwise(values))
    if (len(text) == 2 and "零" not in text) or (tail and is_rising):  # noqa: PLR2004
        raise Refused("two_readings")
    return Decimal("".join(map(str, values)))


def _whole(text: str) -> tuple[Decimal, tuple[str, ...]]:
    """Read a whole number: sections of four digits joined by 亿 and 万."""
    left, yi, right = text.rpartition("亿")
    if not yi:
        return _below_yi(right)
    if not left or "亿" in left:
        raise Refused("two_readings" if "亿亿" in text else "unit_order")
    above, flags = _below_yi(left)
    if "elided" in flags:
        raise Refused("unit_order")  # 3万8亿
    if not right:
        return above * YI, flags
    if "万" not in right and right[0] != "零":
        raise Refused("two_readings")  # 一亿五千: 1.5亿 or 1,0000,5000
    below, more = _below_yi(right.removeprefix("零"))
    if "elided" in more:
        raise Refused("two_readings")
    return above * YI + below, (*flags, *more)


def _below_yi(text: str) -> tuple[Decimal, tuple[str, ...]]:
    left, wan, right = text.partition("万")
    if not wan:
        return _section(text)
    if not left:
        raise Refused("unit_order")
    if "万" in right:
        raise Refused("two_readings")  # 三万万
    above, flags = _section(left)
    if "elided" in flags:
        raise Refused("two_readings")  # 三千五万
    if not right:
        return above * WAN, flags
    below, more = _below_wan(right)
    return above * WAN + below, (*flags, *more)


def _below_wan(text: str) -> tuple[Decimal, tuple[str, ...]]:
    """Read what follows 万: 5 is 5000 by elision, 5000 and 5千 are themselves."""
    if len(text) == 1 and _DIGIT.fullmatch(text) and text != "两":
        return _section(text)[0] * 1000, ("elided",)
    if "," in text or "." in text:
        raise Refused("separators")  # 1万,5
    if text.isascii():
        if not re.fullmatch(r"\d{4}", text, re.ASCII):
            raise Refused("two_readings")  # 3万50: 30,050 or 35,000
        return Decimal(text), ()
    value, flags = _section(text.removeprefix("零"))
    is_small = value < WAN / 10
    if (text[0] == "零") != is_small:
        if not is_small or flags or text[0] == "十":
            raise Refused("unknown_form")  # 三万零五千, 三万十
        flags = ("missing_zero",)
    return value, flags


def _section(text: str) -> tuple[Decimal, tuple[str, ...]]:
    """Read a number below 10,000 by its place in the list of legal ones."""
    if re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
        return Decimal(text), ()
    form, flag = _LEGAL.get(_DIGIT.sub("d", text), ("", ""))
    pairs = list(zip(text, form, strict=bool(form)))
    if not form or any(char == "两" and place not in "qb" for char, place in pairs if text != "两"):
        raise Refused("unknown_form")
    total = sum(_DIGITS.get(char, 0) * _WORTH.get(place, 0) for char, place in pairs)
    total += sum(int(char) * _WORTH[place] for char, place in pairs if char.isascii())
    total += 10 if "十" in form and "s" not in form else 0
    return Decimal(total), (flag,) if flag else ()


def _over(left: str, right: str) -> Numeral:
    """300余万 reaches to the next step of its last non-zero digit, 300万余 to the next 万."""
    last = re.search("[万亿]*$", left)[0]  # type: ignore[index]
    if right not in _AFTER_MORE or not left or (last and right):
        raise Refused("unknown_form")
    value, flags = _exact(left, bare_one=True)
    if "elided" in flags:
        raise Refused("two_readings")
    step = last_place(value)
    decimals = re.search("[.点]([^.点十百千万亿]+)([十百千万亿]*)$", left)
    if decimals and (not last or decimals[2] != last):
        raise Refused("unknown_form")  # 二点五余, 2.5百万余
    if last:
        loose = SCALES[last].scaleb(-len(decimals[1]) if decimals else 0)
        flags = (*flags, "loose") if loose != step else flags
        step = loose
    return Numeral(value, value, value + step, "over", flags=flags).times(SCALES[right])


def _few(left: str, right: str) -> Numeral:
    """几 is 2 to 10 of what follows; after 十 it is 1 to 10."""
    if not left:
        return _several(left, right)
    if not left.endswith("十") or right not in _AFTER_DIGITS:
        raise Refused("unknown_form")
    tens, flags = _section(left)
    return Numeral(None, tens + 1, tens + 10, "vague", flags=flags).times(SCALES[right])


def _several(left: str, right: str) -> Numeral:
    """数 is 2 to 10 of what follows, and follows nothing."""
    if left or right not in SCALES:
        raise Refused("unknown_form")
    return Numeral(None, Decimal(2), Decimal(10), "vague").times(SCALES[right])


def _around(left: str, right: str) -> Numeral:
    """十来户 is 10, give or take half a step."""
    if right not in _AFTER_MORE or not left.endswith(("十", "百", "千", "0")):
        raise Refused("unknown_form")
    value, flags = _exact(left, bare_one=True)
    half = last_place(value) / 2
    return Numeral(value, value - half, value + half, "approx", flags=flags).times(SCALES[right])


def _half(left: str, right: str) -> Numeral:
    """半亿 is half of it; 两万半 is 25,000, but 二十万半 could be 20.5 or 25."""
    if not left and right in _AFTER_DIGITS:
        return _number("1" + right).times(Decimal("0.5"))
    scale = left[-1:]
    if right or scale not in {"百", "千", "万", "亿"}:
        raise Refused("unknown_form")
    value, flags = _section(left[:-1])
    if flags or not value % 10 or (scale in "百千" and value > 9):  # noqa: PLR2004
        raise Refused("two_readings")
    return exactly((value + Decimal("0.5")) * SCALES[scale])


_SPANS = {"余": _over, "多": _over, "几": _few, "数": _several, "来": _around, "半": _half}

# 两三, 三五, 七八: what stands behind them is their unit.
_PAIR = re.compile("(.*)([一二两三四五六七八])([二三四五六七八九])([十百千万亿]*)")


def _pair(text: str, *, has_unit: bool) -> Numeral | None:
    """Read two neighbouring digits before one unit (三四万, 三五万, 二十七八万) as a span."""
    match = _PAIR.fullmatch(text)
    if match is None:
        return None
    prefix, low, high, tail = match.groups()
    if _DIGITS[high] - _DIGITS[low] != 1 and low + high != "三五":
        return None
    if "点" in prefix or (prefix and prefix[-1] not in "十百千万亿零") or prefix == "零":
        return None  # decimals are said digit by digit: 十二点七二零零八九
    if _STRING.fullmatch(prefix + low):
        return None
    if (not prefix and not tail and not has_unit and low != "两") or (
        tail.startswith("十") and high == "九"
    ):
        raise Refused("two_readings")  # 八九十万: 8, 9, 10 or 80 to 90
    lower, flags = _exact(prefix + low + tail)
    upper, more = _exact(prefix + high + tail)
    if "elided" in (*flags, *more):
        raise Refused("two_readings")
    return Numeral(None, lower, upper, "range", flags=flags)
