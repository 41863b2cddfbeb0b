"""A chart remembers the call that drew it, so that it can be drawn again in another form."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, ParamSpec
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.theme import Chart

P = ParamSpec("P")

FORMS: Mapping[str, float | None] = {"plain": None, "dark": None, "print": 6.3, "phone": 4.4}
"""Forms of a chart, each with how wide it may be in inches: A4 between its margins, a phone."""


@dataclass(frozen=True)
class Drawing:
    """How charts are drawn: in which form, and whether marked, else as the data loaded say."""

    form: str = "plain"
    marked: bool | None = None


@dataclass(frozen=True)
class ChartCall:
    """What drew a chart: the function's name, its arguments, and whether the chart was marked."""

    chart: str
    arguments: Mapping[str, Any]
    marked: bool


CHARTS: dict[str, Callable[..., "Chart"]] = {}
"""All charts by name: what can be drawn again."""

_drawing: ContextVar[Drawing] = ContextVar("drawing", default=Drawing())  # noqa: B039  (frozen)
_calls: "WeakKeyDictionary[Figure, ChartCall]" = WeakKeyDictionary()


def chart(draw: Callable[P, "Chart"]) -> Callable[P, "Chart"]:
    """Make a function one of the charts: what it draws remembers name and arguments."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Chart":
        given = signature(draw).bind(*args, **kwargs).arguments
        if current().marked is None:  # not drawn again: who drew it may change what was handed over
            given = deepcopy(given)
        made = draw(*args, **kwargs)
        marked = any(text.get_gid() == "simulated" for text in made.figure.texts)
        _calls[made.figure] = ChartCall(draw.__name__, given, marked)
        return made

    CHARTS[draw.__name__] = drawn
    return drawn


def call_of(figure: "Figure") -> ChartCall | None:
    """Return the call that drew a figure; None where no chart drew it, or it was changed since."""
    return None if figure.stale else _calls.get(figure)


def is_chart(figure: "Figure") -> bool:
    """Whether a chart drew a figure, though it may have been changed since."""
    return figure in _calls


def current() -> Drawing:
    """Return how charts are drawn now."""
    return _drawing.get()


@contextmanager
def drawing(form: str, *, marked: bool) -> Iterator[None]:
    """Draw charts in a form, marked or not whatever is loaded."""
    token = _drawing.set(Drawing(form, marked))
    try:
        yield
    finally:
        _drawing.reset(token)


def on_phone() -> bool:
    """Whether charts are drawn for a phone now."""
    return current().form == "phone"


def panes(
    width: float, height: float, rows: int, columns: int, phone: tuple[float, int] | None = None
) -> tuple[float, float, int, int]:
    """Return size and grid of a figure in the form of now: on a phone fewer panels side by side.

    A chart may say its own height on a phone, in inches, and how many panels stand side by side.
    """
    widest = FORMS[current().form]
    if widest is None or width <= widest:
        return width, height, rows, columns
    if phone and on_phone():
        tall, beside = phone
        beside = min(beside, columns)
        return widest, tall, -(-rows * columns // beside), beside
    if not on_phone():
        return widest, height * widest / width, rows, columns
    beside = next(count for count in (2, 1) if columns % count == 0 and count < max(columns, 2))
    below = rows * columns // beside
    return widest, height * below / rows * (0.8 if below > rows else 1.0), below, beside
