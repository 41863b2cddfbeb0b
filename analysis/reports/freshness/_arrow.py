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
    "pyarrow": ("memory_map", "input_stream", "OSFile"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.json": ("read_json", "open_json"),
    "pyarrow.orc": ("ORCFile", "read_table"),
    "pyarrow.parquet": ("read_metadata", "read_schema"),
    "pyarrow.parquet.core": ("ParquetFile", "ParquetDataset"),
}
"""Functions and classes whose first argument is what they read, by their modules."""

_WRITERS = {
    "pyarrow": {"output_stream": 0},
    "pyarrow.csv": {"write_csv": 1},
    "pyarrow.dataset": {"write_dataset": 1},
    "pyarrow.feather": {"write_feather": 1},
    "pyarrow.orc": {"ORCWriter": 0},
    "pyarrow.parquet.core": {"ParquetWriter": 0},
}
"""Functions and classes that write, with the place of the argument that says where."""


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
    doors = dict.fromkeys(READERS[module.__name__], (0, "rb"))
    doors |= {name: (at, "wb") for name, at in _WRITERS.get(module.__name__, {}).items()}
    for name, (at, mode) in doors.items():
        door = getattr(module, name, None)
        if isinstance(door, type) and "__init__" in vars(door):
            door.__init__ = _announcing(door.__init__, at + 1, mode)  # type: ignore[misc]
        elif isinstance(door, type):  # a class in C: its heirs can be told from it by nobody
            own = {"__init__": _announcing(lambda *_, **__: None, at + 1, mode)}
            setattr(module, name, type(name, (door,), own))
        elif door is not None:
            setattr(module, name, _announcing(door, at, mode))


def _announcing(door: Callable[..., Any], at: int, mode: str) -> Callable[..., Any]:
    @functools.wraps(door)
    def announcing(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        place = arguments[at] if len(arguments) > at else next(iter(named.values()), None)
        if named.get("filesystem") is not None:
            sys.audit(EVENT, "a file system of pyarrow")
        for path in _paths(place):
            sys.audit("open", path, mode, 0)
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
