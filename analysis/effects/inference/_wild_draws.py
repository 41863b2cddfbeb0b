"""Cluster scores of the wild bootstrap, and its draws as polynomials of the null value."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from analysis.effects.inference._resampling import Floats
from analysis.effects.inference._sample import (
    FIT_TOLERANCE,
    NOT_IDENTIFIED,
    PERFECT_FIT,
    RANK_TOLERANCE,
    ClusteredSample,
)
from analysis.errors import LianjianError

CHUNK = 4_000_000
"""Weights held at a time (32 MB)."""


@dataclass(frozen=True)
class Scores:
    """Cluster sums over d̃ (the regressor of interest without the others Z) and residuals ê."""

    own_y: Floats  # (G,) d̃_g'ê_g
    own_d: Floats  # (G,) d̃_g'd̃_g
    other_y: Floats  # (G, m) Z_g'ê_g
    other_d: Floats  # (G, m) Z_g'd̃_g
    pull: Floats  # (G, m + 1) how a draw's coefficients move the score of cluster g
    gram: Floats  # (m + 1, m + 1) pull'pull


@dataclass(frozen=True)
class Draws:
    """Bootstrap numerators and squared errors as polynomials of the null minus the estimate."""

    top: tuple[Floats, Floats]
    low: tuple[Floats, Floats, Floats]

    def squared(self, null: float) -> Floats:
        """Return t² of each draw under a null value; 0/0 is 0, and x/0 infinite."""
        top = (self.top[0] - null * self.top[1]) ** 2
        low = self.low[0] - 2 * null * self.low[1] + null**2 * self.low[2]
        scale = FIT_TOLERANCE * (self.low[0] + null**2 * self.low[2])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = top / low
        empty = low <= scale
        if empty.any():
            ratio[empty] = np.where(top[empty] <= scale[empty], 0.0, np.inf)
        return ratio


def cluster_scores(sample: ClusteredSample, contrast: Floats) -> tuple[Scores, float, int]:
    """Return the cluster sums, the estimate of the contrast and the rank of the design."""
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
        raise LianjianError(NOT_IDENTIFIED)
    y = residual(sample.outcome)
    estimate = float(d @ y / (d @ d))
    y = y - estimate * d  # null values are counted from the estimate: fewer digits cancel
    spread = sample.outcome - sample.outcome.mean()
    if y @ y <= FIT_TOLERANCE * (spread @ spread) or not spread.any():
        raise LianjianError(PERFECT_FIT)

    def sums(values: Floats) -> Floats:
        added: Floats = np.bincount(sample.codes, values, sample.n_clusters).astype(np.float64)
        return added

    def sums_of(values: Floats) -> Floats:
        if not others.shape[1]:
            return np.empty((sample.n_clusters, 0))
        return np.column_stack([sums(column * values) for column in others.T])

    own_d, other_d = sums(d * d), sums_of(d)
    pull = np.column_stack([other_d @ inverse, own_d / own_d.sum()])
    scores = Scores(sums(d * y), own_d, sums_of(y), other_d, pull, pull.T @ pull)
    return _canonical(scores), estimate, rank


def _canonical(scores: Scores) -> Scores:
    """Order clusters by their content, so that draws do not depend on names or row order."""
    keys = np.column_stack([scores.own_y, scores.own_d, scores.other_y])
    unit = np.abs(keys).max(axis=0)
    unit[unit == 0] = 1
    order = np.lexsort(np.round(keys / unit, 9).T[::-1])
    return Scores(
        scores.own_y[order],
        scores.own_d[order],
        scores.other_y[order],
        scores.other_d[order],
        scores.pull[order],
        scores.gram,
    )


def weight_blocks(
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


def run_block(scores: Scores, weights: Floats) -> Draws:
    """Return the draws of a block of weights, shape (block, G)."""
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

    moved = dot(moved_d, a_d)
    slope = own[:, 1] - dot(h_y, a_d) - dot(h_d, a_y) + dot(moved_y, a_d)
    bend = own[:, 2] - 2 * dot(h_d, a_d) + moved
    # what rounding leaves of a part that is refitted away would grow with the null squared
    gone = bend <= FIT_TOLERANCE * (own[:, 2] + moved)
    slope[gone] = bend[gone] = 0.0
    top, level = a_y[:, m].copy(), own[:, 0] - 2 * dot(h_y, a_y) + dot(moved_y, a_y)
    # equal weights give the statistic observed: its residuals are orthogonal to the regressors
    same = (weights == weights[:, :1]).all(axis=1)
    top[same] = slope[same] = bend[same] = 0.0
    level[same] = own[same, 0]
    return Draws(top=(top, a_d[:, m].copy()), low=(level, slope, bend))


def join(blocks: list[Draws]) -> Draws:
    """Return all draws as one."""
    tops = [np.concatenate([block.top[i] for block in blocks]) for i in range(2)]
    lows = [np.concatenate([block.low[i] for block in blocks]) for i in range(3)]
    return Draws((tops[0], tops[1]), (lows[0], lows[1], lows[2]))
