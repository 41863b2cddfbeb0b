"""The command ``lianjian``."""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

from analysis import __version__, _commands, terminal
from analysis._commands import DEFAULT_DATASET
from analysis.errors import Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    terminal.open_closed_streams()
    options = _parser().parse_args(arguments)
    is_for_program = getattr(options, "json", False)
    with terminal.aside() if is_for_program else nullcontext():
        code, said = _commands.perform(options)
        if said:
            terminal.warn(said)
            if is_for_program and not terminal.lost():
                answer = _commands.for_program(options.command, exit=code, error=said)
                terminal.answer_json(answer)
        elif lost := terminal.lost():
            terminal.warn(f"{lost} What it had to say after that is lost; what it did is done.")
    return code


class _Parser(argparse.ArgumentParser):
    """Speaks through the one printer: what a person typed may hold anything."""

    def error(self, message: str) -> NoReturn:
        terminal.warn(f"{message}\n{self.format_usage().strip()}")
        raise SystemExit(Exit.REFUSED)

    def print_help(self, file: object = None) -> None:  # noqa: ARG002
        terminal.say(self.format_help().rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lianjian",
        description="Village collective-economy income in Qingyang: build data, run reports.",
    )
    parser.add_argument("--version", action="version", version=f"lianjian {__version__}")
    group = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", dest="command"
    )
    _data_commands(group)
    _run_command(group)
    _report_commands(group)
    _bundle_commands(group)
    return parser


def _data_commands(group: "argparse._SubParsersAction[_Parser]") -> None:
    simulate = group.add_parser("simulate", help="write simulated ledgers with a known truth")
    simulate.add_argument("name", nargs="?", default=DEFAULT_DATASET, help="dataset to write")
    simulate.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the simulation, e.g. -p seed=7; see docs/simulation.md",
    )
    simulate.set_defaults(action=_commands.simulate)

    new = group.add_parser("new", help="take your own ledgers in as a dataset")
    new.add_argument("name", help="name for the dataset: letters, digits and hyphens")
    new.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="books as received (.xlsx, .xls, .csv, .txt), or two tidy CSV files: "
        "villages, then accounts",
    )
    new.add_argument("--villages", type=Path, help="CSV of the study's villages, role and alliance")
    new.add_argument(
        "--register",
        type=Path,
        help="CSV of villages to look names up in, instead of the published register",
    )
    new.add_argument("--simulated", action="store_true", help="the numbers are made up: mark them")
    new.add_argument("--title", default="", help="title that reports print")
    new.set_defaults(action=_commands.new)

    add = group.add_parser("add", help="take further books into a dataset; answers stay")
    add.add_argument("name", metavar="DATASET")
    add.add_argument("files", type=Path, nargs="+", metavar="FILE", help="books as received")
    add.set_defaults(action=_commands.add)

    update = group.add_parser("update", help="take in a corrected edition of a file; the former "
                              "one is kept, and so are the answers")  # fmt: skip
    update.add_argument("name", metavar="DATASET")
    update.add_argument("file", type=Path, metavar="FILE", help="the corrected edition")
    update.add_argument("--replaces", default="", metavar="NAME",
                        help="the file that it replaces, where that has another name")  # fmt: skip
    update.set_defaults(action=_commands.update)

    build = group.add_parser("build", help="make data/processed from data/raw")
    build.add_argument("names", nargs="*", metavar="DATASET", help="default: every dataset")
    build.set_defaults(action=_commands.build)

    explain = group.add_parser("explain", help="walk from a number of your books back to its cell")
    explain.add_argument("name", metavar="DATASET")
    explain.add_argument("village", metavar="VILLAGE", help="its name or its id")
    explain.add_argument("year", type=int, metavar="YEAR")
    explain.add_argument(
        "account", metavar="ACCOUNT", help="an account or a measure, e.g. 经营收入"
    )
    _json(explain)
    explain.set_defaults(action=_commands.explain)

    diff = group.add_parser("diff", help="say what the last build changed: amounts, villages, "
                            "statuses")  # fmt: skip
    diff.add_argument("name", metavar="DATASET")
    _json(diff)
    diff.set_defaults(action=_commands.diff)

    clean = group.add_parser("clean", help="remove what is made again by itself, and name the rest")
    clean.add_argument("--all", dest="every", action="store_true", help="remove what was asked for "
                       "by hand as well: reports made with -p, other simulations")  # fmt: skip
    clean.set_defaults(action=_commands.clean)

    dictionary = group.add_parser("dictionary", help="write data/dictionary.md anew")
    dictionary.set_defaults(action=_commands.dictionary)


def _run_command(group: "argparse._SubParsersAction[_Parser]") -> None:
    run = group.add_parser(
        "run",
        help="run the notebooks and write reports/index.html",
        epilog=_exit_codes(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _selection(run)
    run.add_argument(
        "--jobs", type=_positive, help="notebooks at a time; default: what cores and memory allow"
    )
    run.add_argument(
        "--junit", type=Path, metavar="FILE", help="write how each run ended as JUnit XML"
    )
    run.add_argument("--force", action="store_true", help="run what is up to date as well")
    run.add_argument("--dry-run", action="store_true", help="say what would run, and why")
    _formats(run)
    run.add_argument("--cell-seconds", type=_seconds, help="the most that a cell may take")
    run.add_argument("--run-seconds", type=_seconds, help="the most that a run may take")
    run.add_argument(
        "--kernels",
        choices=["auto", "warm", "plain"],
        default="auto",
        help="fork kernels from a warm process (where possible), or start each anew; "
        "the reports are the same",
    )
    run.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="run on a Dask cluster, e.g. tls://10.0.0.1:8786",
    )
    _json(run)
    run.set_defaults(action=_commands.run)


def _report_commands(group: "argparse._SubParsersAction[_Parser]") -> None:
    prune = group.add_parser("prune", help="list reports that nothing asks for any more")
    prune.add_argument("--yes", action="store_true", help="remove them")
    prune.set_defaults(action=_commands.prune)

    render = group.add_parser("render", help="write finished reports as PDF or for Word")
    render.add_argument("reports", nargs="*", metavar="REPORT", help="default: every report")
    _formats(render)
    render.set_defaults(action=_commands.render)

    why = group.add_parser("why", help="say of each run what changed since it was made")
    _selection(why)
    _json(why)
    why.set_defaults(action=_commands.why)

    params = group.add_parser("params", help="print the parameters of a notebook")
    params.add_argument("notebook", metavar="NOTEBOOK", help="e.g. 03-income-change")
    params.add_argument("--dataset", help="whose counties and years to print")
    _json(params)
    params.set_defaults(action=_commands.params)

    compare = group.add_parser(
        "compare",
        help="show which cited numbers moved; exit code 1 if any did, 2 where none can be compared",
    )
    compare.add_argument(
        "old", type=Path, metavar="OLD", help="a report, a folder of reports, or a numbers.csv"
    )
    compare.add_argument("new", type=Path, metavar="NEW", help="the same")
    compare.add_argument(
        "--tolerance",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="relative change that does not count, e.g. 0.1%%",
    )
    _json(compare)
    compare.set_defaults(action=_commands.compare)

    cite = group.add_parser("cite", help="print how to cite a report, or one number in it")
    cite.add_argument(
        "report",
        nargs="?",
        default="",
        metavar="REPORT",
        help="a report, e.g. 09-county-brief-621022, or one address in it, e.g. "
        "09-county-brief-621022#num-mean; default: this package",
    )
    cite.add_argument(
        "--format",
        default="text",
        metavar="FORM",
        help="text (the default), bibtex, csl (CSL-JSON) or ris; of this package "
        "also zenodo (.zenodo.json) or codemeta (codemeta.json)",
    )
    cite.add_argument("--list", "-l", action="store_true", help="list the addresses in a report")
    _json(cite)
    cite.set_defaults(action=_commands.cite)


def _bundle_commands(group: "argparse._SubParsersAction[_Parser]") -> None:
    package = group.add_parser("package", help="make the replication bundle for a journal")
    package.add_argument(
        "--to",
        type=Path,
        metavar="PATH",
        help="a name that ends in .zip, or a new folder; default: dist/lianjian-VERSION.zip",
    )
    package.add_argument(
        "--with-data",
        action="append",
        default=[],
        metavar="DATASET",
        help="put in ledgers though their cards do not say that others may have them",
    )
    package.add_argument(
        "--with-reports",
        action="append",
        default=[],
        metavar="DATASET",
        help="put in the reports on a dataset that is left out",
    )
    package.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="DATASET",
        help="leave out a dataset and the reports on it: a trial",
    )
    package.add_argument(
        "--certify",
        action="store_true",
        help="say in its README that you may use these data, and pass on those in it",
    )
    package.set_defaults(action=_commands.package)

    verify = group.add_parser(
        "verify", help="say what is not as it was written or packed; exit code 1 if anything is not"
    )
    verify.add_argument(
        "place",
        nargs="?",
        type=Path,
        metavar="PLACE",
        help="a bundle (folder or zip file), a report or a dataset; default: the whole project",
    )
    verify.set_defaults(action=_commands.verify)


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--json",
        action="store_true",
        help="answer a program; what is said to a person goes to standard error",
    )


def _formats(command: argparse.ArgumentParser) -> None:
    for name, what in (("pdf", "as PDF/A with the notebook attached"), ("docx", "for Word")):
        command.add_argument(
            f"--{name}",
            dest="formats",
            action="append_const",
            const=name,
            default=[],
            help=f"write each report {what} as well",
        )


def _exit_codes() -> str:
    return "\n".join(["exit codes:", *(f"  {code.value:<4} {code.meaning}" for code in Exit)])


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _selection(command: argparse.ArgumentParser) -> None:
    """Add the arguments that select runs and set their parameters."""
    command.add_argument(
        "notebooks",
        nargs="*",
        metavar="NOTEBOOK",
        help="what to run, e.g. 03-income-change; default: all",
    )
    command.add_argument(
        "--only", action="append", default=[], metavar="NOTEBOOK", help="the same, as an option"
    )
    command.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a notebook parameter",
    )
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
