"""Effects of joining an alliance: design, estimators, inference, sensitivity."""

import inspect

from analysis._border import at_the_door
from analysis.effects._study import Study, study
from analysis.effects.design import Design, make_study
from analysis.effects.did import (
    aggregate,
    att_gt,
    before_after,
    event_study,
    imputation,
    sun_abraham,
    twfe,
)
from analysis.effects.estimand import ESTIMANDS, reweigh
from analysis.effects.inference import few_clusters, randomization_inference
from analysis.effects.panel import first_treated, make_panel
from analysis.effects.preferred import preferred_att, regression_att
from analysis.effects.sensitivity import honest_did
from analysis.effects.studies import Studies, studies

__all__ = [
    "ESTIMANDS",
    "Design",
    "Studies",
    "Study",
    "aggregate",
    "att_gt",
    "before_after",
    "event_study",
    "few_clusters",
    "first_treated",
    "honest_did",
    "imputation",
    "make_panel",
    "make_study",
    "preferred_att",
    "randomization_inference",
    "regression_att",
    "reweigh",
    "studies",
    "study",
    "sun_abraham",
    "twfe",
]

globals().update(
    {
        name: at_the_door(value)
        for name, value in list(globals().items())
        if name in __all__ and inspect.isfunction(value)
    }
)


def __dir__() -> list[str]:
    return __all__
