"""Workbooks for the tests, written here with invented names."""

import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import openpyxl
import pytest

from analysis.clean.workbook import parent


@pytest.fixture(scope="session", autouse=True)
def _parser():
    yield
    parent.stop()


_INLINE = re.compile(rb't="inlineStr"><is><t([^>]*)>(.*?)</t></is>', re.DOTALL)
_STRINGS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_STRINGS_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"


def share_strings(path: Path) -> None:
    """Move the texts of a workbook into a shared table, as spreadsheet programs do.

    Each string gets what such programs add: runs of format, and a phonetic guide.
    """
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    strings: list[bytes] = []

    def move(found: re.Match[bytes]) -> bytes:
        half = len(found[2].decode()) // 2
        first, second = (found[2].decode()[:half].encode(), found[2].decode()[half:].encode())
        if b"&" in found[2]:
            first, second = found[2], b""
        run = b'<r><t xml:space="preserve">%s</t></r>'
        guide = b'<rPh sb="0" eb="1"><t>cun</t></rPh>'
        strings.append(b"<si>" + run % first + run % second + guide + b"</si>")
        return b't="s"><v>%d</v>' % (len(strings) - 1)

    for name, content in list(members.items()):
        if name.startswith("xl/worksheets/"):
            members[name] = _INLINE.sub(move, content)
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    table = b'<sst xmlns="%s">' % space + b"".join(strings) + b"</sst>"
    members["xl/sharedStrings.xml"] = table
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_STRINGS_TYPE}"/></Types>'
    link = f'<Relationship Type="{_STRINGS_LINK}" Target="sharedStrings.xml" Id="rId999"/>'
    types, links = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
    members[types] = members[types].replace(b"</Types>", part.encode())
    members[links] = members[links].replace(b"</Relationships>", f"{link}</Relationships>".encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)


@pytest.fixture
def book(tmp_path) -> Callable[..., Path]:
    """Write an .xlsx file: sheets of rows, and merged ranges by sheet name."""

    def write(
        sheets: dict[str, Iterable[Iterable[object]]],
        merges: dict[str, Iterable[str]] | None = None,
        name: str = "book.xlsx",
        *,
        shared: bool = True,
    ) -> Path:
        made = openpyxl.Workbook()
        made.remove(made.active)
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
            for merge in (merges or {}).get(title, ()):
                sheet.merge_cells(merge)
        path = tmp_path / name
        made.save(path)
        with zipfile.ZipFile(path) as saved:
            inline = "xl/sharedStrings.xml" not in saved.namelist()
        if shared and inline:
            share_strings(path)
        return path

    return write


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


LOOKS = {"struck": 1, "white": 2, "unseen": 3}
"""Styles of cells in .xls files: struck through, white on nothing, shown by a format of nothing."""


def _note(number: int, place: tuple[int, int], text: str) -> bytes:
    """Return a cell's comment: the object that holds it, its text, and where it stands."""
    content = text.encode("utf-16-le")
    stream = _record(0x005D, struct.pack("<HHHHH12x", 0x15, 18, 0x19, number, 0x4011))
    stream += _record(0x01B6, struct.pack("<HH6sHHH", 0x0212, 0, b"", len(text), 16, 0))
    stream += _record(0x003C, b"\1" + content)
    stream += _record(0x003C, struct.pack("<HHIHHI", 0, 0, 0, len(text), 0, 0))
    return stream + _record(0x001C, struct.pack("<4HHB", *place, 0, number, 1, 0) + b"A")


def _sheet_stream(rows, merges, looks, comments) -> bytes:
    stream = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0x0DBB, 0x07CC, 0, 6))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            style = LOOKS.get(looks.get((r, c)), 0)
            if isinstance(value, bool):
                stream += _record(0x0205, struct.pack("<HHHBB", r, c, style, value, 0))
            elif isinstance(value, int | float):
                stream += _record(0x0203, struct.pack("<HHHd", r, c, style, value))
            elif value is not None:
                text = value.encode("utf-16-le")
                head = struct.pack("<HHHHB", r, c, style, len(text) // 2, 1)
                stream += _record(0x0204, head + text)
    ranges = b"".join(struct.pack("<HHHH", a, b, c, d) for a, b, c, d in merges)
    stream += _record(0x00E5, struct.pack("<H", len(merges)) + ranges)
    for number, (place, text) in enumerate(comments.items(), start=1):
        stream += _note(number, place, text)
    return stream + _record(0x000A, b"")


def biff(sheets: dict[str, list], merges=None, looks=None, comments=None) -> bytes:
    """Return a BIFF8 stream; merges are first row, last row, first column, last column from 0.

    ``looks`` (keys of `LOOKS`) and ``comments`` are those of all sheets, by row and column from 0.
    """
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x5, 0x0DBB, 0x07CC, 0, 6))
    start += _record(0x0042, struct.pack("<H", 1200))
    for is_struck, colour in ((0, 8), (8, 8), (0, 9)):
        font = struct.pack("<HHHHHBBBBBB", 200, is_struck, colour, 400, 0, 0, 0, 0, 0, 1, 0)
        start += _record(0x0031, font + b"A")
    start += _record(0x041E, struct.pack("<HHB", 164, 3, 0) + b";;;")
    for font_number, code in ((0, 0), (1, 0), (2, 0), (0, 164)):
        start += _record(0x00E0, struct.pack("<HHHBBBBIIH", font_number, code, *[0] * 8))
    bodies = [
        _sheet_stream(rows, (merges or {}).get(name, []), looks or {}, comments or {})
        for name, rows in sheets.items()
    ]
    names = [name.encode("utf-16-le") for name in sheets]
    place = len(start) + sum(4 + 8 + len(name) for name in names) + 4
    for name, body in zip(names, bodies, strict=True):
        start += _record(0x0085, struct.pack("<IBBBB", place, 0, 0, len(name) // 2, 1) + name)
        place += len(body)
    return start + _record(0x000A, b"") + b"".join(bodies)


@pytest.fixture
def old_book(tmp_path) -> Callable[..., Path]:
    """Write an .xls file (a bare BIFF8 stream, as some county systems export it)."""

    def write(sheets, merges=None, name="book.xls", **more) -> Path:
        path = tmp_path / name
        path.write_bytes(biff(sheets, merges, **more))
        return path

    return write
