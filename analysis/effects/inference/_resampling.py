"""What the tests share: the record of a resampled estimate, cluster codes, usable rows."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.effects.results import Estimate
from analysis.errors import LianjianError
from analysis.indicators.tables import TIE

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SEED = 20241231
"""Seed of every sampled test that is not given another one."""


@dataclass(frozen=True, repr=False)
class ResampledEstimate(Estimate):
    """An estimate whose p-value comes from a finite set of re-assignments.

    Attributes
    ----------
    n_draws : int
        Re-assignments used, the observed one included when all were enumerated.
    is_exact : bool
        Whether all re-assignments were enumerated.
    smallest_p : float
        The smallest p-value that this test can return with so few pairs, clusters or draws.
    """

    n_draws: int = 0
    is_exact: bool = False
    smallest_p: float = math.nan


def cluster_codes(clusters: npt.ArrayLike) -> tuple[Ints, int]:
    """Return one code 0, 1, … a row, and the number of clusters.

    Codes follow the sorted labels, so neither the order of the rows nor the hash seed matters.

    Parameters
    ----------
    clusters : array-like, shape (n,)
        Labels: numbers or text, none missing.

    Raises
    ------
    LianjianError
        A label is missing, or there is only one cluster.

    Examples
    --------
    >>> codes, number = cluster_codes(["b", "a", "b"])
    >>> codes.tolist(), number
    ([1, 0, 1], 2)
    """
    codes, labels = pd.factorize(pd.Series(clusters), sort=True)
    if (codes < 0).any():
        raise LianjianError(
            f"{int((codes < 0).sum())} of {len(codes)} rows have no cluster. Give every row a "
            "cluster; a village outside all alliances is a cluster of its own."
        )
    if len(labels) < 2:  # noqa: PLR2004
        raise LianjianError(
            f"There is {len(labels)} cluster; clustered inference compares clusters and needs two "
            "or more. Cluster at a finer level, or use a paired or randomisation test."
        )
    return codes.astype(np.int64), len(labels)


def check_level(level: float) -> None:
    """Check that a confidence level lies strictly between 0 and 1.

    Raises
    ------
    LianjianError
        It does not.

    Examples
    --------
    >>> check_level(95)
    Traceback (most recent call last):
    analysis.errors.LianjianError: The confidence level is 95; give a number such as 0.95.
    """
    if not 0 < level < 1:
        raise LianjianError(f"The confidence level is {level}; give a number such as 0.95.")


def at_least(values: Floats, threshold: float) -> Bools:
    """Return where values reach a threshold; a tie, which rounding may break, counts as extreme.

    Parameters
    ----------
    values : float array
        Statistics of the re-assignments, of which large ones are extreme.
    threshold : float
        The observed statistic. What is left of a zero by rounding is small beside the median of
        the others, and ties with zero.

    Examples
    --------
    >>> at_least(np.array([1.0, 3.0 - 1e-12, 2.9]), 3.0).tolist()
    [False, True, False]
    >>> at_least(np.array([0.0, 1.0, 1.0]), 1e-16).tolist()
    [True, True, True]
    """
    sizes = np.abs(values[np.isfinite(values)])
    scale = max(abs(threshold), float(np.median(sizes)) if len(sizes) else 0.0)
    reached: Bools = values >= threshold - TIE * scale
    return reached
