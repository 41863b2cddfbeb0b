"""Published figures of named places: what one village has of them, and what they say of change."""

import math
import re
from dataclasses import dataclass

import pandas as pd

from analysis._frame import need_columns
from analysis.indicators.targets import Interval, rounding_interval

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


@dataclass(frozen=True)
class Rounded(Interval):
    """A printed number with what its rounding leaves; sums, differences and ratios keep that."""

    estimate: float

    def __add__(self, other: "Rounded | float") -> "Rounded":
        more = _rounded(other)
        return Rounded(self.low + more.low, self.high + more.high, self.estimate + more.estimate)

    def __sub__(self, other: "Rounded | float") -> "Rounded":
        return self + _rounded(other) * -1

    def __mul__(self, factor: float) -> "Rounded":
        low, high = sorted((self.low * factor, self.high * factor))
        return Rounded(low, high, self.estimate * factor)

    def __truediv__(self, other: "Rounded | float") -> "Rounded":
        # of what is printed of money and its growth: above zero
        by = _rounded(other)
        return Rounded(self.low / by.high, self.high / by.low, self.estimate / by.estimate)

    def __str__(self) -> str:
        """With two decimals, and with its ends where these say less than that."""
        said = f"{self.estimate:.2f}"
        last = rounding_interval(float(said), 2)
        if round(self.low, 9) < last.low or round(self.high, 9) > last.high:
            said += f" ({self.low:.2f}–{self.high:.2f})"
        return said.replace("-", "−")


def _rounded(value: "Rounded | float") -> Rounded:
    return value if isinstance(value, Rounded) else Rounded(value, value, value)


def printed(value: float, digits: int) -> Rounded:
    """Return a number that is printed with some decimals."""
    leaves = rounding_interval(value, digits)
    return Rounded(leaves.low, leaves.high, value)


def path(figures: pd.DataFrame) -> dict[tuple[str, int], Rounded]:
    """Return the figures of one source by measure and year: as printed, or as derived."""
    need_columns(figures, "measure", "year", "value_wan_yuan", "low_wan_yuan", "high_wan_yuan")
    # a source prints with as many decimals as its longest number: 29.3 beside 22.76 is 29.30
    texts = figures["value_wan_yuan"].map("{:g}".format).str
    digits = int(texts.partition(".")[2].str.len().max()) if len(figures) else 0
    columns = ("measure", "year", "value_wan_yuan", "low_wan_yuan", "high_wan_yuan")
    found = {}
    for measure, year, value, low, high in zip(*(figures[name] for name in columns), strict=True):
        one = printed(value, digits) if math.isnan(low) else Rounded(low, high, value)
        found[str(measure), int(year)] = one
    return found


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
