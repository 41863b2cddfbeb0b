"""All estimators side by side, and what each asks one to believe."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.effects.did._aggregate import simple
from analysis.effects.did._two_by_two import before_after, two_by_two
from analysis.effects.did.callaway_santanna import group_time
from analysis.effects.did.imputation import imputation
from analysis.effects.did.twfe import sun_abraham, two_way
from analysis.effects.inference._wald import WaldTest
from analysis.effects.panel import Panel
from analysis.effects.results import Estimate
from analysis.effects.series import EffectSeries
from analysis.effects.synthetic import synthetic_did
from analysis.errors import LianjianError


@dataclass(frozen=True)
class Method:
    """An estimator in words.

    Attributes
    ----------
    name, averages, compares_with, assumes : str
        What it is called, what its number averages, whom it compares with, and what must hold
        for it to be the effect.
    """

    name: str
    averages: str
    compares_with: str
    assumes: str


PARALLEL = "parallel trends from the base year on"
METHODS: dict[str, Method] = {
    "before_after": Method(
        "Before and after, treated only", "treated units", "nobody",
        "without treatment nothing would have changed, regression to the mean included",
    ),
    "two_by_two": Method(
        "2×2", "treated units", "untreated units", f"one cohort; {PARALLEL}",
    ),
    "two_way": Method(
        "Two-way fixed effects", "cohort-years, by variance; weights may be negative",
        "all others, treated ones included",
        "parallel trends in all years; one constant effect",
    ),
    "callaway_never": Method(
        "Callaway–Sant'Anna, never-treated", "treated unit-years, by cohort size",
        "never-treated units", f"{PARALLEL}, towards the never-treated; effects may differ",
    ),
    "callaway_not_yet": Method(
        "Callaway–Sant'Anna, not yet treated", "treated unit-years, by cohort size",
        "never and not yet treated units",
        f"{PARALLEL}, towards later cohorts too; effects may differ",
    ),
    "sun_abraham": Method(
        "Sun–Abraham", "treated unit-years",
        "never-treated units, or the last cohort", f"{PARALLEL}; effects may differ by cohort",
    ),
    "imputation": Method(
        "Imputation (Borusyak–Jaravel–Spiess)", "treated unit-years",
        "all untreated cells, averaged over years before",
        "parallel trends in all years; more precise for it",
    ),
    "synthetic": Method(
        "Synthetic difference-in-differences", "treated units of one cohort",
        "weighted never-treated units and years",
        "one cohort; weights that match the past match the untreated future; units independent",
    ),
}  # fmt: skip


def compare(
    panel: Panel, rng: np.random.Generator, *, anticipation: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Estimate the effect with every estimator and say what each assumes.

    Parameters
    ----------
    panel : Panel
        Outcomes and cohorts; covariates enter where the estimator takes them.
    rng : Generator
        Source of the placebo draws of the synthetic estimator.
    anticipation : int
        Years before treatment that may be affected already, for all estimators.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row a method: its key, ``name, estimate, std_error, low, high, p_value, pretrend_p,
        n_units, n_clusters, averages, compares_with, assumes, notes``. A method that does not fit
        the panel has no numbers, and its notes say why.

    Notes
    -----
    The rows answer slightly different questions: read ``averages`` before comparing numbers.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> table = compare(four_villages(), np.random.default_rng(1))
    >>> table["estimate"].round(9).tolist()
    [2.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, nan]
    >>> table.loc["synthetic", "notes"][:43]
    'Cohort 2024 shows 1 year(s) before treatmen'
    """
    rows: dict[str, dict[str, object]] = {}
    for key, run in _runs(panel, rng, anticipation, level).items():
        method = METHODS[key]
        words = {"averages": method.averages, "compares_with": method.compares_with,
                 "assumes": method.assumes}  # fmt: skip
        try:
            estimate, test = run()
        except LianjianError as error:
            rows[key] = {"name": method.name, **words, "notes": str(error)}
            continue
        notes = [*estimate.notes, *([test.note] if test and test.note else [])]
        rows[key] = {
            "name": method.name,
            "estimate": estimate.estimate,
            "std_error": estimate.std_error,
            "low": estimate.low,
            "high": estimate.high,
            "p_value": estimate.p_value,
            "pretrend_p": test.p_value if test else float("nan"),
            "n_units": estimate.n_units,
            "n_clusters": estimate.n_clusters,
            **words,
            "notes": "; ".join(notes),
        }
    columns = (
        "name estimate std_error low high p_value pretrend_p n_units n_clusters averages "
        "compares_with assumes notes"
    )
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns.split())
    return frame.astype({"n_units": "Int64", "n_clusters": "Int64"}).rename_axis("method")


Answer = tuple[Estimate, WaldTest | None]


def _runs(
    panel: Panel, rng: np.random.Generator, anticipation: int, level: float
) -> dict[str, Callable[[], Answer]]:
    def callaway(comparison: str) -> Answer:
        effects = group_time(panel, comparison=comparison, anticipation=anticipation)  # type: ignore[arg-type]
        return simple(effects, level=level), effects.pretest()

    def series(result: EffectSeries) -> Answer:
        return result.overall, result.pretest

    def two() -> Answer:
        treated = panel.cohorts[panel.cohorts <= panel.years[-1]]
        if len(treated) > 1:
            raise LianjianError(f"The panel has {len(treated)} cohorts; a 2×2 has one.")
        before = panel.years[panel.years < treated[0] - anticipation]
        if not len(before):
            raise LianjianError(f"No year before {treated[0] - anticipation} to compare with.")
        after = panel.years[panel.years >= treated[0]]
        years = {"before": int(before[-1]), "after": after.tolist()}
        return two_by_two(panel, **years, level=level), None

    return {
        "before_after": lambda: (
            before_after(panel, anticipation=anticipation, level=level), None,
        ),
        "two_by_two": two,
        "two_way": lambda: (two_way(panel, anticipation=anticipation, level=level), None),
        "callaway_never": lambda: callaway("never"),
        "callaway_not_yet": lambda: callaway("not_yet"),
        "sun_abraham": lambda: series(
            sun_abraham(panel, anticipation=anticipation, level=level)
        ),
        "imputation": lambda: series(imputation(panel, anticipation=anticipation, level=level)),
        "synthetic": lambda: (
            synthetic_did(panel, rng, anticipation=anticipation, level=level), None,
        ),
    }  # fmt: skip
