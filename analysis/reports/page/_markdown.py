"""Markdown as JupyterLab shows it: formulas, footnotes, tasks, callouts, citations, pictures."""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mistune import BlockState, InlineState
from mistune.plugins import import_plugin
from mistune.plugins.footnotes import REF_FOOTNOTE, parse_ref_footnote
from mistune.util import unikey
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from analysis import paths
from analysis.reports.page import _math, _pictures
from analysis.reports.page._references import CITED, References

# > [!NOTE] opens a callout; words behind it are its title
_CALLOUT = re.compile(r"\A<p>\[!([A-Za-z]+)\][+-]?[ \t]*([^\n<]*)(?:<br ?/?>|\n|(?=</p>))")
_NO_NOTE = re.compile(r"\[\^([^\]\s]+)\](?!\()")  # [^1] that has no text
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_GIVEN = re.compile(r"""\b(src|alt|width|height)\s*=\s*["']([^"']*)["']""")
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")
_DATA = re.compile(r"data:image/", re.IGNORECASE)


class Prose:
    """Turns the markdown of one notebook into HTML; footnotes are numbered through.

    Pictures are looked for from the notebook's folder. ``gap`` is told what cannot stand in the
    page: a key of ``gaps.toml``, and words that name it.
    """

    def __init__(
        self, folder: Path, references: References, gap: Callable[[str, str], None]
    ) -> None:
        self.folder = folder
        self.references = references
        self.gap = gap
        self.attachments: Mapping[str, Mapping[str, str]] = {}
        self.notes = 0  # footnotes of the cells before
        self.looked: set[Path] = set()  # files that it showed, or would if they were there

    def cell(self, source: str, attachments: Mapping[str, Any]) -> str:
        """Write a markdown cell, in which HTML is HTML."""
        self.attachments = attachments
        return self._html(source, data=False)

    def data(self, source: str) -> str:
        """Write markdown that a cell has put out: it carries data, and its tags are text."""
        self.attachments = {}
        return self._html(source, data=True)

    def _html(self, source: str, *, data: bool) -> str:
        html, state = _parser(self, data=data).parse(source)
        used = state.env.get("footnotes") or []
        for key, typed in state.env.get("typed_notes", {}).items():
            if key not in used:
                self.gap("footnote", f"footnote [^{typed}], to which no text points")
        self.notes += len(used)
        return str(html).replace("<th></th>", "<td></td>")  # a header that says nothing is none

    # ---- what the renderer asks for ----

    def formula(self, tex: str, *, block: bool) -> str:
        """Set a formula."""
        html, trouble = _math.formula(tex, block=block)
        if trouble:
            self.gap("formula", f"formula ({trouble})")
        return html

    def picture(self, words: str, address: str) -> str:
        """Return a picture of the prose with its bytes inside."""
        address = unescape(address)
        source = self._embedded(address)
        if not words.strip():
            self.gap("wordless", f"picture {unquote(address)[:80]}, which no words describe")
        if source is None:
            return (
                f'<span class="lj-gap">[{escape(words)}: {escape(unquote(address)[:120])}]</span>'
            )
        return f'<img alt="{escape(words)}" src="{source}">'

    def _embedded(self, address: str) -> str | None:
        """Return a picture as an address that holds it, or None and say why not."""
        if _DATA.match(address):
            return address
        if address.startswith("attachment:"):
            attached = self.attachments.get(unquote(address.removeprefix("attachment:")), {})
            kinds = [kind for kind in _pictures.KINDS if kind in attached]
            if kinds:
                return f"data:{kinds[0]};base64,{''.join(str(attached[kinds[0]]).split())}"
            why = "which the cell does not hold"
        elif _ELSEWHERE.match(address):
            why = "which lies elsewhere"
        else:
            path = (self.folder / unquote(address.partition("?")[0])).resolve()
            within = path.is_relative_to(paths.root().resolve())
            self.looked |= {path} if within else set()
            content = path.read_bytes() if within and path.is_file() else b""
            if kind := _pictures.kind_of(content):
                return _pictures.address(content, kind)
            known = "which is no whole picture of a known kind"
            why = known if content else "which is empty" if path.is_file() else "which is missing"
            why = why if within else "which lies outside of the project"
        self.gap("picture", f"picture {unquote(address)[:80]}, {why}")
        return None


# ---- the renderer: nbconvert's, with what it leaves out ----


class _Renderer(IPythonRenderer):
    def __init__(self, prose: Prose, *, data: bool) -> None:
        super().__init__(escape=data, exclude_anchor_links=True)
        self.prose = prose
        self.data = data
        self.pointed: set[int] = set()

    def inline_math(self, body: str) -> str:
        return self.prose.formula(body, block=False)

    def block_math(self, body: str) -> str:
        return self.prose.formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self.prose.formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)

    def text(self, text: str) -> str:
        for match in _NO_NOTE.finditer(text):
            self.prose.gap("footnote", f"footnote {match[0]}, which has no text in its cell")
        return str(super().text(text))

    def citation(self, text: str) -> str:
        return self.prose.references.citation(text)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if self.data:
            self.prose.gap("address", f"picture {url[:80]}")
            return f'<span class="lj-gap">[{escape(text or url)}]</span>'
        image = self.prose.picture(text, url)
        return image.replace("<img", f'<img title="{escape(title)}"', 1) if title else image

    def block_html(self, html: str) -> str:
        return str(super().block_html(html if self.data else _IMG.sub(self._picture, html)))

    def inline_html(self, html: str) -> str:
        return str(super().inline_html(html if self.data else _IMG.sub(self._picture, html)))

    def _picture(self, match: re.Match[str]) -> str:
        """Embed a picture of HTML that an author has written himself."""
        given = dict(_GIVEN.findall(match[0]))
        if "src" not in given:
            return match[0]
        size = "".join(f' {k}="{escape(given[k])}"' for k in ("width", "height") if k in given)
        image = self.prose.picture(unescape(given.get("alt", "")), given["src"])
        return image.replace("<img", f"<img{size}", 1)

    def block_quote(self, text: str) -> str:
        match = _CALLOUT.match(text)
        if match is None:
            return str(super().block_quote(text))
        kind = match[1].lower()
        title = match[2].strip() or kind.capitalize()
        rest = re.sub(r"\A<p>\s*</p>\s*", "", f"<p>{text[match.end() :]}")
        return (
            f'<div class="lj-callout lj-callout-{kind}">'
            f'<p class="lj-callout-title"><strong>{title}</strong></p>{rest}</div>\n'
        )


def _task_list_item(_: _Renderer, text: str, checked: bool = False) -> str:
    box = "☑" if checked else "☐"
    return f'<li class="lj-task">{box} {text}</li>\n'.replace(f"{box} <p>", f"<p>{box} ", 1)


def _parse_note(block: Any, match: re.Match[str], state: BlockState) -> int:
    """Keep a footnote's key as it was typed; the plugin compares keys in capitals."""
    key, typed = unikey(match["footnote_key"]), state.env.setdefault("typed_notes", {})
    if key in typed:
        block.prose.gap("footnote", f"second text of footnote [^{match['footnote_key']}]")
    typed.setdefault(key, match["footnote_key"])
    return parse_ref_footnote(block, match, state)


def _footnote_ref(renderer: _Renderer, _key: str, index: int) -> str:
    number = renderer.prose.notes + index
    own = "" if index in renderer.pointed else f' id="fnref-{number}"'  # of the first one
    renderer.pointed.add(index)
    return f'<sup{own}><a href="#fn-{number}">{number}</a></sup>'


def _footnotes(renderer: _Renderer, text: str) -> str:
    return f'<ol class="lj-notes" start="{renderer.prose.notes + 1}">\n{text}</ol>\n'


def _footnote_item(renderer: _Renderer, text: str, *, index: int, **_: str) -> str:
    number = renderer.prose.notes + index
    back = f' <a href="#fnref-{number}" title="Back to the text">↩</a>'
    body = text.rstrip()
    body = f"{body.removesuffix('</p>')}{back}</p>" if body.endswith("</p>") else body + back
    return f'<li id="fn-{number}">{body}</li>\n'


def _parse_citation(_: object, match: re.Match[str], state: InlineState) -> int:
    state.append_token({"type": "citation", "raw": match["cited"]})
    return match.end()


def _parser(prose: Prose, *, data: bool) -> MarkdownWithMath:
    renderer = _Renderer(prose, data=data)
    plugins = [import_plugin(name) for name in (*MarkdownWithMath.DEFAULT_PLUGINS, "footnotes")]
    markdown = MarkdownWithMath(renderer=renderer, plugins=plugins)
    for write in (_task_list_item, _footnote_ref, _footnotes, _footnote_item):
        renderer.register(write.__name__.removeprefix("_"), write)
    markdown.block.prose = prose
    markdown.block.register("ref_footnote", REF_FOOTNOTE, _parse_note)
    if not data:
        markdown.inline.register("citation", CITED, _parse_citation, before="link")
    return markdown
