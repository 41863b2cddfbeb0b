"""Published figures held against values, and centres with what was cut."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import LianjianError
from analysis.indicators import income, targets

GAPS = [2.0, 1.0, 6.0]


@pytest.mark.parametrize(
    ("values", "claimed", "reading", "villages", "verdict"),
    [
        (GAPS, 3.0, "mean is", 3, "agrees"),
        (GAPS, 3.04, "mean is", 3, "agrees"),  # prints as 3.0
        (GAPS, 3.2, "mean is", 3, "contradicts"),
        (GAPS, 2.3, "mean is", 4, "cannot tell"),  # 9/4 at least, were the fourth to have none
        (GAPS, 2.1, "mean is", 4, "contradicts"),
        (GAPS, 3.0, "mean at least", 3, "agrees"),
        (GAPS, 3.1, "mean at least", 3, "contradicts"),
        (GAPS, 9.0, "mean at least", 4, "cannot tell"),
        (GAPS, 2.2, "mean at least", 4, "agrees"),  # even were the fourth to have none
        (GAPS, 1.0, "each at least", 3, "agrees"),
        (GAPS, 1.0, "each at least", 4, "cannot tell"),
        (GAPS, 2.0, "each at least", 4, "contradicts"),
        ([], 2.0, "each at least", 4, "cannot tell"),
    ],
)
def test_verdicts(values, claimed, reading, villages, verdict):
    found = targets.reconcile(
        pd.Series([*values, np.nan], dtype=float), claimed, reading, villages=villages, least=0.0
    )
    assert found.verdict == verdict
    assert found.known == len(values)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=6),
    st.integers(0, 3),
    st.floats(0, 100),
    st.sampled_from(["mean is", "mean at least", "each at least"]),
    st.integers(0, 2**32 - 1),
)
def test_a_verdict_stands_whatever_the_unknown_turn_out_to_be(known, more, claim, reading, seed):
    claim = round(claim, 1)
    villages = len(known) + more
    verdict = targets.reconcile(
        pd.Series(known), claim, reading, villages=villages, least=0.0
    ).verdict
    rest = np.random.default_rng(seed).uniform(0, 200, more)
    whole = targets.reconcile(
        pd.Series([*known, *rest]), claim, reading, villages=villages, least=0.0
    ).verdict
    assert whole != "cannot tell"
    assert verdict in {whole, "cannot tell"}


def test_another_group_is_refused():
    with pytest.raises(LianjianError, match="3 values for a figure on 2 villages"):
        targets.reconcile(pd.Series(GAPS), 1.0, "mean is", villages=2)


def test_composition_leaves_out_the_unknown_and_counts_the_dependent():
    frame = pd.DataFrame(
        {
            "village_id": list("ABCD"),
            "year": [2024] * 4,
            "operating_income_yuan": [10.0, 0.0, 0.0, np.nan],
            "subsidy_income_yuan": [0.0, 30.0, 0.0, 5.0],
            "other_income_yuan": [0.0, 0.0, 0.0, 5.0],
            "total_income_yuan": [10.0, 30.0, 0.0, np.nan],
        }
    )
    row = income.by_source(frame, ["year"]).iloc[0]
    assert row["villages"] == 3
    assert (row["operating_pct"], row["subsidy_pct"], row["other_pct"]) == (25, 75, 0)
    # the village without income has no share of its own
    assert (row["operating_median_pct"], row["dependent_pct"]) == (50, 50)
    # a group without any income consists of nothing, which is said
    by_village = income.by_source(frame, ["village_id"])
    assert by_village["village_id"].tolist() == ["A", "B"]
    assert "1 of 3 groups have a total of 0 or less and are left out" in by_village.attrs["notes"]
    assert income.by_source(frame.iloc[[2]], ["year"]).empty
