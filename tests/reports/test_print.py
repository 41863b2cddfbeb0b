"""On paper no word is broken, no heading stands above nothing, and nothing runs off the page."""

import re
import zipfile
from pathlib import Path

import matplotlib as mpl
import pypdf
import pytest
from defusedxml import ElementTree
from PIL import ImageFont

from analysis.reports.documents import _tables
from analysis.reports.run import runner

pytest.importorskip("typst", reason="PDF and Word need the extra 'pdf'")

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
CODE = """
assert the_longest_of_all_names_of_parameters
assert unset is None
import pandas as pd
from matplotlib.figure import Figure
from analysis.reports import record, say, show, table
def draw(name):
    figure = Figure(figsize=(5, 4))
    figure.subplots().plot([1, 2], [3, 4])
    show(figure, name, f"Figure of {name}", alt="A line")
def frame(name, columns, rows=3, **more):
    table(pd.DataFrame({column: [value] * rows for column, value in columns.items()}), name,
          f"Table of {name}", **more)
"""
WIDE = """
frame("narrow", {"Helpers": 9, "Adjusted": 1.41, "Low": -4.31, "p": 0.586})
frame("qualified", {"No.": "F01", "Qualification": "in words", "Determination": "correct",
      "Characteristic": "administrative villages", "Subject": "中巷村委会（西峰区），显胜乡",
      "Reason": "a sentence that goes on for longer than a line of the page, as reasons do " * 2})
frame("many", {f"{year} income,\\u00a0万元": -1234567.891 for year in range(2016, 2025)})
frame("crowded", {f"Measured {n}": "uncharacteristic" for n in range(9)})
"""
SAID = """
record("known", 4.5, label="A number", shown=False)
say("It comes to {known}.")
"""
LONG = (
    " + ".join(rf"\beta_{{{k}}} D_{{it}}^{{{k}}} \exp(\gamma_{{{k}}} X_{{it}})" for k in range(9)),
    rf"\frac{{{' + '.join(['income_{it}'] * 14)}}}{{n}}",
    rf"\begin{{aligned}}y &= {' + '.join(['x_{it} z_{it}'] * 16)}\\ w &= 1\end{{aligned}}",
)


@pytest.fixture(scope="module")
def folder(make_project, tmp_path_factory):
    """Give a report of bare figures, of tables of every width and of formulas of every length."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("print")
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        formulas = "\n\n".join(f"$${tex}$$" for tex in LONG)
        project.notebook(
            "01-a", "# On paper\n\nText.", CODE,
            "md: ## 第一节", "draw('first')",
            "md: ## Second section", "draw('second')\ndraw('third')",
            "md: ## Third section\n\nA sentence.", "draw('fourth')", SAID, "md: ## Tables", WIDE,
            "print('printed' * 60)",
            f"md: At https://example.org/{'way' * 60} and `{'code' * 50}`.",
            f"md: ## Formulas\n\n{formulas}\n\nThe end.",
            parameters="the_longest_of_all_names_of_parameters: int = 1  # a meaning\n"
            "unset: float | None = None  # another meaning\n",
        )  # fmt: skip
        assert runner.run(options=runner.Options(jobs=1, formats=("pdf", "docx"))) == 0
        return project.reports / "01-a"


@pytest.fixture(scope="module")
def pages(folder):
    return pypdf.PdfReader(folder / "report.pdf").pages


def test_a_section_of_figures_alone_keeps_them_below_its_heading(pages):
    text = " ".join(re.sub(r"\s+", " ", page.extract_text()) for page in pages)
    order = ("第一节", "Figure of first", "Second section", "Figure of second", "Figure of third",
             "Third section")  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_how_to_cite_stands_once_on_the_first_page_and_what_it_rests_on_stands_small(pages):
    texts = [re.sub(r"\s+", " ", page.extract_text()) for page in pages]
    assert [text.count("Cite as:") for text in texts] == [1] + [0] * (len(pages) - 1)
    sizes = {}

    def seen(text, _, matrix, font, size):
        sizes[text.strip()] = size * abs(matrix[3])

    for page in pages:
        page.extract_text(visitor_text=seen)
    [parameters] = [size for text, size in sizes.items() if text == "Parameters"]
    [section] = [size for text, size in sizes.items() if text == "Formulas"]
    assert parameters < section


def test_a_number_that_a_sentence_says_leaves_no_empty_line_and_none_is_a_word(folder, pages):
    text = " ".join(page.extract_text() for page in pages)
    assert "It comes to 4.50." in text
    assert re.search(r"unset\s+none\s+another meaning", text)
    with zipfile.ZipFile(folder / "report.docx") as file:
        document = ElementTree.fromstring(file.read("word/document.xml"))
    styles = {style.get(f"{W}val") for style in document.iter(f"{W}pStyle")}
    assert "CitedNumber" not in styles
    said = {}
    for paragraph in document.find(f"{W}body").findall(f"{W}p"):
        words = "".join(part.text or "" for part in paragraph.iter(f"{W}t")).strip()
        shown = [part for part in paragraph.iter() if part.tag.endswith(("}drawing", "}oMath"))]
        assert words or shown
        said[id(paragraph)] = words
    # its address stands at the paragraph that follows
    body = list(document.find(f"{W}body"))
    [at] = [n for n, part in enumerate(body) if part.get(f"{W}name") == "num-known"]
    after = next(part for part in body[at:] if part.tag == f"{W}p")
    assert said[id(after)] == "It comes to 4.50."


def test_rows_of_a_short_table_of_word_stay_together(folder):
    with zipfile.ZipFile(folder / "report.docx") as file:
        document = ElementTree.fromstring(file.read("word/document.xml"))
    for table in document.iter(f"{W}tbl"):
        rows = table.findall(f"{W}tr")
        kept = [
            all(p.find(f"{W}pPr/{W}keepNext") is not None for p in row.iter(f"{W}p"))
            for row in rows
        ]
        assert kept == [True] * (len(rows) - 1) + [False]


def test_no_word_is_hyphenated_in_a_table_of_the_pdf(pages):
    text = " ".join(page.extract_text() for page in pages)
    tables = text[text.index("Table of narrow") : text.index("printedprinted")]
    for word in ("Helpers", "Qualification", "Determination", "Characteristic", "administrative",
                 "−1,234,568"):  # fmt: skip
        assert word in tables, word
    assert tables.count("uncharacteristic") == 27
    assert "\u00ad" not in tables
    assert not re.search(r"[a-z]-\n", tables)


def test_no_formula_runs_off_the_page(pages):
    right = []

    def seen(text, page, line, _font, _size):
        if text.strip():
            right.append(line[4] * page[0] + line[5] * page[2] + page[4])

    for page in pages:
        page.extract_text(visitor_text=seen)
    margin = 27 / 25.4 * 72
    assert max(right) < float(pages[0].mediabox.width) - margin + 1


def test_no_word_is_longer_than_its_line(pages):
    text = "\n".join(page.extract_text() for page in pages)
    lines = text.replace("\u200b", "").splitlines()
    for word in ("printed" * 60, "way" * 60, "code" * 50):
        assert word in "".join(lines)
        part = word[:12]
        assert max(len(w) for line in lines for w in line.split() if part in w) < 110


def pieces(text):
    """Cut a text where a line may end: at spaces that break, and beside Chinese characters."""
    return [p for p in re.split(r"[ \n]+|(?<=[\u3400-\u9fff）])|(?=[（\u3400-\u9fff])", text) if p]


@pytest.mark.parametrize("face", ["DejaVuSans", "DejaVuSerif"])
def test_no_word_of_a_word_table_is_broken_in_a_wide_face(folder, face):
    with zipfile.ZipFile(folder / "report.docx") as file:
        body = ElementTree.fromstring(file.read("word/document.xml"))
        styles = ElementTree.fromstring(file.read("word/styles.xml"))
    sizes = {style.get(f"{W}styleId"): style.find(f".//{W}sz") for style in styles}
    path = Path(mpl.get_data_path(), "fonts", "ttf", f"{face}.ttf")
    tables = list(body.iter(f"{W}tbl"))
    assert len(tables) == 5  # the parameters are the last
    for table in tables:
        wide = [int(column.get(f"{W}w")) / 20 for column in table.iter(f"{W}gridCol")]
        assert sum(wide) <= _tables.LINE + 1
        assert table.find(f".//{W}tblW").get(f"{W}type") == "dxa"
        for row in table.iter(f"{W}tr"):
            assert len(list(row.iter(f"{W}tc"))) == len(wide)  # no cell here spans columns
            for room, cell in zip(wide, row.iter(f"{W}tc"), strict=True):
                [style] = {p.get(f"{W}val") for p in cell.iter(f"{W}pStyle")}
                size = int(sizes[style].get(f"{W}val")) / 2
                font = ImageFont.truetype(path, 200)
                text = "".join(part.text or "" for part in cell.iter(f"{W}t"))
                for piece in pieces(text):
                    needed = font.getlength(piece) * size / 200 + 6  # the margins of a cell
                    assert needed <= room + 0.2, (piece, size, room)


def standing(pages, words):
    """Return the page on which some words stand, and how far down."""
    found = []
    for number, page in enumerate(pages):

        def seen(text, page_of, at, *rest, number=number):
            if text.strip().startswith(words):
                _, up, _, scale, _, moved = page_of
                found.append((number, -(at[4] * up + at[5] * scale + moved)))

        page.extract_text(visitor_text=seen)
    assert len(found) == 1, (words, found)
    return found[0]


def test_a_figure_never_stands_above_the_heading_that_it_is_of(project):
    """Text of many lengths brings headings to every height of a page."""
    lengths = (1, 30, 4, 18, 9, 40, 2, 25, 13)
    cells = []
    for at, lines in enumerate(lengths):
        before, after = ("One sentence follows another here. " * n for n in (lines, 40 - lines))
        cells += [f"md: ## Part {at}x\n\n{before}", f"draw('part{at}x')", f"md: {after}\n\nEnd."]
    project.notebook("02-a", "# Many parts\n\nText.", CODE.split("\n", 3)[3], *cells)
    assert runner.run(options=runner.Options(jobs=1, formats=("pdf",))) == 0
    pages = pypdf.PdfReader(project.reports / "02-a" / "report.pdf").pages
    heads = [standing(pages, f"Part {at}x") for at in range(len(lengths))]
    figures = [standing(pages, f"Figure of part{at}x") for at in range(len(lengths))]
    assert all(head < figure for head, figure in zip(heads, figures, strict=True))
    assert figures == sorted(figures)
    # no figure is far from its text: on its page, or on the next
    assert all(f[0] - h[0] <= 1 for h, f in zip(heads, figures, strict=True))
    assert len({head[0] for head in heads}) < len(lengths)  # some pages hold two
