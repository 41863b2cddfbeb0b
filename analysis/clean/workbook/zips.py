"""The zip inside an .xlsx file, checked without trusting what it says about itself."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from analysis.clean.workbook.limits import (
    MAX_INFLATED_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_SHEETS,
    RATIO_FROM_BYTES,
    Unreadable,
    over,
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


def check_archive(path: Path) -> str:
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
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError) as error:
        if "CRC" in str(error):  # a RuntimeError is how zipfile says that it does not know a flag
            raise _forged(member) from None
        raise Unreadable("damaged", f"its member {name!r} is damaged", _COPY) from None
