"""Places: exact or not at all, on the whole register."""

import pandas as pd
import pytest
from opencc import OpenCC

from analysis import paths
from analysis.clean.places import (
    CROSSWALK_COLUMNS,
    PROBLEMS,
    SEVERAL,
    Register,
    crosswalk_questions,
    read_crosswalk,
    village_name,
)
from analysis.errors import LianjianError

# 1,261 names take 0.1 s; ten times that on a busy machine
SUFFIXES = ("", "村", "村委会", "村民委员会", "行政村", " 村 ")


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(paths.raw() / "village_register.csv", dtype="str")


@pytest.fixture(scope="module")
def register(rows):
    return Register(rows)


def asked(rows):
    return pd.DataFrame(
        {
            "county": rows["county_name"],
            "township": rows["township_name"],
            "name": rows["village_name"],
        }
    )


def one(register, county, township, name, crosswalk=None, **more):
    seen = pd.DataFrame({"county": [county], "township": [township], "name": [name], **more})
    return register.locate(seen, crosswalk)


def test_the_register_finds_itself(rows, register):
    located = register.locate(asked(rows))
    assert located.frame["village_code"].tolist() == rows["village_code"].tolist()
    assert located.problems.empty
    assert set(located.frame["matched_by"]) == {"name"}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("traditional", [False, True])
def test_suffix_and_script_do_not_matter(rows, register, suffix, traditional):
    seen = asked(rows)
    bare = seen["name"].str.replace("(村委员会|村委会)$", "", regex=True)
    seen["name"] = bare + suffix
    if traditional:
        convert = OpenCC("s2t").convert
        seen = seen.map(convert)
    located = register.locate(seen)
    assert located.frame["village_code"].tolist() == rows["village_code"].tolist()


def test_short_and_long_names_of_townships_and_counties(rows, register):
    seen = asked(rows)
    seen["township"] = seen["township"].str.replace("(镇|乡|办事处街道)$", "", regex=True)
    seen["county"] = "甘肃省庆阳市" + seen["county"]
    located = register.locate(seen)
    assert located.frame["village_code"].tolist() == rows["village_code"].tolist()


def test_by_code(rows, register):
    code = rows["village_code"].iloc[7]
    seen = pd.DataFrame({"county": [""] * 4, "township": "", "name": "", "code": [
        code, code + ".0", "6.21E+11", "621002999999"]})  # fmt: skip
    located = register.locate(seen)
    assert located.frame["village_code"].fillna("").tolist() == [code, code, "", ""]
    assert located.problems["problem"].tolist() == ["code_damaged", "code_unknown"]
    located = one(register, "环县", "曲子镇", "别的村", code=[code])
    assert located.frame["village_code"].tolist() == [code]
    assert located.problems["problem"].tolist() == ["code_name_differ"]


@pytest.mark.parametrize("code", ["621022999999", "6.21E+11"])
def test_a_good_name_beside_a_code_that_is_not_known(rows, register, code):
    place = rows.iloc[0]
    where = place["county_name"], place["township_name"]
    located = one(register, *where, place["village_name"], code=[code])
    assert located.frame["village_code"].tolist() == [place["village_code"]]
    assert located.frame["matched_by"].tolist() == ["name"]
    assert located.problems["problem"].tolist() == ["code_not_followed"]
    assert crosswalk_questions(located.problems).empty
    located = one(register, *where, "别的村", code=[code])
    assert located.frame["village_code"].isna().all()
    assert len(crosswalk_questions(located.problems)) == 1


def test_a_list_of_a_whole_county_names_only_what_stands_once_in_it(rows, register):
    names = rows[rows["county_name"] == "环县"]["village_name"].map(lambda n: village_name(n).base)
    names = names[~names.str.contains("原")]
    once, twice = (names[names.map(names.value_counts()) == n].iloc[0] for n in (1, 2))
    code = rows["village_code"][names[names == once].index[0]]
    assert one(register, "环县", SEVERAL, once).frame["village_code"].tolist() == [code]
    several = one(register, "环县", SEVERAL, twice)
    assert several.frame["village_code"].isna().all()
    assert several.problems["problem"].tolist() == ["name_ambiguous"]


def test_a_typing_slip_is_never_joined(rows, register):
    # one wrong character in every name: only suggestions may come of it
    seen = asked(rows)
    seen["name"] = seen["name"].str[0] + "囧" + seen["name"].str[2:]
    located = register.locate(seen)
    assert located.frame["village_code"].isna().all()
    first = located.problems["suggestions"].str.split(" ").str[0]
    # the village itself is mostly the first suggestion; neighbours may be just as like
    assert (first.to_numpy() == rows["village_code"].to_numpy()).mean() > 0.6


def test_village_and_community_are_two(rows):
    twin = rows.iloc[[0]].assign(village_code="621002003001", village_name="联合社区居委会")
    register = Register(pd.concat([rows, twin]))
    place = ("西峰区", "西街街道")
    assert one(register, *place, "联合村").frame["village_code"].item() == "621002003200"
    assert one(register, *place, "联合社区").frame["village_code"].item() == "621002003001"
    both = one(register, *place, "联合")
    assert both.problems["problem"].item() == "name_ambiguous"
    assert both.problems["suggestions"].item().count("联合") == 2


def test_township_of_another_kind_is_another(register):
    assert one(register, "环县", "曲子镇", "双城").problems.empty
    assert one(register, "环县", "曲子乡", "双城").problems["problem"].item() == "name_unknown"


@pytest.mark.parametrize(
    ("name", "problem"),
    [("", "name_missing"), ("双城…", "name_cut"), ("老城村[已撤销]", "name_abolished"),
     ("双诚村", "name_unknown")],
)  # fmt: skip
def test_problems_are_named(register, name, problem):
    assert problem in PROBLEMS
    assert one(register, "环县", "曲子镇", name).problems["problem"].item() == problem


@pytest.mark.parametrize(
    "name",
    [
        "双城村股份经济合作社", "双城村经济联合社", "双城村集体经济组织",
        "双城村民委员会股份经济合作联合社", "环县曲子镇双城村", "曲子镇-双城村",
        "3、双城村", "双城村（原双庙村）", "双城村（社区）",
    ],
)  # fmt: skip
def test_what_offices_write_around_a_name(register, name):
    assert one(register, "环县", "曲子镇", name).frame["matched_by"].item() == "name"


@pytest.mark.parametrize(
    "name", ["原双城村", "双城村养殖专业合作社", "双城村三组", "双城村第二村民小组经济合作社"]
)
def test_another_body_is_not_the_village(register, name):
    assert one(register, "环县", "曲子镇", name).frame["village_code"].isna().all()


def test_a_persons_decision_goes_first(tmp_path, rows, register):
    seen = pd.DataFrame({"county": ["環縣"], "township": ["曲子鎮"], "name": ["老 村[已撤销]"]})
    questions = crosswalk_questions(register.locate(seen).problems)
    assert questions["village_code"].tolist() == [""]
    questions.to_csv(tmp_path / "crosswalk.csv", index=False)
    # an unanswered question changes nothing
    crosswalk = read_crosswalk(tmp_path / "crosswalk.csv")
    assert register.locate(seen, crosswalk).frame["village_code"].isna().all()
    code = rows["village_code"].iloc[200]
    answer = questions.assign(village_code=code, reason="merged 2020", by="county office")
    answer.to_csv(tmp_path / "crosswalk.csv", index=False)
    crosswalk = read_crosswalk(tmp_path / "crosswalk.csv")
    located = Register(rows).locate(seen, crosswalk)
    frame, problems = located.frame, located.problems
    assert frame[["village_code", "matched_by"]].to_numpy().tolist() == [[code, "crosswalk"]]
    assert problems.empty


@pytest.mark.parametrize(
    ("change", "message"),
    [({"village_code": "1"}, "no village"), ({"reason": ""}, "say why"),
     ({"name": "双城村", "village_code": "621002003201"}, "another code")],
)  # fmt: skip
def test_a_crosswalk_that_cannot_be(register, change, message):
    row = dict(zip(CROSSWALK_COLUMNS, ["环县", "曲子镇", "双城村", "621002003200", "r", "b"],
                   strict=True))  # fmt: skip
    crosswalk = pd.DataFrame([row, row | change])
    with pytest.raises(LianjianError, match=message):
        one(register, "环县", "曲子镇", "双城村", crosswalk)


def test_crosswalk_file(tmp_path):
    assert read_crosswalk(None).empty
    (tmp_path / "c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(LianjianError, match="header"):
        read_crosswalk(tmp_path / "c.csv")


def test_the_frame_asked_is_left_alone(rows, register):
    seen = asked(rows).head(3)
    before = seen.copy()
    register.locate(seen)
    pd.testing.assert_frame_equal(seen, before)


def test_odd_names():
    assert village_name("").base == ""
    assert village_name("村").base == "村"
    assert village_name("新村村委会").base == village_name("新村").base


def test_county_and_township_may_be_given_by_their_codes(rows, register):
    """As a person answers for a whole book, or as an office exports."""
    some = rows.sample(60, random_state=1)
    by_name = register.locate(asked(some)).frame["village_code"]
    coded = asked(some).assign(
        county=some["village_code"].str[:6], township=some["village_code"].str[:9]
    )
    for given in (coded, coded.assign(county=asked(some)["county"])):
        assert register.locate(given).frame["village_code"].tolist() == by_name.tolist()
    assert by_name.notna().sum() > 50
    elsewhere = register.locate(coded.assign(township="629999999"))
    assert elsewhere.frame["village_code"].isna().all()
    assert elsewhere.problems["suggestions"].str.startswith(some["village_code"].iloc[0]).iloc[0]
