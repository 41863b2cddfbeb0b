"""Power and Monte Carlo: counted by hand, and against what theory says of normal noise."""

import numpy as np
import pandas as pd
import pytest

from analysis.effects._montecarlo import monte_carlo
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.inference.placebos import draw_placebo, placebo_pool
from analysis.effects.power import minimal_effect, placebo_study, plant, power_curve
from analysis.errors import LianjianError
from analysis.simulate.draws import draw_panel
from analysis.simulate.scenario import Scenario
from analysis.simulate.simulation import simulate

BLOOM = 1.959964 + 0.841621  # normal quantiles of 97.5 % and 80 %
SAMPLING = 0.15  # relative error of quantiles and deviations from 400 draws


@pytest.fixture(scope="module")
def frame():
    """800 villages with independent normal noise, 8 of them in 4 alliances."""
    rng = np.random.default_rng(8)
    table = pd.DataFrame(
        {
            "village_id": f"v{i:03}",
            "year": year,
            "county_code": "a" if i % 2 else "b",
            "township": i % 16,
            "households": 100 + i % 7,
            "role": "allied_weak" if i < 8 else "outside",
            "alliance_id": f"A{i // 2}" if i < 8 else None,
            "joined_year": (2022 if i < 4 else 2023) if i < 8 else None,
            "income": rng.normal(),
        }
        for i in range(800)
        for year in range(2019, 2025)
    )
    # an alliance lies in one county
    county = table["alliance_id"].map({"A0": "a", "A1": "b", "A2": "a", "A3": "b"})
    return table.assign(county_code=county.fillna(table["county_code"]))


def effect(panel):
    return aggregate(att_gt(panel, anticipation=1))


@pytest.fixture(scope="module")
def study(frame):
    return placebo_study(placebo_pool(frame, "income"), effect, np.random.default_rng(1), draws=400)


def test_placebos_imitate_the_real_alliances(frame):
    pool = placebo_pool(frame, "income", block="township")
    panel = draw_placebo(pool, np.random.default_rng(2))
    assert not set(panel.ids) & {f"v00{i}" for i in range(8)}
    assert panel.cohort[panel.cohort > 0].tolist() == [2022] * 4 + [2023] * 4
    county = frame.drop_duplicates("village_id").set_index("village_id")["county_code"]
    joined = panel.cohort > 0
    clusters = pd.Series(county.loc[panel.ids[joined]].to_numpy()).groupby(panel.cluster[joined])
    assert len(clusters) == 4
    assert (clusters.nunique() == 1).all()
    assert (clusters.size() == 2).all()


def test_placebos_are_low_where_the_real_ones_were(frame):
    low = frame.assign(
        income=frame["income"].where(frame["year"] != frame["joined_year"] - 1, -1.5)
    )
    pool = placebo_pool(low, "income", near=())
    rng = np.random.default_rng(3)
    bases = []
    for _ in range(20):
        panel = draw_placebo(pool, rng)
        rows = np.flatnonzero(panel.cohort)
        bases += [panel.y[i, panel.years == panel.cohort[i] - 1].item() for i in rows]
    # standard normal incomes under a normal kernel of width 0.5 around −1.5: −1.5/(1 + 0.25)
    assert np.mean(bases) == pytest.approx(-1.2, abs=0.15)


def test_the_same_seed_gives_the_same_draw_whatever_the_order_of_rows(frame):
    shuffled = frame.sample(frac=1, random_state=1)
    one = draw_placebo(placebo_pool(frame, "income"), np.random.default_rng(4))
    two = draw_placebo(placebo_pool(shuffled, "income"), np.random.default_rng(4))
    assert one.ids.tolist() == two.ids.tolist()
    assert one.cohort.tolist() == two.cohort.tolist()


def test_minimal_effect_is_that_of_theory_for_normal_noise(study):
    spread = study.estimate.std()
    assert minimal_effect(study) == pytest.approx(BLOOM * spread, rel=SAMPLING)
    # variance of a mean change: Y_t and Y_{g-2} of 8 villages, cohorts seen 3 and 2 years
    assert np.allclose(study.slope, 1)
    cells = 4 * 3 + 4 * 2
    expected = 4 * (3 + 9) / cells**2 + 4 * (2 + 4) / cells**2
    assert spread == pytest.approx(np.sqrt(expected), rel=SAMPLING)


def test_power_rises_from_the_size_of_the_test_to_one(study):
    for rule in ("placebo", "t"):
        curve = power_curve(study, [0, 0.5, 1, 2, 8], rule)
        assert curve["power"].is_monotonic_increasing
        assert curve["power"].iloc[-1] == 1
        assert curve["low"].le(curve["power"]).all()
        assert curve["power"].le(curve["high"] + 1e-12).all()
    assert power_curve(study, [0])["power"].item() <= 0.05
    assert power_curve(study, [0], "t")["power"].item() == pytest.approx(
        study.rejection_rate, abs=0.02
    )
    at = power_curve(study, [minimal_effect(study) * 1.0001])["power"].item()
    assert at == pytest.approx(0.8, abs=0.01)


def test_the_mean_planted_is_one_however_alliances_differ(frame):
    uneven = placebo_study(
        placebo_pool(frame, "income"), effect, np.random.default_rng(1), draws=9, alliance_cv=1.0
    )
    assert np.allclose(uneven.slope, 1)


def test_planted_effects_average_one(frame):
    panel = draw_placebo(placebo_pool(frame, "income"), np.random.default_rng(5))
    planted = plant(panel, np.random.default_rng(6), profile={0: 1, 1: 4}, alliance_cv=0.5)
    after = (panel.cohort[:, None] > 0) & (panel.years >= panel.cohort[:, None])
    gain = planted.y - panel.y
    assert gain[after].mean() == pytest.approx(1)
    assert not gain[~after].any()
    first = gain[panel.years - panel.cohort[:, None] == 0]
    second = gain[panel.years - panel.cohort[:, None] == 1]
    assert second / first == pytest.approx(np.full(8, 4.0))


def test_what_cannot_be_done_says_so(frame, study):
    with pytest.raises(LianjianError, match="no column township_name"):
        placebo_pool(frame, "income", block="township_name")
    with pytest.raises(LianjianError, match="0 villages of the role"):
        placebo_pool(frame[frame["role"] == "outside"], "income")
    with pytest.raises(LianjianError, match="fewer outside"):
        placebo_pool(frame[frame["village_id"] < "v009"], "income")
    few = frame[frame["village_id"] < "v009"].assign(county_code="sim6")
    with pytest.raises(LianjianError, match=r"^Simulated County 6 has \d+ villages that joined"):
        placebo_pool(few, "income")
    with pytest.raises(LianjianError, match="share between 0 and 1"):
        minimal_effect(study, 80)
    with pytest.raises(LianjianError, match="placebo' or 't"):
        power_curve(study, [1], "z")

    def refuses(panel):
        raise LianjianError("never")

    with pytest.raises(LianjianError, match="3 of 3 placebos could not be estimated: never"):
        placebo_study(placebo_pool(frame, "income"), refuses, np.random.default_rng(1), draws=3)


def test_monte_carlo_counts_what_fails(frame):
    def draw(seed):
        if seed == 1:
            raise LianjianError("contradiction")
        return {"all": seed}, 0.0

    def even_only(seed):
        if seed == 3:
            raise LianjianError("odd")
        return effect(draw_placebo(placebo_pool(frame, "income"), np.random.default_rng(seed)))

    study = monte_carlo(draw, {"x": ("all", even_only)}, range(5))
    assert study.failed == {1: "contradiction"}
    row = study.summary().loc["x"]
    assert row["draws"] == 3
    assert row["refused"] == 1
    assert np.isnan(row["bias_pct"])  # no share of a truth that is 0
    with pytest.raises(LianjianError, match="No draw gave data: contradiction"):
        monte_carlo(draw, {"x": ("all", even_only)}, [1])


def test_draws_are_the_simulation():
    scenario = Scenario(seed=5)
    drawn, full = draw_panel(scenario), simulate(scenario)
    att = full.att[full.att["cohort"].isna() & full.att["event_time"].isna()]
    att = att[att["role"] == "allied_weak"].set_index("measure")["att_yuan"] / 1e4
    assert drawn.effect["operating"] == pytest.approx(att["operating"], abs=1e-6)
    assert drawn.effect["total"] == pytest.approx(att["total"], abs=1e-6)
    truth = full.truth[full.truth["measure"] == "total"].set_index(["village_id", "year"])
    panel = drawn.panel.set_index(["village_id", "year"])
    assert np.allclose(panel["total_untreated"], truth["untreated_yuan"].loc[panel.index] / 1e4)
    weak = panel[panel["role"] == "allied_weak"]
    assert np.allclose(weak["total"], truth["treated_yuan"].loc[weak.index] / 1e4)
