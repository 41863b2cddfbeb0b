"""The estimate that the notebooks stand by, and the regression on size that stands beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.effects.balancing import balance
from analysis.effects.design import Design, make_study
from analysis.effects.did._propensity import Adjustment
from analysis.effects.did.callaway_santanna import Comparison, GroupTime, aggregate, att_gt
from analysis.effects.inference._few_clusters import few_clusters
from analysis.effects.inference.placebos import PlaceboPool, placebo_pool
from analysis.effects.panel import Floats, Panel
from analysis.effects.results import EffectSeries, Estimate
from analysis.effects.sensitivity.leave_out import Estimator

ADJUST_FOR = ("households", "has_central_project")
"""Size scales the common growth; a central project brings income of its own."""
KNOWN = 0.9
"""A covariate enters when so many of each group have it; the villages without it drop out."""


def adjusted_design(frame: pd.DataFrame, role: str = "allied_weak", **changes: object) -> Design:
    """Return the design that the notebooks stand by, with the covariates that the data have."""
    group = frame["role"].where(frame["role"].isin([role, "outside"]), other=None)
    known = [
        name
        for name in ADJUST_FOR
        if name in frame and frame[name].notna().groupby(group).mean().ge(KNOWN).all()
    ]
    programmes = tuple(name for name in known if name.startswith("has_"))
    chosen: dict[str, Any] = {
        "role": role,
        "covariates": tuple(name for name in known if name not in programmes),
    }
    if programmes:
        chosen |= {"programmes": "covariates", "programme_names": programmes}
    return Design(**(chosen | changes))


def alliance_pool(
    frame: pd.DataFrame, outcome: str, design: Design, *, covariates: Sequence[str] | None = None
) -> PlaceboPool:
    """Return the pool of placebo alliances of a design, as like the real ones as the data allow."""
    # Near in the income of the year before joining, and in households where they are known; in the
    # same counties; over as many townships where these are known; with the gaps of the real books.
    townships = "township_name" in frame and frame["township_name"].notna().all()
    return placebo_pool(
        frame,
        outcome,
        role=design.role,
        covariates=design.columns if covariates is None else covariates,
        near=["households"] if "households" in design.columns else [],
        block="township_name" if townships else None,
        weights=design.weights,
    )


def preferred_att(panel: Panel, *, until: int = 1) -> Estimate:
    """Return the mean effect on the treated, balanced on size and path, with few clusters' error.

    Parameters
    ----------
    panel : Panel
        Its clusters are alliances, and townships outside.
    until : int
        The path that is balanced ends in g − ``until``; see `analysis.effects.balancing.balance`.

    Raises
    ------
    LianjianError
        Fewer than two alliances carry the estimate, or nothing can be balanced.

    Notes
    -----
    Beside it belong `regression_att`, which has another belief, and the gauges of
    `analysis.effects.alarms`: no table of numbers tells in which world it was drawn.

    Examples
    --------
    Outside, income doubles; two alliances of villages that stood at 2 and 4 have 3 and 5 more.

    >>> before = np.array([2.0, 4, 1, 2, 3, 4, 5, 6, 7, 8])
    >>> more = np.array([3.0, 5] + [0] * 8)
    >>> panel = Panel(np.column_stack([before, 2 * before + more]), np.array([2023, 2024]),
    ...               np.array([2024] * 2 + [0] * 8), np.arange(10), np.empty((10, 0)), (),
    ...               np.arange(10).astype(object), "y", "alliance")
    >>> round(preferred_att(panel).estimate, 9)
    4.0
    """
    return few_clusters(balance(panel, until=until).series().overall)


def preferred_points(panel: Panel, *, until: int = 1) -> Floats:
    """Return the estimate of `preferred_att` and those by event time from 0 on, alone and fast."""
    return balance(panel, until=until).points()


def regression_att(
    panel: Panel,
    *,
    adjustment: Adjustment | None = None,
    anticipation: int = 1,
    comparison: Comparison = "never",
) -> Estimate:
    """Return the mean effect by regression on size, with the error of few clusters."""
    # Callaway–Sant'Anna, each village-year from joining on counting once.
    return few_clusters(aggregate(_pairs(panel, adjustment, anticipation, comparison)))


def regression_series(
    panel: Panel, *, anticipation: int = 1, comparison: Comparison = "never"
) -> EffectSeries:
    """Return the effects by event time against one base year, with few clusters' error."""
    effects = _pairs(panel, None, anticipation, comparison)
    series = replace(aggregate(effects, "event"), overall=aggregate(effects))
    return few_clusters(series, anticipation=anticipation)


def regression_points(panel: Panel, *, anticipation: int = 1) -> Floats:
    """Return the estimates of `regression_series` alone (1 + K,), the overall one first."""
    effects = _pairs(panel, None, anticipation, "never")
    mass = effects.mass
    when = effects.year - effects.cohort
    marks = [when >= 0, *(when == e for e in np.unique(when))]
    return np.array([np.average(effects.estimate[mark], weights=mass[mark]) for mark in marks])


def _pairs(
    panel: Panel, adjustment: Adjustment | None, anticipation: int, comparison: Comparison
) -> GroupTime:
    """Return the effects by cohort and year behind the estimate, all against one base year."""
    return att_gt(
        panel,
        adjustment=adjustment or ("regression" if panel.covariates else "none"),
        anticipation=anticipation,
        base="universal",
        comparison=comparison,
    )


def frame_estimator(
    outcome: str, design: Design, *, adjustment: Adjustment | None = None
) -> Estimator:
    """Return a function from a frame of villages and years to the preferred estimate."""

    def estimate(frame: pd.DataFrame) -> Estimate:
        study = make_study(frame, outcome, design)
        if adjustment is None:
            return preferred_att(study.panel, until=max(design.anticipation, 1))
        return regression_att(
            study.panel,
            adjustment=adjustment,
            anticipation=design.anticipation,
            comparison=study.comparison,
        )

    return estimate
