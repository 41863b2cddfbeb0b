"""Errors that speak to a person, and the exit codes that tell a program."""

import difflib
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """How a command of ``lianjian`` ended."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """Keep beside each code what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    meaning: str

    GOOD = 0, "all is done"
    FAILED = (
        1,
        "a report failed or was not written, or its inputs changed; compare: a number moved",
    )
    REFUSED = (
        2,
        "nothing was done: the command line, the plan or a name is wrong, or another is at it",
    )
    INCOMPLETE = 3, "done, and something is missing from the data: a file was not read"
    NO_DATA = 4, "nothing ran: data are missing or cannot be built"
    INTERRUPTED = 130, "interrupted; what was finished is published"


class LianjianError(Exception):
    """What was seen, what was expected, where, and what to do: one message for a person.

    The command line prints it without a traceback and exits with its exit code.
    """

    exit = Exit.REFUSED


class UnknownNameError(LianjianError, AttributeError):
    """A name that a module or a dataset does not have."""


class DataError(LianjianError):
    """Data are missing or cannot be built."""

    exit = Exit.NO_DATA


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the known word that comes nearest, empty when none is near.

    Examples
    --------
    >>> did_you_mean("Helpr", ["helper", "outside"]), did_you_mean("x", ["helper"])
    (' Did you mean helper?', '')
    >>> did_you_mean("环", ["宁县", "环县"]), did_you_mean("brief", ["09-county-brief"])
    (' Did you mean 环县?', ' Did you mean 09-county-brief?')
    """
    asked = word.strip().casefold()
    known_names = {name.casefold(): name for name in sorted(known)}
    near = difflib.get_close_matches(asked, known_names, 1)
    near += sorted((name for name in known_names if asked and name.startswith(asked)), key=len)
    if len(asked) > 1:  # a word of the name
        near += sorted((name for name in known_names if asked in re.split("[-_ ]", name)), key=len)
    return f" Did you mean {known_names[near[0]]}?" if near else ""
