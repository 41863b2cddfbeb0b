"""The replication bundle that a journal asks for: one zip file, or one folder, that makes itself.

It is put together in a folder beside its place, checked there, and renamed. The same project and
the same reports give the same bytes.
"""

import json
import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analysis import __version__, files, paths
from analysis.clean.sources import sha256
from analysis.errors import LianjianError
from analysis.reports import citation
from analysis.reports.bundle import _checks, _contents, _crate, _readme
from analysis.reports.bundle._contents import Contents
from analysis.reports.bundle.verify import MANIFEST, is_program
from analysis.reports.page import index
from analysis.reports.run import staging

README = "README.md"


@dataclass(frozen=True)
class Made:
    """A bundle that was made, as a zip file or folder.

    The SHA-256 of its manifest, published with the bundle, lets nobody change both.
    """

    path: Path
    files: int
    size: int  # in bytes
    contents: Contents
    manifest: str


def package(
    to: Path | None = None,
    *,
    with_data: Collection[str] = (),
    with_reports: Collection[str] = (),
    without: Collection[str] = (),
    certified: bool = False,
) -> Made:
    """Make the replication bundle of the project."""
    reports = paths.reports()
    reports.mkdir(exist_ok=True)
    target = _place(to)
    with staging.alone(reports):  # no run may change a report meanwhile
        contents = _contents.gather(with_data, with_reports, without)
        with _assembling(target) as folder:
            _fill(folder, contents, certified=certified)
            _contents.stop_at(_checks.check(folder, contents.holdings))
            count = sum(path.is_file() for path in folder.rglob("*"))
            size, manifest = _publish(folder, target)
    return Made(target, count, size, contents, manifest)


def _place(to: Path | None) -> Path:
    """Return where the bundle goes; nothing but an earlier zip file of ours may be there."""
    root = paths.root()
    target = (to or root / "dist" / f"lianjian-{__version__}.zip").resolve()
    inside = target.is_relative_to(root) and target.relative_to(root).parts
    rooms = {room.partition("/")[0] for room in _contents.ROOMS}
    if target == root or (inside and inside[0] in {*rooms, "analysis", "data", "reports"}):
        raise LianjianError(
            f"{target} lies in a folder that is packed. Choose another place: dist/ is one."
        )
    if target.exists() and not _is_ours(target):
        seen = "a folder with content" if target.is_dir() else "no zip file of lianjian"
        raise LianjianError(
            f"{target} exists and is {seen}; it was left as it is. "
            "Choose another name, or remove it yourself."
        )
    return target


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return not any(path.iterdir())  # somebody may have worked in an unpacked bundle
    try:
        with zipfile.ZipFile(path) as file:
            return {MANIFEST, _crate.FILE} <= {name.partition("/")[2] for name in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False


@contextmanager
def _assembling(target: Path) -> Iterator[Path]:
    """Give an empty folder beside the target, and leave none behind."""
    folder = target.with_name(f".{target.name}.assembling")
    shutil.rmtree(folder, ignore_errors=True)  # of a packaging that was killed
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, contents: Contents, *, certified: bool) -> None:
    for name, path in contents.sources.items():
        _copy(path, folder / name)
    for name, write in citation.ARCHIVES.values():
        files.write_text(folder / name, write())
    for report in contents.reports:
        for name in _contents.OF_REPORT:
            if (report.folder / name).is_file():
                _copy(report.folder / name, folder / "reports" / report.slug / name)
        # the name of a machine is often that of its owner
        record = {key: value for key, value in report.record.items() if key != "host"}
        place = folder / "reports" / report.slug / "run.json"
        place.write_text(files.to_json(record), "utf-8", newline="\n")
    index.write(folder / "reports")  # what is packed is up to date
    sizes = {name: path.stat().st_size for name, path in _walk(folder)}
    readme = _readme.write(contents, sum(sizes.values()), certified=certified)
    files.write_text(folder / README, readme)
    # README says what the crate says in words; the manifest names both
    sizes |= {README: (folder / README).stat().st_size, MANIFEST: 0}
    metadata = json.dumps(_crate.write(contents, sizes), ensure_ascii=False, indent=2)
    files.write_text(folder / _crate.FILE, f"{metadata}\n")
    lines = [f"{sha256(path)}  {name}\n" for name, path in _walk(folder)]
    files.write_text(folder / MANIFEST, "".join(lines))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with source.open("rb") as stream:
        target.chmod(0o755 if is_program(stream.read(2)) else 0o644)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    yield from sorted(found.items())


def _publish(folder: Path, target: Path) -> tuple[int, str]:
    """Put a bundle in its place and its hashes beside it; return its bytes, the manifest's hash."""
    manifest = sha256(folder / MANIFEST)
    record = target.with_name(f"{target.name}.sha256")
    record.unlink(missing_ok=True)  # it must never be that of another bundle
    if target.suffix != ".zip":
        size = sum(path.stat().st_size for _, path in _walk(folder))
        files.replace_folder(folder, target, target.with_name(f".{target.name}.previous"))
        files.write_text(record, f"{manifest}  {target.name}/{MANIFEST}\n")
        return size, manifest
    staged = target.with_name(f".{target.name}.staging")
    try:
        files.zip_folder(folder, staged, target.stem)
        whole = sha256(staged)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    both = f"{whole}  {target.name}\n{manifest}  {target.stem}/{MANIFEST}\n"
    files.write_text(record, both)
    return target.stat().st_size, manifest
