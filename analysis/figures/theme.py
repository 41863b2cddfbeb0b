"""The look that all charts share: fonts, colours, direct labels, and the simulated mark."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from analysis import _language
from analysis.clean.dataset import any_simulated
from analysis.figures import _calls, _chart
from analysis.figures._chart import MARK, fonts, mark_simulated
from analysis.figures._words import put_into_words

Chart = _chart.Chart
T = TypeVar("T")

WAN = "万元 (10,000 yuan)"

INK = "#222426"
QUIET = "#74797e"
RULE = "#e3e5e7"
SIMULATED = MARK

# Dark to light as well as hue by hue, so that they part in grey and for colour-blind readers.
COLOURS = {
    "operating": "#1d4e74",
    "subsidy": "#d9952f",
    "other": "#8b989d",
    "total": "#222426",
    "helper": "#8a4f1d",
    "allied_weak": "#0b7a75",
    "allied_other": "#5a8f3c",
    "outside": "#6b7177",
}
_MINUS = re.compile(r"(?<![\w.-])-(?=[0-9])")  # no hyphen of a name or between two numbers
Look = dict[str, Any]  # how matplotlib is to draw something
MIDDLE: Look = {"ha": "center", "va": "center"}
HOLLOW: Look = {"markerfacecolor": "white", "markeredgecolor": SIMULATED}
BAND_COLOURS = ("#d8dadd", "#f2d8b0", "#dbe7ed", "#afcddc", "#7fb0c8", "#3a7ca5", "#16425b")
"""None, under the first bound, then light to dark: bands are ordered."""


def new_figure(
    width: float = 7.2,
    height: float = 3.6,
    *,
    rows: int = 1,
    columns: int = 1,
    phone: tuple[float, int] | None = None,
    is_one_scale: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Return a themed figure and its axes, row by row, on one scale or each on its own.

    On a phone it is as high as ``phone`` says, with so many panels side by side.

    Notes
    -----
    The figure stands apart from pyplot: nothing is shown twice and nothing stays open. The theme
    stays set, because text takes its font when it is written.
    """
    use_theme()
    width, height, rows, columns = _calls.panes(width, height, rows, columns, phone)
    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    if columns > 1 and engine is not None:
        # labels beside the lines of one panel need room before the next
        engine.set(wspace=0.06)  # type: ignore[call-arg]
    is_many = rows * columns > 1
    grid = figure.subplots(rows, columns, squeeze=False, sharex=is_many, sharey=is_one_scale)
    _chart.settled.add(figure)
    return figure, [axes for row in grid for axes in row]


def named_panels(
    shown: Mapping[str, T],
    height: float,
    ylabel: str = "",
    phone: tuple[float, int] | None = None,
    *,
    is_one_scale: bool = True,
) -> tuple[Figure, list[tuple[Axes, str, T]]]:
    """Return a figure with a panel for each thing shown: its axes, its title, and the thing."""
    figure, panels = new_figure(
        height=height, columns=len(shown), phone=phone, is_one_scale=is_one_scale
    )
    for axes, title in zip(panels, shown, strict=True):
        axes.set_title(title)
    panels[0].set_ylabel(ylabel)
    return figure, [(axes, *one) for axes, one in zip(panels, shown.items(), strict=True)]


def amounts_from_zero(axes: Axes, values: npt.ArrayLike, spare: float) -> None:
    """Let the axis of amounts begin at zero, or below where one is negative, with room to spare."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    low, top = min(0.0, *known, 0.0), max(0.0, *known, 0.0)
    room = spare * ((top - low) or 1.0)
    axes.set_ylim(low - room if low < 0 else 0, top + room)


def note(
    axes: Axes, words: str, at: tuple[Any, Any], offset: tuple[float, float] = (0, 0), **how: Any
) -> Annotation:
    """Write words beside a point, some points of print away."""
    return axes.annotate(words, at, offset, textcoords="offset points", **how)


def list_rows(axes: Axes, names: Sequence[str], *, above: float, below: float) -> None:
    """Name the rows of a chart that lie under each other, with room above and below them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 1 + below, -above)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")


class _Theme(AbstractContextManager[None]):
    """The theme, set now; where it was called by ``with``, what stood before comes back."""

    def __init__(self) -> None:
        settings = _settings()
        self._before = {name: mpl.rcParams[name] for name in settings}
        mpl.rcParams.update(settings)

    def __exit__(self, *raised: object) -> None:
        mpl.rcParams.update(self._before)


def use_theme() -> AbstractContextManager[None]:
    """Draw with the theme of the house from now on, or inside ``with use_theme():`` alone.

    Examples
    --------
    >>> before = mpl.rcParams["font.size"]
    >>> with use_theme():
    ...     mpl.rcParams["font.size"]
    9.5
    >>> mpl.rcParams["font.size"] == before
    True
    """
    return _Theme()


def _settings() -> dict[Any, Any]:
    return {
        "font.family": list(fonts()),
        "font.size": 9.5,
        "axes.labelsize": 9,
        "axes.titlesize": 8.5 if _calls.on_phone() else 9.5,
        "axes.titlelocation": "left",
        "axes.labelcolor": INK,
        "axes.edgecolor": QUIET,
        "axes.prop_cycle": cycler(color=list(COLOURS.values())),
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.color": RULE,
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.2,
        "lines.markersize": 4.8,
        "lines.solid_capstyle": "round",
        "patch.edgecolor": "w",
        "patch.force_edgecolor": True,
        "patch.linewidth": 0.8,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "xtick.major.width": 0.7,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
    }


def finish(figure: Figure, alt: str) -> Chart:
    """Mark the figure when its data are simulated, and return the chart."""
    drawing = _calls.current()
    widest = _calls.FORMS[drawing.form]
    if widest is not None and figure.get_figwidth() > widest:
        figure.set_figwidth(widest)
    if any_simulated() if drawing.marked is None else drawing.marked:
        mark_simulated(figure)
        alt = f"Simulated data. {alt}"
    alt = _MINUS.sub("−", alt)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_ticks(1)  # takes the theme now, and hands it on to those of the layout
    if drawing.marked is None:  # not drawn again: for a person, at once
        put_into_words(figure)
        alt = _language.said(alt)
    figure.stale = False  # what is changed from now on is not in the call that drew it
    return Chart(figure, alt)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Move label positions apart until neighbours are ``gap`` away, keeping their order."""
    order = np.argsort(values, kind="stable")
    # blocks of labels that touch, each as [sum of wanted positions, size]
    blocks: list[list[float]] = []
    for index in order:
        blocks.append([values[index], 1])
        while len(blocks) > 1 and _low(blocks[-1], gap) - _high(blocks[-2], gap) < gap - 1e-12:
            total, size = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += size
    placed = [_low(block, gap) + gap * step for block in blocks for step in range(int(block[1]))]
    result = [0.0] * len(values)
    for index, position in zip(order, placed, strict=True):
        result[index] = round(float(position), 12)
    return result


def _low(block: list[float], gap: float) -> float:
    return block[0] / block[1] - gap * (block[1] - 1) / 2


def _high(block: list[float], gap: float) -> float:
    return block[0] / block[1] + gap * (block[1] - 1) / 2


def label_ends(
    axes: Axes, x: float, labels: Sequence[tuple[float, str, str]], *, offset: float = 6
) -> None:
    """Write each line's name beside its last point."""
    low, high = axes.get_ylim()
    place = axes.get_subplotspec()
    rows = place.get_gridspec().nrows if place else 1
    height_points = axes.figure.get_figheight() / rows * 72 * 0.75  # type: ignore[union-attr]
    gap = (high - low) * 11 / height_points
    for (_, text, colour), y in zip(labels, spread([y for y, *_ in labels], gap), strict=True):
        how = {"color": colour, "fontsize": 8.5, "va": "center", "annotation_clip": False}
        note(axes, text, (x, y), (offset, 0), **how)


def draw_years(axes: Axes, line: pd.DataFrame, column: str, **how: Any) -> pd.DataFrame:
    """Draw a measure over the years, a point where no year beside is known; return what is known.

    Where nothing is known nothing is drawn.
    """
    line = line.sort_values("year")
    years, values = line["year"].to_numpy(), line[column].to_numpy(float, na_value=np.nan)
    known = ~np.isnan(values)
    beside = np.pad(known, 1)
    alone = known & ~beside[:-2] & ~beside[2:]
    axes.plot(years, values, **how)
    if alone.any():
        point = how | {"linestyle": "none", "marker": "o", "ms": 4.5}
        axes.plot(years[alone], values[alone], **point)
    return line[known]


def said_years(title: str, name: str, known: pd.DataFrame, column: str) -> str:
    """Say the first and the last known value of a measure over the years, whose and of what."""
    last, until = float(known[column].iloc[-1]), int(known["year"].iloc[-1])
    if len(known) == 1:
        return f"{title}, {name}: {last:.1f} in {until}"
    first, since = float(known[column].iloc[0]), int(known["year"].iloc[0])
    return f"{title}, {name}: {first:.1f} in {since}, {last:.1f} in {until}"


def say_no_data(axes: Axes) -> None:
    """Say in a panel, above the mark in its middle, that there is nothing to draw."""
    axes.text(0.5, 0.78, "no data", transform=axes.transAxes, ha="center", color=QUIET)


def histogram(axes: Axes, values: Any, bins: Any, colour: str) -> None:
    """Draw how many values lie in each bin, which holds its lower bound."""
    counts, edges = np.histogram(values, bins)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colour, linewidth=0)
    place = axes.get_subplotspec()
    if place is not None and not place.is_last_row():
        axes.xaxis.label.set_visible(False)  # the panel below says it for both


def year_axis(axes: Axes, years: Sequence[int], *, most: int | None = None) -> None:
    """Tick every year, or every other one where they are more than a panel has room for."""
    if most is not None and len(years) > most:
        years = years[::2]
    axes.set_xticks(list(years), [str(year) for year in years])
