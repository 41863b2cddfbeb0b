"""What may stand in a page: an own list of tags, attributes and addresses.

Text from a ledger reaches a page through outputs and markdown. Nothing in it may run, load,
imitate an address of the page or reorder what stands around it. What is taken out is counted.
"""

import re
import tomllib
from collections import Counter
from functools import cache, lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from analysis.terminal import visible  # a parser would drop what is hidden

_LISTS = tomllib.loads(Path(__file__).with_name("allowed.toml").read_text("utf-8"))
_ATTRIBUTES = {tag: set(names.split()) for tag, names in _LISTS.pop("attributes").items()}
_WORDS = {name: set(words.split()) for name, words in _LISTS.items()}
_IMAGE = re.compile(r"data:image/(?:svg\+xml|png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_IMG = re.compile(r'<img((?:\s+[\w-]+="[^"]*")*)>')  # as the cleaner writes it
_ANCHORS = {
    "own": re.compile(r"(?:fig|tab|num)-[a-z0-9_-]+\Z"),
    "prose": re.compile(r"fn(?:ref)?-[0-9]+\Z"),
    "foreign": re.compile(r"(?!)"),
}
_HIGHLIGHT = r"highlight\Z|[a-z][a-z0-9]{0,2}\Z"  # pygments: k, nb, s2, …
_CLASSES = {
    "own": re.compile(r"lj-[a-z-]+\Z|lianjian\Z"),
    "prose": re.compile(rf"lj-(?:callout(?:-[a-z]+)?|task|notes|gap)\Z|{_HIGHLIGHT}"),
    "foreign": re.compile(_HIGHLIGHT),
}
_COUNTED = _WORDS["active"] | _WORDS["counted"]
# a style sheet says something where it colours; pandas' own only aligns
_COLOURS = re.compile(r"(?:background|color)[\w-]*\s*:")


@lru_cache(maxsize=256)  # tables are cleaned before they are put into another language
def own(html: str) -> str:
    """Clean what ``show``, ``table`` and ``record`` published: their ids and classes stay."""
    return _clean("own", html)


def prose(html: str) -> str:
    """Clean what was made of markdown: formulas, callouts and footnotes stay."""
    return _clean("prose", html)


def foreign(html: str) -> str:
    """Clean any other HTML: no ids, no classes but those of highlighted code."""
    return _clean("foreign", html)


def _clean(source: str, html: str) -> str:
    clean = str(_cleaner(source).clean(visible(html)))
    # a picture whose address was taken away shows nothing
    return _IMG.sub(lambda match: match[0] if ' src="' in match[1] else "", clean)


@cache
def _cleaner(source: str) -> Any:
    import nh3

    def attribute(_tag: str, name: str, value: str) -> str | None:
        if name == "class":
            return " ".join(w for w in value.split() if _CLASSES[source].match(w)) or None
        keep = {
            "data-address": source == "own" and _ANCHORS[source].match(value) is not None,
            "data-label": source == "own",
            "id": _ANCHORS[source].match(value) is not None,
            "src": _IMAGE.match(value) is not None,
            "href": not value.strip().lower().startswith("data:"),
            "role": value == "region",
            "tabindex": value == "0",
        }
        return value if keep.get(name, True) else None

    tags, attributes = _WORDS["text"] | _WORDS["figures"], dict(_ATTRIBUTES)
    unshown = _WORDS["active"] | _WORDS["unshown"]
    if source != "foreign":
        attributes["*"] = attributes["*"] | {"id"}
    if source == "prose":
        tags, unshown = tags | _WORDS["formulas"], unshown - {"math"}
        attributes |= dict.fromkeys(_WORDS["formulas"], _WORDS["setting"])
    return nh3.Cleaner(
        tags=tags,
        clean_content_tags=unshown,
        attributes=attributes,
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties={"text-align"},
    )


# ---- the account ----


class _Counter(HTMLParser):
    """Counts what carries content other than text."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag
        if tag == "img":
            self.counts["img"] += bool(given.get("src"))
        elif tag in _COUNTED - {"style"}:
            self.counts[tag] += 1

    def handle_data(self, data: str) -> None:
        if self.inside == "style" and _COLOURS.search(data):
            self.counts["style"] += 1


def dropped(before: str, after: str) -> list[str]:
    """Name the tags whose content was taken out of some HTML."""
    counts = []
    for html in (before, after):
        counter = _Counter()
        counter.feed(html)
        counter.close()
        counts.append(counter.counts)
    return sorted(counts[0] - counts[1])
