"""Wild cluster bootstrap with the null imposed, its interval by inversion."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from analysis.effects.clusters import (
    FIT_TOLERANCE,
    RANK_TOLERANCE,
    ClusteredSample,
    clustered_sample,
    contrast_vector,
)
from analysis.effects.inference import (
    SEED,
    Floats,
    ResampledEstimate,
    at_least,
    check_level,
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
CHUNK = 4_000_000
"""Weights held at a time (32 MB)."""
FEW_EFFECTIVE = 3.0
"""Under this many equivalent clusters the bootstrap is known to fail (MacKinnon & Webb 2017)."""
REACH = 1e4
"""The interval is sought this many standard errors around the estimate."""


@dataclass(frozen=True)
class _Scores:
    """Cluster sums over d̃ (the regressor of interest without the others Z) and residuals ê.

    Restricted residuals under the null r are ê + (b − r) d̃, so each sum has a part of ê (y) and a
    part per unit of the null (d).
    """

    own_y: Floats  # (G,) d̃_g'ê_g
    own_d: Floats  # (G,) d̃_g'd̃_g
    other_y: Floats  # (G, m) Z_g'ê_g
    other_d: Floats  # (G, m) Z_g'd̃_g
    pull: Floats  # (G, m + 1) how a draw's coefficients move the score of cluster g
    gram: Floats  # (m + 1, m + 1) pull'pull


@dataclass(frozen=True)
class _Draws:
    """Bootstrap numerators N and squared errors V as polynomials of r, the null minus the estimate.

    N(r) = top[0] − r top[1] and V(r) = low[0] − 2 r low[1] + r² low[2], one entry a draw.
    """

    top: tuple[Floats, Floats]
    low: tuple[Floats, Floats, Floats]

    def squared(self, null: float) -> Floats:
        """Return t² of each draw under a null value; 0/0 is 0, and x/0 infinite."""
        top = (self.top[0] - null * self.top[1]) ** 2
        low = self.low[0] - 2 * null * self.low[1] + null**2 * self.low[2]
        scale = self.low[0] + null**2 * self.low[2]
        empty = low <= FIT_TOLERANCE * scale
        zero = top <= FIT_TOLERANCE * scale
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(empty, np.where(zero, 0.0, np.inf), top / low)


def _cluster_scores(sample: ClusteredSample, contrast: Floats) -> tuple[_Scores, float, int]:
    # Rotate so that the contrast is the coefficient of one column, the rest span its null space.
    if np.count_nonzero(contrast) == 1:
        position = int(np.flatnonzero(contrast)[0])
        own = sample.design[:, position] / contrast[position]
        others = np.delete(sample.design, position, axis=1)
    else:
        _, _, rows = np.linalg.svd(contrast[None, :])
        own = sample.design @ (contrast / (contrast @ contrast))
        others = sample.design @ rows[1:].T
    others = np.asfortranarray(others)
    size = np.array([np.linalg.norm(column) or 1.0 for column in others.T])
    cross = (others.T @ others) / np.outer(size, size)
    inverse = np.linalg.pinv(cross, rcond=RANK_TOLERANCE, hermitian=True)
    rank = 1 + round(float((inverse * cross).sum()))
    inverse /= np.outer(size, size)

    def residual(values: Floats) -> Floats:
        for _ in range(2):  # the second pass restores the digits that normal equations lose
            values = values - others @ (inverse @ (others.T @ values))
        return values

    d = residual(own)
    if d @ d <= RANK_TOLERANCE * (own @ own):
        raise LianjianError(
            "The contrast is not identified: its regressor does not vary, or others determine it. "
            "Check that treated and untreated rows exist before and after."
        )
    y = residual(sample.outcome)
    estimate = float(d @ y / (d @ d))
    y = y - estimate * d  # null values are counted from the estimate: fewer digits cancel
    spread = sample.outcome - sample.outcome.mean()
    if y @ y <= FIT_TOLERANCE * (spread @ spread) or not spread.any():
        raise LianjianError(
            "The residuals are all zero: the outcome is constant or fitted perfectly, so its "
            "uncertainty cannot be estimated. Check the outcome column."
        )

    def sums(values: Floats) -> Floats:
        added: Floats = np.bincount(sample.codes, values, sample.n_clusters)
        return added

    def sums_of(values: Floats) -> Floats:
        if not others.shape[1]:
            return np.empty((sample.n_clusters, 0))
        return np.column_stack([sums(column * values) for column in others.T])

    own_d, other_d = sums(d * d), sums_of(d)
    pull = np.column_stack([other_d @ inverse, own_d / own_d.sum()])
    scores = _Scores(sums(d * y), own_d, sums_of(y), other_d, pull, pull.T @ pull)
    return _canonical(scores), estimate, rank


def _canonical(scores: _Scores) -> _Scores:
    """Order clusters by their content, so that draws do not depend on names or row order."""
    keys = np.column_stack([scores.own_y, scores.own_d, scores.other_y])
    unit = np.abs(keys).max(axis=0)
    unit[unit == 0] = 1
    order = np.lexsort(np.round(keys / unit, 9).T[::-1])
    return _Scores(
        scores.own_y[order],
        scores.own_d[order],
        scores.other_y[order],
        scores.other_d[order],
        scores.pull[order],
        scores.gram,
    )


def _weight_blocks(
    points: Floats, groups: int, draws: int | None, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield blocks of weights, shape (block, G): all of them when ``draws`` is None."""
    block = max(1, CHUNK // groups)
    if draws is None:
        yield np.array(list(product(points, repeat=groups)))
        return
    for start in range(0, draws, block):
        index = rng.integers(0, len(points), (min(block, draws - start), groups), dtype=np.uint8)
        yield points[index]


def _run_block(scores: _Scores, weights: Floats) -> _Draws:
    m = scores.other_y.shape[1]
    columns = [
        scores.other_y,
        scores.own_y[:, None],
        scores.other_d,
        scores.own_d[:, None],
        scores.pull * scores.own_y[:, None],
        scores.pull * scores.own_d[:, None],
    ]
    # coefficients of the draw (a) and score-weighted pulls (h), for outcome and null part
    parts = np.split(weights @ np.hstack(columns), np.arange(1, 4) * (m + 1), axis=1)
    a_y, a_d, h_y, h_d = parts
    squares = np.column_stack([scores.own_y**2, scores.own_y * scores.own_d, scores.own_d**2])
    own = (weights**2) @ squares
    moved_y, moved_d = a_y @ scores.gram, a_d @ scores.gram

    def dot(left: Floats, right: Floats) -> Floats:
        product_sums: Floats = np.einsum("ij,ij->i", left, right)
        return product_sums

    return _Draws(
        top=(a_y[:, m].copy(), a_d[:, m].copy()),
        low=(
            own[:, 0] - 2 * dot(h_y, a_y) + dot(moved_y, a_y),
            own[:, 1] - dot(h_y, a_d) - dot(h_d, a_y) + dot(moved_y, a_d),
            own[:, 2] - 2 * dot(h_d, a_d) + dot(moved_d, a_d),
        ),
    )


def _join(blocks: list[_Draws]) -> _Draws:
    tops = [np.concatenate([block.top[i] for block in blocks]) for i in range(2)]
    lows = [np.concatenate([block.low[i] for block in blocks]) for i in range(3)]
    return _Draws((tops[0], tops[1]), (lows[0], lows[1], lows[2]))


@dataclass(frozen=True)
class _Inversion:
    """The test as a function of the null value, counted from the estimate."""

    observed: _Draws
    draws: _Draws
    is_exact: bool

    def p_value(self, null: float) -> float:
        threshold = math.sqrt(float(self.observed.squared(null)[0]))
        reached = int(at_least(np.sqrt(self.draws.squared(null)), threshold).sum())
        number = len(self.draws.top[0])
        return reached / number if self.is_exact else (reached + 1) / (number + 1)

    def end(self, side: float, error: float, alpha: float) -> float:
        """Return where the test begins to reject on one side; infinite when it never does."""
        inside, outside = 0.0, side * error / 4
        while self.p_value(outside) > alpha:
            if abs(outside) > REACH * error:
                return side * math.inf
            inside, outside = outside, outside * 1.25
        while abs(outside - inside) > 1e-10 * error:
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
    r"""Test a contrast by the restricted wild cluster bootstrap; invert it for the interval.

    With the null c'b = r imposed and residuals ũ, each draw multiplies the residuals of cluster g
    by one weight ω_g, refits and computes t* with its own cluster-robust error:

    .. math:: N = \sum_g ω_g \tilde d_g'ũ_g, \quad
        V = \sum_g \Big(ω_g \tilde d_g'ũ_g - \tilde d_g'X_g (X'X)^{-1}
        \sum_h ω_h X_h'ũ_h\Big)^2, \quad t^{*2} = N^2 / V

    and p is the share of draws with |t*| ≥ |t|, ties included. Only cluster sums of scores enter a
    draw, so its cost depends on clusters and columns, not on rows.

    Parameters
    ----------
    design, outcome, clusters, contrast, absorb
        As for `analysis.effects.clusters.cr1`. Period dummies stay in the design: residuals must be
        refitted on them in each draw, since periods are not nested in clusters.
    null : float
        r, in outcome units.
    weights : {"auto", "rademacher", "webb"}
        ``auto`` is Webb's six points up to 10 clusters, Rademacher above.
    draws : int
        Number of draws. All patterns are enumerated instead when they are no more than this; p is
        then a share of patterns, the observed one included, and otherwise (1 + count)/(1 + draws).
    rng : Generator or int
        Source of the draws.
    level : float
        The interval holds the null values with p above 1 − level. An end that no null value
        rejects is infinite, and a note says so.
    name : str
        Put into the record.

    Returns
    -------
    ResampledEstimate
        Its standard error is the CR1 one.

    Raises
    ------
    LianjianError
        One cluster, contrast not identified, no residual variation, or unknown weights.

    Notes
    -----
    Cameron, Gelbach & Miller 2008 (DOI 10.1162/rest.90.3.414); score form and inversion: Roodman,
    MacKinnon, Nielsen & Webb 2019 (DOI 10.1177/1536867X19830877), sec. 5; Webb weights and few
    clusters: MacKinnon & Webb 2018 (DOI 10.1111/ectj.12107).

    Examples
    --------
    Four clusters of one row, testing a mean of 2.5 against 0. Of 16 sign patterns only all plus and
    all minus reach |t|, since every value is positive: p = 2/16.

    >>> result = wild_cluster([[1]] * 4, [1, 2, 3, 4], [1, 2, 3, 4], 0, weights="rademacher")
    >>> result.estimate, result.p_value, result.smallest_p
    (2.5, 0.125, 0.125)
    """
    check_level(level)
    if draws < 1:
        raise LianjianError(f"{draws} draws were asked for; give at least 1, usually {DRAWS}.")
    sample = clustered_sample(design, outcome, clusters, absorb)
    groups, n = sample.n_clusters, len(sample.outcome)
    scores, estimate, rank = _cluster_scores(
        sample, contrast_vector(contrast, sample.design.shape[1])
    )
    if n <= rank:
        raise LianjianError(f"{n} rows cannot carry {rank} coefficients.")
    factor = groups / (groups - 1) * (n - 1) / (n - rank)
    total = float(scores.own_d.sum())
    error = math.sqrt(factor * float(scores.own_y @ scores.own_y)) / total
    if error <= FIT_TOLERANCE * float(np.abs(sample.outcome).max()) / math.sqrt(total):
        raise LianjianError(
            "The cluster scores are all zero: no cluster leaves a residual for this contrast. "
            "Treatment may vary in one cluster only; use a randomisation test."
        )
    kind, exact = _choose(weights, groups, draws)
    points = WEIGHTS[kind]
    blocks = _weight_blocks(points, groups, None if exact else draws, np.random.default_rng(rng))
    bootstrap = _join([_run_block(scores, block) for block in blocks])
    observed = _run_block(scores, np.ones((1, groups)))
    inversion = _Inversion(observed, bootstrap, exact)
    alpha = 1 - level
    low, high = (inversion.end(side, error, alpha) for side in (-1.0, 1.0))
    number = len(bootstrap.top[0])
    notes = list(sample.notes)
    if math.isinf(low) or math.isinf(high):
        notes.append(f"the interval is open: some null values are never rejected at {alpha:.3g}")
    equivalent = total**2 / float(scores.own_d @ scores.own_d)
    if equivalent < FEW_EFFECTIVE:
        notes.append(
            f"the contrast rests on the equivalent of {equivalent:.1f} clusters: use a "
            "randomisation test instead"
        )
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
