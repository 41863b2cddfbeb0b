"""Take a researcher's own books in: copy them, unchanged, beside a card."""

import hashlib
import os
import re
import shutil
import tempfile
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from analysis import paths
from analysis.clean import decisions
from analysis.clean.build import BOOKS, must_exist
from analysis.clean.ledger import spreadsheet
from analysis.clean.ledger.answers import read_answers
from analysis.clean.ledger.assemble import OWN_FILES
from analysis.clean.ledger.collect import Shelf, collect
from analysis.clean.ledger.describe import describe, quoted
from analysis.clean.panel import register_file
from analysis.clean.personal import shape_of
from analysis.clean.places import Register
from analysis.clean.simulated import is_drawn, must_be_invented
from analysis.clean.sources import count_rows, read_cards, read_toml, sha256, toml_text, verify
from analysis.clean.tables import parse, read_text
from analysis.errors import LianjianError
from analysis.files import (
    keep_private,
    locked,
    open_to_readers,
    shield,
    staged_folder,
    told_when_full,
    write_text,
)
from analysis.terminal import visible

_TIDY_STARTS = (b"village_id,", b"\xef\xbb\xbfvillage_id,")
_TIDY = ("villages.csv", "accounts.csv")
_TABLES = {"villages.csv": "villages", "accounts.csv": "income", "register.csv": "register"}
_CARD = "dataset.toml"
_HISTORY = "history"
_LONGEST = 180  # bytes of a file name; systems allow 255, and history adds a date
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')  # Windows makes no files of these
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class TakenIn:
    """What was taken in."""

    folder: Path  # the dataset's folder
    files: int  # books copied, tables found in them, and questions that wait in ``answers.toml``
    tables: int = 0
    questions: int = 0
    # why files could not be read, one sentence a file; they are copied all the same
    refused: tuple[str, ...] = ()
    # files that lie under another name than they came with, one sentence a file
    renamed: tuple[str, ...] = ()
    answers: Path = Path()  # where the questions wait


def take_in(
    name: str,
    files: Sequence[Path],
    *,
    villages: Path | None = None,
    register: Path | None = None,
    title: str = "",
    is_simulated: bool = False,
) -> TakenIn:
    """Copy books into ``data/raw/<name>`` and write down what was understood of them."""
    folder = paths.dataset_folder(name)
    kind = "simulated" if is_simulated else "ledger"
    head = [
        f"kind = {quoted(kind)}",
        f"title = {quoted(title or name)}",
        "# who signs the pages on these data, and when:",
        '# authors = ["Family, Given"]',
        '# date = "2026"',
        "# who else may have these files; without a line here they are not shared:",
        '# share = "never", "on-request", or "open" with, for example, spdx = "CC-BY-4.0"',
    ]
    with locked(paths.processed(), name):
        if folder.exists():
            raise LianjianError(
                f"{folder} exists already, and raw files are never overwritten. `lianjian add "
                f"{name} FILE` takes further books into it, `lianjian update {name} FILE` a "
                "corrected edition of one; for other data choose another name."
            )
        own = {f"{table}.csv": path for table, path in
               (("villages", villages), ("register", register)) if path}  # fmt: skip
        for path in [*files, *own.values()]:
            _must_be_readable(path)
        books = files
        if len(files) == len(_TIDY) and any(map(_is_tidy, files)):
            own, books = dict(zip(_TIDY, files, strict=True)), ()
        frames = {file: _parsed(path, file) for file, path in own.items()}
        if is_simulated:
            if books and "register.csv" not in frames:
                raise LianjianError(
                    "Books that are called simulated need a register of their invented villages "
                    "(--register): without it they are looked up among the real ones."
                )
            for file in frames.keys() - {"accounts.csv"}:
                must_be_invented(frames[file], str(own[file]))
        names = safe_names(books)
        taken = TakenIn(folder, len(files))
        with staged_folder(folder) as staging:
            if books:
                text, places = decisions.answers_text(name), own.get("register.csv", Path())
                understood = _understood(names, staging, kind, text, places)
                head += [f'form = "{BOOKS}"', *understood.cards]
            for file, path in own.items():
                shutil.copyfile(path, staging / file)
                head += _card(path, staging / file, kind, count_rows(staging / file))
            write_text(staging / _CARD, "\n".join(head) + "\n")
            verify(staging, read_cards(staging / _CARD))
            (open_to_readers if is_simulated else keep_private)(staging)
            shield(staging)
        if books:
            taken = understood.taken(folder, names)
            spreadsheet.ask(name, understood.shelf)
        return taken


def _must_be_readable(path: Path) -> None:
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        raise LianjianError(
            f"{path} is a link that leaves its folder, to {path.resolve()}. Name the file itself."
        )
    if not path.is_file():
        raise LianjianError(f"{path} is missing, or is no file.")


def _is_tidy(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_TIDY_STARTS[1])).startswith(_TIDY_STARTS)


def _parsed(path: Path, file: str) -> pd.DataFrame:
    """Return a table that is no book, by the name of its file in a dataset's folder."""
    table = _TABLES[file]
    return parse(read_text(path, table), table, path)


@dataclass(frozen=True)
class _Understood:
    """What was understood of some books: their cards, and the answers with what they leave open."""

    shelf: Shelf
    cards: list[str]
    text: str
    questions: int

    def taken(self, folder: Path, names: dict[Path, str], said: tuple[str, ...] = ()) -> TakenIn:
        """Write the answers, and say what was taken in."""
        answers = decisions.write_answers(folder.name, self.text)
        tables, refused = len(self.shelf.tables), _refused(self.shelf)
        renamed = said or _renamed(names)
        return TakenIn(folder, len(names), tables, self.questions, refused, renamed, answers)


def _understood(
    names: dict[Path, str], place: Path, kind: str, text: str, register: Path
) -> _Understood:
    """Copy books under their names, and return what was understood of them."""
    for path, file in names.items():
        shutil.copyfile(path, place / file)
    copies = (place / file for file in names.values())
    known = register_file(register)
    places = Register(_parsed(known, "register.csv")) if known.is_file() else None
    shelf = collect(copies, read_answers(tomllib.loads(text)), places)
    if not shelf.tables:
        raise LianjianError(
            "No table was found in the files, and nothing was taken in."
            + "".join(f"\n  {reason}" for reason in _refused(shelf))
        )
    cards: list[str] = []
    for path, file in sorted(names.items(), key=lambda item: item[1]):
        rows = sum(t.grid.height - len(t.dropped) for t in shelf.tables if t.file == file)
        is_csv = file.endswith(".csv")
        cards += _card(path, place / file, kind, count_rows(place / file) if is_csv else rows)
    return _Understood(shelf, cards, *describe(shelf, text))


def _refused(shelf: Shelf) -> tuple[str, ...]:
    return tuple(f"{i.file} is {i.action}" for i in shelf.issues if i.code == "file_refused")


def _renamed(names: dict[Path, str]) -> tuple[str, ...]:
    return tuple(
        f"a file whose name speaks of a person lies under the name {name}"
        if shape_of(Path(_received(path)).stem)
        else f"{visible(_received(path))} lies under the name {name}"
        for path, name in names.items()
        if path.name != name
    )


def add(name: str, files: Sequence[Path]) -> TakenIn:
    """Take further books into a dataset: what was answered stays, only what is new is asked."""
    must_exist(name)
    folder = paths.dataset_folder(name)
    with locked(paths.processed(), name), told_when_full(folder):
        head = read_toml(folder / _CARD)
        cards = read_cards(folder / _CARD)
        if head.get("form") != BOOKS:
            raise LianjianError(
                f"{name} is a tidy ledger of two files. `lianjian update {name} accounts.csv` "
                "takes in a new edition of one."
            )
        if is_drawn(head, cards):
            raise LianjianError(f"{name} was written by `lianjian simulate`; it takes no books.")
        decisions.take_over(name)
        for path in files:
            _must_be_readable(path)
        taken = {_alike(card.file) for card in cards}
        names = safe_names(files)
        for file in names.values():
            if _alike(file) in taken:
                raise LianjianError(
                    f"{name} has a file {file} already. `lianjian update {name} {file}` takes in a "
                    "corrected edition of it; another book needs another name."
                )
        with tempfile.TemporaryDirectory(prefix=".add.", dir=folder) as place:
            text = decisions.answers_text(name)
            understood = _understood(
                names, Path(place), str(head["kind"]), text, folder / "register.csv"
            )
            lines = [toml_text(folder / _CARD).rstrip("\n"), *understood.cards]
            for file in names.values():
                os.replace(Path(place) / file, folder / file)  # noqa: PTH105
        _put_card(name, "\n".join(lines) + "\n", head)
        return understood.taken(folder, names)


def update(name: str, path: Path, replaces: str = "") -> TakenIn:
    """Take a corrected edition of a file in; the former one is kept, and so are the answers."""
    must_exist(name)
    folder = paths.dataset_folder(name)
    _must_be_readable(path)
    with locked(paths.processed(), name), told_when_full(folder):
        head, cards = read_toml(folder / _CARD), read_cards(folder / _CARD)
        if is_drawn(head, cards):
            raise LianjianError(f"{name} was written by `lianjian simulate`: simulate it again.")
        wanted = _alike(replaces or next(iter(safe_names([path]).values())))
        card = next((card for card in cards if _alike(card.file) == wanted), None)
        if card is None:
            raise LianjianError(
                f"{name} has no file {visible(replaces or path.name)}; it has "
                f"{', '.join(card.file for card in cards)}. Say which one it replaces: `lianjian "
                f"update {name} FILE --replaces NAME`; `lianjian add` takes in a further book."
            )
        verify(folder, cards)
        if sha256(path) == card.sha256:
            raise LianjianError(f"{path} is the edition of {card.file} that {name} has already.")
        is_books, kind = head.get("form") == BOOKS, str(head["kind"])
        if is_books:
            decisions.take_over(name)
        understood = None
        with tempfile.TemporaryDirectory(prefix=".update.", dir=folder) as place:
            fresh = Path(place) / card.file
            if is_books and card.file not in OWN_FILES:
                text, names = decisions.answers_text(name), {path: card.file}
                understood = _understood(names, Path(place), kind, text, folder / "register.csv")
                lines = understood.cards
            else:
                shutil.copyfile(path, fresh)
                frame = _parsed(fresh, card.file)
                if kind == "simulated" and card.file != "accounts.csv":
                    must_be_invented(frame, str(path))
                lines = _card(path, fresh, kind, count_rows(fresh))
            new = tomllib.loads("\n".join(lines))["source"][0]
            (folder / _HISTORY).mkdir(mode=0o700, exist_ok=True)
            when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            former = folder / _HISTORY / f"{when}.{card.file}"
            shutil.copyfile(folder / card.file, former)
            values = {"sha256": quoted(new["sha256"]), "bytes": new["bytes"], "rows": new["rows"]}
            card_text = _renewed(toml_text(folder / _CARD), card.file, values)
            os.replace(fresh, folder / card.file)  # noqa: PTH105
        _put_card(name, card_text, head)
        kept = (f"the former edition of {card.file} is kept as {former}",)
        if understood is not None:
            return understood.taken(folder, {path: card.file}, kept)
        answers = paths.decisions(name) / decisions.ANSWERS
        return TakenIn(folder, 1, renamed=kept, answers=answers)


def _put_card(name: str, text: str, head: dict[str, object]) -> None:
    folder = paths.dataset_folder(name)
    decisions.keep(name, folder / _CARD)
    write_text(folder / _CARD, text)
    verify(folder, read_cards(folder / _CARD))
    if head["kind"] == "ledger":
        keep_private(folder)
    shield(folder)


def _renewed(text: str, file: str, values: dict[str, object]) -> str:
    """Return the text of cards with new values in the card of one file."""
    lines, is_its = [], False
    for header, part in decisions.sections(text):
        if header == "source":
            is_its = tomllib.loads(part)["source"][0]["file"] == file
        for line in part.splitlines(keepends=True):
            key = line.partition("=")[0].strip()
            is_new = header == "source" and is_its and key in values
            lines.append(f"{key} = {values[key]}\n" if is_new else line)
    return "".join(lines)


def safe_names(files: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each file that every system can make, read and tell from the others."""
    names = [path.name for path in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LianjianError(
            f"Two files are called {visible(twice[0])!r}. Give each a name of its own."
        )
    found: dict[Path, str] = {}
    taken: set[str] = set()
    for path in files:
        wanted = _anonymous(_safe(_received(path)))
        stem, suffix = Path(wanted).stem, Path(wanted).suffix
        name, number = wanted, 1
        while _alike(name) in taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        if name in OWN_FILES or _alike(name) in {_HISTORY, ".git"}:
            raise LianjianError(
                f"A book cannot be called {name!r}: the dataset's folder keeps that name for "
                "itself. Rename the file; the study's village table comes with --villages."
            )
        taken.add(_alike(name))
        found[path] = name
    return found


def _anonymous(name: str) -> str:
    """Return a file's name, or one that says nothing where it speaks of a person."""
    if not shape_of(Path(name).stem):
        return name
    return f"book-{hashlib.sha256(name.encode()).hexdigest()[:6]}{Path(name).suffix}"


def _received(path: Path) -> str:
    """Return a file's name as its sender wrote it."""
    raw = os.fsencode(path.name)
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def _safe(text: str) -> str:
    """Return a file name without what is not seen, not allowed or too long."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    seen = "".join(
        sign for sign in spaced if unicodedata.category(sign) not in {"Cc", "Cf", "Co", "Cs", "Cn"}
    )
    name = _NOT_IN_NAMES.sub("_", seen).strip(" ").rstrip(".")
    if not name or name.startswith(".") or _DEVICE.match(name):
        name = f"_{name}"
    stem, suffix = Path(name).stem, Path(name).suffix
    while len(f"{stem}{suffix}".encode()) > _LONGEST:
        stem = stem[:-1]
    return f"{stem}{suffix}"


def _alike(name: str) -> str:
    """Return what two names have in common that some system takes for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def _card(received: Path, copy: Path, kind: str, rows: int) -> list[str]:
    """Return the card of a file that was copied."""
    title = visible(_received(received))
    return [
        "",
        "[[source]]",
        f"file = {quoted(copy.name)}",
        f"title = {quoted(copy.name if shape_of(title) else title)}",
        'producer = "not stated"  # who kept or sent the book',
        'licence = "not stated"  # in words; share decides',
        'rights = "not stated"',
        f"sha256 = {quoted(sha256(copy))}",
        f"bytes = {copy.stat().st_size}",
        f"rows = {rows}",
        f"kind = {quoted(kind)}",
    ]
