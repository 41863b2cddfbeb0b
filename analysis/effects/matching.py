"""Matched comparisons: nearest neighbours inside exact strata, and the balance they reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import fields
from analysis._frame import amounts, flags
from analysis.effects._stands_on import BALANCE, inside
from analysis.effects.panel import Bools, Floats, Ints
from analysis.errors import LianjianError

DAW_HATFIELD = (
    "Matched on the baseline level of the outcome: units drawn from groups with different means "
    "fall back towards them, which biases difference-in-differences (Daw & Hatfield 2018, Health "
    "Serv. Res. 53(6)). Show the unmatched estimate beside it."
)


class NobodyToMatchError(LianjianError):
    """No treated unit has a comparison inside its strata and the caliper."""


@dataclass(frozen=True, eq=False)
class Match:
    """Who is matched with whom."""

    treated: Ints  # (P,)
    control: Ints  # (P,)
    distance: Floats  # (P,)
    unmatched: Ints
    balance: pd.DataFrame
    notes: tuple[str, ...]


def match(
    units: pd.DataFrame,
    treated: str,
    covariates: Sequence[str],
    *,
    exact: Sequence[str] = (),
    ratio: int = 1,
    caliper: float | None = None,
    levels: Sequence[str] = (),
) -> Match:
    """Match each treated unit with its nearest comparison units."""
    # Without replacement: pairs are formed by rising distance over all treated units (greedy).
    # Equal distances are settled by the covariate values, never by row order or id, and by row
    # position only among units that agree in all of them. Mahalanobis: √((a−b)′S⁻¹(a−b)), S the
    # pooled covariance within groups (Rubin 1980, Biometrics 36(2)).
    names = [treated, *covariates, *exact]
    missing = [name for name in names if name not in units.columns]
    if missing or not covariates:
        raise LianjianError(f"Nothing to match on: no column {', '.join(missing) or 'is named'}.")
    gaps = units[names].isna().any(axis=1)
    if gaps.any():
        raise LianjianError(
            f"{int(gaps.sum())} units miss one of {', '.join(names)}. Leave them out, or match on "
            "something else."
        )
    if ratio < 1 or (caliper is not None and caliper <= 0):
        raise LianjianError("ratio must be 1 or more, and the caliper above 0.")
    flag = flags(units[treated], treated)
    x = np.column_stack([amounts(units[name], name) for name in covariates])
    if not flag.any() or flag.all():
        raise LianjianError(
            f"{flag.sum()} treated and {(~flag).sum()} comparison units: none to match."
        )
    z = _whiten(x, flag)
    strata: Ints = np.zeros(len(units), dtype=np.int64)
    if exact:
        strata = np.asarray(units.groupby(list(exact), sort=True).ngroup(), dtype=np.int64)
    rank = np.argsort(np.lexsort((np.arange(len(x)), *x.T[::-1])))
    parts = [
        _pairs(
            z,
            rank,
            flag & (strata == s),
            ~flag & (strata == s),
            ratio=ratio,
            caliper=caliper,
        )
        for s in np.unique(strata[flag])
    ]
    found = np.concatenate(parts)
    if not len(found):
        raise NobodyToMatchError(
            "No treated unit has a comparison: widen the caliper or the strata."
        )
    found = found[np.lexsort((found[:, 2], found[:, 0]))]
    left, right = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    lonely = np.setdiff1d(np.flatnonzero(flag), left)
    notes = []
    if len(lonely):
        notes.append(
            f"{len(lonely):,} of {flag.sum():,} treated units have no match and are left out: the "
            "estimate is of the matched ones."
        )
    if set(levels) & set(covariates):
        notes.append(DAW_HATFIELD)
    balance = balance_table(units, treated, [*covariates], left, right)
    return Match(left, right, found[:, 2], lonely, balance, tuple(notes))


def balance_table(
    units: pd.DataFrame, treated: str, covariates: Sequence[str], left: Ints, right: Ints
) -> pd.DataFrame:
    """Compare treated and comparison units before and after matching."""
    # SMD = (x̄₁ − x̄₀)/√((s₁² + s₀²)/2), the spread always that before matching, so that both
    # columns share a scale (Austin 2009, Stat. Med. 28(25)). Below 0.1 in absolute value counts as
    # balanced.
    flag = units[treated].to_numpy(dtype=np.bool_)
    shares = 1 / np.bincount(left, minlength=len(units))[left]
    rows = []
    for name in covariates:
        x = units[name].to_numpy(dtype=np.float64)
        one, zero = x[flag], x[~flag]
        v1, v0 = _variance(one), _variance(zero)
        spread = np.sqrt((v1 + v0) / 2)
        after = np.average(x[left], weights=shares) - np.average(x[right], weights=shares)
        m1, m0 = _variance(x[left], shares), _variance(x[right], shares)
        rows.append(
            {
                "covariate": name,
                "smd_before": _ratio(one.mean() - zero.mean(), spread),
                "smd_after": _ratio(after, spread),
                "variance_ratio_before": _ratio(v1, v0),
                "variance_ratio_after": _ratio(m1, m0),
            }
        )
    table = pd.DataFrame(rows)
    inside(BALANCE, table)
    return table


def _ratio(top: float, bottom: float) -> float:
    if bottom > 0:
        return float(top / bottom)
    return 0.0 if top == 0 else float("nan")


def _variance(x: Floats, weights: Floats | None = None) -> float:
    if len(x) < 2:
        return 0.0
    weights = np.ones(len(x)) if weights is None else weights
    total = weights.sum()
    mean = weights @ x / total
    return float(weights @ (x - mean) ** 2 / (total - (weights @ weights) / total))


def _whiten(x: Floats, flag: Bools) -> Floats:
    """Scale covariates so that Euclidean distance is Mahalanobis'."""
    within = np.concatenate([x[flag] - x[flag].mean(axis=0), x[~flag] - x[~flag].mean(axis=0)])
    covariance = within.T @ within / max(len(x) - 2, 1)
    spread = np.sqrt(np.diag(covariance))
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    keep = spread > 0
    correlation = covariance[np.ix_(keep, keep)] / np.outer(spread[keep], spread[keep])
    values, vectors = np.linalg.eigh(correlation)
    if len(values) and values[0] < 1e-10:
        raise LianjianError("A covariate is a sum of the others. Leave it out.")
    return np.column_stack([x[:, keep] @ (vectors / np.sqrt(values)), x[:, ~keep]])


def _pairs(
    z: Floats,
    rank: Ints,
    treated: Bools,
    control: Bools,
    *,
    ratio: int,
    caliper: float | None,
) -> Floats:
    """Return rows of treated, control, distance inside one stratum."""
    one, zero = np.flatnonzero(treated), np.flatnonzero(control)
    one, zero = one[np.argsort(rank[one])], zero[np.argsort(rank[zero])]
    gaps = np.sqrt(((z[one][:, None, :] - z[zero][None, :, :]) ** 2).sum(axis=2))
    # distances equal but for rounding must tie
    gaps = np.round(gaps, 9)
    reach = np.inf if caliper is None else round(caliper, 9)
    found: list[tuple[int, int, float]] = []
    open_one, open_zero = np.full(len(one), ratio), np.ones(len(zero), dtype=np.bool_)
    for place in np.argsort(gaps, axis=None, kind="stable"):
        i, j = divmod(int(place), len(zero))
        if gaps[i, j] > reach or not open_zero.any():
            break
        if open_one[i] and open_zero[j]:
            found.append((one[i], zero[j], gaps[i, j]))
            open_one[i] -= 1
            open_zero[j] = False
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def match_villages(
    frame: pd.DataFrame,
    units: pd.DataFrame,
    outcome: str,
    *,
    on: Sequence[str],
    exact: Sequence[str],
    anticipation: int,
    ratio: int,
    caliper: float | None,
) -> tuple[pd.DataFrame, Match]:
    """Match villages cohort by cohort, each with its own years before joining."""
    wide = frame.pivot(index="village_id", columns="year", values=outcome)
    years = wide.columns.to_numpy()
    levels = [name for name in on if name in {"level", outcome, *fields.MEASURES}]
    if lost := {*on, *exact} - {*units.columns, "change", "level"}:
        raise LianjianError(f"Nothing to match on: no column {', '.join(sorted(lost))}.")
    cohorts = sorted(units.loc[units["cohort"] > 0, "cohort"].unique())
    parts, skipped = [], 0
    taken: set[str] = set()
    for g in cohorts:
        pre = years[years < g - anticipation]
        rows = units[
            (units["cohort"] == g) | ((units["cohort"] == 0) & ~units["village_id"].isin(taken))
        ]
        if not len(pre) or ("change" in on and len(pre) < 2):
            skipped += int((rows["cohort"] == g).sum())
            continue
        mine = wide.loc[rows["village_id"]]
        table = rows.assign(
            allied=(rows["cohort"] == g).to_numpy(),
            level=mine[pre[-1]].to_numpy(),
            change=((mine[pre[-1]] - mine[pre[0]]) / max(pre[-1] - pre[0], 1)).to_numpy(),
        )
        wanted = [*on, *exact]
        table = table[table["allied"] | table[wanted].notna().all(axis=1)]
        whole = table[wanted].notna().all(axis=1)
        skipped += int((~whole).sum())
        table = table[whole].reset_index(drop=True)
        if not table["allied"].any() or table["allied"].all():
            skipped += int(table["allied"].sum())
            continue
        try:
            pairs = match(
                table, "allied", on, exact=exact, ratio=ratio, caliper=caliper, levels=levels
            )
        except NobodyToMatchError:
            skipped += int(table["allied"].sum())
            continue
        taken |= set(table["village_id"].iloc[pairs.control])
        parts.append((table, pairs))
    if not parts:
        raise LianjianError(
            "No cohort shows the years before joining that the matching needs: "
            "match on something else than `change`."
        )
    return _join(parts, on, skipped)


def _join(
    parts: Sequence[tuple[pd.DataFrame, Match]], on: Sequence[str], skipped: int
) -> tuple[pd.DataFrame, Match]:
    """Put the matches of the cohorts together; a village outside stands once for each cohort."""
    offset, left, right, distance, lonely = 0, [], [], [], []
    for table, pairs in parts:
        left.append(pairs.treated + offset)
        right.append(pairs.control + offset)
        distance.append(pairs.distance)
        lonely.append(pairs.unmatched + offset)
        offset += len(table)
    units = pd.concat([table for table, _ in parts], ignore_index=True)
    one, zero = np.concatenate(left), np.concatenate(right)
    notes = list(
        dict.fromkeys(note for _, pairs in parts for note in pairs.notes if "level" in note)
    )
    alone = sum(len(pairs.unmatched) for _, pairs in parts)
    if skipped or alone:
        notes.insert(
            0, f"{skipped + alone:,} treated villages could not be matched and take no part."
        )
    notes.insert(0, f"Matched {len(np.unique(one)):,} villages with {len(zero):,} outside.")

    balance = balance_table(units, "allied", list(on), one, zero)
    return units, Match(
        one, zero, np.concatenate(distance), np.concatenate(lonely), balance, tuple(notes)
    )
