"""What each number of a verb stands on, kept when someone collects evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis import _evidence
from analysis._evidence import Evidence, Line, Where, share_of
from analysis._frame import Floats

Moved = tuple[str, int, int, float]
"""Of changes their measure, both years, and the scale from yuan."""

STEP = 1e-6
"""By this part of the mean amount each amount is moved, to see how far an index moves with it."""


_LORENZ_POINTS = 2.0
"""The coarsest step, in points, at which a Lorenz curve still has its shape."""


def _groups(
    frame: pd.DataFrame, keys: list[pd.Series], columns: Sequence[str], known: str = "year"
) -> Iterator[tuple[int, int, pd.DataFrame]]:
    """Yield place, year and rows by village of each group, as verbs order them, of one year each.

    Those without a ``known`` amount are left out; where nobody collects, there is none.
    """
    if _evidence.is_collecting():
        needed = frame[[*dict.fromkeys(["village_id", "year", *columns, known])]]
        groups = needed.groupby(keys, observed=True, sort=True, dropna=False)
        for place, (_, group) in enumerate(groups):
            rows = group[group[known].notna()]
            if len(years := set(rows["year"])) == 1:
                yield place, int(years.pop()), rows.set_index("village_id")


def _moved(change: pd.DataFrame) -> Moved | None:
    """Return of what the changes of villages are; None where nobody knows or collects."""
    if not _evidence.is_collecting() or "village_id" not in change:
        return None
    of: Moved | None = change.attrs.get("stands_on")
    return of


def _moves(moved: "pd.Series[float]", of: Moved) -> Line:
    measure, first, last, scale = of
    return Line(moved / scale, {(measure, last): 1.0, (measure, first): -1.0}, scale)


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
    size = [] if households is None else ["_size"]
    frame = frame if households is None else frame.assign(_size=households)
    for column, shown in zip(columns, means.columns, strict=True):
        for place, year, rows in _groups(frame, keys, [column, *size], column):
            known = rows if households is None else rows[rows["_size"].notna()]
            stands = Line(known[column], {(column, year): 1.0}, scale).mean()
            if households is not None:
                each = {key: pull / known["_size"] for key, pull in stands.weights.items()}
                stands = replace(stands, weights=each)
            _evidence.keep(means[shown].iloc[place], stands)


def keep_growth(
    change: pd.DataFrame, keys: list[pd.Series], result: pd.DataFrame, moved: str
) -> None:
    """Keep what a summary of changes stands on; without the measure and years, nothing is."""
    if (of := _moved(change)) is None:
        return
    measure, first, last, _ = of
    groups = change.groupby(keys, observed=True, sort=True, dropna=False)
    for (_, rows), row in zip(groups, result.to_dict("records"), strict=True):
        line = _moves(rows.set_index("village_id")[moved], of)
        start, end = (replace(line, of={(measure, year): 1.0}).mean() for year in (first, last))
        values = (row["end_mean"], row["start_mean"])
        gain = Evidence("difference", len(rows), parents=(end, start), parent_values=values)
        _evidence.keep(row["start_mean"], start)
        _evidence.keep(row["end_mean"], end)
        _evidence.keep(row["change_mean"], gain)
        _evidence.keep(row["change_median"], line.about(0.5))
        rate = replace(gain, rule="ratio", scale=100.0, offset=-100.0)
        _evidence.keep(row["growth_pct"], rate)
        _evidence.keep(row["fell_pct"], line.share(high=0.0))


def keep_below(
    frame: pd.DataFrame, keys: list[pd.Series], column: str, line_yuan: float, shares: pd.Series
) -> None:
    """Keep what shares of villages under a line stand on, in percent, one a group and year."""
    for place, year, rows in _groups(frame, keys, [column], column):
        line = Line(rows[column], {(column, year): 1.0})
        _evidence.keep(shares.iloc[place], line.share(high=line_yuan))


def keep_gains(change: pd.DataFrame, keys: list[pd.Series], means: pd.Series) -> None:
    """Keep what the mean change of each group stands on, as one number and not as two levels."""
    if (of := _moved(change)) is None:
        return
    # among the others a mark near zero says as much as any
    spread = float(change["change_wan_yuan"].std()) / 2
    groups = change.groupby(keys, observed=True, sort=True)
    for value, (_, rows) in zip(means, groups, strict=True):
        line = _moves(rows.set_index("village_id")["change_wan_yuan"], of)
        _evidence.keep(value, line.mean(spread))


def keep_bands(
    frame: pd.DataFrame,
    keys: list[pd.Series],
    column: str,
    edges: Sequence[float],
    shares: pd.DataFrame,
) -> None:
    """Keep what the shares of bands between edges stand on, in percent."""
    percent = shares.to_numpy(np.float64)
    for place, year, rows in _groups(frame, keys, [column]):
        line = Line(rows[column], {(column, year): 1.0})
        for at, (low, high) in enumerate(pairwise(edges)):
            _evidence.keep(percent[place, at], line.share(low, high))


def keep_in_bands(amounts: pd.Series, edges: Sequence[float]) -> None:
    """Keep what counts of villages in bands between edges stand on; amounts are by village."""
    if not _evidence.is_collecting() or (key := _evidence.source_of(amounts)) is None:
        return
    for low, high in pairwise(edges):
        n = int(((amounts >= low) & (amounts < high)).sum())
        _keep_count(n, amounts.index, Where({key: 1.0}, low, high))


def _keep_count(n: int, among: pd.Index, *where: Where) -> None:
    _evidence.keep(float(n), Evidence("count", n, among=among, where=where))


def keep_transitions(
    both: pd.DataFrame,
    column: str,
    edges: Sequence[float],
    counts: pd.DataFrame,
    shares: pd.DataFrame,
) -> None:
    """Keep what counts of moves between bands, their shares of a row and of all stand on.

    ``both`` has the amounts of who is known in both years, by village: those of the start first.
    """
    if not _evidence.is_collecting():
        return
    start, end = ({(column, int(str(year))): 1.0} for year in both)
    bands, among, percent = list(pairwise(edges)), both.index, shares.to_numpy(np.float64)
    for row, inside in enumerate(counts.to_numpy().tolist()):
        began = Where(start, *bands[row])
        whole = Evidence("count", sum(inside), among=among, where=(began,))
        for place, n in enumerate(inside):
            where = (began, Where(end, *bands[place]))
            _keep_count(n, among, *where)
            stands = Evidence("share", n, of=sum(inside), scale=100.0, among=among, where=where)
            _evidence.keep(percent[row, place], replace(stands, parents=(whole,)))
    # who moved up ends above the band of the start, and started under the band of the end
    was, now = (np.searchsorted(edges, both[year], side="right") - 1 for year in both)
    for factors, at, sign in ((end, was, 1), (start, now, -1)):
        low, high = (pd.Series(np.asarray(edges)[at + more], among) for more in (0, 1))
        sides = {
            sign: Where(factors, high),
            0: Where(factors, low, high),
            -sign: Where(factors, high=low),
        }
        for side, ends in sides.items():
            stands = share_of(pd.Series(np.sign(now - was) == side, among), 1.0, ends)
            share = stands.villages / stands.of
            _evidence.keep(share, stands)
            _evidence.keep(share * 100, replace(stands, scale=100.0))


def keep_held(
    claimed: float, observed: float, values: pd.Series, of: Mapping[tuple[str, int], float]
) -> None:
    """Keep what is held against a published figure: a mean of changes or levels, or their least.

    ``values`` are by village, and each is Σ factor · amount with the factors ``of``.
    """
    _evidence.keep(claimed, Evidence("public", 0, why="Published"))
    known = values.dropna()
    is_mean = bool(np.isclose(observed, known.mean()))
    _evidence.keep(observed, Line(known, of).mean() if is_mean else Evidence("single", 1))


def keep_reached(value: float, change: pd.DataFrame, least: float) -> None:
    """Keep what the share of villages that gained so much stands on, of 1 and in percent."""
    if (of := _moved(change)) is not None:
        gains = change.set_index("village_id")["change_wan_yuan"]
        known = _moves(gains, of).share(least / of[-1], is_in=gains >= least)
        _evidence.keep(value, replace(known, scale=1.0))
        _evidence.keep(value * 100, known)


def keep_shares(counts: pd.DataFrame, shares: pd.DataFrame) -> None:
    """Keep what shares in percent stand on: how many are in, of how many in the row."""
    if not _evidence.is_collecting():
        return
    inside, percent = counts.to_numpy(np.float64), shares.to_numpy(np.float64)
    for row, of in enumerate(inside.sum(axis=1)):
        for column in range(percent.shape[1]):
            stands = Evidence("share", int(inside[row, column]), of=int(of), scale=100.0)
            _evidence.keep(percent[row, column], stands)


def keep_share(value: float, inside: int, of: int, side: int = 0) -> None:
    """Keep what a share stands on, between 0 and 1 and in percent; an interval's end has a side."""
    _evidence.keep(value, Evidence("share", inside, of=of, side=side))
    _evidence.keep(value * 100, Evidence("share", inside, of=of, scale=100.0, side=side))


def percent(is_in: pd.Series, amounts: pd.Series, line_yuan: float) -> float:
    """Return how many are in, those under a line, in percent; NaN of nobody."""
    share = float(is_in.mean() * 100) if len(is_in) else float("nan")
    if _evidence.is_collecting() and (key := _evidence.source_of(amounts)) is not None:
        _evidence.keep(share, Line(amounts, {key: 1.0}).share(high=line_yuan, is_in=is_in))
    return share


def median(incomes: "pd.Series[float]", scale: float) -> float:
    """Return the median of amounts by village, and keep which ten are about it."""
    middle = float(incomes.median() * scale)
    if _evidence.is_collecting() and (key := _evidence.source_of(incomes)) is not None:
        _evidence.keep(middle, Line(incomes, {key: 1.0}, scale).about(0.5))
    return middle


def keep_ratio(value: float, over: "pd.Series[float]", under: "pd.Series[float]") -> None:
    """Keep what the ratio of two sums of amounts by village, in percent, stands on."""
    if not _evidence.is_collecting():
        return
    parts = [(part.dropna(), _evidence.source_of(part)) for part in (over, under)]
    parents = tuple(Line(part, {key: 1.0}).sum() for part, key in parts if key is not None)
    if len(parents) == len(parts):
        sums = tuple(float(part.sum()) for part, _ in parts)
        n = min(parent.villages for parent in parents)
        stands = Evidence("ratio", n, parents=parents, parent_values=sums, scale=100.0)
        _evidence.keep(value, stands)


def keep_own_shares(
    frame: pd.DataFrame, keys: list[pd.Series], medians: pd.Series, dependent: pd.Series
) -> None:
    """Keep what the median village's own share of operating income and the dependent stand on."""
    total = frame["total_income_yuan"]
    frame = frame.assign(_total=total.where(total > 0))
    columns = [f"{name}_income_yuan" for name in ("operating", "subsidy", "total")]
    for place, year, rows in _groups(frame, keys, columns, "_total"):
        total = rows["total_income_yuan"]
        own = rows["operating_income_yuan"] / total
        around = Line(own, {("operating_income_yuan", year): 1.0}, 100.0).about(0.5)
        [(key, weight)] = around.weights.items()
        each = total[weight.index]
        weights = {
            key: weight / each,
            ("total_income_yuan", year): -weight * own[weight.index] / each,
        }
        _evidence.keep(medians.iloc[place], replace(around, weights=weights))
        half = {("subsidy_income_yuan", year): 2.0, ("total_income_yuan", year): -1.0}
        more = rows["subsidy_income_yuan"] / total > 1 / 2
        _evidence.keep(dependent.iloc[place], Line(total, half).share(0.0, is_in=more))


def keep_line(
    found: Any,
    logs: pd.DataFrame,
    wide: pd.DataFrame,
    column: str,
    years: tuple[int, int, int | None],
) -> None:
    """Keep what persistence, its bound and its correction by an instrument stand on."""
    if not _evidence.is_collecting():
        return
    start, end, instrument = years
    x, y = logs[start] - logs[start].mean(), logs[end] - logs[end].mean()
    rho, reverse = found.persistence, found.reverse
    spread, both = float(np.dot(x, x)), float(np.dot(x, y))
    slope = {start: (y - 2 * rho * x) / spread, end: x / spread}
    bound = {start: -reverse * y / both, end: (2 * y - reverse * x) / both}
    span = found.years
    known = [
        (slope, {0: rho, -1: found.low, 1: found.high}),
        ({year: pull / span for year, pull in slope.items()}, {0: found.slope}),
        ({year: -pull / rho / span for year, pull in slope.items()}, {0: found.speed}),
        (bound, {0: reverse}),
    ]
    if instrument is not None and np.isfinite(found.corrected):
        part = logs.dropna(subset=[instrument])
        x, y, z = (part[year] - part[year].mean() for year in (start, end, instrument))
        through, true = float(np.dot(z, x)), found.corrected
        pulls = {start: -true * z, end: z, instrument: y - true * x}
        pulls = {year: pull / through for year, pull in pulls.items()}
        ends = {0: true, -1: found.corrected_low, 1: found.corrected_high}
        lasting = {
            year: (slope.get(year, 0.0 * z) - found.reliability * pull) / true
            for year, pull in pulls.items()
        }
        known += [(pulls, ends), (lasting, {0: found.reliability})]
    for pulls, values in known:
        # of a logarithm: one more of an amount moves it by one over the amount
        weights = {
            (column, int(year)): (pull / wide.loc[pull.index, year]).dropna()
            for year, pull in pulls.items()
        }
        for side, value in values.items():
            stands = Evidence("estimate", len(logs), weights, side=side, df=len(logs) - 2.0)
            _evidence.keep(value, replace(stands, error=found.std_error))


def keep_scaled(
    real: pd.DataFrame, frame: pd.DataFrame, factor: pd.Series, columns: Sequence[str]
) -> None:
    """Keep what means in prices of another year stand on: on the means that were booked."""
    if not _evidence.is_collecting() or "village_id" in frame:
        return
    for name in columns:
        for value, booked, by in zip(real[name], frame[name], factor, strict=True):
            n = min((one.villages for one in _evidence.find(booked)), default=0)
            _evidence.keep_sum(value, [(by, booked)], n)


def keep_lorenz(curve: pd.DataFrame, at: Sequence[int], ordered: pd.Series) -> None:
    """Keep what each vertex of a Lorenz curve stands on: villages up to it, and their incomes."""
    if not _evidence.is_collecting() or (key := _evidence.source_of(ordered)) is None:
        return
    n, total = len(ordered), float(ordered.sum())
    for place, many in enumerate(at):
        share = curve["income_pct"].iloc[place]
        if many in {0, n}:  # every curve begins and ends there
            _evidence.keep(share, Evidence("public", n, why="_pct"))
            continue
        pull = (100.0 * (np.arange(n) < many) - share) / total
        weights = {key: pd.Series(pull, index=ordered.index)}
        stands = Evidence("estimate", n, weights, df=n - 1.0, error=_LORENZ_POINTS)
        _evidence.keep(share, stands)
        _evidence.keep(
            curve["villages_pct"].iloc[place], Evidence("share", many, of=n, scale=100.0)
        )


def keep_parts(
    parts: Mapping[str, float], incomes: pd.Series, groups: pd.Series, index: str
) -> None:
    """Keep what the parts of an index within and between groups stand on, and their percentages.

    With ranks held, Gini and its parts are linear in incomes over their sum S: Σ r x / (n S). The
    derivative of Theil's T is (ln(x/x̄) − T)/S, that of its part between groups the same of means.
    """
    if not _evidence.is_collecting() or (key := _evidence.source_of(incomes)) is None:
        return
    x, n, total = incomes.to_numpy(np.float64), len(incomes), float(incomes.sum())
    by_group = incomes.groupby(groups.to_numpy())
    means = by_group.transform("mean")

    def centred(values: pd.Series) -> Any:
        return 2.0 * values.rank().to_numpy(np.float64) - len(values) - 1

    if index == "gini":
        inside = by_group.transform(lambda own: pd.Series(centred(own), own.index)).to_numpy()
        whole, between = centred(incomes), centred(means)
        ranks = {"total": whole, "within": inside, "between": between}
        ranks["overlap"] = whole - inside - between
        pulls = {name: (rank / n - parts[name]) / total for name, rank in ranks.items()}
    else:
        # at zero the slope is infinite; it is taken a step above it
        relative = {"total": x / x.mean(), "between": means.to_numpy() / x.mean()}
        logs = {name: np.log(np.maximum(part, STEP)) for name, part in relative.items()}
        pulls = {name: (log - parts[name]) / total for name, log in logs.items()}
        pulls["within"] = pulls["total"] - pulls["between"]
    for name, pull in pulls.items():
        part = (pull - parts[name] / parts["total"] * pulls["total"]) / parts["total"] * 100
        for value, weight in ((parts[name], pull), (parts[f"{name}_pct"], part)):
            if np.isfinite(weight).all():
                weights = {key: pd.Series(weight, index=incomes.index)}
                _evidence.keep(value, Evidence("estimate", n, weights, df=n - 1.0))


def keep_ratios(
    frame: pd.DataFrame, keys: list[pd.Series], columns: Sequence[str], shares: pd.DataFrame
) -> None:
    """Keep what shares of sums stand on, in percent; the last column is what they are shares of."""
    percent = shares.to_numpy(np.float64)
    for place, year, rows in _groups(frame, keys, columns):
        stands = [Line(rows[name], {(name, year): 1.0}).sum() for name in columns]
        sums = rows[list(columns)].sum()
        for column in range(len(columns) - 1):
            ratio = Evidence(
                "ratio",
                len(rows),
                parents=(stands[column], stands[-1]),
                parent_values=(float(sums.iloc[column]), float(sums.iloc[-1])),
                scale=100.0,
            )
            _evidence.keep(percent[place, column], ratio)


def keep_moves(moved: "pd.Series[float]", of: Moved, row: tuple[float, ...]) -> None:
    """Keep what the mean, the share that fell and the quartiles of changes stand on."""
    if not _evidence.is_collecting():
        return
    line, (mean, fell, low, high) = _moves(moved, of), row
    _evidence.keep(mean, line.mean())
    _evidence.keep(fell, line.share(high=0.0))
    _evidence.keep(low, line.about(0.25))
    _evidence.keep(high, line.about(0.75))


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
