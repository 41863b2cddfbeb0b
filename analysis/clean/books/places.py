"""Which village each row belongs to; what is not certain becomes a question."""

from collections.abc import Iterator

import pandas as pd

from analysis.clean.books.frames import joined_cells, sheets
from analysis.clean.books.private import safe
from analysis.clean.issues import Issue
from analysis.clean.places import PROBLEMS, Register, crosswalk_questions

_PLACE = ["county", "township", "village", "code"]


def find_villages(
    cells: pd.DataFrame, register: Register, crosswalk: pd.DataFrame
) -> tuple[pd.DataFrame, list[Issue], pd.DataFrame]:
    """Return the cells with ``village_id``, the issues, and rows for ``crosswalk.csv``.

    Parameters
    ----------
    cells : DataFrame
        As `cells.read_cells` gives them, sums over villages included (they have no village).
    register : Register
        The villages that there are.
    crosswalk : DataFrame
        What a person decided.
    """
    rows = cells[~cells["is_total"]]
    distinct = rows.drop_duplicates(_PLACE)[_PLACE].reset_index(drop=True)
    located = register.locate(distinct, crosswalk, name="village")
    found = located.frame[[*_PLACE, "village_code"]].rename(columns={"village_code": "village_id"})
    merged = cells.merge(found, on=_PLACE, how="left", validate="m:1")
    merged.loc[merged["is_total"], "village_id"] = pd.NA
    merged.index = cells.index
    problems = located.problems.drop(columns="row").rename(columns={"name": "village"})
    issues = list(_issues(rows, problems))
    return merged, issues, crosswalk_questions(located.problems)


def _issues(rows: pd.DataFrame, problems: pd.DataFrame) -> Iterator[Issue]:
    if problems.empty:
        return
    printed = rows.drop_duplicates(["file", "place_cell", *_PLACE])
    asked = printed.merge(problems, on=_PLACE, how="inner")
    asked = asked.assign(sheet=sheets(asked["place_cell"]))
    for (file, _, *place), part in asked.groupby(["file", "sheet", *_PLACE], sort=False):
        problem = str(part["problem"].iloc[0])
        text = safe(" ".join(filter(None, map(str, place))))
        suggestions = str(part["suggestions"].iloc[0])
        if problem == "code_name_differ":
            severity, action = "warning", PROBLEMS[problem]
        else:
            severity = "error"
            likely = f"; likely: {suggestions}" if suggestions else ""
            action = f"left out until crosswalk.csv says which village it is{likely}"
        cells = joined_cells(part["place_cell"])
        yield Issue(str(file), cells, text, f"place_{problem}", severity, action)
