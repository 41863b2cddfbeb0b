"""Difference-in-differences: estimators of the effect on the treated."""

from analysis.effects.did._before_after import before_after
from analysis.effects.did.borusyak_jaravel_spiess import imputation, pretrend
from analysis.effects.did.callaway_santanna import GroupTime, aggregate, att_gt
from analysis.effects.did.fixed_effects import event_study, sun_abraham, twfe

__all__ = [
    "GroupTime",
    "aggregate",
    "att_gt",
    "before_after",
    "event_study",
    "imputation",
    "pretrend",
    "sun_abraham",
    "twfe",
]
