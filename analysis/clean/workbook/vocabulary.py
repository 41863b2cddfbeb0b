"""What the words of a head say that a column holds: a key, money, a count, and on what basis."""

import re
from collections.abc import Sequence

from analysis.clean.account_names import CODES, is_known, read_account
from analysis.clean.text import squeeze
from analysis.clean.words import pattern, remembered, words

# of several words over one amount the first here decides: 上年同期累计 is of the year before
TIMES = (
    "whole", "span", "rate", "plan", "before", "opening", "closing", "running", "quarter", "month",
    "actual", "year",
)  # fmt: skip
SIDES = ("debit", "credit")

OF_THE_YEAR = frozenset({"", "whole", "actual", "year"})
"""Bases on which an amount is that of its year."""

_ACCOUNT_CODE = re.compile(r"[1-6]\d\d(?:[.-]?\d\d){0,2}", re.ASCII)
_MAY_HOLD_A_BASIS = frozenset({"unknown", "forecast", "last_year", "cumulative", "change", "mean"})
_SAID_WITH_IT = re.compile(
    "^(?:本年|当年|同期|的)+|(?:同期|本年|当年|金额|发生额?|余额|余|情况|[数额])+$"
)


@remembered
def role_of(label: str) -> str | None:
    """Return the role that a column's head announces."""
    text = squeeze(label).lower().strip("*#△:")
    return next((r for r in words()["roles"] if pattern("roles", r).fullmatch(text)), None)


@remembered
def basis_of(label: str) -> tuple[str, str, str]:
    """Return on what time and side of its account an amount stands, and the rest of the head."""
    if read_account(label).code not in _MAY_HOLD_A_BASIS:
        return "", "", label
    found, rest = {}, label
    for kind, bases in (("time", TIMES), ("side", SIDES)):
        for basis in bases:
            if match := pattern("basis", basis).search(rest):
                found[kind] = basis
                rest = rest[: match.start()] + rest[match.end() :]
                break
    if not found:
        return "", "", label
    rest = _SAID_WITH_IT.sub("", rest).strip("()[]-—_/:、 ")
    return found.get("time", ""), found.get("side", ""), rest


def joined_basis(levels: Sequence[tuple[str, str]]) -> str:
    """Return what all words over one amount say: its time and its side, parted by a blank."""
    times, sides = zip(*levels, strict=True) if levels else ((), ())
    first = [next((each for each in known if each in said), "")
             for known, said in ((TIMES, times), (SIDES, sides))]  # fmt: skip
    return " ".join(filter(None, first))


def is_money(label: str) -> bool:
    """Tell whether a measure is money by its name."""
    return bool(pattern("kinds", "money").search(label)) and not is_count(label)


def is_count(label: str) -> bool:
    """Tell whether a measure is a count or a rate by its name."""
    return bool(pattern("kinds", "counts").search(label))


@remembered
def is_place(text: str) -> bool:
    """Tell whether a text ends like the name of a village or township and is no word of ours."""
    return _ends_like_a_place(text) and not is_word(text)


def _ends_like_a_place(text: str) -> bool:
    return bool(pattern("kinds", "places").fullmatch(squeeze(text)))


@remembered
def is_word(text: str) -> bool:
    """Tell whether a text is a word of the vocabulary: then it names no place."""
    code = read_account(text).code
    # 村民委员会 holds 村民, which speaks of households elsewhere
    if role_of(text) is not None or code in (_NAMES if _ends_like_a_place(text) else _ANY):
        return True
    time, side, rest = basis_of(text)
    return bool(time or side) and not rest


_NAMES = frozenset({"account", "total", "part", "balance", "distribution", "contract", "attribute"})
_ANY = frozenset(CODES) - {"unknown"}


def item_kind(label: str) -> str:
    """Return what a row's label is as an item: "known", "money", or empty when it is neither."""
    if not re.search(r"[^\W\d]", label):
        return "known" if _ACCOUNT_CODE.fullmatch(label) else ""
    return "known" if is_known(label) else "money" if is_money(label) else ""
