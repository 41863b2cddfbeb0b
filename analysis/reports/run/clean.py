"""What is made again by itself, for ``lianjian clean`` to remove; the rest stays, and is named."""

import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis import _language, paths, simulate
from analysis.clean import manifest, sources
from analysis.clean.build import PUBLISHED, datasets
from analysis.clean.simulated import is_drawn
from analysis.clean.sources import read_cards, read_toml, sha256
from analysis.errors import LianjianError
from analysis.files import locked
from analysis.reports import finished
from analysis.reports.page import feed, ledger

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache")
_OF_ALL_REPORTS = ("index.html", feed.FEED, ledger.CSV, ledger.TEX)


@dataclass(frozen=True)
class Made:
    """Something that lianjian made."""

    folder: Path  # where it lies; a single file, too
    files: tuple[Path, ...] = ()  # what of it is removed
    stays: str = ""  # what is not removed, and why


def found(planned: Collection[str], *, every: bool) -> list[Made]:
    """Return what lies in data and reports, with what of it is removed."""
    return [
        *_processed(),
        *_simulated(every=every),
        *_reports(planned, every=every),
        *(Made(path, (path,)) for path in _caches()),
    ]


def remove(items: Collection[Made]) -> None:
    """Remove what is to be removed; a folder goes when nothing is left in it."""
    for item in items:
        with locked(paths.processed(), "clean"):
            for path in item.files:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            if item.folder.is_dir() and not any(item.folder.iterdir()):
                item.folder.rmdir()


def _processed() -> Iterator[Made]:
    """Yield built datasets; those whose raw files are whole can be built again."""
    known = datasets()
    for folder in _folders(paths.processed()):
        name = folder.name
        if name not in known:
            yield Made(folder, stays="no dataset of data/raw makes it again")
            continue
        try:
            fault = next(
                sources.faults(paths.raw_dataset(name), read_cards(paths.card_file(name))), ""
            )
            files = {path: manifest.read(name)["files"].get(path.name) for path in folder.iterdir()}
        except (LianjianError, KeyError) as error:
            yield Made(folder, stays=f"it cannot be told what of it was made: {error}")
            continue
        if fault:
            yield Made(folder, stays=f"it cannot be built again: {fault}")
            continue
        ours = [p for p, digest in files.items() if p.is_file() and digest == sha256(p)]
        ours += [p for p, digest in files.items() if digest and p.suffix == ".parquet"]
        own = {*ours, folder / manifest.FILE}
        rest = sorted(path.name for path in files if path not in own)
        notes = (paths.processed() / f".{name}.{end}" for end in ("built.json", "before.parquet"))
        yield Made(folder, (*sorted(own), *notes), f"{', '.join(rest)}: not made" if rest else "")


def _simulated(*, every: bool) -> Iterator[Made]:
    """Yield simulated datasets as they were written; the default one comes back by itself."""
    for name in datasets():
        folder = paths.raw_dataset(name)
        if name == PUBLISHED:
            continue
        head, cards = read_toml(paths.card_file(name)), read_cards(paths.card_file(name))
        if not is_drawn(head, cards):
            continue
        known = {card.file for card in cards} | {"dataset.toml"}
        strange = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if strange or any(sources.faults(folder, cards)):
            yield Made(folder, stays="somebody has worked in it")
        elif every or _is_default(name, head):
            yield Made(folder, (folder,))
        else:
            yield Made(folder, stays="made with parameters; --all removes it")


def _is_default(name: str, head: dict[str, Any]) -> bool:
    default = json.loads(json.dumps(asdict(simulate.read_scenario({}))))
    return name == "simulated" and head["parameters"] == default


def _reports(planned: Collection[str], *, every: bool) -> Iterator[Made]:
    reports = paths.reports()
    if not reports.is_dir():
        return
    for name in finished.folders(reports):
        folder, slug = reports / name, name.removesuffix(finished.FAILED)
        if not finished.record_of(folder):
            yield Made(folder, stays="no run made it")
        elif foreign := finished.touched(folder):
            yield Made(folder, stays=f"it holds {', '.join(foreign)}")
        elif every or slug in planned:
            yield Made(folder, (folder,))
        else:
            yield Made(folder, stays="the plan does not ask for it; --all removes it")
    for code in ("en", *_language.languages()):
        names = (_language.page_file(code, name) for name in _OF_ALL_REPORTS)
        there = (reports / name for name in names if (reports / name).exists())
        yield from (Made(file, (file,)) for file in there)


def _caches() -> list[Path]:
    root = paths.root()
    caches = [root / name for name in _CACHES]
    for room in ("analysis", "tests"):
        caches += sorted((root / room).rglob("__pycache__"))
    return [path for path in caches if path.is_dir()]


def _folders(folder: Path) -> list[Path]:
    here = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in here if p.is_dir() and not p.name.startswith("."))
