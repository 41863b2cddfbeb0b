"""What a run read and wrote: files and folders of the project, and data from elsewhere.

Python announces what it opens to audit hooks, whoever asks: pandas, numpy or plain ``open``. What
opens files where Python does not see it announces itself (`arrow`), or is known by its name or by
the way it is started: then a run may have read everything.
"""

import contextlib
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from analysis.reports.freshness import _arrow
from analysis.reports.freshness._stats import is_litter

FILE = "reads"
"""File in a kernel's folder that takes what was read and written, a line each."""

INPUTS = ("data", "notebooks", "work", "analysis")
"""Folders of the project that a run reads, and does not write."""

RESULTS = ("reports", "released")
"""Folders that the engine alone writes: what a run puts there is lost, or is not what it says."""

FOLDER, READ, WRITTEN, OUTSIDE, UNSEEN = "folder", "file", "written", "outside", "unseen"
UPDATED = "updated"

_SYSTEM = ("/usr/", "/etc/", "/proc/", "/sys/", "/dev/", "/opt/", "/lib")
_PACKAGE = f"{Path(__file__).parents[2]}{os.sep}"
_MADE = {"tests", "dist"}
_DATA = (
    ".csv .tsv .txt .json .jsonl .xlsx .xls .ods .parquet .feather .arrow .orc .dta .sav .sas7bdat "
    ".pkl .npy .npz .h5 .db .sqlite .duckdb .zip .gz"
)
_SUFFIXES = tuple(_DATA.split())
_READ_ONLY = re.compile(r"[?&](?:mode=ro|immutable=1)\b")  # file:a.db?mode=ro
_UPDATES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# events after which programs, or code in C, open files in a run's name
_STARTS = (
    "os.system os.exec os.posix_spawn os.spawn os.startfile os.forkpty pty.spawn ctypes.dlopen"
)
_CHANGES = "os.remove os.rename os.rmdir os.truncate"
# programs that libraries start to learn about the machine
_LOOKERS = {"fc-list", "ldconfig", "lscpu", "uname"}
_OWN = "analysis.clean.workbook.child"  # opens the book that its parent announces, and nothing else
# modules that open files in their own code, or in processes that no hook follows
_NAMES = (
    "apsw chdb cv2 datafusion deltalake duckdb fastexcel fiona h5py jpype lxml.etree netCDF4 polars"
    " pyogrio pyreadr pyreadstat python_calamine rasterio rpy2 tables vaex"
    " joblib.externals.loky.backend.popen_loky_posix loky.backend.popen_loky_posix"
    " multiprocessing.popen_forkserver multiprocessing.popen_spawn_posix"
)
_LISTERS = ("_frozen_importlib", "importlib", "pkgutil")  # of folders, in search of modules
_READERS = frozenset(_NAMES.split())


@dataclass(frozen=True)
class FilesRead:
    """What a run read and wrote, by names relative to the root of the project."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()  # that it listed
    written: tuple[str, ...] = ()  # inputs or results that it opened to write, renamed or removed
    updated: tuple[str, ...] = ()  # databases and others that it opened, perhaps to write
    outside: tuple[str, ...] = ()  # files of data from elsewhere
    unseen: tuple[str, ...] = ()  # what may read files without a word: programs, libraries in C
    maybe: tuple[str, ...] = ()  # files that somebody opened meanwhile, and perhaps this run
    may_be_all: bool = False  # what it read unseen is not known by name


_notes: "list[_Notes]" = []


def noted() -> FilesRead:
    """Return what this kernel, and what is forked from it, has read and written so far.

    Nothing where nobody notes it. What a forked process has read is known by the log alone.
    """
    return _gathered(line for notes in _notes for line in (*notes.known, *notes.written()))


def note(log: Path, root: str) -> None:
    """Write down what this process, and what is forked from it, reads and writes from now on.

    A path is written once, at once and before it is opened, because a kernel may end without
    warning.
    """
    notes = _Notes(log, root)
    _notes.append(notes)
    handlers: dict[str, Callable[..., None]] = {
        "open": notes.opens,
        "os.listdir": notes.lists,
        "os.scandir": notes.lists,
        "import": notes.imports,
        "sqlite3.connect": notes.connects,
        "subprocess.Popen": notes.starts,
        _arrow.EVENT: notes.reads_unseen,
    }
    handlers |= {e: functools.partial(notes.reads_unseen, e) for e in _STARTS.split()}
    handlers |= dict.fromkeys(_CHANGES.split(), notes.changes)
    handlers["os.mkdir"] = notes.makes
    handlers |= dict.fromkeys(("os.link", "os.symlink"), lambda _, made, *__: notes.changes(made))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is not None:
            with contextlib.suppress(OSError):  # what a hook raises would stop what it watches
                handler(*arguments)

    sys.addaudithook(hook)
    _arrow.announce()


class _Notes:
    """Writes to a log what is read and written, each once."""

    def __init__(self, log: Path, root: str) -> None:
        self.known: dict[tuple[str, str], None] = {}
        self._log, self._inside = log, _slashed(root)
        self._inputs = tuple(_slashed(f"{root}/{room}") for room in INPUTS)
        self._kept = (*self._inputs, *(_slashed(f"{root}/{room}") for room in RESULTS))
        self._libraries = tuple(map(_slashed, {sys.prefix, sys.base_prefix}))
        self._own = _slashed(os.path.realpath(log.parent))  # of the kernel: what it makes itself
        self._open_log()

    # ---- what is announced ----

    def opens(self, path: Any, mode: object, flags: object) -> None:
        """Note a file that is opened, unless by a descriptor, which was opened before."""
        place = None if isinstance(path, int) else self._place(path)
        if place is None or (place.startswith(_PACKAGE) and _begins(sys._getframe(2))):  # noqa: SLF001
            return  # data that a module reads as it is imported are part of the module
        reads, writes = _purpose(mode, flags)
        name = place.rpartition(os.sep)[2]
        if place.startswith(self._kept) and writes:
            self._say(WRITTEN, place[len(self._inside) :])
        if place.startswith(self._inputs) and reads and "+" in str(mode):
            self._say(UPDATED, place[len(self._inside) :])
        if place.startswith(self._inside) and (reads or not writes):
            self._say(READ, place[len(self._inside) :])
        elif writes:
            self.known[OUTSIDE, name] = None  # the run's own work, if it lies elsewhere
        elif not place.startswith(self._inside) and _is_data(place):
            self._say(OUTSIDE, name)
        by_folder = mode is None and not os.path.isabs(os.fsdecode(path))  # noqa: PTH117
        if by_folder and not os.path.lexists(place):
            self.reads_unseen("a path that begins at an open folder")

    def lists(self, path: object = None) -> None:
        """Note a folder whose names are read, but by an import, which looks for one of them."""
        if _imports(sys._getframe(2)):  # noqa: SLF001  (of whoever calls what is audited)
            return
        place = self._place("." if path is None else path)
        if place is not None and f"{place}{os.sep}".startswith(self._inside):
            self._say(FOLDER, place[len(self._inside) :])

    def connects(self, database: object) -> None:
        """Note a database of SQLite, which is written to as well unless it says that it is not."""
        path = _database(database)
        self.opens(path, "r", 0)
        place = self._place(path)
        if place and place.startswith(self._inputs) and not _READ_ONLY.search(str(database)):
            self._say(UPDATED, place[len(self._inside) :])

    def imports(self, module: str, *_: object) -> None:
        """Note a module that opens files in its own code."""
        if module in _READERS:
            self.reads_unseen(module)

    def starts(self, executable: Any, command: Any, *_: object) -> None:
        """Note a program that is started."""
        words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
        program = os.path.basename(os.fsdecode(executable or words[0]))  # noqa: PTH119
        if program not in _LOOKERS and _OWN not in words:
            self.reads_unseen("subprocess.Popen")

    def changes(self, *arguments: object) -> None:
        """Note what is renamed, removed or made."""
        for path in arguments[:2]:
            place = None if isinstance(path, int) else self._place(path)
            if place is not None and place.startswith(self._kept):
                self._say(WRITTEN, place[len(self._inside) :])

    def makes(self, path: object, *_: object) -> None:
        """Note a folder that is made, where there was none."""
        if not os.path.isdir(path):  # type: ignore[arg-type]  # noqa: PTH112
            self.changes(path)

    def reads_unseen(self, how: str, *_: object) -> None:
        """Note that files may be read of which nobody says the names."""
        self._say(UNSEEN, how)

    # ---- how it is kept ----

    def _place(self, path: object) -> str | None:
        """Return where a path leads; None for what is none, and for a library's."""
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}"
        elif not isinstance(path, str | bytes | os.PathLike):
            return None
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  (a link in the project is named)
        if not place.startswith((self._inside, *self._libraries)):
            place = os.path.realpath(place)
        return None if place.startswith((*self._libraries, self._own)) else place

    def _say(self, mark: str, what: str) -> None:
        if (mark, what) in self.known:
            return
        self.known[mark, what] = None
        line = f"{mark}\t{json.dumps(what)}\n".encode()
        # a forked process that has closed all it had may hold another file by this number
        with contextlib.suppress(OSError):
            if os.path.samestat(self._is, os.fstat(self._stream)):
                os.write(self._stream, line)
                return
        self._open_log()
        os.write(self._stream, line)

    def written(self) -> tuple[tuple[str, str], ...]:
        """Return what stands in the log, by whichever process."""
        try:
            return tuple(_lines(self._log.read_text("ascii")))
        except OSError:
            return ()  # the log goes with its kernel

    def _open_log(self) -> None:
        self._stream = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._is = os.fstat(self._stream)


def _imports(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith(_LISTERS)


def _begins(frame: FrameType | None) -> bool:
    """Whether a module of the package is being imported, and no cell is at work below it."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "<module>" and name.startswith("analysis."):
            return True
        frame = frame.f_back
    return False


def _slashed(folder: str) -> str:
    return os.path.normpath(folder) + os.sep


def _purpose(mode: object, flags: object) -> tuple[bool, bool]:
    """Whether a file is opened to be read, and to be written: by its mode, or by its flags."""
    if isinstance(mode, str):
        return "r" in mode or "+" in mode, not set("wax").isdisjoint(mode)
    number = flags if isinstance(flags, int) else 0
    return not number & os.O_WRONLY, bool(number & _UPDATES)


def _database(name: object) -> object:
    """Return the file of a database, which may be named by an address."""
    if isinstance(name, str) and name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(name).path)
    return name


def _is_data(path: str) -> bool:
    """Whether a file outside of the project is one that a result may follow from."""
    hidden = f"{os.sep}." in path  # a cache, a configuration
    return path.lower().endswith(_SUFFIXES) and not path.startswith(_SYSTEM) and not hidden


def seen(text: str) -> FilesRead:
    """Read what was noted; a last line that a kernel did not finish is left out."""
    return _gathered(_lines(text))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n")[:-1]:
        mark, _, written = line.partition("\t")
        yield mark, json.loads(written)


def _gathered(lines: Iterable[tuple[str, str]]) -> FilesRead:
    marks = (READ, FOLDER, WRITTEN, UPDATED, OUTSIDE, UNSEEN)
    found: dict[str, set[str]] = {mark: set() for mark in marks}
    for mark, what in lines:
        if mark in {OUTSIDE, UNSEEN}:
            found[mark].add(what)
        elif is_source(Path(what)):
            module = _compiled_from(Path(what)).as_posix()
            if mark != WRITTEN or module == what:  # whoever imports a module keeps it compiled
                found[mark].add(module)
    files, folders, written, updated, outside, unseen = map(tuple, map(sorted, found.values()))
    return FilesRead(files, folders, written, updated, outside, unseen)


def is_source(name: Path) -> bool:
    """Whether a result may follow from a file or folder of the project."""
    if not name.parts or name.parts[0] in _MADE:
        return False
    parts = name.parts if name.suffix != ".pyc" else _compiled_from(name).parts
    return not any(map(is_litter, parts))


def _compiled_from(name: Path) -> Path:
    """Return the module whose compiled form was read in its stead."""
    if name.suffix != ".pyc":
        return name
    return name.parent.parent / f"{name.name.partition('.')[0]}.py"
