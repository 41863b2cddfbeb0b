"""Issues: what looks wrong in a panel, recorded and never repaired in silence."""

from dataclasses import asdict, dataclass

import pandas as pd

from analysis.fields import TABLES

CODES = {
    "account_missing": "An account of the year's system is missing, so a measure is missing",
    "negative_income": "An income account is negative",
    "year_missing": "A village has no bookings in a year in which others have",
    "village_unknown": "Bookings of a village that the village list does not know",
    "yearly_jump": "Operating income moved more than tenfold within a year",
}

_JUMP = 10.0
_JUMP_FLOOR_YUAN = 10_000.0  # below 1 万元 a tenfold move is a small sum


@dataclass(frozen=True)
class Issue:
    """One doubt: where, what was seen, why, how bad, and what was done about it."""

    file: str
    cell: str
    text: str
    code: str
    severity: str
    action: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown issue code {self.code!r}")


def as_frame(issues: list[Issue]) -> pd.DataFrame:
    """Return issues as a table, in the order of files, codes and cells."""
    frame = pd.DataFrame([asdict(issue) for issue in issues], columns=list(TABLES["issues"][1]))
    ordered = frame.sort_values(["file", "code", "cell"], kind="stable", ignore_index=True)
    return ordered.astype("str")


def find_issues(
    income: pd.DataFrame, panel: pd.DataFrame, villages: pd.DataFrame, file: str
) -> list[Issue]:
    """Return the issues of a dataset's bookings.

    Parameters
    ----------
    income, panel, villages : DataFrame
        The processed tables.
    file : str
        Name of the file the bookings come from.
    """
    return [
        *_negative(income, file),
        *_unknown_villages(income, villages, file),
        *_missing_measures(panel, file),
        *_missing_years(panel, villages, file),
        *_jumps(panel, file),
    ]


def _negative(income: pd.DataFrame, file: str) -> list[Issue]:
    is_income = income["account_name"].str.endswith("收入") | (income["account_name"] == "投资收益")
    return [
        Issue(
            file,
            f"{row.village_id}, {row.year}, {row.account_name}",
            f"{row.amount_yuan:.2f}",
            "negative_income",
            # an investment can lose money; the other accounts cannot
            "note" if row.account_name == "投资收益" else "warning",
            "kept as booked",
        )
        for row in income[is_income & (income["amount_yuan"] < 0)].itertuples()
    ]


def _unknown_villages(income: pd.DataFrame, villages: pd.DataFrame, file: str) -> list[Issue]:
    stray = income.loc[~income["village_id"].isin(villages["village_id"]), "village_id"]
    return [
        Issue(
            file,
            str(village),
            f"{count} bookings",
            "village_unknown",
            "error",
            "left out of the panel",
        )
        for village, count in stray.value_counts().items()
    ]


def _missing_measures(panel: pd.DataFrame, file: str) -> list[Issue]:
    lost = panel[panel["operating_income_yuan"].isna() | panel["total_income_yuan"].isna()]
    return [
        Issue(
            file,
            f"{row.village_id}, {row.year}",
            "",
            "account_missing",
            "warning",
            "the measures that need the account are missing for that year",
        )
        for row in lost.itertuples()
    ]


def _missing_years(panel: pd.DataFrame, villages: pd.DataFrame, file: str) -> list[Issue]:
    grid = pd.MultiIndex.from_product([villages["village_id"], sorted(panel["year"].unique())])
    absent = grid.difference(pd.MultiIndex.from_frame(panel[["village_id", "year"]]))
    return [
        Issue(file, f"{village}, {year}", "", "year_missing", "warning", "no row in the panel")
        for village, year in absent
    ]


def _jumps(panel: pd.DataFrame, file: str) -> list[Issue]:
    ordered = panel.sort_values(["village_id", "year"])
    by_village = ordered.groupby("village_id")
    consecutive = by_village["year"].diff() == 1
    before = by_village["operating_income_yuan"].shift().clip(lower=_JUMP_FLOOR_YUAN)
    now = ordered["operating_income_yuan"].clip(lower=_JUMP_FLOOR_YUAN)
    ratio = (now / before).where(consecutive)
    jumped = ordered[(ratio > _JUMP) | (ratio < 1 / _JUMP)]
    return [
        Issue(
            file,
            f"{row.village_id}, {row.year}",
            f"{row.operating_income_yuan:.2f}",
            "yearly_jump",
            "note",
            "kept as booked; compare with the village's other years",
        )
        for row in jumped.itertuples()
    ]
