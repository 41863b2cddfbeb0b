"""Let pyarrow, which opens files in C++, announce to audit hooks what it reads and writes."""

import functools
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

EVENT = "lianjian.unseen"
"""Raised where a file is read of which only a part of the path is known."""

READERS = {
    "pyarrow": ("input_stream",),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.fs": (),
    "pyarrow.ipc": ("open_file", "open_stream", "RecordBatchFileReader", "RecordBatchStreamReader"),
    "pyarrow.json": ("read_json", "open_json"),
    "pyarrow.orc": ("ORCFile", "read_table"),
    "pyarrow.parquet": ("read_metadata", "read_schema"),
    "pyarrow.parquet.core": ("ParquetFile", "ParquetDataset"),
}
"""Functions and classes whose first argument is what they read, by their modules."""

_WRITERS = {
    "pyarrow": {"output_stream": 0, "create_memory_map": 0},
    "pyarrow.csv": {"write_csv": 1, "CSVWriter": 0},
    "pyarrow.dataset": {"write_dataset": 1},
    "pyarrow.feather": {"write_feather": 1},
    "pyarrow.ipc": {"RecordBatchFileWriter": 0, "RecordBatchStreamWriter": 0},
    "pyarrow.orc": {"ORCWriter": 0},
    "pyarrow.parquet.core": {"ParquetWriter": 0},
}
"""Functions and classes that write, with the place of the argument that says where."""

_BY_MODE = {"pyarrow": ("memory_map", "OSFile")}
"""Functions and classes that are told, after the place, whether they read or write."""

_SYSTEMS = {"pyarrow.fs": ("LocalFileSystem", "SubTreeFileSystem", "copy_files")}
"""Functions and classes after which files are opened that nobody names."""

_IMMUTABLE = 1 << 8  # of a class in C, whose methods cannot be replaced


def announce() -> None:
    """Wrap the doors of what is imported, and of what will be."""
    for name in READERS:
        if name in sys.modules:
            _wrap(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps a module's doors once it has been imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in READERS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _wrap(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _wrap(module: ModuleType) -> None:
    name = module.__name__
    doors: dict[str, tuple[int, str]] = dict.fromkeys(READERS[name], (0, "rb"))
    doors |= dict.fromkeys(_BY_MODE.get(name, ()), (0, ""))
    doors |= dict.fromkeys(_SYSTEMS.get(name, ()), (-1, ""))
    doors |= {writer: (at, "wb") for writer, at in _WRITERS.get(name, {}).items()}
    for name, (at, mode) in doors.items():
        door = getattr(module, name, None)
        if not isinstance(door, type):
            if door is not None:
                setattr(module, name, _announcing(door, at, mode))
            continue
        begin = vars(door).get("__init__", lambda *_, **__: None)
        begin = _announcing(begin, at if at < 0 else at + 1, mode)
        if door.__flags__ & _IMMUTABLE:  # its heirs can be told from it by nobody
            setattr(module, name, type(name, (door,), {"__init__": begin}))
        else:
            door.__init__ = begin  # type: ignore[misc]


def _announcing(door: Callable[..., Any], at: int, mode: str) -> Callable[..., Any]:
    @functools.wraps(door)
    def announcing(*arguments: Any, **named: Any) -> Any:
        if at < 0:
            caller = str(sys._getframe(1).f_globals.get("__name__"))  # noqa: SLF001
            if not caller.startswith("pyarrow."):
                sys.audit(EVENT, "a file system of pyarrow")
            return door(*arguments, **named)
        place = arguments[at] if len(arguments) > at else next(iter(named.values()), None)
        if named.get("filesystem") is not None:
            sys.audit(EVENT, "a file system of pyarrow")
        how = mode or named.get("mode") or next(iter(arguments[at + 1 :]), "r")
        for path in _paths(place):
            sys.audit("open", path, how, 0)
        return door(*arguments, **named)

    return announcing


def _paths(source: object) -> Iterator[str]:
    """Yield the files that a source names: a path, an address, a folder, or several of them."""
    if isinstance(source, list | tuple):
        for part in source:
            yield from _paths(part)
    if not isinstance(source, str | os.PathLike):
        return
    name = os.fsdecode(source)
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    if os.path.isdir(name):  # noqa: PTH112
        for folder, _, files in os.walk(name):  # which announces each folder that it lists
            yield from (os.path.join(folder, file) for file in files)  # noqa: PTH118
    else:
        yield name
