"""A report as PDF and for Word: what it holds, what it claims, and that it never changes."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

import pypdf
import pytest

from analysis import cli
from analysis.errors import LianjianError
from analysis.reports.documents import documents
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
    assert len(tables) == 4  # the gains, the parameters, the sources, the corrections
    assert all(list(elements(table, "/TH")) for table in tables)
    headings = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert headings == ["To read", "Parameters", "Data used"]
    assert len(tags(pdf, "/H1")) + len(tags(pdf, "/H2")) == 4


def test_the_notebook_and_the_numbers_go_with_the_pdf(pdf, folders):
    root = pdf.trailer["/Root"]
    associated = [file.get_object() for file in root["/AF"]]
    relations = {file["/UF"]: file["/AFRelationship"] for file in associated}
    assert relations == {"notebook.ipynb": "/Source", "numbers.csv": "/Data"}
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
                 "printed by a cell", "the dataset", "中巷村委会", "How to cite", run["run_id"],
                 "01-trial"):  # fmt: skip
        assert part in text, part
    assert "import pandas" not in text  # the code is in the notebook that goes with it
    assert "ab" * 32 in text.replace(" ", "")  # the hash of a source
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
    assert document.count("<w:tblHeader") >= 3
    header = "".join(text for name, text in found.items() if "header" in name)
    assert "模拟数据" in header
    assert "run " in "".join(text for name, text in found.items() if "footer" in name)
    assert 'w:eastAsia="SimSun"' in found["word/styles.xml"]
    assert "imulated" not in "".join(parts(folders["ledger"]).values()).replace(
        'w:styleId="Simulated"', "").replace('w:name w:val="Simulated"', "")  # fmt: skip


def test_the_same_report_gives_the_same_bytes(folders):
    folder = folders["simulated"]
    names = documents.FORMATS.values()
    before = {name: (folder / name).read_bytes() for name in names}
    for seed, zone in (("1", "Asia/Shanghai"), ("2", "America/New_York")):
        environment = os.environ | {
            "LIANJIAN_ROOT": str(folder.parent.parent), "PYTHONHASHSEED": seed, "TZ": zone,
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


def test_a_character_without_a_glyph_is_named_with_its_place(folders, tmp_path):
    for name in ("report.html", "notebook.ipynb", "numbers.csv", "run.json"):
        content = (folders["simulated"] / name).read_bytes()
        smiling = content.replace(b"printed by", "printed \U0001f600 by".encode())
        (tmp_path / name).write_bytes(smiling)
    record = json.loads((tmp_path / "run.json").read_text())
    with pytest.raises(LianjianError) as raised:
        documents.write(tmp_path, record, ["pdf"])
    said = str(raised.value)
    assert "U+1F600" in said
    assert "printed \U0001f600 by a cell" in said
    assert "corrections.csv" in said
    assert not (tmp_path / "report.pdf").exists()


def test_what_cannot_be_written_is_said(folders, tmp_path, monkeypatch, capsys):
    record = json.loads((folders["simulated"] / "run.json").read_text())
    with pytest.raises(LianjianError, match=r"lianjian run 01-trial"):
        documents.write(tmp_path, record, ["pdf"])
    page = (folders["simulated"] / "report.html").read_text()
    (tmp_path / "report.html").write_text(re.sub(r'src="data:[^"]*"', 'src="/etc/hostname"', page))
    with pytest.raises(LianjianError, match="an image that is not its own"):
        documents.write(tmp_path, record, ["docx"])
    with pytest.raises(LianjianError, match=r"Unknown formats \['odt'\]"):
        documents.write(tmp_path, record, ["odt"])
    monkeypatch.setenv("LIANJIAN_ROOT", str(folders["simulated"].parent.parent))
    assert cli.main(["render", "01-trail"]) == 2
    assert "Did you mean '01-trial'?" in capsys.readouterr().err
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    assert cli.main(["render", "--pdf"]) == 2
    assert "make reports" in capsys.readouterr().err


def test_a_run_checks_for_the_extra_before_it_starts(project, monkeypatch):
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    with pytest.raises(LianjianError, match="typst, pypandoc"):
        runner.run(options=runner.Options(formats=("pdf",)))


def test_a_wide_picture_and_a_tall_one_stay_on_their_page():
    drawn = '<svg xmlns="x" width="{}pt" height="{}pt" viewBox="0 0 1 1">'
    assert documents.share(drawn.format(527, 300).encode()) == 100
    assert documents.share(drawn.format(300, 900).encode()) < 45
    assert documents.share(b"\x89PNG") == 100


def test_pictures_in_word_are_drawn_and_sized(folders):
    with zipfile.ZipFile(folders["simulated"] / "report.docx") as file:
        media = [name for name in file.namelist() if name.startswith("word/media/")]
        assert len(media) == 1
        assert file.read(media[0]).startswith(b"\x89PNG")
        extent = re.search(r'<wp:extent cx="(\d+)"', file.read("word/document.xml").decode())
    assert 0 < int(extent[1]) <= 16.01 * 360_000
