"""Callaway–Sant'Anna: one effect for each cohort and year, from two-by-two comparisons."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.effects.did._scores import ADJUSTMENTS, Adjustment, NoOverlapError, Sample, att_scores
from analysis.effects.did.twfe import comparison_cohorts
from analysis.effects.inference._wald import BEFORE, WaldTest, clusters_behind, no_test, wald
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.effects.series import clustered_covariance, pointwise
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
        """Return the clustered covariance of the estimates (K, K).

        Examples
        --------
        Each of four villages lies 0.5 off its group's mean of two: Σ(0.5/2)² · 4/3.

        >>> from analysis.effects.examples import four_villages
        >>> group_time(four_villages()).covariance().round(6).tolist()
        [[0.333333]]
        """
        return clustered_covariance(self.influence, self.panel, small_sample=self.small_sample)

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return one row for each cohort and year.

        Parameters
        ----------
        level : float
            Confidence level.

        Examples
        --------
        >>> from analysis.effects.examples import four_villages
        >>> group_time(four_villages()).tidy()[["cohort", "base", "estimate"]].iloc[0].tolist()
        [2024.0, 2023.0, 2.0]
        """
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
        """Test jointly that no effect comes before treatment less anticipation.

        Examples
        --------
        >>> from analysis.effects.examples import four_villages
        >>> group_time(four_villages()).pretest().note
        'not tested: no cohort shows a year before its base'
        """
        before = self.year < self.cohort - self.anticipation
        if not before.any():
            return no_test(BEFORE, "no cohort shows a year before its base")
        part = clustered_covariance(
            self.influence[:, before], self.panel, small_sample=self.small_sample
        )
        behind = clusters_behind(self.panel, (self.panel.cohort == g for g in self.cohort[before]))
        return wald(self.estimate[before], part, behind, BEFORE, df_resid=self.panel.n_clusters - 1)

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
    Weights are those of the unit's first row. Cohorts without a base year, pairs without a
    comparison and pairs without overlap in the covariates are left out and named in the notes.

    Examples
    --------
    Treated a and b gain 3 and 2, c and d gain 1 and 0: 2.5 − 0.5.

    >>> from analysis.effects.examples import four_villages
    >>> group_time(four_villages()).estimate
    array([2.])
    """
    adjustment = adjustment or ("doubly_robust" if panel.covariates else "none")
    _check_arguments(panel, comparison, adjustment, base, anticipation)
    groups = panel.groups
    cohort = np.array([g for g, _ in groups])
    control = comparison_cohorts(cohort, panel, anticipation)
    if comparison == "never" and not control.any():
        raise LianjianError(
            "No unit is never treated. Choose comparison='not_yet', or add units outside."
        )
    by_year = np.ascontiguousarray(panel.y.T)
    work = _Work(by_year, Sample(panel.x, adjustment, panel.unit_weight), groups)
    lost: dict[str, list[str]] = {}
    for place, (g, _) in enumerate(groups):
        if control[place] or g > panel.years[-1]:
            continue
        early = np.flatnonzero(panel.years < g - anticipation)
        if not len(early):
            text = f"no year before {g - anticipation} to compare with"
            lost.setdefault(text, []).append(f"cohort {g}")
            continue
        for t, b in _year_pairs(panel.years, g, anticipation, int(early[-1]), base):
            others = control
            if comparison == "not_yet":
                start = panel.years[max(t, b)] + anticipation
                others = (cohort == NEVER) | ((cohort > start) & (cohort != g))
            work.add(place, t, b, others)
    estimate, influence = work.done(lost, panel.years)
    known = ~np.isnan(estimate)
    place, t, b = np.array(work.pairs, dtype=np.int64).reshape(-1, 3)[known].T
    notes = tuple(f"Left out, {why}: {', '.join(what)}." for why, what in lost.items())
    if not (panel.years[t] >= cohort[place]).any():
        raise LianjianError(
            "No effect after treatment can be estimated. " + " ".join((*panel.notes, *notes))
        )
    return GroupTime(
        cohort=cohort[place], year=panel.years[t], base=panel.years[b], estimate=estimate[known],
        influence=(influence if known.all() else influence[known]).T, panel=panel,
        comparison=comparison, base_rule=base, adjustment=adjustment, anticipation=anticipation,
        small_sample=small_sample, notes=notes + work.sample.notes(),
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


class _Work:
    """Pairs of a cohort and two years; those with the same units are computed together."""

    def __init__(self, by_year: Floats, sample: Sample, groups: list[tuple[int, slice]]) -> None:
        self.by_year, self.sample, self.groups = by_year, sample, groups
        self.complete = not np.isnan(by_year).any()
        self.pairs: list[tuple[int, int, int]] = []
        self._batches: dict[tuple[object, ...], tuple[Bools, list[int]]] = {}

    def add(self, place: int, t: int, b: int, others: Bools) -> None:
        """Note the cohort at ``place`` in year t against b, compared with ``others``."""
        key = (place, others.tobytes(), None if self.complete else (t, b))
        self._batches.setdefault(key, (others, []))[1].append(len(self.pairs))
        self.pairs.append((place, t, b))

    def done(self, lost: dict[str, list[str]], years: Ints) -> tuple[Floats, Floats]:
        """Return effects (K,), NaN where there is none, and influence (K, N); fill ``lost``."""
        estimate = np.full(len(self.pairs), np.nan)
        influence = np.zeros((len(self.pairs), self.by_year.shape[1]))
        plain = self.complete and self.sample.adjustment == "none" and self.sample.weight is None
        for others, numbers in self._batches.values():
            place = self.pairs[numbers[0]][0]
            kept = zip(self.groups, others, strict=True)
            spans = _merge([rows for (_, rows), is_in in kept if is_in])
            try:
                if plain:
                    for k in numbers:
                        estimate[k] = self._difference(k, spans, influence[k])
                else:
                    estimate[numbers] = self._scores(numbers, spans, influence)
            except NoOverlapError as error:
                labels = [f"({self.groups[place][0]}, {years[self.pairs[k][1]]})" for k in numbers]
                lost.setdefault(str(error), []).extend(labels)
        return estimate, influence

    def _difference(self, k: int, spans: list[slice], column: Floats) -> float:
        """Return a difference of mean changes; slices spare copies of large panels."""
        place, t, b = self.pairs[k]
        rows, now, then = self.groups[place][1], self.by_year[t], self.by_year[b]
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

    def _scores(self, numbers: list[int], spans: list[slice], influence: Floats) -> Floats:
        """Return the effects of pairs that share their units."""
        place, t, b = np.array([self.pairs[k] for k in numbers]).T
        change = self.by_year[t] - self.by_year[b]
        seen = ~np.isnan(change[0])
        rows = self.groups[place[0]][1]
        units = np.arange(rows.start, rows.stop)[seen[rows]]
        other = [np.arange(span.start, span.stop)[seen[span]] for span in spans]
        control = np.concatenate(other) if other else np.empty(0, dtype=np.int64)
        if not len(units):
            raise NoOverlapError("no treated unit seen in both years")
        if not len(control):
            raise NoOverlapError("no comparison left")
        scores = att_scores(change.T, units, control, self.sample)
        lines = np.array(numbers)[:, None]
        influence[lines, units] = scores.treated.T
        influence[lines, control] = scores.control.T
        return scores.estimate


def _merge(spans: list[slice]) -> list[slice]:
    """Join neighbouring slices."""
    merged: list[slice] = []
    for span in spans:
        if merged and merged[-1].stop == span.start:
            merged[-1] = slice(merged[-1].start, span.stop)
        else:
            merged.append(span)
    return merged
