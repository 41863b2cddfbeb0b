"""Two-by-two effects with covariates, and their influence functions."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from analysis.effects.panel import Bools, Floats, Ints
from analysis.effects.within import solve_spd

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
    """Covariates of all units, and the propensities that pairs with the same units share."""

    x: Floats
    adjustment: Adjustment
    trimmed: int = 0
    unlike: int = 0
    _logits: dict[bytes, tuple[Floats, Floats]] = field(default_factory=dict)

    def notes(self) -> tuple[str, ...]:
        """Say how many comparison units were given no weight."""
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

    def logit(self, z: Floats, treated: Ints, control: Ints) -> tuple[Floats, Floats]:
        """Return propensities and the covariance of the logit, remembered by its units."""
        key = treated.tobytes() + b"|" + control.tobytes()
        if key not in self._logits:
            d = np.arange(len(z)) < len(treated)
            self._logits.clear()
            self._logits[key] = fit_logit(z, d.astype(np.float64))
        return self._logits[key]


def att_score(
    change: Floats, treated: Ints, control: Ints, sample: Sample
) -> tuple[float, Floats, Floats]:
    """Estimate the effect on the treated from changes, and the influence of each unit.

    Parameters
    ----------
    change : float array, (N,)
        Change of the outcome.
    treated, control : int array
        Positions of the n₁ treated and n₀ comparison units.
    sample : Sample
        Covariates and the adjustment.

    Returns
    -------
    estimate : float
        In the unit of the outcome.
    influence of the treated, of the comparison : float arrays, (n₁,) and (n₀,)
        ψ with variance Σψ².

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

    Examples
    --------
    >>> sample = Sample(np.empty((4, 0)), "none")
    >>> change = np.array([3.0, 2.0, 1.0, 0.0])
    >>> att_score(change, np.array([0, 1]), np.array([2, 3]), sample)[0]
    2.0
    """
    up, flat = change[treated], change[control]
    n1, n0 = len(up), len(flat)
    if sample.adjustment == "none":
        estimate = float(up.mean() - flat.mean())
        return estimate, (up - up.mean()) / n1, (flat.mean() - flat) / n0
    alike = _alike(sample.x[treated], sample.x[control])
    if sample.adjustment != "regression" and not alike.all():
        sample.unlike = max(sample.unlike, int((~alike).sum()))
        if not alike.any():
            raise NoOverlapError("no comparison unit is alike in the covariates")
        psi0 = np.zeros(n0)
        estimate, psi1, psi0[alike] = att_score(change, treated, control[alike], sample)
        return estimate, psi1, psi0
    z = _columns(sample.x, np.concatenate([treated, control]))
    z1, z0 = z[:n1], z[n1:]
    predicted1, predicted0, ols0 = np.zeros(n1), np.zeros(n0), np.zeros_like(z0)
    if sample.adjustment != "ipw":
        cross, kept = solve_spd(z0.T @ z0, np.eye(z.shape[1]), np.diag(z.T @ z))
        if len(kept) < z.shape[1]:
            raise NoOverlapError("the comparison units do not span the covariates")
        beta = cross @ (z0.T @ flat)
        predicted1, predicted0 = z1 @ beta, z0 @ beta
        ols0 = (z0 * (flat - predicted0)[:, None]) @ cross
    up, flat = up - predicted1, flat - predicted0
    if sample.adjustment == "regression":
        estimate = float(up.mean())
        return estimate, (up - estimate) / n1, -(ols0 @ z1.mean(axis=0))
    p, spread = sample.logit(z, treated, control)
    if p[:n1].max() > NO_OVERLAP:
        raise NoOverlapError("a treated unit has no counterpart in the covariates")
    p0 = p[n1:]
    odds = np.where(p0 < TRIM, p0 / (1 - p0), 0.0)
    sample.trimmed = max(sample.trimmed, int((p0 >= TRIM).sum()))
    total = odds.sum()
    if total <= 0:
        raise NoOverlapError("no comparison unit is alike in the covariates")
    weight = odds / total
    level = float(weight @ flat)
    slope = (weight * (flat - level)) @ z0  # how the weighted mean moves with the logit
    logit1, logit0 = ((1 - p[:n1, None]) * z1) @ spread, (-p0[:, None] * z0) @ spread
    psi1 = (up - up.mean()) / n1 - logit1 @ slope
    psi0 = -weight * (flat - level) - logit0 @ slope
    psi0 -= ols0 @ (z1.mean(axis=0) - weight @ z0)
    return float(up.mean() - level), psi1, psi0


def _alike(x1: Floats, x0: Floats) -> Bools:
    """Mark comparison units that no yes-or-no covariate sets apart from all treated units."""
    alike = np.ones(len(x0), dtype=np.bool_)
    for one, zero in zip(x1.T, x0.T, strict=True):
        if (one == one[0]).all() and len(np.unique(zero)) <= 2:  # noqa: PLR2004
            alike &= zero == one[0]
    return alike


def _columns(x: Floats, rows: Ints) -> Floats:
    """Return a constant and the scaled covariates of ``rows``, without dependent columns."""
    part = x[rows]
    spread = part.std(axis=0)
    part = (part - part.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    z = np.column_stack([np.ones(len(part)), part])
    _, kept = solve_spd(z.T @ z, np.zeros((z.shape[1], 1)), np.full(z.shape[1], float(len(z))))
    return z[:, kept]


def fit_logit(z: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Fit P(d = 1) = 1/(1 + exp(−z′γ)) by Newton's method.

    Returns
    -------
    p : float array, (n,)
        Fitted probabilities.
    covariance : float array, (k, k)
        Inverse of Σ p(1−p) z z′.

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
    gamma = np.zeros(z.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ gamma, -50, 50)))
        information = z.T @ (z * (p * (1 - p))[:, None])
        covariance, kept = solve_spd(information, np.eye(len(gamma)), np.diag(z.T @ z))
        if len(kept) < len(gamma):
            raise NoOverlapError("the covariates separate the treated from the comparison")
        step = covariance @ (z.T @ (d - p))
        gamma += step
        if np.abs(step).max() < 1e-11 * (1 + np.abs(gamma).max()):
            return p, covariance
    raise NoOverlapError("the covariates separate the treated from the comparison")
