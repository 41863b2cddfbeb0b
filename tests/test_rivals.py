"""The rival worlds do what their parameters say, and nothing else."""

import numpy as np
import pytest

from analysis.simulate import Scenario, describe
from analysis.simulate.draws import draw_panel
from analysis.simulate.rivals import WORLDS
from analysis.simulate.world import CENTS_IN_WAN, draw_world
from analysis.simulate.years import YEARS

STILL = {"shock_cv": 0.0, "township_shock_cv": 0.0, "empty_shell_share": (0.0,) * 7}
CENT_IN_WAN = 1e-6
# Over 1,261 villages a correlation of shocks has a standard error of 0.03 at most.
SAMPLING = 0.1


def test_no_default_is_a_rival_and_the_card_lists_only_what_was_asked_for():
    assert "attrition" not in Scenario().parameters()
    assert Scenario(attrition=0.1).parameters()["attrition"] == 0.1
    assert "### Rival worlds" in describe(Scenario())


def test_growth_by_level_is_in_proportion_to_the_own_level():
    world = draw_world(Scenario(growth_by_level=1.0, central_return_wan=0.0, **STILL))
    outside = world.alliances.number < 0
    income = world.operating[outside] / CENTS_IN_WAN
    growth = income[:, -1] / income[:, 0]
    assert growth.max() / growth.min() == pytest.approx(1, abs=1e-3)
    plain = draw_world(Scenario(central_return_wan=0.0, **STILL))
    change = np.diff(plain.operating[outside] / CENTS_IN_WAN, axis=1)
    per_size = change / plain.places.size[outside][:, None]
    assert np.ptp(per_size, axis=0) == pytest.approx(0, abs=1e-4)


def test_luck_lasts_as_asked():
    persistence = 0.7
    engine = draw_world(
        Scenario(luck_persistence=persistence, empty_shell_share=(0.0,) * 7, township_shock_cv=0.0)
    ).engine
    found = np.corrcoef(engine.shock.T)
    assert np.diag(found, 1) == pytest.approx(persistence, abs=SAMPLING)
    assert np.diag(found, 3) == pytest.approx(persistence**3, abs=SAMPLING)
    assert engine.shock.mean() == pytest.approx(1, abs=0.02)
    assert engine.shock.std() == pytest.approx(0.25, abs=0.02)


def test_what_is_spilled_is_a_share_of_the_effect_since_the_first_alliance_nearby():
    world = draw_world(Scenario(spillover_township=0.5, spillover_county=0.1))
    a, township = world.alliances, world.places.township
    assert not world.spilled[a.number >= 0].any()
    village = int(np.flatnonzero((a.number < 0) & np.isin(township, township[a.number >= 0]))[0])
    begun = a.cohort[(a.number >= 0) & (township == township[village])].min()
    path = (1.5, 3.0, 4.0, 4.5)
    expected = [0.5 * path[year - begun] if year >= begun else 0.0 for year in YEARS]
    most = world.operating[village] * 0.9 / CENTS_IN_WAN
    assert world.spilled[village] / CENTS_IN_WAN == pytest.approx(
        np.minimum(expected, most), abs=2 * CENT_IN_WAN
    )


@pytest.mark.parametrize("rule", ["g-1", "g-2", "mean", "per household", "joining year"])
def test_weak_villages_are_low_in_what_they_are_chosen_on(rule):
    world = draw_world(Scenario(selected_on=rule, claim_mean_wan=0.0, weak_size_weight=0.0))
    a, income = world.alliances, world.operating / CENTS_IN_WAN
    if rule == "per household":
        income = income / world.places.size[:, None]
    chosen = np.flatnonzero(a.weak & ~a.chosen_above)
    at = a.cohort[chosen] - YEARS[0]
    steps = {"g-1": [1], "g-2": [2], "mean": [1, 2], "per household": [1], "joining year": [0]}
    low = np.mean([income[chosen, at - step] for step in steps[rule]], axis=0)
    assert len(chosen) > 40
    assert (low < 5.0 + 0.01).mean() > 0.95  # the helpers' shift moves all a little afterwards


@pytest.mark.parametrize("rule", ["size", "need", "random"])
def test_rules_by_rank_take_the_lowest_third(rule):
    world = draw_world(Scenario(selected_on=rule, claim_mean_wan=0.0, weak_size_weight=0.0))
    value = {"size": world.places.size, "need": -world.engine.need}.get(rule)
    if value is None:
        assert world.engine.need[world.alliances.weak].mean() == pytest.approx(0, abs=0.2)
        return
    chosen = world.alliances.weak & ~world.alliances.chosen_above
    assert value[chosen].max() <= np.quantile(value, 1 / 3) + 1e-9


def test_books_are_lost_as_asked():
    panel = draw_panel(Scenario(base_years_lost=0.4)).panel
    weak = panel[panel["role"] == "allied_weak"]
    base = weak[weak["year"] == weak["joined_year"] - 2]
    lost = base.groupby("alliance_id")["operating"].apply(lambda x: x.isna().mean())
    assert sorted(lost.unique().tolist()) == [0.0, 1.0]
    assert lost.sum() == round(0.4 * 9)
    assert panel["operating"].isna().sum() == base["operating"].isna().sum() + (
        panel[(panel["role"] == "helper") & (panel["year"] == panel["joined_year"] - 2)][
            "operating"
        ]
        .isna()
        .sum()
    )


def test_books_that_end_do_not_come_back():
    seen = draw_panel(Scenario(attrition=0.1)).panel["operating"].notna().to_numpy()
    seen = seen.reshape(-1, len(YEARS))
    assert seen[:, :3].all()
    assert (np.diff(seen.astype(int), axis=1) <= 0).all()
    assert seen[:, -1].mean() == pytest.approx(0.9**4, abs=0.05)


@pytest.mark.parametrize("name", list(WORLDS))
def test_every_named_world_can_be_drawn(name):
    panel = draw_panel(Scenario(seed=1, **WORLDS[name]) if name != "base" else Scenario()).panel
    assert panel["role"].eq("allied_weak").sum() == 73 * len(YEARS)
