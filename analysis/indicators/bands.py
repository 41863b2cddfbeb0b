"""Income bands and the status of weakness, with their thresholds as arguments."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.errors import need_columns
from analysis.indicators.income import YUAN_PER_WAN
from analysis.indicators.tables import amounts, just_under, numeric

BANDS_WAN = (5.0, 10.0, 50.0, 100.0)
"""Lower bounds of the bands above the first, 万元 (bands of later yearbooks, from memory)."""

WEAK_WAN = 5.0
"""Operating income under which a village is weak, 万元 (practice in Gansu, low confidence)."""

NOTHING_YUAN = 0.005
"""Less than half a fen, or a loss, is no income: what is left when entries cancel in binary."""


def band_labels(bounds: tuple[float, ...] = BANDS_WAN) -> list[str]:
    """Return the names of the bands in ascending order.

    Examples
    --------
    >>> band_labels((5.0, 10.0))
    ['none', 'under 5', '5–10', '10 and over']
    """
    inner = [f"{low:g}–{high:g}" for low, high in pairwise(bounds)]
    return ["none", f"under {bounds[0]:g}", *inner, f"{bounds[-1]:g} and over"]


def band(income_yuan: pd.Series, bounds: tuple[float, ...] = BANDS_WAN) -> pd.Series:
    """Return the band of each income; lower bounds are inclusive.

    Parameters
    ----------
    income_yuan : Series
        Income in yuan; missing stays missing, and "none" means no income, not no record.
    bounds : tuple of float
        Ascending lower bounds in 万元.

    Examples
    --------
    >>> band(pd.Series([0.0, 49_999.0, 50_000.0, 2_000_000.0])).tolist()
    ['none', 'under 5', '5–10', '100 and over']
    """
    edges = [-np.inf, NOTHING_YUAN, *(just_under(bound * YUAN_PER_WAN) for bound in bounds), np.inf]
    values = pd.Series(amounts(income_yuan, "The income"), income_yuan.index)
    return pd.cut(values, edges, right=False, labels=band_labels(bounds))


def band_shares(
    panel: pd.DataFrame, by: list[str], column: str, bounds: tuple[float, ...] = BANDS_WAN
) -> pd.DataFrame:
    """Return the share of villages in each band, in percent, one row a group.

    Parameters
    ----------
    panel : DataFrame
        Village by year with the measure in yuan.
    by : list of str
        Grouping columns.
    column : str
        The measure; villages without it are left out.
    bounds : tuple of float
        Ascending lower bounds of the bands, 万元.

    Raises
    ------
    LianjianError
        A column is missing, or the measure is no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"year": 2024, "x_yuan": [0.0, 1e4, 6e4, 7e4]})
    >>> band_shares(frame, ["year"], "x_yuan", (5.0,)).iloc[0].tolist()
    [25.0, 25.0, 50.0]
    """
    need_columns(panel, column, *by)
    known = panel[panel[column].notna()]
    bands = band(known[column], bounds)
    counts = known.groupby([*by, bands], observed=False).size().unstack(fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0) * 100


def weak_share(panel: pd.DataFrame, by: list[str], threshold_wan: float = WEAK_WAN) -> pd.DataFrame:
    """Return the share of villages whose operating income is under the threshold, in percent.

    Parameters
    ----------
    panel : DataFrame
        With ``operating_income_yuan``; villages without it are left out.
    by : list of str
        Grouping columns.
    threshold_wan : float
        Weak: under this, 万元.

    Returns
    -------
    DataFrame
        ``by`` and ``weak_pct``, one row a group.

    Raises
    ------
    LianjianError
        A column is missing, or the income is no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"year": 2024, "operating_income_yuan": [4e4, 5e4, 6e4, 7e4]})
    >>> weak_share(frame, ["year"])["weak_pct"].item()
    25.0
    """
    need_columns(panel, *by)
    panel = numeric(panel, "operating_income_yuan")
    known = panel[panel["operating_income_yuan"].notna()]
    weak = known["operating_income_yuan"] < just_under(threshold_wan * YUAN_PER_WAN)
    shares = weak.groupby([known[name] for name in by]).mean() * 100
    return shares.rename("weak_pct").reset_index()


@dataclass(frozen=True)
class WeakRule:
    """A named threshold of weakness.

    Attributes
    ----------
    operating_wan : float
        Weak: operating income under this, 万元.
    total_wan : float or None
        … and total income under this; None where the rule does not look at it.
    source : str
        Where the rule is from.
    """

    operating_wan: float
    total_wan: float | None
    source: str


WEAK_RULES = {
    "gansu": WeakRule(5.0, None, "practice in Gansu by 2022, low confidence"),
    "hunan": WeakRule(5.0, None, "Hunan: operating income under 5 万元"),
    "zhejiang": WeakRule(5.0, 10.0, "Zhejiang 2012: total under 10 and operating under 5 万元"),
}
STATUSES = ["empty shell", "weak", "not weak"]


def status(panel: pd.DataFrame, rule: WeakRule = WEAK_RULES["gansu"]) -> pd.Series:
    """Return whether each row is an empty shell (空壳村), weak (薄弱村) or neither.

    Parameters
    ----------
    panel : DataFrame
        With ``operating_income_yuan`` and, for a rule that needs it, ``total_income_yuan``.
    rule : WeakRule
        The thresholds; they are exclusive: a village at 5 万元 is not weak.

    Returns
    -------
    Series
        Ordered categories. An empty shell has no operating income, whatever its subsidies and
        whatever the rule. Missing when an income that decides is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"operating_income_yuan": [0.0, 4e4, 4e4, 5e4],
    ...                       "total_income_yuan": [3e5, 9e4, 1e5, 5e4]})
    >>> status(frame, WEAK_RULES["zhejiang"]).tolist()
    ['empty shell', 'weak', 'not weak', 'not weak']
    """
    measures = ["operating_income_yuan", *["total_income_yuan"] * (rule.total_wan is not None)]
    panel = numeric(panel, *measures)
    operating = panel["operating_income_yuan"]
    weak = operating < just_under(rule.operating_wan * YUAN_PER_WAN)
    known = operating.notna()
    nothing = operating < NOTHING_YUAN
    if rule.total_wan is not None:
        total = panel["total_income_yuan"]
        # total income decides only where operating income leaves the question open
        known &= total.notna() | ~weak | nothing
        weak &= total < just_under(rule.total_wan * YUAN_PER_WAN)
    text = np.select([nothing, weak], STATUSES[:2], STATUSES[2])
    values = pd.Series(text, index=panel.index).where(known)
    return values.astype(pd.CategoricalDtype(STATUSES, ordered=True)).rename("status")
