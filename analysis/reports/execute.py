"""Run one notebook with papermill, in a kernel of its own."""

import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__
from analysis.reports import normalise
from analysis.reports.plan import Run

if TYPE_CHECKING:
    from nbformat import NotebookNode

EPOCH = "315532800"  # 1980-01-01: the earliest time that every file format can hold
_LONGEST_SOCKET = 90  # the address of a local socket holds about a hundred bytes
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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
    """

    cell: int | None
    source: str
    name: str
    message: str
    traceback: str

    @property
    def summary(self) -> str:
        """One line for a person."""
        where = f"cell {self.cell}: " if self.cell else ""
        lines = self.message.strip().splitlines() or [""]
        return f"{where}{self.name}: {lines[0]}".rstrip(": ")


@dataclass(frozen=True)
class Executed:
    """An executed notebook: its content, the seconds it took, the failure if there was one."""

    notebook: "NotebookNode"
    seconds: float
    failure: Failure | None


def environment() -> dict[str, str]:
    """Return the environment of a kernel, in which the same code gives the same bytes."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "MPLBACKEND"))}
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    )
    return {
        **inherited,
        **one_thread,
        "PYTHONHASHSEED": "0",
        "SOURCE_DATEEPOCH": EPOCH,
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "TQDM_DISABLE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the kernel warns about its own start
    }


def execute(run: Run, folder: Path) -> Executed:
    """Execute a run and write ``notebook.ipynb`` into a folder.

    Papermill does the work, unchanged. The working directory of this process stays as it is;
    the kernel's is the notebook's folder, as in JupyterLab.
    """
    import nbformat  # noqa: PLC0415
    import papermill  # noqa: PLC0415
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415

    # what goes wrong arrives as an exception; papermill would print it as well
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    output = folder / "notebook.ipynb"
    failure: Failure | None = None
    started = time.perf_counter()
    with _place() as place:
        try:
            papermill.execute_notebook(
                str(run.notebook),
                str(output),
                run.parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                record_timing=False,
                shutdown_kernel="immediate",
                kernel_manager_class=_manager(run.notebook.parent, place),
            )
        except papermill.PapermillExecutionError:
            pass  # read from the notebook below, which also knows which cell it was
        except (DeadKernelError, RuntimeError, TimeoutError) as error:
            log = (place / "log").read_text("utf-8", "replace") if (place / "log").exists() else ""
            failure = Failure(None, "", type(error).__name__, str(error) or "the kernel died", log)
    seconds = time.perf_counter() - started
    source = nbformat.read(run.notebook, as_version=4)
    node = nbformat.read(output, as_version=4) if output.exists() else source
    normalise.notebook(node, _facts(run))
    output.write_text(nbformat.writes(node) + "\n", "utf-8", newline="\n")
    return Executed(node, seconds, failure or _failure(node))


def _facts(run: Run) -> dict[str, Any]:
    return {
        "notebook": run.notebook.name,
        "parameters": run.parameters,
        "slug": run.slug,
        "title": run.title,
        "version": __version__,
    }


def _failure(node: "NotebookNode") -> Failure | None:
    """Find the error that stopped a notebook."""
    injected = 0
    for place, cell in enumerate(node.cells, start=1):
        injected += cell.get("id") == normalise.INJECTED
        for output in cell.get("outputs", []):
            if output.output_type != "error":
                continue
            if output.ename == "SystemExit" and output.evalue in {"", "0"}:
                continue
            traceback = _COLOUR.sub("", "\n".join(output.traceback))
            return Failure(place - injected, cell.source, output.ename, output.evalue, traceback)
    return None


# ---- kernels ----

stopping = threading.Event()
"""Set while an interrupted plan ends its kernels."""

_alive: set[int] = set()
_alive_lock = threading.Lock()


def stop_all() -> None:
    """End every kernel that this process has started, and start no other."""
    stopping.set()
    with _alive_lock:
        for pid in _alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(pid, signal.SIGKILL)  # a kernel leads its own process group
                else:
                    os.kill(pid, signal.SIGTERM)
        _alive.clear()


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """Give a kernel a private folder for its connection, its log and its IPython profile."""
    place = Path(tempfile.mkdtemp(prefix="lianjian-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _manager(cwd: Path, place: Path) -> type:
    """Return a kernel manager that starts this Python, in this folder, with our environment."""
    from jupyter_client.kernelspec import KernelSpec  # noqa: PLC0415
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415

    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = KernelSpec(argv=command, display_name="Python 3", language="python")
    env = {**environment(), "IPYTHONDIR": str(place / "ipython")}
    local = os.name == "posix" and len(str(place)) < _LONGEST_SOCKET

    class Manager(AsyncKernelManager):
        """A kernel of this environment, whatever kernels a user has installed."""

        def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
            # a socket in a private folder: no port that another process could take or open
            transport: Mapping[str, str] = {"transport": "ipc"} if local else {}
            super().__init__(**kwargs, connection_file=str(place / "kernel.json"), **transport)
            self._kernel_spec = spec

        async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: Any) -> None:  # noqa: ANN401
            if stopping.is_set():
                raise RuntimeError("interrupted")
            with (place / "log").open("w") as log:
                kwargs |= {"env": {**kwargs.get("env", {}), **env}, "cwd": str(cwd)}
                await super()._async_launch_kernel(kernel_cmd, **kwargs, stdout=log, stderr=log)
            with _alive_lock:
                _alive.add(self.provisioner.pid)

        async def _async_cleanup_resources(self, restart: bool = False) -> None:
            with _alive_lock:
                _alive.discard(getattr(self.provisioner, "pid", None) or 0)
            await super()._async_cleanup_resources(restart)

        cleanup_resources = _async_cleanup_resources

    return Manager
