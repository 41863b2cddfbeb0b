"""What a report follows from, and whether that is still so."""

from analysis.reports.freshness._checksums import RUN_ID, checksums, mismatches, sealed
from analysis.reports.freshness._kinds import kind_of, kinds
from analysis.reports.freshness._opens import watched
from analysis.reports.freshness._stats import Stat, code_now

__all__ = [
    "RUN_ID",
    "Stat",
    "checksums",
    "code_now",
    "kind_of",
    "kinds",
    "mismatches",
    "sealed",
    "watched",
]
