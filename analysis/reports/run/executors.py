"""Where runs go: threads here, each with a kernel of its own, or the workers of a Dask cluster."""

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from analysis.errors import LianjianError
from analysis.terminal import warn

_MEMORY_OF_A_RUN = 700e6  # bytes; the largest of the default plan, measured by benchmarks/engine.py

_here = threading.local()  # `page`, which makes the page of what this thread runs


class _Threads(ThreadPoolExecutor):
    """Has so many places for runs, and as many threads more for pages that wait.

    Pages are made one at a time, for they share this process's interpreter. The one that is made
    has a place, or a kernel more would take its core from it; those that wait have none, and the
    next notebooks run, in their order: the longest one must not be left over. Where there is one
    place, a report is published before the next begins.
    """

    def __init__(self, places: int, tasks: int) -> None:
        super().__init__(max_workers=min(2 * places if places > 1 else 1, tasks))
        self._places, self._changed = places, threading.Condition()
        self._waiting: deque[object] = deque()  # for a place: who came first gets it
        self._making, self._pages = threading.Lock(), 0  # pages made or waiting

    def submit(self, fn: Callable[..., Any], /, *args: object, **kwargs: object) -> Future[Any]:
        """Do it as soon as there is a place for it."""
        return super().submit(self._in_place, fn, *args, **kwargs)

    def _release(self) -> None:
        with self._changed:
            self._places += 1
            self._changed.notify_all()

    def _in_place(self, fn: Callable[..., object], *args: object, **kwargs: object) -> object:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._places and self._waiting[0] is ticket)
            self._waiting.popleft()
            self._places -= 1
            self._changed.notify_all()
        with ExitStack() as place:
            place.callback(self._release)
            _here.page = partial(self._page, place)
            return fn(*args, **kwargs)

    @contextmanager
    def _page(self, place: ExitStack) -> Iterator[None]:
        """Make a page in the place of its run, or else in that of the page before it."""
        with self._changed:
            self._pages += 1
            waits = self._pages > 1
        if waits:
            place.close()
        with self._making, _uncollected():
            if waits:
                place.callback(self._release)
            try:
                yield
            finally:
                with self._changed:
                    self._pages -= 1
                    if self._pages:
                        place.pop_all()  # the next page has it now


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave what refers to itself to lie: a page's charts are many small objects, and soon gone."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def page() -> AbstractContextManager[None]:
    """Make a page in its turn, as the last that a run has to do; a cluster's workers have none."""
    made: Callable[[], AbstractContextManager[None]] = getattr(_here, "page", nullcontext)
    return made()


@contextmanager
def open_executor(jobs: int | None, tasks: int, scheduler: str = "") -> Iterator[Executor]:
    """Give an executor for a plan."""
    if jobs is not None and jobs < 1:
        raise LianjianError(f"--jobs is {jobs}; it takes a whole number from 1.")
    if not scheduler:
        with _Threads(jobs or possible_jobs(), tasks) as pool:
            yield pool
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise LianjianError(
            "--scheduler needs Dask, which is not installed: `make cluster` in the project, "
            "or pip install 'lianjian[cluster]'."
        ) from error
    if is_open(scheduler):
        warn(
            f"{scheduler} is neither encrypted nor asks who calls: whoever reaches it runs code as "
            "you. docs/cluster.md shows tls://."
        )
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError, TypeError) as error:
        raise LianjianError(
            f"No Dask scheduler answers at {scheduler!r} ({error}). Its address is printed when "
            "`dask scheduler` starts, and looks like tls://10.0.0.1:8786; such a one needs its "
            "certificates here too: see docs/cluster.md."
        ) from error
    with client:
        # Dask runs a lost task again on another worker; a run is the same wherever it runs
        yield client.get_executor(pure=False, retries=2)


def is_open(address: str) -> bool:
    """Whether the address of a scheduler is plain TCP, and not of this machine alone."""
    place = urlsplit(address if "://" in address else f"tcp://{address}")
    host = place.hostname or ""
    is_here = host in {"localhost", "::1"} or host.startswith("127.")
    return place.scheme == "tcp" and not is_here


def is_remote(pool: Executor) -> bool:
    """Whether runs go on in other processes, which this one cannot end."""
    return not isinstance(pool, _Threads)


def possible_jobs() -> int:
    """Return how many runs this machine carries at a time: by its cores and its free memory."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().available // _MEMORY_OF_A_RUN
    return max(1, min(cores or 1, int(memory)))
