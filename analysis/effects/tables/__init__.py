"""Tables of estimates as a page prints them: labels, order and verdicts in one place."""

from analysis.effects.tables._answer import (
    alarms,
    balance,
    breakdown,
    by_cohort,
    by_method,
    counted,
    estimates,
    few_alliances,
    helpers,
    matched,
    pre_trends,
    takes_part,
    truth,
    unweighted_cohorts,
    who_joined,
)
from analysis.effects.tables._rows import Rows, p_text

__all__ = [
    "Rows",
    "alarms",
    "balance",
    "breakdown",
    "by_cohort",
    "by_method",
    "counted",
    "estimates",
    "few_alliances",
    "helpers",
    "matched",
    "p_text",
    "pre_trends",
    "takes_part",
    "truth",
    "unweighted_cohorts",
    "who_joined",
]
