"""The README of a bundle, in the Social Science Data Editors' form, filled from real runs."""

import shlex
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis import __version__, paths
from analysis.clean.build import PUBLISHED
from analysis.fields import KINDS
from analysis.reports import citation
from analysis.reports.bundle import bundle_items
from analysis.reports.bundle.bundle_contents import Contents, Report
from analysis.reports.bundle.bundle_data import Holding
from analysis.reports.freshness import origin
from analysis.reports.page import versions
from analysis.reports.plan import parameters
from analysis.reports.text import visible

TEMPLATE = "replication.md.j2"
_KIND = dict(zip(KINDS, ("published figures", "ledgers", "simulated"), strict=True))
_MARKUP = str.maketrans(
    {sign: f"\\{sign}" for sign in "\\`*_[]|#"} | {"<": "&lt;", ">": "&gt;", "\n": " "}
)
_MINUTE, _HOUR = 60, 3600


def write(contents: Contents, storage: int, *, certified: bool = False) -> str:
    """Return the README of a bundle.

    Parameters
    ----------
    contents : Contents
        What goes in.
    storage : int
        Bytes of all of it.
    certified : bool
        Whether the authors say that they have the rights that the README speaks of.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    loader = FileSystemLoader(Path(__file__).parent)
    # Markdown, not HTML: what comes from data is escaped by `md`
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "md": escaped, "code": quoted, "sentence": sentence,
        "tick": lambda text: f"`{quoted(text)}`",
    }  # fmt: skip
    return environment.get_template(TEMPLATE).render(
        **_facts(contents, storage), certified=certified
    )


def escaped(text: object) -> str:
    r"""Write a text so that Markdown shows it as it stands, on one line.

    Examples
    --------
    >>> escaped("a|b <script> *x*")
    'a\\|b &lt;script&gt; \\*x\\*'
    """
    return visible(str(text)).translate(_MARKUP)


def sentence(text: object) -> str:
    """Write a text for Markdown and end it as a sentence ends."""
    plain = escaped(text)
    return plain if plain.endswith((".", "?", "!")) else f"{plain}."


def quoted(text: object) -> str:
    """Write a text to stand between backticks in a table."""
    return visible(str(text)).replace("`", "'").replace("|", "\\|").replace("\n", " ")


def _facts(contents: Contents, storage: int) -> dict[str, Any]:
    root, reports = paths.root(), contents.reports
    cited = citation.of_package()
    lock = versions.locked(root / "requirements.lock")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = sorted({_name(line) for line in project.get("dependencies", ())})
    withheld = {holding.name for holding in contents.withheld}
    all_reports = (*reports, *contents.dropped)
    return {
        "title": cited.title,
        "version": __version__,
        "authors": [author.displayed for author in cited.authors],
        "reports": reports,
        "notebooks": _notebooks(reports),
        "simulated": sum(r.record.get("kind") == "simulated" for r in reports),
        "total": _time(sum(float(r.record["seconds"]) for r in reports)),
        "holdings": [_holding(h, ()) for h in contents.holdings],
        "withheld": [_holding(h, reports) for h in contents.withheld],
        "python": sorted({str(_python(r)) for r in reports}),
        "locked": lock,
        "direct": [(name, lock[name]) for name in wanted if name in lock],
        "seeds": [*bundle_items.simulation_seeds(contents.holdings),
                  *bundle_items.seeds(reports)],
        "draws": list(bundle_items.draws(reports)),
        "machines": sorted({_machine(r.record["machine"]) for r in reports
                            if "machine" in r.record}),
        "storage": f"{storage / 2**20:.0f} MiB",
        "times": list(_times(reports)),
        "programs": list(bundle_items.programs(contents.sources)),
        "unplanned": [{"slug": r.slug, "command": _command(r)} for r in reports if not r.planned],
        "code": origin.code_id(),
        # where git does not tell, in an unpacked bundle say, the runs' records do
        "commit": contents.commit or next((c["commit"] for r in reports for c in r.record["checks"]
                                           if c.get("commit")), ""),
        "code_licence": project.get("license", "See the file"),
        "stops": any(r.planned and withheld.intersection(r.datasets) for r in all_reports),
        "cited": [card for h in (*contents.holdings, *contents.withheld) if h.kind != "simulated"
                  for card in h.cards],
    }  # fmt: skip


def _name(requirement: str) -> str:
    from packaging.requirements import Requirement  # noqa: PLC0415

    return Requirement(requirement).name.lower().replace("_", "-")


def _holding(holding: Holding, reports: Iterable[Report]) -> dict[str, Any]:
    path = "data/raw" if holding.name == PUBLISHED else f"data/raw/{holding.name}"
    return {
        "name": holding.name,
        "title": holding.title,
        "words": _KIND.get(holding.kind, holding.kind),
        "description": str(holding.head.get("description", "")),
        "withheld": holding.withheld,
        "path": path,
        "card": f"{path}/{'sources' if holding.name == PUBLISHED else 'dataset'}.toml",
        "cards": [asdict(card) for card in holding.cards],
        "needed_by": [r.slug for r in reports if holding.name in r.datasets],
    }


# ---- runs ----


def _machine(facts: dict[str, Any]) -> str:
    return (
        f"{facts['system']}, {facts['cores']} cores, {facts['memory_gib']} GiB of memory, "
        f"Python {facts['python']}"
    )


def _python(report: Report) -> str:
    return str(bundle_items.executed(report)["metadata"]["language_info"]["version"])


def _time(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} seconds"
    return (
        f"{seconds / _MINUTE:.0f} minutes"
        if seconds < 2 * _HOUR
        else f"{seconds / _HOUR:.1f} hours"
    )


def _times(reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    for notebook, members in bundle_items.by_notebook(reports):
        seconds = [float(r.record["seconds"]) for r in members]
        yield {"notebook": notebook.name, "runs": len(members), "total": f"{sum(seconds):.1f}",
               "longest": f"{max(seconds):.1f}"}  # fmt: skip


def _command(report: Report) -> str:
    given = [
        f"-p {shlex.quote(f'{n}={parameters.text(v)}')}" for n, v in report.run.parameters.items()
    ]
    return quoted(" ".join(["lianjian run", report.run.name, *given]))


def _notebooks(reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [
        {
            "file": notebook.name,
            "heading": members[0].record["heading"],
            "slugs": [report.slug for report in members],
            "products": bundle_items.products(members),
        }
        for notebook, members in bundle_items.by_notebook(reports)
    ]
