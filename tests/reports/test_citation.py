"""A page is cited alike by a person, by BibTeX, CSL and RIS programs, and from its head."""

import json
import re
import subprocess
import sys

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts
from citeproc import Citation as Wanted
from citeproc import CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON

from analysis import paths
from analysis.clean.authors import Author, own_work
from analysis.errors import LianjianError
from analysis.reports import citation
from analysis.reports.cite import cite
from analysis.reports.run import runner

HARD = r"""50 % of {a_b} & "c" <d> #1 $x^2$ ~y \input{z} 丙县 村's"""
CFF = """\
cff-version: 1.2.0
title: "lianjian: a package"
authors:
  - name: "The Lianjian contributors"
date-released: 2026-11-23
keywords: [villages, income]
"""
OWN_CFF = CFF.replace(
    'name: "The Lianjian contributors"',
    'family-names: "Weber"\n    given-names: "Max"\n    name-particle: "von"',
)


@pytest.fixture
def root(project):
    (project.root / "CITATION.cff").write_text(CFF, "utf-8")
    return project.root


def dataset(kind="ledger", **more):
    return {"name": "books", "title": "Books of a county", "version": "0123456789ab", "kind": kind,
            **more}  # fmt: skip


def page(*datasets, title="A brief", simulated=False, **parameters):
    return citation.of_page(
        slug="09-brief", title=title, abstract="What is it?", run_id="d282083df9e3",
        code="ab" * 20, parameters=parameters, datasets=datasets, simulated=simulated,
    )  # fmt: skip


def test_a_page_of_real_and_simulated_data_is_not_cited_as_simulated(root):
    cited = citation.of_page(
        slug="09-brief", title="A brief", abstract="", run_id="d282083df9e3", code="ab" * 20,
        parameters={}, datasets=[dataset("ledger"), dataset("simulated")],
        simulated=True, mixed=True,
    )  # fmt: skip
    text = citation.text(cited)
    assert "A brief [includes simulated data]" in text
    assert text.endswith(". Includes simulated data.")
    assert citation.from_record(cited.record()) == cited
    assert '"creativeWorkStatus": "Includes simulated data"' in citation.json_ld(cited)


def test_a_page_on_project_data_is_the_projects_work(root):
    cited = page(dataset("simulated"), simulated=True, county="sim3")
    assert citation.text(cited) == (
        "The Lianjian contributors (2026). A brief [simulated data]. Report d282083df9e3. "
        "Made with Lianjian 0.1.0 (code abababababab), "
        "from Books of a county (books, version 0123456789ab). "
        "Parameters: county = sim3. Simulated data."
    )


def test_a_page_on_own_ledgers_is_its_authors_work(root):
    work = own_work(
        {"authors": ["Zhang, San", "李四",
                     {"family": "Li", "given": "Wu", "affiliation": "A house"}],
         "date": "2026-12"}, "dataset.toml",
    )  # fmt: skip
    cited = page(dataset(work=work), dataset("published"))
    assert cited.authors == (
        Author("Zhang", "San"),
        Author(name="李四"),
        Author("Li", "Wu", affiliation="A house"),
    )
    text = citation.text(cited)
    assert text.startswith(
        "San Zhang, 李四 and Wu Li (2026). A brief. Report d282083df9e3. A house."
    )
    assert "Lianjian contributors" not in text


def test_without_a_name_a_page_stands_under_its_title(root):
    cited = page(dataset())
    assert citation.text(cited).startswith("A brief (n.d.). Report d282083df9e3. Made with")
    assert citation.bibtex(cited).startswith("@misc{")
    assert "[" not in citation.text(cited)


def test_a_citation_file_made_ones_own_names_the_authors(root):
    (root / "CITATION.cff").write_text(OWN_CFF, "utf-8")
    assert page(dataset()).authors == (Author("von Weber", "Max"),)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"authors": "Zhang, San"}, "authors holds 'Zhang, San'"),
        ({"authors": [{"surname": "Zhang"}]}, "a table with family, given"),
        ({"authors": [""]}, "authors holds ''"),
        ({"date": "soon"}, "date is 'soon'"),
    ],
)
def test_a_card_that_names_authors_wrongly_says_how(head, message):
    with pytest.raises(LianjianError, match=message):
        own_work(head, "dataset.toml")


@pytest.mark.parametrize(
    ("content", "message"), [("title: x\n", "names no authors"), ("a: [", "cannot be read as YAML")]
)
def test_a_citation_file_with_a_fault_is_named(root, content, message):
    (root / "CITATION.cff").write_text(content, "utf-8")
    with pytest.raises(LianjianError, match=message):
        citation.of_package()


def hard():
    work = {"authors": [{"family": "O'Neil {&} Co", "given": "A_b"}, {"name": HARD}],
            "institution": HARD, "date": "2026-11-23"}  # fmt: skip
    return page(dataset(work=work), title=HARD, name=HARD)


def plain(text):
    """Drop the braces that keep capitals, and undo how TeX writes signs."""
    words = text.replace(r"\textbackslash", "\\").replace("{}", "")
    return re.sub(r"[{}\\\s]|textasciicircum|textasciitilde", "", words)


def test_bibtex_is_read_by_a_bibtex_parser(root):
    library = bibtexparser.parse_string(
        citation.bibtex(hard()),
        append_middleware=[SeparateCoAuthors(), SplitNameParts()],
    )
    assert library.failed_blocks == []
    (entry,) = library.entries
    assert entry.entry_type == "techreport"
    assert entry["year"] == "2026"
    assert entry["number"] == "d282083df9e3"
    first, second = entry["author"]
    assert [plain(part) for part in (*first.last, *first.first)] == ["O'Neil&Co", "A_b"]
    assert second.first == []  # a body is one name
    decoded = bibtexparser.parse_string(
        citation.bibtex(hard()), append_middleware=[LatexDecodingMiddleware()]
    ).entries[0]
    for word in ("50 % of", "a_b", "& ", "#1", "丙县"):
        assert word in decoded["title"], decoded["title"]


def test_csl_is_read_by_a_citation_processor(root):
    (item,) = json.loads(citation.csl(hard()))
    assert (item["type"], item["number"]) == ("report", "d282083df9e3")
    assert item["issued"] == {"date-parts": [[2026, 11, 23]]}
    assert item["title"] == HARD
    assert item["author"] == [{"family": "O'Neil {&} Co", "given": "A_b"}, {"literal": HARD}]
    simple = page(dataset("simulated"), title="A brief of Simulated County 3", simulated=True)
    written = citation.csl(simple)
    source = CiteProcJSON(json.loads(written))
    style = CitationStylesStyle("harvard-cite-them-right", validate=False)
    shelf = CitationStylesBibliography(style, source, formatter.plain)
    shelf.register(Wanted([CitationItem(simple.key)]))
    (line,) = map(str, shelf.bibliography())
    assert "The Lianjian contributors (2026) A brief of Simulated County 3 [simulated data]" in line


def test_ris_is_read_by_a_ris_parser(root):
    (entry,) = rispy.loads(citation.ris(hard()))
    assert entry["type_of_reference"] == "RPRT"
    assert entry["primary_title" if "primary_title" in entry else "title"] == HARD
    assert entry["authors"] == ["O'Neil {&} Co, A_b", HARD]
    assert entry["issn"] == "d282083df9e3"  # SN: of a report its number
    assert entry["year"] == "2026"


def test_the_page_carries_its_citation(project):
    (project.root / "CITATION.cff").write_text(CFF, "utf-8")
    project.dataset()
    project.notebook(
        "01-trial", "# A </title> & <script>", "import analysis\nanalysis.load('trial')",
        "from analysis.reports import record\nrecord('gain', 1.5, label='Gain', unit='%')",
    )  # fmt: skip
    project.plan('[[run]]\nnotebook = "01-trial"\ntitle = "A </title> & <script>"')
    assert runner.run(options=runner.Options(jobs=1)) == 0
    html = project.report("01-trial")
    head = html[: html.index("</head>")]
    for name, value in (
        ("citation_title", "A &lt;/title&gt; &amp; &lt;script&gt; [simulated data]"),
        ("citation_author", "The Lianjian contributors"),
        ("citation_publication_date", "2026/11/23"),
        ("citation_language", "en"),
        ("citation_keywords", "villages; income"),
        ("DC.type", "Report"),
    ):
        assert f'<meta name="{name}" content="{value}">' in head
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', head)[1])
    assert (data["@type"], data["name"]) == ("Report", "A </title> & <script> [simulated data]")
    assert data["isBasedOn"][0]["version"] == "0123456789ab"
    record = json.loads((project.reports / "01-trial" / "run.json").read_text("utf-8"))
    assert data["reportNumber"] == record["run_id"]
    text = cite("01-trial", "text").strip()
    assert text == citation.text(citation.from_record(record["citation"]))
    assert text.startswith(
        "The Lianjian contributors (2026). A </title> & <script> [simulated data]. Report "
    )
    assert cite("reports/01-trial/report.html#num-gain", "text").endswith(
        "Gain: 1.50% (#num-gain).\n"
    )
    with pytest.raises(LianjianError, match=r"Did you mean 01-trial[?]"):
        cite("01-trail", "text")
    with pytest.raises(LianjianError, match=r"has no #num-gian\. Did you mean num-gain[?]"):
        cite("01-trial#num-gian", "text")
    with pytest.raises(LianjianError, match=r"Did you mean bibtex[?]"):
        cite("01-trial", "bibtx")
    assert bibtexparser.parse_string(cite("", "bibtex")).entries[0]["year"] == "2026"


def test_a_failed_run_is_not_cited(project):
    folder = project.reports / "01-x.failed"
    folder.mkdir()
    (folder / "run.json").write_text("{}", "utf-8")
    with pytest.raises(LianjianError, match="Its only run failed"):
        cite("01-x", "text")


def test_citing_imports_nothing_heavy():
    heavy = "{'pandas', 'numpy', 'nbconvert', 'nbformat', 'jinja2', 'fontTools', 'yaml'}"
    command = f"import sys, analysis.reports.cite; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_package_is_described_to_archives_as_citation_cff_has_it():
    for name, write in citation.ARCHIVES.values():
        assert (paths.root() / name).read_text("utf-8") == write(), f"lianjian cite writes {name}"


def test_a_doi_goes_where_programs_look_for_it(root):
    more = OWN_CFF + "doi: 10.5281/zenodo.123\nversion: 0.1.0\nlicense: MIT\n"
    (root / "CITATION.cff").write_text(more, "utf-8")
    assert cite("", "text").endswith("https://doi.org/10.5281/zenodo.123\n")
    assert bibtexparser.parse_string(cite("", "bibtex")).entries[0]["doi"] == "10.5281/zenodo.123"
    assert json.loads(cite("", "csl"))[0]["DOI"] == "10.5281/zenodo.123"
    assert rispy.loads(cite("", "ris"))[0]["doi"] == "10.5281/zenodo.123"
    described = json.loads(cite("", "codemeta"))
    assert described["identifier"] == "https://doi.org/10.5281/zenodo.123"
    assert described["author"] == [
        {"@type": "Person", "givenName": "Max", "familyName": "von Weber"}
    ]
    record = json.loads(cite("", "zenodo"))
    assert (record["license"], record["version"]) == ("MIT", "0.1.0")
    assert record["creators"] == [{"name": "von Weber, Max"}]
    assert "(code abababababab, https://doi.org/10.5281/zenodo.123)" in page(dataset()).note
    with pytest.raises(LianjianError, match="describes the package"):
        cite("01-trial", "zenodo")
