"""Every file of a dataset, read to tables; what is refused is an issue and stops no other."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.clean.issues import Issue
from analysis.clean.ledger.answers import Answers
from analysis.clean.ledger.private import SENTENCE, in_sheet, safe, unnamed, without_personal
from analysis.clean.places import Register
from analysis.clean.words import refresh
from analysis.clean.workbook.headers import ASIDE
from analysis.clean.workbook.limits import Refused
from analysis.clean.workbook.reader import Reading, read_sheets, tables_of
from analysis.clean.workbook.tables import Fact, Note, Question, Table
from analysis.clean.workbook.vocabulary import is_total, role_of

_OF_TOWNSHIPS = "left out: its lines are townships, and no village is named"


@dataclass(frozen=True)
class Shelf:
    """The tables of all books."""

    tables: tuple[Table, ...]  # without personal data
    issues: tuple[Issue, ...]  # about files and layouts
    refused: tuple[str, ...]  # names of files that were not read
    asked: tuple[tuple[Table, Question], ...] = ()  # what only the amounts made askable


def collect(
    paths: Iterable[Path], answers: Answers | None = None, register: Register | None = None
) -> Shelf:
    """Read the files in the order of their names, as a person says that they are laid out."""
    refresh()
    answers = answers or Answers()
    tables: list[Table] = []
    issues: list[Issue] = []
    refused = []
    for path in sorted(paths, key=lambda path: path.name):
        try:
            reading = _read(path, answers)
        except Refused as error:
            refused.append(path.name)
            reason = str(error).replace(str(path), path.name)
            issues.append(
                Issue(path.name, "", error.code, "file_refused", "error", f"left out: {reason}")
            )
            continue
        for note in reading.notes:
            code = "no_table" if note.code == "no_table" else "layout"
            severity = "warning" if code == "no_table" else "note"
            issues.append(Issue(path.name, note.cell, "", code, severity, note.text))
        for table in reading.tables:
            if answers.of(table, "skip") == "skip":
                where = in_sheet(table, table.extent)
                issues.append(
                    Issue(path.name, where, "", "layout", "note", "left out, as answered")
                )
                continue
            if not answers.of(table, "village") and _is_of_townships(table):
                where = in_sheet(table, table.extent)
                issues.append(Issue(path.name, where, "", "no_table", "warning", _OF_TOWNSHIPS))
                continue
            clean, dropped = without_personal(table)
            if register is not None:
                clean = _with_places(clean, register, answers)
            tables.append(clean)
            issues += dropped
            for note in clean.notes:
                where, says = in_sheet(clean, note.cell), safe(note.text, SENTENCE)
                issues.append(Issue(path.name, where, "", "layout", "note", says))
    return Shelf(tuple(tables), tuple(issues), tuple(refused))


def _is_of_townships(table: Table) -> bool:
    """Tell whether each line is a township, named once, and nothing says a village or a code."""
    at = table.find("township")
    lines = [line for row, line in enumerate(table.grid.texts) if row not in table.dropped]
    named = [line[at] for line in lines] if at is not None else []
    says_more = {"village", "code"} & {column.role for column in table.columns}
    stated = {fact.label for fact in table.facts} | {*table.row_facts}
    other = any(
        any(line[place] for line in lines)
        for place, column in enumerate(table.columns)
        if column.role == "text" and role_of(column.name.split(" / ")[-1]) not in ASIDE
    )
    return (
        len(named) > 1 and all(named) and len({*named}) == len(named)
        and not (says_more or other or "village" in stated)
    )  # fmt: skip


def _with_places(table: Table, register: Register, answers: Answers) -> Table:
    """Return a table with the township as answered, its county, and the village of its sheet.

    Both as the register has them in that township.
    """
    if table.find("code") is not None:
        return table
    stated = {fact.label: fact.value for fact in table.facts if fact.value}
    towns = {text for text in table.said("township") if text and not is_total(text)}
    towns = towns or {stated.get("township", "")} - {""}
    facts, notes = [], []
    if not towns and (answer := answers.of(table, "township")):
        towns = {answer}
        facts.append(Fact("township", answer, "answer"))
    counties = {register.county_of(town) for town in towns}
    county = next(iter(counties), "") if len(counties) == 1 else ""
    if county and "county" not in stated and table.find("county") is None:
        facts.append(Fact("county", county, "register"))
        towns_named = " and ".join(sorted(towns)[:3])
        text = f"no county is named; it is {county}, where alone the register has {towns_named}"
        notes.append(Note("county", table.extent, text))
    if "village" not in stated and table.find("village") is None and len(towns) == 1:
        named = register.called(table.sheet, *towns) if table.sheet else []
        facts += [Fact("village", table.sheet, "sheet") for _ in named if len(named) == 1]
    return replace(table, facts=(*table.facts, *facts), notes=(*table.notes, *notes))


def _read(path: Path, answers: Answers) -> Reading:
    """Read a file, and once more where a person overrules its layout; forms keep their names."""
    sheets = unnamed(read_sheets(path))
    reading = tables_of(sheets, path.name, {})
    said = answers.said(reading)
    if not said:
        return reading
    forms = {(table.sheet, table.block): table.form for table in reading.tables}
    again = tables_of(sheets, path.name, said)
    named = (replace(t, form=forms.get((t.sheet, t.block), t.form)) for t in again.tables)
    return replace(again, tables=tuple(named))
