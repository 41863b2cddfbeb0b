"""Write ``data/example``: two small books with invented villages and the usual faults.

Run ``python tests/clean/books/make_example.py`` after a change; a test compares the cells.
"""

import csv
import io
from pathlib import Path

import openpyxl

FOLDER = Path(__file__).parents[3] / "data" / "example"
WORKBOOK = "模拟_虚甲镇2022-2023年村集体收支.xlsx"
TEXT_FILE = "模拟_虚乙乡2023年收入.csv"
NOTE = "注：模拟数据，县名、乡镇名、村名均为虚构。"

ACCOUNTS = ("经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入", "经营支出",
            "管理费用", "其他支出")  # fmt: skip
LINES = [
    [1, "虚春村", 2022, 41200, 12000, 3000, 20000, 500, 6100, 9000, 200, None, "10000000001"],
    [2, "虚夏村村民委员会", 2022, 38800, 9500, 0, 15000, 0, 5000, 7800, 100, 86000, "10000000002"],
    [3, "#虚秋村", 2022, "约3.2万", 8000, 1200, 10000, 300, 4100, 6900, 0, None, "10000000003"],
    [4, "虚冬村", 2022, 52600, 0, 4000, 12000, 900, 7700, 8800, 350, None, "10000000004"],
    [1, "虚春村", 2023, 45100, 12500, 3200, 18000, 600, 6300, 9200, 250, None, "10000000001"],
    [2, "虚夏村村民委员会", 2023, 40100, 9500, 0, "√", 0, 5200, 8100, 100, None, "10000000002"],
    [3, "#虚秋村", 2023, 33500, 8200, None, 9000, 300, 4300, 7000, 50, None, "10000000003"],
    [4, "虚冬村", 2023, 5.51, 0, 4100, 11000, 900, 7900, 9100, 400, None, "10000000004"],
]
TOTALS = [
    [None, "合  计", 2022, 164600, 29500, 8200, 57000, 1700, 22900, 32500, 650, 86000],
    [None, "合  计", 2023, 173800, 30200, 7300, 52000, 1800, 23700, 33400, 900, None],
]
OTHER = [
    ["甲县虚乙乡2023年村集体经济收入情况表"],
    [NOTE],
    ["村名", "经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入", "光伏电站分成收入"],
    ["虚东村", "3.65", "0.8", "0.3", "1.5", "0.05", "0.6"],
    ["虚西村", "4.12", "1.1", "—", "1.2", "0", "0.4"],
    ["虚南岭村", "2.98", "0.5", "0.2", "2", "0.1", "0"],
    ["合计", "10.75", "2.4", "0.5", "4.7", "0.15", "1"],
]
VILLAGES = {
    "虚甲镇": ("虚春村", "虚夏村", "虚秋村", "虚冬村"),
    "虚乙乡": ("虚东村", "虚西村", "虚南村"),
}


def rows() -> list[list[object]]:
    """Return the sheet of the workbook."""
    head = ["序号", "村名", "年度", *ACCOUNTS, "土地补偿费", "负责人电话"]
    return [
        ["甲县虚甲镇2022—2023年村集体经济收支情况表"],
        [NOTE],
        ["填报单位：甲县虚甲镇", *[None] * 9, "单位：元"],
        head,
        *LINES,
        *TOTALS,
    ]


def main() -> None:
    """Write the books and the register."""
    (FOLDER / "books").mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "收支"
    for row in rows():
        sheet.append(row)
    sheet.merge_cells("A1:M1")
    book.save(FOLDER / "books" / WORKBOOK)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(OTHER)
    (FOLDER / "books" / TEXT_FILE).write_bytes(buffer.getvalue().encode("gb18030"))
    lines = ["village_code,village_name,township_code,township_name,county_code,county_name"]
    for t, (township, names) in enumerate(VILLAGES.items(), 1):
        for n, name in enumerate(names, 1):
            lines.append(f"SIM-EX-{t}{n:02},{name},SIM-EX-{t},{township},sim1,甲县")
    text = "\n".join(lines) + "\n"
    (FOLDER / "register.csv").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
