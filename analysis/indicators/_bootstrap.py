"""Bootstrap intervals of a number, by villages or by clusters of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis._frame import Floats, amounts, check_level
from analysis.errors import LianjianError
from analysis.indicators._stands_on import keep_index

_FEWEST_DRAWS = 99
_FEW = 20
"""Under this many villages or clusters a bootstrap is a rough guide only."""


@dataclass(frozen=True)
class Bootstrap:
    """A number with its interval, in the unit of the statistic, and what a reader must know."""

    estimate: float
    std_error: float
    low: float
    high: float
    level: float
    n: int
    n_clusters: int
    draws: int
    note: str = ""


def bootstrap(
    values: pd.Series,
    statistic: Callable[[Floats], float],
    rng: np.random.Generator,
    *,
    clusters: pd.Series | None = None,
    draws: int = 999,
    level: float = 0.95,
) -> Bootstrap:
    """Return a statistic with its percentile bootstrap interval.

    Parameters
    ----------
    values : Series, shape (n,)
        One value a village, in any unit; missing ones are left out.
    statistic : callable
        From an array of values to a number, such as :func:`gini`.
    rng : Generator
        Source of the draws.
    clusters : Series, optional
        Cluster of each village (township, alliance): whole clusters are drawn, which is right when
        incomes of a cluster move together.
    draws : int
        Resamples, at least 99.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    Bootstrap
        ``estimate, std_error, low, high`` in the unit of the statistic, ``n`` values,
        ``n_clusters`` drawn (values, when there are none), ``draws``, and a ``note`` where they
        are few.

    Raises
    ------
    LianjianError
        Fewer than two values or clusters, or a village without a cluster.

    Notes
    -----
    Efron 1979 (DOI 10.1214/aos/1176344552). Villages stand for a population here; where the books
    of *all* villages are known, the interval speaks of the process that made them, not of villages
    that were missed. Rows and cluster names may come in any order: values are sorted first.

    Examples
    --------
    >>> result = bootstrap(pd.Series([1.0, 1.0, 1.0]), np.mean, np.random.default_rng(1))
    >>> result.estimate, result.low, result.high
    (1.0, 1.0, 1.0)
    >>> result.note
    '3 villages are few: read the interval as a rough guide'
    """
    if draws < _FEWEST_DRAWS:
        raise LianjianError(f"{draws} draws cannot place an interval; take 999 or more.")
    check_level(level)
    given = pd.Series(values)
    known = pd.Series(amounts(given, "The values"), given.index).dropna()
    if clusters is None:
        blocks = list(np.sort(known.to_numpy())[:, None])
    else:
        names = clusters.reindex(known.index)
        if names.isna().any():
            raise LianjianError(f"{int(names.isna().sum())} villages have no cluster.")
        groups = known.groupby(names, observed=True)
        blocks = [np.sort(group.to_numpy()) for _, group in groups]
        # by content, so that new names for the clusters change nothing
        blocks.sort(key=lambda block: (len(block), tuple(block)))
    drawn = "village" if clusters is None else "cluster"
    if len(blocks) < 2:
        raise LianjianError(
            f"{len(blocks)} {drawn} cannot be resampled; there must be at least two."
        )
    found = np.empty(draws)
    for draw in range(draws):
        chosen = rng.integers(0, len(blocks), len(blocks))
        drawn_values = np.concatenate([blocks[number] for number in chosen])
        try:
            found[draw] = statistic(drawn_values)
        except LianjianError as why:
            raise LianjianError(
                f"One of {draws} draws of {len(blocks)} {drawn}s has no value: {why}"
            ) from why
    if none := int(np.isnan(found).sum()):
        raise LianjianError(f"The statistic has no value in {none} of {draws} draws.")
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    few = f"{len(blocks)} {drawn}s are few: read the interval as a rough guide"
    estimate, error = float(statistic(np.concatenate(blocks))), float(found.std(ddof=1))
    keep_index(estimate, statistic, values, error=error, ends=(float(low), float(high)))
    return Bootstrap(
        estimate=estimate,
        std_error=error,
        low=float(low),
        high=float(high),
        level=level,
        n=len(known),
        n_clusters=len(blocks),
        draws=draws,
        note=few if len(blocks) < _FEW else "",
    )
