"""The command ``lianjian``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis import __version__
from analysis.errors import LianjianError

# Heavy modules are imported by the command that needs them: --help answers at once.
# ruff: noqa: PLC0415

DEFAULT_DATASET = "simulated"

NOT_ALL = 3
"""Exit code: done, but a file was not read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except LianjianError as error:
        print(f"lianjian: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("lianjian: stopped", file=sys.stderr)  # noqa: T201
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lianjian",
        description="Village collective-economy income in Qingyang: build data, run reports.",
    )
    parser.add_argument("--version", action="version", version=f"lianjian {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    simulate = commands.add_parser("simulate", help="write simulated ledgers with a known truth")
    simulate.add_argument("name", nargs="?", default=DEFAULT_DATASET, help="dataset to write")
    simulate.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter of the simulation, e.g. -p seed=7; see docs/simulation.md",
    )  # fmt: skip
    simulate.set_defaults(action=_simulate)

    new = commands.add_parser("new", help="take your own ledgers in as a dataset")
    new.add_argument("name", help="name for the dataset: letters, digits and hyphens")
    new.add_argument("files", type=Path, nargs="+", metavar="FILE",
                     help="books as received (.xlsx, .xls, .csv, .txt), or two tidy CSV files: "
                     "villages, then accounts")  # fmt: skip
    new.add_argument("--villages", type=Path, help="CSV of the study's villages, role and alliance")
    new.add_argument("--register", type=Path, help="CSV of villages to look names up in, instead "
                     "of the published register")  # fmt: skip
    new.add_argument("--simulated", action="store_true", help="the numbers are made up: mark them")
    new.add_argument("--title", default="", help="title that reports print")
    new.set_defaults(action=_new)

    build = commands.add_parser("build", help="make data/processed from data/raw")
    build.add_argument("names", nargs="*", metavar="DATASET", help="default: every dataset")
    build.set_defaults(action=_build)

    run = commands.add_parser("run", help="run the notebooks and write reports/index.html")
    run.add_argument("notebooks", nargs="*", metavar="NOTEBOOK",
                     help="what to run, e.g. 03-income-change; default: all")  # fmt: skip
    run.add_argument("--only", action="append", default=[], metavar="NOTEBOOK",
                     help="the same, as an option")  # fmt: skip
    run.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
                     help="set a notebook parameter")  # fmt: skip
    run.add_argument("--dataset", help="run on this dataset instead of the notebooks' default")
    run.add_argument("--jobs", type=_positive, default=2, help="notebooks at a time (default 2)")
    run.set_defaults(action=_run)

    dictionary = commands.add_parser("dictionary", help="write data/dictionary.md anew")
    dictionary.set_defaults(action=_dictionary)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _assignments(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise LianjianError(f"-p takes NAME=VALUE, and {pair!r} is not of that form.")
        found[name] = value
    return found


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _simulate(options: argparse.Namespace) -> int:
    _write_simulated(options.name, _assignments(options.parameters))
    _say(f"now: lianjian build {options.name}")
    return 0


def _write_simulated(name: str, parameters: Mapping[str, str]) -> None:
    from analysis import paths, simulate

    folder = paths.dataset_folder(name)
    simulate.write(simulate.simulate(simulate.read_scenario(parameters)), folder)
    _say(f"simulated ledgers written to {folder}")


def _new(options: argparse.Namespace) -> int:
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
        _say(f"{taken.files} files, {taken.tables} tables, {taken.questions} questions to answer")
    for reason in taken.refused:
        print(f"lianjian: {reason}", file=sys.stderr)  # noqa: T201
    first = f"read and answer {taken.folder / 'dataset.toml'}, then" if taken.questions else "now"
    _say(f"taken in as {taken.folder}; {first}: lianjian build {options.name}")
    return NOT_ALL if taken.refused else 0


def _build(options: argparse.Namespace) -> int:
    from analysis import paths
    from analysis.clean.build import build, datasets

    wants_default = not options.names or DEFAULT_DATASET in options.names
    if wants_default and not (paths.raw() / DEFAULT_DATASET / "dataset.toml").is_file():
        _write_simulated(DEFAULT_DATASET, {})
    failed = 0
    for name in options.names or datasets():
        try:
            built = build(name)
        except LianjianError as error:
            # one dataset with a fault does not keep the others from being built
            print(f"lianjian: {error}", file=sys.stderr)  # noqa: T201
            failed = 1
            continue
        done = "built" if built.fresh else "up to date"
        rows = ", ".join(f"{table} {count:,}" for table, count in built.rows.items())
        _say(f"{name} ({built.kind}, version {built.version}) {done}: {rows}")
        if built.score:
            _say(f"  {_in_words(built.score)}")
        if built.errors:
            page = paths.processed() / name / "issues.html"
            _say(f"  {built.errors} of {built.issues} issues are errors; go through {page}")
        if built.refused:
            names = ", ".join(built.refused)
            print(f"lianjian: {name} lacks what was not read: {names}", file=sys.stderr)  # noqa: T201
            failed = failed or NOT_ALL
    return failed


def _in_words(score: Mapping[str, int]) -> str:
    """Say how well the books of a simulation were read."""
    return (
        f"of {score['cells']:,} amounts without a fault {score['right']:,} read right, "
        f"{score['wrong']:,} wrong, {score['refused'] + score['unread']:,} not read, "
        f"{score['unplaced']:,} for a person to place; "
        f"of {score['faults']:,} planted faults {score['found']:,} found"
    )


def _run(options: argparse.Namespace) -> int:
    from analysis.clean.build import PUBLISHED, build
    from analysis.reports import runner

    # what the notebooks read must be what the raw files say now
    for name in dict.fromkeys([PUBLISHED, options.dataset or DEFAULT_DATASET]):
        build(name)
    return runner.run(
        only=[*options.notebooks, *options.only],
        parameters=_assignments(options.parameters),
        dataset=options.dataset,
        jobs=options.jobs,
    )


def _dictionary(_: argparse.Namespace) -> int:
    from analysis import paths
    from analysis.fields import dictionary
    from analysis.files import write_text

    path = paths.root() / "data" / "dictionary.md"
    write_text(path, dictionary())
    _say(f"{path} written")
    return 0
