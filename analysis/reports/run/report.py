"""One report: from a run of the plan to a folder in its place, all of it or nothing."""

import json
import os
import platform
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__, files
from analysis.errors import LianjianError
from analysis.reports import freshness
from analysis.reports.freshness import fingerprints
from analysis.reports.page import feed, findings, ledger
from analysis.reports.plan import parameters, source
from analysis.reports.plan.plan import Run
from analysis.reports.run import execute, kernels, staging
from analysis.reports.run._imports import import_papermill
from analysis.reports.run.execute import Failure, Limits

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from analysis.reports.page.checks import Told


@dataclass(frozen=True)
class Task:
    """What an executor is asked to do; it can be sent to another machine.

    Attributes
    ----------
    run : Run
        What to run.
    action : {"run", "render", "none"}
        Everything, the page alone, or only what ``formats`` asks for.
    reports : Path
        Folder of the reports.
    token : str
        Of the plan; a report is published only while this plan holds the folder.
    formats : tuple of str
        What to make beside the page.
    warm : bool or None
        Whether to fork the kernel from a warm process.
    limits : Limits
        How long it may take.
    asked : {"plan", "command line"}
        Who asks for it.
    """

    run: Run
    action: str
    reports: Path
    token: str = ""
    formats: tuple[str, ...] = ()
    warm: bool | None = None
    limits: Limits = field(default_factory=Limits)
    asked: str = "plan"


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    slug : str
        The report.
    result : {"done", "rendered", "failed"}
        What happened.
    seconds : float
        From its start to the finished page.
    message : str
        The error in one line, empty when there was none.
    where : str
        The file to look at, relative to the project.
    """

    slug: str
    result: str
    seconds: float
    message: str
    where: str

    @property
    def ok(self) -> bool:
        """Whether the report was published."""
        return self.result != "failed"


def perform(task: Task) -> Outcome:
    """Do a task and put the report, or the failure, in place."""
    run, reports = task.run, task.reports
    os.environ["LIANJIAN_ROOT"] = str(reports.parent)  # a worker elsewhere is told
    began, started = datetime.now(UTC), time.perf_counter()
    folder = staging.open_folder(reports, run.slug)
    record: dict[str, Any] = {
        "slug": run.slug,
        "notebook": run.file,
        "title": run.title or run.name,
        "parameters": {name: parameters.plain(value) for name, value in run.parameters.items()},
        "asked": task.asked,
        "version": __version__,
        "started": began.isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": machine(),
    }
    failure: Failure | None = None
    try:
        if task.action == "run":
            failure = _run(task, folder, record)
        else:
            _render_again(task, folder, record)
        if failure is None and task.formats:
            _documents(folder, record, task.formats)
    except LianjianError as error:
        failure = Failure(None, "", "", str(error), "")
    except Exception as error:  # noqa: BLE001  (one report's trouble is not another's)
        failure = Failure(None, "", type(error).__name__, str(error), traceback.format_exc())
    seconds = time.perf_counter() - started
    if failure is not None and kernels.stopping.is_set():
        return Outcome(run.slug, "failed", seconds, "interrupted", "")
    if not staging.is_held(reports, task.token):
        return Outcome(run.slug, "failed", seconds, "the plan that asked for it has ended", "")
    if failure is not None:
        return _fail(task, folder, record, failure, seconds)
    record |= {"total_seconds": round(seconds, 2), "result": "ok"}
    record["news"] = feed.news(reports / run.slug, folder, record)
    record["products"] = freshness.checksums(folder)
    files.write_text(folder / "run.json", files.to_json(freshness.sealed(record)))
    _close(folder, record)
    staging.publish(folder, reports, run.slug)
    result = "done" if task.action == "run" else "rendered"
    return Outcome(run.slug, result, seconds, "", f"{reports.name}/{run.slug}/report.html")


@cache
def machine() -> dict[str, Any]:
    """Say what a run was made on, as a replicator asks: never its name."""
    import psutil  # noqa: PLC0415  (where something runs)

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _fail(
    task: Task, folder: Path, record: dict[str, Any], failure: Failure, seconds: float
) -> Outcome:
    record |= {"seconds": round(seconds, 2), "result": "failed"}
    record |= {"error": failure.summary, "cell": failure.cell, "line": failure.line}
    slug, name = task.run.slug, task.reports.name
    try:
        files.write_text(folder / "error.txt", _explain(task.run, failure))
        files.write_text(folder / "run.json", files.to_json(record))
        _close(folder, record)
        staging.keep_failure(folder, task.reports, slug)
    except OSError as error:  # a full disk, say: then the message is all there is
        reason = f"{failure.summary} (and the failure could not be kept: {error})"
        return Outcome(slug, "failed", seconds, reason, "")
    where = f"{name}/{slug}{staging.FAILED}/error.txt"
    return Outcome(slug, "failed", seconds, failure.summary, where)


def _close(folder: Path, record: Mapping[str, Any]) -> None:
    """Open a report to whoever may read the project, or to its owner alone: it read a ledger."""
    is_private = "ledger" in record.get("kinds", ())
    (files.keep_private if is_private else files.open_to_readers)(folder)


def _explain(run: Run, failure: Failure) -> str:
    given = json.dumps({n: parameters.plain(v) for n, v in run.parameters.items()},
                       ensure_ascii=False)  # fmt: skip
    where = f"\nCell {failure.cell}:\n{failure.source}\n" if failure.cell else ""
    return (
        f"{run.notebook.name}, parameters {given}\n{failure.summary}\n{where}\n"
        f"{failure.traceback or failure.message}\n"
    )


# ---- run and render ----


@lru_cache(maxsize=4)
def _looker(token: str) -> fingerprints.Fingerprints:  # noqa: ARG001
    """Look at each file once a plan."""
    return fingerprints.Fingerprints()


def _run(task: Task, folder: Path, record: dict[str, Any]) -> Failure | None:
    run, look = task.run, _looker(task.token)
    if run.trouble:
        return Failure(None, "", "", run.trouble, "")
    names = list(parameters.read(run.notebook))
    misuse = source.misused(look.cells_of(run.notebook), names)
    if misuse:
        reason = "; ".join(sentence.rstrip(".") for sentence in misuse)
        return Failure(None, "", "", f"{run.notebook.name}: {reason}.", "")
    source.promises(look.cells_of(run.notebook), run.notebook.name)
    for _ in range(2):  # what changes while it is read is read once more
        before = look.before()
        executed = execute.execute(run, folder, limits=task.limits, warm=task.warm)
        key, settled = look.key_of(run, executed.read, before)
        if executed.failure is not None or not settled.changed:
            break
    kinds = freshness.kinds(look.root, executed.read.files)
    record["kinds"] = sorted(set(kinds.values()))
    record["seconds"] = round(executed.seconds, 2)
    record["cell_seconds"] = [round(seconds, 3) for seconds in executed.cell_seconds]
    if executed.log.strip():
        files.write_text(folder / "kernel.log", executed.log)
    if executed.failure is not None:
        return executed.failure
    record["verdict"] = executed.verdict.word
    if executed.verdict.word == "ended early":
        record["ended_at"] = executed.verdict.cell
    perhaps = (*executed.read.maybe, *(settled.names if executed.read.may_be_all else ()))
    key |= {
        "outside": list(executed.read.outside),
        "written": list(settled.written),
        "kinds": kinds,
        "perhaps": freshness.kinds(look.root, perhaps),
    }
    files.write_text(folder / fingerprints.KEY, files.to_json(key))
    record |= _render(executed.notebook, task, folder, record)
    return None


def _render_again(task: Task, folder: Path, record: dict[str, Any]) -> None:
    """Make the page anew from what the last run left, with the prose of now."""
    import_papermill()
    import nbformat  # noqa: PLC0415

    from analysis.reports.page import normalise  # noqa: PLC0415

    run, last = task.run, task.reports / task.run.slug
    node = nbformat.read(last / "notebook.ipynb", as_version=4)
    key = json.loads((last / fingerprints.KEY).read_text("utf-8"))
    if task.action == "render":
        node = normalise.with_new_prose(
            node, nbformat.reads(source.text_of(run.notebook), as_version=4)
        )
        node.metadata["lianjian"] = execute.facts(run)
    files.write_text(folder / "notebook.ipynb", nbformat.writes(node) + "\n")
    files.write_text(
        folder / fingerprints.KEY, files.to_json(_looker(task.token).renewed(run, key))
    )
    before = json.loads((last / "run.json").read_text("utf-8"))
    kept = ("started", "host", "machine", "seconds", "cell_seconds", "verdict", "ended_at")
    record |= {name: before[name] for name in kept if name in before}
    record |= _render(node, task, folder, record)


def _render(
    node: "NotebookNode", task: Task, folder: Path, record: Mapping[str, Any]
) -> dict[str, Any]:
    from analysis.reports.page import publish  # noqa: PLC0415  (nbconvert, fonts)

    run = task.run
    content = (folder / "notebook.ipynb").read_bytes()
    cells = _looker(task.token).cells_of(run.notebook)
    key = json.loads((folder / fingerprints.KEY).read_text("utf-8"))
    told = replace(
        _told(node, run, cells, key),
        verdict=record.get("verdict", ""),
        ended_at=record.get("ended_at"),
    )
    page = publish.publish(node, run, content, told)
    key = json.loads((folder / fingerprints.KEY).read_text("utf-8"))
    key["prose"] = {name: _looker(task.token).named(name) for name in page.prose_files}
    files.write_text(folder / fingerprints.KEY, files.to_json(key))
    found = page.findings
    files.write_text(folder / "report.html", page.html)
    for name, text in ledger.files(found, run.slug, page.run_id).items():
        files.write_text(folder / name, text)
    return {
        "title": page.title,
        "heading": page.heading,
        "subtitle": page.subtitle,
        "summary": page.summary,
        "run_id": page.run_id,
        "kind": found.kind or "none",
        "kinds": sorted(found.kinds),
        "citation": page.citation.record(),
        "checks": [check.record() for check in page.checks],
        "addresses": {p.anchor: p.reference for p in found.products},
        "datasets": [{"name": d["name"], "version": d["version"]} for d in found.datasets],
        "figures": sum(p.kind == "figure" for p in found.products),
        "tables": sum(p.kind == "table" for p in found.products),
        "numbers": [_number(p) for p in found.numbers],
    }


def _told(
    node: "NotebookNode", run: Run, cells: Sequence[source.Cell], key: Mapping[str, Any]
) -> "Told":
    """Hold a run against its notebook's declarations; a promise that is not kept fails the run."""
    from analysis.reports.page import checks  # noqa: PLC0415  (reads cards of data)

    found, promised = findings.gather(node), source.promises(cells, run.notebook.name)
    findings.keep_promises(found, promised, run.notebook.name)
    findings.need_descriptions(node, run.notebook.name)
    misused = source.misused(cells, list(parameters.read(run.notebook)))
    anchors = None if promised is None else [product.anchor for product in found.products]
    told = {name: key[name] for name in ("outside", "changed", "written", "kinds", "perhaps")}
    return checks.Told(misused, anchors, **told)


def _number(product: findings.Product) -> Mapping[str, Any]:
    facts = product.facts
    said = {name: facts[name] for name in ("label", "text")}
    return {"name": product.name, **said, "kind": facts.get("kind", ""), "anchor": product.anchor}


def _documents(folder: Path, record: Mapping[str, Any], formats: tuple[str, ...]) -> None:
    from analysis.reports import documents  # noqa: PLC0415

    documents.write(folder, record, formats)
