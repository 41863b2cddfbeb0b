"""Cut the Latin part of the page's fonts: ``python tools/latin_fonts.py`` writes them.

Cutting 30,000 glyphs away takes seconds and always gives the same, so it is done once, not by each
process that writes pages. To be repeated when the package of the fonts, or a range below, changes.
"""

import json
from typing import Any

from analysis.reports.page import _fonts

_LATIN = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x1CD, 0x1DC), (0x300, 0x304), (0x391, 0x3C9), (0x2010, 0x2027),
    (0x2030, 0x203A), (0x2070, 0x2099), (0x20AC, 0x20AC), (0x2116, 0x2122), (0x2153, 0x215E),
    (0x2190, 0x2199), (0x2202, 0x2265), (0x25A0, 0x25CF), (0x2713, 0x2717),
)  # fmt: skip
_SIGNS = range(0xA0, 0xC0)
_FULL = 1000  # units of a full-width glyph


def main() -> None:
    """Write the cut fonts and the characters that they draw."""
    _fonts.FONTS.mkdir(exist_ok=True)
    covered = {}
    for face in _fonts.FACES:
        font, covered[face] = cut(face)
        _fonts.latin_file(face).write_bytes(font)
    (_fonts.FONTS / "latin.json").write_text(json.dumps(covered) + "\n", "utf-8")


def cut(face: str) -> tuple[bytes, tuple[int, ...]]:
    """Cut the Latin part, with kerning and with quotes and dashes of Latin width.

    Returns
    -------
    bytes, tuple of int
        The font as WOFF2 and the characters that it is to draw.
    """
    from fontTools import subset  # noqa: PLC0415
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    font = TTFont(_fonts.source_file(face), lazy=True, recalcTimestamp=False)
    cmap = font.getBestCmap()
    narrow = _narrow(font)
    latin = {code for low, high in _LATIN for code in range(low, high + 1)}
    for table in font["cmap"].tables:
        for code, glyph in table.cmap.items() if table.isUnicode() else ():
            table.cmap[code] = narrow.get(glyph, glyph) if code in latin else glyph
    drawn = font.getGlyphSet()
    codes = tuple(
        code
        for code in sorted(latin)
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
    return _fonts.saved(font), codes


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


if __name__ == "__main__":
    main()
