"""Hold the preferred estimate, its rivals and its gauges against worlds that are not its own.

    python benchmarks/worlds.py --draws 400                       # every world, without intervals
    python benchmarks/worlds.py --draws 400 --placebos 39         # intervals and the placebo gauge
    python benchmarks/worlds.py --draws 100 --rules               # every rule of selection
    python benchmarks/worlds.py --draws 400 --into benchmarks/worlds.md

Run it from the project root; it prints its tables, and with ``--into`` puts each into a file in
the place of the one with the same title. Operating income of weak allied villages; the truth is the
mean effect of the draw over village-years with books. Bias and root mean square error (RMSE) in %
of the mean truth, with the Monte Carlo error of the bias; *covers*: 95 % intervals of placebo
alliances; *alarm*: draws in which a gauge is on. A seed that cannot meet the published claims gives
no data and is passed over.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from analysis.effects.alarms import alarms, dose_gauge, places_of, relative, without_neighbours
from analysis.effects.design import Design, make_study
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
CHUNK = 5
"""Seeds that a worker takes at a time."""


def imputed(panel: Panel) -> float:
    """Return the imputation estimate."""
    return imputation(panel, anticipation=1, pool="all").overall.estimate


def robust(panel: Panel) -> float:
    """Return the doubly robust estimate over unit-years."""
    effects = att_gt(panel, anticipation=1, adjustment="doubly_robust")
    after = effects.year >= effects.cohort
    return float(np.average(effects.estimate[after], weights=effects.mass[after]))


ESTIMATORS: Mapping[str, Callable[[Panel], float]] = {
    TODAY: lambda one: regression_points(one)[0],
    "imputation": imputed,
    "doubly robust": robust,
    WARY: lambda one: preferred_points(one, until=2)[0],
    PREFERRED: lambda one: preferred_points(one)[0],
}
BY_RULE = (TODAY, WARY, PREFERRED)


def draws(changes: Mapping, seeds: range) -> Iterator[tuple[int, Draw]]:
    """Draw the worlds of some seeds that can be drawn."""
    for seed in seeds:
        try:
            yield seed, draw_panel(Scenario(seed=seed, **changes))
        except LianjianError:
            continue


def hold(
    seeds: range, *, changes: Mapping, placebos: int = 0, among: tuple = tuple(ESTIMATORS)
) -> pd.DataFrame:
    """Return one row a draw and estimator: error, truth, half-width, gauges."""
    rows = []
    for seed, drawn in draws(changes, seeds):
        frame = drawn.panel.rename(columns={"township": "township_name"})
        design = adjusted_design(frame)
        panel = make_study(frame, "operating", design).panel
        places = places_of(panel, frame)
        stray = strays(frame, design, placebos, seed) if placebos else {}
        found = {name: float(ESTIMATORS[name](panel)) for name in among}
        dose, _ = dose_gauge(panel, relative(panel, places), places)
        found[HEALED] = found[PREFERRED]
        if dose.is_on:
            healed = without_neighbours(panel, places, dose.size)
            found[HEALED] = float(preferred_points(healed)[0])
        gauges = alarms(panel, stray.get(TODAY, np.empty(0)), places).gauges
        shared = {"seed": seed, "truth": truth_of(drawn), **{g.name: g.is_on for g in gauges}}
        for name, estimate in found.items():
            half = reach(stray[name]) if name in stray else np.nan
            rows.append({**shared, "estimator": name, "estimate": estimate, "half": half})
    return pd.DataFrame(rows)


def truth_of(drawn: Draw) -> float:
    """Return the mean effect on weak allied village-years with books, 万元."""
    weak = drawn.panel[drawn.panel["role"] == "allied_weak"]
    after = weak[weak["year"] >= weak["joined_year"]]
    return float((after["operating"] - after["operating_untreated"]).mean())


def strays(frame: pd.DataFrame, design: Design, number: int, seed: int) -> dict[str, np.ndarray]:
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
    return pd.DataFrame.from_dict(rows, orient="index").dropna(axis=1, how="all")


def alarm_shares(runs: pd.DataFrame) -> dict[str, float]:
    """Return how often each gauge is on, and any of them, %."""
    one = runs.drop_duplicates("seed")[["Placebos", "Lasting luck", "Neighbours"]]
    known = one.dropna(axis=1, how="all").eq(other=True)
    return {**(100 * known.mean()), "any": float(100 * known.any(axis=1).mean())}


def markdown(head: str, table: pd.DataFrame) -> list[str]:
    """Return the lines of a table."""
    lines = [f"| {head} | " + " | ".join(table.columns) + " |", "|---|" + "---:|" * len(table.T)]
    for name, row in table.iterrows():
        shown = ("–" if np.isnan(value) else f"{value:.1f}" for value in row)  # not measured
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return lines


def world_section(name: str, runs: pd.DataFrame) -> str:
    """Return the section of a world: every estimator."""
    said = ", ".join(f"{gauge.lower()} {on:.0f} %" for gauge, on in alarm_shares(runs).items())
    number, truth = runs["seed"].nunique(), runs["truth"].mean()
    head = [f"{number} draws, mean truth {truth:.2f} 万元. Alarms: {said}.", ""]
    return "\n".join([f"## {name}", "", *head, *markdown("estimator", summary(runs))])


def rules_section(name: str, runs: Mapping[str, pd.DataFrame]) -> str:
    """Return the section of a world under every rule of selection: bias of three estimators."""
    rows = {}
    for rule, part in runs.items():
        found = summary(part)
        rows[rule] = {f"{one}, %": found.loc[one, "bias %"] for one in BY_RULE}
        rows[rule] |= {
            "± MC": found.loc[PREFERRED, "± MC"],
            "RMSE %": found.loc[PREFERRED, "RMSE %"],
            "any alarm, %": alarm_shares(part)["any"],
        }
    number = min(part["seed"].nunique() for part in runs.values())
    head = [
        f"Bias; Monte Carlo error and RMSE of *{PREFERRED}*; {number} draws a rule or more.",
        "",
    ]
    table = pd.DataFrame.from_dict(rows, orient="index")
    return "\n".join([f"## {name}, by rule of selection", "", *head, *markdown("chosen on", table)])


def put(file: Path, section: str) -> None:
    """Write a section in the place of the one with its title, or at the end."""
    head, *others = re.split(r"\n+(?=## )", file.read_text(encoding="utf-8").rstrip())
    parts = {part.split("\n", 1)[0]: part for part in others}
    parts[section.split("\n", 1)[0]] = section
    fresh = file.with_suffix(".new")
    fresh.write_text("\n\n".join([head, *parts.values()]) + "\n", encoding="utf-8")
    fresh.replace(file)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100, help="seeds of each world")
    parser.add_argument("--placebos", type=int, default=0, help="sets a draw; 19, 39, 59, …")
    parser.add_argument("--worlds", default=",".join(WORLDS), help="names, with commas")
    parser.add_argument("--rules", action="store_true", help="rules of selection")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--into", type=Path, help="a file of sections, as worlds.md")
    asked = parser.parse_args()
    parts = [range(k, min(k + CHUNK, asked.draws)) for k in range(0, asked.draws, CHUNK)]
    with ProcessPoolExecutor(asked.workers) as pool:

        def run(changes: Mapping, **more: object) -> pd.DataFrame:
            done = pool.map(partial(hold, changes=changes, placebos=asked.placebos, **more), parts)
            return pd.concat(list(done), ignore_index=True)

        for name in asked.worlds.split(","):
            start, changes = time.perf_counter(), dict(WORLDS[name])
            if asked.rules:
                free = {**changes, "claim_mean_wan": 0.0}
                each = {r: run({**free, "selected_on": r}, among=BY_RULE) for r in RULES}
                section = rules_section(name, each)
            else:
                section = world_section(name, run(changes))
            print(f"\n{section}\n\n({time.perf_counter() - start:.0f} s)", flush=True)
            if asked.into:
                put(asked.into, section)


if __name__ == "__main__":
    main()
