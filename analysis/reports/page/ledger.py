"""The number ledger: every cited number with its address, as a table and for LaTeX."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.files import write_text
from analysis.reports.page.findings import Findings
from analysis.reports.text import visible

CSV, TEX = "numbers.csv", "numbers.tex"
COLUMNS = ("name", "label", "value", "unit", "low", "high", "n", "simulated", "report", "anchor",
           "run_id", "text", "kind")  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_RAISED = list(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True))
_TEX = str.maketrans(
    {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
     "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
     "−": "$-$", "\u00a0": "~", "×": r"$\times$"}
    | {sign: rf"\textsuperscript{{{plain}}}" for sign, plain in _RAISED}
)  # fmt: skip
_MACROS = r"""% Numbers of Lianjian reports. In the preamble: \input{this file}. In the text:
%   \lj{name} the number with its unit, \ljvalue{name} as stored,
%   \ljlow{name}, \ljhigh{name}, \ljn{name}
% A number from simulated data says so where it is printed. A unit such as 万元 needs a font that
% has it: xelatex or lualatex with xeCJK or luatexja. The other macros print in any LaTeX.
\providecommand{\ljsimulated}{\textsuperscript{\textsf{simulated}}}
\providecommand{\ljget}[2]{\ifcsname lj:#1:#2\endcsname\csname lj:#1:#2\endcsname\else
  \ifcsname lj:text:#2\endcsname\errmessage{The number #2 has no #1}\else
  \errmessage{No number is called #2}\fi\fi}
\providecommand{\lj}[1]{\ljget{text}{#1}}
\providecommand{\ljvalue}[1]{\ljget{value}{#1}}
\providecommand{\ljlow}[1]{\ljget{low}{#1}}
\providecommand{\ljhigh}[1]{\ljget{high}{#1}}
\providecommand{\ljn}[1]{\ljget{n}{#1}}
"""


def files(found: Findings, slug: str, run_id: str) -> dict[str, str]:
    """Return the ledger of one report: file names and contents."""
    # a number whose data no cell could tell is never printed as a real one
    unmarked = {p.anchor for p in found.unmarked}
    marked = {"simulated": True, "kind": found.kind}
    rows = [
        {"name": p.name, "report": slug, "anchor": f"#{p.anchor}", "run_id": run_id, **p.facts}
        | (marked if p.anchor in unmarked else {})
        for p in found.numbers
    ]
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
    """Return rows as CSV; no cell can become a formula in a spreadsheet."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row.get(column)) for column in COLUMNS] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401  (a number, a text, a flag or nothing)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    dangerous = text.lstrip(" ").startswith(_FORMULA)
    return visible(f"'{text}" if dangerous else text)


def _tex(rows: Iterable[Mapping[str, Any]], name: str) -> str:
    """Return rows as LaTeX macros, each with its address and its run in a comment."""
    lines = [_MACROS]
    for row in rows:
        mark = ""
        if row.get("simulated"):
            mark = ", includes simulated data" if row["kind"] == "mixed" else ", simulated data"
        label = visible(str(row["label"])).replace("\n", " ")
        lines.append(f"% {label} ({row['report']}{row['anchor']}, run {row['run_id']}{mark})")
        for kind in ("text", "value", "low", "high", "n"):
            value = row.get(kind)
            if value is not None:
                text = visible(str(value)).translate(_TEX)
                text += r"\ljsimulated{}" if kind == "text" and mark else ""
                lines.append(rf"\expandafter\def\csname lj:{kind}:{row[name]}\endcsname{{{text}}}")
    return "\n".join(lines) + "\n"


# ---- comparing ----


@dataclass(frozen=True)
class Change:
    """A number that is not what it was.

    Attributes
    ----------
    name : str
        Its report and name.
    unit : str
        Its unit.
    old, new : float or None
        The values; None where there is none.
    """

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


def compare(old: Path, new: Path, tolerance: float = 0.0) -> list[Change]:
    """Return the numbers that moved by more than a tolerance, appeared or went."""
    before, after = (_values(_find(path)) for path in (old, new))
    if not set(before) & set(after):
        # two reports of one notebook, under different names
        before, after = (
            {name.rpartition("/")[2]: value for name, value in values.items()}
            for values in (before, after)
        )
    changes = [
        Change(name, (after.get(name) or before[name])[1], before.get(name, (None,))[0],
               after.get(name, (None,))[0])
        for name in sorted({*before, *after})
    ]  # fmt: skip
    return [c for c in changes if c.old != c.new and abs(c.relative) > tolerance]


def _find(path: Path) -> Path:
    if not path.exists() and len(path.parts) == 1:
        path = paths.reports() / path  # a report's name, as every other command takes it
    file = path / CSV if path.is_dir() else path
    if not file.is_file():
        raise LianjianError(
            f"{path} holds no {CSV}. Give a report's name, its folder, a folder of reports, or the "
            "file."
        )
    return file


def _values(path: Path) -> dict[str, tuple[float, str]]:
    return {
        f"{row['report']}/{row['name']}": (float(row["value"]), row["unit"]) for row in _read(path)
    }


def _read(path: Path) -> list[dict[str, Any]]:
    """Read a ledger."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows: list[dict[str, Any]] = list(reader)
            if list(reader.fieldnames or ()) != list(COLUMNS):
                raise ValueError("it has others")  # noqa: TRY301
            for row in rows:
                row |= {name: _number(row[name]) for name in ("low", "high", "n")}
                float(row["value"])
                row["value"] = _number(row["value"])
                row["simulated"] = row["simulated"] == "yes"
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise LianjianError(
            f"{path} is no ledger of numbers with the columns {', '.join(COLUMNS)}: {error}"
        ) from error
    return rows


def _number(text: str) -> int | float | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def describe(changes: Sequence[Change]) -> str:
    """Return changes as lines for a person.

    Examples
    --------
    >>> print(describe([Change("05/att", "万元", 2.0, 2.5)]))
    05/att  2 → 2.5 万元  (+25 %)
    """
    lines = []
    for change in changes:
        if change.old is None:
            lines.append(f"{change.name}  new: {change.new:.10g} {change.unit}")
        elif change.new is None:
            lines.append(f"{change.name}  gone, was {change.old:.10g} {change.unit}")
        else:
            moved = f"{100 * change.relative:+.3g} %" if change.old else "from zero"
            lines.append(
                f"{change.name}  {change.old:.10g} → {change.new:.10g} {change.unit}  ({moved})"
            )
    return "\n".join(lines)


def to_json(changes: Sequence[Change]) -> str:
    """Return changes for a program."""
    return json.dumps([change.__dict__ for change in changes], ensure_ascii=False, indent=2) + "\n"
