"""The types of a parameter: for each, how a value that was given is read.

A command line hands over text, a plan and YAML hand over typed values, and papermill's ``-p`` makes
numbers of what looks like one. A new type is one function and one line of `READERS`.
"""

import ast
import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence

from analysis import paths
from analysis.reports.plan.syntax import parse

Scalar = str | int | float | bool | dt.date | None
Value = Scalar | list[Scalar]

_YES, _NO = ("true", "yes", "on", "1", "是"), ("false", "no", "off", "0", "否")
_WORDS = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}
_NONE = {"none", "null", ""}
_EXACT = 2**53  # up to here a float holds each whole number
_LONGEST = 14_000  # bits of a number that Python still writes as text
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")  # 2024年12月31日, 2024-12-31
_SHOWN = 80  # characters of a value in a message


class UnfitError(ValueError):
    """A value is none of a type; the text may say more."""


def _none(value: object) -> None:
    if value is not None and not (isinstance(value, str) and value.strip().lower() in _NONE):
        raise UnfitError


def _int(value: object) -> int:
    if isinstance(value, str):
        text = _halfwidth(value)
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else _int(_float(text))
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _LONGEST:
        return value
    raise UnfitError


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnfitError
    number = float(_halfwidth(value) if isinstance(value, str) else value)
    if not math.isfinite(number):
        raise UnfitError
    return number


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _halfwidth(value).lower() if isinstance(value, str) else str(value)
    if word not in _WORDS or not isinstance(value, str | int):
        raise UnfitError
    return _WORDS[word]


def _date(value: object) -> dt.date:
    if isinstance(value, dt.datetime) or not isinstance(value, str | int | dt.date):
        raise UnfitError
    if isinstance(value, dt.date):
        return value
    text = _halfwidth(str(value))
    found = _DAY.fullmatch(text)
    return dt.date(*map(int, found.groups())) if found else dt.date.fromisoformat(text)


def _str(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float):
        # 1.10 became 1.1 and no became False: what was written is not known any more
        raise UnfitError(
            f" A text is expected, and {type(value).__name__} {value!r} arrived: quote it in a "
            "YAML file or a plan, and give it to papermill by -r instead of -p."
        )
    raise UnfitError


def _dataset(value: object) -> str:
    return paths.dataset_name(_str(value))


# In the order in which a union tries them: what any text is comes last.
_IN_ORDER: tuple[Callable[[object], Scalar], ...] = (_int, _float, _bool, _date, _dataset, _str)
READERS = {"None": _none, **{reader.__name__[1:]: reader for reader in _IN_ORDER}}


def _halfwidth(text: str) -> str:
    """Turn the full-width digits and signs of a Chinese keyboard into plain ones."""
    return unicodedata.normalize("NFKC", text).strip()


def read(value: object, kinds: Collection[str], choices: Sequence[Scalar]) -> Scalar:
    """Read one value as the first of some types, or choices, that it can be."""
    own = type(value).__name__  # what is of a type already stays of it, but a text can be read
    first = [own] if own in kinds and own != "str" else []
    why = ""
    for choice in choices:
        try:
            found = READERS[type(choice).__name__](value)
        except (ValueError, OverflowError):
            continue
        if found == choice:
            return found
    is_blank = value == "" and "str" in kinds  # then it is a text, too
    for kind in [*first, *READERS]:
        if kind not in kinds or (kind == "None" and is_blank):
            continue
        try:
            return READERS[kind](value)
        except (ValueError, OverflowError) as error:
            why = str(error) if isinstance(error, UnfitError) else why
    raise UnfitError(why)


def items(value: object) -> list[object]:
    """Take a list apart: one, a text with commas, a text that looks like a list, or one value."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return [value]
    text = value.strip()
    if text[:1] + text[-1:] in {"[]", "()"}:
        try:
            match parse(text).body:
                case [ast.Expr(value=node)]:
                    found = ast.literal_eval(node)
                    if isinstance(found, list | tuple):
                        return list(found)
        except (ValueError, SyntaxError):
            pass  # [环县, 宁县], without quotes
        text = text[1:-1]
    return [part.strip() for part in re.split("[,，]", text) if part.strip()]


def shown(value: object) -> str:
    """Write a value for a message: of one that is too long its beginning."""
    try:
        text = repr(value)
    except ValueError:  # a number of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
