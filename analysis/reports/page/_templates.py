"""The templates of pages."""

from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "templates"


@cache
def get(name: str) -> Any:
    """Return a template by its file name; what it is given is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader(FOLDER)
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
