"""Does the estimate survive: placebo dates, placebo groups, leaving one group out.

All take a panel with one row a unit and year, and an estimator: a function from such a panel to an
`Estimate`. They change the panel, call the estimator, and put its answers side by side. A variant
that the estimator refuses keeps its row, without numbers and with the reason in ``notes``.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._evidence import paused
from analysis._frame import need_columns
from analysis.effects._stands_on import LEFT_OUT, inside
from analysis.effects.panel import Panel
from analysis.effects.results import Estimate
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

T = TypeVar("T")
Estimator: TypeAlias = Callable[[pd.DataFrame], Estimate]


def cohorts(panel: pd.DataFrame, cohort: str) -> pd.Series:
    """Return the year of joining as a float a row, NaN for never (missing or 0 in the panel)."""
    years = pd.to_numeric(panel[cohort]).astype("float64")
    return years.where(years > 0)


def attempt(estimator: Callable[[T], Estimate], panel: T) -> dict[str, object]:
    """Return the numbers of an estimate as a row, or the reason why there are none."""
    try:
        result = estimator(panel)
    except LianjianError as error:
        names = ("estimate", "std_error", "low", "high", "p_value")
        return {**dict.fromkeys(names, np.nan), "notes": f"not estimated: {error}"}
    return {str(name): value for name, value in result.tidy().iloc[0].items()}


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    if table["estimate"].isna().all():
        raise LianjianError(f"No variant could be estimated. The first: {table['notes'].iloc[0]}")
    return table


def placebo_dates(
    panel: pd.DataFrame,
    estimator: Estimator,
    *,
    shifts: Sequence[int] = (1, 2),
    cohort: str = "joined_year",
) -> pd.DataFrame:
    """Estimate an effect that cannot be: as if each village had joined some years earlier."""
    # Only rows before the true year of joining are used, so that no true effect enters.
    # Never-joined units keep the years in which some joiner is still there.
    # The in-time placebo of Heckman & Hotz 1989 (DOI 10.1080/01621459.1989.10478848).
    need_columns(panel, "village_id", cohort, "year")
    joined, when = cohorts(panel, cohort), panel["year"].astype("float64")
    before = panel[(when < joined) | (joined.isna() & (when < joined.max()))]
    joined, when = cohorts(before, cohort), before["year"].astype("float64")
    rows = []
    for shift in shifts:
        if shift < 1:
            raise LianjianError(f"A placebo date must be earlier: shift {shift}; give 1 or more.")
        # a joiner seen only from the placebo date on has no before to compare with
        unseen = when.groupby(before["village_id"]).transform("min") >= joined - shift
        variant = before.assign(**{cohort: joined - shift})[~unseen]
        dropped = int(before.loc[unseen, "village_id"].nunique())
        rows.append({"shift": shift, **attempt(estimator, variant), "n_units_dropped": dropped})
    return _table(rows)


def leave_one_out(
    panel: Panel, estimator: Callable[[Panel], Estimate], groups: NDArray[np.object_]
) -> pd.DataFrame:
    """Estimate again without each county, alliance or cohort in turn."""
    # The jackknife as a check of influence, not of variance: Tukey 1958, Annals of Mathematical
    # Statistics 29, 614.
    labels = pd.Series(groups)
    values = sorted(labels.dropna().unique().tolist())
    if len(values) < 2:
        raise LianjianError(f"There is {len(values)} group; nothing is left without it.")
    found: list[dict[str, object]] = [{"left_out": "none", **attempt(estimator, panel)}]
    with paused():  # what one group adds is its own
        for value in values:
            keep = labels.ne(value).fillna(value=True).to_numpy(np.bool_)
            found.append({"left_out": str(value), **attempt(estimator, panel.take(keep))})
    table = _table(found)
    table = table.assign(change=table["estimate"] - table["estimate"].iloc[0])
    money = table[["estimate", "std_error", "low", "high", "p_value", "change"]]
    inside(LEFT_OUT, money, money / YUAN_PER_WAN, money.abs() / YUAN_PER_WAN)
    return table
