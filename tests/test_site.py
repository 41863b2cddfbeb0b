"""The documentation: built without a warning, and read from disk without a network."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from analysis import effects, figures, indicators, simulate

ROOT = Path(__file__).parents[1]
DOORS = {"indicators": indicators, "effects": effects, "figures": figures, "simulate": simulate}
# what a page could load; a link that a reader follows loads nothing
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|link)\b[^>]*?\b(?:src|href)=["']([^"']+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", place / "doctrees", ROOT / "docs", place / "site"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place / "site"


def pages(site):
    return sorted(site.rglob("*.html"))


def test_every_guide_and_room_has_its_page(site):
    names = {page.relative_to(site).with_suffix("").as_posix() for page in pages(site)}
    guides = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert guides | {f"api/{door}" for door in DOORS} <= names
    assert {"start", "own-books", "reports", "nightly", "cluster", "release", "glossary"} <= guides


@pytest.mark.parametrize("door", DOORS)
def test_the_page_of_a_room_has_all_that_its_door_names(site, door):
    page = (site / "api" / f"{door}.html").read_text("utf-8")
    described = {
        name
        for name in dir(DOORS[door])
        if f'id="analysis.{door}.{name}"' in page or f'id="{name}"' in page
    }
    spoken = {name for name in dir(DOORS[door]) if callable(getattr(DOORS[door], name))}
    assert spoken <= described, sorted(spoken - described)


def test_nothing_is_loaded_from_elsewhere_and_no_link_within_leads_nowhere(site):
    for page in pages(site):
        text = page.read_text("utf-8")
        for target in LOADED.findall(text):
            assert not urlsplit(target).netloc, (page.name, target)
        assert "mathjax" not in text.lower(), page.name
        for target in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', text):
            parts = urlsplit(target)
            if not (parts.scheme or parts.netloc) and parts.path:
                assert (page.parent / unquote(parts.path)).exists(), (page.name, target)


@pytest.mark.browser
def test_pages_open_and_search_from_disk_without_a_network(site, browser):
    context = browser.new_context(offline=True)
    tab = context.new_page()
    asked, faults = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    for page in pages(site):
        tab.goto(page.as_uri())
    # a parser of pages is not what a reader sees: the formula is drawn, the words are found
    tab.goto((site / "api" / "indicators.html").as_uri())
    assert tab.locator("math").count() > 0
    for word, found in (("薄弱村", "Glossary"), ("crosswalk", "Your own books")):
        tab.goto((site / "search.html").as_uri() + f"?q={word}")
        tab.get_by_role("link", name=found).first.wait_for(timeout=20_000)
    context.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert faults == []
