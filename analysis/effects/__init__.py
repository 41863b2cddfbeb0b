"""Effects of joining an alliance: design, estimators, inference, sensitivity."""

from analysis import _border
from analysis.effects._study import Study, study
from analysis.effects.design import Design
from analysis.effects.did import aggregate, att_gt, event_study, imputation, sun_abraham, twfe
from analysis.effects.inference import few_clusters, randomization_inference
from analysis.effects.panel import make_panel
from analysis.effects.preferred import preferred_att
from analysis.effects.results import EffectSeries
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

_border.with_doors(EffectSeries)
_border.open_doors(globals())


def __getattr__(name: str) -> object:
    raise _border.no_such_name(__name__, name, __all__)


def __dir__() -> list[str]:
    return __all__
