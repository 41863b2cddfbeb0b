"""A warm process that has imported the stack and forks kernels from it.

Nine tenths of a short run are start-up: an interpreter, pandas, matplotlib. The zygote pays this
once. It is one process with one thread: it waits for requests on a socket, forks, and reaps. What
it forks is a fresh copy of a process that has run no cell, so that no run sees another.

`Zygote` is the side that asks; ``python -m analysis.reports.run._zygote FD`` is the process.
"""

import contextlib
import ctypes
import gc
import os
import pkgutil
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from analysis.reports import freshness
from analysis.reports.freshness import Stat
from analysis.reports.run import _strays

EXIT = "exit"
"""File in a kernel's folder that takes its exit code."""

_PR_SET_PDEATHSIG = 1
_BACKEND = "module://matplotlib_inline.backend_inline"  # as a kernel would set it

# what nearly every kernel needs; what else a notebook imports comes with its first kernel
_STACK = """
IPython.display IPython.core.completerlib IPython.core.debugger IPython.core.magics.basic
IPython.core.magics.code IPython.core.magics.config IPython.core.magics.execution
IPython.core.magics.extension IPython.core.magics.history IPython.core.magics.logging
IPython.core.magics.namespace IPython.core.magics.osm IPython.core.magics.packaging
IPython.core.magics.script IPython.core.oinspect IPython.extensions.storemagic ipykernel.ipkernel
ipykernel.kernelapp ipykernel.zmqshell tornado.platform.asyncio tornado.queues
numpy pandas pyarrow.dataset pyarrow.pandas_compat pyarrow.parquet
matplotlib.figure matplotlib.pyplot matplotlib.backends.backend_agg matplotlib.backends.backend_svg
pylopdf_fonts_zh_cn analysis.clean.dataset analysis.figures analysis.figures.layout
analysis.reports.products analysis.reports.run._kernel_process analysis.reports.tables
"""
# whose modules may be imported ahead: they start no thread and look at no notebook
_LIBRARIES = ("analysis", "matplotlib", "numpy", "pandas", "scipy", "seaborn", "statsmodels")
# what these import when it is first used, which each kernel would do anew
_LATE = {"analysis.effects": ("scipy.optimize", "scipy.stats"), "analysis.tables": ("scipy.stats",)}


def possible() -> bool:
    """Whether this platform can fork a process that has libraries loaded, and end it with it."""
    return sys.platform == "linux" and hasattr(os, "fork")


class ZygoteGoneError(RuntimeError):
    """The warm process has ended; a new one can be started."""


class Zygote:
    """Asks a warm process for kernels, from several threads; ``code`` is what it has imported."""

    def __init__(self, environment: Mapping[str, str], code: Mapping[str, Stat]) -> None:
        self._asks, theirs = Pipe()
        self._lock = threading.Lock()
        self._ready = False
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                env={**environment, "MPLBACKEND": _BACKEND, _strays.MARK: _strays.BLANK},
                cwd="/",  # where the caller stands may be gone
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the driver, which ends things in order
            )
        self.pid = self._process.pid
        self.code = code

    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def fork(
        self, place: Path, cwd: Path, environment: Mapping[str, str], modules: Sequence[str] = ()
    ) -> int:
        """Fork a kernel and return its process id.

        What it will import is imported first, once for all kernels, where it is of `_LIBRARIES`.
        """
        launch = {"place": str(place), "cwd": str(cwd), "env": dict(environment)}
        with self._lock:
            try:
                self._ready = self._ready or bool(self._asks.recv())
                self._ask(modules, launch)
                return int(self._asks.recv())
            except (OSError, EOFError) as error:
                raise ZygoteGoneError("the warm process has ended") from error

    def prepare(self, modules: Sequence[str]) -> None:
        """Let it import what a kernel will, before one is asked for; it gives no answer."""
        with self._lock, contextlib.suppress(OSError):  # who asks for a kernel is told
            self._ask(modules)

    def _ask(self, modules: Sequence[str], launch: Mapping[str, Any] | None = None) -> None:
        ahead = [name for name in modules if name.partition(".")[0] in _LIBRARIES]
        ahead += [late for name in ahead for late in _LATE.get(".".join(name.split(".")[:2]), ())]
        self._asks.send((ahead, launch))  # in no file: an environment can hold secrets

    def close(self) -> None:
        """End the process and every kernel that it has forked."""
        self._asks.close()
        if not self._ready:  # it imports, and has forked nothing
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
            return
        self._process.kill()
        self._process.wait()


_zygotes: list[Zygote] = []  # the last one is asked; those before it run what they have to its end
_one_at_a_time = threading.Lock()


def warm_up(environment: Mapping[str, str]) -> Zygote:
    """Return this process's zygote; start one if there is none, or if the last one has died.

    Where code has changed since the last one imported it, there is a new one.
    """
    with _one_at_a_time:
        code = freshness.code_now()
        if not _zygotes or not _zygotes[-1].alive() or _zygotes[-1].code != code:
            _zygotes.append(Zygote(environment, code))
        return _zygotes[-1]


def cool_down() -> None:
    """End the zygote and all that it has forked."""
    with _one_at_a_time:
        while _zygotes:
            _zygotes.pop().close()


# ---- the process ----


def _import(names: Iterable[str]) -> None:
    """Import modules, and what is taken from them: a package may import it when it is asked."""
    gc.disable()  # of what an import makes nearly everything stays
    for name in names:
        # whatever an import raises, the kernel meets again in the cell that asks for it
        with contextlib.suppress(Exception):
            pkgutil.resolve_name(name)
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
        sys.exit("a library started a thread while it was imported; kernels start cold")
    gc.collect()
    gc.freeze()  # the children share these pages; their collector need not touch them
    gc.enable()


def main(descriptor: int) -> None:
    """Import the stack, then fork on request until the other side is gone."""
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory
    stamp = _strays.stamp()
    _import(_STACK.split())
    tried: set[str] = set()
    children: dict[int, Path] = {}
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    with Connection(descriptor) as asked:
        with contextlib.suppress(BrokenPipeError):  # there was nothing to run, and nobody waits
            asked.send(True)  # noqa: FBT003  (it is ready)
        while True:
            ready, _, _ = select.select([asked.fileno(), wake_read], [], [])
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 512)
                _reap(children)
            if asked.fileno() not in ready:
                continue
            try:
                modules, launch = asked.recv()
            except (OSError, EOFError):  # the other side is gone
                break
            if more := [name for name in modules if name not in tried]:
                tried.update(more)
                _import(more)
            if launch is None:
                continue
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                asked.close()
                os.close(wake_read)
                stamp(Path(launch["place"]).name)
                _become_kernel(launch, wake_write, parent)
            children[pid] = Path(launch["place"])
            asked.send(pid)
    _bury_all(children)


def _bury_all(children: dict[int, Path]) -> None:
    for pid, place in children.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _strays.sweep(place.name)
        shutil.rmtree(place, ignore_errors=True)  # a driver that was killed has left it


def _reap(children: dict[int, Path]) -> None:
    """Bury children that ended, and leave each one's exit code in its folder."""
    while children:
        # while it is not waited for, its number is given to no other process
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        if place := children.pop(ended.si_pid, None):
            with contextlib.suppress(OSError):  # the run is over and its folder gone
                (place / EXIT).write_text(str(code), "utf-8")
        os.waitpid(ended.si_pid, 0)


def _become_kernel(launch: dict[str, Any], wake: int, parent: int) -> NoReturn:
    """Turn the forked copy into a kernel with its own environment, folder and log."""
    code = 1
    try:
        os.setsid()  # a kernel leads its own group, so that all it starts can be ended with it
        # no kernel outlives the zygote, whatever ends it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        os.close(wake)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        place = Path(launch["place"])
        os.environ.clear()
        os.environ.update(launch["env"])
        time.tzset()
        tempfile.tempdir = None  # of the environment from now on, not of the warm process
        os.chdir(launch["cwd"])
        log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        import numpy as np

        np.random.seed()  # noqa: NPY002  (as fresh as in a new process; `random` does so itself)
        from analysis.reports.run import _kernel_process

        _kernel_process.start(place)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001  (it goes to the log; the copy must not return)
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]))
