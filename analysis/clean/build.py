"""Build ``data/processed/<dataset>`` from ``data/raw``: all of it, or none."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean.sources import Card, read_cards, read_toml, verify
from analysis.errors import LianjianError
from analysis.fields import KINDS
from analysis.files import staged_folder, to_json

PUBLISHED = "published"


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
    """

    name: str
    kind: str
    version: str
    rows: dict[str, int] = field(default_factory=dict)
    issues: int = 0
    fresh: bool = True


def datasets() -> tuple[str, ...]:
    """Return the names of the datasets that data/raw holds, the published figures first."""
    folders = sorted(p.parent.name for p in paths.raw().glob("[!.]*/dataset.toml"))
    return (PUBLISHED, *folders)


def build(name: str) -> Built:
    """Build one dataset.

    Raises
    ------
    LianjianError
        There is no such dataset, a raw file is not what its card says, a correction has expired, or
        a table breaks its rules.
    """
    if name == PUBLISHED:
        folder, card_file = paths.raw(), paths.raw() / "sources.toml"
    else:
        folder, card_file = paths.raw() / name, paths.raw() / name / "dataset.toml"
        if not card_file.is_file():
            raise LianjianError(
                f"There is no dataset {name!r}: {card_file} is missing. Datasets here: "
                f"{', '.join(datasets())}. `lianjian new {name} villages.csv accounts.csv` adds "
                "your own; `lianjian simulate` makes the simulated one."
            )
    head = read_toml(card_file)
    cards = read_cards(card_file)
    verify(folder, cards)
    version = _version(cards, head)
    target = paths.processed() / name
    manifest_file = target / "manifest.json"
    if manifest_file.is_file():
        seen = json.loads(manifest_file.read_text(encoding="utf-8"))
        if seen.get("version") == version:
            return Built(name, seen["kind"], version, seen["rows"], seen["issues"], fresh=False)

    # from here on there is work to do, and pandas to import for it
    from analysis.clean import panel  # noqa: PLC0415

    kind = PUBLISHED if name == PUBLISHED else _kind(head, card_file)
    make = panel.published_tables if name == PUBLISHED else panel.ledger_tables
    tables, extra = make(folder)
    rows = {table: len(frame) for table, frame in tables.items()}
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
        **extra,
    }
    with staged_folder(target) as staging:
        for table, frame in tables.items():
            panel.write_table(
                frame, staging / table, {"name": name, "kind": kind, "version": version}
            )
        (staging / "manifest.json").write_text(to_json(manifest), encoding="utf-8", newline="\n")
    return Built(name, kind, version, rows, manifest["issues"])


def _kind(head: dict[str, Any], card_file: Path) -> str:
    kind = head.get("kind")
    if kind not in KINDS[1:]:
        raise LianjianError(f"{card_file}: kind is {kind!r}, expected one of {KINDS[1:]}.")
    return str(kind)


def _version(cards: tuple[Card, ...], head: dict[str, Any]) -> str:
    """Hash what the tables are made from: the raw bytes, the card, and the code that reads them."""
    digest = hashlib.sha256()
    for card in cards:
        digest.update(f"{card.file} {card.sha256}\n".encode())
    digest.update(to_json(head).encode())
    code = Path(__file__).parent
    for module in sorted([*code.rglob("*.py"), code.parent / "fields.py"]):
        digest.update(module.name.encode() + module.read_bytes())
    return digest.hexdigest()[:12]
