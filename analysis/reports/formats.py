"""How a value is written: one rule for tables, cited numbers and pages."""

import math
import re
from collections.abc import Iterable

MISSING = "–"
_MINUS = "−"
_DECIMALS = ((1000, 0), (100, 1), (0, 2))
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = (
    0xAD, 0x180E, 0x200B, 0x200C, 0x200D, 0x2028, 0x2029, *range(0x2060, 0x2065), 0xFEFF,
    *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
)  # fmt: skip
_CONTROL = (*range(9), 11, 12, *range(14, 32), *range(127, 160))
_HIDDEN = frozenset(map(chr, (*_BIDI, *_UNSEEN, *_CONTROL)))


def visible(text: str) -> str:
    """Show characters that would reorder or hide the text around them.

    Examples
    --------
    >>> visible("a" + chr(0x202E) + "b")
    'a[U+202E]b'
    """
    # pages are long and seldom hold one: look which there are before going through the text
    for sign in _HIDDEN.intersection(text):
        text = text.replace(sign, f"[U+{ord(sign):04X}]")
    return text


def typeset(text: str) -> str:
    """Set straight quotes as a printer would, and keep a number on the line of its unit.

    Examples
    --------
    >>> typeset('a "naive" gain')
    'a “naive” gain'
    """
    text = re.sub(r"(?<=[\w)”])'", "’", text)
    text = re.sub(r'(^|[\s(\[—])"(?=\S)', r"\1“", text)
    text = re.sub(r"(?<=\d) (?=万元|元\b|%)", "\u00a0", text)
    return text.replace('"', "”")


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
}  # fmt: skip


def latex(text: str) -> str:
    r"""Write a text for LaTeX: its special characters stand for themselves, on one line.

    Examples
    --------
    >>> latex("50 % of {x}_1\n\\input")
    '50 \\% of \\{x\\}\\_1 \\textbackslash{}input'
    """
    line = " ".join(visible(text).split())
    return "".join(_LATEX.get(char, char) for char in line)


def number(value: float, digits: int, *, grouped: bool = True) -> str:
    """Write a number with a thousands separator and a true minus sign.

    Examples
    --------
    >>> number(-1234.5, 1), number(2024, 0, grouped=False), number(-0.001, 2)
    ('−1,234.5', '2024', '0.00')
    """
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    text = f"{value:,.{digits}f}" if grouped else f"{value:.{digits}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", _MINUS)


def digits_for(values: Iterable[float]) -> int:
    """Choose the decimals for numbers that stand together; whole numbers get none.

    Examples
    --------
    >>> digits_for([0.12, 3.4]), digits_for([120.5, 3.0]), digits_for([5e4, 0.5])
    (2, 1, 0)
    >>> digits_for([82.0, 9.0])
    0
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    if all(value.is_integer() for value in map(float, finite)):
        return 0
    largest = max(finite)
    return next(digits for bound, digits in _DECIMALS if largest >= bound)


def own_digits(value: float) -> int:
    """Return the decimals that a number needs, at most six.

    Examples
    --------
    >>> own_digits(27.9), own_digits(1261.0), own_digits(2 / 3)
    (1, 0, 6)
    """
    written = f"{value:.6f}".rstrip("0")
    return len(written.partition(".")[2])
