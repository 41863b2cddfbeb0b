"""How unequal incomes are: Gini, Theil, mean log deviation, Atkinson, Palma, Lorenz, their parts.

Zero and negative incomes: no index here is defined with a negative income, so all refuse it.
Gini, Theil T, Palma and the Lorenz curve take zeros; mean log deviation, and Atkinson with
ε ≥ 1, are infinite or at their end with a single zero and refuse it. `indices` applies a stated
rule and counts what it did. All villages weigh the same; missing values are left out.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._frame import Floats, amounts
from analysis.errors import LianjianError, did_you_mean
from analysis.indicators._stands_on import keep_index, keep_lorenz, keep_parts

Index = Literal["theil", "mld", "gini"]


def _ascending(incomes: npt.ArrayLike, index: str, *, positive: bool = False) -> Floats:
    """Return known incomes in ascending order, or say why the index has no value for them."""
    values = amounts(incomes, f"{index}: the income")
    if values.ndim != 1:
        raise LianjianError(f"{index} takes one income a village, not shape {values.shape}.")
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        raise LianjianError(f"{index}: no income is known.")
    bad = int((values <= 0).sum()) if positive else int((values < 0).sum())
    if bad:
        kind = "zero or negative" if positive else "negative"
        raise LianjianError(
            f"{index} is not defined with {kind} incomes, and {bad} of {len(values)} are. Leave "
            "them out, and say so."
        )
    if values[-1] == 0:
        raise LianjianError(f"{index}: all {len(values)} incomes are zero.")
    return values


def gini(incomes: npt.ArrayLike, *, small_sample: bool = False) -> float:
    r"""Return the Gini index.

    .. math:: G = \frac{\sum_i \sum_j |x_i - x_j|}{2 n^2 \bar x}

    Parameters
    ----------
    incomes : array-like, shape (n,)
        In one unit, not negative, at least one positive; NaN is left out.
    small_sample : bool
        Multiply by n/(n − 1), so that one village holding all gives 1 whatever n is.

    Raises
    ------
    LianjianError
        An income is negative, none is positive, or the small-sample form has one village.

    Notes
    -----
    Gini 1912; the correction is that of Deltas 2003 (DOI 10.1162/rest.2003.85.1.226). Computed
    from ranks: G = 2 Σ i x_(i) / (n Σ x) − (n + 1)/n.

    Examples
    --------
    >>> gini([0.0, 0.0, 0.0, 4.0]), gini([0.0, 0.0, 0.0, 4.0], small_sample=True)
    (0.75, 1.0)
    """
    values = _ascending(incomes, "Gini")
    n = len(values)
    if small_sample and n == 1:
        raise LianjianError("Gini: the small-sample form needs at least two villages.")
    # centred ranks: equal incomes give exactly zero
    ranks = 2 * np.arange(1, n + 1) - n - 1
    index = float(ranks @ (values / values.sum())) / n * (n / (n - 1) if small_sample else 1)
    keep_index(index, partial(gini, small_sample=small_sample), incomes)
    return index


def theil(incomes: npt.ArrayLike) -> float:
    """Return Theil's T, the mean of (x/x̄) ln(x/x̄); a zero adds nothing."""
    # Theil 1967, Economics and Information Theory; x ln x → 0 as x → 0. Its largest value is ln n.
    values = _ascending(incomes, "Theil T")
    relative = values / values.mean()
    logs = np.log(relative, out=np.zeros(len(values)), where=relative > 0)
    return float((relative * logs).mean())


def mean_log_deviation(incomes: npt.ArrayLike) -> float:
    """Return Theil L, the mean of ln(x̄/x), of positive incomes in one unit."""
    # Bourguignon 1979 (DOI 10.2307/1914138). It is infinite with a zero, which is refused.
    values = _ascending(incomes, "Mean log deviation", positive=True)
    return float(np.log(values.mean()) - np.log(values).mean())


def atkinson(incomes: npt.ArrayLike, epsilon: float = 0.5) -> float:
    """Return the Atkinson index with aversion ε to inequality, of incomes in one unit."""
    # 1 − (mean of x^(1−ε))^(1/(1−ε))/x̄; at ε = 1 it is 1 − (geometric mean)/(mean), and from 1 on
    # a zero is refused. Atkinson 1970 (DOI 10.1016/0022-0531(70)90039-6).
    if not epsilon > 0:
        raise LianjianError(f"Atkinson: ε is {epsilon}; it must be above 0.")
    values = _ascending(incomes, f"Atkinson with ε = {epsilon:g}", positive=epsilon >= 1)
    relative = values / values.mean()
    if epsilon == 1:
        return float(1 - np.exp(np.log(relative).mean()))
    return float(1 - (relative ** (1 - epsilon)).mean() ** (1 / (1 - epsilon)))


def palma(incomes: npt.ArrayLike) -> float:
    """Return the income of the richest tenth over that of the poorest four tenths."""
    # Palma 2011 (DOI 10.1111/j.1467-7660.2011.01694.x). A village on a boundary counts by its part:
    # shares are read from the Lorenz curve by linear interpolation.
    values = _ascending(incomes, "Palma ratio")
    curve = np.concatenate([[0.0], np.cumsum(values)])
    # places in villages, not in shares, so that whole villages are met exactly
    low, high = np.interp([0.4 * len(values), 0.9 * len(values)], np.arange(len(curve)), curve)
    if low == 0:
        raise LianjianError(
            "Palma ratio: the poorest four tenths have no income, so the ratio is infinite. Use "
            "the Gini index, or give the two shares."
        )
    return float((curve[-1] - high) / low)


def lorenz(incomes: npt.ArrayLike, *, least: int = 1) -> pd.DataFrame:
    """Return the Lorenz curve: ``villages_pct, income_pct``, from 0 to 100, poorest first.

    With ``least`` above 1 it has ten steps at most, each of as many villages at least: a curve with
    a step a village tells each income to who knows the mean.
    """
    # Lorenz 1905 (DOI 10.2307/2276207). The Gini index is twice the area between it and the
    # diagonal.
    values = _ascending(incomes, "Lorenz curve")
    n = len(values)
    steps = n if least <= 1 else max(min(10, n // least), 1)
    at = np.round(np.linspace(0, n, steps + 1)).astype(int)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    curve = pd.DataFrame(
        {"villages_pct": at / n * 100, "income_pct": sums[at] / sums[-1] * 100}
        if steps < n
        else {"villages_pct": np.linspace(0, 100, n + 1), "income_pct": sums / sums[-1] * 100}
    )
    if steps < n and isinstance(incomes, pd.Series):
        keep_lorenz(curve, at.tolist(), incomes.dropna().sort_values(kind="stable"))
    return curve


def indices(incomes: npt.ArrayLike) -> pd.Series:
    """Return the indices of one set of incomes side by side, with what was left out."""
    values = amounts(incomes, "The income")
    known = values[~np.isnan(values)]
    kept = known[known >= 0]
    if len(kept) < 2:
        raise LianjianError(f"{len(kept)} incomes are known; inequality needs at least two.")
    positive = kept[kept > 0]
    found = {
        "villages": len(kept),
        "missing": len(values) - len(known),
        "negative": len(known) - len(kept),
        "zero": len(kept) - len(positive),
        "gini": gini(kept),
        "theil": theil(kept),
        "mld": mean_log_deviation(positive),
        "atkinson": atkinson(positive, 1.0),
        "palma": np.nan,
    }
    given = incomes if isinstance(incomes, pd.Series) else pd.Series(values)
    keep_index(found["gini"], gini, given[given >= 0])
    keep_index(found["theil"], theil, given[given >= 0])
    keep_index(found["mld"], mean_log_deviation, given[given > 0])
    keep_index(found["atkinson"], partial(atkinson, epsilon=1.0), given[given > 0])
    note = f"Palma ratio: needs ten villages, and {len(kept)} are known."
    if len(kept) >= 10:
        try:
            found["palma"], note = palma(kept), ""
            keep_index(found["palma"], palma, given[given >= 0])
        except LianjianError as error:
            note = str(error)
    result = pd.Series(found)
    result.attrs["notes"] = [note] * bool(note)
    return result


_INDEX = {"theil": theil, "mld": mean_log_deviation, "gini": gini}


@dataclass(frozen=True)
class Decomposition:
    """An index split by groups; ``within + between + overlap`` is ``total``."""

    # `overlap` is what is left of Gini because the groups' ranges overlap, and exactly 0 for Theil
    # and mean log deviation. `groups` has one row a group: `villages, mean, index, weight` and
    # `within` = weight · index.

    total: float
    within: float
    between: float
    overlap: float
    groups: pd.DataFrame

    def _pct(self, part: float) -> float:
        return part / self.total * 100 if self.total > 0 else float("nan")

    @property
    def between_pct(self) -> float:
        """Between as a share of the total, in percent; NaN when nobody differs."""
        return self._pct(self.between)

    @property
    def within_pct(self) -> float:
        """Within as a share of the total, in percent."""
        return self._pct(self.within)

    @property
    def overlap_pct(self) -> float:
        """The overlap as a share of the total, in percent."""
        return self._pct(self.overlap)


def decompose(incomes: pd.Series, groups: pd.Series, index: Index = "theil") -> Decomposition:
    r"""Split an inequality index within and between groups.

    Parameters
    ----------
    incomes : Series
        One income a village in one unit, fit for the index. Missing ones are left out.
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
        There is no such index, a village stands twice or has an income and no group, or the index
        is not defined for the incomes; for Theil and Gini a group may have no income at all: it
        has weight 0 and index 0.

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
    if index not in _INDEX:
        raise LianjianError(
            f"There is no index {index!r} to split.{did_you_mean(str(index), _INDEX)} There are "
            f"{', '.join(_INDEX)}."
        )
    if not (isinstance(incomes, pd.Series) and isinstance(groups, pd.Series)):
        raise LianjianError("Incomes and groups are two Series with the village as index.")
    if incomes.index.has_duplicates or groups.index.has_duplicates:
        raise LianjianError("A village stands twice. Give one income and one group a village.")
    incomes = pd.Series(amounts(incomes, "The income"), incomes.index, name=incomes.name)
    known = pd.DataFrame({"income": incomes, "group": groups.reindex(incomes.index)})
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
    overlap = max(0.0, rest) if index == "gini" and rest > 1e-12 else 0.0
    made = Decomposition(total, within, between, overlap, table.rename_axis("group"))
    if total > 0 and index != "mld":
        names = ("total", "within", "between", "overlap")
        parts = {name: getattr(made, name) for name in names}
        parts |= {f"{name}_pct": made._pct(value) for name, value in parts.items()}  # noqa: SLF001
        own = known["income"].rename(str(incomes.name))
        keep_parts(parts, own, known["group"], index)
    return made
