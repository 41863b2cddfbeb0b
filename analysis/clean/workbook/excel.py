"""From the bytes of an .xlsx workbook to messages about its cells.

Runs in the child process. A message is a plain dict for JSON: ``sheet`` opens a sheet,
``rows`` brings some of its rows, ``end`` closes it with what was learnt on the way.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from analysis.clean.workbook.formats import may_differ
from analysis.clean.workbook.limits import (
    MAX_CELLS,
    MAX_ROWS,
    MAX_SHEETS,
    MAX_TEXT_BYTES,
    Unreadable,
    over,
)
from analysis.clean.workbook.sheetxml import SheetFacts, SheetScan, comments, shared_strings

Send = Callable[[dict[str, Any]], None]

_WHITE = "FFFFFF"
_BATCH = 5_000  # cells in one message: some 100 kB
# Display formats of dates that a Chinese Excel uses without writing them into the file.
_CHINESE_DATES: Final = frozenset([*range(27, 37), *range(50, 59)])
_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_LONGEST_NUMBER = 40
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SHARED_STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


class Batches:
    """Rows on their way out, in messages of some thousand cells, counted against the limits."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._rows: list[tuple[int, str, list[str]]] = []
        self._held = self.cells = self.rows = self._bytes = 0

    def add(self, number: int, kinds: str, texts: list[str]) -> None:
        """Take one row with values."""
        self._rows.append((number, kinds, texts.copy()))
        self._held += len(texts)
        self.rows += 1
        self.cells += len(kinds) - kinds.count(" ")
        if self.rows > MAX_ROWS:
            raise over("rows", "rows with values", self.rows, MAX_ROWS)
        if self.cells > MAX_CELLS:
            raise over("cells", "cells with values", self.cells, MAX_CELLS)
        if self._held > _BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        if self._rows:
            self._bytes += sum(len("".join(texts)) for _, _, texts in self._rows)
            if self._bytes > MAX_TEXT_BYTES:
                raise over("text", "characters in its cells", self._bytes, MAX_TEXT_BYTES)
            self._send({"rows": self._rows})
            self._rows, self._held = [], 0


def number_text(raw: str) -> str | None:
    """Return a stored number as the shortest text that means the same; None when it is none."""
    if _PLAIN.fullmatch(raw):
        return raw
    if len(raw) > _LONGEST_NUMBER or "_" in raw:
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    if value - value != 0:  # infinite or not a number
        return None
    if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004  (digits a double keeps)
        return str(int(value))
    return repr(value).upper()


def unescaped(text: str) -> str:
    """Return text with the control characters that .xlsx writes as ``_x000D_``."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def date_text(value: datetime | date | time | timedelta) -> str:
    """Return a date or a time as ISO text, the time of day only where there is one."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


@contextmanager
def as_unreadable(kind: str) -> Iterator[None]:
    """Turn whatever a parser raises on a broken file into one sentence about the file."""
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  (a broken file can make a parser raise anything)
        raise Unreadable(
            "damaged",
            f"its content is no valid {kind} workbook ({type(error).__name__}: {str(error)[:200]})",
            "Open it in a spreadsheet program and save it anew.",
        ) from None


_TRANSITIONAL: Final = (
    (b"http://purl.oclc.org/ooxml/spreadsheetml/main",
     b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships",
     b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    (b"http://purl.oclc.org/ooxml/drawingml/main",
     b"http://schemas.openxmlformats.org/drawingml/2006/main"),
)  # fmt: skip
"""Names of strict Open XML and what they are called in the usual kind, which openpyxl knows."""
_OWN_PARTS: Final = ("xl/worksheets/sheet", "xl/sharedStrings")  # sheetxml knows both kinds


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
        from openpyxl.reader.excel import (  # noqa: PLC0415
            ExcelReader,
        )
        from openpyxl.styles.stylesheet import (  # noqa: PLC0415
            apply_stylesheet,
        )

        with open(path, "rb") as stream:  # noqa: PTH123  (by its name it would refuse an .xls)
            reader = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
            reader.archive.close()
        reader.archive = _Transitional(path)
        reader.read_manifest()
        reader.read_workbook()
        if len(reader.parser.sheets) > MAX_SHEETS:
            raise over("sheets", "sheets", len(reader.parser.sheets), MAX_SHEETS)
        apply_stylesheet(reader.archive, reader.wb)
        _send_sheets(reader, send)


def _send_sheets(reader: Any, send: Send) -> None:  # noqa: ANN401  (openpyxl is untyped)
    archive: zipfile.ZipFile = reader.archive
    strings: list[str] = []
    struck: set[str] = set()
    if part := reader.package.find(_SHARED_STRINGS):
        with archive.open(part.PartName[1:]) as stream:
            strings, struck = shared_strings(stream)
    convert, marked = _converter(reader.wb, strings)
    looks = _looks(reader.wb)
    batches = Batches(send)
    for sheet, relation in reader.parser.find_sheets():
        if "chartsheet" in relation.Type:
            continue
        send({"sheet": sheet.name, "state": sheet.state})
        scan = SheetScan(batches.add, convert, marked, looks, struck)
        with archive.open(relation.target) as stream:
            scan.read(stream)
        batches.flush()
        _comments(archive, relation.target, scan.facts)
        send(scan.facts.message())


def _comments(archive: zipfile.ZipFile, target: str, facts: SheetFacts) -> None:
    """Add the comments of a sheet, which stand in a part of their own."""
    from openpyxl.packaging.relationship import (  # noqa: PLC0415
        get_dependents,
        get_rels_path,
    )

    path = get_rels_path(target)
    if path in archive.namelist():
        for relation in get_dependents(archive, path):
            if relation.Type.endswith("/comments"):
                with archive.open(relation.target) as stream:
                    comments(stream, facts)


def _looks(book: Any) -> dict[int, str]:  # noqa: ANN401  (openpyxl is untyped)
    """Return the styles that strike a value through or hide it in the colour of its ground."""
    looks = {}
    for index, style in enumerate(book._cell_styles):  # noqa: SLF001
        font, fill = book._fonts[style.fontId], book._fills[style.fillId]  # noqa: SLF001
        pattern = getattr(fill, "patternType", "gradient")
        ground = _rgb(fill.fgColor) if pattern == "solid" else "" if pattern else _WHITE
        if font.strike:
            looks[index] = "struck"
        elif font.color is not None and ground and _rgb(font.color) == ground:
            looks[index] = "unseen"
    return looks


def _rgb(colour: Any) -> str:  # noqa: ANN401  (openpyxl is untyped)
    """Return red, green and blue of a colour, empty for one that only the theme tells."""
    from openpyxl.styles.colors import COLOR_INDEX  # noqa: PLC0415

    if colour.type == "rgb":
        return str(colour.rgb)[-6:].upper()
    if colour.type == "indexed":  # 64 and 65 are the colours of the system: black on white
        more = ("000000", _WHITE)
        return [*(each[-6:].upper() for each in COLOR_INDEX[:64]), *more][min(colour.indexed, 65)]
    return {0: _WHITE, 1: "000000"}.get(colour.theme, "") if not colour.tint else ""


def _converter(  # noqa: C901  (one branch a kind of cell)
    book: Any,  # noqa: ANN401  (openpyxl is untyped)
    strings: list[str],
) -> tuple[Callable[[str, str, int], tuple[str, str]], dict[int, str]]:
    """Return the function that reads a stored value, and the styles that show it otherwise."""
    from openpyxl.styles.numbers import (  # noqa: PLC0415
        BUILTIN_FORMATS,
    )
    from openpyxl.utils.datetime import (  # noqa: PLC0415
        from_excel,
        from_ISO8601,
    )

    dates, spans = set(book._date_formats), set(book._timedelta_formats)  # noqa: SLF001
    marked: dict[int, str] = {}
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
            marked[index] = code
    epoch = book.epoch

    def convert(kind: str, raw: str, style: int) -> tuple[str, str]:  # noqa: PLR0911
        if kind == "n":
            if style in dates:
                value = from_excel(float(raw), epoch, timedelta=style in spans)
                return "d", date_text(value)
            text = number_text(raw)
            return ("n", text) if text is not None else ("e", raw[:_LONGEST_NUMBER])
        if kind == "s":
            text = unescaped(strings[int(raw)])
            return ("s" if text else " "), text
        if kind in {"str", "inlineStr"}:
            return "s", unescaped(raw)
        if kind == "b":
            return "b", "TRUE" if raw.strip() in {"1", "true"} else "FALSE"
        if kind == "d":
            return "d", date_text(from_ISO8601(raw))
        return "e", raw

    return convert, marked
