"""Fonts inside the page: only the characters that it uses, the same bytes every time.

No font is assumed on the reader's machine. Text is set in Noto Serif SC and Noto Sans SC (OFL),
whose Latin is Source Serif and Source Sans. The Latin part is cut once per process; the Chinese
part holds exactly the characters of the page.
"""

import base64
import io
import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

from analysis.errors import LianjianError

FACES = ("Lianjian Serif", "Lianjian Sans")
"""Family names under which the style sheet finds the fonts."""

_HAN = (
    (0x2E80, 0x2FDF), (0x3000, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x323AF),
)  # fmt: skip
_LATIN = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x1CD, 0x1DC), (0x300, 0x304), (0x391, 0x3C9), (0x2010, 0x2027),
    (0x2030, 0x203A), (0x2070, 0x2099), (0x20AC, 0x20AC), (0x2116, 0x2122), (0x2153, 0x215E),
    (0x2190, 0x2199), (0x2202, 0x2265), (0x25A0, 0x25CF), (0x2713, 0x2717),
)  # fmt: skip
_SIGNS = range(0xA0, 0xC0)
_FULL = 1000  # units of a full-width glyph
_lock = threading.Lock()  # a font reads its tables when they are first asked for


def is_han(char: str) -> bool:
    """Whether a character belongs to Chinese text."""
    return any(low <= ord(char) <= high for low, high in _HAN)


def style(text: str) -> str:
    """Return the ``@font-face`` rules for a page that holds this text.

    Raises
    ------
    LianjianError
        A Chinese character that the fonts cannot draw.
    """
    chars = tuple(sorted({char for char in text if is_han(char)}))
    with _lock:
        rules = [_rule(face, *_latin(face)) for face in FACES]
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
def _bytes(face: str) -> bytes:
    import pylopdf_fonts_zh_cn as noto  # noqa: PLC0415

    path = noto.serif_path() if face == FACES[0] else noto.sans_path()
    with open(path, "rb") as file:  # noqa: PTH123  (a resource, whatever its type)
        return file.read()


def _open(face: str) -> Any:  # noqa: ANN401  (fontTools is untyped)
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    return TTFont(io.BytesIO(_bytes(face)), lazy=True, recalcTimestamp=False)


_shared = cache(_open)


@cache
def _latin(face: str) -> tuple[bytes, tuple[int, ...]]:
    """Cut the Latin part, with kerning and with quotes and dashes of Latin width."""
    from fontTools import subset  # noqa: PLC0415

    font = _open(face)
    cmap = font.getBestCmap()
    narrow = _narrow(font)
    for table in font["cmap"].tables:
        for code, glyph in table.cmap.items() if table.isUnicode() else ():
            table.cmap[code] = narrow.get(glyph, glyph) if _within(code, _LATIN) else glyph
    drawn = font.getGlyphSet()
    codes = tuple(
        code
        for low, high in _LATIN
        for code in range(low, high + 1)
        # what stays of full width, the middle dot of the sans, comes from the other face
        if code in cmap and not (code in _SIGNS and drawn[cmap[code]].width >= _FULL)
    )
    options = subset.Options(
        layout_features=["kern", "liga", "ccmp", "mark"],
        name_IDs=[],
        hinting=False,
        desubroutinize=True,
        notdef_outline=True,
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    return _saved(font), codes


def _narrow(font: Any) -> dict[str, str]:  # noqa: ANN401
    """Map glyphs of full width to their Latin form (feature ``pwid``)."""
    table = font["GSUB"].table
    wanted = {
        index
        for record in table.FeatureList.FeatureRecord
        if record.FeatureTag == "pwid"
        for index in record.Feature.LookupListIndex
    }
    mapping: dict[str, str] = {}
    for index in sorted(wanted):
        for part in table.LookupList.Lookup[index].SubTable:
            mapping |= getattr(getattr(part, "ExtSubTable", part), "mapping", {})
    return mapping


def _within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(low <= code <= high for low, high in ranges)


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
    return _saved(builder.font)


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


def _saved(font: Any) -> bytes:  # noqa: ANN401
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()
