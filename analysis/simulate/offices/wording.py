"""An amount in the forms that clerks write: what stands in the cell, and what it must read as."""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from analysis.simulate.offices.pages import CENTS, Amount, Cell

WAN_CENTS = 1_000_000
_NUMERALS = "零一二三四五六七八九"
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
_WIDE_MARKS = str.maketrans(",.", "，．")


class Written(NamedTuple):
    """What stands in a cell (None: nothing), and value, lower and upper bound in yuan.

    No reading means that the cell reads as missing, or must be refused.
    """

    text: Cell | None
    reads: tuple[float, float, float] | None


def plain(cents: int, unit: str) -> str:
    """Return an amount in digits, exact to the cent."""
    if unit == "元":
        return f"{cents // 100}.{cents % 100:02}"
    return f"{cents // WAN_CENTS}.{cents % WAN_CENTS:06}".rstrip("0").rstrip(".")


def in_words(number: str) -> str:
    """Return a number below 10,000 in Chinese numerals."""
    whole, _, decimals = number.partition(".")
    words, gap = "", False
    for digit, place in zip(map(int, whole.zfill(4)), ("千", "百", "十", ""), strict=True):
        if digit:
            words += ("零" if gap and words else "") + _NUMERALS[digit] + place
        gap = not digit
    words = words.removeprefix("一") if words.startswith("一十") else words
    return (words or "零") + (
        "点" + "".join(_NUMERALS[int(d)] for d in decimals) if decimals else ""
    )


def _says(text: str | None) -> "Wording":
    return lambda _: Written(text, None)


def _exact(show: Callable[[Amount], Cell]) -> "Wording":
    """Return a wording that says neither more nor less than the amount."""

    def write(amount: Amount) -> Written:
        yuan = amount.cents / 100
        return Written(show(amount), (yuan, yuan, yuan))

    return write


def _digits(amount: Amount) -> str:
    return plain(amount.cents, amount.unit)


def _grouped(amount: Amount) -> str:
    return f"{Decimal(_digits(amount)):,}"


def _other(amount: Amount) -> str:
    return "万元" if amount.unit == "元" else "元"


def _in_other(amount: Amount) -> str:
    return plain(amount.cents, _other(amount)) + _other(amount)


def _about(amount: Amount) -> Written:
    exact = Decimal(amount.cents) / WAN_CENTS
    second_digit = Decimal(1).scaleb(exact.adjusted() - 1)
    shown = exact.quantize(second_digit, ROUND_HALF_EVEN).normalize()
    half = Decimal(5).scaleb(int(shown.as_tuple().exponent) - 1)
    text = f"约{shown:f}" + ("万" if amount.unit == "元" else "")
    return Written(text, _yuan(shown, shown - half, shown + half))


def _more_than(amount: Amount) -> Written:
    whole = Decimal(amount.cents // WAN_CENTS)
    if amount.unit == "元":
        return Written(f"{whole}万多", _yuan(whole, whole, whole + 1))
    step = Decimal(1).scaleb(whole.adjusted())
    shown = whole // step * step
    return Written(f"{shown:f}多", _yuan(shown, shown, shown + step))


def _yuan(*wan: Decimal) -> tuple[float, float, float]:
    value, lower, upper = (float(part * 10_000) for part in wan)
    return value, lower, upper


def _with_whole(form: str) -> "Wording":
    """Return a wording that no reader may take for a number, around the whole 万元."""
    return lambda amount: Written(form.format(amount.cents // WAN_CENTS), None)


def _formula(amount: Amount) -> Written:
    part = amount.cents // 3
    terms = (plain(each, amount.unit) for each in (part, amount.cents - part))
    return Written("=" + "+".join(terms), None)


def _unit_slip(amount: Amount) -> Written:
    number = amount.cents / CENTS[_other(amount)]
    yuan = number * CENTS[amount.unit] / 100
    return Written(number, (yuan, yuan, yuan))


Wording = Callable[[Amount], Written]


class Form(NamedTuple):
    """A kind of fault of single amounts: its wordings, and where it can stand."""

    wordings: tuple[Wording, ...]
    suits: Callable[[Amount], bool] = bool  # any
    in_text: bool = True


_LUMPY = frozenset({"补助收入", "其他收入", "其他支出", "专项应付款", "公益支出"})


def _is_steady(amount: Amount) -> bool:
    return amount.cents >= WAN_CENTS and amount.account not in _LUMPY


def _from_wan(least: float) -> Callable[[Amount], bool]:
    return lambda amount: amount.cents >= least * WAN_CENTS


FORMS = {
    "wrong_choice": Form(
        (_says("200-300人"), _says("国有企业"), _says("300人以上")),
        lambda amount: amount.account == "其他收入",
    ),
    "wan_under_yuan": Form((_unit_slip,), _is_steady),
    "unit_slip": Form((_unit_slip,), _is_steady),
    "formula": Form((_formula,), lambda amount: amount.cents > 0, in_text=False),
    "no_number": Form(
        (*map(_with_whole, ("{}.34亿万元", "{},5", "{}/30")), _says("待核"), _says("见附表")),
        _from_wan(1),
    ),
    "about": Form((_about,), _from_wan(1)),
    "more_than": Form((_more_than,), _from_wan(10)),
    "in_words": Form(
        (_exact(lambda amount: in_words(plain(amount.cents, "万元")) + "万元"),),
        lambda amount: amount.cents > 0,
    ),
    "separators": Form(
        (_exact(_grouped), _exact(lambda amount: _grouped(amount).translate(_WIDE_MARKS))),
        lambda amount: amount.cents >= 1_000 * CENTS[amount.unit],
    ),
    "own_unit": Form((_exact(_in_other),)),
    "tick": Form((_says("√"),)),
    "full_width": Form((_exact(lambda amount: _digits(amount).translate(_FULL_WIDTH)),)),
    "blank": Form((_says(None),)),
    "dash": Form(tuple(map(_says, ("-", "—", "无", "/")))),
    "number_as_text": Form((_exact(_digits),), in_text=False),
}
"""By kind, those of one office and the rarest choice first; some need cells with a type."""
