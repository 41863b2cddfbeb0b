"""Fonts inside the page: only the characters that it uses, the same bytes every time.

No font is assumed on the reader's machine. Text is set in Noto Serif SC and Noto Sans SC (OFL),
whose Latin is Source Serif and Source Sans. The Latin part lies ready in ``fonts`` (``latin.py``
cut it); the Chinese part holds exactly the characters of the page.
"""

import base64
import io
import json
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from analysis.errors import LianjianError

FACES = ("Lianjian Serif", "Lianjian Sans")
"""Family names under which the style sheet finds the fonts."""

FONTS = Path(__file__).parent / "fonts"

_HAN = (
    (0x2E80, 0x2FDF), (0x3000, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x323AF),
)  # fmt: skip
_lock = threading.Lock()  # a font reads its tables when they are first asked for


def is_han(char: str) -> bool:
    """Whether a character belongs to Chinese text."""
    return any(low <= ord(char) <= high for low, high in _HAN)


def placed(page: str) -> str:
    """Put the fonts where a page has its mark; what stands above it is escaped and has no ``<``."""
    return page.replace("<!--fonts-->", f"<style>{style(page)}</style>", 1)


def style(text: str) -> str:
    """Return the ``@font-face`` rules for a page that holds this text.

    Raises
    ------
    LianjianError
        A Chinese character that the fonts cannot draw.
    """
    chars = tuple(sorted(char for char in set(text) if is_han(char)))
    with _lock:
        rules = [_latin(face) for face in FACES]
        if chars:
            rules += [_rule(face, _han(face, chars), map(ord, chars)) for face in FACES]
    return "\n".join(rules)


def _rule(face: str, font: bytes, covered: Iterable[int]) -> str:
    data = base64.b64encode(font).decode()
    span = ",".join(f"U+{code:X}" for code in covered)
    return (
        f'@font-face{{font-family:"{face}";font-display:block;'
        f'src:url(data:font/woff2;base64,{data}) format("woff2");unicode-range:{span}}}'
    )


@cache
def _latin(face: str) -> str:
    covered = json.loads((FONTS / "latin.json").read_text("utf-8"))[face]
    return _rule(face, latin_file(face).read_bytes(), covered)


def latin_file(face: str) -> Path:
    """Return where the Latin part of a face lies."""
    return FONTS / f"{face.rpartition(' ')[2].lower()}-latin.woff2"


@cache
def _bytes(face: str) -> bytes:
    import pylopdf_fonts_zh_cn as noto  # noqa: PLC0415

    path = noto.serif_path() if face == FACES[0] else noto.sans_path()
    with open(path, "rb") as file:  # noqa: PTH123  (a resource, whatever its type)
        return file.read()


def opened(face: str) -> Any:  # noqa: ANN401  (fontTools is untyped)
    """Return the whole font, to be cut or drawn from."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    return TTFont(io.BytesIO(_bytes(face)), lazy=True, recalcTimestamp=False)


_shared = cache(opened)


@cache
def _han(face: str, chars: tuple[str, ...]) -> bytes:
    """Draw the given characters into a new font: quicker than cutting 30,000 glyphs away."""
    from fontTools.fontBuilder import FontBuilder  # noqa: PLC0415

    source = _shared(face)
    cmap = source.getBestCmap()
    strange = [char for char in chars if ord(char) not in cmap]
    if strange:
        named = ", ".join(f"{char} (U+{ord(char):04X})" for char in strange[:5])
        raise LianjianError(
            f"The page holds {named}, which its font cannot draw. Is it the right character? "
            "Compare the source, and correct it in data/raw/corrections.csv or in the notebook."
        )
    codes = {ord(char): f"u{ord(char):04X}" for char in chars}
    drawn = {".notdef": _outline(face, ".notdef")}
    drawn |= {name: _outline(face, cmap[code]) for code, name in codes.items()}
    metrics, hhea = source["OS/2"], source["hhea"]
    builder = FontBuilder(source["head"].unitsPerEm, isTTF=False)
    builder.setupGlyphOrder(list(drawn))
    builder.setupCharacterMap(codes)
    builder.setupCFF(face.replace(" ", ""), {}, {n: shape for n, (shape, _) in drawn.items()}, {})
    builder.setupHorizontalMetrics({n: (width, 0) for n, (_, width) in drawn.items()})
    builder.setupHorizontalHeader(ascent=hhea.ascent, descent=hhea.descent)
    builder.setupNameTable({"familyName": face, "styleName": "Regular"})
    builder.setupOS2(
        sTypoAscender=metrics.sTypoAscender,
        sTypoDescender=metrics.sTypoDescender,
        usWinAscent=metrics.usWinAscent,
        usWinDescent=metrics.usWinDescent,
    )
    builder.setupPost()
    head = builder.font["head"]
    for part in ("created", "modified", "xMin", "yMin", "xMax", "yMax"):
        setattr(head, part, getattr(source["head"], part))
    builder.font.recalcTimestamp = builder.font.recalcBBoxes = False
    return saved(builder.font)


@cache
def _outline(face: str, glyph_name: str) -> tuple[Any, int]:
    """Draw one glyph; pages share most of their characters."""
    from fontTools.pens.t2CharStringPen import T2CharStringPen  # noqa: PLC0415

    glyph = _glyphs(face)[glyph_name]
    pen = T2CharStringPen(glyph.width, None)
    glyph.draw(pen)
    return pen.getCharString(), glyph.width


@cache
def _glyphs(face: str) -> Any:  # noqa: ANN401
    return _shared(face).getGlyphSet()


def saved(font: Any) -> bytes:  # noqa: ANN401
    """Return a font as WOFF2."""
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()
