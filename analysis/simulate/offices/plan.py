"""The eight offices: who sends what, in which layout, with which columns."""

from dataclasses import dataclass
from typing import Final, Literal

from analysis.fields import county
from analysis.simulate.offices.ledger import FORECAST, LAST_YEAR, PERSONAL, QUARTER

Order = Literal["village", "village_year", "year_village"]


@dataclass(frozen=True)
class Office:
    """How one county keeps its books.

    Attributes
    ----------
    county_code : str
    layout : str
        In one sentence, for the description.
    file : str
        File name; ``{township}`` makes it one file a township.
    sheet : str
        Sheet name; ``{year}`` or ``{township}`` makes it one sheet a year or township.
    encoding : str
        Of a text file; empty for workbooks.
    order : {"village", "village_year", "year_village"}
        One line a village, or a village and year, and what is sorted first.
    units : tuple of str
        Unit of income, and of everything else.
    unit_in : {"title", "head", "column"}
        Where the unit is stated; "column" is a line or column of its own.
    keys, once : tuple of str
        Key columns, and those printed once for a run of lines.
    groups : bool
        Whether accounts stand under 收入, 支出 and 负债.
    is_turned : bool
        Whether accounts run down and villages across.
    is_form : bool
        Whether it is the official form, with row numbers and sums over accounts.
    subtotals : bool
        Whether each township has one; the county has a total anyhow.
    total : str
        Label of the last total.
    other : tuple of str
        Columns that are no account of the year.
    personal : tuple of str
        Columns of personal data.
    is_traditional : bool
        Whether it may be written in traditional characters.
    """

    county_code: str
    layout: str
    file: str
    sheet: str
    order: Order
    units: tuple[str, str] = ("元", "元")
    unit_in: Literal["title", "head", "column"] = "title"
    keys: tuple[str, ...] = ("number", "township", "village")
    once: tuple[str, ...] = ()
    encoding: str = ""
    groups: bool = False
    is_turned: bool = False
    is_form: bool = False
    subtotals: bool = False
    total: str = "合  计"
    other: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    is_traditional: bool = False

    @property
    def county_name(self) -> str:
        """Chinese name of the county."""
        return county(self.county_code).name_zh


OFFICES: Final = (
    Office(
        "621002",
        "one sheet a year, one row a village, accounts across under 收入, 支出 and 负债",
        "西峰区村集体经济收支统计表.xlsx",
        "{year}年",
        "village",
        groups=True,
        total="全  区",
        other=(LAST_YEAR, QUARTER),
    ),
    Office(
        "621021",
        "one row a village and year; county, township and village merged down; income in 元, "
        "everything else in 万元",
        "庆城县2018-2024年村集体经济台账.xlsx",
        "台账",
        "village_year",
        units=("元", "万元"),
        unit_in="head",
        keys=("county", "township", "village", "year"),
        once=("county", "township", "village"),
        personal=PERSONAL,
    ),
    Office(
        "621022",
        "one row a village, years across under each account, three header levels, subtotals by "
        "township",
        "环县村集体经济发展情况.xlsx",
        "汇总",
        "village",
        units=("万元", "万元"),
        once=("township",),
        groups=True,
        subtotals=True,
        total="# 全  县",
        other=(FORECAST,),
    ),
    Office(
        "621023",
        "accounts down, villages and their years across, one sheet a township",
        "华池县村集体经济账目.xlsx",
        "{township}",
        "village_year",
        keys=("village", "year"),
        once=("village",),
        is_turned=True,
    ),
    Office(
        "621024",
        "the official form: accounts down with row numbers (行次) and a unit in each row, villages "
        "across under their township, one sheet a year",
        "合水县农市（经）年综6表.xlsx",
        "{year}",
        "village",
        units=("元", "万元"),
        unit_in="column",
        keys=("township", "village"),
        once=("township",),
        is_turned=True,
        is_form=True,
        total="全  县",
    ),
    Office(
        "621025",
        "one row a village and year, as comma-separated text",
        "正宁县村集体收入2018-2024.csv",
        "",
        "village_year",
        unit_in="head",
        keys=("county", "township", "village", "year"),
        encoding="gb18030",
        total="合计",
        other=(QUARTER,),
    ),
    Office(
        "621026",
        "one row a village, years across under each account printed once, in traditional "
        "characters, as comma-separated text",
        "宁县村级集体经济收支.csv",
        "",
        "village",
        units=("万元", "万元"),
        once=("township",),
        encoding="utf-8-sig",
        other=(FORECAST,),
        is_traditional=True,
    ),
    Office(
        "621027",
        "one workbook a township, one row a village and year, a year merged down with its sum",
        "镇原县{township}村集体经济台账.xlsx",
        "Sheet1",
        "year_village",
        unit_in="head",
        keys=("year", "number", "village"),
        once=("year",),
        total="小  计",
        personal=(PERSONAL[0], PERSONAL[2]),
    ),
)
