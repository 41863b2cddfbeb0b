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

from analysis import _language
from analysis.errors import LianjianError
from analysis.fields import FIELDS

if TYPE_CHECKING:
    from analysis.effects.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


LEVEL = 0.95
"""Confidence level of every interval, where nothing else is asked."""


@dataclass(frozen=True, eq=False, repr=False)
class Influence:
    """Who carries K numbers: the share of each treated unit, and how far each unit pulls."""

    panel: "Panel"  # the units, their years, what was measured
    theta: Floats  # (K,) the numbers, in the unit of the outcome
    psi: Floats  # (N, K) influence of each unit, with variance Σψ²
    # (N, K) share of each treated unit; 0 of comparison units and treated ones in no comparison
    weight: Floats
    used: Bools  # (N,) units that take part, treated or compared with
    # (N, T, K) how far each amount moves each number, where someone collects evidence
    pull: Floats | None = None

    def mean(self, share: Floats) -> "Influence":
        """Return who carries the mean of the numbers by given shares (K,)."""
        parts = (self.theta, self.psi, self.weight)
        theta, psi, weight = ((part @ share)[..., None] for part in parts)
        pull = None if self.pull is None else (self.pull @ share)[..., None]
        return Influence(self.panel, theta, psi, weight, self.used, pull)

    def part(self, chosen: Bools) -> "Influence":
        """Return who carries the marked numbers."""
        pull = None if self.pull is None else self.pull[:, :, chosen]
        theta, psi, weight = (each[..., chosen] for each in (self.theta, self.psi, self.weight))
        return Influence(self.panel, theta, psi, weight, self.used, pull)

    @property
    def cluster(self) -> Ints:
        """Cluster of each unit (N,)."""
        return self.panel.cluster

    @cached_property
    def heavy(self) -> Bools:
        """Treated units with weight in any of the numbers, (N,)."""
        return (self.weight != 0).any(axis=1)

    @cached_property
    def clusters(self) -> Ints:
        """Clusters that hold a treated unit with weight, (A,)."""
        return np.flatnonzero(np.bincount(self.cluster[self.heavy])).astype(np.int64)

    @cached_property
    def n_compared(self) -> int:
        """Number of clusters that hold a unit which is only compared with."""
        return int(np.count_nonzero(np.bincount(self.cluster[self.used & ~self.heavy])))

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
    """One estimated number with its uncertainty."""

    name: str  # the method and the target, as "Callaway–Sant'Anna, simple"
    estimate: float  # in the unit of the outcome
    std_error: float  # NaN of exact tests, which have none
    low: float  # of the interval at `level`; NaN where the standard error is zero
    high: float
    p_value: float  # two-sided, of no effect
    level: float
    df: float  # of the t distribution; infinite for the normal
    n_obs: int  # rows, units and clusters that take part
    n_units: int
    n_clusters: int
    inference: str  # how the uncertainty was obtained, in words
    notes: tuple[str, ...] = ()  # rows dropped, groups without a comparison, warnings
    influence: Influence | None = field(default=None, compare=False, kw_only=True)
    # the least p-value that so many draws or patterns can give; NaN where there are none
    smallest_p: float = field(default=math.nan, compare=False, kw_only=True)

    def tidy(self) -> pd.DataFrame:
        """Return the estimate as a frame of one row."""
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
    """A joint test that several effects are zero."""

    hypothesis: str
    statistic: float  # W = θ′V⁻¹θ; NaN when V is singular
    df: int  # number of effects q
    df_resid: float  # degrees of freedom η of their covariance
    p_value: float  # from W as Hotelling's T² with q and η; NaN only with a note that says why
    p_chi2: float  # from W ~ χ²(q), right for many treated clusters only
    note: str = ""  # why there is no test

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
    """Effects by event time, cohort or year."""

    name: str
    by: str  # what the index counts: event_time, cohort or year
    index: Ints  # (K,)
    estimate: Floats  # (K,) pointwise, in the unit of the outcome, as are the next four
    std_error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    covariance: Floats  # (K, K), its diagonal the square of `std_error`
    band_low: Floats  # (K,) covers all effects at once at `level`; NaN when no band was asked for
    band_high: Floats
    n_units: Ints  # (K,) treated units with weight in each effect, and the clusters they lie in
    n_clusters: Ints
    reference: tuple[int, ...]  # index values fixed at zero; several where years have gaps
    overall: Estimate  # the one-number summary; its name says how it averages
    pretest: WaldTest | None  # joint test of the effects before treatment
    level: float
    df: Floats  # (K,) of the t behind each effect
    notes: tuple[str, ...] = field(default=())
    influence: Influence | None = None
    outcome: str = ""  # the column studied, where a study asked

    def plot(self, unit: str = "") -> Any:
        """Draw effects by event time with intervals; 万元 as ``unit`` divides yuan by 10,000."""
        if self.by != "event_time":
            raise LianjianError(
                f"{self.name} is by {self.by}, and the chart shows effects by years since joining: "
                "aggregate(effects, 'event')."
            )
        known = unit_of(unit, self.outcome)
        # by name, so that numbers need no drawing library
        figures = import_module("analysis.figures")
        field = FIELDS.get(self.outcome or "")
        title = f"{field.label} {field.label_zh}" if field else self.outcome or self.name
        return figures.event_study_paths({title: self}, unit=known)

    def tidy(self) -> pd.DataFrame:
        """Return one row an effect."""
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
    """Return a table with a title and notes, for a notebook; columns are called as in code."""
    title, *notes_said = map(_language.told, (title, *notes))
    if _language.current():
        frame = frame.map(lambda cell: _language.said(cell) if isinstance(cell, str) else cell)
    said = "".join(f"<li>{html.escape(note)}</li>" for note in notes_said)
    rows = frame.to_html(index=False, float_format="{:.4g}".format, border=0)
    return f"<p><strong>{html.escape(title)}</strong></p>{rows}<ul>{said}</ul>"
