"""One door: a study of villages or of any frame, and what it says when it cannot be made."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from analysis import effects
from analysis.effects import (
    Design,
    aggregate,
    att_gt,
    few_clusters,
    honest_did,
    imputation,
    make_panel,
    study,
    sun_abraham,
    tables,
    twfe,
)
from analysis.effects.design import make_study
from analysis.effects.did import before_after
from analysis.effects.estimand import reweigh
from analysis.effects.studies import Studies
from analysis.errors import LianjianError

ROUNDING = 1e-9
YEARS = np.arange(2017, 2025)


def firms(starts, *, seed=1, years=YEARS, outside=40) -> pd.DataFrame:
    """Units of any kind, one row a year, with an effect of 0.4."""
    rng = np.random.default_rng(seed)
    start = np.r_[starts, np.zeros(outside, int)]
    y = rng.normal(size=(len(start), 1)) + 0.3 * rng.normal(size=(len(start), len(years)))
    y += 0.4 * ((start[:, None] > 0) & (years >= start[:, None]))
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(len(start)), len(years)),
            "t": np.tile(years, len(start)),
            "start": np.repeat(start, len(years)),
            "log_sales": y.ravel(),
        }
    )


def villages(seed=2) -> pd.DataFrame:
    """Two villages in each of six alliances, 90 outside, in two counties."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(102):
        allied = k < 12
        start = 2021 + k // 2 % 2
        size = rng.integers(100, 500)
        for year in YEARS:
            gain = 2e4 if allied and year >= start else 0.0
            income = size * 100 + gain + 5e3 * rng.normal() + 1e3 * (year - 2017)
            rows.append(
                {
                    "village_id": f"v{k:03}",
                    "year": year,
                    "county_code": str(k % 2),
                    "township_name": f"t{k % 10}",
                    "households": size,
                    "role": "allied_weak" if allied else "outside",
                    "alliance_id": f"A{k // 2}" if allied else None,
                    "joined_year": start if allied else None,
                    "operating_income_yuan": income,
                }
            )
    frame = pd.DataFrame(rows)
    # an alliance lies in one county
    place = frame["alliance_id"].str[-1].isin([*"024"]).map({True: "1", False: "0"})
    return frame.assign(county_code=frame["county_code"].where(frame["alliance_id"].isna(), place))


@pytest.fixture(scope="module")
def made():
    return study(villages(), "operating")


def test_a_study_of_villages_gives_everything(made):
    assert made
    assert made.outcome == "operating_income_yuan"
    assert made.panel.cluster_name == "alliance or township"
    best = made.preferred()
    assert "placebo alliances" in best.inference
    assert best.estimate == made.preferred("clusters").estimate
    assert "CR2 over 6 treated clusters" in made.preferred("clusters").inference
    series = made.event_study()
    assert len(made.honest([0.5]).low) == 1
    table = made.estimates()
    assert table.loc["balanced", "estimate"] == pytest.approx(best.estimate)
    assert table.loc["regression", "estimate"] == pytest.approx(series.overall.estimate)
    assert table["believes"].is_unique
    assert table["estimate"].notna().all()
    assert set(table["verdict"]) == {"naive", "defensible"}
    # whole books, and each village is seen three or four years after: the means differ
    once = reweigh(made.panel, "villages", anticipation=0)
    expected = before_after(once).estimate
    assert table.loc["before_after", "each_once"] == pytest.approx(expected)
    assert len(made.alarms().gauges) == 3
    assert "counts once" in repr(made)
    assert "<table" in made._repr_html_()


def test_a_study_that_cannot_be_made_is_false_and_says_why():
    frame = villages()
    none = study(frame.assign(role="outside"), "operating")
    assert not none
    assert "No village of the role allied_weak" in repr(none)
    assert "No village of the role allied_weak" in none._repr_html_()
    with pytest.raises(LianjianError, match="No village of the role"):
        none.preferred()
    names = {"unit": "firm", "year": "t", "cohort": "start"}
    assert "no column profit" in repr(study(firms([2020] * 5), "profit", **names))
    assert "Name your own: unit=…" in repr(study(firms([2020] * 5), "log_sales", unit="company"))


def test_a_frame_of_ones_own_needs_its_names_alone():
    own = study(firms([2020] * 6 + [2022] * 6), "log_sales", unit="firm", year="t", cohort="start")
    series = own.event_study()
    assert series.reference == (-1,)
    chart = own.plot(unit="log sales")
    assert "log sales" in chart.figure.axes[0].get_ylabel()
    assert "万元" not in chart.alt
    assert f"+0 years {series[0]:.3g}" in chart.alt
    assert own.honest([0.0]).low[0] < own.honest([0.0]).high[0]
    frame = own.to_frame()
    assert len(frame) == 52 * 8
    again = study(frame, "log_sales", unit="unit", cohort="cohort")
    assert again.preferred().estimate == pytest.approx(own.preferred().estimate, abs=ROUNDING)
    with pytest.raises(LianjianError, match="make the study of a dataset"):
        own.placebos()


@pytest.mark.parametrize(
    ("unit", "label"), [("万元", "10,000 yuan"), ("%", "%"), ("元 a household", "a household")]
)
def test_charts_take_any_unit(made, unit, label):
    from analysis import figures

    series = made.event_study("clusters")
    axes = figures.event_study_paths({"x": series}, unit=unit).figure.axes[0]
    assert label in axes.get_ylabel()
    scale = {"万元": 10_000, "%": 0.01}.get(unit, 1)
    drawn = max(abs(line.get_ydata()).max() for line in axes.lines if len(line.get_ydata()) > 2)
    assert drawn <= np.abs(series.estimate).max() / scale * (1 + ROUNDING)
    honest = figures.honest_intervals({"x": made.honest([1.0])}, "Mbar", unit=unit)
    assert label in honest.figure.axes[0].get_ylabel()
    frame = made.estimates().assign(is_defensible=True, name=made.estimates()["label"])
    assert unit in figures.estimator_comparison({"x": frame}, unit=unit).alt


def test_the_door_opens_on_textbook_names_and_draws_nothing():
    """Importing the room loads no drawing library; every name behind the door is there."""
    assert {"study", "att_gt", "aggregate", "twfe", "imputation", "honest_did"} <= set(dir(effects))
    for name in effects.__all__:
        assert getattr(effects, name) is not None
    code = "import sys, analysis.effects; print('matplotlib' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_reference_years_are_read_where_years_have_gaps():
    even = firms([2020] * 8 + [2022] * 8, years=np.arange(2012, 2025, 2))
    names = {"unit": "firm", "year": "t", "cohort": "start"}
    series = aggregate(att_gt(make_panel(even, "log_sales", **names), base="universal"), "event")
    assert series.reference == (-2,)
    assert series.reference[0] not in series.index
    # equal steps of two years are a trend like any other
    assert np.isfinite(honest_did(series, [0.5]).low).all()
    assert sun_abraham(make_panel(even, "log_sales", **names)).reference == (-2,)
    cut = firms([2020] * 8 + [2021] * 8)
    cut = cut[cut["t"] != 2019]
    mixed = aggregate(att_gt(make_panel(cut, "log_sales", **names), base="universal"), "event")
    assert mixed.reference == (-2, -1)
    assert any("another event time by cohort (-2 for 2020, -1 for 2021)" in n for n in mixed.notes)
    with pytest.raises(LianjianError, match="The reference event times are -2, -1"):
        honest_did(mixed)


def test_honest_bounds_take_errors_and_t_from_the_series():
    frame = firms([2020] * 2 + [2021] * 2)
    panel = make_panel(frame, "log_sales", unit="firm", year="t", cohort="start")
    plain = aggregate(att_gt(panel, base="universal"), "event")
    few = few_clusters(plain)
    # where one firm alone is seen there is no interval; elsewhere the diagonal is the interval's
    known = np.isfinite(few.std_error)
    assert np.diag(few.covariance)[known] == pytest.approx(few.std_error[known] ** 2)
    for series in (plain, few):
        place = series.index.tolist().index(0)
        found = honest_did(series, [1.0], event_time=0)
        assert found.original == pytest.approx((series.low[place], series.high[place]))
    with pytest.raises(LianjianError, match="base='universal'"):
        honest_did(aggregate(att_gt(panel), "event"))
    with pytest.raises(LianjianError, match="by event time"):
        honest_did(aggregate(att_gt(panel), "group"))


def test_units_treated_from_the_start_stay_on_request():
    frame = firms([2010] * 4 + [2017] * 3 + [2020] * 8)
    names = {"unit": "firm", "year": "t", "cohort": "start"}
    dropped = make_panel(frame, "log_sales", **names)
    kept = make_panel(frame, "log_sales", **names, always="keep")
    assert kept.n_units == dropped.n_units + 7
    assert any("7 units treated in 2017 or before were kept" in note for note in kept.notes)
    wide = frame.assign(d=((frame["start"] > 0) & (frame["t"] >= frame["start"])) * 1.0)
    within = wide[["log_sales", "d"]].copy()
    for _ in range(200):  # alternating projections on units and years
        within -= within.groupby(wide["firm"]).transform("mean")
        within -= within.groupby(wide["t"]).transform("mean")
    beta = (within["d"] @ within["log_sales"]) / (within["d"] @ within["d"])
    assert twfe(kept).estimate == pytest.approx(beta)
    assert twfe(kept).estimate != pytest.approx(twfe(dropped).estimate, abs=1e-4)
    for run in (
        lambda panel: aggregate(att_gt(panel)),
        lambda panel: imputation(panel).overall,
    ):
        assert run(kept).estimate == pytest.approx(run(dropped).estimate)
        assert "7 of 15 treated units" in repr(run(kept))


def test_few_treated_clusters_are_named_though_others_join_later():
    later = firms([2020] * 6 + [9999] * 20 + [2030] * 5)
    panel = make_panel(later, "log_sales", unit="firm", year="t", cohort="start")
    assert "Only 6 clusters hold treated units" in repr(aggregate(att_gt(panel)))


def test_cohorts_count_by_the_units_that_are_seen():
    """Eight of ten units of a cohort have no rows after joining: they are in no mean."""
    frame = firms([2020] * 10 + [2022] * 10)
    gone = frame[~(frame["firm"].between(10, 17) & (frame["t"] >= 2022))]
    panel = make_panel(gone, "log_sales", unit="firm", year="t", cohort="start")
    wide = gone.pivot(index="firm", columns="t", values="log_sales")
    outside, total, cells = wide.index >= 20, 0.0, 0
    for g, rows in ((2020, range(10)), (2022, range(10, 20))):
        for t in range(g, 2025):
            change = wide[t] - wide[g - 1]
            mine = change[list(rows)].dropna() - change[outside].mean()
            total, cells = total + mine.sum(), cells + len(mine)
    result = aggregate(att_gt(panel))
    assert result.estimate == pytest.approx(total / cells)
    assert "8 of 20 treated units, and 8 of 20 clusters carry no weight" in repr(result)


def test_households_can_be_what_counts():
    frame = villages()
    design = Design(weights="households", anticipation=0)
    weighted = make_study(frame, "operating_income_yuan", design).panel
    wide = frame.pivot(index="village_id", columns="year", values="operating_income_yuan")
    first = frame.drop_duplicates("village_id").set_index("village_id")
    outside = first["joined_year"].isna()
    gains, mass = [], []
    for g in (2021, 2022):
        mine = first.index[first["joined_year"] == g]
        for t in range(g, 2025):
            change = wide[t] - wide[g - 1]
            level = np.average(change[outside], weights=first.loc[outside, "households"])
            gains.append(change[mine] - level)
            mass.append(first.loc[mine, "households"])
    expected = np.average(pd.concat(gains), weights=pd.concat(mass))
    assert aggregate(att_gt(weighted)).estimate == pytest.approx(expected)


def test_a_treatment_that_may_have_begun_unseen_is_not_dated():
    frame = firms([2020] * 3).assign(d=lambda f: (f["start"] > 0) & (f["t"] >= f["start"]))
    names = {"unit": "firm", "year": "t", "cohort": "d"}
    made = study(frame, "log_sales", **names)
    assert made.panel.cohorts.tolist() == [2020]
    lost = frame[~((frame["firm"] == 1) & (frame["t"] == 2020))]
    assert (
        "1 units, first 1, have no row in the year before"
        in study(lost, "log_sales", **names).reason
    )
    # with its row, the outcome may be missing
    blank = frame.assign(
        log_sales=frame["log_sales"].where((frame["firm"] != 1) | (frame["t"] != 2020))
    )
    assert study(blank, "log_sales", **names).panel.cohorts.tolist() == [2020]
    text = study(frame.assign(t=frame["t"].astype(str)), "log_sales", **names)
    assert text.preferred().estimate == made.preferred().estimate


def test_one_treated_unit_has_an_estimate_and_says_what_it_lacks():
    made = study(firms([2020]), "log_sales", unit="firm", year="t", cohort="start")
    assert np.isfinite(made.preferred().estimate)
    assert "One treated cluster leaves no degree of freedom" in repr(made.preferred())
    assert made.estimates().loc["regression", "low":"high"].isna().all()


def test_one_alliance_takes_its_interval_from_placebos_of_its_county():
    frame = villages()
    frame = frame[frame["alliance_id"].isna() | frame["alliance_id"].eq("A0")]
    made = study(frame, "operating", Design(covariates=("households",)))
    best = made.preferred()
    assert "placebo alliances" in best.inference
    assert best.low < 2e4 < best.high
    assert np.isnan(made.preferred("clusters").std_error)
    assert np.isfinite(made.event_study().std_error).all()


def test_placebos_are_drawn_as_the_design_compares():
    frame = villages()
    frame = frame.assign(has_rebuilt_centre=frame["village_id"].str[-1] == "7")
    every = study(frame, "operating", Design(covariates=("households",)))
    rules = {"programmes": "exclude", "programme_names": ("has_rebuilt_centre",)}
    some = study(frame, "operating", Design(covariates=("households",), **rules))
    assert some.pool.panel.n_units == some.panel.n_units - some.pool.n_villages
    assert some.pool.panel.n_units < every.pool.panel.n_units
    for other in ({"comparison": "matched"}, {**rules, "programmes": "strata"}):
        made = study(frame, "operating", Design(covariates=("households",), **other))
        assert "CR2" in made.preferred().inference
        with pytest.raises(LianjianError, match="this design against some of them"):
            made.placebos()


def test_alliances_that_join_after_the_last_year_are_not_imitated():
    frame = villages()
    late = frame["alliance_id"].eq("A5")
    moved = study(frame.assign(joined_year=frame["joined_year"].mask(late, 2030)), "operating")
    assert len(moved.pool.alliances) == 5
    gap = study(frame[frame["year"] != 2020], "operating")
    assert len(gap.pool.alliances) == 6


def test_what_is_asked_wrongly_makes_no_study():
    made = study(
        firms([2020] * 3), "log_sales", unit="firm", year="t", cohort="start", anticipation=-1
    )
    assert not made
    assert "0 or more" in made.reason


def test_early_event_times_of_few_units_widen_the_bounds_and_can_be_left_out():
    frame = firms([2024] * 2 + [2021] * 12, outside=30)
    made = study(frame, "log_sales", unit="firm", year="t", cohort="start")
    every, some = made.honest([1.0]), made.honest([1.0], earliest=-4)
    assert "Event times -7, -6, -5 rest on few clusters" in every.notes[-1]
    assert not some.notes
    assert some.high[0] - some.low[0] < (every.high[0] - every.low[0]) / 2
    assert "log_sales" in some.plot().alt
    assert "in log" in some.plot("log").alt
    with pytest.raises(LianjianError, match="both are needed"):
        made.honest([1.0], earliest=0)


def test_a_study_of_units_speaks_of_units_and_names_no_estimate_twice():
    frame = firms([2021] * 12).assign(size=lambda f: f["firm"] % 7)
    made = study(frame, "log_sales", unit="firm", year="t", cohort="start", covariates=["size"])
    assert "village" not in repr(made)
    assert made.estimates()["estimate"].round(12).is_unique


def test_the_preferred_number_needs_no_regression_beside_it():
    frame = villages().query("year >= 2021")
    frame = frame.assign(joined_year=frame["joined_year"].mask(frame["joined_year"].notna(), 2022))
    one = study(frame, "operating", draws=19)
    assert one.preferred().estimate == pytest.approx(2e4, rel=0.3)
    assert one.preferred().low < one.preferred().estimate
    assert "No regression beside the preferred estimate: No effect" in one.answer.notes[0]
    assert np.isnan(one.answer.apart)
    few = Studies({"operating": one}, {}).answered()
    assert few.refused == {}
    assert "no regression beside it" in tables.beside(few)[0]
    names = tables.by_method(few, {})["operating"]["name"].tolist()
    assert "Balanced, path to g−1" in names
    assert "Regression, adjusted" not in names
    assert tables.pre_trends(few).frame.empty
    with pytest.raises(LianjianError, match="No effect after treatment"):
        one.event_study()


def test_a_covariate_that_others_determine_is_named():
    frame = villages().assign(twice=lambda table: 2 * table["households"], same=1.0)
    own = {"unit": "village_id", "cohort": "joined_year"}
    one = study(frame, "operating_income_yuan", covariates=["households"], **own)
    more = study(frame, "operating_income_yuan", covariates=["households", "twice", "same"], **own)
    for said in ("twice tells no more than the other covariates, and is left out.",
                 "same is the same in all units, and is left out."):  # fmt: skip
        assert said in more.preferred().notes
        assert said not in one.preferred().notes
    for each in ("preferred", "event_study"):
        ours, theirs = (getattr(which, each)() for which in (one, more))
        assert np.allclose(ours.estimate, theirs.estimate)


def test_a_study_says_whom_it_compares_with_and_how_units_count():
    own = {"unit": "village_id", "cohort": "joined_year"}
    frame = villages()
    late = frame.assign(joined_year=frame["joined_year"].fillna(0).replace(0, 9999))
    asked = {"": frame, "units not treated by": late}
    for words, table in asked.items():
        said = repr(study(table, "operating_income_yuan", **own))
        assert (words or "compared with units never treated") in said
        assert "counts once" in said
    weighted = study(frame, "operating_income_yuan", weights="households", **own)
    assert "counts by its unit's weight" in weighted.estimand
    rows = weighted.to_frame()
    assert np.isclose(rows["weight"].mean(), 1)


def test_arguments_that_would_have_no_effect_are_refused():
    frame = villages()
    own = {"unit": "village_id", "cohort": "joined_year"}
    asked = [
        study(frame, "operating_income_yuan", Design(), **own),
        study(frame, "operating_income_yuan", weights="households"),
        study(frame, "operating_income_yuan", comparison="not_yet"),
        study(frame, "operating_income_yuan", year="year_of_books"),
        study(frame, "operating_income_yuan", covariates=["households"]),
    ]
    for one in asked:
        assert not one
        assert "A design is of villages" in one.reason


@pytest.mark.parametrize("name", ["cluster", "weight", "unit"])
def test_columns_called_like_those_of_the_frame_of_a_study_are_named(name):
    frame = villages().rename(columns={"households": name})
    one = study(
        frame, "operating_income_yuan", unit="village_id", cohort="joined_year", covariates=[name]
    )
    assert one.preferred().n_units
    with pytest.raises(LianjianError, match=f"has its own {name}: rename"):
        one.to_frame()


def test_a_table_of_villages_is_read_however_it_is_written():
    frame = villages()
    kept = study(frame, "operating_income_yuan", draws=9)
    other = frame.assign(
        year=frame["year"].astype(str),
        joined_year=frame["joined_year"].fillna(0).astype(int),
        role=frame["role"].astype("category"),
    )
    same = study(other, "operating_income_yuan", draws=9)
    ours, theirs = (which.preferred() for which in (same, kept))
    assert ours.inference == theirs.inference
    assert ours.tidy().equals(theirs.tidy())
    said = [
        (frame.replace({"role": {"outside": "outsider"}}), "no role 'outsider'"),
        (frame.set_index(["village_id", "year"]), "is its index"),
        (frame.assign(alliance_id=frame["alliance_id"].where(frame["year"] < 2023, "B")),
         "alliance or township changes over time in"),
    ]  # fmt: skip
    for table, words in said:
        assert words in study(table, "operating_income_yuan").reason


def test_a_study_says_what_it_is_not_adjusted_for():
    frame = villages()
    found = study(frame, "operating_income_yuan").panel.notes
    assert (
        "Not adjusted for central project, which the data lack or have for too few villages."
        in (found)
    )
    few = frame.assign(households=frame["households"].where(frame["village_id"] < "v050"))
    assert any(
        note.startswith("Not adjusted for households and central project,")
        for note in study(few, "operating_income_yuan").panel.notes
    )
    chosen = study(frame, "operating_income_yuan", Design(covariates=("households",)))
    assert not any("Not adjusted" in note for note in chosen.panel.notes)


def test_an_exact_outcome_can_be_balanced():
    exact = firms([2021] * 6 + [2022] * 6).assign(
        log_sales=lambda f: 2.0 * f["start"].between(1, f["t"]) + 0.1 * f["t"]
    )
    one = study(exact, "log_sales", unit="firm", year="t", cohort="start")
    assert one.estimates().loc["balanced", "estimate"] == pytest.approx(2)


def test_without_a_standard_error_nothing_is_said_of_the_years_before():
    alone = study(firms([2021]), "log_sales", unit="firm", year="t", cohort="start")
    with pytest.raises(LianjianError, match="No effect of the series has a standard error"):
        alone.honest()


@pytest.mark.parametrize("level", [1e4, 1e7])
def test_an_outcome_far_from_zero_can_be_balanced(level):
    frame = firms([2021] * 12)
    own = {"unit": "firm", "year": "t", "cohort": "start"}
    far = study(frame.assign(log_sales=frame["log_sales"] + level), "log_sales", **own)
    higher = study(frame.assign(log_sales=frame["log_sales"] + 3 * level), "log_sales", **own)
    ours, theirs = (one.estimates().loc["balanced"] for one in (far, higher))
    assert ours["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4)
    assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-3)


def test_placebos_that_are_missing_are_named():
    one = study(firms([2021] * 12), "log_sales", unit="firm", year="t", cohort="start").preferred()
    listed = effects.randomization_inference(one, [0.1, -0.2, 0.3, 0.2])
    assert listed.p_value == pytest.approx(0.4 if abs(one.estimate) < 0.3 else 0.2)
    with pytest.raises(LianjianError, match="1 of 3 placebos are missing"):
        effects.randomization_inference(one, np.array([0.1, np.nan, 0.2]))
