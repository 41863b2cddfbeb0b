"""All or nothing: a report is made aside and takes its place by a rename, one plan at a time."""

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from analysis import files
from analysis.files import carry_over, locked, must_be_ours, replace_folder
from analysis.reports.finished import FAILED, RECORD, foreign

_STAGING = ".staging"
_REPLACED = ".replaced"  # no slug holds a dot
_LOCK = "running"


def alone(reports: Path) -> AbstractContextManager[str]:
    """Hold the folder of reports and give a token for the time; who comes second waits."""
    return locked(reports, _LOCK, within=False)


def is_held(reports: Path, token: str) -> bool:
    """Whether the plan with a token still holds the folder; a worker far away asks this."""
    return files.is_held(reports, _LOCK, token)


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
    if others := foreign(target):  # what a person put beside it is taken along
        carry_over(target, folder, {path.name for path in target.iterdir()} - {*others})
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
