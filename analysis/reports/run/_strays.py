"""End what a kernel left running: found by a mark that all its processes inherit."""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process

MARK = "LIANJIAN_KERNEL"
"""Environment variable that holds the name of the kernel's private folder."""

PREFIX = "lianjian-"
BLANK = PREFIX + "_" * 8  # as long as the names that `tempfile.mkdtemp` makes of the prefix
_PATIENCE = 0.3  # seconds from the request to end to the kill


def descendants(pid: int) -> list["Process"]:
    """Return the processes that a living kernel has begun, and theirs."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def sweep(name: str, known: Iterable["Process"] = ()) -> None:
    """End the processes that are known and all that bear the mark, in whatever session."""
    import psutil

    marked = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == name and process.pid != os.getpid()
    ]
    left = [process for process in {*known, *marked} if process.is_running()]
    for end in ("terminate", "kill"):
        for process in left:
            with contextlib.suppress(psutil.Error):
                getattr(process, end)()
        _, left = psutil.wait_procs(left, timeout=_PATIENCE)


def stamp() -> Callable[[str], None]:
    """Return what writes a name over the `BLANK` mark that this process was started with.

    A forked kernel shows other processes the environment of the one that it was forked from, at
    the place where that one received it, whatever it sets later.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    address = libc.getenv(MARK.encode())

    def write(name: str) -> None:
        if address and len(name.encode()) == len(BLANK):
            ctypes.memmove(address, name.encode(), len(BLANK))

    return write
