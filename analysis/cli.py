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
    except OSError as error:
        # a full or read-only disk, a file that may not be read: what was there before stays
        where = f" ({error.filename})" if error.filename else ""
        print(f"lianjian: {error.strerror or error}{where}. "  # noqa: T201
              "What was there before is unchanged.", file=sys.stderr)  # fmt: skip
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
    _data_commands(commands)
    _report_commands(commands)
    return parser


def _data_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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

    dictionary = commands.add_parser("dictionary", help="write data/dictionary.md anew")
    dictionary.set_defaults(action=_dictionary)


def _report_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="run the notebooks and write reports/index.html")
    _selection(run)
    run.add_argument("--jobs", type=_positive, help="notebooks at a time; default: what cores and "
                     "memory allow")  # fmt: skip
    run.add_argument("--force", action="store_true", help="run what is up to date as well")
    run.add_argument("--dry-run", action="store_true", help="say what would run, and why")
    _formats(run)
    run.add_argument("--cell-seconds", type=_seconds, help="the most that a cell may take")
    run.add_argument("--run-seconds", type=_seconds, help="the most that a run may take")
    run.add_argument("--kernels", choices=["auto", "warm", "plain"], default="auto",
                     help="fork kernels from a warm process (where possible), or start each anew; "
                     "the reports are the same")  # fmt: skip
    run.add_argument("--scheduler", default="", metavar="ADDRESS",
                     help="run on a Dask cluster, e.g. tcp://10.0.0.1:8786")  # fmt: skip
    run.set_defaults(action=_run)

    render = commands.add_parser("render", help="write finished reports as PDF or for Word")
    render.add_argument("reports", nargs="*", metavar="REPORT", help="default: every report")
    _formats(render)
    render.set_defaults(action=_render)

    why = commands.add_parser("why", help="say of each run what changed since it was made")
    _selection(why)
    why.set_defaults(action=_why)

    params = commands.add_parser("params", help="print the parameters of a notebook")
    params.add_argument("notebook", metavar="NOTEBOOK", help="e.g. 03-income-change")
    params.add_argument("--dataset", help="whose counties and years to print")
    params.set_defaults(action=_params)

    compare = commands.add_parser("compare", help="show which cited numbers moved")
    compare.add_argument("old", type=Path, metavar="OLD",
                         help="a report, a folder of reports, or a numbers.csv")  # fmt: skip
    compare.add_argument("new", type=Path, metavar="NEW", help="the same")
    compare.add_argument("--tolerance", type=_share, default=0.0, metavar="SHARE",
                         help="relative change that does not count, e.g. 0.1%%")  # fmt: skip
    compare.add_argument("--json", action="store_true", help="for a program to read")
    compare.set_defaults(action=_compare)

    cite = commands.add_parser("cite", help="print how to cite a report, or one number in it")
    cite.add_argument("report", nargs="?", default="", metavar="REPORT",
                      help="a report, e.g. 09-county-brief-621022, or one address in it, e.g. "
                      "09-county-brief-621022#num-mean; default: this package")  # fmt: skip
    cite.add_argument("--format", default="text", metavar="FORM",
                      help="text (the default), bibtex, csl (CSL-JSON) or ris")  # fmt: skip
    cite.set_defaults(action=_cite)

    package = commands.add_parser("package", help="make the replication bundle for a journal")
    package.add_argument("--to", type=Path, metavar="PATH",
                         help="a name that ends in .zip, or a new folder; default: "
                         "dist/lianjian-VERSION.zip")  # fmt: skip
    package.add_argument("--with-data", action="append", default=[], metavar="DATASET",
                         help="put in ledgers though their cards do not say that others may have "
                         "them")  # fmt: skip
    package.add_argument("--with-reports", action="append", default=[], metavar="DATASET",
                         help="put in the reports on a dataset that is left out")  # fmt: skip
    package.add_argument("--certify", action="store_true", help="say in its README that "
                         "you may use these data, and pass on those in it")  # fmt: skip
    package.set_defaults(action=_package)


def _formats(command: argparse.ArgumentParser) -> None:
    for name, what in (("pdf", "as PDF/A with the notebook attached"), ("docx", "for Word")):
        command.add_argument(f"--{name}", dest="formats", action="append_const", const=name,
                             default=[], help=f"write each report {what} as well")  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _selection(command: argparse.ArgumentParser) -> None:
    """Add the arguments that select runs and set their parameters."""
    command.add_argument("notebooks", nargs="*", metavar="NOTEBOOK",
                         help="what to run, e.g. 03-income-change; default: all")  # fmt: skip
    command.add_argument("--only", action="append", default=[], metavar="NOTEBOOK",
                         help="the same, as an option")  # fmt: skip
    command.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
                         help="set a notebook parameter")  # fmt: skip
    command.add_argument("--dataset", help="use this dataset instead of the notebooks' default")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _share(text: str) -> float:
    try:
        share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no share, as 0.001 or 0.1%, of 0 or more")
    return share


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
    from analysis.reports.execute import Limits

    # what the notebooks read must be what the raw files say now
    only, given = _selected(options)
    first = dict.fromkeys([PUBLISHED, given.get("dataset") or options.dataset or DEFAULT_DATASET])
    for name in first:
        build(name)
    for name in runner.datasets(runner.planned(only, given, options.dataset)):
        if name not in first:
            build(name)
    if options.dry_run:
        return _why(options)
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


def _why(options: argparse.Namespace) -> int:
    from analysis.reports import runner

    only, given = _selected(options)
    runs = runner.planned(only, given, options.dataset)
    width = max(len(run.slug) for run in runs)
    words = {"none": "up to date", "render": "new page", "run": "run"}
    counts = dict.fromkeys(words, 0)
    for run, decision in runner.decide(runs, force=getattr(options, "force", False)):
        reasons = f": {'; '.join(decision.reasons)}" if decision.reasons else ""
        print(f"{run.slug:<{width}}  {words[decision.action]}{reasons}")  # noqa: T201
        counts[decision.action] += 1
    _say(", ".join(f"{count} {words[action]}" for action, count in counts.items() if count))
    return 0


def _params(options: argparse.Namespace) -> int:
    from analysis.errors import LianjianError
    from analysis.reports import parameters, plan

    found = plan.discover()
    name = options.notebook.removesuffix(".ipynb")
    name = next((known for known in found if known == name or known.startswith(f"{name}-")), name)
    if name not in found:
        near = parameters.meant(name, found)
        raise LianjianError(f"There is no notebook {name!r}.{near} There are: {', '.join(found)}.")
    declared = parameters.read(found[name])
    default = declared["dataset"].default if "dataset" in declared else ""
    rows = parameters.summary(declared, plan.scope(str(options.dataset or default)))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[3]]).rstrip())  # noqa: T201
    if not rows:
        _say(f"{name} has no parameters")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from analysis.reports import ledger

    changes = ledger.compare(options.old, options.new, options.tolerance)
    if options.json:
        print(ledger.to_json(changes), end="")  # noqa: T201
    elif changes:
        _say(ledger.describe(changes))
    else:
        _say("no number moved")
    return 1 if changes else 0


def _render(options: argparse.Namespace) -> int:
    from analysis.reports import documents

    written = documents.render(options.reports, options.formats or ["pdf"])
    for path in written:
        _say(f"{path.parent.parent.name}/{path.parent.name}/{path.name} written")
    return 0


def _cite(options: argparse.Namespace) -> int:
    from analysis.reports.cite import cite

    sys.stdout.write(cite(options.report, options.format))
    return 0


def _package(options: argparse.Namespace) -> int:
    from analysis.reports import bundle

    made = bundle.package(
        options.to, with_data=options.with_data, with_reports=options.with_reports,
        certified=options.certify,
    )  # fmt: skip
    count = len(made.contents.reports)
    _say(f"{made.path} written: {count} report{'s' if count > 1 else ''}, {made.files} files, "
         f"{made.size / 1e6:.1f} MB")  # fmt: skip
    for holding in made.contents.withheld:
        _say(f"left out: dataset {holding.name}: {holding.withheld}")
        if holding.untold:
            _say(f"  say in {holding.folder / 'dataset.toml'} how others can get it: "
                 f"{' and '.join(holding.untold)}")  # fmt: skip
    for report in made.contents.dropped:
        _say(f"left out: report {report.slug}, made from a dataset that is left out")
    return 0


def _dictionary(_: argparse.Namespace) -> int:
    from analysis import paths
    from analysis.fields import dictionary
    from analysis.files import write_text

    path = paths.root() / "data" / "dictionary.md"
    write_text(path, dictionary())
    _say(f"{path} written")
    return 0
