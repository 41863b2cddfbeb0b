"""Run the plan: each notebook in a kernel of its own, each report all or nothing."""

import json
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

from analysis import __version__, files, paths
from analysis.errors import LianjianError
from analysis.reports import execute, index, ledger, plan, staging
from analysis.reports.execute import Executed, Failure
from analysis.reports.plan import Run
from analysis.reports.progress import Progress

_NOTHING: Mapping[str, str] = MappingProxyType({})
_INTERRUPTED = 130  # what a shell reports for Ctrl-C


@dataclass(frozen=True)
class Outcome:
    """How one run ended.

    Attributes
    ----------
    run : Run
        What was run.
    ok : bool
        Whether the report was published.
    seconds : float
        From the start of the kernel to the finished page.
    message : str
        The error in one line, empty when there was none.
    where : str
        The folder to look at, relative to the project.
    """

    run: Run
    ok: bool
    seconds: float
    message: str
    where: str


def run(
    *,
    only: Sequence[str] = (),
    parameters: Mapping[str, str] = _NOTHING,
    dataset: str | None = None,
    jobs: int = 2,
) -> int:
    """Run the plan, or a part of it, and write the index.

    Parameters
    ----------
    only : sequence of str
        Notebooks, or beginnings of report names; empty runs all.
    parameters : mapping of str to str
        Parameters for every selected notebook, as texts.
    dataset : str, optional
        Value of the parameter ``dataset`` where a notebook has one.
    jobs : int
        How many notebooks run at a time.

    Returns
    -------
    int
        0 when every report was published, 1 when one failed, 130 when interrupted.

    Raises
    ------
    LianjianError
        The plan, the selection or a parameter is wrong; nothing has run then.
    """
    if jobs < 1:
        raise LianjianError(f"--jobs is {jobs}; it takes a whole number from 1.")
    runs = plan.override(plan.select(plan.load(), only), parameters, dataset)
    if not runs:
        raise LianjianError("There is no notebook in notebooks/; one is called NN-name.ipynb.")
    reports = paths.reports()
    reports.mkdir(exist_ok=True)
    staging.sweep(reports)
    if not (only or parameters or dataset):
        staging.forget_failures(reports, {r.slug for r in runs})
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=jobs) as executor:
        outcomes = _run_all(runs, reports, executor)
    staging.sweep(reports)
    files.write_text(reports / "index.html", index.render(reports))
    return _close(runs, outcomes, time.perf_counter() - started)


def _run_all(runs: Sequence[Run], reports: Path, executor: Executor) -> list[Outcome]:
    """Run everything on an executor; an interruption ends every kernel and returns."""
    execute.stopping.clear()
    outcomes: list[Outcome] = []
    futures: dict[Future[Outcome], Run] = {}
    with Progress(len(runs)) as progress, _terminable():
        progress.width = max(len(r.slug) for r in runs)
        try:
            futures = {executor.submit(perform, r, reports): r for r in runs}
            pending = set(futures)
            while pending:
                progress.running([futures[f].slug for f in futures if f.running()])
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda f: futures[f].slug):
                    outcomes.append(future.result())
                    progress.finished(outcomes[-1])
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
            while not all(future.done() for future in futures):
                execute.stop_all()
                wait(futures, timeout=0.2)
    return outcomes


def perform(run: Run, reports: Path) -> Outcome:
    """Execute one run, render it and put the report in place."""
    began = datetime.now(UTC)
    started = time.perf_counter()
    folder = staging.open_folder(reports, run.slug)
    record: dict[str, Any] = {
        "slug": run.slug,
        "notebook": run.notebook.name,
        "title": run.title or run.name,
        "parameters": run.parameters,
        "version": __version__,
        "started": began.isoformat(timespec="seconds"),
        "host": platform.node(),
    }
    failure: Failure | None = None
    try:
        if run.trouble:
            failure = Failure(None, "", "", run.trouble, "")
        else:
            executed = execute.execute(run, folder)
            failure = executed.failure
            if failure is None:
                record |= _render(executed, run, folder)
    except LianjianError as error:
        failure = Failure(None, "", "", str(error), "")
    except Exception as error:  # noqa: BLE001  (one report's trouble is not another's)
        trace = traceback.format_exc()
        failure = Failure(None, "", type(error).__name__, str(error), trace)
    seconds = time.perf_counter() - started
    record |= {"seconds": round(seconds, 2), "result": "failed" if failure else "ok"}
    if failure is not None:
        record["error"] = failure.summary
        record["cell"] = failure.cell
        files.write_text(folder / "error.txt", _explain(run, failure))
    files.write_text(folder / "run.json", files.to_json(record))
    if execute.stopping.is_set() and failure is not None:
        return Outcome(run, ok=False, seconds=seconds, message="interrupted", where="")
    place = staging.keep_failure if failure else staging.publish
    target = place(folder, reports, run.slug)
    where = f"{reports.name}/{target.name}/{'error.txt' if failure else 'report.html'}"
    message = failure.summary if failure else ""
    return Outcome(run, ok=failure is None, seconds=seconds, message=message, where=where)


def _render(executed: Executed, run: Run, folder: Path) -> dict[str, Any]:
    from analysis.reports import publish  # noqa: PLC0415  (nbconvert, fonts)

    content = (folder / "notebook.ipynb").read_bytes()
    page = publish.publish(executed.notebook, run, content)
    found = page.findings
    files.write_text(folder / "report.html", page.html)
    files.write_text(folder / "numbers.csv", ledger.numbers_csv(found))
    return {
        "title": page.title,
        "heading": page.heading,
        "subtitle": page.subtitle,
        "summary": page.summary,
        "run_id": page.run_id,
        "kind": found.kind,
        "citation": page.citation.record(),
        "checks": [check.record() for check in page.checks],
        "addresses": {p.anchor: p.reference for p in found.products},
        "datasets": [{"name": d["name"], "version": d["version"]} for d in found.datasets],
        "figures": sum(p.kind == "figure" for p in found.products),
        "tables": sum(p.kind == "table" for p in found.products),
        "numbers": [
            {"name": p.name, "label": p.facts["label"], "text": p.facts["text"],
             "anchor": p.anchor}
            for p in found.numbers
        ],
    }  # fmt: skip


def _explain(run: Run, failure: Failure) -> str:
    given = json.dumps(run.parameters, ensure_ascii=False)
    where = f"\nCell {failure.cell}:\n{failure.source}\n" if failure.cell else ""
    return (
        f"{run.notebook.name}, parameters {given}\n{failure.summary}\n{where}\n"
        f"{failure.traceback or failure.message}\n"
    )


def _close(runs: Sequence[Run], outcomes: Sequence[Outcome], seconds: float) -> int:
    """Say how it ended and return the exit code."""
    published = sum(outcome.ok for outcome in outcomes)
    failed = len(outcomes) - published
    words = f"{published} report{'s' if published != 1 else ''} published"
    words += f", {failed} failed" if failed else ""
    interrupted = execute.stopping.is_set()
    if interrupted:
        words = f"Stopped: {words}, {len(runs) - len(outcomes)} not run"
    sys.stdout.write(f"{words} in {seconds:.0f} s. Open {paths.reports().name}/index.html\n")
    return _INTERRUPTED if interrupted else 1 if failed else 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite kill end a run as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
