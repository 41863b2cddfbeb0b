"""A number written out as text is vouched for by nobody, so it does not leave in a cell."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.reports._walk import seen


def let_out(_at, number, _counted):
    return number


@pytest.mark.parametrize(
    "text",
    [
        "0.042",
        "< 0.001",
        "62 (55–68)",
        "−0.31\u00a0to\u00a00.36",
        "2.1 to 3.4",
        "1,234.5",
        "0.52 (0.4–0.6)",
        "85",
        "345678",
        "34–41",
    ],
)
@pytest.mark.parametrize("dtype", [object, "str"])
def test_numbers_as_text_do_not_leave(text, dtype):
    frame = pd.DataFrame({"p": pd.Series([text, "–"], dtype=dtype)})
    assert seen(frame, let_out, "tab")["p"].tolist() == ["…", "–"]


@pytest.mark.parametrize(
    "text",
    [
        "5–10",
        "2024",
        "2022–2024",
        "Balanced, path to g−1",
        "西峰区",
        "yes",
        "2 years early",
        "less than in 2018, %",
    ],
)
def test_names_with_digits_stay(text):
    frame = pd.DataFrame({"band": pd.Series([text], dtype="str")})
    assert seen(frame, let_out, "tab")["band"].tolist() == [text]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("about 85 万元", "about … 万元"),
        ("6 万元", "… 万元"),
        ("约6万元", "约…万元"),
        ("Weak (6)", "Weak (…)"),
        ("mean: 7", "mean: …"),
        ("9 other villages", "… other villages"),
        ("62 in a hundred", "… in a hundred"),
        ("345678", "…"),
        ("５８ 万元", "… 万元"),
        ("ZA12, CR2, sim6, g−1", "ZA12, CR2, sim6, g−1"),
        ("621002", "621002"),
        ("by 2024-03-26", "by 2024-03-26"),
        ("Still under 5", "Still under 5"),
        ("tenth 10", "tenth 10"),
    ],
)
def test_what_a_short_number_in_a_name_may_be(text, left):
    assert seen({"a": text}, let_out, "x") == {"a": left}
    assert seen({text: 1.0}, let_out, "x") == {left: 1.0}


def test_a_line_in_a_chart_is_one_that_somebody_typed():
    given = {"gain_wan": 31.7}
    assert np.isnan(seen(given, nothing, "x")["gain_wan"])
    assert seen(given, nothing, "x", frozenset({"31.7"})) == given


AMOUNT = 345678.25


def nothing(_at, _number, _counted):
    return float("nan")


@pytest.mark.parametrize(
    "given",
    [
        {"level": AMOUNT},
        {"df": pd.DataFrame({"a": [AMOUNT]})},
        {"year": AMOUNT},
        {"time": [AMOUNT, 1.0]},
        {"name": AMOUNT, "labels": {"a": f"about {AMOUNT:.0f}"}},
        SimpleNamespace(index=np.array([AMOUNT])),
        {f"Largest {AMOUNT:.2f}": 1.0, "measure": f"{AMOUNT:,.0f} yuan"},
        {AMOUNT: "largest"},
        pd.DataFrame({"a": [1.0]}, index=pd.Index([AMOUNT], name="amount")),
        pd.DataFrame({"a": [1.0]}, index=pd.MultiIndex.from_tuples([("x", AMOUNT)])),
        pd.DataFrame([[1.0]], columns=[AMOUNT]),
        pd.DataFrame([[1.0]], columns=[f"of {AMOUNT}"]),
        pd.DataFrame({"a": pd.Categorical([AMOUNT])}),
        pd.DataFrame({"index": [AMOUNT]}),
        pd.Series([f"({AMOUNT}, 400000.0]"]),
    ],
)
def test_an_amount_stands_nowhere(given):
    left = seen(given, nothing, "x")
    if isinstance(left, pd.DataFrame):
        left = [left.to_csv(), *left.index, *left.columns]
    assert "345678" not in repr(left)
    assert "345,678" not in repr(left)


def test_settings_of_a_chart_and_degrees_of_freedom_are_known():
    given = {"gain_wan": 2.0, "df": np.array([1.97, 5.76]), "level": 0.95, "target": 0.8}
    assert seen(given, nothing, "x") == given


def test_the_level_of_estimates_in_rows_is_no_amount():
    rows = pd.DataFrame({"estimate": [1.5], "std_error": [0.5], "level": [0.95], "df": [9.4]})
    left = seen(rows, nothing, "x").iloc[0]
    assert (left["level"], left["df"]) == (0.95, 9.4)
    assert left[["estimate", "std_error"]].isna().all()
    assert seen(rows[["level", "df"]], nothing, "x").isna().all(axis=None)


def test_heads_that_are_years_ranks_names_or_typed_stay():
    frame = pd.DataFrame(
        {2019: [1.0, 2.0], "20–50": [1.0, 2.0], "path to g−1": [1.0, 2.0]},
        index=pd.MultiIndex.from_tuples([("621002", 3), ("西峰区", 0.25)]),
    )
    left = seen(frame, let_out, "x", frozenset({"0.25"}))
    pd.testing.assert_frame_equal(left, frame)
    told = seen({"12 villages": 1, "13 villages": 2}, let_out, "x")
    assert told == {"… villages": 1, "… villages 2": 2}
