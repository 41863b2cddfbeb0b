"""The HTML of one product; the notebook shows it, the page shows it with its number."""

from html import escape

from analysis.reports.text import typeset

SIMULATED = "Simulated data 模拟数据"
"""What every figure and table made from simulated data says in its caption."""

MIXED = "Mixed: includes simulated data 含模拟数据"
"""What it says where other data were read as well, and it does not say on which it stands."""

INTERNAL = "Internal 内部资料"
"""What leaves a desk with numbers of real books says, until `lianjian release` lets it out."""

IN_ROW = {SIMULATED: "模拟", MIXED: "含模拟", INTERNAL: "内部"}
"""What every row of such a table says, for those who copy a row."""

WORDS = {"figure": "Figure", "table": "Table", "number": "Number"}
_PREFIX = {"figure": "fig", "table": "tab", "number": "num"}


def anchor(kind: str, name: str) -> str:
    """Return the id of a product in its page."""
    return f"{_PREFIX[kind]}-{name}"


def label(kind: str, name: str, number: int | None = None) -> str:
    """Return the label that opens a caption; with a number it links to itself."""
    if number is None:
        return f'<strong class="lj-label">{WORDS[kind]}.</strong>'
    words = f"{WORDS[kind]} {number}"
    return f'<a class="lj-label" href="#{anchor(kind, name)}">{words}</a>'


def figure(name: str, caption: str, alt: str, source: str, *, mark: str = "") -> str:
    """Return a figure: an image with alternative text and a caption below."""
    return (
        f'<figure id="{anchor("figure", name)}" class="lianjian lj-figure">'
        f'<img alt="{escape(alt)}" src="{source}" style="max-width:100%;background:#fff">'
        f'<figcaption style="max-width:48em">{_caption("figure", name, caption, mark)}'
        "</figcaption></figure>"
    )


def table(name: str, caption: str, grid: str, *, mark: str = "") -> str:
    """Return a table with its caption above, in a region that scrolls when it is wide."""
    return (
        f'<div id="{anchor("table", name)}" class="lianjian lj-table" role="region" tabindex="0" '
        f'aria-label="Table: {escape(caption)}" style="overflow-x:auto"><table>'
        '<caption style="caption-side:top;text-align:left;max-width:48em">'
        f"{_caption('table', name, caption, mark)}</caption>{grid}</table></div>"
    )


def number(name: str, words: str, value: str, interval: str, count: str, *, mark: str = "") -> str:
    """Return one cited number as a readable line."""
    mark = _marked(mark)
    rest = "".join(
        f' <span class="lj-{part}">{escape(text)}</span>'
        for part, text in (("interval", interval), ("count", count))
        if text
    )
    return (
        f'<p id="{anchor("number", name)}" class="lianjian lj-number">'
        f"<span>{_number_label(name, words)}{mark}</span> "
        f'<strong class="lj-value">{escape(value)}</strong>{rest}</p>'
    )


def with_number(html: str, kind: str, name: str, position: int) -> str:
    """Put the number into what a notebook published."""
    return html.replace(label(kind, name), label(kind, name, position), 1)


def _caption(kind: str, name: str, caption: str, mark: str) -> str:
    return f"{label(kind, name)} {escape(typeset(caption))}{_marked(mark)}"


def _marked(mark: str) -> str:
    return f' <span class="lj-simulated">{mark}</span>' if mark else ""


def _number_label(name: str, words: str) -> str:
    return f'<a class="lj-what" href="#{anchor("number", name)}">{escape(typeset(words))}</a>'
