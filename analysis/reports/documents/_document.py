"""A finished report for print and for Word: its notebook written once more, nothing run again.

Pandoc reads the text, without access to disk or network; typst sets the PDF. The code is left
out: the executed notebook goes with the PDF as an attachment.
"""

import base64
import io
import json
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis import _language, files, paths
from analysis.errors import LianjianError
from analysis.reports import finished, markup
from analysis.reports.documents._tables import elements
from analysis.reports.run import staging
from analysis.reports.run._imports import quickly
from analysis.reports.run.kernels import EPOCH

FORMATS = {"pdf": "report.pdf", "docx": "report.docx", "figures": "figures.zip"}
"""The formats and the file that each becomes, beside ``report.html``."""

PROVENANCE = "provenance.txt"
"""Source files with their hashes, and corrections: beside a document, and attached to a PDF."""

ATTACHED = {
    "notebook.ipynb": ("application/x-ipynb+json", "source", "The executed notebook"),
    "numbers.csv": ("text/csv", "data", "The cited numbers"),
    PROVENANCE: ("text/plain", "supplement", "Source files with hashes, and corrections"),
}
HERE = Path(__file__).parent

_NEEDS = ("typst", "pypandoc")
_SET = {"pdf", "docx"}  # what needs them
_INVENTED = (
    "Villages, counties, names and amounts in this report are invented: they come from a "
    "documented model, not from any ledger. Nothing here is a finding about any real village, "
    "county or year."
)
_PARTLY = (
    "What is marked in this report stands on invented villages, names and amounts, or may do so; "
    "what is not marked stands on other data."
)
_INTERNAL = (
    "This document and the files attached to it stand on the books of real villages and hold "
    "numbers of single ones. Not for publication: lianjian release writes what may leave."
)
# of a kind of data: the mark, what the title says behind it, its name, and what it means
_MARKS = {
    "simulated": (markup.SIMULATED, " (simulated data)", "Simulated data", _INVENTED),
    "mixed": (
        markup.MIXED,
        " (includes simulated data)",
        "Mixed: includes simulated data",
        _PARTLY,
    ),
    "ledger": (markup.INTERNAL, " (internal)", "Internal", _INTERNAL),
}
COUNT = ("7001", "7002")
"""What stands for a page and for the number of all."""

# what of a page would load or run something; a page of ours holds none
_ACTIVE = re.compile(r"(?i)<(?:iframe|object|embed|video|audio|frame|link|script|source)\b")
_DATA = re.compile(r"data:image/([a-z]+)[a-z+]*;base64,(.*)", re.DOTALL)
# <svg … height="3pt" … width="5pt"> in either order
_SIZE = re.compile(
    rb'<svg\b(?=[^>]*? width="(?P<width>[\d.]+))(?=[^>]*? height="(?P<height>[\d.]+))'
)
_TEXT_WIDTH = 650  # pixels, as a browser counts them, that the text is wide on paper
_WIDEST, _TALLEST = 80, 0.42  # of a figure: per cent of the text's width; height as a share of it


@dataclass(frozen=True)
class Document:
    """What a document is made of: words around the text, the text as pandoc's AST, files."""

    facts: dict[str, Any]
    ast: dict[str, Any] = field(repr=False)
    images: dict[str, bytes] = field(repr=False)
    attached: dict[str, bytes] = field(repr=False)


def require(formats: Collection[str]) -> None:
    """Check that the formats are known and that what makes them is installed."""
    if unknown := sorted(set(formats) - FORMATS.keys()):
        raise LianjianError(f"Unknown formats {unknown}; reports can be {sorted(FORMATS)}.")
    missing = [name for name in _NEEDS if find_spec(name) is None] if {*formats} & _SET else []
    if missing:
        raise LianjianError(
            f"PDF and Word need packages that are not installed: {', '.join(missing)}. "
            "`make pdf` installs them; so does `make setup GROUP=pdf`, without writing anything."
        )


def lacks(folder: Path, formats: Collection[str]) -> bool:
    """Whether a report is without one of these formats, in one of the languages of its pages."""
    wanted = {FORMATS[name] for name in formats}
    return any(not (folder / file).is_file() for file, of in _names(folder) if of in wanted)


def _names(folder: Path) -> list[tuple[str, str]]:
    """Return the documents that a report may have: each one's name, and its name in English."""
    spoken = finished.record_of(folder).get("pages", ())
    every = (*FORMATS.values(), PROVENANCE)
    return [(_language.page_file(code, file), file) for code in ("en", *spoken) for file in every]


def kept(folder: Path, formats: Collection[str]) -> tuple[str, ...]:
    """Return these formats and those that a report has: a new page gets new documents.

    Where the extra is not installed, a report that is made anew goes without.
    """
    here = FORMATS.keys() - (_SET if any(find_spec(name) is None for name in _NEEDS) else set())
    held = (name for name in here if (folder / FORMATS[name]).is_file())
    return tuple(name for name in FORMATS if name in {*formats, *held})


def write(folder: Path, record: Mapping[str, Any], formats: Collection[str]) -> tuple[Path, ...]:
    """Write a finished report in other formats, in each language in which it has a page."""
    require(formats)
    made: dict[str, bytes] = {}
    for code in ("en", *record.get("pages", ())) if formats else ():
        with _language.writing(code, record["notebook"].removesuffix(".ipynb")):
            written = _written(folder, record, formats)
        made |= {_language.page_file(code, name): content for name, content in written.items()}
    for name, content in made.items():
        files.write_bytes(folder / name, content)
    documents = (name for name in made if not name.startswith(PROVENANCE.partition(".")[0]))
    return tuple(sorted(folder / name for name in documents))


def _written(folder: Path, record: Mapping[str, Any], formats: Collection[str]) -> dict[str, bytes]:
    """Return the files of a report in the language of now, by their names in English."""
    from analysis.reports.documents import _pdf, _word

    made = {FORMATS["figures"]: _figures(folder)} if "figures" in formats else {}
    if _SET.intersection(formats):
        document = read(folder, record)
        writers = {"pdf": _pdf.to_pdf, "docx": _word.to_docx}
        made |= {FORMATS[n]: write(document) for n, write in writers.items() if n in formats}
        made[PROVENANCE] = document.attached[PROVENANCE]
    return made


def _figures(folder: Path) -> bytes:
    """Draw a report's charts for a phone, for print and in dark, with their data and its mark."""
    from analysis.reports import calls
    from analysis.reports.page import findings

    found = findings.gather(quickly("nbformat").read(folder / "notebook.ipynb", as_version=4))
    inside = _language.said(markup.INTERNAL) if "ledger" in found.kinds else ""
    drawn = (p.call for p in found.products if p.kind == "figure" and p.call)
    forms = (calls.forms_of(call, found.ledger, inside=inside) for call in drawn)
    return files.zipped({name: content for made in forms for name, content in made.items()})


def render(slugs: Sequence[str], formats: Collection[str]) -> tuple[Path, ...]:
    """Write finished reports in other formats; nothing runs."""
    require(formats)
    from analysis.reports.freshness import fingerprints
    from analysis.reports.page import index
    from analysis.reports.plan import plan

    written: list[Path] = []
    folders, reports = finished.named(slugs), paths.reports()
    with staging.alone(reports):
        try:
            for folder in folders:
                written += _render(folder, formats)
        finally:  # the index links to what is there
            index.write(reports, fingerprints.stale(reports, {run.slug for run in plan.load()}))
    return tuple(written)


def _render(folder: Path, formats: Collection[str]) -> tuple[Path, ...]:
    own = tuple(name for name, _ in _names(folder))  # these are made anew
    if wrong := [line for line in finished.mismatches(folder) if not line.startswith(own)]:
        raise LianjianError(
            f"{folder.name}: {'; '.join(wrong)}. No document is made of it. "
            f"Run `lianjian run {folder.name}` first."
        )
    record = finished.record_of(folder)
    written = write(folder, record, formats)
    finished.write_record(folder, record)
    return written


def read(folder: Path, record: Mapping[str, Any]) -> Document:
    """Write a report's notebook as a document, with the facts that its record keeps."""
    nbformat = quickly("nbformat")

    from analysis.reports import citation
    from analysis.reports.page import findings, publish

    notebook = folder / "notebook.ipynb"
    if not notebook.is_file() or "citation" not in record:
        raise LianjianError(
            f"{folder} holds no executed notebook of this version, so no document can be made from "
            f"it. Run `lianjian run {record['slug']}` first."
        )
    node = nbformat.read(notebook, as_version=4)
    said, told = _language.said, finished.told(record)
    found, cited = findings.gather(node), citation.from_record(told["citation"])
    marked = _MARKS.get(record["kind"], ("",) * 4)
    mark, behind, name, warning = map(said, marked)
    stamp = marked[0].rpartition(" ")[2]  # its Chinese, on two lines
    slug, run = record["slug"], record["run_id"]
    lang = _language.tag(_language.code())
    setting = _language.setting(lang)
    used = [[said("Data"), f"{said(d['title'])} {d['version']}"] for d in found.datasets]
    facts = {
        "title": told["title"],
        "full_title": said(f"{told['title']}{behind}"),
        "subtitle": told["subtitle"],
        "slug": slug,
        "run_id": run,
        "lang": lang,
        "locale": setting.locale or lang,
        "is_han": setting.is_han,
        "pandoc": setting.pandoc,
        "colon": _language.mark(":"),
        "comma": _language.mark(","),
        "description": told["summary"],
        "authors": [author.indexed for author in cited.authors],
        "keywords": list(cited.keywords),
        "facts": [
            *used,
            [said("Run"), run],
            [said("Made with"), f"Lianjian {cited.version} {cited.code}".strip()],
        ],
        "date": cited.date,
        "mark": mark,
        "stamp": [stamp[:-2], stamp[-2:]],
        "mark_name": name,
        "warning": warning,
        "citation": (reference := said(citation.text(cited))),
        "cite": said(f"Cite as: {reference}"),
        "foot": said(f"{slug} · run {run}"),
        "count": said(f"Page {COUNT[0]} of {COUNT[1]}").removeprefix("Page "),
    }
    body = publish.for_print(
        node,
        paths.notebook(record["notebook"]),
        notebook,
        provenance=said(
            f"Source files with their licences and hashes, and corrections, stand in {PROVENANCE}, "
            "beside this document."
        ),
    )
    if active := _ACTIVE.search(body):
        raise LianjianError(
            f"{record['slug']} holds {active[0]}…>, which would load something; no document is "
            f"made of it. Run `lianjian run {record['slug']}` again."
        )
    ast = json.loads(run_pandoc("--from=html", "--to=json", given=body))
    _let_float(ast["blocks"])
    images = dict(_images(ast))
    attached = {name: (folder / name).read_bytes() for name in ATTACHED if name != PROVENANCE}
    attached[PROVENANCE] = "\n".join(_provenance(record, found.datasets)).encode() + b"\n"
    return Document(facts, ast, images, attached)


def _images(ast: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Take the pictures out of a text, and leave their names and widths there."""
    for count, image in enumerate(elements(ast["blocks"], "Image"), start=1):
        attributes, _, target = image["c"]
        match = _DATA.match(target[0])
        if match is None:
            raise LianjianError(f"The report holds an image that is not its own: {target[0][:80]}.")
        content = base64.b64decode(match[2])
        target[0] = f"image-{count}.{match[1].replace('jpeg', 'jpg')}"
        attributes[2].append(["share", str(share(content))])
        yield target[0], content


def _let_float(blocks: list[Any]) -> None:
    """Say which figures may leave their place: those whose section holds more than figures."""
    section: list[dict[str, Any]] = []
    for block in [*blocks, {"t": "Header"}]:
        section.append(block)
        if block["t"] != "Header":
            continue
        text = any(_is_text(part) for part in section)
        for figure in elements(section, "Figure"):
            figure["c"][0][2].append(["floats", str(text).lower()])
        section = []


def _is_text(block: dict[str, Any]) -> bool:
    if block["t"] == "Div":
        return any(map(_is_text, block["c"][1]))
    return block["t"] not in {"Figure", "Header", "HorizontalRule"}


def share(image: bytes) -> int:
    """Return the width of an image in per cent of the text, so that it stays on its page."""
    if match := _SIZE.search(image[:4000]):
        wide, tall = float(match["width"]), float(match["height"])
        return min(_WIDEST, round(100 * wide / tall / _TALLEST / 2))
    from PIL import Image

    pixels = Image.open(io.BytesIO(image)).size[0]
    return max(1, min(_WIDEST, round(100 * pixels / _TEXT_WIDTH)))


def _provenance(record: Mapping[str, Any], datasets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the file that says what a report comes from."""
    said = _language.said
    yield said(f"{record['title']}: source files and corrections")
    yield said(f"{record['slug']}, run {record['run_id']}")
    for data in datasets:
        yield f"\n{said(data['title'])} ({data['name']}, version {data['version']})"
        yield said(f"\n  {len(data.get('sources', ()))} source files")
        for source in data.get("sources", ()):
            yield f"\n  {source['file']}: {said(source['title'])}"
            yield f"    {said('producer')}  {said(source['producer'])}"
            yield f"    {said('licence')}   {said(source['licence'])}"
            yield f"    SHA-256   {source['sha256']}"
        yield said(f"\n  {len(data.get('corrections', ()))} corrections and known doubts")
        for row in data.get("corrections", ()):
            yield f"\n  {row.get('id', '')} {row['file']}, {row['field']} ({said(row['decision'])})"
            yield f"    {said('says')}        {said(row['says'])}"
            yield f"    {said('should say')}  {said(row['should_say'] or '–')}"
            yield f"    {said('reason')}      {said(row['reason'])}"


def pandoc(ast: Mapping[str, Any], to: str, facts: Mapping[str, Any], *options: str) -> bytes:
    """Turn the text of a document into another format, with our filter and its language's marks."""
    ours = [f"--lua-filter={HERE / 'filter.lua'}"]
    ours += [f"--metadata={name}={facts[name]}" for name in ("colon", "comma")]
    ours += [f"--metadata=lang={facts['pandoc']}"] if facts["pandoc"] else []
    return run_pandoc("--from=json", f"--to={to}", *ours, *options, given=json.dumps(ast))


def run_pandoc(*options: str, given: str = "") -> bytes:
    """Run pandoc shut off from disk and network; its warning is a failure: something is missing."""
    import pypandoc

    environment = {"SOURCE_DATE_EPOCH": EPOCH, "LANG": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603  (a program of our environment, with arguments of our own)
        [pypandoc.get_pandoc_path(), "--sandbox", *options],
        input=given.encode(),
        capture_output=True,
        check=False,
        env=environment,
    )
    if done.returncode or done.stderr:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise LianjianError(f"Pandoc could not turn the page into a document: {said}")
    return done.stdout
