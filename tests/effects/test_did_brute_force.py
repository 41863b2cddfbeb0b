"""The fast estimators against dummy variables, written-out loops and dense projections."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.effects._clustered import clustered_covariance
from analysis.effects.did import before_after
from analysis.effects.did.borusyak_jaravel_spiess import imputation, pretrend
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.did.fixed_effects import event_study, sun_abraham, twfe
from analysis.effects.inference._two_way import wild_two_way
from analysis.effects.panel import Panel, make_panel

ROUNDING = 1e-8  # different orders of summation, dense inverses of ill-scaled dummies
SECOND_ORDER = 0.03  # a unit of 400 moves an average by terms of order 1/400 beyond its influence
LOGIT = 1e-6  # statsmodels stops its Newton steps earlier

YEARS = np.arange(2018, 2025)


def draw(seed: int, *, n: int = 40, missing: float = 0.0, never: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cohorts = [2020, 2021, 2023, *([0, 0] if never else [2024])]
    start = rng.choice(cohorts, n)
    size = rng.normal(size=n)
    after = (start[:, None] <= YEARS) & (start[:, None] > 0)
    y = rng.normal(size=(n, 1)) + rng.normal(size=len(YEARS)) + 0.3 * size[:, None] * (YEARS - 2018)
    y = y + rng.normal(size=y.shape) + after * (1 + 0.5 * (YEARS - start[:, None]))
    frame = pd.DataFrame(
        {
            "village_id": np.repeat([f"v{k}" for k in range(n)], len(YEARS)),
            "year": np.tile(YEARS, n),
            "y": y.ravel(),
            "joined_year": np.repeat(start, len(YEARS)),
            "county": np.repeat(rng.integers(0, 12, n), len(YEARS)),
            "size": np.repeat(size, len(YEARS)),
            "people": np.repeat(np.exp(rng.normal(size=n)), len(YEARS)),
        }
    )
    frame["rows"] = frame["people"] * np.exp(0.2 * rng.normal(size=len(frame)))
    return frame[rng.random(len(frame)) >= missing].reset_index(drop=True)


CASES = [
    ("balanced", {}, {}),
    ("gaps", {"missing": 0.25}, {}),
    ("gaps and clusters", {"missing": 0.25}, {"cluster": "county"}),
    ("covariate", {"missing": 0.1}, {"covariates": ["size"], "cluster": "county"}),
    ("weights", {"missing": 0.1}, {"weights": "people", "cluster": "county"}),
    ("weights of rows", {"missing": 0.1}, {"weights": "rows", "covariates": ["size"]}),
]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
def case(request) -> tuple[pd.DataFrame, Panel]:
    _, drawn, made = request.param
    frame = draw(7, **drawn)
    return frame, make_panel(frame, "y", **made)


def weights_of(frame: pd.DataFrame, panel: Panel) -> np.ndarray:
    """Weights of the rows, taken from the panel by unit and year; one without."""
    if panel.weight is None:
        return np.ones(len(frame))
    place = {name: k for k, name in enumerate(panel.ids)}
    return panel.weight[frame["village_id"].map(place), np.searchsorted(panel.years, frame["year"])]


def nuisance(frame: pd.DataFrame, panel: Panel) -> np.ndarray:
    unit = pd.get_dummies(frame["village_id"]).to_numpy(float)
    year = pd.get_dummies(frame["year"]).to_numpy(float)[:, 1:]
    x = [year * frame[[name]].to_numpy() for name in panel.covariates]
    return np.column_stack([unit, year, *x])


def dummies_ols(
    frame: pd.DataFrame, panel: Panel, effects: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with all dummies; clustered covariance, G/(G−1), our count of parameters."""
    other = nuisance(frame, panel)
    x = np.column_stack([effects, other])
    weight = weights_of(frame, panel)
    fit = sm.WLS(frame["y"].to_numpy(), x, weights=weight).fit()
    name = panel.cluster_name
    groups = pd.factorize(frame[name])[0]
    bread = np.linalg.inv(x.T @ (x * weight[:, None]))
    scores = x * (weight * fit.resid)[:, None]
    sums = np.stack([scores[groups == g].sum(axis=0) for g in set(groups)])
    count = len(sums)
    k = effects.shape[1] + other.shape[1] - frame["village_id"].nunique() + 1
    factor = count / (count - 1) * (len(x) - 1) / (len(x) - k)
    covariance = bread @ sums.T @ sums @ bread * factor
    r = effects.shape[1]
    return fit.params[:r], covariance[:r, :r]


def test_two_way_equals_dummy_variables(case):
    frame, panel = case
    after = ((frame["year"] >= frame["joined_year"]) & (frame["joined_year"] > 0)).to_numpy(float)
    beta, covariance = dummies_ols(frame, panel, after[:, None])
    result = twfe(panel)
    assert result.estimate == pytest.approx(beta[0], abs=ROUNDING)
    assert result.std_error == pytest.approx(covariance[0, 0] ** 0.5, abs=ROUNDING)
    assert result.n_obs == len(frame)


@pytest.mark.parametrize("anticipation", [0, 1])
def test_the_wild_bootstrap_of_a_panel_has_the_two_way_estimate(anticipation):
    panel = make_panel(draw(7, missing=0.2), "y", covariates=["size"], cluster="county")
    ours = wild_two_way(panel, anticipation=anticipation, draws=99)
    plain = twfe(panel, anticipation=anticipation)
    assert ours.estimate == pytest.approx(plain.estimate, abs=ROUNDING)
    assert ours.n_obs == plain.n_obs
    assert ours.low < ours.estimate < ours.high


def test_event_study_equals_dummy_variables(case):
    frame, panel = case
    result = event_study(panel)
    event = (frame["year"] - frame["joined_year"]).where(frame["joined_year"] > 0)
    effects = np.column_stack([(event == e).to_numpy(float) for e in result.index])
    beta, covariance = dummies_ols(frame, panel, effects)
    assert result.estimate == pytest.approx(beta, abs=ROUNDING)
    assert result.covariance == pytest.approx(covariance, abs=ROUNDING)
    before = result.index < -1
    theta, part = beta[before], covariance[np.ix_(before, before)]
    assert result.pretest.statistic == pytest.approx(theta @ np.linalg.solve(part, theta), rel=1e-6)


def test_sun_abraham_equals_saturated_dummies(case):
    frame, panel = case
    result = sun_abraham(panel)
    event = frame["year"] - frame["joined_year"]
    cells = [
        (g, e)
        for g in (2020, 2021, 2023)
        for e in sorted(event[frame["joined_year"] == g].unique())
        if e != -1
    ]
    effects = np.column_stack(
        [((frame["joined_year"] == g) & (event == e)).to_numpy(float) for g, e in cells]
    )
    beta, covariance = dummies_ols(frame, panel, effects)
    mass = weights_of(frame, panel) @ effects
    post = np.array([e >= 0 for _, e in cells]) * mass
    weight = post / post.sum()
    assert result.overall.estimate == pytest.approx(weight @ beta, abs=ROUNDING)
    error = (weight @ covariance @ weight) ** 0.5
    assert result.overall.std_error == pytest.approx(error, abs=ROUNDING)


def test_sun_abraham_without_never_treated_uses_the_last_cohort():
    frame = draw(3, never=False)
    result = sun_abraham(make_panel(frame, "y"))
    cut = frame[frame["year"] < 2024]
    cut = cut.assign(joined_year=cut["joined_year"].where(cut["joined_year"] < 2024, 0))
    assert result.overall.estimate == pytest.approx(
        sun_abraham(make_panel(cut, "y")).overall.estimate, abs=ROUNDING
    )
    assert any("the cohort of 2024" in note for note in result.notes)


@pytest.mark.parametrize("anticipation", [0, 1])
def test_imputation_equals_dense_projection(case, anticipation):
    """Point estimates by OLS on untreated rows; variance from the written-out weights v."""
    frame, panel = case
    result = imputation(panel, anticipation=anticipation, pool="cohort_year", small_sample=False)
    start = frame["joined_year"].where(frame["joined_year"] > 0, 9999)
    untreated = (frame["year"] < start - anticipation).to_numpy()
    after = (frame["year"] >= start).to_numpy()
    z = nuisance(frame, panel)
    y = frame["y"].to_numpy()
    mass = weights_of(frame, panel)
    root = np.sqrt(mass[untreated])
    inverse = np.linalg.pinv(z[untreated] * root[:, None], rcond=1e-10) * root
    theta = inverse @ y[untreated]
    able = np.abs(z - z @ inverse @ z[untreated]).max(axis=1) < 1e-6
    cells = after & able
    gap = y - z @ theta
    w = np.where(cells, mass, 0.0) / mass[cells].sum()
    assert result.overall.estimate == pytest.approx(w @ gap, abs=ROUNDING)

    v = np.where(cells, w, 0.0)
    v[untreated] = -(w @ z) @ inverse
    residual = np.where(untreated, gap, 0.0)
    cluster = frame[panel.cluster_name].to_numpy()
    for g, t in itertools.product((2020, 2021, 2023), YEARS):
        cell = cells & (start == g).to_numpy() & (frame["year"] == t).to_numpy()
        if cell.any():
            sums = pd.Series(v[cell]).groupby(cluster[cell]).transform("sum").to_numpy()
            mean = (sums * v[cell] * gap[cell]).sum() / (sums * v[cell]).sum()
            residual[cell] = gap[cell] - mean
    sums = pd.Series(v * residual).groupby(cluster).sum()
    error = np.sqrt((sums**2).sum())
    assert result.overall.std_error == pytest.approx(error, abs=ROUNDING)


def test_imputed_pretrend_equals_dummy_variables(case):
    frame, panel = case
    start = frame["joined_year"].where(frame["joined_year"] > 0, 9999)
    cut = frame[frame["year"] < start]
    event = cut["year"] - start[cut.index]
    leads = range(-1, -5, -1)
    effects = np.column_stack([(event == e).to_numpy(float) for e in leads])
    beta, covariance = dummies_ols(cut, panel, effects)
    k = effects.shape[1] + nuisance(cut, panel).shape[1] - cut["village_id"].nunique() + 1
    covariance *= (len(cut) - k) / (len(cut) - 1)
    wald = beta @ np.linalg.solve(covariance, beta)
    assert pretrend(panel).statistic == pytest.approx(wald, rel=1e-6)


def mean_and_variance(values: pd.Series, weight: pd.Series) -> tuple[float, float]:
    """Weighted mean and its robust variance, without a small-sample factor."""
    share = weight[values.index] / weight[values.index].sum()
    mean = float(share @ values)
    return mean, float((share**2 * (values - mean) ** 2).sum())


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
@pytest.mark.parametrize(("anticipation", "weights"), [(0, None), (1, None), (0, "people")])
def test_group_time_equals_written_out_loops(missing, base, comparison, anticipation, weights):
    frame = draw(11, n=60, missing=missing)
    panel = make_panel(frame, "y", weights=weights)
    effects = att_gt(
        panel, comparison=comparison, base=base, anticipation=anticipation, small_sample=False
    )
    wide = frame.pivot(index="village_id", columns="year", values="y")
    start = frame.groupby("village_id")["joined_year"].first()
    weight = frame.groupby("village_id")["people"].first() if weights else start * 0 + 1.0
    expected = {}
    for g in (2020, 2021, 2023):
        for t in YEARS:
            b = g - 1 - anticipation
            if base == "varying" and t < g - anticipation:
                b = t - 1
            if b == t or b < 2018:
                continue
            change = (wide[t] - wide[b]).dropna()
            mine = change[start[change.index] == g]
            kind = start[change.index]
            others = kind == 0
            if comparison == "not_yet":
                others |= (kind > max(t, b) + anticipation) & (kind != g)
            parts = [mean_and_variance(part, weight) for part in (mine, change[others])]
            difference = parts[0][0] - parts[1][0]
            expected[g, t] = (difference, (parts[0][1] + parts[1][1]) ** 0.5)
    keys = list(zip(effects.cohort.tolist(), effects.year.tolist(), strict=True))
    assert sorted(keys) == sorted((g, int(t)) for g, t in expected)
    assert effects.estimate == pytest.approx([expected[k][0] for k in keys], abs=ROUNDING)
    assert effects.std_error == pytest.approx([expected[k][1] for k in keys], abs=ROUNDING)


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("adjustment", ["regression", "ipw", "doubly_robust"])
def test_adjusted_effect_equals_written_out_formula(adjustment, weights):
    frame = draw(5, n=80)
    panel = make_panel(frame, "y", covariates=["size"], weights=weights)
    effects = att_gt(panel, adjustment=adjustment)
    wide = frame.pivot(index="village_id", columns="year", values="y")
    first = frame.groupby("village_id")[["joined_year", "size", "people"]].first()
    rows = first[first["joined_year"].isin([0, 2021])]
    change = (wide[2022] - wide[2020])[rows.index].to_numpy()
    d = (rows["joined_year"] == 2021).to_numpy()
    x = sm.add_constant(rows["size"].to_numpy())
    w = rows["people"].to_numpy() if weights else np.ones(len(rows))
    fitted = x @ sm.WLS(change[~d], x[~d], weights=w[~d]).fit().params
    logit = sm.GLM(d.astype(float), x, family=sm.families.Binomial(), freq_weights=w)
    p = logit.fit(tol=1e-13).predict()
    odds = np.where(d, 0.0, w * p / (1 - p))

    def average(values):
        return np.average(values[d], weights=w[d])

    if adjustment == "regression":
        expected = average(change - fitted)
    elif adjustment == "ipw":
        expected = average(change) - np.average(change, weights=odds)
    else:
        expected = average(change - fitted) - np.average(change - fitted, weights=odds)
    place = (effects.cohort == 2021) & (effects.year == 2022)
    assert effects.estimate[place][0] == pytest.approx(expected, abs=LOGIT)


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("adjustment", ["none", "regression", "ipw", "doubly_robust"])
def test_influence_functions_are_derivatives(adjustment, weights):
    """Leaving a unit out moves the average by its influence: all nuisances are accounted for."""
    # uneven weights leave fewer effective units, and terms of higher order
    panel = make_panel(draw(5, n=1200 if weights else 400), "y", covariates=["size"],
                       weights=weights)  # fmt: skip

    def average(part: Panel) -> tuple[float, np.ndarray]:
        result = aggregate(att_gt(part, adjustment=adjustment))
        return result.estimate, result.influence.psi[:, 0]

    whole, psi = average(panel)
    n = panel.n_units
    drop = np.random.default_rng(1).choice(n, 60, replace=False)
    moves = np.array([whole - average(panel.take(np.arange(n) != unit))[0] for unit in drop])
    slope = moves @ psi[drop] / (psi[drop] @ psi[drop])
    assert slope == pytest.approx(1, abs=SECOND_ORDER)
    assert np.corrcoef(moves, psi[drop])[0, 1] > 1 - SECOND_ORDER


def test_overall_averages_follow_from_the_pairs():
    panel = make_panel(draw(5, n=60), "y")
    effects = att_gt(panel)
    table = effects.tidy()
    table = table[table["event_time"] >= 0]
    size = table["cohort"].map(pd.Series(panel.cohort).value_counts())
    table = table.assign(size=size, part=size * table["estimate"])

    def weighted(key: str) -> pd.Series:
        sums = table.groupby(key)[["part", "size"]].sum()
        return sums["part"] / sums["size"]

    assert aggregate(effects).estimate == pytest.approx(table["part"].sum() / size.sum())
    assert aggregate(effects, "event").overall.estimate == pytest.approx(
        weighted("event_time").mean()
    )
    assert aggregate(effects, "calendar").overall.estimate == pytest.approx(weighted("year").mean())
    group = table.groupby("cohort")["estimate"].mean()
    counts = pd.Series(panel.cohort).value_counts()[group.index]
    assert aggregate(effects, "group").overall.estimate == pytest.approx(
        np.average(group, weights=counts)
    )
    balanced = aggregate(effects, "event", balance=2)
    # the cohort of 2023 is seen until event time 1 only
    assert balanced.index.max() == 2
    early = table[table["cohort"].isin([2020, 2021]) & (table["event_time"] == 2)]
    assert balanced[2] == pytest.approx(np.average(early["estimate"], weights=early["size"]))


def test_whole_weights_are_repeated_units():
    """A unit of weight 3 counts as three units that are one cluster."""
    frame = draw(8, n=30)
    frame["w"] = frame.groupby("village_id").ngroup() % 3 + 1
    copies = pd.concat(
        [frame[frame["w"] > k].assign(copy=f"{k}", own=frame["village_id"]) for k in range(3)]
    )
    copies["village_id"] += copies["copy"]
    one = make_panel(frame, "y", weights="w")
    many = make_panel(copies, "y", cluster="own")

    def error(result):
        if result.name.startswith(("Sun", "Two-way")):  # without (n−1)/(n−k): copies are rows
            return np.sqrt(clustered_covariance(result.influence).item())
        return result.std_error

    for run in (
        lambda panel: aggregate(att_gt(panel)),
        before_after,
        lambda panel: imputation(panel, pool="event_time").overall,
        lambda panel: sun_abraham(panel).overall,
        twfe,
    ):
        ours, theirs = run(one), run(many)
        assert ours.estimate == pytest.approx(theirs.estimate, abs=ROUNDING)
        assert error(ours) == pytest.approx(error(theirs), abs=ROUNDING)
