"""Issues: what looks wrong in a dataset, recorded and never repaired in silence."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

import pandas as pd

from analysis.clean.account_names import CODES as ACCOUNT_CODES
from analysis.clean.places import FOUND, PROBLEMS
from analysis.clean.words import SAYS
from analysis.fields import TABLES

TASKS: Final = MappingProxyType(SAYS["tasks"])
"""What a researcher must do about an issue, the most pressing first."""

_COLUMN_TASKS = {
    **dict.fromkeys(("unknown", "code_only", "needs_year", "no_head", "wrong_year"), "answer"),
    **dict.fromkeys(("forecast", "donation", "land_compensation", "money_in"), "compare"),
}
_CODES: dict[str, tuple[str, str]] = {
    **SAYS["issues"],
    **{
        f"column_{code}": (_COLUMN_TASKS.get(code, "know"), f"Not income of its year: {text}")
        for code, text in ACCOUNT_CODES.items()
        if code not in {"account", "total"}
    },
    **{
        f"place_{code}": ("know" if code in FOUND else "place", text.capitalize())
        for code, text in PROBLEMS.items()
    },
}

CODES: Final = MappingProxyType({code: text for code, (_, text) in _CODES.items()})
"""The closed list of reason codes."""

SEVERITIES: Final = ("error", "warning", "note")

_CENT = 0.005
_JUMP = 10.0
_JUMP_FLOOR_YUAN = 10_000.0  # below 1 万元 a tenfold move is a small sum


@dataclass(frozen=True)
class Issue:
    """One doubt: where, what was seen, why, how bad, and what was done about it."""

    file: str  # name of the file; ``panel`` for what shows only in the finished panel
    cell: str  # sheet and address, as ``Sheet!B7``; several are parted by a comma and a space
    text: str  # what stands there; never personal data
    code: str  # one of `CODES`
    severity: str  # an amount is left out; an amount is kept and may be wrong; something to know
    action: str  # what was done

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown issue code {self.code!r}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"unknown severity {self.severity!r}")


def task(code: str) -> str:
    """Return what a researcher must do about a code: a key of `TASKS`."""
    return _CODES[code][0]


def as_frame(issues: Iterable[Issue]) -> pd.DataFrame:
    """Return issues as a table, in the order of files, codes and cells."""
    frame = pd.DataFrame([asdict(issue) for issue in issues], columns=list(TABLES["issues"][1]))
    ordered = frame.sort_values(["file", "code", "cell"], kind="stable", ignore_index=True)
    return ordered.astype("str")


def find_issues(
    income: pd.DataFrame, panel: pd.DataFrame, villages: pd.DataFrame, file: str
) -> list[Issue]:
    """Return the issues of a dataset's bookings."""
    return [
        *_negative(income, file),
        *_unknown_villages(income, villages, file),
        *_missing_years(panel, villages, file),
        *_of_panel(panel, file),
    ]


def _negative(income: pd.DataFrame, file: str) -> Iterator[Issue]:
    is_income = income["account_name"].str.endswith("收入") | (income["account_name"] == "投资收益")
    for row in income[is_income & (income["amount_yuan"] < 0)].itertuples():
        where = f"{row.village_id}, {row.year}, {row.account_name}"
        # an investment can lose money; the other accounts cannot
        severity = "note" if row.account_name == "投资收益" else "warning"
        amount = f"{row.amount_yuan:.2f}"
        yield Issue(file, where, amount, "negative_income", severity, "kept as booked")


def _unknown_villages(income: pd.DataFrame, villages: pd.DataFrame, file: str) -> Iterator[Issue]:
    stray = income.loc[~income["village_id"].isin(villages["village_id"]), "village_id"]
    for village, count in stray.value_counts().items():
        seen, action = f"{count} bookings", "left out of the panel"
        yield Issue(file, str(village), seen, "village_unknown", "error", action)


def _missing_years(panel: pd.DataFrame, villages: pd.DataFrame, file: str) -> Iterator[Issue]:
    grid = pd.MultiIndex.from_product([villages["village_id"], sorted(panel["year"].unique())])
    for village, year in grid.difference(pd.MultiIndex.from_frame(panel[["village_id", "year"]])):
        where = f"{village}, {year}"
        yield Issue(file, where, "", "year_missing", "warning", "no row in the panel")


def _of_panel(panel: pd.DataFrame, file: str) -> Iterator[Issue]:
    """Yield what is missing, moved, or does not fit together in the finished panel."""
    operating, total = panel["operating_income_yuan"], panel["total_income_yuan"]
    found = (
        (operating.isna() | total.isna(), "account_missing", "warning", "",
         "the measures that need the account are missing for that year"),
        (_jumped(panel), "yearly_jump", "note", "{0:.2f}",
         "kept as booked; compare with the village's other years"),
        (total < operating - _CENT, "total_below_operating", "warning", "{1:.2f} < {0:.2f}",
         "kept as booked; subsidy or other income is negative"),
    )  # fmt: skip
    for is_one, code, severity, shown, action in found:
        for row in panel[is_one].itertuples():
            text = shown.format(row.operating_income_yuan, row.total_income_yuan)
            yield Issue(file, f"{row.village_id}, {row.year}", text, code, severity, action)


def _jumped(panel: pd.DataFrame) -> pd.Series:
    """Tell where operating income moved more than tenfold within a year."""
    ordered = panel.sort_values(["village_id", "year"])
    by_village = ordered.groupby("village_id")
    before = by_village["operating_income_yuan"].shift().clip(lower=_JUMP_FLOOR_YUAN)
    now = ordered["operating_income_yuan"].clip(lower=_JUMP_FLOOR_YUAN)
    ratio = (now / before).where(by_village["year"].diff() == 1)
    return ((ratio > _JUMP) | (ratio < 1 / _JUMP)).reindex(panel.index)
