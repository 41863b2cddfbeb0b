"""How a text of a chart is broken into lines: in its head, and over panels side by side."""

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

# "3.37 万元 ", "万元", "收，", "word "
_PIECE = re.compile(
    r"[−+]?[0-9][0-9.,]*\s?万?元[，。；：、）]*\s*|万元[，。；：、）]*\s*"
    r"|[⺀-鿿＀-￯][，。；：、）]*|[^\s⺀-鿿＀-￯]+\s*|\s+"
)
_WORD = re.compile(r"(?:· )?\S+\s*")  # " · 模拟" holds together
_FILLED = 0.95  # of the room of a title, whose width is a guess


def lines(text: str, room: float) -> Iterator[str]:
    """Break a text into lines of so many ems; Chinese breaks anywhere, other words at spaces.

    A number stays with its unit.
    """
    yield from _broken(_PIECE.findall(text), room)


def _broken(pieces: list[str], room: float) -> Iterator[str]:
    line, used = "", 0.0
    for piece in pieces:
        wide = _width(piece)
        if line and used + wide > room:
            yield line.strip()
            line, used = "", 0.0
        line, used = line + piece, used + wide
    if line.strip():
        yield line.strip()


def _width(text: str) -> float:
    """Return about how wide a text is, in ems."""
    return sum(1.0 if east_asian_width(sign) in "WF" else 0.53 for sign in text)


def break_titles(figure: Figure) -> bool:
    """Break titles and x labels that reach into the panel beside, and say whether there are such.

    The panels stand in their places.
    """
    long = [
        (text, room / wide)
        for axes in figure.axes
        for text, room in _beside_others(axes, figure)
        if (wide := text.get_window_extent().width) > room > 0
    ]
    for text, share in long:
        rows = text.get_text().split("\n")
        whole, ems = " ".join(rows), _FILLED * share * max(map(_width, rows))
        words = _WORD.findall(whole)
        is_narrow = any(_width(word.strip()) > ems for word in words)
        text.set_text("\n".join(lines(whole, ems) if is_narrow else _broken(words, ems)))
    return bool(long)


def _beside_others(axes: Axes, figure: Figure) -> Iterator[tuple[Text, float]]:
    """Yield titles and x label of a panel, each with how wide it may be, in pixels.

    A title begins where its panel begins; a label stands in the middle and may touch either side.
    """
    own = axes.get_window_extent()
    boxes = [other.get_window_extent() for other in figure.axes]
    apart = [box.x0 - own.x0 for box in boxes if box.y0 < own.y1 and box.y1 > own.y0]
    right = min((step for step in apart if step > own.width), default=float("inf"))
    left = min((-step for step in apart if step < 0), default=float("inf"))
    titles = {axes.get_title(loc="left"), axes.get_title(), axes.get_title(loc="right")} - {""}
    for text in axes.findobj(Text):
        if text.get_text() in titles:
            yield text, right
    if axes.xaxis.label.get_visible() and axes.get_xlabel():
        yield axes.xaxis.label, min(left, right)
