"""The process that parses workbooks: ``python -m analysis.clean.workbook.child``.

It imports the parsers once and then forks a fresh child for each file. The child may use so much
memory and so much time and writes nothing but messages into the pipe it was given; whatever a
file does to it, the next file meets a clean one.

Requests come over the Unix socket on standard input: one JSON object with the file's path, format
and limits, and the write end of a pipe. The answers on the socket are ``{"pid": …}`` when the child
starts and ``{"exit": …}`` when it is gone. Messages in the pipe are JSON behind their length.

Where nothing can be forked, or a pipe cannot be passed, a process is started for each file: it
reads its request from standard input, and its messages go to standard output.
"""

import importlib
import json
import os
import signal
import socket
import stat
import sys
from contextlib import suppress
from typing import Any, NoReturn

from analysis.clean.workbook.limits import Unreadable

try:
    import resource
except ImportError:  # on Windows; `parent` watches time and memory there
    resource = None  # type: ignore[assignment]

LENGTH = 4
"""Bytes of a message's length, big-endian."""

# openpyxl uses these when they are there; here they only cost a quarter of a second and memory.
_NOT_NEEDED = ("numpy", "PIL", "pandas", "lxml")


def serve(channel: socket.socket) -> None:
    """Answer requests until the parent is gone."""
    _do_without()
    for name in ("openpyxl.reader.excel", "openpyxl.styles.stylesheet", "xlrd"):
        importlib.import_module(name)
    for name in ("xlsx", "xls", "markup"):
        importlib.import_module(f"analysis.clean.workbook.{name}")

    while True:
        request, pipes, _, _ = socket.recv_fds(channel, 65_536, 1)
        if not request or not pipes:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _parse(json.loads(request), pipes[0])
        os.close(pipes[0])
        _tell(channel, {"pid": pid})
        _, status = os.waitpid(pid, 0)
        _tell(channel, {"exit": os.waitstatus_to_exitcode(status)})


def _do_without() -> None:
    for name in _NOT_NEEDED:
        sys.modules[name] = None  # type: ignore[assignment]


def _tell(channel: socket.socket, message: dict[str, int]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _limit(name: int, value: int) -> None:
    # macOS knows no limit of address space; the others hold there
    with suppress(ValueError, OSError):
        resource.setrlimit(name, (value, value))


def _parse(request: dict[str, Any], pipe: int) -> NoReturn:
    """Parse one file under limits and leave without cleaning up."""
    if resource is not None:
        _limit(resource.RLIMIT_AS, request["memory"])
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"] + 1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 1
    try:
        _send(pipe, _outcome(request, pipe))
        code = 0
    except BaseException:  # noqa: BLE001, S110  (there is nobody to tell; the exit code says it)
        pass
    os._exit(code)


def _outcome(request: dict[str, Any], pipe: int) -> dict[str, Any]:
    from analysis.clean.workbook import markup, xls, xlsx  # noqa: PLC0415

    readers = {"xlsx": xlsx.send_xlsx, "xls": xls.send_xls, **markup.READERS}
    parse = readers[request["format"]]
    try:
        parse(request["path"], lambda message: _send(pipe, message))
    except Unreadable as error:
        return {"refused": [error.code, error.seen, error.advice]}
    except (MemoryError, RecursionError) as error:
        return {"crash": type(error).__name__}
    return {"done": True}


def _send(pipe: int, message: dict[str, Any]) -> None:
    # a lone surrogate cannot be written as UTF-8; it arrives as a question mark
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    left = memoryview(len(body).to_bytes(LENGTH, "big") + body)
    while left:
        left = left[os.write(pipe, left) :]


if __name__ == "__main__":
    if stat.S_ISSOCK(os.fstat(0).st_mode):
        serve(socket.socket(fileno=0))
    else:
        _do_without()
        _parse(json.loads(sys.stdin.read()), pipe=1)
