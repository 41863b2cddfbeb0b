"""Which runs there are: every notebook once, or as ``notebooks/plan.toml`` says.

A plan entry names a notebook. It may fix ``parameters``, make one run for each value that the data
hold of a name (``each``, see `analysis.clean.scope`), or one for each combination of values
(``grid``); a ``name`` tells a variant from others of its notebook, a ``title`` is filled from the
parameters. Before the entries may stand the languages in which there is a page besides English::

    languages = ["zh"]

    [[run]]
    notebook = "09-brief"
    title = "Brief: {zone_name}"
    each = "zone"

    [[run]]
    notebook = "03-income-change"
    name = "low-target"
    parameters = { gain_wan = 1.0 }
    grid = { start_year = [2021, 2022], base_year = [2018, 2024] }
    cell_seconds = 300
    run_seconds = 900
    max_age = "7 days"  # run again where the report is older, or always = true
    strict = true  # a command that fails without failing its cell fails the run
"""

import hashlib
import itertools
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from analysis import _language, paths
from analysis.clean import scope
from analysis.clean.scope import Scope
from analysis.errors import LianjianError, did_you_mean
from analysis.reports.plan import notebooks, parameters
from analysis.reports.plan._types import Value, shown
from analysis.reports.plan.parameters import Parameter
from analysis.reports.text import is_slug, listed, numbered, slug

PLAN = "notebooks/plan.toml"
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # kinds of characters that steer a terminal
_UNITS = ("minute", "hour", "day", "week")
_AGE = re.compile(rf"\s*(\d{{1,5}})\s*({'|'.join(_UNITS)})s?\s*")  # 7 days
_LONGEST_NAME = 120  # bytes: with endings and beginnings of ours a disk can hold it
_MOST_RUNS = 100_000  # a plan beyond this is a slip of the pen
_MOST_SECONDS = 366 * 24 * 3600
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Run:
    """One notebook with one set of parameters: one report."""

    notebook: Path
    slug: str  # the name of the report's folder
    title: str  # of the page; empty takes the notebook's first heading
    parameters: dict[str, Value]  # what is set; the others keep the notebook's defaults
    each: str = ""  # the parameter that the plan varies
    trouble: str = ""  # why the notebook cannot be run
    cell_seconds: float | None = None  # what a cell may take; None takes what the command line says
    run_seconds: float | None = None
    always: bool = False  # run it each time, though nothing that it follows from has changed
    max_age: str = ""  # how old its report may be before it runs again all the same, as "7 days"
    strict: bool = False  # a command that fails without failing its cell fails the run
    languages: tuple[str, ...] = ()  # of pages besides the English one

    @property
    def file(self) -> str:
        """What records call it: ``sub/13-name.ipynb`` of the collection, ``work/name.ipynb``."""
        for folder in (paths.notebooks(), paths.root()):
            if self.notebook.is_relative_to(folder):
                return self.notebook.relative_to(folder).as_posix()
        return self.notebook.name

    @property
    def is_own(self) -> bool:
        """Whether it is a person's own, of ``work``, not one of the collection."""
        return self.notebook.is_relative_to(paths.work())

    @property
    def name(self) -> str:
        """Name of the notebook in its folder, without its ending."""
        return self.file.removesuffix(".ipynb")


def load() -> tuple[Run, ...]:
    """Read the plan and expand it to runs, in the order of the notebooks."""
    found = notebooks.find()
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in found.planned}
    said, languages = _entries(paths.notebooks() / "plan.toml")
    for number, entry in enumerate(said, start=1):
        entries[_checked(entry, f"{PLAN}, run {number}", found)].append(entry)
    made = notebooks.report_names([*found.planned, *found.copies])
    runs: list[Run] = []
    for name, path in found.planned.items():
        runs += _of_notebook(path, made[name], entries[name], _MOST_RUNS - len(runs))
    _no_twins(runs)
    return tuple(replace(run, languages=languages) for run in runs)


def titles() -> list[str]:
    """Return the titles of the plan as they are written there, with their places."""
    return [str(entry.get("title", "")) for entry in _entries(paths.notebooks() / "plan.toml")[0]]


def _of_notebook(path: Path, slug: str, entries: Sequence[dict[str, Any]], most: int) -> list[Run]:
    try:
        declared = parameters.read(path)
    except LianjianError as error:
        # one notebook that cannot be read does not stop the others
        return [Run(path, slug, "", {}, trouble=str(error))]
    runs: list[Run] = []
    for entry in entries or [{}]:
        runs += _expand(entry, Run(path, slug, "", {}), declared, most - len(runs))
    return runs


# ---- reading the plan ----


def _entries(plan: Path) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the entries of the plan, and the languages that it asks for."""
    if not plan.exists():
        return [], ()
    try:
        if plan.stat().st_size > _MOST_BYTES:
            raise LianjianError(f"{PLAN} is larger than {_MOST_BYTES:,} bytes: that is no plan.")
        content = tomllib.loads(plan.read_text("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise LianjianError(f"{PLAN} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise LianjianError(
            f"{PLAN} is not UTF-8 (byte {error.start + 1}). Save it as UTF-8."
        ) from None
    except (ValueError, RecursionError) as error:
        raise LianjianError(f"{PLAN} is not TOML: {error}") from None
    entries, languages = content.pop("run", []), content.pop("languages", [])
    if not isinstance(languages, list) or not all(map(_is_line, languages)):
        raise LianjianError(f'{PLAN}: languages is {shown(languages)}; it takes a list, as ["zh"].')
    are_tables = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    if content or not are_tables:
        seen = ", ".join(content) or "run"
        raise LianjianError(
            f"{PLAN} holds {shown(seen)}; it may hold only [[run]] entries."
            f"{did_you_mean(seen, ['run'])}"
        )
    return entries, tuple(map(_language.checked, languages))


def _is_line(value: object) -> bool:
    return isinstance(value, str) and _CONTROLS.isdisjoint(map(unicodedata.category, value))


def _are_seconds(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= _MOST_SECONDS  # type: ignore[operator]


def _is_age(value: object) -> bool:
    return isinstance(value, str) and age(value) > timedelta()


_LINE = _is_line, "a text of one line"
_TABLE = (lambda value: isinstance(value, dict)), "a table of names, as { year = … }"
_TRUTH = (lambda value: isinstance(value, bool)), "true or false"
_SECONDS = _are_seconds, "seconds, above 0 and up to a year"
_AGES = _is_age, f'a text as "7 days", in {", ".join(f"{unit}s" for unit in _UNITS)}'

# what an entry may hold, and what each key takes
_KEYS: dict[str, tuple[Callable[[object], bool], str]] = (
    dict.fromkeys(("notebook", "name", "title", "each"), _LINE)
    | dict.fromkeys(("parameters", "grid"), _TABLE)
    | dict.fromkeys(("always", "strict"), _TRUTH)
    | dict.fromkeys(("cell_seconds", "run_seconds"), _SECONDS)
    | {"max_age": _AGES}
)


def _checked(entry: Mapping[str, Any], where: str, found: notebooks.Found) -> str:
    """Check an entry and return the name of its notebook."""
    for key, value in {"notebook": "", **entry}.items():
        if key not in _KEYS:
            raise LianjianError(
                f"{where}: unknown key {shown(key)}.{did_you_mean(key, _KEYS)} "
                f"Keys are: {', '.join(_KEYS)}."
            )
        fits, words = _KEYS[key]
        if not fits(value):
            raise LianjianError(f"{where}: {key} is {shown(value)}; it takes {words}.")
    name = _in_folder(entry.get("notebook", ""))
    if name not in found.planned:
        file = f"{name}{notebooks.ENDING}"
        there = (
            f"there is no notebook {shown(name)} in notebooks/.{did_you_mean(name, found.planned)}"
        )
        if file in found.left:
            there = f"{file} is left alone: {found.left[file]}."
        raise LianjianError(f"{where}: {there} Notebooks are: {listed(found.planned) or 'none'}.")
    each, grid = entry.get("each", ""), entry.get("grid", {})
    if each and each not in scope.EACH:
        raise LianjianError(
            f"{where}: each = {shown(each)} is unknown.{did_you_mean(each, scope.EACH)} "
            f"It may be: {', '.join(scope.EACH)}."
        )
    for parameter, values in grid.items():
        if not isinstance(values, list) or not values:
            raise LianjianError(
                f"{where}: grid gives a list of values for each parameter; for {parameter!r} it "
                f"has {shown(values)}."
            )
    set_by = Counter([*entry.get("parameters", {}), *grid, *([each] if each else [])])
    if twice := sorted(parameter for parameter, times in set_by.items() if times > 1):
        raise LianjianError(
            f"{where}: {', '.join(twice)} is set twice, by parameters, grid or each. "
            "One of them says what it is."
        )
    return name


def age(text: str) -> timedelta:
    """Read how old a report may be; no time at all where the text does not say it."""
    found = _AGE.fullmatch(text)
    return timedelta(**{f"{found[2]}s": int(found[1])}) if found else timedelta()


# ---- expanding it ----


def _expand(
    entry: Mapping[str, Any], run: Run, declared: Mapping[str, Parameter], most: int
) -> list[Run]:
    """Make the runs of an entry, each from the bare run of its notebook."""
    fixed, grid, each = entry.get("parameters", {}), entry.get("grid", {}), entry.get("each", "")
    variants: Mapping[str, Mapping[str, str]] = Scope().varieties(each) if each else {"": {}}
    if len(variants) * math.prod(map(len, grid.values())) > most:
        raise LianjianError(
            f"{PLAN}: with the runs of {run.file} there are more than {_MOST_RUNS:,}."
        )
    run = replace(
        run,
        each=each,
        cell_seconds=entry.get("cell_seconds"),
        run_seconds=entry.get("run_seconds"),
        always=entry.get("always", False),
        strict=entry.get("strict", False),
        max_age=entry.get("max_age", "").strip(),
    )
    runs = []
    for (value, words), point in itertools.product(
        variants.items(), itertools.product(*grid.values())
    ):
        spot = dict(zip(grid, point, strict=True))
        checked = parameters.check(
            {**fixed, **spot, **({each: value} if each else {})}, declared, run.file
        )
        known = {n: parameters.text(checked.get(n, p.default)) for n, p in declared.items()}
        own = [entry["name"]] if "name" in entry else []
        if not own and not each and not grid:
            own = [parameters.address(checked[name]) for name in fixed]
        marks = [f"{name}-{parameters.address(checked[name])}" for name in spot]
        runs.append(
            replace(
                run,
                slug=_report_name(run.slug, [*own, value, *marks]),
                title=_title(entry.get("title", ""), {**known, **words}, run.file),
                parameters=checked,
            )
        )
    return runs


def _report_name(first: str, parts: Iterable[str]) -> str:
    whole = "-".join([first, *(part if is_slug(part) else slug(part) for part in parts if part)])
    content = whole.encode()
    if len(content) <= _LONGEST_NAME:
        return whole
    # a folder's name has an end: the beginning tells a person, the hash tells it from others
    begins = content[:_LONGEST_NAME].decode(errors="ignore").rstrip("-_")
    return f"{begins}-{hashlib.sha256(content).hexdigest()[:8]}"


def _title(template: str, words: Mapping[str, str], where: str) -> str:
    def word(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in words:
            raise LianjianError(
                f"{PLAN}: the title for {where} uses {{{name}}}."
                f"{did_you_mean(name, words)} Known are: {', '.join(words) or 'no names'}."
            )
        return words[name]

    return re.sub(r"\{([^{}]*)\}", word, template)


def _no_twins(runs: Sequence[Run]) -> None:
    seen: dict[str, Run] = {}
    for run in runs:
        other = seen.setdefault(run.slug, run)
        if other is not run:
            of = " and ".join(dict.fromkeys([other.file, run.file]))
            raise LianjianError(
                f"Two runs of {of} would write the report {run.slug!r}. "
                f"Give them different parameters, or a name, in {PLAN}."
            )


# ---- selecting ----


def select(runs: Sequence[Run], only: Sequence[str]) -> tuple[Run, ...]:
    """Keep the runs whose notebook or slug begins with one of the given words.

    A copy, which the plan leaves alone, and a notebook of ``work/`` are taken where their whole
    name is given.
    """
    if not only:
        return tuple(runs)
    chosen: dict[str, Run] = {}
    for word in only:
        stem = _in_folder(word)
        hits = [run for run in runs if _begins(run, stem)] or _copies(stem) or _own(word)
        if not hits:
            raise LianjianError(_nothing(word, stem, runs))
        chosen |= {run.slug: run for run in hits}
    return (
        *(run for run in runs if run.slug in chosen),
        *(run for slug, run in chosen.items() if slug not in {run.slug for run in runs}),
    )


def _in_folder(word: str) -> str:
    """Return the name of a notebook that a person may have written as a path."""
    name = word.replace("\\", "/").removesuffix(notebooks.ENDING)
    for folder in (f"{paths.notebooks().as_posix()}/", "./", "notebooks/"):
        name = name.removeprefix(folder)
    return numbered(name)


def _begins(run: Run, word: str) -> bool:
    return any(name.startswith(word) for name in (run.slug, run.name, run.notebook.stem))


def _copies(name: str) -> list[Run]:
    found = notebooks.find()
    if name not in found.copies:
        return []
    slug = notebooks.report_names([*found.planned, *found.copies])[name]
    return _of_notebook(found.copies[name], slug, [], _MOST_RUNS)


def _own(word: str) -> list[Run]:
    """Return the run of a notebook in ``work/``, if the word names one."""
    path = notebooks.own(word)
    if path is None:
        return []
    name = path.relative_to(paths.root()).as_posix().removesuffix(notebooks.ENDING)
    return _of_notebook(path, notebooks.report_names([name])[name], [], _MOST_RUNS)


def _nothing(word: str, name: str, runs: Sequence[Run]) -> str:
    known = list(dict.fromkeys(n for r in runs for n in (r.name, r.slug)))
    file = f"{name}{notebooks.ENDING}"
    why = notebooks.find().left.get(file)
    told = f" {file} is left alone: {why}." if why else did_you_mean(word, known)
    return (
        f"No run is called {word!r}.{told} "
        f"Notebooks are: {listed(dict.fromkeys(r.name for r in runs))}."
    )


# ---- setting parameters ----


def override(runs: Sequence[Run], given: Mapping[str, str], dataset: str | None) -> tuple[Run, ...]:
    """Set parameters from the command line; a changed value names the report too.

    ``dataset`` reaches the notebooks that declare a parameter ``dataset``; every other
    name must be a parameter of every selected notebook. A value of the parameter that a plan
    entry varies picks its run, and a value that the dataset does not hold gets none. What a
    person or the plan sets must be in the data.
    """
    if dataset is not None and "dataset" in given:
        raise LianjianError("The dataset is named twice: by --dataset and by -p dataset=.")
    # a grid has many runs of one notebook, and of one dataset
    read, covered = cache(parameters.read), cache(scope.of)
    changed: list[Run] = []
    lacking: dict[str, str] = {}
    reached = dataset is None or not runs
    for run in _picked(runs, given):
        if run.trouble:
            changed.append(run)
            continue
        declared = read(run.notebook)
        wanted: dict[str, str] = {name: v for name, v in given.items() if name != run.each}
        if dataset is not None and "dataset" in declared:
            reached = True
            wanted["dataset"] = dataset
        _named_somewhere(wanted, run, runs, read)
        new = parameters.check(wanted, declared, run.file)
        whole = {name: p.default for name, p in declared.items()} | run.parameters | new
        has = covered(str(whole.get("dataset") or ""))
        if run.each and run.parameters[run.each] not in has.varieties(run.each):
            lacking[has.dataset] = has.listed(run.each)
        else:
            changed.append(_changed(run, new, declared, has))
    if not reached:
        raise LianjianError(
            f"None of the selected notebooks has a parameter 'dataset', so {dataset!r} would "
            "not be used. Select others, or leave --dataset out."
        )
    if runs and not changed:
        has_only = "; ".join(f"dataset {name!r} has the {has}" for name, has in lacking.items())
        raise LianjianError(f"Nothing is left to run: {has_only}.")
    _no_twins(changed)
    return tuple(changed)


def _changed(
    run: Run, new: Mapping[str, Value], declared: Mapping[str, Parameter], has: Scope
) -> Run:
    """Set some parameters of a run anew, and say so in its name."""
    now = {name: run.parameters.get(name, declared[name].default) for name in new}
    merged = {
        name: parameters.narrow(value, declared[name], has, run.file)
        for name, value in {**run.parameters, **new}.items()
    }
    # who says the default says nothing: it is the same report
    merged = {n: v for n, v in merged.items() if n in run.parameters or v != now[n]}
    differs = [n for n in declared if n in merged and n in new and merged[n] != now[n]]
    # the dataset stands last, without its name
    marks = [f"{n}-{parameters.address(merged[n])}" for n in differs if n != "dataset"]
    marks += [str(merged[n]) for n in differs if n == "dataset"]
    name = _report_name(run.slug, marks) if marks else run.slug
    return replace(run, slug=name, parameters=merged)


def _named_somewhere(
    given: Iterable[str], run: Run, runs: Sequence[Run], read: Callable[[Path], Container[str]]
) -> None:
    """Say which of several notebooks have a parameter that one lacks."""
    for name in given:
        if name in read(run.notebook):
            continue
        others = {other.notebook: other.name for other in runs if not other.trouble}
        having = [stem for path, stem in others.items() if name in read(path)]
        if having:
            raise LianjianError(
                f"{run.file} has no parameter {name!r}. Name the notebooks that you mean; "
                f"these have it: {listed(having)}."
            )


def _picked(runs: Sequence[Run], given: Mapping[str, str]) -> list[Run]:
    """Keep of a varied notebook the run that a value on the command line means."""
    meaning = {name: Scope().reading(name, v) for name, v in given.items() if name in scope.EACH}
    return [
        run
        for run in runs
        if run.each not in meaning or run.parameters[run.each] == meaning[run.each]
    ]
