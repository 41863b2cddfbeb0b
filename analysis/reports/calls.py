"""An output is a call that can be made again.

``show``, ``table``, ``record`` and ``say`` keep, beside what they display, the verb with its typed
arguments and its mark. The notebook shows what the call makes, and so does the page: it makes the
call again. The same call gives a figure for a phone, for print and in dark, and its data.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analysis import __version__, _language
from analysis.errors import LianjianError
from analysis.reports import markup, numbers, sentences
from analysis.reports.numbers import Ledger
from analysis.reports.text import flat

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures import Chart

MIME = "application/vnd.lianjian.call+json"
"""Under which a call lies beside what it made, in the outputs of a notebook."""

EVIDENCE = "application/vnd.lianjian.evidence+json"
"""Under which lies who stands behind the numbers of a call, where a ledger was read."""

FRAMES = "lianjian_frames"
"""Under which a notebook's metadata hold the large tables of its calls, each once."""

LARGE = 20_000  # characters of a table from which on the notebook holds it once
MOST = 400_000  # characters of a call; a longer one is not kept, and its output stays as it is

_dark_colours = re.compile(r"#([0-9a-f]{6})\b")
_drawing = threading.Lock()  # matplotlib's settings belong to the whole process
_here = threading.local()  # `drawn`, which the English page has drawn last for a phone


@dataclass(frozen=True)
class Call:
    """A verb with its arguments, and the mark of the data on which its output stands."""

    verb: str
    arguments: Mapping[str, Any]
    mark: str = ""

    @cached_property
    def grid(self) -> str:
        """The head and the body of its table: a page puts them into its language as a whole."""
        from analysis.reports import tables

        given, in_row = self.arguments, markup.IN_ROW.get(self.mark, "")
        return tables.grid(given["frame"], given["digits"], given["labels"], mark=in_row)


@dataclass(frozen=True)
class Made:
    """What a call makes: HTML, the same or its title in plain text, and facts about it."""

    html: str
    plain: str
    facts: dict[str, Any] = field(default_factory=dict)
    drawn: bytes = field(default=b"", repr=False)  # of a figure, as SVG


def make(call: Call, ledger: Ledger) -> Made:
    """Make a call; a number goes into the ledger, and sentences take theirs from there."""
    made = _VERBS[call.verb](call, ledger)
    if call.verb == "record":
        ledger.numbers[call.arguments["name"]] = made.facts
    if call.verb == "table":
        ledger.tables[call.arguments["name"]] = call.arguments
    return made


def _table(call: Call, _ledger: Ledger) -> Made:
    given = call.arguments
    name, caption = given["name"], given["caption"]
    html = markup.table(name, caption, call.grid, mark=call.mark)
    return Made(html, f"Table: {caption}", {"caption": caption})


def in_plain(call: Call, made: Made) -> str:
    """Return what a call makes in plain text; of a table its rows too, or some of many."""
    if call.verb != "table":
        return made.plain
    mark = f" [{call.mark}]" if call.mark else ""
    return f"{made.plain}{mark}\n{call.arguments['frame'].to_string(max_rows=20)}"


def _record(call: Call, _ledger: Ledger) -> Made:
    given = dict(call.arguments)
    name, label, shown = given.pop("name"), given.pop("label"), given.pop("shown", True)
    facts = {"label": label, **numbers.written(**given)}
    if not shown:  # a sentence will say it
        return Made(f'<span id="{markup.anchor("number", name)}"></span>', "", facts)
    text, forms = facts["text"], facts["forms"]
    html = markup.number(name, label, text, forms["interval"], forms["count"], mark=call.mark)
    plain = ", ".join(filter(None, (f"{label}: {text}", forms["interval"], forms["count"])))
    return Made(html, plain, facts)


def _say(call: Call, ledger: Ledger) -> Made:
    given = call.arguments
    said = sentences.said(given["text"], given["words"], given["needs"], ledger)
    return Made(said.html, said.plain, {"claims": said.claims, "needs": list(given["needs"])})


def _show(call: Call, ledger: Ledger) -> Made:
    return picture(draw(call), call, ledger)


def picture(fig: "Figure", call: Call, ledger: Ledger) -> Made:
    """Return a figure that is drawn, as the call that shows it asks for."""
    given = call.arguments
    name, caption, alt = given["name"], *map(_language.said, (given["caption"], given["alt"]))
    drawn = svg(fig, call, ledger)
    source = "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()
    html = markup.figure(name, caption, alt, source, mark=call.mark)
    return Made(html, f"Figure: {caption}", {"caption": caption, "alt": alt}, drawn)


_VERBS: Mapping[str, Callable[[Call, Ledger], Made]] = MappingProxyType(
    {"show": _show, "table": _table, "record": _record, "say": _say}
)


# ---- figures ----


def get_ready() -> None:
    """Import what reads a call and draws its chart, before the first page is asked for."""
    # whatever an import raises, the page meets again that asks for it
    with contextlib.suppress(Exception):
        from analysis.figures import _chart, layout  # noqa: F401  (matplotlib)
        from analysis.reports import _arguments, tables  # noqa: F401  (pandas)


def draw(call: Call, form: str = "plain") -> "Figure":
    """Draw the chart of a call again."""
    return chart(call, form).figure


def chart(call: Call, form: str = "plain") -> "Chart":
    """Draw the chart of a call again, and say what it shows."""
    from analysis import figures

    given = call.arguments
    if given["chart"] not in figures.CHARTS:
        raise LianjianError(
            f"Figure {given['name']!r} was drawn by the notebook itself, by no function of "
            "analysis.figures: it has no other form than the one it has."
        )
    if form not in figures.FORMS:
        raise LianjianError(
            f"There is no form {form!r} of a figure; forms are {', '.join(figures.FORMS)}."
        )
    with _drawing, figures.drawing(form, marked=given["marked"]):
        return figures.CHARTS[given["chart"]](**given["with"])


def svg(fig: "Figure", call: Call, ledger: Ledger, inside: str = "") -> bytes:
    """Write a figure under its head; what stays inside says so. The same gives the same bytes."""
    from analysis.figures import head_figure
    from analysis.figures._chart import write
    from analysis.figures._words import put_into_words

    _mark(fig, call)
    marks = [mark for mark in (call.mark, inside) if mark]
    given, ending = call.arguments, "".join(_language.said(f" {mark}.") for mark in marks)
    metadata = {
        "Title": _language.said(given["caption"]) + ending,
        "Description": _language.said(given["alt"]) + ending,
        "Creator": f"lianjian {__version__}",
        "Date": None,
    }
    put_into_words(fig)
    if head := given.get("head"):
        found = sentences.said(head["finding"], head["words"], head["needs"], ledger).plain
        measure, source = (_language.said(str(head[name])) for name in ("measure", "source"))
        head_figure(fig, found, measure, " · ".join(filter(None, [source, inside])))
    with _drawing:
        return write(fig, "svg", metadata, given["name"])


def _mark(fig: "Figure", call: Call) -> None:
    """Give a figure the mark of its call, or take off another; twice is once."""
    from analysis.figures import mark_simulated, unmark_simulated

    if call.mark:
        mark_simulated(fig, mixed=call.mark == markup.MIXED)
    else:
        unmark_simulated(fig)


def in_dark(drawn: bytes) -> bytes:
    """Turn a drawing for a dark ground: light becomes dark, hues stay."""
    from colorsys import hls_to_rgb, rgb_to_hls

    def turned(match: re.Match[str]) -> str:
        parts = [int(match[1][at : at + 2], 16) / 255 for at in (0, 2, 4)]
        hue, light, saturation = rgb_to_hls(*parts)
        dark = hls_to_rgb(hue, 1 - 0.93 * light, saturation)
        return "#" + "".join(f"{round(255 * part):02x}" for part in dark)

    text = _dark_colours.sub(turned, drawn.decode())
    # what names no colour is black
    return text.replace("<svg ", '<svg style="fill:#ffffff" ', 1).encode()


_PUBLISHED = "Published figure 公开发表数据, beside: "


def data_of(call: Call, inside: str = "") -> bytes:
    """Return the data of a figure or a table as CSV, marked in every row, for Excel as well."""
    from analysis.reports import _arguments

    given = call.arguments
    found = _arguments.frames(given["with"] if call.verb == "show" else {"table": given["frame"]})
    mark = "; ".join(filter(None, [call.mark, inside]))
    columns: dict[str, None] = {}
    rows: list[dict[str, Any]] = []
    for name, frame in found:
        keys = [level for level in frame.index.names if level is not None]
        whole = frame.reset_index() if keys or not _counted(frame.index) else frame
        whole = whole.set_axis([flat(column) for column in whole.columns], axis=1)
        columns |= dict.fromkeys(whole.columns)
        # a printed figure names its source, and is not made up for standing beside what is
        said = f"{_PUBLISHED}{mark}" if mark and {"source", "published"} <= {*whole} else mark
        rows += [{"part": name, "data": said, **row} for row in _rows(whole)]
    heads = ["part", *columns, *(["data"] if mark else [])]
    return numbers.as_csv(heads, ([row.get(head, "") for head in heads] for row in rows))


def _rows(frame: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.to_dict("records")]


def _counted(index: Any) -> bool:
    return list(index) == list(range(len(index)))


def forms_of(call: Call, ledger: Ledger, plain: bytes = b"", inside: str = "") -> dict[str, bytes]:
    """Return a figure in all its forms, and its data: names of files and contents.

    The ledger has the numbers that its head says; who has drawn it already hands that over. What
    says that it stays inside stands in every file.
    """
    from analysis import figures

    name = call.arguments["name"]
    made = {f"{name}.csv": data_of(call, inside)}
    plain = plain or svg(draw(call), call, ledger, inside)
    made |= {f"{name}.svg": plain, f"{name}-dark.svg": in_dark(plain)}
    for form in figures.FORMS:
        if form not in {"plain", "dark"}:
            made[f"{name}-{form}.svg"] = svg(draw(call, form), call, ledger, inside)
    return made


def on_a_phone(call: Call, ledger: Ledger) -> bytes:
    """Draw a figure for a phone: fewer panels side by side, and words that can be read there.

    The page in the next language finds what the English one drew.
    """
    from analysis.figures._chart import as_drawn

    of, fig = getattr(_here, "drawn", (None, None))
    _here.drawn = (None, None)
    if fig is None or of is not call:
        fig = draw(call, "phone")
    if _language.current() is not None:
        return svg(fig, call, ledger)
    _mark(fig, call)
    with as_drawn(fig):
        drawn = svg(fig, call, ledger)
    _here.drawn = (call, fig)
    return drawn


# ---- as a notebook keeps them ----


def kept(call: Call) -> dict[str, Any]:
    """Return a call as it lies in a notebook; one that is too large says so and no more."""
    from analysis.reports import _arguments

    try:
        text = _compact(_arguments.encode(dict(call.arguments)))
    except _arguments.CannotKeepError as error:
        return {"verb": call.verb, "mark": call.mark, "lost": f"holds a {error}"}
    if len(text) > MOST:
        return {"verb": call.verb, "mark": call.mark, "lost": f"is {len(text):,} characters long"}
    # one text, for a notebook is written with its keys in order and each number on a line
    return {"verb": call.verb, "mark": call.mark, "arguments": text}


def shared(node: Any) -> None:
    """Let a notebook hold the large tables of its calls once, in its metadata."""
    held: dict[str, str] = {}

    def lifted(said: Any) -> Any:
        if isinstance(said, list):
            return [lifted(item) for item in said]
        if not isinstance(said, dict):
            return said
        if said.get("$") != "frame":
            return {key: lifted(item) for key, item in said.items()}
        text = _compact(said)
        if len(text) < LARGE:
            return said
        digest = hashlib.sha256(text.encode()).hexdigest()
        held[digest] = text
        return {"$": "held", "of": digest}

    for cell in node.cells:
        for output in cell.get("outputs", []):
            said = output.get("data", {}).get(MIME)
            if said and len(said.get("arguments", "")) >= LARGE:
                said["arguments"] = _compact(lifted(json.loads(said["arguments"])))
    if held:
        node.metadata[FRAMES] = held


def of(output: Mapping[str, Any], held: Mapping[str, str]) -> Call | None:
    """Return the call of an output; None where none was kept with it."""
    said = output.get("data", {}).get(MIME)
    if not said or "arguments" not in said:
        return None
    used = tuple(sorted((key, held[key]) for key in held if key in said["arguments"]))
    return _read(said["verb"], said["mark"], said["arguments"], used)


@lru_cache(maxsize=512)  # a page asks for each twice
def _read(verb: str, mark: str, arguments: str, held: tuple[tuple[str, str], ...]) -> Call:
    from analysis.reports import _arguments

    def fetched(said: dict[str, Any]) -> Any:
        return json.loads(dict(held)[said["of"]]) if said.get("$") == "held" else said

    try:
        given = _arguments.decode(json.loads(arguments, object_hook=fetched))
        _ = _VERBS[verb]
    except (ValueError, KeyError, TypeError, AttributeError, _arguments.CannotKeepError) as error:
        raise LianjianError(
            f"The notebook holds a call of {verb!r} that cannot be read "
            f"({type(error).__name__}: {error}). Run the report again."
        ) from error
    return Call(verb, given, mark)


def _compact(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
