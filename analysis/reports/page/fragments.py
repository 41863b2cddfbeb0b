"""Cells of an executed notebook as HTML, sanitised piece by piece."""

import base64
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from html import escape, unescape
from typing import Any

from analysis.errors import LianjianError
from analysis.reports import markup
from analysis.reports.page import formula, sanitise
from analysis.reports.page.findings import DATA_MIME, Findings
from analysis.reports.text import slug, typeset

_IMAGES = ("image/svg+xml", "image/png", "image/jpeg")
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_POINTER = re.compile(r'<a href="#((?:fig|tab|num)-[^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_VERBATIM = re.compile(r"(<(?:pre|code)\b.*?</(?:pre|code)>|<[^>]+>)", re.DOTALL)
# on a phone a figure stands whole; this shows it at its own size
_ENLARGE = '<details class="lj-enlarge"><summary>Enlarge</summary></details>'
_UNFILLED = {"", "…", "...", "figure", "table", "number"}


class Writer:
    """Writes the cells of one notebook; it numbers products and headings as it goes.

    Attributes
    ----------
    headings : list of (int, str, str)
        Level, id and text of each heading written so far.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.headings: list[tuple[int, str, str]] = []
        self.taken: set[str] = set()
        self.folds = 0

    # ---- prose ----

    def markdown(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        """Write a markdown cell."""
        html = _quotes(sanitise.foreign(_markdown(source, attachments or {}, escape=False)))
        return self._pointers(_HEADING.sub(self._heading, html))

    def heading(self, level: int, text: str) -> str:
        """Write a heading of the page itself."""
        return self._heading_html(level, escape(text), text)

    def _heading(self, match: re.Match[str]) -> str:
        text = unescape(_TAG.sub("", match[2])).strip()
        return self._heading_html(int(match[1]), match[2], text)

    def _heading_html(self, level: int, inner: str, text: str) -> str:
        # the page's title is its only h1, and no level is skipped on the way down
        above = self.headings[-1][0] if self.headings else 1
        level = max(2, min(level, above + 1))
        anchor = self.address("sec", text)
        self.headings.append((level, anchor, text))
        link = f'<a class="lj-anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}">{inner}{link}</h{level}>'

    def _pointers(self, html: str) -> str:
        """Let ``[](#fig-name)`` say "Figure 2", and ``[](#num-name)`` the number itself."""

        def fill(match: re.Match[str]) -> str:
            product = self.findings.find(match[1])
            if product is None:
                known = ", ".join(f"#{p.anchor}" for p in self.findings.products) or "nothing"
                raise LianjianError(
                    f"The text points to #{match[1]}, which this notebook does not publish. "
                    f"It publishes: {known}."
                )
            bare = _TAG.sub("", match[2]).strip().lower() in _UNFILLED
            words = escape(product.reference) if bare else match[2]
            return f'<a class="lj-pointer" href="#{match[1]}">{words}</a>'

        return _POINTER.sub(fill, html)

    def address(self, kind: str, name: object) -> str:
        """Return an address that this page has not given yet."""
        base = anchor = f"{kind}-{slug(str(name)) or 'x'}"
        count = 1
        while anchor in self.taken:
            count += 1
            anchor = f"{base}-{count}"
        self.taken.add(anchor)
        return anchor

    # ---- code ----

    def code(self, source: str) -> str:
        """Write the code of a cell, folded; its address unfolds it."""
        self.folds += 1
        anchor = f"code-{self.folds}"
        link = f'<a class="lj-anchor" href="#{anchor}" aria-label="Link to this code">#</a>'
        return (
            f'<details class="source"><summary>Code</summary>{link}'
            f'<pre id="{anchor}" class="highlight" tabindex="0"><code>{_highlighted(source)}</code>'
            "</pre></details>"
        )

    # ---- outputs ----

    def output(self, output: Mapping[str, Any]) -> str:
        """Write one output of a code cell."""
        kind = output["output_type"]
        if kind == "stream":
            return _pre(output["text"], f"lj-{output['name']}")
        if kind == "error":
            return _pre("\n".join(output["traceback"]), "lj-error")
        data = output.get("data", {})
        product = output.get("metadata", {}).get("lianjian")
        if DATA_MIME in data:
            return ""  # the page says what it used in one place
        if product:
            return self._product(data["text/html"], product)
        for mime, write in self._writers().items():
            if mime in data:
                return write(data[mime], output.get("metadata", {}).get(mime, {}))
        return ""

    def _product(self, html: str, facts: Mapping[str, Any]) -> str:
        kind, name = facts["product"], facts["name"]
        product = self.findings.find(markup.anchor(kind, name))
        if product is None:
            return ""
        clean = sanitise.own(markup.with_number(html, kind, name, product.position))
        return clean.replace("<figcaption", f"{_ENLARGE}<figcaption", 1)

    def _writers(self) -> dict[str, Callable[[str, Mapping[str, Any]], str]]:
        def html(text: str, _: Mapping[str, Any]) -> str:
            return (
                '<div class="lj-output" role="region" tabindex="0" aria-label="Output">'
                f"{_unheaded(sanitise.foreign(text))}</div>"
            )

        def markdown(text: str, _: Mapping[str, Any]) -> str:
            # an output carries data: its tags are text
            return _unheaded(sanitise.foreign(_markdown(text, {}, escape=True)))

        writers: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
            "text/html": html,
            "text/markdown": markdown,
        }
        writers |= {mime: _image(mime) for mime in _IMAGES}
        return writers | {
            m: lambda text, _: _pre(text, "lj-text") for m in ("text/latex", "text/plain")
        }


def _unheaded(html: str) -> str:
    """Turn headings of an output into words that look so: only a notebook's text divides a page."""
    html = re.sub(r"<h[1-6]\b[^>]*>", '<p class="lj-subhead"><strong>', html)
    return re.sub(r"</h[1-6]>", "</strong></p>", html)


def _quotes(html: str) -> str:
    """Set straight quotes in prose as quotes; code stays as typed.

    Examples
    --------
    >>> _quotes('<p>a "naive" gain in <code>a["b"]</code></p>')
    '<p>a “naive” gain in <code>a["b"]</code></p>'
    """
    parts = _VERBATIM.split(html)
    parts[::2] = [typeset(text) for text in parts[::2]]
    return "".join(parts)


@lru_cache(maxsize=512)
def _highlighted(source: str) -> str:
    """Highlight Python code; the runs of one notebook share it."""
    from pygments import highlight  # noqa: PLC0415
    from pygments.formatters.html import HtmlFormatter  # noqa: PLC0415
    from pygments.lexers.python import PythonLexer  # noqa: PLC0415

    return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def _pre(text: str, kind: str) -> str:
    from nbconvert.filters import ansi2html  # noqa: PLC0415

    return f'<pre class="{kind}" tabindex="0">{ansi2html(text.rstrip())}</pre>'


def _image(mime: str) -> Callable[[str, Mapping[str, Any]], str]:
    def write(content: str, metadata: Mapping[str, Any]) -> str:
        plain = mime == "image/svg+xml"
        data = base64.b64encode(content.encode()).decode() if plain else "".join(content.split())
        alt = escape(str(metadata.get("alt", "Image without a description")))
        image = f'<p><img class="lj-image" alt="{alt}" src="data:{mime};base64,{data}"></p>'
        return sanitise.own(image)

    return write


def get_ready() -> None:
    """Import what turns Markdown and code into HTML, before the first page is asked for."""
    _renderer()
    _highlighted("pass")


def _markdown(source: str, attachments: Mapping[str, Any], *, escape: bool) -> str:
    from nbconvert.filters.markdown_mistune import MarkdownWithMath  # noqa: PLC0415

    renderer = _renderer()(escape=escape, attachments=dict(attachments), exclude_anchor_links=True)
    html = str(MarkdownWithMath(renderer=renderer).render(source))
    return html.replace("<th></th>", "<td></td>")  # a header that says nothing is no header


@cache
def _renderer() -> type:
    from nbconvert.filters.markdown_mistune import IPythonRenderer  # noqa: PLC0415

    class Renderer(IPythonRenderer):
        """Writes formulas as plain HTML."""

        def inline_math(self, body: str) -> str:
            return formula.html(body)

        def block_math(self, body: str) -> str:
            return f"<blockquote><p>{formula.html(body)}</p></blockquote>"

    return Renderer
