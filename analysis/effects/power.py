"""Power: which effect could this design have found, given these villages, alliances and years."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy

from analysis._evidence import paused, stays_inside
from analysis.effects._stands_on import PLACEBOS, inside
from analysis.effects.inference._resampling import at_least
from analysis.effects.inference.placebos import PlaceboPool, draw_placebo
from analysis.effects.inference.randomization import reach
from analysis.effects.panel import NEVER, Floats, Panel
from analysis.effects.results import Estimate
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

PanelEstimator: TypeAlias = Callable[[Panel], Estimate]
Rule = Literal["placebo", "t"]
DRAWS = 199


@dataclass(frozen=True, eq=False)
class PlaceboStudy:
    """Estimates where nothing happened, and what a planted effect adds to them."""

    estimate: Floats  # (D,)
    std_error: Floats  # (D,)
    slope: Floats  # (D,)
    critical_t: Floats  # (D,)
    level: float
    n_failed: int

    @property
    def noise(self) -> Floats:
        """Placebos with both signs (2D,): an estimate misses as easily on the other side."""
        return np.concatenate([self.estimate, -self.estimate])

    @property
    def critical(self) -> float:
        """The size that a placebo rarely passes, outcome units: see `randomization.reach`."""
        return reach(self.estimate, self.level)

    @property
    def rejection_rate(self) -> float:
        """Share of placebos that the estimator's own interval calls an effect."""
        return float((np.abs(self.estimate) > self.critical_t * self.std_error).mean())

    def p_value(self, estimate: float) -> float:
        """Return the share of placebos at least as large, the estimate itself counted in."""
        reached = int(at_least(np.abs(self.estimate), abs(estimate)).sum())
        return (1 + reached) / (1 + len(self.estimate))


def plant(
    panel: Panel,
    rng: np.random.Generator,
    *,
    profile: Mapping[int, float] | None = None,
    alliance_cv: float = 0.0,
) -> Panel:
    """Return the panel with an effect planted whose mean over treated unit-years is one."""
    when = panel.years - panel.cohort[:, None]
    after = (panel.cohort[:, None] != NEVER) & (when >= 0)
    sizes = dict(profile or {0: 1.0})
    last = max(sizes)
    if sorted(sizes) != list(range(last + 1)) or alliance_cv < 0:
        raise LianjianError("The profile needs event times 0, 1, …, and the variation 0 or more.")
    shape = np.array([sizes[e] for e in range(last + 1)])[np.clip(when, 0, last)]
    if alliance_cv:
        factor = rng.gamma(alliance_cv**-2, alliance_cv**2, panel.n_clusters)
        shape = shape * factor[panel.cluster][:, None]
    shape = np.where(after, shape, 0.0)
    counted = after & ~np.isnan(panel.y)
    mean = shape[counted].mean()
    if not mean > 0:
        raise LianjianError("The profile must have a positive mean.")
    return replace(panel, y=panel.y + shape / mean)


def placebo_study(
    pool: PlaceboPool,
    estimator: PanelEstimator,
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
    alliance_cv: float = 0.0,
    points: Callable[[Panel], Floats] | None = None,
) -> PlaceboStudy:
    """Estimate on placebo assignments, without an effect and with one planted."""
    # Simulation-based power with the data's own noise: Black, Hollingsworth, Nunes & Simon 2022,
    # Journal of Public Economics 213 (DOI 10.1016/j.jpubeco.2022.104713); placebo assignments:
    # Bertrand, Duflo & Mullainathan 2004 (DOI 10.1162/003355304772839588).
    rows, failed, reason, level = [], 0, "", 0.95
    for _ in range(draws):
        panel = draw_placebo(pool, rng)
        planted = plant(panel, rng, alliance_cv=alliance_cv)
        try:
            with paused():
                none = estimator(panel)
                one = float(points(planted)[0]) if points else estimator(planted).estimate
        except LianjianError as error:
            failed, reason = failed + 1, str(error)
            continue
        level = none.level
        error_ = none.std_error
        multiple = (none.high - none.low) / 2 / error_ if error_ > 0 else np.inf
        rows.append((none.estimate, error_, one - none.estimate, multiple))
    if failed * 2 > draws or not rows:
        raise LianjianError(f"{failed} of {draws} placebos could not be estimated: {reason}")
    values = np.array(rows)
    return PlaceboStudy(*values.T, level=level, n_failed=failed)  # type: ignore[misc]


def power_curve(
    study: PlaceboStudy, effects: Sequence[float], rule: Rule = "placebo"
) -> pd.DataFrame:
    """Return the share of placebos in which an effect of each size would have been found."""
    # Each placebo counts with both signs. All of them use the same villages, so that their mean is
    # noise of this one dataset: it belongs to the size of what can go wrong, not to its direction.
    threshold, slope = _threshold(study, rule), np.tile(study.slope, 2)
    sizes = np.asarray(effects, dtype=np.float64)
    found = np.abs(study.noise + sizes[:, None] * slope) > threshold
    power, n = found.mean(axis=1), len(study.estimate)
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    middle = (power + z2 / (2 * n)) / (1 + z2 / n)
    reach = np.sqrt(z2 * (power * (1 - power) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    curve = pd.DataFrame(
        {"effect": sizes, "power": power, "low": middle - reach, "high": middle + reach}
    )
    inside(PLACEBOS, curve)
    return curve


def minimal_effect(study: PlaceboStudy, power: float = 0.8, rule: Rule = "placebo") -> float:
    """Return the least positive effect found with the given probability, outcome units."""
    # The `power` quantile of (threshold − placebo)/slope: the effect that lifts this share of
    # placebos over the threshold. For normal estimates it is near Bloom's (1995, Evaluation Review
    # 19(5)) multiple of the standard error, 2.8 at 5 % and 80 %.
    if not 0 < power < 1:
        raise LianjianError(f"power is {power}; a share between 0 and 1 was expected, like 0.8.")
    if not (study.slope > 0).all():
        raise LianjianError("A planted effect lowers some estimates: look at the estimator.")
    needed = (_threshold(study, rule) - study.noise) / np.tile(study.slope, 2)
    least = float(max(np.quantile(needed, power, method="inverted_cdf"), 0.0))
    stays_inside(PLACEBOS, least, least / YUAN_PER_WAN)
    return least


def _threshold(study: PlaceboStudy, rule: str) -> Floats:
    if rule == "placebo":
        return np.full(len(study.noise), study.critical)
    if rule == "t":
        return np.tile(study.critical_t * study.std_error, 2)
    raise LianjianError(f"rule is {rule!r}; it can be 'placebo' or 't'.")
