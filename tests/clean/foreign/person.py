"""A person who has the books in hand: answers what is asked, and nothing else.

What a book's truth says, the person knows: unit, year, village and the meaning of a head follow
from the amounts under it. What does not follow stands in the book's ``person``.
"""

import csv
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from openpyxl.utils import coordinate_to_tuple

from .books import REGISTER, Amount, Book, Sheet, within

_OPEN = re.compile(r'^answer = ""')
_PARTS = frozenset({"month", "quarter", "half", "to_date"})
_PLANS = frozenset({"plan", "forecast", "budget", "project", "agreed"})

VILLAGES = {row["village_name"]: row for row in csv.DictReader(REGISTER.open(encoding="utf-8"))}


class Person:
    """Fills in the files of ``data/decisions/NAME``, and counts what was asked."""

    def __init__(self, book: Book, folder: Path) -> None:
        self.book, self.folder = book, folder
        self.asked: set[tuple[str, ...]] = set()

    def answer(self) -> bool:
        """Fill in what is open and can be answered; tell whether anything was."""
        given = [self._answers(), self._places(), self._amounts()]
        return any(given)

    def count(self, kind: str) -> int:
        """Return how many questions of a kind (line, place, cell) were put so far."""
        return sum(asked[0] == kind for asked in self.asked)

    def _answers(self) -> bool:
        path = self.folder / "answers.toml"
        if not path.is_file():
            return False
        lines: list[str] = []
        entry: dict[str, Any] = {}
        is_new = False
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                entry = {}
            elif _OPEN.match(line):
                self.asked.add(("line", str(sorted(entry.items()))))
                answer = self._about(entry)
                is_new |= answer != ""
                line = f"answer = {_quoted(answer)}"  # noqa: PLW2901
            elif "=" in line and not line.startswith("#"):
                entry |= tomllib.loads(line)
            lines.append(line)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return is_new

    def _about(self, entry: dict[str, Any]) -> str:
        """Return what a person says to an entry of ``answers.toml``; empty when at a loss."""
        seen = set(entry.get("seen", [f"{entry.get('file')}!{entry.get('sheet', '')}"]))
        sheets = [
            s for s in self.book.sheets if f"{s.file}!{s.name}" in {*seen, *map(str.strip, seen)}
        ]
        sheets = sheets or [s for s in self.book.sheets if f"{s.file}!{s.name.strip()}" in seen]
        key, about = entry["key"], entry.get("about", [])
        said = {str(sheet.person.get(key) or _fact(sheet, key, about)) for sheet in sheets}
        return said.pop() if len(said) == 1 else ""

    def _places(self) -> bool:
        def decide(row: dict[str, str]) -> dict[str, str]:
            printed = row["name"]
            named = self.book.sheets[0].person.get("places", {}).get(printed, "")
            cut = printed.rstrip(".…")
            likely = [v for v in VILLAGES if v == named or v[:-1] in printed or v.startswith(cut)]
            if len(likely) != 1 or len(cut) < len("虚某"):
                return {}
            code = VILLAGES[likely[0]]["village_code"]
            return {"village_code": code, "reason": "the name on the book", "by": "a reader"}

        key = ("county", "township", "name")
        return self._filled("crosswalk-to-fill.csv", "place", key, decide)

    def _amounts(self) -> bool:
        truth = {
            (amount.file, f"{amount.sheet.strip()}!{amount.cell}".lstrip("!")): amount.yuan
            for amount in self.book.amounts("truth")
        }

        def decide(row: dict[str, str]) -> dict[str, str]:
            yuan = truth.get((row["file"], row["row"].strip()))
            if yuan is None:
                return {"decision": "correct", "should_say": "", "reason": "no amount of the year"}
            said = f"{yuan:.2f}".rstrip("0").rstrip(".") + "元"
            return {"decision": "correct", "should_say": said, "reason": "the paper book"}

        return self._filled("corrections-to-fill.csv", "cell", ("file", "row"), decide)

    def _filled(
        self,
        name: str,
        kind: str,
        key: tuple[str, ...],
        decide: Callable[[dict[str, str]], dict[str, str]],
    ) -> bool:
        path = self.folder / name
        if not path.is_file():
            return False
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        is_new = False
        for row in rows:
            if row.get("village_code") or row.get("decision"):
                continue
            self.asked.add((kind, *(row[column] for column in key)))
            decided = decide(row)
            is_new |= bool(decided)
            row.update(decided)
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return is_new


_ALWAYS = {
    "orientation": "villages_down", "header_rows": "body",
    "blank": "as the cell above",
}  # fmt: skip


def _fact(sheet: Sheet, key: str, about: Sequence[str]) -> str:
    """Return what the truth of a sheet says to a question about it, or about some of its heads."""
    own = [a for a in sheet.truth if not about or _stands_under(sheet, a, about)]
    rows = [coordinate_to_tuple(cell)[0] for cell in sheet.numbers()]
    is_read = bool(sheet.truth) and sheet.name not in sheet.person.get("skip", ())
    said: dict[str, Iterable[object]] = {
        **{place: {VILLAGES[a.village][f"{place}_name"] for a in own}
           for place in ("county", "township")},
        "village": set(_village_heads(sheet)) or {a.village for a in own},
        "year": {a.year for a in own},
        "unit": _units(sheet, own),
        "period": {"whole year" if sheet.truth else "part of a year"},
        "skip": {"read" if is_read else "skip"},
        "zeros": {"nothing booked" if any(a.yuan == 0 for a in own) else "not filled in"},
        **dict.fromkeys(("meaning", "role", "whole"), frozenset(_meaning(sheet, h) for h in about)),
        "basis": {_basis(sheet, about)},
        "header_row": {min(rows) - 1} if rows else (),
    }  # fmt: skip
    if key == "township" and len({*said[key]}) > 1:
        return "several townships"
    found = sorted(map(str, said.get(key, {_ALWAYS.get(key, "")})))
    return found[0] if len(found) == 1 else ""


def _meaning(sheet: Sheet, head: str) -> str:
    """Return what a head or line stands for: account, measure, place, year, or no income."""
    means = {_plain(name): item for name, item in sheet.person.get("means", {}).items()}
    last = _plain(head.rpartition("/")[2])
    if last in means:
        return str(means[last])
    items = {amount.item for amount in sheet.truth if _stands_under(sheet, amount, [head])}
    if items:
        return items.pop() if len(items) == 1 else "amount"
    below = {
        str(line[column])
        for row, first in enumerate(sheet.rows)
        for column, text in enumerate(first)
        if text is not None and _plain(str(text)) == last
        for line in sheet.rows[row + 1 :]
        if column < len(line) and line[column] is not None
    }
    for role, names in (
        ("village", set(VILLAGES)),
        ("township", {row["township_name"] for row in VILLAGES.values()}),
        ("county", {row["county_name"] for row in VILLAGES.values()}),
    ):
        if below & names:
            return role
    return "year" if below and all(re.fullmatch(r"20\d\d", text) for text in below) else "none"


def _basis(sheet: Sheet, about: Sequence[str]) -> str:
    if any(not about or _stands_under(sheet, amount, about) for amount in sheet.truth):
        return "year"
    kinds = {
        kind
        for kind, ranges in sheet.never.items()
        for cell in sheet.numbers()
        if within(cell, ranges) and (not about or _has_label(sheet, cell, about))
    }
    return "part of a year" if kinds & _PARTS else "plan" if kinds & _PLANS else ""


def _stands_under(sheet: Sheet, amount: Amount, heads: Sequence[str]) -> bool:
    return any(_has_label(sheet, cell, heads) for cell in amount.cells)


def _has_label(sheet: Sheet, cell: str, heads: Sequence[str]) -> bool:
    """Whether a head stands above a cell, over a blank beside it, or left of it."""
    wanted = {_plain(head.rpartition("/")[2]) for head in heads}
    return bool(wanted & set(map(_plain, _labels(sheet, cell))))


def _labels(sheet: Sheet, cell: str) -> Iterator[str]:
    row, column = coordinate_to_tuple(cell)
    for line in sheet.rows[: row - 1]:
        yield from (str(text) for text in line[column - 1 : column] if text)
    yield from (str(text) for text in sheet.rows[row - 1][: column - 1] if text)


def _village_heads(sheet: Sheet) -> Iterator[str]:
    """Yield the head of the column that holds the villages' names, where one does."""
    where = [
        (row, column)
        for row, line in enumerate(sheet.rows)
        for column, text in enumerate(line)
        if any(amount.village in str(text) for amount in sheet.truth)
    ]
    if len(where) > 1 and len({column for _, column in where}) == 1:
        row, column = where[0]
        above = [line[column] for line in sheet.rows[:row] if column < len(line)]
        yield from [str(text) for text in above if text][-1:]


def _units(sheet: Sheet, amounts: Sequence[Amount]) -> set[str]:
    """Return the unit of most cells: a slip in some is what a person would not answer."""
    factors = [
        round(amount.yuan / number, 6)
        for amount in amounts
        if isinstance(number := sheet.value(amount.cell), int | float) and number
    ]
    usual = max(set(factors), key=factors.count) if factors else 0
    return {{1.0: "元", 1e4: "万元", 1e3: "千元"}.get(usual, "")}


def _plain(text: str) -> str:
    """Return a head without blanks, its year, its unit and numbering."""
    text = re.sub(r"[（(][^（）()]*[）)]|\s", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(?:[一二三四五六七八九十\d]+[、.﹑]|20\d\d年|[加减]:|其中:)+", "", text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
