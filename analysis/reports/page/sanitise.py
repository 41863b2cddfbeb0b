"""What may stand in a page: an own list of tags, attributes and addresses.

Text from a ledger reaches a page through outputs and markdown. Nothing in it may run, load,
imitate an address of the page or reorder what stands around it.
"""

import re
from functools import cache
from typing import Any

from analysis.reports.text import visible  # a parser would drop what is hidden

_TEXT = (
    "a abbr b bdi blockquote br cite code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i "
    "ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup u ul var wbr"
)
_FIGURES = "caption col colgroup figcaption figure img table tbody td tfoot th thead tr"
_TAGS = set(f"{_TEXT} {_FIGURES}".split())
_ATTRIBUTES = {
    "*": {"class", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope", "abbr"},
    "col": {"span"},
    "ol": {"start"},
    "div": {"role", "tabindex", "aria-label"},
}
_IMAGE = re.compile(r"data:image/(?:svg\+xml|png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_ANCHOR = re.compile(r"(?:fig|tab|num)-[a-z0-9_-]+\Z")
_HIGHLIGHT = re.compile(r"highlight\Z|[a-z][a-z0-9]{0,2}\Z")  # pygments: k, nb, s2, …
_OWN = re.compile(r"lj-[a-z-]+\Z|lianjian\Z")


def own(html: str) -> str:
    """Clean what ``show``, ``table`` and ``record`` published: their ids and classes stay."""
    return str(_cleaner(own=True).clean(visible(html)))


def foreign(html: str) -> str:
    """Clean any other HTML: no ids, no classes but those of highlighted code.

    Examples
    --------
    >>> foreign('<b onclick="x()">a</b><script>x()</script><a href="javascript:x()">b</a>')
    '<b>a</b><a rel="noopener noreferrer">b</a>'
    """
    return str(_cleaner(own=False).clean(visible(html)))


@cache
def _cleaner(*, own: bool) -> Any:  # noqa: ANN401  (nh3 is untyped)
    import nh3  # noqa: PLC0415

    classes = _OWN if own else _HIGHLIGHT

    def attribute(_tag: str, name: str, value: str) -> str | None:
        if name == "class":
            return " ".join(word for word in value.split() if classes.match(word)) or None
        keep = {
            "id": _ANCHOR.match(value) is not None,
            "src": _IMAGE.match(value) is not None,
            "href": not value.strip().lower().startswith("data:"),
            "role": value == "region",
            "tabindex": value == "0",
        }
        return value if keep.get(name, True) else None

    shared = _ATTRIBUTES["*"] | {"id"} if own else _ATTRIBUTES["*"]
    return nh3.Cleaner(
        tags=_TAGS,
        attributes=_ATTRIBUTES | {"*": shared},
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties={"text-align"},
    )
