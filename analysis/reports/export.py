"""A table leaves a notebook as Excel, LaTeX or CSV, with labels, units and the mark of its data."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import fields, files
from analysis._labelled import Labelled
from analysis.errors import LianjianError
from analysis.reports import markup, numbers, products, tables
from analysis.reports.text import latex, visible

if TYPE_CHECKING:
    from openpyxl.cell import Cell


_ROWS = 1_048_575  # of a sheet of Excel, below the head
_MADE = datetime(1980, 1, 1)  # noqa: DTZ001  (openpyxl takes none with a zone; the same bytes twice)
_WIDEST = 42


def export(
    table: Any,  # noqa: ANN401  (whatever is a table)
    file: str | Path,
    caption: str = "",
    *,
    digits: tables.Digits = None,
    labels: Mapping[str, str] | None = None,
    data: Any = None,  # noqa: ANN401  (one dataset, or several)
) -> Path:
    """Write a table as Excel, LaTeX or CSV, as the ending of the name says.

    Columns are headed by their label with the unit, in Excel in Chinese as well; a second sheet
    says what each holds. Made from simulated data, every row and the caption say so.

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
    given = _labelled(table)
    mark, _ = products.ground(data)
    whole = given.frame if tables.only_counts(given.frame.index) else given.frame.reset_index()
    whole = whole.set_axis([_flat(name) for name in whole.columns], axis=1)
    if mark:
        whole = whole.assign(data=markup.IN_ROW[mark])
    labels = {"data": "Data 数据", **given.labels, **(labels or {})}
    columns = tables.columns_of(whole, given.digits if digits is None else digits)
    caption = " ".join(filter(None, [caption, f"[{mark}]" if mark else ""]))
    files.write_bytes(path, _FORMATS[ending](columns, labels, caption))
    return path


def _labelled(table: Any) -> Labelled:  # noqa: ANN401  (whatever is a table)
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


def _flat(name: object) -> str:
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _csv(columns: "list[tables.Column]", labels: Mapping[str, str], _caption: str) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([tables.heading(column.name, labels) for column in columns])
    for row in range(_length(columns)):
        writer.writerow([numbers.cell(column.value(row)) for column in columns])
    return buffer.getvalue().encode("utf-8-sig")


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
    from openpyxl import Workbook  # noqa: PLC0415  (where it is needed)
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415

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


def _put(cell: "Cell", value: Any) -> None:  # noqa: ANN401  (a cell can be anything)
    """Write a value: a number as it is, a text as text, also where Excel would run it."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool | int | float | datetime):
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
