"""Import papermill without what it needs in case, and a notebook's modules as they stand."""

import sys
import threading
from functools import cache
from importlib import import_module
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType

# A validator of addresses that jsonschema takes along where it is installed (JupyterLab brings
# it): it builds a parser for 1.4 s, and no notebook has such an address. Papermill takes pyarrow
# along for HDFS.
_NEEDLESS = ("rfc3987_syntax", "pyarrow")
_lock = threading.Lock()


@cache
def quickly(name: str) -> ModuleType:
    """Import nbformat or papermill; later imports of either find it there."""
    with _lock:
        hidden = [each for each in _NEEDLESS if each not in sys.modules]
        for each in hidden:
            sys.modules[each] = None  # type: ignore[assignment]  # "not installed", as importlib says it
        try:
            return import_module(name)
        finally:
            for each in hidden:
                del sys.modules[each]


class _AsItStands(SourceFileLoader):
    """Compiles a module from its source, and keeps nothing.

    Python takes a compiled form for the source's own when time, in whole seconds, and size are
    equal: a module changed twice in a second would run as it was.
    """

    def path_stats(self, path: str) -> dict[str, object]:
        raise OSError(f"{path}: its compiled form is not asked for")


def compile_anew(root: Path) -> None:
    """Let this process import the modules of a project, but for the package, as they stand."""
    found = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (_AsItStands, SOURCE_SUFFIXES)
    )
    others = [root / "analysis", *map(Path, {sys.prefix, sys.base_prefix})]

    def hook(folder: str) -> PathEntryFinder:
        path = Path(folder).absolute()
        if not path.is_relative_to(root) or any(map(path.is_relative_to, others)):
            raise ImportError(f"{folder} holds no modules of the project's own")
        return found(folder)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
