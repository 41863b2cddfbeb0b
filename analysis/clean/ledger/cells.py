"""The cells of a table: what each stands for, and what it says in yuan."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.account_names import read_account
from analysis.clean.amounts import (
    FLAGS,
    REASONS,
    YUAN,
    column_unit,
    read_quantities,
    said_year,
)
from analysis.clean.issues import Issue
from analysis.clean.ledger.answers import NOT_AN_ACCOUNT, Ready
from analysis.clean.ledger.frames import gathered, groups, joined_cells, rows, stacked
from analysis.clean.ledger.private import head_cell, in_sheet, safe
from analysis.clean.ledger.questions import KEPT_OUT, label, meaning
from analysis.clean.workbook.marks import plain
from analysis.clean.workbook.spread import repeated
from analysis.clean.workbook.tables import Table
from analysis.clean.workbook.vocabulary import is_count, is_money
from analysis.errors import LianjianError

BOUNDS = frozenset({"ge", "gt", "le", "lt", "range", "vague"})
IMPRECISE = frozenset({"approx", "over", "under"})
WIDE = 0.2
"""Share of an amount by which it may be wrong unsaid: 20多 is 20 to 30."""

STATUS = ("read", "imprecise", "missing", "refused", "bound", "corrected")
ASKED = frozenset({"unknown", "code_only"})
"""Heads that a person can give an account."""

_REMARKS = frozenset({"备注", "说明", "附注"})
_UNREAD = {
    "f": "formula", "e": "a spreadsheet error", "b": "a truth value", "d": "a date",
}  # fmt: skip
_CONVENTIONS = frozenset(FLAGS) - {"blank", "dash", "word", "scale_in_cell", "unit_in_cell"}


def read_cells(ready: Ready, accounts: Mapping[str, str]) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells of a table that hold an account or a sum, and what could not be read.

    Parameters
    ----------
    ready : Ready
        Table with answers.
    accounts : mapping
        Account by head, as a person answered.

    Returns
    -------
    frame : DataFrame
        ``file, cell, row, column, county, township, village, code, place_cell, year, item, unit,
        text``, ``account`` (missing for sums), ``means`` (``account`` or ``total``), ``adds`` (what
        a sum adds up), ``is_total`` (a sum over villages), ``yuan``, ``status`` (``read``,
        ``imprecise``, ``missing``, ``refused`` or ``bound``), ``reason, flags`` and ``zeros`` (what
        a line of zeros is, as answered). What repeats is categorical.
    issues : list of Issue
    """
    table = ready.table
    long = table.long(totals=True).drop(columns="section")
    parts = {total.row for total in table.totals if total.kind == "part"}
    other = _other_lines(table)
    gone = ready.dropped | parts | other.keys()
    long = long[~long["column"].isin(ready.left_out) & ~long["row"].isin(gone)]
    if table.sheet:
        long["cell"] = table.sheet + "!" + long["cell"]
    numbers, heads = groups(long, ["item", "year", "column"])
    kinds, issues = _meanings(ready, heads, accounts)
    issues += [*_text_columns(ready), *other.values()]
    for at, name in enumerate(("account", "means", "adds")):
        long[name] = repeated([kind[at] for kind in kinds], numbers)
    issues += [*_wrong_years(long, table.file), *_no_years(ready, long)]
    held = long[long["means"].isin(["account", "total"]) & long["year"].notna()]
    held = held.reset_index(drop=True)
    constant = np.zeros(len(held), dtype="int8")
    for role, text in ready.places.items():
        own = held[role].cat
        held[role] = repeated([seen or text for seen in own.categories], own.codes.to_numpy())
    held = held.assign(
        file=repeated([table.file], constant),
        place_cell=_place_cells(ready, held["row"].to_numpy()),
        is_total=held["row"].isin(table.dropped),
        zeros=repeated([ready.zeros], constant),
    )
    return _amounts(held), issues


def _place_cells(ready: Ready, rows: np.ndarray) -> pd.Categorical:
    table = ready.table
    at = next((c for r in ("village", "code", "township") if (c := table.find(r)) is not None), 0)
    return repeated([in_sheet(table, table.address(r, at)) for r in range(table.grid.height)], rows)


_Kind = tuple[str | None, str, str]


def _meanings(
    ready: Ready, heads: pd.DataFrame, accounts: Mapping[str, str]
) -> tuple[list[_Kind], list[Issue]]:
    """Return what each head means, and an issue for each that is kept out of income."""
    table = ready.table
    kinds: list[_Kind] = []
    issues = []
    by_row = table.find("item") is not None
    told: set[tuple[str, str]] = set()
    for item in rows(heads):
        year = None if pd.isna(item.year) else int(item.year)
        column = table.columns[item.column]
        found = meaning(item.item, year, is_part=column.is_part)
        account, code, adds = found.account, found.code, found.note
        if column.is_total and code == "account":
            account, code, adds = None, "total", ""
        own = accounts.get(item.item) or accounts.get(column.name)
        if code in ASKED and own:
            answered = None if own == NOT_AN_ACCOUNT else meaning(own, year)
            account = answered.account if answered else None
            code = answered.code if answered else "answered"
        kinds.append((account, code, adds))
        where = item.cell if by_row else head_cell(table, item.column)
        if code in {"account", "total", "answered", "wrong_year"} or (where, code) in told:
            continue
        told.add((where, code))
        issues.append(_kept_out(table.file, where, item.item, code))
    return kinds, issues


def _kept_out(file: str, cell: str, item: str, code: str) -> Issue:
    if code == "unknown" and not is_money(item) and is_count(item):
        return Issue(file, cell, safe(item), "layout", "note", "no money: left out")
    asked = code in ASKED
    what = f"give {safe(item)!r} its account in [accounts] of answers.toml" if asked else ""
    action = f"left out: {ACCOUNT_CODES[code]}" + (f"; {what}" if what else "")
    severity = "error" if code in {"unknown", "code_only", "needs_year"} else "note"
    return Issue(file, cell, safe(item), f"column_{code}", severity, action)


def unknown_heads(ready: Ready) -> Iterator[tuple[str, str]]:
    """Yield head and cell of each head of money that is not known, to ask for its account."""
    table = ready.table
    if table.find("item") is not None:
        at = table.find("item")
        for item in rows(table.long(totals=True).drop_duplicates(["item", "year"])):
            year = None if pd.isna(item.year) else int(item.year)
            if meaning(item.item, year).code in ASKED and item.row not in table.dropped:
                yield item.item, in_sheet(table, table.address(item.row, at or 0))
        return
    for at, column in enumerate(table.columns):
        item = label(table, at)
        is_amount = column.role == "value" and column.is_money
        found = meaning(item, column.year, is_part=column.is_part)
        if is_amount and item and found.code in ASKED:
            yield item, head_cell(table, at)


def _text_columns(ready: Ready) -> Iterator[Issue]:
    """Yield columns that should hold amounts and hold mostly words, so that none is lost unsaid."""
    table = ready.table
    for at, column in enumerate(table.columns):
        if column.role == "text" and meaning(label(table, at), column.year).code == "account":
            held = sum(bool(text) for text in table.texts(at))
            if held:
                cell, item = head_cell(table, at), safe(label(table, at))
                action = f"left out: most of its {held} cells are no numbers"
                yield Issue(table.file, cell, item, "column_not_numbers", "error", action)


def _wrong_years(long: pd.DataFrame, file: str) -> Iterator[Issue]:
    """Yield amounts of accounts that were not in force; blanks and zeros are the form's own."""
    wrong = long[(long["means"] == "wrong_year") & (long["text"] != "")]
    wrong = wrong[~wrong["is_total"]]
    read = read_quantities(wrong["text"])
    for row in rows(wrong[(read["value"] != 0) & (read["qualifier"] != "missing")]):
        action = f"left out: {ACCOUNT_CODES['wrong_year']}"
        yield Issue(file, row.cell, safe(row.text), "column_wrong_year", "error", action)


def _other_lines(table: Table) -> dict[int, Issue]:
    """Return the lines of a turned table that their label keeps out: 上年数 beside 本年数."""
    found: dict[int, Issue] = {}
    if table.orientation != "accounts_down":
        return found
    for at, column in enumerate(table.columns):
        if column.role != "text" or not column.name.startswith("label "):
            continue
        for row, text in enumerate(table.texts(at)):
            where = in_sheet(table, table.address(row, at))
            code = read_account(text).code if text else ""
            if code in KEPT_OUT:
                action = f"left out: {ACCOUNT_CODES[code]}"
                found[row] = Issue(table.file, where, safe(text), f"column_{code}", "note", action)
            elif plain(text) in _REMARKS:
                action = "left out: remarks, no amounts"
                found[row] = Issue(table.file, where, safe(text), "layout", "note", action)
    return found


def _no_years(ready: Ready, long: pd.DataFrame) -> Iterator[Issue]:
    """Yield the lines whose own year cannot be read; their amounts belong to no year."""
    table = ready.table
    if (at := table.find("year")) is None:
        return
    lost = long[long["year"].isna() & long["means"].isin(["account", "total"])]
    own = lost.loc[~lost["is_total"] & (lost["text"] != ""), "row"].to_numpy()
    for row, count in zip(*np.unique(own, return_counts=True), strict=True):
        action = f"left out: amounts in the line: {count}; say in corrections.csv which year it is"
        where, text = in_sheet(table, table.address(row, at)), safe(table.grid.texts[row][at])
        yield Issue(table.file, where, text, "year_unread", "error", action)


def _amounts(frame: pd.DataFrame) -> pd.DataFrame:
    """Read the texts in the unit of their cells."""
    units = frame["unit"].cat.add_categories([""]).fillna("")
    parts = [in_unit(part, str(unit)) for unit, part in frame.groupby(units, observed=True)]
    return frame.join(stacked(parts or [in_unit(frame, "")]))


def in_unit(part: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Read ``text`` of some cells of one ``unit``: ``yuan, width, status, reason, flags``."""
    try:
        is_money = bool(unit) and column_unit(unit).name == YUAN
        read = read_quantities(part["text"], unit if is_money else None)
    except LianjianError:
        is_money, read = False, read_quantities(part["text"])
    qualifier, reason = read["qualifier"], read["reason"].to_numpy(dtype=object, copy=True)
    is_missing = (qualifier == "missing").to_numpy()
    other = (read["unit"] != YUAN).to_numpy() & ~is_missing & (reason == "")
    reason[other] = "unit_conflict" if is_money else "a number without a unit"
    names_year = read["flags"].isin(
        [each for each in read["flags"].cat.categories if "year" in each]
    )
    for at in np.flatnonzero(names_year) if "year" in part else ():
        if said_year(part["text"].iloc[at]) != part["year"].iloc[at]:
            reason[at] = "an amount of another year"
    for kind, why in _UNREAD.items():
        is_kind = (part["kind"] == kind).to_numpy()
        reason[is_kind] = why
        is_missing = is_missing & ~is_kind
    status = np.full(len(part), STATUS.index("read"), dtype="int8")
    status[qualifier.isin(IMPRECISE)] = STATUS.index("imprecise")
    status[reason != ""] = STATUS.index("refused")
    status[qualifier.isin(BOUNDS)] = STATUS.index("bound")
    status[is_missing] = STATUS.index("missing")
    usable = status <= STATUS.index("imprecise")
    return pd.DataFrame(
        {
            "yuan": read["value"].where(usable),
            "width": read["upper"] - read["lower"],
            "status": repeated(STATUS, status),
            "reason": reason,
            "flags": read["flags"],
        },
        index=part.index,
    )


def cell_issues(frame: pd.DataFrame) -> Iterator[Issue]:
    """Yield what there is to say about single cells of all tables."""
    for row in rows(frame[frame["status"] == "refused"]):
        code = "formula" if row.reason == "formula" else "cell_refused"
        again = "open the file, let it calculate, save it and give it again"
        action = f"left out: {again if code == 'formula' else REASONS.get(row.reason, row.reason)}"
        yield Issue(row.file, row.cell, safe(row.text), code, "error", action)
    for row in rows(frame[frame["status"] == "bound"]):
        action = "left out: a bound or a span is no amount"
        yield Issue(row.file, row.cell, safe(row.text), "cell_bound", "error", action)
    for row in rows(frame[frame["status"] == "imprecise"]):
        is_wide = row.width > WIDE * abs(row.yuan)
        action = f"read as {row.yuan:,.2f} yuan, of a span of {row.width:,.2f}"
        severity = "warning" if is_wide else "note"
        yield Issue(row.file, row.cell, safe(row.text), "cell_imprecise", severity, action)
    for row in rows(frame[(frame["status"] == "read") & (frame["flags"] != "")]):
        if own := _CONVENTIONS.intersection(row.flags.split()):
            says = "; ".join(FLAGS[flag] for flag in sorted(own))
            action = f"read as {row.yuan:,.2f} yuan: {says}"
            yield Issue(row.file, row.cell, safe(row.text), "cell_flagged", "note", action)
    missing = frame[(frame["status"] == "missing") & ~frame["is_total"]]
    missing = missing[missing["means"] == "account"]
    numbers, firsts = groups(missing, ["table", "row", "year"])
    for first, (cells, texts) in zip(
        rows(firsts), gathered(numbers, missing["cell"], missing["text"]), strict=True
    ):
        seen = ", ".join(dict.fromkeys(filter(None, texts)))
        where = joined_cells(cells)
        yield Issue(first.file, where, safe(seen), "cell_missing", "note", "missing, never zero")
