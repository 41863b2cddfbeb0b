"""Reported figures: what one village has of them, and what is first and last."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from analysis import tables
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


def test_a_number_keeps_what_its_rounding_leaves():
    first, last = reported.printed(4.0, 1), reported.printed(5.0, 1)
    gain = last - first
    assert (gain.low, gain.high) == pytest.approx((0.9, 1.1))
    growth = (last / first - 1) * 100
    assert (growth.low, growth.high) == pytest.approx(
        ((4.95 / 4.05 - 1) * 100, (5.05 / 3.95 - 1) * 100)
    )
    assert str(growth) == "25.00 (22.22–27.85)"
    back = first * -2
    assert (back.low, back.high) == pytest.approx((-8.1, -7.9))


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_lies_within_what_is_printed(seed):
    rng = np.random.default_rng(seed)
    for first, last in rng.uniform(0.5, 80, (200, 2)):
        one, two = (reported.printed(round(value, 2), 2) for value in (first, last))
        for made, true in (
            (two - one, last - first),
            ((two / one - 1) * 100, (last / first - 1) * 100),
            ((one * 7 - two * 3) / 4, (first * 7 - last * 3) / 4),
        ):
            assert made.low - 1e-9 <= true <= made.high + 1e-9
            said = re.fullmatch(
                r"(-?[\d.]+)(?: \((-?[\d.]+)–(-?[\d.]+)\))?", str(made).replace("−", "-")
            )
            ends = [float(end or said[1]) for end in said.groups()[1:]]
            assert ends[0] - 0.005001 <= true <= ends[1] + 0.005001


def test_a_path_knows_what_was_derived_and_what_was_printed():
    figures = pd.DataFrame(
        {
            "measure": "total",
            "year": [2021, 2022, 2023],
            "value_wan_yuan": [8.31, 12.4, 15.26],
            "low_wan_yuan": [8.2, math.nan, math.nan],
            "high_wan_yuan": [8.4, math.nan, math.nan],
        }
    )
    path = reported.path(figures)
    assert str(path["total", 2021]) == "8.31 (8.20–8.40)"
    assert str(path["total", 2022]) == "12.40"  # beside numbers of two decimals
    made = tables.province_path(path | {("operating", 2023): reported.printed(11.0, 1)}).frame
    assert list(made.index) == [
        ("operating income", 2023),
        *(("total income", y) for y in range(2021, 2024)),
    ]
    assert made.loc[("total income", 2022), "Gain"] == "4.09 (3.99–4.21)"
    assert made.loc[("total income", 2023), "Growth, %"] == "23.06 (22.97–23.15)"
    assert made["Gain"].isna().tolist() == [True, True, False, False]
