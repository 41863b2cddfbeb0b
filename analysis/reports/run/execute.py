"""Run one notebook with papermill, in a kernel of its own."""

import datetime as dt
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__, paths
from analysis.errors import LianjianError
from analysis.reports import freshness
from analysis.reports.freshness import file_access
from analysis.reports.freshness.file_access import FilesRead
from analysis.reports.page import normalise
from analysis.reports.plan import parameters
from analysis.reports.plan.parameters import Parameter
from analysis.reports.plan.plan import Run
from analysis.reports.plan.source import text_of
from analysis.reports.run import _kernel_process, _secrets, _verdict, kernels
from analysis.reports.run._bounds import Bounds, shortened
from analysis.reports.run._imports import import_papermill
from analysis.reports.run._verdict import Verdict

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from analysis.reports.run._client import NotebookClient

_LONGEST_RUN = 3600.0  # seconds; a kernel that waits for ever is ended by it
_LONGEST_SUMMARY = 300
_LONGEST_TRACEBACK = 50_000


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds.

    Attributes
    ----------
    cell : float or None
        The most that a cell may take; None leaves it to the run.
    run : float or None
        The most that a run may take; None is an hour.
    """

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
        words = f"{where}{self.name}{': ' if self.name else ''}{lines[0]}".rstrip(": ")
        return words if len(words) <= _LONGEST_SUMMARY else f"{words[: _LONGEST_SUMMARY - 1]}…"


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
        Why it is not complete.
    verdict : Verdict
        Whether every cell was run to its end, and which one ended it early.
    read : FilesRead
        What it read and wrote.
    log : str
        What the kernel itself wrote.
    """

    notebook: "NotebookNode"
    seconds: float
    cell_seconds: tuple[float, ...]
    failure: Failure | None
    verdict: Verdict
    read: FilesRead
    log: str = field(default="", repr=False)


def execute(
    run: Run, folder: Path, *, limits: Limits = Limits(), warm: bool | None = None
) -> Executed:
    """Execute a run and write ``notebook.ipynb`` into a folder.

    Papermill does the work, unchanged. The working directory of this process stays as it is;
    the kernel's is the notebook's folder, as in JupyterLab.
    """
    warm = kernels.warm_kernels() if warm is None else warm
    # where the warm process goes, and the kernel with it by no fault of the notebook: once more,
    # and where it goes again, without
    for kind in (warm, warm, False):
        executed, survived = _attempt(run, folder, limits, warm=kind)
        if survived:
            break
    return executed


def need_python(node: "NotebookNode", name: str) -> None:
    """Refuse a notebook of another language, of which Python might understand a part."""
    about = node.metadata.get("kernelspec", {}), node.metadata.get("language_info", {})
    for language in (about[0].get("language"), about[1].get("name")):
        if language and not str(language).lower().startswith(("python", "ipython")):
            raise LianjianError(
                f"{name} is written in {language}; reports run Python. If its cells are Python, "
                "choose a Python kernel for it in JupyterLab and save it."
            )


def _attempt(run: Run, folder: Path, limits: Limits, *, warm: bool) -> tuple[Executed, bool]:
    """Execute a run once; say also whether the warm process survived it."""
    import_papermill()
    import nbformat  # noqa: PLC0415
    import papermill  # noqa: PLC0415
    from zmq import ZMQError  # noqa: PLC0415

    from analysis.reports.run import _client  # noqa: PLC0415

    _prepare_papermill()
    source = nbformat.reads(text_of(run.notebook), as_version=4)
    need_python(source, run.notebook.name)
    declared = parameters.read(run.notebook)
    secrets = _secrets.variables(run.notebook.name, declared)
    expected = _expected(run, declared)
    seconds = limits.run or _LONGEST_RUN
    stop: tuple[str, str] | None = None
    replies: dict[int, Mapping[str, Any]] = {}
    clients: list[NotebookClient] = []
    started = time.perf_counter()

    limit = f"the run took over {seconds:g} s (--run-seconds, or run_seconds in the plan)"
    with (
        kernels.open_kernel(
            run.notebook, secrets, expected, warm=warm, seconds=seconds, limit=limit
        ) as kernel,
        freshness.watched(paths.root(), kernel.place / file_access.FILE) as watch,
    ):
        try:
            papermill.execute_notebook(
                source,
                None,
                {name: _for_papermill(value) for name, value in run.parameters.items()},
                engine_name=_client.ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                kernel=kernel,
                clients=clients,
                timeout=limits.cell,
                replies=replies,
            )
        except papermill.PapermillExecutionError:
            pass  # the replies say it, and in which cell
        except (RuntimeError, TimeoutError, OSError, ZMQError) as error:
            stop = _stop(error, kernel, clients, limits)
        log = kernel.written()
        read = watch.read()
        changed = _changed(run.notebook.name, kernel.place, expected)
    node = clients[0].nb if clients else source
    seconds = time.perf_counter() - started
    cell_seconds = tuple(
        float(c.metadata.get("papermill", {}).get("duration") or 0.0)
        for c in node.cells
        if c.cell_type == "code"
    )
    normalise.notebook(node, facts(run))
    strike = _secrets.Striker(secrets)
    for cell in node.cells:
        strike(cell.get("outputs", []))
    verdict = _verdict.judge(node, replies, stop)
    failure = _failure(verdict, strike)
    if failure is None:
        failure = _refusal(node, clients[0].bounds, strike, changed)
    text = nbformat.writes(node) + "\n"
    (folder / "notebook.ipynb").write_text(text, "utf-8", newline="\n")
    executed = Executed(node, seconds, cell_seconds, failure, verdict, read, strike(log))
    return executed, not (failure and kernel.zygote and not kernel.zygote.alive())


def _stop(
    error: Exception, kernel: kernels.Kernel, clients: "Sequence[NotebookClient]", limits: Limits
) -> tuple[str, str]:
    """Say what ended a run from outside of its cells: the name of an error, and a message."""
    from nbclient.exceptions import CellTimeoutError  # noqa: PLC0415

    if kernel.ended_for:
        return "TimeoutError", kernel.ended_for
    if clients and clients[0].is_silent:
        return "TimeoutError", "the cell ended, and the kernel did not say how; was it replaced?"
    if isinstance(error, CellTimeoutError):
        if "IOPub" in str(error):
            return "TimeoutError", "the cell ended, and what it printed did not arrive"
        option = "--cell-seconds, or cell_seconds in the plan"
        return "TimeoutError", f"took longer than {limits.cell:g} s ({option})"
    return type(error).__name__, kernel.how_it_ended() or str(error)


def _failure(verdict: Verdict, strike: _secrets.Striker) -> Failure | None:
    """Return the failure of a run that is not complete."""
    if verdict.word != "failed":
        return None
    name, message = strike(verdict.name), strike(verdict.message)
    traceback = shortened(strike(verdict.traceback), _LONGEST_TRACEBACK)
    return Failure(verdict.cell, verdict.source, name, message, traceback, verdict.line)


def _refusal(
    node: "NotebookNode", bounds: Bounds, strike: _secrets.Striker, changed: str
) -> Failure | None:
    """Return what a run that came to its end cannot be published for."""
    if bounds.too_large:
        at, reason = bounds.too_large
        return Failure(_verdict.place_of(node, at), "", "", reason, "")
    if strike.struck:
        shown = ", ".join(sorted(strike.struck))
        reason = f"an output shows the secret {shown}; print nothing that holds it"
        return Failure(None, "", "SecretShown", reason, "")
    return Failure(None, "", "", strike(changed), "") if changed else None


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


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


def _expected(run: Run, declared: Mapping[str, Parameter]) -> dict[str, str]:
    """Return what each parameter holds as long as no cell sets it again, as Python writes it."""
    values = {name: p.default for name, p in declared.items() if not p.secret} | run.parameters
    return {name: repr(value)[: _kernel_process.LONGEST_VALUE] for name, value in values.items()}


def _changed(notebook: str, place: Path, expected: Mapping[str, str]) -> str:
    """Say which parameter did not keep its value, whatever set it; empty when all did."""
    try:
        held = json.loads(_text(place / _kernel_process.VALUES))
    except ValueError:
        return ""  # no cell has run to its end
    for name, value in expected.items():
        now = held.get(name, "gone")
        if now != value:
            return (
                f"{notebook}: the parameter {name!r} is {value}, and is {now} after the last cell: "
                "the report would state one value and use another. Give what is computed a name of "
                "its own."
            )
    return ""


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
