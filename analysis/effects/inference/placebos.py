"""Placebo alliances: villages that never joined, drawn as the real ones were."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from analysis._frame import need_columns
from analysis.effects.panel import NEVER, Bools, Floats, Ints, Panel, make_panel
from analysis.errors import LianjianError
from analysis.fields import EVERY_COUNTY

WIDTH = 0.5
"""Width of the kernel in standard deviations of the villages that joined."""


@dataclass(frozen=True, eq=False)
class Original:
    """An alliance that took place, and who can stand for its M villages."""

    cohort: Ints  # (M,) years of joining
    missing: Bools  # (M, T) years without books, which the placebo takes over
    area: Ints  # (K,) positions of the outside villages of its area
    closeness: Floats  # (M, K) log weight with which each of them stands for each village
    block: Ints  # (K,) their smaller places, e.g. townships
    n_blocks: int

    @cached_property
    def blocks(self) -> Ints:
        """The smaller places that occur."""
        return np.unique(self.block)


@dataclass(frozen=True, eq=False)
class PlaceboPool:
    """Who can stand for whom."""

    panel: Panel  # the N villages outside alliances, clustered by block
    alliances: tuple[Original, ...]  # the alliances to imitate

    @property
    def n_villages(self) -> int:
        """Number of villages that joined."""
        return sum(len(each.cohort) for each in self.alliances)


def placebo_pool(
    frame: pd.DataFrame,
    outcome: str,
    *,
    role: str = "allied_weak",
    covariates: Sequence[str] = (),
    near: Sequence[str] = ("households",),
    area: str = "county_code",
    block: str | None = None,
    weights: str | None = None,
) -> PlaceboPool:
    """Weigh outside villages by how much they resemble those that joined."""
    # The weight is exp(−d²/2h²), d the Euclidean distance in standard deviations of those that
    # joined, h the WIDTH. Selection on a low year is thus imitated, and with it the return to the
    # mean that follows. Outside villages with books of all years can be drawn; a placebo then loses
    # the years that the village lacks for which it stands. With few villages like those that
    # joined, placebos are less extreme.
    traits = list(dict.fromkeys([*near, *covariates, *([weights] if weights else [])]))
    names = [outcome, area, *traits, *([block] if block else [])]
    need_columns(frame, "village_id", "year", "role", "alliance_id", "joined_year", *names)
    year = frame["joined_year"].astype("Float64")
    inside = frame["role"].eq(role) & frame["alliance_id"].notna()
    joined = frame[inside & year.le(frame["year"].max()).fillna(value=False)]
    outside = frame[frame["role"].eq("outside") & year.isna()].dropna(subset=traits)
    weak = joined.drop_duplicates("village_id").sort_values(["alliance_id", "village_id"])
    weak = weak.dropna(subset=traits)
    if weak.empty or outside.empty:
        raise LianjianError(
            f"{len(weak)} villages of the role {role} with an alliance and a year of joining, and "
            f"{outside['village_id'].nunique()} outside have {', '.join(traits) or outcome}: both "
            "are needed."
        )
    place = outside[area].astype(str) + "|"
    place += outside[block or "village_id"].astype(str)
    panel = _untreated(outside.assign(_place=place), outcome, covariates, weights, joined)
    units = outside.drop_duplicates("village_id").set_index("village_id").loc[panel.ids.tolist()]
    whole = ~np.isnan(panel.y).any(axis=1)
    needed, there = weak.groupby(area).size(), units[whole].groupby(area).size()
    short = needed[needed > there.reindex(needed.index).fillna(0)]
    if len(short):
        counties = {county.code: county.name for county in EVERY_COUNTY}
        place, joining = counties.get(short.index[0], short.index[0]), short.iloc[0]
        raise LianjianError(
            f"{place} has {joining} villages that joined and fewer outside "
            "with books of all years: choose a wider area."
        )
    books = joined.pivot(index="village_id", columns="year", values=outcome)
    books = books.reindex(index=weak["village_id"], columns=panel.years).astype("Float64")
    income = books.to_numpy(np.float64, na_value=np.nan)
    cohort = weak["joined_year"].to_numpy(np.int64)
    at = np.searchsorted(panel.years, cohort) - 1
    if (at < 0).any():
        raise LianjianError(
            f"The panel begins in {panel.years[0]}, and villages joined in {cohort.min()}: no year "
            "before shows whom they were like."
        )
    before = income[np.arange(len(weak)), at]
    mine = np.column_stack([weak[list(near)].to_numpy(np.float64), before])
    spread = np.nanstd(mine, axis=0) if np.isfinite(before).any() else mine.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    others = units[list(near)].to_numpy(np.float64)
    alliances = []
    for _, rows in weak.assign(row=np.arange(len(weak))).groupby("alliance_id", sort=True):
        own = rows["row"].to_numpy()
        here = np.flatnonzero(whole & units[area].isin(rows[area]).to_numpy())
        gap = np.empty((len(own), len(here)))
        for line, village in enumerate(own):
            theirs = np.column_stack([others[here], panel.y[here, at[village]]])
            # a village without its year before has no distance in it
            gap[line] = (np.nan_to_num((mine[village] - theirs) / spread) ** 2).sum(axis=1)
        alliances.append(
            Original(
                cohort=cohort[own],
                missing=np.isnan(income[own]),
                area=here,
                closeness=-gap / (2 * WIDTH**2),
                block=panel.cluster[here] if block else np.zeros(len(here), np.int64),
                n_blocks=int(rows[block].nunique()) if block else 1,
            )
        )
    return PlaceboPool(panel, tuple(alliances))


def _untreated(
    outside: pd.DataFrame,
    outcome: str,
    covariates: Sequence[str],
    weights: str | None,
    joined: pd.DataFrame,
) -> Panel:
    """Return the panel of villages outside, clustered by place."""
    years = outside["year"].unique()
    # a panel needs a treated unit: a flag under the name of a joiner, dropped again
    flag = pd.DataFrame({"village_id": joined["village_id"].iloc[0], "year": years})
    flag = flag.assign(
        joined_year=years.max(), _place="", **dict.fromkeys([outcome, *covariates], 0.0)
    )
    if weights:
        flag[weights] = 1.0
    panel = make_panel(
        pd.concat([outside, flag]),
        outcome,
        covariates=covariates,
        weights=weights,
        cluster="_place",
    )
    return replace(panel.take(panel.cohort == NEVER), notes=())


def draw_placebo(pool: PlaceboPool, rng: np.random.Generator) -> Panel:
    """Return the outside villages with placebo alliances among them."""
    # Each alliance, in random order, takes its blocks at random inside its area and then, for each
    # of its villages, a free one there by weight; where its blocks are used up, one of its area.
    panel = pool.panel
    cohort = np.zeros(panel.n_units, np.int64)
    cluster = len(pool.alliances) + panel.cluster
    taken = np.zeros(panel.n_units, dtype=np.bool_)
    y = panel.y.copy()
    for number in rng.permutation(len(pool.alliances)):
        real = pool.alliances[number]
        chosen = rng.choice(real.blocks, min(len(real.blocks), real.n_blocks), replace=False)
        # the largest of log weights with Gumbel noise is a draw by weight
        luck = real.closeness + rng.gumbel(size=real.closeness.shape)
        luck[:, taken[real.area]] = -np.inf
        inside = (real.block[:, None] == chosen).any(axis=1)
        near = np.where(inside, luck, -np.inf)
        for village in rng.permutation(len(luck)):
            place = int(np.argmax(near[village]))
            if near[village, place] == -np.inf:
                place = int(np.argmax(luck[village]))
            near[:, place] = luck[:, place] = -np.inf
            unit = real.area[place]
            cohort[unit] = real.cohort[village]
            cluster[unit] = number
            taken[unit] = True
            y[unit, real.missing[village]] = np.nan
    order = np.argsort(np.where(cohort == NEVER, np.iinfo(np.int64).max, cohort), kind="stable")
    return replace(
        panel,
        y=y[order],
        cohort=cohort[order],
        x=panel.x[order],
        ids=panel.ids[order],
        weight=None if panel.weight is None else panel.weight[order],
        cluster=np.unique(cluster[order], return_inverse=True)[1].astype(np.int64),
        cluster_name="placebo alliance",
    )
