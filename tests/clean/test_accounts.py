"""Measures by year and account name, across the break of 2024."""

import pandas as pd
import pytest

from analysis.clean.accounts import measures
from analysis.errors import LianjianError

# Exam item of 2012 in 万元, as restated in the domain notes of the project's form row numbers:
# operating income 108, operating surplus 28, surplus of the year 55.
WORKED = {
    "经营收入": 68,
    "发包及上交收入": 35,
    "投资收益": 5,
    "补助收入": 30,
    "其他收入": 42,
    "经营支出": 45,
    "管理费用": 35,
    "其他支出": 45,
}


def book(year, amounts, village="V1"):
    return pd.DataFrame(
        {
            "village_id": village,
            "year": year,
            "account_name": list(amounts),
            "amount_yuan": [float(value) * 10_000 for value in amounts.values()],
        }
    )


def test_the_worked_case():
    row = measures(book(2012, WORKED)).iloc[0]
    assert row["operating_income_yuan"] == 1_080_000
    assert row["operating_surplus_yuan"] == 280_000
    assert row["surplus_of_year_yuan"] == 550_000
    assert row["total_income_yuan"] == 1_800_000


def test_operating_income_does_not_change_when_the_account_is_dissolved():
    after = {name: value for name, value in WORKED.items() if name != "发包及上交收入"}
    after |= {"经营收入": 68 + 20, "投资收益": 5 + 15, "税金及附加": 1, "公益支出": 2}
    both = measures(pd.concat([book(2023, WORKED), book(2024, after)]))
    for name in ("operating_income_yuan", "operating_surplus_yuan", "surplus_of_year_yuan"):
        assert both[name].nunique() == 1, name


def test_earmarked_payables_are_no_income():
    after = {name: value for name, value in WORKED.items() if name != "发包及上交收入"}
    plain = measures(book(2024, after)).iloc[0]
    funded = measures(book(2024, after | {"专项应付款": 50})).iloc[0]
    assert plain["total_income_yuan"] == funded["total_income_yuan"]


@pytest.mark.parametrize(
    ("year", "account"), [(2024, "发包及上交收入"), (2023, "专项应付款"), (2020, "公益支出")]
)
def test_an_account_of_the_other_system_is_refused(year, account):
    with pytest.raises(LianjianError, match=f"V1, {year}: account {account}"):
        measures(book(year, {account: 1}))


@pytest.mark.parametrize("lost", ["经营收入", "发包及上交收入", "投资收益"])
def test_a_missing_account_makes_the_measure_missing_and_never_zero(lost):
    row = measures(book(2020, {k: v for k, v in WORKED.items() if k != lost})).iloc[0]
    assert pd.isna(row["operating_income_yuan"])
    assert pd.isna(row["total_income_yuan"])
    assert row["subsidy_income_yuan"] == 300_000


def test_one_village_lacking_an_account_leaves_the_others_alone():
    lacking = {k: v for k, v in WORKED.items() if k != "补助收入"}
    both = measures(pd.concat([book(2020, WORKED), book(2020, lacking, village="V2")]))
    totals = both.set_index("village_id")["total_income_yuan"]
    assert totals["V1"] == 1_800_000
    assert pd.isna(totals["V2"])


def test_a_double_booking_is_never_averaged():
    with pytest.raises(ValueError, match="duplicate"):
        measures(pd.concat([book(2020, WORKED), book(2020, {"投资收益": 5})]))


def test_no_bookings_give_an_empty_table():
    assert measures(book(2020, {})).empty
