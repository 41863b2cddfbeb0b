"""Least squares with unit and year effects, exact for unbalanced panels, without iteration.

Unit effects are swept out by row, year effects by a T×T solve. Regressors that depend on cohort and
year alone (treatment, event time) need only moments by cohort, so a panel of any size comes down to
matrices of the size of the years.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from analysis.effects.panel import Bools, Floats, Ints, Panel
from analysis.errors import LianjianError

PIVOT = 1e-9
"""A regressor whose unexplained share is below PIVOT is a sum of those before it."""


@dataclass(frozen=True, eq=False)
class WithinFit:
    """Coefficients, residuals and scores of a regression with unit and year effects."""

    coef: Floats  # (R,)
    year_coef: Floats  # (T, 1+K)
    bread: Floats  # (R, R)
    score: Floats  # (N, R)
    mass: Floats  # (N, T)
    residual: Floats  # (N, T)
    unit_effect: Floats  # (N,)
    z: Floats  # (N, 1+K)
    cross: Floats  # (T·(1+K), T·(1+K))
    n_obs: int
    n_year: int
    swept: Floats  # (T, 1+K, R) what the year effects take out of each regressor

    @cached_property
    def used(self) -> Bools:
        """Units with a used cell (N,)."""
        return np.asarray((self.mass > 0).any(axis=1), dtype=np.bool_)

    def influence(self, combine: Floats | None = None) -> Floats:
        """Return the influence of each unit on ``combine`` (R, Q) of the coefficients: (N, Q)."""
        if combine is not None:
            return self.score @ (self.bread @ combine)
        return np.where(np.isnan(self.coef), np.nan, self.score @ self.bread)

    def pull(self, panel: Panel, regressors: Floats, combine: Floats) -> Floats:
        """Return how far each outcome moves ``combine`` (R, Q) of the coefficients: (N, T, Q)."""
        moved = np.empty((*self.mass.shape, combine.shape[1]))
        turned = self.bread @ combine
        taken = np.einsum("tpr,rq->tpq", self.swept, turned)
        count = self.mass.sum(axis=1)[:, None, None]
        for c, (_, rows) in enumerate(panel.groups):
            left = regressors[c] @ turned - np.einsum("ip,tpq->itq", self.z[rows], taken)
            mass = self.mass[rows][:, :, None]
            mean = (mass * left).sum(axis=1, keepdims=True)
            mean /= np.where(count[rows] > 0, count[rows], 1.0)
            moved[rows] = mass * (left - mean)
        return moved


def solve_spd(a: Floats, b: Floats, scale: Floats | None = None) -> tuple[Floats, Ints]:
    """Solve a x = b for a symmetric semi-definite a (P, P), leaving out dependent columns."""
    scale = np.diag(a) if scale is None else scale
    floor = PIVOT**2 * scale.max(initial=0.0)
    try:
        pivots = np.diag(np.linalg.cholesky(a)) ** 2
        if (pivots > np.maximum(PIVOT * scale, floor)).all():
            solved = np.asarray(np.linalg.solve(a, b), dtype=np.float64)
            return solved, np.arange(len(a), dtype=np.int64)
    except np.linalg.LinAlgError:
        pass  # some column depends on others: find out which, one by one
    factor = np.zeros_like(a)
    kept: list[int] = []
    for j in range(len(a)):
        rank = len(kept)
        row = solve_triangular(factor[:rank, :rank], a[kept, j], lower=True) if rank else a[:0, 0]
        left = a[j, j] - row @ row
        if left > PIVOT * scale[j] and left > floor:
            factor[rank, :rank] = row
            factor[rank, rank] = np.sqrt(left)
            kept.append(j)
    solved = np.full(b.shape, np.nan)
    if kept:
        solved[kept] = np.linalg.solve(a[np.ix_(kept, kept)], b[kept])
    return solved, np.array(kept, dtype=np.int64)


def fit_within(panel: Panel, used: Bools, regressors: Floats) -> WithinFit:
    """Regress the outcome on unit effects, year effects and cohort-by-year regressors."""
    groups = panel.groups
    m = used.astype(np.float64) if panel.weight is None else np.where(used, panel.weight, 0.0)
    years = m.shape[1]
    count = m.sum(axis=1)
    if not count.any():
        raise LianjianError("No unit-year is left to fit the regression on.")
    share = np.divide(1.0, count, out=np.zeros_like(count), where=count > 0)
    y = np.where(used, panel.y, 0.0)
    my = y if panel.weight is None else m * y
    dy = my - m * (my.sum(axis=1) * share)[:, None]
    z = _with_constant(panel.x, count > 0)
    width = z.shape[1]

    def weigh(rows: slice, weight: Floats) -> Floats:
        """Sum W_i times the weight of unit i."""
        block, factor = m[rows], weight[rows]
        return np.diag(factor @ block) - block.T @ (block * (factor * share[rows])[:, None])

    by_cohort = np.stack([[weigh(rows, z[:, p]) for p in range(width)] for _, rows in groups])
    bb = np.empty((years, width, years, width))
    everyone = slice(0, len(m))
    for p in range(width):
        for q in range(p, width):
            pair = by_cohort[:, q].sum(axis=0) if p == 0 else weigh(everyone, z[:, p] * z[:, q])
            bb[:, p, :, q] = bb[:, q, :, p] = pair
    ab = np.einsum("csr,cpst->rtp", regressors, by_cohort)
    aa = np.einsum("csr,cst,ctq->rq", regressors, by_cohort[:, 0], regressors, optimize=True)
    gains = np.stack([dy[rows].sum(axis=0) for _, rows in groups])
    b_a = np.einsum("ctr,ct->r", regressors, gains)
    b_b = dy.T @ z

    free = np.arange(years * width) >= (int(np.argmax(m.any(axis=0))) + 1) * width
    size, r = years * width, len(aa)
    ab, full = ab.reshape(r, size), bb.reshape(size, size)
    right = np.column_stack([b_b.reshape(size), ab.T])
    partial = np.zeros((size, r + 1))
    partial[free], kept = solve_spd(full[np.ix_(free, free)], right[free])
    partial = np.nan_to_num(partial)
    schur = aa - ab @ partial[:, 1:]
    bread, solved = solve_spd(schur, np.eye(r), np.diag(aa))
    inverse = np.nan_to_num(bread) * np.isin(np.arange(r), solved)
    coef = inverse @ (b_a - ab @ partial[:, 0])
    year_coef = (partial[:, 0] - partial[:, 1:] @ coef).reshape(years, width)

    fit = z @ year_coef.T
    for c, (_, rows) in enumerate(groups):
        fit[rows] += regressors[c] @ coef
    level = ((my - m * fit).sum(axis=1)) * share
    residual = np.where(used, y - fit - level[:, None], 0.0)
    pull = residual if panel.weight is None else m * residual
    score = np.empty((len(m), r))
    swept = partial[:, 1:].reshape(years, width, r)
    for c, (_, rows) in enumerate(groups):
        score[rows] = pull[rows] @ (regressors[c] - swept[:, 0])
    for p in range(1, width):
        score -= z[:, p : p + 1] * (pull @ swept[:, p])
    out = ~np.isin(np.arange(r), solved)
    coef[out] = np.nan
    return WithinFit(
        coef=coef,
        year_coef=year_coef,
        bread=inverse,
        score=score,
        mass=m,
        residual=residual,
        unit_effect=np.where(count > 0, level, np.nan),
        z=z,
        cross=full,
        n_obs=int(np.count_nonzero(used)),
        n_year=len(kept),
        swept=swept,
    )


def _with_constant(x: Floats, inside: Bools) -> Floats:
    """Return 1 and the covariates, centred and scaled so that the solve is well conditioned."""
    centre = x[inside].mean(axis=0)
    spread = x[inside].std(axis=0)
    return np.column_stack([np.ones(len(x)), (x - centre) / np.where(spread > 0, spread, 1.0)])
