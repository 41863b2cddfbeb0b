"""Charts of the pairs: both paths with the gap between them, and slopes from first to last."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures._calls import chart, on_phone
from analysis.figures.theme import (
    COLOURS,
    HOLLOW,
    INK,
    QUIET,
    WAN,
    Chart,
    Look,
    amounts_from_zero,
    finish,
    named_panels,
    new_figure,
    spread,
    year_axis,
)

_COLUMNS = 3


@chart
def pair_gaps(gaps: pd.DataFrame, title: str) -> Chart:
    """Draw the two incomes of each pair over the years, the gap between them shaded.

    Parameters
    ----------
    gaps : DataFrame
        Result of :func:`analysis.indicators.pairs.gaps`; one panel a pair, on one scale.
    title : str
        Name of the measure.

    Notes
    -----
    The dashed line stands at the start of the year of joining, between the last year before and
    the first year in the alliance.
    """
    pairs = sorted(gaps["pair_id"].unique())
    columns = min(_COLUMNS, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, panels = new_figure(height=0.7 + 1.45 * rows, rows=rows, columns=columns)
    years = sorted(int(year) for year in gaps["year"].unique())
    sentences = []
    for number, axes in enumerate(panels):
        if number >= len(pairs):
            axes.set_visible(False)
            continue
        pair = gaps[gaps["pair_id"] == pairs[number]].sort_values("year")
        x = pair["year"].to_numpy()
        helper, weak = pair["helper"].to_numpy(), pair["weak"].to_numpy()
        axes.fill_between(x, weak, helper, color="#eef1f3", linewidth=0)
        for values, colour in ((helper, COLOURS["helper"]), (weak, COLOURS["allied_weak"])):
            axes.plot(x, values, color=colour, linewidth=1.6, marker="o", ms=2.5)
        joined = pair["joined_year"].iloc[0]
        when = "year of joining unknown"
        if pd.notna(joined):
            axes.axvline(float(joined) - 0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 2)))
            when = f"joined {int(joined)}"
        axes.set_title(f"{pairs[number]} · {when}", fontsize=8.5)
        year_axis(axes, sorted({years[0], years[-1]}))
        known = pair.dropna(subset=["gap"])
        if len(known):
            first, last = known.iloc[0], known.iloc[-1]
            sentences.append(
                f"{pairs[number]}, {when}: gap {first['gap']:.1f} in {int(first['year'])}, "
                f"{last['gap']:.1f} in {int(last['year'])}"
            )
        if number % columns == 0 and number // columns == rows // 2:
            axes.set_ylabel(f"{title}, {WAN}")
    # room above the lines for the two names
    amounts_from_zero(panels[0], gaps[["helper", "weak"]], 0.05)
    for y, name, role in ((0.93, "Helper", "helper"), (0.79, "Weak", "allied_weak")):
        how: Look = {"color": COLOURS[role], "fontsize": 8.5, "va": "top"}
        panels[0].text(0.03, y, name, transform=panels[0].transAxes, **how)
    return finish(
        figure,
        f"{len(pairs)} small line charts of {title} in 万元, helper and weak village of each pair. "
        + "; ".join(sentences)
        + ".",
    )


@chart
def pair_slopes(ends: Mapping[str, pd.DataFrame], labels: tuple[str, str, str], unit: str) -> Chart:
    """Draw for each pair a line from one value to another, one panel a measure.

    Parameters
    ----------
    ends : mapping of str to DataFrame
        Panel title and ``pair_id, start, end``; optionally ``expected``, drawn as a diamond at
        the right: what the end was expected to be.
    labels : tuple of str
        What the start, the end and the expected value are called.
    unit : str
        What the values are, with the unit.
    """
    figure, panels = named_panels(ends, 3.9, unit, phone=(2.6, 2))
    frames = ends.values()
    drawn = [frame[frame.columns.intersection(["start", "end", "expected"])] for frame in frames]
    low = min(0.0, *(float(frame.min().min()) for frame in drawn))
    top = max(float(frame.max().max()) for frame in drawn) * 1.08
    sentences = []
    size, aside, step = (6.0, 1.62, 0.062) if on_phone() else (7.5, 1.42, 0.042)
    for axes, title, frame in panels:
        axes.set_ylim(low, top)
        axes.set_xlim(-0.12, aside + 0.13)
        for start, end in zip(frame["start"], frame["end"], strict=True):
            line: Look = {"color": COLOURS["allied_weak"], "linewidth": 1.1, "alpha": 0.8}
            axes.plot([0, 1], [start, end], marker="o", ms=3, **line)
        places = spread(frame["end"].tolist(), (top - low) * step)
        for name, y in zip(frame["pair_id"], places, strict=True):
            axes.annotate(str(name), (1.05, y), va="center", fontsize=size, color=INK)
        means = frame["start"].mean(), frame["end"].mean()
        axes.plot([0, 1], means, color=INK, linewidth=2.6)
        said = f"{title}: mean {means[0]:.3g} at the start and {means[1]:.3g} at the end"
        ticks = [0.0, 1.0]
        names = [labels[0], labels[1]]
        if "expected" in frame:
            axes.plot(np.full(len(frame), aside), frame["expected"], "D", ms=4, **HOLLOW)
            axes.plot(
                [aside - 0.05, aside + 0.05],
                [frame["expected"].mean()] * 2,
                color=INK,
                linewidth=2.6,
            )
            ticks, names = [*ticks, aside], [*names, labels[2]]
            said += f", {frame['expected'].mean():.3g} expected"
        axes.set_xticks(ticks, names)
        axes.tick_params(axis="x", length=0)
        rose = int((frame["end"] > frame["start"]).sum())
        sentences.append(f"{said}; {rose} of {len(frame)} pairs rose")
    return finish(figure, f"Slope charts, {unit}. " + ". ".join(sentences) + ".")
