"""Where things live, found from the project's root, never from the working directory."""

import os
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


def processed() -> Path:
    """Return the folder of data made by ``lianjian build``."""
    return root() / "data" / "processed"


def notebooks() -> Path:
    """Return the folder of notebooks and their plan."""
    return root() / "notebooks"


def reports() -> Path:
    """Return the folder of reports made by ``lianjian run``."""
    return root() / "reports"
