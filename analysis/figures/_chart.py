"""A chart: a figure with the words that stand in for it; it draws itself and saves itself."""

import base64
import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal
from weakref import WeakSet

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine
from matplotlib.text import Text

from analysis.clean.dataset import any_simulated
from analysis.errors import LianjianError
from analysis.figures import _calls
from analysis.figures._once import measured_once
from analysis.figures.layout import DPI, lay_out
from analysis.files import to_write, write_bytes

MARK = "#b3541e"

_FORMATS = ("png", "svg", "pdf")
_DPI = 200


@dataclass(frozen=True)
class Chart:
    """A figure with the text that stands in for it.

    As the last line of a cell it draws itself; ``chart.save("x.png")`` writes it.

    Attributes
    ----------
    figure : Figure
        The drawing.
    alt : str
        What it shows, in words and numbers, for readers who do not see it.
    """

    figure: Figure
    alt: str

    def save(self, file: str | Path) -> Path:
        """Write the chart as PNG, SVG or PDF, as the ending of the name says.

        The mark of simulated data is on it, and the text for who cannot see it is inside. The same
        chart gives the same bytes.

        Parameters
        ----------
        file : str or Path
            Where to, from the working directory.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        LianjianError
            Another ending, a folder that is not there, or a character without a glyph.
        """
        path, kind = to_write(file, _FORMATS, "chart")
        write_bytes(path, self._drawn(kind))
        return path

    def _drawn(self, kind: str) -> bytes:
        said = {"svg": "Description", "png": "Description", "pdf": "Subject"}[kind]
        undated = {"svg": "Date", "png": "Software", "pdf": "CreationDate"}[kind]
        give_chinese(self.figure)
        return write(
            self.figure, kind, {said: self.alt, undated: None}, dpi=_DPI, facecolor="white"
        )

    def _repr_mimebundle_(self, **_kinds: object) -> dict[str, str]:
        from html import escape  # noqa: PLC0415  (where a notebook asks for it)

        source = base64.b64encode(self._drawn("svg")).decode()
        image = (
            f'<img alt="{escape(self.alt)}" src="data:image/svg+xml;base64,{source}" '
            'style="max-width:100%">'
        )
        return {"text/html": image, "text/plain": self.alt}


def as_chart(drawing: object, alt: str = "") -> Chart:
    """Return a chart of whatever somebody drew, marked as the data loaded say.

    Parameters
    ----------
    drawing : Chart, Figure, Axes, grid of seaborn, or a list of axes
        What a plotting function returned.
    alt : str
        What it shows, for who cannot see it; a chart of the house says this itself.

    Raises
    ------
    LianjianError
        It is nothing drawn.

    Examples
    --------
    >>> figure = Figure()
    >>> as_chart(figure.subplots(), "Nothing yet.").figure is figure
    True
    >>> as_chart("x.png")
    Traceback (most recent call last):
    analysis.errors.LianjianError: A chart, a figure or its axes are needed, and this is a str.
    """
    if isinstance(drawing, Chart):
        return Chart(drawing.figure, alt or drawing.alt)
    figure = _figure_of(drawing)
    if figure is None:
        raise LianjianError(
            f"A chart, a figure or its axes are needed, and this is a {type(drawing).__name__}."
        )
    give_chinese(figure)
    if any_simulated():
        mark_simulated(figure)
    return Chart(figure, alt)


def _figure_of(drawing: Any) -> Figure | None:
    """Find the figure of axes, of what was drawn on them, or of a list of either."""
    if isinstance(drawing, Figure):
        return drawing
    if hasattr(drawing, "on") and hasattr(drawing, "plot"):  # a Plot of seaborn.objects
        figure = Figure(layout="constrained")
        drawing.on(figure).plot()
        return figure
    if hasattr(drawing, "get_figure"):  # axes, and all that is in them
        return drawing.get_figure(root=True)
    if hasattr(drawing, "gcf") or hasattr(drawing, "figure"):  # pyplot itself, a grid of seaborn
        return drawing.gcf() if hasattr(drawing, "gcf") else _figure_of(drawing.figure)
    several = list(drawing.flat) if isinstance(drawing, np.ndarray) else drawing
    if not isinstance(several, list | tuple):
        return None
    return next(filter(None, map(_figure_of, several)), None)


@cache
def fonts() -> tuple[str, ...]:
    """Register the fonts once and return their families in order of use.

    Noto Sans SC covers Latin and Chinese; DejaVu Sans stands behind it for symbols.
    """
    import pylopdf_fonts_zh_cn  # noqa: PLC0415

    folder = Path(pylopdf_fonts_zh_cn.__file__).parent
    fontManager.addfont(folder / "NotoSansSC-Regular.otf")
    return ("Noto Sans SC", "DejaVu Sans")


def give_chinese(figure: Figure) -> None:
    """Let each text of a figure fall back on a font with Chinese, glyph by glyph.

    Styles and ``seaborn.set_theme`` choose a font without Chinese whenever they are called, so it
    is the finished figure that is mended.
    """
    font, changed = fonts()[0], figure.stale
    for text in figure.findobj(Text):  # asking for ticks makes them
        families = text.get_fontfamily()
        if font not in families:
            text.set_fontfamily([*families, font])
    figure.stale = changed  # as before: fonts are given again to what is drawn again


def write(
    figure: Figure,
    kind: str,
    metadata: Mapping[str, Any],
    name: str = "",
    **how: Any,
) -> bytes:
    """Return a figure as a file, cut to what is drawn; the same figure gives the same bytes."""
    settings: dict[Any, Any] = {
        "svg.hashsalt": name or "lianjian",
        "svg.fonttype": "path",
        "figure.autolayout": False,
        "figure.constrained_layout.use": False,
    }
    if kind == "svg" and _calls.is_chart(figure):
        how["dpi"] = DPI  # it holds no pixels, and at another the last bits of positions differ
    engine = figure.get_layout_engine()
    buffer = io.StringIO() if kind == "svg" else io.BytesIO()
    once = measured_once() if _calls.is_chart(figure) else nullcontext()
    with mpl.rc_context(settings), _has_glyphs(name), once:
        cut = lay_out(figure)
        figure.set_layout_engine(None)  # or matplotlib would draw it once more, to lay it out
        try:
            figure.savefig(buffer, format=kind, bbox_inches=cut, metadata=metadata, **how)
        finally:
            figure.set_layout_engine(engine)
    drawn = buffer.getvalue()
    return drawn.encode() if isinstance(drawn, str) else drawn


@contextmanager
def as_drawn(figure: Figure) -> Iterator[None]:
    """Let a figure be headed, laid out and written, and be afterwards as it was drawn.

    What is put into another language stays so.
    """
    engine, height = figure.get_layout_engine(), figure.get_figheight()
    room = engine.get()["rect"] if isinstance(engine, ConstrainedLayoutEngine) else None
    words = {text: (text.get_text(), text.get_position()) for text in _written(figure)}
    places = {axes: axes.get_position(original=True).frozen() for axes in figure.axes}
    try:
        yield
    finally:
        figure.set_figheight(height)
        if room is not None:
            engine.set(rect=room)  # type: ignore[union-attr, call-arg]
        for text in _written(figure):
            if text not in words:
                text.remove()
        for text, (said, place) in words.items():
            text.set(text=said, position=place)
        for axes, bounds in places.items():
            axes._set_position(bounds)  # type: ignore[attr-defined]  # noqa: SLF001  (stays laid out)


def _written(figure: Figure) -> list[Text]:
    """Return the texts of a figure that its head, its mark and its layout write or break."""
    titles = ("title", "_left_title", "_right_title")
    return [*figure.texts, *(getattr(axes, name) for axes in figure.axes for name in titles)]


settled: "WeakSet[Figure]" = WeakSet()
"""Figures whose mark is decided where they are made: those of the house, those on other data."""


def dress_figures() -> None:
    """Let all figures of this process show Chinese, and people's own the mark of simulated data.

    Every text asks the manager of fonts for its files, whatever style is set: Chinese is added
    there. Whatever shows or saves a figure calls its ``draw``: there it is marked. Charts of the
    house, and figures on other data (``show(…, data=…)``), are marked where they are made.
    """
    find, plain = fontManager._find_fonts_by_props, Figure.draw  # noqa: SLF001  (no other is asked)
    if hasattr(plain, "dressed"):
        return
    chinese = findfont(FontProperties(family=fonts()[0]))

    def found(*about: Any, **more: Any) -> list[Any]:
        files = find(*about, **more)
        return files if chinese in files else [*files, chinese]

    @wraps(plain)
    def draw(figure: Figure, renderer: Any) -> None:
        if figure not in settled and any_simulated():
            mark_simulated(figure)
        plain(figure, renderer)

    draw.dressed = True  # type: ignore[attr-defined]
    fontManager._find_fonts_by_props = found  # type: ignore[method-assign]  # noqa: SLF001
    Figure.draw = draw  # type: ignore[assignment, method-assign]


@contextmanager
def _has_glyphs(name: str) -> Iterator[None]:
    """Refuse a character that no font can draw; an empty box would take its place."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"Glyph \d+ .*missing from")
        try:
            yield
        except UserWarning as warning:
            if "missing from" not in str(warning):
                raise
            figure = f"Figure {name!r}" if name else "The figure"
            raise LianjianError(
                f"{figure} holds a character that its fonts cannot draw: {warning} "
                "Write it with characters that Noto Sans SC or DejaVu Sans has."
            ) from None


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
    _wipe(figure)
    family = list(fonts())
    for axes in panels(figure):
        width = axes.get_position().width * figure.get_figwidth() * 72
        # above bars and meshes, below lines and labels
        how: dict[str, Any] = {"alpha": 0.2, "rotation": 14, "ha": "center", "va": "center"}
        how |= {"fontsize": min(30.0, width / 9.5), "transform": axes.transAxes, "zorder": 1.5}
        # in three dimensions too, where axes have another `text`
        text = Axes.text(axes, 0.5, 0.5, face, gid=_MARK, family=family, color=MARK, **how)
        text.set_in_layout(False)
        for place in _PLACES:
            if words := axes.get_title(loc=place):
                axes.set_title(words + title, loc=place, family=family)
    corner: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8}
    figure.text(0.995, 0.004, line, gid=_MARK, family=family, color=MARK, **corner)
    _leave_room(figure, 0.22 / figure.get_figheight())


def _leave_room(figure: Figure, height: float) -> None:
    """Keep the line below the axes free for the mark, where a layout is still to be made."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine | TightLayoutEngine):
        engine.set(rect=(0, height, 1, 1 - height))


def _is_marked(figure: Figure) -> bool:
    return any(text.get_gid() == _MARK for text in figure.texts)


def panels(figure: Figure) -> list[Axes]:
    """Return the axes that hold data: no colour bars, none that are switched off."""
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    return [axes for axes in shown if axes.get_label() != "<colorbar>"]


def unmark_simulated(figure: Figure) -> None:
    """Take the mark off a figure that stands on other data than the simulated ones beside it."""
    settled.add(figure)
    _wipe(figure)


def _wipe(figure: Figure) -> None:
    if _is_marked(figure):
        _leave_room(figure, 0.0)
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
