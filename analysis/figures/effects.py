"""Charts of effects: event study, estimators side by side, balance before and after matching.

Estimates in yuan are drawn in 万元; any other unit is named, and drawn as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from analysis.fields import YUAN_PER_WAN
from analysis.figures._calls import chart
from analysis.figures.theme import COLOURS, INK, QUIET, SIMULATED, WAN, Chart, finish, new_figure

if TYPE_CHECKING:
    from analysis.effects.results import EffectSeries

MAIN = COLOURS["operating"]
TRUTH = "True effect"
_HALO = [withStroke(linewidth=2.5, foreground="white")]
"""Keeps a number readable on a line."""


def wan(yuan: float) -> str:
    """Write an amount in yuan as 万元 with two decimals.

    Examples
    --------
    >>> wan(-15_000)
    '−1.50'
    """
    return f"{yuan / YUAN_PER_WAN:.2f}".replace("-", "−")


@dataclass(frozen=True)
class Unit:
    """What an axis shows: its label, what a value is divided by, and how it is written."""

    short: str
    label: str
    scale: float

    def write(self, value: float) -> str:
        """Write a value: 万元 with two decimals, others with three digits."""
        if self.scale == YUAN_PER_WAN:
            return wan(value)
        return f"{value / self.scale:.3g}".replace("-", "−")


def as_unit(unit: str) -> Unit:
    """Return the unit of a name: 万元 divides yuan by 10,000, % multiplies shares by 100.

    Examples
    --------
    >>> as_unit("万元").write(25_000), as_unit("%").write(0.031), as_unit("log income").write(-0.25)
    ('2.50', '3.1', '−0.25')
    """
    if unit == "万元":
        return Unit(unit, WAN, YUAN_PER_WAN)
    return Unit(unit, unit, 0.01 if unit == "%" else 1.0)


def zero_line(axes: Axes, *, upright: bool = False) -> None:
    """Draw the line of no effect."""
    (axes.axvline if upright else axes.axhline)(0, color=QUIET, linewidth=0.9, zorder=1)


@chart
def event_study_paths(
    series: Mapping[str, "EffectSeries"],
    *,
    truth: Mapping[str, Mapping[int, float]] | None = None,
    unit: str = "万元",
) -> Chart:
    """Draw effects by event time with pointwise intervals and the band for all at once.

    Parameters
    ----------
    series : mapping of str to EffectSeries
        Panel title and the series by event time; the band is drawn where there is one.
    truth : mapping of str to mapping, optional
        Panel title, and the true effect by event time.
    unit : str
        Of the effects, see `as_unit`: 万元 for effects in yuan.
    """
    shown = as_unit(unit)
    figure, panels = new_figure(height=3.7, columns=len(series))
    sentences = []
    for number, (axes, (title, one)) in enumerate(zip(panels, series.items(), strict=True)):
        axes.set_title(title)
        zero_line(axes)
        axes.axvline(-0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 2)))
        x, y = one.index, one.estimate / shown.scale
        after = x >= 0
        for part, colour in ((~after, QUIET), (after, MAIN)):
            if np.isfinite(one.band_low[part]).any():
                axes.vlines(
                    x[part], one.band_low[part] / shown.scale, one.band_high[part] / shown.scale,
                    color=colour, linewidth=1,
                )  # fmt: skip
            axes.vlines(
                x[part], one.low[part] / shown.scale, one.high[part] / shown.scale,
                color=colour, linewidth=3.2, alpha=0.55,
            )  # fmt: skip
            axes.plot(x[part], y[part], linestyle="none", marker="o", ms=5, color=colour, zorder=3)
        for zero in one.reference:
            axes.plot(zero, 0, marker="o", ms=5, color="white", markeredgecolor=QUIET, zorder=3)
        said = "; ".join(
            f"{e:+d} years {shown.write(v)} ({shown.write(low)} to {shown.write(high)})"
            for e, v, low, high in zip(x, one.estimate, one.low, one.high, strict=True)
        )
        sentences.append(f"{title}: {said}")
        if truth and title in truth:
            known = truth[title]
            axes.plot(
                list(known), [value / shown.scale for value in known.values()], linestyle="none",
                marker="D", ms=5, markerfacecolor="white", markeredgecolor=SIMULATED, zorder=4,
            )  # fmt: skip
            if number == 0:
                first = min(known)
                axes.annotate(
                    TRUTH, (first, known[first] / shown.scale), xytext=(7, -9), fontsize=8,
                    textcoords="offset points", color=SIMULATED, zorder=5,
                )  # fmt: skip
            ends = "; ".join(f"{e:+d} years {shown.write(value)}" for e, value in known.items())
            sentences[-1] += f"; true effects {ends}"
        axes.set_xticks(sorted({*x.tolist(), *one.reference}))
        axes.set_xlabel("Years since joining")
        if number == 0:
            axes.set_ylabel(f"Effect, {shown.label}")
    said = ". ".join(sentences)
    return finish(
        figure, f"Effects by years since joining in {shown.short}, 95 % intervals. {said}."
    )


@chart
def estimator_comparison(
    tables: Mapping[str, pd.DataFrame],
    *,
    truth: Mapping[str, float] | None = None,
    unit: str = "万元",
) -> Chart:
    """Draw the estimates of several methods under each other, one panel a measure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Panel title, and ``name, estimate, low, high`` with ``is_defensible``, which sets
        the colour; the same names in every panel. Rows without an estimate are left out.
    truth : mapping of str to float, optional
        Panel title and the true effect, drawn as a line.
    unit : str
        Of the effects, see `as_unit`: 万元 for effects in yuan.
    """
    shown = as_unit(unit)
    frames = {title: table.dropna(subset=["estimate"]) for title, table in tables.items()}
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame["name"]))
    figure, panels = new_figure(height=1.0 + 0.24 * len(names), columns=len(frames))
    sentences = []
    for axes, (title, frame) in zip(panels, frames.items(), strict=True):
        axes.set_title(title)
        zero_line(axes, upright=True)
        said = []
        for item in frame.to_dict("records"):
            row = names.index(item["name"])
            colour = MAIN if item["is_defensible"] else QUIET
            ends = [item["low"] / shown.scale, item["high"] / shown.scale]
            middle = item["estimate"] / shown.scale
            axes.plot(ends, [row, row], color=colour, linewidth=1.8)
            axes.plot(middle, row, marker="o", ms=5.5, color=colour)
            low, high, value = (shown.write(item[key]) for key in ("low", "high", "estimate"))
            axes.annotate(
                value,
                (middle, row),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=colour,
                path_effects=_HALO,
                zorder=5,
            )
            said.append(f"{item['name']} {value} ({low} to {high})")
        sentences.append(f"{title}: {'; '.join(said)}")
        if truth and title in truth:
            _mark_truth(axes, truth[title], shown, y=len(names) - 0.45)
            sentences[-1] += f"; true effect {shown.write(truth[title])}"
        axes.set_ylim(len(names) - 0.4, -0.75)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlabel(f"Effect, {shown.label}")
    panels[0].set_yticks(range(len(names)), names)
    for label, name in zip(panels[0].get_yticklabels(), names, strict=True):
        good = any(frame.loc[frame["name"] == name, "is_defensible"].any()
                   for frame in frames.values())  # fmt: skip
        label.set_color(INK if good else QUIET)
    return finish(
        figure, f"Estimates with 95 % intervals in {shown.short}. " + ". ".join(sentences) + "."
    )


def _mark_truth(axes: Axes, value: float, shown: Unit, *, y: float) -> None:
    x = value / shown.scale
    axes.axvline(x, color=SIMULATED, linewidth=1.2, linestyle=(0, (4, 2)))
    low, high = axes.get_xlim()
    is_right = x > (low + high) / 2  # the label lies on the side with room
    axes.annotate(
        f"{TRUTH} {shown.write(value)}", (x, y), xytext=(-4 if is_right else 4, 2), fontsize=8,
        textcoords="offset points", color=SIMULATED, ha="right" if is_right else "left",
    )  # fmt: skip


@chart
def love_plot(
    balance: pd.DataFrame, labels: Mapping[str, str], *, steps: Sequence[str] = ("before", "after"),
    limit: float = 0.1,
) -> Chart:  # fmt: skip
    """Draw standardised mean differences of covariates before and after matching.

    Parameters
    ----------
    balance : DataFrame
        ``covariate`` and one column ``smd_STEP`` for each step, from
        `analysis.effects.matching.balance_table`.
    labels : mapping of str to str
        Covariates and their names.
    steps : sequence of str
        Columns to draw, the first hollow.
    limit : float
        Differences under it count as balanced: the shaded range.
    """
    rows = balance.to_dict("records")
    figure, (axes,) = new_figure(height=1.35 + 0.34 * len(rows))
    axes.axvspan(-limit, limit, color="#eef1f3", linewidth=0)
    zero_line(axes, upright=True)
    fills = ["white", MAIN, COLOURS["subsidy"]]
    sentences = []
    for row, item in enumerate(rows):
        values = [float(item[f"smd_{step}"]) for step in steps]
        axes.plot([values[0], values[-1]], [row, row], color="#c9ced2", linewidth=1.2, zorder=1)
        for value, fill in zip(values, fills, strict=False):
            axes.plot(value, row, marker="o", ms=6, markerfacecolor=fill,
                      markeredgecolor=MAIN if fill == "white" else fill)  # fmt: skip
        said = ", ".join(f"{value:.2f} {step}" for step, value in zip(steps, values, strict=True))
        sentences.append(f"{labels.get(item['covariate'], item['covariate'])} {said}")
    for place, (step, fill) in enumerate(zip(steps, fills, strict=False)):
        at = (0.02 + 0.2 * place, 1.0)
        axes.annotate("○" if fill == "white" else "●", at, xytext=(0, 6), fontsize=10,
                      xycoords="axes fraction", textcoords="offset points",
                      color=MAIN if fill == "white" else fill)  # fmt: skip
        axes.annotate(step, at, xytext=(13, 7), xycoords="axes fraction", fontsize=8.5,
                      textcoords="offset points")  # fmt: skip
    names = [str(labels.get(item["covariate"], item["covariate"])) for item in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(f"Standardised mean difference; shaded: under {limit:g} in size, balanced")
    return finish(figure, "Balance of covariates, " + "; ".join(sentences) + ".")
