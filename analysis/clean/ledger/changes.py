"""What a build changed: amounts, villages and statuses, against the build before."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import paths
from analysis.clean import manifest
from analysis.clean.ledger.frames import rows
from analysis.clean.ledger.trace import FILE
from analysis.errors import DataError

_KEY = ["village_id", "year", "account"]
_WHERE = ["file", "cell"]
_SHOWN: Final = 20
_CENT = 0.005


_KINDS: Final = {
    "added": ("amounts are new", "new: {after}"),
    "removed": ("amounts are gone", "gone: {before}"),
    "amount": ("amounts are others", "{before} → {after}"),
    "village": ("cells belong to another village", "moved from {before} to {after}"),
    "status": ("cells are read or doubted in another way", "{before} → {after}"),
}
"""Kinds of changes: what is said of all of a kind, and of one."""


@dataclass(frozen=True)
class Change:
    """One change."""

    # A booking that is new, gone, or of another amount; a cell that belongs to another village; a
    # cell of the same amount that counts or is read in another way
    kind: str
    where: str  # file and cell
    village: str
    year: int
    account: str
    before: str  # amount in yuan, village or status; empty where there was or is none
    after: str

    @property
    def sentence(self) -> str:
        """Say it."""
        what = f"{self.village} {self.year} {self.account} ({self.where})"
        nowhere = "no village" if self.kind == "village" else ""
        told = {"before": self.before or nowhere, "after": self.after or nowhere}
        return f"{what}: {_KINDS[self.kind][1].format(**told)}"


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


def changes(name: str) -> tuple[Change, ...]:
    """Return what the last build that changed anything has changed."""
    manifest.read(name)
    now = paths.processed_dataset(name) / FILE
    if not kept(name).is_file() or not now.is_file():
        raise DataError(
            f"There is no earlier build of {name} to compare with: it was built once, or is no "
            "ledger of books. Answers, corrections and new editions show here after the next "
            f"`lianjian build {name}`."
        )
    return tuple(compare(pd.read_parquet(kept(name)), pd.read_parquet(now)))


def compare(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    """Yield the changes between the cells of two builds, bookings first."""
    pair = [_booked(before), _booked(after)]
    both = pair[0].merge(pair[1], on=_KEY, how="outer", suffixes=("_0", "_1"))
    names = {**_names(before), **_names(after)}
    for row in rows(both.sort_values(_KEY)):
        is_new, is_gone = pd.isna(row.yuan_0), pd.isna(row.yuan_1)
        if not (is_new or is_gone) and abs(row.yuan_0 - row.yuan_1) <= _CENT:
            continue
        kind = "added" if is_new else "removed" if is_gone else "amount"
        where = row.where_0 if is_gone else row.where_1
        village = names.get(row.village_id, row.village_id)
        amounts = (_yuan(row.yuan_0), _yuan(row.yuan_1))
        yield Change(kind, where, village, int(row.year), row.account, *amounts)
    cells = _cells(before).merge(
        _cells(after), on=[*_WHERE, "account", "year"], suffixes=("_0", "_1")
    )
    for row in rows(cells.sort_values(_WHERE)):
        what = (f"{row.file} {row.cell}", names.get(row.village_id_1, row.village_1), int(row.year))
        if row.village_id_0 != row.village_id_1:
            old, new = (names.get(key, "") for key in (row.village_id_0, row.village_id_1))
            yield Change("village", *what, row.account, old, new)
        elif row.how_0 != row.how_1 and row.counted_0 == row.counted_1:
            yield Change("status", *what, row.account, row.how_0, row.how_1)


def _booked(cells: pd.DataFrame) -> pd.DataFrame:
    own = cells[cells["counted"]].astype({"village_id": "str", "account": "str", "file": "str"})
    own = own.assign(where=own["file"] + " " + own["cell"].astype("str"))
    grouped = own.groupby(_KEY, as_index=False)
    return grouped.agg(yuan=("yuan", "sum"), where=("where", "first"))


def _cells(cells: pd.DataFrame) -> pd.DataFrame:
    own = cells[cells["account"].notna() & ~cells["is_total"]]
    columns = [*_WHERE, "account", "village", "village_id", "status"]
    own = own.astype(dict.fromkeys(columns, "object"))
    doubted = own["doubted"].map({True: ", doubted", False: ""})
    how = own["status"].astype("str") + doubted
    shown = own[[*_WHERE, "account", "year", "village", "village_id", "counted"]].assign(how=how)
    shown["village_id"] = shown["village_id"].where(shown["village_id"].notna(), "")
    return shown.drop_duplicates([*_WHERE, "account", "year"])


def _names(cells: pd.DataFrame) -> dict[str, str]:
    own = cells.loc[cells["village_id"].notna(), ["village_id", "township", "village"]]
    own = own.astype("str").drop_duplicates("village_id")
    return {r.village_id: f"{r.township} {r.village}".strip() for r in rows(own)}


def _yuan(amount: float) -> str:
    return "" if pd.isna(amount) else f"{amount:,.2f} yuan"


def in_words(found: tuple[Change, ...]) -> Iterator[str]:
    """Yield the lines that say what changed, the first of each kind."""
    for kind, (title, _) in _KINDS.items():
        mine = [change for change in found if change.kind == kind]
        if mine:
            yield f"{len(mine)} {title}:"
            yield from (f"  {change.sentence}" for change in mine[:_SHOWN])
            if len(mine) > _SHOWN:
                yield f"  and {len(mine) - _SHOWN} more (--json lists all)"
    if not found:
        yield "the last two builds say the same of every cell"


def as_json(found: tuple[Change, ...]) -> list[dict[str, Any]]:
    """Return the changes for a program."""
    return [vars(change) for change in found]
