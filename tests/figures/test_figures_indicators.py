"""Charts of pairs and distributions: their words, their marks, and what they draw at the edges."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.figures import theme
from analysis.indicators import bands, inequality, pairs
from analysis.indicators import spells as spells_of

from .cut import bare_panels, bare_titles

WAN = 10_000.0


@pytest.fixture(scope="module")
def panel():
    """Four pairs; the last has no year of joining and lacks its helper's first income."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "village_id": f"{role}-{number}",
            "pair_id": f"P{number}",
            "role": role,
            "joined_year": 2023 if number < 3 else None,
            "year": year,
            "operating_income_yuan": level * rng.gamma(9, 1 / 9) * WAN * (year - 2020),
        }
        for number in range(4)
        for role, level in (("helper", 40.0), ("allied_weak", 4.0))
        for year in (2022, 2023, 2024)
    ]
    frame = pd.DataFrame(rows).astype({"joined_year": "Int64"})
    gone = (frame["village_id"] == "helper-3") & (frame["year"] == 2022)
    frame.loc[gone, "operating_income_yuan"] = np.nan
    return frame


def charts(panel):
    column = "operating_income_yuan"
    gap = pairs.gaps(panel, column)
    ends = pairs.closing(gap, 2022, 2024).rename(
        columns={"ratio_start": "start", "ratio_end": "end"}
    )
    moves = bands.transitions(panel, column, 2022, 2024)
    incomes = panel.loc[panel["year"] == 2024, column]
    spells = spells_of.weak_spells(panel, 2022, threshold_wan=15)
    curve = spells_of.kaplan_meier(spells["years"], spells["has_left"])
    both = {"经营性收入": ends, "总收入": ends.assign(expected=ends["end"])}
    return {
        "pair_gaps": figures.pair_gaps(gap, "Operating income"),
        "pair_slopes": figures.pair_slopes(both, ("2022", "2024", "expected"), "Ratio, %"),
        "lorenz_curves": figures.lorenz_curves(
            {"总收入": {"2024": (inequality.lorenz(incomes), inequality.gini(incomes))}}
        ),
        "transition_heat": figures.transition_heat(
            {"总收入": (moves.counts, moves.shares)}, (2022, 2024)
        ),
        "survival_curves": figures.survival_curves(
            {"Weak allied": curve.table}, "Still weak, %", "Years"
        ),
        "income_heaps": figures.income_heaps(
            {"总收入": panel[column] / WAN}, (5, 10), {"总收入": "2 below and 3 above 5 万元"}
        ),
    }


@pytest.fixture(scope="module")
def drawn(panel, unmarked):
    """Every chart; no test changes one."""
    return charts(panel)


def test_alt_text_speaks_the_numbers(panel, drawn):
    for name, chart in drawn.items():
        assert len(chart.alt) > 40, name
        assert any(char.isdigit() for char in chart.alt), name
        assert "nan" not in chart.alt, name
    gap = pairs.gaps(panel, "operating_income_yuan").set_index(["pair_id", "year"])["gap"]
    words = drawn["pair_gaps"].alt
    assert f"gap {gap['P0', 2022]:.1f} in 2022, {gap['P0', 2024]:.1f} in 2024" in words
    # the pair without a first gap starts where both incomes are known
    assert f"year of joining unknown: gap {gap['P3', 2023]:.1f} in 2023" in words
    assert "of 3 pairs rose" in drawn["pair_slopes"].alt
    assert "(4 at risk at the start)" in drawn["survival_curves"].alt


def test_axes_carry_units(drawn):
    for name, chart in drawn.items():
        words = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in chart.figure.axes)
        assert "万元" in words or "%" in words, name


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_mark_every_chart_and_real_data_none(panel, monkeypatch, simulated):
    monkeypatch.setattr(theme, "any_simulated", lambda: simulated)
    for name, chart in charts(panel).items():
        marked = any(text.get_gid() == "simulated" for text in chart.figure.texts)
        assert marked is simulated, name
        assert chart.alt.startswith("Simulated data.") is simulated, name
        assert simulated is not bool(bare_panels(chart)), name
        assert bare_titles(chart) == [] or not simulated, name


@pytest.mark.parametrize("number", [1, 2, 4, 9])
def test_every_pair_has_a_panel_and_no_panel_is_empty(number):
    rows = [
        (f"P{pair}", 2023, year, year - 2023, 50.0 + pair, 5.0)
        for pair in range(number)
        for year in (2022, 2024)
    ]
    names = ["pair_id", "joined_year", "year", "event_time", "helper", "weak"]
    gap = pd.DataFrame(rows, columns=names).assign(gap=lambda x: x["helper"] - x["weak"])
    shown = [axes for axes in figures.pair_gaps(gap, "Total").figure.axes if axes.get_visible()]
    assert len(shown) == number
    assert all(axes.lines for axes in shown)


def test_a_band_that_nobody_started_in_stays_empty():
    frame = pd.DataFrame({"village_id": list("ABC") * 2, "year": [2023] * 3 + [2024] * 3})
    moves = bands.transitions(frame.assign(x_yuan=6e4), "x_yuan", 2023, 2024, (5,))
    chart = figures.transition_heat({"Moves": (moves.counts, moves.shares)}, (2023, 2024))
    written = [text.get_text() for text in chart.figure.axes[0].texts]
    assert [words for words in written if words] == ["100\n(3)"]


def test_an_income_at_a_target_stands_above_its_line():
    values = pd.Series([4.99, 5.0, 5.49, 12.0, np.nan])
    chart = figures.income_heaps({"总收入": values}, (5, 10), {"总收入": "counted"})
    (axes,) = chart.figure.axes
    heights = {bar.get_x(): bar.get_height() for bar in axes.patches}
    assert (heights[4.5], heights[5.0]) == (1, 2)
    assert "4 villages and years, 1 beyond the axis; counted" in chart.alt
