"""The estimate that the notebooks stand by, with an allowance for few alliances."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.effects.design import Design, make_study
from analysis.effects.did._aggregate import dynamic, simple
from analysis.effects.did._scores import Adjustment
from analysis.effects.did.callaway_santanna import GroupTime, group_time
from analysis.effects.inference._multiple import holm
from analysis.effects.inference._placebos import StandIns, stand_ins
from analysis.effects.inference._wald import WaldTest, no_test
from analysis.effects.panel import NEVER, Floats, Panel
from analysis.effects.results import Estimate
from analysis.effects.sensitivity.leave_out import Estimator
from analysis.effects.series import EffectSeries
from analysis.errors import LianjianError

HOLM = "No effect before treatment, the largest |t| with Holm's adjustment"

ADJUST_FOR = ("households", "has_central_project")
"""Size scales the common growth; a central project brings income of its own."""
KNOWN = 0.9
"""A covariate enters when so many of each group have it; the villages without it drop out."""


def adjusted_design(frame: pd.DataFrame, role: str = "allied_weak", **changes: object) -> Design:
    """Return the design that the notebooks stand by, with the covariates that the data have.

    Parameters
    ----------
    frame : DataFrame
        Villages; a column of ``ADJUST_FOR`` enters when at least 90 % of the treated and 90 % of
        those outside have it. The others are then left out, which the panel's notes count.
    role : str
        The treated.
    **changes
        Other fields of `Design`.

    Examples
    --------
    >>> adjusted_design(pd.DataFrame({"role": "outside", "households": [100, 200]})).covariates
    ('households',)
    """
    group = frame["role"].where(frame["role"].isin([role, "outside"]), other=None)
    known = [
        name for name in ADJUST_FOR
        if name in frame and frame[name].notna().groupby(group).mean().ge(KNOWN).all()
    ]  # fmt: skip
    programmes = tuple(name for name in known if name.startswith("has_"))
    chosen: dict[str, Any] = {
        "role": role, "covariates": tuple(name for name in known if name not in programmes),
    }  # fmt: skip
    if programmes:
        chosen |= {"programmes": "covariates", "programme_names": programmes}
    return Design(**(chosen | changes))


def alliance_stand_ins(
    frame: pd.DataFrame, outcome: str, design: Design, *, covariates: Sequence[str] | None = None
) -> StandIns:
    """Return stand-ins for the alliances of a design, as like them as the data allow.

    Parameters
    ----------
    frame : DataFrame
        The panel with the villages' traits.
    outcome : str
        Measure, in yuan.
    design : Design
        Whose role is imitated.
    covariates : sequence of str, optional
        For the estimators; those of the design when not given.

    Raises
    ------
    LianjianError
        As for `analysis.effects.inference._placebos.stand_ins`.

    Notes
    -----
    Near in the income of the year before joining, and in households where they are known; in the
    same counties; over as many townships where these are known.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aaabbb"], "year": [2022, 2023, 2024] * 2,
    ...     "role": ["allied_weak"] * 3 + ["outside"] * 3, "alliance_id": ["A"] * 3 + [None] * 3,
    ...     "joined_year": [2024] * 3 + [None] * 3, "county_code": "k",
    ...     "x_yuan": [1.0, 2, 9, 1, 2, 4]})
    >>> alliance_stand_ins(frame, "x_yuan", Design()).panel.ids.tolist()
    ['b']
    """
    townships = "township_name" in frame and frame["township_name"].notna().all()
    return stand_ins(
        frame, outcome, role=design.role,
        covariates=design.columns if covariates is None else covariates,
        near=["households"] if "households" in design.columns else [],
        block="township_name" if townships else None,
    )  # fmt: skip


def treated_clusters(panel: Panel) -> int:
    """Return the number A of clusters with units treated in the years seen.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> treated_clusters(four_villages())
    2
    """
    treated = (panel.cohort != NEVER) & (panel.cohort <= panel.years[-1])
    return len(np.unique(panel.cluster[treated]))


def few_treated(estimate: Estimate, clusters: int) -> Estimate:
    """Return an estimate whose error and interval count the treated clusters only.

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
    With A of G clusters treated and G large, the treated ones carry nearly all the variance: the
    factor is A/(A − 1) in place of G/(G − 1), and the reference t(A − 1). Where each cluster's
    effect is measured around the mean of all, as in `simple` and in `imputation` with
    ``pool="all"``, this is the t-test over the A effects of the clusters, whose size stays under
    5 % however their variances differ (Ibragimov & Müller 2010, J. Bus. Econ. Stat. 28(4), DOI
    10.1198/jbes.2009.08046). It allows for drawing other clusters with other effects, and is wide
    for the mean effect on these ones: see `analysis.effects.inference.randomization`.

    Examples
    --------
    Nine of very many clusters: 1.96 standard errors become 2.306 √(9/8).

    >>> plain = Estimate("x", 3.0, 1.0, 1.04, 4.96, 0.003, 0.95, 1e9, 9, 9, 10**9, "by hand")
    >>> round(few_treated(plain, 9).high, 3)
    5.446
    """
    error = estimate.std_error * _widening(clusters, estimate.n_clusters)
    reach = _quantile(estimate.level, clusters) * error
    p_value = float("nan")
    if error > 0:
        p_value = float(2 * stats.t.sf(abs(estimate.estimate) / error, clusters - 1))
    return replace(
        estimate, std_error=error, low=estimate.estimate - reach, high=estimate.estimate + reach,
        p_value=p_value, df=float(clusters - 1),
        inference=f"clustered, t({clusters - 1}): {clusters} clusters are treated",
    )  # fmt: skip


def few_treated_series(series: EffectSeries, panel: Panel, anticipation: int) -> EffectSeries:
    """Return a series by event time with intervals, band and test for few treated clusters.

    Each event time counts the clusters seen at it; with one there is no interval, and a note says
    so. The test before −``anticipation`` takes the least p-value of its event times, adjusted for
    their number (Holm): a joint Wald test on few treated clusters rejects far too often. The band
    is that of Bonferroni.

    Parameters
    ----------
    series : EffectSeries
        By event time.
    panel : Panel
        It was estimated on.
    anticipation : int
        Years before treatment that may be affected already.

    Examples
    --------
    Two clusters: the variance 1/3 of `plain_series` times (2/1)/(4/3).

    >>> from analysis.effects.examples import four_villages
    >>> panel = four_villages()
    >>> series = few_treated_series(plain_series(panel, anticipation=0), panel, 0)
    >>> round(float(series.std_error[0]) ** 2, 6), series.df
    (0.5, 1.0)
    """
    counts = np.maximum(series.n_clusters, 2)
    error = series.std_error * np.sqrt(counts / (counts - 1) * _shrink(panel.n_clusters))
    error[series.n_clusters < 2] = np.nan  # noqa: PLR2004
    ratio = np.divide(series.estimate, error, out=np.full_like(error, np.nan), where=error > 0)
    p_value = 2 * stats.t.sf(np.abs(ratio), counts - 1)
    tail = (1 - series.level) / 2
    reach = stats.t.isf(tail, counts - 1) * error
    band = stats.t.isf(tail / len(series.index), counts - 1) * error
    early = (series.index < -anticipation) & np.isfinite(p_value)
    pretest = no_test(HOLM, "no year before the base year rests on two treated clusters")
    if early.any():
        least = float(holm(p_value[early]).min())
        largest = float(np.abs(ratio[early]).max())
        df = float(counts[early].min() - 1)
        pretest = WaldTest(HOLM, largest, int(early.sum()), df, least, float("nan"))
    notes = series.notes
    if alone := series.index[series.n_clusters < 2].tolist():  # noqa: PLR2004
        text = ", ".join(map(str, alone))
        notes = (*notes, f"One treated cluster at event times {text}: no interval there.")
    return replace(
        series, std_error=error, low=series.estimate - reach, high=series.estimate + reach,
        p_value=p_value, band_low=series.estimate - band, band_high=series.estimate + band,
        pretest=pretest, overall=few_treated(series.overall, treated_clusters(panel)),
        df=float(counts.min() - 1), notes=notes,
    )  # fmt: skip


def headline(
    panel: Panel, *, adjustment: Adjustment | None = None, anticipation: int = 1,
    comparison: str = "never",
) -> Estimate:  # fmt: skip
    """Return the mean effect on the treated with t(A − 1): Callaway–Sant'Anna, never-treated.

    Parameters
    ----------
    panel : Panel
        Its clusters are alliances.
    adjustment : str, optional
        As in `group_time`; regression when the panel has covariates, else none.
    anticipation : int
        With 1 the base year is the last one before the year of selection.
    comparison : str
        As in `group_time`.

    Raises
    ------
    LianjianError
        Fewer than two alliances are treated, or nothing can be estimated.

    Notes
    -----
    Regression, not doubly robust: with a handful of treated villages a cohort, some have no
    counterpart in the covariates, and weighting then loses the cohort, and with it the question.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> result = headline(four_villages(), anticipation=0)
    >>> result.estimate, result.df
    (2.0, 1.0)
    """
    effects = _pairs(panel, adjustment, anticipation, comparison)
    return few_treated(simple(effects), treated_clusters(panel))


def headline_series(
    panel: Panel, *, adjustment: Adjustment | None = None, anticipation: int = 1,
    comparison: str = "never",
) -> EffectSeries:  # fmt: skip
    """Return the effects by event time, all against one base year, for few treated clusters.

    Parameters
    ----------
    panel, adjustment, anticipation, comparison
        As in `headline`, whose estimate is ``overall``.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> series = headline_series(four_villages(), anticipation=0)
    >>> print(series[0], series.n_clusters, series.overall.df)
    2.0 [2] 1.0
    """
    plain = plain_series(
        panel, adjustment=adjustment, anticipation=anticipation, comparison=comparison
    )
    return few_treated_series(plain, panel, anticipation)


def plain_series(
    panel: Panel, *, adjustment: Adjustment | None = None, anticipation: int = 1,
    comparison: str = "never",
) -> EffectSeries:  # fmt: skip
    """Return what `headline_series` returns before its allowance for few treated clusters.

    Parameters
    ----------
    panel, adjustment, anticipation, comparison
        As in `headline`.

    Examples
    --------
    Treated gains 3 and 2 and others 1 and 0 lie 0.5 off their means: variance 4 · 0.25²  times 4/3.

    >>> from analysis.effects.examples import four_villages
    >>> round(float(plain_series(four_villages(), anticipation=0).std_error[0]) ** 2, 6)
    0.333333
    """
    effects = _pairs(panel, adjustment, anticipation, comparison)
    return replace(dynamic(effects), overall=simple(effects))


def point_effects(
    panel: Panel, *, adjustment: Adjustment | None = None, anticipation: int = 1,
    comparison: str = "never",
) -> Floats:  # fmt: skip
    """Return the estimates of `plain_series` alone (1 + K,), the overall one first, and fast.

    Parameters
    ----------
    panel, adjustment, anticipation, comparison
        As in `headline`.

    Examples
    --------
    >>> from analysis.effects.examples import four_villages
    >>> point_effects(four_villages(), anticipation=0).tolist()
    [2.0, 2.0]
    """
    effects = _pairs(panel, adjustment, anticipation, comparison)
    weight = panel.unit_weight
    size = {g: float(rows.stop - rows.start if weight is None else weight[rows].sum())
            for g, rows in panel.groups}  # fmt: skip
    mass = np.array([size[g] for g in effects.cohort.tolist()])
    when = effects.year - effects.cohort
    marks = [when >= 0, *(when == e for e in np.unique(when))]
    return np.array([np.average(effects.estimate[mark], weights=mass[mark]) for mark in marks])


def _pairs(
    panel: Panel, adjustment: Adjustment | None, anticipation: int, comparison: str
) -> GroupTime:
    """Return the effects by cohort and year behind the headline, all against one base year."""
    return group_time(
        panel, adjustment=adjustment or ("regression" if panel.covariates else "none"),
        anticipation=anticipation, base="universal",
        comparison=comparison,  # type: ignore[arg-type]
    )  # fmt: skip


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

    Examples
    --------
    Villages of two alliances gain 3 and 2, those outside 1 and 0.

    >>> frame = pd.DataFrame({"village_id": [*"aabbccdd"], "year": [2022, 2024] * 4,
    ...     "role": ["allied_weak"] * 4 + ["outside"] * 4, "joined_year": [2024] * 4 + [None] * 4,
    ...     "alliance_id": [*"AABB"] + [None] * 4, "x_yuan": [1.0, 4, 2, 4, 1, 2, 3, 3]})
    >>> frame_estimator("x_yuan", Design(anticipation=0))(frame).estimate
    2.0
    """

    def estimate(frame: pd.DataFrame) -> Estimate:
        study = make_study(frame, outcome, design)
        return headline(
            study.panel, adjustment=adjustment, anticipation=design.anticipation,
            comparison=study.comparison,
        )  # fmt: skip

    return estimate


def _shrink(clusters: int) -> float:
    """Return (G − 1)/G, which takes the factor of all clusters out of a variance."""
    return (clusters - 1) / clusters


def _widening(treated: int, clusters: int) -> float:
    return float(np.sqrt(treated / max(treated - 1, 1) * _shrink(clusters)))


def _quantile(level: float, clusters: int) -> float:
    if clusters < 2:  # noqa: PLR2004
        raise LianjianError(
            f"{clusters} treated cluster leaves no degree of freedom: no interval can be had from "
            "so few. Use a randomisation test."
        )
    return float(stats.t.ppf(0.5 + level / 2, clusters - 1))
