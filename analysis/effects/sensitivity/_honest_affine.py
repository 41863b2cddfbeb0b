"""The shortest fixed-length interval behind the smoothness restriction.

Armstrong & Kolesár 2018 (DOI 10.3982/ECTA14434) in the form of Rambachan & Roth 2023, sec. 4.1.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from analysis.effects.results import Floats
from analysis.effects.sensitivity._honest_study import EventStudy

ONE_SIDED = 40.0
"""From here on the other tail of the normal distribution is zero in double precision."""


def folded_quantile(shift: float, level: float) -> float:
    """Return the quantile of abs(Z + shift) for a standard normal Z."""
    shift = abs(shift)
    if shift > ONE_SIDED:
        return shift + float(scipy.stats.norm.ppf(level))

    def excess(c: float) -> float:
        return float(scipy.special.ndtr(c - shift) - scipy.special.ndtr(-c - shift)) - level

    top = shift + float(scipy.stats.norm.ppf((1 + level) / 2)) + 1e-9
    return float(scipy.optimize.brentq(excess, 0.0, top, xtol=1e-13, rtol=1e-14))


@dataclass(frozen=True)
class Affine:
    """Estimators of l'τ that a linear trend does not bias, one free number a bend before."""

    origin: Floats  # (a,) weights on the coefficients before, with no free bend
    moves: Floats  # (a, a − 1) how each bend changes them
    fixed: float  # worst bias from bends after, per unit of M
    square: Floats  # (a − 1, a − 1) variance = constant + 2 linear'u + u'square u
    linear: Floats  # (a − 1,)
    constant: float


def unbiased_estimators(study: EventStudy, target: Floats) -> Affine:
    """Return the estimators of the effect that no straight line in the trend biases."""
    a, b = len(study.pre), len(study.post)
    before, after = np.arange(-a, 0), np.arange(1, b + 1)
    # δ = slope · t + Σ bends · hinges: a bend at r ≤ −1 moves periods before it, one at r ≥ 0 after
    hinges = np.maximum(np.arange(-1, -a, -1)[:, None] - before, 0)  # (a − 1, a)
    solved = np.linalg.inv(np.vstack([hinges, before]).astype(float))
    origin, moves = solved[:, -1] * -float(target @ after), solved[:, :-1]
    later = np.maximum(after - np.arange(b)[:, None], 0) @ target
    sigma = study.covariance
    cross = sigma[:a, :a] @ origin + sigma[:a, a:] @ target
    full = np.concatenate([origin, target])
    return Affine(
        origin=origin,
        moves=moves,
        fixed=float(np.abs(later).sum()),
        square=moves.T @ sigma[:a, :a] @ moves,
        linear=moves.T @ cross,
        constant=float(full @ sigma @ full),
    )


def shortest(affine: Affine, bound: float, level: float, scale: float) -> tuple[Floats, float]:
    """Return the bends of the shortest interval and its half-length."""
    k = len(affine.linear)

    def deviation(u: Floats) -> float:
        variance = affine.constant + 2 * float(affine.linear @ u) + float(u @ affine.square @ u)
        return math.sqrt(max(variance, 1e-30 * scale**2))

    def length(u: Floats) -> float:
        s = deviation(u)
        return s * folded_quantile(bound * (affine.fixed + float(np.abs(u).sum())) / s, level)

    steady = -np.linalg.pinv(affine.square, hermitian=True) @ affine.linear
    if k == 0 or bound == 0:
        return steady, length(steady)

    def objective(parts: Floats) -> tuple[float, Floats]:
        u = parts[:k] - parts[k:]
        s = deviation(u)
        shift = bound * (affine.fixed + float(parts.sum())) / s
        c = folded_quantile(shift, level)
        by_bias = math.tanh(shift * c)
        slope = (c - shift * by_bias) * (affine.linear + affine.square @ u) / s
        gradient = np.concatenate([slope, -slope]) + bound * by_bias
        return s * c / scale, gradient / scale

    found = []
    for start in (steady, np.zeros(k)):
        first = np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)])
        result = scipy.optimize.minimize(
            objective,
            first,
            jac=True,
            bounds=[(0, None)] * (2 * k),
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        u = np.asarray(result.x[:k] - result.x[k:], dtype=float)
        found += [(length(u), u), (length(start), start)]
    best = min(found, key=lambda pair: pair[0])
    return best[1], best[0]
