"""How wide the columns of a table are, so that no word and no number in it is broken.

Measured in the widest of the faces that Word and others put in for one that they lack.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

LINE = 453.6
"""Points between the margins of a page of A4."""

SIZES = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0)
"""Sizes of type in points, tried in turn; ``reference.docx`` has a style for each."""

_SMALL = 7.0  # below it words are kept whole, and sentences get what room is left

_FACES = ("DejaVuSans", "DejaVuSerif")
_CODE = (*_FACES, "DejaVuSansMono")
_FULL = 0.7  # the share of the line that longest words may take, so that sentences have the rest
_HAN = r"\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60"
# one Chinese character with what may not stand apart from it, or signs without a blank
_UNIT = rf"(?:[（《【]*[{_HAN}][，。；：！？、）】》]*|[^\s{_HAN}]+)"
# what follows a space that does not break stays on its line: 30 万元
_PIECES = re.compile(rf"{_UNIT}(?:[\u00a0\u202f](?:[{_HAN}]+|[^\s{_HAN}]+))*")


@dataclass(frozen=True)
class Fit:
    """Columns' shares of the line, the size of type, and whether nothing is broken at it."""

    shares: tuple[float, ...]
    size: float
    whole: bool = True


@dataclass(frozen=True)
class _Cell:
    at: int
    span: int
    text: str
    faces: tuple[str, ...] = _FACES


def fitted(
    ast: Mapping[str, Any], *, face: float = 1.0, margin: float = 8.0, styled: bool = False
) -> dict[str, Any]:
    """Return a text in which every table says how wide its columns are, and how large its type."""
    made: dict[str, Any] = copy.deepcopy(dict(ast))
    for table in elements(made["blocks"], "Table"):
        attributes, _, columns, head, bodies, foot = table["c"]
        rows = [*head[1], *(row for body in bodies for row in (*body[2], *body[3])), *foot[1]]
        _hold_marks(rows)
        fit = measured([row[1] for row in rows], len(columns), face, margin)
        attributes[2] += [["size", f"{fit.size:g}"], ["whole", str(fit.whole).lower()]]
        for column, share in zip(columns, fit.shares, strict=True):
            column[1] = {"t": "ColWidth", "c": share}
        for cell in (cell for row in rows for cell in row[1]) if styled else ():
            blocks = [b | {"t": "Para"} if b["t"] == "Plain" else b for b in cell[4]]
            style = ["", [], [["custom-style", f"Cell {fit.size:g}"]]]
            cell[4] = [{"t": "Div", "c": [style, blocks]}]
    return made


def _hold_marks(rows: list[list[Any]]) -> None:
    """Keep what stands small behind the words of a cell, as its mark does, on their line."""
    for text in (block["c"] for kind in ("Plain", "Para") for block in elements(rows, kind)):
        for space, after in pairwise(text):
            if space["t"] == "Space" and after["t"] == "Span" and "small" in after["c"][0][1]:
                space |= {"t": "Str", "c": "\u00a0"}


def measured(rows: list[list[Any]], columns: int, face: float = 1.0, margin: float = 8.0) -> Fit:
    """Measure the cells of a table; it is set smaller where sentences are left too little room.

    The margin is what stands left and right of a cell, and a little for rounding.
    """
    cells = list(_placed(rows, columns))
    wanted = {size: _wanted(cells, columns, size, face, margin) for size in SIZES}
    roomy = (s for s, sums in wanted.items() if s >= _SMALL and _roomy(*sums))
    tight = (s for s, (least, _) in wanted.items() if s <= _SMALL and sum(least) <= LINE)
    size = next(roomy, None) or next(tight, SIZES[-1])
    least, most = wanted[size]
    room, wish = LINE - sum(least), sum(most) - sum(least)
    if room < 0:  # nothing can be done: what is longest is broken
        widths = [LINE * one / sum(least) for one in least]
    else:
        part = min(1.0, room / wish) if wish else 0.0
        widths = [low + part * (high - low) for low, high in zip(least, most, strict=True)]
    return Fit(tuple(round(one / LINE, 4) for one in widths), size, room >= 0)


def _roomy(least: list[float], most: list[float]) -> bool:
    return sum(most) <= LINE or sum(least) <= _FULL * LINE


def _wanted(
    cells: list[_Cell], columns: int, size: float, face: float, margin: float
) -> tuple[list[float], list[float]]:
    """Return what each column needs for its longest word, and for its longest cell on one line."""
    least, most = [margin] * columns, [margin] * columns
    for cell in cells:
        pieces = (width(p, size, cell.faces, face) for p in _PIECES.findall(cell.text))
        whole = width(cell.text, size, cell.faces, face)
        for widths, wanted in ((least, max(pieces, default=0.0)), (most, whole)):
            spanned = range(cell.at, min(cell.at + cell.span, columns))
            missing = wanted + margin - sum(widths[column] for column in spanned)
            for column in spanned if missing > 0 else ():
                widths[column] += missing / len(spanned)
    return least, most


def _placed(rows: list[list[Any]], columns: int) -> Iterator[_Cell]:
    """Yield each cell with its column; a cell that spans rows holds its place in each."""
    busy = [0] * columns
    for row in rows:
        at = 0
        for _, _, high, wide, blocks in row:
            while at < columns and busy[at]:
                at += 1
            code = next(elements(blocks, "Code"), None)
            yield _Cell(at, wide, stringified(blocks), _CODE if code else _FACES)
            for column in range(at, min(at + wide, columns)):
                busy[column] = high
            at += wide
        busy = [max(0, left - 1) for left in busy]


def elements(node: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the elements of a kind in a piece of pandoc's AST."""
    if isinstance(node, dict):
        if node.get("t") == kind:
            yield node
        node = node.get("c")
    if isinstance(node, list):
        for child in node:
            yield from elements(child, kind)


def stringified(node: Any) -> str:
    """Return the words of a piece of pandoc's AST; what stands in attributes is none."""
    match node:
        case list():
            return "".join(map(stringified, node))
        case {"t": "Str", "c": text} | {"t": "Code" | "CodeBlock" | "Math", "c": [_, text]}:
            return str(text)
        case {"t": "Space" | "SoftBreak" | "LineBreak"}:
            return " "
        case {"t": "Para" | "Plain", "c": inner}:
            return f"{stringified(inner)} "
        case {"c": inner}:
            return stringified(inner)
    return ""


def width(text: str, size: float, faces: tuple[str, ...] = _FACES, face: float = 1.0) -> float:
    """Return the width of a text in points, in a face that is so wide beside the widest of some."""
    letters = _letters(faces)
    # what the faces lack is Chinese, as wide as it is high in every face
    known = [letters.get(ord(sign)) for sign in text.strip()]
    return sum(1.0 if one is None else one * face for one in known) * size


@cache
def _letters(faces: tuple[str, ...]) -> dict[int, float]:
    """Return the width of each letter as a share of its size."""
    import matplotlib as mpl
    from fontTools.ttLib import TTFont

    letters: dict[int, float] = {}
    for face in faces:
        font = TTFont(Path(mpl.get_data_path(), "fonts", "ttf", f"{face}.ttf"), lazy=True)
        advance, em = font["hmtx"].metrics, font["head"].unitsPerEm
        for sign, name in font.getBestCmap().items():
            letters[sign] = max(letters.get(sign, 0.0), advance[name][0] / em)
    return letters
