"""The cells of a table: what each stands for, and what it says in yuan."""

from collections.abc import Iterator, Mapping

import pandas as pd

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.books.answers import NOT_AN_ACCOUNT, Ready
from analysis.clean.books.frames import joined_cells, rows
from analysis.clean.books.private import head_cell, in_sheet, safe
from analysis.clean.books.questions import label, meaning
from analysis.clean.issues import Issue
from analysis.clean.quantities import read_quantities
from analysis.clean.quantity_reader import column_unit
from analysis.clean.quantity_words import FLAGS, REASONS
from analysis.clean.units import YUAN
from analysis.clean.workbook.vocabulary import is_count, is_money
from analysis.errors import LianjianError

BOUNDS = frozenset({"ge", "gt", "le", "lt", "range", "vague"})
IMPRECISE = frozenset({"approx", "over", "under"})
_UNREAD = {
    "f": "formula", "e": "a spreadsheet error", "b": "a truth value", "d": "a date",
}  # fmt: skip
_CONVENTIONS = frozenset(FLAGS) - {"blank", "dash", "word", "scale_in_cell", "unit_in_cell"}


def read_cells(
    ready: Ready, accounts: Mapping[str, str], corrections: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells of a table that hold an account or a sum, and what could not be read.

    Parameters
    ----------
    ready : Ready
        Table with answers.
    accounts : mapping
        Account by head, as a person answered.
    corrections : mapping
        Corrected text by cell (``Sheet!B7``).

    Returns
    -------
    frame : DataFrame
        ``file, cell, row, column, county, township, village, code, place_cell, year, item, unit,
        text``, ``account`` (missing for sums), ``means`` (``account`` or ``total``), ``adds`` (what
        a sum adds up), ``is_total`` (a sum over villages), ``yuan``, ``status`` (``read``,
        ``imprecise``, ``missing``, ``refused`` or ``bound``) and ``reason``.
    issues : list of Issue
    """
    table = ready.table
    long = table.long(totals=True)
    long = long[~long["column"].isin(ready.left_out) & ~long["row"].isin(ready.dropped)]
    parts = {total.row for total in table.totals if total.kind == "part"}
    long = long[~long["row"].isin(parts)].reset_index(drop=True)
    long["file"] = table.file
    long["cell"] = [in_sheet(table, cell) for cell in long["cell"]]
    if corrections:
        pairs = zip(long["cell"], long["text"], strict=True)
        long["text"] = [corrections.get(cell, text) for cell, text in pairs]
        long.loc[long["cell"].isin(list(corrections)), "kind"] = "s"
    long["is_total"] = long["row"].isin(table.dropped)
    for role, text in ready.places.items():
        long[role] = long[role].where(long[role] != "", text)
    long["place_cell"] = _place_cells(ready, long["row"])
    kinds, issues = _meanings(ready, long, accounts)
    issues += _text_columns(ready)
    keys = list(zip(long["item"], long["year"].fillna(0), long["column"], strict=True))
    for name, at in (("account", 0), ("means", 1), ("adds", 2)):
        long[name] = [kinds[key][at] for key in keys]
    issues += _wrong_years(long)
    held = long[long["means"].isin(["account", "total"]) & long["year"].notna()]
    frame = _amounts(held.reset_index(drop=True))
    return frame, [*issues, *_cell_issues(frame, table.file)]


def _place_cells(ready: Ready, rows: pd.Series) -> list[str]:
    table = ready.table
    at = next((c for r in ("village", "code", "township") if (c := table.find(r)) is not None), 0)
    cells = {row: in_sheet(table, table.address(row, at)) for row in rows.unique()}
    return [cells[row] for row in rows]


_Kinds = dict[tuple[str, int, int], tuple[str | None, str, str]]


def _meanings(
    ready: Ready, long: pd.DataFrame, accounts: Mapping[str, str]
) -> tuple[_Kinds, list[Issue]]:
    """Return what each head means, and an issue for each that is kept out of income."""
    table = ready.table
    kinds: _Kinds = {}
    issues = []
    first = long.drop_duplicates(["item", "year", "column"])
    by_row = table.find("item") is not None
    told: set[tuple[str, str]] = set()
    for item in rows(first):
        year = None if pd.isna(item.year) else int(item.year)
        column = table.columns[item.column]
        found = meaning(item.item, year, is_part=column.is_part)
        account, code, adds = found.account, found.code, found.note
        if column.is_total and code == "account":
            account, code, adds = None, "total", ""
        own = accounts.get(item.item) or accounts.get(table.columns[item.column].name)
        if code == "unknown" and own:
            answered = None if own == NOT_AN_ACCOUNT else meaning(own, year)
            account = answered.account if answered else None
            code = answered.code if answered else "answered"
        kinds[item.item, year or 0, item.column] = (account, code, adds)
        where = item.cell if by_row else head_cell(table, item.column)
        if code in {"account", "total", "answered", "wrong_year"} or (where, code) in told:
            continue
        told.add((where, code))
        issues.append(_kept_out(table.file, where, item.item, code))
    return kinds, issues


def _kept_out(file: str, cell: str, item: str, code: str) -> Issue:
    if code == "unknown" and not is_money(item) and is_count(item):
        return Issue(file, cell, safe(item), "layout", "note", "no money: left out")
    asked = code == "unknown"
    what = f"give {safe(item)!r} its account in [accounts] of dataset.toml" if asked else ""
    action = f"left out: {ACCOUNT_CODES[code]}" + (f"; {what}" if what else "")
    severity = "error" if code in {"unknown", "code_only", "needs_year"} else "note"
    return Issue(file, cell, safe(item), f"column_{code}", severity, action)


def unknown_heads(ready: Ready) -> Iterator[tuple[str, str]]:
    """Yield head and cell of each head of money that is not known, to ask for its account."""
    table = ready.table
    if table.find("item") is not None:
        at = table.find("item")
        for row, item in enumerate(rows(table.long(totals=True).drop_duplicates("item"))):
            if meaning(item.item, None).code == "unknown" and row not in table.dropped:
                yield item.item, in_sheet(table, table.address(item.row, at or 0))
        return
    for at, column in enumerate(table.columns):
        item = label(table, at)
        is_amount = column.role == "value" and column.is_money
        if is_amount and item and meaning(item, column.year).code == "unknown":
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


def _wrong_years(long: pd.DataFrame) -> Iterator[Issue]:
    """Yield amounts of accounts that were not in force; blanks and zeros are the form's own."""
    wrong = long[(long["means"] == "wrong_year") & (long["text"] != "") & ~long["is_total"]]
    read = read_quantities(wrong["text"])
    for row in rows(wrong[(read["value"] != 0) & (read["qualifier"] != "missing")]):
        action = f"left out: {ACCOUNT_CODES['wrong_year']}"
        yield Issue(row.file, row.cell, safe(row.text), "column_wrong_year", "error", action)


def _amounts(frame: pd.DataFrame) -> pd.DataFrame:
    """Read the texts in the unit of their cells."""
    readings = []
    for unit, part in frame.groupby(frame["unit"].fillna(""), sort=False):
        readings.append(_in_unit(part, str(unit)))
    if not readings:
        return frame.assign(yuan=pd.Series(dtype="float64"), status="", reason="", flags="")
    return frame.join(pd.concat(readings))


def _in_unit(part: pd.DataFrame, unit: str) -> pd.DataFrame:
    try:
        is_money = bool(unit) and column_unit(unit).name == YUAN
        read = read_quantities(part["text"], unit if is_money else None)
    except LianjianError:
        is_money, read = False, read_quantities(part["text"])
    reason = read["reason"].astype("object").where(read["reason"] != "", "")
    other = (read["unit"] != YUAN) & (read["qualifier"] != "missing") & (reason == "")
    reason = reason.mask(other, "unit_conflict" if is_money else "a number without a unit")
    for kind, why in _UNREAD.items():
        reason = reason.mask(part["kind"] == kind, why)
    is_missing = (read["qualifier"] == "missing") & ~part["kind"].isin(list(_UNREAD))
    status = pd.Series("read", index=part.index, dtype="object")
    status = status.mask(read["qualifier"].isin(IMPRECISE), "imprecise")
    status = status.mask(reason != "", "refused")
    status = status.mask(read["qualifier"].isin(BOUNDS), "bound").mask(is_missing, "missing")
    usable = status.isin(["read", "imprecise"])
    return pd.DataFrame(
        {
            "yuan": read["value"].where(usable),
            "status": status.astype("str"),
            "reason": reason.astype("str"),
            "flags": read["flags"],
        }
    )


def _cell_issues(frame: pd.DataFrame, file: str) -> Iterator[Issue]:
    for row in rows(frame[frame["status"] == "refused"]):
        why = REASONS.get(row.reason, row.reason)
        code = "formula" if row.reason == "formula" else "cell_refused"
        text = safe(row.text)
        again = "open the file, let it calculate, save it and give it again"
        action = f"left out: {again if code == 'formula' else why}"
        yield Issue(file, row.cell, text, code, "error", action)
    for row in rows(frame[frame["status"] == "bound"]):
        action = "left out: a bound or a span is no amount"
        yield Issue(file, row.cell, safe(row.text), "cell_bound", "error", action)
    for row in rows(frame[frame["status"] == "imprecise"]):
        action = f"read as {row.yuan:,.2f} yuan"
        yield Issue(file, row.cell, safe(row.text), "cell_imprecise", "note", action)
    flags = frame["flags"].str.split().map(lambda each: _CONVENTIONS.intersection(each or ()))
    flagged = frame["status"].eq("read") & (flags.map(len) > 0)
    for row, own in zip(rows(frame[flagged]), flags[flagged], strict=True):
        action = f"read as {row.yuan:,.2f} yuan: {'; '.join(FLAGS[f] for f in sorted(own))}"
        yield Issue(file, row.cell, safe(row.text), "cell_flagged", "note", action)
    missing = frame[(frame["status"] == "missing") & ~frame["is_total"]]
    missing = missing[missing["means"] == "account"]
    for _, part in missing.groupby(["row", "year"], sort=True):
        cells = joined_cells(part["cell"])
        texts = ", ".join(dict.fromkeys(t for t in part["text"] if t))
        yield Issue(file, cells, safe(texts), "cell_missing", "note", "missing, never zero")
