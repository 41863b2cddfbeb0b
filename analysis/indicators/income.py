"""Levels, changes and real values of income, by any grouping."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.errors import LianjianError, need_columns
from analysis.indicators.tables import by_village, need_years, numeric

YUAN_PER_WAN = 10_000.0
_TRAITS = ["county_code", "county_name", "zone", "role"]


def deflate(
    frame: pd.DataFrame,
    prices: pd.DataFrame,
    base_year: int,
    columns: list[str],
    *,
    index: str = "rural_cpi_pct",
) -> pd.DataFrame:
    """Return the frame with money columns in prices of a base year.

    Parameters
    ----------
    frame : DataFrame
        With column ``year`` and money columns in yuan.
    prices : DataFrame
        ``year`` and the change on the year before in percent, one row a year without gaps.
    base_year : int
        Year whose prices are used.
    columns : list of str
        Money columns to deflate.
    index : str
        Price column; rural consumer prices by default.

    Raises
    ------
    LianjianError
        The price index does not cover the base year or a year of the frame.

    Notes
    -----
    real_t = nominal_t · P_base / P_t with P_t = P_{t-1} (1 + π_t / 100).

    Examples
    --------
    >>> prices = pd.DataFrame({"year": [2023, 2024], "rural_cpi_pct": [0.0, 2.0]})
    >>> frame = pd.DataFrame({"year": [2023, 2024], "x_yuan": [100.0, 102.0]})
    >>> deflate(frame, prices, 2024, ["x_yuan"])["x_yuan"].round(6).tolist()
    [102.0, 102.0]
    """
    need_columns(prices, "year", index)
    need_columns(frame, "year")
    frame = numeric(frame, *columns)
    ordered = prices.sort_values("year")
    level = pd.Series(
        (1 + ordered[index].to_numpy() / 100).cumprod(), index=ordered["year"].to_numpy()
    )
    wanted = {base_year, *frame["year"].unique()}
    if missing := sorted(int(year) for year in wanted - set(level.index)):
        raise LianjianError(
            f"There are no consumer prices for {missing}; they run from {level.index.min()} to "
            f"{level.index.max()}."
        )
    factor = level[base_year] / frame["year"].map(level)
    return frame.assign(**{name: frame[name] * factor for name in columns})


def means(panel: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Return the mean of money columns by group, in 万元, with the number of villages.

    Parameters
    ----------
    panel : DataFrame
        Village by year.
    by : list of str
        Grouping columns; ``year`` should be one of them.
    columns : list of str
        Money columns in yuan. A missing value leaves its village out of that mean only.

    Returns
    -------
    DataFrame
        One row a group: ``by``, ``villages``, and the columns with ``_yuan`` turned into
        ``_wan_yuan``.

    Raises
    ------
    LianjianError
        A column is missing, or a measure is no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["A", "B"], "year": 2024, "x_yuan": [1e4, 3e4]})
    >>> means(frame, ["year"], ["x_yuan"]).iloc[0].tolist()
    [2024.0, 2.0, 2.0]
    """
    need_columns(panel, "village_id", *by)
    groups = numeric(panel, *columns).groupby(by, observed=True, sort=True)
    result = groups[columns].mean() / YUAN_PER_WAN
    result = result.rename(columns={name: to_wan(name) for name in columns})
    result.insert(0, "villages", groups["village_id"].nunique())
    return result.reset_index()


def to_wan(name: str) -> str:
    """Return the name of a yuan column once it is shown in 万元.

    Examples
    --------
    >>> to_wan("total_income_yuan")
    'total_income_wan_yuan'
    """
    return name.removesuffix("_yuan") + "_wan_yuan"


def span(years: Iterable[int], start: int, end: int) -> tuple[int, int]:
    """Return the two years that come nearest to a span and are in the data.

    Parameters
    ----------
    years : iterable of int
        Years of the data.
    start, end : int
        First and last year asked for.

    Returns
    -------
    tuple of int
        The last year up to `end`, and the last that lies at least ``end - start`` before it; the
        first year of all where there is none.

    Raises
    ------
    LianjianError
        `start` is not before `end`, or no two years of the data are up to `end`.

    Examples
    --------
    >>> span([2018, 2021, 2022, 2023], 2023, 2024), span([2022, 2023, 2024], 2018, 2024)
    ((2022, 2023), (2022, 2024))
    """
    if start >= end:
        raise LianjianError(f"The span runs from {start} to {end}; the first year must be earlier.")
    have = sorted({int(year) for year in years})
    known = [year for year in have if year <= end]
    if len(known) < 2:  # noqa: PLR2004  (a first and a last)
        raise LianjianError(
            f"A change up to {end} needs books of two years up to then; these are of "
            f"{', '.join(map(str, have)) or 'no year'}. Set the years to those of the books."
        )
    last = known[-1]
    return max((y for y in known if y <= last - (end - start)), default=known[0]), last


def changes(panel: pd.DataFrame, column: str, start: int, end: int) -> pd.DataFrame:
    """Return each village's change of a measure between two years.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    column : str
        The measure.
    start, end : int
        Years; villages without a value in both are left out.

    Returns
    -------
    DataFrame
        ``village_id, county_code, county_name, zone, role, start_wan_yuan, end_wan_yuan,
        change_wan_yuan``.

    Raises
    ------
    LianjianError
        The panel lacks one of the years or columns, or a village stands twice in a year.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": "A", "year": [2023, 2024], "x_yuan": [1e4, 4e4],
    ...     "county_code": "a", "county_name": "A", "zone": "farm", "role": "outside"})
    >>> changes(frame, "x_yuan", 2023, 2024)["change_wan_yuan"].item()
    3.0
    """
    need_columns(panel, *_TRAITS)
    wide = by_village(panel, column)
    need_years(wide, start, end)
    wide = wide[[start, end]].dropna() / YUAN_PER_WAN
    traits = panel.drop_duplicates("village_id").set_index("village_id")
    result = traits.loc[wide.index, _TRAITS].copy()
    result["start_wan_yuan"] = wide[start]
    result["end_wan_yuan"] = wide[end]
    result["change_wan_yuan"] = wide[end] - wide[start]
    return result.reset_index()


def change_summary(change: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Summarise the changes of villages by group.

    Parameters
    ----------
    change : DataFrame
        Result of :func:`changes`.
    by : list of str
        Grouping columns; an empty list gives one row for all.

    Returns
    -------
    DataFrame
        ``villages, start_mean, end_mean, change_mean, change_median, growth_pct, fell_pct`` in 万元
        and percent. Growth is that of the mean, never the mean of growth rates, which a village
        near zero would dominate.

    Examples
    --------
    >>> frame = pd.DataFrame({"role": ["outside", "outside"], "start_wan_yuan": [1.0, 3.0],
    ...                       "end_wan_yuan": [4.0, 2.0], "change_wan_yuan": [3.0, -1.0]})
    >>> change_summary(frame, ["role"])[["growth_pct", "fell_pct"]].iloc[0].tolist()
    [50.0, 50.0]
    """
    keys = by or (lambda _: "all")
    groups = change.groupby(keys, observed=True, sort=True)
    result = pd.DataFrame(
        {
            "villages": groups.size(),
            "start_mean": groups["start_wan_yuan"].mean(),
            "end_mean": groups["end_wan_yuan"].mean(),
            "change_mean": groups["change_wan_yuan"].mean(),
            "change_median": groups["change_wan_yuan"].median(),
            "fell_pct": groups["change_wan_yuan"].agg(lambda x: float((x < 0).mean() * 100)),
        }
    )
    growth = (result["end_mean"] / result["start_mean"] - 1) * 100
    # growth from a mean of zero is not a number anyone can use
    result.insert(5, "growth_pct", growth.where(result["start_mean"] > 0))
    return result.reset_index() if by else result.reset_index(drop=True)


def yearly_swings(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return how strongly villages move from year to year.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    column : str
        The measure.

    Returns
    -------
    DataFrame
        For each ``year`` after the first: ``villages``, ``fell_pct`` (share of villages whose value
        fell), ``iqr_low, iqr_high`` (quartiles of the change, 万元) and ``mean_change`` (万元). A
        year whose forerunner is missing has no row.

    Raises
    ------
    LianjianError
        A column is missing or no number, or a village stands twice in a year.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"AABB"], "year": [2023, 2024] * 2,
    ...                       "x_yuan": [2e4, 1e4, 1e4, 4e4]})
    >>> yearly_swings(frame, "x_yuan")[["mean_change", "fell_pct"]].iloc[0].tolist()
    [1.0, 50.0]
    """
    wide = by_village(panel, column) / YUAN_PER_WAN
    rows = []
    for before, after in pairwise(int(year) for year in wide.columns):
        move = (wide[after] - wide[before]).dropna()
        if after != before + 1 or move.empty:
            continue
        low, high = np.quantile(move, [0.25, 0.75])
        rows.append(
            {
                "year": after,
                "villages": len(move),
                "mean_change": float(move.mean()),
                "fell_pct": float((move < 0).mean() * 100),
                "iqr_low": float(low),
                "iqr_high": float(high),
            }
        )
    return pd.DataFrame(rows)


def composition(panel: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return what the income of each group consists of.

    Parameters
    ----------
    panel : DataFrame
        Village by year with operating, subsidy, other and total income in yuan.
    by : list of str
        Grouping columns.

    Returns
    -------
    DataFrame
        ``by``, ``villages`` (all four incomes known), ``operating_pct, subsidy_pct, other_pct``
        (shares of the group's total income, from sums), ``operating_median_pct`` (the median
        village's own operating share, among those with income) and ``dependent_pct`` (villages
        that have more subsidy than half their total income, in percent of those with income).

    Raises
    ------
    LianjianError
        A group has no income at all, so that it has no shares.

    Notes
    -----
    The share from sums is ruled by large villages, the median share is not; they part where
    subsidies go to small villages. A village without income counts in ``villages`` and has no
    share of its own.

    Examples
    --------
    >>> frame = pd.DataFrame({"year": 2024, "operating_income_yuan": [9.0, 1.0],
    ...     "subsidy_income_yuan": [0.0, 8.0], "other_income_yuan": [1.0, 1.0],
    ...     "total_income_yuan": [10.0, 10.0]})
    >>> composition(frame, ["year"]).iloc[0].tolist()
    [2024.0, 2.0, 50.0, 40.0, 10.0, 50.0, 50.0]
    """
    parts = [f"{name}_income_yuan" for name in ("operating", "subsidy", "other")]
    need_columns(panel, *by)
    panel = numeric(panel, *parts, "total_income_yuan")
    known = panel[panel[[*parts, "total_income_yuan"]].notna().all(axis=1)]
    keys = [known[name] for name in by]
    groups = known.groupby(by, observed=True, sort=True)
    sums = groups[[*parts, "total_income_yuan"]].sum()
    if (sums["total_income_yuan"] <= 0).any():
        empty = sums.index[sums["total_income_yuan"] <= 0].tolist()
        raise LianjianError(f"The groups {empty} have no income at all. Leave them out.")
    shares = sums[parts].div(sums["total_income_yuan"], axis=0) * 100
    result = shares.rename(columns=lambda name: name.replace("_income_yuan", "_pct"))
    result.insert(0, "villages", groups.size())
    total = known["total_income_yuan"].where(known["total_income_yuan"] > 0)
    own = known["operating_income_yuan"] / total * 100
    result["operating_median_pct"] = own.groupby(keys).median()
    dependent = (known["subsidy_income_yuan"] / total > 1 / 2).where(total.notna())
    result["dependent_pct"] = dependent.astype(float).groupby(keys).mean() * 100
    return result.reset_index()


def log_change(change: pd.DataFrame) -> pd.Series:
    """Return ln(end) − ln(start) of each village; missing unless both incomes are positive.

    Parameters
    ----------
    change : DataFrame
        Result of :func:`changes`.

    Examples
    --------
    >>> frame = pd.DataFrame({"start_wan_yuan": [1.0, 0.0], "end_wan_yuan": [2.0, 3.0]})
    >>> log_change(frame).round(4).tolist()
    [0.6931, nan]
    """
    ends = change[["start_wan_yuan", "end_wan_yuan"]]
    logs = np.log(ends.where((ends > 0).all(axis=1)))
    return (logs["end_wan_yuan"] - logs["start_wan_yuan"]).rename("log_change")
