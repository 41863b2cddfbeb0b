"""What a person decided is read where it lies, is never overwritten, and stays."""

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

import analysis
from analysis import cli
from analysis.clean import decisions
from analysis.clean.build import build
from analysis.errors import Exit, LianjianError

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-H-01,虚桃村,SIM-H-1,虚塬镇,sim3,丙县
SIM-H-02,虚杏村,SIM-H-1,虚塬镇,sim3,丙县
SIM-H-03,虚梨村,SIM-H-1,虚塬镇,sim3,丙县
"""
BOOK = """县,乡镇,村,年份,经营收入（元）,投资收益（元）
丙县,虚塬镇,虚桃村,2022,41000,1200
丙县,虚塬镇,虚杏村,2022,约2.3万,800
丙县,虚塬镇,虚李村,2022,17500,0.80
丙县,虚塬镇,虚枣村,2022,16500,900
"""
NEXT = BOOK.replace("2022", "2023").replace("41000", "43000")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    write(tmp_path)
    return tmp_path


def write(project):
    (project / "register.csv").write_text(REGISTER, encoding="utf-8")
    (project / "丙县2022年.csv").write_text(BOOK, encoding="utf-8")
    (project / "丙县2023年.csv").write_text(NEXT, encoding="utf-8")


def take_in(project):
    write(project)
    register = str(project / "register.csv")
    words = ["new", "huan", str(project / "丙县2022年.csv"), "--register", register]
    assert cli.main(words) == 0
    assert cli.main(["build", "huan"]) == 0


@pytest.fixture
def own(project, once):
    """A dataset of one book; two of its villages are in no register."""
    once(take_in, project)
    return project / "data" / "decisions" / "huan"


def lines(path):
    return decisions.read_filled(path, ())


def fill(path, encoding="utf-8-sig", separator=",", village="虚李村", **said):
    """Fill a line in as a spreadsheet program saves it."""
    rows = lines(path)
    for row in rows:
        if row["name"] == village:
            row.update(said)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


ANSWER = {"village_code": "SIM-H-03", "reason": "改名", "by": "某人"}


def amounts():
    income = analysis.load("huan").income
    return income.set_index(["village_id", "year", "account_name"])["amount_yuan"].to_dict()


def history(own, stem):
    return [path.read_bytes() for path in sorted((own / "history").glob(f"*.{stem}.*"))]


def test_open_questions_lie_with_the_decisions(own):
    assert [row["name"] for row in lines(own / "crosswalk-to-fill.csv")] == ["虚李村", "虚枣村"]
    assert not list((own.parents[1] / "processed" / "huan").glob("*to-fill*"))


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("gb18030", ","), ("gbk", "\t"), ("utf-16", "\t")],
)
def test_a_filled_in_file_is_taken_over_however_it_was_saved(own, capsys, encoding, separator):
    path = own / "crosswalk-to-fill.csv"
    fill(path, encoding, separator, **ANSWER)
    saved = path.read_bytes()
    assert cli.main(["build", "huan"]) == 0
    assert "1 lines of" in capsys.readouterr().out
    assert amounts()["SIM-H-03", 2022, "经营收入"] == 17_500
    [row] = lines(own / "crosswalk.csv")
    assert (row["name"], row["village_code"], row["by"]) == ("虚李村", "SIM-H-03", "某人")
    assert saved in history(own, "crosswalk-to-fill")
    assert [r["name"] for r in lines(path) if not r["village_code"]] == ["虚枣村"]
    assert not build("huan").fresh


def test_an_unfinished_line_is_kept(own):
    path = own / "crosswalk-to-fill.csv"
    fill(path, village="虚枣村", reason="问过乡镇，待复")
    fill(path, **ANSWER)
    build("huan")
    [row] = [row for row in lines(path) if row["name"] == "虚枣村"]
    assert row["reason"] == "问过乡镇，待复"
    build("huan")
    assert "待复" in path.read_text("utf-8-sig")


def test_what_was_decided_can_be_changed_and_taken_back(own):
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    build("huan")
    fill(own / "crosswalk-to-fill.csv", **ANSWER | {"reason": "并村"})
    build("huan")
    assert lines(own / "crosswalk.csv")[0]["reason"] == "并村"
    header = (own / "crosswalk.csv").read_bytes().split(b"\n")[0]
    (own / "crosswalk.csv").write_bytes(header + b"\n")
    build("huan")
    assert ("SIM-H-03", 2022, "经营收入") not in amounts()
    assert len(history(own, "crosswalk")) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"county,name\n", "the header must hold"),
        (b"", "holds nothing"),
        (b"\x00\x01\x02", "not a table of text"),
        (
            "county,township,name,village_code,reason,by\n丙县,虚塬镇,虚李村,6.2E+11,x,y\n".encode(),
            "12-digit code",
        ),
        (
            "county,township,name,village_code,reason,by\n丙县,虚塬镇,虚李村,SIM-H-03,,\n".encode(),
            "say why and who",
        ),
        (b"county,township,name,village_code,reason,by\na,b,c,d,e,f,g\n", "7 fields"),
    ],
)
def test_what_cannot_be_read_is_refused_and_stays(own, capsys, content, said):
    path = own / "crosswalk-to-fill.csv"
    path.write_bytes(content)
    before = build_state(own)
    assert cli.main(["build", "huan"]) == Exit.NO_DATA
    assert said in capsys.readouterr().err
    assert path.read_bytes() == content
    assert build_state(own) == before


ASKED = '\n[[answer]]\nabout = ["扶持"]\nkey = "meaning"\nanswer = "none"  # 已问\n'


def build_state(own):
    made = own.parents[1] / "processed" / "huan"
    return {path.name: path.read_bytes() for path in made.iterdir()}


@pytest.mark.parametrize("stray", ["[accounts]", "[[table]]"])
def test_answers_where_nothing_reads_them_are_refused(own, capsys, stray):
    card, asked = own.parents[1] / "raw" / "huan" / "dataset.toml", own / "answers.toml"
    for path in (card, asked):
        text = path.read_text("utf-8")
        path.write_text(f'{text}\n{stray}\n"扶持" = "none"\n', encoding="utf-8")
        assert cli.main(["build", "huan"]) == Exit.NO_DATA
        assert "an [[answer]]" in capsys.readouterr().err
        path.write_text(text, encoding="utf-8")
    assert cli.main(["build", "huan"]) == 0


def test_books_of_an_earlier_version_are_guarded_though_the_build_stops(own, project):
    raw = project / "data" / "raw" / "huan"
    shutil.rmtree(raw / ".git")
    for path in (raw, *raw.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (own / "crosswalk.csv").write_text(
        "county,township,name,village_code,reason,by\n丙县,虚塬镇,虚李村,SIM-H-99,?,某人\n", "utf-8"
    )
    assert cli.main(["build", "huan"]) == Exit.NO_DATA
    assert (raw / ".git" / "HEAD").is_file()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (raw, *raw.rglob("*")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_answers_are_read_however_an_editor_saved_them(own, project, encoding):
    text = (own / "answers.toml").read_text("utf-8") + ASKED
    (own / "answers.toml").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    book = project / "丙县2023年.csv"
    book.write_text(NEXT.replace("投资收益", "扶持"), encoding="utf-8")
    assert cli.main(["add", "huan", str(book)]) == 0
    assert cli.main(["build", "huan"]) == 0
    assert (own / "answers.toml").read_text("utf-8").startswith(text.rstrip("\n"))


@pytest.mark.parametrize("command", ["build", "add", "update"])
def test_answers_that_are_no_toml_are_shown_and_stay(own, project, capsys, command):
    edited = (own / "answers.toml").read_bytes() + "\n[accounts]\n扶持＝“none”\n".encode()
    (own / "answers.toml").write_bytes(edited)
    book = project / "改" / ("丙县2023年.csv" if command == "add" else "丙县2022年.csv")
    book.parent.mkdir()
    book.write_text(NEXT, encoding="utf-8")
    words = [command, "huan"] + ([str(book)] if command != "build" else [])
    assert cli.main(words) in {Exit.NO_DATA, Exit.REFUSED}
    told = capsys.readouterr().err
    assert "扶持＝“none”" in told
    assert "straight quotation marks" in told
    assert (own / "answers.toml").read_bytes() == edited
    assert (project / "data" / "raw" / "huan" / "丙县2022年.csv").read_text("utf-8") == BOOK


def test_what_somebody_put_beside_the_tables_stays(own):
    made = own.parents[1] / "processed" / "huan"
    (made / "我的笔记.txt").write_text("x", encoding="utf-8")
    (made / "charts").mkdir()
    (made / "charts" / "one.png").write_bytes(b"png")
    with (made / "issues.csv").open("a", encoding="utf-8") as stream:
        stream.write("checked by hand\n")
    edited = (made / "issues.csv").read_bytes()
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    assert build("huan").fresh
    assert (made / "我的笔记.txt").read_text("utf-8") == "x"
    assert (made / "charts" / "one.png").read_bytes() == b"png"
    assert edited in history(own, "issues")


def test_a_correction_survives_what_a_spreadsheet_does_to_numbers(own):
    path = own / "corrections.csv"
    path.write_text(
        "correction_id,file,row,field,says,should_say,expect,decision,reason,authority\n"
        "k1,丙县2022年.csv,F4,投资收益,0.8,800,0.8,correct,单位,账簿\n",
        encoding="utf-8",
    )
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    build("huan")
    assert amounts()["SIM-H-03", 2022, "投资收益"] == 800


def test_a_further_book_keeps_the_answers(own, project, capsys):
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    answers = (own / "answers.toml").read_text("utf-8") + ASKED
    (own / "answers.toml").write_text(answers, encoding="utf-8")
    book = project / "丙县2023年.csv"
    book.write_text(NEXT.replace("投资收益", "扶持"), encoding="utf-8")
    assert cli.main(["add", "huan", str(book)]) == 0
    text = (own / "answers.toml").read_text("utf-8")
    assert text.startswith(answers.rstrip("\n"))
    assert "# 已问" in text
    assert text.count('"扶持"') == 1
    book.write_text(NEXT, encoding="utf-8")
    assert cli.main(["add", "huan", str(book)]) == Exit.REFUSED
    assert "has a file 丙县2023年.csv already" in capsys.readouterr().err


def test_next_years_book_is_read_with_the_crosswalk_of_this_year(own, project):
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    build("huan")
    assert cli.main(["add", "huan", str(project / "丙县2023年.csv")]) == 0
    assert cli.main(["build", "huan"]) == 0
    assert amounts()["SIM-H-01", 2023, "经营收入"] == 43_000
    assert amounts()["SIM-H-03", 2023, "经营收入"] == 17_500


def test_a_corrected_edition_replaces_a_file_and_keeps_it(own, project, capsys):
    fill(own / "crosswalk-to-fill.csv", **ANSWER)
    fixed = project / "改" / "丙县2022年.csv"
    fixed.parent.mkdir()
    text = BOOK.replace("41000", "41500") + "丙县,虚塬镇,虚梨村,2022,1,1\n"
    fixed.write_text(text, encoding="utf-8")
    assert cli.main(["update", "huan", str(fixed)]) == 0
    assert "is kept as" in capsys.readouterr().out
    raw = own.parents[1] / "raw" / "huan"
    [former] = (raw / "history").iterdir()
    assert former.read_text("utf-8") == BOOK
    assert cli.main(["build", "huan"]) == 0
    assert amounts()["SIM-H-01", 2022, "经营收入"] == 41_500
    assert cli.main(["update", "huan", str(fixed)]) == Exit.REFUSED
    assert "has already" in capsys.readouterr().err
    other = project / "丙县更正.csv"
    other.write_text(BOOK, encoding="utf-8")
    assert cli.main(["update", "huan", str(other)]) == Exit.REFUSED
    assert "--replaces" in capsys.readouterr().err
    assert cli.main(["update", "huan", str(other), "--replaces", "丙县2022年.csv"]) == 0


def test_git_clean_passes_over_books_and_decisions(own, project):
    git = shutil.which("git")
    if git is None:
        pytest.fail("this test needs git")
    ignored = Path(__file__).parents[2] / ".gitignore"
    shutil.copy(ignored, project / ".gitignore")
    subprocess.run([git, "init", "-q", str(project)], check=True)
    subprocess.run([git, "add", ".gitignore"], cwd=project, check=True)
    for options in ("-fdx", "-fdX", "-fd"):
        subprocess.run([git, "clean", options, "-q"], cwd=project, check=True)
    assert (own / "answers.toml").is_file()
    assert (project / "data" / "raw" / "huan" / "丙县2022年.csv").is_file()
    assert not (project / "data" / "processed" / "huan").exists()
    status = subprocess.run(
        [git, "status", "--porcelain", "-uall"], cwd=project, check=True, capture_output=True
    )
    assert b"huan" not in status.stdout


def test_a_ledger_is_private_whatever_the_umask(own, project):
    places = [project / "data" / room / "huan" for room in ("raw", "decisions", "processed")]
    for path in [p for place in places for p in (place, *place.rglob("*"))]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_real_villages_are_not_simulated(project, capsys):
    shutil.copy(
        Path(analysis.__file__).parents[1] / "data" / "raw" / "village_register.csv",
        project / "data" / "raw" / "village_register.csv",
    )
    book = str(project / "丙县2022年.csv")
    assert cli.main(["new", "made", book, "--simulated"]) == Exit.REFUSED
    assert "need a register" in capsys.readouterr().err
    real = (project / "data" / "raw" / "village_register.csv").read_text("utf-8").splitlines()
    renamed = real[1].replace("621002003200", "MINE-1")
    (project / "register.csv").write_text(f"{real[0]}\n{renamed}\n", encoding="utf-8")
    words = ["new", "made", book, "--simulated", "--register", str(project / "register.csv")]
    assert cli.main(words) == Exit.REFUSED
    assert "stand in the published register" in capsys.readouterr().err
    # under an invented county as well
    moved = renamed.replace("621002", "sim1").replace("西峰区", "甲县")
    assert moved.endswith(",sim1,甲县")
    (project / "register.csv").write_text(f"{real[0]}\n{moved}\n", encoding="utf-8")
    assert cli.main(words) == Exit.REFUSED
    assert "stand in the published register" in capsys.readouterr().err
    assert not (project / "data" / "raw" / "made").exists()


def test_a_word_in_the_card_does_not_make_real_villages_simulated(own, project):
    source = Path(analysis.__file__).parents[1] / "data" / "raw" / "village_register.csv"
    text = source.read_text("utf-8")
    (project / "data" / "raw" / "village_register.csv").write_text(
        text + "990022999201,虚桃村委会,990022999,虚塬镇,sim3,丙县\n", encoding="utf-8"
    )
    card = project / "data" / "raw" / "huan" / "dataset.toml"
    called = card.read_text("utf-8").replace('"ledger"', '"simulated"')
    card.write_text(f"parameters = {{}}\n{called}", encoding="utf-8")
    with pytest.raises(LianjianError, match="stand in the published register"):
        build("huan")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("620123456789,虚庄村委会,620123456,虚塬镇,sim3,丙县", "codes as real places"),
        ("MINE-1,虚庄村委会,MINE,虚塬镇,620826,静宁县", "静宁县: invented numbers would stand"),
    ],
)
def test_what_no_register_knows_is_not_invented_for_that(project, capsys, row, said):
    head = "village_code,village_name,township_code,township_name,county_code,county_name"
    (project / "register.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    book, register = str(project / "丙县2022年.csv"), str(project / "register.csv")
    words = ["new", "made", book, "--simulated", "--register", register]
    assert cli.main(words) == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert not (project / "data" / "raw" / "made").exists()
