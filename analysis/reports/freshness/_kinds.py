"""Of which kind the data are that a run has read: published, ledger or simulated."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from analysis.reports.finished import record_of

PUBLISHED, LEDGER, SIMULATED, MIXED = "published", "ledger", "simulated", "mixed"
_ROOMS = {"raw", "processed", "decisions"}


def kinds(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the kind of each dataset, and of each report, to which some files belong."""
    names = set(names)
    found = {}
    for dataset in sorted(filter(None, {dataset_of(root, name) for name in names})):
        kind = PUBLISHED if dataset == PUBLISHED else _kind(root, dataset)
        if kind:
            found[dataset] = kind
    for report in sorted({path for name in names for path in _reports(root, name)}):
        found |= {f"{report.parent.name} ({kind})": kind for kind in _kinds_of(report)}
    return found


def kind_of(read: Iterable[str], stood_on: Iterable[str] = ()) -> str:
    """Return the one word for several kinds: "mixed" where some are simulated and some are not."""
    every, stood = set(read), set(stood_on)
    if SIMULATED in every:
        return SIMULATED if every == {SIMULATED} or stood == {SIMULATED} else MIXED
    return LEDGER if LEDGER in every else next(iter(sorted(every)), "")


def dataset_of(root: Path, name: str) -> str:
    """Return the dataset of a file, which may be reached by a link; empty where it is of none."""
    parts = Path(name).parts
    if parts[0] != "data":
        place = (root / name).resolve()
        parts = place.relative_to(root).parts if place.is_relative_to(root) else parts
    if len(parts) < 3 or parts[0] != "data" or parts[1] not in _ROOMS:  # noqa: PLR2004
        return ""
    return PUBLISHED if parts[1] == "raw" and len(parts) == 3 else parts[2]  # noqa: PLR2004


def _reports(root: Path, name: str) -> Iterator[Path]:
    """Yield the records of the reports of which a file tells: one, or all where it is theirs."""
    match Path(name).parts:
        case ["reports", slug, _, *_]:
            yield root / "reports" / slug / "run.json"
        case ["reports", _]:
            yield from (root / "reports").glob("[!.]*/run.json")


def _kinds_of(report: Path) -> tuple[str, ...]:
    """Return the kind of a report by its record; each of the kinds of one that is mixed."""
    record = record_of(report.parent)  # empty where there is none, or it is being made
    kind = record.get("kind", "")
    if kind == MIXED:
        return tuple(map(str, record["kinds"]))
    return (str(kind),) if kind in {PUBLISHED, LEDGER, SIMULATED} else ()


def _kind(root: Path, dataset: str) -> str:
    """Return the kind that a dataset's manifest, or its card, says; empty where neither does."""
    manifest = root / "data" / "processed" / dataset / "manifest.json"
    card = root / "data" / "raw" / dataset / "dataset.toml"
    for path, read in ((manifest, json.loads), (card, tomllib.loads)):
        try:
            content = read(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue  # the other one may say it
        if isinstance(content, Mapping) and isinstance(content.get("kind"), str):
            return str(content["kind"])
    return ""
