"""From raw files to a dataset that knows what it is."""

import codecs
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import cli, paths
from analysis.clean.build import build
from analysis.clean.dataset import loaded
from analysis.errors import Exit, LianjianError
from analysis.fields import MEASURES, SIMULATED_COUNTIES

YEARS = range(2018, 2025)

VILLAGES = """village_id,village_name,township_name,county_code,county_name,zone,households,role,\
alliance_id,joined_year,pair_id,has_central_project,has_rebuilt_centre,has_resident_cadre,\
has_reserve_talent,central_project_year
T1,甲村,乙镇,sim1,甲县,scenic,200,outside,,,,false,false,false,false,
T2,丙村,乙镇,sim1,甲县,scenic,,allied_weak,A1,2022,,true,false,false,false,2023
"""
HEAD = "village_id,year,account_name,amount_yuan\n"
ACCOUNTS = HEAD + "".join(
    f"{village},{year},{account},{amount}\n"
    for village, scale in (("T1", 1.0), ("T2", 2.5))
    for year in (2023, 2024)
    for account, amount in {
        "经营收入": 40_000 * scale,
        **({"发包及上交收入": 10_000 * scale} if year < 2024 else {}),
        "投资收益": 5_000 * scale,
        "补助收入": 0,
        "其他收入": 100,
        "经营支出": 1_000,
        "管理费用": 2_000,
        "其他支出": 50,
    }.items()
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def own(project):
    """Two ledger files of a researcher."""
    (project / "v.csv").write_text(VILLAGES, encoding="utf-8")
    (project / "a.csv").write_text(ACCOUNTS, encoding="utf-8")
    return project


def take_in(project, name="mine"):
    return cli.main(["new", name, str(project / "v.csv"), str(project / "a.csv")])


def test_own_ledgers_become_a_dataset(own):
    assert take_in(own) == 0
    assert cli.main(["build", "mine"]) == 0
    data = analysis.load("mine")
    assert data.kind == "ledger"
    assert not data.is_simulated
    assert data in loaded()
    panel = data.panel.set_index(["village_id", "year"])
    assert panel.loc[("T2", 2023), "operating_income_yuan"] == 137_500
    assert panel.loc[("T2", 2024), "operating_income_yuan"] == 112_500
    assert panel["joint_income_yuan"].isna().all()
    assert data.years == (2023, 2024)
    raw = own / "data" / "raw" / "mine"
    assert (raw / "villages.csv").read_bytes() == (own / "v.csv").read_bytes()


def test_a_dataset_is_never_overwritten(own, capsys):
    assert take_in(own) == 0
    assert take_in(own) == Exit.REFUSED
    assert "never overwritten" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../mine", "Mine", "published", "", "a b"])
def test_a_name_that_cannot_be_a_folder_is_refused(own, capsys, name):
    assert take_in(own, name) == Exit.REFUSED
    assert "cannot name a dataset" in capsys.readouterr().err
    assert not list((own / "data" / "raw").iterdir())


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("a.csv", "40000.0", "4万", "line 2, column amount_yuan: seen '4万', expected a number"),
        ("a.csv", "40000.0", "inf", "seen 'inf', expected a number"),
        ("a.csv", "40000.0", "", "seen an empty cell, expected a number"),
        ("a.csv", "T1,2023,", "T1,2023.5,", "expected a whole number"),
        ("a.csv", "amount_yuan", "amount", r"missing: \['amount_yuan'\]"),
        ("v.csv", "甲村,", "甲村,x,", "row 2: seen 17 fields, expected 16"),
        ("v.csv", "甲村,", '"甲村,', "cannot be read as CSV|fields"),
        (
            "v.csv",
            "false,false,false,false,\nT2",
            "perhaps,false,false,false,\nT2",
            "true or false",
        ),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(own, capsys, file, old, new, said):
    path = own / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert take_in(own) == Exit.REFUSED
    captured = capsys.readouterr().err
    assert pd.Series([captured]).str.contains(said).all(), captured
    assert "Traceback" not in captured
    assert not list((own / "data" / "raw").iterdir())


def test_wrong_encodings_are_named(own, capsys):
    (own / "v.csv").write_bytes(VILLAGES.encode("gb18030"))
    assert take_in(own) == Exit.REFUSED
    assert "UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("outside", "rich", "column role"),
        ("T2,", "T1,", "village_id"),
        ("sim1,甲县", "110000,北京", "county_code"),
        (",200,", ",0,", "households"),
    ],
)
def test_a_table_that_breaks_its_rules_is_named(own, capsys, old, new, said):
    (own / "v.csv").write_text(VILLAGES.replace(old, new, 1), encoding="utf-8")
    assert take_in(own) == 0
    assert cli.main(["build", "mine"]) == Exit.NO_DATA
    message = capsys.readouterr().err
    assert said in message
    assert "breaks the rules" in message


def test_doubts_are_recorded(own):
    extra = (
        "T9,2023,经营收入,5\nT1,2022,经营收入,-5\nT1,2022,发包及上交收入,1\nT1,2022,投资收益,-1\n"
    )
    (own / "a.csv").write_text(ACCOUNTS + extra, encoding="utf-8")
    take_in(own)
    build("mine")
    issues = analysis.load("mine").issues
    found = set(zip(issues["code"], issues["cell"], strict=True))
    assert ("village_unknown", "T9") in found
    assert ("negative_income", "T1, 2022, 经营收入") in found
    assert ("account_missing", "T1, 2022") in found
    assert ("year_missing", "T2, 2022") in found
    severity = issues.set_index("cell")["severity"]
    assert severity["T1, 2022, 投资收益"] == "note"
    assert "T9" not in set(analysis.load("mine").panel["village_id"])
    on_disk = own / "data" / "processed" / "mine" / "issues.csv"
    assert on_disk.read_bytes().startswith(codecs.BOM_UTF8)  # Excel reads its Chinese
    assert len(pd.read_csv(on_disk)) == len(issues)


def test_a_tenfold_jump_is_a_note(own):
    text = ACCOUNTS.replace("T1,2024,经营收入,40000.0", "T1,2024,经营收入,900000")
    (own / "a.csv").write_text(text, encoding="utf-8")
    take_in(own)
    build("mine")
    issues = analysis.load("mine").issues
    assert issues.loc[issues["code"] == "yearly_jump", "cell"].tolist() == ["T1, 2024"]


def test_nothing_is_done_twice_and_a_change_is_seen(own):
    take_in(own)
    assert build("mine").fresh
    assert not build("mine").fresh
    card = own / "data" / "raw" / "mine" / "dataset.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"mine"', '"My books"'), "utf-8")
    assert build("mine").fresh
    assert analysis.load("mine").title == "My books"


def test_an_unknown_dataset_is_named_with_those_there_are(project):
    with pytest.raises(LianjianError, match=r"no dataset 'other'.*Datasets here: published"):
        build("other")
    for name, hint in (
        ("simulated", "lianjian build simulated"),  # which draws it
        ("published", "lianjian build published"),
        ("publishd", "Did you mean published"),
        ("other", "lianjian new other"),
    ):
        with pytest.raises(LianjianError, match=hint):
            analysis.load(name)


def test_the_simulated_dataset(built):
    data = analysis.load("simulated")
    assert data.is_simulated
    villages, panel = data.villages, data.panel
    by_county = villages.groupby("county_code").size()
    assert by_county.to_dict() == {county.code: county.villages for county in SIMULATED_COUNTIES}
    # the books are dirty, so that some villages and years are missing, none of them allied
    counts = panel.groupby(["county_code", "year"]).size()
    share = counts / by_county.reindex(counts.index.get_level_values(0)).to_numpy()
    assert share.between(0.98, 1).all()
    known = panel[list(MEASURES)].notna().all(axis=1).groupby(panel["county_code"]).mean()
    # one office slips as real lists do, in units and choices; its amounts wait for a person
    assert 0.6 < known.pop("sim6") < 0.8
    assert known.between(0.97, 1, inclusive="neither").all()
    parts = ["operating_income_yuan", "subsidy_income_yuan", "other_income_yuan"]
    known = panel[panel["total_income_yuan"].notna()]
    assert (known[parts].sum(axis=1) - known["total_income_yuan"]).abs().max() < 0.005
    allied = panel[panel["role"] != "outside"]
    assert len(allied) == 82 * len(YEARS)
    assert allied[list(MEASURES)].notna().all(axis=None)
    last = allied.loc[allied["year"] == 2024, "operating_income_yuan"]
    assert f"{last.mean() / 10_000:.1f}" == "27.9"


def test_the_build_scores_the_reader_against_the_truth(built, capsys):
    seen = build("simulated")
    assert not seen.fresh
    assert seen.score["right"] + seen.score["unplaced"] == seen.score["cells"]
    assert seen.score["wrong"] == 0
    assert seen.score["found"] == seen.score["faults"] > 1_000
    assert cli.main(["build", "simulated"]) == 0
    said = capsys.readouterr().out
    assert f"{seen.score['right']:,} read right, 0 wrong" in said
    assert analysis.load("simulated").score == seen.score


def test_provenance_is_inside_each_parquet_file(built):
    import pyarrow.parquet as pq

    files = sorted((paths.processed() / "simulated").glob("*.parquet"))
    assert len(files) >= 4
    for file in files:
        note = json.loads(pq.read_schema(file).metadata[b"lianjian"])
        assert note["kind"] == "simulated", file.name


def test_changing_a_frame_leaves_the_dataset_alone(built):
    data = analysis.load("simulated")
    frame = data.panel
    frame["operating_income_yuan"] = 0.0
    assert data.panel["operating_income_yuan"].mean() > 0


def test_an_unknown_table_is_named_with_those_there_are(built):
    with pytest.raises(
        AttributeError, match=r"no table 'panels'. Did you mean panel\? It has .*panel"
    ):
        analysis.load("simulated").panels  # noqa: B018


def test_books_give_the_same_bytes_under_any_hash_seed(project):
    example = Path(__file__).parents[2] / "data" / "example"
    books = sorted(str(path) for path in (example / "books").iterdir())
    register = ["--register", str(example / "register.csv"), "--simulated"]
    assert cli.main(["new", "example", *books, *register]) == 0
    folder = project / "data" / "processed" / "example"
    assert cli.main(["build", "example"]) == 0
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {"issues.html", "issues.csv", "panel.parquet"} <= first.keys()
    shutil.rmtree(folder.parent)
    subprocess.run(
        [sys.executable, "-m", "analysis", "build", "example"],
        check=True, env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True,
    )  # fmt: skip
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_what_a_person_wrote_beside_the_books_makes_a_new_build(project):
    example = Path(__file__).parents[2] / "data" / "example"
    books = sorted(str(path) for path in (example / "books").iterdir())
    cli.main(["new", "example", *books, "--register", str(example / "register.csv")])
    first = build("example")
    assert not build("example").fresh
    crosswalk = project / "data" / "decisions" / "example" / "crosswalk.csv"
    crosswalk.write_text("county,township,name,village_code,reason,by\n", encoding="utf-8")
    second = build("example")
    assert second.fresh
    assert second.version != first.version
    crosswalk.write_text("county,name\n", encoding="utf-8")
    with pytest.raises(LianjianError, match="the header must hold"):
        build("example")
    assert analysis.load("example").version == second.version  # the last good one stays
