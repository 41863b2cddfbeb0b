"""From a number back to its cell, and from a build to what it changed."""

import csv
import json

import openpyxl
import pandas as pd
import pytest

from analysis import cli
from analysis.clean.ledger.changes import compare

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-T-1,虚梨树村,SIM-T,虚渠口镇,sim1,甲县
SIM-T-2,虚后沟村,SIM-T,虚渠口镇,sim1,甲县
SIM-T-3,虚岭头村,SIM-T,虚渠口镇,sim1,甲县
SIM-T-4,虚官道村,SIM-T,虚渠口镇,sim1,甲县
"""
LINES = [
    ["甲县虚渠口镇2021年村集体收入（单位：万元）"],
    ["村名", "经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入"],
    ["虚梨树村", 3.5, 1.2, 0.4, 5, 0.1],
    ["虚后沟", "约2", None, 0, 4, "待核"],
    ["虚岭村", 1.1, 0.6, 0, 3, 0],
    ["虚官道村", 2.4, 0.9, 0.2, 6, 0.2],
]


def write(path, lines):
    book = openpyxl.Workbook()
    book.active.title = "表"
    for line in lines:
        book.active.append(line)
    book.save(path)
    return str(path)


def take_in(project):
    (project / "register.csv").write_text(REGISTER, encoding="utf-8")
    book = write(project / "册.xlsx", LINES)
    known = ["--register", str(project / "register.csv"), "--simulated"]
    assert cli.main(["new", "trace", book, *known]) == 0
    assert cli.main(["build", "trace"]) == 0


@pytest.fixture
def built(project, once, capsys):
    """The folder of decisions about a dataset of one book, built."""
    once(take_in, project)
    capsys.readouterr()
    return project / "data" / "decisions" / "trace"


def said(capsys, *arguments):
    ended = cli.main(list(arguments))
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return ended, out.out + out.err


def fill(path, text, **values):
    """Fill in the line of a file to fill in that holds a text."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    next(row for row in rows if text in row.values()).update(values)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_number_leads_back_to_its_cell(built, capsys):
    ended, text = said(capsys, "explain", "trace", "虚梨树村", "2021", "经营收入")
    assert ended == 0
    assert "35,000.00 yuan" in text
    assert "册.xlsx, sheet 表, cell B3: “3.5”" in text
    assert "万元" in text
    assert "by its name" in text


def test_what_is_not_certain_is_said(built, capsys):
    _, text = said(capsys, "explain", "trace", "SIM-T-2", "2021", "经营收入")
    assert "“约2”" in text
    assert "about" in text
    _, text = said(capsys, "explain", "trace", "虚后沟", "2021", "其他收入")
    assert "missing" in text
    assert "not one amount" in text
    assert "Error cell_refused" in text


def test_a_measure_is_walked_back_through_its_parts(built, capsys):
    _, text = said(capsys, "explain", "trace", "虚梨树村", "2021", "总收入", "--json")
    found = json.loads(text)
    assert (found["schema"], found["command"], found["yuan"]) == (1, "explain", 102_000)
    parts = found["parts"][0]["parts"]
    assert [part["what"] for part in parts] == ["经营收入", "发包及上交收入", "投资收益"]
    assert [part["yuan"] for part in parts] == [35_000, 12_000, 4_000]
    _, text = said(capsys, "explain", "trace", "虚后沟村", "2021", "operating_income")
    assert "Missing, because a part is: 发包及上交收入" in text


@pytest.mark.parametrize(
    ("village", "year", "account", "hint"),
    [
        ("虚梨花村", "2021", "经营收入", "虚梨树村"),
        ("虚岭村", "2021", "经营收入", "crosswalk.csv"),
        ("虚梨树村", "2020", "经营收入", "It has 2021"),
        ("虚梨树村", "2021", "经营收人", "Did you mean 经营收"),
    ],
)
def test_what_cannot_be_explained_says_what_there_is(built, capsys, village, year, account, hint):
    ended, text = said(capsys, "explain", "trace", village, year, account)
    assert ended == 2
    assert hint in text


def test_a_dataset_that_is_not_there_is_named(built, capsys):
    ended, text = said(capsys, "explain", "nowhere", "虚梨树村", "2021", "经营收入")
    assert ended == 4
    assert "lianjian new nowhere" in text


def test_one_build_has_nothing_to_compare_with(built, capsys):
    ended, text = said(capsys, "diff", "trace")
    assert ended == 4
    assert "no earlier build" in text


def test_a_build_says_what_decisions_changed(built, capsys):
    decided = {"decision": "correct", "should_say": "0.3", "authority": "the township"}
    fill(built / "corrections-to-fill.csv", "待核", reason="the paper book", **decided)
    fill(built / "crosswalk-to-fill.csv", "虚岭村", village_code="SIM-T-3", reason="cut", by="Qi")
    assert cli.main(["build", "trace"]) == 0
    capsys.readouterr()
    ended, text = said(capsys, "diff", "trace")
    assert ended == 0
    assert "其他收入 (册.xlsx 表!F4): new: 3,000.00 yuan" in text
    assert "虚岭村 2021 经营收入 (册.xlsx 表!B5): new: 11,000.00 yuan" in text
    assert "经营收入 (册.xlsx 表!B5): moved from no village to" in text
    _, text = said(capsys, "explain", "trace", "虚后沟村", "2021", "其他收入")
    assert "“0.3”" in text
    assert "the paper book; the township" in text
    _, text = said(capsys, "explain", "trace", "虚岭头村", "2021", "补助收入")
    assert "named by a person in crosswalk.csv (cut; Qi)" in text
    assert cli.main(["build", "trace"]) == 0  # changes nothing, and forgets nothing
    capsys.readouterr()
    assert "new: 3,000.00 yuan" in said(capsys, "diff", "trace")[1]


def test_a_village_is_named_as_the_book_with_the_change_prints_it():
    cells = pd.DataFrame(
        {
            "file": ["甲.xlsx", "乙.xlsx"], "cell": ["表!B3", "表!C4"], "township": "虚镇",
            "village": ["虚岭头村", "虚岭头村委会"], "village_id": "SIM-T-3", "year": [2021, 2022],
            "account": "经营收入", "yuan": [11_000.0, 12_000.0], "status": "read",
            "doubted": False, "counted": True, "is_total": False,
        }
    )  # fmt: skip
    (change,) = compare(cells, cells.assign(yuan=[11_000.0, 13_000.0]))
    assert (change["village"], change["year"]) == ("虚镇 虚岭头村委会", 2022)


def test_a_new_edition_says_which_amounts_moved(built, project, capsys):
    later = [line.copy() for line in LINES]
    later[2][1], later[3][3] = 3.8, None
    (project / "new").mkdir()
    book = write(project / "new" / "册.xlsx", later)
    assert cli.main(["update", "trace", book]) == 0
    assert cli.main(["build", "trace"]) == 0
    capsys.readouterr()
    _, text = said(capsys, "diff", "trace")
    assert "经营收入 (册.xlsx 表!B3): 35,000.00 yuan → 38,000.00 yuan" in text
    assert "投资收益 (册.xlsx 表!D4): gone: 0.00 yuan" in text
    _, text = said(capsys, "diff", "trace", "--json")
    kinds = sorted(change["kind"] for change in json.loads(text)["changes"])
    assert kinds == ["amount", "removed"]
