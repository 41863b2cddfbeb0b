"""The two-way fixed effects regression of a panel, row by row: wild cluster bootstrap and CR2."""

import numpy as np

from analysis.effects._clustered import check_anticipation
from analysis.effects.inference._clusters import cr2
from analysis.effects.inference._resampling import SEED, Floats, Ints, ResampledEstimate
from analysis.effects.inference.wild_bootstrap import DRAWS, wild_cluster
from analysis.effects.panel import NEVER, Panel
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

NAME = "Two-way fixed effects"


def wild_two_way(
    panel: Panel,
    *,
    anticipation: int = 0,
    level: float = 0.95,
    draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
) -> ResampledEstimate:
    """Estimate one effect with unit and year effects, tested by the wild cluster bootstrap."""
    # Units lie in clusters and are absorbed; years do not and stay in the design, so that each draw
    # refits them. MacKinnon & Webb 2018 (DOI 10.1111/ectj.12107): with few treated clusters among
    # many the restricted bootstrap rejects too seldom.
    design, outcome, cluster, unit = _rows(panel, anticipation)
    return wild_cluster(
        design, outcome, cluster, 0, absorb=unit, level=level, draws=draws, rng=rng, name=NAME
    )


def two_way_cr2(panel: Panel, *, anticipation: int = 0, level: float = 0.95) -> Estimate:
    """Estimate one effect with unit and year effects, with CR2 errors and Satterthwaite's t."""
    design, outcome, cluster, unit = _rows(panel, anticipation)
    return cr2(design, outcome, cluster, 0, absorb=unit, level=level, name=NAME)


def _rows(panel: Panel, anticipation: int) -> tuple[Floats, Floats, Ints, Ints]:
    """Return regressors (treatment first), outcome, cluster and unit of each row used."""
    check_anticipation(anticipation)
    if panel.weight is not None:
        raise LianjianError("This regression takes no weights: make the panel without them.")
    start = panel.cohort[:, None]
    joins = start != NEVER
    early = joins & (panel.years < start) & (panel.years >= start - anticipation)
    used = (~np.isnan(panel.y) & ~early).ravel()
    unit, year = (place.ravel()[used] for place in np.indices(panel.y.shape))
    after = (joins & (panel.years >= start)).ravel()[used].astype(np.float64)
    years = (year[:, None] == np.arange(1, len(panel.years))).astype(np.float64)
    traits = (panel.x - panel.x.mean(axis=0))[unit]
    moving = [years * trait[:, None] for trait in traits.T]
    design = np.column_stack([after, years, *moving])
    return design, panel.y.ravel()[used], panel.cluster[unit], unit
