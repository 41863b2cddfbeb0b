"""From the bytes of an .xls workbook to the same messages; runs in the child process."""

from typing import Any

from analysis.clean.workbook.cells import Span
from analysis.clean.workbook.excel import Batches, Send, as_unreadable, date_text, number_text
from analysis.clean.workbook.limits import MAX_COLUMNS, MAX_SHEETS, Unreadable, over
from analysis.clean.workbook.sheetxml import SheetFacts

_NUMBER, _DATE, _BOOLEAN, _ERROR = 2, 3, 4, 5
_WHITE, _AUTOMATIC = (255, 255, 255), 0x7FFF
_KINDS = {0: " ", 1: "s", _NUMBER: "n", _DATE: "d", _BOOLEAN: "b", _ERROR: "e", 6: " "}


def send_xls(path: str, send: Send) -> None:
    """Send the cells of an .xls workbook.

    Formulas without a stored result do not occur there: the format always stores one.
    """
    with as_unreadable(".xls"):
        import xlrd  # noqa: PLC0415

        try:
            with open("/dev/null", "w") as log:  # noqa: PTH123  (xlrd prints what it dislikes)
                book = xlrd.open_workbook(path, formatting_info=True, on_demand=True, logfile=log)
        except xlrd.XLRDError as error:
            if "encrypted" in str(error).lower():
                raise Unreadable(
                    "encrypted",
                    "it is protected by a password",
                    "Open it with its password, remove the protection, and save it anew.",
                ) from None
            raise
        if book.nsheets > MAX_SHEETS:
            raise over("sheets", "sheets", book.nsheets, MAX_SHEETS)
        _send_xls(book, send)


def _send_xls(book: Any, send: Send) -> None:  # noqa: ANN401  (xlrd is untyped)
    batches = Batches(send)
    for index in range(book.nsheets):
        sheet = book.sheet_by_index(index)
        state = ("visible", "hidden", "veryHidden")[sheet.visibility]
        send({"sheet": sheet.name, "state": state})
        facts = SheetFacts()
        facts.hidden_rows = [r + 1 for r, info in sheet.rowinfo_map.items() if info.hidden]
        facts.hidden_columns = [c + 1 for c, info in sheet.colinfo_map.items() if info.hidden]
        for a, c, b, d in sheet.merged_cells:
            facts.merge(Span(a + 1, c + 1, b, d))
        for (row, column), note in sheet.cell_note_map.items():
            facts.mark(row + 1, column + 1, "comment", note.text)
        for row in range(sheet.nrows):
            cells = sheet.row(row)
            texts = [_text(cell, book.datemode) for cell in cells]
            while texts and not texts[-1]:
                texts.pop()
            if len(texts) > MAX_COLUMNS:
                raise over("columns", f"columns in row {row + 1}", len(texts), MAX_COLUMNS)
            if texts:
                pairs = zip(cells, texts, strict=False)
                kinds = "".join(_KINDS[cell.ctype] if text else " " for cell, text in pairs)
                batches.add(row + 1, kinds, texts)
                _see(book, sheet, row, cells[: len(texts)], facts)
        batches.flush()
        send(facts.message())
        book.unload_sheet(index)


def _see(book: Any, sheet: Any, row: int, cells: Any, facts: SheetFacts) -> None:  # noqa: ANN401
    """Take how the cells of a row look, and how their numbers are shown."""
    for column, cell in enumerate(cells):
        look = _look(book, cell, sheet.rich_text_runlist_map.get((row, column), ()))
        if look and cell.value != "":
            facts.mark(row + 1, column + 1, look)
        elif cell.ctype == _NUMBER and cell.xf_index < len(book.xf_list):
            style = book.xf_list[cell.xf_index]
            if found := book.format_map.get(style.format_key):
                facts.format(row + 1, column + 1, found.format_str, cell.value)


def _text(cell: Any, datemode: int) -> str:  # noqa: ANN401
    from xlrd import error_text_from_code, xldate_as_datetime  # noqa: PLC0415

    if cell.ctype == _NUMBER:
        return number_text(repr(cell.value)) or "#NUM!"
    if cell.ctype == _DATE:
        return date_text(xldate_as_datetime(cell.value, datemode))
    if cell.ctype == _BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == _ERROR:
        return str(error_text_from_code.get(cell.value, "#ERROR"))
    return str(cell.value)


def _look(book: Any, cell: Any, runs: Any) -> str:  # noqa: ANN401
    """Return what the looks of a cell say of its value, as of `Mark`: struck, unseen or nothing."""
    if cell.xf_index >= len(book.xf_list) or not book.font_list:
        return ""  # other programs than Excel may write neither styles nor fonts
    style = book.xf_list[cell.xf_index]
    fonts = [book.font_list[at] for at in (style.font_index, *(font for _, font in runs))]
    if any(font.struck_out for font in fonts):
        return "struck"
    ground = style.background
    # pattern 0 paints nothing, 1 paints its first colour over all
    colour = {0: _WHITE, 1: book.colour_map.get(ground.pattern_colour_index)}
    is_seen = colour.get(ground.fill_pattern) != book.colour_map.get(fonts[0].colour_index)
    return "" if is_seen or fonts[0].colour_index == _AUTOMATIC else "unseen"
