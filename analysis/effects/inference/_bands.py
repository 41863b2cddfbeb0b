"""Bands that cover a whole set of effects at once."""

import numpy as np
import scipy

from analysis.effects._clustered import cluster_sums
from analysis.effects.panel import Floats, Panel
from analysis.errors import LianjianError

CHUNK = 4_000_000
"""Signs drawn at a time: 32 MB of float64."""


def critical_value(
    influence: Floats,
    panel: Panel,
    rng: np.random.Generator,
    *,
    draws: int = 999,
    level: float = 0.95,
) -> float:
    """Return the multiple of the standard errors that makes a simultaneous band."""
    if draws < 99:
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
    return float(
        max(np.quantile(np.concatenate(largest), level), scipy.stats.norm.ppf(0.5 + level / 2))
    )
