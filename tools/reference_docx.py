"""Make the Word file whose styles, header, footer and paper documents take.

``python tools/reference_docx.py`` puts the parts in ``tools/reference_docx`` into pandoc's own
reference file; to be repeated when one of them changes. ``{TITLE}``, ``{MARK}`` and ``{FOOT}`` are
filled in each document.
"""

import io
import zipfile
from pathlib import Path

from analysis.files import write_bytes, zipped
from analysis.reports.documents._document import HERE, run_pandoc

_PARTS = Path(__file__).parent / "reference_docx"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PART = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_FRAME = ((91, "header"), (92, "footer"))


def main() -> None:
    """Write ``analysis/reports/documents/reference.docx``."""
    write_bytes(HERE / "reference.docx", made())


def made() -> bytes:
    """Return the file; the same parts give the same bytes."""
    default = run_pandoc("--print-default-data-file=reference.docx")
    with zipfile.ZipFile(io.BytesIO(default)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    for path in _PARTS.glob("*.xml"):
        parts[f"word/{path.name}"] = path.read_bytes()
    relations = "".join(
        f'<Relationship Type="{_OFFICE}/{kind}" Id="rId{number}" Target="{kind}1.xml"/>'
        for number, kind in _FRAME
    )
    types = "".join(
        f'<Override PartName="/word/{kind}1.xml" ContentType="{_PART}.{kind}+xml"/>'
        for _, kind in _FRAME
    )
    for name, end, added in (
        ("word/_rels/document.xml.rels", b"</Relationships>", relations),
        ("[Content_Types].xml", b"</Types>", types),
    ):
        parts[name] = parts[name].replace(end, added.encode() + end)
    return zipped(parts)


if __name__ == "__main__":
    main()
