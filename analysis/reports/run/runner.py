"""Run the plan: each notebook in a kernel of its own, each report all or nothing."""

import contextlib
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import FrameType

from analysis import _language, paths
from analysis.clean import build
from analysis.errors import Exit, LianjianError
from analysis.files import of_system
from analysis.reports import calls, documents, finished
from analysis.reports.freshness import fingerprints
from analysis.reports.freshness.fingerprints import Decision
from analysis.reports.page import feed, index
from analysis.reports.plan import parameters, plan, source
from analysis.reports.plan.plan import Run
from analysis.reports.run import executors, kernels, report, staging
from analysis.reports.run.execute import Limits
from analysis.reports.run.progress import Progress
from analysis.reports.run.report import Task
from analysis.reports.run.results import NOT_RUN, UP_TO_DATE, Ended, Ending
from analysis.terminal import say, warn

_MOST_NAMED = 10  # failures named at the end; the index has them all
_COUNTED = {
    "done": "published",
    "rendered": "published",
    "failed": "failed",
    UP_TO_DATE: UP_TO_DATE,
    NOT_RUN: NOT_RUN,
}


@dataclass(frozen=True)
class Options:
    """How a plan is run."""

    jobs: int | None = None  # notebooks at a time; None takes what cores and memory allow
    force: bool = False  # run what is up to date as well
    limits: Limits = field(default_factory=Limits)  # where the plan does not say it
    formats: tuple[str, ...] = ()  # beside the page: "pdf", "docx"; what is there is kept up
    warm: bool | None = None  # fork kernels from a warm process; None where that is possible
    languages: tuple[str, ...] = ()  # of pages besides the English one
    scheduler: str = ""  # address of a Dask scheduler, empty to run here


def planned(
    only: Sequence[str] = (), given: Mapping[str, str] | None = None, dataset: str | None = None
) -> tuple[Run, ...]:
    """Return the selected runs of the plan, with parameters set."""
    selected = _selected(only, fixed=bool(given) or dataset is not None)
    runs = plan.override(selected, given or {}, dataset)
    if not runs:
        raise LianjianError("There is no notebook in notebooks/; one is called NN-name.ipynb.")
    return runs


def _selected(only: Sequence[str], *, fixed: bool) -> tuple[Run, ...]:
    """Return the runs of the plan that are named, and the reports beside it that are."""
    every = plan.load()
    names = {name for run in every for name in (run.slug, run.name)}
    words = dict.fromkeys(only)
    found = [fingerprints.named(word) for word in words if word not in names]
    beside = [run for run in found if run is not None]
    if beside and fixed:
        raise LianjianError(
            f"{beside[0].slug} has its parameters already. For another, name its notebook: "
            f"lianjian run {beside[0].name} -p …"
        )
    inside = [word for word in words if word not in {run.slug for run in beside}]
    planned = plan.select(every, inside) if inside or not beside else ()
    return (*planned, *beside)


def beside(runs: Sequence[Run]) -> dict[str, str]:
    """Say which reports beside a whole plan are out of date, and why."""
    reports = paths.reports()
    return fingerprints.stale(reports, {run.slug for run in runs}) if reports.is_dir() else {}


def trouble_of(folder: Path) -> str:
    """Say why a finished report is not what a run would make now, empty where it is."""
    failed = folder.with_name(f"{folder.name}{finished.FAILED}")
    if failed.is_dir():
        return f"its newest run failed (see {failed.parent.name}/{failed.name}/error.txt)"
    try:
        planned = {run.slug: run for run in plan.load()}
        run = planned.get(folder.name) or fingerprints.run_of(folder)
        decision = fingerprints.Fingerprints().decide(_with_languages(run, ()), folder)
    except LianjianError as error:
        return str(error)
    return f"it is out of date: {decision.why}" if decision.reasons else ""


def datasets(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the datasets that runs read: those they are told, name in their code, or read last.

    A dataset that only a module beside the notebook names is found from the second run on.
    """
    known = set(build.datasets())
    found = {build.PUBLISHED}  # prices and the register, which modules read
    for run in runs:
        if run.trouble:
            continue
        declared = parameters.read(run.notebook)
        default = declared["dataset"].default if "dataset" in declared else ""
        found.add(str(run.parameters.get("dataset", default)))
        found |= known & set(_named_in(run.notebook))
        with contextlib.suppress(LianjianError):
            data = finished.key_of(paths.reports() / run.slug).get("data") or ()
            read = (re.match(r"data/(?:raw|processed)/([^/]+)/", name) for name in data)
            found |= known & {match[1] for match in read if match}
    return tuple(sorted(found - {""}, key=lambda name: (name != build.PUBLISHED, name)))


@cache
def _named_in(notebook: Path) -> frozenset[str]:
    """Return what stands between quotes or slashes in the code of a notebook."""
    code = "\n".join(cell.source for cell in source.code_cells(notebook))
    return frozenset(re.findall(r"""(?<=["'/])[^"'/\s]+(?=["'/])""", code))


def decide(
    runs: Sequence[Run], *, force: bool = False, languages: Sequence[str] = ()
) -> list[tuple[Run, Decision]]:
    """Say for each run what is to be done, and why; pages in these languages are asked for."""
    asked_for = tuple(map(_language.checked, languages))
    look = fingerprints.Fingerprints()
    found = []
    for run in (_with_languages(run, asked_for) for run in runs):
        folder = paths.reports() / run.slug
        decision = look.decide(run, folder)
        asked = "--force was given" if force else _asked_again(run)
        if asked and decision.action != "run":
            decision = Decision("run", (asked,))
        found.append((run, decision))
    return found


def _with_languages(run: Run, asked_for: Collection[str]) -> Run:
    """Return a run with the languages of its pages: those asked for, and those that are there."""
    folder = paths.reports() / run.slug
    there = (c for c in _language.languages() if (folder / _language.page_file(c)).is_file())
    return replace(run, languages=tuple(sorted({*run.languages, *asked_for, *there})))


def _asked_again(run: Run) -> str:
    """Say why the plan wants a run again though nothing that it follows from has changed."""
    if run.always:
        return "always asked for"
    if not run.max_age:
        return ""
    try:
        made = datetime.fromisoformat(finished.record_of(paths.reports() / run.slug)["started"])
    except (ValueError, KeyError):
        return ""  # `Fingerprints.decide` says what is wrong with the record
    old = datetime.now(UTC) - made > plan.age(run.max_age)
    return f"older than {run.max_age} (made {made:%Y-%m-%d %H:%M} UTC)" if old else ""


def run(
    *,
    only: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
    dataset: str | None = None,
    options: Options = Options(),
) -> Exit:
    """Run the plan, or a part of it, as `make` does, and return the exit code."""
    return make(planned(only, parameters, dataset), options).exit


def make(runs: Sequence[Run], options: Options = Options()) -> Ended:
    """Make the reports of runs that are out of date, and write the index."""
    documents.require(options.formats)
    reports = paths.reports()
    reports.mkdir(exist_ok=True)
    started = time.perf_counter()
    with staging.alone(reports) as token:
        staging.sweep(reports)
        planned = {run.slug for run in plan.load()}
        # failures that nothing asks for go; reports wait for a person
        gone = finished.orphans(reports, planned)
        finished.remove([one for one in gone if one.folder.name.endswith(finished.FAILED)])
        decided = decide(runs, force=options.force, languages=options.languages)
        _language.expect((run.slug, code) for run, _ in decided for code in run.languages)
        tasks = [_task(run, decision, planned, token, options) for run, decision in decided]
        due = [task for task in tasks if task.action != "none" or task.formats]
        names = {task.run.slug for task in due}
        for run in runs:
            if run.slug not in names:
                staging.drop_failure(reports, run.slug)
        # the longest first, so that none is left over at the end
        due.sort(key=lambda task: -finished.record_of(reports / task.run.slug).get("seconds", 0.0))
        found = {ending.report: ending for ending in (_perform(due, options) if due else ())}
        trouble = _write_index(reports, planned, anew=bool(due))
    endings = tuple(found.get(task.run.slug) or _untouched(task, names) for task in tasks)
    ended = Ended(_exit(endings, trouble), time.perf_counter() - started, endings)
    _close(ended, trouble)
    return ended


def _task(
    run: Run, decision: Decision, planned: Container[str], token: str, options: Options
) -> Task:
    """Return what is to be done for a run; nothing, where it needs neither page nor formats."""
    reports, limits = paths.reports(), options.limits
    folder = reports / run.slug
    is_due = decision.action != "none" or documents.lacks(folder, options.formats)
    return Task(
        run,
        decision.action,
        reports,
        token,
        documents.kept(folder, options.formats) if is_due else (),
        options.warm,
        Limits(limits.cell or run.cell_seconds, limits.run or run.run_seconds),
        "plan" if run.slug in planned else "command line",
        decision.reasons,
    )


def _untouched(task: Task, due: Container[str]) -> Ending:
    """Say of a task that nothing was done for it; what is wrong with its report still is."""
    if task.run.slug in due:
        return task.ending(NOT_RUN)
    record = finished.record_of(paths.reports() / task.run.slug)
    return task.ending(UP_TO_DATE, notes=tuple(record.get("notes", ())))


def _perform(tasks: Sequence[Task], options: Options) -> list[Ending]:
    """Run everything where the options say."""
    try:
        if not options.scheduler and any(task.action == "run" for task in tasks):
            notebooks = [task.run.notebook for task in tasks if not task.run.trouble]
            kernels.get_ready(notebooks, warm=options.warm)
            fingerprints.get_ready(notebooks)  # while the warm process still imports
        with executors.open_executor(options.jobs, len(tasks), options.scheduler) as pool:
            return _run_all(tasks, pool)
    finally:
        kernels.cool_down()
        staging.sweep(paths.reports())


def _write_index(reports: Path, planned: Collection[str], *, anew: bool) -> str:
    """Write what lists the reports, where it is not true any more; return what kept it from it."""
    try:
        old = fingerprints.stale(reports, planned)
        told = reports / feed.FEED  # it follows from what each run recorded
        is_told = told.is_file() and told.read_bytes() == feed.render(reports)
        if anew or not is_told or not index.is_of(reports, old):
            index.write(reports, old)
    except OSError as error:
        reason = of_system(error, reports)
        return f"{reports.name}/index.html could not be written: {reason}"
    except LianjianError as error:
        return str(error)
    return ""


def _run_all(tasks: Sequence[Task], pool: Executor) -> list[Ending]:
    """Run everything on an executor; an interruption ends every kernel and returns."""
    kernels.stopping.clear()
    outcomes: list[Ending] = []
    futures: dict[Future[Ending], Task] = {}
    progress = Progress([task.run.slug for task in tasks])
    with contextlib.closing(progress), _terminable():
        try:
            futures = {pool.submit(report.perform, task): task for task in tasks}
            if not executors.is_remote(pool) and any(map(_may_show, tasks)):
                # while the first kernels start; in a thread, for an interruption reaches this one
                threading.Thread(target=calls.get_ready).start()
            pending = set(futures)
            while pending:
                progress.running([futures[f].run.slug for f in futures if f.running()])
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda f: futures[f].run.slug):
                    outcomes.append(_result(future, futures[future]))
                    progress.finished(outcomes[-1])
        except KeyboardInterrupt:
            kernels.stopping.set()
            for future in futures:
                future.cancel()
            while not executors.is_remote(pool) and not all(f.done() for f in futures):
                kernels.stop_all()
                wait(futures, timeout=0.2)
            told = {outcome.report for outcome in outcomes}
            for future, task in futures.items():  # what was published meanwhile
                if task.run.slug in told or not future.done() or future.cancelled():
                    continue
                outcome = _result(future, task)
                if outcome.ok:
                    outcomes.append(outcome)
                    progress.finished(outcome)
    return outcomes


def _may_show(task: Task) -> bool:
    """Whether a run may have charts and tables, which only the library shows."""
    if task.action != "run" or task.run.trouble:
        return False
    return any("analysis" in cell.source for cell in source.code_cells(task.run.notebook))


def _result(future: Future[Ending], task: Task) -> Ending:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  (a worker that is lost is one report's trouble)
        return task.ending("failed", message=f"{type(error).__name__}: {error}")


def _exit(endings: Sequence[Ending], trouble: str) -> Exit:
    if kernels.stopping.is_set():
        return Exit.INTERRUPTED
    is_bad = any(not ending.ok or ending.written for ending in endings)
    return Exit.FAILED if is_bad or trouble else Exit.GOOD


def _close(ended: Ended, trouble: str) -> None:
    """Say how it ended, what failed, and where to look."""
    counts = Counter(_COUNTED[ending.result] for ending in ended.endings)
    published = counts["published"]
    words = {
        "published": f"{published} report{'s' if published > 1 else ''} published",
        **{word: f"{counts[word]} {word}" for word in (UP_TO_DATE, "failed", NOT_RUN)},
    }
    said = ", ".join(text for word, text in words.items() if counts[word])
    seconds = ended.seconds
    spent = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    closing = f"{said} in {spent}. Open {paths.reports().name}/index.html"
    say(f"Stopped: {closing}" if ended.exit is Exit.INTERRUPTED else closing)
    for ending in ended.endings:
        for note in ending.notes:
            warn(f"{ending.report} {note}")
    failed = [ending for ending in ended.endings if not ending.ok]
    for ending in failed[:_MOST_NAMED]:
        old = (paths.reports() / ending.report / finished.RECORD).is_file()
        what = "its last good report stays" if old else "it has no report"
        warn(f"{ending.report} failed ({what}); see {ending.file or 'the lines above'}")
    if len(failed) > _MOST_NAMED:
        warn(f"{len(failed) - _MOST_NAMED:,} more failed; see {paths.reports().name}/index.html")
    if trouble:
        warn(f"{trouble} What was published stays.")


@contextlib.contextmanager
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
