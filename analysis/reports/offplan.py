"""Reports that no plan asks for: a command line did, with parameters of its own."""

import json
from collections.abc import Collection
from pathlib import Path

from analysis import paths
from analysis.errors import LianjianError
from analysis.reports import keys, parameters, plan, staging
from analysis.reports.plan import Run


def run_of(folder: Path) -> Run:
    """Return the run that made a report.

    Raises
    ------
    LianjianError
        Its notebook is gone, or takes its parameters no more, or its records cannot be read.
    """
    try:
        record = json.loads((folder / "run.json").read_bytes())
        title = json.loads((folder / keys.KEY).read_bytes())["title"]
        notebook, given = paths.notebooks() / record["notebook"], record["parameters"]
    except (OSError, ValueError, KeyError) as error:
        raise LianjianError(f"{folder.name} does not say how it was made: {error}") from error
    if not notebook.is_file():
        raise LianjianError(f"{folder.name}: its notebook {notebook.name} is gone")
    checked = parameters.check(given, parameters.read(notebook), notebook.name)
    return Run(notebook, folder.name, title, checked)


def named(word: str) -> Run | None:
    """Return the run of a report of this name, None where there is none or the plan has it."""
    folder = paths.reports() / word
    is_report = "/" not in word and not word.endswith(staging.FAILED)
    if not is_report or not (folder / "run.json").is_file():
        return None
    planned = {name for run in plan.load() for name in (run.slug, run.name)}
    return None if word in planned else run_of(folder)


def stale(reports: Path, slugs: Collection[str]) -> dict[str, str]:
    """Say of reports beside the plan why they are not what would be made now.

    Parameters
    ----------
    reports : Path
        Their folder.
    slugs : collection of str
        Their names.
    """
    look = keys.Looker()
    found = {}
    for slug in slugs:
        try:
            decision = look.decide(run_of(reports / slug), reports / slug)
        except LianjianError as error:
            found[slug] = str(error)
            continue
        if decision.action == "run":
            found[slug] = "; ".join(decision.reasons)
    return found
