"""Charts of how incomes are spread and how they move: Lorenz curves, transitions, survival."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from analysis._frame import amounts, numeric
from analysis.errors import LianjianError
from analysis.figures._calls import chart, on_phone
from analysis.figures.theme import (
    COLOURS,
    INK,
    MIDDLE,
    QUIET,
    SIMULATED,
    WAN,
    Chart,
    Look,
    finish,
    histogram,
    named_panels,
    new_figure,
)

_LINES = (COLOURS["operating"], COLOURS["subsidy"], COLOURS["allied_weak"], COLOURS["helper"])
_STYLES: tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
_PALE_TO_DARK = LinearSegmentedColormap.from_list("shares", ["#f4f7f9", "#16425b"])
_DARK = 55
"""Percent from which a cell is dark enough for white figures."""

_BIN = 0.5
"""Width of a bar of a histogram, 万元."""


@chart
def lorenz_curves(panels: Mapping[str, Mapping[str, tuple[pd.DataFrame, float]]]) -> Chart:
    """Draw Lorenz curves, one panel a measure.

    Parameters
    ----------
    panels : mapping of str to mapping
        Panel title to line name to the curve (:func:`analysis.indicators.inequality.lorenz`) and
        its Gini index; at most four lines a panel.
    """
    figure, drawn = named_panels(panels, 3.9, "Share of income, %", phone=(2.2, 2))
    sentences = []
    size = 7 if on_phone() else 8.5
    for axes, title, lines in drawn:
        axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8)
        for place, (name, (curve, gini)) in enumerate(lines.items()):
            axes.plot(curve["villages_pct"], curve["income_pct"], **_line(place))
            axes.plot([4, 13], [94 - 8 * place] * 2, **_line(place))
            axes.text(16, 94 - 8 * place, f"{name}: Gini {gini:.2f}", va="center", fontsize=size)
            low = float(np.interp(40, curve["villages_pct"], curve["income_pct"]))
            sentences.append(
                f"{title}, {name}: Gini {gini:.2f}, the poorest 40 % have {low:.0f} % of income"
            )
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_aspect("equal")
        axes.set_xlabel("Villages, poorest first, %")
    return finish(figure, "Lorenz curves. " + "; ".join(sentences) + ".")


def _line(place: int) -> Look:
    """Return how the first, second, third and fourth line of a panel is drawn."""
    if place >= len(_LINES):
        raise LianjianError(
            f"A panel holds {len(_LINES)} lines at most. Draw fewer, or more panels."
        )
    return {"color": _LINES[place], "linewidth": 1.8, "linestyle": _STYLES[place]}


@chart
def transition_heat(
    moves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], years: tuple[int, int]
) -> Chart:
    """Draw transition matrices as heat maps, one panel a measure.

    Parameters
    ----------
    moves : mapping of str to tuple of DataFrame
        Panel title to counts and shares of :func:`analysis.indicators.transitions.transitions`.
        Colour and upper figure: share of the row in percent; lower figure: villages.
    years : tuple of int
        From and to.
    """
    size = len(next(iter(moves.values()))[0])
    figure, panels = named_panels(moves, 1.1 + 0.44 * size, f"Band in {years[0]}")
    sentences = []
    for axes, title, given in panels:
        counts, shares = _bands(title, size, *given)
        percent = shares.to_numpy()
        shown, words = np.ma.masked_invalid(percent), _cell_words(counts, shares)
        axes.pcolormesh(
            shown, cmap=_PALE_TO_DARK, vmin=0, vmax=100, linewidths=0.4, edgecolors="face"
        )
        for row, column in np.argwhere(np.isfinite(percent)):
            colour = "white" if percent[row, column] >= _DARK else INK
            how = MIDDLE | {"linespacing": 1.1, "fontsize": 7.5, "color": colour}
            axes.text(column + 0.5, row + 0.5, words[row, column], **how)
        axes.set(xlim=(0, size), ylim=(size, 0))
        axes.set_xticks(np.arange(size) + 0.5, _two_lines(counts.columns))
        axes.set_yticks(np.arange(size) + 0.5, _two_lines(counts.index), va="center")
        axes.spines[:].set_visible(False)
        axes.tick_params(labelrotation=0)
        axes.grid(visible=False)
        # a frame round staying where one was
        for place in range(size):
            x, y = place + np.array([[0, 1, 1, 0, 0], [0, 0, 1, 1, 0]])
            axes.plot(x, y, color=QUIET, linewidth=0.8, clip_on=False)
        axes.set_xlabel(f"Band in {years[1]}, {WAN}")
        total = int(counts.to_numpy().sum())
        stay = int(np.trace(counts.to_numpy()))
        sentences.append(
            f"{title}: of {total} villages {stay} stayed in their band; "
            + "; ".join(
                f"from {name} ({int(counts.loc[name].sum())}) most went to "
                f"{shares.loc[name].idxmax()} ({shares.loc[name].max():.0f} %)"
                for name in counts.index
                if counts.loc[name].sum()
            )
        )
    return finish(
        figure,
        f"Heat maps of moves between income bands, {years[0]} to {years[1]}. "
        + ". ".join(sentences)
        + ".",
    )


def _bands(
    title: str, size: int, counts: pd.DataFrame, shares: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts and shares of moves as numbers, or say that they are of no one set of bands."""
    counts, shares = (numeric(table, *table.columns) for table in (counts, shares))
    labels = {tuple(axis) for table in (counts, shares) for axis in table.axes}
    is_square = len(labels) == 1 and len(counts) == size
    moved = counts.sum(axis=1) > 0
    if not is_square or counts.isna().any(axis=None) or shares[moved].isna().any(axis=None):
        raise LianjianError(
            f"{title}: counts and shares of moves have the same bands in rows and columns, and a "
            "number in each cell, as indicators.transitions gives them, and these have not."
        )
    return counts.astype(int), shares


def _cell_words(counts: pd.DataFrame, shares: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Write share and number of villages in each cell; nothing where nobody went."""
    words = [
        f"{share:.0f}\n({count:,})" if share >= 1 / 2 else f"<1\n({count:,})" if count else ""
        for count, share in zip(counts.to_numpy().flat, shares.to_numpy().flat, strict=True)
    ]
    return np.array(words).reshape(counts.shape)


def _two_lines(labels: pd.Index) -> list[str]:
    broken = (str(label).replace(" and over", "\nand over") for label in labels)
    return [label.replace("under ", "under\n") for label in broken]


@chart
def survival_curves(curves: Mapping[str, pd.DataFrame], ylabel: str, xlabel: str) -> Chart:
    """Draw Kaplan–Meier curves as steps with pointwise intervals; villages at the start in the key.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Line name and the ``table`` of :func:`analysis.indicators.durations.kaplan_meier`; at most
        four.
    ylabel, xlabel : str
        What has not happened yet, in percent, and the clock with its unit.
    """
    figure, (axes,) = new_figure(height=3.7)
    sentences = []
    last = max(float(table["time"].max()) for table in curves.values())
    for place, (name, table) in enumerate(curves.items()):
        at = np.concatenate([[0.0], table["time"], [last]])
        value, low, high = (
            np.concatenate([[100.0], table[column] * 100, [table[column].iloc[-1] * 100]])
            for column in ("survival", "low", "high")
        )
        line = _line(place)
        colour = line["color"]
        axes.fill_between(at, low, high, step="post", color=colour, alpha=0.13, linewidth=0)
        axes.step(at, value, where="post", **line)
        gone = table[table["censored"] > 0]
        axes.plot(gone["time"], gone["survival"] * 100, "+", ms=6, color=colour)
        at_risk = int(table["at_risk"].iloc[0])
        y, corner = 0.95 - 0.075 * place, axes.transAxes
        axes.plot([0.6, 0.65], [y, y], transform=corner, **line)
        axes.text(0.665, y, f"{name} ({at_risk:,})", transform=corner, va="center", fontsize=8.5)
        sentences.append(
            f"{name} ({at_risk} at risk at the start): "
            + ", ".join(
                f"{share * 100:.0f} % after {time:g}"
                for share, time, left in zip(
                    table["survival"], table["time"], table["left"], strict=True
                )
                if left
            )
        )
    axes.set_ylim(0, 103)
    axes.set_xlim(0, last)
    axes.set_xticks(np.arange(0, last + 1))
    axes.set_ylabel(ylabel)
    axes.set_xlabel(xlabel)
    return finish(figure, f"Step curves of {ylabel} by {xlabel}. " + "; ".join(sentences) + ".")


@chart
def income_heaps(
    incomes: Mapping[str, pd.Series], targets: Sequence[float], counts: Mapping[str, str]
) -> Chart:
    """Draw how many incomes lie in each half 万元, with a line at each target.

    Parameters
    ----------
    incomes : mapping of str to Series
        Panel title and the incomes, 万元; missing ones are left out.
    targets : sequence of float
        Incomes just above which books may be heaped, 万元; the axis ends a fifth above the last.
    counts : mapping of str to str
        Panel title and what was counted around the targets, for who cannot see the chart.
    """
    figure, drawn = named_panels(incomes, 2.9, "Villages and years", phone=(2.8, 1))
    end = max(targets) * 1.2
    sentences = []
    for axes, title, values in drawn:
        known = amounts(values, title)
        known = known[np.isfinite(known)]
        # a bin holds its lower bound, as a band does
        histogram(axes, known, np.arange(0, end + _BIN, _BIN), _LINES[0])
        for target in targets:
            axes.axvline(target, color=SIMULATED, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.set_xlim(0, end)
        axes.set_xticks([0, *targets])
        axes.set_xlabel(f"Income, {WAN}")
        beyond = int(((known < 0) | (known >= end)).sum())
        sentences.append(
            f"{title}: {len(known):,} villages and years, {beyond:,} beyond the axis; "
            f"{counts[title]}"
        )
    return finish(
        figure, "Histograms of incomes with lines at the targets. " + ". ".join(sentences) + "."
    )
