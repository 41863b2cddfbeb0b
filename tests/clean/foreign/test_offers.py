"""No offered answer is an impossible one: each changes the reading, or a sentence refuses it."""

import pickle
from functools import cache

import pytest

from analysis.clean.ledger import collect as collecting
from analysis.clean.ledger.answers import put_in, read_answers
from analysis.clean.ledger.cells import cell_issues, read_cells
from analysis.clean.ledger.collect import collect
from analysis.clean.ledger.describe import asked_of, entry_of
from analysis.clean.ledger.questions import choices_of
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


def reading_once():
    """Return `read_cells` that reads a table once: most answers leave the others as they are."""
    known = {}

    def read(ready):
        key = pickle.dumps(ready)
        if key not in known:
            frame, found = read_cells(ready)
            cells = frame[COLUMNS].astype("str").to_csv(header=False)
            known[key] = cells, [*found, *cell_issues(frame.assign(table=0))]
        return known[key]

    return read


def reading(shelf, answers, read):
    """Return what the books say with some answers: cells and issues."""
    cells, issues = "", list(shelf.issues)
    for table in shelf.tables:
        ready = put_in(table, answers)
        issues += ready.issues
        if ready.is_whole:
            text, found = read(ready)
            cells += text
            issues += found
    issues += answers.unused(shelf.tables)
    said = sorted(f"{i.file} {i.cell} {i.text} {i.code} {i.action}" for i in issues)
    return cells, said


def answered(paths, entries):
    """Return the tables of the books as some answers have them, and the answers."""
    answers = read_answers({"answer": entries})
    return collect(paths, answers), answers


@pytest.mark.parametrize("book", read_books(), ids=lambda book: book.name)
def test_every_offered_answer_changes_the_reading(book, tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "read_sheets", cache(read_sheets))
    monkeypatch.setattr(collecting, "tables_of", remembering())
    read, paths = reading_once(), book.write(tmp_path)
    entries, offered = [], []
    for _ in range(ROUNDS):
        shelf, answers = answered(paths, entries)
        base = reading(shelf, answers, read)
        waiting = asked_of(shelf, answers)
        for one in waiting:
            choices = choices_of(one) or (FREE[one.key],)
            offered.append((len(entries), choices))
            entries.append({**entry_of(one), "answer": choices[0]})
        if not waiting:
            break
    assert not waiting, [one.key for one in waiting]
    for at, choices in offered:
        seen = {choices[0]: base}
        for choice in choices[1:]:
            given = [*entries[:at], {**entries[at], "answer": choice}, *entries[at + 1 :]]
            now = reading(*answered(paths, given), read)
            same = {choice, *(other for other, said in seen.items() if said == now)} - {AMOUNT}
            assert len(same) < 2 or same == SAME, (entries[at], same)
            seen[choice] = now
