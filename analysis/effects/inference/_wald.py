"""A joint test of several effects, with the reference that few treated clusters ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from analysis.effects.panel import Bools, Floats, Panel

SINGULAR = 1e10
"""A correlation matrix with a larger condition number is singular."""

BEFORE = "No effect before treatment"
"""What a test of the years before treatment tests."""


@dataclass(frozen=True, repr=False)
class WaldTest:
    """A joint test that several effects are zero.

    Attributes
    ----------
    hypothesis : str
        What is tested.
    statistic : float
        W = θ′V⁻¹θ; NaN when V is singular.
    df, df_resid : float
        Number of effects q, and the degrees of freedom η of their covariance.
    p_value : float
        From W as Hotelling's T² with q and η; NaN only with a note that says why.
    p_chi2 : float
        From W ~ χ²(q), as other packages print it: right for many treated clusters only.
    note : str
        Why there is no test, else empty.
    """

    hypothesis: str
    statistic: float
    df: int
    df_resid: float
    p_value: float
    p_chi2: float
    note: str = ""

    def __repr__(self) -> str:
        if self.note:
            return f"{self.hypothesis}: {self.note}"
        return (
            f"{self.hypothesis}: W = {self.statistic:.4g} on {self.df} effects, "
            f"{self.df_resid:.0f} degrees of freedom, p = {self.p_value:.3g}, χ² p = "
            f"{self.p_chi2:.3g}"
        )


def no_test(hypothesis: str, why: str, *, df: int = 0) -> WaldTest:
    """Return a test that could not be made, with the reason as its note.

    Parameters
    ----------
    hypothesis, why : str
        What would have been tested, and why it was not.
    df : int
        Number of effects.

    Examples
    --------
    >>> print(no_test("No effect before treatment", "no year before"))
    No effect before treatment: not tested: no year before
    """
    nan = float("nan")
    return WaldTest(hypothesis, nan, df, nan, nan, nan, f"not tested: {why}")


def clusters_behind(panel: Panel, units: Iterable[Bools]) -> Bools:
    """Return which clusters hold the treated units of each effect (K, G).

    Parameters
    ----------
    panel : Panel
        Gives the clusters.
    units : iterable of bool arrays (N,)
        The treated units of each of K effects.

    Examples
    --------
    >>> panel = Panel(np.eye(3), np.arange(3), np.array([1, 1, 0]), np.array([0, 0, 1]),
    ...               np.empty((3, 0)), (), np.array([*"abc"], object), "y", "land")
    >>> clusters_behind(panel, [panel.cohort == 1]).tolist()
    [[True, False]]
    """
    return np.stack(
        [np.bincount(panel.cluster[rows], minlength=panel.n_clusters) > 0 for rows in units]
    )


def wald(
    theta: Floats, covariance: Floats, behind: Bools, hypothesis: str, *, df_resid: float = np.inf
) -> WaldTest:
    """Test that all of ``theta`` (q,) are zero.

    Parameters
    ----------
    theta, covariance : float arrays, (q,) and (q, q)
        Effects and their clustered covariance V.
    behind : bool array, (q, G)
        Clusters whose treated units stand behind each effect.
    hypothesis : str
        Put into the record.
    df_resid : float
        The most that η can be, clusters − 1.

    Notes
    -----
    W = θ′V⁻¹θ, and W (η − q + 1)/(ηq) ~ F(q, η − q + 1): the approximate Hotelling test of Tipton &
    Pustejovsky 2015, J. Educ. Behav. Stat. 40(6), DOI 10.3102/1076998615606099, sec. 3.2. η is
    q(q + 1)/Σ_st Var(ω_st) with ω the covariance in units of its expectation: 2/(A_s − 1) for
    s = t and 1/(A_st − 1) otherwise, A_st the treated clusters behind both effects, as a mean over
    A clusters leaves A − 1 degrees of freedom. The control clusters are taken to be many. W shrinks
    by (A − 1)/A, the share of the variance that the least mean leaves. Counting all clusters
    instead, W/q ~ F(q, G − 1), rejects a true hypothesis far too often when few are treated. There
    is no p-value when some effect rests on no more clusters than the effects that share them, plus
    one.

    Examples
    --------
    Ten clusters behind one effect: t² = 4 shrinks to 3.6, on F(1, 9).

    >>> test = wald(np.array([2.0]), np.array([[1.0]]), np.ones((1, 10), bool), "no effect")
    >>> test.statistic, round(test.p_chi2, 4), round(test.p_value, 4), test.df_resid
    (4.0, 0.0455, 0.0903, 9.0)
    """
    q = len(theta)
    eta, why = _degrees(behind, df_resid)
    scale = np.sqrt(np.diag(covariance))
    if (scale == 0).any() or np.linalg.cond(covariance / np.outer(scale, scale)) > SINGULAR:
        return no_test(hypothesis, why or "the covariance of these effects is singular", df=q)
    statistic = float(theta @ np.linalg.solve(covariance, theta))
    p_chi2 = float(stats.chi2.sf(statistic, q))
    if why:
        return replace(no_test(hypothesis, why, df=q), statistic=statistic, p_chi2=p_chi2)
    least = behind.sum(axis=1).min()
    scaled = statistic * (least - 1) / least * (eta - q + 1) / (eta * q)
    p_value = float(stats.f.sf(scaled, q, eta - q + 1))
    return WaldTest(hypothesis, statistic, q, eta, p_value, p_chi2)


def _degrees(behind: Bools, most: float) -> tuple[float, str]:
    """Return η, and why there is no test, else an empty text."""
    q = len(behind)
    inside = behind.astype(np.float64)
    shared = inside @ inside.T
    own = np.diag(shared)
    beside = (shared > 0).sum(axis=1)
    parts = np.where(shared > 1, 1 / np.maximum(shared - 1, 1), (shared > 0).astype(np.float64))
    parts[np.diag_indices(q)] *= 2
    eta = min(q * (q + 1) / parts.sum(), most)
    short = int(np.argmin(own - beside))
    if own[short] < beside[short] + 2 or eta - q + 1 < 1:
        least = int(own.min())
        few = f"{least} treated cluster{'s stand' if least > 1 else ' stands'} behind one of {q}"
        return float(eta), (
            f"{few} effects, too few for a joint test, which would reject far too often. Look at "
            "each effect, or hold the largest against stand-ins"
        )
    return float(eta), ""
