"""What the tables of published figures must say for their numbers to be read as what they are."""

from collections.abc import Iterator, Mapping

import pandas as pd

from analysis.errors import LianjianError
from analysis.fields import TABLES

_IN_ORDER = ("before", "before2", "mid", "after")
_SHOWN = 5


def check_published(tables: Mapping[str, pd.DataFrame], files: Mapping[str, str]) -> None:
    """Refuse published tables that say what cannot be."""
    rules = {"figures": _figures, "benchmarks": _benchmarks, "bands": _bands, "reported": _reported}
    found = [
        f"  {files[table]}, {fault}" for table, rule in rules.items() for fault in rule(tables)
    ]
    if found:
        more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise LianjianError(
            "\n".join(["The published figures say what cannot be:", *found[:_SHOWN], *more])
        )


def _figures(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield figures that repeat a row which is not there or says something else."""
    rows = tables["figures"].set_index("figure_id")
    for name, row in rows[rows["same_as"].notna()].iterrows():
        first = row["same_as"]
        if first not in rows.index or pd.notna(rows.loc[first, "same_as"]):
            yield f"{name}: same_as is {first!r}; expected the first row that states the fact."
        elif (seen := row["value"]) != (other := rows.loc[first, "value"]):
            yield f"{name}: {seen:g} is said to be the same as {first}, which says {other:g}."


def _benchmarks(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield derived values without their rounding, and rounding where nothing was derived."""
    reports = tables["reported"].set_index("report_id")["value_wan_yuan"]
    for row in tables["benchmarks"].to_dict("records"):
        name, value = f"{row['place']} {row['year']} {row['measure']}", row["value_wan_yuan"]
        low, high = row["low_wan_yuan"], row["high_wan_yuan"]
        if row["qualifier"] == "derived" and not low <= value <= high:
            yield (
                f"{name}: {value:g} is derived; expected between low_wan_yuan and high_wan_yuan, "
                f"seen {low:g} and {high:g}."
            )
        if row["qualifier"] != "derived" and pd.notna([low, high]).any():
            yield f"{name}: {row['qualifier']} and yet with the bounds of a derived value."
        if pd.notna(row["same_as"]) and reports.get(row["same_as"]) != value:
            yield f"{name}: {value:g} is said to be the same as {row['same_as']}, which is not so."
        if row["statistic"] == "total" and pd.isna(row["villages"]):
            yield f"{name}: a total; expected the number of villages."


def _bands(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield bands that are empty or overlap, and shares that come to more than the whole."""
    for (place, year, measure), group in tables["bands"].groupby(["place", "year", "measure"]):
        name = f"{place} {year} {measure}"
        ends = group[["band_low_wan_yuan", "band_high_wan_yuan"]]
        low = ends.iloc[:, 0].fillna(-float("inf"))
        high = ends.iloc[:, 1].fillna(float("inf"))
        order = low.sort_values().index
        if (low >= high).any() or (high[order].shift() > low[order]).any():
            yield f"{name}: bands that are empty or overlap."
        if (total := group["share_pct"].sum()) > 100:  # noqa: PLR2004  (percent)
            yield f"{name}: shares of {total:g} % together; expected 100 at most."


def _reported(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield figures on named villages that contradict themselves or their series."""
    reported = tables["reported"]
    for row in reported.to_dict("records"):
        name = row["report_id"]
        if row["value_wan_yuan"] < 0 and row["measure"] != "net":
            yield f"{name}: {row['value_wan_yuan']:g}; only a net income can be negative."
        if (row["level"] == "village") != (row["statistic"] == "level"):
            yield f"{name}: statistic is {row['statistic']!r} and level is {row['level']!r}."
        if pd.isna(row["series_id"]) != pd.isna(row["series_position"]):
            yield f"{name}: series_id and series_position go together; one is missing."
        of_alliance = row["level"] == "alliance" or pd.notna(row["alliance_joined"])
        if of_alliance and row["alliance"] != "yes":
            yield f"{name}: figures of an alliance, and alliance is {row['alliance']!r}."
    places = ["province", "city", "county", "township", "village", "alliance"]
    for name, group in reported.dropna(subset="series_id").groupby("series_id"):
        if len(group[places].drop_duplicates()) > 1:
            yield f"{name!s}: a series of several villages, or in and out of an alliance."
        placed = group[group["series_position"].isin(_IN_ORDER)]
        order = placed["series_position"].map(_IN_ORDER.index)
        if not placed.loc[order.sort_values(kind="stable").index, "year"].is_monotonic_increasing:
            yield f"{name!s}: its years do not follow before, mid, after."


def apply_corrections(frame: pd.DataFrame, corrections: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the frame with the corrections of its file applied."""
    key = TABLES[table][0][0]
    corrected = frame.copy()
    positions = {name: position for position, name in enumerate(frame[key])}
    for item in corrections.to_dict("records"):
        row, name = item["row"], item["field"]
        where = f"corrections.csv, {item['correction_id']} ({item['file']}, {row}, {name})"
        if row not in positions:
            raise LianjianError(f"{where}: there is no row with {key} {row!r}.")
        if name not in frame.columns:
            raise LianjianError(
                f"{where}: there is no such field; there are {', '.join(frame.columns)}."
            )
        at, column = positions[row], list(frame.columns).index(name)
        seen = frame.iloc[at, column]
        if seen != item["expect"]:
            raise LianjianError(
                f"{where} has expired: it expects {item['expect']!r} and the source now says "
                f"{seen!r}. Look at the source again, then remove or rewrite the correction."
            )
        if item["decision"] == "correct":
            if pd.isna(item["should_say"]):
                raise LianjianError(f"{where}: decision is correct, but should_say is empty.")
            corrected.iloc[at, column] = item["should_say"]
    return corrected
