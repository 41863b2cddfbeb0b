"""How a cited number is checked and written: its value, its interval, its count."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from analysis.errors import LianjianError
from analysis.reports.text import digits_for, number
from analysis.terminal import visible


def given(name: str, value: object, **said: object) -> dict[str, Any]:
    """Return a number with its ends and count, of an estimate where the value is one.

    An estimate says its interval and the villages or clusters behind it; ends that are not finite
    are none. What is said beside it goes before.
    """
    of = {key: item for key, item in said.items() if item is not None}
    if hasattr(value, "estimate"):
        ends = {end: getattr(value, end, None) for end in ("low", "high")}
        known = all(isinstance(end, Real) and math.isfinite(end) for end in ends.values())
        n = getattr(value, "n_units", getattr(value, "n", None))
        of = {**(ends if known else {}), **({} if n is None else {"n": n}), **of}
        value = value.estimate
    return _checked(name, {"value": value, "low": None, "high": None, "n": None, **of})


def _checked(name: str, of: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers once they are numbers, finite, and in order."""
    made: dict[str, Any] = {}
    for key, end in of.items():
        if end is None and key != "value":
            made[key] = None
            continue
        # numpy's numbers are registered as such, and its truth values are not
        if type(end) is bool or not isinstance(end, Real):
            raise LianjianError(f"Number {name!r}: {key} is {end!r}, which is no number.")
        if not math.isfinite(end):
            raise LianjianError(
                f"Number {name!r}: {key} is {float(end)}. A cited number is finite; look at the "
                "rows it was computed from, or leave the number out and say why in the text."
            )
        made[key] = int(str(end)) if key == "value" and _whole(end) else float(end)
    low, high, n = made["low"], made["high"], made["n"]
    if low is not None and high is not None and low > high:
        ends = f"from {of['low']!r} down to {of['high']!r}"
        raise LianjianError(f"Number {name!r}: its interval runs {ends}.")
    if n is not None and (n < 0 or n != int(n)):
        raise LianjianError(f"Number {name!r}: n is {of['n']!r}; it counts observations.")
    return {**made, "n": None if n is None else int(n)}


def _whole(value: Any) -> bool:
    return isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu")


def written(
    *,
    value: float,
    unit: str,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    digits: int | None = None,
) -> dict[str, Any]:
    """Return a number with its forms, written as they stand in tables and sentences."""
    ends = [end for end in (low, high) if end is not None]
    places = digits
    if places is None:
        places = 0 if isinstance(value, int) else digits_for([value, *ends])

    def write(end: float) -> str:
        return number(end, places, grouped=not unit.startswith("year"))

    text = f"{write(value)}{'' if unit in {'', '%'} else ' '}{unit}"
    interval = " to ".join(map(write, ends))
    if len(ends) == 1:
        interval = f"{'at least' if low is not None else 'at most'} {interval}"
    count = "" if n is None else number(n, 0)
    forms = {"": write(value), "unit": text, "size": write(abs(value)), "interval": interval}
    forms |= {"count": f"n = {count}" if count else "", "n": count}
    said = {"unit": unit, "text": text, "forms": forms}
    return {**said, "value": value, "low": low, "high": high, "n": n}


class Ledger:
    """The numbers of a run by address: those recorded, and the cells of its tables.

    A cell's address is the table's name, its row and its column, with dots between:
    ``truth.operating.net``; it is written as it stands in the table.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, Mapping[str, Any]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.numbers or self._cell(name) is not None

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        found = self.numbers.get(name) or self._cell(name)
        if found is None:
            raise KeyError(name)
        return found

    def near(self, name: str) -> list[str]:
        """Return the addresses that may be meant by one that is not there."""
        given = self.tables.get(name.partition(".")[0])
        if given is None:
            return [*self.numbers, *self.tables]
        from analysis.reports import tables

        return [f"{given['name']}.{cell}" for cell in tables.addresses(given["frame"])]

    def _cell(self, name: str) -> dict[str, Any] | None:
        table, _, place = name.partition(".")
        if not place or table not in self.tables:
            return None
        from analysis.reports import tables

        given = self.tables[table]
        found = tables.cell(given["frame"], place, given["digits"], given["labels"])
        if found is None:
            return None
        label, value, text, size = found
        unit = label.rpartition(", ")[2]
        forms = {"": text, "size": size, "unit": "", "interval": "", "n": ""}
        known = unit if unit in {"%", "万元"} else ""
        of = {"label": label, "value": value, "unit": known}
        return {**of, "forms": forms, "anchor": f"tab-{table}"}


def as_csv(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    """Write rows as CSV for people: Excel finds its encoding, and no cell becomes a formula."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(heads)
    writer.writerows(map(cell, row) for row in rows)
    return buffer.getvalue().encode("utf-8-sig")


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def cell(value: object) -> object:
    """Return a value for a cell of CSV; no text becomes a formula in a spreadsheet."""
    if isinstance(value, str):
        return visible(f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value)
    from pandas import NA

    missing = value is None or value is NA or value != value  # noqa: PLR0124  (NaN)
    return "" if missing else value
