"""Cut the bold Chinese of pages and PDFs: ``python tools/bold_font.py NotoSansCJK-Bold.ttc``.

The collection is the one of Debian's package ``fonts-noto-cjk`` (SIL Open Font License). Bold is
set in the sans among serif text as well, as Chinese books do. Kept are the characters of the first
level of GB 2312, those of the translations, Latin letters, digits and signs; what is not there is
set in the regular face.
"""

import io
import sys
from pathlib import Path

import uharfbuzz as hb
from fontTools.ttLib import TTCollection, TTFont

from analysis.files import write_bytes
from analysis.reports.page import _fonts

_ROOT = Path(__file__).parents[1]
_FIRST_LEVEL = [bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
_SIGNS = "‘’“”–—…·−×≤≥±∞°²、。〈〉《》「」『』【】〔〕！（），：；？％～"
_REGION = " CJK SC"
_ENGLISH = (3, 1, 0x409)  # names as Windows keeps them


def characters() -> set[int]:
    """Return the characters that the face is to draw."""
    common = b"".join(_FIRST_LEVEL).decode("gb2312", "ignore")
    said = "".join(file.read_text("utf-8") for file in (_ROOT / "translations").rglob("*.po"))
    han = filter(_fonts.is_han, common + said)
    return {*range(0x20, 0x7F), *map(ord, _SIGNS), *map(ord, han)}


def cut(collection: Path) -> bytes:
    """Cut the simplified Chinese out of a collection, under a name of our own."""
    names = [str(font["name"].getDebugName(1)) for font in TTCollection(collection).fonts]
    at = next(number for number, name in enumerate(names) if name.endswith(_REGION))
    whole = hb.Face(hb.Blob.from_file_path(str(collection)), at)
    font = TTFont(io.BytesIO(_fonts.subset(whole, characters())), recalcTimestamp=False)
    name = _fonts.BOLD.replace(" ", "")
    for number, text in enumerate((_fonts.BOLD, "Bold", name, _fonts.BOLD, "1", name), start=1):
        font["name"].setName(text, number, *_ENGLISH)
    font["CFF "].cff.fontNames = [name]
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


if __name__ == "__main__":
    write_bytes(_fonts.source_file(_fonts.BOLD), cut(Path(sys.argv[1])))
