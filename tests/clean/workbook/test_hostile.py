"""Files that mean harm or are broken: one clear sentence each, in bounded time and memory."""

import re
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from analysis.clean.workbook import limits, parent
from analysis.clean.workbook.limits import Refused
from analysis.clean.workbook.reader import read_sheets, read_tables

from .shown import body

PARENT_BYTES = 300_000_000  # growth; with what Python itself takes, the promise is 500 MB in all
SECONDS = limits.WALL_SECONDS + 10.0  # the limit itself, and the way there
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.fixture
def good(book):
    rows = [["村名", "经营收入（元）"], *[[f"甲{n}村", n] for n in range(20)]]
    return book({"表": rows})


def rewrite(path, changes, *, extra=(), method=zipfile.ZIP_DEFLATED):
    """Write a workbook anew with some members changed (a function of the old bytes) or added."""
    with zipfile.ZipFile(path) as old:
        members = [(info.filename, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(path, "w", method) as new:
        for name, content in [*members, *extra]:
            change = changes.get(name)
            new.writestr(name, change(content) if change else content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def memory(what):
    """Return a line of this process's memory account, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024


def forget_peak():
    """Start the peak anew, so that what other tests took does not count; return what is held."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS")


def refused(path, code, *words):
    """Check code, message, time and memory; the message names the file."""
    start = time.monotonic()
    before = forget_peak()
    with pytest.raises(Refused) as caught:
        read_tables(path)
    assert time.monotonic() - start < SECONDS
    assert memory("VmHWM") - before < PARENT_BYTES
    message = str(caught.value)
    assert caught.value.code == code, message
    assert path.name in message
    for word in words:
        assert word in message, message
    return message


def with_rows(xml):
    return lambda old: re.sub(
        rb"<sheetData>.*</sheetData>",
        b"<sheetData>" + xml.encode() + b"</sheetData>",
        old,
        flags=re.DOTALL,
    )


def test_zip_bomb(good):
    bomb = b"<worksheet>" + b"<row/>" * 20_000_000
    refused(rewrite(good, {SHEET: lambda _: bomb}), "bomb", "200 times")


def test_bomb_below_the_ratio_meets_the_absolute_limit(good, monkeypatch):
    monkeypatch.setattr("analysis.clean.workbook.guard.MAX_INFLATED_BYTES", 10_000)
    refused(rewrite(good, {SHEET: lambda old: old + b" " * 20_000}), "bomb", "10,000 bytes")


def test_nested_bomb(tmp_path):
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    path = tmp_path / "nested.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(20):
            archive.write(inner, f"{n}.zip")
    refused(path, "foreign", "zip archive of 20 files")


def test_nested_bomb_inside_a_workbook_is_never_unpacked(good):
    rewrite(good, {}, extra=[("xl/media/a.zip", zlib.compress(bytes(9_000_000)))])
    assert len(read_tables(good).tables) == 1


def test_far_column(good):
    cell = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    refused(rewrite(good, {SHEET: with_rows(cell)}), "columns", "16,384", "1,024")


def test_far_row_with_a_value_is_read_without_the_rows_between(good):
    far = b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
    rewrite(good, {SHEET: lambda old: old.replace(b"</sheetData>", far)})
    start = time.monotonic()
    (table,) = read_tables(good).tables
    assert time.monotonic() - start < SECONDS
    assert len(body(table)) == 20


def test_honest_file_formatted_far_down_is_read(good):
    rows = "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(30, 200_030)).encode()
    rewrite(good, {SHEET: lambda old: old.replace(b"</sheetData>", rows + b"</sheetData>")})
    (table,) = read_tables(good).tables
    assert len(body(table)) == 20


def test_too_many_rows_and_cells(good, monkeypatch, tmp_path):
    monkeypatch.setattr("analysis.clean.workbook.pages.MAX_ROWS", 10)
    path = tmp_path / "long.csv"
    path.write_text("村名,收入\n" * 11)
    refused(path, "rows", "the limit is 10")
    monkeypatch.setattr("analysis.clean.workbook.pages.MAX_ROWS", 100)
    monkeypatch.setattr("analysis.clean.workbook.pages.MAX_CELLS", 20)
    refused(path, "cells", "the limit is 20")


def test_too_many_cells_in_a_workbook(good):
    row = "<c><v>1</v></c>" * 1000
    rows = f"<row>{row}</row>" * 2_100
    path = rewrite(good, {SHEET: with_rows(rows)}, method=zipfile.ZIP_STORED)
    refused(path, "cells", "the limit is 2,000,000")


@pytest.mark.parametrize("merge", ["A1:XFD1048576", "A1:A9999999"])
def test_huge_merge(good, merge):
    tag = f'</sheetData><mergeCells count="1"><mergeCell ref="{merge}"/></mergeCells>'.encode()
    rewrite(good, {SHEET: lambda old: old.replace(b"</sheetData>", tag)})
    refused(good, "merges", "1,000,000")


def test_very_many_merges(good):
    one = "".join(f'<mergeCell ref="A{n}:B{n}"/>' for n in range(1, 60_000))
    tag = f"</sheetData><mergeCells>{one}</mergeCells>".encode()
    rewrite(good, {SHEET: lambda old: old.replace(b"</sheetData>", tag)})
    refused(good, "merges", "50,000")


@pytest.mark.parametrize("size", ["A1:B2", "A1:XFD1048576", "Z99", "nonsense"])
def test_forged_dimension_neither_loses_nor_adds_rows(good, size):
    def forge(old):
        new = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="%s"' % size.encode(), old)
        assert new != old
        return new

    (table,) = read_tables(rewrite(good, {SHEET: forge})).tables
    assert len(body(table)) == 20


@pytest.mark.parametrize("change", [-10, 10, 2**31])
def test_forged_size_in_the_zip_directory(good, change):
    content = bytearray(good.read_bytes())
    at = content.index(SHEET.encode(), content.index(b"PK\x01\x02")) - 46
    size = struct.unpack_from("<I", content, at + 24)[0]
    struct.pack_into("<I", content, at + 24, size + change)
    good.write_bytes(content)
    refused(good, "forged", "promises")


@pytest.mark.parametrize("place", [0x7FFFFFF0, 1])
def test_a_member_that_is_not_where_the_directory_says(good, place):
    content = bytearray(good.read_bytes())
    at = content.index(SHEET.encode(), content.index(b"PK\x01\x02")) - 46
    struct.pack_into("<I", content, at + 42, place)
    good.write_bytes(content)
    refused(good, "damaged", "is damaged")


BOMB = "<!DOCTYPE a [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    "prolog",
    [
        BOMB,
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://x.invalid/a">',
    ],
)
@pytest.mark.parametrize(
    "member", [SHEET, "xl/workbook.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"]
)
def test_entities(good, prolog, member):
    def insert(old):
        head, _, rest = old.partition(b"?>") if old.startswith(b"<?xml") else (b"", b"", old)
        return (head + b"?>" if head else b"") + prolog.encode() + rest

    refused(rewrite(good, {member: insert}), "entities", "document type")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp037"])
def test_xml_in_another_encoding_hides_no_entities(good, encoding):
    def encode(old):
        text = (
            f'<?xml version="1.0" encoding="{encoding}"?>' + BOMB + old.decode().partition("?>")[2]
        )
        return text.encode(encoding) if encoding != "cp037" else text.encode()

    refused(rewrite(good, {SHEET: encode}), "encoding", "UTF-8")


def test_document_type_that_the_guard_cannot_see_stops_the_parser(good, monkeypatch):
    rewrite(good, {SHEET: lambda old: BOMB.encode() + old.partition(b"?>")[2]})
    with pytest.raises(Refused, match="document type"):
        parent.read_workbook(good, "xlsx")


@pytest.mark.parametrize("flag", [1 << 5, 1 << 6], ids=["a patch", "strong encryption"])
def test_a_member_packed_as_no_reader_unpacks_it(good, flag):
    content = bytearray(good.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= flag
    good.write_bytes(content)
    refused(good, "damaged")


def test_encrypted_member(good):
    content = bytearray(good.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    good.write_bytes(content)
    refused(good, "encrypted", "password")


def ole(*streams):
    """Return the outline of an OLE container with streams of these names."""
    head = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0" + bytes(480)
    )
    return head + b"".join(name.encode("utf-16-le").ljust(512, b"\0") for name in streams)


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_workbook_with_a_password(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(ole("Root Entry", "EncryptionInfo", "EncryptedPackage"))
    refused(path, "encrypted", "password")


def test_word_document_named_xls(tmp_path):
    path = tmp_path / "a.xls"
    path.write_bytes(ole("Root Entry", "WordDocument"))
    refused(path, "foreign", "Word document")


def test_empty_ole_container(tmp_path):
    path = tmp_path / "a.xls"
    path.write_bytes(ole("Root Entry", "Workbook"))
    refused(path, "damaged", "valid .xls")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_xlsx(good, tenth):
    content = good.read_bytes()
    good.write_bytes(content[: len(content) * tenth // 10])
    refused(good, "truncated", "Copy it again")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_xls_is_refused_or_read_as_far_as_it_goes(old_book, tenth):
    path = old_book({"表": [["村名", "收入"], *[[f"甲{n}村", n] for n in range(50)]]})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(Refused) as caught:
        read_sheets(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.xls", b'<?xml version="1.0"?><?mso progid="Excel.Sheet"?>', "damaged", "XML"),
        ("a.xml", b'<?xml version="1.0"?><office:document>', "xml", "XML document"),
        ("a.xls", b"MIME-Version: 1.0\nContent-Type: multipart/related", "html", "web archive"),
        ("a.csv", b"%PDF-1.7 ...", "foreign", "PDF"),
        ("a.csv", b"\x89PNG\r\n", "foreign", "PNG"),
        ("a.csv", b"PK\x05\x06" + bytes(18), "foreign", "empty zip"),
        ("a.csv", b"a,b\x00c\n", "binary", "NUL"),
        ("a.csv", b"a,b\n" * 2000 + b"\0", "binary", "NUL"),
        ("a.csv", b"x" * 200_000, "line", "100,000"),
        ("a.csv", b'\xe6\x9d\x91,"1\n2,3\n', "quotes", "quotation"),
        ("a.csv", b"\xff\xfe\x00\xd8\x00\xd8", "encoding", "utf-16"),
        ("a.csv", b"\x81\x20\xff\xff,1\n", "encoding", "UTF-8"),
        ("a.csv", b"\n\n \n", "empty", "no text"),
        ("a.csv", b"", "empty", "zero bytes"),
        ("a.xlsx", b"", "empty", "zero bytes"),
        ("a.xls", b"", "empty", "zero bytes"),
        ("a.ods", b"PK\x03\x04", "truncated", "zip directory"),
        ("a.numbers", b"PK\x03\x04", "extension", ".numbers"),
        ("a.xls", b"PK\x03\x04", "truncated", "zip directory"),
    ],
)  # fmt: skip
def test_not_what_the_name_says(tmp_path, name, content, code, words):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, code, words)


def test_missing_file_and_folder(tmp_path):
    refused(tmp_path / "gone.xlsx", "missing")
    folder = tmp_path / "a.xlsx"
    folder.mkdir()
    refused(folder, "missing")


def test_file_above_the_size_limit(tmp_path):
    path = tmp_path / "a.xlsx"
    with path.open("wb") as stream:
        stream.truncate(limits.MAX_FILE_BYTES + 1)
    refused(path, "size", "64,000,000")


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/evil.xml", "C:\\evil.xml", "xl\\..\\..\\evil"]
)
def test_member_that_points_outside(good, name):
    refused(rewrite(good, {}, extra=[(name, b"x")]), "names", "outside")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_stands_twice(good):
    refused(rewrite(good, {}, extra=[(SHEET, b"<worksheet/>")]), "names", "twice")


def test_unusual_packing(good):
    refused(rewrite(good, {}, method=zipfile.ZIP_LZMA), "method")


def test_very_many_members(good):
    extra = [(f"xl/media/{n}", b"") for n in range(limits.MAX_MEMBERS)]
    refused(rewrite(good, {}, extra=extra), "members", "4,000")


def test_500_sheets(book):
    path = book({f"{n}": [["村名"]] for n in range(500)})
    refused(path, "sheets", "the limit is 400")


def test_257_sheets_are_honest(book):
    path = book({f"甲{n}村": [["村名", "收入"], ["甲", n]] for n in range(257)})
    assert len(read_sheets(path)) == 257


def test_sheet_that_is_listed_and_missing(good):
    with zipfile.ZipFile(good) as old:
        members = [(i.filename, old.read(i)) for i in old.infolist() if i.filename != SHEET]
    with zipfile.ZipFile(good, "w") as new:
        for name, content in members:
            new.writestr(name, content)
    refused(good, "damaged")


@pytest.mark.parametrize(
    "xml",
    [
        '<row r="2"/><row r="1"/>',
        '<row r="2"><c r="A3"><v>1</v></c></row>',
        '<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>999999</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>x</v></c></row>',
        '<row r="x"/>',
        '<row r="1"><c r="A1"><v>1</v></row>',
    ],
)  # fmt: skip
def test_sheet_that_contradicts_itself(good, xml):
    refused(rewrite(good, {SHEET: with_rows(xml)}), "damaged")


def test_hanging_child_is_killed(good, monkeypatch):
    monkeypatch.setattr(parent._Server, "ask", _ask_for_nothing(parent._Server.ask))
    start = time.monotonic()
    with pytest.raises(Refused, match=r"more than 0\.5 s"):
        parent.read_workbook(good, "xlsx", wall_seconds=0.5)
    assert time.monotonic() - start < SECONDS
    monkeypatch.undo()
    assert len(read_tables(good).tables) == 1


def _ask_for_nothing(ask):
    def hang(self, path, kind):
        pipe = path.with_name("pipe.xlsx")
        import os

        os.mkfifo(pipe)  # opening it waits for a writer that never comes
        return ask(self, pipe, kind)

    return hang


def many_cells(good):
    rows = "<row>" + "<c><v>1</v></c>" * 1000 + "</row>"
    return rewrite(good, {SHEET: with_rows(rows * 1_000)}, method=zipfile.ZIP_STORED)


def test_child_that_computes_too_long_is_stopped_by_the_system(good, monkeypatch):
    monkeypatch.setattr(parent, "CPU_SECONDS", 1)
    refused(many_cells(good), "time", "more than 1 s of computing")


def test_child_that_takes_too_much_memory_is_stopped(good, monkeypatch):
    strings = "".join(f"<si><t>{n:0130}</t></si>" for n in range(400_000))
    table = f"<sst {MAIN}>{strings}</sst>".encode()
    rewrite(good, {"xl/sharedStrings.xml": lambda _: table}, method=zipfile.ZIP_STORED)
    monkeypatch.setattr(parent, "ADDRESS_SPACE_BYTES", 60_000_000)
    refused(good, "memory", "60,000,000 bytes of memory")


def test_dead_server_is_replaced(good):
    read_tables(good)
    parent._server.process.kill()
    parent._server.process.wait()
    assert len(read_tables(good).tables) == 1


def test_good_file_after_a_refused_one_needs_no_new_process(good, tmp_path):
    read_tables(good)
    before = parent._server.process.pid
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(good.read_bytes())
    rewrite(broken, {SHEET: with_rows('<row r="x"/>')})
    refused(broken, "damaged")
    read_tables(good)
    assert parent._server.process.pid == before
