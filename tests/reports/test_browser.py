"""Pages in a real browser: nothing runs, nothing is fetched, Chinese is drawn, phones can read."""

from itertools import pairwise, product

import pytest
from axe_playwright_python.sync_playwright import Axe

from analysis.reports.run import runner

pytestmark = pytest.mark.browser

NOTEBOOK = """
import pandas as pd
from matplotlib.figure import Figure
import analysis
from analysis.reports import record, show, table
data = analysis.load("trial")
figure = Figure(figsize=(9, 4))
figure.subplots().plot([1, 2], [3, 4])
show(figure, "line", "Mean income 经营性收入", alt="A line that rises")
table(pd.DataFrame({f"a long column {i}": ["村"] for i in range(14)}), "wide", "A wide table")
mixed = {"no": 1, "said": "at least 2 万元 a year", "place": "江苏 朱家湾村", "where": "a 村, 组"}
table(pd.DataFrame([mixed]), "mixed", "Words of two languages")
record("gain", 1.5, label="Mean gain", unit="万元")
"""
LONG = "md: ## 庆阳市 " + "averyveryverylongwordwithoutabreak" * 4
PROSE = r"""md: ## Signs
In $\hat\beta_{it}$[^1] and 村:

$$a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+r+s+t+u+v+w+x+y+z=\sum_{i=1}^{n}\frac{\text{强村}_i}{\sqrt{x}}$$

- [x] 做完了

> [!WARNING] 小心
> Look.

![gone](gone.png)

[^1]: A note.
"""
DRAWN = """
import base64, io
from IPython.display import HTML, Image, display
from matplotlib.figure import Figure
figure, buffer = Figure(figsize=(2, 1)), io.BytesIO()
figure.subplots().plot([1, 2])
figure.savefig(buffer, format="png", transparent=True)
display(Image(buffer.getvalue()), metadata={"image/png": {"alt": "Black lines"}})
address = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
display(HTML(f"<table><td><img alt='Black lines' src='{address}'></td></table>"))
"""
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><path d='M0 0L9 9'/></svg>"


@pytest.fixture(scope="module")
def published(tmp_path_factory, make_project):
    """Publish a report of simulated data and one of real data, once for all tests here."""
    root = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        (project.notebooks / "black.svg").write_text(SVG, "utf-8")
        for kind in ("simulated", "ledger"):
            project.dataset(kind)
            project.notebook(
                f"01-{kind}", "# Trial 试验", NOTEBOOK, LONG, PROSE, "print('x' * 300)", DRAWN,
                "md: ![black lines](black.svg)",
            )  # fmt: skip
            assert runner.run(only=[f"01-{kind}"]) == 0
    return project.reports


@pytest.fixture
def pages(published, browser):
    """Open pages and watch what they do."""
    troubles, opened = [], []

    def visit(address, width, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda r: r.url.startswith(("file:", "data:")) or troubles.append(r.url),
        )
        opened.append(page)
        page.goto((published / address).as_uri())
        page.evaluate("document.fonts.ready")
        return page

    yield visit
    for page in opened:
        page.close()
    assert troubles == []


def test_the_banner_stands_above_simulated_data_and_nowhere_else(pages):
    simulated = pages("01-simulated/report.html", 1440)
    banner = simulated.locator("aside.simulated")
    assert banner.is_visible()
    assert banner.bounding_box()["y"] < 10
    assert "Simulated data" in banner.inner_text()
    real = pages("01-ledger/report.html", 1440)
    assert real.locator("aside.simulated").count() == 0
    assert "imulated" not in real.locator("body").inner_text()


def test_chinese_is_drawn_with_the_font_inside_the_page(pages):
    page = pages("01-simulated/report.html", 1440)
    assert page.evaluate("document.fonts.check('16px \"Lianjian Serif\"', '庆阳')")
    states = page.evaluate("[...document.fonts].map(f => f.status)")
    assert states == ["loaded"] * 5  # formulas have their own
    width = page.evaluate(
        """() => { const c = document.createElement('canvas').getContext('2d');
        c.font = '100px "Lianjian Serif"'; return c.measureText('庆').width }"""
    )
    assert round(width) == 100  # the full width of a character, not of a missing one


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("address", ["01-simulated/report.html", "index.html"])
def test_nothing_runs_over_the_edge(pages, address, width):
    page = pages(address, width, "dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_card_on_a_phone_says_each_cell_in_one_run(pages):
    page = pages("01-simulated/report.html", 375)
    cells = page.locator("#tab-mixed td[data-label]")
    assert cells.count() == 4
    assert cells.locator("[lang]").count() >= 3
    gaps = cells.evaluate_all(
        """all => all.map(cell => {
            const words = document.createRange();
            words.selectNodeContents(cell);
            const boxes = [...words.getClientRects()].sort((a, b) => a.left - b.left);
            return Math.max(0, ...boxes.slice(1).map((box, i) => box.left - boxes[i].right))
        })"""
    )
    assert max(gaps) < 8  # a space
    heads = cells.evaluate_all("all => all.map(cell => getComputedStyle(cell, '::before').content)")
    assert heads == ['"no"', '"said"', '"Place"', '"where"']


@pytest.mark.parametrize(
    "address", ["01-simulated/report.html", "01-ledger/report.html", "index.html"]
)
def test_nothing_keeps_readers_out(pages, address):
    page = pages(address, 375)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for width, scheme in product((375, 1440), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        seen = "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]"
        assert page.evaluate(seen) == [width, scheme == "dark"]
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], (width, scheme)


def test_addresses_and_structure_hold(pages):
    page = pages("01-simulated/report.html", 1440)
    targets = page.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')]
           .filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.href)"""
    )
    assert targets == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("[...document.images].every(i => i.alt && i.naturalWidth > 0)")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("script").count() == 1
    assert page.locator('script[type="application/ld+json"]').count() == 1


def test_a_picture_of_black_lines_stands_on_white_in_the_dark(pages):
    page = pages("01-simulated/report.html", 1280, "dark")
    grounds = page.evaluate(
        "[...document.querySelectorAll('main img')].filter(i => !i.closest('.lj-figure'))"
        ".map(i => getComputedStyle(i).backgroundColor)"
    )
    assert grounds == ["rgb(255, 255, 255)"] * 3
