"""Levels, sources, changes and real values of income: a village or a household, by any grouping."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from analysis._frame import (
    amounts,
    by_code,
    by_village,
    flat,
    names_of,
    need_columns,
    need_years,
    numeric,
    panel_of,
    said,
    whole_years,
)
from analysis.errors import LianjianError, did_you_mean
from analysis.fields import FIELDS, SUFFIX, TRAITS, YUAN_PER_WAN, shown
from analysis.indicators._stands_on import (
    keep_growth,
    keep_means,
    keep_moves,
    keep_own_shares,
    keep_ratios,
    keep_scaled,
)

Per = Literal["village", "household"]

INCOMES = ("operating_income_yuan", "total_income_yuan")
"""The two measures that stand side by side: subsidies are in the second and not in the first."""

SOURCES = ("operating_income_yuan", "subsidy_income_yuan", "other_income_yuan")
"""What total income consists of."""

_ADDS_UP = 0.01
"""Parts that differ from their total by more of it do not add up; less is rounding to 万元."""


def _per(frame: pd.DataFrame, columns: list[str], per: Per) -> tuple[pd.DataFrame, str]:
    """Return measures in yuan, of a village or of each of its households, and what is not known."""
    for name in columns:
        unit = FIELDS[name].unit if name in FIELDS else "yuan"
        if unit != "yuan" or name.endswith("_wan_yuan"):
            raise LianjianError(
                f"{name} is no column of amounts in yuan; one was expected, as "
                "operating_income_yuan."
            )
    if per == "village":
        return frame[columns], ""
    if per != "household":
        raise LianjianError(
            f"per is {per!r}.{did_you_mean(str(per), ('village', 'household'))} It is 'village' or "
            "'household'."
        )
    size = pd.Series(amounts(numeric(frame, "households")["households"]), frame.index)
    if (size <= 0).any():
        raise LianjianError(
            f"households is 0 or less in {int((size <= 0).sum())} rows. Leave it empty where the "
            "number is not known."
        )
    without = frame.loc[size.isna(), "village_id"].nunique()
    left = f"{without} villages are left out where their number of households is not known"
    note = left if without else ""
    return frame[columns].div(size, axis=0), note


CPI = "rural_cpi_pct"


def _keys(frame: pd.DataFrame, by: list[str]) -> list[pd.Series]:
    """Return what to group by; rows without a group are a group, not lost."""
    return [frame[name] for name in by] or [pd.Series("all", frame.index, name="group")]


def means(
    panel: pd.DataFrame,
    by: str | Iterable[str] = "year",
    columns: str | Iterable[str] = INCOMES,
    *,
    per: Per = "village",
) -> pd.DataFrame:
    """Return the mean of money columns by group, with the number of villages behind each.

    Parameters
    ----------
    panel : DataFrame
        Village by year: ``village_id, year``, the groups, the measures in yuan, and ``households``
        for a mean a household.
    by : str or list of str
        Grouping columns; ``year`` is one of them unless the panel holds one year only.
    columns : str or list of str
        Money columns in yuan. A missing value leaves its village out of that mean only.
    per : {"village", "household"}
        A household: each village's income over its own households, then the mean over villages,
        so that each village counts once. Without households a village is left out.

    Returns
    -------
    DataFrame
        One row a group: ``by``, ``villages`` (in the group), the means, and for each measure the
        villages behind its mean (``operating_income_villages``). Means are called
        ``…_wan_yuan`` (万元 a village) or ``…_yuan_per_household`` (yuan). ``attrs`` holds
        ``units`` and ``labels`` from the field registry, and ``notes``.

    Raises
    ------
    LianjianError
        A column is missing or no number, a village stands twice in a year, the panel is empty, or
        years would be pooled.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["A", "B"], "year": 2024, "households": [100, 300],
    ...                       "x_yuan": [1e4, 3e4]})
    >>> means(frame, "year", "x_yuan").iloc[0].tolist()
    [2024.0, 2.0, 2.0, 2.0]
    >>> means(frame, "year", "x_yuan", per="household")["x_yuan_per_household"].item()
    100.0
    """
    by, columns = names_of(by, "by"), names_of(columns, "columns")
    frame = panel_of(panel, *columns, by=by)
    values, note = _per(frame, columns, per)
    keys = _keys(frame, by)
    groups = values.groupby(keys, observed=True, sort=True, dropna=False)
    fields = {name: shown(name, per) for name in columns}
    result = groups.mean() / (YUAN_PER_WAN if per == "village" else 1.0)
    result = result.rename(columns={name: field.name for name, field in fields.items()})
    if per == "village":
        keep_means(frame, keys, columns, result, scale=1 / YUAN_PER_WAN, households=None)
    else:
        keep_means(frame, keys, columns, result, scale=1.0, households=frame["households"])
    result.insert(0, "villages", frame["village_id"].groupby(keys, dropna=False).nunique())
    counts = groups.count()
    for name in columns:
        result[f"{name.removesuffix('_yuan')}_villages"] = counts[name]
    blank = [
        f"{fields[name].label} is known of no village in {without} of {len(counts)} groups"
        for name in columns
        if (without := int((counts[name] == 0).sum()))
    ]
    return said(
        flat(result, by),
        note,
        *blank,
        units={field.name: field.unit for field in fields.values()},
        labels={field.name: field.label for field in fields.values()},
    )


def by_source(
    panel: pd.DataFrame, by: str | Iterable[str] = "year", *, per: Per = "village"
) -> pd.DataFrame:
    """Return what income consists of, in money and in percent of all income.

    Parameters
    ----------
    panel : DataFrame
        Village by year with operating, subsidy, other and total income in yuan.
    by, per
        As for :func:`means`.

    Returns
    -------
    DataFrame
        One row a group: ``by``, ``villages`` (all four incomes known), the means of the four as
        :func:`means` calls them, ``operating_pct, subsidy_pct, other_pct`` (shares of the group's
        total income, from sums), ``operating_median_pct`` (the median village's own operating
        share, among those with income) and ``dependent_pct`` (villages that have more subsidy than
        half their total income, in percent of those with income). ``attrs["notes"]`` says how many
        villages are left out, and how many groups whose total is 0 or less, and so has no shares;
        and where parts do not add up to their total. No row where all four are known of no village.

    Raises
    ------
    LianjianError
        As for :func:`means`.

    Notes
    -----
    The share from sums is ruled by large villages, the median share is not; they part where
    subsidies go to small villages. Sources within operating income are accounts of the bookings;
    光伏, 租赁 and the like are in no account, so that no table here can tell them apart.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["A", "B"], "year": 2024,
    ...     "operating_income_yuan": [9e4, 1e4], "subsidy_income_yuan": [0, 8e4],
    ...     "other_income_yuan": [1e4, 1e4], "total_income_yuan": [1e5, 1e5]})
    >>> found = by_source(frame)
    >>> found[["operating_pct", "subsidy_pct", "other_pct", "dependent_pct"]].iloc[0].tolist()
    [50.0, 40.0, 10.0, 50.0]
    """
    by = names_of(by, "by")
    wanted = [*SOURCES, "total_income_yuan"]
    frame = panel_of(panel, *wanted, by=by)
    known = frame[frame[wanted].notna().all(axis=1)]
    missing = f"{len(frame) - len(known)} of {len(frame)} rows lack a part of their income"
    note = missing if len(known) < len(frame) else ""
    if known.empty:
        return said(pd.DataFrame(columns=[*by, "villages"]), f"{note}, so that none is left")
    values, unsized = _per(known, wanted, per)
    known = known[values.notna().all(axis=1)]
    apart = (known[list(SOURCES)].sum(axis=1) - known["total_income_yuan"]).abs()
    apart = apart > _ADDS_UP * known["total_income_yuan"].abs()
    adds = f"In {apart.sum()} of {len(known)} rows the parts do not add up to the total"
    notes = [note, unsized, adds if apart.any() else ""]
    groups = known["total_income_yuan"].groupby(_keys(known, by), observed=True, dropna=False)
    earns = groups.transform("sum") > 0
    without = groups.ngroups - int((groups.sum() > 0).sum())
    alone = f"{without} of {groups.ngroups} groups have a total of 0 or less and are left out"
    known = known[earns]
    if known.empty:
        return said(pd.DataFrame(columns=[*by, "villages"]), *notes, alone)
    result = means(known, by, wanted, per=per)
    notes += [alone if without else "", *result.attrs["notes"]]
    result = result.drop(columns=[f"{name.removesuffix('_yuan')}_villages" for name in wanted])
    keys = _keys(known, by)
    sums = known[wanted].groupby(keys, observed=True, sort=True, dropna=False).sum()
    total = known["total_income_yuan"].where(known["total_income_yuan"] > 0)
    shares = sums[list(SOURCES)].div(sums["total_income_yuan"], axis=0) * 100
    shares = shares.rename(columns=lambda name: name.replace("_income_yuan", "_pct"))
    keep_ratios(known, keys, wanted, shares)
    own = known["operating_income_yuan"] / total * 100
    shares["operating_median_pct"] = own.groupby(keys, dropna=False).median()
    dependent = (known["subsidy_income_yuan"] / total > 1 / 2).where(total.notna())
    shares["dependent_pct"] = dependent.astype(float).groupby(keys, dropna=False).mean() * 100
    keep_own_shares(known, keys, shares["operating_median_pct"], shares["dependent_pct"])
    labels = {key: result.attrs[key] for key in ("units", "labels")}
    return said(
        pd.concat([result, by_code(shares).reset_index(drop=True)], axis=1), *notes, **labels
    )


def changes(
    panel: pd.DataFrame, column: str, start: int, end: int, *, per: Per = "village"
) -> pd.DataFrame:
    """Return each village's change of a measure between two years.

    Parameters
    ----------
    panel, column : DataFrame, str
        ``village_id`` by ``year``, and the measure in yuan.
    start, end : int
        Years, the earlier first; villages without a value in both are left out.
    per : {"village", "household"}
        A household: over the village's households of the same year.

    Returns
    -------
    DataFrame
        ``village_id``, the traits that the panel has (of the year ``end``), ``start, end, change``
        with ``_wan_yuan`` (万元) or ``_yuan_per_household`` behind each. ``attrs["notes"]`` says
        who is left out. No row where no village is known in both years.

    Raises
    ------
    LianjianError
        The panel lacks one of the years or columns, or a village stands twice in a year.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": "A", "year": [2023, 2024], "x_yuan": [1e4, 4e4]})
    >>> changes(frame, "x_yuan", 2023, 2024)["change_wan_yuan"].item()
    3.0
    """
    frame = panel_of(panel, column)
    values, note = _per(frame, [column], per)
    wide = by_village(frame.assign(**{column: values[column]}), column)
    need_years(wide, start, end)
    either = wide[[start, end]].notna().any(axis=1).sum()
    wide = wide[[start, end]].dropna() / (YUAN_PER_WAN if per == "village" else 1.0)
    last = frame[frame["year"] == end].set_index("village_id")
    result = last.loc[wide.index, [name for name in TRAITS if name in last]].copy()
    unit = SUFFIX[per]
    result[f"start{unit}"], result[f"end{unit}"] = wide[start], wide[end]
    result[f"change{unit}"] = wide[end] - wide[start]
    alone = f"{either - len(wide)} villages are known in {start} or {end} only and are left out"
    none = f"No village has a known {shown(column).label.lower()} in both {start} and {end}"
    words = none if wide.empty else alone if either > len(wide) else ""
    result = said(result.reset_index(), note, words)
    if per == "village":
        result.attrs["stands_on"] = (column, start, end, 1 / YUAN_PER_WAN)
    return result


def growth(change: pd.DataFrame, by: str | Iterable[str] = ()) -> pd.DataFrame:
    """Summarise the changes of villages by group.

    Parameters
    ----------
    change : DataFrame
        Result of :func:`changes`.
    by : str or list of str
        Grouping columns; without any, one row for all.

    Returns
    -------
    DataFrame
        ``by``, ``villages, start_mean, end_mean, change_mean, change_median`` in the unit of the
        changes, ``growth_pct`` and ``fell_pct`` in percent. Growth is that of the mean, never the
        mean of growth rates, which a village near zero would dominate; from a mean of zero it is
        missing. No row for no changes.

    Raises
    ------
    LianjianError
        The frame does not come from :func:`changes`, or lacks a grouping column.

    Examples
    --------
    >>> frame = pd.DataFrame({"role": ["outside", "outside"], "start_wan_yuan": [1.0, 3.0],
    ...                       "end_wan_yuan": [4.0, 2.0], "change_wan_yuan": [3.0, -1.0]})
    >>> growth(frame, "role")[["growth_pct", "fell_pct"]].iloc[0].tolist()
    [50.0, 50.0]
    """
    by = names_of(by, "by")
    household = "change_yuan_per_household" in getattr(change, "columns", ())
    unit = SUFFIX["household" if household else "village"]
    start, end, moved = (f"{name}{unit}" for name in ("start", "end", "change"))
    need_columns(change, *by)
    change = numeric(change, start, end, moved)
    groups = change.groupby(_keys(change, by), observed=True, sort=True, dropna=False)
    result = pd.DataFrame(
        {
            "villages": groups.size(),
            "start_mean": groups[start].mean(),
            "end_mean": groups[end].mean(),
            "change_mean": groups[moved].mean(),
            "change_median": groups[moved].median(),
            "fell_pct": groups[moved].agg(lambda x: float((x < 0).mean() * 100)),
        }
    )
    rate = (result["end_mean"] / result["start_mean"] - 1) * 100
    # growth from a mean of zero is not a number anyone can use
    result.insert(5, "growth_pct", rate.where(result["start_mean"] > 0))
    keep_growth(change, _keys(change, by), result, moved)
    none = int(result["growth_pct"].isna().sum())
    note = f"{none} of {len(result)} groups have no growth: their mean was not positive"
    notes = change.attrs.get("notes", ())
    return said(flat(result, by), *notes, note if none else "")


def swings(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return how strongly villages move from year to year."""
    wide = by_village(panel, column) / YUAN_PER_WAN
    rows = []
    for before, after in pairwise(int(year) for year in wide.columns):
        move = (wide[after] - wide[before]).dropna()
        if after != before + 1 or move.empty:
            continue
        low, high = np.quantile(move, [0.25, 0.75])
        fell = float((move < 0).mean() * 100)
        row = (float(move.mean()), fell, float(low), float(high))
        keep_moves(move, (column, before, after, 1 / YUAN_PER_WAN), row)
        rows.append((after, len(move), *row))
    columns = ["year", "villages", "mean_change", "fell_pct", "iqr_low", "iqr_high"]
    none = "No village is known in two years that follow each other"
    return said(pd.DataFrame(rows, columns=columns), "" if rows else none)


def deflate(
    frame: pd.DataFrame,
    prices: pd.DataFrame,
    base_year: int,
    columns: str | Iterable[str] = INCOMES,
) -> pd.DataFrame:
    """Return the frame with money columns in prices of a base year."""
    # real_t = nominal_t · P_base / P_t with P_t = P_{t-1} (1 + π_t / 100).
    columns = names_of(columns, "columns")
    need_columns(prices, "year", CPI)
    need_columns(frame, "year")
    frame = numeric(frame, *columns).assign(year=whole_years(frame["year"]))
    ordered = prices.sort_values("year")
    years = ordered["year"].to_numpy()
    if (np.diff(years) != 1).any() or ordered[CPI].isna().any():
        raise LianjianError(
            f"Consumer prices must have one row a year without a gap; these are of {list(years)}."
        )
    level = pd.Series((1 + amounts(ordered[CPI], CPI) / 100).cumprod(), index=years)
    wanted = {base_year, *frame["year"].unique()}
    if missing := sorted(int(year) for year in wanted - set(level.index)):
        raise LianjianError(
            f"There are no consumer prices for {missing}; they run from {level.index.min()} to "
            f"{level.index.max()}."
        )
    factor = level[base_year] / frame["year"].map(level)
    real = frame.assign(**{name: frame[name] * factor for name in columns})
    keep_scaled(real, frame, factor, columns)
    return real


def span(years: Iterable[int], start: int, end: int) -> tuple[int, int]:
    """Return the two years that come nearest to a span and are in the data.

    Where the data hold one year only, the first of the two is the year as long before it as the
    span asks for: nothing is known of it, and no change can be told.
    """
    if start >= end:
        raise LianjianError(f"The span runs from {start} to {end}; the first year must be earlier.")
    have = sorted({int(year) for year in whole_years(pd.Series(list(years), dtype="object"))})
    known = [year for year in have if year <= end]
    if not known or len(known) == 1 < len(have):
        raise LianjianError(
            f"A change up to {end} needs books of two years up to then; these are of "
            f"{', '.join(map(str, have)) or 'no year'}. Set the years to those of the books."
        )
    last, long = known[-1], end - start
    if len(have) == 1:
        return last - long, last
    return max((y for y in known if y <= last - long), default=known[0]), last
