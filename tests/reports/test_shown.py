"""Everything that a notebook puts out stands on its page, or is counted and named there."""

import base64
import io
import json
import random

import nbformat
import pytest
from PIL import Image

from analysis.reports.page import _cells, _gaps, _math, _sanitise, _terminal, checks, findings
from analysis.reports.run import runner
from analysis.reports.run._bounds import LONGEST_STREAM
from analysis.reports.run.runner import Options

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture
def writer(project):
    """Give a writer of one cell beside a picture whose name is Chinese."""
    (project.notebooks / "村 图.png").write_bytes(PIXEL)
    made = _cells.Writer(findings.Findings((), ()), project.notebooks)
    made.at(3)
    return made


def output(**data):
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in data.items()}
    return nbformat.v4.new_output("display_data", named)


def whats(writer):
    return [gap.what for gap in writer.gaps]


def test_a_call_that_was_too_large_to_keep_is_named_at_the_head_of_the_page(project):
    cell = """
    import numpy as np, pandas as pd
    from analysis.reports import table
    table(pd.DataFrame({"收入": np.arange(90_000) / 7}), "all-villages", "All villages")
    table(pd.DataFrame({"收入": [1.5]}), "one", "One")
    """
    project.notebook("01-x", "# X", cell)
    assert runner.run(options=Options(jobs=1)) == 0
    record = json.loads((project.reports / "01-x" / "run.json").read_text("utf-8"))
    [check] = [check for check in record["checks"] if check["name"] == "Shown"]
    assert check["state"] == "failed"
    assert "other forms of #tab-all-villages, whose call is" in check["found"]
    assert "#tab-one" not in check["found"]
    assert "400,000 characters" in check["mend"]


# ---- formulas ----


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"\hat{\theta}_{gt}", "<mover"),
        (r"\widehat{CATT}(g, t)", "<mover"),
        (r"\mathbb{P}(D_i = 1 \mid X)", "\N{DOUBLE-STRUCK CAPITAL P}"),
        (r"\begin{aligned}u &= v\\w &= z\end{aligned}", "<mtable"),
        (r"\begin{gathered}u\\v\end{gathered}", "<mtable"),
        (r"\begin{eqnarray}u &=& v\end{eqnarray}", "<mtable"),
        (r"\begin{equation}\label{eq:a} E = mc^2 \nonumber\end{equation}", "<msup"),
        (r"\begin{cases}1 & \text{强村}\\0 & \text{弱村}\end{cases}", "强村"),
        (r"\mathbf{X}'\boldsymbol\gamma", "\N{MATHEMATICAL BOLD CAPITAL X}"),
        (r"\perp\!\!\!\perp", "-0.167em"),
        (r"\sqrt[3]{x} \binom{n}{k}", "<mroot"),
    ],
)
def test_a_formula_is_mathml_with_nothing_left_as_typed(tex, part):
    html, trouble = _math.formula(tex)
    assert trouble == ""
    assert part in html
    assert "&amp;" not in html
    assert "\\" not in html
    assert _sanitise.prose(html).count("<m") == html.count("<m")  # the sanitiser takes nothing


@pytest.mark.parametrize("tex", [r"\frac{1}{", r"\mymacro{x}", "a & b", r"\begin{tikz}x\end{tikz}"])
def test_what_cannot_be_set_stands_as_typed_and_is_named(writer, tex):
    html = writer.markdown(f"so ${tex}$")
    assert "<code>" in html
    assert "<math" not in html
    assert len(writer.gaps) == 1
    assert writer.gaps[0].what.startswith("the formula (")
    assert writer.gaps[0].cell == 3


def test_formulas_are_no_way_for_tags(writer):
    for text in (r"\text{<img src=x onerror=y>}", r"\href{javascript:x}{y}", "<b>x</b>"):
        html = writer.markdown(f"${text}$")
        assert "<img" not in html
        assert "<b>" not in html
        assert "javascript:" not in html.partition("<code>")[0]


def test_outputs_of_tex_are_formulas_in_text(writer):
    html = writer.output(output(text__latex=r"因此 $x^2$ and \[y_1\]", text__plain="x"))
    assert html.count("<math") == 2
    assert "因此" in html
    html = writer.output(output(text__latex=r"\begin{tabular}{l}a\end{tabular}", text__plain="x"))
    assert "<code>" in html
    assert len(writer.gaps) == 1


def test_money_is_no_formula_where_it_is_escaped_and_code_stays(writer):
    html = writer.markdown(r"It costs \$5 and \$6, `$a$`.")
    assert "<math" not in html
    assert "$5 and $6" in html
    assert writer.gaps == []


# ---- prose ----


def test_footnotes_of_several_cells_have_addresses_of_their_own(writer):
    first = writer.markdown("a[^1] b[^x] a[^1]\n\n[^1]: one\n[^x]: 二")
    second = writer.markdown("c[^1]\n\n[^1]: three")
    html = first + second
    for number in (1, 2, 3):
        assert html.count(f'id="fn-{number}"') == 1
        assert html.count(f'id="fnref-{number}"') == 1
        assert f'href="#fn-{number}"' in html
        assert f'href="#fnref-{number}"' in html
    assert writer.gaps == []
    writer.markdown("lost[^q]\n\n[^Näher]: nobody points here")
    assert whats(writer) == [
        "the footnote [^q], which has no text in its cell",
        "the footnote [^Näher], to which no text points",
    ]
    writer.markdown("twice[^甲b]\n\n[^甲b]: one\n[^甲B]: two")
    assert writer.gaps[-1].what == "the second text of footnote [^甲B]"


def test_tasks_and_callouts_keep_what_they_say(writer):
    html = writer.markdown("- [x] 已核对\n- [ ] open\n\n> [!caution] 注意\n> **Look** twice\n> - a")
    assert "☑ 已核对" in html
    assert "☐ open" in html
    assert 'class="lj-callout lj-callout-caution"' in html
    assert "<strong>注意</strong>" in html
    assert "<strong>Look</strong> twice" in html
    assert "[!" not in html
    assert "<blockquote>" in writer.markdown("> [x] plain")
    assert writer.gaps == []


def test_pictures_beside_the_notebook_are_embedded(writer):
    inside = base64.b64encode(PIXEL).decode()
    for text in ("![a](<村 图.png>)", "![a](%E6%9D%91%20图.png)", '<img alt="a" src="村 图.png">'):
        assert f'src="data:image/png;base64,{inside}"' in writer.markdown(text)
    attached = {"b.png": {"image/png": inside}}
    assert inside in writer.markdown("![b](attachment:b.png)", attached)
    assert writer.gaps == []


def test_pictures_that_are_not_there_are_named(writer, project):
    (project.notebooks / "no.png").write_text("no picture", "utf-8")
    (project.root.parent / "secret.png").write_bytes(PIXEL)
    texts = ("gone.png", "no.png", "../../secret.png", "https://example.org/a.png", "//x.org/a.png",
             "attachment:z.png", "file:///etc/passwd")  # fmt: skip
    for text in texts:
        html = writer.markdown(f"![words]({text})")
        assert "<img" not in html
        assert "words" in html
    assert len(writer.gaps) == len(texts)
    writer.markdown("![words](没有.png)")
    assert "没有.png" in writer.gaps[-1].what
    writer.markdown("![](<村 图.png>)")
    assert writer.gaps[-1].what == "the picture 村 图.png, which no words describe"


# ---- outputs ----


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"application/vnd.plotly.v1+json": {}}, "a Plotly chart"),
        ({"application/vnd.vegalite.v6+json": {}, "text/plain": "<VegaLite 6 object>\n\nIf"},
         "an Altair or Vega chart"),
        ({"text/html": "<div id=v></div><script>vegaEmbed()</script>", "text/plain": "Chart(…)"},
         "an Altair or Vega chart"),
        ({"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Dropdown()"}, "a widget"),
        ({"application/pdf": "JVBE"}, "a PDF"),
        ({"text/html": "<video src=a.mp4></video>"}, "a film"),
        ({"text/html": "<audio src=a.wav></audio>", "text/plain": "<IPython.lib.Audio object>"},
         "a sound"),
        ({"text/html": "<iframe srcdoc='leaflet'></iframe>"}, "an interactive map"),
        ({"text/html": "<iframe src='https://example.org'></iframe>"}, "a page inside the page"),
        ({"text/html": "<canvas></canvas>"}, "what a script draws"),
        ({"application/javascript": "x()"}, "what a script draws"),
        ({"text/html": "<img src='https://example.org/i.png'>"}, "a picture by its address"),
        ({"text/html": "<select><option>a</option></select>"}, "fields of a form"),
        ({"text/html": "<style>td{background:red}</style><td>a</td>"}, "colours of a table"),
        ({"application/x-strange": "x"}, "an output of the kind application/x-strange"),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_named_in_its_place(writer, data, what):
    html = writer.output(nbformat.v4.new_output("display_data", data))
    assert whats(writer) == [what]
    assert f"Not shown here: {what}." in html
    assert "object>" not in html
    check = checks.of_shown(writer.gaps)
    assert check.state == checks.FAILED
    assert f"{what} (cell 3)" in check.found
    assert check.mend


def test_what_can_stand_is_no_gap(writer):
    shown = {
        "<th>村</th>": {"text/html": "<style scoped>.dataframe td{vertical-align:top}</style>"
                                    "<table><th>村</th></table>", "text/plain": "村"},
        "<strong>b</strong>": {"text/markdown": "**b**", "text/plain": "x"},
        "&#34;村&#34;: [": {"application/json": {"村": [1]}, "text/plain": "<IPython JSON object>"},
        "42": {"text/plain": "42"},
    }  # fmt: skip
    for part, data in shown.items():
        html = writer.output(nbformat.v4.new_output("display_data", data))
        assert part in html.replace('"', "&#34;") or part in html
    assert writer.raw("\\raw <b>") == '<pre class="lj-text" tabindex="0">\\raw &lt;b&gt;</pre>'
    assert checks.of_shown(writer.gaps).state == checks.OK


def test_the_static_form_beside_an_interactive_one_is_shown(writer):
    data = {"application/vnd.plotly.v1+json": {}, "image/png": base64.b64encode(PIXEL).decode()}
    made = nbformat.v4.new_output("display_data", data, metadata={"image/png": {"alt": "A rise"}})
    assert 'alt="A rise"' in writer.output(made)
    assert writer.gaps == []


def test_gaps_are_counted_by_cell():
    gaps = [_gaps.named(2, "sound")] * 3 + [_gaps.named(9, "pdf")]
    assert _gaps.in_words(gaps) == ["a sound, 3 times (cell 2)", "a PDF (cell 9)"]


def picture(form, size=(60, 40)):
    """Draw a picture that no form can hold in a few bytes."""
    noise = random.Random(1).randbytes(3 * size[0] * size[1])  # noqa: S311
    buffer = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(buffer, form)
    return buffer.getvalue()


def svg(inside="<path d='M0 0'/>", space=' xmlns="http://www.w3.org/2000/svg"'):
    return f"<svg{space} width='9pt' height='9pt'>{inside}</svg>"


FORMS = ("PNG", "JPEG", "GIF", "WEBP")
BROKEN = {
    **{f"{form} cut": (form, picture(form)[: len(picture(form)) // 2]) for form in FORMS},
    **{f"{form} of the web": (form, b"<!doctype html><title>404</title>") for form in FORMS},
    **{f"{form} of nothing": (form, b"") for form in FORMS},
    "PNG turned": ("PNG", picture("PNG").replace(b"IDAT", b"IDAt")),
    "PNG that is a TIFF": ("PNG", picture("TIFF")),
    "JPEG with a wrong head": ("JPEG", b"\xff\xd8\xff\xe0" + picture("JPEG")[200:]),
    "SVG cut": ("SVG+XML", svg().encode()[:60]),
    "SVG of no space": ("SVG+XML", svg(space="").encode()),
    "SVG of entities": ("SVG+XML", f"<!DOCTYPE x [<!ENTITY a 'b'>]>{svg('&a;')}".encode()),
}


@pytest.mark.parametrize(("form", "content"), BROKEN.values(), ids=BROKEN.keys())
def test_a_picture_that_cannot_be_drawn_is_a_gap_wherever_it_stands(writer, form, content):
    mime = f"image/{form.lower()}"
    text = content.decode() if "svg" in mime else base64.b64encode(content).decode()
    told = {mime: {"alt": "收入 rose"}}
    made = nbformat.v4.new_output("display_data", {mime: text, "text/plain": "so"}, metadata=told)
    html = writer.output(made)
    assert "<img" not in html
    assert "Not shown here: the picture “收入 rose”." in html
    assert "so</pre>" in html
    address = f"data:{mime};base64,{base64.b64encode(content).decode()}"
    frame = {"text/html": f"<table><td><img alt='收入' src='{address}'>9</td></table>"}
    (writer.prose.folder / "p.png").write_bytes(content)
    texts = (f"![收入]({address})", f'<img alt="收入" src="{address}">', "![收入](p.png)",
             "![收入](attachment:p)")  # fmt: skip
    html = writer.output(nbformat.v4.new_output("execute_result", frame))
    attached = {"p": {mime: base64.b64encode(content).decode()}}
    html += "".join(writer.markdown(text, attached) for text in texts)
    assert "<img" not in html
    assert len(writer.gaps) == 6
    check = checks.of_shown(writer.gaps)
    assert check.state == checks.FAILED
    assert "the picture “收入 rose” (cell 3)" in check.found


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_that_can_be_drawn_stands_under_its_own_kind(writer, form):
    """Whatever it was called: a JPEG that calls itself a PNG is drawn by every browser."""
    inside = base64.b64encode(picture(form)).decode()
    called = {"image/png": "\n".join(inside[at : at + 76] for at in range(0, len(inside), 76))}
    said = {kind: {"alt": "a"} for kind in ("image/png", "image/svg+xml")}
    html = writer.output(nbformat.v4.new_output("display_data", called, metadata=said))
    address = f'src="data:image/{form.lower()};base64,{inside}"'
    assert address in html
    assert address in writer.markdown("![a](attachment:x)", {"x": called})
    drawn = nbformat.v4.new_output("display_data", {"image/svg+xml": svg()}, metadata=said)
    assert "data:image/svg+xml" in writer.output(drawn)
    assert writer.gaps == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("UserWarning: Glyph 26449 (\\N{X}) missing from font(s) DejaVu Sans.\n", "its font"),
        (f"a\n… 5 characters left out; the first {LONGEST_STREAM:,} are kept.\n", "the rest of"),
    ],
)
def test_what_a_stream_tells_of_is_counted(writer, said, what):
    assert said.splitlines()[0] in writer.output(nbformat.v4.new_output("stream", text=said))
    [gap] = writer.gaps
    assert what in gap.what


def test_words_around_a_script_are_kept_unless_it_is_a_tools(writer):
    own = {"text/html": "<p>前言：<b>12</b> 万元</p><script>var a = 1</script>"}
    assert "前言：<b>12</b>" in writer.output(nbformat.v4.new_output("display_data", own))
    tool = {"text/html": "<div>Loading BokehJS</div><script>bokeh()</script>"}
    assert "Loading" not in writer.output(nbformat.v4.new_output("display_data", tool))
    assert [gap.key for gap in writer.gaps] == ["script", "bokeh"]


def test_code_that_is_skipped_says_so(project):
    path = project.notebook("01-x", "# One", "1 / 0", "1 + 1")
    node = nbformat.read(path, as_version=4)
    node.cells[1].metadata["tags"] = ["skip-execution"]
    nbformat.write(node, path)
    assert runner.run(options=Options(jobs=1)) == 0
    text = project.report("01-x")
    assert text.count("This code was not run") == 1
    assert text.index("This code was not run") < text.index('id="code-2"')


def test_the_next_form_stands_in_for_a_broken_one(writer):
    data = {"image/svg+xml": svg()[:30], "image/png": base64.b64encode(PIXEL).decode()}
    said = {"image/png": {"alt": "a"}}
    output = nbformat.v4.new_output("display_data", data, metadata=said)
    assert "data:image/png" in writer.output(output)
    assert writer.gaps == []


def test_many_gaps_are_a_list_whose_end_is_folded(project):
    show = "from IPython.display import HTML\nHTML('<{0}></{0}>')"
    cells = [show.format(tag) for tag in ("video", "audio", "canvas", "object")] * 7
    project.notebook("01-a", "# A", *cells)
    assert runner.run(options=Options(jobs=1)) == 0
    panel = project.report("01-a").partition('id="checks"')[2].partition("</aside>")[0]
    assert "28 things cannot stand here as they are:<ul><li>a film (cell 2)</li>" in panel
    assert "<summary>and 20 more</summary><ul>" in panel
    assert panel.count("<li>a film (cell") == panel.count("<li>a sound (cell") == 7
    assert panel.count("<li>Link to what a frame shows") == 1
    record = json.loads((project.reports / "01-a" / "run.json").read_text("utf-8"))
    [shown] = [check for check in record["checks"] if check["name"] == "Shown"]
    assert len(shown["items"]) == 28


# ---- streams ----


@pytest.mark.parametrize(
    ("stream", "seen"),
    [
        ("plain\n", "plain\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("".join(f"\rstep {i} of 300" for i in range(301)) + "\n", "step 300 of 300\n"),
        ("longer\rab", "abnger"),
        ("12\b\b3", "32"),
        ("a\x1b[2K\rb", "b"),
        ("\x1b]8;;https://example.org\x1b\\word\x1b]8;;\x1b\\", "word"),
        ("\x1b[31mred\x1b[0m\rR", "R\x1b[0m\x1b[31med\x1b[0m"),
        ("\x1b[?25l进度 1\r进度 2\x1b[?25h", "进度 2"),
        ("one\x1b[1D!\x1b[99999999B.", "one!."),
    ],
)
def test_a_stream_is_what_a_terminal_would_show(stream, seen):
    assert _terminal.shown(stream) == seen


# ---- pages ----


def test_a_page_says_at_its_head_that_its_run_ended_early(project):
    project.notebook("01-a", "# A", "print('shown')", "import sys\nsys.exit(0)", "print('never')")
    project.notebook("02-b", "# B", "print('shown')")
    assert runner.run() == 0
    head = project.report("01-a").partition("<main")[0]
    assert "This run ended early, in cell 3 of the notebook" in head
    assert "ended early" not in project.report("02-b")


def test_a_chinese_page_says_so_and_marks_what_is_english(project):
    project.notebook("01-a", "# 村集体收入", "md: 各县的经营性收入。", "md: In English, at length.")
    assert runner.run() == 0
    page = project.report("01-a")
    assert '<html lang="zh-Hans">' in page
    assert '<div class="prose" lang="en">\n<p>In English' in page
    assert '<div class="prose">\n<p>各县' in page


def test_a_page_of_everything_is_the_same_bytes_twice(project):
    cells = (r"# T $\hat x$[^1]" + "\n\n[^1]: n", "from IPython.display import Math\nMath('x^2')")
    project.notebook("01-a", *cells)
    assert runner.run() == 0
    first = project.report("01-a")
    assert runner.run(options=Options(force=True)) == 0
    assert project.report("01-a") == first
    assert 'font-family:"Lianjian Math"' in first
