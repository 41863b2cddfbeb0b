"""Hold the estimators against the simulated truth, over many seeds.

    python benchmarks/montecarlo.py [--draws 500] [--workers 2] [--randomisation]

Run it from the project root. It prints the tables of montecarlo.md: bias, coverage and rejection of
each estimator for weak allied villages, with the effect and without one, in both measures. Without
an effect means: incomes as they would be without alliances, with the alliances still chosen on the
low income of the year before. With ``--randomisation`` it tests the randomisation inference of the
notebooks instead, which draws 99 sets of stand-in alliances for each seed and takes longer.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from analysis.effects.design import Design, make_study
from analysis.effects.headline import few_treated
from analysis.effects.imputation import imputation
from analysis.effects.montecarlo import MonteCarlo, monte_carlo
from analysis.effects.multiple import holm
from analysis.effects.panel import Panel
from analysis.effects.placebo import draw_placebo, stand_ins
from analysis.effects.results import Estimate
from analysis.effects.staggered import group_time
from analysis.effects.staggered_mean import dynamic, simple
from analysis.effects.two_by_two import before_after
from analysis.effects.twoway import sun_abraham, two_way
from analysis.errors import LianjianError
from analysis.simulate.draws import MEASURES, draw_panel
from analysis.simulate.scenario import Scenario

ALLIANCES = 9
SIZE = 0.05
STAND_INS = 99
TRAITS = ("households", "has_central_project")


def callaway(panel: Panel, adjustment: str, anticipation: int = 1) -> Estimate:
    """Return the Callaway–Sant'Anna mean effect."""
    return simple(group_time(panel, adjustment=adjustment, anticipation=anticipation))


def few(panel: Panel, adjustment: str) -> Estimate:
    """Return the same with t(A − 1)."""
    return few_treated(callaway(panel, adjustment), ALLIANCES)


METHODS = {
    "Before and after": ("plain", before_after),
    "Callaway–Sant'Anna, no covariates": ("plain", partial(callaway, adjustment="none")),
    "Callaway–Sant'Anna, matched on size and past change": (
        "matched", partial(callaway, adjustment="none"),
    ),
    "Two-way fixed effects": ("covariates", partial(two_way, anticipation=1)),
    "Sun–Abraham": ("covariates", lambda p: sun_abraham(p, anticipation=1).overall),
    "Imputation": ("covariates", lambda p: imputation(p, anticipation=1).overall),
    "Imputation, t(8)": (
        "covariates", lambda p: few_treated(imputation(p, anticipation=1).overall, ALLIANCES),
    ),
    "Doubly robust, base year g−1": (
        "covariates", partial(callaway, adjustment="doubly_robust", anticipation=0),
    ),
    "Regression": ("covariates", partial(callaway, adjustment="regression")),
    "Doubly robust": ("covariates", partial(callaway, adjustment="doubly_robust")),
    "Regression, t(8)": ("covariates", partial(few, adjustment="regression")),
    "Doubly robust, t(8)": ("covariates", partial(few, adjustment="doubly_robust")),
}  # fmt: skip


def joint_pretest(panel: Panel) -> Estimate:
    """Put the p-value of the joint test before treatment into an estimate."""
    effects = group_time(panel, anticipation=1)
    return _as_p(simple(effects), effects.pretest().p_value)


def holm_pretest(panel: Panel) -> Estimate:
    """Put the least Holm p-value of the event times before treatment, with t(8), into one."""
    series = dynamic(group_time(panel, anticipation=1))
    early = series.index < -1
    parts = [
        few_treated(_one(series.overall, e, s), ALLIANCES).p_value
        for e, s in zip(series.estimate[early], series.std_error[early], strict=True)
    ]
    return _as_p(series.overall, float(holm(parts).min()))


def _one(pattern: Estimate, estimate: float, std_error: float) -> Estimate:
    return Estimate(**{**pattern.__dict__, "estimate": estimate, "std_error": std_error})


def _as_p(pattern: Estimate, p_value: float) -> Estimate:
    return Estimate(**{**pattern.__dict__, "p_value": p_value})


PRETESTS = {
    "Joint Wald test of all cohort-years before": ("covariates", joint_pretest),
    "Holm over event times before, t(8)": ("covariates", holm_pretest),
}


def draw(seed: int, measure: str, *, effect: bool) -> tuple[dict[str, Panel], float]:
    """Return the panels of a seed and the mean effect in 万元."""
    drawn = draw_panel(Scenario(seed=seed))
    outcome = measure if effect else f"{measure}_untreated"
    adjusted = Design(
        covariates=("households",), programmes="covariates", programme_names=TRAITS[1:]
    )
    designs = {"plain": Design(), "covariates": adjusted, "matched": Design(comparison="matched")}
    panels = {name: make_study(drawn.panel, outcome, d).panel for name, d in designs.items()}
    return panels, drawn.effect[measure] if effect else 0.0


def study(seeds: range, measure: str, *, effect: bool) -> MonteCarlo:
    """Run all methods over some seeds."""
    methods = METHODS if effect else METHODS | PRETESTS
    return monte_carlo(partial(draw, measure=measure, effect=effect), methods, seeds)


def randomisation(seed: int) -> list[tuple[str, bool, float]]:
    """Return (measure, with the effect, p) of one seed; nothing where the seed gives no data."""
    rows = []
    quick = partial(few, adjustment="regression")
    for measure in MEASURES:
        try:
            real = {e: quick(draw(seed, measure, effect=e)[0]["covariates"]) for e in (True, False)}
            frame = draw_panel(Scenario(seed=seed)).panel
        except LianjianError:
            return []
        # villages outside have the same incomes with the effect and without one
        pool = stand_ins(frame, f"{measure}_untreated", covariates=TRAITS, block="township")
        rng = np.random.default_rng(seed)
        placebos = np.array([quick(draw_placebo(pool, rng)).estimate for _ in range(STAND_INS)])
        for effect, estimate in real.items():
            reached = np.count_nonzero(np.abs(placebos) >= abs(estimate.estimate))
            rows.append((measure, effect, (1 + reached) / (1 + STAND_INS)))
    return rows


def print_randomisation(draws: int, workers: int) -> None:
    """Print how often randomisation inference rejects at 5 %."""
    with ProcessPoolExecutor(workers) as pool:
        done = [row for rows in pool.map(randomisation, range(draws)) for row in rows]
    table = pd.DataFrame(done, columns=["measure", "effect", "p"])
    print("| measure | effect | draws | rejects % |\n|---|---|---:|---:|")
    for (measure, effect), part in table.groupby(["measure", "effect"]):
        print(f"| {measure} | {'yes' if effect else 'no'} | {len(part)} | "
              f"{100 * (part['p'] <= SIZE).mean():.1f} |")  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--randomisation", action="store_true")
    asked = parser.parse_args()
    if asked.randomisation:
        print_randomisation(asked.draws, asked.workers)
        return
    start = time.perf_counter()
    parts = [range(k, min(k + 25, asked.draws)) for k in range(0, asked.draws, 25)]
    print(f"{asked.draws} draws, seeds 0 to {asked.draws - 1}; money in 万元.")
    with ProcessPoolExecutor(asked.workers) as pool:
        for measure in MEASURES:
            for effect in (True, False):
                job = partial(study, measure=measure, effect=effect)
                done = list(pool.map(job, parts))
                failed = {seed: why for part in done for seed, why in part.failed.items()}
                runs = MonteCarlo(pd.concat([part.runs for part in done]), failed)
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
        if name in PRETESTS:
            cells = ["", *[""] * (len(columns) - 2), cells[-1]]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    truth = np.mean(table["truth"])
    return f"Mean truth {truth:.3f}; {int(table['draws'].max())} draws.\n\n" + "\n".join(lines)


if __name__ == "__main__":
    main()
