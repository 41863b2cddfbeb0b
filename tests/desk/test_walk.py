"""Twenty tasks as somebody at a desk does them, one after the other in one session, no dead end.

Each is what one would type: it must neither fail nor warn, and what comes back must say or show
what was asked for. Completions are asked for on the way, where one would press Tab.
"""

import csv

import openpyxl
import pytest
from PIL import Image

TITLE = "甲县虚甲镇2024年村级集体经济收入表（单位：万元）"
BOOK = f"{TITLE}\n村名,总收入,经营性收入\n虚春村,12.5,8.2\n虚夏村,9.1,4.6\n虚秋村,30,21.75\n"


class Walk:
    """A session, what it wrote, and ways to ask it."""

    def __init__(self, session, folder):
        self.session, self.folder = session, folder

    def sees(self, code, *said):
        """Run a cell; give what it showed, which says what is expected in either form."""
        shown = self.session.right(code)
        for text in said:
            assert text in shown.plain + shown.html, (code, text, shown.plain)
        return shown

    def draws(self, code, *alt):
        shown = self.sees(code, *alt)
        assert len(shown.pictures) == 1, code
        return shown

    def says(self, code):
        """Give the value of an expression, as Python writes it."""
        return self.session.right(code).plain


@pytest.fixture(scope="module")
def walk(session, tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    session.right(f"import os\nos.chdir({str(folder)!r})\nimport analysis as lj")
    return Walk(session, folder)


def load_a_dataset(walk):
    walk.sees("lj.datasets()", "simulated 模拟", "2018–2024", "published")
    assert walk.session.tab('lj.load("s') == ["simulated"]
    walk.sees('data = lj.load("simulated")', "Simulated data 模拟数据")


def see_what_is_in_it(walk):
    walk.sees(
        "data", "甲县", "辛县", "2018 to 2024", "operating_income_yuan", "经营性收入", "8,812"
    )
    assert [name.removeprefix("data.") for name in walk.session.tab("data.pan")] == ["panel"]
    walk.sees("data.panel.head(3)", "county_name")
    assert walk.says("data.years") == "(2018, 2019, 2020, 2021, 2022, 2023, 2024)"


def know_what_a_column_means(walk):
    assert walk.session.tab('data.describe("经营') == ["经营性收入", "经营支出", "经营收益"]
    walk.sees('data.describe("经营性收入")', "发包及上交收入", "yuan", "operating_income_yuan")
    walk.sees('data.describe("补助收入")', "subsidy_income_yuan")


def find_the_share_of_weak_villages_by_county(walk):
    walk.sees("now = data.panel[data.panel.year == 2021]\n"
              'lj.indicators.weak_share(now, "county_name")', "weak_pct", "甲县")  # fmt: skip
    # all years at once would be another number, and are refused with the way out
    refused = walk.session.wrong('lj.indicators.weak_share(data.panel, "county_name")')
    assert "Add 'year' to by" in refused


def draw_income_by_role(walk):
    asked = 'lj.indicators.means(data.panel, ["ro'
    assert walk.session.tab(asked) == ["role"]
    walk.session.right('means = lj.indicators.means(data.panel, ["role", "year"])')
    walk.draws('columns = {"operating_income_wan_yuan": "经营性收入"}\n'
               'names = {"helper": "Helpers", "outside": "Outside"}\n'
               'lj.figures.paths_by_group(means, "role", columns, names)',
               "Simulated data", "Helpers: ", "in 2024")  # fmt: skip


def make_an_event_study(walk):
    assert walk.session.tab('lj.effects.study(data, "to') == ["total", "total_income_yuan"]
    walk.sees('study = lj.effects.study(data, "经营性收入", draws=19)\nstudy',
              "Study of operating_income_yuan", "Before and after")  # fmt: skip
    walk.draws("study.event_study().plot()", "Effects by years since joining in 万元")


def draw_a_figure_of_ones_own_in_the_look_of_the_house(walk):
    walk.draws(
        "import seaborn as sns\n"
        "with lj.figures.use_theme():\n"
        "    axes = sns.histplot(data=now, x='total_income_yuan', hue='county_name')\n"
        "    axes.set_title('村集体总收入')\n"
        "lj.show(axes)"
    )
    plain = walk.says("import matplotlib as mpl\nmpl.rcParams['axes.spines.top']")
    assert plain == "True"  # nothing of the look stays


def change_a_parameter(walk):
    walk.session.right("gain_wan: float = 5.0  # least gain that counts, 万元\nyear: int = 2024")
    walk.sees("lj.parameters()", "gain_wan", "least gain that counts, 万元", "2024")
    walk.sees("gain_wan = '3'\nlj.parameters()", "<strong>3.0</strong>")
    assert walk.says("gain_wan") == "3.0"  # a number again, as the cell declares it
    assert "takes float" in walk.session.wrong("gain_wan = 'three'\nlj.parameters()")


def take_a_table_to_excel_and_latex(walk):
    # filtered and sorted first, with a program that stands in the notebook
    shown = walk.sees('lj.browse(means, "Means by role")', "Means by role [Simulated data")
    assert "csvHtml5" in shown.html
    assert 'src="http' not in shown.html
    too_many = "lj.browse(__import__('pandas').concat([data.panel] * 3))"
    assert "Browse some of" in walk.session.wrong(too_many)
    walk.session.right('lj.export(means, "均值.xlsx", "Means by role")')
    head, *rows = (
        openpyxl.load_workbook(walk.folder / "均值.xlsx")
        .worksheets[0]
        .iter_rows(min_row=2, values_only=True)
    )
    assert head[3].splitlines()[0] == "Operating income (万元)"
    assert len(rows) == 3 * 7  # roles and years
    assert {row[-1] for row in rows} == {"模拟"}
    walk.session.right('lj.export(study, "estimates.tex", "Estimates")')
    text = (walk.folder / "estimates.tex").read_text("utf-8")
    assert "Before and after" in text
    assert "模拟" in text


def ask_by_chinese_names(walk):
    for code in ('data.panel["经营性收入"]', "data.panel.经营性收入", 'data["经营性收入"]',
                 'data.panel[["year", "经营性收入"]]', 'data.panel.sort_values("经营性收入")',
                 'data.panel.groupby("经营性收入").size()',
                 'lj.indicators.gini(data.panel["经营性收入"])'):  # fmt: skip
        assert "operating_income_yuan" in walk.session.wrong(code), code
    # what has nothing to do with columns is left as it is
    for code in ('{"a": 1}["b"]', "[].nothing", 'data.panel.loc["x"]', "data.panel.coutn()"):
        assert "Traceback" in walk.session.run(code).error, code


def read_a_book_of_three_columns(walk):
    book = walk.folder / "虚甲镇2024年模拟.csv"
    book.write_text(BOOK, "gb18030")
    refused = walk.session.wrong(f"lj.read_book({book.name!r}, simulated=True)")
    assert "A3" in refused
    assert "register=" in refused
    walk.session.right(
        "from analysis import paths\n"
        'register = paths.root() / "data" / "example" / "register.csv"\n'
        f"own = lj.read_book({book.name!r}, register=register, simulated=True)"
    )
    walk.sees("own", "总收入", "2024")
    assert walk.says("own.panel.operating_income_yuan.tolist()") == "[82000.0, 46000.0, 217500.0]"
    partly = walk.folder / "虚甲镇2023年模拟.csv"
    partly.write_text(BOOK.replace("2024", "2023").replace("虚夏村", "无此村"), "utf-8")
    told = walk.session.run(f"lj.read_book({partly.name!r}, register=register, simulated=True)")
    assert "1 places" in told.text
    assert "无此村" in told.text


def put_own_numbers_through_an_estimator(walk):
    walk.session.right(
        "import pandas as pd\n"
        'frame = pd.DataFrame({"村": range(40)}).merge(pd.DataFrame({"年": range(2019, 2025)}), '
        'how="cross")\n'
        'frame["加入年"] = (frame["村"] < 10) * 2022\n'
        'frame["收入"] = frame["村"] % 7 + 2 * ((frame["村"] < 10) & (frame["年"] >= 2022))'
    )
    walk.sees('own_study = lj.effects.study(frame, "收入", unit="村", year="年", cohort="加入年")\n'
              "own_study.event_study()", "2")  # fmt: skip
    walk.draws('own_study.plot(unit="千元")', "千元")
    said = walk.session.wrong('lj.indicators.means(frame.rename(columns={"年": "年份"}), ["年份"])')
    assert "frame.rename(columns={'年份': 'year'})" in said


def compare_estimates_and_ask_how_firm(walk):
    walk.sees("study.preferred()", "Entropy balancing", "placebo alliances")
    walk.sees("study.table()", "Imputation, adjusted")
    walk.draws('lj.figures.honest_intervals({"经营性收入": study.honest()}, "Bound on the trend")',
               "parallel trends")  # fmt: skip


def study_both_measures_at_once(walk):
    offered = walk.session.tab("lj.effects.stud")
    assert [name.removeprefix("lj.effects.") for name in offered] == ["studies", "study"]
    walk.sees("both = lj.effects.studies(data, draws=19)\nboth",
              "Study of operating_income_yuan", "Study of total_income_yuan")  # fmt: skip


def measure_inequality(walk):
    assert float(walk.says("lj.indicators.gini(now.total_income_yuan)")) > 0
    walk.session.right("from analysis.indicators import inequality")
    walk.session.right('curves = {"2021": (inequality.lorenz(now.total_income_yuan), 0.5)}')
    walk.draws('lj.figures.lorenz_curves({"总收入": curves})', "Gini 0.50")


def follow_villages_through_bands(walk):
    walk.sees('moves = lj.indicators.transitions(data.panel, "operating_income_yuan", 2018, 2024)\n'
              "moves")  # fmt: skip
    walk.sees('lj.indicators.band_shares(data.panel, ["year"])', "100 and over")


def see_who_grew(walk):
    said = walk.session.wrong('lj.indicators.growth(data.panel, "county_name")')
    assert "indicators.changes(panel, measure, start, end)" in said
    walk.sees('change = lj.indicators.changes(data.panel, "total_income_yuan", 2020, 2024)\n'
              'lj.indicators.growth(change, "county_name")', "growth_pct", "戊县")  # fmt: skip


def save_a_chart_for_a_talk(walk):
    walk.session.right("chart = lj.figures.composition(lj.indicators.by_source(data.panel))")
    for kind in ("png", "pdf", "svg"):
        walk.session.right(f'chart.save("图.{kind}")')
    assert (walk.folder / "图.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(walk.folder / "图.png") as picture:
        assert picture.width > 1000
        assert "Simulated data" in picture.info["Description"]
    assert "模拟" in (walk.folder / "图.svg").read_text("utf-8")
    assert "Did you mean" in walk.session.wrong('chart.save("图.pgn")')


def look_at_the_published_record(walk):
    walk.sees('record = lj.load("published")\nrecord', "published", "register", "1,261")
    assert walk.session.tab('record["fig') == ["figures"]
    assert "panel" in walk.session.wrong("record.panel")


def take_home_all_villages_of_a_county(walk):
    walk.session.right(
        "county = data.panel.query(\"county_name == '丙县' and year == 2024\")\n"
        'columns = ["village_id", "operating_income_yuan"]\n'
        'lj.export(county[columns], "丙县.csv", data=data)'
    )
    head, *rows = list(csv.reader((walk.folder / "丙县.csv").read_text("utf-8-sig").splitlines()))
    assert head == ["Village", "Operating income (yuan)", "Data 数据"]
    assert len(rows) == int(walk.says("len(county)")) > 100


TASKS = (load_a_dataset, see_what_is_in_it, know_what_a_column_means,
         find_the_share_of_weak_villages_by_county, draw_income_by_role, make_an_event_study,
         draw_a_figure_of_ones_own_in_the_look_of_the_house, change_a_parameter,
         take_a_table_to_excel_and_latex, ask_by_chinese_names,
         read_a_book_of_three_columns, put_own_numbers_through_an_estimator,
         compare_estimates_and_ask_how_firm, study_both_measures_at_once, measure_inequality,
         follow_villages_through_bands, see_who_grew, save_a_chart_for_a_talk,
         look_at_the_published_record, take_home_all_villages_of_a_county)  # fmt: skip


def test_twenty_tasks_have_no_dead_end(walk, subtests):
    assert len(TASKS) == 20
    for task in TASKS:
        with subtests.test(task.__name__):
            task(walk)
