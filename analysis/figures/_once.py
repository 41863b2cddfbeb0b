"""What matplotlib asks again and again while it lays out and writes a chart, found once.

Each text is measured about ten times before it is drawn, and its font looked for as often. Between
two writings texts, fonts and axes may change; within one only an axis can, by its bounds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from matplotlib.axis import Axis
from matplotlib.font_manager import FontManager
from matplotlib.text import Text

_found: ContextVar[dict[Any, Any] | None] = ContextVar("found", default=None)


@contextmanager
def measured_once() -> Iterator[None]:
    """Measure each text, look for each font and set each axis's ticks once."""
    token = _found.set({})
    try:
        yield
    finally:
        _found.reset(token)


def _once(owner: type, name: str, key: Callable[..., Any]) -> None:
    """Let a method remember what it returned; what has no key is asked each time."""
    plain = getattr(owner, name)

    @wraps(plain)
    def asked(self: Any, *given: Any, **more: Any) -> Any:
        found = _found.get()
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
    return (*said, hash(text.get_fontproperties()), *aligned, *turned, figure.dpi, renderer)


def _of_axis(axis: Axis) -> Any:
    """Return the axis with what it shows and its length, by which ticks are chosen."""
    return (axis, *axis.get_view_interval(), *axis.axes.bbox.bounds)


_once(Text, "_get_layout", _of_text)
_once(FontManager, "_find_fonts_by_props", lambda _manager, prop: hash(prop))
_once(Axis, "_update_ticks", _of_axis)
