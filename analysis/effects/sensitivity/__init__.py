"""What would move an estimate: trends that differ, choices, groups left out, villages missing."""

from analysis.effects.sensitivity._honest_did import (
    HonestSensitivity,
    around_reference,
    honest_did,
    relative_magnitudes,
    smoothness,
)
from analysis.effects.sensitivity.leave_out import leave_one_out, placebo_dates
from analysis.effects.sensitivity.missing import lee_bounds
from analysis.effects.sensitivity.specification_curve import (
    specification_curve,
    specification_test,
    summarise_curve,
)

__all__ = [
    "HonestSensitivity",
    "around_reference",
    "honest_did",
    "leave_one_out",
    "lee_bounds",
    "placebo_dates",
    "relative_magnitudes",
    "smoothness",
    "specification_curve",
    "specification_test",
    "summarise_curve",
]
