"""Amounts that were read and may still be wrong: slips of a unit, blanks that say zero, heaps."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.clean.accounts import BREAK_YEAR, SPENDING
from analysis.clean.amounts import YUAN, find_quantities, no_income_word, read_quantity
from analysis.clean.issues import Issue
from analysis.clean.ledger.frames import area, gathered, groups, joined_cells, rows, sheets
from analysis.clean.ledger.private import about
from analysis.fields import BALANCES, BANDS_WAN, YUAN_PER_WAN

SLIP = 10_000.0
"""元 against 万元."""

APART, NEAR = 30.0, 5.0
"""Factors of a slip: off the village's other years, and near one of them when it is undone."""

FAR = 1_000.0
"""A factor that no village's account moves by."""

GIVEN_AWAY, TAKEN_IN = "发包及上交收入", ("经营收入", "投资收益")
"""The account that ended with the 2004 system, and those that its content went into."""

TARGETS_YUAN = tuple(bound * YUAN_PER_WAN for bound in BANDS_WAN)
"""The bounds of the bands that offices are measured by."""

MIN_ACCOUNTS = 3
"""Accounts of a line that must all say zero before it is doubted."""

INCOME_MEASURES = ("经营性收入", "总收入")

BOOK_BAND = (1_000.0, 10_000_000.0)
"""Yuan between which the middle amount of a table or village lies, whatever villages earn."""

RECORD_MIDDLE = 30_000.0
"""Yuan in the middle of what villages book under one account in a year."""

TOGETHER, _AT_LEAST = 40.0, 10.0
"""Factors by which half, and three quarters, of the amounts of a table or place are off."""

ALWAYS, BESIDE = (100.0, 10_000_000.0), (1_000.0, 200_000.0)
"""Yuan beyond which an amount waits: whatever the others are, and `OFF` times from their middle."""

OFF = 300.0

MOST_HELD = 1e9
"""Yuan beyond which assets, debt or a distribution wait: no village near here owns as much."""

_SMALL_BY_NATURE = frozenset({"其他收入", "其他支出", "管理费用", "税金及附加"})
"""Accounts that may hold 12 yuan of interest: there a small amount alone says nothing."""

_NO_MATTER = np.log10(2.0)
_MIN_PEERS = 3
_MIN_CELLS = 10
_OF_SIZE = frozenset({"unit_slip", "implausible", "magnitude"})
_MANY_ZEROS, _FEW_ZEROS = 0.9, 0.5
_WINDOW, _HEAP_RATIO, _HEAP_COUNT = 0.05, 3.0, 20


def find_slips(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which amounts are off by 10,000 beyond doubt, and issues for all far ones."""
    # the amounts of a village and account fall into runs that are parted by a factor of 30; the
    # longest, of equally long ones the nearest to the county's villages, is taken for right. A slip
    # lies farther from it than it is wide, comes within 5 times of it by a factor of 10,000, and is
    # 30 times off the county's villages as well. Whatever else is 1,000 times off is kept
    known = _sized(cells)
    own = known.groupby(["place_key", "account"], sort=False)["size"]
    alone = known[own.transform("count") == 1]
    alone = alone[(alone["size"] - alone["peers"]).abs() > np.log10(FAR)]
    far = [(at, False, float(peers), False) for at, peers in alone["peers"].items()]
    # few villages move so much that their years have to be looked at one by one
    moved = known[own.transform("max") - own.transform("min") > np.log10(APART)]
    arrays = [moved[name].to_numpy() for name in ("size", "wide", "peers", "year")]
    for at in moved.groupby(["place_key", "account"], sort=False).indices.values():
        for place, is_slip, typical in _off(*(values[at] for values in arrays)):
            far.append((moved.index[at[place]], is_slip, typical, True))
    slipped = pd.Series(data=False, index=cells.index)
    issues = []
    for at, is_slip, typical, has_years in sorted(far):
        row = known.loc[at]
        slipped[at] = is_slip
        whose = "the village's other years" if has_years else "villages of its county"
        says = (
            f"{row['account']} {row['year']}: {row['yuan']:,.2f} yuan, {whose} about "
            f"{10**typical:,.0f}"
        )
        issues.append(_doubt(row, says, "unit_slip", is_held=is_slip))
    return slipped, issues


def _doubt(row: Any, says: str, code: str = "implausible", *, is_held: bool = True) -> Issue:  # noqa: ANN401
    """Return an issue about an amount that waits for a person, or is far and kept."""
    if is_held:
        action = f"left out: {says}; say in corrections.csv what it should be"
        return about(row, code, "error", action)
    return about(row, "magnitude", "warning", f"kept as written: {says}")


def one_verdict(cells: pd.DataFrame, held: pd.Series, issues: Iterable[Issue]) -> list[Issue]:
    """Return the issues without a second one about the size of a single cell.

    A cell that is held is not far and kept besides, and one that slipped is not implausible too.
    """
    files, places = cells.loc[held, "file"].astype("str"), cells.loc[held, "cell"].astype("str")
    waiting = set(zip(files, places, strict=True))
    said: set[tuple[str, str]] = set()
    kept = []
    for issue in issues:
        place = issue.file, issue.cell
        if issue.code in _OF_SIZE:
            if place in said or (issue.code == "magnitude" and place in waiting):
                continue
            said.add(place)
        kept.append(issue)
    return kept


def _sized(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts that are not zero with the logarithms to compare them by."""
    # the content of 发包及上交收入 went into other accounts in 2024: an amount of these is compared
    # with what lies between the account (``size``) and the sum of both (``wide``) before
    columns = ["file", "cell", "text", "county", "place_key", "account", "year", "yuan"]
    known = _booked(cells)[columns]
    given = known[known["account"] == GIVEN_AWAY].drop_duplicates(["place_key", "year"])
    content = given.set_index(["place_key", "year"])["yuan"].abs()
    place_years = pd.MultiIndex.from_frame(known[["place_key", "year"]])
    more = content.reindex(place_years).fillna(0.0).to_numpy()
    more = np.where(known["account"].isin(TAKEN_IN), more, 0.0)
    amounts = known["yuan"].abs()
    known = known.assign(size=np.log10(amounts), wide=np.log10(amounts + more))
    return known.assign(peers=_peers(known, ["county", "account", "year"]))


def _peers(known: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Return for each amount the middle of the others beside it; NaN where there are hardly any."""
    group, _ = groups(known, keys)
    # with itself an amount makes one of the least that there must be
    return pd.Series(_others(known["size"].to_numpy(), group, _MIN_PEERS - 1), known.index)


def _off(
    size: np.ndarray, wide: np.ndarray, peers: np.ndarray, year: np.ndarray
) -> Iterator[tuple[int, bool, float]]:
    """Yield place, whether it is a slip, and the usual size, of what lies outside the main run."""
    off_peers = np.abs(size - peers)
    is_late = year >= BREAK_YEAR
    order = np.argsort(size, kind="stable")
    run = np.empty(len(size), dtype=int)
    run[order] = np.concatenate([[0], np.cumsum(np.diff(size[order]) > np.log10(APART))])
    ranked = sorted(
        (-(run == at).sum(), np.nan_to_num(off_peers)[run == at].mean(), at)
        for at in range(run.max() + 1)
    )
    if len(ranked) == 1:
        return
    inside = run == ranked[0][2]
    is_tie = ranked[0][:2] == ranked[1][:2]  # as many years, and no peers to tell
    width = size[inside].max() - size[inside].min()
    usual = float(np.median(size[inside]))
    for at in np.flatnonzero(~inside):
        may_be_wide = inside & is_late[at] & ~is_late

        def distance(value: float, may_be_wide: np.ndarray = may_be_wide) -> float:
            upper = np.where(may_be_wide, wide, size)[inside]
            return float(np.abs(np.clip(value, size[inside], upper) - value).min())

        gap = distance(size[at])
        repaired = distance(size[at] - np.copysign(np.log10(SLIP), size[at] - usual))
        is_slip = gap > max(np.log10(APART), width) and repaired < np.log10(NEAR)
        is_slip &= not is_tie and not off_peers[at] < np.log10(APART)  # peers may be unknown
        if is_slip or gap > np.log10(FAR):
            yield int(at), is_slip, usual


def find_implausible(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which amounts no village has, taken for themselves or together, and issues."""
    # whatever is compared only with its own years misses what is wrong in all of them: together 40
    # times off the others, or outside of what villages have where there are none to tell; of two
    # that differ the one farther from the middle of the record waits, both where that does not
    # tell. What a person says of a unit settles it. A single amount waits beyond `ALWAYS`, or
    # beyond `BESIDE` and `OFF` times from the middle, when a slip of 10,000 would make it ordinary
    # and its village's other years do not bear it out. Of simulated books without a fault nothing
    # waits; of single slips of 10,000 the bands hold 99.9 %, of 1,000 nine in ten, of 10 hardly one
    known = _sized_for_villages(cells)
    known = known.assign(size=np.log10(known["yuan"].abs()), text=known["text"].fillna(""))
    held = pd.Series(data=False, index=cells.index)
    issues = []
    for find in (_below_zero, _wrong_tables, _wrong_together, _wrong_amounts):
        found = list(find(known[~held[known.index]]))
        held[[at for part, issue in found if issue.severity == "error" for at in part]] = True
        issues += [issue for _, issue in found]
    for row in rows(cells[cells["counted"] & cells["named"].isin(BALANCES)]):
        if abs(row.yuan) > MOST_HELD:
            held[row.Index] = True
            issues.append(_doubt(row, _hardly(row)))
    return held, issues


_LOOKS = {"struck": "it is struck through", "unseen": "nobody sees it in the sheet"}
_ALL_RIGHT = re.compile("无误|没有?错|正确|属实|一致|相符")


def find_marked(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return the amounts that their looks or a comment contradict, and an issue for each."""
    # the text of a comment is not repeated: it may hold names
    held = pd.Series(data=False, index=cells.index)
    issues = []
    marked = cells[(cells["mark"].astype("str") != "") & cells["yuan"].notna()]
    for row in rows(marked):
        kind, _, text = str(row.mark).partition(" ")
        why = _LOOKS.get(kind) or _said_beside(text, row)
        if why:
            held[row.Index] = True
            action = f"left out: {why}; say in corrections.csv what it should be, or that it stays"
            issues.append(about(row, "cell_marked", "error", action))
    return held, issues


def _said_beside(comment: str, row: Any) -> str:  # noqa: ANN401  (a named tuple of a frame)
    """Return what a comment says against the amount that it stands at, empty for nothing."""
    unit = "" if pd.isna(row.unit) else str(row.unit)
    amounts = []
    for found in find_quantities(comment):
        quantity = found.quantity
        if quantity.unit == YUAN:
            amounts.append(quantity.value)
        elif quantity.unit == "" and quantity.value is not None:
            amounts.append(read_quantity(comment[found.start : found.end], unit).value)
    other = [one for one in amounts if one is not None and abs(one - row.yuan) > 0.005 + 1e-9]
    if other and len(other) == len(amounts):
        return f"a comment or footnote names another amount ({other[0]:,.2f} yuan)"
    word = no_income_word(_ALL_RIGHT.sub("", comment))
    return f"a comment or footnote says {word}" if word else ""


_NEAREST = (["county", "named", "year"], ["named", "year"], ["county", "named"], ["named"])
"""By which columns amounts are compared, the nearest first."""

_Doubts = Iterator[tuple[pd.Index, Issue]]


def tables_in_doubt(cells: pd.DataFrame) -> Iterator[tuple[int, float]]:
    """Yield the tables whose amounts are no village's in the unit they state, with their middle."""
    known = _sized_for_villages(cells)
    for group in _groups_in_doubt(known.assign(size=np.log10(known["yuan"].abs())), ["table"]):
        yield int(group.part["table"].iloc[0]), group.middle


class _Group(NamedTuple):
    """Amounts that are wrong together: their cells, their middle, and how far off the others."""

    part: pd.DataFrame
    middle: float
    times: float  # of the others' amounts; NaN where there are no others

    @property
    def says(self) -> str:
        if np.isnan(self.times):
            return f"no village's: their middle is {self.middle:,.2f} yuan"
        if self.times > 1:
            return f"{self.times:,.0f} times as large as others"
        return f"{1 / self.times:,.0f} times as small as others"


def _groups_in_doubt(known: pd.DataFrame, kind: list[str]) -> Iterator[_Group]:
    """Yield groups of amounts that are together far off all others, or off what villages have."""
    known = known[~known["unit_said"]] if kind[0] == "table" else known
    if known.empty:
        return
    others, is_few = _middle_of_others(known, kind)
    off, usual = known["size"] - others, np.log10(RECORD_MIDDLE)
    # few others may be the wrong ones: then the record tells, or nobody
    off[is_few & ((known["size"] - usual).abs() < (others - usual).abs() - _NO_MATTER)] = 0.0
    is_small = known["named"].isin(_SMALL_BY_NATURE)
    # 12 yuan of interest are no slip where others have more
    off = off.mask(is_small & (off < 0) & (off > -np.log10(FAR)))
    sized = known["size"].mask(is_small & (known["size"] < np.log10(BOOK_BAND[0])))
    is_beyond = (sized < np.log10(BOOK_BAND[0])) | (sized > np.log10(BOOK_BAND[1]))
    if not (is_beyond | (off.abs() > np.log10(TOGETHER))).any():
        return
    own = known.assign(off=off, sized=sized)
    groups = own.groupby(kind, observed=True)
    spans = groups["off"].quantile(np.array([0.25, 0.5, 0.75])).unstack()
    low, middle, high = (spans[at] for at in (0.25, 0.5, 0.75))
    least = np.where(middle > 0, low, -high)
    is_far = (middle.abs() > np.log10(TOGETHER)) & (least > np.log10(_AT_LEAST))
    is_far &= groups["off"].count() >= _MIN_PEERS
    usual_sizes = groups["sized"].median()
    is_odd = (usual_sizes < np.log10(BOOK_BAND[0])) | (usual_sizes > np.log10(BOOK_BAND[1]))
    is_odd &= (middle.isna() | (least > np.log10(_AT_LEAST))) & ~groups["unit_said"].any()
    is_odd &= groups["sized"].count() >= _MIN_PEERS
    sizes = groups["size"].median()
    for name in middle.index[is_far | is_odd]:
        part = groups.get_group(name if len(kind) > 1 else (name,))
        yield _Group(part, float(10 ** sizes[name]), float(10 ** middle[name]))


def _middle_of_others(known: pd.DataFrame, kind: list[str]) -> tuple[pd.Series, pd.Series]:
    """Return for each amount the middle of the nearest other groups, and whether they are few."""
    names = dict.fromkeys([*kind, "county", "named", "year"])
    codes = {name: pd.factorize(known[name])[0] + 1 for name in names}  # a missing one is 0
    sizes = known["size"].to_numpy()
    found, is_few = np.full(len(known), np.nan), np.zeros(len(known), dtype=bool)
    for least in (_MIN_PEERS, 1):
        for keys in _NEAREST:
            if not np.isnan(found).any():
                break
            own, first = _numbered(codes, [*kind, *keys])
            together, _ = _numbered(codes, keys)
            now = _others(_middles(sizes, own), together[first], least)[own]
            is_new = np.isnan(found) & ~np.isnan(now)
            is_few |= is_new & (least < _MIN_PEERS)
            found[is_new] = now[is_new]
    return pd.Series(found, known.index), pd.Series(is_few, known.index)


def _numbered(codes: dict[str, np.ndarray], names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each row's group by some columns, and the first row of each group."""
    joined = np.zeros(1, dtype=np.int64)
    for name in dict.fromkeys(names):
        joined = joined * (codes[name].max() + 1) + codes[name]
    _, first, number = np.unique(joined, return_index=True, return_inverse=True)
    return number, first


def _middles(sizes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the median of each group of numbers; groups are numbered from 0."""
    ordered = sizes[np.lexsort((sizes, group))]
    count = np.bincount(group)
    first = np.cumsum(count) - count
    return np.mean([ordered[first + (count - 1) // 2], ordered[first + count // 2]], axis=0)


def _others(sizes: np.ndarray, group: np.ndarray, least: int) -> np.ndarray:
    """Return for each number the median of all others of its group; NaN where they are too few."""
    order = np.lexsort((sizes, group))
    ordered, group = sizes[order], group[order]
    first = np.searchsorted(group, group)
    rank, count = np.arange(len(order)) - first, np.bincount(group)[group] - 1
    around = [
        ordered[np.minimum(first + at + (rank <= at), len(order) - 1)]
        for at in ((count - 1) // 2, count // 2)
    ]
    middle = np.empty(len(order))
    middle[order] = np.where(count < least, np.nan, np.mean(around, axis=0))
    return middle


def _wrong_tables(known: pd.DataFrame) -> _Doubts:
    """Doubt tables whose amounts are no village's."""
    for group in _groups_in_doubt(known, ["table"]):
        first = group.part.iloc[0]
        unit = str(first["unit"])
        other = {"万元": "元", "元": "万元"}.get(unit, "another")
        action = (
            f"left out, all {len(group.part)} amounts: read in {unit or 'no unit'}, they are "
            f"{group.says}; answer the unit of the table in answers.toml (perhaps {other}), or "
            "confirm the amounts in corrections.csv"
        )
        where = area(list(group.part["cell"]))
        issue = Issue(str(first["file"]), where, unit, "unit_of_table", "error", action)
        yield group.part.index, issue


_TOGETHER = {
    ("table", "column"): "left out: the amounts of this column are {says}; answer its unit in "
    "answers.toml, or say in corrections.csv what they should be",
    ("county", "township"): "left out: the amounts of {township} are {says}; say in "
    "corrections.csv what they should be",
    ("place_key",): "left out: the amounts of {place} are {says}, in every year; say in "
    "corrections.csv what they should be",
}
"""By which columns amounts are wrong together, and what is said of them."""


def _wrong_together(known: pd.DataFrame) -> _Doubts:
    """Doubt columns, townships, and villages in all their years, whose amounts are no village's."""
    for kind, action in _TOGETHER.items():
        rest = known[known["township"].astype("str") != ""] if "township" in kind else known
        for group in _groups_in_doubt(rest, [*kind]):
            known = known.drop(group.part.index)
            first = group.part.iloc[0]
            named = {"township": first["township"], "place": first["place_key"]}
            says = action.format(says=group.says, **named)
            own = group.part.assign(sheet=sheets(group.part["cell"]))
            for (file, _), part in own.groupby(["file", "sheet"], observed=True, sort=False):
                where = joined_cells(list(part["cell"]))
                yield part.index, Issue(str(file), where, "", "implausible", "error", says)


def _wrong_amounts(known: pd.DataFrame) -> _Doubts:
    """Doubt single amounts beyond what villages have."""
    middle = _peers(known, ["county", "named", "year"])
    known, size, off = known.assign(middle=middle), known["size"], np.log10(OFF)
    is_small = (size < np.log10(ALWAYS[0])) | ((size < np.log10(BESIDE[0])) & (size < middle - off))
    # 12 yuan of interest are no slip, but for an account whose others are of ordinary size
    is_small &= ~known["named"].isin(_SMALL_BY_NATURE) | (middle >= np.log10(BOOK_BAND[0]))
    is_large = (size > np.log10(ALWAYS[1])) | ((size > np.log10(BESIDE[1])) & (size > middle + off))
    is_far = (size - middle).abs() > off
    is_small &= ~known["unit_said"] | is_far
    is_large &= ~known["unit_said"] | is_far
    doubted = known[is_small | is_large]
    years = known.groupby(["place_key", "named"], observed=True)["size"]
    own = years.transform("median").where(years.transform("count") > _MIN_PEERS)
    for row in rows(doubted.assign(own=own[doubted.index])):
        repaired = row.size - np.copysign(np.log10(SLIP), row.size - np.log10(ALWAYS[0]))
        is_ordinary = np.isnan(row.middle) or abs(repaired - row.middle) < np.log10(APART)
        is_held = is_ordinary and not abs(row.size - row.own) < np.log10(APART)
        beside = "" if np.isnan(row.middle) else f"; others about {10**row.middle:,.0f}"
        yield pd.Index([row.Index]), _doubt(row, _hardly(row, beside), is_held=is_held)


def _hardly(row: Any, beside: str = "") -> str:  # noqa: ANN401
    return f"{row.named} {row.year}: {row.yuan:,.2f} yuan is hardly a village's{beside}"


def _below_zero(known: pd.DataFrame) -> Iterator[tuple[pd.Index, Issue]]:
    """Yield spending that a book writes with a minus, as what goes out."""
    for row in rows(known[known["named"].isin(SPENDING) & (known["yuan"] < 0)]):
        says = f"{row.named} {row.year}: {row.yuan:,.2f} yuan spent, with a minus"
        yield pd.Index([row.Index]), _doubt(row, says)


def _sized_for_villages(cells: pd.DataFrame) -> pd.DataFrame:
    """Return booked amounts, and measures of income in tables that print no account."""
    accounts = _booked(cells)
    alone = ~cells["table"].isin(cells.loc[cells["means"] == "account", "table"])
    measured = alone & (cells["means"] == "total") & cells["named"].isin(INCOME_MEASURES)
    known = cells["counted"] & measured & (cells["yuan"].abs() > 0)
    return pd.concat([accounts, cells[known]]) if known.any() else accounts


def _booked(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts of accounts that are not zero and belong to a place, known or not."""
    placed = cells["counted"] | (cells["village_id"].isna() & ~cells["is_total"])
    return cells[placed & (cells["means"] == "account") & (cells["yuan"].abs() > 0)]


def find_zeros(cells: pd.DataFrame) -> tuple[pd.Series, list[Issue]]:
    """Return which amounts are those of a line that says zero in every account, and issues."""
    # a form that was prefilled with 0.0 looks like a village without any money: nobody can tell
    lines = cells[~cells["is_total"] & cells["yuan"].notna()]
    is_account = lines["means"] == "account"
    numbers, _ = groups(lines, ["file", "place_key", "year"])
    amounts = lines["yuan"].abs().where(is_account).groupby(numbers)
    empty = (amounts.transform("count") >= MIN_ACCOUNTS) & (amounts.transform("max") == 0)
    rest = lines[is_account & ~empty]
    empty &= (lines["yuan"] == 0) & (lines["zeros"] != "nothing booked")
    zeros = lines[empty].assign(sheet=sheets(lines.loc[empty, "cell"]))
    numbers, firsts = groups(zeros, ["file", "sheet", "place_key", "year"])
    issues = []
    for first, (places,) in zip(rows(firsts), gathered(numbers, zeros["cell"]), strict=True):
        says = f"every account of {first.place_key} in {first.year} says zero"
        severity, action = "note", f"missing, as answered: {says}"
        if first.zeros != "not filled in":
            severity = "error"
            action = f"left out until zeros of its table in answers.toml is answered: {says}"
        where = joined_cells(places)
        issues.append(Issue(str(first.file), where, "0", "zero_filled", severity, action))
    return empty.reindex(cells.index, fill_value=False), [*issues, *_zero_columns(rest)]


def _zero_columns(amounts: pd.DataFrame) -> Iterator[Issue]:
    """Find accounts that say zero nearly everywhere in one year, and not in the others."""
    numbers, firsts = groups(amounts, ["file", "county", "account", "year"])
    by = (amounts["yuan"] == 0).groupby(numbers)
    firsts = firsts.assign(share=by.mean().to_numpy(), cells=by.size().to_numpy())
    for _, part in firsts.groupby(["file", "county", "account"], observed=True, sort=False):
        shares = part["share"].to_numpy()
        if len(part) == 1 or shares.max() < _MANY_ZEROS:
            continue
        for at, row in enumerate(rows(part)):
            others = float(np.median(np.delete(shares, at)))
            if row.share >= _MANY_ZEROS and others < _FEW_ZEROS and row.cells >= _MIN_CELLS:
                action = (
                    f"kept as zero: {row.account} is zero in {row.share:.0%} of {row.cells} cells "
                    f"of {row.year} and in {others:.0%} in other years; blank or nothing?"
                )
                yield Issue(str(row.file), row.cell, "0", "zero_column", "warning", action)


def find_heaps(panel: pd.DataFrame) -> Iterator[Issue]:
    """Yield an issue for each county, year and target with more incomes just above than below."""
    # three times as many, and 20 or more of them, is more than a smooth spread of incomes gives
    for measure in ("operating_income_yuan", "total_income_yuan"):
        for (county, year), part in panel.groupby(["county_code", "year"]):
            values = part[measure].to_numpy()
            for target in TARGETS_YUAN:
                above = int(((values >= target) & (values < target * (1 + _WINDOW))).sum())
                below = int(((values < target) & (values >= target * (1 - _WINDOW))).sum())
                if above >= _HEAP_COUNT and above >= _HEAP_RATIO * max(below, 1):
                    action = (
                        f"kept: {above} villages within 5 % above {target / 1e4:g} 万元, "
                        f"{below} within 5 % below"
                    )
                    where = f"{county}, {year}, {measure}"
                    yield Issue("panel", where, "", "heaping", "note", action)
