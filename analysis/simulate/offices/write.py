"""The books of the eight offices as files, and what is true of them."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import openpyxl
import pandas as pd

from analysis.fields import TABLES
from analysis.simulate.offices.dirt import Dirt
from analysis.simulate.offices.layouts import draft
from analysis.simulate.offices.ledger import Ledger
from analysis.simulate.offices.pages import Amount, Page, address
from analysis.simulate.offices.plan import OFFICES, Office
from analysis.simulate.offices.soil import make_traditional, soil
from analysis.simulate.simulation import Simulation

_MADE = datetime(2025, 1, 10, 9)  # noqa: DTZ001  (workbooks hold no time zone)
_ZIP_TIME = (2025, 1, 10, 9, 0, 0)
_CREATOR = "lianjian simulate"
_TITLE = "模拟数据 Simulated data"
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


@dataclass(frozen=True)
class Books:
    """The books and what is true of them."""

    contents: dict[str, bytes]  # by file name, in the order of the offices
    cells: pd.DataFrame  # every amount as it should be: see ``cells.csv``
    planted: pd.DataFrame  # every fault: see ``planted.csv``


def make_books(simulation: Simulation, seed: int, dirt: Dirt | None = None) -> Books:
    """Make the ledgers into the books that eight county offices would send (docs/offices.md)."""
    dirt = Dirt() if dirt is None else dirt
    ledger = Ledger.of(simulation)
    pages = [page for office in OFFICES for page in office_pages(office, ledger, seed, dirt)]
    encodings = {office.file: office.encoding for office in OFFICES}
    contents = {}
    for file in dict.fromkeys(page.file for page in pages):
        own = [page for page in pages if page.file == file]
        contents[file] = _text(own[0], encodings[file]) if own[0].is_text else _workbook(own)
    return Books(contents, cells_frame(pages, ledger), planted_frame(pages, ledger))


def office_pages(office: Office, ledger: Ledger, seed: int, dirt: Dirt) -> list[Page]:
    """Return the pages of an office, faults planted."""

    def stream(purpose: str) -> np.random.Generator:
        return np.random.default_rng(
            [seed, int(office.county_code.removeprefix("sim")), *purpose.encode("ascii")]
        )

    pages = draft(office, ledger, dirt, stream("lines"))
    soil(pages, ledger, dirt, stream, office.county_code)
    if office.is_traditional and dirt["traditional"]:
        for page in pages:
            make_traditional(page)
    return pages


def register(villages: pd.DataFrame) -> pd.DataFrame:
    """Return the register of the simulated villages: their ids in place of 12-digit codes."""
    number = villages.groupby("county_code")["township_name"].transform(
        lambda names: pd.factorize(names)[0] + 1
    )
    county = villages["county_code"].str.replace("sim", "SIM-")
    township = county + "-T" + number.astype("str").str.zfill(2)
    frame = villages.assign(village_code=villages["village_id"], township_code=township)
    return frame[list(TABLES["register"][1])]


def _rows(page: Page) -> list[list[object]]:
    width = page.width
    rows: list[list[object]] = [[None] * width for _ in range(page.height)]
    for (row, column), value in page.cells.items():
        rows[row][column] = value
    return rows


def _text(page: Page, encoding: str) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in _rows(page):
        writer.writerow("" if cell is None else as_text(cell) for cell in row)
    return buffer.getvalue().encode(encoding)


def as_text(cell: object) -> str:
    """Return a cell as a text file prints it: a number in digits, without exponent."""
    return np.format_float_positional(cell, trim="0") if isinstance(cell, float) else str(cell)


def _workbook(pages: list[Page]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.creator, book.properties.title = _CREATOR, _TITLE
    book.properties.created = _MADE
    for page in pages:
        sheet = book.create_sheet(page.sheet)
        for row in _rows(page):
            sheet.append(row)
        for top, left, bottom, right in page.merges:
            sheet.merge_cells(None, top + 1, left + 1, bottom + 1, right + 1)
    buffer = io.BytesIO()
    book.save(buffer)
    return _without_clock(buffer)


def _without_clock(workbook: io.BytesIO) -> bytes:
    """Return a workbook that does not tell when it was written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(workbook) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rf"\g<1>{_MADE:%Y-%m-%dT%H:%M:%SZ}".encode(), content)
            member = zipfile.ZipInfo(name, _ZIP_TIME)
            member.create_system = 0  # not the system that it was written on
            target.writestr(member, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


EXPECTED = {
    "read": "the cell reads as `reads_yuan` (for a name: as the village), or as missing when that "
    "is empty; an issue is welcome and not asked for",
    "refused": "the cell must not become a number, and an issue must name it",
    "issue": "an issue must name the cell; what is written may be read as `reads_yuan`",
}


def cells_frame(pages: Iterable[Page], ledger: Ledger) -> pd.DataFrame:
    """Return every cell that holds or should hold money of an account or a sum."""
    columns = ("file", "sheet", "cell", "kind", *_OF_AMOUNT)
    rows = [
        (page.file, page.sheet, address(place), kind, *_of(amount, ledger))
        for page in pages
        for kind, found in (
            ("amount", page.amounts), ("copy", page.copies), ("total", page.totals)
        )
        for place, amount in found.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns))


def planted_frame(pages: Iterable[Page], ledger: Ledger) -> pd.DataFrame:
    """Return every fault."""
    columns = (
        "file", "sheet", "cell", "kind", "expected", *_OF_AMOUNT, "true_text", "written",
        "reads_yuan", "lower_yuan", "upper_yuan",
    )  # fmt: skip
    rows = []
    for page in pages:
        for item in page.planted:
            money = _of(item.amount, ledger) if item.amount else (None,) * len(_OF_AMOUNT)
            if item.village is not None:
                money = (ledger.ids[item.village], *money[1:])
            written = page.cells.get(item.place)
            where = (page.file, page.sheet, address(item.place), item.kind, item.expected)
            reads = item.reads or (None, None, None)
            rows.append((*where, *money, item.true, written, *reads))
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({"year": "Int64"})


_OF_AMOUNT = ("village_id", "year", "account_name", "unit", "true_yuan")


def _of(amount: Amount, ledger: Ledger) -> tuple[object, ...]:
    village = ledger.ids[amount.village] if amount.village >= 0 else None
    return village, amount.year, amount.account, amount.unit, amount.cents / 100
