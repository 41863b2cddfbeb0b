"""Plain text: full width, traditional characters, invisible marks and pinyin out of the way."""

import re
import unicodedata
from functools import cache

from opencc import OpenCC

MARK = "\ue000"
"""Stands for a circled, bracketed, raised or lowered sign: a note or a list number, no digit."""

UNREADABLE = "\ue001"
"""Stands for a sign that compatibility would turn into several digits (½, ㏠): never a number."""

# NFKC turns these into letters with a bare 2 or 3 behind them.
_SQUARED = {
    "㎡": "平方米", "㎥": "立方米", "㎢": "平方公里", "㎏": "公斤", "㎞": "公里", "㏊": "公顷",
}  # fmt: skip

# Circles that people write for a zero, and the minus signs; NFKC leaves them as they are.
_LOOKALIKES = {"○": "〇", "◯": "〇", "−": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-"}

_LINE_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_DINGBAT_NUMBERS = (range(0x2776, 0x2794), range(0x24EB, 0x2500))
_LIST_NUMBERS = (range(0x2474, 0x249C), range(0x3220, 0x3244))
_SELECTORS = range(0xFE00, 0xFE10)  # they change a glyph's look and mean nothing here

_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜńňǹḿɑ"
_PINYIN = re.compile(rf"(?<=[\u4e00-\u9fff])\(([a-zɡ{_TONED}\u0300-\u030c]{{1,8}})\)")
_NEUTRAL = re.compile(r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?[aeiou]{1,3}(?:ng|n|r)?")
_NOT_PINYIN = frozenset({"ha", "mu"})  # hectare, mu: units in brackets


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def _plain(char: str) -> str:  # noqa: PLR0911  (one rule a line)
    """Return what one character becomes."""
    if char in _SQUARED:
        return _SQUARED[char]
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    if char in _LINE_BREAKS:
        return "\n"
    code = ord(char)
    if char == "\t" or unicodedata.category(char) == "Zs":
        return " "
    if unicodedata.category(char) == "Cf" or code in _SELECTORS:
        return ""
    if unicodedata.decomposition(char).startswith(("<circle>", "<super>", "<sub>")):
        return MARK
    if any(code in block for block in (*_DINGBAT_NUMBERS, *_LIST_NUMBERS)):
        return MARK
    folded = unicodedata.normalize("NFKC", char)
    if len(folded) > 1 and any(each.isdigit() for each in folded):
        return UNREADABLE
    # one character at a time: a conversion by phrases could change the length
    if "\u3400" <= folded[:1] <= "\u9fff":
        return "".join(_converter().convert(each) for each in folded)
    return folded


class _Table(dict[int, str]):
    """A translation table that fills itself."""

    def __missing__(self, code: int) -> str:
        plain = _plain(chr(code))
        self[code] = plain
        return plain


_TABLE = _Table()


def normalise(text: str) -> str:
    """Return text in half width and simplified characters, without marks and pinyin."""
    # circled and raised signs go before compatibility folding, which would make 15.2 of ①5.2
    if text.isascii() and text.isprintable():
        return text
    return _tidy(text.translate(_TABLE))[0]


def normalise_with_positions(text: str) -> tuple[str, tuple[int, ...]]:
    """Return normalised text, and where each of its characters, and its end, stood before."""
    pieces = [(_TABLE[ord(char)], at) for at, char in enumerate(text)]
    plain = "".join(piece for piece, _ in pieces)
    positions = [at for piece, at in pieces for _ in piece]
    tidy, kept = _tidy(plain)
    return tidy, (*(positions[at] for at in kept), len(text))


def _tidy(text: str) -> tuple[str, list[int]]:
    """Drop marks and pinyin; return the text and the places of what was kept."""
    if MARK not in text and "(" not in text:
        return text, list(range(len(text)))
    dropped: set[int] = set()
    for match in _PINYIN.finditer(text):
        syllable = match[1]
        if syllable in _NOT_PINYIN:
            continue
        if not syllable.isascii() or _NEUTRAL.fullmatch(syllable):
            dropped.update(range(match.start(), match.end()))
    for at, char in enumerate(text):
        if char == MARK and not _between_digits(text, at) and not _power_of_ten(text, at):
            dropped.add(at)
    kept = [at for at in range(len(text)) if at not in dropped]
    return "".join(text[at] for at in kept), kept


def _between_digits(text: str, at: int) -> bool:
    return text[max(at - 1, 0) : at].isdigit() and text[at + 1 : at + 2].isdigit()


def _power_of_ten(text: str, at: int) -> bool:
    """Whether a raised sign stands on 10 (10⁴ is 万, not 10 with a note)."""
    return text[max(at - 2, 0) : at] == "10" and not text[max(at - 3, 0) : at - 2].isdigit()


def squeeze(text: str) -> str:
    """Return normalised text without any white space, for comparing names."""
    return "".join(normalise(text).split())
