"""Build ``data/processed/<dataset>`` from ``data/raw``: all of it, or none."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean import manifest, sources
from analysis.clean.authors import own_work
from analysis.clean.sources import Card, read_cards, read_toml, sha256, verify
from analysis.errors import DataError, LianjianError
from analysis.fields import KINDS
from analysis.files import (
    keep_private,
    locked,
    open_to_readers,
    staged_folder,
    to_json,
    write_text,
)

PUBLISHED = paths.PUBLISHED

BOOKS = "books"
"""The ``form`` of a dataset that is read from workbooks as received."""

_DIGITS = 12

BY_HAND = ("crosswalk.csv", "corrections.csv")
"""Files that a person writes beside the books; they have no card, because they change."""


@dataclass(frozen=True)
class Built:
    """What a build did.

    Attributes
    ----------
    name, kind, version : str
        Dataset, its kind, and the first 12 hex digits of the hash of the tables, the raw bytes and
        the answers.
    code : str
        First 12 hex digits of the hash of the code that built it.
    rows : dict of str to int
        Rows of each table.
    issues : int
        Number of recorded issues.
    fresh : bool
        False when nothing had changed and nothing was done.
    errors : int
        Of these, amounts or files that were left out.
    refused : tuple of str
        Files of the dataset that were not read, and are missing from its tables.
    score : dict
        What was read right, where the truth is known: see `books.score.Score`.
    mended : tuple of str
        What was missing or changed of an earlier build, and was made again.
    """

    name: str
    kind: str
    version: str
    code: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    issues: int = 0
    fresh: bool = True
    errors: int = 0
    refused: tuple[str, ...] = ()
    score: dict[str, Any] = field(default_factory=dict)
    mended: tuple[str, ...] = ()


def datasets() -> tuple[str, ...]:
    """Return the names of the datasets that data/raw holds, the published figures first."""
    folders = sorted(p.parent.name for p in paths.raw().glob("[!.]*/dataset.toml"))
    return (PUBLISHED, *folders)


def must_exist(name: str) -> None:
    """Raise unless there is a dataset of a name."""
    card_file = paths.card_file(name)
    if name != PUBLISHED and not card_file.is_file():
        raise DataError(
            f"There is no dataset {name!r}: {card_file} is missing. Datasets here: "
            f"{', '.join(datasets())}. `lianjian new {name} books/*` adds "
            "your own; `lianjian simulate` makes the simulated one."
        )


def build(name: str) -> Built:
    """Build one dataset.

    Raises
    ------
    LianjianError
        There is no such dataset, a raw file is not what its card says, a correction has expired, a
        table breaks its rules, or no book could be read. Nothing is published then, and what was
        published before stays.

    Notes
    -----
    A book that is refused stops no other: the rest is published, the file is an error among the
    issues, and ``refused`` names it, so that the command does not end well.

    The version is the hash of the tables, the raw bytes and the answers. Whether there is anything
    to do is another question: it hangs on the code as well. A change of code that changes no table
    leaves every file as it is.
    """
    must_exist(name)
    with locked(paths.processed(), name):
        return _build(name)


def _build(name: str) -> Built:
    folder, card_file = paths.raw_dataset(name), paths.card_file(name)
    head = read_toml(card_file)
    cards = read_cards(card_file)
    verify(folder, cards)
    is_books = head.get("form") == BOOKS
    by_hand = [folder / file for file in BY_HAND] if is_books else []
    code = code_id()
    key = _hash({"code": code, "made from": _made_from(cards, by_hand), "head": head})
    seen, faults = _built_before(name)
    record = paths.processed() / f".{name}.built.json"
    if seen and not faults and _noted(record) == {"code": code, "key": key, "made": _hash(seen)}:
        return _built(seen, code, fresh=False)

    # from here on there is work to do, and pandas to import for it
    from analysis.clean import panel  # noqa: PLC0415
    from analysis.clean.books.page import issues_page  # noqa: PLC0415
    from analysis.clean.tables import write_csv  # noqa: PLC0415

    kind = PUBLISHED if name == PUBLISHED else _kind(head, card_file)
    work = own_work(head, card_file.name)
    to_fill: dict[str, Any] = {}
    if is_books:
        files = [card.file for card in cards]
        tables, extra, to_fill = panel.book_tables(folder, files, head)
    else:
        make = panel.published_tables if name == PUBLISHED else panel.ledger_tables
        tables, extra = make(folder)
    contents = {table: manifest.content_hash(frame) for table, frame in tables.items()}
    version = _hash({"tables": contents, **_made_from(cards, by_hand)})[:_DIGITS]
    made = {
        "name": name,
        "kind": kind,
        "title": head.get("title", name),
        "description": head.get("description", ""),
        "version": version,
        "sources": [card.as_source() for card in cards],
        "parameters": head.get("parameters", {}),
        "realised": head.get("realised", {}),
        "rows": {table: len(frame) for table, frame in tables.items()},
        "issues": len(tables.get("issues", ())),
        "errors": int((tables["issues"]["severity"] == "error").sum()) if "issues" in tables else 0,
        **({"work": work} if work else {}),
        **extra,
    }
    with staged_folder(paths.processed_dataset(name), manifest.FILE) as staging:
        for table, frame in tables.items():
            panel.write_table(
                frame, staging / table, {"name": name, "kind": kind, "version": version}
            )
        for file, frame in to_fill.items():
            if len(frame):
                write_csv(frame, staging / f"{file}.csv")
        if "issues" in tables:
            page = issues_page(tables["issues"], made)
            (staging / "issues.html").write_text(page, encoding="utf-8", newline="\n")
        made["files"] = {path.name: sha256(path) for path in sorted(staging.iterdir())}
        made["tables"] = {
            table: {"content": digest, "sha256": made["files"][f"{table}.parquet"]}
            for table, digest in contents.items()
        }
        write_text(staging / manifest.FILE, to_json(made))
        (keep_private if kind == "ledger" else open_to_readers)(staging)
    write_text(record, to_json({"code": code, "key": key, "made": _hash(made)}))
    return _built(made, code, fresh=True, mended=faults)


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
    """Return a sentence for each file of a dataset that is not what it should be.

    Raw files are held to their cards, what was built to its manifest, and the manifest to the
    cards: empty where all agree.

    Raises
    ------
    LianjianError
        There is no such dataset.
    """
    must_exist(name)
    try:
        cards = read_cards(paths.card_file(name))
    except LianjianError as error:
        return (str(error),)
    found = list(sources.faults(paths.raw_dataset(name), cards))
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


def _built(seen: dict[str, Any], code: str, *, fresh: bool, mended: tuple[str, ...] = ()) -> Built:
    return Built(
        name=seen["name"],
        kind=seen["kind"],
        version=seen["version"],
        code=code,
        rows=seen["rows"],
        issues=seen["issues"],
        fresh=fresh,
        errors=seen["errors"],
        refused=tuple(seen.get("refused", ())),
        score=seen.get("score", {}),
        mended=mended,
    )


def _kind(head: dict[str, Any], card_file: Path) -> str:
    kind = head.get("kind")
    if kind not in KINDS[1:]:
        raise LianjianError(f"{card_file}: kind is {kind!r}, expected one of {KINDS[1:]}.")
    return str(kind)


def _made_from(cards: tuple[Card, ...], by_hand: list[Path]) -> dict[str, Any]:
    """Return the hashes of raw files and of what a person decided."""
    return {
        "raw": {card.file: card.sha256 for card in cards},
        "answers": {path.name: sha256(path) for path in by_hand if path.is_file()},
    }


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
