"""Income bands and the status of weakness, with their thresholds as arguments."""

from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.indicators.income import YUAN_PER_WAN

BANDS_WAN = (5.0, 10.0, 50.0, 100.0)
"""Lower bounds of the bands above the first, 万元 (bands of later yearbooks, from memory)."""

WEAK_WAN = 5.0
"""Operating income under which a village is weak, 万元 (practice in Gansu, low confidence)."""


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
    edges = [-np.inf, np.nextafter(0, 1), *(bound * YUAN_PER_WAN for bound in bounds), np.inf]
    return pd.cut(income_yuan, edges, right=False, labels=band_labels(bounds))


def band_shares(
    panel: pd.DataFrame, by: list[str], column: str, bounds: tuple[float, ...] = BANDS_WAN
) -> pd.DataFrame:
    """Return the share of villages in each band, in percent, one row a group."""
    known = panel[panel[column].notna()]
    bands = band(known[column], bounds)
    counts = known.groupby([*by, bands], observed=False).size().unstack(fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0) * 100


def weak_share(panel: pd.DataFrame, by: list[str], threshold_wan: float = WEAK_WAN) -> pd.DataFrame:
    """Return the share of villages whose operating income is under the threshold, in percent."""
    known = panel[panel["operating_income_yuan"].notna()]
    weak = known["operating_income_yuan"] < threshold_wan * YUAN_PER_WAN
    shares = weak.groupby([known[name] for name in by]).mean() * 100
    return shares.rename("weak_pct").reset_index()
