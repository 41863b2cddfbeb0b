"""What of a project, a dataset, a report or a bundle is not what was written down of it."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean import build, manifest
from analysis.clean.build import datasets
from analysis.errors import LianjianError
from analysis.reports import finished
from analysis.reports.bundle import _signature
from analysis.reports.bundle._certificate import FILES, certify
from analysis.reports.bundle.verify import MADE, MANIFEST, Verdict, manifest_of, report, verify


def held(place: Path | None = None, signers: Path | None = None) -> tuple[bool, tuple[str, ...]]:
    """Hold what lies somewhere against its hashes: whether all matches, and what to say."""
    if place is None or place.resolve() == paths.root():
        return _project()
    place = place.resolve()
    if _is_bundle(place):
        verdict = _bundle(place)
        is_good, signed = _signature.check(manifest_of(place), place, signers)
        return is_good and not verdict.differences, (*report(verdict), *filter(None, [signed]))
    if signers is not None:
        raise LianjianError(f"{place} is no bundle; bundles alone are signed.")
    if (place / finished.RECORD).is_file():
        return _told(_report(place), f"{place.name} is what its run wrote")
    if place.parent in {paths.raw(), paths.processed()} and place.name in datasets():
        name = place.name
        return _told(_dataset(name), f"{name} is what its cards say{_unbuilt(name)}")
    raise LianjianError(
        f"{place} holds no hashes to compare with. A bundle (its folder or zip file), a folder of "
        "reports/, of data/raw or of data/processed is expected."
    )


def rebuild(
    place: Path | None, to: Path | None, by: str, signers: Path | None, say: Callable[[str], None]
) -> tuple[dict[str, Any], Path]:
    """Make a bundle again twice; return what matched, and the folder of the certificate."""
    place = (place or paths.root()).resolve()
    if not _is_bundle(place):
        raise LianjianError(
            f"{place} is no bundle. `lianjian package` makes one, of which all can be made again."
        )
    checked = _bundle(place, MADE if place.is_dir() else ())
    signed = _signature.check(manifest_of(place), place, signers)[1]
    to = (to or place.with_name(f"{place.name}-certificate")).resolve()
    if to.exists() and not _ours(to):
        raise LianjianError(f"{to} exists and holds no certificate. Choose another folder.")
    return certify(place, checked, to, say, by=by, signature=signed), to


def _is_bundle(place: Path) -> bool:
    return place.is_file() or (place / MANIFEST).is_file()


def _ours(folder: Path) -> bool:
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= set(FILES)


def _project() -> tuple[bool, tuple[str, ...]]:
    folders = finished.good(paths.reports())
    found = [line for name in datasets() for line in _dataset(name)]
    found += [line for folder in folders for line in _report(folder)]
    good = f"{len(datasets())} datasets and {len(folders)} reports are what was written"
    all_match, lines = _told(found, good + _unbuilt(*datasets()))
    if not (paths.root() / MANIFEST).is_file():
        return all_match, lines
    verdict = _bundle(paths.root(), MADE)
    return all_match and not verdict.differences, (*lines, *report(verdict))


def _told(found: list[str], good: str) -> tuple[bool, tuple[str, ...]]:
    return not found, tuple(found) or (good,)


def _bundle(place: Path, made: tuple[str, ...] = ()) -> Verdict:
    try:
        return verify(place, made)
    except (OSError, zipfile.BadZipFile) as error:
        raise LianjianError(f"{place} is no bundle that can be read: {error}.") from None


def _report(folder: Path) -> list[str]:
    return [f"reports/{folder.name}: {line}" for line in finished.mismatches(folder)]


def _dataset(name: str) -> list[str]:
    return [f"{name}: {line}" for line in build.mismatches(name)]


def _unbuilt(*names: str) -> str:
    """Say of which datasets nothing was built: their raw files alone were held to their cards."""
    missing = [name for name in names if not manifest.is_built(name)]
    return f"; not built here: {', '.join(missing)}" if missing else ""
