"""An event study as sensitivity analysis needs it: coefficients around a reference period."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.effects.inference._resampling import Floats
from analysis.errors import LianjianError


@dataclass(frozen=True)
class EventStudy:
    """Coefficients of an event study around its reference period.

    Attributes
    ----------
    pre : float array, shape (a,)
        Coefficients of the periods before the reference, in order of time, outcome units.
    post : float array, shape (b,)
        Coefficients after the reference, in order of time.
    covariance : float array, shape (a + b, a + b)
        Their covariance, before then after.
    """

    pre: Floats
    post: Floats
    covariance: Floats


def event_study(
    event_time: npt.ArrayLike,
    coefficients: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    reference: int = -1,
) -> EventStudy:
    """Return the coefficients sorted around the reference period.

    Parameters
    ----------
    event_time : array-like of int, shape (k,)
        Event time of each coefficient, in any order. With the reference they must be consecutive:
        a missing period would make one step of the trend twice as long.
    coefficients : array-like, shape (k,)
        Estimates, outcome units. The reference may be among them and is dropped.
    covariance : array-like, shape (k, k)
        Their covariance.
    reference : int
        Event time normalised to zero.

    Raises
    ------
    LianjianError
        Shapes differ, values missing, a gap or a repeat in event time, nothing before or after, or
        a covariance that is no covariance.

    Examples
    --------
    >>> study = event_study([0, -2], [3.0, 1.0], [[4, 0], [0, 1]])
    >>> study.pre.tolist(), study.post.tolist(), study.covariance.diagonal().tolist()
    ([1.0], [3.0], [1.0, 4.0])
    """
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
    expected = [t for t in range(int(times[0]), int(times[-1]) + 1) if t != reference]
    if times.tolist() != expected:
        raise LianjianError(
            f"Event times are {times.tolist()}; expected {expected}, each once. Estimate the "
            "missing periods or cut the window to consecutive ones."
        )
    if not np.isfinite(beta).all() or not np.isfinite(sigma).all():
        raise LianjianError("A coefficient or covariance is missing; drop that period's end.")
    size = np.abs(sigma).max()
    if not np.allclose(sigma, sigma.T, atol=1e-8 * size) or (
        np.linalg.eigvalsh((sigma + sigma.T) / 2)[0] < -1e-8 * size
    ):
        raise LianjianError("The covariance is not symmetric and positive semidefinite.")
    return EventStudy(beta[:before], beta[before:], (sigma + sigma.T) / 2)
