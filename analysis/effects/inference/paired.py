"""Few pairs: sign-flip test and BCa interval of the mean difference."""

import math

import numpy as np
import numpy.typing as npt
import scipy

from analysis._evidence import keep_sum, stays_inside
from analysis._frame import TIE, amounts, check_level
from analysis.effects._stands_on import PAIRS
from analysis.effects.inference._resampling import SEED
from analysis.effects.results import Estimate, Floats
from analysis.errors import LianjianError

EXACT_PAIRS = 20
"""Up to here all 2^n sign patterns are enumerated: a million sums."""
DRAWS = 99_999
"""Sampled sign patterns above that."""
RESAMPLES = 9_999
"""Bootstrap resamples of the BCa interval."""
MEAN = "mean paired difference"
FEW_PAIRS = 10
"""Under this a bootstrap interval is a rough guide only."""


def known_pairs(differences: npt.ArrayLike) -> tuple[Floats, tuple[str, ...]]:
    """Return the differences that are known, sorted, and a note on those dropped."""
    values = amounts(differences, "The difference")
    if values.ndim != 1:
        raise LianjianError(f"The differences have shape {values.shape}; expected one a pair.")
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        raise LianjianError(
            f"None of {len(values)} pairs has a difference: both values are needed."
        )
    dropped = len(values) - len(known)
    return known, (f"{dropped} of {len(values)} pairs dropped: a value is missing",) * bool(dropped)


def _subset_sums(values: Floats) -> Floats:
    """Return the sum of every subset, in binary order."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


def limit_note(level: float, smallest: float, n: int) -> tuple[str, ...]:
    """Return a note when so few pairs can never reject."""
    if smallest <= 1 - level + TIE:
        return ()
    note = (
        f"with {n} pairs no p-value under {smallest:.4g} is possible: the test cannot reject at "
        f"{1 - level:.3g}, and the interval at {level:.0%} is the whole line"
    )
    return (note,)


def sign_flip(
    differences: npt.ArrayLike,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
) -> Estimate:
    """Test a zero mean difference by flipping signs; invert the test for the interval."""
    # If the two members of each pair were exchangeable, every sign pattern s was as likely as the
    # one observed: p = 2⁻ⁿ #{s: |Σ s d| ≥ |Σ d|} (Fisher 1935, The Design of Experiments, ch. 3).
    # Up to 20 pairs all patterns are counted; above, sampled ones with p = (1 + count)/(1 + draws).
    # A zero difference stays: both its signs give the same sum, so p does not change, the mean
    # does. The interval holds the shifts θ for which the test of d − θ has p above 1 − level.
    # Flipping the pairs outside S turns the sum A + B into A − B; that is at least as extreme when
    # A and B have opposite signs, i.e. when θ lies between the means of S and of its complement:
    # its ends are means of subsets of pairs, found by counting such splits, not by search.
    check_level(level)
    values, notes = known_pairs(differences)
    n, total = len(values), float(values.sum())
    exact = n <= EXACT_PAIRS
    if exact:
        # the last pair is outside: each split into S and its complement is then seen once
        inside = _subset_sums(values[:-1])
        sizes = _subset_sums(np.ones(n - 1))
    else:
        flips = np.random.default_rng(rng).random((draws, n)) < 1 / 2
        inside, sizes = flips @ values, flips.sum(axis=1).astype(float)
    slack = TIE * float(np.abs(values).sum())
    count = int((np.abs(total - 2 * inside) >= abs(total) - slack).sum())
    splits = len(inside)
    p_value = count / splits if exact else (1 + count) / (1 + splits)
    smallest = 2 / 2**n if exact else 1 / (1 + splits)
    low, high = _flip_interval(inside, sizes, total, n, 1 - level, exact=exact)
    zeros = int((values == 0).sum())
    if zeros:
        notes += (f"{zeros} of {n} differences are zero; they are kept",)
    keep_sum(total / n, [(1 / n, value) for value in values.tolist()], n)
    stays_inside(PAIRS, low, high, high - low, p_value, smallest)
    number = 2**n if exact else splits
    return Estimate(
        name=MEAN,
        estimate=total / n,
        std_error=math.nan,
        low=low,
        high=high,
        p_value=p_value,
        level=level,
        df=math.nan,
        n_obs=n,
        n_units=n,
        n_clusters=n,
        inference=f"sign-flip test, {'all' if exact else 'sampled'} {number:,} patterns",
        notes=notes + limit_note(level, smallest, n),
        smallest_p=min(smallest, 1.0),
    )


def _flip_interval(
    inside: Floats, sizes: Floats, total: float, n: int, alpha: float, *, exact: bool
) -> tuple[float, float]:
    """Return the shifts that the test keeps, from the sums and sizes of one side of each split."""
    outside_sizes = n - sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(sizes > 0, inside / sizes, np.nan)
        second = np.where(outside_sizes > 0, (total - inside) / outside_sizes, np.nan)
    # an empty side: the pattern is the observed one or its mirror, extreme under every shift
    trivial = np.isnan(first) | np.isnan(second)
    upper = np.sort(np.where(trivial, np.inf, np.fmax(first, second)))[::-1]
    lower = np.sort(np.where(trivial, -np.inf, np.fmin(first, second)))
    # a shift is kept while more than alpha of the splits (plus one, if sampled) bracket it
    rank = (
        math.floor(alpha * len(inside) + TIE)
        if exact
        else math.floor(alpha * (1 + len(inside)) + TIE) - 1
    )
    rank = min(max(rank, 0), len(inside) - 1)
    return float(lower[rank]), float(upper[rank])


def bca_mean(
    differences: npt.ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = SEED,
) -> Estimate:
    """Return the mean difference with its bias-corrected and accelerated bootstrap interval."""
    # Efron 1987 (DOI 10.1080/01621459.1987.10478410), as in `scipy.stats.bootstrap`. Under about
    # ten pairs the interval is too short; the note says so.
    test = sign_flip(differences, level=level, rng=rng)
    values, notes = known_pairs(differences)
    n = len(values)
    if n < 2:
        raise LianjianError("One pair has no spread to resample. Give at least two, better ten.")
    if np.ptp(values) == 0:
        low = high = float(values[0])
        error = 0.0
        notes += ("all differences are equal: the interval has no width",)
    else:
        result = scipy.stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=resamples,
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(rng),
        )
        low, high = (float(end) for end in result.confidence_interval)
        error = float(result.standard_error)
    if n < FEW_PAIRS:
        notes += (f"{n} pairs: the bootstrap interval is too short, read it as a rough guide",)
    stays_inside(PAIRS, low, high, error)
    return Estimate(
        name=MEAN,
        estimate=float(values.mean()),
        std_error=error,
        low=low,
        high=high,
        p_value=test.p_value,
        level=level,
        df=math.nan,
        n_obs=n,
        n_units=n,
        n_clusters=n,
        inference=f"BCa bootstrap interval, {resamples:,} resamples; p by {test.inference}",
        notes=notes,
        smallest_p=test.smallest_p,
    )
