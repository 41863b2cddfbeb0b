"""What an IPython session gets: completion of datasets and columns, errors in one line, Chinese.

Settled when ``import analysis`` runs in a notebook or a shell. A report's own kernel is left alone.
A kernel of the user runs the project from a notebook anywhere.
"""

import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from analysis import _language, files, paths
from analysis.errors import LianjianError

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

# the text that is being written, behind what opened it: load("sim, data.panel[["year", "op
_OPEN = re.compile(r"""(?P<before>.*)(?P<quote>['"])(?P<typed>[^'"]*)$""", re.DOTALL)
_CALL = re.compile(r"(\w+)\(\s*$")  # load(
_ABOUT = re.compile(r"\b(\w+)(?:\.(\w+))?")  # data.panel, wherever it stands in the line
_DRAWS = re.compile(r"matplotlib|seaborn|\bplt\b|\.plot\b|\.hist\b")
_REPORT = "LIANJIAN_KERNEL"  # set in the kernel of a run


def settle() -> None:
    """Settle in the session, if this is one of a person; once."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or _REPORT in os.environ or getattr(shell, "_lianjian", False):
        return
    shell._lianjian = True  # noqa: SLF001  (a note on the shell, so that a second import adds nothing)
    if not shell.custom_exceptions:
        shell.set_custom_exc((LianjianError, KeyError, AttributeError), _say)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher(shell))
    shell.events.register("pre_run_cell", _before_cell)
    # the cell that imports this module may draw as well
    _dress(str(shell.user_ns.get("In", [""])[-1]))


def write_kernel() -> Path:
    """Write the kernel that every Jupyter of this user offers, for this project and this Python."""
    folder = _kernel_folder()
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "lianjian",
        "language": "python",
        "env": {"LIANJIAN_ROOT": str(paths.root())},
        "metadata": {"debugger": True},
    }
    text = json.dumps(spec, indent=2, ensure_ascii=False)
    files.write_text(folder / "kernel.json", f"{text}\n")
    return folder


def remove_kernel() -> Path | None:
    """Take that kernel away; None where there is none."""
    folder = _kernel_folder()
    if not folder.is_dir():
        return None
    shutil.rmtree(folder)
    return folder


def _kernel_folder() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "kernels" / "lianjian"


def _say(
    shell: "InteractiveShell",
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    **_offset: object,
) -> list[str]:
    """Show an error as its sentence and the line of the cell; ``%tb`` then shows where it arose.

    A column that a table does not have is one of ours, though it is pandas that misses it.
    """
    sentence = str(error) if isinstance(error, LianjianError) else _no_column(error, trace)
    if not sentence:
        shell.showtraceback(running_compiled_code=True)
        return []
    lines = [
        number
        for frame, number in traceback.walk_tb(trace)
        if frame.f_globals is shell.user_global_ns
    ]
    place = f" in line {lines[-1]}" if lines else ""
    said = [f"\x1b[31m{kind.__name__}\x1b[0m{place}: {_language.told(sentence)}"]
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    shell._showtraceback(kind, error, said)  # noqa: SLF001  (as a shell shows any error)
    return said


def _no_column(error: BaseException, trace: TracebackType | None) -> str:
    """Say which column pandas missed and what was probably meant; nothing where it was another."""
    from pandas import DataFrame

    from analysis._frame import need_columns

    attribute, frame = getattr(error, "name", None), getattr(error, "obj", None)
    asked = [(frame, attribute)] if isinstance(error, AttributeError) else []
    if isinstance(error, KeyError):
        for each, _ in traceback.walk_tb(trace):
            held = each.f_locals
            row = each.f_code.co_name == "xs" and held.get("axis") == 0  # loc[…], of the index
            if str(each.f_globals.get("__name__", "")).startswith("pandas.") and not row:
                table = held["self"] if isinstance(held.get("self"), DataFrame) else held.get("obj")
                asked.append((table, held.get("key", error.args[0] if error.args else None)))
    for table, keys in asked:
        names = [keys] if isinstance(keys, str) else keys
        if not isinstance(table, DataFrame) or not isinstance(names, list):
            continue
        try:
            need_columns(table, *(name for name in names if isinstance(name, str)))
        except LianjianError as told:
            # a method that is misspelt is no column
            if isinstance(error, KeyError) or "Did you mean" in str(told):
                return str(told)
    return ""


def _before_cell(info: Any) -> None:
    _dress(str(info.raw_cell))


def _dress(cell: str) -> None:
    """See that figures show Chinese, and that they are marked, once somebody draws."""
    if "matplotlib.figure" in sys.modules or _DRAWS.search(cell):
        from analysis.figures import dress_figures

        dress_figures()


def _matcher(shell: "InteractiveShell") -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def lianjian_matcher(context: "CompletionContext") -> "SimpleMatcherResult":
        """Offer datasets, tables and columns inside the quotes in which one is named."""
        line = context.line_with_cursor[: context.cursor_position]
        typed, offered = offers(line, shell.user_ns)
        made = [SimpleCompletion(text, type="text") for text in offered]
        return {"completions": made, "suppress": bool(made), "matched_fragment": typed}

    return lianjian_matcher


def offers(line: str, names: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the text begun at the end of a line, and what it may become."""
    opened = _OPEN.match(line)
    if not opened or opened["before"].count(opened["quote"]) % 2:
        return "", []
    typed, before = opened["typed"], opened["before"]
    called = _CALL.search(before)
    wanted = dict.fromkeys(_wanted(before, called[1] if called else "", names))
    return typed, [text for text in wanted if text.casefold().startswith(typed.casefold())]


def _wanted(before: str, called: str, names: dict[str, Any]) -> Iterable[str]:
    """Say what can stand in a text: datasets in ``load("``, else columns of what stands before."""
    from analysis.clean.dataset import Dataset
    from analysis.fields import FIELDS, MEASURES

    if called == "load":
        from analysis.clean.manifest import names as built

        return built()
    about = [
        (data, table)
        for name, table in _ABOUT.findall(before)
        if isinstance(data := names.get(name), Dataset)
    ]
    if not about:
        return ()
    data, table = about[-1]
    if table in data.rows:
        return data.columns[table]
    if re.search(r"\bstud(y|ies)\([^()]*$", before):
        short = [name.split("_")[0] for name in ("operating_income_yuan", "total_income_yuan")]
        return [*short, *MEASURES]
    if called == "describe":
        every = [name for columns in data.columns.values() for name in columns]
        return [*every, *(FIELDS[name].label_zh for name in every if name in FIELDS)]
    return ()
