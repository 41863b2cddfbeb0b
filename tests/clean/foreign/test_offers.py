"""No offered answer is an impossible one: each changes the reading, or a sentence refuses it."""

from functools import cache

import pandas as pd
import pytest

from analysis.clean.ledger import collect as collecting
from analysis.clean.ledger.answers import put_in, read_answers
from analysis.clean.ledger.cells import cell_issues, read_cells
from analysis.clean.ledger.collect import collect
from analysis.clean.ledger.describe import asked_of, entry_of, is_answered
from analysis.clean.workbook.reader import read_sheets, tables_of

from .books import read_books

ROUNDS = 6
FREE = {"county": "丙县", "township": "虚镇", "village": "虚甲村", "year": "2022"}
SAME = frozenset({"part", "none"})
"""Answers that mean different things and leave the same out."""

AMOUNT = "amount"
"""Of what the title or the line names: it may be what another answer says outright."""

COLUMNS = ["file", "cell", "county", "township", "village", "year", "account", "measure",
           "part_of", "yuan", "status"]  # fmt: skip


def remembering():
    """Return `tables_of` that reads a layout once: most answers leave it as it is."""
    known = {}

    def tables(sheets, file, said):
        key = file, repr(sorted(said.items()))
        if key not in known:
            known[key] = tables_of(sheets, file, said)
        return known[key]

    return tables


def reading(paths, entries):
    """Return what the books say with some answers: cells and issues, and what is open."""
    answers = read_answers({"answer": entries})
    shelf = collect(paths, answers)
    asked = asked_of(shelf, answers)
    frames, issues = [], list(shelf.issues)
    for table in shelf.tables:
        ready = put_in(table, answers)
        issues += ready.issues
        if ready.is_whole:
            frame, found = read_cells(ready)
            frames.append(frame[COLUMNS].astype("str"))
            issues += [*found, *cell_issues(frame.assign(table=0))]
    issues += answers.unused(shelf.tables)
    cells = pd.concat(frames).to_csv() if frames else ""
    said = sorted(f"{i.file} {i.cell} {i.text} {i.code} {i.action}" for i in issues)
    return (cells, said), [one for one in asked if not is_answered(one, answers)]


@pytest.mark.parametrize("book", read_books(), ids=lambda book: book.name)
def test_every_offered_answer_changes_the_reading(book, tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "read_sheets", cache(read_sheets))
    monkeypatch.setattr(collecting, "tables_of", remembering())
    paths = book.write(tmp_path)
    entries, offered = [], []
    for _ in range(ROUNDS):
        base, waiting = reading(paths, entries)
        for one in waiting:
            choices = one.question.choices or (FREE[one.question.key],)
            offered.append((len(entries), choices))
            entries.append({**entry_of(one), "answer": choices[0]})
        if not waiting:
            break
    assert not waiting, [one.question.key for one in waiting]
    for at, choices in offered:
        seen = {choices[0]: base}
        for choice in choices[1:]:
            given = [*entries[:at], {**entries[at], "answer": choice}, *entries[at + 1 :]]
            now, _ = reading(paths, given)
            same = {choice, *(other for other, said in seen.items() if said == now)} - {AMOUNT}
            assert len(same) < 2 or same == SAME, (entries[at], same)
            seen[choice] = now
