"""Published and computed numbers: tests/reference/README.md says where each comes from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.effects.did._within import fit_within
from analysis.effects.did.borusyak_jaravel_spiess import imputation
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.did.fixed_effects import sun_abraham, twfe
from analysis.effects.inference._two_way import Rows, wild
from analysis.effects.panel import Panel, make_panel

DIGITS_8 = 6e-9  # half a unit of the eighth decimal, and rounding in the source
DIGITS_4 = 6e-5  # half a unit of the fourth decimal
DIGITS_3 = 6e-4  # three significant digits of an SE of a few thousand, as printed
SIZE = 0.021  # three standard errors of a share of 5 % in 1,000 draws
MEAN = 0.0017  # three standard errors of the mean estimate in 1,000 draws
LALONDE = 2e-4  # the source holds earnings with seven digits

FOLDER = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def counties() -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / "mpdta.csv")
    return frame.assign(state=frame["countyreal"] // 1000)


def minimum_wage(counties: pd.DataFrame, **options: object) -> Panel:
    return make_panel(counties, "lemp", unit="countyreal", cohort="first.treat", **options)


def test_group_time_effects_equal_the_did_vignette(counties):
    table = att_gt(minimum_wage(counties), small_sample=False).tidy()
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
    series = aggregate(att_gt(minimum_wage(counties), small_sample=False), "event")
    assert series.overall.estimate == pytest.approx(-0.07723982, abs=DIGITS_8)
    assert series.overall.std_error == pytest.approx(0.01996499, abs=DIGITS_8)
    errors = dict(zip(series.index.tolist(), series.std_error, strict=True))
    assert series[0] == pytest.approx(-0.01993182, abs=DIGITS_8)
    assert errors[0] == pytest.approx(0.01182636, abs=DIGITS_8)
    assert series[1] == pytest.approx(-0.05095737, abs=DIGITS_8)
    assert errors[1] == pytest.approx(0.01689348, abs=DIGITS_8)
    assert series[-1] == pytest.approx(-0.0245, abs=DIGITS_4)


def test_group_average_and_wald_test_equal_did(counties):
    effects = att_gt(minimum_wage(counties), small_sample=False)
    overall = aggregate(effects, "group").overall
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
    result = aggregate(att_gt(minimum_wage(counties, **options), small_sample=False, **how))
    assert result.estimate == pytest.approx(estimate, abs=DIGITS_8)
    assert result.std_error == pytest.approx(error, abs=DIGITS_8)


def test_two_way_equals_fixest(counties):
    county = twfe(minimum_wage(counties))
    assert county.estimate == pytest.approx(-0.03654894, abs=DIGITS_8)
    assert county.std_error == pytest.approx(0.01326516, abs=DIGITS_8)
    state = twfe(minimum_wage(counties, cluster="state"))
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
    both = frame["nearinc"] * frame["y81"]
    design = np.column_stack([both, np.ones(len(frame)), frame["nearinc"], frame["y81"]])
    miles = np.unique(frame["cbd"], return_inverse=True)[1]
    clustered = wild(Rows(design.astype(float), frame["rprice"].to_numpy(), miles, len(frame)))
    assert clustered.estimate == pytest.approx(-11863.90, abs=0.005)
    assert clustered.std_error == pytest.approx(6621.818, abs=DIGITS_3)


def test_one_cohort_two_years(counties):
    effects = att_gt(minimum_wage(counties))
    place = (effects.cohort == 2007) & (effects.year == 2007)
    assert effects.estimate[place] == pytest.approx(-0.02605441, abs=DIGITS_8)


@pytest.fixture(scope="module")
def lalonde() -> Panel:
    """NSW trainees and the CPS comparison, earnings before and after as a panel of two years."""
    frame = pd.read_csv(FOLDER / "lalonde.csv.xz").rename_axis("person").reset_index()
    years = [frame.assign(year=1900 + y, earnings=frame[f"re{y}"]) for y in (75, 78)]
    frame = pd.concat(years).assign(start=lambda f: f["treat"] * 1978)
    traits = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74"]
    return make_panel(frame, "earnings", unit="person", cohort="start", covariates=traits)


@pytest.mark.parametrize(
    ("adjustment", "estimate", "error"),
    [
        ("ipw", 1818.5740, 646.4216),
        ("doubly_robust", 1865.6423, 644.9075),
        ("regression", 1415.7816, 630.0895),
    ],
)
def test_lalonde_equals_csdid(lalonde, adjustment, estimate, error):
    result = aggregate(att_gt(lalonde, adjustment=adjustment, small_sample=False))
    assert result.estimate == pytest.approx(estimate, abs=LALONDE)
    assert result.std_error == pytest.approx(error, abs=LALONDE)
    assert any("black +2.95 sd" in note for note in result.notes)


def test_placebo_adoptions_of_counties(counties):
    """Clustered tests keep their size, tests on independent rows do not, power is unbiased."""
    never = counties[counties["first.treat"] == 0].assign(start=0)
    never.loc[never["countyreal"] == never["countyreal"].min(), "start"] = 2006
    base = make_panel(never, "lemp", unit="countyreal", cohort="start")
    rng = np.random.default_rng(20)
    planted, clustered, naive = [], [], []
    for _ in range(1000):
        start = np.where(rng.random(base.n_units) < 0.5, rng.integers(2004, 2008, base.n_units), 0)
        order = np.argsort(np.where(start == 0, 9999, start), kind="stable")
        panel = replace(base, y=base.y[order], cohort=start[order])
        result = twfe(panel)
        clustered.append(result.p_value < 0.05)
        # a constant effect of 5 % moves the estimate by ln 1.05, whatever the draw
        planted.append(result.estimate + np.log(1.05))
        naive.append(abs(result.estimate) > 1.96 * iid_error(panel))
    assert np.mean(clustered) == pytest.approx(0.05, abs=SIZE)
    assert np.mean(naive) > np.mean(clustered) + SIZE / 2
    assert np.mean(planted) == pytest.approx(np.log(1.05), abs=MEAN)


def iid_error(panel: Panel) -> float:
    event = panel.years >= np.array([[g or 9999] for g, _ in panel.groups])
    fit = fit_within(panel, ~np.isnan(panel.y), event[:, :, None].astype(float))
    free = fit.n_obs - panel.n_units - fit.n_year - 1
    return float(np.sqrt((fit.residual**2).sum() / free * fit.bread[0, 0]))
