"""The page of issues: what a person sees of the tables, and what can be copied from it."""

import re
import shutil

import pytest

import analysis
from analysis import _language
from tests.clean.books.conftest import take_in_and_build
from tests.wording import CHINESE, NUMBER, latin, seen, words_in, write_pseudo_language


@pytest.fixture
def page(example):
    """The page of the example's issues, and the lines that wait for corrections."""
    raw, data = example
    to_fill = raw.parents[1] / "decisions" / "example" / "corrections-to-fill.csv"
    return (data.folder / "issues.html").read_text(encoding="utf-8"), to_fill


def unescaped(text):
    return text.replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")


def test_rows_for_the_corrections_can_be_copied_as_they_stand_in_the_file(page):
    text, to_fill = page
    shown = re.findall(r'<code class="copy"[^>]*>([^<]+)</code>', text)
    lines = to_fill.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert set(map(unescaped, shown)) == set(lines)  # a cell may have two issues
    assert lines


def test_tables_are_shown_as_they_were_read(page):
    text, _ = page
    tables = text.partition('<section id="tables">')[2].partition("</section>")[0]
    data = analysis.load("example")
    heads = re.findall(r'<span class="made">([^<]*)</span>', tables)
    assert "village" in heads
    assert "经营收入, 元, …" in heads  # of several years
    assert "left out" in heads  # a unit that nobody has answered
    for kind in ("place", "amount", "refused", "missing"):
        assert f'<td class="k-{kind}"' in tables, kind
    counted = len(re.findall(r'<td class="k-amount"', tables))
    assert 0 < counted <= len(data.income)
    # what stands in a column of remarks or of telephone numbers is not shown
    assert "备注" not in tables or ">…</td>" in tables


def test_the_page_narrows_by_severity_and_file_without_a_script(page):
    text, _ = page
    assert "<script" not in text
    for severity in ("error", "warning", "note"):
        assert f'id="only-{severity}"' in text
        assert f"body:has(#only-{severity}:not(:checked)) .is-{severity}" in text
    numbers = set(re.findall(r'id="file-(\d+)"', text))
    assert numbers
    for number in numbers:
        assert f"body:has(#file-{number}:not(:checked)) .of-{number}" in text
        assert re.search(rf'class="[^"]*\bof-{number}\b', text)


@pytest.mark.browser
def test_a_box_hides_its_rows(page, example, browser):
    _, data = example
    shown = browser.new_page()
    shown.goto(f"file://{data.folder / 'issues.html'}")
    rows = shown.locator("tr.is-note")
    details = shown.locator("details:has(tr.is-note)")
    for at in range(details.count()):
        details.nth(at).evaluate("d => d.open = true")
    assert rows.first.is_visible()
    shown.locator("#only-note").uncheck()
    assert not rows.first.is_visible()
    assert shown.locator("tr.is-error").first.is_visible()
    shown.close()


@pytest.fixture
def spoken(project):
    """The page of the example's issues in Chinese, and in a language that a folder makes."""
    write_pseudo_language(project)
    shutil.copytree(CHINESE, project / "translations" / "zh")
    take_in_and_build(project)
    folder = project / "data" / "processed" / "example"
    return {code: (folder / page_file(code)).read_text("utf-8") for code in ("en", "zh", "qps")}


def page_file(code):
    return _language.page_file(code, "issues.html")


def test_no_word_of_the_page_stays_english(spoken):
    typed = re.compile(r"(?<= )unit(?= )")  # the key of a question, as answers.toml has it
    assert latin(typed.sub("", spoken["qps"])) == []
    words = latin(spoken["en"])  # what looks for them finds them
    assert {"Issues of example (simulated data)", "warning"} <= set(words)


def test_the_pages_of_all_languages_say_the_same_and_lead_to_each_other(spoken):
    numbers = {code: set(NUMBER.findall(seen(page))) for code, page in spoken.items()}
    assert numbers["en"] <= numbers["zh"]
    assert numbers["en"] <= numbers["qps"]
    for code, page in spoken.items():
        links = re.findall(r'<a class="language" href="([^"]+)"', page)
        assert set(links) == {page_file(other) for other in spoken if other != code}
        assert f'<html lang="{_language.tag(code)}">' in page
    assert "金额单位是什么？" in seen(spoken["zh"])


def test_every_doubt_about_the_simulated_books_can_be_said(built, tmp_path, monkeypatch):
    """Their planted faults raise nearly every kind of doubt that there is."""
    actions = sorted(set(analysis.load("simulated").issues["action"]))
    assert len(actions) > 200
    (tmp_path / "data" / "raw").mkdir(parents=True)
    write_pseudo_language(tmp_path)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    spoken = _language.Language("qps", "books")
    said = [spoken.says(text) for text in actions]
    assert spoken.missing == []
    assert words_in(said) == []
