"""Numbers of the indicators carry who stands behind them, through what frames do to them."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import _evidence
from analysis._evidence import Evidence, collecting, find, packed, unpacked
from analysis.disclosure import Guard, Number, Policy
from analysis.effects import (
    aggregate,
    att_gt,
    event_study,
    few_clusters,
    imputation,
    make_panel,
    preferred_att,
    sun_abraham,
    twfe,
)
from analysis.effects.did import before_after
from analysis.effects.inference import sign_flip
from analysis.indicators import (
    band_shares,
    bootstrap,
    by_source,
    changes,
    decompose,
    gini,
    growth,
    kaplan_meier,
    means,
    pairs,
    transitions,
    weak_share,
    weak_spells,
)
from analysis.indicators.convergence import beta_convergence
from analysis.indicators.income import deflate
from analysis.indicators.inequality import indices, lorenz
from tests.disclosure.invented import SOURCES, TOTAL, YEARS, books

M = SOURCES[0]


@pytest.fixture(scope="module")
def panel():
    return books(160, 50).assign(households=lambda frame: 100 + frame.index % 400)


def exactly(panel, evidence):
    """Return the weighted sum that evidence states, from the books themselves."""
    books_of = panel.set_index(["village_id", "year"])
    return sum(
        float((books_of.xs(year, level="year")[measure].reindex(weight.index) * weight).sum())
        for (measure, year), weight in evidence.weights.items()
    )


@pytest.mark.parametrize("per", ["village", "household"])
@pytest.mark.parametrize("by", ["year", ["role", "year"], ["county_code", "role", "year"]])
def test_each_mean_is_the_sum_that_its_evidence_states(panel, per, by):
    with collecting():
        table = means(panel, by, [M, TOTAL], per=per)
        numbers = table[[name for name in table if name.endswith(("_wan_yuan", "household"))]]
        values = numbers.to_numpy().ravel()
        values = values[np.isfinite(values)]
        assert len(values) >= 6
        for value in values:
            assert any(exactly(panel, each) == pytest.approx(value) for each in find(value))


def test_evidence_survives_what_people_do_with_frames(panel):
    with collecting():
        table = means(panel, ["role", "year"], M)
        name = next(column for column in table if column.endswith("_wan_yuan"))
        written = io.StringIO()
        table.to_csv(written, index=False)
        forms = [
            table.pivot(index="year", columns="role", values=name),
            table.set_index(["role", "year"])[[name]].unstack(),
            table.merge(table[["role", "year"]])[[name]],
            pd.concat([table, table])[[name]],
            table.melt(["role", "year"], [name])[["value"]],
            pd.read_csv(io.StringIO(written.getvalue()))[[name]],
        ]
        for form in forms:
            values = form.to_numpy().ravel()
            assert all(find(value) for value in values[np.isfinite(values)])
        # computed on, it is a number that nobody vouches for
        assert not find(table[name].iloc[0] - table[name].iloc[1])


def test_growth_stands_on_the_villages_known_in_both_years(panel):
    with collecting():
        change = changes(panel, M, YEARS[0], YEARS[-1])
        table = growth(change[change["role"] == "outside"], "county_code")
        for _, row in table.iterrows():
            for name in ("start_mean", "end_mean"):
                assert exactly(panel, find(row[name])[0]) == pytest.approx(row[name])
            assert find(row["change_mean"])[0].parent_values == (row["end_mean"], row["start_mean"])
            assert find(row["growth_pct"])[0].rule == "ratio"
            share = find(row["fell_pct"])[0]
            assert share.villages / share.of * 100 == pytest.approx(row["fell_pct"])
            assert find(row["change_median"])[0].rule == "order"


def test_growth_leaves_as_the_ratio_of_what_left(panel):
    with collecting():
        table = growth(changes(panel, M, YEARS[0], YEARS[-1]))
        numbers = [Number(name, table[name].item(), find(table[name].item()))
                   for name in ("start_mean", "end_mean", "change_mean", "growth_pct")]  # fmt: skip
    plan = Guard(Policy(), panel).plan(numbers).set_index("name")
    assert not plan["reason"].any()
    out = plan["released"]
    expected = (out["end_mean"] / out["start_mean"] - 1) * 100
    change = out["end_mean"] - out["start_mean"]
    assert out["change_mean"] == pytest.approx(change, abs=plan.loc["change_mean", "step"])
    assert out["growth_pct"] == pytest.approx(expected, abs=plan.loc["growth_pct", "step"] + 0.5)


def test_shares_know_how_many_are_in_and_around_them(panel):
    with collecting():
        weak = weak_share(panel, ["role", "year"], 10)
        bands = band_shares(panel, "year", M, (5.0, 20.0))
        for value in [*weak["weak_pct"], *bands.to_numpy().ravel()]:
            shares = [each.villages / each.of * 100 for each in find(value)]
            assert shares
            assert shares == pytest.approx([value] * len(shares))


def test_numbers_of_deflated_books_do_not_pass_as_those_of_the_books(panel):
    real = panel.assign(**{M: panel[M] * 0.9})
    with collecting():
        value = means(real, "year", M).iloc[0].filter(like="_wan_yuan").item()
        number = Number("x", value, find(value))
    assert "does not add up" in Guard(Policy(), panel).decide(number).reason


def test_nothing_is_kept_where_nobody_collects(panel, monkeypatch):
    monkeypatch.setattr(_evidence, "_kept", None)  # another test may have loaded a ledger
    with collecting() as kept:
        pass
    means(panel, "year", M)
    assert kept == {}


def test_evidence_is_the_same_once_packed_and_unpacked(panel):
    with collecting() as kept:
        means(panel, ["role", "year"], M, per="household")
        growth(changes(panel, M, YEARS[0], YEARS[-1]), "role")
        weak_share(panel, "year", 10)
        assert len(kept) > 20
        again = unpacked(packed(kept))
    assert again.keys() == kept.keys()
    for key, stands in kept.items():
        for one, other in zip(stands, again[key], strict=True):
            assert (one.rule, one.villages, one.of) == (other.rule, other.villages, other.of)
            assert one.parent_values == pytest.approx(other.parent_values)
            assert one.weights.keys() == other.weights.keys()
            for measure in one.weights:
                pd.testing.assert_series_equal(
                    one.weights[measure], other.weights[measure], check_names=False
                )


@pytest.fixture(scope="module")
def joined():
    """Villages of five alliances and others, with gaps in their books."""
    rng = np.random.default_rng(11)
    rows = []
    for n in range(70):
        level, size = rng.lognormal(10.5, 0.6), int(rng.integers(60, 400))
        cohort = {0: 2021, 1: 2022}.get(n // 10 if n < 20 else 9, 0)
        for year in range(2017, 2024):
            amount = level * rng.lognormal(0, 0.3) + 20 * size * (year - 2017)
            alliance = f"A{n // 4}" if cohort else f"own {n}"
            rows.append((f"Y{n:03d}", year, cohort, alliance, size, amount))
    names = ["village_id", "year", "joined_year", "alliance", "households", M]
    frame = pd.DataFrame(rows, columns=names)
    return frame.drop(frame.sample(20, random_state=2).index)


ESTIMATORS = {
    "before and after": lambda panel: before_after(panel, anticipation=1),
    "differences": lambda panel: aggregate(att_gt(panel, adjustment="none")),
    "regression": lambda panel: aggregate(att_gt(panel, adjustment="regression", anticipation=1)),
    "doubly robust": lambda panel: aggregate(att_gt(panel), "event", balance=1),
    "by logit": lambda panel: aggregate(att_gt(panel, adjustment="ipw"), "calendar"),
    "by cohort": lambda panel: aggregate(att_gt(panel, adjustment="regression"), "group").overall,
    "two-way": twfe,
    "by event time": lambda panel: event_study(panel, anticipation=1),
    "Sun–Abraham": sun_abraham,
    "imputation": lambda panel: imputation(panel, anticipation=1),
    "imputation, overall": lambda panel: imputation(panel).overall,
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("weights", [None, "households"])
def test_an_estimate_is_the_sum_that_its_evidence_states(joined, name, weights):
    panel = make_panel(joined, M, covariates=["households"], cluster="alliance", weights=weights)
    with collecting():
        found = ESTIMATORS[name](panel)
        values = np.atleast_1d(found.estimate)
        for value in values:
            stands = find(value)
            assert stands[0].rule == "estimate"
            assert 0 < stands[0].villages <= 20
            # linear in the books, so the weights give it back whole
            assert any(exactly(joined, one) == pytest.approx(value, rel=1e-9) for one in stands)
            assert exactly(joined, find(value / 1e4)[0]) == pytest.approx(value / 1e4, rel=1e-9)


def test_the_balanced_estimate_moves_with_each_amount_as_its_evidence_says(joined):
    panel = make_panel(joined, M, covariates=["households"], cluster="alliance")
    with collecting():
        pull = preferred_att(panel).influence.pull[:, :, 0]
    largest, apart = np.abs(pull).max(), []
    rng = np.random.default_rng(3)
    for unit, year in rng.permutation(np.argwhere(~np.isnan(panel.y)))[:60]:
        ends = []
        for move in (10.0, -10.0):
            y = panel.y.copy()
            y[unit, year] += move
            ends.append(preferred_att(replace(panel, y=y)).estimate)
        gap = abs((ends[0] - ends[1]) / 20 - pull[unit, year]) / largest
        apart.append((panel.cohort[unit] > 0, gap))
    # of the treated exactly; outside the precision of each village is taken as given
    assert max(gap for treated, gap in apart if treated) < 1e-4
    assert np.mean([gap for treated, gap in apart if not treated]) < 0.05


def test_a_band_for_all_years_leaves_as_its_estimates_and_errors_say(joined):
    panel = make_panel(joined, M, covariates=["households"], cluster="alliance")
    with collecting():
        found = few_clusters(event_study(panel, anticipation=1))
        ends = [find(float(end))[0] for end in found.band_high]
    assert len(ends) > 3
    errors = (found.band_high - found.estimate) / found.std_error
    for one, apart in zip(ends, errors, strict=True):
        assert one.rule == "interval"
        assert 0 <= one.scale - apart < 0.1


def test_ends_of_an_interval_are_rounded_outwards_and_draws_keep_nothing(joined):
    panel = make_panel(joined, M, covariates=["households"], cluster="alliance")
    with collecting() as kept:
        found = few_clusters(aggregate(att_gt(panel, adjustment="regression")))
        assert (find(found.low)[0].side, find(found.high)[0].side) == (-1, 1)
        known = len(kept)
        with _evidence.paused():
            twfe(panel)
        assert len(kept) == known
        ends = [
            Number(end, getattr(found, end), find(getattr(found, end)))
            for end in ("estimate", "std_error", "low", "high")
        ]
    frame = joined.assign(county_code="91", role="outside")
    guard = Guard(Policy(p_percent=1, reason="a try"), frame)
    estimate, error, low, high = map(guard.decide, ends)
    # whoever has the estimate and its error learns nothing more from the ends
    t = stats.t.ppf(0.975, found.df)
    for end, side in ((low, -1), (high, 1)):
        within = (estimate.step + t * error.step) / 2
        told = estimate.value + side * (t * error.value + within)
        assert 0 <= side * (end.value - told) < end.step
    door = guard.door
    assert low.value <= found.low
    assert high.value >= found.high
    assert low.step > 0
    memory = door.memory()
    assert (memory["low"] <= memory["amount"]).all()
    assert (memory["high"] >= memory["amount"]).all()


def test_an_index_of_the_books_is_released_and_one_of_other_amounts_is_not(panel):
    last = panel[panel["year"] == YEARS[-1]].set_index("village_id")[M]
    with collecting(panel):
        values = {"gini": gini(last), "real": gini(last * 1.02 + 5)}
        assert {find(indices(last)[name])[0].rule for name in ("theil", "mld")} == {"estimate"}
        drawn = bootstrap(last, gini, np.random.default_rng(1), draws=99)
        numbers = [Number(name, value, find(value)) for name, value in values.items()]
        numbers.append(Number("low", drawn.low, find(drawn.low)))
    stands = numbers[0].evidence[0]
    village = stands.weights[M, YEARS[-1]].index[3]
    more = last.copy()
    more[village] *= 1.0001
    moved = (gini(more.to_numpy()) - values["gini"]) / (more[village] - last[village])
    assert stands.weights[M, YEARS[-1]][village] == pytest.approx(moved, rel=1e-3)
    out = {one.name: Guard(Policy(), panel).decide(one) for one in numbers}
    assert [name for name, one in out.items() if one.is_withheld] == ["real"]
    assert out["low"].value <= drawn.low


def test_moves_and_spells_are_shares_of_counts(panel):
    with collecting():
        moves = transitions(panel, M, YEARS[0], YEARS[-1], (5.0, 10.0))
        spells = weak_spells(panel, YEARS[0], column=M, threshold_wan=10)
        curve = kaplan_meier(spells["years"], spells["has_left"])
        shares = moves.shares.to_numpy().ravel()
        for value in [*shares[np.isfinite(shares)], moves.up_pct, moves.down_pct]:
            one = next(each for each in find(value) if each.scale == 100.0)
            assert one.villages / one.of * 100 == pytest.approx(value)
        for share in curve.table["survival"]:
            assert next(one for one in find(share) if one.rule == "share").of == curve.n
            assert any(one.rule == "share" for one in find(share * 100))


def test_a_pair_stays_inside_and_the_mean_over_pairs_knows_its_villages():
    rng = np.random.default_rng(4)
    rows = []
    for n in range(40):
        role = "helper" if n < 6 else "allied_weak" if n < 12 else "outside"
        pair = f"P{n % 6}" if n < 12 else None
        for year in (2021, 2022, 2023, 2024):
            amount = rng.lognormal(11, 0.4) * (3 if role == "helper" else 1)
            rows.append((f"Z{n:02d}", year, role, pair, 2023, int(rng.integers(50, 300)), amount))
    names = ["village_id", "year", "role", "pair_id", "joined_year", "households", M]
    frame = pd.DataFrame(rows, columns=names)
    frame["households"] = frame.groupby("village_id")["households"].transform("first")
    with collecting():
        closing = pairs.closing(pairs.gaps(frame, M), 2021, 2024)
        net = pairs.expected_closing(frame, M, closing)
        assert {find(value)[0].rule for value in net["closed_net"]} == {"single"}
        for column in ("closed", "closed_net"):
            mean = sign_flip(net[column]).estimate
            assert find(mean)[0].villages == 6
            assert exactly(frame, find(mean)[0]) == pytest.approx(mean)
        one = Number("pair", closing["closed"].iloc[0], find(closing["closed"].iloc[0]))
    assert "one village's own" in Guard(Policy(), frame.assign(county_code="91")).decide(one).reason


NUMBERS = {
    "gini": lambda panel: indices(last_of(panel))["gini"],
    "palma": lambda panel: indices(last_of(panel))["palma"],
    "theil, total": lambda panel: parts_of(panel, "theil").total,
    "theil, between": lambda panel: parts_of(panel, "theil").between_pct,
    "theil, within": lambda panel: parts_of(panel, "theil").within_pct,
    "gini, within": lambda panel: parts_of(panel, "gini").within_pct,
    "gini, between": lambda panel: parts_of(panel, "gini").between_pct,
    "gini, overlap": lambda panel: parts_of(panel, "gini").overlap_pct,
    "lorenz": lambda panel: lorenz(last_of(panel), least=10)["income_pct"].iloc[4],
    "persistence": lambda panel: beta_of(panel).persistence,
    "low": lambda panel: beta_of(panel).persistence,
    "slope": lambda panel: beta_of(panel).slope,
    "speed": lambda panel: beta_of(panel).speed,
    "reverse": lambda panel: beta_of(panel).reverse,
    "instrument": lambda panel: beta_of(panel).corrected,
    "reliability": lambda panel: beta_of(panel).reliability,
}


def last_of(panel):
    return panel[panel["year"] == YEARS[-1]].set_index("village_id")[M]


def parts_of(panel, index):
    groups = panel[panel["year"] == YEARS[-1]].set_index("village_id")["county_code"]
    return decompose(last_of(panel), groups, index)


def beta_of(panel):
    return beta_convergence(panel, M, YEARS[1], YEARS[2], instrument=YEARS[0])


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_moves_with_each_amount_as_its_evidence_says(name):
    panel = books(60, 51)
    panel["county_code"] = np.where(panel["village_id"].str[-1] < "4", "91", "92")
    with collecting(panel):
        value = NUMBERS[name](panel)
        stands = find(value)[0]
    assert stands.rule == "estimate"
    assert stands.df >= 10
    weights = {(village, year): weight for (measure, year), column in stands.weights.items()
               for village, weight in column.items() if measure == M}  # fmt: skip
    largest = max(map(abs, weights.values()))
    known = panel[panel[M].notna()]
    for row in np.random.default_rng(5).choice(known.index, 12, replace=False):
        ends = []
        for factor in (1 + 1e-5, 1 - 1e-5):
            moved = panel.copy()
            moved.loc[row, M] *= factor
            ends.append(NUMBERS[name](moved))
        slope = (ends[0] - ends[1]) / (2e-5 * panel.loc[row, M])
        told = weights.get((panel.loc[row, "village_id"], panel.loc[row, "year"]), 0.0)
        assert told == pytest.approx(slope, rel=1e-3, abs=largest * 1e-4)


def test_a_lorenz_curve_that_may_leave_has_no_step_a_village(panel):
    last = last_of(panel)
    with collecting(panel):
        curve = lorenz(last, least=10)
        assert len(curve) == 11
        assert {find(share)[0].villages for share in curve["villages_pct"][1:-1]} <= set(
            range(10, last.notna().sum())
        )
    assert len(lorenz(last.head(23), least=10)) == 3
    whole = lorenz(last)
    assert curve["income_pct"].iloc[5] == pytest.approx(
        np.interp(curve["villages_pct"].iloc[5], whole["villages_pct"], whole["income_pct"])
    )


def test_shares_medians_and_real_means_of_a_source_know_their_villages(panel):
    prices = pd.DataFrame({"year": YEARS, "rural_cpi_pct": [2.0, 1.0, 3.0]})
    with collecting(panel):
        rows = by_source(panel)
        for value in rows["operating_median_pct"]:
            stands = find(value)[0]
            assert (stands.rule, stands.villages) == ("order", 10)
            assert stands.instead == pytest.approx(value, abs=5)
        for value in rows["dependent_pct"]:
            assert find(value)[0].villages / find(value)[0].of * 100 == pytest.approx(value)
        real = deflate(means(panel, "year", M), prices, YEARS[-1], "operating_income_wan_yuan")
        value = real["operating_income_wan_yuan"].iloc[0]
        assert value > means(panel, "year", M)["operating_income_wan_yuan"].iloc[0]
        assert exactly(panel, find(value)[0]) == pytest.approx(value)
        number = Number("real", value, find(value))
    assert not Guard(Policy(), panel).decide(number).is_withheld


def test_a_p_value_of_t_leaves_as_the_released_estimate_says_and_a_rank_stays(joined):
    panel = make_panel(joined, M, covariates=["households"], cluster="alliance")
    frame = joined.assign(county_code="91", role="outside")
    with collecting():
        found = few_clusters(aggregate(att_gt(panel, adjustment="regression")))
        test = find(found.p_value)[0]
        assert test.rule == "test"
        exact = sign_flip([1.5, 2.5, -0.5, 3.5, 1.25])
        assert find(exact.p_value)[0].rule == "inside"
        one = Number("p", found.p_value, [test])
        rank = Number("rank", exact.p_value, find(exact.p_value))
        parts = [Number(name, getattr(found, name), find(getattr(found, name)))
                 for name in ("estimate", "std_error")]  # fmt: skip
    guard = Guard(Policy(p_percent=1, reason="a try"), frame)
    estimate, error = (guard.decide(each) for each in parts)
    released = guard.decide(one)
    assert not released.is_withheld
    told = 2 * stats.t.sf(abs(estimate.value / error.value), found.df)
    assert released.value == pytest.approx(told, abs=released.step)
    assert "single pairs" in guard.decide(rank).reason


def test_published_numbers_pass_as_a_reference_alone(monkeypatch):
    monkeypatch.setattr(_evidence, "_published", [])
    with collecting():
        assert find(27.9) == []
        _evidence.publish(lambda: [pd.DataFrame({"value": [27.9, 5.0]})])
        [stands] = find(27.9)
        assert (stands.rule, stands.why) == ("public", "reference")
        _evidence.keep(5.0, Evidence("single", 1))
        assert [one.rule for one in find(5.0)] == ["single"]
    frame = books(30, 1)
    assert Guard(Policy(), frame).decide(Number("x", 27.9, [stands])).value == 27.9
