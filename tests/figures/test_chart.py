"""A chart draws and saves itself, and takes what people draw with other libraries."""

import io
import re
import warnings
from contextlib import nullcontext
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.textpath import TextToPath
from PIL import Image
from pypdf import PdfReader

from analysis import figures
from analysis.errors import LianjianError
from analysis.figures import _chart
from analysis.figures._lines import break_titles
from analysis.figures.theme import new_figure

COUNTIES = ["环县", "华池县", "宁县"]


@pytest.fixture
def means():
    years = [2022, 2023, 2024]
    return pd.DataFrame(
        {
            "year": years,
            "operating_income_wan_yuan": [8.0, 9.0, 12.5],
            "subsidy_income_wan_yuan": [2.0, 2.5, 3.0],
            "other_income_wan_yuan": [1.0, 1.0, 0.5],
        }
    )


@pytest.fixture
def frame():
    return pd.DataFrame({"县区": COUNTIES, "经营性收入": [3.0, 5.0, 4.0]})


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    monkeypatch.setattr(_chart, "any_simulated", lambda: False)
    with mpl.rc_context():
        yield
    plt.close("all")


def test_a_chart_draws_itself_with_its_words(means):
    chart = figures.composition(means)
    bundle = chart._repr_mimebundle_()
    assert bundle["text/plain"] == chart.alt
    assert "12.5" in bundle["text/html"]
    assert re.match(
        r'<img alt="Stacked bars .*" src="data:image/svg\+xml;base64,', bundle["text/html"]
    )


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_chart_saves_itself_with_words_and_mark(kind, means, tmp_path):
    chart = figures.composition(means)
    figures.mark_simulated(chart.figure)
    file = chart.save(tmp_path / f"图.{kind}")
    again = figures.composition(means)
    figures.mark_simulated(again.figure)
    assert again.save(tmp_path / f"again.{kind}").read_bytes() == file.read_bytes()
    content = file.read_bytes()
    if kind == "png":
        assert Image.open(io.BytesIO(content)).text["Description"] == chart.alt
    elif kind == "svg":
        assert "Stacked bars of mean income" in content.decode()
        assert 'id="simulated"' in content.decode()
    else:
        assert PdfReader(file).metadata.subject == chart.alt
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_what_cannot_be_saved_is_said(means, tmp_path):
    chart = figures.composition(means)
    with pytest.raises(LianjianError, match=r"Did you mean svg\? Let the name end in"):
        chart.save(tmp_path / "x.sgv")
    with pytest.raises(LianjianError, match="There is no folder"):
        chart.save(tmp_path / "nowhere" / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_no_setting_is_left_behind(means):
    before = dict(mpl.rcParams)
    figures.composition(means)
    with figures.use_theme():
        assert mpl.rcParams["axes.titlelocation"] == "left"
    figures.CHARTS["composition"](means)
    with pytest.raises(LianjianError):
        figures.composition(means.drop(columns="year"))
    assert dict(mpl.rcParams) == before
    figures.use_theme()
    assert mpl.rcParams["axes.titlelocation"] == "left"


def drawn_by_others(frame):
    axes = sns.barplot(frame, x="县区", y="经营性收入")
    yield axes
    yield axes.get_figure()
    yield axes.patches[0]
    yield sns.relplot(frame, x="县区", y="经营性收入")
    yield frame.plot(x="县区", subplots=True)
    yield frame["经营性收入"].plot.bar()
    yield plt


@pytest.mark.parametrize("style", ["", "whitegrid", "ggplot"])
def test_what_others_draw_becomes_a_chart_with_chinese(frame, style):
    if style == "whitegrid":
        sns.set_theme(style=style)
    elif style:
        plt.style.use(style)
    for drawn in drawn_by_others(frame):
        chart = figures.as_chart(drawn, "经营性收入, by county.")
        assert isinstance(chart.figure, Figure)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chart.figure.canvas.draw()
        assert "base64" in chart._repr_mimebundle_()["text/html"]


def test_a_drawing_of_simulated_data_is_marked(frame, monkeypatch):
    monkeypatch.setattr(_chart, "any_simulated", lambda: True)
    chart = figures.as_chart(sns.barplot(frame, x="县区", y="经营性收入"), "Bars.")
    assert any("模拟数据" in text.get_text() for text in chart.figure.texts)


@pytest.mark.parametrize("wrong", [None, "x.png", np.arange(3), [], {}, 3, pd.DataFrame()])
def test_what_is_no_drawing_is_said(wrong):
    with pytest.raises(LianjianError, match="A chart, a figure or its axes are needed"):
        figures.as_chart(wrong)


def test_chinese_is_given_to_a_figure_once():
    figure = Figure()
    figure.subplots().set_title("村集体")
    figures.give_chinese(figure)
    figures.give_chinese(figure)
    assert figure.axes[0].title.get_fontfamily().count("Noto Sans SC") == 1


def test_a_figure_without_its_mark_is_as_one_that_never_had_it(means):
    marked, bare = figures.composition(means), figures.composition(means)
    figures.mark_simulated(marked.figure)
    figures.unmark_simulated(marked.figure)
    assert marked._drawn("svg") == bare._drawn("svg")


def test_a_mark_goes_on_a_grid_of_seaborn(frame):
    grid = sns.displot(frame, x="县区")
    figures.mark_simulated(grid.figure)
    assert "模拟数据" in grid.figure.texts[-1].get_text()


def test_a_head_leaves_the_panels_their_size_and_stands_clear_of_them(means):
    plain, headed = (figures.composition(means).figure for _ in range(2))
    title, source = "Villages gained 2 万元 " * 9, "Source: " + "a book, " * 20
    figures.head_figure(headed, title, "Mean, 万元", source)
    boxes = []
    for figure in (plain, headed):
        FigureCanvasAgg(figure).draw()
        boxes.append(figure.axes[0].get_window_extent())
    assert boxes[1].height == pytest.approx(boxes[0].height, rel=0.02)
    over, _, under = (text.get_window_extent() for text in headed.texts[-3:])
    assert over.y0 > boxes[1].y1
    assert under.y1 < boxes[1].y0
    assert all(0 <= text.get_window_extent().x1 <= headed.bbox.x1 for text in headed.texts[-3:])


def test_a_title_that_reaches_into_the_next_panel_is_broken_between_words():
    figure, (left, right) = new_figure(4.4, 2, columns=2)
    FigureCanvasAgg(figure)
    left.set_title("Operating 经营性收入 of villages · 模拟", loc="left")
    right.set_title("Total 总收入 · 模拟", loc="left")
    for is_long in (True, False):
        figure.get_layout_engine().execute(figure)
        assert break_titles(figure) is is_long
    rows = left.get_title(loc="left").split("\n")
    assert " ".join(rows) == "Operating 经营性收入 of villages · 模拟"
    assert len(rows) > 1
    assert "· 模拟" in rows[-1]
    assert right.get_title(loc="left") == "Total 总收入 · 模拟"


@pytest.mark.parametrize("columns", [2, 3])
def test_labels_of_panels_side_by_side_do_not_touch(columns):
    figure, panels = new_figure(4.4, 2, columns=columns)
    FigureCanvasAgg(figure)
    for axes in panels:
        axes.set_xlabel("Planted mean effect of 62 specifications, 万元")
    for is_long in (True, False):
        figure.get_layout_engine().execute(figure)
        assert break_titles(figure) is is_long
    boxes = [axes.xaxis.label.get_window_extent() for axes in panels]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    said = {" ".join(axes.get_xlabel().split("\n")) for axes in panels}
    assert said == {"Planted mean effect of 62 specifications, 万元"}


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_what_is_measured_once_is_drawn_as_if_it_were_measured_each_time(
    kind, means, tmp_path, monkeypatch
):
    measured = []
    plain = TextToPath.get_text_width_height_descent
    monkeypatch.setattr(
        TextToPath,
        "get_text_width_height_descent",
        lambda *given: measured.append(given) or plain(*given),
    )
    contents, asked = [], []
    for once in (_chart.measured_once, nullcontext):
        monkeypatch.setattr(_chart, "measured_once", once)
        measured.clear()
        file = figures.composition(means).save(tmp_path / f"chart.{kind}")
        contents.append(file.read_bytes())
        asked.append(len(measured))
    assert contents[0] == contents[1]
    assert 0 < asked[0] <= asked[1]
