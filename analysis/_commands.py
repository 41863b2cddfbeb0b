"""What each command of ``lianjian`` does with its options; what it returns is the exit code."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.errors import DataError, Exit, LianjianError, did_you_mean
from analysis.paths import SIMULATED
from analysis.terminal import answer, answer_json, say, warn, words

if TYPE_CHECKING:
    from analysis.clean.build import Built
    from analysis.clean.intake import TakenIn
    from analysis.reports.run.results import Ended

# Heavy modules are imported by the command that needs them: --help answers at once.

SCHEMA = 1
"""Version of the JSON that commands write; it grows when a key goes or changes its meaning."""


def perform(options: argparse.Namespace) -> tuple[int, str]:
    """Do what a command line asks for; return the exit code, and what stood in the way."""
    try:
        _stand_somewhere()
        return options.action(options) or Exit.GOOD, ""
    except LianjianError as error:
        return error.exit, str(error)
    except OSError as error:
        import tempfile

        from analysis.files import of_system

        return Exit.FAILED, of_system(error, Path(tempfile.gettempdir()))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED, "stopped"


def refuse(command: str, is_for_program: bool, junit: Path | None, reason: str) -> Exit:
    """Tell programs that a command line could not be read: no result of yesterday stays."""
    from analysis.reports.run.results import write_junit

    if junit is not None:
        try:
            write_junit(junit, error=reason)
        except LianjianError as error:
            warn(str(error))
    if is_for_program:
        answer_json(for_program(command, exit=Exit.REFUSED, error=reason))
    return Exit.REFUSED


def _stand_somewhere() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise LianjianError(
            "The folder that this was started in is gone. Change to one that exists."
        ) from None


def for_program(command: str, **content: Any) -> dict[str, Any]:
    """Return what a command answers to ``--json``; docs/schemas describes each."""
    return {"schema": SCHEMA, "command": command, **content}


def _answer(options: argparse.Namespace, lines: Iterable[str], /, **content: Any) -> int:
    """Answer a person with lines, or a program with what they say."""
    if options.json:
        answer_json(for_program(**{"command": options.command, **content}))
    else:
        for line in lines:
            answer(words(line))
    return Exit.GOOD


def _assignments(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise LianjianError(f"-p takes NAME=VALUE, and {pair!r} is not of that form.")
        if name in found:
            raise LianjianError(f"-p sets {name!r} twice, to {found[name]!r} and to {value!r}.")
        found[name] = value
    return found


def simulate(options: argparse.Namespace) -> None:
    parameters = _assignments(options.parameters)
    if parameters and not options.name:
        raise LianjianError(
            f"Name what is drawn with other parameters: lianjian simulate trial -p …. {SIMULATED} "
            "is the default simulation, on which the reports of the plan stand; who wants it drawn "
            f"otherwise names it too: lianjian simulate {SIMULATED} -p …"
        )
    name = options.name or SIMULATED
    _write_simulated(name, parameters)
    say(f"now: lianjian build {name}")


def _write_simulated(name: str, parameters: Mapping[str, str]) -> None:
    from analysis import paths
    from analysis import simulate as world

    folder = paths.dataset_folder(name)
    world.write(world.simulate(world.read_scenario(parameters)), folder)
    say(f"simulated ledgers written to {folder}")


def new(options: argparse.Namespace) -> int:
    from analysis.clean.intake import take_in

    taken = take_in(
        options.name,
        options.files,
        villages=options.villages,
        register=options.register,
        title=options.title,
        is_simulated=options.simulated,
    )
    return _taken_in(taken, options.name)


def add(options: argparse.Namespace) -> int:
    from analysis.clean import intake

    return _taken_in(intake.add(options.name, options.files), options.name)


def update(options: argparse.Namespace) -> int:
    from analysis.clean import intake

    return _taken_in(intake.update(options.name, options.file, options.replaces), options.name)


def _taken_in(taken: "TakenIn", name: str) -> int:
    if taken.tables:
        say(f"{taken.files} files, {taken.tables} tables, {taken.questions} questions to answer")
    for sentence in taken.renamed:
        say(sentence)
    for reason in taken.refused:
        warn(reason)
    answers = f"answer {taken.answers}, or questions.xlsx beside it, then"
    first = answers if taken.questions else "now"
    say(f"taken in as {taken.folder}; {first}: lianjian build {name}")
    return Exit.INCOMPLETE if taken.refused else Exit.GOOD


def build(options: argparse.Namespace) -> int:
    from analysis import _language, paths
    from analysis.clean.build import datasets

    spoken = _language.at_the_terminal(options.spoken or "")
    own_page = _language.page_file(spoken.code if spoken else "en", "issues.html")
    is_lacking = not paths.card_file(SIMULATED).is_file() or _is_outdated(SIMULATED)
    if is_lacking and (not options.names or SIMULATED in options.names):
        _write_simulated(SIMULATED, {})
    failed = Exit.GOOD
    for name in options.names or datasets():
        try:
            built = _made(name)
        except LianjianError as error:
            # one dataset with a fault does not keep the others from being built
            warn(f"{name} was not built, and what was built of it before stays. {error}")
            failed = Exit.NO_DATA
            continue
        rows = ", ".join(f"{table} {count:,}" for table, count in built.rows.items())
        named = _named(name, built)
        say(f"{named} built: {rows}" if built.fresh else f"{named} up to date: {rows}")
        if nobody := _nobody(name, built.rows):
            warn(nobody)
            failed = failed or Exit.INCOMPLETE
        if built.score:
            say(f"  {_in_words(built.score)}")
        elif built.left_out and not nobody:
            say(f"  left out:{_first(built.left_out)}")
        if built.errors:
            page = paths.processed() / name / own_page
            say(f"  {built.errors} of {built.issues} issues are errors; go through {page}")
        if (to_fill := _open_places(name)) and not nobody:
            say(f"  villages that are not known: fill in {to_fill}, save it there and build again")
        if _lacks(name, built):
            failed = failed or Exit.INCOMPLETE
    return failed


def _made(name: str) -> "Built":
    """Build a dataset, where it is out of date, and say what was mended for it."""
    from analysis import paths
    from analysis.clean.build import build as build_dataset
    from analysis.files import of_system

    try:
        built = build_dataset(name)
    except OSError as error:
        raise DataError(of_system(error, paths.processed())) from error
    for sentence in built.taken_over:
        say(sentence)
    for fault in built.mended:
        warn(f"{fault}; built again")
    return built


def _named(name: str, built: "Built") -> str:
    return f"{name} ({built.kind}, version {built.version}, code {built.code})"


def _lacks(name: str, built: "Built") -> bool:
    """Say which files of a dataset were not read."""
    if built.refused:
        warn(f"{name} lacks what was not read: {', '.join(built.refused)}")
    return bool(built.refused)


def _is_outdated(name: str) -> bool:
    """Whether an earlier version of the simulation wrote a dataset."""
    from analysis import paths
    from analysis.clean.simulated import is_outdated
    from analysis.clean.sources import read_cards, read_toml

    card_file = paths.card_file(name)
    try:
        return is_outdated(read_toml(card_file), read_cards(card_file))
    except LianjianError:
        return False  # it is missing or broken, and building it says so


def _renew(asked: str | None, *, writes: bool) -> None:
    """Write the default simulation anew before a plan asks what an earlier version's covers."""
    for name in dict.fromkeys((SIMULATED, asked or SIMULATED)):
        if not _is_outdated(name):
            continue
        if name != SIMULATED or not writes:
            command = "build" if name == SIMULATED else "simulate"
            warn(
                f"{name} was written by an earlier version of the simulation, with other villages "
                f"and counties: lianjian {command} {name} writes it anew"
            )
        else:
            _write_simulated(name, {})
            _made(name)


_SHOWN = 8


def _first(sentences: Sequence[str]) -> str:
    """Return the first of some sentences, a line each, and how many there are besides."""
    shown = "".join(f"\n  {one}" for one in sentences[:_SHOWN])
    return shown + (f"\n  and {len(sentences) - _SHOWN} more" if sentences[_SHOWN:] else "")


def _open_places(name: str) -> "Path | None":
    """Return the file that asks which villages are meant, where it has open lines."""
    from analysis import paths
    from analysis.clean.decisions import CROSSWALK, to_fill

    path = paths.decisions(name) / to_fill(CROSSWALK)
    return path if path.is_file() else None


def _nobody(name: str, rows: Mapping[str, int]) -> str:
    """Say that no village of a dataset is known, empty when some are."""
    if rows.get("villages", 1):
        return ""
    from analysis.clean import manifest

    if not _open_places(name):
        left_out = manifest.read(name).get("left_out", [])
        return f"Nothing of {name} is booked, because these were left out:{_first(left_out)}"
    return (
        f"{name} has no village that the register knows, so there is nothing to report on. Go "
        f"through data/processed/{name}/issues.html; fill in data/decisions/{name}/"
        "crosswalk-to-fill.csv, save it there and build again, or take the books in "
        "with a register of their villages (`lianjian new … --register`)."
    )


def _in_words(score: Mapping[str, int]) -> str:
    """Say how well the books of a simulation were read."""
    return (
        f"of {score['cells']:,} amounts without a fault {score['right']:,} read right, "
        f"{score['wrong']:,} wrong, {score['refused'] + score['unread']:,} not read, "
        f"{score['unplaced']:,} for a person to place; "
        f"of {score['faults']:,} planted faults {score['found']:,} found"
    )


def run(options: argparse.Namespace) -> int:
    if options.dry_run and not options.junit:
        return why(options)
    from analysis import paths
    from analysis.reports.run import kernels

    warm = {"auto": None, "warm": True, "plain": False}[options.kernels]
    with _junit(options.junit) as ended:
        if options.dry_run:
            raise LianjianError("--junit says how runs ended, --dry-run runs none: leave one out.")
        try:
            if not options.scheduler and not any(paths.reports().glob("*/run.json")):
                kernels.start(warm=warm)  # nothing is there: it imports while the plan is read
            ended.append(_run(options, warm=warm))
        finally:
            kernels.cool_down()
    return ended[0].exit


@contextmanager
def _junit(file: Path | None) -> Iterator[list["Ended"]]:
    """Write how a plan ended, whatever comes of it, to a file that is tried before it begins."""
    from analysis.reports.run.results import write_junit

    ended: list[Ended] = []
    if file is None:
        yield ended
        return
    is_stream = file.exists() and not file.is_file() and not file.is_dir()
    if not is_stream:  # a kill leaves no result of yesterday
        write_junit(file, error="the run has not come to its end")
    try:
        yield ended
    except BaseException as error:
        write_junit(file, error=str(error) or "stopped")
        raise
    write_junit(file, ended[0].seconds, ended[0].endings)


def _run(options: argparse.Namespace, *, warm: bool | None) -> "Ended":
    from dataclasses import replace

    from analysis.reports.plan import notebooks
    from analysis.reports.run import results, runner
    from analysis.reports.run.execute import Limits

    _renew(options.dataset, writes=True)
    selected = _selected(options)
    runs = runner.planned(*selected)
    left = notebooks.find()
    if left.said and not any(selected):
        say(left.said)
    # what the notebooks read must be what the raw files say now
    built = _built(runner.datasets(runs))
    if any(dataset["built"] for dataset in built):  # they may cover other counties than before
        runs = runner.planned(*selected)
    how = runner.Options(
        jobs=options.jobs,
        force=options.force,
        limits=Limits(options.cell_seconds, options.run_seconds),
        formats=tuple(options.formats),
        warm=warm,
        languages=tuple(options.languages),
        scheduler=options.scheduler,
    )
    ended = runner.make(runs, how)
    if ended.exit is Exit.GOOD and any(dataset["not_read"] for dataset in built):
        ended = replace(ended, exit=Exit.INCOMPLETE)
    if options.json:
        answer_json(
            for_program("run", **results.as_json(ended), datasets=built, left_alone=left.left)
        )
    return ended


def _built(names: Sequence[str]) -> list[dict[str, Any]]:
    """Build datasets that runs read, say which were out of date, and return what they are now."""
    built = []
    for name in names:
        try:
            dataset = _made(name)
        except LianjianError as error:
            raise DataError(f"Nothing ran, because {name} cannot be built. {error}") from error
        if dataset.fresh:
            say(f"{_named(name, dataset)} built")
        if nobody := _nobody(name, dataset.rows):
            raise DataError(nobody)
        _lacks(name, dataset)
        known = {"name": name, "kind": dataset.kind, "version": dataset.version}
        built.append({**known, "built": dataset.fresh, "not_read": list(dataset.refused)})
    return built


def _selected(
    options: argparse.Namespace,
) -> tuple[list[str], dict[str, str], str | None]:
    """Return the selection, the parameters and the dataset of a command line."""
    return [*options.notebooks, *options.only], _assignments(options.parameters), options.dataset


def translate(options: argparse.Namespace) -> None:
    from analysis import _language
    from analysis.reports import translate as messages

    codes = options.languages or _language.languages()
    for code in codes:
        for found in messages.update(code, prune=options.prune):
            told = (f"{count} {word}" for word, count in found.counts.items() if count)
            say(f"translations/{code}/{found.file}: {', '.join(told) or 'all translated'}")
            if found.unbuilt:
                names = " ".join(found.unbuilt)
                warn(
                    f"{names} is not built, so what translations/{code}/{found.file} says of it "
                    f"is kept as it was: lianjian build {names}"
                )
    if not codes:
        raise LianjianError("There is no translation yet; name a language: lianjian translate zh.")


def why(options: argparse.Namespace) -> int:
    from analysis import paths
    from analysis.clean import manifest
    from analysis.reports import finished
    from analysis.reports.plan import notebooks
    from analysis.reports.run import runner

    _renew(options.dataset, writes=False)
    selected = _selected(options)
    runs = runner.planned(*selected)
    words = {"none": "up to date", "render": "new page", "run": "run"}
    force, languages = getattr(options, "force", False), getattr(options, "languages", ())
    for name in runner.datasets(runs) if any(run.each for run in runs) else ():
        if not manifest.is_built(name):
            warn(f"{name} is not built, so all counties are listed: lianjian build {name}")
    decided = runner.decide(runs, force=force, languages=languages)
    entries: list[dict[str, Any]] = [
        {"report": run.slug, "notebook": run.name, "action": words[decision.action]}
        | {"reasons": list(decision.reasons)}
        for run, decision in decided
    ]
    beside: dict[str, str] = {}
    orphans: list[finished.Orphan] = []
    if not any(selected) and paths.reports().is_dir():
        orphans = finished.orphans(paths.reports(), {run.slug for run in runs})
        told = {orphan.folder.name for orphan in orphans}
        beside = {slug: text for slug, text in runner.beside(runs).items() if slug not in told}
    old = [{"report": slug, "reason": reason} for slug, reason in beside.items()]
    gone = [{"folder": orphan.folder.name, "reason": orphan.reason} for orphan in orphans]
    width = max(len(run.slug) for run in runs)
    lines = [
        f"{run.slug:<{width}}  {words[decision.action]}: {decision.why}".rstrip(": ")
        for run, decision in decided
    ]
    lines += [f"{slug:<{width}}  beside the plan, out of date: {t}" for slug, t in beside.items()]
    if orphans:
        lines.append(f"{len(orphans)} that nothing asks for any more: `lianjian prune` lists them")
    left = notebooks.find()
    if left.said and not any(selected):
        lines.append(left.said)
    counts = Counter(entry["action"] for entry in entries)
    lines.append(", ".join(f"{counts[word]} {word}" for word in words.values() if counts[word]))
    content = {"reports": entries, "beside": old, "orphans": gone, "left_alone": left.left}
    return _answer(options, lines, command="why", **content)  # a dry run is an answer to it, too


def prune(options: argparse.Namespace) -> None:
    from analysis import paths
    from analysis.reports import finished
    from analysis.reports.plan import plan
    from analysis.reports.run import staging

    reports = paths.reports()
    planned = {run.slug for run in plan.load()}
    found = finished.orphans(reports, planned) if reports.is_dir() else []
    for orphan in found:
        also = f"; left, because it holds {', '.join(orphan.foreign)}" if orphan.foreign else ""
        answer(words(f"{reports.name}/{orphan.folder.name}: {orphan.reason}{also}"))
    ours = [orphan for orphan in found if not orphan.foreign]
    if not ours:
        say("nothing to remove")
    elif options.yes:
        with staging.alone(reports):
            removed = finished.remove(ours)
        say(f"{len(removed)} removed; `lianjian run` renews the index")
    else:
        say(f"{len(ours)} to remove: lianjian prune --yes")


def adopt(options: argparse.Namespace) -> None:
    from shlex import quote

    from analysis.reports.plan import notebooks

    to = notebooks.adopt(options.notebook, options.name)
    say(f"moved to notebooks/{to.name}; now: lianjian run {quote(to.stem)}")


def kernel(options: argparse.Namespace) -> int:
    from analysis import _desk

    if options.remove:
        gone = _desk.remove_kernel()
        say(f"removed: {gone}" if gone else "there is no kernel lianjian to remove")
        return Exit.GOOD
    place = _desk.write_kernel()
    say(f"every Jupyter of yours, and VS Code, now offers the kernel lianjian: {place}")
    return Exit.GOOD


def explain(options: argparse.Namespace) -> int:
    from analysis.clean.ledger import trace

    found = trace.explain(options.name, options.village, options.year, options.account)
    return _answer(options, trace.in_words(found), dataset=options.name, **found)


def diff(options: argparse.Namespace) -> int:
    from analysis.clean.ledger import changes

    found = changes.changes(options.name)
    return _answer(options, changes.in_words(found), dataset=options.name, changes=found)


def clean(options: argparse.Namespace) -> None:
    from analysis import paths
    from analysis.reports.plan import plan
    from analysis.reports.run import clean as cleaning
    from analysis.reports.run import staging

    with staging.alone(paths.reports()):
        found = cleaning.found({run.slug for run in plan.load()}, every=options.every)
        root = paths.root()
        for item in found:
            name = item.folder.relative_to(root).as_posix()
            if item.files:
                say(f"removed: {name}" + (f", but not {item.stays}" if item.stays else ""))
            else:
                say(f"stays: {name}: {item.stays}")
        cleaning.remove(found)
    if not found:
        say("nothing to remove")


def params(options: argparse.Namespace) -> int:
    from analysis.clean import scope
    from analysis.clean.build import must_exist
    from analysis.reports.plan import notebooks, parameters
    from analysis.reports.text import numbered

    found = notebooks.find().planned
    name = numbered(options.notebook.removesuffix(".ipynb"))
    name = next((known for known in found if known == name or known.startswith(f"{name}-")), name)
    if name not in found:
        near = did_you_mean(name, found)
        raise LianjianError(f"There is no notebook {name!r}.{near} There are: {', '.join(found)}.")
    declared = parameters.read(found[name])
    default = declared["dataset"].default if "dataset" in declared else ""
    if options.dataset is not None:
        must_exist(options.dataset)
    covered = scope.of(str(options.dataset or default))
    if options.dataset and "dataset" not in declared:
        warn(f"{name} has no parameter 'dataset': what it reads stands in its code")
    elif options.dataset and not covered.years:
        warn(f"{options.dataset} holds no villages by year; what reads them cannot run on it")
    rows = parameters.summary(declared, covered)
    if options.json:
        columns = ("name", "type", "default", "meaning")
        entries = [dict(zip(columns, (*row[:3], " ".join(row[3])), strict=True)) for row in rows]
        return _answer(options, [], notebook=name, parameters=entries)
    if not rows:
        say(f"{name} has no parameters")
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for row in rows:  # what a person types stays as it is
        typed = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
        answer("  ".join([*typed, " ".join(map(words, row[3]))]).rstrip())
    return Exit.GOOD


def compare(options: argparse.Namespace) -> int:
    from analysis.reports.page import ledger

    changes = ledger.compare(options.old, options.new, options.tolerance)
    flipped = ledger.flipped(options.old, options.new)
    if options.json:
        answer_json([*(change.__dict__ for change in changes), *({"claim": f} for f in flipped)])
    elif changes or flipped:
        answer("\n".join([*map(str, changes), *flipped]))
    else:
        answer(words("no number moved"))
    return Exit.FAILED if changes or flipped else Exit.GOOD


def render(options: argparse.Namespace) -> None:
    from analysis.reports import documents

    _caution(options.reports)
    written = documents.render(options.reports, options.formats or ["pdf"])
    for path in written:
        say(f"{path.parent.parent.name}/{path.parent.name}/{path.name} written")


def review(options: argparse.Namespace) -> None:
    from analysis.reports import release as releasing

    for decision, address in (("release", options.let_out), ("withhold", options.withhold)):
        if address:
            releasing.decide_otherwise(options.report, address, decision, options.why, options.by)
            say(f"{address}: to {decision}, by {options.by}; kept with the dataset's decisions")
    made = releasing.review(options.report)
    page, out = releasing.write(made), int((made.plan["reason"] == "").sum())
    say(f"{out} of {len(made.plan)} numbers may leave; {len(made.plan) - out} are withheld")
    say(f"{page} shows each, with its step and the reason; it is as secret as the books")


def release(options: argparse.Namespace) -> None:
    from analysis.reports import documents, finished
    from analysis.reports import release as releasing

    releasing.must_answer(options.by)
    documents.require(options.formats or ())
    for report in finished.named(options.reports):
        for check in finished.record_of(report).get("checks", ()):
            if check["state"] == "failed":
                warn(
                    f"{report.name}: the released page will show a failed check, {check['name']}. "
                    f"{check['found']} {check['mend']}"
                )
    for report in options.reports:
        folder, made = releasing.release(report, options.by, options.formats or ())
        out = int((made.plan["reason"] == "").sum())
        say(f"{folder / 'report.html'} written: {out} of {len(made.plan)} numbers, rounded")
    say("What readers know by now is kept with the dataset's decisions; later releases heed it.")


def cite(options: argparse.Namespace) -> int:
    from analysis import _language
    from analysis.reports import cite as citing

    spoken = None if options.json else _language.at_the_terminal(options.spoken or "")
    code = spoken.code if spoken else "en"
    name = options.report.partition("#")[0]
    if name:
        _caution([citing.slug(name)])
    if options.list:
        addresses = citing.addresses(name, code)
        entries = [{"address": f"#{at}", "shows": words} for at, words in addresses.items()]
        lines = (f"#{at}  {words}" for at, words in addresses.items())
        return _answer(options, lines, report=name, addresses=entries)
    text = citing.cite(options.report, options.format, code).rstrip("\n")
    if options.json:
        answer_json(for_program("cite", report=options.report, form=options.format, citation=text))
    else:
        answer(text)  # as other programs read it
    return Exit.GOOD


def _caution(names: Sequence[str]) -> None:
    """Say of finished reports that the newest run failed, or that they are out of date."""
    from analysis import paths
    from analysis.reports import finished
    from analysis.reports.run import runner

    for folder in finished.named(names):
        if trouble := runner.trouble_of(folder):
            warn(f"{folder.name}: {trouble}")
        if "ledger" not in finished.record_of(folder).get("kinds", ()):
            continue
        released = paths.released() / folder.name / "report.html"
        if released.is_file():
            warn(
                f"{folder.name}: internal, it holds numbers of single villages. What may be "
                f"published, and how that is cited, stands in {released}"
            )
        else:
            warn(
                f"{folder.name}: internal, it holds numbers of single villages. What may be "
                f"published: lianjian release {folder.name} --by NAME"
            )


def package(options: argparse.Namespace) -> None:
    from analysis.reports import bundle

    if options.sign:
        bundle.must_be_key(options.sign)
    made = bundle.package(
        options.to,
        with_data=options.with_data,
        with_reports=options.with_reports,
        without=options.without,
        certified=options.certify,
    )
    count = len(made.contents.reports)
    say(
        f"{made.path} written: {count} report{'s' if count > 1 else ''}, {made.files} files, "
        f"{made.size / 1e6:.1f} MB"
    )
    say(f"the SHA-256 of its manifest, to publish with it: {made.manifest}")
    if options.sign:
        say(f"signed: {bundle.sign(made.path, options.sign)}")
    for holding in made.contents.withheld:
        say(f"left out: dataset {holding.name}: {holding.withheld}")
        if holding.untold:
            say(
                f"  say in {holding.folder / 'dataset.toml'} how others can get it: "
                f"{' and '.join(holding.untold)}"
            )
    for report in made.contents.reports:
        if "ledger" in report.record.get("kinds", ()):
            warn(f"{report.slug} is internal: it holds numbers of single villages")
    for report in made.contents.dropped:
        if report.slug in made.contents.released:
            say(f"released/{report.slug} goes in; its internal report is left out")
        else:
            say(f"left out: report {report.slug}, made from a dataset that is left out")
    for slug in made.contents.own:
        say(f"left out: report {slug}, made of a notebook in work/ (lianjian adopt takes it in)")


def verify(options: argparse.Namespace) -> int:
    from analysis.reports.bundle import held, rebuild

    all_match, lines = held(options.place, options.signers)
    for line in lines:
        say(line)
    if not options.rebuild:
        return Exit.GOOD if all_match else Exit.FAILED
    found, folder = rebuild(options.place, options.to, options.by, options.signers, say)
    say(f"{found['verdict']}: {folder / 'certificate.html'}")
    return Exit.GOOD if found["verdict"].startswith("full") else Exit.FAILED


def dictionary(_: argparse.Namespace) -> None:
    from analysis import fields, paths
    from analysis.files import write_text

    path = paths.root() / "data" / "dictionary.md"
    write_text(path, fields.dictionary())
    say(f"{path} written")
