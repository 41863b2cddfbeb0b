"""Inequality within and between groups: Theil and mean log deviation exactly, Gini with overlap."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import LianjianError
from analysis.indicators.inequality import gini, mean_log_deviation, theil
from analysis.indicators.tables import amounts

Index = Literal["theil", "mld", "gini"]
_INDEX = {"theil": theil, "mld": mean_log_deviation, "gini": gini}


@dataclass(frozen=True)
class Decomposition:
    """An index split by groups; ``within + between + overlap`` is ``total``.

    Attributes
    ----------
    total, within, between : float
        The index of all, the weighted indices of the groups, and the index of the group means.
    overlap : float
        Gini only: what is left because the groups' ranges overlap (zero when they do not).
        Exactly 0 for Theil and mean log deviation, which leave no residual.
    groups : DataFrame
        One row a group: ``villages, mean, index, weight, within`` with ``within`` = weight · index.
    """

    total: float
    within: float
    between: float
    overlap: float
    groups: pd.DataFrame

    @property
    def between_pct(self) -> float:
        """Between as a share of the total, in percent; NaN when nobody differs."""
        return self.between / self.total * 100 if self.total > 0 else float("nan")


def decompose(incomes: pd.Series, groups: pd.Series, index: Index = "theil") -> Decomposition:
    r"""Split an inequality index within and between groups.

    Parameters
    ----------
    incomes : Series
        One income a village, fit for the index (:func:`analysis.indicators.inequality.usable`).
        Missing ones are left out.
    groups : Series
        The group of each village, with the same index.
    index : {"theil", "mld", "gini"}
        The index.

    Returns
    -------
    Decomposition
        With p_k the share of villages and s_k that of income in group k, the weights are s_k for
        Theil, p_k for mean log deviation, and p_k s_k for Gini.

    Raises
    ------
    LianjianError
        An income without a group, or incomes for which the index is not defined; for Theil and
        Gini a group may have no income at all: it has weight 0 and index 0.

    Notes
    -----
    Theil and mean log deviation: Shorrocks 1980 (DOI 10.2307/1913126), exact. Gini: Pyatt 1976
    (DOI 10.2307/2230745); the residual is the concentration of incomes that stand in another order
    than their group means (Lambert & Aronson 1993, DOI 10.2307/2234247).

    Examples
    --------
    Means 2 and 6; the poor group is equal inside.

    >>> parts = decompose(pd.Series([2.0, 2.0, 3.0, 9.0]), pd.Series(list("aabb")), "gini")
    >>> round(parts.within, 6), round(parts.between, 6), parts.overlap
    (0.09375, 0.25, 0.0)
    """
    incomes = pd.Series(amounts(incomes, "The income"), incomes.index)
    known = pd.DataFrame({"income": incomes, "group": groups}).loc[incomes.index]
    known = known[known["income"].notna()]
    if known["group"].isna().any():
        raise LianjianError(
            f"{int(known['group'].isna().sum())} villages with an income have no group. Name one "
            "for them, or leave them out."
        )
    measure = _INDEX[index]
    # sorted by income within the group: sums do not depend on the order of the rows
    known = known.sort_values(["group", "income"])
    total = measure(known["income"])
    by_group = known.groupby("group", observed=True, sort=True)["income"]
    table = pd.DataFrame({"villages": by_group.size(), "mean": by_group.mean()})
    table["index"] = by_group.agg(lambda x: measure(x) if index == "mld" or x.max() > 0 else 0.0)
    people = table["villages"] / len(known)
    money = by_group.sum() / known["income"].sum()
    table["weight"] = {"theil": money, "mld": people, "gini": people * money}[index]
    table["within"] = table["weight"] * table["index"]
    within = float(table["within"].sum())
    between = measure(np.repeat(table["mean"].to_numpy(), table["villages"].to_numpy()))
    rest = total - within - between
    # a residual of rounding is none: it cannot be negative
    overlap = max(0.0, rest) if index == "gini" and rest > 1e-12 else 0.0  # noqa: PLR2004
    return Decomposition(total, within, between, overlap, table.rename_axis("group"))
