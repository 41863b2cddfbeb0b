"""Source cards: what each raw file is, who made it, and the bytes it must have."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from analysis.errors import DataError, LianjianError
from analysis.fields import KINDS
from analysis.files import decoded
from analysis.terminal import visible

_TYPED = frozenset("“”‘’＂＇＝「」")  # what a Chinese keyboard writes for " and =

SHARES = ("open", "on-request", "never")
"""Who may have a file: everybody, on the terms of ``spdx``; who asks; nobody."""


@dataclass(frozen=True)
class Card:
    """The card of one raw file."""

    file: str  # file name inside the folder of the cards
    title: str  # what it is, who made it, where it was found, and what may be done with it
    producer: str
    licence: str
    rights: str
    sha256: str  # content that is expected: hash, size, and number of data rows
    bytes: int
    rows: int
    kind: str  # what sort of data it is
    locator: str = ""
    published: str = ""  # ISO date, year, or empty when not known or not meant
    received: str = ""
    note: str = ""  # what a user of the file must know
    share: str = ""  # whether others may have it; empty when nobody said, and then it is not shared
    spdx: str = ""  # SPDX identifier of the licence of an open file, from ``open_licences.toml``

    def as_source(self) -> dict[str, str]:
        """Return what a report prints about the file."""
        keys = ("file", "title", "producer", "licence", "sha256")
        return {key: str(value) for key, value in asdict(self).items() if key in keys}


def toml_text(path: Path) -> str:
    """Return the text of a TOML file that a person may have edited, with LF line ends."""
    try:
        text = decoded(path.read_bytes())
    except FileNotFoundError:
        raise LianjianError(f"{path} is missing.") from None
    if text is None:
        raise LianjianError(f"{path} is no text. In an editor save it as UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, however an editor saved it."""
    text = toml_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        number = re.search(r"at line (\d+)", str(error))
        seen = text.split("\n")[int(number[1]) - 1].strip() if number else ""
        said = f"{path} cannot be read as TOML: {error}."
        if seen:
            said += f" Seen: {visible(seen)}"
        if _TYPED.intersection(seen):
            said += (
                ' A text stands in straight quotation marks, after a plain =, as in unit = "元".'
            )
        raise LianjianError(said) from None


def read_cards(path: Path) -> tuple[Card, ...]:
    """Read the cards (``[[source]]`` tables) of a TOML file.

    ``share`` and ``spdx`` at its head hold for every card without a ``share`` of its own.
    """
    content = read_toml(path)
    entries = content.get("source", [])
    shared = {key: content[key] for key in ("share", "spdx") if key in content}
    if not entries:
        raise LianjianError(f"{path} holds no [[source]] card; every raw file needs one.")
    known = {field.name for field in fields(Card)}
    needed = {"file", "title", "producer", "licence", "rights", "sha256", "bytes", "rows", "kind"}
    cards = []
    for listed in entries:
        entry = listed if "share" in listed else shared | listed
        name = entry.get("file", "without a file name")
        if missing := sorted(needed - entry.keys()):
            raise LianjianError(f"{path}, card {name}: these keys are missing: {missing}.")
        if unknown := sorted(entry.keys() - known):
            raise LianjianError(
                f"{path}, card {name}: unknown keys {unknown}; known are {sorted(known)}."
            )
        if entry["kind"] not in KINDS:
            raise LianjianError(
                f"{path}, card {name}: kind is {entry['kind']!r}, expected one of {KINDS}."
            )
        if Path(entry["file"]).name != entry["file"]:
            raise LianjianError(
                f"{path}, card {name}: a file name without folders is expected; "
                "raw files lie beside their cards."
            )
        cards.append(Card(**entry))
        if fault := _unsaid(cards[-1]):
            raise LianjianError(f"{path}, card {name}: {fault}")
    return tuple(cards)


@cache
def open_licences() -> dict[str, str]:
    """Return the SPDX identifiers that an open file may have, each with its title."""
    content = (Path(__file__).parent / "open_licences.toml").read_text(encoding="utf-8")
    return tomllib.loads(content)


def _unsaid(card: Card) -> str:
    """Say what is wrong with who may have a file; free text (licence, rights) decides nothing."""
    if card.share not in ("", *SHARES):
        return f"share is {card.share!r}, expected one of {SHARES}; without it, nobody gets it."
    if card.share == "open" and card.spdx not in open_licences():
        seen = f"spdx is {card.spdx!r}" if card.spdx else "spdx is missing"
        return f'share is "open" and {seen}. Expected the licence, one of {[*open_licences()]}.'
    if card.spdx and card.share != "open":
        return f'spdx is {card.spdx!r}, and share does not say "open". Write both, or neither.'
    return ""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def count_rows(path: Path) -> int:
    """Return the number of data rows of a CSV file: its lines without the header."""
    with path.open("rb") as stream:
        return max(sum(1 for _ in stream) - 1, 0)


def verify(folder: Path, cards: Iterable[Card]) -> None:
    """Check that each file is there and has the bytes and rows of its card."""
    for fault in faults(folder, cards):
        raise DataError(fault)


def faults(folder: Path, cards: Iterable[Card]) -> Iterator[str]:
    """Yield what is wrong with each file that is not what its card says."""
    for card in cards:
        path = folder / card.file
        if path.is_symlink() and path.resolve().parent != folder.resolve():
            yield (
                f"{path} is a link that leaves its folder, to {path.resolve()}. "
                "Put the file itself there."
            )
            continue
        if not path.is_file():
            yield (
                f"{path} is missing: its card expects {card.bytes:,} bytes and {card.rows:,} rows "
                f"(sha256 {card.sha256}). Restore the file, or remove its card."
            )
            continue
        seen = sha256(path)
        rows = count_rows(path) if path.suffix == ".csv" else card.rows
        if (seen, rows) != (card.sha256, card.rows):
            yield (
                f"{path} is not the file that its card describes.\n"
                f"  expected sha256 {card.sha256}, {card.bytes:,} bytes, {card.rows:,} rows\n"
                f"  found    sha256 {seen}, {path.stat().st_size:,} bytes, {rows:,} rows\n"
                "Raw files are never edited: restore the file and put changes into "
                "corrections.csv; for a new edition, `lianjian update`."
            )
