"""All or nothing: a report is made aside and takes its place by a rename, one plan at a time."""

import contextlib
import json
import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.files import must_be_ours, replace_folder, to_json
from analysis.reports.text import listed, meant

FAILED = ".failed"
_STAGING = ".staging"
_REPLACED = ".replaced"  # no slug holds a dot
_RESULTS = "report.html notebook.ipynb numbers.csv numbers.tex report.pdf report.docx figures.zip"
_MADE = {*_RESULTS.split(), "run.json", "key.json", "kernel.log", "error.txt"}
_LOCK, _HOLDER = ".lock", ".running.json"


@contextlib.contextmanager
def alone(reports: Path) -> Iterator[str]:
    """Hold the folder of reports and give a token for the time; who comes second is told who does.

    The lock is the system's: it goes with the process that holds it, however that ends.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415

    lock, holder = FileLock(reports / _LOCK), reports / _HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = {"process": "unknown", "host": "unknown", "since": "unknown"}
        with contextlib.suppress(OSError, ValueError):
            who |= json.loads(holder.read_text("utf-8"))
        raise LianjianError(
            f"Another lianjian is writing {reports}: process {who['process']} on {who['host']}, "
            f"since {who['since']}. Wait until it has ended, or stop it; nothing was changed."
        ) from None
    try:
        since = datetime.now(UTC).isoformat(" ", "seconds")
        token = secrets.token_hex(8)
        facts = {"process": os.getpid(), "host": platform.node(), "since": since, "token": token}
        holder.write_text(to_json(facts), "utf-8")
        yield token
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def is_held(reports: Path, token: str) -> bool:
    """Whether the plan with a token still holds the folder; a worker far away asks this."""
    try:
        return bool(json.loads((reports / _HOLDER).read_text("utf-8"))["token"] == token)
    except (OSError, ValueError, KeyError):
        return False


def open_folder(reports: Path, slug: str) -> Path:
    """Return a new, empty folder in which a report is made."""
    (reports / _STAGING).mkdir(exist_ok=True)
    # a name of its own: a worker that was given up may still be writing to another
    return Path(tempfile.mkdtemp(prefix=f"{slug}.", dir=reports / _STAGING))


def publish(folder: Path, reports: Path, slug: str) -> None:
    """Put a finished report in place of the last one, and drop the last failure."""
    _put(folder, reports, slug)
    drop_failure(reports, slug)


def keep_failure(folder: Path, reports: Path, slug: str) -> None:
    """Keep what a failed run left, beside the last good report."""
    _put(folder, reports, f"{slug}{FAILED}")


def _put(folder: Path, reports: Path, name: str) -> None:
    target = reports / name
    must_be_ours(target, "run.json")
    for other in foreign(target):  # what a person put beside it is taken along
        if (target / other).is_dir():
            shutil.copytree(target / other, folder / other, symlinks=True)
        else:
            shutil.copy2(target / other, folder / other, follow_symlinks=False)
    replace_folder(folder, target, reports / _STAGING / f"{name}{_REPLACED}")


def drop_failure(reports: Path, slug: str) -> None:
    """Clear away the failure of a report that is good now; what a person put there stays."""
    failed = reports / f"{slug}{FAILED}"
    kept = foreign(failed)
    if not (failed / "run.json").is_file():
        return  # somebody else's
    if not kept:
        shutil.rmtree(failed, ignore_errors=True)
    elif not failed.is_symlink():
        for path in failed.iterdir():
            if path.name not in kept:
                path.unlink()


def foreign(folder: Path) -> tuple[str, ...]:
    """Name what a report's folder holds that no run made: notes, drafts, other folders."""
    if folder.is_symlink():
        return (f"{folder.name}, a link to elsewhere",)
    if not folder.is_dir():
        return ()
    made = set(_MADE)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        made |= set(json.loads((folder / "run.json").read_bytes())["products"])
    with os.scandir(folder) as entries:
        return tuple(sorted(e.name for e in entries if e.name not in made or not e.is_file()))


def folders(reports: Path) -> list[str]:
    """Return the names of the folders of reports, good and failed."""
    with os.scandir(reports) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def records(reports: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the run records with their folders' names, good and failed."""
    for name in folders(reports):
        try:
            yield name, json.loads((reports / name / "run.json").read_bytes())
        except FileNotFoundError:
            continue  # a folder that no run made
        except ValueError as error:
            raise LianjianError(
                f"{reports.name}/{name}/run.json cannot be read ({error}). Remove that folder, "
                "then `lianjian run`; the index is the one of before."
            ) from error


def sweep(reports: Path) -> None:
    """Clear away what a killed run left; a report caught between two renames comes back."""
    staging = reports / _STAGING
    for replaced in staging.glob(f"*{_REPLACED}"):
        target = reports / replaced.name.removesuffix(_REPLACED)
        if not target.exists():
            replaced.rename(target)
    shutil.rmtree(staging, ignore_errors=True)


def finished(slugs: Sequence[str] = ()) -> list[Path]:
    """Return the folders of finished reports, of all or of those named."""
    reports = paths.reports()
    made = [path.parent.name for path in sorted(reports.glob("[!.]*/run.json"))]
    found = {name: reports / name for name in made if not name.endswith(FAILED)}
    named = [_whole(slug, found) for slug in slugs]
    for slug in named:
        if slug not in found:
            failed = f"{slug}{FAILED}" in made
            why = " Its only run failed." if failed else meant(slug, found)
            raise LianjianError(
                f"There is no finished report {slug!r}.{why} "
                f"Reports are: {listed(found) or 'none yet'}. `lianjian run` makes them."
            )
    if not found:
        raise LianjianError("There is no finished report yet. `lianjian run` makes them.")
    return [found[slug] for slug in named or found]


def _whole(word: str, found: Collection[str]) -> str:
    """Return the report that a beginning of its name means, as 03 does; else the word."""
    hits = [name for name in sorted(found) if name.startswith(f"{word}-")]
    is_one = word not in found and hits and all(name.startswith(hits[0]) for name in hits)
    return hits[0] if is_one else word
