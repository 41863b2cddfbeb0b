"""Villages outside alliances, matched with each cohort on its own past."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import fields
from analysis.effects.matching import Match, NobodyToMatchError, balance_table, match
from analysis.errors import LianjianError


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
