"""Transitions and durations against a printed table, statsmodels and counting by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import LianjianError
from analysis.indicators import bands, spells

WAN = 10_000.0
PRINTED = 5e-5  # the reference prints four digits

# Weeks in remission under 6-MP (Freireich et al. 1963, Blood 21(6)); + is censored. Survival and
# Greenwood errors as in Kalbfleisch & Prentice and every textbook since.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PRINTED_CURVE = {
    6: (0.8571, 0.0764),
    7: (0.8067, 0.0869),
    10: (0.7529, 0.0963),
    13: (0.6902, 0.1068),
    16: (0.6275, 0.1141),
    22: (0.5378, 0.1282),
    23: (0.4482, 0.1346),
}


def test_kaplan_meier_against_the_printed_table():
    curve = spells.kaplan_meier(WEEKS, RELAPSED)
    table = curve.table.set_index("time")
    for week, (survival, error) in PRINTED_CURVE.items():
        assert table.loc[week, "survival"] == pytest.approx(survival, abs=PRINTED)
        assert table.loc[week, "std_error"] == pytest.approx(error, abs=PRINTED)
    assert (curve.median, curve.n, curve.n_left) == (23, 21, 9)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40),
)
def test_kaplan_meier_against_statsmodels(drawn):
    from statsmodels.duration.survfunc import SurvfuncRight

    time, left = (np.array(part) for part in zip(*drawn, strict=True))
    if not left.any():
        return
    theirs = SurvfuncRight(time, left.astype(int))
    table = spells.kaplan_meier(time, left).table.set_index("time")
    ours = table.loc[theirs.surv_times]
    np.testing.assert_allclose(ours["survival"], theirs.surv_prob, atol=1e-12)
    known = theirs.surv_prob > 0  # theirs has no error once nobody is left
    np.testing.assert_allclose(ours["std_error"][known], theirs.surv_prob_se[known], atol=1e-12)
    assert ((table["low"] <= table["survival"]) & (table["survival"] <= table["high"])).all()


def test_without_leaving_the_curve_stays_at_one():
    curve = spells.kaplan_meier([1, 2], [False, False])
    assert curve.table[["survival", "low", "high"]].to_numpy().tolist() == [[1, 1, 1]] * 2
    assert np.isnan(curve.median)


@pytest.mark.parametrize("time", [[], [-1.0], [np.nan]])
def test_times_that_are_none_are_refused(time):
    with pytest.raises(LianjianError):
        spells.kaplan_meier(time, [True] * len(time))


def spell(incomes, **options):
    """Follow one village whose yearly incomes in 万元 begin in 2020; None is missing."""
    frame = pd.DataFrame(
        {
            "village_id": "A",
            "year": range(2020, 2020 + len(incomes)),
            "operating_income_yuan": [np.nan if x is None else x * WAN for x in incomes],
        }
    )
    found = spells.weak_spells(frame, 2020, **options)
    return found[["years", "has_left"]].iloc[0].tolist()


@pytest.mark.parametrize(
    ("incomes", "confirm", "expected"),
    [
        ([1, 2, 6, 7], 1, [2, True]),
        ([1, 5, 6, 7], 1, [1, True]),  # at the threshold is not weak
        ([1, 2, 3, 4], 1, [3, False]),
        ([1, None, 6, 7], 1, [0, False]),  # it may have left in the missing year
        ([1, 6, None, 1], 1, [1, True]),
        ([1, 6, 4, 6, 7], 2, [3, True]),  # one good year is not enough
        ([1, 6, 4, 3, 6], 2, [3, False]),  # the last good year cannot be confirmed
        ([1, 6, None, 7], 2, [0, False]),
        ([1], 1, [0, False]),
    ],
)
def test_spell(incomes, confirm, expected):
    assert spell(incomes, confirm=confirm) == expected


def test_spells_follow_only_who_was_weak():
    with pytest.raises(LianjianError, match="No village was under 5 万元 in 2020"):
        spell([6, 1])
    with pytest.raises(LianjianError, match="confirmed by 0 years"):
        spell([1, 1], confirm=0)
    with pytest.raises(LianjianError, match="no year 2020"):
        spells.weak_spells(
            pd.DataFrame({"village_id": ["A"], "year": 2021, "operating_income_yuan": 1.0}), 2020
        )


def test_moves_between_bands_are_counted():
    rows = [
        ("A", 1, 6),
        ("B", 1, 1),
        ("C", 7, 3),
        ("D", 0, 60),
        ("E", 7, None),
        ("F", None, 7),
    ]
    frame = pd.DataFrame(
        [
            (village, year, value)
            for village, *values in rows
            for year, value in zip((2023, 2024), values, strict=True)
        ],
        columns=["village_id", "year", "x_yuan"],
    )
    frame["x_yuan"] *= WAN
    moves = bands.transitions(frame, "x_yuan", 2023, 2024, (5.0, 10.0))
    assert (moves.villages, moves.left_out) == (4, 2)
    assert (moves.up_pct, moves.stayed_pct, moves.down_pct) == (50, 25, 25)
    assert moves.counts.loc["under 5"].tolist() == [0, 1, 1, 0]
    assert moves.counts.to_numpy().sum() == 4
    assert moves.shares.loc["10 and over"].isna().all()  # nobody started there
    np.testing.assert_allclose(moves.shares.drop("10 and over").sum(axis=1), 100)
    with pytest.raises(LianjianError, match="no year 2025"):
        bands.transitions(frame, "x_yuan", 2023, 2025)


def test_status_needs_total_income_only_where_it_decides():
    rule = bands.WEAK_RULES["zhejiang"]
    frame = pd.DataFrame(
        {
            "operating_income_yuan": [np.nan, 0, 3 * WAN, 6 * WAN, 3 * WAN],
            "total_income_yuan": [1.0, np.nan, np.nan, np.nan, 10 * WAN],
        }
    )
    seen = bands.status(frame, rule)
    assert seen.isna().tolist() == [True, False, True, False, False]
    assert seen.dropna().tolist() == ["empty shell", "not weak", "not weak"]
    assert bands.status(frame).tolist()[2:] == ["weak", "not weak", "weak"]


def test_spells_start_the_year_before_joining_and_outside_once_for_each():
    rows = [
        ("A", "allied_weak", 2022, [1, 6, 6, 6]),
        ("B", "allied_weak", 2023, [9, 2, 3, 7]),
        ("C", "allied_weak", 2024, [9, 9, 9, 9]),  # not weak in 2023: not followed
        ("H", "helper", 2022, [1, 1, 1, 1]),
        ("O", "outside", None, [4, 4, 8, 8]),
    ]
    names = ["village_id", "role", "joined_year", "year", "operating_income_yuan", "households"]
    frame = pd.DataFrame(
        [
            (village, role, joined, year, value * WAN, 90)
            for village, role, joined, path in rows
            for year, value in zip(range(2021, 2025), path, strict=True)
        ],
        columns=names,
    )
    found = spells.joining_spells(frame)
    assert found.drop(columns=["households", "has_left"]).to_numpy().tolist() == [
        ["A", 1, True, 2021],
        ["O", 2, False, 2021],
        ["B", 2, True, 2022],
        ["O", 1, False, 2022],
    ]
    assert [note.partition(":")[0] for note in found.attrs["notes"]] == [
        "Joined 2024, weak allied villages",
        "Joined 2024, villages outside",
    ]
