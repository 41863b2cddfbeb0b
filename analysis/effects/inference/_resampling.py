"""What the tests share: the record of a resampled estimate, cluster codes, usable rows."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._frame import TIE
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SEED = 20241231
"""Seed of every sampled test that is not given another one."""


@dataclass(frozen=True, repr=False)
class ResampledEstimate(Estimate):
    """An estimate whose p-value comes from a finite set of re-assignments."""

    n_draws: int = 0
    is_exact: bool = False
    smallest_p: float = math.nan


def cluster_codes(clusters: npt.ArrayLike) -> tuple[Ints, int]:
    """Return one code 0, 1, … a row, and the number of clusters."""
    codes, labels = pd.factorize(pd.Series(clusters), sort=True)
    if (codes < 0).any():
        raise LianjianError(
            f"{int((codes < 0).sum())} of {len(codes)} rows have no cluster. Give every row a "
            "cluster; a village outside all alliances is a cluster of its own."
        )
    if len(labels) < 2:
        raise LianjianError(
            f"There is {len(labels)} cluster; clustered inference compares clusters and needs two "
            "or more. Cluster at a finer level, or use a paired or randomisation test."
        )
    return codes.astype(np.int64), len(labels)


def check_level(level: float) -> None:
    """Check that a confidence level lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise LianjianError(f"The confidence level is {level}; give a number such as 0.95.")


def at_least(values: Floats, threshold: float) -> Bools:
    """Return where values reach a threshold; a tie, which rounding may break, counts as extreme."""
    sizes = np.abs(values[np.isfinite(values)])
    scale = max(abs(threshold), float(np.median(sizes)) if len(sizes) else 0.0)
    reached: Bools = values >= threshold - TIE * scale
    return reached
