"""Income bands, moves between them, and who is weak: each bound and threshold once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis._frame import (
    amounts,
    by_village,
    flat,
    just_under,
    names_of,
    need_years,
    numeric,
    panel_of,
    said,
)
from analysis.errors import LianjianError, did_you_mean
from analysis.fields import BANDS_WAN, YUAN_PER_WAN
from analysis.indicators._stands_on import keep_bands, keep_below, keep_transitions

NOTHING_YUAN = 0.005
"""Less than half a fen, or a loss, is no income: what is left when entries cancel in binary."""

STATUSES = ["empty shell", "weak", "not weak"]


@dataclass(frozen=True)
class WeakRule:
    """Weak: operating income, and total income where the rule looks at it, under these 万元."""

    operating_wan: float
    total_wan: float | None
    source: str


WEAK_RULES = {
    "gansu": WeakRule(5.0, None, "practice in Gansu by 2022, low confidence"),
    "hunan": WeakRule(5.0, None, "Hunan: operating income under 5 万元"),
    "zhejiang": WeakRule(5.0, 10.0, "Zhejiang 2012: total under 10 and operating under 5 万元"),
}

WEAK_WAN = WEAK_RULES["gansu"].operating_wan
"""Operating income under which a village is weak, 万元, wherever nothing else is said."""


def _bounds(bounds: Iterable[float] | None) -> tuple[float, ...]:
    """Return ascending positive bounds of bands, those of the registry where none are given."""
    if bounds is None:
        return BANDS_WAN
    given = tuple(amounts(list(bounds), "The bounds").tolist())
    if not given or given[0] <= 0 or list(given) != sorted(set(given)):
        raise LianjianError(
            f"Bounds of bands ascend from above 0, as in {BANDS_WAN} 万元; these are {given}."
        )
    return given


def band_labels(bounds: Iterable[float] | None = None) -> list[str]:
    """Return the names of the bands in ascending order; bounds in 万元."""
    edges = _bounds(bounds)
    inner = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    return ["none", f"under {edges[0]:g}", *inner, f"{edges[-1]:g} and over"]


def band(income_yuan: pd.Series, bounds: Iterable[float] | None = None) -> pd.Series:
    """Return the band of each income; lower bounds are inclusive."""
    wan = _bounds(bounds)
    income = pd.Series(income_yuan)
    values = pd.Series(amounts(income, "The income"), income.index)
    return pd.cut(values, edges_yuan(wan), right=False, labels=band_labels(wan))


def edges_yuan(bounds: Iterable[float] | None = None) -> list[float]:
    """Return between which incomes in yuan the bands lie, no income first."""
    wan = _bounds(bounds)
    return [-np.inf, NOTHING_YUAN, *(just_under(bound * YUAN_PER_WAN) for bound in wan), np.inf]


def band_shares(
    panel: pd.DataFrame,
    by: str | Iterable[str] = "year",
    column: str = "operating_income_yuan",
    bounds: Iterable[float] | None = None,
) -> pd.DataFrame:
    """Return the share of villages in each band, in percent, one row a group.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    by : str or list of str
        Grouping columns; ``year`` is one of them unless the panel holds one year only.
    column : str
        The measure; villages without it are left out.
    bounds : iterable of float, optional
        Ascending lower bounds of the bands, 万元; those of the registry where none are given.

    Returns
    -------
    DataFrame
        Groups by bands, each row adding up to 100; ``attrs["notes"]`` counts who is left out.

    Raises
    ------
    LianjianError
        A column is missing or no number, the panel is empty, or years would be pooled.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": list("ABCD"), "year": 2024,
    ...                       "x_yuan": [0.0, 1e4, 6e4, 7e4]})
    >>> band_shares(frame, "year", "x_yuan", (5.0,)).iloc[0].tolist()
    [25.0, 25.0, 50.0]
    """
    by = names_of(by, "by")
    frame = panel_of(panel, column, by=by)
    known = frame[frame[column].notna()]
    keys = [known[name] for name in by] or [pd.Series("all", known.index)]
    bands = band(known[column], bounds)
    counts = known.groupby([*keys, bands], observed=True, dropna=False).size()
    table = counts.unstack(fill_value=0).reindex(columns=band_labels(bounds), fill_value=0)
    without = len(frame) - len(known)
    note = f"{without} of {len(frame)} rows have no {column} and are left out" if without else ""
    shares = table.div(table.sum(axis=1), axis=0) * 100
    keep_bands(known, keys, column, edges_yuan(bounds), shares)
    return said(shares, note)


def weak_share(
    panel: pd.DataFrame,
    by: str | Iterable[str] = "year",
    threshold_wan: float | None = None,
    *,
    column: str = "operating_income_yuan",
) -> pd.DataFrame:
    """Return the share of villages whose income is under the threshold, in percent.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan; villages without it are left out.
    by : str or list of str
        Grouping columns; ``year`` is one of them unless the panel holds one year only.
    threshold_wan : float, optional
        Weak: under this, 万元; ``WEAK_WAN`` where none is given.
    column : str
        The measure, operating income by default.

    Returns
    -------
    DataFrame
        ``by``, ``weak_pct`` and ``villages`` (with a known income), one row a group.

    Raises
    ------
    LianjianError
        A column is missing or no number, the panel is empty, or years would be pooled.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": list("ABCD"), "year": 2024,
    ...                       "operating_income_yuan": [4e4, 5e4, 6e4, 7e4]})
    >>> weak_share(frame)["weak_pct"].item()
    25.0
    """
    by = names_of(by, "by")
    frame = panel_of(panel, column, by=by)
    weak = (frame[column] < line_yuan(threshold_wan)).astype(float).where(frame[column].notna())
    keys = [frame[name] for name in by] or [pd.Series("all", frame.index)]
    groups = weak.groupby(keys, observed=True, sort=True, dropna=False)
    shares = pd.DataFrame({"weak_pct": groups.mean() * 100, "villages": groups.count()})
    keep_below(frame, keys, column, line_yuan(threshold_wan), shares["weak_pct"])
    without = shares.index[shares["villages"] == 0].tolist()
    note = f"No village of {without} has a known {column}" if without else ""
    return said(flat(shares, by), note)


def line_yuan(threshold_wan: float | None) -> float:
    """Return the least income, in yuan, that is not weak."""
    line = WEAK_WAN if threshold_wan is None else threshold_wan
    if not line > 0:
        raise LianjianError(f"The threshold is {line:g} 万元; an amount above 0 was expected.")
    return just_under(line * YUAN_PER_WAN)


def status(panel: pd.DataFrame, rule: WeakRule | str | float = "gansu") -> pd.Series:
    """Return whether each row is an empty shell (空壳村), weak (薄弱村) or neither."""
    if isinstance(rule, str):
        if rule not in WEAK_RULES:
            near = did_you_mean(rule, WEAK_RULES)
            raise LianjianError(
                f"There is no rule {rule!r}.{near} The rules are {', '.join(WEAK_RULES)}."
            )
        rule = WEAK_RULES[rule]
    elif not isinstance(rule, WeakRule):
        rule = WeakRule(float(amounts(rule, "The threshold")), None, "given")
    measures = ["operating_income_yuan", *["total_income_yuan"] * (rule.total_wan is not None)]
    frame = numeric(panel, *measures)
    operating = frame["operating_income_yuan"]
    weak = operating < line_yuan(rule.operating_wan)
    known = operating.notna()
    nothing = operating < NOTHING_YUAN
    if rule.total_wan is not None:
        total = frame["total_income_yuan"]
        # total income decides only where operating income leaves the question open
        known &= total.notna() | ~weak | nothing
        weak &= total < line_yuan(rule.total_wan)
    text = np.select([nothing, weak], STATUSES[:2], STATUSES[2])
    values = pd.Series(text, index=frame.index).where(known)
    return values.astype(pd.CategoricalDtype(STATUSES, ordered=True)).rename("status")


@dataclass(frozen=True)
class Transitions:
    """Moves of villages between the bands of two years."""

    # `counts` has bands at the start by bands at the end, all of them, ascending; `shares` the same
    # in percent of the row, missing where nobody started. `villages` are known in both years,
    # `left_out` in one only; `up_pct, stayed_pct, down_pct` add up to 100.

    counts: pd.DataFrame
    shares: pd.DataFrame
    villages: int
    left_out: int
    up_pct: float
    stayed_pct: float
    down_pct: float


def transitions(
    panel: pd.DataFrame,
    column: str,
    start: int,
    end: int,
    bounds: Sequence[float] | None = None,
) -> Transitions:
    """Count the moves of villages between income bands of two years.

    Parameters
    ----------
    panel, column : DataFrame, str
        ``village_id`` by ``year``, and the measure in yuan.
    start, end : int
        Years, the earlier first.
    bounds : sequence of float, optional
        Ascending lower bounds of the bands, 万元; those of the registry where none are given.

    Raises
    ------
    LianjianError
        The panel lacks one of the years, or no village has the measure in both.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": ["A", "A"], "year": [2023, 2024],
    ...                       "operating_income_yuan": [0.0, 50_000.0]})
    >>> moves = transitions(frame, "operating_income_yuan", 2023, 2024)
    >>> moves.counts.loc["none", "5–10"].item(), moves.up_pct
    (1, 100.0)
    """
    wide = by_village(panel, column)
    need_years(wide, start, end)
    both = pd.DataFrame({"s": band(wide[start], bounds), "e": band(wide[end], bounds)})
    known = both.dropna()
    if known.empty:
        raise LianjianError(
            f"No village has a known {column} in both {start} and {end}: nobody moved."
        )
    classes = pd.CategoricalIndex(both["s"].cat.categories, dtype=both["s"].dtype)
    counts = pd.crosstab(known["s"], known["e"], dropna=False)
    # pandas may drop classes that nobody is in; all of them are shown
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    counts = counts.rename_axis(index="start", columns="end")
    step = known["e"].cat.codes - known["s"].cat.codes
    rows = counts.sum(axis=1)
    shares = counts.div(rows.where(rows > 0), axis=0) * 100
    amounts_yuan = wide.loc[known.index, [start, end]]
    keep_transitions(amounts_yuan, column, edges_yuan(bounds), counts, shares)
    return Transitions(
        counts=counts,
        shares=shares,
        villages=len(known),
        left_out=int(both.notna().any(axis=1).sum() - len(known)),
        up_pct=float((step > 0).mean() * 100),
        stayed_pct=float((step == 0).mean() * 100),
        down_pct=float((step < 0).mean() * 100),
    )
