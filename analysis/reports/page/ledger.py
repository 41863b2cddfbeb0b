"""The number ledger: every cited number with its address, as a table and for LaTeX; claims."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.files import write_text
from analysis.reports import numbers
from analysis.reports.page import _templates
from analysis.reports.page.findings import Findings
from analysis.reports.text import LATEX
from analysis.terminal import visible

CSV, TEX = "numbers.csv", "numbers.tex"
_NUMBERS = ("low", "high", "n")
_TEXTS = ("simulated", "report", "anchor", "run_id", "text", "kind")
COLUMNS = ("name", "label", "value", "unit", *_NUMBERS, *_TEXTS)
_INTERNAL = "internal"
_RAISED = zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)
_TEX = str.maketrans(
    {**LATEX, "−": "$-$", "\u00a0": "~", "×": r"$\times$"}
    | {sign: rf"\textsuperscript{{{plain}}}" for sign, plain in _RAISED}
)


def files(found: Findings, slug: str, run_id: str, *, released: bool = False) -> dict[str, str]:
    """Return the ledger of one report: file names and contents.

    A number of real books is internal until it is released, and says so.
    """
    # a number whose data no cell could tell is never printed as a real one
    unmarked = {p.anchor for p in found.unmarked}
    marked = {"simulated": True, "kind": found.kind}
    rows = [
        {"name": p.name, "report": slug, "anchor": f"#{p.anchor}", "run_id": run_id, **p.facts}
        | (marked if p.anchor in unmarked else {})
        for p in found.numbers
    ]
    if "ledger" in found.kinds and not released:
        for row in rows:
            if row.get("kind") in {"ledger", "mixed"}:
                row["kind"] += f", {_INTERNAL}"
    return {CSV: _csv(rows), TEX: _tex(rows, "name")}


def write_whole(reports: Path) -> None:
    """Write the ledger of all reports beside them; a number is then ``report/name``."""
    rows: list[dict[str, Any]] = []
    for path in sorted(reports.glob(f"[!.]*/{CSV}")):
        if path.parent.name.endswith(".failed"):
            continue
        try:
            rows += _read(path)
        except LianjianError:
            continue  # made by an earlier version: `lianjian why` calls that report out of date
    for row in rows:
        row["address"] = f"{row['report']}/{row['name']}"
    write_text(reports / CSV, _csv(rows))
    write_text(reports / TEX, _tex(rows, "address"))


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV for people: Excel finds its encoding, and no cell becomes a formula."""
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row.get(column)) for column in COLUMNS] for row in rows)
    return buffer.getvalue()


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    return visible(str(numbers.cell(value)))


def _tex(rows: Iterable[Mapping[str, Any]], name: str) -> str:
    """Return rows as LaTeX macros, each with its address and its run in a comment."""
    lines = [(_templates.FOLDER / TEX).read_text("utf-8")]
    for row in rows:
        kind, _, inside = str(row.get("kind") or "").partition(", ")
        mark = f", {inside}" if inside else ""
        if row.get("simulated"):
            mark += ", includes simulated data" if kind == "mixed" else ", simulated data"
        label = visible(str(row["label"])).replace("\n", " ")
        lines.append(f"% {label} ({row['report']}{row['anchor']}, run {row['run_id']}{mark})")
        for kind in ("text", "value", *_NUMBERS):
            if row.get(kind) is not None:
                text = visible(str(row[kind])).translate(_TEX)
                # no macro, which could be made to print nothing
                text += f"~[{mark.removeprefix(', ')}]" if mark else ""
                lines.append(rf"\expandafter\def\csname lj:{kind}:{row[name]}\endcsname{{{text}}}")
    return "\n".join(lines) + "\n"


# ---- comparing ----


@dataclass(frozen=True)
class Change:
    """A number that is not what it was; a value is None where there is none."""

    name: str
    unit: str
    old: float | None
    new: float | None

    @property
    def relative(self) -> float:
        """The change over the old value; infinite where one of both is not there or zero."""
        if self.old is None or self.new is None or self.old == 0:
            return float("inf")
        return (self.new - self.old) / abs(self.old)

    def __str__(self) -> str:
        """Say it as a line for a person."""
        if self.old is None:
            return f"{self.name}  new: {self.new:.10g} {self.unit}"
        if self.new is None:
            return f"{self.name}  gone, was {self.old:.10g} {self.unit}"
        moved = f"{100 * self.relative:+.3g} %" if self.old else "from zero"
        return f"{self.name}  {self.old:.10g} → {self.new:.10g} {self.unit}  ({moved})"


def compare(old: Path, new: Path, tolerance: float = 0.0) -> list[Change]:
    """Return the numbers that moved by more than a tolerance, appeared or went."""
    before, after = _matched(_values(old), _values(new), "/")
    changes = []
    for name in sorted({*before, *after}):
        was, now = before.get(name, (None, "")), after.get(name, (None, ""))
        changes.append(Change(name, now[1] or was[1], was[0], now[0]))
    return [c for c in changes if c.old != c.new and abs(c.relative) > tolerance]


def _matched(one: dict[str, Any], other: dict[str, Any], mark: str) -> tuple[dict[str, Any], ...]:
    """Match what two reports hold by its own name, where they have different ones."""
    if one.keys() & other.keys():
        return one, other
    return tuple({key.partition(mark)[2]: of for key, of in each.items()} for each in (one, other))


def flipped(old: Path, new: Path) -> list[str]:
    """Say which claims of sentences hold in one of two reports, or folders of them, alone."""
    before, after = _matched(_claims(old), _claims(new), ": ")
    return [
        f"{key}  {'held' if before[key]['holds'] else 'did not hold'}, now "
        f"{'holds' if after[key]['holds'] else 'does not'}: “{before[key]['said']}” became "
        f"“{after[key]['said']}”"
        for key in sorted(set(before) & set(after))
        if before[key]["holds"] != after[key]["holds"]
    ]


def _claims(path: Path) -> dict[str, Any]:
    """Return what the records beside a ledger claim; one file of numbers claims nothing."""
    path = _where(path)
    records = [path / "run.json", *sorted(path.glob("[!.]*/run.json"))]
    found = {}
    for record in (json.loads(file.read_bytes()) for file in records if file.is_file()):
        for claim in record.get("claims", ()):
            found[f"{record['slug']}: {claim['claim']}"] = claim
    return found


def _where(path: Path) -> Path:
    if not path.exists() and len(path.parts) == 1:
        return paths.reports() / path  # a report's name, as every other command takes it
    return path


def _values(path: Path) -> dict[str, tuple[float, str]]:
    path = _where(path)
    file = path / CSV if path.is_dir() else path
    if not file.is_file():
        raise LianjianError(
            f"{path} holds no {CSV}. Give a report's name, its folder, a folder of reports, or the "
            "file."
        )
    return {f"{r['report']}/{r['name']}": (float(r["value"]), r["unit"]) for r in _read(file)}


def _read(path: Path) -> list[dict[str, Any]]:
    wanted = ", ".join(COLUMNS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows: list[dict[str, Any]] = list(reader)
        for row in rows:
            row |= {name: _number(row[name]) for name in _NUMBERS}
            row |= {"value": _number(row["value"]), "simulated": row["simulated"] == "yes"}
            float(row["value"])
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError, KeyError) as error:
        raise LianjianError(
            f"{path} is no ledger of numbers with the columns {wanted}: {error}"
        ) from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise LianjianError(
            f"{path} is no ledger of numbers with the columns {wanted}: it has others"
        )
    return rows


def _number(text: str) -> int | float | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)
