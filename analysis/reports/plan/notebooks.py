"""Which files of ``notebooks/`` run: ``NN-name.ipynb``, in sub-folders too.

None is passed over in silence, but for hidden folders.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from analysis import paths

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


# ---- names of reports ----


def report_names(names: Iterable[str]) -> dict[str, str]:
    """Give each notebook the beginning of its reports' names; two never share one.

    Letters and digits of every script stay, in lower case; what else a name holds becomes a
    hyphen, and a hash of the whole tells it from others.

    Examples
    --------
    >>> report_names(["03-Income", "10-收入分析", "sub/13-x"])
    {'03-Income': '03-income', '10-收入分析': '10-收入分析', 'sub/13-x': 'sub-13-x'}
    >>> report_names(["11-a 收入"])
    {'11-a 收入': '11-a-收入-09e3eb79'}
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
