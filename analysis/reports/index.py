"""The page that lists every report: failures first, then notebook by notebook."""

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis import __version__
from analysis.reports import staging

_MOST_NUMBERS = 5


@dataclass(frozen=True)
class Group:
    """The reports made from one notebook.

    Attributes
    ----------
    heading, summary : str
        The notebook's title and first paragraph.
    runs : list of dict
        Their run records.
    names : list of (str, str)
        Name and label of the cited numbers shown as columns.
    """

    heading: str
    summary: str
    runs: list[dict[str, Any]]
    names: list[tuple[str, str]]


def render(reports: Path) -> str:
    """Return the index of a folder of reports.

    Parameters
    ----------
    reports : Path
        The folder; each report's ``run.json`` says what it is.
    """
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415

    from analysis.reports import publish  # noqa: PLC0415

    records = _records(reports)
    good = [r for r in records if r["result"] == "ok"]
    failed = [r for r in records if r["result"] != "ok"]
    environment = Environment(
        loader=FileSystemLoader(publish.TEMPLATES), autoescape=True, trim_blocks=True
    )
    html = environment.get_template("index.html.j2").render(
        version=__version__,
        groups=_groups(good),
        failed=failed,
        published={r["slug"] for r in good},
        count=len(good),
        simulated=sum(r.get("kind") == "simulated" for r in good),
        last=max((r["started"] for r in records), default="")[:16].replace("T", " "),
        kinds=publish.KINDS,
    )
    return publish.finish(html)


def _records(reports: Path) -> list[dict[str, Any]]:
    records = []
    for path in sorted(reports.glob("*/run.json")):
        if path.parent.parent != reports or path.parent.name.startswith("."):
            continue
        record = json.loads(path.read_text("utf-8"))
        record["numbers"] = record.get("numbers", [])
        record["folder"] = path.parent.name
        record["failed"] = path.parent.name.endswith(staging.FAILED)
        records.append(record)
    return records


def _groups(good: list[dict[str, Any]]) -> list[Group]:
    groups = []
    for _, members in groupby(good, key=lambda r: r["notebook"]):
        runs = list(members)
        heading = runs[0]["heading"]
        labels: dict[str, list[str]] = {}
        for run in runs:
            run["short"] = run["title"].removeprefix(f"{heading}: ")
            run["by_name"] = {number["name"]: number for number in run["numbers"]}
            for number in run["numbers"]:
                labels.setdefault(number["name"], []).append(number["label"])
        names = [(name, _common(texts)) for name, texts in labels.items()][:_MOST_NUMBERS]
        groups.append(Group(heading, runs[0]["summary"], runs, names))
    return groups


def _common(labels: list[str]) -> str:
    """Keep the parts of a label, between commas, that all runs share.

    Examples
    --------
    >>> _common(["Mean income, Huan County, 2024", "Mean income, Ning County, 2024"])
    'Mean income, 2024'
    """
    parts = [label.split(", ") for label in labels]
    shared = [part for part in parts[0] if all(part in others for others in parts)]
    return ", ".join(shared) or labels[0]
