"""Stand-in alliances: villages that never joined, drawn as the real ones were."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.effects.panel import NEVER, Floats, Ints, Panel, make_panel
from analysis.errors import LianjianError, need_columns

WIDTH = 0.5
"""Width of the kernel in standard deviations of the villages that joined."""


@dataclass(frozen=True, eq=False)
class Original:
    """An alliance that took place, and who can stand in for its M villages.

    Attributes
    ----------
    cohort : int array, (M,)
        Years of joining.
    area : int array, (K,)
        Positions of the outside villages of its area.
    closeness : float array, (M, K)
        log weight with which each of them stands in for each village.
    block : int array, (K,)
        Their smaller places, e.g. townships; all 0 when none were named.
    n_blocks : int
        Blocks that the alliance spreads over.
    """

    cohort: Ints
    area: Ints
    closeness: Floats
    block: Ints
    n_blocks: int


@dataclass(frozen=True, eq=False)
class StandIns:
    """Who can stand in for whom.

    Attributes
    ----------
    panel : Panel
        The N villages outside alliances, each its own cluster.
    alliances : tuple of Original
        The alliances to imitate.
    """

    panel: Panel
    alliances: tuple[Original, ...]

    @property
    def n_villages(self) -> int:
        """Number of villages that joined."""
        return sum(len(each.cohort) for each in self.alliances)


def stand_ins(
    frame: pd.DataFrame, outcome: str, *, role: str = "allied_weak",
    covariates: Sequence[str] = (), near: Sequence[str] = ("households",),
    area: str = "county_code", block: str | None = None, width: float = WIDTH,
) -> StandIns:  # fmt: skip
    """Weigh outside villages by how much they resemble those that joined.

    Parameters
    ----------
    frame : DataFrame
        The panel, with ``village_id, year, role, alliance_id, joined_year``.
    outcome : str
        The measure studied. Its value in the year before joining counts for resemblance besides
        ``near``: villages were chosen on it.
    role : str
        Whose alliances to imitate.
    covariates : sequence of str
        For the estimators, as in `make_panel`.
    near : sequence of str
        Traits that stand-ins should share; villages without them take no part.
    area : str
        A stand-in lies in the area, or areas, of the alliance.
    block : str, optional
        Places inside an area: a stand-in alliance spreads over as many of them as the real one.
    width : float
        Of the kernel.

    Returns
    -------
    StandIns

    Raises
    ------
    LianjianError
        Nobody of the role joined or is outside with what is needed, a column is missing, or an
        area has too few villages outside.

    Notes
    -----
    The weight is exp(−d²/2h²), d the Euclidean distance in standard deviations of those that
    joined, h the width. Selection on a low year is thus imitated, and with it the return to the
    mean that follows. With few villages like those that joined, stand-ins are less extreme.

    Examples
    --------
    b and c, both with an income of 2 in 2023, can stand in for a alike.

    >>> frame = pd.DataFrame({"village_id": [*"aaabbbccc"], "year": [2022, 2023, 2024] * 3,
    ...     "role": ["allied_weak"] * 3 + ["outside"] * 6, "alliance_id": ["A"] * 3 + [None] * 6,
    ...     "joined_year": [2024] * 3 + [None] * 6, "county_code": "k", "households": 100,
    ...     "x_yuan": [1.0, 2, 9, 1, 2, 4, 1, 2, 2]})
    >>> pool = stand_ins(frame, "x_yuan")
    >>> pool.n_villages, pool.alliances[0].closeness.tolist()
    (1, [[-0.0, -0.0]])
    """
    names = [outcome, area, *near, *covariates, *([block] if block else [])]
    need_columns(frame, "village_id", "year", "role", "alliance_id", "joined_year", *names)
    year = frame["joined_year"].astype("Float64")
    joined = frame[frame["role"].eq(role) & year.notna() & frame["alliance_id"].notna()]
    outside = frame[frame["role"].eq("outside") & year.isna()]
    if joined.empty or outside.empty:
        raise LianjianError(
            f"{joined['village_id'].nunique()} villages of the role {role} with an alliance and a "
            f"year of joining, and {outside['village_id'].nunique()} outside: both are needed."
        )
    units = outside.drop_duplicates("village_id").set_index("village_id").dropna(subset=list(near))
    panel = _untreated(
        outside[outside["village_id"].isin(units.index)], outcome, covariates, joined
    )
    units = units.loc[panel.ids.tolist()]
    weak = joined.drop_duplicates("village_id").sort_values(["alliance_id", "village_id"])
    before = joined[joined["year"].eq(joined["joined_year"] - 1)].set_index("village_id")[outcome]
    weak = weak[weak["village_id"].isin(before.dropna().index)].dropna(subset=list(near))
    if weak.empty or not panel.n_units:
        raise LianjianError(
            f"{len(weak)} villages that joined have {', '.join([*near, outcome])} in the year "
            f"before, and {panel.n_units} outside have them in all years: both are needed."
        )
    cohort = weak["joined_year"].to_numpy(np.int64)
    traits = weak[list(near)].to_numpy(np.float64)
    before = before.loc[weak["village_id"]]
    spread = np.append(traits.std(axis=0), before.std(ddof=0))
    spread[~(spread > 0)] = 1.0
    own = np.column_stack([traits, before]) / spread
    others = units[list(near)].to_numpy(np.float64)
    place = np.zeros(panel.n_units, np.int64)
    if block:
        key = units[area].astype(str) + "|" + units[block].astype(str)
        place = np.asarray(pd.factorize(key)[0], dtype=np.int64)
    needed, there = weak.groupby(area).size(), units.groupby(area).size()
    short = needed[needed > there.reindex(needed.index).fillna(0)]
    if len(short):
        raise LianjianError(
            f"{area} {short.index[0]} has {short.iloc[0]} villages that joined and fewer outside: "
            "choose a wider area."
        )
    alliances = []
    for _, rows in weak.assign(row=np.arange(len(weak))).groupby("alliance_id", sort=True):
        mine = rows["row"].to_numpy()
        here = np.flatnonzero(units[area].isin(rows[area]))
        gap = np.empty((len(mine), len(here)))
        for g in np.unique(cohort[mine]):
            base = panel.y[:, panel.years == g - 1]
            if not base.size:
                raise LianjianError(f"No year {g - 1} in the panel, before villages joined in {g}.")
            theirs = np.column_stack([others, base])[here] / spread
            now = cohort[mine] == g
            gap[now] = ((own[mine[now], None] - theirs[None]) ** 2).sum(axis=2)
        spans = int(rows[block].nunique()) if block else 1
        alliances.append(Original(cohort[mine], here, -gap / (2 * width**2), place[here], spans))
    return StandIns(panel, tuple(alliances))


def _untreated(
    outside: pd.DataFrame, outcome: str, covariates: Sequence[str], joined: pd.DataFrame
) -> Panel:
    """Return the panel of villages outside that are seen in all years."""
    years = outside["year"].unique()
    # a panel needs a treated unit: a flag under the name of a joiner, dropped again
    flag = pd.DataFrame({"village_id": joined["village_id"].iloc[0], "year": years})
    flag = flag.assign(joined_year=years.max(), **dict.fromkeys([outcome, *covariates], 0.0))
    panel = make_panel(
        pd.concat([outside, flag]), outcome, covariates=covariates, unbalanced="balance"
    )
    return replace(panel.take(panel.cohort == NEVER), notes=())


def draw_placebo(pool: StandIns, rng: np.random.Generator) -> Panel:
    """Return the outside villages with stand-in alliances among them.

    Each alliance, in random order, takes its blocks at random inside its area and then, for each
    of its villages, a free one there by weight; where its blocks are used up, one of its area.

    Parameters
    ----------
    pool : StandIns
        From `stand_ins`.
    rng : Generator
        Source of the draw.

    Returns
    -------
    Panel
        Cohorts of the stand-ins as those of the real alliances; a stand-in alliance is a cluster.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aaabbbccc"], "year": [2022, 2023, 2024] * 3,
    ...     "role": ["allied_weak"] * 3 + ["outside"] * 6, "alliance_id": ["A"] * 3 + [None] * 6,
    ...     "joined_year": [2024] * 3 + [None] * 6, "county_code": "k", "households": 100,
    ...     "x_yuan": [1.0, 2, 9, 1, 2, 4, 1, 2, 2]})
    >>> draw_placebo(stand_ins(frame, "x_yuan"), np.random.default_rng(1)).cohort.tolist()
    [2024, 0]
    """
    panel = pool.panel
    cohort = np.zeros(panel.n_units, np.int64)
    cluster = len(pool.alliances) + np.arange(panel.n_units)
    taken = np.zeros(panel.n_units, dtype=np.bool_)
    for number in rng.permutation(len(pool.alliances)):
        real = pool.alliances[number]
        blocks = np.unique(real.block)
        chosen = rng.choice(blocks, min(len(blocks), real.n_blocks), replace=False)
        # the largest of log weights with Gumbel noise is a draw by weight
        luck = real.closeness + rng.gumbel(size=real.closeness.shape)
        luck[:, taken[real.area]] = -np.inf
        near = np.where(np.isin(real.block, chosen), luck, -np.inf)
        for village in rng.permutation(len(luck)):
            place = int(np.argmax(near[village]))
            if near[village, place] == -np.inf:
                place = int(np.argmax(luck[village]))
            near[:, place] = luck[:, place] = -np.inf
            cohort[real.area[place]] = real.cohort[village]
            cluster[real.area[place]] = number
            taken[real.area[place]] = True
    order = np.argsort(np.where(cohort == NEVER, np.iinfo(np.int64).max, cohort), kind="stable")
    return replace(
        panel, y=panel.y[order], cohort=cohort[order], x=panel.x[order], ids=panel.ids[order],
        cluster=np.unique(cluster[order], return_inverse=True)[1].astype(np.int64),
        cluster_name="stand-in alliance",
    )  # fmt: skip
