"""One number with the span that its words leave open: 300余万, 几十, 三五."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from analysis.clean.amounts._exact import (
    DIGIT_STRING,
    DIGITS,
    SCALE_TAIL,
    SCALES,
    Refused,
    plain_form,
    read_exact,
)

# 两三, 三五, 七八: what stands behind them is their unit.
_PAIR = re.compile("([一二两三四五六七八九])([二两三四五六七八九])([十百千万亿]*)")
_LAST_SCALE = re.compile("[万亿]*$")


@dataclass(frozen=True)
class Numeral:
    """A number and its span.

    Attributes
    ----------
    value : Decimal or None
        The number; None when the text gives a span only.
    lower, upper : Decimal
        The span; both equal to the value when the number is exact.
    qualifier : {"exact", "over", "approx", "vague", "range"}
        What opens the span.
    scale : str
        The 万 and 亿 in it.
    flags : tuple of str
        Conventions that were used.
    """

    value: Decimal | None
    lower: Decimal
    upper: Decimal
    qualifier: str = "exact"
    scale: str = ""
    flags: tuple[str, ...] = ()


def last_place(value: Decimal) -> Decimal:
    """Return the place of the last digit that is not zero.

    Examples
    --------
    >>> last_place(Decimal("1200")), last_place(Decimal("27.90"))
    (Decimal('1E+2'), Decimal('0.1'))
    """
    if not value:
        raise Refused("unknown_form")
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(int(exponent))


def read_numeral(text: str, *, bare_one: bool = False, counted: bool = False) -> Numeral:
    """Read one number.

    Parameters
    ----------
    text : str
        Normalised text of the characters in `CHARS`.
    bare_one : bool
        Whether 百, 千 or 万 may stand for 100, 1000 or 10,000 (上百人 but not 百人).
    counted : bool
        Whether a unit follows: 三五户 is a span, while 三五 alone could be 35.

    Raises
    ------
    Refused
        The text is no number, or more than one.

    Examples
    --------
    >>> read_numeral("300余万").upper, read_numeral("两万五").value
    (Decimal('4000000'), Decimal('25000'))
    """
    plain = plain_form(text).replace("个亿", "亿")
    scale = "".join(char for char in plain if char in "万亿")
    for marks, reader in (("余多", _over), ("几数", _vague), ("来", _around)):
        if any(mark in plain for mark in marks):
            if plain in {"几", "数"} and not counted:
                raise Refused("text")
            return replace(reader(plain), scale=scale)
    span = _pair(plain, counted=counted)
    if span is not None:
        return replace(span, scale=scale)
    value, flags = read_exact(plain, bare_one=bare_one)
    return Numeral(value, value, value, scale=scale, flags=flags)


def _over(text: str) -> Numeral:
    """300余万 reaches to the next step of its last non-zero digit, 300万余 to the next 万."""
    left, mark, right = re.split("([余多])", text, maxsplit=1)
    if mark in right or right not in SCALES or not left:
        raise Refused("unknown_form")
    scale = _LAST_SCALE.search(left)[0]  # type: ignore[index]
    value, flags = read_exact(left, bare_one=True)
    step = last_place(value)
    if scale:
        if right:
            raise Refused("unknown_form")
        factor = SCALES.get(scale)
        if factor is None:
            raise Refused("two_readings")
        digits = re.search(rf"\.(\d+){scale}$", left)
        places = len(digits[1]) if digits else 0
        loose = factor.scaleb(-places)
        flags = (*flags, "loose") if loose != step else flags
        step = loose
    value, step = value * SCALES[right], step * SCALES[right]
    return Numeral(value, value, value + step, "over", flags=flags)


def _vague(text: str) -> Numeral:
    """几 and 数 are 2 to 10 of what follows; after 十 they are 1 to 10."""
    left, mark, right = re.split("([几数])", text, maxsplit=1)
    if right not in SCALES or (left and mark == "数"):
        raise Refused("unknown_form")
    factor = SCALES[right]
    if not left:
        return Numeral(None, 2 * factor, 10 * factor, "vague")
    if not left.endswith("十") or right in {"十", "百", "千"}:
        raise Refused("unknown_form")
    tens, flags = read_exact(left)
    return Numeral(None, (tens + 1) * factor, (tens + 10) * factor, "vague", flags=flags)


def _around(text: str) -> Numeral:
    """十来户 is 10, give or take half a step."""
    left, right = text.split("来", maxsplit=1)
    if right not in SCALES or not left.endswith(("十", "百", "千", "0")):
        raise Refused("unknown_form")
    value, flags = read_exact(left, bare_one=True)
    half = last_place(value) / 2
    factor = SCALES[right]
    lower, upper = (value - half) * factor, (value + half) * factor
    return Numeral(value * factor, lower, upper, "approx", flags=flags)


def _pair(text: str, *, counted: bool) -> Numeral | None:
    """Two neighbouring digits before one unit (三四万, 三五万, 二十七八万) are a span."""
    tail = SCALE_TAIL.search(text)[0]  # type: ignore[index]
    head = text[: len(text) - len(tail)]
    match = _PAIR.fullmatch(head[-2:] + tail)
    if match is None:
        return None
    prefix, low, high = head[:-2], DIGITS[match[1]], DIGITS[match[2]]
    if high - low != 1 and (match[1], match[2]) != ("三", "五"):
        return None
    if prefix and (prefix[-1] not in "十百千万亿零" or DIGIT_STRING.fullmatch(prefix)):
        return None
    if "点" in prefix:
        return None  # decimals are said digit by digit: 十二点七二零零八九
    if not prefix and not tail and not counted and "两" not in head:
        raise Refused("two_readings")
    if tail.startswith("十") and match[2] == "九":
        raise Refused("two_readings")  # 八九十万: 8, 9, 10 or 80 to 90
    lower, low_flags = read_exact(prefix + match[1] + tail)
    upper, high_flags = read_exact(prefix + match[2] + tail)
    if "elided" in (*low_flags, *high_flags):
        raise Refused("two_readings")
    return Numeral(None, lower, upper, "range")
