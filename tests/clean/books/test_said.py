"""What a build and `explain` say of cells and names is what the books say."""

import csv

import openpyxl
import pytest

import analysis
from analysis import cli
from analysis.errors import LianjianError

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-S-1,虚南庄村委会,SIM-S,虚河口镇,sim1,甲县
SIM-S-2,虚杨庄,SIM-S,虚河口镇,sim1,甲县
SIM-S-3,虚岭头村,SIM-S,虚河口镇,sim1,甲县
SIM-S-4,虚官道村,SIM-S,虚河口镇,sim1,甲县
SIM-S-5,虚北坡村,SIM-S,虚河口镇,sim1,甲县
"""
HEAD = ["村名", "经营收入", "补助收入"]


def title(year, unit="万元"):
    return [f"甲县虚河口镇{year}年村集体收入（单位：{unit}）"]


@pytest.fixture
def built(project, capsys):
    """Take in books, each a list of lines, and build them; return what the build said."""

    def build(*books):
        (project / "register.csv").write_text(REGISTER, encoding="utf-8")
        paths = []
        for number, lines in enumerate(books, start=1):
            book = openpyxl.Workbook()
            book.active.title = "表"
            for line in lines:
                book.active.append(line)
            paths.append(str(project / f"册{number}.xlsx"))
            book.save(paths[-1])
        known = ["--register", str(project / "register.csv"), "--simulated"]
        assert cli.main(["new", "said", *paths, *known]) == 0
        capsys.readouterr()
        cli.main(["build", "said"])
        out = capsys.readouterr()
        return out.out + out.err

    return build


def lines_of(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def explained(capsys, *arguments):
    ended = cli.main(["explain", "said", *arguments])
    out = capsys.readouterr()
    return ended, out.out + out.err


def test_a_cell_is_quoted_with_its_blanks(built, project, capsys):
    built([title(2022), HEAD, ["虚南庄村", "1 2.3", 4], ["虚岭头村", 3.1, 5]])
    data = project / "data"
    (issue,) = [
        each
        for each in lines_of(data / "processed" / "said" / "issues.csv")
        if each["code"] == "cell_refused"
    ]
    assert issue["text"] == "1 2.3"
    (asked,) = lines_of(data / "decisions" / "said" / "corrections-to-fill.csv")
    assert (asked["says"], asked["expect"]) == ("1 2.3", "1 2.3")
    page = (data / "processed" / "said" / "issues.html").read_text(encoding="utf-8")
    assert "12.3" not in page
    _, text = explained(capsys, "虚南庄村", "2022", "经营收入")
    assert "“1 2.3”" in text


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("虚南庄村", "SIM-S-1"), ("虚南庄", "SIM-S-1"), ("虚南庄村委会", "SIM-S-1"),
        ("虚杨庄村", "SIM-S-2"), ("虚河口镇虚杨庄村", "SIM-S-2"), ("虚岭头", "SIM-S-3"),
    ],
)  # fmt: skip
def test_a_village_is_called_as_a_build_reads_it(built, capsys, said, code):
    built([
        title(2022), HEAD, ["虚南庄村", 2.3, 4], ["虚杨庄村", 3.1, 5], ["虚岭头村", "待核", "待核"],
    ])  # fmt: skip
    ended, text = explained(capsys, said, "2022", "补助收入")
    assert ended == 0
    assert f"({code}), 2022" in text
    assert "crosswalk.csv" not in text


def test_a_name_that_stands_unsettled_elsewhere_is_named_beside(built, capsys):
    other = ["甲县虚下塬镇2023年村集体收入（单位：万元）"]
    built(
        [title(2022), HEAD, ["虚南庄村", 2.3, 4], ["虚岭头村", 3.1, 5]],
        [other, HEAD, ["虚南庄村", 2.5, 4], ["虚塬边村", 3.3, 5]],
    )
    ended, text = explained(capsys, "虚南庄村", "2022", "补助收入")
    assert ended == 0
    assert "40,000.00 yuan" in text
    assert "虚南庄村 stands in the books (册2.xlsx 表!B3) and was not found" in text
    ended, text = explained(capsys, "虚塬边", "2023", "补助收入")
    assert ended == 2
    assert "虚塬边村 stands in the books (册2.xlsx 表!B4) and was not found" in text


def issues_of(project):
    return lines_of(project / "data" / "processed" / "said" / "issues.csv")


@pytest.mark.parametrize("word", ["TOTAL", "Total", "Grand total", "Sum", "total:", "合计 Total"])
def test_a_total_in_english_is_checked_and_is_no_village(built, project, word):
    villages = [["虚南庄村", 2.3, 4], ["虚杨庄", 3.1, 5], ["虚岭头村", 1.2, 6]]
    built([title(2022), HEAD, *villages, [word, 6.6, 26]])
    found = [each for each in issues_of(project) if each["cell"].endswith(("A6", "B6", "C6"))]
    assert [(each["code"], each["cell"]) for each in found] == [("total_differs", "表!C6")]
    assert "printed 260,000.00, parts 150,000.00 yuan" in found[0]["action"]


def test_a_total_in_english_across_checks_and_is_not_asked_about(built, project):
    lines = [["虚南庄村", 2.3, 4, 6.3], ["虚杨庄", 3.1, 5, 8.1], ["虚岭头村", 1.2, 6, 7.2]]
    built([title(2022), [*HEAD, "Total"], *lines])
    severities = {each["severity"] for each in issues_of(project)}
    assert "error" not in severities


def test_the_formula_of_a_total_that_holds_no_result_is_no_error(built, project):
    villages = [["虚南庄村", 2.3, 4], ["虚杨庄", 3.1, 5], ["虚岭头村", 1.2, "=1+5"]]
    built([title(2022), HEAD, *villages, ["合计", "=SUM(B3:B5)", 15]])
    said = {each["cell"]: each for each in issues_of(project)}
    assert (said["表!B6"]["code"], said["表!B6"]["severity"]) == ("total_unchecked", "note")
    assert (said["表!C5"]["code"], said["表!C5"]["severity"]) == ("formula", "error")
    asked = lines_of(project / "data" / "decisions" / "said" / "corrections-to-fill.csv")
    assert [each["row"] for each in asked] == ["表!C5"]


def test_an_amount_is_compared_with_the_others_and_judged_once(built, project):
    lines = [
        ["虚南庄村", 12.5, 4],
        ["虚杨庄", 0.8, 5],
        ["虚岭头村", 33.4, 6],
        ["虚官道村", 120_000, 3],
    ]
    said = built([title(2023), HEAD, *lines])
    found = [each for each in issues_of(project) if each["cell"] == "表!B6"]
    assert [(each["code"], each["severity"]) for each in found] == [("implausible", "error")]
    assert "others about 125,000;" in found[0]["action"]
    assert "kept as written" not in said


def test_a_build_lists_all_that_was_left_out_and_the_next_step(built):
    lines = [
        ["虚南庄村", "待核", 4],
        ["虚无名村", 3.1, 5],
        ["虚另名村", 3.4, 6],
        ["虚岭头村", 1, "=1+5"],
    ]
    said = built([title(2022), HEAD, *lines])
    assert "册1.xlsx 表!A4  甲县 虚河口镇 虚无名村 and 1 more: left out until crosswalk.csv" in said
    assert "册1.xlsx 表!B3  待核: left out: " in said
    assert "册1.xlsx 表!C6" in said
    assert "villages that are not known: fill in" in said
    assert "crosswalk-to-fill.csv, save it there and build again" in said


def test_a_look_at_a_book_says_how_to_answer_in_the_call(project):
    path, register = project / "册.csv", project / "register.csv"
    elsewhere = "SIM-T-1,虚东坪村,SIM-T,虚河口镇,sim8,辛县\n"
    register.write_text(REGISTER + elsewhere, encoding="utf-8")
    lines = [
        "乡镇,村名,经营收入（元）,年度",
        "虚河口镇,虚南庄村,12000,2022",
        "虚河口镇,虚岭头村,9000,2022",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(LianjianError, match="answer by key in the call") as error:
        analysis.read_book(path, register=register, simulated=True)
    assert "county" in str(error.value)
    data = analysis.read_book(path, register=register, simulated=True, answers={"county": "甲县"})
    assert len(data.panel) == 2
