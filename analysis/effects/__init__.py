"""Effects of joining an alliance: design, estimators, inference, sensitivity."""

import inspect

from analysis._border import at_the_door
from analysis.effects._study import Study, study
from analysis.effects.design import Design
from analysis.effects.did import aggregate, att_gt, event_study, imputation, sun_abraham, twfe
from analysis.effects.inference import few_clusters, randomization_inference
from analysis.effects.panel import make_panel
from analysis.effects.preferred import preferred_att
from analysis.effects.sensitivity import honest_did
from analysis.effects.studies import studies

__all__ = [
    "Design",
    "Study",
    "aggregate",
    "att_gt",
    "event_study",
    "few_clusters",
    "honest_did",
    "imputation",
    "make_panel",
    "preferred_att",
    "randomization_inference",
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
