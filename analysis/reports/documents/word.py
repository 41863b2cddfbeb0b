"""The Word form of a report: pandoc writes it, in styles, header and footer made here."""

import io
import tempfile
import zipfile
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from analysis.files import zipped
from analysis.reports.documents import documents
from analysis.reports.documents.documents import Document
from analysis.reports.documents.pdf import compiled, fonts
from analysis.reports.markup import SIMULATED

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PART = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_SEAL, _ACCENT, _SOFT = "B3261E", "1D4E79", "555555"
_RESOLUTION = 220.0  # dots an inch, of figures in a file that does not take vector graphics
_WIDTH = 16.0  # cm between the margins

# Word draws with the reader's fonts: these stand on most machines, or are replaced by their like.
_FONTS = 'w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman"'
_SERIF = f'<w:rFonts {_FONTS} w:eastAsia="SimSun"/>'
_HEADING = f'<w:rFonts {_FONTS} w:eastAsia="SimHei"/>'
_MONO = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas" w:eastAsia="SimSun"/>'


class _Style(NamedTuple):
    """A paragraph style: half points, twentieths of a point, and what else Word is to know."""

    size: int = 21
    before: int = 0
    after: int = 0
    font: str = ""
    colour: str = ""
    more: str = ""  # paragraph properties
    text: str = ""  # run properties
    line: int = 240
    level: int | None = None
    indent: int = 0


def _rules(*sides: str, colour: str = "000000", size: int = 6) -> str:
    lines = "".join(
        f'<w:{side} w:val="single" w:sz="{size}" w:space="4" w:color="{colour}"/>' for side in sides
    )
    return f"<w:pBdr>{lines}</w:pBdr>"


_KEPT = "<w:keepNext/><w:keepLines/>"
_STYLES = {
    "Normal": _Style(),
    "Body Text": _Style(before=120, after=120, line=288),
    "First Paragraph": _Style(before=120, after=120, line=288),
    "Compact": _Style(18, 20, 20),
    "Title": _Style(40, 240, 120, _HEADING, more=_KEPT),
    "Subtitle": _Style(25, 0, 120, colour=_SOFT, text="<w:i/>"),
    "heading 1": _Style(30, 400, 140, _HEADING, more=_KEPT, level=0),
    "heading 2": _Style(24, 320, 120, _HEADING, more=_KEPT, level=1, text="<w:i/>"),
    "heading 3": _Style(22, 240, 100, _HEADING, more=_KEPT, level=2, text="<w:b/>"),
    "heading 4": _Style(21, 200, 80, _HEADING, more=_KEPT, level=3),
    "Block Text": _Style(after=120, indent=480),
    "Table Caption": _Style(18, 280, 100, more=_KEPT),
    "Image Caption": _Style(18, 60, 280),
    "Captioned Figure": _Style(21, 240, 0, more="<w:keepNext/>"),
    "Figure": _Style(21, 240, 120),
    "Source Code": _Style(15, 80, 120, _MONO),
    "Warning": _Style(19, 160, 240, colour=_SEAL, more=_rules("top", "bottom", colour=_SEAL)),
    "Facts": _Style(17, 0, 20, colour=_SOFT),
    "Cited Number": _Style(20, 40, 40, more=_rules("bottom", "between", colour="BBBBBB", size=4)),
    "Citation": _Style(20, 480, 80, more=_rules("top")),
    "header": _Style(16, colour=_SOFT, more=_rules("bottom", colour="BBBBBB", size=4)),
    "footer": _Style(16, colour=_SOFT, more=_rules("top", colour="BBBBBB", size=4)),
}
_LETTERS = {
    "Simulated": f'<w:color w:val="{_SEAL}"/>',
    "Hash": f'{_MONO}<w:color w:val="{_SOFT}"/><w:sz w:val="13"/>',
    "Verbatim Char": _MONO,
    "Hyperlink": f'<w:color w:val="{_ACCENT}"/>',
}

_SECTION = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId91"/>'
    '<w:footerReference w:type="default" r:id="rId92"/>'
    '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1500" w:right="1417" w:bottom="1417" '
    'w:left="1417" w:header="750" w:footer="700" w:gutter="0"/></w:sectPr>'
)


def to_docx(document: Document) -> bytes:
    """Write a document in Word's format; the same document gives the same bytes."""
    facts = document.facts
    with tempfile.TemporaryDirectory(prefix="lianjian-") as name:
        folder = Path(name)
        reference = folder / "reference.docx"
        reference.write_bytes(_reference(facts["title"], _foot(facts), facts["simulated"]))
        body = document.body
        for image, (content, width) in _pictures(document.images).items():
            drawn = (folder / image).with_suffix(".drawn.png")
            drawn.write_bytes(content)
            body = body.replace(f'src="{image}"', f'src="{drawn.name}" width="{width:.2f}cm"')
        # pictures as files, not in the text: pandoc reads them four times as fast
        return documents.pandoc(
            _framed(body, facts),
            "docx",
            f"--reference-doc={reference}",
            f"--resource-path={folder}",
            "--shift-heading-level-by=-1",
            f"--metadata=title={facts['title']}",
            f"--metadata=subtitle={facts['subtitle']}",
            f"--metadata=description={facts['description']}",
            "--metadata=lang=en-GB",
            "--output=-",
        )


def _foot(facts: dict[str, str]) -> str:
    return f"{facts['slug']} · run {facts['run_id']}"


def _framed(body: str, facts: dict[str, Any]) -> str:
    """Put around the text what the page has around it."""
    head = _styled("Warning", f"{SIMULATED}. {facts['warning']}") if facts["simulated"] else ""
    head += "".join(_styled("Facts", f"{term}: {value}") for term, value in facts["facts"])
    foot = _styled("Citation", f"How to cite this report: {facts['citation']}")
    foot += _styled(
        "Facts",
        "The code, and the numbers as a table, stand beside this report: notebook.ipynb, whose "
        "SHA-256 begins with the run’s id, and numbers.csv.",
    )
    return head + body + foot


def _styled(style: str, text: str) -> str:
    return f'<div data-custom-style="{style}"><p>{escape(text)}</p></div>'


def _pictures(images: dict[str, bytes]) -> dict[str, tuple[bytes, float]]:
    """Draw images as PNG, with their width on the page in cm."""
    if not images:
        return {}
    sheets = "\n#pagebreak(weak: true)\n".join(f'#image("{name}")' for name in images)
    main = f"#set page(width: auto, height: auto, margin: 0pt)\n{sheets}".encode()
    made = compiled({"main.typ": main, **images}, font_paths=fonts(), format="png", ppi=_RESOLUTION)
    drawn = [made] if isinstance(made, bytes) else made
    return {
        name: (content, _WIDTH * documents.share(images[name]) / 100)
        for name, content in zip(images, drawn, strict=True)
    }


def _reference(title: str, foot: str, simulated: bool) -> bytes:
    """Make the file from which pandoc takes styles, header, footer and paper."""
    mark = f'<w:r><w:rPr><w:rStyle w:val="Simulated"/></w:rPr><w:t>{SIMULATED}</w:t></w:r>'
    header = f"{_run(title)}{_tab()}{mark if simulated else ''}"
    footer = f"{_run(foot)}{_tab()}{_field('PAGE')}{_run(' of ')}{_field('NUMPAGES')}"
    parts = _default() | {
        "word/styles.xml": _styles(),
        "word/document.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{_W}" xmlns:r="{_R}">'
            f"<w:body><w:p/>{_SECTION}</w:body></w:document>"
        ),
        "word/header1.xml": _wrapped("hdr", "header", header),
        "word/footer1.xml": _wrapped("ftr", "footer", footer),
    }
    relations = "".join(
        f'<Relationship Type="{_R}/{kind}" Id="rId{number}" Target="{kind}1.xml"/>'
        for number, kind in ((91, "header"), (92, "footer"))
    )
    types = "".join(
        f'<Override PartName="/word/{kind}1.xml" ContentType="{_PART}.{kind}+xml"/>'
        for kind in ("header", "footer")
    )
    for name, end, added in (
        ("word/_rels/document.xml.rels", "</Relationships>", relations),
        ("[Content_Types].xml", "</Types>", types),
    ):
        parts[name] = parts[name].replace(end, added + end)
    return zipped({name: content.encode() for name, content in parts.items()})


@cache
def _default() -> dict[str, str]:
    """Return the parts of pandoc's own reference file."""
    content = documents.run_pandoc("--print-default-data-file=reference.docx")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


@cache
def _styles() -> str:
    made = [_paragraph(name, style) for name, style in _STYLES.items()]
    made += [
        f'<w:style w:type="character" w:styleId="{_id(name)}"><w:name w:val="{name}"/>'
        f"<w:rPr>{properties}</w:rPr></w:style>"
        for name, properties in _LETTERS.items()
    ]
    rule, hair = (f'w:val="single" w:sz="{size}" w:color="000000"' for size in (8, 4))
    made.append(
        '<w:style w:type="table" w:default="1" w:styleId="Table"><w:name w:val="Table"/>'
        f"<w:tblPr><w:tblBorders><w:top {rule}/><w:bottom {rule}/></w:tblBorders>"
        '<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/>'
        '</w:tblCellMar></w:tblPr><w:tblStylePr w:type="firstRow"><w:tcPr><w:tcBorders>'
        f"<w:bottom {hair}/></w:tcBorders></w:tcPr></w:tblStylePr></w:style>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><w:styles xmlns:w="{_W}"><w:docDefaults>'
        f'<w:rPrDefault><w:rPr>{_SERIF}<w:lang w:val="en-GB" w:eastAsia="zh-CN"/></w:rPr>'
        f"</w:rPrDefault></w:docDefaults>{''.join(made)}</w:styles>"
    )


def _paragraph(name: str, style: _Style) -> str:
    normal = name == "Normal"
    default = ' w:default="1"' if normal else ""
    based = "" if normal else '<w:basedOn w:val="Normal"/>'
    colour = f'<w:color w:val="{style.colour}"/>' if style.colour else ""
    indent = f'<w:ind w:left="{style.indent}" w:right="{style.indent}"/>' if style.indent else ""
    level = "" if style.level is None else f'<w:outlineLvl w:val="{style.level}"/>'
    return (
        f'<w:style w:type="paragraph" w:styleId="{_id(name)}"{default}><w:name w:val="{name}"/>'
        f'{based}<w:qFormat/><w:pPr>{style.more}<w:spacing w:before="{style.before}" '
        f'w:after="{style.after}" w:line="{style.line}" w:lineRule="auto"/>{indent}{level}</w:pPr>'
        f"<w:rPr>{style.font}{style.text}{colour}"
        f'<w:sz w:val="{style.size}"/><w:szCs w:val="{style.size}"/></w:rPr></w:style>'
    )


def _id(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split())


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _tab() -> str:
    return "<w:r><w:tab/></w:r>"


def _field(name: str) -> str:
    return f'<w:fldSimple w:instr="{name}"><w:r><w:t>1</w:t></w:r></w:fldSimple>'


def _wrapped(tag: str, style: str, runs: str) -> str:
    tabs = '<w:tabs><w:tab w:val="right" w:pos="9070"/></w:tabs>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><w:{tag} xmlns:w="{_W}"><w:p><w:pPr>'
        f'<w:pStyle w:val="{_id(style)}"/>{tabs}</w:pPr>{runs}</w:p></w:{tag}>'
    )
