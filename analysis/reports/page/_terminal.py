"""What a terminal would show of a stream: what goes back on its line is written over."""

import re

_MOVES = re.compile("[\r\b]|\x1b(?!\\[[0-9;]*m)")  # a stream without any is shown as it is
_PIECES = re.compile(
    "\x1b\\[(?P<colour>[0-9;]*)m|\x1b\\[(?P<erased>[0-2]?)K"
    "|\x1b\\[[0-9;?]*[@-~]"  # other moves: nothing is seen of them
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # a link or a window's title
    "|\x1b[()][0-9A-B]|\x1b[78=>]"
    "|(?P<char>.)"
)


def shown(stream: str) -> str:
    """Return the text that stands on a terminal after a stream was written to it."""
    if not _MOVES.search(stream):
        return stream
    colour, lines = "", []
    for text in stream.replace("\r\n", "\n").split("\n"):
        signs: list[tuple[str, str]] = []  # of the line, each with its colour
        at = 0
        for match in _PIECES.finditer(text):
            if (code := match["colour"]) is not None:
                colour = "" if code in {"", "0"} else f"{colour}\x1b[{code}m"
            elif (erased := match["erased"]) is not None:
                del signs[0 if erased in {"1", "2"} else at :]
            elif match["char"] in {"\r", "\b"}:
                at = max(at - 1, 0) if match["char"] == "\b" else 0
            elif match["char"]:
                signs += [("", " ")] * (at - len(signs))
                signs[at : at + 1] = [(colour, match["char"])]
                at += 1
        lines.append(signs)
    return _coloured(lines)


def _coloured(lines: list[list[tuple[str, str]]]) -> str:
    now, parts = "", []
    for line in lines:
        for colour, sign in line:
            if colour != now:
                parts.append(f"\x1b[0m{colour}")
                now = colour
            parts.append(sign)
        parts.append("\n")
    return "".join(parts[:-1]) + ("\x1b[0m" if now else "")
