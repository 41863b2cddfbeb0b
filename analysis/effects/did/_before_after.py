"""Before and after, treated units only: the naive answer."""

import numpy as np

from analysis.effects._clustered import check_anticipation, count_clusters, make_estimate
from analysis.effects.panel import NEVER, Panel
from analysis.effects.results import Estimate, Influence
from analysis.errors import LianjianError


def before_after(panel: Panel, *, anticipation: int = 0) -> Estimate:
    """Average the treated units' change from the base year to each year since treatment."""
    # Mean over the unit-years from treatment on, as in `aggregate` "simple". It credits treatment
    # with everything else that changed, and with regression to the mean when units were chosen in a
    # low year (Chen & Ravallion 2003, World Bank WPS 3049, on programmes for poor villages).
    check_anticipation(anticipation)
    change = np.full(panel.y.shape, np.nan)
    base = np.zeros(panel.n_units, dtype=np.int64)
    for g, rows in panel.groups:
        early = np.flatnonzero(panel.years < g - anticipation)
        if g != NEVER and len(early):
            after = panel.years >= g
            base[rows] = early[-1]
            change[rows, after] = panel.y[rows, after] - panel.y[rows, early[-1] : early[-1] + 1]
    seen = ~np.isnan(change)
    used = seen.any(axis=1)
    if not used.any():
        raise LianjianError("No treated unit is seen both before and after treatment.")
    if count_clusters(panel.cluster[used]) == 1:
        raise LianjianError(
            "All treated units lie in one cluster, so no standard error can be had."
        )
    unit = np.ones(panel.n_units) if panel.unit_weight is None else panel.unit_weight
    mass = seen * unit[:, None]
    gained = np.where(seen, change, 0.0)
    mean = float((mass * gained).sum() / mass.sum())
    weight = mass.sum(axis=1) / mass.sum()
    psi = (mass * gained).sum(axis=1) / mass.sum() - weight * mean
    pull = mass / mass.sum()
    pull[np.arange(panel.n_units), base] -= weight
    carried = Influence(
        panel, np.array([mean]), psi[:, None], weight[:, None], used, pull[..., None]
    )
    return make_estimate(
        "Before and after, treated only", carried, "clustered by {cluster}, t({df})"
    )
