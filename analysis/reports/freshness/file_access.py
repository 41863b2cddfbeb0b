"""What a run read: files and folders of the project, and data from elsewhere."""

import os
import sys
from pathlib import Path
from typing import Any

FILE = "reads"
"""File in a kernel's folder that takes what was read, a line each."""

_SYSTEM = ("/usr/", "/etc/", "/proc/", "/sys/", "/dev/", "/opt/", "/lib")
_MADE = {"analysis", "reports", "tests", "dist"}  # no source; modules count by their names
_DATA = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet", ".feather",
    ".dta", ".sav", ".sas7bdat", ".pkl", ".npy", ".npz", ".h5", ".db", ".sqlite", ".zip", ".gz",
)  # fmt: skip


def note(log: Path, root: str) -> None:
    """Write down each file of the project that is opened, and each folder that is listed.

    Python announces both to audit hooks, whoever asks: pandas, numpy or plain ``open``. A path is
    written once, at once, because a kernel may end without warning. Of what lies elsewhere, files
    of data are noted by name; what the run has written itself is no source.
    """
    inside = root.rstrip(os.sep) + os.sep
    libraries = tuple(
        prefix.rstrip(os.sep) + os.sep for prefix in {sys.prefix, sys.base_prefix, str(log.parent)}
    )
    known: set[str] = set()
    stream = log.open("a", encoding="utf-8", buffering=1)
    abspath, fsdecode = os.path.abspath, os.fsdecode

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in {"open", "os.listdir", "os.scandir"}:
            return
        path = arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return
        full = abspath(fsdecode(path))
        if full in known or full.startswith(libraries):
            return
        if event == "open" and _writes(*arguments[1:3]):
            known.add(full)
        elif full.startswith(inside):
            known.add(full)
            mark = "file" if event == "open" else "folder"
            stream.write(f"{mark}\t{full[len(inside) :]}\n")
        elif event == "open" and _is_data(full):
            known.add(full)
            stream.write(f"outside\t{os.path.basename(full)}\n")  # noqa: PTH119

    sys.addaudithook(hook)


def _writes(mode: str | None, flags: int) -> bool:
    """Whether a file is opened to be written: by its mode, or by what ``os.open`` was told."""
    if mode is None:
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return not set("wax").isdisjoint(mode)


def _is_data(path: str) -> bool:
    """Whether a file outside of the project is one that a result may follow from."""
    hidden = f"{os.sep}." in path  # a cache, a configuration
    return path.lower().endswith(_DATA) and not path.startswith(_SYSTEM) and not hidden


def seen(text: str) -> dict[str, tuple[str, ...]]:
    """Read what was noted: ``files`` and ``folders`` of the project, and data ``outside``."""
    found: dict[str, set[str]] = {"files": set(), "folders": set(), "outside": set()}
    for line in text.splitlines():
        mark, _, written = line.partition("\t")
        name = Path(written)
        if mark == "outside":
            found["outside"].add(written)
        elif mark == "folder" and name.parts and name != Path("notebooks") and _is_source(name):
            # whoever imports a module lists the folder of notebooks
            found["folders"].add(name.as_posix())
        elif mark == "file" and _is_source(name):
            found["files"].add(_compiled_from(name).as_posix())
    return {mark: tuple(sorted(names)) for mark, names in found.items()}


def _is_source(name: Path) -> bool:
    """Whether a result may follow from a file."""
    room = name.parts[0]
    return room not in _MADE and not room.startswith(".") and name.suffix != ".ipynb"


def _compiled_from(name: Path) -> Path:
    """Return the module whose compiled form was read in its stead."""
    if name.suffix != ".pyc":
        return name
    return name.parent.parent / f"{name.name.partition('.')[0]}.py"
