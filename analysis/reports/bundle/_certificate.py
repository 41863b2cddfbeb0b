"""A bundle made again twice in an empty folder, and a certificate of what matched.

What is asked is what verifiers of journals ask: does the code run through, does it give every
figure, table and number of the page, and is that stable when it runs again?
"""

import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean.build import PUBLISHED
from analysis.files import to_json, write_text
from analysis.reports.bundle.verify import MANIFEST, Verdict
from analysis.reports.page import _templates, versions
from analysis.reports.plan import parameters
from analysis.reports.run.report import machine

FILES = ("certificate.json", "certificate.html")
FULL, MINOR, PARTIAL, NONE = VERDICTS = (
    "full reproduction",
    "full reproduction with minor issues",
    "partial reproduction",
    "not able to reproduce",
)
_KINDS = ("figure", "table", "number")
_OWN = ("LIANJIAN_ROOT", "PYTHONPATH", "VIRTUAL_ENV")
_LAST = 4  # lines of what a failed command said


def certify(
    place: Path, checked: Verdict, to: Path, say: Callable[[str], None], *, by: str, signature: str
) -> dict[str, Any]:
    """Make a bundle again twice, and write ``certificate.json`` and ``certificate.html``."""
    with tempfile.TemporaryDirectory(prefix="lianjian-") as home:
        inside = _unpacked(place, Path(home))
        packed = _taken_out(inside, Path(home) / "packed")
        records = {p.name: json.loads((p / "run.json").read_bytes()) for p in _folders(packed)}
        runs, made = [], []
        for word in ("first", "second"):
            say(f"making everything anew, the {word} of two times")
            runs.append(_rebuild(inside, records))
            made.append(_taken_out(inside, Path(home) / word))
        reports = [hold(name, record, packed, made) for name, record in records.items()]
        released = sorted(page.parent.name for page in inside.glob("released/*/report.html"))
        packages = list(versions.differing(inside / paths.LOCK))
    found: dict[str, Any] = {
        "bundle": place.name,
        "manifest_sha256": checked.manifest,
        "as_packed": not checked.differences,
        "differences": list(checked.differences),
        "signature": signature,
        "made_by": by,
        "made_on": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions_not_as_locked": packages,
        "runs": runs,
        "data": _data(records, runs),
        "reports": reports,
        "released": released,
    }
    found["verdict"] = verdict(found)
    to.mkdir(parents=True, exist_ok=True)
    write_text(to / FILES[0], to_json(found))
    page = _templates.get("certificate.html.j2").render(found, verdicts=VERDICTS)
    write_text(to / FILES[1], page)
    return found


def _unpacked(place: Path, home: Path) -> Path:
    """Return a copy of a bundle that may be worked in."""
    inside = home / "inside"
    if place.is_dir():
        shutil.copytree(place, inside, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
        return inside
    with zipfile.ZipFile(place) as file:
        file.extractall(home / "zip")
    [top] = [path.parent for path in (home / "zip").glob(f"*/{MANIFEST}")]
    return top.rename(inside)


def _folders(reports: Path) -> list[Path]:
    return sorted(path.parent for path in reports.glob("[!.]*/run.json"))


def _taken_out(inside: Path, to: Path) -> Path:
    """Move the reports out of a bundle, and let its tables be made anew."""
    to.mkdir(parents=True)
    for folder in _folders(inside / "reports"):
        folder.rename(to / folder.name)
    for manifest in (inside / "data" / "processed").glob("*/manifest.json"):
        shutil.rmtree(manifest.parent)
    return to


def _rebuild(inside: Path, records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Run what ``make reports`` runs, and the reports beside the plan."""
    started = time.monotonic()
    used = {
        PUBLISHED,
        *(data["name"] for record in records.values() for data in record["datasets"]),
    }
    faults = [*_run(inside, "build", *sorted(used)), *_run(inside, "run")]
    for name, record in records.items():
        if not (inside / "reports" / name).is_dir() and record["parameters"]:
            given = (f"{key}={parameters.text(v)}" for key, v in record["parameters"].items())
            options = [part for one in given for part in ("-p", one)]
            faults += _run(inside, "run", str(record["notebook"]).removesuffix(".ipynb"), *options)
    manifests = (inside / "data" / "processed").glob("*/manifest.json")
    made = {path.parent.name: json.loads(path.read_bytes())["version"] for path in manifests}
    seconds = round(time.monotonic() - started)
    return {"seconds": seconds, "versions": dict(sorted(made.items())), "faults": faults}


def _run(inside: Path, *command: str) -> Iterator[str]:
    """Run a command of the bundle's own code with the packages of this environment."""
    own = {name: value for name, value in os.environ.items() if name not in _OWN}
    done = subprocess.run(  # noqa: S603  (our own command, in the bundle's copy)
        [sys.executable, "-m", "analysis", *command],
        cwd=inside,
        env=own | {"PYTHONPATH": str(inside)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).replace(str(inside), "").strip().splitlines()
        last = " ".join(said[-_LAST:])
        yield f"lianjian {' '.join(command)} ended with {done.returncode}: {last}"


# ---- what matched ----


def hold(name: str, record: Mapping[str, Any], packed: Path, made: list[Path]) -> dict[str, Any]:
    """Hold a report against the two that were made anew, product by product."""
    was = _products(packed / name)
    first, second = (_products(folder / name) for folder in made)
    differ = {at: what for at, what in was.items() if first.get(at) != what}
    codes = [_code(folder / name) for folder in (packed, *made)]
    pages = [
        _page(folder / name, code) for folder, code in zip((packed, *made), codes, strict=True)
    ]
    return {
        "name": name,
        "title": record["title"],
        "counts": {
            kind: {
                "packed": sum(at[0] == kind for at in was),
                "same": sum(at[0] == kind and at not in differ for at in was),
            }
            for kind in _KINDS
        },
        "differ": [f"{kind} {what}" for kind, what in differ],
        "made": bool(pages[1]),
        "page_same": bool(pages[1]) and pages[0] == pages[1],
        "codes": codes[:2],
        "stable": bool(pages[1]) and first == second and pages[1] == pages[2],
    }


def _products(report: Path) -> dict[tuple[str, str], str]:
    """Return what a report publishes: figures and tables as they stand in its notebook, numbers."""
    if not (report / "notebook.ipynb").is_file():
        return {}
    notebook = json.loads((report / "notebook.ipynb").read_bytes())
    outputs = (o for cell in notebook["cells"] for o in cell.get("outputs", ()))
    found = {}
    for output in outputs:
        about = output.get("metadata", {}).get("lianjian", {})
        if about.get("product") in {"figure", "table"}:
            found[about["product"], about["name"]] = json.dumps(output, sort_keys=True)
    with (report / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            found["number", row["name"]] = (
                f"{row['value']} {row['unit']} {row['low']} {row['high']}"
            )
    return found


def _code(report: Path) -> str:
    """Return the id of the code that made a report; a change elsewhere in the code moves it."""
    record = report / "run.json"
    return str(json.loads(record.read_bytes())["citation"]["code"]) if record.is_file() else ""


def _page(report: Path, code: str) -> bytes:
    """Return a page without the id of the code, which says nothing of what it shows."""
    if not (report / "report.html").is_file():
        return b""
    page = (report / "report.html").read_bytes()
    return page.replace(code.encode(), b"code") if code else page


def _data(
    records: Mapping[str, Mapping[str, Any]], runs: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    used = {d["name"]: d["version"] for r in records.values() for d in r["datasets"]}
    first, second = (run["versions"] for run in runs)
    return [
        {
            "name": name,
            "packed": used[name],
            "made": first.get(name, ""),
            "same": used[name] == first.get(name) == second.get(name),
        }
        for name in sorted(used)
    ]


def verdict(found: Mapping[str, Any]) -> str:
    """Choose one of the four verdicts that verifiers of journals give."""
    reports = found["reports"]
    whole = [r for r in reports if r["made"] and not r["differ"]]
    if not whole:
        return NONE
    # released pages are read, and nobody can make them again without the books
    is_whole = len(whole) == len(reports) and not found["released"]
    if not is_whole or any(run["faults"] for run in found["runs"]):
        return PARTIAL
    smooth = found["as_packed"] and all(d["same"] for d in found["data"])
    return FULL if smooth and all(r["page_same"] and r["stable"] for r in reports) else MINOR
