"""The example books: from files as received to a panel, with every doubt on record."""

import importlib.util
import json
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import analysis
from analysis import cli
from analysis.clean.issues import TASKS
from analysis.errors import Exit

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[2] / "data" / "example"
WORKBOOK = "模拟_虚甲镇2022-2023年村集体收支.xlsx"
TEXT_FILE = "模拟_虚乙乡2023年收入.csv"
PHONES = ("10000000001", "10000000002", "10000000003", "10000000004")


def build():
    assert cli.main(["build", "example"]) == 0
    return analysis.load("example")


def cells(issues, code):
    return issues.loc[issues["code"] == code, "cell"].tolist()


def amount(data, village, year, account):
    income = data.income.set_index(["village_id", "year", "account_name"])["amount_yuan"]
    return income.get((village, year, account))


def test_the_stored_workbook_is_the_one_the_script_writes():
    spec = importlib.util.spec_from_file_location("make_example", HERE / "make_example.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    sheet = openpyxl.load_workbook(EXAMPLE / "books" / WORKBOOK).active
    stored = [[c for c in row if c is not None] for row in sheet.iter_rows(values_only=True)]
    assert stored == [[c for c in row if c is not None] for row in script.rows()]


def test_files_are_copied_unchanged(taken):
    for name in (WORKBOOK, TEXT_FILE):
        assert (taken / name).read_bytes() == (EXAMPLE / "books" / name).read_bytes()


def test_what_was_understood_is_written_down(decided):
    text = (decided / "answers.toml").read_text(encoding="utf-8")
    assert "# D 经营收入 → 经营收入; 元 (from title)" in text
    assert "# L 土地补偿费 → left out: land compensation is equity" in text
    assert "# median 0.8, largest 10.75" in text
    assert 'key = "unit"' in text
    assert 'about = ["光伏电站分成收入"]' in text
    assert "# township of all lines: 虚甲镇" in text


def test_amounts_are_read_and_doubts_recorded(example):
    _, data = example
    assert data.is_simulated
    assert amount(data, "SIM-EX-101", 2022, "经营收入") == 41_200
    assert amount(data, "SIM-EX-103", 2022, "经营收入") == 32_000  # 约3.2万
    assert amount(data, "SIM-EX-102", 2023, "补助收入") is None  # √
    assert amount(data, "SIM-EX-103", 2023, "投资收益") is None  # blank: never zero
    assert amount(data, "SIM-EX-104", 2023, "经营收入") is None  # 5.51 among 元
    issues = data.issues
    assert cells(issues, "cell_imprecise") == ["收支!D7"]
    assert cells(issues, "cell_refused") == ["收支!G10"]
    assert cells(issues, "cell_missing") == ["收支!F11"]
    assert cells(issues, "unit_slip") == ["收支!D12"]
    assert cells(issues, "column_land_compensation") == ["收支!L4"]
    assert cells(issues, "personal_data") == ["收支!M4"]
    assert cells(issues, "total_differs") == ["收支!K14"]
    assert set(cells(issues, "total_unchecked")) == {"收支!D14", "收支!G14"}
    assert cells(issues, "question_open") == ["A3:G3"]
    assert set(data.villages["village_id"]) == {f"SIM-EX-10{n}" for n in range(1, 5)}
    assert (data.villages["role"] == "outside").all()


def test_answers_take_effect(decided, answer):
    build()
    answer("unit", "万元")
    answer("meaning", "none")
    data = build()
    assert amount(data, "SIM-EX-201", 2023, "经营收入") == 36_500
    assert amount(data, "SIM-EX-202", 2023, "投资收益") is None  # —
    assert not cells(data.issues, "question_open")
    assert not cells(data.issues, "column_unknown")
    # 虚南岭村 is not in the register: asked, with the likeliest first, and not guessed
    asked = pd.read_csv(decided / "crosswalk-to-fill.csv", dtype=str)
    assert asked["name"].tolist() == ["虚南岭村"]
    assert asked["suggestions"].str.startswith("SIM-EX-203").all()
    assert amount(data, "SIM-EX-203", 2023, "经营收入") is None
    asked["village_code"], asked["reason"], asked["by"] = "SIM-EX-203", "renamed 2022", "A. B."
    asked.to_csv(decided / "crosswalk-to-fill.csv", index=False)
    data = build()
    assert amount(data, "SIM-EX-203", 2023, "经营收入") == 29_800
    assert not (decided / "crosswalk-to-fill.csv").exists()


def test_an_unknown_head_can_be_given_an_account(taken, answer):
    answer("unit", "万元")
    answer("meaning", "经营支出")
    assert amount(build(), "SIM-EX-201", 2023, "经营支出") == 6_000


@pytest.mark.parametrize(
    ("key", "given", "said"),
    [
        ("unit", "万", "expected a unit of money"),
        ("meaning", "收入", "expected one of 经营收入"),
    ],
)
def test_an_answer_that_cannot_be_is_named(answer, key, given, said, capsys):
    answer(key, given)
    assert cli.main(["build", "example"]) == Exit.NO_DATA
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "near"),
    [
        ('key = "period"\nform = "0123456789"\nanswer = "whole year"', "no table is of this form"),
        ('key = "meaning"\nabout = ["光伏电站分红收入"]\nanswer = "none"', "'光伏电站分成收入'"),
        (
            'key = "orientation"\nfile = "none.xlsx"\nanswer = "accounts_down"',
            "no table is of this",
        ),
    ],
)
def test_an_answer_to_nothing_is_an_error_that_names_the_nearest(taken, decided, entry, near):
    path = decided / "answers.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n[[answer]]\n{entry}\n", encoding="utf-8")
    issues = build().issues
    stale = issues[issues["code"] == "answer_stale"]
    assert stale["severity"].tolist() == ["error"]
    assert near in stale["action"].iloc[0]


def _decided(taken):
    return taken.parents[1] / "decisions" / "example"


def correct(taken, **changes):
    row = {
        "correction_id": "k1", "file": WORKBOOK, "row": "收支!D12", "field": "经营收入",
        "says": "5.51", "should_say": "55100", "expect": "5.51", "decision": "correct",
        "reason": "万元 in a column in 元", "authority": "the township's paper book",
    }  # fmt: skip
    pd.DataFrame([row | changes]).to_csv(_decided(taken) / "corrections.csv", index=False)


def test_a_correction_is_applied_and_listed(taken):
    correct(taken)
    data = build()
    assert amount(data, "SIM-EX-104", 2023, "经营收入") == 55_100
    assert not cells(data.issues, "unit_slip")
    assert [c["id"] for c in data.applied_corrections] == ["k1"]


def test_a_doubt_can_be_kept(taken):
    correct(taken, decision="keep", should_say="")
    data = build()
    assert amount(data, "SIM-EX-104", 2023, "经营收入") == 5.51
    assert not cells(data.issues, "unit_slip")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expect": "5.52"}, "has expired"),
        ({"row": "收支!ZZ9"}, "no table of that file holds such a cell"),
        ({"decision": "perhaps"}, "expected correct or keep"),
    ],
)
def test_a_correction_that_does_not_fit_stops_the_build(taken, changes, said, capsys):
    correct(taken, **changes)
    assert cli.main(["build", "example"]) == Exit.NO_DATA
    assert said in capsys.readouterr().err
    assert not (taken.parents[1] / "processed" / "example").exists()


def test_no_personal_value_leaves_the_raw_file(taken, capsys):
    data = build()
    printed = "".join(capsys.readouterr())
    decided = [path for path in _decided(taken).rglob("*") if path.is_file()]
    kept = [*data.folder.iterdir(), *decided, taken / "dataset.toml"]
    assert {".parquet", ".xlsx", ".html", ".toml"} <= {path.suffix for path in kept}
    text = "".join(map(_all_text, kept))
    for phone in PHONES:
        assert phone not in text + printed


def _all_text(path: Path) -> str:
    """Return all that a file says: text, cells of a table, parts of a workbook."""
    if path.suffix == ".parquet":
        return str(pd.read_parquet(path).to_csv())
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as parts:
            return "".join(parts.read(name).decode("utf-8") for name in parts.namelist())
    return path.read_text(encoding="utf-8")


def test_the_page_groups_issues_and_escapes_cells(example):
    _, data = example
    page = (data.folder / "issues.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert TASKS["answer"] in page
    assert "收支!G10" in page
    assert "模拟数据" in page


def test_a_refused_file_stops_no_other(project, tmp_path, capsys):
    broken = tmp_path / "坏.xlsx"
    broken.write_bytes(b"PK\x03\x04 and nothing")
    books = [str(EXAMPLE / "books" / WORKBOOK), str(broken)]
    register = str(EXAMPLE / "register.csv")
    assert cli.main(["new", "example", *books, "--register", register]) == 3
    assert "坏.xlsx" in capsys.readouterr().err
    assert cli.main(["build", "example"]) == 3
    assert "lacks what was not read: 坏.xlsx" in capsys.readouterr().err
    data = analysis.load("example")
    refused = data.issues[data.issues["code"] == "file_refused"]
    assert refused["file"].tolist() == ["坏.xlsx"]
    assert str(tmp_path) not in data.issues.to_csv()
    assert len(data.panel) == 8
    # nothing has changed, and it is still not whole
    assert cli.main(["build", "example"]) == 3
    manifest = json.loads((data.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["refused"] == ["坏.xlsx"]


def test_nothing_is_taken_in_when_nothing_can_be_read(project, tmp_path, capsys):
    broken = tmp_path / "坏.xlsx"
    broken.write_bytes(b"PK\x03\x04 and nothing")
    assert cli.main(["new", "example", str(broken)]) == Exit.REFUSED
    assert "nothing was taken in" in capsys.readouterr().err
    assert not list((project / "data" / "raw").iterdir())


def test_names_of_the_dataset_itself_are_no_books(project, tmp_path, capsys):
    (tmp_path / "register.csv").write_text("村名,经营收入\n甲村,1\n", encoding="utf-8")
    assert cli.main(["new", "example", str(tmp_path / "register.csv")]) == Exit.REFUSED
    assert "keeps that name for itself" in capsys.readouterr().err


def test_an_issue_has_a_known_code_and_severity():
    from analysis.clean.issues import Issue

    with pytest.raises(ValueError, match="code"):
        Issue("a", "b", "c", "no_such_code", "error", "")
    with pytest.raises(ValueError, match="severity"):
        Issue("a", "b", "c", "formula", "grave", "")


def test_books_of_unknown_villages_are_told(project, capsys):
    books = [str(path) for path in sorted((EXAMPLE / "books").iterdir())]
    register = pd.read_csv(EXAMPLE / "register.csv", dtype=str)
    register["village_name"] = "别村"
    register.head(1).to_csv(project / "other.csv", index=False)
    given = ["--register", str(project / "other.csv"), "--simulated"]
    assert cli.main(["new", "nobody", *books, *given]) == 0
    assert cli.main(["build", "nobody"]) == 3
    said = capsys.readouterr().err
    assert "no village that the register knows" in said
    assert "crosswalk-to-fill.csv" in said
