"""What the offices know: the simulated ledger by village, year and account, in cents."""

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

import pandas as pd

from analysis.simulate.books import NEW_SYSTEM, OLD_SYSTEM
from analysis.simulate.simulation import Simulation
from analysis.simulate.years import BREAK_YEAR, YEARS

ACCOUNTS: Final = tuple(
    dict.fromkeys((*OLD_SYSTEM[:5], *NEW_SYSTEM[5:9], "其他支出", "专项应付款"))
)
"""Accounts of both systems in the order of a form: income, spending, payables."""

_INCOME = ("经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入")
_SURPLUS = (*_INCOME[:3], "-经营支出", "-管理费用")
SUMS: Final = {"经营收益": _SURPLUS, "本年收益": (*_SURPLUS, *_INCOME[3:], "-其他支出")}
"""Sums that forms print beside the accounts (国统制[2008]27号, 农市(经)年综6表, rows 7 and 11)."""

_PARTS = {
    total: [(-1 if name[0] == "-" else 1, name.strip("-")) for name in names]
    for total, names in SUMS.items()
}

FORECAST, LAST_YEAR, QUARTER = "预计年效益", "上年收入", "第二季度累计收入"
PERSONAL: Final = ("负责人姓名", "身份证号", "联系电话", "银行账号")

_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class Ledger:
    """The bookings of all villages, by position in ``villages``."""

    villages: pd.DataFrame
    cents: dict[tuple[int, int, str], int]
    ids: list[str]
    names: list[str]
    counties: list[str]
    townships: list[str]

    @classmethod
    def of(cls, simulation: Simulation) -> "Ledger":
        """Take the ledger out of a simulation."""
        villages = simulation.villages.reset_index(drop=True)
        position = {name: at for at, name in enumerate(villages["village_id"])}
        book = simulation.accounts
        keys = zip(
            book["village_id"].map(position), book["year"], book["account_name"], strict=True
        )
        amounts = (book["amount_yuan"] * 100).round().astype("int64")
        columns = ("village_id", "village_name", "county_name", "township_name")
        texts = (villages[name].tolist() for name in columns)
        return cls(villages, dict(zip(keys, amounts.tolist(), strict=True)), *texts)

    def of_county(self, code: str) -> list[int]:
        """Return the positions of a county's villages."""
        return self.villages.index[self.villages["county_code"] == code].tolist()

    def booked(self, village: int, year: int, account: str) -> int | None:
        """Return an account, or a sum over accounts; None when the year's system lacks it."""
        if account in SUMS:
            cents = self.cents
            return sum(sign * cents.get((village, year, part), 0) for sign, part in _PARTS[account])
        return self.cents.get((village, year, account))

    def other(self, village: int, year: int | None, name: str) -> int | None:
        """Return what a column that is no account of the year says."""
        at = year or YEARS[-1]
        if name == LAST_YEAR:
            return self._income(village, at - 1) if at > YEARS[0] else None
        income = self._income(village, at)
        return income // 2 if name == QUARTER else income * 11 // 10

    def _income(self, village: int, year: int) -> int:
        return sum(self.booked(village, year, name) or 0 for name in _INCOME)


def system(year: int) -> tuple[str, ...]:
    """Return the accounts in force in a year, in the order of a form."""
    in_force = OLD_SYSTEM if year < BREAK_YEAR else NEW_SYSTEM
    return tuple(name for name in ACCOUNTS if name in in_force)


def personal(village: int, column: str) -> str:
    """Return a value that has the shape of personal data and can belong to nobody."""
    # the area 000000 and the prefix 100 are not given to persons, no bank card begins with 000000,
    # and 虚 is no family name; check digits are right
    if column == "负责人姓名":
        return f"虚{_STEMS[village % 10]}{_BRANCHES[village % 12]}"
    if column == "身份证号":
        day = f"{1960 + village % 40}{1 + village % 12:02}{1 + village % 28:02}"
        body = f"000000{day}{village % 1000:03}"
        rest = sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11
        return body + "10X98765432"[rest]
    if column == "联系电话":
        return f"100{village:08}"
    body = f"{village:018}"
    doubled = (int(d) * w for d, w in zip(reversed(body), islice(cycle((2, 1)), 18), strict=True))
    return body + str(-sum(d // 10 + d % 10 for d in doubled) % 10)
