"""The words around a number, from ``words.toml``, and the shapes that are no amount."""

import re
import tomllib
from importlib.resources import files
from typing import Any


class Refused(Exception):  # noqa: N818  (it is an answer rather than an error)
    """A text that is not read, with the code of the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def any_of(words: list[str] | tuple[str, ...]) -> str:
    """Return a pattern of some words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _by_word(groups: dict[str, list[str]]) -> dict[str, str]:
    """Return the qualifier of each word, the longest word first."""
    pairs = [(word, qualifier) for qualifier, words in groups.items() for word in words]
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


WORDS: dict[str, Any] = tomllib.loads(
    files(__package__ or "").joinpath("words.toml").read_text(encoding="utf-8")
)
QUALIFIERS: dict[str, str] = WORDS["qualifiers"]
REASONS: dict[str, str] = WORDS["reasons"]
FLAGS: dict[str, str] = WORDS["flags"]
AMBIGUOUS = frozenset({"two_figures", "two_readings"})
"""Reasons that say there are several readings rather than none."""

PREFIXES, SUFFIXES = _by_word(WORDS["prefixes"]), _by_word(WORDS["suffixes"])

YEAR = re.compile(
    r"((?:19|20)\d\d|[一二][〇零九][〇零一二三四五六七八九]{2}|[二两]千零[一二]?十?[一二三四五六七八九]?)"
    r"年(?:度|末|底)?",
    re.ASCII,
)
"""2024年, 2024年度, 二〇二四年, 两千零二十四年."""

_Y, _SEP = r"(?:19|20)\d\d", r"[-/.]"
_SHAPES = (
    # 62010219900307001X: 18 signs of an identity number, in any place
    ("id_shape", re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)", re.ASCII).search),
    # 13800138000
    ("mobile_shape", re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.ASCII).search),
    # 621002003200: province, county, township, then a committee: 001 to 199 in towns, 200 to 399
    (
        "code_shape",
        re.compile(
            r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])\d{7}[0-3]\d\d", re.ASCII
        ).fullmatch,
    ),
    ("too_many_digits", re.compile(r"[^.]*\d{16}", re.ASCII).match),
    # 2024-12-31, 2024/12, 31/12/2024, 5月, 2023-2024年
    (
        "date",
        re.compile(
            rf"(?:{_Y}|\d\d){_SEP}\d{{1,2}}{_SEP}\d{{1,2}}(?:[ T]\d.*)?|{_Y}[-/年]\d{{1,2}}"
            rf"|\d{{1,2}}/\d{{1,2}}/{_Y}|.*\d月.*|\d+[年月日号]度?(?:末|底|初)?|{_Y}年?[-~至到]{_Y}年?",
            re.ASCII | re.DOTALL,
        ).fullmatch,
    ),
    ("date", YEAR.fullmatch),
)


def shape(text: str) -> str:
    """Return the reason for which a text has the shape of a date, a code or a person's number."""
    return next((reason for reason, fits in _SHAPES if fits(text)), "")
