"""Datasets: processed tables that know what they are."""

import html
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import _evidence, paths
from analysis.clean import manifest

DATA_MIME = "application/vnd.lianjian.data+json"
"""MIME type under which ``load`` tells a notebook, and later its report, what was loaded."""

_loaded: dict[str, "Dataset"] = {}


@dataclass(frozen=True)
class Dataset:
    """The tables of one dataset and their provenance.

    Each table is an attribute: ``data.panel``, ``data.villages``. They are read when first used.

    Attributes
    ----------
    name, kind, title, description : str
        What it is; kind is published, ledger or simulated.
    version : str
        First 12 hex digits of the hash of the tables, the raw bytes and the answers.
    sources, applied_corrections : tuple of dict
        Raw files with licence and hash, and the corrections applied to them.
    parameters, realised : dict
        Of simulated data: what was asked for and what came out.
    rows : dict of str to int
        Tables and their rows.
    issues_count : int
        Recorded issues.
    score : dict
        How the reader did against the truth, where a simulation knows it; see
        `books.score.Score`.
    work : dict
        Authors, institution and date of a page on these data, where the card names them.
    """

    name: str
    kind: str
    title: str
    description: str
    version: str
    folder: Path
    sources: tuple[dict[str, str], ...] = ()
    applied_corrections: tuple[dict[str, str], ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    realised: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    issues_count: int = 0
    score: dict[str, Any] = field(default_factory=dict)
    work: dict[str, Any] = field(default_factory=dict)
    _tables: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_simulated(self) -> bool:
        """Whether the numbers are made up."""
        return self.kind == "simulated"

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the panel, ascending."""
        return tuple(int(year) for year in sorted(self.panel["year"].unique()))

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in self.rows:
            known = ", ".join(self.__dict__.get("rows", {}))
            raise AttributeError(f"dataset {self.name!r} has no table {name!r}; it has: {known}")
        if name not in self._frames:
            self._frames[name] = manifest.read_table(self.folder, name, self._tables[name])
        # copy-on-write: whoever changes the copy leaves the dataset as it is
        return self._frames[name].copy(deep=False)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.rows]

    def __repr__(self) -> str:
        tables = ", ".join(f"{table} {count:,}" for table, count in self.rows.items())
        return f"<Dataset {self.name} ({self.kind}), version {self.version}: {tables}>"


def load(name: str) -> Dataset:
    """Return a dataset by name.

    In a notebook it also shows what was loaded, and everything that ``show`` and ``table`` publish
    from then on is marked when the data are simulated.

    Parameters
    ----------
    name : str
        ``"published"``, ``"simulated"``, or the name of your own dataset.

    Raises
    ------
    LianjianError
        The dataset has not been built, or what was built is not whole; the message says how to.
    """
    seen = manifest.read(name)
    data = Dataset(
        name=seen["name"],
        kind=seen["kind"],
        title=seen["title"],
        description=seen["description"],
        version=seen["version"],
        folder=paths.processed_dataset(name),
        sources=tuple(seen["sources"]),
        applied_corrections=tuple(seen["corrections"]),
        parameters=seen["parameters"],
        realised=seen["realised"],
        rows=seen["rows"],
        issues_count=seen["issues"],
        score=seen.get("score", {}),
        work=seen.get("work", {}),
        _tables=seen.get("tables", {}),
    )
    _loaded[name] = data
    if data.kind == "ledger":
        _evidence.begin(lambda: data.panel)
    _announce(data)
    return data


def loaded() -> tuple[Dataset, ...]:
    """Return the datasets loaded in this process, in the order of loading."""
    return tuple(_loaded.values())


def any_simulated() -> bool:
    """Whether simulated data were loaded in this process."""
    return any(data.is_simulated for data in _loaded.values())


def _announce(data: Dataset) -> None:
    """Show in a notebook what was loaded; elsewhere do nothing."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return
    from IPython.display import display  # noqa: PLC0415

    note = f"{data.title} ({data.kind}), version {data.version}"
    style = "border-left:4px solid #b3541e;padding:.4em .8em" if data.is_simulated else ""
    mark = "<strong>Simulated data 模拟数据.</strong> " if data.is_simulated else ""
    content = {
        "name": data.name,
        "kind": data.kind,
        "title": data.title,
        "version": data.version,
        "description": data.description,
        "sources": list(data.sources),
        "corrections": list(data.applied_corrections),
        "issues": data.issues_count,
        **({"work": data.work} if data.work else {}),
    }
    display(
        {
            DATA_MIME: content,
            "text/html": f'<p style="{style}">{mark}{html.escape(note)}</p>',
            "text/plain": note,
        },
        raw=True,
    )
