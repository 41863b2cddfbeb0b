"""Import papermill without what it needs in case, and a notebook's modules as they stand."""

import sys
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.machinery import SourceFileLoader
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


def compile_anew(root: Path) -> None:
    """Let this process compile the modules of a project, but for the package, as they stand.

    Python takes a compiled form for the source's own when time, in whole seconds, and size are
    equal: a module changed twice in a second would run as it was.
    """
    others = [root / "analysis", *map(Path, {sys.prefix, sys.base_prefix})]
    of_loader = SourceFileLoader.path_stats

    def path_stats(loader: SourceFileLoader, path: str) -> Mapping[str, object]:
        place = Path(path).absolute()
        if place.is_relative_to(root) and not any(map(place.is_relative_to, others)):
            raise OSError(f"{path}: its compiled form is not asked for")
        return of_loader(loader, path)

    SourceFileLoader.path_stats = path_stats  # type: ignore[assignment, method-assign]
