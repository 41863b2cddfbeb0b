"""What each number of a verb stands on, kept when someone collects evidence."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis import _evidence
from analysis._evidence import Evidence, mean_of, window
from analysis._frame import Floats

STEP = 1e-6
"""By this part of the mean amount each amount is moved, to see how far an index moves with it."""


def keep_means(
    frame: pd.DataFrame,
    keys: list[pd.Series],
    columns: Sequence[str],
    means: pd.DataFrame,
    *,
    scale: float,
    households: pd.Series | None,
) -> None:
    """Keep what means by group stand on; ``means`` has their rows in the order of the groups."""
    if not _evidence.is_collecting():
        return
    groups = frame.groupby(keys, observed=True, sort=True, dropna=False)
    for place, (_, rows) in enumerate(groups):
        for column, shown in zip(columns, means.columns, strict=True):
            known = rows[rows[column].notna()]
            size = None if households is None else households[known.index]
            if size is not None:
                known, size = known[size.notna()], size.dropna()
            if len(set(known["year"])) != 1:
                continue
            values = known.set_index("village_id")[column]
            stands = mean_of(values, column, int(known["year"].iloc[0]), scale)
            if size is not None:
                each = {key: pull / size.to_numpy() for key, pull in stands.weights.items()}
                stands = replace(stands, weights=each)
            _evidence.keep(means[shown].iloc[place], stands)


def keep_growth(
    change: pd.DataFrame, keys: list[pd.Series], result: pd.DataFrame, names: tuple[str, str, str]
) -> None:
    """Keep what a summary of changes stands on; without the measure and years, nothing is."""
    stands = change.attrs.get("stands_on")
    if not _evidence.is_collecting() or stands is None or "village_id" not in change:
        return
    measure, first, last, scale = stands
    groups = change.groupby(keys, observed=True, sort=True, dropna=False)
    for place, (_, rows) in enumerate(groups):
        row, n, ids = result.iloc[place], len(rows), rows["village_id"]
        each = pd.Series(1.0, index=ids)
        start = Evidence("amount", n, {(measure, first): each * (scale / n)})
        end = Evidence("amount", n, {(measure, last): each * (scale / n)})
        moved = rows.set_index("village_id")[names[2]]
        middle = window(moved, 0.5, measure, last, scale)
        before = {(measure, first): -middle.weights[measure, last]}
        fell = int((moved < 0).sum())
        gain = Evidence(
            "difference",
            n,
            parents=(end, start),
            parent_values=(row["end_mean"], row["start_mean"]),
        )
        rate = replace(gain, rule="ratio", scale=100.0, offset=-100.0)
        _evidence.keep(row["start_mean"], start)
        _evidence.keep(row["end_mean"], end)
        _evidence.keep(row["change_mean"], gain)
        _evidence.keep(row["change_median"], replace(middle, weights={**middle.weights, **before}))
        _evidence.keep(row["growth_pct"], rate)
        _evidence.keep(row["fell_pct"], Evidence("share", fell, of=n, scale=100.0))


def keep_shares(counts: pd.DataFrame, shares: pd.DataFrame) -> None:
    """Keep what shares in percent stand on: how many are in, of how many in the row."""
    if not _evidence.is_collecting():
        return
    inside, percent = counts.to_numpy(np.float64), shares.to_numpy(np.float64)
    for row, of in enumerate(inside.sum(axis=1)):
        for column in range(percent.shape[1]):
            stands = Evidence("share", int(inside[row, column]), of=int(of), scale=100.0)
            _evidence.keep(percent[row, column], stands)


def keep_share(value: float, inside: int, of: int) -> None:
    """Keep what a share stands on, between 0 and 1 and in percent."""
    _evidence.keep(value, Evidence("share", inside, of=of))
    _evidence.keep(value * 100, Evidence("share", inside, of=of, scale=100.0))


def keep_ratios(
    frame: pd.DataFrame, keys: list[pd.Series], columns: Sequence[str], shares: pd.DataFrame
) -> None:
    """Keep what shares of sums stand on, in percent; the last column is what they are shares of."""
    if not _evidence.is_collecting():
        return
    percent = shares.to_numpy(np.float64)
    groups = frame.groupby(keys, observed=True, sort=True, dropna=False)
    for place, (_, rows) in enumerate(groups):
        years = set(rows["year"])
        each = pd.Series(1.0, index=rows["village_id"])
        stands = [Evidence("amount", len(rows), {(name, min(years)): each}) for name in columns]
        sums = rows[list(columns)].sum()
        for column in range(len(columns) - 1 if len(years) == 1 else 0):
            ratio = Evidence(
                "ratio",
                len(rows),
                parents=(stands[column], stands[-1]),
                parent_values=(float(sums.iloc[column]), float(sums.iloc[-1])),
                scale=100.0,
            )
            _evidence.keep(percent[place, column], ratio)


def keep_moves(
    moved: pd.Series, column: str, years: tuple[int, int], scale: float, row: tuple[float, ...]
) -> None:
    """Keep what the mean, the share that fell and the quartiles of changes stand on."""
    if not _evidence.is_collecting():
        return
    mean, fell, *quartiles = row
    n, each = len(moved), pd.Series(scale / len(moved), index=moved.index)
    _evidence.keep(
        mean, Evidence("amount", n, {(column, years[0]): -each, (column, years[1]): each})
    )
    _evidence.keep(fell, Evidence("share", int((moved < 0).sum()), of=n, scale=100.0))
    for at, value in zip((0.25, 0.75), quartiles, strict=True):
        around = window(moved, at, column, years[1], scale)
        before = {(column, years[0]): -around.weights[column, years[1]]}
        _evidence.keep(value, replace(around, weights={**around.weights, **before}))


def keep_index(
    value: float,
    index: Callable[[Floats], float],
    incomes: object,
    *,
    error: float = float("nan"),
    ends: tuple[float, float] | None = None,
) -> None:
    """Keep what an index of incomes stands on: how far it moves with each amount of the books."""
    if not _evidence.is_collecting() or (key := _evidence.source_of(incomes)) is None:
        return
    known = pd.Series(incomes).dropna().astype(np.float64)
    amounts: Floats = np.array(known, dtype=np.float64)
    start, step = index(amounts), STEP * float(np.abs(amounts).mean())
    pull = np.empty(len(amounts))
    for place, amount in enumerate(amounts.tolist()):
        amounts[place] = amount + step
        pull[place] = (index(amounts) - start) / step
        amounts[place] = amount
    weights = {key: pd.Series(pull, index=known.index)}
    stands = Evidence("estimate", len(known), weights, error=error, df=len(known) - 1.0)
    _evidence.keep(value, stands)
    for side, end in zip((-1, 1), ends or (), strict=False):
        _evidence.keep(end, replace(stands, side=side))


def keep_pairs(gaps: pd.DataFrame, column: str, scale: float) -> None:
    """Keep that both incomes of a pair and the gap between them are those of single villages."""
    if not _evidence.is_collecting():
        return
    for row in gaps.to_dict("records"):
        key = (column, int(row["year"]))
        helper, weak = (pd.Series(scale, index=[row[f"{side}_id"]]) for side in ("helper", "weak"))
        known = {"helper": helper, "weak": weak, "gap": pd.concat([helper, -weak])}
        for name, weights in known.items():
            _evidence.keep(row[name], Evidence("single", 1, {key: weights}))


def keep_closing(closing: pd.DataFrame) -> None:
    """Keep that the changes of each pair are its own, from what its incomes stand on."""
    for row in closing.to_dict("records"):
        parts = {"closed": ("gap_start", "gap_end")}
        parts |= {f"{side}_change": (f"{side}_end", f"{side}_start") for side in ("helper", "weak")}
        for name, (more, less) in parts.items():
            _evidence.keep_sum(row[name], [(1, row[more]), (-1, row[less])], 1, "single")


def keep_expected(
    closing: pd.DataFrame, wide: pd.DataFrame, z: pd.Series, column: str, scale: float
) -> None:
    """Keep what the expected closing of each pair stands on: the changes of villages outside."""
    if not _evidence.is_collecting():
        return
    for row in closing.to_dict("records"):
        start, end = row["start_year"], row["end_year"]
        known = (wide[end] - wide[start]).dropna().index
        traits = z.reindex(known).dropna()
        centred = traits - traits.mean()
        spread = float((centred**2).sum())
        apart = float(z[row["weak_id"]] - z[row["helper_id"]])
        pull = centred * (apart * scale / spread if spread > 0 else 0.0)
        weights = {(column, int(start)): -pull, (column, int(end)): pull}
        stands = Evidence("estimate", len(traits), weights, df=len(traits) - 2.0)
        _evidence.keep(row["closed_expected"], stands)
        parts = [(1, row["closed"]), (-1, row["closed_expected"])]
        _evidence.keep_sum(row["closed_net"], parts, 1, "single")
