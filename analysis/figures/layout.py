"""Layouts that come out the same in every process."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine


class SettledLayout(LayoutEngine):
    """Another layout engine, its results rounded to a millionth of the figure.

    The solver behind constrained layout sums in the order in which its variables lie in memory:
    the last bits of a position differ from run to run, and SVG clip paths are named by them.
    """

    def __init__(self, engine: LayoutEngine) -> None:
        super().__init__()
        self._engine = engine
        self._adjust_compatible = engine.adjust_compatible
        self._colorbar_gridspec = engine.colorbar_gridspec

    def set(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Set parameters of the engine inside."""
        self._engine.set(**kwargs)

    def execute(self, fig: Figure) -> None:
        """Lay the figure out and round where its axes stand."""
        self._engine.execute(fig)
        for axes in fig.axes:
            bounds = axes.get_position(original=True).bounds
            # the public set_position would take the axes out of the layout
            axes._set_position([round(edge, 6) for edge in bounds])  # type: ignore[attr-defined]  # noqa: SLF001


def settle_layout(figure: Figure) -> None:
    """Let a figure's layout engine, if it has one, give the same positions in every process."""
    engine = figure.get_layout_engine()
    if engine is not None and not isinstance(engine, SettledLayout):
        figure.set_layout_engine(SettledLayout(engine))
