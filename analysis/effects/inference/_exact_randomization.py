"""Randomisation inference: who joined when, drawn again within strata."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.effects.inference._resampling import SEED, Bools, Floats, Ints, at_least
from analysis.errors import LianjianError

ENUMERATE = 20_000
"""Up to so many different assignments all of them are tried."""
DRAWS = 1_999
"""Sampled assignments otherwise: a statistic refits an estimator, which takes its time."""

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, repr=False)
class RandomisationTest:
    """A test of no effect on any village, by re-assigning treatment.

    Attributes
    ----------
    observed : float
        The statistic of the assignment that took place.
    p_value : float
        Share of assignments at least as extreme.
    distribution : float array, shape (n_draws,)
        The statistic under each assignment tried; NaN where it could not be computed.
    n_assignments : int
        Different assignments that respect the strata and the timing.
    n_draws : int
        Assignments tried, the observed one included when all were.
    is_exact : bool
        Whether all were tried.
    smallest_p : float
        The least p-value that this design can give against ``alternative``.
    alternative : str
        Which statistics are extreme.
    notes : tuple of str
        What a reader must know.
    """

    observed: float
    p_value: float
    distribution: Floats
    n_assignments: int
    n_draws: int
    is_exact: bool
    smallest_p: float
    alternative: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        how = "all" if self.is_exact else "sampled"
        return (
            f"statistic {self.observed:.4g}, p = {self.p_value:.3g} ({self.alternative}); "
            f"{how} {self.n_draws:,} of {self.n_assignments:,} assignments; "
            f"no p under {self.smallest_p:.3g} is possible"
        )


def _codes(values: npt.ArrayLike | None, n: int) -> Ints:
    if values is None:
        return np.zeros(n, dtype=np.int64)
    codes = pd.factorize(pd.Series(values), sort=True, use_na_sentinel=False)[0].astype(np.int64)
    if len(codes) != n:
        raise LianjianError(f"There are {len(codes)} strata for {n} alliances; expected one each.")
    return codes


def count_assignments(timing: npt.ArrayLike, strata: npt.ArrayLike | None = None) -> int:
    """Return how many assignments keep the number of each timing in each stratum.

    Parameters
    ----------
    timing : array-like, shape (G,)
        Year of joining of each alliance or candidate; missing or 0 for those that never join.
    strata : array-like, shape (G,), optional
        County, say, within which timings are exchanged.

    Raises
    ------
    LianjianError
        There is no alliance, or not one stratum each.

    Examples
    --------
    Two of four join in one county, one of three in another: 6 × 3.

    >>> count_assignments([1, 1, 0, 0, 1, 0, 0], ["a"] * 4 + ["b"] * 3)
    18
    """
    times = pd.factorize(pd.Series(timing), sort=True, use_na_sentinel=False)[0]
    if not len(times):
        raise LianjianError("There is no alliance whose timing could be assigned.")
    groups = _codes(strata, len(times))
    number = 1
    for group in range(int(groups.max()) + 1):
        counts = np.bincount(times[groups == group])
        number *= math.factorial(int(counts.sum())) // math.prod(math.factorial(c) for c in counts)
    return number


def _arrangements(items: Ints) -> Iterator[tuple[int, ...]]:
    """Yield every different order of items that may repeat, in ascending order."""
    current = sorted(items.tolist())
    while True:
        yield tuple(current)
        i = len(current) - 2
        while i >= 0 and current[i] >= current[i + 1]:
            i -= 1
        if i < 0:
            return
        j = len(current) - 1
        while current[j] <= current[i]:
            j -= 1
        current[i], current[j] = current[j], current[i]
        current[i + 1 :] = current[:i:-1]


def assignments(
    timing: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    enumerate_up_to: int = ENUMERATE,
    rng: np.random.Generator | int = SEED,
) -> Iterator[npt.NDArray[Any]]:
    """Yield the timing of every alliance under each assignment.

    Parameters
    ----------
    timing : array-like, shape (G,)
        Year of joining of each alliance or candidate; missing or 0 for those that never join.
    strata : array-like, shape (G,), optional
        Within which timings are exchanged.
    draws : int
        Random assignments when there are more than ``enumerate_up_to``; all of them otherwise.
    enumerate_up_to : int
        See above.
    rng : Generator or int
        Source of random assignments.

    Yields
    ------
    array, shape (G,)
        A new array each time, of the type of ``timing``.

    Examples
    --------
    >>> [a.tolist() for a in assignments([2022, 0, 0])]
    [[0, 0, 2022], [0, 2022, 0], [2022, 0, 0]]
    """
    times = np.asarray(timing)
    codes, labels = pd.factorize(pd.Series(timing), sort=True, use_na_sentinel=False)
    values = np.asarray(labels).astype(times.dtype)
    groups = _codes(strata, len(times))
    members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    if count_assignments(timing, strata) <= enumerate_up_to:
        for parts in product(*(list(_arrangements(codes[rows])) for rows in members)):
            assigned = np.empty(len(codes), dtype=np.int64)
            for rows, part in zip(members, parts, strict=True):
                assigned[rows] = part
            yield values[assigned]
        return
    generator = np.random.default_rng(rng)
    for _ in range(draws):
        assigned = codes.copy()
        for rows in members:
            assigned[rows] = generator.permutation(codes[rows])
        yield values[assigned]


def _extreme(values: Floats, observed: float, alternative: str) -> Bools:
    if alternative == "two-sided":
        reached = at_least(np.abs(values), abs(observed))
    else:
        sign = 1 if alternative == "greater" else -1
        reached = at_least(sign * values, sign * observed)
    extreme: Bools = reached | np.isnan(values)
    return extreme


def randomisation_test(
    timing: npt.ArrayLike,
    statistic: Callable[[npt.NDArray[Any]], float],
    *,
    strata: npt.ArrayLike | None = None,
    alternative: Alternative = "two-sided",
    draws: int = DRAWS,
    enumerate_up_to: int = ENUMERATE,
    rng: np.random.Generator | int = SEED,
) -> RandomisationTest:
    r"""Test that treatment changed no outcome, by assigning the timing of alliances again.

    .. math:: p = |Ω|^{-1} \, \#\{w \in Ω : |T(w)| \ge |T(w_{obs})|\}

    Ω holds the assignments with the same number of each timing in each stratum. All are tried when
    they are few; otherwise a sample, with p = (1 + count)/(1 + draws).

    Parameters
    ----------
    timing : array-like, shape (G,)
        Year of joining of each alliance and of each candidate that could have been one; missing or
        0 for never.
    statistic : callable
        Takes a timing array of shape (G,) and returns a number, e.g. an estimate on a frame whose
        years of joining are ``timing[alliance_of_row]``. A studentised one (t) is also valid when
        effects differ between villages and only their mean is zero, in large samples.
    strata : array-like, shape (G,), optional
        Timings are exchanged within a stratum only.
    alternative : {"two-sided", "greater", "less"}
        Which statistics count as extreme; two-sided compares sizes, so it expects a statistic that
        is centred at zero without effect.
    draws, enumerate_up_to, rng
        As for `assignments`. A sample depends on the order of the alliances: sort them first.

    Returns
    -------
    RandomisationTest

    Raises
    ------
    LianjianError
        Only one assignment respects the strata, or the observed statistic is missing.

    Notes
    -----
    Fisher 1935; Imbens & Rubin 2015, Causal Inference, ch. 5; with staggered timing: Roth &
    Sant'Anna 2023 (DOI 10.1086/726581). An assignment whose statistic is missing counts as extreme,
    and a note says how many.

    Examples
    --------
    One of four alliances is treated and has the largest outcome: p = 1/4.

    >>> outcome = np.array([9.0, 1.0, 3.0, 2.0])
    >>> def treated_mean(w):
    ...     return outcome[w == 1].mean()
    >>> test = randomisation_test([1, 0, 0, 0], treated_mean, alternative="greater")
    >>> test.p_value, test.n_assignments
    (0.25, 4)
    """
    if alternative not in {"two-sided", "greater", "less"}:
        raise LianjianError(f"The alternative is {alternative!r}; two-sided, greater or less.")
    times = np.asarray(timing)
    number = count_assignments(timing, strata)
    if number == 1:
        raise LianjianError(
            "Only the observed assignment respects the strata and the timing. Add candidate "
            "alliances that could have joined, or use wider strata."
        )
    observed = float(statistic(times.copy()))
    if math.isnan(observed):
        raise LianjianError("The statistic of the observed assignment is missing.")
    tried = assignments(timing, strata, draws=draws, enumerate_up_to=enumerate_up_to, rng=rng)
    values = np.array([float(statistic(assigned)) for assigned in tried])
    exact = number <= enumerate_up_to
    count = int(_extreme(values, observed, alternative).sum())
    missing = int(np.isnan(values).sum())
    notes = (f"{missing} assignments gave no statistic and count as extreme",) * bool(missing)
    return RandomisationTest(
        observed=observed,
        p_value=count / len(values) if exact else (1 + count) / (1 + len(values)),
        distribution=values,
        n_assignments=number,
        n_draws=len(values),
        is_exact=exact,
        smallest_p=1 / number if exact else 1 / (1 + len(values)),
        alternative=alternative,
        notes=notes,
    )
