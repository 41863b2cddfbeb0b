"""Charts of effects: event study, estimators side by side, balance before and after matching.

Estimates in yuan are drawn in 万元; any other unit is named, and drawn as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from analysis.fields import YUAN_PER_WAN
from analysis.figures._calls import chart, on_phone
from analysis.figures.theme import (
    COLOURS,
    HOLLOW,
    INK,
    QUIET,
    SIMULATED,
    WAN,
    Chart,
    Look,
    finish,
    list_rows,
    named_panels,
    new_figure,
    note,
)

if TYPE_CHECKING:
    from analysis.effects.results import EffectSeries

MAIN = COLOURS["operating"]
TRUTH = "True effect"
_BALANCED = 0.1  # a difference under it, in standard deviations
_HALO = [withStroke(linewidth=2.5, foreground="white")]
"""Keeps a number readable on a line."""


def wan(yuan: float) -> str:
    """Write an amount in yuan as 万元 with two decimals."""
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
    """Return the unit of a name: 万元 divides yuan by 10,000, % multiplies shares by 100."""
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

    Each panel has its own scale: a measure with wide intervals hides no effect on another.

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
    figure, panels = named_panels(series, 3.7, f"Effect, {shown.label}", is_one_scale=False)
    sentences = []
    for number, (axes, title, one) in enumerate(panels):
        zero_line(axes)
        axes.axvline(-0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 2)))
        x, y = one.index, one.estimate / shown.scale
        after = x >= 0
        band = one.band_low / shown.scale, one.band_high / shown.scale
        low, high = one.low / shown.scale, one.high / shown.scale
        for part, colour in ((~after, QUIET), (after, MAIN)):
            if np.isfinite(band[0][part]).any():
                axes.vlines(x[part], band[0][part], band[1][part], color=colour, linewidth=1)
            thick: Look = {"linewidth": 3.2, "alpha": 0.55, "color": colour}
            axes.vlines(x[part], low[part], high[part], **thick)
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
            at = {e: value / shown.scale for e, value in known.items()}
            axes.plot(list(at), list(at.values()), "D", ms=5, zorder=4, **HOLLOW)
            if number == 0:
                first = (min(at), at[min(at)])
                note(axes, TRUTH, first, (7, -9), fontsize=8, color=SIMULATED, zorder=5)
            ends = "; ".join(f"{e:+d} years {shown.write(value)}" for e, value in known.items())
            sentences[-1] += f"; true effects {ends}"
        axes.set_xticks(sorted({*x.tolist(), *one.reference}))
        axes.set_xlabel("Years since joining")
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
    figure, panels = named_panels(
        frames, 1.0 + 0.24 * len(names), phone=(0.75 + 0.175 * len(names), 2)
    )
    dot, size = (4.5, 6.5) if on_phone() else (5.5, 7.5)
    sentences = []
    for axes, title, frame in panels:
        low_end, high_end = frame["low"].min() / shown.scale, frame["high"].max() / shown.scale
        zero_line(axes, upright=True)
        said = []
        for item in frame.to_dict("records"):
            row = names.index(item["name"])
            colour = MAIN if item["is_defensible"] else QUIET
            ends = [item["low"] / shown.scale, item["high"] / shown.scale]
            middle = item["estimate"] / shown.scale
            axes.plot(ends, [row, row], color=colour, linewidth=1.8)
            axes.plot(middle, row, marker="o", ms=dot, color=colour)
            low, high, value = (shown.write(item[key]) for key in ("low", "high", "estimate"))
            how = {"fontsize": size, "color": colour, "zorder": 5, "path_effects": _HALO}
            if not on_phone():
                note(axes, value, (middle, row), (0, 5), ha="center", **how)
            elif sum(ends) > low_end + high_end:
                note(axes, value, (ends[0], row), (-3, 0), ha="right", va="center", **how)
            else:
                note(axes, value, (ends[1], row), (3, 0), ha="left", va="center", **how)
            said.append(f"{item['name']} {value} ({low} to {high})")
        sentences.append(f"{title}: {'; '.join(said)}")
        if truth and title in truth:
            _mark_truth(axes, truth[title], shown, y=len(names) - 0.45)
            sentences[-1] += f"; true effect {shown.write(truth[title])}"
        list_rows(axes, names, above=0.75, below=0.6)
        axes.set_xlabel(f"Effect, {shown.label}")
    good = pd.concat([frame.loc[frame["is_defensible"], "name"] for frame in frames.values()])
    for label, name in zip(panels[0][0].get_yticklabels(), names, strict=True):
        label.set_color(INK if name in good.tolist() else QUIET)
    return finish(
        figure, f"Estimates with 95 % intervals in {shown.short}. " + ". ".join(sentences) + "."
    )


def _mark_truth(axes: Axes, value: float, shown: Unit, *, y: float) -> None:
    x = value / shown.scale
    axes.axvline(x, color=SIMULATED, linewidth=1.2, linestyle=(0, (4, 2)))
    low, high = axes.get_xlim()
    side, away = ("right", -4) if x > (low + high) / 2 else ("left", 4)  # the one with room
    said = f"{TRUTH} {shown.write(value)}"
    note(axes, said, (x, y), (away, 2), fontsize=8, color=SIMULATED, ha=side)


@chart
def love_plot(balance: pd.DataFrame, labels: Mapping[str, str]) -> Chart:
    """Draw standardised mean differences of covariates before and after matching.

    Parameters
    ----------
    balance : DataFrame
        ``covariate, smd_before, smd_after``, from `analysis.effects.matching.balance_table`.
    labels : mapping of str to str
        Covariates and their names.
    """
    names = [str(labels.get(name, name)) for name in balance["covariate"]]
    figure, (axes,) = new_figure(height=1.35 + 0.34 * len(names))
    limit = _BALANCED
    axes.axvspan(-limit, limit, color="#eef1f3", linewidth=0)
    zero_line(axes, upright=True)
    fills = {"before": "white", "after": MAIN}
    sentences = []
    for row, name in enumerate(names):
        values = {step: float(balance[f"smd_{step}"].iloc[row]) for step in fills}
        axes.plot([*values.values()], [row, row], color="#c9ced2", linewidth=1.2, zorder=1)
        for step, value in values.items():
            filled: Look = {"markerfacecolor": fills[step], "markeredgecolor": MAIN}
            axes.plot(value, row, marker="o", ms=6, **filled)
        said = ", ".join(f"{value:.2f} {step}" for step, value in values.items())
        sentences.append(f"{name} {said}")
    for place, (step, sign) in enumerate(zip(fills, "○●", strict=True)):
        at = (0.02 + 0.2 * place, 1.0)
        note(axes, sign, at, (0, 6), fontsize=10, xycoords="axes fraction", color=MAIN)
        note(axes, step, at, (13, 7), fontsize=8.5, xycoords="axes fraction")
    list_rows(axes, names, above=0.6, below=0.5)
    axes.set_xlabel(f"Standardised mean difference; shaded: under {limit:g} in size, balanced")
    return finish(figure, "Balance of covariates, " + "; ".join(sentences) + ".")
