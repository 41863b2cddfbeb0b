"""Run one notebook with papermill, in a kernel of its own."""

import asyncio
import contextlib
import datetime as dt
import json
import logging
import os
import queue
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__, paths
from analysis.errors import LianjianError
from analysis.reports import kernel, normalise, parameters, reach, source, zygote
from analysis.reports.imports import import_papermill
from analysis.reports.plan import Run

if TYPE_CHECKING:
    from nbformat import NotebookNode

EPOCH = "315532800"  # 1980-01-01: the earliest time that every file format can hold
_START_SECONDS = 60.0
_SHORTEST_SECRET = 6  # a shorter one would be struck out of innocent words
_LONGEST_SOCKET = 90  # the address of a local socket holds about a hundred bytes
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
        return f"{where}{self.name}: {lines[0]}".rstrip(": ")


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
    log : str
        What the kernel itself wrote.
    """

    notebook: "NotebookNode"
    seconds: float
    cell_seconds: tuple[float, ...] = ()
    failure: Failure | None = None
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    log: str = field(default="", repr=False)


def environment() -> dict[str, str]:
    """Return the environment of a kernel, in which the same code gives the same bytes."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "MPLBACKEND"))}
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    )
    return {
        **inherited,
        **one_thread,
        "LIANJIAN_ROOT": str(paths.root()),
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": EPOCH,
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "TQDM_DISABLE": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process with threads cannot fork
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the kernel warns about its own start
    }


@cache
def warm_kernels() -> bool:
    """Whether kernels are forked from a warm process here; otherwise each starts from nothing."""
    if not zygote.possible():
        return False
    from importlib.metadata import entry_points  # noqa: PLC0415

    # jupyter_client finds the provisioner as the entry point of an installed package
    return bool(entry_points(group="jupyter_client.kernel_provisioners", name=zygote.PROVISIONER))


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
    warm = warm_kernels() if warm is None else warm
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
    secrets = _secrets(run)
    failure: Failure | None = None
    parent = zygote_process() if warm else None
    started = time.perf_counter()
    stop = threading.Event()
    kept: list[NotebookNode] = []
    with _place() as place, _time_limit(place, limits.run, stop):
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
                kernel_manager_class=_manager(run.notebook, place, secrets, warm=warm),
            )
        except papermill.PapermillExecutionError:
            pass  # read from the notebook below, which also knows which cell it was
        except CellTimeoutError:
            failure = Failure(None, "", "TimeoutError", f"took longer than {limits.cell:g} s", "")
        except (DeadKernelError, RuntimeError, TimeoutError) as error:
            failure = Failure(None, "", type(error).__name__, _why_it_died(error, place), "")
        log = _text(place / "log")
        files, folders = _reads(place)
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
        log = log.replace(value, "<secret>")
    text = nbformat.writes(node) + "\n"
    (folder / "notebook.ipynb").write_text(text, "utf-8", newline="\n")
    return Executed(node, seconds, cell_seconds, failure, files, folders, log), survived


def facts(run: Run) -> dict[str, Any]:
    """Return what an executed notebook says about its run."""
    return {
        "notebook": run.notebook.name,
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


def _secrets(run: Run) -> dict[str, str]:
    """Return the secret parameters of a notebook and the environment variables that hold them.

    Raises
    ------
    LianjianError
        One is not set, or too short to be struck out of outputs.
    """
    variables = {p.name: p.variable for p in parameters.read(run.notebook).values() if p.secret}
    for name, variable in variables.items():
        if len(os.environ.get(variable, "")) < _SHORTEST_SECRET:
            raise LianjianError(
                f"{run.notebook.name}: the secret {name!r} is read from the environment variable "
                f"{variable}, which is not set or has fewer than {_SHORTEST_SECRET} characters."
            )
    return variables


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


def _reads(place: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files and folders of the project that a kernel opened and listed."""
    found: dict[str, set[str]] = {"file": set(), "folder": set()}
    for line in _text(place / kernel.READS).splitlines():
        mark, _, name = line.partition("\t")
        if Path(name).parts[:1] == ("data",):
            found[mark].add(Path(name).as_posix())
    return tuple(sorted(found["file"])), tuple(sorted(found["folder"]))


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


# ---- kernels ----

stopping = threading.Event()
"""Set while an interrupted plan ends its kernels."""

_alive: dict[int, Path] = {}
_alive_lock = threading.Lock()


def stop_all() -> None:
    """End every kernel that this process has started, and start no other."""
    stopping.set()
    with _alive_lock:
        for pid in _alive:
            _end(pid)
        _alive.clear()


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)  # a kernel leads its own process group
        else:
            os.kill(pid, signal.SIGTERM)


@contextlib.contextmanager
def _time_limit(place: Path, seconds: float | None, stop: threading.Event) -> Iterator[None]:
    """End the kernel of a place when a run takes too long."""
    if seconds is None:
        yield
        return

    def end() -> None:
        stop.set()
        with _alive_lock:
            for pid in [pid for pid, where in _alive.items() if where == place]:
                _end(pid)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """Give a kernel a private folder for its connection, its log and its IPython profile."""
    place = Path(tempfile.mkdtemp(prefix="lianjian-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def cool_down() -> None:
    """End the warm process, if there is one."""
    zygote.cool_down()


def zygote_process() -> zygote.Zygote:
    """Return the warm process of this one, started if there was none."""
    return zygote.warm_up(environment())


def get_ready(*, warm: bool | None = None) -> None:
    """Start the warm process; while it imports its stack, import here what runs and pages need."""
    if not (warm_kernels() if warm is None else warm):
        return
    zygote_process()
    import_papermill()
    from nbformat.validator import get_validator  # noqa: PLC0415

    from analysis.reports import provisioner, publish  # noqa: F401, PLC0415

    get_validator()
    publish.get_ready()


@cache
def _prepare_papermill() -> None:
    """Let papermill say nothing, for errors arrive as exceptions, and write parameters our way."""
    from papermill.translators import PythonTranslator, papermill_translators  # noqa: PLC0415

    logging.getLogger("papermill").setLevel(logging.CRITICAL)

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


def _manager(notebook: Path, place: Path, secrets: Mapping[str, str], *, warm: bool) -> type:
    """Return a kernel manager that starts this Python, with our environment, for a notebook."""
    from jupyter_client.kernelspec import KernelSpec  # noqa: PLC0415
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415

    command = [sys.executable, "-m", kernel.__name__, str(place)]
    metadata: dict[str, Any] = {}
    if warm:
        config = {"modules": list(reach.named(source.code_cells(notebook)))}
        metadata["kernel_provisioner"] = {
            "provisioner_name": zygote.PROVISIONER, "config": config,
        }  # fmt: skip
    spec = KernelSpec(argv=command, display_name="Python 3", language="python", metadata=metadata)
    env = {**environment(), "IPYTHONDIR": str(place / "ipython")}
    env |= {kernel.SECRETS: json.dumps(dict(secrets))} if secrets else {}
    local = os.name == "posix" and len(str(place)) < _LONGEST_SOCKET

    class Manager(AsyncKernelManager):
        """A kernel of this environment, whatever kernels a user has installed."""

        def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
            # a socket in a private folder: no port that another process could take or open
            transport: Mapping[str, str] = {"transport": "ipc"} if local else {}
            connection = str(place / kernel.CONNECTION)
            super().__init__(**kwargs, connection_file=connection, **transport)
            self._kernel_spec = spec
            self.client_factory = _client()

        async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: Any) -> None:  # noqa: ANN401
            if stopping.is_set():
                raise RuntimeError("interrupted")
            with (place / "log").open("w") as log:
                kwargs |= {"env": {**kwargs.get("env", {}), **env}, "cwd": str(notebook.parent)}
                await super()._async_launch_kernel(kernel_cmd, **kwargs, stdout=log, stderr=log)
            with _alive_lock:
                _alive[self.provisioner.pid] = place
            if local:
                await self._answering()

        async def _answering(self) -> None:
            """Wait for the kernel's sockets: who knocks before they are there waits 0.1 s."""
            ports = (self.shell_port, self.iopub_port)
            sockets = [Path(f"{self.ip}-{port}") for port in ports]
            deadline = time.monotonic() + _START_SECONDS
            while not all(path.exists() for path in sockets):
                if time.monotonic() > deadline or await self.provisioner.poll() is not None:
                    return  # whoever waits for it to be ready says so
                await asyncio.sleep(0.003)

        async def _async_cleanup_resources(self, restart: bool = False) -> None:
            with _alive_lock:
                _alive.pop(getattr(self.provisioner, "pid", None) or 0, None)
            await super()._async_cleanup_resources(restart)

        cleanup_resources = _async_cleanup_resources

    return Manager


@cache
def _client() -> type:
    from jupyter_client.asynchronous import AsyncKernelClient  # noqa: PLC0415

    class Client(AsyncKernelClient):
        """Knows that a kernel is ready when it says so, where the stock client waits in silence."""

        async def _async_wait_for_ready(  # the stock client's signature
            self,
            timeout: float | None = None,  # noqa: ASYNC109
        ) -> None:
            deadline = time.monotonic() + (timeout or _START_SECONDS)
            while time.monotonic() < deadline:
                asked = self.kernel_info()
                with contextlib.suppress(queue.Empty):
                    reply = await self.get_shell_msg(timeout=1)
                    self._handle_kernel_info_reply(reply)
                    # once "idle" for this request arrives, the channel of outputs is connected;
                    # what was said before it was is lost, so ask again soon
                    while True:
                        message = await self.get_iopub_msg(timeout=0.03)
                        is_answer = message["parent_header"].get("msg_id") == asked
                        if is_answer and message["content"].get("execution_state") == "idle":
                            return
                if not await self._async_is_alive():
                    raise RuntimeError("the kernel died before it was ready")
            raise RuntimeError(f"the kernel was not ready within {timeout or _START_SECONDS:g} s")

        wait_for_ready = _async_wait_for_ready

    return Client
