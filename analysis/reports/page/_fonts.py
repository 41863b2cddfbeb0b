"""Fonts inside the page: only the characters that it uses, the same bytes every time.

No font is assumed on the reader's machine. Text is set in Noto Serif SC and Noto Sans SC (OFL),
whose Latin is Source Serif and Source Sans. The Latin part lies ready in ``fonts``
(``tools/latin_fonts.py`` cut it); the Chinese part holds exactly the characters of the page.
A page whose language is written so has quotes and dashes of Chinese width, and bold from a face
(``tools/bold_font.py`` cut it). Formulas are set in TeX Gyre Termes Math (GUST Font License), of
which the page holds the signs that its formulas use.
"""

import base64
import io
import json
import re
import threading
from collections.abc import Iterable
from functools import cache, lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from analysis import _language
from analysis.errors import LianjianError
from analysis.reports.page._math import styled

FACES = ("Lianjian Serif", "Lianjian Sans")
"""Family names under which the style sheet finds the fonts."""

BOLD = "Lianjian Hei"
MATH = "Lianjian Math"
FONTS = Path(__file__).parent / "fonts"
_OWN = {MATH: "texgyretermes-math.otf", BOLD: "bold/sans-bold.otf"}
_FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_TONGUE = re.compile(r'<html lang="([\w-]+)')
# <strong>, <b>, and the label of a figure: <a class="lj-label" href="#fig-x">
_STRONG = re.compile(r'<(strong|b|a(?= class="lj-label"))\b[^>]*>(.*?)</\1>', re.DOTALL)
_MARKS = frozenset("‘’“”—…")  # which the Latin part draws as well, at half the width
_HAN = (
    *(range(0x2E80, 0x2FE0), range(0x3000, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00)),
    *(range(0xFE30, 0xFE50), range(0xFF00, 0xFFF0), range(0x20000, 0x323B0)),
)
_LEFT_OUT = {
    int.from_bytes(tag) for tag in (b"GSUB", b"GPOS", b"GDEF", b"BASE", b"VORG", b"vhea", b"vmtx")
}
_HEAD = 200  # characters in which a page says its language
_FEW = 250  # characters up to which a font is compressed as well as can be
_lock = threading.Lock()  # a font reads its tables when they are first asked for


def get_ready() -> None:
    """Import what cuts fonts, before the first page is asked for."""
    import uharfbuzz  # noqa: F401
    from fontTools.ttLib import woff2  # noqa: F401


def is_han(char: str) -> bool:
    """Whether a character belongs to Chinese text."""
    return any(ord(char) in block for block in _HAN)


def placed(page: str, serif: str | None = None) -> str:
    """Put the fonts where a page has its mark; what stands above it is escaped and has no ``<``."""
    return page.replace("<!--fonts-->", f"<style>{style(page, serif)}</style>", 1)


def style(text: str, serif: str | None = None) -> str:
    """Return the ``@font-face`` rules for a page that holds this text."""
    texts = [set(text if serif is None else serif), set(text)]
    said = _TONGUE.search(text[:_HEAD])
    has_own = said is not None and _language.setting(said[1]).is_han
    with _lock:
        rules = [_latin(face) for face in FACES]
        for face, part in zip(FACES, texts, strict=True):
            rules += _cut(face, face, filter(is_han, part))
            rules += _cut(f"{face} Marks", face, _MARKS.intersection(part) if has_own else "")
        if has_own:
            strong = "".join(match[2] for match in _STRONG.finditer(text))
            known = _whole(BOLD).unicodes
            bold = (char for char in set(unescape(_TAG.sub("", strong))) if ord(char) in known)
            rules += _cut(BOLD, BOLD, bold)
        if formulas := "".join(_FORMULA.findall(text)):
            signs = set(unescape(_TAG.sub("", formulas)))
            rules.append(_rule(MATH, _math("".join(sorted(signs | {"√"}))), "woff2"))
    return "\n".join(rules)


def _cut(name: str, face: str, chars: Iterable[str]) -> list[str]:
    """Return the rule for some characters of a face, under a name; none where there are none."""
    wanted = tuple(sorted(chars))
    return [_rule(name, *_han(face, wanted), map(ord, wanted))] if wanted else []


def _rule(face: str, font: bytes, form: str, covered: Iterable[int] = ()) -> str:
    data = base64.b64encode(font).decode()
    span = ",".join(f"U+{code:X}" for code in covered)
    span = f";unicode-range:{span}" if span else ""
    weight = ";font-weight:700" if face == BOLD else ""
    mime = "font/woff2" if form == "woff2" else "font/otf"
    return (
        f'@font-face{{font-family:"{face}";font-display:block;'
        f'src:url(data:{mime};base64,{data}) format("{form}"){weight}{span}}}'
    )


@cache
def _latin(face: str) -> str:
    covered = json.loads((FONTS / "latin.json").read_text("utf-8"))[face]
    return _rule(face, latin_file(face).read_bytes(), "woff2", covered)


def latin_file(face: str) -> Path:
    """Return where the Latin part of a face lies."""
    return FONTS / f"{face.rpartition(' ')[2].lower()}-latin.woff2"


@lru_cache(maxsize=64)
def _han(face: str, chars: tuple[str, ...]) -> tuple[bytes, str]:
    """Cut the given characters out of a face; return the font and its format."""
    source = _whole(face)
    known = source.unicodes
    strange = [char for char in chars if ord(char) not in known]
    if strange:
        named = ", ".join(f"{char} (U+{ord(char):04X})" for char in strange[:5])
        raise LianjianError(
            f"The page holds {named}, which its font cannot draw. Is it the right character? "
            "Compare the source, and correct it in data/raw/corrections.csv or in the notebook."
        )
    font = subset(source, set(map(ord, chars)))
    # the best compression takes a second for a thousand characters, and wins a fifth
    return (woff2(font), "woff2") if len(chars) <= _FEW else (font, "opentype")


@lru_cache(maxsize=64)
def _math(signs: str) -> bytes:
    """Cut what formulas use out of the font for them, with what grows: brackets, roots, hats."""
    # a browser draws a letter of a formula by its italic sign
    codes = {ord(sign) for sign in signs} | {ord(styled(sign, "italic")) for sign in signs}
    return woff2(subset(_whole(MATH), codes))


def source_file(face: str) -> Path:
    """Return where the whole font of a face lies."""
    import pylopdf_fonts_zh_cn as noto

    if face in _OWN:
        return FONTS / _OWN[face]
    return Path(str(noto.serif_path() if face == FACES[0] else noto.sans_path()))


@cache
def _whole(face: str) -> Any:
    import uharfbuzz as hb

    return hb.Face(source_file(face).read_bytes())


def subset(face: Any, codes: set[int]) -> bytes:
    """Cut some characters out of a font."""
    import uharfbuzz as hb

    wanted, sets = hb.SubsetInput(), hb.SubsetInputSets
    wanted.sets(sets.UNICODE).set(codes)
    wanted.sets(sets.LAYOUT_FEATURE_TAG).set(set())
    wanted.sets(sets.NAME_ID).set(set())
    wanted.sets(sets.DROP_TABLE_TAG).set(_LEFT_OUT)
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.DESUBROUTINIZE
    return bytes(hb.subset(face, wanted).blob.data)


def woff2(font: bytes) -> bytes:
    """Compress a font."""
    from fontTools.ttLib import TTFont

    return saved(TTFont(io.BytesIO(font), lazy=True, recalcTimestamp=False, recalcBBoxes=False))


def saved(font: Any) -> bytes:
    """Return a font as WOFF2."""
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()
