"""A BibTeX file as citeproc takes it: Chinese names stay whole, and nothing of it becomes a tag."""

import re
from collections.abc import Collection, Mapping
from html import escape
from pathlib import Path
from typing import Any

from citeproc.source import Name
from citeproc.source.bibtex import BibTeX
from citeproc.types import ARTICLE_MAGAZINE, WEBPAGE

from analysis._language import form
from analysis.errors import LianjianError
from analysis.reports.text import listed

_HAN = re.compile(r"[\u3400-\u9fff]")
_ALSO = {
    "journaltitle": "journal",
    "location": "address",
    "institution": "publisher",
    "school": "publisher",
    "organization": "publisher",
}
_VERBATIM = {"url": "URL", "doi": "DOI"}
_RESOLVER = re.compile(r"\A(?:https?://(?:dx\.)?doi\.org/|doi:\s*)", re.IGNORECASE)


class _Works(BibTeX):
    fields = {k: v for k, v in BibTeX.fields.items() if v not in _VERBATIM.values()}  # noqa: RUF012
    types = {**BibTeX.types, "online": WEBPAGE, "www": WEBPAGE, "electronic": WEBPAGE}  # noqa: RUF012

    def __init__(self, file: Path, said: Mapping[str, str]) -> None:
        self.said = said  # what titles and offices are called in a language
        super().__init__(str(file), encoding="utf-8-sig")

    def create_reference(self, key: str, bibtex_entry: Any) -> Any:
        entry = bibtex_entry
        for name in ("title", "author"):
            if words := self.said.get(form(str(entry.get(name, "")).strip("{} "))):
                entry[name] = f"{{{words}}}"
        for name in list(entry):
            entry.setdefault(_ALSO.get(name.lower(), name.lower()), entry[name])
        if "date" in entry:
            entry.setdefault("year", entry["date"][:4])
        kept = {name: entry[name] for name in list(entry) if name in _VERBATIM}
        try:
            made = super().create_reference(key, entry)
        except Exception as error:
            raise LianjianError(
                f"The work {key} cannot be read ({type(error).__name__}: {error}). Look at its "
                "kind, its year and its braces."
            ) from error
        if made.type == "article-journal" and "volume" not in made:
            made.type = ARTICLE_MAGAZINE  # else the style calls it a preprint
        for name, text in kept.items():
            made[_VERBATIM[name]] = escape(_RESOLVER.sub("", str(text).strip("{} ")))
        return made

    def _bibtex_to_csl(self, bibtex_entry: Mapping[str, Any]) -> Any:
        # of each other field citeproc would warn on the terminal
        known = {name: text for name, text in bibtex_entry.items() if name in self.fields}
        return super()._bibtex_to_csl(known)

    def _parse_string(self, title: str) -> Any:
        return super()._parse_string(escape(title, quote=False).replace(r"\&amp;", "&amp;"))

    def _parse_author(self, authors: str) -> list[Any]:
        names = super()._parse_author(escape(authors, quote=False))
        return [
            Name(literal=f"{name.get('family', '')}{name.get('given', '')}")
            if _HAN.search(str(name.get("family", "")))
            else name
            for name in names
        ]


def works(file: Path, keys: Collection[str], said: Mapping[str, str]) -> BibTeX:
    """Read a BibTeX file that holds these keys; some titles and offices are said otherwise."""
    try:
        found = _Works(file, said)
    except LianjianError as error:
        raise LianjianError(f"{file.name}: {error}") from error
    except Exception as error:
        raise LianjianError(
            f"{file.name} cannot be read as BibTeX ({type(error).__name__}: {error}). The last "
            "entry that was begun, or the one before, lacks a brace or a comma."
        ) from error
    if missing := [key for key in keys if key.lower() not in found]:
        raise LianjianError(f"{file.name}: {listed(missing)} cannot be read; look at the braces.")
    return found
