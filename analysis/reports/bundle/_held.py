"""What of a project, a dataset, a report or a bundle is not what was written down of it."""

import zipfile
from pathlib import Path

from analysis import paths
from analysis.clean import build, manifest
from analysis.clean.build import datasets
from analysis.errors import LianjianError
from analysis.reports.bundle.verify import MANIFEST, Verdict, report, verify
from analysis.reports.freshness import mismatches
from analysis.reports.run.staging import FAILED

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache")
_MADE = (".venv", *_CACHES, "data/processed", "dist", "reports")
"""Where files come that work in an unpacked bundle makes; what is in them has hashes of its own."""


def held(place: Path | None = None) -> tuple[bool, tuple[str, ...]]:
    """Hold what lies somewhere against its hashes: whether all matches, and what to say."""
    if place is None or place.resolve() == paths.root():
        return _project()
    place = place.resolve()
    if place.is_file() or (place / MANIFEST).is_file():
        verdict = _bundle(place)
        return not verdict.differences, tuple(report(verdict))
    if (place / "run.json").is_file():
        return _told(_report(place), f"{place.name} is what its run wrote")
    if place.parent in {paths.raw(), paths.processed()} and place.name in datasets():
        name = place.name
        return _told(_dataset(name), f"{name} is what its cards say{_unbuilt(name)}")
    raise LianjianError(
        f"{place} holds no hashes to compare with. A bundle (its folder or zip file), a folder of "
        "reports/, of data/raw or of data/processed is expected."
    )


def _project() -> tuple[bool, tuple[str, ...]]:
    there = sorted(path.parent for path in paths.reports().glob("[!.]*/run.json"))
    folders = [folder for folder in there if not folder.name.endswith(FAILED)]
    found = [line for name in datasets() for line in _dataset(name)]
    found += [line for folder in folders for line in _report(folder)]
    good = f"{len(datasets())} datasets and {len(folders)} reports are what was written"
    all_match, lines = _told(found, good + _unbuilt(*datasets()))
    if not (paths.root() / MANIFEST).is_file():
        return all_match, lines
    verdict = _bundle(paths.root(), _MADE)
    return all_match and not verdict.differences, (*lines, *report(verdict))


def _told(found: list[str], good: str) -> tuple[bool, tuple[str, ...]]:
    return not found, tuple(found) or (good,)


def _bundle(place: Path, made: tuple[str, ...] = ()) -> Verdict:
    try:
        return verify(place, made)
    except (OSError, zipfile.BadZipFile) as error:
        raise LianjianError(f"{place} is no bundle that can be read: {error}.") from None


def _report(folder: Path) -> list[str]:
    return [f"reports/{folder.name}: {line}" for line in mismatches(folder)]


def _dataset(name: str) -> list[str]:
    return [f"{name}: {line}" for line in build.mismatches(name)]


def _unbuilt(*names: str) -> str:
    """Say of which datasets nothing was built: their raw files alone were held to their cards."""
    missing = [name for name in names if not manifest.is_built(name)]
    return f"; not built here: {', '.join(missing)}" if missing else ""
