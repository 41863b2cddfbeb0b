"""The wild cluster bootstrap of a panel: two-way fixed effects with the null imposed."""

import numpy as np

from analysis.effects.inference._resampling import SEED, ResampledEstimate
from analysis.effects.inference.wild_bootstrap import DRAWS, wild_cluster
from analysis.effects.panel import NEVER, Panel
from analysis.errors import LianjianError


def wild_two_way(
    panel: Panel, *, anticipation: int = 0, level: float = 0.95, draws: int = DRAWS,
    rng: np.random.Generator | int = SEED,
) -> ResampledEstimate:  # fmt: skip
    """Estimate one effect with unit and year effects, tested by the wild cluster bootstrap.

    Parameters
    ----------
    panel : Panel
        Covariates enter with a coefficient for each year.
    anticipation : int
        Years before treatment that may be affected already; their cells are left out.
    level : float
        Confidence level; the interval inverts the test.
    draws : int
        Draws, when the sign patterns are too many to enumerate.
    rng : Generator or int
        Source of the draws.

    Returns
    -------
    ResampledEstimate
        The estimate is that of `analysis.effects.did.twfe.two_way`.

    Raises
    ------
    LianjianError
        The panel has weights, or as for `analysis.effects.inference.wild_bootstrap.wild_cluster`.

    Notes
    -----
    Units lie in clusters and are absorbed; years do not and stay in the design, so that each draw
    refits them. MacKinnon & Webb 2018 (DOI 10.1111/ectj.12107): with few treated clusters among
    many the restricted bootstrap rejects too seldom.

    Examples
    --------
    Four clusters: Webb's six points in all 6⁴ patterns.

    >>> from analysis.effects.examples import four_villages
    >>> result = wild_two_way(four_villages())
    >>> round(result.estimate, 9), result.n_draws
    (2.0, 1296)
    """
    if panel.weight is not None:
        raise LianjianError("The wild bootstrap takes no weights: make the panel without them.")
    start = panel.cohort[:, None]
    joins = start != NEVER
    early = joins & (panel.years < start) & (panel.years >= start - anticipation)
    used = (~np.isnan(panel.y) & ~early).ravel()
    unit, year = (place.ravel()[used] for place in np.indices(panel.y.shape))
    after = (joins & (panel.years >= start)).ravel()[used].astype(np.float64)
    years = (year[:, None] == np.arange(1, len(panel.years))).astype(np.float64)
    traits = (panel.x - panel.x.mean(axis=0))[unit]
    moving = [years * trait[:, None] for trait in traits.T]
    return wild_cluster(
        np.column_stack([after, years, *moving]), panel.y.ravel()[used], panel.cluster[unit], 0,
        absorb=unit, level=level, draws=draws, rng=rng, name="Two-way fixed effects",
    )  # fmt: skip
