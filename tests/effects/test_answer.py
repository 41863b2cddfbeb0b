"""The answer carries its interval, its rivals and its alarms; what fails is said."""

import numpy as np
import pytest

from analysis.effects.answer import answer
from analysis.effects.design import make_study
from analysis.effects.preferred import adjusted_design, alliance_pool, preferred_att, regression_att
from analysis.simulate.draws import draw_panel
from analysis.simulate.rivals import WORLDS
from analysis.simulate.scenario import Scenario

DRAWS = 19


def asked(world, seed=3, pool=True):
    drawn = draw_panel(Scenario(seed=seed, **WORLDS[world]))
    frame = drawn.panel.rename(columns={"township": "township_name"})
    design = adjusted_design(frame)
    study = make_study(frame, "operating", design)
    placebos = alliance_pool(frame, "operating", design) if pool else None
    rng = np.random.default_rng(1)
    return answer(study.panel, frame, placebos, rng=rng, draws=DRAWS), study.panel, drawn


def test_a_sound_world_has_an_answer_without_alarm():
    found, panel, drawn = asked("base")
    assert found.estimate.estimate == pytest.approx(preferred_att(panel).estimate)
    assert found.apart == pytest.approx(
        preferred_att(panel).estimate - regression_att(panel).estimate
    )
    assert found.estimate.low < drawn.effect["operating"] < found.estimate.high
    assert not found.alarms.on
    assert found.healed is None
    assert found.series.index.tolist() == [0, 1, 2, 3]
    assert found.regression.index.min() < -1
    assert len(found.placebos) == DRAWS


def test_own_levels_mislead_the_regression_and_the_gauge_says_so():
    found, _, drawn = asked("own level")
    truth = drawn.effect["operating"]
    assert "Lasting luck" in [gauge.name for gauge in found.alarms.on]
    assert abs(found.estimate.estimate - truth) < abs(found.regression.overall.estimate - truth)


def test_losses_of_neighbours_give_a_second_estimate_nearer_to_the_truth():
    found, _, drawn = asked("spillover nearby")
    truth = drawn.effect["operating"]
    assert "Neighbours" in [gauge.name for gauge in found.alarms.on]
    assert abs(found.healed.estimate - truth) < abs(found.estimate.estimate - truth)
    assert found.healed.high - found.healed.low > found.estimate.high - found.estimate.low


def test_without_a_pool_the_intervals_are_those_of_few_clusters():
    found, _, _ = asked("base", pool=False)
    assert found.placebos is None
    assert "CR2" in found.estimate.inference
    assert found.alarms.gauges[0].is_on is None
