"""What fails in a kernel and raises nothing in its cell, as far as Python and IPython tell of it.

IPython answers "ok" for such a cell. Its own commands and scripts end with a code, bash traps what
fails in it (a plain `sh` cannot), threads, tasks and finalisers have hooks for errors that nobody
took, and a job of a pool keeps its error for whoever asks. Each is written to a log as it happens,
and at the kernel's end what still runs.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.thread import _threads_queues
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

FILE = "unraised"
"""File in a kernel's folder that takes what failed, a line each: see `Unraised.note`."""

_LONGEST = 500
_NOT_ENDED = "had not ended when the notebook did"
_LIBRARIES = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})
_HELPERS = ("resource_tracker", "forkserver", "popen_loky")  # of multiprocessing and joblib
_COROUTINE = re.compile(r"coro=<([\w.<>]+)\(?")  # future: <Task finished coro=<f() done, …>
_TRAP = Path(__file__).with_name("trap.sh")


class Unraised:
    """Listens to a shell and to what runs beside its cells; a kernel has one."""

    def __init__(self, log: Path, shell: Any) -> None:
        self._log = log
        self._cells = 0  # that were begun
        self._depth = 0  # of cells that a cell runs
        self._processes: list[tuple[int, BaseProcess]] = []
        self._scripts: list[tuple[int, str, asyncio.subprocess.Process]] = []
        self._untaken: dict[Future[Any], int] = {}  # that failed, with their cells
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_ending = False
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}  # what a page shows
        self._put_aside: set[str] = set()  # those that print elsewhere, and it is said
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        # it would end the kernel a moment later, in whichever cell runs then
        shell.ask_exit = lambda: self.note("exit()", "does not end a notebook; sys.exit(0) does")
        self._hear_commands()
        self._hear_scripts(shell)
        self._hear_python()

    def note(self, what: str, how: str, cell: int | None = None) -> None:
        """Write down what failed, how, and in which of the cells that ran, from 1."""
        if cell is None:
            cell = 0 if self.is_ending else self._cells
        said = [(text.strip().splitlines() or [""])[0] for text in (what, how)]
        content = [cell, *(line.replace(sys.executable, "python")[:_LONGEST] for line in said)]
        with self._log.open("a", encoding="ascii") as log:
            log.write(f"{json.dumps(content)}\n")

    def _note_error(self, what: str, error: BaseException | None, cell: int | None = None) -> None:
        self.note(what, f"raised {type(error).__name__}: {error}".rstrip(": "), cell)

    def _exited(self, what: str, code: int | None, cell: int | None = None) -> None:
        if code:
            how = f"ended with exit code {code}" if code > 0 else f"died of signal {-code}"
            self.note(what, how, cell)

    def note_what_is_left(self) -> None:
        """Write down what nobody has waited for, now that no cell runs any more."""
        for task in asyncio.all_tasks(self._loop) if self._loop else ():
            code = getattr(task.get_coro(), "cr_code", None)
            if code and not code.co_filename.startswith(_LIBRARIES):
                name = code.co_qualname
                self.note(f"the task {name}", _NOT_ENDED)
        for thread in threading.enumerate():
            # Python waits for such a one for ever, and knows that a pool's may be idle
            is_waited_for = not thread.daemon and thread not in _threads_queues
            if is_waited_for and thread is not threading.main_thread():
                self.note(f"the thread {thread.name}", _NOT_ENDED)
        for future, cell in self._untaken.copy().items():
            self._note_error("a job whose result nobody took", future.exception(0), cell)
        self._note_processes()

    def _note_processes(self) -> None:
        import psutil

        for cell, command, script in self._scripts:
            if not self._trapped(cell).exists():  # or bash has named what failed
                self._exited(command, script.returncode, cell)
        known = set()
        for cell, process in self._processes:
            with contextlib.suppress(ValueError):  # it was closed
                known.add(process.pid)
                if not process.daemon:  # Python ends such a one itself, as that of a pool
                    self._exited(f"the process {process.name}", process.exitcode, cell)
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                command = shlex.join(child.cmdline())  # nothing, of one that has ended
                is_helper = any(name in command for name in _HELPERS)
                if command and child.pid not in known and not is_helper:
                    self.note(f"the command {command}", _NOT_ENDED)

    # ---- cells ----

    def _begin(self, _: object) -> None:
        if self._depth == 0:
            self._cells += 1
            self._loop = asyncio.get_running_loop()
        self._depth += 1

    def _end(self, result: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._keep_streams(result)

    def _keep_streams(self, result: Any) -> None:
        """Fail a cell that leaves nothing to print to; say of one that has prints go elsewhere."""
        for name, own in self._streams.items():
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

        # as these two hand a command over, so that what they expand in it stays as it is
        piped: Any = sys.modules["ipykernel.zmqshell"]
        caught: Any = sys.modules["IPython.core.interactiveshell"]

        def system(run: Any, command: str) -> Any:
            code = run(command)
            self._exited(f"!{command}", code)
            return code

        def getoutput(command: str) -> str:
            def communicate(process: "subprocess.Popen[bytes]") -> tuple[bytes, int]:
                return process.communicate()[0], process.returncode

            written, code = process_handler(command, communicate, subprocess.STDOUT) or (b"", 130)
            self._exited(f"!{command}", code)
            return str(written.decode(DEFAULT_ENCODING, "replace"))

        replace(piped, "system", system)
        caught.getoutput = getoutput

    def _hear_scripts(self, shell: Any) -> None:
        """Learn how programs end that take a cell, and which commands fail in one of bash.

        The code of bash is that of its last command.
        """
        magics = shell.magics_manager.registry["ScriptMagics"]

        async def begin(start: Any, *command: Any, **given: Any) -> Any:
            if asyncio.get_running_loop() is not magics.event_loop:
                return await start(*command, **given)  # the notebook's own, which asks for the code
            cell, said = self._cells, f"%%script {shlex.join(command)}"
            if any(Path(word).name == "bash" for word in command):
                trap = {"BASH_ENV": str(_TRAP), "LIANJIAN_TRAP": str(self._trapped(cell))}
                given["env"] = os.environ | trap
            try:
                script = await start(*command, **given)
            except OSError as error:  # IPython prints that there is no such program
                self._note_error(said, error)
                raise
            self._scripts.append((cell, said, script))
            return script

        replace(asyncio, "create_subprocess_exec", begin)

    def _trapped(self, cell: int) -> Path:
        """Return the file in which bash names the commands of a cell that failed."""
        return Path(f"{self._log}-{cell}")

    def _hear_python(self) -> None:
        """Learn of errors that Python can only print: in threads, in `__del__`, at the exit."""

        def in_thread(of_thread: Any, seen: threading.ExceptHookArgs) -> None:
            # one that goes on while the kernel ends loses the names that it uses
            is_cut_off = self.is_ending and seen.thread is not None and seen.thread.daemon
            if seen.exc_type is not SystemExit and not is_cut_off:
                name = seen.thread.name if seen.thread else "one that is gone"
                self._note_error(f"the thread {name}", seen.exc_value)
            of_thread(seen)

        def ignored(unraisable: Any, seen: "sys.UnraisableHookArgs") -> None:
            name = getattr(seen.object, "__qualname__", type(seen.object).__name__)
            self._note_error(name, seen.exc_value)
            unraisable(seen)

        def begin(start: Any, process: BaseProcess) -> None:
            start(process)
            self._processes.append((self._cells, process))

        def fail(put: Any, future: Future[Any], error: BaseException | None) -> None:
            self._untaken[future] = self._cells
            put(future, error)

        def take(ask: Any, future: Future[Any], *given: Any, **named: Any) -> Any:
            try:
                return ask(future, *given, **named)
            finally:
                self._untaken.pop(future, None)

        replace(Future, "set_exception", fail)
        replace(Future, "result", take)
        replace(Future, "exception", take)
        replace(threading, "excepthook", in_thread)
        replace(sys, "unraisablehook", ignored)
        replace(BaseProcess, "start", begin)
        logging.getLogger("asyncio").addFilter(self._of_asyncio)

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
    for script in sorted(log.parent.glob(f"{log.name}-*")):
        lines = script.read_text("utf-8", "replace").splitlines()
        for line in dict.fromkeys(lines):  # a loop repeats itself
            code, _, command = line.partition("\t")
            if code.isdecimal():
                cell = int(script.name.rpartition("-")[2])
                yield cell, f"%%bash: {command[:_LONGEST]}", f"ended with exit code {code}"
