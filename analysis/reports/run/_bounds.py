"""How much of what a notebook puts out is kept."""

from collections import Counter
from typing import Any

LONGEST_STREAM = 1_000_000
"""Characters that are kept of what a cell prints, and of what it writes to stderr."""

LARGEST_OUTPUT = 10_000_000
"""Characters that one output may have: a table, a figure, a piece of HTML."""

LARGEST_OUTPUTS = 50_000_000
"""Characters that all outputs of a notebook may have together."""

_LONGEST_ERROR = 20_000


class Bounds:
    """Counts the outputs of one notebook and cuts them."""

    def __init__(self) -> None:
        self.too_large: tuple[int, str] | None = None  # the first cell with such an output, and why
        self._printed: Counter[tuple[int, str]] = Counter()
        self._shown = 0

    def forget(self, cell: int) -> None:
        """Start again with a cell whose outputs were cleared."""
        for name in ("stdout", "stderr"):
            del self._printed[cell, name]

    def stream(self, content: dict[str, Any], cell: int) -> dict[str, Any]:
        """Return a piece of a stream as far as there is room for it."""
        stream = cell, content["name"]
        room = max(0, LONGEST_STREAM - self._printed[stream])
        self._printed[stream] += len(content["text"])
        return {**content, "text": content["text"][:room]}

    def left_out(self, cell: int) -> dict[str, str]:
        """Say for each stream of a cell what of it was left out."""
        over = {name: self._printed[cell, name] - LONGEST_STREAM for name in ("stdout", "stderr")}
        return {
            name: f"\n… {count:,} characters left out; the first {LONGEST_STREAM:,} are kept.\n"
            for name, count in over.items()
            if count > 0
        }

    def error(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return an error with its texts cut."""
        traceback = [shortened(part, _LONGEST_ERROR) for part in content["traceback"]]
        evalue = shortened(content["evalue"], _LONGEST_ERROR)
        return {**content, "evalue": evalue, "traceback": traceback}

    def output(self, content: dict[str, Any], cell: int) -> dict[str, Any]:
        """Return an output, or a word in its place when it is too large."""
        sizes = {mime: len(str(value)) for mime, value in content["data"].items()}
        size = sum(sizes.values())
        what = f"an output ({max(sizes, key=lambda m: sizes[m], default='empty')}) of {size:,}"
        if size > LARGEST_OUTPUT:
            reason = f"{what} characters; one may have {LARGEST_OUTPUT:,}"
        elif self._shown + size > LARGEST_OUTPUTS:
            reason = f"{what} characters brings all outputs to more than {LARGEST_OUTPUTS:,}"
        else:
            self._shown += size
            return content
        self.too_large = self.too_large or (cell, f"{reason}. Show less, or write it to a file.")
        return {**content, "data": {"text/plain": f"[{reason}]"}}


def shortened(text: str, longest: int) -> str:
    """Return a text cut to a length, saying what was cut."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest:,} characters more)"
