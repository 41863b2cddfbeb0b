"""Printed sums against what they add up."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.clean.accounts import MADE_OF, signs
from analysis.clean.amounts import column_unit
from analysis.clean.issues import Issue
from analysis.clean.ledger.frames import rows
from analysis.clean.ledger.private import about

_CENT = 0.006
_NO_ROW = 1 << 30
_DECIMALS = re.compile(r"\.(\d+)$", re.ASCII)


@dataclass(frozen=True)
class _Parts:
    """Amounts of one column and year: row, amount, whether known, whether printed again."""

    row: np.ndarray
    yuan: np.ndarray
    known: np.ndarray
    again: np.ndarray

    def total(self, mask: np.ndarray) -> float:
        return float(np.nansum(self.yuan[mask]))


def check_totals(cells: pd.DataFrame) -> Iterator[Issue]:
    """Yield an issue for each printed sum over villages that is not the sum of its parts.

    It may be over the rows since the sum before it, those up to the next sum, or all of its year;
    lines that are printed twice may count once or twice. One reading that gives it is enough.
    """
    sums = cells.loc[cells["is_total"], ["table", "row"]].drop_duplicates()
    sums = sums.sort_values(["table", "row"])
    by_table = sums.groupby("table")["row"]
    last = by_table.shift(fill_value=-1), by_table.shift(-1, fill_value=_NO_ROW)
    around = dict(
        zip(sums.itertuples(index=False, name=None), zip(*last, strict=True), strict=True)
    )
    own = cells[(cells["means"] == "account") & cells["table"].isin(sums["table"])]
    known = own["status"].isin(["read", "missing", "corrected"]) & own["yuan"].notna()
    known &= ~own["doubted"]
    again = own.duplicated(["table", "column", "year", "place_key"]) & ~own["is_total"]
    arrays = {name: own[name].to_numpy() for name in ("table", "row", "yuan", "is_total", "text")}
    amounts, is_total, lines = arrays["yuan"], arrays["is_total"], arrays["row"]
    found: dict[int, tuple[str, str]] = {}
    for at in own.groupby(["table", "column", "year"], sort=False).indices.values():
        printed = at[is_total[at] & ~np.isnan(amounts[at])]
        if not len(printed):
            continue
        below = at[~is_total[at]]
        parts = _Parts(lines[below], amounts[below], known.to_numpy()[below],
                       again.to_numpy()[below])  # fmt: skip
        step = _step(str(own["unit"].iloc[at[0]]), arrays["text"][at])
        for place in printed:
            between = around[arrays["table"][place], lines[place]]
            code, says = _judge(parts, float(amounts[place]), lines[place], between, step)
            if code:
                found[place] = code, says
    for row, (code, says) in zip(rows(own.iloc[[*found]]), found.values(), strict=True):
        severity = "note" if code == "total_unchecked" else "warning"
        yield about(row, code, severity, f"{row.year}, {row.item}: {says}")


def _judge(
    parts: _Parts, printed: float, row: int, between: tuple[int, int], step: float
) -> tuple[str, str]:
    """Return the code and what it says, two empty texts when the sum is right."""
    above = (parts.row > between[0]) & (parts.row < row)
    below = (parts.row > row) & (parts.row < between[1])
    whole = np.ones(len(parts.row), dtype=bool)
    scopes = [scope for scope in (above, below, whole) if scope.any()]
    sums = []
    for scope in scopes:
        for mask in (scope & ~parts.again, scope):
            value = parts.total(mask)
            if abs(value - printed) <= max(_CENT, 0.5 * step * (1 + np.sqrt(mask.sum()))):
                return "", ""
            sums.append(value)
    nearest = min(sums, key=lambda value: abs(value - printed))
    says = f"printed {printed:,.2f}, parts {nearest:,.2f} yuan"
    unknown = int((scopes[0] & ~parts.known).sum())
    if unknown:
        return "total_unchecked", f"{says}; {unknown} parts are missing, refused or doubted"
    return "total_differs", f"{says}; the parts are kept as printed"


def _step(unit: str, texts: Iterable[object]) -> float:
    """Return the last decimal of a column in yuan: what its rounding can hide."""
    found = map(_DECIMALS.search, map(str, texts))
    longest = max((len(match[1]) for match in found if match), default=0)
    factor = float(column_unit(unit).factor)
    step = factor * 10.0**-longest
    return step if step > _CENT else 0.0


def check_identities(cells: pd.DataFrame) -> Iterator[Issue]:
    """Yield an issue for each printed measure that is not what the accounts in its row make."""
    own = cells[~cells["is_total"] & cells["village_id"].notna()]
    sums = own[(own["means"] == "total") & own["measure"].isin(MADE_OF) & own["yuan"].notna()]
    accounts = own[(own["means"] == "account") & own["status"].isin(["read", "corrected"])]
    accounts = accounts[accounts["table"].isin(sums["table"]) & accounts["yuan"].notna()]
    lines: dict[tuple[int, int, int], dict[str, float]] = {}
    for item in rows(accounts):
        lines.setdefault((item.table, item.row, item.year), {})[item.account] = item.yuan
    steps = {
        key: _step(str(part["unit"].iloc[0]), part["text"])
        for key, part in sums.groupby(["table", "column"])
    }
    for item in rows(sums):
        parts = signs(item.measure, item.year)
        amounts = lines.get((item.table, item.row, item.year), {})
        if not parts.keys() <= amounts.keys():
            continue
        value = sum(sign * amounts[name] for name, sign in parts.items())
        slack = _CENT + 0.5 * steps[item.table, item.column] * (1 + len(parts))
        if abs(value - item.yuan) > slack:
            says = (
                f"printed {item.yuan:,.2f}, accounts make {value:,.2f} yuan ({item.adds}); "
                "the panel is computed from the accounts"
            )
            yield about(item, "identity_differs", "warning", says)
