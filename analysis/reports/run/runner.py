"""Run the plan: each notebook in a kernel of its own, each report all or nothing."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType, MappingProxyType

from analysis import paths
from analysis.errors import LianjianError
from analysis.reports.documents import documents
from analysis.reports.freshness import adhoc, fingerprints
from analysis.reports.freshness.fingerprints import Decision
from analysis.reports.page import index
from analysis.reports.plan import plan
from analysis.reports.plan.plan import Run
from analysis.reports.run import executors, launch, report, staging
from analysis.reports.run.execute import Limits
from analysis.reports.run.progress import Progress
from analysis.reports.run.report import Outcome, Task
from analysis.terminal import say

_NOTHING: Mapping[str, str] = MappingProxyType({})
_INTERRUPTED = 130  # what a shell reports for Ctrl-C


@dataclass(frozen=True)
class Options:
    """How a plan is run.

    Attributes
    ----------
    jobs : int or None
        How many notebooks run at a time; None takes what cores and memory allow.
    force : bool
        Whether to run what is up to date as well.
    limits : Limits
        How long a cell and a run may take, where the plan does not say it.
    formats : tuple of str
        What to make beside the page: ``"pdf"``, ``"docx"``; what is there already is kept up.
    warm : bool or None
        Whether kernels are forked from a warm process; None where that is possible.
    scheduler : str
        Address of a Dask scheduler, empty to run here.
    """

    jobs: int | None = None
    force: bool = False
    limits: Limits = field(default_factory=Limits)
    formats: tuple[str, ...] = ()
    warm: bool | None = None
    scheduler: str = ""


def planned(
    only: Sequence[str] = (), given: Mapping[str, str] = _NOTHING, dataset: str | None = None
) -> tuple[Run, ...]:
    """Return the selected runs of the plan, with parameters set.

    Parameters
    ----------
    only : sequence of str
        Notebooks, or beginnings of report names; empty selects all.
    given : mapping of str to str
        Parameters for every selected notebook, as texts.
    dataset : str, optional
        Value of the parameter ``dataset`` where a notebook has one.

    Raises
    ------
    LianjianError
        The plan, the selection or a parameter is wrong.
    """
    runs = plan.override(_selected(only, fixed=bool(given) or dataset is not None), given, dataset)
    if not runs:
        raise LianjianError("There is no notebook in notebooks/; one is called NN-name.ipynb.")
    return runs


def _selected(only: Sequence[str], *, fixed: bool) -> tuple[Run, ...]:
    """Return the runs of the plan that are named, and the reports beside it that are."""
    every = plan.load()
    names = {name for run in every for name in (run.slug, run.name)}
    words = dict.fromkeys(only)
    found = [adhoc.named(word) for word in words if word not in names]
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
    return adhoc.stale(reports, {run.slug for run in runs}) if reports.is_dir() else {}


def datasets(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the datasets that runs are told to read, beyond their notebooks' defaults."""
    named = (run.parameters.get("dataset") for run in runs)
    return tuple(dict.fromkeys(str(name) for name in named if name))


def decide(runs: Sequence[Run], *, force: bool = False) -> list[tuple[Run, Decision]]:
    """Say for each run what is to be done, and why."""
    look = fingerprints.Fingerprints()
    reports = paths.reports()
    found = []
    for run in runs:
        decision = look.decide(run, reports / run.slug)
        if force and decision.action != "run":
            decision = Decision("run", ("--force was given",))
        found.append((run, decision))
    return found


def run(
    *,
    only: Sequence[str] = (),
    parameters: Mapping[str, str] = _NOTHING,
    dataset: str | None = None,
    options: Options = Options(),
) -> int:
    """Run the plan, or a part of it, and write the index.

    Parameters
    ----------
    only, parameters, dataset
        As for `planned`.
    options : Options
        How.

    Returns
    -------
    int
        0 when every report is there and up to date, 1 when one failed, 130 when interrupted.

    Raises
    ------
    LianjianError
        The plan, the selection or a parameter is wrong, or another process writes the reports;
        nothing has run then.
    """
    documents.require(options.formats)
    runs = planned(only, parameters, dataset)
    reports = paths.reports()
    reports.mkdir(exist_ok=True)
    started = time.perf_counter()
    with staging.alone(reports) as token:
        staging.sweep(reports)
        if not (only or parameters or dataset):
            staging.forget_failures(reports, {path.name for path in plan.discover().values()})
        tasks = [
            Task(
                each, decision.action, reports, token,
                documents.kept(reports / each.slug, options.formats), options.warm,
                _limits(each, options.limits),
            )
            for each, decision in decide(runs, force=options.force)
            if decision.action != "none" or documents.lacks(reports / each.slug, options.formats)
        ]  # fmt: skip
        waiting = {task.run.slug for task in tasks}
        for each in runs:
            if each.slug not in waiting:
                staging.drop_failure(reports, each.slug)
        outcomes: list[Outcome] = []
        if tasks:
            # the longest first, so that none is left over at the end
            tasks.sort(key=lambda task: -_last_seconds(reports / task.run.slug))
            try:
                if not options.scheduler and any(task.action == "run" for task in tasks):
                    launch.get_ready(warm=options.warm)
                with executors.open_executor(options.jobs, len(tasks), options.scheduler) as pool:
                    outcomes = _run_all(tasks, pool)
            finally:
                launch.cool_down()
            staging.sweep(reports)
        known = {r.slug for r in (plan.load() if only or parameters or dataset else runs)}
        old = adhoc.stale(reports, known)
        if tasks or not index.is_of(reports, old):
            index.write(reports, old)
    return _close(len(runs), len(tasks), outcomes, time.perf_counter() - started)


def _limits(run: Run, given: Limits) -> Limits:
    return replace(given, cell=given.cell or run.cell_seconds, run=given.run or run.run_seconds)


def _last_seconds(folder: Path) -> float:
    try:
        return float(json.loads((folder / "run.json").read_text("utf-8"))["seconds"])
    except (OSError, ValueError, KeyError):
        return 0.0


def _run_all(tasks: Sequence[Task], pool: Executor) -> list[Outcome]:
    """Run everything on an executor; an interruption ends every kernel and returns."""
    launch.stopping.clear()
    outcomes: list[Outcome] = []
    futures: dict[Future[Outcome], Task] = {}
    progress = Progress([task.run.slug for task in tasks])
    with contextlib.closing(progress), _terminable():
        try:
            futures = {pool.submit(report.perform, task): task for task in tasks}
            pending = set(futures)
            while pending:
                progress.running([futures[f].run.slug for f in futures if f.running()])
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda f: futures[f].run.slug):
                    outcomes.append(_result(future, futures[future]))
                    progress.finished(outcomes[-1])
        except KeyboardInterrupt:
            launch.stopping.set()
            for future in futures:
                future.cancel()
            while not executors.is_remote(pool) and not all(f.done() for f in futures):
                launch.stop_all()
                wait(futures, timeout=0.2)
            told = {outcome.slug for outcome in outcomes}
            for future, task in futures.items():  # what was published meanwhile
                if task.run.slug in told or not future.done() or future.cancelled():
                    continue
                outcome = _result(future, task)
                if outcome.ok:
                    outcomes.append(outcome)
                    progress.finished(outcome)
    return outcomes


def _result(future: Future[Outcome], task: Task) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  (a worker that is lost is one report's trouble)
        reason = f"{type(error).__name__}: {error}"
        return Outcome(task.run.slug, "failed", 0.0, reason, "")


def _close(total: int, tasks: int, outcomes: Sequence[Outcome], seconds: float) -> int:
    """Say how it ended and return the exit code."""
    published = sum(outcome.ok for outcome in outcomes)
    failed = len(outcomes) - published
    parts = [f"{published} report{'s' if published > 1 else ''} published"] if published else []
    parts += [f"{total - tasks} up to date"] if total > tasks else []
    parts += [f"{failed} failed"] if failed else []
    words = ", ".join(parts)
    interrupted = launch.stopping.is_set()
    if interrupted:
        words = f"Stopped: {', '.join([*parts, f'{tasks - len(outcomes)} not run'])}"
    spent = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    say(f"{words} in {spent}. Open {paths.reports().name}/index.html")
    return _INTERRUPTED if interrupted else 1 if failed else 0


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
