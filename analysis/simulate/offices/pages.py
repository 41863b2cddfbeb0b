"""A page of a book: cells by place, and what is true of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from openpyxl.utils import get_column_letter

Place = tuple[int, int]
"""Row and column, both from zero."""

Cell = str | int | float
Box = tuple[int, int, int, int]
"""A merged range: top, left, bottom, right."""

CENTS = {"元": 100, "万元": 1_000_000}
"""Cents in a unit of money."""


class Amount(NamedTuple):
    """Money that belongs in a cell: whose, of which year and account, in which unit.

    A total has the village −1, a total over years the year 0.
    """

    village: int
    year: int
    account: str
    cents: int
    unit: str

    @property
    def written(self) -> float:
        """The number as a clean book prints it."""
        return self.cents / CENTS[self.unit]


class Planted(NamedTuple):
    """One fault of a page, without the text that stands there: see ``truth.planted_frame``."""

    place: Place
    kind: str
    expected: str
    true: Cell | None = None
    village: int | None = None
    amount: Amount | None = None
    reads: tuple[float, float, float] | None = None  # value, lower, upper in yuan


@dataclass(frozen=True)
class Page:
    """A sheet of a workbook, or a text file, whose sheet has no name."""

    file: str = ""
    sheet: str = ""
    cells: dict[Place, Cell] = field(default_factory=dict)  # what is written; others are blank
    merges: list[Box] = field(default_factory=list)
    amounts: dict[Place, Amount] = field(default_factory=dict)  # first printings
    copies: dict[Place, Amount] = field(default_factory=dict)  # in lines that are repeated
    totals: dict[Place, Amount] = field(default_factory=dict)  # over villages or accounts
    names: dict[Place, int] = field(default_factory=dict)  # the village whose name stands there
    heads: dict[Place, str] = field(default_factory=dict)  # header cells that name an account
    planted: list[Planted] = field(default_factory=list)

    @property
    def is_text(self) -> bool:
        """Whether the page is a text file, in which every cell is text and none is merged."""
        return not self.file.endswith(".xlsx")

    @property
    def height(self) -> int:
        """Rows up to the last one with a value."""
        return 1 + max(row for row, _ in self.cells)

    @property
    def width(self) -> int:
        """Columns up to the last one with a value."""
        return 1 + max(column for _, column in self.cells)

    def turned(self) -> "Page":
        """Return the page with rows and columns exchanged."""
        return self._moved(lambda place: (place[1], place[0]))

    def lowered(self, rows: int) -> "Page":
        """Return the page with so many blank rows above it."""
        return self._moved(lambda place: (place[0] + rows, place[1]))

    def _moved(self, move: Callable[[Place], Place]) -> "Page":
        moved: dict[str, Any] = {
            name: {move(place): value for place, value in held.items()}
            for name, held in vars(self).items()
            if isinstance(held, dict)
        }
        merges = [(*move(box[:2]), *move(box[2:])) for box in self.merges]
        planted = [item._replace(place=move(item.place)) for item in self.planted]
        return replace(self, merges=merges, planted=planted, **moved)


def address(place: Place) -> str:
    """Return the spreadsheet address of a place."""
    return f"{get_column_letter(place[1] + 1)}{place[0] + 1}"
