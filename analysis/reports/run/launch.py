"""Start, watch and end kernels: of this Python, with this environment, in private folders."""

import asyncio
import contextlib
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.reports.freshness import import_closure
from analysis.reports.plan import source
from analysis.reports.run import kernel, zygote
from analysis.reports.run.imports import import_papermill

EPOCH = "315532800"  # 1980-01-01: the earliest time that every file format can hold
_START_SECONDS = 60.0
_LONGEST_SOCKET = 90  # the address of a local socket holds about a hundred bytes


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
def time_limit(place: Path, seconds: float | None, stop: threading.Event) -> Iterator[None]:
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
def private_folder() -> Iterator[Path]:
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

    from analysis.reports.page import publish  # noqa: PLC0415
    from analysis.reports.run import provisioner  # noqa: F401, PLC0415

    get_validator()
    publish.get_ready()


def manager(
    notebook: Path, place: Path, secrets: Mapping[str, str], watched: Iterable[str], *, warm: bool
) -> type:
    """Return a kernel manager that starts this Python, with our environment, for a notebook."""
    from jupyter_client.kernelspec import KernelSpec  # noqa: PLC0415
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415

    command = [sys.executable, "-m", kernel.__name__, str(place)]
    metadata: dict[str, Any] = {}
    if warm:
        config = {"modules": list(import_closure.named(source.code_cells(notebook)))}
        metadata["kernel_provisioner"] = {
            "provisioner_name": zygote.PROVISIONER, "config": config,
        }  # fmt: skip
    spec = KernelSpec(argv=command, display_name="Python 3", language="python", metadata=metadata)
    env = {**environment(), "IPYTHONDIR": str(place / "ipython")}
    env |= {kernel.SECRETS: json.dumps(dict(secrets))} if secrets else {}
    env |= {kernel.PARAMETERS: json.dumps(list(watched))}
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
