"""Tables of what others print: mean villages of other places, and how many villages earn little."""

from collections.abc import Mapping
from math import isnan

import pandas as pd

from analysis._labelled import Labelled
from analysis.indicators import reported
from analysis.tables._labelled import labelled

_OF_PLACE = {
    "operating": "operating income",
    "total": "total income",
    "net": "operating surplus",
}
_MEASURES = {
    "operating_share_of_income": "operating income in all income",
    "operating_surplus": "collectives with an operating surplus",
}


def province_path(path: Mapping[tuple[str, int], reported.Rounded]) -> Labelled:
    """Give a place's printed means by measure and year, and how they moved, with their ends."""
    rows = []
    for measure, year in sorted(path, key=lambda key: (list(_OF_PLACE).index(key[0]), key[1])):
        mean, before = path[measure, year], path.get((measure, year - 1))
        row = {"Measure": _OF_PLACE[measure], "Year": year, "Mean": str(mean)}
        if before:
            row["Gain"] = str(mean - before)
            row["Growth, %"] = str((mean / before - 1) * 100)
        rows.append(row)
    made = pd.DataFrame(rows, columns=["Measure", "Year", "Mean", "Gain", "Growth, %"])
    return Labelled(made.set_index(["Measure", "Year"]))


def means_elsewhere(benchmarks: pd.DataFrame, but: str) -> Labelled:
    """Give the published mean incomes of all places but one; targets are named and not tabled."""
    means = benchmarks[(benchmarks["statistic"] == "mean") & (benchmarks["place"] != but)]
    is_result = ~means["qualifier"].isin(reported.NO_RESULTS)
    rows, others = means[is_result], means[~is_result]
    low, high = (rows[f"{end}_wan_yuan"].astype("str") for end in ("low", "high"))
    rounding = (" (" + low + "–" + high + ")").where(rows["low_wan_yuan"].notna(), "")
    part = rows["period"].where(rows["period"] != "year")
    made = pd.DataFrame(
        {
            "place": rows["place"] + " " + rows["year"].astype("str") + (", " + part).fillna(""),
            "measure": rows["measure"],
            "printed": reported.as_printed(rows) + rounding,
            "source": _trusted(rows),
        }
    )
    return labelled(made.sort_values(["place", "measure"])).saying(
        "Published mean incomes per village (万元). H primary text, M press or paper read in part, "
        "L weak source; in brackets what rounding leaves. Left out as no result: "
        f"{'; '.join(others['place'])} ({'; '.join(reported.as_printed(others))})."
    )


def shares_elsewhere(bands: pd.DataFrame) -> Labelled:
    """Give the published shares of collectives by band of income, and of one income in another."""
    made = pd.DataFrame(
        {
            "place": bands["place"] + " " + bands["year"].astype("str"),
            "share_of": [
                _share_of(_MEASURES.get(of, of.replace("_", " ")), low, high)
                for of, low, high in zip(
                    bands["measure"],
                    bands["band_low_wan_yuan"],
                    bands["band_high_wan_yuan"],
                    strict=True,
                )
            ],
            "share_pct": bands["share_pct"],
            "source": _trusted(bands),
        }
    )
    return labelled(made).saying(
        "Published shares of village collectives by operating surplus, and the share of "
        "operating income in all that they take in."
    )


def _share_of(measure: str, low: float, high: float) -> str:
    """Say of which villages or income a share is; without bounds it is of no band."""
    if isnan(low) and isnan(high):
        return measure
    if isnan(low):
        return f"{measure} under {high:g} 万元, or none"
    if isnan(high):
        return f"{measure} of {low:g} 万元 or more"
    return f"{measure} of {low:g} to {high:g} 万元"


def _trusted(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["source"] + " (" + rows["confidence"] + ")"
