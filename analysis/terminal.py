"""What a person reads at the terminal: one printer, which no text and no closed pipe can hurt."""

import errno
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from analysis.errors import LianjianError

# by Unicode category: controls, format characters (bidi marks, zero widths, tags), lone
# surrogates, what is not assigned, separators of lines and of paragraphs
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_NOBODY_READS = (errno.EPIPE, errno.EINVAL)  # the second is what Windows says of a closed pipe

_person = ["stdout"]  # the last is where a person reads now
_said: list[Callable[[str], str]] = []  # the last puts a text into the language of the person
_PIECE = re.compile(r"\n|(?: {2,})")  # between lines, and between columns
_silent: set[str] = set()
_lost: list[str] = []


def visible(text: str) -> str:
    """Show what a terminal or a page would obey, reorder or hide; ends of lines and tabs stay."""
    text = text.replace("\r\n", "\n")
    # pages are long and seldom hold one: look which there are before going through the text
    for sign in set(text) - {"\n", "\t"}:
        if unicodedata.category(sign) in _HIDDEN:
            text = text.replace(sign, f"[U+{ord(sign):04X}]")
    return text


@contextmanager
def speaking(said: Callable[[str], str]) -> Iterator[None]:
    """Say what is for a person as this puts it."""
    _said.append(said)
    try:
        yield
    finally:
        _said.pop()


def words(text: str) -> str:
    """Return a text in the language of who reads it: whole, or else line by line."""
    if not _said:
        return text
    said = _said[-1]
    if "  " not in text and (whole := said(text) or text) != text:
        return whole
    pieces = _PIECE.split(text)
    marks = [*_PIECE.findall(text), ""]
    return "".join((said(p) or p) + mark for p, mark in zip(pieces, marks, strict=True))


@contextmanager
def aside() -> Iterator[None]:
    """Say what is for a person to standard error, while standard output is for a program."""
    _person.append("stderr")
    try:
        yield
    finally:
        _person.pop()


def say(text: str) -> None:
    """Write lines for a person to standard output."""
    _write(_person[-1], f"{visible(words(text))}\n")


def warn(text: str) -> None:
    """Write lines for a person to standard error, after the command's name."""
    _write("stderr", f"lianjian: {visible(words(text))}\n")


def answer(text: str) -> None:
    """Write what a command was asked for to standard output."""
    _write("stdout", f"{visible(text)}\n")
    if _lost:
        raise LianjianError(lost())


def answer_json(content: Any) -> None:
    """Write JSON to standard output, in ASCII, so that any encoding and any text will do."""
    answer(json.dumps(content, indent=2))


def lost() -> str:
    """Say what could not be written, and why; empty where all was, or nobody reads it."""
    return " ".join(_lost)


def open_closed_streams() -> None:
    """Give closed standard streams a bottom, or the next file to be opened becomes one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            lowest_free = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(lowest_free, True)  # noqa: FBT003  (or what is started has it closed)


def is_watched() -> bool:
    """Whether a person sees a line while it changes."""
    stream: TextIO | None = getattr(sys, _person[-1])
    return _person[-1] not in _silent and stream is not None and stream.isatty()


def overwrite(text: str, columns: int) -> int:
    """Put a text in the place of the last one, on one line; return the columns that it takes."""
    room, wide, shown = _columns() - 1, 0, ""
    for sign in visible(words(text)):
        wide += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if wide > room:
            break
        shown += sign
    _write(_person[-1], f"\r{' ' * columns}\r{shown}")
    return min(wide, room)


def _columns() -> int:
    stream: TextIO = getattr(sys, _person[-1])
    return os.get_terminal_size(stream.fileno()).columns or 80  # 0 where it does not know


def _write(name: str, text: str) -> None:
    """Write to a standard stream; one that has failed is silent from then on."""
    stream: TextIO | None = getattr(sys, name)
    if stream is None or name in _silent:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        _silent.add(name)
        # what the stream still holds goes nowhere, or the interpreter's end would complain of it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        if error.errno not in _NOBODY_READS:
            which = "output" if name == "stdout" else "error"
            _lost.append(f"Standard {which} could not be written: {error.strerror}.")
