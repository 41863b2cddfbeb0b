"""One function a chart; each returns the figure and alt text drawn from its numbers."""

from analysis.figures._calls import CHARTS, FORMS, ChartCall, call_of, drawing
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
from analysis.figures.theme import WAN, Chart, fonts, mark_simulated, unmark_simulated

__all__ = [
    "CHARTS",
    "FORMS",
    "WAN",
    "Chart",
    "ChartCall",
    "band_bars",
    "call_of",
    "composition",
    "county_paths",
    "county_small_multiples",
    "drawing",
    "estimator_comparison",
    "event_study_paths",
    "fonts",
    "gain_distribution",
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
]
