"""Whose work a page on a dataset is: ``authors``, ``institution`` and ``date`` of its card."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from analysis.errors import LianjianError

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")


@dataclass(frozen=True)
class Author:
    """A person, or a body with only a ``name``."""

    family: str = ""
    given: str = ""
    name: str = ""
    orcid: str = ""
    affiliation: str = ""

    @property
    def indexed(self) -> str:
        """The name as a bibliography sorts it."""
        return ", ".join(filter(None, (self.family, self.given))) or self.name

    @property
    def displayed(self) -> str:
        """The name as it is said."""
        if self.name:
            return self.name
        between = "" if "\u4e00" <= self.family[:1] <= "\u9fff" else " "
        first, last = (self.family, self.given) if not between else (self.given, self.family)
        return between.join(filter(None, (first, last)))


def own_work(head: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Read from a dataset's card whose work a page on it is."""
    if not {"authors", "institution", "date"} & set(head):
        return {}
    listed = head.get("authors", [])
    if not isinstance(listed, list):
        raise LianjianError(f"{where}: {_form(listed)}")
    given = head.get("date", "")
    when = given.isoformat() if isinstance(given, date) else str(given)
    if when and not _DATE.match(when):
        raise LianjianError(
            f"{where}: date is {when!r}; a year, or a date like 2026-11-23, is expected."
        )
    return {
        "authors": [_named(author, where) for author in listed],
        "institution": str(head.get("institution", "")),
        "date": when,
    }


def _named(author: object, where: str) -> dict[str, str]:
    if isinstance(author, str) and author.strip():
        family, comma, given = (part.strip() for part in author.partition(","))
        return {"family": family, "given": given} if comma else {"name": family}
    known = Author.__dataclass_fields__
    if isinstance(author, dict) and author and set(author) <= set(known):
        return {key: str(value) for key, value in author.items()}
    raise LianjianError(f"{where}: {_form(author)}")


def _form(seen: object) -> str:
    return (
        f'authors holds {seen!r}. It is a list of names, each "Family, Given", or a table with '
        f'{", ".join(Author.__dataclass_fields__)}, for example: authors = ["Zhang, San"].'
    )
