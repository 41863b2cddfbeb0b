"""How a page, or the package, is cited: one record, and the forms in which programs read it.

What is cited is the run: title, run id, code, data and parameters. Who is cited depends on whose
work it is. A page on the published or the simulated figures belongs to those whom CITATION.cff
names. A page on somebody's own ledgers is that person's work: ``authors`` in the dataset's
``dataset.toml`` names them; without it, the authors of a CITATION.cff that was made one's own; and
without either the page stands under its title, as a work without a named author does.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from analysis import __version__, _language, paths
from analysis.clean.authors import Author
from analysis.errors import LianjianError
from analysis.reports.text import latex
from analysis.reports.text import slug as ascii_slug
from analysis.terminal import visible

MAKERS = "The Lianjian contributors"
"""Whom CITATION.cff names as this project comes."""


@dataclass(frozen=True)
class Citation:
    """What a reference to one page ("report") or to the package ("software") says."""

    kind: str
    key: str
    title: str
    authors: tuple[Author, ...] = ()
    date: str = ""  # ISO, or its beginning
    institution: str = ""
    number: str = ""  # the run's id
    version: str = __version__
    code: str = ""  # git's id, its first 12 hex digits
    data: tuple[dict[str, str], ...] = ()  # name, title, version and kind of each dataset
    parameters: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    abstract: str = ""
    simulated: bool = False
    mixed: bool = False  # only some of the data are simulated
    language: str = "en"
    place: str = ""  # one number, figure or table in the page, with its address
    doi: str = ""  # of the package

    @property
    def year(self) -> str:
        """The year, empty when not known."""
        return self.date[:4]

    @property
    def publisher(self) -> str:
        """Who publishes it; who names no institution publishes it himself."""
        return self.institution or "; ".join(author.displayed for author in self.authors)

    @property
    def status(self) -> str:
        """Whether the data, or some of them, are simulated, in words; empty when none are."""
        if not self.simulated:
            return ""
        return "Includes simulated data" if self.mixed else "Simulated data"

    @property
    def note(self) -> str:
        """What made the page: package, code, data, parameters."""
        facts = [f"code {self.code}"] if self.code else []
        facts += [f"https://doi.org/{self.doi}"] if self.doi else []
        sources = [
            _language.said(f"{d['title']} ({d['name']}, version {d['version']})") for d in self.data
        ]
        of, data = ", ".join(facts), _language.mark(";").join(sources)
        made = f"Made with Lianjian {self.version}"
        if of:
            made = f"Made with Lianjian {self.version} ({of})"
        if data:
            made = f"{made}, from {data}"
        given = ", ".join(f"{name} = {value}" for name, value in self.parameters.items())
        sentences = (made, f"Parameters: {given}" if given else "", self.status, self.place)
        said = (_language.said(f"{sentence}.") for sentence in sentences if sentence)
        return _language.sentences(*said)

    def record(self) -> dict[str, Any]:
        """Return it for a run record."""
        return asdict(self)


def from_record(content: Mapping[str, Any]) -> Citation:
    """Return a citation as a run record holds it."""
    lists: dict[str, Any] = {
        "authors": tuple(Author(**author) for author in content["authors"]),
        "data": tuple(content["data"]),
        "keywords": tuple(content["keywords"]),
    }
    return Citation(**{**content, **lists})


def at(cited: Citation, anchor: str, words: str) -> Citation:
    """Return the citation of one place in a page."""
    return replace(cited, key=f"{cited.key}-{anchor}", place=f"{words} (#{anchor})")


def of_page(
    *,
    slug: str,
    title: str,
    abstract: str,
    run_id: str,
    code: str,
    parameters: Mapping[str, object],
    datasets: Sequence[Mapping[str, Any]],
    simulated: bool,
    mixed: bool = False,
    internal: bool = False,
) -> Citation:
    """Return how a page is cited."""
    project = of_package()
    own = any(d["kind"] == "ledger" for d in datasets)
    work: Mapping[str, Any] = next((d["work"] for d in datasets if own and d.get("work")), {})
    authors = tuple(Author(**author) for author in work.get("authors", ()))
    is_ours = [author.name for author in project.authors] == [MAKERS]
    if not own or not (authors or is_ours):
        authors = project.authors
    house = next((author.affiliation for author in authors if author.affiliation), "")
    # in brackets, as APA has it: no cut of a citation loses it
    if simulated:
        marked = f"{title} [includes simulated data]" if mixed else f"{title} [simulated data]"
        title = _language.said(marked)
    if internal:
        title = _language.said(f"{title} [internal 内部资料]")
    return Citation(
        kind="report",
        # BibTeX knows no Chinese keys
        key=f"lianjian-{slug if slug.isascii() else ascii_slug(slug)}-{run_id}",
        title=title,
        authors=authors,
        date=str(work.get("date", "")) if own else project.date,
        institution=work.get("institution", "") or house,
        number=run_id,
        code=code[:12],
        data=tuple({k: str(d[k]) for k in ("name", "title", "version", "kind")} for d in datasets),
        parameters={name: str(value) for name, value in parameters.items()},
        keywords=tuple(map(_language.said, project.keywords)),
        abstract=abstract,
        simulated=simulated,
        mixed=simulated and mixed,
        doi=project.doi,
    )


# ---- the package, as CITATION.cff has it ----


def of_package() -> Citation:
    """Return how the package is cited: what CITATION.cff says."""
    content = _cff()
    if not content:
        return Citation("software", "lianjian", "lianjian", (Author(name=MAKERS),))
    listed = content.get("identifiers", ())
    dois = (str(entry["value"]) for entry in listed if entry.get("type") == "doi")
    return Citation(
        kind="software",
        key="lianjian",
        title=str(content.get("title", "lianjian")),
        authors=tuple(map(_cff_author, content["authors"])),
        date=str(content.get("date-released", "")),
        keywords=tuple(str(word) for word in content.get("keywords", ())),
        abstract=" ".join(str(content.get("abstract", "")).split()),
        doi=str(content.get("doi") or next(dois, "")),
    )


def _cff() -> Mapping[str, Any]:
    """Return the content of CITATION.cff; empty when there is none."""
    path = paths.root() / "CITATION.cff"
    return _read_cff(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=8)
def _read_cff(path: Path, _changed: int) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise LianjianError(f"{path.name} cannot be read as YAML: {where}.") from None
    if not isinstance(content, dict) or not content.get("authors"):
        raise LianjianError(
            f"{path.name} names no authors. Write, for example:\n"
            'authors:\n  - family-names: "Zhang"\n    given-names: "San"'
        )
    return content


def _cff_author(author: object) -> Author:
    if not isinstance(author, dict) or not {"family-names", "given-names", "name"} & set(author):
        raise LianjianError(
            "CITATION.cff: an author has family-names and given-names, or a name; "
            f"seen: {author!r}."
        )
    parts = (author.get(f"name-{part}") for part in ("particle", "suffix"))
    before, after = (str(part or "") for part in parts)
    family = str(author.get("family-names", ""))
    return Author(
        family=" ".join(filter(None, (before, family, after))) if family else "",
        given=str(author.get("given-names", "")),
        name=str(author.get("name", "")),
        orcid=str(author.get("orcid", "")),
        affiliation=str(author.get("affiliation", "")),
    )


# ---- as a sentence, and for programs that keep references ----


def text(cited: Citation) -> str:
    """Return the reference as a sentence, in the order that APA asks for."""
    names = [author.displayed for author in cited.authors]
    who = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    when = f"({cited.year or 'n.d.'})"
    stop = "" if cited.title.endswith(("?", "!", ".")) else "."
    opening = f"{who} {when}. {cited.title}{stop}" if who else f"{cited.title} {when}."
    if cited.kind == "software":
        doi = f" https://doi.org/{cited.doi}" if cited.doi else ""
        return _line(f"{opening} Version {cited.version}.{doi}")
    # who is author and publisher is named once
    house = f" {cited.institution}." if cited.institution not in {"", who} else ""
    return _line(f"{opening} Report {cited.number}.{house} {cited.note}")


def csl(cited: Citation) -> str:
    """Return CSL-JSON, as citation processors read it: a list of one item."""
    return _json([_item(cited)])


def _item(cited: Citation) -> dict[str, Any]:
    """Return the record from which the other forms are written, under the names of CSL."""
    report = cited.kind == "report"
    day = [[int(part) for part in cited.date.split("-")]] if cited.date else []
    return _kept(
        id=cited.key,
        type=cited.kind,
        title=_line(cited.title),
        author=[
            _kept(literal=_line(a.name))
            if a.name
            else _kept(family=_line(a.family), given=_line(a.given))
            for a in cited.authors
        ],
        issued=_kept(**{"date-parts": day}),
        publisher=_line(cited.publisher),
        number=cited.number,
        version=cited.version,
        DOI="" if report else cited.doi,
        genre="Report" if report else "",
        language=cited.language,
        abstract=_line(cited.abstract),
        keyword=_line(", ".join(cited.keywords)),
        note=_line(cited.note) if report else "",
    )


def bibtex(cited: Citation) -> str:
    """Return a BibTeX entry: ``techreport``, or ``misc`` where nobody publishes it."""
    item, published = _item(cited), cited.kind == "report" and bool(cited.publisher)
    number, house = cited.number, latex(cited.publisher)
    fields = {
        "author": " and ".join(map(_bibtex_name, cited.authors)),
        "title": f"{{{latex(cited.title)}}}",
        "institution": f"{{{house}}}" if published else "",
        "year": cited.year,
        "type": "Report" if published else "",
        "number": number if published else "",
        "howpublished": f"Report {number}" if number and not published else "",
        "doi": item.get("DOI", ""),
        "note": latex(item.get("note", f"Version {cited.version}")),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    kind = "techreport" if published else "misc"
    return f"@{kind}{{{cited.key},\n" + ",\n".join(lines) + "\n}\n"


def _bibtex_name(author: Author) -> str:
    if author.name:
        return f"{{{latex(author.name)}}}"  # braces: a body has no family name
    parts = (author.family, author.given)
    return ", ".join(f"{{{latex(part)}}}" for part in parts if part)


_RIS = {"TI": "title", "PB": "publisher", "SN": "number", "ET": "version", "DO": "DOI",
        "LA": "language", "AB": "abstract", "N1": "note"}  # fmt: skip


def ris(cited: Citation) -> str:
    """Return a RIS record."""
    item, report = _item(cited), cited.kind == "report"
    tags = {tag: [item.get(name, "")] for tag, name in _RIS.items()}
    tags |= {
        "TY": ["RPRT" if report else "COMP"],
        "ID": [cited.key],
        "AU": [author.indexed for author in cited.authors],
        "PY": [cited.year],
        "DA": [cited.date.replace("-", "/")],
        "ET": ["" if report else cited.version],
        "KW": list(cited.keywords),
    }
    order = ("TY", "ID", "AU", "TI", "PY", "DA", "PB", "SN", "ET", "DO", "LA", "AB", "KW", "N1")
    lines = [f"{tag}  - {_line(value)}" for tag in order for value in tags[tag] if value]
    return "\n".join([*lines, "ER  - ", ""])


FORMATS: Mapping[str, Callable[[Citation], str]] = MappingProxyType(
    {"text": lambda cited: f"{text(cited)}\n", "bibtex": bibtex, "csl": csl, "ris": ris}
)
"""What ``lianjian cite --format`` takes."""


# ---- in the head of a page ----


def head_tags(cited: Citation) -> Iterator[tuple[str, str]]:
    """Yield names and contents of the tags from which Zotero and Scholar read a page."""
    names, words = [a.indexed for a in cited.authors], "; ".join(cited.keywords)
    report = "citation_technical_report"
    tags = [
        ("citation_title", cited.title),
        *(("citation_author", name) for name in names),
        ("citation_publication_date", cited.date.replace("-", "/")),
        (f"{report}_institution", cited.publisher),
        (f"{report}_number", cited.number),
        ("citation_language", cited.language),
        ("citation_keywords", words),
        ("DC.title", cited.title),
        *(("DC.creator", name) for name in names),
        ("DC.date", cited.date),
        ("DC.type", "Report"),
        ("DC.identifier", cited.key),
        ("DC.publisher", cited.publisher),
        ("DC.language", cited.language),
        ("DC.subject", words),
        ("DC.description", cited.abstract),
    ]
    yield from ((name, _line(content)) for name, content in tags if content)


def json_ld(cited: Citation) -> str:
    """Return schema.org's description of the page; no text in it can end the element around it."""
    content = {"@context": "https://schema.org", "@type": "Report"} | _kept(
        identifier=cited.key,
        name=cited.title,
        description=cited.abstract,
        author=[
            {"@type": "Person" if a.family else "Organization"}
            | _kept(
                name=a.displayed,
                familyName=a.family,
                givenName=a.given,
                identifier=a.orcid,
                affiliation=a.affiliation,
            )
            for a in cited.authors
        ],
        datePublished=cited.date,
        publisher=_organization(cited.institution),
        reportNumber=cited.number,
        inLanguage=cited.language,
        keywords=list(cited.keywords),
        creativeWorkStatus=cited.status,
        isBasedOn=[
            {"@type": "Dataset", "name": d["title"], "identifier": d["name"]}
            | {"version": d["version"]}
            for d in cited.data
        ],
        creditText=text(cited),
    )
    escaped = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped)


# ---- the package as archives describe it ----


def zenodo() -> str:
    """Return ``.zenodo.json``, which Zenodo reads when a release is deposited."""
    cited, content = of_package(), _cff()
    return _json(
        _kept(
            title=cited.title,
            upload_type="software",
            description=cited.abstract or cited.title,
            creators=[
                _kept(
                    name=author.indexed,
                    affiliation=author.affiliation,
                    orcid=author.orcid.rpartition("/")[2],
                )
                for author in cited.authors
            ],
            version=str(content.get("version", "")),
            publication_date=cited.date,
            license=str(content.get("license", "")),
            keywords=list(cited.keywords),
        )
    )


def codemeta() -> str:
    """Return ``codemeta.json`` (CodeMeta 3.0), which catalogues of software read."""
    cited, content = of_package(), _cff()
    licence = content.get("license", "")
    head = {"@context": "https://w3id.org/codemeta/3.0", "@type": "SoftwareSourceCode"}
    return _json(
        head
        | _kept(
            name=cited.title,
            description=cited.abstract or cited.title,
            author=[
                _organization(author.name)
                or {"@type": "Person"}
                | _kept(
                    id=author.orcid,
                    givenName=author.given,
                    familyName=author.family,
                    affiliation=_organization(author.affiliation),
                )
                for author in cited.authors
            ],
            version=str(content.get("version", "")),
            datePublished=cited.date,
            license=f"https://spdx.org/licenses/{licence}" if licence else "",
            identifier=f"https://doi.org/{cited.doi}" if cited.doi else "",
            codeRepository=str(content.get("repository-code", "")),
            keywords=list(cited.keywords),
            programmingLanguage="Python",
        )
    )


ARCHIVES: Mapping[str, tuple[str, Callable[[], str]]] = MappingProxyType(
    {"zenodo": (".zenodo.json", zenodo), "codemeta": ("codemeta.json", codemeta)}
)
"""What describes the package alone: form, file at the head of the project, and writer."""


def _organization(name: str) -> dict[str, str]:
    return {"@type": "Organization", "name": name} if name else {}


def _kept(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _line(value: str) -> str:
    """Return a text on one line, with what is hidden in it made visible."""
    return " ".join(visible(value).split())
