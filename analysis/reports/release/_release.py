"""A released report: the calls of its notebook made again with guarded numbers, and no more."""

import copy
import math
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import files, paths
from analysis.disclosure import CERTIFICATE, edition, keep_release, releasing, write_memory
from analysis.errors import LianjianError
from analysis.files import to_json
from analysis.reports import calls
from analysis.reports._arguments import parts
from analysis.reports._walk import (
    LINES,
    TABLE,
    Typed,
    in_order,
    masked,
    numbers,
    seen,
    without_computed,
)
from analysis.reports.calls import Call, Made
from analysis.reports.numbers import Ledger
from analysis.reports.page import ledger
from analysis.reports.page.findings import DATA_MIME, WITHHELD
from analysis.reports.plan.plan import Run
from analysis.reports.plan.source import Cell
from analysis.reports.release import _review
from analysis.reports.release._wording import Wording
from analysis.reports.run._imports import quickly

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from analysis.reports.page.publish import Page

FILE = CERTIFICATE
_TYPED = {"parameters", "injected-parameters"}  # cells whose numbers a page says anyway
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z*{])")  # "… a year. Before and after"
_MOST = 0.8  # of a chart's values; with fewer it would show something else
_WHY = tomllib.loads(Path(__file__).with_name("why.toml").read_text("utf-8"))
"""What a reader is told of reasons: the first that is found counts."""
_DATA = ("name", "kind", "title", "version", "description")  # what a release says of its data


def release(name: str, by: str, formats: Collection[str] = ()) -> tuple[Path, _review.Review]:
    """Write a report anew from guarded numbers, into ``released/``, and keep what readers know.

    Parameters
    ----------
    name : str
        A finished report that stands on a ledger.
    by : str
        Who answers for it; the page prints the name.
    formats : collection of "pdf" and "docx"
        What else it is written as, from the same guarded calls.

    Raises
    ------
    LianjianError
        As for `review`; nobody answers for it; or a village's name or code would leave.
    """
    must_answer(by)
    report = _review.read(name)
    with releasing(report.data.name):
        return _released(_review.decide(report), by.strip(), formats)


def must_answer(by: str) -> None:
    """Raise where nobody answers for a release."""
    if not by.strip():
        raise LianjianError("Say who answers for the release: --by NAME. Its page prints the name.")


def _released(
    made: _review.Review, by: str, formats: Collection[str]
) -> tuple[Path, _review.Review]:
    """Write what a review lets out, while nobody else releases numbers of its dataset."""
    when = datetime.now(UTC).date().isoformat()
    node, drawn, lost = _guarded(made)
    node.cells.insert(_behind_title(node), _band(made, by, when, lost))
    run = _run(made)
    content = _bytes(node)
    from analysis.reports.page import publish  # once nbformat is there

    page = publish.publish(node, run, content, released=True)
    numbers_of = ledger.files(page.findings, made.report, page.run_id, released=True)
    out = {"report.html": page.html, **numbers_of}
    out[FILE] = certificate(made, by, when)
    texts = {name: data.decode("utf-8-sig") for name, data in drawn.items()}
    _no_village(made, {**out, **texts, "notebook.ipynb": content.decode()})
    written = _documents(made, page, content, out["numbers.csv"], formats) if formats else {}
    # were it the other way round, a stop in between would leave numbers out that nobody remembers
    write_memory(made.data.name, made.guard.door.memory())
    target = paths.released() / made.report
    with files.staged_folder(target, FILE) as folder:
        for name_of, text in out.items():
            files.write_text(folder / name_of, text)
        for name_of, data in written.items():
            files.write_bytes(folder / name_of, data)
        for name_of, data in drawn.items():
            (folder / "figures").mkdir(exist_ok=True)
            files.write_bytes(folder / "figures" / name_of, data)
    keep_release(
        made.data.name,
        {"report": made.report, "by": by, "when": when, "run_id": made.record.get("run_id", ""),
         "version": made.data.version, "page": page.run_id},
    )  # fmt: skip
    return target, made


def _documents(
    made: _review.Review, page: "Page", content: bytes, told: str, formats: Collection[str]
) -> dict[str, bytes]:
    """Return a released report for print and for Word, as if it were one that has run."""
    from analysis.reports import documents

    record = {"slug": made.report, "kind": "", "notebook": made.record["notebook"]}
    record |= {"run_id": page.run_id, "citation": page.citation.record(), **page.said}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "notebook.ipynb").write_bytes(content)
        (folder / "numbers.csv").write_text(told, "utf-8")
        return {path.name: path.read_bytes() for path in documents.write(folder, record, formats)}


def _guarded(made: _review.Review) -> tuple["NotebookNode", dict[str, bytes], Counter[str]]:
    """Return the notebook with guarded outputs, its figures and their data, what is not shown."""
    node = copy.copy(made.node)
    node.metadata, node.cells = copy.copy(node.metadata), [copy.copy(cell) for cell in node.cells]
    held = node.metadata.pop(calls.FRAMES, {})
    node.metadata.pop("papermill", None)  # of the run inside
    recorded = Ledger()
    told = edition(made.data.name, made.data.version)
    drawn: dict[str, bytes] = {}
    lost: Counter[str] = Counter()
    typed = "\n".join(cell.source for cell in node.cells if _TYPED & {*_tags(cell)})
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    wording = Wording(
        (Cell(place, cell.source, tuple(_tags(cell))) for place, cell in enumerate(code, 1)),
        made.given,
    )
    for cell in node.cells:
        outputs, cell_outputs = [], cell.get("outputs", [])
        for output in cell_outputs:
            if DATA_MIME in output.get("data", {}):
                outputs.append(_data_told(output, made.data.name, told))
                continue
            call = calls.of(output, held)
            if call is None:
                lost["an output that no call has made"] += 1
                continue
            near = numbers(f"{cell.source}\n{typed}")
            try:
                _must_be_named(call, near)
                call = _without(call, wording.chosen(call, cell.source))
                guarded, content = _call(made, call, near, recorded)
                if call.verb == "say" and (
                    gone := len(_SENTENCE.split(call.arguments["text"]))
                    - len(_SENTENCE.split(guarded.arguments["text"]))
                ):
                    lost[str(_gone())] += gone
            except _WithheldError as error:
                lost[str(error)] += 1
                cell.metadata = {**cell.metadata, WITHHELD: True}
                continue
            if call.verb == "show":
                name = call.arguments["name"]
                drawn |= {f"{name}.svg": content.drawn, f"{name}.csv": _data_of(guarded, near)}
            outputs.append(_output(output, guarded, content))
        if cell.cell_type == "code":
            cell.outputs = outputs
    return node, drawn, lost


def _without(call: Call, chosen: Mapping[str, str]) -> Call:
    """Return a call without the words that its cell may have chosen by numbers."""
    given = dict(call.arguments)
    if "text" in chosen:
        raise _gone()
    given |= {key: left for key, left in chosen.items() if key in ("caption", "label", "unit")}
    if head := given.get("head"):
        told = {key: "" for key in ("finding", "measure") if key in chosen}
        given["head"] = {**head, **told, "words": _unchosen(head["words"], chosen)}
    if "words" in given:
        given["words"] = _unchosen(given["words"], chosen)
    return Call(call.verb, given, call.mark)


def _unchosen(words: Mapping[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    return {name: word for name, word in words.items() if name not in chosen}


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


class _WithheldError(Exception):
    """Of an output nothing is left that may leave."""


def _gone() -> _WithheldError:
    return _WithheldError(
        "a sentence whose number is withheld, or whose words numbers may have chosen"
    )


def _call(made: _review.Review, call: Call, typed: Typed, recorded: Ledger) -> tuple[Call, Made]:
    """Return a call with guarded arguments, and what it makes."""
    at, given = _review.address(call), dict(call.arguments)
    for key in ("caption", "label", "unit", "alt", "text"):
        if key in given:
            given[key] = masked(str(given[key]), typed)
    if call.verb == "say":
        given["words"] = _words(given["words"], typed)
        given["text"] = _sayable(given["text"], given["words"], recorded)
        if not given["text"]:
            raise _gone()
        needs = _needed(given["text"], given["words"])
        given["needs"] = [need for need in given["needs"] if need.partition(":")[0] in needs]
        return _make(Call("say", given, call.mark), recorded)
    if call.verb == "record":
        found = made.decided[at]
        if found.is_withheld:
            raise _WithheldError(f"the number {at}")
        ends = {key: given.get(key) for key in ("low", "high", "n")}
        ends = {k: _none(v) for k, v in seen(ends, made.see, at).items()}
        given |= {"value": found.value, "digits": _decimals(found.step), **ends}
        return _make(Call("record", given, call.mark), recorded)
    if call.verb == "table":
        frame = seen(given["frame"], made.see, at, typed)
        given["labels"] = seen(given["labels"], made.see, at, typed)
        given["digits"] = {
            str(column): digits
            for column in frame
            if (digits := _digits_of(made, at, frame, column)) is not None
        }
        is_left = ~_empty(given["frame"], frame)
        given["frame"] = frame = in_order(given["frame"][is_left], frame[is_left])
        if named := made.names_in(frame.to_csv()):
            raise _WithheldError(f"the table {given['name']}, which names {named}")
        if frame.empty:
            raise _WithheldError(f"the table {given['name']}, of which nothing is left")
        return _make(Call("table", given, call.mark), recorded)
    return _drawn(made, Call("show", given, call.mark), typed, recorded)


def _must_be_named(call: Call, typed: Typed) -> None:
    """Raise where a number that nobody typed stands in the name of an output, its address."""
    name = str(call.arguments.get("name", "")).replace("-", " ")
    if without_computed(name, typed) != name:
        raise _WithheldError("an output, for a number nobody typed stands in its name")


def _words(words: Mapping[str, Any], typed: Typed) -> dict[str, Any]:
    """Return the words of a sentence, and what its claims may say, without computed numbers."""
    told = dict(words)
    for name, word in words.items():
        if isinstance(word, str | int):
            told[name] = masked(str(word), typed)
        elif hasattr(word, "relation"):
            told[name] = SimpleNamespace(
                **{**parts(word), "yes": masked(word.yes, typed), "no": masked(word.no, typed)}
            )
    return told


def _drawn(made: _review.Review, call: Call, typed: Typed, recorded: Ledger) -> tuple[Call, Made]:
    """Draw a chart from guarded values; where most are withheld it is left out."""
    name, at = call.arguments["name"], _review.address(call)
    if whole := made.decided.get(at):
        raise _WithheldError(f"the figure {name}, for {whole.reason}")
    # counts, and words in a column, are no marks
    plan = made.plan[(made.plan["rule"] != "count") & made.plan["value"].notna()]
    mine = [made.decided[where] for where in plan["name"] if where.startswith(f"{at} ")]
    out = sum(not one.is_withheld for one in mine)
    if not call.arguments["chart"]:
        raise _WithheldError(f"the figure {name}, which no call draws again")
    if out < _MOST * len(mine):
        raise _WithheldError(
            f"the figure {name}, for {len(mine) - out} of its {len(mine)} values may not leave"
        )
    given = {**call.arguments, "with": seen(call.arguments["with"], made.see, at, typed)}
    if any(given["with"].get(line) != given["with"].get(line) for line in LINES):  # NaN
        raise _WithheldError(f"the figure {name}, which draws a line at a number nobody typed")
    if head := given.get("head"):
        words, finding = _words(head["words"], typed), masked(head["finding"], typed)
        left = all(_can_be_said(recorded, need) for need in _needed(finding, words))
        measure = masked(str(head["measure"]), typed)
        told = {"words": words, "finding": finding if left else "", "measure": measure}
        given["head"] = {**head, **told}
    try:
        chart = calls.chart(Call("show", given))
        # what it says of itself is made of guarded values as well
        guarded = Call("show", {**given, "alt": re.sub(r"\bnan\b", "withheld", chart.alt)})
        return guarded, calls.picture(chart.figure, guarded, recorded)
    except (LianjianError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _WithheldError(f"the figure {name}, which cannot be drawn of what is left") from error
    finally:
        import matplotlib.pyplot as plt

        plt.close("all")


def _data_of(guarded: Call, typed: Typed) -> bytes:
    """Return the data of a released chart: its frames may hold words that it does not draw."""

    def left(_at: str, number: float, _counted: bool) -> float:
        return number

    shown = seen(guarded.arguments["with"], left, TABLE, typed)
    return calls.data_of(Call("show", {**guarded.arguments, "with": shown}, guarded.mark))


def _make(call: Call, recorded: Ledger) -> tuple[Call, Made]:
    return call, calls.make(call, recorded)


def _sayable(text: str, words: Mapping[str, Any], recorded: Ledger) -> str:
    """Return the sentences whose numbers have left, and those without any that follow them."""
    kept, goes, tells = [], True, False
    for sentence in _SENTENCE.split(text):
        if needs := _needed(sentence, words):
            goes = all(_can_be_said(recorded, need) for need in needs)
            tells |= goes
        if goes:
            kept.append(sentence)
    told = " ".join(kept)
    is_whole = told == text and goes
    return told if is_whole or (tells and told.count("*") % 2 == 0) else ""


def _needed(text: str, words: Mapping[str, Any]) -> set[str]:
    """Return the numbers without which a sentence cannot be said."""
    from string import Formatter

    fields = {field for _, field, _, _ in Formatter().parse(text) if field}
    claims = [words[name] for name in fields if hasattr(words.get(name), "relation")]
    sides = {side for word in claims for side in (word.left, word.right) if isinstance(side, str)}
    return (fields - set(words)) | sides


def _can_be_said(recorded: Ledger, name: str) -> bool:
    """Whether a number, or a cell of a table, has left."""
    return name in recorded and bool(pd.notna(recorded[name]["value"]))


def _empty(before: pd.DataFrame, after: pd.DataFrame) -> Any:
    """Return the rows of which nothing but counts is left: they would only name someone."""
    kinds, columns = pd.api.types, range(before.shape[1])
    numbers = [at for at in columns if kinds.is_numeric_dtype(before.iloc[:, at])]
    numbers = [at for at in numbers if kinds.is_float_dtype(before.iloc[:, at])] or numbers
    was, left = (frame.iloc[:, numbers].notna().to_numpy() for frame in (before, after))
    return was.any(axis=1) & ~left.any(axis=1)


def _digits_of(made: _review.Review, at: str, frame: pd.DataFrame, column: object) -> int | None:
    ending = f" {' '.join(map(str, column)) if isinstance(column, tuple) else column}"
    steps = [
        one.step
        for where, one in made.decided.items()
        if where.startswith(f"{at} ") and where.endswith(ending) and one.step > 0
    ]
    return max(map(_decimals, steps)) if steps and column in frame else None


def _decimals(step: float) -> int:
    """Return the decimals of a number whose last digit is its step; 2 for one that has none."""
    if not step > 0:
        return 2
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _output(output: Any, call: Call, made: Made) -> Any:
    """Return an output that holds what a guarded call makes, and no call or evidence."""
    nbformat = quickly("nbformat")

    before = output.metadata["lianjian"]
    kept = {key: before[key] for key in ("product", "kind", "simulated") if key in before}
    facts = {**kept, "name": call.arguments.get("name", ""), **made.facts}
    return nbformat.v4.new_output(
        "display_data",
        data={"text/html": made.html, "text/plain": calls.in_plain(call, made)},
        metadata={"lianjian": facts},
    )


def _data_told(output: Any, name: str, told_version: str) -> Any:
    """Return what a page says of a dataset without its files, their hashes and its issues.

    The version of a ledger is a hash of its amounts: whoever knows all but one could try that one.
    """
    told = copy.deepcopy(output)
    said = told["data"][DATA_MIME]
    told["data"][DATA_MIME] = {
        **{key: said[key] for key in _DATA if key in said},
        **({"version": told_version} if said.get("name") == name else {}),
        "sources": [],
        "corrections": [],
        "issues": {},
    }
    return told


def _band(made: _review.Review, by: str, when: str, lost: Mapping[str, int]) -> Any:
    nbformat = quickly("nbformat")

    policy = made.guard.policy
    words = (
        f"> **Released on {when} by {by}.** Numbers are rounded so that no village's amount "
        f"becomes known within {policy.p_percent:g} % of itself, even to a reader who knows all "
        "other amounts, by steps of 1, 2 or 5 times a power of ten: zeros at the end of a number "
        "say nothing. What is computed from rounded numbers, as means are, may be off by up to "
        "five of its last digit, and sums of them may differ from the headline. A gap "
        "in a chart or table, and … in words, is what was withheld."
    )
    lines = [words]
    if policy.reason:
        lines.append(f"> The rules were loosened ({', '.join(policy.loosened())}): {policy.reason}")
    freed = {row["name"]: row["rule"] for row in made.plan.to_dict("records") if _is_freed(row)}
    if freed:
        named = "; ".join(f"{name} ({rule})" for name, rule in freed.items())
        lines.append(f"> Let out by a person, outside of these rules: {named}.")
    lines.append(_counted(made))
    if lost:
        lines.append(f"> Withheld: {'; '.join(_together(lost))}.")
    return nbformat.v4.new_markdown_cell("\n>\n".join(lines), id="released")


def _counted(made: _review.Review) -> str:
    """Return how many numbers leave, and in plain words why the others do not."""
    reasons = made.plan["reason"][made.plan["reason"] != ""]
    told = f"> {len(made.plan) - len(reasons)} of the {len(made.plan)} numbers of this page left."
    why = Counter(
        next(o["says"] for o in _WHY.values() if re.search(o["found"], r)) for r in reasons
    )
    if not why:
        return told
    each = "; ".join(f"{n} {words}" for words, n in why.most_common())
    return f"{told} The others stayed inside: {each}."


def _together(lost: Mapping[str, int]) -> list[str]:
    """Return what is withheld, outputs of one kind and reason in one phrase."""
    found: dict[tuple[str, str], list[str]] = {}
    told = []
    for what, n in sorted(lost.items()):
        if one := re.fullmatch(r"the (number|table|figure) ([^\s,]+)(.*)", what):
            found.setdefault((one[1], one[3]), []).append(one[2])
        else:
            told.append(f"{what} ({n})" if n > 1 else what)
    for (kind, why), names in found.items():
        told.append(f"the {kind}{'s' if len(names) > 1 else ''} {', '.join(names)}{why}")
    return told


def _is_freed(row: Mapping[Any, Any]) -> bool:
    return str(row["rule"]).startswith("exception ") and not row["reason"]


def _behind_title(node: "NotebookNode") -> int:
    return next((n for n, c in enumerate(node.cells, 1) if c.cell_type == "markdown"), 0)


def _run(made: _review.Review) -> Run:
    """Return the run of a finished report as its record tells it."""
    record = made.record
    notebook = paths.notebook(record["notebook"])
    return Run(notebook, made.report, record.get("title", ""), record.get("parameters", {}))


def _bytes(node: "NotebookNode") -> bytes:
    return str(quickly("nbformat").writes(node)).encode()


def _no_village(made: _review.Review, out: Mapping[str, str]) -> None:
    """Raise when what is to leave names a village of the books, its code, or an exact amount."""
    for file, text in out.items():
        if named := made.names_in(text):
            raise LianjianError(
                f"{file} would name {named}. Take it out of the notebook's text; nothing was "
                "released."
            )
        if amount := made.amount_in(text):
            raise LianjianError(
                f"{file} would hold {amount}, which is an amount of the books to the last digit. "
                "Take it out of the notebook's text; nothing was released."
            )


def certificate(made: _review.Review, by: str, when: str) -> str:
    """Return what a release says of itself, as JSON: who, when, by which rules."""
    policy = made.guard.policy
    return to_json(
        {
            "report": made.report,
            "dataset": made.data.name,
            "released_by": by,
            "released_on": when,
            "policy": parts(policy),
            "numbers": int((made.plan["reason"] == "").sum()),
            "withheld": int((made.plan["reason"] != "").sum()),
        }
    )
