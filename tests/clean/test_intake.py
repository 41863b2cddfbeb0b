"""Received files of every name, copied so that a build can read them."""

import os

import pytest

import analysis
from analysis import cli
from analysis.clean.build import build, mismatches
from analysis.clean.intake import safe_names
from analysis.clean.sources import read_cards
from analysis.errors import Exit, LianjianError

BOOK = "县,乡镇,村,年份,经营收入（元）\n己县,虚塬镇,虚柏村,2022,52000\n"
REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-Z-01,虚柏村,SIM-Z-1,虚塬镇,sim6,己县
"""
NAMES = (
    "乙　镇.csv",
    "\u202a丙镇.csv",
    "丁\u200b镇.csv",
    "戊\u2066镇\u2069.csv",
    "己\n镇.csv",
    "庚\x1b[31m镇.csv",
    "-辛镇.csv",
    " 壬镇.csv",
    "癸镇 .csv",
    "a'b\"c.csv",
    "a\\b.csv",
    "con.csv",
    "子?镇*.csv",
    "长" * 80 + ".csv",
    ".丑镇.csv",
    "é镇.csv",
    "e\u0301镇.csv",
    "\ufeff寅.csv",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    (tmp_path / "books").mkdir()
    return tmp_path


def take_in(project, *paths):
    words = ["--register", str(project / "register.csv")]
    return cli.main(["new", "zheng", *map(str, paths), *words])


def test_what_new_takes_build_reads(project):
    years = dict(zip(NAMES, range(2005, 2023), strict=True))
    paths = [project / "books" / name for name in NAMES]
    for path, year in zip(paths, years.values(), strict=True):
        path.write_text(BOOK.replace("2022", str(year)), encoding="utf-8")
    assert take_in(project, *paths) == 0
    assert build("zheng").rows["income"] == len(NAMES)
    assert sorted(analysis.load("zheng").income["year"]) == list(years.values())
    assert mismatches("zheng") == ()
    cards = read_cards(project / "data" / "raw" / "zheng" / "dataset.toml")
    assert len(cards) == len(NAMES) + 1  # and the register
    assert all(card.file.isprintable() and len(card.file.encode()) <= 180 for card in cards)


def test_a_name_in_gbk_is_read_as_chinese(project):
    path = os.path.join(os.fsencode(project / "books"), "卯镇.csv".encode("gbk"))  # noqa: PTH118
    with open(path, "w", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(BOOK)
    assert take_in(project, os.fsdecode(path)) == 0
    assert (project / "data" / "raw" / "zheng" / "卯镇.csv").is_file()
    assert build("zheng").rows["income"] == 1


def test_names_that_a_system_takes_for_one_are_told_apart(project):
    paths = [project / "books" / name for name in ("A.csv", "a.csv", "é.csv", "e\u0301.csv")]
    names = list(safe_names(paths).values())
    assert names == ["A.csv", "a-2.csv", "é.csv", "é-2.csv"]


@pytest.mark.parametrize("name", ["dataset.toml", "corrections.csv", "Register.csv\u200b"])
def test_a_name_that_the_folder_keeps_is_refused(project, name):
    with pytest.raises(LianjianError, match="cannot be called"):
        safe_names([project / name.lower()])


def test_a_link_that_leaves_its_folder_is_refused(project, capsys):
    (project / "elsewhere.csv").write_text(BOOK, encoding="utf-8")
    link = project / "books" / "x.csv"
    link.symlink_to(project / "elsewhere.csv")
    assert take_in(project, link) == Exit.REFUSED
    assert "link that leaves its folder" in capsys.readouterr().err
    assert not (project / "data" / "raw" / "zheng").exists()
