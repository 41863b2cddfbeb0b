"""What each number of a verb stands on, kept when someone collects evidence."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis import _evidence
from analysis._evidence import Evidence, mean_of, window


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
