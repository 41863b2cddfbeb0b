"""One function a chart; each returns the figure and alt text drawn from its numbers.

A chart draws itself as the last line of a cell, and saves itself: ``chart.save("x.png")``.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from analysis import _border
from analysis.figures import _needs
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


def _of_the_house(draw: Callable[..., Chart]) -> Callable[..., Chart]:
    """Let a chart say what it cannot draw, and leave nothing of the theme behind."""
    signature = inspect.signature(draw)

    @wraps(draw)
    def drawn(*given: Any, **named: Any) -> Chart:
        arguments = signature.bind(*given, **named).arguments
        with use_theme():
            return draw(**_needs.read(draw.__name__, arguments))

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
