"""Charts that put one county beside its zone twin, or all counties side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.errors import LianjianError
from analysis.fields import COUNTIES, SIMULATED_COUNTIES, County
from analysis.figures._calls import chart
from analysis.figures.theme import (
    BAND_COLOURS,
    COLOURS,
    INK,
    MIDDLE,
    WAN,
    Chart,
    Look,
    amounts_from_zero,
    draw_years,
    finish,
    label_ends,
    named_panels,
    new_figure,
    note,
    said_years,
    say_no_data,
    year_axis,
)


@chart
def county_paths(
    means: pd.DataFrame, county: County, twin: County, columns: Mapping[str, str]
) -> Chart:
    """Draw a county's means over the years beside its twin's and all other counties'.

    Parameters
    ----------
    means : DataFrame
        ``year, county_code`` and means in 万元.
    county, twin : County
        The county and the other one of its zone.
    columns : mapping of str to str
        Measure columns and the titles of their panels.
    """
    measures = {title: column for column, title in columns.items()}
    figure, panels = named_panels(measures, 3.3, f"Mean, {WAN}", phone=(2.2, 2))
    years = sorted(int(year) for year in means["year"].unique())
    sentences = []
    styles = {
        county.code: (COLOURS["operating"], 2.2, "-"),
        twin.code: (COLOURS["helper"], 1.6, (0, (4, 1.5))),
    }
    for axes, title, column in panels:
        amounts_from_zero(axes, means[[*columns]], 0.06)
        ends = []
        for code, line in means.groupby("county_code"):
            colour, width, style = styles.get(str(code), ("#d3d7da", 1.0, "-"))
            how: Look = {"color": colour, "linewidth": width, "linestyle": style}
            known = draw_years(axes, line, column, zorder=3 if code in styles else 1, **how)
            if code in styles and len(known):
                who = county if code == county.code else twin
                last = float(known[column].iloc[-1])
                ends.append((last, f"{who.name_zh} {last:.1f}", colour))
                sentences.append(said_years(title, who.name, known, column))
        if means[column].isna().all():
            say_no_data(axes)
            sentences.append(f"{title}: no data")
        label_ends(axes, years[-1], ends)
        year_axis(axes, years, most=4)
    return finish(
        figure,
        f"Lines of means by year in 万元: {county.name} beside {twin.name}, the other counties in "
        f"grey. {'; '.join(sentences)}.",
    )


@chart
def band_bars(shares: pd.DataFrame, title: str) -> Chart:
    """Draw the shares of income bands as one stacked bar a row.

    Parameters
    ----------
    shares : DataFrame
        Index: names of the rows; columns: bands in ascending order; values in percent.
    title : str
        What the shares are of.
    """
    figure, (axes,) = new_figure(height=1.05 + 0.36 * len(shares))
    if shares.shape[1] > len(BAND_COLOURS):
        raise LianjianError(f"There are {shares.shape[1]} bands, and {len(BAND_COLOURS)} colours.")
    sentences = []
    for row, (name, values) in enumerate(shares.iterrows()):
        left = 0.0
        parts = []
        starts = [0.0, *np.cumsum(values)[:-1]]
        colours = BAND_COLOURS[: len(values)]
        axes.barh(row, values, left=starts, height=0.66, color=colours, linewidth=0)
        for number, (band, value) in enumerate(values.items()):
            if value >= 4:
                dark = number >= len(BAND_COLOURS) - 2
                how = MIDDLE | {"fontsize": 8, "color": "white" if dark else INK}
                axes.text(left + value / 2, row, f"{value:.0f}", **how)
            left += float(value)
            parts.append(f"{band} {value:.0f} %")
        sentences.append(f"{name}: {', '.join(parts)}")
    for number, band in enumerate(shares.columns):
        at, colour = (number / len(shares.columns), 1.0), BAND_COLOURS[number]
        note(axes, "■", at, (0, 7), xycoords="axes fraction", color=colour, fontsize=10)
        note(axes, str(band), at, (12, 8), xycoords="axes fraction", color=INK, fontsize=8)
    axes.set_yticks(range(len(shares)), [str(name) for name in shares.index])
    axes.set_ylim(len(shares) - 0.5, -0.55)
    axes.set_xlim(0, 100)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{title}: share of villages by band in 万元, %")
    return finish(figure, f"Stacked bars, {title}. " + "; ".join(sentences) + ".")


@chart
def county_small_multiples(means: pd.DataFrame, column: str, ylabel: str) -> Chart:
    """Draw each county's mean over the years in a panel of its own, the others behind it.

    Parameters
    ----------
    means : DataFrame
        ``year, county_code`` and the mean in 万元.
    column : str
        The measure.
    ylabel : str
        Its name with the unit.
    """
    figure, panels = new_figure(height=4.3, rows=2, columns=4)
    years = sorted(int(year) for year in means["year"].unique())
    lines = {str(code): line.sort_values("year") for code, line in means.groupby("county_code")}
    sentences = []
    is_invented = lines.keys() <= {county.code for county in SIMULATED_COUNTIES}
    # zone twins side by side
    counties = SIMULATED_COUNTIES if is_invented else COUNTIES
    if others := lines.keys() - {each.code for each in counties}:
        raise LianjianError(
            f"This chart has a place for {', '.join(each.code for each in counties)}, and none "
            f"for the `county_code` {', '.join(sorted(others))}. `paths_by_group` draws any groups."
        )
    ordered = sorted(counties, key=lambda each: (each.zone, each.code))
    for number, (axes, county) in enumerate(zip(panels, ordered, strict=True)):
        axes.set_title(f"{county.name_zh} · {county.zone}")
        for code, line in lines.items():
            if code != county.code:
                draw_years(axes, line, column, color="#dcdfe2", linewidth=0.9)
        own = lines.get(county.code, means.iloc[:0])
        known = draw_years(axes, own, column, color=COLOURS["operating"], linewidth=2)
        if known.empty:
            say_no_data(axes)
            continue
        last = float(known[column].iloc[-1])
        how = {"ha": "right", "fontsize": 8.5, "color": COLOURS["operating"]}
        note(axes, f"{last:.1f}", (years[-1], last), (0, 5), **how)
        sentences.append(f"{county.name} {float(known[column].iloc[0]):.1f} to {last:.1f}")
        year_axis(axes, sorted({years[0], years[-1]}))
        if number % 4 == 0:
            axes.set_ylabel(ylabel)
    amounts_from_zero(panels[0], means[column], 0.15)
    return finish(
        figure,
        f"A line chart a county, {ylabel}, {years[0]} to {years[-1]}: {'; '.join(sentences)}.",
    )
