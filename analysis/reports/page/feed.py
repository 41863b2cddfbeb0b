"""An Atom feed of what changed: which report, when, and which of its cited numbers moved."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from defusedxml import DefusedXmlException, ElementTree

from analysis import _language
from analysis.errors import LianjianError
from analysis.reports import citation, finished
from analysis.reports.page import ledger
from analysis.terminal import visible

FEED = "feed.xml"
_ATOM = "http://www.w3.org/2005/Atom"
_KEPT = 200  # entries; a reader that looks once a night misses none
_MOST_MOVED = 50  # numbers named in one entry
_EPOCH = "1980-01-01T00:00:00+00:00"  # of a feed without an entry


@dataclass(frozen=True)
class _Entry:
    """One change of one report; the address is the same wherever a feed is written."""

    address: str
    report: str
    when: str  # when the run began that brought it, ISO 8601
    title: str
    text: str


def news(last: Path, folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Say what a finished run changes, for its record."""
    try:
        before = finished.record_of(last)
        if before["run_id"] == record["run_id"] and "news" in before:
            return dict(before["news"])
        changes = ledger.compare(last / ledger.CSV, folder / ledger.CSV)
    except (KeyError, LianjianError):
        return {"when": record["started"], "moved": None}
    return {"when": record["started"], "moved": [str(change) for change in changes]}


def file() -> str:
    """Return the name of the feed in the language of now."""
    return _language.page_file(_language.code(), FEED)


def render(reports: Path) -> bytes:
    """Return the feed of a folder of reports, in the language of now.

    Entries of before are kept while their page is there, so that a reader who comes seldom sees
    them; of each run there is one.
    """
    found = {entry.address: entry for entry in (*_kept(reports / file()), *_of_records(reports))}
    there = (e for e in found.values() if (reports / e.report / "report.html").is_file())
    return _atom(sorted(there, key=lambda e: (e.when, e.address), reverse=True)[:_KEPT])


def _of_records(reports: Path) -> Iterator[_Entry]:
    said, colon = _language.said, _language.mark(":")
    for name, record in finished.records(reports):
        if record.get("result") != "ok" or "news" not in record:
            continue  # failed, or made by an earlier version
        told, moved = finished.told(record), record["news"]["moved"]
        if moved is None:
            what, lines = "new", [f"{n['label']}{colon}{n['text']}" for n in told["numbers"]]
        elif moved:
            what, lines = f"{len(moved)} cited number{'s' if len(moved) > 1 else ''} moved", moved
        else:
            what, lines = "text or tables changed, no cited number moved", []
        more = len(lines) - _MOST_MOVED
        lines = [*lines[:_MOST_MOVED], *([said(f"and {more:,} more")] if more > 0 else [])]
        title = told["title"]
        if record.get("kind") in {"simulated", "mixed"}:
            title = said(f"{title} (simulated data 模拟数据)")
        title, text = visible(said(f"{title}: {what}")), visible("\n".join(lines))
        address = _urn(f"{name}:{record['run_id']}")
        yield _Entry(address, name, record["news"]["when"], title, text)


def _kept(path: Path) -> Iterator[_Entry]:
    """Read the entries of the last feed; one that a person has broken is begun anew."""
    try:
        for entry in ElementTree.fromstring(path.read_bytes()).iter(f"{{{_ATOM}}}entry"):
            parts = {part.tag.partition("}")[2]: part for part in entry}
            report = parts["link"].attrib["href"].partition("/")[0]
            texts = (parts[name].text or "" for name in ("updated", "title", "content"))
            yield _Entry(parts["id"].text or "", report, *texts)
    except (OSError, ET.ParseError, DefusedXmlException, KeyError):
        return


def _atom(entries: Sequence[_Entry]) -> bytes:
    root = ET.Element("feed", xmlns=_ATOM)
    updated = max((entry.when for entry in entries), default=_EPOCH)
    _texts(root, id=_urn("reports"), title=_language.said("Lianjian: reports"), updated=updated)
    here = _language.code()
    index = _language.page_file(here, "index.html")
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=file())
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=index)
    for author in citation.of_package().authors:
        _texts(ET.SubElement(root, "author"), name=_language.said(author.displayed))
    for entry in entries:
        element = ET.SubElement(root, "entry")
        _texts(element, id=entry.address, title=entry.title, updated=entry.when)
        page = f"{entry.report}/{_language.page_file(here)}"
        ET.SubElement(element, "link", rel="alternate", type="text/html", href=page)
        ET.SubElement(element, "content", type="text").text = entry.text
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _urn(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"lianjian:{name}").urn


def _texts(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, name).text = text
