"""The XML of one sheet or of the shared strings, read in one pass.

openpyxl gives the parts that take knowledge (sheets, styles, dates); the cells take speed, and
three things its own pass over them does not tell: a formula without a stored result from a blank,
merged ranges and hidden rows together with streaming, and a cell that stands in the wrong row.
"""

import re
from collections.abc import Callable, Iterator
from typing import IO, Any, Final
from xml.parsers import expat

from analysis.clean.workbook.cells import Mark, Span, column_number
from analysis.clean.workbook.formats import shown
from analysis.clean.workbook.limits import (
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_MARKS,
    MAX_MERGED_CELLS,
    MAX_MERGES,
    Unreadable,
    over,
)

_SPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_C, _V, _T, _F, _ROW, _PHONETIC, _MERGE, _COL, _ITEM, _STRIKE, _COMMENT = range(1, 12)
_TAGS: Final = {
    f"{space} {name}": tag
    for space in _SPACES
    for name, tag in {
        "c": _C, "v": _V, "t": _T, "f": _F, "row": _ROW, "rPh": _PHONETIC,
        "mergeCell": _MERGE, "col": _COL, "si": _ITEM, "strike": _STRIKE, "comment": _COMMENT,
    }.items()
}  # fmt: skip
_DIGITS = "0123456789"
_EMPTY_CELL = re.compile(rb'<c r="[A-Z]+[0-9]+"(?: s="[0-9]+")?/>')
_PIECE = 1 << 19
_LONGEST_TAG = 1 << 20
_DAMAGED = "It is damaged; open it in a spreadsheet program and save it anew."

Convert = Callable[[str, str, int], tuple[str, str]]
"""From type attribute, raw text and style to kind and text."""


def xml_parser() -> expat.XMLParserType:
    """Return a parser that refuses document types and entities."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise Unreadable("entities", "its XML declares a document type", _DAMAGED)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    return parser


def parse_xml(parser: expat.XMLParserType, stream: IO[bytes]) -> None:
    """Run a parser over a stream, and say it in a sentence when the XML is broken."""
    try:
        for piece in _without_empty_cells(stream):
            parser.Parse(piece, False)  # noqa: FBT003  (expat takes it by position)
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise Unreadable("damaged", f"its XML is broken ({error})", _DAMAGED) from None


def _without_empty_cells(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield XML in pieces without the cells that only carry a format.

    A sheet formatted to its last row holds millions of them; each states its own place, so that
    the others do not move.
    """
    rest = b""
    while piece := stream.read(_PIECE):
        whole, bracket, rest = (rest + piece).rpartition(b">")
        if len(rest) > _LONGEST_TAG:
            whole, bracket, rest = whole + bracket + rest, b"", b""
        if b"/>" in whole and b"<![" not in whole:
            whole = _EMPTY_CELL.sub(b"", whole + bracket)
            bracket = b""
        yield whole + bracket
    yield rest


def _texts(  # noqa: C901  (one branch a tag)
    stream: IO[bytes], element: int, take: Callable[[dict[str, str], str, bool], None]
) -> None:
    """Hand over attributes, text, and whether part of it is struck, of each such element."""
    pieces: list[str] = []
    own: dict[str, str] = {}
    inside = phonetic = struck = False
    parser = xml_parser()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal own, inside, phonetic, struck
        tag = _TAGS.get(name)
        if tag == element:
            own, struck = attributes, False
        elif tag == _T:
            inside = not phonetic
        elif tag == _PHONETIC:
            phonetic = True
        elif tag == _STRIKE:
            struck = struck or _is_on(attributes)

    def end(name: str) -> None:
        nonlocal inside, phonetic
        tag = _TAGS.get(name)
        if tag == _T:
            inside = False
        elif tag == _PHONETIC:
            phonetic = False
        elif tag == element:
            take(own, "".join(pieces), struck)
            pieces.clear()

    def text(data: str) -> None:
        if inside:
            pieces.append(data)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parse_xml(parser, stream)


def _is_on(attributes: dict[str, str]) -> bool:
    return attributes.get("val", "1") not in {"0", "false"}


def shared_strings(stream: IO[bytes]) -> tuple[list[str], set[str]]:
    """Return the shared strings without phonetic guides, and numbers of those that are struck."""
    strings: list[str] = []
    struck: set[str] = set()

    def take(_: dict[str, str], text: str, is_struck: bool) -> None:
        if is_struck:
            struck.add(str(len(strings)))
        strings.append(text)

    _texts(stream, _ITEM, take)
    return strings, struck


def comments(stream: IO[bytes], facts: "SheetFacts") -> None:
    """Add what a part with comments says of the cells of its sheet."""

    def take(attributes: dict[str, str], text: str, _: bool) -> None:
        facts.mark(*_corner(attributes.get("ref", ""), "a comment"), "comment", text)

    _texts(stream, _COMMENT, take)


class SheetFacts:
    """What is learnt of a sheet besides its rows, under the limits of every workbook."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self.merges: list[Span] = []
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []
        self._formats: dict[tuple[int, str], list[int]] = {}

    def mark(self, row: int, column: int, kind: str, text: str = "") -> None:
        """Say something of a cell."""
        self.marks.append(Mark(row, column, kind, text[:MAX_CELL_CHARS]))
        if len(self.marks) > MAX_MARKS:
            seen = len(self.marks)
            raise over("marks", "cells struck, unseen or commented upon", seen, MAX_MARKS)

    def format(self, row: int, column: int, code: str, value: float) -> None:
        """Say how a number is shown."""
        seen = shown(code, value)
        if value and seen.is_hidden:
            self.mark(row, column, "unseen")
        elif value and not seen.is_plain:
            self._formats.setdefault((column, code), [row, 0])[1] += 1

    def merge(self, span: Span) -> None:
        """Say that a cell reaches further."""
        area = (span.bottom - span.top + 1) * (span.right - span.left + 1)
        if area > MAX_MERGED_CELLS:
            raise over("merges", f"cells in the merged range {span}", area, MAX_MERGED_CELLS)
        self.merges.append(span)
        if len(self.merges) > MAX_MERGES:
            raise over("merges", "merged ranges", len(self.merges), MAX_MERGES)

    def message(self) -> dict[str, Any]:
        """Return the message that closes the sheet."""
        return {
            "end": True,
            "merges": self.merges,
            "hidden_rows": self.hidden_rows,
            "hidden_columns": self.hidden_columns,
            "formats": [(at, code, row, n) for (at, code), (row, n) in self._formats.items()],
            "marks": self.marks,
        }


class SheetScan:
    """One pass over a sheet; rows go out as they come, the rest is there afterwards."""

    def __init__(
        self,
        emit: Callable[[int, str, list[str]], None],
        convert: Convert,
        marked: dict[int, str],
        looks: dict[int, str],
        struck: set[str],
    ) -> None:
        self.emit, self.convert, self.marked = emit, convert, marked
        self.looks, self.struck = looks, struck
        self.facts = SheetFacts()

    def read(self, stream: IO[bytes]) -> None:  # noqa: C901, PLR0915  (one loop, kept flat for speed)
        """Read the sheet's XML."""
        parser = xml_parser()
        get, convert, emit = _TAGS.get, self.convert, self.emit
        columns: dict[str, int] = {}
        kinds: list[str] = []
        texts: list[str] = []
        pieces: list[str] = []
        row = column = style = 0
        kind, row_text = "n", ""
        collect = has_value = has_formula = phonetic = is_struck = False
        looks, struck, facts = self.looks, self.struck, self.facts

        def start(name: str, attributes: dict[str, str]) -> None:  # noqa: C901, PLR0912
            nonlocal row, row_text, column, style, kind, collect, has_value, has_formula
            nonlocal phonetic, is_struck
            tag = get(name)
            if tag == _C:
                reference = attributes.get("r")
                if reference:
                    name = reference.rstrip(_DIGITS)
                    at = columns.get(name) or columns.setdefault(name, column_number(name))
                    if at <= column or reference[len(name) :] != row_text:
                        raise _misplaced(reference, row)
                    column = at
                else:
                    column += 1
                kind = attributes.get("t", "n")
                style = int(attributes.get("s", 0))
                has_value = has_formula = is_struck = False
                if pieces:
                    pieces.clear()
            elif tag == _V:
                collect = has_value = True
            elif tag == _T:
                collect = has_value = not phonetic
            elif tag == _F:
                has_formula = True
            elif tag == _ROW:
                given = attributes.get("r")
                number = int(given) if given else row + 1
                if number <= row:
                    raise _misplaced(f"row {number}", row)
                row, column, row_text = number, 0, given or str(number)
                if attributes.get("hidden") in {"1", "true"}:
                    facts.hidden_rows.append(row)
            elif tag == _PHONETIC:
                phonetic = True
            elif tag == _STRIKE:
                is_struck = _is_on(attributes)
            elif tag == _MERGE:
                first, _, last = attributes.get("ref", "").partition(":")
                corners = (_corner(each, "a merged range") for each in (first, last or first))
                facts.merge(Span(*next(corners), *next(corners)))
            elif tag == _COL and attributes.get("hidden") in {"1", "true"}:
                until = min(int(attributes["max"]), MAX_COLUMNS) + 1
                facts.hidden_columns.extend(range(int(attributes["min"]), until))

        def end(name: str) -> None:  # noqa: C901
            nonlocal collect, phonetic
            tag = get(name)
            if tag in {_V, _T}:
                collect = False
            elif tag == _PHONETIC:
                phonetic = False
            elif tag == _C:
                raw = "".join(pieces)
                if raw and has_value:
                    found, text = convert(kind, raw, style)
                elif has_formula and not (has_value and kind == "str"):
                    found, text = "f", ""
                else:
                    return
                if column > MAX_COLUMNS:
                    raise _far(row, column)
                if len(text) > MAX_CELL_CHARS:
                    raise over("text", "characters in one cell", len(text), MAX_CELL_CHARS)
                if (gap := column - 1 - len(texts)) > 0:
                    kinds.append(" " * gap)
                    texts.extend([""] * gap)
                kinds.append(found)
                texts.append(text)
                if found == "n" and style in self.marked:
                    facts.format(row, column, self.marked[style], float(text))
                if style in looks or is_struck or (kind == "s" and raw in struck):
                    facts.mark(row, column, looks.get(style, "struck"))
            elif tag == _ROW and texts:
                emit(row, "".join(kinds), texts)
                kinds.clear()
                texts.clear()

        def characters(data: str) -> None:
            if collect:
                pieces.append(data)

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = characters
        parse_xml(parser, stream)


def _corner(reference: str, what: str) -> tuple[int, int]:
    """Return row and column of an address."""
    name = reference.replace("$", "").rstrip(_DIGITS)
    column, digits = column_number(name), reference.replace("$", "")[len(name) :]
    if not column or not digits or len(digits) > 7:  # noqa: PLR2004  (1048576 has seven)
        raise Unreadable("damaged", f"{what} stands at {reference[:40]!r}", _DAMAGED)
    return int(digits), column


def _misplaced(reference: str, row: int) -> Unreadable:
    return Unreadable("damaged", f"{reference[:20]} comes after its place in row {row}", _DAMAGED)


def _far(row: int, column: int) -> Unreadable:
    return Unreadable(
        "columns",
        f"row {row:,} holds a value in column {column:,}; the limit is {MAX_COLUMNS:,}",
        "Delete the stray cell, or split the sheet, and save it anew.",
    )
