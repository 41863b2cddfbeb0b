"""Write so that nothing is lost: stage, then rename."""

import ctypes
import io
import json
import os
import shutil
import stat
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the target's place when the block ends well.

    When the block fails the target stays as it was and what was staged is removed. A run that
    was killed is repaired by the next call.
    """
    staging = target.with_name(f".{target.name}.staging")
    previous = target.with_name(f".{target.name}.previous")
    if previous.exists() and not target.exists():
        previous.rename(target)
    for leftover in (staging, previous):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        replace_folder(staging, target, previous)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def replace_folder(staging: Path, target: Path, previous: Path) -> None:
    """Put a folder in the place of another, which is removed.

    Where the system can exchange two names in one step there is no moment without a target.
    Elsewhere the old folder waits as ``previous`` between two renames: whoever finds it without
    its target puts it back.

    Parameters
    ----------
    staging : Path
        What takes the place.
    target : Path
        The place; it need not exist.
    previous : Path
        Where the old folder may wait; nothing may be there.
    """
    if not target.exists():
        staging.rename(target)
    elif _exchange(staging, target):
        shutil.rmtree(staging, ignore_errors=True)
    else:
        target.rename(previous)
        staging.rename(target)
        shutil.rmtree(previous, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False where the system or the disk cannot."""
    rename = _renameat2()
    arguments = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return rename is not None and rename(*arguments) == 0


@cache
def _renameat2() -> Any:  # noqa: ANN401  (a function of the C library)
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "renameat2", None)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8 with Unix line ends, by a rename."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file by a rename."""
    staging = path.with_name(f".{path.name}.staging")
    staging.write_bytes(content)
    staging.replace(path)


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Return a zip file; the same contents give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name in sorted(contents):
            file.writestr(_zip_entry(name), contents[name])
    return buffer.getvalue()


def zip_folder(folder: Path, target: Path, top: str) -> None:
    """Write a folder as a zip file; the same files give the same bytes.

    Parameters
    ----------
    folder : Path
        What goes in, with all that is below it.
    target : Path
        The zip file; it may be larger than memory.
    top : str
        Name of the folder inside the zip file that holds everything.
    """
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name in sorted(names):
            is_program = bool(names[name].stat().st_mode & stat.S_IXUSR)
            entry = _zip_entry(f"{top}/{name}", 0o755 if is_program else 0o644)
            file.writestr(entry, names[name].read_bytes())


def _zip_entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # of 1980-01-01
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = mode << 16
    entry.create_system = 3  # as on Unix, wherever it was made
    return entry


def to_json(content: Any) -> str:  # noqa: ANN401  (JSON can be anything)
    """Return JSON with sorted keys: the same content gives the same bytes."""
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
