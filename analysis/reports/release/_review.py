"""What would leave with a report: each number, its step, who rules it, what is withheld and why."""

import csv
import html
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from analysis import paths
from analysis._evidence import Evidence, unpacked
from analysis.clean import decisions
from analysis.clean.dataset import Dataset, load
from analysis.disclosure import (
    Guard,
    Number,
    Policy,
    Released,
    read_memory,
    read_policy,
    withheld,
)
from analysis.errors import LianjianError, did_you_mean
from analysis.fields import EVERY_COUNTY, YUAN_PER_WAN, twin
from analysis.files import write_bytes, write_text
from analysis.reports import calls, finished
from analysis.reports._walk import seen
from analysis.reports.calls import Call
from analysis.reports.page import _templates
from analysis.reports.page.findings import DATA_MIME
from analysis.reports.run._imports import quickly

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PLACES = re.compile(r'base64,[\w+/=]+| (?:d|x|y|transform|xlink:href)="[-#\w\s.,()]*"')
"""Packed pictures, and where a drawing has its marks: ``d="M 1.5 2.25 L 3 4"``."""
_WORD = re.compile(r"[\w-]+")
_FRACTION = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")
_DIGITS = 6  # of an amount with its point, as 341602.55, that are no chance
NEAR = (
    "it counts incomes between two lines that lie nearer to each other than anybody may come to an "
    "amount"
)
TWICE = "another number stands under the same heads, so that nobody could tell which one is meant"
_INSIDE = {"income_heaps": NEAR}
"""Charts that stay inside as a whole, whatever is drawn in them."""
EXCEPTIONS = "exceptions.csv"
_COLUMNS = ("report", "address", "decision", "why", "by", "when")
_ROWS = 20  # of numbers that stay inside for one reason, shown one by one
_FEW, _YEARS = 10, range(1900, 2101)  # whole numbers that are no line among incomes
_SIGNIFICANT = 3  # digits of a number that leaves by a person's word alone


@dataclass(frozen=True)
class Review:
    """A report, the calls of its notebook, and what becomes of each number in them."""

    report: str
    record: dict[str, Any]
    node: "NotebookNode"
    data: Dataset
    guard: Guard
    plan: pd.DataFrame
    decided: Mapping[str, Released]

    @cached_property
    def _names(self) -> dict[str, str]:
        """What must not be read outside, and what to call it."""
        villages = self.data.villages
        # a file called after its township, not villages.csv
        files = [one["file"] for one in self.data.sources if not one["file"].isascii()]
        names = [name for name in villages["village_name"].dropna().astype(str) if len(name) > 1]
        found = dict.fromkeys([*names, *villages["village_id"].astype(str)], "the village")
        return found | dict.fromkeys(files, "the file")

    def names_in(self, text: str) -> str:
        """Return which village or file of the books a text names; empty where none."""
        read = _PLACES.sub("", text)  # long, and nobody reads a name out of it
        if "&" in read or "%" in read:  # as pages and links write signs of a name
            read += html.unescape(read) + unquote(read)
        words = "\n".join({*_WORD.findall(read)})
        found = sorted(
            name for name in self._names if name in (words if _WORD.fullmatch(name) else read)
        )
        return f"{self._names[found[0]]} {found[0]}" if found else ""

    @cached_property
    def _amounts(self) -> set[float]:
        """Every amount of the books that is no whole yuan, as booked and as summed."""
        sums = self.data.panel.filter(like="_yuan").to_numpy(float).ravel()
        every = np.hstack([self.data.income["amount_yuan"].to_numpy(float), sums])
        every = np.abs(every).round(2)
        return {*every[every % 1 > 0].tolist()}

    def amount_in(self, text: str) -> str:
        """Return which amount of the books a text holds to the last digit; empty where none.

        Of fewer than six digits, or of whole yuan, it may be so by chance.
        """
        for written in {*_FRACTION.findall(_PLACES.sub("", text).replace(",", ""))}:
            digits = written.rstrip("0")
            yuan = [float(digits), round(float(digits) * YUAN_PER_WAN, 6)]
            if len(digits.strip("0.")) > _DIGITS and self._amounts.intersection(yuan):
                return str(written)
        return ""

    @property
    def given(self) -> set[str]:
        """The words among a report's parameters, and the names of places that they are codes of."""
        each = self.record.get("parameters", {}).values()
        words = {one for one in each if isinstance(one, str)}
        here = [one for one in EVERY_COUNTY if words & {one.code, one.name, one.name_zh}]
        places = [*here, *(twin(one.code) for one in here)]
        return words | {name for one in places for name in (one.name, one.name_zh)}

    def see(self, address: str, _number: float, _counted: bool) -> float:
        """Return a number as it leaves; NaN where it does not."""
        found = self.decided.get(address)
        return math.nan if found is None else found.value


@dataclass(frozen=True)
class Read:
    """A finished report as it was read: its folder, its notebook, the ledger on which it stands."""

    folder: Path
    node: "NotebookNode"
    data: Dataset


def read(name: str) -> Read:
    """Read a finished report that stands on a ledger.

    Raises
    ------
    LianjianError
        There is no such report, it stands on no ledger or on several, or it was made of other
        data than there are now.
    """
    [folder] = finished.named([name])
    node = quickly("nbformat").read(folder / "notebook.ipynb", as_version=4)
    return Read(folder, node, _ledger(node, folder.name))


def review(name: str) -> Review:
    """Decide on every number of a finished report; nothing leaves yet.

    Raises
    ------
    LianjianError
        As for `read`; or an exception names a number that the report does not hold.
    """
    return decide(read(name))


def decide(report: Read) -> Review:
    """Decide on every number of a report."""
    folder, node, data = report.folder, report.node, report.data
    record = finished.record_of(folder)
    frame = data.panel
    guard = Guard(read_policy(data.name), frame, read_memory(data.name))
    numbers = _numbers(node, most=len(data.villages) * len(data.years))
    numbers = _around_thresholds(numbers, record.get("parameters", {}), guard.policy)
    plan = guard.plan(numbers.values())
    decided = {
        row["name"]: Released(row["released"], row["step"], row["reason"])
        for row in plan.to_dict("records")
    }
    plan, decided = _with_exceptions(data.name, folder.name, plan, decided)
    return Review(folder.name, record, node, data, guard, plan, decided)


def write(made: Review) -> Path:
    """Write a review as one page and as a table, among what was decided about the dataset."""
    folder = decisions.prepare(made.data.name) / "reviews"
    folder.mkdir(mode=0o700, exist_ok=True)
    page = _templates.get("review.html.j2").render(
        report=made.report,
        data=made.data,
        policy=made.guard.policy,
        headline=made.plan[_alone(made.plan)].to_dict("records"),
        rows=_told_once(made.plan).to_dict("records"),
        outputs=by_output(made.plan),
        numbers=len(made.plan),
        withheld=int((made.plan["reason"] != "").sum()),
        exceptions=paths.decisions(made.data.name) / EXCEPTIONS,
    )
    target = folder / f"{made.report}.html"
    write_text(target, page)
    write_text(folder / f"{made.report}.csv", "\ufeff" + made.plan.to_csv(index=False))
    for path in folder.iterdir():
        path.chmod(0o600)
    return target


def decide_otherwise(name: str, address: str, decision: str, why: str, by: str) -> None:
    """Keep what a person decided about one number of a report: who, when and why.

    Raises
    ------
    LianjianError
        As for `review`; the report holds no such number; or nobody decides, or for no reason.
    """
    made = review(name)
    if not (why.strip() and by.strip()):
        raise LianjianError("Say why and who decides it: --why REASON --by NAME. Both are kept.")
    if address not in made.decided:
        near = did_you_mean(address, made.decided)
        raise LianjianError(f"{made.report} holds no number {address!r}.{near} Its review has all.")
    path = decisions.prepare(made.data.name) / EXCEPTIONS
    decisions.keep(made.data.name, path)
    before = path.read_text("utf-8-sig") if path.is_file() else ""
    when = datetime.now(UTC).date().isoformat()
    told = (made.report, address, decision, why.strip(), by.strip(), when)
    line = pd.DataFrame([told], columns=list(_COLUMNS))
    text = line.to_csv(index=False, header=not before, lineterminator="\n")
    between = "" if before.endswith("\n") or not before else "\n"
    write_bytes(path, f"{before}{between}{text}".encode(), private=True)


def _alone(plan: pd.DataFrame) -> "pd.Series[bool]":
    """Return which numbers stand alone, in no table and no figure: headline and record()."""
    return ~plan["name"].str.match(r"(?:tab|fig|say)-|.* ")


def _told_once(plan: pd.DataFrame) -> pd.DataFrame:
    """Return the plan with the first few of many numbers that stay inside for one reason."""
    output = plan["name"].str.split(" ").str[0]
    place = plan.groupby([output, plan["rule"], plan["reason"]]).cumcount()
    return plan[(place < _ROWS) | (plan["reason"] == "")]


def by_output(plan: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each output and class of number how many leave, by which steps, and why not."""
    coarse = plan["reason"].str.replace(r"rounded to \S+, which", "rounded until that", regex=True)
    whole = plan.assign(output=plan["name"].str.split(" ").str[0], reason=coarse)
    rows = []
    for (output, rule, reason), part in whole.groupby(["output", "rule", "reason"], sort=False):
        steps = part["step"].dropna()
        ends = (
            dict.fromkeys(f"{step:g}" for step in (steps.min(), steps.max())) if len(steps) else {}
        )
        rows.append({"output": output, "rule": rule, "numbers": len(part), "reason": reason,
                     "steps": " to ".join(ends)})  # fmt: skip
    return rows


def called(node: "NotebookNode") -> list[tuple[Any, Call]]:
    """Return the outputs of a notebook that calls have made, with the calls."""
    held = node.metadata.get(calls.FRAMES, {})
    outputs = [output for cell in node.cells for output in cell.get("outputs", [])]
    found = ((output, calls.of(output, held)) for output in outputs)
    return [(output, call) for output, call in found if call is not None]


def address(call: Call) -> str:
    """Return under what the numbers of a call stand; a recorded number goes by its own name."""
    kinds = {"table": "tab-", "show": "fig-", "record": "", "say": "say-"}
    return f"{kinds[call.verb]}{call.arguments.get('name', '')}"


_SIZES = re.compile(
    r"(?:.* )?(?:\w*villages(?:_\w+)?|n|n_\w+|known_\w+|left_out|pairs|Villages|Alliances|.+ zero"
    r"|.+ groups|Specifications|Draws|Dropped|Missing, \w+)(?: \d+)?"
)
"""Under which whole numbers say how many, whoever made them: ``tab-change weak villages``."""
_AMOUNTS = re.compile(
    r"(?i)yuan|元|%|pct|income|amount|mean|median|max|min\b|minimum|least|largest|smallest|highest"
    r"|lowest|top\b|gap|gain|change|sum|households|(?:low|high)\Z"
)
"""Under which they may be rounded amounts, or traits of a village, though they equal a count."""


_NEAR = re.compile(r"(?i)just (?:below|above)")


def _stands(
    at: str, number: float, found: Sequence[Evidence], *, counted: bool, most: int
) -> list[Evidence]:
    """Return what a number may stand on, as a count where it is one."""
    place = at.partition(" ")[2]
    if counted and _NEAR.search(at):
        return [Evidence("inside", 0, why=NEAR)]
    is_made = any(one.rule == "count" for one in found) and not _AMOUNTS.search(place)
    if counted and abs(number) <= most and (is_made or _SIZES.fullmatch(place)):
        return [Evidence("count", abs(round(number))), *(o for o in found if o.rule == "count")]
    # a mean may equal a count by chance, or a published number
    return [o for o in found if o.rule != "count" and (o.rule != "public" or o.why in at)]


def _numbers(node: "NotebookNode", most: int) -> dict[str, Number]:
    """Return every number of a report once, with all that it may stand on.

    No count is larger than ``most``, the villages and years of the books.
    """
    numbers: dict[str, Number] = {}
    for output, call in called(node):
        told = output.get("data", {}).get(calls.EVIDENCE)
        evidence = unpacked(told) if told else {}

        def see(at: str, number: float, counted: bool, of: Any = evidence) -> float:
            stands = _stands(at, number, of.get(number.hex(), []), counted=counted, most=most)
            if at in numbers and not math.isnan(number) and numbers[at].value != number:
                stands = [Evidence("inside", 0, why=TWICE)]
            numbers[at] = Number(at, number, stands)
            return number

        if call.verb == "record":
            given, at = call.arguments, address(call)
            is_amount = _AMOUNTS.search(f"{at} {given.get('unit', '')}")
            see(at, float(given["value"]), isinstance(given["value"], int) and not is_amount)
            seen({key: given.get(key) for key in ("low", "high", "n")}, see, at)
        elif call.verb == "show" and (why := _INSIDE.get(call.arguments["chart"] or "")):
            at = address(call)
            numbers[at] = Number(at, math.nan, [Evidence("inside", 0, why=why)])
        elif call.verb in {"table", "show"}:
            seen(call.arguments.get("frame", call.arguments.get("with")), see, address(call))
    return numbers


_NO_LINES = ("seed", "draws", "worlds", "level", "power", "_cv", "mbar")
"""Ends of names of parameters, of which none is a line that incomes lie around."""
_LISTED = re.compile(r"[\d\s.,;+-]+")  # 5, 8.11


def _lines(given: Any) -> list[float]:
    """Return the numbers of a parameter that may be a line: no year, code or small number."""
    if isinstance(given, list | tuple):
        return [line for one in given for line in _lines(one)]
    if isinstance(given, str):
        is_code = given in {county.code for county in EVERY_COUNTY}
        listed = [] if is_code or not _LISTED.fullmatch(given) else re.findall(r"\d[\d.]*", given)
        return [line for one in listed for line in _lines(float(one))]
    if isinstance(given, bool) or not isinstance(given, int | float):
        return []
    is_year_or_few = given % 1 == 0 and (abs(given) <= _FEW or given in _YEARS)
    return [] if is_year_or_few and not isinstance(given, float) else [given]


def _around_thresholds(
    numbers: dict[str, Number], parameters: Mapping[str, Any], policy: Policy
) -> dict[str, Number]:
    """Let no count leave that was made around a threshold of somebody's own choice.

    Counts above thresholds that are near to each other tell the amounts between them.
    """
    odd = [
        f"{name} = {one:g}"
        for name, given in parameters.items()
        if not name.endswith(_NO_LINES)
        for one in _lines(given)
        if not policy.allows_threshold(one)
    ]
    if not odd:
        return numbers
    why = (
        f"it may be counted around {odd[0]}, and a threshold that can be moved by a hair tells who "
        "stands in between; take 1, 2 or 5 times a power of ten"
    )
    inside = [Evidence("inside", 0, why=why)]
    return {
        name: replace(one, evidence=inside)
        if any(stands.rule in {"count", "share"} for stands in one.evidence)
        else one
        for name, one in numbers.items()
    }


def _ledger(node: "NotebookNode", report: str) -> Dataset:
    """Return the one ledger on which a report stands, as it was when the report was made."""
    outputs = [output for cell in node.cells for output in cell.get("outputs", [])]
    used = {o["data"][DATA_MIME]["name"]: o["data"][DATA_MIME]
            for o in outputs if DATA_MIME in o.get("data", {})}  # fmt: skip
    ledgers = [said for said in used.values() if said["kind"] == "ledger"]
    if not ledgers:
        raise LianjianError(
            f"{report} stands on no ledger of real villages: it can be published as it is."
        )
    if len(ledgers) > 1:
        names = " and ".join(said["name"] for said in ledgers)
        raise LianjianError(
            f"{report} stands on the ledgers {names}. What readers know is kept for each dataset; "
            "release reports that stand on one."
        )
    data = load(ledgers[0]["name"])
    if data.version != ledgers[0]["version"]:
        raise LianjianError(
            f"{report} was made of version {ledgers[0]['version']} of {data.name}, and there is "
            f"{data.version} now. Run it again: lianjian run {report}"
        )
    return data


def _with_exceptions(
    name: str, report: str, plan: pd.DataFrame, decided: dict[str, Released]
) -> tuple[pd.DataFrame, dict[str, Released]]:
    """Apply what a person decided about single numbers, with who, when and why."""
    path = paths.decisions(name) / EXCEPTIONS
    if not path.is_file():
        return plan, decided
    rows = {str(row["name"]): row for row in plan.to_dict("records")}
    for line, row in enumerate(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))), 2):
        if row.get("report") != report:
            continue
        where = f"{path}, line {line}"
        if lacking := [key for key in _COLUMNS if not (row.get(key) or "").strip()]:
            raise LianjianError(f"{where}: {', '.join(lacking)} is empty. An exception says all.")
        if row["address"] not in decided:
            raise LianjianError(f"{where}: {report} holds no number {row['address']!r}.")
        if row["decision"] not in {"release", "withhold"}:
            raise LianjianError(f"{where}: decision is {row['decision']!r}: release or withhold.")
        words = f"by {row['by']}, {row['when']}: {row['why']}"
        if row["decision"] == "withhold":
            one = withheld(f"withheld {words}")
        else:
            true = float(rows[row["address"]]["value"])
            if math.isnan(true):
                raise LianjianError(f"{where}: {row['address']!r} is no single number.")
            one = Released(float(f"{true:.{_SIGNIFICANT}g}"), 0.0)
        decided[row["address"]] = one
        rows[row["address"]] |= {
            "released": one.value,
            "step": one.step,
            "reason": one.reason,
            "rule": f"exception {words}",
        }
    return pd.DataFrame(rows.values(), columns=plan.columns), decided
