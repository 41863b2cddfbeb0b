"""Two-by-two effects with covariates: regression, weighting by a logit, both; and their overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import scipy

from analysis.effects.did._within import solve_spd
from analysis.effects.panel import Bools, Floats, Ints

Adjustment = Literal["none", "regression", "ipw", "doubly_robust"]
ADJUSTMENTS: tuple[str, ...] = get_args(Adjustment)

NO_OVERLAP = 0.999
"""A treated unit with a propensity above this has no counterpart: the pair is left out."""

TRIM = 0.995
"""Comparison units with a propensity from here on get no weight (their odds exceed 199)."""

NEWTON_STEPS = 100

FIRM = 1e-6
"""Least eigenvalue of the moments of scaled covariates that needs no second look."""

SEPARATED = "the covariates separate the treated from the comparison"
NOT_CONVERGED = (
    f"the logit did not converge in {NEWTON_STEPS} steps, which says nothing about overlap: "
    "rescale or leave out a covariate, or adjust by regression"
)


class NoOverlapError(Exception):
    """A pair of cohort and year cannot be estimated; the message says why."""


@dataclass(eq=False)
class Sample:
    """Covariates and weights of all units, how they enter, and how far they overlap."""

    x: Floats
    adjustment: Adjustment
    weight: Floats | None = None
    trimmed: int = 0
    unlike: int = 0
    propensity: list[tuple[float, float, int]] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Say how far propensities reach, and how many comparison units got no weight."""
        notes = []
        if self.propensity:
            largest = max(p for p, _, _ in self.propensity)
            worth, n = min((worth, n) for _, worth, n in self.propensity)
            notes.append(
                f"Largest propensity of a treated unit {largest:.2f}; the weights of the {n:,} "
                f"comparison units are worth {worth:,.0f} equal ones where fewest."
            )
        if self.unlike:
            notes.append(
                f"Up to {self.unlike:,} comparison units have no weight: a yes-or-no covariate "
                "sets them apart from all treated units of a cohort."
            )
        if self.trimmed:
            notes.append(
                f"Up to {self.trimmed:,} comparison units with a propensity of {TRIM} or more have "
                "no weight."
            )
        return tuple(notes)


def overlap_notes(
    x: Floats, names: Sequence[str], treated: Bools, control: Bools
) -> tuple[str, ...]:
    """Say for each covariate how far the treated lie from the comparison, and outside its range."""
    said = []
    for name, values in zip(names, x.T, strict=True):
        one, zero = values[treated], values[control]
        if not len(one) or not len(zero):
            continue
        spread = float(zero.std())
        outside = int(((one < zero.min()) | (one > zero.max())).sum())
        far = np.abs(one - zero.mean()).max()
        if spread > 0:
            text = f"{name} {(one.mean() - zero.mean()) / spread:+.2f} sd on average"
            reach = f", up to {far / spread:.1f} sd away" if outside else ""
        else:
            text, reach = f"{name} does not vary in the comparison", ""
        if outside:
            text += f", {outside:,} of {len(one):,} units outside its range{reach}"
        said.append(text)
    if not said:
        return ()
    beyond = " Outside the range the line is extrapolated." if "outside" in " ".join(said) else ""
    return (f"Covariates of the treated beside the comparison: {'; '.join(said)}.{beyond}",)


@dataclass(frozen=True, eq=False)
class Scores:
    """Effects of P pairs of years on the same units, with their influence functions."""

    estimate: Floats  # (P,)
    treated: Floats  # (n₁, P)
    control: Floats  # (n₀, P)
    pull: Floats  # (n₀,) weight of each comparison unit's change in the estimate


def att_scores(changes: Floats, treated: Ints, control: Ints, sample: Sample) -> Scores:
    """Estimate effects on the treated from changes (N, P), and the influence of each unit."""
    # Regression: treated changes less those predicted from comparison units. IPW: comparison units
    # weighted by p/(1−p), weights adding to one, p a logit. Doubly robust: both (Sant'Anna & Zhao
    # 2020, J. Econometrics 219(1), eq. 2.6 and 3.1, DOI 10.1016/j.jeconom.2020.06.003). Sampling
    # weights multiply every mean, every least squares and the likelihood of the logit.
    up, flat = changes[treated], changes[control]
    w1, w0 = _shares(sample, treated), _shares(sample, control)
    if sample.adjustment == "none":
        mean, level = w1 @ up, w0 @ flat
        return Scores(mean - level, w1[:, None] * (up - mean), w0[:, None] * (level - flat), -w0)
    alike = _alike(sample.x[treated], sample.x[control])
    if sample.adjustment != "regression" and not alike.all():
        sample.unlike = max(sample.unlike, int((~alike).sum()))
        if not alike.any():
            raise NoOverlapError("no comparison unit is alike in the covariates")
        part = att_scores(changes, treated, control[alike], sample)
        psi0, pull = np.zeros_like(flat), np.zeros(len(flat))
        psi0[alike], pull[alike] = part.control, part.pull
        return replace(part, control=psi0, pull=pull)
    z1, z0 = _columns(sample.x, treated, control)
    centre = w1 @ z1
    cross = np.zeros((z1.shape[1],) * 2)
    if sample.adjustment != "ipw":
        cross, kept = solve_spd(z0.T @ (z0 * w0[:, None]), np.eye(len(cross)), np.ones(len(cross)))
        if len(kept) < len(cross):
            raise NoOverlapError("the comparison units do not span the covariates")
        beta = cross @ (z0.T @ (flat * w0[:, None]))
        up, flat = up - z1 @ beta, flat - z0 @ beta
    mean = w1 @ up
    psi1 = w1[:, None] * (up - mean)
    if sample.adjustment == "regression":
        pull = -w0 * (z0 @ (cross @ centre))
        return Scores(mean, psi1, flat * pull[:, None], pull)
    # weights of the two groups on one scale, as the logit pools them
    mass = [
        np.ones(len(rows)) if sample.weight is None else sample.weight[rows]
        for rows in (treated, control)
    ]
    d = np.repeat([1.0, 0.0], [len(z1), len(z0)])
    p, spread = fit_logit(np.vstack([z1, z0]), d, np.concatenate(mass))
    p1, p0 = np.split(p, [len(z1)])
    if p1.max() > NO_OVERLAP:
        raise NoOverlapError("a treated unit has no counterpart in the covariates")
    odds = np.where(p0 < TRIM, mass[1] * p0 / (1 - p0), 0.0)
    sample.trimmed = max(sample.trimmed, int((p0 >= TRIM).sum()))
    if odds.sum() <= 0:
        raise NoOverlapError("no comparison unit is alike in the covariates")
    weight = odds / odds.sum()
    sample.propensity.append((float(p1.max()), float(1 / (weight @ weight)), len(p0)))
    level = weight @ flat
    apart = weight[:, None] * (flat - level)
    slope = spread @ (z0.T @ apart)  # how the weighted mean moves with the logit
    psi1 -= (mass[0] * (1 - p1))[:, None] * (z1 @ slope)
    psi0 = (mass[1] * p0)[:, None] * (z0 @ slope) - apart
    lever = w0 * (z0 @ (cross @ (centre - weight @ z0)))
    return Scores(mean - level, psi1, psi0 - flat * lever[:, None], -weight - lever)


def regressions(
    changes: Floats, treated: slice, control: Ints, sample: Sample
) -> list[Scores | None]:
    """Return `att_scores` by regression for pairs (P, N) that show different units, all at once."""
    # None where a pair lacks one side or its comparison units leave a covariate to the others:
    # these need care one by one. Units without both years have an influence of zero.
    x0, x1 = sample.x[control], sample.x[treated]
    centre, spread = x0.mean(axis=0), x0.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z0, z1 = (np.column_stack([np.ones(len(x)), (x - centre) / spread]) for x in (x0, x1))
    both = []
    for rows in (treated, control):
        change = changes[:, rows]
        mass = (~np.isnan(change)).astype(np.float64)
        if sample.weight is not None:
            mass *= sample.weight[rows]
        total = mass.sum(axis=1, keepdims=True)
        both.append((np.nan_to_num(change), mass / np.where(total > 0, total, 1.0), total > 0))
    (up, w1, any1), (flat, w0, any0) = both
    width = z0.shape[1]
    moments = (z0[:, :, None] * z0[:, None, :]).reshape(len(z0), width**2)
    gram = (w0 @ moments).reshape(-1, width, width)
    firm = np.linalg.eigvalsh(gram)[:, 0] > FIRM
    plain = firm & any1[:, 0] & any0[:, 0]
    inverse = np.linalg.inv(np.where(plain[:, None, None], gram, np.eye(width)))
    beta = np.einsum("pij,pj->pi", inverse, (w0 * flat) @ z0)
    up, flat = up - beta @ z1.T, flat - beta @ z0.T
    mean = (w1 * up).sum(axis=1)
    lever = np.einsum("pij,pj->pi", inverse, w1 @ z1) @ z0.T
    pull = -w0 * lever
    psi1, psi0 = w1 * (up - mean[:, None]), flat * pull
    return [
        Scores(mean[[k]], psi1[k][:, None], psi0[k][:, None], pull[k]) if plain[k] else None
        for k in range(len(changes))
    ]


def _shares(sample: Sample, rows: Ints) -> Floats:
    """Return the weights of some units, adding to one."""
    if sample.weight is None:
        return np.full(len(rows), 1 / len(rows))
    weight = sample.weight[rows]
    return weight / weight.sum()


def _alike(x1: Floats, x0: Floats) -> Bools:
    """Mark comparison units that no yes-or-no covariate sets apart from all treated units."""
    alike = np.ones(len(x0), dtype=np.bool_)
    for one, zero in zip(x1.T, x0.T, strict=True):
        if (one == one[0]).all() and len(np.unique(zero)) <= 2:
            alike &= zero == one[0]
    return alike


def _columns(x: Floats, treated: Ints, control: Ints) -> tuple[Floats, Floats]:
    """Return a constant and the scaled covariates of both groups, without dependent columns."""
    part = np.concatenate([x[treated], x[control]])
    spread = part.std(axis=0)
    part = (part - part.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    z = np.column_stack([np.ones(len(part)), part])
    _, kept = solve_spd(z.T @ z, np.zeros((z.shape[1], 1)), np.full(z.shape[1], float(len(z))))
    return z[: len(treated), kept], z[len(treated) :, kept]


def fit_logit(z: Floats, d: Floats, weight: Floats | None = None) -> tuple[Floats, Floats]:
    """Fit P(d = 1) = 1/(1 + exp(−z′γ)): probabilities (n,) and the inverse of Σ w p(1−p) z z′."""
    # Newton's method, each step halved until the likelihood does not fall. That it finds no maximum
    # is no proof that there is none: "separated" is said only when a linear programme proves it.
    mass = np.ones(len(z)) if weight is None else weight
    wz = z * mass[:, None]
    scale = np.einsum("ik,ik->k", wz, z)
    sign = 1 - 2 * d
    gamma = np.zeros(z.shape[1])
    share = float(np.average(d, weights=mass))
    if (z[:, 0] == 1).all():  # the constant: start where the mean fits
        gamma[0] = np.log(share / (1 - share))

    def loss(coef: Floats) -> float:
        return float(mass @ np.logaddexp(0, sign * (z @ coef)))

    value = loss(gamma)
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ gamma, -500, 500)))
        information = wz.T @ (z * (p * (1 - p))[:, None])
        covariance, kept = solve_spd(information, np.eye(len(gamma)), scale)
        if len(kept) < len(gamma):
            break
        step = covariance @ (wz.T @ (d - p))
        if np.abs(step).max() < 1e-10 * (1 + np.abs(gamma).max()):
            return p, covariance
        length = 1.0
        while (tried := loss(gamma + length * step)) > value * (1 + 1e-12) and length > 1e-9:
            length /= 2
        gamma, value = gamma + length * step, tried
    raise NoOverlapError(SEPARATED if is_separated(z, d) else NOT_CONVERGED)


def is_separated(z: Floats, d: Floats) -> bool:
    """Return whether some z′γ ≥ 0 for all treated and ≤ 0 for all others, not 0 for all (proof)."""
    # Albert & Anderson 1984 (Biometrika 71(1)), by a linear programme (Konis 2007).
    signed = z * (2 * d - 1)[:, None]
    found = scipy.optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(z)), bounds=(-1, 1)
    )
    return bool(found.status == 0 and -found.fun > 1e-6 + 2e-7 * len(z))
