"""The command ``lianjian``."""

# ruff: noqa: ANN401  (what passes through here can be anything)

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

from analysis import __version__, _commands, terminal
from analysis.errors import Exit
from analysis.paths import SIMULATED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    terminal.open_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(given)
    except _UnreadableError as error:
        terminal.warn(str(error))
        return _commands.refuse(*_results_of(given), str(error).partition("\n")[0])
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


class _UnreadableError(Exception):
    """A command line cannot be read: what is wrong with it, and its form."""


def _results_of(given: Sequence[str]) -> tuple[str, bool, Path | None]:
    """Return the command of a line that cannot be read, and where a program reads what it did."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--junit", type=Path, nargs="?")
    options, rest = parser.parse_known_args(given)
    command = rest[0] if rest else ""
    return command, options.json, options.junit if command == "run" else None


class _Parser(argparse.ArgumentParser):
    """Speaks through the one printer: what a person typed may hold anything."""

    def error(self, message: str) -> NoReturn:
        raise _UnreadableError(f"{message}\n{self.format_usage().strip()}")

    def print_help(self, file: object = None) -> None:  # noqa: ARG002
        terminal.say(self.format_help().rstrip())


class _Command:
    """A command of the parser, to which its arguments are added."""

    def __init__(self, group: Any, name: str, about: str, **how: Any) -> None:
        self._parser = group.add_parser(name, help=about, **how)
        self._parser.set_defaults(action=getattr(_commands, name))

    def takes(self, name: str, about: str, **how: Any) -> None:
        """Add an argument, or an option by all its names, with a word about it."""
        self._parser.add_argument(*name.split(), help=about, **how)

    def has(self, name: str, about: str, **how: Any) -> None:
        """Add an option that is given or not."""
        self.takes(name, about, action="store_true", **how)

    def lists(self, name: str, metavar: str, about: str, **how: Any) -> None:
        """Add an option that may be given several times."""
        self.takes(name, about, action="append", default=[], metavar=metavar, **how)

    def takes_formats(self) -> None:
        """Add the options for what a report may be written as."""
        for name, what in (
            ("pdf", "write each report as PDF/A with the notebook attached as well"),
            ("docx", "write each report for Word as well"),
            ("figures", "write each report's charts for print, phone and dark, and their data"),
        ):
            how = {"dest": "formats", "action": "append_const", "const": name, "default": []}
            self.takes(f"--{name}", what, **how)

    def selects_runs(self) -> None:
        """Add the arguments that select runs and set their parameters."""
        about = "what to run, e.g. 03-income-change; default: all"
        self.takes("notebooks", about, nargs="*", metavar="NOTEBOOK")
        self.lists("--only", "NOTEBOOK", "the same, as an option")
        self.lists("-p", "NAME=VALUE", "set a notebook parameter", dest="parameters")
        self.takes("--dataset", "use this dataset instead of the notebooks' default")

    def answers_programs(self) -> None:
        """Add the option for whoever parses the answer."""
        self.has("--json", "answer a program; what is said to a person goes to standard error")


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


def _data_commands(group: Any) -> None:
    simulate = _Command(group, "simulate", "write simulated ledgers with a known truth")
    simulate.takes("name", "dataset to write", nargs="?", default=SIMULATED)
    about = "a parameter of the simulation, e.g. -p seed=7; see docs/simulation.md"
    simulate.lists("-p", "NAME=VALUE", about, dest="parameters")

    new = _Command(group, "new", "take your own ledgers in as a dataset")
    new.takes("name", "name for the dataset: letters, digits and hyphens")
    books = "books as received (.xlsx, .xls, .csv, .txt)"
    about = f"{books}, or two tidy CSV files: villages, then accounts"
    new.takes("files", about, type=Path, nargs="+", metavar="FILE")
    new.takes("--villages", "CSV of the study's villages, role and alliance", type=Path)
    about = "CSV of villages to look names up in, instead of the published register"
    new.takes("--register", about, type=Path)
    new.has("--simulated", "the numbers are made up: mark them")
    new.takes("--title", "title that reports print", default="")

    add = _Command(group, "add", "take further books into a dataset; answers stay")
    add.takes("name", "the dataset", metavar="DATASET")
    add.takes("files", "books as received", type=Path, nargs="+", metavar="FILE")

    about = "take in a corrected edition of a file; the former one is kept, and so are the answers"
    update = _Command(group, "update", about)
    update.takes("name", "the dataset", metavar="DATASET")
    update.takes("file", "the corrected edition", type=Path, metavar="FILE")
    about = "the file that it replaces, where that has another name"
    update.takes("--replaces", about, default="", metavar="NAME")

    build = _Command(group, "build", "make data/processed from data/raw")
    build.takes("names", "default: every dataset", nargs="*", metavar="DATASET")

    explain = _Command(group, "explain", "walk from a number of your books back to its cell")
    explain.takes("name", "the dataset", metavar="DATASET")
    explain.takes("village", "its name or its id", metavar="VILLAGE")
    explain.takes("year", "the year of the books", type=int, metavar="YEAR")
    explain.takes("account", "an account or a measure, e.g. 经营收入", metavar="ACCOUNT")
    explain.answers_programs()

    diff = _Command(group, "diff", "say what the last build changed: amounts, villages, statuses")
    diff.takes("name", "the dataset", metavar="DATASET")
    diff.answers_programs()

    clean = _Command(group, "clean", "remove what is made again by itself, and name the rest")
    about = "remove what was asked for by hand as well: reports made with -p, other simulations"
    clean.has("--all", about, dest="every")

    _Command(group, "dictionary", "write data/dictionary.md anew")


def _run_command(group: Any) -> None:
    run = _Command(
        group,
        "run",
        "run the notebooks and write reports/index.html",
        epilog="\n".join(["exit codes:", *(f"  {code.value:<4} {code.meaning}" for code in Exit)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.selects_runs()
    about = "notebooks at a time; default: what cores and memory allow"
    run.takes("--jobs", about, type=_positive)
    run.takes("--junit", "write how each run ended as JUnit XML", type=Path, metavar="FILE")
    run.has("--force", "run what is up to date as well")
    run.has("--dry-run", "say what would run, and why")
    run.takes_formats()
    about = "write each page in this language as well, e.g. zh; a page that is there is kept up"
    run.lists("--language", "CODE", about, dest="languages")
    run.takes("--cell-seconds", "the most that a cell may take", type=_seconds)
    run.takes("--run-seconds", "the most that a run may take", type=_seconds)
    about = (
        "fork kernels from a warm process (where possible), or start each anew; the reports are "
        "the same"
    )
    run.takes("--kernels", about, choices=["auto", "warm", "plain"], default="auto")
    about = "run on a Dask cluster, e.g. tls://10.0.0.1:8786"
    run.takes("--scheduler", about, default="", metavar="ADDRESS")
    run.answers_programs()


def _report_commands(group: Any) -> None:
    prune = _Command(group, "prune", "list reports that nothing asks for any more")
    prune.has("--yes", "remove them")

    about = "move a notebook of work/ into the collection, without its outputs"
    adopt = _Command(group, "adopt", about)
    adopt.takes("notebook", "e.g. work/prices.ipynb", metavar="NOTEBOOK")
    adopt.takes("--name", "what it is called there; default: its own name", default="")

    about = "let every Jupyter of yours, and VS Code, run notebooks with this project"
    kernel = _Command(group, "kernel", about)
    kernel.has("--remove", "take that kernel away again")

    render = _Command(group, "render", "write finished reports as PDF or for Word")
    render.takes("reports", "default: every report", nargs="*", metavar="REPORT")
    render.takes_formats()

    about = "find what is new, changed or unused in the texts that are translated"
    translate = _Command(group, "translate", about)
    about = "e.g. zh; default: those that there are"
    translate.takes("languages", about, nargs="*", metavar="LANGUAGE")
    translate.has("--prune", "drop the messages that nothing says any more")

    why = _Command(group, "why", "say of each run what changed since it was made")
    why.selects_runs()
    why.answers_programs()

    params = _Command(group, "params", "print the parameters of a notebook")
    params.takes("notebook", "e.g. 03-income-change", metavar="NOTEBOOK")
    params.takes("--dataset", "whose counties and years to print")
    params.answers_programs()

    about = "show which cited numbers moved; exit code 1 if any did, 2 where none can be compared"
    compare = _Command(group, "compare", about)
    about = "a report, a folder of reports, or a numbers.csv"
    compare.takes("old", about, type=Path, metavar="OLD")
    compare.takes("new", "the same", type=Path, metavar="NEW")
    about = "relative change that does not count, e.g. 0.1%%"
    compare.takes("--tolerance", about, type=_share, default=0.0, metavar="SHARE")
    compare.answers_programs()

    about = "show what of a ledger's report may leave, how it is rounded, and what is withheld"
    review = _Command(group, "review", about)
    review.takes("report", "a finished report, e.g. 09-county-brief-621022", metavar="REPORT")

    release = _Command(group, "release", "write a ledger's report anew from guarded numbers")
    release.takes("report", "a finished report, as reviewed", metavar="REPORT")
    release.takes("--by", "who answers for it; printed on the page", required=True, metavar="NAME")

    cite = _Command(group, "cite", "print how to cite a report, or one number in it")
    about = (
        "a report, e.g. 09-county-brief-sim3, or one address in it, e.g. "
        "09-county-brief-sim3#num-mean; default: this package"
    )
    cite.takes("report", about, nargs="?", default="", metavar="REPORT")
    about = (
        "text (the default), bibtex, csl (CSL-JSON) or ris; of this package also zenodo "
        "(.zenodo.json) or codemeta (codemeta.json)"
    )
    cite.takes("--format", about, default="text", metavar="FORM")
    cite.has("--list -l", "list the addresses in a report")
    cite.answers_programs()


def _bundle_commands(group: Any) -> None:
    package = _Command(group, "package", "make the replication bundle for a journal")
    about = "a name that ends in .zip, or a new folder; default: dist/lianjian-VERSION.zip"
    package.takes("--to", about, type=Path, metavar="PATH")
    about = "put in ledgers though their cards do not say that others may have them"
    package.lists("--with-data", "DATASET", about)
    package.lists("--with-reports", "DATASET", "put in the reports on a dataset that is left out")
    package.lists("--without", "DATASET", "leave out a dataset and the reports on it: a trial")
    about = "say in its README that you may use these data, and pass on those in it"
    package.has("--certify", about)
    about = "sign its manifest with this SSH key, into a file beside it"
    package.takes("--sign", about, type=Path, metavar="KEY")

    about = "say what is not as it was written or packed; exit code 1 if anything is not"
    verify = _Command(group, "verify", about)
    about = "a bundle (folder or zip file), a report or a dataset; default: the whole project"
    verify.takes("place", about, nargs="?", type=Path, metavar="PLACE")
    about = "names and public keys (allowed signers of ssh-keygen), one of which signed the bundle"
    verify.takes("--signers", about, type=Path, metavar="FILE")
    about = "make everything in a bundle anew, twice, and write a certificate of what matched"
    verify.has("--rebuild", about)
    verify.takes("--by", "who verified, for the certificate", default="", metavar="NAME")
    about = "a folder for the certificate; default: one beside the bundle"
    verify.takes("--to", about, type=Path, metavar="FOLDER")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


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
