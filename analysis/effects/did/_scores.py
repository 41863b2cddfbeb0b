"""Two-by-two effects with covariates, and their influence functions."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from analysis.effects.did._within import solve_spd
from analysis.effects.panel import Bools, Floats, Ints

Adjustment = Literal["none", "regression", "ipw", "doubly_robust"]
ADJUSTMENTS: tuple[str, ...] = get_args(Adjustment)

NO_OVERLAP = 0.999
"""A treated unit with a propensity above this has no counterpart: the pair is left out."""

TRIM = 0.995
"""Comparison units with a propensity from here on get no weight (their odds exceed 199)."""

NEWTON_STEPS = 50


class NoOverlapError(Exception):
    """A pair of cohort and year cannot be estimated; the message says why."""


@dataclass(eq=False)
class Sample:
    """Covariates and weights of all units, how they enter, and who got no weight."""

    x: Floats
    adjustment: Adjustment
    weight: Floats | None = None
    trimmed: int = 0
    unlike: int = 0

    def notes(self) -> tuple[str, ...]:
        """Say how many comparison units were given no weight.

        Examples
        --------
        >>> Sample(np.empty((0, 0)), "ipw", trimmed=2).notes()[0][:43]
        'Up to 2 comparison units with a propensity '
        """
        notes = []
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


@dataclass(frozen=True, eq=False)
class Scores:
    """Effects of P pairs of years on the same units, with their influence functions.

    Attributes
    ----------
    estimate : float array, (P,)
        In the unit of the outcome.
    treated, control : float arrays, (n₁, P) and (n₀, P)
        ψ with variance Σψ².
    """

    estimate: Floats
    treated: Floats
    control: Floats


def att_scores(changes: Floats, treated: Ints, control: Ints, sample: Sample) -> Scores:
    """Estimate effects on the treated from changes, and the influence of each unit.

    Parameters
    ----------
    changes : float array, (N, P)
        Changes of the outcome between P pairs of years.
    treated, control : int array
        Positions of the n₁ treated and n₀ comparison units.
    sample : Sample
        Covariates, weights and the adjustment.

    Raises
    ------
    NoOverlapError
        The comparison units do not span the covariates, or a treated unit has no counterpart.

    Notes
    -----
    Regression: treated changes less those predicted from comparison units. IPW: comparison units
    weighted by p/(1−p), weights adding to one, p a logit. Doubly robust: both, consistent when
    either model holds (Sant'Anna & Zhao 2020, J. Econometrics 219(1), eq. 2.6 and 3.1, DOI
    10.1016/j.jeconom.2020.06.003). The influence functions contain the estimation of both models.
    Sampling weights multiply every mean, every least squares and the likelihood of the logit.

    Examples
    --------
    >>> sample = Sample(np.empty((4, 0)), "none")
    >>> changes = np.array([[3.0], [2.0], [1.0], [0.0]])
    >>> att_scores(changes, np.array([0, 1]), np.array([2, 3]), sample).estimate
    array([2.])
    """
    up, flat = changes[treated], changes[control]
    w1, w0 = _shares(sample, treated), _shares(sample, control)
    if sample.adjustment == "none":
        mean, level = w1 @ up, w0 @ flat
        return Scores(mean - level, w1[:, None] * (up - mean), w0[:, None] * (level - flat))
    alike = _alike(sample.x[treated], sample.x[control])
    if sample.adjustment != "regression" and not alike.all():
        sample.unlike = max(sample.unlike, int((~alike).sum()))
        if not alike.any():
            raise NoOverlapError("no comparison unit is alike in the covariates")
        part = att_scores(changes, treated, control[alike], sample)
        psi0 = np.zeros_like(flat)
        psi0[alike] = part.control
        return replace(part, control=psi0)
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
        return Scores(mean, psi1, -flat * (w0 * (z0 @ (cross @ centre)))[:, None])
    # weights of the two groups on one scale, as the logit pools them
    mass = [np.ones(len(rows)) if sample.weight is None else sample.weight[rows]
            for rows in (treated, control)]  # fmt: skip
    p, spread = fit_logit(
        np.vstack([z1, z0]), np.repeat([1.0, 0.0], [len(z1), len(z0)]), np.concatenate(mass)
    )
    p1, p0 = np.split(p, [len(z1)])
    if p1.max() > NO_OVERLAP:
        raise NoOverlapError("a treated unit has no counterpart in the covariates")
    odds = np.where(p0 < TRIM, mass[1] * p0 / (1 - p0), 0.0)
    sample.trimmed = max(sample.trimmed, int((p0 >= TRIM).sum()))
    if odds.sum() <= 0:
        raise NoOverlapError("no comparison unit is alike in the covariates")
    weight = odds / odds.sum()
    level = weight @ flat
    apart = weight[:, None] * (flat - level)
    slope = spread @ (z0.T @ apart)  # how the weighted mean moves with the logit
    psi1 -= (mass[0] * (1 - p1))[:, None] * (z1 @ slope)
    psi0 = (mass[1] * p0)[:, None] * (z0 @ slope) - apart
    psi0 -= flat * (w0 * (z0 @ (cross @ (centre - weight @ z0))))[:, None]
    return Scores(mean - level, psi1, psi0)


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
        if (one == one[0]).all() and len(np.unique(zero)) <= 2:  # noqa: PLR2004
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
    """Fit P(d = 1) = 1/(1 + exp(−z′γ)) by Newton's method.

    Parameters
    ----------
    z : float array, (n, k)
        Regressors, of the size of one.
    d : float array, (n,)
        0 or 1.
    weight : float array, (n,), optional
        Sampling weights.

    Returns
    -------
    p : float array, (n,)
        Fitted probabilities.
    covariance : float array, (k, k)
        Inverse of Σ w p(1−p) z z′.

    Raises
    ------
    NoOverlapError
        The covariates separate the groups, so that there is no finite maximum.

    Examples
    --------
    >>> p, covariance = fit_logit(np.ones((4, 1)), np.array([1.0, 0, 0, 0]))
    >>> p.round(4).tolist(), round(covariance.item(), 4)
    ([0.25, 0.25, 0.25, 0.25], 1.3333)
    """
    wz = z if weight is None else z * weight[:, None]
    scale = np.einsum("ik,ik->k", wz, z)
    gamma = np.zeros(z.shape[1])
    share = float(np.average(d, weights=weight))
    if (z[:, 0] == 1).all():  # the constant: start where the mean fits
        gamma[0] = np.log(share / (1 - share))
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ gamma, -50, 50)))
        information = wz.T @ (z * (p * (1 - p))[:, None])
        covariance, kept = solve_spd(information, np.eye(len(gamma)), scale)
        if len(kept) < len(gamma):
            raise NoOverlapError("the covariates separate the treated from the comparison")
        step = covariance @ (wz.T @ (d - p))
        gamma += step
        if np.abs(step).max() < 1e-11 * (1 + np.abs(gamma).max()):
            return p, covariance
    raise NoOverlapError("the covariates separate the treated from the comparison")
