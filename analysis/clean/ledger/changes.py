"""What a build changed: amounts, villages and statuses, against the build before."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import paths
from analysis.clean import manifest
from analysis.clean.ledger.frames import rows
from analysis.clean.ledger.trace import FILE
from analysis.errors import DataError

_KEY = ["village_id", "year", "account"]
_CELL = ["file", "cell", "account", "year"]
_SHOWN: Final = 20
_CENT = 0.005

Change = Mapping[str, Any]
"""``kind`` of `_KINDS`, ``where`` (file and cell), ``village, year, account, before, after``."""

_KINDS: Final = {
    "added": ("amounts are new", "new: {after}"),
    "removed": ("amounts are gone", "gone: {before}"),
    "amount": ("amounts are others", "{before} → {after}"),
    "village": ("cells belong to another village", "moved from {before} to {after}"),
    "status": ("cells are read or doubted in another way", "{before} → {after}"),
}
"""Kinds of changes: what is said of all of a kind, and of one."""


def kept(name: str) -> Path:
    """Return where the cells of the build before lie."""
    return paths.processed() / f".{name}.before.parquet"


def remember(name: str, made: pd.DataFrame) -> None:
    """Keep the cells of the last build where this one has others, for `changes` to compare."""
    last = paths.processed_dataset(name) / FILE
    if not last.is_file():
        return
    before = pd.read_parquet(last)
    is_other = manifest.content_hash(before) != manifest.content_hash(made)
    if is_other and list(before.columns) == list(made.columns):
        place = kept(name)
        place.write_bytes(last.read_bytes())
        place.chmod(0o600)


def changes(name: str) -> list[Change]:
    """Return what the last build that changed anything has changed."""
    manifest.read(name)
    now = paths.processed_dataset(name) / FILE
    if not kept(name).is_file() or not now.is_file():
        raise DataError(
            f"There is no earlier build of {name} to compare with: it was built once, or is no "
            "ledger of books. Answers, corrections and new editions show here after the next "
            f"`lianjian build {name}`."
        )
    return list(compare(pd.read_parquet(kept(name)), pd.read_parquet(now)))


def compare(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    """Yield the changes between the cells of two builds, bookings first."""
    both = [_plain(frame) for frame in (before, after)]
    names = {
        row.village_id: row.called
        for frame in both
        for row in rows(frame[frame["village_id"] != ""].drop_duplicates("village_id"))
    }
    sums = {"yuan": ("yuan", "sum"), "where": ("where", "first"), "called": ("called", "first")}
    booked = [frame[frame["counted"]].groupby(_KEY, as_index=False).agg(**sums) for frame in both]
    for row in rows(booked[0].merge(booked[1], "outer", _KEY, suffixes=("_0", "_1"))):
        is_new, is_gone = pd.isna(row.yuan_0), pd.isna(row.yuan_1)
        if is_new or is_gone or abs(row.yuan_0 - row.yuan_1) > _CENT:
            kind = "added" if is_new else "removed" if is_gone else "amount"
            amounts = ("" if pd.isna(y) else f"{y:,.2f} yuan" for y in (row.yuan_0, row.yuan_1))
            what = (row.where_0, row.called_0) if is_gone else (row.where_1, row.called_1)
            yield _change(kind, what, row, *amounts)
    cells = [frame[~frame["is_total"] & (frame["account"] != "")] for frame in both]
    cells = [frame.drop_duplicates(_CELL) for frame in cells]
    in_both = cells[0].merge(cells[1], "inner", _CELL, suffixes=("_0", "_1"))
    for row in rows(in_both.sort_values(["file", "cell"], kind="stable")):
        old, new = (names.get(key, "") for key in (row.village_id_0, row.village_id_1))
        if row.village_id_0 != row.village_id_1:
            yield _change("village", (row.where_1, new or row.village_1), row, old, new)
        elif row.how_0 != row.how_1 and row.counted_0 == row.counted_1:
            yield _change("status", (row.where_1, row.called_1), row, row.how_0, row.how_1)


def _plain(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with where each stands and how it is read, and no text missing."""
    texts = ["file", "cell", "township", "village", "village_id", "account", "status"]
    own = cells.astype(dict.fromkeys(texts, "object"))
    own[texts] = own[texts].where(own[texts].notna(), "")
    how = own["status"] + own["doubted"].map({True: ", doubted", False: ""})
    called = (own["township"] + " " + own["village"]).str.strip()
    return own.assign(where=own["file"] + " " + own["cell"], how=how, called=called)


def _change(kind: str, what: tuple[str, str], row: Any, before: str, after: str) -> Change:  # noqa: ANN401
    return {
        "kind": kind, "where": what[0], "village": what[1], "year": int(row.year),
        "account": row.account, "before": before, "after": after,
    }  # fmt: skip


def in_words(found: Sequence[Change]) -> Iterator[str]:
    """Yield the lines that say what changed, the first of each kind."""
    for kind, (title, says) in _KINDS.items():
        mine = [change for change in found if change["kind"] == kind]
        if mine:
            yield f"{len(mine)} {title}:"
        for change in mine[:_SHOWN]:
            nowhere = "no village" if kind == "village" else ""
            told = says.format(**{k: change[k] or nowhere for k in ("before", "after")})
            where = f"{change['village']} {change['year']} {change['account']} ({change['where']})"
            yield f"  {where}: {told}"
        if len(mine) > _SHOWN:
            yield f"  and {len(mine) - _SHOWN} more (--json lists all)"
    if not found:
        yield "the last two builds say the same of every cell"
