"""Published and computed numbers: tests/reference/README.md says where each comes from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.effects.did._aggregate import by_cohort, dynamic, simple
from analysis.effects.did._two_by_two import two_by_two, two_by_two_sections
from analysis.effects.did._within import fit_within
from analysis.effects.did.callaway_santanna import group_time
from analysis.effects.did.imputation import imputation
from analysis.effects.did.twfe import sun_abraham, two_way
from analysis.effects.panel import Panel, make_panel

DIGITS_8 = 6e-9  # half a unit of the eighth decimal, and rounding in the source
DIGITS_4 = 6e-5  # half a unit of the fourth decimal
DIGITS_3 = 6e-4  # three significant digits of an SE of a few thousand, as printed
SIZE = 0.015  # three standard errors of a share of 5 % in 2,000 draws
MEAN = 0.001  # three standard errors of the mean estimate in 2,000 draws

FOLDER = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def counties() -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / "mpdta.csv")
    return frame.assign(state=frame["countyreal"] // 1000)


def minimum_wage(counties: pd.DataFrame, **options: object) -> Panel:
    return make_panel(counties, "lemp", unit="countyreal", cohort="first.treat", **options)


def test_group_time_effects_equal_the_did_vignette(counties):
    table = group_time(minimum_wage(counties), small_sample=False).tidy()
    table = table.set_index(["cohort", "year"])
    published = {
        (2004, 2004): (-0.0105, 0.02325104),
        (2004, 2006): (-0.1373, 0.03643566),
        (2006, 2007): (-0.0412, 0.02022918),
        (2007, 2007): (-0.0261, 0.01665544),
    }
    for pair, (estimate, error) in published.items():
        assert table.loc[pair, "estimate"] == pytest.approx(estimate, abs=DIGITS_4)
        assert table.loc[pair, "std_error"] == pytest.approx(error, abs=DIGITS_8)


def test_dynamic_effects_equal_did(counties):
    series = dynamic(group_time(minimum_wage(counties), small_sample=False))
    assert series.overall.estimate == pytest.approx(-0.07723982, abs=DIGITS_8)
    assert series.overall.std_error == pytest.approx(0.01996499, abs=DIGITS_8)
    errors = dict(zip(series.index.tolist(), series.std_error, strict=True))
    assert series[0] == pytest.approx(-0.01993182, abs=DIGITS_8)
    assert errors[0] == pytest.approx(0.01182636, abs=DIGITS_8)
    assert series[1] == pytest.approx(-0.05095737, abs=DIGITS_8)
    assert errors[1] == pytest.approx(0.01689348, abs=DIGITS_8)
    assert series[-1] == pytest.approx(-0.0245, abs=DIGITS_4)


def test_group_average_and_wald_test_equal_did(counties):
    effects = group_time(minimum_wage(counties), small_sample=False)
    overall = by_cohort(effects).overall
    assert overall.estimate == pytest.approx(-0.03101828, abs=DIGITS_8)
    assert overall.std_error == pytest.approx(0.01244606, abs=DIGITS_8)
    assert effects.pretest().p_chi2 == pytest.approx(0.16812, abs=6e-6)


@pytest.mark.parametrize(
    ("options", "how", "estimate", "error"),
    [
        ({}, {}, -0.03995128, 0.01203401),
        ({"cluster": "state"}, {}, -0.03995128, 0.01515946),
        ({}, {"comparison": "not_yet"}, -0.03976363, 0.01205242),
        ({"covariates": ["lpop"]}, {}, -0.04175177, 0.01150284),
        ({"covariates": ["lpop"]}, {"adjustment": "regression"}, -0.04196861, 0.01144483),
        ({"covariates": ["lpop"]}, {"adjustment": "ipw"}, -0.04177708, 0.01149972),
    ],
)
def test_simple_average_equals_did(counties, options, how, estimate, error):
    result = simple(group_time(minimum_wage(counties, **options), small_sample=False, **how))
    assert result.estimate == pytest.approx(estimate, abs=DIGITS_8)
    assert result.std_error == pytest.approx(error, abs=DIGITS_8)


def test_two_way_equals_fixest(counties):
    county = two_way(minimum_wage(counties))
    assert county.estimate == pytest.approx(-0.03654894, abs=DIGITS_8)
    assert county.std_error == pytest.approx(0.01326516, abs=DIGITS_8)
    state = two_way(minimum_wage(counties, cluster="state"))
    assert state.std_error == pytest.approx(0.02266325, abs=DIGITS_8)


def test_sun_abraham_equals_fixest(counties):
    overall = sun_abraham(minimum_wage(counties)).overall
    assert overall.estimate == pytest.approx(-0.03995128, abs=DIGITS_8)
    assert overall.std_error == pytest.approx(0.01179628, abs=DIGITS_8)


def test_imputation_equals_didimputation(counties):
    series = imputation(minimum_wage(counties), small_sample=False)
    assert series.overall.estimate == pytest.approx(-0.04770992, abs=DIGITS_8)
    assert series.overall.std_error == pytest.approx(0.01322249, abs=DIGITS_8)
    assert series.estimate == pytest.approx(
        [-0.03106692, -0.05223485, -0.13607811, -0.10470747], abs=1e-8
    )
    assert series.std_error == pytest.approx(
        [0.01357725, 0.01881243, 0.03534197, 0.03376585], abs=1e-8
    )


def test_incinerator_equals_wooldridge():
    frame = pd.read_csv(FOLDER / "kielmc.csv")
    plain = two_by_two_sections(frame, "rprice", treated="nearinc", after="y81")
    assert plain.estimate == pytest.approx(-11863.90, abs=0.005)
    assert plain.std_error == pytest.approx(7456.65, abs=0.005)
    clustered = two_by_two_sections(frame, "rprice", treated="nearinc", after="y81", cluster="cbd")
    assert clustered.std_error == pytest.approx(6621.818, abs=DIGITS_3)


def test_one_cohort_two_years(counties):
    result = two_by_two(minimum_wage(counties), before=2006, after=2007, cohort=2007)
    assert result.estimate == pytest.approx(-0.02605441, abs=DIGITS_8)


def test_placebo_adoptions_of_municipalities():
    """Clustered tests keep their size, tests on independent rows do not, power is unbiased."""
    frame = pd.read_csv(FOLDER / "municipalities.csv")
    frame = frame.assign(y=np.log(frame["revenues"]), start=0)
    frame.loc[frame["municipality"] == frame["municipality"].min(), "start"] = 1985
    base = make_panel(frame, "y", unit="municipality", cohort="start")
    rng = np.random.default_rng(20)
    planted, clustered, naive = [], [], []
    for _ in range(2000):
        start = np.where(rng.random(base.n_units) < 0.5, rng.integers(1981, 1988, base.n_units), 0)
        order = np.argsort(np.where(start == 0, 9999, start), kind="stable")
        panel = replace(base, y=base.y[order], cohort=start[order])
        result = two_way(panel)
        clustered.append(result.p_value < 0.05)
        # a constant effect of 5 % moves the estimate by ln 1.05, whatever the draw
        planted.append(result.estimate + np.log(1.05))
        if len(naive) < 500:  # its share is far from 5 %, so fewer draws tell
            naive.append(abs(result.estimate) > 1.96 * iid_error(panel))
    assert np.mean(clustered) == pytest.approx(0.05, abs=SIZE)
    assert 0.12 < np.mean(naive) < 0.24
    assert np.mean(planted) == pytest.approx(0.0489, abs=MEAN)


def iid_error(panel: Panel) -> float:
    event = panel.years >= np.array([[g or 9999] for g, _ in panel.groups])
    fit = fit_within(panel, ~np.isnan(panel.y), event[:, :, None].astype(float))
    free = fit.n_obs - panel.n_units - fit.n_year - 1
    return float(np.sqrt((fit.residual**2).sum() / free * fit.bread[0, 0]))
