import base64
import math
import re

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis._labelled import Labelled, Quantity
from analysis.clean import dataset
from analysis.errors import LianjianError
from analysis.reports import calls, markup, numbers, products, tables
from analysis.reports import text as written

mpl.use("agg")


@pytest.fixture
def published(monkeypatch):
    """Collect what would go to the notebook."""
    seen = []

    def publish(kind, call, made, ground):
        made = made or calls.make(call, products._ledger)
        name = call.arguments.get("name", "")
        seen.append((kind, name, made.html, made.plain, {**made.facts, **ground}))

    monkeypatch.setattr(products, "_publish", publish)
    monkeypatch.setattr(products, "_ledger", numbers.Ledger())
    monkeypatch.setattr(dataset, "_loaded", {})
    return seen


@pytest.fixture
def simulated(monkeypatch):
    class Fake:
        kind = "simulated"
        is_simulated = True

    monkeypatch.setattr(dataset, "_loaded", {"x": Fake()})


def drawing(text="x"):
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title(text)
    return figure


def svg_of(html):
    return base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()


def test_a_figure_is_the_same_bytes_twice(published):
    for _ in range(2):
        products.show(drawing(), "one", "A <caption>", alt='What "it" shows')
    assert published[0] == published[1]
    html = published[0][2]
    assert '<figure id="fig-one"' in html
    assert "A &lt;caption&gt;" in html
    assert "What &quot;it&quot; shows" in html
    assert "imulated" not in html + svg_of(html)


def test_the_last_bits_of_a_layout_do_not_reach_the_page(published, monkeypatch):
    """The solver of constrained layout sums in memory order: stand in for another order."""
    layout = ConstrainedLayoutEngine.execute
    for jitter in (0.0, 1e-12):

        def execute(self, figure, jitter=jitter):
            layout(self, figure)
            for axes in figure.axes:
                left, bottom, width, height = axes.get_position(original=True).bounds
                axes._set_position([left, bottom + jitter, width, height + jitter])

        monkeypatch.setattr(ConstrainedLayoutEngine, "execute", execute)
        figure = Figure(figsize=(5, 3), layout="constrained")
        for axes in figure.subplots(2, 2, sharex="col").flat:
            axes.plot([1, 2], [3, 4])
        products.show(figure, "one", "A caption", alt="x")
        assert figure.axes[0].get_position().height > 0.2  # the layout did its work
    assert published[0] == published[1]


def test_a_figure_from_simulated_data_says_so(published, simulated):
    products.show(drawing(), "one", "A caption", alt="What it shows")
    html = published[0][2]
    assert markup.SIMULATED in html
    assert svg_of(html).count("Simulated data 模拟数据") >= 2  # title and description
    assert published[0][4]["simulated"] is True


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": ["x", "y"], "b": [1.5, 2.0]}),
        pd.DataFrame({"b": [1.0, 2.0]}, index=pd.Index(["甲县", "乙县"], name="County")),
        pd.DataFrame(
            {"b": range(4)},
            index=pd.MultiIndex.from_product([["p", "q"], [2022, 2023]], names=["z", "year"]),
        ),
        pd.DataFrame(index=pd.Index(["only", "heads"], name="k")),
    ],
)
def test_every_row_from_simulated_data_says_so(published, simulated, frame):
    products.table(frame, "one", "A caption")
    rows = re.findall("<tr>(.*?)</tr>", published[0][2].partition("<tbody>")[2])
    assert len(rows) == len(frame)
    # what stands once for several rows is not copied with each of them
    cells = [re.sub(r"<th[^>]*rowgroup.*?</th>", "", row) for row in rows]
    assert all(cell.count(">模拟</small>") == 1 for cell in cells)
    assert all(row.index("模拟") < row.rindex("</t") for row in rows)


def test_no_row_from_other_data_is_marked(published):
    products.table(pd.DataFrame({"a": [1]}), "one", "A caption")
    assert "模拟" not in published[0][2]


def test_a_figure_without_alternative_text_is_refused(published):
    with pytest.raises(LianjianError, match="no alternative text"):
        products.show(drawing(), "one", "A caption", alt=" ")


def test_a_missing_glyph_is_an_error(published):
    figure = drawing("ก")  # Thai, which neither font draws
    figure.axes[0].title.set_fontfamily(["DejaVu Sans"])
    with pytest.raises(LianjianError, match="cannot draw"):
        products.show(figure, "one", "A caption", alt="x")


def test_chinese_in_a_font_without_it_is_drawn(published):
    figure = drawing("村")
    figure.axes[0].title.set_fontfamily(["DejaVu Sans"])
    products.show(figure.axes[0], "one", "A caption", alt="x")
    assert published[0][:2] == ("figure", "one")


@pytest.mark.parametrize("name", ["Fig 1", "", "../x", "村"])
def test_a_name_that_cannot_be_an_address_is_refused(published, name):
    with pytest.raises(LianjianError, match="cannot be an address"):
        products.record(name, 1.0, label="x")


def test_a_number_carries_its_interval_and_its_unit(published):
    products.record("att", 2.345, label="Effect", unit="万元", low=-0.5, high=5.1, n=82)
    kind, name, html, plain, facts = published[0]
    assert (kind, name) == ("number", "att")
    assert plain == "Effect: 2.35 万元, −0.50 to 5.10, n = 82"
    assert 'id="num-att"' in html
    assert facts["value"] == 2.345
    assert facts["low"] == -0.5


def test_a_quantity_says_all_of_itself_and_several_go_out_in_their_order(published):
    gain = Quantity("gain", 2.345, "Gain", "万元", 1, -0.5, 5.1, 82)
    products.record(gain)
    products.record([Quantity("few", 3, "Few"), gain.__class__("more", 4, "More")], shown=False)
    names, plain = [one[1] for one in published], [one[3] for one in published]
    assert names == ["gain", "few", "more"]
    assert plain == ["Gain: 2.3 万元, −0.5 to 5.1, n = 82", "", ""]


def test_a_table_without_rows_leaves_its_notes_and_one_with_rows_its_caption(published):
    rows = pd.DataFrame({"gain": [1.0]}, index=pd.Index(["a"], name="Group"))
    products.table(Labelled(rows).saying("Gains by group.", ["Group b has no books."]), "gains")
    products.table(Labelled(rows.iloc[:0]).saying("Gains.", ["No group has books."]), "none")
    told = [(kind, name, plain.partition("\n")[0]) for kind, name, _, plain, _ in published]
    assert told == [
        ("sentence", "", "*Group b has no books.*"),
        ("table", "gains", "Table: Gains by group."),
        ("sentence", "", "*No group has books.*"),
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_is_finite(published, bad):
    with pytest.raises(LianjianError, match="finite"):
        products.record("att", bad, label="x")
    with pytest.raises(LianjianError, match="finite"):
        products.record("att", 1.0, label="x", low=bad)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"value": None}, "value is None"),
        ({"value": "12"}, "no number"),
        ({"value": True}, "no number"),
        ({"value": 1, "low": 2, "high": 0}, "runs from 2 down to 0"),
        ({"value": 1, "n": -4}, "counts observations"),
        ({"value": 1, "n": 2.5}, "counts observations"),
    ],
)
def test_what_is_no_number_is_not_cited(published, facts, message):
    with pytest.raises(LianjianError, match=message):
        products.record("att", label="x", **facts)


def test_a_table_is_escaped_labelled_and_never_says_nan():
    frame = pd.DataFrame(
        {
            "village_name": ["<script>x</script>", None],
            "year": [2023, 2024],
            "operating_income_yuan": [1234567.4, math.nan],
            "has_central_project": [True, False],
            "households": pd.array([1200, None], dtype="Int64"),
        }
    )
    html = tables.grid(frame)
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "nan" not in html.lower().replace("village name", "")
    assert ">1,234,567<" in html
    assert ">2024<" in html
    assert "Operating income (yuan)" in html
    assert ">Households<" in html
    assert ">yes<" in html
    assert html.count(">–<") == 3
    assert ">1,200<" in html


def test_levels_of_rows_and_headers_are_spanned():
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["group", "year"])
    columns = pd.MultiIndex.from_product([["mean", "median"], [2023, 2024]])
    html = tables.grid(pd.DataFrame(1.5, index=index, columns=columns))
    assert html.count('rowspan="2"') == 2
    assert html.count('colspan="2"') == 2
    assert html.count('scope="row"') == 4
    assert ">2,023<" not in html


def test_a_cell_bears_the_head_of_its_column_with_those_above_it():
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("A", "x"), ("B", 'y "z"')]))
    made = tables.grid(frame, labels={"x": "Gain"})
    assert re.findall(r'data-label="([^"]*)"', made) == ["A, Gain", "B, y &quot;z&quot;"]


def test_digits_and_labels_can_be_given():
    frame = pd.DataFrame({"share": [0.12345], "gain": [2.0]})
    html = tables.grid(frame, digits={"share": 3}, labels={"share": "Share, %"})
    assert ">0.123<" in html
    assert "Share,\u00a0%" in html  # a unit never stands on a line of its own
    assert ">2<" in html


def test_an_empty_table_has_its_head():
    assert "<tbody></tbody>" in tables.grid(pd.DataFrame({"a": []}))


def test_minus_zero_is_zero():
    assert written.number(-0.0004, 2) == "0.00"
    assert written.number(-1234, 0) == "−1,234"


@pytest.mark.parametrize("given", ["环县", b"huan", {"name": "x"}, 7, ["one", "two"]])
def test_what_is_no_dataset_is_named_whole(given):
    wrong = given[0] if isinstance(given, list) else given
    with pytest.raises(LianjianError, match=re.escape(f"was given {wrong!r}")):
        products.record("n", 1, label="N", data=given)
