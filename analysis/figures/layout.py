"""Layouts that come out the same in every process and every format."""

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from analysis.figures import _calls
from analysis.figures._lines import break_titles

DPI = 72  # of SVG, whose letters have the same width at every size
_PAD = 0.1  # inches around what is drawn


def lay_out(figure: Figure) -> Bbox:
    """Put the axes of a figure in their place, and return the part of it that is drawn on.

    The solver behind constrained layout sums in the order in which its variables lie in memory:
    the last bits of a position differ from run to run, and SVG clip paths are named by them. They
    are rounded to a millionth of the figure.
    """
    engine, canvas, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    FigureCanvasSVG(figure)
    figure.set_dpi(DPI)
    try:
        if engine is None or not _calls.is_chart(figure):
            figure.draw_without_rendering()  # what others draw may find its place while it is drawn
        else:
            engine.execute(figure)
            if break_titles(figure):
                engine.execute(figure)
        if engine is not None:
            for axes in figure.axes:
                bounds = axes.get_position(original=True).bounds
                # the public set_position would take the axes out of the layout
                axes._set_position([round(edge, 6) for edge in bounds])  # type: ignore[attr-defined]  # noqa: SLF001
        return figure.get_tightbbox().padded(_PAD)
    finally:
        figure.set_canvas(canvas)
        figure.set_dpi(dpi)
