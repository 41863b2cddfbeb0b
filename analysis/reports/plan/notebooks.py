"""Which files of ``notebooks/`` run: ``NN-name.ipynb``, in sub-folders too.

None is passed over in silence, but for hidden folders.
"""

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.files import write_text
from analysis.reports.plan.source import parsed
from analysis.reports.text import listed

ENDING = ".ipynb"
_RUNS = re.compile(r"(\d{2,})-[^-\s].*")  # 10-收入分析
_COPY = "a copy, which runs when it is named"
_OTHER = "a notebook that runs is called NN-name.ipynb"
_FOLDER = "a folder, no notebook"
_LINK = "a link to a folder, which is not followed"
_BYTES = "its name is not UTF-8"


@dataclass(frozen=True)
class Found:
    """The notebooks of a folder, each by its name: its path in the folder, without the ending."""

    planned: dict[str, Path] = field(default_factory=dict)  # those that the plan runs
    copies: dict[str, Path] = field(default_factory=dict)  # they run when they are named
    # every file that the plan leaves alone, copies too, with its ending, and why
    left: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """What can run, copies too, as records call it."""
        return {f"{name}{ENDING}" for name in (*self.planned, *self.copies)}

    @property
    def said(self) -> str:
        """What is left alone, in one line; empty where nothing is."""
        alike: dict[str, list[str]] = {}
        for name, why in self.left.items():
            alike.setdefault(why, []).append(name)
        parts = [f"{', '.join(names)} ({why})" for why, names in alike.items()]
        return f"left alone: {'; '.join(parts)}" if parts else ""


def find() -> Found:
    """Find the notebooks of the project; hidden folders count for nothing."""
    folder = paths.notebooks()
    found = Found()
    for path in sorted(_files(folder), key=lambda path: _order(path.relative_to(folder))):
        file = path.relative_to(folder).as_posix()
        name = file.removesuffix(ENDING)
        if path.is_dir():
            found.left[file] = _LINK if path.is_symlink() else _FOLDER
        elif not _is_text(file):
            found.left[file] = _BYTES
        elif name == file or not _RUNS.fullmatch(path.stem):
            found.left[file] = _OTHER
        elif _is_copy(path.stem):
            found.left[file], found.copies[name] = _COPY, path
        else:
            found.planned[name] = path
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        is_folder = path.is_dir()
        if path.name.lower().endswith(ENDING) or (is_folder and path.is_symlink()):
            yield path
        elif is_folder:
            yield from _files(path)


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _order(name: Path) -> tuple[object, ...]:
    """Sort by number, 100 behind 20, a sub-folder behind what lies beside it."""
    number = re.match(r"\d*", name.name)
    return len(name.parts), name.parent.as_posix(), int((number and number[0]) or 0), name.name


@cache
def _copied() -> re.Pattern[str]:
    """Match the end of a copy's name: ``-Copy1``, `` - 副本 (2)``, `` (1)``."""
    words = tomllib.loads(Path(__file__).with_name("copies.toml").read_text("utf-8"))
    spaced, joined, anywhere = ("|".join(map(re.escape, same)) for same in words.values())
    number, few = r"\s*[(（]?\d{0,3}[)）]?", r"\s*[(（]\d{1,2}[)）]"  # (2024) is a year
    ends = rf"\s(?i:{spaced}){number}|(?:{joined}){number}|{few}"
    return re.compile(rf".*(?:{ends}|(?i:{anywhere}).*)")


def _is_copy(stem: str) -> bool:
    return _copied().fullmatch(unicodedata.normalize("NFC", stem)) is not None


# ---- a person's own ----


def own(word: str) -> Path | None:
    """Return the notebook of ``work/`` that a word names, seen from here or from the root."""
    name = word.replace("\\", "/").removesuffix(ENDING) + ENDING
    for folder in (paths.root(), Path.cwd()):
        path = (folder / name).resolve()
        if path.is_relative_to(paths.work()) and path.is_file():
            return path
    return None


def adopt(word: str, name: str = "") -> Path:
    """Move a notebook of ``work/`` into the collection, without its outputs, and return it.

    It keeps its name, or takes the one given, behind a number of its own: the next that is free.
    """
    path = own(word)
    if path is None:
        there = listed(sorted(p.relative_to(paths.root()).as_posix() for p in _files(paths.work())))
        raise LianjianError(f"{word!r} is no notebook in work/. There are: {there or 'none'}.")
    stem = unicodedata.normalize("NFC", (name or path.stem).removesuffix(ENDING)).strip(" -")
    if not stem or {"/", "\\"} & set(stem) or _is_copy(stem):
        raise LianjianError(
            f"{stem!r} cannot name a notebook of the collection: give it a name of its own, "
            "without slashes and words for a copy, e.g. lianjian adopt work/x.ipynb --name prices."
        )
    if not _RUNS.fullmatch(stem):
        numbers = [int(found.stem.partition("-")[0]) for found in find().planned.values()]
        stem = f"{max(numbers, default=0) + 1:02}-{stem}"
    to = paths.notebooks() / f"{stem}{ENDING}"
    if to.exists():
        raise LianjianError(f"notebooks/{to.name} is there already; give another: --name NAME.")
    notebook = parsed(path.read_bytes(), path.name)
    write_text(to, as_stored(without_outputs(notebook, notebook)))
    path.unlink()
    return to


def without_outputs(notebook: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook as the collection keeps it: code, prose and tags.

    Lab writes the kernel's version and which cells are folded into the metadata; what the stored
    notebook says of itself stays instead.
    """
    kept: dict[str, Any] = deepcopy(dict(notebook))
    kept["metadata"] = stored.get("metadata") or {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in kept["cells"]:
        tags = cell.get("metadata", {}).get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return kept


def as_stored(notebook: Mapping[str, Any]) -> str:
    """Return the text of a notebook, as Jupyter writes it."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


# ---- names of reports ----


def report_names(names: Iterable[str]) -> dict[str, str]:
    """Give each notebook the beginning of its reports' names; two never share one.

    Letters and digits of every script stay, in lower case; what else a name holds becomes a
    hyphen, and a hash of the whole tells it from others.
    """
    made = {name: _readable(name) for name in names}
    taken: dict[str, list[str]] = {}
    for name, slug in made.items():
        taken.setdefault(slug, []).append(name)
    for slug, same in taken.items():
        for name in same:
            if len(same) > 1 and name != slug:
                made[name] = f"{slug}-{_digest(name)}"
    return made


def _readable(name: str) -> str:
    lower = name.lower()
    kept = "".join(c if c.isalnum() or c == "_" else "-" for c in _decomposed(lower))
    slug = re.sub(r"([-_])[-_]+", r"\1", kept).strip("-_")
    return slug if slug == lower.replace("/", "-") else f"{slug}-{_digest(name)}"


def _decomposed(text: str) -> str:
    """Take accents off: a disk may store é as one character or as two."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _digest(name: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", name).encode()).hexdigest()[:8]
