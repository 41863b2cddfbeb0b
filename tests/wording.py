"""What is written in a language: a made-up one of all that is translated, and words left in Latin.

Each Latin letter of the made-up language, qps, is one Chinese character: fonts draw it, and any
Latin word on a page in it is one that nobody can translate. Names, ids and files are told by shape.
"""

import base64
import html
import re
import shutil
import zipfile
from decimal import Decimal
from pathlib import Path

import polib
import pypdf
from defusedxml import ElementTree

from analysis import _language

ROOT = Path(__file__).parents[1]
CHINESE = ROOT / "translations" / "zh"
LETTERS = "一二三四五六七八九十百千万年月日大小上下中内外东西南"
# places, one of them in the name of a number; code; works cited; addresses of links; tags
LEFT = re.compile(r"(\{(?:[^{}]|\{[^{}]*\})*\}|`[^`]*`|\[@[^\]]*\]|\]\([^)]*\)|<[^>]*>)")
# as works are cited: by names and titles that stay as they are
WORKS = re.compile(r'<ul class="references">.*?</ul>|<a href="#ref-[^>]*>.*?</a>', re.DOTALL)
UNREAD = re.compile(r"<(style|script|pre|code|svg)\b.*?</\1>", re.DOTALL)
OWN = re.compile(
    r'<a class="language".*?</a>|<(span|td|th) [^>]*class="(?:code|hash|path|typed)">.*?</\1>',
    re.DOTALL,
)
NUMBER = re.compile(r"[0-9][0-9,.]*[0-9]|[0-9]")
SCALED = re.compile(rf"({NUMBER.pattern})(?: ?(million\b|亿))?")
SCALES = {"": 1, "million": 10**6, "亿": 10**8}
IN_NAMES = re.compile(r"Simulated County [0-9]|urn:uuid:[0-9a-f-]*")
# names of the software and of datasets, and what is written the same in Chinese
NAMES = re.compile(
    r"\b(?:Lianjian|lianjian(?: [a-z]+)?|trial|example|simulated|published|BibTeX)\b"
)


def masked(text):
    """Return a text with a Chinese character for each letter, places and code as they are."""

    def letter(found):
        return LETTERS[ord(found[0].lower()) - ord("a")]

    pieces = LEFT.split(text)
    pieces[::2] = [re.sub("[A-Za-z]", letter, piece) for piece in pieces[::2]]
    return "".join(pieces)


def write_pseudo_language(root, **own):
    """Make a third language of all that is translated, and of texts by file: a folder, no code."""
    folder = root / "translations" / "qps"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(CHINESE.glob("*.po")):
        made = polib.POFile()
        made.extend(
            polib.POEntry(msgid=entry.msgid, msgstr=masked(entry.msgid), comment=entry.comment)
            for entry in polib.pofile(str(file), encoding="utf-8")
            if not entry.obsolete
        )
        made.save(str(folder / file.name))
    shutil.copy(CHINESE / "references.csl", folder)
    for name, texts in own.items():
        made = polib.POFile()
        made.extend(polib.POEntry(msgid=text, msgstr=masked(text)) for text in texts)
        made.save(str(folder / f"{name}.po"))


def seen(page):
    """Return what a reader sees, without code and without what styles it."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", UNREAD.sub(" ", page))))


def drawn_in(page):
    """Return the figures of a page as SVG, in each of the forms that it holds."""
    found = re.findall(r'src(?:set)?="data:image/svg\+xml;base64,([^"]+)"', page)
    return [base64.b64decode(drawn).decode() for drawn in found]


def latin(page):
    """Return what a page says in Latin words: in texts, attributes, and texts of its figures."""
    said = re.findall(r'\b(?:alt|aria-label|title|data-label|data-head)="([^"]*)"', page)
    said += re.findall(r"<title>(.*?)</title>", page)
    of_work = (
        r'<meta (?:name|property)="(?:[\w.:]*(?:title|description|subject|keywords))" content="'
    )
    said += re.findall(f'{of_work}([^"]*)"', page)
    for svg in drawn_in(page):
        said += re.findall(r"<!-- (.*?) -->", svg)
        said += re.findall(r"<dc:(?:title|description)>(.*?)</dc:", svg)
    body = WORKS.sub(" ", OWN.sub(" ", UNREAD.sub(" ", page[page.index("<body") :])))
    said += re.findall(r">([^<>]*)<", body)
    return words_in(map(html.unescape, said))


def values(text):
    """Return the numbers of a text by what they say: 182 million is 1.82亿; none of names."""
    found = SCALED.findall(IN_NAMES.sub(" ", text))
    plain = ((number.replace(",", ""), SCALES[scale]) for number, scale in found)
    return {n if n.count(".") > 1 else Decimal(n) * scale for n, scale in plain}


def lines_of_feed(path):
    """Return what a feed says, without the ids of its entries."""
    texts = ElementTree.fromstring(path.read_bytes()).itertext()
    return [line for text in texts for line in IN_NAMES.sub("", text).splitlines() if line.strip()]


def words_in(texts):
    """Return the texts that hold words of no name, id or file."""
    return [text for text in map(str.strip, texts) if not _language.is_plain(NAMES.sub("", text))]


def lines_of_pdf(path):
    """Return the lines of a PDF."""
    pages = pypdf.PdfReader(path).pages
    return [line for page in pages for line in page.extract_text().splitlines()]


def paragraphs_of_word(path):
    """Return the paragraphs of a Word file, with those of its headers and footers."""
    with zipfile.ZipFile(path) as word:
        names = [name for name in word.namelist() if re.search(r"document|header|footer", name)]
        xml = "".join(word.read(name).decode() for name in names if name.endswith(".xml"))
    return ["".join(re.findall(r"<w:t[^>]*>([^<]*)", p)) for p in xml.split("</w:p>")]
