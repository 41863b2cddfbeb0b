"""Indicators against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import LianjianError
from analysis.indicators import bands, income, targets

WAN = 10_000.0


@pytest.fixture
def panel():
    rows = [
        ("A", "helper", 2022, 10, 12),
        ("A", "helper", 2023, 20, 22),
        ("A", "helper", 2024, 15, 30),
        ("B", "allied_weak", 2022, 1, 2),
        ("B", "allied_weak", 2023, 2, 9),
        ("B", "allied_weak", 2024, 4, 5),
        ("C", "allied_weak", 2022, 0, 0),
        ("C", "allied_weak", 2023, 4, 4),
        ("C", "allied_weak", 2024, np.nan, np.nan),
    ]
    frame = pd.DataFrame(rows, columns=["village_id", "role", "year", "operating", "total"])
    frame["operating_income_yuan"] = frame.pop("operating") * WAN
    frame["total_income_yuan"] = frame.pop("total") * WAN
    return frame.assign(county_code="sim1", county_name="甲县", zone="scenic")


def test_means_count_the_villages_and_skip_the_missing(panel):
    means = income.means(panel, ["role", "year"], ["operating_income_yuan"])
    row = means.set_index(["role", "year"]).loc[("allied_weak", 2024)]
    assert row["operating_income_wan_yuan"] == 4


def test_changes_leave_out_villages_without_both_years(panel):
    change = income.changes(panel, "operating_income_yuan", 2023, 2024)
    assert change.set_index("village_id")["change_wan_yuan"].to_dict() == {"A": -5, "B": 2}


def test_growth_is_that_of_the_mean(panel):
    change = income.changes(panel, "operating_income_yuan", 2022, 2023)
    row = income.growth(change, ["role"]).set_index("role").loc["allied_weak"]
    # means 0.5 → 3.0; the growth of C, from zero, is not a number
    assert row["growth_pct"] == 500
    everyone = income.growth(change, []).iloc[0]
    assert everyone["villages"] == 3
    assert everyone["fell_pct"] == 0


def test_growth_from_zero_is_missing(panel):
    change = income.changes(panel[panel["village_id"] == "C"], "total_income_yuan", 2022, 2023)
    assert pd.isna(income.growth(change, [])["growth_pct"].iloc[0])


def test_a_year_that_is_not_there_is_named(panel):
    with pytest.raises(LianjianError, match="no year 2025; its years are 2022, 2023, 2024"):
        income.changes(panel, "operating_income_yuan", 2024, 2025)


def test_deflating_chains_the_index():
    prices = pd.DataFrame({"year": [2018, 2019, 2020], "rural_cpi_pct": [9.9, 10.0, 20.0]})
    frame = pd.DataFrame({"year": [2018, 2019, 2020], "x_yuan": [100.0, 110.0, 132.0]})
    real = income.deflate(frame, prices, 2018, ["x_yuan"])
    np.testing.assert_allclose(real["x_yuan"], 100.0, rtol=1e-12)
    assert frame["x_yuan"].tolist() == [100.0, 110.0, 132.0]


def test_deflating_outside_the_index_is_refused():
    prices = pd.DataFrame({"year": [2018, 2019], "rural_cpi_pct": [1.0, 2.0]})
    frame = pd.DataFrame({"year": [2017], "x_yuan": [1.0]})
    with pytest.raises(LianjianError, match=r"\[2017, 2021\]; they run from 2018 to 2019"):
        income.deflate(frame, prices, 2021, ["x_yuan"])


def test_swings_join_only_neighbouring_years(panel):
    gap = panel[panel["year"] != 2023]
    assert income.swings(gap, "operating_income_yuan").empty
    swings = income.swings(panel, "operating_income_yuan").set_index("year")
    assert swings.loc[2024, "mean_change"] == pytest.approx(-1.5)
    assert swings.loc[2024, "fell_pct"] == 50


def test_bands_include_their_lower_bound_and_keep_the_missing():
    values = pd.Series([0, -3, 0.01, 5 * WAN, 10 * WAN - 0.01, 10 * WAN, 100 * WAN, np.nan])
    seen = bands.band(values)
    assert seen.isna().tolist() == [False] * 7 + [True]
    expected = ["none", "none", "under 5", "5–10", "5–10", "10–20", "100 and over"]
    assert seen.dropna().tolist() == expected


def test_band_shares_sum_to_one_hundred(panel):
    shares = bands.band_shares(panel, ["year"], "operating_income_yuan")
    np.testing.assert_allclose(shares.sum(axis=1), 100)


def test_weak_share_uses_the_threshold(panel):
    weak = bands.weak_share(panel, ["year"], 4.0).set_index("year")["weak_pct"]
    assert weak[2023] == pytest.approx(100 / 3)
    assert weak[2024] == 0


def test_a_share_without_villages_is_refused():
    with pytest.raises(LianjianError, match="no share"):
        targets.attain_share(pd.DataFrame({"change_wan_yuan": []}), 2.0)
