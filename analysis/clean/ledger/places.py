"""Which village each row belongs to; what is not certain becomes a question."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.clean.issues import Issue
from analysis.clean.ledger.frames import groups, joined_cells, rows
from analysis.clean.ledger.private import safe
from analysis.clean.places import FOUND, PROBLEMS, Register, crosswalk_questions
from analysis.clean.text import squeeze
from analysis.clean.workbook.tables import repeated

_PLACE = ["county", "township", "village", "code"]
_NAMES = _PLACE[:3]


def find_villages(
    cells: pd.DataFrame, register: Register, crosswalk: pd.DataFrame
) -> tuple[pd.DataFrame, list[Issue], pd.DataFrame]:
    """Return the cells with their villages, the issues, and rows for ``crosswalk.csv``."""
    line, lines = groups(cells, ["table", "row"])
    place, firsts = groups(lines, [*_PLACE, "is_total"])
    numbers = place[line]
    places = firsts[[*_PLACE, "is_total"]].astype(dict.fromkeys(_PLACE, "str"))
    places = places.reset_index(drop=True)
    asked = places[~places["is_total"]]
    located = register.locate(asked, crosswalk, name="village")
    found = located.frame.reindex(places.index)
    by_person = located.frame[located.frame["matched_by"] == "crosswalk"]
    settled = register.locate(by_person[_PLACE], name="village").problems
    problems = pd.concat(
        [
            located.problems,
            settled.assign(
                suggestions=by_person["village_code"].reindex(settled["row"]).to_numpy()
            ),
        ]
    )
    issues = [*_issues(cells, numbers, problems, set(by_person.index)),
              *_unused(crosswalk, by_person)]  # fmt: skip
    ids = found["village_code"]
    names = places["county"] + "/" + places["township"] + "/" + places["village"]
    merged = cells.assign(
        village_id=repeated([None if pd.isna(i) else str(i) for i in ids], numbers),
        matched_by=repeated(found["matched_by"].fillna("").tolist(), numbers),
        place_key=repeated(ids.fillna(names).tolist(), numbers),
    )
    questions = crosswalk_questions(located.problems)
    answered = crosswalk[crosswalk["village_code"].fillna("") != ""]
    if len(questions) and len(answered):
        # what was answered stays in the file that a person fills in and puts in its place
        questions = pd.concat([answered.reindex(columns=questions.columns), questions])
    return merged, issues, questions


def _issues(
    cells: pd.DataFrame, numbers: np.ndarray, problems: pd.DataFrame, settled: set[int]
) -> Iterator[Issue]:
    """Yield an issue for each place of each sheet that was not found for certain."""
    about = {item.row: item for item in rows(problems)}
    asked = np.isin(numbers, np.array(list(about), dtype="int64"))
    _, printed = groups(cells[asked].assign(place=numbers[asked]), ["file", "place_cell", "place"])
    where: dict[tuple[str, str, int], list[str]] = {}
    for file, cell, place in zip(
        printed["file"], printed["place_cell"], printed["place"], strict=True
    ):
        where.setdefault((file, cell.rpartition("!")[0], place), []).append(cell)
    for (file, _, place), printed_at in where.items():
        problem = about[place]
        text = safe(
            " ".join(filter(None, (problem.county, problem.township, problem.name, problem.code)))
        )
        code, severity = f"place_{problem.problem}", "error"
        likely = f"; likely: {problem.suggestions}" if problem.suggestions else ""
        action = f"left out until crosswalk.csv says which village it is{likely}"
        if place in settled:
            code, severity = "settled", "note"
            action = f"is {problem.suggestions} by crosswalk.csv; {PROBLEMS[problem.problem]}"
        elif problem.problem in FOUND:
            severity, action = "warning", PROBLEMS[problem.problem]
        yield Issue(file, joined_cells(printed_at), text, code, severity, action)


def _unused(crosswalk: pd.DataFrame, by_person: pd.DataFrame) -> Iterator[Issue]:
    """Yield rows of ``crosswalk.csv`` that no place of the books asked for."""
    used = {tuple(map(squeeze, key)) for key in by_person[_NAMES].itertuples(index=False)}
    for line, item in enumerate(rows(crosswalk), start=2):
        given = "" if pd.isna(item.village_code) else str(item.village_code)
        key = tuple(squeeze(str(part)) for part in (item.county, item.township, item.name))
        if given and key not in used:
            text = safe(" ".join(map(str, (item.county, item.township, item.name))))
            action = "not used: no line of the books stands under this county, township and name"
            yield Issue("crosswalk.csv", f"line {line}", text, "answer_stale", "warning", action)
