"""What a table leaves open, put so that a person can answer in ``answers.toml``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

from analysis.clean.account_names import AccountName, read_account
from analysis.clean.ledger.anomalies import MIN_ACCOUNTS, NOT_FILLED_IN, NOTHING_BOOKED
from analysis.clean.ledger.private import SENTENCE, safe
from analysis.clean.workbook.cells import column_number
from analysis.clean.workbook.marks import plain
from analysis.clean.workbook.tables import Doubt, Table

KEPT_OUT: Final = frozenset(
    {"land_compensation", "donation", "village_economy", "household_income", "forecast",
     "cumulative", "last_year", "change", "mean", "abolished_account", "part"}
)  # fmt: skip
"""Codes of columns that are no account, whatever else is known about them."""

_WHOLE = frozenset({"village", "county", "township", "orientation", "no_header", "period"})
_GROUPS = frozenset({"负债", "负债类", "资产负债", "权益", "所有者权益", "收支情况", "其中"})
_PLAIN = re.compile(r"-?\d[\d,]*(?:\.\d+)?", re.ASCII)
_ZERO = re.compile(r"0+(?:\.0*)?", re.ASCII)
_SHOWN = 6


@dataclass(frozen=True)
class Question:
    """A question of one table.

    Attributes
    ----------
    key : str
        Its name in ``answers.toml``.
    text : str
        What has to be decided.
    cell : str
        Address in the sheet.
    columns : tuple of int
        Columns that cannot be read without an answer; empty when it is about rows or the whole.
    choices : tuple of str
        Possible answers; empty when any text can be one.
    evidence : str
        What speaks for one or another, without personal data.
    """

    key: str
    text: str
    cell: str
    columns: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    evidence: str = ""

    @property
    def blocks_table(self) -> bool:
        """Whether nothing of the table can be read without an answer."""
        return self.key in _WHOLE


def meaning(item: str, year: int | None, *, is_part: bool = False) -> AccountName:
    """Return what a head stands for: `account_names.read_account` without the group above it.

    Examples
    --------
    >>> meaning("负债/专项应付款", 2024).code, meaning("租金收入", 2023, is_part=True).code
    ('account', 'part')
    >>> meaning("经营收入", 2023, is_part=True).code
    'part'
    """
    parts = item.split("/")
    while len(parts) > 1 and parts[0] in _GROUPS:
        parts.pop(0)
    found = read_account("/".join(parts), year)
    if is_part and found.code in {"account", "unknown"}:
        whole = found.account or "what stands before it"
        return AccountName(found.account, "part", f"part of {whole}")
    return found


def label(table: Table, column: int) -> str:
    """Return the head of a column as the reader joins its levels."""
    return "/".join(table.columns[column].path)


def may_count(table: Table, column: int) -> bool:
    """Tell whether a column may hold amounts of accounts, as far as its head says."""
    kind = table.columns[column]
    if kind.role != "value" or not kind.is_money:
        return False
    return meaning(label(table, column), kind.year, is_part=kind.is_part).code not in KEPT_OUT


def questions(table: Table) -> list[Question]:
    """Return the open questions of a table, those about columns that do not matter left out.

    Parameters
    ----------
    table : Table
        Without personal data.
    """
    found = [q for doubt in table.doubts for q in _put(table, doubt)]
    labels = {fact.label for fact in table.facts if fact.value}
    if table.find("county") is None and table.find("code") is None and "county" not in labels:
        said = f"title {safe(table.title)!r}, sheet {safe(table.sheet)!r}, file {table.file!r}"
        text = "Which county are the villages in?"
        found.append(Question("county", text, table.header or table.extent, evidence=said))
    return [*found, *_zeros(table)]


def _zeros(table: Table) -> Iterator[Question]:
    """Ask once about all lines that say zero in every account of a year."""
    years: dict[int | None, list[int]] = {}
    for at, column in enumerate(table.columns):
        if may_count(table, at) and not column.is_total:
            years.setdefault(column.year, []).append(at)
    lines = [
        (row, columns[0])
        for row, texts in enumerate(table.grid.texts)
        if row not in table.dropped
        for columns in years.values()
        if sum(bool(_ZERO.fullmatch(texts[at])) for at in columns) >= MIN_ACCOUNTS
        and all(_ZERO.fullmatch(texts[at]) or not texts[at] for at in columns)
    ]
    if lines:
        said = f"{len(lines)} lines say zero in every account"
        text = f"{said}: was nothing booked, or was the form not filled in?"
        cell = table.address(*lines[0])
        yield Question("zeros", text, cell, choices=(NOTHING_BOOKED, NOT_FILLED_IN))


def _put(table: Table, doubt: Doubt) -> Iterator[Question]:
    if doubt.code in {"unit", "year"}:
        yield from _of_columns(table, doubt)
    elif doubt.code in {"unit_in_format", "merged_value"}:
        yield from _of_cells(table, doubt)
    elif doubt.code == "blank_place":
        at = column_at(table, doubt.cell)
        role = table.columns[at].role if at is not None else "place"
        evidence = safe(doubt.evidence.rpartition("; blank")[0], SENTENCE)
        yield Question(f"blank_{role}", doubt.question, doubt.cell, (), doubt.choices, evidence)
    elif doubt.code == "no_header":
        text = "What are its columns? Name them from the left, parted by 、"
        yield Question("no_header", text, doubt.cell)
    elif doubt.code != "formula":  # each such cell is an issue of its own
        choices = tuple(c for c in doubt.choices if safe(c) == c and not c.endswith(": "))
        # the evidence may print what stands in a row, and a row may hold names
        prints = doubt.code in {"header_rows", "village"}
        evidence = "" if prints else safe(doubt.evidence, SENTENCE)
        yield Question(doubt.code, doubt.question, doubt.cell, (), choices, evidence)


def _of_cells(table: Table, doubt: Doubt) -> Iterator[Question]:
    """Yield a question about the columns of some cells."""
    if doubt.code == "unit_in_format":
        cells, evidence = [doubt.cell], safe(doubt.evidence)
        choices: tuple[str, ...] = ("元", "万元")
        key = f"unit_of_{doubt.cell.rstrip('0123456789').lower()}"
    else:
        cells = [part.split(":")[0].split(" ")[0] for part in doubt.evidence.split("; ")]
        choices, evidence, key = ("the first cell's",), "", "merged_value"
    found = dict.fromkeys(column_at(table, cell) for cell in cells)
    columns = tuple(at for at in found if at is not None and may_count(table, at))
    if columns:
        yield Question(key, doubt.question, doubt.cell, columns, tuple(choices), evidence)


def _of_columns(table: Table, doubt: Doubt) -> Iterator[Question]:
    asked = [
        at
        for at, column in enumerate(table.columns)
        if getattr(column, doubt.code) is None and may_count(table, at)
    ]
    if not asked:
        return
    names = ", ".join(safe(table.columns[at].name) for at in asked[:_SHOWN])
    more = f" and {len(asked) - _SHOWN} more" if len(asked) > _SHOWN else ""
    what = "In which unit are" if doubt.code == "unit" else "Of which year are"
    if doubt.code == "unit":
        evidence = _magnitude(table, asked)
    else:
        evidence = safe(doubt.evidence.partition(";")[2].strip(), SENTENCE)
    text = f"{what} {names}{more}?"
    yield Question(doubt.code, text, doubt.cell, tuple(asked), doubt.choices, evidence)


def _magnitude(table: Table, columns: list[int]) -> str:
    """Say how large the numbers are, without those that the reader may have seen elsewhere."""
    texts = [plain(text) for at in columns for text in table.texts(at)]
    held = sorted(abs(float(t.replace(",", ""))) for t in texts if _PLAIN.fullmatch(t))
    if not held:
        return "no number among them"
    decimals = sum("." in text for text in texts if _PLAIN.fullmatch(text))
    return (
        f"median {median(held):,.6g}, largest {held[-1]:,.6g}, {decimals} of {len(held)} with "
        "decimals"
    )


def column_at(table: Table, cell: str) -> int | None:
    """Return the column of the table in which an address of the sheet lies."""
    letters = cell.rstrip("0123456789")
    number = cell[len(letters) :]
    place = int(number or 0) if table.grid.turned else column_number(letters)
    return table.grid.places.index(place) if place in table.grid.places else None
