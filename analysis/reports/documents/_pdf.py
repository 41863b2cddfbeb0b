"""The PDF form of a report: pandoc writes typst, typst sets it."""

import json
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from analysis._language import said
from analysis.errors import LianjianError
from analysis.reports.documents._document import ATTACHED, HERE, Document, pandoc
from analysis.reports.documents._tables import fitted, stringified
from analysis.reports.page import _fonts

STANDARDS = ["a-3a", "ua-1"]
"""What the PDF is: archivable with attachments (ISO 19005-3, level A), accessible (ISO 14289-1)."""

_UNDRAWN = re.compile(r'the text `"(.+?)"` could not be displayed')


def to_pdf(document: Document) -> bytes:
    """Set a document as PDF; the same document gives the same bytes."""
    import typst

    facts = document.facts | {
        "attached": [
            {"name": name, "mime": mime, "relationship": relationship, "description": said(about)}
            for name, (mime, relationship, about) in ATTACHED.items()
        ],
        "colophon": said(
            "The executed notebook with all code, the table of cited numbers, and the source files "
            "with their hashes are attached to this file. The SHA-256 of the notebook begins with "
            "the run’s id."
        ),
    }
    ast = fitted(document.ast, face=0.85, margin=13.0)  # Libertinus runs narrow
    text = pandoc(ast, "typst", document.facts, "--shift-heading-level-by=-1", "--wrap=none")
    opening = '#import "report.typ": *\n#show: report.with(json("page.json"))\n\n'
    sources = {
        "main.typ": opening.encode() + text,
        "report.typ": (HERE / "report.typ").read_bytes(),
        "page.json": json.dumps(facts).encode(),
        **document.images,
        **document.attached,
    }
    try:
        made = compiled(sources, pdf_standards=STANDARDS, timestamp=_date(document.facts["date"]))
    except typst.TypstError as error:
        raise LianjianError(_explain(error, document)) from error
    return bytes(made)


def compiled(sources: Mapping[str, bytes], **options: Any) -> Any:
    """Let typst set ``main.typ`` of these files; in memory it would take none but texts."""
    import typst

    with tempfile.TemporaryDirectory(prefix="lianjian-") as folder:
        for name, content in sources.items():
            Path(folder, name).write_bytes(content)
        return typst.compile(Path(folder, "main.typ"), font_paths=fonts(), **options)


@cache
def fonts() -> Any:
    """Return the fonts of our packages and typst's own, never those of the machine."""
    import typst

    folders = {_fonts.source_file(face).parent for face in (_fonts.FACES[0], _fonts.BOLD)}
    return typst.Fonts(include_system_fonts=False, font_paths=sorted(map(str, folders)))


def _date(published: str) -> datetime:
    """Return the date that the PDF bears: that of the citation, never that of the run."""
    numbers = [int(part) for part in re.findall(r"\d+", published)] or [1980]
    year, month, day = [*numbers, 1, 1][:3]
    return datetime(year, month, day, tzinfo=UTC)


def _explain(error: Any, document: Document) -> str:
    """Say which character cannot be drawn, and where it stands."""
    undrawn = dict.fromkeys("".join(_UNDRAWN.findall(error.diagnostic)))
    if not undrawn:
        return f"The PDF cannot be set: {error.diagnostic.strip()}"
    lines = []
    for char in undrawn:
        heading = "the beginning"
        for block in document.ast["blocks"]:
            words = " ".join(stringified(block).split())
            heading = words if block["t"] == "Header" else heading
            before, found, after = words.partition(char)
            if found:
                around = f"{before[-40:]}{char}{after[:40]}"
                lines.append(f"  {char!r} (U+{ord(char):04X}) after “{heading}”, in “{around}”")
                break
    listed = "\n".join(lines)
    return (
        f"The PDF's fonts cannot draw what the page holds:\n{listed}\n"
        "Is it the right character? Compare the source, and correct it in "
        "data/raw/corrections.csv or in the notebook."
    )
