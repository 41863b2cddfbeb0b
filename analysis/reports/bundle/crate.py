"""A bundle as a Process Run Crate: which program made which files of what, for machines to read.

RO-Crate 1.1 with the profile https://w3id.org/ro/wfrun/process: each report is a ``CreateAction``
whose instrument is a notebook, whose objects are raw data and parameters, and whose results are the
report's files.
"""

import mimetypes
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from analysis import __version__
from analysis.clean.authors import Author
from analysis.clean.build import PUBLISHED
from analysis.reports import citation
from analysis.reports.bundle.bundle_contents import Contents, Report
from analysis.reports.bundle.bundle_data import Holding
from analysis.reports.plan import parameters

FILE = "ro-crate-metadata.json"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
_PYTHON = "https://www.python.org/"
_TYPES = {".ipynb": "application/x-ipynb+json", ".md": "text/markdown", ".toml": "application/toml",
          ".tex": "application/x-tex", ".csv": "text/csv"}  # fmt: skip


def write(contents: Contents, files: Mapping[str, int]) -> dict[str, Any]:
    """Return the metadata of the crate.

    Parameters
    ----------
    contents : Contents
        What goes in.
    files : mapping of str to int
        Every file of the bundle and its bytes.
    """
    cited = citation.of_package()
    authors = [_agent(author) for author in cited.authors]
    makers = [agent for r in contents.reports for agent in _makers(r)]
    raw = {h.name: list(_raw(h, files)) for h in contents.holdings}
    notebooks = {r.run.notebook.name: _notebook(r, files) for r in contents.reports}
    actions = [_action(r, raw, files) for r in contents.reports]
    results = [file for r in contents.reports for file in _results(r, files)]
    given = [value for r in contents.reports for value in _parameters(r)]
    folders = [_folder(name) for name in sorted({n.split("/")[0] for n in files if "/" in n})]
    parts = [*folders, *notebooks.values(), *(f for group in raw.values() for f in group), *results]
    parts += [_file(name, files, about) for name, about in _ABOUT.items() if name in files]
    last = max(r.record["started"] for r in contents.reports)
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": cited.title,
        "description": cited.abstract
        or f"Replication bundle of {cited.title}: data, code, reports.",
        "version": __version__,
        "datePublished": cited.date or last[:10],
        "license": _id("LICENSE"),
        "keywords": ", ".join(cited.keywords),
        "author": [_id(author["@id"]) for author in authors],
        "conformsTo": _id(_PROFILE),
        "hasPart": [_id(part["@id"]) for part in parts],
        "mentions": [_id(action["@id"]) for action in actions],
    }
    descriptor = {
        "@id": FILE,
        "@type": "CreativeWork",
        "about": _id("./"),
        "conformsTo": _id("https://w3id.org/ro/crate/1.1"),
    }
    profile = {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate",
               "version": _PROFILE.rpartition("/")[2]}  # fmt: skip
    python = {"@id": _PYTHON, "@type": "ComputerLanguage", "name": "Python", "url": _PYTHON}
    graph: list[dict[str, Any]] = [
        descriptor,
        root,
        profile,
        python,
        *authors,
        *makers,
        *parts,
        *given,
        *actions,
    ]
    entities = {entity["@id"]: entity for entity in graph}.values()
    return {"@context": _CONTEXT, "@graph": [_compact(entity) for entity in entities]}


def _compact(entity: dict[str, Any]) -> dict[str, Any]:
    """Write a list of one as its one, and leave out what is empty, as JSON-LD has it."""
    kept = {name: value for name, value in entity.items() if value not in ("", [], {})}
    single = {n: v[0] for n, v in kept.items() if isinstance(v, list) and len(v) == 1}
    return kept | single


_ABOUT = {
    "README.md": "How to reproduce the reports",
    "README-project.md": "What the project is and how to use it",
    "LICENSE": "Licence of the code",
    "CITATION.cff": "How to cite the project",
    "MANIFEST.sha256": "SHA-256 of every other file",
    "Makefile": "make reports, make test",
    "pyproject.toml": "The package and what it needs",
    "requirements.lock": "Exact versions and hashes of all packages",
    "reports/index.html": "Index of the reports",
    "reports/numbers.csv": "All cited numbers",
    "reports/numbers.tex": "All cited numbers as LaTeX macros",
}


def _id(name: str) -> dict[str, str]:
    return {"@id": name}


def _uri(name: str) -> str:
    """Return a file's name, or a word, as it may stand in a URI."""
    from urllib.parse import quote  # noqa: PLC0415

    return quote(name, safe="/")


def _file(name: str, files: Mapping[str, int], title: str) -> dict[str, Any]:
    suffix = Path(name).suffix
    kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "text/plain")
    # the manifest is written last; it names this file, too
    size = {"contentSize": str(files[name])} if files[name] else {}
    return {"@id": _uri(name), "@type": "File", "name": title, "encodingFormat": kind, **size}


def _folder(name: str) -> dict[str, Any]:
    return {"@id": f"{name}/", "@type": "Dataset", "name": name}


def _agent(author: Author) -> dict[str, Any]:
    if author.name:
        return {"@id": f"#{_uri(author.name)}", "@type": "Organization", "name": author.name}
    orcid = author.orcid.rpartition("/")[2]
    place = f"https://orcid.org/{orcid}" if orcid else f"#{_uri(author.indexed)}"
    names = {"name": author.displayed, "familyName": author.family, "givenName": author.given}
    return {"@id": place, "@type": "Person", **names, "affiliation": author.affiliation}


def _makers(report: Report) -> list[dict[str, Any]]:
    """Return whose work a report is; without a named author, it is the project's."""
    cited = citation.from_record(report.record["citation"])
    return [_agent(author) for author in cited.authors or citation.of_package().authors]


def _raw(holding: Holding, files: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    folder = "data/raw" if holding.name == PUBLISHED else f"data/raw/{holding.name}"
    for card in holding.cards:
        about = {
            "description": ". ".join(filter(None, (card.producer, card.locator, card.note))),
            "conditionsOfAccess": ". ".join(filter(None, (card.licence, card.rights))),
            "sha256": card.sha256,
        }
        yield _file(f"{folder}/{card.file}", files, card.title) | about


def _notebook(report: Report, files: Mapping[str, int]) -> dict[str, Any]:
    name = f"notebooks/{report.run.notebook.name}"
    about = {"@type": ["File", "SoftwareSourceCode"], "programmingLanguage": _id(_PYTHON),
             "version": __version__, "description": report.record["summary"]}  # fmt: skip
    return _file(name, files, report.record["heading"]) | about


def _results(report: Report, files: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name in files:
        if name.startswith(f"reports/{report.slug}/"):
            yield _file(name, files, f"{report.record['title']}: {Path(name).name}")


def _parameters(report: Report) -> Iterator[dict[str, Any]]:
    for name, value in report.run.parameters.items():
        yield {"@id": f"#{report.slug}-{_uri(name)}", "@type": "PropertyValue", "name": name,
               "value": parameters.text(value)}  # fmt: skip


def _action(
    report: Report, raw: Mapping[str, list[dict[str, Any]]], files: Mapping[str, int]
) -> dict[str, Any]:
    record = report.record
    # a run that loaded no dataset may still have read a raw file itself
    names = [file["@id"] for dataset in report.datasets for file in raw.get(dataset, ())]
    read = [_uri(name) for name in report.key["data"] if name in files]
    names += [name for name in read if name not in names]
    start = datetime.fromisoformat(record["started"])
    end = start + timedelta(seconds=round(float(record["seconds"])))
    return {
        "@id": f"#run-{report.slug}",
        "@type": "CreateAction",
        "name": record["title"],
        "description": f"Run {record['run_id']} of {report.run.notebook.name} by lianjian run",
        "instrument": _id(_uri(f"notebooks/{report.run.notebook.name}")),
        "agent": [_id(agent["@id"]) for agent in _makers(report)],
        "object": [_id(name) for name in [*names, *(p["@id"] for p in _parameters(report))]],
        "result": [_id(file["@id"]) for file in _results(report, files)],
        "startTime": record["started"],
        "endTime": end.isoformat(),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
