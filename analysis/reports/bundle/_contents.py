"""What goes into a replication bundle, what does not, and why.

Files of the project come from a closed list of places, so that a private note beside them never
slips in. Data come by their cards, which say who may have them. Reports come with the data that
they were made from.
"""

import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean import decisions
from analysis.clean.build import BOOKS, PUBLISHED, datasets, must_exist
from analysis.clean.simulated import is_drawn
from analysis.clean.sources import Card, read_cards, read_toml, verify
from analysis.errors import LianjianError
from analysis.reports import documents, finished
from analysis.reports.freshness import fingerprints, origin
from analysis.reports.freshness._stats import is_litter
from analysis.reports.plan import plan
from analysis.reports.plan.plan import Run
from analysis.reports.run._imports import quickly
from analysis.reports.text import listed

_LISTS = tomllib.loads(Path(__file__).with_name("contents.toml").read_text("utf-8"))
ROOMS: list[str] = _LISTS["rooms"]
NEEDED: list[str] = _LISTS["needed"]
SINGLE: list[str] = [*NEEDED, *_LISTS["single"]]
ABOUT: dict[str, str] = _LISTS["about"]
TYPES: dict[str, str] = _LISTS["types"]
NOT_STATED = "not stated"
PROJECT_README = "README-project.md"
"""The project's own README in a bundle, where README.md is the one that a journal asks for."""

OF_REPORT = (*finished.RESULTS, finished.KEY, documents.PROVENANCE)
"""The files of a report but for its record; a kernel's log stays behind."""

_MOST = 8  # faults of one kind that are named one by one


@dataclass(frozen=True)
class Holding:
    """A dataset, and why it is left out; ``withheld`` is empty when it goes in."""

    name: str
    kind: str
    title: str
    folder: Path
    cards: tuple[Card, ...]
    head: dict[str, Any] = field(repr=False)
    withheld: str = ""

    @property
    def card_file(self) -> Path:
        """Where its cards stand."""
        return paths.card_file(self.name)

    @property
    def place(self) -> str:
        """Its folder, as the bundle names it."""
        return "data/raw" if self.name == PUBLISHED else f"data/raw/{self.name}"

    @property
    def untold(self) -> tuple[str, ...]:
        """What no card tells, and who wants the data must know."""
        return tuple(name for name in ("producer", "locator") if self.said(name) == NOT_STATED)

    def said(self, name: str) -> str:
        """Return what its cards say under a name, each thing once."""
        said = dict.fromkeys(getattr(card, name) for card in self.cards)
        return "; ".join(each for each in said if each not in {"", NOT_STATED}) or NOT_STATED

    @property
    def is_secret(self) -> bool:
        """Whether a bundle must not tell its files by name and hash.

        A file may be called after its village, and who knows all amounts of a book but one could
        try that one until the hash fits.
        """
        return bool(self.withheld) and not self.is_drawn

    @property
    def is_books(self) -> bool:
        """Whether its files are books as received, not tidy tables."""
        return self.head.get("form") == BOOKS

    @property
    def is_drawn(self) -> bool:
        """Whether ``lianjian simulate`` wrote it: the persons in its books cannot exist."""
        return is_drawn(self.head, self.cards)

    def files(self) -> Iterator[Path]:
        """Yield what belongs to it: its cards, the files they describe, what was filled in."""
        yield self.card_file
        yield from (self.folder / card.file for card in self.cards)
        if self.name != PUBLISHED:
            decided = paths.decisions(self.name)
            yield from (decided / kind for kind in decisions.KINDS if (decided / kind).is_file())


def holding(name: str, with_data: Collection[str], without: Collection[str] = ()) -> Holding:
    """Return a dataset, and whether it goes in: as its cards say, or as it was asked for."""
    card_file = paths.card_file(name)
    head = read_toml(card_file)
    held = Holding(
        name,
        PUBLISHED if name == PUBLISHED else str(head.get("kind", "")),
        str(head.get("title", name)),
        paths.raw_dataset(name),
        read_cards(card_file),
        head,
    )
    asked = "it was asked to stay out" if name in without else ""
    return replace(held, withheld=asked or _withheld(held, with_data))


def _withheld(held: Holding, with_data: Collection[str]) -> str:
    """Say why a dataset stays out; the strictest of its cards decides."""
    closed = [card for card in held.cards if card.share != "open"]
    never = [card for card in closed if card.share == "never"]
    place = f"data/raw/{held.card_file.relative_to(paths.raw()).as_posix()}"
    if held.name == PUBLISHED and closed:
        raise LianjianError(
            f'{closed[0].file}: its card in {place} does not say share = "open", and every build '
            "needs this file. Say so with its spdx, or take it in as a dataset of its own "
            "(`lianjian new`), which can be left out."
        )
    if never and held.name in with_data:
        raise LianjianError(
            f'{never[0].file}: its card in {place} says share = "never", so others may not have '
            "it. Leave --with-data out; if the card is wrong, mend it."
        )
    if never:
        return f'share = "never" stands on {len(never)} of its {len(held.cards)} cards'
    if held.name in with_data or held.is_drawn:
        return ""
    if held.kind == "simulated":
        return "it is marked as simulated, and `lianjian simulate` did not write it"
    # the README of a bundle says it as well, and names no file of such books
    if asked := [card for card in closed if card.share]:
        share = asked[0].share
        return f'share = "{share}" stands on {len(asked)} of its {len(held.cards)} cards'
    if closed:
        return (
            f"who may have it (share) is not said on {len(closed)} of its {len(held.cards)} cards"
        )
    return ""


@dataclass(frozen=True)
class Report:
    """A finished report: what made it, from what, and whether ``make reports`` makes it."""

    run: Run
    folder: Path
    record: dict[str, Any] = field(repr=False)
    key: dict[str, Any] = field(repr=False)
    datasets: tuple[str, ...]
    planned: bool

    @property
    def slug(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def released(self) -> Path:
        """Where its released pages are, if they are."""
        return paths.released() / self.slug

    @cached_property
    def executed(self) -> Any:
        """The notebook as it ran."""
        return quickly("nbformat").read(self.folder / "notebook.ipynb", as_version=4)


@dataclass(frozen=True)
class Contents:
    """What goes in (sources by their name in the bundle), what stays, and git's commit."""

    sources: dict[str, Path] = field(repr=False)
    holdings: tuple[Holding, ...]
    withheld: tuple[Holding, ...]
    reports: tuple[Report, ...]
    dropped: tuple[Report, ...]
    own: tuple[str, ...] = ()  # reports of notebooks in work/, which never go in
    commit: str = ""

    @property
    def released(self) -> tuple[str, ...]:
        """The reports of which only what was released goes in."""
        slugs = (report.slug for report in self.dropped)
        return tuple(slug for slug in slugs if f"released/{slug}/report.html" in self.sources)


def gather(
    with_data: Collection[str] = (),
    with_reports: Collection[str] = (),
    without: Collection[str] = (),
) -> Contents:
    """Collect what goes into a bundle."""
    for name in (*with_data, *with_reports, *without):
        must_exist(name)
    if PUBLISHED in without or set(without) & set(with_data):
        raise LianjianError(
            f"--without {', '.join(without)}: every build needs {PUBLISHED}, and what --with-data "
            "names goes in. Name other datasets."
        )
    faults, reports, mine = _finished()
    used = {name for report in reports for name in report.datasets} | set(with_data) | {PUBLISHED}
    held = [holding(name, with_data, without) for name in datasets() if name in used]
    holdings = tuple(holding for holding in held if not holding.withheld)
    withheld = tuple(holding for holding in held if holding.withheld)
    for one in withheld:
        if one.name in with_reports and "never" in {card.share for card in one.cards}:
            raise LianjianError(
                f'{one.name}: share = "never" stands on its cards, and its reports hold numbers of '
                "single villages. Leave --with-reports out: what `lianjian release` writes goes in "
                "by itself."
            )
    stay = {holding.name for holding in withheld} - set(with_reports)
    kept = tuple(report for report in reports if not stay.intersection(report.datasets))
    dropped = tuple(report for report in reports if stay.intersection(report.datasets))
    sources = dict(_sources(paths.root()))
    for report in dropped:  # what was released of them may be published
        pages = () if {*without}.intersection(report.datasets) else report.released.rglob("*")
        sources |= {
            f"released/{report.slug}/{path.relative_to(report.released).as_posix()}": path
            for path in pages
            if path.is_file() and not is_litter(path.name)
        }
    for one in holdings:
        verify(one.folder, one.cards)
        sources |= {path.relative_to(paths.root()).as_posix(): path for path in one.files()}
    faults += _stale(kept)
    faults += [f"{name} is missing; a bundle needs it." for name in NEEDED if name not in sources]
    commit, fault = _in_git(sources)
    faults += [fault] * bool(fault)
    if not kept:
        faults.append("There is no report to put in. `lianjian run` makes them.")
    stop_at(faults)
    return Contents(sources, holdings, withheld, kept, dropped, mine, commit)


def stop_at(faults: Sequence[str]) -> None:
    """Raise unless there are no faults."""
    if faults:
        raise LianjianError("No bundle was made:" + "".join(f"\n  {fault}" for fault in faults))


def _in_git(sources: Collection[str]) -> tuple[str, str]:
    """Return the commit that is checked out, and what of the sources git does not have."""
    rooms = [*ROOMS, *SINGLE, "README.md", "analysis", "data/raw"]
    commit, differs, _ = origin.ask_git(paths.root(), rooms)
    changed = [name for name in differs if name in sources or name == "README.md"]
    if not changed:
        return commit, ""
    return commit, (
        f"{listed(changed, _MOST)}: not as git has it. "
        "Commit, then `lianjian run`: others must be able to find what the reports came from."
    )


# ---- files of the project ----


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    own = root / PROJECT_README  # in an unpacked bundle
    yield PROJECT_README, own if own.is_file() else root / "README.md"
    for name in SINGLE:
        if (root / name).is_file():
            yield name, root / name
    rooms = {room: root / room for room in ROOMS} | {"analysis": origin.PACKAGE}
    for room, folder in sorted(rooms.items()):
        for path in sorted(folder.rglob("*")):
            within = path.relative_to(folder)
            if any(map(is_litter, within.parts)):
                continue
            if path.is_symlink():
                raise LianjianError(
                    f"{path} is a link, and what it points to may not be the project's. "
                    "Put the file itself there."
                )
            if path.is_file() and path.suffix != ".pyc":
                yield f"{room}/{within.as_posix()}", path


# ---- reports ----


def _finished() -> tuple[list[str], list[Report], tuple[str, ...]]:
    """Return what keeps reports from being packed, those that are there, and a person's own."""
    reports = paths.reports()
    # of a plan by county the runs that the data hold
    planned = {run.slug: run for run in plan.override(plan.load(), {}, None)}
    own = [name for name in datasets() if name != PUBLISHED]
    faults, found, mine = [], [], []
    folders = sorted(p.parent for p in reports.glob("[!.]*/run.json"))
    for folder in folders:
        record = finished.record_of(folder)
        if folder.name.endswith(finished.FAILED):
            slug = folder.name.removesuffix(finished.FAILED)
            if slug in planned:  # a trial that failed is not packed, and keeps nothing out
                reason = str(record["error"]).rstrip(".")
                faults.append(f"{slug} failed: {reason}. Mend it, then `lianjian run {slug}`.")
            continue
        if _is_own(record):
            mine.append(folder.name)
            continue
        try:
            key = finished.key_of(folder)
            run = planned.get(folder.name) or fingerprints.run_of(folder)
        except LianjianError as error:
            faults.append(f"{folder.name}: {str(error).rstrip('.')}. Remove its folder.")
            continue
        found.append(
            Report(run, folder, record, key, _used(record, key, own), folder.name in planned)
        )
    missing = sorted(planned.keys() - {folder.name for folder in folders})
    faults += [f"{slug}: there is no report yet. `lianjian run {slug}`." for slug in missing]
    return faults, found, tuple(mine)


def _is_own(record: dict[str, Any]) -> bool:
    """Whether a report is of a notebook in work/, a person's draft, be it there or gone."""
    return paths.notebook(str(record.get("notebook", ""))).is_relative_to(paths.work())


def _used(record: dict[str, Any], key: dict[str, Any], own: Sequence[str]) -> tuple[str, ...]:
    """Return the datasets that a report loaded, or of which its code may have read a file."""
    used = {str(data["name"]) for data in record.get("datasets", ())}
    for file in key["data"]:
        used.update(set(own).intersection(file.split("/")[2:3]))  # data/raw/NAME/...
    return tuple(sorted(used))


def _stale(reports: Collection[Report]) -> list[str]:
    look = fingerprints.Fingerprints()
    faults: list[str] = []
    for report in reports:
        decision = look.decide(report.run, report.folder)
        if decision.action != "none":
            do = (
                "`lianjian run` makes it anew."
                if report.planned
                else "Run it again, or remove its folder."
            )
            faults.append(f"{report.slug} is not up to date ({decision.why}). {do}")
    if (more := len(faults) - _MOST) > 0:
        faults[_MOST:] = [f"and {more} more reports that are not up to date: see `lianjian why`."]
    return faults
