"""Draws for Monte Carlo: the panel and the truth of a seed, without books and names."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.simulate.places import village_ids
from analysis.simulate.scenario import Scenario
from analysis.simulate.truth import potential_outcomes
from analysis.simulate.world import CENTS_IN_WAN, draw_world
from analysis.simulate.years import YEARS

MEASURES = ("operating", "total")


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw of the process, money in 万元."""

    # one row a village and year: traits, the measures as booked and, as ``operating_untreated`` and
    # ``total_untreated``, without alliances; NaN where the books do not exist
    panel: pd.DataFrame
    effect: dict[str, float]  # mean on weak allied village-years since joining, by measure


def draw_panel(scenario: Scenario) -> Draw:
    """Draw a panel with its truth; the numbers are those of `analysis.simulate.simulate`."""
    world = draw_world(scenario)
    a, years = world.alliances, np.array(YEARS)
    allied = a.number >= 0
    after = a.weak[:, None] & (years >= a.cohort[:, None])
    values, effect = {}, {}
    outcomes = potential_outcomes(world)
    booked = {"operating": world.booked, "total": world.booked + world.granted}
    for measure in MEASURES:
        untreated, treated = outcomes[measure]
        effect[measure] = float((treated - untreated)[after].mean() / CENTS_IN_WAN)
        seen = (untreated - world.spilled + booked[measure]) / CENTS_IN_WAN
        values[measure] = np.where(world.unseen, np.nan, seen)
        values[f"{measure}_untreated"] = np.where(world.unseen, np.nan, untreated / CENTS_IN_WAN)
    joined = pd.array(a.cohort, dtype="Int64")
    joined[~allied] = pd.NA
    traits = pd.DataFrame(
        {
            "village_id": village_ids(),
            "county_code": world.places.county.astype(str),
            "township": world.places.township.astype(str),
            "households": world.places.households,
            "has_central_project": world.programmes.project_year > 0,
            "role": np.select([a.helper, a.weak], ["helper", "allied_weak"], "outside"),
            "alliance_id": [f"SIM-A{i + 1}" if i >= 0 else None for i in a.number],
            "joined_year": joined,
        }
    )
    panel = traits.loc[traits.index.repeat(len(years))].reset_index(drop=True)
    panel.insert(1, "year", np.tile(years, len(traits)))
    return Draw(panel.assign(**{name: grid.ravel() for name, grid in values.items()}), effect)
