"""One function a chart; each returns the figure and alt text drawn from its numbers.

A chart draws itself as the last line of a cell, and saves itself: ``chart.save("x.png")``.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from analysis import _border
from analysis._frame import need_columns
from analysis.errors import LianjianError
from analysis.figures._calls import CHARTS, FORMS, ChartCall, call_of, drawing
from analysis.figures._chart import (
    Chart,
    as_chart,
    dress_figures,
    fonts,
    give_chinese,
    mark_simulated,
    unmark_simulated,
)
from analysis.figures._heading import head_figure
from analysis.figures.county import band_bars, county_paths, county_small_multiples
from analysis.figures.distribution import (
    income_heaps,
    lorenz_curves,
    survival_curves,
    transition_heat,
)
from analysis.figures.effects import estimator_comparison, event_study_paths, love_plot
from analysis.figures.income import composition, gain_distribution, paths_by_group
from analysis.figures.pairs import pair_gaps, pair_slopes
from analysis.figures.published import province_paths, reported_changes, reported_sizes
from analysis.figures.robustness import (
    honest_intervals,
    leave_one_out_dots,
    placebo_histograms,
    power_curves,
    specification_curves,
)
from analysis.figures.theme import WAN, use_theme

__all__ = [
    "CHARTS",
    "FORMS",
    "WAN",
    "Chart",
    "ChartCall",
    "as_chart",
    "band_bars",
    "call_of",
    "composition",
    "county_paths",
    "county_small_multiples",
    "drawing",
    "dress_figures",
    "estimator_comparison",
    "event_study_paths",
    "fonts",
    "gain_distribution",
    "give_chinese",
    "head_figure",
    "honest_intervals",
    "income_heaps",
    "leave_one_out_dots",
    "lorenz_curves",
    "love_plot",
    "mark_simulated",
    "pair_gaps",
    "pair_slopes",
    "paths_by_group",
    "placebo_histograms",
    "power_curves",
    "province_paths",
    "reported_changes",
    "reported_sizes",
    "specification_curves",
    "survival_curves",
    "transition_heat",
    "unmark_simulated",
    "use_theme",
]

# Columns that the frames of a chart must have, by argument; of mappings, each frame in them.
_COLUMNS = {
    "composition": {
        "means": "year operating_income_wan_yuan subsidy_income_wan_yuan other_income_wan_yuan"
    },
    "county_paths": {"means": "year county_code"},
    "county_small_multiples": {"means": "year county_code"},
    "estimator_comparison": {"tables": "name estimate low high is_defensible"},
    "gain_distribution": {"change": "role change_wan_yuan"},
    "leave_one_out_dots": {"tables": "left_out estimate low high"},
    "love_plot": {"balance": "covariate"},
    "pair_gaps": {"gaps": "pair_id year helper weak gap joined_year"},
    "pair_slopes": {"ends": "pair_id start end"},
    "paths_by_group": {"means": "year"},
    "power_curves": {"curves": "effect power low high"},
    "specification_curves": {"curves": "specification estimate low high"},
    "survival_curves": {"curves": "time survival low high censored at_risk left"},
}


def _of_the_house(draw: Callable[..., Chart]) -> Callable[..., Chart]:
    """Let a chart say what it cannot draw, and leave nothing of the theme behind."""
    signature = inspect.signature(draw)
    needs = _COLUMNS.get(draw.__name__, {})

    @wraps(draw)
    def drawn(*given: Any, **named: Any) -> Chart:
        for name, value in signature.bind(*given, **named).arguments.items():
            if not isinstance(value, str) and hasattr(value, "__len__") and not len(value):
                raise LianjianError(
                    f"{draw.__name__}: {name} is empty, so there is nothing to draw."
                )
            if name in needs:
                for frame in value.values() if isinstance(value, dict) else [value]:
                    need_columns(frame, *needs[name].split())
        with use_theme():
            return draw(*given, **named)

    return drawn


for _name in CHARTS:
    # drawn again by name, a chart leaves no setting behind either
    CHARTS[_name] = globals()[_name] = _of_the_house(globals()[_name])
_border.open_doors(globals())

# what other rooms need to draw again; nobody at a desk does
_BEHIND = {"CHARTS", "FORMS", "ChartCall", "call_of", "drawing", "dress_figures", "fonts",
           "give_chinese", "head_figure", "mark_simulated", "unmark_simulated"}  # fmt: skip


def __getattr__(name: str) -> object:
    raise _border.no_such_name(__name__, name, __all__)


def __dir__() -> list[str]:
    return [name for name in __all__ if name not in _BEHIND]
