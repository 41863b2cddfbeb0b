"""Run one notebook with papermill, in a kernel of its own."""

import datetime as dt
import json
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__
from analysis.errors import LianjianError
from analysis.reports.freshness import file_access
from analysis.reports.page import normalise
from analysis.reports.plan import parameters
from analysis.reports.plan.parameters import Parameter
from analysis.reports.plan.plan import Run
from analysis.reports.run import kernel, launch, zygote
from analysis.reports.run.imports import import_papermill

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHORTEST_SECRET = 6  # a shorter one would be struck out of innocent words
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"^-+> ?(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds; None is without end."""

    cell: float | None = None
    run: float | None = None


@dataclass(frozen=True)
class Failure:
    """Why a run failed.

    Attributes
    ----------
    cell : int or None
        The cell's place in the notebook's source, from 1.
    source : str
        Its code.
    name, message : str
        The error.
    traceback : str
        The whole traceback, without colours.
    line : int or None
        The line of the cell that was reached, from 1.
    """

    cell: int | None
    source: str
    name: str
    message: str
    traceback: str
    line: int | None = None

    @property
    def summary(self) -> str:
        """One line for a person."""
        line = f", line {self.line}" if self.line else ""
        where = f"cell {self.cell}{line}: " if self.cell else ""
        lines = self.message.strip().splitlines() or [""]
        return f"{where}{self.name}{': ' if self.name else ''}{lines[0]}".rstrip(": ")


@dataclass(frozen=True)
class Executed:
    """An executed notebook.

    Attributes
    ----------
    notebook : NotebookNode
        Its content, normalised.
    seconds : float
        From the request for a kernel to the kernel's end.
    cell_seconds : tuple of float
        What each code cell took, in the order of the source.
    failure : Failure or None
        Why it did not reach the end.
    files, folders : tuple of str
        What it read of the project, relative to the root: files opened, folders listed.
    outside : tuple of str
        Names of files of data that it read from elsewhere.
    log : str
        What the kernel itself wrote.
    """

    notebook: "NotebookNode"
    seconds: float
    cell_seconds: tuple[float, ...] = ()
    failure: Failure | None = None
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    log: str = field(default="", repr=False)


def execute(
    run: Run, folder: Path, *, limits: Limits = Limits(), warm: bool | None = None
) -> Executed:
    """Execute a run and write ``notebook.ipynb`` into a folder.

    Papermill does the work, unchanged. The working directory of this process stays as it is;
    the kernel's is the notebook's folder, as in JupyterLab.

    Parameters
    ----------
    run : Run
        What to run.
    folder : Path
        Where the executed notebook goes.
    limits : Limits
        How long a cell and the run may take.
    warm : bool, optional
        Whether to fork the kernel from a warm process; by default where that is possible.
    """
    warm = launch.warm_kernels() if warm is None else warm
    # where the warm process goes, and the kernel with it by no fault of the notebook: once more,
    # and where it goes again, without
    for kind in (warm, warm, False):
        executed, survived = _attempt(run, folder, limits, warm=kind)
        if survived:
            break
    return executed


def _attempt(run: Run, folder: Path, limits: Limits, *, warm: bool) -> tuple[Executed, bool]:
    """Execute a run once; say also whether the warm process survived it."""
    import_papermill()
    import nbformat  # noqa: PLC0415
    import papermill  # noqa: PLC0415
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415

    _prepare_papermill()
    declared = parameters.read(run.notebook)
    secrets, expected = _secrets(run, declared), _expected(run, declared)
    failure: Failure | None = None
    parent = launch.zygote_process() if warm else None
    started = time.perf_counter()
    stop = threading.Event()
    kept: list[NotebookNode] = []
    with launch.private_folder() as place, launch.time_limit(place, limits.run, stop):
        try:
            papermill.execute_notebook(
                str(run.notebook),
                None,
                {name: _for_papermill(value) for name, value in run.parameters.items()},
                engine_name=_engine(),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                record_timing=False,
                keep=kept,
                execution_timeout=limits.cell,
                shutdown_kernel="immediate",
                kernel_manager_class=launch.manager(
                    run.notebook, place, secrets, expected, warm=warm
                ),
            )
        except papermill.PapermillExecutionError:
            pass  # read from the notebook below, which also knows which cell it was
        except CellTimeoutError:
            failure = Failure(None, "", "TimeoutError", f"took longer than {limits.cell:g} s", "")
        except (DeadKernelError, RuntimeError, TimeoutError) as error:
            failure = Failure(None, "", type(error).__name__, _why_it_died(error, place), "")
        log = _text(place / "log")
        seen = file_access.seen(_text(place / file_access.FILE))
        changed = _changed(place, expected)
        node = kept[0] if kept else nbformat.read(run.notebook, as_version=4)
    seconds = time.perf_counter() - started
    if stop.is_set():
        failure = Failure(None, "", "TimeoutError", f"the run took over {limits.run:g} s", "")
    survived = not (failure and parent is not None and not parent.alive())
    cell_seconds = tuple(
        float(c.metadata.get("papermill", {}).get("duration") or 0.0)
        for c in node.cells
        if c.cell_type == "code"
    )
    failure = _located(failure, node) if failure else None
    values = {name: os.environ[variable] for name, variable in secrets.items()}
    shown = normalise.notebook(node, facts(run), values)
    failure = failure or _failure(node)
    if shown and failure is None:
        reason = f"an output shows the secret {', '.join(shown)}; print nothing that holds it"
        failure = Failure(None, "", "SecretShown", reason, "")
    for value in values.values():
        log, changed = log.replace(value, "<secret>"), changed.replace(value, "<secret>")
    if changed and failure is None:
        failure = Failure(None, "", "", f"{run.notebook.name}: {changed}", "")
    text = nbformat.writes(node) + "\n"
    (folder / "notebook.ipynb").write_text(text, "utf-8", newline="\n")
    return Executed(node, seconds, cell_seconds, failure, log=log, **seen), survived


def facts(run: Run) -> dict[str, Any]:
    """Return what an executed notebook says about its run."""
    return {
        "notebook": run.file,
        "parameters": {name: parameters.plain(value) for name, value in run.parameters.items()},
        "slug": run.slug,
        "title": run.title,
        "version": __version__,
    }


class _Date(str):
    """A date as papermill can store it, a text, of a type by which it is written as a date."""

    __slots__ = ()


def _for_papermill(value: parameters.Value) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_for_papermill(item) for item in value]
    return _Date(value.isoformat()) if isinstance(value, dt.date) else value


def _secrets(run: Run, declared: Mapping[str, Parameter]) -> dict[str, str]:
    """Return the secret parameters of a notebook and the environment variables that hold them.

    Raises
    ------
    LianjianError
        One is not set, or too short to be struck out of outputs.
    """
    variables = {p.name: p.variable for p in declared.values() if p.secret}
    for name, variable in variables.items():
        if len(os.environ.get(variable, "")) < _SHORTEST_SECRET:
            raise LianjianError(
                f"{run.notebook.name}: the secret {name!r} is read from the environment variable "
                f"{variable}, which is not set or has fewer than {_SHORTEST_SECRET} characters."
            )
    return variables


def _expected(run: Run, declared: Mapping[str, Parameter]) -> dict[str, str]:
    """Return what each parameter holds as long as no cell sets it again, as Python writes it."""
    values = {name: p.default for name, p in declared.items() if not p.secret} | run.parameters
    return {name: repr(value)[: kernel.LONGEST_VALUE] for name, value in values.items()}


def _changed(place: Path, expected: Mapping[str, str]) -> str:
    """Say which parameter did not keep its value, whatever set it; empty when all did."""
    try:
        held = json.loads(_text(place / kernel.VALUES))
    except ValueError:
        return ""  # no cell has run to its end
    for name, value in expected.items():
        now = held.get(name, "gone")
        if now != value:
            return (
                f"the parameter {name!r} is {value}, and is {now} after the last cell: the report "
                "would state one value and use another. Give what is computed a name of its own."
            )
    return ""


def _located(failure: Failure, node: "NotebookNode") -> Failure:
    """Say in which cell a run was when it was ended from outside."""
    began = [
        (place, cell)
        for place, cell in _sources(node)
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not began:
        return failure
    place, cell = began[-1]
    return replace(failure, cell=place, source=cell.source)


def _failure(node: "NotebookNode") -> Failure | None:
    """Find the error that stopped a notebook."""
    for place, cell in _sources(node):
        for output in cell.get("outputs", []):
            if output.output_type != "error":
                continue
            if output.ename == "SystemExit" and output.evalue in {"", "0"}:
                continue
            traceback = _COLOUR.sub("", "\n".join(output.traceback))
            lines = _LINE.findall(traceback.partition("File ")[0]) or _LINE.findall(traceback)
            line = int(lines[0]) if lines else None
            return Failure(place, cell.source, output.ename, output.evalue, traceback, line)
    return None


def _sources(node: "NotebookNode") -> Iterator[tuple[int, Any]]:
    """Yield the cells of the source with their places in it, from 1."""
    own = [cell for cell in node.cells if not _added(cell)]
    yield from enumerate(own, start=1)


def _added(cell: Any) -> bool:  # noqa: ANN401
    tags = cell.metadata.get("tags", [])
    return normalise.INJECTED in tags or normalise.ERROR_MARKER in tags


def _why_it_died(error: Exception, place: Path) -> str:
    """Say how a kernel ended, where that is known."""
    code = _text(place / zygote.EXIT).strip()
    if code == str(-signal.SIGKILL):
        return "the kernel was killed; the usual cause is that memory ran out"
    if code.startswith("-"):
        return f"the kernel died of signal {signal.Signals(-int(code)).name}"
    return str(error) or "the kernel died"


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


@cache
def _prepare_papermill() -> None:
    """Let papermill say nothing, for errors arrive as exceptions, and write parameters our way."""
    from papermill.translators import PythonTranslator, papermill_translators  # noqa: PLC0415

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    # a cell that took too long leaves nbclient's wait for its outputs behind
    logging.getLogger("asyncio").addFilter(
        lambda record: "was destroyed" not in record.getMessage()
    )

    class Translator(PythonTranslator):
        """Writes dates, and Chinese as Chinese; the same with and without the formatter black."""

        @classmethod
        def translate(cls, val: Any) -> str:  # noqa: ANN401
            if isinstance(val, _Date):
                return f'__import__("datetime").date.fromisoformat({str(val)!r})'
            return repr(val) if isinstance(val, str) else str(super().translate(val))

        @classmethod
        def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
            lines = [f"{name} = {cls.translate(value)}" for name, value in parameters.items()]
            return "\n".join([f"# {comment}", *lines, ""])

    papermill_translators.register("python", Translator)


@cache
def _engine() -> str:
    """Register papermill's own engine once more, as one that hands out the notebook it fills."""
    from papermill.engines import NBClientEngine, papermill_engines  # noqa: PLC0415

    class Keeping(NBClientEngine):
        """What a kernel that dies leaves is worth keeping, too."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:  # noqa: ANN401
            kwargs.pop("keep").append(nb_man.nb)
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("lianjian", Keeping)
    return "lianjian"
