"""Callaway–Sant'Anna: one effect for each cohort and year, and their averages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

import numpy as np
import pandas as pd

from analysis._evidence import is_collecting
from analysis.effects._clustered import (
    check_anticipation,
    clustered_covariance,
    count_clusters,
    make_estimate,
    make_series,
    pointwise,
)
from analysis.effects.did._propensity import (
    ADJUSTMENTS,
    Adjustment,
    NoOverlapError,
    Sample,
    att_scores,
    overlap_notes,
    regressions,
)
from analysis.effects.did.fixed_effects import comparison_cohorts
from analysis.effects.inference._wald import BEFORE, no_test, wald
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.effects.results import EffectSeries, Estimate, Influence, WaldTest
from analysis.errors import LianjianError

Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]
Kind = Literal["simple", "event", "group", "calendar"]

NAME = "Callaway–Sant'Anna"
INFERENCE = "influence function by {cluster}, t({df})"


@dataclass(frozen=True, eq=False)
class GroupTime:
    """ATT(g, t) for K pairs of cohort and year, with their influence functions."""

    cohort: Ints  # (K,) g, t and the year that t is compared with
    year: Ints
    base: Ints
    estimate: Floats  # (K,) ATT(g, t) in the unit of the outcome
    influence: Floats  # (N, K) ψ with variance Σψ², so divided by N already
    panel: Panel
    used: Bools  # (N,) units that take part in some pair
    comparison: Comparison
    base_rule: Base
    adjustment: Adjustment
    anticipation: int
    small_sample: bool
    notes: tuple[str, ...]  # pairs left out, and why; how far the covariates overlap
    # (N, K) weight of each comparison unit's change, where someone collects evidence
    pull: Floats | None = None

    @property
    def std_error(self) -> Floats:
        """Clustered standard errors (K,)."""
        return np.sqrt(np.diag(self.covariance()))

    def covariance(self, pairs: Bools | slice = slice(None)) -> Floats:
        """Return the clustered covariance of the estimates, or of the marked ones."""
        psi = self.influence[:, pairs]
        carried = Influence(self.panel, self.estimate[pairs], psi, psi, self.used)
        return clustered_covariance(carried, small_sample=self.small_sample)

    @property
    def mass(self) -> Floats:
        """Number, or weight, of the treated units seen in both years of each pair (K,)."""
        return np.array([weight.sum() for _, weight in self.treated()])

    def treated(self) -> list[tuple[slice, Floats]]:
        """Return where each pair's cohort stands, and the weight of its units seen both years."""
        panel, rows = self.panel, dict(self.panel.groups)
        weight, whole = panel.unit_weight, not np.isnan(panel.y).any()
        found = []
        for g, t, b in zip(self.cohort.tolist(), self.year, self.base, strict=True):
            place = rows[g]
            unit = np.ones(place.stop - place.start) if weight is None else weight[place]
            if not whole:
                both = np.searchsorted(panel.years, [t, b])
                unit = np.where(np.isnan(panel.y[place][:, both]).any(axis=1), 0.0, unit)
            found.append((place, unit))
        return found

    def tidy(self) -> pd.DataFrame:
        """Return one row for each cohort and year."""
        error = self.std_error
        df = max(count_clusters(self.panel.cluster[self.used]) - 1, 1)
        low, high, p_value = pointwise(self.estimate, error, df)
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
        if not before.any():
            return no_test(BEFORE, "no cohort shows a year before its base")
        behind = np.zeros((int(before.sum()), self.panel.n_clusters), dtype=np.bool_)
        for k, (place, weight) in enumerate(
            pair for pair, early in zip(self.treated(), before, strict=True) if early
        ):
            behind[k, self.panel.cluster[place][weight > 0]] = True
        df = count_clusters(self.panel.cluster[self.used]) - 1
        part = self.covariance(before)
        return wald(self.estimate[before], part, behind, BEFORE, df_resid=df)

    def __repr__(self) -> str:
        line = (
            f"<GroupTime {self.panel.outcome}: {len(self.estimate)} cohort-years, comparison "
            f"{self.comparison}, adjustment {self.adjustment}, base {self.base_rule}, "
            f"anticipation {self.anticipation}>"
        )
        return "\n".join([line, *(f"  {note}" for note in (*self.panel.notes, *self.notes))])


def att_gt(
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
        Average it with `aggregate`.

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
    >>> att_gt(four_villages()).estimate
    array([2.])
    """
    adjustment = adjustment or ("doubly_robust" if panel.covariates else "none")
    _check_arguments(panel, comparison, adjustment, base)
    check_anticipation(anticipation)
    groups = panel.groups
    cohort = np.array([g for g, _ in groups])
    control = comparison_cohorts(cohort, panel, anticipation)
    if comparison == "never" and not control.any():
        raise LianjianError(
            "No unit is never treated. Choose comparison='not_yet', or add units outside. "
            + " ".join(panel.notes)
        )
    by_year = np.ascontiguousarray(panel.y.T)
    work = _Work(by_year, Sample(panel.x, adjustment, panel.unit_weight), groups)
    lost: dict[str, dict[int, list[int]]] = {}
    for place, (g, _) in enumerate(groups):
        if control[place] or g > panel.years[-1]:
            continue
        early = np.flatnonzero(panel.years < g - anticipation)
        if not len(early):
            text = f"no year before {g - anticipation} to compare with"
            lost.setdefault(text, {})[g] = []
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
    notes = tuple(_left_out(why, what) for why, what in lost.items())
    if not (panel.years[t] >= cohort[place]).any():
        raise LianjianError(
            "No effect after treatment can be estimated. " + " ".join((*panel.notes, *notes))
        )
    if adjustment != "none":
        inside = np.isin(panel.cohort, cohort[place])
        outside = work.used & (~inside | (comparison == "not_yet"))
        notes += overlap_notes(panel.x, panel.covariates, work.used & inside, outside)
    return GroupTime(
        cohort=cohort[place],
        year=panel.years[t],
        base=panel.years[b],
        estimate=estimate[known],
        influence=(influence if known.all() else influence[known]).T,
        panel=panel,
        used=work.used,
        comparison=comparison,
        base_rule=base,
        adjustment=adjustment,
        anticipation=anticipation,
        small_sample=small_sample,
        notes=notes + work.sample.notes(),
        pull=None if work.pull is None else work.pull[known].T,
    )


def _left_out(why: str, cohorts: Mapping[int, list[int]]) -> str:
    """Say which cohorts have no effect, and in which years."""
    each = (f"{g} ({', '.join(map(str, sorted(y)))})" if y else f"{g}" for g, y in cohorts.items())
    return f"Left out, {why}, by cohort (and year): {', '.join(each)}."


@overload
def aggregate(effects: GroupTime, kind: Literal["simple"] = "simple") -> Estimate: ...
@overload
def aggregate(
    effects: GroupTime,
    kind: Literal["event", "group", "calendar"],
    *,
    balance: int | None = None,
) -> EffectSeries: ...
def aggregate(
    effects: GroupTime, kind: Kind = "simple", *, balance: int | None = None
) -> Estimate | EffectSeries:
    """Average ATT(g, t) over treated unit-years: in one number, or by event time, cohort or year.

    Parameters
    ----------
    effects : GroupTime
        From `att_gt`.
    kind : {"simple", "event", "group", "calendar"}
        ``simple``: one number, in which each unit-year from treatment on counts once. ``event``: by
        years since treatment; ``overall`` counts each event time from 0 once. ``group``: by cohort;
        ``overall`` weights cohorts by size. ``calendar``: by year; ``overall`` counts each once.
    balance : int, optional
        Of ``event``: keep only cohorts seen until this event time, and event times up to it.

    Returns
    -------
    Estimate or EffectSeries
        The first for ``simple``. `few_clusters` gives a series its band for all effects at once.

    Raises
    ------
    LianjianError
        The kind is unknown, or no cohort is seen until ``balance``.

    Notes
    -----
    Σ m_gt ATT(g, t) / Σ m_gt, m_gt the number (weight) of units of cohort g seen in t and in its
    base year: with whole books the share of the cohort, as in Callaway & Sant'Anna 2021, eq.
    3.1–3.11. The influence function holds the estimation of the shares (their theorem 4).

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> effects = att_gt(four_villages())
    >>> print(aggregate(effects).estimate, aggregate(effects, "event")[0])
    2.0 2.0
    """
    when = effects.year - effects.cohort
    post = when >= 0
    if kind == "simple":
        return _estimate(effects, "simple", _average(effects, [post]))
    keep, title, notes = post, f"by {kind}", effects.notes
    key = {"event": when, "group": effects.cohort, "calendar": effects.year}.get(kind)
    if key is None:
        raise LianjianError(f"kind is {kind!r}; it can be simple, event, group, calendar.")
    reference: tuple[int, ...] = ()
    if kind == "event":
        title, keep = "dynamic", np.ones(len(when), dtype=np.bool_)
        if balance is not None:
            years = effects.panel.years
            keep = (years[-1] - effects.cohort >= balance) & (when <= balance)
            keep &= when > balance - (years[-1] - years[0]) - 1
            if not (keep & post).any():
                raise LianjianError(f"No cohort is seen until event time {balance}. Lower it.")
            title = f"dynamic, balanced to {balance}"
            notes = (*notes, f"Only cohorts seen until event time {balance}.")
        if effects.base_rule == "universal":
            reference, more = _references(effects, keep)
            notes += more
    index = np.unique(key[keep])
    marks = [keep & (key == value) for value in index]
    carried = _average(effects, marks)
    share = (index >= 0) / (index >= 0).sum()
    inside = carried.weight > 0
    if kind == "group":
        unit = effects.panel.unit_weight
        size = inside.T @ (np.ones(len(inside)) if unit is None else unit)
        share = size / size.sum()
    whole = carried.mean(share)
    if kind == "group":  # the shares of cohorts are estimated
        unit = effects.panel.unit_weight
        counted = inside * (1.0 if unit is None else unit[:, None])
        moved = counted @ (carried.theta - whole.theta) / counted.sum()
        whole = replace(whole, psi=whole.psi + moved[:, None])
    by = {"event": "event_time", "group": "cohort", "calendar": "year"}[kind]
    return make_series(
        f"{NAME}, by {by.replace('_', ' ')}",
        by,
        index,
        carried,
        _estimate(effects, title, whole),
        covariance=clustered_covariance(carried, small_sample=effects.small_sample),
        reference=reference,
        pretest=effects.pretest() if kind == "event" else None,
        notes=notes,
    )


def _average(effects: GroupTime, marks: Sequence[Bools]) -> Influence:
    """Average the marked effects over their unit-years."""
    pairs, mass = effects.treated(), effects.mass
    theta = np.empty(len(marks))
    psi, weight = np.empty((2, effects.panel.n_units, len(marks)))
    for q, mark in enumerate(marks):
        at = np.flatnonzero(mark)
        total = mass[at].sum()
        theta[q] = effects.estimate[at] @ mass[at] / total
        psi[:, q], weight[:, q] = effects.influence[:, at] @ (mass[at] / total), 0.0
        for k in at:
            rows, unit = pairs[k]
            # d(Σmθ/Σm) = Σ (θ − mean) dm / Σm, and dm of a unit is its own weight
            psi[rows, q] += unit * (effects.estimate[k] - theta[q]) / total
            weight[rows, q] += unit / total
    pull = _pulled(effects, marks)
    return Influence(effects.panel, theta, psi, weight, effects.used, pull)


def _pulled(effects: GroupTime, marks: Sequence[Bools]) -> Floats | None:
    """Return how far each outcome moves the averages (N, T, Q), where that is asked."""
    if effects.pull is None:
        return None
    years, mass = effects.panel.years, effects.mass
    found = np.zeros((*effects.panel.y.shape, len(marks)))
    for k, (rows, unit) in enumerate(effects.treated()):
        change = effects.pull[:, k].copy()
        change[rows] += unit / mass[k]
        t, b = np.searchsorted(years, [effects.year[k], effects.base[k]])
        for q, mark in enumerate(marks):
            if mark[k]:
                share = mass[k] / mass[mark].sum()
                found[:, t, q] += share * change
                found[:, b, q] -= share * change
    return found


def _estimate(effects: GroupTime, what: str, carried: Influence) -> Estimate:
    covariance = clustered_covariance(carried, small_sample=effects.small_sample)
    return make_estimate(
        f"{NAME}, {what}", carried, INFERENCE, covariance=covariance, notes=effects.notes
    )


def _references(effects: GroupTime, keep: Bools) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the event times of the base years, which differ where years have gaps."""
    cohorts, places = np.unique(effects.cohort[keep], return_index=True)
    zero = effects.base[keep][places] - cohorts
    found = tuple(np.unique(zero).tolist())
    if len(found) == 1:
        return found, ()
    text = ", ".join(f"{e} for {g}" for g, e in zip(cohorts.tolist(), zero.tolist(), strict=True))
    return found, (
        f"Years have gaps: the base year lies at another event time by cohort ({text}).",
    )


def _check_arguments(panel: Panel, comparison: str, adjustment: str, base: str) -> None:
    for name, value, allowed in (
        ("comparison", comparison, ("never", "not_yet")),
        ("adjustment", adjustment, ADJUSTMENTS),
        ("base", base, ("varying", "universal")),
    ):
        if value not in allowed:
            raise LianjianError(f"{name} is {value!r}; it can be {', '.join(allowed)}.")
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
        self.used = np.zeros(by_year.shape[1], dtype=np.bool_)
        self.pull: Floats | None = None
        self._batches: dict[tuple[object, ...], tuple[Bools, list[int]]] = {}

    def add(self, place: int, t: int, b: int, others: Bools) -> None:
        """Note the cohort at ``place`` in year t against b, compared with ``others``."""
        together = self.complete or self.sample.adjustment == "regression"
        key = (place, others.tobytes(), None if together else (t, b))
        self._batches.setdefault(key, (others, []))[1].append(len(self.pairs))
        self.pairs.append((place, t, b))

    def done(self, lost: dict[str, dict[int, list[int]]], years: Ints) -> tuple[Floats, Floats]:
        """Return effects (K,), NaN where there is none, and influence (K, N); fill ``lost``."""
        estimate = np.full(len(self.pairs), np.nan)
        influence = np.zeros((len(self.pairs), self.by_year.shape[1]))
        self.pull = np.zeros_like(influence) if is_collecting() else None
        plain = self.complete and self.sample.adjustment == "none" and self.sample.weight is None
        for others, numbers in self._batches.values():
            place = self.pairs[numbers[0]][0]
            kept = zip(self.groups, others, strict=True)
            spans = _merge([rows for (_, rows), is_in in kept if is_in])
            batches = [numbers]
            if not self.complete and self.sample.adjustment == "regression":
                batches = [[k] for k in self._regressions(numbers, spans, estimate, influence)]
            for batch in batches:
                try:
                    if plain:
                        for k in batch:
                            estimate[k] = self._difference(k, spans, influence[k])
                    else:
                        estimate[batch] = self._scores(batch, spans, influence)
                except NoOverlapError as error:
                    cohorts = lost.setdefault(str(error), {})
                    missing = (int(years[self.pairs[k][1]]) for k in batch)
                    cohorts.setdefault(self.groups[place][0], []).extend(missing)
        return estimate, influence

    def _regressions(
        self, numbers: list[int], spans: list[slice], estimate: Floats, influence: Floats
    ) -> list[int]:
        """Fill in what regressions at once can tell, and return the pairs left to do alone."""
        place, t, b = np.array([self.pairs[k] for k in numbers]).T
        rows = self.groups[place[0]][1]
        if not spans:
            return numbers
        control = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        change = self.by_year[t] - self.by_year[b]
        alone = []
        for k, line, found in zip(
            numbers, change, regressions(change, rows, control, self.sample), strict=True
        ):
            if found is None:
                alone.append(k)
                continue
            estimate[k] = found.estimate[0]
            influence[k, rows], influence[k, control] = found.treated[:, 0], found.control[:, 0]
            if self.pull is not None:
                self.pull[k, control] = found.pull
            seen = ~np.isnan(line)
            self.used[rows] |= seen[rows]
            self.used[control] |= seen[control]
        return alone

    def _difference(self, k: int, spans: list[slice], column: Floats) -> float:
        """Return a difference of mean changes; slices spare copies of large panels."""
        place, t, b = self.pairs[k]
        rows, now, then = self.groups[place][1], self.by_year[t], self.by_year[b]
        if not spans:
            raise NoOverlapError("no comparison left")
        treated = now[rows] - then[rows]
        self.used[rows] = True
        mean = treated.mean()
        column[rows] = (treated - mean) / len(treated)
        changes = [now[span] - then[span] for span in spans]
        n = sum(len(change) for change in changes)
        level = sum(float(change.sum()) for change in changes) / n
        for span, change in zip(spans, changes, strict=True):
            column[span] = (level - change) / n
            if self.pull is not None:
                self.pull[k, span] = -1 / n
            self.used[span] = True
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
        self.used[units] = self.used[control] = True
        lines = np.array(numbers)[:, None]
        influence[lines, units] = scores.treated.T
        influence[lines, control] = scores.control.T
        if self.pull is not None:
            self.pull[lines, control] = scores.pull
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
