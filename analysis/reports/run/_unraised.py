"""What fails in a kernel and raises nothing in its cell, as far as Python and IPython tell of it.

IPython answers "ok" for such a cell. Its own commands end with a code; threads, tasks and
finalisers have hooks for errors that nobody took. Each is written to a log as it happens.
"""

import functools
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FILE = "unraised"
"""File in a kernel's folder that takes what failed, a line each: see `Unraised.note`."""

_LONGEST = 500
_COROUTINE = re.compile(r"coro=<([\w.<>]+)\(?")  # future: <Task finished coro=<f() done, …>


class Unraised:
    """Listens to a shell and to what runs beside its cells; a kernel has one."""

    def __init__(self, log: Path, shell: Any) -> None:
        self._log = log
        self._cells = 0  # that were begun
        self._depth = 0  # of cells that a cell runs
        self.is_ending = False
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}  # what a page shows
        self._put_aside: set[str] = set()  # those that print elsewhere, and it is said
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        # it would end the kernel a moment later, in whichever cell runs then
        shell.ask_exit = lambda: self.note("exit()", "does not end a notebook; sys.exit(0) does")
        self._hear_commands()
        replace(threading, "excepthook", self._in_thread)
        replace(sys, "unraisablehook", self._ignored)
        logging.getLogger("asyncio").addFilter(self._of_asyncio)

    def note(self, what: str, how: str) -> None:
        """Write down what failed, how, and in which of the cells that ran, from 1."""
        said = [(text.strip().splitlines() or [""])[0] for text in (what, how)]
        lines = (line.replace(sys.executable, "python")[:_LONGEST] for line in said)
        with self._log.open("a", encoding="ascii") as log:
            log.write(f"{json.dumps([0 if self.is_ending else self._cells, *lines])}\n")

    def _note_error(self, what: str, error: BaseException | None) -> None:
        self.note(what, f"raised {type(error).__name__}: {error}".rstrip(": "))

    # ---- cells ----

    def _begin(self, _: object) -> None:
        self._cells += self._depth == 0
        self._depth += 1

    def _end(self, result: Any) -> None:
        """Fail a cell that leaves nothing to print to; say of one that has prints go elsewhere."""
        self._depth -= 1
        for name, own in self._streams.items() if self._depth == 0 else ():
            now = getattr(sys, name, None)
            if now is None or getattr(now, "closed", False):
                setattr(sys, name, own)  # or the kernel could not say how the cell ended
                result.error_in_exec = OSError(
                    f"sys.{name} is gone or closed after this cell. contextlib.redirect_{name} "
                    "sends what is printed elsewhere, and puts the stream back."
                )
            elif now is not own and name not in self._put_aside:
                self._put_aside.add(name)
                self.note(
                    f"sys.{name}",
                    f"was replaced, and what is printed to it is on no page from then on; "
                    f"contextlib.redirect_{name} puts it back",
                )

    # ---- what is listened to ----

    def _hear_commands(self) -> None:
        """Learn the exit code of each command that IPython hands to the system's shell."""
        from IPython.utils.encoding import DEFAULT_ENCODING
        from IPython.utils.process import process_handler

        def ended(command: str, code: int | None) -> None:
            if code:
                how = f"ended with exit code {code}" if code > 0 else f"died of signal {-code}"
                self.note(f"!{command}", how)

        def system(run: Any, command: str) -> Any:
            code = run(command)
            ended(command, code)
            return code

        def getoutput(command: str) -> str:
            def communicate(process: "subprocess.Popen[bytes]") -> tuple[bytes, int]:
                return process.communicate()[0], process.returncode

            written, code = process_handler(command, communicate, subprocess.STDOUT) or (b"", 130)
            ended(command, code)
            return str(written.decode(DEFAULT_ENCODING, "replace"))

        # as these two hand a command over, so that what they expand in it stays as it is
        caught: Any = sys.modules["IPython.core.interactiveshell"]
        caught.getoutput = getoutput
        replace(sys.modules["ipykernel.zmqshell"], "system", system)

    def _in_thread(self, of_thread: Any, seen: threading.ExceptHookArgs) -> None:
        # one that goes on while the kernel ends loses the names that it uses
        is_cut_off = self.is_ending and seen.thread is not None and seen.thread.daemon
        if seen.exc_type is not SystemExit and not is_cut_off:
            name = seen.thread.name if seen.thread else "one that is gone"
            self._note_error(f"the thread {name}", seen.exc_value)
        of_thread(seen)

    def _ignored(self, unraisable: Any, seen: "sys.UnraisableHookArgs") -> None:
        """Learn of what Python can only print: errors in ``__del__``, and at the exit."""
        name = getattr(seen.object, "__qualname__", type(seen.object).__name__)
        self._note_error(name, seen.exc_value)
        unraisable(seen)

    def _of_asyncio(self, record: logging.LogRecord) -> bool:
        """Learn of a task whose error nobody took; say nothing of the kernel's own end."""
        if record.exc_info and record.exc_info[1] is not None:
            name = _COROUTINE.search(record.getMessage())
            self._note_error(f"the task {name[1]}" if name else "a callback", record.exc_info[1])
        return not self.is_ending


def replace(owner: Any, name: str, heard: Callable[..., Any]) -> None:
    """Put in the place of a function one that is handed it, and what it is called with."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def outer(*given: Any, **named: Any) -> Any:
        __tracebackhide__ = True  # of IPython's tracebacks
        return heard(inner, *given, **named)

    setattr(owner, name, outer)


def read(log: Path) -> Iterator[tuple[int, str, str]]:
    """Yield what was noted: the number of the cell among those that ran, what failed, and how."""
    for line in log.read_text("ascii").splitlines() if log.exists() else ():
        cell, what, how = json.loads(line)
        yield cell, what, how
