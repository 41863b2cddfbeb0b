"""Callaway–Sant'Anna: one effect for each cohort and year, from two-by-two comparisons."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.effects.did_scores import ADJUSTMENTS, Adjustment, NoOverlapError, Sample, att_score
from analysis.effects.panel import NEVER, Floats, Ints, Panel
from analysis.effects.series import WaldTest, clustered_covariance, pointwise, wald
from analysis.effects.twoway import comparison_cohorts
from analysis.effects.within import cohort_slices
from analysis.errors import LianjianError

Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, eq=False)
class GroupTime:
    """ATT(g, t) for K pairs of cohort and year, with their influence functions.

    Attributes
    ----------
    cohort, year, base : int array, (K,)
        g, t and the year that t is compared with.
    estimate : float array, (K,)
        ATT(g, t) in the unit of the outcome.
    influence : float array, (N, K)
        ψ with variance Σψ², so divided by N already.
    panel : Panel
        The units, in whose order the influence functions stand.
    comparison, base_rule, adjustment : str
        As asked for.
    anticipation : int
        Years before treatment that may be affected already.
    small_sample : bool
        Whether variances are multiplied by G/(G−1).
    notes : tuple of str
        Pairs left out, and why.
    """

    cohort: Ints
    year: Ints
    base: Ints
    estimate: Floats
    influence: Floats
    panel: Panel
    comparison: Comparison
    base_rule: Base
    adjustment: Adjustment
    anticipation: int
    small_sample: bool
    notes: tuple[str, ...]

    @property
    def std_error(self) -> Floats:
        """Clustered standard errors (K,)."""
        return np.sqrt(np.diag(self.covariance()))

    def covariance(self) -> Floats:
        """Return the clustered covariance of the estimates (K, K)."""
        return clustered_covariance(self.influence, self.panel, small_sample=self.small_sample)

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return one row for each cohort and year."""
        error = self.std_error
        low, high, p_value = pointwise(self.estimate, error, self.panel.n_clusters - 1, level)
        return pd.DataFrame(
            {
                "cohort": self.cohort,
                "year": self.year,
                "event_time": self.year - self.cohort,
                "base": self.base,
                "estimate": self.estimate,
                "std_error": error,
                "low": low,
                "high": high,
                "p_value": p_value,
            }
        )

    def pretest(self) -> WaldTest:
        """Test jointly that no effect comes before treatment less anticipation."""
        before = self.year < self.cohort - self.anticipation
        df = self.panel.n_clusters - 1
        hypothesis = "No effect before treatment"
        if not before.any():
            nan = float("nan")
            why = "not tested: no cohort shows a year before its base"
            return WaldTest(hypothesis, nan, 0, df, nan, nan, why)
        part = clustered_covariance(
            self.influence[:, before], self.panel, small_sample=self.small_sample
        )
        return wald(self.estimate[before], part, df, hypothesis)

    def __repr__(self) -> str:
        return (
            f"<GroupTime {self.panel.outcome}: {len(self.estimate)} cohort-years, comparison "
            f"{self.comparison}, adjustment {self.adjustment}, base {self.base_rule}, "
            f"anticipation {self.anticipation}>"
        )


def group_time(
    panel: Panel,
    *,
    comparison: Comparison = "never",
    adjustment: Adjustment | None = None,
    anticipation: int = 0,
    base: Base = "varying",
    small_sample: bool = True,
) -> GroupTime:
    """Estimate ATT(g, t) for each cohort and year (Callaway & Sant'Anna 2021).

    Parameters
    ----------
    panel : Panel
        Outcomes and cohorts.
    comparison : {"never", "not_yet"}
        Units never treated, or all that are untreated, and not about to be, in both years.
    adjustment : {"none", "regression", "ipw", "doubly_robust"}, optional
        How covariates enter; doubly robust when the panel has covariates, else none.
    anticipation : int
        Years before treatment that may be affected already: the base year is the last one before
        g − anticipation. Villages chosen in a low year need 1.
    base : {"varying", "universal"}
        Before treatment, compare with the year before, or with the base year throughout.
    small_sample : bool
        Multiply variances by G/(G−1).

    Returns
    -------
    GroupTime
        Aggregate it with `simple`, `dynamic`, `by_cohort` and `by_year`.

    Raises
    ------
    LianjianError
        No pair can be estimated, no unit is never treated, or an argument is unknown.

    Notes
    -----
    ATT(g, t) = E[Y_t − Y_b | G = g] − E[Y_t − Y_b | comparison], b the base year (J. Econometrics
    225(2), DOI 10.1016/j.jeconom.2020.12.001, theorem 1). Each pair uses the units seen in both
    its years; to have the same units throughout, make the panel with ``unbalanced="balance"``.
    Cohorts without a base year, pairs without a comparison and pairs without overlap in the
    covariates are left out and named in the notes.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.panel import make_panel
    >>> frame = pd.DataFrame({"village_id": [*"aabbccdd"], "year": [2023, 2024] * 4,
    ...                       "income": [1.0, 4, 2, 4, 1, 2, 3, 3],
    ...                       "joined_year": [2024] * 4 + [0] * 4})
    >>> group_time(make_panel(frame, "income")).estimate
    array([2.])
    """
    adjustment = adjustment or ("doubly_robust" if panel.covariates else "none")
    _check_arguments(panel, comparison, adjustment, base, anticipation)
    groups = cohort_slices(panel)
    cohort = np.array([g for g, _ in groups])
    control = comparison_cohorts(cohort, panel, anticipation)
    if comparison == "never" and not control.any():
        raise LianjianError(
            "No unit is never treated. Choose comparison='not_yet', or add units outside."
        )
    by_year = np.ascontiguousarray(panel.y.T)
    complete = not np.isnan(by_year).any()
    pairs: list[tuple[int, int, int, float]] = []
    columns: list[Floats] = []
    lost: dict[str, list[str]] = {}
    sample = Sample(panel.x, adjustment)
    for place, (g, rows) in enumerate(groups):
        if control[place] or g > panel.years[-1]:
            continue
        early = np.flatnonzero(panel.years < g - anticipation)
        if not len(early):
            text = f"no year before {g - anticipation} to compare with"
            lost.setdefault(text, []).append(f"cohort {g}")
            continue
        for t, b in _year_pairs(panel.years, g, anticipation, int(early[-1]), base):
            if comparison == "not_yet":
                start = panel.years[max(t, b)] + anticipation
                others = (cohort == NEVER) | ((cohort > start) & (cohort != g))
            else:
                others = control
            against = [where for where, other in zip(groups, others, strict=True) if other]
            spans = _merge([where for _, where in against])
            column = np.zeros(panel.n_units)
            label = f"({g}, {panel.years[t]})"
            try:
                estimate = _pair(
                    by_year[t], by_year[b], rows, spans, column, sample=sample, complete=complete
                )
            except NoOverlapError as error:
                lost.setdefault(str(error), []).append(label)
                continue
            pairs.append((g, int(panel.years[t]), int(panel.years[b]), estimate))
            columns.append(column)
    notes = tuple(f"Left out, {why}: {', '.join(what)}." for why, what in lost.items())
    if not pairs or not any(t >= g for g, t, _, _ in pairs):
        raise LianjianError(
            "No effect after treatment can be estimated. " + " ".join((*panel.notes, *notes))
        )
    g_, t_, b_ = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in range(3))
    return GroupTime(
        cohort=g_, year=t_, base=b_, estimate=np.array([pair[3] for pair in pairs]),
        influence=np.stack(columns).T, panel=panel, comparison=comparison, base_rule=base,
        adjustment=adjustment, anticipation=anticipation, small_sample=small_sample,
        notes=notes + sample.notes(),
    )  # fmt: skip


def _check_arguments(
    panel: Panel, comparison: str, adjustment: str, base: str, anticipation: int
) -> None:
    for name, value, allowed in (
        ("comparison", comparison, ("never", "not_yet")),
        ("adjustment", adjustment, ADJUSTMENTS),
        ("base", base, ("varying", "universal")),
    ):
        if value not in allowed:
            raise LianjianError(f"{name} is {value!r}; it can be {', '.join(allowed)}.")
    if anticipation < 0:
        raise LianjianError(f"anticipation is {anticipation}; 0 or more years were expected.")
    if adjustment != "none" and not panel.covariates:
        raise LianjianError(f"adjustment {adjustment!r} needs covariates: name them in make_panel.")


def _year_pairs(
    years: Ints, g: int, anticipation: int, last: int, base: Base
) -> list[tuple[int, int]]:
    """Return positions (t, b) of each year and the year it is compared with."""
    if base == "universal":
        return [(t, last) for t in range(len(years)) if t != last]
    return [(t, last if years[t] >= g - anticipation else t - 1) for t in range(1, len(years))]


def _merge(spans: list[slice]) -> list[slice]:
    """Join neighbouring slices."""
    merged: list[slice] = []
    for span in spans:
        if merged and merged[-1].stop == span.start:
            merged[-1] = slice(merged[-1].start, span.stop)
        else:
            merged.append(span)
    return merged


def _pair(
    now: Floats, then: Floats, rows: slice, spans: list[slice], column: Floats, *,
    sample: Sample, complete: bool,
) -> float:  # fmt: skip
    """Estimate one pair and write its influence function into ``column`` (N,)."""
    if sample.adjustment == "none" and complete:
        if not spans:
            raise NoOverlapError("no comparison left")
        treated = now[rows] - then[rows]
        mean = treated.mean()
        column[rows] = (treated - mean) / len(treated)
        changes = [now[span] - then[span] for span in spans]
        n = sum(len(change) for change in changes)
        level = sum(float(change.sum()) for change in changes) / n
        for span, change in zip(spans, changes, strict=True):
            column[span] = (level - change) / n
        return float(mean - level)
    change = now - then
    seen = ~np.isnan(change)
    units = np.arange(rows.start, rows.stop)[seen[rows]]
    other = [np.arange(span.start, span.stop)[seen[span]] for span in spans]
    control = np.concatenate(other) if other else np.empty(0, dtype=np.int64)
    if not len(units):
        raise NoOverlapError("no treated unit seen in both years")
    if not len(control):
        raise NoOverlapError("no comparison left")
    estimate, column[units], column[control] = att_score(change, units, control, sample)
    return estimate
