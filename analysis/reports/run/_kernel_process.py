"""What runs inside a kernel: one start and one end, forked from a warm process or not.

``python -m analysis.reports.run._kernel_process PLACE`` starts a plain kernel. ``PLACE`` is a
private folder that holds the connection (`CONNECTION`) and takes the list of files that the
notebook read (`file_access.FILE`), what its parameters held at the end (`VALUES`) and what was said
after the last cell (`LATE`).
"""

import asyncio
import atexit
import contextlib
import gc
import inspect
import io
import json
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from analysis.reports.freshness import file_access
from analysis.reports.run import _imports, _unraised
from analysis.reports.run._unraised import Unraised

CONNECTION = "kernel.json"
VALUES = "values"
ENDED = "ended"  # a file that a kernel leaves when all is done that is due at its end
LATE = "late"
LONGEST_VALUE = 2000
PARAMETERS = "LIANJIAN_PARAMETERS"  # names of the parameters to watch, as JSON
SECRETS = "LIANJIAN_SECRETS"  # secret parameters and the variables that hold them, as JSON

_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, as in the damaged text "A\ud83d"
_THREADS_SECONDS = 1.0


def start(place: Path) -> NoReturn:
    """Become a kernel until it is told to end."""
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    class Kernel(IPythonKernel):
        """Ends in the main thread, where handlers of the notebook expect to be called."""

        async def do_shutdown(self, restart: bool) -> dict[str, Any]:
            unraised.is_ending = True  # or asyncio would complain of the next line
            self.io_loop.add_callback(self.io_loop.stop)
            await asyncio.sleep(3600)  # ipykernel would end the children before the handlers run
            return {"status": "ok", "restart": restart}

        async def poll_stopped_queue(self) -> None:
            if hasattr(self, "debugger"):  # or this would fail, at whichever cell runs by then
                await super().poll_stopped_queue()

    root = os.environ.get("LIANJIAN_ROOT", "")
    if root:
        file_access.note(place / file_access.FILE, root)
        _imports.compile_anew(Path(root))
    secrets = _take_secrets()
    watched = json.loads(os.environ.pop(PARAMETERS, "[]"))
    sys.argv = [__name__]
    app = IPKernelApp.instance(kernel_class=Kernel)
    with _without_debugger():
        app.initialize(
            [
                f"--IPKernelApp.connection_file={place / CONNECTION}",
                f"--IPKernelApp.parent_handle={os.getppid()}",  # ends with whoever started it
                "--HistoryManager.enabled=False",  # it serves nobody here, and costs a database
                f"--Session.packer={pack.__module__}.{pack.__name__}",
            ]
        )
    _tell_where_cells_are(app.shell)
    streams = sys.stdout, sys.stderr
    unraised = Unraised(place / _unraised.FILE, app.shell)
    if secrets:
        # after the cell of defaults, and without a cell that would say the value
        app.shell.events.register("pre_run_cell", lambda _: app.shell.user_ns.update(secrets))
    if watched:
        space = app.shell.user_ns
        app.shell.events.register(
            "post_run_cell", lambda _: _note_values(place / VALUES, space, watched)
        )
    app.start()
    _keep_what_is_said(app.shell, streams, place / LATE)
    _end(app, unraised, place / ENDED)


def _keep_what_is_said(shell: Any, streams: Iterable[Any], file: Path) -> None:
    """Write down what threads and handlers say from here on, when nobody listens any more."""
    late = file.open("a", encoding="utf-8", errors="replace", buffering=1)

    def publish(data: dict[str, Any], *_: object, **__: object) -> None:
        late.write(f"{data.get('text/plain', ', '.join(data))}\n")

    shell.display_pub.publish = publish
    for stream in streams:
        stream.echo = late


def _tell_where_cells_are(shell: Any) -> None:
    """Spare tracebacks the search of all modules for each of their frames: half a minute."""

    def cached(cache: Any, *given: Any, **named: Any) -> str:
        name = str(cache(*given, **named))
        inspect.modulesbyfile[name] = "__main__"
        return name

    _unraised.replace(shell.compile, "cache", cached)


def _end(app: Any, unraised: Unraised, ended: Path) -> NoReturn:
    """End as a script does: threads, exit handlers, finalisers, files; then leave at once.

    What Python itself would do at its end takes a forked kernel 140 ms, and loses files that
    stand in a reference cycle.
    """
    try:
        # ipykernel's own would close sockets that its other threads still use, which at times
        # aborts the process; they go with it
        for own in (app.close, app.iopub_thread.stop):
            atexit.unregister(own)
        deadline = time.monotonic() + _THREADS_SECONDS
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(max(0.0, deadline - time.monotonic()))
        atexit._run_exitfuncs()  # noqa: SLF001  (there is no public way to run them)
        unraised.note_what_is_left()
        _flush()  # before the collector may close what a file in a cycle writes to
        app.shell.reset(new_session=False)
        gc.collect()
        _flush()  # what finalisers wrote, and what a module or a thread holds
        ended.touch()
    except BaseException:  # noqa: BLE001  (it goes to the log)
        traceback.print_exc()
    finally:
        os._exit(0)


def _flush() -> None:
    things = gc.get_objects()
    streams = {kind for kind in set(map(type, things)) if issubclass(kind, io.IOBase)}
    for thing in things:
        if type(thing) in streams:
            with contextlib.suppress(OSError, ValueError):  # closed, or its disk is full
                thing.flush()


def pack(message: object) -> bytes:
    """Write a message as JSON; half a character costs itself, not the whole message."""
    from jupyter_client.session import json_packer

    try:
        return json_packer(message)
    except UnicodeEncodeError:
        return json_packer(_whole(message))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value


def _note_values(log: Path, space: dict[str, object], names: list[str]) -> None:
    """Write down what parameters hold; the last one written is how the run left them."""
    held = {}
    for name in names:
        with contextlib.suppress(Exception):  # gone, or put in the place of a value and unprintable
            held[name] = repr(space[name])[:LONGEST_VALUE]
    log.write_text(json.dumps(held), "utf-8")


@contextlib.contextmanager
def _without_debugger() -> Iterator[None]:
    """Let ipykernel find no debugger, which is half of a kernel's start; a cell finds it again."""
    is_there = "debugpy" in sys.modules
    if not is_there:
        sys.modules["debugpy"] = None  # type: ignore[assignment]  # "not installed"
    try:
        yield
    finally:
        if not is_there:
            del sys.modules["debugpy"]


def _take_secrets() -> dict[str, str]:
    """Take secret parameters out of the environment, where any output could show them."""
    variables = json.loads(os.environ.pop(SECRETS, "{}"))
    return {name: os.environ.pop(variable) for name, variable in variables.items()}


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory; IPython puts it there itself
    start(Path(sys.argv[1]))
