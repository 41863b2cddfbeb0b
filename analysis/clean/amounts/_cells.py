"""What stands around the amount in a cell: marks, spaces, brackets, labels, shapes of codes."""

import re

from analysis.clean.amounts import _words as words
from analysis.clean.amounts._exact import Refused
from analysis.clean.amounts._units import read_unit

MAX_DIGITS = 15
_LABEL = re.compile("|".join(words.LABELS))


def unmark(text: str, flags: list[str]) -> str:
    """Take off the quotes, footnote marks and full stops at the ends."""
    bare = text.lstrip("'`‘’").strip().rstrip("。;").strip()
    if bare[:1] in {'"', "“"} and bare[-1:] in {'"', "”"} and len(bare) > 1:
        bare = bare[1:-1].strip()
    marked = bare.strip("*※†").strip()
    if marked != bare:
        flags.append("mark")
    if "?" in marked or "�" in marked:
        raise Refused("damaged")
    return marked


def join(text: str) -> str:
    """Close up spaces; between digits they must group by three."""
    if not any(char.isspace() for char in text):
        return text
    text = re.sub(
        r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,]| +\d)",
        lambda match: match[0].replace(" ", ""),
        re.sub(" +", " ", text),
        flags=re.ASCII,
    )
    if re.search(r"\d\s+\d|\d[.,]\s+\d|\d\s+[.,]\s*\d", text, re.ASCII):
        raise Refused("date" if words.DATE.fullmatch(text) else "two_figures")
    return "".join(text.split())


def guard(text: str) -> None:
    """Refuse what has the shape of a date, a code or a person's number."""
    if words.IDENTITY.search(text):
        raise Refused("id_shape")
    if words.MOBILE.search(text):
        raise Refused("mobile_shape")
    if words.CODE.fullmatch(text):
        raise Refused("code_shape")
    if re.search(rf"\d{{{MAX_DIGITS + 1}}}", text.partition(".")[0], re.ASCII):
        raise Refused("too_many_digits")
    if words.DATE.fullmatch(text) or words.YEAR.fullmatch(text):
        raise Refused("date")


def accounting_negative(text: str, flags: list[str]) -> tuple[bool, str]:
    """Return whether brackets make a plain number negative, and the number."""
    inner = text.removeprefix("¥")
    if not (inner.startswith("(") and inner.endswith(")")):
        return False, text
    inner = inner[1:-1].removeprefix("¥")
    if not re.fullmatch(r"\d[\d,]*(?:\.\d+)?", inner, re.ASCII):
        raise Refused("unknown_form")
    flags.append("bracket_negative")
    return True, inner


def unbracket(text: str, flags: list[str]) -> str:
    """Take off one note in brackets at the end, or put the unit that it holds in its place."""
    match = re.fullmatch(r"([^()\[\]]+)[(\[]([^()\[\]]*)[)\]]([^()\[\]]*)", text)
    if match is None or match[3].startswith(("以", "及")):
        return text
    before, note, after = match.groups()
    note = re.sub("^单位:?", "", note)
    if after and not re.fullmatch(r"[\u4e00-\u9fff/%]+", after):
        raise Refused("unknown_form")
    if not note:
        raise Refused("unknown_form")
    if note in {"万", "亿"} or read_unit(note) is not None:
        if after:
            raise Refused("two_readings")
        return before + note
    if any(word in note for word in words.FORECASTS):
        flags.append("forecast")
    lists_a_part = note.startswith(words.NOTE_OPENERS)
    holds_number = any(char.isdigit() for char in note)
    if holds_number and not lists_a_part:
        raise Refused("two_figures")
    if words.BENDING.search(note) and not lists_a_part:
        raise Refused("note_changes_value")
    flags.append("note")
    return before + after


def take_label(text: str) -> tuple[str, bool]:
    """Take off a year and known words, up to where the amount begins."""
    year = words.YEAR.match(text)
    rest = text[year.end() :] if year else text
    labelled = year is not None
    while rest:
        match = _LABEL.match(rest)
        if match is None:
            break
        rest, labelled = rest[match.end() :], True
    if labelled:
        rest = rest.removeprefix(":")
    return rest, labelled
