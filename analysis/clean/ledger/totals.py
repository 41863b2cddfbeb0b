"""Printed sums against what they add up."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean.accounts import MADE_OF, SPENDING, signs
from analysis.clean.amounts import column_unit
from analysis.clean.issues import Issue
from analysis.clean.ledger.anomalies import INCOME_MEASURES
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
        if not len(printed) or is_total[at].all():
            continue
        below = at[~is_total[at]]
        parts = _Parts(lines[below], amounts[below], known.to_numpy()[below],
                       again.to_numpy()[below])  # fmt: skip
        unit = own["unit"].iloc[at[0]]
        # cells that name their own units are not rounded in one
        step = 0.0 if pd.isna(unit) else _step(str(unit), arrays["text"][at])
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


def check_measures(cells: pd.DataFrame, decided: pd.Series) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells with printed measures that their accounts make uncounted, and issues.

    A measure is taken where an account that it is made of is missing. It waits for a person where
    the others contradict it: they make more, or a surplus of another size, or less than it where
    most lines of its table are the sum of the same parts.
    """
    is_placed = cells["village_id"].notna() & ~cells["is_total"]
    is_account = is_placed & (cells["means"] == "account") & (cells["status"] != "missing")
    is_sum = is_placed & (cells["means"] == "total") & cells["measure"].isin(MADE_OF)
    stated: dict[tuple[str, int], dict[str, list[Any]]] = {}
    for row in rows(cells[is_account]):
        own = stated.setdefault((str(row.village_id), int(row.year)), {})
        own.setdefault(str(row.account), []).append(row)
    steps = _Steps(cells)
    alike: dict[tuple[int, str], list[_Sum]] = {}
    for row in rows(cells[is_sum & cells["yuan"].notna()]):
        if (one := _Sum.of(row, stated, steps)).parts:
            alike.setdefault((row.table, row.measure), []).append(one)
    counted, doubted = cells["counted"].copy(), cells["doubted"].copy()
    issues = []
    for group in alike.values():
        made = [one for one in group if one.is_made]
        is_usual = len(made) > len(group) / 2
        usual = frozenset().union(*(one.parts for one in made))
        for one in group:
            at, row, adds = one.row.Index, one.row, one.row.adds
            printed, value = f"{row.yuan:,.2f}", f"{one.made:,.2f}"
            is_full = one.parts == one.all_parts
            counted[at] &= not (is_full or one.waiting)
            if one.waiting:
                action = f"left out: {', '.join(one.waiting)} of it waits for a person"
                issues.append(about(row, "total_unchecked", "note", action))
            elif not one.is_made and is_full:
                action = (
                    f"printed {printed}, accounts make {value} yuan ({adds}); "
                    "the panel is computed from the accounts"
                )
                issues.append(about(row, "identity_differs", "warning", action))
            elif one.is_contradicted or (not one.is_made and is_usual and usual <= one.parts):
                action = (
                    f"left out: printed {printed}, accounts make {value} yuan ({adds}); "
                    "say in corrections.csv what it should be"
                )
                issues.append(about(row, "measure_contradicts", "error", action))
                doubted[at] |= not decided[at]
                counted[at] &= decided[at]
    return cells.assign(counted=counted, doubted=doubted), issues


class _Steps:
    """The last decimal in yuan of each column that is asked for."""

    def __init__(self, cells: pd.DataFrame) -> None:
        self.columns = cells.groupby(["table", "column"], sort=False).indices
        self.units, self.texts = cells["unit"].to_numpy(), cells["text"].to_numpy()
        self.known: dict[tuple[int, int], float] = {}

    def of(self, row: Any) -> float:  # noqa: ANN401  (a row of a frame)
        key = row.table, row.column
        if key not in self.known:
            at = self.columns[key]
            self.known[key] = _step(str(self.units[at[0]]), self.texts[at])
        return self.known[key]


@dataclass(frozen=True)
class _Sum:
    """A printed measure beside the accounts of its village and year."""

    row: Any  # of the frame of cells
    all_parts: frozenset[str]  # accounts that it is made of, and those of them that are known
    parts: frozenset[str]
    waiting: tuple[str, ...]  # accounts that stand beside it and do not count yet
    made: float  # what the known ones make
    slack: float  # what rounding can hide

    @classmethod
    def of(
        cls,
        row: Any,  # noqa: ANN401
        stated: Mapping[tuple[str, int], Mapping[str, list[Any]]],
        steps: _Steps,
    ) -> "_Sum":
        """Add up the accounts that are known."""
        own = stated.get((str(row.village_id), int(row.year)), {})
        parts = signs(row.measure, int(row.year))
        known = parts.keys() & own.keys()
        held = [(part, parts[name]) for name in known for part in own[name] if part.counted]
        waiting = sorted(known - {str(part.account) for part, _ in held})
        made = sum(sign * part.yuan for part, sign in held)
        slack = _CENT + 0.5 * (steps.of(row) + sum(steps.of(part) for part, _ in held))
        return cls(row, frozenset(parts), frozenset(known), tuple(waiting), made, slack)

    @property
    def is_made(self) -> bool:
        """Whether the accounts that are known make what is printed."""
        return abs(self.made - self.row.yuan) <= self.slack

    @property
    def is_contradicted(self) -> bool:
        """Whether accounts make more, or a surplus of another size: its lines may be others."""
        is_more = self.row.measure in INCOME_MEASURES and self.made > self.row.yuan
        return not self.is_made and (is_more or bool(self.parts & SPENDING))
