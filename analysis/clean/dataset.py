"""Datasets: processed tables that know what they are."""

import html
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import _evidence, _language, paths
from analysis._border import with_doors
from analysis.clean import manifest
from analysis.clean._card import Description, card, describe
from analysis.errors import DataError, UnknownNameError, did_you_mean
from analysis.fields import column_called

DATA_MIME = "application/vnd.lianjian.data+json"
"""MIME type under which ``load`` tells a notebook, and later its report, what was loaded."""

_loaded: dict[str, "Dataset"] = {}


@with_doors
@dataclass(frozen=True)
class Dataset:
    """The tables of one dataset and their provenance.

    Each table is an attribute and a key: ``data.panel`` is ``data["panel"]``. They are read when
    first used. As the last line of a cell the dataset shows a card: kind, years, counties, tables
    and their columns with units and Chinese names.

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
        """The years of the panel, ascending; of its figures where a dataset has no panel."""
        dated = [table for table in self.rows if "year" in self.columns[table]]
        tables = [table for table in dated if table == "panel"] or dated
        found = (self[table]["year"].dropna() for table in tables)
        return tuple(sorted({int(year) for years in found for year in years.unique()}))

    @property
    def counties(self) -> tuple[str, ...]:
        """Chinese names of the counties of its villages, in the order of their codes."""
        if "villages" not in self.rows:
            return ()
        found = self["villages"].sort_values("county_code")["county_name"]
        return tuple(map(str, found.dropna().unique()))

    def describe(self, column: str = "") -> "Description | Dataset":
        """Say what a column holds: definition, unit, Chinese name, and its values here.

        Parameters
        ----------
        column : str
            Its name, its label in English or Chinese, or how it begins: ``"operating"``. Without
            one the dataset itself is shown.

        Raises
        ------
        LianjianError
            No table has such a column; what was probably meant is named.
        """
        if not column:
            return self
        every = list(dict.fromkeys(name for names in self.columns.values() for name in names))
        name = column_called(column, every)
        if not name:
            hint = did_you_mean(column, every)
            raise UnknownNameError(
                f"Dataset {self.name!r} has no column {column!r}.{hint} Its columns stand in its "
                "card, by table."
            )
        tables = [table for table, names in self.columns.items() if name in names]
        first = "panel" if "panel" in tables else tables[0]
        return describe(name, tables, first, self[first][name], is_simulated=self.is_simulated)

    def __getitem__(self, table: str) -> pd.DataFrame:
        if table not in self.rows:
            raise self._no_table(table)
        if table not in self._frames:
            self._frames[table] = manifest.read_table(self.folder, table, self._tables[table])
        # copy-on-write: whoever changes the copy leaves the dataset as it is
        return self._frames[table].copy(deep=False)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or "rows" not in self.__dict__:
            raise AttributeError(name)
        return self[name]

    def _no_table(self, name: object) -> UnknownNameError:
        """Say that there is no such table, and where a column of that name is."""
        said = f"Dataset {self.name!r} has no table {name!r}."
        every = (column for names in self.columns.values() for column in names)
        column = name if not isinstance(name, str) else column_called(name, every) or name
        holding = [table for table, names in self.columns.items() if column in names]
        hint = did_you_mean(str(name), [*self.rows, "describe", "years", "counties"])
        if holding:
            first = "panel" if "panel" in holding else holding[0]
            hint = f" It is a column: data.{first}[{column!r}]."
        return UnknownNameError(f"{said}{hint} It has {', '.join(self.rows)}.")

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """Columns by table, known without reading one."""
        from pyarrow.parquet import read_schema  # noqa: PLC0415  (where somebody looks)

        found = {}
        for table in self.rows:
            frame, file = self._frames.get(table), self.folder / f"{table}.parquet"
            if frame is None and not file.is_file():
                frame = self[table]  # which says what is missing
            found[table] = list(read_schema(file).names if frame is None else frame.columns)
        return found

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.rows)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.rows]

    def _repr_html_(self) -> str:
        return card(self, self.columns)

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
    data = _dataset(manifest.read(name))
    hold(data)
    _announce(data)
    return data


def hold(data: Dataset) -> None:
    """Count a dataset among those of this process, which decide what is marked."""
    _loaded[data.name] = data
    if data.kind == "ledger":
        _evidence.begin(lambda: data.panel)
    if data.kind == "published":
        _evidence.publish(lambda: [data[name] for name in data.rows])


def _dataset(seen: dict[str, Any]) -> Dataset:
    """Return the dataset of which a manifest tells."""
    same = ("name", "kind", "title", "description", "version", "parameters", "realised", "rows")
    more = ("score", "work")
    return Dataset(
        **{key: seen[key] for key in same},
        **{key: seen.get(key, {}) for key in more},
        folder=paths.processed_dataset(seen["name"]),
        sources=tuple(seen["sources"]),
        applied_corrections=tuple(seen["corrections"]),
        issues_count=seen["issues"],
        _tables=seen.get("tables", {}),
    )


def datasets() -> pd.DataFrame:
    """Return the datasets that there are, one a row: what each is, and whether it can be loaded.

    Returns
    -------
    DataFrame
        Index ``name``; ``title``, ``kind`` (of simulated numbers with the mark), ``years``,
        ``rows`` of the panel, ``version``, and ``state``: built, or what to do.
    """
    rows: dict[str, dict[str, object]] = {}
    for name in dict.fromkeys([*paths.datasets(), *manifest.names()]):
        try:
            seen = manifest.read(name)
            data = _dataset(seen)
            years = data.years
        except DataError as error:
            rows[name] = {"state": str(error).rpartition(" Run ")[2] or str(error)}
            if not manifest.is_built(name):
                rows[name] = {"state": f"not built: lianjian build {name}"}
            continue
        rows[name] = {
            "title": _language.said(data.title),
            "kind": "simulated 模拟" if data.is_simulated else data.kind,
            "years": f"{years[0]}–{years[-1]}" if years else "",
            "rows": data.rows.get("panel", sum(data.rows.values())),
            "version": data.version,
            "state": "built",
        }
    columns = ["title", "kind", "years", "rows", "version", "state"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype({"rows": "Int64"})
    return table.fillna({name: "" for name in columns if name != "rows"}).rename_axis("name")


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

    note = _language.said(f"{data.title} ({data.kind}), version {data.version}")
    style = "border-left:4px solid #b3541e;padding:.4em .8em" if data.is_simulated else ""
    said = _language.said("Simulated data 模拟数据.")
    mark = f"<strong>{said}</strong> " if data.is_simulated else ""
    same = ("name", "kind", "title", "version", "description")
    content = {
        **{key: getattr(data, key) for key in same},
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
