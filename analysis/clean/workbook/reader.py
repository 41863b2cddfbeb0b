"""The door: from a file as received to its tables."""

from dataclasses import dataclass
from pathlib import Path

from analysis.clean.workbook import guard, parent
from analysis.clean.workbook.assemble import assemble
from analysis.clean.workbook.cells import Sheet
from analysis.clean.workbook.find import find_blocks
from analysis.clean.workbook.grid import rectangles
from analysis.clean.workbook.tables import Note, Table
from analysis.clean.workbook.textfile import read_textfile

_SHOWN = 20


@dataclass(frozen=True)
class Reading:
    """What one file holds.

    Attributes
    ----------
    file : str
        File name.
    tables : tuple of Table
        In the order of sheets and of places in the sheet.
    notes : tuple of Note
        About the file and its sheets: hidden ones, empty ones, encoding. The note's cell is the
        sheet's name.
    """

    file: str
    tables: tuple[Table, ...]
    notes: tuple[Note, ...]


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """Return the cells of a file, sheet by sheet.

    Parameters
    ----------
    path : Path
        A .xlsx, .xls, .csv, .txt or .tsv file; never changed, never trusted.

    Raises
    ------
    Refused
        The file is not read; the message names it, what was seen, the limit and what to do.
    """
    kind = guard.check(path)
    if kind == "text":
        return (read_textfile(path),)
    return parent.read_workbook(path, kind)


def read_tables(path: Path) -> Reading:
    """Return the tables of a file.

    Parameters
    ----------
    path : Path
        A .xlsx, .xls, .csv, .txt or .tsv file.

    Raises
    ------
    Refused
        The file is not read; the message names it, what was seen, the limit and what to do.
    """
    tables: list[Table] = []
    notes: list[Note] = []
    for sheet in read_sheets(path):
        notes += [Note("read", sheet.name, text) for text in sheet.notes]
        if sheet.state != "visible":
            notes.append(Note("hidden", sheet.name, f"the sheet is {sheet.state}; it is read"))
        found = [
            assemble(block, sheet, path.name) for g in rectangles(sheet) for block in find_blocks(g)
        ]
        if not found:
            text = "the sheet is empty" if not sheet.rows else "no table was found in the sheet"
            notes.append(Note("no_table", sheet.name, text))
        tables += found
    return Reading(path.name, tuple(tables), tuple(notes))
