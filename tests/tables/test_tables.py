"""Tables: known values on books of a few villages, and labels from one place."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis import tables
from analysis._evidence import collecting, find
from analysis.fields import FIELDS, ROLES
from analysis.indicators import changes, pairs
from analysis.indicators.income import SOURCES
from analysis.tables import Labelled, Spread, quantity
from analysis.tables._labelled import _registry


@pytest.fixture
def panel():
    """Four villages and two years: 1 to 4 万元, then twice as much."""
    rows = []
    for number, role in enumerate(["helper", "allied_weak", "outside", "outside"], start=1):
        for year in (2023, 2024):
            income = number * 10_000.0 * (year - 2022)
            rows.append(
                {
                    "village_id": f"v{number}",
                    "year": year,
                    "role": role,
                    "zone": "farm",
                    "county_name": "甲县",
                    "households": 100 if number < 4 else np.nan,
                    "operating_income_yuan": income,
                    "subsidy_income_yuan": income,
                    "other_income_yuan": 0.0,
                    "total_income_yuan": 2 * income,
                    "operating_surplus_yuan": income / 2,
                }
            )
    return pd.DataFrame(rows)


def test_change_by_role_is_that_of_the_mean(panel):
    both = ("operating", "total")
    found = {name: changes(panel, f"{name}_income_yuan", 2023, 2024) for name in both}
    made = tables.change(found, "role", 2023, 2024)
    assert made.frame.index.names == ["Measure", "Role"]
    row = made.frame.loc["operating"].loc[ROLES["outside"]]
    assert row["start_mean"] == 3.5
    assert row["change_mean"] == 3.5
    assert row["growth_pct"] == 100
    assert made.labels["start_mean"] == "Mean 2023"
    assert "change_median" not in made.without("change_median").frame


def test_the_target_is_reached_by_the_mean_or_by_each(panel):
    found = {"operating": changes(panel, "operating_income_yuan", 2023, 2024)}
    row = tables.target(found, 2.0).frame.loc["operating"]
    assert (row["villages"], row["gain"], row["gain_reached"]) == (1, 2.0, "yes")
    assert (row["share"], row["share_reached"], row["outside"]) == (100, "yes", 100)
    no_weak = {name: frame[frame["role"] == "outside"] for name, frame in found.items()}
    assert not tables.target(no_weak, 2.0)


def test_gains_are_cited_with_their_villages_and_a_simulation_with_its_truth(panel):
    found = {"operating": changes(panel, "operating_income_yuan", 2023, 2024)}
    reached = tables.target(found, 2.0)
    of = {"operating": ", by construction"}
    mean, share, outside = tables.gained(reached, 2.0, 2023, 2024, of)
    assert (mean.name, mean.value, mean.n) == ("mean-gain-operating", 2.0, 1)
    assert share.label.endswith("gained 2 万元 or more, operating income, by construction")
    assert (outside.name, outside.value) == ("share-outside-operating", 100)
    alone = {name: frame[frame["role"] == "allied_weak"] for name, frame in found.items()}
    assert len(list(tables.gained(tables.target(alone, 2.0), 2.0, 2023, 2024, of))) == 2
    known = pd.DataFrame(
        {"village_id": ["v2", "v3"], "year": 2024, "measure": "operating",
         "treated_yuan": [5e4, 9e4], "untreated_yuan": [2e4, 1e4]}
    )  # fmt: skip
    [true] = tables.true_gain(known, found["operating"], 2024)
    assert (true.value, true.n) == (3.0, 1)  # v3 stands outside
    assert list(tables.true_gain(known, found["operating"], 2023)) == []


def test_a_band_says_its_income_a_village_a_household_and_its_sources(panel):
    now = panel[panel["year"] == 2024]  # 2, 4, 6, 8 万元
    made = tables.by_band(
        now.assign(subsidy_income_yuan=0.0, total_income_yuan=now["operating_income_yuan"])
    )
    assert made.frame["villages"].tolist() == [2, 2]
    assert made.frame["operating_income_wan_yuan"].tolist() == [3.0, 7.0]
    # the village of 8 万元 has no households
    assert made.frame["operating_income_yuan_per_household"].tolist() == [300.0, 600.0]
    assert made.frame["operating_pct"].tolist() == [100.0, 100.0]
    [lacking] = tables.by_band(now.assign(households=np.nan)).notes
    assert lacking == "Not known in these books: Operating income (yuan a household)."
    unknown = tables.by_band(now.assign(subsidy_income_yuan=np.nan))
    assert not unknown
    assert "all parts" in unknown.notes[0]


def test_a_household_and_a_village_stand_side_by_side(panel):
    made = tables.per_household(panel[panel["year"] == 2024])
    row = made.frame.loc[ROLES["outside"]]
    assert row["operating_income_wan_yuan"] == 7.0  # (6 + 8) / 2
    assert row["operating_income_yuan_per_household"] == 600  # the other has no households
    assert row["operating_income_villages"] == 1


def test_a_brief_has_a_column_for_each_group(panel):
    made = tables.brief({"all": panel, "rich": panel[panel["village_id"] == "v4"]}, 2023, 2024, 5)
    assert made.frame.loc["Operating income, mean"].tolist() == [5.0, 8.0]
    assert made.frame.loc["Villages with operating income under 5 万元, %"].tolist() == [50.0, 0.0]
    assert made.notes[-1] == "These books print no assets, debt or distribution."


def test_a_brief_says_of_what_income_consists(panel):
    now = panel.assign(
        subsidy_income_yuan=1e4,
        other_income_yuan=panel["operating_income_yuan"] / 5,
    )
    now["total_income_yuan"] = now[[*SOURCES]].sum(axis=1)
    labels = [
        f"{name} in total income, %" for name in ("Operating income", "Subsidies", "Other income")
    ]
    shares = tables.brief({"all": now}, 2023, 2024, 5).frame.loc[labels, "all"]
    # 2, 4, 6 and 8 万元, a fifth of each, and 1 each
    assert shares.tolist() == pytest.approx([2000 / 28, 400 / 28, 400 / 28])
    now.loc[now["village_id"] == "v1", "other_income_yuan"] = np.nan
    shares = tables.brief({"all": now}, 2023, 2024, 5).frame.loc[labels, "all"]
    assert shares.sum() == pytest.approx(100)
    made = tables.brief({"all": now.assign(other_income_yuan=np.nan)}, 2023, 2024, 5)
    assert labels[2] not in made.frame.index
    assert made.frame.loc[labels[1], "all"] == pytest.approx(400 / 28)


def test_a_brief_says_what_villages_own_and_owe_where_their_books_do(panel):
    held = panel.assign(assets_yuan=panel["operating_income_yuan"] * 10, debt_yuan=np.nan)
    held.loc[held["village_id"] == "v1", "assets_yuan"] = np.nan
    made = tables.brief({"all": held, "poor": held[held["village_id"] == "v1"]}, 2023, 2024, 5)
    row = made.frame.loc["Total assets, mean"]
    assert row["all"] == 60.0  # 40, 60 and 80 in 2024
    assert np.isnan(row["poor"])
    assert "Total debt, mean" not in made.frame.index
    assert "books print them" in made.notes[-1]


def test_weak_by_each_line(panel):
    at = {2024: panel[panel["year"] == 2024].set_index("village_id")}
    row = tables.weak_by_line(at, 5.0).frame.loc[2024]
    assert (row["villages"], row["Median"], row["Under 5"]) == (4, 5.0, 50.0)
    assert row["Half median, all"] == 25.0  # 2 of 2, 4, 6, 8 is under 2.5


def pair(closed):
    frame = pd.DataFrame(
        {
            "pair_id": "P1", "helper_id": "H", "weak_id": "W", "year": [2022, 2024],
            "joined_year": 2023, "event_time": [-1, 1], "helper": [50.0, 60.0],
            "weak": [10.0, 20.0 + closed], "gap": [40.0, 40.0 - closed],
            "ratio": [0.2, (20.0 + closed) / 60],
        }
    )  # fmt: skip
    both = [frame, frame.assign(pair_id="P2", helper_id="H2", weak_id="W2")]
    return pairs.closing(pd.concat(both), -1, 2024, clock="since_joining")


def test_the_gap_before_and_after_and_who_closed_it():
    made = tables.before_after({"operating": pair(6.0)}, 0.5).frame.loc["operating"]
    assert (made["pairs"], made["gap_start"], made["gap_end"], made["closed"]) == (2, 40, 34, 6)
    who = tables.who_closed({"operating": pair(6.0)})
    assert who.frame.loc["operating", "weak_up"] == 2
    assert who.labels["ratio_end"] == "Ratio 2024, %"


def test_what_a_simulation_knows_is_the_weak_village_less_its_helper():
    known = pd.DataFrame(
        {"measure": "operating", "village_id": ["H", "W", "H2", "W2"], "year": 2024,
         "treated_yuan": [5e4, 9e4, 5e4, 7e4], "untreated_yuan": [4e4, 4e4, 4e4, 4e4]}
    )  # fmt: skip
    net = pair(6.0).assign(closed_net=[2.0, 4.0])
    found = tied(net)
    made = tables.truth(known, found)
    assert made.frame.loc["operating", "truth"] == 3.0  # (5 − 1 + 3 − 1) / 2
    assert made.frame.loc["operating", "covered"] == "yes"
    assert made.labels["net"] == "Net, from 2 before"
    numbers = {one.name: one.value for one in tables.held_against_truth(made, found)}
    assert numbers["true-closed-operating"] == 3.0
    assert numbers["misses-truth"] == 0.0
    assert numbers["pair-sd"] == pytest.approx(2**0.5)


def tied(net):
    """What stands in for pairs of one measure, the same from every base year."""
    names = ("naive", "later", "near", "net", "gap")
    every = {name: {"operating": net} for name in names}
    return SimpleNamespace(**every, last=2024, base=-2, level=0.5)


def test_the_closings_are_cited_with_their_count_and_least_p():
    numbers = {
        one.name: one for one in tables.closings(tied(pair(6.0).assign(closed_net=[2.0, 4.0])))
    }
    assert numbers["net-closed-operating"].value.estimate == 3.0
    assert numbers["least-p-operating"].value == 0.5  # of four sign patterns two are as far
    assert numbers["least-p-operating"].n == 2
    assert (numbers["least-without-operating"].value, numbers["most-without-operating"].value) == (
        2.0,
        4.0,
    )


def test_books_without_pairs_say_what_they_need(panel):
    none = tables.Pairs(Books(panel.assign(pair_id=pd.NA, joined_year=np.nan)), 2024, -2, 0.95)
    assert not none
    assert none.naive == none.net == {}
    assert tables.closings(none) == []
    assert "names no pair" in none.remarks[0]
    assert not tables.exact_tests(none)


def test_an_empty_table_is_false_and_has_no_rows_to_say():
    assert not tables.base_years(SimpleNamespace(naive={}, later={}, gap={}, last=2024))
    assert not Labelled(pd.DataFrame())


def test_every_label_of_the_registry_can_be_written():
    for name, entry in _registry().items():
        label = entry["label"] if "label" in entry else FIELDS[name].label
        assert label.format(since=2018, until=2024, base=2).strip(), name
        assert set(entry) <= {"label", "digits"}, name


def test_a_number_is_called_as_its_list_says():
    made = quantity("gini-{measure}-{end}", 0.25, measure="total", end="start", year=2021, n=9)
    assert (made.name, made.value, made.n, made.digits) == ("gini-total-start", 0.25, 9, 3)
    assert made.label == "Gini index of total income between villages, 2021"
    with pytest.raises(KeyError):
        quantity("nobody-listed-this", 1.0)


class Books:
    """What stands in for a dataset: the panel of a few villages over two years."""

    name, years = "few", (2023, 2024)

    def __init__(self, panel):
        self.panel = panel
        self.villages = panel.drop_duplicates("village_id").assign(joined_year=np.nan)


def test_a_spread_of_two_villages_says_what_it_lacks(panel):
    few = Spread(Books(panel[panel["village_id"].isin(["v1", "v2"])]), 2023, 2024)
    assert not few
    [years, lacks] = few.remarks(2021, 2024)
    assert "runs from 2023 to 2024" in years
    assert "in both 2023 and 2024: 2." in lacks
    four = Spread(Books(panel.assign(joint_income_yuan=0.0)), 2023, 2024)
    assert four
    assert four.whole == 4
    [how_many, alone] = four.remarks(2023, 2024)
    assert how_many.startswith("Villages with both incomes in both years: 4. ")
    assert "names no weak village of an alliance" in alone
    assert not tables.joint_income(four)
    assert "stays open" in tables.joint_income(four).notes[0]


def test_inequality_is_said_a_village_and_a_household(panel):
    even = panel.assign(households=panel["operating_income_yuan"] / 100)  # each household has 100
    spread = Spread(Books(even), 2023, 2024)
    [first, last] = spread.by_household.values()
    assert first.tolist() == last.tolist() == [100.0] * 4
    assert not Spread(Books(panel.assign(households=np.nan)), 2023, 2024).by_household


def test_one_alliance_tests_nothing():
    compared = pd.DataFrame(
        {"village_id": list("abcd"), "allied": [True, True, False, False],
         "years": [1, 2, 2, 2], "has_left": True}
    )  # fmt: skip
    twins = tables.Twins(compared, [0, 1], [2, 3], 0)
    villages = pd.DataFrame({"village_id": list("abcd"), "alliance_id": ["A", "A", None, None]})
    [fewer] = tables.left_faster(twins, villages)
    assert (fewer.name, fewer.value) == ("fewer-after-a-year", -50.0)
    villages.loc[1, "alliance_id"] = "B"
    assert len(tables.left_faster(twins, villages)) == 3


def test_whoever_is_not_seen_after_a_year_is_neither_weak_nor_out():
    # the book of f's next year is lost; that of h was weak a year on and is lost after
    compared = pd.DataFrame(
        {"village_id": list("abcdefgh"), "allied": [True] * 4 + [False] * 4,
         "years": [1, 1, 2, 2, 1, 0, 2, 1], "has_left": [True, True, True, True, True, False, True,
         False]}
    )  # fmt: skip
    twins = tables.Twins(compared, [0, 1, 2, 3], [4, 5, 6, 7], 0)
    assert twins.differences.to_dict() == {"a": 0.0, "c": 0.0, "d": 0.0}
    villages = pd.DataFrame(
        {"village_id": list("abcdefgh"), "alliance_id": list("ABCD") + [None] * 4}
    )
    fewer, apart, _ = tables.left_faster(twins, villages)
    assert (fewer.value, apart.value.n_units) == (0.0, 3)
    nobody = tables.Twins(compared, [1], [5], 0)
    assert tables.left_faster(nobody, villages) == []


def test_a_spread_leaves_out_negative_incomes_and_keeps_zeros(panel):
    lost = panel["village_id"].eq("v1") & panel["year"].eq(2024)
    panel.loc[lost, "operating_income_yuan"] = -5.0
    panel.loc[panel["village_id"].eq("v2"), "operating_income_yuan"] = 0.0
    used = Spread(Books(panel), 2023, 2024).used
    assert used["operating", 2024].to_dict() == {"v2": 0.0, "v3": 60_000.0, "v4": 80_000.0}
    assert len(used["total", 2024]) == 4


def booked(panel):
    """The panel of a few villages as a dataset of two accounts, one always at zero."""
    data = Books(panel)
    income = panel[["village_id", "year"]].assign(amount_yuan=panel["operating_income_yuan"])
    data.income = pd.concat([income, income.assign(amount_yuan=0.0)])
    severity = ["error", "error", "warning"]
    data.issues = pd.DataFrame({"code": ["unread_amount"] * 3, "severity": severity, "file": "a"})
    data.score = None
    return data


def test_what_was_read_is_counted_by_county(panel):
    data = booked(panel)
    data.villages = data.villages[data.villages["village_id"] != "v4"]
    read = tables.amounts(data).frame
    assert read.loc["甲县", 2024] == 6
    assert read.loc["not in the village list", 2024] == 2
    panel.loc[panel["village_id"].eq("v1") & panel["year"].eq(2024), "operating_income_yuan"] = None
    assert tables.known_of_county(booked(panel)).frame.loc["甲县"].tolist() == [100.0, 75.0]
    numbers = {one.name: one for one in tables.read_and_doubted(booked(panel))}
    assert (numbers["amounts"].value, numbers["coverage"].value) == (16, 87.5)
    assert (numbers["errors"].value, numbers["errors"].n) == (2, 3)


def test_incomes_around_a_target_are_counted_on_both_sides(panel):
    made = tables.heaping(panel, [4.0], 30.0)  # 2.8 to 4 and 4 to 5.2
    assert made.frame.loc[("4 万元", "operating")].tolist() == [1, 2]  # 3; 4 and 4
    assert (
        "1 just below and 2 just above 4 万元"
        in tables.heaps_in_words(made)[tables.TITLES["operating"]]
    )


def test_what_is_held_against_a_figure_knows_its_villages(panel):
    with collecting(panel):
        held = tables.reconciliation(Books(panel), 2024, 3.0, 2.0).frame
        stands = {row: find(held.loc[row, "Panel"]) for row in held.index}
    key = ("operating_income_yuan", 2024)
    found = stands["mean of allied villages", "operating"]
    weights = [one.weights[key] for one in found if one.rule == "amount" and key in one.weights]
    amounts = panel[panel["year"] == 2024].set_index("village_id")["operating_income_yuan"]
    assert (weights[0] * amounts[weights[0].index]).sum() == pytest.approx(3.0)


def test_a_published_gain_is_held_against_each_and_against_the_mean(panel):
    held = tables.reconciliation(Books(panel), 2024, 3.0, 2.0)
    verdicts = held.frame["Verdict"]
    assert verdicts["mean of allied villages", "operating"] == "agrees"  # (2 + 4) / 2
    assert verdicts["gain of weak villages, each", "operating"] == "agrees"
    told = tables.agreements(held)
    assert told["readings"] == 6
    assert told["agree"] == (verdicts == "agrees").sum()
    alone = tables.reconciliation(Books(panel[panel["role"] == "outside"]), 2024, 3.0, 2.0)
    assert not alone
    assert "no village of an alliance" in alone.notes[0]


def test_a_jump_and_a_total_below_its_part_are_signs(panel):
    last = panel["year"].eq(2024)
    panel.loc[panel["village_id"].eq("v1") & last, "operating_income_yuan"] = 110_000.0
    panel.loc[panel["village_id"].eq("v2") & last, "total_income_yuan"] = 1.0
    found = tables.signs(booked(panel)).frame.loc[2024]
    assert found["Tenfold and more"] == 1  # 1 to 11 万元
    assert found["Total below operating"] == 2
    assert found["Villages"] == 4


def test_a_missing_subsidy_is_left_out_of_the_share_and_of_nothing_else(panel):
    now = panel["year"] == 2024
    without = panel.assign(subsidy_income_yuan=panel["subsidy_income_yuan"].mask(now))
    before, after = (tables.brief({"all": each}, 2023, 2024, 5) for each in (panel, without))
    gone = before.frame.index.difference(after.frame.index)
    assert list(gone) == ["Subsidies in total income, %"]
    assert after.notes == (
        "Not known in these books: Subsidies in total income, %.",
        "These books print no assets, debt or distribution.",
    )
    pd.testing.assert_frame_equal(before.frame.drop(index=gone), after.frame)


def test_shares_of_collectives_say_of_what_they_are():
    bands = pd.DataFrame(
        {
            "place": "某省",
            "year": 2020,
            "measure": ["operating_surplus"] * 3 + ["operating_share_of_income", "total"],
            "band_low_wan_yuan": [np.nan, 10.0, 5.0, np.nan, np.nan],
            "band_high_wan_yuan": [5.0, np.nan, 10.0, np.nan, 2.5],
            "share_pct": [50.0, 20.5, 29.5, 60.25, 1.0],
            "source": "甲 2021",
            "confidence": "M",
        }
    )
    made = tables.shares_elsewhere(bands)
    surplus = "collectives with an operating surplus"
    assert made.frame["share_of"].tolist() == [
        f"{surplus} under 5 万元, or none",
        f"{surplus} of 10 万元 or more",
        f"{surplus} of 5 to 10 万元",
        "operating income in all income",
        "total under 2.5 万元, or none",
    ]
    assert made.frame["source"].unique().tolist() == ["甲 2021 (M)"]


def test_a_target_is_no_mean_of_another_place():
    benchmarks = pd.DataFrame(
        {
            "place": ["某市", "某区", "本省", "某市"],
            "year": 2022,
            "period": ["year", "year", "year", "to the second quarter"],
            "statistic": "mean",
            "measure": "total",
            "value_wan_yuan": [12.5, 50.0, 30.0, 6.35],
            "low_wan_yuan": [np.nan, np.nan, np.nan, 6.34],
            "high_wan_yuan": [np.nan, np.nan, np.nan, 6.36],
            "qualifier": ["exact", "target", "exact", "derived"],
            "source": "乙",
            "confidence": "L",
        }
    )
    made = tables.means_elsewhere(benchmarks, but="本省")
    assert made.frame["place"].tolist() == ["某市 2022", "某市 2022, to the second quarter"]
    assert made.frame["printed"].tolist() == ["12.5", "derived: 6.35 (6.34–6.36)"]
    assert "某区 (target: 50)" in made.caption
