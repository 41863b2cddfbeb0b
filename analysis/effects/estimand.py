"""Whose mean an effect is: each village-year once, each village once, or each alliance once."""

from dataclasses import replace
from typing import Literal

import numpy as np

from analysis.effects._clustered import check_anticipation
from analysis.effects.panel import NEVER, Panel
from analysis.errors import LianjianError

Estimand = Literal["village_years", "villages", "alliances"]

ESTIMANDS: dict[str, str] = {
    "village_years": "the mean over all years from joining on of all villages that joined: each "
    "village-year with books in that year and in the base year counts once",
    "villages": "the mean over the villages that joined: each counts once, with the mean of its "
    "years from joining on",
    "alliances": "the mean over the alliances: each alliance counts once, with the mean of its "
    "village-years",
}
"""What each choice estimates, in one sentence for the caption of a table."""


def reweigh(panel: Panel, estimand: Estimand, *, anticipation: int = 0) -> Panel:
    """Return the panel with weights under which a mean over unit-years is the estimand."""
    # A village with T years that count has weight 1/T, one of an alliance with Σ T village-years
    # 1/ΣT. Every estimator that takes weights then averages as asked.
    if estimand not in ESTIMANDS:
        raise LianjianError(f"estimand is {estimand!r}; it can be {', '.join(ESTIMANDS)}.")
    if estimand == "village_years":
        return panel
    check_anticipation(anticipation)
    seen = ~np.isnan(panel.y)
    years = np.zeros(panel.n_units)
    for g, rows in panel.groups:
        early = np.flatnonzero(panel.years < g - anticipation)
        if g != NEVER and len(early):
            years[rows] = (seen[rows][:, panel.years >= g] & seen[rows, early[-1], None]).sum(
                axis=1
            )
    if not years.any():
        raise LianjianError("No treated unit is seen both in its base year and after treatment.")
    own = np.ones(panel.n_units) if panel.unit_weight is None else panel.unit_weight
    total = years
    if estimand == "alliances":
        total = np.bincount(panel.cluster, own * years).astype(np.float64)[panel.cluster]
    counted = years > 0
    weight = np.where(counted, own / np.where(counted, total, 1.0), own)
    weight[counted] *= own[counted].mean() / weight[counted].mean()
    return replace(panel, weight=np.where(seen, weight[:, None], np.nan))
