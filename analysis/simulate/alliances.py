"""Who joins an alliance, and who gets another programme."""

from dataclasses import dataclass

import numpy as np

from analysis.errors import LianjianError
from analysis.fields import SIMULATED_COUNTIES
from analysis.simulate.places import Bools, Floats, Ints, Places, stream
from analysis.simulate.rivals import weakness
from analysis.simulate.scenario import Scenario
from analysis.simulate.years import YEARS


@dataclass(frozen=True)
class Alliances:
    """Membership, one entry a village."""

    number: Ints  # alliance 0, 1, ..., or -1 outside
    cohort: Ints  # year of joining, 0 outside
    helper: Bools
    weak: Bools
    paired: Bools  # the helper and the one weak village that form the alliance's pair
    chosen_above: Bools  # weak villages taken although not under the threshold: too few were


def form_alliances(scenario: Scenario, places: Places, observed: Floats, need: Floats) -> Alliances:
    """Choose helpers and weak villages on their income (万元, village × year) before joining."""
    # a year's shock is part of what selects; the year before that is free of selection
    rng = stream(scenario, "alliances")
    n = len(places.county)
    number = np.full(n, -1)
    cohort, helper, weak, paired, above = (np.zeros(n, dtype=kind) for kind in "lbbbb")
    years = rng.permutation(scenario.cohorts)
    log_chance = -scenario.weak_size_weight * np.log(places.size)
    codes = [county.code for county in SIMULATED_COUNTIES]
    for alliance in np.argsort(years, kind="stable"):
        income = observed[:, YEARS.index(int(years[alliance]) - 1)]
        county = places.county == codes.index(scenario.alliance_counties[alliance])
        top = max(1, round(scenario.helper_top_share * county.sum()))
        richest = np.flatnonzero(county)[np.argsort(-income[county], kind="stable")][:top]
        richest = richest[number[richest] < 0]
        if not len(richest):
            raise LianjianError(
                f"No helper is left in {scenario.alliance_counties[alliance]}: the richest {top} "
                "villages are in an alliance already. Raise helper_top_share."
            )
        chief = int(rng.choice(richest))
        near = county & _near(places, chief, county, scenario.neighbour_townships) & (number < 0)
        near[chief] = False
        key = log_chance + rng.gumbel(size=n)
        low = weakness(scenario, places, observed, need, int(years[alliance]))
        members = _draw_weak(scenario, alliance, np.flatnonzero(near), low, key)
        number[chief] = number[members] = alliance
        cohort[chief] = cohort[members] = years[alliance]
        helper[chief], weak[members] = True, True
        paired[chief] = paired[rng.choice(members)] = True
        above[members] = low[members] >= scenario.weak_threshold_wan
    flags = (helper.astype(bool), weak.astype(bool), paired.astype(bool), above.astype(bool))
    return Alliances(number, cohort, *flags)


def _near(places: Places, chief: int, county: Bools, span: int) -> Bools:
    """Mark ``span`` neighbouring townships of the county with the helper's in the middle."""
    first, last = places.township[county].min(), places.township[county].max()
    low = min(max(places.township[chief] - span // 2, first), max(last - span + 1, first))
    return (places.township >= low) & (places.township < low + span)


def _draw_weak(scenario: Scenario, alliance: int, near: Ints, low: Floats, key: Floats) -> Ints:
    """Draw the weak villages of one alliance, or take the lowest when too few are weak."""
    wanted = scenario.weak_per_alliance[alliance]
    if len(near) < wanted:
        raise LianjianError(
            f"Alliance {alliance + 1} wants {wanted} weak villages and finds {len(near)} in its "
            "townships. Raise neighbour_townships or lower weak_per_alliance."
        )
    under = near[low[near] < scenario.weak_threshold_wan]
    if len(under) < wanted:
        return near[np.argsort(low[near], kind="stable")][:wanted]
    return np.sort(under[weighted_choice(key[under], wanted)])


def weighted_choice(key: Floats, count: int) -> Ints:
    """Return the positions of a weighted draw without replacement."""
    # the largest of log weight + Gumbel noise are one (Yellott 1977, J. Math. Psychol. 15(2)), and
    # with given noise it changes no more than the weights do
    return np.argsort(-key, kind="stable")[:count]


@dataclass(frozen=True)
class Programmes:
    """Concurrent programmes, one entry a village; ``project_year`` is 0 without a project."""

    project_year: Ints
    rebuilt_centre: Bools
    resident_cadre: Bools
    reserve_talent: Bools


def assign_programmes(scenario: Scenario, need: Floats, weak: Bools) -> Programmes:
    """Give the programmes, more often to poor villages and to weak villages of an alliance."""
    # chances follow lasting need (1 the poorest, -1 the richest) and never a year's shock, and a
    # project's first year is drawn apart: trends stay parallel given households and projects
    rng = stream(scenario, "programmes")
    log_odds = scenario.need_slope * need / 2 + np.log(scenario.allied_odds) * weak

    def choose(count: int) -> Bools:
        if count > len(need):
            raise LianjianError(f"A programme wants {count} villages of {len(need)}. Lower it.")
        chosen = np.zeros(len(need), dtype=bool)
        chosen[weighted_choice(log_odds + rng.gumbel(size=len(need)), count)] = True
        return chosen

    project = choose(scenario.central_projects)
    shares = np.array(scenario.central_project_shares)
    ends = np.rint(np.cumsum(shares) * project.sum()).astype(int)
    dealt = np.searchsorted(ends, np.arange(project.sum()), side="right")
    years = rng.permutation(np.array(scenario.central_project_years)[dealt])
    if scenario.claim_measure == "total" and scenario.reading == "each":
        # A grant booked as income in the year before would make the claimed gain impossible.
        years[years == YEARS[-2]] = YEARS[-1]
    project_year = np.zeros(len(need), dtype=np.int64)
    project_year[project] = years
    return Programmes(
        project_year,
        choose(scenario.rebuilt_centres),
        choose(scenario.resident_cadres),
        choose(scenario.reserve_talents),
    )
