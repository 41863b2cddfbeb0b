"""A researcher's own words: read beside ours, before ours, and part of what a version is of."""

import openpyxl
import pytest

from analysis import cli
from analysis.clean import words
from analysis.clean.account_names import read_account
from analysis.clean.build import build
from analysis.clean.workbook.vocabulary import role_of
from analysis.errors import LianjianError

REGISTER = """village_code,village_name,township_code,township_name,county_code,county_name
SIM-W-1,虚石磨村,SIM-W,虚水泉镇,sim1,甲县
SIM-W-2,虚樱桃村,SIM-W,虚水泉镇,sim1,甲县
SIM-W-3,虚老井村,SIM-W,虚水泉镇,sim1,甲县
"""
LINES = [
    ["甲县虚水泉镇2022年村集体收入（单位：元）"],
    ["所辖村屯", "货郎收入", "补助收入"],
    ["虚石磨村", 23_500, 40_000],
    ["虚樱桃村", 31_900, 45_000],
    ["虚老井村", 18_250, 38_000],
]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a researcher's own words; when the test is over ours alone are read again."""
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    (tmp_path / "data" / "raw").mkdir(parents=True)
    path = words.own_file()
    path.parent.mkdir()

    def write(text: str) -> None:
        path.write_text(text, encoding="utf-8")
        words.refresh()

    yield write
    monkeypatch.undo()
    words.refresh()


def test_own_words_are_read_in_any_spelling(own):
    assert read_account("貨郎收入").code == "unknown"
    own('[accounts]\n"经营收入" = ["貨郎 收入"]\n[roles]\nvillage = ["所辖村屯"]\n')
    assert read_account("货郎收入").account == "经营收入"
    assert role_of("所辖村屯") == "village"
    assert read_account("租赁收入").code == "part"  # ours stay


def test_an_own_word_goes_before_ours(own):
    assert read_account("光伏收入").code == "part"
    own('[measures]\n"经营性收入" = ["光伏收入"]\n')
    assert read_account("光伏收入").measure == "经营性收入"
    own('[parts]\n"补助收入" = ["承包收入"]\n')
    assert read_account("承包收入").account == "补助收入"
    assert read_account("承包收入").code == "part"
    assert read_account("光伏收入").code == "part"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[acounts]\n"经营收入" = ["x"]',
            "no heading there; the nearest is 'accounts'",
        ),
        (
            '[accounts]\n"经营收人" = ["x"]',
            "no heading there; the nearest is '经营收入'",
        ),
        ('[accounts]\n"经营收入" = "货郎收入"', "expected a list of words in quotes"),
        ('[roles]\nvillage = ["村("]', "is no pattern"),
        ("accounts = 3", "seen 3, expected"),
        ("[accounts", "cannot be read as TOML"),
    ],
)
def test_what_nothing_would_read_is_an_error(own, text, says):
    with pytest.raises(LianjianError, match="words") as error:
        own(text)
    assert says in str(error.value)


def test_own_words_change_what_is_read_and_the_version(own, tmp_path, capsys):
    book = openpyxl.Workbook()
    for line in LINES:
        book.active.append(line)
    book.save(tmp_path / "册.xlsx")
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    given = [str(tmp_path / "册.xlsx"), "--register", str(tmp_path / "register.csv"), "--simulated"]
    assert cli.main(["new", "own", *given]) == 0
    assert cli.main(["build", "own"]) == 0
    said = capsys.readouterr()
    assert "left out:" in said.out + said.err
    assert "货郎收入" in said.out + said.err
    before = build("own")
    assert (before.fresh, before.rows["income"]) == (False, 3)
    own('[accounts]\n"经营收入" = ["货郎收入"]\n')
    after = build("own")
    assert (after.fresh, after.rows["income"]) == (True, 6)
    assert after.version != before.version
    own('[accounts]\n"经营收入" = ["货郎收入"]\n# no word more\n[parts]\n"其他收入" = ["虚收入"]\n')
    again = build("own")
    assert (again.fresh, again.rows["income"]) == (True, 6)
    assert again.version != after.version  # what people decided is part of it
    assert not build("own").fresh
