"""What a person sees while reports are made: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from analysis.reports.run.report import Outcome


class Progress:
    """Shows which runs go on and how each ended.

    Parameters
    ----------
    total : int
        How many runs there are.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.width = 30
        self.started = time.perf_counter()
        self._live: Any = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            from rich.live import Live  # noqa: PLC0415

            self._live = Live(refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def running(self, slugs: Sequence[str]) -> None:
        """Show what goes on now."""
        if self._live is not None:
            from rich.text import Text  # noqa: PLC0415

            elapsed = time.perf_counter() - self.started
            line = Text(f"  {self.done} of {self.total}  {elapsed:3.0f} s  ", style="dim")
            self._live.update(line.append(", ".join(slugs), style="default"))

    def finished(self, outcome: "Outcome") -> None:
        """Show how one run ended."""
        self.done += 1
        word = outcome.result if outcome.ok else "FAILED"
        slug = outcome.slug.ljust(self.width)
        line = f"{word:<8}  {slug}  {outcome.seconds:5.1f} s"
        if not outcome.ok:
            line += f"\n          {outcome.message}"
            line += f"\n          see {outcome.where}" if outcome.where else ""
        if self._live is None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            return
        from rich.text import Text  # noqa: PLC0415

        style = "green" if outcome.ok else "red"
        self._live.console.print(Text(word, style=style).append(line[len(word) :], style="default"))
