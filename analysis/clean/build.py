"""Build ``data/processed/<dataset>`` from ``data/raw``: all of it, or none."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean.authors import own_work
from analysis.clean.sources import Card, read_cards, read_toml, verify
from analysis.errors import LianjianError
from analysis.fields import KINDS
from analysis.files import open_to_readers, staged_folder, to_json

PUBLISHED = paths.PUBLISHED

BOOKS = "books"
"""The ``form`` of a dataset that is read from workbooks as received."""

BY_HAND = ("crosswalk.csv", "corrections.csv")
"""Files that a person writes beside the books; they have no card, because they change."""


@dataclass(frozen=True)
class Built:
    """What a build did.

    Attributes
    ----------
    name, kind, version : str
        Dataset, its kind, and the first 12 hex digits of the hash of what it was made from.
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
    """

    name: str
    kind: str
    version: str
    rows: dict[str, int] = field(default_factory=dict)
    issues: int = 0
    fresh: bool = True
    errors: int = 0
    refused: tuple[str, ...] = ()
    score: dict[str, Any] = field(default_factory=dict)


def datasets() -> tuple[str, ...]:
    """Return the names of the datasets that data/raw holds, the published figures first."""
    folders = sorted(p.parent.name for p in paths.raw().glob("[!.]*/dataset.toml"))
    return (PUBLISHED, *folders)


def must_exist(name: str) -> None:
    """Raise unless there is a dataset of a name."""
    card_file = paths.card_file(name)
    if name != PUBLISHED and not card_file.is_file():
        raise LianjianError(
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
    """
    must_exist(name)
    folder, card_file = paths.raw_dataset(name), paths.card_file(name)
    head = read_toml(card_file)
    cards = read_cards(card_file)
    verify(folder, cards)
    is_books = head.get("form") == BOOKS
    by_hand = [folder / file for file in BY_HAND] if is_books else []
    version = _version(cards, head, by_hand)
    target = paths.processed_dataset(name)
    manifest_file = target / "manifest.json"
    if manifest_file.is_file():
        seen = json.loads(manifest_file.read_text(encoding="utf-8"))
        if seen.get("version") == version:
            return _built(seen, fresh=False)

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
    rows = {table: len(frame) for table, frame in tables.items()}
    errors = int((tables["issues"]["severity"] == "error").sum()) if "issues" in tables else 0
    manifest = {
        "name": name,
        "kind": kind,
        "title": head.get("title", name),
        "description": head.get("description", ""),
        "version": version,
        "sources": [card.as_source() for card in cards],
        "parameters": head.get("parameters", {}),
        "realised": head.get("realised", {}),
        "rows": rows,
        "issues": len(tables.get("issues", ())),
        "errors": errors,
        **({"work": work} if work else {}),
        **extra,
    }
    with staged_folder(target, "manifest.json") as staging:
        open_to_readers(staging)
        for table, frame in tables.items():
            panel.write_table(
                frame, staging / table, {"name": name, "kind": kind, "version": version}
            )
        for file, frame in to_fill.items():
            if len(frame):
                write_csv(frame, staging / f"{file}.csv")
        if "issues" in tables:
            page = issues_page(tables["issues"], manifest)
            (staging / "issues.html").write_text(page, encoding="utf-8", newline="\n")
        (staging / "manifest.json").write_text(to_json(manifest), encoding="utf-8", newline="\n")
    return _built(manifest, fresh=True)


def _built(manifest: dict[str, Any], *, fresh: bool) -> Built:
    return Built(
        name=manifest["name"],
        kind=manifest["kind"],
        version=manifest["version"],
        rows=manifest["rows"],
        issues=manifest["issues"],
        fresh=fresh,
        errors=manifest["errors"],
        refused=tuple(manifest.get("refused", ())),
        score=manifest.get("score", {}),
    )


def _kind(head: dict[str, Any], card_file: Path) -> str:
    kind = head.get("kind")
    if kind not in KINDS[1:]:
        raise LianjianError(f"{card_file}: kind is {kind!r}, expected one of {KINDS[1:]}.")
    return str(kind)


def _version(cards: tuple[Card, ...], head: dict[str, Any], by_hand: list[Path]) -> str:
    """Hash what the tables are made from: the raw bytes, the card, and the code that reads them."""
    digest = hashlib.sha256()
    for card in cards:
        digest.update(f"{card.file} {card.sha256}\n".encode())
    digest.update(to_json(head).encode())
    for path in by_hand:
        digest.update(path.read_bytes() if path.is_file() else b"")
    code = Path(__file__).parent
    for module in sorted([*code.rglob("*.py"), *code.rglob("*.j2"), code.parent / "fields.py"]):
        digest.update(module.name.encode() + module.read_bytes())
    return digest.hexdigest()[:12]
