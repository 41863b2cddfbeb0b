"""Charts: what they say in words, that their glyphs exist, and that simulated data show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis import figures
from analysis.clean import dataset
from analysis.errors import LianjianError
from analysis.fields import ROLES, SIMULATED_COUNTIES, county, twin
from analysis.figures import _calls, _chart, layout, theme
from analysis.indicators import bands, income

from .cut import bare_panels, bare_titles

YEARS = (2022, 2023, 2024)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(5)
    rows = []
    for place in SIMULATED_COUNTIES:
        for number in range(12):
            role = list(ROLES)[number % 4]
            for year in YEARS:
                operating = rng.gamma(2, 5e4) * (year - 2020)
                subsidy, other = rng.gamma(1, 2e4, 2)
                rows.append(
                    {
                        "village_id": f"{place.code}-{number}",
                        "year": year,
                        "county_code": place.code,
                        "county_name": place.name_zh,
                        "zone": place.zone,
                        "role": role,
                        "operating_income_yuan": operating,
                        "subsidy_income_yuan": subsidy,
                        "other_income_yuan": other,
                        "total_income_yuan": operating + subsidy + other,
                    }
                )
    return pd.DataFrame(rows)


def drawings(panel):
    """Return what draws each chart there is, by name."""
    parts = [
        "operating_income_yuan",
        "subsidy_income_yuan",
        "other_income_yuan",
        "total_income_yuan",
    ]
    yearly = income.means(panel, ["year"], parts)
    both = {"operating_income_wan_yuan": "经营性收入", "total_income_wan_yuan": "总收入"}
    by_county = income.means(panel, ["county_code", "year"], parts)
    means = pd.DataFrame(
        {
            "year": [2023, 2024, 2023, 2024, 2023],
            "measure": ["net", "net", "operating", "operating", "total"],
            "value_wan_yuan": [11.44, 16.18, 22.76, 29.31, 25.78],
            "qualifier": ["derived", "exact", "exact", "exact", "exact"],
        }
    )
    ends = pd.DataFrame(
        {
            "village": ["甲村", "乙村", "丙村"],
            "alliance": ["yes", "not_stated", "not_stated"],
            "first_year": 2019,
            "first_wan": [7.5, 0.0, 50.0],
            "first_qualifier": ["exact", "about_zero", "under"],
            "last_year": 2022,
            "last_wan": [50.0, 40.0, 120.0],
            "last_qualifier": ["at_least", "forecast", "exact"],
        }
    )
    sizes = pd.DataFrame(
        {
            "name": ["甲县", "乙县", "丙县"],
            "per_village_wan": [5.0, 12.0, 49.2],
            "qualifier": ["forecast", "about", "over"],
        }
    )
    change = income.changes(panel, "operating_income_yuan", 2023, 2024)
    shares = bands.band_shares(panel, ["year"], "operating_income_yuan")
    return {
        "composition": lambda: figures.composition(yearly),
        "paths_by_group": lambda: figures.paths_by_group(
            income.means(panel, ["role", "year"], parts), "role", both, ROLES
        ),
        "gain_distribution": lambda: figures.gain_distribution(change, ROLES, 2.0, (2023, 2024)),
        "province_paths": lambda: figures.province_paths(means, 27.9, "All rose", "a survey"),
        "reported_changes": lambda: figures.reported_changes(ends, "All rose", "the press"),
        "reported_sizes": lambda: figures.reported_sizes(
            sizes, "Mostly small", "the press", {"gain": 2.0}
        ),
        "county_paths": lambda: figures.county_paths(by_county, county("丙县"), twin("丙县"), both),
        "band_bars": lambda: figures.band_bars(shares, "Operating income"),
        "county_small_multiples": lambda: figures.county_small_multiples(
            by_county, "operating_income_wan_yuan", "Operating, 万元"
        ),
    }


def charts(panel):
    return {name: draw() for name, draw in drawings(panel).items()}


@pytest.fixture(scope="module")
def drawn(panel, unmarked):
    """Every chart; no test changes one."""
    return charts(panel)


def marks(chart):
    return [text for text in chart.figure.texts if text.get_gid() == "simulated"]


def test_every_chart_of_the_room_is_tested():
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert {name for name in figures.CHARTS if f"figures.{name}(" in tests} == set(figures.CHARTS)
    assert set(figures.CHARTS) <= set(figures.__all__)


def test_a_mark_can_be_taken_off(panel):
    chart = drawings(panel)["paths_by_group"]()
    figures.mark_simulated(chart.figure)
    assert marks(chart)
    others = len(chart.figure.texts) - len(marks(chart))
    figures.unmark_simulated(chart.figure)
    assert not marks(chart)
    assert len(chart.figure.texts) == others


def test_alt_text_speaks_the_numbers(panel, drawn):
    for name, chart in drawn.items():
        assert len(chart.alt) > 40, name
        assert any(char.isdigit() for char in chart.alt), name
        assert "nan" not in chart.alt, name
    assert "22.76 in 2023 to 29.31 in 2024" in drawn["province_paths"].alt
    assert "With no alliance stated: 2 of 2 rose" in drawn["reported_changes"].alt
    assert "丙县 49.2 or more; 乙县 about 12; 甲县 forecast: 5" in drawn["reported_sizes"].alt
    gains = income.changes(panel, "operating_income_yuan", 2023, 2024)
    helpers = gains.loc[gains["role"] == "helper", "change_wan_yuan"]
    assert f"median gain {helpers.median():.1f} 万元" in drawn["gain_distribution"].alt


def test_axes_carry_units(drawn):
    for name, chart in drawn.items():
        words = " ".join(
            axes.get_xlabel() + axes.get_ylabel() + axes.get_title("left")
            for axes in chart.figure.axes
        )
        assert "万元" in words or "%" in words, name


def test_simulated_data_mark_every_chart_and_real_data_none(panel, drawn, monkeypatch):
    for name, chart in drawn.items():
        assert not marks(chart), name
        assert not chart.alt.startswith("Simulated data."), name
    monkeypatch.setattr(theme, "any_simulated", lambda: True)
    for name, chart in charts(panel).items():
        assert any("模拟数据" in text.get_text() for text in marks(chart)), name
        assert chart.alt.startswith("Simulated data."), name
        before = len(chart.figure.texts)
        figures.mark_simulated(chart.figure)
        assert len(chart.figure.texts) == before
        assert bare_panels(chart) == [], name
        assert bare_titles(chart) == [], name


def test_a_panel_without_its_mark_is_seen(panel):
    chart = drawings(panel)["county_small_multiples"]()
    assert bare_panels(chart) == list(range(8))
    figures.mark_simulated(chart.figure)
    _chart.panels(chart.figure)[3].texts[-1].remove()
    assert bare_panels(chart) == [3]


def test_loading_simulated_data_is_what_marks(built, panel, monkeypatch):
    monkeypatch.setattr(dataset, "_loaded", {})
    assert not dataset.any_simulated()
    dataset.load("published")
    assert not dataset.any_simulated()
    dataset.load("simulated")
    assert marks(drawings(panel)["composition"]())


def test_a_missing_glyph_is_an_error(panel, tmp_path):
    figure, (axes,) = theme.new_figure()
    axes.set_title("ก")  # Thai, which neither font draws
    chart = theme.finish(figure, "alt")
    with pytest.raises(LianjianError, match=r"cannot draw.*missing from"):
        chart.save(tmp_path / "x.png")
    with pytest.raises(LianjianError, match=r"cannot draw.*missing from"):
        chart._repr_mimebundle_()
    assert list(tmp_path.iterdir()) == []


def test_rare_village_characters_have_glyphs(tmp_path):
    figure, (axes,) = theme.new_figure()
    axes.set_title("崾崄 塬 峁 㟖 壕 〇 ㎡ ￥ 聯建村")
    assert theme.finish(figure, "alt").save(tmp_path / "x.svg").stat().st_size


def test_a_chart_is_drawn_once_and_laid_out_as_by_matplotlib(panel, monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(
        Figure, "draw", lambda figure, renderer: (drawn.append(figure), draw(figure, renderer))
    )
    for name, make in drawings(panel).items():
        make()._drawn("svg")
        assert len(drawn) == (2 if name == "reported_changes" else 1), name  # which looks for room
        cuts = []
        for is_chart in (True, False):
            with monkeypatch.context() as patched:
                patched.setattr(_calls, "is_chart", lambda _, known=is_chart: known)
                figure = make().figure
                cut = layout.lay_out(figure)
            places = [axes.get_position().extents for axes in figure.axes]
            cuts.append(np.concatenate([cut.extents, *places]))
        np.testing.assert_array_equal(*cuts, err_msg=name)
        drawn.clear()


@pytest.mark.parametrize(("form", "said"), [("plain", [True, True]), ("phone", [False, True])])
def test_one_of_two_panels_above_another_says_what_both_measure(form, said):
    incomes = {name: pd.Series([0.2, 3.0, 4.9, 5.1]) for name in ("Operating", "Total")}
    counts = dict.fromkeys(incomes, "one above")
    with figures.drawing(form, marked=False):
        figure = figures.income_heaps(incomes, [5.0], counts).figure
    assert [axes.xaxis.label.get_visible() for axes in figure.axes] == said


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8), st.floats(0.01, 50))
def test_labels_never_overlap_and_keep_their_order(values, gap):
    placed = theme.spread(values, gap)
    order = np.argsort(values, kind="stable")
    steps = np.diff(np.array(placed)[order])
    assert (steps >= gap - 1e-6).all()
    # pushed apart, not pushed away: the middle stays
    assert np.isclose(np.mean(placed), np.mean(values), atol=1e-6 * max(1, gap) * 10)


def test_every_chart_can_be_drawn_again_from_what_a_notebook_keeps(drawn):
    from analysis.reports import calls
    from analysis.reports.numbers import Ledger

    for name, chart in drawn.items():
        made = figures.call_of(figures.as_chart(chart.figure).figure)  # as `show` takes it
        given = {"name": "x", "caption": "X", "alt": "y", "chart": made.chart,
                 "with": made.arguments, "marked": made.marked}  # fmt: skip
        call = calls.Call("show", given)
        stored = calls.kept(call)
        again = calls.of({"data": {calls.MIME: stored}}, {})
        assert (
            calls.picture(chart.figure, call, Ledger()).html == calls.make(again, Ledger()).html
        ), name


MEASURES = {"operating_income_wan_yuan": "Operating", "total_income_wan_yuan": "Total"}


def yearly(years, operating, total):
    """Return means of one county, whose villages are of one role."""
    named = {"year": years, "county_code": "sim1", "role": "outside"}
    return pd.DataFrame(named | dict(zip(MEASURES, (operating, total), strict=True)))


def over_years(means):
    """Draw what draws lines over years, and return the charts with both measures."""
    yield figures.county_paths(means, county("sim1"), twin("sim1"), MEASURES)
    yield figures.paths_by_group(means, "role", MEASURES, {"outside": "Outside"})


def points(axes):
    """Return where a panel shows points."""
    marked = [line for line in axes.lines if line.get_marker() == "o"]
    return {
        (x, y) for line in marked for x, y in zip(*line.get_data(), strict=True) if not np.isnan(y)
    }


def test_a_year_that_stands_alone_is_a_point():
    only = yearly([2024], [3.0], [5.0])
    for chart in (
        *over_years(only),
        figures.county_small_multiples(only, next(iter(MEASURES)), ""),
    ):
        assert (2024, 3.0) in points(chart.figure.axes[0])
    gap = yearly([2021, 2022, 2023, 2024], [1.0, np.nan, 3.0, 4.0], [np.nan] * 4)
    paths, _ = over_years(gap)
    assert points(paths.figure.axes[0]) == {(2021, 1.0)}  # 2023 and 2024 are a line


def test_a_measure_that_nobody_knows_has_no_data_and_others_their_own_scale():
    nan = float("nan")
    for unknown in (0, 1):
        values = [[nan, nan], [nan, nan]]
        values[1 - unknown] = [2.0, nan]
        for chart in over_years(yearly([2023, 2024], *values)):
            words = [[text.get_text() for text in axes.texts] for axes in chart.figure.axes]
            assert "no data" in words[unknown]
            assert "no data" not in words[1 - unknown]
            assert chart.figure.axes[0].get_ylim()[1] == pytest.approx(2.0 * 1.06)
            assert "2.0 in 2023" in chart.alt
            assert "nan" not in chart.alt + str(words)
