"""How unequal incomes are: Gini, Theil, mean log deviation, Atkinson, Palma, Lorenz curve.

Zero and negative incomes: no index here is defined with a negative income, so all refuse it.
Gini, Theil T, Palma and the Lorenz curve take zeros; mean log deviation, and Atkinson with
ε ≥ 1, are infinite or at their end with a single zero and refuse it. `usable` applies a stated
rule and counts what it did. All villages weigh the same; missing values are left out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import LianjianError
from analysis.indicators.tables import Floats, amounts


@dataclass(frozen=True)
class Usable:
    """Incomes made fit for an index, with what was done.

    Attributes
    ----------
    incomes : float array, shape (n,)
        Ascending; the unit is that of the incomes.
    n_missing, n_negative, n_zero : int
        Incomes that were missing, negative, or exactly zero as received.
    rule : str
        What was done with them, in words.
    """

    incomes: Floats
    n_missing: int
    n_negative: int
    n_zero: int
    rule: str


def usable(
    incomes: npt.ArrayLike,
    *,
    negatives: Literal["drop", "zero"] = "drop",
    zeros: Literal["keep", "drop"] = "keep",
) -> Usable:
    """Apply a stated rule to zero and negative incomes.

    Parameters
    ----------
    incomes : array-like, shape (m,)
        One income a village; NaN is missing.
    negatives : {"drop", "zero"}
        Leave negative incomes out, or set them to zero.
    zeros : {"keep", "drop"}
        Keep zeros (also those just set), or leave them out.

    Examples
    --------
    >>> result = usable([3.0, 0.0, -1.0, np.nan, 1.0], negatives="zero")
    >>> result.incomes.tolist(), result.n_negative, result.rule
    ([0.0, 0.0, 1.0, 3.0], 1, '1 missing left out; 1 negative set to zero; 1 zero kept')
    """
    values = amounts(incomes, "The income")
    known = np.sort(values[~np.isnan(values)])
    negative, zero = int((known < 0).sum()), int((known == 0).sum())
    missing = len(values) - len(known)
    kept = np.maximum(known, 0) if negatives == "zero" else known[known >= 0]
    if zeros == "drop":
        kept = kept[kept > 0]
    parts = [
        (missing, "missing left out"),
        (negative, "negative set to zero" if negatives == "zero" else "negative left out"),
        (zero, "zero kept" if zeros == "keep" else "zero left out"),
    ]
    words = "; ".join(f"{count} {what}" for count, what in parts if count)
    return Usable(kept, missing, negative, zero, words or "all incomes used")


def _ascending(incomes: npt.ArrayLike, index: str, *, positive: bool = False) -> Floats:
    """Return known incomes in ascending order, or say why the index has no value for them."""
    values = amounts(incomes, f"{index}: the income")
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        raise LianjianError(f"{index}: no income is known.")
    bad = int((values <= 0).sum()) if positive else int((values < 0).sum())
    if bad:
        kind = "zero or negative" if positive else "negative"
        raise LianjianError(
            f"{index} is not defined with {kind} incomes, and {bad} of {len(values)} are. Apply a "
            "stated rule first: inequality.usable."
        )
    if values[-1] == 0:
        raise LianjianError(f"{index}: all {len(values)} incomes are zero.")
    return values


def gini(incomes: npt.ArrayLike, *, small_sample: bool = False) -> float:
    r"""Return the Gini index.

    .. math:: G = \frac{\sum_i \sum_j |x_i - x_j|}{2 n^2 \bar x}

    Parameters
    ----------
    incomes : array-like, shape (n,)
        Not negative, at least one positive; NaN is left out.
    small_sample : bool
        Multiply by n/(n − 1), so that one village holding all gives 1 whatever n is.

    Raises
    ------
    LianjianError
        An income is negative, none is positive, or the small-sample form has one village.

    Notes
    -----
    Gini 1912; the correction is that of Deltas 2003 (DOI 10.1162/rest.2003.85.1.226). Computed
    from ranks: G = 2 Σ i x_(i) / (n Σ x) − (n + 1)/n.

    Examples
    --------
    >>> gini([0.0, 0.0, 0.0, 4.0]), gini([0.0, 0.0, 0.0, 4.0], small_sample=True)
    (0.75, 1.0)
    """
    values = _ascending(incomes, "Gini")
    n = len(values)
    if small_sample and n == 1:
        raise LianjianError("Gini: the small-sample form needs at least two villages.")
    # centred ranks: equal incomes give exactly zero
    ranks = 2 * np.arange(1, n + 1) - n - 1
    index = float(ranks @ (values / values.sum())) / n
    return index * n / (n - 1) if small_sample else index


def theil(incomes: npt.ArrayLike) -> float:
    r"""Return Theil's T, :math:`\frac1n \sum (x_i/\bar x) \ln (x_i/\bar x)`; a zero adds nothing.

    Parameters
    ----------
    incomes : array-like, shape (n,)
        In one unit, not negative, at least one positive; NaN is left out.

    Raises
    ------
    LianjianError
        An income is negative, or none is positive.

    Notes
    -----
    Theil 1967, Economics and Information Theory; x ln x → 0 as x → 0. Its largest value is ln n.

    Examples
    --------
    >>> round(theil([0.0, 2.0]), 6)  # ln 2
    0.693147
    """
    values = _ascending(incomes, "Theil T")
    relative = values / values.mean()
    logs = np.log(relative, out=np.zeros(len(values)), where=relative > 0)
    return float((relative * logs).mean())


def mean_log_deviation(incomes: npt.ArrayLike) -> float:
    r"""Return the mean log deviation (Theil L), :math:`\frac1n \sum \ln (\bar x / x_i)`.

    Parameters
    ----------
    incomes : array-like, shape (n,)
        In one unit, all positive; NaN is left out.

    Raises
    ------
    LianjianError
        An income is zero or negative, or none is given.

    Notes
    -----
    Bourguignon 1979 (DOI 10.2307/1914138). It is infinite with a zero, which is refused.

    Examples
    --------
    >>> round(mean_log_deviation([1.0, 4.0]), 6)  # ln(2.5) − ln(4)/2
    0.223144
    """
    values = _ascending(incomes, "Mean log deviation", positive=True)
    return float(np.log(values.mean()) - np.log(values).mean())


def atkinson(incomes: npt.ArrayLike, epsilon: float = 0.5) -> float:
    r"""Return Atkinson's index.

    .. math:: A = 1 - \frac1{\bar x} \Big(\frac1n \sum x_i^{1-ε}\Big)^{1/(1-ε)}

    and 1 − (geometric mean)/(mean) at ε = 1.

    Parameters
    ----------
    incomes : array-like, shape (n,)
        Not negative; positive when ε ≥ 1.
    epsilon : float
        Aversion to inequality, above 0.

    Raises
    ------
    LianjianError
        ε is not above 0, an income is negative, or zero with ε ≥ 1.

    Notes
    -----
    Atkinson 1970 (DOI 10.1016/0022-0531(70)90039-6).

    Examples
    --------
    >>> round(atkinson([1.0, 9.0], 0.5), 6), round(atkinson([1.0, 9.0], 1.0), 6)  # 4/5, 3/5 left
    (0.2, 0.4)
    """
    if not epsilon > 0:
        raise LianjianError(f"Atkinson: ε is {epsilon}; it must be above 0.")
    values = _ascending(incomes, f"Atkinson with ε = {epsilon:g}", positive=epsilon >= 1)
    relative = values / values.mean()
    if epsilon == 1:
        return float(1 - np.exp(np.log(relative).mean()))
    return float(1 - (relative ** (1 - epsilon)).mean() ** (1 / (1 - epsilon)))


def palma(incomes: npt.ArrayLike) -> float:
    """Return the income of the richest tenth over that of the poorest four tenths.

    Parameters
    ----------
    incomes : array-like, shape (n,)
        Not negative; NaN is left out.

    Raises
    ------
    LianjianError
        An income is negative, or the poorest four tenths have none.

    Notes
    -----
    Palma 2011 (DOI 10.1111/j.1467-7660.2011.01694.x). A village on a boundary counts by its part,
    that is, shares are read from the Lorenz curve by linear interpolation.

    Examples
    --------
    >>> palma([1.0] * 9 + [8.0])  # 8 over 4
    2.0
    """
    values = _ascending(incomes, "Palma ratio")
    curve = np.concatenate([[0.0], np.cumsum(values)])
    # places in villages, not in shares, so that whole villages are met exactly
    low, high = np.interp([0.4 * len(values), 0.9 * len(values)], np.arange(len(curve)), curve)
    if low == 0:
        raise LianjianError(
            "Palma ratio: the poorest four tenths have no income, so the ratio is infinite. Use "
            "the Gini index, or give the two shares."
        )
    return float((curve[-1] - high) / low)


def lorenz(incomes: npt.ArrayLike) -> pd.DataFrame:
    """Return the Lorenz curve: ``villages_pct, income_pct``, from 0 to 100, poorest first.

    Parameters
    ----------
    incomes : array-like, shape (n,)
        In one unit, not negative, at least one positive; NaN is left out.

    Raises
    ------
    LianjianError
        An income is negative, or none is positive.

    Examples
    --------
    >>> lorenz([3.0, 1.0]).to_numpy().tolist()
    [[0.0, 0.0], [50.0, 25.0], [100.0, 100.0]]
    """
    values = _ascending(incomes, "Lorenz curve")
    curve = np.concatenate([[0.0], np.cumsum(values)])
    return pd.DataFrame(
        {
            "villages_pct": np.linspace(0, 100, len(curve)),
            "income_pct": curve / curve[-1] * 100,
        }
    )
