"""Making tables of sheets that are in memory: head, blocks, orientation, units, questions.

Prints what 50,000 cells take in sheets of different shapes, against those of a plain list.
What is looked at once a row or once a sheet shows here, and not where files are parsed.
"""

import time
from collections.abc import Callable

from analysis.clean.workbook.cells import Row, Sheet
from analysis.clean.workbook.reader import tables_of

CELLS = 50_000
ACCOUNTS = ("经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入", "经营支出")
Lines = list[list[str]]


def plain_list() -> list[Lines]:
    """Return one list, a village a line."""
    head = [["虚构县村集体收支（元）"], ["乡镇", "村名", "年度", *ACCOUNTS]]
    body = [[f"虚{at // 50}镇", f"虚{at}村", "2022", *["125000"] * 6] for at in range(CELLS // 9)]
    return [head + body]


def statements() -> list[Lines]:
    """Return one sheet a village, accounts down."""
    lines = [[f"{at}、{name}", str(at), "125000"] for at, name in enumerate(ACCOUNTS, start=1)]
    head = [["收益分配表"], ["编制单位：虚镇虚甲村  2022年  单位：元"], ["项目", "行次", "本年数"]]
    return [head + lines] * (CELLS // (3 * len(lines)))


def turned() -> list[Lines]:
    """Return one wide sheet, villages across under their townships."""
    villages = CELLS // len(ACCOUNTS)
    towns = [f"虚{at // 50}镇" for at in range(villages)]
    head = [["项目", *towns], ["", *(f"虚{at}村" for at in range(villages))]]
    return [[["2022年收支（元）"], *head, *([name, *["125000"] * villages] for name in ACCOUNTS)]]


def seconds(shape: Callable[[], list[Lines]]) -> float:
    """Return what it takes to make tables of the sheets of a shape."""
    sheets = [
        Sheet(
            str(number),
            {
                at: Row("".join("n" if t.isdigit() else "s" if t else " " for t in line), line)
                for at, line in enumerate(lines, start=1)
            },
        )
        for number, lines in enumerate(shape(), start=1)
    ]
    start = time.perf_counter()
    reading = tables_of(sheets, "a.xlsx", {})
    took = time.perf_counter() - start
    booked = sum(len(table.long()) for table in reading.tables)
    print(f"{shape.__name__:<12}{len(sheets):>6} sheets {booked:>8,} amounts {took:7.2f} s", end="")
    return took


def main() -> None:
    """Print the time of each shape."""
    usual = seconds(plain_list)
    print()
    for shape in (statements, turned):
        took = seconds(shape)
        print(f"   {took / usual:5.1f} times the list")


if __name__ == "__main__":
    main()
