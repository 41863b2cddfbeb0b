"""Few treated alliances: t over their effects, and the noise of stand-ins."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.effects.design import make_study
from analysis.effects.inference._placebos import draw_placebo, stand_ins
from analysis.effects.inference.randomization import (
    placebo_draws,
    randomised,
    randomised_series,
    reach,
)
from analysis.effects.panel import make_panel
from analysis.effects.power import plant
from analysis.effects.preferred import (
    adjusted_design,
    alliance_stand_ins,
    few_treated_series,
    headline,
    headline_series,
    plain_series,
    point_effects,
)
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

ROUNDING = 1e-9
YEARS = range(2019, 2025)


def books(starts: list[int], outside: int, noise: float, seed: int = 1) -> pd.DataFrame:
    """One village an alliance; villages outside do not move when ``noise`` is 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for k, start in enumerate([*starts, *[None] * outside]):
        steps = rng.normal(size=len(YEARS)) * (1.0 if start else noise)
        for year, step in zip(YEARS, steps, strict=True):
            rows.append((f"v{k:03}", year, start, f"A{k}" if start else None, step))
    frame = pd.DataFrame(rows, columns=["village_id", "year", "joined_year", "alliance_id", "y"])
    role = frame["alliance_id"].notna().map({True: "allied_weak", False: "outside"})
    return frame.assign(role=role, county_code="a", households=100.0)


def test_it_is_the_t_test_over_the_effects_of_the_alliances():
    frame = books([2022] * 9, 2000, 0.0)
    wide = frame.pivot(index="village_id", columns="year", values="y")
    effects = (wide[[2022, 2023, 2024]].mean(axis=1) - wide[2020])[:9]
    expected = stats.ttest_1samp(effects, 0.0)
    result = headline(make_panel(frame, "y"))
    assert result.estimate == pytest.approx(effects.mean())
    assert result.p_value == pytest.approx(expected.pvalue)
    assert [result.low, result.high] == pytest.approx(list(expected.confidence_interval()))


def test_each_event_time_counts_its_own_alliances():
    panel = make_panel(books([2021] * 3 + [2022] * 4 + [2023], 400, 1.0), "y")
    plain, few = plain_series(panel), headline_series(panel)
    # 2021 alone is seen 3 years on, all four years before only 2023
    counts = dict(zip(few.index.tolist(), few.n_clusters.tolist(), strict=True))
    assert (counts[3], counts[2], counts[0], counts[-4]) == (3, 7, 8, 1)
    place = few.index.tolist().index(3)
    factor = np.sqrt(3 / 2 * 407 / 408)
    assert few.std_error[place] == pytest.approx(plain.std_error[place] * factor)
    low = few.estimate[place] - stats.t.ppf(0.975, 2) * few.std_error[place]
    assert few.low[place] == pytest.approx(low)
    alone = few.index.tolist().index(-4)
    assert np.isnan(few.low[alone])
    assert any("One treated cluster at event times -4" in note for note in few.notes)
    assert np.isfinite(few.pretest.p_value)
    assert few.overall == headline(panel)


def test_one_alliance_has_no_interval():
    panel = make_panel(books([2022], 50, 1.0), "y")
    with pytest.raises(LianjianError, match="1 treated cluster leaves no degree of freedom"):
        headline(panel)
    with pytest.raises(LianjianError, match="Use a randomisation test"):
        few_treated_series(plain_series(panel), panel, 1)


def test_the_interval_holds_what_the_test_keeps():
    plain = Estimate("x", 1.3, 1.0, 0.0, 2.0, 0.2, 0.95, 8, 9, 9, 9, "by hand")
    placebos = np.random.default_rng(3).normal(size=199)
    result = randomised(plain, placebos)
    for end, inward in ((result.low, 1), (result.high, -1)):
        for shift, kept in ((1e-6 * inward, True), (-1e-6 * inward, False)):
            gap = abs(1.3 - end - shift)
            p_value = (1 + np.count_nonzero(np.abs(placebos) >= gap)) / 200
            assert (p_value > 0.05) == kept
    assert result.std_error == pytest.approx(np.sqrt((placebos**2).mean()))
    # 18 placebos cannot reject at 5 %
    assert reach(placebos[:18]) == np.inf


@pytest.fixture(scope="module")
def pool():
    return stand_ins(books([2021, 2022, 2022, 2023], 300, 1.0), "y", near=["households"])


def test_how_effects_differ_plays_no_part(pool):
    """An estimate misses the mean effect on its villages by its value without any effect."""
    rng = np.random.default_rng(4)
    panel = draw_placebo(pool, rng)
    uneven = plant(panel, rng, alliance_cv=2.0, profile={0: 1, 1: 5})
    assert headline(uneven).estimate - 1 == pytest.approx(headline(panel).estimate, abs=ROUNDING)
    assert headline(uneven).std_error > 1.5 * headline(panel).std_error


def test_the_series_keeps_its_size_where_nothing_happened(pool):
    rng = np.random.default_rng(5)
    placebos = placebo_draws(pool, point_effects, rng, draws=399)
    slow = placebo_draws(pool, plain_series, np.random.default_rng(5), draws=9)
    assert placebos[:9] == pytest.approx(slow, abs=ROUNDING)
    rejected = []
    for _ in range(200):
        one = randomised_series(plain_series(draw_placebo(pool, rng)), placebos, 1)
        outside = (one.band_low > 0) | (one.band_high < 0)
        rejected.append([one.overall.p_value <= 0.05, one.pretest.p_value <= 0.05, outside.any()])
        assert ((one.p_value <= 0.05) == ((one.low > 0) | (one.high < 0))).all()
    # three standard errors of a share of 5 % in 200 draws, and as much for the 399 placebos
    assert np.mean(rejected, axis=0) == pytest.approx(0.05, abs=0.06)


def test_stand_ins_that_cannot_be_estimated_are_said(pool):
    def refuse(_):
        raise LianjianError("no reason")

    with pytest.raises(LianjianError, match="9 of 9 placebos could not be estimated: no reason"):
        placebo_draws(pool, refuse, np.random.default_rng(1), draws=9)


def test_gaps_in_the_books_cost_villages_not_the_adjustment():
    frame = books([2021, 2022, 2022, 2023], 60, 1.0).assign(has_central_project=True)
    gone = frame["village_id"].isin(["v000", "v010", "v011"])
    gappy = frame.assign(households=frame["households"].where(~gone))
    # one of four alliances is over a tenth of the treated, two of 60 outside are not
    assert adjusted_design(gappy).covariates == ()
    outside = frame["village_id"].isin(["v010", "v011"])
    gappy = frame.assign(
        households=frame["households"].where(~outside),
        has_central_project=frame["has_central_project"].astype("boolean").where(~outside),
    )
    design = adjusted_design(gappy)
    assert design.columns == ("households", "has_central_project")
    study = make_study(gappy, "y", design)
    assert study.panel.n_units == 62
    assert any("2 units without households" in note for note in study.panel.notes)
    pool = alliance_stand_ins(gappy, "y", design)
    assert (pool.n_villages, pool.panel.n_units) == (4, 58)


def test_stand_ins_do_not_need_whole_books_of_those_that_joined():
    frame = books([2021, 2022, 2022, 2023], 60, 1.0)
    # the first village lacks a year, the second the year before joining: only the second is lost
    first = frame["village_id"].eq("v000") & frame["year"].eq(2024)
    second = frame["village_id"].eq("v001") & frame["year"].eq(2021)
    pool = stand_ins(frame[~first & ~second], "y", covariates=["households"])
    assert (pool.n_villages, len(pool.alliances), pool.panel.n_units) == (3, 3, 60)
    with pytest.raises(LianjianError, match="0 villages that joined have households, y"):
        stand_ins(
            frame.assign(households=frame["households"].where(frame["role"] == "outside")), "y"
        )
