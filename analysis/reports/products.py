"""What a notebook publishes: figures, tables, cited numbers and sentences about them.

Each goes out as one output that carries its name, its caption, the kind of the data on which it
stands, and the call that made it; the page makes the call again, numbers it and gives it an
address. It stands on what ``data=`` names; without it, on all that the notebook has read so far.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis import _language, paths
from analysis._labelled import Labelled, Quantity
from analysis.errors import LianjianError
from analysis.reports import calls, freshness, markup, numbers
from analysis.reports.calls import Call, Made
from analysis.reports.freshness import file_access
from analysis.reports.sentences import Claim, claim
from analysis.reports.text import is_slug, slug

if TYPE_CHECKING:
    import pandas as pd

    from analysis.clean.dataset import Dataset
    from analysis.figures import Chart
    from analysis.reports.tables import Digits

    StandsOn = Dataset | Sequence[Dataset] | None

__all__ = ["claim", "note", "record", "say", "show", "table"]

_MOST_SIGNS = 6_000_000  # of what one output stands on, as a notebook holds it
_TOO_MANY = (
    "with the other numbers of its output it stands on more amounts than can be kept beside it; "
    "publish fewer numbers together"
)
_ledger = numbers.Ledger()  # what this run has recorded


def show(
    fig: object,
    name: str = "",
    caption: str = "",
    *,
    alt: str = "",
    finding: str = "",
    measure: str = "",
    needs: Collection[str] = (),
    data: "StandsOn" = None,
    **words: "str | int | Claim",
) -> None:
    """Publish a figure and close it; without name and caption it is shown here, not published.

    Parameters
    ----------
    fig : Chart, matplotlib.figure.Figure, Axes, or grid of seaborn
        A chart of `analysis.figures`, or a figure of one's own; it is marked on its face where it
        is made from simulated data.
    name : str
        Its address: ``#fig-NAME`` in the page.
    caption : str
        What a reader sees below it.
    alt : str
        What it shows, for a reader who cannot see it; a chart says this itself.
    finding : str
        What it finds: its title. Numbers stand in it by address, as in `say`.
    measure : str
        What is drawn, with its unit, below the title; the foot names the data.
    needs : collection of str
        Addresses without which the title is left out.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.
    **words : str, int or Claim
        Texts, years and claims that stand in the title under their names.

    Raises
    ------
    LianjianError
        No alternative text, a name that cannot be an address, or a character without a glyph.
    """
    import matplotlib.pyplot as plt

    from analysis.figures import as_chart, call_of

    chart = as_chart(fig, alt)
    figure, alt = chart.figure, chart.alt
    if not name and not caption:
        _explore(chart)
        return
    _check(name, caption)
    if not alt.strip():
        raise LianjianError(
            f"Figure {name!r} has no alternative text. Say in alt= what it shows, in a sentence "
            "or two, for a reader who cannot see it."
        )
    mark, facts = ground(data)
    if not mark and data is not None:
        # a chart is marked when it is drawn, by what was loaded then
        alt = alt.removeprefix("Simulated data. ")
    drawn = call_of(figure)
    again = {"chart": drawn.chart, "with": drawn.arguments, "marked": drawn.marked} if drawn else {}
    given = {"name": name, "caption": caption, "alt": alt, "chart": "", **again}
    if finding or measure:
        _check_words(words)
        head = {"finding": finding, "needs": list(needs), "words": words, "measure": measure}
        given["head"] = {**head, "source": _source(data)}
    call = Call("show", given, mark)
    made = calls.picture(figure, call, _ledger)
    plt.close(figure)
    _publish("figure", call, made, facts)


def table(
    frame: "pd.DataFrame | Labelled",
    name: str,
    caption: str = "",
    *,
    digits: "Digits" = None,
    labels: Mapping[str, str] | None = None,
    data: "StandsOn" = None,
) -> None:
    """Publish a frame as a table.

    Parameters
    ----------
    frame : pandas.DataFrame or Labelled
        Its rows; an index with a name, or of several levels, becomes row headers. What
        `analysis.tables` returns brings its decimals, labels and notes along; without rows, its
        notes say why there is no table.
    name : str
        Its address: ``#tab-NAME`` in the page.
    caption : str
        What stands above it; what `analysis.tables` returns may bring its own.
    digits : int or mapping of column to int or "each", optional
        Decimals; by default they follow the size of the numbers. ``"each"`` writes every number
        with the decimals it has.
    labels : mapping of str to str, optional
        What to call columns that the field registry does not know.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.
    """
    if isinstance(frame, Labelled):
        note(*frame.notes, data=data)
        if not frame:
            return
        digits, caption = frame.digits if digits is None else digits, caption or frame.caption
        frame, labels = frame.frame, {**frame.labels, **(labels or {})}
    _check(name, caption)
    mark, facts = ground(data)
    given = {"frame": frame, "name": name, "caption": caption, "digits": digits, "labels": labels}
    _publish("table", Call("table", given, mark), None, facts)


def record(
    name: "str | Quantity | Iterable[Quantity]",
    value: Any = None,
    *,
    label: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    digits: int | None = None,
    shown: bool = True,
    data: "StandsOn" = None,
) -> None:
    """Publish one number that can be cited by its address, ``#num-NAME``.

    Parameters
    ----------
    name : str, Quantity, or several Quantity
        Its name in the number ledger; a quantity of `analysis.tables` says all that follows itself.
    value : float or an estimate
        The number, finite. An estimate says its interval, if it has one, and its count as well.
    label : str
        What it is, in words.
    unit : str
        Its unit.
    low, high : float, optional
        Ends of its interval.
    n : int, optional
        Observations behind it.
    digits : int, optional
        Decimals to print; the ledger keeps the full value.
    shown : bool
        False where a sentence behind it will say the number.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.

    Raises
    ------
    LianjianError
        A value or an end that is not a finite number.
    """
    if not isinstance(name, str):
        several = [name] if isinstance(name, Quantity) else name
        if not isinstance(several, Iterable):
            raise LianjianError(f"record takes the name of a number, and {name!r} is none.")
        for one in several:
            own = {key: item for key, item in vars(one).items() if key not in ("name", "value")}
            record(one.name, one.value, **own, shown=shown, data=data)
        return
    _check(name, label)
    given = numbers.given(name, value, low=low, high=high, n=n)
    mark, facts = ground(data)
    given |= {"name": name, "label": label, "unit": unit, "digits": digits}
    given |= {} if shown else {"shown": False}
    _publish("number", Call("record", given, mark), None, facts)


def say(
    text: str,
    *,
    needs: Collection[str] = (),
    data: "StandsOn" = None,
    **words: "str | int | Claim",
) -> None:
    """Publish a sentence whose numbers are those of the ledger.

    Parameters
    ----------
    text : str
        The sentence, with ``{address}`` where a number stands: ``{att-total}``, as recorded, is its
        value, ``{att-total:unit}`` with its unit, ``:interval`` and ``:n`` what it was recorded
        with, ``:size`` its value without a sign; ``{target.total.gain}`` is a cell of the table
        ``target``, by row and column. ``**bold**``, ``*emphasis*`` and empty lines
        between paragraphs are kept.
    needs : collection of str
        Addresses without which the sentence is left out; ``name:interval`` asks for that form.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.
    **words : str, int or Claim
        Texts, years and claims that stand in the sentence under their names.

    Raises
    ------
    LianjianError
        A number that was not recorded before, a form that there is not, or a number that is handed
        over as a word.
    """
    if not isinstance(text, str):
        raise LianjianError(f"say publishes a sentence, and {text!r} is none.")
    _check_words(words)
    mark, facts = ground(data)
    given = {"text": text, "needs": list(needs), "words": words}
    _publish("sentence", Call("say", given, mark), None, facts)


def note(*remarks: str, data: "StandsOn" = None) -> None:
    """Publish remarks on what is left out and why, each a paragraph.

    Parameters
    ----------
    *remarks : str
        Sentences without numbers of the ledger.
    data : Dataset or sequence of Dataset, optional
        On what they stand, where the notebook reads several datasets.
    """
    for remark in remarks:
        say("*{remark}*", remark=remark, data=data)


def ground(data: "StandsOn") -> tuple[str, dict[str, Any]]:
    """Return the mark of a product, and what it says of the data on which it stands."""
    kinds, facts = kinds_behind(data)
    kind = freshness.kind_of(kinds)
    mark = "" if "simulated" not in kinds else markup.MIXED if kind == "mixed" else markup.SIMULATED
    return mark, {"simulated": bool(mark), "kind": kind, **facts}


def kinds_behind(data: "StandsOn") -> tuple[set[str], dict[str, Any]]:
    """Return of which kinds the data behind a product are, and what it says of them."""
    from analysis.clean.dataset import Dataset, loaded

    facts: dict[str, Any] = {}
    if data is not None:
        given: list[Any] = list(data) if isinstance(data, list | tuple) else [data]
        wrong = [item for item in given if not isinstance(item, Dataset)]
        if wrong or not given:
            raise LianjianError(
                "data= takes the datasets on which a product stands, as analysis.load returns "
                f"them, and was given {wrong[0]!r}."
                if wrong
                else "data= was given no dataset."
            )
        facts["stands_on"] = {item.name: item.kind for item in given}
        kinds = {item.kind for item in given}
    else:
        read = file_access.noted()
        seen = freshness.kinds(paths.root(), read.files) if read.files else {}
        kinds = {item.kind for item in loaded()} | set(seen.values())
        facts |= {"unsure": True} if read.unseen else {}
    return kinds, facts


def _source(data: "StandsOn") -> str:
    """Name the data on which a figure stands, for its foot."""
    from analysis.clean.dataset import loaded

    given: Any = loaded() if data is None else data
    given = given if isinstance(given, list | tuple) else [given]
    titles = "; ".join(dict.fromkeys(each.title for each in given))
    return f"Source: {titles}" if titles else ""


def _check_words(words: Mapping[str, object]) -> None:
    for name, word in words.items():
        if isinstance(word, bool) or not isinstance(word, str | int | Claim):
            raise LianjianError(
                f"The sentence is handed {name}={word!r}. A number in a sentence is one of the "
                "ledger: record it, and write {its-name}; texts, years and claims are words."
            )


def _check(name: str, caption: str) -> None:
    if not is_slug(name):
        raise LianjianError(
            f"{name!r} cannot be an address. Use lower-case letters, digits, - and _, "
            f"for example {slug(name)!r}."
        )
    if not caption.strip():
        raise LianjianError(f"{name!r} has no caption or label. Say in words what it is.")


def _explore(chart: "Chart") -> None:
    """Draw a chart in the notebook; it stays no product."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    display(chart)
    plt.close(chart.figure)


def _evidence_of(call: Call) -> str:
    """Return who stands behind the numbers of a call, where a ledger was read; else nothing."""
    from analysis import _evidence

    if not _evidence.is_collecting() or call.verb == "say":
        return ""
    from analysis.reports._walk import seen

    found: dict[str, list[_evidence.Evidence]] = {}

    def see(_: str, number: float, counted: bool) -> float:
        of = _evidence.find(number)
        # a whole number and a mean may be equal by chance
        if stands := [one for one in of if one.rule == "count"] if counted else of:
            found[float(number).hex()] = [*found.get(float(number).hex(), []), *stands]
        return number

    seen(dict(call.arguments), see, "")
    packed = _evidence.packed(found) if found else ""
    if len(packed) > _MOST_SIGNS:
        inside = [_evidence.Evidence("inside", 0, why=_TOO_MANY)]
        return _evidence.packed(dict.fromkeys(found, inside))
    return packed


def _publish(product: str, call: Call, made: Made | None, ground: Mapping[str, Any]) -> None:
    """Make a call, and put out what it makes with the call beside it."""
    if named := ground.get("stands_on"):
        from analysis.clean.dataset import loaded
        from analysis.reports import _claimed

        _claimed.must_hold(call, [data for data in loaded() if data.name in named])
    made = made or calls.make(call, _ledger)
    name = call.arguments.get("name", "")
    facts = {"product": product, "name": name, **made.facts, **ground}
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        plain = _language.said(calls.in_plain(call, made))
        sys.stdout.write(plain + "\n" if plain else "")
        return
    from IPython.display import display

    html, plain = _language.html(made.html), _language.said(calls.in_plain(call, made))
    data = {"text/html": html, "text/plain": plain, calls.MIME: calls.kept(call)}
    if stands := _evidence_of(call):
        data[calls.EVIDENCE] = stands
    display(data, raw=True, metadata={"lianjian": facts})
