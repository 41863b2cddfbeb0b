"""The side of the project: ask the parsing process for a file, and never wait too long."""

import atexit
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import analysis
from analysis.clean.workbook.cells import Format, Mark, Row, Sheet, Span
from analysis.clean.workbook.limits import (
    ADDRESS_SPACE_BYTES,
    CPU_SECONDS,
    MAX_TEXT_BYTES,
    WALL_SECONDS,
    Refused,
)

_LENGTH = 4
_MAX_MESSAGE = 64_000_000  # a message holds some thousand cells; a longer one is not ours
_MAX_ANSWER = 6 * MAX_TEXT_BYTES  # the text of all cells, as UTF-8 with its quotes and numbers
_READ = 1 << 20
_PATIENCE = 5.0  # seconds for the word that a child is gone, on a busy machine
_ANEW = "Open it in a spreadsheet program, save it anew, and look at what makes it unusual."
_WATCHED = 0.1  # seconds between two looks at a process without limits of the system
_TIME, _MEMORY = -9, -11  # the codes of SIGKILL and SIGSEGV, which not every system has
_SIGXCPU = -getattr(signal, "SIGXCPU", 24)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH")


def _open_child(**streams: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = str(Path(analysis.__file__).parent.parent)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.Popen(
        [sys.executable, "-m", "analysis.clean.workbook.child"],
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        **streams,
    )


def _request(path: Path, kind: str) -> str:
    sys.audit("open", str(path), "r", 0)  # whoever notes what a run reads hears of it
    limits = {"memory": ADDRESS_SPACE_BYTES, "seconds": CPU_SECONDS}
    return json.dumps({"path": str(path.resolve()), "format": kind, **limits})


class _Server:
    """One parsing process, started when first needed."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = _open_child(stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        self.owner = os.getpid()
        self.idle = True
        self._pending = b""

    def ask(self, path: Path, kind: str) -> int:
        """Send a request; return the read end of the pipe that brings the messages."""
        reading, writing = os.pipe()
        self.idle = False
        try:
            socket.send_fds(self.channel, [_request(path, kind).encode()], [writing])
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return reading

    def answer(self, key: str, seconds: float) -> int | None:
        """Return what the server says about its child, None when it says nothing in time."""
        end = time.monotonic() + seconds
        while b"\n" not in self._pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.channel], [], [], left)[0]:
                return None
            if not (data := self.channel.recv(4096)):
                return None
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        self.idle = key == "exit"
        return int(json.loads(line)[key])

    def stop(self) -> None:
        """End the process and its child."""
        self.channel.close()
        if self.owner == os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class _Plain:
    """A parsing process for one file, where nothing can be forked or no pipe be passed on."""

    def __init__(self, path: Path, kind: str, seconds: float) -> None:
        reading, writing = os.pipe()
        self.process = _open_child(stdin=subprocess.PIPE, stdout=writing)
        os.close(writing)
        self.reading = reading
        assert self.process.stdin is not None  # noqa: S101  (a pipe was asked for)
        with suppress(OSError), self.process.stdin as asked:
            asked.write(_request(path, kind).encode())  # where it ended before, `answer` says how
        self._ended_by: int | None = None
        self._watch = threading.Thread(target=self._end_in_time, args=(seconds,), daemon=True)
        self._watch.start()

    def _end_in_time(self, seconds: float) -> None:
        """End the process when it takes too long, or too much memory."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            with suppress(psutil.Error):
                if psutil.Process(self.process.pid).memory_info().rss > ADDRESS_SPACE_BYTES:
                    self._ended_by = _MEMORY
            if time.monotonic() > end:
                self._ended_by = _TIME
            if self._ended_by is not None:
                self.process.kill()
                return
            time.sleep(_WATCHED)

    def answer(self, key: str, seconds: float) -> int | None:
        """Say how the process ended, as the server says it of its child."""
        if key == "pid":
            return self.process.pid
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._watch.join()
        return code if self._ended_by is None else self._ended_by

    def stop(self) -> None:
        """End the process, if it is still there."""
        self.process.kill()
        self.process.wait()
        os.close(self.reading)


def _can_fork() -> bool:
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


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
    if not _can_fork():
        return
    alive = _server and _server.owner == os.getpid() and _server.process.poll() is None
    if not alive:
        stop()
        _server = _Server()


def read_workbook(path: Path, kind: str, wall_seconds: float = WALL_SECONDS) -> tuple[Sheet, ...]:
    """Return the sheets of a workbook, parsed in another process."""
    if not _can_fork():
        plain = _Plain(path, kind, wall_seconds)
        try:
            return _collect(plain, plain.reading, path, math.inf)
        finally:
            plain.stop()
    with _lock:
        start()
        server = _server
        assert server is not None  # noqa: S101  (start has just set it)
        try:
            reading = server.ask(path, kind)
        except OSError:
            # it died since the last file; a fresh one gets one chance
            stop()
            start()
            server = _server
            assert server is not None  # noqa: S101
            reading = server.ask(path, kind)
        try:
            return _collect(server, reading, path, wall_seconds)
        finally:
            os.close(reading)
            if not server.idle:
                # a child may still run, and what it says belongs to no later file
                stop()


def _collect(
    server: _Server | _Plain, reading: int, path: Path, seconds: float
) -> tuple[Sheet, ...]:
    sheets: list[Sheet] = []
    head: dict[str, Any] = {}
    rows: dict[int, Row] = {}
    ending: dict[str, Any] = {}
    for message in _messages(reading, path, seconds):
        if "rows" in message:
            for number, kinds, texts in message["rows"]:
                rows[number] = Row(kinds, texts)
        elif "sheet" in message:
            head, rows = message, {}
        elif "end" in message:
            sheets.append(_sheet(head, rows, message))
        else:
            ending = message
    if server.answer("pid", _PATIENCE) is None:
        raise _died(path, None)
    code = server.answer("exit", _PATIENCE)
    if refused := ending.get("refused"):
        raise Refused(path, *refused)
    if "done" in ending and code == 0:
        return tuple(sheets)
    raise _died(path, _MEMORY if "crash" in ending else code)


def _messages(reading: int, path: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield messages until the pipe ends, which is when the child is gone."""
    end = time.monotonic() + seconds
    buffer = bytearray()
    total = 0
    while True:
        left = end - time.monotonic()
        # what is waited for without end is ended by its watch
        if left < math.inf and (left <= 0 or not select.select([reading], [], [], left)[0]):
            raise Refused(
                path, "time", f"reading it took more than {seconds:g} s, which is the limit", _ANEW
            )
        if not (data := os.read(reading, _READ)):
            return
        total += len(data)
        buffer += data
        at = 0
        while len(buffer) - at >= _LENGTH:
            size = int.from_bytes(buffer[at : at + _LENGTH], "big")
            if size > _MAX_MESSAGE or total > _MAX_ANSWER:
                raise Refused(
                    path, "memory", f"its cells take more than {_MAX_ANSWER:,} bytes", _ANEW
                )
            if len(buffer) - at - _LENGTH < size:
                break
            at += _LENGTH + size
            yield json.loads(buffer[at - size : at])
        del buffer[:at]


def _sheet(head: dict[str, Any], rows: dict[int, Row], end: dict[str, Any]) -> Sheet:
    return Sheet(
        name=head["sheet"],
        state=end["state"],
        rows=rows,
        merges=tuple(Span(*merge) for merge in end["merges"]),
        hidden_rows=frozenset(end["hidden_rows"]),
        hidden_columns=frozenset(end["hidden_columns"]),
        formats=tuple(Format(*entry) for entry in end["formats"]),
        marks=tuple(Mark(*mark) for mark in end["marks"]),
    )


def _died(path: Path, code: int | None) -> Refused:
    if code in {_SIGXCPU, _TIME}:
        seen = f"parsing it took more than {CPU_SECONDS} s of computing, which is the limit"
        return Refused(path, "time", seen, _ANEW)
    if code == _MEMORY:
        seen = f"parsing it took more than {ADDRESS_SPACE_BYTES:,} bytes of memory (the limit)"
        return Refused(path, "memory", seen + ", or crashed the parser", _ANEW)
    seen = "the process that parses it ended " + (
        f"with code {code}" if code is not None else "without a word"
    )
    return Refused(path, "crash", seen, _ANEW)
