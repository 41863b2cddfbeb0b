"""Who opens files of data while a run goes on, as the Linux kernel tells it (inotify).

It names every file that anybody opens, programs and code in C included, and not who it was. What no
run has announced, and this process has not opened, belongs to the run that started such a program;
where it can be of several runs, each of them may have read it. A run that has started none may have
read what is published, or of a dataset that it has opened; other books are another command's, say
of `lianjian build` in another terminal. A file that this process opens is heard of once for each
time, so that a program that opens it too, before or after, is not missed.
"""

import contextlib
import ctypes
import os
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.reports.freshness import file_access
from analysis.reports.freshness._kinds import PUBLISHED, dataset_of
from analysis.reports.freshness.file_access import FilesRead

_OPEN, _FOLDER, _OVERFLOW = 0x20, 0x40000000, 0x4000
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

_lock = threading.Lock()
_watching: "set[Watch]" = set()


class Watch:
    """What was opened below a folder, since the watch was set."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root, self.log = root, log
        self._elsewhere: set[str] = set()  # what other runs have opened
        self._others_unseen = False
        self._found: set[str] = set()
        self._by_us: Counter[str] = Counter()  # opened by this process, and not yet told
        self._is_whole = True
        self._hearing = threading.Lock()
        self._folders: dict[int, str] = {}
        self._descriptor = _inotify(root / "data", self._folders)

    def opened(self) -> set[str] | None:
        """Name what others than this process opened, relative to the root; None: not known."""
        self.hear()
        if self._descriptor < 0 or not self._is_whole:
            return None
        found, known = set(self._found), set(self._folders.values())
        for folder, _, files in os.walk(self.root / "data"):  # made meanwhile: nobody watched it
            name = Path(folder).relative_to(self.root).as_posix()
            if name not in known:
                found.update(f"{name}/{file}" for file in files)
        return {name for name in found if file_access.is_source(Path(name))}

    def hear(self, opens: str = "") -> None:
        """Take in what was told so far; then this process opens a file, and is told of it once."""
        with self._hearing:
            if self._descriptor < 0:
                return
            with contextlib.suppress(BlockingIOError):
                while content := os.read(self._descriptor, 2**18):
                    self._take(content)
            if opens:
                self._by_us[opens] += 1

    def _take(self, content: bytes) -> None:
        place = 0
        while place < len(content):
            watch, mask, _, length = _EVENT.unpack_from(content, place)
            place += _EVENT.size + length
            file = os.fsdecode(content[place - length : place].rstrip(b"\0"))
            self._is_whole &= not mask & _OVERFLOW
            if not file or mask & _FOLDER or watch not in self._folders:
                continue
            name = f"{self._folders[watch]}/{file}"
            if self._by_us[name]:
                self._by_us[name] -= 1
            else:
                self._found.add(name)

    def read(self) -> FilesRead:
        """Return what the run read: what it announced, and what nobody else can have opened."""
        own, opened = _announced(self.log), self.opened()
        with _lock:
            for other in _watching - {self}:
                self.tell_apart(_announced(other.log))
                other.tell_apart(own)
        if opened is None:
            return replace(own, may_be_all=bool(own.unseen))
        unsaid = opened - {*own.files, *own.written}
        if not own.unseen:  # then it has announced all
            return replace(own, maybe=tuple(sorted(self._near(own, unsaid - self._elsewhere))))
        if self._others_unseen:
            return replace(own, maybe=tuple(sorted(unsaid)))
        # what another has announced, a program of this run may have opened as well
        files = tuple(sorted({*own.files, *(unsaid - self._elsewhere)}))
        return replace(own, files=files, maybe=tuple(sorted(unsaid & self._elsewhere)))

    def _near(self, own: FilesRead, names: set[str]) -> Iterator[str]:
        """Yield what is published, of no dataset, or of one of which the run has opened a thing."""
        said = (*own.files, *own.written, *(f"{folder}/." for folder in own.folders))
        known = {"", PUBLISHED, *(dataset_of(self.root, name) for name in said)}
        yield from (name for name in names if dataset_of(self.root, name) in known)

    def tell_apart(self, other: FilesRead) -> None:
        """Keep what another run has announced of the same time."""
        self._elsewhere.update(other.files, other.written)
        self._others_unseen |= bool(other.unseen)

    def close(self) -> None:
        """End the watch."""
        with self._hearing:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1


def hear() -> None:
    """Take in what was told, before another opens what this process has just opened."""
    for watch in tuple(_watching):
        watch.hear()


@contextlib.contextmanager
def watched(root: Path, log: Path) -> Iterator[Watch]:
    """Watch the data of a project while a run goes on."""
    _listen()
    watch = Watch(root, log)
    with _lock:
        _watching.add(watch)
    try:
        yield watch
    finally:
        with _lock:
            _watching.discard(watch)
        watch.close()


def _announced(log: Path) -> FilesRead:
    try:
        return file_access.seen(log.read_text("ascii"))
    except OSError:
        return FilesRead()  # no kernel has started, or it is gone by now and has told


def _works_for_a_cluster() -> bool:
    """Whether this run is a task of a Dask worker."""
    if (dask := sys.modules.get("distributed.worker")) is None:
        return False
    try:
        dask.get_worker()
    except ValueError:  # there is none
        return False
    return True


def _inotify(folder: Path, watches: dict[int, str]) -> int:
    """Watch a folder and all below it; return the descriptor to read from, -1 without one."""
    if sys.platform != "linux" or _works_for_a_cluster():
        return -1  # workers of a cluster do not hear what runs of other workers announce
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(library.inotify_init1(_FLAGS))
    for place, _, _ in os.walk(folder) if descriptor >= 0 else ():
        number = int(library.inotify_add_watch(descriptor, os.fsencode(place), _OPEN))
        if number < 0:  # a limit of the system: half a watch is none
            os.close(descriptor)
            return -1
        watches[number] = Path(place).relative_to(folder.parent).as_posix()
    return descriptor


_is_listening = False


def _listen() -> None:
    """Note what this process opens itself, as hashing does, for no run has read that."""
    global _is_listening  # noqa: PLW0603  (a hook stays for the life of a process)
    with _lock:
        if _is_listening:
            return
        _is_listening = True

    here = os.getpid()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not _watching or not isinstance(arguments[0], str | os.PathLike):
            return
        if os.getpid() != here:
            return  # what is forked from this process shares its watches, and is not it
        place = os.path.abspath(os.fspath(arguments[0]))  # noqa: PTH100
        is_made = bool(arguments[2] & os.O_CREAT)
        for watch in tuple(_watching):
            prefix = f"{watch.root}{os.sep}"
            if place.startswith(prefix) and (is_made or os.path.isfile(place)):  # noqa: PTH113
                watch.hear(opens=place[len(prefix) :])

    sys.addaudithook(hook)
