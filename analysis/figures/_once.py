"""What matplotlib asks again and again while it lays out and writes a chart, found once.

Each text is measured about ten times before it is drawn, and its font looked for as often. Between
two writings texts, fonts and axes may change; within one only an axis can, by its bounds. How wide
some letters are in a font, and what they look like, never changes: that is found once a process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.font_manager import FontManager, fontManager
from matplotlib.text import Text
from matplotlib.textpath import TextToPath

_found: ContextVar[dict[Any, Any] | None] = ContextVar("found", default=None)
_for_good: dict[Any, Any] = {}


@contextmanager
def measured_once() -> Iterator[None]:
    """Measure each text, look for each font and set each axis's ticks once."""
    token = _found.set({})
    try:
        yield
    finally:
        _found.reset(token)


def _once(
    owner: type, name: str, key: Callable[..., Any], kept: dict[Any, Any] | None = None
) -> None:
    """Let a method remember what it returned, if need be ``kept``; without a key it is asked."""
    plain = getattr(owner, name)

    @wraps(plain)
    def asked(self: Any, *given: Any, **more: Any) -> Any:
        found = _found.get()
        if found is not None and kept is not None:
            found = kept
        told = None if found is None or more else key(self, *given)
        if found is None or told is None:
            return plain(self, *given, **more)
        if (name, told) not in found:
            found[name, told] = plain(self, *given)
        return found[name, told]

    setattr(owner, name, asked)


def _of_text(text: Any, renderer: object) -> Any:
    """Return all that the shape of a text hangs on; None where it fits itself to the figure."""
    if text.get_wrap():
        return None
    aligned = (text.get_ha(), text.get_va(), text._multialignment)  # noqa: SLF001  (no other way)
    turned = (text.get_rotation(), text.get_rotation_mode())
    figure = text.get_figure(root=True)
    said = (text.get_text(), text.get_parse_math(), text._linespacing)  # noqa: SLF001
    # what writes SVG measures alike, on whatever page
    drawn_by = type(getattr(renderer, "_renderer", renderer))
    told_apart = drawn_by if drawn_by is RendererSVG else renderer
    return (*said, hash(text.get_fontproperties()), *aligned, *turned, figure.dpi, told_apart)


def _of_axis(axis: Axis) -> Any:
    """Return the axis with what it shows and its length, by which ticks are chosen."""
    return (axis, *axis.get_view_interval(), *axis.axes.bbox.bounds)


def _of_letters(_self: TextToPath, text: str, font: Any, is_formula: object) -> Any:
    """Return some letters with the files and the size of their font; None for a formula."""
    files = fontManager._find_fonts_by_props(font)  # noqa: SLF001  (as those who measure do)
    return None if is_formula else (text, tuple(files), font.get_size_in_points())


_once(Text, "_get_layout", _of_text)
_once(TextToPath, "get_text_width_height_descent", _of_letters, _for_good)
_once(FontManager, "_find_fonts_by_props", lambda _manager, prop: hash(prop))
_once(Axis, "_update_ticks", _of_axis)


def _outlines_once(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Ask a font once what some letters look like, and leave out those that a drawing has."""

    @wraps(plain)
    def asked(self: TextToPath, font: Any, text: str, **how: Any) -> Any:
        if _found.get() is None or not how.get("return_new_glyphs_only"):
            return plain(self, font, text, **how)
        held, _ = how.pop("glyph_map"), how.pop("return_new_glyphs_only")
        key = ("outlines", font, text, *how.items())
        if key not in _for_good:
            _for_good[key] = plain(self, font, text, **how)
        placed, outlines, lines = _for_good[key]
        return placed, {name: outlines[name] for name in outlines if name not in held}, lines

    return asked


TextToPath.get_glyphs_with_font = _outlines_once(  # type: ignore[method-assign]
    TextToPath.get_glyphs_with_font
)
