"""Citations in prose, ``[@key]``, from a BibTeX file beside the notebooks."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from analysis.errors import LianjianError
from analysis.reports.text import listed, meant, slug

FILE = "references.bib"
_KEY = r"[\w][\w:.+/-]*"
# [@key], [see @key, p. 3; @other]: no @ before the first key but after a space or the bracket
CITED = rf"\[(?P<cited>(?:[^\[\]@\n]*\s)?@{_KEY}(?:[^\[\]@]*|;[^\[\]@;]*\s?@{_KEY})*)\](?![(\[])"
_ONE = re.compile(rf"(?P<before>.*?)@(?P<key>{_KEY})(?P<after>.*)", re.DOTALL)
_ENTRY = re.compile(r"^\s*@\w+\s*[{(]\s*([^,\s{}]+)\s*,", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[^\s<]*[^\s<.]")


@dataclass
class References:
    """The works that the prose of one page cites, in the order in which it does.

    Attributes
    ----------
    file : Path
        The BibTeX file.
    language : str
        Of the page, as in HTML.
    """

    file: Path
    language: str

    def __post_init__(self) -> None:
        self.cited: dict[str, None] = {}

    def citation(self, text: str) -> str:
        """Return one citation, what stands between its brackets, as HTML."""
        parts = [match for part in text.split(";") if (match := _ONE.fullmatch(part))]
        keys = [self._known(match["key"]) for match in parts]
        works = _written(self.file, self.file.stat().st_mtime_ns, self.language)
        said = [
            f"{escape(match['before'].lstrip())}"
            f'<a href="#{anchor(key)}">{works[key][0]}</a>{escape(match["after"].rstrip())}'
            for match, key in zip(parts, keys, strict=True)
        ]
        self.cited |= dict.fromkeys(keys)
        return f"({'; '.join(said)})"

    def _known(self, key: str) -> str:
        if not self.file.is_file():
            raise LianjianError(
                f"The text cites [@{key}], and there is no {self.file.name} beside the notebook. "
                "Put the work there, as BibTeX."
            )
        works = _written(self.file, self.file.stat().st_mtime_ns, self.language)
        bare = key.rstrip(".:/+-")  # a sentence may end behind a key
        if key in works or bare in works:
            return key if key in works else bare
        raise LianjianError(
            f"The text cites [@{key}], which {self.file.name} does not hold.{meant(key, works)} "
            f"It holds: {listed(sorted(works)) or 'nothing'}."
        )

    def entries(self) -> list[tuple[str, str]]:
        """Return id and text, as HTML, of the works that were cited, in the order of a list."""
        if not self.cited:
            return []
        works = _written(self.file, self.file.stat().st_mtime_ns, self.language)
        return [(anchor(key), text) for key, (_, text) in works.items() if key in self.cited]


def anchor(key: str) -> str:
    """Return the id of a work in the list."""
    return f"ref-{slug(key, exact=True)}"


@lru_cache(maxsize=8)
def _written(file: Path, _changed: int, language: str) -> Mapping[str, tuple[str, str]]:
    """Write every work of a file as it is cited and as it is listed, in the order of the list."""
    import citeproc  # noqa: PLC0415  (a page without citations needs none)

    from analysis.reports.page import _bibtex  # noqa: PLC0415

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LianjianError(f"{file.name} is not in UTF-8 ({error}). Save it so.") from error
    keys = _ENTRY.findall(text)
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise LianjianError(f"{file.name} holds {listed(twice)} twice. Give each work its own key.")
    locale = "zh-CN" if language.startswith("zh") else "en-US"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fields that the style does not print
        style = citeproc.CitationStylesStyle("harvard-cite-them-right", locale, validate=False)
        works = _bibtex.works(file, keys)
        bibliography = citeproc.CitationStylesBibliography(style, works, citeproc.formatter.html)
        citations = {key: citeproc.Citation([citeproc.CitationItem(key)]) for key in keys}
        for citation in citations.values():
            bibliography.register(citation)
        said = {key: str(bibliography.cite(made, _absent)) for key, made in citations.items()}
        bibliography.sort()
        order = {key.lower(): key for key in keys}
        listing = zip(bibliography.keys, bibliography.bibliography(), strict=True)
        return {
            order[key]: (
                said[order[key]].removeprefix("(").removesuffix(")"),
                _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', str(text)),
            )
            for key, text in listing
        }


def _absent(item: Any) -> str:  # noqa: ANN401
    raise LianjianError(f"{item.key} could not be cited.")
