"""What an estimate is: one frozen record that every estimator returns."""

import math
from dataclasses import asdict, dataclass, field

import pandas as pd


@dataclass(frozen=True, repr=False)
class Estimate:
    """One estimated number with its uncertainty.

    Attributes
    ----------
    name : str
        The method and the target, e.g. ``"Callaway–Sant'Anna, simple"``.
    estimate, std_error : float
        In the unit of the outcome; the standard error is NaN only for exact tests, which have none.
    low, high : float
        Ends of the interval at ``level``.
    p_value : float
        Two-sided, of no effect.
    level : float
        Confidence level of the interval, e.g. 0.95.
    df : float
        Degrees of freedom of the t distribution used; infinite for the normal.
    n_obs, n_units, n_clusters : int
        Rows used, units, and clusters that the inference is based on.
    inference : str
        How the uncertainty was obtained, in words.
    notes : tuple of str
        What a reader must know: dropped rows, groups without a comparison, warnings.
    """

    name: str
    estimate: float
    std_error: float
    low: float
    high: float
    p_value: float
    level: float
    df: float
    n_obs: int
    n_units: int
    n_clusters: int
    inference: str
    notes: tuple[str, ...] = field(default=())

    def tidy(self) -> pd.DataFrame:
        """Return the estimate as a frame of one row.

        Examples
        --------
        >>> one = Estimate("x", 3.0, 1.0, 1.0, 5.0, 0.01, 0.95, 9, 9, 9, 9, "by hand")
        >>> one.tidy()["low"].item()
        1.0
        """
        return pd.DataFrame([{**asdict(self), "notes": "; ".join(self.notes)}])

    def __repr__(self) -> str:
        error = "" if math.isnan(self.std_error) else f" (SE {self.std_error:.4g})"
        return (
            f"{self.name}: {self.estimate:.4g}{error}, {self.level:.0%} interval "
            f"[{self.low:.4g}, {self.high:.4g}], p = {self.p_value:.3g}; {self.inference}; "
            f"{self.n_units:,} units, {self.n_clusters:,} clusters"
        )
