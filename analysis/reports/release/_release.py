"""A released report: the calls of its notebook made again with guarded numbers, and no more."""

import copy
import math
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import files, paths
from analysis.disclosure import write_memory
from analysis.errors import LianjianError
from analysis.reports import calls
from analysis.reports._walk import masked, seen
from analysis.reports.calls import Call, Made
from analysis.reports.numbers import Ledger
from analysis.reports.page import ledger, publish
from analysis.reports.page.findings import DATA_MIME
from analysis.reports.plan.plan import Run
from analysis.reports.release import _review

if TYPE_CHECKING:
    from nbformat import NotebookNode

FILE = "release.json"
_TYPED = {"parameters", "injected-parameters"}  # cells whose numbers a page says anyway
_MOST = 0.9  # of a chart's values; with fewer it would show something else
_DATA = ("name", "kind", "title", "version", "description")  # what a release says of its data


def release(name: str, by: str) -> tuple[Path, _review.Review]:
    """Write a report anew from guarded numbers, into ``released/``, and keep what readers know.

    Parameters
    ----------
    name : str
        A finished report that stands on a ledger.
    by : str
        Who answers for it; the page prints the name.

    Raises
    ------
    LianjianError
        As for `review`; nobody answers for it; or a village's name or code would leave.
    """
    if not by.strip():
        raise LianjianError("Say who answers for the release: --by NAME. Its page prints the name.")
    made = _review.review(name)
    when = datetime.now(UTC).date().isoformat()
    node, drawn, lost = _guarded(made)
    node.cells.insert(_behind_title(node), _band(made, by, when, lost))
    run = _run(made)
    content = _bytes(node)
    page = publish.publish(node, run, content, released=True)
    out = {"report.html": page.html, **ledger.files(page.findings, made.report, page.run_id)}
    out[FILE] = _review.certificate(made, by, when)
    _no_village(made, {**out, **{name: data.decode("utf-8-sig") for name, data in drawn.items()}})
    # were it the other way round, a stop in between would leave numbers out that nobody remembers
    write_memory(made.data.name, made.guard.door.memory())
    target = paths.root() / "released" / made.report
    with files.staged_folder(target, FILE) as folder:
        for name_of, text in out.items():
            files.write_text(folder / name_of, text)
        for name_of, data in drawn.items():
            (folder / "figures").mkdir(exist_ok=True)
            files.write_bytes(folder / "figures" / name_of, data)
    return target, made


def _guarded(made: _review.Review) -> tuple["NotebookNode", dict[str, bytes], Counter[str]]:
    """Return the notebook with guarded outputs, the forms of its figures, and what is not shown."""
    node = copy.deepcopy(made.node)
    held = node.metadata.pop(calls.FRAMES, {})
    numbers = Ledger()
    drawn: dict[str, bytes] = {}
    lost: Counter[str] = Counter()
    typed = "\n".join(cell.source for cell in node.cells if _TYPED & {*_tags(cell)})
    for cell in node.cells:
        outputs, cell_outputs = [], cell.get("outputs", [])
        for output in cell_outputs:
            if DATA_MIME in output.get("data", {}):
                outputs.append(_data_told(output))
                continue
            call = calls.of(output, held)
            if call is None:
                lost["an output that no call has made"] += 1
                continue
            try:
                guarded, content = _call(made, call, f"{cell.source}\n{typed}", numbers)
            except _WithheldError as error:
                lost[str(error)] += 1
                continue
            if call.verb == "show":
                drawn |= calls.forms_of(guarded, numbers)
            outputs.append(_output(output, call, content))
        if cell.cell_type == "code":
            cell.outputs = outputs
    return node, drawn, lost


def _tags(cell: Any) -> list[str]:  # noqa: ANN401  (a notebook)
    return list(cell.metadata.get("tags", []))


class _WithheldError(Exception):
    """Of an output nothing is left that may leave."""


def _call(made: _review.Review, call: Call, source: str, numbers: Ledger) -> tuple[Call, Made]:
    """Return a call with guarded arguments, and what it makes."""
    at, given = _review.address(call), dict(call.arguments)
    for key in ("caption", "label", "alt", "text"):
        if key in given:
            given[key] = masked(str(given[key]), source)
    if call.verb == "say":
        given["words"] = {
            name: masked(str(word), source) if isinstance(word, str | int) else word
            for name, word in given["words"].items()
        }
        if not all(_can_be_said(numbers, need) for need in _needed(given["text"], given["words"])):
            raise _WithheldError("a sentence whose number is withheld")
        return _make(Call("say", given, call.mark), numbers)
    if call.verb == "record":
        found = made.decided[at]
        if found.is_withheld:
            raise _WithheldError(f"the number {at}")
        ends = {key: given.get(key) for key in ("low", "high", "n")}
        ends = {k: _none(v) for k, v in seen(ends, made.see, at).items()}
        given |= {"value": found.value, "digits": _decimals(found.step), **ends}
        return _make(Call("record", given, call.mark), numbers)
    if call.verb == "table":
        frame = seen(given["frame"], made.see, at)
        given["digits"] = {
            str(column): digits
            for column in frame
            if (digits := _digits_of(made, at, frame, column)) is not None
        }
        given["frame"] = frame = frame[~_empty(given["frame"], frame)]
        if named := made.names_in(frame.to_csv()):
            raise _WithheldError(f"the table {given['name']}, which names {named}")
        if frame.empty:
            raise _WithheldError(f"the table {given['name']}, of which nothing is left")
        return _make(Call("table", given, call.mark), numbers)
    return _drawn(made, Call("show", given, call.mark), at, numbers)


def _drawn(made: _review.Review, call: Call, at: str, numbers: Ledger) -> tuple[Call, Made]:
    """Draw a chart from guarded values; where most are withheld it is left out."""
    name = call.arguments["name"]
    rules = dict(zip(made.plan["name"], made.plan["rule"], strict=True))
    mine = [
        one
        for where, one in made.decided.items()
        if where.startswith(f"{at} ") and rules[where] != "count"
    ]
    out = sum(not one.is_withheld for one in mine)
    if not call.arguments["chart"]:
        raise _WithheldError(f"the figure {name}, which no call draws again")
    if out < _MOST * len(mine):
        raise _WithheldError(
            f"the figure {name}, for {len(mine) - out} of its {len(mine)} values may not leave"
        )
    given = {**call.arguments, "with": seen(call.arguments["with"], made.see, at)}
    if head := given.get("head"):
        needs = _needed(head["finding"], head["words"])
        left = all(_can_be_said(numbers, need) for need in needs)
        given["head"] = {**head, "finding": head["finding"] if left else ""}
    guarded = Call("show", given)
    try:
        return _make(guarded, numbers)
    except (LianjianError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _WithheldError(f"the figure {name}, which cannot be drawn of what is left") from error
    finally:
        import matplotlib.pyplot as plt  # noqa: PLC0415

        plt.close("all")


def _make(call: Call, numbers: Ledger) -> tuple[Call, Made]:
    return call, calls.make(call, numbers)


def _needed(text: str, words: Mapping[str, Any]) -> set[str]:
    """Return the numbers without which a sentence cannot be said."""
    from string import Formatter  # noqa: PLC0415

    named = {field for _, field, _, _ in Formatter().parse(text) if field}
    claims = [word for word in words.values() if hasattr(word, "relation")]
    sides = {side for word in claims for side in (word.left, word.right) if isinstance(side, str)}
    return (named - set(words)) | sides


def _can_be_said(numbers: Ledger, name: str) -> bool:
    """Whether a number, or a cell of a table, has left."""
    return name in numbers and bool(pd.notna(numbers[name]["value"]))


def _empty(before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """Return the rows of which nothing but counts is left: they would only name someone."""
    kinds = pd.api.types
    numbers = [name for name in before if kinds.is_numeric_dtype(before[name])]
    numbers = [name for name in numbers if kinds.is_float_dtype(before[name])] or numbers
    if not numbers:
        return pd.Series(data=False, index=before.index)
    return before[numbers].notna().any(axis=1) & after[numbers].isna().all(axis=1)


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


def _output(output: Any, call: Call, made: Made) -> Any:  # noqa: ANN401  (a notebook)
    """Return an output that holds what a guarded call makes, and no call or evidence."""
    import nbformat  # noqa: PLC0415

    before = output.metadata["lianjian"]
    kept = {key: before[key] for key in ("product", "kind", "simulated") if key in before}
    facts = {**kept, "name": call.arguments.get("name", ""), **made.facts}
    return nbformat.v4.new_output(
        "display_data",
        data={"text/html": made.html, "text/plain": made.plain},
        metadata={"lianjian": facts},
    )


def _data_told(output: Any) -> Any:  # noqa: ANN401  (a notebook)
    """Return what a page says of a dataset without its files, their hashes and its issues."""
    told = copy.deepcopy(output)
    said = told["data"][DATA_MIME]
    told["data"][DATA_MIME] = {
        **{key: said[key] for key in _DATA if key in said},
        "sources": [],
        "corrections": [],
        "issues": {},
    }
    return told


def _band(made: _review.Review, by: str, when: str, lost: Mapping[str, int]) -> Any:  # noqa: ANN401
    import nbformat  # noqa: PLC0415

    policy = made.guard.policy
    words = (
        f"> **Released on {when} by {by}.** Numbers are rounded so that no village's amount "
        f"becomes known within {policy.p_percent:g} % of itself, even to a reader who knows all "
        "other amounts; the last digit of each number is its step. Sums of rounded numbers may "
        "differ from the headline."
    )
    lines = [words]
    if policy.reason:
        lines.append(f"> The rules were loosened ({', '.join(policy.loosened())}): {policy.reason}")
    if lost:
        named = "; ".join(f"{what} ({n})" if n > 1 else what for what, n in sorted(lost.items()))
        lines.append(f"> Withheld: {named}.")
    return nbformat.v4.new_markdown_cell("\n>\n".join(lines), id="released")


def _behind_title(node: "NotebookNode") -> int:
    return next((n for n, c in enumerate(node.cells, 1) if c.cell_type == "markdown"), 0)


def _run(made: _review.Review) -> Run:
    """Return the run of a finished report as its record tells it."""
    record = made.record
    notebook = paths.notebook(record["notebook"])
    return Run(notebook, made.report, record.get("title", ""), record.get("parameters", {}))


def _bytes(node: "NotebookNode") -> bytes:
    import nbformat  # noqa: PLC0415

    return str(nbformat.writes(node)).encode()


def _no_village(made: _review.Review, out: Mapping[str, str]) -> None:
    """Raise when what is to leave names a village of the books, or holds its code."""
    for file, text in out.items():
        if named := made.names_in(text):
            raise LianjianError(
                f"{file} would name {named}. Take it out of the notebook's text; nothing was "
                "released."
            )
