"""What reaches a page, and in what form."""

import base64
import csv
import io
import json
import runpy
from pathlib import Path

import nbformat
import pytest

from analysis.errors import LianjianError
from analysis.reports import text as written
from analysis.reports.page import _cells, _fonts, _sanitise, findings, ledger, normalise

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe src="https://example.org"></iframe>',
    '<img src="https://example.org/x.png">',
    '<img src="data:text/html;base64,PHNjcmlwdD4=">',
    '<p style="background:url(https://example.org/x)">x</p>',
    '<form action="https://example.org"><input name=x></form>',
    '<meta http-equiv="refresh" content="0;url=https://example.org">',
    '<base href="https://example.org/">',
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '<div id="num-att" class="simulated">x</div>',
    "<style>.simulated{display:none}</style>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_html_is_inert(text):
    for clean in (_sanitise.foreign(text), _sanitise.own(text)):
        low = clean.lower()
        for word in ("<script", "onerror=", "onload", "javascript:", "<iframe", "<form", "<style",
                     "<meta", "<base", "url(", "data:text", 'src="http'):  # fmt: skip
            assert word not in low
        assert 'class="simulated"' not in low
    assert "id=" not in _sanitise.foreign(text)


def test_own_products_keep_their_address_and_their_image():
    image = "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()
    html = f'<figure id="fig-a" class="lianjian lj-figure"><img alt="x" src="{image}"></figure>'
    clean = _sanitise.own(html)
    assert 'id="fig-a"' in clean
    assert image in clean
    assert "lj-figure" in clean


def cell(*outputs):
    return nbformat.v4.new_code_cell("x", outputs=list(outputs))


def product(kind, name, **facts):
    return nbformat.v4.new_output(
        "display_data",
        {"text/html": f'<p id="num-{name}">x</p>', "text/plain": "x"},
        metadata={"lianjian": {"product": kind, "name": name, **facts}},
    )


def number(name, value=1.0, label="Label", **facts):
    given = {"label": label, "text": f"{value}", "value": value, "unit": "", "low": None,
             "high": None, "n": None, "simulated": False}  # fmt: skip
    return product("number", name, **{**given, **facts})


def test_products_are_numbered_and_unique():
    node = nbformat.v4.new_notebook(
        cells=[cell(product("figure", "a"), product("table", "a")), cell(product("figure", "b"))]
    )
    found = findings.gather(node)
    assert [(p.anchor, p.reference) for p in found.products] == [
        ("fig-a", "Figure 1"),
        ("tab-a", "Table 1"),
        ("fig-b", "Figure 2"),
    ]
    node.cells.append(cell(product("figure", "a")))
    with pytest.raises(LianjianError, match="Two figures are called 'a'"):
        findings.gather(node)


def test_text_points_to_products_and_quotes_numbers():
    node = nbformat.v4.new_notebook(cells=[cell(product("figure", "a"), number("att", 2.5))])
    writer = _cells.Writer(findings.gather(node), Path())
    html = writer.markdown("See [](#fig-a): [](#num-att), [the picture](#fig-a).")
    assert ">Figure 1</a>" in html
    assert ">2.5</a>" in html
    assert ">the picture</a>" in html
    with pytest.raises(LianjianError, match=r"#fig-b.*It publishes: #fig-a, #num-att"):
        writer.markdown("See [](#fig-b).")


def test_headings_keep_their_order_and_their_own_address():
    writer = _cells.Writer(findings.Findings((), ()), Path())
    html = writer.markdown("# Data\n\n#### Deep\n\n# Data\n\n## 环县")
    assert [level for level, _, _ in writer.headings] == [2, 3, 2, 2]
    anchors = [anchor for _, anchor, _ in writer.headings]
    assert anchors[0] == "sec-data"
    assert len(set(anchors)) == 4
    assert all(anchor.isascii() for anchor in anchors)
    assert "<h1" not in html


def test_outputs_are_text_unless_they_are_clean_html():
    writer = _cells.Writer(findings.Findings((), ()), Path())
    stream = nbformat.v4.new_output("stream", name="stdout", text="<script>x</script>\x1b[31mred")
    assert "&lt;script&gt;" in writer.output(stream)
    display = {"text/markdown": "<script>alert(1)</script>\n\n**b**", "text/plain": "x"}
    html = writer.output(nbformat.v4.new_output("display_data", display))
    assert "<script" not in html
    assert "<strong>b</strong>" in html
    result = nbformat.v4.new_output("execute_result", {"text/plain": "42 < 43"})
    assert "42 &lt; 43" in writer.output(result)
    script = {"application/javascript": "alert(1)", "text/plain": "shown"}
    assert "alert" not in writer.output(nbformat.v4.new_output("display_data", script))


def test_no_cell_of_the_ledger_is_a_formula():
    labels = ["=1+1", "+1", "-1", "@x", "\t=1", "＝1", " =1", "plain"]
    outputs = [number(f"n{i}", 1234.5, label=text) for i, text in enumerate(labels)]
    found = findings.gather(nbformat.v4.new_notebook(cells=[cell(*outputs)]))
    rows = list(csv.DictReader(io.StringIO(ledger.files(found, "01-x", "ab")[ledger.CSV])))
    assert [row["label"][0] for row in rows] == ["'"] * 7 + ["p"]
    assert rows[0]["value"] == "1234.5"
    assert rows[0]["anchor"] == "#num-n0"


def test_hidden_characters_are_shown():
    assert written.visible("a\u202eb\u2066c\x00") == "a[U+202E]b[U+2066]c[U+0000]"
    assert written.visible("村\n\tx") == "村\n\tx"


def test_fonts_are_the_same_bytes_and_hold_what_the_page_uses():
    first = _fonts.style("Village 庆阳")
    _fonts._han.cache_clear()
    assert _fonts.style("阳庆 Village") == first
    assert first.count("@font-face") == 4
    assert "U+5E86,U+9633" in first
    assert _fonts.style("Latin only").count("@font-face") == 2
    assert "U+57," in first  # W is as wide as a Chinese character, and is Latin


def test_a_chinese_character_without_a_glyph_is_named():
    with pytest.raises(LianjianError, match=r"U\+2FA1C"):
        _fonts.style("\U0002fa1c")


def test_the_normaliser_removes_what_is_chance(project):
    streams = [("stdout", "a"), ("stderr", "w "), ("stdout", "b"), ("stderr", "z")]
    outputs = [nbformat.v4.new_output("stream", name=n, text=t) for n, t in streams]
    text = f"<object at 0x7f3a5c0012d0> {project.root}/data/x.csv /tmp/ipykernel_12/99.py:1"
    outputs.append(nbformat.v4.new_output("execute_result", {"text/plain": text}))
    node = nbformat.v4.new_notebook(cells=[cell(*outputs)])
    node.cells[0].metadata["execution"] = {"iopub.status.busy": "now"}
    node.metadata["papermill"] = {"duration": 1.5}
    normalise.notebook(node, {"slug": "x"})
    assert [o.text for o in node.cells[0].outputs[:2]] == ["ab", "w z"]
    assert node.cells[0].outputs[2].data["text/plain"] == ("<object at 0x…> ./data/x.csv <cell>:1")
    assert node.cells[0].metadata == {}
    assert dict(node.metadata) == {"lianjian": {"slug": "x"}}


def test_the_normaliser_is_quick_on_long_texts(project):
    long = "A1/b+" * 200_000
    node = nbformat.v4.new_notebook(
        cells=[cell(nbformat.v4.new_output("display_data", {"text/html": long}))]
    )
    normalise.notebook(node, {})  # a careless pattern would take hours
    assert node.cells[0].outputs[0].data["text/html"] == long


@pytest.mark.parametrize("face", _fonts.FACES)
def test_the_latin_part_is_what_the_tool_cuts(face):
    from fontTools.ttLib import TTFont

    tool = Path(__file__).parents[2] / "tools" / "latin_fonts.py"
    font, covered = runpy.run_path(str(tool))["cut"](face)
    kept = json.loads((_fonts.FONTS / "latin.json").read_text("utf-8"))
    assert kept[face] == list(covered)
    fresh, stored = (TTFont(io.BytesIO(b)) for b in (font, _fonts.latin_file(face).read_bytes()))
    assert fresh.getBestCmap().keys() == stored.getBestCmap().keys()
    assert fresh["hmtx"].metrics == stored["hmtx"].metrics
