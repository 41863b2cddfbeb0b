"""Matching against written-out distances, and its rules."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from analysis.effects.matching import balance_table, match
from analysis.errors import LianjianError

ROUNDING = 1e-8


def draw(seed: int = 1, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "weak": np.arange(n) < 12,
            "size": rng.normal(size=n),
            "change": rng.normal(size=n) + 0.5 * (np.arange(n) < 12),
            "zone": rng.choice(["farm", "park"], n),
        }
    )


def test_the_nearest_free_pair_is_formed_first():
    units = draw()
    found = match(units, "weak", ["size", "change"])
    x = units[["size", "change"]].to_numpy()
    within = np.concatenate([x[:12] - x[:12].mean(axis=0), x[12:] - x[12:].mean(axis=0)])
    gaps = cdist(x[:12], x[12:], "mahalanobis", VI=np.linalg.inv(within.T @ within / 58))
    for _ in range(12):
        one, zero = np.unravel_index(gaps.argmin(), gaps.shape)
        assert found.control[one] == 12 + zero
        assert found.distance[one] == pytest.approx(gaps[one, zero], abs=ROUNDING)
        gaps[one], gaps[:, zero] = np.inf, np.inf


def test_without_replacement_nobody_serves_twice():
    found = match(draw(), "weak", ["size", "change"], ratio=3)
    assert len(found.control) == len(set(found.control)) == 36
    assert (np.bincount(found.treated) == 3).all()


def test_exact_strata_and_caliper():
    units = draw()
    found = match(units, "weak", ["size", "change"], exact=["zone"], caliper=0.5)
    zones = units["zone"].to_numpy()
    assert (zones[found.treated] == zones[found.control]).all()
    assert found.distance.max() <= 0.5
    assert len(found.unmatched) + len(set(found.treated)) == 12
    assert bool(len(found.unmatched)) == any("have no match" in note for note in found.notes)


def test_ties_do_not_depend_on_row_order():
    units = pd.DataFrame({"weak": [True, False, False, True], "size": [0.0, 1.0, -1.0, 10.0]})
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        mixed = units.iloc[order].reset_index(drop=True)
        found = match(mixed, "weak", ["size"])
        pairs = {(mixed["size"][a], mixed["size"][b]) for a, b in zip(
            found.treated, found.control, strict=True)}  # fmt: skip
        assert pairs == {(0.0, -1.0), (10.0, 1.0)}


def test_balance_weighs_each_treated_once():
    units = pd.DataFrame({"weak": [True, True, False, False, False], "size": [1.0, 3, 0, 2, 7]})
    table = balance_table(units, "weak", ["size"], np.array([0, 0, 1]), np.array([2, 3, 4]))
    spread = np.sqrt((2 + 13) / 2)
    assert table["smd_before"][0] == pytest.approx((2 - 3) / spread)
    assert table["smd_after"][0] == pytest.approx((2 - (1 + 7) / 2) / spread)
    assert table["variance_ratio_before"][0] == pytest.approx(2 / 13)


def test_what_cannot_be_matched_is_refused():
    units = draw()
    for call, message in (
        (lambda: match(units, "weak", ["area"]), "no column area"),
        (lambda: match(units, "weak", []), "Nothing to match on"),
        (lambda: match(units.assign(size=np.nan), "weak", ["size"]), "60 units miss"),
        (lambda: match(units.assign(weak=True), "weak", ["size"]), "none to match"),
        (lambda: match(units, "weak", ["size"], caliper=1e-12), "widen the caliper"),
        (lambda: match(units, "weak", ["size"], ratio=0), "1 or more"),
        (lambda: match(units.assign(two=units["size"] * 2), "weak", ["size", "two"]), "sum of the"),
    ):
        with pytest.raises(LianjianError, match=message):
            call()


def test_matching_on_a_level_of_the_outcome_is_warned_of():
    found = match(draw(), "weak", ["size"], levels=["size"])
    assert any("Daw & Hatfield" in note for note in found.notes)
