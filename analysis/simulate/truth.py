"""Both potential outcomes, and the effects that follow from them."""

import numpy as np
import pandas as pd

from analysis.simulate.places import Bools, Ints
from analysis.simulate.world import World
from analysis.simulate.years import YEARS

MEASURES = ("operating", "total", "subsidy")


def potential_outcomes(world: World) -> dict[str, tuple[Ints, Ints]]:
    """Return (untreated, treated) of each measure in cents, village × year."""
    # the treated outcome holds dividends, whatever the partners book
    total = world.operating + world.subsidy + world.other
    effect = world.dividend + world.granted
    return {
        "operating": (world.operating, world.operating + world.dividend),
        "total": (total, total + effect),
        "subsidy": (world.subsidy, world.subsidy + world.granted),
    }


def truth_frame(world: World, ids: list[str]) -> pd.DataFrame:
    """Return one row a village, year and measure; the treated outcome is empty outside."""
    outcomes = potential_outcomes(world)
    outside = (world.alliances.number < 0)[:, None, None]
    untreated, treated = (
        np.stack([outcomes[name][side] for name in MEASURES], axis=2) / 100 for side in (0, 1)
    )
    n, cells = len(ids), len(YEARS) * len(MEASURES)
    return pd.DataFrame(
        {
            "village_id": np.repeat(np.array(ids, dtype=object), cells),
            "year": np.tile(np.repeat(np.array(YEARS), len(MEASURES)), n),
            "measure": np.tile(np.array(MEASURES, dtype=object), n * len(YEARS)),
            "untreated_yuan": untreated.ravel(),
            "treated_yuan": np.where(outside, np.nan, treated).ravel(),
        }
    )


def att_frame(world: World) -> pd.DataFrame:
    """Return mean effects on allied village-years by measure, role, cohort and event time."""
    # an empty cohort stands for all cohorts, an empty event time for all years since joining
    a = world.alliances
    event = np.array(YEARS) - a.cohort[:, None]
    rows = []
    for measure, (untreated, treated) in potential_outcomes(world).items():
        for role, member in (("allied_weak", a.weak), ("helper", a.helper)):
            after: Bools = member[:, None] & (event >= 0)
            cohorts = sorted({int(year) for year in a.cohort[member]})
            for cohort in (*cohorts, None):
                inside = after if cohort is None else after & (a.cohort == cohort)[:, None]
                times = sorted({int(time) for time in event[inside]})
                for time in (*times, None):
                    cells = inside if time is None else inside & (event == time)
                    effect = (treated - untreated)[cells].mean() / 100
                    villages = int(cells.any(axis=1).sum())
                    rows.append((measure, role, cohort, time, effect, villages))
    names = ["measure", "role", "cohort", "event_time", "att_yuan", "villages"]
    frame = pd.DataFrame(rows, columns=names)
    frame["att_yuan"] = frame["att_yuan"].round(2)
    frame["data"] = "simulated"  # the rows name no village that would say so
    return frame.astype({"cohort": "Int64", "event_time": "Int64"})
