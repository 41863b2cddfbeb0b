"""Cells of an executed notebook as HTML, sanitised piece by piece; what cannot stand is counted."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

from analysis import _language, paths
from analysis.errors import LianjianError
from analysis.reports import calls, markup
from analysis.reports.page import _gaps, _markdown, _math, _pictures, _sanitise, _terminal
from analysis.reports.page._references import FILE, References
from analysis.reports.page.findings import DATA_MIME, Findings, Product
from analysis.reports.text import language, slug, typeset

_TEXTS = ("text/markdown", "text/latex", "application/json", "application/geo+json", "text/plain")
# <VegaLite 5 object>, <module.Class at 0x…>: says nothing to a reader
_OBJECT = re.compile(r"\A\s*<[\w. ]+ (?:object|at 0x[^<>]*)>")
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_POINTER = re.compile(r'<a href="#((?:fig|tab|num)-[^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_VERBATIM = re.compile(r"(<(?:pre|code|math)\b.*?</(?:pre|code|math)>|<[^>]+>)", re.DOTALL)
# on a phone a figure without a form for it stands whole; this shows it at its own size
_ENLARGE = '<details class="lj-enlarge"><summary>Enlarge</summary></details>'
# a picture whose bytes stand in the page, as the sanitiser leaves it
_EMBEDDED = re.compile(r'(<img\b[^>]*? src=")data:image/[^;"]*;base64,([^"]*)("[^>]*>)')
_ALT = re.compile(r'\balt="([^"]*)"')
_UNFILLED = {"", "…", "...", "figure", "table", "number"}


class Writer:
    """Writes the cells of one notebook; it numbers products and headings as it goes."""

    def __init__(self, findings: Findings, folder: Path, lang: str = "en", prose: str = "") -> None:
        self.findings = findings
        self.lang = lang
        self.headings: list[tuple[int, str, str]] = []  # level, id and text of each
        self.gaps: list[_gaps.Gap] = []  # what could not be shown so far
        self.place = 0  # of the cell that is written, from 1 in the notebook's source
        self.taken: set[str] = set()
        self.folds = 0
        self.sentences: Iterator[Product] = iter(())  # of the cell that is written
        self.originals: dict[str, str] = {}  # headings in English, by what they say here
        self.aside = _pictures.Aside()
        self.references = References(folder / FILE, lang, prose)
        self.prose = _markdown.Prose(folder, self.references, self._gap)

    def _gap(self, key: str, words: str) -> None:
        article = "" if words[:1].isupper() else "the "
        self.gaps.append(_gaps.named(self.place, key, f"{article}{words}"))

    def at(self, place: int) -> str:
        """Go on to the cell of this place."""
        self.place = place
        self.sentences = iter([one for one in self.findings.said if one.cell == place])
        return ""

    # ---- prose ----

    def markdown(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        """Write a markdown cell."""
        source = _language.markdown(source, self.originals)
        made = self.prose.cell(source, attachments or {})
        html = _quotes(self._counted(made, _sanitise.prose(made)))
        return self._pointers(_HEADING.sub(self._heading, html))

    def work(self, html: str) -> str:
        """Write a work in the list of references."""
        return _quotes(_sanitise.foreign(html))

    def raw(self, source: str) -> str:
        """Write a raw cell as the text that it is."""
        return f'<pre class="lj-text" tabindex="0">{escape(source.rstrip())}</pre>'

    def lang_of(self, source: str) -> str:
        """Return the attribute that says a text's language, where it is not the page's."""
        own = language(source)
        return "" if own == self.lang or _language.current() else f' lang="{own}"'

    def _counted(self, before: str, after: str) -> str:
        self.gaps += _gaps.of_html(self.place, before, _sanitise.dropped(before, after))
        return self._drawn(after, prose=True)

    def _drawn(self, html: str, *, prose: bool = False) -> str:
        """Leave out the pictures in some HTML that no browser can draw; name the others' kind."""

        def checked(match: re.Match[str]) -> str:
            content, found = _pictures.decoded(match[2]), _ALT.search(match[0])
            words = unescape(found[1]) if found else ""
            if kind := _pictures.kind_of(content):
                if not prose and not words.strip():
                    self.gaps.append(_gaps.named(self.place, "undescribed"))
                return f"{match[1]}{_pictures.address(content, kind)}{match[3]}"
            self._gap("broken", _picture_called(words))
            return f'<span class="lj-gap">[{escape(words)}]</span>'

        return _EMBEDDED.sub(checked, html)

    def looked_at(self) -> tuple[str, ...]:
        """Name the files that the prose draws on, relative to the project."""
        files = self.prose.looked | ({self.references.file} if self.references.cited else set())
        root = paths.root().resolve()
        return tuple(sorted(file.resolve().relative_to(root).as_posix() for file in files))

    def heading(self, level: int, text: str) -> str:
        """Write a heading of the page itself."""
        return self._heading_html(level, escape(text), text)

    def _heading(self, match: re.Match[str]) -> str:
        text = unescape(_TAG.sub("", match[2])).strip()
        return self._heading_html(int(match[1]), match[2], text)

    def _original(self, text: str) -> str:
        """Return a heading in English, from which its address is made in every language."""
        english = self.originals.get(_language.form(text))
        return text if english is None else typeset(re.sub("[*`]", "", english))

    def _heading_html(self, level: int, inner: str, text: str) -> str:
        # the page's title is its only h1, and no level is skipped on the way down
        above = self.headings[-1][0] if self.headings else 1
        level = max(2, min(level, above + 1))
        anchor = self.address("sec", self._original(text))
        lang = self.lang_of(text) if self.lang == "en" else ""
        self.headings.append((level, anchor, text))
        link = f'<a class="lj-anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}"{lang}>{inner}{link}</h{level}>'

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
            self.gaps += _gaps.of_stream(self.place, output["text"])
            return _pre(_language.printed(_terminal.shown(output["text"])), f"lj-{output['name']}")
        if kind == "error":
            return _pre("\n".join(output["traceback"]), "lj-error")
        data = output.get("data", {})
        product = output.get("metadata", {}).get("lianjian")
        if DATA_MIME in data:
            return ""  # the page says what it used in one place
        if product:
            if lost := data.get(calls.MIME, {}).get("lost"):
                anchor = markup.anchor(product["product"], product["name"])
                words = f"the data and the other forms of #{anchor}, whose call {lost}"
                self.gaps.append(_gaps.named(self.place, "call", words))
            return self.product(product)
        broken = []
        for mime in _pictures.KINDS:
            if mime in data:
                alt = str(output.get("metadata", {}).get(mime, {}).get("alt", ""))
                is_text = mime == _pictures.SVG
                text = str(data[mime])
                content = text.encode("utf-8", "replace") if is_text else _pictures.decoded(text)
                if kind := _pictures.kind_of(content):
                    if not alt.strip():
                        self.gaps.append(_gaps.named(self.place, "undescribed"))
                    return _image(_pictures.address(content, kind), alt)
                broken.append(_gaps.named(self.place, "broken", f"the {_picture_called(alt)}"))
        return self._richest(data, broken)

    def _richest(self, data: Mapping[str, Any], lost: list[_gaps.Gap]) -> str:
        """Write the richest form that can stand here, and count what is richer and cannot."""
        plain = {"text/html", *_TEXTS, *_pictures.KINDS}
        lost += [_gaps.of_mime(self.place, mime) for mime in data if mime not in plain]
        html = str(data.get("text/html", ""))
        clean = _sanitise.foreign(html)
        tags = _sanitise.dropped(html, clean)
        clean = self._drawn(clean)
        tags = ["script"] if "script" in tags else tags  # the rest is what it was to fill
        if html and not tags:
            return _region(_unheaded(clean))
        lost += _gaps.of_html(self.place, html, tags)
        for mime in _TEXTS:
            if mime in data and not (mime == "text/plain" and _OBJECT.match(str(data[mime]))):
                shown = self._text(mime, data[mime])
                break
        else:  # what is left of HTML that a script was to fill is scaffolding
            is_own = "script" not in tags or {gap.key for gap in lost} == {"script"}
            words = unescape(_TAG.sub("", clean)).strip() if is_own else ""
            shown = _region(_unheaded(clean)) if words else ""
        if tags == ["style"]:
            shown = _region(_unheaded(clean))
        self.gaps += lost
        notes = (f'<p class="lj-gap">Not shown here: {escape(gap.what)}.</p>' for gap in lost)
        return "".join(notes) + shown

    def _text(self, mime: str, content: Any) -> str:
        if mime == "text/markdown":
            made = self.prose.data(_language.markdown(str(content), marked=False))
            return _unheaded(self._counted(made, _sanitise.prose(made)))
        if mime == "text/latex":
            html, troubles = _math.in_text(str(content))
            for trouble in troubles:
                self._gap("formula", f"formula ({trouble})")
            return _sanitise.prose(html)
        if mime.endswith("json"):
            return _pre(json.dumps(content, ensure_ascii=False, indent=2), "lj-text")
        return _pre(_language.printed(str(content)), "lj-text")

    def product(self, facts: Mapping[str, Any]) -> str:
        """Write what a notebook published: with its number, or a sentence among its words."""
        kind, name = facts["product"], facts["name"]
        if kind == "sentence":
            return _sanitise.own(next(self.sentences).html)
        product = self.findings.find(markup.anchor(kind, name))
        if product is None:
            return ""
        html = self.aside.taken(product.html)
        clean = _sanitise.own(markup.with_number(html, kind, name, product.position))
        return self._fitted(clean, product)

    def _fitted(self, clean: str, product: Product) -> str:
        """Give the page's first figure, its answer, the form that a phone shows in its stead."""
        if product.kind != "figure" or product.position > 1 or product.call is None:
            return clean.replace("<figcaption", f"{_ENLARGE}<figcaption", 1)
        drawn = base64.b64encode(calls.on_a_phone(product.call, self.findings.ledger)).decode()
        there = f'media="screen and (max-width:40em)" srcset="data:image/svg+xml;base64,{drawn}"'
        there = self.aside.taken(there)
        return re.sub(
            "<img [^>]*>", lambda wide: f"<picture><source {there}>{wide[0]}</picture>", clean
        )


class PrintWriter(Writer):
    """Writes cells for paper, where nothing unfolds and pandoc reads ids of blocks alone."""

    def _fitted(self, clean: str, _product: Product) -> str:
        return clean

    def product(self, facts: Mapping[str, Any]) -> str:
        """Write a product without what only a screen can do."""
        made = super().product(facts)
        if facts["product"] != "number" or "lj-value" not in made:  # one that a sentence says
            return made
        if "lj-number" not in made:  # a sentence says it, and paper has no place to jump to
            return ""
        anchor = markup.anchor("number", facts["name"])
        return f'<div id="{anchor}" class="lj-number">{made}</div>'


def _unheaded(html: str) -> str:
    """Turn headings of an output into words that look so: only a notebook's text divides a page."""
    html = re.sub(r"<h[1-6]\b[^>]*>", '<p class="lj-subhead"><strong>', html)
    return re.sub(r"</h[1-6]>", "</strong></p>", html)


def _quotes(html: str) -> str:
    """Set straight quotes in prose as quotes; code stays as typed."""
    parts = _VERBATIM.split(html)
    parts[::2] = [typeset(text) for text in parts[::2]]
    return "".join(parts)


@lru_cache(maxsize=512)
def _highlighted(source: str) -> str:
    """Highlight Python code; the runs of one notebook share it."""
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers.python import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def _pre(text: str, kind: str) -> str:
    from nbconvert.filters import ansi2html

    return f'<pre class="{kind}" tabindex="0">{ansi2html(text.rstrip())}</pre>'


def _image(address: str, alt: str) -> str:
    words = escape(alt or "Image without a description")
    image = f'<p><img class="lj-image" alt="{words}" src="{address}"></p>'
    return _sanitise.own(image)


def _picture_called(alt: str) -> str:
    return f"picture “{alt[:80]}”" if alt.strip() else "picture that no text describes"


def _region(html: str) -> str:
    return f'<div class="lj-output" role="region" tabindex="0" aria-label="Output">{html}</div>'


def get_ready() -> None:
    """Compile what colours code, before the first page is asked for."""
    _highlighted("pass")
