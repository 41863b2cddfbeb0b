"""An executed notebook as one page: a single HTML file, without scripts and without requests."""

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from analysis import __version__, fields, paths
from analysis.reports import bibliography, citation
from analysis.reports.freshness import RUN_ID, origin
from analysis.reports.page import checks, embed, findings, fragments, index
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan import parameters
from analysis.reports.plan.parameters import Parameter
from analysis.reports.plan.plan import Run
from analysis.reports.text import slug, typeset, visible

if TYPE_CHECKING:
    from nbformat import NotebookNode

KINDS = {
    "simulated": "Simulated ledgers",
    "ledger": "Village ledgers",
    "published": "Published figures",
}
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*\s*(?:\n|\Z)")
_rendering = threading.Lock()  # one exporter serves every thread

_PANEL = "<!--checks-->"  # where the checks go; what stands above it is escaped and has no "<"


@dataclass(frozen=True)
class Page:
    """A rendered report.

    Attributes
    ----------
    html : str
        The whole page.
    title, heading, subtitle, summary : str
        What the index says about it; the heading is the notebook's own.
    run_id : str
        First 16 hex digits of the hash of the executed notebook.
    findings : Findings
        Data used and products published.
    citation : Citation
        How it is cited.
    checks : tuple of Check
        What was checked about it.
    """

    html: str
    title: str
    heading: str
    subtitle: str
    summary: str
    run_id: str
    findings: findings.Findings
    citation: citation.Citation
    checks: tuple[checks.Check, ...]


def publish(
    node: "NotebookNode", run: Run, content: bytes, told: checks.Told = checks.NOTHING
) -> Page:
    """Render an executed notebook.

    Parameters
    ----------
    node : NotebookNode
        The executed notebook, normalised.
    run : Run
        What was run.
    content : bytes
        The executed notebook as stored; its hash is the run's id.
    told : Told
        What the engine knows about the run.
    """
    found = findings.gather(node)
    heading, summary = _opening(node)
    title = run.title or heading or run.name
    subtitle = in_words({n: v for n, v in run.parameters.items() if _worded(v) not in title})
    run_id = hashlib.sha256(content).hexdigest()[:RUN_ID]
    declared = parameters.read(run.notebook)
    values = {n: run.parameters.get(n, p.default) for n, p in declared.items()}
    seen = origin.of(run.notebook)
    cited = citation.of_page(
        slug=run.slug, title=title, abstract=summary, run_id=run_id, code=seen.code,
        parameters=run.parameters, datasets=found.datasets, simulated=found.simulated,
    )  # fmt: skip
    facts = {
        "title": title,
        "subtitle": subtitle,
        "run_id": run_id,
        "slug": run.slug,
        "version": __version__,
        "simulated": found.simulated,
        "kind": found.kind,
        "kinds": KINDS,
        "datasets": found.datasets,
        "parameters": _parameter_rows(declared.values(), values, run),
        "code": cited.code,
        "head_tags": list(bibliography.head_tags(cited)),
        "json_ld": bibliography.json_ld(cited),
        "cite": bibliography.text(cited),
        "bibtex": bibliography.bibtex(cited),
        "writer": fragments.Writer(found),
    }
    with _rendering:
        html, _ = _exporter().from_notebook_node(node, resources={"page": facts})
    made = (
        checks.of_source(seen),
        checks.of_data(found.datasets, told),
        checks.of_parameters(list(declared), told),
        checks.of_products(found, told),
        checks.of_seed(node, values),
        checks.of_versions(paths.root() / "requirements.lock"),
        checks.of_places(html, content.decode("utf-8")),
        checks.of_kind(found, KINDS),
        checks.of_authors([author.displayed for author in cited.authors]),
    )
    html = embed.placed(visible(html.replace(_PANEL, _panel(made), 1)))
    return Page(html, title, heading or run.name, subtitle, summary, run_id, found, cited, made)


def get_ready() -> None:
    """Import and compile what a page takes, before the first one is asked for."""
    for template in ("report.html.j2", "checks.html.j2"):
        _exporter().environment.get_template(template)
    fragments.get_ready()
    embed.get_ready()


def _panel(made: Sequence[checks.Check]) -> str:
    """Say what was checked: one line when all is well, otherwise how to mend it."""
    template = _exporter().environment.get_template("checks.html.j2")
    return str(template.render(checks=made))


def in_words(given: Mapping[str, object]) -> str:
    """Say parameters in words.

    Examples
    --------
    >>> in_words({"county": "621022", "base_year": 2018})
    'County: Huan County 环县 · Base year: 2018'
    """
    return " · ".join(
        f"{name.replace('_', ' ').capitalize()}: {_worded(value)}" for name, value in given.items()
    )


def _worded(value: object) -> str:
    counties = {c.code: f"{c.name} {c.name_zh}" for c in fields.COUNTIES}
    return counties.get(str(value), str(value))


def _opening(node: "NotebookNode") -> tuple[str, str]:
    """Return the notebook's first heading and the paragraph below it, as plain text."""
    first = next((c.source for c in node.cells if c.cell_type == "markdown"), "")
    match = _TITLE.match(first)
    rest = first[match.end() :] if match else first
    paragraph = next(
        (p for p in rest.split("\n\n") if p.strip() and p.lstrip()[0] not in "#|-"), ""
    )
    return (_plain(match[1]) if match else ""), _plain(paragraph)


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return typeset(re.sub(r"\s+", " ", re.sub(r"[*`]|<[^>]+>", "", text)).strip())


def _parameter_rows(
    declared: Iterable[Parameter], values: Mapping[str, object], run: Run
) -> list[dict[str, str]]:
    return [
        {
            "name": parameter.name,
            "anchor": f"par-{slug(parameter.name)}",
            "value": "none" if values[parameter.name] is None else str(values[parameter.name]),
            "help": parameter.help,
            "origin": "set for this run" if parameter.name in run.parameters else "default",
        }
        for parameter in declared
    ]


@cache
def _exporter() -> Any:  # noqa: ANN401  (nbconvert is untyped)
    from nbconvert.exporters import TemplateExporter  # noqa: PLC0415
    from nbconvert.preprocessors import Preprocessor  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    class Tidy(Preprocessor):
        """Take out the title, which the page sets, and join code that shows nothing."""

        def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:  # noqa: ANN401
            prose = [c for c in nb.cells if c.cell_type == "markdown"]
            if prose:
                prose[0].source = _TITLE.sub("", prose[0].source)
            nb.cells = _joined([c for c in nb.cells if c.source.strip()])
            return nb, resources

    class ReportExporter(TemplateExporter):
        """Notebook to page."""

        file_extension = ".html"
        output_mimetype = "text/html"
        export_from_notebook = None

        def _create_environment(self) -> Any:  # noqa: ANN401
            environment = super()._create_environment()
            environment.autoescape = True
            return environment

    config = Config()
    config.TemplateExporter.optimistic_validation = True  # the notebook was just read and written
    config.TagRemovePreprocessor.remove_cell_tags = {INJECTED, "parameters", "remove-cell"}
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input"}
    config.TagRemovePreprocessor.remove_all_outputs_tags = {"remove-output"}
    exporter = ReportExporter(
        config=config,
        template_name="base",
        template_file="report.html.j2",
        extra_template_paths=[str(index.TEMPLATES)],
    )
    exporter.register_preprocessor(Tidy(), enabled=True)
    return exporter


def _joined(cells: list[Any]) -> list[Any]:
    """Join neighbouring code cells of which the first shows nothing: one fold, not three."""
    joined: list[Any] = []
    for cell in cells:
        before = joined[-1] if joined else None
        if before is not None and _silent(before) and cell.cell_type == "code":
            cell.source = f"{before.source.rstrip()}\n\n{cell.source}"
            joined.pop()
        joined.append(cell)
    return joined


def _silent(cell: Any) -> bool:  # noqa: ANN401
    shown = [o for o in cell.get("outputs", []) if findings.DATA_MIME not in o.get("data", {})]
    return cell.cell_type == "code" and not shown
