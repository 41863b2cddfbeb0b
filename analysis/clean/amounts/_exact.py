"""The exact value of a number in Arabic or Chinese numerals, or both."""

import re
from dataclasses import dataclass
from decimal import Decimal

from analysis.errors import LianjianError

ONE = Decimal(1)
WAN, YI = Decimal(10_000), Decimal(100_000_000)

# 两 counts like 二 but never stands in a string of digits; 廿 and 卅 are a digit and its ten.
DIGITS = {char: Decimal(at) for at, char in enumerate("零一二三四五六七八九")}
DIGITS["两"] = Decimal(2)
_UNITS = {"十": Decimal(10), "百": Decimal(100), "千": Decimal(1000)}
_PLAIN_FORMS = str.maketrans(
    {
        **dict(zip("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千", strict=True)),
        **dict(zip("弌弍弎叄貮〇", "一二三三二零", strict=True)),
        "廿": "二十",
        "卅": "三十",
        "卌": "四十",
    }
)
FORMAL = frozenset("壹贰叁肆伍陆柒捌玖拾佰仟")
"""Numerals of cheques and receipts: they never stand in ordinary words."""

CHARS = (
    frozenset("0123456789.,零〇一二两三四五六七八九十百千万亿点余多几数来个廿卅卌弌弍弎叄貮")
    | FORMAL
)
"""Every character that a number can be written with."""

SCALES = {
    "": ONE, "十": Decimal(10), "百": Decimal(100), "千": Decimal(1000), "万": WAN, "亿": YI,
    "十万": 10 * WAN, "百万": 100 * WAN, "千万": 1000 * WAN,
    "十亿": 10 * YI, "百亿": 100 * YI, "千亿": 1000 * YI, "万亿": WAN * YI,
}  # fmt: skip
_ARABIC = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_GROUPED = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,4}(?:,\d{4})+)(?:\.\d+)?", re.ASCII)
DIGIT_STRING = re.compile("[零一二三四五六七八九]+(?:点[零一二三四五六七八九]+)?")
SCALE_TAIL = re.compile("[十百千万亿]*$")
_ZERO = "零"
_PIECE = re.compile(r"\d[\d.,]*|.", re.ASCII | re.DOTALL)
_SECTION_DIGITS = 4  # 3万5000: a whole section below 万


class Refused(LianjianError):  # noqa: N818  (it is an answer rather than an error)
    """A text that is not read, with the code of the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def plain_form(text: str) -> str:
    """Return formal numerals (壹贰叁拾) as plain ones.

    Examples
    --------
    >>> plain_form("叁拾")
    '三十'
    """
    return text.translate(_PLAIN_FORMS)


def read_exact(text: str, *, bare_one: bool = False) -> tuple[Decimal, tuple[str, ...]]:
    """Return the value of a number in plain form, and the conventions used.

    Raises
    ------
    Refused
        It is no number, or more than one.

    Examples
    --------
    >>> read_exact("两万五"), read_exact("1亿2千万")
    ((Decimal('25000'), ('elided',)), (Decimal('120000000'), ()))
    """
    tail = SCALE_TAIL.search(text)[0]  # type: ignore[index]
    head = text[: len(text) - len(tail)]
    arabic = _arabic(head)
    if arabic is not None:
        if tail not in SCALES:
            raise Refused("two_readings" if tail == "万万" else "unit_order")
        if tail.startswith("十"):
            raise Refused("unknown_form")  # 3十: nobody writes it
        flags = ("leading_zero",) if re.match(r"0\d", head, re.ASCII) else ()
        return arabic * SCALES[tail], flags
    if DIGIT_STRING.fullmatch(head) and (len(head) > 1 or not tail):
        if tail not in SCALES or tail.startswith("十"):
            raise Refused("unit_order")
        if len(head) > 1 and "点" not in head and tail and tail[0] in "百千" and "零" not in head:
            raise Refused("unknown_form")  # 二七百
        return _digit_string(head) * SCALES[tail], ()
    if "点" in head:
        whole, fraction = head.split("点", maxsplit=1)
        known = tail in SCALES and not tail.startswith("十")  # 八点三十 is a time
        if not known or not DIGIT_STRING.fullmatch(fraction) or "点" in fraction:
            raise Refused("unknown_form")
        value = _integer(whole)[0] if whole else None
        if value is None:
            raise Refused("unknown_form")
        return (value + _digit_string("零点" + fraction)) * SCALES[tail], ()
    return _integer(text, bare_one=bare_one, last=True)


def _arabic(text: str) -> Decimal | None:
    if _ARABIC.fullmatch(text):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if text and text[0].isdigit() and all(char in "0123456789.,零" for char in text):
        raise Refused("separators")
    return None


def _digit_string(text: str) -> Decimal:
    return Decimal("".join("." if char == "点" else str(DIGITS[char]) for char in text))


def _integer(
    text: str, *, bare_one: bool = False, last: bool = False
) -> tuple[Decimal, tuple[str, ...]]:
    """Read a whole number by its sections of four digits (…亿…万…)."""
    if text and text in SCALES:
        if len(text) == 1 and text != "十" and not bare_one:
            raise Refused("unit_only")
        if text == "万亿" and not bare_one:
            raise Refused("unit_only")
        return SCALES[text], ()
    if "亿" in text:
        return _above_yi(text, last=last)
    if "万" in text:
        return _above_wan(text, last=last)
    return _section(text, last=last)


def _above_yi(text: str, *, last: bool) -> tuple[Decimal, tuple[str, ...]]:
    left, right = text.rsplit("亿", maxsplit=1)
    if "亿" in left or not left:
        raise Refused("two_readings" if "亿亿" in text else "unknown_form")
    if "万" in left and len(left.rsplit("万", maxsplit=1)[1]) == 1:
        raise Refused("unit_order")  # 3万8亿
    above, flags = _integer(left)
    if not right:
        return above * YI, flags
    if "万" not in right and right[0] != _ZERO:
        raise Refused("two_readings")  # 一亿五千: 1.5亿 or 1,0000,5000
    below, more = _integer(right.removeprefix(_ZERO), last=last)
    if below >= YI:
        raise Refused("unit_order")
    return above * YI + below, (*flags, *more)


def _above_wan(text: str, *, last: bool) -> tuple[Decimal, tuple[str, ...]]:
    left, right = text.split("万", maxsplit=1)
    if "万" in right:
        raise Refused("two_readings")  # 三万万
    if not left:
        raise Refused("unknown_form")
    above, flags = _section(left, last=False)
    if not right:
        return above * WAN, flags
    below, more = _below_wan(right, last=last)
    return above * WAN + below, (*flags, *more)


def _below_wan(text: str, *, last: bool) -> tuple[Decimal, tuple[str, ...]]:
    """Read what follows 万: 5 is 5000 by elision, 5000 and 5千 are themselves."""
    if len(text) == 1 and (text in DIGITS or text.isdigit()) and text not in "零0":
        if not last:
            raise Refused("two_readings")
        digit = DIGITS.get(text)
        return (Decimal(text) if digit is None else digit) * 1000, ("elided",)
    if text.isdigit() and text.isascii():
        if len(text) != _SECTION_DIGITS:
            raise Refused("two_readings")  # 3万50: 30,050 or 35,000
        return Decimal(text), ()
    value, flags = _section(text.removeprefix("零"), last=last)
    if value >= WAN:
        raise Refused("unit_order")
    if text[0] != "零" and value < WAN / 10:
        flags = (*flags, "missing_zero")
    return value, flags


@dataclass
class _Section:
    """A number below 10,000 while it is read."""

    total: Decimal = Decimal(0)
    below: Decimal = WAN
    digit: Decimal | None = None
    gap: bool = False
    missing_zero: bool = False

    def unit(self, unit: Decimal, *, is_ten: bool) -> None:
        """Take 十, 百 or 千: each smaller than the one before, 零 where one is left out."""
        if unit >= self.below:
            raise Refused("unit_order")
        if (self.digit is None and not is_ten) or (self.gap and unit * 10 == self.below):
            raise Refused("unknown_form")  # 百 without a digit, 三千零五百
        skipped = self.below != WAN and unit * 10 < self.below
        self.missing_zero = self.missing_zero or (skipped and not self.gap)
        self.total += (ONE if self.digit is None else self.digit) * unit
        self.below, self.digit, self.gap = unit, None, False

    def zero(self) -> None:
        """Take 零, which stands between a unit and a digit."""
        if self.gap or self.digit is not None or self.below == WAN:
            raise Refused("unknown_form")
        self.gap = True


def _section(text: str, *, last: bool) -> tuple[Decimal, tuple[str, ...]]:
    """Read a number below 10,000: digits before falling units, 零 for a gap."""
    if text == "零":
        return Decimal(0), ()
    section = _Section()
    for piece in _PIECE.findall(text):
        if piece in _UNITS:
            section.unit(_UNITS[piece], is_ten=piece == "十")
        elif piece == _ZERO:
            section.zero()
        elif "," in piece or "." in piece:
            raise Refused("separators")
        elif section.digit is not None:
            raise Refused("unknown_form")
        else:
            section.digit = _digit(piece, alone=piece == text)
    return _close(section, last=last)


def _digit(piece: str, *, alone: bool) -> Decimal:
    if piece in DIGITS:
        return DIGITS[piece]
    if piece.isascii() and piece.isdigit() and (len(piece) == 1 or alone):
        return Decimal(piece)
    raise Refused("unknown_form")


def _close(section: _Section, *, last: bool) -> tuple[Decimal, tuple[str, ...]]:
    """Return the value; a digit left over after 百 or 千 stands for the next lower unit."""
    if section.digit is None:
        if section.gap or section.below == WAN:
            raise Refused("unknown_form")
        return section.total, ("missing_zero",) if section.missing_zero else ()
    if section.below == WAN or section.gap or section.below == _UNITS["十"]:
        return section.total + section.digit, ()
    if not last:
        raise Refused("two_readings")  # 三千五万
    return section.total + section.digit * section.below / 10, ("elided",)
