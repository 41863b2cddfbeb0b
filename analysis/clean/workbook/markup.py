"""Tables in HTML, in Excel's XML of 2003 and in OpenDocument, as messages about their cells.

Runs in the child process. All three come as marked-up text, are read in one pass by the parsers of
the standard library, and go out row by row under the limits of every workbook.
"""

import io
import re
import zipfile
from collections.abc import Callable
from functools import lru_cache
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from analysis.clean.workbook.formats import may_differ
from analysis.clean.workbook.limits import MAX_COLUMNS, MAX_ROWS, Unreadable
from analysis.clean.workbook.pages import Pages, Send, as_unreadable, number_text
from analysis.clean.workbook.textfile import decode
from analysis.clean.workbook.xlsx import parts

_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", re.ASCII)
_UNIT_AT_END = re.compile("(?:[百千]?[万亿]|千|百)?元$|[万亿]$")
_WHITE = "#ffffff"
_OUT_OF_SIGHT = {"SheetHidden", "SheetVeryHidden"}
_TYPES_2003: Final = {"Number": "n", "DateTime": "d", "Boolean": "b", "Error": "e"}
_SIGNS: Final = {"text:s": " ", "text:tab": " ", "text:line-break": "\n"}
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


@lru_cache(1024)
def _short(name: str) -> str:
    """Return a name with the last word of its namespace: ``table:table-row``."""
    space, _, own = name.rpartition(" ")
    return f"{space.removesuffix(':1.0').rpartition(':')[2]}:{own}" if space else own


def _properties(style: Element) -> Attributes:
    """Return what a style says, by element and attribute."""
    return {f"{part.tag}.{key}": value for part in style.iter() for key, value in part.items()}


def send_xml2003(path: str, send: Send) -> None:
    """Send the sheets of a workbook in Excel's XML of 2003."""
    with as_unreadable(".xml"):
        pages = Pages(send)
        looks: dict[str, Attributes] = {}
        columns = 0
        text = re.sub(r"^\s*<\?xml.*?\?>", "", decode(Path(path).read_bytes())[0], flags=re.DOTALL)
        for kind, part in parts(io.BytesIO(text.encode()), {"Style", "Row", "Visible"}):
            if part.tag == "Style":
                looks[part.get("ID", "")] = _properties(part)
            elif part.tag == "Worksheet" and kind == "start":
                pages.open(part.get("Name", ""))
                columns = 0
            elif part.tag == "Worksheet":
                pages.end()
            elif part.tag == "Column" and kind == "start":
                at = _times(part.get("Index", str(columns + 1)))
                span = _times(part.get("Span")) if "Span" in part.attrib else 0
                columns = min(at + span, MAX_COLUMNS)
                if part.get("Hidden") == "1":
                    pages.hidden_columns.extend(range(at, columns + 1))
            elif part.tag == "Row":
                _row_2003(part, pages, looks)
            elif part.tag == "Visible" and (part.text or "").strip() in _OUT_OF_SIGHT:
                pages.state = "hidden"


def _row_2003(row: Element, pages: Pages, looks: dict[str, Attributes]) -> None:
    pages.row = max(_times(row.get("Index")), pages.row + 1)
    if row.get("Hidden") == "1":
        pages.hidden_rows.append(pages.row)
    for cell in row.iter("Cell"):
        pages.skip_to(max(_times(cell.get("Index")), pages.column))
        down, across = (int(cell.get(f"Merge{way}") or 0) + 1 for way in ("Down", "Across"))
        pages.reach(down, across)
        data = cell.find("Data")
        text = "" if data is None else "".join(data.itertext())
        kind = "s" if data is None else _TYPES_2003.get(data.get("Type", ""), "s")
        if kind == "n":
            kind, text = ("n", exact) if (exact := number_text(text)) is not None else ("e", text)
        elif kind == "d":
            text = text.removesuffix(".000").removesuffix("T00:00:00").replace("T", " ")
        elif not text and "Formula" in cell.attrib:
            kind = "f"
        own = looks.get(cell.get("StyleID", ""), {})
        is_struck = next(cell.iter("S"), None) is not None
        if text and (mark := "struck" if is_struck else _mark_2003(own)):
            pages.mark(mark)
        code = own.get("NumberFormat.Format", "")
        code = "0%" if code == "Percent" else code
        if kind == "n" and code and may_differ(code):
            pages.format(code, float(text))
        if comment := "".join(
            t for each in cell.iterfind("Comment//Data") for t in each.itertext()
        ):
            pages.mark("comment", comment)
        pages.cell(kind, text)
        pages.skip_to(pages.column + across - 1)
    pages.end_row()


def _mark_2003(looks: Attributes) -> str:
    if looks.get("Font.StrikeThrough") == "1":
        return "struck"
    ground = looks.get("Interior.Color", _WHITE) if looks.get("Interior.Pattern") else _WHITE
    return "unseen" if looks.get("Font.Color", "").lower() == ground.lower() else ""


def send_ods(path: str, send: Send) -> None:
    """Send the sheets of an OpenDocument spreadsheet, whose columns, rows and cells repeat."""
    with as_unreadable(".ods"):
        pages = Pages(send)
        looks: dict[str, Attributes] = {}
        is_spreadsheet, columns, repeat = False, 1, 1
        with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
            for kind, part in parts(stream, {"style:style", "table:table-row"}, _short):
                is_spreadsheet |= part.tag == "office:spreadsheet"
                if part.tag == "style:style":
                    own = {key: value for each in part for key, value in each.items()}
                    looks[part.get("style:name", "")] = own
                elif part.tag == "table:table" and kind == "start":
                    style = looks.get(part.get("table:style-name", ""), {})
                    is_hidden = style.get("table:display") == "false"
                    pages.open(part.get("table:name", ""), "hidden" if is_hidden else "visible")
                    columns, repeat = 1, 1
                elif part.tag == "table:table":
                    pages.end()
                elif part.tag == "table:table-column" and kind == "start":
                    last = min(columns + _repeats(part, "columns"), MAX_COLUMNS + 1)
                    if part.get("table:visibility", "visible") != "visible":
                        pages.hidden_columns.extend(range(columns, last))
                    columns = last
                elif part.tag == "table:table-row":
                    pages.row += repeat
                    repeat = _repeats(part, "rows")
                    _row_of_ods(part, repeat, pages, looks)
        if not is_spreadsheet:
            raise Unreadable("foreign", "it is an OpenDocument text or picture", "Give the table.")


def _row_of_ods(row: Element, repeat: int, pages: Pages, looks: dict[str, Attributes]) -> None:
    if row.get("table:visibility", "visible") != "visible":
        pages.hidden_rows.extend(range(pages.row, pages.row + min(repeat, MAX_ROWS)))
    for cell in row:
        if cell.tag == "table:covered-table-cell":
            pages.cell(" ", "", _repeats(cell, "columns"))
        elif cell.tag == "table:table-cell":
            _cell_of_ods(cell, pages, looks)
    pages.end_row(repeat)


def _cell_of_ods(cell: Element, pages: Pages, looks: dict[str, Attributes]) -> None:
    aside = [p for note in cell.iter("office:annotation") for p in note.iter("text:p")]
    said = "\n".join(_said(p) for p in cell.iter("text:p") if p not in aside).strip()
    down, across = (_times(cell.get(f"table:number-{w}-spanned")) for w in ("rows", "columns"))
    pages.reach(down, across)
    kind, text = _value_of_ods(cell, said)
    if kind == "n" and (code := _scaled(said, float(text))):
        pages.format(code, float(text))
    own = looks.get(cell.get("table:style-name", ""), {})
    spans = (looks.get(span.get("text:style-name", ""), {}) for span in cell.iter("text:span"))
    ground = own.get("xsl-fo-compatible:background-color", "transparent")
    ground = _WHITE if ground == "transparent" else ground
    if text and any(map(_is_struck, (own, *spans))):
        pages.mark("struck")
    elif text and own.get("xsl-fo-compatible:color", "").lower() == ground.lower():
        pages.mark("unseen")
    if note := "\n".join(map(_said, aside)):
        pages.mark("comment", note)
    pages.cell(kind, text, _repeats(cell, "columns"))


def _said(paragraph: Element) -> str:
    """Return the text of a paragraph, with what its spans hold and the spaces that it names."""
    inner = (
        (_SIGNS.get(each.tag) or _said(each) if each.tag.startswith("text:") else "")
        + (each.tail or "")
        for each in paragraph
    )
    return (paragraph.text or "") + "".join(inner)


def _repeats(part: Element, what: str) -> int:
    return _times(part.get(f"table:number-{what}-repeated"))


def _is_struck(looks: Attributes) -> bool:
    names = ("style:text-line-through-style", "style:text-line-through-type")
    return any(looks.get(name, "none") != "none" for name in names)


def _value_of_ods(own: Element, said: str) -> tuple[str, str]:
    kind = own.get("office:value-type", "")
    if own.get("calcext:value-type") == "error" or (said.startswith("#") and "!" in said):
        return "e", said
    if kind in {"float", "currency", "percentage"}:
        exact = number_text(own.get("office:value", ""))
        return ("n", exact) if exact is not None else ("e", said)
    if kind == "date":
        return "d", own.get("office:date-value", said).removesuffix("T00:00:00")
    if kind == "boolean":
        return "b", own.get("office:boolean-value", said).upper()
    return ("f", "") if not said and own.get("table:formula") else ("s", said)


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
