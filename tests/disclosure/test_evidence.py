"""Numbers of the indicators carry who stands behind them, through what frames do to them."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from analysis import _evidence
from analysis._evidence import collecting, find, packed, unpacked
from analysis.disclosure import Guard, Number, Policy
from analysis.indicators import band_shares, changes, growth, means, weak_share
from tests.disclosure.invented import SOURCES, TOTAL, YEARS, books

M = SOURCES[0]


@pytest.fixture(scope="module")
def panel():
    return books(160, 50).assign(households=lambda frame: 100 + frame.index % 400)


def exactly(panel, evidence):
    """Return the weighted sum that evidence states, from the books themselves."""
    books_of = panel.set_index(["village_id", "year"])
    return sum(
        float((books_of.xs(year, level="year")[measure].reindex(weight.index) * weight).sum())
        for (measure, year), weight in evidence.weights.items()
    )


@pytest.mark.parametrize("per", ["village", "household"])
@pytest.mark.parametrize("by", ["year", ["role", "year"], ["county_code", "role", "year"]])
def test_each_mean_is_the_sum_that_its_evidence_states(panel, per, by):
    with collecting():
        table = means(panel, by, [M, TOTAL], per=per)
        numbers = table[[name for name in table if name.endswith(("_wan_yuan", "household"))]]
        values = numbers.to_numpy().ravel()
        values = values[np.isfinite(values)]
        assert len(values) >= 6
        for value in values:
            assert any(exactly(panel, each) == pytest.approx(value) for each in find(value))


def test_evidence_survives_what_people_do_with_frames(panel):
    with collecting():
        table = means(panel, ["role", "year"], M)
        name = next(column for column in table if column.endswith("_wan_yuan"))
        written = io.StringIO()
        table.to_csv(written, index=False)
        forms = [
            table.pivot(index="year", columns="role", values=name),
            table.set_index(["role", "year"])[[name]].unstack(),
            table.merge(table[["role", "year"]])[[name]],
            pd.concat([table, table])[[name]],
            table.melt(["role", "year"], [name])[["value"]],
            pd.read_csv(io.StringIO(written.getvalue()))[[name]],
        ]
        for form in forms:
            values = form.to_numpy().ravel()
            assert all(find(value) for value in values[np.isfinite(values)])
        # computed on, it is a number that nobody vouches for
        assert not find(table[name].iloc[0] - table[name].iloc[1])


def test_growth_stands_on_the_villages_known_in_both_years(panel):
    with collecting():
        change = changes(panel, M, YEARS[0], YEARS[-1])
        table = growth(change[change["role"] == "outside"], "county_code")
        for _, row in table.iterrows():
            for name in ("start_mean", "end_mean"):
                assert exactly(panel, find(row[name])[0]) == pytest.approx(row[name])
            assert find(row["change_mean"])[0].parent_values == (row["end_mean"], row["start_mean"])
            assert find(row["growth_pct"])[0].rule == "ratio"
            share = find(row["fell_pct"])[0]
            assert share.villages / share.of * 100 == pytest.approx(row["fell_pct"])
            assert find(row["change_median"])[0].rule == "order"


def test_growth_leaves_as_the_ratio_of_what_left(panel):
    with collecting():
        table = growth(changes(panel, M, YEARS[0], YEARS[-1]))
        numbers = [Number(name, table[name].item(), find(table[name].item()))
                   for name in ("start_mean", "end_mean", "change_mean", "growth_pct")]  # fmt: skip
    plan = Guard(Policy(), panel).plan(numbers).set_index("name")
    assert not plan["reason"].any()
    out = plan["released"]
    expected = (out["end_mean"] / out["start_mean"] - 1) * 100
    change = out["end_mean"] - out["start_mean"]
    assert out["change_mean"] == pytest.approx(change, abs=plan.loc["change_mean", "step"])
    assert out["growth_pct"] == pytest.approx(expected, abs=plan.loc["growth_pct", "step"] + 0.5)


def test_shares_know_how_many_are_in_and_around_them(panel):
    with collecting():
        weak = weak_share(panel, ["role", "year"], 10)
        bands = band_shares(panel, "year", M, (5.0, 20.0))
        for value in [*weak["weak_pct"], *bands.to_numpy().ravel()]:
            shares = [each.villages / each.of * 100 for each in find(value)]
            assert shares
            assert shares == pytest.approx([value] * len(shares))


def test_numbers_of_deflated_books_do_not_pass_as_those_of_the_books(panel):
    real = panel.assign(**{M: panel[M] * 0.9})
    with collecting():
        value = means(real, "year", M).iloc[0].filter(like="_wan_yuan").item()
        number = Number("x", value, find(value))
    assert "does not add up" in Guard(Policy(), panel).decide(number).reason


def test_nothing_is_kept_where_nobody_collects(panel, monkeypatch):
    monkeypatch.setattr(_evidence, "_kept", None)  # another test may have loaded a ledger
    with collecting() as kept:
        pass
    means(panel, "year", M)
    assert kept == {}


def test_evidence_is_the_same_once_packed_and_unpacked(panel):
    with collecting() as kept:
        means(panel, ["role", "year"], M, per="household")
        growth(changes(panel, M, YEARS[0], YEARS[-1]), "role")
        weak_share(panel, "year", 10)
        assert len(kept) > 20
        again = unpacked(json.loads(json.dumps(packed(kept), allow_nan=False)))
    assert again.keys() == kept.keys()
    for key, stands in kept.items():
        for one, other in zip(stands, again[key], strict=True):
            assert (one.rule, one.villages, one.of) == (other.rule, other.villages, other.of)
            assert one.parent_values == pytest.approx(other.parent_values)
            assert one.weights.keys() == other.weights.keys()
            for measure in one.weights:
                pd.testing.assert_series_equal(
                    one.weights[measure], other.weights[measure], check_names=False
                )
