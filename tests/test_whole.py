"""The whole project, from a copy in an empty folder: what `make reports` promises."""

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import openpyxl
import pypdf
import pytest
from lxml import etree

from analysis import cli, export, paths
from analysis.clean.dataset import Dataset
from analysis.fields import SIMULATED_COUNTIES
from analysis.reports import calls
from tests.wording import latin, lines_of_feed, seen, values, words_in, write_pseudo_language

BRIEFS = [f"09-county-brief-{county.code}" for county in SIMULATED_COUNTIES]
# every notebook once with its defaults, and the county brief for each county
SLUGS = sorted(
    [p.stem for p in paths.notebooks().glob("*.ipynb") if not p.stem.startswith("09")] + BRIEFS
)
SIMULATED = [slug for slug in SLUGS if not slug.startswith(("01", "10"))]


# one of each kind of page; `.ci/run` compares two runs of them all
TWICE = ["01-published-figures", "05-alliance-effect", "09-county-brief-sim3"]

# `.ci/run` makes all reports as they stand; here two draw less, which no test looks at
FEWER = {
    "07-robustness": {"draws: int = 99": "draws: int = 19", "joint_draws: int = 19":
                      "joint_draws: int = 3"},
    "08-power": {"draws: int = 39": "draws: int = 19", "worlds: int = 6": "worlds: int = 1"},
}  # fmt: skip


def project_run(folder, seed, *command, code=0, **more):
    """Run a command of the project in a copy of it, with this test's own environment."""
    environment = os.environ | {
        "LIANJIAN_ROOT": str(folder),
        "PYTHONPATH": str(folder),
        "PYTHONHASHSEED": seed,
        **more,
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def make_reports(folder, **more):
    """Run the target without making a new environment for it."""
    here = f"BIN={Path(sys.prefix) / 'bin'}"
    return project_run(folder, "0", "make", "reports", here, "STAMPS=", **more)


def lianjian(folder, *arguments, **more):
    return project_run(folder, "1", sys.executable, "-m", "analysis", *arguments, **more)


def commit(folder):
    """Commit a copy, so that its pages have nothing to say of their source."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "Copy"]):
        subprocess.run(["git", "-C", folder, *command], capture_output=True, check=True)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Two copies of what is tracked: one with every report, one with some of the same data."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=paths.root(), capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("this is no git checkout, so what belongs to the project is not known")
    made = []
    for part in ("whole", "part"):
        folder = tmp_path_factory.mktemp(part)
        for name in filter(None, tracked.stdout.split("\0")):
            source = paths.root() / name
            if source.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, folder / name)
        for stem, changes in FEWER.items():
            notebook = folder / "notebooks" / f"{stem}.ipynb"
            text = notebook.read_text("utf-8")
            for whole, fewer in changes.items():
                assert text.count(f'"{whole} ') == 1, whole
                text = text.replace(f'"{whole} ', f'"{fewer} ')
            notebook.write_text(text, "utf-8")
        commit(folder)
        made.append(folder)
    make_reports(made[0], TZ="Etc/GMT+4")
    shutil.copytree(made[0] / "data", made[1] / "data", dirs_exist_ok=True)
    # on the other side of the world, in another language, each kernel from nothing
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    away = {"TZ": "Asia/Shanghai", "LC_ALL": "C", "LANG": "C", "TMPDIR": str(elsewhere)}
    lianjian(made[1], "run", "--jobs", "1", "--kernels", "plain", *TWICE, **away)
    return made


def test_every_report_and_an_index(copies):
    assert {"01-published-figures", "03-income-change", *BRIEFS} <= set(SLUGS)
    reports = copies[0] / "reports"
    assert sorted(path.name for path in reports.iterdir() if path.is_dir()) == SLUGS
    index = (reports / "index.html").read_text(encoding="utf-8")
    for slug in SLUGS:
        assert f'href="{slug}/report.html"' in index
        for file in ("report.html", "notebook.ipynb", "numbers.csv", "run.json"):
            assert (reports / slug / file).stat().st_size > 0
        assert json.loads((reports / slug / "run.json").read_text(encoding="utf-8"))


def test_two_runs_give_the_same_bytes(copies):
    for slug in TWICE:
        for file in ("report.html", "notebook.ipynb", "numbers.csv", "numbers.tex", "key.json"):
            first, second = (
                hashlib.sha256((copy / "reports" / slug / file).read_bytes()).hexdigest()
                for copy in copies
            )
            assert first == second, f"{slug}/{file}"


@pytest.mark.parametrize("stage", ["raw", "processed"])
def test_a_build_gives_the_same_bytes_under_any_hash_seed(copies, built, stage):
    """What the project itself drew and read, and what a copy did in another zone of time."""
    own, other = (root / "data" / stage / "simulated" for root in (paths.root(), copies[0]))
    names = {path.name for path in own.iterdir()}
    assert names == {path.name for path in other.iterdir()}
    told = {"raw": {"dataset.toml", "truth.csv", "planted.csv"},
            "processed": {"panel.parquet", "issues.parquet", "manifest.json"}}  # fmt: skip
    assert told[stage] <= names
    for name in sorted(names):
        assert (own / name).read_bytes() == (other / name).read_bytes(), name


def test_no_ordinary_cut_of_a_simulated_page_loses_the_mark(copies, monkeypatch, capsys):
    """Rows, titles, citations, exports and macros, each taken by itself."""
    for slug in SIMULATED:
        folder = copies[0] / "reports" / slug
        page = (folder / "report.html").read_text(encoding="utf-8")
        titles = re.findall(r"<title>(.*?)</title>|<h1>(.*?)</h1>", page)
        titles += re.findall(r'name="(?:citation_title|DC\.title)" content="([^"]*)"', page)
        assert len(titles) == 4
        assert all("simulated data" in "".join(title) for title in titles), slug
        for table in re.findall(r'<div id="tab-.*?</table>', page, re.DOTALL):
            for row in re.findall(r"<tr>.*?</tr>", table.partition("<tbody>")[2]):
                assert "模拟" in row, (slug, row)
        with (folder / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
            assert all(row["simulated"] == "yes" for row in csv.DictReader(stream))
        macros = (folder / "numbers.tex").read_text(encoding="utf-8")
        for macro in re.findall(r"^\\expandafter.*$", macros, re.MULTILINE):
            assert macro.endswith("~[simulated data]}"), (slug, macro)
    monkeypatch.setenv("LIANJIAN_ROOT", str(copies[0]))
    for form in ("text", "bibtex", "csl", "ris"):
        assert cli.main(["cite", TWICE[-1], "--format", form]) == 0
        cited = capsys.readouterr().out
        title = next(line for line in cited.splitlines() if "County brief" in line)
        assert "simulated data" in title, form
    for path in (copies[0] / "data" / "raw" / "simulated").glob("*县*"):
        assert path.name.startswith("模拟_")


SVG = {"s": "http://www.w3.org/2000/svg"}


def figures_of(page):
    """Yield the words and the drawing of each figure of a page."""
    for figure in re.findall(r'<figure id="fig-.*?</figure>', page, re.DOTALL):
        image = re.search(r"<img\b[^>]*>", figure)[0]
        drawing = base64.b64decode(re.search(r"base64,([^\"]*)", image)[1])
        yield re.search(r'alt="([^"]*)"', image)[1], etree.fromstring(drawing)


def bare_panels(drawing):
    """Name the panels of a drawing that lose the mark where they are cut out along their box."""
    for panel in drawing.xpath("//s:g[starts-with(@id, 'axes_')]", namespaces=SVG):
        box = panel.xpath("./s:g[starts-with(@id, 'patch_')][1]/s:path/@d", namespaces=SVG)[0]
        corners = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", box)]
        marks = panel.xpath("./s:g[@id='simulated']/s:g", namespaces=SVG)
        places = [re.search(r"translate\(([\d.]+) ([\d.]+)\)", m.get("transform")) for m in marks]
        opaque = [float(re.search(r"opacity: ([\d.]+)", m.get("style"))[1]) for m in marks]
        inside = [
            min(corners[::2]) <= float(place[1]) <= max(corners[::2])
            and min(corners[1::2]) <= float(place[2]) <= max(corners[1::2])
            for place in places
        ]
        if not marks or not all(inside) or min(opaque) < 0.2:
            yield panel.get("id")


def test_no_panel_and_no_words_of_a_simulated_figure_lose_the_mark(copies):
    seen = 0
    for slug in SIMULATED:
        page = (copies[0] / "reports" / slug / "report.html").read_text(encoding="utf-8")
        for words, drawing in figures_of(page):
            assert words.startswith("Simulated data. "), slug
            assert list(bare_panels(drawing)) == [], (slug, words[:80])
            seen += 1
    assert seen > 30
    page = (copies[0] / "reports/10-reported-elsewhere/report.html").read_text(encoding="utf-8")
    for words, drawing in figures_of(page):
        assert not words.startswith("Simulated")
        assert list(bare_panels(drawing)) == ["axes_1"]


@pytest.mark.parametrize("ending", ["csv", "tex", "xlsx"])
def test_no_exported_table_of_a_simulated_page_loses_the_mark(copies, ending, tmp_path):
    made_up = Dataset("x", "simulated", "X", "", "0", tmp_path)
    file = tmp_path / f"x.{ending}"
    for slug in [slug for slug in SIMULATED if not slug.startswith("09") or slug == BRIEFS[0]]:
        node = json.loads((copies[0] / "reports" / slug / "notebook.ipynb").read_text("utf-8"))
        held = node["metadata"].get(calls.FRAMES, {})
        outputs = [output for cell in node["cells"] for output in cell.get("outputs", [])]
        kept = [calls.of(output, held) for output in outputs]
        tables = [call.arguments for call in kept if call and call.verb == "table"]
        assert tables, slug
        for given in tables:
            export(given["frame"], file, given["caption"], digits=given["digits"],
                   labels=given["labels"], data=made_up)  # fmt: skip
            assert bare_rows(file, len(given["frame"])) == [], (slug, given["name"])


def bare_rows(file, count):
    """Return the rows of an exported table that do not say that they are simulated."""
    if file.suffix == ".xlsx":
        book = openpyxl.load_workbook(file)
        title, _, *rows = book.worksheets[0].iter_rows(values_only=True)
        assert "Simulated data" in title[0]
        rows = [row[-1] or "" for row in rows]
    elif file.suffix == ".csv":
        _, *rows = csv.reader(file.read_text("utf-8-sig").splitlines())
        rows = [row[-1] for row in rows]
    else:
        text = file.read_text("utf-8")
        assert "simulated data" in text.partition("caption{")[2].partition("\n")[0].lower()
        rows = [line for line in text.splitlines() if line.endswith(r"\\") and " & " in line]
        rows = rows[-count:]
    assert len(rows) == count
    return [row for row in rows if "模拟" not in row]


def test_pages_keep_to_themselves(copies):
    for slug in SLUGS:
        page = (copies[0] / "reports" / slug / "report.html").read_text(encoding="utf-8")
        # the one element of that name holds data, JSON-LD
        assert page.lower().count("<script") == 1
        assert '<script type="application/ld+json">' in page
        assert not re.search(r"""(src|@import|url\()\s*=?\s*["'(]*https?:""", page)
        assert "default-src 'none'" in page
        told = re.sub(r"base64,[\w+/=]+", "", page)  # which may hold any letters by chance
        assert str(copies[0]) not in told
        assert str(Path.home()) not in told


def test_simulated_reports_say_so_everywhere(copies):
    for slug in SLUGS:
        page = (copies[0] / "reports" / slug / "report.html").read_text(encoding="utf-8")
        simulated = slug in SIMULATED
        assert ('content="simulated"' in page) == simulated, slug
        captions = re.findall(r"<(?:fig)?caption.*?</(?:fig)?caption>", page, flags=re.DOTALL)
        published = [text for text in captions if "Table" in text or "Figure" in text]
        assert published
        for caption in published:
            assert ("模拟数据" in caption) == simulated, caption


def test_the_numbers_are_those_of_the_page(copies):
    folder = copies[0] / "reports" / "01-published-figures"
    page = (folder / "report.html").read_text(encoding="utf-8")
    with (folder / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert float(rows["least-sum-73"]["value"]) == 146.0
    assert float(rows["least-sum-82"]["value"]) == 164.0
    assert float(rows["province-gain"]["value"]) == pytest.approx(29.31 - 22.76)
    for name in rows:
        assert f'id="num-{name}"' in page


def test_a_second_build_changes_nothing_and_raw_data_stay(copies):
    folder = copies[0]
    raw = {p: p.read_bytes() for p in (folder / "data").rglob("*") if p.is_file()}
    assert lianjian(folder, "build").count("up to date") == 2
    assert all(path.read_bytes() == content for path, content in raw.items())


def test_every_notebook_runs_on_the_example_books_or_says_what_it_lacks(copies):
    folder = copies[1]
    books = [str(path) for path in sorted((folder / "data/example/books").iterdir())]
    register = str(folder / "data/example/register.csv")
    lianjian(folder, "new", "example", *books, "--register", register, "--simulated")
    lianjian(folder, "build", "example")
    said = lianjian(folder, "run", "--dataset", "example")
    made = {path.name for path in (folder / "reports").iterdir() if path.name.endswith("-example")}
    assert made == {
        "00-start-here-example", "02-data-quality-example", "03-income-change-example",
        "04-paired-villages-example", "05-alliance-effect-example",
        "06-bands-and-inequality-example", "07-robustness-example", "08-power-example",
        "09-county-brief-sim1-example",
    }, said  # fmt: skip
    page = (folder / "reports/06-bands-and-inequality-example/report.html").read_text("utf-8")
    assert "These books cannot say." in page


@pytest.fixture(scope="module")
def spoken(copies, tmp_path_factory):
    """The reports with pages in Chinese and in a language that a folder makes; no cell runs."""
    folder = tmp_path_factory.mktemp("spoken") / "whole"
    shutil.copytree(copies[0], folder)
    write_pseudo_language(folder)
    said = lianjian(folder, "run", "--language", "zh", "--language", "qps")
    assert len(re.findall(r"^rendered ", said, re.MULTILINE)) == len(SLUGS), said
    return folder / "reports"


FIRST_FIGURE = """() => {
    const drawn = [...document.querySelectorAll("main figure img")]
        .find(one => one.getClientRects().length);
    return drawn ? drawn.getBoundingClientRect().bottom : null;
}"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (375, 812)])
def test_question_answer_and_figure_stand_on_the_first_screen(spoken, browser, width, height):
    page, below = browser.new_page(viewport={"width": width, "height": height}), {}
    for slug, end in product(SLUGS, ("", ".zh")):
        page.goto((spoken / slug / f"report{end}.html").as_uri())
        page.evaluate("document.fonts.ready")
        bottom = page.evaluate(FIRST_FIGURE)
        if bottom is None or bottom > height:
            below[slug + end] = bottom
    page.close()
    assert below == {}


PAGES = ["index", *(f"{slug}/report" for slug in SLUGS)]


def test_no_word_of_the_whole_plan_stays_english(spoken):
    """Names, ids, files and works cited aside: each page, its figures, the index, the feed."""
    words = {page: latin((spoken / f"{page}.qps.html").read_text("utf-8")) for page in PAGES}
    assert {page: left for page, left in words.items() if left} == {}
    assert words_in(lines_of_feed(spoken / "feed.qps.xml")) == []
    for page in PAGES:  # what looks for words finds them
        assert len(latin((spoken / f"{page}.html").read_text("utf-8"))) > 50, page
    assert len(words_in(lines_of_feed(spoken / "feed.xml"))) > 100


def test_no_markup_is_left_on_a_page(spoken):
    for page, end in product(PAGES, ("", ".zh")):
        text = (spoken / f"{page}{end}.html").read_text("utf-8")
        body = re.sub(r"<(pre|code)\b.*?</\1>", " ", text[text.index("<main") :], flags=re.DOTALL)
        assert re.findall(r".{9}(?:\]\(|\*\*|\[@|`).{9}", seen(body)) == [], page + end


def test_no_report_counts_a_text_that_is_not_translated(spoken):
    for slug in SLUGS:
        record = json.loads((spoken / slug / "run.json").read_text("utf-8"))
        left = {code: page["english"] for code, page in record["pages"].items()}
        assert left == {"zh": [], "qps": []}, slug


def test_every_number_of_the_plan_is_on_its_pages_in_chinese(spoken):
    """A number may say its value in other words: 182 million is 1.82亿."""
    count = 0
    for page in PAGES:
        there, here = (
            values(seen(text[text.index("<main") : text.rindex("</main>")]))
            for end in ("", ".zh")
            for text in [(spoken / f"{page}{end}.html").read_text("utf-8")]
        )
        assert there - here == set(), page
        count += len(there)
    assert count > 3000


def test_a_county_brief_prints_on_two_pages_in_either_language(spoken):
    lianjian(spoken.parent, "render", "--pdf", "09-county-brief-sim3")
    for file in ("report.pdf", "report.zh.pdf"):
        made = pypdf.PdfReader(spoken / "09-county-brief-sim3" / file)
        assert len(made.pages) == 2, file


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_sample_in_the_readme_is_what_the_report_says(copies, name):
    page = (copies[0] / "reports" / "05-alliance-effect" / "report.html").read_text("utf-8")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL)
    shown = "|".join(re.sub(r"<[^>]+>", "", cell).strip() for cell in cells)
    readme = (paths.root() / name).read_text("utf-8")
    rows = re.findall(r"\| (−?\d+\.\d\d) \| (−?\d+\.\d\d)(?: to |至)(−?\d+\.\d\d) \|", readme)
    assert len(rows) == 4
    for estimate, low, high in rows:
        # its standard error stands between
        assert re.search(rf"{estimate}\|\d\.\d\d\|{low}\|{high}", shown), estimate
    with (copies[0] / "reports" / "05-alliance-effect" / "numbers.csv").open(
        encoding="utf-8-sig"
    ) as stream:
        [truth] = [row for row in csv.DictReader(stream) if row["name"] == "truth-operating"]
    assert f"{float(truth['value']):.2f}万元" in readme.replace(" 万元", "万元")
