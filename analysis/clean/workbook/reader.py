"""The door: from a file as received to its tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.clean.workbook import guard, parent
from analysis.clean.workbook.assemble import Said, assemble
from analysis.clean.workbook.cells import Sheet
from analysis.clean.workbook.find import find_blocks
from analysis.clean.workbook.grid import rectangles
from analysis.clean.workbook.limits import Refused, Unreadable
from analysis.clean.workbook.tables import Note, Table
from analysis.clean.workbook.textfile import read_textfile

Place = tuple[str, int]
"""A block of a file: sheet, and number in it from 1."""


@dataclass(frozen=True)
class Reading:
    """What one file holds."""

    file: str  # file name
    tables: tuple[Table, ...]  # in the order of sheets and of places in the sheet
    # about the file and its sheets: hidden ones, empty ones, encoding. The note's cell is the
    # sheet's name
    notes: tuple[Note, ...]


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """Return the cells of a file, sheet by sheet."""
    try:
        kind = guard.check(path)
        if kind == "text":
            return (read_textfile(path),)
    except Unreadable as error:
        raise Refused(path, error.code, error.seen, error.advice) from None
    except OSError as error:
        seen = f"the system says: {error.strerror}"
        raise Refused(path, "missing", seen, "Check its name and rights.") from None
    return parent.read_workbook(path, kind)


def read_tables(path: Path) -> Reading:
    """Return the tables of a file."""
    return tables_of(read_sheets(path), path.name, {})


def tables_of(sheets: Iterable[Sheet], file: str, said: Mapping[Place, Said]) -> Reading:
    """Return the tables of sheets that were read before."""
    tables: list[Table] = []
    notes: list[Note] = []
    for sheet in sheets:
        notes += [Note("read", sheet.name, text) for text in sheet.notes]
        if sheet.state != "visible":
            notes.append(Note("hidden", sheet.name, f"the sheet is {sheet.state}; it is read"))
        found: list[Table] = []
        heads = {
            n: s.header_row for (name, n), s in said.items() if name == sheet.name and s.header_row
        }
        number = 0
        for grid in rectangles(sheet):
            for block in find_blocks(grid, heads):
                number += 1
                own = said.get((sheet.name, number), Said())
                found += assemble(block, sheet, file, number, own)
        if not found:
            text = "the sheet is empty" if not sheet.rows else "no table was found in the sheet"
            notes.append(Note("no_table", sheet.name, text))
        tables += found
    return Reading(file, tuple(tables), tuple(notes))
