"""An event study as sensitivity analysis needs it: coefficients around a reference period."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.effects.results import Floats
from analysis.errors import LianjianError


@dataclass(frozen=True)
class EventStudy:
    """Coefficients of an event study around its reference period."""

    pre: Floats  # (a,)
    post: Floats  # (b,)
    covariance: Floats  # (a + b, a + b)


def around_reference(
    event_time: npt.ArrayLike,
    coefficients: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    reference: int = -1,
) -> EventStudy:
    """Return the coefficients sorted around the reference period."""
    times = np.asarray(event_time)
    beta, sigma = np.asarray(coefficients, dtype=float), np.asarray(covariance, dtype=float)
    if beta.ndim != 1 or times.shape != beta.shape or sigma.shape != (len(beta), len(beta)):
        raise LianjianError(
            f"Event times {times.shape}, coefficients {beta.shape} and covariance {sigma.shape} do "
            "not fit; expected (k,), (k,) and (k, k)."
        )
    kept = np.flatnonzero(times != reference)
    kept = kept[np.argsort(times[kept], kind="stable")]
    times, beta, sigma = times[kept], beta[kept], sigma[np.ix_(kept, kept)]
    before = int((times < reference).sum())
    if not 0 < before < len(times):
        raise LianjianError(
            f"{before} coefficients before and {len(times) - before} after the reference "
            f"{reference}; both are needed: the trend before is what bounds the trend after."
        )
    steps = np.diff(np.sort(np.append(times, reference)))
    if len(set(steps.tolist())) > 1 or not steps[0]:
        raise LianjianError(
            f"Event times are {times.tolist()} around the reference {reference}; expected each "
            "once and equally far apart, or a step of the trend would count for several. Estimate "
            "the missing periods, or begin after them: earliest=…."
        )
    if not np.isfinite(beta).all() or not np.isfinite(sigma).all():
        raise LianjianError("A coefficient or covariance is missing; drop that period's end.")
    size = np.abs(sigma).max()
    if not np.allclose(sigma, sigma.T, atol=1e-8 * size) or (
        np.linalg.eigvalsh((sigma + sigma.T) / 2)[0] < -1e-8 * size
    ):
        raise LianjianError("The covariance is not symmetric and positive semidefinite.")
    return EventStudy(beta[:before], beta[before:], (sigma + sigma.T) / 2)
