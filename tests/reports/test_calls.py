"""Calls: that they come back as they were, that their outputs are small, and who may be named."""

import base64
import csv
import io
import json

import nbformat
import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.errors import LianjianError
from analysis.fields import county
from analysis.reports import _arguments, calls, markup
from analysis.reports.calls import Call
from analysis.reports.numbers import Ledger
from analysis.reports.page import _cells, findings, normalise

FRAMES = {
    "plain": pd.DataFrame({"村": ["东塬村", None], "year": [2023, 2024], "income": [1.5, np.nan]}),
    "odd numbers": pd.DataFrame({"x": [np.inf, -np.inf, 0.1 + 0.2]}, index=[5, 3, 9]),
    "nullable": pd.DataFrame({"n": pd.array([1, None], "Int64"), "b": [True, False]}),
    "objects": pd.DataFrame({"x": pd.Series(["a", 2, None, 2.5], dtype=object)}),
    "ordered": pd.DataFrame({"band": pd.Categorical(["b", "a"], ["b", "a"], ordered=True)}),
    "levels": pd.DataFrame(
        [[1.0, 2.0]],
        index=pd.MultiIndex.from_tuples([("a", 2024)], names=["measure", None]),
        columns=pd.MultiIndex.from_product([["mean"], [2023, 2024]]),
    ),
    "empty": pd.DataFrame({"a": pd.Series(dtype=float)}),
    "day": pd.DataFrame({"on": pd.to_datetime(["2024-05-01", None])}),
}


def back(value):
    return _arguments.decode(json.loads(json.dumps(_arguments.encode(value))))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_with_its_types_and_its_index(name):
    pd.testing.assert_frame_equal(back(FRAMES[name]), FRAMES[name], check_freq=False)


def test_other_arguments_come_back_as_they_were():
    given = {"years": (2018, 2024), "names": {1: "a", (2, "b"): None}, "share": np.float64(0.25)}
    assert back(given) == given
    assert back(np.array([1.0, np.nan])).tolist()[0] == 1.0
    assert np.isnan(back(float("nan")))
    here = back(county("621022"))
    assert (here.code, here.name_zh) == ("621022", "环县")
    pd.testing.assert_series_equal(back(pd.Series([1, 2], name="x")), pd.Series([1, 2], name="x"))


@pytest.mark.parametrize("value", [object(), {"x": {1, 2}}, np.zeros((2, 2)), b"bytes", len])
def test_what_is_not_on_the_list_is_not_kept(value):
    with pytest.raises(_arguments.CannotKeepError):
        _arguments.encode(value)


@pytest.mark.parametrize(
    "said",
    [
        {"verb": "eval", "arguments": "{}"},
        {"verb": "table", "arguments": '{"$": "module", "of": "os"}'},
        {"verb": "table", "arguments": "{"},
        {"verb": "table", "arguments": '{"$": "held", "of": "ab"}'},
    ],
)
def test_a_call_of_another_hand_is_refused_in_words(said):
    with pytest.raises(LianjianError, match="cannot be read"):
        calls.of({"data": {calls.MIME: {"mark": "", **said}}}, {})


def test_only_charts_are_drawn():
    given = {"name": "a", "caption": "A", "alt": "x", "chart": "use_theme", "with": {}}
    with pytest.raises(LianjianError, match="drawn by the notebook itself"):
        calls.make(Call("show", given), Ledger())


def test_a_call_that_is_too_large_says_so_and_keeps_nothing():
    frame = pd.DataFrame({"x": np.arange(200_000)})
    said = calls.kept(Call("table", {"frame": frame}))
    assert "arguments" not in said
    assert "characters long" in said["lost"]
    assert "holds a set" in calls.kept(Call("table", {"frame": {1}}))["lost"]


def tables(*frames):
    outputs = []
    for number, frame in enumerate(frames):
        given = {"frame": frame, "name": f"t{number}", "caption": "T", "digits": None,
                 "labels": None}  # fmt: skip
        call = Call("table", given, markup.SIMULATED)
        data = {"text/html": "of the kernel", calls.MIME: calls.kept(call)}
        facts = {"product": "table", "name": f"t{number}", "caption": "T", "simulated": True}
        outputs.append(nbformat.v4.new_output("display_data", data, metadata={"lianjian": facts}))
    cell = nbformat.v4.new_code_cell("x", outputs=outputs)
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_large_table_lies_in_a_notebook_once_and_the_page_makes_it_again():
    large = pd.DataFrame({"income": np.arange(5000) / 7})
    node = tables(large, large, pd.DataFrame({"income": [1.0]}))
    before = [p.html for p in findings.gather(node).products]
    normalise.notebook(node, {})
    assert len(node.metadata[calls.FRAMES]) == 1
    node = nbformat.reads(nbformat.writes(node), 4)
    stored = [o.data[calls.MIME]["arguments"] for o in node.cells[0].outputs]
    assert len(stored[0]) == len(stored[1]) < 500
    made = [p.html for p in findings.gather(node).products]
    assert made == before
    assert "of the kernel" not in "".join(made)
    assert all(markup.SIMULATED in html for html in made)


def lines():
    frame = pd.DataFrame({"year": [2022, 2023] * 2, "role": ["helper"] * 2 + ["outside"] * 2,
                          "operating_income_wan_yuan": [50.0, 60.0, 20.0, 21.5]})  # fmt: skip
    named = {"operating_income_wan_yuan": "Operating"}
    chart = figures.paths_by_group(frame, "role", named, {"helper": "Helper", "outside": "Outside"})
    drawn = figures.call_of(chart.figure)
    given = {"name": "lines", "caption": "Lines", "alt": chart.alt, "chart": drawn.chart,
             "with": drawn.arguments, "marked": drawn.marked}  # fmt: skip
    return chart, Call("show", given, markup.SIMULATED)


def test_a_figure_has_forms_and_data_from_one_call():
    _, call = lines()
    made = calls.forms_of(call, Ledger())
    assert sorted(made) == ["lines-dark.svg", "lines-phone.svg", "lines-print.svg", "lines.csv",
                            "lines.svg"]  # fmt: skip
    # 4.4 inches and the room for labels, in points
    width = float(made["lines-phone.svg"].split(b'width="')[1].split(b"pt")[0])
    assert width < float(made["lines-print.svg"].split(b'width="')[1].split(b"pt")[0])
    assert b"#ffffff" in made["lines.svg"]
    assert b"fill: #121212" in made["lines-dark.svg"]
    assert all("模拟".encode() in made[name] for name in made)
    rows = list(csv.DictReader(io.StringIO(made["lines.csv"].decode("utf-8-sig"))))
    assert [row["operating_income_wan_yuan"] for row in rows] == ["50.0", "60.0", "20.0", "21.5"]
    assert {row["data"] for row in rows} == {markup.SIMULATED}


def test_a_published_figure_beside_simulated_ones_is_told_from_them():
    _, call = lines()
    printed = pd.DataFrame({"year": [2023], "place": "某省", "measure": "operating",
                            "value_wan_yuan": 25.0, "qualifier": "exact", "source": "某报",
                            "published": 2024})  # fmt: skip
    given = {**call.arguments, "with": {**call.arguments["with"], "reference": printed}}
    made = calls.data_of(Call("show", given, call.mark)).decode("utf-8-sig")
    *rows, last = csv.DictReader(io.StringIO(made))
    assert {row["data"] for row in rows} == {markup.SIMULATED}
    assert last["data"] == f"Published figure 公开发表数据, beside: {markup.SIMULATED}"


def test_the_head_of_a_figure_takes_its_numbers_from_the_ledger():
    chart, call = lines()
    head = {"finding": "Up by {gain}", "words": {}, "needs": ["gain"], "measure": "", "source": ""}
    headed = Call("show", {**call.arguments, "head": head}, call.mark)
    drawn = {}
    for value in (None, 2.0, 3.0):
        ledger = Ledger()
        if value:
            given = {"name": "gain", "label": "Gain", "value": value, "unit": "", "digits": 1}
            calls.make(Call("record", given), ledger)
        drawn[value] = calls.make(headed, ledger).html
    assert len(set(drawn.values())) == 3
    without = {**head, "finding": ""}
    bare = Call("show", {**call.arguments, "head": without}, call.mark)
    assert drawn[None] == calls.make(bare, Ledger()).html
    wrong = Call("show", {**call.arguments, "head": {**head, "needs": []}}, call.mark)
    with pytest.raises(LianjianError, match="names the number 'gain'"):
        calls.make(wrong, Ledger())
    assert calls.picture(chart.figure, call, Ledger()).html not in drawn.values()


def test_a_phone_is_shown_the_first_figure_in_its_own_form(tmp_path):
    _, first = lines()
    second = Call("show", {**first.arguments, "name": "again"}, first.mark)
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            {"text/html": calls.make(call, Ledger()).html, calls.MIME: calls.kept(call)},
            metadata={"lianjian": {"product": "figure", "name": call.arguments["name"]}},
        )
        for call in (first, second)
    ]
    found = findings.gather(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])
    )
    asked = [{"product": "figure", "name": name} for name in ("lines", "again")]
    writer = _cells.Writer(found, tmp_path)
    page = [writer.aside.back(writer.product(facts)) for facts in asked]
    narrow = page[0].split('srcset="data:image/svg+xml;base64,')[1].split('"')[0]
    assert base64.b64decode(narrow) == calls.forms_of(first, Ledger())["lines-phone.svg"]
    assert "<picture><source" in page[0]
    assert page[0].index("<source") < page[0].index("<img") < page[0].index("</picture>")
    assert "<picture" not in page[1]
    assert "lj-enlarge" in page[1]
    paper = [_cells.PrintWriter(found, tmp_path).product(facts) for facts in asked]
    assert not [html for html in paper if "<picture" in html or "lj-enlarge" in html]


def test_a_figure_that_was_changed_after_it_was_drawn_is_no_call():
    chart, _ = lines()
    chart.figure.axes[0].set_title("Mine")
    assert figures.call_of(chart.figure) is None


def test_arguments_that_change_later_do_not_change_the_call():
    frame = pd.DataFrame({"year": [2022, 2023], "role": ["helper"] * 2, "x_wan_yuan": [1.0, 2.0]})
    chart = figures.paths_by_group(frame, "role", {"x_wan_yuan": "X"}, {"helper": "Helper"})
    frame.loc[0, "x_wan_yuan"] = 9.0
    assert figures.call_of(chart.figure).arguments["means"]["x_wan_yuan"].tolist() == [1.0, 2.0]


def test_there_is_no_other_form():
    _, call = lines()
    with pytest.raises(LianjianError, match="no form 'huge'"):
        calls.draw(call, "huge")
