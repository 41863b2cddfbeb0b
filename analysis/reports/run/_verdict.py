"""Whether a run is complete: by the kernel's own reply for every cell that it was sent."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.reports.page.normalise import ERROR_MARKER, INJECTED

if TYPE_CHECKING:
    from nbformat import NotebookNode

COMPLETE, ENDED_EARLY, FAILED = "complete", "ended early", "failed"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# the outermost frame of an error; an error that led to it stands before, under a rule of its own
_LINE = re.compile(r"^Cell In ?\[\d+\], line (\d+)", re.MULTILINE)
_LED_TO = re.compile(
    r"^(?:The above exception was the direct cause of|During handling of the above exception)",
    re.MULTILINE,
)
_QUIET = {"", "0", "None"}  # what `sys.exit()`, `sys.exit(0)` and `raise SystemExit` leave
_LONGEST_SUMMARY = 300


@dataclass(frozen=True)
class Verdict:
    """How a run ended: in which cell of the notebook's source, at which of its lines, by what."""

    word: str  # of the three above
    message: str = ""
    name: str = ""  # of the error
    cell: int | None = None  # that ended it, or was not reached; from 1, as lines are
    source: str = ""
    traceback: str = ""
    line: int | None = None

    @property
    def summary(self) -> str:
        """One line for a person."""
        line = f", line {self.line}" if self.line else ""
        where = f"cell {self.cell}{line}: " if self.cell else ""
        lines = self.message.strip().splitlines() or [""]
        words = f"{where}{self.name}{': ' if self.name else ''}{lines[0]}".rstrip(": ")
        return words if len(words) <= _LONGEST_SUMMARY else f"{words[: _LONGEST_SUMMARY - 1]}…"


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
            return Verdict(FAILED, message, name, place, cell.source)
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if _may_fail(cell) or (reply["status"] == "ok" and not errors):
            continue
        error = errors[0] if errors else reply
        name, message = error.get("ename", reply["status"]), error.get("evalue", "")
        is_quiet = reply["status"] != "ok" and name == "SystemExit" and message in _QUIET
        traceback = _COLOUR.sub("", "\n".join(error.get("traceback", [])))
        frame = _LINE.search(_LED_TO.split(traceback)[-1])
        line = int(frame[1]) if frame else None
        word = ENDED_EARLY if is_quiet else FAILED
        return Verdict(word, message, name, place, cell.source, traceback, line)
    return Verdict(FAILED, stop[1], stop[0]) if stop else Verdict(COMPLETE)


def unraised(node: "NotebookNode", noted: Iterable[tuple[int, str, str]]) -> Iterator[str]:
    """Say what failed without failing its cell, given its number among those that were run."""
    sent = list(_sent(node))
    for number, what, how in noted:
        _, place, cell = sent[number - 1] if 0 < number <= len(sent) else (0, None, None)
        if cell is None or not _may_fail(cell):
            yield f"{f'cell {place}: ' if place else ''}{what} {how}"


def place_of(node: "NotebookNode", at: int) -> int | None:
    """Return the place in the source of the cell at a place of the notebook that was run."""
    return next((place for index, place, _ in _sent(node) if index == at), None)


def last_sent(node: "NotebookNode") -> "NotebookNode":
    """Return the last cell of code."""
    *_, (_, _, cell) = _sent(node)
    return cell


def _sent(node: "NotebookNode") -> Iterator[tuple[int, int | None, Any]]:
    """Yield the cells that are sent, with their places in the notebook run and in its source."""
    cells = [cell for cell in node.cells if ERROR_MARKER not in _tags(cell)]
    injected = 0
    for at, cell in enumerate(cells):
        is_injected = INJECTED in _tags(cell)
        injected += is_injected
        if cell.cell_type == "code" and cell.source.strip() and "skip-execution" not in _tags(cell):
            yield at, None if is_injected else at + 1 - injected, cell


def _may_fail(cell: Any) -> bool:
    return "raises-exception" in _tags(cell)


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))
