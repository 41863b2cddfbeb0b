"""Hold the estimators against the simulated truth, over many seeds.

    python benchmarks/montecarlo.py [--draws 100] [--workers 2] [--stand-ins 199] [--measure total]

Run it from the project root. It prints the tables of montecarlo.md: bias, coverage and rejection of
each estimator for weak allied villages, with the effect and without one, in both measures. Without
an effect means: incomes as they would be without alliances, with the alliances still chosen on the
low income of the year before. Randomisation draws its sets of stand-in alliances anew for each seed
and measure, which takes most of the time; ``--stand-ins 0`` leaves it out.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from analysis.effects._montecarlo import MonteCarlo, monte_carlo
from analysis.effects.design import Design, make_study
from analysis.effects.did import (
    aggregate,
    att_gt,
    before_after,
    imputation,
    sun_abraham,
    twfe,
)
from analysis.effects.inference import (
    few_clusters,
    placebo_draws,
    placebo_pool,
    randomization_inference,
)
from analysis.effects.panel import Panel
from analysis.effects.preferred import regression_points, regression_series
from analysis.effects.results import EffectSeries, Estimate
from analysis.simulate.draws import MEASURES, Draw, draw_panel
from analysis.simulate.scenario import Scenario

TRAITS = ("households", "has_central_project")
PLAIN, ADJUSTED, MATCHED = "plain", "adjusted", "matched"


def callaway(panel: Panel, adjustment: str, anticipation: int = 1) -> Estimate:
    """Return the Callaway–Sant'Anna mean effect, counting all clusters."""
    return aggregate(att_gt(panel, adjustment=adjustment, anticipation=anticipation))


def few(panel: Panel, adjustment: str) -> Estimate:
    """Return the same with CR2 over the treated alliances."""
    return few_clusters(callaway(panel, adjustment))


def imputed(panel: Panel) -> Estimate:
    """Return the imputation estimate with CR2 over the treated alliances."""
    return few_clusters(imputation(panel, anticipation=1, pool="all").overall)


METHODS = {
    "Before and after": (PLAIN, before_after),
    "Callaway–Sant'Anna, no covariates": (PLAIN, partial(callaway, adjustment="none")),
    "Callaway–Sant'Anna, matched on size and past change": (
        MATCHED, partial(callaway, adjustment="none"),
    ),
    "Two-way fixed effects": (ADJUSTED, partial(twfe, anticipation=1)),
    "Sun–Abraham": (ADJUSTED, lambda p: sun_abraham(p, anticipation=1).overall),
    "Imputation": (ADJUSTED, lambda p: imputation(p, anticipation=1).overall),
    "Imputation, CR2": (ADJUSTED, imputed),
    "Doubly robust, base year g−1": (
        ADJUSTED, partial(callaway, adjustment="doubly_robust", anticipation=0),
    ),
    "Regression": (ADJUSTED, partial(callaway, adjustment="regression")),
    "Regression, CR2": (ADJUSTED, partial(few, adjustment="regression")),
    "Doubly robust": (ADJUSTED, partial(callaway, adjustment="doubly_robust")),
    "Doubly robust, CR2": (ADJUSTED, partial(few, adjustment="doubly_robust")),
}  # fmt: skip


def as_p(pattern: Estimate, p_value: float) -> Estimate:
    """Return an estimate with another p-value."""
    return replace(pattern, p_value=p_value)


def joint_pretest(panel: Panel) -> Estimate:
    """Take the joint test of all cohort-years before treatment; NaN where it is refused."""
    effects = att_gt(panel, adjustment="regression", anticipation=1)
    return as_p(aggregate(effects), effects.pretest().p_value)


def wald_pretest(panel: Panel) -> Estimate:
    """Take the same by χ², as other packages print it."""
    effects = att_gt(panel, adjustment="regression", anticipation=1)
    return as_p(aggregate(effects), effects.pretest().p_chi2)


def holm_pretest(panel: Panel) -> Estimate:
    """Take the least Holm p-value of the event times before treatment."""
    series = regression_series(panel)
    return as_p(series.overall, series.pretest.p_value)


PRETESTS = {
    "Before joining: joint Wald test, χ²": (ADJUSTED, wald_pretest),
    "Before joining: joint test, refused with few alliances": (ADJUSTED, joint_pretest),
    "Before joining: largest t in size, Holm": (ADJUSTED, holm_pretest),
}
STAND_INS = "Regression, stand-ins"
STAND_IN_PRETEST = "Before joining: largest against stand-ins"


def recommended(panel: Panel) -> EffectSeries:
    """Return the estimate that the notebooks stand by, and its event study."""
    return regression_series(panel)


@cache
def world(seed: int) -> Draw:
    """Return the draw of a seed."""
    return draw_panel(Scenario(seed=seed))


@cache
def placebos(seed: int, measure: str, number: int) -> np.ndarray:
    """Return the estimates on stand-ins; villages outside have no effect in either case."""
    outcome = f"{measure}_untreated"
    pool = placebo_pool(world(seed).panel, outcome, covariates=TRAITS, block="township")
    return placebo_draws(pool, regression_points, np.random.default_rng(seed), draws=number)


def draw(seed: int, measure: str, *, effect: bool, number: int) -> tuple[dict[str, object], float]:
    """Return the panels of a seed and the mean effect in 万元."""
    drawn = world(seed)
    outcome = measure if effect else f"{measure}_untreated"
    adjusted = Design(
        covariates=("households",), programmes="covariates", programme_names=TRAITS[1:]
    )
    designs = {PLAIN: Design(), ADJUSTED: adjusted, MATCHED: Design(comparison="matched")}
    panels = {name: make_study(drawn.panel, outcome, d).panel for name, d in designs.items()}
    if number:
        panels[STAND_INS] = recommended(panels[ADJUSTED]), placebos(seed, measure, number)
    return panels, drawn.effect[measure] if effect else 0.0


def with_stand_ins(pair: tuple) -> Estimate:
    """Return the recommended estimate: interval and test from stand-ins."""
    return randomization_inference(pair[0].overall, pair[1][:, 0])


def stand_in_pretest(pair: tuple) -> Estimate:
    """Take the p-value of the years before joining from stand-ins."""
    series = randomization_inference(*pair, anticipation=1)
    return as_p(series.overall, series.pretest.p_value)


def study(seeds: range, measure: str, number: int) -> dict[bool, MonteCarlo]:
    """Run all methods over some seeds, with the effect and without."""
    done = {}
    for effect in (True, False):
        methods = dict(METHODS)
        if number:
            methods[STAND_INS] = STAND_INS, with_stand_ins
        if not effect:
            methods |= PRETESTS
            if number:
                methods[STAND_IN_PRETEST] = STAND_INS, stand_in_pretest
        run = partial(draw, measure=measure, effect=effect, number=number)
        done[effect] = monte_carlo(run, methods, seeds)
    world.cache_clear()
    placebos.cache_clear()
    return done


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stand-ins", type=int, default=199)
    parser.add_argument("--measure", choices=list(MEASURES), help="default: both")
    asked = parser.parse_args()
    start = time.perf_counter()
    parts = [range(k, min(k + 20, asked.draws)) for k in range(0, asked.draws, 20)]
    print(f"{asked.draws} draws, seeds 0 to {asked.draws - 1}; {asked.stand_ins} sets of stand-ins "
          "each; money in 万元.")  # fmt: skip
    with ProcessPoolExecutor(asked.workers) as pool:
        for measure in [asked.measure] if asked.measure else MEASURES:
            job = partial(study, measure=measure, number=asked.stand_ins)
            done = list(pool.map(job, parts))
            for effect in (True, False):
                several = [part[effect] for part in done]
                failed = {seed: why for part in several for seed, why in part.failed.items()}
                runs = MonteCarlo(pd.concat([part.runs for part in several]), failed)
                title = "with the effect" if effect else "without an effect"
                print(f"\n## {measure} income, {title}\n\n{as_markdown(runs, effect=effect)}")
                seeds = ", ".join(map(str, failed)) or "none"
                print(f"\nSeeds without data: {len(failed)} ({seeds}).", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s with {asked.workers} workers.")


def as_markdown(runs: MonteCarlo, *, effect: bool) -> str:
    """Write the summary as a table."""
    table = runs.summary()
    columns = {
        "bias": "bias", "bias_error": "± MC", "bias_pct": "bias %", "spread": "spread",
        "mean_std_error": "mean SE", "coverage_pct": "cov. own %", "coverage_mean_pct":
        "cov. mean %", "rejects_pct": "rejects %",
    }  # fmt: skip
    if not effect:
        columns = {k: v for k, v in columns.items() if not k.startswith(("cov", "bias_pct"))}
    heads = ["method", *columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in table.iterrows():
        cells = [f"{row[c]:.1f}" if c.endswith("pct") else f"{row[c]:.3f}" for c in columns]
        if name.startswith("Before joining"):
            p_values = runs.runs.loc[runs.runs["method"] == name, "p_value"]
            text = cells[-1] if p_values.notna().any() else "no test"
            cells = ["", *[""] * (len(columns) - 2), text]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    truth = np.mean(table["truth"])
    return f"Mean truth {truth:.3f}; {int(table['draws'].max())} draws.\n\n" + "\n".join(lines)


if __name__ == "__main__":
    main()
