"""Cut panels out of charts, to see whether they bear their mark."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.figures import _chart

LEAST = 40  # pixels of a panel that the mark must change; one letter of it has about as many


def bare_panels(chart):
    """Return the numbers of the panels that show no mark once they are cut out."""
    canvas = FigureCanvasAgg(chart.figure)
    layout = chart.figure.get_layout_engine()
    chart.figure.draw_without_rendering()
    chart.figure.set_layout_engine("none")  # nothing moves between the two pictures
    boxes, shown = _drawn(canvas)
    held = [chart.figure, *chart.figure.axes]
    marks = [text for part in held for text in part.texts if text.get_gid() == "simulated"]
    for text in marks:
        text.set_visible(False)
    without = _drawn(canvas)[1]
    for text in marks:
        text.set_visible(True)
    chart.figure.set_layout_engine(layout)
    changed = (shown != without).any(axis=2)
    return [
        number
        for number, (left, top, right, bottom) in enumerate(boxes)
        if changed[top:bottom, left:right].sum() < LEAST
    ]


def _drawn(canvas):
    """Return the panels' boxes in pixels, and the picture."""
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba()).copy()
    boxes = []
    for axes in _chart.panels(canvas.figure):
        box = axes.get_window_extent()
        low, high = picture.shape[0] - round(box.y1), picture.shape[0] - round(box.y0)
        boxes.append((round(box.x0), low, round(box.x1), high))
    return boxes, picture


def bare_titles(chart):
    """Return the titles of panels without the mark."""
    found = [
        axes.get_title(loc=place)
        for axes in _chart.panels(chart.figure)
        for place in ("left", "center", "right")
    ]
    return [title for title in found if title and "模拟" not in title]
