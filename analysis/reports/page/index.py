"""The page that lists every report: failures first, then notebook by notebook.

It is written from the run records alone, for sixteen runs as for three thousand. A small script,
named by its hash in the page's policy, narrows the list; without it the page is whole.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from analysis import __version__, _language, files
from analysis.clean.scope import EACH, worded
from analysis.reports import finished
from analysis.reports.page import _fonts, _templates, feed, ledger
from analysis.reports.text import natural
from analysis.terminal import visible

NOTHING: Mapping[str, str] = MappingProxyType({})
_HEAD = 2000  # characters that surely hold the mark of the folders
_MOST_NUMBERS = 5
_TABLES = re.compile(r"<(tbody|select|ul)\b.*?</\1>", re.DOTALL)
# files beside a page, where they are: name, word, and what the word means
_FILES = (
    ("report.pdf", "PDF", "the page for print"),
    ("report.docx", "Word", "the page for Word"),
    ("figures.zip", "figures", "its charts for print, phone and dark, and their data"),
    ("notebook.ipynb", "notebook", "executed notebook"),
    ("numbers.csv", "numbers", "cited numbers"),
)


def write(reports: Path, old: Mapping[str, str] = NOTHING) -> None:
    """Write the index of a folder of reports, and the ledger of all their numbers.

    There is one in each language in which a report has a page, with a feed of its own. The English
    feed comes last: it tells when a kill left an index behind.
    """
    ledger.write_whole(reports)  # the index links to it
    records = _records(reports)
    spoken = sorted({code for record in records for code in record.get("pages", ())})
    for code in (*spoken, "en"):
        with _language.writing(code):
            index = reports / _language.page_file(code, "index.html")
            files.write_text(index, render(reports, old, spoken))
            files.write_bytes(reports / feed.file(), feed.render(reports))
    for stale in set(_language.languages()) - set(spoken):
        for name in ("index.html", feed.FEED):
            (reports / _language.page_file(stale, name)).unlink(missing_ok=True)
    if any(map(_is_internal, records)):  # what tells of all reports is its owner's alone
        for name in ("index*.html", "feed*.xml", ledger.CSV, ledger.TEX):
            for path in reports.glob(name):
                path.chmod(0o600)


def _is_internal(record: Mapping[str, Any]) -> bool:
    return "ledger" in record.get("kinds", ())


def is_of(reports: Path, old: Mapping[str, str] = NOTHING) -> bool:
    """Whether the index says what is there: folders come and go by hand, and reports grow old."""
    try:
        with (reports / "index.html").open(encoding="utf-8") as file:
            return f'data-folders="{_mark(reports, old)}"' in file.read(_HEAD)
    except OSError:
        return False


def _mark(reports: Path, old: Mapping[str, str]) -> str:
    said = json.dumps([finished.folders(reports), sorted(old.items())])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def render(reports: Path, old: Mapping[str, str] = NOTHING, languages: Sequence[str] = ()) -> str:
    """Return the index of a folder of reports, in the language of now."""
    spoken = _language.current()
    here = spoken.code if spoken else "en"
    records = _records(reports)
    good = [r for r in records if r["result"] == "ok"]
    failed = [r for r in records if r["result"] != "ok"]
    published = {r["slug"] for r in good}
    for run in failed:
        run["has_good"] = run["slug"] in published
    newest_failed = {r["slug"] for r in failed}
    for run in good:
        run["newest_failed"] = run["slug"] in newest_failed
        run["old"] = old.get(run["slug"], "")
        run["bad_checks"] = [c["name"] for c in run.get("checks", ()) if c["state"] == "failed"]
        run["states"] = _states(run)
    script = _language.script((_templates.FOLDER / "index.js").read_text("utf-8").strip())
    groups = list(_groups(good))
    for group in groups:  # named by the English titles, which its texts then say
        for run in group["runs"]:
            _say(run, here)
        if pages := group["runs"][0].get("pages", {}).get(here):
            answer = len(group["runs"]) == 1 and pages["answer"]
            group |= {"heading": pages["heading"], "summary": answer or pages["summary"]}
        group["ends"] = _ends(group)
    html = _templates.get("index.html.j2").render(
        version=__version__,
        lang=_language.tag(here),
        style=_templates.style(_language.tag(here)),
        others=_templates.others(languages, "index.html"),
        groups=groups,
        internal=any(map(_is_internal, records)),
        failures=_failures(failed),
        failed=len(failed),
        count=len(good),
        simulated=sum(r.get("kind") in {"simulated", "mixed"} for r in good),
        last=max((r["started"] for r in records), default="")[:16].replace("T", " "),
        varieties=_varieties(records),
        notebooks=list(dict.fromkeys(r["notebook"].removesuffix(".ipynb") for r in records)),
        checked=sum("checks" in r["states"] for r in good),
        folders=_mark(reports, old),
        has_old=bool(old),
        has_numbers=(reports / "numbers.csv").is_file(),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    html = visible(_language.html(html) if spoken else _language.in_english(html))
    # names by the thousand stand in tables, which are set in the sans: the serif needs none of them
    return _fonts.placed(html, serif=_TABLES.sub("", html))


def _say(run: dict[str, Any], code: str) -> None:
    """Let a run's record speak a language, where it has a page in it."""
    pages = run.get("pages", {}).get(code)
    run["page"] = _language.page_file(code) if pages else "report.html"
    if pages:
        run["files"] = [
            (own if (own := _language.page_file(code, file)) in run["present"] else file, *words)
            for file, *words in run["files"]
        ]
        run["title"] = pages["title"]
        pairs = zip(run["numbers"], pages["numbers"], strict=True)
        run["numbers"] = [{**number, **words} for number, words in pairs]


def _records(reports: Path) -> list[dict[str, Any]]:
    """Read the run records, in the order of the reports' names, 2 before 10."""
    records = []
    for name, record in finished.records(reports):
        present = set(os.listdir(reports / name))  # noqa: PTH208  (names only, three thousand times)
        record["folder"] = name
        record["files"] = [(file, word, hint) for file, word, hint in _FILES if file in present]
        record["present"] = present
        record["numbers"] = record.get("numbers", [])
        record["failed"] = name.endswith(finished.FAILED)
        given = record.get("parameters", {})
        record["varied"] = {name: str(given[name]) for name in EACH if given.get(name)}
        record["words"] = " ".join(f"{key} {value}" for key, value in given.items())
        records.append(record)
    return sorted(records, key=lambda r: (natural(r["notebook"]), natural(r["folder"])))


def _states(run: Mapping[str, Any]) -> list[str]:
    """Return the states by which the list can be narrowed."""
    told = {"checks": run["bad_checks"], "failed": run["newest_failed"], "old": run["old"]}
    return ["ok", *(state for state, holds in told.items() if holds)]


def _groups(good: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put together the reports of one notebook, with the cited numbers that become columns."""
    for notebook, members in groupby(good, key=lambda r: r["notebook"]):
        runs = list(members)
        heading = runs[0]["heading"]
        labels: dict[str, list[str]] = {}
        for run in runs:
            run["by_name"] = {number["name"]: number for number in run["numbers"]}
            for number in run["numbers"]:
                labels.setdefault(number["name"], []).append(number["label"])
        _name(runs, heading)
        # what most runs have stands first; among equals, the notebook's order
        common = sorted(labels.items(), key=lambda item: -len(item[1]))[:_MOST_NUMBERS]
        kinds = {run.get("kind", "") for run in runs}
        yield {
            "name": notebook.removesuffix(".ipynb"),
            "heading": heading,
            # a card says what was found; of several runs, each found its own
            "summary": (len(runs) == 1 and runs[0].get("answer")) or runs[0]["summary"],
            "runs": runs,
            "numbers": [(name, _common(texts)) for name, texts in common],
            "kind": kinds.pop() if len(kinds) == 1 else "",
        }


def _ends(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the least and the largest of the number that the runs of a notebook say first."""
    if len(group["runs"]) == 1 or not group["numbers"]:
        return []
    name = group["numbers"][0][0]
    found = [(run["by_name"].get(name, {}), run["short"]) for run in group["runs"]]
    said = [{**number, "who": who} for number, who in found if "value" in number]
    if not said:
        return []
    ends = [pick(said, key=lambda number: number["value"]) for pick in (min, max)]
    return ends if ends[0]["value"] < ends[1]["value"] else []


def _name(runs: Iterable[dict[str, Any]], heading: str) -> None:
    """Name the runs of a notebook by what their titles add; those of one title by parameters."""
    alike: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        alike.setdefault(run["title"].removeprefix(f"{heading}: "), []).append(run)
    for short, same in alike.items():
        given = [{k: str(v) for k, v in run.get("parameters", {}).items()} for run in same]
        shared = set.intersection(*(set(values.items()) for values in given))
        for run, values in zip(same, given, strict=True):
            own = [f"{k.replace('_', ' ')} {v}" for k, v in values.items() if (k, v) not in shared]
            told = " · ".join(own) or "defaults"
            named = told if short == heading else f"{short} · {told}"
            run["short"] = short if len(same) == 1 else named


def _failures(failed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put together what failed in the same way: one cause is read once."""
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in failed:
        notebook = run["notebook"].removesuffix(".ipynb")
        alike.setdefault((notebook, run.get("error", "")), []).append(run)
    return [{"notebook": n, "error": error, "runs": runs} for (n, error), runs in alike.items()]


def _varieties(records: Iterable[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Return for each name over which a plan runs the values that are here, with their words."""
    seen: dict[str, set[str]] = {}
    for record in records:
        for name, value in record["varied"].items():
            seen.setdefault(name, set()).add(value)
    return {name: [(value, worded(value)) for value in sorted(seen[name])] for name in seen}


def _common(labels: Sequence[str]) -> str:
    """Keep the parts of a label, between commas, that all runs share."""
    kinds = [label.split(", ") for label in dict.fromkeys(labels)]
    shared = set.intersection(*map(set, kinds))
    # what the number is stands first: there only the words go in which the runs differ
    firsts = [parts[0].split() for parts in kinds]
    columns = zip(*firsts, strict=False)  # the shortest says how many
    first = " ".join(column[0] if len(set(column)) == 1 else "…" for column in columns)
    rest = [part for part in labels[0].split(", ")[1:] if part in shared]
    return ", ".join([first, *rest])
