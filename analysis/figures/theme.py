"""The look that all charts share: fonts, colours, direct labels, and the simulated mark."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from analysis.clean.dataset import any_simulated
from analysis.figures import _calls

WAN = "万元 (10,000 yuan)"

INK = "#222426"
QUIET = "#74797e"
RULE = "#e3e5e7"
SIMULATED = "#b3541e"

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
BAND_COLOURS = ("#d8dadd", "#f2d8b0", "#dbe7ed", "#afcddc", "#7fb0c8", "#3a7ca5", "#16425b")
"""None, under the first bound, then light to dark: bands are ordered."""


@dataclass(frozen=True)
class Chart:
    """A figure with the text that stands in for it.

    Attributes
    ----------
    figure : Figure
        The drawing.
    alt : str
        What it shows, in words and numbers, for readers who do not see it.
    """

    figure: Figure
    alt: str


@cache
def fonts() -> tuple[str, ...]:
    """Register the fonts once and return their families in order of use.

    Noto Sans SC covers Latin and Chinese; DejaVu Sans stands behind it for symbols.
    """
    import pylopdf_fonts_zh_cn  # noqa: PLC0415

    folder = Path(pylopdf_fonts_zh_cn.__file__).parent
    fontManager.addfont(folder / "NotoSansSC-Regular.otf")
    return ("Noto Sans SC", "DejaVu Sans")


def new_figure(
    width: float = 7.2, height: float = 3.6, *, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """Return a themed figure and its axes, row by row.

    Parameters
    ----------
    width, height : float
        Inches.
    rows, columns : int
        Panels; all share y, and x when there are several.

    Notes
    -----
    The figure stands apart from pyplot: nothing is shown twice and nothing stays open. The theme
    stays set, because text takes its font when it is written.
    """
    use_theme()
    width, height, rows, columns = _calls.panes(width, height, rows, columns)
    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    if columns > 1 and engine is not None:
        # labels beside the lines of one panel need room before the next
        engine.set(wspace=0.06)  # type: ignore[call-arg]
    grid = figure.subplots(rows, columns, squeeze=False, sharex=rows * columns > 1, sharey=True)
    return figure, [axes for row in grid for axes in row]


def use_theme() -> None:
    """Set the theme, over whatever was set before."""
    mpl.rcParams.update(
        {
            "font.family": list(fonts()),
            "font.size": 9.5,
            "axes.labelsize": 9,
            "axes.titlesize": 9.5,
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
    )


def finish(figure: Figure, alt: str) -> Chart:
    """Mark the figure when its data are simulated, check its glyphs, and return the chart.

    Parameters
    ----------
    figure : Figure
        Finished but for the mark.
    alt : str
        What it shows, in words and numbers.
    """
    drawing = _calls.current()
    widest = _calls.FORMS[drawing.form]
    if widest is not None and figure.get_figwidth() > widest:
        figure.set_figwidth(widest)
    if any_simulated() if drawing.marked is None else drawing.marked:
        mark_simulated(figure)
        alt = f"Simulated data. {alt}"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"Glyph \d+ .*missing from")
        engine = figure.get_layout_engine()
        figure.set_layout_engine("none")  # glyphs need no layout, which is half of a drawing
        figure.draw_without_rendering()
        figure.set_layout_engine(engine)
    return Chart(figure, alt)


_MARK = "simulated"  # gid of all texts that say so
_MARKS = {
    False: ("模拟 SIMULATED", " · 模拟", "Simulated data · 模拟数据"),
    True: ("含模拟 MIXED", " · 含模拟", "Includes simulated data · 含模拟数据"),
}
"""On a panel, after its title, and below the figure; by whether other data are in it too."""

_PLACES: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")


def mark_simulated(figure: Figure, *, mixed: bool = False) -> None:
    """Write on a figure that its data are simulated, or include such; twice is once.

    Every panel bears the mark on its face and in its title, so that none loses it when it is cut
    out.
    """
    face, title, line = _MARKS[mixed]
    if any(text.get_gid() == _MARK and text.get_text() == line for text in figure.texts):
        return
    unmark_simulated(figure)
    family = list(fonts())
    for axes in panels(figure):
        width = axes.get_position().width * figure.get_figwidth() * 72
        # above bars and meshes, below lines and labels
        axes.text(
            0.5, 0.5, face, gid=_MARK, transform=axes.transAxes, family=family,
            fontsize=min(30.0, width / 9.5), color=SIMULATED, alpha=0.2, rotation=14,
            ha="center", va="center", zorder=1.5,
        ).set_in_layout(False)  # fmt: skip
        for place in _PLACES:
            if words := axes.get_title(loc=place):
                axes.set_title(words + title, loc=place, family=family)
    figure.text(
        0.995, 0.004, line, gid=_MARK, family=family, fontsize=8, color=SIMULATED,
        ha="right", va="bottom",
    )  # fmt: skip
    # keep the line below the axes free for the mark
    engine = figure.get_layout_engine()
    if engine is not None:
        height = 0.22 / figure.get_figheight()
        engine.set(rect=(0, height, 1, 1 - height))  # type: ignore[call-arg]


def panels(figure: Figure) -> list[Axes]:
    """Return the axes that hold data: no colour bars, none that are switched off."""
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    return [axes for axes in shown if axes.get_label() != "<colorbar>"]


def unmark_simulated(figure: Figure) -> None:
    """Take the mark off a figure that stands on other data than the simulated ones beside it."""
    for axes in panels(figure):
        for place in _PLACES:
            marked = words = axes.get_title(loc=place)
            for _, title, _ in _MARKS.values():
                words = words.removesuffix(title)
            if words != marked:
                axes.set_title(words, loc=place)
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    for text in texts:
        if text.get_gid() == _MARK:
            text.remove()


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Move label positions apart until neighbours are ``gap`` away, keeping their order.

    Parameters
    ----------
    values : sequence of float
        Wanted positions.
    gap : float
        Least distance, in the same unit.

    Examples
    --------
    >>> spread([1.0, 1.2, 5.0], gap=1.0)
    [0.6, 1.6, 5.0]
    """
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
    """Write each line's name beside its last point.

    Parameters
    ----------
    axes : Axes
        Its y limits must be final.
    x : float
        Position of the last points.
    labels : sequence of (y, text, colour)
        One a line.
    """
    low, high = axes.get_ylim()
    place = axes.get_subplotspec()
    rows = place.get_gridspec().nrows if place else 1
    height_points = axes.figure.get_figheight() / rows * 72 * 0.75  # type: ignore[union-attr]
    gap = (high - low) * 11 / height_points
    for (_, text, colour), y in zip(labels, spread([y for y, *_ in labels], gap), strict=True):
        axes.annotate(
            text, (x, y), xytext=(offset, 0), textcoords="offset points", va="center",
            color=colour, fontsize=8.5, annotation_clip=False,
        )  # fmt: skip


def year_axis(axes: Axes, years: Sequence[int]) -> None:
    """Tick every year.

    Parameters
    ----------
    axes : Axes
        With years along x.
    years : sequence of int
        Years to tick.
    """
    axes.set_xticks(list(years), [str(year) for year in years])
