"""Time the inference of `analysis.effects`, beside wildboottest when that can be imported.

    python benchmarks/inference.py [--large]

Run it from the project root. With an environment that holds numpy, pandas, scipy, statsmodels and
wildboottest, both are timed in the same process on the same data; without wildboottest only our
times are printed. ``--large`` adds 100,000 units × 10 years in 2,000 clusters, where wildboottest
takes a minute. Each time is the best of three (of one for wildboottest on large data).
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from analysis.effects.inference._two_way import cr2, swept, wild
from analysis.effects.inference.paired import sign_flip
from analysis.effects.sensitivity._honest_did import (
    around_reference,
    relative_magnitudes,
    smoothness,
)

try:
    from wildboottest.wildboottest import wildboottest
except ImportError:
    wildboottest = None

DRAWS = 9_999
SIZES = {"1,261 × 7, 60 clusters": (1_261, 7, 60)}
LARGE = {"100,000 × 10, 2,000 clusters": (100_000, 10, 2_000)}


def best_of(times: int, call: Callable[[], object]) -> float:
    """Return the least time of some calls, in seconds."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return min(spent)


def two_way_panel(units: int, years: int, groups: int) -> tuple[np.ndarray, ...]:
    """Return design, outcome, clusters and units of a panel treated from its middle year."""
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(units), years)
    cluster = unit * groups // units
    year = np.tile(np.arange(years), units)
    treated = ((cluster % 3 == 0) & (year >= years // 2)).astype(float)
    outcome = rng.normal(size=len(unit)) + rng.normal(size=units)[unit] + 0.01 * treated
    dummies = [(year == t).astype(float) for t in range(1, years)]
    return np.column_stack([treated, *dummies]), outcome, cluster, unit


def line(what: str, ours: float, theirs: float | None = None) -> None:
    """Print one row: task, our time, theirs, the ratio."""
    beside = "" if theirs is None else f"  wildboottest {theirs:9.4f} s  ratio {theirs / ours:7.1f}"
    print(f"{what:<58} {ours:9.4f} s{beside}")


def clustered(size: tuple[int, int, int], label: str) -> None:
    """Time clustered inference on one panel."""
    design, outcome, cluster, unit = two_way_panel(*size)
    panel = (design, outcome, cluster, unit)
    line(f"CR2 with Satterthwaite df, {label}", best_of(3, lambda: cr2(swept(*panel))))
    ours = best_of(3, lambda: wild(swept(*panel), draws=DRAWS))
    theirs = None
    if wildboottest is not None:
        frame = pd.DataFrame(np.column_stack([design, outcome]))
        within = frame - frame.groupby(unit).transform("mean")
        names = [f"x{j}" for j in range(design.shape[1])]
        regressors = within.iloc[:, :-1].set_axis(names, axis=1)
        model = sm.OLS(within.iloc[:, -1].rename("y"), regressors)

        def run() -> object:
            return wildboottest(model, B=DRAWS, param="x0", cluster=pd.Series(cluster), show=False)

        run()  # compiles
        theirs = best_of(1 if len(outcome) > 100_000 else 3, run)  # noqa: PLR2004
        answer = wild(swept(*panel), draws=DRAWS).p_value
        print(f"  p ours {answer:.4f}, theirs {float(run()['p-value'].iloc[0]):.4f}")
    line(f"wild cluster bootstrap with interval, {label}", ours, theirs)


def rest() -> None:
    """Time what does not depend on the panel."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(7, 40)) / 40**0.5 / 100
    study = around_reference([-6, -5, -4, -3, -2, 0, 1], rng.normal(size=7) / 100, root @ root.T)
    line("relative magnitudes, 4 values of Mbar", best_of(3, lambda: relative_magnitudes(study)))
    line("smoothness, 4 values of M", best_of(3, lambda: smoothness(study, [0, 0.01, 0.02, 0.03])))
    values = rng.normal(size=20)
    line("sign flips, 20 pairs, all 2²⁰ patterns", best_of(3, lambda: sign_flip(values)))


if __name__ == "__main__":
    for name, shape in (SIZES | (LARGE if "--large" in sys.argv else {})).items():
        clustered(shape, name)
    rest()
