"""The Word form of a report: pandoc writes it in the styles of ``reference.docx``."""

import base64
import io
import re
import zipfile
from html import escape
from typing import Any

from analysis._language import mark, said
from analysis.files import zipped
from analysis.reports.documents._document import COUNT, HERE, Document, pandoc, share
from analysis.reports.documents._pdf import compiled
from analysis.reports.documents._tables import LINE, elements, fitted

_RESOLUTION = 220.0  # dots an inch, of figures in a file that does not take vector graphics
_WIDTH = 16.0  # cm between the margins
_FRAME = re.compile(r"word/(?:header|footer)\d\.xml")
# a row, with the properties that pandoc gave it: <w:tr><w:trPr>…
_ROW = re.compile(r"<w:tr>(?:<w:trPr>(.*?)</w:trPr>)?", re.DOTALL)
# <w:tblW w:type="pct" w:w="3297" />: the width of a table, in fiftieths of a per cent of the line
_WIDE = re.compile(r'<w:tblW w:type="pct" w:w="(\d+)" ?/>')
_CORE_TITLE = re.compile(r"(?<=<dc:title>).*?(?=</dc:title>)", re.DOTALL)
_GRID = re.compile(r"(?<=<w:tblGrid>).*?(?=</w:tblGrid>)")
_TONGUE = re.compile(r"<w:lang [^>]*?/>")
_OF_BOOKS = "zh-CN"  # what is no Latin on a page in another language
_COUNTED = re.compile("|".join(COUNT))
_WORDS = re.compile(r"word/(?:document|styles|(?:header|footer)\d)\.xml")
# a run of words: <w:r><w:rPr>…</w:rPr><w:t>; its style, which stands first; italics
_RUN = re.compile(r"<w:r>(?:<w:rPr>((?:(?!</w:rPr>).)*)</w:rPr>)?(<w:t[ >])")
_RUN_STYLE = re.compile(r"<w:rStyle [^>]*>")
_SLANTED = re.compile(r"<w:i(?:Cs)? ?/>")
_HINT = '<w:rFonts w:hint="eastAsia" />'  # as pandoc says that a run is Chinese
_TABLE = re.compile(r"<w:tbl>.*?</w:tblGrid>", re.DOTALL)
_ROWS = re.compile(r"<w:tbl>.*?</w:tbl>", re.DOTALL)
_SHORT = 16  # rows that stand on one page
# the style of a paragraph in a cell, behind which stands what else is said of it
_STYLE = re.compile(r'<w:pPr><w:pStyle w:val="[^"]*" ?/>')


def to_docx(document: Document) -> bytes:
    """Write a document in Word's format; the same document gives the same bytes."""
    facts = document.facts
    ast = fitted(document.ast, styled=True)
    _draw(ast, document.images)
    ast["blocks"] = _framed(ast["blocks"], facts)
    made = pandoc(
        ast,
        "docx",
        facts,
        f"--reference-doc={HERE / 'reference.docx'}",
        "--shift-heading-level-by=-1",
        *(f"--metadata={name}={facts[name]}" for name in ("title", "subtitle", "description")),
        "--output=-",
    )
    words = {
        "{TITLE}": facts["title"],
        "{FULL_TITLE}": facts["full_title"],
        "{MARK}": facts["mark"],
        "{FOOT}": facts["foot"],
        **dict(zip(("{PAGE}", "{OF}", "{PAGES}"), _COUNTED.split(facts["count"]), strict=True)),
    }
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        parts = {name: _finished(name, file.read(name), words) for name in file.namelist()}
    tongue, eastern = facts["locale"], facts["locale"] if facts["is_han"] else _OF_BOOKS
    for name in filter(_WORDS.fullmatch, parts):
        spoken = f'<w:lang w:eastAsia="{eastern}" w:val="{tongue}" />'
        text = _TONGUE.sub(spoken, parts[name].decode())
        parts[name] = (_in_han(text) if facts["is_han"] else text).encode()
    return zipped(parts)


def _finished(name: str, content: bytes, words: dict[str, str]) -> bytes:
    """Fill header and footer; let no row break over pages and each column have its width.

    The title that a folder shows says what kind of data it is of, as that of the PDF does.
    """
    if _FRAME.fullmatch(name):
        text = content.decode()
        for mark, word in words.items():
            text = text.replace(mark, escape(word))
        return text.encode()
    if name == "docProps/core.xml":
        title = escape(words["{FULL_TITLE}"], quote=False)
        return _CORE_TITLE.sub(lambda _: title, content.decode()).encode()
    if name == "word/document.xml":
        whole = r"<w:tr><w:trPr><w:cantSplit/>\1</w:trPr>"
        text = _ROW.sub(whole, _TABLE.sub(_as_wide, content.decode()))
        return _ROWS.sub(_kept_together, text).encode()
    return content


def _kept_together(table: re.Match[str]) -> str:
    """Keep the rows of a short table on one page: each with the one below."""
    *rows, last = table[0].split("</w:tr>")[:-1]
    if len(rows) >= _SHORT:
        return table[0]
    rows = [_STYLE.sub(r"\g<0><w:keepNext/>", row) for row in rows]
    return "</w:tr>".join([*rows, last, table[0].rpartition("</w:tr>")[2]])


def _in_han(text: str) -> str:
    """Set a part as Chinese is set: no italics but dots below, bold that is a face of its own."""
    return _SLANTED.sub("", text) if "<w:styles" in text else _RUN.sub(_han_run, text)


def _han_run(run: re.Match[str]) -> str:
    how = (run[1] or "").replace(_HINT, "")
    dots = '<w:em w:val="underDot"/>' if "<w:i />" in how else ""
    style = "".join(_RUN_STYLE.findall(how))
    how = _SLANTED.sub("", _RUN_STYLE.sub("", how))
    faces = ['w:hint="eastAsia"', *(['w:eastAsia="SimHei"'] if "<w:b />" in how else [])]
    face = "" if "<w:rFonts" in how else f"<w:rFonts {' '.join(faces)}/>"
    return f"<w:r><w:rPr>{style}{face}{how}{dots}</w:rPr>{run[2]}"


def _as_wide(table: re.Match[str]) -> str:
    """Say the widths of columns in twentieths of a point: pandoc takes a narrower line for ours."""
    given, grid = _WIDE.search(table[0]), _GRID.search(table[0])
    if given is None or grid is None:
        return table[0]
    columns = [int(wide) for wide in re.findall(r'w:w="(\d+)"', grid[0])]
    total = 20 * LINE * int(given[1]) / 5000
    made = [round(total * wide / sum(columns)) for wide in columns]
    text = table[0].replace(given[0], f'<w:tblW w:type="dxa" w:w="{sum(made)}"/>')
    return text.replace(grid[0], "".join(f'<w:gridCol w:w="{wide}"/>' for wide in made))


def _framed(blocks: list[Any], facts: dict[str, Any]) -> list[Any]:
    """Put around the text what the page has around it."""
    stop, colon = map(mark, ".:")
    warning = f"{facts['mark']}{stop}{facts['warning']}"
    head = [_styled("Warning", warning)] if facts["mark"] else []
    head += [_styled("Facts", f"{term}{colon}{value}") for term, value in facts["facts"]]
    foot = [
        _styled("Citation", said(f"How to cite this report: {facts['citation']}")),
        _styled(
            "Facts",
            said(
                "The code, and the numbers as a table, stand beside this report: notebook.ipynb, "
                "whose SHA-256 begins with the run’s id, and numbers.csv."
            ),
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
        attributes[2].append(["width", f"{_WIDTH * share(images[target[0]]) / 100:.2f}cm"])
        target[0] = f"data:image/png;base64,{base64.b64encode(drawn[target[0]]).decode()}"
