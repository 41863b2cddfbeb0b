"""The PDF form of a report: typst sets it, archivable, accessible, with the notebook attached."""

import json
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from analysis.errors import LianjianError
from analysis.reports.documents.documents import ATTACHED, TEMPLATES, Document, pandoc, words

STANDARDS = ["a-3a", "ua-1"]
"""What the PDF is: archivable with attachments (ISO 19005-3, level A), accessible (ISO 14289-1)."""

_HEADING = re.compile(r"<h\d[^>]*>(.*?)</h\d>", re.DOTALL)
_UNDRAWN = re.compile(r'the text `"(.+?)"` could not be displayed')


def to_pdf(document: Document) -> bytes:
    """Set a document as PDF; the same document gives the same bytes.

    Raises
    ------
    LianjianError
        A character that no font draws, or a figure without alternative text.
    """
    import typst  # noqa: PLC0415

    facts = document.facts | {
        "attached": [
            dict(zip(("name", "mime", "relationship", "description"), (name, *how), strict=True))
            for name, how in ATTACHED.items()
        ],
        "colophon": "The executed notebook with all code, and the table of cited numbers, are "
        "attached to this file. The SHA-256 of the notebook begins with the run’s id.",
    }
    text = pandoc(document.body, "typst", "--shift-heading-level-by=-1", "--wrap=none")
    opening = '#import "report.typ": *\n#show: report.with(json("page.json"))\n\n'
    sources = {
        "main.typ": opening.encode() + text,
        "report.typ": (TEMPLATES / "report.typ").read_bytes(),
        "page.json": json.dumps(facts).encode(),
        **document.images,
        **document.attached,
    }
    try:
        made = compiled(
            sources,
            font_paths=fonts(),
            pdf_standards=STANDARDS,
            timestamp=_date(document.facts["date"]),
        )
    except typst.TypstError as error:
        raise LianjianError(_explain(error, document)) from error
    return bytes(made)


def compiled(sources: Mapping[str, bytes], **options: Any) -> Any:  # noqa: ANN401  (as typst's)
    """Let typst set ``main.typ`` of these files; in memory it would take none but texts."""
    import typst  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="lianjian-") as folder:
        for name, content in sources.items():
            Path(folder, name).write_bytes(content)
        return typst.compile(Path(folder, "main.typ"), **options)


@cache
def fonts() -> Any:  # noqa: ANN401  (typst's own type)
    """Return the fonts of our packages and typst's own, never those of the machine."""
    import pylopdf_fonts_zh_cn as noto  # noqa: PLC0415
    import typst  # noqa: PLC0415

    folder = str(Path(noto.serif_path()).parent)
    return typst.Fonts(include_system_fonts=False, font_paths=[folder])


def _date(published: str) -> datetime:
    """Return the date that the PDF bears: that of the citation, never that of the run."""
    numbers = [int(part) for part in re.findall(r"\d+", published)] or [1980]
    year, month, day = [*numbers, 1, 1][:3]
    return datetime(year, month, day, tzinfo=UTC)


def _explain(error: Any, document: Document) -> str:  # noqa: ANN401  (typst is untyped)
    """Say which character cannot be drawn, and where it stands."""
    undrawn = dict.fromkeys("".join(_UNDRAWN.findall(error.diagnostic)))
    if not undrawn:
        return f"The PDF cannot be set: {error.diagnostic.strip()}"
    lines = []
    for char in undrawn:
        before, _, after = document.body.partition(char)
        heading = (["the beginning", *map(words, _HEADING.findall(before))])[-1]
        around = words(before[-300:].rpartition(">")[2] + char + after[:40].partition("<")[0])
        lines.append(f"  {char!r} (U+{ord(char):04X}) after “{heading}”, in “{around[-80:]}”")
    found = "\n".join(lines)
    return (
        f"The PDF's fonts cannot draw what the page holds:\n{found}\n"
        "Is it the right character? Compare the source, and correct it in "
        "data/raw/corrections.csv or in the notebook."
    )
