"""The feed says what changed: valid Atom, stable, with the cited numbers that moved."""

import json
from datetime import datetime

import pytest
from defusedxml import ElementTree

from analysis.reports.page import feed
from analysis.reports.run import runner

ATOM = "{http://www.w3.org/2005/Atom}"
CELL = """
from analysis.reports import record
record("mean", {value}, label="Mean income", unit="万元")
record("villages", 12, label="Villages", unit="")
"""


def read(project):
    """Return the entries of the feed, newest first, after holding it to RFC 4287."""
    root = ElementTree.parse(project.reports / "feed.xml").getroot()
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            [part] = element.findall(f"{ATOM}{name}")
            assert part.text
        assert element.find(f"{ATOM}id").text.startswith("urn:uuid:")
        assert datetime.fromisoformat(element.find(f"{ATOM}updated").text).tzinfo
        assert element.find(f"{ATOM}link[@rel='alternate']").get("href")
    assert root.find(f"{ATOM}author/{ATOM}name").text
    assert root.find(f"{ATOM}link[@rel='self']").get("href") == "feed.xml"
    entries = list(root.iter(f"{ATOM}entry"))
    addresses = [entry.find(f"{ATOM}id").text for entry in entries]
    assert len(set(addresses)) == len(addresses)
    return [
        (entry.find(f"{ATOM}title").text, entry.find(f"{ATOM}content").text or "")
        for entry in entries
    ]


@pytest.fixture
def told(project):
    project.notebook("01-x", "# Income", CELL.format(value=2.0))
    project.notebook("02-y", "# Other", "1")
    assert runner.run() == 0
    return project


def test_each_change_is_an_entry_and_stays(told):
    assert sorted(title for title, _ in read(told)) == ["Income: new", "Other: new"]
    told.notebook("01-x", "# Income", CELL.format(value=2.5))
    assert runner.run() == 0
    titles = dict(read(told))
    assert len(titles) == 3
    assert titles["Income: 1 cited number moved"] == "01-x/mean  2 → 2.5 万元  (+25 %)"
    told.notebook("01-x", "# Income", "md:And prose.", CELL.format(value=2.5))
    assert runner.run() == 0
    assert "Income: text or tables changed, no cited number moved" in dict(read(told))


def test_nothing_new_is_the_same_feed(told):
    before = (told.reports / "feed.xml").read_bytes()
    assert str(told.root).encode() not in before
    assert runner.run() == 0
    assert runner.run(options=runner.Options(force=True)) == 0
    assert (told.reports / "feed.xml").read_bytes() == before


def test_a_feed_and_an_index_that_were_lost_come_back(told):
    before = (told.reports / "feed.xml").read_bytes()
    (told.reports / "feed.xml").write_text("<feed", "utf-8")
    (told.reports / "index.html").write_text("old", "utf-8")
    assert runner.run() == 0
    assert (told.reports / "feed.xml").read_bytes() == before
    assert 'href="feed.xml"' in (told.reports / "index.html").read_text("utf-8")


def test_simulated_numbers_are_said_to_be_and_the_feed_has_a_bound(tmp_path):
    for number in range(feed._KEPT + 5):
        folder = tmp_path / f"r{number:03}"
        folder.mkdir()
        (folder / "report.html").touch()
        record = {
            "result": "ok", "run_id": f"{number:x}", "kind": "simulated", "title": "A\x1b&",
            "numbers": [], "news": {"when": f"2026-01-01T00:00:{number % 60:02}+00:00",
                                    "moved": ["r/x  1 → 2"]},
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(record))
    content = feed.render(tmp_path)
    (tmp_path / "feed.xml").write_bytes(content)
    entries = list(ElementTree.fromstring(content).iter(f"{ATOM}entry"))
    assert len(entries) == feed._KEPT
    title = "A[U+001B]& (simulated data 模拟数据): 1 cited number moved"
    assert {entry.find(f"{ATOM}title").text for entry in entries} == {title}
    assert feed.render(tmp_path) == content
