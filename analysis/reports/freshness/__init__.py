"""What a report follows from, and whether that is still so."""

from analysis.reports.freshness._kinds import kind_of, kinds
from analysis.reports.freshness._opens import watched
from analysis.reports.freshness._stats import Stat, code_now

__all__ = [
    "Stat",
    "code_now",
    "kind_of",
    "kinds",
    "watched",
]
