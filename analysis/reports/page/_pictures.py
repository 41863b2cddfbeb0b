"""Whether a picture can be drawn: it is decoded, for its name and its kind may lie."""

import base64
import binascii
import hashlib
import io
import re
import struct
import warnings
import zlib
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

SVG = "image/svg+xml"
KINDS = (SVG, "image/png", "image/jpeg", "image/gif", "image/webp")
"""What a page can hold, the best of several forms first."""

_SVG_TAG = "{http://www.w3.org/2000/svg}svg"  # without its namespace no browser draws it
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError)
_CUT = (struct.error, zlib.error)
_HELD = re.compile(r'(?<=;base64,)[^"]{200,}')  # in an address, and no small one
_NAMED = re.compile(r'(?<=;base64,)[0-9a-f]{64}(?=")')


class Aside:
    """Pictures that are kept aside while a page is written: what reads its words reads no others.

    Examples
    --------
    >>> aside, page = Aside(), f'<img src="data:image/png;base64,{"iVBO" * 99}">'
    >>> len(page), len(aside.taken(page)), aside.back(aside.taken(page)) == page
    (430, 98, True)
    """

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def taken(self, html: str) -> str:
        """Return HTML with a name in the place of each picture that it holds."""

        def named(picture: re.Match[str]) -> str:
            name = hashlib.sha256(picture[0].encode()).hexdigest()
            self._held[name] = picture[0]
            return name

        return _HELD.sub(named, html)

    def back(self, html: str) -> str:
        """Return HTML with its pictures again."""
        return _NAMED.sub(lambda name: self._held.get(name[0], name[0]), html)


def kind_of(content: bytes) -> str:
    """Return the kind of a picture that can be drawn to its last byte, and nothing for another."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        try:
            return SVG if ElementTree.fromstring(content).tag == _SVG_TAG else ""
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            return ""
    from PIL import Image

    forms = [kind.rpartition("/")[2].upper() for kind in KINDS[1:]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=forms) as picture:
                picture.verify()  # the check sums, which drawing passes over
            with Image.open(io.BytesIO(content), formats=forms) as picture:
                for frame in range(getattr(picture, "n_frames", 1)):
                    picture.seek(frame)
                    picture.load()
                return f"image/{str(picture.format).lower()}"
    except (*_BROKEN, *_CUT, Image.DecompressionBombError):
        return ""


def decoded(text: str) -> bytes:
    """Return the bytes of a text in base64; none where it is something else."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def address(content: bytes, kind: str) -> str:
    """Return an address that holds the picture itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
