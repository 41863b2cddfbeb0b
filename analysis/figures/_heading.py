"""What stands over a chart and at its foot: its finding, its measure and unit, its source."""

from matplotlib.figure import Figure

from analysis.figures import _lines
from analysis.figures._chart import fonts

_INK, _QUIET = "#222426", "#74797e"
_SIZES = {"finding": 11.0, "measure": 8.5, "source": 7.5}  # points
_LEADING = 1.3
_MARKED = 130.0  # points of the foot that the mark of simulated data takes
_GAP = 5.0  # points between the words and the panels


def head_figure(figure: Figure, finding: str, measure: str = "", source: str = "") -> None:
    """Make room over and under a finished figure, and write there what it finds.

    Its panels keep their size: the figure grows by the lines that are added.

    Parameters
    ----------
    figure : Figure
        Drawn and marked; its layout is still to be made.
    finding, measure, source : str
        The title; under it what is drawn, with its unit; at the foot where it is from.
    """
    words = {"finding": finding, "measure": measure, "source": source}
    width = figure.get_figwidth() * 72 * 0.98
    mark = next((text for text in figure.texts if text.get_gid() == "simulated"), None)
    beside = {"source": _MARKED} if mark else {}
    lines = {
        name: list(_lines.lines(text, (width - beside.get(name, 0)) / _SIZES[name]))
        for name, text in words.items()
    }
    high = {name: len(part) * _SIZES[name] * _LEADING / 72 for name, part in lines.items()}
    over = high["finding"] + high["measure"] + _GAP / 72
    before, engine = figure.get_figheight(), figure.get_layout_engine()
    kept = 0.22 if mark else 0.0  # inches at the foot: the source stands beside the mark
    under = max(high["source"] + (_GAP / 72 if source else 0) - kept, 0)
    tall = before + over + under
    figure.set_figheight(tall)
    if engine is not None:
        room = (0, (under + kept) / tall, 1, (before - kept) / tall)
        engine.set(rect=room)  # type: ignore[call-arg]
    if mark:
        mark.set_y(mark.get_position()[1] * before / tall)
    places = {"finding": tall, "measure": tall - high["finding"], "source": high["source"]}
    for name, part in lines.items():
        if part:
            figure.text(
                0.01,
                places[name] / tall,
                "\n".join(part),
                family=list(fonts()),
                fontsize=_SIZES[name],
                color=_INK if name == "finding" else _QUIET,
                linespacing=_LEADING,
                va="top",
            )
