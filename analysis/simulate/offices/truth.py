"""What is true of the books, cell by cell: the tables against which a reader is scored."""

from collections.abc import Iterable

import pandas as pd

from analysis.simulate.offices.ledger import Ledger
from analysis.simulate.offices.pages import Amount, Page, address

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
