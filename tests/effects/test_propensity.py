"""The logit behind weighting: rare covariates, separation proved, and no false reasons."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.effects import aggregate, att_gt, imputation, make_panel, sun_abraham, twfe
from analysis.effects.did import _propensity
from analysis.effects.did._propensity import NoOverlapError, fit_logit, is_separated
from analysis.errors import LianjianError

LOGIT = 1e-7  # statsmodels stops its Newton steps earlier


def two_years(traits: dict[str, np.ndarray], treated: int, seed: int = 0) -> pd.DataFrame:
    """Treated units first, a year before and a year after, gaining 1."""
    n = len(next(iter(traits.values())))
    y = np.random.default_rng(seed).normal(size=(2, n))
    y[1, :treated] += 1
    frame = {name: np.tile(values, 2) for name, values in traits.items()}
    start = np.where(np.arange(n) < treated, 2024, 0)
    ids = {"v": np.tile(np.arange(n), 2), "year": np.repeat([2023, 2024], n)}
    return pd.DataFrame({**ids, "g": np.tile(start, 2), **frame, "y": y.ravel()})


def panel_of(frame: pd.DataFrame, *covariates: str):
    return make_panel(frame, "y", unit="v", cohort="g", covariates=covariates)


@pytest.mark.parametrize("outside", [3, 8, 40, 150])
@pytest.mark.parametrize("joined", [12, 19])
def test_a_trait_rare_outside_and_common_among_the_treated_is_no_separation(outside, joined):
    rare = np.r_[np.ones(joined), np.zeros(20 - joined), np.ones(outside), np.zeros(900 - outside)]
    frame = two_years({"b": rare}, 20)
    p, _ = fit_logit(np.column_stack([np.ones(920), rare]), np.repeat([1.0, 0.0], [20, 900]))
    # saturated: the propensity is the share of each cell
    assert p[0] == pytest.approx(joined / (joined + outside))
    result = aggregate(att_gt(panel_of(frame, "b")))
    # and weighting is the mean over cells, weighted by the treated
    wide = frame.pivot(index="v", columns="year", values="y")
    gain, treated = wide[2024] - wide[2023], np.arange(920) < 20
    cells = [
        gain[treated & (rare == k)].mean() - gain[~treated & (rare == k)].mean() for k in (0, 1)
    ]
    expected = np.average(cells, weights=[20 - joined, joined])
    assert result.estimate == pytest.approx(expected)
    assert any(f"Largest propensity of a treated unit {p[0]:.2f}" in n for n in result.notes)


@pytest.mark.parametrize("seed", range(5))
def test_steep_logits_equal_statsmodels(seed):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(sigma=1.5, size=(3000, 2))
    d = (rng.random(3000) < 1 / (1 + np.exp(5 - 1.5 * x[:, 0] + x[:, 1]))).astype(float)
    z = np.column_stack([np.ones(3000), (x - x.mean(axis=0)) / x.std(axis=0)])
    theirs = sm.Logit(d, z).fit(disp=0, method="bfgs", maxiter=5000, gtol=1e-10).predict()
    assert fit_logit(z, d)[0] == pytest.approx(theirs, abs=1e-5)


def test_separation_is_proved_before_it_is_said():
    x = np.r_[np.linspace(2, 3, 10), np.linspace(-3, 1, 60)]
    d = np.repeat([1.0, 0.0], [10, 60])
    z = np.column_stack([np.ones(70), x])
    assert is_separated(z, d)
    with pytest.raises(NoOverlapError, match="separate the treated"):
        fit_logit(z, d)
    touching = np.where(np.arange(70) == 69, 2.0, x)  # one comparison unit meets the treated
    assert is_separated(np.column_stack([np.ones(70), touching]), d)  # quasi-separation
    inside = np.where(np.arange(70) == 69, 2.5, x)
    assert not is_separated(np.column_stack([np.ones(70), inside]), d)
    assert np.isfinite(fit_logit(np.column_stack([np.ones(70), inside]), d)[0]).all()
    with pytest.raises(LianjianError, match="the covariates separate the treated"):
        att_gt(panel_of(two_years({"x": x}, 10), "x"))


def test_a_logit_cut_short_says_nothing_of_the_data(monkeypatch):
    rng = np.random.default_rng(1)
    frame = two_years({"x": rng.normal(size=200)}, 40)
    monkeypatch.setattr(_propensity, "NEWTON_STEPS", 1)
    with pytest.raises(LianjianError, match="did not converge") as error:
        att_gt(panel_of(frame, "x"))
    assert "separate" not in str(error.value)


def test_how_far_the_line_reaches_is_said_by_every_estimator():
    rng = np.random.default_rng(2)
    far = np.r_[np.full(8, 60.0), rng.normal(size=92)]
    panel = panel_of(two_years({"x": far}, 8), "x")
    for result in (
        aggregate(att_gt(panel, adjustment="regression")),
        twfe(panel),
        imputation(panel).overall,
        sun_abraham(panel).overall,
    ):
        said = " ".join(result.notes)
        assert "8 of 8 units outside its range" in said, result.name
        assert "extrapolated" in said
        assert said in repr(result).replace("\n  ", " ")


def test_a_covariate_that_is_a_sum_of_others_changes_nothing():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 150))
    frame = two_years({"a": a, "b": b, "both": a + 2 * b}, 30)
    for how in ("regression", "ipw", "doubly_robust"):
        two, three = (
            aggregate(att_gt(panel_of(frame, *names), adjustment=how))
            for names in (("a", "b"), ("a", "b", "both"))
        )
        assert three.estimate == pytest.approx(two.estimate, abs=1e-9)
        assert three.std_error == pytest.approx(two.std_error, abs=1e-9)


def test_what_the_comparison_does_not_span_is_refused_not_guessed():
    """All outside have the trait 0: by minimum norm the treated would get a coefficient of 0."""
    rng = np.random.default_rng(4)
    trait = np.r_[np.ones(5), np.zeros(95)]
    panel = panel_of(two_years({"x": rng.normal(size=100), "trait": trait}, 10), "x", "trait")
    with pytest.raises(LianjianError, match="do not span the covariates"):
        att_gt(panel, adjustment="regression")


def test_regressions_at_once_are_those_one_by_one_where_books_have_gaps():
    rng = np.random.default_rng(4)
    n, years = 60, np.arange(2018, 2025)
    start = np.repeat([2021, 2023, 0], [8, 7, 45])
    size = rng.gamma(4, size=n)
    flag = (rng.random(n) < 0.2).astype(float)
    y = size[:, None] * (years - 2017) + rng.normal(size=(n, len(years)))
    y[rng.random(y.shape) < 0.15] = np.nan
    frame = pd.DataFrame(
        {
            "v": np.repeat(np.arange(n), len(years)),
            "year": np.tile(years, n),
            "y": y.ravel(),
            "g": np.repeat(start, len(years)),
            "size": np.repeat(size, len(years)),
            "flag": np.repeat(flag, len(years)),
        }
    )
    panel = make_panel(frame, "y", unit="v", cohort="g", covariates=["size", "flag"])
    together = att_gt(panel, adjustment="regression", anticipation=1, base="universal")
    for k, (g, t, b) in enumerate(zip(together.cohort, together.year, together.base, strict=True)):
        change = panel.y[:, panel.years == t] - panel.y[:, panel.years == b]
        seen = ~np.isnan(change[:, 0])
        ones, others = seen & (panel.cohort == g), seen & (panel.cohort == 0)
        line = sm.OLS(change[others, 0], sm.add_constant(panel.x[others])).fit()
        rest = change[ones, 0] - line.predict(sm.add_constant(panel.x[ones], has_constant="add"))
        assert together.estimate[k] == pytest.approx(rest.mean(), rel=1e-9)
        alone = _propensity.att_scores(
            change,
            np.flatnonzero(ones),
            np.flatnonzero(others),
            _propensity.Sample(panel.x, "regression"),
        )
        assert together.influence[ones, k] == pytest.approx(alone.treated[:, 0], rel=1e-9)
        assert together.influence[others, k] == pytest.approx(alone.control[:, 0], abs=1e-12)
        assert not together.influence[~ones & ~others, k].any()


def test_a_regression_without_its_trait_among_comparisons_is_refused_for_that_pair_alone():
    frame = two_years({"flag": np.repeat([1.0, 0.0], [5, 20])}, 3)
    later = frame[frame["year"] == 2024].assign(year=2025)
    more = pd.concat([frame, later[~((later["flag"] == 1) & (later["g"] == 0))]])
    effects = att_gt(panel_of(more, "flag"), adjustment="regression")
    assert effects.year.tolist() == [2024]
    assert any(
        "do not span the covariates, by cohort (and year): 2024 (2025)." in note
        for note in effects.notes
    )
