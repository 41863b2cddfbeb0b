"""What fails in a kernel and raises nothing in its cell: commands, magics, threads, tasks.

IPython answers "ok" for such a cell. What failed is written to a log as it happens, and at the end
of the kernel what nobody has waited for.
"""

# ruff: noqa: ANN401  (what passes through here can be anything)

import asyncio
import contextlib
import dis
import functools
import inspect
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import tomllib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.thread import _threads_queues
from contextvars import ContextVar
from dataclasses import dataclass
from multiprocessing import pool
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakSet

FILE = "unraised"
"""File in a kernel's folder that takes what failed, a line each: see `Unraised.note`."""

_LONGEST = 500
_NOT_ENDED = "had not ended when the notebook did"
_MAGICS = tomllib.loads(Path(__file__).with_name(f"{FILE}.toml").read_text("utf-8"))
_cell: ContextVar[int] = ContextVar("cell", default=0)  # in which code runs, and what it begins
_OURS = str(Path(__file__).parents[2])  # which looks after the programs that it starts
_LIBRARIES = (_OURS, *{sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})
_OS = os.popen.__code__.co_filename  # "<frozen os>"
_KEEPERS = str(Path(asyncio.__file__).parent)  # which hand codes on
_ENDS = ("send_signal", "terminate", "kill")
_LOOKS = {"__repr__", "check_returncode"}  # methods that look at a code for their caller
_TRAPS = [" ".join(trap.split()) for trap in _MAGICS["traps"].values()]
_SEVERAL = re.compile(r"[;|\n]")  # commands, of which a shell tells the last one's code
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")
# what code does between it calls what it awaits, and has the answer
_AWAITS = {"SEND", "YIELD_VALUE", "RESUME", "JUMP_BACKWARD_NO_INTERRUPT", "END_SEND"}
_FAILURE = re.compile(r"(\d+)\t(.+)")  # what a script writes: exit code, tab, command
_COROUTINE = re.compile(r"coro=<([\w.<>]+)\(?")  # future: <Task finished coro=<f() done, …>


class Unraised:
    """Listens to a shell and to what runs beside its cells; a kernel has one."""

    def __init__(self, log: Path, shell: Any) -> None:
        self._log = log
        self._cells = 0  # that were begun
        self._depth = 0  # of cells that a cell runs
        self._said = ""  # the magic that runs now, as it was written
        self._tasks: dict[int, int] = {}  # by the id of a task, the cell that began it
        self._calls: dict[Any, tuple[int, BaseException]] = {}  # whose error nobody has taken
        self._processes: list[tuple[int, str, Any]] = []
        self._programs: list[_Program] = []  # that the notebook started
        self._spawns: list[tuple[int, str, int]] = []  # by their numbers, for whoever waits
        self._popen: WeakSet[Any] = WeakSet()  # of these, what runs beside its cell
        self._scripts: list[tuple[int, str, Path]] = []  # of bash, with the commands that failed
        self._failing: int | None = None  # the cell that began the task whose error is told now
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_ending = False
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}  # what a page shows
        self._put_aside: set[str] = set()  # those that print elsewhere, and it is said
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        # it would end the kernel a moment later, in whichever cell runs then
        shell.ask_exit = lambda: self.note("exit()", "does not end a notebook; sys.exit(0) does")
        self._hear_magics(shell)
        self._hear_commands()
        self._hear_programs()
        self._hear_python()
        self._hear_processes()
        self._hear_calls()

    def note(self, what: str, how: str, cell: int | None = None) -> None:
        """Write down what failed, how, and in which of the cells that ran, from 1."""
        if cell is None:
            cell = 0 if self.is_ending else self._cells
        said = [(text.strip().splitlines() or [""])[0] for text in (what, how)]
        content = [cell, *(line.replace(sys.executable, "python")[:_LONGEST] for line in said)]
        with self._log.open("a", encoding="ascii") as log:
            log.write(f"{json.dumps(content)}\n")

    def note_error(self, what: str, error: BaseException | None, cell: int | None = None) -> None:
        """Write down that something raised an error which nobody met."""
        self.note(what, f"raised {type(error).__name__}: {error}".rstrip(": "), cell)

    def note_what_is_left(self) -> None:
        """Write down what nobody has waited for, now that no cell runs any more."""
        pending = asyncio.all_tasks(self._loop) if self._loop else ()
        for task in pending:
            if cell := self._tasks.get(id(task)):
                name = getattr(task.get_coro(), "__qualname__", task.get_name())
                self.note(f"the task {name}", _NOT_ENDED, cell)
        for thread in threading.enumerate():
            # Python waits for such a one for ever, and knows that a pool's may be idle
            is_waited_for = not thread.daemon and thread not in _threads_queues
            if is_waited_for and thread is not threading.main_thread():
                self.note(f"the thread {thread.name}", _NOT_ENDED)
        for cell, error in self._calls.values():
            self.note_error("a call in a pool", error, cell)
        self._note_programs()
        self._note_scripts()

    def _note_programs(self) -> None:
        for process in tuple(self._popen):
            if process.poll() is None:
                self.note(process.program.what, _NOT_ENDED, process.program.cell)
        for program in self._programs:
            self._exited(program.what, 0 if program.is_known else program.code, program.cell)
        for cell, what, number in self._spawns:
            with contextlib.suppress(ChildProcessError):  # somebody has waited for it
                _, status = os.waitpid(number, os.WNOHANG)
                self._exited(what, os.waitstatus_to_exitcode(status), cell)

    def _note_scripts(self) -> None:
        for cell, what, failures in self._scripts:
            lines = failures.read_text("utf-8", "replace").splitlines()
            for line in dict.fromkeys(lines):
                if found := _FAILURE.fullmatch(line):
                    self._exited(f"{what}: {found[2]}", int(found[1]), cell)
        for cell, what, process in self._processes:
            with contextlib.suppress(ValueError):  # it was closed
                is_python = isinstance(process, BaseProcess)
                if is_python and process.daemon:
                    continue  # Python ends it itself, as that of a pool
                code = process.exitcode if is_python else process.returncode
                self._exited(what, code, cell)
                if code is None:
                    self.note(what, _NOT_ENDED, cell)

    # ---- cells ----

    def _begin(self, _: object) -> None:
        if self._depth == 0:
            self._cells += 1
            _cell.set(self._cells)
            self._hear_tasks()
        self._depth += 1

    def _end(self, result: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._keep_streams(result)
            _cell.set(0)

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

    # ---- commands and magics ----

    def _exited(self, what: str, code: int | None, cell: int | None = None) -> None:
        if code:
            how = f"ended with exit code {code}" if code > 0 else f"died of signal {-code}"
            self.note(what, how, cell)

    def _hear_commands(self) -> None:
        """Learn the exit code of each command that IPython hands to the system's shell."""
        from IPython.utils.encoding import DEFAULT_ENCODING  # noqa: PLC0415
        from IPython.utils.process import process_handler  # noqa: PLC0415

        # as these two hand a command over, so that what they expand in it stays as it is
        piped: Any = sys.modules["ipykernel.zmqshell"]
        caught: Any = sys.modules["IPython.core.interactiveshell"]

        def system(run: Any, command: str) -> Any:
            script, ended = self._heard(command)
            code = run(_with_sigpipe(script) if _PIPE.search(command) else script)
            ended(code)
            return code

        def getoutput(command: str) -> str:
            def communicate(process: "subprocess.Popen[bytes]") -> tuple[bytes, int]:
                return process.communicate()[0], process.returncode

            script, ended = self._heard(command)
            done = process_handler(script, communicate, subprocess.STDOUT) or (b"", 130)
            ended(done[1])
            return str(done[0].decode(DEFAULT_ENCODING, "replace"))

        # cron names the plainest of shells; a line means by night what it means by day
        if os.name == "posix" and Path(os.environ.get("SHELL", "sh")).name == "sh":
            os.environ["SHELL"] = shutil.which("bash") or "sh"
        replace(piped, "system", system)
        caught.getoutput = getoutput

    def _heard(self, command: str) -> tuple[str, Callable[[int | None], None]]:
        """Give a command as a shell is handed it, and a verb for what it ended with."""
        what, failures = self._said or f"!{command}", None
        if _SEVERAL.search(command):
            command, failures = self._trapped(what, command, os.environ.get("SHELL", "sh"))

        def ended(code: int | None) -> None:
            if failures is None or not failures.stat().st_size:
                self._exited(what, code)

        return command, ended

    def _hear_programs(self) -> None:
        """Keep what programs end with that the notebook starts, until it looks at it."""
        process, awaited = subprocess.Popen, asyncio.subprocess.Process
        # each with the file in whose code the notebook's call of it may stand
        for kind, file in (
            (subprocess.CompletedProcess, subprocess.__file__),
            (process, _OS),
            (awaited, asyncio.subprocess.__file__),
        ):
            kind.returncode = _Code()  # type: ignore[method-assign]
            replace(kind, "__init__", functools.partial(self._begun, file))
        for kind, name in ((process, "wait"), (process, "poll"), (awaited, "wait")):
            replace(kind, name, _asked)
        for kind, names in ((process, ["send_signal"]), (awaited, _ENDS)):
            for name in names:
                replace(kind, name, _ended)
        to_code = os.waitstatus_to_exitcode if os.name == "posix" else int
        replace(os, "system", functools.partial(self._dropped, to_code))
        replace(subprocess, "call", functools.partial(self._dropped, int))
        with_code = subprocess.getstatusoutput

        def getoutput(_: Any, command: Any, **how: Any) -> str:
            code, written = with_code(command, **how)
            if _is_notebooks(_caller(_caller(inspect.currentframe()))):
                self._exited(_command(command), code)
            return written

        replace(subprocess, "getoutput", getoutput)
        for name in ("spawnv", "spawnve", "spawnvp", "spawnvpe", "posix_spawn", "posix_spawnp"):
            if hasattr(os, name):
                replace(os, name, self._spawned)

    def _begun(
        self, file: str, begin: Any, process: Any, args: Any, *how: Any, **named: Any
    ) -> None:
        """Keep a program that the notebook starts, in its cell or beside it."""
        awaits = isinstance(process, asyncio.subprocess.Process)
        known = args.get_extra_info("subprocess").program if awaits else None
        process.program = known or _Program(_command(args), self._cells)
        if _is_notebooks(_above(_caller(inspect.currentframe()), file)):
            self._programs.append(process.program)
            if isinstance(process, subprocess.Popen):
                self._popen.add(process)
        begin(process, args, *how, **named)

    def _dropped(
        self, to_code: Callable[[int], int], run: Any, command: Any, *how: Any, **named: Any
    ) -> int:
        """Note what a command ended with where the code that ran it drops the answer."""
        answer = int(run(command, *how, **named))
        caller = _caller(_caller(inspect.currentframe()))
        if answer and _is_notebooks(caller) and _drops(caller):
            self._exited(_command(command), to_code(answer))
        return answer

    def _spawned(self, spawn: Callable[..., int], *given: Any, **named: Any) -> int:
        """Keep which process was started, or note what it ended with if nobody looks at that."""
        answer = spawn(*given, **named)
        frame = _above(_caller(inspect.currentframe()), _OS)
        if not _is_notebooks(frame):
            return answer
        is_posix = isinstance(given[0], str | bytes | os.PathLike)
        what = _command(given[1 if is_posix else 2])
        if is_posix or given[0] != os.P_WAIT:
            self._spawns.append((self._cells, what, answer))
        elif _drops(frame):
            self._exited(what, answer)
        return answer

    def _hear_magics(self, shell: Any) -> None:
        """Read what magics print that raise nothing where they fail."""
        said = _MAGICS["said"]
        for name in {*said, *_MAGICS["commands"]}:
            self._hear(shell, "line", name, said.get(name, r"(?!)"))  # matches nothing
        for name in _MAGICS["scripts"]:
            self._hear(shell, "cell", name, said["script"])
        if scripts := shell.magics_manager.registry.get("ScriptMagics"):
            # or one in the background that ends at once is struck off before it is heard
            scripts._gc_bg_processes = lambda: None  # noqa: SLF001

    def _hear(self, shell: Any, kind: str, name: str, pattern: str) -> None:
        """Overhear a magic each time that it runs."""
        magic = shell.find_magic(name, kind)

        def heard(line: str, *cell: str) -> Any:
            shells = {"bash", "dash", "sh", "zsh"} & {name, *map(os.path.basename, line.split())}
            if cell and shells:
                cell = self._trapped(f"%%{name} {line}".strip(), cell[0], shells.pop())[:1]
            before, self._said = self._said, self._said or f"{sign}{name} {line}".strip()
            out, err = _Ear(sys.stdout), _Ear(sys.stderr)
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    return magic(line, *cell)
            finally:
                said = f"{out.heard}\n{err.heard}".splitlines()
                for words in [text for text in said if re.search(pattern, text)][:1]:
                    self.note(self._said, f"said: {words}")
                self._keep_background(shell, self._said)
                self._said = before

        sign = "%%" if kind == "cell" else "%"
        if magic is not None:
            shell.magics_manager.magics[kind][name] = heard

    def _trapped(self, what: str, script: str, shell: str) -> tuple[str, Path | None]:
        """Let a script say which of its commands fail, for it ends with the last one's code."""
        shell = Path(shutil.which(shell) or shell).resolve().name
        if shell != "bash":
            if _SEVERAL.search(script.strip()) or "--no-raise-error" in what:
                self.note(
                    what, f"hides what fails: {shell} tells at most how its last command ended"
                )
            return script, None
        failures = self._log.with_name(f"{self._log.name}-{len(self._scripts)}")
        failures.touch()
        self._scripts.append((self._cells, what, failures))
        # on the script's first line, so that the numbers of its lines stay
        traps = " ".join(_TRAPS if _PIPE.search(script) else _TRAPS[:1])
        return f"{traps.replace('FILE', shlex.quote(str(failures)))} {script}", failures

    def _keep_background(self, shell: Any, what: str) -> None:
        """Remember what a script has started in the background."""
        scripts = shell.magics_manager.registry.get("ScriptMagics")
        kept = [process for _, _, process in self._processes]
        for process in scripts.bg_processes if scripts else ():
            if process not in kept:
                self._processes.append((self._cells, what, process))

    # ---- Python ----

    def _hear_python(self) -> None:
        """Learn of errors that Python can only print: in threads, in `__del__`, at the exit."""

        def in_thread(of_thread: Any, seen: threading.ExceptHookArgs) -> None:
            # one that goes on while the kernel ends loses the names that it uses
            is_cut_off = self.is_ending and seen.thread is not None and seen.thread.daemon
            if seen.exc_type is not SystemExit and not is_cut_off:
                name = seen.thread.name if seen.thread else "one that is gone"
                self.note_error(f"the thread {name}", seen.exc_value)
            of_thread(seen)

        def ignored(unraisable: Any, seen: "sys.UnraisableHookArgs") -> None:
            name = getattr(seen.object, "__qualname__", type(seen.object).__name__)
            self.note_error(name, seen.exc_value)
            unraisable(seen)

        def never_awaited(unawaited: Any, coroutine: Any) -> None:
            frame = getattr(coroutine, "cr_frame", None)
            if frame is None or not frame.f_globals["__name__"].startswith("ipykernel."):
                self.note(f"{coroutine.__qualname__}()", "was never awaited")
            unawaited(coroutine)

        replace(threading, "excepthook", in_thread)
        replace(sys, "unraisablehook", ignored)
        replace(warnings, "_warn_unawaited_coroutine", never_awaited)
        logging.getLogger("asyncio").addFilter(self._of_asyncio)

    def _of_asyncio(self, record: logging.LogRecord) -> bool:
        """Learn of a task whose error nobody took; say nothing of the kernel's own end."""
        if record.exc_info and record.exc_info[1] is not None:
            name = _COROUTINE.search(record.getMessage())
            what = f"the task {name[1]}" if name else "a callback"
            self.note_error(what, record.exc_info[1], self._failing)
        return not self.is_ending

    def _hear_tasks(self) -> None:
        """Remember which cell began each task of the kernel's loop."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self._loop = loop
        given = loop.get_task_factory()

        def begin(loop: asyncio.AbstractEventLoop, coroutine: Any, **how: Any) -> Any:
            make: Any = given or (lambda loop, *what, **how: asyncio.Task(*what, loop=loop, **how))
            task = make(loop, coroutine, **how)
            self._tasks[id(task)] = _cell.get()
            return task

        def of_cell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            self._failing = self._tasks.get(id(context.get("task", context.get("future"))))
            loop.default_exception_handler(context)  # which logs it
            self._failing = None

        loop.set_task_factory(begin)
        loop.set_exception_handler(of_cell)

    def _hear_processes(self) -> None:
        def begin(start: Any, process: BaseProcess) -> None:
            start(process)
            self._processes.append((self._cells, f"the process {process.name}", process))

        replace(BaseProcess, "start", begin)

    def _hear_calls(self) -> None:
        """Remember calls in pools that failed, until somebody asks for what came of them."""

        def failing(error_of: Callable[..., Any]) -> Callable[..., None]:
            def ended(end: Any, call: Any, *how: Any) -> None:
                error = error_of(*how)
                cell = getattr(call, "cell", self._cells)
                if error is not None and cell:  # not of the kernel's own start
                    self._calls[call] = cell, error
                end(call, *how)

            return ended

        def begun(begin: Any, call: Any) -> None:
            begin(call)
            call.cell = self._cells  # 0 for what the kernel itself calls, whenever that fails

        def asked(answer: Any, call: Any, *how: Any, **named: Any) -> Any:
            __tracebackhide__ = True  # of IPython's tracebacks
            try:
                return answer(call, *how, **named)
            finally:
                if call.done() if isinstance(call, Future) else call.ready():
                    self._calls.pop(call, None)

        for kind in (pool.ApplyResult, pool.MapResult):
            replace(kind, "_set", failing(lambda _, told: None if told[0] else told[1]))
        replace(Future, "__init__", begun)
        replace(Future, "set_exception", failing(lambda error: error))
        for ask in ("get", "successful"):
            replace(pool.ApplyResult, ask, asked)
        for ask in ("result", "exception"):
            replace(Future, ask, asked)


@dataclass
class _Program:
    """A program that a notebook started, and what it ended with."""

    what: str
    cell: int
    code: int | None = None
    is_known: bool = False  # the notebook has looked at the code


class _Code:
    """The exit code of a program, which knows when the notebook looks at it."""

    def __get__(self, process: Any, _: type) -> Any:
        held = vars(process)
        if "program" not in held:
            return held["returncode"]  # another process has sent it
        reader = _caller(inspect.currentframe())
        file, name = (reader.f_code.co_filename, reader.f_code.co_name) if reader else ("", "")
        is_keeper = file == subprocess.__file__ or file.startswith(_KEEPERS)
        held["program"].is_known |= not is_keeper or name in _LOOKS
        return held["program"].code

    def __set__(self, process: Any, code: int | None) -> None:
        process.program.code = vars(process)["returncode"] = code


def _asked(ask: Any, process: Any, *how: Any, **named: Any) -> Any:
    """Ask a program for its code, and know whether the notebook takes the answer."""
    answer = ask(process, *how, **named)
    frame = _above(_caller(inspect.currentframe()), _OS)
    process.program.is_known |= _is_notebooks(frame) and not _drops(frame)
    return answer


def _ended(end: Any, process: Any, *how: Any) -> None:
    process.program.is_known = True  # whoever ends it knows how it ends
    end(process, *how)


def _with_sigpipe(script: str) -> str:
    """Let what writes to a pipe end with its reader, as in a terminal: Python ignores SIGPIPE."""
    code = (
        "import os, signal, sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL); "
        "os.execvp(sys.argv[1], [sys.argv[1], '-c', sys.argv[2]])"
    )
    shell = os.environ.get("SHELL", "sh")
    return f"exec {shlex.join([sys.executable, '-IS', '-c', code, shell, script])}"


def replace(owner: Any, name: str, heard: Callable[..., Any]) -> None:
    """Put in the place of a function one that is handed it, and what it is called with."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def outer(*given: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        return heard(inner, *given, **named)

    setattr(owner, name, outer)


def _caller(frame: FrameType | None) -> FrameType | None:
    return frame.f_back if frame else None


def _above(frame: FrameType | None, file: str) -> FrameType | None:
    """Return what called the code that is at work, but for what of the call stands in a file."""
    above = _caller(frame)
    while above is not None and above.f_code.co_filename == file:
        above = above.f_back
    return above


def _is_notebooks(frame: FrameType | None) -> bool:
    """Whether code is of the notebook or beside it; libraries drop answers that they expect."""
    return frame is not None and not frame.f_code.co_filename.startswith(_LIBRARIES)


def _drops(frame: FrameType | None) -> bool:
    """Whether code throws away what it is about to be given."""
    steps = dis.get_instructions(frame.f_code) if frame else ()
    follows = [step.opname for step in steps if step.offset > frame.f_lasti]  # type: ignore[union-attr]
    if follows[:1] == ["GET_AWAITABLE"]:
        follows = [name for name in follows[2:] if name not in _AWAITS]
    return follows[:1] == ["POP_TOP"]


def _command(given: Any) -> str:
    words = [given] if isinstance(given, str | bytes | os.PathLike) else list(given)
    texts = list(map(os.fsdecode, words))
    return f"the command {texts[0] if len(texts) == 1 else shlex.join(texts)}"


class _Ear:
    """A stream that is written to as before, and overheard."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.heard = stream, ""

    def write(self, text: str) -> int:
        self.heard += text
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read(log: Path) -> Iterator[tuple[int, str, str]]:
    """Yield what was noted: the number of the cell among those that ran, what failed, and how."""
    lines = log.read_text("ascii").splitlines() if log.exists() else ()
    for line in lines:
        cell, what, how = json.loads(line)
        yield cell, what, how
