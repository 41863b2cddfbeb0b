"""What each command of ``lianjian`` does; each takes the options and returns an exit code."""

import argparse
from collections.abc import Mapping, Sequence

from analysis.errors import LianjianError
from analysis.terminal import answer, answer_json, say, warn

# Heavy modules are imported by the command that needs them: --help answers at once.
# ruff: noqa: PLC0415

DEFAULT_DATASET = "simulated"

NOT_COMPARED = 2
"""Exit code: nothing can be said, where 1 says that numbers moved."""

NOT_ALL = 3
"""Exit code: done, but a file was not read."""


def _assignments(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise LianjianError(f"-p takes NAME=VALUE, and {pair!r} is not of that form.")
        if name in found:
            raise LianjianError(f"-p sets {name!r} twice, to {found[name]!r} and to {value!r}.")
        found[name] = value
    return found


def simulate(options: argparse.Namespace) -> int:
    _write_simulated(options.name, _assignments(options.parameters))
    say(f"now: lianjian build {options.name}")
    return 0


def _write_simulated(name: str, parameters: Mapping[str, str]) -> None:
    from analysis import paths
    from analysis import simulate as world

    folder = paths.dataset_folder(name)
    world.write(world.simulate(world.read_scenario(parameters)), folder)
    say(f"simulated ledgers written to {folder}")


def new(options: argparse.Namespace) -> int:
    from analysis.clean.intake import take_in

    taken = take_in(
        options.name,
        options.files,
        villages=options.villages,
        register=options.register,
        title=options.title,
        is_simulated=options.simulated,
    )
    if taken.tables:
        say(f"{taken.files} files, {taken.tables} tables, {taken.questions} questions to answer")
    for reason in taken.refused:
        warn(reason)
    first = f"read and answer {taken.folder / 'dataset.toml'}, then" if taken.questions else "now"
    say(f"taken in as {taken.folder}; {first}: lianjian build {options.name}")
    return NOT_ALL if taken.refused else 0


def build(options: argparse.Namespace) -> int:
    from analysis import paths
    from analysis.clean.build import build as build_dataset
    from analysis.clean.build import datasets

    wants_default = not options.names or DEFAULT_DATASET in options.names
    if wants_default and not (paths.raw() / DEFAULT_DATASET / "dataset.toml").is_file():
        _write_simulated(DEFAULT_DATASET, {})
    failed = 0
    for name in options.names or datasets():
        try:
            built = build_dataset(name)
        except LianjianError as error:
            # one dataset with a fault does not keep the others from being built
            warn(str(error))
            failed = 1
            continue
        done = "built" if built.fresh else "up to date"
        rows = ", ".join(f"{table} {count:,}" for table, count in built.rows.items())
        say(f"{name} ({built.kind}, version {built.version}) {done}: {rows}")
        if nobody := _nobody(name, built.rows):
            warn(nobody)
            failed = failed or NOT_ALL
        if built.score:
            say(f"  {_in_words(built.score)}")
        if built.errors:
            page = paths.processed() / name / "issues.html"
            say(f"  {built.errors} of {built.issues} issues are errors; go through {page}")
        if built.refused:
            names = ", ".join(built.refused)
            warn(f"{name} lacks what was not read: {names}")
            failed = failed or NOT_ALL
    return failed


def _nobody(name: str, rows: Mapping[str, int]) -> str:
    """Say that no village of a dataset is known, empty when some are."""
    if rows.get("villages", 1):
        return ""
    return (
        f"{name} has no village that the register knows, so there is nothing to report on. Go "
        f"through data/processed/{name}/issues.html; fill in data/processed/{name}/"
        f"crosswalk-to-fill.csv and save it as data/raw/{name}/crosswalk.csv, or take the books in "
        "with a register of their villages (`lianjian new … --register`)."
    )


def _in_words(score: Mapping[str, int]) -> str:
    """Say how well the books of a simulation were read."""
    return (
        f"of {score['cells']:,} amounts without a fault {score['right']:,} read right, "
        f"{score['wrong']:,} wrong, {score['refused'] + score['unread']:,} not read, "
        f"{score['unplaced']:,} for a person to place; "
        f"of {score['faults']:,} planted faults {score['found']:,} found"
    )


def run(options: argparse.Namespace) -> int:
    from analysis.clean.build import PUBLISHED
    from analysis.clean.build import build as build_dataset
    from analysis.reports.run import runner
    from analysis.reports.run.execute import Limits

    if options.dry_run:
        return why(options)
    # what the notebooks read must be what the raw files say now
    only, given = _selected(options)
    first = dict.fromkeys([PUBLISHED, given.get("dataset") or options.dataset or DEFAULT_DATASET])
    built = {name: build_dataset(name) for name in first}
    for name in runner.datasets(runner.planned(only, given, options.dataset)):
        if name not in built:
            built[name] = build_dataset(name)
    for name, dataset in built.items():
        if dataset.fresh:
            say(f"{name} ({dataset.kind}, version {dataset.version}) built")
        if nobody := _nobody(name, dataset.rows):
            raise LianjianError(nobody)
    warm = {"auto": None, "warm": True, "plain": False}[options.kernels]
    how = runner.Options(
        jobs=options.jobs,
        force=options.force,
        limits=Limits(options.cell_seconds, options.run_seconds),
        formats=tuple(options.formats),
        warm=warm,
        scheduler=options.scheduler,
    )
    return runner.run(only=only, parameters=given, dataset=options.dataset, options=how)


def _selected(options: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    return [*options.notebooks, *options.only], _assignments(options.parameters)


def why(options: argparse.Namespace) -> int:
    from analysis.reports.run import runner

    only, given = _selected(options)
    runs = runner.planned(only, given, options.dataset)
    width = max(len(run.slug) for run in runs)
    words = {"none": "up to date", "render": "new page", "run": "run"}
    counts = dict.fromkeys(words, 0)
    for run, decision in runner.decide(runs, force=getattr(options, "force", False)):
        reasons = f": {'; '.join(decision.reasons)}" if decision.reasons else ""
        answer(f"{run.slug:<{width}}  {words[decision.action]}{reasons}")
        counts[decision.action] += 1
    if not (only or given or options.dataset):
        for slug, reason in runner.beside(runs).items():
            answer(f"{slug:<{width}}  beside the plan, out of date: {reason}")
    say(", ".join(f"{count} {words[action]}" for action, count in counts.items() if count))
    return 0


def params(options: argparse.Namespace) -> int:
    from analysis.clean.build import must_exist
    from analysis.reports.plan import parameters, plan
    from analysis.reports.text import meant

    found = plan.discover()
    name = options.notebook.removesuffix(".ipynb")
    name = next((known for known in found if known == name or known.startswith(f"{name}-")), name)
    if name not in found:
        near = meant(name, found)
        raise LianjianError(f"There is no notebook {name!r}.{near} There are: {', '.join(found)}.")
    declared = parameters.read(found[name])
    default = declared["dataset"].default if "dataset" in declared else ""
    if options.dataset is not None:
        must_exist(options.dataset)
    rows = parameters.summary(declared, plan.scope(str(options.dataset or default)))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        answer("  ".join([*cells, row[3]]).rstrip())
    if not rows:
        say(f"{name} has no parameters")
    return 0


def compare(options: argparse.Namespace) -> int:
    from analysis.reports.page import ledger

    try:
        changes = ledger.compare(options.old, options.new, options.tolerance)
    except LianjianError as error:
        warn(str(error))
        return NOT_COMPARED
    if options.json:
        answer_json([change.__dict__ for change in changes])
    elif changes:
        answer(ledger.describe(changes))
    else:
        answer("no number moved")
    return 1 if changes else 0


def render(options: argparse.Namespace) -> int:
    from analysis.reports.documents import documents

    written = documents.render(options.reports, options.formats or ["pdf"])
    for path in written:
        say(f"{path.parent.parent.name}/{path.parent.name}/{path.name} written")
    return 0


def cite(options: argparse.Namespace) -> int:
    from analysis.reports import cite as citing

    answer(citing.cite(options.report, options.format).rstrip("\n"))
    return 0


def package(options: argparse.Namespace) -> int:
    from analysis.reports.bundle import bundle

    made = bundle.package(
        options.to, with_data=options.with_data, with_reports=options.with_reports,
        without=options.without,
        certified=options.certify,
    )  # fmt: skip
    count = len(made.contents.reports)
    say(f"{made.path} written: {count} report{'s' if count > 1 else ''}, {made.files} files, "
         f"{made.size / 1e6:.1f} MB")  # fmt: skip
    for holding in made.contents.withheld:
        say(f"left out: dataset {holding.name}: {holding.withheld}")
        if holding.untold:
            say(f"  say in {holding.folder / 'dataset.toml'} how others can get it: "
                 f"{' and '.join(holding.untold)}")  # fmt: skip
    for report in made.contents.dropped:
        say(f"left out: report {report.slug}, made from a dataset that is left out")
    return 0


def dictionary(_: argparse.Namespace) -> int:
    from analysis import fields, paths
    from analysis.files import write_text

    path = paths.root() / "data" / "dictionary.md"
    write_text(path, fields.dictionary())
    say(f"{path} written")
    return 0
