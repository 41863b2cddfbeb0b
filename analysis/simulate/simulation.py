"""The simulated dataset as frames."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fields import SIMULATED_COUNTIES
from analysis.simulate.books import book_accounts
from analysis.simulate.places import township_names, village_ids, village_names
from analysis.simulate.scenario import Scenario
from analysis.simulate.truth import att_frame, truth_frame
from analysis.simulate.world import CENTS_IN_WAN, LAST, World, claimed, draw_world
from analysis.simulate.years import YEARS


@dataclass(frozen=True)
class Simulation:
    """A simulated ledger with its truth.

    Attributes
    ----------
    scenario : Scenario
        What it was drawn from.
    villages : DataFrame
        One row a village: invented names, county, size, role, programmes.
    accounts : DataFrame
        ``village_id, year, account_name, amount_yuan``.
    joint_projects : DataFrame
        One row an allied village and year: dividend, share of revenue, and what is booked.
    truth : DataFrame
        Both potential outcomes by village, year and measure.
    att : DataFrame
        Mean effects by measure, role, cohort and event time.
    realised : mapping
        Numbers of this draw, their unit in the name: means, k, top-ups.
    """

    scenario: Scenario
    villages: pd.DataFrame
    accounts: pd.DataFrame
    joint_projects: pd.DataFrame
    truth: pd.DataFrame
    att: pd.DataFrame
    realised: Mapping[str, float]


def simulate(scenario: Scenario) -> Simulation:
    """Draw a ledger with a known truth.

    Parameters
    ----------
    scenario : Scenario
        Every parameter, the seed among them. The same scenario gives the same frames.

    Raises
    ------
    LianjianError
        The parameters contradict each other or the published claims.

    Examples
    --------
    >>> simulation = simulate(Scenario())
    >>> len(simulation.villages), int(simulation.villages["alliance_id"].notna().sum())
    (1261, 82)
    """
    world = draw_world(scenario)
    ids = village_ids()
    return Simulation(
        scenario,
        _villages(world, ids),
        book_accounts(world, ids),
        _joint_projects(world, ids),
        truth_frame(world, ids),
        att_frame(world),
        _realised(world),
    )


def _villages(world: World, ids: list[str]) -> pd.DataFrame:
    s, places, a, programmes = world.scenario, world.places, world.alliances, world.programmes
    counties = [SIMULATED_COUNTIES[i] for i in places.county]
    allied = a.number >= 0
    project_year = pd.array(programmes.project_year, dtype="Int64")
    joined_year = pd.array(a.cohort, dtype="Int64")
    project_year[programmes.project_year == 0] = pd.NA
    joined_year[~allied] = pd.NA
    return pd.DataFrame(
        {
            "village_id": ids,
            "village_name": village_names(s, places),
            "township_name": township_names(s, places),
            "county_code": [county.code for county in counties],
            "county_name": [county.name_zh for county in counties],
            "zone": [county.zone for county in counties],
            "households": places.households,
            "role": np.select([a.helper, a.weak], ["helper", "allied_weak"], "outside"),
            "alliance_id": [f"SIM-A{i + 1}" if i >= 0 else None for i in a.number],
            "joined_year": joined_year,
            "pair_id": [
                f"SIM-P{i + 1}" if paired else None
                for i, paired in zip(a.number, a.paired, strict=True)
            ],
            "has_central_project": programmes.project_year > 0,
            "has_rebuilt_centre": programmes.rebuilt_centre,
            "has_resident_cadre": programmes.resident_cadre,
            "has_reserve_talent": programmes.reserve_talent,
            "central_project_year": project_year,
        }
    )


def _joint_projects(world: World, ids: list[str]) -> pd.DataFrame:
    """List what each partner drew from its joint project, by alliance, village and year."""
    a = world.alliances
    member, year = np.nonzero((a.number >= 0)[:, None] & (np.array(YEARS) >= a.cohort[:, None]))
    order = np.lexsort((year, member, a.number[member]))
    member, year = member[order], year[order]
    return pd.DataFrame(
        {
            "alliance_id": [f"SIM-A{i + 1}" for i in a.number[member]],
            "village_id": np.array(ids, dtype=object)[member],
            "year": np.array(YEARS)[year],
            "dividend_yuan": world.dividend[member, year] / 100,
            "revenue_share_yuan": world.revenue_share[member, year] / 100,
            "booked_yuan": world.booked[member, year] / 100,
        }
    )


def _realised(world: World) -> dict[str, float]:
    """Collect the numbers that a reader or a test checks against the claims."""
    a, weak, helper = world.alliances, world.alliances.weak, world.alliances.helper
    untreated = {"operating": world.operating, "subsidy": world.subsidy, "other": world.other}
    numbers = {
        f"mean_{name}_untreated_{year}_wan_yuan": income[:, i].mean() / CENTS_IN_WAN
        for name, income in untreated.items()
        for i, year in enumerate(YEARS)
    }
    income = claimed(world)
    gain = (income[:, LAST] - income[:, LAST - 1])[weak] / CENTS_IN_WAN
    topped = world.top_up > 0
    operating = world.own_operating + world.booked
    falling = operating[:, 1:] < 0.9 * operating[:, :-1]
    numbers |= {
        "claim_mean_wan_yuan": income[a.number >= 0, LAST].mean() / CENTS_IN_WAN,
        "claim_gain_lowest_wan_yuan": gain.min(),
        "claim_gain_mean_wan_yuan": gain.mean(),
        "helper_level_shift_wan_yuan": world.helper_shift,
        "topped_up_villages": int(topped.sum()),
        "mean_top_up_wan_yuan": world.top_up[topped].mean() / CENTS_IN_WAN if topped.any() else 0,
        "weak_above_threshold_villages": int((a.chosen_above & weak).sum()),
        "mean_size_weak": world.places.size[weak].mean(),
        "mean_size_helper": world.places.size[helper].mean(),
        "mean_size_outside": world.places.size[a.number < 0].mean(),
        "share_falling_over_10_pct_2022": falling[:, YEARS.index(2022) - 1].mean(),
        "share_falling_over_10_pct_2023": falling[:, YEARS.index(2023) - 1].mean(),
        "share_falling_over_10_pct_2024": falling[:, YEARS.index(2024) - 1].mean(),
    }
    return {
        name: value if isinstance(value, int) else round(float(value), 4)
        for name, value in numbers.items()
    }
