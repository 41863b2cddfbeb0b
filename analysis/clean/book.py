"""Books read where they lie: a look at them before they are taken in."""

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.clean import dataset, manifest, panel
from analysis.clean.simulated import must_be_invented
from analysis.errors import LianjianError

_REPORT = "LIANJIAN_KERNEL"  # set in the kernel of a run

_ANSWERED_HERE = (
    "A book that is only looked at has no answers.toml: answer by key in the call, as in answers="
    '{"county": "621026"}, or take the book in with `lianjian new`.'
)


def read_book(
    file: str | Path,
    *more: str | Path,
    register: str | Path | None = None,
    answers: Mapping[str, Any] | None = None,
    simulated: bool = False,
) -> dataset.Dataset:
    """Read a book as it was received, and return its tables as a dataset of this session.

    Nothing is kept: to answer its questions, and to make reports of it, take it in with
    ``lianjian new``. A report reads no other book than an invented one.

    Parameters
    ----------
    file, *more : str or Path
        Workbooks or text tables.
    register : str or Path, optional
        The villages that there are, a CSV file with the columns of the table *register*; the
        published one when not given.
    answers : mapping, optional
        What `answers.toml` would hold, or answers that hold for all tables by their key:
        ``{"county": "621026"}``.
    simulated : bool
        Whether the numbers are made up; whatever shows them says so.

    Returns
    -------
    Dataset
        ``panel``, ``income``, ``villages``; ``issues`` says what was left out, and why.

    Raises
    ------
    LianjianError
        A file is missing, or nothing of it came into the panel; or a report reads a book of real
        numbers.

    Warns
    -----
    UserWarning
        Places of the book were left out.
    """
    if _REPORT in os.environ and not simulated:
        raise LianjianError(
            "A report stands on datasets, whose files and version it names. Take the book in: "
            "`lianjian new my-county BOOK`, `lianjian build my-county`, and load that."
        )
    paths = [Path(each) for each in (file, *more)]
    for path in [*paths, *([Path(register)] if register else [])]:
        if not path.is_file():
            raise LianjianError(f"{path} is missing, or is no file.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for path in paths:
            shutil.copyfile(path, place / path.name)
        if register:
            shutil.copyfile(register, place / "register.csv")
        names = [path.name for path in paths]
        try:
            tables = panel.book_tables(place, names, _entries(answers or {}), {})[0]
        except LianjianError as error:
            raise LianjianError(f"{error}\n{_ANSWERED_HERE}") if _asks(error) else error from None
    if simulated:
        must_be_invented(tables["villages"], names[0])
    said = "".join(manifest.content_hash(frame) for frame in tables.values())
    version = hashlib.sha256(said.encode()).hexdigest()[:12]
    data = dataset.Dataset(
        name=f"book-{version}",
        kind="simulated" if simulated else "ledger",
        title=" ".join(names),
        description="Read where it lies, and not taken in.",
        version=version,
        folder=paths[0].parent,
        rows={name: len(frame) for name, frame in tables.items()},
        issues_count=len(tables["issues"]),
        _frames=tables,
    )
    _say_left_out(tables["issues"], len(tables["panel"]), names[0])
    dataset.hold(data)
    return data


def _entries(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers as `answers.toml` holds them."""
    own = [{"key": key, "answer": said} for key, said in answers.items() if key != "answer"]
    return {"answer": [*answers.get("answer", []), *own]}


def _asks(error: LianjianError) -> bool:
    """Tell whether an error asks for an answer."""
    return "answers.toml" in str(error)


def _say_left_out(issues: pd.DataFrame, rows: int, name: str) -> None:
    """Say how many places of a book were left out; where nothing is left, that is an error."""
    lost = issues[issues["severity"] == "error"]
    if lost.empty and rows:
        return
    # of what is no fault, a note says why it is left out
    told = issues[issues["action"].str.startswith("left out")] if lost.empty else lost
    shown = "; ".join(f"{cell} {text}: {action}" for cell, text, action in
                      told[["cell", "text", "action"]].head(3).itertuples(index=False))  # fmt: skip
    if not rows:
        unknown = lost["code"].eq("place_name_unknown").any()
        hint = " register= takes a CSV file of the villages that there are." if unknown else ""
        raise LianjianError(f"Nothing of {name} could be read into the panel. {shown}.{hint}")
    warnings.warn(
        f"{len(lost)} places of {name} were left out, and `issues` of the dataset says why. "
        f"First: {shown}",
        stacklevel=3,
    )
