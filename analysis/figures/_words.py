"""The texts of a figure in the language of now."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

from analysis._language import current, said, setting


def put_into_words(figure: Figure) -> None:
    """Write the texts of a figure in the language of now."""
    language = current()
    if language is None:
        return
    # the Chinese face draws an apostrophe as wide as its signs
    narrow = {} if setting(language.tag).is_han else {ord("’"): "'"}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks: Any = axis.get_major_formatter()
            if isinstance(ticks, FixedFormatter):
                ticks.seq = [said(str(text)) for text in ticks.seq]
            named = getattr(getattr(ticks, "func", None), "args", ())  # set_yticks(places, names)
            if named and isinstance(named[0], dict):
                named[0].update({at: said(str(text)) for at, text in named[0].items()})
    for text in figure.findobj(Text):
        if words := text.get_text():
            text.set_text(said(words).translate(narrow))
