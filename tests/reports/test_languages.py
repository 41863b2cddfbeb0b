"""One run, two pages: what a page says in another language, and what it leaves in English."""

import csv
import json
import re
import shutil
import textwrap
import zipfile

import mistune
import pandas as pd
import polib
import pypdf
import pytest

from analysis import _language
from analysis.cli import main
from analysis.errors import LianjianError
from analysis.reports import calls, citation, markup, translate
from analysis.reports.calls import Call
from analysis.reports.numbers import Ledger
from analysis.reports.run import runner
from analysis.reports.run.runner import Options
from tests.wording import (
    NUMBER,
    ROOT,
    drawn_in,
    latin,
    lines_of_pdf,
    masked,
    paragraphs_of_word,
    seen,
    words_in,
    write_pseudo_language,
)

CELLS = (
    "# Sheep of the county\n\nHow many sheep are there?",
    'products = {"figures": ["flocks"], "tables": ["sheep"], "numbers": ["mean"]}',
    """
    import pandas as pd
    from analysis import figures
    from analysis.reports import record, say, show, table

    year = 2024
    frame = pd.DataFrame({"kind": ["Rams", "Ewes"], "sheep": [12, 3456]})
    table(frame, "sheep", f"Sheep counted in {year}.", labels={"kind": "Kind", "sheep": "Sheep"})
    record("mean", 2.5, unit="万元", low=-1.0, high=4.0, label=f"Mean income of {year}")
    paths = pd.DataFrame(
        {"year": [2022, 2023], "role": ["helper"] * 2, "operating_income_wan_yuan": [1.0, 2.0]}
    )
    chart = figures.paths_by_group(
        paths, "role", {"operating_income_wan_yuan": "Operating income"}, {"helper": "Shepherd"}
    )
    show(chart, "flocks", "Flocks by year.")
    say("Each shepherd earned {mean:unit} ({mean:interval}).")
    """,
    "## Who is left out\n\nGoats are left out.",
)
SAID = {
    "Sheep of the county": "全县的羊",
    "How many sheep are there?": "全县有多少只羊？",
    "Sheep counted in {year}.": "{year}年的羊数。",
    "Rams": "公羊",
    "Ewes": "母羊",
    "Kind": "类别",
    "Sheep": "羊",
    "Mean income of {year}": "{year}年平均收入",
    "Shepherd": "牧羊户",
    "Flocks by year.": "各年羊群。",
    "Each shepherd earned {mean:unit} ({mean:interval}).": "每户{mean:unit}（{mean:interval}）。",
    "Who is left out": "未计入者",
}


def write_messages(root, said, name="01-sheep"):
    folder = root / "translations" / "zh"
    folder.mkdir(parents=True, exist_ok=True)
    for shared in ("pages.po", "library.po", _language.SETTING, _language.STYLE):
        shutil.copy(ROOT / "translations" / "zh" / shared, folder)
    file = polib.POFile()
    file.extend(polib.POEntry(msgid=text, msgstr=words) for text, words in said.items())
    file.save(str(folder / f"{name}.po"))


def pages(project):
    folder = project.reports / "01-sheep"
    return [(folder / f"report{end}.html").read_text("utf-8") for end in ("", ".zh")]


def test_a_page_in_chinese_stands_beside_the_english_one_and_no_cell_runs_for_it(project):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    runner.make(runner.planned())
    english = (project.reports / "01-sheep" / "report.html").read_text("utf-8")
    ended = runner.make(runner.planned(), Options(languages=("zh",)))
    assert [ending.result for ending in ended.endings] == ["rendered"]
    linked, chinese = pages(project)

    link = '<a class="language" href="report.zh.html" lang="zh-Hans" hreflang="zh-Hans">中文</a>'
    assert link not in english
    body = slice(english.index("<body"), None)
    assert linked[linked.index("<body") :].replace(link, "") == english[body]
    assert 'href="report.html" lang="en" hreflang="en">English</a>' in chinese
    assert '<html lang="zh-Hans">' in chinese

    said = seen(chinese)
    for words in (
        "全县的羊",
        "全县有多少只羊？",
        "2024年的羊数。",
        "公羊",
        "类别",
        "各年羊群。",
        "未计入者",
    ):
        assert words in said
    assert "每户 2.50万元 （ −1.00至4.00 ）" in said.replace("  ", " ")
    ids = re.compile(r'\bid="([^"]+)"')
    assert ids.findall(chinese) == ids.findall(linked)
    number = re.compile(r"[0-9][0-9,.]*[0-9]|[0-9]")
    main = slice(chinese.index("<main"), chinese.index("</main>"))
    here = set(number.findall(seen(chinese[main])))
    there = seen(linked[linked.index("<main") : linked.index("</main>")])
    assert set(number.findall(there)) <= here


def test_what_is_not_translated_stands_in_english_and_the_page_counts_it(project):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    runner.make(runner.planned(), Options(languages=("zh",)))
    _, chinese = pages(project)
    assert '<div lang="en">' in chinese
    record = json.loads((project.reports / "01-sheep" / "run.json").read_text("utf-8"))
    spoken = record["pages"]["zh"]
    assert "Goats are left out." in spoken["english"]
    assert spoken["check"]["state"] == "failed"
    assert spoken["title"] == "全县的羊"
    assert {"label": "2024年平均收入", "text": "2.50万元"} in spoken["numbers"]

    write_messages(project.root, {**SAID, "Goats are left out.": "山羊不计。"})
    ((run, decision),) = runner.decide(runner.planned())
    assert (decision.action, run.languages) == ("render", ("zh",))
    assert "translations/zh changed" in decision.reasons
    runner.make(runner.planned())
    assert "山羊不计。" in pages(project)[1]


def test_the_index_is_in_both_languages_and_each_leads_to_the_other(project):
    project.notebook("01-sheep", *CELLS)
    project.plan('languages = ["zh"]\n')
    write_messages(project.root, SAID)
    runner.make(runner.planned())
    english, chinese = (
        (project.reports / f"index{end}.html").read_text("utf-8") for end in ("", ".zh")
    )
    assert 'href="index.zh.html"' in english
    assert 'href="index.html"' in chinese
    assert '<a href="01-sheep/report.zh.html">全县的羊</a>' in chinese
    assert re.search(r"· \d+\.\d秒", seen(chinese))
    assert "2024年平均收入" in chinese


def test_a_report_with_a_chinese_page_is_cited_in_chinese(project, capsys):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    runner.make(runner.planned(), Options(languages=("zh",)))
    capsys.readouterr()

    def cited(*asked):
        assert main([*asked[:-1], "cite", asked[-1]]) == 0
        said = capsys.readouterr()
        assert said.err == ""  # it is not out of date for its page in Chinese
        return said.out

    assert cited("01-sheep").startswith("The Lianjian contributors (n.d.). Sheep of the county.")
    said = cited("--language", "zh", "01-sheep#num-mean")
    assert said.startswith("Lianjian项目贡献者（无日期）。全县的羊。报告")
    assert said.strip().endswith("。2024年平均收入：2.50万元（#num-mean）。")
    assert cited("--language", "zh", "01-sheep#fig-flocks").strip().endswith("图1（#fig-flocks）。")


def test_a_page_is_found_by_chinese_words_and_its_citation_says_that_it_is_internal():
    data = [{"name": "real", "title": "台账", "version": "1", "kind": "ledger"}]
    with _language.writing("zh"):
        cited = citation.of_page(
            slug="01",
            title="收入变动",
            abstract="",
            run_id="0",
            code="",
            parameters={},
            datasets=data,
            simulated=False,
            internal=True,
        )
    assert cited.keywords == ("村级集体经济", "党建联建", "双重差分法", "可重复研究")
    assert cited.title == "收入变动［内部资料］"


def test_a_citation_of_several_sources_is_said_whole():
    data = tuple(
        {
            "title": f"环县台账{n}",
            "name": f"books{n}",
            "version": "0123456789ab",
            "kind": "published",
        }
        for n in (1, 2)
    )
    cited = citation.of_page(
        slug="01-x", title="羊", abstract="", run_id="d282083df9e31b92", code="0123456789ab",
        parameters={"county": "sim3"}, datasets=data, simulated=False, mixed=False, internal=False,
    )  # fmt: skip
    with _language.writing("zh"):
        said = _language.said(citation.text(cited))
    assert "数据为环县台账1（books1，版本0123456789ab）；环县台账2（books2，" in said
    assert said.strip().endswith("。参数：county = sim3。")
    assert words_in([re.sub("books|Lianjian|code|county", "", said)]) == []


def test_a_language_without_messages_is_refused(project):
    project.notebook("01-sheep", "# A")
    with pytest.raises(LianjianError, match="no language 'fr'; pages can be in: en"):
        runner.make(runner.planned(), Options(languages=("fr",)))


def test_a_changed_text_keeps_its_translation_as_doubtful_until_it_is_read(project):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    translate.update("zh")
    changed = CELLS[0].replace("How many sheep are there?", "How many sheep are there today?")
    project.notebook("01-sheep", changed, *CELLS[1:])
    (found,) = [one for one in translate.update("zh") if one.file == "01-sheep.po"]
    assert found.doubtful == 1
    file = project.root / "translations" / "zh" / "01-sheep.po"
    entry = polib.pofile(str(file)).find("How many sheep are there today?")
    assert (entry.msgstr, entry.fuzzy) == ("全县有多少只羊？", True)
    assert entry.previous_msgid == "How many sheep are there?"
    with _language.writing("zh", "01-sheep"):
        assert _language.said(entry.msgid) == entry.msgid
    before = file.read_bytes()
    translate.update("zh")
    assert file.read_bytes() == before


def test_messages_of_data_that_are_not_built_are_kept_and_a_sentence_says_so(project, capsys):
    project.notebook("01-sheep", *CELLS)
    project.dataset()
    folder = project.root / "translations" / "zh"
    write_messages(project.root, SAID)
    translate.update("zh")
    file = folder / "data.po"
    said = polib.pofile(str(file))
    ours = [entry for entry in said if entry.comment == "data/raw, trial"]
    assert ours
    for entry in said:
        entry.msgstr = "试验"
    said.save(str(file))
    translate.update("zh")
    before = file.read_bytes()
    assert before.endswith(b'"\n')  # and no line that is empty
    shutil.rmtree(project.root / "data" / "processed" / "trial")
    capsys.readouterr()
    assert main(["translate", "zh", "--prune"]) == 0
    assert "trial is not built, so what translations/zh/data.po says of it is kept" in (
        capsys.readouterr().err
    )
    assert file.read_bytes() == before


def test_a_language_that_nobody_has_begun_gets_a_folder_in_which_all_is_to_do(project, capsys):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    kept = project.root / "translations" / "zh" / "library.po"
    before = kept.read_bytes()
    assert main(["translate", "fr"]) == 0
    assert "01-sheep.po" in capsys.readouterr().out
    file = polib.pofile(str(project.root / "translations" / "fr" / "01-sheep.po"))
    assert {"How many sheep are there?", "Rams", "Sheep counted in {year}."} <= {
        entry.msgid for entry in file
    }
    assert not any(entry.msgstr for entry in file)
    runner.make(runner.planned(), Options(languages=("fr",)))
    page = (project.reports / "01-sheep" / "report.fr.html").read_text("utf-8")
    assert '<html lang="fr">' in page
    assert '<div lang="en">\n<p>How many sheep are there?</p>' in page.replace("\n\n", "\n")
    record = json.loads((project.reports / "01-sheep" / "run.json").read_text("utf-8"))
    assert record["pages"]["fr"]["check"]["state"] == "failed"
    kept_by_chinese = {entry.comment for entry in polib.pofile(str(kept))}
    assert any(comment.startswith("pattern") for comment in kept_by_chinese)
    shared = polib.pofile(str(project.root / "translations" / "fr" / "library.po"))
    assert any(entry.comment.startswith("pattern") for entry in shared)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("code", ["en", "x/y", "..", "ZH"])
def test_what_is_no_language_gets_no_folder(project, code, capsys):
    assert main(["translate", code]) == 2
    assert "is no language to translate into" in capsys.readouterr().err
    assert not (project.root / "translations").exists()


def test_what_two_languages_keep_stays_where_it_is_in_each(project):
    project.notebook("01-sheep", *CELLS)
    write_messages(project.root, SAID)
    translate.update("zh")
    file = project.root / "translations" / "zh" / "library.po"
    before = file.read_bytes()
    translate.update("qps")
    translate.update("zh")
    assert file.read_bytes() == before


def shared_messages():
    for file in sorted((ROOT / "translations" / "zh").glob("*.po")):
        yield from ((file.name, entry) for entry in polib.pofile(str(file), encoding="utf-8"))


def test_a_translation_has_the_places_of_its_text():
    wrong = [
        (name, entry.msgid)
        for name, entry in shared_messages()
        if entry.translated()
        and not (entry.comment.startswith("shorter") or entry.tcomment == "shorter")
        and set(_language.PLACE.findall(entry.msgid)) != set(_language.PLACE.findall(entry.msgstr))
    ]
    assert wrong == []


def test_a_place_in_the_name_of_a_number_is_left_as_it_is():
    text = "Of {kind} {net-{kind}} were shorn ({{key}:interval})."
    message = _language.Message(text, "{kind}剪毛{net-{kind}}只（{{key}:interval}）。")
    found = message.pattern.fullmatch("Of ewes {net-ewes} were shorn ({net-ewes:interval}).")
    assert found.groups() == ("ewes", "net-ewes")
    assert message.typed == {"key"}
    said = message.filled(["母羊", "net-ewes"], found.groups())
    assert said == "母羊剪毛{net-ewes}只（{net-ewes:interval}）。"


def spoken_words(text):
    """Return what of a text is said: no code, no places, no addresses."""
    return re.sub(r"`[^`]*`|\{[^{}]*\}|\[@[^\]]*\]|\]\([^)]*\)", " ", text)


def test_a_term_of_the_glossary_is_said_by_its_chinese_word():
    glossary = ROOT / "translations" / "zh" / "glossary.csv"
    with glossary.open(encoding="utf-8", newline="") as stream:
        terms = list(csv.DictReader(stream))
    assert len({term["english"] for term in terms}) == len(terms) > 60
    by_term = {term["english"].lower(): term for term in terms}
    longest_first = "|".join(map(re.escape, sorted(by_term, key=len, reverse=True)))
    found = re.compile(rf"(?<![\w-])({longest_first})(?:s|es)?(?![\w-])", re.IGNORECASE)
    wrong, met = [], set()
    for name, entry in shared_messages():
        if not entry.translated() or entry.obsolete or "references.bib" in entry.comment:
            continue  # a work is called as it is called
        for word in {word.lower() for word in found.findall(spoken_words(entry.msgid))}:
            met.add(word)
            said = [by_term[word]["chinese"], *filter(None, by_term[word]["also"].split("|"))]
            if not any(term in entry.msgstr for term in said):
                wrong.append((name, word, entry.msgid))
    assert wrong == []
    assert len(met) > 60  # terms that nothing says are no terms of these pages


def test_names_at_the_ticks_of_a_chart_are_said():
    from matplotlib.figure import Figure

    from analysis.figures._words import put_into_words

    figure = Figure()
    axes = figure.subplots()
    axes.set_yticks([0, 1], ["Before and after", "Two-way fixed effects"])
    axes.set_xticks([0, 1], ["Helper", "2024"])
    with _language.writing("zh"):
        put_into_words(figure)
    said = [[axis.get_major_formatter()(at) for at in (0, 1)] for axis in (axes.yaxis, axes.xaxis)]
    assert said == [["前后比较", "双向固定效应"], ["帮带村", "2024"]]


def test_emphasis_of_a_translation_closes_where_chinese_follows():
    place = re.compile(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
    stray = [
        entry.msgstr
        for name, entry in shared_messages()
        if name not in {"books.po", "commands.po"} and entry.translated() and "*" in entry.msgid
        if not entry.obsolete
        and "*" in re.sub(r"<[^>]+>", "", str(mistune.html(place.sub("一", entry.msgstr))))
    ]
    assert stray == []


def test_a_note_that_is_said_in_emphasis_has_none_within():
    """Between Chinese characters a second star closes what the first has opened."""
    assert "*" in re.sub(r"<[^>]+>", "", str(mistune.html("*变动最大的是*方法*：由一到二。*")))
    library = [entry for name, entry in shared_messages() if name == "library.po"]
    assert any("medians from" in entry.msgid for entry in library)
    assert [entry.msgid for entry in library if "*" in entry.msgid + entry.msgstr] == []


def test_the_registry_says_what_the_messages_say():
    from analysis import fields

    said = {entry.msgid: entry.msgstr for _, entry in shared_messages()}
    for county in fields.EVERY_COUNTY:
        assert said[county.name] == county.name_zh


@pytest.mark.parametrize(
    ("given", "system", "spoken"),
    [
        ("", {"LANG": "zh_CN.UTF-8"}, True),
        ("", {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ("", {"LANG": "zh_CN.UTF-8", "LIANJIAN_LANGUAGE": "en"}, False),
        ("", {"LIANJIAN_LANGUAGE": "zh"}, True),
        ("", {"LANG": "fr_FR.UTF-8"}, False),
        ("zh", {"LANG": "en_GB.UTF-8"}, True),
        ("en", {"LANG": "zh_CN.UTF-8"}, False),
    ],
)
def test_the_command_line_speaks_as_it_is_told_or_as_the_system_does(
    monkeypatch, capsys, given, system, spoken
):
    for name in ("LIANJIAN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
        if name in system:
            monkeypatch.setenv(name, system[name])
    asked = ["--language", given] if given else []
    assert main([*asked, "params", "99"]) == 2
    said = capsys.readouterr().err
    assert ("没有笔记本" in said) is spoken
    assert "'99'" in said


def test_a_command_that_speaks_chinese_answers_a_program_in_english(capsys):
    assert main(["--language", "zh", "params", "99", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["error"].startswith("There is no notebook '99'")
    assert "没有笔记本" in told.err


def test_an_unknown_language_of_the_command_line_is_refused(capsys):
    assert main(["--language", "tlh", "build"]) == 2
    assert "There is no language 'tlh'" in capsys.readouterr().err


def test_the_desk_speaks_the_language_that_was_chosen():
    import analysis

    written = "The frame has several columns 'year'. Rename all but one."
    try:
        analysis.language("zh")
        assert _language.current().code == "zh"
        assert _language.said(written) != written
        with _language.writing("en"):
            assert _language.said(written) == written
    finally:
        analysis.language("en")
    assert _language.said(written) == written


def test_at_the_desk_a_chart_says_a_text_whole_or_not_at_all_and_an_error_keeps_names():
    import analysis

    chart = "Wolves of the hills: 3.0 in 2018, 29.7 in 2024; sheep of the plain: 1.0 in 2018"
    error = "analysis.wolves is no file of messages: it howls"
    try:
        analysis.language("zh")
        assert _language.said(chart) == chart
        assert _language.said(error) == error
        assert "analysis.wolves" in _language.told(error) != error
    finally:
        analysis.language("en")


def test_what_the_desk_refuses_is_said_whole_and_names_stay_as_they_are_typed():
    import analysis

    columns = ("operating_income_yuan", "total_income_yuan")
    village = {"village_id": "a", "role": "helper", **dict.fromkeys(columns, 1.0)}
    panel = pd.DataFrame([{**village, "year": year} for year in (2023, 2024)])
    asked = [
        (lambda: analysis.nothing, "模块'analysis'没有'nothing'。"),
        (lambda: analysis.load(3), "load: name应为文本，给出的却是int：3。"),
        (lambda: analysis.indicators.means(panel, by="rol"), "表中没有rol列。是否指role？"),
        (lambda: analysis.indicators.means(panel, by=3), "by应为文本或由文本组成的列表"),
        (lambda: analysis.indicators.means(panel, per="x"), "下列之一：'village'、'household'"),
        (lambda: analysis.indicators.means(panel, by="role"), "会把各年混在一起"),
        (lambda: analysis.indicators.means(panel, bye="role"), "means没有参数'bye'。是否指by？"),
        (analysis.figures.composition, "composition：缺少必需的参数：'means'。"),
    ]
    for refused, words in asked:
        with pytest.raises(LianjianError) as error, _language.writing("zh", _language.EVERY):
            refused()
        with _language.writing("zh", _language.EVERY):
            said = _language.told(str(error.value))
        assert words in said


def test_clauses_are_parted_before_the_words_between_them():
    with _language.writing("zh", "07-robustness"):
        said = _language.said("parallel trends 3.01 to 5.38; 0.25 2.55 to 5.70; 0.5 2.1 to 6.2")
    assert said == "平行趋势3.01至5.38；0.25 2.55至5.70；0.5 2.1至6.2"


@pytest.mark.parametrize(
    ("own", "text", "words"),
    [
        # an interval before another one; a year before a value; items of a list with commas
        (
            "05-alliance-effect",
            "+3 years 7.34 (4.46 to 10.22). Total 总收入: −5 years −0.46 (−20.59 to 19.68)",
            "加入后3年：7.34（4.46至10.22）。总收入：加入前5年：−0.46（−20.59至19.68）",
        ),
        ("05-alliance-effect", "+0 years −0.02 (−1.1 to 2)", "加入当年：−0.02（−1.1至2）"),
        # lists of names, with or without a count
        (
            "09-county-brief",
            "甲县 (100), All 8 counties (1,259)",
            "甲县（100）、全部8个县区（1,259）",
        ),
        (
            "06-bands-and-inequality",
            "helper village, weak allied village, outside alliances",
            "帮带村、联建薄弱村、非联建村",
        ),
        (
            "10-reported-elsewhere",
            "Dots of payments per village in 万元: 桐乡市 2019 49.2; 安吉县 2021 about 45.",
            "每村分得金额的散点图，单位万元：桐乡市 2019年49.2；安吉县 2021年约45。",
        ),
        ("10-reported-elsewhere", "2016: over 80", "2016：超过80"),
        ("10-reported-elsewhere", "2014: 510", "2014：510"),
        (
            "02-data-quality",
            "144 just below and 157 just above 5 万元, 129 just below and 101 just above 10 万元",
            "5万元之下144个，之上157个，10万元之下129个，之上101个",
        ),
        # signs between Chinese characters are Chinese, also where no word is to be said
        ("01-published-figures", "甘肃农民报, 庄浪县改薄 (M)", "甘肃农民报，庄浪县改薄（M）"),
        ("10-reported-elsewhere", "“后进村”成了 (浙江日报)", "“后进村”成了（浙江日报）"),
        ("", "Mean change of operating income, 2023 to 2024", "经营性收入平均变动，2023年至2024年"),
    ],
)
def test_what_is_put_together_is_parted_where_it_was(own, text, words):
    with _language.writing("zh", own) as chinese:
        assert chinese.says(text) == words


def test_what_a_cell_printed_is_said_by_line_and_nobody_misses_what_is_not():
    printed = "  146 rows without x were dropped.\nno sentence of ours\na  12 rows\n"
    with _language.writing("zh", "00-start-here") as chinese:
        assert _language.printed(printed) == printed.replace(
            "146 rows without x were dropped.", "剔除没有x的146行。"
        )
        assert chinese.missing == []


def test_a_unit_is_parted_by_no_line():
    with _language.writing("zh"):
        assert (
            _language.html("<th>收入（元/户）</th>").count("<span data-short>（元/户）</span>") == 1
        )


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("村委会、村民委员会 or nothing", False),
        ("用Wilcoxon符号秩检验", True),
    ],
)
def test_a_text_that_is_partly_english_is_no_chinese_text(text, whole):
    language = _language.Language("zh")
    assert language.says(text) == text
    assert (language.missing == []) is whole


def test_what_is_a_name_or_a_number_stays_and_names_are_parted_as_in_chinese():
    language = _language.Language("zh")
    texts = ["SIM-EX-102, 2023", "panel.csv", "p = 0.05", "a.csv, b.csv", "27.9 万元"]
    said = ["SIM-EX-102, 2023", "panel.csv", "p = 0.05", "a.csv、b.csv", "27.9万元"]
    assert [language.says(text) for text in texts] == said


def test_a_title_that_nobody_translated_stands_in_a_sentence_and_holds_no_tag():
    page = "<title>Issues of my county</title><p>My own words</p><code title='Place'>Place</code>"
    with _language.writing("zh", "books"):
        said = _language.html(page.replace("'", '"'))
    assert "<title>my county的存疑</title>" in said
    assert '<p><span lang="en">My own words</span></p>' in said
    assert ">Place</code>" in said


def test_sentences_of_a_script_are_put_into_words_and_keep_their_numbers():
    source = "said = `${shown(1)} of ${all} in the list`; key = `of-${k}`;"
    assert _language.script(source) == source
    with _language.writing("zh"):
        spoken = _language.script(source)
    assert "in the list" not in spoken
    assert {"${shown(1)}", "${all}", "`of-${k}`"} <= set(re.findall(r"\$\{[^}]*\}|`of.*?`", spoken))


# ---- what stays English: on the page, on its axes, in its tables, on paper, at the terminal ----

OF_DATA = ("A trial of ledgers", "Made for a test.", "a test", "a typing slip")


@pytest.fixture(scope="module")
def spoken(make_project, tmp_path_factory):
    """One notebook in English, Chinese and a language that a folder makes, on paper as well."""
    root = tmp_path_factory.mktemp("spoken")
    project = make_project(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project.dataset()
        loaded = f"import analysis\nanalysis.load('trial')\n{textwrap.dedent(CELLS[2])}"
        project.notebook("01-sheep", *CELLS[:2], loaded, CELLS[3])
        write_messages(root, {**SAID, "Goats are left out.": "**山羊**不计，*绵羊*照计。"})
        write_pseudo_language(root, **{"01-sheep": [*SAID, "Goats are left out.", *OF_DATA]})
        options = Options(languages=("zh", "qps"), formats=("pdf", "docx"))
        assert [one.result for one in runner.make(runner.planned(), options).endings] == ["done"]
        yield project


def page_in(project, code, file="report.html"):
    return project.reports / "01-sheep" / _language.page_file(code, file)


POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"Plural-Forms: nplurals=3; "
"plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

#. pattern
msgid "{n} sheep of {place}"
msgid_plural "{n} sheep of {place}"
msgstr[0] "{n} owca z {place}"
msgstr[1] "{n} owce z {place}"
msgstr[2] "{n} owiec z {place}"
"""


def test_a_language_counts_as_its_folder_says(project):
    file = project.root / "translations" / "pl" / "pages.po"
    file.parent.mkdir(parents=True)
    file.write_text(POLISH, "utf-8")
    translate.update("pl")
    for _ in range(2):
        with _language.writing("pl") as polish:
            said = [
                polish.says(f"{n} sheep of 甲县") for n in ("1", "3", "5", "22", "1,234", "2.5")
            ]
        assert said == [
            "1 owca z 甲县", "3 owce z 甲县", "5 owiec z 甲县", "22 owce z 甲县",
            "1,234 owce z 甲县", "2.5 owiec z 甲县",
        ]  # fmt: skip
        translate.update("pl")  # keeps the forms, and how they are counted
    text = file.read_text("utf-8")
    start, end = text.index('"Plural-Forms'), text.index("#.")
    file.write_text(f"{text[:start]}\n{text[end:]}", "utf-8")
    with pytest.raises(LianjianError, match=r"has forms of .* by number"):
        _language.Language("pl")


def test_a_third_language_is_a_folder_and_no_word_of_its_page_stays_english(spoken):
    page = page_in(spoken, "qps").read_text("utf-8")
    assert '<html lang="qps">' in page
    assert masked("How many sheep are there?") in page
    assert latin(page) == []
    english = page_in(spoken, "en").read_text("utf-8")
    assert "How many sheep are there?" in latin(english)  # what looks for words finds them


def test_no_word_on_paper_stays_english(spoken):
    lines = lines_of_pdf(page_in(spoken, "qps", "report.pdf"))
    assert words_in(lines) == []
    assert masked("Goats are left out.").replace(" ", "") in "".join(lines).replace(" ", "")
    assert words_in(paragraphs_of_word(page_in(spoken, "qps", "report.docx"))) == []


def test_no_word_of_an_error_stays_english(spoken, monkeypatch, capsys):
    monkeypatch.setenv("LIANJIAN_ROOT", str(spoken.root))
    assert main(["--language", "qps", "params", "99"]) == 2
    said = capsys.readouterr().err
    assert said.strip()
    assert words_in([re.sub(r"'[^']*'|`[^`]*`|\[[^]]*m", "", said)]) == []


def test_what_an_index_says_of_a_chinese_page_begins_with_the_mark_in_chinese(spoken):
    record = json.loads(page_in(spoken, "en", "run.json").read_text("utf-8"))
    answers = [page["answer"] for page in (record, record["pages"]["zh"])]
    assert answers[0].startswith("Simulated data 模拟数据: Each shepherd")
    assert answers[1].startswith("模拟数据：每户")


def test_every_number_of_the_english_page_is_on_the_others(spoken):
    found = {}
    for code in ("en", "zh", "qps"):
        page = page_in(spoken, code).read_text("utf-8")
        body = page[page.index("<main") : page.index("</footer>")]  # other checks stand above it
        found[code] = set(NUMBER.findall(seen(body)))
    assert {"12", "3,456", "2.50", "1.00"} <= found["en"]
    assert found["en"] <= found["zh"]
    assert found["en"] <= found["qps"]


def test_the_mark_of_simulated_data_is_in_every_figure_of_every_language(spoken):
    marks = {"en": "Simulated data · 模拟数据", "zh": "模拟数据"}
    marks["qps"] = masked(marks["en"])
    for code, mark in marks.items():
        wide, on_a_phone = drawn_in(page_in(spoken, code).read_text("utf-8"))
        for svg in (wide, on_a_phone):
            assert f"<!-- {mark} -->" in svg, code
            assert ("<!-- 牧羊户2.0 -->" in svg) is (code == "zh")


@pytest.mark.parametrize("mark", ["", markup.SIMULATED, markup.MIXED])
@pytest.mark.parametrize("marked", [True, False])
def test_what_the_english_page_drew_for_a_phone_is_said_in_chinese_as_if_drawn_anew(mark, marked):
    years = {"year": [2022, 2023], "role": ["helper"] * 2, "operating_income_wan_yuan": [1.0, 2.0]}
    title = "Operating income of a village in a year in which it was in an alliance"
    drawn_by = {
        "means": pd.DataFrame(years),
        "group": "role",
        "columns": {"operating_income_wan_yuan": title, "year": "Other income"},
        "labels": {"helper": "Shepherd"},
    }
    head = {
        "finding": "Income grew",
        "measure": "万元",
        "source": "Books",
        "words": {},
        "needs": [],
    }
    given = {"name": "n", "caption": "Flocks.", "alt": "Lines.", "chart": "paths_by_group"}
    call = Call("show", {**given, "with": drawn_by, "head": head, "marked": marked}, mark)

    def chinese():
        with _language.writing("zh"):
            return calls.on_a_phone(call, Ledger())

    anew, english = chinese(), calls.on_a_phone(call, Ledger())
    assert chinese() == anew != english == calls.on_a_phone(call, Ledger())
    assert (b"SIMULATED" in english) == (mark == markup.SIMULATED)


def test_a_chinese_page_has_faces_of_its_own_for_bold_and_for_quotes(spoken):
    page = page_in(spoken, "zh").read_text("utf-8")
    rule = re.compile(r'font-family:"Lianjian Hei".*?font-weight:700;unicode-range:U\+([^;}]+)')
    covered = {chr(int(code, 16)) for code in rule.findall(page)[0].split(",U+")}
    assert set("山羊") <= covered
    assert "绵" not in covered
    assert 'font-family:"Lianjian Hei";' not in page_in(spoken, "qps").read_text("utf-8")


def test_a_chinese_pdf_is_set_as_chinese(spoken):
    pdf = pypdf.PdfReader(page_in(spoken, "zh", "report.pdf"))
    assert pdf.trailer["/Root"]["/Lang"].lower().startswith("zh")
    assert pdf.metadata.title == "全县的羊（模拟数据）"
    fonts = {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for page in pdf.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("LianjianHei" in name for name in fonts)
    assert not any("Italic" in name for name in fonts)


def test_a_chinese_word_file_has_no_italics_and_dots_for_emphasis(spoken):
    with zipfile.ZipFile(page_in(spoken, "zh", "report.docx")) as word:
        text, styles = (word.read(f"word/{n}.xml").decode() for n in ("document", "styles"))
    assert not re.search(r"<w:iC?s? ?/>", text + styles)
    assert 'w:val="en-GB"' not in styles
    (dotted,) = re.findall(r'<w:em w:val="underDot"/></w:rPr><w:t[^>]*>([^<]*)', text)
    assert dotted == "绵羊"
    assert re.search(r'w:eastAsia="SimHei"/>(?:(?!</w:r>).)*山羊', text)


def test_links_between_pages_stay_in_the_language_where_there_is_a_page(project):
    to = "See [goats](../02-goats/report.html#sec-a) and [cows](../03-cows/report.html)."
    project.notebook("01-sheep", f"# Sheep\n\n{to}")
    project.notebook("02-goats", "# Goats")
    write_messages(project.root, {"Sheep": "羊", to: to.replace("See", "见").replace("and", "和")})
    runner.make(runner.planned(), Options(languages=("zh",)))
    chinese = pages(project)[1]
    assert 'href="../02-goats/report.zh.html#sec-a"' in chinese
    assert 'href="../03-cows/report.html"' in chinese  # nobody makes a page of it
    assert 'href="../index.zh.html"' in chinese


def test_the_chinese_of_an_english_page_is_marked_once():
    page = (
        '<html lang="en"><p title="环县">Huan 环县（甘肃）, 2.50 万元 <b lang="zh-Hans">村</b></p>'
    )
    page += "<code>村</code><svg><text>村</text></svg>"
    marked = _language.in_english(page)
    assert re.findall(r'<span lang="zh-Hans">(.*?)</span>', marked) == ["环县（甘肃）", "万元"]
    assert re.sub(r'<span lang="zh-Hans">|</span>', "", marked) == page


def test_places_that_touch_keep_no_text_waiting():
    """A text that a message with touching places did not make is told so in one pass."""
    message = _language.Message("{a}: {b}{c}{d}{e}; {f}; {g} units, {h} clusters", "")
    made = message.found_in("gain: 3.0 (2.0 to 4.0); by t; 9 units, 3 clusters")
    assert made
    assert made["p0"] == "gain"
    text = "Table: " + "of one thing; and of another, " * 200
    message = _language.Message(message.text, "")
    assert message.found_in(text) is None
    assert message.found_in("units, : ; ; clusters") is None
    assert "pattern" not in vars(message)  # which would try each way to fill the places


def test_the_id_of_the_code_is_no_text_of_a_page():
    with _language.writing("zh") as chinese:
        for text in ("3f2e1ab4c5d6", "abcdefabcdef", "2a40.1b", "panel.csv", "Households"):
            chinese.says(text)
    assert list(chinese.asked) == ["Households"]
    assert _language.is_chinese("由Lianjian 0.1.0（代码8dd2db4dcbee）制作（#num-mean）")


def test_how_a_language_is_named_and_joins_sentences_is_in_its_folder(project):
    folder = project.root / "translations" / "pt"
    folder.mkdir(parents=True)
    file = polib.POFile()
    file.metadata = {"Language": "pt-BR", "Content-Type": "text/plain; charset=UTF-8"}
    file.append(polib.POEntry(msgid=".", msgstr="।"))
    file.save(str(folder / "pages.po"))
    assert _language.tag("pt") == "pt-BR"
    assert _language.sentences("One.", "Two.") == "One. Two."
    with _language.writing("pt"):
        assert _language.sentences("Um।", "", "Dois।") == "Um।Dois।"
    translate.update("pt")
    assert polib.pofile(str(folder / "pages.po")).metadata["Language"] == "pt-BR"


def test_how_a_language_is_set_is_in_its_folder_and_english_is_what_it_was(project):
    project.notebook("01-sheep", *CELLS)
    runner.make(runner.planned())
    translate.update("fr")
    folder = project.root / "translations" / "fr"
    options = Options(languages=("fr",), formats=("pdf", "docx"))
    runner.make(runner.planned(), options)
    english = page_in(project, "en").read_bytes()
    (folder / _language.SETTING).write_text('locale = "fr-CA"\npandoc = "fr-FR"\n', "utf-8")
    (folder / _language.STYLE).write_text(":root:lang(fr){--own:1}", "utf-8")
    ended = runner.make(runner.planned(), options)
    assert [ending.result for ending in ended.endings] == ["rendered"]
    assert page_in(project, "en").read_bytes() == english
    assert "--own:1" in page_in(project, "fr").read_text("utf-8")
    pdf = pypdf.PdfReader(page_in(project, "fr", "report.pdf"))
    assert pdf.trailer["/Root"]["/Lang"] == "fr-CA"
    with zipfile.ZipFile(page_in(project, "fr", "report.docx")) as word:
        assert (
            '<w:lang w:eastAsia="zh-CN" w:val="fr-CA" />' in word.read("word/styles.xml").decode()
        )
    (folder / _language.SETTING).write_text('font = "Fraktur"\n', "utf-8")
    with pytest.raises(LianjianError, match=r"fr/language.toml says 'font'; it can say locale"):
        _language.setting("fr")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'msgid "Rams"\nmsgstr "beliers\n', r"fr/pages\.po, line 2, is no line of messages"),
        (b"\xff\xfe\x00", r"fr/pages\.po is no file of messages"),
        (b'msgid "{n} rams"\nmsgstr "{m} beliers"\n', r"names \{m\}, which is no place"),
    ],
)
def test_a_broken_file_of_messages_is_named_and_left_as_it_is(project, content, says):
    project.notebook("01-sheep", *CELLS)
    file = project.root / "translations" / "fr" / "pages.po"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(LianjianError, match=says), _language.writing("fr"):
        pass
    if b"{m}" not in content:  # whose text is no more, so that it is laid aside
        with pytest.raises(LianjianError, match=says):
            translate.update("fr")
        assert file.read_bytes() == content


def test_a_wrong_head_of_a_file_of_messages_takes_no_message_away(project):
    file = project.root / "translations" / "fr" / "pages.po"
    file.parent.mkdir(parents=True)
    head = r'"Plural-Forms: nplurals=some; plural=;\n"' + "\n" + r'"Content-Type: nothing\n"'
    file.write_text(f'msgid ""\nmsgstr ""\n{head}\n\nmsgid "Rams"\nmsgstr "béliers"\n', "utf-8")
    with _language.writing("fr"):
        assert _language.said("Rams") == "béliers"


def test_a_number_with_its_unit_keeps_the_space_around_it():
    with _language.writing("zh") as chinese:
        assert chinese.says(" · 23.5 s ") == " · 23.5秒 "
        assert chinese.says("Operating income, 万元 (10,000 yuan)") == "经营性收入（万元）"
        assert list(chinese.asked) == ["Operating income, 万元 (10,000 yuan)"]
