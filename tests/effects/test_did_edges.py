"""Hard cases: each has an error that says what to do, or a rule that the notes state."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.effects.did import before_after
from analysis.effects.did.borusyak_jaravel_spiess import imputation, pretrend
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.did.fixed_effects import event_study, sun_abraham, twfe
from analysis.effects.inference import few_clusters
from analysis.effects.panel import make_panel
from analysis.effects.results import EffectSeries
from analysis.errors import LianjianError

YEARS = np.arange(2018, 2025)
STAGGERED = {
    "two-way": twfe,
    "Callaway": lambda panel: aggregate(att_gt(panel, comparison="not_yet")),
    "Sun": lambda panel: sun_abraham(panel).overall,
    "imputation": lambda panel: imputation(panel).overall,
}


def draw(start, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = np.array(start)
    n = len(start)
    after = (start[:, None] <= YEARS) & (start[:, None] > 0)
    y = rng.normal(size=(n, 1)) + rng.normal(size=len(YEARS)) + rng.normal(size=(n, 7)) + 2 * after
    return pd.DataFrame(
        {
            "village_id": np.repeat([f"v{k:03}" for k in range(n)], 7),
            "year": np.tile(YEARS, n),
            "y": y.ravel(),
            "joined_year": np.repeat(start, 7),
            "county": np.repeat(np.arange(n) % 5, 7),
        }
    )


MIXED = [2020] * 6 + [2021] * 6 + [2023] * 6 + [0] * 12


def finite(result) -> bool:
    if isinstance(result, EffectSeries):
        values = [result.estimate, result.std_error, result.low, result.high, result.p_value]
        return all(np.isfinite(value).all() for value in values) and finite(result.overall)
    return bool(np.isfinite([result.estimate, result.std_error, result.p_value]).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: pd.concat([f, f.iloc[:1]]), "occur more than once, first v000 in 2018"),
        (lambda f: f.assign(joined_year=f["joined_year"].where(f.index != 3, 2022)), "v000"),
        (lambda f: f.assign(joined_year=0), "No unit is treated between 2018 and 2024"),
        (lambda f: f.assign(joined_year=2030), "No unit is treated between"),
        (lambda f: f.assign(joined_year=2021), "nobody can be compared with"),
        (lambda f: f.assign(joined_year=2015), "dropped"),
        (lambda f: f.assign(joined_year=2020.5), "whole years were expected"),
        (lambda f: f.assign(joined_year=-1), "whole years were expected"),
        (lambda f: f.assign(y=3.0), "y is 3 in every row"),
        (lambda f: f.assign(y=np.nan), "nothing to estimate"),
        (lambda f: f.assign(y=np.where(f.index == 5, -np.inf, f["y"])), "infinite in 1 rows"),
        (lambda f: f.assign(y="a"), "not numbers"),
        (lambda f: f.assign(y=f["y"].astype(complex)), "complex128 where a number"),
        (lambda f: f.assign(year=pd.to_datetime(f["year"].astype(str))), "take the year"),
        (lambda f: f[f["year"] == 2018], "at least two years"),
        (lambda f: f.assign(year=f["year"].where(f.index != 2)), "1 rows have no year"),
        (lambda f: f.assign(village_id=f["village_id"].where(f.index != 2)), "no village_id"),
        (lambda f: f.drop(columns="y"), "no column y"),
        (lambda f: f.iloc[:0], "nothing to estimate"),
        (lambda f: f.assign(joined_year=(f["joined_year"] > 0) * 1), "holds 0 and 1"),
        (lambda f: f.assign(village_id=[7, *f["village_id"][1:]]), "a number in others, first 7"),
        (lambda f: f.assign(village_id=[" v000", *f["village_id"][1:]]), "differ by spaces alone"),
        (lambda f: f.assign(y=pd.to_timedelta(f["y"], unit="h")), "timedelta64"),
        (lambda f: f.assign(year=pd.PeriodIndex(f["year"].astype(str), freq="Q")), "from 1, one"),
        (lambda f: f.set_index(["village_id", "year"]), "reset_index"),
        (lambda f: pd.concat([f, f[["village_id"]]], axis=1), "several columns village_id"),
        (lambda f: pd.concat([f, f[["joined_year"]]], axis=1), "several columns joined_year"),
        (lambda f: f.assign(year=f["year"] - 2020), "holds -2; whole years"),
    ],
)
def test_a_bad_frame_is_refused_in_words(change, message):
    with pytest.raises(LianjianError, match=message):
        make_panel(change(draw(MIXED)), "y")


@pytest.mark.parametrize("code", [
    lambda place: (2018 + place // 4) * 10 + place % 4 + 1,  # 20181 … 20193
    lambda place: (2018 + place // 2) * 10 + place % 2,  # halves
    lambda place: (2018 + place // 3) * 100 + 4 * (place % 3) + 1,  # 201801, 201805, …
])  # fmt: skip
def test_codes_of_quarters_and_months_are_no_periods(code):
    frame = draw(MIXED)
    frame = frame.assign(year=code(frame["year"] - 2018),
                         joined_year=code(frame["joined_year"] - 2018).clip(0))  # fmt: skip
    with pytest.raises(LianjianError, match="Number the periods from 1, one by one"):
        make_panel(frame, "y")


def test_numbers_of_days_and_of_quarters_in_a_row_are_periods():
    frame = draw(MIXED)
    later = frame.assign(year=frame["year"] + 18_003,
                         joined_year=(frame["joined_year"] + 18_003).where(
                             frame["joined_year"] > 0))  # fmt: skip
    ours, theirs = (twfe(make_panel(which, "y")) for which in (later, frame))
    assert np.isclose(ours.estimate, theirs.estimate, rtol=1e-12)


def test_who_is_treated_in_a_period_0_is_not_taken_for_never_treated():
    frame = draw(MIXED).assign(period=lambda table: table["year"] - 2018)
    treated = frame["joined_year"].between(1, frame["year"]).astype(int)
    always = treated.where(frame["village_id"] != "v020", 1)
    make_panel(frame.assign(on=treated), "y", year="period", cohort="on")  # nobody is in period 0
    with pytest.raises(LianjianError, match="treated in the period 0, and a cohort of 0 stands"):
        make_panel(frame.assign(on=always), "y", year="period", cohort="on")
    known = make_panel(frame.assign(on=always), "y", cohort="on")
    assert "1 units treated in 2018 or before" in " ".join(known.notes)


def test_cohorts_of_0_and_1_say_what_1_is():
    frame = draw(MIXED).assign(post=lambda table: (table["year"] > 2020) * 1,
                               group=lambda table: (table["joined_year"] > 0) * 1,
                               period=lambda table: table["year"] - 2018)  # fmt: skip
    two = frame[frame["year"].isin([2018, 2024])]
    assert not make_panel(two, "y", year="post", cohort="group").notes
    many = make_panel(frame, "y", year="period", cohort="group")
    assert many.notes == ("group holds 0 and 1: 1 is read as the period 1.",)


def test_a_refusal_says_what_was_dropped_before_it():
    frame = draw(MIXED)
    with pytest.raises(LianjianError, match="210 rows whose w is 0 or missing were dropped"):
        make_panel(frame.assign(w=0), "y", weights="w")
    treated = frame["joined_year"].eq(2020)
    with pytest.raises(LianjianError, match="24 units without x were dropped"):
        make_panel(frame.assign(x=np.where(treated, 1.0, np.nan)), "y", covariates=["x"])


def test_bad_clusters_are_refused():
    frame = draw(MIXED)
    with pytest.raises(LianjianError, match="one cluster of land"):
        make_panel(frame.assign(land=1), "y", cluster="land")
    with pytest.raises(LianjianError, match="county changes over time in 1 units, first v000"):
        make_panel(frame.assign(county=frame["county"].where(frame.index != 3, 9)), "y",
                   cluster="county")  # fmt: skip
    with pytest.raises(LianjianError, match="1 rows have no county"):
        make_panel(frame.assign(county=frame["county"].where(frame.index != 3)), "y",
                   cluster="county")  # fmt: skip


def test_infinite_or_missing_cohort_is_never():
    frame = draw(MIXED)
    endless = frame.assign(joined_year=frame["joined_year"].replace(0, np.inf))
    assert (make_panel(endless, "y").cohort == make_panel(frame, "y").cohort).all()
    blank = frame.assign(joined_year=frame["joined_year"].astype("Int64").replace(0, pd.NA))
    assert (make_panel(blank, "y").cohort == make_panel(frame, "y").cohort).all()


def test_outcomes_without_a_value_are_dropped_and_counted():
    frame = draw(MIXED)
    holes = frame.assign(y=frame["y"].where(frame.index % 11 != 0))
    panel, without = make_panel(holes, "y"), make_panel(holes.dropna(), "y")
    assert any("20 rows without y were dropped" in note for note in panel.notes)
    assert any("20 unit-years and were kept" in note for note in panel.notes)
    for run in STAGGERED.values():
        assert run(panel).estimate == run(without).estimate
        assert finite(run(panel))
    balanced = make_panel(holes, "y", unbalanced="balance")
    assert not np.isnan(balanced.y).any()
    assert any("that miss a year were dropped" in note for note in balanced.notes)


def test_rows_without_weight_are_dropped_and_counted():
    frame = draw(MIXED).assign(w=lambda f: np.where(f.index % 9 == 0, np.nan, 1 + f["county"]))
    panel = make_panel(frame, "y", weights="w")
    assert any("24 rows whose w is 0 or missing were dropped" in note for note in panel.notes)
    zero = make_panel(frame.assign(w=frame["w"].fillna(0)), "y", weights="w")
    assert aggregate(att_gt(zero)).estimate == aggregate(att_gt(panel)).estimate
    with pytest.raises(LianjianError, match="w is -1 in a row"):
        make_panel(frame.assign(w=-1), "y", weights="w")
    moving = make_panel(frame.assign(w=frame["year"]), "y", weights="w")
    assert any("w varies over time" in note for note in moving.notes)


def test_cohorts_from_a_treatment_column():
    frame = draw(MIXED)
    after = (frame["year"] >= frame["joined_year"]) & (frame["joined_year"] > 0)
    plain = make_panel(frame, "y")
    for told in (after, after.astype(int), after.astype("boolean"), after.astype(float)):
        panel = make_panel(frame.assign(d=told), "y", cohort="d")
        assert (panel.cohort == plain.cohort).all()
        assert "d says who is treated when" in panel.notes[0]
    ends = after & (frame["year"] != 2022 + (frame["joined_year"] > 2020))
    with pytest.raises(LianjianError, match="d ends in 12 units, first v000"):
        make_panel(frame.assign(d=ends), "y", cohort="d")
    unknown = frame.assign(d=after.astype(float).where(frame["year"] != 2020))
    with pytest.raises(LianjianError, match="d is missing in 30 rows"):
        make_panel(unknown, "y", cohort="d")
    with pytest.raises(LianjianError, match="d holds 0 and 1, and should hold the year"):
        make_panel(frame.assign(d=frame["joined_year"] > 0), "y", cohort="d")


def test_always_treated_units_are_dropped_with_a_note():
    frame = draw([*MIXED, 2018, 2010])
    panel, without = make_panel(frame, "y"), make_panel(draw(MIXED), "y")
    assert any("2 units treated in 2018 or before were dropped" in note for note in panel.notes)
    assert panel.n_units == without.n_units


@pytest.mark.parametrize("name", STAGGERED)
def test_cohort_of_one(name):
    panel = make_panel(draw([2021] + [2022] * 5 + [0] * 10), "y")
    result = STAGGERED[name](panel)
    assert finite(result)
    assert any("2021" in note for note in result.notes)


@pytest.mark.parametrize("name", STAGGERED)
def test_joined_in_the_second_year(name):
    panel = make_panel(draw([2019] * 5 + [2022] * 5 + [0] * 10), "y")
    assert finite(STAGGERED[name](panel))


def test_joined_in_the_second_year_with_anticipation():
    panel = make_panel(draw([2019] * 5 + [2022] * 5 + [0] * 10), "y")
    effects = att_gt(panel, anticipation=1)
    assert set(effects.cohort) == {2022}
    assert any(note.endswith("by cohort (and year): 2019.") for note in effects.notes)
    weighted = sun_abraham(panel, anticipation=1)
    assert any("2019" in note for note in weighted.notes)
    imputed = imputation(panel, anticipation=1).overall
    assert any("30 of 45 treated cells cannot be imputed" in note for note in imputed.notes)
    assert finite(imputed)


def test_nobody_is_never_treated():
    panel = make_panel(draw([2020] * 6 + [2021] * 6 + [2023] * 6), "y")
    with pytest.raises(LianjianError, match="comparison='not_yet'"):
        att_gt(panel)
    effects = att_gt(panel, comparison="not_yet")
    assert any("no comparison left" in note for note in effects.notes)
    assert effects.year[effects.cohort != 2023].max() == 2022
    imputed = imputation(panel)
    assert any("cannot be imputed" in note for note in imputed.notes)
    study = event_study(panel)
    assert len(study.reference) == 2
    assert all(
        finite(result) for result in (imputed, study, aggregate(effects, "event"), twfe(panel))
    )


def test_more_covariates_than_units_can_carry():
    frame = draw([2021, 0]).assign(size=lambda f: f.groupby("village_id").ngroup())
    with pytest.raises(LianjianError, match="too few for the covariates"):
        sun_abraham(make_panel(frame, "y", covariates=["size"]))


def test_treatment_that_follows_the_years_alone():
    panel = make_panel(draw([2021] * 5 + [2030] * 5), "y")
    assert finite(twfe(panel))
    later = make_panel(draw([2021] * 5 + [2030] * 5), "y").take(np.arange(10) < 5)
    with pytest.raises(LianjianError, match="all units are treated or none"):
        twfe(later)


def test_treated_after_the_last_year_counts_as_untreated():
    late = [2030 if g == 0 else g for g in MIXED]
    panel, never = make_panel(draw(late), "y"), make_panel(draw(MIXED), "y")
    for run in STAGGERED.values():
        assert run(panel).estimate == pytest.approx(run(never).estimate, abs=1e-12)


def test_one_treated_unit_and_three_pairs():
    one = make_panel(draw([2021] + [0] * 9), "y")
    assert any("One cluster holds all treated units" in note for note in twfe(one).notes)
    assert any("One treated cluster" in note for note in imputation(one).notes)
    with pytest.raises(LianjianError, match="All treated units lie in one cluster"):
        before_after(one)
    assert all(np.isfinite(run(one).estimate) for run in STAGGERED.values())
    pairs = make_panel(draw([2021] * 3 + [0] * 3), "y")
    assert all(finite(run(pairs)) for run in STAGGERED.values())


def test_no_spread_gives_a_zero_error_and_says_so():
    frame = draw([2021] * 3 + [0] * 3)
    frame["y"] = frame["year"] * 0.5 + 2.0 * ((frame["year"] >= 2021) & (frame["joined_year"] > 0))
    for run in STAGGERED.values():
        result = run(make_panel(frame, "y"))
        assert result.estimate == pytest.approx(2)
        assert result.std_error == 0
        assert np.isnan([result.p_value, result.low, result.high]).all()
        assert any("standard error is zero" in note for note in result.notes)
        first = repr(result).splitlines()[0]
        assert "interval" not in first
        assert "p =" not in first
        assert "nan" not in first


def test_few_clusters_without_spread_have_no_interval():
    frame = draw([2021] * 3 + [0] * 3)
    frame["y"] = frame["year"] * 0.5 + 2.0 * ((frame["year"] >= 2021) & (frame["joined_year"] > 0))
    panel = make_panel(frame, "y")
    series = few_clusters(aggregate(att_gt(panel), "event"))
    for each in (series.overall, few_clusters(aggregate(att_gt(panel)))):
        assert each.estimate == pytest.approx(2)
        assert np.isnan([each.low, each.high]).all()
    flat = series.std_error == 0
    assert flat.any()
    assert np.isnan(series.low[flat]).all()
    assert np.isnan(series.band_high[flat]).all()
    assert "nan" not in repr(series.overall)


def test_pretest_that_cannot_be_had_says_why():
    frame = draw(MIXED).assign(land=lambda f: f["county"] % 3)
    test = att_gt(make_panel(frame, "y", cluster="land")).pretest()
    assert np.isnan(test.p_value)
    assert "3 treated clusters stand behind one of 7 effects, too few for a joint test" in str(test)
    assert "pretrend(panel, leads=2)" in str(test)


def test_years_may_have_gaps():
    frame = draw(MIXED)
    cut = make_panel(frame[frame["year"] != 2021], "y")
    effects = att_gt(cut)
    assert set(effects.base[effects.cohort == 2023]) == {2018, 2019, 2020, 2022}
    # the cohort of 2021 is first seen treated in 2022 and compared with 2020
    assert set(effects.base[(effects.cohort == 2021) & (effects.year >= 2021)]) == {2020}
    assert finite(imputation(cut))
    # every second year: cohorts in between are compared with their own last year before
    even = make_panel(frame[frame["year"] % 2 == 0], "y")
    assert sun_abraham(even).overall.estimate == pytest.approx(aggregate(att_gt(even)).estimate)
    with pytest.raises(LianjianError, match="Choose another reference among"):
        event_study(make_panel(draw([2022] * 5 + [0] * 5).query("year % 2 == 0"), "y"))


def test_arguments_are_checked():
    panel = make_panel(draw(MIXED), "y")
    for call, message in (
        (lambda: att_gt(panel, comparison="all"), "it can be never, not_yet"),
        (lambda: att_gt(panel, adjustment="ipw"), "needs covariates"),
        (lambda: att_gt(panel, anticipation=-1), "0 or more"),
        (lambda: imputation(panel, anticipation=-1), "0 or more"),
        (lambda: imputation(panel, pool="none"), "it can be cohort_year"),
        (lambda: event_study(panel, reference=-9), "Choose another reference"),
        (lambda: aggregate(att_gt(panel), "event", balance=9), "Lower it"),
        (lambda: att_gt(panel, anticipation=9), "No effect after treatment"),
        (lambda: att_gt(panel, anticipation=1.5), "a whole number of years"),
        (lambda: event_study(panel, anticipation=-1), "0 or more"),
        (lambda: sun_abraham(panel, anticipation=-1), "0 or more"),
        (lambda: before_after(panel, anticipation=-1), "0 or more"),
        (lambda: aggregate(att_gt(panel), "dynamic"), "it can be simple, event, group, calendar"),
        (lambda: make_panel(draw(MIXED), "y", always="all"), "'drop' or 'keep'"),
        (lambda: event_study(panel)[40], "has no event_time 40"),
        (lambda: make_panel(draw(MIXED), "y", unbalanced="drop"), "'keep' or 'balance'"),
    ):
        with pytest.raises(LianjianError, match=message):
            call()


def numbers(frame: pd.DataFrame, **options) -> list[float]:
    panel = make_panel(frame, "y", cluster="county", **options)
    table = [run(panel) for run in STAGGERED.values()]
    band = few_clusters(aggregate(att_gt(panel), "event"))
    ends = [value for one in table for value in (one.estimate, one.std_error)]
    return [*ends, *band.band_low, before_after(panel).low]


def holed() -> pd.DataFrame:
    frame = draw(MIXED).assign(size=lambda f: f["county"] * 0.1 + f["joined_year"] % 7)
    return frame[frame.index % 13 != 0]


def test_row_order_does_not_change_a_bit():
    frame = holed()
    shuffled = frame.sample(frac=1, random_state=5)
    assert repr(numbers(frame)) == repr(numbers(shuffled))


def test_names_of_units_and_clusters_do_not_change_a_bit():
    frame = holed()
    rng = np.random.default_rng(9)
    names = {name: int(k) for name, k in zip(
        frame["village_id"].unique(), rng.permutation(1000), strict=False
    )}  # fmt: skip
    renamed = frame.assign(
        village_id=frame["village_id"].map(names), county="c" + (9 - frame["county"]).astype(str)
    )
    assert repr(numbers(frame)) == repr(numbers(renamed))


def test_the_hash_seed_does_not_change_a_bit():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "import importlib.util as u; s = u.spec_from_file_location('t', sys.argv[2]); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(repr(m.numbers(m.holed())))"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, root, __file__],
        env={**os.environ, "PYTHONHASHSEED": "77"}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == repr(numbers(holed()))  # of this process, with a seed of its own


def test_the_callers_frame_is_left_alone():
    frame = holed()
    before = frame.copy(deep=True)
    numbers(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_pretests_keep_their_size_on_few_treated_clusters():
    """Eight clusters a cohort: the tests reject about 5 % where F(q, G − 1) rejects a third."""
    frame = draw([2020] * 8 + [2021] * 8 + [2022] * 8 + [0] * 200)
    base = make_panel(frame, "y")
    rng = np.random.default_rng(6)
    rejected = []
    for _ in range(300):
        panel = replace(base, y=rng.normal(size=base.y.shape))
        test = att_gt(panel).pretest()
        naive = stats.f.sf(test.statistic / test.df, test.df, panel.n_clusters - 1)
        tests = (test, event_study(panel).pretest, sun_abraham(panel).pretest, pretrend(panel))
        rejected.append([one.p_value < 0.05 for one in tests] + [naive < 0.05])
    *shares, naive = np.mean(rejected, axis=0)
    # three standard errors of a share of 5 % in 300 draws
    assert max(shares) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert naive > 0.2
