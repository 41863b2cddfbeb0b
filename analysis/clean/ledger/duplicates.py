"""Amounts that stand twice: equal ones count once, different ones not at all."""

import pandas as pd

from analysis.clean.issues import Issue
from analysis.clean.ledger.frames import groups, rows
from analysis.clean.ledger.private import safe

_KEY = ["village_id", "year", "account"]
_CENT = 0.005


def count_once(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells with ``counted``, and an issue for all that stands twice.

    Parameters
    ----------
    cells : DataFrame
        Cells with ``village_id``, in the order of the books.

    Notes
    -----
    Of the cells of one village, year and account the first one with an amount counts. When two
    amounts differ by a cent or more, none does: a mean of them would be nobody's.
    """
    usable = cells["yuan"].notna() & cells["village_id"].notna() & ~cells["is_total"]
    usable &= cells["means"] == "account"
    known = cells[usable]
    numbers, firsts = groups(known, _KEY)
    amounts = known["yuan"].groupby(numbers)
    differs = amounts.transform("max") - amounts.transform("min") > _CENT
    counted = pd.Series(data=False, index=cells.index)
    counted.loc[firsts.index] = True
    counted.loc[known.index[differs]] = False
    return cells.assign(counted=counted), [*_differing(known[differs]), *_repeated(cells)]


def _differing(cells: pd.DataFrame) -> list[Issue]:
    issues = []
    for (village, year, account), part in cells.groupby(_KEY, sort=True, observed=True):
        where = "; ".join(f"{row.file} {row.cell}: {row.yuan:,.2f}" for row in rows(part))
        action = f"left out: {account} of {village} in {year} stands twice and differs ({where})"
        issues += [
            Issue(row.file, row.cell, safe(row.text), "amounts_differ", "error", action)
            for row in rows(part)
        ]
    return issues


def _repeated(cells: pd.DataFrame) -> list[Issue]:
    """Return an issue for every row that repeats the village and year of an earlier one."""
    own = cells[cells["village_id"].notna() & (cells["means"] == "account") & ~cells["is_total"]]
    numbers, firsts = groups(own, _KEY)
    is_again = ~own.index.isin(firsts.index)
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
