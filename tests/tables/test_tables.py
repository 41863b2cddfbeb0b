"""Tables: known values on books of a few villages, and labels from one place."""

import numpy as np
import pandas as pd
import pytest

from analysis import tables
from analysis.fields import ROLES
from analysis.indicators import changes, pairs
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
    found = {name: {"operating": net} for name in ("naive", "later", "near", "net")}
    made = tables.truth(known, found, -2, 0.5)
    assert made.frame.loc["operating", "truth"] == 3.0  # (5 − 1 + 3 − 1) / 2
    assert made.frame.loc["operating", "covered"] == "yes"
    assert made.labels["net"] == "Net, from 2 before"


def test_an_empty_table_is_false_and_has_no_rows_to_say():
    assert not tables.base_years({}, {}, 2024)
    assert not Labelled(pd.DataFrame())


def test_every_label_of_the_registry_can_be_written():
    for name, entry in _registry().items():
        assert entry["label"].format(since=2018, until=2024, base=2).strip(), name
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
    [alone] = four.remarks(2023, 2024)
    assert "names no weak village of an alliance" in alone
    assert not tables.joint_income(four)
    assert "stays open" in tables.joint_income(four).notes[0]


def test_a_spread_leaves_out_negative_incomes_and_keeps_zeros(panel):
    lost = panel["village_id"].eq("v1") & panel["year"].eq(2024)
    panel.loc[lost, "operating_income_yuan"] = -5.0
    panel.loc[panel["village_id"].eq("v2"), "operating_income_yuan"] = 0.0
    used = Spread(Books(panel), 2023, 2024).used
    assert used["operating", 2024].to_dict() == {"v2": 0.0, "v3": 60_000.0, "v4": 80_000.0}
    assert len(used["total", 2024]) == 4
