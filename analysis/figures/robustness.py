"""Charts of how firm an effect is: specifications, placebos, leaving out, trends, power.

Estimates come in yuan, as `analysis.effects` returns them, and are drawn in 万元.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN
from analysis.figures._calls import chart, on_phone
from analysis.figures.effects import MAIN, as_unit, wan, zero_line
from analysis.figures.theme import (
    COLOURS,
    INK,
    QUIET,
    SIMULATED,
    WAN,
    Chart,
    Look,
    finish,
    histogram,
    list_rows,
    named_panels,
    new_figure,
    note,
    use_theme,
)

if TYPE_CHECKING:
    from analysis.effects.sensitivity._honest_did import HonestSensitivity

_STYLES: tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))


@chart
def specification_curves(curves: Mapping[str, pd.DataFrame], choices: pd.DataFrame) -> Chart:
    """Draw the estimates of all specifications in order, and below what each one chose.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Panel title and the table of `effects.sensitivity.specification_curve`, in yuan.
    choices : DataFrame
        Index: names of the specifications; one column a kind of choice, its values the options.

    Notes
    -----
    A phone is shown the estimates alone: its grid of choices could not be read.
    """
    options = [
        (column, option) for column in choices.columns for option in pd.unique(choices[column])
    ]
    use_theme()
    high = 2.2
    low = 0.17 * len(options) + 0.1 * len(choices.columns)
    size, heights = (7.2, high + low + 0.6), [high, low]
    if on_phone():
        size, heights = (7.2, 2.3), [high]
    figure = Figure(figsize=size, layout="constrained")
    shape: Look = {"squeeze": False, "sharex": "col", "height_ratios": heights}
    grid = figure.subplots(len(heights), len(curves), **shape)
    sentences = []
    for number, (title, table) in enumerate(curves.items()):
        known = table.dropna(subset=["estimate"])
        x = np.arange(1, len(known) + 1)
        above = grid[0][number]
        above.set_title(title)
        zero_line(above)
        in_wan = known[["low", "high", "estimate"]] / YUAN_PER_WAN
        sure = ((known["low"] > 0) | (known["high"] < 0)).to_numpy()
        for mask, colour in ((sure, MAIN), (~sure, QUIET)):
            bottom, top, value = (in_wan[key][mask] for key in ("low", "high", "estimate"))
            above.vlines(x[mask], bottom, top, color=colour, linewidth=1, alpha=0.6)
            above.plot(x[mask], value, "o", ms=3.2, color=colour)
        if unknown := set(known["specification"]) - set(choices.index):
            raise LianjianError(
                f"The index of choices does not name the specification {min(unknown)!r}."
            )
        if len(heights) > 1:
            _chosen(grid[1][number], choices.loc[known["specification"]], options)
        grid[-1][number].set_xlabel(f"{len(known)} specifications, by estimate")
        grid[-1][number].set_xticks([])
        middle = float(known["estimate"].median())
        sentences.append(
            f"{title}: {len(known)} specifications from {wan(known['estimate'].min())} to "
            f"{wan(known['estimate'].max())}, median {wan(middle)}, {int(sure.sum())} with an "
            "interval that excludes zero"
        )
    grid[0][0].set_ylabel(f"Effect, {WAN}")
    if len(heights) > 1:
        names = [f"{column}: {option}" for column, option in options]
        grid[1][0].set_yticks(_places(choices, options), names)
        grid[1][0].tick_params(axis="y", labelsize=7)
    return finish(figure, "Specification curves in 万元. " + ". ".join(sentences) + ".")


def _chosen(axes: Axes, choices: pd.DataFrame, options: list[tuple[str, object]]) -> None:
    """Draw in a row for each option which specifications chose it, in their order."""
    places, x = _places(choices, options), np.arange(1, len(choices) + 1)
    for (column, option), y in zip(options, places, strict=True):
        has = (choices[column] == option).to_numpy()
        axes.plot(x[~has], np.full((~has).sum(), y), "|", ms=4, color="#e3e5e7")
        axes.plot(x[has], np.full(has.sum(), y), "s", ms=2.6, color=INK)
    axes.set_ylim(max(places) + 0.8, -0.8)
    axes.grid(visible=False)
    axes.set_yticks([])


def _places(choices: pd.DataFrame, options: list[tuple[str, object]]) -> list[float]:
    """Return a height for each option, with a gap between kinds of choice."""
    kinds = list(choices.columns)
    return [row + 0.6 * kinds.index(column) for row, (column, _) in enumerate(options)]


@chart
def placebo_histograms(
    draws: Mapping[str, tuple[npt.ArrayLike, float, float]], what: str = "assignments"
) -> Chart:
    """Draw the estimates of assignments that did not happen, and the one that did.

    Parameters
    ----------
    draws : mapping of str to tuple
        Panel title: estimates under other assignments, the observed one, both in yuan, and its
        p-value.
    what : str
        What was drawn.
    """
    figure, panels = named_panels(draws, 3.1, f"Number of {what}")
    values = {title: np.asarray(one[0], dtype=float) / YUAN_PER_WAN for title, one in draws.items()}
    every = [
        *np.concatenate([one[np.isfinite(one)] for one in values.values()]),
        *(one[1] / YUAN_PER_WAN for one in draws.values()),
    ]
    reach = max(abs(min(every)), abs(max(every))) * 1.1
    bins = np.linspace(-reach, reach, 42)
    sentences = []
    for axes, title, (_, observed, p_value) in panels:
        known = values[title][np.isfinite(values[title])]
        if not len(known):
            raise LianjianError(f"{title}: none of the {what} gave an estimate to draw.")
        histogram(axes, known, bins, "#c3ccd2")
        axes.axvline(observed / YUAN_PER_WAN, color=MAIN, linewidth=1.8)
        words, at = f"observed {wan(observed)}\np = {p_value:.3f}", (observed / YUAN_PER_WAN, 0.97)
        side, away = ("right", -5) if observed > 0 else ("left", 5)
        how: Look = {"color": MAIN, "fontsize": 8.5, "ha": side, "va": "top"}
        note(axes, words, at, (away, 0), xycoords=("data", "axes fraction"), **how)
        axes.set_xlabel(f"Estimate, {WAN}")
        sentences.append(
            f"{title}: {len(known)} {what}, middle 95 % from {np.quantile(known, 0.025):.2f} to "
            f"{np.quantile(known, 0.975):.2f}; observed {wan(observed)}, p = {p_value:.3f}"
        )
    first = panels[0][0]
    first.set_ylim(top=first.get_ylim()[1] * 1.28)  # room for the numbers
    return finish(
        figure,
        f"Histograms of estimates under other {what}, in 万元. " + ". ".join(sentences) + ".",
    )


@chart
def honest_intervals(
    results: Mapping[str, "HonestSensitivity"], xlabel: str, *, unit: str = "万元"
) -> Chart:
    """Draw robust intervals as departures from parallel trends grow.

    Parameters
    ----------
    results : mapping of str to HonestSensitivity
        Panel title and result; the original interval stands at the left.
    xlabel : str
        What the bound is.
    unit : str
        Of the effects, see `effects.as_unit`: 万元 for effects in yuan.
    """
    shown = as_unit(unit)
    use_theme()
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    sentences = []
    for number, (axes, (title, one)) in enumerate(zip(panels, results.items(), strict=True)):
        axes.set_title(title)
        zero_line(axes)
        names = ["parallel\ntrends", *(f"{bound:g}" for bound in one.bounds)]
        ends = [one.original, *zip(one.low, one.high, strict=True)]
        said = []
        for x, (name, (low, high)) in enumerate(zip(names, ends, strict=True)):
            colour = MAIN if x == 0 else COLOURS["allied_weak"]
            if not low > 0 and not high < 0:
                colour = QUIET
            axes.plot([x, x], [low / shown.scale, high / shown.scale], color=colour, linewidth=3)
            said.append(f"{name.replace(chr(10), ' ')} {shown.write(low)} to {shown.write(high)}")
        axes.plot(0, one.estimate / shown.scale, marker="o", ms=5.5, color=MAIN)
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_xlabel(xlabel)
        if number == 0:
            axes.set_ylabel(f"Effect, {shown.label}")
        sentences.append(f"{title}: {'; '.join(said)}")
    return finish(figure, f"Intervals in {shown.short} by {xlabel}. " + ". ".join(sentences) + ".")


@chart
def leave_one_out_dots(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Chart:
    """Draw the estimates without each group in turn; the shaded range is that of all data.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Panel title and the table of `effects.sensitivity.leave_out.leave_one_out`, in yuan.
    labels : mapping of str to str
        Names of what is left out.
    """
    first = next(iter(tables.values()))
    names = [str(value) for value in first["left_out"]]
    shown = ["nothing left out", *(labels.get(name, name) for name in names[1:])]
    figure, panels = named_panels(tables, 1.1 + 0.27 * len(names))
    sentences = []
    for axes, title, table in panels:
        zero_line(axes, upright=True)
        every = table.iloc[0]
        in_wan = (table[["low", "high", "estimate"]] / YUAN_PER_WAN).itertuples(index=False)
        for row, (low, high, value) in enumerate(in_wan):
            if row == 0:
                axes.axvspan(low, high, color="#eef1f3", linewidth=0)
                axes.axvline(value, color=MAIN, linewidth=0.9)
            colour = INK if row else MAIN
            axes.plot([low, high], [row, row], color=colour, linewidth=1.5)
            axes.plot(value, row, marker="o", ms=4.5, color=colour)
        list_rows(axes, shown, above=0.6, below=0.6)
        axes.set_xlabel(f"Effect, {WAN}")
        ordered = table.iloc[1:].dropna(subset=["estimate"]).sort_values("estimate")
        if ordered.empty or [*map(str, table["left_out"])] != names:
            raise LianjianError(
                f"{title}: below the estimate of all stand those without each group in turn, the "
                "same groups in every panel, and here they do not."
            )
        lowest, highest = (
            f"{wan(item['estimate'])} without {labels.get(item['left_out'], item['left_out'])}"
            for item in (ordered.to_dict("records")[0], ordered.to_dict("records")[-1])
        )
        sentences.append(
            f"{title}: {wan(every['estimate'])} with all; lowest {lowest}, highest {highest}"
        )
    return finish(
        figure, "Estimates without each group in turn, 万元. " + ". ".join(sentences) + "."
    )


@chart
def power_curves(
    curves: Mapping[str, pd.DataFrame],
    minimal: Mapping[str, float],
    *,
    target: float = 0.8,
    marks: Mapping[str, float] | None = None,
) -> Chart:
    """Draw the chance of finding an effect by its size.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Line name and the table of `analysis.effects.power.power_curve`, effects in yuan; three at
        most.
    minimal : mapping of str to float
        Line name and the least effect found with probability ``target``, yuan.
    target : float
        That probability.
    marks : mapping of str to float, optional
        Sizes to compare with, by name, in yuan.
    """
    figure, (axes,) = new_figure(height=3.6, phone=(2.4, 1))
    palette = (MAIN, COLOURS["total"], COLOURS["subsidy"])
    if len(curves) > len(palette):
        raise LianjianError(f"There are {len(curves)} curves; {len(palette)} can be told apart.")
    axes.axhline(100 * target, color=QUIET, linewidth=0.9, linestyle=(0, (2, 2)))
    sentences = []
    for place, (name, curve) in enumerate(curves.items()):
        colour = palette[place]
        x = curve["effect"] / YUAN_PER_WAN
        pale: Look = {"color": colour, "alpha": 0.12, "linewidth": 0}
        axes.fill_between(x, 100 * curve["low"], 100 * curve["high"], **pale)
        axes.plot(x, 100 * curve["power"], color=colour, linewidth=1.8, linestyle=_STYLES[place])
        at = minimal[name] / YUAN_PER_WAN
        axes.plot(at, 100 * target, marker="o", ms=6, color=colour, zorder=3)
        how: Look = {"fontsize": 8.5, "color": colour}
        note(axes, f"{name}: {at:.2f}", (at, 100 * target), (8, -12), **how)
        sentences.append(f"{name}: {target:.0%} from {at:.2f} 万元 on")
    for name, value in (marks or {}).items():
        axes.axvline(value / YUAN_PER_WAN, color=SIMULATED, linewidth=1, linestyle=(0, (4, 2)))
        where, how = (value / YUAN_PER_WAN, 3), {"fontsize": 8, "color": SIMULATED}
        note(axes, f"{name} {wan(value)}", where, (4, 0), **how)
        sentences.append(f"{name}: {wan(value)}")
    axes.set_ylim(0, 103)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"Planted mean effect, {WAN}")
    axes.set_ylabel("Found, % of placebos")
    return finish(figure, "Chance of finding an effect by its size. " + "; ".join(sentences) + ".")
