"""Specification curve: every defensible choice at once, tested jointly by permutation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from analysis._evidence import paused
from analysis.effects._stands_on import VARIANT, inside
from analysis.effects.inference._resampling import SEED, at_least
from analysis.effects.results import Estimate
from analysis.effects.sensitivity.leave_out import T, attempt
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

DRAWS = 199
"""Permutations; each runs every specification once."""


@dataclass(frozen=True)
class CurveSummary:
    """What a specification curve says as a whole."""

    median: float
    share_significant: float
    mean_z: float
    n_specifications: int


@dataclass(frozen=True)
class CurveTest:
    """Joint permutation test of a specification curve."""

    observed: CurveSummary
    p_median: float
    p_mean_z: float
    draws: pd.DataFrame


def specification_curve(
    panel: T, specifications: Mapping[str, Callable[[T], Estimate]]
) -> pd.DataFrame:
    """Estimate every specification and sort them by estimate."""
    # Simonsohn, Simmons & Nelson 2020 (DOI 10.1038/s41562-020-0912-z).
    if not specifications:
        raise LianjianError("There is no specification to estimate.")
    with paused():  # by the hundred they tell more than each
        rows = [
            {"specification": name, **attempt(estimator, panel)}
            for name, estimator in specifications.items()
        ]
    table = pd.DataFrame(rows)
    if table["estimate"].isna().all():
        raise LianjianError(f"No specification could be estimated: {table['notes'].iloc[0]}")
    table = table.sort_values(["estimate", "specification"], kind="stable", ignore_index=True)
    table.insert(1, "rank", np.arange(1, len(table) + 1))
    money = table[["estimate", "std_error", "low", "high", "p_value"]]
    inside(VARIANT, money, money / YUAN_PER_WAN)
    return table


def summarise_curve(table: pd.DataFrame, size: float = 0.05) -> CurveSummary:
    """Return the summary of a specification curve."""
    known = table[table["estimate"].notna() & table["p_value"].notna()]
    if known.empty:
        raise LianjianError("No specification has both an estimate and a p-value.")
    estimate = known["estimate"].to_numpy(dtype=float)
    p_value = known["p_value"].to_numpy(dtype=float)
    median = float(np.median(estimate))
    z = np.sign(estimate) * scipy.stats.norm.isf(np.clip(p_value, 1e-300, 1) / 2)
    agrees = (p_value <= size) & (np.sign(estimate) == np.sign(median))
    return CurveSummary(
        median=median,
        share_significant=float(agrees.mean()),
        mean_z=float(z.sum() / np.sqrt(len(z))),
        n_specifications=len(known),
    )


def specification_test(
    panel: T,
    specifications: Mapping[str, Callable[[T], Estimate]],
    permute: Callable[[T, np.random.Generator], T],
    *,
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
) -> CurveTest:
    """Test all specifications jointly: could a curve like this come from no effect at all."""
    # Simonsohn, Simmons & Nelson 2020 (DOI 10.1038/s41562-020-0912-z), step 3. The specifications
    # of one permutation share its data, so their dependence needs no model.
    observed = summarise_curve(specification_curve(panel, specifications))
    generator = np.random.default_rng(rng)
    with paused():
        found = [
            summarise_curve(specification_curve(permute(panel, generator), specifications))
            for _ in range(draws)
        ]
    table = pd.DataFrame(found)

    def p_value(column: str) -> float:
        values = table[column].abs().to_numpy(dtype=float)
        threshold = abs(float(getattr(observed, column)))
        return (1 + int(at_least(values, threshold).sum())) / (1 + draws)

    return CurveTest(
        observed=observed,
        p_median=p_value("median"),
        p_mean_z=p_value("mean_z"),
        draws=table,
    )
