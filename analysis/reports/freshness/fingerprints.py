"""Why a run is, or is not, up to date.

The key of a run is what its result follows from: the code of its notebook, the modules of
``analysis`` that this code reaches, the files that it read, its parameters, the locked versions,
and the part of the engine that executes. A second key holds what only the page follows from:
prose, the rest of the engine, the templates. Keys hold relative names and hashes of contents, no
times and no places, so that a project copied elsewhere is as up to date there.

Looking costs a hash of each file once. Only where the bytes of a notebook have changed is it
parsed, to see whether its code has.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import analysis
from analysis import paths
from analysis.errors import LianjianError
from analysis.reports.freshness import import_closure, mismatches, origin
from analysis.reports.plan import parameters, source
from analysis.reports.plan.plan import Run

KEY = "key.json"
PRODUCTS = ("report.html", "notebook.ipynb", "numbers.csv", "run.json")
_GROUND = ("notebook.ipynb", KEY, "run.json")
_PACKAGE = Path(analysis.__file__).parent
# of analysis.reports: what shapes an executed notebook
_EXECUTES = (
    "run.execute",
    "run.kernels",
    "run._kernel_process",
    "run._bounds",
    "run._secrets",
    "page.normalise",
    "freshness.file_access",
)
_LENGTH = 16  # hex digits of a hash that are kept
# libraries that open files where Python does not see it
_UNSEEN = re.compile(r"\b(read_parquet|read_feather|read_orc|pyarrow|duckdb|polars|sqlite3)\b")


@dataclass(frozen=True)
class Decision:
    """What is to be done for a run.

    Attributes
    ----------
    action : {"none", "render", "run"}
        Nothing, a new page from the executed notebook, or everything.
    reasons : tuple of str
        Why; empty when nothing is to be done.
    """

    action: str
    reasons: tuple[str, ...] = ()


@dataclass
class Fingerprints:
    """Looks at files, each once; one serves a whole plan.

    Attributes
    ----------
    root : Path
        The project.
    """

    root: Path = field(default_factory=paths.root)
    _bytes: dict[Path, str] = field(default_factory=dict)
    _named: dict[str, str] = field(default_factory=dict)
    _module_bytes: dict[str, str | None] = field(default_factory=dict)
    _cells: dict[Path, tuple[source.Cell, ...]] = field(default_factory=dict)
    _reached: dict[Path, tuple[str, ...]] = field(default_factory=dict)

    # ---- files ----

    def bytes_of(self, path: Path) -> str:
        """Hash a file, or the names in a folder; "missing" when there is none."""
        if path not in self._bytes:
            if path.is_dir():
                names = "\n".join(
                    sorted({entry.name for entry in path.iterdir()} - {"__pycache__"})
                )
                self._bytes[path] = _hash(names.encode())
            else:
                self._bytes[path] = _hash(path.read_bytes()) if path.is_file() else "missing"
        return self._bytes[path]

    def named(self, name: str) -> str:
        """Hash a file by its name in the project; a plan of thousands asks for the same few."""
        if name not in self._named:
            self._named[name] = self.bytes_of(self.root / name)
        return self._named[name]

    def module(self, name: str) -> str | None:
        """Hash a module of ``analysis``, None where it has no file."""
        if name not in self._module_bytes:
            path = import_closure.file_of(name)
            self._module_bytes[name] = None if path is None else self.bytes_of(path)
        return self._module_bytes[name]

    # ---- code ----

    def cells_of(self, notebook: Path) -> tuple[source.Cell, ...]:
        """Return the code cells of a notebook."""
        if notebook not in self._cells:
            self._cells[notebook] = source.code_cells(notebook)
        return self._cells[notebook]

    def code_of(self, notebook: Path) -> list[str]:
        """Hash what each code cell means; cells without code do not count."""
        cells = [cell for cell in self.cells_of(notebook) if cell.source.strip()]
        mark = {"parameters", "products"}
        return [
            _hash(f"{source.meaning(cell)} {sorted(mark & set(cell.tags))}".encode())
            for cell in cells
        ]

    def modules_of(self, notebook: Path) -> tuple[str, ...]:
        """Name the modules of ``analysis`` that a notebook's code reaches, by import."""
        if notebook not in self._reached:
            self._reached[notebook] = import_closure.closure(
                import_closure.named(self.cells_of(notebook))
            )
        return self._reached[notebook]

    def reads_unseen(self, notebook: Path) -> bool:
        """Whether the code may open files where no one notes it."""
        return any(_UNSEEN.search(cell.source) for cell in self.cells_of(notebook))

    # ---- the engine ----

    @cached_property
    def lock(self) -> str:
        """Hash of the locked versions."""
        return self.bytes_of(self.root / "requirements.lock")

    @cached_property
    def page(self) -> str:
        """Hash of what makes a page of an executed notebook: this room and the citation."""
        room = _PACKAGE / "reports"
        files = sorted(
            path
            for path in room.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
        )
        files += [_PACKAGE / "fields.py", _PACKAGE / "__init__.py", self.root / "CITATION.cff"]
        return _hash("".join(self.bytes_of(file) for file in files).encode())

    def _modules(self, names: Iterable[str]) -> dict[str, str]:
        found = {name: self.module(name) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    # ---- keys ----

    def key(self, run: Run, files: Iterable[str], folders: Iterable[str]) -> dict[str, Any]:
        """Return the key of a run that has just been executed.

        Parameters
        ----------
        run : Run
            What was run.
        files, folders : iterable of str
            What it read, relative to the root.
        """
        read = [*files, *(f"{folder}/" for folder in folders)]
        if self.reads_unseen(run.notebook):
            everything = sorted((self.root / "data").rglob("*"))
            read += [str(p.relative_to(self.root)) for p in everything if p.is_file()]
        return {
            "notebook": self.bytes_of(run.notebook),
            "code": self.code_of(run.notebook),
            "modules": self._modules(self.modules_of(run.notebook)),
            "data": {name: self.named(name) for name in sorted(set(read))},
            "parameters": _plain(run),
            "lock": self.lock,
            "engine": self._modules(f"analysis.reports.{name}" for name in _EXECUTES),
            "page": self.page,
            "title": run.title,
            "differs": list(origin.of(run.notebook).differs),
        }

    def renewed(self, run: Run, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the key of a run whose page has just been made anew."""
        notebook, code = self.bytes_of(run.notebook), self.code_of(run.notebook)
        new = {"notebook": notebook, "code": code, "page": self.page, "title": run.title}
        return {**old, **new, "differs": list(origin.of(run.notebook).differs)}

    def decide(self, run: Run, folder: Path) -> Decision:
        """Compare a run's key with what is there now.

        Parameters
        ----------
        run : Run
            What the plan wants.
        folder : Path
            The report's folder.
        """
        if not any((folder / name).is_file() for name in PRODUCTS):
            return Decision("run", ("there is no report yet",))
        try:
            old = json.loads((folder / KEY).read_text("utf-8"))
            reasons = tuple(self._changes(run, old))
            stale = tuple(self._page_changes(run, old))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Decision("run", (f"the report has no {KEY} that can be read",))
        except LianjianError as error:
            return Decision("run", (str(error),))
        other = mismatches(folder)
        # a page can be made again from what these three hold, and from nothing else
        reasons += tuple(reason for reason in other if reason.startswith(_GROUND))
        if reasons:
            return Decision("run", reasons)
        stale += other
        return Decision("render", stale) if stale else Decision("none")

    def _changes(self, run: Run, old: Mapping[str, Any]) -> Iterator[str]:
        yield from _code_changes(self, run, old)
        new = _plain(run)
        for name in sorted({*old["parameters"], *new}):
            before, after = (kept.get(name, "its default") for kept in (old["parameters"], new))
            if before != after:
                yield f"parameter {name} was {before}, is {after}"
        for name, digest in {**old["modules"], **old["engine"]}.items():
            now = self.module(name)
            if now != digest:
                yield f"module {name} {'is gone' if now is None else 'changed'}"
        for name, digest in old["data"].items():
            seen = self.named(name)
            if seen != digest:
                yield f"{name} {'is missing' if seen == 'missing' else 'changed'}"
        if self.lock != old["lock"]:
            yield "requirements.lock changed"

    def _page_changes(self, run: Run, old: Mapping[str, Any]) -> Iterator[str]:
        if self.bytes_of(run.notebook) != old["notebook"]:
            yield f"text or layout of {run.notebook.name} changed"
        if run.title != old["title"]:
            yield "the title in notebooks/plan.toml changed"
        if self.page != old["page"]:
            yield "the page's template or the citation changed"
        # a page that says its source is not committed is made anew once it is
        if old["differs"] and list(origin.of(run.notebook).differs) != old["differs"]:
            yield "what git has of the source changed"


def _code_changes(look: Fingerprints, run: Run, old: Mapping[str, Any]) -> Iterator[str]:
    if look.bytes_of(run.notebook) == old["notebook"]:
        return
    now = look.code_of(run.notebook)
    if now == old["code"]:
        return
    cells = [cell for cell in look.cells_of(run.notebook) if cell.source.strip()]
    changed = [
        cell.place
        for place, (cell, digest) in enumerate(zip(cells, now, strict=True))
        if place >= len(old["code"]) or old["code"][place] != digest
    ]
    where = f", from cell {changed[0]} on" if changed else ", a cell at its end is gone"
    yield f"code of {run.notebook.name} changed{where}"


def _plain(run: Run) -> dict[str, object]:
    return {name: parameters.plain(value) for name, value in run.parameters.items()}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LENGTH]
