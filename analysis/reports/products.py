"""What a notebook publishes: figures, tables and cited numbers.

Each goes out as one output that carries its name, its caption and the kind of the data on which it
stands; the page numbers it and gives it an address. It stands on what ``data=`` names; without it,
on all that the notebook has read so far.
"""

# ruff: noqa: PLC0415  (imported where something runs)

import base64
import io
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from analysis import __version__, paths
from analysis.errors import LianjianError
from analysis.reports import freshness, markup
from analysis.reports.freshness import file_access
from analysis.reports.text import digits_for, is_slug, number, slug

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.clean.dataset import Dataset
    from analysis.reports.tables import Digits

    StandsOn = Dataset | Sequence[Dataset] | None


def show(fig: "Figure", name: str, caption: str, *, alt: str, data: "StandsOn" = None) -> None:
    """Publish a figure and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure; a figure made from simulated data is marked on its face.
    name : str
        Its address: ``#fig-NAME`` in the page.
    caption : str
        What a reader sees below it.
    alt : str
        What it shows, for a reader who cannot see it.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.

    Raises
    ------
    LianjianError
        No alternative text, a name that cannot be an address, or a character without a glyph.
    """
    import matplotlib.pyplot as plt

    _check(name, caption)
    if not alt.strip():
        raise LianjianError(
            f"Figure {name!r} has no alternative text. Say in alt= what it shows, in a sentence "
            "or two, for a reader who cannot see it."
        )
    mark, facts = _ground(data)
    if mark:
        from analysis import figures

        figures.mark_simulated(fig, mixed=mark == markup.MIXED)
    elif data is not None and "analysis.figures" in sys.modules:
        # a chart is marked when it is drawn, by what was loaded then
        sys.modules["analysis.figures"].unmark_simulated(fig)
        alt = alt.removeprefix("Simulated data. ")
    svg = _svg(fig, name, caption, alt, mark)
    plt.close(fig)
    source = "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
    html = markup.figure(name, caption, alt, source, mark=mark)
    _publish("figure", name, html, f"Figure: {caption}", caption=caption, alt=alt, **facts)


def table(
    frame: "pd.DataFrame",
    name: str,
    caption: str,
    *,
    digits: "Digits" = None,
    labels: Mapping[str, str] | None = None,
    data: "StandsOn" = None,
) -> None:
    """Publish a frame as a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its rows; an index with a name, or of several levels, becomes row headers.
    name : str
        Its address: ``#tab-NAME`` in the page.
    caption : str
        What stands above it.
    digits : int or mapping of column to int or "each", optional
        Decimals; by default they follow the size of the numbers. ``"each"`` writes every number
        with the decimals it has.
    labels : mapping of str to str, optional
        What to call columns that the field registry does not know.
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.
    """
    from analysis.reports import tables

    _check(name, caption)
    mark, facts = _ground(data)
    grid = tables.grid(frame, digits, labels, mark=markup.IN_ROW.get(mark, ""))
    html = markup.table(name, caption, grid, mark=mark)
    text = f"Table: {caption}{f' [{mark}]' if mark else ''}\n{frame.to_string(max_rows=20)}"
    _publish("table", name, html, text, caption=caption, **facts)


def record(
    name: str,
    value: float,
    *,
    label: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    digits: int | None = None,
    data: "StandsOn" = None,
) -> None:
    """Publish one number that can be cited by its address, ``#num-NAME``.

    Parameters
    ----------
    name : str
        Its name in the number ledger.
    value : float
        The number, finite.
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
    data : Dataset or sequence of Dataset, optional
        On what it stands, where the notebook reads several datasets.

    Raises
    ------
    LianjianError
        A value or an end that is not a finite number.
    """
    _check(name, label)
    numbers = _finite(name, {"value": value, "low": low, "high": high, "n": n})
    counted = numbers.pop("n", 0.0)
    if not counted.is_integer() or counted < 0:
        raise LianjianError(f"Number {name!r}: n is {n!r}; it counts observations.")
    whole = isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu")
    places = digits if digits is not None else 0 if whole else digits_for(numbers.values())

    def written(end: float) -> str:
        return number(end, places, grouped=not unit.startswith("year"))

    space = "" if unit in {"", "%"} else " "
    text = f"{written(numbers['value'])}{space}{unit}"
    interval = " to ".join(written(numbers[k]) for k in ("low", "high") if k in numbers)
    if interval and len(numbers) == 2:  # noqa: PLR2004  (one end only)
        interval = f"{'at least' if low is not None else 'at most'} {interval}"
    count = "" if n is None else f"n = {number(n, 0)}"
    rest = "".join(f", {part}" for part in (interval, count) if part)
    mark, facts = _ground(data)
    _publish(
        "number",
        name,
        markup.number(name, label, text, interval, count, mark=mark),
        f"{label}: {text}{rest}",
        label=label,
        unit=unit,
        text=text,
        value=int(value) if whole else numbers["value"],
        low=numbers.get("low"),
        high=numbers.get("high"),
        n=None if n is None else int(n),
        **facts,
    )


def _ground(data: "StandsOn") -> tuple[str, dict[str, Any]]:
    """Return the mark of a product, and what it says of the data on which it stands."""
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
    kind = freshness.kind_of(kinds)
    mark = "" if "simulated" not in kinds else markup.MIXED if kind == "mixed" else markup.SIMULATED
    return mark, {"simulated": bool(mark), "kind": kind, **facts}


def _check(name: str, caption: str) -> None:
    if not is_slug(name):
        raise LianjianError(
            f"{name!r} cannot be an address. Use lower-case letters, digits, - and _, "
            f"for example {slug(name)!r}."
        )
    if not caption.strip():
        raise LianjianError(f"{name!r} has no caption or label. Say in words what it is.")


def _finite(name: str, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that are given, once they are numbers and in order."""
    numbers = {}
    for key, end in given.items():
        if end is None and key != "value":
            continue
        # numpy's numbers are registered as such, and its truth values are not
        if type(end) is bool or not isinstance(end, Real):
            raise LianjianError(f"Number {name!r}: {key} is {end!r}, which is no number.")
        numbers[key] = float(end)
        if not math.isfinite(numbers[key]):
            raise LianjianError(
                f"Number {name!r}: {key} is {end}. A cited number is finite; look at the rows "
                "it was computed from, or leave the number out and say why in the text."
            )
    if numbers.get("low", -math.inf) > numbers.get("high", math.inf):
        low, high = given["low"], given["high"]
        raise LianjianError(f"Number {name!r}: its interval runs from {low!r} down to {high!r}.")
    return numbers


def _svg(fig: "Figure", name: str, caption: str, alt: str, mark: str) -> bytes:
    """Draw a figure; the same figure gives the same bytes."""
    import matplotlib as mpl

    from analysis.figures.layout import settle_layout

    ending = f" {mark}." if mark else ""
    metadata = {
        "Title": caption + ending,
        "Description": alt + ending,
        "Creator": f"lianjian {__version__}",
        "Date": None,
    }
    settle_layout(fig)
    settings: dict[Any, Any] = {"svg.hashsalt": name, "svg.fonttype": "path"}
    buffer = io.BytesIO()
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"Glyph \d+ .*missing from")
        try:
            fig.savefig(buffer, format="svg", bbox_inches="tight", metadata=metadata)
        except UserWarning as warning:
            raise LianjianError(
                f"Figure {name!r} holds a character that its fonts cannot draw: {warning}. "
                "Call analysis.figures.fonts() and draw with the theme of analysis.figures."
            ) from None
    return buffer.getvalue()


def _publish(product: str, name: str, html: str, plain: str, /, **facts: object) -> None:
    data = {"text/html": html, "text/plain": plain}
    metadata = {"lianjian": {"product": product, "name": name, **facts}}
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        sys.stdout.write(plain + "\n")
        return
    from IPython.display import display

    display(data, raw=True, metadata=metadata)
