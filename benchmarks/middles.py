"""What releases of many reports tell: how often the middle of what is known is near an amount.

The simulated villages are taken in as a ledger of invented ones, in a folder of its own; reports
are made and released one after the other. Beside each measure stands how often the median of the
year would be as near, and beside each report what releasing it takes of the processor:
``python benchmarks/middles.py [REPORT …]``. It reads the dataset ``simulated``, which
``lianjian simulate`` and ``lianjian build`` make.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import analysis as lj
from analysis import paths
from analysis.disclosure import read_memory

REPORTS = ("05-alliance-effect", "03-income-change", "04-paired-villages",
           "06-bands-and-inequality", "09-county-brief")  # fmt: skip
NEAR = 0.1
SMALL_YUAN = 1000
COUNTY = "sim6"


def books(folder: Path) -> list[str]:
    """Write the simulated villages and accounts under other codes and names."""
    data = lj.load("simulated")
    villages, income = data.villages.copy(), data.income.copy()
    for frame in (villages, income):
        frame["village_id"] = frame["village_id"].str.replace("SIM-", "QX", regex=False)
    for column in ("alliance_id", "pair_id"):
        villages[column] = villages[column].astype("string").str.replace("SIM-", "Z", regex=False)
    villages["village_name"] = [f"戥{chr(0x4E00 + n)}坳村" for n in range(len(villages))]
    files = {"villages.csv": villages, "accounts.csv": income}
    for name, frame in files.items():
        frame.to_csv(folder / name, index=False)
    return [str(folder / name) for name in files]


def lianjian(*words: str) -> str:
    """Run a command; what it says is shown where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"lianjian {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def main(reports: tuple[str, ...]) -> None:
    """Release reports one after the other, and say what is known after each."""
    with tempfile.TemporaryDirectory() as name:
        root, given = Path(name), books(Path(name))
        for part in ("notebooks", "data/raw", "pyproject.toml"):
            whole = paths.root() / part
            copy = shutil.copytree if whole.is_dir() else shutil.copy
            copy(whole, root / part)
        os.environ["LIANJIAN_ROOT"] = name
        lianjian("new", "books", *given, "--title", "Books of invented villages")
        lianjian("build", "books")
        lianjian("build", "published")
        for report in reports:
            more = ("-p", f"county={COUNTY}") if "county" in report else ()
            lianjian("run", report, "-p", "dataset=books", *more)
            [made] = (p.parent.name for p in root.glob(f"reports/{report}*/run.json"))
            before = sum(os.times()[2:4])
            said = lianjian("release", made, "--by", "benchmark").splitlines()[0]
            seconds = sum(os.times()[2:4]) - before
            print(made, *said.split("written: ")[1:], f"in {seconds:.1f} CPU s with its start")
            say()


def say() -> None:
    """Print for each measure how often middles and medians are near."""
    known = read_memory("books")
    if known is None:
        sys.exit("nothing left")
    known = known[np.isfinite(known["low"]) & (known["amount"].abs() > SMALL_YUAN)]
    for measure, rows in known.groupby("measure"):
        amount = rows["amount"]
        middle = (rows["low"] + rows["high"]) / 2
        median = rows.groupby("year")["amount"].transform("median")
        found = [
            f"{name} {100 * (at - amount).abs().le(NEAR * amount.abs()).mean():5.1f} %"
            for name, at in (("middle", middle), ("median", median))
        ]
        print(f"  {measure:24}{len(rows):7,} amounts ", *found)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or REPORTS)
