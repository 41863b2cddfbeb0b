"""Placebos, leaving out, specification curves and bounds on panels whose answer is known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.effects import make_panel, matching, twfe
from analysis.effects.inference import _paired_ranks as paired_ranks
from analysis.effects.inference import paired
from analysis.effects.sensitivity.leave_out import leave_one_out, placebo_dates
from analysis.effects.sensitivity.missing import lee_bounds
from analysis.effects.sensitivity.specification_curve import (
    specification_curve,
    specification_test,
    summarise_curve,
)
from analysis.errors import LianjianError

ROUNDING = 1e-9
SIZE = 0.05


def panel(effect=1.0, early=0.0, seed=0, villages=60, noise=1.0):
    """Return six years; a sixth of the villages joins in each of 2022 and 2023."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        list(product(range(villages), range(2019, 2025))), columns=["village_id", "year"]
    )
    table["joined_year"] = (table["village_id"] % 6).map({0: 2022, 1: 2023}).fillna(0).astype(int)
    table["county_code"] = "c" + (table["village_id"] // 6 % 5).astype(str)
    table["alliance_id"] = table["county_code"].where(table["joined_year"] > 0)
    treated = (table["joined_year"] > 0) & (table["year"] >= table["joined_year"])
    ahead = (table["joined_year"] > 0) & (table["year"] == table["joined_year"] - 1)
    own = rng.normal(size=villages)[table["village_id"]]
    table["y"] = own + noise * rng.normal(size=len(table)) + effect * treated + early * ahead
    return table


def two_way(frame):
    return twfe(make_panel(frame, "y"))


def test_a_placebo_date_sees_no_true_effect():
    quiet = placebo_dates(panel(effect=50.0, noise=1e-3), two_way, shifts=[1, 2])
    assert quiet["estimate"].abs().max() < 0.01  # noise is a thousandth
    assert quiet["shift"].tolist() == [1, 2]


def test_a_placebo_date_finds_an_early_jump():
    found = placebo_dates(panel(effect=50.0, early=3.0, noise=1e-3), two_way, shifts=[1])
    assert found["estimate"].iloc[0] == pytest.approx(3.0, abs=0.01)


def test_a_shift_too_far_drops_villages_or_says_why():
    table = placebo_dates(panel(), two_way, shifts=[1, 3, 9])
    assert table["n_units_dropped"].tolist() == [0, 10, 20]
    assert "not estimated" in table["notes"].iloc[2]
    with pytest.raises(LianjianError, match="earlier"):
        placebo_dates(panel(), two_way, shifts=[0])
    with pytest.raises(LianjianError, match="no column joined"):
        placebo_dates(panel(), two_way, cohort="joined")


@pytest.mark.parametrize("by", ["county_code", "alliance_id", "joined_year"])
def test_leaving_one_out_is_estimating_without_it(by):
    data = panel()
    whole = make_panel(data, "y")
    labels = data.drop_duplicates("village_id").set_index("village_id")[by].replace(0, None)
    table = leave_one_out(whole, twfe, labels.loc[whole.ids.tolist()].to_numpy(object))
    assert table["left_out"].iloc[0] == "none"
    assert table["change"].iloc[0] == 0
    values = sorted(labels.dropna().unique())
    assert table["left_out"].tolist()[1:] == [str(value) for value in values]
    for value, estimate in zip(values, table["estimate"].iloc[1:], strict=True):
        kept = data[data["village_id"].map(labels) != value]
        assert estimate == pytest.approx(two_way(kept).estimate, rel=ROUNDING)


def test_leaving_out_the_only_cohort_is_told():
    data = panel()
    data.loc[data["joined_year"] == 2023, "joined_year"] = 0
    whole = make_panel(data, "y")
    early = np.where(whole.cohort > 0, "early", "never").astype(object)
    table = leave_one_out(whole, twfe, early)
    assert "not estimated" in table.set_index("left_out").loc["early", "notes"]
    with pytest.raises(LianjianError, match="1 group"):
        leave_one_out(whole, twfe, np.where(whole.cohort > 0, "one", None))


SPECIFICATIONS = {
    "all": two_way,
    "no 2019": lambda frame: two_way(frame[frame["year"] > 2019]),
    "only 2022": lambda frame: two_way(frame[frame["joined_year"] != 2023]),
    "nobody": lambda frame: two_way(frame[frame["joined_year"] == 0]),
}


def test_a_curve_is_sorted_and_keeps_what_failed():
    table = specification_curve(panel(), SPECIFICATIONS)
    known = table["estimate"].iloc[:3]
    assert known.is_monotonic_increasing
    assert table["specification"].iloc[-1] == "nobody"
    assert "not estimated" in table["notes"].iloc[-1]
    summary = summarise_curve(table)
    assert summary.n_specifications == 3
    assert summary.median == pytest.approx(known.median())
    with pytest.raises(LianjianError, match="no specification"):
        specification_curve(panel(), {})


def shuffled(data, rng):
    """Exchange years of joining between villages."""
    years = data.groupby("village_id")["joined_year"].first()
    years = pd.Series(rng.permutation(years), index=years.index)
    return data.assign(joined_year=data["village_id"].map(years))


def test_a_curve_with_an_effect_is_told_from_one_without():
    chosen = {name: SPECIFICATIONS[name] for name in ("all", "no 2019")}
    strong = specification_test(panel(effect=1.5), chosen, shuffled, draws=39)
    assert (strong.p_median, strong.p_mean_z) == (1 / 40, 1 / 40)
    weak = [
        specification_test(panel(0.0, seed=s), chosen, shuffled, draws=19).p_median
        for s in range(6)
    ]
    assert min(weak) > 1 / 20 or np.mean(weak) > 0.25
    again = specification_test(panel(effect=1.5), chosen, shuffled, draws=39)
    assert again.draws.equals(strong.draws)


def test_lee_trims_the_group_seen_more():
    treated = np.repeat([1, 0], 8)
    outcome = np.array([1.0, 2, 3, 4, 5, 6, np.nan, np.nan, 1, 3, 5, 7, 9, 11, 13, 15])
    # 6 of 8 against 8 of 8: a quarter of the controls, two villages, is trimmed
    bounds = lee_bounds(outcome, treated)
    assert bounds.trimmed_share == pytest.approx(0.25)
    assert bounds.low == pytest.approx(3.5 - np.mean([5, 7, 9, 11, 13, 15]))
    assert bounds.high == pytest.approx(3.5 - np.mean([1, 3, 5, 7, 9, 11]))
    assert bounds.low < bounds.estimate < bounds.high
    assert "controls trimmed" in bounds.notes[1]


def test_lee_counts_the_value_at_the_cut_in_part():
    # 3 of 3 against 1 of 2: keep 1.5 of three treated
    bounds = lee_bounds([1.0, 2.0, 6.0, 0.0, np.nan], [1, 1, 1, 0, 0])
    assert bounds.low == pytest.approx((1 + 0.5 * 2) / 1.5)
    assert bounds.high == pytest.approx((6 + 0.5 * 2) / 1.5)


def test_lee_without_a_difference_in_presence_is_the_estimate():
    bounds = lee_bounds([1.0, 2.0, np.nan, 0.0, 4.0, np.nan], [1, 1, 1, 0, 0, 0])
    assert bounds.low == bounds.high == bounds.estimate == -0.5
    with pytest.raises(LianjianError, match="expected both"):
        lee_bounds([1.0, np.nan], [1, 0])


def test_what_is_no_number_is_refused_in_words():
    """Paired tests, matching and bounds speak the same way."""
    text = ["a", "b"]
    units = pd.DataFrame({"weak": [1, 0], "size": text})
    calls = [
        lambda: paired.sign_flip(text),
        lambda: paired_ranks.signed_rank(text),
        lambda: matching.match(units, "weak", ["size"]),
        lambda: lee_bounds(text, [1, 0]),
    ]
    for call in calls:
        with pytest.raises(LianjianError, match="not numbers"):
            call()
    for treated in ([1, 2], [1, None]):
        with pytest.raises(LianjianError, match="treated must hold 0 and 1"):
            lee_bounds([1.0, 2.0], treated)
    with pytest.raises(LianjianError, match="weak must hold 0 and 1, and 2 occurs"):
        matching.match(units.assign(weak=[1, 2], size=1.0), "weak", ["size"])
