"""Inequality against printed numbers, brute force and the axioms that the indices obey."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import LianjianError
from analysis.indicators import bootstrap, inequality

PRINTED = 5e-8  # the reference prints seven digits
EXACT = 1e-10  # sums of some dozen floats

# Row 15 of the reference table: the R package ineq (ineq, Theil and RS with parameter 0).
ILOCOS_TENTHS = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]

INDICES = [
    inequality.gini,
    inequality.theil,
    inequality.mean_log_deviation,
    inequality.atkinson,
    lambda x: inequality.atkinson(x, 1.0),
    lambda x: inequality.atkinson(x, 2.0),
]
incomes = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("index", "printed"),
    [
        (inequality.gini, 0.4620911),
        (inequality.theil, 0.3623412),
        (inequality.mean_log_deviation, 0.4335946),
    ],
)
def test_reference(index, printed):
    assert index(ILOCOS_TENTHS) == pytest.approx(printed, abs=PRINTED)


@given(incomes)
def test_gini_is_half_the_relative_mean_difference(values):
    x = np.array(values)
    brute = np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean())
    assert inequality.gini(x) == pytest.approx(brute, abs=EXACT)
    area = np.trapezoid(inequality.lorenz(x)["income_pct"], inequality.lorenz(x)["villages_pct"])
    assert inequality.gini(x) == pytest.approx(1 - 2 * area / 1e4, abs=1e-9)


@given(incomes, st.floats(0.1, 100), st.integers(2, 4), st.randoms())
def test_scale_replication_and_order_change_nothing(values, scale, times, random):
    mixed = values * times
    random.shuffle(mixed)
    for index in INDICES:
        expected = pytest.approx(index(values), rel=1e-7, abs=1e-7)
        assert index(np.array(mixed) * scale) == expected


@given(incomes)
def test_a_transfer_from_rich_to_poor_never_raises_an_index(values):
    x = np.sort(np.array(values))
    moved = x.copy()
    step = (x[-1] - x[0]) / 4
    moved[0], moved[-1] = x[0] + step, x[-1] - step
    for index in INDICES:
        assert index(moved) <= index(x) + 1e-9


def test_equal_incomes_are_equal_to_the_digit():
    for index in INDICES:
        assert index([0.1] * 7) == pytest.approx(0, abs=1e-15)


def test_palma_reads_parts_of_villages():
    # of 5 villages the top tenth is half a village: 4/2; the lowest four tenths are two: 1 + 1
    assert inequality.palma([1, 1, 2, 2, 4]) == pytest.approx(1.0, abs=EXACT)
    with pytest.raises(LianjianError, match="ratio is infinite"):
        inequality.palma([0, 0, 1, 1, 1])


@pytest.mark.parametrize("index", INDICES)
def test_negative_incomes_are_refused_with_a_way_out(index):
    with pytest.raises(LianjianError, match=r"1 of 3 are\. Leave them out, and say so"):
        index([-1.0, 2.0, 3.0])


def test_zeros_are_kept_where_an_index_has_a_value_and_refused_elsewhere():
    assert inequality.theil([0, 1, 1, 2]) > 0
    for index in INDICES[2:3] + INDICES[4:]:
        with pytest.raises(LianjianError, match="zero or negative incomes, and 1 of 3"):
            index([0, 1, 2])


@pytest.mark.parametrize(
    ("values", "words"), [([], "no income is known"), ([0, 0], "all 2 incomes are zero"),
                          ([1, np.inf], "infinite")]
)  # fmt: skip
def test_what_has_no_index_is_named(values, words):
    with pytest.raises(LianjianError, match=words):
        inequality.gini(values)


def test_indices_count_what_they_left_out():
    found = inequality.indices([np.nan, -2, 0, *range(1, 11)])
    assert found[["villages", "missing", "negative", "zero"]].tolist() == [11, 1, 1, 1]
    assert found["gini"] == inequality.gini(range(11))
    assert found["mld"] == inequality.mean_log_deviation(range(1, 11))
    assert found["palma"] == inequality.palma(range(11))
    assert found.attrs["notes"] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [([1, 2, 3], "needs ten villages, and 3 are known"), ([0] * 8 + [1, 2], "ratio is infinite")],
)
def test_indices_say_which_has_no_value(values, words):
    found = inequality.indices(values)
    assert np.isnan(found["palma"])
    assert words in found.attrs["notes"][0]


def test_one_village_is_not_unequal():
    with pytest.raises(LianjianError, match="1 incomes are known; inequality needs at least two"):
        inequality.indices([3.0, np.nan])


@given(incomes, st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_theil_and_mld_leave_no_residual(values, number, seed):
    groups = pd.Series(np.random.default_rng(seed).integers(0, number, len(values)))
    for index in ("theil", "mld"):
        parts = inequality.decompose(pd.Series(values), groups, index)
        assert parts.within + parts.between == pytest.approx(parts.total, abs=1e-8)
        assert parts.overlap == 0
    parts = inequality.decompose(pd.Series(values), groups, "gini")
    assert parts.overlap >= 0
    assert parts.within + parts.between + parts.overlap == pytest.approx(parts.total, abs=1e-8)


def test_gini_overlap_against_the_concentration_of_reordered_incomes():
    # Lambert & Aronson: the residual is the Gini less the concentration when groups stand by mean
    x = pd.Series([1.0, 6.0, 2.0, 9.0, 3.0])
    groups = pd.Series(list("aabbb"))
    order = np.array([1, 6, 2, 3, 9])  # group a (mean 3.5), then b (mean 14/3), each ascending
    n = len(x)
    concentration = (2 * np.arange(1, n + 1) - n - 1) @ order / (n * order.sum())
    parts = inequality.decompose(x, groups, "gini")
    assert parts.overlap == pytest.approx(inequality.gini(x) - concentration, abs=EXACT)
    assert parts.overlap > 0


def test_a_village_without_a_group_is_named():
    with pytest.raises(LianjianError, match="1 villages with an income have no group"):
        inequality.decompose(pd.Series([1.0, 2.0]), pd.Series(["a", None]))


def test_a_group_without_income_weighs_nothing():
    parts = inequality.decompose(pd.Series([0.0, 0.0, 2.0, 4.0]), pd.Series(list("aabb")))
    assert parts.groups.loc["a", ["weight", "index"]].tolist() == [0, 0]
    assert parts.within + parts.between == pytest.approx(parts.total, abs=EXACT)


def test_bootstrap_covers_and_does_not_depend_on_order_or_names():
    rng = np.random.default_rng(4)
    values = pd.Series(rng.lognormal(size=120))
    clusters = pd.Series(np.repeat(np.arange(30), 4))
    first = bootstrap(
        values, inequality.gini, np.random.default_rng(1), clusters=clusters, draws=199
    )
    mixed = values.sample(frac=1, random_state=2)
    renamed = clusters.map(lambda number: f"T{99 - number}")
    again = bootstrap(mixed, inequality.gini, np.random.default_rng(1), clusters=renamed, draws=199)
    assert first == again
    assert first.low < inequality.gini(values) < first.high
    assert (first.n, first.n_clusters, first.note) == (120, 30, "")


def test_clusters_that_move_together_widen_the_interval():
    rng = np.random.default_rng(6)
    clusters = pd.Series(np.repeat(np.arange(25), 8))
    values = pd.Series(np.exp(np.repeat(rng.normal(size=25), 8)))
    by_village = bootstrap(values, inequality.gini, np.random.default_rng(1), draws=199)
    by_cluster = bootstrap(
        values, inequality.gini, np.random.default_rng(1), clusters=clusters, draws=199
    )
    # eight copies of each value: √8 is 2.8
    assert by_cluster.std_error > 2 * by_village.std_error


def test_bootstrap_refuses_what_it_cannot_place():
    values = pd.Series([1.0, 2.0])
    rng = np.random.default_rng(1)
    with pytest.raises(LianjianError, match="9 draws"):
        bootstrap(values, inequality.gini, rng, draws=9)
    with pytest.raises(LianjianError, match="1 cluster cannot"):
        bootstrap(values, inequality.gini, rng, clusters=pd.Series(["a", "a"]))
    with pytest.raises(LianjianError, match="1 villages have no cluster"):
        bootstrap(values, inequality.gini, rng, clusters=pd.Series(["a", None]))
    few = bootstrap(values, np.mean, rng, clusters=pd.Series(["a", "b"]), draws=99)
    assert "2 clusters are few" in few.note
