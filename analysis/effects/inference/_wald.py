"""A joint test of several effects, with the reference that few treated clusters ask for."""

from dataclasses import replace

import numpy as np
import scipy

from analysis.effects.results import Bools, Floats, WaldTest

SINGULAR = 1e10
"""A correlation matrix with a larger condition number is singular."""

BEFORE = "No effect before treatment"
"""What a test of the years before treatment tests."""


def no_test(hypothesis: str, why: str, *, df: int = 0) -> WaldTest:
    """Return a test that could not be made, with the reason as its note."""
    nan = float("nan")
    return WaldTest(hypothesis, nan, df, nan, nan, nan, f"not tested: {why}")


def wald(
    theta: Floats, covariance: Floats, behind: Bools, hypothesis: str, *, df_resid: float = np.inf
) -> WaldTest:
    """Test that all of ``theta`` (q,) are zero; ``behind`` (q, G) are their treated clusters."""
    # W = θ′V⁻¹θ, and W (η − q + 1)/(ηq) ~ F(q, η − q + 1): the approximate Hotelling test of Tipton
    # & Pustejovsky 2015, J. Educ. Behav. Stat. 40(6), DOI 10.3102/1076998615606099, sec. 3.2. η is
    # q(q + 1)/Σ_st Var(ω_st) with ω the covariance in units of its expectation: 2/(A_s − 1) for s =
    # t and 1/(A_st − 1) otherwise, A_st the treated clusters behind both effects. W shrinks by (A −
    # 1)/A, the share of the variance that the least mean leaves. Counting all clusters instead
    # rejects a true hypothesis far too often when few are treated.
    q = len(theta)
    eta, why = _degrees(behind, df_resid)
    scale = np.sqrt(np.diag(covariance))
    if (scale == 0).any() or np.linalg.cond(covariance / np.outer(scale, scale)) > SINGULAR:
        return no_test(hypothesis, why or "the covariance of these effects is singular", df=q)
    statistic = float(theta @ np.linalg.solve(covariance, theta))
    p_chi2 = float(scipy.stats.chi2.sf(statistic, q))
    if why:
        return replace(no_test(hypothesis, why, df=q), statistic=statistic, p_chi2=p_chi2)
    least = behind.sum(axis=1).min()
    scaled = statistic * (least - 1) / least * (eta - q + 1) / (eta * q)
    p_value = float(scipy.stats.f.sf(scaled, q, eta - q + 1))
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
            "each effect, test fewer years (pretrend(panel, leads=2)), or hold the largest against "
            "placebo alliances"
        )
    return float(eta), ""


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted by Holm's step-down (1979, Scand. J. Stat. 6(2)), in their order."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted.clip(max=1.0)
