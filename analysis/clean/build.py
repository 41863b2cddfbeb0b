"""Build ``data/processed/<dataset>`` from ``data/raw``: all of it, or none."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.clean import decisions, manifest, sources
from analysis.clean.authors import own_work
from analysis.clean.simulated import is_drawn, is_outdated, must_be_invented
from analysis.clean.sources import Card, read_cards, read_toml, sha256, verify
from analysis.clean.words import own_hash
from analysis.errors import DataError, LianjianError, did_you_mean
from analysis.fields import KINDS
from analysis.files import (
    carry_over,
    keep_private,
    locked,
    open_to_readers,
    shield,
    staged_folder,
    to_json,
    write_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from analysis.clean import panel
    from analysis.clean.ledger.assemble import Books

PUBLISHED = paths.PUBLISHED
datasets = paths.datasets

BOOKS = "books"
"""The ``form`` of a dataset that is read from workbooks as received."""

_DIGITS = 12


@dataclass(frozen=True)
class Built:
    """What a build did."""

    # dataset, its kind, and the first 12 hex digits of the hash of the tables, the raw bytes and
    # the answers
    name: str
    kind: str
    version: str
    code: str = ""  # first 12 hex digits of the hash of the code that built it
    rows: dict[str, int] = field(default_factory=dict)  # rows of each table
    issues: int = 0  # number of recorded issues
    fresh: bool = True  # false when nothing had changed and nothing was done
    errors: int = 0  # of these, amounts or files that were left out
    # files of the dataset that were not read, and are missing from its tables
    refused: tuple[str, ...] = ()
    # what was read right, where the truth is known: see `books.score.Score`
    score: dict[str, Any] = field(default_factory=dict)
    # what was missing or changed of an earlier build, and was made again
    mended: tuple[str, ...] = ()
    taken_over: tuple[str, ...] = ()  # what a person filled in, and was brought to its place
    # columns, lines and tables of books that were left out, each with the reason
    left_out: tuple[str, ...] = ()


def must_exist(name: str) -> None:
    """Raise unless there is a dataset of a name."""
    card_file = paths.card_file(name)
    if name != PUBLISHED and not card_file.is_file():
        dataset_names, near = ", ".join(datasets()), did_you_mean(name, datasets())
        raise DataError(
            f"There is no dataset {name!r}: {card_file} is missing.{near} "
            f"Datasets here: {dataset_names}. `lianjian new {name} books/*` adds "
            "your own; `lianjian simulate` makes the simulated one."
        )


def build(name: str) -> Built:
    """Build one dataset.

    A book that is refused stops no other: the rest is published, the file is an error among the
    issues, and ``refused`` names it, so that the command does not end well.

    The version is the hash of the tables, the raw bytes and the answers. Whether there is anything
    to do is another question: it hangs on the code as well. A change of code that changes no table
    leaves every file as it is.
    """
    must_exist(name)
    with locked(paths.processed(), name):
        return _build(name)


@dataclass(frozen=True)
class _Source:
    """What a dataset is made from: files with their cards, and what a person decided."""

    name: str
    folder: Path
    head: dict[str, Any]
    cards: tuple[Card, ...]
    answers: dict[str, Any]
    decided: dict[str, Path]
    taken_over: tuple[str, ...]

    @property
    def is_books(self) -> bool:
        return self.head.get("form") == BOOKS

    @property
    def is_drawn(self) -> bool:
        return is_drawn(self.head, self.cards)

    @property
    def kind(self) -> str:
        if self.name == PUBLISHED:
            return PUBLISHED
        kind = self.head.get("kind")
        if kind not in KINDS[1:]:
            where = paths.card_file(self.name)
            raise LianjianError(f"{where}: kind is {kind!r}, expected one of {KINDS[1:]}.")
        return str(kind)

    @property
    def hashes(self) -> dict[str, Any]:
        """Of raw files and of what a person decided, of own words among it."""
        return {
            "raw": {card.file: card.sha256 for card in self.cards},
            "answers": [e for e in self.answers.get("answer", []) if e.get("answer")],
            "decided": {kind: sha256(path) for kind, path in self.decided.items()},
            **({"words": said} if self.is_books and (said := own_hash()) else {}),
        }


def _source(name: str) -> _Source:
    folder, card_file = paths.raw_dataset(name), paths.card_file(name)
    head, cards = read_toml(card_file), read_cards(card_file)
    if is_outdated(head, cards):
        raise DataError(
            f"{folder} was written by an earlier version of the simulation. Run `lianjian simulate "
            f"{name}` (with its parameters, if it had any), then build."
        )
    verify(folder, cards)
    if head.get("form") != BOOKS:
        return _Source(name, folder, head, cards, {}, {}, ())
    received = {card.file: folder / card.file for card in cards}
    # nobody decides about drawn books: what an earlier version left to fill in was drawn as well
    taken_over = () if is_drawn(head, cards) else _taken_over(name)
    decided = {}
    for kind in (decisions.CROSSWALK, decisions.CORRECTIONS):
        own = paths.decisions(name) / kind
        path = own if own.is_file() else received.get(kind)
        if path is not None:
            decided[kind] = path
    answers = decisions.answers(name)
    return _Source(name, folder, read_toml(card_file), cards, answers, decided, taken_over)


def _taken_over(name: str) -> tuple[str, ...]:
    """Bring what a person filled in to its place, answers in the spreadsheet among it."""
    said = decisions.take_over(name)
    if not (paths.decisions(name) / decisions.QUESTIONS).is_file():
        return said
    from analysis.clean.ledger import spreadsheet  # noqa: PLC0415

    return (*said, *spreadsheet.take_over(name))


def _build(name: str) -> Built:
    source = _source(name)
    _guard(source)
    code = code_id()
    key = _hash({"code": code, "hashes": source.hashes, "head": source.head})
    seen, faults = _built_before(name)
    record = paths.processed() / f".{name}.built.json"
    note = {"code": code, "key": key}
    if seen and not faults and _noted(record) == {**note, "made": _hash(seen)}:
        return _built(seen, code, fresh=False, taken_over=source.taken_over)

    # from here on there is work for pandas
    from analysis.clean import panel  # noqa: PLC0415
    from analysis.clean.ledger import changes, trace  # noqa: PLC0415

    to_fill: dict[str, Any] = {}
    books: Books | None = None
    if source.is_books:
        files = [card.file for card in source.cards]
        made = panel.book_tables(source.folder, files, source.answers, source.decided)
        tables, extra, to_fill, books = made
    else:
        make = panel.published_tables if name == PUBLISHED else panel.ledger_tables
        tables, extra = make(source.folder)
    if source.kind == "simulated" and not source.is_drawn:
        must_be_invented(tables["villages"], f"Dataset {name}")
    for file, expected in seen.get("files", {}).items():
        path = paths.processed_dataset(name) / Path(file).name
        if path.suffix != ".parquet" and path.is_file() and sha256(path) != expected:
            decisions.keep(name, path)  # somebody wrote into it
    made_of_ours = {*seen.get("files", ()), manifest.FILE}
    if books is not None and not source.is_drawn:
        changes.remember(name, trace.traced(books.cells))
    content = _write(source, tables, extra, made_of_ours, books)
    if source.is_books and not source.is_drawn:
        decisions.ask(name, {kind: _rows(frame) for kind, frame in to_fill.items()})
        _ask_further(name, books)
    if source.kind == "ledger":
        keep_private(paths.decisions(name))  # with what was written meanwhile
    write_text(record, to_json({**note, "made": _hash(content)}))
    return _built(content, code, fresh=True, mended=faults, taken_over=source.taken_over)


def _ask_further(name: str, books: "Books | None") -> None:
    """Write what only the answers made askable below the others in ``answers.toml``."""
    from analysis.clean.ledger import spreadsheet  # noqa: PLC0415
    from analysis.clean.ledger.describe import describe  # noqa: PLC0415

    if books is not None:
        text, new = describe(books.shelf, decisions.answers_text(name))
        if new:
            decisions.write_answers(name, text)
        spreadsheet.ask(name, books.shelf)


def _guard(source: _Source) -> None:
    """Keep received books from other eyes and from ``git clean``, whoever put them there."""
    if source.name == PUBLISHED or source.is_drawn:
        return  # in the repository, or made again
    shield(source.folder)
    if source.kind == "ledger":
        keep_private(source.folder)
        keep_private(paths.decisions(source.name))


def _write(
    source: _Source,
    tables: "panel.Tables",
    extra: dict[str, Any],
    before: Collection[str],
    books: "Books | None",
) -> dict[str, Any]:
    """Write tables, cells of books and the manifest, all or nothing; return the manifest."""
    # ``before`` names what an earlier build made; the rest of the folder is somebody's, and stays
    from analysis.clean import panel  # noqa: PLC0415
    from analysis.clean.ledger import trace  # noqa: PLC0415
    from analysis.clean.ledger.page import issues_pages  # noqa: PLC0415

    name, kind, head = source.name, source.kind, source.head
    work = own_work(head, paths.card_file(name).name)
    contents = {table: manifest.content_hash(frame) for table, frame in tables.items()}
    version = _hash({"tables": contents, **source.hashes})[:_DIGITS]
    made = {
        "name": name,
        "kind": kind,
        "title": head.get("title", name),
        "description": head.get("description", ""),
        "version": version,
        "sources": [card.as_source() for card in source.cards],
        "parameters": head.get("parameters", {}),
        "realised": head.get("realised", {}),
        "rows": {table: len(frame) for table, frame in tables.items()},
        "issues": len(tables.get("issues", ())),
        "errors": int((tables["issues"]["severity"] == "error").sum()) if "issues" in tables else 0,
        **({"work": work} if work else {}),
        **extra,
    }
    target = paths.processed_dataset(name)
    with staged_folder(target, manifest.FILE) as staging:
        provenance = {"name": name, "kind": kind, "version": version}
        for table, frame in tables.items():
            panel.write_table(frame, staging / table, provenance)
        if books is not None:
            panel.write_table(trace.traced(books.cells), staging / trace.FILE, provenance)
        if "issues" in tables:
            for file, page in issues_pages(tables["issues"], made, books):
                write_text(staging / file, page)
        made["files"] = {path.name: sha256(path) for path in sorted(staging.iterdir())}
        made["tables"] = {
            table: {"content": digest, "sha256": made["files"][f"{table}.parquet"]}
            for table, digest in contents.items()
        }
        write_text(staging / manifest.FILE, to_json(made))
        carry_over(target, staging, before)
        (keep_private if kind == "ledger" else open_to_readers)(staging)
    return made


def _built_before(name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what was built before, empty where that is nothing, and what is wrong with it."""
    if not (paths.processed_dataset(name) / manifest.FILE).is_file():
        return {}, ()
    try:
        seen = manifest.read(name)
    except DataError as error:
        return {}, (str(error).partition(" Run ")[0].rstrip("."),)
    return seen, tuple(manifest.changed_files(name, seen))


def mismatches(name: str) -> tuple[str, ...]:
    """Return a sentence for each file of a dataset that is not as its card or manifest says."""
    must_exist(name)
    try:
        cards = read_cards(paths.card_file(name))
    except LianjianError as error:
        return (str(error),)
    found = list(sources.faults(paths.raw_dataset(name), cards))
    if not manifest.is_built(name):
        return tuple(found)
    try:
        seen = manifest.read(name)
    except DataError as error:
        return (*found, str(error))
    found += [f"{fault}." for fault in manifest.changed_files(name, seen)]
    built_from = {str(item["file"]): str(item["sha256"]) for item in seen["sources"]}
    if built_from != {card.file: card.sha256 for card in cards}:
        found.append(
            f"{paths.processed_dataset(name)} was built from other files than the cards of "
            f"{paths.card_file(name)} describe now. Run `lianjian build {name}`."
        )
    return tuple(found)


def _built(
    seen: dict[str, Any],
    code: str,
    *,
    fresh: bool,
    mended: tuple[str, ...] = (),
    taken_over: tuple[str, ...] = (),
) -> Built:
    same = {key: seen[key] for key in ("name", "kind", "version", "rows", "issues", "errors")}
    lists = {key: tuple(map(str, seen.get(key, ()))) for key in ("refused", "left_out")}
    more: dict[str, Any] = {"score": seen.get("score", {}), **same, **lists}
    return Built(code=code, fresh=fresh, mended=mended, taken_over=taken_over, **more)


def _rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the lines of a table for a person, with nothing that a spreadsheet would run."""
    from analysis.clean.tables import guarded  # noqa: PLC0415

    return frame.fillna("").astype("str").map(guarded).to_dict("records")  # type: ignore[return-value]


def _hash(content: object) -> str:
    return hashlib.sha256(to_json(content).encode()).hexdigest()


def _noted(record: Path) -> Any:  # noqa: ANN401  (JSON can be anything)
    try:
        return json.loads(record.read_bytes())
    except (OSError, ValueError):
        return None


@cache
def code_id() -> str:
    """Return the first hex digits of the hash of the code that makes tables of raw files."""
    digest = hashlib.sha256()
    code = Path(__file__).parent
    kinds = (".py", ".j2", ".toml")
    modules = sorted(path for path in code.rglob("*") if path.suffix in kinds)
    for module in (*modules, code.parent / "fields.py"):
        digest.update(module.relative_to(code.parent).as_posix().encode() + module.read_bytes())
    return digest.hexdigest()[:_DIGITS]
