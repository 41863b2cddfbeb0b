"""A bundle as a Process Run Crate: which program made which files of what, for machines to read.

RO-Crate 1.1 with the profile https://w3id.org/ro/wfrun/process: each report is a ``CreateAction``
whose instrument is a notebook, whose objects are raw data and parameters, and whose results are the
report's files.
"""

import mimetypes
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from analysis import __version__
from analysis.clean.authors import Author
from analysis.reports import citation
from analysis.reports.bundle._contents import ABOUT, TYPES, Contents, Report
from analysis.reports.plan import parameters

FILE = "ro-crate-metadata.json"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_RUN_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_PYTHON = "https://www.python.org/"


def write(contents: Contents, files: Mapping[str, int]) -> dict[str, Any]:
    """Return the metadata of the crate of these files, each with its bytes."""
    from rocrate.rocrate import ROCrate

    cited = citation.of_package()
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_RUN_TERMS)
    made = _Made(crate, files)
    root = crate.root_dataset
    root["name"], root["version"] = cited.title, __version__
    root["description"] = (
        cited.abstract or f"Replication bundle of {cited.title}: data, code, reports."
    )
    # a date of the work, never of the packing: the same project gives the same bytes
    started = max(r.record["started"] for r in contents.reports)
    root["datePublished"] = cited.date or started[:10]
    root["keywords"] = ", ".join(cited.keywords)
    root["author"] = [made.agent(author) for author in cited.authors]
    root["conformsTo"] = made.entity(
        _PROFILE, "CreativeWork", name="Process Run Crate", version=_PROFILE.rpartition("/")[2]
    )
    for name in sorted({name.split("/")[0] for name in files if "/" in name}):
        crate.add_directory(dest_path=name, properties={"name": name})
    for name, about in ABOUT.items():
        if name in files:
            made.file(name, about)
    root["license"] = crate.get("LICENSE")
    raw = {
        holding.name: [
            made.file(
                f"{holding.place}/{card.file}",
                card.title,
                description=". ".join(filter(None, (card.producer, card.locator, card.note))),
                conditionsOfAccess=". ".join(filter(None, (card.licence, card.rights))),
                sha256=card.sha256,
            )
            for card in holding.cards
        ]
        for holding in contents.holdings
    }
    root["mentions"] = [made.action(report, raw) for report in contents.reports]
    content: dict[str, Any] = crate.metadata.generate()
    return content


class _Made:
    """What stands in a crate; each thing is added once."""

    def __init__(self, crate: Any, files: Mapping[str, int]) -> None:
        self.crate, self.files = crate, files

    def entity(self, address: str, kind: str, **facts: object) -> Any:
        from rocrate.model.contextentity import ContextEntity

        # JSON-LD writes a list of one as its one
        single = {n: v[0] if isinstance(v, list) and len(v) == 1 else v for n, v in facts.items()}
        about = {"@type": kind} | {name: value for name, value in single.items() if value}
        entity = ContextEntity(self.crate, address, properties=about)
        return self.crate.get(address) or self.crate.add(entity)

    def file(self, name: str, title: str, **facts: object) -> Any:
        suffix = Path(name).suffix
        kind = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "text/plain")
        # the manifest is written last; it names the crate, too
        size = {"contentSize": str(self.files[name])} if self.files[name] else {}
        kept = {key: value for key, value in facts.items() if value}
        about = {"name": title, "encodingFormat": kind, **size, **kept}
        return self.crate.get(_uri(name)) or self.crate.add_file(dest_path=name, properties=about)

    def agent(self, author: Author) -> Any:
        if author.name:
            return self.entity(f"#{_uri(author.name)}", "Organization", name=author.name)
        orcid = author.orcid.rpartition("/")[2]
        return self.entity(
            f"https://orcid.org/{orcid}" if orcid else f"#{_uri(author.indexed)}",
            "Person",
            name=author.displayed,
            familyName=author.family,
            givenName=author.given,
            affiliation=author.affiliation,
        )

    def action(self, report: Report, raw: Mapping[str, list[Any]]) -> Any:
        record = report.record
        cited = citation.from_record(record["citation"])
        # whose work a report is; without a named author, it is the project's
        authors = cited.authors or citation.of_package().authors
        python = self.entity(_PYTHON, "ComputerLanguage", name="Python", url=_PYTHON)
        notebook = self.file(
            f"notebooks/{report.run.file}",
            record["heading"],
            programmingLanguage=python,
            version=__version__,
            description=record["summary"],
            **{"@type": ["File", "SoftwareSourceCode"]},
        )
        objects = [file for dataset in report.datasets for file in raw.get(dataset, ())]
        # a run that loaded no dataset may still have read a raw file itself
        read = [self.crate.get(_uri(name)) for name in report.key["data"] if name in self.files]
        objects += [file for file in read if file is not None and file not in objects]
        objects += [
            self.entity(
                f"#{report.slug}-{_uri(name)}",
                "PropertyValue",
                name=name,
                value=parameters.text(value),
            )
            for name, value in report.run.parameters.items()
        ]
        start = datetime.fromisoformat(record["started"])
        end = start + timedelta(seconds=round(float(record["seconds"])))
        return self.entity(
            f"#run-{report.slug}",
            "CreateAction",
            name=record["title"],
            description=f"Run {record['run_id']} of {report.run.file} by lianjian run",
            instrument=notebook,
            agent=[self.agent(author) for author in authors],
            object=objects,
            result=[
                self.file(name, f"{record['title']}: {Path(name).name}")
                for name in self.files
                if name.startswith(f"reports/{report.slug}/")
            ],
            startTime=record["started"],
            endTime=end.isoformat(),
            actionStatus="http://schema.org/CompletedActionStatus",
        )


def _uri(name: str) -> str:
    """Return a file's name, or a word, as it may stand in a URI."""
    from urllib.parse import quote

    return quote(name, safe="/")
