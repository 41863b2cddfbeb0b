"""What tests by draws share: their seed, and when a draw is as extreme as what was seen."""

import numpy as np

from analysis._frame import TIE
from analysis.effects.results import Bools, Floats

SEED = 20241231
"""Seed of every sampled test that is not given another one."""


def at_least(values: Floats, threshold: float) -> Bools:
    """Return where values reach a threshold; a tie, which rounding may break, counts as extreme."""
    sizes = np.abs(values[np.isfinite(values)])
    scale = max(abs(threshold), float(np.median(sizes)) if len(sizes) else 0.0)
    reached: Bools = values >= threshold - TIE * scale
    return reached
