"""What of a replication bundle is not as it was packed: needs Python alone, runs nothing of it.

In an unpacked bundle: ``python3 -I analysis/reports/bundle/verify.py`` (a folder or zip file may
be named). Whoever changes a file can change the manifest too: so the hash of the manifest is
printed, to compare with the one that was published with the bundle.
"""

import hashlib
import io
import mmap
import os
import re
import stat
import struct
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

MANIFEST = "MANIFEST.sha256"
_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache")
MADE = (".venv", *_CACHES, "data/processed", "dist", "reports")
"""Where files come that work in an unpacked bundle makes; what is in them has hashes of its own."""

_NOTHING = "is empty or names no file, so that nothing can be compared; get the bundle anew"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")  # 64 digits, two spaces, a name
_FIELDS = {0x0001, 0x000A, 0x5455, 0x5855, 0x7855, 0x7875}  # of sizes, times and owners
_LONGEST_FIELD = 32  # bytes that one of these takes
_ANY_X, _SPECIAL = 0o111, stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


@dataclass(frozen=True)
class Seen:
    """What stands at a name: a file's hash, or in words what else it is."""

    digest: str = ""
    what: str = ""
    mode: int = 0o644
    is_program: bool = False  # begins as a script does: such files are packed to be executed


@dataclass(frozen=True)
class Verdict:
    """Which differences were found, what else to know, and the manifest's own hash."""

    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()
    manifest: str = ""
    files: int = 0


@dataclass
class _Bundle:
    """What was found in a folder or zip file."""

    manifest: bytes = b""
    seen: dict[str, Seen] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    exact_modes: bool = False


def verify(place: Path, made: Collection[str] = ()) -> Verdict:
    """Compare a bundle with its manifest."""
    found = _folder(place) if place.is_dir() else _zip(place)
    named, faults = _read(found.manifest)
    digest = hashlib.sha256(found.manifest).hexdigest()
    faults += found.faults
    if not place.is_dir():
        faults += _beside(place, digest)
    if not named:
        faults = [f"{MANIFEST}: {_NOTHING}", *found.faults]
        return Verdict(tuple(faults), (), digest)
    came = sorted(
        name
        for name in found.seen.keys() - named.keys()
        if not any(part in made or name.startswith(f"{part}/") for part in made)
        and "__pycache__" not in (PurePosixPath(name).parts if made else ())
    )
    faults += _changed(named, found.seen, came)
    modes, notes = _modes(found, named)
    return Verdict(tuple(faults + modes), tuple(notes), digest, len(named))


def manifest_of(place: Path) -> bytes:
    """Return the manifest of a bundle."""
    if place.is_dir():
        return (place / MANIFEST).read_bytes()
    with zipfile.ZipFile(place) as file:
        return file.read(_top(file.infolist()))


def shown(text: str) -> str:
    """Write a name so that no hidden sign in it acts on a terminal."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def is_program(start: bytes) -> bool:
    """Whether a file that begins so is packed to be executed."""
    return start.startswith(b"#!")


# ---- what is there ----


def _folder(folder: Path) -> _Bundle:
    found = _Bundle((folder / MANIFEST).read_bytes())
    for place, folders, names in os.walk(folder):
        here = Path(place)
        for name in [*names, *(f for f in folders if (here / f).is_symlink())]:
            path = here / name
            found.seen[path.relative_to(folder).as_posix()] = _entry(path)
        if not folders and not names:
            found.seen[here.relative_to(folder).as_posix()] = Seen(what="an empty folder")
    return found


def _entry(path: Path) -> Seen:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Seen(what=f"a link to {shown(os.fspath(path.readlink()))}")
    if not stat.S_ISREG(mode):
        return Seen(what="no ordinary file")
    try:
        with path.open("rb") as stream:
            return _hashed(stream, mode)
    except OSError as error:
        return Seen(what=f"a file that cannot be read ({error.strerror})")


def _hashed(stream: IO[bytes], mode: int) -> Seen:
    digest, start = hashlib.sha256(), b""
    while block := stream.read(2**20):
        start = start or block[:2]
        digest.update(block)
    return Seen(digest.hexdigest(), mode=stat.S_IMODE(mode), is_program=is_program(start))


def _zip(path: Path) -> _Bundle:
    with zipfile.ZipFile(path) as file:
        entries = file.infolist()
        own = _top(entries)
        top = own.filename.partition("/")[0]
        found = _Bundle(file.read(own), exact_modes=True)
        for entry in entries:
            parts = PurePosixPath(entry.filename).parts
            name = "/".join(parts[1:])
            if parts[:1] != (top,) or ".." in parts or "\\" in entry.filename:
                found.faults.append(f"{shown(entry.filename)}: lies outside the folder {top}")
            elif name in found.seen:
                found.faults.append(f"{shown(name)}: stands twice in the zip file")
            elif name:
                found.seen[name] = _packed(file, entry)
    found.faults += _outside(path, entries)
    return found


def _top(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Return the entry of the manifest."""
    tops = [e for e in entries if PurePosixPath(e.filename).parts[1:] == (MANIFEST,)]
    if len(tops) != 1:
        raise zipfile.BadZipFile(f"{len(tops)} files of it are a {MANIFEST}, 1 is expected")
    return tops[0]


def _outside(path: Path, entries: list[zipfile.ZipInfo]) -> Iterator[str]:
    """Name the bytes of a zip file that belong to no file in it: who unpacks it never sees them."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
        end = held.rfind(b"PK\5\6")  # opens the last record, of 22 bytes
        after = len(held) - end - 22
        [directory] = struct.unpack_from("<I", held, end + 12)
        if held[end - 20 : end - 16] == b"PK\6\7":
            end -= 76  # the two records of a very large zip file
        at, last = 0, "before the first file"
        for entry in sorted(entries, key=lambda e: e.header_offset):
            yield from _stray(entry.header_offset - at, last)
            name, extra = struct.unpack_from("<HH", held, entry.header_offset + 26)
            begins = entry.header_offset + 30 + name
            hidden = _unknown(held[begins : begins + extra]) + _unknown(entry.extra)
            yield from _stray(hidden + len(entry.comment), f"beside {shown(entry.filename)}")
            at = begins + extra + entry.compress_size
            if entry.flag_bits & 8:  # its size and check sum follow, with or without a signature
                at += 16 if held[at : at + 4] == b"PK\x07\x08" else 12
            last = f"behind {shown(entry.filename)}"
        yield from _stray(end - directory - at, last)
        yield from _stray(after, "at the end")


def _unknown(fields: bytes) -> int:
    """Count the bytes of fields beside a file that are more than its size, times and owner."""
    at, count = 0, 0
    while at + 4 <= len(fields):
        kind, size = struct.unpack_from("<HH", fields, at)
        at += 4 + size
        count += 4 + size if kind not in _FIELDS or size > _LONGEST_FIELD else 0
    return count + abs(len(fields) - at)


def _stray(count: int, where: str) -> Iterator[str]:
    if count < 0:
        yield f"the zip file: two of its files share bytes, {where}"
    elif count:
        size = "1 byte" if count == 1 else f"{count:,} bytes"
        yield f"the zip file: {size} {where}, of no file in the bundle"


def _packed(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Seen:
    mode = entry.external_attr >> 16
    if entry.is_dir():
        return Seen(what="a folder of its own")
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return Seen(what="a link, or no ordinary file")
    try:
        with file.open(entry) as stream:
            return _hashed(stream, mode)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        return Seen(what=f"a file that cannot be read ({error})")


# ---- what should be ----


def _read(manifest: bytes) -> tuple[dict[str, str], list[str]]:
    named: dict[str, str] = {}
    faults = []
    text = manifest.decode("utf-8", "surrogateescape").removesuffix("\n")
    for number, line in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            faults.append(f"{MANIFEST}, line {number}: is no hash and name of a file")
        elif match[2] in named:
            faults.append(f"{MANIFEST}, line {number}: names {shown(match[2])} again")
        else:
            named[match[2]] = match[1]
    return named, faults


def _beside(place: Path, manifest: str) -> Iterator[str]:
    """Compare a zip file with the hashes that were written beside it."""
    record = place.with_name(f"{place.name}.sha256")
    if not record.is_file():
        return
    with place.open("rb") as stream:
        whole = _hashed(stream, 0).digest
    for name, digest in _read(record.read_bytes())[0].items():
        own = manifest if name.endswith(f"/{MANIFEST}") else whole
        if digest != own:
            yield f"{shown(name)}: is not the one that {record.name} names"


def _changed(named: Mapping[str, str], seen: Mapping[str, Seen], came: list[str]) -> Iterator[str]:
    missing = sorted(named.keys() - seen.keys())
    for name in sorted(named.keys() & seen.keys()):
        if seen[name].what:
            yield f"{shown(name)}: is {seen[name].what}"
        elif seen[name].digest != named[name]:
            yield f"{shown(name)}: changed"
    new = [name for name in came if name != MANIFEST]
    for name in missing:
        same = [other for other in new if seen[other].digest == named[name]]
        alike = [other for other in same if other.casefold() == name.casefold()]
        if same:
            other = (alike or same)[0]
            new.remove(other)
            case = ", in other case" if alike else ""
            yield f"{shown(name)}: is called {shown(other)} now{case}"
        else:
            yield f"{shown(name)}: missing"
    own = {str(folder) for name in named for folder in PurePosixPath(name).parents}
    groups: dict[str, list[str]] = {}
    for name in new:
        groups.setdefault(_foreign(name, own), []).append(name)
    for top, names in groups.items():
        if len(names) > 1:
            yield f"{shown(top)}/: added, with {len(names):,} files"
        else:
            what = seen[names[0]].what
            yield f"{shown(names[0])}: added{f' ({what})' if what else ''}"


def _foreign(name: str, own: Collection[str]) -> str:
    """Return the highest folder above a name in which no file of the bundle lies, or the name."""
    above = [str(folder) for folder in PurePosixPath(name).parents]
    return next((folder for folder in reversed(above) if folder not in own), name)


def _modes(found: _Bundle, named: Collection[str]) -> tuple[list[str], list[str]]:
    """Compare who may execute what; where the disk keeps no such bits there is nothing to say."""
    files = {n: s for n, s in found.seen.items() if n in named and s.digest}
    keeps = os.name == "posix" and not all(s.mode & _ANY_X for s in files.values())
    if not (found.exact_modes or keeps):
        return [], []
    faults = [
        f"{shown(name)}: may be executed now (mode {seen.mode:o})"
        for name, seen in sorted(files.items())
        if seen.mode & _SPECIAL or (seen.mode & _ANY_X and not seen.is_program)
    ]
    lost = [
        f"{shown(name)}: may not be executed now, as it was packed to be"
        for name, seen in sorted(files.items())
        if seen.is_program and not seen.mode & _ANY_X
    ]
    # some programs that unpack drop the bit, so in a folder its loss is no sign of a change
    return (faults + lost, []) if found.exact_modes else (faults, lost)


def main(arguments: list[str]) -> int:
    """Say what differs; 0 when nothing does, 1 when something does or nothing can be said."""
    above = Path(__file__).resolve().parents
    place = Path(arguments[0]) if arguments else above[min(3, len(above) - 1)]
    try:
        verdict = verify(place)
    except (OSError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"{shown(str(place))} is no bundle that can be read: {error}\n")
        return 1
    sys.stdout.write("\n".join(report(verdict)) + "\n")
    return 1 if verdict.differences else 0


def report(verdict: Verdict) -> Iterator[str]:
    """Say in lines what was found."""
    yield from verdict.differences
    yield from verdict.notes
    count = len(verdict.differences)
    found = f"{count} differ" if count > 1 else f"{count} differs" if count else "all as packed"
    yield f"{verdict.files:,} files in the manifest, {found}"
    yield f"{MANIFEST} has the SHA-256 {verdict.manifest}: compare it with the published one"


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
