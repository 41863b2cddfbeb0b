"""How a page is cited: one dataclass, from which every format and every head tag is written.

What is cited is the run: title, run id, code, data and parameters. Who is cited depends on whose
work it is. A page on the published or the simulated figures belongs to those whom CITATION.cff
names. A page on somebody's own ledgers is that person's work: ``authors`` in the dataset's
``dataset.toml`` names them; without it, the authors of a CITATION.cff that was made one's own; and
without either the page stands under its title, as a work without a named author does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis import __version__, paths
from analysis.clean.authors import Author
from analysis.errors import LianjianError
from analysis.reports.text import slug as ascii_slug

MAKERS = "The Lianjian contributors"
"""Whom CITATION.cff names as this project comes."""


@dataclass(frozen=True)
class Citation:
    """What a reference to one page, or to the package, says.

    Attributes
    ----------
    kind : {"report", "software"}
        What is cited.
    key : str
        Name of the entry in a bibliography.
    title : str
        Title of the page.
    authors : tuple of Author
        Whose work it is; may be empty.
    date : str
        ISO date, or its beginning; empty when not known.
    institution : str
        Who publishes it.
    number : str
        The run's id.
    version : str
        Version of this package.
    code : str
        Git's id of the code, its first 12 hex digits.
    data : tuple of dict
        Name, title, version and kind of each dataset.
    parameters : dict of str to str
        What was set for this run.
    keywords : tuple of str
        Subjects.
    abstract : str
        What the page is about.
    simulated : bool
        Whether the data are simulated.
    mixed : bool
        Whether only some of them are.
    language : str
        Language of the text.
    place : str
        One number, figure or table in the page, with its address; empty for all of it.
    doi : str
        Of the package, as CITATION.cff has it.
    """

    kind: str
    key: str
    title: str
    authors: tuple[Author, ...] = ()
    date: str = ""
    institution: str = ""
    number: str = ""
    version: str = __version__
    code: str = ""
    data: tuple[dict[str, str], ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    abstract: str = ""
    simulated: bool = False
    mixed: bool = False
    language: str = "en"
    place: str = ""
    doi: str = ""

    @property
    def year(self) -> str:
        """The year, empty when not known."""
        return self.date[:4]

    @property
    def publisher(self) -> str:
        """Who publishes it; who names no institution publishes it himself."""
        return self.institution or "; ".join(author.displayed for author in self.authors)

    @property
    def note(self) -> str:
        """What made the page: package, code, data, parameters."""
        facts = [f"code {self.code}"] if self.code else []
        facts += [f"https://doi.org/{self.doi}"] if self.doi else []
        made = f"Made with Lianjian {self.version}"
        made += f" ({', '.join(facts)})" if facts else ""
        sources = [f"{d['title']} ({d['name']}, version {d['version']})" for d in self.data]
        made += f", from {'; '.join(sources)}" if sources else ""
        sentences = [made]
        if self.parameters:
            given = ", ".join(f"{name} = {value}" for name, value in self.parameters.items())
            sentences.append(f"Parameters: {given}")
        if self.simulated:
            sentences.append(self.status)
        if self.place:
            sentences.append(self.place)
        return f"{'. '.join(sentences)}."

    @property
    def status(self) -> str:
        """Whether the data, or some of them, are simulated, in words; empty when none are."""
        if not self.simulated:
            return ""
        return "Includes simulated data" if self.mixed else "Simulated data"

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
) -> Citation:
    """Return how a page is cited."""
    project = of_package()
    mark = f" [{'includes ' if mixed else ''}simulated data]" if simulated else ""
    own = next((d for d in datasets if d["kind"] == "ledger"), None)
    named = (d["work"] for d in datasets if d.get("work"))
    work: Mapping[str, Any] = next(named, {}) if own else {}
    authors = tuple(Author(**author) for author in work.get("authors", ()))
    is_ours = [author.name for author in project.authors] == [MAKERS]
    if own is None or not (authors or is_ours):
        authors = project.authors
    return Citation(
        kind="report",
        # BibTeX knows no Chinese keys
        key=f"lianjian-{slug if slug.isascii() else ascii_slug(slug)}-{run_id}",
        # in brackets, as APA has it: no cut of a citation loses it
        title=f"{title}{mark}",
        authors=authors,
        date=str(work.get("date", "")) if own else project.date,
        institution=work.get("institution", "") or next(
            (a.affiliation for a in authors if a.affiliation), ""
        ),
        number=run_id,
        code=code[:12],
        data=tuple({k: str(d[k]) for k in ("name", "title", "version", "kind")} for d in datasets),
        parameters={name: str(value) for name, value in parameters.items()},
        keywords=project.keywords,
        abstract=abstract,
        simulated=simulated,
        mixed=simulated and mixed,
        doi=project.doi,
    )  # fmt: skip


def of_package() -> Citation:
    """Return how the package is cited: what CITATION.cff says."""
    content = cff()
    if not content:
        return Citation("software", "lianjian", "lianjian", (Author(name=MAKERS),))
    listed = content.get("identifiers", ())
    dois = (str(entry["value"]) for entry in listed if entry.get("type") == "doi")
    return Citation(
        kind="software",
        key="lianjian",
        title=str(content.get("title", "lianjian")),
        authors=tuple(_cff_author(author, "CITATION.cff") for author in content["authors"]),
        date=str(content.get("date-released", "")),
        keywords=tuple(str(word) for word in content.get("keywords", ())),
        abstract=" ".join(str(content.get("abstract", "")).split()),
        doi=str(content.get("doi") or next(dois, "")),
    )


def cff() -> Mapping[str, Any]:
    """Return the content of CITATION.cff; empty when there is none."""
    path = paths.root() / "CITATION.cff"
    return _cff(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=8)
def _cff(path: Path, _changed: int) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415  (only where something is cited)

    try:
        content = yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise LianjianError(f"{path.name} cannot be read as YAML: {where}.") from None
    if not isinstance(content, dict) or not content.get("authors"):
        raise LianjianError(
            f"{path.name} names no authors. Write, for example:\n"
            'authors:\n  - family-names: "Zhang"\n    given-names: "San"'
        )
    return content


def _cff_author(author: object, where: str) -> Author:
    if not isinstance(author, dict) or not {"family-names", "given-names", "name"} & set(author):
        raise LianjianError(
            f"{where}: an author has family-names and given-names, or a name; seen: {author!r}."
        )
    particle = f"{author['name-particle']} " if author.get("name-particle") else ""
    suffix = f" {author['name-suffix']}" if author.get("name-suffix") else ""
    family = author.get("family-names", "")
    return Author(
        family=f"{particle}{family}{suffix}" if family else "",
        given=str(author.get("given-names", "")),
        name=str(author.get("name", "")),
        orcid=str(author.get("orcid", "")),
        affiliation=str(author.get("affiliation", "")),
    )
