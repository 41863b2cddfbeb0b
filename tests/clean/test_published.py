"""Published figures are read as what they are: results, bounds, targets, repetitions."""

import ast
import operator
import re

import pandas as pd
import pytest

import analysis
from analysis import paths
from analysis.clean.panel import published_tables
from analysis.clean.published import check_published
from analysis.errors import LianjianError

FILES = {name: f"{name}.csv" for name in ("figures", "benchmarks", "bands", "reported")}
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(text):
    """Return what arithmetic of plain numbers comes to."""

    def walk(node):
        if isinstance(node, ast.Constant):
            return float(node.value)
        return OPERATIONS[type(node.op)](walk(node.left), walk(node.right))

    return walk(ast.parse(text.strip(), mode="eval").body)


@pytest.fixture(scope="module")
def tables():
    return published_tables(paths.raw())[0]


def changed(tables, table, row, **cells):
    """Return the tables with some cells of one row changed, the others as they are."""
    copy = tables[table].copy()
    for column, cell in cells.items():
        copy.loc[row, column] = cell
    return tables | {table: copy}


def row_of(frame, **wanted):
    found = frame
    for column, cell in wanted.items():
        found = found[found[column] == cell]
    return found.index[0]


def test_a_derived_value_is_what_its_note_computes(tables):
    rows = tables["benchmarks"]
    derived = rows[rows["qualifier"] == "derived"]
    assert len(derived) == 9
    for row in derived.itertuples():
        exact = value_of(re.match(r"[\d.()/* +-]+(?=$|[:,]| \(printed)", row.note)[0])
        assert row.value_wan_yuan == round(exact, 2), row.note
        assert row.low_wan_yuan <= exact <= row.high_wan_yuan


def test_a_target_and_a_forecast_are_told_from_results(tables):
    benchmarks, reported = tables["benchmarks"], tables["reported"]
    targets = benchmarks[benchmarks["qualifier"] == "target"]
    assert targets["place"].tolist() == ["兰州新区秦川园区"]
    forecasts = reported[reported["qualifier"] == "forecast"]
    assert len(forecasts) == 9
    assert "张家畔村" in forecasts["village"].tolist()


def test_every_figure_on_villages_names_its_source(tables):
    for table in ("benchmarks", "bands", "reported"):
        assert tables[table]["source"].str.len().min() > 3, table
    assert len(tables["reported"]) == 240
    assert (tables["reported"]["alliance"] == "yes").sum() == 44


def test_the_same_fact_twice_is_said_once(built):
    figures = analysis.load("published").figures
    first = dict(zip(figures["figure_id"], figures["value"], strict=True))
    repeated = figures[figures["same_as"].notna()]
    assert set(repeated["figure_id"]) == {"F14", "F17", "F18", "F22", "F23"}
    assert all(first[row.same_as] == row.value for row in repeated.itertuples())


@pytest.mark.parametrize(
    ("table", "row", "cells", "said"),
    [
        ("figures", {"figure_id": "F14"}, {"value": 46.0}, "F14: 46 is said to be the same as F03"),
        ("figures", {"figure_id": "F17"}, {"same_as": "F99"}, "F17: same_as is 'F99'"),
        ("figures", {"figure_id": "F23"}, {"same_as": "F18"}, "expected the first row"),
        (
            "benchmarks",
            {"place": "天水市", "year": 2021},
            {"value_wan_yuan": 6.5},
            "6.5 is derived",
        ),
        ("benchmarks", {"place": "陕西省"}, {"low_wan_yuan": float("nan")}, "seen nan and 70.97"),
        ("benchmarks", {"place": "安庆市"}, {"low_wan_yuan": 1.0}, "with the bounds of a derived"),
        ("benchmarks", {"place": "桐乡市"}, {"villages": pd.NA}, "expected the number of villages"),
        ("benchmarks", {"same_as": "V077"}, {"value_wan_yuan": 12.0}, "same as V077"),
        ("bands", {"band_low_wan_yuan": 50.0}, {"band_low_wan_yuan": 4.0}, "empty or overlap"),
        ("bands", {"band_low_wan_yuan": 50.0}, {"share_pct": 60.0}, "117.7 % together"),
        ("reported", {"report_id": "V165"}, {"value_wan_yuan": -3.0}, "only a net income"),
        ("reported", {"report_id": "V010"}, {"series_id": None}, "go together"),
        ("reported", {"report_id": "V063"}, {"village": "金山村"}, "P019: a series of several"),
        ("reported", {"report_id": "V066"}, {"year": 2019}, "P020: its years do not follow"),
        ("reported", {"report_id": "V032"}, {"alliance": "not_stated"}, "figures of an alliance"),
        ("reported", {"report_id": "V235"}, {"statistic": "level"}, "level is 'alliance'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_row(tables, table, row, cells, said):
    at = row_of(tables[table], **row)
    with pytest.raises(LianjianError, match=re.escape(said)) as caught:
        check_published(changed(tables, table, at, **cells), FILES)
    assert f"{table}.csv" in str(caught.value)


def test_many_faults_are_counted(tables):
    reported = tables["reported"].assign(value_wan_yuan=-1.0)
    with pytest.raises(LianjianError, match=r"and \d+ more"):
        check_published(tables | {"reported": reported}, FILES)
