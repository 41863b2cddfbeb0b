"""Tables in HTML, in Excel's XML of 2003 and in OpenDocument, as messages about their cells.

Runs in the child process. All three come as marked-up text, are read in one pass by the parsers of
the standard library, and go out row by row under the limits of every workbook.
"""

import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat

from analysis.clean.workbook.formats import may_differ
from analysis.clean.workbook.limits import MAX_COLUMNS, MAX_ROWS, Unreadable
from analysis.clean.workbook.pages import Pages, Send, as_unreadable, number_text
from analysis.clean.workbook.textfile import decode
from analysis.clean.workbook.xlsx import parse_xml, xml_parser

_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", re.ASCII)
_UNIT_AT_END = re.compile("(?:[百千]?[万亿]|千|百)?元$|[万亿]$")
_WHITE = "#ffffff"
_RICH: Final = "//www.w3.org/TR/REC-html40 "
_SIGNS: Final = {"text s": " ", "text tab": " ", "text line-break": "\n"}
_SCALED: Final = {1e3: "0,", 1e4: "0!.0,", 1e6: "0,,", 1e8: "0!.00,,"}
_LONGEST = 7  # digits of 1048576, the last row
_NEAR = 0.06  # what is shown has been rounded

Attributes = dict[str, str]


def send_html(path: str, send: Send) -> None:
    """Send the tables of an HTML page, below each other, as one sheet without a name."""
    with as_unreadable(".html"):
        pages = Pages(send)
        pages.open("")
        reader = _Html(pages)
        reader.feed(decode(Path(path).read_bytes())[0])
        reader.close()
        reader.end_table(everything=True)
        pages.end()


class _Html(HTMLParser):
    """Rows of tables as they end; a table in a cell of another gives rows of its own."""

    def __init__(self, pages: Pages) -> None:
        super().__init__(convert_charrefs=True)
        self.pages = pages
        self.tables: list[list[tuple[Attributes, str, bool]] | None] = []  # the open row of each
        self.down: dict[int, int] = {}  # rows for which a column is still covered from above
        self.pieces: list[str] | None = None
        self.own: Attributes = {}
        self.struck = False
        self.hides = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        style = given.get("style", "").replace(" ", "").lower()
        if tag == "table":
            self._end_cell()
            self.tables.append(None)
        elif tag == "tr" and self.tables:
            self._end_row()
            self.tables[-1] = []
            self.hides = "display:none" in style
        elif tag in {"td", "th"} and self.tables:
            self._end_cell()
            if self.tables[-1] is None:
                self.tables[-1] = []
            self.own, self.pieces, self.struck = given, [], "line-through" in style
        elif tag == "br" and self.pieces is not None:
            self.pieces.append("\n")
        elif tag in {"s", "strike", "del"} or "line-through" in style:
            self.struck = self.pieces is not None

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self.end_table()

    def handle_data(self, data: str) -> None:
        if self.pieces is not None:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def end_table(self, *, everything: bool = False) -> None:
        """Close the innermost table, or all; a blank row parts it from the next."""
        while self.tables:
            self._end_row()
            self.tables.pop()
            self.down.clear()
            self.pages.row += 1
            if not everything:
                return

    def _end_cell(self) -> None:
        if self.pieces is not None and self.tables and self.tables[-1] is not None:
            text = "\n".join(line.strip() for line in "".join(self.pieces).split("\n")).strip()
            self.tables[-1].append((self.own, text, self.struck))
        self.pieces = None

    def _end_row(self) -> None:
        self._end_cell()
        if not self.tables or self.tables[-1] is None:
            return
        pages, row = self.pages, self.tables[-1]
        self.tables[-1] = None
        pages.row += 1
        if self.hides:
            pages.hidden_rows.append(pages.row)
        covered = {column for column, left in self.down.items() if left > 0}
        self.down = {column: left - 1 for column, left in self.down.items() if left > 1}
        for given, text, struck in row:
            pages.skip_to(next(at for at in count(pages.column) if at not in covered))
            across, down = _times(given.get("colspan")), _times(given.get("rowspan"))
            pages.reach(down, across)
            self.down |= {pages.column + at: down - 1 for at in range(across) if down > 1}
            if struck and text:
                pages.mark("struck")
            exact = number_text(given.get("x:num", ""))  # what Excel kept of a number beside it
            kind = "n" if exact or _NUMBER.fullmatch(text) else "s"
            pages.cell(kind, exact or (text.replace(",", "") if kind == "n" else text))
            pages.skip_to(pages.column + across - 1)
        pages.end_row()


def _times(said: str | None) -> int:
    """Return how often something is repeated, 1 where nothing or nonsense is said."""
    if not said or not (said.isascii() and said.isdigit()):
        return 1
    if len(said) > _LONGEST:
        raise Unreadable("damaged", f"it repeats a cell {said[:12]}… times", "Save it anew.")
    return max(int(said), 1)


def _walk(content: str | IO[bytes], start: Any, end: Any) -> None:  # noqa: ANN401
    """Run a parser that refuses document types; ``end`` gets the text of each element."""
    parser = xml_parser()
    pieces: list[list[str]] = []

    def open_element(name: str, attributes: Attributes) -> None:
        pieces.append([])
        start(_short(name), {_short(key): value for key, value in attributes.items()})

    def close_element(name: str) -> None:
        own, text = _short(name), "".join(pieces.pop())
        if own != "text p" and own.startswith(("text ", _RICH)):  # a piece of a paragraph
            pieces[-1].append(_SIGNS.get(own, text))
        end(own, text)

    def characters(data: str) -> None:
        pieces[-1].append(data)

    parser.StartElementHandler, parser.EndElementHandler = open_element, close_element
    parser.CharacterDataHandler = characters
    if not isinstance(content, str):
        parse_xml(parser, content)
        return
    try:
        parser.Parse(re.sub(r"^\s*<\?xml.*?\?>", "", content, flags=re.DOTALL), True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise Unreadable("damaged", f"its XML is broken ({error})", "Save it anew.") from None


def _short(name: str) -> str:
    """Return a name with the last word of its namespace: ``table table-row``."""
    space, _, own = name.rpartition(" ")
    return f"{space.removesuffix(':1.0').rpartition(':')[2]} {own}" if space else own


def send_xml2003(path: str, send: Send) -> None:
    """Send the sheets of a workbook in Excel's XML of 2003."""
    with as_unreadable(".xml"):
        reader = _Excel2003(Pages(send))
        _walk(decode(Path(path).read_bytes())[0], reader.start, reader.end)


class _Excel2003:
    """Worksheet, Row, Cell, Data; styles stand before them."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.style = ""
        self.looks: dict[str, Attributes] = {}
        self.cell: Attributes = {}
        self.data: tuple[str, str] = ("", "")
        self.comment = ""
        self.is_comment = self.is_struck = False
        self.columns = 0

    def start(self, name: str, given: Attributes) -> None:  # noqa: C901  (one branch an element)
        """Take the start of an element."""
        own = {key.rpartition(" ")[2]: value for key, value in given.items()}
        tag = name.rpartition(" ")[2]
        if tag == "Style":
            self.style = own.get("ID", "")
        elif name.startswith(_RICH):
            self.is_struck |= tag == "S"
        elif tag in {"Font", "Interior", "NumberFormat"} and self.style:
            self.looks.setdefault(self.style, {}).update(
                {f"{tag}.{key}": value for key, value in own.items()}
            )
        elif tag == "Worksheet":
            self.pages.open(own.get("Name", ""))
            self.columns = 0
        elif tag == "Column":
            at = _times(own.get("Index", str(self.columns + 1)))
            self.columns = min(at + _times(own.get("Span", "0")) * ("Span" in own), MAX_COLUMNS)
            if own.get("Hidden") == "1":
                self.pages.hidden_columns.extend(range(at, self.columns + 1))
        elif tag == "Row":
            self.pages.row = max(_times(own.get("Index")), self.pages.row + 1)
            if own.get("Hidden") == "1":
                self.pages.hidden_rows.append(self.pages.row)
        elif tag == "Cell":
            self.cell, self.data, self.comment, self.is_struck = own, ("", ""), "", False
        elif tag == "Comment":
            self.is_comment = True
        elif tag == "Data" and not self.is_comment:
            self.data = own.get("Type", "String"), ""

    def end(self, name: str, text: str) -> None:
        """Take the end of an element."""
        tag = name.rpartition(" ")[2]
        if tag == "Data" and self.is_comment:
            self.comment += text
        elif tag == "Data":
            self.data = self.data[0], text
        elif tag == "Styles":
            self.style = ""
        elif tag == "Comment":
            self.is_comment = False
        elif tag == "Cell":
            self._cell()
        elif tag == "Row":
            self.pages.end_row()
        elif tag == "Visible" and text.strip() in {"SheetHidden", "SheetVeryHidden"}:
            self.pages.state = "hidden"
        elif tag == "Worksheet":
            self.pages.end()

    def _cell(self) -> None:
        pages, own = self.pages, self.cell
        pages.skip_to(max(_times(own.get("Index")), pages.column))
        down, across = (int(own.get(f"Merge{way}", "0") or 0) + 1 for way in ("Down", "Across"))
        pages.reach(down, across)
        kind, text = self.data
        kind = {"Number": "n", "DateTime": "d", "Boolean": "b", "Error": "e"}.get(kind, "s")
        if kind == "n":
            kind, text = ("n", exact) if (exact := number_text(text)) is not None else ("e", text)
        elif kind == "d":
            text = text.removesuffix(".000").removesuffix("T00:00:00").replace("T", " ")
        elif not text and "Formula" in own:
            kind = "f"
        looks = self.looks.get(own.get("StyleID", ""), {})
        if text and (mark := "struck" if self.is_struck else self._mark(looks)):
            pages.mark(mark)
        code = looks.get("NumberFormat.Format", "")
        code = "0%" if code == "Percent" else code
        if kind == "n" and code and may_differ(code):
            pages.format(code, float(text))
        if self.comment:
            pages.mark("comment", self.comment)
        pages.cell(kind, text)
        pages.skip_to(pages.column + across - 1)

    @staticmethod
    def _mark(looks: Attributes) -> str:
        if looks.get("Font.StrikeThrough") == "1":
            return "struck"
        ground = looks.get("Interior.Color", _WHITE) if looks.get("Interior.Pattern") else _WHITE
        return "unseen" if looks.get("Font.Color", "").lower() == ground.lower() else ""


def send_ods(path: str, send: Send) -> None:
    """Send the sheets of an OpenDocument spreadsheet."""
    with as_unreadable(".ods"):
        reader = _OpenDocument(Pages(send))
        with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
            _walk(stream, reader.start, reader.end)
        if not reader.is_spreadsheet:
            raise Unreadable("foreign", "it is an OpenDocument text or picture", "Give the table.")


class _OpenDocument:
    """Tables, rows and cells, each of which may be repeated; styles stand before them."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.is_spreadsheet = False
        self.style = ""
        self.looks: dict[str, Attributes] = {}
        self.cell: Attributes = {}
        self.lines: list[str] = []
        self.note: list[str] | None = None
        self.is_struck = False
        self.columns = self.repeat = 1

    def start(self, name: str, given: Attributes) -> None:  # noqa: C901  (one branch an element)
        """Take the start of an element."""
        if name == "style style":
            self.style = given.get("style name", "")
        elif name.startswith("style ") and name.endswith("-properties") and self.style:
            self.looks.setdefault(self.style, {}).update(given)
        elif name == "office spreadsheet":
            self.is_spreadsheet = True
        elif name == "table table":
            looks = self.looks.get(given.get("table style-name", ""), {})
            is_hidden = looks.get("table display") == "false"
            self.pages.open(given.get("table name", ""), "hidden" if is_hidden else "visible")
            self.columns, self.repeat = 1, 1
        elif name == "table table-column":
            last = min(self.columns + self._repeats(given, "columns"), MAX_COLUMNS + 1)
            if given.get("table visibility", "visible") != "visible":
                self.pages.hidden_columns.extend(range(self.columns, last))
            self.columns = last
        elif name == "table table-row":
            self.pages.row += self.repeat
            self.repeat = self._repeats(given, "rows")
            if given.get("table visibility", "visible") != "visible":
                last = min(self.repeat, MAX_ROWS)
                self.pages.hidden_rows.extend(range(self.pages.row, self.pages.row + last))
        elif name in {"table table-cell", "table covered-table-cell"}:
            self.cell, self.lines, self.is_struck = given, [], False
        elif name == "office annotation":
            self.note = []
        elif name == "text span":
            self.is_struck |= self._is_struck(given.get("text style-name", ""))

    def end(self, name: str, text: str) -> None:
        """Take the end of an element."""
        if name == "text p":
            (self.lines if self.note is None else self.note).append(text)
        elif name == "office annotation" and self.note is not None:
            self.cell = {**self.cell, "note": "\n".join(self.note)}
            self.note = None
        elif name == "table covered-table-cell":
            self.pages.cell(" ", "", self._repeats(self.cell, "columns"))
        elif name == "table table-cell":
            self._cell()
        elif name == "table table-row":
            self.pages.end_row(self.repeat)
        elif name == "table table":
            self.pages.end()

    @staticmethod
    def _repeats(given: Attributes, what: str) -> int:
        return _times(given.get(f"table number-{what}-repeated"))

    def _is_struck(self, style: str) -> bool:
        looks = self.looks.get(style, {})
        names = ("style text-line-through-style", "style text-line-through-type")
        return any(looks.get(name, "none") != "none" for name in names)

    def _cell(self) -> None:
        pages, own, said = self.pages, self.cell, "\n".join(self.lines).strip()
        down, across = (_times(own.get(f"table number-{w}-spanned")) for w in ("rows", "columns"))
        pages.reach(down, across)
        kind, text = self._value(own, said)
        if kind == "n" and (code := _scaled(said, float(text))):
            pages.format(code, float(text))
        if text and (self.is_struck or self._is_struck(own.get("table style-name", ""))):
            pages.mark("struck")
        elif text and self._is_unseen(own.get("table style-name", "")):
            pages.mark("unseen")
        if own.get("note"):
            pages.mark("comment", own["note"])
        pages.cell(kind, text, self._repeats(own, "columns"))

    def _is_unseen(self, style: str) -> bool:
        looks = self.looks.get(style, {})
        ground = looks.get("xsl-fo-compatible background-color", "transparent")
        ground = _WHITE if ground == "transparent" else ground
        return looks.get("xsl-fo-compatible color", "").lower() == ground.lower()

    @staticmethod
    def _value(own: Attributes, said: str) -> tuple[str, str]:
        kind = own.get("office value-type", "")
        if own.get("calcext value-type") == "error" or (said.startswith("#") and "!" in said):
            return "e", said
        if kind in {"float", "currency", "percentage"}:
            exact = number_text(own.get("office value", ""))
            return ("n", exact) if exact is not None else ("e", said)
        if kind == "date":
            return "d", own.get("office date-value", said).removesuffix("T00:00:00")
        if kind == "boolean":
            return "b", own.get("office boolean-value", said).upper()
        return ("f", "") if not said and own.get("table formula") else ("s", said)


def _scaled(said: str, value: float) -> str:
    """Return a format that shows a number as it is shown here, empty where it is shown as it is."""
    unit = _UNIT_AT_END.search(said)
    digits = _NUMBER.search(said)
    ends = f'"{unit[0]}"' if unit else ""
    if digits is None or not value:
        return ";;;" if value and not said else ""
    number = abs(float(digits[0].replace(",", "")))
    near = (code for by, code in _SCALED.items() if abs(number * by / abs(value) - 1) < _NEAR)
    code = next(near, "")
    return f"{code}{ends}" if code else f"0{ends}" if ends else ""


READERS: Final[dict[str, Callable[[str, Send], None]]] = {
    "html": send_html, "xml": send_xml2003, "ods": send_ods,
}  # fmt: skip
"""How each format of marked-up text is read."""
