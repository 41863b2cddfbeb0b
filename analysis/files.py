"""Write so that nothing is lost: stage, then rename."""

import ctypes
import errno
import filecmp
import io
import json
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from analysis.errors import LianjianError, did_you_mean
from analysis.terminal import warn

_STAGING = ".staging"
_PATIENCE, _LONGEST_WAIT = 1, 600  # seconds
_HOLDER = re.compile(r"process (\d+) on (.*), since ")
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def staged_folder(target: Path, *marks: str) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the target's place when the block ends well.

    A folder there is replaced only when it is empty, or holds a file of one of the marks: then it
    is ours. When the block fails the target stays as it was and what was staged is removed. A run
    that was killed is repaired by the next call. Whoever calls holds the target's lock.
    """
    previous = target.with_name(f".{target.name}.previous")
    if previous.exists() and not target.exists():
        previous.rename(target)
    must_be_ours(target, *marks)
    with told_when_full(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in (previous, *target.parent.glob(f".{target.name}.*{_STAGING}")):
            shutil.rmtree(leftover, ignore_errors=True)
        # a name of its own, and nobody else's to read while it is filled
        made = tempfile.mkdtemp(suffix=_STAGING, prefix=f".{target.name}.", dir=target.parent)
        staging = Path(made)
        try:
            yield staging
            must_be_ours(target, *marks)
            if not _is_same(staging, target):
                replace_folder(staging, target, previous)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _is_same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files: what nobody changed is not touched."""
    found = [
        {path.relative_to(folder): path for path in folder.rglob("*") if not path.is_dir()}
        for folder in (one, other)
    ]
    return found[0].keys() == found[1].keys() and all(
        filecmp.cmp(path, found[1][name], shallow=False) for name, path in found[0].items()
    )


def must_be_ours(target: Path, *marks: str) -> None:
    """Raise unless a folder may be replaced: is not there, is empty, or holds one of the marks."""
    fault = ""
    if ".." in target.parts or not target.name:
        fault = "its path leads out of the folder that it should lie in"
    elif target.is_symlink():
        fault = "it is a link to another place"
    elif target.exists() and not target.is_dir():
        fault = "it is no folder"
    elif target.is_dir() and any(target.iterdir()) and not _holds(target, marks):
        fault = "it holds files"
        if marks:
            fault += f" and no {' or '.join(marks)}, so lianjian did not make it"
    if fault:
        raise LianjianError(
            f"{target} is not replaced: {fault}. Move it to another place first if it is yours."
        )


def _holds(folder: Path, marks: tuple[str, ...]) -> bool:
    return any((folder / mark).is_file() for mark in marks)


@contextmanager
def locked(folder: Path, name: str, *, within: bool = True) -> Iterator[str]:
    """Hold the lock of a name in a folder; give a token for the time.

    Who comes second waits and says for whom. Where nobody may come from ``within``, the holder
    itself and what it has started are refused: they would wait for themselves. The lock is the
    system's: it goes with the process that holds it, however that ends.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / f".{name}.lock"), folder / f".{name}.holder"
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        who = _held_by(holder)[0]
        if not within and _has_begun_us(who):
            raise LianjianError(
                f"Another lianjian is writing {folder}: {who}. It has started this one, and would "
                "wait for it; run this one on its own. Nothing was changed."
            ) from None
        warn(f"another lianjian ({who}) is at work in {folder.name}; this one waits for it")
        try:
            lock.acquire(timeout=_LONGEST_WAIT)
        except Timeout:
            raise LianjianError(
                f"Another lianjian ({who}) has been at work on {name} for more than "
                f"{_LONGEST_WAIT // 60} minutes. Wait until it has ended, or stop it; nothing was "
                "changed."
            ) from None
    try:
        since, token = datetime.now(UTC).isoformat(" ", "seconds"), secrets.token_hex(8)
        who = f"process {os.getpid()} on {platform.node()}, since {since}"
        with told_when_full(folder):  # of what is written, the system names no file
            holder.write_text(f"{who}\n{token}\n", "utf-8")
        yield token
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _has_begun_us(who: str) -> bool:
    """Whether who holds a lock is this process, or one that it descends from."""
    import psutil

    if (holder := _HOLDER.match(who)) is None or holder[2] != platform.node():
        return False
    return int(holder[1]) in {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def is_held(folder: Path, name: str, token: str) -> bool:
    """Whether whoever was given a token still holds the lock; a worker far away asks this."""
    return _held_by(folder / f".{name}.holder")[1] == token


def _held_by(holder: Path) -> tuple[str, str]:
    """Return who holds a lock, and the token, as its file has them."""
    try:
        who, token = holder.read_text("utf-8").splitlines()
    except (OSError, ValueError):  # gone, or not yet written
        return "unknown", ""
    return who, token


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Say which disk is full, where the system would name the file that was being copied."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise LianjianError(
            f"The disk that holds {folder} is full, or your share of it is. Make room, then do it "
            "again. What was there before is unchanged."
        ) from None


def open_to_readers(folder: Path) -> None:
    """Give a staged folder the rights that a new one gets: whoever may read the project may it."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)


def keep_private(folder: Path) -> None:
    """Close a folder and all in it to everybody but its owner, whatever the umask."""
    for place, folders, names in os.walk(folder):
        Path(place).chmod(stat.S_IRWXU)
        for name in names:
            path = Path(place) / name
            if not path.is_symlink():
                path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        folders[:] = [name for name in folders if not (Path(place) / name).is_symlink()]


def carry_over(old: Path, new: Path, made: Collection[str]) -> None:
    """Copy into a new folder what of the old one was not made, but put there by somebody."""
    if not old.is_dir():
        return
    for path in sorted(old.iterdir()):
        if path.name in made or (new / path.name).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, new / path.name, symlinks=True)
        else:
            shutil.copy2(path, new / path.name, follow_symlinks=False)


def shield(folder: Path) -> None:
    """Make a folder one that ``git clean`` of the project passes over: a repository of its own.

    The least that git takes for one is written, without git. It holds nothing, and whoever wants
    to may commit in it.
    """
    git = folder / ".git"
    if (git / "HEAD").is_file():
        return
    for below in ("objects", "refs"):
        (git / below).mkdir(parents=True, exist_ok=True)
    settings = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
    (git / "config").write_text(settings, "utf-8", newline="\n")
    (git / "HEAD").write_text("ref: refs/heads/main\n", "utf-8", newline="\n")


def replace_folder(staging: Path, target: Path, previous: Path) -> None:
    """Put a folder in the place of another, which is removed.

    Where the system can exchange two names in one step there is no moment without a target.
    Elsewhere the old folder waits as ``previous`` between two renames: whoever finds it without
    its target puts it back.
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
def _renameat2() -> Any:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "renameat2", None)


def to_write(file: str | Path, endings: Collection[str], what: str) -> tuple[Path, str]:
    """Return where a file goes and the ending of its name, or say what is wrong with the name."""
    path = Path(file)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in endings:
        *first, last = (f".{one}" for one in endings)
        ending_names = ", ".join(first)
        raise LianjianError(
            f"{path.name!r} does not say how the {what} is to be written."
            f"{did_you_mean(ending, endings)} Let the name end in {ending_names} or {last}."
        )
    if not path.parent.is_dir():
        raise LianjianError(f"There is no folder {path.parent} to write {path.name} into.")
    return path, ending


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8 with Unix line ends, by a rename."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file by a rename, open to its owner alone where it is private.

    A device or a pipe is written to, and never replaced.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    staging = path.with_name(f".{path.name}.staging")
    if private:
        staging.unlink(missing_ok=True)
        staging.touch(stat.S_IRUSR | stat.S_IWUSR)  # before anything is in it
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
    """Write a folder as a zip file; the same files give the same bytes."""
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


def decoded(content: bytes) -> str | None:
    """Return text, however a person's program saved it; None for what is no text.

    UTF-8 with or without a mark, UTF-16 with its mark, and GB18030, the "ANSI" of Chinese Windows.
    """
    is_wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    for codec in ("utf-16",) if is_wide else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None


def to_json(content: Any) -> str:
    """Return JSON with sorted keys: the same content gives the same bytes."""
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def of_system(error: OSError, folder: Path) -> str:
    """Say what the system refused, writing into a folder, and of a full disk which one it is."""
    # of a copy the second name is where it was going, and that disk is the one that is full
    name = error.filename2 or error.filename
    place = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else folder
    said = f"{error.strerror or error}: {place}."
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return said
    there = next((path for path in (place, *place.parents) if path.exists()), folder)
    disk = next(path for path in (there.resolve(), *there.resolve().parents) if path.is_mount())
    free = shutil.disk_usage(disk).free
    return f"{said} The disk at {disk} has {free / 1e6:,.1f} MB left; make room on it."
