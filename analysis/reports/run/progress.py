"""What a person sees while reports are made: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis import terminal

if TYPE_CHECKING:
    from analysis.reports.run.results import Ending


class Progress:
    """Shows which runs go on and how each ended."""

    def __init__(self, slugs: Sequence[str]) -> None:
        self._total = len(slugs)
        self._width = max(map(len, slugs), default=0)
        self._done = 0
        self._started = time.perf_counter()
        self._columns = 0  # of the live line that stands there now

    def running(self, slugs: Sequence[str]) -> None:
        """Show what goes on now."""
        if terminal.is_watched():
            elapsed = time.perf_counter() - self._started
            line = f"  {self._done} of {self._total}  {elapsed:3.0f} s  {', '.join(slugs)}"
            self._show(line)

    def finished(self, outcome: "Ending") -> None:
        """Show how one run ended."""
        self._done += 1
        self.close()
        word = outcome.result if outcome.ok else "FAILED"
        lines = [f"{word:<8}  {outcome.report:<{self._width}}  {outcome.seconds:5.1f} s"]
        if not outcome.ok:
            lines += [outcome.message]
            lines += [f"see {outcome.file}"] if outcome.file else []
        terminal.say("\n          ".join(lines))

    def close(self) -> None:
        """Take the live line away."""
        if self._columns:
            self._show("")

    def _show(self, line: str) -> None:
        self._columns = terminal.overwrite(line, self._columns)
