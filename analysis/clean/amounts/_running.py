"""Quantities in running text, with their places in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.clean.amounts._cell import read_quantity
from analysis.clean.amounts._numerals import CHARS, FORMAL
from analysis.clean.amounts._quantity import COUNTS, YUAN, Quantity, read_unit, refusal
from analysis.clean.amounts._words import PREFIXES, SUFFIXES, WORDS
from analysis.clean.text import MARK, UNREADABLE, normalise_with_positions

_STARTS = FORMAL | frozenset("0123456789零〇一二两三四五六七八九十百千万亿几数廿卅卌")
_CORE = CHARS | frozenset("-—–~〜至到%‰")
_LONGEST_UNIT = 6
_LONGEST_CORE = 40

# Behind a Chinese number in a sentence these are no units: 十分重要, 一块地, 三角形, 一次, 一起.
_NO_UNIT_IN_SENTENCE = frozenset("分角块毛次起方里度米股期类种部份社")
# In front of a number they make it an ordinal, a part of a word, or the name of something.
_NOT_BEFORE = frozenset("第初周星期")
_FRONT = tuple(sorted((*PREFIXES, *WORDS["currencies"], "上", "-", "负"), key=len, reverse=True))
_DATE_UNITS = frozenset("年月日号时点")
_TWO_CHARACTERS = frozenset({"个月", "个百分点", "人次", "户次", "场次"})
_DAMAGE = frozenset("?�") | {UNREADABLE}
# 9,000 from 9 and 000 is one number, but a comma between two figures ends a clause.
_DIGITS_WITH_COMMAS = re.compile(r"\d{1,4}(?:,\d{3,4})+(?![\d])", re.ASCII)
# 集体收入为零。 but not 接近为零, and not 从零开始
_SAID_ZERO = re.compile(
    "(?<!接近)(?<!趋近)(?<!近乎)(?<!几乎)(?:为|是|等于)(零)(?=[,.;、。!?\n)]|$)"
)


@dataclass(frozen=True)
class Found:
    """A quantity and its place.

    Attributes
    ----------
    start, end : int
        Its span in the original text, end excluded.
    quantity : Quantity
        What was read; a figure that cannot be read has the status ``"refused"``.
    """

    start: int
    end: int
    quantity: Quantity


def find_quantities(text: str) -> list[Found]:
    """Find the quantities of a running text.

    Parameters
    ----------
    text : str
        An article in simplified or traditional characters, pinyin in brackets allowed.

    Returns
    -------
    list of Found
        In the order of the text. Years, dates and ordinals are left out, and Chinese numerals
        without a unit, which are mostly parts of words (一些, 统一), but for a zero that ends a
        clause (收入为零。). A figure behind a question mark or a replacement character is refused
        as damaged: digits may be lost.

    Examples
    --------
    >>> article = "82個聯(lián)建村集體年均收入達(dá)27.9萬元"
    >>> [(article[f.start:f.end], f.quantity.value) for f in find_quantities(article)]
    [('82個', 82.0), ('達(dá)27.9萬元', 279000.0)]
    """
    plain, positions = normalise_with_positions(text)
    found = []
    for start, end, quantity in _scan(plain):
        first, last = positions[start], positions[end]
        while last > first and text[last - 1].isspace():
            last -= 1
        found.append(Found(first, last, quantity))
    return found


def _scan(text: str) -> Iterator[tuple[int, int, Quantity]]:
    zeros = {match.start(1) for match in _SAID_ZERO.finditer(text)}
    at = 0
    while at < len(text):
        if at in zeros:
            yield at, at + 1, read_quantity("零")
            at += 1
            continue
        if text[at] not in _STARTS:
            at += 1
            continue
        end = _core_end(text, at)
        best = _read_widest(text, _widen_left(text, at), at, end)
        if best is not None:
            yield best
            end = max(end, best[1])
        at = max(end, at + 1)


def _core_end(text: str, at: int) -> int:
    """Return where the run of number characters ends; one flat class, no backtracking."""
    grouped = _DIGITS_WITH_COMMAS.match(text, at)
    end = grouped.end() if grouped else at
    while end < len(text) and end - at < _LONGEST_CORE:
        char = text[end]
        if char not in _CORE or char == ",":
            break
        end += 1
    while end > at + 1 and text[end - 1] in "-—–~〜至到.个点来":
        end -= 1
    return end


def _widen_left(text: str, at: int) -> int:
    """Return where the qualifiers in front begin; 达到约30万 has two."""
    for _ in range(2):
        words = (w for w in _FRONT if text[max(at - len(w), 0) : at].lower() == w)
        at -= len(next(words, ""))
    return at


def _read_widest(text: str, start: int, core: int, end: int) -> tuple[int, int, Quantity] | None:
    """Return the widest reading around a run of number characters."""
    before = text[core - 1 : core]
    if before in _NOT_BEFORE or (before.isascii() and before.isalpha()):
        return None
    numeric = text[core].isdigit() and text[core].isascii()
    if text[end : end + 1] in _DATE_UNITS:
        return None
    for first in dict.fromkeys((start, core)):
        for last in _ends(text, end):
            if not numeric and not _has_unit(text[core:last]):
                continue
            quantity = read_quantity(text[first:last])
            if quantity.status == "read":
                damaged = numeric and before in _DAMAGE
                return first, last, refusal("damaged") if damaged else quantity
    if not numeric:
        return None
    failed = read_quantity(text[core:end])
    if failed.reason in {"date", "text"} or failed.status == "missing":
        return None
    return core, end, failed


def _ends(text: str, end: int) -> Iterator[int]:
    """Yield ends behind the core, the widest first: unit and qualifier, unit, bare."""
    for length in range(min(_LONGEST_UNIT, len(text) - end), -1, -1):
        word = text[end : end + length]
        if length and (read_unit(word) is None or _has_noun(word)):
            continue
        stop = end + length
        if tail := next((each for each in SUFFIXES if text.startswith(each, stop)), ""):
            yield stop + len(tail)
        yield stop


def _has_noun(word: str) -> bool:
    """Whether a unit word has what is counted behind it, which is not part of the quantity."""
    if word.startswith("方面"):
        return word != "方面"
    return word[0] in COUNTS and len(word) > 1 and word not in _TWO_CHARACTERS and ("/" not in word)


def _has_unit(piece: str) -> bool:
    rest = piece.lstrip("".join(CHARS - {"个"}))
    for tail in SUFFIXES:
        rest = rest.removesuffix(tail)
    if not rest or rest[0] in _NO_UNIT_IN_SENTENCE:
        return False
    if piece[: len(piece) - len(rest)] in {"一", "万", "千", "百", "亿", "数", "几"}:
        return YUAN in rest and piece[0] == "一"
    return MARK not in rest
