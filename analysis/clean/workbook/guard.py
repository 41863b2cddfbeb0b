"""What a file really is, asked before any parser sees it.

The name says one thing and the first bytes another: county systems write HTML pages and tab text
under the name .xls, and a password turns an .xlsx into another container altogether.
"""

from pathlib import Path

from analysis.clean.workbook.limits import MAX_FILE_BYTES, MAX_TEXTFILE_BYTES, Unreadable
from analysis.clean.workbook.zips import check_archive

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
_BARE_XLS = (b"\x09\x08\x10\x00\x00\x06", b"\x09\x08\x08\x00\x00\x05", b"\x09\x04\x06\x00\x00\x00",
             b"\x09\x02\x06\x00\x00\x00", b"\x09\x00\x04\x00\x02\x00")  # fmt: skip

EXTENSIONS = (".xlsx", ".xlsm", ".xls", ".ods", ".html", ".htm", ".xml", ".csv", ".txt", ".tsv")
"""Extensions that are read; what a file is, its first bytes say."""

_SAVE = "Open it in a spreadsheet program, save it as .xlsx, and give that file."
_FOREIGN = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"{\\rtf": "an RTF document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def check(path: Path) -> str:
    """Return the format of a file that is safe to parse."""
    if path.suffix.lower() not in EXTENSIONS:
        raise Unreadable(
            "extension",
            f"the extension {path.suffix or '(none)'} is not one of {', '.join(EXTENSIONS)}",
            "Save the tables in one of these formats.",
        )
    if not path.is_file():
        raise Unreadable("missing", "there is no such file", "Check its name and folder.")
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("empty", "it has zero bytes", "Copy it again from where it came.")
    _limit(size, MAX_FILE_BYTES)
    with path.open("rb") as stream:
        head = stream.read(4096)
        found = _format(head, path)
        if found == "xls":
            stream.seek(0)
            _check_ole(head, stream.read())
    if found in {"text", "html", "xml"}:
        _limit(size, MAX_TEXTFILE_BYTES)
    return check_archive(path) if found == "xlsx" else found


def _limit(size: int, limit: int) -> None:
    if size > limit:
        raise Unreadable(
            "size",
            f"it has {size:,} bytes; the limit is {limit:,}",
            "Remove pictures from it, or split it.",
        )


def _format(head: bytes, path: Path) -> str:
    """Return what the first bytes are, or raise for what is none of these."""
    known = {"xlsx": (ZIP,), "xls": (OLE, *_BARE_XLS), "text": _UTF16}
    if found := next((kind for kind, starts in known.items() if head.startswith(starts)), ""):
        return found
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise Unreadable("foreign", f"it is {name}", "Give the table itself.")
    if head.startswith(b"PK\x05\x06"):
        raise Unreadable("foreign", "it is an empty zip archive", "Copy it again.")
    if found := _marked_up(head, path):
        return found
    if b"\0" in head:
        raise Unreadable(
            "binary",
            "it begins with bytes of no known format (NUL among them)",
            "It is damaged or not a table; copy it again from where it came.",
        )
    return "text"


def _marked_up(head: bytes, path: Path) -> str:
    """Return which markup a file begins with, if any."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:512].lower()
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head", b"<style")):
        return "html"
    if start.startswith((b"<?xml", b"<workbook", b"<ss:workbook")):
        if b"excel.sheet" in start or b"urn:schemas-microsoft-com:office:spreadsheet" in start:
            return "xml"
        if b"<html" in start:
            return "html"
        raise Unreadable("xml", f"it is an XML document named {path.suffix}", _SAVE)
    if b"mime-version:" in start:
        raise Unreadable("html", f"it is a web archive named {path.suffix}", _SAVE)
    return ""


def _check_ole(head: bytes, content: bytes) -> None:
    """Refuse what shares the container of .xls: encrypted .xlsx, Word, PowerPoint."""
    if not head.startswith(OLE):
        return

    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in content

    if holds("EncryptedPackage") or holds("EncryptionInfo"):
        raise Unreadable(
            "encrypted",
            "it is an .xlsx workbook protected by a password",
            "Open it with its password, remove the protection, and save it anew.",
        )
    if holds("Workbook") or holds("Book"):
        if len(content) % 512 or len(content) < _ole_bytes(content):
            raise Unreadable(
                "truncated",
                f"it ends after {len(content):,} bytes, in the middle of a sector",
                "Copy it again from where it came.",
            )
        return
    for stream, name in (("WordDocument", "a Word document"), ("PowerPoint", "a presentation")):
        if holds(stream):
            raise Unreadable("foreign", f"it is {name}", "Give the table itself.")
    raise Unreadable(
        "truncated",
        "it begins like an .xls workbook and holds none",
        "It is cut off or damaged; copy it again from where it came.",
    )


def _ole_bytes(content: bytes) -> int:
    """Return the least size that the header of the container speaks of: its own directory."""
    shift = int.from_bytes(content[30:32], "little")
    directory = int.from_bytes(content[48:52], "little")
    return (directory + 2) << shift if shift in {9, 12} else 0
