"""Commands that a cell hands to a shell of which only the last one tells how it ended."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# names = !ls, !!ls, %sx ls
_LINE = re.compile(r"^[ \t]*(?:[\w, ()]+=[ \t]*)?(?:!!?|%(?:sx|system)\b)[ \t]*(.+)", re.MULTILINE)
_CELL = re.compile(
    r"\s*%%(?:sh|sx|system|!|script(?:\s+-\S+)*\s+(?:\S*/)?(?:da|a|k|mk|z|fi|c|tc)?sh)\b.*\n",
)
_OF_PYTHON = re.compile(r"\s*%%(?:capture|prun|time|timeit)\b")
_REDIRECTED = re.compile(r"\d*[<>]&-?\d*|&>>?")  # 2>&1
_HERE = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?(.*)\n(?:.*\n)*?\s*\1\s*(?:\n|\Z)")  # <<EOF
_PARTS = frozenset({";", ";;", "&", "\n"})
_STOPS = re.compile(r"\s*(?:#.*\n\s*)*set\s+-\w*e")  # at the first that fails


def unheard(cells: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Yield the places, from 1, of cells with commands of which nobody learns how they ended.

    bash is asked for each command of a cell (`trap.sh`); other shells cannot be.
    """
    for place, cell in enumerate(cells, start=1):
        if cell["cell_type"] != "code" or "raises-exception" in cell["metadata"].get("tags", ()):
            continue
        source = cell["source"].replace("\\\n", " ")
        head = _CELL.match(source)
        if source.lstrip().startswith("%%") and not head and not _OF_PYTHON.match(source):
            continue  # another program's, or bash
        commands = [source[head.end() :]] if head else _LINE.findall(source)
        if any(_count(command) > 1 and not _STOPS.match(command) for command in commands):
            yield place


def _count(script: str) -> int:
    """Count the commands of a script that do not depend on one another's end."""
    script = _REDIRECTED.sub(" ", _HERE.sub(r"\2\n", script))
    words = shlex.shlex(script, posix=True, punctuation_chars=";&|\n")
    words.whitespace = " \t\r"
    try:
        parts = list(words)
    except ValueError:  # a quote is not closed
        return 1
    count, is_open = 0, False
    for part in parts:
        is_end = part in _PARTS or (part != "" and not part.strip("\n;"))
        count += is_open and is_end
        is_open = not is_end and (is_open or part not in {"&&", "||", "|"})
    return count + is_open
