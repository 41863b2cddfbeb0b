"""How well foreign books are read: ``python -m tests.clean.foreign.score [BOOK …] [--details]``.

Each book is taken in and built by ``lianjian``, once as it is and once with what a person answers.
An amount that should be booked is **right**; or it is left out, and then it was **asked** about (a
question, an error or a warning names its cell, column, line, table or file), only **noted** (under
what needs nothing to be done), or **lost** without a word. **Wrong** is every booked amount that
is not true, the worst; it counts on top of the amounts that should be booked.
"""

import argparse
import contextlib
import io
import os
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd
from openpyxl.utils import coordinate_to_tuple, range_boundaries

from analysis import cli
from analysis.errors import Exit
from analysis.fields import BALANCES
from analysis.terminal import answer

from .books import HERE, REGISTER, Amount, Book, read_books
from .person import VILLAGES, Person

ENDS = ("right", "asked", "noted", "lost")
ROUNDS = 4
"""How often a person is asked again at most; each build may ask what the former could not."""

_CENT = 0.005 + 1e-6
_CRASHED = -1
_MEASURES = {
    "经营性收入": "operating_income_yuan",
    "总收入": "total_income_yuan",
    "经营收益": "operating_surplus_yuan",
    "本年收益": "surplus_of_year_yuan",
    **BALANCES,
}
_NEW_SYSTEM = 2024

Key = tuple[str, int, str]


@dataclass(frozen=True)
class Reading:
    """What became of the amounts of a book."""

    ends: dict[Amount, str]
    wrong: tuple[str, ...]

    def count(self, end: str) -> int:
        return len(self.wrong) if end == "wrong" else list(self.ends.values()).count(end)


@dataclass(frozen=True)
class Score:
    """A book's reading as it came and with answers, and what was asked for them."""

    book: Book
    first: Reading
    answered: Reading
    questions: int
    cells: int
    said: str


def score(book: Book, root: Path) -> Score:
    """Take a book in, build, answer and build again in a project folder."""
    (root / "data" / "raw").mkdir(parents=True, exist_ok=True)
    received = root / "received" / book.name
    received.mkdir(parents=True)
    files = [str(path) for path in book.write(received)]
    before = os.environ.get("LIANJIAN_ROOT")
    os.environ["LIANJIAN_ROOT"] = str(root)
    try:
        ended, said = _lianjian(
            "new", book.name, *files, "--register", str(REGISTER), "--simulated"
        )
        if ended not in {Exit.GOOD, Exit.INCOMPLETE}:
            unread = _unread(book, ended)
            return Score(book, unread, unread, 0, 0, said)
        ended, said = _lianjian("build", book.name)
        first = answered = _judge(book, root, ended)
        person = Person(book, root / "data" / "decisions" / book.name)
        for _ in range(ROUNDS):
            if not person.answer():
                break
            ended, said = _lianjian("build", book.name)
            answered = _judge(book, root, ended)
        questions = person.count("line") + person.count("place")
        return Score(book, first, answered, questions, person.count("cell"), said)
    finally:
        if before is None:
            del os.environ["LIANJIAN_ROOT"]
        else:
            os.environ["LIANJIAN_ROOT"] = before


def _lianjian(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            ended = cli.main(arguments)
        except Exception:  # noqa: BLE001  (a fault of the reader is part of the score)
            return _CRASHED, traceback.format_exc()
    return ended, said.getvalue()


def _unread(book: Book, ended: int) -> Reading:
    """Return the reading of a book of which nothing was built: a refusal says why."""
    end = "lost" if ended == _CRASHED else "asked"
    return Reading(dict.fromkeys(book.amounts("truth"), end), ())


def _judge(book: Book, root: Path, ended: int) -> Reading:
    if ended not in {Exit.GOOD, Exit.INCOMPLETE}:
        return _unread(book, ended)
    folder = root / "data" / "processed" / book.name
    income, panel, issues = (
        pd.read_parquet(folder / f"{table}.parquet") for table in ("income", "panel", "issues")
    )
    names = {row["village_code"]: name for name, row in VILLAGES.items()}
    booked = [
        ((names[row.village_id], int(row.year), row.account_name), row.amount_yuan)
        for row in income.itertuples()
    ]
    certain = [
        *book.amounts("truth", "may"),
        *(a for a in book.amounts("doubt") if _named(book, a, issues) == "asked"),
    ]
    right, wrong = _compare(certain, booked)
    touched = {key[:2] for key, _ in wrong}
    given = [
        ((names[row.village_id], int(row.year), item), float(getattr(row, column)))
        for row in panel.itertuples()
        for item, column in _MEASURES.items()
        if pd.notna(getattr(row, column))
    ]
    more, astray = _compare(certain, given)
    wrong += [(key, yuan) for key, yuan in astray if key[:2] not in touched]
    right |= more
    misread = {key for key, _ in wrong} - right
    ends = {
        amount: "right" if _key(amount) in right
        else "misread" if _key(amount) in misread
        else _named(book, amount, issues)
        for amount in book.amounts("truth")
    }  # fmt: skip
    return Reading(ends, tuple(f"{' '.join(map(str, key))}: {yuan:,.2f}" for key, yuan in wrong))


def _key(amount: Amount) -> Key:
    return amount.village, amount.year, amount.item


def _compare(
    certain: Iterable[Amount], booked: Iterable[tuple[Key, float]]
) -> tuple[set[Key], list[tuple[Key, float]]]:
    """Return which amounts are true, and which are not; measures follow from true accounts."""
    true: dict[Key, list[float]] = {}
    for amount in certain:
        true.setdefault(_key(amount), []).append(amount.yuan)
    for village, year in {key[:2] for key in true}:
        of_year = {key[2]: found[0] for key, found in true.items() if key[:2] == (village, year)}
        for item, yuan in _derived(of_year, year):
            true.setdefault((village, year, item), [yuan])
    right: set[Key] = set()
    wrong = []
    for key, yuan in booked:
        if any(abs(yuan - one) <= _CENT for one in true.get(key, ())):
            right.add(key)
        else:
            wrong.append((key, yuan))
    return right, wrong


def _derived(accounts: dict[str, float], year: int) -> Iterator[tuple[str, float]]:
    """Yield the measures that follow from the accounts of a village and year."""
    if year >= _NEW_SYSTEM and "发包及上交收入" not in accounts:
        accounts = {**accounts, "发包及上交收入": 0.0}
    sums = {
        "经营性收入": ("经营收入", "发包及上交收入", "投资收益"),
        "总收入": ("经营性收入", "补助收入", "其他收入"),
        "经营收益": ("经营性收入", "-经营支出", "-管理费用"),
        "本年收益": ("经营收益", "补助收入", "其他收入", "-其他支出"),
    }
    known = dict(accounts)
    for item, parts in sums.items():
        if all(part.lstrip("-") in known for part in parts):
            signed = (known[p.lstrip("-")] * (-1 if p[0] == "-" else 1) for p in parts)
            known.setdefault(item, sum(signed))
            yield item, known[item]


def _named(book: Book, amount: Amount, issues: pd.DataFrame) -> str:
    """Tell whether an amount that is not booked is named by an issue, and how."""
    ends = {"error": "asked", "warning": "asked", "note": "noted"}
    found = {
        ends[issue.severity]
        for issue in issues[issues["file"] == amount.file].itertuples()
        if _covers(book, issue.cell, amount, is_note=issue.severity == "note")
    }
    return next((end for end in ENDS if end in found), "lost")


def _covers(book: Book, said: str, amount: Amount, *, is_note: bool) -> bool:
    if not said:
        return not is_note  # of the whole file
    sheet, _, addresses = said.rpartition("!")
    if sheet.strip() != amount.sheet.strip():
        return False
    page = next(s for s in book.sheets if (s.file, s.name) == (amount.file, amount.sheet))
    amounts = {one.cell for one in page.truth} | set(page.numbers())
    row, column = coordinate_to_tuple(amount.cell)
    return any(
        address in amount.cells
        or (":" in address and _reaches(address, row, column))
        or (address.isalnum() and not address.isalpha() and address not in amounts
            and _stands_over(page.rows, coordinate_to_tuple(address), (row, column)))
        for address in addresses.split(", ")
    )  # fmt: skip


def _reaches(area: str, row: int, column: int) -> bool:
    """Whether an area holds a cell, or is a head over it or a label beside it."""
    left, top, right, bottom = range_boundaries(area)
    in_rows = None not in {top, bottom} and top <= row <= bottom
    return in_rows or (None not in {left, right} and left <= column <= right)


def _stands_over(
    rows: Sequence[Sequence[object]], label: tuple[int, int], cell: tuple[int, int]
) -> bool:
    """Whether a label is left of a cell in its line, or above it, merged over blanks beside it."""
    (top, left), (row, column) = label, cell
    if top == row:
        return left < column
    line = rows[top - 1][left:column] if top <= len(rows) else ()
    return top < row and left <= column and not any(text is not None for text in line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the score of all books, or of those named."""
    parser = argparse.ArgumentParser(prog="python -m tests.clean.foreign.score")
    parser.add_argument("names", nargs="*", metavar="BOOK")
    parser.add_argument("--books", type=Path, default=HERE / "books", help="folder of books")
    parser.add_argument("--details", action="store_true", help="name what is wrong or left out")
    options = parser.parse_args(arguments)
    books = [b for b in read_books(options.books) if not options.names or b.name in options.names]
    with tempfile.TemporaryDirectory() as place:
        scores = [score(book, Path(place)) for book in books]
    answer("\n".join(table(scores)))
    for one in scores if options.details else ():
        answer("\n".join(_details(one)))


def table(scores: Sequence[Score]) -> list[str]:
    """Return the score as lines: as it came | questions, cells to correct | answered."""
    ends = ("right", "wrong", *ENDS[1:])
    head = " ".join(f"{end:>5}" for end in ends)
    lines = [f"{'book':<28}{'true':>5} |{head} |quest cells |{head}"]
    counts = [
        [len(s.book.amounts("truth")), *(s.first.count(end) for end in ends), s.questions, s.cells,
         *(s.answered.count(end) for end in ends)]
        for s in scores
    ]  # fmt: skip
    totals = [sum(column) for column in zip(*counts, strict=True)]
    names = [*(s.book.name for s in scores), f"{len(scores)} books"]
    for name, numbers in zip(names, [*counts, totals], strict=True):
        n = [f"{number:>5}" for number in numbers]
        parts = (" ".join(n[1:6]), " ".join(n[6:8]), " ".join(n[8:]))
        lines.append(f"{name:<28}{n[0]} |{' |'.join(parts)}")
    share = totals[8] / totals[0] if totals[0] else 0.0
    asked = median(s.questions for s in scores)
    return [*lines, f"right with answers: {share:.1%}; questions a book: median {asked:g}"]


def _details(one: Score) -> Iterator[str]:
    yield f"\n{one.book.name} ({one.book.form}): {one.book.about}"
    for name, reading in (("as it came", one.first), ("answered", one.answered)):
        yield from (f"  {name}, wrong: {text}" for text in reading.wrong)
        for amount, end in reading.ends.items():
            if end != "right":
                where = f"{amount.file} {amount.sheet}!{amount.cell}"
                yield f"  {name}, {end}: {where} {' '.join(map(str, _key(amount)))}"
    yield from (f"  | {line}" for line in one.said.splitlines())


if __name__ == "__main__":
    main()
