"""Wild cluster bootstrap with the null imposed, its interval by inversion."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis._frame import TIE
from analysis.effects.inference._resampling import SEED, ResampledEstimate, check_level
from analysis.effects.inference._sample import (
    FIT_TOLERANCE,
    NO_SCORE,
    clustered_sample,
    concentration_note,
    contrast_vector,
)
from analysis.effects.inference._wild_draws import (
    Draws,
    cluster_scores,
    join,
    run_block,
    weight_blocks,
)
from analysis.errors import LianjianError

DRAWS = 9_999
"""Draws when the sign patterns are too many to enumerate; α(draws + 1) is whole for usual α."""
FEW_CLUSTERS = 10
"""Up to here Rademacher gives too few distinct statistics: Webb (MacKinnon & Webb 2018)."""
WEIGHTS = {
    "rademacher": np.array([-1.0, 1.0]),
    "webb": np.array([-(1.5**0.5), -1.0, -(0.5**0.5), 0.5**0.5, 1.0, 1.5**0.5]),
}
REACH = 1e4
"""The interval is sought this many standard errors around the estimate."""


@dataclass(frozen=True)
class _Inversion:
    """The test as a function of the null value, counted from the estimate."""

    observed: Draws
    draws: Draws
    is_exact: bool

    def p_value(self, null: float) -> float:
        threshold = float(self.observed.squared(null)[0]) * (1 - 2 * TIE)  # squares: tie twice
        reached = int(np.count_nonzero(self.draws.squared(null) >= threshold))
        number = len(self.draws.top[0])
        return reached / number if self.is_exact else (reached + 1) / (number + 1)

    def end(self, side: float, error: float, alpha: float) -> float:
        """Return where the test begins to reject on one side; infinite when it never does."""
        inside, outside = 0.0, side * error
        while self.p_value(outside) > alpha:
            if abs(outside) > REACH * error:
                return side * math.inf
            inside, outside = outside, outside * 1.25
        while abs(outside - inside) > 1e-9 * error:
            middle = (inside + outside) / 2
            if self.p_value(middle) > alpha:
                inside = middle
            else:
                outside = middle
        return (inside + outside) / 2


def _choose(weights: str, groups: int, draws: int) -> tuple[str, bool]:
    """Return the weights to use and whether all patterns are enumerated."""
    if weights == "auto":
        weights = "webb" if groups <= FEW_CLUSTERS else "rademacher"
    if weights not in WEIGHTS:
        raise LianjianError(f"The weights are {weights!r}; expected auto, rademacher or webb.")
    return weights, groups * math.log(len(WEIGHTS[weights])) <= math.log(draws)


def wild_cluster(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    clusters: npt.ArrayLike,
    contrast: int | npt.ArrayLike,
    *,
    null: float = 0.0,
    absorb: npt.ArrayLike | None = None,
    weights: str = "auto",
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
    level: float = 0.95,
    name: str = "least squares",
) -> ResampledEstimate:
    """Test a contrast by the restricted wild cluster bootstrap; invert it for the interval."""
    # Cameron, Gelbach & Miller 2008 (DOI 10.1162/rest.90.3.414); score form and inversion: Roodman,
    # MacKinnon, Nielsen & Webb 2019 (DOI 10.1177/1536867X19830877), sec. 5; Webb weights and few
    # clusters: MacKinnon & Webb 2018 (DOI 10.1111/ectj.12107). Period dummies stay in the design:
    # residuals must be refitted on them in each draw, since periods are not nested in clusters.
    check_level(level)
    if draws < 1:
        raise LianjianError(f"{draws} draws were asked for; give at least 1, usually {DRAWS}.")
    sample = clustered_sample(design, outcome, clusters, absorb)
    groups, n = sample.n_clusters, len(sample.outcome)
    scores, estimate, rank = cluster_scores(
        sample, contrast_vector(contrast, sample.design.shape[1])
    )
    if n <= rank:
        raise LianjianError(f"{n} rows cannot carry {rank} coefficients.")
    factor = groups / (groups - 1) * (n - 1) / (n - rank)
    total = float(scores.own_d.sum())
    error = math.sqrt(factor * float(scores.own_y @ scores.own_y)) / total
    if error <= FIT_TOLERANCE * float(np.abs(sample.outcome).max()) / math.sqrt(total):
        raise LianjianError(NO_SCORE)
    kind, exact = _choose(weights, groups, draws)
    points = WEIGHTS[kind]
    blocks = weight_blocks(points, groups, None if exact else draws, np.random.default_rng(rng))
    bootstrap = join([run_block(scores, block) for block in blocks])
    observed = run_block(scores, np.ones((1, groups)))
    inversion = _Inversion(observed, bootstrap, exact)
    alpha = 1 - level + TIE  # 1 − 0.9 is under 0.1 in binary
    low, high = (inversion.end(side, error, alpha) for side in (-1.0, 1.0))
    number = len(bootstrap.top[0])
    notes = list(sample.notes)
    if math.isinf(low) or math.isinf(high):
        notes.append(f"the interval is open: some null values are never rejected at {alpha:.3g}")
    notes += concentration_note(scores.own_d)
    how = "all" if exact else "sampled"
    return ResampledEstimate(
        name=name,
        estimate=estimate,
        std_error=error,
        low=estimate + low,
        high=estimate + high,
        p_value=inversion.p_value(null - estimate),
        level=level,
        df=float(groups - 1),
        n_obs=n,
        n_units=sample.n_units,
        n_clusters=groups,
        inference=f"wild cluster bootstrap, null imposed, {kind} weights, {how} {number:,} draws",
        notes=tuple(notes),
        n_draws=number,
        is_exact=exact,
        smallest_p=2 / number if exact else 1 / (number + 1),
    )
