"""Take a researcher's own ledgers in: copy them, unchanged, beside a card."""

import re
import shutil
from pathlib import Path

from analysis import paths
from analysis.clean.build import PUBLISHED
from analysis.clean.sources import count_rows, sha256
from analysis.clean.tables import parse, read_text
from analysis.errors import LianjianError
from analysis.files import staged_folder

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def take_in(name: str, villages: Path, accounts: Path, *, title: str = "") -> Path:
    """Copy two ledger files into ``data/raw/<name>`` and write their cards.

    Parameters
    ----------
    name : str
        Name of the new dataset.
    villages, accounts : Path
        CSV files with the columns of the tables villages and income (data/dictionary.md).
    title : str
        What reports call the dataset; the name when empty.

    Returns
    -------
    Path
        The dataset's folder.

    Raises
    ------
    LianjianError
        The name is taken or not usable, or a file cannot be read as its table.
    """
    if not _NAME.fullmatch(name) or name == PUBLISHED:
        raise LianjianError(
            f"{name!r} cannot name a dataset: lower-case letters, digits and hyphens are expected, "
            f"and not {PUBLISHED!r}."
        )
    folder = paths.raw() / name
    if folder.exists():
        raise LianjianError(
            f"{folder} exists already, and raw files are never overwritten. "
            "Choose another name, or remove the folder yourself."
        )
    for path, table in ((villages, "villages"), (accounts, "income")):
        parse(read_text(path, table), table, path)
    with staged_folder(folder) as staging:
        cards = [f"kind = {_quoted('ledger')}", f"title = {_quoted(title or name)}"]
        for path, file in ((villages, "villages.csv"), (accounts, "accounts.csv")):
            shutil.copyfile(path, staging / file)
            cards += [
                "",
                "[[source]]",
                f"file = {_quoted(file)}",
                f"title = {_quoted(path.name)}",
                'producer = "not stated"  # who kept or sent the book',
                'licence = "not stated"  # may others see it?',
                'rights = "not stated"',
                f"sha256 = {_quoted(sha256(path))}",
                f"bytes = {path.stat().st_size}",
                f"rows = {count_rows(path)}",
                'kind = "ledger"',
            ]
        (staging / "dataset.toml").write_text("\n".join(cards) + "\n", encoding="utf-8")
    return folder


def _quoted(text: str) -> str:
    """Return a TOML string; control characters have no place in a title."""
    clean = "".join(char for char in text if char.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
