"""The README of a bundle, in the Social Science Data Editors' form, filled from real runs."""

import ast
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.fields import KINDS
from analysis.reports import citation
from analysis.reports.bundle._contents import Contents, Holding, Report
from analysis.reports.freshness import origin
from analysis.reports.page import findings, versions
from analysis.reports.plan import parameters, source
from analysis.reports.plan.syntax import parse
from analysis.terminal import visible

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
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

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
    """Write a text so that Markdown shows it as it stands, on one line."""
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
    lock = versions.locked(root / paths.LOCK)
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = sorted({_package(line) for line in project.get("dependencies", ())})
    withheld = {holding.name for holding in contents.withheld}
    machines = [report.record["machine"] for report in reports if "machine" in report.record]
    commits = (check.get("commit") for report in reports for check in report.record["checks"])
    return {
        "cited": citation.of_package(),
        "reports": reports,
        "released": [f"released/{slug}/report.html" for slug in contents.released],
        "notebooks": list(_notebooks(reports)),
        "simulated": sum(r.record.get("kind") == "simulated" for r in reports),
        "total": _time(sum(float(r.record["seconds"]) for r in reports)),
        "holdings": contents.holdings,
        "withheld": contents.withheld,
        "kinds": _KIND,
        "needed_by": {
            name: [r.slug for r in reports if name in r.datasets] for name in sorted(withheld)
        },
        "python": sorted({str(r.executed.metadata.language_info.version) for r in reports}),
        "locked": lock,
        "direct": [(name, lock[name]) for name in wanted if name in lock],
        "seeds": [*_simulation_seeds(contents.holdings), *_seeds(reports)],
        "machines": sorted(map(_machine, machines)),
        "programs": list(_programs(contents.sources)),
        "unplanned": [(r.slug, _command(r)) for r in reports if not r.planned],
        "code": origin.code_id(),
        # where git does not tell, in an unpacked bundle say, the runs' records do
        "commit": contents.commit or next(filter(None, commits), ""),
        "code_licence": project.get("license", "See the file"),
        "stops": any(
            r.planned and withheld.intersection(r.datasets) for r in (*reports, *contents.dropped)
        ),
    }


def _package(requirement: str) -> str:
    from packaging.requirements import Requirement

    return Requirement(requirement).name.lower().replace("_", "-")


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
    given = (f"{name}={parameters.text(value)}" for name, value in report.run.parameters.items())
    options = [f"-p {shlex.quote(one)}" for one in given]
    return quoted(" ".join(["lianjian run", report.run.name, *options]))


# ---- notebooks, and the code ----


def _by_notebook(reports: Sequence[Report]) -> Iterator[tuple[Path, list[Report]]]:
    ordered = sorted(reports, key=lambda r: (r.run.file, r.slug))
    for notebook, members in groupby(ordered, key=lambda r: r.run.notebook):
        yield notebook, list(members)


def _notebooks(reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    for _, members in _by_notebook(reports):
        products: dict[str, findings.Product] = {}
        for report in members:  # what several runs publish stands once
            for product in findings.gather(report.executed).products:
                products.setdefault(product.anchor, product)
        seconds = [float(report.record["seconds"]) for report in members]
        yield {
            "file": members[0].run.file,
            "heading": members[0].record["heading"],
            "slugs": [report.slug for report in members],
            "seconds": f"{sum(seconds):.1f}",
            "longest": f"{max(seconds):.1f}",
            "products": sorted(products.values(), key=lambda product: product.cell),
        }


def _seeds(reports: Sequence[Report]) -> Iterator[dict[str, object]]:
    for notebook, members in _by_notebook(reports):
        cell = source.tagged(source.code_cells(notebook), "parameters")
        for name, parameter in parameters.read(notebook).items():
            if "seed" in name.lower() and cell is not None:
                given = (r.run.parameters.get(name, parameter.default) for r in members)
                values = ", ".join(sorted({parameters.text(value) for value in given}))
                place = f"parameters of `notebooks/{members[0].run.file}`, cell {cell.place}"
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
        if text := ast.get_docstring(parse(path.read_bytes())):
            yield place, text.partition("\n")[0].replace("``", "`")
    for place, words in sorted(_PLACES.items()):
        if any(name.startswith(f"{place}/") for name in sources):
            yield f"{place}/", words
