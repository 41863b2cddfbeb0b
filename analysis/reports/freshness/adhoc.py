"""Reports that no plan asks for: a command line did, with parameters of its own."""

import json
from collections.abc import Collection
from pathlib import Path

from analysis import paths
from analysis.errors import LianjianError
from analysis.reports.freshness import fingerprints
from analysis.reports.plan import parameters
from analysis.reports.plan.plan import Run
from analysis.reports.run import staging


def run_of(folder: Path) -> Run:
    """Return the run that made a report, or that failed."""
    key = folder / fingerprints.KEY  # a run that failed has none
    try:
        record = json.loads((folder / "run.json").read_bytes())
        title = json.loads(key.read_bytes())["title"] if key.is_file() else ""
        notebook, given = paths.notebook(record["notebook"]), record["parameters"]
    except (OSError, ValueError, KeyError) as error:
        raise LianjianError(f"{folder.name} does not say how it was made: {error}") from error
    if not notebook.is_file():
        raise LianjianError(f"{folder.name}: its notebook {notebook.name} is gone")
    checked = parameters.check(given, parameters.read(notebook), notebook.name)
    return Run(notebook, folder.name.removesuffix(staging.FAILED), title, checked)


def named(word: str) -> Run | None:
    """Return the run that made, or failed to make, a report of this name; None without one."""
    reports = paths.reports()
    if "/" in word or word.startswith(".") or word.endswith(staging.FAILED):
        return None
    for folder in (reports / word, reports / f"{word}{staging.FAILED}"):
        if (folder / "run.json").is_file():
            return run_of(folder)
    return None


def stale(reports: Path, planned: Collection[str]) -> dict[str, str]:
    """Say of the reports beside the plan why they are not what would be made now."""
    look = fingerprints.Fingerprints()
    found = {}
    for slug in staging.folders(reports):
        folder = reports / slug
        if slug in planned or slug.endswith(staging.FAILED) or not (folder / "run.json").is_file():
            continue
        try:
            decision = look.decide(run_of(folder), folder)
        except LianjianError as error:
            found[slug] = str(error)
            continue
        if decision.action == "run":
            found[slug] = "; ".join(decision.reasons)
    return found
