"""The cells of a table: what each stands for, and what it says in yuan."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean.account_names import (
    BASIS_CODES,
    ITS_OWN_SUM,
    MEASURES,
    AccountName,
    balance_of,
    is_known,
    read_account,
)
from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.accounts import SPENDING
from analysis.clean.amounts import FLAGS, REASONS, YUAN, column_unit, read_quantities, said_year
from analysis.clean.issues import Issue
from analysis.clean.ledger.answers import Ready
from analysis.clean.ledger.frames import gathered, groups, joined_cells, rows, stacked
from analysis.clean.ledger.private import about, head_cell, in_sheet, of_amount, safe
from analysis.clean.ledger.questions import (
    ASKED,
    HELD,
    MEANINGS,
    NONE,
    PART,
    YEARLY,
    has_numbers,
    meaning,
)
from analysis.clean.workbook.assemble import AMOUNT
from analysis.clean.workbook.headers import Column
from analysis.clean.workbook.tables import Question, Table, repeated
from analysis.clean.workbook.vocabulary import (
    OF_THE_YEAR,
    SIDES,
    is_count,
    is_money,
    is_only_a_sum,
    is_word,
    plain,
)
from analysis.errors import LianjianError
from analysis.fields import ACCOUNTS, BALANCES

BOUNDS = frozenset({"ge", "gt", "le", "lt", "range", "vague"})
IMPRECISE = frozenset({"approx", "over", "under"})
WIDE = 0.2
"""Share of an amount by which it may be wrong unsaid: 20多 is 20 to 30."""

STATUS = ("read", "imprecise", "missing", "refused", "bound", "corrected")
_UNREAD = {
    "f": "formula", "e": "a spreadsheet error", "b": "a truth value", "d": "a date",
}  # fmt: skip
_TOLD = re.compile(r"[\u4e00-\u9fff][为约共计达到]?[\d.]+\s*(?:[十百千]?[万亿]?元|万)")
"""An amount in a sentence: 经营收入11.24万元."""

_WHOLE_OF = {"quarter": 4, "month": 12}
_NO_RESULT = "a formula whose result is not stored in the file"
_CONVENTIONS = frozenset(FLAGS) - {"blank", "dash", "word", "scale_in_cell", "unit_in_cell"}


def read_cells(ready: Ready) -> tuple[pd.DataFrame, list[Issue]]:
    """Return the cells of a table that hold an account or a sum, and what could not be read."""
    # besides the columns of `Table.long`: "account" (missing for sums), "means" (account, total or
    # wrong_year), "adds" (what a sum adds up), "measure" (its name), "part_of" (the head of one of
    # several amounts that make an account), "is_before" (printed as of the year before),
    # "is_total" (a sum over villages), "yuan", "status" (of `STATUS`), "zeros" (what a line of
    # zeros is, as answered), "mark", and who says unit and year
    table = ready.table
    long = table.long()
    parts = {total.row for total in table.totals if total.kind == "part"}
    gone = ready.dropped | parts | _words_for_places(table)
    long = long[~long["column"].isin(ready.left_out) & ~long["row"].isin(gone)]
    long = _without_blanks(long)
    long = long[~long["cell"].isin(ready.unseen)] if ready.unseen else long
    long["mark"] = _marks(table, long)
    if table.sheet:
        long["cell"] = table.sheet + "!" + long["cell"]
    numbers, firsts = groups(long, ["item", "year", "column", "basis", "period"])
    heads = read_heads(ready, firsts)
    issues = [*_kept_out(ready, heads), *_text_columns(ready)]
    for name, of in _OF_HEADS.items():
        long[name] = repeated(list(map(of, heads)), numbers)
    before = np.array([head.time == "before" for head in heads], dtype=bool)[numbers]
    long["is_before"] = before
    long["year"] = (long["year"] - before.astype("int64")).astype("Int64")
    issues += [*_wrong_years(long, table.file, table.dropped), *_no_years(ready, long)]
    issues += _uneven(
        long.assign(
            time=repeated([head.time for head in heads], numbers),
            of=repeated([head.name.account or head.name.measure for head in heads], numbers),
        )[~long["row"].isin(table.dropped)],
        table.file,
    )
    held = long[long["means"].isin(["account", "total", "wrong_year"]) & long["year"].notna()]
    held = held.reset_index(drop=True)
    constant = np.zeros(len(held), dtype="int8")
    said = np.array([column.unit_from == "answer" for column in table.columns], dtype=bool)
    for role, text in ready.places.items():
        own = held[role].cat
        held[role] = repeated([seen or text for seen in own.categories], own.codes.to_numpy())
    held = held.assign(
        file=repeated([table.file], constant),
        place_cell=_place_cells(ready, held["row"].to_numpy()),
        is_total=held["row"].isin(table.dropped),
        zeros=repeated([ready.zeros], constant),
        unit_said=said[held["column"].to_numpy()],
        unit_from=_origins(table, held, "unit"),
        year_from=_origins(table, held, "year"),
    )
    return _amounts(held), issues


def _origins(table: Table, held: pd.DataFrame, fact: str) -> pd.Categorical:
    """Return where the unit or year of each cell is said: in its line, else as of its column."""
    said = [bool(plain(text)) for text in table.said(fact)] or [False] * table.grid.height
    places = ["line", *(getattr(column, f"{fact}_from") or "" for column in table.columns)]
    in_line = np.array(said, dtype=bool)[held["row"].to_numpy()]
    return repeated(places, np.where(in_line, 0, held["column"].to_numpy() + 1))


def _without_blanks(long: pd.DataFrame) -> pd.DataFrame:
    """Return the cells without those that say nothing under no head or beside no line."""
    nameless = [name for name in long["item"].cat.categories if not name.strip()]
    return long[~(long["item"].isin(nameless) & (long["text"] == ""))]


def _marks(table: Table, long: pd.DataFrame) -> pd.Categorical:
    """Return what the looks of each cell say, or of the name in its line that is struck through."""
    labels = [at for at, column in enumerate(table.columns) if column.role in {"village", "item"}]
    struck = {
        row
        for row in range(table.grid.height if table.marks else 0)
        for at in labels
        if (mark := table.marks.get(table.address(row, at))) and mark.kind == "struck"
    }
    said = [
        f"{mark.kind} {mark.text}" if (mark := table.marks.get(cell))
        else "struck " if row in struck else ""
        for cell, row in zip(long["cell"], long["row"], strict=True)
    ] if table.marks else [""] * len(long)  # fmt: skip
    return repeated(said, np.arange(len(said)))


def _place_cells(ready: Ready, rows: np.ndarray) -> pd.Categorical:
    table = ready.table
    at = next((c for r in ("village", "code", "township") if (c := table.find(r)) is not None), 0)
    return repeated([in_sheet(table, table.address(r, at)) for r in range(table.grid.height)], rows)


def _words_for_places(table: Table) -> set[int]:
    """Return the rows whose village is a word of the vocabulary: no place is called so."""
    at = table.find("village")
    if at is None:
        return set()
    texts = table.texts(at)
    words = {text for text in set(texts) if text and is_known(text) and is_word(text)}
    return {row for row, text in enumerate(texts) if text in words and row not in table.dropped}


@dataclass(frozen=True)
class Head:
    """What amounts under one head, in lines of one item, year and basis, are."""

    line: Any  # the first cell under it, a row of a frame
    name: AccountName
    is_said: bool  # whether a person said so
    means: str  # what becomes of its amounts: a code of `AccountName`
    time: str


_OF_HEADS: dict[str, Callable[[Head], str | None]] = {
    "account": lambda head: head.name.account if head.means == "account" else None,
    "means": lambda head: head.means,
    "adds": lambda head: head.name.note,
    "measure": lambda head: head.name.measure if head.means == "total" else "",
    # one of several amounts that make an account, as a person said
    "part_of": lambda h: str(h.line.item) if h.means == "account" and h.is_said else "",
}


def read_heads(ready: Ready, firsts: pd.DataFrame) -> list[Head]:
    """Return what each head means, by the times and sides of all under one name."""
    bases = [str(basis) for basis in firsts["basis"]]
    times = ["" if basis in SIDES else basis.partition(" ")[0] for basis in bases]
    sides = [next((side for side in basis.split(" ") if side in SIDES), "") for basis in bases]
    lines = list(rows(firsts))
    keys = [(line.item, "" if pd.isna(line.year) else line.year) for line in lines]
    together: dict[tuple[Any, Any], set[str]] = {}
    for key, time in zip(keys, times, strict=True):
        together.setdefault(key, set()).add(time)
    by_period = ready.table.find("period") is not None
    heads = []
    for line, key, time, side in zip(lines, keys, times, sides, strict=True):
        name, is_said = _named(ready, line, is_before=time == "before")
        if name.code == "part" and name.account in ready.sums:
            name, is_said = AccountName(name.account, "account", name.note), True
        code = name.code
        is_at_the_end = name.measure in BALANCES and time == "closing"
        if code in {"account", "total", "wrong_year", "unknown", "code_only"} and not is_at_the_end:
            is_yearly = by_period and plain(str(line.period)) in YEARLY
            is_whole = ready.table.is_whole or is_yearly
            code = _by_time(code, time, together[key], is_whole=is_whole)
            if by_period and not is_yearly:
                code = "cumulative"
            own_side = "debit" if name.account in SPENDING else "credit"
            if any(sides) and code in {"account", "total"} and side != own_side:
                code = "other_side"
        heads.append(Head(line, name, is_said, code, time))
    return heads


def _named(  # noqa: PLR0911  (one line a rule)
    ready: Ready,
    item: Any,  # noqa: ANN401  (a row of a frame)
    *,
    is_before: bool,
) -> tuple[AccountName, bool]:
    """Return what a head is called, and whether a person said so, or the vocabulary."""
    table = ready.table
    year = None if pd.isna(item.year) else int(item.year) - is_before
    column = table.columns[item.column]
    text = str(item.item)
    found = _beside_others(table, column, text, year)
    said = next((ready.means[n] for n in (text, column.name, column.label) if n in ready.means), "")
    if said in {NONE, PART} and found.code == "wrong_year":
        return found, True  # it stays a part of the measure that is not known
    if said in {NONE, PART}:
        return AccountName(None, "answered"), True
    if said in MEASURES:
        return AccountName(None, "total", MEASURES[said], said), True
    if said in ACCOUNTS:
        return meaning(said, year), True
    if (not text.strip() and found.code == "unknown") or _is_nameless(table, column):
        return AccountName(None, "no_head"), False
    if found.measure == "总收入" and _may_be_of_the_village(table, text):
        return AccountName(None, "unknown"), False
    if found.code in HELD and (held := balance_of(text)):
        return AccountName(None, "total", ACCOUNT_CODES[found.code], held), False
    return found, False


def _beside_others(table: Table, column: Column, text: str, year: int | None) -> AccountName:
    """Return what a head stands for, as the columns beside it bear it out."""
    found = meaning(text, year, is_part=column.is_part)
    whole = meaning(column.part_of, year) if column.part_of else found
    if found.code == whole.code == "account" and found.account != whole.account:
        return AccountName(whole.account, "part")  # 经营收入, 其中：发包收入
    if column.is_total and found.code == "account" and not is_only_a_sum(column.path[-1]):
        return AccountName(None, "total")
    if found.account and _sums_unknown(table, column):
        return AccountName(None, "unknown")
    return found


def _is_nameless(table: Table, column: Column) -> bool:
    """Tell whether a column beside the lines' accounts has no head, where another one has."""
    if table.find("item") is None or not column.is_nameless:
        return False
    return not all(c.is_nameless for c in table.columns if c.role == "value")


def _sums_unknown(table: Table, column: Column) -> bool:
    """Tell whether a 合计 beside the accounts of the lines adds up heads that nobody knows."""
    if table.find("item") is None or not (column.path and is_only_a_sum(column.path[-1])):
        return False
    others = (c for c in table.columns if c.role == "value" and c.path[:-1] == column.path[:-1])
    parts = (c for c in others if c is not column and not c.basis.startswith(tuple(_WHOLE_OF)))
    known = (meaning(c.label, None) for c in parts)
    return any(
        name.code not in {"account", "total", "part"} or name.note == ITS_OWN_SUM for name in known
    )


def _may_be_of_the_village(table: Table, text: str) -> bool:
    """Tell whether a bare 总收入 stands beside sums of the whole village's economy."""
    if "集体" in text or "村级" in text:
        return False
    heads = [column.label for column in table.columns] + list(table.said("item"))
    return any(meaning(h, None).code in {"village_economy", "household_income"} for h in set(heads))


def _by_time(code: str, time: str, together: set[str], *, is_whole: bool) -> str:
    """Return what becomes of amounts on a basis, beside those on others under one head."""
    if time in OF_THE_YEAR:
        return code
    of_year = together & OF_THE_YEAR
    if time == "before":
        return code if code in {"account", "total"} else "last_year"
    if (time == "declared" or (time == "running" and is_whole)) and not of_year:
        return code
    return BASIS_CODES[time]


def _kept_out(ready: Ready, heads: Iterable[Head]) -> Iterator[Issue]:
    """Yield an issue for each head, or line, that is kept out of income."""
    table, told = ready.table, set()
    for head in heads:
        code, item = head.means, str(head.line.item)
        by_line = table.find("item") is not None
        where = head.line.cell if by_line else head_cell(table, head.line.column)
        if code in {"account", "total", "answered", "wrong_year"} or (where, code) in told:
            continue
        told.add((where, code))
        if code == "unknown" and not is_money(item) and is_count(item):
            yield Issue(table.file, where, safe(item), "layout", "note", "no money: left out")
            continue
        what = f"say what {safe(item)!r} is: meaning in answers.toml"
        action = f"left out: {ACCOUNT_CODES[code]}" + (f"; {what}" if code in ASKED else "")
        severity = "error" if code in {*ASKED, "needs_year", "no_head"} else "note"
        yield Issue(table.file, where, safe(item), f"column_{code}", severity, action)


def head_questions(ready: Ready) -> Iterator[Question]:
    """Yield what is asked about heads and lines that are not known, alike ones together."""
    table = ready.table
    if not ready.is_whole and (table.plan or table.is_part):
        return
    firsts = table.long()
    firsts = _without_blanks(firsts[~firsts["row"].isin(table.dropped)])
    said = set(firsts.loc[firsts["text"] != "", "item"])
    firsts = groups(firsts, ["item", "year", "column", "basis", "period"])[1]
    by_line = table.find("item") is not None
    unknown: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    heads = read_heads(ready, firsts)
    stated = {head.name.account for head in heads if head.means == "account"}
    for head in heads:
        text, code = str(head.line.item), head.means
        if not (text in said if by_line else has_numbers(table, head.line.column)):
            continue
        if code == "part" and head.name.account:
            parts.setdefault(head.name.account, {}).setdefault(text, head.line)
        elif code == "no_head":
            unknown.setdefault(table.columns[head.line.column].name, head.line)
        elif code == "wrong_year" or (code in ASKED and (is_money(text) or not is_count(text))):
            unknown.setdefault(text, head.line)
    open_banners = {
        column.path[:-1]
        for head in heads
        if (column := table.columns[head.line.column]).is_part and not head.name.account
    }
    for account, names in parts.items():
        # of parts beside the sum of their banner none is asked for, unless all are known
        is_open = any(table.columns[n.column].path[:-1] in open_banners for n in names.values())
        if account not in stated and not (is_open or set(names) & ready.means.keys()):
            cell = str(next(iter(names.values())).cell)
            choices, about = (account, NONE), tuple(names)
            yield Question("whole", cell, choices, proposal=account, about=about)
    yield from _unknown(unknown, by_line=by_line)


def _unknown(unknown: dict[str, Any], *, by_line: bool) -> Iterator[Question]:
    """Yield the questions about unknown heads: those that speak of no money in one."""
    rest = []
    for text, item in unknown.items():
        # what has no head, or one of letters (JYSR), may be anything
        if is_money(text) or not str(item.item).strip() or text.isascii():
            choices = _meanings(text, item, by_line=by_line)
            yield Question("meaning", str(item.cell), choices, about=(text,))
        else:
            rest.append((text, item))
    if rest:
        names = tuple(text for text, _ in rest)
        choices = _meanings("", rest[0][1], by_line=by_line)
        cell = str(rest[0][1].cell)
        yield Question("meaning", cell, choices, proposal=NONE, about=names)


def _meanings(text: str, item: Any, *, by_line: bool) -> tuple[str, ...]:  # noqa: ANN401
    """Return what a head or line can be: only accounts of its year; `AMOUNT` only for columns.

    An account that was not in force cannot be left out: its measure would become smaller unsaid.
    """
    year = None if pd.isna(item.year) else int(item.year)
    never = {account for account in ACCOUNTS if meaning(account, year).code == "wrong_year"}
    if meaning(text, year).code == "wrong_year":
        never |= {NONE, PART}
    return tuple(each for each in MEANINGS if each not in never | ({AMOUNT} if by_line else set()))


def _text_columns(ready: Ready) -> Iterator[Issue]:
    """Yield columns that should hold amounts and hold mostly words, so that none is lost unsaid."""
    table = ready.table
    has_amounts = any(column.role == "value" and column.is_money for column in table.columns)
    for at, column in enumerate(table.columns):
        told = sum(bool(_TOLD.search(text)) for text in table.texts(at) if column.role == "text")
        if told > len(table.texts(at)) / 2 and not has_amounts:
            cell, item = head_cell(table, at), safe(column.label)
            action = f"left out: {told} cells tell of amounts in sentences; give each a column"
            yield Issue(table.file, cell, item, "column_not_numbers", "error", action)
        code = meaning(column.label, column.year).code
        if column.role == "text" and (code == "account" or meaning(column.label, None).measure):
            held = sum(bool(text) for text in table.texts(at))
            if held:
                cell, item = head_cell(table, at), safe(column.label)
                action = f"left out: most of its {held} cells are no numbers"
                yield Issue(table.file, cell, item, "column_not_numbers", "error", action)


def _wrong_years(long: pd.DataFrame, file: str, dropped: frozenset[int]) -> Iterator[Issue]:
    """Yield amounts of accounts that were not in force; blanks and zeros are the form's own."""
    wrong = long[(long["means"] == "wrong_year") & (long["text"] != "")]
    wrong = wrong[~wrong["row"].isin(list(dropped))]
    if wrong.empty:
        return
    read = read_quantities(wrong["text"])
    for row in rows(wrong[(read["value"] != 0) & (read["qualifier"] != "missing")]):
        action = (
            f"left out: {row.adds}, and the year is {row.year}; say in answers.toml which it is "
            "(meaning): until then the measures of that village and year are missing"
        )
        yield Issue(file, row.cell, of_amount(row.text), "column_wrong_year", "error", action)


def _uneven(long: pd.DataFrame, file: str) -> Iterator[Issue]:
    """Yield the years that their four quarters or twelve months, all printed, do not make."""
    keys = ["row", "of", "year", "unit"]
    is_part = long["time"].isin(list(_WHOLE_OF))
    if not is_part.any():
        return
    held = long.assign(number=pd.to_numeric(long["text"].str.replace(",", ""), errors="coerce"))
    by_year = held[is_part].groupby([*keys, "time"], observed=True, dropna=False)
    parts = by_year["number"].agg(["sum", "count", "last"]).reset_index()
    parts["places"] = by_year["text"].agg(_decimals).to_numpy()
    parts = parts[parts["count"] == parts["time"].astype("str").map(_WHOLE_OF)]
    of_year = held[held["means"].isin(["account", "total"]) & ~held["is_before"] & ~is_part]
    both = of_year.drop(columns="time").merge(parts, on=keys)
    # the last of running totals is the year itself
    for line in rows(both[(both["number"] != both["last"]) & both["number"].notna()]):
        slack = 0.5 * (line.count + 1) * 10.0 ** -max(line.places, _decimals([line.text]))
        if abs(line.sum - line.number) > slack:
            action = (
                f"{line.year}, {safe(line.item)}: the {line.count} parts of the year make "
                f"{line.sum:,.6g}, printed {line.number:,.6g}; the year is kept as printed"
            )
            yield Issue(file, line.cell, of_amount(line.text), "total_differs", "warning", action)


def _decimals(texts: Iterable[str]) -> int:
    """Return how many decimals the most exact of some numbers has."""
    return max(len(text.partition(".")[2]) for text in texts)


def _no_years(ready: Ready, long: pd.DataFrame) -> Iterator[Issue]:
    """Yield the lines whose own year cannot be read; their amounts belong to no year."""
    table = ready.table
    if (at := table.find("year")) is None:
        return
    lost = long[long["year"].isna() & long["means"].isin(["account", "total"])]
    own = lost.loc[~lost["row"].isin(table.dropped) & (lost["text"] != ""), "row"].to_numpy()
    for row, count in zip(*np.unique(own, return_counts=True), strict=True):
        action = f"left out: amounts in the line: {count}; say in corrections.csv which year it is"
        where, text = in_sheet(table, table.address(row, at)), safe(table.grid.texts[row][at])
        if read_account(text).code == "mean":  # 五年平均 is of no year
            yield Issue(table.file, where, text, "layout", "note", "left out: of no single year")
            continue
        yield Issue(table.file, where, text, "year_unread", "error", action)


def _amounts(frame: pd.DataFrame) -> pd.DataFrame:
    """Read the texts in the unit of their cells."""
    units = frame["unit"].cat.add_categories([""]).fillna("")
    said = list(units.unique()) or [""]
    if len(said) == 1:
        return frame.join(in_unit(frame, str(said[0])))
    parts = frame.groupby(units, observed=True)
    return frame.join(stacked([in_unit(part, str(unit)) for unit, part in parts]))


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
    frame = frame[frame["means"] != "wrong_year"]
    unread = frame["status"].isin(["refused", "bound"])
    # a sum that no measure is made of only checks others: nothing is lost with it
    is_check = frame["is_total"] | ((frame["means"] == "total") & (frame["measure"] == ""))
    for row in rows(frame[unread & is_check]):
        why = _NO_RESULT if row.reason == "formula" else REASONS.get(row.reason, row.reason)
        why = why or "a bound or a span is no amount"
        action = f"a total, which checks nothing here: {why}"
        yield Issue(row.file, row.cell, of_amount(row.text), "total_unchecked", "note", action)
    frame = frame[~(unread & is_check)]
    for row in rows(frame[frame["status"] == "refused"]):
        code = "formula" if row.reason == "formula" else "cell_refused"
        again = "open the file, let it calculate, save it and give it again"
        action = f"left out: {again if code == 'formula' else REASONS.get(row.reason, row.reason)}"
        yield Issue(row.file, row.cell, of_amount(row.text), code, "error", action)
    for row in rows(frame[frame["status"] == "bound"]):
        action = "left out: a bound or a span is no amount"
        yield about(row, "cell_bound", "error", action)
    for row in rows(frame[frame["status"] == "imprecise"]):
        severity = "warning" if row.width > WIDE * abs(row.yuan) else "note"
        action = f"read as {row.yuan:,.2f} yuan, of a span of {row.width:,.2f}"
        yield about(row, "cell_imprecise", severity, action)
    for row in rows(frame[(frame["status"] == "read") & (frame["flags"] != "")]):
        if own := _CONVENTIONS.intersection(row.flags.split()):
            says = "; ".join(FLAGS[flag] for flag in sorted(own))
            yield about(row, "cell_flagged", "note", f"read as {row.yuan:,.2f} yuan: {says}")
    missing = frame[(frame["status"] == "missing") & ~frame["is_total"]]
    missing = missing[missing["means"] == "account"]
    numbers, firsts = groups(missing, ["table", "row", "year"])
    for first, (cells, texts) in zip(
        rows(firsts), gathered(numbers, missing["cell"], missing["text"]), strict=True
    ):
        seen = ", ".join(dict.fromkeys(filter(None, texts)))
        where = joined_cells(cells)
        yield Issue(first.file, where, safe(seen), "cell_missing", "note", "missing, never zero")
