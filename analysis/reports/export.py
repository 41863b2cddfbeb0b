"""A table leaves a notebook as Excel, LaTeX or CSV, with labels, units and the mark of its data."""

import io
import math
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import fields, files
from analysis._labelled import Labelled
from analysis.errors import LianjianError
from analysis.reports import markup, numbers, products, tables
from analysis.reports.text import flat, latex, number
from analysis.terminal import visible

if TYPE_CHECKING:
    from openpyxl.cell import Cell


_ROWS = 1_048_575  # of a sheet of Excel, below the head
_MADE = datetime(1980, 1, 1)  # noqa: DTZ001  (openpyxl takes none with a zone; the same bytes twice)
_WIDEST = 42
_BROWSED = 400_000  # cells; a panel of 8,000 rows with all its columns is half of it


def export(
    table: Any,
    file: str | Path,
    caption: str = "",
    *,
    digits: tables.Digits = None,
    labels: Mapping[str, str] | None = None,
    data: Any = None,
) -> Path:
    """Write a table as Excel, LaTeX or CSV, as the ending of the name says.

    Columns are headed by their label with the unit, in Excel in Chinese as well; a second sheet
    says what each holds. Made from simulated data, or from the books of real villages, every row
    and the caption say so; of real books the file is open to its owner alone.

    Parameters
    ----------
    table : DataFrame, or what the library returns as a table
        Rows; an estimate, a study and a table of `analysis.tables` do as well.
    file : str or Path
        Where to, from the working directory: ``"means.xlsx"``, ``.tex`` or ``.csv``.
    caption : str
        What stands above it.
    digits, labels, data
        As in `analysis.reports.table`. Excel keeps the whole number and shows these decimals.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    LianjianError
        No table, another ending, a folder that is not there, or too many rows for Excel.

    Notes
    -----
    LaTeX needs the package booktabs, and for Chinese the class ctexart or another with Chinese.
    """
    path, ending = files.to_write(file, _FORMATS, "table")
    columns, labels, caption = _marked(table, caption, digits, labels, data)
    made = _FORMATS[ending](columns, labels, caption)
    files.write_bytes(path, made, private=markup.INTERNAL in _marks(data))
    return path


def _marks(data: Any) -> list[str]:
    """Return the marks of a table: made up, or for those alone who may see the books."""
    kinds, _ = products.kinds_behind(data)
    internal = [markup.INTERNAL] if "ledger" in kinds else []
    return [*filter(None, [products.ground(data)[0]]), *internal]


def _marked(
    table: Any,
    caption: str,
    digits: tables.Digits,
    labels: Mapping[str, str] | None,
    data: Any,
) -> "tuple[list[tables.Column], dict[str, str], str]":
    """Return the columns of a table with labels and caption, each row with the mark of its data."""
    given = _labelled(table)
    marks = _marks(data)
    frame = given.frame
    # a level of the index may be called as a column is, and a column "data"
    if not tables.only_counts(frame.index):
        frame = frame.reset_index(allow_duplicates=True)
    whole = frame.set_axis([flat(name) for name in frame.columns], axis=1)
    if marks:
        in_row = ", ".join(markup.IN_ROW[mark] for mark in marks)
        whole.insert(len(whole.columns), "data", in_row, allow_duplicates=True)
    heads = {"data": "Data 数据", **given.labels, **(labels or {})}
    columns = tables.columns_of(whole, given.digits if digits is None else digits)
    return columns, heads, " ".join(filter(None, [caption, *(f"[{mark}]" for mark in marks)]))


@dataclass(frozen=True)
class Browser:
    """A table that can be filtered and sorted, and taken along as it then stands."""

    columns: "list[tables.Column]"
    labels: dict[str, str]
    caption: str

    def __repr__(self) -> str:
        count = f"{_length(self.columns):,} rows, {len(self.columns)} columns"
        return " ".join(filter(None, [self.caption, f"({count})"]))

    def _repr_html_(self) -> str:
        from itables import to_html_datatable
        from itables.javascript import generate_init_offline_itables_html
        from itables.options import dt_bundle

        heads = [tables.heading(column.name, self.labels) for column in self.columns]
        frame = pd.concat(map(attrgetter("values"), self.columns), axis=1).set_axis(heads, axis=1)
        # with its program in it: nothing is fetched, and the notebook can be opened again
        return generate_init_offline_itables_html(Path(dt_bundle)) + to_html_datatable(
            frame,
            self.caption or None,
            connected=False,
            maxBytes=0,
            showIndex=False,
            column_filters="header",
            buttons=[
                "copyHtml5",
                {"extend": "csvHtml5", "escapeExcelFormula": True},
                "excelHtml5",
            ],
            layout={"topEnd": None},
        )


def browse(
    table: Any,
    caption: str = "",
    *,
    labels: Mapping[str, str] | None = None,
    data: Any = None,
) -> Browser:
    """Show a table in JupyterLab to be filtered by column and sorted, and taken along as it stands.

    Three buttons copy what is left of it, or save it as CSV or for Excel. Made from simulated data,
    every row says so, there and in what is saved.

    Parameters
    ----------
    table, caption, labels, data
        As in `export`.

    Returns
    -------
    Browser
        Shows itself as the last line of a cell.

    Raises
    ------
    LianjianError
        No table, more cells than a page can hold, or itables is not installed.
    """
    if find_spec("itables") is None:
        raise LianjianError(
            "To browse a table, itables is needed: `make setup GROUP=lab` installs it. `export` "
            "writes the table without it."
        )
    columns, heads, said = _marked(table, caption, None, labels, data)
    if (cells := len(columns) * _length(columns)) > _BROWSED:
        raise LianjianError(
            f"The table has {cells:,} cells, and a page holds {_BROWSED:,} well. Browse some of "
            "its columns, or some years: panel[panel['year'] == 2024]."
        )
    return Browser(columns, heads, said)


def _labelled(table: Any) -> Labelled:
    """Return the rows of what somebody wants to export."""
    if isinstance(table, Labelled):
        return table
    if type(table).__name__ == "Dataset":
        raise LianjianError("A dataset has several tables. Give one of them: data.panel.")
    if isinstance(table, pd.Series):
        table = table.to_frame(table.name if table.name is not None else "value")
    for method in ("table", "tidy"):
        if not isinstance(table, pd.DataFrame) and callable(getattr(table, method, None)):
            table = getattr(table, method)()
    table = getattr(table, "frame", table)
    if not isinstance(table, pd.DataFrame):
        kind = type(table).__name__
        raise LianjianError(f"A table is needed, a DataFrame, and this is a {kind}.")
    return Labelled(table)


def _csv(columns: "list[tables.Column]", labels: Mapping[str, str], _caption: str) -> bytes:
    rows = ((column.value(row) for column in columns) for row in range(_length(columns)))
    return numbers.as_csv((tables.heading(column.name, labels) for column in columns), rows)


def _latex(columns: "list[tables.Column]", labels: Mapping[str, str], caption: str) -> bytes:
    sides = "".join("r" if column.numeric else "l" for column in columns)
    head = " & ".join(latex(tables.heading(column.name, labels)) for column in columns)
    lines = [r"\begin{table}", r"\centering"]
    lines += [rf"\caption{{{latex(caption)}}}"] if caption else []
    lines += [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", rf"{head} \\", r"\midrule"]
    for row in range(_length(columns)):
        cells = " & ".join(latex(column.text(row)) for column in columns)
        lines.append(rf"{cells} \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines).encode()


def _excel(columns: "list[tables.Column]", labels: Mapping[str, str], caption: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    count = _length(columns)
    if count > _ROWS:
        raise LianjianError(
            f"The table has {count:,} rows, and a sheet of Excel holds {_ROWS:,}. Export a part of "
            "it, or let the name end in .csv."
        )
    book = Workbook()
    sheet, about = book.active, book.create_sheet("columns 说明")
    sheet.title = "table 表"
    if caption:
        _put(sheet.cell(1, 1), caption)
    top = 2 if caption else 1
    about.append(["column", "label", "名称", "unit", "definition"])
    for at, column in enumerate(columns, 1):
        field = fields.FIELDS.get(str(column.name))
        label, chinese = tables.heading(column.name, labels), field.label_zh if field else ""
        head = sheet.cell(top, at)
        _put(head, f"{label}\n{chinese}" if chinese else label)
        head.font, head.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
        said = (column.name, label, chinese, *((field.unit, field.description) if field else ()))
        for place, text in enumerate(said, 1):
            _put(about.cell(at + 1, place), str(text))
        for row in range(count):
            cell = sheet.cell(top + 1 + row, at)
            _put(cell, column.value(row))
            if column.numeric:
                cell.number_format = _shape(column)
        longest = max([len(label), *(len(column.text(row)) for row in range(min(count, 50)))])
        sheet.column_dimensions[head.column_letter].width = min(longest + 2, _WIDEST)
    sheet.freeze_panes = sheet.cell(top + 1, 1)
    book.properties.created = book.properties.modified = _MADE
    buffer = io.BytesIO()
    book.save(buffer)
    return _settled(buffer)


def _shape(column: "tables.Column") -> str:
    """Return the format of Excel that shows a column's decimals."""
    if column.year:
        return "0"
    return "#,##0" + (f".{'0' * column.digits}" if column.digits and not column.each else "")


def _put(cell: "Cell", value: Any) -> None:
    """Write a value: a number as it is, a text as text, also where Excel would run it."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, Decimal | Fraction):
        value = float(value)
    if isinstance(value, float) and math.isinf(value):
        value = number(value, 0)  # Excel has none, and would leave the cell empty
    if isinstance(value, bool | int | float) or (isinstance(value, datetime) and not value.tzinfo):
        cell.value = value
        return
    cell.value = visible(str(value))
    cell.data_type = "s"


def _settled(made: io.BytesIO) -> bytes:
    """Return a workbook without the time at which it was saved."""
    with zipfile.ZipFile(made) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    core = parts["docProps/core.xml"].decode()
    stamp = _MADE.strftime("%Y-%m-%dT%H:%M:%SZ")
    parts["docProps/core.xml"] = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", stamp, core).encode()
    return files.zipped(parts)


def _length(columns: "list[tables.Column]") -> int:
    return len(columns[0].values) if columns else 0


_FORMATS: dict[str, Callable[["list[tables.Column]", Mapping[str, str], str], bytes]] = {
    "xlsx": _excel,
    "tex": _latex,
    "csv": _csv,
}
