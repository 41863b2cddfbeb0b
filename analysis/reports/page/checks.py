"""What was checked about a page, said at its head: each failed check says how to mend it.

The panel depends on nothing but what the page was made from, so that the same inputs give the same
bytes. Whether the source was committed depends on the day and on whether git is there: the page
prints git's names of its source, which hold everywhere, and fails only where git shows that the
source differs; what git said stands in the run's record.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import _language, paths
from analysis.clean.manifest import parse
from analysis.clean.sources import read_cards, sha256
from analysis.errors import LianjianError
from analysis.reports import markup
from analysis.reports.freshness import origin
from analysis.reports.page import _gaps, _shell, versions
from analysis.reports.page._gaps import Gap
from analysis.reports.page.findings import Findings
from analysis.reports.page.normalise import INJECTED

if TYPE_CHECKING:
    from nbformat import NotebookNode

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
_LONG = 80  # characters of a text that a check quotes
_MOST = 3  # named in a sentence; more make a list
_ID = 12  # hex digits that a reader is shown
# a generator that is made, with what it is given: np.random.default_rng(), RandomState(7)
_GENERATOR = re.compile(
    r"(?<![\w.])(?:[\w.]*\.)?(?:default_rng|RandomState|SeedSequence)\(([^()]*)\)"
)
# a draw from the state that all share: np.random.normal(…), random.choice(…), frame.sample(5)
_SHARED = re.compile(r"(?<![\w.])(?:(?:np|numpy)\.)?random\.(?!default_rng|seed)[a-z]\w*\(")
_SAMPLE = re.compile(r"(?<![\w.])[\w.]+\.sample\((?=\d|n=|frac=)(?![^()]*random_state)[^()]*\)")
_EMBEDDED = re.compile(r'base64,[^"\\]+')
ABSOLUTE = re.compile(
    r"(?<![\w.~/\\-])/(?:home|Users|root|tmp|private|var|mnt|media|Volumes|srv|opt)/[\w.-]"
    r"|(?<![\w])[A-Za-z]:(?:\\)+(?:Users|Documents|Windows|Temp)\b",
)


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, how it ended, what was seen, what to do about it."""

    name: str
    state: str
    found: str
    mend: str = ""
    items: tuple[str, ...] = ()  # where they are many: each thing that was seen
    beside: dict[str, Any] = field(default_factory=dict)  # may differ from day to day

    def record(self) -> dict[str, Any]:
        """Return it for a run record."""
        kept = {"name": self.name, "state": self.state, "found": self.found, "mend": self.mend}
        return kept | ({"items": list(self.items)} if self.items else {}) | self.beside


@dataclass(frozen=True)
class Told:
    """What the engine knows about a run and a page cannot see."""

    declares: bool = False  # the notebook says what it publishes, and has published that
    outside: Sequence[str] = ()  # files of data from outside of the project
    verdict: str = ""  # "complete" or "ended early"
    ended_at: int | None = None  # the cell in which it did
    changed: Sequence[str] = ()  # files that somebody changed while the run read them
    written: Sequence[str] = ()  # inputs that the run itself changed
    unraised: Sequence[str] = ()  # what failed without failing its cell
    kinds: Mapping[str, str] = field(default_factory=dict)  # of the datasets that it opened
    perhaps: Mapping[str, str] = field(default_factory=dict)  # of those that it may have opened
    used: Collection[str] = ()  # datasets of which it opened more than the manifest


NOTHING = Told()


def _failed(name: str, words: str, things: Iterable[str], mend: str, **more: Any) -> Check:
    """Return a check that failed: few things stand in its sentence, many in a list below it."""
    items = tuple(things)
    if len(items) > _MOST:
        return Check(name, FAILED, words, mend, items, **more)
    return Check(name, FAILED, f"{words}: {', '.join(items)}.", mend, **more)


def of_source(seen: origin.Source) -> Check:
    """Check that the source is what git has."""
    ids = f"Notebook {seen.notebook[:_ID]}, code {seen.code[:_ID]} (git’s ids)."
    beside = {"git": seen.trouble or ("differs" if seen.differs else "committed")}
    beside |= {"commit": seen.commit} if seen.commit else {}
    if not seen.differs:
        own = "The notebook is your own, in `work`, which git ignores; `lianjian adopt` moves it."
        return Check("Source", OK, f"{ids} {own}" if seen.is_own else ids, beside=beside)
    mend = "Commit them, then run again: nobody else can find this source yet."
    return _failed("Source", f"{ids} Not as committed", seen.differs, mend, beside=beside)


def of_data(datasets: Iterable[Mapping[str, Any]], told: Told = NOTHING) -> Check:
    """Check that raw files, cards and what was built from them agree, and that all are here."""
    said = list(datasets)
    names = " ".join(str(data["name"]) for data in said)
    for words, seen, mend in (
        (
            "Read from outside of the project",
            told.outside,
            "Put it into `data`, where others find it and a change of it is seen.",
        ),
        (
            "The notebook wrote into folders that it may only read",
            told.written,
            "Write to a temporary folder, or publish a table; data come in by `lianjian new`.",
        ),
        (
            "Changed while it ran, twice",
            told.changed,
            "Run again when nobody writes there; until then the page may mix two states.",
        ),
        (
            "Not as built",
            [fault for data in said for fault in _data_faults(data)],
            f"Restore the raw files or write their cards anew, then `lianjian build {names}`.",
        ),
    ):
        if seen:
            return _failed("Data", words, seen, mend)
    if not said:
        return Check("Data", OK, "No dataset was loaded.")
    count = sum(len(data["sources"]) for data in said)
    built = ", ".join(f"{data['name']} {data['version']}" for data in said)
    one, all_of = "The raw file has the bytes of its card", f"All {count} raw files have the bytes"
    files = one if count == 1 else f"{all_of} of their cards"
    return Check("Data", OK, f"{files}; {built} was built from them.")


def of_release(datasets: Iterable[Mapping[str, Any]]) -> Check:
    """Say that a released page names no file, and that who released it knows the tables."""
    names = ", ".join(str(data["name"]) for data in datasets)
    return Check("Data", OK, f"{names}: whoever released this page keeps the tables and the run.")


def _data_faults(data: Mapping[str, Any]) -> Iterable[str]:
    name = str(data["name"])
    folder, card_file = paths.raw_dataset(name), paths.card_file(name)
    try:
        cards = {card.file: card.sha256 for card in read_cards(card_file)}
    except LianjianError:
        yield f"the cards of {name} ({card_file.name}) cannot be read"
        cards = {}
    try:
        built = parse(paths.processed_dataset(name) / "manifest.json")
    except (LianjianError, FileNotFoundError):
        built = {}
    if built.get("version") != data["version"]:
        yield f"{name} is built as version {built.get('version')}, the page used {data['version']}"
    for item in data["sources"]:
        file = item["file"]
        path = folder / Path(file).name
        if not path.is_file():
            yield f"{file} is missing"
            continue
        state = path.stat()
        digest = _hash_of(path, state.st_mtime_ns, state.st_size)
        if digest != item["sha256"]:
            yield f"{file} has other bytes than when it was built"
        elif cards and cards.get(path.name) != item["sha256"]:
            yield f"{file} has other bytes than its card says"


@lru_cache(maxsize=4096)
def _hash_of(path: Path, _changed: int, _size: int) -> str:
    return sha256(path)


def of_parameters(names: Sequence[str]) -> Check:
    """Say that every parameter is used and keeps its value: else there was no run."""
    if not names:
        return Check("Parameters", OK, "The notebook has none.")
    words = "The one parameter is" if len(names) == 1 else f"All {len(names)} parameters are"
    return Check("Parameters", OK, f"{words} used as set.")


def of_products(found: Findings, told: Told) -> Check:
    """Count what was published; what is not as declared failed the run."""
    counts = Counter(product.kind for product in found.products)
    words = [
        f"{count} {markup.WORDS[kind].lower()}{'s' if count != 1 else ''}"
        for kind in markup.WORDS
        if (count := counts[kind])
    ]
    if not words:
        return Check("Products", OK, "None was declared, none published.")
    each = "with an address" if len(found.products) == 1 else "each with an address of its own"
    declared = ", all as declared" if told.declares else ""
    return Check("Products", OK, f"{', '.join(words)}, {each}{declared}.")


def of_shown(gaps: Sequence[Gap]) -> Check:
    """Check that the page shows every output and every piece of prose."""
    if not gaps:
        return Check("Shown", OK, "Every output and all of the prose stand on the page.")
    one = "One thing cannot stand here as it is"
    words = one if len(gaps) == 1 else f"{len(gaps)} things cannot stand here as they are"
    mends = "\n".join(dict.fromkeys(gap.mend for gap in gaps))
    return _failed("Shown", words, _gaps.in_words(gaps), mends)


def of_commands(node: "NotebookNode", told: Told) -> Check:
    """Check that nothing failed which does not fail its cell: commands, threads, tasks."""
    if told.unraised:
        mend = "Mend what failed, or tag its cell raises-exception where it may fail."
        return _failed("Commands", "Failed, and the cells went on", told.unraised, mend)
    cells = [cell for cell in node.cells if INJECTED not in cell.metadata.get("tags", ())]
    if unheard := ", ".join(map(str, _shell.unheard(cells))):
        said = f"The shell tells of the last command alone how it ended, in cell {unheard}."
        mend = "Give several commands to bash (%%bash), or join them by &&, or begin with set -e."
        return Check("Commands", UNKNOWN, said, mend)
    return Check("Commands", OK, "No command, thread or task failed unseen.")


def of_seed(node: "NotebookNode", values: Mapping[str, object]) -> Check:
    """Check that a notebook which draws random numbers takes its seed from a parameter.

    Its own code is looked through for the usual ways; what a library draws is not seen.
    """
    code = "\n".join(cell.source for cell in node.cells if cell.cell_type == "code")
    made = {m[0]: m[1].strip() for m in _GENERATOR.finditer(code)}
    shared = {m[0] + "…)" for m in _SHARED.finditer(code)}
    faults = [f"{call} has no seed" for call, given in made.items() if given in {"", "None"}]
    faults += [f"{call} has a fixed seed" for call, given in made.items() if given.isdecimal()]
    faults += [f"{m[0]} has no random_state" for m in _SAMPLE.finditer(code)]
    if "random.seed(" not in code:
        faults += [f"{call} draws from the state that all share" for call in sorted(shared)]
    seeds = {n: v for n, v in values.items() if n == "seed" or n.endswith("_seed")}
    draws = bool(made or shared or "random_state=" in code)
    if draws and not seeds:
        faults.append("no parameter is called seed")
    if faults:
        mend = "Declare a parameter seed, and draw from np.random.default_rng(seed)."
        return _failed("Seed", "Drawn at random", faults, mend)
    if not draws and not seeds:
        return Check("Seed", OK, "The notebook’s own code draws nothing at random.")
    given = ", ".join(f"{name} = {value}" for name, value in seeds.items())
    return Check("Seed", OK, f"{given}, a parameter, seeds the draws in the notebook’s code.")


def of_versions(lock: Path) -> Check:
    """Check that the installed packages are the locked ones."""
    if not lock.is_file():
        mend = "Restore it, or write it with `make lock`."
        return Check("Versions", UNKNOWN, f"There is no {paths.LOCK} to compare with.", mend)
    if faults := versions.differing(lock):
        mend = "Install the locked packages (`make reports` does), then run again."
        return _failed("Versions", "Not as locked", faults, mend)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:_ID]
    return Check("Versions", OK, f"Packages are installed as locked ({paths.LOCK} {digest}).")


def of_places(page: str, notebook: str) -> Check:
    """Check that neither page nor notebook names a folder of one machine."""
    own = re.escape(str(Path.home())) + "|" + re.escape(str(paths.root()))
    pattern = re.compile(f"{ABSOLUTE.pattern}|(?:{own})(?![\\w.-])")
    seen = {"the page": page, "the executed notebook": notebook}
    faults = [where for where, text in seen.items() if _holds(text, pattern)]
    if not faults:
        return Check("Paths", OK, "No folder of the machine that made it is named.")
    # the path itself is not repeated: it may hold a person's name
    found = f"A folder of this machine is named in {' and '.join(faults)}."
    mend = "Read data with analysis.load, and name files relative to the project."
    return Check("Paths", FAILED, found, mend)


@lru_cache(maxsize=2)  # the pages of a notebook in each language ask the same of it
def _holds(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.search(_EMBEDDED.sub("", text)) is not None


def of_kind(found: Findings, kinds: Mapping[str, str], told: Told = NOTHING) -> Check:
    """Check that whatever comes from simulated data says so."""
    name, words = "Kind of data", kinds.get(found.kind, found.kind) or "No dataset"
    if false := list(_false_claims(found, told)):
        mend = "Name in data= what it stands on, as analysis.load gave it, or leave data= out."
        return _failed(name, "Said to stand on what it cannot", false, mend)
    drawn = [dataset for dataset, kind in told.perhaps.items() if kind == "simulated"]
    if not found.simulated and drawn:
        said = (
            f"{words}; whether simulated data ({', '.join(drawn)}) were read cannot be told: "
            "somebody opened them while this ran."
        )
        mend = "Read data with analysis.load or pandas, and run this report alone."
        return Check(name, UNKNOWN, said, mend)
    if not found.simulated:
        return Check(name, OK, f"{words}.")
    if bare := [f"#{product.anchor}" for product in found.unmarked]:
        mend = (
            "Load the data before the first figure, table or number is published, or say with "
            "data= on which it stands."
        )
        return _failed(name, "Simulated, and without their mark", bare, mend)
    if found.kind == "mixed":
        return Check(name, OK, "Mixed, and what includes simulated data is marked so.")
    return Check(name, OK, "Simulated, and every product is marked so.")


def _false_claims(found: Findings, told: Told) -> Iterable[str]:
    """Yield which products stand, by their own word, on data that the run has not read."""
    draws = any(told.kinds.get(name) == "simulated" for name in told.used)
    for product in found.products:
        for name, kind in product.facts.get("stands_on", {}).items():
            seen, here = told.kinds.get(name), f"#{product.anchor} on {name}"
            if name in told.perhaps:
                continue
            if seen is None:
                yield f"{here}, which the run did not read"
            elif seen != kind:
                yield f"{here} as {kind}, and it is {seen}"
            elif product.kind == "number":
                continue  # which the manifest may give
            elif draws and kind != "simulated" and name not in told.used:
                yield f"{here}, of which it read no table"


def of_language(spoken: "_language.Language", notebook: str) -> Check:
    """Check that the page says everything in its language."""
    left, count = spoken.missing, len(spoken.asked)
    if not left:
        return Check("Language", OK, f"All {count} texts of the page are translated.")
    found = f"{len(left)} of {count} texts are in English"
    mend = f"Translate them in translations/{spoken.code} ({notebook}.po first), then run again."
    shown = [text if len(text) < _LONG else f"{text[:_LONG].rstrip()} …" for text in left]
    return Check("Language", FAILED, found, mend, tuple(shown))


def of_authors(names: Sequence[str]) -> Check:
    """Check that somebody stands for the page."""
    if names:
        return Check("Authors", OK, f"{'; '.join(names)}.")
    found = "Nobody is named: the page stands under its title alone."
    mend = 'Put authors = ["Family, Given"] into the dataset.toml of your data, then build and run.'
    return Check("Authors", FAILED, found, mend)
