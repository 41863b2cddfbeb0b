"""Sensitivity of an event study to non-parallel trends (Rambachan & Roth 2023)."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from analysis._frame import check_level
from analysis.effects.results import EffectSeries, Floats, html_table, unit_of
from analysis.effects.sensitivity._honest_affine import shortest, unbiased_estimators
from analysis.effects.sensitivity._honest_moments import kept_range, relative_moments
from analysis.effects.sensitivity._honest_study import EventStudy, around_reference
from analysis.errors import LianjianError

__all__ = [
    "EventStudy",
    "HonestSensitivity",
    "around_reference",
    "honest_did",
    "relative_magnitudes",
    "smoothness",
]


FEW_DF = 3.0
"""An event time with fewer degrees of freedom has a t that is twice the normal and more."""


@dataclass(frozen=True, repr=False)
class HonestSensitivity:
    """Robust intervals for one effect under a growing departure from parallel trends."""

    restriction: str  # which departures are allowed
    estimate: float  # the effect l'τ under parallel trends, its error and interval, outcome units
    std_error: float
    original: tuple[float, float]
    bounds: tuple[float, ...]  # on departures: Mbar, or M in outcome units
    low: tuple[float, ...]
    high: tuple[float, ...]
    breakdown: float  # largest bound up to which every interval excludes zero; NaN when none does
    level: float
    notes: tuple[str, ...] = ()  # empty intervals; event times before that few clusters carry
    outcome: str = ""  # the column studied, where a study asked

    def plot(self, unit: str = "") -> Any:
        """Draw the intervals as departures from parallel trends grow, 万元 for yuan by 10,000."""
        # by name, so that numbers need no drawing library
        figures = import_module("analysis.figures")
        known = unit_of(unit, self.outcome)
        bound = self.restriction[0].upper() + self.restriction[1:]
        return figures.honest_intervals({self.outcome: self}, bound, unit=known)

    def tidy(self) -> pd.DataFrame:
        """Return one row a bound: bound, low, high."""
        return pd.DataFrame({"bound": self.bounds, "low": self.low, "high": self.high})

    def _repr_html_(self) -> str:
        return html_table(self.restriction, self.tidy(), self.notes)

    def __repr__(self) -> str:
        lines = [f"{self.restriction}: {self.estimate:.4g} (SE {self.std_error:.4g})"]
        lines += [
            f"  bound {bound:g}: [{low:.4g}, {high:.4g}]"
            for bound, low, high in zip(self.bounds, self.low, self.high, strict=True)
        ]
        return "\n".join([*lines, *self.notes])


def honest_did(
    series: EffectSeries,
    bounds: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
    *,
    restriction: Literal["relative_magnitudes", "smoothness"] = "relative_magnitudes",
    event_time: int | None = None,
    earliest: int | None = None,
) -> HonestSensitivity:
    """Return robust intervals for an event study as trends are allowed to differ.

    Parameters
    ----------
    series : EffectSeries
        By event time, all against one base year: `aggregate` "event" of effects with
        ``base="universal"``, `twfe`'s event study, with or without `few_clusters` or
        `randomization_inference`.
    bounds : sequence of float
        Mbar without unit, or M in outcome units a period².
    restriction : {"relative_magnitudes", "smoothness"}
        Which departures are allowed; see the functions of these names.
    event_time : int, optional
        The effect at one event time; the mean of those from 0 on, each counting once, when not
        given.
    earliest : int, optional
        First event time whose trend counts; all that are seen when not given. Those that rest on
        few clusters make the bounds wide.

    Returns
    -------
    HonestSensitivity
        At the level of the series.

    Raises
    ------
    LianjianError
        The series is not by event time, has no or several base years, or gaps.

    Notes
    -----
    Taken over from the series are its reference, its covariance, and its t: where it has d degrees
    of freedom each standard error is multiplied by t(d)/z, as the intervals rest on the normal.

    Examples
    --------
    >>> from analysis.effects.examples import growing_villages
    >>> from analysis.effects.did.callaway_santanna import aggregate, att_gt
    >>> series = aggregate(att_gt(growing_villages(), base="universal"), "event")
    >>> honest_did(series, [0.5]).tidy().shape
    (1, 3)
    """
    if series.by != "event_time":
        raise LianjianError(f"The series is by {series.by}; sensitivity needs one by event time.")
    if len(series.reference) != 1:
        zeros = ", ".join(map(str, series.reference)) or "none"
        raise LianjianError(
            f"The reference event times are {zeros}; one was expected. With att_gt take "
            "base='universal'; where years have gaps, keep cohorts whose base is as far back."
        )
    known = series.std_error > 0
    if not known.any():
        raise LianjianError(
            "No effect of the series has a standard error, so there is no interval to widen. Its "
            "notes say why."
        )
    if earliest is not None:
        known &= series.index >= earliest
    df = np.broadcast_to(np.asarray(series.df, dtype=float), series.index.shape)
    tail = (1 - series.level) / 2
    wider = np.where(np.isnan(df), 1.0, scipy.stats.t.isf(tail, np.nan_to_num(df, nan=1.0)))
    wider = np.where(np.isnan(df), 1.0, wider / scipy.stats.norm.isf(tail))[known]
    covariance = series.covariance[np.ix_(known, known)] * np.outer(wider, wider)
    study = around_reference(
        series.index[known], series.estimate[known], covariance, reference=series.reference[0]
    )
    after = np.sort(series.index[known][series.index[known] > series.reference[0]])
    chosen = (after >= 0) if event_time is None else after == event_time
    if not chosen.any():
        raise LianjianError(f"The series has no event time {event_time} with a standard error.")
    weights = chosen / chosen.sum()
    if restriction not in {"relative_magnitudes", "smoothness"}:
        raise LianjianError(
            f"restriction is {restriction!r}; it can be relative_magnitudes or smoothness."
        )
    make = smoothness if restriction == "smoothness" else relative_magnitudes
    found = make(study, bounds, weights=weights, level=series.level)
    loose = series.index[known & (series.index < series.reference[0]) & (df < FEW_DF)]
    notes = found.notes
    if len(loose):
        times = ", ".join(map(str, loose.tolist()))
        text = (
            f"Event times {times} rest on few clusters and make these bounds wide; `earliest` "
            "leaves them out."
        )
        notes = (*notes, text)
    return replace(found, notes=notes, outcome=series.outcome)


def _target(study: EventStudy, weights: npt.ArrayLike | None) -> Floats:
    if weights is None:
        return np.eye(len(study.post))[0]
    target = np.asarray(weights, dtype=float)
    if target.shape != study.post.shape or not target.any():
        raise LianjianError(
            f"The weights have shape {target.shape}; expected one a period after the reference "
            f"({len(study.post)}), not all zero."
        )
    return target


def _effect(study: EventStudy, target: Floats) -> tuple[float, float]:
    a = len(study.pre)
    variance = float(target @ study.covariance[a:, a:] @ target)
    if variance <= 0:
        raise LianjianError("The effect has no variance; sensitivity needs its standard error.")
    return float(target @ study.post), math.sqrt(variance)


def _check_bounds(bounds: Sequence[float]) -> tuple[float, ...]:
    values = tuple(float(bound) for bound in bounds)
    if not values or not all(math.isfinite(bound) and bound >= 0 for bound in values):
        raise LianjianError(f"The bounds are {values}; give one or more numbers from 0 up.")
    return values


def _sensitivity(
    study: EventStudy,
    target: Floats,
    ends: list[tuple[float, float]],
    *,
    restriction: str,
    bounds: tuple[float, ...],
    level: float,
    notes: list[str],
) -> HonestSensitivity:
    estimate, error = _effect(study, target)
    reach = float(scipy.stats.norm.ppf((1 + level) / 2)) * error
    breakdown = math.nan
    for bound, (low, high) in sorted(zip(bounds, ends, strict=True)):
        if not (low > 0 or high < 0):
            break
        breakdown = bound
    return HonestSensitivity(
        restriction=restriction,
        estimate=estimate,
        std_error=error,
        original=(estimate - reach, estimate + reach),
        bounds=bounds,
        low=tuple(low for low, _ in ends),
        high=tuple(high for _, high in ends),
        breakdown=breakdown,
        level=level,
        notes=tuple(notes),
    )


def relative_magnitudes(
    study: EventStudy,
    bounds: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
    *,
    weights: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> HonestSensitivity:
    """Return intervals when steps of the trend after are at most Mbar times the largest before."""
    # |δ_{t+1} − δ_t| ≤ Mbar max_{s<0} |δ_{s+1} − δ_s| for t ≥ 0.
    # δ is the difference in trends that would be there without treatment. The largest step before
    # is estimated, not known: the interval unites, over every step and sign, the null values that
    # the conditional–least-favourable hybrid test keeps.
    # Rambachan & Roth 2023 (DOI 10.1093/restud/rdad018), sec. 2.4.2 and 3; Andrews, Roth & Pakes
    # 2023 (DOI 10.1093/restud/rdad001), sec. 5–6 for the test. Only moments of the periods after
    # enter, the default of the authors' package when there are several; with one it adds those
    # before.
    check_level(level)
    values, target, alpha = _check_bounds(bounds), _target(study, weights), 1 - level
    _effect(study, target)
    ends, notes = [], []
    for bound in values:
        low, high = kept_range(relative_moments(study, target, bound, alpha), alpha)
        if math.isnan(low):
            notes.append(f"Mbar = {bound:g}: no value is kept")
        ends.append((low, high))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return _sensitivity(
        study,
        target,
        ends,
        restriction="relative magnitudes (Mbar times the largest step before)",
        bounds=values,
        level=level,
        notes=notes,
    )


def smoothness(
    study: EventStudy,
    bounds: Sequence[float] = (0.0,),
    *,
    weights: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> HonestSensitivity:
    """Return the shortest fixed-length intervals when the trend bends by at most M a period."""
    # |(δ_{t+1} − δ_t) − (δ_t − δ_{t−1})| ≤ M.
    # M = 0 extrapolates a straight line. The interval is centred at an affine estimator v'b, with
    # half-length s·c(bias/s): c(x) the quantile of |N(x, 1)|, s the deviation and bias the worst
    # one.
    # Rambachan & Roth 2023 (DOI 10.1093/restud/rdad018), sec. 2.4.1 and 4.1; Armstrong & Kolesár
    # 2018 (DOI 10.3982/ECTA14434) for the fixed-length interval.
    check_level(level)
    values, target = _check_bounds(bounds), _target(study, weights)
    _, error = _effect(study, target)
    affine = unbiased_estimators(study, target)
    ends = []
    for bound in values:
        bends, half = shortest(affine, bound, level, error)
        centre = float((affine.origin + affine.moves @ bends) @ study.pre + target @ study.post)
        ends.append((centre - half, centre + half))
    return _sensitivity(
        study,
        target,
        ends,
        restriction="smoothness (the slope changes by at most M a period)",
        bounds=values,
        level=level,
        notes=[],
    )
