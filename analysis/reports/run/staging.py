"""All or nothing: a report is made aside and takes its place by a rename, one plan at a time."""

import contextlib
import json
import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from analysis.errors import LianjianError
from analysis.files import must_be_ours, replace_folder, to_json
from analysis.reports.finished import FAILED, RECORD, foreign

_STAGING = ".staging"
_REPLACED = ".replaced"  # no slug holds a dot
_LOCK, _HOLDER = ".lock", ".running.json"


@contextlib.contextmanager
def alone(reports: Path) -> Iterator[str]:
    """Hold the folder of reports and give a token for the time; who comes second is told who does.

    The lock is the system's: it goes with the process that holds it, however that ends.
    """
    from filelock import FileLock, Timeout

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
    must_be_ours(target, RECORD)
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
    if not (failed / RECORD).is_file():
        return  # somebody else's
    if not kept:
        shutil.rmtree(failed, ignore_errors=True)
    elif not failed.is_symlink():
        for path in failed.iterdir():
            if path.name not in kept:
                path.unlink()


def sweep(reports: Path) -> None:
    """Clear away what a killed run left; a report caught between two renames comes back."""
    staging = reports / _STAGING
    for replaced in staging.glob(f"*{_REPLACED}"):
        target = reports / replaced.name.removesuffix(_REPLACED)
        if not target.exists():
            replaced.rename(target)
    shutil.rmtree(staging, ignore_errors=True)
