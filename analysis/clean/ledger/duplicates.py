"""Amounts that stand twice: equal ones count once, different ones not at all."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.clean.issues import Issue
from analysis.clean.ledger.frames import groups, rows
from analysis.clean.ledger.private import about, safe

_KEY = ["village_id", "year", "named"]
_CENT = 0.005


def count_once(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells with ``counted``, and an issue for all that stands twice."""
    # of one village, year and account the first amount counts; of two that differ none does, and
    # none of lines of which no more amounts agree than differ: they are parts and no copies. What a
    # later table prints as of the year before gives way to the table of that year
    usable = cells["yuan"].notna() & cells["village_id"].notna() & ~cells["is_total"]
    usable &= cells["means"].isin(["account", "total"]) & (cells["named"] != "")
    known = cells[usable]
    own = known[~known["is_before"]]
    is_later = known["is_before"]
    if is_later.any():
        is_later = is_later & _index(known).isin(_index(own))
    rest = known[~is_later]
    numbers, firsts = groups(rest, [*_KEY, "part_of"])
    amounts = rest["yuan"].groupby(numbers)
    differs = amounts.transform("max") - amounts.transform("min") > _CENT
    differs |= _of_parts(rest, numbers, differs)
    issues = _differing(rest[differs]) if differs.any() else []
    counted = pd.Series(data=False, index=cells.index)
    counted.loc[firsts.index] = True
    counted.loc[rest.index[differs]] = False
    for clash in _clashes(rest[counted[rest.index]], cells):
        counted.loc[clash.index] = False
        issues += _differing(clash)
    if is_later.any():
        issues += _restated(known[is_later], own[counted[own.index]])
    return cells.assign(counted=counted), [*issues, *_repeated(cells)]


def _index(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[_KEY].astype({"village_id": "str", "named": "str"}))


def _of_parts(cells: pd.DataFrame, numbers: np.ndarray, differs: pd.Series) -> pd.Series:
    """Tell which amounts agree in lines of one table of which as many others differ."""
    again = cells.groupby([cells["table"], numbers])["row"].transform("nunique") > 1
    again &= cells["yuan"].abs() > _CENT  # no income and no income is none, in parts too
    if not (differs & again).any():
        return differs & again
    line = [cells["table"], cells["village_id"].astype("str"), cells["year"]]
    unlike = (differs & again).groupby(line).transform("sum")
    return again & (unlike > 0) & (unlike >= (again & ~differs).groupby(line).transform("sum"))


def _clashes(counted: pd.DataFrame, cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield amounts that cannot be summed: parts beside their account, or beside an unread part."""
    parts = counted[counted["part_of"] != ""]
    if parts.empty:
        return
    unread = cells[(cells["part_of"] != "") & cells["status"].isin(["refused", "bound"])]
    lost = set(_index(unread[unread["village_id"].notna()]))
    keys = _index(parts)
    for key in keys.unique():
        own = parts[keys == key]
        whole = counted[(_index(counted) == key) & (counted["part_of"] == "")]
        elsewhere = whole[~whole["table"].isin(own["table"])]
        if key in lost or len(elsewhere):
            yield pd.concat([own, elsewhere]) if len(elsewhere) else own


def _restated(later: pd.DataFrame, own: pd.DataFrame) -> list[Issue]:
    """Return a warning where a later table prints another amount for the year before."""
    amounts = dict(zip(_index(own), own["yuan"], strict=True))
    issues = []
    for key, row in zip(_index(later), rows(later), strict=True):
        printed = amounts.get(key)
        if printed is not None and abs(printed - row.yuan) > _CENT:
            action = (
                f"left out: printed {row.yuan:,.2f} as of the year before; the table of that year "
                f"says {printed:,.2f}, which is kept"
            )
            issues.append(about(row, "amounts_differ", "warning", action))
    return issues


def _differing(cells: pd.DataFrame) -> list[Issue]:
    issues = []
    for (village, year, account), part in cells.groupby(_KEY, sort=True, observed=True):
        where = "; ".join(f"{row.file} {row.cell}: {row.yuan:,.2f}" for row in rows(part))
        action = f"left out: {account} of {village} in {year} stands twice and differs ({where})"
        issues += [about(row, "amounts_differ", "error", action) for row in rows(part)]
    return issues


def _repeated(cells: pd.DataFrame) -> list[Issue]:
    """Return an issue for every row that repeats the village and year of an earlier one."""
    own = cells[cells["village_id"].notna() & (cells["means"] == "account") & ~cells["is_total"]]
    own = own[~own["is_before"]]
    numbers, firsts = groups(own, [*_KEY, "part_of"])
    is_again = ~own.index.isin(firsts.index)
    if not is_again.any():
        return []
    again = own[is_again].assign(first=numbers[is_again])
    issues = []
    for (file, place), part in again.groupby(["file", "place_cell"], sort=False, observed=True):
        row, first = part.iloc[0], firsts.iloc[part["first"].iloc[0]]
        code = "row_twice" if first["village"] == row["village"] else "suffix_double"
        years = ", ".join(map(str, sorted(set(part["year"]))))
        action = (
            f"counted once where the amounts agree ({years}); first printed as "
            f"{safe(first['village'])} in {first['file']} {first['place_cell']}"
        )
        text = safe(str(row["village"]))
        issues.append(Issue(str(file), str(place), text, code, "note", action))
    return issues
