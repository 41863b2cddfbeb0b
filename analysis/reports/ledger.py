"""The number ledger: every cited number of a report in one table, with its address."""

import csv
import io
from typing import Any

from analysis.reports import formats
from analysis.reports.findings import Findings

COLUMNS = ("name", "label", "value", "unit", "low", "high", "n", "simulated", "anchor")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def numbers_csv(found: Findings) -> str:
    """Return the ledger as CSV; no cell can become a formula in a spreadsheet."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for product in found.numbers:
        row = {"name": product.name, "anchor": f"#{product.anchor}", **product.facts}
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])
    return buffer.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401  (a number, a text, a flag or nothing)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    dangerous = text.lstrip(" ").startswith(_FORMULA)
    return formats.visible(f"'{text}" if dangerous else text)
