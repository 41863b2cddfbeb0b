"""What a chart cannot draw is refused in a sentence, whichever frame of whichever chart it is."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from analysis import figures
from analysis.errors import LianjianError
from analysis.indicators import income

from . import test_figures, test_figures_effects, test_figures_indicators
from .test_figures import panel  # noqa: F401  (a fixture)
from .test_figures_effects import series  # noqa: F401  (a fixture)
from .test_figures_indicators import panel as paired  # noqa: F401  (a fixture)


def numbers_of(frame):
    return [name for name in frame if pd.api.types.is_float_dtype(frame[name])]


def text(frame):
    return frame.assign(**{name: frame[name].astype(str) + " 万元" for name in numbers_of(frame)})


def endless(frame):
    return frame.assign(**dict.fromkeys(numbers_of(frame), np.inf))


def twice(frame):
    return pd.concat([frame, frame], ignore_index=True)


BROKEN = {
    "text": text,
    "endless": endless,
    "nothing": lambda frame: frame.iloc[:0],
    "another table": lambda frame: pd.DataFrame({"x": range(len(frame))}, frame.index),
    "columns as lists": lambda frame: frame.to_dict("list"),
}
BARE = {"choices", "shares", "moves"}
"""Frames without columns of a name of their own: what they are is their shape."""


@pytest.fixture(scope="module")
def calls(panel, series, paired, unmarked):  # noqa: F811
    """Return the calls that draw each chart of the house."""
    drawn = [
        *test_figures.charts(panel).values(),
        *(chart for chart, _ in test_figures_effects.charts(series).values()),
        *test_figures_indicators.charts(paired).values(),
    ]
    made = [figures.call_of(chart.figure) for chart in drawn]
    return {call.chart: dict(call.arguments) for call in made}


def frames(value, path=()):
    """Yield the frames in an argument, each with its way there."""
    if isinstance(value, pd.DataFrame):
        yield path, value
    elif isinstance(value, Mapping | tuple):
        inside = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in inside:
            yield from frames(part, (*path, key))


def put(value, path, frame):
    if not path:
        return frame
    if isinstance(value, tuple):
        return tuple(put(v, path[1:], frame) if i == path[0] else v for i, v in enumerate(value))
    return {k: put(v, path[1:], frame) if k == path[0] else v for k, v in value.items()}


def test_every_chart_is_tried(calls):
    assert set(calls) == set(figures.CHARTS)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_frame_that_cannot_be_drawn_is_refused_in_a_sentence(calls, kind):
    for name, given in calls.items():
        for path, frame in frames(given):
            bare = path[0] in BARE or (kind == "text" and not numbers_of(frame))
            if path == ("reference",) or (kind in {"text", "endless", "another table"} and bare):
                continue
            first = put(given, path, BROKEN[kind](frame))
            with pytest.raises(LianjianError):
                getattr(figures, name)(**first)
    assert plt.get_fignums() == []


KEYED = {"composition", "county_paths", "county_small_multiples", "estimator_comparison",
         "leave_one_out_dots", "love_plot", "pair_gaps", "pair_slopes", "paths_by_group",
         "power_curves", "province_paths", "specification_curves", "survival_curves"}  # fmt: skip


def test_rows_that_repeat_a_point_of_a_line_are_refused(calls):
    for name in KEYED:
        given = calls[name]
        path, frame = next(frames(given))
        with pytest.raises(LianjianError, match=r"rows repeat .*one value a point"):
            getattr(figures, name)(**put(given, path, twice(frame)))


def test_a_panel_in_the_place_of_means_is_refused(panel):  # noqa: F811
    rows = panel.assign(operating_income_wan_yuan=panel["operating_income_yuan"] / 1e4)
    with pytest.raises(LianjianError, match="Draw means"):
        figures.paths_by_group(
            rows, "role", {"operating_income_wan_yuan": "经营性收入"}, {"helper": "Helper"}
        )


BY_YEAR = ("composition", "paths_by_group", "county_paths", "county_small_multiples", "pair_gaps",
           "province_paths")  # fmt: skip


@pytest.mark.parametrize("name", BY_YEAR)
def test_the_order_of_rows_is_nothing_to_a_chart_over_the_years(calls, name):
    given = calls[name]
    path, frame = next(frames(given))
    other = put(given, path, frame.iloc[::-1])
    first, second = (getattr(figures, name)(**one) for one in (given, other))
    assert first.alt == second.alt
    shown = [chart._repr_mimebundle_()["text/html"] for chart in (first, second)]
    assert shown[0] == shown[1]


def test_what_a_number_is_stored_as_is_nothing_to_a_chart(calls):
    for name, given in calls.items():
        for path, frame in frames(given):
            again = getattr(figures, name)(**put(given, path, frame.convert_dtypes()))
            assert again.alt == getattr(figures, name)(**given).alt, name


def test_missing_parts_of_a_bar_are_refused(panel):  # noqa: F811
    parts = [f"{part}_income_yuan" for part in ("operating", "subsidy", "other")]
    means = income.means(panel, ["year"], parts)
    means.loc[means.index[0], "other_income_wan_yuan"] = None
    with pytest.raises(LianjianError, match="other_income_wan_yuan is missing in 1 rows"):
        figures.composition(means)


def several(given, names):
    """Return the frame of a call under several names."""
    [(_, frame), *_] = frames(given)
    return dict.fromkeys(names, frame)


def test_what_a_chart_has_no_room_or_no_name_for_is_said(calls):
    def curves(**more):
        figures.specification_curves(**calls["specification_curves"] | more)

    choices = calls["specification_curves"]["choices"]
    means = calls["province_paths"]["means"].drop_duplicates("year")
    elsewhere = pd.DataFrame({"county_code": ["110101"], "year": 2024, "v": 1.0})
    refused = {
        "There are 9 bands, and 7": lambda: figures.band_bars(pd.DataFrame([range(9)]), "x"),
        "There are 4 curves; 3": lambda: figures.power_curves(
            several(calls["power_curves"], "abcd"), {"a": 1.0}
        ),
        "A panel holds 4 lines at most": lambda: figures.survival_curves(
            several(calls["survival_curves"], "abcde"), "", ""
        ),
        "none for the `county_code` 110101": lambda: figures.county_small_multiples(
            elsewhere, "v", "x"
        ),
        "'gross' is none": lambda: figures.province_paths(
            means.assign(measure="gross"), 1.0, "x", "y"
        ),
        "does not name the specification": lambda: curves(choices=choices.iloc[1:]),
        "none of the assignments gave an estimate": lambda: figures.placebo_histograms(
            {"x": ([np.nan, np.nan], 1.0, 0.5)}
        ),
    }
    for said, draw in refused.items():
        with pytest.raises(LianjianError, match=said):
            draw()
