"""What no notebook and no entry of the plan asks for any more, and what of it is ours to remove."""

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.reports import freshness
from analysis.reports.run import staging


@dataclass(frozen=True)
class Orphan:
    """A report, or a failure, that nothing asks for."""

    folder: Path
    reason: str  # what is gone
    foreign: tuple[str, ...] = ()  # what lianjian did not make in it: it is not removed then


def orphans(reports: Path, planned: Collection[str]) -> list[Orphan]:
    """Find reports and failures whose notebook, or whose entry of the plan, is gone.

    What a command line asked for stays while its notebook is there.
    """
    found = []
    for name in staging.folders(reports):
        folder, slug = reports / name, name.removesuffix(staging.FAILED)
        try:
            record = json.loads((folder / "run.json").read_bytes())
            notebook, asked = record["notebook"], record.get("asked")
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no run of ours made it
        if not paths.notebook(notebook).is_file():
            reason = f"its notebook {notebook} is gone"
        elif slug not in planned and asked == "plan":
            reason = "its entry in notebooks/plan.toml is gone"
        else:
            continue
        found.append(Orphan(folder, reason, (*staging.foreign(folder), *edited(folder, record))))
    return found


def edited(folder: Path, record: Mapping[str, Any]) -> list[str]:
    """Name the files of a report that are not what its run wrote: a person worked on them."""
    there = freshness.checksums(folder)
    wrote = record.get("products", {})
    return [f"{name}, edited" for name in wrote if there.get(name, wrote[name]) != wrote[name]]


def remove(found: Collection[Orphan]) -> list[Orphan]:
    """Remove what is ours alone, and return it."""
    ours = [orphan for orphan in found if not orphan.foreign]
    for orphan in ours:
        shutil.rmtree(orphan.folder)
    return ours


def forget_failures(reports: Path, planned: Collection[str]) -> None:
    """Clear away the failures that nothing asks for; reports wait for a person."""
    found = orphans(reports, planned)
    remove([orphan for orphan in found if orphan.folder.name.endswith(staging.FAILED)])
