"""Citations in prose, ``[@key]``, and the list of works that they make, from a BibTeX file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from analysis import _language
from analysis.errors import LianjianError, did_you_mean
from analysis.reports.text import listed, slug

FILE = "references.bib"
_KEY = r"[\w][\w:.+/-]*"
# [@key], [see @key, p. 3; @other]: no @ before the first key but after a space or the bracket
CITED = rf"\[(?P<cited>(?:[^\[\]@\n]*\s)?@{_KEY}(?:[^\[\]@]*|;[^\[\]@;]*\s?@{_KEY})*)\](?![(\[])"
_ONE = re.compile(rf"(?P<before>.*?)@(?P<key>{_KEY})(?P<after>.*)", re.DOTALL)
_ENTRY = re.compile(r"^\s*@\w+\s*[{(]\s*([^,\s{}]+)\s*,", re.MULTILINE)
_BESIDE_HAN = re.compile(r" (?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff]) ")
_TAG = re.compile(r"<[^>]+>")
_ADDRESS = re.compile(r"https?://[^\s<]*[^\s<.]")


@dataclass(frozen=True)
class _Written:
    """Works as a style has them, cited and listed, and what stands about and between citations."""

    works: Mapping[str, tuple[str, str]]
    opens: str
    between: str
    closes: str


class References:
    """The works that the prose of one page cites; ``cited`` holds their keys so far.

    All of the prose is given first: which works must be told apart depends on all that it cites.
    """

    def __init__(self, file: Path, language: str, prose: str = "") -> None:
        self.file, self.language = file, language
        self.cited: dict[str, None] = {}
        self._named = {
            one["key"]
            for match in re.finditer(CITED, prose)
            for part in match["cited"].split(";")
            if (one := _ONE.fullmatch(part))
        }

    def citation(self, text: str) -> str:
        """Return one citation, what stands between its brackets, as HTML."""
        parts = [match for part in text.split(";") if (match := _ONE.fullmatch(part))]
        keys = [self._known(match["key"]) for match in parts]
        self.cited |= dict.fromkeys(keys)
        written = self._written()
        said = [
            f"{escape(match['before'].lstrip())}"
            f'<a href="#{anchor(key)}">{written.works[key][0]}</a>{escape(match["after"].rstrip())}'
            for match, key in zip(parts, keys, strict=True)
        ]
        return f"{written.opens}{written.between.join(said)}{written.closes}"

    def entries(self) -> list[tuple[str, str]]:
        """Return id and text, as HTML, of the works that were cited, in the order of a list."""
        works = self._written().works if self.cited else {}
        return [(anchor(key), text) for key, (_, text) in works.items() if key in self.cited]

    def _known(self, key: str) -> str:
        if not self.file.is_file():
            raise LianjianError(
                f"The text cites [@{key}], and there is no {self.file.name} beside the notebook. "
                "Put the work there, as BibTeX."
            )
        keys = _keys(self.file, self._changed)
        bare = key.rstrip(".:/+-")  # a sentence may end behind a key
        if key in keys or bare in keys:
            return key if key in keys else bare
        raise LianjianError(
            f"The text cites [@{key}], which {self.file.name} does not hold."
            f"{did_you_mean(key, keys)} It holds: {listed(sorted(keys)) or 'nothing'}."
        )

    def _written(self) -> "_Written":
        named = {bare for key in self._named for bare in (key, key.rstrip(".:/+-"))}
        wanted = named.intersection(_keys(self.file, self._changed)) | self.cited.keys()
        spoken, setting = _language.current(), _language.setting(self.language)
        style = setting.file(_language.CITED)
        own = setting, style.stat().st_mtime_ns if style else 0
        catalogue = spoken and spoken.catalogue
        return _written(self.file, self._changed, own, catalogue, tuple(sorted(wanted)))

    @property
    def _changed(self) -> int:
        return self.file.stat().st_mtime_ns


def anchor(key: str) -> str:
    """Return the id of a work in the list."""
    return f"ref-{slug(key, exact=True)}"


@lru_cache(maxsize=8)
def _keys(file: Path, _changed: int) -> tuple[str, ...]:
    try:
        keys = _ENTRY.findall(file.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LianjianError(f"{file.name} is not in UTF-8 ({error}). Save it so.") from error
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise LianjianError(f"{file.name} holds {listed(twice)} twice. Give each work its own key.")
    return tuple(keys)


@lru_cache(maxsize=32)
def _written(
    file: Path,
    changed: int,
    own: tuple[_language.Setting, int],
    catalogue: _language.Catalogue | None,
    wanted: tuple[str, ...],
) -> _Written:
    """Write works as they are cited and as they are listed, in the order of the list."""
    from analysis.reports.page import _bibtex

    said = catalogue.exact if catalogue else {}
    works = _bibtex.works(file, _keys(file, changed), said)
    written = _styled(works, own[0], wanted)
    alike: dict[str, list[str]] = {}
    for key, (cited, _) in written.works.items():
        alike.setdefault(cited, []).append(key)
    twins = [keys for keys in alike.values() if len(keys) > 1]
    for keys in twins:
        for place, key in enumerate(keys):
            works[key.lower()]["year_suffix"] = _letters(place)
    return _styled(works, own[0], wanted) if twins else written


def _letters(place: int) -> str:
    """Tell works of one year apart: a, b, … z, aa, ab and so on."""
    more, last = divmod(place, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]


def _styled(works: Any, setting: _language.Setting, wanted: Iterable[str]) -> _Written:
    import citeproc

    own = setting.file(_language.CITED)
    named, locale = (str(own), None) if own else ("harvard-cite-them-right", "en-US")
    style = citeproc.CitationStylesStyle(named, locale, validate=False)
    shelf = citeproc.CitationStylesBibliography(style, works, citeproc.formatter.html)
    made = {key: citeproc.Citation([citeproc.CitationItem(key)]) for key in wanted}
    for citation in made.values():
        shelf.register(citation)
    layout = style.root.citation.layout
    opens, between, closes = (layout.get(name, "") for name in ("prefix", "delimiter", "suffix"))
    said = {}
    for key, citation in made.items():
        cited = str(shelf.cite(citation, _absent)).removeprefix(opens).removesuffix(closes)
        said[key.lower()] = (key, _BESIDE_HAN.sub("", cited) if own else cited)
    shelf.sort()
    written = {}
    for low, text in zip(shelf.keys, shelf.bibliography(), strict=True):
        key, cited = said[low]
        written[key] = (cited, _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', str(text)))
    if setting.order:
        listed_by = sorted(written, key=lambda key: setting.place(_TAG.sub("", written[key][1])))
        written = {key: written[key] for key in listed_by}
    return _Written(written, opens, between, closes)


def _absent(item: Any) -> str:
    raise LianjianError(f"{item.key} could not be cited.")
