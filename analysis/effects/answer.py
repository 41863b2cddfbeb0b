"""One answer: the preferred estimate with its interval, what stands beside it, and its alarms."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.effects.alarms import Alarms, Places, alarms, dose_gauge, places_of, relative
from analysis.effects.alarms import without_neighbours as healed_panel
from analysis.effects.balancing import Balanced, balance
from analysis.effects.inference import few_clusters, placebo_draws, randomization_inference
from analysis.effects.inference.placebos import PlaceboPool
from analysis.effects.panel import Floats, Panel
from analysis.effects.preferred import preferred_points, regression_points, regression_series
from analysis.effects.results import EffectSeries, Estimate
from analysis.effects.sensitivity.breakdown import Breakdown, breakdown
from analysis.errors import LianjianError

NORMAL = 1.96


@dataclass(frozen=True, eq=False)
class Answer:
    """The preferred estimate and everything that belongs beside it."""

    balanced: Balanced  # the fits behind it
    # by event time from 0 on, with intervals of placebo alliances where they could be drawn, else
    # of few clusters; `overall` is the estimate
    series: EffectSeries
    few: Estimate  # the estimate for alliances like these (CR2)
    # the regression on size from g−2, by event time, with the same kind of intervals; None where
    # there is none, as where no year before g−1 is seen
    regression: EffectSeries | None
    few_regression: EffectSeries | None  # the same with CR2
    placebos: Floats | None  # (D,) the preferred estimate for placebo alliances
    alarms: Alarms
    healed: Estimate | None  # with losses of neighbours taken out, where that gauge alarms
    breakdown: Breakdown
    notes: tuple[str, ...]

    @property
    def estimate(self) -> Estimate:
        """The preferred number."""
        return self.series.overall

    @property
    def apart(self) -> float:
        """Preferred estimate less the regression, NaN without one: no bracket of the truth."""
        beside = self.regression.overall.estimate if self.regression else float("nan")
        return self.estimate.estimate - beside


def answer(
    panel: Panel,
    frame: pd.DataFrame,
    pool: PlaceboPool | None,
    *,
    rng: np.random.Generator,
    draws: int = 199,
    anticipation: int = 1,
) -> Answer:
    """Estimate, infer, and read the gauges."""
    until = max(anticipation, 1)
    found = balance(panel, until=until)
    plain = few_clusters(found.series())
    series, placebos, stray = plain, None, np.empty(0)
    notes: tuple[str, ...] = ()
    few_regression: EffectSeries | None = None
    try:
        few_regression = regression_series(panel, anticipation=anticipation)
    except LianjianError as error:
        notes = (f"No regression beside the preferred estimate: {error}",)
    regression = few_regression
    if pool is not None:
        size = len(found.points())

        def both(one: Panel) -> Floats:
            points = preferred_points(one, until=until)
            if few_regression is None:
                return points
            return np.append(points, regression_points(one, anticipation=anticipation))

        try:
            drawn = placebo_draws(pool, both, rng, draws=draws)
            series = randomization_inference(plain, drawn[:, :size], anticipation=anticipation)
            placebos = drawn[:, 0]
            if few_regression is not None:
                stray = drawn[:, size]
                regression = randomization_inference(
                    few_regression, drawn[:, size:], anticipation=anticipation
                )
        except LianjianError as error:
            notes = (*notes, f"No placebo alliances, so intervals are those of CR2: {error}")
    places = places_of(panel, frame)
    return Answer(
        balanced=found,
        series=series,
        few=plain.overall,
        regression=regression,
        few_regression=few_regression,
        placebos=placebos,
        alarms=alarms(panel, stray, places),
        healed=_healed(panel, places, series.overall, until),
        breakdown=breakdown(found, places),
        notes=notes,
    )


def _healed(panel: Panel, places: Places, preferred: Estimate, until: int) -> Estimate | None:
    """Return the estimate without losses of neighbours, and add the error of these to its own."""
    gauge, error = dose_gauge(panel, relative(panel, places), places)
    if not gauge.is_on:
        return None
    estimate = float(preferred_points(healed_panel(panel, places, gauge.size), until=until)[0])
    slope = (estimate - preferred.estimate) / gauge.size
    half = float(np.hypot((preferred.high - preferred.low) / 2, NORMAL * slope * error))
    return replace(
        preferred,
        name=f"{preferred.name}, neighbours' losses taken out",
        estimate=estimate,
        std_error=float(np.hypot(preferred.std_error, slope * error)),
        low=estimate - half,
        high=estimate + half,
        p_value=float("nan"),
        influence=None,
    )
