"""Bounds when villages are missing: Lee's trimming and the worst case."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.effects.inference._resampling import Floats
from analysis.effects.results import Estimate
from analysis.effects.sensitivity.leave_out import Estimator
from analysis.errors import LianjianError, need_columns
from analysis.indicators.tables import amounts, flags


@dataclass(frozen=True)
class Bounds:
    """An interval for an effect that missing villages leave open.

    Attributes
    ----------
    low, high : float
        Ends, outcome units: not a confidence interval, but what the missing values could do.
    estimate : float
        The difference among villages that are there.
    method : str
        Which rule, in words.
    trimmed_share : float
        Share of the better observed group that is trimmed (Lee), or of cells filled (worst case).
    n_missing_treated, n_missing_control : int
        Villages (Lee), or rows that raise and that lower the estimate (worst case), without value.
    notes : tuple of str
        What is assumed.
    """

    low: float
    high: float
    estimate: float
    method: str
    trimmed_share: float
    n_missing_treated: int
    n_missing_control: int
    notes: tuple[str, ...] = ()


def _trimmed_mean(ascending: Floats, keep: float) -> float:
    """Return the mean of the lowest ``keep`` observations, the last one counted in part."""
    whole = int(np.floor(keep + 1e-9))
    rest = keep - whole if keep - whole > 1e-9 else 0.0  # noqa: PLR2004
    total = float(ascending[:whole].sum()) + (rest * float(ascending[whole]) if rest else 0.0)
    return total / keep


def lee_bounds(outcome: npt.ArrayLike, treated: npt.ArrayLike) -> Bounds:
    r"""Bound the mean effect on villages that are observed whether treated or not.

    With q₁ and q₀ the shares observed among treated and controls, trim the group observed more by

    .. math:: p = (q_1 - q_0) / q_1 \quad (q_1 \ge q_0)

    of its highest values for the lower bound, of its lowest for the upper one.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        One value a village, NaN where it is missing. For difference-in-differences give the change.
    treated : array-like of bool, shape (n,)
        Whether the village was treated.

    Returns
    -------
    Bounds
        ``trimmed_share`` is p. Without a difference in shares observed both ends are the estimate.

    Raises
    ------
    LianjianError
        Shapes differ, or a group has no observed village.

    Notes
    -----
    Lee 2009 (DOI 10.1111/j.1467-937X.2009.00536.x), proposition 1a. Assumes that treatment moves
    presence in one direction only and that treatment is as if random. The value at the cut counts
    in part, so that exactly the share p is trimmed.

    Examples
    --------
    All four treated are seen and two of four controls: trim half. Controls have mean 1.

    >>> bounds = lee_bounds([1, 2, 3, 4, 1, 1, None, None], [1, 1, 1, 1, 0, 0, 0, 0])
    >>> bounds.low, bounds.high, bounds.estimate
    (0.5, 2.5, 1.5)
    """
    y = amounts(outcome, "The outcome")
    group = flags(treated, "treated")
    if y.ndim != 1 or group.shape != y.shape:
        raise LianjianError(f"Outcome {y.shape} and treated {group.shape} differ; expected (n,).")
    seen = ~np.isnan(y)
    first, second = np.sort(y[group & seen]), np.sort(y[~group & seen])
    if not len(first) or not len(second):
        raise LianjianError(
            f"{len(first)} treated and {len(second)} control villages are observed; expected both."
        )
    shares = len(first) / group.sum(), len(second) / (~group).sum()
    share = 1 - min(shares) / max(shares)
    low, high = [], []
    for values, is_trimmed in ((first, shares[0] > shares[1]), (second, shares[1] > shares[0])):
        keep = len(values) * (1 - share) if is_trimmed else float(len(values))
        low.append(_trimmed_mean(values, keep))
        high.append(-_trimmed_mean(-values[::-1], keep))
    which = "treated" if shares[0] > shares[1] else "controls"
    return Bounds(
        low=float(low[0] - high[1]),
        high=float(high[0] - low[1]),
        estimate=float(first.mean() - second.mean()),
        method="Lee trimming",
        trimmed_share=share,
        n_missing_treated=int((group & ~seen).sum()),
        n_missing_control=int((~group & ~seen).sum()),
        notes=(
            "assumes that treatment moves presence in one direction only",
            f"observed: {shares[0]:.1%} of treated, {shares[1]:.1%} of controls; "
            + (f"{which} trimmed" if share else "nothing trimmed"),
        ),
    )


def worst_case_bounds(
    panel: pd.DataFrame,
    estimator: Estimator,
    *,
    outcome: str,
    raises: pd.Series,
    low: float,
    high: float,
) -> tuple[Bounds, Estimate, Estimate]:
    """Bound an estimate by filling missing outcomes with the worst values, one way and the other.

    Parameters
    ----------
    panel : DataFrame
        One row for each unit and year that should be there, the missing ones included with NaN.
    estimator : callable
        From a panel to an `Estimate`, linear in the outcome, as difference-in-differences is.
    outcome : str
        Its column.
    raises : Series of bool, index of the panel
        Whether a larger outcome in that row raises the estimate: for a 2×2 comparison, treated
        after and control before.
    low, high : float
        Least and largest value that an outcome can take, outcome units: a judgement, to be printed.

    Returns
    -------
    bounds : Bounds
        From the estimate with every missing value against the effect to that with every one for it.
    at_low, at_high : Estimate
        The two estimates with their own uncertainty.

    Raises
    ------
    LianjianError
        The column is missing, low exceeds high, or an observed value lies outside them.

    Notes
    -----
    Horowitz & Manski 2000 (DOI 10.1080/01621459.2000.10473902).

    Examples
    --------
    Means of 4 against 2 with one treated value missing that lies in 0 to 10: (0 + 4)/2 − 2 to
    (10 + 4)/2 − 2.

    >>> panel = pd.DataFrame({"d": [1, 1, 0], "y": [4.0, None, 2.0]})
    >>> def difference(frame):
    ...     gap = float(frame.y[frame.d == 1].mean() - frame.y[frame.d == 0].mean())
    ...     return Estimate("difference", gap, 1, 0, 9, 0.5, 0.95, 9, 3, 3, 3, "by hand")
    >>> bounds, _, _ = worst_case_bounds(
    ...     panel, difference, outcome="y", raises=panel.d == 1, low=0, high=10)
    >>> bounds.low, bounds.high, bounds.estimate
    (0.0, 5.0, 2.0)
    """
    need_columns(panel, outcome)
    values = panel[outcome].astype("float64")
    upward = raises.reindex(panel.index)
    if not low <= high:
        raise LianjianError(f"The range of the outcome runs from {low} to {high}.")
    if upward.isna().any():
        raise LianjianError(
            "raises must say for every row whether a larger value raises the estimate."
        )
    if values.min() < low or values.max() > high:
        raise LianjianError(
            f"{outcome} runs from {values.min():g} to {values.max():g}, outside the stated range "
            f"{low:g} to {high:g}. Widen the range."
        )
    upward = upward.astype(bool)
    missing = values.isna()
    against = values.where(~missing, upward.map({True: low, False: high}))
    favour = values.where(~missing, upward.map({True: high, False: low}))
    at_low = estimator(panel.assign(**{outcome: against}))
    at_high = estimator(panel.assign(**{outcome: favour}))
    bounds = Bounds(
        low=at_low.estimate,
        high=at_high.estimate,
        estimate=estimator(panel[~missing]).estimate,
        method=f"worst case, missing values between {low:g} and {high:g}",
        trimmed_share=float(missing.mean()),
        n_missing_treated=int((missing & upward).sum()),
        n_missing_control=int((missing & ~upward).sum()),
        notes=("no assumption about why villages are missing",),
    )
    return bounds, at_low, at_high
