"""Reports of real ledgers: internal until a person reviews and releases them."""

from analysis.reports.release._release import FILE, must_answer, release
from analysis.reports.release._review import decide_otherwise, review, write

__all__ = ["FILE", "decide_otherwise", "must_answer", "release", "review", "write"]
