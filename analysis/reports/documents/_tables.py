"""How wide the columns of a table are, so that no word and no number in it is broken.

Measured in DejaVu Sans, the widest of the faces that Word and others put in for one they lack.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from analysis.reports.documents._document import elements

LINE = 453.0
"""Points between the margins of a page of A4."""

SIZES = (8.5, 8.0, 7.5, 7.0)
"""Sizes of type in points, tried in turn."""

_FULL = 0.7  # the share of the line that longest words may take, so that sentences have the rest
_MARGIN = 8.0  # points: left and right of a cell, and a little for rounding
# one Chinese character with what may not stand apart from it, or signs without a blank
_PIECES = re.compile(
    r"[\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60][，。；：！？、）】》]*|[^\s\u2e80-\u9fff]+"
)


@dataclass(frozen=True)
class Fit:
    """Columns' shares of the line, and the size of type at which nothing is broken."""

    shares: tuple[float, ...]
    size: float


def fitted(ast: Mapping[str, Any], *, face: float = 1.0, styled: bool = False) -> dict[str, Any]:
    """Return a text in which every table says how wide its columns are."""
    made: dict[str, Any] = copy.deepcopy(dict(ast))
    for table in elements(made["blocks"], "Table"):
        _, _, columns, head, bodies, foot = table["c"]
        rows = [*head[1], *(row for body in bodies for row in (*body[2], *body[3])), *foot[1]]
        fit = measured([row[1] for row in rows], len(columns), face)
        for column, share in zip(columns, fit.shares, strict=True):
            column[1] = {"t": "ColWidth", "c": share}
        for cell in (cell for row in rows for cell in row[1]) if styled else ():
            blocks = [b | {"t": "Para"} if b["t"] == "Plain" else b for b in cell[4]]
            attributes = ["", [], [["custom-style", f"Cell {fit.size:g}"]]]
            cell[4] = [{"t": "Div", "c": [attributes, blocks]}]
    return made


def measured(rows: list[list[Any]], columns: int, face: float = 1.0) -> Fit:
    """Measure the cells of a table; it is set smaller where sentences are left too little room."""
    placed = list(_placed(rows, columns))
    for size in SIZES:
        least, most = _wanted(placed, columns, size * face)
        if sum(most) <= LINE or sum(least) <= _FULL * LINE:
            break
    room, wish = LINE - sum(least), sum(most) - sum(least)
    if room <= 0:  # nothing can be done: what is longest is broken
        widths = [LINE * one / sum(least) for one in least]
    else:
        part = min(1.0, room / wish) if wish else 0.0
        widths = [low + part * (high - low) for low, high in zip(least, most, strict=True)]
    return Fit(tuple(round(one / LINE, 4) for one in widths), size)


def _wanted(
    placed: list[tuple[int, int, str]], columns: int, size: float
) -> tuple[list[float], list[float]]:
    """Return what each column needs for its longest word, and for its longest cell on one line."""
    least, most = [_MARGIN] * columns, [_MARGIN] * columns
    for at, span, text in placed:
        longest = max((width(piece, size) for piece in _PIECES.findall(text)), default=0.0)
        for widths, wanted in ((least, longest), (most, width(text, size))):
            missing = wanted + _MARGIN - sum(widths[at : at + span])
            for column in range(at, at + span) if missing > 0 else ():
                widths[column] += missing / span
    return least, most


def _placed(rows: list[list[Any]], columns: int) -> Iterator[tuple[int, int, str]]:
    """Yield column, span and text of each cell; a cell that spans rows holds its place in each."""
    busy = [0] * columns
    for row in rows:
        at = 0
        for _, _, high, wide, blocks in row:
            while at < columns and busy[at]:
                at += 1
            yield at, wide, stringified(blocks)
            for column in range(at, min(at + wide, columns)):
                busy[column] = high
            at += wide
        busy = [max(0, left - 1) for left in busy]


def stringified(node: Any) -> str:  # noqa: ANN401  (JSON)
    """Return the words of a piece of pandoc's AST."""
    if isinstance(node, list):
        return "".join(map(stringified, node))
    words = ""
    match node:
        case {"t": "Str", "c": text} | {"t": "Code" | "CodeBlock" | "Math", "c": [_, text]}:
            words = str(text)
        case {"t": "Space" | "SoftBreak" | "LineBreak"}:
            words = " "
        case {"t": "Para" | "Plain", "c": inner}:
            words = f"{stringified(inner)} "
        case {"t": "Header", "c": [_, _, inner]}:
            words = stringified(inner)
        case {"t": "Link" | "Span" | "Div" | "Quoted" | "Image", "c": [_, inner, *_]}:
            words = stringified(inner)
        case {"c": inner}:
            words = stringified(inner)
    return words


def width(text: str, size: float) -> float:
    """Return the width of a text in points."""
    letters, em = _letters()
    # what the face lacks is Chinese, as wide as it is high
    return sum(letters.get(ord(sign), em) for sign in text.strip()) * size / em


@cache
def _letters() -> tuple[dict[int, int], int]:
    import matplotlib as mpl  # noqa: PLC0415  (brings the font)
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    font = TTFont(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", lazy=True)
    advance = font["hmtx"].metrics
    letters = {sign: advance[name][0] for sign, name in font.getBestCmap().items()}
    return letters, font["head"].unitsPerEm
