"""What a terminal would show of a stream: the moves of its cursor are carried out."""

import re

_MOVES = re.compile("[\r\b]|\x1b(?!\\[[0-9;]*m)")  # a stream without any is shown as it is
_PIECES = re.compile(
    "\x1b\\[(?P<numbers>[0-9;?]*)(?P<move>[@-~])"  # CSI: colours, moves, erasing
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # OSC: a link or a window's title
    "|\x1b[()][0-9A-B]|\x1b[78=>]"
    "|(?P<char>.)",
    re.DOTALL,
)
_TALLEST = 10_000  # lines that a cursor may move at once


class _Screen:
    """Lines of (colour, character), and a cursor."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, str]]] = [[]]
        self.row = self.column = 0
        self.colour = ""

    def put(self, char: str) -> None:
        line = self.lines[self.row]
        line += [("", " ")] * (self.column - len(line))
        line[self.column : self.column + 1] = [(self.colour, char)]
        self.column += 1

    def down(self, count: int) -> None:
        self.row += min(count, _TALLEST)
        self.lines += [[] for _ in range(self.row + 1 - len(self.lines))]

    def move(self, way: str, numbers: str) -> None:
        first = numbers.lstrip("?").partition(";")[0]
        count = min(int(first or 1), _TALLEST)
        if way == "m":
            self.colour = "" if numbers in {"", "0"} else f"{self.colour}\x1b[{numbers}m"
        elif way in "AF":
            self.row = max(self.row - count, 0)
        elif way in "BE":
            self.down(count)
        elif way in "CD":
            self.column = max(self.column + (count if way == "C" else -count), 0)
        elif way == "G":
            self.column = max(count - 1, 0)
        elif way == "K":
            line, erased = self.lines[self.row], first or "0"
            self.lines[self.row] = {
                "0": line[: self.column],
                "1": [("", " ")] * min(self.column + 1, len(line)) + line[self.column + 1 :],
            }.get(erased, [])
        elif way == "J" and first in {"", "0"}:
            del self.lines[self.row + 1 :]
            del self.lines[self.row][self.column :]
        elif way == "J":
            self.lines, self.row, self.column = [[]], 0, 0
        if way in "EF":
            self.column = 0

    def text(self) -> str:
        colour, parts = "", []
        for line in self.lines:
            for wanted, char in line:
                if wanted != colour:
                    parts.append(f"\x1b[0m{wanted}")
                    colour = wanted
                parts.append(char)
            parts.append("\n")
        return "".join(parts[:-1]) + ("\x1b[0m" if colour else "")


def shown(stream: str) -> str:
    """Return the text that stands on a terminal after a stream was written to it."""
    if not _MOVES.search(stream):
        return stream
    screen = _Screen()
    for match in _PIECES.finditer(stream.replace("\r\n", "\n")):
        char = match["char"]
        if char is None:
            if match["move"]:
                screen.move(match["move"], match["numbers"])
        elif char == "\n":
            screen.down(1)
            screen.column = 0
        elif char == "\r":
            screen.column = 0
        elif char == "\b":
            screen.column = max(screen.column - 1, 0)
        else:
            screen.put(char)
    return screen.text()
