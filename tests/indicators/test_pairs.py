"""Pairs and convergence against arithmetic by hand and processes with a known answer."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import LianjianError
from analysis.indicators import convergence, pairs

WAN = 10_000.0
CLOSE = 1e-9  # sums of a few floats
X = "operating_income_yuan"


def panel_of(incomes, joined=2023):
    """Make a panel from ``{(village, role, pair): {year: 万元}}``; None is missing."""
    rows = [
        (village, role, pair, joined, year, np.nan if value is None else value * WAN)
        for (village, role, pair), path in incomes.items()
        for year, value in path.items()
    ]
    columns = ["village_id", "role", "pair_id", "joined_year", "year", X]
    return pd.DataFrame(rows, columns=columns).astype({"joined_year": "Int64"})


def pair(helper, weak, joined=2023, name="P1"):
    years = range(2022, 2022 + len(helper))
    return panel_of(
        {
            (f"H{name}", "helper", name): dict(zip(years, helper, strict=True)),
            (f"W{name}", "allied_weak", name): dict(zip(years, weak, strict=True)),
        },
        joined,
    )


@pytest.mark.parametrize(
    ("helper", "weak", "closed", "who"),
    [
        ([50, 60], [10, 30], 10, "weak up"),  # both rose, the weak one further
        ([50, 40], [10, 10], 10, "helper down"),
        ([50, 30], [10, 5], 15, "helper down"),  # both fell, the helper further
        ([50, 45], [10, 20], 15, "both"),
        ([50, 80], [10, 20], -20, "gap grew"),
        ([50, 50], [10, 10], 0, "gap grew"),  # not closed is not closed
        ([10, 10], [12, 14], 2, "weak up"),  # the weak one was ahead already
    ],
)
def test_who_closed_the_gap(helper, weak, closed, who):
    row = pairs.closing(pairs.gaps(pair(helper, weak), X), 2022, 2023).iloc[0]
    assert row["closed"] == pytest.approx(closed, abs=CLOSE)
    assert row["who"] == who
    assert row["closed"] == pytest.approx(row["weak_change"] - row["helper_change"], abs=CLOSE)


@pytest.mark.parametrize(
    ("name", "value"), [("role", "outside"), ("joined_year", 2024), ("pair_id", "P9")]
)
def test_traits_of_a_pair_that_change_over_time_are_named(name, value):
    frame = pair([50, 60, 70], [10, 30, 40])
    odd = frame.assign(**{name: frame[name].where(frame.index != 4, value)})
    with pytest.raises(LianjianError, match="change over time in WP1"):
        pairs.gaps(odd, X)


def test_a_gap_can_grow_while_the_ratio_rises():
    row = pairs.closing(pairs.gaps(pair([50, 80], [10, 30]), X), 2022, 2023).iloc[0]
    assert row["closed"] < 0
    assert row["ratio_end"] > row["ratio_start"]


def test_rates_are_missing_where_a_gap_is_not_positive():
    row = pairs.closing(pairs.gaps(pair([10, 10], [12, 4]), X), 2022, 2023).iloc[0]
    assert row[["closed_pct", "catch_up_pct"]].isna().all()
    zero = pairs.gaps(pair([0, 10], [1, 4]), X)
    assert pd.isna(zero["ratio"].iloc[0])


def test_clocks_read_their_own_years():
    both = pd.concat([pair([50, 40, 30], [1, 2, 3]), pair([9, 8, 7], [1, 1, 1], 2024, "P2")])
    gap = pairs.gaps(both, X)
    since = pairs.closing(gap, -1, 2024, clock="since_joining").set_index("pair_id")
    assert since["start_year"].to_dict() == {"P1": 2022, "P2": 2023}
    event = pairs.closing(gap, -1, 0, clock="event_time").set_index("pair_id")
    assert event["end_year"].to_dict() == {"P1": 2023, "P2": 2024}
    with pytest.raises(LianjianError, match="no clock 'moon'"):
        pairs.closing(gap, -1, 0, clock="moon")
    with pytest.raises(LianjianError, match="is no time"):
        pairs.closing(gap, 2023, 2023)


def test_a_pair_without_one_of_each_is_named():
    wrong = pair([50, 40], [1, 2]).assign(role="helper")
    with pytest.raises(LianjianError, match=r"Pair P1 has the roles \['helper', 'helper'\]"):
        pairs.gaps(wrong, X)
    with pytest.raises(LianjianError, match="no column pair_id"):
        pairs.gaps(wrong.drop(columns="pair_id"), X)


@pytest.mark.parametrize("side", ["helper", "allied_weak"])
def test_a_pair_cut_by_the_end_of_the_books_is_left_out_and_counted(side):
    whole, other = pair([50, 40], [10, 20]), pair([30, 40], [5, 6], name="P2")
    cut = pd.concat([whole, other[other["role"] == side]])
    gap = pairs.gaps(cut, X)
    pd.testing.assert_frame_equal(gap, pairs.gaps(whole, X))
    assert gap.attrs["notes"] == ["Pairs with one village only, left out: 1"]
    alone = pairs.gaps(other[other["role"] == side], X)
    assert alone.empty
    assert alone.attrs["notes"][0] == gap.attrs["notes"][0]


def test_no_pairs_are_no_rows_of_the_same_types():
    some = pair([50, 40], [1, None])
    gap = pairs.gaps(some, X)
    none = pairs.gaps(some.assign(pair_id=pd.Series([None] * 4, dtype="str")), X)
    assert none.empty
    assert none.columns.tolist() == gap.columns.tolist()
    assert pairs.closing(none, -1, 2023, clock="since_joining").empty
    # a missing income keeps its row and leaves the pair out of the closing
    assert gap["gap"].isna().tolist() == [False, True]
    assert pairs.closing(gap, 2022, 2023).empty


@pytest.fixture
def sized():
    """Outside, income is households · (year − 2020) / 100; pairs add a known closing of 3."""
    rng = np.random.default_rng(8)
    rows = []
    for number in range(60):
        size = int(rng.integers(100, 900))
        rows += [(f"O{number}", "outside", None, size, year, 0.0) for year in (2022, 2024)]
    for number in range(4):
        for role, size, effect in (("helper", 700, -1.0), ("allied_weak", 200, 2.0)):
            rows += [
                (f"{role}{number}", role, f"P{number}", size, year, effect * (year == 2024))
                for year in (2022, 2024)
            ]
    frame = pd.DataFrame(
        rows, columns=["village_id", "role", "pair_id", "households", "year", "add"]
    )
    frame[X] = (frame["households"] * (frame["year"] - 2020) / 100 + frame["add"]) * WAN
    frame["joined_year"] = pd.Series(2023, index=frame.index, dtype="Int64")
    return frame


def test_the_closing_beyond_ordinary_growth_is_found(sized):
    closed = pairs.closing(pairs.gaps(sized, X), 2022, 2024)
    net = pairs.expected_closing(sized, X, closed)
    np.testing.assert_allclose(net["closed_expected"], (200 - 700) * 2 / 100, atol=CLOSE)
    np.testing.assert_allclose(net["closed_net"], 3, atol=CLOSE)
    assert net["comparisons"].tolist() == [60] * 4
    # without size, growth that large villages share passes for a growing gap
    plain = pairs.expected_closing(sized, X, closed, covariate=None)
    np.testing.assert_allclose(plain["closed_net"], closed["closed"], atol=CLOSE)
    standing = pairs.standing(sized, X, pairs.gaps(sized, X))
    last = standing[standing["year"] == 2024]
    np.testing.assert_allclose(last[["helper_excess", "weak_excess"]], [[-1, 2]] * 4, atol=CLOSE)


def test_row_order_and_names_change_nothing(sized):
    closed = pairs.closing(pairs.gaps(sized, X), 2022, 2024)
    mixed = sized.sample(frac=1, random_state=3)
    mixed = mixed.assign(village_id=mixed["village_id"].map(lambda name: f"z{name[::-1]}"))
    again = pairs.expected_closing(mixed, X, pairs.closing(pairs.gaps(mixed, X), 2022, 2024))
    first = pairs.expected_closing(sized, X, closed)
    np.testing.assert_allclose(again["closed_net"], first["closed_net"], atol=CLOSE)


def test_what_cannot_be_compared_is_said(sized):
    closed = pairs.closing(pairs.gaps(sized, X), 2022, 2024)
    with pytest.raises(LianjianError, match="0 villages outside alliances are known"):
        pairs.expected_closing(sized[sized["role"] != "outside"], X, closed)
    unknown = sized.assign(households=sized["households"].where(sized["village_id"] != "helper0"))
    with pytest.raises(LianjianError, match=r"\['helper0'\] have no households"):
        pairs.expected_closing(unknown, X, closed)


def noisy(persistence, noise, n=40_000, seed=2):
    """Make log incomes: lasting part, then its multiple, each year with independent noise."""
    rng = np.random.default_rng(seed)
    lasting = rng.normal(size=n)
    paths = {2021: lasting, 2022: lasting, 2024: persistence * lasting}
    return pd.concat(
        pd.DataFrame(
            {
                "village_id": np.arange(n),
                "year": year,
                X: np.exp(path + rng.normal(scale=noise, size=n)),
            }
        )
        for year, path in paths.items()
    )


def test_noise_makes_convergence_and_the_instrument_takes_it_away():
    # nobody converges; noise has half the variance of what lasts: λ = 2/3
    found = convergence.beta_convergence(noisy(1.0, 0.5**0.5), X, 2022, 2024, instrument=2021)
    assert found.persistence == pytest.approx(2 / 3, abs=0.02)
    assert found.low < 2 / 3 < found.high
    assert found.corrected == pytest.approx(1, abs=0.03)
    assert found.corrected_low < 1 < found.corrected_high
    assert found.reliability == pytest.approx(2 / 3, abs=0.03)
    assert found.persistence < 1 < found.reverse


def test_the_error_is_that_of_statsmodels():
    import statsmodels.api as sm

    frame = noisy(0.6, 0.4, n=300)
    found = convergence.beta_convergence(frame, X, 2022, 2024)
    wide = np.log(frame.pivot(index="village_id", columns="year", values=X))
    theirs = sm.OLS(wide[2024], sm.add_constant(wide[2022])).fit(cov_type="HC1", use_t=True)
    assert found.persistence == pytest.approx(theirs.params[2022], rel=1e-10)
    assert found.std_error == pytest.approx(theirs.bse[2022], rel=1e-10)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.conf_int().loc[2022]), rel=1e-9)


def test_zeros_are_left_out_and_counted():
    frame = noisy(0.6, 0.4, n=50)
    frame.loc[(frame["village_id"] < 5) & (frame["year"] == 2022), X] = 0
    found = convergence.beta_convergence(frame, X, 2022, 2024, instrument=2021)
    assert (found.n, found.n_left_out, found.n_instrument) == (45, 5, 45)
    spread = convergence.sigma_convergence(frame, X).set_index("year")
    assert spread["villages_log"].tolist() == [45] * 3
    assert spread["villages"].tolist() == [50] * 3


def test_years_that_do_not_fit_are_named():
    frame = noisy(0.6, 0.4, n=50)
    with pytest.raises(LianjianError, match="no year 2023"):
        convergence.beta_convergence(frame, X, 2023, 2024)
    with pytest.raises(LianjianError, match="must ascend"):
        convergence.beta_convergence(frame, X, 2022, 2024, instrument=2024)
    with pytest.raises(LianjianError, match="2 villages have a positive income"):
        convergence.beta_convergence(frame[frame["village_id"] < 2], X, 2022, 2024)
