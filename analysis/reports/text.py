"""How values and names are written: one rule for tables, cited numbers, addresses and pages."""

import hashlib
import math
import re
import unicodedata
from collections.abc import Collection, Iterable

from analysis.terminal import visible

MISSING = "–"
_MINUS = "−"
_LARGE = 1e15  # from here on digits say nothing
_SMALL = 0.005  # below it two decimals say nothing
_FINEST = 8  # decimals that are written out
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DECIMALS = ((1000, 0), (100, 1), (0, 2))


def typeset(text: str) -> str:
    """Set straight quotes as a printer would, and keep a number on the line of its unit."""
    text = re.sub(r"(?<=[\w)”])'", "’", text)
    text = re.sub(r'(^|[\s(\[—])"(?=\S)', r"\1“", text)
    text = re.sub(r"(?<=\d) (?=万元|元\b|%)", "\u00a0", text)
    return text.replace('"', "”")


_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[A-Za-z]{2,}")


def language(text: str) -> str:
    """Return the language of a text as HTML names it: Chinese, where most of it is."""
    return "zh-Hans" if len(_HAN.findall(text)) > 2 * len(_WORD.findall(text)) else "en"


LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
}
"""Characters that mean something to LaTeX, and how they are written to stand for themselves."""


def latex(text: str) -> str:
    """Write a text for LaTeX: its special characters stand for themselves, on one line."""
    line = " ".join(visible(text).split())
    return "".join(LATEX.get(char, char) for char in line)


def number(value: float, digits: int, *, grouped: bool = True) -> str:
    """Write a number with a thousands separator and a true minus sign.

    What would be a row of digits or of zeros is written with a power of ten.
    """
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if abs(value) >= _LARGE or (value and digits > _FINEST):
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa}\u00a0×\u00a010{str(int(power)).translate(_RAISED)}".replace("-", _MINUS)
    digits = min(digits, _FINEST)
    text = f"{value:,.{digits}f}" if grouped else f"{value:.{digits}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", _MINUS)


def p_value(value: float) -> str:
    """Write a p-value with three decimals, very small ones as under 0.001."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"  # noqa: PLR2004  (the last decimal)


def digits_for(values: Iterable[float]) -> int:
    """Choose the decimals for numbers that stand together; whole numbers get none.

    Where all are small, the largest shows two figures.
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    if all(value.is_integer() for value in map(float, finite)):
        return 0
    largest = max(finite)
    if largest < _SMALL:
        return 1 - math.floor(math.log10(largest))
    return next(digits for bound, digits in _DECIMALS if largest >= bound)


def own_digits(value: float) -> int:
    """Return the decimals that a number needs, at most six; what is smaller gets more."""
    written = f"{value:.6f}".rstrip("0")
    if value and not written.strip("-0."):
        return _FINEST + 1
    return len(written.partition(".")[2])


# ---- names ----

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*\Z")
_LONGEST = 60
_MANY = 20  # more names than this are counted, not listed


def is_slug(text: str) -> bool:
    """Whether a text can stand in a file name and in an anchor as it is."""
    return _SLUG.match(text) is not None


def slug(text: str, *, exact: bool = False) -> str:
    """Turn any text into a slug: lower-case ASCII letters, digits, ``-`` and ``_``.

    What ASCII cannot hold is replaced by a short hash of the whole text.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    plain = re.sub(r"([-_])[-_]+", r"\1", plain)[:_LONGEST].strip("-_")
    faithful = text == plain if exact else text.isascii() and len(text) <= _LONGEST
    if plain and faithful:
        return plain
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest


def numbered(word: str) -> str:
    """Return a word by which a notebook is meant: who types 9 means 09."""
    return word.zfill(2) if word.isdecimal() else word


def listed(names: Collection[str], most: int = _MANY, between: str = ", ") -> str:
    """List names, or the first of them where they are many."""
    more = len(names) - most
    first = between.join(list(names)[:most])
    return f"{first} and {more:,} more" if more > 0 else first


def flat(name: object) -> str:
    """Return a name of a row or column on one line, with those above it."""
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def natural(text: str) -> list[str | int]:
    """Return a key that sorts numbers in a text by their size."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]
