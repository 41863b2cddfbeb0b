"""Time the estimators and, where they can be imported, those of other packages in the same run.

    python benchmarks/effects.py [--size 1261x7 100000x10] [--runs 3] [--memory 500000x10]

Every time starts from the same long frame, so it includes building the panel.
"""

import argparse
import contextlib
import importlib
import importlib.util
import io
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))


from analysis.effects.did.borusyak_jaravel_spiess import imputation
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.did.fixed_effects import sun_abraham, twfe
from analysis.effects.panel import make_panel

Run = Callable[[pd.DataFrame], float]
FIRST_YEAR = 2015
UNIT, YEAR, START = "village_id", "year", "joined_year"
SYNTHETIC_LIMIT = 20_000  # rows; beyond it peers take minutes


def draw(units: int, years: int, seed: int = 1, *, one_cohort: bool = False) -> pd.DataFrame:
    """Return a shuffled long panel with staggered adoption and an effect of 1."""
    rng = np.random.default_rng(seed)
    calendar = np.arange(FIRST_YEAR, FIRST_YEAR + years)
    cohorts = calendar[-2:-1] if one_cohort else calendar[2:]
    treated = rng.random(units) < (0.1 if one_cohort else 0.7)
    start = np.where(treated, rng.choice(cohorts, units), 0)
    after = (calendar >= start[:, None]) & (start[:, None] > 0)
    y = rng.normal(size=(units, 1)) + 0.1 * (calendar - FIRST_YEAR) + rng.normal(size=after.shape)
    frame = pd.DataFrame(
        {
            UNIT: np.repeat(np.arange(units), years),
            YEAR: np.tile(calendar, units),
            "y": (y + after).ravel(),
            START: np.repeat(start, years),
            "d": after.ravel().astype(np.float64),
        }
    )
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def ours() -> dict[str, Run]:
    """Return our estimators by task."""
    return {
        "two-way": lambda frame: twfe(make_panel(frame, "y")).estimate,
        "Callaway–Sant'Anna": lambda frame: aggregate(att_gt(make_panel(frame, "y"))).estimate,
        "imputation": lambda frame: imputation(make_panel(frame, "y")).overall.estimate,
        "Sun–Abraham": lambda frame: sun_abraham(make_panel(frame, "y")).overall.estimate,
    }


def peers() -> dict[str, dict[str, Run]]:
    """Return the estimators of other packages that can be imported, by task and package."""
    found: dict[str, dict[str, Run]] = {task: {} for task in ours()}
    if importlib.util.find_spec("pyfixest"):
        pyfixest = importlib.import_module("pyfixest")

        found["two-way"]["pyfixest"] = lambda frame: pyfixest.feols(
            f"y ~ d | {UNIT} + {YEAR}", frame, vcov={"CRV1": UNIT}
        ).coef()["d"]
    if importlib.util.find_spec("diff_diff"):
        diff_diff = importlib.import_module("diff_diff")

        names = {"outcome": "y", "unit": UNIT, "time": YEAR, "first_treat": START}
        found["Callaway–Sant'Anna"]["diff-diff"] = lambda frame: (
            diff_diff.CallawaySantAnna(estimation_method="reg").fit(frame, **names).overall_att
        )
        found["imputation"]["diff-diff"] = lambda frame: (
            diff_diff.ImputationDiD().fit(frame, **names).overall_att
        )
        found["Sun–Abraham"]["diff-diff"] = lambda frame: (
            diff_diff.SunAbraham().fit(frame, **names).overall_att
        )
    if importlib.util.find_spec("differences"):
        differences = importlib.import_module("differences")

        def callaway(frame: pd.DataFrame) -> float:
            data = frame.assign(**{START: frame[START].where(frame[START] > 0)})
            model = differences.ATTgt(data.set_index([UNIT, YEAR]), cohort_column=START)
            model.fit("y", est_method="reg", progress_bar=False)
            return float(model.aggregate("simple").iloc[0, 0])

        found["Callaway–Sant'Anna"]["differences"] = callaway
    return found


def timed(run: Run, frame: pd.DataFrame, runs: int) -> tuple[float, float]:
    """Return the estimate and the fastest of ``runs`` times, seconds."""
    best, value = float("inf"), float("nan")
    for _ in range(runs):
        begin = time.perf_counter()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            value = float(run(frame))
        best = min(best, time.perf_counter() - begin)
    return value, best


def compare(units: int, years: int, runs: int) -> None:
    """Print a table of times and ratios for one size."""
    print(f"\n{units:,} × {years}, fastest of {runs}")
    print(f"{'task':20} {'package':12} {'estimate':>12} {'seconds':>9} {'times ours':>11}")
    others = peers()
    for task, run in ours().items():
        frame = draw(units, years)
        value, mine = timed(run, frame, runs)
        print(f"{task:20} {'ours':12} {value:12.8f} {mine:9.4f} {1:11.1f}")
        for package, other in others[task].items():
            try:
                value, seconds = timed(other, frame, runs)
            except Exception as error:  # noqa: BLE001 - a peer that fails is a row, not an end
                print(f"{task:20} {package:12} failed: {type(error).__name__}: {error}")
                continue
            print(f"{task:20} {package:12} {value:12.8f} {seconds:9.4f} {seconds / mine:11.1f}")


def _peak(task: str, units: int, years: int) -> None:
    frame = draw(units, years)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    value, seconds = timed(ours()[task], frame, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{task:20} {value:12.8f} {seconds:9.2f} s  peak {peak / 2**20:.2f} GB, "
          f"{before / 2**20:.2f} GB of it with the frame drawn")  # fmt: skip


def memory(units: int, years: int) -> None:
    """Print time and peak memory of each of our estimators in a process of its own."""
    print(f"\n{units:,} × {years}, a fresh process each")
    context = multiprocessing.get_context("spawn")
    for task in ours():
        process = context.Process(target=_peak, args=(task, units, years))
        process.start()
        process.join()


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="*", default=["1261x7", "100000x10"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", nargs="*", default=[])
    options = parser.parse_args()
    for size in options.size:
        compare(*map(int, size.split("x")), options.runs)
    for size in options.memory:
        memory(*map(int, size.split("x")))


if __name__ == "__main__":
    main()
