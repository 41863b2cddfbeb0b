"""Run one notebook with papermill, in a kernel of its own."""

import datetime as dt
import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__, paths
from analysis.errors import LianjianError
from analysis.reports import freshness
from analysis.reports.freshness import file_access
from analysis.reports.freshness.file_access import FilesRead
from analysis.reports.page import normalise
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan import parameters
from analysis.reports.plan._types import Value
from analysis.reports.plan.parameters import Parameter
from analysis.reports.plan.plan import Run
from analysis.reports.plan.source import text_of
from analysis.reports.run import _kernel_process, _secrets, _unraised, _verdict, kernels
from analysis.reports.run._bounds import Bounds, shortened
from analysis.reports.run._imports import quickly
from analysis.reports.run._verdict import Verdict

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from analysis.reports.run._client import NotebookClient

_LONGEST_RUN = 3600.0  # seconds; a kernel that waits for ever is ended by it
_LONGEST_TRACEBACK = 50_000
_LONGEST_LINE = 200


@dataclass(frozen=True)
class Limits:
    """The most seconds that a cell and a run may take; None leaves a cell to its run."""

    cell: float | None = None
    run: float | None = None


@dataclass(frozen=True)
class Executed:
    """An executed notebook, normalised, and what is known of its run."""

    notebook: "NotebookNode"
    seconds: float  # from the request for a kernel to the kernel's end
    cell_seconds: tuple[float, ...]  # of each code cell, in the order of the source
    verdict: Verdict
    read: FilesRead
    unraised: tuple[str, ...] = ()  # what failed without failing its cell
    log: str = field(default="", repr=False)  # what the kernel itself wrote

    @property
    def failure(self) -> Verdict | None:
        """Why there is nothing to publish."""
        return self.verdict if self.verdict.word == _verdict.FAILED else None


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
    papermill, nbformat = quickly("papermill"), quickly("nbformat")
    from zmq import ZMQError

    from analysis.reports.run import _client

    _prepare_papermill()
    source = nbformat.reads(text_of(run.notebook), as_version=4)
    need_python(source, run.notebook.name)
    if not any(cell.source.strip() for cell in source.cells):
        raise LianjianError(f"{run.notebook.name} is empty: it holds no code and no text.")
    if run.parameters:
        _set(source, run.parameters)
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
                engine_name=_client.ENGINE,
                kernel_name="python3",
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
        log, late = kernel.written(), kernel.said_late()
        read = watch.read()
        noted = [*_unraised.read(kernel.place / _unraised.FILE), *kernel.cut_off()]
        changed = _changed(run.notebook.name, kernel.place, expected)
    node = clients[0].nb if clients else source
    _show_late(node, late)
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
    if verdict.word != _verdict.FAILED:
        verdict = _refusal(node, clients[0].bounds, sorted(strike.struck), changed) or verdict
    traceback = shortened(verdict.traceback, _LONGEST_TRACEBACK)
    told = {"name": verdict.name, "message": verdict.message, "traceback": traceback}
    verdict = replace(verdict, **strike(told))
    (folder / "notebook.ipynb").write_text(nbformat.writes(node) + "\n", "utf-8", newline="\n")
    failed = (normalise.text(said) for said in _verdict.unraised(node, noted))
    unraised = tuple(dict.fromkeys(strike(said)[:_LONGEST_LINE] for said in failed))
    executed = Executed(node, seconds, cell_seconds, verdict, read, unraised, strike(log))
    lost_zygote = kernel.zygote is not None and not kernel.zygote.alive()
    return executed, not (executed.failure and lost_zygote)


def _show_late(node: "NotebookNode", late: str) -> None:
    """Put what was said after the last cell had ended below that cell."""
    from nbformat.v4 import new_output

    if not late:
        return
    words = f"After the last cell had ended:\n{late}"
    _verdict.last_sent(node).outputs.append(new_output("stream", name="stdout", text=words))


def _stop(
    error: Exception, kernel: kernels.Kernel, clients: "Sequence[NotebookClient]", limits: Limits
) -> tuple[str, str]:
    """Say what ended a run from outside of its cells: the name of an error, and a message."""
    from nbclient.exceptions import CellTimeoutError

    if kernel.ended_for:
        return "TimeoutError", kernel.ended_for
    if clients and clients[0].is_silent:
        return "TimeoutError", (
            "the kernel did not say how it ended: this cell, or one before it, has put something "
            "else in the place of what it speaks through (sys.stdout, sys.stderr, its shell)"
        )
    if isinstance(error, CellTimeoutError):
        if "IOPub" in str(error):
            return "TimeoutError", "the cell ended, and what it printed did not arrive"
        option = "--cell-seconds, or cell_seconds in the plan"
        return "TimeoutError", f"took longer than {limits.cell:g} s ({option})"
    return type(error).__name__, kernel.how_it_ended() or str(error)


def _refusal(
    node: "NotebookNode", bounds: Bounds, shown: Collection[str], changed: str
) -> Verdict | None:
    """Return what a run that came to its end cannot be published for."""
    if bounds.too_large:
        at, reason = bounds.too_large
        return Verdict(_verdict.FAILED, reason, cell=_verdict.place_of(node, at))
    if shown:
        reason = f"an output shows the secret {', '.join(shown)}; print nothing that holds it"
        return Verdict(_verdict.FAILED, reason, "SecretShown")
    return Verdict(_verdict.FAILED, changed) if changed else None


def facts(run: Run) -> dict[str, Any]:
    """Return what an executed notebook says about its run."""
    return {
        "notebook": run.file,
        "parameters": {name: parameters.plain(value) for name, value in run.parameters.items()},
        "slug": run.slug,
        "title": run.title,
        "version": __version__,
    }


def _set(node: "NotebookNode", given: Mapping[str, Value]) -> None:
    """Set parameters where papermill does: in a cell behind the one that declares them.

    Papermill itself would write no date.
    """
    from nbformat.v4 import new_code_cell

    lines = [f"{name} = {_python(value)}" for name, value in given.items()]
    made = new_code_cell("\n".join(["# Parameters", *lines, ""]), metadata={"tags": [INJECTED]})
    cells = reversed(list(enumerate(node.cells)))  # the first of a tag counts
    places = {tag: at for at, cell in cells for tag in cell.metadata.get("tags", ())}
    old = places.get(INJECTED)  # of an earlier run
    at = places.get("parameters", -1) + 1 if old is None else old
    node.cells[at : at + (old is not None)] = [made]


def _python(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    if isinstance(value, dt.date):
        return f'__import__("datetime").date.fromisoformat({value.isoformat()!r})'
    return repr(value)


def _expected(run: Run, declared: Mapping[str, Parameter]) -> dict[str, str]:
    """Return what each parameter holds as long as no cell sets it again, as Python writes it."""
    values = {name: p.default for name, p in declared.items() if not p.secret} | run.parameters
    return {name: repr(value)[: _kernel_process.LONGEST_VALUE] for name, value in values.items()}


def _changed(notebook: str, place: Path, expected: Mapping[str, str]) -> str:
    """Say which parameter did not keep its value, whatever set it; empty when all did."""
    try:
        held = json.loads((place / _kernel_process.VALUES).read_text("utf-8"))
    except (OSError, ValueError):
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
    """Let papermill say nothing, for errors arrive as exceptions."""
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    # a cell that took too long leaves nbclient's wait for its outputs behind
    logging.getLogger("asyncio").addFilter(
        lambda record: "was destroyed" not in record.getMessage()
    )
