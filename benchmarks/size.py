"""Measure how often tests at 5 % reject a true null when alliances are few and unequal.

    python benchmarks/size.py --draws 400            # five designs, about ten minutes

576 villages in 48 townships of 8 counties, 2018–2024, growth in proportion to size, shocks of
townships, weak villages taken by the income of the year before joining. The mean effect is 0 where
each alliance counts once (column pairs "CR2" are asked for the mean that they estimate).
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from scipy import stats

from analysis.effects.design import Design, make_study
from analysis.effects.did import aggregate, att_gt
from analysis.effects.estimand import reweigh
from analysis.effects.inference import few_clusters, placebo_draws, placebo_pool
from analysis.effects.inference.randomization import reach
from analysis.effects.panel import Panel
from analysis.effects.results import Estimate

DESIGNS = {
    "9 equal": [8] * 9,
    "27, 15, … 1": [27, 15, 10, 8, 5, 3, 2, 2, 1],
    "40, 17, … 1": [40, 17, 5, 4, 3, 1, 1, 1, 1],
    "4 equal": [8] * 4,
    "20, 8, 3, 1": [20, 8, 3, 1],
}
EFFECTS = {
    "all 0": lambda _, n: np.zeros(n),
    "normal": lambda rng, n: rng.normal(0, 2, n),
    "skewed": lambda rng, n: rng.gamma(1, 2, n) - 2,
}
TESTS = ("t(A − 1), as before", "CR2", "CR2, each alliance once", "placebos, these villages")
SIZE = 0.05
YEARS = np.arange(2018, 2025)
COUNTIES, TOWNSHIPS, VILLAGES = 8, 6, 12


def draw_villages(rng: np.random.Generator, sizes: list[int]) -> pd.DataFrame:
    """Draw villages without any effect, the weak ones taken by income of g−1 in their county."""
    n = COUNTIES * TOWNSHIPS * VILLAGES
    county = np.repeat(np.arange(COUNTIES), TOWNSHIPS * VILLAGES)
    township = np.repeat(np.arange(COUNTIES * TOWNSHIPS), VILLAGES)
    size = rng.lognormal(0, 0.4, n)
    growth = np.cumsum(np.r_[0, rng.normal(1.5, 0.5, len(YEARS) - 1)])
    shock = rng.normal(0, 0.5, (COUNTIES * TOWNSHIPS, len(YEARS)))[township]
    level = rng.normal(10, 2, n)[:, None] + growth
    y = size[:, None] * level + shock + rng.normal(0, 1.5, (n, len(YEARS)))
    start, alliance = np.zeros(n, int), np.full(n, -1)
    for a in rng.permutation(len(sizes)):
        g = 2021 + a % 3
        place = np.flatnonzero((county == a % COUNTIES) & (start == 0))
        low = place[np.argsort(y[place, g - 1 - YEARS[0]] + rng.normal(0, 2, len(place)))]
        start[low[: sizes[a]]], alliance[low[: sizes[a]]] = g, a
    rows, when = np.repeat(np.arange(n), len(YEARS)), np.tile(YEARS, n)
    inside = start[rows] > 0
    return pd.DataFrame(
        {
            "village_id": [f"v{k:03}" for k in rows],
            "year": when,
            "county_code": county[rows].astype(str),
            "zone": (county[rows] // 2).astype(str),
            "township_name": township[rows].astype(str),
            "households": 300 * size[rows],
            "role": np.where(inside, "allied_weak", "outside"),
            "alliance_id": np.where(inside, alliance[rows].astype(str), None),
            "joined_year": np.where(inside, start[rows], np.nan),
            "y_yuan": y.ravel(),
        }
    )


def fitted(panel: Panel) -> Estimate:
    """Estimate by regression on size, from g−2."""
    return aggregate(att_gt(panel, adjustment="regression", anticipation=1))


def former(estimate: Estimate) -> float:
    """Return the p-value of t over alliances with all clusters' influence, as it was before."""
    carried = estimate.influence
    number, clusters = len(carried.clusters), estimate.n_clusters
    factor = number / (number - 1) * (clusters - 1) / clusters
    error = estimate.std_error * np.sqrt(factor)
    return float(2 * stats.t.sf(abs(estimate.estimate) / error, number - 1))


def stray(panel: Panel) -> np.ndarray:
    """Estimate the same in plain arrays: a line in size among outside, from g−2."""
    never = panel.cohort == 0
    z = np.column_stack([np.ones(panel.n_units), panel.x])
    line = np.linalg.solve(z[never].T @ z[never], z[never].T)
    total, cells = 0.0, 0
    for g in panel.cohorts:
        rows, after = panel.cohort == g, panel.years >= g
        change = panel.y[:, after] - panel.y[:, panel.years == g - 2]
        gap = change[rows] - z[rows] @ (line @ change[never])
        total, cells = total + gap.sum(), cells + gap.size
    return np.array([total / cells])


def one(name: str, seed: int, number: int) -> list[tuple[str, str, str, float]]:
    """Return which tests of one draw reject: design, effects, test, 0 or 1."""
    rng = np.random.default_rng([seed, len(name)])
    frame = draw_villages(rng, DESIGNS[name])
    panel = make_study(frame, "y_yuan", Design(covariates=("households",))).panel
    far = np.inf
    if number:
        pool = placebo_pool(
            frame, "y_yuan", covariates=["households"], area="zone", block="township_name"
        )
        far = reach(placebo_draws(pool, stray, rng, draws=number)[:, 0])
    own = pd.Series(panel.cluster).where(panel.cohort > 0).rank(method="dense").fillna(0)
    after = (panel.cohort[:, None] > 0) & (panel.years >= panel.cohort[:, None])
    found = []
    for kind, made in EFFECTS.items():
        effect = np.r_[0.0, made(rng, len(DESIGNS[name]))][own.astype(int)]
        moved = replace(panel, y=panel.y + after * effect[:, None])
        plain, once = fitted(moved), fitted(reweigh(moved, "alliances", anticipation=1))
        true = float((after * effect[:, None]).sum() / after.sum())
        answers = (
            former(plain) < SIZE,
            few_clusters(plain).p_value < SIZE,
            few_clusters(once).p_value < SIZE,
            abs(plain.estimate - true) > far,
        )
        found += [(name, kind, test, float(hit)) for test, hit in zip(TESTS, answers, strict=True)]
    return found


def main() -> None:
    """Read the command line and print a row for each design and kind of effects."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--placebos", type=int, default=39, help="sets; 0 leaves that column out")
    parser.add_argument("--design", choices=DESIGNS, action="append", help="only these")
    options = parser.parse_args()
    error = 100 * (SIZE * (1 - SIZE) / options.draws) ** 0.5
    print(f"Share of {options.draws} draws that reject at 5 %, % (Monte Carlo error {error:.1f})")
    for name in options.design or DESIGNS:
        rows = [row for k in range(options.draws) for row in one(name, k, options.placebos)]
        table = pd.DataFrame(rows, columns=["design", "effects", "test", "rejects"])
        table = table.pivot_table("rejects", ["design", "effects"], "test")
        table = table[list(TESTS)].mul(100).round(1)
        print(table.to_string(), flush=True)


if __name__ == "__main__":
    main()
