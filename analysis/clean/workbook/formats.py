"""What a number format does to a stored number: scales it, names a unit, hides it."""

import math
import re
from functools import lru_cache
from typing import Final, NamedTuple

# A quoted text, an escaped sign, a gap as wide as a sign, a filler, a bracket, or one sign.
_TOKEN = re.compile(r'"[^"]*"|[\\!].|_.|\*.|\[[^\]]*\]|.', re.DOTALL)
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)\]", re.ASCII)
_TESTS: Final = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "=": lambda a, b: a == b, "<>": lambda a, b: a != b,
}  # fmt: skip
_WORDS: Final = {"亿": 1e8, "百万": 1e6, "万": 1e4, "千": 1e3, "百": 1e2, "元": 1.0}
_DIGITS = "0#?"


class Shown(NamedTuple):
    """How a stored number is shown."""

    factor: float  # what one of the number as shown is worth in the number as stored
    unit: str = ""  # what the format writes behind it
    is_hidden: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether what is shown is what is stored, and no unit stands beside it."""
        return self.factor == 1 and not self.unit and not self.is_hidden


def shown(code: str, value: float) -> Shown:
    """Return how a format shows a number."""
    if not _CONDITION.search(code):
        value = math.copysign(1.0, value) if value else 0.0
    return _shown(code, value)


@lru_cache(4096)
def _shown(code: str, value: float) -> Shown:
    return _read(_section(code, value))


def may_differ(code: str) -> bool:
    """Tell whether a format may show a number otherwise than it is stored."""
    return bool(_CONDITION.search(code)) or not all(shown(code, n).is_plain for n in (1.0, -1.0))


def _section(code: str, value: float) -> list[str]:
    """Return the signs of the section that a value takes: by its conditions, else by its sign."""
    sections: list[list[str]] = [[]]
    for sign in _TOKEN.findall(code):
        if sign == ";":
            sections.append([])
        else:
            sections[-1].append(sign)
    conditions = [_CONDITION.fullmatch(sign) for part in sections for sign in part]
    if any(conditions):
        for part in sections:
            found = next((m for sign in part if (m := _CONDITION.fullmatch(sign))), None)
            if found is None or _TESTS[found[1]](value, float(found[2])):
                return part
        return sections[-1]
    by_sign = {1: (0, 0, 0), 2: (0, 1, 0)}.get(len(sections), (0, 1, 2))
    return sections[by_sign[0 if value > 0 else 1 if value < 0 else 2]]


def _read(signs: list[str]) -> Shown:
    """Read one section: places, commas behind the last place, literal points, words."""
    places = [at for at, sign in enumerate(signs) if sign in _DIGITS and sign]
    words = "".join(
        sign.strip('"') if sign[0] == '"' else sign[1:] if sign[0] in "\\!" else sign
        for sign in signs
        if sign[0] not in "[_*" and not _CONDITION.fullmatch(sign)
    )
    unit = re.search("(?:[百千]?万|[百千]?亿|千|百)?元|[百千]?万|[百千]?亿", words)
    if not places:
        is_hidden = not words.strip() and "General" not in words and "@" not in words
        return Shown(1.0, unit[0] if unit else "", is_hidden)
    point = next((at for at, sign in enumerate(signs) if sign == "."), len(signs))
    whole = [at for at in places if at < point]
    factor = 1.0
    for last in {whole[-1] if whole else point, places[-1]}:
        at = last + 1
        while at < len(signs) and signs[at] == ",":
            factor *= 1000
            at += 1
    literal = [at for at, sign in enumerate(signs) if sign in {"!.", "\\.", '"."'}]
    if literal and places[0] < literal[0]:
        factor *= 10.0 ** sum(literal[0] < at < point for at in places)
    factor *= 0.01 ** signs.count("%")
    return Shown(factor, unit[0] if unit else "")


def worth(unit: str) -> float:
    """Return what a unit of money is worth in yuan, 0 for what is none."""
    scale = unit.removesuffix("元")
    if not scale:
        return 1.0 if unit else 0.0
    factor = 1.0
    for char in scale:
        factor *= _WORDS.get(char, 0.0)
    return factor


def stored_in(code: str, value: float, unit: str) -> str:
    """Return the unit in which a number under a unit is stored, empty when it cannot be told."""
    seen = shown(code, value)
    said = seen.unit if seen.unit.endswith("元") else seen.unit + "元" * bool(seen.unit)
    if seen.is_hidden or (said and unit and said != unit):
        return ""
    in_yuan = worth(said or unit) / seen.factor
    if seen.unit and seen.factor != 1 and in_yuan != 1:
        return ""
    return next((name for name in ("元", "千元", "万元", "亿元") if worth(name) == in_yuan), "")
