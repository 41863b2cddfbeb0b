"""Whether the packages that made a page are the locked ones."""

import re
import sys
from functools import lru_cache
from pathlib import Path

_LOCKED = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\\n]+))?", re.MULTILINE
)
_INSTALLED = re.compile(r"(.+?)-([^-]+)\.dist-info\Z")


def differing(lock: Path) -> tuple[str, ...]:
    """Return the packages whose installed version is not the locked one, each in words.

    Only packages that this project needs when it runs count; an editor's tools do not.
    """
    return _differing(lock, lock.stat().st_mtime_ns, tuple(sys.path))


@lru_cache(maxsize=8)
def _differing(lock: Path, _changed: int, path: tuple[str, ...]) -> tuple[str, ...]:
    installed, found = _installed(path), {}
    for name, wanted in _locked(lock).items():
        seen = installed.get(name)
        if seen is not None and seen not in {version for version, _ in wanted}:
            locked_here = " or ".join(_meant(wanted)) or "none for this Python"
            found[name] = f"{name} {seen} (locked: {locked_here})"
    needed = _needed() if found else set()
    return tuple(words for name, words in sorted(found.items()) if not needed or name in needed)


def locked(lock: Path) -> dict[str, str]:
    """Return the locked version of each package that is meant for this Python."""
    chosen = {name: _meant(wanted) for name, wanted in _locked(lock).items()}
    return {name: versions[0] for name, versions in sorted(chosen.items()) if versions}


def _locked(lock: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the versions of each package, each with the marker that says where it is meant."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, version, marker in _LOCKED.findall(lock.read_text("utf-8")):
        found.setdefault(_plain(name), []).append((version, marker.strip()))
    return found


def _meant(wanted: list[tuple[str, str]]) -> list[str]:
    """Return the locked versions that are meant for this Python."""
    from packaging.markers import Marker

    return [version for version, marker in wanted if not marker or Marker(marker).evaluate()]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(path: tuple[str, ...]) -> dict[str, str]:
    """Read names and versions off the folders: quicker than opening each package's metadata."""
    folders = [folder for folder in map(Path, path) if folder.is_dir()]
    items = (item.name for folder in folders for item in sorted(folder.glob("*.dist-info")))
    found: dict[str, str] = {}
    for match in filter(None, map(_INSTALLED.match, items)):
        found.setdefault(_plain(match[1]), match[2])
    return found


def _needed() -> set[str]:
    """Return the packages that this one needs, and what those need; empty when not known."""
    from importlib import metadata

    from packaging.requirements import Requirement

    seen, ahead = {"lianjian"}, ["lianjian"]
    while ahead:
        try:
            wanted = [Requirement(line) for line in metadata.requires(ahead.pop()) or []]
        except metadata.PackageNotFoundError:
            continue
        here = {
            _plain(one.name)
            for one in wanted
            if one.marker is None or one.marker.evaluate({"extra": ""})
        }
        ahead += here - seen
        seen |= here
    return seen - {"lianjian"}
