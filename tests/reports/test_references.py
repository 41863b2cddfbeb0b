"""Works that the prose cites, from references.bib beside the notebooks."""

import json
import re

import pytest

from analysis import _language, paths
from analysis.reports.page._references import References
from analysis.reports.run import runner
from analysis.reports.run.runner import Options

from .conftest import unmarked

BIB = """
@article{zhou2023, author = {周力 and 沈坤荣}, title = {村集体 \\& 收入}, journal = {管理世界},
  year = 2023, volume = 39, pages = {1--9}}
@article{sun2021, author = {Sun, Liyang and Abraham, Sarah}, title = {Estimating <i>effects</i>},
  journaltitle = {Journal of Econometrics}, date = {2021-12}, volume = {225}, doi = {10.1000/x_1}}
@online{office, author = {{某省农业农村厅}}, title = {Report}, year = {2024},
  url = {https://example.org/a?b=1&c=2}}
"""
PROSE = """md: # Works

As [see @zhou2023, p. 3; @sun2021] and [@office] say. Mail a@sun2021.org, `[@code]`, @sun2021.
"""


@pytest.fixture
def cited(project):
    """Give a project with a notebook that cites three works."""
    (project.notebooks / "references.bib").write_text(BIB, "utf-8-sig")
    project.notebook("01-a", PROSE, "print(1)")
    assert runner.run(options=Options(jobs=1)) == 0
    return project


def test_citations_point_to_a_list_at_the_end(cited):
    page = unmarked(cited.report("01-a"))
    assert '(see <a href="#ref-zhou2023"' in page
    assert "周力 and 沈坤荣, 2023</a>, p. 3; " in page
    assert "Sun and Abraham, 2021</a>)" in page
    assert "a@sun2021.org" in page
    assert "[@code]" in page
    listed = page.partition('<ul class="references">')[2].partition("</ul>")[0]
    for key in ("zhou2023", "sun2021", "office"):
        assert listed.count(f'id="ref-{key}"') == 1
    assert "村集体 &amp; 收入" in listed
    assert "&lt;i&gt;effects&lt;/i&gt;" in listed
    assert "https://doi.org/10.1000/x_1" in listed
    assert 'href="https://example.org/a?b=1&amp;c=2"' in listed
    assert "Preprint" not in listed
    record = json.loads((cited.reports / "01-a" / "run.json").read_text("utf-8"))
    assert "@" not in record["summary"].replace("a@sun2021.org", "").replace(", @sun2021", "")


def test_chinese_cites_as_its_journals_do_and_says_what_is_noted_of_a_work(tmp_path):
    more = """
@article{lin2019, author = {林毅 and 何静 and 许方}, title = {农地流转},
  journal = {经济研究}, year = 2019}
@misc{gansu, author = {{Provincial survey of Gansu}}, title = {调查}, year = {2025}}
"""
    (tmp_path / "references.bib").write_text(BIB + more, "utf-8")
    with _language.writing("zh", "01-published-figures"):
        works = References(tmp_path / "references.bib", "zh-Hans")
        cited = re.sub("<[^>]+>", "", works.citation("见 @zhou2023; @sun2021; @lin2019; @gansu"))
        listed = dict(works.entries())
    assert cited == "（见 周力和沈坤荣，2023；Sun和Abraham，2021；林毅等，2019；甘肃省调查，2025）"
    assert listed["ref-lin2019"] == "林毅, 何静, 许方, 2019. 农地流转[J]. 经济研究."
    assert listed["ref-zhou2023"].endswith("[J]. 管理世界, 39: 1-9.")


@pytest.mark.filterwarnings("error")
def test_works_of_a_chinese_page_stand_by_pinyin_and_before_those_in_other_scripts(tmp_path):
    (tmp_path / "references.bib").write_text(
        "\n".join(
            f"@book{{{key}, author = {{{name}}}, title = {{T}}, year = {{{year}}}}}"
            for key, name, year in (
                ("z", "周力", 2023),
                ("w", "Adams, Ann", 2001),
                ("l", "李敢", 2024),
                ("k", "李敢", 2020),
                ("c", "陈雪原", 2023),
            )
        ),
        "utf-8",
    )
    prose = "[@z; @w; @l; @k; @c]"
    orders = {}
    for lang in ("zh-Hans", "en"):
        works = References(tmp_path / "references.bib", lang, prose)
        works.citation("@z; @w; @l; @k; @c")
        orders[lang] = [anchor for anchor, _ in works.entries()]
    assert orders["zh-Hans"] == ["ref-c", "ref-k", "ref-l", "ref-z", "ref-w"]
    assert orders["en"][0] == "ref-w"


def test_a_field_that_the_style_does_not_print_says_nothing_on_the_terminal(tmp_path):
    file = tmp_path / "references.bib"
    noted = ", doi = {10.1000/x}, annote = {Checked}, langid = {zh}, Keywords = {a, b}}"
    report = "@techreport{wb, author = {Chen, B}, title = {T}, institution = {World Bank}, year = 3"
    file.write_text(report + noted, "utf-8")
    cited = References(file, "en")
    assert "Chen, 3" in cited.citation("@wb")
    assert "World Bank" in cited.entries()[0][1]


def test_each_work_of_the_pages_is_checked_or_says_on_the_page_that_it_is_not():
    works = re.split(
        r"^@", (paths.notebooks() / "references.bib").read_text("utf-8"), flags=re.MULTILINE
    )
    fields = [dict(re.findall(r"^  (\w+) = \{(.*)\},$", work, re.MULTILINE)) for work in works[1:]]
    assert all(work["annote"] for work in fields)
    doubtful = [work["title"] for work in fields if not work["annote"].startswith("Checked:")]
    assert doubtful
    said = re.compile(r"\(.*(not read|not checked|nothing .* checked|read in part)")
    assert [title for title in doubtful if not said.search(title)] == []


def test_a_changed_work_makes_a_new_page_and_runs_nothing(cited, capsys):
    (cited.notebooks / "references.bib").write_text(
        BIB.replace("管理世界", "农业经济问题"), "utf-8"
    )
    assert runner.run(options=Options(jobs=1)) == 0
    assert "农业经济问题" in cited.report("01-a")
    assert "rendered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bib", "message"),
    [
        (BIB.replace("sun2021", "sun2020"), "Did you mean sun2020?"),
        (BIB.replace("@online{office", "@online{zhou2023"), "holds zhou2023 twice"),
        (BIB.replace("year = 2023", "year = {about 2023}"), "zhou2023 cannot be read"),
        (None, "there is no references.bib"),
    ],
)
def test_what_cannot_be_cited_fails_the_run(project, capsys, bib, message):
    if bib is not None:
        (project.notebooks / "references.bib").write_text(bib, "utf-8")
    project.notebook("01-a", PROSE, "print(1)")
    assert runner.run(options=Options(jobs=1)) == 1
    told = (project.reports / "01-a.failed" / "error.txt").read_text("utf-8")
    assert message in told


TWINS = "".join(
    f"@article{{{key}, author = {{{who}}}, title = {{{title}}}, journal = {{J}}, {year}}}\n"
    for key, who, title, year in (
        ("li-b", "李四", "乙", "year = 2020"),
        ("li-a", "李四", "甲", "year = 2020"),
        ("li-c", "李四", "丙", "year = 2019"),
        ("chen1", "Chen, Bo", "One", ""),
        ("chen2", "Chen, Bo", "Two", ""),
    )
)


def test_works_of_one_author_and_year_are_told_apart(tmp_path):
    file = tmp_path / "references.bib"
    file.write_text(TWINS, "utf-8")
    cited = References(file, "en", "As [@li-b; @li-c] and\n\n[see @li-a, p. 2] [@chen2] [@chen1].")
    html = cited.citation("@li-b; @li-c") + cited.citation("@li-a") + cited.citation("@chen1")
    listed = dict(cited.entries())
    for key in ("li-a", "li-b"):
        [year] = [f"2020{letter}" for letter in "ab" if f"(2020{letter})" in listed[f"ref-{key}"]]
        assert f'<a href="#ref-{key}">李四, {year}</a>' in html
    assert listed["ref-li-a"].partition("(")[2][:5] != listed["ref-li-b"].partition("(")[2][:5]
    assert "李四, 2019</a>" in html
    assert "no date a" in html
    alone = References(file, "en", "Only [@li-a].")
    assert "李四, 2020</a>" in alone.citation("@li-a")  # beside no other nothing is told apart


def test_an_id_in_running_prose_changes_no_letter(tmp_path):
    file = tmp_path / "references.bib"
    file.write_text(TWINS, "utf-8")
    first = References(file, "zh-Hans", "见[@li-a]、[@li-b]。")
    assert first.citation("@li-a") != first.citation("@li-b")
