"""A finished report as PDF and as a Word document, made from its page: nothing runs again.

Pandoc reads the page, typst sets the PDF. The code is left out: the executed notebook goes with
the PDF as an attachment.
"""

import base64
import hashlib
import io
import json
import re
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis import files, paths
from analysis.errors import LianjianError
from analysis.reports import freshness
from analysis.reports.run import staging
from analysis.reports.run.kernels import EPOCH

FORMATS = {"pdf": "report.pdf", "docx": "report.docx"}
"""The formats and the file that each becomes, beside ``report.html``."""

_NEEDS = ("typst", "pypandoc")
TEMPLATES = Path(__file__).parent
_WARNING = (
    "Villages, names and amounts in this report are invented: they come from a documented model, "
    "not from any ledger. Nothing here is a finding about a real village."
)
ATTACHED = {
    "notebook.ipynb": ("application/x-ipynb+json", "source", "The executed notebook"),
    "numbers.csv": ("text/csv", "data", "The cited numbers"),
}

# Where the page keeps what a document needs; the page is our own, so its form is known.
_MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
_CITE = re.compile(r'<p class="cite">(.*?)</p>', re.DOTALL)
_FACT = re.compile(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", re.DOTALL)
_META = r'<meta name="{}" content="([^"]*)">'
_SCREEN = re.compile(r'<details class="(?:source|lj-enlarge)">.*?</details>', re.DOTALL)
_NUMBER = re.compile(r'<p (id="num-[^"]+") class="[^"]*\blj-number\b[^"]*">(.*?)</p>', re.DOTALL)
_IMAGE = re.compile(r'(<img\b[^>]*?)src="data:image/([a-z+]+);base64,([^"]*)"')
_STRANGE = re.compile(r'<img\b(?![^>]*src="image-\d+\.[a-z]+")[^>]*>')
_SIZE = re.compile(rb'<svg\b[^>]*? height="([\d.]+)[a-z]*"[^>]*? width="([\d.]+)|'
                   rb'<svg\b[^>]*? width="([\d.]+)[a-z]*"[^>]*? height="([\d.]+)')  # fmt: skip
_TAG = re.compile(r"<[^>]+>")
_TEXT_WIDTH = 650  # pixels, as a browser counts them, that the text is wide on paper
_TALLEST = 0.42  # of the page: what a figure may take, as a share of its width, is 1 / 0.42


@dataclass(frozen=True)
class Document:
    """What a document is made of.

    Attributes
    ----------
    facts : dict
        Title, subtitle, slug, run_id, citation and what else stands around the text.
    body : str
        The text as HTML, without code; images are named, not embedded.
    images : dict of str to bytes
        The images by file name.
    attached : dict of str to bytes
        Files that go with a PDF, by file name.
    """

    facts: dict[str, Any]
    body: str = field(repr=False)
    images: dict[str, bytes] = field(repr=False)
    attached: dict[str, bytes] = field(repr=False)


def require(formats: Collection[str]) -> None:
    """Check that the formats are known and that what makes them is installed.

    Raises
    ------
    LianjianError
        A format is unknown, or the extra ``pdf`` is missing; the message says how to get it.
    """
    if unknown := sorted(set(formats) - FORMATS.keys()):
        raise LianjianError(f"Unknown formats {unknown}; reports can be {sorted(FORMATS)}.")
    missing = [name for name in _NEEDS if find_spec(name) is None] if formats else []
    if missing:
        raise LianjianError(
            f"PDF and Word need packages that are not installed: {', '.join(missing)}. "
            "`make reports` installs them; so does `pip install -e '.[pdf]'` in the project."
        )


def lacks(folder: Path, formats: Collection[str]) -> bool:
    """Whether a report is without one of these formats."""
    return any(not (folder / FORMATS[name]).is_file() for name in formats)


def kept(folder: Path, formats: Collection[str]) -> tuple[str, ...]:
    """Return these formats and those that a report has: a new page gets new documents.

    Where the extra is not installed, a report that is made anew goes without.
    """
    if any(find_spec(name) is None for name in _NEEDS):
        return tuple(formats)
    return tuple(name for name in FORMATS if name in formats or (folder / FORMATS[name]).is_file())


def write(folder: Path, record: Mapping[str, Any], formats: Collection[str]) -> tuple[Path, ...]:
    """Write a finished report in other formats, into its folder.

    Parameters
    ----------
    folder : Path
        Holds ``report.html``, ``notebook.ipynb`` and ``numbers.csv`` of the run.
    record : mapping
        The run's record, as in ``run.json``.
    formats : collection of {"pdf", "docx"}
        What to write.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    LianjianError
        The extra ``pdf`` is not installed, or the page holds a character that no font draws.
    """
    require(formats)
    if not formats:
        return ()
    document = read(folder, record)
    written = []
    for name in FORMATS.keys() & set(formats):
        files.write_bytes(folder / FORMATS[name], _WRITERS[name](document))
        written.append(folder / FORMATS[name])
    return tuple(sorted(written))


def render(slugs: Sequence[str], formats: Collection[str]) -> tuple[Path, ...]:
    """Write finished reports in other formats; nothing runs.

    Parameters
    ----------
    slugs : sequence of str
        Names of reports; empty means every report.
    formats : collection of {"pdf", "docx"}
        What to write.

    Raises
    ------
    LianjianError
        There is no such report, one cannot be written (those before it are written then), or
        another process writes the reports.
    """
    require(formats)
    from analysis.reports.freshness import adhoc  # noqa: PLC0415
    from analysis.reports.page import index  # noqa: PLC0415
    from analysis.reports.plan import plan  # noqa: PLC0415

    written: list[Path] = []
    folders, reports = staging.finished(slugs), paths.reports()
    with staging.alone(reports):
        try:
            for folder in folders:
                record = json.loads((folder / "run.json").read_text("utf-8"))
                made = write(folder, record, formats)
                record["products"] |= {
                    path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made
                }
                files.write_text(folder / "run.json", files.to_json(freshness.sealed(record)))
                written += made
        finally:  # the index links to what is there
            index.write(reports, adhoc.stale(reports, {run.slug for run in plan.load()}))
    return tuple(written)


def read(folder: Path, record: Mapping[str, Any]) -> Document:
    """Read from a report's page what a document needs.

    Raises
    ------
    LianjianError
        The page is missing, or is none that this version made.
    """
    page = folder / "report.html"
    html = page.read_text("utf-8") if page.is_file() else ""
    main, cite = _MAIN.search(html), _CITE.search(html)
    if main is None or cite is None:
        raise LianjianError(
            f"{page} is {'not a page of this version' if html else 'missing'}, so no document can "
            f"be made from it. Run `lianjian run {record['slug']}` first."
        )
    images: dict[str, bytes] = {}

    def named(match: re.Match[str]) -> str:
        kind = match[2].partition("+")[0].replace("jpeg", "jpg")
        content = base64.b64decode(match[3])
        name = f"image-{len(images) + 1}.{kind}"
        images[name] = content
        return f'{match[1]}src="{name}" data-share="{share(content)}"'

    body = _IMAGE.sub(named, _SCREEN.sub("", main[1]))
    if strange := _STRANGE.search(body):
        raise LianjianError(f"{page} holds an image that is not its own: {strange[0][:80]}.")
    body = _NUMBER.sub(r'<div \1 class="lj-number"><p>\2</p></div>', body)
    body = re.sub(r"<(/?)details\b[^>]*>", r"<\1div>", body)
    body = re.sub(r"<summary\b[^>]*>(.*?)</summary>", r'<div class="summary"><p>\1</p></div>', body)
    simulated = record["kind"] in {"simulated", "mixed"}
    head = html[: main.start()]
    facts = {
        "title": record["title"],
        "subtitle": record["subtitle"],
        "slug": record["slug"],
        "run_id": record["run_id"],
        "description": record["summary"],
        "authors": [unescape(m) for m in re.findall(_META.format("citation_author"), head)],
        "keywords": [unescape(m) for m in re.findall(_META.format("citation_keywords"), head)],
        "facts": [[words(term), words(value)] for term, value in _FACT.findall(head)],
        "date": next(iter(re.findall(_META.format("citation_publication_date"), head)), ""),
        "simulated": simulated,
        "warning": _WARNING if simulated else "",
        "citation": words(cite[1]),
    }
    attached = {name: (folder / name).read_bytes() for name in ATTACHED}
    return Document(facts, body, images, attached)


def pandoc(body: str, to: str, *options: str) -> bytes:
    """Turn the text of a document into another format, with our filter."""
    lua = f"--lua-filter={TEMPLATES / 'document.lua'}"
    return run_pandoc("--from=html", f"--to={to}", lua, *options, given=body)


def run_pandoc(*options: str, given: str = "") -> bytes:
    """Run pandoc, and take a warning for what it is: something that would be missing.

    Raises
    ------
    LianjianError
        Pandoc failed or warned.
    """
    import pypandoc  # noqa: PLC0415

    environment = {"SOURCE_DATE_EPOCH": EPOCH, "LANG": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603  (a program of our environment, with arguments of our own)
        [pypandoc.get_pandoc_path(), *options],
        input=given.encode(), capture_output=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode or done.stderr:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise LianjianError(f"Pandoc could not turn the page into a document: {said}")
    return done.stdout


def share(image: bytes) -> int:
    """Return the width of an image in per cent of the text, so that it stays on its page."""
    match = _SIZE.search(image[:4000])
    if match is None and b"<svg" not in image[:1000]:
        from PIL import Image  # noqa: PLC0415  (a photograph: seldom)

        pixels = Image.open(io.BytesIO(image)).size[0]
        return max(1, min(100, round(100 * pixels / _TEXT_WIDTH)))
    if match is None:
        return 100
    height, width = (match[1], match[2]) if match[1] else (match[4], match[3])
    return min(100, round(100 * float(width) / float(height) / _TALLEST / 2))


def words(html: str) -> str:
    """Return the text of some HTML, on one line."""
    return re.sub(r"\s+", " ", unescape(_TAG.sub("", html))).strip()


def _pdf(document: Document) -> bytes:
    from analysis.reports.documents.pdf import to_pdf  # noqa: PLC0415

    return to_pdf(document)


def _docx(document: Document) -> bytes:
    from analysis.reports.documents.word import to_docx  # noqa: PLC0415

    return to_docx(document)


_WRITERS: dict[str, Callable[[Document], bytes]] = {"pdf": _pdf, "docx": _docx}
