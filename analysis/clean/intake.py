"""Take a researcher's own books in: copy them, unchanged, beside a card."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import paths
from analysis.clean.books.assemble import OWN_FILES
from analysis.clean.books.collect import collect
from analysis.clean.books.describe import describe, quoted
from analysis.clean.sources import count_rows, sha256
from analysis.clean.tables import parse, read_text
from analysis.errors import LianjianError
from analysis.files import open_to_readers, staged_folder

_TIDY = (b"village_id,", b"\xef\xbb\xbfvillage_id,")
_TIDY_FILES = 2


@dataclass(frozen=True)
class TakenIn:
    """What was taken in.

    Attributes
    ----------
    folder : Path
        The dataset's folder.
    files, tables, questions : int
        Books copied, tables found in them, and questions that wait in ``dataset.toml``.
    refused : tuple of str
        Why files could not be read, one sentence a file; they are copied all the same.
    """

    folder: Path
    files: int
    tables: int = 0
    questions: int = 0
    refused: tuple[str, ...] = ()


def take_in(
    name: str,
    files: Sequence[Path],
    *,
    villages: Path | None = None,
    register: Path | None = None,
    title: str = "",
    is_simulated: bool = False,
) -> TakenIn:
    """Copy books into ``data/raw/<name>`` and write down what was understood of them.

    Parameters
    ----------
    name : str
        Name of the new dataset.
    files : sequence of Path
        Workbooks and text tables as received; or two tidy CSV files with the columns of the tables
        villages and income (data/dictionary.md), in this order.
    villages : Path, optional
        The study's village table (columns of the table villages), with role and alliance.
    register : Path, optional
        The register to find villages in; the published one when absent.
    title : str
        What reports call the dataset; the name when empty.
    is_simulated : bool
        Whether the numbers are made up; every report on them says so.

    Raises
    ------
    LianjianError
        The name is taken or not usable, a file is missing, or no file can be read.
    """
    folder = paths.dataset_folder(name)
    if folder.exists():
        raise LianjianError(
            f"{folder} exists already, and raw files are never overwritten. "
            "Choose another name, or remove the folder yourself."
        )
    for path in [*files, *filter(None, (villages, register))]:
        if not path.is_file():
            raise LianjianError(f"{path} is missing, or is no file.")
    kind = "simulated" if is_simulated else "ledger"
    head = [
        f"kind = {quoted(kind)}",
        f"title = {quoted(title or name)}",
        "# who signs the pages on these data, and when:",
        '# authors = ["Family, Given"]',
        '# date = "2026"',
        "# who else may have these files; without a line here they are not shared:",
        '# share = "never", "on-request", or "open" with, for example, spdx = "CC-BY-4.0"',
    ]
    if len(files) == _TIDY_FILES and any(map(_is_tidy, files)):
        return _take_tidy(folder, files, kind, head)
    return _take_books(folder, files, {"villages": villages, "register": register}, kind, head)


def _is_tidy(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_TIDY[1])).startswith(_TIDY)


def _take_tidy(folder: Path, files: Sequence[Path], kind: str, head: list[str]) -> TakenIn:
    tables = (("villages", "villages.csv"), ("income", "accounts.csv"))
    for path, (table, _) in zip(files, tables, strict=True):
        parse(read_text(path, table), table, path)
    with staged_folder(folder) as staging:
        open_to_readers(staging)
        lines = head.copy()
        for path, (_, file) in zip(files, tables, strict=True):
            lines += _copy(path, staging / file, kind)
        (staging / "dataset.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return TakenIn(folder, len(files))


def _take_books(
    folder: Path,
    files: Sequence[Path],
    own: dict[str, Path | None],
    kind: str,
    head: list[str],
) -> TakenIn:
    _check_names(files)
    for name, path in own.items():
        if path is not None:
            parse(read_text(path, name), name, path)
    shelf = collect(files)
    refused = tuple(f"{i.file} is {i.action}" for i in shelf.issues if i.code == "file_refused")
    if not shelf.tables:
        raise LianjianError(
            "No table was found in the files, and nothing was taken in."
            + "".join(f"\n  {reason}" for reason in refused)
        )
    about, questions = describe(shelf)
    rows: dict[str, int] = {}
    for table in shelf.tables:
        rows[table.file] = rows.get(table.file, 0) + table.grid.height - len(table.dropped)
    with staged_folder(folder) as staging:
        open_to_readers(staging)
        lines = [*head, 'form = "books"', "", *about]
        for path in sorted(files, key=lambda path: path.name):
            lines += _copy(path, staging / path.name, kind, rows.get(path.name, 0))
        for name, path in own.items():
            if path is not None:
                lines += _copy(path, staging / f"{name}.csv", kind)
        (staging / "dataset.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return TakenIn(folder, len(files), len(shelf.tables), questions, refused)


def _check_names(files: Sequence[Path]) -> None:
    names = [path.name for path in files]
    if taken := sorted(OWN_FILES.intersection(names)):
        raise LianjianError(
            f"A book cannot be called {taken[0]!r}: the dataset's folder keeps that name for "
            "itself. Rename the file; the study's village table comes with --villages."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LianjianError(f"Two files are called {twice[0]!r}. Give each a name of its own.")


def _copy(path: Path, target: Path, kind: str, rows: int | None = None) -> list[str]:
    """Copy a file unchanged and return its card."""
    shutil.copyfile(path, target)
    if target.suffix == ".csv" or rows is None:
        rows = count_rows(path)
    return [
        "",
        "[[source]]",
        f"file = {quoted(target.name)}",
        f"title = {quoted(path.name)}",
        'producer = "not stated"  # who kept or sent the book',
        'licence = "not stated"  # in words; share decides',
        'rights = "not stated"',
        f"sha256 = {quoted(sha256(path))}",
        f"bytes = {path.stat().st_size}",
        f"rows = {rows}",
        f"kind = {quoted(kind)}",
    ]
