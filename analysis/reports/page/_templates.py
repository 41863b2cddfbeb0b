"""The templates of pages, and the links between their languages."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from analysis import _language

FOLDER = Path(__file__).parent / "templates"


@cache
def get(name: str) -> Any:
    """Return a template by its file name; what it is given is escaped."""
    return _environment().get_template(name)


def others(languages: Sequence[str], file: str = "report.html") -> list[tuple[str, str, str]]:
    """Return a page's files in its other languages, each with name and tag of the language."""
    codes = [code for code in ("en", *languages) if languages and code != _language.code()]
    return [(_language.page_file(c, file), _language.name(c), _language.tag(c)) for c in codes]


def style(lang: str) -> Any:
    """Return the style sheet of a language, which HTML names so; empty where it brings none."""
    from markupsafe import Markup

    file = _language.setting(lang).file(_language.STYLE)
    return Markup(file.read_text("utf-8").strip()) if file else ""  # noqa: S704  (our own)


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader(FOLDER)
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
