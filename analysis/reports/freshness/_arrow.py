"""Let pyarrow, which opens files in C++, announce to audit hooks what it reads."""

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

DOORS = {
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


def announce() -> None:
    """Wrap the doors of what is imported, and of what will be."""
    for name in DOORS:
        if name in sys.modules:
            _wrap(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps a module's doors once it has been imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in DOORS:
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
    for name in DOORS[module.__name__]:
        door = getattr(module, name, None)
        if isinstance(door, type) and "__init__" in vars(door):
            door.__init__ = _announcing(door.__init__, 1)  # type: ignore[misc]
        elif isinstance(door, type):  # a class in C: its heirs can be told from it by nobody
            own = {"__init__": _announcing(lambda *_, **__: None, 1)}
            setattr(module, name, type(name, (door,), own))
        elif door is not None:
            setattr(module, name, _announcing(door, 0))


def _announcing(door: Callable[..., Any], first: int) -> Callable[..., Any]:
    @functools.wraps(door)
    def announcing(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        source = arguments[first] if len(arguments) > first else next(iter(named.values()), None)
        if named.get("filesystem") is not None:
            sys.audit(EVENT, "a file system of pyarrow")
        for path in _paths(source):
            sys.audit("open", path, "rb", 0)
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
