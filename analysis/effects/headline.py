"""The estimate that the notebooks stand by, with an allowance for few alliances."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.effects.design import Design, make_study
from analysis.effects.did_scores import Adjustment
from analysis.effects.multiple import holm
from analysis.effects.panel import NEVER, Panel
from analysis.effects.results import Estimate
from analysis.effects.sensitivity import Estimator
from analysis.effects.series import EffectSeries
from analysis.effects.staggered import group_time
from analysis.effects.staggered_mean import dynamic, simple
from analysis.effects.wald import WaldTest
from analysis.errors import LianjianError

ADJUST_FOR = ("households", "has_central_project")
"""Size scales the common growth; a central project brings income of its own."""


def adjusted_design(frame: pd.DataFrame, role: str = "allied_weak", **changes: object) -> Design:
    """Return the design that the notebooks stand by, with the covariates that the data have.

    Parameters
    ----------
    frame : DataFrame
        Villages; a column of ``ADJUST_FOR`` that is missing or has gaps does not enter.
    role : str
        The treated.
    **changes
        Other fields of `Design`.

    Examples
    --------
    >>> adjusted_design(pd.DataFrame({"households": [100, 200]})).covariates
    ('households',)
    """
    known = [name for name in ADJUST_FOR if name in frame and frame[name].notna().all()]
    programmes = tuple(name for name in known if name.startswith("has_"))
    chosen: dict[str, Any] = {
        "role": role, "covariates": tuple(name for name in known if name not in programmes),
    }  # fmt: skip
    if programmes:
        chosen |= {"programmes": "covariates", "programme_names": programmes}
    return Design(**(chosen | changes))


def treated_clusters(panel: Panel) -> int:
    """Return the number A of clusters with units treated in the years seen."""
    treated = (panel.cohort != NEVER) & (panel.cohort <= panel.years[-1])
    return len(np.unique(panel.cluster[treated]))


def few_treated(estimate: Estimate, clusters: int) -> Estimate:
    """Return an estimate whose interval counts the treated clusters only.

    Parameters
    ----------
    estimate : Estimate
        With its clustered standard error.
    clusters : int
        A, clusters that hold treated units.

    Raises
    ------
    LianjianError
        Fewer than two treated clusters.

    Notes
    -----
    With A of G clusters treated and G large, the treated ones carry nearly all the variance, and
    t(A − 1) instead of t(G − 1) allows for that: Donald & Lang 2007, Review of Economics and
    Statistics 89(2) (DOI 10.1162/rest.89.2.221); for two groups, Welch 1947, Biometrika 34.

    Examples
    --------
    >>> plain = Estimate("x", 3.0, 1.0, 1.04, 4.96, 0.003, 0.95, 1e9, 9, 9, 9, "by hand")
    >>> round(few_treated(plain, 9).high, 3)
    5.306
    """
    reach = _quantile(estimate.level, clusters) * estimate.std_error
    p_value = float("nan")
    if estimate.std_error > 0:
        p_value = float(2 * stats.t.sf(abs(estimate.estimate) / estimate.std_error, clusters - 1))
    return replace(
        estimate, low=estimate.estimate - reach, high=estimate.estimate + reach, p_value=p_value,
        df=float(clusters - 1),
        inference=f"clustered, t({clusters - 1}): {clusters} clusters are treated",
    )  # fmt: skip


def few_treated_series(series: EffectSeries, clusters: int, anticipation: int) -> EffectSeries:
    """Return a series by event time with intervals and band for few treated clusters.

    Its test before treatment takes the least p-value of the event times before −``anticipation``,
    adjusted for their number (Holm): a joint Wald test on few treated clusters rejects far too
    often. The band is wider by the ratio of t(A − 1) to the normal quantile.
    """
    quantile = _quantile(series.level, clusters)
    reach = quantile * series.std_error
    known = np.where(series.std_error > 0, series.std_error, np.nan)
    ratio = series.estimate / known
    p_value = 2 * stats.t.sf(np.abs(ratio), clusters - 1)
    scale = quantile / float(stats.norm.ppf(0.5 + series.level / 2))
    band = (series.band_high - series.estimate) * scale
    early = (series.index < -anticipation) & np.isfinite(p_value)
    pretest = None
    if early.any():
        least = float(holm(p_value[early]).min())
        pretest = WaldTest(
            "No effect before treatment, the largest |t| with Holm's adjustment",
            float(np.abs(ratio[early]).max()), int(early.sum()), clusters - 1, least, least,
        )  # fmt: skip
    return replace(
        series, low=series.estimate - reach, high=series.estimate + reach, p_value=p_value,
        band_low=series.estimate - band, band_high=series.estimate + band, pretest=pretest,
        overall=few_treated(series.overall, clusters), df=float(clusters - 1),
    )  # fmt: skip


def headline(
    panel: Panel, *, adjustment: Adjustment | None = None, anticipation: int = 1,
    comparison: str = "never",
) -> Estimate:  # fmt: skip
    """Return the mean effect on the treated with t(A − 1): Callaway–Sant'Anna, never-treated.

    Doubly robust when the panel has covariates, unless ``adjustment`` says otherwise. The base
    year is the last one before the year of selection when ``anticipation`` is 1.

    Examples
    --------
    >>> from analysis.effects.panel import make_panel
    >>> frame = pd.DataFrame({"village_id": [*"aabbccdd"], "year": [2023, 2024] * 4,
    ...                       "income": [1.0, 4, 2, 4, 1, 2, 3, 3],
    ...                       "joined_year": [2024] * 4 + [0] * 4})
    >>> result = headline(make_panel(frame, "income"), anticipation=0)
    >>> result.estimate, result.df
    (2.0, 1.0)
    """
    effects = group_time(
        panel, adjustment=adjustment, anticipation=anticipation, comparison=comparison  # type: ignore[arg-type]
    )  # fmt: skip
    return few_treated(simple(effects), treated_clusters(panel))


def headline_series(
    panel: Panel, rng: np.random.Generator, *, adjustment: Adjustment | None = None,
    anticipation: int = 1,
) -> EffectSeries:  # fmt: skip
    """Return the effects by event time, all against one base year, for few treated clusters."""
    effects = group_time(panel, adjustment=adjustment, anticipation=anticipation, base="universal")
    series = dynamic(effects, rng=rng)
    return few_treated_series(series, treated_clusters(panel), anticipation)


def frame_estimator(
    outcome: str, design: Design, *, adjustment: Adjustment | None = None
) -> Estimator:
    """Return a function from a frame of villages and years to the headline estimate.

    Parameters
    ----------
    outcome : str
        Measure, in yuan.
    design : Design
        Who is compared with whom; its anticipation sets the base year.
    adjustment : str, optional
        As in `headline`.
    """

    def estimate(frame: pd.DataFrame) -> Estimate:
        study = make_study(frame, outcome, design)
        return headline(
            study.panel, adjustment=adjustment, anticipation=design.anticipation,
            comparison=study.comparison,
        )  # fmt: skip

    return estimate


def _quantile(level: float, clusters: int) -> float:
    if clusters < 2:  # noqa: PLR2004
        raise LianjianError(
            f"{clusters} treated cluster leaves no degree of freedom: no interval can be had from "
            "so few. Use a randomisation test."
        )
    return float(stats.t.ppf(0.5 + level / 2, clusters - 1))
