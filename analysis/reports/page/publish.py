"""An executed notebook as one page: a single HTML file, without scripts and without requests."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import _language, paths
from analysis.clean.scope import worded
from analysis.errors import LianjianError
from analysis.reports import citation, markup
from analysis.reports.finished import RUN_ID
from analysis.reports.freshness import origin
from analysis.reports.page import _cells, _fonts, _gaps, _templates, checks, findings
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan import parameters
from analysis.reports.plan.plan import Run
from analysis.reports.plan.source import code_cells, promises
from analysis.reports.text import language, slug, typeset
from analysis.terminal import visible

if TYPE_CHECKING:
    from nbformat import NotebookNode

KINDS = {
    "simulated": "Simulated ledgers",
    "ledger": "Village ledgers",
    "published": "Published figures",
    "mixed": "Simulated and other data together",
    "none": "No data",
}
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*\s*(?:\n|\Z)")
_CITED = re.compile(r"\s*\[[^\[\]]*@\w[^\[\]]*\](?!\()")  # in a summary
_TAGS = re.compile(r"<[^>]+>")
_NOTE = re.compile(r"\[\^[^\]\s]+\](?!\()")
_FORMULA = re.compile(r"(?<!\\)(?<!\d)\$\$?([^$\n]+?)(?<!\\)\$\$?")  # $x^2$, and no sum of money
_SECTION = re.compile(r"^#{1,6} ", re.MULTILINE)  # ## What moved
_NOTHING = "*With these data there is nothing to show here.*"
_WITHHELD = "*What stands here in the internal report is withheld.*"
_HIDDEN = {INJECTED, "parameters", "remove-cell"}  # tags of cells that a reader does not see

_PANEL = "<!--checks-->"  # where the checks go; what stands above it is escaped and has no "<"


@dataclass(frozen=True)
class Page:
    """A rendered report, and what it says of itself."""

    html: str
    # title, subtitle, summary; the notebook's own heading, of which the title may say more; the
    # answer: the first sentence that says a number of the ledger
    said: dict[str, str]
    run_id: str  # the first hex digits of the hash of the executed notebook
    findings: findings.Findings
    citation: citation.Citation
    checks: tuple[checks.Check, ...]
    prose_files: tuple[str, ...] = ()  # on which its prose draws: pictures, references
    english: tuple[str, ...] = ()  # texts that its language does not say


def publish(
    node: "NotebookNode",
    run: Run,
    content: bytes,
    told: checks.Told = checks.NOTHING,
    *,
    released: bool = False,
    languages: Sequence[str] = (),
) -> Page:
    """Render an executed notebook; one that stands on a ledger is internal until it is released.

    The page is in the language of now; it links to those of the other languages.
    """
    spoken = _language.current()
    found = findings.gather(node, told.kinds)
    heading, summary = _opening(node)
    answer = _answer(found)
    title = run.title or heading or run.name
    subtitle = in_words({n: v for n, v in run.parameters.items() if worded(v) not in title})
    title, heading, subtitle, summary = map(_language.said, (title, heading, subtitle, summary))
    run_id = hashlib.sha256(content).hexdigest()[:RUN_ID]
    declared = parameters.read(run.notebook)
    values = {n: run.parameters.get(n, p.default) for n, p in declared.items()}
    seen = origin.of(run.notebook)
    cited = citation.of_page(
        slug=run.slug,
        title=title,
        abstract=answer or summary,
        run_id=run_id,
        code=seen.code,
        parameters=run.parameters,
        datasets=found.datasets,
        simulated=found.simulated,
        mixed=found.kind == "mixed",
        internal=(internal := "ledger" in found.kinds and not released),
    )
    if spoken:
        cited = replace(cited, language=spoken.tag)
    lang = spoken.tag if spoken else language(title)
    writer = _cells.Writer(found, run.notebook.parent, lang, _prose(node))
    html = _templates.get("report.html.j2").render(
        cells=(cells := _cells_shown(node, _left_out(found, run.notebook))),
        opening=_before_sections(cells),
        has_code=any(cell["cell_type"] == "code" and cell["source"].strip() for _, cell in cells),
        writer=writer,
        found=found,
        told=told,
        citation=citation,
        cited=cited,
        title=title,
        subtitle=subtitle,
        run_id=run_id,
        slug=run.slug,
        internal=internal,
        released=released,
        kinds=KINDS,
        others=_templates.others(languages),
        style=_templates.style(lang),
        parameters=[
            {
                "name": name,
                "anchor": f"par-{slug(name)}",
                "value": _value(values[name]),
                "help": parameter.help,
                "origin": "set for this run" if name in run.parameters else "default",
            }
            for name, parameter in declared.items()
        ],
    )
    lacking = [gap for gap in writer.gaps if gap.key in _gaps.UNDESCRIBED]
    if lacking and not run.is_own:
        mends = " ".join(dict.fromkeys(gap.mend for gap in lacking))
        raise LianjianError(f"{run.file} shows {', '.join(_gaps.in_words(lacking))}. {mends}")
    made: tuple[checks.Check, ...] = (
        checks.of_source(seen),
        checks.of_release(found.datasets) if released else checks.of_data(found.datasets, told),
        checks.of_commands(node, told),
        checks.of_parameters(list(declared)),
        checks.of_products(found, told),
        checks.of_shown(writer.gaps),
        checks.of_seed(node, values),
        checks.of_versions(paths.root() / paths.LOCK),
        checks.of_places(html, content.decode("utf-8")),
        checks.of_kind(found, KINDS, told),
        checks.of_authors([author.displayed for author in cited.authors]),
    )
    html = _language.html(html)  # before the check that counts what stays English
    if spoken:
        made += (checks.of_language(spoken, run.name),)
    left = set(spoken.missing) if spoken else set()
    # who reads a released page cannot mend it
    seen_by_all = [replace(check, mend="") for check in made] if released else made
    panel = _language.html(_templates.get("checks.html.j2").render(checks=seen_by_all))
    if spoken:  # the check quotes what is left; other checks may leave more
        left |= set(spoken.missing) - set(map(_language.form, made[-1].items))
    html = html.replace(_PANEL, panel, 1)
    if lang == "en":
        html = _language.in_english(html)
    html = writer.aside.back(_fonts.placed(visible(html)))
    said = {"title": title, "heading": heading or run.name, "subtitle": subtitle}
    said |= {"summary": summary, "answer": answer}
    english = tuple(sorted(left))
    return Page(html, said, run_id, found, cited, made, writer.looked_at(), english)


def for_index(page: Page, code: str, own: str) -> dict[str, Any]:
    """Return what an index in another language says of a page, and what stayed English in it."""
    with _language.writing(code, own):
        numbers = [
            {"label": _language.said(p.facts["label"]), "text": _language.said(p.facts["text"])}
            for p in page.findings.numbers
        ]
    return {
        **page.said,
        "numbers": numbers,
        "citation": page.citation.record(),
        "check": page.checks[-1].record(),
        "english": list(page.english),
    }


def for_print(node: "NotebookNode", notebook: Path, executed: Path, **words: str) -> str:
    """Write an executed notebook as HTML for pandoc: text, outputs, parameters and data."""
    found = findings.gather(node)
    spoken = _language.current()
    lang = spoken.tag if spoken else language(_opening(node)[0])
    set_here = node.metadata.get("lianjian", {}).get("parameters", {})
    html = _templates.get("print.html.j2").render(
        cells=_cells_shown(node, _left_out(found, executed)),
        writer=(writer := _cells.PrintWriter(found, notebook.parent, lang, _prose(node))),
        parameters=[
            {"name": p.name, "value": _value(set_here.get(p.name, p.default)), "help": p.help}
            for p in parameters.read(executed).values()
        ],
        datasets=found.datasets,
        **words,
    )
    return writer.aside.back(_language.html(html))


def _value(value: object) -> str:
    """Write what a parameter stands at."""
    return "none" if value is None else str(value)


def get_ready() -> None:
    """Import and compile what a page takes, before the first one is asked for."""
    for template in ("report.html.j2", "checks.html.j2"):
        _templates.get(template)
    _cells.get_ready()
    _fonts.get_ready()


def in_words(given: Mapping[str, object]) -> str:
    """Say parameters in words."""
    return " · ".join(
        f"{name.replace('_', ' ').capitalize()}: {worded(value)}" for name, value in given.items()
    )


def _prose(node: "NotebookNode") -> str:
    return "\n\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")


def _opening(node: "NotebookNode") -> tuple[str, str]:
    """Return the notebook's first heading and the paragraph below it, as plain text."""
    first = next((c.source for c in node.cells if c.cell_type == "markdown"), "")
    match = _TITLE.match(first)
    rest = first[match.end() :] if match else first
    rest = _language.markdown(rest, marked=False)
    paragraph = next(
        (p for p in rest.split("\n\n") if p.strip() and p.lstrip()[0] not in "#|-"), ""
    )
    return (_plain(match[1]) if match else ""), _plain(paragraph)


def _answer(found: findings.Findings) -> str:
    """Return the first sentence that says a number of the ledger, marked where it is simulated."""
    first = next((one for one in found.said if "data-address" in one.html), None)
    if first is None:
        return ""
    text = " ".join(unescape(_TAGS.sub("", first.html)).split())
    if not found.simulated:
        return text
    mark = _language.said(markup.MIXED if found.kind == "mixed" else markup.SIMULATED)
    return f"{mark}{_language.mark(':')}{text}"


def _plain(markdown: str) -> str:
    text = _FORMULA.sub(r"\1", _NOTE.sub("", _CITED.sub("", markdown)))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return typeset(re.sub(r"\s+", " ", re.sub(r"[*`]|<[^>]+>", "", text)).strip())


def _cells_shown(node: "NotebookNode", left_out: Collection[str]) -> list[tuple[int, Any]]:
    """Return the cells that a reader sees, each with its place in the notebook's source, from 1.

    The title is the page's. Neighbouring code cells of which the first shows nothing are joined:
    one fold, not three. A section whose products are all left out says so.
    """
    own = [cell for cell in node.cells if INJECTED not in cell.metadata.get("tags", [])]
    titled: Any = next((cell for cell in own if cell.cell_type == "markdown"), None)
    shown: list[tuple[int, Any]] = []
    for place, cell in enumerate(own, start=1):
        tags = set(cell.metadata.get("tags", []))
        if tags & _HIDDEN:
            continue
        made = {**cell, "outputs": [] if "remove-output" in tags else cell.get("outputs", [])}
        if "remove-input" in tags:
            made["source"] = ""
        elif cell is titled:
            made["source"] = _TITLE.sub("", str(cell.source))
        if not made["source"].strip() and not made["outputs"]:
            continue
        made["withheld"] = bool(cell.metadata.get(findings.WITHHELD))
        made["skipped"] = cell.cell_type == "code" and "skip-execution" in tags
        is_alone = made["skipped"] or not shown or shown[-1][1]["skipped"]
        if not is_alone and _silent(shown[-1][1]) and cell.cell_type == "code":
            _, before = shown.pop()
            made["withheld"] |= before["withheld"]
            made["source"] = f"{before['source'].rstrip()}\n\n{made['source']}".rstrip()
        shown.append((place, made))
    return _with_left_out(shown, left_out)


def _with_left_out(
    shown: list[tuple[int, Any]], left_out: Collection[str]
) -> list[tuple[int, Any]]:
    """Return the cells with a word at the end of each section that has none of its products."""
    starts = [
        at
        for at, (_, cell) in enumerate(shown)
        if cell["cell_type"] == "markdown" and _SECTION.search(cell["source"])
    ]
    made = list(shown)
    for start, end in reversed(list(pairwise([*starts, len(shown)]))):
        codes = [cell for _, cell in shown[start:end] if cell["cell_type"] == "code"]
        lacks = any(f'"{name}"' in cell["source"] for cell in codes for name in left_out)
        withheld = any(cell["withheld"] for cell in codes)
        if (lacks or withheld) and not any(
            _shows(one) for cell in codes for one in cell["outputs"]
        ):
            source = _WITHHELD if withheld else _NOTHING
            made.insert(end, (0, {"cell_type": "markdown", "source": source}))
    return made


def _before_sections(shown: list[tuple[int, Any]]) -> int:
    """Return how many cells stand before the first section: they are the answer."""
    return next(
        (
            at
            for at, (_, cell) in enumerate(shown)
            if cell["cell_type"] == "markdown" and _SECTION.search(cell["source"])
        ),
        0,
    )


def _left_out(found: findings.Findings, notebook: Path) -> set[str]:
    """Return the names of products that a notebook may lack, and lacks."""
    made = {(product.kind, product.name) for product in found.products}
    promised = promises(code_cells(notebook), notebook.name) or ()
    return {one.name for one in promised if (one.kind, one.name) not in made}


def _shows(output: Mapping[str, Any]) -> bool:
    """Whether a reader sees anything of an output: hidden numbers are none."""
    data = output.get("data", {})
    if "lianjian" in output.get("metadata", {}):
        return bool(_TAGS.sub("", str(data.get("text/html", ""))).strip())
    return findings.DATA_MIME not in data


def _silent(cell: Mapping[str, Any]) -> bool:
    shown = [o for o in cell["outputs"] if findings.DATA_MIME not in o.get("data", {})]
    return cell["cell_type"] == "code" and not shown
