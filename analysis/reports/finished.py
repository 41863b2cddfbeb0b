"""Reports that are there: their folders, their records, and whose the files in them are.

A run leaves a folder ``reports/SLUG``, or ``reports/SLUG.failed`` beside the last good one. Its
record, ``run.json``, says how it went and holds the hash of each result, and of itself.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import _language, paths
from analysis.errors import LianjianError, did_you_mean
from analysis.files import to_json, write_text
from analysis.reports.text import listed, numbered

RECORD, KEY, FAILED = "run.json", "key.json", ".failed"
RUN_ID = 16
"""Hex digits of a run's id: 64 bits, of the hash of its executed notebook."""

_FILES = "report.html notebook.ipynb numbers.csv numbers.tex report.pdf report.docx figures.zip"
RESULTS = tuple(_FILES.split())
"""What a run leaves of a report, in English and where it was asked for."""

_MADE = {*RESULTS, RECORD, KEY, "kernel.log", "error.txt"}
_NO_RESULT = {RECORD, "kernel.log"}  # the record holds the hashes; a log is none
_OWN = {"record", "host"}  # of the record itself; a bundle leaves the machine's name out


# ---- records ----


def record_of(folder: Path) -> dict[str, Any]:
    """Return the record of a run; empty where there is none that can be read."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def key_of(folder: Path) -> dict[str, Any]:
    """Return the key of a run; a sentence where there is none that can be read."""
    try:
        key = json.loads((folder / KEY).read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, dict):
        raise LianjianError(f"the report has no {KEY} that can be read")
    return key


def told(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says of its page in the language of now, else of the English one."""
    return {**record, **record.get("pages", {}).get(_language.code(), {})}


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a good run, with the hashes of its results and its own."""
    write_text(folder / RECORD, to_json(sealed({**record, "products": checksums(folder)})))


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each result in a report's folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in _NO_RESULT
    }


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's record with the hash of all that it says."""
    said = {name: value for name, value in record.items() if name not in _OWN}
    return {**record, "record": hashlib.sha256(to_json(said).encode()).hexdigest()}


def mismatches(folder: Path) -> tuple[str, ...]:
    """Say what of a report is not as its run wrote it; nothing when all is."""
    record = record_of(folder)
    if not record:
        return (f"{RECORD} cannot be read",)
    promised = record.get("products")
    if not isinstance(promised, dict):
        return (f"{RECORD} does not hold the hashes of the report's files",)
    there, found = checksums(folder), []
    for name, digest in sorted(promised.items()):
        if name not in there:
            found.append(f"{name} is missing")
        elif there[name] != digest:
            found.append(f"{name} is not what the run wrote")
    if sealed(record) != record:
        found.append(f"{RECORD} is not what the run wrote")
    elif record.get("run_id") != promised.get("notebook.ipynb", "")[:RUN_ID]:
        found.append(f"{RECORD} names another run than notebook.ipynb is of")
    return tuple(found)


# ---- folders ----


def folders(reports: Path) -> list[str]:
    """Return the names of the folders of reports, good and failed."""
    with os.scandir(reports) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def good(reports: Path) -> list[Path]:
    """Return the folders of finished reports."""
    there = sorted(path.parent for path in reports.glob(f"[!.]*/{RECORD}"))
    return [folder for folder in there if not folder.name.endswith(FAILED)]


def records(reports: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the run records with their folders' names, good and failed."""
    for name in folders(reports):
        if not (reports / name / RECORD).is_file():
            continue  # a folder that no run made
        record = record_of(reports / name)
        if not record:
            raise LianjianError(
                f"{reports.name}/{name}/{RECORD} cannot be read. Remove that folder, then "
                "`lianjian run`; the index is the one of before."
            )
        yield name, record


def named(slugs: Sequence[str] = ()) -> list[Path]:
    """Return the folders of finished reports, of all or of those named."""
    found = {folder.name: folder for folder in good(paths.reports())}
    wanted = [_whole(slug, found) for slug in slugs]
    for slug in wanted:
        if slug not in found:
            failed = (paths.reports() / f"{slug}{FAILED}" / RECORD).is_file()
            why = " Its only run failed." if failed else did_you_mean(slug, found)
            raise LianjianError(
                f"There is no finished report {slug!r}.{why} "
                f"Reports are: {listed(found) or 'none yet'}. `lianjian run` makes them."
            )
    if not found:
        raise LianjianError("There is no finished report yet. `lianjian run` makes them.")
    return [found[slug] for slug in wanted or found]


def _whole(word: str, found: Collection[str]) -> str:
    """Return the report that a beginning of its name means, as 03 does; else the word."""
    hits = [name for name in sorted(found) if name.startswith(f"{numbered(word)}-")]
    is_one = word not in found and hits and all(name.startswith(hits[0]) for name in hits)
    return hits[0] if is_one else word


# ---- whose the files are, and who still asks for them ----


def foreign(folder: Path) -> tuple[str, ...]:
    """Name what a report's folder holds that no run made: notes, drafts, other folders."""
    if folder.is_symlink():
        return (f"{folder.name}, a link to elsewhere",)
    if not folder.is_dir():
        return ()
    made = set(_MADE)
    with contextlib.suppress(TypeError):  # a record of another make
        made |= set(record_of(folder).get("products", ()))
    with os.scandir(folder) as entries:
        return tuple(sorted(e.name for e in entries if e.name not in made or not e.is_file()))


def touched(folder: Path) -> tuple[str, ...]:
    """Name what of a report's folder is a person's: foreign files, and those that were edited."""
    wrote, there = record_of(folder).get("products", {}), checksums(folder)
    edited = (f"{name}, edited" for name in wrote if there.get(name, wrote[name]) != wrote[name])
    return (*foreign(folder), *edited)


@dataclass(frozen=True)
class Orphan:
    """A report, or a failure, that nothing asks for."""

    folder: Path
    reason: str  # what is gone
    foreign: tuple[str, ...] = ()  # what lianjian did not make in it: it is not removed then


def orphans(reports: Path, planned: Collection[str]) -> list[Orphan]:
    """Find reports and failures whose notebook, or whose entry of the plan, is gone.

    What a command line asked for stays while its notebook is there.
    """
    found = []
    for name in folders(reports):
        folder, record = reports / name, record_of(reports / name)
        notebook = record.get("notebook")
        if not isinstance(notebook, str):
            continue  # no run of ours made it
        if not paths.notebook(notebook).is_file():
            reason = f"its notebook {notebook} is gone"
        elif name.removesuffix(FAILED) not in planned and record.get("asked") == "plan":
            reason = "its entry in notebooks/plan.toml is gone"
        else:
            continue
        found.append(Orphan(folder, reason, touched(folder)))
    return found


def remove(found: Collection[Orphan]) -> list[Orphan]:
    """Remove what is ours alone, and return it."""
    ours = [orphan for orphan in found if not orphan.foreign]
    for orphan in ours:
        shutil.rmtree(orphan.folder)
    return ours
