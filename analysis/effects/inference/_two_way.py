"""The two-way regression of a panel, row by row: CR2 and the wild cluster bootstrap of its effect.

The effect is the coefficient of the first regressor. Of it is left what the others, made
orthonormal, do not explain; so that each cluster comes down to a few sums.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from analysis._frame import TIE, check_level
from analysis.effects._clustered import check_anticipation, cluster_sums, pointwise
from analysis.effects.inference._resampling import SEED
from analysis.effects.panel import NEVER, Floats, Ints, Panel
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

NAME = "Two-way fixed effects"
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
REACH = 1e4
"""The interval is sought this many standard errors around the estimate."""
RANK_TOLERANCE = 1e-9
"""A direction of the regressors under this share of the largest one is not there."""
FIT_TOLERANCE = 1e-12
"""Residual variation under this share of the outcome's is a perfect fit."""
LEVERAGE_TOLERANCE = 1e-9
"""A direction of a cluster with 1 − leverage under this has no residual left (pseudo-inverse)."""
FEW_DF = 4.0
"""Under this the Satterthwaite approximation itself is unreliable (Tipton 2015)."""
FEW_EFFECTIVE = 3.0
"""With fewer equivalent clusters every clustered test is known to fail (MacKinnon & Webb 2017)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a regression without the effects of their units."""

    x: Floats  # (n, k) regressors, that of the effect first
    y: Floats  # (n,)
    cluster: Ints  # (n,) 0 … G−1
    n_units: int

    @cached_property
    def n_clusters(self) -> int:
        """Number of clusters G."""
        return int(self.cluster.max()) + 1

    @cached_property
    def fit(self) -> "Fit":
        """The regression carried out."""
        own, rest = self.x[:, 0], self.x[:, 1:]
        size = np.linalg.norm(rest, axis=0)
        rest = rest / np.where(size > 0, size, 1.0)
        values, vectors = np.linalg.eigh(rest.T @ rest)
        others = np.linalg.qr(rest @ vectors[:, values > RANK_TOLERANCE * values.max(initial=0)])[0]

        def residual(column: Floats) -> Floats:
            for _ in range(2):  # the second pass restores the digits that the first loses
                column = column - others @ (others.T @ column)
            return column

        d, y = residual(own), residual(self.y)
        total, n, rank = float(d @ d), len(y), others.shape[1] + 1
        if total <= RANK_TOLERANCE * (own @ own):
            raise LianjianError(
                "The effect is not identified: its regressor does not vary, or others determine "
                "it. Check that treated and untreated rows exist before and after."
            )
        if n <= rank:
            raise LianjianError(f"{n} rows cannot carry {rank} coefficients.")
        estimate = float(d @ y) / total
        y = y - estimate * d
        spread = self.y - self.y.mean()
        if y @ y <= FIT_TOLERANCE * (spread @ spread) or not spread.any():
            raise LianjianError(
                "The residuals are all zero: the outcome is constant or fitted perfectly, so its "
                "uncertainty cannot be estimated. Check the outcome column."
            )
        return Fit(d, others, y, estimate, total, rank)


@dataclass(frozen=True, eq=False)
class Fit:
    """A regression of the outcome on one regressor and others."""

    d: Floats  # (n,) the first regressor without the others
    others: Floats  # (n, m) the others as orthonormal columns
    residual: Floats  # (n,)
    estimate: float
    total: float  # d'd
    rank: int  # of all regressors


def panel_rows(panel: Panel, anticipation: int) -> Rows:
    """Return the rows of the two-way regression of a panel, treatment first."""
    check_anticipation(anticipation)
    if panel.weight is not None:
        raise LianjianError("This regression takes no weights: make the panel without them.")
    start = panel.cohort[:, None]
    joins = start != NEVER
    early = joins & (panel.years < start) & (panel.years >= start - anticipation)
    used = (~np.isnan(panel.y) & ~early).ravel()
    unit, year = (place.ravel()[used] for place in np.indices(panel.y.shape))
    after = (joins & (panel.years >= start)).ravel()[used].astype(np.float64)
    years = (year[:, None] == np.arange(1, len(panel.years))).astype(np.float64)
    moving = [years * trait[:, None] for trait in (panel.x - panel.x.mean(axis=0))[unit].T]
    x = np.column_stack([after, years, *moving])
    return swept(x, panel.y.ravel()[used], panel.cluster[unit], unit)


def swept(x: Floats, y: Floats, cluster: Any, unit: Any) -> Rows:
    """Return rows without the effects of units that lie inside clusters."""
    codes, labels = pd.factorize(np.asarray(cluster), sort=True)
    if len(labels) < 2:
        raise LianjianError(
            f"There is {len(labels)} cluster; clustered inference compares clusters and needs two "
            "or more. Cluster at a finer level, or use placebo alliances."
        )
    unit = pd.factorize(np.asarray(unit))[0]
    count = np.bincount(unit)

    def within(column: Floats) -> Floats:
        return column - (np.bincount(unit, column) / count)[unit]

    x = np.column_stack([within(column) for column in x.T])
    return Rows(x, within(y), codes.astype(np.int64), len(count))


def two_way_cr2(panel: Panel, *, anticipation: int = 0) -> Estimate:
    """Estimate one effect with unit and year effects, with CR2 errors and Satterthwaite's t."""
    return cr2(panel_rows(panel, anticipation))


def cr2(rows: Rows, *, level: float = 0.95) -> Estimate:
    """Return the effect with the bias-reduced CR2 variance and Satterthwaite df."""
    # Bell & McCaffrey 2002 (Survey Methodology 28(2), 169–181); Pustejovsky & Tipton 2018 (DOI
    # 10.1080/07350015.2016.1247004): eq. 11 for the generalised inverse, sec. 3.2 and theorem 2 for
    # absorbed effects, which leave V and df as with dummies when they are nested in clusters.
    fit = rows.fit
    order = np.argsort(rows.cluster, kind="stable")
    turned = np.column_stack([fit.d / math.sqrt(fit.total), fit.others])[order]
    residual = fit.residual[order]
    ends = [0, *np.cumsum(np.bincount(rows.cluster)).tolist()]
    parts = [turned[start:end] for start, end in pairwise(ends)]
    grams = np.stack([part.T @ part for part in parts])
    scores = cluster_sums(turned * residual[:, None], rows.cluster[order])
    # the identity less the hat matrix of a cluster differs from it in as many directions only
    leverage, directions = np.linalg.eigh(grams)
    room = 1 - leverage
    adjust = np.where(room > LEVERAGE_TOLERANCE, 1 / np.sqrt(np.where(room > 0, room, 1)), 0.0)
    aim = directions[:, 0] / math.sqrt(fit.total)
    inner = np.einsum("gij,gj->gi", directions, adjust * aim)
    variance = float((np.einsum("gi,gi->g", inner, scores) ** 2).sum())
    loadings = np.einsum("gij,gj->gi", grams, inner)
    lengths = np.einsum("gi,gi->g", inner, loadings)
    shared = (loadings**2).sum(axis=1)
    trace = float((lengths - shared).sum())
    square = float((lengths**2).sum() - 2 * (lengths * shared).sum())
    square += float(((loadings.T @ loadings) ** 2).sum())
    df = trace**2 / square if square > 0 and trace > 0 else math.nan
    error = _has_error(rows, math.sqrt(variance) if math.isfinite(df) else 0.0)
    low, high, p_value = pointwise(np.array([fit.estimate]), np.array([error]), df, level)
    notes = (f"{df:.2f} degrees of freedom: under {FEW_DF:g} the approximation is rough",)
    return _record(
        rows,
        error=error,
        ends=(float(low[0]), float(high[0])),
        p_value=float(p_value[0]),
        level=level,
        df=df,
        inference=f"cluster-robust CR2, Satterthwaite t({df:.2f})",
        notes=notes if df < FEW_DF else (),
    )


def _has_error(rows: Rows, error: float) -> float:
    """Return the standard error, or say that no cluster leaves a residual."""
    if error <= FIT_TOLERANCE * float(np.abs(rows.y).max()) / math.sqrt(rows.fit.total):
        raise LianjianError(
            "The cluster scores are all zero: no cluster leaves a residual for the effect. "
            "Treatment may vary in one cluster only; use placebo alliances."
        )
    return error


def _record(
    rows: Rows,
    *,
    error: float,
    ends: tuple[float, float],
    p_value: float,
    level: float,
    df: float,
    inference: str,
    notes: tuple[str, ...],
    smallest_p: float = math.nan,
) -> Estimate:
    """Return the estimate, with a note where the effect rests on very few clusters."""
    mass = np.bincount(rows.cluster, rows.fit.d**2)
    equivalent = float(mass.sum()) ** 2 / float(mass @ mass)
    if equivalent < FEW_EFFECTIVE:
        text = (
            f"the effect rests on the equivalent of {equivalent:.1f} clusters: the standard error "
            "is too small and the test unreliable; use placebo alliances instead"
        )
        notes = (*notes, text)
    return Estimate(
        name=NAME,
        estimate=rows.fit.estimate,
        std_error=error,
        low=ends[0],
        high=ends[1],
        p_value=p_value,
        level=level,
        df=df,
        n_obs=len(rows.y),
        n_units=rows.n_units,
        n_clusters=rows.n_clusters,
        inference=inference,
        notes=notes,
        smallest_p=smallest_p,
    )


def wild_two_way(
    panel: Panel,
    *,
    anticipation: int = 0,
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
) -> Estimate:
    """Estimate one effect with unit and year effects, tested by the wild cluster bootstrap."""
    # Units lie in clusters and are swept out; years do not and stay, so that each draw refits them.
    # MacKinnon & Webb 2018 (DOI 10.1111/ectj.12107): with few treated clusters among many the
    # restricted bootstrap rejects too seldom.
    return wild(panel_rows(panel, anticipation), draws=draws, rng=rng)


def wild(
    rows: Rows,
    *,
    weights: str = "auto",
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
    level: float = 0.95,
) -> Estimate:
    """Test the effect by the restricted wild cluster bootstrap; invert it for the interval."""
    # Cameron, Gelbach & Miller 2008 (DOI 10.1162/rest.90.3.414); score form and inversion: Roodman,
    # MacKinnon, Nielsen & Webb 2019 (DOI 10.1177/1536867X19830877), sec. 5; Webb weights and few
    # clusters: MacKinnon & Webb 2018. The error is CR1: Liang & Zeger 1986, with the factor of
    # Cameron & Miller 2015 (DOI 10.3368/jhr.50.2.317), eq. 12.
    check_level(level)
    if draws < 1:
        raise LianjianError(f"{draws} draws were asked for; give at least 1, usually {DRAWS}.")
    fit, groups, n = rows.fit, rows.n_clusters, len(rows.y)
    kind = weights
    if weights == "auto":
        kind = "webb" if groups <= FEW_CLUSTERS else "rademacher"
    if kind not in WEIGHTS:
        raise LianjianError(f"The weights are {kind!r}; expected auto, rademacher or webb.")
    points = WEIGHTS[kind]
    is_exact = groups * math.log(len(points)) <= math.log(draws)
    scores = cluster_scores(rows)
    factor = groups / (groups - 1) * (n - 1) / (n - fit.rank)
    error = math.sqrt(factor * float(scores.own_y @ scores.own_y)) / fit.total
    error = _has_error(rows, error)
    blocks = _blocks(points, groups, None if is_exact else draws, np.random.default_rng(rng))
    drawn = [draw(scores, block) for block in blocks]
    observed = draw(scores, np.ones((1, groups)))
    number = sum(len(block.top[0]) for block in drawn)

    def p_value(null: float) -> float:
        seen = math.sqrt(float(observed.squared(null)[0]))
        least = max(seen * (1 - TIE) - TIE, 0.0) ** 2  # a t of nothing but rounding ties with all
        reached = sum(int(np.count_nonzero(block.squared(null) >= least)) for block in drawn)
        return reached / number if is_exact else (reached + 1) / (number + 1)

    alpha = 1 - level + TIE  # 1 − 0.9 is under 0.1 in binary
    low, high = (fit.estimate + _end(p_value, side, error, alpha) for side in (-1.0, 1.0))
    notes: tuple[str, ...] = ()
    if math.isinf(low) or math.isinf(high):
        notes = (f"the interval is open: some null values are never rejected at {alpha:.3g}",)
    how = "all" if is_exact else "sampled"
    return _record(
        rows,
        error=error,
        ends=(low, high),
        p_value=p_value(-fit.estimate),
        level=level,
        df=float(groups - 1),
        inference=f"wild cluster bootstrap, null imposed, {kind} weights, {how} {number:,} draws",
        notes=notes,
        smallest_p=2 / number if is_exact else 1 / (number + 1),
    )


def _end(p_value: Callable[[float], float], side: float, error: float, alpha: float) -> float:
    """Return where the test begins to reject on one side; infinite when it never does."""
    inside, outside = 0.0, side * error
    while p_value(outside) > alpha:
        if abs(outside) > REACH * error:
            return side * math.inf
        inside, outside = outside, outside * 1.25
    while abs(outside - inside) > 1e-9 * error:
        middle = (inside + outside) / 2
        if p_value(middle) > alpha:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


@dataclass(frozen=True, eq=False)
class Scores:
    """Cluster sums over d (the first regressor without the others Z) and residuals e."""

    own_y: Floats  # (G,) d_g'e_g
    own_d: Floats  # (G,) d_g'd_g
    other_y: Floats  # (G, m) Z_g'e_g
    other_d: Floats  # (G, m) Z_g'd_g

    @cached_property
    def pull(self) -> Floats:
        """How a draw's coefficients move the score of each cluster (G, m + 1)."""
        return np.column_stack([self.other_d, self.own_d / self.own_d.sum()])


def cluster_scores(rows: Rows) -> Scores:
    """Return the cluster sums, ordered so that draws depend on neither names nor row order."""
    fit = rows.fit
    both = np.column_stack([fit.residual, fit.d])
    own = cluster_sums(both * fit.d[:, None], rows.cluster)
    other_y, other_d = (cluster_sums(fit.others * one[:, None], rows.cluster) for one in both.T)
    # of the others lengths alone: their columns may be turned
    lengths = [(one * two).sum(axis=1) for one, two in ((other_y, other_y), (other_y, other_d))]
    keys = np.column_stack([own, *lengths])
    unit = np.abs(keys).max(axis=0)
    order = np.lexsort(np.round(keys / np.where(unit > 0, unit, 1.0), 9).T[::-1])
    return Scores(own[order, 0], own[order, 1], other_y[order], other_d[order])


@dataclass(frozen=True, eq=False)
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


def _blocks(
    points: Floats, groups: int, draws: int | None, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield blocks of weights, shape (block, G): all of them when ``draws`` is None."""
    if draws is None:
        yield np.array(list(product(points, repeat=groups)))
        return
    block = max(1, CHUNK // groups)
    for start in range(0, draws, block):
        index = rng.integers(0, len(points), (min(block, draws - start), groups), dtype=np.uint8)
        yield points[index]


def draw(scores: Scores, weights: Floats) -> Draws:
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
    gram = scores.pull.T @ scores.pull
    moved_y, moved_d = a_y @ gram, a_d @ gram

    def dot(left: Floats, right: Floats) -> Floats:
        return np.asarray(np.einsum("ij,ij->i", left, right), dtype=np.float64)

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
