"""Reports of real ledgers: internal until a person reviews and releases them."""

from analysis.reports.release._release import FILE, must_answer, release
from analysis.reports.release._review import review, write

__all__ = ["FILE", "must_answer", "release", "review", "write"]
