"""Which runs there are: every notebook once, or as ``notebooks/plan.toml`` says.

A plan entry names a notebook. It may fix ``parameters``, make one run for each county of the data
(``each = "county"``), or one for each combination of values (``grid``); a ``name`` tells a variant
from others of its notebook, a ``title`` is filled from the parameters::

    [[run]]
    notebook = "09-county-brief"
    title = "County brief: {county_name}"
    each = "county"

    [[run]]
    notebook = "03-income-change"
    name = "low-target"
    parameters = { gain_wan = 1.0 }
    grid = { start_year = [2021, 2022], base_year = [2018, 2024] }
    cell_seconds = 300
    run_seconds = 900
    max_age = "7 days"  # run again where the report is older, or always = true

"""

import hashlib
import itertools
import math
import re
import tomllib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from analysis import fields, paths
from analysis.clean.manifest import parse
from analysis.errors import LianjianError
from analysis.reports.plan import parameters
from analysis.reports.plan.parameters import Parameter, Scope, Value
from analysis.reports.text import is_slug, listed, meant, slug

_NOTEBOOK = re.compile(r"\d\d-[A-Za-z0-9][\w-]*\.ipynb\Z")
_KEYS = (
    "notebook", "name", "title", "each", "grid", "parameters", "cell_seconds", "run_seconds",
    "always", "max_age",
)  # fmt: skip
_UNITS = ("minute", "hour", "day", "week")
_AGE = re.compile(rf"\s*(\d{{1,5}})\s*({'|'.join(_UNITS)})s?\s*")  # 7 days
_LONGEST_SLUG = 120
_MOST_RUNS = 100_000  # a grid beyond this is a slip of the pen


@dataclass(frozen=True)
class Run:
    """One notebook with one set of parameters: one report.

    Attributes
    ----------
    notebook : Path
        The notebook's source.
    slug : str
        Name of the report's folder.
    title : str
        Title of the page; empty takes the notebook's first heading.
    parameters : dict of str to Value
        What is set; the others keep the notebook's defaults.
    each : str
        The parameter that the plan varies, empty when it varies none.
    trouble : str
        Why the notebook cannot be run, empty when it can.
    cell_seconds, run_seconds : float or None
        How long a cell and the whole run may take; None takes what the command line says.
    always : bool
        Whether to run it each time, though nothing that it follows from has changed.
    max_age : timedelta or None
        How old its report may be before it runs again all the same.
    """

    notebook: Path
    slug: str
    title: str
    parameters: dict[str, Value]
    each: str = ""
    trouble: str = ""
    cell_seconds: float | None = None
    run_seconds: float | None = None
    always: bool = False
    max_age: timedelta | None = None

    @property
    def file(self) -> str:
        """The notebook in its folder, as ``sub/13-name.ipynb``: what records call it."""
        folder = paths.notebooks()
        inside = self.notebook.is_relative_to(folder)
        return self.notebook.relative_to(folder).as_posix() if inside else self.notebook.name

    @property
    def name(self) -> str:
        """Name of the notebook in its folder, without its ending."""
        return self.file.removesuffix(".ipynb")


def _each_county() -> Iterable[tuple[str, dict[str, str]]]:
    for county in fields.COUNTIES:
        words = {
            "county": county.code,
            "county_name": county.name,
            "county_name_zh": county.name_zh,
            "zone": county.zone,
        }
        yield county.code, words


# What `each` may say: the parameter that it sets, and for each value the words for a title.
_EACH: dict[str, Callable[[], Iterable[tuple[str, dict[str, str]]]]] = {"county": _each_county}
# How a value given by a person becomes one of those.
_VALUE: dict[str, Callable[[str], str]] = {"county": lambda text: fields.county(text).code}


def discover(folder: Path | None = None) -> dict[str, Path]:
    """Find the notebooks, ``NN-name.ipynb``, by name."""
    folder = folder or paths.notebooks()
    return {p.stem: p for p in sorted(folder.glob("*.ipynb")) if _NOTEBOOK.match(p.name)}


def load(folder: Path | None = None) -> tuple[Run, ...]:
    """Read the plan and expand it to runs, in the order of the notebooks.

    Raises
    ------
    LianjianError
        The plan names an unknown notebook, key, ``each`` or parameter, or two runs would
        write the same report.
    """
    folder = folder or paths.notebooks()
    found = discover(folder)
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for number, entry in enumerate(_entries(folder / "plan.toml"), start=1):
        name = _checked(entry, number, found)
        entries[name].append(entry)
    runs: list[Run] = []
    for name, path in found.items():
        try:
            declared = parameters.read(path)
        except LianjianError as error:
            # one notebook that cannot be read does not stop the others
            runs.append(Run(path, slug(name), "", {}, trouble=str(error)))
            continue
        for entry in entries[name] or [{"notebook": name}]:
            runs.extend(_expand(entry, path, declared))
    _no_twins(runs)
    return tuple(runs)


def _entries(plan: Path) -> list[dict[str, Any]]:
    if not plan.exists():
        return []
    try:
        content = tomllib.loads(plan.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LianjianError(f"notebooks/plan.toml is not TOML: {error}") from error
    entries = content.pop("run", [])
    if content or not isinstance(entries, list):
        seen = ", ".join(content) or "run"
        raise LianjianError(
            f"notebooks/plan.toml holds {seen!r}; it may hold only [[run]] entries."
        )
    return entries


def _checked(entry: Mapping[str, Any], number: int, found: Mapping[str, Path]) -> str:
    where = f"notebooks/plan.toml, run {number}"
    for key in entry:
        if key not in _KEYS:
            raise LianjianError(
                f"{where}: unknown key {key!r}.{meant(key, _KEYS)} Keys are: {', '.join(_KEYS)}."
            )
    name = str(entry.get("notebook", "")).removesuffix(".ipynb")
    if name not in found:
        raise LianjianError(
            f"{where}: there is no notebook {name!r} in notebooks/.{meant(name, found)} "
            f"Notebooks are: {', '.join(found) or 'none'}."
        )
    each = entry.get("each")
    if each is not None and each not in _EACH:
        raise LianjianError(
            f"{where}: each = {each!r} is unknown.{meant(str(each), _EACH)} "
            f"It may be: {', '.join(_EACH)}."
        )
    _check_values(entry, where)
    return name


def _check_values(entry: Mapping[str, Any], where: str) -> None:
    for key in ("grid", "parameters"):
        if not isinstance(entry.get(key, {}), dict):
            raise LianjianError(f"{where}: {key} is a table of names, as {key} = {{ year = … }}.")
    for parameter, values in entry.get("grid", {}).items():
        if not isinstance(values, list) or not values:
            raise LianjianError(
                f"{where}: grid gives a list of values for each parameter; for {parameter!r} it "
                f"has {values!r}."
            )
    for key in ("cell_seconds", "run_seconds"):
        seconds = entry.get(key, 1)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            raise LianjianError(f"{where}: {key} is {seconds!r}; it takes seconds, above 0.")
    if not isinstance(entry.get("always", False), bool):
        raise LianjianError(f"{where}: always is {entry['always']!r}; it takes true or false.")
    if "max_age" in entry:
        _age(entry["max_age"], where)


def _age(text: object, where: str) -> timedelta:
    """Read how old a report may be."""
    found = _AGE.fullmatch(text) if isinstance(text, str) else None
    if not found or not int(found[1]):
        raise LianjianError(
            f'{where}: max_age is {text!r}; it takes a text as "7 days", in '
            f"{', '.join(f'{unit}s' for unit in _UNITS)}."
        )
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _expand(entry: Mapping[str, Any], path: Path, declared: Mapping[str, Parameter]) -> list[Run]:
    fixed = dict(entry.get("parameters", {}))
    title = str(entry.get("title", ""))
    each, grid = entry.get("each"), entry.get("grid", {})
    variants: Iterable[tuple[str, dict[str, str]]] = _EACH[each]() if each else [("", {})]
    if math.prod(len(values) for values in grid.values()) > _MOST_RUNS:
        raise LianjianError(
            f"notebooks/plan.toml: the grid for {path.name} has more than {_MOST_RUNS:,} runs."
        )
    runs = []
    for (value, words), point in itertools.product(variants, itertools.product(*grid.values())):
        spot = dict(zip(grid, point, strict=True))
        given = {**fixed, **spot, **({each: value} if each else {})}
        checked = parameters.check(given, declared, path.name)
        known = {n: parameters.text(p.default) for n, p in declared.items()}
        known |= {n: parameters.text(v) for n, v in checked.items()} | words
        own = [str(entry["name"])] if "name" in entry else []
        if not own and not each and not grid:
            own = [parameters.address(checked[name]) for name in fixed]
        marks = [f"{name}-{parameters.address(checked[name])}" for name in spot]
        name = _title(title, known, path.name)
        runs.append(
            Run(
                path, _report_slug([path.stem, *own, value, *marks]), name, checked,
                each=each or "", cell_seconds=entry.get("cell_seconds"),
                run_seconds=entry.get("run_seconds"), always=entry.get("always", False),
                max_age=_age(entry["max_age"], path.name) if "max_age" in entry else None,
            )
        )  # fmt: skip
    return runs


def _report_slug(parts: Sequence[str]) -> str:
    whole = "-".join(part if is_slug(part) else slug(part) for part in parts if part)
    if len(whole) <= _LONGEST_SLUG:
        return whole
    # a folder's name has an end: the beginning tells a person, the hash tells it from others
    return f"{whole[:_LONGEST_SLUG].rstrip('-_')}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _title(template: str, words: Mapping[str, str], where: str) -> str:
    def word(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in words:
            raise LianjianError(
                f"notebooks/plan.toml: the title for {where} uses {{{name}}}."
                f"{meant(name, words)} Known are: {', '.join(words) or 'no names'}."
            )
        return words[name]

    return re.sub(r"\{([^{}]*)\}", word, template)


def _no_twins(runs: Sequence[Run]) -> None:
    seen: set[str] = set()
    for run in runs:
        if run.slug in seen:
            raise LianjianError(
                f"Two runs of {run.notebook.name} would write the report {run.slug!r}. "
                "Give them different parameters in notebooks/plan.toml."
            )
        seen.add(run.slug)


def select(runs: Sequence[Run], only: Sequence[str]) -> tuple[Run, ...]:
    """Keep the runs whose notebook or slug begins with one of the given words."""
    if not only:
        return tuple(runs)
    chosen: set[str] = set()
    for word in only:
        stem = word.removesuffix(".ipynb")
        hits = {r.slug for r in runs if r.slug.startswith(stem) or r.name == stem}
        if not hits:
            known = list(dict.fromkeys(n for r in runs for n in (r.name, r.slug)))
            there = (paths.notebooks() / f"{stem}.ipynb").is_file()
            why = f" {stem}.ipynb is left alone: a notebook that runs is called NN-name.ipynb."
            raise LianjianError(
                f"No run is called {word!r}.{why if there else meant(word, known)} "
                f"Notebooks are: {listed(dict.fromkeys(r.name for r in runs))}."
            )
        chosen |= hits
    return tuple(run for run in runs if run.slug in chosen)


def override(runs: Sequence[Run], given: Mapping[str, str], dataset: str | None) -> tuple[Run, ...]:
    """Set parameters from the command line; a changed value names the report too.

    ``dataset`` reaches the notebooks that declare a parameter ``dataset``; every other
    name must be a parameter of every selected notebook. A value of the parameter that a plan
    entry varies picks its run, and a county that the dataset does not have gets none. What a
    person or the plan sets must be in the data.

    Raises
    ------
    LianjianError
        A name or a value is wrong, or nothing is left to run.
    """
    if dataset is not None and "dataset" in given:
        raise LianjianError("The dataset is named twice: by --dataset and by -p dataset=.")
    changed = []
    takes_dataset = False
    lacking: dict[str, str] = {}
    read = cache(parameters.read)  # a grid has many runs of one notebook, and of one dataset
    known = cache(scope)
    for run in _picked(runs, given):
        if run.trouble:
            changed.append(run)
            continue
        declared = read(run.notebook)
        wanted: dict[str, object] = {n: v for n, v in given.items() if n != run.each}
        if dataset is not None and "dataset" in declared:
            takes_dataset = True
            wanted["dataset"] = dataset
        _named_somewhere(wanted, run, runs, read)
        new = parameters.check(wanted, declared, run.notebook.name)
        default = declared["dataset"].default if "dataset" in declared else ""
        covered = known(str({**run.parameters, **new}.get("dataset", default)))
        by_county = run.each == "county" and bool(covered.counties)
        if by_county and run.parameters["county"] not in covered.counties:
            lacking[covered.dataset] = parameters.counties(covered)
            continue
        merged = {
            name: parameters.narrow(value, declared[name], covered, run.notebook.name)
            for name, value in {**run.parameters, **new}.items()
        }
        now = {n: run.parameters.get(n, declared[n].default) for n in new}
        # who says the default says nothing: it is the same report
        merged = {n: v for n, v in merged.items() if n in run.parameters or v != now[n]}
        marks = [
            f"{name}-{parameters.address(merged[name])}"
            for name in declared
            if name != "dataset" and name in merged and name in new and merged[name] != now[name]
        ]
        if "dataset" in new and new["dataset"] != now["dataset"]:
            marks.append(str(new["dataset"]))
        name = _report_slug([run.slug, *marks]) if marks else run.slug
        changed.append(replace(run, slug=name, parameters=merged))
    if dataset is not None and runs and not takes_dataset:
        raise LianjianError(
            f"None of the selected notebooks has a parameter 'dataset', so {dataset!r} would "
            "not be used. Select others, or leave --dataset out."
        )
    if runs and not changed:
        has = "; ".join(f"dataset {name!r} has the counties {has}" for name, has in lacking.items())
        raise LianjianError(f"Nothing is left to run: {has}.")
    _no_twins(changed)
    return tuple(changed)


def _named_somewhere(
    given: Iterable[str], run: Run, runs: Sequence[Run], read: Callable[[Path], Container[str]]
) -> None:
    """Say which of several notebooks have a parameter that one lacks."""
    for name in given:
        if name in read(run.notebook):
            continue
        others = dict.fromkeys(other.notebook for other in runs if not other.trouble)
        having = [path.stem for path in others if name in read(path)]
        if having:
            raise LianjianError(
                f"{run.notebook.name} has no parameter {name!r}. Name the notebooks that you mean; "
                f"these have it: {listed(having)}."
            )


def _picked(runs: Sequence[Run], given: Mapping[str, str]) -> list[Run]:
    """Keep of a varied notebook the run that a value on the command line means."""
    meaning = {name: _VALUE[name](value) for name, value in given.items() if name in _VALUE}
    return [
        run
        for run in runs
        if run.each not in meaning or run.parameters[run.each] == meaning[run.each]
    ]


def scope(dataset: str) -> Scope:
    """Return what a dataset covers; an empty scope where that is not known."""
    if not dataset:
        return Scope()
    manifest = paths.processed_dataset(dataset) / "manifest.json"
    if not manifest.is_file():
        return Scope(dataset)
    counts = parse(manifest).get("villages_by_county_and_year", {})
    pairs = [key.split(" ") for key in counts]
    years = [int(pair[1]) for pair in pairs]
    return Scope(
        dataset,
        frozenset(pair[0] for pair in pairs),
        range(min(years), max(years) + 1) if years else range(0),
    )
