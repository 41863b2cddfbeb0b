"""Bands that cover a whole set of effects at once."""

import numpy as np
from scipy import stats

from analysis.effects.panel import Floats, Panel
from analysis.effects.series import cluster_sums
from analysis.errors import LianjianError

CHUNK = 4_000_000
"""Signs drawn at a time: 32 MB of float64."""


def critical_value(
    influence: Floats, panel: Panel, rng: np.random.Generator, *, draws: int = 999,
    level: float = 0.95,
) -> float:  # fmt: skip
    """Return the multiple of the standard errors that makes a simultaneous band.

    Parameters
    ----------
    influence : float array, (N, K)
        Influence functions with variance Σψ².
    panel : Panel
        Gives the clusters.
    rng : Generator
        Source of the draws.
    draws : int
        Bootstrap draws.
    level : float
        Probability that the band covers all K effects.

    Raises
    ------
    LianjianError
        Fewer than 99 draws, or no effect with a positive standard error.

    Notes
    -----
    The ``level`` quantile of max_k |Σ_c s_c ψ_ck| / σ_k over Rademacher signs s_c by cluster, and
    no less than the normal pointwise value (Callaway & Sant'Anna 2021, algorithm 1).

    Examples
    --------
    >>> panel = Panel(np.zeros((400, 2)), np.arange(2), np.zeros(400, int), np.arange(400),
    ...               np.empty((400, 0)), (), np.arange(400).astype(object), "y", "unit")
    >>> influence = np.random.default_rng(1).normal(size=(400, 5))
    >>> round(critical_value(influence, panel, np.random.default_rng(2), draws=1999), 1)
    2.6
    """
    if draws < 99:  # noqa: PLR2004
        raise LianjianError(f"{draws} draws cannot place a quantile; take 999 or more.")
    sums = cluster_sums(influence, panel.cluster)
    sigma = np.sqrt((sums**2).sum(axis=0))
    if not (sigma > 0).any():
        raise LianjianError("All standard errors are zero, so there is no band.")
    sums = np.ascontiguousarray(sums[:, sigma > 0] / sigma[sigma > 0])
    groups, total = len(sums), sums.sum(axis=0)
    size = max(1, CHUNK // groups)
    largest = []
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        bits = rng.integers(0, 256, (rows, -(-groups // 8)), dtype=np.uint8)
        plus = np.unpackbits(bits, axis=1, count=groups).astype(np.float64)
        largest.append(np.abs(2 * (plus @ sums) - total).max(axis=1))
    return float(max(np.quantile(np.concatenate(largest), level), stats.norm.ppf(0.5 + level / 2)))
