"""Few treated alliances: CR2 over their effects, who carries an estimate, placebo alliances."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.effects.design import make_study
from analysis.effects.did import aggregate, att_gt, before_after, imputation, sun_abraham, twfe
from analysis.effects.estimand import reweigh
from analysis.effects.inference import (
    draw_placebo,
    few_clusters,
    placebo_draws,
    placebo_pool,
    randomization_inference,
)
from analysis.effects.inference.randomization import reach
from analysis.effects.panel import make_panel
from analysis.effects.power import plant
from analysis.effects.preferred import (
    adjusted_design,
    alliance_pool,
    regression_att,
    regression_points,
    regression_series,
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


def test_with_equal_alliances_it_is_the_t_test_over_their_effects():
    frame = books([2022] * 9, 2000, 0.0)
    wide = frame.pivot(index="village_id", columns="year", values="y")
    effects = (wide[[2022, 2023, 2024]].mean(axis=1) - wide[2020])[:9]
    expected = stats.ttest_1samp(effects, 0.0)
    result = regression_att(make_panel(frame, "y"))
    assert result.estimate == pytest.approx(effects.mean())
    assert result.p_value == pytest.approx(expected.pvalue)
    assert [result.low, result.high] == pytest.approx(list(expected.confidence_interval()))


def unequal(sizes: list[int], outside: int, seed: int = 2) -> pd.DataFrame:
    """Alliances of different sizes with effects of their own; every second joins in 2023."""
    rng = np.random.default_rng(seed)
    rows, village = [], 0
    for k, size in enumerate([*sizes, *[1] * outside]):
        allied = k < len(sizes)
        effect = rng.normal(2, 2)
        for _ in range(size):
            y = rng.normal(size=len(YEARS))
            start = (2022 + k % 2) if allied else None
            for year, value in zip(YEARS, y, strict=True):
                gain = effect if allied and year >= start else 0.0
                name = f"A{k}" if allied else f"t{k % 7}"
                rows.append((f"v{village:03}", year, start, name, value + gain))
            village += 1
    return pd.DataFrame(rows, columns=["village_id", "year", "joined_year", "cluster", "y"])


def test_unequal_alliances_follow_the_written_out_formula():
    frame = unequal([11, 6, 2, 1], 60)
    result = regression_att(make_panel(frame, "y", cluster="cluster"))
    wide = frame.pivot(index="village_id", columns="year", values="y")
    first = frame.drop_duplicates("village_id").set_index("village_id")
    outside = first["joined_year"].isna()
    parts, pull = [], pd.Series(0.0, index=wide.index[outside])
    cells = sum((first["joined_year"] == g).sum() * (2025 - g) for g in (2022, 2023))
    for g in (2022, 2023):
        mine = first.index[first["joined_year"] == g]
        for t in range(g, 2025):
            change = wide[t] - wide[g - 2]
            level = change[outside].mean()
            parts.append(
                pd.DataFrame({"a": first.loc[mine, "cluster"], "tau": change[mine] - level})
            )
            pull -= len(mine) / cells * (change[outside] - level) / outside.sum()
    tau = pd.concat(parts).groupby("a")["tau"]
    w, e = (tau.size() / cells).to_numpy(), tau.mean().to_numpy()
    theta = w @ e
    c = w**2 / (1 - 2 * w + w @ w)
    first_part = c @ (e - theta) ** 2
    sums = pull.groupby(first["cluster"][outside]).sum()
    second = (sums**2).sum() * 7 / 6
    m = np.eye(4) - w
    q = m.T @ np.diag(c) @ m
    df1 = np.trace(q) ** 2 / np.trace(q @ q)
    df = (first_part + second) ** 2 / (first_part**2 / df1 + second**2 / 6)
    assert result.estimate == pytest.approx(theta)
    assert result.std_error**2 == pytest.approx(first_part + second)
    assert result.df == pytest.approx(df)
    assert result.influence.n_effective[0] == pytest.approx(1 / (w @ w))
    assert f"worth {1 / (w @ w):.1f} equal ones" in result.inference
    # each alliance once: the plain mean of the same effects, with A − 1 degrees of its own
    once = few_clusters(
        aggregate(
            att_gt(
                reweigh(make_panel(frame, "y", cluster="cluster"), "alliances", anticipation=1),
                anticipation=1,
            )
        )
    )
    assert once.estimate == pytest.approx(e.mean())
    assert once.influence.n_effective[0] == pytest.approx(4)


ESTIMATORS = {
    "att_gt": lambda panel: aggregate(att_gt(panel, anticipation=1)),
    "imputation": lambda panel: imputation(panel, anticipation=1, pool="all").overall,
    "sun_abraham": lambda panel: sun_abraham(panel, anticipation=1).overall,
    "twfe": lambda panel: twfe(panel, anticipation=1),
    "before_after": lambda panel: before_after(panel, anticipation=1),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimate_knows_who_carries_it(name):
    panel = make_panel(unequal([5, 3, 2], 40), "y", cluster="cluster")
    result = ESTIMATORS[name](panel)
    carried = result.influence
    assert carried.weight.sum() == pytest.approx(1)
    assert not carried.weight[panel.cohort == 0].any()
    if name not in {"twfe", "imputation"}:  # there the years before of the treated pull as well
        assert carried.shares[:, 0] @ carried.effects[:, 0] == pytest.approx(result.estimate)
    assert result.n_units == np.count_nonzero(carried.used)
    few = few_clusters(result)
    assert few.std_error > 0
    assert few.n_clusters == result.n_clusters


def test_villages_without_a_base_year_carry_nothing_and_are_named():
    """Books of g−2 are missing in four of six alliances: as if these were absent."""
    frame = books([2022] * 6, 80, 1.0)
    lost = frame["alliance_id"].isin(["A0", "A1", "A2", "A3"])
    gap = frame[~(lost & frame["year"].eq(2020))]
    result, without = (regression_att(make_panel(one, "y")) for one in (gap, frame[~lost]))
    for field in ("estimate", "std_error", "df", "p_value", "n_units", "n_clusters"):
        assert getattr(result, field) == pytest.approx(getattr(without, field)), field
    assert result.df == pytest.approx(1)
    assert "4 of 6 treated units, and 4 of 6 clusters carry no weight" in repr(result)
    series = regression_series(make_panel(gap, "y"))
    assert set(series.n_units.tolist()) == {2}
    assert set(series.n_clusters.tolist()) == {2}


def test_placebos_inherit_the_missing_years():
    frame = books([2021, 2022, 2022, 2023], 80, 1.0)
    lost = frame["village_id"].isin(["v000", "v001"]) & frame["year"].isin([2019, 2020])
    pool = placebo_pool(frame[~lost], "y")
    assert pool.n_villages == 4
    panel = draw_placebo(pool, np.random.default_rng(1))
    gaps = np.isnan(panel.y)
    assert gaps[panel.cohort == 2021].tolist() == [[True, True, False, False, False, False]]
    assert sorted(gaps[panel.cohort == 2022].sum(axis=1)) == [0, 2]
    assert not gaps[panel.cohort == 0].any()
    # two of four carry weight, in the placebos as in the real estimate
    assert len(aggregate(att_gt(panel, anticipation=1)).influence.clusters) == 2


def test_each_event_time_counts_its_own_alliances():
    panel = make_panel(books([2021] * 3 + [2022] * 4 + [2023], 400, 1.0), "y")
    few = regression_series(panel)
    # 2021 alone is seen 3 years on, all four years before only 2023
    counts = dict(zip(few.index.tolist(), few.n_clusters.tolist(), strict=True))
    assert (counts[3], counts[2], counts[0], counts[-4]) == (3, 7, 8, 1)
    place = few.index.tolist().index(3)
    own, out = few.influence.effects[:3, place], few.influence.psi[8:, place]
    variance = own.var(ddof=1) / 3 + (out**2).sum() * 400 / 399
    assert few.std_error[place] ** 2 == pytest.approx(variance)
    assert few.covariance[place, place] == pytest.approx(variance)
    low = few.estimate[place] - stats.t.ppf(0.975, few.df[place]) * few.std_error[place]
    assert few.low[place] == pytest.approx(low)
    alone = few.index.tolist().index(-4)
    assert np.isnan(few.low[alone])
    assert any("One treated cluster at event times -4" in note for note in few.notes)
    assert np.isfinite(few.pretest.p_value)
    assert few.overall == regression_att(panel)


def test_one_alliance_has_no_interval():
    panel = make_panel(books([2022], 50, 1.0), "y")
    series = regression_series(panel)
    for result in (regression_att(panel), series.overall):
        assert np.isfinite(result.estimate)
        assert np.isnan([result.std_error, result.low, result.high, result.p_value]).all()
        assert any("One treated cluster leaves no degree" in note for note in result.notes)
    assert np.isnan(series.std_error).all()
    assert series.pretest.note


def mixed(shock: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return pairs in clusters of their own, of which one joins in 2021; years move clusters."""
    moved = rng.normal(size=(12, len(YEARS))) * shock
    own = rng.normal(size=(24, len(YEARS)))
    units = pd.MultiIndex.from_product([range(24), YEARS], names=["unit", "year"])
    frame = units.to_frame(index=False)
    frame["joined_year"] = np.where(frame["unit"] % 2, 2021.0, np.nan)
    frame["place"] = frame["unit"] // 2
    return frame.assign(y=(own + np.repeat(moved, 2, axis=0)).ravel())


@pytest.mark.parametrize("shock", [0.0, 3.0])
def test_a_cluster_that_holds_both_sides_counts_with_both(shock):
    frame = mixed(shock, np.random.default_rng(5))
    result = regression_att(make_panel(frame, "y", unit="unit", cluster="place"))
    after = frame["year"] >= 2021
    base = frame[frame["year"].eq(2019)].set_index("unit")["y"]
    change = frame[after].groupby("unit")["y"].mean() - base
    paired = stats.ttest_rel(change[1::2], change[::2])
    assert result.p_value == pytest.approx(paired.pvalue)
    assert (result.low, result.high) == pytest.approx(paired.confidence_interval(0.95))


def test_units_of_a_cluster_that_carries_other_numbers_are_not_lost():
    frame = mixed(0.0, np.random.default_rng(6))
    frame.loc[frame["place"].ge(6) & frame["joined_year"].notna(), "joined_year"] = 2023.0
    panel = make_panel(frame, "y", unit="unit", cluster="place")
    series = imputation(panel, pool="all")
    few, whole = few_clusters(series), series.influence
    last = series.index.tolist().index(3)  # of those that joined in 2021 alone
    sums = np.bincount(panel.cluster, whole.psi[:, last])
    own = np.unique(panel.cluster[whole.weight[:, last] != 0])
    rest = np.setdiff1d(np.unique(panel.cluster), own)
    factor = len(own) / (len(own) - 1)
    variance = factor * (sums[own] ** 2).sum() + 12 / 11 * (sums[rest] ** 2).sum()
    assert (sums[rest] != 0).all()
    assert few.std_error[last] ** 2 == pytest.approx(variance)


def test_a_comparison_of_one_cluster_has_no_interval():
    frame = books([2021] * 4 + [2022] * 4, 30, 1.0)
    frame["place"] = frame["alliance_id"].fillna("town")
    panel = make_panel(frame, "y", cluster="place")
    series = regression_series(panel)
    for result in (regression_att(panel), series.overall):
        assert np.isfinite(result.estimate)
        assert np.isnan([result.std_error, result.low, result.high, result.p_value]).all()
        assert sum("all units compared with" in note for note in result.notes) == 1
    assert np.isnan(series.std_error).all()
    assert "all units compared with" in " ".join(series.notes)
    plain = twfe(panel)  # whose error counts all clusters alike
    assert any("One cluster holds all units compared with" in note for note in plain.notes)


def test_the_interval_holds_what_the_test_keeps():
    plain = Estimate("x", 1.3, 1.0, 0.0, 2.0, 0.2, 0.95, 8, 9, 9, 9, "by hand")
    placebos = np.random.default_rng(3).normal(size=199)
    result = randomization_inference(plain, placebos)
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
    return placebo_pool(books([2021, 2022, 2022, 2023], 300, 1.0), "y", near=["households"])


def test_how_effects_differ_plays_no_part(pool):
    """An estimate misses the mean effect on its villages by its value without any effect."""
    rng = np.random.default_rng(4)
    panel = draw_placebo(pool, rng)
    uneven = plant(panel, rng, alliance_cv=2.0, profile={0: 1, 1: 5})
    assert regression_att(uneven).estimate - 1 == pytest.approx(
        regression_att(panel).estimate, abs=ROUNDING
    )
    assert regression_att(uneven).std_error > 1.5 * regression_att(panel).std_error


def test_the_series_keeps_its_size_where_nothing_happened(pool):
    rng = np.random.default_rng(5)
    placebos = placebo_draws(pool, regression_points, rng, draws=399)
    slow = placebo_draws(pool, regression_series, np.random.default_rng(5), draws=9)
    assert placebos[:9] == pytest.approx(slow, abs=ROUNDING)
    rejected = []
    for _ in range(200):
        series = regression_series(draw_placebo(pool, rng))
        one = randomization_inference(series, placebos, anticipation=1)
        outside = (one.band_low > 0) | (one.band_high < 0)
        rejected.append([one.overall.p_value <= 0.05, one.pretest.p_value <= 0.05, outside.any()])
        assert ((one.p_value <= 0.05) == ((one.low > 0) | (one.high < 0))).all()
    # three standard errors of a share of 5 % in 200 draws, and as much for the 399 placebos
    assert np.mean(rejected, axis=0) == pytest.approx(0.05, abs=0.06)


def test_placebos_that_cannot_be_estimated_are_said(pool):
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
    pool = alliance_pool(gappy, "y", design)
    assert (pool.n_villages, pool.panel.n_units) == (4, 58)


def test_placebos_do_not_need_whole_books_of_those_that_joined():
    frame = books([2021, 2022, 2022, 2023], 60, 1.0)
    # the first village lacks a year, the second the year before joining
    first = frame["village_id"].eq("v000") & frame["year"].eq(2024)
    second = frame["village_id"].eq("v001") & frame["year"].eq(2021)
    pool = placebo_pool(frame[~first & ~second], "y", covariates=["households"])
    assert (pool.n_villages, len(pool.alliances), pool.panel.n_units) == (4, 4, 60)
    with pytest.raises(LianjianError, match="0 villages of the role allied_weak"):
        placebo_pool(
            frame.assign(households=frame["households"].where(frame["role"] == "outside")), "y"
        )
