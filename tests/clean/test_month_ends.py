"""A line dated 31 December is of the whole year only where nothing makes it December's."""

import calendar

import pytest

from analysis import paths
from analysis.clean import read_book
from analysis.errors import LianjianError

TOWN = "甲县虚甲镇"
ENDS = [f"2023-{month:02}-{calendar.monthrange(2023, month)[1]}" for month in range(1, 13)]


def read(tmp_path, title, head, *lines):
    file = tmp_path / "b.csv"
    texts = [
        f"{TOWN}村集体经济{title}（单位：元）",
        head,
        *(",".join(map(str, line)) for line in lines),
    ]
    file.write_text("\n".join(texts), "utf-8")
    return read_book(file, register=paths.root() / "data/example/register.csv", simulated=True)


def amounts(data):
    found = data.panel[["year", "subsidy_income_yuan"]].dropna()
    return sorted((int(year), float(yuan)) for year, yuan in found.itertuples(index=False))


BY_TIME = "村名,期间,补助收入"


@pytest.mark.parametrize(
    ("title", "head", "lines"),
    [
        ("收入表", BY_TIME, [("虚春村", end, n) for n, end in enumerate(ENDS, 1)]),
        ("收入表", "村名,所属期,补助收入", [("虚春村", end, 9) for end in ENDS[2::3]]),
        ("收入表", BY_TIME, [("虚春村", ENDS[8], 7), ("虚春村", ENDS[11], 9)]),
        ("收入月报", BY_TIME, [("虚春村", ENDS[11], 9)]),
        ("收入季报", BY_TIME, [("虚春村", "2022-12-31", 8), ("虚春村", ENDS[11], 9)]),
        ("收入表", "村名,月份,补助收入", [("虚春村", ENDS[11], 9), ("虚夏村", ENDS[11], 4)]),
    ],
)
def test_a_december_beside_other_months_is_no_year(tmp_path, title, head, lines):
    with pytest.raises(LianjianError, match=r"could be read into the panel\. .+|is asked"):
        read(tmp_path, title, head, *lines)


@pytest.mark.parametrize(
    ("title", "ends"),
    [
        ("收入表", ["2022-12-31", "2023-12-31"]),
        ("收入累计表", ["2022.12", "2023.6", "2023.12"]),
    ],
)
def test_ends_of_years_and_of_sums_to_date_are_years(tmp_path, title, ends):
    lines = [("虚春村", end, int(end[:4])) for end in ends]
    data = read(tmp_path, title, BY_TIME, *lines)
    assert amounts(data) == [(2022, 2022.0), (2023, 2023.0)]


def test_what_is_left_out_by_a_note_alone_is_said(tmp_path):
    lines = [("虚春村", end, 5) for end in ENDS]
    with pytest.raises(LianjianError, match="补助收入: left out: a part of a year"):
        read(tmp_path, "收入表", BY_TIME, *lines)
