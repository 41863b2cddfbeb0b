"""Lau & Li 2025 (arXiv 2511.05710) to the printed digits, and groups like the alliance."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.effects.alarms import Places
from analysis.effects.balancing import balance
from analysis.effects.panel import Panel
from analysis.effects.sensitivity.breakdown import breakdown, critical_value, largest_ratio
from analysis.errors import LianjianError

GROUPS = (5, 10, 15, 20, 25, 50)
TABLE_1 = {
    0.99: (23.112, 16.282, 14.904, 14.319, 13.996, 13.405),
    0.95: (13.938, 11.333, 10.738, 10.476, 10.328, 10.052),
}
"""Their Table 1: ρ = 5, by number of comparison groups."""
SULLIVAN = {0.99: "0.65", 0.95: "1.03", 0.90: "1.3"}
"""Their Table 3, the Sullivan Act: largest ρ at 1, 5 and 10 %, to as many digits as are printed."""


@pytest.mark.parametrize("level", TABLE_1)
def test_critical_values_are_those_printed(level):
    found = [round(critical_value(m, 5.0, level=level), 3) for m in GROUPS]
    assert found == list(TABLE_1[level])


def sullivan(statistic, groups):
    """Return the largest ratios, printed as they are printed."""
    return {
        level: f"{largest_ratio(statistic, groups, level=level):.{len(text) - 2}f}"
        for level, text in SULLIVAN.items()
    }


def test_the_published_application_agrees_with_eight_comparison_states_and_not_with_nine():
    # The text names nine states; |T| is not printed. One between 2.574 and 2.586 gives all three
    # numbers with eight, none does with nine.
    assert sullivan(2.58, 8) == SULLIVAN
    fits = {m: [t for t in np.arange(1.5, 4, 0.001) if sullivan(t, m) == SULLIVAN] for m in (8, 9)}
    assert min(fits[8]) == pytest.approx(2.574, abs=0.002)
    assert max(fits[8]) == pytest.approx(2.586, abs=0.002)
    assert not fits[9]


def test_a_statistic_that_chance_makes_has_ratio_zero():
    assert largest_ratio(0.5, 10) == 0
    with pytest.raises(LianjianError, match="two or more"):
        critical_value(1, 1.0)


def study(seed=0, gain=6.0):
    """Return two alliances of four villages in one of two counties, and 200 villages outside."""
    rng = np.random.default_rng(seed)
    joined, outside = 8, 200
    n = joined + outside
    y = 10 + rng.normal(size=(n, 4))
    y[:joined, 2:] += gain
    cohort = np.r_[np.full(joined, 2023), np.zeros(outside, np.int64)]
    cluster = np.r_[np.repeat([0, 1], 4), 2 + np.arange(outside)]
    size = np.r_[np.full(joined, 0.8), rng.uniform(0.4, 2.0, outside)]
    county = np.r_[np.zeros(joined, np.int64), np.arange(outside) % 2]
    panel = Panel(
        y, np.arange(2021, 2025), cohort, cluster, np.empty((n, 0)), (),
        np.arange(n).astype(object), "y", "alliance",
    )  # fmt: skip
    never = np.zeros(n, np.int64)
    return balance(panel), Places(size, county, never, never, never, np.ones(n, dtype=bool))


def test_alliances_are_compared_with_groups_like_them():
    result, places = study()
    found = breakdown(result, places)
    like = (places.size[8:] <= 0.8).sum()
    assert found.alliances["groups"].tolist() == [min(like // 4, 40)] * 2
    first = found.alliances.iloc[0]
    t = (first["effect"] - first["mean"]) / first["sd"]
    assert first["ratio"] == pytest.approx(largest_ratio(t, int(first["groups"])))
    # each group's mean of four villages and two years has a standard deviation of about 1/√8
    assert first["sd"] == pytest.approx(1 / np.sqrt(8), rel=0.6)
    assert found.ratio > found.alliances["ratio"].max()
    assert breakdown(*study(gain=0.0)).ratio < 1


def test_no_group_like_an_alliance_leaves_the_ratio_open():
    result, places = study()
    giant = replace(places, size=np.where(np.arange(208) < 8, 0.1, 1.0))
    found = breakdown(result, giant)
    assert np.isnan(found.ratio)
    assert found.alliances["groups"].tolist() == [0, 0]
