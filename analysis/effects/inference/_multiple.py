"""Many outcomes or specifications at once: adjusted p-values."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from analysis.effects.inference._resampling import Floats, at_least
from analysis.errors import LianjianError
from analysis.indicators.tables import amounts


def _checked(p_values: npt.ArrayLike) -> Floats:
    values = amounts(p_values, "The p-value")
    if values.ndim != 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise LianjianError(
            f"The p-values are {values.tolist()}; expected one or more numbers from 0 to 1, none "
            "missing. A test that failed must be left out by name, not passed as NaN."
        )
    return values


def holm(p_values: npt.ArrayLike) -> Floats:
    r"""Return p-values adjusted by Holm's step-down: any false rejection is controlled.

    .. math:: \tilde p_{(j)} = \max_{i \le j} \min\{1, (m - i + 1) p_{(i)}\}

    Parameters
    ----------
    p_values : array-like, shape (m,)
        Unadjusted, in any order, none missing.

    Returns
    -------
    float array, shape (m,)
        In the order given.

    Raises
    ------
    LianjianError
        Empty, missing, or outside 0 to 1.

    Notes
    -----
    Holm 1979, Scandinavian Journal of Statistics 6(2), 65–70. Holds under any dependence.

    Examples
    --------
    3 × .01, 2 × .02, and .04 is no less than that.

    >>> holm([0.01, 0.04, 0.02]).round(12).tolist()
    [0.03, 0.04, 0.04]
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return adjusted.clip(max=1.0)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    r"""Return p-values adjusted by Benjamini and Hochberg: the false discovery rate is controlled.

    .. math:: \tilde p_{(j)} = \min_{i \ge j} \min\{1, m p_{(i)} / i\}

    Parameters
    ----------
    p_values : array-like, shape (m,)
        Unadjusted, in any order, none missing.

    Returns
    -------
    float array, shape (m,)
        In the order given.

    Raises
    ------
    LianjianError
        Empty, missing, or outside 0 to 1.

    Notes
    -----
    Benjamini & Hochberg 1995 (DOI 10.1111/j.2517-6161.1995.tb02031.x). For independent or
    positively dependent tests.

    Examples
    --------
    3 × .01 / 1, 3 × .02 / 2, 3 × .04 / 3.

    >>> benjamini_hochberg([0.01, 0.04, 0.02]).round(12).tolist()
    [0.03, 0.04, 0.03]
    """
    adjusted: Floats = stats.false_discovery_control(_checked(p_values), method="bh")
    return adjusted


def romano_wolf(statistics: npt.ArrayLike, draws: npt.ArrayLike) -> Floats:
    r"""Return p-values adjusted by Romano and Wolf's step-down over dependent tests.

    With statistics in descending order of size, and t* drawn jointly under the null,

    .. math:: \tilde p_{(j)} = \max_{i \le j}
        \frac{1 + \#\{b : \max_{k \ge i} |t^{*b}_{(k)}| \ge |t_{(i)}|\}}{1 + B}

    Parameters
    ----------
    statistics : array-like, shape (m,)
        Observed t statistics.
    draws : array-like, shape (B, m)
        Statistics of the same tests in B draws that share each draw's weights or assignment, so
        that their dependence is kept. Centre bootstrap draws at the estimate: (b* − b)/s*.

    Returns
    -------
    float array, shape (m,)
        In the order given; no smaller than 1/(1 + B).

    Raises
    ------
    LianjianError
        Shapes do not fit, or a value is missing.

    Notes
    -----
    Romano & Wolf 2005 (DOI 10.1111/j.1468-0262.2005.00615.x); p-values: Romano & Wolf 2016
    (DOI 10.1016/j.spl.2016.02.012), algorithm 4.2. Less strict than Holm when tests are related.

    Examples
    --------
    Of three draws none has a maximum of 3; the second test alone reaches 1 in two draws.

    >>> romano_wolf([3.0, 1.0], [[2.0, 0.5], [0.1, 1.5], [0.3, -1.0]]).tolist()
    [0.25, 0.75]
    """
    observed = np.abs(amounts(statistics, "The statistic"))
    null = np.abs(amounts(draws, "A draw"))
    if observed.ndim != 1 or null.ndim != 2 or null.shape[1:] != observed.shape or not null.size:  # noqa: PLR2004
        raise LianjianError(
            f"Statistics {observed.shape} and draws {null.shape} do not fit; expected (m,), (B, m)."
        )
    if np.isnan(observed).any() or np.isnan(null).any():
        raise LianjianError(
            f"{int(np.isnan(observed).sum())} statistics and {int(np.isnan(null).sum())} draws are "
            "missing. Leave the failing test out by name."
        )
    order = np.argsort(-observed, kind="stable")
    # maxima over the tests that are not yet rejected at each step
    maxima = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    adjusted = np.empty(len(observed))
    worst = 0.0
    for step, test in enumerate(order):
        reached = int(at_least(maxima[:, step], float(observed[test])).sum())
        worst = max(worst, (1 + reached) / (1 + len(null)))
        adjusted[test] = worst
    return adjusted
