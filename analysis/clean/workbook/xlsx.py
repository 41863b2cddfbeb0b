"""The cells of an .xlsx workbook; runs in the child process.

openpyxl gives the parts that take knowledge (sheets, styles, dates); the cells take speed, and
three things its own pass over them does not tell: a formula without a stored result from a blank,
merged ranges and hidden rows together with streaming, and a cell that stands in the wrong row.
"""

import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from analysis.clean.workbook.cells import Span, column_number
from analysis.clean.workbook.formats import may_differ
from analysis.clean.workbook.limits import MAX_COLUMNS, Unreadable
from analysis.clean.workbook.pages import (
    Pages,
    Send,
    as_unreadable,
    date_text,
    number_text,
    too_far,
)

_SPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_C, _V, _T, _F, _ROW, _PHONETIC, _MERGE, _COL, _STRIKE = range(1, 10)
_TAGS: Final = {
    f"{space} {name}": tag
    for space in _SPACES
    for name, tag in {
        "c": _C, "v": _V, "t": _T, "f": _F, "row": _ROW, "rPh": _PHONETIC,
        "mergeCell": _MERGE, "col": _COL, "strike": _STRIKE,
    }.items()
}  # fmt: skip
_ON = frozenset({"1", "true"})
_DIGITS = "0123456789"
_EMPTY_CELL = re.compile(rb'<c r="[A-Z]+[0-9]+"(?: s="[0-9]+")?/>')
_PIECE = 1 << 19
_LONGEST_TAG = 1 << 20
_DAMAGED = "It is damaged; open it in a spreadsheet program and save it anew."
_WHITE = "FFFFFF"
# Display formats of dates that a Chinese Excel uses without writing them into the file.
_CHINESE_DATES: Final = frozenset([*range(27, 37), *range(50, 59)])
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SHARED_STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_TRANSITIONAL: Final = (
    (b"http://purl.oclc.org/ooxml/spreadsheetml/main",
     b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships",
     b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    (b"http://purl.oclc.org/ooxml/drawingml/main",
     b"http://schemas.openxmlformats.org/drawingml/2006/main"),
)  # fmt: skip
"""Names of strict Open XML and what they are called in the usual kind, which openpyxl knows."""
_OWN_PARTS: Final = ("xl/worksheets/sheet", "xl/sharedStrings")  # read here, in either kind


def xml_parser() -> expat.XMLParserType:
    """Return a parser that refuses document types and entities."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise Unreadable("entities", "its XML declares a document type", _DAMAGED)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    return parser


@contextmanager
def well_formed() -> Iterator[None]:
    """Say it in a sentence when XML is broken."""
    try:
        yield
    except expat.ExpatError as error:
        raise Unreadable("damaged", f"its XML is broken ({error})", _DAMAGED) from None


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield XML in pieces without the cells that only carry a format, and nothing at its end."""
    # a sheet formatted to its last row holds millions of them; each states its own place, so that
    # the others do not move
    rest = b""
    while piece := stream.read(_PIECE):
        whole, bracket, rest = (rest + piece).rpartition(b">")
        if len(rest) > _LONGEST_TAG:
            whole, bracket, rest = whole + bracket + rest, b"", b""
        whole += bracket
        if b"/>" in whole and b"<![" not in whole:
            whole = _EMPTY_CELL.sub(b"", whole)
        if whole:
            yield whole
    if rest:
        yield rest
    yield b""


def _own_name(name: str) -> str:
    return name.rpartition(" ")[2]


def parts(
    stream: IO[bytes], whole: Collection[str], named: Callable[[str], str] = _own_name
) -> Iterator[tuple[str, Element]]:
    """Yield elements as they "start" and "end", those of ``whole`` with all that is in them."""
    parser, ready = xml_parser(), list[tuple[str, Element]]()
    tree, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        tag, own = named(name), {named(key): value for key, value in attributes.items()}
        if depth or tag in whole:
            tree.start(tag, own)
            depth += 1
        else:
            ready.append(("start", Element(tag, own)))

    def end(name: str) -> None:
        nonlocal depth, tree
        if not depth:
            ready.append(("end", Element(named(name))))
            return
        element = tree.end(named(name))
        depth -= 1
        if not depth:
            ready.append(("whole", element))
            tree = TreeBuilder()

    def characters(data: str) -> None:
        if depth:
            tree.data(data)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    for piece in _pieces(stream):
        with well_formed():
            parser.Parse(piece, not piece)
        yield from ready
        ready.clear()


class _Transitional(zipfile.ZipFile):
    """The archive of a workbook, its small parts in the names of the usual kind."""

    def open(self, name: Any, *args: Any, **more: Any) -> Any:  # noqa: ANN401  (as its base)
        stream = super().open(name, *args, **more)
        if str(getattr(name, "filename", name)).startswith(_OWN_PARTS):
            return stream
        with stream:
            content = stream.read()
        for strict, usual in _TRANSITIONAL:
            content = content.replace(strict, usual)
        return io.BytesIO(content)


def send_xlsx(path: str, send: Send) -> None:
    """Send the cells of an .xlsx workbook.

    ``openpyxl.load_workbook`` walks through a whole sheet that states no size, and trusts the size
    that a sheet states; its reader is therefore asked for the parts, and the size for nothing.
    """
    with as_unreadable(".xlsx"):
        from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415
        from openpyxl.styles.stylesheet import apply_stylesheet  # noqa: PLC0415

        with open(path, "rb") as stream:  # noqa: PTH123  (by its name it would refuse an .xls)
            reader = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
            reader.archive.close()
        archive = reader.archive = _Transitional(path)
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(archive, reader.wb)
        strings: list[str] = []
        struck: set[str] = set()
        if part := reader.package.find(_SHARED_STRINGS):
            with archive.open(part.PartName[1:]) as stream:
                strings, struck = _shared_strings(stream)
        styles = _styles(reader.wb, strings, struck)
        pages = Pages(send)
        for sheet, relation in reader.parser.find_sheets():
            if "chartsheet" not in relation.Type:
                pages.open(sheet.name, sheet.state)
                with archive.open(relation.target) as stream:
                    _read_sheet(stream, pages, styles)
                _comments(archive, relation.target, pages)
                pages.end()


def _comments(archive: zipfile.ZipFile, target: str, pages: Pages) -> None:
    """Add the comments of a sheet, which stand in a part of their own."""
    from openpyxl.packaging.relationship import get_dependents, get_rels_path  # noqa: PLC0415

    path = get_rels_path(target)
    if path in archive.namelist():
        for relation in get_dependents(archive, path):
            if relation.Type.endswith("/comments"):
                with archive.open(relation.target) as stream:
                    for kind, part in parts(stream, {"comment"}):
                        if kind == "whole":
                            place = _corner(part.get("ref", ""), "a comment")
                            pages.mark("comment", _text(part), place)


def _shared_strings(stream: IO[bytes]) -> tuple[list[str], set[str]]:
    """Return the shared strings, and the numbers of those that are struck in whole or in part."""
    strings: list[str] = []
    struck = set()
    for kind, part in parts(stream, {"si"}):
        if kind == "whole":
            if any(strike.get("val", "1") in _ON for strike in part.iter("strike")):
                struck.add(str(len(strings)))
            strings.append(_text(part))
    return strings, struck


def _text(part: Element) -> str:
    """Return the text in an element without phonetic guides."""
    guides = [guide for each in part.iter("rPh") for guide in each.iter("t")]
    return "".join(t.text or "" for t in part.iter("t") if t not in guides)


class _Styles(NamedTuple):
    """What a workbook's styles and strings make of a stored value."""

    convert: Callable[[str, str, int], tuple[str, str]]  # type, raw text, style → kind, text
    formats: dict[int, str]  # of styles that show a number otherwise than it is stored
    looks: dict[int, str]  # of styles that strike a value through or hide it
    struck: set[str]  # numbers of the shared strings that are struck through


def _styles(  # noqa: C901  (one branch a kind of cell)
    book: Any,  # noqa: ANN401  (openpyxl is untyped)
    strings: list[str],
    struck: set[str],
) -> _Styles:
    """Return how stored values are read, and which styles show them otherwise."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS  # noqa: PLC0415
    from openpyxl.utils.datetime import from_excel, from_ISO8601  # noqa: PLC0415

    dates, spans = set(book._date_formats), set(book._timedelta_formats)  # noqa: SLF001
    formats: dict[int, str] = {}
    looks: dict[int, str] = {}
    for index, style in enumerate(book._cell_styles):  # noqa: SLF001
        number = style.numFmtId
        custom = number - 164
        if 0 <= custom < len(book._number_formats):  # noqa: SLF001
            code = str(book._number_formats[custom])  # noqa: SLF001
        else:
            code = str(BUILTIN_FORMATS.get(number, "General"))
            if number in _CHINESE_DATES:
                dates.add(index)
        if index not in dates and may_differ(code):
            formats[index] = code
        font, fill = book._fonts[style.fontId], book._fills[style.fillId]  # noqa: SLF001
        if look := _look(font, fill):
            looks[index] = look
    epoch = book.epoch

    def convert(kind: str, raw: str, style: int) -> tuple[str, str]:  # noqa: PLR0911
        if kind == "n":
            if style in dates:
                value = from_excel(float(raw), epoch, timedelta=style in spans)
                return "d", date_text(value)
            text = number_text(raw)
            return ("n", text) if text is not None else ("e", raw[:40])
        if kind == "s":
            text = unescaped(strings[int(raw)])
            return ("s" if text else " "), text
        if kind in {"str", "inlineStr"}:
            return "s", unescaped(raw)
        if kind == "b":
            return "b", "TRUE" if raw.strip() in _ON else "FALSE"
        if kind == "d":
            return "d", date_text(from_ISO8601(raw))
        return "e", raw

    return _Styles(convert, formats, looks, struck)


def unescaped(text: str) -> str:
    """Return text with the control characters that .xlsx writes as ``_x000D_``."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _look(font: Any, fill: Any) -> str:  # noqa: ANN401  (openpyxl is untyped)
    """Return whether a style strikes a value through, or hides it in the colour of its ground."""
    if font.strike:
        return "struck"
    pattern = getattr(fill, "patternType", "gradient")
    ground = _rgb(fill.fgColor) if pattern == "solid" else "" if pattern else _WHITE
    is_hidden = font.color is not None and ground and _rgb(font.color) == ground
    return "unseen" if is_hidden else ""


def _rgb(colour: Any) -> str:  # noqa: ANN401  (openpyxl is untyped)
    """Return red, green and blue of a colour, empty for one that only the theme tells."""
    from openpyxl.styles.colors import COLOR_INDEX  # noqa: PLC0415

    if colour.type == "rgb":
        return str(colour.rgb)[-6:].upper()
    if colour.type == "indexed":  # 64 and 65 are the colours of the system: black on white
        more = ("000000", _WHITE)
        return [*(each[-6:].upper() for each in COLOR_INDEX[:64]), *more][min(colour.indexed, 65)]
    return {0: _WHITE, 1: "000000"}.get(colour.theme, "") if not colour.tint else ""


def _read_sheet(  # noqa: C901, PLR0915  (one loop, kept flat for speed)
    stream: IO[bytes], pages: Pages, styles: _Styles
) -> None:
    """Read the XML of one sheet in one pass."""
    parser = xml_parser()
    get, add = _TAGS.get, pages.add
    convert, formats, looks, struck = styles
    columns: dict[str, int] = {}
    kinds: list[str] = []
    texts: list[str] = []
    pieces: list[str] = []
    row = column = style = 0
    kind, row_text = "n", ""
    collect = has_value = has_formula = phonetic = is_struck = False

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
            if attributes.get("hidden") in _ON:
                pages.hidden_rows.append(row)
        elif tag == _PHONETIC:
            phonetic = True
        elif tag == _STRIKE:
            is_struck = attributes.get("val", "1") in _ON
        elif tag == _MERGE:
            first, _, last = attributes.get("ref", "").partition(":")
            corners = (_corner(each, "a merged range") for each in (first, last or first))
            pages.merge(Span(*next(corners), *next(corners)))
        elif tag == _COL and attributes.get("hidden") in _ON:
            until = min(int(attributes["max"]), MAX_COLUMNS) + 1
            pages.hidden_columns.extend(range(int(attributes["min"]), until))

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
                raise too_far(row, column)
            if (gap := column - 1 - len(texts)) > 0:
                kinds.append(" " * gap)
                texts.extend([""] * gap)
            kinds.append(found)
            texts.append(text)
            if found == "n" and style in formats:
                pages.format(formats[style], float(text), (row, column))
            if style in looks or is_struck or (kind == "s" and raw in struck):
                pages.mark(looks.get(style, "struck"), at=(row, column))
        elif tag == _ROW and texts:
            add(row, "".join(kinds), texts)
            kinds.clear()
            texts.clear()

    def characters(data: str) -> None:
        if collect:
            pieces.append(data)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    with well_formed():
        for piece in _pieces(stream):
            parser.Parse(piece, not piece)


def _corner(reference: str, what: str) -> tuple[int, int]:
    """Return row and column of an address."""
    name = reference.replace("$", "").rstrip(_DIGITS)
    column, digits = column_number(name), reference.replace("$", "")[len(name) :]
    if not column or not digits or len(digits) > 7:  # noqa: PLR2004  (1048576 has seven)
        raise Unreadable("damaged", f"{what} stands at {reference[:40]!r}", _DAMAGED)
    return int(digits), column


def _misplaced(reference: str, row: int) -> Unreadable:
    return Unreadable("damaged", f"{reference[:20]} comes after its place in row {row}", _DAMAGED)
