"""The Word form of a report: pandoc writes it in the styles of ``reference.docx``."""

import base64
import copy
import io
import re
import zipfile
from html import escape
from typing import Any

from analysis.files import zipped
from analysis.reports.documents._document import HERE, Document, elements, pandoc, share
from analysis.reports.documents._pdf import compiled
from analysis.reports.documents._tables import fitted

_RESOLUTION = 220.0  # dots an inch, of figures in a file that does not take vector graphics
_WIDTH = 16.0  # cm between the margins
_FRAME = re.compile(r"word/(?:header|footer)\d\.xml")
# a row, with the properties that pandoc gave it: <w:tr><w:trPr>…
_ROW = re.compile(r"<w:tr>(?:<w:trPr>(.*?)</w:trPr>)?", re.DOTALL)


def to_docx(document: Document) -> bytes:
    """Write a document in Word's format; the same document gives the same bytes."""
    facts = document.facts
    ast = fitted(document.ast, styled=True)
    _draw(ast, document.images)
    ast["blocks"] = _framed(ast["blocks"], facts)
    made = pandoc(
        ast,
        "docx",
        f"--reference-doc={HERE / 'reference.docx'}",
        "--shift-heading-level-by=-1",
        f"--metadata=title={facts['title']}",
        f"--metadata=subtitle={facts['subtitle']}",
        f"--metadata=description={facts['description']}",
        "--metadata=lang=en-GB",
        "--output=-",
    )
    words = {
        "{TITLE}": facts["title"],
        "{MARK}": facts["mark"],
        "{FOOT}": f"{facts['slug']} · run {facts['run_id']}",
    }
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        return zipped({name: _finished(name, file.read(name), words) for name in file.namelist()})


def _finished(name: str, content: bytes, words: dict[str, str]) -> bytes:
    """Fill header and footer, and let no row of a table break over two pages."""
    if _FRAME.fullmatch(name):
        text = content.decode()
        for mark, word in words.items():
            text = text.replace(mark, escape(word))
        return text.encode()
    if name == "word/document.xml":
        whole = r"<w:tr><w:trPr><w:cantSplit/>\1</w:trPr>"
        return _ROW.sub(whole, content.decode()).encode()
    return content


def _framed(blocks: list[Any], facts: dict[str, Any]) -> list[Any]:
    """Put around the text what the page has around it."""
    head = [_styled("Warning", f"{facts['mark']}. {facts['warning']}")] if facts["mark"] else []
    head += [_styled("Facts", f"{term}: {value}") for term, value in facts["facts"]]
    foot = [
        _styled("Citation", f"How to cite this report: {facts['citation']}"),
        _styled(
            "Facts",
            "The code, and the numbers as a table, stand beside this report: notebook.ipynb, whose "
            "SHA-256 begins with the run’s id, and numbers.csv.",
        ),
    ]
    return [*head, *blocks, *foot]


def _styled(style: str, text: str) -> dict[str, Any]:
    words = [{"t": "Str", "c": word} for word in text.split()]
    spaced = [part for word in words for part in (word, {"t": "Space"})][:-1]
    attributes = ["", [], [["custom-style", style]]]
    return {"t": "Div", "c": [attributes, [{"t": "Para", "c": spaced}]]}


def _draw(ast: dict[str, Any], images: dict[str, bytes]) -> None:
    """Put pictures into the text as PNG, as wide as they are to be."""
    if not images:
        return
    sheets = "\n#pagebreak(weak: true)\n".join(f'#image("{name}")' for name in images)
    main = f"#set page(width: auto, height: auto, margin: 0pt)\n{sheets}".encode()
    made = compiled({"main.typ": main, **images}, format="png", ppi=_RESOLUTION)
    drawn = dict(zip(images, [made] if isinstance(made, bytes) else made, strict=True))
    for image in elements(ast["blocks"], "Image"):
        attributes, _, target = image["c"]
        wide = _WIDTH * share(images[target[0]]) / 100
        attributes[2] = [*copy.copy(attributes[2]), ["width", f"{wide:.2f}cm"]]
        target[0] = f"data:image/png;base64,{base64.b64encode(drawn[target[0]]).decode()}"
