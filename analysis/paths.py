"""Where things live, found from the project's root, never from the working directory."""

import os
import re
import sys
from pathlib import Path

from analysis.errors import LianjianError

PUBLISHED = "published"
"""The dataset of published figures; its raw files lie in data/raw itself."""

SIMULATED = "simulated"
"""The dataset that `lianjian build` draws where it is not there."""

LOCK = "locks/core.txt"
"""The locked packages that reports are made with, below the root."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DEVICE = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")  # Windows makes no folders of these
_SHOWN = 80


def root() -> Path:
    """Return the project's root folder.

    It is the folder that holds ``pyproject.toml`` and this package, or the one that the
    environment variable ``LIANJIAN_ROOT`` names (tests and copies of a project use it).
    """
    named = os.environ.get("LIANJIAN_ROOT")
    folder = Path(named) if named else Path(__file__).parent.parent
    try:
        str(folder.absolute()).encode("utf-8")
    except UnicodeEncodeError:
        raise LianjianError(
            f"The name of the project's folder, {folder.absolute()}, is not in this system's "
            f"encoding, {sys.getfilesystemencoding()}, and libraries cannot open what lies there. "
            "Rename or move the folder, or set LC_ALL to the encoding that it was named in."
        ) from None
    if not (folder / "data" / "raw").is_dir():
        raise LianjianError(
            f"{folder} is not a lianjian project: it has no folder data/raw. "
            "Set LIANJIAN_ROOT to the folder of a clone, or start the lianjian of its .venv."
        )
    return folder.resolve()


def raw() -> Path:
    """Return the folder of data as received."""
    return root() / "data" / "raw"


def dataset_name(text: object) -> str:
    """Return the name of a dataset when it can be one, on every system and in every folder.

    Every name that a person, a plan or a notebook gives goes through here before a path is made
    of it: ``..``, ``./mine`` and ``mine/`` would lead elsewhere, ``con`` is a device on Windows.
    """
    if isinstance(text, str) and _NAME.fullmatch(text) and not _DEVICE.fullmatch(text):
        return text
    raise LianjianError(
        f"{_shortened(text)} cannot name a dataset: lower-case letters a to z, digits and hyphens "
        "inside are expected, at most 63, and no name that Windows keeps for a device (con, nul, "
        "com1 …). For example: my-county."
    )


def _shortened(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) < _SHOWN else f"{shown[:_SHOWN]}…"


def dataset_folder(name: str) -> Path:
    """Return the folder of a dataset of ledgers in data/raw, which need not exist."""
    if dataset_name(name) == PUBLISHED:
        raise LianjianError(
            f"{name!r} cannot name a dataset of yours: the published figures have that name."
        )
    return raw() / name


def raw_dataset(name: str) -> Path:
    """Return the folder of a dataset's raw files: data/raw itself for the published figures."""
    return raw() if dataset_name(name) == PUBLISHED else dataset_folder(name)


def datasets() -> tuple[str, ...]:
    """Return the names of the datasets that data/raw holds, the published figures first."""
    folders = sorted(path.parent.name for path in raw().glob("[!.]*/dataset.toml"))
    return (PUBLISHED, *folders)


def card_file(name: str) -> Path:
    """Return the file that holds the cards of a dataset's raw files."""
    return raw_dataset(name) / ("sources.toml" if name == PUBLISHED else "dataset.toml")


def decisions(name: str) -> Path:
    """Return the folder of what people decided about a dataset, which need not exist."""
    return root() / "data" / "decisions" / dataset_name(name)


def processed() -> Path:
    """Return the folder of data made by ``lianjian build``."""
    return root() / "data" / "processed"


def processed_dataset(name: str) -> Path:
    """Return the folder of a dataset made by ``lianjian build``, which need not exist."""
    return processed() / dataset_name(name)


def notebooks() -> Path:
    """Return the folder of notebooks and their plan."""
    return root() / "notebooks"


def work() -> Path:
    """Return the folder of a person's own notebooks, which git ignores."""
    return root() / "work"


def notebook(name: str) -> Path:
    """Return the file of a notebook as records call it: in ``notebooks``, or ``work/x.ipynb``."""
    found = notebooks() / name
    return root() / name if name.startswith("work/") and not found.is_file() else found


def released() -> Path:
    """Return the folder of reports written anew by ``lianjian release``, which may be published."""
    return root() / "released"


def reports() -> Path:
    """Return the folder of reports made by ``lianjian run``."""
    return root() / "reports"
