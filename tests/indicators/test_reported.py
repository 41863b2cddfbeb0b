"""Reported figures: what one village has of them, and what is first and last."""

import math

import pandas as pd
import pytest

from analysis.errors import LianjianError
from analysis.indicators import reported

COLUMNS = ("series_id", "village", "year", "measure", "value_wan_yuan", "qualifier", "alliance",
           "alliance_joined")  # fmt: skip


def told(*rows):
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(province="甘肃")


def test_a_total_is_shared_and_what_each_village_has_is_not():
    figures = pd.DataFrame(
        {
            "value_wan_yuan": [6500.0, 45.0, 12.0, 7.2, 30.0],
            "statistic": ["total", "each gain", "mean", "total", "level"],
            "villages": pd.array([132, 11, 10, pd.NA, pd.NA], dtype="Int64"),
        }
    )
    shares = reported.per_village(figures)
    assert shares.tolist()[:3] == [6500 / 132, 45.0, 12.0]
    assert math.isnan(shares[3])  # of nobody knows how many villages
    assert shares[4] == 30.0


@pytest.mark.parametrize(
    ("qualifier", "value", "said"),
    [
        ("exact", 25.78, "25.78"),
        ("under", 12.0, "under 12"),
        ("at_least", 13.6, "at least 13.6"),
        ("target", 50.0, "target: 50"),
        ("forecast", 600.0, "forecast: 600"),
        ("derived", 6.35, "derived: 6.35"),
    ],
)
def test_a_value_says_what_its_source_says_of_it(qualifier, value, said):
    frame = pd.DataFrame({"value_wan_yuan": [value], "qualifier": [qualifier]})
    assert reported.as_printed(frame).tolist() == [said]


def test_ends_are_in_one_measure_and_in_the_order_of_years():
    ends = reported.series_ends(
        told(
            ("A", "甲村", 2022, "total", 53.0, "exact", "not_stated", None),
            ("A", "甲村", 2020, "total", 0.18, "exact", "not_stated", None),
            ("A", "甲村", 2023, "net", 22.6, "over", "not_stated", None),
            ("B", "乙村", 2021, "total", 0.24, "derived", "not_stated", None),
            ("B", "乙村", 2022, "net", 22.0, "exact", "not_stated", None),
            (None, "丙村", 2019, "total", 5.0, "exact", "not_stated", None),
        )
    )
    assert ends["series_id"].tolist() == ["A"]  # B has no two years of one measure
    [row] = ends.to_dict("records")
    assert (row["first_year"], row["first_wan"], row["last_year"], row["last_wan"]) == (
        2020, 0.18, 2022, 53.0,
    )  # fmt: skip
    assert reported.multiple(ends).tolist() == [53.0 / 0.18]


@pytest.mark.parametrize(
    ("joined", "where"),
    [
        ("2020", "between them"),
        ("2019", "before both"),
        ("2016", "before both"),
        ("2022", "after both"),
        ("2019-2020(未写明)", "between them"),
        (None, "not stated"),
        ("未写明", "not stated"),
    ],
)
def test_where_joining_lies(joined, where):
    rows = [
        ("A", "甲村", year, "total", value, "exact", "yes", joined)
        for year, value in ((2019, 7.5), (2021, 50.0))
    ]
    assert reported.series_ends(told(*rows))["joined"].tolist() == [where]


def test_from_nothing_there_is_no_multiple():
    ends = pd.DataFrame({"first_wan": [0.0, 2.0], "last_wan": [40.0, 3.0]})
    assert reported.multiple(ends).tolist() == [math.inf, 1.5]


def test_a_missing_column_is_named():
    with pytest.raises(LianjianError, match="statistic"):
        reported.per_village(pd.DataFrame({"value_wan_yuan": [1.0], "villages": [1]}))
