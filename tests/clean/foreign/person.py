"""A person who has the books in hand: answers what is asked, and nothing else.

What a book's truth says, the person knows: unit, year, village and the meaning of a head follow
from the amounts under it. What does not follow stands in the book's ``person``.
"""

import csv
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from openpyxl.utils import coordinate_to_tuple

from .books import REGISTER, Amount, Book, Sheet

_OPEN = re.compile(r'^(?!file|sheet|range)("(?:[^"\\]|\\.)*"|[\w-]+) = ""')
_ACCOUNTS = (
    "经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入", "经营支出", "管理费用",
    "其他支出", "税金及附加", "公益支出", "专项应付款",
)  # fmt: skip

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
        lines, told, section, is_new = [], {}, "", False
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section, told = line.strip("[]"), {}
            elif found := _OPEN.match(line):
                (key,) = tomllib.loads(line)
                self.asked.add(("line", section, *map(str, told.values()), key))
                answer = self._about(section, told, key)
                is_new |= answer != ""
                line = f"{found[1]} = {_quoted(answer)}"  # noqa: PLW2901
            elif "=" in line and not line.startswith("#"):
                told |= tomllib.loads(line)
            lines.append(line)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return is_new

    def _about(self, section: str, told: dict[str, str], key: str) -> str:
        if section == "answer":
            key = told["key"]
            file, _, name = told.get("seen", [""])[0].partition("!")
            told = {"file": file, "sheet": name, **told}
            heads = {self._meaning(head) for head in told.get("about", [])}
            if key in {"meaning", "whole"}:
                items = heads if key == "meaning" else heads - {"none", ""} or heads
                return heads.pop() if len(heads) == 1 else items.pop() if len(items) == 1 else ""
            if key == "blank":
                key = "blank_place"
        (sheet, *_) = [
            sheet
            for sheet in self.book.sheets
            if (sheet.file, sheet.name.strip()) == (told["file"], told["sheet"].strip())
        ]
        if key.startswith("unit_of"):
            key = "unit"
        default = "as the cell above" if key.startswith("blank_") else ""
        fact = sheet.person.get(key, self._fact(sheet, key) or default)
        return str(fact)

    def _fact(self, sheet: Sheet, key: str) -> str:
        """Return what follows from the truth of a sheet, where all of it says the same."""
        said: Iterable[object] = ()
        if key in {"county", "township"}:
            said = {VILLAGES[amount.village][f"{key}_name"] for amount in sheet.truth}
        elif key == "village":
            said = set(_village_heads(sheet)) or {amount.village for amount in sheet.truth}
        elif key == "year":
            said = {amount.year for amount in sheet.truth}
        elif key == "unit":
            said = _units(sheet)
        elif key == "orientation":
            said = {"villages_down"}
        elif key == "header_rows":
            said = {"body"}
        found = sorted(map(str, said))
        return found[0] if len(found) == 1 else ""

    def _meaning(self, head: str) -> str:
        for sheet in self.book.sheets:
            if head in sheet.person.get("means", {}):
                return str(sheet.person["means"][head])
        last = _plain(head.rpartition("/")[2])
        items = {
            amount.item
            for sheet in self.book.sheets
            for amount in sheet.truth
            if last in set(map(_plain, _labels(sheet, amount)))
        }
        if len(items) == 1 and (item := items.pop()) in _ACCOUNTS:
            return item
        return "none" if not items else ""

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

        return self._filled(
            "crosswalk-to-fill.csv", "place", ("county", "township", "name"), decide
        )

    def _amounts(self) -> bool:
        truth = {
            (amount.file, f"{amount.sheet}!{amount.cell}".strip("! ")): amount.yuan
            for amount in self.book.amounts("truth")
        }

        def decide(row: dict[str, str]) -> dict[str, str]:
            yuan = truth.get((row["file"], row["row"].strip()))
            if yuan is None:
                return {"decision": "correct", "should_say": "", "reason": "no amount of the year"}
            said = f"{yuan:.2f}".rstrip("0").rstrip(".") + "元"
            return {"decision": "correct", "should_say": said, "reason": "the paper book"}

        return self._filled("corrections-to-fill.csv", "cell", ("file", "row"), decide)

    def _filled(self, name: str, kind: str, key: tuple[str, ...], decide) -> bool:
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


def _units(sheet: Sheet) -> set[str]:
    """Return the unit of most cells: a slip in some is what a person would not answer."""
    factors = [
        round(amount.yuan / number, 6)
        for amount in sheet.truth
        if isinstance(number := sheet.value(amount.cell), int | float) and number
    ]
    usual = max(set(factors), key=factors.count) if factors else 0
    return {{1.0: "元", 1e4: "万元", 1e3: "千元"}.get(usual, "")}


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


def _labels(sheet: Sheet, amount: Amount) -> Iterator[str]:
    """Yield the texts above an amount and left of it."""
    row, column = coordinate_to_tuple(amount.cell)
    for line in sheet.rows[: row - 1]:
        yield from (str(text) for text in line[column - 1 : column] if text)
    yield from (str(text) for text in sheet.rows[row - 1][: column - 1] if text)


def _plain(text: str) -> str:
    """Return a head without blanks, its year, its unit and numbering."""
    text = re.sub(r"[（(][^（）()]*[）)]|\s", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(?:[一二三四五六七八九十\d]+[、.﹑]|20\d\d年|[加减]:|其中:)+", "", text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
