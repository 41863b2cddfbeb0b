"""Few pairs: Wilcoxon's signed-rank test with its Hodges–Lehmann interval."""

import math

import numpy as np
import numpy.typing as npt
import scipy

from analysis._evidence import stays_inside
from analysis._frame import TIE, check_level
from analysis.effects._stands_on import PAIRS
from analysis.effects.inference._resampling import at_least
from analysis.effects.inference.paired import known_pairs, limit_note
from analysis.effects.results import LEVEL, Estimate, Floats
from analysis.errors import LianjianError

EXACT_RANKS = 50
"""Up to here the signed-rank distribution is exact (as in R)."""


def _tied(sizes: Floats) -> Floats:
    """Return sizes with those that differ by rounding alone made equal, and to 0 if that is it."""
    order = np.argsort(sizes, kind="stable")
    steps = np.diff(sizes[order], prepend=0.0) > TIE * sizes.max()
    equal = np.empty_like(sizes)
    equal[order] = np.append(0.0, sizes[order][steps])[np.cumsum(steps)]
    return equal


def _signed_rank_counts(ranks: Floats) -> Floats:
    """Return how many sign patterns give each sum of positive doubled ranks."""
    doubled = np.rint(2 * ranks).astype(int)
    counts = np.zeros(int(doubled.sum()) + 1)
    counts[0] = 1
    for rank in doubled:
        moved = np.zeros_like(counts)
        moved[rank:] = counts[: len(counts) - rank]
        counts = counts + moved
    return counts


def signed_rank(differences: npt.ArrayLike, *, level: float = LEVEL) -> Estimate:
    """Test symmetry about zero by Wilcoxon's signed ranks; interval from Walsh averages."""
    check_level(level)
    values, notes = known_pairs(differences)
    sizes = _tied(np.abs(values))
    zeros = int((sizes == 0).sum())
    if zeros == len(values):
        raise LianjianError("All differences are zero: there is no rank to compare.")
    if zeros:
        notes += (f"{zeros} of {len(values)} differences are zero and dropped",)
    known, sizes = values[sizes > 0], sizes[sizes > 0]
    n = len(known)
    ranks = scipy.stats.rankdata(sizes)
    ties = len(np.unique(sizes)) < n
    if ties:
        notes += ("tied differences share their mean rank",)
    exact = n <= EXACT_RANKS
    if exact and ties:
        counts = _signed_rank_counts(ranks)
        sums = np.arange(len(counts)) / 2
        middle = ranks.sum() / 2
        extreme = at_least(np.abs(sums - middle), abs(ranks[known > 0].sum() - middle))
        p_value = float(counts[extreme].sum() / counts.sum())
    else:
        method = "exact" if exact else "asymptotic"
        signed = np.copysign(sizes, known)
        p_value = float(scipy.stats.wilcoxon(signed, correction=True, method=method).pvalue)
    row, column = np.triu_indices(n)
    walsh = np.sort((known[row] + known[column]) / 2)
    low, high = _walsh_interval(walsh, n, 1 - level, exact=exact)
    smallest = min(1.0, 2 / 2.0**n) if exact else 0.0
    middle = float(np.median(walsh))
    stays_inside(PAIRS, middle, low, high, p_value)
    return Estimate(
        name="median paired difference (Hodges–Lehmann)",
        estimate=middle,
        std_error=math.nan,
        low=low,
        high=high,
        p_value=min(p_value, 1.0),
        level=level,
        df=math.nan,
        n_obs=n,
        n_units=n,
        n_clusters=n,
        inference=f"Wilcoxon signed ranks, {'exact' if exact else 'normal approximation'}",
        notes=notes + limit_note(level, smallest, n),
        smallest_p=smallest,
    )


def _walsh_interval(walsh: Floats, n: int, alpha: float, *, exact: bool) -> tuple[float, float]:
    if exact:
        counts = _signed_rank_counts(np.arange(1.0, n + 1))[::2]
        tails = np.cumsum(counts) / counts.sum()
        rank = int((tails <= alpha / 2 * (1 + TIE)).sum())
    else:
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        rank = max(0, math.floor(n * (n + 1) / 4 - scipy.stats.norm.ppf(1 - alpha / 2) * spread))
    if rank == 0:
        return -math.inf, math.inf
    return float(walsh[rank - 1]), float(walsh[-rank])
