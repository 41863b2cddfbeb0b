"""The pairs of one helper and one weak village: how far apart, and who closed the gap."""

import numpy as np
import pandas as pd

from analysis._frame import Floats, amounts, need_columns, need_roles, panel_of, said
from analysis.errors import LianjianError, did_you_mean
from analysis.fields import YUAN_PER_WAN
from analysis.indicators._stands_on import keep_closing, keep_expected, keep_pairs

_SIDES = {"helper": "helper", "allied_weak": "weak"}
_FEWEST = 3


def gaps(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return both incomes of each pair in each year, and what lies between them."""
    # In 万元: `gap` is helper minus weak, `ratio` weak over helper (missing unless the helper has a
    # positive income); `joined_year` is that of the weak village, `event_time` the year minus it. A
    # pair of which the panel holds one village only is left out, as where a book ends between them.
    need_columns(panel, "joined_year", "pair_id", "role")
    need_roles(panel)
    frame = panel_of(panel, column)
    paired = frame[frame["pair_id"].notna()].assign(side=lambda x: x["role"].map(_SIDES))
    traits = paired[["village_id", "pair_id", "role", "joined_year"]].drop_duplicates()
    if (twice := traits["village_id"].duplicated()).any():
        village = traits["village_id"][twice].iloc[0]
        raise LianjianError(
            f"pair_id, role or joined_year change over time in {village}. Each must be one value "
            "for a village in all its rows."
        )
    members = paired.drop_duplicates("village_id")
    alone = members.groupby("pair_id")["village_id"].transform("size") == 1
    half = int(alone.sum())
    members = members[~alone]
    paired = paired[paired["pair_id"].isin(members["pair_id"])]
    for pair, rows in members.groupby("pair_id"):
        if sorted(rows["role"]) != ["allied_weak", "helper"]:
            raise LianjianError(
                f"Pair {pair} has the roles {sorted(rows['role'])}; it should have one helper and "
                "one allied_weak. Correct pair_id or role of its villages."
            )
    ids = members.pivot(index="pair_id", columns="side", values="village_id")
    joined = members[members["side"] == "weak"].set_index("pair_id")["joined_year"]
    incomes = paired.pivot(index=["pair_id", "year"], columns="side", values=column)
    incomes = incomes.reindex(columns=list(_SIDES.values())).dropna(how="all") / YUAN_PER_WAN
    # types do not depend on whether there is any pair
    result = incomes.astype(float).reset_index().rename_axis(columns=None).astype({"year": int})
    result.insert(1, "helper_id", result["pair_id"].map(ids.get("helper", {})))
    result.insert(2, "weak_id", result["pair_id"].map(ids.get("weak", {})))
    result.insert(3, "joined_year", result["pair_id"].map(joined).astype("Int64"))
    result.insert(5, "event_time", result["year"] - result["joined_year"])
    result["gap"] = result["helper"] - result["weak"]
    result["ratio"] = result["weak"] / result["helper"].where(result["helper"] > 0)
    keep_pairs(result, column, 1 / YUAN_PER_WAN)
    none = "The panel names no pair of a helper and a weak village"
    cut = f"Pairs with one village only, left out: {half}" if half else ""
    return said(result, cut, "" if len(members) else none)


def closing(gap: pd.DataFrame, start: int, end: int, *, clock: str = "year") -> pd.DataFrame:
    """Return how much of its gap each pair closed between two years, and who closed it."""
    # The clock says of start and end whether they are years or event times; "since_joining" takes
    # an event time and a year. `closed` is the fall of the gap, weak_change − helper_change;
    # `catch_up_pct` the yearly rate at which it shrinks, 1 − (gap_end/gap_start)^(1/years). Who
    # closed it: where both moved the same way and the gap shrank, the one that moved further. A gap
    # can grow while the ratio rises, 10 against 50 becoming 30 against 80: both are given. Rates
    # are missing where a gap is not positive.
    clocks = {
        "year": ("year", "year"),
        "event_time": ("event_time", "event_time"),
        "since_joining": ("event_time", "year"),
    }
    if clock not in clocks:
        raise LianjianError(
            f"There is no clock {clock!r}.{did_you_mean(str(clock), clocks)} There are "
            f"{', '.join(clocks)}."
        )
    need_columns(gap, "pair_id", "year", "event_time", "helper", "weak", "gap", "ratio")
    known = gap.dropna(subset=["helper", "weak"])
    first, last = (
        known[known[name] == value].set_index("pair_id")
        for name, value in zip(clocks[clock], (start, end), strict=True)
    )
    both = first.index.intersection(last.index).sort_values()
    first, last = first.loc[both], last.loc[both]
    years = last["year"] - first["year"]
    if (years <= 0).any():
        pair = years.index[years <= 0][0]
        raise LianjianError(
            f"Pair {pair}: from {first.loc[pair, 'year']} to {last.loc[pair, 'year']} is no time. "
            "The end must be after the start."
        )
    result = first[["helper_id", "weak_id"]].copy()
    result["start_year"], result["end_year"] = first["year"], last["year"]
    for side in _SIDES.values():
        result[f"{side}_start"], result[f"{side}_end"] = first[side], last[side]
        result[f"{side}_change"] = last[side] - first[side]
    result["gap_start"], result["gap_end"] = first["gap"], last["gap"]
    result["closed"] = result["gap_start"] - result["gap_end"]
    open_gap = result["gap_start"].where(result["gap_start"] > 0)
    result["closed_pct"] = result["closed"] / open_gap * 100
    result["ratio_start"], result["ratio_end"] = first["ratio"], last["ratio"]
    left = result["gap_end"].where(result["gap_end"] > 0) / open_gap
    result["catch_up_pct"] = (1 - left ** (1 / years)) * 100
    up, down = result["weak_change"] > 0, result["helper_change"] < 0
    result["who"] = np.select(
        [result["closed"] <= 0, up & down, up],
        ["gap grew", "both", "weak up"],
        "helper down",
    )
    keep_closing(result)
    without = gap["pair_id"].nunique() - len(result)
    note = f"{without} pairs lack one of their four incomes and are left out" if without else ""
    return said(result.reset_index(), *gap.attrs.get("notes", ()), note)


def expected_closing(
    panel: pd.DataFrame, column: str, closed: pd.DataFrame, *, covariate: str | None = "households"
) -> pd.DataFrame:
    """Add to each pair what its two villages would have gained as ordinary ones of their size."""
    # For each start and end year Δ_i = α + γ z_i + e_i is fitted on villages outside alliances and
    # read at the pair's own z: difference-in-differences with a covariate (Heckman, Ichimura & Todd
    # 1997, DOI 10.2307/2971733). It identifies the closing that the alliance made if, but for it,
    # both would have changed like ordinary villages of their size. Selection in the start year on a
    # high or low income breaks that: start one year before it.
    sides = {f"{side}_expected": np.nan for side in _SIDES.values()}
    result = closed.assign(**sides, comparisons=0)
    wide, z = _outside(panel, column, covariate)
    for (start, end), rows in closed.groupby(["start_year", "end_year"]):
        known = {start, end} <= set(wide)
        line, count = _line(wide[end] - wide[start] if known else pd.Series(dtype=float), z)
        if line is None:
            raise LianjianError(
                f"{count} villages outside alliances are known in {start} and {end}; at least "
                f"{_FEWEST} are needed to say what was to be expected."
            )
        for side in _SIDES.values():
            own = z.reindex(rows[f"{side}_id"])
            if own.isna().any():
                raise LianjianError(
                    f"{list(own.index[own.isna()])} have no {covariate}. Choose another covariate, "
                    "or None."
                )
            result.loc[rows.index, f"{side}_expected"] = line[0] + line[1] * own.to_numpy()
        result.loc[rows.index, "comparisons"] = count
    result["closed_expected"] = result["weak_expected"] - result["helper_expected"]
    result["closed_net"] = result["closed"] - result["closed_expected"]
    keep_expected(result, wide, z, column, 1 / YUAN_PER_WAN)
    return result.astype({"comparisons": int})


def standing(
    panel: pd.DataFrame, column: str, gap: pd.DataFrame, *, covariate: str | None = "households"
) -> pd.DataFrame:
    """Add to each pair and year how far both stand above an ordinary village of their size."""
    # An excess that lasts is the village; one that peaks in the year of choice and is gone in the
    # next is the choice (regression to the mean: Galton 1886, DOI 10.2307/2841583).
    result = gap.assign(**{f"{side}_excess": np.nan for side in _SIDES.values()})
    wide, z = _outside(panel, column, covariate)
    without = []
    for year, rows in gap.groupby("year"):
        line, _ = _line(wide[year] if year in wide else pd.Series(dtype=float), z)
        without += [f"{year}"] if line is None else []
        for side in _SIDES.values():
            own = z.reindex(rows[f"{side}_id"]).to_numpy(dtype=float)
            ordinary = np.nan if line is None else line[0] + line[1] * own
            result.loc[rows.index, f"{side}_excess"] = rows[side] - ordinary
    few = f"Fewer than {_FEWEST} villages outside alliances are known in {', '.join(without)}"
    return said(result, *gap.attrs.get("notes", ()), few if without else "")


def _outside(
    panel: pd.DataFrame, column: str, covariate: str | None
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the incomes of villages outside (village by year, 万元) and the trait of all."""
    need_columns(panel, "role", *[name for name in [covariate] if name])
    need_roles(panel)
    frame = panel_of(panel, column)
    outside = frame[frame["role"] == "outside"]
    wide = outside.pivot(index="village_id", columns="year", values=column)
    traits = frame.drop_duplicates("village_id").set_index("village_id")
    z = np.zeros(len(traits)) if covariate is None else amounts(traits[covariate], covariate)
    return wide / YUAN_PER_WAN, pd.Series(z, traits.index)


def _line(y: pd.Series, z: pd.Series) -> tuple[Floats | None, int]:
    """Fit y = α + γ z where both are known; None with fewer than three villages."""
    known = y.dropna()
    known = known[z.reindex(known.index).notna()]
    if len(known) < _FEWEST:
        return None, len(known)
    design = np.column_stack([np.ones(len(known)), z[known.index]])
    # least squares of smallest norm: a trait that does not vary gets no weight beyond the mean
    return np.linalg.lstsq(design, known.to_numpy(), rcond=None)[0], len(known)
