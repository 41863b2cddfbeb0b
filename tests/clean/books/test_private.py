"""What a book says of persons stays in the copy as received: in no file made, and in no message."""

import csv
import zipfile

import openpyxl
import pytest

from analysis import cli

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-P-1,虚南湾村,SIM-P,虚石桥镇,sim1,甲县
SIM-P-2,虚北湾村,SIM-P,虚石桥镇,sim1,甲县
SIM-P-3,虚上坪村,SIM-P,虚石桥镇,sim1,甲县
SIM-P-4,虚下坪村,SIM-P,虚石桥镇,sim1,甲县
SIM-P-5,虚东岭村,SIM-P,虚石桥镇,sim1,甲县
SIM-P-6,虚西岭村,SIM-P,虚石桥镇,sim1,甲县
"""
SECRETS = ["赵大田", "钱小禾", "dahe_farm", "55667788", "孙某丰", "13712345678", "周会来", "bank"]
LINES = [
    ["甲县虚石桥镇2022年村集体收入（单位：元）"],
    ["村名", "经营收入", "补助收入"],
    ["虚南湾村", "赵大田代收12000", 40_000],
    ["虚北湾村", 31_900, "钱小禾 微信号dahe_farm"],
    ["虚上坪村", "QQ 55667788", 38_000],
    ["虚下坪村", 27_400, "bank卡 1234 567 890 未到账"],
    ["虚东岭村", 22_100, 35_500],
    ["虚西岭村", 19_800, 33_000],
    ["村书记：孙某丰", "报账员：周会来", ""],
]


def made(project):
    """Yield every file of the project that is not as received, as text."""
    for path in (project / "data").rglob("*"):
        if path.is_file() and path.suffix not in {".parquet", ".lock"}:
            if path.parent.name == "named" and path.suffix == ".xlsx":
                continue  # as received
            if path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as archive:
                    yield path, "".join(archive.read(n).decode() for n in archive.namelist())
            else:
                yield path, path.read_text(encoding="utf-8-sig")


@pytest.fixture
def built(project, capsys):
    """A book with persons in cells, under the table, in a sheet's and in the file's name."""
    book = openpyxl.Workbook()
    book.active.title = "联系人赵大田"
    for line in LINES:
        book.active.append(line)
    path = project / "石桥镇收入（孙某丰13712345678）.xlsx"
    book.save(path)
    (project / "register.csv").write_text(REGISTER, encoding="utf-8")
    known = ["--register", str(project / "register.csv"), "--simulated"]
    ended = [cli.main(["new", "named", str(path), *known]), cli.main(["build", "named"])]
    assert ended[1] == 0
    said = capsys.readouterr()
    return project, said.out + said.err


def test_nothing_that_is_made_or_said_names_a_person(built):
    project, said = built
    texts = {"the terminal": said, **{path.name: text for path, text in made(project)}}
    assert {"dataset.toml", "answers.toml", "issues.csv", "issues.html", "manifest.json"} <= set(
        texts
    )
    found = [(name, secret) for name, text in texts.items() for secret in SECRETS if secret in text]
    assert found == []
    for path in (project / "data" / "processed" / "named").glob("*.parquet"):
        content = path.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content], path.name


def test_what_can_be_repeated_of_such_cells_is(built):
    project, _ = built
    where = project / "data" / "processed" / "named" / "issues.csv"
    with where.open(encoding="utf-8-sig", newline="") as stream:
        issues = list(csv.DictReader(stream))
    (refused,) = [i for i in issues if i["code"] == "cell_refused" and i["cell"].endswith("!B3")]
    assert refused["text"] == "…代收12000"
    assert not [i for i in issues if i["code"].startswith("place_")]  # who signed is no village
    (file,) = {i["file"] for i in issues} - {"panel"}
    assert file.startswith("book-")
    assert {i["cell"].partition("!")[0] for i in issues if "!" in i["cell"]} == {"sheet 1"}


def test_a_correction_of_such_a_cell_holds(built, capsys):
    project, _ = built
    path = project / "data" / "decisions" / "named" / "corrections-to-fill.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (row,) = [row for row in rows if row["row"].endswith("!B3")]
    row.update(decision="correct", should_say="12000", reason="paper book", authority="office")
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerows([row])
    assert cli.main(["build", "named"]) == 0
    assert cli.main(["explain", "named", "虚南湾村", "2022", "经营收入"]) == 0
    said = capsys.readouterr().out
    assert "12,000.00 yuan" in said
    assert "赵大田" not in said


def test_the_same_file_again_is_the_same_book(built, capsys):
    project, _ = built
    path = project / "石桥镇收入（孙某丰13712345678）.xlsx"
    book = openpyxl.load_workbook(path)
    book.active["C3"] = 41_000
    book.save(path)
    assert cli.main(["update", "named", str(path)]) == 0
    assert "孙某丰" not in capsys.readouterr().out
