"""One report: from a run of the plan to a folder in its place, all of it or nothing."""

import json
import os
import platform
import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import _language, files
from analysis.errors import LianjianError
from analysis.reports import finished, freshness
from analysis.reports.finished import FAILED, KEY, RECORD
from analysis.reports.freshness.fingerprints import Fingerprints
from analysis.reports.page import feed, findings, ledger
from analysis.reports.plan import parameters, source
from analysis.reports.plan.plan import Run
from analysis.reports.run import _verdict, execute, executors, kernels, staging
from analysis.reports.run._imports import quickly
from analysis.reports.run._verdict import Verdict
from analysis.reports.run.execute import Limits
from analysis.reports.run.results import Ending
from analysis.reports.text import listed

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from analysis.reports.page.checks import Told

_OF_RUN = ("started", "host", "machine", "seconds", "cell_seconds", "verdict", "ended_at", "notes")
_few = partial(listed, most=3, between="; ")


@dataclass(frozen=True)
class Task:
    """What an executor is asked to do; it can be sent to another machine."""

    run: Run
    action: str  # "run", "render" makes the page alone, "none" only what `formats` ask for
    reports: Path
    token: str = ""  # of the plan: a report is published only while it holds the folder
    formats: tuple[str, ...] = ()
    warm: bool | None = None
    limits: Limits = field(default_factory=Limits)
    asked: str = "plan"  # by whom: the plan, or a "command line"
    reasons: tuple[str, ...] = ()

    def ending(self, result: str, seconds: float = 0.0, message: str = "", **more: Any) -> Ending:
        """Say how it ended."""
        run = self.run
        return Ending(run.slug, run.notebook.stem, result, self.reasons, seconds, message, **more)


class _FailedError(Exception):
    """Carries the verdict on a run that is not published."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def perform(task: Task) -> Ending:
    """Do a task and put the report, or the failure, in place."""
    run, reports = task.run, task.reports
    os.environ["LIANJIAN_ROOT"] = str(reports.parent)  # a worker elsewhere is told
    began, started = datetime.now(UTC), time.perf_counter()
    folder = staging.open_folder(reports, run.slug)
    record: dict[str, Any] = {
        **execute.facts(run),
        "title": run.title or run.name,
        "asked": task.asked,
        "started": began.isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": machine(),
    }
    failure, key = None, {}
    try:
        key = (_run if task.action == "run" else _render_again)(task, folder, record)
        if task.formats:
            from analysis.reports import documents

            documents.write(folder, record, task.formats)
    except _FailedError as failed:
        failure = failed.verdict
    except LianjianError as error:
        failure = Verdict(_verdict.FAILED, str(error))
    except Exception as error:  # noqa: BLE001  (one report's trouble is not another's)
        name, told = type(error).__name__, traceback.format_exc()
        failure = Verdict(_verdict.FAILED, str(error), name, traceback=told)
    seconds = time.perf_counter() - started
    if failure is not None and kernels.stopping.is_set():
        return task.ending("failed", seconds, "interrupted")
    if not staging.is_held(reports, task.token):
        return task.ending("failed", seconds, "the plan that asked for it has ended")
    if failure is not None:
        return _fail(task, folder, record, failure, seconds)
    if task.action == "run":
        record["notes"] = _notes(record, key)
    record |= {"total_seconds": round(seconds, 2), "result": "ok"}
    record["news"] = feed.news(reports / run.slug, folder, record)
    finished.write_record(folder, record)
    _close(folder, record)
    staging.publish(folder, reports, run.slug)
    where = f"{reports.name}/{run.slug}/report.html"
    notes = tuple(record.get("notes", ()))
    if task.action != "run":
        return task.ending("rendered", seconds, file=where, notes=notes)
    written = tuple(dict.fromkeys((*key["written"], *key["changed"])))
    return task.ending("done", seconds, file=where, notes=notes, written=written)


def _notes(record: Mapping[str, Any], key: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a report that is published all the same."""
    notes = []
    if record["verdict"] == _verdict.ENDED_EARLY:
        notes.append("ended early, by its own word; its page says where")
    if key["written"]:
        notes.append(f"wrote into folders that it may only read: {_few(key['written'])}")
    if key["changed"]:
        notes.append(f"was made while what it read changed: {_few(key['changed'])}")
    if key["unraised"]:
        notes.append(f"went on although something failed: {_few(key['unraised'])}")
    return notes


@cache
def machine() -> dict[str, Any]:
    """Say what a run was made on, as a replicator asks: never its name."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _fail(
    task: Task, folder: Path, record: dict[str, Any], failure: Verdict, seconds: float
) -> Ending:
    record |= {"seconds": round(seconds, 2), "result": "failed"}
    record |= {"error": failure.summary, "cell": failure.cell, "line": failure.line}
    slug = task.run.slug
    given = json.dumps(record["parameters"], ensure_ascii=False)
    where = f"\nCell {failure.cell}:\n{failure.source}\n" if failure.cell else ""
    told = failure.traceback or failure.message
    text = f"{task.run.notebook.name}, parameters {given}\n{failure.summary}\n{where}\n{told}\n"
    try:
        files.write_text(folder / "error.txt", text)
        files.write_text(folder / RECORD, files.to_json(record))
        _close(folder, record)
        staging.keep_failure(folder, task.reports, slug)
    except OSError as error:  # a full disk, say: then the message is all there is
        reason = f"{failure.summary} (and the failure could not be kept: {error})"
        return task.ending("failed", seconds, reason)
    file = f"{task.reports.name}/{slug}{FAILED}/error.txt"
    return task.ending("failed", seconds, failure.summary, file=file)


def _close(folder: Path, record: Mapping[str, Any]) -> None:
    """Open a report to whoever may read the project, or to its owner alone: it read a ledger."""
    is_private = "ledger" in record.get("kinds", ())
    (files.keep_private if is_private else files.open_to_readers)(folder)


# ---- run and render: each returns the key of the report ----


@lru_cache(maxsize=4)
def _looker(token: str) -> Fingerprints:  # noqa: ARG001
    """Look at each file once a plan."""
    return Fingerprints()


def _run(task: Task, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    run, look = task.run, _looker(task.token)
    if run.trouble:
        raise LianjianError(run.trouble)
    cells, name = look.cells_of(run.notebook), run.notebook.name
    if misuse := source.misused(cells, list(parameters.read(run.notebook))):
        raise LianjianError(f"{name}: {'; '.join(words.rstrip('.') for words in misuse)}.")
    source.promises(cells, name)
    for _ in range(2):  # what changes while it is read is read once more
        before = look.before()
        executed = execute.execute(run, folder, limits=task.limits, warm=task.warm)
        key, settled = look.key_of(run, executed.read, before)
        if executed.failure or not settled.changed:
            break
    kinds = freshness.kinds(look.root, executed.read.files)
    record["kinds"] = sorted(set(kinds.values()))
    record["seconds"] = round(executed.seconds, 2)
    record["cell_seconds"] = [round(seconds, 3) for seconds in executed.cell_seconds]
    if executed.log.strip():
        files.write_text(folder / "kernel.log", executed.log)
    if executed.failure:
        raise _FailedError(executed.failure)
    if run.strict and executed.unraised:
        raise LianjianError(f"{name}: {_few(executed.unraised)} (the plan says strict)")
    record["verdict"] = executed.verdict.word
    if executed.verdict.word == _verdict.ENDED_EARLY:
        record["ended_at"] = executed.verdict.cell
    perhaps = (*executed.read.maybe, *(settled.names if executed.read.may_be_all else ()))
    tables = [name for name in executed.read.files if not name.endswith("/manifest.json")]
    key |= {
        "outside": list(executed.read.outside),
        "written": list(settled.written),
        "unraised": list(executed.unraised),
        "kinds": kinds,
        "perhaps": freshness.kinds(look.root, perhaps),
        "used": list(freshness.kinds(look.root, tables)),
    }
    # what writes documents takes cores and memory as a kernel does: it keeps its place
    with nullcontext() if task.formats else executors.page():
        return _render(executed.notebook, task, folder, record, key)


def _render_again(task: Task, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Make the page anew from what the last run left, with the prose of now."""
    nbformat = quickly("nbformat")
    from analysis.reports.page import normalise

    run, last = task.run, task.reports / task.run.slug
    node = nbformat.read(last / "notebook.ipynb", as_version=4)
    key = json.loads((last / KEY).read_text("utf-8"))
    if task.action == "render":
        prose = nbformat.reads(source.text_of(run.notebook), as_version=4)
        node = normalise.with_new_prose(node, prose)
        node.metadata["lianjian"] = execute.facts(run)
    files.write_text(folder / "notebook.ipynb", nbformat.writes(node) + "\n")
    before = finished.record_of(last)
    record |= {name: before[name] for name in _OF_RUN if name in before}
    return _render(node, task, folder, record, _looker(task.token).renewed(run, key))


def _render(
    node: "NotebookNode", task: Task, folder: Path, record: dict[str, Any], key: dict[str, Any]
) -> dict[str, Any]:
    from analysis.reports.page import publish

    run, look = task.run, _looker(task.token)
    content = (folder / "notebook.ipynb").read_bytes()
    told = _told(node, run, look, key, record)
    page = publish.publish(node, run, content, told, languages=run.languages)
    key["prose"] = {name: look.named(name) for name in page.prose_files}
    files.write_text(folder / KEY, files.to_json(key))
    found = page.findings
    files.write_text(folder / "report.html", page.html)
    for code in run.languages:
        with _language.writing(code, run.name):
            spoken = publish.publish(node, run, content, told, languages=run.languages)
        files.write_text(folder / _language.page_file(code), spoken.html)
        record.setdefault("pages", {})[code] = publish.for_index(spoken, code, run.name)
    for name, text in ledger.files(found, run.slug, page.run_id).items():
        files.write_text(folder / name, text)
    record |= page.said
    record |= {
        "run_id": page.run_id,
        "kind": found.kind or "none",
        "kinds": sorted(found.kinds),
        "citation": page.citation.record(),
        "checks": [check.record() for check in page.checks],
        "addresses": {p.anchor: p.reference for p in found.products},
        "claims": found.claims,
        "datasets": [{"name": d["name"], "version": d["version"]} for d in found.datasets],
        "figures": sum(p.kind == "figure" for p in found.products),
        "tables": sum(p.kind == "table" for p in found.products),
        "numbers": [
            {
                "name": p.name,
                "label": p.facts["label"],
                "text": p.facts["text"],
                "value": p.facts["value"],
                "kind": p.facts.get("kind", ""),
                "anchor": p.anchor,
            }
            for p in found.numbers
        ],
    }
    return key


def _told(
    node: "NotebookNode",
    run: Run,
    look: Fingerprints,
    key: Mapping[str, Any],
    record: Mapping[str, Any],
) -> "Told":
    """Hold a run against its notebook's declarations; a promise that is not kept fails the run."""
    from analysis.reports.page import checks

    cells, name = look.cells_of(run.notebook), run.notebook.name
    found, promised = findings.gather(node), source.promises(cells, name)
    findings.keep_promises(found, promised, name)
    of_run = {n: record[n] for n in ("verdict", "ended_at") if n in record}
    of_key = ("outside", "changed", "written", "unraised", "kinds", "perhaps", "used")
    return checks.Told(promised is not None, **of_run, **{n: key[n] for n in of_key})
