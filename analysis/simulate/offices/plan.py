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
        "sim1",
        "one sheet a year, one row a village, accounts across under 收入, 支出 and 负债",
        "模拟_甲县村集体经济收支统计表.xlsx",
        "{year}年",
        "village",
        groups=True,
        total="全  县",
        other=(LAST_YEAR, QUARTER),
    ),
    Office(
        "sim2",
        "one row a village and year; county, township and village merged down; income in 元, "
        "everything else in 万元",
        "模拟_乙县2018-2024年村集体经济台账.xlsx",
        "台账",
        "village_year",
        units=("元", "万元"),
        unit_in="head",
        keys=("county", "township", "village", "year"),
        once=("county", "township", "village"),
        personal=PERSONAL,
    ),
    Office(
        "sim3",
        "one row a village, years across under each account, three header levels, subtotals by "
        "township",
        "模拟_丙县村集体经济发展情况.xlsx",
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
        "sim4",
        "accounts down, villages and their years across, one sheet a township",
        "模拟_丁县村集体经济账目.xlsx",
        "{township}",
        "village_year",
        keys=("village", "year"),
        once=("village",),
        is_turned=True,
    ),
    Office(
        "sim5",
        "the official form: accounts down with row numbers (行次) and a unit in each row, villages "
        "across under their township, one sheet a year",
        "模拟_戊县农市（经）年综6表.xlsx",
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
        "sim6",
        "one row a village and year, as comma-separated text",
        "模拟_己县村集体收入2018-2024.csv",
        "",
        "village_year",
        unit_in="head",
        keys=("county", "township", "village", "year"),
        encoding="gb18030",
        total="合计",
        other=(QUARTER,),
    ),
    Office(
        "sim7",
        "one row a village, years across under each account printed once, in traditional "
        "characters, as comma-separated text",
        "模拟_庚县村级集体经济收支.csv",
        "",
        "village",
        units=("万元", "万元"),
        once=("township",),
        encoding="utf-8-sig",
        other=(FORECAST,),
        is_traditional=True,
    ),
    Office(
        "sim8",
        "one workbook a township, one row a village and year, a year merged down with its sum",
        "模拟_辛县{township}村集体经济台账.xlsx",
        "Sheet1",
        "year_village",
        unit_in="head",
        keys=("year", "number", "village"),
        once=("year",),
        total="小  计",
        personal=(PERSONAL[0], PERSONAL[2]),
    ),
)
