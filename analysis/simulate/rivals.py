"""Worlds that differ from the described one in what an estimator may believe."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import special

from analysis.simulate.places import Bools, Floats, Ints, Places, stream, unit_gamma
from analysis.simulate.scenario import Scenario
from analysis.simulate.years import YEARS

WORLDS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: {key: tuple(value) if isinstance(value, list) else value for key, value in world.items()}
    for name, world in tomllib.loads(
        Path(__file__).with_name("worlds.toml").read_text("utf-8")
    ).items()
}
"""Parameters of each world."""

REFERENCE: Final = YEARS.index(2021)
WEAKER_THIRD: Final = 1 / 3


def spread_of_levels(scenario: Scenario, operating: Floats) -> Floats:
    """Return by how much levels lie further apart in each year (T,), ones by default."""
    # the distance b_i grows as the κ-th power of the common path, which it equals in 2021
    return (operating / operating[REFERENCE]) ** scenario.growth_by_level


def village_shocks(scenario: Scenario, rng: np.random.Generator, n: int) -> Floats:
    """Return the shocks of n villages, village × year: gamma, mean one, lasting if asked for."""
    shape, persistence = (n, len(YEARS)), scenario.luck_persistence
    if not persistence or not scenario.shock_cv:
        return unit_gamma(rng, scenario.shock_cv, shape)
    normal = rng.standard_normal(shape)
    for year in range(1, len(YEARS)):
        fresh = np.sqrt(1 - persistence**2) * normal[:, year]
        normal[:, year] = persistence * normal[:, year - 1] + fresh
    alpha = scenario.shock_cv**-2
    return special.gammaincinv(alpha, special.ndtr(normal)) / alpha


def weakness(scenario: Scenario, places: Places, observed: Floats, need: Floats, g: int) -> Floats:
    """Return the number (万元) by which weak villages are chosen for year g, lowest first."""
    # size, need and chance are ranks among all villages, of which the lowest third counts as weak
    at = YEARS.index(g)
    last, before = observed[:, at - 1], observed[:, at - 2]
    chance = stream(scenario, "random selection").random(len(last))
    values = {
        "g-1": last,
        "g-2": before,
        "mean": (last + before) / 2,
        "per household": last / places.size,
        "joining year": observed[:, at],
        "size": places.size,
        "need": -need,
        "random": chance,
    }[scenario.selected_on]
    if scenario.selected_on in {"size", "need", "random"}:
        rank = values.argsort(kind="stable").argsort(kind="stable") / len(values)
        return rank / WEAKER_THIRD * scenario.weak_threshold_wan
    return values


def spilled(scenario: Scenario, places: Places, number: Ints, cohort: Ints) -> Floats:
    """Return what villages outside lose (万元, village × year) to the first alliance near them."""
    lost = np.zeros((len(number), len(YEARS)))
    path = np.array(scenario.effect_wan)
    shares = (
        (scenario.spillover_township, places.township),
        (scenario.spillover_county, places.county),
    )
    free = number < 0
    for share, area in shares:
        first = np.full(int(area.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, area[number >= 0], cohort[number >= 0])
        exposed = free & (first[area] <= YEARS[-1])
        event = np.array(YEARS) - np.where(exposed, first[area], YEARS[-1] + 1)[:, None]
        effect = path[np.clip(event, 0, len(path) - 1)]
        lost += np.where((event >= 0) & exposed[:, None], share * effect, 0.0)
        free &= ~exposed
    return lost


def unseen(scenario: Scenario, number: Ints, cohort: Ints) -> Bools:
    """Mark villages and years whose books do not exist, village × year."""
    rng = stream(scenario, "lost books")
    alliances = len(scenario.cohorts)
    hit = rng.permutation(alliances) < round(scenario.base_years_lost * alliances)
    years = np.array(YEARS)
    base = (number >= 0) & hit[np.maximum(number, 0)]
    lost: Bools = base[:, None] & (years == cohort[:, None] - 2)
    ends = rng.random((len(number), len(YEARS))) < scenario.attrition
    ends &= years >= min(scenario.cohorts)
    lost |= np.logical_or.accumulate(ends, axis=1)
    return lost
