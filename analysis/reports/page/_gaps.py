"""What cannot stand in a page: it is counted, named and said with what to do instead."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gap:
    """One thing that a page does not show: its cell, from 1, and what to do about it."""

    cell: int
    what: str
    mend: str
    key: str = ""


@cache
def _known() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("gaps.toml").read_text("utf-8"))


def named(cell: int, key: str, words: str = "") -> Gap:
    """Return a gap by its key in ``gaps.toml``; words say what it is more closely."""
    known = _known()[key]
    return Gap(cell, words or known["what"], known["mend"], key)


UNDESCRIBED = ("undescribed", "wordless")
"""What only a person's own notebook may lack: pictures without words for who cannot see them."""


def of_mime(cell: int, mime: str) -> Gap:
    """Return the gap that an output of this kind leaves."""
    for key, known in _known().items():
        if any(mime.startswith(start) for start in known.get("mime", ())):
            return named(cell, key)
    return named(cell, "other", f"an output of the kind {mime[:60]}")


def of_stream(cell: int, text: str) -> list[Gap]:
    """Return the gaps that what a cell printed tells of."""
    told = ((key, known.get("says")) for key, known in _known().items())
    return [named(cell, key) for key, says in told if says and re.search(says, text)]


def of_html(cell: int, html: str, tags: Iterable[str]) -> list[Gap]:
    """Return the gaps that these tags leave where they are taken out of some HTML."""
    gaps, lower = [], html.lower()
    for tag in tags:
        for key, known in _known().items():
            scripted = tag in {"script", "iframe"}  # what a chart or a map comes in
            if tag in known.get("tag", ()) or (
                scripted and any(w in lower for w in known.get("word", ()))
            ):
                gaps.append(named(cell, key))
                break
    return list(dict.fromkeys(gaps))


def in_words(gaps: Iterable[Gap]) -> list[str]:
    """Say what is not shown and where."""
    times = {1: "", 2: ", twice"}
    counts = Counter((gap.what, gap.cell) for gap in gaps)
    return [
        f"{what}{times.get(count, f', {count} times')} (cell {cell})"
        for (what, cell), count in counts.items()
    ]
