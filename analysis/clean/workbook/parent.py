"""The side of the project: ask the parsing process for a file, and never wait too long."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

import analysis
from analysis.clean.workbook.cells import Format, Mark, Row, Sheet, Span
from analysis.clean.workbook.limits import (
    ADDRESS_SPACE_BYTES,
    CPU_SECONDS,
    MAX_TEXT_BYTES,
    WALL_SECONDS,
    Refused,
    Unreadable,
)

_LENGTH, _BY_SIGNAL = 4, 128  # as `child` has them
_MAX_MESSAGE = 64_000_000  # a message holds some thousand cells; a longer one is not ours
_MAX_ANSWER = 6 * MAX_TEXT_BYTES  # the text of all cells, as UTF-8 with its quotes and numbers
_PATIENCE = 5.0  # seconds until a process that says no more is gone, on a busy machine
_ANEW = "Open it in a spreadsheet program, save it anew, and look at what makes it unusual."
_WATCHED = 0.1  # seconds between two looks at a process
_TIME, _MEMORY = (-24, -9), -11  # SIGXCPU, SIGKILL and SIGSEGV, which not every system has
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH")


def _can_fork() -> bool:
    return hasattr(os, "fork")


def _request(path: Path, kind: str) -> str:
    sys.audit("open", str(path), "r", 0)  # whoever notes what a run reads hears of it
    limits = {"memory": ADDRESS_SPACE_BYTES, "seconds": CPU_SECONDS, "fork": _can_fork()}
    return json.dumps({"path": str(path.resolve()), "format": kind, **limits})


class _Server:
    """One parsing process: for all files, or where nothing can be forked for one."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = str(Path(analysis.__file__).parent.parent)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "analysis.clean.workbook.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self.owner = os.getpid()
        self.idle = True
        self._ended_for: tuple[str, str] | None = None  # code, and what was seen

    def ask(self, path: Path, kind: str) -> None:
        """Send a request; where nobody hears it, `answer` says how the process ended."""
        assert self.process.stdin is not None  # noqa: S101  (a pipe was asked for)
        self.idle = False
        with suppress(OSError):
            self.process.stdin.write(_request(path, kind).encode() + b"\n")
            self.process.stdin.flush()

    def answer(self, seconds: float) -> tuple[Sheet, ...]:
        """Return the sheets of the file that was asked for, or raise `Unreadable`."""
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(seconds, done), daemon=True)
        watch.start()
        sheets: list[Sheet] = []
        name, rows = "", dict[int, Row]()
        try:
            for message in _messages(self.process.stdout):  # type: ignore[arg-type]
                if "rows" in message:
                    rows.update((n, Row(kinds, texts)) for n, kinds, texts in message["rows"])
                elif "sheet" in message:
                    name, rows = message["sheet"], {}
                elif "end" in message:
                    sheets.append(_sheet(name, rows, message))
                else:
                    self.idle = True
                    break
        finally:
            done.set()
            watch.join()
        if not self.idle:
            raise self._end()
        if "refused" in message:
            raise Unreadable(*message["refused"])
        if "crash" in message:
            raise Unreadable(*_too_large(), _ANEW)
        return tuple(sheets)

    def _watch(self, seconds: float, done: threading.Event) -> None:
        """End the process when it takes too long, or too much memory."""
        end = time.monotonic() + seconds
        is_over = False
        while not is_over:
            if not _can_fork():  # else its child has a limit of its own
                with suppress(psutil.Error):
                    used = psutil.Process(self.process.pid).memory_info().rss
                    self._ended_for = _too_large() if used > ADDRESS_SPACE_BYTES else None
            if time.monotonic() >= end:
                seen = f"reading it took more than {seconds:g} s, which is the limit"
                self._ended_for = "time", seen
            if self._ended_for:
                self._kill()
                return
            is_over = done.wait(min(_WATCHED, max(end - time.monotonic(), 0.0)))

    def _end(self) -> Unreadable:
        """Say how a process ended that says no more."""
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(_PATIENCE)
        if code is not None and code > _BY_SIGNAL:
            code = _BY_SIGNAL - code
        if self._ended_for:
            return Unreadable(*self._ended_for, _ANEW)
        if code in _TIME:
            seen = f"parsing it took more than {CPU_SECONDS} s of computing, which is the limit"
            return Unreadable("time", seen, _ANEW)
        if code == _MEMORY:
            return Unreadable(*_too_large(), _ANEW)
        seen = "the process that parses it ended " + (
            f"with code {code}" if code is not None else "without a word"
        )
        return Unreadable("crash", seen, _ANEW)

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if _can_fork():
                os.killpg(self.process.pid, signal.SIGKILL)  # its child as well
            else:
                self.process.kill()

    def stop(self) -> None:
        """End the process and its child, if they are ours."""
        if self.owner == os.getpid():
            self._kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


_lock = threading.Lock()
_server: _Server | None = None


def stop() -> None:
    """End the parsing process; the next file starts a new one."""
    global _server  # noqa: PLW0603  (one server for the whole process is the point)
    if _server is not None:
        _server.stop()
        _server = None


atexit.register(stop)


def start() -> None:
    """Start the parsing process now, so that it imports its parsers while others work."""
    global _server  # noqa: PLW0603
    alive = _server and _server.owner == os.getpid() and _server.process.poll() is None
    if _can_fork() and not alive:
        stop()
        _server = _Server()


def read_workbook(path: Path, kind: str, wall_seconds: float = WALL_SECONDS) -> tuple[Sheet, ...]:
    """Return the sheets of a workbook, parsed in another process."""
    with _lock:
        start()
        server = _server or _Server()
        try:
            server.ask(path, kind)
            return server.answer(wall_seconds)
        except Unreadable as error:
            raise Refused(path, error.code, error.seen, error.advice) from None
        finally:
            if server is not _server:
                server.stop()
            elif not server.idle:
                stop()  # a child may still run, and what it says belongs to no later file


def _messages(said: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield messages until the pipe ends, which is when the process is gone."""
    total = 0
    while len(length := said.read(_LENGTH)) == _LENGTH:
        size = int.from_bytes(length, "big")
        total += size
        if size > _MAX_MESSAGE or total > _MAX_ANSWER:
            seen = f"its cells take more than {_MAX_ANSWER:,} bytes"
            raise Unreadable("memory", seen, _ANEW)
        if len(body := said.read(size)) < size:
            return
        yield json.loads(body)


def _sheet(name: str, rows: dict[int, Row], end: dict[str, Any]) -> Sheet:
    return Sheet(
        name=name,
        state=end["state"],
        rows=rows,
        merges=tuple(Span(*merge) for merge in end["merges"]),
        hidden_rows=frozenset(end["hidden_rows"]),
        hidden_columns=frozenset(end["hidden_columns"]),
        formats=tuple(Format(*entry) for entry in end["formats"]),
        marks=tuple(Mark(*mark) for mark in end["marks"]),
    )


def _too_large() -> tuple[str, str]:
    seen = f"parsing it took more than {ADDRESS_SPACE_BYTES:,} bytes of memory (the limit)"
    return "memory", seen + ", or crashed the parser"
