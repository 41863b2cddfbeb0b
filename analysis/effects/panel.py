"""The panel that every estimator shares: units × years, with stated rules for what is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._frame import amounts, check_ids, need_columns
from analysis.effects._panel_columns import (
    NEVER,
    Bools,
    Floats,
    Ints,
    by_unit_year,
    calendar,
    check_constant,
    first_known,
    first_treated,
    independent,
    start_years,
)
from analysis.errors import LianjianError

__all__ = ["NEVER", "Bools", "Floats", "Ints", "Panel", "make_panel"]

FEW_TREATED = 20
"""Below this many treated clusters a panel says that plain cluster-robust intervals are short."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Outcomes of N units in T years, and when each unit is first treated.

    Units are ordered by their data (cohort, never-treated last, then outcomes), not by their ids:
    shuffled rows and renamed ids give the same numbers to the last bit. Treat it as read-only.
    """

    y: Floats  # (N, T) outcome in its own unit, NaN where there is no row
    years: Ints  # (T,) that occur, ascending; they may have gaps
    cohort: Ints  # (N,) first treated year, 0 for never
    cluster: Ints  # (N,) 0 … G−1
    x: Floats  # (N, K) covariates of the unit, fixed in time
    covariates: tuple[str, ...]
    ids: NDArray[np.object_]  # (N,) as given
    outcome: str  # the columns they came from
    cluster_name: str
    notes: tuple[str, ...] = ()  # rows and units left out, and why
    weight: Floats | None = None  # (N, T) of each row, with mean one; None: all count alike

    @property
    def n_units(self) -> int:
        """Number of units N."""
        return len(self.cohort)

    @property
    def n_clusters(self) -> int:
        """Number of clusters G."""
        return int(self.cluster.max()) + 1

    @property
    def n_obs(self) -> int:
        """Number of unit-years with an outcome."""
        return int(np.count_nonzero(~np.isnan(self.y)))

    @property
    def cohorts(self) -> Ints:
        """First treated years that occur, ascending, without never."""
        return np.array([g for g, _ in self.groups if g != NEVER], dtype=np.int64)

    @cached_property
    def groups(self) -> list[tuple[int, slice]]:
        """Each cohort and where its units stand, the never-treated (0) last."""
        starts = np.flatnonzero(np.diff(self.cohort, prepend=-1))
        stops = [*starts[1:].tolist(), self.n_units]
        return [(int(self.cohort[a]), slice(int(a), b)) for a, b in zip(starts, stops, strict=True)]

    @property
    def unit_weight(self) -> Floats | None:
        """Weight of each unit (N,): that of its first row. None: all count alike."""
        if self.weight is None:
            return None
        first = np.argmax(~np.isnan(self.weight), axis=1)
        return self.weight[np.arange(self.n_units), first]

    def take(self, keep: Bools, *notes: str) -> "Panel":
        """Return the panel of the units marked in ``keep`` (N,), with notes added."""
        if not keep.any():
            raise LianjianError("No unit is left. " + " ".join(notes))
        return replace(
            self,
            y=self.y[keep],
            cohort=self.cohort[keep],
            cluster=np.unique(self.cluster[keep], return_inverse=True)[1].astype(np.int64),
            x=self.x[keep],
            ids=self.ids[keep],
            notes=self.notes + notes,
            weight=None if self.weight is None else self.weight[keep],
        )

    def __repr__(self) -> str:
        treated = int((self.cohort != NEVER).sum())
        return (
            f"<Panel {self.outcome}: {self.n_units:,} units ({treated:,} treated in "
            f"{len(self.cohorts)} cohorts), {self.years[0]}–{self.years[-1]}, "
            f"{self.n_obs:,} rows, {self.n_clusters:,} clusters by {self.cluster_name}>"
        )


def make_panel(
    frame: pd.DataFrame,
    outcome: str,
    *,
    unit: str = "village_id",
    year: str = "year",
    cohort: str = "joined_year",
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    unbalanced: Literal["keep", "balance"] = "keep",
    always: Literal["drop", "keep"] = "drop",
) -> Panel:
    """Build a panel from a long frame, or say what is wrong with it.

    Parameters
    ----------
    frame : DataFrame
        One row a unit and year; it is not changed.
    outcome, unit, year, cohort : str
        Columns. The cohort is the first treated year, missing, 0 or infinite for never; or 0 and 1
        where a unit is not, and is, treated in the row's year.
    cluster : str, optional
        Column whose values share shocks; the unit when not given. Units lie inside clusters.
    covariates : sequence of str
        Numeric columns; of a category, its dummies (`pandas.get_dummies`). One that changes over
        time is taken at the unit's first year with a value.
    weights : str, optional
        Column of sampling weights, 0 or more. Regressions and the imputation take each row's own;
        2×2 comparisons, ATT(g, t) among them, the unit's first one.
    unbalanced : {"keep", "balance"}
        Keep units that miss years, or drop them. Either is said in the notes.
    always : {"drop", "keep"}
        Units treated from the first year on, which show no untreated year. Kept, they help `twfe`
        and `event_study` to tell the years apart, and carry no weight elsewhere.

    Returns
    -------
    Panel
        Rows without an outcome and units without a covariate are dropped and counted in the notes.

    Raises
    ------
    LianjianError
        A column is missing or not numeric; a unit-year occurs twice; a cohort or a cluster changes
        inside a unit; there is one year, one cluster, no treated unit, no comparison, or an outcome
        that never varies. The message says what was seen and what to do.

    Notes
    -----
    Units treated only after the last year stay in: they are untreated in every year seen.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aabb"], "year": [2023, 2024] * 2,
    ...                       "income": [1.0, 4.0, 1.0, 2.0], "joined_year": [2024, 2024, 0, 0]})
    >>> panel = make_panel(frame, "income")
    >>> panel
    <Panel income: 2 units (1 treated in 1 cohorts), 2023–2024, 4 rows, 2 clusters by village_id>
    >>> panel.y.tolist()
    [[1.0, 4.0], [1.0, 2.0]]
    """
    others = [name for name in (cluster, weights) if name]
    _need_own(frame, unit, year, cohort)
    need_columns(frame, unit, year, cohort, outcome, *others, *covariates)
    frame, notes_of_flags = _with_cohorts(frame, unit, cohort, year)
    notes = [*notes_of_flags]
    values = amounts(frame[outcome], outcome)
    seen = ~np.isnan(values)
    if not seen.all():
        notes.append(f"{(~seen).sum():,} rows without {outcome} were dropped.")
        frame, values = frame.loc[seen], values[seen]
    mass = _weights(frame, weights)
    if mass is not None and not (mass > 0).all():
        notes.append(f"{(mass == 0).sum():,} rows whose {weights} is 0 or missing were dropped.")
        frame, values, mass = frame.loc[mass > 0], values[mass > 0], mass[mass > 0]
    if not len(frame):
        why = " ".join(notes)
        raise LianjianError(
            f"No row has a value of {outcome}, so there is nothing to estimate. {why}".rstrip()
        )
    if frame[unit].isna().any():
        raise LianjianError(f"{int(frame[unit].isna().sum())} rows have no {unit}. Name the units.")
    codes, labels = pd.factorize(frame[unit])
    ids = np.asarray(labels, dtype=object)
    check_ids(ids, unit)
    units = codes.astype(np.int64)
    when, years = calendar(frame, year)
    y = by_unit_year(units, when, values, ids=ids, years=years)
    starts = start_years(frame, cohort)
    if starts.max() == 1 and not notes_of_flags:
        notes += _said_of_one(cohort, years, year)
    first = np.empty(len(ids), np.int64)
    first[units[::-1]] = np.arange(len(units))[::-1]
    cohorts = starts[first]
    check_constant(cohorts[units] == starts, units, ids, cohort)
    x, varying = first_known(frame, covariates, units, when, len(ids))
    if varying:
        notes.append(f"{', '.join(varying)} varies over time: taken at each unit's first year.")
    group = np.arange(len(ids))
    if cluster and cluster != unit:
        if frame[cluster].isna().any():
            raise LianjianError(
                f"{int(frame[cluster].isna().sum())} rows have no {cluster}. "
                "Give every unit a cluster, or a cluster of its own."
            )
        groups, names = pd.factorize(frame[cluster])
        check_ids(names, cluster)
        group = groups[first]
        check_constant(group[units] == groups, units, ids, cluster)
    weight = _spread(mass, units, when, y)
    if weight is not None and (np.nanmax(weight, axis=1) > np.nanmin(weight, axis=1)).any():
        notes.append(
            f"{weights} varies over time: regressions take each row's own, 2×2 each unit's first."
        )
    panel = Panel(
        y=y,
        years=years,
        cohort=cohorts,
        cluster=group.astype(np.int64),
        x=x,
        covariates=tuple(covariates),
        ids=ids,
        outcome=outcome,
        cluster_name=cluster or unit,
        notes=tuple(notes),
        weight=weight,
    )
    return _check(_canonical(_say_dependent(_leave_out(panel, unbalanced, always))))


def _need_own(frame: pd.DataFrame, *names: str) -> None:
    """Check for unit, year and cohort, and say how to name one's own."""
    missing = [name for name in names if name not in frame.columns]
    if missing and not set(missing) & set(frame.index.names):
        raise LianjianError(
            f"The frame has no column {', '.join(missing)}; it has {', '.join(map(str, frame))}. "
            "Name your own: unit=…, year=…, cohort=…, the cohort being the first treated year."
        )


def _with_cohorts(
    frame: pd.DataFrame, unit: str, cohort: str, year: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with first treated years where its cohort is 0 and 1 and changes."""
    values = frame[cohort]
    is_date = pd.api.types.is_datetime64_any_dtype(values)
    if is_date or (pd.api.types.is_numeric_dtype(values) and values.gt(1).any()):
        return frame, []  # years, as nearly always: seen at once
    if not values.dropna().isin([0, 1]).all():
        return frame, []
    first = values.groupby(frame[unit].to_numpy()).transform("first")
    if (values.isna() | (values == first)).all():
        return frame, []
    note = f"{cohort} says who is treated when: cohorts are the first years in which it is 1."
    return frame.assign(**{cohort: first_treated(frame, cohort, unit, year)}), [note]


def _said_of_one(cohort: str, years: Ints, year: str) -> list[str]:
    """Say that cohorts of 1 are read as a period 1, or that there is none."""
    if years[0] > 1:
        raise LianjianError(
            f"{cohort} holds 0 and 1, and should hold the year in which a unit was first treated, "
            "missing or 0 for never; or whether it is treated in the row's year."
        )
    return [f"{cohort} holds 0 and 1: 1 is read as the {year} 1."] * (len(years) > 2)


def _weights(frame: pd.DataFrame, name: str | None) -> Floats | None:
    """Return the weight of each row, 0 where it is missing."""
    if name is None:
        return None
    mass = np.nan_to_num(amounts(frame[name], name))
    if (mass < 0).any():
        raise LianjianError(f"{name} is {mass.min():g} in a row; weights are 0 or more.")
    return mass


def _spread(mass: Floats | None, units: Ints, when: Ints, y: Floats) -> Floats | None:
    """Return the weights by unit and year with mean one over the rows."""
    if mass is None:
        return None
    weight = np.full(y.shape, np.nan)
    # sorted first: the mean does not depend on the order of the rows
    weight[units, when] = mass / np.sort(mass).mean()
    return weight


def _leave_out(panel: Panel, unbalanced: str, always: str) -> Panel:
    blank = np.isnan(panel.x).max(axis=1, initial=False)
    if blank.any():
        names = ", ".join(panel.covariates)
        panel = panel.take(~blank, f"{blank.sum():,} units without {names} were dropped.")
    missing = np.isnan(panel.y)
    short = missing.max(axis=1, initial=False)
    if unbalanced not in {"keep", "balance"}:
        raise LianjianError(f"unbalanced is {unbalanced!r}; it can be 'keep' or 'balance'.")
    if short.any() and unbalanced == "balance":
        panel = panel.take(~short, f"{short.sum():,} units that miss a year were dropped.")
    elif short.any():
        gaps = f"{short.sum():,} units miss {missing.sum():,} unit-years and were kept."
        panel = panel.take(np.ones(panel.n_units, dtype=np.bool_), gaps)
    if always not in {"drop", "keep"}:
        raise LianjianError(f"always is {always!r}; it can be 'drop' or 'keep'.")
    first = (panel.cohort != NEVER) & (panel.cohort <= panel.years[0])
    if first.any():
        text = f"{first.sum():,} units treated in {panel.years[0]} or before"
        if always == "keep":
            note = f"{text} were kept: they show no untreated year, and have an effect in none."
            return panel.take(np.ones(panel.n_units, dtype=np.bool_), note)
        panel = panel.take(~first, f"{text} were dropped: they show no untreated year.")
    return panel


def _say_dependent(panel: Panel) -> Panel:
    """Note which covariates others determine: least squares would leave them out in silence."""
    centred, spread = panel.x - panel.x.mean(axis=0), panel.x.std(axis=0)
    varies = np.flatnonzero(spread > 0)
    kept = varies[independent(centred[:, varies] / spread[varies])] if len(varies) else varies
    same = [name for k, name in enumerate(panel.covariates) if k not in varies]
    lost = [name for k, name in enumerate(panel.covariates) if k in varies and k not in kept]
    notes = panel.notes
    if same:
        notes += (f"{', '.join(same)} is the same in all units, and is left out.",)
    if lost:
        notes += (f"{', '.join(lost)} tells no more than the other covariates, and is left out.",)
    return replace(panel, notes=notes)


def _canonical(panel: Panel) -> Panel:
    """Order the units by their data, ids only among units that agree in everything."""
    last = np.iinfo(np.int64).max
    cohort = np.where(panel.cohort == NEVER, last, panel.cohort)
    level = np.nanmean(panel.y, axis=1)
    order = np.lexsort((level, cohort))
    ties = (np.diff(level[order]) == 0) & (np.diff(cohort[order]) == 0)
    if ties.any():
        ranks = np.argsort(np.argsort(panel.ids.astype(str), kind="stable"), kind="stable")
        sizes = np.bincount(panel.cluster)[panel.cluster]
        mass = () if panel.weight is None else panel.weight.T
        order = np.lexsort((ranks, sizes, *mass, *panel.x.T, *panel.y.T, level, cohort))
    cluster = pd.factorize(panel.cluster[order])[0].astype(np.int64)
    return replace(
        panel,
        y=panel.y[order],
        cohort=panel.cohort[order],
        cluster=cluster,
        x=panel.x[order],
        ids=panel.ids[order],
        weight=None if panel.weight is None else panel.weight[order],
    )


def _check(panel: Panel) -> Panel:
    treated = panel.cohort != NEVER
    why = " ".join(panel.notes)
    if not ((panel.cohorts <= panel.years[-1]) & (panel.cohorts > panel.years[0])).any():
        raise LianjianError(
            f"No unit is treated between {panel.years[0]} and {panel.years[-1]}. {why}".rstrip()
        )
    if treated.all() and len(panel.cohorts) == 1:
        raise LianjianError(
            f"All units are first treated in {panel.cohorts[0]}, so nobody can be compared with. "
            f"Add units that are never treated, or treated later. {why}".rstrip()
        )
    if panel.n_clusters == 1:
        raise LianjianError(
            f"All units lie in one cluster of {panel.cluster_name}, so no standard error can be "
            "had. Choose a finer cluster."
        )
    if np.nanmin(panel.y) == np.nanmax(panel.y):
        raise LianjianError(
            f"{panel.outcome} is {np.nanmin(panel.y):g} in every row. Is it the right column?"
        )
    return panel
