"""Each gauge alarms where its trouble is planted, and keeps quiet where it is not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.effects.alarms import (
    LUCK_LIMIT,
    Places,
    alarms,
    dose_gauge,
    luck_gauge,
    placebo_gauge,
    places_of,
    relative,
    without_neighbours,
)
from analysis.effects.panel import Panel

YEARS = np.arange(2018, 2025)
PER_TOWN, TOWNS = 12, 48
LOSS = -2.0


def world(seed, persistence=0.0, loss=0.0, proportional=False):
    """Outside villages, half of whose townships have an alliance from 2021, 2022 or 2023."""
    rng = np.random.default_rng(seed)
    n = PER_TOWN * TOWNS
    town = np.repeat(np.arange(TOWNS), PER_TOWN)
    begun = np.where(town % 2 == 0, 2021 + (town // 2) % 3, 0)
    size = rng.uniform(0.4, 2.0, n)
    level, year = rng.gamma(4, 1.0, n) - 2, np.array([5.0, 6, 7, 9, 12, 15, 20])
    luck = rng.normal(size=(n, len(YEARS)))
    for t in range(1, len(YEARS)):
        fresh = np.sqrt(1 - persistence**2) * luck[:, t]
        luck[:, t] = persistence * luck[:, t - 1] + fresh
    path = level[:, None] * (year / year[3] if proportional else 1) + year
    y = path * (1 + 0.25 * luck)
    y += loss * ((begun > 0)[:, None] & (begun[:, None] <= YEARS))
    panel = Panel(
        y * size[:, None], YEARS, np.zeros(n, np.int64), town, size[:, None], ("size",),
        np.arange(n).astype(object), "y", "township",
    )  # fmt: skip
    everywhere = np.full(n, 2021)
    return panel, Places(size, town // 6, town, begun, everywhere, np.ones(n, dtype=bool))


def test_placebos_alarm_by_their_mean_over_their_spread():
    quiet, loud = np.array([-1.0, 0, 1, 2]), np.array([2.0, 3, 3, 4])
    assert placebo_gauge(quiet).is_on is False
    assert placebo_gauge(loud).is_on is True
    assert placebo_gauge(-loud).is_on is True
    assert placebo_gauge(loud).value == pytest.approx(3 / np.sqrt(2 / 3))
    assert placebo_gauge(np.array([1.0])).is_on is None


def test_luck_that_lasts_and_growth_by_level_are_seen_and_chance_is_not():
    still = [luck_gauge(relative(*world(seed))) for seed in range(20)]
    values = np.array([one.value for one in still])
    assert abs(values.mean()) < 0.8
    assert np.mean(np.abs(values) > LUCK_LIMIT) <= 0.1
    lasting = luck_gauge(relative(*world(1, persistence=0.6)))
    assert lasting.is_on
    assert lasting.size > 5 * np.abs([one.size for one in still]).max()
    assert luck_gauge(relative(*world(2, proportional=True))).is_on


def test_losses_near_an_alliance_are_seen_and_measured():
    panel, places = world(3, loss=LOSS)
    gauge, error = dose_gauge(panel, relative(panel, places), places)
    assert gauge.is_on
    assert gauge.size == pytest.approx(LOSS, abs=4 * error)
    healed = without_neighbours(panel, places, gauge.size)
    assert not dose_gauge(healed, relative(healed, places), places)[0].is_on
    calm, places = world(4)
    assert dose_gauge(calm, relative(calm, places), places)[0].is_on is False


def test_those_left_over_by_the_choice_of_the_lowest_do_not_look_like_losers():
    values = []
    for seed in range(10):
        panel, places = world(seed)
        cohort = panel.cohort.copy()
        for town in np.unique(places.township[places.begun > 0]):
            there = np.flatnonzero(places.township == town)
            before = panel.years == places.begun[there[0]] - 1
            low = there[np.argsort(panel.y[there, before] / places.size[there])[:6]]
            cohort[low] = places.begun[there[0]]
        chosen = replace(panel, cohort=cohort)
        values.append(dose_gauge(chosen, relative(chosen, places), places)[0].value)
    assert abs(np.mean(values)) < 1.0


def test_without_names_of_townships_no_alarm_is_promised():
    panel, places = world(5)
    nameless = replace(places, township=np.full(panel.n_units, -1))
    found = alarms(panel, np.array([0.1, -0.2, 0.3]), nameless)
    assert found.gauges[2].is_on is None
    assert any("no alarm is promised" in sentence for sentence in found.blind)
    assert "cannot be read" in found.to_frame()["verdict"].tolist()


def test_a_dose_that_years_determine_is_not_read():
    panel, places = world(6)
    same = replace(places, begun=np.full(panel.n_units, 2021))
    gauge, _ = dose_gauge(panel, relative(panel, same), same)
    assert gauge.is_on is None
    assert "Cannot be read" in gauge.meaning


def test_every_county_with_an_alliance_is_said():
    panel, places = world(7)
    text = " ".join(alarms(panel, np.zeros(3), places).blind)
    assert "not identified" in text
    assert "year of joining itself" in text
    some = replace(places, begun_county=np.where(places.county == 0, 0, 2021))
    assert "not identified" not in " ".join(alarms(panel, np.zeros(3), some).blind)


def test_places_are_looked_up_with_all_alliances_of_the_township():
    frame = pd.DataFrame(
        {
            "village_id": ["a", "b", "c", "d"],
            "county_code": ["k", "k", "k", "m"],
            "township_name": ["甲镇", "甲镇", "乙乡", None],
            "joined_year": [2022, None, 2021, None],
            "households": [100, 300, 50, 200],
        }
    )
    panel = Panel(
        np.ones((2, 1)), np.array([2024]), np.zeros(2, np.int64), np.arange(2), np.empty((2, 0)),
        (), np.array(["d", "b"], object), "y", "unit",
    )  # fmt: skip
    found = places_of(panel, frame)
    assert found.township.tolist()[0] == -1
    assert found.begun.tolist() == [0, 2022]
    assert found.begun_county.tolist() == [0, 2021]
    assert found.size.tolist() == [0.8, 1.2]
