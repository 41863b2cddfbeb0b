"""Charts, found by name when one is asked for: numbers need no drawing library."""

from importlib import import_module
from typing import Any

BACKEND = "analysis.figures"
"""Module whose functions draw, as pandas finds its plotting backend; name another to replace it."""


def draw(chart: str, *arguments: object, **options: object) -> Any:  # noqa: ANN401  (any chart)
    """Call a chart of the backend by its name."""
    return getattr(import_module(BACKEND), chart)(*arguments, **options)
