"""One function a chart; each returns the figure and alt text drawn from its numbers."""

from analysis.figures.county import band_bars, county_paths, county_small_multiples
from analysis.figures.distribution import lorenz_curves, survival_curves, transition_heat
from analysis.figures.income import composition, gain_distribution, paths_by_group
from analysis.figures.pairs import pair_gaps, pair_slopes
from analysis.figures.published import benchmark_dots, bound_ranges
from analysis.figures.theme import WAN, Chart, fonts, mark_simulated

__all__ = [
    "WAN",
    "Chart",
    "band_bars",
    "benchmark_dots",
    "bound_ranges",
    "composition",
    "county_paths",
    "county_small_multiples",
    "fonts",
    "gain_distribution",
    "lorenz_curves",
    "mark_simulated",
    "pair_gaps",
    "pair_slopes",
    "paths_by_group",
    "survival_curves",
    "transition_heat",
]
