"""Hostile text is inert through every door: page, index, ledger, file names, citations."""

import csv
import io
import json
import sys
import unicodedata

import bibtexparser
import pytest

from analysis.reports import citation, numbers
from analysis.reports.page import _sanitise, index
from analysis.reports.plan import plan
from analysis.reports.plan.plan import _report_name
from analysis.reports.run import runner
from analysis.reports.run.runner import Options
from analysis.reports.text import is_slug, slug, typeset
from analysis.terminal import visible
from tests.reports.payloads import PAYLOADS

TEXTS = list(PAYLOADS.values())
# controls, directions and what takes no room, by Unicode's categories; ends of lines and tabs stay
HIDDEN = {
    sign
    for sign in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"}
} - {"\n", "\t"}
NUL = "\x00"  # Python takes none in its source
KEPT = ("script", "iframe", "object", "embed", "form", "input", "base", "link", "meta", "svg",
        "template", "noscript", "style", "video", "audio", "frame")  # fmt: skip

NOTEBOOK = """
import json
import sys
import pandas as pd
from matplotlib.figure import Figure
from IPython.display import HTML, Latex, Markdown, display
import analysis
from analysis.reports import record, show, table
texts = json.loads({texts!r})
read = [globals()[f"p{{number}}"] for number in range(len(texts))]
for number, text in enumerate(texts):
    analysis.load(f"trial-{{number}}")
for number, text in enumerate(texts):
    figure = Figure(figsize=(1, 1))
    show(figure, f"f{{number}}", text, alt=text)
    table(pd.DataFrame({{text: [text]}}, index=pd.Index([text], name=text)), f"t{{number}}", text)
    record(f"n{{number}}", 1, label=text, unit=text[:20])
"""
OUTPUTS = """
for text in texts:
    display(Markdown(text))
    display(HTML(text))
    display(Latex(text))
    display(pd.DataFrame({text: [text]}))
    print(text)
    display({"text/plain": text}, raw=True)
"""


def looks(text):
    """Return a text without the spaces that a browser may fold."""
    return "".join(visible(text).split())


@pytest.fixture(scope="module")
def struck(tmp_path_factory, make_project):
    """Publish one report and one index that hold every payload at every place."""
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        for number, text in enumerate(TEXTS):
            _dataset(project, f"trial-{number}", text)
        parameters = "\n".join(
            f"p{number}: str = {text!r}  # {' '.join(text.replace(NUL, '').split())}"
            for number, text in enumerate(TEXTS)
        )
        project.notebook(
            "01-hostile", "# T", NOTEBOOK.format(texts=json.dumps(TEXTS)), OUTPUTS,
            parameters=parameters,
        )  # fmt: skip
        project.notebook("02-fails", "# F", f"raise ValueError({TEXTS[0] + TEXTS[3]!r})")
        everything = " ".join(t for t in TEXTS if "\n" not in t)
        shown = json.dumps(title(everything), ensure_ascii=False)
        project.plan(f'[[run]]\nnotebook = "01-hostile"\ntitle = {shown}')
        before = {p for p in root.rglob("*") if p.is_file()}
        code = runner.run(options=Options(jobs=2))
        assert code == 1  # the one that fails
        _records(project)
        (project.reports / "index.html").write_text(index.render(project.reports), "utf-8")
        made = {p for p in root.rglob("*") if p.is_file()} - before
        assert all(project.reports in p.parents for p in made)
    return project.reports


def title(text):
    """Escape nothing but words in braces; leave out what the plan takes in no title."""
    kept = (sign for sign in text if unicodedata.category(sign) not in plan._CONTROLS)
    return "".join(kept).replace("{", "(").replace("}", ")")


def _dataset(project, name, text):
    source = {"file": text, "title": text, "producer": text, "licence": text, "sha256": text}
    row = dict.fromkeys(("id", "file", "field", "says", "should_say", "decision", "reason"), text)
    content = {"name": name, "kind": "ledger", "title": text, "version": text, "description": text,
               "sources": [source], "corrections": [row], "issues": 3, "parameters": {},
               "realised": {}, "rows": {},
               "work": {"authors": [{"name": text}], "institution": text, "date": ""}}  # fmt: skip
    folder = project.root / "data" / "processed" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(content), "utf-8")


def _records(project):
    """Write the records that runs with hostile titles, numbers and errors would leave."""
    for number, text in enumerate(TEXTS):
        label = {"name": "gain", "label": text, "text": text, "anchor": "num-gain"}
        record = {
            "slug": f"03-x-{number}", "notebook": "03-x.ipynb", "title": text, "heading": text,
            "summary": text, "parameters": {"county": text, text: text}, "kind": "ledger",
            "numbers": [label], "figures": 1, "tables": 1, "seconds": 1.0, "started": "2026-01-01",
            "result": "ok", "checks": [{"name": text, "state": "failed"}],
        }  # fmt: skip
        bad = {**record, "slug": f"04-y-{number}", "notebook": "04-y.ipynb", "result": "failed",
               "error": text}  # fmt: skip
        for content, ending in ((record, ""), (bad, ".failed")):
            folder = project.reports / f"{content['slug']}{ending}"
            folder.mkdir()
            (folder / "run.json").write_text(json.dumps(content), "utf-8")


@pytest.fixture
def opened(struck, browser):
    """Open a page, see that nothing but the page itself happens, and give it."""
    happened = []

    def visit(address):
        context = browser.new_context()
        page = context.new_page()
        for event in ("console", "pageerror", "dialog", "download", "popup", "websocket"):
            page.on(event, lambda what, event=event: happened.append((event, str(what))))
        page.on("request", lambda r: _own(r.url, page) or happened.append(("request", r.url)))
        page.on("framenavigated", lambda f: happened.append(("navigated", f.url)) if f.parent_frame
                else None)  # fmt: skip
        target = (struck / address).as_uri()
        page.goto(target)
        page.evaluate("document.fonts.ready")
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.mouse.move(400, 400)
        page.keyboard.press("Tab")
        page.wait_for_timeout(300)
        assert page.url.split("#")[0] == target
        assert page.evaluate("window.struck") is None
        return page

    yield visit
    assert happened == []


def _own(url, page):
    return url.startswith("data:") or url.split("#")[0] == page.url.split("#")[0] or (
        page.url == "about:blank" and url.startswith("file:")
    )  # fmt: skip


def test_there_are_enough_payloads():
    assert len(set(TEXTS)) >= 30


@pytest.mark.browser
@pytest.mark.parametrize("address", ["01-hostile/report.html", "index.html"])
def test_nothing_runs_loads_navigates_or_hides(opened, address):
    page = opened(address)
    body = page.locator("body")
    assert body.is_visible()
    report = address.startswith("01")
    found = page.evaluate("names => names.filter(n => document.body.querySelector(n))", list(KEPT))
    assert found == (["input"] if report else ["script", "input"])  # of the switch, of the filter
    if report:
        switches = page.eval_on_selector_all("input", "all => all.map(one => one.id)")
        assert switches == ["with-code"]
    inside = "[...document.querySelectorAll('math, math *')]"
    assert page.evaluate(f"{inside}.every(e => e.namespaceURI.endsWith('/MathML'))")
    names = set(page.evaluate(f"{inside}.map(e => e.localName)"))
    assert names <= _sanitise._WORDS["formulas"]
    assert page.evaluate(f"{inside}.flatMap(e => e.getAttributeNames()).includes('href')") is False
    assert page.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes])"
        ".map(a => a.name).filter(n => /^on|^srcset$|^formaction$|^ping$/.test(n))"
    ) == []  # fmt: skip
    schemes = page.evaluate("[...new Set([...document.links].map(a => new URL(a.href).protocol))]")
    assert set(schemes) <= {"file:", "https:"}
    assert page.evaluate(
        "[...document.images].filter(i => i.src && !i.src.startsWith('data:image/')).length"
    ) == 0  # fmt: skip
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("h1").count() == 1
    # nothing foreign lies over the page
    fixed = "[...document.querySelectorAll('body *')].filter(e => getComputedStyle(e).position"
    assert page.evaluate(f"{fixed} === 'fixed').length") == 0
    assert not HIDDEN & set(page.evaluate("document.documentElement.textContent"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_every_text_is_read_as_text_in_the_page(opened):
    page = opened("01-hostile/report.html")

    def words(selector):
        return page.evaluate(
            "s => [...document.querySelectorAll(s)].map(e => e.textContent)", selector
        )

    stdout = [looks(text) for text in words("pre.lj-stdout")]
    plain = [looks(text) for text in words("pre.lj-text")]
    parameters = {looks(text) for text in words("tr[id^=par-] td:nth-child(2)")}
    sources = {looks(text) for text in words("[id^=sources-] th, [id^=sources-] td")}
    corrections = {looks(text) for text in words("[id^=correction-] td")}
    datasets = {looks(text) for text in words(".facts a")}
    for number, text in enumerate(TEXTS):
        shown = looks(typeset(text))
        seen = looks(text)
        without_colour = seen.replace("[U+001B][31m", "")
        assert any(without_colour in t for t in stdout), text
        assert any(without_colour in t for t in plain), text
        assert shown in looks(words(f"#fig-f{number} figcaption")[0]), text
        alt = page.evaluate("s => document.querySelector(s).alt", f"#fig-f{number} img")
        assert seen in looks(alt), text
        assert shown in looks(words(f"#tab-t{number} caption")[0]), text
        assert seen in {looks(cell) for cell in words(f"#tab-t{number} tbody td")}, text
        assert seen in {looks(cell) for cell in words(f"#tab-t{number} thead th")}, text
        assert shown in looks(words(f"#num-n{number}")[0]), text
        assert seen in parameters, text
        assert seen in sources, text
        assert seen in corrections, text
        assert seen in datasets, text


@pytest.mark.browser
def test_every_text_is_read_as_text_in_the_index(opened):
    page = opened("index.html")
    body = looks(page.evaluate("document.body.textContent"))
    rows = page.evaluate("[...document.querySelectorAll('tbody th a')].map(a => a.textContent)")
    errors = page.evaluate("[...document.querySelectorAll('pre.lj-error')].map(e => e.textContent)")
    assert any("ValueError" in text for text in errors)
    for text in TEXTS:
        assert looks(text) in {looks(row) for row in rows}, text
        assert looks(text) in {looks(error) for error in errors}, text
    assert body.count(looks(PAYLOADS["script"])) > 4
    # a county that is no county can be chosen, and finds its runs
    page.select_option("#of-county", index=1)
    assert "of" in page.inner_text("#shown")


def test_the_ledger_opens_without_a_formula(struck):
    content = (struck / "01-hostile" / "numbers.csv").read_bytes().decode("utf-8-sig")
    assert not HIDDEN & set(content)
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(rows) == len(TEXTS)
    for row, text in zip(rows, TEXTS, strict=True):
        assert looks(text) in "".join(row["label"].split())
        for column in ("label", "unit", "name"):
            assert not row[column].strip().startswith(numbers._FORMULA)


def test_files_and_anchors_are_slugs(struck):
    names = [_report_name("01-hostile", [text]) for text in TEXTS]
    assert len(set(names)) == len(TEXTS)
    assert all(is_slug(name) and len(name) < 120 for name in names)
    assert all(is_slug(slug(text)) for text in TEXTS)
    made = {path.name.removesuffix(".failed") for path in struck.iterdir() if path.is_dir()}
    assert all(is_slug(name) for name in made)


def test_citations_hold_every_text_as_text():
    for text in TEXTS:
        cited = citation.Citation(
            kind="report", key="x", title=text, institution=text, number="ab", abstract=text,
            keywords=(text,), parameters={"p": text}, date="2026",
            authors=(citation.Author(text, text), citation.Author(name=text)),
            data=({"name": "d", "title": text, "version": "1", "kind": "ledger"},),
        )  # fmt: skip
        library = bibtexparser.parse_string(citation.bibtex(cited))
        assert library.failed_blocks == []
        assert len(library.entries) == 1
        assert [field.key for field in library.entries[0].fields] == [
            "author", "title", "institution", "year", "type", "number", "note",
        ]  # fmt: skip
        (item,) = json.loads(citation.csl(cited))
        assert looks(item["title"]) == looks(text)
        lines = citation.ris(cited).splitlines()
        assert [line[2:6] for line in lines] == ["  - "] * len(lines)
        assert "<" not in citation.json_ld(cited)
        assert looks(json.loads(citation.json_ld(cited))["name"]) == looks(text)
        for form in citation.FORMATS.values():
            assert not HIDDEN & set(form(cited))
