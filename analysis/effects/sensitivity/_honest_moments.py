"""The conditional–least-favourable test behind the relative-magnitudes intervals.

Andrews, Roth & Pakes 2023 (DOI 10.1093/restud/rdad001), specialised to the moments of Rambachan &
Roth 2023: there the vertices of the dual programme are known, so no linear programme is solved and
all null values are tested at once.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.effects.results import Bools, Floats
from analysis.effects.sensitivity._honest_study import EventStudy

FIRST_STAGE = 0.1
"""Share of α spent on the least-favourable first stage (the authors' choice)."""
ANGLES = 4_096
"""Directions at which the plane is integrated for the least-favourable critical value."""
GRID = 400
"""Null values tried at first in the range that the first stage leaves."""
ZOOM = 100
"""Null values between the last kept and the first rejected, in each of three rounds."""
KNOWN = 1e-10
"""A moment with less deviation than this is known, not estimated."""
EDGE = 1e-9
"""Slack of comparisons between moments of size one."""


@dataclass(frozen=True)
class Moments:
    """Normalised moments, ≤ 0 in expectation under the null: value − θ slope, one row a case."""

    value: Floats  # (cases, K)
    slope: Floats  # (cases, K)
    covariance: Floats  # (cases, K, K)
    critical: Floats  # (cases,) least-favourable first-stage critical value


def relative_moments(study: EventStudy, target: Floats, bound: float, alpha: float) -> Moments:
    """Return the moments of each case: which step before the reference is largest, and its sign."""
    a, b = len(study.pre), len(study.post)
    steps = np.zeros((a + b, a + b))  # step j = coefficient of a period minus that before it
    steps[:a] = -np.eye(a + b)[:a]
    steps[: a - 1, 1:a] += np.eye(a - 1)
    steps[a:, a:] = np.eye(b) - np.eye(b, k=-1)
    largest = np.vstack([steps[:a], -steps[:a]])  # (cases, a + b)
    effect = np.concatenate([np.zeros(a), target])
    onward = np.cumsum(target[::-1])[::-1]  # weight of the step into each period

    def spread(sign: float) -> Floats:
        rows = sign * steps[a:] - bound * largest[:, None, :]
        variance = np.einsum("ctk,kl,ctl->ct", rows, study.covariance, rows)
        root: Floats = np.sqrt(np.clip(variance, 0, None))
        return root

    up, down = spread(1.0), spread(-1.0)
    rise, fall = np.maximum(onward, 0), np.maximum(-onward, 0)
    norms = [up @ rise + down @ fall, up @ fall + down @ rise]
    total = float(np.abs(onward).sum())
    vertices = [
        (sign * effect - bound * total * largest) / norm[:, None]
        for sign, norm in zip((1.0, -1.0), norms, strict=True)
    ]
    slopes = [sign / norm for sign, norm in zip((1.0, -1.0), norms, strict=True)]
    if bound > 0:
        vertices += [-2 * bound * largest / (up + down)[:, [t]] for t in range(b)]
        slopes += [np.zeros(len(largest))] * b
    rows = np.stack(vertices, axis=1)  # (cases, K, a + b)
    covariance = rows @ study.covariance @ rows.transpose(0, 2, 1)
    beta = np.concatenate([study.pre, study.post])
    pair = np.stack([np.broadcast_to(effect, largest.shape), largest], axis=1)
    critical = _least_favourable(rows, pair, study.covariance, FIRST_STAGE * alpha)
    return Moments(rows @ beta, np.stack(slopes, axis=1), covariance, critical)


def _least_favourable(rows: Floats, pair: Floats, covariance: Floats, size: float) -> Floats:
    """Return c with P(max of the centred moments > c) = size, one a case."""
    joint = pair @ covariance @ pair.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(joint)
    root = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]
    loadings = rows @ np.linalg.pinv(pair) @ root  # (cases, K, 2)
    angle = 2 * np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    largest = np.clip((loadings @ np.stack([np.cos(angle), np.sin(angle)])).max(axis=1), 0, None)
    low, high = np.zeros(len(rows)), np.full(len(rows), 20.0) * largest.max(axis=1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        half = np.where(largest > 0, 0.5 / largest**2, np.inf)
        for _ in range(60):
            middle = (low + high) / 2
            above = np.exp(-half * np.maximum(middle, 1e-300)[:, None] ** 2).mean(axis=1) > size
            low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def kept_values(moments: Moments, theta: Floats, alpha: float) -> Bools:
    """Return which null values some case keeps: the conditional test after the first stage."""
    size = alpha * (1 - FIRST_STAGE) / (1 - FIRST_STAGE * alpha)
    stat = moments.value[:, :, None] - moments.slope[:, :, None] * theta
    best = stat.argmax(axis=1)  # (cases, T)
    top = np.take_along_axis(stat, best[:, None, :], axis=1)[:, 0, :]
    case = np.arange(len(best))[:, None]
    variance = np.einsum("ckk->ck", moments.covariance)[case, best]
    spread = np.sqrt(np.clip(variance, 0, None))
    known = spread < KNOWN * moments.critical[:, None]
    safe = np.where(known, 1.0, variance)
    share = moments.covariance[case, :, best].transpose(0, 2, 1) / safe[:, None, :]
    rest = stat - share * top[:, None, :]
    # the best moment stays the best while it lies between these two values, the rest being fixed
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = rest / (1 - share)
    floor = np.where(share < 1 - EDGE, limit, -np.inf).max(axis=1)
    ceiling = np.where(share > 1 + EDGE, limit, np.inf).min(axis=1)
    ceiling = np.minimum(ceiling, moments.critical[:, None])
    scale = np.where(known, 1.0, spread)
    floor, ceiling, score = floor / scale, ceiling / scale, top / scale
    # truncated normal: P(Z > score | floor < Z < ceiling), on the log scale for the far tails
    with np.errstate(divide="ignore", invalid="ignore"):
        log_floor = special.log_ndtr(-floor)
        beyond = np.exp(special.log_ndtr(-ceiling) - log_floor)
        tail = (np.exp(special.log_ndtr(-score) - log_floor) - beyond) / (1 - beyond)
    rejects = (score > 0) & (tail < size) & (floor <= score + EDGE)
    rejects = np.where(known, top > 0, rejects)
    kept: Bools = np.any(~rejects & (top <= moments.critical[:, None]), axis=0)
    return kept


def kept_range(moments: Moments, alpha: float, theta: Floats | None = None) -> tuple[float, float]:
    """Return the outermost null values that some case keeps; NaN when there is none."""
    if theta is not None:
        kept = theta[kept_values(moments, theta, alpha)]
        return (float(kept[0]), float(kept[-1])) if len(kept) else (math.nan, math.nan)
    reach = (moments.value[:, :2] - moments.critical[:, None]) / moments.slope[:, :2]
    possible = (moments.value[:, 2:] <= moments.critical[:, None]).all(axis=1)
    possible &= reach[:, 0] <= reach[:, 1]
    if not possible.any():
        return math.nan, math.nan
    # each case has its own range: a common grid could step over a narrow one
    ranges = reach[possible]
    pad = EDGE * float(ranges[:, 1].max() - ranges[:, 0].min())
    ranges = np.vstack([ranges, [ranges[:, 0].min() - pad, ranges[:, 1].max() + pad]])
    theta = np.unique(np.concatenate([np.linspace(low, high, GRID) for low, high in ranges]))
    kept_at = np.flatnonzero(kept_values(moments, theta, alpha))
    if not len(kept_at):
        return math.nan, math.nan
    ends = []
    for index, step in ((int(kept_at[0]), -1), (int(kept_at[-1]), 1)):
        inside, outside = float(theta[index]), float(theta[index + step])
        for _ in range(3):
            finer = np.linspace(inside, outside, ZOOM)
            last = int(np.flatnonzero(kept_values(moments, finer, alpha))[-1])
            inside, outside = float(finer[last]), float(finer[min(last + 1, ZOOM - 1)])
        ends.append(inside)
    return ends[0], ends[1]
