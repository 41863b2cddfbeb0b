"""The process that parses workbooks: ``python -m analysis.clean.workbook.child``.

It imports the parsers once and then forks a fresh child for each file. The child may use so much
memory and so much time and writes nothing but messages; whatever a file does to it, the next file
meets a clean one. Where nothing can be forked, a process is started for each file.

A request is a line of JSON on standard input: the file's path, format and limits. Messages about
it go to standard output, as JSON behind their length; the last one says ``done``, ``refused`` or
``crash``. A process that cannot say it ends with its child's code, a signal as 128 and its number.
"""

import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from analysis.clean.workbook.limits import Unreadable

try:
    import resource
except ImportError:  # on Windows; `parent` watches time and memory there
    resource = None  # type: ignore[assignment]

LENGTH = 4
"""Bytes of a message's length, big-endian."""

BY_SIGNAL = 128
"""What is added to the number of the signal that ended a child."""

# openpyxl uses these when they are there; here they only cost a quarter of a second and memory.
_NOT_NEEDED = ("numpy", "PIL", "pandas", "lxml")


def serve() -> None:
    """Answer requests until the parent is gone."""
    sys.modules |= dict.fromkeys(_NOT_NEEDED)  # type: ignore[arg-type]
    for name in ("openpyxl.reader.excel", "openpyxl.styles.stylesheet", "xlrd"):
        importlib.import_module(name)
    for name in ("xlsx", "xls", "markup"):
        importlib.import_module(f"analysis.clean.workbook.{name}")

    for line in sys.stdin.buffer:
        request = json.loads(line)
        if not request["fork"]:
            sys.exit(_parse(request))
        pid = os.fork()
        if pid == 0:
            os.close(0)
            os._exit(_parse(request))
        _, status = os.waitpid(pid, 0)
        if code := os.waitstatus_to_exitcode(status):
            sys.exit(code if code > 0 else BY_SIGNAL - code)


def _limit(name: int, value: int, hard: int | None = None) -> None:
    # macOS knows no limit of address space; the others hold there
    with suppress(ValueError, OSError):
        resource.setrlimit(name, (value, value if hard is None else hard))


def _parse(request: dict[str, Any]) -> int:
    """Parse one file under limits, and return the code with which to leave without cleaning up."""
    if resource is not None:
        _limit(resource.RLIMIT_AS, request["memory"])
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_CPU, request["seconds"], request["seconds"] + 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _send(_outcome(request))
    except BaseException:  # noqa: BLE001  (there is nobody to tell; the exit code says it)
        return 1
    return 0


def _outcome(request: dict[str, Any]) -> dict[str, Any]:
    from analysis.clean.workbook import markup, xls, xlsx  # noqa: PLC0415

    readers = {"xlsx": xlsx.send_xlsx, "xls": xls.send_xls, **markup.READERS}
    parse = readers[request["format"]]
    try:
        parse(request["path"], _send)
    except Unreadable as error:
        return {"refused": [error.code, error.seen, error.advice]}
    except (MemoryError, RecursionError) as error:
        return {"crash": type(error).__name__}
    return {"done": True}


def _send(message: dict[str, Any]) -> None:
    # a lone surrogate cannot be written as UTF-8; it arrives as a question mark
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    left = memoryview(len(body).to_bytes(LENGTH, "big") + body)
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    serve()
