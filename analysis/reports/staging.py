"""All or nothing: a report is made aside and takes its place by a rename."""

import shutil
from collections.abc import Collection
from pathlib import Path

_STAGING = ".staging"
_REPLACED = ".replaced"  # no slug holds a dot
FAILED = ".failed"


def open_folder(reports: Path, slug: str) -> Path:
    """Return a new, empty folder in which a report is made."""
    folder = reports / _STAGING / slug
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(folder: Path, reports: Path, slug: str) -> Path:
    """Put a finished report in place of the last one, and drop the last failure."""
    target = reports / slug
    replaced = reports / _STAGING / f"{slug}{_REPLACED}"
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    folder.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)
    shutil.rmtree(reports / f"{slug}{FAILED}", ignore_errors=True)
    return target


def keep_failure(folder: Path, reports: Path, slug: str) -> Path:
    """Keep what a failed run left, beside the last good report."""
    target = reports / f"{slug}{FAILED}"
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)
    return target


def forget_failures(reports: Path, slugs: Collection[str]) -> None:
    """Clear away failures of reports that are no part of the plan."""
    for folder in reports.glob(f"*{FAILED}"):
        if folder.name.removesuffix(FAILED) not in slugs:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(reports: Path) -> None:
    """Clear away what a killed run left; a report caught between two renames comes back."""
    staging = reports / _STAGING
    for replaced in staging.glob(f"*{_REPLACED}"):
        target = reports / replaced.name.removesuffix(_REPLACED)
        if not target.exists():
            replaced.rename(target)
    shutil.rmtree(staging, ignore_errors=True)
