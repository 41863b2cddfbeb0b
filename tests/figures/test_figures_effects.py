"""Charts of effects and robustness: what they say, in which unit, and that they draw at all."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.effects.did.callaway_santanna import aggregate, att_gt
from analysis.effects.inference import few_clusters
from analysis.effects.panel import make_panel
from analysis.effects.sensitivity._honest_did import around_reference, relative_magnitudes
from analysis.figures import theme

from .cut import bare_panels, bare_titles


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "village_id": f"v{i}",
            "year": year,
            "joined_year": 2022 if i < 10 else 0,
            "income": 10_000 * rng.normal() + 50_000 * (i < 10 and year >= 2022),
        }
        for i in range(60)
        for year in range(2018, 2025)
    )
    effects = att_gt(make_panel(frame, "income"), anticipation=1, base="universal")
    return few_clusters(aggregate(effects, "event"), anticipation=1)


def drawings(series):
    """Return what draws each chart of effects, and a sentence that its alt text must hold."""
    rows = pd.DataFrame(
        {
            "name": ["naive", "defensible", "refused"],
            "estimate": [80_000.0, 31_000.0, np.nan],
            "low": [70_000.0, 21_000.0, np.nan],
            "high": [90_000.0, 41_000.0, np.nan],
            "is_defensible": [False, True, True],
        }
    )
    balance = pd.DataFrame({"covariate": ["size"], "smd_before": [-1.5], "smd_after": [0.05]})
    curve = pd.DataFrame(
        {
            "specification": ["a", "b", "c"],
            "estimate": [10_000.0, 20_000.0, 30_000.0],
            "low": [-5_000.0, 5_000.0, 10_000.0],
            "high": [25_000.0, 35_000.0, 50_000.0],
        }
    )
    choices = pd.DataFrame(
        {"Covariates": ["none", "size", "size"], "Base": ["g−1", "g−1", "g−2"]}, index=[*"abc"]
    )
    out = pd.DataFrame(
        {
            "left_out": ["none", "sim1", "sim2"],
            "estimate": [30_000.0, 20_000.0, 35_000.0],
            "low": [10_000.0] * 3,
            "high": [50_000.0] * 3,
        }
    )
    power = pd.DataFrame(
        {"effect": [0.0, 20_000.0], "power": [0.05, 0.9], "low": [0.03, 0.85], "high": [0.08, 0.95]}
    )
    placebo = np.linspace(-1e4, 1e4, 101)
    study = around_reference([-3, -2, 0, 1], [100.0, 0.0, 5e4, 5e4], 1e6 * np.eye(4))
    honest = relative_magnitudes(study, [0.5, 1])
    return {
        "event_study_paths": (
            lambda: figures.event_study_paths({"A": series}, truth={"A": {0: 50_000.0}}),
            "true effects +0 years 5.00",
        ),
        "estimator_comparison": (
            lambda: figures.estimator_comparison({"A": rows, "B": rows}, truth={"A": 32_000.0}),
            "defensible 3.10 (2.10 to 4.10)",
        ),
        "love_plot": (lambda: figures.love_plot(balance, {"size": "Households"}), "−1.50 before"),
        "specification_curves": (
            lambda: figures.specification_curves({"A": curve, "B": curve}, choices),
            "3 specifications from 1.00 to 3.00, median 2.00, 2 with",
        ),
        "placebo_histograms": (
            lambda: figures.placebo_histograms({"A": (placebo, 40_000.0, 0.01)}),
            "observed 4.00, p = 0.010",
        ),
        "honest_intervals": (
            lambda: figures.honest_intervals({"A": honest}, "Mbar"),
            "parallel trends",
        ),
        "leave_one_out_dots": (
            lambda: figures.leave_one_out_dots({"A": out}, {"sim1": "甲县"}),
            "lowest 2.00 without 甲县",
        ),
        "power_curves": (
            lambda: figures.power_curves(
                {"operating": power}, {"operating": 15_000.0}, marks={"x": 2e4}
            ),
            "operating: 80% from 1.50 万元 on",
        ),
    }


def charts(series):
    return {name: (draw(), words) for name, (draw, words) in drawings(series).items()}


@pytest.fixture(scope="module")
def drawn(series, unmarked):
    """Every chart; no test changes one."""
    return charts(series)


def test_alt_texts_speak_the_numbers_in_wan(drawn):
    for name, (chart, words) in drawn.items():
        assert words in chart.alt, name
        assert "nan" not in chart.alt, name
        shown = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in chart.figure.axes)
        assert "万元" in shown or name == "love_plot", name


def test_simulated_data_mark_them(series, monkeypatch):
    monkeypatch.setattr(theme, "any_simulated", lambda: True)
    for name, (chart, _) in charts(series).items():
        assert chart.alt.startswith("Simulated data."), name
        assert any(text.get_gid() == "simulated" for text in chart.figure.texts), name
        assert bare_panels(chart) == [], name
        assert bare_titles(chart) == [], name


def test_a_refused_method_is_left_out(series):
    chart = drawings(series)["estimator_comparison"][0]()  # looking at ticks changes a chart
    assert "refused" not in chart.alt
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == [
        "naive",
        "defensible",
    ]


def test_all_charts_of_effects_are_drawn_here(drawn):
    from analysis.figures import effects, robustness

    here = {
        name
        for module in (effects, robustness)
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert here - {"Unit", "as_unit", "wan", "zero_line"} == set(drawn)


def test_every_chart_of_effects_can_be_drawn_again(drawn):
    from analysis.reports import calls
    from analysis.reports.numbers import Ledger

    for name, (chart, _) in drawn.items():
        made = figures.call_of(figures.as_chart(chart.figure).figure)  # as `show` takes it
        given = {"name": "x", "caption": "X", "alt": "y", "chart": made.chart,
                 "with": made.arguments, "marked": made.marked}  # fmt: skip
        call = calls.Call("show", given)
        again = calls.of({"data": {calls.MIME: calls.kept(call)}}, {})
        assert (
            calls.picture(chart.figure, call, Ledger()).html == calls.make(again, Ledger()).html
        ), name
