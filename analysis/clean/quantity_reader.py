"""Quantities of ledger cells: a text becomes a number, is missing, or is refused with a reason."""

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean import numerals, units
from analysis.clean import quantity_words as words
from analysis.clean.numerals import Numeral, Refused
from analysis.clean.quantity_body import CODE_LIKE, read_body
from analysis.clean.quantity_cells import (
    MAX_DIGITS,
    accounting_negative,
    guard,
    join,
    take_label,
    unbracket,
    unmark,
)
from analysis.clean.text import normalise
from analysis.clean.units import NO_UNIT, Unit, read_unit
from analysis.errors import LianjianError

MAX_CHARACTERS = 80
_TOO_LARGE = Decimal(10) ** MAX_DIGITS

QUALIFIERS = {
    "exact": "the number itself",
    "reach": "the number itself, said with emphasis (达)",
    "approx": "about: half a step of the last non-zero digit to either side",
    "over": "the number and less than a step more (余, 多)",
    "under": "close to the number from below: nine tenths of it or more (近)",
    "ge": "the number or more",
    "gt": "more than the number",
    "le": "the number or less",
    "lt": "less than the number",
    "range": "two ends",
    "vague": "a span that the words leave open (几十)",
    "missing": "no figure",
    "reject": "refused: no reading",
    "ambiguous": "refused: several readings",
}
"""The closed list of qualifiers."""


@dataclass(frozen=True)
class Quantity:
    """What a cell says.

    Attributes
    ----------
    value : float or None
        The number in ``unit``; None when missing, refused, or only a span is given.
    lower, upper : float or None
        The span; both equal to the value when it is exact, None on a side that is open.
    unit : str
        元, 比例 (a share of 1), 人, 户, 亩, 元/年 …; empty when neither cell nor column says.
    qualifier : str
        One of `QUALIFIERS`.
    flags : tuple of str
        Conventions used and doubts left, of `quantity_words.FLAGS`; for a refused text the
        reason comes first, of `quantity_words.REASONS`. The text itself is not kept.
    """

    value: float | None
    lower: float | None
    upper: float | None
    unit: str
    qualifier: str
    flags: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """``"read"``, ``"missing"`` or ``"refused"``."""
        if self.qualifier == "missing":
            return "missing"
        return "refused" if self.reason else "read"

    @property
    def reason(self) -> str:
        """Why the text was refused; empty when it was not."""
        return self.flags[0] if self.flags and self.flags[0] in words.REASONS else ""


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
        return _read(text, column)
    except Refused as refused:
        return refusal(refused.reason)


def column_unit(unit: str | None) -> Unit:
    """Return the unit of a column.

    Raises
    ------
    LianjianError
        It is not known.
    """
    found = read_unit(normalise(unit or "").replace(" ", ""))
    if found is None:
        raise LianjianError(
            f"The unit {unit!r} is not known. Known are 元, 万元, 亿元, %, 人, 户, 个, 亩, 斤 … "
            "and rates of them such as 元/亩; docs/quantities.md lists them."
        )
    return found


def refusal(reason: str) -> Quantity:
    """Return the quantity of a refused text."""
    if reason == "vague_word":
        return Quantity(None, None, None, "", "vague", (reason,))
    return Quantity(
        None, None, None, "", "ambiguous" if reason in words.AMBIGUOUS else "reject", (reason,)
    )


def _missing(flag: str) -> Quantity:
    return Quantity(None, None, None, "", "missing", (flag,))


def _read(cell: Any, column: Unit) -> Quantity:  # noqa: ANN401
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return _missing("blank")
    if isinstance(cell, str):
        return _read_text(cell, column)
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
        return _missing("blank")
    if math.isinf(number):
        raise Refused("not_finite")
    if abs(number) >= CODE_LIKE and number == int(number):
        guard(str(int(number)))
    # repr gives the shortest decimals of the float: 27.9 and not 27.8999…
    value = Decimal(cell) if isinstance(cell, int | Decimal) else Decimal(repr(number))
    return _finish(Numeral(value, value, value), "exact", NO_UNIT, column, [])


def _read_text(raw: str, column: Unit) -> Quantity:
    stripped = raw.strip()
    if len(stripped) > MAX_CHARACTERS:
        raise Refused("too_long")
    text = normalise(stripped).strip()
    lowered = text.lower()
    if not text:
        if any(unicodedata.category(char)[0] in "NPS" for char in stripped):
            raise Refused("text")  # nothing but a note mark (①)
        return _missing("blank")
    if stripped in words.TICKS:
        raise Refused("text")
    if lowered in words.ERRORS:
        return _missing("error")
    if lowered in words.MISSING:
        return _missing("word" if any(char.isalnum() for char in text) else "dash")
    if text[0] == "=" or re.match(r"[+@-]\s*[A-Za-z@(]", text):
        raise Refused("formula")
    flags = ["dash_like"] if text == "一" else []
    text = join(unmark(text, flags))
    guard(text)
    negative, text = accounting_negative(text, flags)
    if not negative:
        text = unbracket(text, flags)
    return _read_phrase(text, column, flags, negative=negative)


def _read_phrase(text: str, column: Unit, flags: list[str], *, negative: bool) -> Quantity:
    """Read label, qualifiers, sign and amount, in the order in which they stand."""
    text = re.sub("^-(¥|rmb)", r"\1-", text, flags=re.IGNORECASE)  # -¥500
    text, labelled = take_label(text)
    flags.extend(["label"] * labelled)
    text, ahead = _take_prefixes(text)
    text, behind = _take_suffixes(text)
    bounds = [*ahead.qualifiers, *behind]
    flags.extend(["forecast"] * ahead.is_forecast + ["loss"] * ahead.is_loss)
    signed = text[:1] in {"-", "负", "+"}
    minus = text[:1] in {"-", "负"}
    if signed and (ahead.is_loss or negative):
        raise Refused("two_readings")
    text = text[signed:]
    above = text.startswith("上")
    if above:
        text = text[1:]
        bounds.append("ge")
    numeral, cell = read_body(text, column, bare_one=bool(bounds), above=above, signed=signed)
    if ahead.is_yuan:
        if cell.name and cell.base != units.YUAN:
            raise Refused("unit_conflict")
        cell = cell if cell.name else Unit(units.YUAN)
    qualifier = _settle(bounds, numeral, flags)
    if (minus or negative) and qualifier not in {"exact", "approx", "reach"}:
        raise Refused("qualifier_conflict")
    flags.extend(numeral.flags)
    return _finish(
        numeral, qualifier, cell, column, flags, minus=minus or negative or ahead.is_loss
    )


@dataclass(frozen=True)
class _Ahead:
    """What the words in front of an amount say."""

    qualifiers: tuple[str, ...]
    is_forecast: bool
    is_loss: bool
    is_yuan: bool


def _take_prefixes(text: str) -> tuple[str, _Ahead]:
    taken: list[str] = []
    while True:
        lowered = text.lower()
        word = next((each for each in _FRONT if lowered.startswith(each)), "")
        if not word:
            break
        taken.append(word)
        text = text[len(word) :].removeprefix(":")
    qualifiers = tuple(words.PREFIXES[word] for word in taken if word in words.PREFIXES)
    return text, _Ahead(
        qualifiers,
        is_forecast=any(word in words.FORECASTS for word in taken),
        is_loss=any(word in words.LOSSES for word in taken),
        is_yuan=any(word in words.CURRENCIES for word in taken),
    )


def _take_suffixes(text: str) -> tuple[str, list[str]]:
    taken = []
    for _ in range(2):  # 5万元左右以上 is as far as anybody goes
        word = next((each for each in words.SUFFIXES if text.endswith(each) and text != each), "")
        if word == "起" and not text.endswith(("元起", "%起")):
            word = ""  # 12起 are twelve cases
        if word:
            text = text[: -len(word)]
            taken.append(words.SUFFIXES[word])
    return (text[:-2] + "余" if text.endswith("有余") else text), taken


_FRONT = (*words.FORECASTS, *words.LOSSES, *words.CURRENCIES, *words.PREFIXES)

# Which of two qualifiers is the tighter; a pair that is not here contradicts itself.
_TIGHTER = {
    frozenset({"approx", "over"}): "over",
    frozenset({"approx", "range"}): "range",
    frozenset({"approx", "vague"}): "vague",
}


def _settle(found: list[str], numeral: Numeral, flags: list[str]) -> str:
    """Return the one qualifier that holds."""
    every = {*found, *([] if numeral.qualifier == "exact" else [numeral.qualifier])}
    if len(every) > 1:
        every.discard("reach")
    if len(every) > 1:
        flags.append("stacked")
        tighter = _TIGHTER.get(frozenset(every))
        if not tighter:
            raise Refused("qualifier_conflict")
        return tighter
    return every.pop() if every else "exact"


def _finish(
    numeral: Numeral,
    qualifier: str,
    cell: Unit,
    column: Unit,
    flags: list[str],
    *,
    minus: bool = False,
) -> Quantity:
    """Bring a number to its stored unit, open its span, and give it its sign."""
    unit, factor = _meet(numeral, cell, column, flags)
    lower, upper = _span(numeral, qualifier)
    ends = [None if end is None else end * factor for end in (numeral.value, lower, upper)]
    if any(end is not None and abs(end) >= _TOO_LARGE for end in ends):
        raise Refused("too_large")
    if minus:
        ends = [None if ends[at] is None else -ends[at] for at in (0, 2, 1)]  # type: ignore[operator]
        qualifier = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}.get(qualifier, qualifier)
    # adding zero turns -0 into 0
    value, low, high = (None if end is None else float(end) + 0.0 for end in ends)
    return Quantity(value, low, high, unit, qualifier, tuple(dict.fromkeys(flags)))


def _meet(numeral: Numeral, cell: Unit, column: Unit, flags: list[str]) -> tuple[str, Decimal]:
    """Return the unit and what one of it is worth: the cell's own, else the column's."""
    if cell.name:
        if column.name and not units.same_kind(cell, column):
            raise Refused("unit_conflict")
        if column.name and cell.factor != column.factor:
            flags.append("unit_in_cell")
        return cell.name, cell.factor
    if numeral.scale and column.factor > 1:
        flags.append("scale_in_cell")
        return column.name, Decimal(1)
    return column.name, column.factor


def _span(numeral: Numeral, qualifier: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the two ends that a qualifier leaves a number."""
    value = numeral.value
    if value is None or qualifier == numeral.qualifier or qualifier in {"exact", "reach"}:
        return numeral.lower, numeral.upper
    if qualifier == "approx":
        half = numerals.last_place(value) / 2
        return value - half, value + half
    if value <= 0 and qualifier in {"under", "lt"}:
        raise Refused("unknown_form")
    if qualifier == "under":
        return value * Decimal("0.9"), value
    if qualifier in {"lt", "le"}:
        return min(Decimal(0), value), value
    return value, None
