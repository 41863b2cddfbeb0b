"""Kernels: of this Python, with one environment, in private folders; launched, watched, ended."""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.reports.freshness import import_closure
from analysis.reports.plan import source
from analysis.reports.run import _kernel_process, _strays, _zygote
from analysis.reports.run._imports import quickly

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from psutil import Process

EPOCH = "315532800"  # 1980-01-01: the earliest time that every file format can hold
_LONGEST_SOCKET = 90  # the address of a local socket holds about a hundred bytes
_LONGEST_LOG = 1_000_000

warm_kernels = _zygote.possible


def environment() -> dict[str, str]:
    """Return the environment of a kernel, in which the same code gives the same bytes."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "MPLBACKEND"))}
    # cron names the plainest of shells; a line of a notebook means by night what it means by day
    if os.name == "posix" and Path(inherited.get("SHELL", "sh")).name == "sh":
        inherited["SHELL"] = shutil.which("bash") or "sh"
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


stopping = threading.Event()
"""Set while an interrupted plan ends its kernels."""

_open: set["Kernel"] = set()
_lock = threading.Lock()


def _modules(notebook: Path) -> tuple[str, ...]:
    return import_closure.named(source.code_cells(notebook))


class Kernel:
    """A kernel of one run, from its private folder to its end."""

    def __init__(
        self, notebook: Path, secrets: Mapping[str, str], watched: Iterable[str], *, warm: bool
    ) -> None:
        self.zygote = _zygote.warm_up(environment()) if warm else None
        self.modules = _modules(notebook) if warm else ()
        self.cwd = notebook.parent  # as in JupyterLab
        self.process: Any = None
        self.is_busy = False  # with a cell
        self.was_told = False  # to end, as at the end of each run
        self.strays: list[Process] = []  # what it had begun when it was told
        self.ended_for = ""  # what it was ended for from here
        self.place = Path(tempfile.mkdtemp(prefix=_strays.PREFIX))
        self.log = self.place / "log"
        temporary = self.place / "t"  # short, for programs that put a socket there
        temporary.mkdir()
        self.environment = {
            **environment(),
            "IPYTHONDIR": str(self.place / "ipython"),
            "TMPDIR": str(temporary),
            _strays.MARK: self.place.name,
            _kernel_process.PARAMETERS: json.dumps(list(watched)),
        }
        if secrets:
            self.environment[_kernel_process.SECRETS] = json.dumps(dict(secrets))

    def manager(self) -> "AsyncKernelManager":
        """Return what jupyter_client starts and ends it with."""
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import AsyncKernelManager

        from analysis.reports.run import _client, _provisioner

        command = [sys.executable, "-m", _kernel_process.__name__, str(self.place)]
        specs = _provisioner.ThisPython()
        specs.spec = KernelSpec(argv=command, display_name="Python 3", language="python")
        manager = AsyncKernelManager(
            kernel_spec_manager=specs,
            connection_file=str(self.place / _kernel_process.CONNECTION),
            client_factory=_client.Channels,
            shutdown_wait_time=0.2,  # the provisioner has waited already
        )
        if os.name == "posix" and len(str(self.place)) < _LONGEST_SOCKET:
            # sockets in the private folder; only what forked children print goes through a port
            # of this machine, where ipykernel takes nothing without its own key
            manager.transport = "ipc"
        manager.provisioner = provisioner = _provisioner.Provisioner(
            kernel_id=self.place.name, kernel_spec=specs.spec, parent=manager
        )
        provisioner.kernel = self
        return manager

    def end(self, reason: str) -> None:
        """End it at once, and all of its group, for a reason."""
        self.ended_for = self.ended_for or reason
        self._kill()

    def _kill(self) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)  # a kernel leads its own group
            else:
                self.process.kill()

    def stop_if_ended(self) -> None:
        """Start no kernel whose end has come."""
        if stopping.is_set():
            self.end("interrupted")
        if self.ended_for:
            self.end(self.ended_for)
            raise RuntimeError(self.ended_for)

    def note(self, sentence: str) -> None:
        """Add a sentence to its log."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{sentence}\n")

    def written(self) -> str:
        """Return what it wrote where no cell could take it."""
        return _start_of(self.log)

    def said_late(self) -> str:
        """Return what was said in it after the last cell had ended."""
        return _start_of(self.place / _kernel_process.LATE)

    def how_it_ended(self) -> str:
        """Say how its process came to an end that nobody here has asked for."""
        code = self.process.poll() if self.process and not self.was_told else None
        if code is None:
            return ""
        if code == -getattr(signal, "SIGKILL", 9):
            return "the kernel was killed; the usual cause is that memory ran out"
        if code < 0:
            return f"the kernel died of signal {signal.Signals(-code).name}"
        who = ": a cell ended it" if self.is_busy else ""
        return f"the kernel died{who}, with exit code {code}"

    def cut_off(self) -> Iterator[tuple[int, str, str]]:
        """Say how it ended, where files and exit handlers were left undone; in no cell."""
        if self.process is None or (self.place / _kernel_process.ENDED).exists():
            return
        code = self.process.poll()
        if code is not None and code < 0:
            how = f"died of signal {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        yield 0, "the kernel", f"{how} before its files were written and its exit handlers were run"

    def close(self) -> None:
        """Remove what it has left: processes, wherever they went, and its folder."""
        _strays.sweep(self.place.name, self.strays)
        self._kill()
        shutil.rmtree(self.place, ignore_errors=True)


def _start_of(file: Path) -> str:
    """Return the text of a log, or its start and how much is left out."""
    if not file.exists():
        return ""
    with file.open(encoding="utf-8", errors="replace") as log:
        text = log.read(_LONGEST_LOG)
    rest = file.stat().st_size - len(text.encode())
    return f"{text}\n… {rest:,} bytes left out\n" if rest > 0 else text


@contextlib.contextmanager
def open_kernel(
    notebook: Path,
    secrets: Mapping[str, str],
    watched: Iterable[str],
    *,
    warm: bool,
    seconds: float,
    limit: str,
) -> Iterator[Kernel]:
    """Give a kernel for a notebook; end it after so many seconds, saying which limit it was."""
    kernel = Kernel(notebook, secrets, watched, warm=warm)
    timer = threading.Timer(seconds, kernel.end, [limit])
    timer.daemon = True
    with _lock:
        _open.add(kernel)
    timer.start()
    try:
        yield kernel
    finally:
        timer.cancel()
        with _lock:
            _open.discard(kernel)
        kernel.close()


def stop_all() -> None:
    """End every kernel that this process has started, and start no other."""
    stopping.set()
    with _lock:
        for kernel in _open:
            kernel.end("interrupted")


cool_down = _zygote.cool_down


def start(*, warm: bool | None = None) -> bool:
    """Start the warm process, where there is to be one; it imports its stack meanwhile."""
    if warm and not warm_kernels():
        raise LianjianError(
            "--kernels warm needs Linux, whose processes can be forked and watched; leave it out, "
            "and each kernel is started anew."
        )
    is_warm = warm_kernels() if warm is None else warm
    if is_warm:
        _zygote.warm_up(environment())
    return is_warm


def get_ready(notebooks: Iterable[Path], *, warm: bool | None = None) -> None:
    """Start the warm process; while it imports, import here what runs and pages need.

    What the first notebook needs is imported there with its stack.
    """
    if not start(warm=warm):
        return
    for first in islice(notebooks, 1):
        _zygote.warm_up(environment()).prepare(_modules(first))
    quickly("papermill")
    from nbformat.validator import get_validator

    from analysis.reports.page import publish
    from analysis.reports.run import _client, _provisioner  # noqa: F401

    get_validator()
    publish.get_ready()
