"""The cells of an .xls workbook; runs in the child process."""

from typing import Any

from analysis.clean.workbook.cells import Span
from analysis.clean.workbook.limits import Unreadable
from analysis.clean.workbook.pages import Pages, Send, as_unreadable, date_text, number_text

_NUMBER, _DATE, _BOOLEAN, _ERROR = 2, 3, 4, 5
_WHITE, _AUTOMATIC = (255, 255, 255), 0x7FFF
_KINDS = {0: " ", 1: "s", _NUMBER: "n", _DATE: "d", _BOOLEAN: "b", _ERROR: "e", 6: " "}


def send_xls(path: str, send: Send) -> None:
    """Send the cells of an .xls workbook, in which every formula has a stored result."""
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
        pages = Pages(send)
        for index in range(book.nsheets):
            _send_sheet(book, book.sheet_by_index(index), pages)
            book.unload_sheet(index)


def _send_sheet(book: Any, sheet: Any, pages: Pages) -> None:  # noqa: ANN401  (xlrd is untyped)
    pages.open(sheet.name, ("visible", "hidden", "veryHidden")[sheet.visibility])
    pages.hidden_rows += [r + 1 for r, info in sheet.rowinfo_map.items() if info.hidden]
    pages.hidden_columns += [c + 1 for c, info in sheet.colinfo_map.items() if info.hidden]
    for top, bottom, left, right in sheet.merged_cells:
        pages.merge(Span(top + 1, left + 1, bottom, right))
    for (row, column), note in sheet.cell_note_map.items():
        pages.mark("comment", note.text, (row + 1, column + 1))
    for row in range(sheet.nrows):
        pages.row = row + 1
        for column, cell in enumerate(sheet.row(row)):
            _see(book, cell, sheet.rich_text_runlist_map.get((row, column), ()), pages)
            pages.cell(_KINDS[cell.ctype], _text(cell, book.datemode))
        pages.end_row()
    pages.end()


def _see(book: Any, cell: Any, runs: Any, pages: Pages) -> None:  # noqa: ANN401
    """Take how a cell looks, and how its number is shown."""
    if (look := _look(book, cell, runs)) and cell.value != "":
        pages.mark(look)
    elif cell.ctype == _NUMBER and cell.xf_index < len(book.xf_list):
        found = book.format_map.get(book.xf_list[cell.xf_index].format_key)
        pages.format(found.format_str if found else "General", cell.value)


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
