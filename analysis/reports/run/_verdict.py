"""Whether a run is complete: by the kernel's own reply for every cell that it was sent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.reports.page.normalise import ERROR_MARKER, INJECTED

if TYPE_CHECKING:
    from nbformat import NotebookNode

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"^-+> ?(\d+)", re.MULTILINE)  # the line an arrow points at, as in "----> 2 1/0"
_QUIET = {"", "0", "None"}  # what `sys.exit()`, `sys.exit(0)` and `raise SystemExit` leave


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Attributes
    ----------
    word : {"complete", "ended early", "failed"}
        Complete when every cell was run to its end; ended early when one said ``sys.exit(0)``.
    cell : int or None
        The place in the notebook's source, from 1, of the cell that ended it or was not reached.
    source : str
        The code of that cell.
    name, message, traceback : str
        The error.
    line : int or None
        The line of the cell that was reached, from 1.
    """

    word: Literal["complete", "ended early", "failed"]
    cell: int | None = None
    source: str = ""
    name: str = ""
    message: str = ""
    traceback: str = ""
    line: int | None = None


def judge(
    node: "NotebookNode", replies: Mapping[int, Mapping[str, Any]], stop: tuple[str, str] | None
) -> Verdict:
    """Say how a run ended.

    Papermill's exception says too little (nothing of ``sys.exit(0)``, nothing of a cell that was
    never reached) and too much (it does not know of ``raises-exception``); counts, statuses and
    durations in the notebook are wrong after a kernel's death. ``replies`` are the kernel's word,
    by the cell's place in the notebook that was run; ``stop`` is what ended the run from outside
    of its cells: the name of an error, and a message.
    """
    for at, place, cell in _sent(node):
        reply = replies.get(at)
        if reply is None:
            name, message = stop or ("", "was not executed")
            return Verdict("failed", place, cell.source, name, message)
        may_fail = "raises-exception" in cell.metadata.get("tags", [])
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if may_fail or (reply["status"] == "ok" and not errors):
            continue
        error = errors[0] if errors else reply
        name, message = error.get("ename", reply["status"]), error.get("evalue", "")
        is_quiet = reply["status"] != "ok" and name == "SystemExit" and message in _QUIET
        word: Literal["ended early", "failed"] = "ended early" if is_quiet else "failed"
        traceback = _COLOUR.sub("", "\n".join(error.get("traceback", [])))
        lines = _LINE.findall(traceback.partition("File ")[0]) or _LINE.findall(traceback)
        line = int(lines[0]) if lines else None
        return Verdict(word, place, cell.source, name, message, traceback, line)
    if stop is not None:
        return Verdict("failed", None, "", *stop)
    return Verdict("complete")


def _sent(node: "NotebookNode") -> Iterator[tuple[int, int | None, Any]]:
    """Yield the cells that are sent, with their places in the notebook run and in its source."""
    cells = [cell for cell in node.cells if ERROR_MARKER not in _tags(cell)]
    injected = 0
    for at, cell in enumerate(cells):
        is_injected = INJECTED in _tags(cell)
        injected += is_injected
        if cell.cell_type == "code" and cell.source.strip() and "skip-execution" not in _tags(cell):
            yield at, None if is_injected else at + 1 - injected, cell


def place_of(node: "NotebookNode", at: int) -> int | None:
    """Return the place in the source of the cell at a place of the notebook that was run."""
    return next((place for index, place, _ in _sent(node) if index == at), None)


def _tags(cell: Any) -> list[str]:  # noqa: ANN401
    return list(cell.metadata.get("tags", []))
