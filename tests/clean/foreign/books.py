"""Small books in forms that offices use, as data: read from ``books/*.toml``, written as files.

A book's rows are lines of cells parted by ``|``; ``⏎`` is a break inside a cell, ``'`` before a
number makes it a text, as a leading zero does. Beside the rows stands what is true of them:
``truth`` holds lines ``VILLAGE YEAR: CELL ITEM YUAN, …`` of what has to be booked (``B3+C3`` for a
sum), ``may`` the same of what may be booked besides, ``doubt`` of what may be booked if a warning
names its cell, ``never`` ranges of numbers that are no amount of any account or year. Villages,
townships and amounts are invented.
"""

import csv
import re
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import coordinate_to_tuple, get_column_letter, range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

HERE = Path(__file__).parent
REGISTER = HERE / "register.csv"

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_AMOUNT = re.compile(r"([A-Z]+\d+(?:\+[A-Z]+\d+)*) (\S+) (-?[\d.]+)")
_STRICT = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": (
        "http://purl.oclc.org/ooxml/spreadsheetml/main"
    ),
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": (
        "http://purl.oclc.org/ooxml/officeDocument/relationships"
    ),
}
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
_EXCEL = "urn:schemas-microsoft-com:office:spreadsheet"


@dataclass(frozen=True)
class Amount:
    """What one cell of a book says: place, year, account or measure, yuan."""

    village: str
    year: int
    item: str
    yuan: float
    file: str
    sheet: str
    cells: tuple[str, ...]

    @property
    def cell(self) -> str:
        return self.cells[0]


@dataclass(frozen=True)
class Sheet:
    """One sheet with its rows, its looks, what is true of it, and what a person knows of it."""

    file: str
    name: str
    rows: tuple[tuple[object, ...], ...]
    truth: tuple[Amount, ...]
    may: tuple[Amount, ...]
    doubt: tuple[Amount, ...]
    never: dict[str, str]
    person: dict[str, Any]
    looks: dict[str, Any]

    def value(self, cell: str) -> object:
        row, column = coordinate_to_tuple(cell)
        line = self.rows[row - 1] if row <= len(self.rows) else ()
        return line[column - 1] if column <= len(line) else None

    def numbers(self) -> Iterator[str]:
        """Yield the addresses of all cells that hold a number."""
        for row, line in enumerate(self.rows, start=1):
            for column, value in enumerate(line, start=1):
                if isinstance(value, int | float):
                    yield f"{get_column_letter(column)}{row}"


@dataclass(frozen=True)
class Book:
    """A book of one or more files, the form that it rests on, and what is tried with it."""

    name: str
    form: str
    about: str
    sheets: tuple[Sheet, ...]

    def amounts(self, *kinds: str) -> tuple[Amount, ...]:
        """Return the amounts of some kinds: truth, may, doubt."""
        return tuple(a for sheet in self.sheets for kind in kinds for a in getattr(sheet, kind))

    def write(self, folder: Path) -> list[Path]:
        """Write the files of the book into a folder."""
        paths = []
        for file in dict.fromkeys(sheet.file for sheet in self.sheets):
            sheets = [sheet for sheet in self.sheets if sheet.file == file]
            path = folder / file
            _WRITERS[sheets[0].looks.get("as", path.suffix[1:])](path, sheets)
            paths.append(path)
        return paths


def read_books(folder: Path = HERE / "books") -> list[Book]:
    """Return all books of a folder."""
    return [read_book(path) for path in sorted(folder.glob("*.toml"))]


def read_book(path: Path) -> Book:
    """Read a book from its TOML file."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    known = told.get("person", {})
    sheets = [_sheet(sheet, path.stem, known) for sheet in told["sheet"]]
    return Book(path.stem, told["form"], told["about"], tuple(sheets))


def _sheet(told: dict[str, Any], book: str, known: dict[str, Any]) -> Sheet:
    told = dict(told)
    file, name = told.pop("file", f"{book}.xlsx"), told.pop("name", "Sheet1")
    if file.endswith((".csv", ".txt")) or told.get("as") in {"tsv", "html", "html-spans"}:
        name = ""
    rows = tuple(
        tuple(_value(cell) for cell in line.split("|"))
        for line in told.pop("rows").strip("\n").split("\n")
    )
    amounts = {
        kind: tuple(_amounts(told.pop(kind, ""), file, name)) for kind in ("truth", "may", "doubt")
    }
    person = {**known, **told.pop("person", {})}
    return Sheet(
        file, name, rows, never=told.pop("never", {}), person=person, looks=told, **amounts
    )


def _value(cell: str) -> object:
    text = cell.strip(" ").replace("⏎", "\n")
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text.removeprefix("'") or None


def _amounts(text: str, file: str, sheet: str) -> Iterator[Amount]:
    for line in filter(None, map(str.strip, text.splitlines())):
        where, _, said = line.partition(": ")
        village, _, year = where.rpartition(" ")
        for one in said.split(", "):
            found = _AMOUNT.fullmatch(one)
            if not found:
                raise ValueError(f"{file} {sheet}: {one!r} is not of the form CELL ITEM YUAN")
            yield Amount(
                village,
                int(year),
                found[2],
                float(found[3]),
                file,
                sheet,
                tuple(found[1].split("+")),
            )


def within(cell: str, ranges: str) -> bool:
    """Whether a cell lies in one of some ranges parted by blanks."""
    row, column = coordinate_to_tuple(cell)
    for one in ranges.split():
        left, top, right, bottom = range_boundaries(one)
        if left <= column <= right and top <= row <= bottom:
            return True
    return False


def _cells(ranges: str) -> Iterator[str]:
    for one in ranges.split():
        left, top, right, bottom = range_boundaries(one)
        for row in range(top, bottom + 1):
            yield from (f"{get_column_letter(at)}{row}" for at in range(left, right + 1))


def _xlsx(path: Path, sheets: list[Sheet]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    kept = {}
    for sheet in sheets:
        page = book.create_sheet(sheet.name)
        for line in sheet.rows:
            page.append(line)
        _dress(page, sheet.looks)
        for cell, (formula, value) in sheet.looks.get("formulas", {}).items():
            page[cell] = f"={formula}"
            for empty in ("<v></v>", "<v />", "<v/>"):
                kept[f"<f>{formula}</f>{empty}"] = f"<f>{formula}</f><v>{value}</v>"
    book.save(path)
    if sheets[0].looks.get("strict"):
        _rewrite(path, _STRICT)
    if kept:
        _rewrite(path, kept)


def _dress(page: Worksheet, looks: dict[str, Any]) -> None:
    """Give a page its merged areas, number formats, comments, and what is struck or hidden."""
    for area in looks.get("merges", "").split():
        page.merge_cells(area)
    for ranges, code in looks.get("formats", {}).items():
        for cell in _cells(ranges):
            page[cell].number_format = code
    for cell, text in looks.get("comments", {}).items():
        page[cell].comment = Comment(text, "")
    for cell in _cells(looks.get("struck", "")):
        page[cell].font = Font(strike=True)
    for column in looks.get("hidden_columns", ""):
        page.column_dimensions[column].hidden = True
    for row in looks.get("hidden_rows", ()):
        page.row_dimensions[row].hidden = True
    page.sheet_state = looks.get("state", "visible")


def _rewrite(path: Path, exchanged: dict[str, str]) -> None:
    """Exchange texts in the tables of a workbook: other namespaces, values kept for formulas."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            told = content
            if name.startswith("xl/") or name == "_rels/.rels":
                for former, text in exchanged.items():
                    told = told.replace(former.encode(), text.encode())
            new.writestr(name, told)


def _text(path: Path, sheets: list[Sheet]) -> None:
    (sheet,) = sheets
    separator = "\t" if sheet.looks.get("as") == "tsv" else sheet.looks.get("separator", ",")
    lines = [[_said(value) for value in line] for line in sheet.rows]
    with path.open("w", encoding=sheet.looks.get("encoding", "utf-8"), newline="") as stream:
        if sheet.looks.get("unquoted"):
            stream.writelines(separator.join(line) + "\r\n" for line in lines)
        else:
            csv.writer(stream, delimiter=separator).writerows(lines)


def _said(value: object) -> str:
    return "" if value is None else str(value)


def _marked_up(sheet: Sheet, row: str, cell: str, number: str, blank: str) -> str:
    """Return the rows of a sheet in some markup; each template takes the text of what is in it."""
    lines = ""
    for line in sheet.rows:
        cells = (
            blank if value is None
            else (number if isinstance(value, int | float) else cell).format(escape(str(value)))
            for value in line
        )  # fmt: skip
        lines += row.format("".join(cells))
    return lines


def _html(path: Path, sheets: list[Sheet]) -> None:
    rows = _marked_up(sheets[0], "<tr>{}</tr>\n", "<td>{}</td>", "<td>{}</td>", "<td></td>")
    page = f"<html><head><meta charset='utf-8'></head><body><table>{rows}</table></body></html>"
    path.write_text(page, encoding="utf-8")


def _html_spans(path: Path, sheets: list[Sheet]) -> None:
    """Write a table whose merged areas are spans: cells under a span are not written."""
    (sheet,) = sheets
    spans = {area[1::-1]: area for area in map(range_boundaries, sheet.looks["merges"].split())}
    lines = ""
    for row in range(1, len(sheet.rows) + 1):
        lines += "<tr>"
        for column in range(1, len(sheet.rows[0]) + 1):
            left, top, right, bottom = spans.get((row, column), (column, row, column, row))
            if any(
                a <= column <= c and b <= row <= d and (b, a) != (row, column)
                for a, b, c, d in spans.values()
            ):
                continue
            value = sheet.value(f"{get_column_letter(column)}{row}")
            said = "&nbsp;" if value is None else f"<b>{escape(str(value))}</b>&nbsp;"
            lines += f"<td colspan={right - left + 1} rowspan='{bottom - top + 1}'>{said}"
    path.write_text(f"<META charset=gbk><TABLE>{lines}</TABLE>", encoding="gbk")


def _xml2003(path: Path, sheets: list[Sheet]) -> None:
    cell, number = (
        f'<Cell><Data ss:Type="{kind}">{{}}</Data></Cell>' for kind in ("String", "Number")
    )
    pages = "".join(
        f'<Worksheet ss:Name="{sheet.name}"><Table>'
        f"{_marked_up(sheet, '<Row>{}</Row>', cell, number, '<Cell/>')}</Table></Worksheet>"
        for sheet in sheets
    )
    head = f'<?xml version="1.0"?><Workbook xmlns="{_EXCEL}" xmlns:ss="{_EXCEL}">'
    path.write_text(f"{head}{pages}</Workbook>", encoding="utf-8")


def _ods(path: Path, sheets: list[Sheet]) -> None:
    row = "<table:table-row>{}</table:table-row>"
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    number = text.replace('string"', 'float" office:value="{0}"').replace("{}", "{0}")
    pages = "".join(
        f'<table:table table:name="{sheet.name}">'
        f"{_marked_up(sheet, row, text, number, '<table:table-cell/>')}</table:table>"
        for sheet in sheets
    )
    names = " ".join(f'xmlns:{n}="{_OFFICE}:{n}:1.0"' for n in ("office", "table", "text"))
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    entry = f'<m:file-entry m:full-path="/" m:media-type="{mime}"/>'
    members = {
        "mimetype": mime,
        "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>{pages}"
        "</office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": f'<m:manifest xmlns:m="{_OFFICE}:manifest:1.0">{entry}'
        "</m:manifest>",
    }
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)


_WRITERS = {
    "xlsx": _xlsx, "csv": _text, "txt": _text, "tsv": _text, "html": _html, "xml2003": _xml2003,
    "ods": _ods, "html-spans": _html_spans,
}  # fmt: skip
