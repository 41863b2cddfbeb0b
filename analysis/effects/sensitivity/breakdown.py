"""How much noisier an alliance may be than villages outside before its effect falls to chance.

One alliance against m groups of villages outside: nothing tells how much it varies of its own, so a
bound ρ on the ratio of its standard deviation to theirs is assumed, and the largest one is reported
at which the effect stands (Lau & Li 2025).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from analysis.effects.alarms import Places
from analysis.effects.balancing import Balanced, Fit
from analysis.effects.panel import Floats, Ints
from analysis.effects.results import LEVEL
from analysis.errors import LianjianError

MOST_GROUPS, ENOUGH_GROUPS, FEWEST = 40, 8, 2
"""Groups compared with at most; with fewer than eight in its county, those of all counties."""


def critical_value(groups: int, ratio: float, *, level: float = LEVEL) -> float:
    """Return what |T| has to exceed when the treated group varies ``ratio`` times as much."""
    # √(ρ² + 1/m) · t(m − 1, 1 − α/2): Lau & Li 2025, arXiv 2511.05710, for T = (effect − mean of
    # the groups)/(standard deviation of the groups).
    if groups < FEWEST:
        raise LianjianError(f"{groups} comparison group shows no spread; two or more are needed.")
    quantile = float(scipy.stats.t.ppf(0.5 + level / 2, groups - 1))
    return float(np.sqrt(ratio**2 + 1 / groups)) * quantile


def largest_ratio(statistic: float, groups: int, *, level: float = LEVEL) -> float:
    """Return the largest ratio of standard deviations at which |T| exceeds its critical value."""
    # Zero when it does so at none.
    quantile = critical_value(groups, 0.0, level=level) * np.sqrt(groups)
    return float(np.sqrt(max((statistic / quantile) ** 2 - 1 / groups, 0.0)))


@dataclass(frozen=True, eq=False)
class Breakdown:
    """Largest ratios for each alliance and for the mean over all."""

    # one row an alliance: `cluster` (code in the panel), `villages, share` (in the mean), `effect,
    # groups, mean, sd, statistic, ratio`; the last four missing where fewer than two groups are
    # like it
    alliances: pd.DataFrame
    ratio: float  # for the preferred estimate; NaN when an alliance has no groups like it
    level: float


def breakdown(result: Balanced, places: Places) -> Breakdown:
    """Compare each alliance with groups of villages outside that are like it."""
    # Like an alliance: as many villages, in its county, neighbours by township, none larger than
    # its largest, 40 groups at most; where its county has fewer than eight such groups, of all
    # counties. Groups of other sizes vary more or less by construction. For the mean θ = Σ w e over
    # alliances, with S the standard deviations of their groups, ρ = √(((θ/t)² − (Σ w S)²/m) / Σ w²
    # S²), m the fewest groups: an extension that is not in the paper. A large ratio says nothing on
    # bias.
    panel = result.panel
    unit, _, effect, mass = result.cells
    own = panel.cluster[unit]
    rows = []
    for cluster in np.unique(own):
        mine = own == cluster
        villages = np.unique(unit[mine])
        value = float(np.average(effect[mine], weights=mass[mine]))
        groups = _alike(result, places, villages)
        row = {
            "cluster": int(cluster),
            "villages": len(villages),
            "share": float(mass[mine].sum() / mass.sum()),
            "effect": value,
            "groups": len(groups),
            "mean": np.nan,
            "sd": np.nan,
            "statistic": np.nan,
            "ratio": np.nan,
        }
        if len(groups) >= FEWEST and (spread := float(groups.std(ddof=1))) > 0:
            statistic = (value - float(groups.mean())) / spread
            row |= {"mean": float(groups.mean()), "sd": spread, "statistic": statistic}
            row["ratio"] = largest_ratio(statistic, len(groups))
        rows.append(row)
    frame = pd.DataFrame(rows)
    ratio = np.nan
    if frame["sd"].notna().all():
        share, sd, fewest = frame["share"], frame["sd"], int(frame["groups"].min())
        quantile = float(scipy.stats.t.ppf(0.5 + LEVEL / 2, fewest - 1))
        theta = float((share * frame["effect"]).sum())
        room = (theta / quantile) ** 2 - float((share * sd).sum()) ** 2 / fewest
        ratio = float(np.sqrt(max(room, 0.0) / float((share**2 * sd**2).sum())))
    return Breakdown(frame, ratio, LEVEL)


def _alike(result: Balanced, places: Places, villages: Ints) -> Floats:
    """Return what groups of villages outside show in the years of an alliance (m,)."""
    fits = [fit for fit in result.fits if np.isin(fit.treated, villages).any()]
    fit = max(fits, key=lambda one: int(np.isin(one.treated, villages).sum()))
    shown = _shown(fit, villages)
    like = ~np.isnan(shown) & (places.size[fit.control] <= places.size[villages].max())
    near = like & np.isin(places.county[fit.control], places.county[villages])
    found = np.flatnonzero(near if near.sum() >= ENOUGH_GROUPS * len(villages) else like)
    found = found[np.argsort(places.township[fit.control][found], kind="stable")]
    number = len(found) // len(villages)
    groups = shown[found[: number * len(villages)]].reshape(number, len(villages)).mean(axis=1)
    return groups[np.linspace(0, number - 1, min(number, MOST_GROUPS)).astype(np.int64)]


def _shown(fit: Fit, villages: Ints) -> Floats:
    """Return the mean of each comparison unit over the years that the villages count in (n₀,)."""
    mine = ~np.isnan(fit.effect[np.isin(fit.treated, villages)])
    share = mine.sum(axis=0) / mine.sum()
    level = fit.weight @ np.nan_to_num(fit.residual)
    return np.where(share > 0, (fit.residual - level) * share, 0.0).sum(axis=1)
