"""Tables as found in a file: text with addresses, and every doubt beside it."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.headers import Column


@dataclass(frozen=True)
class Note:
    """Something noticed or done in reading: a reason code, the cell or range, one sentence."""

    code: str
    cell: str
    text: str


@dataclass(frozen=True)
class Doubt:
    """A question that the file does not answer.

    Attributes
    ----------
    code : str
        "unit", "unit_in_format", "year", "village", "orientation", "blank_place",
        "merged_value", "header_rows", "no_header" or "formula".
    cell : str
        Address of the cells in question.
    question : str
        What has to be decided.
    choices : tuple of str
        The possible answers; empty when any text can be one.
    evidence : str
        What in the file speaks for one or another.
    """

    code: str
    cell: str
    question: str
    choices: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(frozen=True)
class Fact:
    """Something stated outside the table, such as 填报单位, with the cell that states it."""

    label: str
    value: str
    cell: str


@dataclass(frozen=True)
class Total:
    """A row that is a sum or a part of others by its label, for the caller to check and drop.

    Attributes
    ----------
    row : int
        Position in the body.
    label : str
        As printed.
    kind : {"total", "part"}
        A sum over rows (合计, 小计, 全县), or a line that begins with 其中.
    """

    row: int
    label: str
    kind: str


@dataclass(frozen=True)
class Table:
    """One table of a file, a row for each village or village and year.

    Attributes
    ----------
    file, sheet : str
        File name, sheet name (empty for text files).
    header : str
        Range of the header, empty when there is none.
    extent : str
        Range of header and body together.
    title : str
        Title lines in one text.
    facts : tuple of Fact
        Statements around the table: who filled it in, when, for which place.
    columns : tuple of Column
        What each column is.
    body : DataFrame
        Text of the cells as stored, columns named as ``columns``, index 0, 1, 2, …; cells that
        take the text of a merged range or of the cell above are filled. Empty text is a blank.
    orientation : {"villages_down", "accounts_down"}
        How the sheet prints it; with accounts down the body here has been turned.
    sections : tuple of str
        For each body row, the heading above it inside the table; empty when there is none.
    totals : tuple of Total
        Rows to check against their parts and then to drop.
    notes : tuple of Note
    doubts : tuple of Doubt
    grid : Grid
        The body's cells and their places in the sheet.
    """

    file: str
    sheet: str
    header: str
    extent: str
    title: str
    facts: tuple[Fact, ...]
    columns: tuple[Column, ...]
    body: pd.DataFrame
    orientation: str
    sections: tuple[str, ...]
    totals: tuple[Total, ...]
    notes: tuple[Note, ...]
    doubts: tuple[Doubt, ...]
    grid: Grid

    def address(self, row: int, column: int) -> str:
        """Return the sheet's address of a body cell.

        Parameters
        ----------
        row, column : int
            Positions in ``body``.
        """
        return self.grid.address(row, column)

    def kind(self, row: int, column: int) -> str:
        """Return the kind of a body cell: one letter, see ``cells.Row``."""
        return self.grid.kinds[row][column]

    def find(self, role: str) -> int | None:
        """Return the position of the first column with a role, None when there is none."""
        return next((at for at, c in enumerate(self.columns) if c.role == role), None)

    @cached_property
    def dropped(self) -> frozenset[int]:
        """Positions of the rows in ``totals``."""
        return frozenset(total.row for total in self.totals)

    def long(self, *, totals: bool = False) -> pd.DataFrame:
        """Return one row for each value cell: years across become years down.

        Parameters
        ----------
        totals : bool
            Keep the rows and columns that are sums or parts of others.

        Returns
        -------
        DataFrame
            ``row`` (position in the body), ``section``, one column of text for each place role,
            ``code`` and ``item`` (the measure or account: header levels joined by "/", after the
            row's own item where accounts stand in a column), ``year`` (Int64), ``unit``, ``text``,
            ``kind``, ``cell``, ``column`` (position) and ``is_total``. A year or unit in the row
            itself goes before that of the column, which goes before that of the title.
        """
        body = self.body
        keys = {
            role: at
            for role in ("county", "township", "village", "code", "item", "year", "unit")
            if (at := self.find(role)) is not None
        }
        rows = [r for r in range(len(body)) if totals or r not in self.dropped]
        values = [
            at
            for at, column in enumerate(self.columns)
            if column.role == "value" and (totals or not column.is_total)
        ]
        lists = [[str(text) for text in body.iloc[:, at]] for at in range(body.shape[1])]
        texts = {role: [lists[at][r] for r in rows] for role, at in keys.items()}
        parts = []
        for at in values:
            column = self.columns[at]
            label = "/".join(column.path)
            items = texts.get("item")
            own = [lists[at][r] for r in rows]
            year: list[int | None] = [column.year] * len(rows)
            if "year" in texts:
                year = [_year(text) or column.year for text in texts["year"]]
            units: list[str | None] = [column.unit] * len(rows)
            if "unit" in texts:
                units = [unit or column.unit for unit in texts["unit"]]
            part = {"row": rows, "section": [self.sections[r] for r in rows]}
            for role in ("county", "township", "village", "code"):
                part[role] = texts.get(role, [""] * len(rows))
            part |= {
                "item": [label] * len(rows) if items is None else _joined(items, label),
                "year": pd.array(year, dtype="Int64"),
                "unit": units,
                "text": own,
                "kind": [self.grid.kinds[r][at] for r in rows],
                "cell": [self.address(r, at) for r in rows],
                "column": [at] * len(rows),
                "is_total": [column.is_total or r in self.dropped for r in rows],
            }
            parts.append(pd.DataFrame(part))
        if not parts:
            return pd.DataFrame(columns=list(_LONG))
        return (
            pd.concat(parts, ignore_index=True)
            .sort_values(["row", "column"], kind="stable", ignore_index=True)
            .loc[:, list(_LONG)]
        )


_LONG = (
    "row", "section", "county", "township", "village", "code", "item", "year", "unit", "text",
    "kind", "cell", "column", "is_total",
)  # fmt: skip


def _year(text: str) -> int | None:
    from analysis.clean.workbook.marks import lift_year, plain  # noqa: PLC0415

    return lift_year(plain(text).removesuffix(".0"))[0]


def _joined(items: list[str], label: str) -> list[str]:
    from analysis.clean.workbook.marks import item_label  # noqa: PLC0415
    from analysis.clean.workbook.vocabulary import role_of  # noqa: PLC0415

    # 金额 over the numbers says nothing that the row's own account does not say better
    generic = not label or role_of(label) is not None or label in {"金额", "数量", "数值", "本年数"}
    return [item_label(item) if generic else f"{item_label(item)}/{label}" for item in items]
