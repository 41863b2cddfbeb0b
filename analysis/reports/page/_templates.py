"""The templates of pages."""

from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "templates"


@cache
def get(name: str) -> Any:  # noqa: ANN401  (jinja2 is imported when a page is written)
    """Return a template by its file name; what it is given is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Any:  # noqa: ANN401
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415

    loader = FileSystemLoader(FOLDER)
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
