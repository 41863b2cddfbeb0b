"""Hold the preferred estimate, its rivals and its gauges against worlds that are not its own.

    python benchmarks/worlds.py --draws 400                       # every world, without intervals
    python benchmarks/worlds.py --draws 100 --placebos 39         # intervals and the placebo gauge
    python benchmarks/worlds.py --draws 100 --rules               # every rule of selection

Run it from the project root; it prints the tables of worlds.md. Operating income of weak allied
villages; the truth is the mean effect of the draw over village-years with books. Bias and root mean
square error (RMSE) in % of the mean truth, with the Monte Carlo error of the bias; *covers*: 95 %
intervals of placebo alliances; *alarm*: draws in which a gauge is on. A seed that cannot meet the
published claims gives no data and is passed over.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from analysis.effects.alarms import alarms, dose_gauge, places_of, relative, without_neighbours
from analysis.effects.design import make_study
from analysis.effects.did import att_gt, imputation
from analysis.effects.inference import draw_placebo
from analysis.effects.inference.randomization import reach
from analysis.effects.panel import Panel
from analysis.effects.preferred import (
    adjusted_design,
    alliance_pool,
    preferred_points,
    regression_points,
)
from analysis.errors import LianjianError
from analysis.simulate.draws import Draw, draw_panel
from analysis.simulate.rivals import WORLDS
from analysis.simulate.scenario import Scenario

RULES = ("g-1", "g-2", "mean", "per household", "size", "need", "random", "joining year")
TODAY, PREFERRED, WARY = "regression on size", "balanced to g−1", "balanced to g−2"
HEALED = "balanced, neighbours taken out on alarm"


def imputed(panel: Panel) -> float:
    """Return the imputation estimate."""
    return imputation(panel, anticipation=1, pool="all").overall.estimate


def robust(panel: Panel) -> float:
    """Return the doubly robust estimate over unit-years."""
    effects = att_gt(panel, anticipation=1, adjustment="doubly_robust")
    after = effects.year >= effects.cohort
    return float(np.average(effects.estimate[after], weights=effects.mass[after]))


ESTIMATORS = {
    TODAY: lambda one: regression_points(one)[0],
    "imputation": imputed,
    "doubly robust": robust,
    WARY: lambda one: preferred_points(one, until=2)[0],
    PREFERRED: lambda one: preferred_points(one)[0],
}


def draws(changes: dict, seeds: range) -> Iterator[tuple[int, Draw]]:
    """Draw the worlds of some seeds that can be drawn."""
    for seed in seeds:
        try:
            yield seed, draw_panel(Scenario(seed=seed, **changes))
        except LianjianError:
            continue


def hold(seeds: range, changes: dict, placebos: int) -> pd.DataFrame:
    """Return one row a draw and estimator: error, truth, half-width, gauges."""
    rows = []
    for seed, drawn in draws(changes, seeds):
        frame = drawn.panel.rename(columns={"township": "township_name"})
        design = adjusted_design(frame)
        panel = make_study(frame, "operating", design).panel
        places = places_of(panel, frame)
        stray = strays(frame, design, placebos, seed) if placebos else {}
        outside = relative(panel, places)
        dose, _ = dose_gauge(panel, outside, places)
        found = {name: float(estimator(panel)) for name, estimator in ESTIMATORS.items()}
        found[HEALED] = found[PREFERRED]
        if dose.is_on:
            healed = without_neighbours(panel, places, dose.size)
            found[HEALED] = float(preferred_points(healed)[0])
        gauges = alarms(panel, stray.get(TODAY, np.empty(0)), places).gauges
        seen = {gauge.name: gauge.is_on for gauge in gauges}
        for name, estimate in found.items():
            half = reach(stray[name]) if name in stray else np.nan
            rows.append(
                {"seed": seed, "estimator": name, "truth": truth_of(drawn), "estimate": estimate,
                 "half": half, **seen}
            )  # fmt: skip
    return pd.DataFrame(rows)


def truth_of(drawn: Draw) -> float:
    """Return the mean effect on weak allied village-years with books, 万元."""
    weak = drawn.panel[drawn.panel["role"] == "allied_weak"]
    after = weak[weak["year"] >= weak["joined_year"]]
    return float((after["operating"] - after["operating_untreated"]).mean())


def strays(frame: pd.DataFrame, design: object, number: int, seed: int) -> dict[str, np.ndarray]:
    """Return the two estimates that have intervals, for sets of placebo alliances."""
    pool, rng = alliance_pool(frame, "operating", design), np.random.default_rng(seed)
    drawn = [draw_placebo(pool, rng) for _ in range(number)]
    return {name: np.array([ESTIMATORS[name](one) for one in drawn]) for name in (TODAY, PREFERRED)}


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row an estimator."""
    rows = {}
    for name, part in runs.groupby("estimator", sort=False):
        gap, truth = part["estimate"] - part["truth"], part["truth"].mean()
        covered = (gap.abs() <= part["half"])[part["half"].notna()]
        rows[name] = {
            "bias %": 100 * gap.mean() / truth,
            "± MC": 100 * gap.std() / truth / np.sqrt(len(gap)),
            "RMSE %": 100 * np.sqrt((gap**2).mean()) / truth,
            "covers %": 100 * covered.mean() if len(covered) else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def alarmed(runs: pd.DataFrame) -> str:
    """Say how often each gauge is on, and any of them."""
    one = runs.drop_duplicates("seed")[["Placebos", "Lasting luck", "Neighbours"]]
    known = one.dropna(axis=1, how="all").eq(other=True)
    shares = [f"{name.lower()} {100 * known[name].mean():.0f} %" for name in known]
    return f"Alarms: {', '.join(shares)}; any {100 * known.any(axis=1).mean():.0f} %."


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100, help="seeds of each world")
    parser.add_argument("--placebos", type=int, default=0, help="sets a draw; 19, 39, 59, …")
    parser.add_argument("--worlds", default=",".join(WORLDS), help="names, with commas")
    parser.add_argument("--rules", action="store_true", help="rules of selection")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    cells = [(world, dict(WORLDS[world])) for world in asked.worlds.split(",")]
    if asked.rules:
        cells = [
            (f"{world}, chosen on {rule}", {**changes, "selected_on": rule, "claim_mean_wan": 0.0})
            for world, changes in cells
            for rule in RULES
        ]
    start = time.perf_counter()
    with ProcessPoolExecutor(asked.workers) as pool:
        for title, changes in cells:
            parts = [range(k, min(k + 10, asked.draws)) for k in range(0, asked.draws, 10)]
            done = pool.map(partial(hold, changes=changes, placebos=asked.placebos), parts)
            runs = pd.concat(list(done), ignore_index=True)
            table = summary(runs).dropna(axis=1, how="all")
            number, spread = runs["seed"].nunique(), runs["truth"].mean()
            print(
                f"\n## {title}\n\n{number} draws, mean truth {spread:.2f} 万元. {alarmed(runs)}\n"
            )
            print("| estimator | " + " | ".join(table.columns) + " |")
            print("|---|" + "---:|" * len(table.columns))
            for name, row in table.iterrows():
                print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in row) + " |")
            sys.stdout.flush()
    print(f"\n{time.perf_counter() - start:.0f} s with {asked.workers} workers.")


if __name__ == "__main__":
    main()
