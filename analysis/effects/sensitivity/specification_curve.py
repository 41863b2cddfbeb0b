"""Specification curve: every defensible choice at once, tested jointly by permutation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis._evidence import paused
from analysis.effects.inference._resampling import SEED, at_least
from analysis.effects.results import Estimate
from analysis.effects.sensitivity.leave_out import T, attempt
from analysis.errors import LianjianError

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
    p_share: float
    p_mean_z: float
    n_draws: int
    draws: pd.DataFrame


def specification_curve(
    panel: T, specifications: Mapping[str, Callable[[T], Estimate]]
) -> pd.DataFrame:
    """Estimate every specification and sort them by estimate.

    Parameters
    ----------
    panel : DataFrame or Panel
        What the estimators take.
    specifications : mapping of str to callable
        A name for each set of choices, and its estimator.

    Returns
    -------
    DataFrame
        One row a specification: ``specification``, ``rank`` (1 is the smallest estimate), the
        fields of its estimate. Those refused come last, with the reason in ``notes``.

    Raises
    ------
    LianjianError
        There is no specification, or none can be estimated.

    Notes
    -----
    Simonsohn, Simmons & Nelson 2020 (DOI 10.1038/s41562-020-0912-z).

    Examples
    --------
    >>> from analysis.effects.results import Estimate
    >>> def at(value):
    ...     return lambda _: Estimate("x", value, 1, 0, 9, 0.01, 0.95, 9, 9, 9, 9, "by hand")
    >>> specification_curve(pd.DataFrame(), {"b": at(2.0), "a": at(1.0)})["specification"].tolist()
    ['a', 'b']
    """
    if not specifications:
        raise LianjianError("There is no specification to estimate.")
    rows = [
        {"specification": name, **attempt(estimator, panel)}
        for name, estimator in specifications.items()
    ]
    table = pd.DataFrame(rows)
    if table["estimate"].isna().all():
        raise LianjianError(f"No specification could be estimated: {table['notes'].iloc[0]}")
    table = table.sort_values(["estimate", "specification"], kind="stable", ignore_index=True)
    table.insert(1, "rank", np.arange(1, len(table) + 1))
    return table


def summarise_curve(table: pd.DataFrame, size: float = 0.05) -> CurveSummary:
    """Return the summary of a specification curve.

    Parameters
    ----------
    table : DataFrame
        From `specification_curve`.
    size : float
        Level at which a specification counts as significant.

    Raises
    ------
    LianjianError
        No specification has both an estimate and a p-value.

    Examples
    --------
    >>> table = pd.DataFrame({"estimate": [1.0, 2.0, -1.0], "p_value": [0.01, 0.2, 0.01]})
    >>> summary = summarise_curve(table)
    >>> summary.median, round(summary.share_significant, 4)
    (1.0, 0.3333)
    """
    known = table[table["estimate"].notna() & table["p_value"].notna()]
    if known.empty:
        raise LianjianError("No specification has both an estimate and a p-value.")
    estimate = known["estimate"].to_numpy(dtype=float)
    p_value = known["p_value"].to_numpy(dtype=float)
    median = float(np.median(estimate))
    z = np.sign(estimate) * stats.norm.isf(np.clip(p_value, 1e-300, 1) / 2)
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
    size: float = 0.05,
    rng: np.random.Generator | int = SEED,
) -> CurveTest:
    """Test all specifications jointly: could a curve like this come from no effect at all.

    Parameters
    ----------
    panel : DataFrame or Panel
        What the estimators take.
    specifications : mapping of str to callable
        As for `specification_curve`.
    permute : callable
        From a panel and a generator to what the estimators take, where the null holds: placebo
        alliances (`draw_placebo`), say.
    draws : int
        Permutations; each runs every specification.
    size : float
        Level at which a specification counts as significant.
    rng : Generator or int
        Source of the permutations.

    Returns
    -------
    CurveTest

    Raises
    ------
    LianjianError
        As for `specification_curve`.

    Notes
    -----
    Simonsohn, Simmons & Nelson 2020 (DOI 10.1038/s41562-020-0912-z), step 3. The specifications of
    one permutation share its data, so their dependence needs no model.

    Examples
    --------
    An estimator that does not look at the timing gives the same curve each time: p = 1.

    >>> from analysis.effects.results import Estimate
    >>> def deaf(_):
    ...     return Estimate("x", 1.0, 1, 0, 9, 0.01, 0.95, 9, 9, 9, 9, "by hand")
    >>> panel = pd.DataFrame({"village_id": [1, 2], "joined_year": [2022, 0]})
    >>> specification_test(panel, {"deaf": deaf}, lambda frame, _: frame, draws=9).p_median
    1.0
    """
    observed = summarise_curve(specification_curve(panel, specifications), size)
    generator = np.random.default_rng(rng)
    with paused():
        found = [
            summarise_curve(specification_curve(permute(panel, generator), specifications), size)
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
        p_share=p_value("share_significant"),
        p_mean_z=p_value("mean_z"),
        n_draws=draws,
        draws=table,
    )
