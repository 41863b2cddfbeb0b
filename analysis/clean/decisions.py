"""What people decided about a dataset, apart from what was received and from what is made.

``data/decisions/NAME`` holds answers, crosswalk and corrections, the files to fill in, and in
``history`` each state of them that a build has read. Nothing there is overwritten unkept.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean.sources import read_toml, toml_text
from analysis.clean.text import squeeze
from analysis.errors import LianjianError
from analysis.files import decoded, shield, to_json, write_bytes, write_text

ANSWERS, CROSSWALK, CORRECTIONS = "answers.toml", "crosswalk.csv", "corrections.csv"
QUESTIONS = "questions.xlsx"

KINDS = (ANSWERS, CROSSWALK, CORRECTIONS)
"""What a build reads of a person's."""

_HISTORY = "history"
_WRITTEN = ".to-fill.json"  # hashes of the files to fill in, as they were written
_COLUMNS = {
    CROSSWALK: ("county", "township", "name", "village_code", "reason", "by"),
    CORRECTIONS: (
        "correction_id", "file", "row", "field", "says", "should_say", "expect", "decision",
        "reason", "authority",
    ),
}  # fmt: skip
_KEYS = {CROSSWALK: ("county", "township", "name"), CORRECTIONS: ("file", "row")}
_DECIDES = {CROSSWALK: "village_code", CORRECTIONS: "decision"}
_PERSONS = {  # what a person writes into a line
    CROSSWALK: ("village_code", "reason", "by"),
    CORRECTIONS: ("should_say", "decision", "reason", "authority"),
}
_HEADER = re.compile(r"\[\[?\s*([\w-]+)[\s.\w-]*\]\]?\s*(?:#.*)?\Z")  # as [[table]], [accounts]

Row = dict[str, str]


def prepare(name: str) -> Path:
    """Make the folder of a dataset's decisions where there is none, and return it."""
    folder = paths.decisions(name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shield(folder)
    return folder


def to_fill(kind: str) -> str:
    """Return the name of the file in which the open questions of a kind stand."""
    return kind.replace(".csv", "-to-fill.csv")


def keep(name: str, path: Path) -> None:
    """Keep a copy of a file, with the date, unless the last one kept says the same."""
    if not path.is_file():
        return
    content = path.read_bytes()
    history = prepare(name) / _HISTORY
    history.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()[:8]
    kept = sorted(history.glob(f"*.{path.stem}.*{path.suffix}"))
    if not kept or f".{digest}." not in kept[-1].name:
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        write_bytes(history / f"{when}.{path.stem}.{digest}{path.suffix}", content)


def answers(name: str) -> dict[str, Any]:
    """Return what ``answers.toml`` of a dataset says; nothing where there is none."""
    path = paths.decisions(name) / ANSWERS
    said = read_toml(path) if path.is_file() else {}
    if stray := sorted(said.keys() - {"answer"}):
        raise LianjianError(
            f"{path}: [{stray[0]}] is no answer; each is an [[answer]] with its key."
        )
    return said


def answers_text(name: str) -> str:
    """Return the text of ``answers.toml``, which is TOML; empty where there is none."""
    path = paths.decisions(name) / ANSWERS
    if not path.is_file():
        return ""
    read_toml(path)
    return toml_text(path)


def write_answers(name: str, text: str) -> Path:
    """Write ``answers.toml``; the former one is kept."""
    path = prepare(name) / ANSWERS
    keep(name, path)
    write_text(path, text)
    keep(name, path)
    return path


def take_over(name: str) -> tuple[str, ...]:
    """Bring everything that a person decided to its place, and say what was brought."""
    _none_in_card(name)
    said = []
    own = paths.decisions(name)
    for kind, columns in _COLUMNS.items():
        place = own / kind
        before = read_filled(place, columns) if place.is_file() else []
        rows = before
        path = own / to_fill(kind)
        if path.is_file() and not _as_written(own, path):
            filled = [row for row in read_filled(path, columns) if row[_DECIDES[kind]]]
            found = {_key(kind, row): row for row in [*before, *filled]}  # the newest word counts
            rows = list(found.values())
            keep(name, path)
            if filled:
                said.append(f"{len(filled)} lines of {path} were taken over into {place}")
        if rows != before or (place.is_file() and not _is_plain(place)):
            keep(name, place)
            _write(prepare(name) / kind, columns, rows)
    if own.is_dir():
        shield(own)
        for path in (*(own / kind for kind in (ANSWERS, *_COLUMNS)), paths.card_file(name)):
            keep(name, path)
    return tuple(said)


def ask(name: str, open_questions: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Write the files to fill in; what a person wrote into an open line stays in it."""
    own = paths.decisions(name)
    written: dict[str, str] = {}
    for kind, asked in open_questions.items():
        path = own / to_fill(kind)
        rows = [{key: _text(value) for key, value in row.items()} for row in asked]
        columns = list(rows[0]) if rows else []
        if path.is_file() and not _as_written(own, path):
            earlier = {_key(kind, row): row for row in read_filled(path, _COLUMNS[kind])}
            for row in rows:
                for column, text in earlier.get(_key(kind, row), {}).items():
                    is_own = column in _PERSONS[kind] or column not in columns
                    if text and is_own and not row.get(column):
                        row[column] = text
            columns += [c for row in rows for c in row if c not in columns]
            keep(name, path)
        if rows:
            _write(prepare(name) / to_fill(kind), tuple(dict.fromkeys(columns)), rows)
            written[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            path.unlink(missing_ok=True)
    if own.is_dir():
        write_text(own / _WRITTEN, to_json(written))


def _as_written(own: Path, path: Path) -> bool:
    """Whether a file to fill in is still as it was written: nobody has filled it in."""
    try:
        written = json.loads((own / _WRITTEN).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(written.get(path.name) == hashlib.sha256(path.read_bytes()).hexdigest())


def read_filled(path: Path, columns: Iterable[str]) -> list[Row]:
    """Read a table that a person filled in, however a spreadsheet program saved it.

    UTF-8 with or without a mark, UTF-16 and GBK; commas, semicolons and tabs.
    """
    text = decoded(path.read_bytes())
    wanted = tuple(columns)
    if text is None:
        raise LianjianError(
            f"{path} is not a table of text. In a spreadsheet program save it as “CSV UTF-8”."
        )
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        lines = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise LianjianError(f"{path} cannot be read as CSV: {error}.") from None
    header = [cell.strip() for cell in lines[0]] if lines else []
    if missing := [column for column in wanted if column not in header]:
        raise LianjianError(
            f"{path}: the header must hold {','.join(wanted)}; it lacks {', '.join(missing)}, "
            f"and holds {','.join(header) or 'nothing'}."
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if any(line[len(header) :]):
            raise LianjianError(
                f"{path}, row {number}: seen {len(line)} fields, expected {len(header)} as in the "
                "header. A comma inside a text needs quotation marks around the text."
            )
        cells = [*line, *[""] * len(header)]
        rows.append({name: cell.strip() for name, cell in zip(header, cells, strict=False) if name})
    return rows


def _is_plain(path: Path) -> bool:
    """Whether a file is CSV in UTF-8 with commas, as every other program here reads it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return "," in text.partition("\n")[0]


def _key(kind: str, row: Mapping[str, str]) -> tuple[str, ...]:
    clean = squeeze if kind == CROSSWALK else str
    return tuple(clean(row.get(column, "")) for column in _KEYS[kind])


def _text(value: Any) -> str:  # noqa: ANN401  (a cell of a frame can be anything)
    return "" if value is None or value != value else str(value)  # noqa: PLR0124  (NaN)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # with a mark, so that a spreadsheet program shows Chinese as Chinese
    write_bytes(path, b"\xef\xbb\xbf" + text.getvalue().encode())


def sections(text: str) -> list[tuple[str, str]]:
    """Cut a TOML text at its headers; a comment right above a header belongs to it."""
    cut: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        if found := _HEADER.match(line.strip()):
            above = cut[-1][1]
            start = len(above)
            while start and above[start - 1].startswith("#"):
                start -= 1
            comments, above[start:] = above[start:], []
            cut.append((found[1], [*comments, line]))
        else:
            cut[-1][1].append(line)
    return [(name, "".join(lines)) for name, lines in cut]


def _none_in_card(name: str) -> None:
    """Refuse answers in the card of a dataset: nothing would read them there."""
    card = paths.card_file(name)
    if stray := sorted({"table", "accounts", "answer"} & read_toml(card).keys()):
        raise LianjianError(
            f"{card} holds answers ({', '.join(stray)}). They stand in "
            f"{paths.decisions(name) / ANSWERS}, an [[answer]] each: take them out of the card."
        )
