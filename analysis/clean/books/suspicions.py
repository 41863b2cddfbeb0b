"""Amounts that were read and may still be wrong: slips of a unit, blanks that say zero, heaps."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.clean.books.frames import joined_cells, rows, sheets
from analysis.clean.books.private import safe
from analysis.clean.issues import Issue

SLIP = 10_000.0
"""元 against 万元."""

OFF, APART, NEAR = 300.0, 30.0, 5.0
"""Factors of a slip: off the median, off every other year, and near one when it is undone."""

FAR = 1_000.0
"""A factor that no village's account moves by."""

TARGETS_YUAN = (50_000.0, 100_000.0, 200_000.0, 500_000.0)
"""5, 10, 20 and 50 万元: the bands of the official forms."""

_MIN_ACCOUNTS = 3
_MIN_CELLS = 10
_MANY_ZEROS, _FEW_ZEROS = 0.9, 0.5
_WINDOW, _HEAP_RATIO, _HEAP_COUNT = 0.05, 3.0, 20


def find_slips(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which amounts are off by 10,000 beyond doubt, and issues for all far ones.

    Parameters
    ----------
    cells : DataFrame
        Cells with ``counted`` and ``place_key``.

    Notes
    -----
    An amount is a slip when it is more than 30 times above or below every other year of the same
    village and account (zeros aside), more than 300 times off their median, and 10,000 times as
    much or as little comes within 5 times of one of them. Then 元 and 万元 were mixed up: the unit
    of the cell is not known, and it is left out until a person says what it should be. With two
    years only, the median is that of the county's villages. Whatever else is more than 1,000 times
    off is kept as written.
    """
    placed = cells["counted"] | (cells["village_id"].isna() & ~cells["is_total"])
    placed &= (cells["means"] == "account") & (cells["yuan"].abs() > 0)
    known = cells[placed].copy()
    known["size"] = np.log10(known["yuan"].abs())
    own = known.groupby(["place_key", "account"])["size"]
    others = own.transform("count") - 1
    peers = known.groupby(["county", "account", "year"])["size"].transform("median")
    reference = own.transform("median").where(others > 1, peers)
    distance = known["size"] - reference
    # only the few that are off at all are looked at one by one
    off = known[distance.abs() > np.log10(OFF)]
    by_place = own.groups
    nearest = pd.Series(np.inf, index=known.index)
    repaired = pd.Series(np.inf, index=known.index)
    for row in rows(off):
        group = known.loc[by_place[row.place_key, row.account].drop(row.Index), "size"]
        if len(group):
            back = row.size - np.copysign(np.log10(SLIP), distance[row.Index])
            nearest[row.Index] = (group - row.size).abs().min()
            repaired[row.Index] = (group - back).abs().min()
    is_off = distance.abs() > np.log10(OFF)
    slipped = is_off & (nearest > np.log10(APART)) & (repaired < np.log10(NEAR)) & (others > 0)
    far = slipped | ((distance.abs() > np.log10(FAR)) & (nearest > np.log10(FAR)))
    issues = []
    for row in rows(known[far]):
        is_slip = bool(slipped[row.Index])
        typical = 10 ** float(reference[row.Index])
        whose = "the village's other years" if others[row.Index] > 1 else "villages of its county"
        says = f"{row.account} {row.year}: {row.yuan:,.2f} yuan, {whose} about {typical:,.0f}"
        action = (
            f"left out: {says}; say in corrections.csv what it should be" if is_slip
            else f"kept as written: {says}"
        )  # fmt: skip
        code, severity = ("unit_slip", "error") if is_slip else ("magnitude", "warning")
        issues.append(Issue(row.file, row.cell, safe(row.text), code, severity, action))
    return slipped.reindex(cells.index, fill_value=False), issues


def find_zeros(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which amounts stand in a village and year filled with zeros, and issues.

    A form that was prefilled with 0.0 looks like a village without any money: nobody can tell from
    the cells. They are kept as written. The same goes for an account that is zero nearly everywhere
    in one year and not in the others.
    """
    lines = cells[~cells["is_total"]]
    amounts = lines[(lines["means"] == "account") & lines["yuan"].notna()]
    key = ["file", "place_key", "year"]
    by = amounts["yuan"].abs().groupby([amounts[name] for name in key], sort=False)
    empty = (by.transform("count") >= _MIN_ACCOUNTS) & (by.transform("max") == 0)
    filled = amounts[empty].drop_duplicates(key)[key]
    zeros = lines[(lines["yuan"] == 0)].merge(filled, on=key, how="inner")
    issues = []
    zeros = zeros.assign(sheet=sheets(zeros["cell"]))
    for (file, _, village, year), part in zeros.groupby(["file", "sheet", "place_key", "year"]):
        action = f"kept as zero; every account of {village} in {year} says so: blank or nothing?"
        cell = joined_cells(part["cell"])
        issues.append(Issue(str(file), cell, "0", "zero_filled", "warning", action))
    doubted = empty[empty].reindex(cells.index, fill_value=False)
    return doubted, [*issues, *_zero_columns(amounts[~empty])]


def _zero_columns(amounts: pd.DataFrame) -> Iterator[Issue]:
    """Find accounts that say zero nearly everywhere in one year, and not in the others."""
    if amounts.empty:
        return
    key = ["file", "county", "account"]
    shares = amounts.assign(zero=amounts["yuan"] == 0).groupby([*key, "year"]).agg(
        share=("zero", "mean"), cells=("zero", "size"), cell=("cell", "first"))  # fmt: skip
    for names, part in shares.reset_index().groupby(key):
        if len(part) == 1:
            continue
        for at, row in enumerate(rows(part)):
            others = part["share"].drop(part.index[at]).median()
            if row.share >= _MANY_ZEROS and others < _FEW_ZEROS and row.cells >= _MIN_CELLS:
                action = (
                    f"kept as zero: {names[2]} is zero in {row.share:.0%} of {row.cells} cells of "
                    f"{row.year} and in {others:.0%} in other years; blank or nothing?"
                )
                yield Issue(str(names[0]), row.cell, "0", "zero_column", "warning", action)


def find_heaps(panel: pd.DataFrame) -> Iterator[Issue]:
    """Yield an issue for each county, year and target with more incomes just above than below.

    Compares the villages within 5 % above a target with those within 5 % below it: three times as
    many, and 20 or more of them, is more than a smooth spread of incomes gives.
    """
    for measure in ("operating_income_yuan", "total_income_yuan"):
        for (county, year), part in panel.groupby(["county_code", "year"]):
            values = part[measure].to_numpy()
            for target in TARGETS_YUAN:
                above = int(((values >= target) & (values < target * (1 + _WINDOW))).sum())
                below = int(((values < target) & (values >= target * (1 - _WINDOW))).sum())
                if above >= _HEAP_COUNT and above >= _HEAP_RATIO * max(below, 1):
                    action = (
                        f"kept: {above} villages within 5 % above {target / 1e4:g} 万元, "
                        f"{below} within 5 % below"
                    )
                    where = f"{county}, {year}, {measure}"
                    yield Issue("panel", where, "", "heaping", "note", action)
