"""From a number of a ledger back to the cells that it was read from."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import paths
from analysis.clean import accounts, manifest
from analysis.clean.amounts import YUAN, read_quantity
from analysis.clean.decisions import CORRECTIONS, CROSSWALK, read_filled
from analysis.clean.ledger.frames import rows, split_cells
from analysis.clean.ledger.private import of_amount
from analysis.clean.places import Register, village_name
from analysis.clean.text import squeeze
from analysis.clean.words import SAYS
from analysis.errors import DataError, LianjianError
from analysis.fields import ACCOUNTS, BALANCES, FIELDS, MEASURES, PRINTED_MEASURES

FILE: Final = "cells.parquet"
"""Every cell of the books that holds an amount or a sum, beside the tables made from them."""

MADE_OF: Final = {
    column: tuple(PRINTED_MEASURES.get(part, part) for part in accounts.MADE_OF.get(name, (name,)))
    for column, name in accounts.LABELS.items()
}
"""What each measure is made of, as `accounts.measures` computes it; what is taken off has a -."""

_COLUMNS = (
    "file", "cell", "county", "township", "village", "village_id", "matched_by", "year", "item",
    "unit", "unit_from", "year_from", "account", "text", "yuan", "read_yuan", "status", "counted",
    "doubted", "is_total",
)  # fmt: skip
_PLACE = ["county", "township", "village"]
_PLAIN = r"[-+]?\d{1,15}(?:\.\d+)?"
_HOW, _FROM, _STATUS = (SAYS[kind] for kind in ("found", "from", "status"))
"""How a village was found, who says unit or year, and what a cell says that is no amount."""


def traced(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept of the cells of all books: nothing personal, and no helper columns."""
    named = cells["named"].where(cells["named"] != "")  # printed measures have a name, too
    kept = cells.assign(account=named)[list(_COLUMNS)].reset_index(drop=True)
    texts = kept["text"].astype("str")
    words = texts[~texts.str.fullmatch(_PLAIN)].unique()
    shown = {text: of_amount(text) for text in words}
    return kept.assign(text=texts.map(lambda text: shown.get(text, text)))


def explain(name: str, village: str, year: int, what: str) -> dict[str, Any]:
    """Walk from a number back to file, sheet, cell, text and rule.

    ``cells`` are those that it was read from, then those that speak of it and do not count;
    ``parts`` what a measure is made of, each explained alike.
    """
    seen = manifest.read(name)
    folder = paths.processed_dataset(name)
    if not (folder / FILE).is_file():
        raise DataError(
            f"{name} keeps no cells to explain: it is no ledger of books, or was built by an "
            f"earlier version. `lianjian build {name}` makes them from the books there are."
        )
    villages, panel, issues = (
        manifest.read_table(folder, table, seen["tables"][table])
        for table in ("villages", "panel", "issues")
    )
    trail = _Trail(name, pd.read_parquet(folder / FILE), panel, issues)
    key, own_name, beside = _village(villages, trail.cells, village)
    found = trail.follow(key, own_name, year, _what(what))
    return {**found, "sentences": [*found["sentences"], *beside]}


def _what(said: str) -> str:
    by_label = {FIELDS[column].label_zh: column for column in (*MEASURES, *BALANCES.values())}
    for known in (said, by_label.get(said, ""), f"{said}_yuan"):
        if known in ACCOUNTS or known in MADE_OF:
            return known
    if near := get_close_matches(said, {**dict.fromkeys(ACCOUNTS), **by_label, **MADE_OF}, n=1):
        raise LianjianError(f"{said!r} is no account and no measure. Did you mean {near[0]}?")
    choices = ", ".join(dict.fromkeys([*ACCOUNTS, *by_label]))
    raise LianjianError(f"{said!r} is no account and no measure. There are {choices}.")


def _village(
    villages: pd.DataFrame, cells: pd.DataFrame, said: str
) -> tuple[str, str, tuple[str, ...]]:
    """Return the village that is meant, its name, and what else stands under what was said."""
    names = dict(zip(villages["village_id"], villages["village_name"], strict=True))
    if said in names:
        return said, str(names[said]), ()
    lines = cells[~cells["is_total"]].drop_duplicates(["file", *_PLACE, "village_id"])
    alike = lines[[_is_alike(str(text), said) for text in lines["village"]]]
    settled = alike[alike["village_id"].notna()]
    names = {str(row.village_id): row.village for row in rows(settled)} | names
    towns = {str(row.village_id): row.township for row in rows(settled)} | dict(
        zip(villages["village_id"], villages["township_name"], strict=True)
    )
    register = Register(villages.rename(columns={"village_id": "village_code"}))
    hits = register.called(said) or sorted(set(settled["village_id"].astype("str")))
    beside = [
        f"{row.village} of {row.file} {row.cell} is {row.village_id} ({names[row.village_id]})."
        for row in rows(settled[~settled["village_id"].isin(hits)])
    ]
    unsettled = [
        f"{row.village} stands in the books ({row.file} {row.cell}) and was not found in the "
        "register: say in crosswalk.csv which village it is, and build again."
        for row in rows(alike[alike["village_id"].isna()])
    ]
    if len(hits) == 1:
        return hits[0], str(names[hits[0]]), (*beside, *unsettled)
    if hits:
        which = ", ".join(f"{key} ({towns[key]})" for key in hits)
        asked = f"{len(hits)} villages are called {said}. Say which: {which}."
        raise LianjianError("\n".join([asked, *beside, *unsettled]))
    if unsettled:
        raise LianjianError("\n".join(unsettled))
    near = get_close_matches(said, [str(name) for name in names.values()], n=3, cutoff=0.4)
    hint = f" Villages with a name like it: {', '.join(near)}." if near else ""
    raise LianjianError(f"No village of the dataset is called {said!r} or has that id.{hint}")


def _is_alike(printed: str, said: str) -> bool:
    """Whether two texts are forms of one name: 虚某村委会 and 虚某村."""
    mine, theirs = village_name(printed), village_name(said)
    both = mine.kind and theirs.kind
    return mine.base == theirs.base and (not both or mine.kind == theirs.kind)


class _Trail:
    """What a dataset keeps of its cells, decisions and issues, to be followed back."""

    def __init__(
        self, name: str, cells: pd.DataFrame, panel: pd.DataFrame, issues: pd.DataFrame
    ) -> None:
        self.cells, self.panel = cells, panel
        folder = paths.decisions(name)
        self.corrections = _decided(folder / CORRECTIONS, "file", "row")
        self.crosswalk = _decided(folder / CROSSWALK, "county", "township", "name")
        self.issues: dict[tuple[str, str], list[Any]] = {}
        for issue in rows(issues):
            for cell in split_cells(issue.cell):
                self.issues.setdefault((issue.file, cell), []).append(issue)

    def follow(self, village: str, name: str, year: int, what: str) -> dict[str, Any]:
        own = self.cells[(self.cells["village_id"] == village) & ~self.cells["is_total"]]
        mine = own[own["year"] == year]
        if mine.empty:
            years = ", ".join(map(str, sorted(set(own["year"]))))
            known = f"It has {years}." if years else "It has no year at all."
            raise LianjianError(f"No cell speaks of {name} ({village}) in {year}. {known}")
        about = mine[mine["account"] == _label(what)].sort_values("counted", ascending=False)
        counted = about.loc[about["counted"], "yuan"]
        parts: list[dict[str, Any]] = []
        said = []
        if what in ACCOUNTS:
            yuan = float(counted.sum()) if len(counted) else None
            if len(counted) > 1:
                said = [f"The sum of {len(counted)} cells."]
            elif about.empty:
                others = ", ".join(mine["account"].dropna().astype("str").unique()) or "none"
                said = [f"No cell of {year} speaks of {what}; there are {others}."]
        else:
            panel = self.panel[(self.panel["village_id"] == village) & (self.panel["year"] == year)]
            yuan = None if panel[what].isna().all() else float(panel[what].iloc[0])
            if counted.empty:
                made_of = (part.lstrip("-") for part in MADE_OF[what])
                parts = [self.follow(village, name, year, part) for part in made_of]
                said = [f"= {_formula(what)}"]
            if yuan is None:
                parts.sort(key=lambda part: part["yuan"] is not None)  # what lacks says why
                lacking = ", ".join(_label(part["what"]) for part in parts if part["yuan"] is None)
                why = f"a part is: {lacking}." if lacking else (
                    "an amount that belongs to it is left out: see the issues."
                )  # fmt: skip
                said.insert(0, f"Missing, because {why}")
        cells = [
            {
                "file": row.file, "cell": row.cell, "text": row.text,
                "yuan": None if pd.isna(row.yuan) else float(row.yuan),
                "counts": bool(row.counted), "sentences": list(self._said(row)),
            }
            for row in rows(about)
        ]  # fmt: skip
        return {
            "village": village, "village_name": name, "year": year, "what": what, "yuan": yuan,
            "cells": cells, "parts": parts, "sentences": said,
        }  # fmt: skip

    def _said(self, row: Any) -> Iterator[str]:  # noqa: ANN401
        sheet, _, address = row.cell.rpartition("!")
        where = f"{row.file}, {f'sheet {sheet}, ' if sheet else ''}cell {address}"
        yield f"{where}: {_quoted(row.text)}, headed {_quoted(row.item)}."
        yield f"{_unit(row)}; {row.year} is the year by {_FROM.get(row.year_from, 'its head')}."
        place = " ".join(filter(None, map(str, (row.county, row.township, row.village))))
        how = _HOW.get(row.matched_by, row.matched_by)
        if row.matched_by == "crosswalk":
            key = tuple(squeeze(str(part)) for part in (row.county, row.township, row.village))
            made = self.crosswalk.get(key, {})
            how += f" ({made['reason']}; {made['by']})" if made else ""
        yield f"The line says {_quoted(place)}: {how}."
        if row.status == "corrected":
            made = self.corrections.get((row.file, row.cell), {})
            by = "; ".join(filter(None, (made.get("reason"), made.get("authority"))))
            was = "nothing" if pd.isna(row.read_yuan) else f"{row.read_yuan:,.2f} yuan"
            which = f"Correction {made.get('correction_id', '')} of corrections.csv"
            told = _quoted(made.get("should_say", ""))
            yield f"{which} says {told} in place of it ({by}); it was read as {was}."
        if pd.notna(row.yuan):
            about = f", {_STATUS[row.status]}" if row.status in _STATUS else ""
            yield f"Read as {row.yuan:,.2f} yuan{about}."
        else:
            yield f"It says {_STATUS.get(row.status, row.status)}."
        if pd.notna(row.yuan) and not row.counted:
            yield (
                "It does not count: it is doubted until a person decides." if row.doubted
                else "It does not count: another cell says the same, or differs from it."
            )  # fmt: skip
        for issue in self.issues.get((row.file, row.cell), []):
            yield f"{issue.severity.capitalize()} {issue.code}: {issue.action}."


def _unit(row: Any) -> str:  # noqa: ANN401
    """Say in which unit an amount stands, and who says so."""
    if read_quantity(row.text).unit == YUAN:
        return "It names its own unit"
    if pd.isna(row.unit) or not row.unit:
        return "No unit is stated for it"
    return f"In {row.unit}, by {_FROM.get(row.unit_from, 'its head')}"


def _decided(path: Path, *key: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the rows of a file of decisions by their key; none where there is no file."""
    found = read_filled(path, key) if path.is_file() else []
    clean = squeeze if "name" in key else str
    return {tuple(clean(row[column]) for column in key): row for row in found}


def _quoted(text: object) -> str:
    return f"“{text}”"


def _label(what: str) -> str:
    return what if what in ACCOUNTS else FIELDS[what].label_zh


def _formula(what: str) -> str:
    signed = [f"{'−' if p[0] == '-' else '+'} {_label(p.lstrip('-'))}" for p in MADE_OF[what]]
    return re.sub(r"^\+ ", "", " ".join(signed))


def in_words(found: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of an explanation, parts further in and of their cells the first line."""
    amount = "missing" if found["yuan"] is None else f"{found['yuan']:,.2f} yuan"
    whose = "" if indent else f"{found['village_name']} ({found['village']}), {found['year']}, "
    yield f"{indent}{whose}{_label(found['what'])}: {amount}"
    yield from (f"{indent}  {sentence}" for sentence in found["sentences"])
    for cell in found["cells"]:
        first, *rest = cell["sentences"]
        yield f"{indent}  {'·' if cell['counts'] else '✗'} {first}"
        if not (indent and cell["counts"]):
            yield from (f"{indent}    {sentence}" for sentence in rest)
    for part in found["parts"]:
        yield from in_words(part, f"{indent}  ")
