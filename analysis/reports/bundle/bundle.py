"""The replication bundle that a journal asks for: one zip file, or one folder, that makes itself.

It is put together in a folder beside its place, checked there, and renamed. The same project and
the same reports give the same bytes.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analysis import __version__, files, paths
from analysis.errors import LianjianError
from analysis.reports.bundle import bundle_checks, bundle_contents, crate, replication
from analysis.reports.bundle.bundle_contents import Contents
from analysis.reports.page import index
from analysis.reports.run import staging

MANIFEST = "MANIFEST.sha256"
README = "README.md"


@dataclass(frozen=True)
class Made:
    """A bundle that was made.

    Attributes
    ----------
    path : Path
        The zip file or folder.
    files, size : int
        Number of files in it, and its bytes.
    contents : Contents
        What went in, and what did not.
    """

    path: Path
    files: int
    size: int
    contents: Contents


def package(
    to: Path | None = None,
    *,
    with_data: Collection[str] = (),
    with_reports: Collection[str] = (),
    without: Collection[str] = (),
    certified: bool = False,
) -> Made:
    """Make the replication bundle of the project.

    Parameters
    ----------
    to : Path, optional
        A name that ends in ``.zip``, or a folder; ``dist/lianjian-VERSION.zip`` when absent.
    with_data, with_reports, without
        As for `bundle_contents.gather`.
    certified : bool
        Whether the authors say in the README that they may use the data and pass them on.

    Raises
    ------
    LianjianError
        Something would make the bundle wrong, or its place holds something else; nothing is
        written then, and a bundle that was there stays.
    """
    reports = paths.reports()
    reports.mkdir(exist_ok=True)
    target = _place(to)
    with staging.alone(reports):  # no run may change a report meanwhile
        contents = bundle_contents.gather(with_data, with_reports, without)
        with _assembling(target) as folder:
            _fill(folder, contents, certified=certified)
            data = {
                path.relative_to(paths.root()).as_posix(): holding
                for holding in contents.holdings
                for path in holding.files()
            }
            if faults := bundle_checks.check(folder, data):
                raise LianjianError(
                    "No bundle was made:" + "".join(f"\n  {fault}" for fault in faults)
                )
            count = sum(path.is_file() for path in folder.rglob("*"))
            size = _publish(folder, target)
    return Made(target, count, size, contents)


def _place(to: Path | None) -> Path:
    """Return where the bundle goes; nothing but an earlier zip file of ours may be there."""
    root = paths.root()
    target = (to or root / "dist" / f"lianjian-{__version__}.zip").resolve()
    inside = target.is_relative_to(root) and target.relative_to(root).parts
    rooms = {room.partition("/")[0] for room in bundle_contents.ROOMS}
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
            return {MANIFEST, crate.FILE} <= {name.partition("/")[2] for name in file.namelist()}
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
    for report in contents.reports:
        for name in bundle_contents.OF_REPORT:
            if (report.folder / name).is_file():
                _copy(report.folder / name, folder / "reports" / report.slug / name)
        # the name of a machine is often that of its owner
        record = {key: value for key, value in report.record.items() if key != "host"}
        place = folder / "reports" / report.slug / "run.json"
        place.write_text(files.to_json(record), "utf-8", newline="\n")
    reports = folder / "reports"
    index.write(reports)  # what is packed is up to date
    sizes = {name: path.stat().st_size for name, path in _walk(folder)}
    readme = replication.write(contents, sum(sizes.values()), certified=certified)
    files.write_text(folder / README, readme)
    # README says what the crate says in words; the manifest names both
    sizes |= {README: (folder / README).stat().st_size, MANIFEST: 0}
    metadata = json.dumps(crate.write(contents, sizes), ensure_ascii=False, indent=2)
    files.write_text(folder / crate.FILE, f"{metadata}\n")
    lines = [f"{_sha256(path)}  {name}\n" for name, path in _walk(folder)]
    files.write_text(folder / MANIFEST, "".join(lines))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    yield from sorted(found.items())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _publish(folder: Path, target: Path) -> int:
    """Put what was assembled in its place and return its bytes."""
    if target.suffix != ".zip":
        size = sum(path.stat().st_size for _, path in _walk(folder))
        files.replace_folder(folder, target, target.with_name(f".{target.name}.previous"))
        return size
    staged = target.with_name(f".{target.name}.staging")
    try:
        files.zip_folder(folder, staged, target.stem)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    return target.stat().st_size
