"""Charts of published figures: the province beside the claim, reported changes and dividends."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from analysis.errors import LianjianError
from analysis.figures._calls import chart
from analysis.figures.theme import (
    COLOURS,
    INK,
    QUIET,
    WAN,
    Chart,
    finish,
    label_ends,
    list_rows,
    new_figure,
    note,
)

_MEASURES = {"net": "operating surplus", "operating": "operating income", "total": "total income"}
_INK_OF = {"net": COLOURS["other"], "operating": COLOURS["operating"], "total": COLOURS["total"]}
_ALLIED, _OTHERS = COLOURS["allied_weak"], COLOURS["outside"]
_ZERO = 0.06  # where nothing stands on a logarithmic axis, 万元
_OR_MORE = frozenset({"over", "at_least"})
# where words can stand beside a dot, in points of print: the nearest first
_BESIDE = ((8, 0), (-8, 0), (0, -12), (0, 12), (8, -14), (-8, -14), (8, 14), (-8, 14), (8, -26))
_BOUNDS = {"over": "^", "at_least": "^", "under": "<"}


@chart
def province_paths(means: pd.DataFrame, claim_wan: float, title: str, source: str) -> Chart:
    """Draw a place's mean income by measure over the years, and one claimed mean beside the last.

    Parameters
    ----------
    means : DataFrame
        ``year, measure, value_wan_yuan, qualifier``: one value a year and measure.
    claim_wan : float
        The claimed mean of the last year, 万元; its measure is not stated.
    title, source : str
        What the chart finds, and who printed the means.
    """
    figure, (axes,) = new_figure(height=3.1)
    years = sorted(int(year) for year in means["year"].unique())
    ends, sentences = [], []
    if other := [one for one in means["measure"].unique() if one not in _MEASURES]:
        raise LianjianError(f"measure is one of {', '.join(_MEASURES)}, and {other[0]!r} is none.")
    for measure, path in means.sort_values("year").groupby("measure"):
        name, colour = _MEASURES[str(measure)], _INK_OF[str(measure)]
        x, y = path["year"].to_numpy(), path["value_wan_yuan"].to_numpy()
        axes.plot(x, y, color=colour, linewidth=1.8)
        over = measure == "total"  # the two gross lines lie close together
        for year, value, qualifier in zip(x, y, path["qualifier"], strict=True):
            face = "white" if qualifier == "derived" else colour
            axes.plot(year, value, "o", ms=6, markeredgecolor=colour, markerfacecolor=face)
            if year < years[-1]:
                said = f"{name} {value:.2f}" if year == x[-1] else f"{value:.2f}"
                _write(axes, said, (year, value), (0, 12 if over else -10), colour)
        sentences.append(f"{name} {y[0]:.2f} in {x[0]} to {y[-1]:.2f} in {x[-1]}")
        if x[-1] == years[-1]:
            gain = f" ({y[-1] - y[-2]:+.2f})" if len(y) > 1 else ""
            ends.append((float(y[-1]), f"{name} {y[-1]:.2f}{gain}", colour))
    axes.plot(years[-1], claim_wan, "D", ms=7, color=_ALLIED)
    ends.append((claim_wan, f"allied villages {claim_wan:g} (measure not stated)", _ALLIED))
    axes.set_ylim(0, max(float(means["value_wan_yuan"].max()), claim_wan) * 1.2)
    axes.set_xlim(years[0] - 0.15, years[-1] + 1.15)
    label_ends(axes, years[-1], ends, offset=10)
    axes.set_xticks(years, [str(year) for year in years])
    _head(figure, axes, title, f"Mean income per village, {WAN}; hollow: derived", source)
    return finish(
        figure,
        f"Lines of the mean income per village in 万元: {'; '.join(sentences)}. A diamond in "
        f"{years[-1]}: the claimed mean of the allied villages, {claim_wan:g}, measure not stated.",
    )


@chart
def reported_changes(ends: pd.DataFrame, title: str, source: str) -> Chart:
    """Draw what villages are reported to have earned last against what they earned first.

    Parameters
    ----------
    ends : DataFrame
        Result of :func:`analysis.indicators.reported.series_ends`.
    title, source : str
        What the chart finds, and where the figures stand.

    Notes
    -----
    Both axes are logarithmic; what was nothing, or about nothing, stands at their edge. Forecasts
    are hollow; a bound points to the side on which the value lies.
    """
    figure, (axes,) = new_figure(height=4.1)
    top = float(ends[["first_wan", "last_wan"]].to_numpy().max()) * 2.2
    axes.set(xscale="log", yscale="log", xlim=(_ZERO * 0.75, top), ylim=(_ZERO * 2.5, top))
    axes.plot([_ZERO, top], [_ZERO, top], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    _write(axes, "no change", (2.0, 1.2), (1, 0), QUIET)
    dots, labels = [], []
    for row in ends.sort_values(["alliance", "first_wan"]).to_dict("records"):
        allied = row["alliance"] == "yes"
        colour = _ALLIED if allied else _OTHERS
        x, y = max(row["first_wan"], _ZERO), row["last_wan"]
        forecast = row["last_qualifier"] == "forecast"
        marker = _BOUNDS.get(row["last_qualifier"], _BOUNDS.get(row["first_qualifier"], "o"))
        face = "white" if forecast else colour
        axes.plot(x, y, marker, ms=7 if allied else 6, markeredgecolor=colour, markerfacecolor=face)
        dots.append((x, y))
        if allied:
            labels.append((f"{row['village']} {row['first_year']}–{row['last_year']}", (x, y)))
    ticks = [1.0, 10.0, 100.0, 1000.0]
    axes.set_xticks([_ZERO, *ticks], ["0", *(f"{tick:,.0f}" for tick in ticks)])
    axes.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="First year reported, 万元", ylabel="Last year reported, 万元")
    for y, name, colour in ((0.97, "in an alliance", _ALLIED), (0.91, "none stated", _OTHERS)):
        corner = axes.transAxes
        axes.text(0.02, y, f"■ {name}", color=colour, fontsize=8.5, va="top", transform=corner)
    subtitle = "Income of one village in one measure; ▲ or more, ◄ from less, hollow: forecast"
    _head(figure, axes, title, subtitle, source)
    _write_apart(figure, axes, labels, dots, _ALLIED)
    sentences = []
    for alliance, name in (("yes", "In an alliance"), ("not_stated", "With no alliance stated")):
        group = ends[ends["alliance"] == alliance]
        rose = int((group["last_wan"] > group["first_wan"]).sum())
        sentences.append(f"{name}: {rose} of {len(group)} rose")
    return finish(
        figure,
        "Dots of the last against the first reported income of single villages, in 万元 on "
        f"logarithmic axes. {'. '.join(sentences)}.",
    )


@chart
def reported_sizes(
    sizes: pd.DataFrame, title: str, source: str, mark: Mapping[str, float] | None = None
) -> Chart:
    """Draw the size of single payments, one row each, ordered from the largest.

    Parameters
    ----------
    sizes : DataFrame
        ``name, per_village_wan, qualifier``.
    title, source : str
        What the chart finds, and where the figures stand.
    mark : mapping of str to float, optional
        One vertical line: what it is called, and where it stands in 万元.
    """
    ordered = sizes.sort_values("per_village_wan", ascending=False, ignore_index=True)
    figure, (axes,) = new_figure(height=1.15 + 0.235 * len(ordered))
    top = float(ordered["per_village_wan"].max())
    sentences = []
    for row, item in enumerate(ordered.to_dict("records")):
        value, qualifier = float(item["per_village_wan"]), str(item["qualifier"])
        axes.plot([0, value], [row, row], color=_ALLIED, linewidth=1.2, alpha=0.45)
        marker = ">" if qualifier in _OR_MORE else "o"
        face = "white" if qualifier == "forecast" else _ALLIED
        axes.plot(value, row, marker, ms=6, markeredgecolor=_ALLIED, markerfacecolor=face)
        before = {"forecast": "forecast: ", "about": "about "}.get(qualifier, "")
        said = f"{before}{value:.3g}{' or more' if qualifier in _OR_MORE else ''}"
        _write(axes, said, (value, row), (8, 0), INK)
        sentences.append(f"{item['name']} {said}")
    for name, where in (mark or {}).items():
        axes.axvline(where, color=QUIET, linewidth=1.0, linestyle=(0, (4, 3)))
        _write(axes, name, (where, -0.95), (6, 0), QUIET)
    list_rows(axes, ordered["name"].tolist(), above=1.5, below=0.6)
    axes.set_xlim(0, top * 1.18)
    axes.set_xticks(np.arange(0, top + 1, 10))
    _head(figure, axes, title, f"Per village, {WAN}; ▶ or more, hollow: forecast", source)
    return finish(figure, f"Dots of payments per village in 万元: {'; '.join(sentences)}.")


def _write_apart(
    figure: Figure,
    axes: Axes,
    labels: Sequence[tuple[str, tuple[float, float]]],
    dots: Sequence[tuple[float, float]],
    colour: str,
) -> None:
    """Write words beside their dots where they meet neither another dot nor one another."""
    figure.draw_without_rendering()  # puts the axes in their place
    side = 4.0 * figure.dpi / 72
    centres = axes.transData.transform(dots)
    taken = [Bbox.from_extents(x - side, y - side, x + side, y + side) for x, y in centres]
    taken += [text.get_window_extent() for text in axes.texts]
    for words, at in labels:
        for offset in _BESIDE:
            text = _write(axes, words, at, offset, colour)
            box = text.get_window_extent()
            is_free = not any(box.overlaps(other) for other in taken)
            if is_free and axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1):
                break
            text.remove()
        else:
            text = _write(axes, words, at, _BESIDE[0], colour)
        taken.append(text.get_window_extent())


def _write(
    axes: Axes, words: str, at: tuple[float, float], offset: tuple[float, float], colour: str
) -> Annotation:
    """Write words beside a point, or over or under it, some points of print away."""
    side = {1: "left", 0: "center", -1: "right"}[int(np.sign(offset[0]))]
    return note(axes, words, at, offset, ha=side, va="center", fontsize=8.5, color=colour)


def _head(figure: Figure, axes: Axes, title: str, subtitle: str, source: str) -> None:
    """Write the finding over a chart, its measure and unit under that, its source at the foot."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    axes.set_title(subtitle, fontsize=8.5, color=QUIET, loc="left", pad=8)
    figure.supxlabel(f"Source: {source}", x=0.01, ha="left", fontsize=7.5, color=QUIET)
