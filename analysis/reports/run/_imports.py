"""Import papermill and nbformat without what they would only import in case."""

import sys
import threading
from functools import cache

# A validator of addresses that jsonschema takes along where it is installed (JupyterLab brings
# it): it builds a parser for 1.4 s, and no notebook has such an address. Papermill takes pyarrow
# along for HDFS.
_NEEDLESS = ("rfc3987_syntax", "pyarrow")
_lock = threading.Lock()


@cache
def import_papermill() -> None:
    """Import papermill and nbformat once, quickly; later imports of either find them there."""
    with _lock:
        hidden = [name for name in _NEEDLESS if name not in sys.modules]
        for name in hidden:
            sys.modules[name] = None  # type: ignore[assignment]  # "not installed", as importlib says it
        try:
            import nbformat  # noqa: F401, PLC0415
            import papermill  # noqa: F401, PLC0415
        finally:
            for name in hidden:
                del sys.modules[name]
