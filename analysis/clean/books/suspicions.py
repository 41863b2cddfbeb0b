"""Amounts that were read and may still be wrong: slips of a unit, blanks that say zero, heaps."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.clean.books.frames import joined_cells, rows, sheets
from analysis.clean.books.private import safe
from analysis.clean.issues import Issue

SLIP = 10_000.0
"""元 against 万元."""

FAR = 1_000.0
"""A factor that no village's account moves by; a slip is ten times that."""

NEAR = 20.0
"""Within this factor of the others an amount passes for one of them."""

TARGETS_YUAN = (50_000.0, 100_000.0, 200_000.0, 500_000.0)
"""5, 10, 20 and 50 万元: the bands of the official forms."""

_MIN_ACCOUNTS = 3
_MIN_CELLS = 10
_MANY_ZEROS, _FEW_ZEROS = 0.9, 0.5
_WINDOW, _HEAP_RATIO, _HEAP_COUNT = 0.05, 3.0, 20


def find_slips(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which counted amounts are off by 10,000 beyond doubt, and issues for all far ones.

    Parameters
    ----------
    cells : DataFrame
        Cells with ``counted``.

    Notes
    -----
    An amount is far when it is more than 1,000 times above or below the other years of the same
    village and account (zeros aside), or, without other years, the median of its county. It is a
    slip when dividing or multiplying by 10,000 brings it within 20 times of them: then 元 and 万元
    were mixed up, the unit of the cell is not known, and it is left out until a person says
    what it should be. Whatever else is far is kept as written.
    """
    known = cells[cells["counted"] & (cells["yuan"].abs() > 0)].copy()
    known["size"] = np.log10(known["yuan"].abs())
    own = known.groupby(["village_id", "account"])["size"]
    others = own.transform("count") - 1
    # the median of the other years, as good as leaving one out when one of several is far
    middle = own.transform("median")
    ordered = known.sort_values("size")
    group = ordered.groupby(["village_id", "account"])["size"]
    gap = np.minimum(group.diff().fillna(np.inf), (-group.diff(-1)).fillna(np.inf))
    known["gap"] = gap
    peers = known.groupby(["county", "account", "year"])["size"].transform("median")
    reference = middle.where(others > 1, peers)
    alone = others == 0
    distance = known["size"] - reference
    near_own = known["gap"] <= np.log10(FAR)
    far = (distance.abs() > np.log10(FAR)) & (~near_own | alone)
    back = (distance.abs() - np.log10(SLIP)).abs() <= np.log10(NEAR)
    slipped = far & back & ~alone  # two far years: the peers say which of them it is
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
    rows = cells[cells["village_id"].notna() & ~cells["is_total"]]
    amounts = rows[(rows["means"] == "account") & rows["yuan"].notna()]
    key = ["file", "village_id", "year"]
    by = amounts["yuan"].abs().groupby([amounts[name] for name in key], sort=False)
    empty = (by.transform("count") >= _MIN_ACCOUNTS) & (by.transform("max") == 0)
    lines = amounts[empty].drop_duplicates(key)[key]
    zeros = rows[(rows["yuan"] == 0)].merge(lines, on=key, how="inner")
    issues = []
    zeros = zeros.assign(sheet=sheets(zeros["cell"]))
    for (file, _, village, year), part in zeros.groupby(["file", "sheet", "village_id", "year"]):
        action = f"kept as zero; every account of {village} in {year} says so: blank or nothing?"
        cell = joined_cells(part["cell"])
        issues.append(Issue(str(file), cell, "0", "zero_filled", "warning", action))
    filled = empty[empty].reindex(cells.index, fill_value=False)
    return filled, [*issues, *_zero_columns(amounts[~empty])]


def _zero_columns(amounts: pd.DataFrame) -> Iterator[Issue]:
    """Find accounts that say zero nearly everywhere in one year, and not in the others."""
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
