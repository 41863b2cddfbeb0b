"""Moves between ordered classes: who went from which band to which."""

from dataclasses import dataclass

import pandas as pd

from analysis.errors import LianjianError
from analysis.indicators.bands import BANDS_WAN, band
from analysis.indicators.tables import by_village, need_years


@dataclass(frozen=True)
class Transitions:
    """Moves of villages between the classes of two years.

    Attributes
    ----------
    counts : DataFrame
        Villages; rows: class at the start, columns: class at the end, both ascending and complete.
    shares : DataFrame
        The same in percent of the row; missing for a class in which nobody started.
    villages : int
        Villages with a class in both years.
    left_out : int
        Villages with a class in one of the years only.
    up_pct, stayed_pct, down_pct : float
        Villages that ended in a higher, the same or a lower class, in percent.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame
    villages: int
    left_out: int
    up_pct: float
    stayed_pct: float
    down_pct: float


def transitions(start: pd.Series, end: pd.Series) -> Transitions:
    """Count the moves between two classifications of the same villages.

    Parameters
    ----------
    start, end : Series
        Ordered categories with the village as index; both with the same categories.

    Raises
    ------
    LianjianError
        The categories differ or are not ordered, a village stands twice, or no village has a
        class in both years.

    Examples
    --------
    >>> kind = pd.CategoricalDtype(["low", "high"], ordered=True)
    >>> moves = transitions(pd.Series(["low", "low", "high"], list("ABC"), dtype=kind),
    ...                     pd.Series(["low", "high", "high"], list("ABC"), dtype=kind))
    >>> moves.counts.to_numpy().tolist(), moves.shares.to_numpy().tolist()
    ([[1, 1], [0, 1]], [[50.0, 50.0], [0.0, 100.0]])
    """
    for values in (start, end):
        if not isinstance(values.dtype, pd.CategoricalDtype) or not values.cat.ordered:
            raise LianjianError(
                f"Transitions need ordered categories, and these values are {values.dtype}. "
                "Classify them first, for example with bands.band or bands.status."
            )
        if values.index.has_duplicates:
            twice = values.index[values.index.duplicated()][0]
            raise LianjianError(f"Village {twice!r} stands twice; give one row a village.")
    if start.dtype != end.dtype:
        raise LianjianError(
            f"The classes of the two years differ: {list(start.cat.categories)} and "
            f"{list(end.cat.categories)}."
        )
    both = pd.concat({"start": start, "end": end}, axis=1)
    known = both.dropna()
    if known.empty:
        raise LianjianError("No village has a class in both years, so nobody moved.")
    counts = pd.crosstab(known["start"], known["end"], dropna=False)
    # pandas may drop classes that nobody is in; all of them are shown
    classes = pd.CategoricalIndex(start.cat.categories, dtype=start.dtype)
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    step = known["end"].cat.codes - known["start"].cat.codes
    rows = counts.sum(axis=1)
    return Transitions(
        counts=counts,
        shares=counts.div(rows.where(rows > 0), axis=0) * 100,
        villages=len(known),
        left_out=int(both.notna().any(axis=1).sum() - len(known)),
        up_pct=float((step > 0).mean() * 100),
        stayed_pct=float((step == 0).mean() * 100),
        down_pct=float((step < 0).mean() * 100),
    )


def band_transitions(
    panel: pd.DataFrame,
    column: str,
    start: int,
    end: int,
    bounds: tuple[float, ...] = BANDS_WAN,
) -> Transitions:
    """Count the moves of villages between income bands of two years.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    column : str
        The measure.
    start, end : int
        Years.
    bounds : tuple of float
        Ascending lower bounds of the bands, 万元.

    Raises
    ------
    LianjianError
        The panel lacks one of the years, or no village has the measure in both.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["A", "A"], "year": [2023, 2024],
    ...                       "operating_income_yuan": [0.0, 50_000.0]})
    >>> moves = band_transitions(frame, "operating_income_yuan", 2023, 2024)
    >>> moves.counts.loc["none", "5–10"].item(), moves.up_pct
    (1, 100.0)
    """
    wide = by_village(panel, column)
    need_years(wide, start, end)
    return transitions(band(wide[start], bounds), band(wide[end], bounds))
