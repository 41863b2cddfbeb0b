"""Reading a workbook of 1,000,000 cells, against what openpyxl itself needs to hand them over.

Prints ratios. The time of ours holds everything: the guard, the child process, the way of the cells
to the parent. openpyxl hands over values in its fastest mode and looks at no merges or formulas.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import openpyxl

from analysis.clean.workbook import parent
from analysis.clean.workbook.reader import read_sheets, read_tables

ROWS, YEARS = 50_000, 17
TARGET = 1.3
ROUNDS = 3

_OPENPYXL = """
import sys, time, openpyxl
start = time.perf_counter()
book = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)
cells = 0
for sheet in book.worksheets:
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True):
        cells += len(row)
print(time.perf_counter() - start, cells)
"""


def write(path: Path) -> None:
    """Write a workbook as a county would: three columns of text and numbers of 17 years."""
    rng = random.Random(1)  # noqa: S311  (figures, no secret)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["县", "乡镇", "村名", *[f"{2007 + n}年经营收入（元）" for n in range(YEARS)]])
    for row in range(ROWS - 1):
        numbers = [round(rng.random() * 1e6, 2) for _ in range(YEARS)]
        sheet.append(["虚构县", f"{row // 100}号镇", f"甲{row}村", *numbers])
    book.save(path)


def openpyxl_seconds(path: Path, *, defused: bool) -> float:
    """Return what openpyxl needs, without its import, in a process of its own."""
    environment = {**os.environ, "OPENPYXL_DEFUSEDXML": str(defused)}
    done = subprocess.run(
        [sys.executable, "-c", _OPENPYXL, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return float(done.stdout.split()[0])


def our_seconds(path: Path) -> float:
    """Return what a fresh parsing process needs, its start included."""
    parent.stop()
    start = time.perf_counter()
    read_sheets(path)
    return time.perf_counter() - start


def main() -> int:
    """Print the ratios; return 1 when the target is missed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.xlsx"
        write(path)
        ours, safe, plain = [], [], []
        for _ in range(ROUNDS):
            ours.append(our_seconds(path))
            safe.append(openpyxl_seconds(path, defused=True))
            plain.append(openpyxl_seconds(path, defused=False))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        ratio = min(ours) / min(safe)
        print(f"1,000,000 cells / openpyxl with defusedxml: {ratio:.2f} (target {TARGET})")
        print(f"1,000,000 cells / openpyxl without defusedxml: {min(ours) / min(plain):.2f}")
        # writing the workbook with openpyxl counts here as well, and is most of it
        print(f"peak memory of the parent, the writing included: {peak:.0f} MB")
        start = time.perf_counter()
        tables = read_tables(path).tables
        whole = time.perf_counter() - start
        print(f"up to tables / openpyxl with defusedxml: {whole / min(safe):.2f}")
        small = Path(folder) / "small.xlsx"
        book = openpyxl.Workbook()
        book.active.append(["村名"])
        book.save(small)
        first = our_seconds(small)
        start = time.perf_counter()
        read_sheets(small)
        print(
            f"a small workbook, in milliseconds: first {first * 1e3:.0f}, "
            f"next {(time.perf_counter() - start) * 1e3:.0f}"
        )
        parent.stop()
        return int(ratio > TARGET or len(tables) != 1)


if __name__ == "__main__":
    sys.exit(main())
