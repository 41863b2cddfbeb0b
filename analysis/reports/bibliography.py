"""A citation in the forms that programs read: BibTeX, CSL-JSON, RIS, head tags, JSON-LD."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from analysis.clean.authors import Author
from analysis.reports.citation import Citation
from analysis.reports.text import latex, visible


def text(citation: Citation) -> str:
    """Return the reference as a sentence, in the order that APA asks for."""
    names = [author.displayed for author in citation.authors]
    who = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    when = f"({citation.year or 'n.d.'})"
    stop = "" if citation.title.endswith(("?", "!", ".")) else "."
    opening = f"{who} {when}. {citation.title}{stop}" if who else f"{citation.title} {when}."
    if citation.kind == "software":
        doi = f" https://doi.org/{citation.doi}" if citation.doi else ""
        return _line(f"{opening} Version {citation.version}.{doi}")
    # who is author and publisher is named once
    house = f" {citation.institution}." if citation.institution not in {"", who} else ""
    return _line(f"{opening} Report {citation.number}.{house} {citation.note}")


def bibtex(citation: Citation) -> str:
    """Return a BibTeX entry: ``techreport``, or ``misc`` where nobody publishes it."""
    report = citation.kind == "report"
    kind = "misc" if not (report and citation.publisher) else "techreport"
    names = " and ".join(_bibtex_name(author) for author in citation.authors)
    note = citation.note if report else f"Version {citation.version}"
    fields = {
        "author": names,
        "title": f"{{{latex(citation.title)}}}",
        "institution": f"{{{latex(citation.publisher)}}}" if kind == "techreport" else "",
        "year": citation.year,
        "type": "Report" if kind == "techreport" else "",
        "number": citation.number if kind == "techreport" else "",
        "howpublished": f"Report {citation.number}" if report and kind == "misc" else "",
        "doi": "" if report else citation.doi,
        "note": latex(note),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{citation.key},\n" + ",\n".join(lines) + "\n}\n"


def _bibtex_name(author: Author) -> str:
    if author.name:
        return f"{{{latex(author.name)}}}"  # braces: a body has no family name
    parts = (author.family, author.given)
    return ", ".join(f"{{{latex(part)}}}" for part in parts if part)


def csl(citation: Citation) -> str:
    """Return CSL-JSON, as citation processors read it: a list of one item."""
    item: dict[str, Any] = {
        "id": citation.key,
        "type": citation.kind,
        "title": _line(citation.title),
        "author": [_csl_name(author) for author in citation.authors],
        "issued": {"date-parts": [[int(part) for part in citation.date.split("-")]]}
        if citation.date
        else None,
        "publisher": _line(citation.publisher),
        "number": citation.number,
        "version": citation.version,
        "DOI": citation.doi if citation.kind == "software" else "",
        "genre": "Report" if citation.kind == "report" else "",
        "language": citation.language,
        "abstract": _line(citation.abstract),
        "keyword": _line(", ".join(citation.keywords)),
        "note": _line(citation.note) if citation.kind == "report" else "",
    }
    kept = {name: value for name, value in item.items() if value}
    return json.dumps([kept], ensure_ascii=False, indent=2) + "\n"


def _csl_name(author: Author) -> dict[str, str]:
    if author.name:
        return {"literal": _line(author.name)}
    parts = {"family": _line(author.family), "given": _line(author.given)}
    return {name: value for name, value in parts.items() if value}


def ris(citation: Citation) -> str:
    """Return a RIS record."""
    report = citation.kind == "report"
    lines = [
        ("TY", "RPRT" if report else "COMP"),
        ("ID", citation.key),
        *(("AU", author.indexed) for author in citation.authors),
        ("TI", citation.title),
        ("PY", citation.year),
        ("DA", citation.date.replace("-", "/")),
        ("PB", citation.publisher),
        ("SN", citation.number),
        ("ET", "" if report else citation.version),
        ("DO", "" if report else citation.doi),
        ("LA", citation.language),
        ("AB", citation.abstract),
        *(("KW", word) for word in citation.keywords),
        ("N1", citation.note if report else ""),
    ]
    written = [f"{tag}  - {_line(value)}" for tag, value in lines if value]
    return "\n".join([*written, "ER  - ", ""])


FORMATS: Mapping[str, Callable[[Citation], str]] = MappingProxyType(
    {"text": lambda citation: f"{text(citation)}\n", "bibtex": bibtex, "csl": csl, "ris": ris}
)
"""What ``lianjian cite --format`` takes."""


def head_tags(citation: Citation) -> Iterator[tuple[str, str]]:
    """Yield names and contents of the tags from which Zotero and Scholar read a page."""
    date = citation.date.replace("-", "/")
    tags = [
        ("citation_title", citation.title),
        *(("citation_author", author.indexed) for author in citation.authors),
        ("citation_publication_date", date),
        ("citation_technical_report_institution", citation.publisher),
        ("citation_technical_report_number", citation.number),
        ("citation_language", citation.language),
        ("citation_keywords", "; ".join(citation.keywords)),
        ("DC.title", citation.title),
        *(("DC.creator", author.indexed) for author in citation.authors),
        ("DC.date", citation.date),
        ("DC.type", "Report"),
        ("DC.identifier", citation.key),
        ("DC.publisher", citation.publisher),
        ("DC.language", citation.language),
        ("DC.subject", "; ".join(citation.keywords)),
        ("DC.description", citation.abstract),
    ]
    yield from ((name, value) for name, value in tags if value)


def json_ld(citation: Citation) -> str:
    """Return schema.org's description of the page; no text in it can end the element around it."""
    content: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Report",
        "identifier": citation.key,
        "name": citation.title,
        "description": citation.abstract,
        "author": [_schema_author(author) for author in citation.authors],
        "datePublished": citation.date,
        "publisher": {"@type": "Organization", "name": citation.institution}
        if citation.institution
        else None,
        "reportNumber": citation.number,
        "inLanguage": citation.language,
        "keywords": list(citation.keywords),
        "creativeWorkStatus": citation.status,
        "isBasedOn": [
            {
                "@type": "Dataset",
                "name": d["title"],
                "identifier": d["name"],
                "version": d["version"],
            }
            for d in citation.data
        ],
        "creditText": text(citation),
    }
    kept = {name: value for name, value in content.items() if value}
    escaped = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    return re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped)


def _schema_author(author: Author) -> dict[str, str]:
    content = {
        "@type": "Person" if author.family else "Organization",
        "name": author.displayed,
        "familyName": author.family,
        "givenName": author.given,
        "identifier": author.orcid,
        "affiliation": author.affiliation,
    }
    return {name: value for name, value in content.items() if value}


def _line(value: str) -> str:
    """Return a text on one line, with what is hidden in it made visible."""
    return " ".join(visible(value).split())
