"""The tables of a page: labels, amounts in 万元, and sentences where books do not say."""

import numpy as np
import pandas as pd
import pytest

from analysis.effects import preferred_att, study, tables
from analysis.effects.studies import NEEDED, Studies
from analysis.effects.tables import _power
from analysis.errors import LianjianError
from tests.effects.test_study import villages

YUAN_PER_WAN = 10_000
FLAGS = ("has_central_project", "has_rebuilt_centre", "has_resident_cadre", "has_reserve_talent")


@pytest.fixture(scope="module")
def made():
    frame = villages().assign(
        total_income_yuan=lambda table: table["operating_income_yuan"] * 1.5,
        joint_income_yuan=np.nan,
        **dict.fromkeys(FLAGS, False),
    )
    few = {name: study(frame, name, draws=19) for name in ("operating", "total")}
    return Studies(few, {}).answered()


def test_the_headline_of_the_table_is_that_of_the_study(made):
    found = tables.by_method(made, {})
    printed = tables.estimates(found).frame
    for name in made:
        row = printed.loc[(name, "Balanced, path to g−1")]
        head = made[name].preferred()
        assert row["Estimate"] == pytest.approx(head.estimate / YUAN_PER_WAN)
        assert row["Low"] == pytest.approx(head.low / YUAN_PER_WAN)
        assert found[name]["is_defensible"].tolist() == sorted(found[name]["is_defensible"])
        assert not found[name].set_index("name").loc["Before and after", "is_defensible"]


def test_what_books_do_not_say_is_told(made):
    counted = tables.counted(made)
    assert "joint income split, operating income" in counted.notes[0]
    assert ("operating", "as booked") in counted.frame.index
    assert "has_central_project" not in made["operating"].panel.covariates or made.said == ()


def books(**changed):
    """Studies of villages with a subsidy of a tenth of their income, and with what is changed."""
    frame = villages().assign(
        subsidy_income_yuan=lambda table: table["operating_income_yuan"] / 10,
        other_income_yuan=lambda table: 500.0 + table["households"] % 7 * table["year"] % 11,
        total_income_yuan=lambda table: (
            table["operating_income_yuan"] * 1.1 + table["other_income_yuan"]
        ),
        joint_income_yuan=np.nan,
        **dict.fromkeys(FLAGS, False),
    )
    frame = frame.assign(**changed)
    return Studies({name: study(frame, name, draws=19) for name in ("operating", "total")}, {})


def test_the_headline_is_told_by_source_a_village_and_a_household():
    made = books(households=10)
    found = tables.by_source(made).frame["Estimate"]
    village = found.xs("village, 万元", level="Per")
    household = found.xs("household, yuan", level="Per")
    assert list(village.index) == ["Operating", "Subsidies", "Other", "Total"]
    assert household.to_dict() == pytest.approx((village * 1000).to_dict())
    assert village["Subsidies"] == pytest.approx(village["Operating"] / 10)
    assert village["Operating"] == tables.counted(made).frame.loc["operating", "Estimate"].iloc[0]


def test_a_source_that_no_book_prints_stops_no_other():
    without = tables.by_source(books(households=pd.NA, subsidy_income_yuan=np.nan))
    assert set(without.frame.index) == {
        (source, "village, 万元") for source in ("Operating", "Other", "Total")
    }
    assert "no number of households" in without.notes[0]
    assert without.notes[1].startswith("Subsidies, a village, 万元: ")


def test_tables_of_no_study_are_empty_and_the_page_says_what_is_needed():
    none = Studies({}, {"operating": "Nobody joined."})
    assert none.said == (
        "The question cannot be answered for operating income. Nobody joined.",
        NEEDED,
    )
    assert tables.by_method(none, {}) == {}
    verbs = (
        tables.alarms,
        tables.breakdown,
        tables.counted,
        tables.by_source,
        tables.pre_trends,
        tables.by_cohort,
        tables.helpers,
        tables.early_dates,
        tables.missing,
    )
    for verb in verbs:
        assert verb(none).frame.empty


def test_missing_books_leave_bounds_around_what_is_seen(made):
    frame = made["operating"].frame
    whole = tables.missing(made).frame.loc["operating"]
    assert whole["Missing, weak"] == 0
    assert whole["Least"] == pytest.approx(whole["As seen"])
    weak = frame["role"].eq("allied_weak") & frame["year"].eq(2024)
    low = weak & (
        frame["operating_income_yuan"] < frame.loc[weak, "operating_income_yuan"].median()
    )
    cut = frame.assign(operating_income_yuan=frame["operating_income_yuan"].mask(low))
    some = tables.missing(Studies({"operating": study(cut, "operating")}, {})).frame.iloc[0]
    assert some["Missing, weak"] == low.sum()
    assert some["Least"] < some["As seen"] < some["Largest"]


def test_leaving_out_finds_every_alliance(made):
    found, notes = tables.left_out(made)
    assert notes == ()
    assert set(found["operating"]["left_out"]) == {"none", "0", "1", *(f"A{k}" for k in range(6))}
    assert found["operating"]["change"].iloc[0] == 0


def test_a_planted_effect_comes_through_and_power_is_a_chance(made):
    drawn, notes = tables.planted(made, draws=19, seed=1, alliance_cv=0.0)
    assert notes == ()
    assert drawn["operating"].slope == pytest.approx(np.ones(19))
    table = tables.power(made, drawn, chance=0.8, claim_wan=50.0).frame
    assert table["Chance for 50, placebo alliances, %"].tolist() == [100.0, 100.0]


def test_placebos_that_have_no_estimate_are_counted(made, monkeypatch):
    seen = []

    def now_and_then(panel):
        seen.append(panel)
        if len(seen) % 9 == 4:
            raise LianjianError("no overlap")
        return preferred_att(panel)

    monkeypatch.setattr(_power, "preferred_att", now_and_then)
    drawn, notes = tables.planted(made, draws=9, seed=1, alliance_cv=0.0)
    assert len(drawn["total"].estimate) == 8
    said = "1 of 9 sets of placebo alliances had no estimate for {} income and are left out."
    assert notes == tuple(said.format(name) for name in made)


def test_who_joined_counts_each_village_once():
    frame = villages().drop_duplicates("village_id").assign(**dict.fromkeys(FLAGS, pd.NA))
    table = tables.who_joined(frame).frame
    assert table.loc["all weak allied", "Villages"] == 12
    assert table.loc["outside", "Villages"] == 90
    assert "Central project" not in table.columns


def test_the_cited_numbers_are_those_of_the_studies(made):
    cited = {one.name: one for one in tables.answers(made, tables.by_method(made, {}))}
    for name in made:
        head = made[name].answer.estimate
        assert cited[f"att-{name}"].value == pytest.approx(head.estimate / YUAN_PER_WAN)
        assert cited[f"att-{name}"].low == pytest.approx(head.low / YUAN_PER_WAN)
        assert cited[f"p-randomisation-{name}"].value == head.p_value
        alarms = made[name].answer.alarms
        assert cited[f"alarms-{name}"].value == len(alarms.on)
        read = [gauge for gauge in alarms.gauges if gauge.is_on is not None]
        assert cited[f"alarms-{name}"].n == len(read)  # of those that can be read
    assert len(tables.beside(made)) >= len(made)


def test_a_table_of_effects_brings_caption_decimals_and_notes(made):
    table = tables.few_alliances(made, draws=19, seed=1)
    assert table.caption.endswith("equal ones.")
    assert table.digits["Degrees of freedom"] == 1
    assert "*" not in "".join(tables.counted(made).notes)
