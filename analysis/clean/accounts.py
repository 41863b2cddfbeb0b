"""Accounts by name and year, and the measures of income made from them."""

from typing import Final

import pandas as pd

from analysis.errors import LianjianError
from analysis.fields import BALANCES, FIELDS, MEASURES

BREAK_YEAR = 2024
"""First year of the 2023 system of accounts."""

OPERATING = ("经营收入", "发包及上交收入", "投资收益")
SPENDING = frozenset({"经营支出", "管理费用", "其他支出", "税金及附加", "公益支出"})
"""Accounts whose amounts of a year stand on the debit side."""

OLD_ONLY, NEW_ONLY = ("发包及上交收入",), ("税金及附加", "公益支出", "专项应付款")
"""Accounts that only one of the two systems knows."""

MADE_OF: Final = {
    "经营性收入": OPERATING,
    "总收入": ("经营性收入", "补助收入", "其他收入"),
    "经营收益": ("经营性收入", "-经营支出", "-管理费用"),
    "本年收益": ("经营收益", "补助收入", "其他收入", "-其他支出"),
}
"""What each measure that is printed is made of; what is taken off has a -."""

LABELS: Final = {
    column: FIELDS[column].label_zh
    for column in (*MEASURES, *BALANCES.values())
    if column != "joint_income_yuan"
}
"""The account or measure that each column of the panel holds, as books call it."""


def check_accounts(income: pd.DataFrame) -> None:
    """Check that no account stands in a year whose system does not know it."""
    late = income["account_name"].isin(OLD_ONLY) & (income["year"] >= BREAK_YEAR)
    early = income["account_name"].isin(NEW_ONLY) & (income["year"] < BREAK_YEAR)
    wrong = income[late | early]
    if len(wrong):
        first = wrong.iloc[0]
        system = "2004" if first["account_name"] in OLD_ONLY else "2023"
        raise LianjianError(
            f"Village {first['village_id']}, {first['year']}: account {first['account_name']} "
            f"belongs to the {system} system of accounts, which was not in force that year "
            f"(the systems change on {BREAK_YEAR}-01-01); {len(wrong)} such bookings in all. "
            + (
                "From 2024 its content belongs to 经营收入 or 投资收益."
                if system == "2004"
                else "Before 2024 spending of this kind stands in 其他支出."
            )
        )


def signs(measure: str, year: int) -> dict[str, int]:
    """Return the accounts that make a measure in a year, with their signs; none where none do."""
    found: dict[str, int] = {}
    for part in MADE_OF.get(measure, ()):
        name = part.lstrip("-")
        if name in MADE_OF:
            found |= signs(name, year)
        elif name not in OLD_ONLY or year < BREAK_YEAR:
            found[name] = -1 if part[0] == "-" else 1
    return found


def measures(income: pd.DataFrame, incomplete: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the measures of income of each village and year.

    Parameters
    ----------
    income : DataFrame
        ``village_id, year, account_name, amount_yuan``, one row a booking account. A measure that
        was printed (`analysis.fields.PRINTED_MEASURES`) is taken where its accounts do not make it.
    incomplete : DataFrame, optional
        ``village_id, year`` of which an amount of operating income is known to be left out: their
        measures are missing, and not smaller.

    Returns
    -------
    DataFrame
        ``village_id, year`` and the measures in yuan, sorted. A measure is missing where an
        account it is made of is missing: operating income needs 经营收入 and 投资收益, and up to
        2023 发包及上交收入. Land compensation and donations are equity and no account of income
        (财会[2004]12号, para. 24), so they cannot enter.

    Notes
    -----
    Operating income = 经营收入 + 发包及上交收入 + 投资收益 (浙委办〔2012〕79号). The sum does not
    change when the 2023 system splits the second into the other two; its parts do.
    Operating surplus = operating income − 经营支出 − 管理费用, and surplus of the year = operating
    surplus + 补助收入 + 其他收入 − 其他支出 (国统制[2008]27号, form 农市(经)年综6表, rows 7, 11).
    税金及附加 and 公益支出 have no row in that form and stay out of both surpluses, so that these
    mean the same before and after the break.

    Examples
    --------
    >>> import pandas as pd
    >>> book = {"经营收入": 68, "发包及上交收入": 35, "投资收益": 5, "补助收入": 30, "其他收入": 42,
    ...         "经营支出": 45, "管理费用": 35, "其他支出": 45}
    >>> income = pd.DataFrame({"village_id": "V", "year": 2012, "account_name": list(book),
    ...                        "amount_yuan": [float(v) * 1e4 for v in book.values()]})
    >>> row = measures(income).iloc[0]
    >>> row["operating_income_yuan"], row["operating_surplus_yuan"], row["surplus_of_year_yuan"]
    (np.float64(1080000.0), np.float64(280000.0), np.float64(550000.0))
    """
    check_accounts(income)
    if income.empty:
        empty = income[["village_id", "year"]].copy()
        return empty.assign(**{name: pd.Series(dtype="float64") for name in LABELS})
    wide = income.pivot(
        index=["village_id", "year"], columns="account_name", values="amount_yuan"
    ).reset_index()
    year = wide["year"]

    lost = pd.Series(data=False, index=wide.index)
    if incomplete is not None:
        keys = {"village_id": "str", "year": "int64"}
        places = [
            pd.MultiIndex.from_frame(frame[list(keys)].astype(keys)) for frame in (wide, incomplete)
        ]
        lost = pd.Series(places[0].isin(places[1]), index=wide.index)

    def value(name: str) -> pd.Series:
        """Return an account, or a measure: as printed where the accounts do not make it."""
        if name not in MADE_OF:
            found = wide[name] if name in wide else pd.Series(float("nan"), index=wide.index)
            # from 2024 on the account does not exist: it adds nothing, rather than being unknown
            return found.where(year < BREAK_YEAR, 0.0) if name in OLD_ONLY else found
        made = pd.Series(0.0, index=wide.index)
        for part in MADE_OF[name]:
            made = made - value(part[1:]) if part[0] == "-" else made + value(part)
        return made.mask(lost).fillna(wide[name]) if name in wide else made.mask(lost)

    found = {column: value(name) for column, name in LABELS.items()}
    return pd.DataFrame({"village_id": wide["village_id"], "year": year, **found})
