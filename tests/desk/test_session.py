"""What a person meets at the desk: completion, cards, errors in one line, marked pictures."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def data(session):
    session.right("import analysis as lj")
    session.right('data = lj.load("simulated")')


def test_the_front_door_opens_at_once():
    code = (
        "import sys, analysis; bad = {'pandas', 'numpy', 'matplotlib', 'jinja2', 'IPython'} & "
        "set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FIGURES = ["as_chart", "band_bars", "Chart", "composition", "county_paths"]
COMPLETIONS = {
    "lj.": ["browse", "Dataset", "datasets", "effects", "export", "figures", "indicators",
            "language", "load", "parameters", "read_book", "show", "tables"],
    "lj.lo": ["load"],
    'lj.load("': ["published", "simulated"],
    "lj.load('si": ["simulated"],
    "lj.effects.pre": ["preferred_att"],
    "lj.indicators.g": ["gini", "growth"],
    'data["vil': ["villages"],
    "data.desc": ["describe", "description"],
    'data.panel["sub': ["subsidy_income_yuan"],
    'data.panel[["year", "tot': ["total_income_yuan"],
    "data.villages[['village_id', 'tow": ["township_name"],
    'data.panel.groupby("zo': ["zone"],
    'lj.indicators.means(data.panel, ["role", "ye': ["year"],
    'data.describe("补': ["补助收入"],
    'data.describe("joint': ["joint_income_yuan"],
    'lj.effects.study(data, "tot': ["total", "total_income_yuan"],
}  # fmt: skip


@pytest.mark.parametrize("begun", COMPLETIONS)
def test_what_is_begun_is_completed(session, begun):
    wanted = COMPLETIONS[begun]
    offered = session.tab(begun)
    # a door lists all it has and no more; a name of a column or a dataset as well
    assert [name.removeprefix("lj.") for name in offered] == wanted, offered


def test_figures_offers_charts_and_no_plumbing(session):
    offered = session.tab("lj.figures.")
    assert offered[:5] == FIGURES
    assert not {"CHARTS", "mark_simulated", "drawing", "pd", "np"} & set(offered)


def test_text_that_names_nothing_of_ours_is_left_alone(session):
    assert "published" not in session.tab('open("')
    assert "operating_income_yuan" not in session.tab('x = "oper')


def test_a_dataset_shows_its_card(session):
    card = session.right("data").html
    for said in ("模拟数据", "2018 to 2024", "甲县", "operating_income_yuan", "经营性收入"):
        assert said in card, said
    assert "var(--jp-ui-font-color1" in card  # it follows a dark notebook
    listed = session.right("lj.datasets()")
    assert "simulated 模拟" in listed.plain + listed.html
    assert "2018–2024" in listed.html


@pytest.mark.parametrize("asked", ["operating_income_yuan", "经营性收入", "operating income"])
def test_a_column_is_described_by_any_of_its_names(session, asked):
    shown = session.right(f"data.describe({asked!r})")
    for said in ("经营性收入", "yuan", "浙委办", "of 8,812 known", "模拟"):
        assert said in shown.plain, said
        assert said in shown.html, said


WRONG = {
    'lj.laod("simulated")': "Did you mean load?",
    "lj.Effects": "Did you mean effects?",
    'lj.say("It rose.")': "from analysis.reports import say",
    "lj.means": "from analysis.indicators import means",
    "lj.effects.preferred_at": "Did you mean preferred_att?",
    "lj.figures.paths_by_groups": "Did you mean paths_by_group?",
    "lj.indicators.ginni": "Did you mean gini?",
    'lj.load("simulatd")': "Did you mean simulated?",
    'lj.load("Published")': "Did you mean published?",
    "lj.load(data)": "takes a text, and was given a Dataset",
    "data.panl": "Did you mean panel?",
    'data["vilages"]': "Did you mean villages?",
    "data.role": r"data.panel['role']",
    "data.describe('opreating_income')": "Did you mean operating_income_yuan?",
    "data.describe(3)": "takes a text, and was given an int, 3",
    "data.describe(colum='role')": "Did you mean column?",
    "lj.indicators.means(data, ['year'])": "data.panel",
    "lj.indicators.means(data.panel, ['rol', 'year'])": "Did you mean role?",
    "lj.indicators.means(data.panel, ['角色', 'year'])": "Did you mean role?",
    "lj.effects.att_gt(data.panel)": "make_panel",
    "lj.effects.study(data, 'operating').event_study('cluster')": "Did you mean clusters?",
    "lj.effects.study(data, 'operating').honest('1')": "takes a list of numbers",
    "lj.effects.study(data, 'operating').honest(bound=[1])": "Did you mean bounds?",
    "from analysis.fields import county\ncounty('环线')": "in line 2",
    "from analysis.fields import county\ncounty('Huan')": "Did you mean Huan County?",
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_is_said_in_one_line(session, code):
    assert WRONG[code] in session.wrong(code)


def test_the_whole_traceback_is_there_when_asked_for(session):
    session.wrong("x = 1\ndata.panl")
    whole = session.run("%tb").error
    assert "Traceback" in whole
    assert "dataset.py" in whole
    assert "Traceback" in session.run("1/0").error  # other errors are shown as ever


PLOTS = {
    "pandas": "data.panel.groupby('county_name')['total_income_yuan'].mean().plot.bar()",
    "seaborn": """
import seaborn as sns
sns.set_theme()
sns.displot(data.panel.head(50), x='county_name')""",
    "objects": """
import seaborn.objects as so
so.Plot(data.panel.head(9), x='county_name').add(so.Bar(), so.Count())""",
    "pyplot": """
import matplotlib.pyplot as plt
plt.style.use('ggplot')
plt.title('经营性收入')
plt.show()""",
    "space": """
figure = plt.figure()
figure.add_subplot(projection='3d').set_title('村集体')
plt.show()""",
    "polar": """
figure, axes = plt.subplots(subplot_kw={'projection': 'polar'})
axes.set_title('环县')""",
}


@pytest.mark.parametrize("library", PLOTS)
def test_ones_own_plots_show_chinese_without_a_warning(session, library):
    shown = session.run(PLOTS[library])
    assert shown.error == ""
    assert "Glyph" not in shown.text
    assert shown.pictures


def test_ones_own_plots_of_simulated_data_are_marked_wherever_they_go(session, tmp_path):
    said = session.run(
        "import matplotlib.pyplot as plt\n"
        "figure, axes = plt.subplots()\n"
        "axes.plot([1, 2])\n"
        f"figure.savefig({str(tmp_path / 'x.svg')!r})\n"
        "print([text.get_text() for text in figure.texts])"
    ).text
    assert "Simulated data · 模拟数据" in said
    other = session.run(
        "from analysis import figures\nfigure, axes = plt.subplots()\n"
        "figures.unmark_simulated(figure)\nfigure.canvas.draw()\n"
        "print([text.get_text() for text in figure.texts])"
    ).text
    assert other.startswith("[]")  # on other data, as show(…, data=…) says
