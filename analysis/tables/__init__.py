"""One function a table; each returns rows with the labels and decimals in which they are set."""

from analysis.tables._labelled import Labelled, labelled
from analysis.tables.income import (
    brief,
    change,
    coverage,
    levels,
    per_household,
    sources,
    swings,
    target,
)
from analysis.tables.pairs import (
    base_years,
    before_after,
    members,
    net_by_pair,
    standing,
    tests,
    truth,
    who_closed,
)

__all__ = [
    "Labelled",
    "base_years",
    "before_after",
    "brief",
    "change",
    "coverage",
    "labelled",
    "levels",
    "members",
    "net_by_pair",
    "per_household",
    "sources",
    "standing",
    "swings",
    "target",
    "tests",
    "truth",
    "who_closed",
]
