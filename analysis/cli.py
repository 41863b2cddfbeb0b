"""The command ``lianjian``."""

import argparse
import sys
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

from analysis import __version__, _commands, _language, terminal
from analysis.errors import Exit, LianjianError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    terminal.open_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        language = _language.at_the_terminal(_asked_language(given))
    except LianjianError as error:
        terminal.warn(str(error))
        return error.exit
    with terminal.speaking(language.tells) if language else nullcontext():
        return _perform(given)


def _asked_language(given: Sequence[str]) -> str:
    """Return the language that is named before the command: it says how the rest is read."""
    if given and given[0].startswith("--language="):
        return given[0].partition("=")[2]
    return given[1] if len(given) > 1 and given[0] == "--language" else ""


def _perform(given: Sequence[str]) -> int:
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

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._positionals.title = terminal.words("positional arguments")
        self._optionals.title = terminal.words("options")
        self._actions[0].help = terminal.words("show this help message and exit")

    def error(self, message: str) -> NoReturn:
        raise _UnreadableError(f"{message}\n{self.format_usage().strip()}")

    def format_usage(self) -> str:
        return _in_words(super().format_usage())

    def format_help(self) -> str:
        return _in_words(super().format_help())

    def print_help(self, file: object = None) -> None:  # noqa: ARG002
        terminal.answer(self.format_help().rstrip())  # it is in words already


def _in_words(told: str) -> str:
    return told.replace("usage:", terminal.words("usage:"), 1)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lianjian",
        description=terminal.words(
            "Village collective-economy income in Qingyang: build data, run reports."
        ),
    )
    about = terminal.words("show program's version number and exit")
    version = f"lianjian {__version__}"
    parser.add_argument("--version", action="version", version=version, help=about)
    about = terminal.words("speak this language, e.g. zh; default: that of the system")
    parser.add_argument("--language", metavar="CODE", dest="spoken", help=about)
    group = parser.add_subparsers(
        title=terminal.words("commands"), required=True, metavar="COMMAND", dest="command"
    )
    table = tomllib.loads(Path(__file__).with_name("commands.toml").read_text("utf-8"))
    for name, command in table.items():
        if name.startswith("@"):
            continue
        made = group.add_parser(name, help=terminal.words(command["about"]))
        made.set_defaults(action=getattr(_commands, name))
        _take(made, command.get("takes", ()), table)
        if name == "run":
            meanings = (f"  {code.value:<4} {terminal.words(code.meaning)}" for code in Exit)
            lines = [terminal.words("exit codes:"), *meanings]
            made.formatter_class = argparse.RawDescriptionHelpFormatter
            made.epilog = "\n".join(lines)
    return parser


def _take(parser: argparse.ArgumentParser, arguments: Iterable[Any], table: dict[str, Any]) -> None:
    """Add arguments to a command, as the table of commands writes them."""
    for argument in arguments:
        if isinstance(argument, str):
            _take(parser, table[argument]["takes"], table)
            continue
        names, about, *more = argument
        how: dict[str, Any] = dict(*more)
        if how.pop("flag", False):
            how["action"] = "store_true"
        if how.pop("many", False):
            how |= {"action": "append", "default": []}
        if word := how.pop("adds", ""):
            how |= {"action": "append_const", "const": word, "dest": "formats", "default": []}
        if "type" in how:
            how["type"] = _TYPES[how["type"]]
        parser.add_argument(*names.split(), help=terminal.words(about), **how)


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


_TYPES = {
    "path": Path,
    "int": int,
    "positive": _positive,
    "seconds": _seconds,
    "share": _share,
}
