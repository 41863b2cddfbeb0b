"""Charts of income over time and of its change."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures._calls import chart
from analysis.figures.theme import (
    COLOURS,
    INK,
    QUIET,
    SIMULATED,
    WAN,
    Chart,
    Look,
    amounts_from_zero,
    draw_years,
    finish,
    label_ends,
    list_rows,
    named_panels,
    new_figure,
    note,
    said_years,
    say_no_data,
    year_axis,
)

_PARTS = {
    "operating_income_wan_yuan": ("operating", "Operating 经营性"),
    "subsidy_income_wan_yuan": ("subsidy", "Subsidy 补助"),
    "other_income_wan_yuan": ("other", "Other 其他"),
}


_CROWD = 200  # from so many points on, they are drawn smaller and lighter


@chart
def composition(means: pd.DataFrame) -> Chart:
    """Draw mean income by year as stacked bars of its parts.

    Parameters
    ----------
    means : DataFrame
        ``year`` and the means of operating, subsidy and other income in 万元
        (:func:`analysis.indicators.income.means`).
    """
    figure, (axes,) = new_figure(height=3.5)
    means = means.sort_values("year")
    years = means["year"].tolist()
    bottom = np.zeros(len(means))
    labels = []
    for column, (name, label) in _PARTS.items():
        values = means[column].to_numpy()
        axes.bar(years, values, bottom=bottom, width=0.62, color=COLOURS[name], linewidth=0)
        labels.append((float(bottom[-1] + values[-1] / 2), label, COLOURS[name]))
        bottom = bottom + values
    share = means["operating_income_wan_yuan"].to_numpy() / bottom
    for year, height, part in zip(years, bottom, share, strict=True):
        at = (year, height)
        note(axes, f"{height:.1f}", at, (0, 12), ha="center", fontsize=8.5)
        note(axes, f"{part:.0%} op.", at, (0, 3), ha="center", fontsize=7, color=QUIET)
    amounts_from_zero(axes, bottom, 0.16)
    axes.set_ylabel(f"Mean income a village, {WAN}")
    label_ends(axes, years[-1] + 0.31, labels)
    year_axis(axes, years)
    first, last = means.iloc[0], means.iloc[-1]
    return finish(
        figure,
        f"Stacked bars of mean income a village by year. Total {bottom[0]:.1f} 万元 in {years[0]} "
        f"(operating {first['operating_income_wan_yuan']:.1f}, subsidy "
        f"{first['subsidy_income_wan_yuan']:.1f}) and {bottom[-1]:.1f} in {years[-1]} (operating "
        f"{last['operating_income_wan_yuan']:.1f}, subsidy {last['subsidy_income_wan_yuan']:.1f}).",
    )


@chart
def paths_by_group(
    means: pd.DataFrame,
    group: str,
    columns: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    reference: pd.DataFrame | None = None,
) -> Chart:
    """Draw the mean of each group over the years, one panel a measure.

    Parameters
    ----------
    means : DataFrame
        ``year``, the group column, and means in 万元.
    group : str
        Column whose values are the lines; a value names its colour where the palette has one.
    columns : mapping of str to str
        Measure columns and the titles of their panels.
    labels : mapping of str to str
        Group values and the names written beside their lines.
    reference : DataFrame, optional
        Published means, drawn as diamonds in the panel of their measure: ``year, measure,
        value_wan_yuan, qualifier, place``; filled where the qualifier is exact.
    """
    measures = {title: column for column, title in columns.items()}
    figure, panels = named_panels(
        measures, 3.7, f"Mean, {WAN}", phone=(2.35, 1) if len(measures) == 1 else None
    )
    years = sorted(int(year) for year in means["year"].unique())
    sentences = []
    for axes, title, column in panels:
        amounts_from_zero(axes, means[[*columns]], 0.06)
        ends = []
        for value, name in labels.items():
            colour = COLOURS.get(value, INK)
            look: Look = {"color": colour, "linewidth": 1.8, "marker": "o", "ms": 3}
            known = draw_years(axes, means[means[group] == value], column, **look)
            if known.empty:
                sentences.append(f"{title}, {name}: no rows")
                continue
            last = float(known[column].iloc[-1])
            ends.append((last, f"{name} {last:.1f}", colour))
            sentences.append(said_years(title, name, known, column))
        if not ends:
            say_no_data(axes)
        if reference is not None:
            measure = column.removesuffix("_income_wan_yuan")
            sentences += _diamonds(axes, reference[reference["measure"] == measure], title)
        label_ends(axes, years[-1], ends)
        year_axis(axes, years, most=4 if len(columns) > 1 else None)
    return finish(figure, "Lines of means by year in 万元. " + "; ".join(sentences) + ".")


def _diamonds(axes: Axes, points: pd.DataFrame, title: str) -> list[str]:
    """Draw published means and return what they say."""
    for number, point in enumerate(points.sort_values("year").to_dict("records")):
        at = (point["year"], point["value_wan_yuan"])
        printed = point["qualifier"] == "exact"
        face = SIMULATED if printed else "white"
        axes.plot(*at, "D", ms=4.5, markeredgecolor=SIMULATED, markerfacecolor=face, zorder=5)
        if number == 0:
            how = {"ha": "right", "color": SIMULATED, "fontsize": 8}
            note(axes, str(point["place"]), at, (-8, 6), **how)
    values = ", ".join(
        f"{year} {value:.2f}"
        for year, value in zip(points["year"], points["value_wan_yuan"], strict=True)
    )
    return [f"{title}, published: {values}"] if values else []


@chart
def gain_distribution(
    change: pd.DataFrame, groups: Mapping[str, str], gain_wan: float, years: tuple[int, int]
) -> Chart:
    """Draw the distribution of villages' gains, one row a group, with a line at the target.

    Parameters
    ----------
    change : DataFrame
        ``role`` and ``change_wan_yuan`` of each village, or of tenths of them with a column
        ``tenth``: then a point is the mean of many villages.
    groups : mapping of str to str
        Roles and their names.
    gain_wan : float
        The target gain, 万元.
    years : tuple of int
        From and to.

    Notes
    -----
    The axis ends at the 1st and 99th percentile of all villages; villages beyond are counted in the
    numbers and named in the alt text. Points are spread by a fixed sequence, not at random.
    """
    figure, (axes,) = new_figure(
        height=0.8 + 0.85 * len(groups), phone=(0.65 + 0.6 * len(groups), 1)
    )
    low, high = np.nanpercentile(change["change_wan_yuan"], [1, 99])
    low, high = (-np.inf, np.inf) if "tenth" in change else (low, high)
    sentences = []
    names = []
    for row, (role, name) in enumerate(groups.items()):
        own = change.loc[change["role"] == role, "change_wan_yuan"].dropna()
        gains = np.sort(own.to_numpy())
        inside = gains[(gains >= low) & (gains <= high)]
        # the golden ratio fills an interval evenly: no seed, no clumps
        offsets = ((np.arange(len(inside)) * 0.6180339887) % 1 - 0.5) * 0.62
        size, alpha = (9, 0.75) if len(gains) < _CROWD else (4, 0.35)
        dots: Look = {"s": size, "alpha": alpha, "linewidths": 0}
        axes.scatter(inside, row + offsets, color=COLOURS.get(role, INK), **dots)
        if "tenth" in change:
            ends = ", ".join(f"{gain:.1f}" for gain in gains[[0, -1]]) if len(gains) else "none"
            names.append(name)
            sentences.append(f"{name}: {len(gains)} points, first and last {ends} 万元")
            continue
        if not len(gains):
            names.append(f"{name}\nno data")
            sentences.append(f"{name}: no data")
            continue
        middle = float(np.median(gains))
        axes.plot([middle, middle], [row - 0.38, row + 0.38], color=INK, linewidth=1.6)
        reached = float((gains >= gain_wan - 1e-9).mean())
        names.append(f"{name}\n{len(gains):,} villages\n{reached:.0%} reach {gain_wan:g}")
        sentences.append(
            f"{name}: {len(gains)} villages, median gain {middle:.1f} 万元, {reached:.0%} gain "
            f"{gain_wan:g} 万元 or more, {len(gains) - len(inside)} beyond the axis"
        )
    axes.axvline(gain_wan, color=SIMULATED, linewidth=1, linestyle=(0, (4, 2)))
    how = {"va": "bottom", "color": SIMULATED, "fontsize": 8}
    note(axes, f"{gain_wan:g} 万元", (gain_wan, -0.5), (3, 0), **how)
    axes.axvline(0, color=QUIET, linewidth=0.7)
    list_rows(axes, names, above=0.75, below=0.55)
    grouped = "tenth" in change
    marks = "points: means of ten villages or more" if grouped else "points: villages, bar: median"
    axes.set_xlabel(f"Change from {years[0]} to {years[1]}, {WAN}; {marks}")
    each = "each the mean of ten villages or more that are next to each other"
    points = f"Points, {each if grouped else 'one a village'}. "
    return finish(figure, points + "; ".join(sentences) + ".")
