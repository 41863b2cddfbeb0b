"""The README of a bundle, in the Social Science Data Editors' form, filled from real runs."""

import ast
import json
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis import __version__, paths
from analysis.fields import KINDS
from analysis.reports import citation, markup
from analysis.reports.bundle._contents import Contents, Report
from analysis.reports.bundle._holdings import Holding
from analysis.reports.freshness import origin
from analysis.reports.page import versions
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan import parameters, source
from analysis.reports.plan.syntax import parse
from analysis.reports.text import visible

_KIND = dict(zip(KINDS, ("published figures", "ledgers", "simulated"), strict=True))
_MARKUP = str.maketrans(
    {sign: f"\\{sign}" for sign in "\\`*_[]|#"} | {"<": "&lt;", ">": "&gt;", "\n": " "}
)
_MINUTE, _HOUR = 60, 3600
_PLACES = {
    "data/raw": "data as received, with a card for each file",
    "tests": "tests; a number in one comes from a named source or from arithmetic",
    "benchmarks": "speed against named peers, as ratios",
    "docs": "how quantities are read, how ledgers are simulated, how to run on a cluster",
}


def write(contents: Contents, storage: int, *, certified: bool = False) -> str:
    """Return the README of a bundle of so many bytes; certified: the authors state their rights."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    # Markdown, not HTML: what comes from data is escaped by `md`
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "md": escaped,
        "code": quoted,
        "sentence": sentence,
        "tick": lambda text: f"`{quoted(text)}`",
    }
    facts = _facts(contents) | {"storage": f"{storage / 2**20:.0f} MiB", "certified": certified}
    return environment.get_template("readme.md.j2").render(**facts)


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
    return plain if plain.endswith((".", "?", "!", "。")) else f"{plain}."


def quoted(text: object) -> str:
    """Write a text to stand between backticks in a table."""
    return visible(str(text)).replace("`", "'").replace("|", "\\|").replace("\n", " ")


def _facts(contents: Contents) -> dict[str, Any]:
    root, reports = paths.root(), contents.reports
    cited = citation.of_package()
    lock = versions.locked(root / "requirements.lock")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = sorted({_package(line) for line in project.get("dependencies", ())})
    withheld = {holding.name for holding in contents.withheld}
    holdings = (*contents.holdings, *contents.withheld)
    commits = (check.get("commit") for report in reports for check in report.record["checks"])
    return {
        "title": cited.title,
        "version": __version__,
        "authors": [author.displayed for author in cited.authors],
        "reports": reports,
        "notebooks": list(_notebooks(reports)),
        "simulated": sum(r.record.get("kind") == "simulated" for r in reports),
        "total": _time(sum(float(r.record["seconds"]) for r in reports)),
        "holdings": [_holding(h, ()) for h in contents.holdings],
        "withheld": [_holding(h, reports) for h in contents.withheld],
        "python": sorted({_python(r) for r in reports}),
        "locked": lock,
        "direct": [(name, lock[name]) for name in wanted if name in lock],
        "seeds": [*_simulation_seeds(contents.holdings), *_seeds(reports)],
        "machines": sorted(
            {_machine(r.record["machine"]) for r in reports if "machine" in r.record}
        ),
        "programs": list(_programs(contents.sources)),
        "unplanned": [{"slug": r.slug, "command": _command(r)} for r in reports if not r.planned],
        "code": origin.code_id(),
        # where git does not tell, in an unpacked bundle say, the runs' records do
        "commit": contents.commit or next(filter(None, commits), ""),
        "code_licence": project.get("license", "See the file"),
        "stops": any(
            r.planned and withheld.intersection(r.datasets) for r in (*reports, *contents.dropped)
        ),
        "cited": [card for h in holdings if h.kind != "simulated" for card in h.cards],
    }


def _package(requirement: str) -> str:
    from packaging.requirements import Requirement  # noqa: PLC0415

    return Requirement(requirement).name.lower().replace("_", "-")


def _holding(holding: Holding, reports: Iterable[Report]) -> dict[str, Any]:
    return {
        "name": holding.name,
        "title": holding.title,
        "words": _KIND.get(holding.kind, holding.kind),
        "description": str(holding.head.get("description", "")),
        "withheld": holding.withheld,
        "path": holding.place,
        "card": f"{holding.place}/{holding.card_file.name}",
        "cards": [asdict(card) for card in holding.cards],
        "needed_by": [r.slug for r in reports if holding.name in r.datasets],
    }


# ---- runs ----


def _by_notebook(reports: Sequence[Report]) -> Iterator[tuple[Path, list[Report]]]:
    ordered = sorted(reports, key=lambda r: (r.run.notebook.name, r.slug))
    for notebook, members in groupby(ordered, key=lambda r: r.run.notebook):
        yield notebook, list(members)


def _executed(report: Report) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((report.folder / "notebook.ipynb").read_bytes())
    return content


def _python(report: Report) -> str:
    return str(_executed(report)["metadata"]["language_info"]["version"])


def _machine(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['system']}, {facts['cores']} cores, {facts['memory_gib']} GiB of memory, "
        f"Python {facts['python']}"
    )


def _time(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} seconds"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds / _HOUR:.1f} hours"


def _command(report: Report) -> str:
    given = [
        f"-p {shlex.quote(f'{n}={parameters.text(v)}')}" for n, v in report.run.parameters.items()
    ]
    return quoted(" ".join(["lianjian run", report.run.name, *given]))


# ---- what notebooks publish, and the code ----


def _notebooks(reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    for notebook, members in _by_notebook(reports):
        products: dict[str, dict[str, Any]] = {}
        for report in members:  # what several runs publish stands once
            for product in _published(_executed(report)):
                products.setdefault(product["anchor"], product)
        seconds = [float(report.record["seconds"]) for report in members]
        yield {
            "file": notebook.name,
            "heading": members[0].record["heading"],
            "slugs": [report.slug for report in members],
            "seconds": f"{sum(seconds):.1f}",
            "longest": f"{max(seconds):.1f}",
            "products": sorted(products.values(), key=lambda product: product["cell"]),
        }


def _published(executed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the products of an executed notebook, with their cells as its source counts them."""
    counts = dict.fromkeys(markup.WORDS, 0)
    own = [c for c in executed["cells"] if INJECTED not in c["metadata"].get("tags", ())]
    for place, cell in enumerate(own, start=1):
        for output in cell.get("outputs", ()):
            facts = output.get("metadata", {}).get("lianjian")
            if not facts:
                continue
            kind, name = facts["product"], facts["name"]
            counts[kind] += 1
            number = kind == "number"
            yield {
                "reference": "number in text" if number else f"{markup.WORDS[kind]} {counts[kind]}",
                "words": facts["label" if number else "caption"],
                "cell": place,
                "anchor": markup.anchor(kind, name),
            }


def _seeds(reports: Sequence[Report]) -> Iterator[dict[str, object]]:
    for notebook, members in _by_notebook(reports):
        cell = source.tagged(source.code_cells(notebook), "parameters")
        for name, parameter in parameters.read(notebook).items():
            if "seed" in name.lower() and cell is not None:
                given = (r.run.parameters.get(name, parameter.default) for r in members)
                values = ", ".join(sorted({parameters.text(value) for value in given}))
                place = f"parameters of `notebooks/{notebook.name}`, cell {cell.place}"
                yield {"place": place, "name": name, "value": values}


def _simulation_seeds(holdings: Sequence[Holding]) -> Iterator[dict[str, object]]:
    for holding in holdings:
        for name, value in holding.head.get("parameters", {}).items():
            if "seed" in name.lower():
                place = f"simulated data, `{holding.place}/dataset.toml`"
                yield {"place": place, "name": name, "value": value}


def _programs(sources: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield rooms and modules, each with the first line of what it says of itself."""
    for name, path in sorted(sources.items()):
        match Path(name).parts:
            case ("analysis", room, "__init__.py"):
                place = f"analysis/{room}/"
            case ("analysis", module) if module.endswith(".py") and module != "__init__.py":
                place = name
            case _:
                continue
        text = ast.get_docstring(parse(path.read_bytes())) or ""
        if text:
            yield place, text.partition("\n")[0].replace("``", "`")
    for place, words in sorted(_PLACES.items()):
        if any(name.startswith(f"{place}/") for name in sources):
            yield f"{place}/", words
