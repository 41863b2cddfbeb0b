"""What the notebooks of a bundle publish, where they draw, and what the code is."""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis.reports import markup
from analysis.reports.bundle.bundle_contents import Report
from analysis.reports.bundle.bundle_data import Holding
from analysis.reports.page import randomness
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan import parameters, source
from analysis.reports.plan.syntax import parse

_PLACES = {
    "data/raw": "data as received, with a card for each file",
    "tests": "tests; a number in one comes from a named source or from arithmetic",
    "benchmarks": "speed against named peers, as ratios",
    "docs": "how quantities are read, how ledgers are simulated, how to run on a cluster",
}


@dataclass(frozen=True)
class Product:
    """A figure, table or number, and the code that makes it.

    Attributes
    ----------
    kind, name : str
        What it is and what it is called.
    reference : str
        What a sentence calls it: its number in the page, or "number".
    words : str
        Caption or label.
    cell : int
        Its cell, counted from 1 among all cells of the notebook.
    anchor : str
        Its id in the page.
    """

    kind: str
    name: str
    reference: str
    words: str
    cell: int
    anchor: str


def by_notebook(reports: Sequence[Report]) -> Iterator[tuple[Path, list[Report]]]:
    """Yield each notebook with its reports."""
    ordered = sorted(reports, key=lambda r: (r.run.notebook.name, r.slug))
    for notebook, members in groupby(ordered, key=lambda r: r.run.notebook):
        yield notebook, list(members)


def executed(report: Report) -> dict[str, Any]:
    """Return the executed notebook of a report."""
    content: dict[str, Any] = json.loads((report.folder / "notebook.ipynb").read_bytes())
    return content


def products(reports: Sequence[Report]) -> list[Product]:
    """Return what the runs of one notebook published; what several have stands once."""
    found: dict[str, Product] = {}
    for report in reports:
        for product in published(executed(report)):
            found.setdefault(product.anchor, product)
    return sorted(found.values(), key=lambda p: p.cell)


def published(executed: dict[str, Any]) -> Iterator[Product]:
    """Yield the products of an executed notebook with their cells, counted as in its source."""
    place, counts = 0, dict.fromkeys(markup.WORDS, 0)
    for cell in executed["cells"]:
        if INJECTED in cell["metadata"].get("tags", ()):
            continue  # not in the source
        place += 1
        for output in cell.get("outputs", ()):
            facts = output.get("metadata", {}).get("lianjian")
            if not facts:
                continue
            kind, name = facts["product"], facts["name"]
            counts[kind] = counts.get(kind, 0) + 1
            reference = (
                "number in text" if kind == "number" else f"{markup.WORDS[kind]} {counts[kind]}"
            )
            words = facts["label"] if kind == "number" else facts["caption"]
            yield Product(kind, name, reference, words, place, markup.anchor(kind, name))


# ---- seeds ----


def seeds(reports: Sequence[Report]) -> Iterator[dict[str, object]]:
    """Yield the parameters that set seeds, with the cell where each stands."""
    for notebook, members in by_notebook(reports):
        cell = source.tagged(source.code_cells(notebook), "parameters")
        for name, parameter in parameters.read(notebook).items():
            if not randomness.is_seed(name) or cell is None:
                continue
            values = {
                parameters.text(r.run.parameters.get(name, parameter.default)) for r in members
            }
            place = f"parameters of `notebooks/{notebook.name}`, cell {cell.place}"
            yield {"place": place, "name": name, "value": ", ".join(sorted(values))}


def simulation_seeds(holdings: Sequence[Holding]) -> Iterator[dict[str, object]]:
    """Yield the seeds that simulated data were drawn with."""
    for holding in holdings:
        for name, value in holding.head.get("parameters", {}).items():
            if randomness.is_seed(name):
                place = f"simulated data, `data/raw/{holding.name}/dataset.toml`"
                yield {"place": place, "name": name, "value": value}


def draws(reports: Sequence[Report]) -> Iterator[dict[str, object]]:
    """Yield where notebooks draw random numbers."""
    for notebook, _ in by_notebook(reports):
        cells = tuple((cell.place, cell.source) for cell in source.code_cells(notebook))
        for draw in randomness.draws(cells):
            yield {"notebook": notebook.name, **asdict(draw)}


# ---- programs ----


def programs(sources: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield rooms and modules, each with the first line of what it says of itself."""
    for name, path in sorted(sources.items()):
        parts = Path(name).parts
        is_room = parts[0] == "analysis" and parts[2:] == ("__init__.py",)
        if is_room or (parts[0] == "analysis" and len(parts) == 2 and path.suffix == ".py"):  # noqa: PLR2004
            text = ast.get_docstring(parse(path.read_bytes())) or ""
            place = f"{parts[0]}/{parts[1]}" + "/" * is_room
            if text and parts[1] != "__init__.py":
                yield place, text.partition("\n")[0].replace("``", "`")
    for place, words in sorted(_PLACES.items()):
        if any(name.startswith(f"{place}/") for name in sources):
            yield f"{place}/", words
