"""What an estimate is: one frozen record that every estimator returns, and a series of them."""

import html
import math
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import LianjianError

if TYPE_CHECKING:
    from analysis.effects.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def check_level(level: float) -> None:
    """Check that a confidence level lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise LianjianError(
            f"The confidence level is {level}; a share between 0 and 1 was expected, like 0.95."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Influence:
    """Who carries K numbers: the share of each treated unit, and how far each unit pulls.

    Attributes
    ----------
    theta : float array, (K,)
        The numbers, in the unit of the outcome.
    weight : float array, (N, K)
        Share of each treated unit; 0 for comparison units and for treated ones in no comparison.
    psi : float array, (N, K)
        Influence of each unit, with variance Σψ².
    used : bool array, (N,)
        Units that take part, treated or compared with.
    cluster : int array, (N,)
        Cluster of each unit.
    panel : Panel or None
        The units, their years and what was measured.
    pull : float array, (N, T, K), or None
        How far each amount of the panel moves each number: made where someone collects evidence.
    """

    theta: Floats
    weight: Floats
    psi: Floats
    used: Bools
    cluster: Ints
    panel: "Panel | None" = None
    pull: Floats | None = None

    @cached_property
    def clusters(self) -> Ints:
        """Clusters that hold a treated unit with weight, (A,)."""
        heavy = (self.weight != 0).any(axis=1)
        return np.flatnonzero(np.bincount(self.cluster[heavy])).astype(np.int64)

    @cached_property
    def shares(self) -> Floats:
        """Share of each of these clusters in each number, (A, K); columns add up to one."""
        return self._sum(self.weight)

    @cached_property
    def effects(self) -> Floats:
        """Effect of each cluster (A, K): Σ share · effect is the number; NaN without a share.

        The effect of a treated unit is what the number would be if all were like it, θ + ψ/weight;
        in regressions, where its years before pull as well, the sum meets the number nearly.
        """
        treated = np.where(self.weight != 0, self.psi, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            own = self.theta + self._sum(treated) / self.shares
        return np.where(self.shares != 0, own, np.nan)

    @property
    def n_effective(self) -> Floats:
        """1/Σ share², the number of equal clusters that would carry as much, (K,)."""
        return 1 / (self.shares**2).sum(axis=0)

    def _sum(self, values: Floats) -> Floats:
        number = len(self.clusters)
        place = np.full(int(self.cluster.max()) + 1, number)
        place[self.clusters] = np.arange(number)
        codes = place[self.cluster]
        sums = [np.bincount(codes, column, number + 1)[:number] for column in values.T]
        return np.column_stack(sums)


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
        Ends of the interval at ``level``; NaN where the standard error is zero.
    p_value : float
        Two-sided, of no effect; NaN where the standard error is zero.
    level : float
        Confidence level of the interval, e.g. 0.95.
    df : float
        Degrees of freedom of the t distribution used; infinite for the normal.
    n_obs, n_units, n_clusters : int
        Rows, units and clusters that take part in the estimate.
    inference : str
        How the uncertainty was obtained, in words.
    notes : tuple of str
        What a reader must know: dropped rows, groups without a comparison, warnings.
    influence : Influence or None
        Units and clusters behind the number, and their weights.
    smallest_p : float
        The least p-value that so many draws or patterns can give; NaN where there are none.
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
    influence: Influence | None = field(default=None, compare=False, kw_only=True)
    smallest_p: float = field(default=math.nan, compare=False, kw_only=True)

    def tidy(self) -> pd.DataFrame:
        """Return the estimate as a frame of one row.

        Examples
        --------
        >>> one = Estimate("x", 3.0, 1.0, 1.0, 5.0, 0.01, 0.95, 9, 9, 9, 9, "by hand")
        >>> one.tidy()["low"].item()
        1.0
        """
        names = [name for name, one in self.__dataclass_fields__.items() if not one.kw_only]
        row = {name: getattr(self, name) for name in names}
        return pd.DataFrame([{**row, "notes": "; ".join(self.notes)}])

    def __repr__(self) -> str:
        error = "" if math.isnan(self.std_error) else f" (SE {self.std_error:.4g})"
        interval = f", {self.level:.0%} interval [{self.low:.4g}, {self.high:.4g}]"
        interval = "" if math.isnan(self.low) else interval
        p_value = "" if math.isnan(self.p_value) else f", p = {self.p_value:.3g}"
        line = (
            f"{self.name}: {self.estimate:.4g}{error}{interval}{p_value}; {self.inference}; "
            f"{self.n_units:,} units, {self.n_clusters:,} clusters"
        )
        return "\n".join([line, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        columns = ["estimate", "std_error", "low", "high", "p_value", "df", "n_units", "n_clusters"]
        return html_table(self.name, self.tidy()[columns], (self.inference, *self.notes))


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
        parts = [f"W = {self.statistic:.4g} on {self.df} effects"]
        if not math.isnan(self.df_resid):
            parts.append(f"{self.df_resid:.0f} degrees of freedom")
        parts.append(f"p = {self.p_value:.3g}")
        if not math.isnan(self.p_chi2):
            parts.append(f"χ² p = {self.p_chi2:.3g}")
        return f"{self.hypothesis}: {', '.join(parts)}"


@dataclass(frozen=True, eq=False, repr=False)
class EffectSeries:
    """Effects by event time, cohort or year.

    Attributes
    ----------
    name : str
        The method and the target.
    by : str
        What the index counts: ``event_time``, ``cohort`` or ``year``.
    index : int array, (K,)
        Event times, cohorts or years.
    estimate, std_error, low, high, p_value : float array, (K,)
        Pointwise, in the unit of the outcome.
    covariance : float array, (K, K)
        Of the estimates; its diagonal is the square of ``std_error``.
    band_low, band_high : float array, (K,)
        Band that covers all effects at once at ``level``; NaN when no band was asked for.
    n_units, n_clusters : int array, (K,)
        Treated units with weight in each effect, and the clusters they lie in.
    reference : tuple of int
        Index values fixed at zero; more than one where years have gaps.
    overall : Estimate
        The one-number summary; its name says how it averages.
    pretest : WaldTest or None
        Joint test of the effects before treatment.
    level : float
        Confidence level.
    df : float array, (K,)
        Degrees of freedom of t behind each effect.
    influence : Influence or None
        Units and clusters behind each effect.
    notes : tuple of str
        What a reader must know.
    outcome : str
        The column studied, where a study asked.
    """

    name: str
    by: str
    index: Ints
    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    covariance: Floats
    band_low: Floats
    band_high: Floats
    n_units: Ints
    n_clusters: Ints
    reference: tuple[int, ...]
    overall: Estimate
    pretest: WaldTest | None
    level: float
    df: Floats
    notes: tuple[str, ...] = field(default=())
    influence: Influence | None = None
    outcome: str = ""

    def plot(self, unit: str = "") -> Any:  # noqa: ANN401  (a chart of figures)
        """Draw effects by event time with their intervals.

        Parameters
        ----------
        unit : str
            Any text; 万元 divides yuan by 10,000. Of a study it follows from the outcome.

        Raises
        ------
        LianjianError
            The effects are by cohort or year, or no unit is known.
        """
        if self.by != "event_time":
            raise LianjianError(
                f"{self.name} is by {self.by}, and the chart shows effects by years since joining: "
                "aggregate(effects, 'event')."
            )
        known = unit_of(unit, self.outcome)
        # by name, so that numbers need no drawing library
        figures = import_module("analysis.figures")
        return figures.event_study_paths({self.outcome or self.name: self}, unit=known)

    def tidy(self) -> pd.DataFrame:
        """Return one row an effect.

        Examples
        --------
        >>> from analysis.effects.examples import four_villages
        >>> from analysis.effects.did.fixed_effects import event_study
        >>> event_study(four_villages()).tidy()[["event_time", "estimate"]].to_numpy().tolist()
        [[0.0, 2.0]]
        """
        names = ["estimate", "std_error", "low", "high", "p_value", "band_low", "band_high"]
        names += ["n_units", "n_clusters"]
        return pd.DataFrame({self.by: self.index, **{name: getattr(self, name) for name in names}})

    def __getitem__(self, key: int) -> float:
        """Return the estimate at an event time, cohort or year."""
        place = np.flatnonzero(self.index == key)
        if not len(place):
            known = ", ".join(str(value) for value in self.index)
            raise LianjianError(f"{self.name} has no {self.by} {key}. It has: {known}.")
        return float(self.estimate[place[0]])

    def __repr__(self) -> str:
        overall = repr(self.overall).split("\n", 1)[0]
        lines = [overall, self.tidy().to_string(index=False, float_format="%.4g".__mod__)]
        return "\n".join([*lines, *self._said()])

    def _repr_html_(self) -> str:
        return html_table(
            self.name, self.tidy(), (repr(self.overall).split("\n", 1)[0], *self._said())
        )

    def _said(self) -> tuple[str, ...]:
        return (*([str(self.pretest)] if self.pretest else []), *self.notes)


def unit_of(unit: str, outcome: str) -> str:
    """Return the unit of effects on an outcome: the one given, 万元 for yuan, or its name."""
    if not (unit or outcome):
        raise LianjianError(
            "Say the unit of the effects: plot('万元') divides yuan by 10,000; plot('log income') "
            "and other texts leave them as they are."
        )
    return unit or ("万元" if outcome.endswith("_yuan") else outcome)


def html_table(title: str, frame: pd.DataFrame, notes: tuple[str, ...]) -> str:
    """Return a table with a title and notes, for a notebook."""
    said = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    rows = frame.to_html(index=False, float_format="{:.4g}".format, border=0)
    return f"<p><strong>{html.escape(title)}</strong></p>{rows}<ul>{said}</ul>"
