"""The version of data is what the tables say; what was changed or lost since is seen."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import cli, files
from analysis.clean import build as building
from analysis.clean.build import build, mismatches
from analysis.clean.manifest import content_hash
from analysis.errors import DataError, LianjianError

VILLAGES = """village_id,village_name,township_name,county_code,county_name,zone,households,role,\
alliance_id,joined_year,pair_id,has_central_project,has_rebuilt_centre,has_resident_cadre,\
has_reserve_talent,central_project_year
V1,东坡村,南塬乡,sim5,戊县,scenic,310,outside,,,,false,false,false,false,
V2,西沟村,南塬乡,sim5,戊县,scenic,,outside,,,,true,false,false,false,2022
"""
ACCOUNTS = """village_id,year,account_name,amount_yuan
V1,2022,经营收入,51000
V1,2022,投资收益,700.5
V2,2022,经营收入,23000
V2,2022,补助收入,0
"""


@pytest.fixture
def project(tmp_path, monkeypatch, once):
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    once(take_in, tmp_path)
    return tmp_path


def take_in(project):
    (project / "v.csv").write_text(VILLAGES, encoding="utf-8")
    (project / "a.csv").write_text(ACCOUNTS, encoding="utf-8")
    assert cli.main(["new", "heshui", str(project / "v.csv"), str(project / "a.csv")]) == 0


def take_in_and_build(project):
    take_in(project)
    build("heshui")


@pytest.fixture
def made(project, once):
    once(take_in_and_build, project)
    return project / "data" / "processed" / "heshui"


def states(folder):
    return {
        p.name: (p.read_bytes(), p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.iterdir()
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series([1, 2]), pd.Series([1, 2], dtype="Int64")),
        (pd.Series(["a", None], dtype="object"), pd.Series(["a", np.nan], dtype="str")),
        (pd.Series([0.0, np.nan]), pd.Series([-0.0, None], dtype="Float64")),
        (pd.Series([True, False]), pd.Series([True, False], dtype="boolean")),
    ],
)
def test_a_type_of_storage_is_no_content(one, other):
    assert content_hash(pd.DataFrame({"x": one})) == content_hash(pd.DataFrame({"x": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": [0.1]}, {"x": [0.1 + 2**-56]}),
        ({"x": ["~"]}, {"x": [None]}),
        ({"x": ["nan"]}, {"x": [float("nan")]}),
        ({"x": ["1"]}, {"x": [1]}),
        ({"x": [1, 2]}, {"x": [2, 1]}),
        ({"x": [1], "y": [2]}, {"y": [2], "x": [1]}),
        ({"x": ["a", "b"]}, {"x": ["a\nb"]}),
        ({"x": [""]}, {"x": [None]}),
        ({"x": []}, {"y": []}),
    ],
)
def test_what_differs_has_another_hash(one, other):
    assert content_hash(pd.DataFrame(one)) != content_hash(pd.DataFrame(other))


def test_another_code_that_makes_the_same_tables_touches_no_file(made, monkeypatch):
    before, first = states(made), build("heshui")
    monkeypatch.setattr(building, "code_id", lambda: "0123456789ab")
    second = build("heshui")
    assert second.fresh
    assert (second.version, second.code) == (first.version, "0123456789ab")
    assert states(made) == before
    assert not build("heshui").fresh


def test_a_title_is_no_version_and_an_amount_is(made, project):
    first = build("heshui").version
    card = project / "data" / "raw" / "heshui" / "dataset.toml"
    card.write_text(card.read_text("utf-8").replace('title = "heshui"', 'title = "合水"'), "utf-8")
    assert build("heshui").version == first
    assert analysis.load("heshui").title == "合水"
    (project / "a.csv").write_text(ACCOUNTS.replace("700.5", "700.25"), encoding="utf-8")
    cli.main(["new", "other", str(project / "v.csv"), str(project / "a.csv")])
    assert build("other").version != first


def _double(folder):
    frame = pd.read_parquet(folder / "income.parquet")
    frame["amount_yuan"] *= 2
    frame.to_parquet(folder / "income.parquet")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_double, "income.parquet is not the table that was built"),
        (lambda f: (f / "income.parquet").unlink(), "income.parquet is missing"),
        (lambda f: (f / "villages.parquet").write_bytes(b"PAR1"), "cannot be read as parquet"),
        (lambda f: shutil.copy(f / "income.parquet", f / "villages.parquet"), "not the table"),
    ],
)
def test_a_changed_table_is_refused_named_and_built_again(made, capsys, harm, said):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert mismatches("heshui") == ()
    harm(made)
    assert said in " ".join(mismatches("heshui"))
    data = analysis.load("heshui")
    with pytest.raises(DataError, match=said):
        [getattr(data, table) for table in data.rows]
    assert cli.main(["build", "heshui"]) == 0
    assert "built again" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert mismatches("heshui") == ()


def test_the_same_table_in_other_bytes_is_the_same_table(made):
    frame = pd.read_parquet(made / "panel.parquet")
    frame.to_parquet(made / "panel.parquet", compression="gzip")
    assert mismatches("heshui") == ()
    assert len(analysis.load("heshui").panel) == len(frame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"version": "1"}',
        "[]",
        '"x"',
        "null",
        '{"name": 3, "rows": []}',
        "\x00",
        "[" * 99_999,
    ],
)
def test_a_manifest_that_is_none_is_a_sentence_and_made_anew(made, capsys, text):
    good = (made / "manifest.json").read_bytes()
    (made / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="lianjian build heshui"):
        analysis.load("heshui")
    assert "manifest" in " ".join(mismatches("heshui"))
    assert cli.main(["build", "heshui"]) == 0
    assert "built again" in capsys.readouterr().err
    assert (made / "manifest.json").read_bytes() == good


def test_changed_raw_files_are_mismatches(made, project):
    raw = project / "data" / "raw" / "heshui"
    (raw / "accounts.csv").write_text(ACCOUNTS.replace("51000", "15000"), encoding="utf-8")
    assert "not the file that its card describes" in " ".join(mismatches("heshui"))
    (raw / "accounts.csv").unlink()
    assert "accounts.csv is missing" in " ".join(mismatches("heshui"))


def test_what_was_never_built_is_no_mismatch_and_a_lost_manifest_is(made, project, capsys):
    raw = str(project / "data" / "raw" / "heshui")
    (made / "manifest.json").unlink()
    assert "no processed dataset 'heshui'" in " ".join(mismatches("heshui"))
    assert cli.main(["verify", raw]) == 1
    shutil.rmtree(made)
    assert mismatches("heshui") == ()
    capsys.readouterr()
    assert cli.main(["verify", raw]) == 0
    said = capsys.readouterr().out
    assert said == "heshui is what its cards say; not built here: heshui\n"


def test_a_link_out_of_the_raw_folder_is_refused(made, project):
    raw = project / "data" / "raw" / "heshui"
    (raw / "accounts.csv").rename(project / "elsewhere.csv")
    (raw / "accounts.csv").symlink_to(project / "elsewhere.csv")
    with pytest.raises(LianjianError, match="link that leaves its folder"):
        build("heshui")


def start(project, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "analysis", *words],
        env=os.environ | {"LIANJIAN_ROOT": str(project)},
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_builds_at_once_both_end_well(project):
    for _ in range(3):
        shutil.rmtree(project / "data" / "processed", ignore_errors=True)
        pair = [start(project, "build", "heshui") for _ in range(2)]
        said = [process.communicate()[0] for process in pair]
        assert [process.returncode for process in pair] == [0, 0]
        assert sorted("up to date" in text for text in said) == [False, True]
        assert mismatches("heshui") == ()


def test_who_waits_says_for_whom(project, monkeypatch, capsys):
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    monkeypatch.setattr(files, "_LONGEST_WAIT", 0.05)
    with (
        files.locked(project, "heshui"),
        pytest.raises(LianjianError, match="at work on heshui"),
        files.locked(project, "heshui"),
    ):
        pass
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_a_build_that_is_killed_leaves_the_last_one_whole(made, project):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    card = project / "data" / "raw" / "heshui" / "dataset.toml"
    for number in range(6):
        text = card.read_text("utf-8").splitlines()
        text[1] = f'title = "合水 {number}"'
        card.write_text("\n".join(text), "utf-8")
        process = start(project, "build", "heshui")
        time.sleep(0.4 + 0.25 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert mismatches("heshui") == ()
        seen = {path.name: path.read_bytes() for path in made.iterdir()}
        assert {k: v for k, v in seen.items() if k.endswith("parquet")} == {
            k: v for k, v in before.items() if k.endswith("parquet")
        }
    assert build("heshui").version == json.loads(before["manifest.json"])["version"]
    assert analysis.load("heshui").title == "合水 5"
    assert not list(made.parent.glob("*.staging"))
