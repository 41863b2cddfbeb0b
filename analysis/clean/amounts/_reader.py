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

from analysis.clean.amounts import _units as units
from analysis.clean.amounts import _words as words
from analysis.clean.amounts._body import CODE_LIKE, read_body
from analysis.clean.amounts._cells import (
    accounting_negative,
    guard,
    join,
    take_label,
    unbracket,
    unmark,
)
from analysis.clean.amounts._exact import Refused
from analysis.clean.amounts._numerals import Numeral
from analysis.clean.amounts._quantity import Quantity, finish, missing, refusal, settle
from analysis.clean.amounts._units import NO_UNIT, Unit, read_unit
from analysis.clean.text import normalise
from analysis.errors import LianjianError

MAX_CHARACTERS = 80


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


def _read(cell: Any, column: Unit) -> Quantity:  # noqa: ANN401
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return missing("blank")
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
        return missing("blank")
    if math.isinf(number):
        raise Refused("not_finite")
    if abs(number) >= CODE_LIKE and number == int(number):
        guard(str(int(number)))
    # repr gives the shortest decimals of the float: 27.9 and not 27.8999…
    value = Decimal(cell) if isinstance(cell, int | Decimal) else Decimal(repr(number))
    return finish(Numeral(value, value, value), "exact", NO_UNIT, column, [])


def _read_text(raw: str, column: Unit) -> Quantity:
    stripped = raw.strip()
    if len(stripped) > MAX_CHARACTERS:
        raise Refused("too_long")
    text = normalise(stripped).strip()
    lowered = text.lower()
    if not text:
        if any(unicodedata.category(char)[0] in "NPS" for char in stripped):
            raise Refused("text")  # nothing but a note mark (①)
        return missing("blank")
    if stripped in words.TICKS:
        raise Refused("text")
    if lowered in words.ERRORS:
        return missing("error")
    if lowered in words.MISSING:
        return missing("word" if any(char.isalnum() for char in text) else "dash")
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
    qualifier = settle(bounds, numeral, flags)
    if (minus or negative) and qualifier not in {"exact", "approx", "reach"}:
        raise Refused("qualifier_conflict")
    flags.extend(numeral.flags)
    return finish(numeral, qualifier, cell, column, flags, minus=minus or negative or ahead.is_loss)


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
        match = _FRONT.match(text)
        if match is None:
            break
        word = match[0].lower()
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
        if not text.endswith(_SUFFIXES):
            break
        word = next((each for each in words.SUFFIXES if text.endswith(each) and text != each), "")
        if word == "起" and not text.endswith(("元起", "%起")):
            word = ""  # 12起 are twelve cases
        if word:
            text = text[: -len(word)]
            taken.append(words.SUFFIXES[word])
    return (text[:-2] + "余" if text.endswith("有余") else text), taken


_FRONT = re.compile(
    "|".join(
        re.escape(word)
        for word in (*words.FORECASTS, *words.LOSSES, *words.CURRENCIES, *words.PREFIXES)
    ),
    re.IGNORECASE,
)
_SUFFIXES = tuple(words.SUFFIXES)
