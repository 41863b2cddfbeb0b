"""Tables as found in a file: text with addresses, and every doubt beside it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.clean.words import pattern, words
from analysis.clean.workbook.cells import Mark, letters
from analysis.clean.workbook.grid import Grid
from analysis.clean.workbook.headers import Column
from analysis.clean.workbook.vocabulary import (
    SIDES,
    TIMES,
    basis_of,
    item_label,
    joined_basis,
    lift_unit,
    lift_year,
    plain,
    role_of,
)

_PLACES = ("county", "township", "village")
_OF_ROWS = (*_PLACES, "code", "item", "year", "unit", "basis", "period")

_WHOLE = re.compile("^0?12月|[四4]季度?$|whole year")


@dataclass(frozen=True)
class Note:
    """Something noticed or done in reading: a reason code, the cell or range, one sentence."""

    code: str
    cell: str
    text: str


@dataclass(frozen=True)
class Question:
    """A question that the file does not answer, from its first doubt to the answer."""

    key: str  # its key in ``answers.toml``: one of ``ledger/questions.toml``
    cell: str  # address of the cells in question
    # the possible answers; empty where those of its key are, or any text can be one
    choices: tuple[str, ...] = ()
    evidence: str = ""  # what in the file speaks for one or another
    proposal: str = ""  # what is likely, offered and never taken
    # columns that cannot be read without an answer; empty when it is about rows or the whole
    columns: tuple[int, ...] = ()
    # names of the heads, lines or columns that it is about; empty for the whole table
    about: tuple[str, ...] = ()
    subject: str = ""  # what ``{about}`` is in the sentence, where it is not the list of ``about``
    # of what an answer holds, "form" or "copy"; empty where its key says so
    scope: str = ""
    tables: tuple["Table", ...] = ()  # that put it, once they are put together


@dataclass(frozen=True)
class Fact:
    """Something stated outside the table, such as 填报单位, with the cell that states it."""

    label: str
    value: str
    cell: str


@dataclass(frozen=True)
class Total:
    """A row that is a sum or a part of others by its label, for the caller to check and drop."""

    row: int  # position in the body
    label: str  # as printed
    kind: str  # A sum over rows (合计, 小计, 全县), or a line that begins with 其中


@dataclass(frozen=True)
class Table:
    """One table of a file, a row for each village, village and year, or line of a statement."""

    columns: tuple[Column, ...]  # what each column is
    totals: tuple[Total, ...]  # rows to check against their parts and then to drop
    notes: tuple[Note, ...]
    doubts: tuple[Question, ...]  # what only its reading could see
    # the body's cells and their places in the sheet; cells that take the text of a merged range or
    # of the cell above are filled. Empty text is a blank
    grid: Grid
    # what headings, lines of a higher place and labels say about each row ("township", "year",
    # "unit", "basis"), where no column says it
    row_facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file: str = ""  # file name, sheet name (empty for text files)
    sheet: str = ""
    header: str = ""  # range of the header, empty when there is none
    extent: str = ""  # range of header and body together
    title: str = ""  # title lines in one text
    # the part of a year that title, sheet or file speak of (第二季度), empty where none does, and
    # whether the table is certainly about that part only
    period: str = ""
    is_part: bool = False
    says_whole: bool = False  # whether the title says that it is of the whole year
    plan: str = ""  # what says that the whole table is planned (计划表), empty where nothing does
    # statements around the table: who filled it in, when, for which place
    facts: tuple[Fact, ...] = ()
    # how the sheet prints it; with accounts down the body here has been turned
    orientation: str = "villages_down"
    form: str = ""  # signature of head and title: equal in all copies of a form
    # what the looks of cells say of their values, by address
    marks: Mapping[str, Mark] = field(default_factory=dict)
    # addresses of amounts in hidden rows and columns, or in a hidden sheet
    hidden: frozenset[str] = frozenset()
    # which block of its sheet it is, and which panel of its block, from 1; panel 0 is the whole
    block: int = 1
    panel: int = 0

    def address(self, row: int, column: int) -> str:
        """Return the sheet's address of a body cell."""
        return self.grid.address(row, column)

    @property
    def is_whole(self) -> bool:
        """Whether something settles that running totals are those of the year: December does."""
        return bool(_WHOLE.search(self.period)) or (not self.period and self.says_whole)

    def texts(self, column: int) -> list[str]:
        """Return the texts of a column, one a row."""
        return [line[column] for line in self.grid.texts]

    def said(self, role: str) -> Sequence[str]:
        """Return what each row says of a key: its own column, else headings and labels."""
        at = self.find(role)
        facts = self.row_facts.get(role, ())
        if at is None:
            return facts
        own = self.texts(at)
        return [text or fact for text, fact in zip(own, facts, strict=True)] if facts else own

    def find(self, role: str) -> int | None:
        """Return the position of the first column with a role, None when there is none."""
        return next((at for at, c in enumerate(self.columns) if c.role == role), None)

    @cached_property
    def dropped(self) -> frozenset[int]:
        """Positions of the rows in ``totals``."""
        return frozenset(total.row for total in self.totals)

    @cached_property
    def items(self) -> tuple[str, ...]:
        """What its value cells are called: the row's own item before the head's levels."""
        labels = [column.label for column in self.columns if column.role == "value"]
        return tuple(_items(self.said("item"), labels, self.grid.height).categories)

    def long(self) -> pd.DataFrame:
        """Return one row for each value cell: years across become years down."""
        # "row" and "column" are positions, "item" the row's own item before the head's levels; a
        # year or unit of the row goes before that of its column, and that before the title's. What
        # repeats is categorical: a sheet can have a million cells.
        height = self.grid.height
        values = [at for at, column in enumerate(self.columns) if column.role == "value"]
        own = {role: texts for role in _OF_ROWS if (texts := self.said(role))}
        blank = [""] * height
        columns = [self.columns[at] for at in values]

        def down(texts: Sequence[str]) -> pd.Categorical:
            return crossed(texts, [""] * len(values), lambda text, _: text)

        years = [_year(text) for text in own.get("year", blank)]
        units, bases = own.get("unit", blank), own.get("basis", blank)
        kinds = np.frombuffer("".join(self.grid.kinds).encode("ascii"), "uint8")
        kinds = kinds.reshape(height, self.grid.width)
        texts = [line[c] for line in self.grid.texts for c in values]
        return pd.DataFrame(
            {
                "row": np.repeat(np.arange(height, dtype="int32"), len(values)),
                **{name: down(own.get(name, blank)) for name in (*_PLACES, "code")},
                "item": _items(own.get("item", ()), [c.label for c in columns], height),
                "year": pd.Series(crossed(years, [str(c.year or "") for c in columns], _first))
                .astype("float64")
                .astype("Int64"),
                "unit": crossed(units, [c.unit or "" for c in columns], _first),
                "basis": crossed(bases, [c.basis for c in columns], _both),
                "period": down(own.get("period", blank)),
                "text": pd.array(texts, dtype="str"),
                "kind": repeated(list(map(chr, range(128))), kinds[:, values].ravel()),
                "cell": self._cells(values),
                "column": np.tile(np.array(values, dtype="int32"), height),
            }
        )

    def _cells(self, values: list[int]) -> pd.api.extensions.ExtensionArray:
        """Return the addresses, without a text object for each."""
        grid, rows = self.grid, range(self.grid.height)
        lines, places = grid.lines, [grid.places[c] for c in values]
        down, across = (lines, places) if not grid.turned else (places, lines)
        names = pa.array(list(map(letters, across)), pa.large_string())
        numbers = pa.array(list(map(str, down)), pa.large_string())
        at_row = np.repeat(np.arange(len(rows)), len(values))
        at_value = np.tile(np.arange(len(values)), len(rows))
        at_name, at_number = (at_row, at_value) if grid.turned else (at_value, at_row)
        joint = pa.scalar("", pa.large_string())
        cells = pc.binary_join_element_wise(names.take(at_name), numbers.take(at_number), joint)
        return pd.Series(cells.to_pandas(), dtype="str").array


def _year(text: str) -> str:
    return str(lift_year(plain(text).removesuffix(".0"))[0] or "") if text else ""


def repeated(texts: Sequence[str | None], numbers: np.ndarray) -> pd.Categorical:
    """Return the texts with these numbers as a categorical column; None is missing."""
    distinct = tuple(text for text in dict.fromkeys(texts) if text is not None)
    place: dict[str | None, int] = {text: at for at, text in enumerate(distinct)}
    place[None] = -1
    codes = np.array([place[text] for text in texts], dtype="int64")
    return pd.Categorical.from_codes(codes[numbers], dtype=_categories(distinct), validate=False)


@lru_cache(maxsize=512)
def _categories(texts: tuple[str, ...]) -> pd.CategoricalDtype:
    """Return the type of a column of these texts: many tables say nothing, or the same."""
    return pd.CategoricalDtype(pd.Index(texts, dtype="str"))


def crossed(
    down: Sequence[str], across: Sequence[str], join: Callable[[str, str], str | None]
) -> pd.Categorical:
    """Return what each cell says, row by row, of what its row says and what its column says."""
    of_row, rows = pd.factorize(np.array(down, dtype=object))
    of_column, columns = pd.factorize(np.array(across, dtype=object))
    joined = [join(row, column) for row in rows for column in columns]
    return repeated(joined, (of_row[:, None] * len(columns) + of_column[None, :]).ravel())


def _first(row: str, column: str) -> str | None:
    return row or column or None


def _both(row: str, column: str) -> str:
    return joined_basis([_said(row), _said(column)])


def _items(own: Sequence[str], labels: Sequence[str], height: int) -> pd.Categorical:
    """Return the name of each cell's item: that of its row before that of its head."""
    return crossed(own or [""] * height, labels, _joined if own else lambda _, label: label)


def _said(basis: str) -> tuple[str, str]:
    words = basis.split(" ")
    if basis and words[0] not in {*TIMES, *SIDES}:  # a label of a row, as printed
        return basis_of(plain(basis))[:2]
    return next((w for w in words if w in TIMES), ""), next((w for w in words if w in SIDES), "")


def _joined(item: str, label: str) -> str:
    # 金额 over the numbers says nothing that the row's own account does not say better
    generic = (
        not label
        or role_of(label) not in {None, "remark"}
        or bool(pattern("kinds", "amount").fullmatch(label))
    )
    _, _, own = basis_of(item_label(lift_year(lift_unit(plain(item))[1])[1]))
    own = own or item_label(item)
    if pattern("kinds", "amount").fullmatch(own):
        return label
    if set(label.split("/")) <= set(words()["kinds"]["groups"]):
        return f"{label}/{own}" if own else ""  # 收入 over 全年数, beside 经营收入
    if generic or not own:
        return own if generic else label
    return f"{own}/{label}"
