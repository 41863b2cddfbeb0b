"""What a file really is, asked before any parser sees it.

The name says one thing and the first bytes another: county systems write HTML pages and tab text
under the name .xls, and a password turns an .xlsx into another container altogether. The zip inside
an .xlsx is checked without trusting what it says about itself.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from analysis.clean.workbook.limits import (
    MAX_FILE_BYTES,
    MAX_INFLATED_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_SHEETS,
    MAX_TEXTFILE_BYTES,
    RATIO_FROM_BYTES,
    Unreadable,
    over,
)

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

# what zipfile raises on a broken member: RuntimeError of a flag that it does not know
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OSError,
    RuntimeError,
)
_CHUNK = 1 << 18
_OVERLAP = 16  # longer than any of the byte strings searched for
_ENTRY = b"PK\x01\x02"
_XML = (".xml", ".rels", ".vml")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)""")
_COPY = "Copy it again from where it came."
_ANEW = "Open it in a spreadsheet program you trust and save it anew."
_UNLOCK = "Open it with its password, remove the protection, and save it anew."
_OTHER = {
    "xl/workbook.bin": "a binary workbook (.xlsb)",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
}


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
        raise Unreadable("empty", "it has zero bytes", _COPY)
    _limit(size, MAX_FILE_BYTES)
    with path.open("rb") as stream:
        head = stream.read(4096)
        found = _format(head, path)
        if found == "xls":
            stream.seek(0)
            _check_ole(head, stream.read())
    if found in {"text", "html", "xml"}:
        _limit(size, MAX_TEXTFILE_BYTES)
    return _check_archive(path) if found == "xlsx" else found


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
            _UNLOCK,
        )
    if holds("Workbook") or holds("Book"):
        if len(content) % 512 or len(content) < _ole_bytes(content):
            raise Unreadable(
                "truncated",
                f"it ends after {len(content):,} bytes, in the middle of a sector",
                _COPY,
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


def _check_archive(path: Path) -> str:
    """Return "xlsx" or "ods", or refuse a zip file that a workbook parser should not see."""
    with path.open("rb") as stream:
        _count_entries(stream)
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            seen = f"its zip directory cannot be read ({error})"
            raise Unreadable("truncated", seen, _COPY) from None
        members = archive.infolist()
        kind = _check_names(members)
        manifests = [m for m in members if m.filename == "META-INF/manifest.xml" and kind == "ods"]
        pieces = (piece for m in manifests for piece in islice(_inflate(archive, m), 16))
        if any(b"encryption-data" in piece for piece in pieces):
            raise Unreadable("encrypted", "it is protected by a password", _UNLOCK)
        total = 0
        for member in members:
            total += _check_member(archive, member, total)
    return kind


def _count_entries(stream: BinaryIO) -> None:
    """Refuse a directory too long to list, and a file that was cut off before its directory."""
    count, tail, carried = 0, b"", b""
    stream.seek(0)
    while chunk := stream.read(1 << 20):
        count += (carried + chunk).count(_ENTRY)
        carried = chunk[-len(_ENTRY) + 1 :]
        tail = (tail + chunk)[-70_000:]
        if count > MAX_MEMBERS:
            raise over("members", "members in its zip directory", count, MAX_MEMBERS)
    if b"PK\x05\x06" not in tail:
        raise Unreadable(
            "truncated", f"its zip directory is missing after {stream.tell():,} bytes", _COPY
        )


def _check_names(members: list[zipfile.ZipInfo]) -> str:
    """Refuse names that no workbook has; return what the names say that it is."""
    seen: set[str] = set()
    for member in members:
        name = member.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or name.startswith(("/", "\\")) or ".." in parts or ":" in name:
            raise Unreadable("names", f"its member {name[:80]!r} points outside the file", _ANEW)
        if name.lower() in seen:
            raise Unreadable("names", f"its member {name[:80]!r} stands in it twice", _ANEW)
        seen.add(name.lower())
        if member.flag_bits & 0x1:
            raise Unreadable("encrypted", f"its member {name[:80]!r} is encrypted", _UNLOCK)
    return "ods" if {"content.xml", "mimetype"} <= seen else _must_be_xlsx(seen)


def _must_be_xlsx(seen: set[str]) -> str:
    if "xl/workbook.xml" not in seen:
        for name, what in _OTHER.items():
            if name in seen:
                raise Unreadable("foreign", f"it is {what}", "Save the tables as .xlsx.")
        if "[content_types].xml" not in seen or not any(n.startswith("xl/") for n in seen):
            raise Unreadable(
                "foreign",
                f"it is a zip archive of {len(seen)} files and no workbook",
                "Unpack it and give the workbooks in it.",
            )
    sheets = sum(name.startswith("xl/worksheets/") and name.endswith(".xml") for name in seen)
    if sheets > MAX_SHEETS:
        raise over("sheets", "sheets", sheets, MAX_SHEETS)
    return "xlsx"


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, before: int) -> int:
    """Inflate one member, count its bytes, look at its XML; return the count."""
    name = member.filename[:80]
    is_xml = member.filename.lower().endswith(_XML)
    inflated, carried = 0, b""
    for chunk in _inflate(archive, member):
        if is_xml and not inflated:
            _check_encoding(chunk, name)
        inflated += len(chunk)
        _check_bomb(member, inflated, before)
        window = carried + chunk
        if is_xml and (b"<!DOCTYPE" in window or b"<!ENTITY" in window):
            raise Unreadable(
                "entities", f"its member {name!r} declares a document type or entities", _ANEW
            )
        carried = window[-_OVERLAP:]
    if inflated != member.file_size:
        raise _forged(member)
    return inflated


def _forged(member: zipfile.ZipInfo) -> Unreadable:
    promised = f"{member.file_size:,} bytes for {member.filename[:80]!r}"
    seen = f"its directory promises {promised}, and others came out"
    return Unreadable("forged", seen, "It is damaged or forged. " + _COPY)


def _check_bomb(member: zipfile.ZipInfo, inflated: int, before: int) -> None:
    if before + inflated > MAX_INFLATED_BYTES:
        raise Unreadable(
            "bomb",
            f"it inflates to more than {MAX_INFLATED_BYTES:,} bytes, which is the limit",
            _ANEW,
        )
    if inflated > RATIO_FROM_BYTES and inflated > MAX_RATIO * member.compress_size:
        raise Unreadable(
            "bomb",
            f"its member {member.filename[:80]!r} inflates more than {MAX_RATIO} times, "
            "which is the limit",
            _ANEW,
        )


def _check_encoding(chunk: bytes, name: str) -> None:
    """Refuse XML in which the byte search for document types would be blind."""
    declared = _ENCODING.match(chunk.removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].decode("latin-1").lower() if declared else "utf-8"
    if b"\0" in chunk[:64] or encoding not in {"utf-8", "utf8", "us-ascii", "ascii"}:
        raise Unreadable("encoding", f"its member {name!r} is not written in UTF-8", _ANEW)


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a member in pieces; at most one piece is held."""
    name = member.filename[:80]
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Unreadable("method", f"its member {name!r} is packed in an unusual way", _ANEW)
    try:
        with archive.open(member) as stream:
            while piece := stream.read(_CHUNK):
                yield piece
    except _BROKEN as error:
        if "CRC" in str(error):
            raise _forged(member) from None
        raise Unreadable("damaged", f"its member {name!r} is damaged", _COPY) from None
