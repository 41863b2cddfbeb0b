"""Published figures of named places: what one village has of them, and what they say of change."""

import math
import re

import pandas as pd

from analysis._frame import need_columns

_SAID = {
    "about": "about",
    "about_zero": "about",
    "at_least": "at least",
    "derived": "derived:",
    "forecast": "forecast:",
    "mean": "mean",
    "over": "over",
    "target": "target:",
    "under": "under",
}
NO_RESULTS = ("forecast", "target")
"""Qualifiers of what was not, or not yet, earned."""

_KEPT = ("province", "village", "measure", "alliance", "alliance_joined")
_YEAR = re.compile(r"\d{4}")  # the years of 2019-2020(未写明)


def as_printed(figures: pd.DataFrame) -> pd.Series:
    """Return each value with what its source says of it, in 万元."""
    need_columns(figures, "value_wan_yuan", "qualifier")
    said = [
        f"{_SAID.get(qualifier, '')} {value:g}".strip()
        for qualifier, value in zip(figures["qualifier"], figures["value_wan_yuan"], strict=True)
    ]
    return pd.Series(said, index=figures.index, dtype="str")


def per_village(figures: pd.DataFrame) -> pd.Series:
    """Return each value for one village, 万元: a total over its villages, others as they are."""
    # Missing where a total does not say of how many villages it is.
    need_columns(figures, "value_wan_yuan", "statistic", "villages")
    villages = figures["villages"].astype("float64")
    value = figures["value_wan_yuan"]
    return value.where(figures["statistic"] != "total", value / villages)


def series_ends(reported: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the last figure of each series, in the measure of the first."""
    rows = []
    for name, series in reported.dropna(subset="series_id").groupby("series_id"):
        ordered = series.sort_values("year", kind="stable")
        first = ordered.iloc[0]
        last = ordered[ordered["measure"] == first["measure"]].iloc[-1]
        if first["year"] == last["year"]:
            continue
        row = {"series_id": name} | {str(column): first[column] for column in _KEPT}
        row["joined"] = _joined(first["alliance_joined"], first["year"], last["year"])
        for end, figure in (("first", first), ("last", last)):
            row[f"{end}_year"] = figure["year"]
            row[f"{end}_wan"] = figure["value_wan_yuan"]
            row[f"{end}_qualifier"] = figure["qualifier"]
        rows.append(row)
    return pd.DataFrame(rows)


def _joined(said: object, first: int, last: int) -> str:
    """Say where a year of joining, as printed, lies between two years."""
    years = [int(year) for year in _YEAR.findall(str(said))]
    if not years:
        return "not stated"
    if last < min(years):
        return "after both"
    return "between them" if first < max(years) else "before both"


def multiple(ends: pd.DataFrame) -> pd.Series:
    """Return how many times the last value is the first; infinite where the first is zero."""
    need_columns(ends, "first_wan", "last_wan")
    first = ends["first_wan"].astype("float64")
    return (ends["last_wan"] / first.where(first > 0)).fillna(math.inf)
