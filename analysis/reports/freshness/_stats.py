"""The state of files, by which a change is seen without reading them.

A file's state is its number on the disk, its size, and the times of its last change in nanoseconds.
The time of a change of state (ctime) cannot be set by a user, so that a file that was changed and
changed back is told from one that was left alone. On Windows it is the time of creation, and a
change of equal size within one tick of the clock is not seen.
"""

import os
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import analysis

PACKAGE = Path(analysis.__file__).parent
Stat = tuple[int, int, int, int]

_A_FOLDER = (0, 0, 0, 0)  # it changes when what is in it does
_TICK = 20_000_000  # ns: how far apart two times of a change are told apart, on a slow clock
_PATIENCE = 1.0  # s: whoever writes all the time is not waited for


def stat_of(path: str | os.PathLike[str]) -> Stat | None:
    """Return the state of a file or folder, None where there is none."""
    try:
        seen = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


# what editors and office programs lay beside a file while it is open, and what modules leave:
# .x.csv.swp, ~$x.xlsx, x.py~, #x.py#, 4913, __pycache__
_LITTER = re.compile(r"\..*|~\$.*|.*~|#.*#|4913|__pycache__", re.DOTALL)


def is_litter(name: str) -> bool:
    """Whether a name is that of a file or folder that no result follows from."""
    return _LITTER.fullmatch(name) is not None


def snapshot(root: Path, rooms: Collection[str]) -> dict[str, Stat]:
    """Return the state of each file and folder of some rooms, by its name in the project.

    What `is_litter` names is left out.
    """
    found: dict[str, Stat] = {}
    for room in rooms:
        found.update(_below(root / room, room, set()))
    return found


def code_now() -> dict[str, Stat]:
    """Return the state of the files of ``analysis``, whose code this process and kernels run."""
    return snapshot(PACKAGE.parent, [PACKAGE.name])


def settled(root: Path, rooms: Collection[str]) -> dict[str, Stat]:
    """Return a snapshot in which no file is so young that a change of it could go unseen."""
    until = time.monotonic() + _PATIENCE
    while True:
        found = snapshot(root, rooms)
        youngest = max((max(stat[2:]) for stat in found.values()), default=0)
        age = time.time_ns() - youngest
        if not 0 <= age < _TICK or time.monotonic() > until:
            return found
        time.sleep((_TICK - age) / 1e9)


def _below(folder: Path, name: str, above: set[str]) -> Iterator[tuple[str, Stat]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if is_litter(entry.name):
            continue
        stat, inside = stat_of(entry.path), f"{name}/{entry.name}"
        if stat is None:
            continue  # it is gone, or a link that leads nowhere
        yield inside, _A_FOLDER if entry.is_dir() else stat
        if entry.is_dir():
            real = os.path.realpath(entry.path) if entry.is_symlink() else ""
            if real not in above:  # a link that leads back to itself
                yield from _below(Path(entry.path), inside, above | ({real} - {""}))
