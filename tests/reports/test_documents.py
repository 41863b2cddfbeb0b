"""A report as PDF and for Word: what it holds, what it claims, and that it never changes."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pypdf
import pytest

from analysis import cli, paths
from analysis.errors import LianjianError
from analysis.reports import documents, finished
from analysis.reports.documents import _document, _tables
from analysis.reports.page import publish
from analysis.reports.run import runner

ALT = "A line that rises from 3 to 4"
TYPST = r'#panic("x") $x$ *a* @ref <tab-x> \ "quoted" [x] // y'
"""Text that is markup, or a comment, to typst."""

CELL = f"""
import pandas as pd
from matplotlib.figure import Figure
import analysis
from analysis.reports import record, show, table
data = analysis.load(dataset)
figure = Figure(figsize=(3, 2))
figure.subplots().plot([1, 2], [3, 4])
show(figure, "line", "A line 村", alt={ALT!r})
frame = pd.DataFrame({{"place": [{TYPST!r}, "甲村"], "gain": [1.5, -2.0]}})
table(frame, "gains", "Gains")
record("gain", 1.5, label="Mean gain", unit="万元", low=1.0, high=2.0, n=82)
print("printed by a cell")
"""
PARAMETERS = 'dataset: str = "trial"  # the dataset'


def make(project, kind, formats=("pdf", "docx")):
    project.dataset(kind)
    project.notebook(
        "01-trial", "# A *trial*\n\nWhat is it?", CELL,
        f"md: ## To read\n\nAs [](#fig-line) and [](#tab-gains) show, [](#num-gain). `{TYPST}`",
        parameters=PARAMETERS,
    )  # fmt: skip
    assert runner.run(options=runner.Options(jobs=1, formats=formats)) == 0
    return project.reports / "01-trial"


@pytest.fixture(scope="module")
def folders(make_project, tmp_path_factory):
    """Two reports, of simulated and of real data, in every format."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("simulated", "ledger"):
            root = tmp_path_factory.mktemp(kind)
            patch.setenv("LIANJIAN_ROOT", str(root))
            made[kind] = make(make_project(root), kind)
    return made


@pytest.fixture(scope="module")
def pdf(folders):
    return pypdf.PdfReader(folders["simulated"] / "report.pdf")


def text_of(reader):
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def elements(node, wanted):
    """Yield the elements of a kind from the tree of tags."""
    node = node.get_object()
    if not isinstance(node, dict):
        return
    if node.get("/S") == wanted:
        yield node
    children = node.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        yield from elements(child, wanted)


def tags(pdf, wanted):
    return list(elements(pdf.trailer["/Root"]["/StructTreeRoot"], wanted))


def test_the_pdf_claims_what_it_is(pdf):
    root = pdf.trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    for claim in ("<pdfaid:part>3<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"):
        assert claim in xmp
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata.title == "A trial (simulated data)"
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    for page in pdf.pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & inner.keys(), "a font is not embedded"


def test_every_part_has_its_tag(pdf):
    assert [figure["/Alt"] for figure in tags(pdf, "/Figure")] == [ALT]
    assert len(tags(pdf, "/Caption")) == 2
    tables = tags(pdf, "/Table")
    assert len(tables) == 2  # the gains, the parameters
    assert all(list(elements(table, "/TH")) for table in tables)
    headings = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert headings == ["To read", "Parameters", "Data used"]
    assert len(tags(pdf, "/H1")) == 3


def test_the_notebook_and_the_numbers_go_with_the_pdf(pdf, folders):
    root = pdf.trailer["/Root"]
    associated = [file.get_object() for file in root["/AF"]]
    relations = {file["/UF"]: file["/AFRelationship"] for file in associated}
    assert relations == {
        "notebook.ipynb": "/Source",
        "numbers.csv": "/Data",
        "provenance.txt": "/Supplement",
    }
    for name, contents in pdf.attachments.items():
        assert contents == [(folders["simulated"] / name).read_bytes()]
    run = json.loads((folders["simulated"] / "run.json").read_text())["run_id"]
    digest = hashlib.sha256(pdf.attachments["notebook.ipynb"][0]).hexdigest()
    assert digest.startswith(run)


def test_the_pdf_says_what_the_page_says(pdf, folders):
    run = json.loads((folders["simulated"] / "run.json").read_text())
    text = text_of(pdf)
    for part in ("A trial", "What is it?", "Figure 1 A line 村", "Table 1 Gains", "甲村", "−2.00",
                 "As Figure 1 and Table 1 show, 1.50 万元", "Mean gain", "1.00 to 2.00, n = 82",
                 "printed by a cell", "the dataset", "provenance.txt", "Cite as:", run["run_id"],
                 "01-trial"):  # fmt: skip
        assert part in text, part
    assert "import pandas" not in text  # the code is in the notebook that goes with it
    assert "ab" * 32 not in re.sub(r"[\s\u200b]", "", text)
    provenance = (folders["simulated"] / "provenance.txt").read_text("utf-8")
    assert "SHA-256   " + "ab" * 32 in provenance  # the hash of a source
    assert "should say  中巷村委会" in provenance
    assert "#panic" in text
    assert "// y" in text
    places = [text.index(part) for part in ("Table 1 Gains", "甲村")]
    assert places == sorted(places), "a table's caption stands above it"


def test_simulated_pages_are_marked_and_real_ones_are_not(pdf, folders):
    assert len(pdf.pages) > 1
    for page in pdf.pages:
        assert "模拟数据" in re.sub(r"\s", "", page.extract_text())
    # in two captions, at one number, and at the head of each page after the first
    assert text_of(pdf).count("Simulated data 模拟数据") == 3 + len(pdf.pages) - 1
    real = text_of(pypdf.PdfReader(folders["ledger"] / "report.pdf"))
    assert "imulated" not in real
    assert "模拟" not in real
    # which says instead what it is, beside its warning and at the head of each page after it
    assert re.sub(r"\s", "", real).count("内部资料") >= 2


def test_a_mixed_report_is_not_called_invented(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("LIANJIAN_ROOT", str(folders["simulated"].parent.parent))
    folder = tmp_path / "01-trial"
    shutil.copytree(folders["simulated"], folder)
    record = json.loads((folder / "run.json").read_text())
    _document.write(folder, {**record, "kind": "mixed"}, ("pdf", "docx"))
    pdf = pypdf.PdfReader(folder / "report.pdf")
    assert pdf.metadata.title == "A trial (includes simulated data)"
    document = parts(folder)["word/document.xml"]
    for text in (text_of(pdf), re.sub(r"<[^>]+>", "", document)):
        assert "what is not marked stands on other data" in text
        assert "Nothing here is a finding" not in text


def parts(folder):
    with zipfile.ZipFile(folder / "report.docx") as file:
        return {name: file.read(name).decode() for name in file.namelist() if "media" not in name}


def test_the_word_file_holds_the_same(folders):
    found = parts(folders["simulated"])
    document = found["word/document.xml"]
    plain = re.sub(r"<[^>]+>", "", re.sub(r"</w:p>", "\n", document))
    for part in ("A trial", "Table 1 Gains", "−2.00", "Mean gain", "1.50 万元", "printed by a cell",
                 "How to cite", "Figure 1", "#panic(", "模拟数据"):  # fmt: skip
        assert part in plain, part
    assert "import pandas" not in plain
    assert ALT in document
    assert document.count("<w:tblHeader") == 2
    assert document.count("<w:tr>") == document.count("<w:cantSplit/>") > 4
    header = "".join(text for name, text in found.items() if "header" in name)
    assert "模拟数据" in header
    assert "run " in "".join(text for name, text in found.items() if "footer" in name)
    assert 'w:eastAsia="SimSun"' in found["word/styles.xml"]
    assert "{" not in header
    real = "".join(parts(folders["ledger"]).values())
    for style in (
        'w:styleId="Simulated"',
        'w:name w:val="Simulated"',
        'w:rStyle w:val="Simulated"',
    ):
        real = real.replace(style, "")
    assert "imulated" not in real
    assert "模拟" not in real


@pytest.mark.parametrize(
    ("kind", "behind"), [("simulated", "simulated data"), ("ledger", "internal")]
)
def test_the_title_that_a_folder_shows_says_the_kind_of_data(folders, kind, behind):
    title = f"A trial ({behind})"
    assert pypdf.PdfReader(folders[kind] / "report.pdf").metadata.title == title
    with zipfile.ZipFile(folders[kind] / "report.docx") as word:
        core = word.read("docProps/core.xml").decode()
    assert re.findall("<dc:title>(.*?)</dc:title>", core) == [title]


def test_the_same_report_gives_the_same_bytes(folders):
    folder = folders["simulated"]
    names = [name for form, name in documents.FORMATS.items() if form != "figures"]
    before = {name: (folder / name).read_bytes() for name in names}
    environment = os.environ | {
        "LIANJIAN_ROOT": str(folder.parent.parent), "PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai",
        "LC_ALL": "C",
    }  # fmt: skip
    command = [sys.executable, "-m", "analysis", "render", "01-trial", "--pdf", "--docx"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert {name: (folder / name).read_bytes() for name in names} == before


def test_the_index_links_what_was_rendered(folders, monkeypatch):
    reports = folders["simulated"].parent
    monkeypatch.setenv("LIANJIAN_ROOT", str(reports.parent))
    (folders["simulated"] / "report.docx").unlink()
    documents.render(["01-trial"], ["docx"])
    assert 'href="01-trial/report.docx"' in (reports / "index.html").read_text()


def spoiled(folder, into, change):
    """Copy a report, with its notebook changed."""
    shutil.copytree(folder, into)
    notebook = into / "notebook.ipynb"
    notebook.write_text(change(notebook.read_text("utf-8")), "utf-8")
    return json.loads((into / "run.json").read_text("utf-8"))


def test_a_character_without_a_glyph_is_named_with_its_place(folders, tmp_path):
    folder = tmp_path / "x"
    smile = "\U0001f600"
    record = spoiled(
        folders["simulated"], folder, lambda text: text.replace("by a cell\\n", f"{smile} by\\n")
    )
    (folder / "report.pdf").unlink()
    with pytest.raises(LianjianError) as raised:
        documents.write(folder, record, ["pdf"])
    said = str(raised.value)
    assert "U+1F600" in said
    assert f"after “the beginning”, in “printed {smile} by”" in said
    assert "corrections.csv" in said
    assert not (folder / "report.pdf").exists()


def test_what_cannot_be_written_is_said(folders, tmp_path, monkeypatch, capsys):
    record = json.loads((folders["simulated"] / "run.json").read_text())
    with pytest.raises(LianjianError, match=r"lianjian run 01-trial"):
        documents.write(tmp_path, record, ["pdf"])
    with pytest.raises(LianjianError, match=r"Unknown formats \['odt'\]"):
        documents.write(tmp_path, record, ["odt"])
    monkeypatch.setenv("LIANJIAN_ROOT", str(folders["simulated"].parent.parent))
    assert cli.main(["render", "01-trail"]) != 0
    assert "Did you mean 01-trial?" in capsys.readouterr().err
    monkeypatch.setattr(_document, "find_spec", lambda _: None)
    assert cli.main(["render", "--pdf"]) != 0
    assert "make pdf" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["report.html", "notebook.ipynb", "numbers.csv", "run.json"])
def test_a_report_that_was_changed_is_not_rendered(folders, tmp_path, monkeypatch, name):
    root = tmp_path / "copy"
    shutil.copytree(folders["ledger"].parent.parent, root)
    monkeypatch.setenv("LIANJIAN_ROOT", str(root))
    folder = root / "reports" / "01-trial"
    path = folder / name
    path.write_text(path.read_text("utf-8").replace("Mean gain", "Mean pain"), "utf-8")
    before = (folder / "report.pdf").read_bytes()
    with pytest.raises(LianjianError, match=r"not what the run wrote.*lianjian run 01-trial"):
        documents.render(["01-trial"], ["pdf"])
    assert (folder / "report.pdf").read_bytes() == before


def test_a_rendered_document_is_a_product_of_the_report(folders, monkeypatch):
    folder = folders["ledger"]
    monkeypatch.setenv("LIANJIAN_ROOT", str(folder.parent.parent))
    for name in ("report.pdf", "provenance.txt"):
        (folder / name).unlink()
    documents.render(["01-trial"], ["pdf"])
    assert finished.mismatches(folder) == ()
    (folder / "report.pdf").write_bytes(b"%PDF-1.7 of another")
    assert finished.mismatches(folder) == ("report.pdf is not what the run wrote",)
    documents.render(["01-trial"], ["pdf"])
    assert finished.mismatches(folder) == ()


@pytest.mark.parametrize(
    "page",
    [
        "<iframe src='http://127.0.0.1:9/x'></iframe>",
        "<p>a</p><img src='http://127.0.0.1:9/x.png'>",
        "<p>a</p><img src='file:///etc/hostname'>",
        "<p>a</p><img src='/etc/hostname'>",
        "<object data='http://127.0.0.1:9/x'></object>",
    ],
)
def test_pandoc_is_shut_off_from_disk_and_network(folders, monkeypatch, page):
    """What a page would load is refused, and would not be reached if it were not."""
    record = json.loads((folders["ledger"] / "run.json").read_text())
    monkeypatch.setattr(publish, "for_print", lambda *_, **__: page)
    with pytest.raises(LianjianError, match=r"would load something|not its own"):
        documents.write(folders["ledger"], record, ["docx"])
    with pytest.raises(LianjianError, match=r"x\.png"):
        _document.run_pandoc(
            "--from=html", "--to=docx", "--output=-", given='<img src="http://127.0.0.1:9/x.png">'
        )


def test_a_run_checks_for_the_extra_before_it_starts(project, monkeypatch):
    project.notebook("01-trial", "# A trial")
    monkeypatch.setattr(_document, "find_spec", lambda _: None)
    with pytest.raises(LianjianError, match="typst, pypandoc"):
        runner.run(options=runner.Options(formats=("pdf",)))


def test_a_wide_picture_and_a_tall_one_stay_on_their_page():
    drawn = '<svg xmlns="x" width="{}pt" height="{}pt" viewBox="0 0 1 1">'
    assert _document.share(drawn.format(527, 300).encode()) == 80
    assert _document.share(drawn.format(300, 900).encode()) < 45
    turned = '<svg xmlns="x" height="900pt" width="300pt" viewBox="0 0 1 1">'
    assert _document.share(turned.encode()) < 45


def cells(*texts):
    attributes = ["", [], []]
    return [
        [attributes, "AlignDefault", 1, 1, [{"t": "Plain", "c": words(text)}]] for text in texts
    ]


def words(text):
    parts = [({"t": "Str", "c": word}, {"t": "Space"}) for word in text.split()]
    return [part for pair in parts for part in pair][:-1]


def test_no_column_is_narrower_than_its_longest_word():
    rows = [
        cells("Village", "Operating income", "Note"),
        cells("中巷村委会", "−1,234,567.89", "a sentence that is much longer than the line " * 4),
        cells("published_figures.csv", "0.1", "short"),
    ]
    fit = _tables.measured(rows, 3)
    assert sum(fit.shares) <= 1.001
    needed = ("published_figures.csv", "−1,234,567.89", "sentence")
    for share, word in zip(fit.shares, needed, strict=True):
        assert share * _tables.LINE > _tables.width(word, fit.size)


def test_a_table_with_many_columns_is_set_smaller():
    row = cells(*["1,234,567.89"] * 8)
    fit = _tables.measured([row], 8)
    assert fit.size < 8.5
    assert all(s * _tables.LINE > _tables.width("1,234,567.89", fit.size) for s in fit.shares)
    assert _tables.measured([cells("a", "b")], 2).size == 8.5


def test_a_mark_stays_on_the_line_of_the_word_before_it():
    named, plain = cells("all weak 2018"), cells("as all weak are")
    mark = {"t": "Span", "c": [["", ["small"], []], [{"t": "Str", "c": "模拟"}]]}
    named[0][4][0]["c"] += [{"t": "Space"}, mark]
    others = cells(*["a sentence that is much longer than what it says"] * 6)
    rows = [[["", [], []], [*row, *others]] for row in (named, plain)]
    spec = [{"t": "AlignDefault"}, {"t": "ColWidthDefault"}]
    columns = [[*spec] for _ in range(7)]
    parts = [["", [], []], [None, []], columns, [["", [], []], []]]
    table = {"t": "Table", "c": [*parts, [[["", [], []], 0, [], rows]], [["", [], []], []]]}
    [made] = _tables.fitted({"blocks": [table]})["blocks"]
    cell = made["c"][4][0][3][0][1][0]
    assert _tables.stringified(cell[4]).strip() == "all weak 2018\u00a0模拟"
    size = float(dict(made["c"][0][2])["size"])
    assert made["c"][2][0][1]["c"] * _tables.LINE >= _tables.width("2018\u00a0模拟", size)


def test_a_cell_that_spans_rows_or_columns_holds_its_place():
    high, wide = cells("a village of long name")[0], cells("1,234,567.89 1,234,567.89")[0]
    high[2], wide[3] = 2, 2
    rows = [[high, *cells("1", "2")], cells("1,234,567.89", "2"), [*cells("b"), wide]]
    placed = [(cell.at, cell.span) for cell in _tables._placed(rows, 3)]
    assert placed == [(0, 1), (1, 1), (2, 1), (1, 1), (2, 1), (0, 1), (1, 2)]


def test_the_reference_file_is_what_its_parts_make():
    spec = importlib.util.spec_from_file_location(
        "reference", paths.root() / "tools/reference_docx.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.made() == (_document.HERE / "reference.docx").read_bytes()


def test_pictures_in_word_are_drawn_and_sized(folders):
    with zipfile.ZipFile(folders["simulated"] / "report.docx") as file:
        media = [name for name in file.namelist() if name.startswith("word/media/")]
        assert len(media) == 1
        assert file.read(media[0]).startswith(b"\x89PNG")
        extent = re.search(r'<wp:extent cx="(\d+)"', file.read("word/document.xml").decode())
    assert 0 < int(extent[1]) <= 16.01 * 360_000
