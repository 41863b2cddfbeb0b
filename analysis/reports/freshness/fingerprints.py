"""Why a run is, or is not, up to date.

The key of a run is what its result follows from: the code of its notebook, the modules of
``analysis`` that this code reaches, the files that it read, its parameters, the locked versions,
and the part of the engine that executes. A second part holds what only the page follows from:
prose, the modules that write it, the templates. Keys hold relative names and hashes of contents, no
times and no places, so that a project copied elsewhere is as up to date there.

A key is of the bytes that were read: `Before` keeps the state of all inputs when a run began, and
what is in another state when it has ended was changed while it ran.
"""

import ast
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from analysis import _language, paths
from analysis.errors import LianjianError
from analysis.reports import finished
from analysis.reports.finished import FAILED, KEY, RECORD
from analysis.reports.freshness import _opens, import_closure, origin
from analysis.reports.freshness._stats import PACKAGE, Stat, code_now, settled, snapshot, stat_of
from analysis.reports.freshness.file_access import RESULTS, FilesRead, is_source
from analysis.reports.plan import parameters, source, syntax
from analysis.reports.plan.plan import Run

PRODUCTS = ("report.html", "notebook.ipynb", "numbers.csv", RECORD)

_TOLD = 4  # reasons that a line says
_GROUND = ("notebook.ipynb", KEY, RECORD)
_LENGTH = 16  # hex digits of a hash that are kept
_READ = ("data", "notebooks", "work")
_RESULTS = tuple(f"{room}/" for room in RESULTS)

_EXECUTES = "analysis.reports.run.execute"
# beginnings of the names of modules that shape an executed notebook, as it reaches them
_SHAPES = (
    "analysis.reports.run.",
    "analysis.reports.page.normalise",
    "analysis.reports.freshness.file_access",
    "analysis.reports.freshness._arrow",
)

_WRITES_PAGES = ("analysis.reports.page.publish", "analysis.reports.page.ledger")
_CITED = ("CITATION.cff", "notebooks/references.bib")
_CHANGED = "changed while this process ran"  # as a hash: equal to that of nothing

_code_at_start = code_now()


@dataclass(frozen=True)
class Decision:
    """What is to be done for a run, and why; nothing needs no reason."""

    action: str  # "none", "render" (a new page from the executed notebook), "run" (everything)
    reasons: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The first reasons in one line, and how many more there are."""
        more = len(self.reasons) - _TOLD
        rest = [f"and {more} more, which lianjian why --json lists"] if more > 1 else []
        return "; ".join([*self.reasons[: _TOLD if rest else None], *rest])


@dataclass(frozen=True)
class Before:
    """The state of a project when a run begins, by the names of files."""

    inputs: dict[str, Stat]  # of data and notebooks
    code: dict[str, Stat]  # of the modules that are run
    since: int  # nanoseconds


@dataclass(frozen=True)
class Settled:
    """What a run has read and done to its inputs, now that it has ended."""

    names: tuple[str, ...]  # from which its result may follow; folders end in a slash
    changed: tuple[str, ...]  # of these, and of the modules it reaches, by others while it ran
    written: tuple[str, ...]  # inputs that it changed itself


@dataclass
class Fingerprints:
    """Looks at files, each once as long as it stays in its state; one serves a whole plan."""

    root: Path = field(default_factory=paths.root)
    _hashes: dict[tuple[Path, Stat], str] = field(default_factory=dict)
    _cells: dict[tuple[Path, Stat | None], tuple[source.Cell, ...]] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)

    # ---- files ----

    def bytes_of(self, path: Path) -> str:
        """Hash a file, or the names in a folder; "missing" when there is none."""
        stat = stat_of(path)
        if stat is None:
            return "missing"
        if path.is_dir():
            names = sorted(e.name for e in path.iterdir() if is_source(Path(e.name)))
            return _hash("\n".join(names).encode("utf-8", "surrogateescape"))
        if (path, stat) not in self._hashes:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            self._hashes[path, stat] = digest[:_LENGTH]
        return self._hashes[path, stat]

    def named(self, name: str) -> str:
        """Hash a file, or a module of ``analysis``, by its name."""
        if name == "analysis" or name.startswith("analysis."):
            path = import_closure.file_of(name)
            if path is None:
                return "missing"
            hashes = [self.bytes_of(file) for file in (path, *_read_at_import(path, stat_of(path)))]
            return hashes[0] if len(hashes) == 1 else _hash(" ".join(hashes).encode())
        is_code = name.startswith("analysis/")
        return self.bytes_of((PACKAGE.parent if is_code else self.root) / name)

    def _now(self, name: str) -> str:
        """Hash by name what a plan of thousands asks for again and again, at one moment."""
        if name not in self._seen:
            self._seen[name] = self.named(name)
        return self._seen[name]

    # ---- code ----

    def cells_of(self, notebook: Path) -> tuple[source.Cell, ...]:
        """Return the code cells of a notebook."""
        kept = notebook, stat_of(notebook)
        if kept not in self._cells:
            self._cells[kept] = source.code_cells(notebook)
        return self._cells[kept]

    def code_of(self, notebook: Path) -> list[str]:
        """Hash what each code cell means; cells without code do not count."""
        cells = [cell for cell in self.cells_of(notebook) if cell.source.strip()]
        mark = {"parameters", "products"}
        return [
            _hash(f"{source.meaning(cell)} {sorted(mark & set(cell.tags))}".encode())
            for cell in cells
        ]

    def modules_of(self, notebook: Path, beside: Iterable[str] = ()) -> tuple[str, ...]:
        """Name the modules of ``analysis`` that a notebook's code reaches, by import."""
        codes: list[str | bytes] = [cell.python for cell in self.cells_of(notebook)]
        for name in beside:
            path = self.root / name
            if path.suffix == ".py" and path.is_file():
                codes.append(path.read_bytes())
            elif path.suffix == ".ipynb" and path.is_file():
                with contextlib.suppress(LianjianError):  # one that cannot be read imports nothing
                    codes += [cell.python for cell in self.cells_of(path)]
        return import_closure.closure(import_closure.asked_for(codes))

    # ---- before and after a run ----

    def before(self) -> Before:
        """Keep the state of what a run may read."""
        since = time.time_ns()
        return Before(settled(self.root, _READ), settled(PACKAGE.parent, [PACKAGE.name]), since)

    def settle(self, run: Run, read: FilesRead, before: Before) -> Settled:
        """Hold what a run read against the state of things when it began."""
        after, code = snapshot(self.root, _READ), code_now()
        either = before.inputs.keys() | after.keys()
        other = {name for name in either if before.inputs.get(name) != after.get(name)}
        moved = {name.rpartition("/")[0] for name in before.inputs.keys() ^ after.keys()}
        wrote = {*read.written, *read.updated}
        results = {name for name in wrote if name.startswith(_RESULTS)}  # no snapshot has them
        seen = {name for name in wrote if name in other or self._is_younger(name, before)}
        written = results | seen
        sure = written.intersection(read.written)  # a database may be another's work: it runs again

        opened = {*read.files, *read.maybe}
        files = {n for n in opened if not (n.startswith("analysis/") and n.endswith(".py"))}
        if read.unseen:
            files |= {name for name, stat in after.items() if any(stat)} | other
        folders = {name for name in read.folders if not name.startswith("analysis")}
        own = Path(os.path.relpath(run.notebook, self.root)).as_posix()
        made = {name for name in written if name.startswith("work/")}  # may be written
        files -= {own} | made | {name for name in written if name not in before.inputs}

        changed = (files | {own}) & other | {f"{name}/" for name in folders & moved}
        changed |= {name for name in files - either if self._is_younger(name, before)}
        modules = {_file(name) for name in self.modules_of(run.notebook, sorted(files))}
        changed |= {name for name in modules if before.code.get(name) != code.get(name)}
        parents = {f"{name.rpartition('/')[0]}/" for name in written}
        return Settled(
            tuple(sorted((*files, *(f"{name}/" for name in folders)))),
            tuple(sorted(changed - sure - parents)),
            tuple(sorted(written - made)),
        )

    def _is_younger(self, name: str, before: Before) -> bool:
        stat = stat_of(self.root / name)
        return stat is not None and max(stat[2:]) >= before.since

    # ---- keys ----

    def key_of(self, run: Run, read: FilesRead, before: Before) -> tuple[dict[str, Any], Settled]:
        """Return the key of a run that has ended, and what it has read.

        What is hashed is compared afterwards: a key is never of bytes that came later.
        """
        names = self.settle(run, read, before).names
        key = {
            "modules": self._hashed(self.modules_of(run.notebook, names)),
            "data": self._hashed(names),
            "parameters": _plain(run),
            "lock": self.named(paths.LOCK),
            "engine": self._hashed(_engine()),
            **self._page_key(run),
        }
        settled = self.settle(run, read, before)
        return {**key, "changed": list(settled.changed)}, settled

    def renewed(self, run: Run, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the key of a run whose page has just been made anew."""
        return {**old, **self._page_key(run)}

    def _page_key(self, run: Run) -> dict[str, Any]:
        now = code_now()
        return {
            "notebook": self.bytes_of(run.notebook),
            "code": self.code_of(run.notebook),
            "title": run.title,
            "differs": list(origin.of(run.notebook).differs),
            **({"languages": self._spoken(run)} if run.languages else {}),
            # this process writes pages with the code that it found when it began
            "page": {
                name: _CHANGED if _code_at_start.get(name) != now.get(name) else self.named(name)
                for name in _page_files()
            },
        }

    def _spoken(self, run: Run) -> dict[str, str]:
        return {code: _language.fingerprint(code, run.name) for code in run.languages}

    def _spoken_changes(self, run: Run, before: Mapping[str, str]) -> Iterator[str]:
        now = self._spoken(run)
        for code in sorted(before.keys() | now):
            if code not in before:
                yield f"there is no page in {_language.name(code)} yet"
            elif before[code] != now.get(code):
                yield f"translations/{code} changed"

    def _hashed(self, names: Iterable[str]) -> dict[str, str]:
        hashed = {name: self.named(name) for name in names}
        _opens.hear()
        return hashed

    def decide(self, run: Run, folder: Path) -> Decision:
        """Compare a run's key with what is there now."""
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
        other = finished.mismatches(folder)
        # a page can be made again from what these three hold, and from nothing else
        reasons += tuple(reason for reason in other if reason.startswith(_GROUND))
        if reasons:
            return Decision("run", reasons)
        stale += other
        return Decision("render", stale) if stale else Decision("none")

    def _changes(self, run: Run, old: Mapping[str, Any]) -> Iterator[str]:
        yield from (f"{name} changed while it ran" for name in old["changed"])
        yield from _code_changes(self, run, old)
        new = _plain(run)
        for name in sorted({*old["parameters"], *new}):
            before, after = (kept.get(name, "its default") for kept in (old["parameters"], new))
            if before != after:
                yield f"parameter {name} was {before}, is {after}"
        for name, digest in {**old["modules"], **old["engine"]}.items():
            now = self._now(name)
            if now != digest:
                yield f"module {name} {'is gone' if now == 'missing' else 'changed'}"
        for name, digest in old["data"].items():
            now = self._now(name)
            if now != digest:
                yield f"{name} {'is missing' if now == 'missing' else 'changed'}"
        if self._now(paths.LOCK) != old["lock"]:
            yield f"{paths.LOCK} changed"

    def _page_changes(self, run: Run, old: Mapping[str, Any]) -> Iterator[str]:
        if self.bytes_of(run.notebook) != old["notebook"]:
            yield f"text or layout of {run.notebook.name} changed"
        for name, digest in old.get("prose", {}).items():
            if self.named(name) != digest:
                yield f"{name}, on which its text draws, changed"
        if run.title != old["title"]:
            yield "the title in notebooks/plan.toml changed"
        for name in sorted({*old["page"], *_templates()}):
            if self._now(name) != old["page"].get(name):
                yield f"{name}, from which the page is made, changed"
        yield from self._spoken_changes(run, old.get("languages", {}))
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


# ---- the engine ----


def _file(module: str) -> str:
    """Return the file of a module of ``analysis`` by its name beside the package."""
    path = import_closure.file_of(module)
    return "" if path is None else path.relative_to(PACKAGE.parent).as_posix()


@cache
def _read_at_import(module: Path, _: Stat | None) -> tuple[Path, ...]:
    """Return the files of data beside a module that its code names outside of functions."""
    content = module.read_bytes()
    if b".toml" not in content:
        return ()  # as nearly all; to parse them all would be felt
    code = list(syntax.parse(content).body)
    named: dict[Path, None] = {}
    while code:
        node = code.pop()
        if isinstance(node, ast.Constant) and str(node.value).endswith(".toml"):
            named[module.with_name(str(node.value))] = None
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            code += ast.iter_child_nodes(node)  # type: ignore[arg-type]
    return tuple(sorted(filter(Path.is_file, named)))


@cache
def _engine() -> tuple[str, ...]:
    return import_closure.closure([_EXECUTES], _SHAPES)


@cache
def _page_files() -> tuple[str, ...]:
    """Name what a page is written by and filled into, and what is cited in it."""
    modules = (_file(name) for name in import_closure.closure(_WRITES_PAGES))
    return (*modules, *_templates(), *_CITED)


def _templates() -> Iterator[str]:
    """Name the files beside the modules that write pages: templates, fonts, words."""
    room = PACKAGE / "reports" / "page"
    for path in sorted(room.rglob("*")):
        if path.suffix not in {".py", ".pyc"} and path.is_file():
            yield path.relative_to(PACKAGE.parent).as_posix()


def get_ready(notebooks: Iterable[Path]) -> None:
    """Read the modules that runs and pages reach, before the first key asks for them."""
    _engine()
    _page_files()
    look = Fingerprints()
    for notebook in set(notebooks):
        look.modules_of(notebook)


def _plain(run: Run) -> dict[str, object]:
    return {name: parameters.plain(value) for name, value in run.parameters.items()}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LENGTH]


# ---- reports that no plan asks for: a command line did, with parameters of its own ----


def run_of(folder: Path) -> Run:
    """Return the run that made a report, or that failed."""
    record, key = finished.record_of(folder), folder / KEY  # a run that failed has no key
    try:
        title = json.loads(key.read_bytes())["title"] if key.is_file() else ""
        notebook, given = paths.notebook(record["notebook"]), record["parameters"]
    except (OSError, ValueError, KeyError) as error:
        raise LianjianError(f"{folder.name} does not say how it was made: {error}") from error
    if not notebook.is_file():
        raise LianjianError(f"{folder.name}: its notebook {notebook.name} is gone")
    checked = parameters.check(given, parameters.read(notebook), notebook.name)
    return Run(notebook, folder.name.removesuffix(FAILED), title, checked)


def named(word: str) -> Run | None:
    """Return the run that made, or failed to make, a report of this name; None without one."""
    if "/" in word or word.startswith(".") or word.endswith(FAILED):
        return None
    folders = (paths.reports() / f"{word}{end}" for end in ("", FAILED))
    return next((run_of(folder) for folder in folders if (folder / RECORD).is_file()), None)


def stale(reports: Path, planned: Collection[str]) -> dict[str, str]:
    """Say of the reports beside the plan why they are not what would be made now."""
    look, found = Fingerprints(), {}
    for folder in finished.good(reports):
        if folder.name in planned:
            continue
        try:
            decision = look.decide(run_of(folder), folder)
        except LianjianError as error:
            found[folder.name] = str(error)
            continue
        if decision.action == "run":
            found[folder.name] = decision.why
    return found
