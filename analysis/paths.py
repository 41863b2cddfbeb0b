"""Where things live, found from the project's root, never from the working directory."""

import os
import re
from pathlib import Path

from analysis.errors import LianjianError


def root() -> Path:
    """Return the project's root folder.

    It is the folder that holds ``pyproject.toml`` and this package, or the one that the
    environment variable ``LIANJIAN_ROOT`` names (tests and copies of a project use it).

    Raises
    ------
    LianjianError
        The folder holds no ``notebooks`` and ``data`` to work on.
    """
    named = os.environ.get("LIANJIAN_ROOT")
    folder = Path(named) if named else Path(__file__).parent.parent
    if not (folder / "data" / "raw").is_dir():
        raise LianjianError(
            f"{folder} is not a lianjian project: it has no folder data/raw. "
            "Run from a clone of the project, or set LIANJIAN_ROOT to one."
        )
    return folder.resolve()


def raw() -> Path:
    """Return the folder of data as received."""
    return root() / "data" / "raw"


def dataset_folder(name: str) -> Path:
    """Return the folder of a dataset of ledgers in data/raw, which need not exist.

    Raises
    ------
    LianjianError
        The name cannot be one: it would leave data/raw, or it is that of the published figures.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name) or name == "published":
        raise LianjianError(
            f"{name!r} cannot name a dataset: lower-case letters, digits and hyphens are expected, "
            "and not 'published', which the published figures have."
        )
    return raw() / name


def processed() -> Path:
    """Return the folder of data made by ``lianjian build``."""
    return root() / "data" / "processed"


def notebooks() -> Path:
    """Return the folder of notebooks and their plan."""
    return root() / "notebooks"


def reports() -> Path:
    """Return the folder of reports made by ``lianjian run``."""
    return root() / "reports"
