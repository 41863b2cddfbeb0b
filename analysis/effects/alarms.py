"""Three gauges beside an estimate: what its placebos, luck that lasts and neighbours tell.

They look at villages outside alone. None sees everything, and together they see no selection on
the year of joining itself.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis._frame import need_columns
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel
from analysis.errors import LianjianError

PLACEBO_LIMIT, LUCK_LIMIT, DOSE_LIMIT = 2.0, 3.0, 2.0
"""From here on a gauge alarms; together they alarm in about one of ten sound worlds."""
ROUNDS = 8
LEAST_LEVEL = 0.1
"""A village's expected level is at least this share of the mean village's in the year."""
BLOCKS = 24
"""Groups of townships that are left out in turn for a standard error."""
DECAY = 0.5
"""The pattern that is looked for: correlation of luck by years apart."""
FEWEST_YEARS, FEWEST_TOWNSHIPS = 4, 2

NOT_SEEN = (
    "No gauge sees villages chosen on the year of joining itself, or on anything that no year "
    "before showed."
)


@dataclass(frozen=True)
class Gauge:
    """What one gauge shows."""

    name: str
    value: float  # compared with the limit; NaN when the gauge cannot be read
    limit: float  # alarm from here on: on both sides, or under it where it is below zero
    size: float  # what it measures, in the unit that `meaning` names
    meaning: str  # in a sentence

    @property
    def is_on(self) -> bool | None:
        """Whether it alarms; None when it cannot be read."""
        if math.isnan(self.value):
            return None
        return self.value < self.limit if self.limit < 0 else abs(self.value) > self.limit


@dataclass(frozen=True, eq=False)
class Alarms:
    """The gauges beside one estimate, and what none of them sees."""

    gauges: tuple[Gauge, ...]
    blind: tuple[str, ...]  # what no gauge can see in these data, in sentences

    @property
    def on(self) -> tuple[Gauge, ...]:
        """Gauges that alarm."""
        return tuple(gauge for gauge in self.gauges if gauge.is_on)

    @property
    def said(self) -> str:
        """Which gauges alarm, in a clause."""
        return f"alarm: {', '.join(one.name.lower() for one in self.on)}" if self.on else "no alarm"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a gauge."""
        words = {True: "alarm", False: "quiet", None: "cannot be read"}
        frame = pd.DataFrame(self.gauges).rename(columns={"name": "gauge"})
        frame.insert(4, "verdict", [words[one.is_on] for one in self.gauges])
        return frame

    def __repr__(self) -> str:
        words = {True: "ALARM", False: "quiet", None: "cannot be read"}
        lines = [
            f"{one.name}: {one.value:.2f} (limit {one.limit:g}), {words[one.is_on]}. {one.meaning}"
            for one in self.gauges
        ]
        return "\n".join([*lines, *self.blind])


@dataclass(frozen=True, eq=False)
class Outside:
    """Villages outside in relative terms, made ready for both gauges."""

    unit: Ints  # (n,) positions in the panel
    value: Floats  # (n, T) outcome per size; NaN without books
    level: Floats  # (n, T) expected value b_i + g_t, b_i drawn to the mean
    residual: Floats  # (n, T) (value − b_i − g_t)/level
    drawn: float  # how far b_i counts: 1 not drawn to the mean at all
    block: Ints  # (n,) group of townships


@dataclass(frozen=True, eq=False)
class Places:
    """Where each unit of a panel lies, and when an alliance began there."""

    size: Floats  # (N,) households over their mean; ones where they are not known
    county: Ints  # (N,) code; −1 where it is not known
    township: Ints  # (N,) code; −1 where it is not known
    begun: Ints  # (N,) first year of an alliance in the township, 0 for never
    begun_county: Ints  # (N,) the same in the county
    is_plain: Bools  # (N,) no concurrent programme with an income of its own


def places_of(panel: Panel, frame: pd.DataFrame) -> Places:
    """Look up where the units of a panel lie."""
    need_columns(frame, "village_id", "county_code", "joined_year")
    units = frame.drop_duplicates("village_id").set_index("village_id")
    joined = units["joined_year"].astype("Float64").fillna(0).astype(np.int64)
    county = units["county_code"].astype(str)
    town = pd.Series(pd.NA, units.index, dtype="object")
    if "township_name" in units:
        known = units["township_name"].notna()
        town = (county + "|" + units["township_name"].astype(str)).where(known)
    years = joined.where(joined > 0)

    def first(area: pd.Series) -> pd.Series:
        return years.groupby(area).transform("min").fillna(0).astype(np.int64)

    ids = panel.ids.tolist()
    size = np.ones(len(ids))
    if "households" in units:
        households = units["households"].astype("Float64").loc[ids].to_numpy(np.float64, na_value=1)
        size = households / households.mean()
    plain = np.ones(len(ids), dtype=np.bool_)
    if "has_central_project" in units:
        plain = ~units["has_central_project"].astype("boolean").fillna(value=False).loc[ids]
        plain = plain.to_numpy(np.bool_)
    return Places(
        size=size,
        county=pd.factorize(county)[0][units.index.get_indexer(ids)],
        township=pd.factorize(town)[0][units.index.get_indexer(ids)],
        begun=first(town).loc[ids].to_numpy(),
        begun_county=first(county).loc[ids].to_numpy(),
        is_plain=plain,
    )


def alarms(panel: Panel, placebos: Floats, places: Places) -> Alarms:
    """Read the three gauges for a panel."""
    outside = relative(panel, places)
    gauges = (placebo_gauge(placebos), luck_gauge(outside), dose_gauge(panel, outside, places)[0])
    blind = [NOT_SEEN]
    counties = places.begun_county[panel.cohort == NEVER]
    if (counties > 0).all():
        blind.append(
            "Every county has an alliance: what alliances cost all villages of their county is not "
            "identified."
        )
    if gauges[2].is_on is None:
        blind.append("Losses of villages near an alliance cannot be seen: no alarm is promised.")
    return Alarms(gauges, tuple(blind))


def placebo_gauge(placebos: Floats) -> Gauge:
    """Compare the mean of placebos with their spread: like villages outside moved together."""
    spread = float(placebos.std(ddof=1)) if len(placebos) > 1 else 0.0
    value = float(placebos.mean() / spread) if spread > 0 else float("nan")
    return Gauge(
        "Placebos",
        value,
        PLACEBO_LIMIT,
        float(placebos.mean()) if len(placebos) else float("nan"),
        "Mean of the regression for placebo alliances over its standard deviation: villages like "
        "the chosen ones grew otherwise than the line in size says.",
    )


def relative(panel: Panel, places: Places) -> Outside:
    """Fit value/size = b_i + g_t to villages outside, with noise in proportion to the level."""
    unit = np.flatnonzero((panel.cohort == NEVER) & places.is_plain)
    value = panel.y[unit] / places.size[unit, None]
    seen = ~np.isnan(value)
    unit, value, seen = (part[seen.sum(axis=1) > 1] for part in (unit, value, seen))
    if not len(unit):
        raise LianjianError("No village outside shows two years, so no gauge can be read.")
    filled = np.where(seen, value, 0.0)
    year = filled.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    own, drawn = np.zeros((len(unit), 1)), 1.0
    for _ in range(ROUNDS):
        level = np.maximum(drawn * own + year, LEAST_LEVEL * np.abs(year))
        weight = np.where(seen, 1 / level**2, 0.0)
        own = (weight * (filled - year)).sum(axis=1, keepdims=True)
        own /= weight.sum(axis=1, keepdims=True)
        year = (weight * (filled - own)).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
        left = np.where(seen, filled - own - year, 0.0)
        noise = (weight * left**2).sum() / max(seen.sum() - len(unit) - len(year), 1)
        error = float((noise / weight.sum(axis=1)).mean())
        drawn = float(np.clip(1 - error / max(own.var(), 1e-300), 0.0, 1.0))
    level = np.maximum(drawn * own + year, LEAST_LEVEL * np.abs(year))
    residual = np.where(seen, filled - drawn * own - year, 0.0) / level
    town = places.township[unit]
    alone = np.arange(len(unit)) + town.max() + 1
    order = np.unique(np.where(town < 0, alone, town), return_inverse=True)[1]
    block = order * min(BLOCKS, order.max() + 1) // (order.max() + 1)
    return Outside(unit, value, level, residual, drawn, block)


def luck_gauge(outside: Outside) -> Gauge:
    """Tell whether luck lasts: correlation of residuals in excess of what fitting makes."""
    # r = M e, M = I − drawn · vv′/v′v with v = 1/level: fitting b_i makes residuals correlate even
    # when luck is independent. Σ r r′ is regressed on its expectation under a variance for each
    # year and under a correlation of `DECAY` to the power of years apart; z by leaving out groups
    # of townships.
    name = "Lasting luck"
    meaning = (
        "Correlation of luck from year to year among villages outside, in excess of chance: where "
        "it lasts, a low year before joining does not return at once. Growth that follows a "
        "village's own level instead of its size looks the same."
    )
    seen = ~np.isnan(outside.value)
    n_blocks, years = int(outside.block.max()) + 1, seen.shape[1]
    if n_blocks < BLOCKS // 2 or years < FEWEST_YEARS:
        text = f"Cannot be read from {years} years and {n_blocks} groups of villages."
        return Gauge(name, math.nan, LUCK_LIMIT, math.nan, text)
    v = np.where(seen, 1 / outside.level, 0.0)
    keep = np.eye(years) * seen[:, None, :] - outside.drawn * (
        v[:, :, None] * v[:, None, :] / (v**2).sum(axis=1)[:, None, None]
    )
    upper = np.triu_indices(years)
    lag = np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    spread = np.sqrt((outside.residual**2).sum(axis=0) / seen.sum(axis=0))
    pattern = DECAY**lag * np.outer(spread, spread)
    columns = [keep[:, :, k, None] * keep[:, k, None, :] for k in range(years)]
    columns.append(keep @ pattern @ keep)
    moments = [outside.residual[:, :, None] * outside.residual[:, None, :], *columns]
    sums = np.zeros((len(moments), n_blocks, len(upper[0])))
    for k, moment in enumerate(moments):
        np.add.at(sums[k], outside.block, moment[:, upper[0], upper[1]])
    total = sums.sum(axis=1)
    scale = 1 / np.outer(spread, spread)[upper]

    def fitted(part: Floats) -> float:
        found, _, rank, _ = np.linalg.lstsq((part[1:] * scale).T, part[0] * scale, rcond=None)
        return float(found[-1]) if rank == len(part) - 1 else np.nan

    size = fitted(total)
    others = np.array([fitted(total - sums[:, block]) for block in range(n_blocks)])
    error = np.sqrt((n_blocks - 1) / n_blocks * ((others - others.mean()) ** 2).sum())
    value = size / error if error > 0 else np.nan
    return Gauge(name, value, LUCK_LIMIT, size, meaning)


def dose_gauge(panel: Panel, outside: Outside, places: Places) -> tuple[Gauge, float]:
    """Tell whether villages outside lose once an alliance begins in their township."""
    # value/size on village and year effects and "begun", weights 1/level², clustered by township.
    # The year before an alliance is left out in its township: the lowest of that year were taken
    # away by it, and those that are left look lucky.
    name = "Neighbours"
    limit = -DOSE_LIMIT
    begun, town = places.begun[outside.unit], places.township[outside.unit]
    year = panel.years
    exposed = (begun > 0) & (begun <= year[-1])
    if (town < 0).any():
        text = "Cannot be read: no township is named for some villages outside."
        return Gauge(name, math.nan, limit, math.nan, text), math.nan
    dose = (exposed[:, None] & (year >= begun[:, None])).astype(np.float64)
    use = ~np.isnan(outside.value) & ~(exposed[:, None] & (year == begun[:, None] - 1))
    weight = np.where(use, 1 / outside.level**2, 0.0)
    filled = np.where(use, outside.value, 0.0)
    dummies = np.broadcast_to(np.eye(len(year)), (len(begun), len(year), len(year)))[..., 1:]
    columns = np.concatenate([dose[..., None], dummies, filled[..., None]], axis=2)
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    columns = columns - ((weight[..., None] * columns).sum(axis=1) / total)[:, None, :]
    x, y = columns[..., :-1], columns[..., -1]
    bread = np.einsum("it,itj,itk->jk", weight, x, x)
    towns = len(np.unique(town[exposed]))
    if towns < FEWEST_TOWNSHIPS or np.linalg.matrix_rank(bread, hermitian=True) < len(bread):
        text = (
            f"Cannot be read: {towns} townships with an alliance show villages outside, or years "
            "and villages determine which do."
        )
        return Gauge(name, math.nan, limit, math.nan, text), math.nan
    inverse = np.linalg.inv(bread)
    found = inverse @ np.einsum("it,itj,it->j", weight, x, y)
    scores = np.einsum("it,itj,it->ij", weight, x, y - x @ found)
    sums = np.zeros((town.max() + 1, scores.shape[1]))
    np.add.at(sums, town, scores)
    groups = len(np.unique(town))
    variance = inverse @ (sums.T @ sums) @ inverse * groups / (groups - 1)
    size, error = float(found[0]), float(np.sqrt(variance[0, 0]))
    meaning = (
        "Change of villages outside once an alliance begins in their township: where they lose by "
        "it, the comparison is too low and the estimate too high."
    )
    value = size / error if error > 0 else np.nan
    return Gauge(name, value, limit, size, meaning), error


def without_neighbours(panel: Panel, places: Places, size: float) -> Panel:
    """Return the panel with what neighbours lost (or won) taken out of villages outside."""
    hit = (panel.cohort == NEVER) & (places.begun > 0)
    dose = hit[:, None] & (panel.years >= places.begun[:, None])
    return replace(panel, y=panel.y - np.where(dose, size * places.size[:, None], 0.0))
