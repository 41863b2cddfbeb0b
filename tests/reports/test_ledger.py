"""The number ledger for spreadsheets and for LaTeX, and the comparison of two of them."""

import codecs
import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from analysis import cli
from analysis.errors import LianjianError
from analysis.reports.page import ledger
from analysis.reports.run import runner

NUMBERS = """
from analysis.reports import record
record("att", 3.2371234567, label="Mean effect, 100 % of $x_1$ & more", unit="万元", low=-1.5, high=8, n=82)
record("count", 1261, label="Villages \\\\ {all}")
"""  # noqa: E501


@pytest.fixture
def two(project):
    project.notebook("01-a", "# A", NUMBERS)
    project.notebook("02-b", "# B", NUMBERS.replace("3.2371234567", "3.3"))
    assert runner.run() == 0
    return project.reports


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_report_and_the_whole_plan_have_a_ledger(two):
    [att, count] = rows(two / "01-a" / "numbers.csv")
    assert (att["report"], att["anchor"], att["n"], att["low"]) == (
        "01-a",
        "#num-att",
        "82",
        "-1.5",
    )
    assert float(att["value"]) == 3.2371234567
    assert count["value"] == "1261"
    record = json.loads((two / "01-a" / "run.json").read_text())
    assert att["run_id"] == record["run_id"]
    whole = rows(two / "numbers.csv")
    assert whole[:2] == rows(two / "01-a" / "numbers.csv")
    assert [row["report"] for row in whole] == ["01-a"] * 2 + ["02-b"] * 2
    for made in two.glob("**/numbers.csv"):  # by this mark Excel knows how Chinese is written
        assert made.read_bytes().startswith(codecs.BOM_UTF8), made


def test_the_macros_carry_address_and_run(two):
    record = json.loads((two / "01-a" / "run.json").read_text())
    tex = (two / "01-a" / "numbers.tex").read_text("utf-8")
    assert f"(01-a#num-att, run {record['run_id']})" in tex
    assert r"\expandafter\def\csname lj:text:att\endcsname{3.24 万元}" in tex
    assert r"\expandafter\def\csname lj:low:att\endcsname{-1.5}" in tex
    assert r"lj:text:02-b/att\endcsname{3.30 万元}" in (two / "numbers.tex").read_text("utf-8")
    # nothing that a label says can reach TeX: labels stand in comments, one line each
    head = r"\\providecommand|  \\errmessage|  \\ifcsname lj:text:#2\\endcsname\\errmessage|"
    for line in tex.splitlines():
        assert re.match(
            head + r"%|\\expandafter\\def\\csname lj:\w+:[\w/-]+\\endcsname\{.*\}$|$", line
        )


def test_a_simulated_number_says_so_in_print(project):
    project.dataset()
    project.notebook("01-a", "# A", "import analysis\nanalysis.load('trial')" + NUMBERS)
    assert runner.run() == 0
    tex = (project.reports / "numbers.tex").read_text("utf-8")
    assert r"lj:text:01-a/att\endcsname{3.24 万元~[simulated data]}" in tex
    assert r"lj:value:01-a/att\endcsname{3.2371234567~[simulated data]}" in tex


def test_comparing_says_what_moved_and_fails_beyond_the_tolerance(two, tmp_path, capsys):
    before = tmp_path / "before"
    shutil.copytree(two, before)
    assert cli.main(["compare", str(before), str(two)]) == 0
    assert "no number moved" in capsys.readouterr().out
    new = (two / "numbers.csv").read_text("utf-8").replace("3.2371234567", "3.2401")
    (two / "numbers.csv").write_text(new.replace("02-b", "03-c"), "utf-8")
    assert cli.main(["compare", str(before), str(two)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "01-a/att  3.237123457 → 3.2401 万元  (+0.092 %)"
    assert out[1] == "02-b/att  gone, was 3.3 万元"
    assert out[3] == "03-c/att  new: 3.3 万元"
    changes = ledger.compare(before, two, tolerance=0.001)
    assert {change.name for change in changes} == {"02-b/att", "02-b/count", "03-c/att",
                                                   "03-c/count"}  # fmt: skip
    assert cli.main(["compare", str(before), str(two), "--json", "--tolerance", "0.1%"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["old"] == 3.3


def test_two_reports_of_one_notebook_are_compared_by_name(two):
    [change] = ledger.compare(two / "01-a", two / "02-b")
    assert ledger.compare(Path("01-a"), Path("02-b")) == [change]  # by name, as elsewhere
    assert (change.name, change.old, change.new) == ("att", 3.2371234567, 3.3)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "name,value\nx,y\n", "\x00\n"])
def test_what_is_no_ledger_is_said(tmp_path, content):
    (tmp_path / "numbers.csv").write_text(content)
    if content:
        with pytest.raises(LianjianError, match="is no ledger of numbers"):
            ledger.compare(tmp_path, tmp_path)
    with pytest.raises(LianjianError, match=r"holds no numbers\.csv"):
        ledger.compare(tmp_path / "none", tmp_path)
