"""What was read of simulated books, against what is true of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean.ledger.assemble import Books
from analysis.clean.ledger.frames import split_cells

HALF_A_CENT = 0.005 + 1e-6
"""An amount is right within it; the rest is binary rounding of 万元 turned into yuan."""

_WHERE = ["file", "cell"]


@dataclass(frozen=True)
class Score:
    """Counts of cells and faults."""

    cells: int  # cells that hold an amount without a fault
    # of these: with the true amount under the right village, year and account; with another;
    # without an amount, or left out of the bookings though nothing is wrong with it; with the true
    # amount and a village that only a person can name; not seen at all
    right: int
    wrong: int
    refused: int
    unplaced: int
    unread: int
    counted_twice: int  # cells of lines printed twice that count besides their first printing
    planted: pd.DataFrame  # by ``kind``: faults, and how many were ``found``
    missed: pd.DataFrame  # the faults that were not found
    wrong_cells: pd.DataFrame  # the cells that are wrong, with what was read

    @property
    def refused_share(self) -> float:
        """Cells without an amount, of all cells without a fault."""
        return (self.refused + self.unread) / self.cells if self.cells else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the counts for the manifest."""
        names = ("cells", "right", "wrong", "refused", "unplaced", "unread", "counted_twice")
        kinds = self.planted.set_index("kind")[["faults", "found"]].to_dict("index")
        faults, found = (int(self.planted[name].sum()) for name in ("faults", "found"))
        counts = {name: int(getattr(self, name)) for name in names}
        return {**counts, "faults": faults, "found": found, "kinds": kinds}


def read_truth(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ``cells.csv`` and ``planted.csv`` of a folder, with sheet and cell as one address."""
    tables = []
    for name in ("cells", "planted"):
        text = {"sheet": "str", "cell": "str", "file": "str", "written": "str"}
        frame = pd.read_csv(folder / f"{name}.csv", dtype=text, keep_default_na=False,
                            na_values={c: [""] for c in _NUMBERS})  # fmt: skip
        sheet = frame["sheet"].where(frame["sheet"] == "", frame["sheet"] + "!")
        tables.append(frame.assign(cell=sheet + frame["cell"]))
    return tables[0], tables[1]


_NUMBERS = ("year", "true_yuan", "reads_yuan", "lower_yuan", "upper_yuan", "village_id")


def score(books: Books, truth: pd.DataFrame, planted: pd.DataFrame) -> Score:
    """Count right and wrong, by what was read before any correction and without a crosswalk."""
    shown = {
        "village_id": "village_id_seen", "matched_by": "matched_by", "year": "year_seen",
        "account": "account_seen", "read_yuan": "yuan_seen", "read_status": "status_seen",
        "counted": "counted_seen",
    }  # fmt: skip
    seen = books.cells[[*_WHERE, *shown]].rename(columns=shown)
    seen = seen.astype(dict.fromkeys([*_WHERE, "village_id_seen", "account_seen"], "str"))
    named = {
        (issue.file, cell)
        for issue in books.issues
        if issue.code != "layout"
        for cell in split_cells(issue.cell)
    }
    faulty = pd.MultiIndex.from_frame(planted[_WHERE])
    amounts = truth[truth["kind"] == "amount"].merge(seen, on=_WHERE, how="left")
    clean = amounts[~pd.MultiIndex.from_frame(amounts[_WHERE]).isin(faulty)]
    has_amount = clean["yuan_seen"].notna()
    same = (clean["yuan_seen"] - clean["true_yuan"]).abs() <= HALF_A_CENT
    same &= (clean["year_seen"] == clean["year"]) & (clean["account_seen"] == clean["account_name"])
    placed = clean["village_id_seen"].notna() & (clean["matched_by"] != "crosswalk")
    right = same & placed & (clean["village_id_seen"] == clean["village_id"])
    wrong = has_amount & ~right & (placed | ~same)
    booked = books.income.set_index(["village_id", "year", "account_name"]).index
    left_out = right & ~clean.set_index(_KEY).index.isin(booked)
    right &= ~left_out
    copies = truth[truth["kind"] == "copy"].merge(seen, on=_WHERE, how="inner")
    counted = pd.concat([amounts, copies])
    counted = counted[counted["counted_seen"].eq(True)]  # noqa: FBT003
    judged = _judge_faults(planted, seen, named)
    misread = judged[judged["is_wrong"]]
    by_kind = judged.groupby("kind", as_index=False).agg(
        expected=("expected", "first"), faults=("found", "size"), found=("found", "sum")
    )  # fmt: skip
    return Score(
        cells=len(clean),
        right=int(right.sum()),
        wrong=int(wrong.sum()) + len(misread),
        refused=int((~has_amount & clean["status_seen"].notna()).sum()) + int(left_out.sum()),
        unplaced=int((same & ~placed).sum()),
        unread=int(clean["status_seen"].isna().sum()),
        counted_twice=int(counted.duplicated(_KEY).sum()),
        planted=by_kind,
        missed=judged[~judged["found"]].drop(columns=["found", "is_wrong"]),
        wrong_cells=pd.concat([clean[wrong], misread], ignore_index=True),
    )


_KEY = ["village_id", "year", "account_name"]


def _judge_faults(
    planted: pd.DataFrame, seen: pd.DataFrame, named: set[tuple[str, str]]
) -> pd.DataFrame:
    """Return the faults with ``found`` and ``is_wrong`` (an amount that nobody wrote)."""
    judged = planted.merge(seen.drop_duplicates(_WHERE), on=_WHERE, how="left")
    is_named = pd.MultiIndex.from_frame(judged[_WHERE]).isin(list(named))
    is_money = judged["account_name"].fillna("") != ""
    has_amount = judged["yuan_seen"].notna()
    was_seen = judged["status_seen"].notna()
    wanted = judged["reads_yuan"]
    as_written = (judged["yuan_seen"] - wanted).abs() <= HALF_A_CENT
    as_written |= ~has_amount & wanted.isna() & judged["status_seen"].isin(["missing", "refused"])
    # an amount whose label is a fault has its own cells, which are judged one by one
    read = as_written & was_seen | ~is_money
    found = np.where(judged["expected"] == "read", read, is_named)
    found &= (judged["expected"] != "refused") | (~has_amount & was_seen)
    return judged.assign(found=found, is_wrong=is_money & has_amount & ~as_written)
