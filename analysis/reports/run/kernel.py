"""What runs inside a kernel: the same start, whether it was forked from a warm process or not.

``python -m analysis.reports.run.kernel PLACE`` starts a plain kernel. ``PLACE`` is a private folder
that holds the connection (``kernel.json``) and takes the list of files that the notebook read
(``reads``).
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from analysis.reports.freshness import file_access

CONNECTION = "kernel.json"
LONGEST_VALUE = 2000
VALUES = "values"
"""File that takes what the parameters hold, after each cell."""

PARAMETERS = "LIANJIAN_PARAMETERS"
"""Names of the parameters to watch, as JSON."""

SECRETS = "LIANJIAN_SECRETS"
"""Names of secret parameters and of the environment variables that hold them, as JSON."""


def start(place: Path) -> None:
    """Become a kernel; returns when it is shut down."""
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415

    root = os.environ.get("LIANJIAN_ROOT", "")
    if root:
        file_access.note(place / file_access.FILE, root)
    secrets = _take_secrets()
    watched = json.loads(os.environ.pop(PARAMETERS, "[]"))
    sys.argv = [__name__]
    app = IPKernelApp.instance()
    with _without_debugger():
        app.initialize(
            [
                f"--IPKernelApp.connection_file={place / CONNECTION}",
                f"--IPKernelApp.parent_handle={os.getppid()}",  # ends with whoever started it
                "--HistoryManager.enabled=False",  # it serves nobody here, and costs a database
            ]
        )
    if secrets:
        # after the cell of defaults, and without a cell that would say the value
        app.shell.events.register("pre_run_cell", lambda _: app.shell.user_ns.update(secrets))
    if watched:
        space = app.shell.user_ns
        app.shell.events.register(
            "post_run_cell", lambda _: _note_values(place / VALUES, space, watched)
        )
    app.start()


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
    if sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd():
        del sys.path[0]  # IPython puts the working directory there itself
    start(Path(sys.argv[1]))
