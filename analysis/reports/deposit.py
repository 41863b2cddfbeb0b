"""The package as archives describe it, from CITATION.cff: Zenodo's record and CodeMeta."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from analysis.clean.authors import Author
from analysis.reports import citation


def zenodo() -> str:
    """Return ``.zenodo.json``, which Zenodo reads when a release is deposited."""
    cited, content = citation.of_package(), citation.cff()
    creators = [
        _kept(
            name=author.indexed,
            affiliation=author.affiliation,
            orcid=author.orcid.rpartition("/")[2],
        )
        for author in cited.authors
    ]
    return _written(
        _kept(
            title=cited.title,
            upload_type="software",
            description=cited.abstract or cited.title,
            creators=creators,
            version=str(content.get("version", "")),
            publication_date=cited.date,
            license=str(content.get("license", "")),
            keywords=list(cited.keywords),
        )
    )


def codemeta() -> str:
    """Return ``codemeta.json`` (CodeMeta 3.0), which catalogues of software read."""
    cited, content = citation.of_package(), citation.cff()
    licence = content.get("license", "")
    return _written(
        {"@context": "https://w3id.org/codemeta/3.0", "@type": "SoftwareSourceCode"}
        | _kept(
            name=cited.title,
            description=cited.abstract or cited.title,
            author=[_agent(author) for author in cited.authors],
            version=str(content.get("version", "")),
            datePublished=cited.date,
            license=f"https://spdx.org/licenses/{licence}" if licence else "",
            identifier=f"https://doi.org/{cited.doi}" if cited.doi else "",
            codeRepository=str(content.get("repository-code", "")),
            keywords=list(cited.keywords),
            programmingLanguage="Python",
        )
    )


FILES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {".zenodo.json": zenodo, "codemeta.json": codemeta}
)
"""The files at the head of the project, and in a bundle."""

FORMS: Mapping[str, Callable[[], str]] = MappingProxyType({"zenodo": zenodo, "codemeta": codemeta})
"""What ``lianjian cite --format`` takes for the package alone."""


def _agent(author: Author) -> dict[str, Any]:
    if author.name:
        return {"@type": "Organization", "name": author.name}
    return {"@type": "Person"} | _kept(
        id=author.orcid,
        givenName=author.given,
        familyName=author.family,
        affiliation={"@type": "Organization", "name": author.affiliation}
        if author.affiliation
        else "",
    )


def _kept(**facts: object) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in ("", [])}


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
