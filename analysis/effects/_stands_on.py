"""Who stands behind an estimate: the weight of each amount in it, kept when someone collects."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd

from analysis import _evidence
from analysis._evidence import Evidence
from analysis.effects.results import EffectSeries, Estimate, Influence
from analysis.fields import MEASURES, YUAN_PER_WAN

R = TypeVar("R", bound=Estimate | EffectSeries)

ENDS = {"estimate": 0, "std_error": 0, "low": -1, "high": 1, "band_low": -1, "band_high": 1}
"""Numbers of an estimate, and the side to which each is rounded."""


def keep(result: R) -> R:
    """Keep what an estimate or a series stands on, in yuan and in 万元, and return it."""
    carried = result.influence
    if not _evidence.is_collecting() or carried is None or carried.pull is None:
        return result
    if carried.panel is None or carried.panel.outcome not in MEASURES:
        return result
    for k, stands in enumerate(_stands(carried)):
        error = float(np.atleast_1d(result.std_error)[k])
        for unit in (1, YUAN_PER_WAN):
            weights = {key: pull / unit for key, pull in stands.weights.items()}
            known = replace(stands, weights=weights, error=error / unit)
            for name, side in ENDS.items():
                if (values := getattr(result, name, None)) is not None:
                    value = float(np.atleast_1d(values)[k])
                    _evidence.keep(value / unit, replace(known, side=side))
    return result


def _stands(carried: Influence) -> list[Evidence]:
    """Return the evidence of each number, its weights in yuan."""
    panel, pull = carried.panel, carried.pull
    assert panel is not None and pull is not None  # noqa: S101, PT018  (asked before)
    # what covariates and a path of years can take away at most
    df = float(carried.used.sum()) - 1 - panel.x.shape[1] - len(panel.years)
    found = []
    for k in range(pull.shape[2]):
        weights = {}
        for t, year in enumerate(panel.years.tolist()):
            mine = np.flatnonzero(pull[:, t, k])
            if len(mine):
                ids = pd.Index(panel.ids[mine].tolist())
                weights[panel.outcome, year] = pd.Series(pull[mine, t, k], ids)
        treated = int((carried.weight[:, k] != 0).sum())
        found.append(Evidence("estimate", treated, weights, df=df))
    return found
